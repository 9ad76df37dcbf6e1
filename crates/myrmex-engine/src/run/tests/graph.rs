//! Graphs: joins, dead paths, edges on every outcome, cases, limits and nesting.

use myrmex_model::effect::Evaluation;
use myrmex_model::event::{Event, SkipReason};
use myrmex_model::ir::Join;
use myrmex_model::outcome::Outcome::{self, Failed, Skipped, Started, Succeeded};
use myrmex_model::status::Status;

use super::build::{Spec, Then, choose, computed_task, graph, raise, task, timer, value};
use super::host::{Host, address, value_hash};

fn skip_reason(host: &Host, task: &str) -> SkipReason {
    let found = host.events().find_map(|event| match event {
        Event::TaskSkipped { task: skipped, reason } if *skipped == address(task) => Some(reason.clone()),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("`{task}` was not skipped"))
}

fn upstream(task: &str, outcome: Outcome) -> SkipReason {
    SkipReason::Upstream { task: address(task), outcome }
}

/// Two tasks `a` and `b`, and `c` after both with this join; `a` fails or succeeds, then `b`.
fn joined(join: Join, a_succeeds: bool, b_succeeds: bool) -> [Status; 2] {
    let c = task("c").after("a").after("b").join(join);
    let mut host = Host::started(&graph("root", vec![task("a"), task("b"), c]));
    let after = |host: &mut Host, name: &str, succeeds: bool| {
        if succeeds {
            host.succeed(name);
        } else {
            host.fail(name);
        }
        match host.status("c") {
            Status::Pending if host.run.queued().is_empty() => Status::Waiting,
            status => status,
        }
    };
    let first = after(&mut host, "a", a_succeeds);
    [first, after(&mut host, "b", b_succeeds)]
}

// In these tables `Pending` is a task that is queued, `Waiting` stands for one that still waits for its edges.
#[test]
fn all_begins_after_every_success_and_is_skipped_at_the_first_failure() {
    assert_eq!(joined(Join::All, true, true), [Status::Waiting, Status::Pending]);
    assert_eq!(joined(Join::All, false, true), [Status::Skipped, Status::Skipped]);
    assert_eq!(joined(Join::All, true, false), [Status::Waiting, Status::Skipped]);
}

#[test]
fn all_live_waits_for_every_decision_and_needs_one_success() {
    assert_eq!(joined(Join::AllLive, true, true), [Status::Waiting, Status::Pending]);
    assert_eq!(joined(Join::AllLive, false, true), [Status::Waiting, Status::Pending]);
    assert_eq!(joined(Join::AllLive, true, false), [Status::Waiting, Status::Pending]);
    assert_eq!(joined(Join::AllLive, false, false), [Status::Waiting, Status::Skipped]);
}

#[test]
fn first_begins_once_enough_succeeded_and_is_skipped_once_too_few_can() {
    let granted = Status::Running;
    assert_eq!(joined(Join::First(1), true, true), [Status::Pending, granted]);
    assert_eq!(joined(Join::First(1), false, true), [Status::Waiting, Status::Pending]);
    assert_eq!(joined(Join::First(1), false, false), [Status::Waiting, Status::Skipped]);
    assert_eq!(joined(Join::First(2), false, true), [Status::Skipped, Status::Skipped]);
}

#[test]
fn a_number_that_edges_cannot_reach_asks_for_all_of_them() {
    assert_eq!(joined(Join::First(9), true, true), [Status::Waiting, Status::Pending]);
    assert_eq!(joined(Join::First(0), false, true), [Status::Waiting, Status::Pending]);
}

#[test]
fn skips_reach_everything_behind_and_name_what_stands_before_them() {
    let root = graph("root", vec![task("a"), task("b").after("a"), task("c").after("b"), task("free")]);
    let mut host = Host::started(&root);
    host.fail("a");
    assert_eq!(skip_reason(&host, "b"), upstream("a", Failed));
    assert_eq!(skip_reason(&host, "c"), upstream("b", Skipped));
    host.succeed("free");
    assert_eq!(host.run.status(), Status::Failed);
    assert_eq!(host.run.fault().unwrap().task.as_deref(), Some("a"));
}

#[test]
fn a_false_guard_skips_for_its_own_reason() {
    let mut host = Host::new(super::build::define(&graph(
        "root",
        vec![computed_task("a").guarded(), task("b").after("a")],
    )));
    host.answer("a", Evaluation::Skip);
    host.start();
    assert_eq!(skip_reason(&host, "a"), SkipReason::Condition);
    assert_eq!(skip_reason(&host, "b"), upstream("a", Skipped));
    assert_eq!(host.run.status(), Status::Succeeded);
}

#[test]
fn edges_ask_for_the_outcomes_they_name() {
    let children = vec![
        task("a"),
        task("cleanup").after_on("a", &[Failed]),
        task("always").after_on("a", &[Succeeded, Failed, Skipped]),
        task("next").after("a"),
        task("instead").after_on("next", &[Skipped]),
    ];
    let mut host = Host::started(&graph("root", children));
    host.fail("a");
    host.expect(&[("next", Status::Skipped), ("cleanup", Status::Pending), ("always", Status::Pending)]);
    host.expect(&[("instead", Status::Pending)]);
    host.finish();
}

#[test]
fn started_edges_are_true_from_the_first_grant_on() {
    let mut host = Host::started(&graph("root", vec![task("a"), task("b").after_on("a", &[Started])]));
    assert_eq!(host.run.queued().len(), 1);
    host.grant();
    assert_eq!(host.run.queued().len(), 1, "`b` is queued while `a` runs");
    host.fail("a");
    host.expect(&[("b", Status::Running)]);
    host.finish();
}

#[test]
fn started_edges_take_what_ran_without_a_grant_and_refuse_what_never_ran() {
    let children = vec![
        value("v"),
        task("after_v").after_on("v", &[Started]),
        timer("t"),
        task("after_t").after_on("t", &[Started]),
        graph("s", vec![task("x")]),
        task("after_s").after_on("s", &[Started]),
        raise("r").guarded(),
        task("after_r").after_on("r", &[Started]),
    ];
    let mut host = Host::new(super::build::define(&graph("root", children)));
    host.answer("r", Evaluation::Skip);
    host.start();
    let pending = Status::Pending;
    host.expect(&[
        ("after_v", pending),
        ("after_t", pending),
        ("after_s", pending),
        ("after_r", Status::Skipped),
    ]);
    host.finish();
}

#[test]
fn a_switch_in_a_graph_lets_only_the_chosen_case_go_on() {
    let children = vec![
        choose("s", vec![Then::Continue; 2]),
        task("first").after_case("s", 0),
        task("second").after_case("s", 1),
        task("both").after("s"),
        task("merge").after("first").after("second").join(Join::AllLive),
    ];
    let mut host = Host::new(super::build::define(&graph("root", children)));
    host.answer("s", Evaluation::Case(Some(1)));
    host.start();
    assert_eq!(skip_reason(&host, "first"), SkipReason::NotChosen { task: address("s") });
    host.succeed("second");
    host.expect(&[("both", Status::Running), ("merge", Status::Pending)]);
    host.finish();
    assert_eq!(host.run.status(), Status::Succeeded);
}

#[test]
fn a_switch_without_a_case_that_holds_fails() {
    let root = graph("root", vec![choose("s", vec![Then::Continue]), task("a").after_case("s", 0)]);
    let mut host = Host::new(super::build::define(&root));
    host.answer("s", Evaluation::Case(None));
    host.start();
    assert_eq!(skip_reason(&host, "a"), upstream("s", Failed));
    assert_eq!(host.run.fault().unwrap().kind.as_str(), "flow/no-choice");
}

#[test]
fn fail_fast_cancels_the_rest_and_the_run_has_failed() {
    let root = graph("root", vec![task("a"), task("b"), task("c").after("b"), timer("t")]).failing_fast();
    let mut host = Host::started(&root);
    host.fail("a");
    host.expect(&[("b", Status::Running), ("c", Status::Cancelled), ("t", Status::Cancelled)]);
    host.finish();
    host.expect(&[("b", Status::Cancelled)]);
    assert_eq!(host.run.status(), Status::Failed, "nobody cancelled the run");
    assert_eq!(host.run.fault().unwrap().task.as_deref(), Some("a"));
}

#[test]
fn fail_fast_finds_another_child_that_is_being_evaluated() {
    // Both are asked in one turn; the answer of `r` fails the block before the answer of `w` arrives.
    let block =
        graph("block", vec![raise("r"), computed_task("w"), value("v"), choose("s", vec![Then::Continue])]);
    let mut host = Host::started(&graph("root", vec![block.failing_fast(), task("beside")]));
    let cancelled = Status::Cancelled;
    host.expect(&[("block/w", cancelled), ("block/v", cancelled), ("block/s", cancelled)]);
    host.expect(&[("block", Status::Failed), ("beside", Status::Pending)]);
    host.finish();
    assert_eq!(host.run.status(), Status::Failed);
}

#[test]
fn a_cancel_after_fail_fast_cancels_the_run() {
    let mut host = Host::started(&graph("root", vec![task("a"), task("b")]).failing_fast());
    host.fail("a");
    host.cancel();
    host.finish();
    assert_eq!(host.run.status(), Status::Cancelled);
}

#[test]
fn no_more_than_max_parallel_children_are_under_way() {
    let children: Vec<Spec> = (0..6).map(|index| computed_task(&format!("t{index}"))).collect();
    let mut host = Host::started(&graph("root", children).parallel(2));
    // `check_limits` looks at every step; here the outside of it.
    for done in 0..6 {
        assert_eq!(host.run.queued().len() + host.assigned.len(), 2.min(6 - done));
        host.succeed(&format!("t{done}"));
    }
    assert_eq!(host.run.status(), Status::Succeeded);
}

#[test]
fn a_place_that_a_skip_frees_is_given_on_in_the_same_turn() {
    let children = vec![task("a").guarded(), task("b").guarded(), task("c")];
    let mut host = Host::new(super::build::define(&graph("root", children).parallel(1)));
    host.answer("a", Evaluation::Skip);
    host.answer("b", Evaluation::Skip);
    host.start();
    assert_eq!(host.run.queued().len(), 1);
    host.succeed("c");
    assert_eq!(host.run.status(), Status::Succeeded);
}

#[test]
fn a_limit_of_zero_counts_as_one() {
    let mut host = Host::started(&graph("root", vec![task("a"), task("b")]).parallel(0));
    host.finish();
    assert_eq!(host.run.status(), Status::Succeeded);
}

#[test]
fn the_first_failure_stands_for_the_run() {
    let mut host = Host::started(&graph("root", vec![task("a"), task("b")]));
    host.fail("b");
    host.pass(1);
    host.fail("a");
    assert_eq!(host.run.fault().unwrap().task.as_deref(), Some("b"));
}

#[test]
fn blocks_nest_deeply_and_fail_outwards() {
    let mut spec = task("leaf");
    for level in 0..200 {
        spec = graph(&format!("g{level}"), vec![spec]);
    }
    let mut host = Host::new(super::build::define(&graph("root", vec![spec])));
    host.is_checked = false;
    host.start();
    let (leaf, _) = host.run.queued().remove(0);
    assert_eq!(leaf.segments().count(), 201);
    host.fail(leaf.as_str());
    assert_eq!(host.run.status(), Status::Failed);
    super::audit::check_turn(&host);
}

#[test]
fn scopes_compute_their_outputs_once_their_children_have_ended() {
    let block = graph("block", vec![task("a")]).computed();
    let mut host = Host::started(&graph("root", vec![block]).computed());
    host.answer("block", Evaluation::Output(value_hash("1")));
    host.answer("", Evaluation::Output(value_hash("2")));
    host.succeed("block/a");
    assert_eq!(host.run.task(&address("block")).unwrap().output(), Some(value_hash("1")));
    assert_eq!(host.run.output(), Some(value_hash("2")));
}

#[test]
fn an_output_of_the_run_that_has_no_value_fails_it() {
    let mut host = Host::started(&graph("root", vec![task("a")]).computed());
    host.answer_error("");
    host.succeed("a");
    assert_eq!(host.run.status(), Status::Failed);
}

#[test]
fn an_output_that_does_not_fit_its_declaration_fails_the_task() {
    let mut host = Host::started(&graph("root", vec![task("a").declared(), task("b").after("a")]));
    host.answer_error("a");
    host.succeed("a");
    host.expect(&[("a", Status::Failed), ("b", Status::Skipped)]);
}

#[test]
fn an_empty_graph_succeeds_at_once() {
    assert_eq!(Host::started(&graph("root", Vec::new())).run.status(), Status::Succeeded);
}
