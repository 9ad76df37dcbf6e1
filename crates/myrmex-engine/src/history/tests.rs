//! Tests of what is read out of journals: events by hand, each with its instant in milliseconds.

use std::collections::BTreeMap;

use myrmex_model::address::Address;
use myrmex_model::demand::Asks;
use myrmex_model::event::{Change, Event, Recorded};
use myrmex_model::fault::{Fault, FaultKind};
use myrmex_model::id::{Attempt, DefinitionHash, Epoch, FencingToken, ValueHash};
use myrmex_model::name::Name;
use myrmex_model::outcome::{AttemptEnd, AttemptReport, Loss};
use myrmex_model::status::{Phase, Status};
use myrmex_model::time::{Length, Timestamp};

use super::*;

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn at(task: &str) -> Address {
    Address::parse(task).unwrap()
}

fn length(ms: u64) -> Length {
    Length(ms)
}

/// Builds the timeline of events, each with its instant and the epoch of its owner.
fn timeline(events: Vec<(i64, u32, Event)>) -> Timeline {
    let mut timeline = Timeline::default();
    for (ms, owner, event) in events {
        let change = Change { from: Status::Running, to: Status::Running, phase: Phase::None };
        timeline.add(&Recorded { at: Timestamp(ms * 1_000_000), event, change }, Epoch(owner));
    }
    timeline
}

fn value() -> ValueHash {
    ValueHash::of(b"null")
}

fn queued(task: &str, attempt: u32) -> Event {
    Event::TaskQueued { task: at(task), attempt: Attempt(attempt), input: None, named: None }
}

fn granted(task: &str, attempt: u32) -> Event {
    let (token, worker) = (FencingToken(1), name("local"));
    Event::AttemptGranted { task: at(task), attempt: Attempt(attempt), token, worker }
}

fn ended(task: &str, attempt: u32, end: AttemptEnd) -> Event {
    let report = AttemptReport::of(end);
    Event::AttemptEnded { task: at(task), attempt: Attempt(attempt), token: FencingToken(1), report }
}

fn succeeded(task: &str) -> Event {
    Event::TaskSucceeded { task: at(task), output: value(), vars: None, fault: None }
}

fn started() -> Event {
    Event::RunStarted {
        definition: DefinitionHash::of(b""),
        workflow: name("w"),
        inputs: value(),
        started_by: "tester".into(),
        trigger: "manual".into(),
        closure: None,
        parent: None,
        retry: None,
    }
}

fn over() -> Event {
    Event::RunEnded { status: Status::Succeeded, output: None, fault: None }
}

/// One attempt of a task: queued, granted and over at these instants.
fn attempt(task: &str, [from, begun, to]: [i64; 3]) -> Vec<(i64, u32, Event)> {
    let end = AttemptEnd::Succeeded { output: value() };
    vec![
        (from, 1, queued(task, 1)),
        (begun, 1, granted(task, 1)),
        (to, 1, ended(task, 1, end)),
        (to, 1, succeeded(task)),
    ]
}

fn history(timelines: &[Timeline]) -> History {
    let mut gathering = Gathering::default();
    for timeline in timelines {
        gathering.add(timeline);
    }
    gathering.finish()
}

#[test]
fn quantiles_are_lengths_that_occurred() {
    let of = |lengths: &[u64]| {
        let mut lengths: Vec<Length> = lengths.iter().copied().map(Length).collect();
        Quantiles::of(&mut lengths).map(|found| (found.count, found.p50.0, found.p90.0))
    };
    assert_eq!(of(&[]), None);
    assert_eq!(of(&[7]), Some((1, 7, 7)));
    assert_eq!(of(&[9, 1]), Some((2, 1, 9)));
    assert_eq!(of(&[5, 3, 1, 4, 2]), Some((5, 3, 5)));
    let ten: Vec<u64> = (1..=10).rev().collect();
    assert_eq!(of(&ten), Some((10, 5, 9)));
    let hundred: Vec<u64> = (1..=100).collect();
    assert_eq!(of(&hundred), Some((100, 50, 90)));
}

#[test]
fn items_of_a_for_each_share_a_path() {
    assert_eq!(shared_path(&at("deploy[eu]~2/copy#3")), "deploy[]/copy");
    assert_eq!(shared_path(&at("a[x%2Fy]")), "a[]");
    assert_eq!(shared_path(&at("a/b#2")), "a/b");
}

#[test]
fn a_task_takes_from_its_first_place_to_its_end_and_waits_apart() {
    let fault = Fault::new(FaultKind::Runtime, "exit code 1");
    let mut events = vec![(0, 1, started()), (5, 1, queued("a", 1)), (10, 1, granted("a", 1))];
    events.push((30, 1, ended("a", 1, AttemptEnd::Failed { fault })));
    events.extend([(40, 1, queued("a", 2)), (45, 1, granted("a", 2))]);
    events.push((60, 1, ended("a", 2, AttemptEnd::Succeeded { output: value() })));
    events.extend([(60, 1, succeeded("a")), (61, 1, over())]);
    let found = history(&[timeline(events)]);
    assert_eq!(found.took.map(|took| took.p50), Some(length(61)));
    let task = &found.tasks["a"];
    // From 10 to 60, less the 5 that the second attempt waited.
    assert_eq!(task.took, Some(Quantiles { count: 1, p50: length(45), p90: length(45) }));
    assert_eq!(task.waited.map(|waited| waited.p50), Some(length(10)));
    let counts = Counts { succeeded: 1, failed: 0, taken: 0, attempts: 2, retries: 1 };
    assert_eq!((task.runs, task.counts), (1, counts));
}

#[test]
fn items_are_counted_together_and_runs_once() {
    let run = |lengths: [i64; 2]| {
        let mut events = vec![(0, 1, started())];
        events.extend(attempt("e[0]", [0, 0, lengths[0]]));
        events.extend(attempt("e[1]", [0, 0, lengths[1]]));
        timeline(events)
    };
    let task = &history(&[run([10, 20]), run([30, 40])]).tasks["e[]"];
    assert_eq!((task.runs, task.took), (2, Some(Quantiles { count: 4, p50: length(20), p90: length(40) })));
}

#[test]
fn what_was_lost_cut_off_taken_or_skipped_is_not_measured() {
    let lost = AttemptEnd::Lost { loss: Loss::Worker, reason: "gone".into() };
    let mut events = vec![(0, 1, started()), (0, 1, queued("lost", 1)), (0, 1, granted("lost", 1))];
    // The block began with one process and ended with another.
    let entered = Event::ScopeEntered { task: at("block"), attempt: Attempt(1), inputs: None };
    events.extend([(0, 1, entered), (90_000, 2, ended("lost", 1, lost)), (90_000, 2, queued("lost", 2))]);
    events.extend([
        (90_000, 2, granted("lost", 2)),
        (90_001, 2, succeeded("lost")),
        (90_002, 2, succeeded("block")),
    ]);
    let mut cached = AttemptReport::of(AttemptEnd::Succeeded { output: value() });
    let origin = myrmex_model::outcome::Origin { run: myrmex_model::id::RunId([0; 16]), task: at("c") };
    cached.cached = Some(Box::new(origin));
    let token = FencingToken(2);
    events.extend([(90_002, 2, queued("c", 1)), (90_002, 2, granted("c", 1))]);
    events.push((
        90_003,
        2,
        Event::AttemptEnded { task: at("c"), attempt: Attempt(1), token, report: cached },
    ));
    events.extend([(90_003, 2, succeeded("c"))]);
    let skipped = Event::TaskSkipped { task: at("s"), reason: myrmex_model::event::SkipReason::Condition };
    events.extend([(90_003, 2, skipped), (90_004, 2, over())]);
    let timeline = timeline(events);
    assert_eq!(timeline.breaks, [Timestamp(90_000 * 1_000_000)]);
    let found = history(&[timeline]);
    assert_eq!(found.took, None);
    let measured = |path: &str| found.tasks[path].took;
    assert_eq!((measured("lost"), measured("block"), measured("c")), (None, None, None));
    assert_eq!((found.tasks["c"].counts.taken, found.tasks["lost"].counts.succeeded), (1, 1));
    assert!(!found.tasks.contains_key("s"));
}

#[test]
fn a_wait_is_for_what_the_run_held_half_way() {
    let mut events = vec![(0, 1, started())];
    // Two places. `b` waits for the pool that `a` has, `d` for a place, and `e` for a lock that another run has.
    events.extend(attempt("a", [0, 0, 100]));
    events.extend(attempt("c", [0, 0, 40]));
    events.extend(attempt("b", [0, 100, 110]));
    events.extend(attempt("d", [0, 40, 60]));
    events.extend(attempt("e", [200, 300, 310]));
    events.sort_by_key(|(ms, ..)| *ms);
    let (db, lock) = (name("db"), myrmex_model::template::Template::Literal("door".into()));
    let asks = |task: &Address| match task.as_str() {
        "a" | "b" => Some(Asks { pools: BTreeMap::from([(db.clone(), 1)]), ..Asks::default() }),
        "e" => Some(Asks { lock: Some(lock.clone()), ..Asks::default() }),
        _ => None,
    };
    let timeline = timeline(events);
    let found = waits(&timeline, &asks, &BTreeMap::from([(name("db"), 1)]));
    let shown: Vec<_> = found
        .iter()
        .map(|wait| {
            (timeline.tasks()[wait.task].address.as_str(), wait.to.since(wait.from).0, wait.lack.clone())
        })
        .collect();
    let expected =
        [("b", 100, Lack::Pool(name("db"))), ("d", 40, Lack::Place), ("e", 100, Lack::Lock("door".into()))];
    for wait in expected {
        assert!(shown.contains(&wait), "{wait:?} in {shown:?}");
    }
    assert_eq!(shown.len(), 3);
    assert_eq!(covered(found.iter().map(|wait| (wait.from, wait.to)).collect()), length(200));
}

#[test]
fn a_wait_that_outlived_its_process_is_not_measured() {
    let mut events = vec![(0, 1, started())];
    // The process died before it had a place; another went on with the run hours later.
    events.extend([(1, 1, queued("a", 1)), (28_800_000, 2, granted("a", 1))]);
    let end = AttemptEnd::Succeeded { output: value() };
    events.extend([(28_800_010, 2, ended("a", 1, end)), (28_800_010, 2, succeeded("a"))]);
    // So it is with a block that is to hold something.
    let entered = Event::ScopeEntered { task: at("block"), attempt: Attempt(1), inputs: None };
    let asked = Event::HoldQueued { task: at("block"), named: None };
    let held = Event::HoldGranted { task: at("block"), token: FencingToken(2) };
    events.extend([(2, 1, asked), (28_800_011, 2, held), (28_800_011, 2, entered)]);
    events.push((28_800_012, 2, succeeded("block")));
    events.sort_by_key(|(ms, ..)| *ms);
    let found = history(&[timeline(events)]);
    for task in ["a", "block"] {
        assert_eq!((found.tasks[task].took, found.tasks[task].waited), (None, None), "{task}");
        assert_eq!(found.tasks[task].counts.succeeded, 1, "{task}");
    }
}

#[test]
fn what_was_held_for_no_time_is_not_held_later() {
    let mut events = vec![(0, 1, started())];
    events.extend(attempt("brief", [5, 10, 10]));
    events.extend(attempt("holder", [20, 20, 100]));
    events.extend(attempt("waiter", [20, 100, 110]));
    events.sort_by_key(|(ms, ..)| *ms);
    let (db, lock) = (name("db"), myrmex_model::template::Template::Literal("door".into()));
    let pools = BTreeMap::from([(db, 1)]);
    let asks = |task: &Address| match task.as_str() {
        "brief" => Some(Asks { pools: pools.clone(), ..Asks::default() }),
        "holder" => Some(Asks { lock: Some(lock.clone()), ..Asks::default() }),
        "waiter" => Some(Asks { pools: pools.clone(), lock: Some(lock.clone()), ..Asks::default() }),
        _ => None,
    };
    let found = waits(&timeline(events), &asks, &pools);
    let lacks: Vec<&Lack> = found.iter().map(|wait| &wait.lack).collect();
    assert!(lacks.contains(&&Lack::Lock("door".into())), "{lacks:?}");
}
