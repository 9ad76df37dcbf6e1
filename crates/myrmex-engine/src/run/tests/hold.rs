//! Blocks that hold something while they are under way.

use myrmex_model::command::Command;
use myrmex_model::effect::Effect;
use myrmex_model::event::Limit;
use myrmex_model::status::Status;

use super::build::{define, graph, task};
use super::host::{Host, start};
use crate::run::Reason;

/// A host of a run with one block that holds, around one task.
fn host() -> Host {
    let block = graph("block", vec![task("x")]).pooled(1);
    let mut host = Host::new(define(&graph("root", vec![block])));
    host.put(start()).unwrap();
    host
}

#[test]
fn a_block_waits_then_holds_until_it_has_ended() {
    let mut host = host();
    assert_eq!(host.story(1), ["hold.queued block"]);
    assert_eq!(host.run.why(&super::host::address("block")), Some(Reason::Queued));
    assert!(host.demand(&super::host::address("block")).unwrap().is_placeless);
    host.grant();
    assert_eq!(host.story(2), ["hold.granted block", "task.entered block", "task.queued block/x"]);
    assert_eq!(host.run.holds().len(), 1);
    host.succeed("block/x");
    assert!(host.effects.iter().any(|effect| matches!(effect, Effect::Release { .. })));
    assert_eq!((host.run.holds().len(), host.dispatch.leases().count()), (0, 0));
    assert_eq!(host.run.status(), Status::Succeeded);
}

#[test]
fn a_cancel_withdraws_a_block_that_waits_and_releases_one_that_holds() {
    let mut waiting = host();
    waiting.cancel();
    assert_eq!((waiting.dispatch.waiting(), waiting.run.status()), (0, Status::Cancelled));
    let mut holding = host();
    holding.grant();
    holding.grant();
    holding.cancel();
    assert_eq!(holding.run.holds().len(), 1, "something inside it is alive");
    let token = holding.token("block/x");
    holding.report(token, myrmex_model::outcome::AttemptEnd::Stopped).unwrap();
    assert_eq!((holding.dispatch.leases().count(), holding.run.status()), (0, Status::Cancelled));
}

#[test]
fn a_block_keeps_what_it_holds_over_its_retries_and_its_limit_counts_while_it_waits() {
    let block = graph("block", vec![task("x")]).pooled(1).retried(1, 10);
    let mut host = Host::new(define(&graph("root", vec![block])));
    host.put(start()).unwrap();
    host.grant();
    host.fail("block/x");
    assert_eq!(host.run.holds().len(), 1, "it pauses before its second attempt");
    host.finish();
    assert_eq!(host.events().filter(|event| event.kind() == "hold.granted").count(), 1);
    let block = graph("block", vec![task("x")]).pooled(1).limit(Limit::Total, 5);
    let mut host = Host::new(define(&graph("root", vec![block])));
    host.put(start()).unwrap();
    host.fire();
    assert_eq!((host.dispatch.waiting(), host.status("block")), (0, Status::TimedOut));
}

#[test]
fn what_asks_for_a_lock_that_is_held_around_it_fails() {
    let inner = graph("inner", vec![task("y")]).locked("l");
    for inside in [task("x").locked("l"), inner] {
        let name = format!("block/{}", inside.name);
        let block = graph("block", vec![inside]).locked("l");
        let mut host = Host::new(define(&graph("root", vec![block])));
        host.put(start()).unwrap();
        host.finish();
        assert_eq!((host.status(&name), host.run.status()), (Status::Failed, Status::Failed));
    }
}

#[test]
fn what_waits_for_what_it_can_never_get_fails() {
    let block = graph("block", vec![task("x")]).pooled(1);
    for refused in ["block", "block/x"] {
        let mut host = Host::new(define(&graph("root", vec![block.clone()])));
        host.put(start()).unwrap();
        if refused == "block/x" {
            host.grant();
        }
        let (task, attempt) = (super::host::address(refused), myrmex_model::id::Attempt::FIRST);
        let fault = myrmex_model::fault::Fault::new(myrmex_model::fault::FaultKind::Deadlock, "in vain");
        let refuse = Command::Refuse { task, attempt, fault };
        host.put(refuse.clone()).unwrap();
        assert_eq!((host.status(refused), host.run.status()), (Status::Failed, Status::Failed));
        assert_eq!((host.dispatch.waiting(), host.dispatch.leases().count()), (0, 0));
        assert!(host.put(refuse).is_err());
    }
}
