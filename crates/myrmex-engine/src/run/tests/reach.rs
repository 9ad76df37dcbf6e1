//! What work inside a block asks for, in the workflows too that are called there.

use myrmex_model::address::Address;
use myrmex_model::command::Command;

use super::build::{Spec, call, define, detached_call, each, graph, name, task};
use super::host::{Called, Host, address, start, value_hash};
use crate::run::{CALL_DEPTH_MAX, Callable, Reach};

/// Starts a run whose calls are of a workflow like `other`, and returns how much of the pool is asked for inside `block`.
fn inside(root: Spec, other: &Spec, block: &str) -> Option<u32> {
    let mut host = Host::new(define(&graph("root", vec![root])));
    host.callable.workflows.insert(name("other"), define(other));
    let Command::Start { inputs, started_by, trigger, parent, retry, .. } = start() else { unreachable!() };
    let closure = Some(value_hash("closure"));
    host.put(Command::Start { inputs, started_by, trigger, closure, parent, retry }).unwrap();
    host.demand(&address(block)).unwrap().inside.pools.into_values().next()
}

fn other() -> Spec {
    graph("other", vec![graph("b", vec![task("x").pooled(2)]).pooled(1)])
}

#[test]
fn what_is_called_and_waited_for_is_inside() {
    assert_eq!(inside(call("c").pooled(1), &other(), "c"), Some(3));
    assert_eq!(inside(each("c", call("c").pooled(1)), &other(), "c[1]"), Some(3));
    let block = |inner: Spec| graph("block", vec![inner, task("x").pooled(1)]).pooled(1);
    assert_eq!(inside(block(call("c")), &other(), "block"), Some(3));
    assert_eq!(inside(block(call("c").pooled(2)), &other(), "block"), Some(5));
    assert_eq!(inside(block(task("y").finally(call("c"))), &other(), "block"), Some(3));
    assert_eq!(inside(block(detached_call("c")), &other(), "block"), Some(1));
}

#[test]
fn a_workflow_that_calls_itself_asks_for_as_many_calls_as_there_may_be() {
    let itself = graph("other", vec![call("c").pooled(1)]);
    assert_eq!(inside(call("c").pooled(1), &itself, "c"), Some(CALL_DEPTH_MAX));
}

#[test]
fn what_was_found_is_remembered_and_what_was_not_is_looked_for_again() {
    let mut host = Host::new(define(&graph("root", vec![call("c").pooled(1)])));
    let Command::Start { inputs, started_by, trigger, parent, retry, .. } = start() else { unreachable!() };
    let closure = Some(value_hash("closure"));
    host.put(Command::Start { inputs, started_by, trigger, closure, parent, retry }).unwrap();
    let mut reach = Reach::default();
    let mut units = |called: &mut dyn Callable| -> u32 {
        let demand = host.run.demand(&Address::parse("c").unwrap(), &mut reach, called).unwrap();
        demand.inside.pools.values().sum()
    };
    let mut called = Called::default();
    assert_eq!((units(&mut called), units(&mut called)), (0, 0));
    called.workflows.insert(name("other"), define(&other()));
    assert_eq!((units(&mut called), units(&mut called), called.asked), (3, 3, 3));
}
