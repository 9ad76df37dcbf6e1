//! Laws of whole journals beside those of [`super::judge`]: beginnings, limits of time, and places.

use std::collections::{BTreeMap, BTreeSet};

use myrmex_model::address::Address;
use myrmex_model::event::{Event, Recorded, SkipReason};
use myrmex_model::id::{FencingToken, RunId};
use myrmex_model::ir::{Definition, Holds};
use myrmex_model::outcome::{AttemptEnd, Loss};
use myrmex_model::time::Timestamp;

/// Judges one journal: it begins once, nothing happens before it is due, and nothing is tried that somebody had skipped.
pub(super) fn check(run: RunId, journal: &[Recorded], breaches: &mut Vec<String>) {
    let mut wrong = |text: String| breaches.push(format!("run {run}: {text}"));
    let is_start = |recorded: &&Recorded| matches!(recorded.event, Event::RunStarted { .. });
    let starts = journal.iter().filter(is_start).count();
    if starts != 1 || !journal.first().as_ref().is_some_and(is_start) {
        wrong(format!("it begins {starts} times"));
    }
    let mut waits: BTreeMap<&Address, Timestamp> = BTreeMap::new();
    let mut pauses: BTreeMap<&Address, Timestamp> = BTreeMap::new();
    let mut dates: BTreeMap<&Address, Timestamp> = BTreeMap::new();
    let mut left_out: Vec<&Address> = Vec::new();
    let mut lags: BTreeMap<(&Address, &Address, bool), Timestamp> = BTreeMap::new();
    for Recorded { at, event, .. } in journal {
        match event {
            Event::TimerArmed { task, due } => {
                waits.insert(task, *due);
            }
            Event::RetryArmed { task, due, .. } => {
                pauses.insert(task, *due);
            }
            Event::TaskPostponed { task, until: due, .. } => {
                dates.insert(task, *due);
            }
            Event::TaskReleased { task }
            | Event::AwaitOpened { task, .. }
            | Event::TaskQueued { task, .. }
                if dates.remove(task).is_some_and(|due| *at < due) =>
            {
                wrong(format!("`{task}` begins before its date"));
            }
            Event::LagArmed { from, to, holds, due } => {
                lags.insert((from, to, *holds == Holds::End), *due);
            }
            Event::LagElapsed { from, to, holds }
                if lags.remove(&(from, to, *holds == Holds::End)).is_none_or(|due| *at < due) =>
            {
                wrong(format!("the lag from `{from}` to `{to}` is over before its time"));
            }
            Event::TaskSucceeded { task, .. } if waits.get(task).is_some_and(|due| at < due) => {
                wrong(format!("`{task}` ends before its time"));
            }
            Event::TaskQueued { task, .. } | Event::ScopeEntered { task, .. }
                if pauses.remove(task).is_some_and(|due| *at < due) =>
            {
                wrong(format!("`{task}` begins again before its time"));
            }
            Event::TaskSkipped { task, reason: SkipReason::Person { .. } } => left_out.push(task),
            Event::AttemptGranted { task, .. }
                if left_out.iter().any(|scope| task == *scope || task.is_inside(scope)) =>
            {
                wrong(format!("`{task}` is granted after somebody had it skipped"));
            }
            _ => {}
        }
    }
}

/// A change of who has a place, in the order of the log.
#[derive(Debug, Clone)]
pub(super) enum Move {
    /// The run asks for a place, by this key.
    Asks(RunId, Option<String>),
    /// It has its place.
    Enters(RunId),
    /// It is over.
    Leaves(RunId),
}

impl Move {
    /// Returns what an event says about places.
    pub(super) fn of(run: RunId, event: &Event) -> Option<Self> {
        match event {
            Event::RunQueued { key } => Some(Self::Asks(run, key.clone())),
            Event::RunAdmitted => Some(Self::Enters(run)),
            Event::RunEnded { .. } => Some(Self::Leaves(run)),
            _ => None,
        }
    }
}

/// Judges that at no moment more runs of a workflow with one key had a place than it says.
pub(super) fn check_places(
    moves: &[Move],
    workflows: &BTreeMap<RunId, String>,
    definitions: &[Definition],
    breaches: &mut Vec<String>,
) {
    let mut keys: BTreeMap<RunId, (&str, Option<&str>)> = BTreeMap::new();
    let mut seated: BTreeSet<RunId> = BTreeSet::new();
    for step in moves {
        match step {
            Move::Asks(run, key) => {
                let workflow = workflows.get(run).map_or("", String::as_str);
                keys.insert(*run, (workflow, key.as_deref()));
            }
            Move::Leaves(run) => {
                seated.remove(run);
            }
            Move::Enters(run) => {
                seated.insert(*run);
                let Some(group) = keys.get(run) else {
                    breaches.push(format!("run {run} has a place that it never asked for"));
                    continue;
                };
                let beside = seated.iter().filter(|other| keys.get(other) == Some(group)).count();
                let named = |definition: &&Definition| definition.name.as_str() == group.0;
                let bounds = definitions.iter().find(named).and_then(|found| found.concurrency.as_ref());
                if bounds.is_some_and(|bounds| beside > bounds.limit as usize) {
                    breaches
                        .push(format!("run {run} of `{}` is one too many: {beside} have a place", group.0));
                }
            }
        }
    }
}

/// Returns the attempts that a journal counts as lost with their worker.
pub(super) fn lost(journal: &[Recorded]) -> impl Iterator<Item = (&Address, FencingToken)> {
    journal.iter().filter_map(|recorded| {
        let Event::AttemptEnded { task, token, report, .. } = &recorded.event else { return None };
        matches!(report.end, AttemptEnd::Lost { loss: Loss::Worker, .. }).then_some((task, *token))
    })
}

#[cfg(test)]
mod tests {
    use myrmex_model::event::Change;
    use myrmex_model::id::{Attempt, DefinitionHash, ValueHash};
    use myrmex_model::name::Name;
    use myrmex_model::status::{Phase, Status};

    use super::*;

    const RUN: RunId = RunId([1; 16]);
    const OTHER: RunId = RunId([2; 16]);

    fn breaches(events: &[(i64, Event)]) -> Vec<String> {
        let change = Change { from: Status::Pending, to: Status::Running, phase: Phase::None };
        let record =
            |(at, event): &(i64, Event)| Recorded { at: Timestamp(*at), event: event.clone(), change };
        let journal: Vec<Recorded> = events.iter().map(record).collect();
        let mut breaches = Vec::new();
        check(RUN, &journal, &mut breaches);
        breaches
    }

    fn started() -> Event {
        Event::RunStarted {
            definition: DefinitionHash([0; 32]),
            workflow: Name::new("w").unwrap(),
            inputs: ValueHash::of(b"{}"),
            started_by: "somebody".to_owned(),
            trigger: "manual".to_owned(),
            closure: None,
            parent: None,
            retry: None,
        }
    }

    fn task() -> Address {
        Address::parse("a").unwrap()
    }

    #[test]
    fn a_run_begins_once() {
        assert!(breaches(&[(0, started())]).is_empty());
        assert_eq!(breaches(&[(0, started()), (1, started())]).len(), 1);
        assert_eq!(breaches(&[]).len(), 1);
    }

    #[test]
    fn nothing_happens_before_it_is_due() {
        let armed = Event::TimerArmed { task: task(), due: Timestamp(20) };
        let over =
            Event::TaskSucceeded { task: task(), output: ValueHash::of(b"null"), vars: None, fault: None };
        assert!(breaches(&[(0, started()), (5, armed.clone()), (20, over.clone())]).is_empty());
        assert_eq!(breaches(&[(0, started()), (5, armed), (19, over)]).len(), 1);
        let attempt = Attempt::FIRST.next();
        let pause = Event::RetryArmed { task: task(), attempt, due: Timestamp(20), by_catch: None };
        let again = Event::TaskQueued { task: task(), attempt, input: None, named: None };
        assert!(breaches(&[(0, started()), (5, pause.clone()), (21, again.clone())]).is_empty());
        assert_eq!(breaches(&[(0, started()), (5, pause), (19, again)]).len(), 1);
    }

    #[test]
    fn nothing_is_tried_that_somebody_had_skipped() {
        let reason = SkipReason::Person { by: "somebody".to_owned(), reason: String::new() };
        let skipped = Event::TaskSkipped { task: task(), reason };
        let granted = |name: &str| {
            let (attempt, token, worker) = (Attempt::FIRST, FencingToken(1), Name::new("local").unwrap());
            Event::AttemptGranted { task: Address::parse(name).unwrap(), attempt, token, worker }
        };
        let before = |name| breaches(&[(0, started()), (1, granted(name)), (2, skipped.clone())]).len();
        let after = |name| breaches(&[(0, started()), (1, skipped.clone()), (2, granted(name))]).len();
        assert_eq!((before("a"), after("a"), after("a/b"), after("a[0]")), (0, 1, 1, 1));
        assert_eq!((after("a#2"), after("ab")), (0, 0));
    }

    #[test]
    fn nobody_has_a_place_too_many() {
        let text = r#"{"workflow":"w","concurrency":{"limit":1},"tasks":{"a":{"run":"x"}}}"#;
        let definitions = std::thread::Builder::new()
            .stack_size(myrmex_expr::STACK_BYTES)
            .spawn(move || super::super::compile(&[text.to_owned()]).unwrap())
            .unwrap()
            .join()
            .unwrap();
        let workflows = BTreeMap::from([(RUN, "w".to_owned()), (OTHER, "w".to_owned())]);
        let judge = |moves: &[Move]| {
            let mut breaches = Vec::new();
            check_places(moves, &workflows, &definitions, &mut breaches);
            breaches.len()
        };
        let asks = [Move::Asks(RUN, None), Move::Asks(OTHER, None)];
        let in_turn = [Move::Enters(RUN), Move::Leaves(RUN), Move::Enters(OTHER)];
        assert_eq!(judge(&[&asks[..], &in_turn].concat()), 0);
        assert_eq!(judge(&[&asks[..], &[Move::Enters(RUN), Move::Enters(OTHER)]].concat()), 1);
        assert_eq!(judge(&[Move::Enters(RUN)]), 1);
        let apart = [Move::Asks(RUN, Some("x".into())), Move::Asks(OTHER, None)];
        assert_eq!(judge(&[&apart[..], &[Move::Enters(RUN), Move::Enters(OTHER)]].concat()), 0);
    }
}
