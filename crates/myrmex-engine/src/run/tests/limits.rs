//! Limits of time, and attempts that nothing may repeat.

use myrmex_model::command::{Command, TimerKey};
use myrmex_model::effect::Effect;
use myrmex_model::event::Limit;
use myrmex_model::fault::FaultKind;
use myrmex_model::id::Attempt;
use myrmex_model::outcome::{AttemptEnd, AttemptReport};
use myrmex_model::status::Status;
use myrmex_model::time::Timestamp;

use super::build::{catch, flow, graph, task, timer, value};
use super::host::{Host, address, dispatch, ended_well, fault, lost};

fn limit_of(host: &Host, task: &str, limit: Limit) -> Option<Timestamp> {
    host.timers.get(&TimerKey::Limit(address(task), limit)).copied()
}

#[test]
fn an_attempt_that_waits_too_long_for_a_place_counts_as_timed_out() {
    let mut host = Host::started(&flow("root", vec![task("a").limit(Limit::Queue, 20).retried(1, 0)]));
    assert!(limit_of(&host, "a", Limit::Queue).is_some());
    host.fire();
    assert_eq!(host.run.queued()[0].1.0, 2, "the next attempt waits, with a limit of its own");
    host.fire();
    let view = host.run.task(&address("a")).unwrap();
    assert_eq!((view.status(), view.fault().unwrap().kind.clone()), (Status::TimedOut, FaultKind::Timeout));
    assert_eq!(host.run.status(), Status::Failed, "only a deadline makes a run time out");
}

#[test]
fn a_place_in_time_ends_the_limit_of_the_queue() {
    let mut host = Host::started(&flow("root", vec![task("a").limit(Limit::Queue, 20)]));
    host.grant();
    assert_eq!(limit_of(&host, "a", Limit::Queue), None);
    host.finish();
}

#[test]
fn a_scope_out_of_its_time_ends_what_is_inside_and_is_retried() {
    let block = graph("block", vec![task("x"), task("y").after("x"), timer("z")]);
    let mut host = Host::started(&flow("root", vec![block.limit(Limit::Attempt, 20).retried(1, 5)]));
    host.grant();
    let token = host.token("block/x");
    host.fire();
    assert!(host.effects.contains(&Effect::Stop { token }));
    host.expect(&[
        ("block", Status::Running),
        ("block/y", Status::Cancelled),
        ("block/z", Status::Cancelled),
    ]);
    host.report(token, ended_well()).unwrap();
    assert_eq!((host.status("block/x"), host.status("block")), (Status::Cancelled, Status::Waiting));
    host.fire();
    host.grant();
    assert!(limit_of(&host, "block", Limit::Attempt).is_some());
    host.fire();
    host.report(host.token("block~2/x"), AttemptEnd::Stopped).unwrap();
    assert_eq!((host.status("block"), host.run.status()), (Status::TimedOut, Status::Failed));
}

#[test]
fn the_total_ends_all_attempts() {
    let limited = task("a").limit(Limit::Total, 30).retried(5, 20);
    let mut host = Host::started(&flow("root", vec![limited.catching(catch(value("_")).retried(5, 0))]));
    host.fail("a");
    host.fire();
    host.grant();
    host.fire();
    assert!(host.stopping.contains(&host.token("a")));
    host.report(host.token("a"), AttemptEnd::Stopped).unwrap();
    host.expect(&[("a", Status::Succeeded), ("a/catch", Status::Succeeded)]);
    assert_eq!(host.run.task(&address("a")).unwrap().fault().unwrap().kind, FaultKind::Timeout);
}

#[test]
fn the_total_ends_a_pause_at_once() {
    let mut host = Host::started(&flow("root", vec![task("a").limit(Limit::Total, 30).retried(5, 60_000)]));
    host.fail("a");
    host.fire();
    assert_eq!((host.status("a"), host.timers.len()), (Status::TimedOut, 0));
}

#[test]
fn a_run_past_its_deadline_ends_timed_out_after_its_handlers() {
    let root = flow("root", vec![task("a")]).limit(Limit::Total, 100);
    let mut host = Host::started(&root.on_failure(task("_")).finally(task("_")));
    host.grant();
    host.fire();
    host.report(host.token("a"), AttemptEnd::Stopped).unwrap();
    assert_eq!(limit_of(&host, "", Limit::Total), None, "what follows is not cut off by the same limit");
    host.succeed("on_failure");
    host.succeed("finally");
    assert_eq!(host.run.status(), Status::TimedOut);
    assert_eq!(host.run.fault().unwrap().kind, FaultKind::Timeout);
}

#[test]
fn a_cancel_outweighs_a_limit() {
    let root = flow("root", vec![task("a").limit(Limit::Total, 10)]);
    let mut host = Host::started(&root);
    host.grant();
    host.fire();
    host.cancel();
    host.report(host.token("a"), AttemptEnd::Stopped).unwrap();
    assert_eq!((host.status("a"), host.run.status()), (Status::Cancelled, Status::Cancelled));
}

#[test]
fn nothing_repeats_what_may_be_done_once_and_is_unknown() {
    for end in [lost(), AttemptEnd::TimedOut { fault: fault("late") }] {
        let once = task("a").once().retried(3, 0).catching(catch(value("_")).of_kind("none").retried(3, 0));
        let mut host = Host::started(&flow("root", vec![flow("block", vec![once]).retried(2, 0)]));
        host.end("block/a", end);
        assert_eq!((host.status("block"), host.run.status()), (Status::Failed, Status::Failed));
        assert!(host.run.fault().unwrap().title.contains("unknown"), "{:?}", host.run.fault());
        assert!(!host.story(0).iter().any(|line| line.starts_with("task.retrying")));
    }
}

#[test]
fn what_failed_for_certain_is_repeated_though_it_may_be_done_once() {
    let mut host = Host::started(&flow("root", vec![task("a").once().retried(1, 0)]));
    host.fail("a");
    host.succeed("a");
    assert_eq!(host.run.status(), Status::Succeeded);
}

#[test]
fn an_attempt_that_was_stopped_before_it_had_a_process_did_nothing() {
    let root = flow("root", vec![task("a").once()]);
    let mut host = Host::started(&root);
    host.end("a", AttemptEnd::Stopped);
    assert_eq!(host.run.queued().len(), 1);
    host.grant();
    let token = host.token("a");
    let attempt = host.assigned[&token].attempt;
    let report = AttemptReport { pid: Some(7), ..AttemptReport::of(AttemptEnd::Stopped) };
    let report = Command::Report { task: address("a"), attempt, token, report };
    host.put(report).unwrap();
    assert_eq!(host.run.status(), Status::Failed);
}

#[test]
fn a_scope_is_not_repeated_when_its_limit_cut_off_what_may_be_done_once() {
    let block = flow("block", vec![task("a").once()]).limit(Limit::Attempt, 10).retried(3, 0);
    let mut host = Host::started(&flow("root", vec![block]));
    host.dispatch = dispatch(myrmex_model::id::Epoch(2), 1);
    let (task, attempt) = host.run.queued()[0].clone();
    host.dispatch.enqueue(crate::dispatch::Ready::plain(super::host::RUN, task, attempt, host.now));
    host.grant();
    host.fire();
    let token = host.token("block/a");
    let report = AttemptReport { pid: Some(7), ..AttemptReport::of(AttemptEnd::Stopped) };
    let task = address("block/a");
    host.put(Command::Report { task, attempt, token, report }).unwrap();
    assert_eq!((host.status("block"), host.run.status()), (Status::TimedOut, Status::Failed));
}

#[test]
fn a_total_that_ends_an_attempt_which_nothing_may_repeat_says_that_its_outcome_is_unknown() {
    let mut host = Host::started(&flow("root", vec![task("a").once().limit(Limit::Total, 30)]));
    host.grant();
    host.fire();
    let token = host.token("a");
    let report = AttemptReport { pid: Some(7), ..AttemptReport::of(AttemptEnd::Stopped) };
    let command = Command::Report { task: address("a"), attempt: Attempt::FIRST, token, report };
    host.put(command).unwrap();
    let fault = host.run.task(&address("a")).unwrap().fault().unwrap();
    assert_eq!(host.status("a"), Status::TimedOut);
    assert!(fault.title.starts_with("the outcome of attempt 1 is unknown"), "{}", fault.title);
    assert_eq!(fault.detail.as_deref(), Some("took longer in all than 30ms"));

    // A block around it says so too.
    let block = flow("block", vec![task("a").once()]).limit(Limit::Attempt, 30).retried(3, 0);
    let mut host = Host::started(&flow("root", vec![block]));
    host.grant();
    host.fire();
    let token = host.token("block/a");
    let report = AttemptReport { pid: Some(7), ..AttemptReport::of(AttemptEnd::Stopped) };
    let command = Command::Report { task: address("block/a"), attempt: Attempt::FIRST, token, report };
    host.put(command).unwrap();
    assert_eq!((host.status("block"), host.run.status()), (Status::TimedOut, Status::Failed));
    let detail = host.run.task(&address("block")).unwrap().fault().unwrap().detail.clone();
    assert_eq!(
        detail.as_deref(),
        Some("the outcome of an attempt is unknown, and nothing may repeat it (`effect: once`)")
    );
}

#[test]
fn what_follows_a_run_and_times_out_makes_it_a_failure_and_no_time_out() {
    for handler in [task("h").limit(Limit::Total, 30), flow("h", vec![timer("z")]).limit(Limit::Attempt, 30)]
    {
        let mut host = Host::started(&flow("root", vec![value("a")]).finally(handler));
        host.grant();
        host.fire();
        if let Some(token) = host.assigned.keys().next().copied() {
            host.report(token, AttemptEnd::Stopped).unwrap();
        }
        assert_eq!((host.status("finally"), host.run.status()), (Status::TimedOut, Status::Failed));
    }
}
