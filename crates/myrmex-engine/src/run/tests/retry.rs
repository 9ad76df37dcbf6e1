//! Retries, lost attempts, and what counts as an attempt.

use myrmex_model::command::{Command, TimerKey};
use myrmex_model::effect::Evaluation;
use myrmex_model::outcome::AttemptEnd;
use myrmex_model::status::{Phase, Status};

use super::build::{computed_task, define, graph, task};
use super::host::{Host, address, fault, lost, lost_alone, value_hash};
use crate::run::Rejection;

#[test]
fn a_failed_attempt_is_followed_by_as_many_as_the_retry_says() {
    let mut host = Host::started(&graph("root", vec![task("a").retried(2, 100)]));
    for attempt in 1..=2 {
        host.fail("a");
        let a = host.run.task(&address("a")).unwrap();
        assert_eq!((a.status(), a.phase(), a.attempts()), (Status::Waiting, Phase::Retrying, attempt));
        host.fire();
    }
    host.fail("a");
    assert_eq!(host.run.status(), Status::Failed);
    assert_eq!(host.run.task(&address("a")).unwrap().attempts(), 3);
}

#[test]
fn a_retry_without_pause_is_queued_in_the_same_turn() {
    let mut host = Host::started(&graph("root", vec![task("a").retried(1, 0)]));
    host.fail("a");
    assert!(host.timers.is_empty());
    host.succeed("a");
    assert_eq!(host.run.status(), Status::Succeeded);
}

#[test]
fn a_retry_keeps_the_input_of_the_first_attempt() {
    let mut host = Host::started(&graph("root", vec![computed_task("a").retried(1, 0)]));
    host.fail("a");
    assert_eq!(host.run.task(&address("a")).unwrap().input(), Some(value_hash("\"input\"")));
}

#[test]
fn a_condition_decides_about_each_error() {
    let mut host = Host::new(define(&graph("root", vec![task("a").retried_when(5, 10)])));
    host.start();
    host.fail("a");
    host.fire();
    host.answer("a", Evaluation::Retry(false));
    host.fail("a");
    host.expect(&[("a", Status::Failed)]);
    assert_eq!(host.run.fault().unwrap().title, "broke");
}

#[test]
fn a_condition_without_value_fails_the_task_with_its_own_error() {
    let mut host = Host::started(&graph("root", vec![task("a").retried_when(5, 10)]));
    host.answer_error("a");
    host.fail("a");
    assert_eq!(host.run.fault().unwrap().title, "no value");
}

#[test]
fn a_timeout_stays_a_timeout_when_it_is_not_retried() {
    for spec in [task("a"), task("a").retried_when(1, 0)] {
        let mut host = Host::started(&graph("root", vec![spec]));
        host.answer("a", Evaluation::Retry(false));
        host.end("a", AttemptEnd::TimedOut { fault: fault("late") });
        host.expect(&[("a", Status::TimedOut)]);
    }
}

#[test]
fn lost_attempts_and_those_given_back_use_up_no_retry() {
    let mut host = Host::started(&graph("root", vec![task("a").retried(1, 0)]));
    host.end("a", lost());
    host.end("a", AttemptEnd::Stopped);
    host.fail("a");
    host.end("a", lost());
    assert_eq!(host.run.queued()[0].1.0, 5);
    host.succeed("a");
    assert_eq!(host.run.status(), Status::Succeeded);
    assert_eq!(host.run.task(&address("a")).unwrap().attempts(), 5);
}

#[test]
fn a_task_that_loses_its_watcher_again_and_again_fails_after_growing_pauses() {
    let mut host = Host::started(&graph("root", vec![task("a").retried(9, 0)]));
    let mut pauses = Vec::new();
    while !host.run.status().is_terminal() {
        host.end("a", lost_alone());
        pauses.extend(host.timers.values().map(|due| due.since(host.now).0));
        if !host.timers.is_empty() {
            host.fire();
        }
    }
    assert_eq!(pauses, [1_000, 2_000]);
    host.expect(&[("a", Status::Failed)]);
    let fault = host.run.fault().unwrap();
    assert_eq!(fault.title, "its watcher died 3 times in a row, maybe killed for memory");
    assert_eq!(fault.detail.as_deref(), Some("watcher was killed"));
}

#[test]
fn crashes_do_not_count_as_losses_of_a_watcher_and_an_attempt_that_failed_ends_the_row() {
    let mut host = Host::started(&graph("root", vec![task("a").retried(1, 0)]));
    for end in [lost_alone(), lost(), AttemptEnd::Stopped, lost_alone()] {
        host.end("a", end);
        if !host.timers.is_empty() {
            host.fire();
        }
    }
    host.fail("a");
    for _ in 0..2 {
        host.end("a", lost_alone());
        host.fire();
    }
    host.succeed("a");
    assert_eq!(host.run.status(), Status::Succeeded);
    assert_eq!(host.run.task(&address("a")).unwrap().attempts(), 8);
}

#[test]
fn a_task_that_nothing_may_repeat_fails_with_its_first_watcher() {
    let mut host = Host::started(&graph("root", vec![task("a").once()]));
    host.end("a", lost_alone());
    host.expect(&[("a", Status::Failed)]);
}

#[test]
fn a_retry_that_is_not_due_is_refused() {
    let mut host = Host::started(&graph("root", vec![task("a").retried(1, 100)]));
    host.fail("a");
    let fire = || Command::Fire { timer: TimerKey::Retry(address("a")) };
    host.pass(99);
    assert_eq!(host.put(fire()), Err(Rejection::NotDue));
    host.fire();
    assert_eq!(host.put(fire()), Err(Rejection::NotDue), "it has fired");
}
