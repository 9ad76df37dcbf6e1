//! What is refused changes nothing, and time goes one way.

use myrmex_model::command::{Command, TimerKey};
use myrmex_model::effect::{Evaluation, Ticket};
use myrmex_model::event::Event;
use myrmex_model::id::{Attempt, FencingToken, RunId};
use myrmex_model::outcome::{AttemptEnd, AttemptReport, Origin};
use myrmex_model::status::Phase;
use myrmex_model::status::Status::{Pending, Running, Succeeded};
use myrmex_model::time::Timestamp;

use super::build::{define, graph, name, task, timer};
use super::host::{Host, RUN, address, ended_badly, ended_well, lost, report_of, start, value_hash};
use crate::run::{ReplayError, Run};

/// `put` itself asserts that a refusal leaves the facts as they are.
fn refused(host: &mut Host, command: Command) -> String {
    host.put(command).unwrap_err().to_string()
}

#[test]
fn nothing_can_be_put_to_a_run_that_has_not_started() {
    let mut host = Host::new(define(&graph("root", vec![task("a")])));
    let cancel = Command::Cancel { by: "ana".into(), reason: String::new(), successor: None };
    assert_eq!(refused(&mut host, cancel), "the run has not started");
}

#[test]
fn a_run_starts_once() {
    let mut host = Host::started(&graph("root", vec![task("a")]));
    assert_eq!(refused(&mut host, start()), "the run has already started");
    host.finish();
    assert_eq!(refused(&mut host, start()), "the run has already started");
}

#[test]
fn a_second_report_is_stale() {
    let mut host = Host::started(&graph("root", vec![task("a"), task("b")]));
    host.grant();
    let token = host.token("a");
    host.report(token, ended_well()).unwrap();
    let again = report_of(&address("a"), Attempt::FIRST, token, ended_badly());
    assert_eq!(refused(&mut host, again), "attempt 1 of task `a` is not the running attempt");
    host.expect(&[("a", Succeeded)]);
}

#[test]
fn a_report_of_an_earlier_attempt_is_stale() {
    let mut host = Host::started(&graph("root", vec![task("a")]));
    host.grant();
    let first = host.token("a");
    host.report(first, lost()).unwrap();
    let late = report_of(&address("a"), Attempt::FIRST, first, ended_well());
    assert_eq!(refused(&mut host, late.clone()), "attempt 1 of task `a` is not the running attempt");
    host.grant();
    assert_eq!(refused(&mut host, late), "attempt 1 of task `a` is not the running attempt");
    host.succeed("a");
}

#[test]
fn reports_with_a_foreign_token_or_task_are_refused() {
    let mut host = Host::started(&graph("root", vec![task("a"), task("b").after("a")]));
    host.grant();
    let foreign = FencingToken(1 << 50);
    let report = report_of(&address("a"), Attempt::FIRST, foreign, ended_well());
    assert_eq!(refused(&mut host, report), "attempt 1 of task `a` is not the running attempt");
    let report = report_of(&address("b"), Attempt::FIRST, foreign, ended_well());
    assert_eq!(refused(&mut host, report), "attempt 1 of task `b` is not the running attempt");
    let report = report_of(&address("x/y[1]"), Attempt::FIRST, foreign, ended_well());
    assert_eq!(refused(&mut host, report), "task `x/y[1]` is not under way");
}

#[test]
fn only_an_attempt_that_waits_can_be_granted() {
    let mut host = Host::started(&graph("root", vec![task("a"), task("b").after("a")]));
    let grant = |task: &str, attempt: u32| Command::Grant {
        task: address(task),
        attempt: Attempt(attempt),
        token: FencingToken(77),
        worker: name("local"),
    };
    assert_eq!(refused(&mut host, grant("a", 2)), "attempt 2 of task `a` does not wait for a worker");
    assert_eq!(refused(&mut host, grant("b", 1)), "attempt 1 of task `b` does not wait for a worker");
    host.grant();
    assert_eq!(refused(&mut host, grant("a", 1)), "attempt 1 of task `a` does not wait for a worker");
}

#[test]
fn timers_fire_once_and_not_early() {
    let mut host = Host::started(&graph("root", vec![timer("w"), task("a")]));
    let fire = |task: &str| Command::Fire { timer: TimerKey::Wait(address(task)) };
    assert_eq!(refused(&mut host, fire("w")), "the timer is not due");
    assert_eq!(refused(&mut host, fire("a")), "the timer is not due");
    host.fire();
    assert_eq!(refused(&mut host, fire("w")), "the timer is not due");
    host.expect(&[("w", Succeeded)]);
}

#[test]
fn an_answer_that_nobody_asked_for_is_refused() {
    let mut host = Host::started(&graph("root", vec![task("a")]));
    for ticket in [0, 1, 99] {
        let answer = Command::Evaluated { ticket: Ticket(ticket), result: Ok(Evaluation::Skip) };
        assert_eq!(refused(&mut host, answer), "nothing was to be evaluated");
    }
}

#[test]
fn time_never_goes_backwards_in_the_journal() {
    let mut host = Host::started(&graph("root", vec![task("a")]));
    let started = host.now;
    host.now = Timestamp(5);
    host.succeed("a");
    assert!(host.journal.iter().all(|recorded| recorded.at == started));
}

#[test]
fn events_say_what_they_changed() {
    let mut host = Host::started(&graph("root", vec![task("a")]));
    host.succeed("a");
    let changes: Vec<_> = host
        .journal
        .iter()
        .map(|recorded| {
            (recorded.event.kind(), recorded.change.from, recorded.change.to, recorded.change.phase)
        })
        .collect();
    let expected = [
        ("run.started", Pending, Running, Phase::None),
        ("task.queued", Pending, Pending, Phase::Queued),
        ("attempt.granted", Pending, Running, Phase::Granted),
        ("attempt.ended", Running, Running, Phase::Granted),
        ("task.succeeded", Running, Succeeded, Phase::None),
        ("run.ended", Running, Succeeded, Phase::None),
    ];
    assert_eq!(changes, expected);
}

#[test]
fn a_task_that_never_ran_never_began() {
    let mut host = Host::started(&graph("root", vec![task("a"), task("b").after("a")]));
    host.fail("a");
    let b = host.run.task(&address("b")).unwrap();
    assert_eq!((b.started(), b.ended()), (None, Some(host.now)));
}

#[test]
fn a_journal_that_does_not_fit_is_refused_and_changes_nothing() {
    let mut host = Host::started(&graph("root", vec![task("a"), timer("w"), graph("g", vec![task("x")])]));
    host.succeed("a");
    let before = host.run.facts();
    for recorded in host.journal.clone() {
        assert!(host.run.apply(&recorded).is_err(), "{recorded:?} cannot follow");
        assert_eq!(host.run.facts(), before);
    }
    assert_eq!(Run::replay(RUN, &host.journal[1..], &mut |_| None).unwrap_err(), ReplayError::Start);
    assert_eq!(Run::replay(RUN, &[], &mut |_| None).unwrap_err(), ReplayError::Start);
    let missing = Run::replay(RUN, &host.journal, &mut |_| None).unwrap_err();
    assert!(matches!(missing, ReplayError::Definition { .. }));
    assert!(host.events().any(|event| matches!(event, Event::TimerArmed { .. })));
}

#[test]
fn a_success_that_was_taken_over_names_its_origin_unless_another_attempt_follows() {
    let origin = Origin { run: RunId([9; 16]), task: address("a") };
    for (end, expected) in [(ended_well(), Some(origin.clone())), (ended_badly(), None)] {
        let mut host = Host::started(&graph("root", vec![task("a").retried(1, 0)]));
        host.grant();
        let given = matches!(end, AttemptEnd::Succeeded { .. }).then(|| value_hash("\"done\""));
        let report = AttemptReport { cached: Some(Box::new(origin.clone())), ..AttemptReport::of(end) };
        let (token, task) = (host.token("a"), address("a"));
        host.put(Command::Report { task, attempt: Attempt::FIRST, token, report }).unwrap();
        let task = host.run.task(&address("a")).unwrap();
        assert_eq!((task.cached(), task.given()), (expected.as_ref(), given));
    }
}
