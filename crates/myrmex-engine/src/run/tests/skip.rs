//! A person skips what waits, and nothing else.

use myrmex_model::command::{Command, TimerKey};
use myrmex_model::effect::Effect;
use myrmex_model::event::{Event, SkipReason};
use myrmex_model::id::Attempt;
use myrmex_model::status::Status::{Running, Skipped, Succeeded};

use super::build::{flow, graph, task, timer};
use super::host::{Host, address, ended_badly};

fn skip(tasks: &[&str]) -> Command {
    let tasks = tasks.iter().map(|task| address(task)).collect();
    Command::Skip { tasks, by: "ana".into(), reason: "not today".into() }
}

#[test]
fn a_task_that_was_not_reached_is_skipped_and_decides_what_follows() {
    let mut host =
        Host::started(&graph("root", vec![task("a"), task("b").after("a"), task("c").after("b"), task("d")]));
    host.put(skip(&["b"])).unwrap();
    let reason = host.journal.iter().find_map(|recorded| match &recorded.event {
        Event::TaskSkipped { task, reason } if *task == address("b") => Some(reason.clone()),
        _ => None,
    });
    assert_eq!(reason, Some(SkipReason::Person { by: "ana".into(), reason: "not today".into() }));
    host.expect(&[("b", Skipped), ("c", Skipped)]);
    host.finish();
    host.expect(&[("a", Succeeded), ("d", Succeeded)]);
    assert_eq!(host.run.status(), Succeeded);
}

#[test]
fn a_queued_attempt_is_withdrawn() {
    let mut host = Host::started(&graph("root", vec![task("a")]));
    host.put(skip(&["a"])).unwrap();
    assert_eq!(host.effects.first(), Some(&Effect::Withdraw { task: address("a"), attempt: Attempt::FIRST }));
    host.expect(&[("a", Skipped)]);
}

#[test]
fn a_timer_and_the_pause_before_an_attempt_are_disarmed() {
    let mut host = Host::started(&graph("root", vec![timer("w"), task("r").retried(3, 1_000), task("z")]));
    host.grant();
    host.report(host.token("r"), ended_badly()).unwrap();
    host.put(skip(&["w", "r", "w"])).unwrap();
    for timer in [TimerKey::Wait(address("w")), TimerKey::Retry(address("r"))] {
        assert!(host.effects.contains(&Effect::Disarm { timer: timer.clone() }), "{timer:?}");
    }
    host.expect(&[("w", Skipped), ("r", Skipped), ("z", Running)]);
}

#[test]
fn a_flow_goes_on_behind_what_was_skipped() {
    let mut host = Host::started(&flow("root", vec![task("a"), task("b")]));
    host.put(skip(&["a"])).unwrap();
    host.succeed("b");
    host.expect(&[("a", Skipped), ("b", Succeeded)]);
    assert_eq!(host.run.status(), Succeeded);
}

#[test]
fn what_does_not_wait_is_refused_and_nothing_is_skipped_then() {
    let mut host = Host::started(&graph("root", vec![task("a"), task("b").after("a")]));
    host.grant();
    let refused = |host: &mut Host, tasks: &[&str]| host.put(skip(tasks)).unwrap_err().to_string();
    let expected = "task `a` cannot be skipped: it is under way, and does not wait";
    assert_eq!(refused(&mut host, &["b", "a"]), expected);
    assert_eq!(refused(&mut host, &["x"]), "task `x` is not under way");
    assert_eq!(refused(&mut host, &[""]), "task `` cannot be skipped: it is the run itself");
    host.succeed("a");
    assert_eq!(refused(&mut host, &["a"]), "task `a` cannot be skipped: it is over");
    host.cancel();
    assert!(host.put(skip(&["b"])).is_err());
}
