//! The race table of `cancel.rs`, row by row.

use myrmex_model::command::{Command, TimerKey};
use myrmex_model::effect::Effect;
use myrmex_model::id::Attempt;
use myrmex_model::outcome::AttemptEnd;
use myrmex_model::status::{Phase, Status};

use super::build::{each, flow, graph, name, task, timer, value};
use super::host::{Host, address, ended_badly, ended_well, lost};
use crate::run::Rejection;

fn cancel() -> Command {
    Command::Cancel { by: "ana".into(), reason: "enough".into(), successor: None }
}

#[test]
fn what_waits_for_its_edges_is_cancelled_at_once() {
    let mut host = Host::started(&graph("root", vec![task("a"), task("b").after("a")]));
    host.cancel();
    host.expect(&[("b", Status::Cancelled)]);
}

#[test]
fn what_is_queued_is_withdrawn_and_no_grant_can_follow() {
    let mut host = Host::started(&graph("root", vec![task("a"), task("b")]));
    let crate::dispatch::Grant { token, ready, .. } = host.dispatch.grant(host.now).remove(0);
    host.cancel();
    let withdrawn = Effect::Withdraw { task: address("a"), attempt: Attempt::FIRST };
    assert!(host.effects.contains(&withdrawn));
    assert_eq!(host.run.status(), Status::Cancelled);
    let grant = Command::Grant { task: ready.task, attempt: ready.attempt, token, worker: name("local") };
    assert!(matches!(host.put(grant), Err(Rejection::RunOver { .. })));
}

#[test]
fn no_grant_follows_a_cancel_while_the_run_still_stops() {
    let mut host = Host::started(&graph("root", vec![task("a"), task("b")]));
    host.dispatch = super::host::dispatch(myrmex_model::id::Epoch(1), 1);
    for (task, attempt) in host.run.queued() {
        host.dispatch.enqueue(crate::dispatch::Ready::plain(super::host::RUN, task, attempt, host.now));
    }
    host.grant();
    host.cancel();
    let grant = Command::Grant {
        task: address("b"),
        attempt: Attempt::FIRST,
        token: myrmex_model::id::FencingToken(99),
        worker: name("local"),
    };
    assert!(matches!(host.put(grant), Err(Rejection::NotQueued { .. })));
    host.expect(&[("a", Status::Running), ("b", Status::Cancelled)]);
}

/// Cancels while `a` runs, then reports `end`: `a` is cancelled whatever it is.
fn cancelled_then(end: AttemptEnd) {
    let mut host =
        Host::started(&graph("root", vec![task("a").declared().retried(3, 10), task("b").after("a")]));
    host.grant();
    let token = host.token("a");
    host.cancel();
    assert_eq!(host.effects, [Effect::Stop { token }]);
    let a = host.run.task(&address("a")).unwrap();
    assert_eq!((a.status(), a.phase()), (Status::Running, Phase::Cancelling));
    host.report(token, end).unwrap();
    host.expect(&[("a", Status::Cancelled), ("b", Status::Cancelled)]);
    assert_eq!(host.run.status(), Status::Cancelled);
}

#[test]
fn what_runs_is_stopped_and_cancelled_only_once_its_worker_reports() {
    cancelled_then(AttemptEnd::Stopped);
}

#[test]
fn what_is_reported_after_the_cancel_is_recorded_and_changes_nothing() {
    cancelled_then(ended_well());
    cancelled_then(ended_badly());
    cancelled_then(lost());
}

#[test]
fn an_outcome_before_the_cancel_in_the_same_batch_holds() {
    let mut host = Host::started(&graph("root", vec![task("a"), task("b").after("a")]));
    host.succeed("a");
    host.cancel();
    host.expect(&[("a", Status::Succeeded), ("b", Status::Cancelled)]);
    assert_eq!(host.run.status(), Status::Cancelled);
}

#[test]
fn what_waits_for_a_retry_is_cancelled_at_once() {
    let mut host = Host::started(&graph("root", vec![task("a").retried(1, 100)]));
    host.fail("a");
    host.cancel();
    assert!(host.effects.contains(&Effect::Disarm { timer: TimerKey::Retry(address("a")) }));
    assert_eq!(host.run.status(), Status::Cancelled);
    assert_eq!(host.run.task(&address("a")).unwrap().attempts(), 1);
}

#[test]
fn a_wait_is_cancelled_at_once() {
    let mut host = Host::started(&graph("root", vec![timer("w")]));
    host.cancel();
    assert!(host.effects.contains(&Effect::Disarm { timer: TimerKey::Wait(address("w")) }));
    assert_eq!(host.run.status(), Status::Cancelled);
}

#[test]
fn blocks_and_items_are_cancelled_once_nothing_inside_is_alive() {
    let block = graph("block", vec![task("x"), flow("steps", vec![task("y"), task("z")])]);
    let mut host = Host::started(&graph(
        "root",
        vec![block, each("all", task("_")), each("few", task("_")).parallel(1)],
    ));
    host.grant();
    host.cancel();
    assert_eq!(host.effects.len(), 5);
    host.report(host.token("block/x"), AttemptEnd::Stopped).unwrap();
    host.report(host.token("all[0]"), AttemptEnd::Stopped).unwrap();
    host.report(host.token("few[0]"), AttemptEnd::Stopped).unwrap();
    host.expect(&[("block", Status::Running), ("all", Status::Running), ("few", Status::Cancelled)]);
    host.report(host.token("all[1]"), AttemptEnd::Stopped).unwrap();
    host.expect(&[("all", Status::Cancelled), ("block", Status::Running)]);
    host.report(host.token("block/steps/y"), AttemptEnd::Stopped).unwrap();
    host.expect(&[("block", Status::Cancelled), ("block/steps", Status::Cancelled)]);
    assert!(
        host.run.task(&address("block/steps/z")).is_none(),
        "what the token never reached does not exist"
    );
    assert_eq!(host.run.status(), Status::Cancelled);
}

#[test]
fn what_has_ended_stays_as_it_is() {
    let mut host =
        Host::started(&graph("root", vec![value("v"), graph("block", vec![value("x")]), task("a")]));
    host.cancel();
    host.expect(&[("v", Status::Succeeded), ("block", Status::Succeeded), ("a", Status::Cancelled)]);
}

#[test]
fn a_run_that_has_ended_refuses_the_cancel() {
    let mut host = Host::started(&graph("root", vec![value("v")]));
    assert_eq!(host.put(cancel()), Err(Rejection::RunOver { status: Status::Succeeded }));
}

#[test]
fn a_second_cancel_changes_nothing() {
    let mut host = Host::started(&graph("root", vec![task("a")]));
    host.grant();
    host.cancel();
    let events = host.journal.len();
    host.cancel();
    assert_eq!((host.journal.len(), host.effects.len()), (events, 0));
}

#[test]
fn a_restored_run_asks_again_for_the_stop_of_what_is_being_cancelled() {
    let mut host = Host::started(&graph("root", vec![task("a")]));
    host.grant();
    host.cancel();
    let (definition, hash) = (host.run.definition().clone(), host.run.definition_hash());
    let mut restored = crate::run::Run::restore(&host.run.facts(), definition, hash).unwrap();
    assert_eq!(restored.resume(host.now).effects, [Effect::Stop { token: host.token("a") }]);
}

#[test]
fn a_cancel_is_never_left_for_the_next_turn() {
    let mut host = Host::started(&graph("root", vec![task("a"), task("b")]));
    host.run.set_turn_items(0);
    let cancel = Command::Cancel { by: "ana".into(), reason: "enough".into(), successor: None };
    host.run.decide(cancel, host.now).unwrap();
    assert!(host.run.has_more(), "the rest of the turn is left");
    assert_eq!(host.run.queued(), [], "nothing waits for a grant any more");
}
