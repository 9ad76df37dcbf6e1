//! Moving a run to another definition: facts stay, undecided tasks follow.

use myrmex_model::effect::{Effect, Evaluation};
use myrmex_model::event::{Event, SkipReason};
use myrmex_model::id::Attempt;
use myrmex_model::outcome::Outcome;
use myrmex_model::status::Status;

use super::build::{Spec, Then, choose, computed_task, define, each, flow, goto, graph, task, timer, value};
use super::host::{Host, address, ended_well, list, map};
use crate::run::{RebaseError, Rejection};

fn chain() -> Vec<Spec> {
    vec![task("a"), task("b").after("a"), task("c").after("b")]
}

fn refused(host: &mut Host, root: &Spec, map: &[(&str, &str)]) -> RebaseError {
    match host.rebase(root, map) {
        Err(Rejection::Rebase(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_equal_definition_changes_nothing() {
    let mut host = Host::started(&graph("root", chain()));
    let events = host.journal.len();
    host.rebase(&graph("root", chain()), &[]).unwrap();
    assert_eq!((host.journal.len(), host.effects.len()), (events, 0));
}

#[test]
fn facts_stay_and_what_is_undecided_follows() {
    let mut host = Host::started(&graph("root", chain()));
    host.succeed("a");
    host.grant();
    let token = host.token("b");
    host.rebase(&graph("root", vec![task("a"), task("b").after("a"), task("c").after("a")]), &[]).unwrap();
    assert_eq!(host.effects, [Effect::Queue { task: address("c"), attempt: Attempt::FIRST }]);
    assert_eq!(host.token("b"), token);
    host.expect(&[("a", Status::Succeeded), ("b", Status::Running), ("c", Status::Pending)]);
    host.finish();
    assert_eq!(host.run.status(), Status::Succeeded);
}

#[test]
fn tasks_are_added_before_between_and_after() {
    let mut host = Host::started(&graph("root", chain()));
    host.succeed("a");
    let new = vec![
        task("zero"),
        task("a").after("zero"),
        task("b").after("a"),
        task("between").after("b"),
        task("c").after("between"),
        task("end2").after("c"),
    ];
    host.rebase(&graph("root", new), &[]).unwrap();
    host.expect(&[("zero", Status::Pending), ("a", Status::Succeeded), ("b", Status::Pending)]);
    host.succeed("b");
    host.succeed("between");
    host.succeed("c");
    host.finish();
    assert_eq!(host.run.status(), Status::Succeeded);
}

#[test]
fn a_pending_task_can_be_removed_and_the_run_can_end_by_it() {
    let mut host =
        Host::started(&graph("root", vec![task("a"), task("b").after_with("a", &[Outcome::Succeeded], 100)]));
    host.succeed("a");
    host.rebase(&graph("root", vec![task("a")]), &[]).unwrap();
    assert_eq!(host.run.status(), Status::Succeeded);
    assert!(matches!(host.effects[0], Effect::Disarm { .. }));
}

#[test]
fn a_task_that_has_ended_can_be_removed() {
    let mut host = Host::started(&graph("root", chain()));
    host.succeed("a");
    host.rebase(&graph("root", vec![task("b"), task("c").after("b")]), &[]).unwrap();
    assert!(host.run.task(&address("a")).is_none());
    host.finish();
    assert_eq!(host.run.status(), Status::Succeeded);
}

#[test]
fn a_task_under_way_cannot_be_removed_or_become_something_else() {
    let mut host = Host::started(&graph("root", chain()));
    let gone = graph("root", vec![task("b"), task("c")]);
    assert_eq!(refused(&mut host, &gone, &[]), RebaseError::Missing { task: address("a") });
    let other = graph("root", vec![value("a"), task("b"), task("c")]);
    assert_eq!(refused(&mut host, &other, &[]), RebaseError::Kind { task: address("a") });
    let root = flow("root", vec![task("a")]);
    assert_eq!(refused(&mut host, &root, &[]), RebaseError::Kind { task: address("") });
    host.finish();
}

#[test]
fn literal_arguments_cannot_become_computed_under_an_attempt() {
    let mut host = Host::started(&graph("root", vec![task("a")]));
    let computed = graph("root", vec![computed_task("a")]);
    assert_eq!(refused(&mut host, &computed, &[]), RebaseError::Arguments { task: address("a") });
}

#[test]
fn the_map_renames_tasks_and_everything_inside_them() {
    let block = |name: &str| graph(name, vec![task("x"), each("e", task("_")), task("y").after("x")]);
    let mut host = Host::started(&graph("root", vec![block("old"), task("other")]));
    host.succeed("old/x");
    host.rebase(&graph("root", vec![block("new"), task("other")]), &[("old", "new")]).unwrap();
    host.expect(&[("new/x", Status::Succeeded), ("new/e[1]", Status::Running), ("new/y", Status::Pending)]);
    let token = host.token("old/e[1]");
    host.report(token, ended_well()).unwrap();
    host.expect(&[("new/e[1]", Status::Succeeded)]);
    host.finish();
    assert_eq!(host.run.status(), Status::Succeeded);
}

#[test]
fn a_renamed_task_that_is_queued_waits_under_its_new_name() {
    let mut host = Host::started(&graph("root", vec![task("a")]));
    host.rebase(&graph("root", vec![task("b")]), &[("a", "b")]).unwrap();
    let withdraw = Effect::Withdraw { task: address("a"), attempt: Attempt::FIRST };
    assert_eq!(host.effects, [withdraw, Effect::Queue { task: address("b"), attempt: Attempt::FIRST }]);
    host.succeed("b");
}

#[test]
fn visits_follow_their_task_through_the_map() {
    let looped =
        |name: &str| flow("root", vec![task(name), choose("again", vec![goto(name), Then::Continue])]);
    let mut host = Host::started(&looped("a"));
    host.succeed("a");
    host.expect(&[("a", Status::Succeeded), ("a#2", Status::Pending)]);
    host.rebase(&looped("z"), &[("a", "z")]).unwrap();
    host.expect(&[("z", Status::Succeeded), ("z#2", Status::Pending)]);
    host.answer("again#2", Evaluation::Case(Some(1)));
    host.succeed("z#2");
    assert_eq!(host.run.status(), Status::Succeeded);
}

#[test]
fn two_tasks_cannot_become_one() {
    let mut host = Host::started(&graph("root", vec![task("a"), task("b")]));
    let root = graph("root", vec![task("b")]);
    assert_eq!(refused(&mut host, &root, &[("a", "b")]), RebaseError::Clash { task: address("b") });
}

#[test]
fn a_task_can_move_into_a_scope_that_stands_behind_it() {
    let mut host = Host::started(&graph("root", vec![task("a"), graph("g", vec![task("x")])]));
    host.succeed("a");
    let moved = graph("root", vec![graph("g", vec![task("x"), task("a")])]);
    host.rebase(&moved, &[("a", "g/a")]).unwrap();
    host.expect(&[("g/a", Status::Succeeded)]);
    host.finish();
}

#[test]
fn a_new_edge_from_a_finished_task_counts_at_once() {
    let root = |c: Spec| graph("root", vec![task("a"), task("b"), c]);
    let mut host = Host::started(&root(task("c").after("b")));
    host.fail("a");
    let both = task("c").after("b").after("a");
    host.rebase(&root(both), &[]).unwrap();
    host.expect(&[("c", Status::Skipped)]);
    host.finish();
}

#[test]
fn a_new_lag_counts_from_the_outcome_that_has_been() {
    let root = |c: Spec| graph("root", vec![task("a"), task("b"), c.after("b")]);
    let mut host = Host::started(&root(task("c")));
    let ended = host.now;
    host.succeed("a");
    host.pass(50);
    host.rebase(&root(task("c").after_with("a", &[Outcome::Succeeded], 200)), &[]).unwrap();
    assert_eq!(
        host.timers.values().copied().collect::<Vec<_>>(),
        [ended.after(myrmex_model::time::Length(200))]
    );
    host.pass(500);
    host.rebase(&root(task("c").after_with("a", &[Outcome::Succeeded], 300)), &[]).unwrap();
    host.finish();
}

#[test]
fn a_new_lag_that_is_over_already_leaves_the_timer_of_an_overdue_one_right() {
    let root = |b: Spec| graph("root", vec![task("a"), b]);
    let b = task("b").after_with("a", &[Outcome::Succeeded], 1);
    let mut host = Host::started(&root(b.clone()));
    host.succeed("a");
    host.pass(7);
    // `check_turn` compares the timers that the effects left with those of the run.
    host.rebase(&root(b.after_with("a", &[Outcome::Succeeded], 5)), &[]).unwrap();
    host.finish();
    assert_eq!(host.run.status(), Status::Succeeded);
}

#[test]
fn a_running_for_each_keeps_its_items_and_follows_its_window() {
    for items in [list(4), map(&["a", "b", "c", "d"])] {
        let spec =
            |most: u32| graph("root", vec![each("e", flow("_", vec![task("x"), task("y")])).parallel(most)]);
        let mut host = Host::new(define(&spec(1)));
        host.answer("e", items);
        host.start();
        host.rebase(&spec(3), &[]).unwrap();
        assert_eq!(host.run.queued().len(), 3);
        host.finish();
        assert_eq!(host.run.task(&address("e")).unwrap().items().count(), 4);
    }
}

#[test]
fn a_flow_in_the_middle_of_a_loop_goes_on_where_it_is() {
    let looped = |last: Spec| {
        flow("root", vec![value("set"), task("a"), choose("again", vec![goto("a"), Then::Continue]), last])
    };
    let mut host = Host::started(&looped(task("last")));
    host.succeed("a");
    host.rebase(&looped(task("other")), &[]).unwrap();
    host.answer("again#2", Evaluation::Case(Some(1)));
    host.succeed("a#2");
    host.succeed("other");
    assert_eq!(host.run.status(), Status::Succeeded);
}

#[test]
fn what_is_added_to_a_block_that_has_ended_is_skipped_with_a_reason() {
    let root = |inner: Vec<Spec>| graph("root", vec![graph("g", inner), task("slow")]);
    let mut host = Host::started(&root(vec![value("x")]));
    host.rebase(&root(vec![value("x"), task("y").after("x")]), &[]).unwrap();
    let reason = host.events().find_map(|event| match event {
        Event::TaskSkipped { reason, .. } => Some(reason.clone()),
        _ => None,
    });
    assert_eq!(reason, Some(SkipReason::Upstream { task: address("g"), outcome: Outcome::Succeeded }));
    host.finish();
    assert_eq!(host.run.status(), Status::Succeeded);
}

#[test]
fn what_is_added_to_a_block_that_has_ended_is_skipped_even_if_the_run_ends_by_the_move() {
    let block = |inner: Vec<Spec>| graph("g", inner);
    let late = task("late").after_with("a", &[Outcome::Succeeded], 100);
    let mut host = Host::started(&graph("root", vec![block(vec![value("x")]), task("a"), late]));
    host.succeed("a");
    host.rebase(&graph("root", vec![block(vec![value("x"), task("y")]), task("a")]), &[]).unwrap();
    host.expect(&[("g/y", Status::Skipped)]);
    assert_eq!(host.run.status(), Status::Succeeded);
}

#[test]
fn a_block_that_has_ended_may_become_another_kind_of_scope() {
    let root = |scope: Spec| graph("root", vec![scope, task("slow")]);
    let mut host = Host::started(&root(graph("g", vec![value("x")])));
    host.rebase(&root(flow("g", vec![value("x")])), &[]).unwrap();
    host.expect(&[("g", Status::Succeeded)]);
    host.finish();
}

#[test]
fn what_is_added_to_a_run_that_is_being_cancelled_is_cancelled() {
    let mut host = Host::started(&graph("root", vec![task("a")]));
    host.grant();
    host.cancel();
    host.rebase(&graph("root", vec![task("a"), task("b"), timer("w").after("a")]), &[]).unwrap();
    host.expect(&[("a", Status::Running), ("b", Status::Cancelled), ("w", Status::Cancelled)]);
    host.finish();
    assert_eq!(host.run.status(), Status::Cancelled);
}

#[test]
fn a_run_that_has_ended_does_not_move() {
    let mut host = Host::started(&graph("root", vec![value("a")]));
    let moved = host.rebase(&graph("root", vec![value("b")]), &[]);
    assert_eq!(moved, Err(Rejection::RunOver { status: Status::Succeeded }));
}

#[test]
fn what_is_added_to_a_scope_that_waits_for_its_next_attempt_waits_for_that() {
    let block = |names: &[&str]| {
        let children = names.iter().map(|name| task(name)).collect();
        flow("root", vec![graph("block", children).retried(1, 50)])
    };
    let mut host = Host::started(&block(&["x"]));
    host.fail("block/x");
    host.rebase(&block(&["x", "new"]), &[]).unwrap();
    host.expect(&[("block/new", Status::Skipped)]);
    host.fire();
    host.succeed("block~2/x");
    host.succeed("block~2/new");
    assert_eq!(host.run.status(), Status::Succeeded);
}
