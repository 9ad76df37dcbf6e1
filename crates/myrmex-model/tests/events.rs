//! Codec 1 of events: every variant is read back, and the bytes of the golden lines never change.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use myrmex_model::address::Address;
use myrmex_model::demand::Named;
use myrmex_model::event::{Change, Event, HandlerKind, Limit, Parent, Pending, Recorded, SkipReason};
use myrmex_model::fault::{Fault, FaultKind};
use myrmex_model::id::{Attempt, DefinitionHash, Epoch, FencingToken, RunId, ValueHash};
use myrmex_model::name::Name;
use myrmex_model::outcome::{AttemptEnd, AttemptReport, Loss, Origin, Outcome, Usage};
use myrmex_model::retry::{Items, Retry, Taken, Takings};
use myrmex_model::status::{Phase, Status};
use myrmex_model::time::Timestamp;
use myrmex_model::wire;
use myrmex_model::wire::event::{decode, decode_record, encode};

/// One line for each variant of event and of what is in it, in the order of [`everything`].
const GOLDEN: &str = include_str!("golden/events-v1.jsonl");

/// One line for each variant that came with handlers, rounds, limits and calls, in the order of [`handling`].
const GOLDEN_HANDLING: &str = include_str!("golden/events-v1-handling.jsonl");

/// One line for each variant that came with retries, in the order of [`retry`].
const GOLDEN_RETRY: &str = include_str!("golden/events-v1-retry.jsonl");

/// One line for each variant that came with `concurrency`, in the order of [`admission`].
const GOLDEN_ADMISSION: &str = include_str!("golden/events-v1-admission.jsonl");

/// The epoch in the golden lines.
const BOOT: Epoch = Epoch(7);

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

fn value(text: &str) -> ValueHash {
    ValueHash::of(text.as_bytes())
}

fn fault() -> Fault {
    Fault {
        kind: FaultKind::Own("own".into()),
        status: 418,
        title: "no \"tea\"\n".into(),
        detail: Some("d".into()),
        exit_code: Some(-1),
        task: Some("block/a".into()),
    }
}

fn run_events() -> Vec<Event> {
    let (from, to) = (DefinitionHash::of(b"1"), DefinitionHash::of(b"2"));
    let ended = |status, output, fault| Event::RunEnded { status, output, fault };
    vec![
        Event::RunStarted {
            definition: from,
            workflow: Name::new("release").unwrap(),
            inputs: value("{}"),
            started_by: "user:ann".into(),
            trigger: "manual".into(),
            closure: None,
            parent: None,
            retry: None,
        },
        Event::Rebased {
            from,
            to,
            map: vec![(address("a"), address("b/c"))],
            by: "ann".into(),
            reason: "fix".into(),
        },
        Event::Rebased { from, to, map: Vec::new(), by: "ann".into(), reason: String::new() },
        Event::CancelRequested {
            scope: Address::root(),
            by: "ann".into(),
            reason: "stop".into(),
            successor: None,
        },
        Event::CancelRequested {
            scope: address("block"),
            by: "fail_fast".into(),
            reason: String::new(),
            successor: None,
        },
        ended(Status::Succeeded, Some(value("1")), None),
        ended(Status::Failed, None, Some(Box::new(fault()))),
        ended(Status::Cancelled, None, None),
    ]
}

fn attempt_events() -> Vec<Event> {
    let task = || address("block#2/a[k%2F]");
    let attempt = Attempt(2);
    let token = FencingToken(u64::MAX);
    let usage =
        Usage { wall_us: 1, user_us: 2, system_us: 3, rss_max_kib: 4, blocks_in: 5, blocks_out: u64::MAX };
    let granted = Event::AttemptGranted { task: task(), attempt, token, worker: Name::new("local").unwrap() };
    let ends = [
        (AttemptEnd::Succeeded { output: value("1") }, Some(7)),
        (AttemptEnd::Failed { fault: Fault::new(FaultKind::Runtime, "exit code 1") }, Some(u32::MAX)),
        (AttemptEnd::TimedOut { fault: fault() }, None),
        (AttemptEnd::Stopped, None),
        (AttemptEnd::Lost { loss: Loss::Worker, reason: "the process ended".into() }, None),
    ];
    let mut events = vec![
        Event::TaskQueued { task: task(), attempt: Attempt::FIRST, input: None, named: None },
        Event::TaskQueued { task: task(), attempt, input: Some(value("{}")), named: None },
        granted,
        Event::RetryArmed { task: task(), attempt: Attempt(3), due: Timestamp(-1), by_catch: None },
    ];
    events.extend(ends.map(|(end, pid)| Event::AttemptEnded {
        task: task(),
        attempt,
        token,
        report: AttemptReport { usage, pid, ..AttemptReport::of(end) },
    }));
    events
}

fn task_events() -> Vec<Event> {
    let task = || address("a");
    let failed = |is_timeout| Event::TaskFailed { task: task(), fault: Box::new(fault()), is_timeout };
    let skipped = |reason| Event::TaskSkipped { task: task(), reason };
    let expanded = |count, keys| Event::ItemsExpanded { task: task(), count, items: value("[]"), keys };
    let due = Timestamp(1_800_000_000_000_000_000);
    let mut events = vec![
        Event::ScopeEntered { task: task(), attempt: Attempt::FIRST, inputs: None },
        expanded(0, None),
        expanded(2, Some(vec!["x".into(), "é/".into()])),
        expanded(0, Some(Vec::new())),
        Event::TimerArmed { task: task(), due },
        Event::LagArmed { from: task(), to: address("b"), due },
        Event::LagElapsed { from: task(), to: address("b") },
        Event::CaseChosen { task: task(), case: 3 },
        Event::TaskSucceeded { task: task(), output: value("1"), vars: None, fault: None },
        Event::TaskSucceeded { task: task(), output: value("1"), vars: Some(value("{}")), fault: None },
        failed(false),
        failed(true),
        skipped(SkipReason::Condition),
        skipped(SkipReason::NotChosen { task: address("c") }),
        Event::TaskCancelled { task: task() },
        Event::EndRequested { task: task() },
    ];
    events.extend(Outcome::ALL.map(|outcome| skipped(SkipReason::Upstream { task: address("b"), outcome })));
    events
}

/// An event of every variant, with every status and phase somewhere.
fn everything() -> Vec<Recorded> {
    let events = [run_events(), attempt_events(), task_events()].concat();
    let phases = [Phase::None, Phase::Queued, Phase::Granted, Phase::Retrying, Phase::Cancelling];
    let recorded = events.into_iter().enumerate().map(|(place, event)| {
        let to = match &event {
            Event::RunEnded { status, .. } => *status,
            _ => Status::ALL[(place + 1) % Status::ALL.len()],
        };
        let change =
            Change { from: Status::ALL[place % Status::ALL.len()], to, phase: phases[place % phases.len()] };
        Recorded { at: Timestamp(1_700_000_000_000_000_000 + i64::try_from(place).unwrap()), event, change }
    });
    recorded.collect()
}

/// Events that came with handlers, rounds, limits and calls, of the root where they may be.
fn handling() -> Vec<Recorded> {
    let (root, task) = (Address::root, || address("block~2/a[k%7E]"));
    let failed = |is_timeout| Pending::Failed { fault: Box::new(fault()), is_timeout };
    let succeeded = |vars| Pending::Succeeded { output: value("1"), vars };
    let entered = |task, handler, pending| Event::HandlerEntered { task, handler, pending };
    let (inputs, definition) = (value("{}"), DefinitionHash::of(b"1"));
    let armed =
        |by_catch| Event::RetryArmed { task: task(), attempt: Attempt(2), due: Timestamp(1), by_catch };
    let mut events = vec![
        Event::RunStarted {
            definition,
            workflow: Name::new("release").unwrap(),
            inputs,
            started_by: "user:ann".into(),
            trigger: "parent".into(),
            closure: Some(value("[]")),
            parent: Some(Parent { run: RunId([9; 16]), task: task(), depth: 3, is_awaited: true }),
            retry: None,
        },
        Event::ScopeEntered { task: task(), attempt: Attempt(2), inputs: None },
        Event::RoundBegan { task: root(), round: 0 },
        Event::RoundBegan { task: task(), round: 7 },
        entered(task(), HandlerKind::Catch(1), failed(true)),
        entered(root(), HandlerKind::OnFailure, failed(false)),
        entered(task(), HandlerKind::Finally, succeeded(Some(value("{}")))),
        entered(root(), HandlerKind::Finally, succeeded(None)),
        entered(task(), HandlerKind::Finally, Pending::Cancelled),
        Event::ChildCalled { task: task(), child: RunId([1; 16]), definition, inputs },
        armed(Some(0)),
        Event::TaskSucceeded { task: task(), output: value("1"), vars: None, fault: Some(Box::new(fault())) },
        Event::RunEnded { status: Status::TimedOut, output: None, fault: Some(Box::new(fault())) },
    ];
    events.extend(Limit::ALL.map(|limit| Event::LimitReached { task: task(), limit }));
    events.push(Event::LimitReached { task: root(), limit: Limit::Total });
    let phases = [Phase::None, Phase::Handling, Phase::Finishing];
    let recorded = events.into_iter().enumerate().map(|(place, event)| {
        let to = match &event {
            Event::RunEnded { status, .. } => *status,
            _ => Status::Running,
        };
        let change = Change { from: Status::Running, to, phase: phases[place % phases.len()] };
        Recorded { at: Timestamp(1_700_000_000_000_000_000 + i64::try_from(place).unwrap()), event, change }
    });
    recorded.collect()
}

/// A result with nothing in it that can be absent, or with everything.
fn taken(is_full: bool) -> Taken {
    let hash = |text| is_full.then(|| value(text));
    Taken {
        from: RunId([7; 16]),
        status: if is_full { Status::Failed } else { Status::Succeeded },
        output: hash("1"),
        vars: hash("2"),
        fault: is_full.then(|| Box::new(fault())),
        attempts: u32::from(is_full),
        started: is_full.then_some(Timestamp(1)),
        finished: is_full.then_some(Timestamp(2)),
        artifacts: hash("3"),
        case: is_full.then_some(1),
        items: is_full.then(|| Items { list: value("[]"), count: 1, keys: Some(vec!["é".into()]) }),
    }
}

/// Events that came with retries.
fn retry() -> Vec<Recorded> {
    let retry = Retry { of: RunId([7; 16]), attempt: 2, taken: value("{}") };
    let events = [
        Event::RunStarted {
            definition: DefinitionHash::of(b"1"),
            workflow: Name::new("release").unwrap(),
            inputs: value("{}"),
            started_by: "ann".into(),
            trigger: "manual".into(),
            closure: None,
            parent: None,
            retry: Some(Box::new(retry)),
        },
        Event::TaskTaken { task: address("a"), taken: Box::new(taken(false)) },
        Event::TaskTaken { task: address("b[k]"), taken: Box::new(taken(true)) },
    ];
    let change = Change { from: Status::Pending, to: Status::Succeeded, phase: Phase::None };
    events.into_iter().map(|event| Recorded { at: Timestamp(1), event, change }).collect()
}

/// Fails to compile when a variant is added, as a reminder to add it to the lists above and to the golden lines.
fn is_listed(event: &Event) -> bool {
    match event {
        Event::RunStarted { .. }
        | Event::RunQueued { .. }
        | Event::RunAdmitted
        | Event::Rebased { .. }
        | Event::ScopeEntered { .. }
        | Event::RoundBegan { .. }
        | Event::HandlerEntered { .. }
        | Event::LimitReached { .. }
        | Event::ChildCalled { .. }
        | Event::ChildUnknown { .. }
        | Event::ItemsExpanded { .. }
        | Event::HoldQueued { .. }
        | Event::HoldGranted { .. }
        | Event::TaskQueued { .. }
        | Event::AttemptGranted { .. }
        | Event::AttemptEnded { .. }
        | Event::RetryArmed { .. }
        | Event::TimerArmed { .. }
        | Event::LagArmed { .. }
        | Event::LagElapsed { .. }
        | Event::CaseChosen { .. }
        | Event::TaskSucceeded { .. }
        | Event::TaskTaken { .. }
        | Event::TaskFailed { .. }
        | Event::TaskSkipped { .. }
        | Event::TaskCancelled { .. }
        | Event::CancelRequested { .. }
        | Event::EndRequested { .. }
        | Event::RunEnded { .. } => true,
    }
}

/// How a run comes to its place, or does not.
fn admission() -> Vec<Recorded> {
    let conflict = Fault::new(FaultKind::Conflict, "run X holds the key `k`");
    let ended = |status, fault| Event::RunEnded { status, output: None, fault: Some(Box::new(fault)) };
    let pending = |to, phase| Change { from: Status::Pending, to, phase };
    let events = [
        (Event::RunQueued { key: Some("k".into()) }, pending(Status::Pending, Phase::Queued)),
        (Event::RunQueued { key: None }, pending(Status::Pending, Phase::Queued)),
        (Event::RunAdmitted, pending(Status::Running, Phase::None)),
        (ended(Status::Skipped, conflict), pending(Status::Skipped, Phase::None)),
        (
            ended(Status::Failed, Fault::new(FaultKind::Deadlock, "for ever")),
            pending(Status::Failed, Phase::None),
        ),
        (
            Event::TaskSkipped { task: address("a"), reason: SkipReason::Child { run: RunId([3; 16]) } },
            Change { from: Status::Running, to: Status::Skipped, phase: Phase::None },
        ),
        (
            Event::CancelRequested {
                scope: Address::root(),
                by: "ann".into(),
                reason: "r".into(),
                successor: Some(RunId([3; 16])),
            },
            Change { from: Status::Running, to: Status::Running, phase: Phase::Cancelling },
        ),
    ];
    events.into_iter().map(|(event, change)| Recorded { at: Timestamp(1), event, change }).collect()
}

/// What attempts and blocks ask for by names that were evaluated.
fn asked() -> Vec<Recorded> {
    let (lock, labels) = (Some("deploy-eu".to_owned()), vec!["linux".to_owned(), "gpu".to_owned()]);
    let both = Some(Box::new(Named { lock: lock.clone(), labels }));
    let lock = Some(Box::new(Named { lock, labels: Vec::new() }));
    let (task, attempt) = (address("block"), Attempt(2));
    let pending = |phase| Change { from: Status::Pending, to: Status::Pending, phase };
    let events = [
        (Event::TaskQueued { task: task.clone(), attempt, input: None, named: both }, Phase::Queued),
        (Event::HoldQueued { task: task.clone(), named: None }, Phase::Queued),
        (Event::HoldQueued { task: task.clone(), named: lock }, Phase::Queued),
        (Event::HoldGranted { task, token: FencingToken(7) }, Phase::Granted),
    ];
    let recorded = |(event, phase)| Recorded { at: Timestamp(1), event, change: pending(phase) };
    events.into_iter().map(recorded).collect()
}

#[test]
fn the_golden_lines_of_what_is_asked_for_are_written_for_ever() {
    let lines: Vec<_> = asked()
        .iter()
        .map(|recorded| String::from_utf8(encode(recorded, BOOT)).expect("it is text"))
        .collect();
    let boot = BOOT.0;
    assert_eq!(
        lines,
        [
            format!(
                r#"{{"e":"task.queued","at":1,"f":"pending","o":"pending","p":"queued","k":"block","n":2,"b":{boot},"x":{{"lock":"deploy-eu","labels":["linux","gpu"]}}}}"#
            ),
            format!(
                r#"{{"e":"hold.queued","at":1,"f":"pending","o":"pending","p":"queued","k":"block","b":{boot}}}"#
            ),
            format!(
                r#"{{"e":"hold.queued","at":1,"f":"pending","o":"pending","p":"queued","k":"block","b":{boot},"x":{{"lock":"deploy-eu"}}}}"#
            ),
            format!(
                r#"{{"e":"hold.granted","at":1,"f":"pending","o":"pending","p":"granted","k":"block","w":7,"b":{boot}}}"#
            ),
        ]
    );
}

#[test]
fn every_variant_is_read_back() {
    for recorded in
        everything().into_iter().chain(handling()).chain(retry()).chain(admission()).chain(asked())
    {
        assert!(is_listed(&recorded.event));
        let bytes = encode(&recorded, BOOT);
        assert_eq!(decode(&bytes), Ok(recorded), "{}", String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn the_golden_lines_are_read_and_written_for_ever() {
    let expected = [everything(), handling(), retry(), admission()].concat();
    let texts = [GOLDEN, GOLDEN_HANDLING, GOLDEN_RETRY, GOLDEN_ADMISSION];
    let lines: Vec<_> = texts.into_iter().flat_map(str::lines).collect();
    assert_eq!(lines.len(), expected.len());
    for (line, expected) in lines.into_iter().zip(expected) {
        let read = decode(line.as_bytes()).unwrap();
        assert_eq!(read, expected);
        assert_eq!(decode_record(line.as_bytes()).unwrap().boot, BOOT.0);
        assert_eq!(String::from_utf8(encode(&read, BOOT)).unwrap(), line);
    }
}

#[test]
fn what_a_retry_takes_over_is_read_and_written_for_ever() {
    let results = [(address("a"), taken(false)), (address("a/b[k]"), taken(true))].into_iter().collect();
    let takings = Takings { results, lists: [(address("e"), value("[]"))].into_iter().collect() };
    let stored = wire::retry::encode(&takings);
    assert_eq!(stored.to_string(), include_str!("golden/takings-v1.json").trim_end());
    assert_eq!(wire::retry::decode(&stored), Ok(takings));
    assert_eq!(wire::retry::result_of(&stored, &address("a")), Ok(Some(taken(false))));
    assert_eq!(wire::retry::result_of(&stored, &address("c")), Ok(None));
    assert_eq!(wire::retry::list_of(&stored, &address("e")), Some(value("[]")));
}

#[test]
fn the_loss_of_a_watcher_alone_is_read_back() {
    for recorded in everything() {
        let Event::AttemptEnded { task, attempt, token, report } = recorded.event else { continue };
        let end = AttemptEnd::Lost { loss: Loss::Watcher, reason: "it was killed".into() };
        let event = Event::AttemptEnded { task, attempt, token, report: AttemptReport { end, ..report } };
        let recorded = Recorded { event, ..recorded };
        let bytes = encode(&recorded, BOOT);
        assert_eq!(decode(&bytes), Ok(recorded), "{}", String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn the_artifacts_of_an_attempt_are_read_back() {
    for recorded in everything() {
        let Event::AttemptEnded { task, attempt, token, report } = recorded.event else { continue };
        let report = AttemptReport { artifacts: Some(value("{}")), unkept: vec!["why".into()], ..report };
        let recorded = Recorded { event: Event::AttemptEnded { task, attempt, token, report }, ..recorded };
        assert_eq!(decode(&encode(&recorded, BOOT)), Ok(recorded));
    }
}

#[test]
fn the_end_of_an_attempt_that_took_over_a_success_is_read_and_written_for_ever() {
    let origin = Origin { run: RunId([7; 16]), task: address("a~2/b#3[x]") };
    let end = AttemptEnd::Succeeded { output: value("1") };
    let report = AttemptReport { cached: Some(Box::new(origin)), ..AttemptReport::of(end) };
    let (attempt, token) = (Attempt::FIRST, FencingToken(5));
    let event = Event::AttemptEnded { task: address("a"), attempt, token, report };
    let change = Change { from: Status::Running, to: Status::Running, phase: Phase::Granted };
    let recorded = Recorded { at: Timestamp(1), event, change };
    let line = format!(
        concat!(
            r#"{{"e":"attempt.ended","at":1,"f":"running","o":"running","p":"granted","k":"a","n":1,"w":5,"b":{},"#,
            r#""x":{{"end":"succeeded","output":"{}","cached":{{"run":"{}","task":"a~2/b#3[x]"}},"usage":[0,0,0,0,0,0]}}}}"#,
        ),
        BOOT.0,
        value("1"),
        RunId([7; 16]),
    );
    assert_eq!(String::from_utf8(encode(&recorded, BOOT)).unwrap(), line);
    assert_eq!(decode(line.as_bytes()), Ok(recorded));
    for wrong in [line.replace("0707", "07"), line.replace("b#3[x]", "b#3[x")] {
        assert!(decode(wrong.as_bytes()).is_err(), "{wrong}");
    }
}

#[test]
fn a_block_with_inputs_of_its_own_is_read_and_written_for_ever() {
    for (attempt, mark) in [(Attempt::FIRST, ""), (Attempt(2), r#""n":2,"#)] {
        let inputs = Some(value("{}"));
        let event = Event::ScopeEntered { task: address("use"), attempt, inputs };
        let change = Change { from: Status::Pending, to: Status::Running, phase: Phase::None };
        let recorded = Recorded { at: Timestamp(1), event, change };
        let line = format!(
            r#"{{"e":"task.entered","at":1,"f":"pending","o":"running","k":"use",{mark}"b":{},"x":{{"inputs":"{}"}}}}"#,
            BOOT.0,
            value("{}"),
        );
        assert_eq!(String::from_utf8(encode(&recorded, BOOT)).unwrap(), line);
        assert_eq!(decode(line.as_bytes()), Ok(recorded));
    }
}

#[test]
fn a_child_that_left_open_what_it_did_is_read_and_written_for_ever() {
    let event = Event::ChildUnknown { task: address("call") };
    let change = Change { from: Status::Running, to: Status::Running, phase: Phase::None };
    let recorded = Recorded { at: Timestamp(1), event, change };
    let line =
        format!(r#"{{"e":"child.unknown","at":1,"f":"running","o":"running","k":"call","b":{}}}"#, BOOT.0);
    assert_eq!(String::from_utf8(encode(&recorded, BOOT)).unwrap(), line);
    assert_eq!(decode(line.as_bytes()), Ok(recorded));
}

#[test]
fn a_child_that_nobody_waits_for_is_read_and_written_for_ever() {
    let parent = Parent { run: RunId([9; 16]), task: address("call"), depth: 1, is_awaited: false };
    let event = Event::RunStarted {
        definition: DefinitionHash::of(b"1"),
        workflow: Name::new("release").unwrap(),
        inputs: value("{}"),
        started_by: "ann".into(),
        trigger: "parent".into(),
        closure: None,
        parent: Some(parent),
        retry: None,
    };
    let change = Change { from: Status::Pending, to: Status::Running, phase: Phase::None };
    let recorded = Recorded { at: Timestamp(1), event, change };
    let line = String::from_utf8(encode(&recorded, BOOT)).unwrap();
    let parent =
        format!(r#""parent":{{"run":"{}","task":"call","depth":1,"detached":true}}"#, RunId([9; 16]));
    assert!(line.contains(&parent), "{line}");
    assert_eq!(decode(line.as_bytes()), Ok(recorded));
}

#[test]
fn damage_is_refused() {
    for line in GOLDEN.lines().chain(GOLDEN_HANDLING.lines()) {
        for length in 0..line.len() {
            if line.is_char_boundary(length) {
                assert!(decode(&line.as_bytes()[..length]).is_err());
            }
        }
    }
    assert!(decode(br#"{"e":"task.flown","at":1,"b":1,"f":"pending","o":"running","k":"a"}"#).is_err());
    assert!(decode(br#"{"e":"task.entered","at":1,"b":1,"f":"pending","o":"flown","k":"a"}"#).is_err());
    assert!(decode(br#"{"e":"task.entered","at":1,"b":1,"f":"pending","o":"running"}"#).is_err());
}
