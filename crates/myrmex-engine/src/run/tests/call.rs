//! Calls of other workflows.

use myrmex_model::command::{ChildEnd, Command};
use myrmex_model::effect::Effect;
use myrmex_model::event::{Event, Parent};
use myrmex_model::id::{RunId, ValueHash};
use myrmex_model::outcome::AttemptEnd;
use myrmex_model::status::Status;

use super::build::{call, define, detached_call, flow, task};
use super::host::{Host, address, fault, start, value_hash};
use crate::run::{CALL_DEPTH_MAX, Rejection, Run};

fn failed(is_timeout: bool) -> ChildEnd {
    ChildEnd::Failed { fault: fault("the child broke"), is_timeout }
}

#[test]
fn a_call_gives_what_its_child_gives() {
    let mut host = Host::started(&flow("root", vec![call("a"), task("b")]));
    let child = host.child("a");
    assert_eq!(host.status("a"), Status::Running);
    host.end_child(child, ChildEnd::Succeeded { output: value_hash("7") }).unwrap();
    assert_eq!(host.run.task(&address("a")).unwrap().output(), Some(value_hash("7")));
    host.finish();
}

#[test]
fn each_attempt_of_a_call_has_a_child_of_its_own() {
    let mut host = Host::started(&flow("root", vec![call("a").retried(1, 0)]));
    let first = host.child("a");
    host.end_child(first, failed(false)).unwrap();
    let second = host.child("a");
    assert_ne!(first, second);
    let late =
        Command::ChildEnded { task: address("a"), child: first, end: failed(false), is_unknown: false };
    assert!(matches!(host.put(late), Err(Rejection::StaleChild { .. })));
    host.end_child(second, failed(true)).unwrap();
    assert_eq!((host.status("a"), host.run.status()), (Status::TimedOut, Status::Failed));
}

#[test]
fn a_detached_call_ends_with_the_id_of_its_child() {
    let host = Host::started(&flow("root", vec![detached_call("a")]));
    let child = host.events().find_map(|event| match event {
        Event::ChildCalled { child, .. } => Some(*child),
        _ => None,
    });
    let id = ValueHash::of(format!("\"{}\"", child.unwrap()).as_bytes());
    assert_eq!(host.run.task(&address("a")).unwrap().output(), Some(id));
    assert_eq!(host.run.status(), Status::Succeeded);
}

#[test]
fn a_cancel_waits_for_the_child() {
    let mut host = Host::started(&flow("root", vec![call("a")]));
    let child = host.child("a");
    host.cancel();
    assert_eq!(host.effects, [Effect::CancelChild { child }]);
    assert_eq!(host.run.status(), Status::Running);
    host.end_child(child, ChildEnd::Succeeded { output: value_hash("7") }).unwrap();
    assert_eq!((host.status("a"), host.run.status()), (Status::Cancelled, Status::Cancelled));
}

#[test]
fn a_child_that_somebody_else_cancelled_is_an_error() {
    let mut host = Host::started(&flow("root", vec![call("a"), task("b")]));
    host.end_child(host.child("a"), ChildEnd::Cancelled).unwrap();
    assert_eq!((host.status("a"), host.run.status()), (Status::Failed, Status::Failed));
}

#[test]
fn a_resumed_run_asks_for_its_children_again() {
    let mut host = Host::started(&flow("root", vec![call("a")]));
    let child = host.child("a");
    let begins = |effect: &Effect| matches!(effect, Effect::StartChild { child: begun, is_awaited: true, .. } if *begun == child);
    assert!(host.run.resume(host.now).effects.iter().any(begins));
    host.cancel();
    let effects = host.run.resume(host.now).effects;
    assert!(effects.iter().any(begins) && effects.contains(&Effect::CancelChild { child }));
    host.end_child(child, ChildEnd::Cancelled).unwrap();
}

#[test]
fn calls_nest_only_so_deep() {
    let definition = define(&flow("root", vec![call("a")]));
    let mut host = Host::new(definition);
    let Command::Start { inputs, started_by, trigger, closure, .. } = start() else {
        unreachable!("a start")
    };
    let parent =
        Some(Parent { run: RunId([1; 16]), task: address("x"), depth: CALL_DEPTH_MAX, is_awaited: true });
    host.put(Command::Start { inputs, started_by, trigger, closure, parent, retry: None }).unwrap();
    assert_eq!(host.run.status(), Status::Failed);
}

#[test]
fn a_renamed_call_keeps_its_child_and_a_new_one_gets_another() {
    let mut host = Host::started(&flow("root", vec![call("a")]));
    let child = host.child("a");
    host.rebase(&flow("root", vec![call("b"), call("a")]), &[("a", "b")]).unwrap();
    host.end_child(child, ChildEnd::Succeeded { output: value_hash("7") }).unwrap();
    assert_eq!(host.status("b"), Status::Succeeded);
    assert_ne!(host.child("a"), child);
    let mut find = |hash| host.definitions.get(&hash).cloned();
    assert!(Run::replay(super::host::RUN, &host.journal, &mut find).is_ok());
    host.finish();
}

/// Ends the child of `task` with an attempt in it whose outcome is unknown and which nothing may repeat.
fn end_unknown(host: &mut Host, task: &str, end: ChildEnd) {
    let child = host.child(task);
    host.children.remove(&child);
    host.put(Command::ChildEnded { task: address(task), child, end, is_unknown: true }).unwrap();
}

#[test]
fn nothing_repeats_a_call_whose_child_left_open_what_it_did() {
    let mut host = Host::started(&flow("root", vec![call("a").retried(3, 0)]));
    end_unknown(&mut host, "a", failed(true));
    assert_eq!((host.status("a"), host.run.status()), (Status::TimedOut, Status::Failed));

    // The child caught it and ended well, and the block around fails later.
    let block = flow("block", vec![call("a"), task("b")]).retried(3, 0);
    let mut host = Host::started(&flow("root", vec![block]));
    end_unknown(&mut host, "block/a", ChildEnd::Succeeded { output: value_hash("7") });
    host.grant();
    let token = *host.assigned.keys().next().unwrap();
    host.report(token, AttemptEnd::Failed { fault: fault("no") }).unwrap();
    assert_eq!((host.status("block"), host.run.status()), (Status::Failed, Status::Failed));
    assert!(host.run.has_unknown_outcome());
}

#[test]
fn an_error_of_a_child_names_the_task_as_the_caller_sees_it() {
    let mut host = Host::started(&flow("root", vec![call("a")]));
    let mut inner = fault("the child broke");
    inner.task = Some("deep/task".to_owned());
    host.end_child(host.child("a"), ChildEnd::Failed { fault: inner, is_timeout: false }).unwrap();
    assert_eq!(host.run.fault().unwrap().task.as_deref(), Some("a/deep/task"));
}
