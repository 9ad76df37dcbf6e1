//! Scopes with inputs of their own: who sees which, and what is evaluated when.

use myrmex_model::effect::{Evaluation, Ticket};
use myrmex_model::event::Event;
use myrmex_model::id::{Attempt, ValueHash};
use myrmex_model::status::Status;

use super::build::{catch, define, each, flow, graph, task, value};
use super::host::{Host, address, list, value_hash};
use crate::run::{RebaseError, Rejection, Run, View};

/// Returns what the activation of `task` sees.
fn view<'a>(run: &'a Run, task: &str, is_inside: bool) -> View<'a> {
    run.view(Ticket(run.find(&address(task)).unwrap().0), is_inside)
}

fn seen(run: &Run, task: &str) -> Option<ValueHash> {
    view(run, task, false).inputs()
}

fn own(text: &str) -> Evaluation {
    Evaluation::Enter { inputs: Some(value_hash(text)) }
}

/// Returns the attempts of the scope that were entered, with the inputs of each.
fn entries(host: &Host, scope: &str) -> Vec<(u32, Option<ValueHash>)> {
    let entries = host.events().filter_map(|event| match event {
        Event::ScopeEntered { task, attempt, inputs } if task.as_str() == scope => Some((attempt.0, *inputs)),
        _ => None,
    });
    entries.collect()
}

#[test]
fn what_is_inside_sees_the_inputs_of_the_nearest_scope() {
    let inner = graph("inner", vec![task("c"), each("d", task("d"))]).bound();
    let outer = flow("outer", vec![flow("b", vec![inner])]).bound();
    let mut host = Host::new(define(&graph("root", vec![task("a"), outer])));
    host.answer("outer", own("1"));
    host.answer("outer/b/inner", own("2"));
    host.answer("outer/b/inner/d", list(1));
    host.start();
    let (run, run_inputs) = (&host.run, Some(value_hash("{}")));
    assert_eq!((seen(run, "a"), seen(run, "outer")), (run_inputs, run_inputs));
    let (one, two) = (Some(value_hash("1")), Some(value_hash("2")));
    assert_eq!((seen(run, "outer/b"), seen(run, "outer/b/inner")), (one, one));
    assert_eq!((seen(run, "outer/b/inner/c"), seen(run, "outer/b/inner/d[0]")), (two, two));
    assert_eq!(view(run, "outer/b/inner", true).inputs(), two);
    assert_eq!(view(run, "outer/b/inner", true).beside().inputs(), one);
    host.finish();
    assert_eq!(host.run.status(), Status::Succeeded);
}

#[test]
fn inputs_are_evaluated_once_for_all_attempts() {
    let mut host =
        Host::new(define(&graph("root", vec![graph("s", vec![task("a")]).bound().retried(1, 10)])));
    host.answer("s", own("1"));
    host.start();
    host.fail("s/a");
    host.fire();
    let one = Some(value_hash("1"));
    assert_eq!(entries(&host, "s"), [(1, one), (2, one)]);
    assert_eq!(seen(&host.run, "s~2/a"), one);
    host.finish();
    assert_eq!(host.run.status(), Status::Succeeded);
}

#[test]
fn inputs_without_a_value_fail_the_scope_and_its_handler_may_repeat_it() {
    let scope = || flow("s", vec![task("a")]).bound();
    let mut host = Host::new(define(&graph("root", vec![scope().retried(3, 0)])));
    host.answer_error("s");
    host.start();
    assert_eq!((host.status("s"), entries(&host, "s")), (Status::Failed, vec![]));
    let repeating = scope().catching(catch(value("_")).retried(1, 0));
    let mut host = Host::new(define(&graph("root", vec![repeating])));
    host.answer_error("s");
    host.start();
    let own = Some(value_hash("{\"own\":1}"));
    assert_eq!((entries(&host, "s"), seen(&host.run, "s~2/a")), (vec![(Attempt(2).0, own)], own));
}

#[test]
fn what_follows_a_scope_sees_the_inputs_outside() {
    let handler = |text| flow(text, vec![task("x")]);
    let scope = flow("s", vec![task("a")]).bound().catching(catch(handler("_"))).finally(handler("_"));
    let mut host = Host::new(define(&flow("root", vec![scope])));
    host.start();
    host.fail("s/a");
    let run_inputs = Some(value_hash("{}"));
    assert_eq!((seen(&host.run, "s/catch"), seen(&host.run, "s/catch/x")), (run_inputs, run_inputs));
    assert!(view(&host.run, "s/catch", false).task("a").is_some());
    host.succeed("s/catch/x");
    assert_eq!((seen(&host.run, "s/finally"), seen(&host.run, "s/finally/x")), (run_inputs, run_inputs));
    host.finish();
}

#[test]
fn variables_neither_enter_nor_leave() {
    let set = |text| Evaluation::Value { output: value_hash("\"v\""), vars: Some(value_hash(text)) };
    let inside = vec![task("b"), value("c"), task("d")];
    let scope = flow("s", vec![flow("t", inside)]).bound().finally(value("_"));
    let mut host = Host::new(define(&flow("root", vec![value("a"), scope, task("e")])));
    host.answer("a", set("1"));
    host.answer("s/t/c", set("2"));
    host.start();
    assert_eq!((view(&host.run, "s", false).vars(), view(&host.run, "s/t/b", false).vars()), {
        (Some(value_hash("1")), None)
    });
    host.answer("s", own("1"));
    host.succeed("s/t/b");
    assert_eq!(view(&host.run, "s/t/d", false).vars(), Some(value_hash("2")));
    host.answer("s/finally", set("3"));
    host.succeed("s/t/d");
    assert_eq!(view(&host.run, "e", false).vars(), Some(value_hash("3")));
    host.finish();
}

#[test]
fn a_move_keeps_inputs_and_asks_for_them_only_where_nothing_began() {
    let root = |is_bound: bool| {
        let scope = graph("s", vec![task("a")]);
        graph(
            "root",
            vec![if is_bound { scope.bound() } else { scope }, graph("t", vec![task("b")]).after("s")],
        )
    };
    let mut host = Host::new(define(&root(true)));
    host.answer("s", own("1"));
    host.start();
    let mut moved = graph("root", vec![task("z"), graph("r", vec![task("a")]).bound()]);
    host.rebase(&moved, &[("s", "r")]).unwrap();
    assert_eq!(seen(&host.run, "r/a"), Some(value_hash("1")));
    moved = graph("root", vec![task("z"), graph("r", vec![task("a")])]);
    host.rebase(&moved, &[]).unwrap();
    assert_eq!(seen(&host.run, "r/a"), Some(value_hash("{}")));
    let mut host = Host::started(&root(false));
    let refused = host.rebase(&root(true), &[]);
    assert_eq!(refused, Err(Rejection::Rebase(RebaseError::Inputs { task: address("s") })));
}
