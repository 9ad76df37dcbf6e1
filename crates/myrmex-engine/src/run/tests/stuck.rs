//! Tasks of projects that failed for good, and what people decide about them.

use myrmex_model::event::{Event, SkipReason};
use myrmex_model::ir::AwaitKind;
use myrmex_model::outcome::Outcome;
use myrmex_model::planning::Project;
use myrmex_model::signal::{Answer, Settlement};
use myrmex_model::status::{Phase, Status};

use super::build::{Spec, approval, awaiting, call, catch, graph, task, value};
use super::host::{Host, address, ended_badly};
use crate::run::Reason;

const FAILED: [Outcome; 1] = [Outcome::Failed];

fn started(children: Vec<Spec>) -> Host {
    Host::of_project(&graph("root", children), Project::default())
}

fn settled(host: &mut Host, task: &str, settlement: Settlement) {
    host.reply(task, "ana", Answer::Settled(settlement)).unwrap();
}

fn chain() -> Vec<Spec> {
    vec![task("build"), task("ship").after("build"), task("tell").after_on("build", &FAILED)]
}

#[test]
fn what_follows_a_task_that_is_stuck_waits_but_for_what_accepts_that_it_failed() {
    let mut host = started(chain());
    host.fail("build");
    host.expect(&[("build", Status::Stuck), ("ship", Status::Pending), ("tell", Status::Pending)]);
    assert_eq!(host.run.queued().len(), 1, "`tell` may begin");
    host.succeed("tell");
    assert!(host.run.standstill().is_some_and(|still| still.asks), "a person leads on");
    assert_eq!(host.run.why(&address("build")), Some(Reason::Decision));
    assert_eq!(host.run.why(&address("ship")), Some(Reason::Upstream(vec![address("build")])));
}

#[test]
fn a_task_that_is_retried_begins_again_with_all_its_retries() {
    let mut host = started(vec![task("build").retried(1, 0), task("ship").after("build")]);
    host.fail("build");
    host.fail("build");
    host.expect(&[("build", Status::Stuck)]);
    settled(&mut host, "build", Settlement::Retry);
    host.fail("build");
    host.expect(&[("build", Status::Pending)]);
    host.succeed("build");
    assert_eq!(host.run.task(&address("build")).unwrap().attempts(), 4);
    host.finish();
    assert_eq!(host.run.status(), Status::Succeeded);
}

#[test]
fn what_began_because_it_failed_does_not_begin_again() {
    let mut host = started(chain());
    host.fail("build");
    host.succeed("tell");
    settled(&mut host, "build", Settlement::Retry);
    host.fail("build");
    settled(&mut host, "build", Settlement::Retry);
    host.finish();
    host.expect(&[("build", Status::Succeeded), ("ship", Status::Succeeded), ("tell", Status::Succeeded)]);
    let begun = host.story(0).iter().filter(|line| *line == "task.queued tell").count();
    assert_eq!(begun, 1);
}

#[test]
fn a_task_that_is_skipped_says_who_decided_that() {
    let mut host = started(chain());
    host.fail("build");
    settled(&mut host, "build", Settlement::Skip);
    host.finish();
    host.expect(&[("build", Status::Skipped), ("ship", Status::Skipped), ("tell", Status::Succeeded)]);
    let by_hand = host.events().any(|event| {
        matches!(event, Event::TaskSkipped { reason: SkipReason::Person { by, .. }, .. } if by == "ana")
    });
    assert!(by_hand);
    assert_eq!(host.run.status(), Status::Succeeded);
}

#[test]
fn a_task_that_is_abandoned_fails_with_its_error() {
    let mut host = started(chain());
    host.fail("build");
    settled(&mut host, "build", Settlement::Abandon);
    host.finish();
    host.expect(&[("build", Status::Failed), ("ship", Status::Skipped)]);
    assert_eq!(host.run.status(), Status::Failed);
    assert_eq!(host.run.fault().unwrap().title, "broke");
}

#[test]
fn work_of_people_approvals_and_calls_are_stuck_alike() {
    let mut host = started(vec![awaiting("do", AwaitKind::Manual), approval("go", 1), call("call")]);
    host.reply("do", "ana", Answer::Failed).unwrap();
    host.reply("go", "ana", Answer::Rejected).unwrap();
    let child = *host.children.keys().next().unwrap();
    let end =
        myrmex_model::command::ChildEnd::Failed { fault: super::host::fault("child"), is_timeout: false };
    host.end_child(child, end).unwrap();
    host.expect(&[("do", Status::Stuck), ("go", Status::Stuck), ("call", Status::Stuck)]);
    for task in ["do", "go", "call"] {
        settled(&mut host, task, Settlement::Retry);
    }
    host.reply("do", "ana", Answer::Done).unwrap();
    host.reply("go", "ana", Answer::Approved).unwrap();
    host.finish();
    assert_eq!(host.run.status(), Status::Succeeded);
}

#[test]
fn a_block_is_done_again_with_what_follows_it() {
    let inner = graph("block", vec![task("one"), task("two").after("one")]);
    let inner = inner.catching(catch(task("mend"))).finally(task("tidy"));
    let mut host = started(vec![inner, task("ship").after("block")]);
    for task in ["block/one", "block/catch"] {
        host.end(task, ended_badly());
    }
    host.succeed("block/finally");
    host.expect(&[("block", Status::Stuck)]);
    settled(&mut host, "block", Settlement::Retry);
    host.finish();
    host.expect(&[("block", Status::Succeeded), ("ship", Status::Succeeded)]);
    assert_eq!(host.story(0).iter().filter(|line| *line == "handler.entered block").count(), 3);
}

#[test]
fn only_a_task_that_is_stuck_is_settled_and_once() {
    let mut host = started(vec![task("build"), value("other")]);
    host.grant();
    let early = host.reply("build", "ana", Answer::Settled(Settlement::Skip)).unwrap_err();
    assert_eq!(early.to_string(), "task `build` takes no such answer: it is not stuck, but running");
    host.fail("build");
    let other = host.reply("build", "ana", Answer::Done).unwrap_err();
    assert!(other.to_string().ends_with("it is stuck: somebody has to decide whether it is retried"));
    settled(&mut host, "build", Settlement::Retry);
    host.say(host.said[0].clone()).unwrap();
    let twice = host.reply("build", "bob", Answer::Settled(Settlement::Retry));
    assert!(twice.is_err(), "it is under way again");
}

#[test]
fn its_owner_decides_if_it_has_one() {
    let project = Project { owner: Some("ada".to_owned()), ..Project::default() };
    let mut host = Host::of_project(&graph("root", vec![task("build")]), project);
    host.fail("build");
    let refused = host.reply("build", "bob", Answer::Settled(Settlement::Skip)).unwrap_err();
    assert!(refused.to_string().ends_with("`bob` does not own it, but ada"));
    host.reply("build", "ada", Answer::Settled(Settlement::Skip)).unwrap();
    assert_eq!(host.run.status(), Status::Succeeded);
}

#[test]
fn a_cancel_ends_what_is_stuck() {
    let mut host = started(chain());
    host.fail("build");
    host.cancel();
    host.expect(&[("build", Status::Cancelled), ("ship", Status::Cancelled)]);
    assert_eq!(host.run.status(), Status::Cancelled);
}

#[test]
fn tasks_of_workflows_and_inside_of_blocks_fail() {
    let mut host = Host::started(&graph("root", chain()));
    host.fail("build");
    host.expect(&[("build", Status::Failed)]);
    let mut host = started(vec![graph("block", vec![task("one")])]);
    host.fail("block/one");
    host.expect(&[("block/one", Status::Failed), ("block", Status::Stuck)]);
    let change = host.journal.last().unwrap().change;
    assert_eq!((change.to, change.phase), (Status::Stuck, Phase::None));
}
