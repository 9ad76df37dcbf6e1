//! Variables: who owns what a task writes, and who sees it.

use myrmex_model::effect::{Evaluation, Ticket};
use myrmex_model::id::ValueHash;

use super::build::{define, each, flow, graph, task, value};
use super::host::{Host, address, value_hash};

fn written(text: &str) -> Evaluation {
    Evaluation::Value { output: value_hash("\"v\""), vars: Some(value_hash(text)) }
}

/// Returns the variables that the task at `at` sees, and whether what it sets becomes variables.
fn seen(host: &Host, at: &str) -> (Option<ValueHash>, bool) {
    let id = host.run.find(&address(at)).unwrap();
    let view = host.run.view(Ticket(id.0), false);
    (view.vars(), view.writes_vars())
}

#[test]
fn what_a_flow_sets_is_seen_behind_it_and_in_scopes_inside() {
    let block = graph("block", vec![task("x"), flow("inner", vec![task("y")])]);
    let mut host = Host::new(define(&flow("root", vec![value("set"), block])));
    host.answer("set", written("1"));
    host.start();
    assert_eq!(seen(&host, "block/x"), (Some(value_hash("1")), false), "a graph has no variables of its own");
    assert_eq!(seen(&host, "block/inner/y"), (Some(value_hash("1")), true));
}

#[test]
fn flows_directly_inside_each_other_share_variables() {
    let mut host = Host::new(define(&flow("root", vec![flow("inner", vec![value("set")]), task("after")])));
    host.answer("inner/set", written("1"));
    host.start();
    assert_eq!(seen(&host, "after"), (Some(value_hash("1")), true));
}

#[test]
fn what_is_set_inside_a_graph_stays_inside() {
    let inner = graph("g", vec![flow("f", vec![value("set"), task("x")])]);
    let mut host = Host::new(define(&flow("root", vec![value("first"), inner, task("after")])));
    host.answer("first", written("1"));
    host.answer("g/f/set", written("2"));
    host.start();
    assert_eq!(seen(&host, "g/f/x"), (Some(value_hash("2")), true));
    host.succeed("g/f/x");
    assert_eq!(seen(&host, "after"), (Some(value_hash("1")), true));
}

#[test]
fn every_item_has_its_own_variables() {
    let body = flow("_", vec![value("set"), task("x")]);
    let mut host = Host::new(define(&graph("root", vec![each("e", body)])));
    host.answer("e[0]/set", written("1"));
    host.answer("e[1]/set", written("2"));
    host.start();
    assert_eq!(seen(&host, "e[0]/x").0, Some(value_hash("1")));
    assert_eq!(seen(&host, "e[1]/x").0, Some(value_hash("2")));
}

#[test]
fn names_are_looked_up_outwards_and_mean_the_last_visit() {
    let again = super::build::choose("again", vec![super::build::goto("a"), super::build::Then::Continue]);
    let mut host =
        Host::new(define(&graph("root", vec![value("a"), flow("f", vec![value("a"), again, task("x")])])));
    host.answer("f/again#2", Evaluation::Case(Some(1)));
    host.start();
    let view = |at: &str| host.run.view(Ticket(host.run.find(&address(at)).unwrap().0), false);
    assert_eq!(view("f/x").task("a").unwrap().address(), address("f/a#2"));
    assert_eq!(view("f").task("a").unwrap().address(), address("a"));
    assert!(view("f/x").task("nobody").is_none());
    assert_eq!(
        host.run.view(Ticket(host.run.find(&address("f")).unwrap().0), true).task("a").unwrap().address(),
        address("f/a#2")
    );
}
