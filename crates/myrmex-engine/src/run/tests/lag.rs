//! Edges with a lag: armed, elapsed, withdrawn, replayed.

use myrmex_model::command::{Command, TimerKey};
use myrmex_model::effect::Effect;
use myrmex_model::ir::Join;
use myrmex_model::outcome::Outcome::{Started, Succeeded};
use myrmex_model::status::Status;

use super::build::{Spec, graph, task};
use super::host::{Host, address};
use crate::run::{Rejection, Run};

fn lagged() -> Vec<Spec> {
    vec![task("a"), task("b").after_with("a", &[Succeeded], 100)]
}

fn key(from: &str, to: &str) -> TimerKey {
    TimerKey::Lag(address(from), address(to))
}

#[test]
fn an_edge_becomes_true_only_after_its_lag() {
    let mut host = Host::started(&graph("root", lagged()));
    host.succeed("a");
    assert!(host.run.queued().is_empty());
    assert_eq!(host.put(Command::Fire { timer: key("a", "b") }), Err(Rejection::NotDue));
    host.fire();
    assert_eq!(host.run.queued().len(), 1);
    assert_eq!(host.put(Command::Fire { timer: key("a", "b") }), Err(Rejection::NotDue));
    host.finish();
}

#[test]
fn a_lag_counts_from_the_outcome_however_late_the_timer_fires() {
    let mut host = Host::started(&graph("root", lagged()));
    let ended = host.now;
    host.succeed("a");
    host.pass(5_000);
    assert_eq!(host.timers[&key("a", "b")], ended.after(myrmex_model::time::Length(100)));
    host.fire();
    host.expect(&[("b", Status::Pending)]);
}

#[test]
fn a_lag_whose_edge_is_false_is_never_armed() {
    let mut host = Host::started(&graph("root", lagged()));
    host.fail("a");
    host.expect(&[("b", Status::Skipped)]);
    assert!(host.timers.is_empty());
}

#[test]
fn a_lag_after_the_start_runs_while_the_task_does() {
    let mut host = Host::started(&graph("root", vec![task("a"), task("b").after_with("a", &[Started], 100)]));
    host.grant();
    host.fire();
    host.expect(&[("a", Status::Running), ("b", Status::Pending)]);
    host.finish();
}

#[test]
fn a_cancel_withdraws_lags() {
    let mut host = Host::started(&graph("root", [lagged(), vec![task("slow")]].concat()));
    host.succeed("a");
    host.cancel();
    assert!(host.effects.contains(&Effect::Disarm { timer: key("a", "b") }));
    assert!(host.run.timers().is_empty());
    host.now = host.now.after(myrmex_model::time::Length(100));
    assert_eq!(host.put(Command::Fire { timer: key("a", "b") }), Err(Rejection::NotDue));
    host.finish();
}

#[test]
fn a_lag_that_nobody_waits_for_any_more_is_withdrawn() {
    let b = task("b").after_with("a", &[Succeeded], 100).after("c");
    let mut host = Host::started(&graph("root", vec![task("a"), task("c"), b.clone().join(Join::First(1))]));
    host.succeed("a");
    host.succeed("c");
    assert!(host.effects.contains(&Effect::Disarm { timer: key("a", "b") }), "another edge was enough");
    host.finish();
    let mut host = Host::started(&graph("root", vec![task("a"), task("c"), b]));
    host.succeed("a");
    host.fail("c");
    assert!(host.effects.contains(&Effect::Disarm { timer: key("a", "b") }), "another edge is false");
    assert_eq!(host.run.status(), Status::Failed);
}

#[test]
fn a_lag_is_withdrawn_once_though_a_cancel_follows() {
    let b = task("b").after_with("a", &[Succeeded], 100).after("c").join(Join::First(1));
    let mut host = Host::started(&graph("root", vec![task("a"), task("c"), b]));
    host.succeed("a");
    host.succeed("c");
    host.grant();
    host.cancel();
    assert_eq!(host.effects, [Effect::Stop { token: host.token("b") }]);
    host.finish();
}

#[test]
fn two_lags_between_the_same_tasks_share_a_timer_and_both_count() {
    let b = task("b").after_with("a", &[Succeeded], 100).after_with("a", &[Started], 300);
    let mut host = Host::started(&graph("root", vec![task("a"), b]));
    host.grant();
    let begun = host.now;
    host.pass(50);
    host.succeed("a");
    assert_eq!(host.timers[&key("a", "b")], begun.after(myrmex_model::time::Length(150)));
    host.fire();
    assert!(host.run.queued().is_empty(), "the lag after the start is not over");
    assert_eq!(host.timers[&key("a", "b")], begun.after(myrmex_model::time::Length(300)));
    host.fire();
    assert_eq!(host.run.queued().len(), 1);
}

#[test]
fn lags_go_on_after_a_replay() {
    let mut host = Host::started(&graph("root", lagged()));
    host.succeed("a");
    let mut find = |hash| host.definitions.get(&hash).cloned();
    let mut replayed = Run::replay(super::host::RUN, &host.journal, &mut find).unwrap();
    assert_eq!(replayed.resume(host.now).events, []);
    host.run = replayed;
    host.fire();
    host.succeed("b");
    assert_eq!(host.run.status(), Status::Succeeded);
}
