//! Links that hold back an end, and when work of people has started.

use myrmex_model::event::{Event, Limit};
use myrmex_model::fault::FaultKind;
use myrmex_model::ir::AwaitKind;
use myrmex_model::outcome::Outcome::{Failed, Started, Succeeded};
use myrmex_model::signal::{Answer, Progress};
use myrmex_model::status::{Phase, Status};

use super::build::{Spec, approval, awaiting, catch, graph, listener, task, value};
use super::host::{Host, address, value_hash};
use crate::run::{Holder, Reason, Rejection, Run};

const NOTHING: Answer = Answer::Progress(Progress { percent: 0, spent: None, remaining: None });

fn manual(name: &str) -> Spec {
    awaiting(name, AwaitKind::Manual)
}

/// `b` cannot end before `a` has, and so much longer.
fn finish_to_finish(lag_ms: u64) -> Host {
    let b = manual("b").after_with("a", &[Succeeded], lag_ms).at_end();
    Host::started(&graph("root", vec![task("a"), b]))
}

fn holder(task: &str, due: Option<myrmex_model::time::Timestamp>) -> Holder {
    Holder { task: address(task), due }
}

fn phase(host: &Host, task: &str) -> Phase {
    host.run.task(&address(task)).unwrap().phase()
}

#[test]
fn what_is_done_before_its_end_may_come_is_held() {
    let mut host = finish_to_finish(0);
    host.pass(10);
    host.reply("b", "ana", Answer::Done).unwrap();
    let done = host.now;
    host.expect(&[("b", Status::Waiting)]);
    assert_eq!(phase(&host, "b"), Phase::Held);
    assert_eq!(host.run.why(&address("b")), Some(Reason::Held(vec![holder("a", None)])));
    host.pass(10);
    host.succeed("a");
    host.expect(&[("b", Status::Succeeded)]);
    let task = host.run.task(&address("b")).unwrap();
    assert_eq!((task.started(), task.answered(), task.ended()), (Some(done), Some(done), Some(host.now)));
    assert_eq!(task.output(), Some(value_hash("\"answered\"")));
    assert_eq!(host.run.status(), Status::Succeeded);
}

#[test]
fn what_is_done_after_its_end_may_come_ends_at_once() {
    let mut host = finish_to_finish(0);
    host.succeed("a");
    host.expect(&[("b", Status::Waiting)]);
    host.reply("b", "ana", Answer::Done).unwrap();
    assert_eq!(host.run.status(), Status::Succeeded);
}

#[test]
fn a_held_end_waits_out_the_lag() {
    let mut host = finish_to_finish(100);
    host.reply("b", "ana", Answer::Done).unwrap();
    host.succeed("a");
    let due = host.now.after(myrmex_model::time::Length(100));
    assert_eq!(host.run.why(&address("b")), Some(Reason::Held(vec![holder("a", Some(due))])));
    host.fire();
    assert_eq!(host.now, due);
    host.expect(&[("b", Status::Succeeded)]);
}

#[test]
fn a_lag_that_is_over_before_the_work_is_done_holds_nothing() {
    let mut host = finish_to_finish(100);
    host.succeed("a");
    host.fire();
    host.reply("b", "ana", Answer::Done).unwrap();
    assert_eq!(host.run.status(), Status::Succeeded);
}

#[test]
fn a_start_can_hold_back_an_end() {
    let b = manual("b").after_on("a", &[Started]).at_end();
    let mut host = Host::started(&graph("root", vec![task("a"), b]));
    host.reply("b", "ana", Answer::Done).unwrap();
    host.expect(&[("b", Status::Waiting)]);
    host.grant();
    host.expect(&[("a", Status::Running), ("b", Status::Succeeded)]);
    host.finish();
}

#[test]
fn two_links_between_the_same_tasks_hold_back_begin_and_end_each_by_its_lag() {
    let b = manual("b").after_with("a", &[Started], 20).after_with("a", &[Succeeded], 10).at_end();
    let mut host = Host::started(&graph("root", vec![manual("a"), b]));
    host.reply("a", "ana", NOTHING).unwrap();
    let begun = host.now;
    host.fire();
    assert_eq!(host.now, begun.after(myrmex_model::time::Length(20)));
    host.reply("b", "bob", Answer::Done).unwrap();
    host.reply("a", "ana", Answer::Done).unwrap();
    host.expect(&[("a", Status::Succeeded), ("b", Status::Waiting)]);
    host.fire();
    assert_eq!(host.run.status(), Status::Succeeded);
}

#[test]
fn an_end_that_can_never_come_fails_the_task_once_it_is_done() {
    let mut host = finish_to_finish(0);
    host.fail("a");
    host.expect(&[("b", Status::Waiting)]);
    host.reply("b", "ana", Answer::Done).unwrap();
    let fault = host.run.task(&address("b")).unwrap().fault().cloned().unwrap();
    assert_eq!(
        (fault.kind, fault.title.as_str()),
        (FaultKind::BranchFailed, "its end is linked to `a`, which is failed")
    );
    let mut host = finish_to_finish(0);
    host.reply("b", "ana", Answer::Done).unwrap();
    host.fail("a");
    host.expect(&[("b", Status::Failed)]);
}

#[test]
fn a_failure_that_the_link_accepts_ends_the_wait() {
    let b = manual("b").after_on("a", &[Succeeded, Failed]).at_end();
    let mut host = Host::started(&graph("root", vec![task("a"), b]));
    host.reply("b", "ana", Answer::Done).unwrap();
    host.fail("a");
    host.expect(&[("b", Status::Succeeded)]);
}

#[test]
fn what_failed_is_not_held() {
    let mut host = finish_to_finish(0);
    host.reply("b", "ana", Answer::Failed).unwrap();
    host.expect(&[("b", Status::Failed)]);
    host.finish();
}

#[test]
fn a_milestone_does_not_come_before_its_end_may() {
    let m = value("m").after_with("a", &[Succeeded], 100).at_end();
    let mut host = Host::started(&graph("root", vec![task("a"), m.clone(), task("c").after("m")]));
    host.expect(&[("m", Status::Pending)]);
    assert_eq!(host.run.why(&address("m")), Some(Reason::Held(vec![holder("a", None)])));
    host.succeed("a");
    host.expect(&[("m", Status::Pending)]);
    host.fire();
    host.expect(&[("m", Status::Succeeded)]);
    host.finish();
    let mut host = Host::started(&graph("root", vec![task("a"), m]));
    host.fail("a");
    host.expect(&[("m", Status::Failed)]);
}

#[test]
fn a_task_of_machines_with_a_held_end_does_not_begin_before() {
    let b = task("b").after("c").after("a").at_end();
    let mut host = Host::started(&graph("root", vec![task("a"), task("c"), b]));
    host.succeed("a");
    host.expect(&[("b", Status::Pending)]);
    host.succeed("c");
    assert_eq!(host.run.queued().len(), 1);
    host.finish();
    assert_eq!(host.run.status(), Status::Succeeded);
}

#[test]
fn a_message_that_came_is_held_too() {
    let b = listener("b", "go").after("a").at_end();
    let mut host = Host::started(&graph("root", vec![task("a"), b]));
    host.send("go").unwrap();
    assert_eq!(phase(&host, "b"), Phase::Held);
    host.succeed("a");
    assert_eq!(host.run.task(&address("b")).unwrap().output(), Some(value_hash("\"data\"")));
}

#[test]
fn nothing_more_is_said_to_what_is_held_and_no_limit_concerns_it() {
    let b = approval("b", 2).expiring(50).after("a").at_end();
    let mut host = Host::started(&graph("root", vec![task("a"), b]));
    host.reply("b", "ana", Answer::Approved).unwrap();
    assert_eq!(phase(&host, "b"), Phase::Awaiting);
    host.reply("b", "bob", Answer::Approved).unwrap();
    assert!(host.timers.is_empty(), "it was answered in time");
    let late = host.reply("b", "cid", Answer::Rejected).expect_err("it is refused").to_string();
    assert!(late.ends_with("its people are done with it, and its end waits for `a`"), "{late}");
    host.pass(1_000);
    host.succeed("a");
    assert_eq!(host.run.status(), Status::Succeeded);
}

#[test]
fn what_is_held_can_be_skipped_and_cancelled() {
    let mut host = finish_to_finish(100);
    host.reply("b", "ana", Answer::Done).unwrap();
    host.succeed("a");
    let (tasks, by, reason) = (vec![address("b")], "ana".to_owned(), "enough".to_owned());
    host.put(myrmex_model::command::Command::Skip { tasks, by, reason }).unwrap();
    assert!(host.timers.is_empty());
    host.expect(&[("b", Status::Skipped)]);
    let mut host = finish_to_finish(100);
    host.reply("b", "ana", Answer::Done).unwrap();
    host.succeed("a");
    host.cancel();
    assert!(host.timers.is_empty());
    assert_eq!(host.run.status(), Status::Cancelled);
}

#[test]
fn a_handler_takes_the_error_of_an_end_that_never_comes() {
    let b = manual("b").after("a").at_end().catching(catch(value("h")).of_kind("flow/branch-failed"));
    let mut host = Host::started(&graph("root", vec![task("a"), b]));
    host.fail("a");
    host.reply("b", "ana", Answer::Done).unwrap();
    host.expect(&[("b", Status::Succeeded)]);
}

#[test]
fn a_new_definition_lets_go_and_holds() {
    let free = graph("root", vec![task("a"), manual("b")]);
    let bound = graph("root", vec![task("a"), manual("b").after("a").at_end()]);
    let mut host = Host::started(&bound);
    host.reply("b", "ana", Answer::Done).unwrap();
    host.rebase(&free, &[]).unwrap();
    host.expect(&[("b", Status::Succeeded)]);
    let mut host = Host::started(&free);
    host.rebase(&bound, &[]).unwrap();
    host.reply("b", "ana", Answer::Done).unwrap();
    assert_eq!(phase(&host, "b"), Phase::Held);
    host.succeed("a");
    assert_eq!(host.run.status(), Status::Succeeded);
}

#[test]
fn a_snapshot_and_the_journal_know_what_is_held() {
    for is_snapshot in [false, true] {
        let mut host = finish_to_finish(100);
        host.reply("b", "ana", Answer::Done).unwrap();
        host.succeed("a");
        let mut find = |hash| host.definitions.get(&hash).cloned();
        let mut again = if is_snapshot {
            Run::from_snapshot(&host.run.snapshot(), &mut find).unwrap()
        } else {
            Run::replay(super::host::RUN, &host.journal, &mut find).unwrap()
        };
        assert_eq!(again.resume(host.now).events, []);
        host.run = again;
        host.fire();
        assert_eq!(host.run.status(), Status::Succeeded);
    }
}

#[test]
fn work_of_people_starts_when_they_say_so() {
    let b = task("b").after_on("a", &[Started]);
    let mut host = Host::started(&graph("root", vec![manual("a"), b.clone()]));
    let started = |host: &Host| host.run.task(&address("a")).unwrap().started();
    assert_eq!((started(&host), host.run.queued().len()), (None, 0));
    host.pass(10);
    host.reply("a", "ana", NOTHING).unwrap();
    assert_eq!((started(&host), host.run.queued().len()), (Some(host.now), 1));
    host.pass(10);
    host.reply("a", "ana", Answer::Done).unwrap();
    host.finish();
    let mut host = Host::started(&graph("root", vec![manual("a"), b.clone()]));
    host.reply("a", "ana", Answer::Done).unwrap();
    assert_eq!(started(&host), Some(host.now), "at the latest when it is done");
    host.finish();
    let mut host = Host::started(&graph("root", vec![approval("a", 2), b]));
    assert_eq!(
        (started(&host), host.run.queued().len()),
        (Some(host.now), 1),
        "an approval starts when it asks"
    );
    host.cancel();
    host.finish();
}

#[test]
fn work_that_nobody_began_never_started() {
    let a = manual("a").limit(Limit::Total, 50).finally(value("f"));
    let mut host = Host::started(&graph("root", vec![a, task("b").after_on("a", &[Started])]));
    host.cancel();
    assert!(!host.events().any(|event| matches!(event, Event::HandlerEntered { .. })));
    host.expect(&[("a", Status::Cancelled), ("b", Status::Cancelled)]);
    assert_eq!(host.run.task(&address("a")).unwrap().started(), None);
    assert_eq!(host.reply("a", "ana", NOTHING), Err(Rejection::RunOver { status: Status::Cancelled }));
}
