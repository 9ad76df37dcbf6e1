//! Rounds, enough successes, tolerated failures, and those that come late.

use myrmex_model::effect::Evaluation;
use myrmex_model::fault::FaultKind;
use myrmex_model::ir::{Join, Rest, Tolerance};
use myrmex_model::outcome::AttemptEnd;
use myrmex_model::status::Status;

use super::build::{Spec, Then, define, each, flow, graph, task, value};
use super::host::{Host, list, value_hash};

fn items(count: u32, spec: Spec) -> Host {
    let mut host = Host::new(define(&graph("root", vec![spec])));
    host.answer("e", list(count));
    host.start();
    host
}

fn fault_kind(host: &Host) -> FaultKind {
    host.run.fault().unwrap().kind.clone()
}

#[test]
fn a_loop_asks_before_each_round_and_visits_count_on() {
    let looped = flow("f", vec![task("a"), task("b")]).repeated_while(5).last();
    let mut host = Host::new(define(&flow("root", vec![looped])));
    for again in [true, true, false] {
        host.answer("f", Evaluation::Round(again));
    }
    host.start();
    host.finish();
    host.expect(&[("f/b#2", Status::Succeeded), ("f", Status::Succeeded)]);
    assert_eq!(host.story(0).iter().filter(|line| *line == "round.began f").count(), 2);
}

#[test]
fn a_loop_that_asks_after_its_rounds_goes_round_once_at_least() {
    let mut host = Host::new(define(&flow("root", vec![flow("f", vec![task("a")]).repeated_until(5)])));
    host.answer("f", Evaluation::Round(false));
    host.start();
    host.succeed("f/a");
    assert_eq!(host.run.status(), Status::Succeeded);
}

#[test]
fn a_loop_without_an_end_fails_and_exit_ends_one() {
    let mut host = Host::new(define(&flow("root", vec![flow("f", vec![value("a")]).repeated_while(2)])));
    (0..3).for_each(|_| host.answer("f", Evaluation::Round(true)));
    host.start();
    assert_eq!((host.run.status(), fault_kind(&host)), (Status::Failed, FaultKind::RoundsExceeded));
    let looped = flow("f", vec![value("a").then(Then::Exit), task("b")]).repeated_while(2);
    let mut host = Host::new(define(&flow("root", vec![looped])));
    host.answer("f", Evaluation::Round(true));
    host.start();
    assert_eq!(host.run.status(), Status::Succeeded);
}

#[test]
fn a_failure_and_a_cancel_end_a_loop() {
    let looped = || flow("root", vec![flow("f", vec![task("a")]).repeated_while(9)]);
    let mut host = Host::started(&looped());
    host.fail("f/a");
    assert_eq!(host.run.status(), Status::Failed);
    let mut host = Host::started(&looped());
    host.cancel();
    assert_eq!(host.run.status(), Status::Cancelled);
}

#[test]
fn enough_successes_cancel_the_rest() {
    let children = vec![task("a"), task("b"), task("c"), task("d").after("a")];
    let mut host = Host::started(&graph("root", vec![graph("race", children).first(1, Rest::Cancel)]));
    host.grant();
    host.report(host.token("race/b"), super::host::ended_well()).unwrap();
    for loser in ["race/a", "race/c"] {
        host.report(host.token(loser), AttemptEnd::Stopped).unwrap();
    }
    host.expect(&[("race", Status::Succeeded), ("race/a", Status::Cancelled), ("race/d", Status::Cancelled)]);
}

#[test]
fn enough_successes_let_the_rest_end_or_run() {
    let race = |rest| {
        let children = vec![task("a"), task("b"), task("c").after("b"), task("d").after("a")];
        let mut host = Host::started(&graph("root", vec![graph("race", children).first(1, rest)]));
        host.grant();
        host.report(host.token("race/a"), super::host::ended_well()).unwrap();
        assert_eq!(host.status("race"), Status::Running);
        host.report(host.token("race/b"), super::host::ended_badly()).unwrap();
        host.finish();
        host
    };
    let host = race(Rest::Ignore);
    host.expect(&[("race", Status::Succeeded), ("race/b", Status::Failed), ("race/d", Status::Cancelled)]);
    let host = race(Rest::Run);
    host.expect(&[("race", Status::Succeeded), ("race/c", Status::Skipped), ("race/d", Status::Succeeded)]);
}

#[test]
fn too_few_successes_fail() {
    let race = graph("race", vec![task("a"), task("b")]).first(2, Rest::Cancel);
    let mut host = Host::started(&graph("root", vec![race]));
    host.succeed("race/a");
    host.fail("race/b");
    assert_eq!((host.status("race"), host.run.fault().unwrap().title.as_str()), (Status::Failed, "broke"));
}

#[test]
fn no_item_begins_once_enough_have_succeeded() {
    let mut host = items(5, each("e", task("_")).parallel(1).first(2, Rest::Cancel));
    host.succeed("e[0]");
    host.succeed("e[1]");
    assert_eq!((host.status("e"), host.run.status()), (Status::Succeeded, Status::Succeeded));
    assert!(host.run.task(&super::host::address("e[2]")).is_none());
}

#[test]
fn failures_are_tolerated_up_to_a_count_or_a_part() {
    let outcome = |tolerance, failures: u32| {
        let mut host = items(4, each("e", task("_")).tolerating(tolerance));
        for index in 0..4 {
            let end = if index < failures { super::host::ended_badly() } else { super::host::ended_well() };
            host.end(&format!("e[{index}]"), end);
        }
        host
    };
    assert_eq!(outcome(Tolerance::Count(3), 1).status("e"), Status::Succeeded);
    assert_eq!(fault_kind(&outcome(Tolerance::Count(3), 2)), FaultKind::ToleranceExceeded);
    assert_eq!(outcome(Tolerance::Percent(75), 1).status("e"), Status::Succeeded);
    assert_eq!(outcome(Tolerance::Percent(76), 1).status("e"), Status::Failed);
    assert_eq!(outcome(Tolerance::Percent(0), 4).status("e"), Status::Succeeded);
}

#[test]
fn fail_fast_waits_for_the_first_failure_that_is_not_tolerated() {
    let mut host = items(4, each("e", task("_")).tolerating(Tolerance::Count(3)).failing_fast());
    host.fail("e[0]");
    assert_eq!(host.stopping.len(), 0);
    host.fail("e[1]");
    assert_eq!(host.stopping.len(), 2);
    host.finish();
    assert_eq!(fault_kind(&host), FaultKind::ToleranceExceeded);
}

#[test]
fn a_join_that_fired_cancels_what_comes_late_unless_it_is_needed() {
    let children = vec![
        task("fast"),
        task("slow"),
        task("shared"),
        task("next").after("fast").after("slow").after("shared").join(Join::First(1)).cancelling_late(),
        task("other").after("shared"),
    ];
    let mut host = Host::started(&graph("root", children));
    host.grant();
    host.report(host.token("fast"), super::host::ended_well()).unwrap();
    assert_eq!(host.stopping.iter().collect::<Vec<_>>(), [&host.token("slow")]);
    host.report(host.token("slow"), AttemptEnd::Stopped).unwrap();
    host.finish();
    host.expect(&[
        ("slow", Status::Cancelled),
        ("shared", Status::Succeeded),
        ("next", Status::Succeeded),
        ("other", Status::Succeeded),
    ]);
    assert_eq!(host.run.status(), Status::Succeeded);
    assert_ne!(host.run.output(), Some(value_hash("\"done\"")));
}
