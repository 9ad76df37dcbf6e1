//! Codec 2 of events: every variant is read back, and the bytes of the golden file never change; nor does what people see.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write as _;

use myrmex_model::address::Address;
use myrmex_model::demand::Named;
use myrmex_model::effect::Asked;
use myrmex_model::event::{
    Change, Event, HandlerKind, Limit, NotBefore, Parent, Pending, Recorded, SkipReason,
};
use myrmex_model::fault::{Fault, FaultKind};
use myrmex_model::id::{Attempt, DefinitionHash, Epoch, FencingToken, RunId, ValueHash};
use myrmex_model::ir::{GateDecision, Holds};
use myrmex_model::name::Name;
use myrmex_model::outcome::{AttemptEnd, AttemptReport, Loss, Origin, Outcome, ProcessExit, Usage};
use myrmex_model::retry::{Items, Retry, Taken, Takings};
use myrmex_model::signal::{Answer, Progress, Settlement, Signal, Word};
use myrmex_model::status::{Phase, Status};
use myrmex_model::time::{Length, Timestamp};
use myrmex_model::wire;
use myrmex_model::wire::event::{decode, encode};
use myrmex_model::wire::shown;

/// Every event of [`everything`], in words and then its bytes. Written by [`write_the_golden_file`], and never changed but
/// to add to it.
const GOLDEN: &str = include_str!("golden/events-v2.txt");

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
        Event::LagArmed { from: task(), to: address("b"), holds: Holds::Begin, due },
        Event::LagElapsed { from: task(), to: address("b"), holds: Holds::Begin },
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

/// The variants that there were first, with every status and phase somewhere.
fn first() -> Vec<Recorded> {
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

/// Fails to compile when a variant is added, as a reminder to add it to the lists above and to the golden file.
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
        | Event::AwaitOpened { .. }
        | Event::SignalReceived { .. }
        | Event::SignalTaken { .. }
        | Event::LagArmed { .. }
        | Event::LagElapsed { .. }
        | Event::TaskPostponed { .. }
        | Event::TaskReleased { .. }
        | Event::CaseChosen { .. }
        | Event::TaskSucceeded { .. }
        | Event::TaskTaken { .. }
        | Event::TaskFailed { .. }
        | Event::TaskStuck { .. }
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

/// What attempts may leave beside their end.
fn left() -> Vec<Recorded> {
    let succeeded = || AttemptReport::of(AttemptEnd::Succeeded { output: value("1") });
    let failed = || AttemptReport::of(AttemptEnd::Failed { fault: Fault::new(FaultKind::Runtime, "t") });
    let lost = AttemptEnd::Lost { loss: Loss::Watcher, reason: "it was killed".into() };
    let origin = Origin { run: RunId([7; 16]), task: address("a~2/b#3[x]") };
    let reports = [
        AttemptReport::of(lost),
        AttemptReport { artifacts: Some(value("{}")), ..succeeded() },
        AttemptReport { unkept: vec!["why".into(), "é".into()], has_leftovers: true, ..failed() },
        AttemptReport { cached: Some(Box::new(origin)), ..succeeded() },
        AttemptReport { exit: Some(ProcessExit::Code(-1)), pid: Some(0), ..failed() },
        AttemptReport { exit: Some(ProcessExit::Signal(9)), ..failed() },
        AttemptReport { usage: Usage { rss_max_kib: 300, ..Usage::default() }, ..succeeded() },
    ];
    let change = Change { from: Status::Running, to: Status::Running, phase: Phase::Granted };
    let recorded = |report| {
        let token = FencingToken::new(Epoch(3), 5);
        let event = Event::AttemptEnded { task: address("a"), attempt: Attempt::FIRST, token, report };
        Recorded { at: Timestamp(1), event, change }
    };
    reports.into_iter().map(recorded).collect()
}

/// Blocks with inputs of their own, and children that nobody waits for or that left open what they did.
fn inside() -> Vec<Recorded> {
    let entered = |attempt| Event::ScopeEntered { task: address("use"), attempt, inputs: Some(value("{}")) };
    let parent = Parent { run: RunId([9; 16]), task: address("call"), depth: 1, is_awaited: false };
    let events = [
        entered(Attempt::FIRST),
        entered(Attempt(2)),
        Event::ChildUnknown { task: address("call") },
        Event::RunStarted {
            definition: DefinitionHash::of(b"1"),
            workflow: Name::new("release").unwrap(),
            inputs: value("{}"),
            started_by: "ann".into(),
            trigger: "parent".into(),
            closure: None,
            parent: Some(parent),
            retry: None,
        },
    ];
    let change = Change { from: Status::Pending, to: Status::Running, phase: Phase::None };
    events.into_iter().map(|event| Recorded { at: Timestamp(-1), event, change }).collect()
}

/// What people did to single tasks.
fn by_hand() -> Vec<Recorded> {
    let reason = SkipReason::Person { by: "ann".into(), reason: "not today: é".into() };
    let change = Change { from: Status::Waiting, to: Status::Skipped, phase: Phase::None };
    vec![Recorded { at: Timestamp(1), event: Event::TaskSkipped { task: address("a/b[x]"), reason }, change }]
}

/// What people are asked and what they say, and messages.
fn people() -> Vec<Recorded> {
    let task = || address("a/go[x]");
    let asked = |asked| Event::AwaitOpened { task: task(), asked: Box::new(asked) };
    let whom = Asked {
        shown: Some(value("{}")),
        from: vec!["ana".into(), "group:böard".into()],
        exclude: vec!["bob".into()],
    };
    let said = |word, data, comment: Option<&str>| Event::SignalReceived {
        signal: Box::new(Signal {
            id: "8f1".into(),
            by: "ana".into(),
            word,
            data,
            comment: comment.map(str::to_owned),
        }),
        shown: data,
    };
    let answered = |answer| said(Word::Answer { task: task(), answer }, None, None);
    let half = Progress { percent: 50, spent: Some(Length(5_400_000)), remaining: Some(Length(1)) };
    let message = || Word::Message(Name::new("shipped").unwrap());
    let mut events = vec![
        asked(Asked::default()),
        asked(whom),
        said(message(), None, None),
        said(message(), Some(value("1")), Some("é")),
        Event::SignalTaken { task: task(), id: "8f1".into() },
        answered(Answer::Progress(half)),
        answered(Answer::Progress(Progress { percent: 0, spent: None, remaining: None })),
        said(Word::Answer { task: task(), answer: Answer::Approved }, Some(value("{}")), Some("fine")),
    ];
    events.extend([Answer::Rejected, Answer::Done, Answer::Failed].map(answered));
    events.extend(GateDecision::ALL.map(|decision| answered(Answer::Decided(decision))));
    events.extend(Settlement::ALL.map(|settlement| answered(Answer::Settled(settlement))));
    let change = Change { from: Status::Waiting, to: Status::Waiting, phase: Phase::Awaiting };
    let recorded = |event| Recorded { at: Timestamp(1), event, change };
    let refused = Box::new(Fault::new(FaultKind::Refused, "rejected by ana"));
    let failed = Event::TaskFailed { task: task(), fault: refused, is_timeout: false };
    let expired = Box::new(Fault::new(FaultKind::Timeout, "nobody answered within 1h"));
    let stuck = Event::TaskStuck { task: task(), fault: expired, is_timeout: true };
    events.into_iter().chain([failed, stuck]).map(recorded).collect()
}

/// What holds tasks of projects back: their dates and calendars, and links that hold an end.
fn dated() -> Vec<Recorded> {
    let task = || address("build");
    let (until, due) = (Timestamp(1_800_000_000_000_000_000), Timestamp(7));
    let postponed = |because| Event::TaskPostponed { task: task(), until, because };
    let events = [
        (postponed(NotBefore::Start), Phase::Postponed),
        (postponed(NotBefore::Window), Phase::Postponed),
        (postponed(NotBefore::Calendar(Name::new("office").unwrap())), Phase::Postponed),
        (Event::TaskReleased { task: task() }, Phase::None),
        (Event::LagArmed { from: address("a"), to: task(), holds: Holds::End, due }, Phase::Held),
        (Event::LagElapsed { from: address("a"), to: task(), holds: Holds::End }, Phase::Held),
    ];
    let recorded = |(event, phase)| {
        let change = Change { from: Status::Pending, to: Status::Pending, phase };
        Recorded { at: Timestamp(1), event, change }
    };
    events.into_iter().map(recorded).collect()
}

/// Every kind of error that was known first, with its own status; a later one stands with what came with it.
fn faults() -> Vec<Recorded> {
    let failed = |kind| {
        let fault = Box::new(Fault::new(kind, "t"));
        Event::TaskFailed { task: address("a"), fault, is_timeout: false }
    };
    let change = Change { from: Status::Running, to: Status::Failed, phase: Phase::None };
    let recorded = |kind| Recorded { at: Timestamp(1), event: failed(kind), change };
    FaultKind::KNOWN.into_iter().filter(|kind| *kind != FaultKind::Refused).map(recorded).collect()
}

/// An event of every variant, with everything that it may hold.
fn everything() -> Vec<Recorded> {
    [
        first(),
        handling(),
        retry(),
        admission(),
        asked(),
        left(),
        inside(),
        faults(),
        by_hand(),
        people(),
        dated(),
    ]
    .concat()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut digits, byte| {
        write!(digits, "{byte:02x}").unwrap();
        digits
    })
}

fn bytes_of(hex: &str) -> Vec<u8> {
    assert_eq!(hex.len() % 2, 0, "{hex}");
    (0..hex.len()).step_by(2).map(|place| u8::from_str_radix(&hex[place..place + 2], 16).unwrap()).collect()
}

/// What an event says, in words.
fn in_words(Recorded { at, event, change }: &Recorded, boot: Epoch) -> String {
    let (from, to, phase) = (change.from, change.to, change.phase.as_str().unwrap_or("-"));
    let task = event.task().map_or("-", Address::as_str);
    let attempt = event.attempt().map_or("-".to_owned(), |attempt| attempt.to_string());
    let token = event.token().map_or("-".to_owned(), |token| token.to_string());
    let (kind, at, boot, data) = (event.kind(), at.0, boot.0, shown::data(event));
    format!(
        "{kind} at {at} {from}>{to} {phase} task {task} attempt {attempt} token {token} boot {boot} {data}"
    )
}

fn golden() -> String {
    let event =
        |recorded: &Recorded| format!("{}\n  {}\n", in_words(recorded, BOOT), hex(&encode(recorded, BOOT)));
    everything().iter().map(event).collect()
}

#[test]
#[ignore = "writes the golden file after a variant was added; run by hand, and read the difference"]
#[expect(clippy::disallowed_methods, reason = "the only place that writes the golden file")]
fn write_the_golden_file() {
    std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/events-v2.txt"), golden()).unwrap();
}

#[test]
fn every_variant_is_read_and_written_for_ever() {
    let lines: Vec<_> = GOLDEN.lines().collect();
    let expected = everything();
    assert_eq!(lines.len(), 2 * expected.len());
    for (lines, expected) in lines.chunks(2).zip(expected) {
        assert!(is_listed(&expected.event));
        let bytes = bytes_of(lines[1].trim_start());
        assert_eq!(in_words(&expected, BOOT), lines[0]);
        assert_eq!(hex(&encode(&expected, BOOT)), hex(&bytes), "{}", lines[0]);
        assert_eq!(decode(&bytes), Ok((expected, BOOT)), "{}", lines[0]);
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
fn a_field_of_a_later_release_is_passed_over() {
    for recorded in everything() {
        let mut bytes = encode(&recorded, BOOT);
        // One field more, under a key that is used by nobody: a map with a list and a float.
        bytes[0] += 1;
        bytes.extend([0x19, 0x03, 0xe7, 0xa1, 0x61, b'x', 0x82, 0xf6, 0xfa, 0x47, 0xc3, 0x50, 0x00]);
        assert_eq!(decode(&bytes), Ok((recorded, BOOT)));
    }
}

#[test]
fn damage_is_refused() {
    for recorded in everything() {
        let bytes = encode(&recorded, BOOT);
        for length in 0..bytes.len() {
            assert!(decode(&bytes[..length]).is_err(), "{} cut to {length}", hex(&bytes));
        }
        assert!(decode(&[&bytes[..], &[0]].concat()).is_err(), "something stands after the end");
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            // Some changes give another event; none gives the same.
            if let Ok((read, boot)) = decode(&changed) {
                assert!(read != recorded || boot != BOOT, "{}", hex(&changed));
            }
        }
    }
}

#[test]
fn an_error_names_what_is_wrong_and_where() {
    let change = Change { from: Status::Pending, to: Status::Running, phase: Phase::None };
    let event = Event::ScopeEntered { task: address("a"), attempt: Attempt::FIRST, inputs: None };
    let bytes = encode(&Recorded { at: Timestamp(1), event, change }, BOOT);
    assert_eq!(hex(&bytes), "a6000701010200030105616108 07".replace(' ', ""));
    let check = |hex: &str, expected: &str| {
        let error = decode(&bytes_of(hex)).unwrap_err();
        assert_eq!(error.to_string(), format!("an event cannot be read: {expected}"), "{hex}");
    };
    check("a60018ff0101020003010561610807", "an unknown kind of event before byte 15");
    check("a60007010102000318630561610807", "an unknown status before byte 10");
    check("a6000701010200030105612f0807", "no address before byte 12");
    check("a500070101020003010807", "`task` is missing before byte 11");
    check("a600070101020003010564616108", "it was cut off before byte 11");
    check("80", "no map before byte 1");
    check("", "it was cut off before byte 0");
}
