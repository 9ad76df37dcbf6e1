//! Flows: order, jumps, visits, ends, and the bound of a flow that never pauses.

use myrmex_model::effect::Evaluation;
use myrmex_model::id::{Attempt, FencingToken};
use myrmex_model::status::Status;

use super::build::{Spec, Then, choose, define, flow, goto, graph, raise, task, timer, value};
use super::host::{Host, address, ended_well, report_of};
use crate::run::Rejection;
use crate::run::advance::FLOW_VISITS_MAX;

fn again() -> Spec {
    choose("again", vec![goto("a"), Then::Continue, Then::Exit, Then::End])
}

fn with_cases(root: &Spec, task: &str, cases: &[u32]) -> Host {
    let mut host = Host::new(define(root));
    for case in cases {
        host.answer(task, Evaluation::Case(Some(*case)));
    }
    host
}

#[test]
fn children_run_one_after_the_other() {
    let mut host = Host::started(&flow("root", vec![task("a"), task("b")]));
    assert!(host.run.task(&address("b")).is_none());
    host.succeed("a");
    host.succeed("b");
    assert_eq!(host.run.status(), Status::Succeeded);
}

#[test]
fn a_failure_ends_the_flow_and_a_skip_does_not() {
    let mut host = Host::new(define(&flow("root", vec![task("a").guarded(), raise("b"), task("c")])));
    host.answer("a", Evaluation::Skip);
    host.start();
    host.expect(&[("a", Status::Skipped), ("b", Status::Failed)]);
    assert!(host.run.task(&address("c")).is_none());
    assert_eq!(host.run.status(), Status::Failed);
}

#[test]
fn every_visit_has_its_own_address() {
    let mut host = with_cases(&flow("root", vec![task("a"), again(), task("b")]), "again", &[0]);
    host.answer("again#2", Evaluation::Case(Some(1)));
    host.start();
    host.succeed("a");
    host.succeed("a#2");
    host.succeed("b");
    host.expect(&[("a", Status::Succeeded), ("a#2", Status::Succeeded), ("again#2", Status::Succeeded)]);
    assert_eq!(host.run.status(), Status::Succeeded);
    let last = host.run.tasks().filter(|task| task.address().path() == "a").last().unwrap();
    assert_eq!(last.address(), address("a#2"));
}

#[test]
fn what_stands_beside_a_child_says_where_the_token_goes() {
    let mut host = Host::started(&flow("root", vec![value("a").then(goto("c")), raise("b"), value("c")]));
    assert!(host.run.task(&address("b")).is_none());
    assert_eq!(host.run.status(), Status::Succeeded);
    host = with_cases(
        &flow("root", vec![choose("s", vec![Then::Continue]).then(Then::Exit), raise("b")]),
        "s",
        &[0],
    );
    host.start();
    assert_eq!(host.run.status(), Status::Succeeded, "a case that says nothing leaves it to the `switch`");
}

#[test]
fn exit_leaves_only_this_flow() {
    let inner = flow("inner", vec![value("a"), again(), task("never")]);
    let mut host = with_cases(&flow("root", vec![inner, task("after")]), "inner/again", &[2]);
    host.start();
    host.expect(&[("inner", Status::Succeeded), ("after", Status::Pending)]);
    host.finish();
}

#[test]
fn end_at_the_root_ends_the_run() {
    let mut host = with_cases(&flow("root", vec![value("a"), again(), task("never")]), "again", &[3]);
    host.start();
    assert_eq!(host.run.status(), Status::Succeeded);
}

#[test]
fn end_inside_a_block_ends_the_run_and_cancels_what_stands_beside() {
    let inner = flow("inner", vec![value("a"), again(), task("never")]);
    let mut host = with_cases(
        &graph("root", vec![task("slow"), timer("w"), inner.after("go"), task("go")]),
        "inner/again",
        &[3],
    );
    host.start();
    host.succeed("go");
    assert_eq!(host.run.status(), Status::Running, "`slow` is still being stopped");
    host.report(host.token("slow"), ended_well()).unwrap();
    host.expect(&[("slow", Status::Cancelled), ("w", Status::Cancelled), ("inner", Status::Cancelled)]);
    host.expect(&[("inner/again", Status::Succeeded)]);
    assert_eq!(host.run.status(), Status::Succeeded);
}

#[test]
fn two_flows_that_end_the_run_ask_once() {
    let inner = |name: &str| flow(name, vec![task("a").then(Then::End)]);
    let mut host = Host::started(&graph("root", vec![inner("x"), inner("y")]));
    host.grant();
    host.succeed("x/a");
    host.succeed("y/a");
    let asked = host.story(0).iter().filter(|line| line.starts_with("end.requested")).count();
    assert_eq!((asked, host.run.status()), (1, Status::Succeeded));
}

#[test]
fn a_replayed_run_does_not_ask_for_its_end_again() {
    let inner = flow("x", vec![value("a").then(Then::End)]);
    let mut host = Host::started(&graph(
        "root",
        vec![task("slow"), inner.after_on("slow", &[myrmex_model::outcome::Outcome::Started])],
    ));
    host.grant();
    let mut find = |hash| host.definitions.get(&hash).cloned();
    let mut replayed = crate::run::Run::replay(super::host::RUN, &host.journal, &mut find).unwrap();
    assert_eq!(replayed.resume(host.now).events, []);
}

#[test]
fn a_cancel_while_the_run_ends_itself_cancels_the_run() {
    let inner = flow("x", vec![task("a").then(Then::End)]);
    let mut host = Host::started(&graph("root", vec![inner, task("slow")]));
    host.succeed("x/a");
    host.cancel();
    host.finish();
    assert_eq!(host.run.status(), Status::Cancelled);
}

#[test]
fn an_empty_flow_succeeds_at_once() {
    assert_eq!(Host::started(&flow("root", Vec::new())).run.status(), Status::Succeeded);
}

#[test]
fn a_flow_that_never_pauses_is_stopped_by_its_bound() {
    let mut host = Host::new(define(&flow("root", vec![graph("a", Vec::new()).then(goto("a"))])));
    host.is_checked = false;
    host.start();
    assert_eq!(host.run.fault().unwrap().kind.as_str(), "data-limit");
    assert_eq!(host.run.tasks().count(), FLOW_VISITS_MAX + 1);
}

/// Each round is a turn, for there is a pause in it.
#[test]
fn rounds_that_are_over_do_not_fill_the_memory() {
    const ROUNDS: u32 = 100_000;
    let around = flow("loop", vec![value("a"), timer("pause"), value("b")]).repeated_until(ROUNDS).last();
    let mut host = Host::new(define(&graph("root", vec![around])));
    (host.is_checked, host.frugality) = (false, Some(8));
    host.start();
    for round in 1..=ROUNDS {
        host.answer("loop", Evaluation::Round(round < ROUNDS));
        host.fire();
        host.journal.clear();
        assert!(host.run.size() < 20, "{} activations in round {round}", host.run.size());
    }
    host.expect(&[("loop", Status::Succeeded), ("loop/a#100000", Status::Succeeded)]);
    assert!(host.run.task(&address("loop/a#99999")).is_none());
    assert_eq!(host.run.status(), Status::Succeeded);
}

#[test]
fn a_visit_that_was_folded_counts() {
    let root = flow("root", vec![task("a"), again(), task("b")]);
    let mut host = with_cases(&root, "again", &[0]);
    for visit in 2..5 {
        host.answer(&format!("again#{visit}"), Evaluation::Case(Some(0)));
    }
    host.frugality = Some(8);
    host.run.set_frugal(8);
    host.start();
    for task in ["a", "a#2", "a#3", "a#4"] {
        host.succeed(task);
    }
    assert!(host.run.task(&address("a")).is_none() && host.run.task(&address("again#2")).is_none());
    host.expect(&[("a#4", Status::Succeeded), ("a#5", Status::Pending), ("again#4", Status::Succeeded)]);
    let late = host.put(report_of(&address("a#2"), Attempt::FIRST, FencingToken(1), ended_well()));
    assert!(matches!(late, Err(Rejection::StaleAttempt { .. })), "{late:?}");
}
