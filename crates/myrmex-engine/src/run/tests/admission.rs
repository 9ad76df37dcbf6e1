//! Runs that need a place among those of their workflow before anything of them begins.

use myrmex_model::command::{ChildEnd, Command};
use myrmex_model::effect::{Effect, Evaluation};
use myrmex_model::event::{Event, SkipReason};
use myrmex_model::id::RunId;
use myrmex_model::status::{Phase, Status};

use super::build::{Spec, bounded, call, define, flow, graph, task};
use super::host::Host;
use crate::run::{Rejection, Run};

const HOLDER: RunId = RunId([3; 16]);

/// A run of `root` that waits for its place with the key `k`.
fn queued(root: &Spec) -> Host {
    let mut host = Host::new(bounded(&define(root)));
    host.start();
    host
}

fn refused(host: &Host) -> (Status, String) {
    (host.run.status(), host.run.fault().unwrap().to_string())
}

#[test]
fn nothing_begins_before_a_run_has_its_place() {
    let mut host = queued(&flow("root", vec![task("a")]));
    assert_eq!(host.story(0), ["run.started", "run.queued"]);
    assert_eq!(host.journal[1].change.phase, Phase::Queued);
    let since = host.now;
    assert_eq!(host.effects, [Effect::QueueRun { key: Some("k".into()), since }]);
    assert_eq!(host.run.status(), Status::Pending);
    host.put(Command::Admit).unwrap();
    assert_eq!(host.story(2), ["run.admitted", "task.queued a"]);
    assert_eq!(host.put(Command::Admit), Err(Rejection::NotWaiting));
    host.finish();
    assert_eq!(host.run.status(), Status::Succeeded);
}

#[test]
fn a_run_that_waits_asks_again_when_it_is_resumed() {
    let mut host = queued(&flow("root", vec![task("a")]));
    let since = host.now;
    host.pass(9);
    let decision = host.run.resume(host.now);
    assert_eq!(decision.effects, [Effect::QueueRun { key: Some("k".into()), since }]);
    host.put(Command::Admit).unwrap();
    assert!(host.run.claim().is_some_and(|claim| claim.is_admitted && claim.since == since));
    assert_eq!(host.run.resume(host.now).effects, []);
}

#[test]
fn a_journal_that_ends_before_the_key_is_known_asks_for_it() {
    let host = queued(&flow("root", vec![task("a")]));
    let mut find = |hash| host.definitions.get(&hash).cloned();
    let mut run = Run::replay(host.run.id(), &host.journal[..1], &mut find).unwrap();
    assert_eq!(run.resume(host.now).requests.len(), 1);
    // Nothing is asked of one that knows it.
    let mut run = Run::replay(host.run.id(), &host.journal, &mut find).unwrap();
    assert_eq!(run.resume(host.now).requests, []);
}

#[test]
fn a_run_without_a_place_is_skipped_or_fails_and_handles_nothing() {
    let root = || flow("root", vec![task("a")]).finally(task("last")).on_failure(task("undo"));
    let mut host = queued(&root());
    host.put(Command::TurnAway { holder: HOLDER, is_deadlock: false }).unwrap();
    let why = format!("run {HOLDER} holds the key `k`");
    assert_eq!(refused(&host), (Status::Skipped, format!("{why} (flow/conflict)")));
    assert_eq!(host.effects, [Effect::End]);
    let mut host = queued(&root());
    host.put(Command::TurnAway { holder: HOLDER, is_deadlock: true }).unwrap();
    let why = format!("it would wait for ever: {why} and waits for it (flow/deadlock)");
    assert_eq!(refused(&host), (Status::Failed, why));
    assert_eq!(host.run.tasks().count(), 0);
}

#[test]
fn a_run_that_waits_can_be_cancelled_and_runs_no_handler() {
    let mut host = queued(&flow("root", vec![task("a")]).finally(task("last")).on_failure(task("undo")));
    host.cancel();
    assert_eq!(host.story(2), ["cancel.requested", "run.ended"]);
    assert_eq!(host.run.status(), Status::Cancelled);
    assert_eq!(host.effects, [Effect::End]);
}

#[test]
fn a_deadline_counts_while_a_run_waits() {
    let mut root = flow("root", vec![task("a")]).on_failure(task("undo"));
    root.limits[2] = Some(5);
    let mut host = queued(&root);
    host.fire();
    assert_eq!(host.story(2), ["limit.reached", "run.ended"]);
    assert_eq!(host.run.status(), Status::TimedOut);
}

#[test]
fn a_key_without_a_value_fails_the_run() {
    let mut host = Host::new(bounded(&define(&flow("root", vec![task("a")]).on_failure(task("undo")))));
    host.answer_error("");
    host.start();
    assert_eq!(host.story(0), ["run.started", "run.ended"]);
    assert_eq!(host.run.status(), Status::Failed);
}

#[test]
fn the_key_is_recorded() {
    let mut host = Host::new(bounded(&define(&flow("root", vec![task("a")]))));
    host.answer("", Evaluation::Key(None));
    host.start();
    assert!(host.events().any(|event| *event == Event::RunQueued { key: None }));
    host.put(Command::TurnAway { holder: HOLDER, is_deadlock: false }).unwrap();
    let why = format!("run {HOLDER} of the same workflow is under way (flow/conflict)");
    assert_eq!(refused(&host), (Status::Skipped, why));
}

#[test]
fn a_call_whose_child_is_skipped_is_skipped() {
    let after = task("b").after("a");
    let mut host = Host::started(&graph("root", vec![call("a"), after, task("c")]));
    let child = host.child("a");
    host.end_child(child, ChildEnd::Skipped).unwrap();
    host.expect(&[("a", Status::Skipped), ("b", Status::Skipped)]);
    let reason = SkipReason::Child { run: child };
    assert!(
        host.events().any(|event| matches!(event, Event::TaskSkipped { reason: own, .. } if *own == reason))
    );
    host.finish();
    assert_eq!(host.run.status(), Status::Succeeded);
}
