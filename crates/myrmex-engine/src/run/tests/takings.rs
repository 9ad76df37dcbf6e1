//! Retries of runs: what is chosen, and that it is taken over instead of being done again.

use std::collections::BTreeSet;
use std::sync::Arc;

use myrmex_model::command::Command;
use myrmex_model::effect::Evaluation;
use myrmex_model::event::Event;
use myrmex_model::outcome::Outcome;
use myrmex_model::retry::Takings;
use myrmex_model::status::Status;

use super::build::{Spec, Then, catch, choose, define, each, flow, goto, graph, hash, task, value};
use super::host::{Host, address, map, value_hash};
use crate::run::{Again, Choice, History, Run, SelectError};

fn again(paths: &[&str]) -> Vec<Again> {
    let one = |path: &&str| {
        let kind = if path.ends_with(']') { Again::Item } else { Again::Task };
        kind((*path).to_owned())
    };
    paths.iter().map(one).collect()
}

fn history(host: &Host) -> History {
    host.run.history(&Takings::default())
}

fn choose_again(host: &Host, paths: &[&str]) -> Choice {
    let definition = (&**host.run.definition(), false);
    history(host).choose(definition, &again(paths), &BTreeSet::new()).unwrap()
}

/// Returns what a retry takes over, what is inside of something taken left out.
fn taken(choice: &Choice) -> Vec<String> {
    let results = &choice.takings.results;
    let is_top =
        |address: &&myrmex_model::address::Address| !results.keys().any(|scope| address.is_inside(scope));
    results.keys().filter(is_top).map(ToString::to_string).collect()
}

/// Starts a retry that takes over what was chosen.
fn retried(root: &Spec, choice: &Choice) -> Host {
    let mut host = Host::new(define(root));
    begin(&mut host, choice);
    host
}

fn begin(host: &mut Host, choice: &Choice) {
    host.takings = choice.takings.clone();
    host.begin_retry();
}

/// Returns the tasks that were taken over, in order.
fn taken_events(host: &Host) -> Vec<String> {
    let taken = host.events().filter_map(|event| match event {
        Event::TaskTaken { task, .. } => Some(task.to_string()),
        _ => None,
    });
    taken.collect()
}

fn granted(host: &Host) -> Vec<String> {
    let granted = host.events().filter_map(|event| match event {
        Event::AttemptGranted { task, .. } => Some(task.to_string()),
        _ => None,
    });
    granted.collect()
}

#[test]
fn what_failed_runs_again_with_what_follows_it() {
    let finished = [Outcome::Succeeded, Outcome::Failed];
    let children = vec![
        task("a"),
        task("b").after("a"),
        task("c").after("b"),
        task("d").after_on("c", &finished),
        task("e").after("a"),
    ];
    let root = graph("root", children);
    let mut host = Host::started(&root);
    host.succeed("a");
    host.succeed("b");
    host.fail("c");
    host.finish();
    let choice = choose_again(&host, &[]);
    assert_eq!(taken(&choice), ["a", "b", "e"]);
    assert!(!choice.is_whole);
    let mut host = retried(&root, &choice);
    host.finish();
    assert_eq!((taken_events(&host), granted(&host)), (strings(&["a", "b", "e"]), strings(&["c", "d"])));
    assert_eq!((host.run.status(), host.run.attempt()), (Status::Succeeded, 2));
    let a = host.run.task(&address("a")).unwrap();
    assert_eq!((a.attempts(), a.taken_from()), (1, Some(super::host::RUN)));
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

#[test]
fn from_a_task_of_a_graph_its_edges_say_what_follows() {
    let block = graph("block", vec![task("x"), task("y").after("x"), task("z")]);
    let root =
        graph("root", vec![task("a"), block.after("a"), task("b").after("block"), task("c").after("a")]);
    let mut host = Host::started(&root);
    host.finish();
    assert!(choose_again(&host, &[]).is_whole);
    assert_eq!(taken(&choose_again(&host, &["block/x"])), ["a", "block/z", "c"]);
    assert_eq!(taken(&choose_again(&host, &["block"])), ["a", "c"]);
    assert_eq!(taken(&choose_again(&host, &["c", "b"])), ["a", "block"]);
    assert!(taken(&choose_again(&host, &["a"])).is_empty());
}

#[test]
fn from_a_task_of_a_flow_everything_that_began_later_runs_again() {
    let again = choose("again", vec![goto("b"), Then::Continue]);
    let root = flow("root", vec![value("a"), task("b"), again, task("c"), task("d")]);
    let mut host = Host::new(define(&root));
    host.answer("again#2", Evaluation::Case(Some(1)));
    host.start();
    host.finish();
    assert_eq!(taken(&choose_again(&host, &["c"])), ["a", "b", "again", "b#2", "again#2"]);
    assert_eq!(taken(&choose_again(&host, &["b"])), ["a"]);
    let mut host = retried(&root, &choose_again(&host, &["d"]));
    host.finish();
    assert_eq!(granted(&host), ["d"], "the `switch` went the way it went before");
}

#[test]
fn items_are_chosen_one_by_one() {
    let regions = each("regions", graph("_", vec![task("deploy"), task("check").after("deploy")]));
    let root = graph("root", vec![regions, task("after").after("regions"), task("beside")]);
    let live = |host: &mut Host, failing: &str| {
        host.answer("regions", map(&["eu", "us", "ap"]));
        host.start();
        if !failing.is_empty() {
            host.fail(failing);
        }
        host.finish();
    };
    let mut host = Host::new(define(&root));
    live(&mut host, "regions[us]/deploy");
    let choice = choose_again(&host, &[]);
    assert_eq!(taken(&choice), ["regions[eu]", "regions[ap]", "beside"]);
    let mut host = Host::new(define(&root));
    host.answer("regions", map(&["eu", "us", "ap"]));
    begin(&mut host, &choice);
    host.finish();
    assert_eq!(granted(&host), ["regions[us]/deploy", "regions[us]/check", "after"]);
    let mut host = Host::new(define(&root));
    live(&mut host, "");
    assert_eq!(taken(&choose_again(&host, &["regions[eu]"])), ["regions[us]", "regions[ap]", "beside"]);
    let definition = (&**host.run.definition(), false);
    let unknown = history(&host).choose(definition, &again(&["regions[uk]"]), &BTreeSet::new());
    let known = strings(&["regions[eu]", "regions[us]", "regions[ap]"]);
    assert_eq!(unknown, Err(SelectError::Item { path: "regions[uk]".into(), known }));
}

#[test]
fn a_task_that_is_not_there_is_named_with_those_that_are() {
    let mut host = Host::started(&graph("root", vec![task("build"), task("ship").after("build")]));
    host.fail("build");
    host.finish();
    let definition = (&**host.run.definition(), false);
    let unknown = history(&host).choose(definition, &again(&["shop"]), &BTreeSet::new());
    assert_eq!(unknown, Err(SelectError::Task { path: "shop".into(), known: strings(&["build", "ship"]) }));
}

#[test]
fn what_was_caught_is_taken_as_a_whole_and_handlers_do_not_run_again() {
    let tried = graph("tried", vec![task("x")]).catching(catch(task("_"))).finally(task("_"));
    let root = graph("root", vec![tried, task("last").after("tried")]);
    let mut host = Host::started(&root);
    host.fail("tried/x");
    host.succeed("tried/catch");
    host.succeed("tried/finally");
    host.fail("last");
    host.finish();
    let choice = choose_again(&host, &[]);
    assert_eq!(taken(&choice), ["tried"]);
    let mut host = retried(&root, &choice);
    host.finish();
    assert_eq!(granted(&host), ["last"]);
    assert!(host.run.task(&address("tried")).unwrap().fault().is_some(), "its error stays readable");
}

#[test]
fn the_last_attempt_of_a_block_counts() {
    let block = graph("block", vec![task("x"), task("y").after("x"), task("z")]).retried(1, 0);
    let root = graph("root", vec![block]);
    let mut host = Host::started(&root);
    host.succeed("block/z");
    host.fail("block/x");
    host.succeed("block~2/x");
    host.succeed("block~2/z");
    host.fail("block~2/y");
    host.finish();
    let choice = choose_again(&host, &[]);
    assert_eq!(taken(&choice), ["block/x", "block/z"]);
    let mut host = retried(&root, &choice);
    host.fail("block/y");
    host.finish();
    assert_eq!(granted(&host), ["block/y", "block~2/x", "block~2/z", "block~2/y"], "then nothing is taken");
}

#[test]
fn variables_are_as_they_were_when_the_task_had_ended() {
    let vars = |text: &str| Evaluation::Value { output: value_hash("1"), vars: Some(value_hash(text)) };
    let root = flow("root", vec![flow("inner", vec![value("set")]), value("more"), task("last")]);
    let mut host = Host::new(define(&root));
    host.answer("inner/set", vars("first"));
    host.answer("more", vars("second"));
    host.start();
    host.fail("last");
    let choice = choose_again(&host, &["more"]);
    assert_eq!(taken(&choice), ["inner"]);
    assert_eq!(choice.takings.results[0].vars, Some(value_hash("first")));
    let choice = choose_again(&host, &[]);
    assert_eq!(choice.takings.results[&address("more")].vars, Some(value_hash("second")));
    let host = retried(&root, &choice);
    let again = host.run.history(&choice.takings);
    let last = again.choose((&**host.run.definition(), false), &[], &BTreeSet::new()).unwrap();
    assert_eq!(last.takings, choice.takings, "a retry of a retry takes the same");
}

#[test]
fn a_retry_of_a_retry_may_look_into_what_was_taken_as_a_whole() {
    let block = graph("block", vec![task("x"), each("e", task("_")).after("x")]);
    let root = graph("root", vec![block, task("last").after("block")]);
    let mut host = Host::started(&root);
    host.succeed("block/x");
    host.grant();
    host.succeed("block/e[0]");
    host.succeed("block/e[1]");
    host.fail("last");
    let first = choose_again(&host, &[]);
    assert_eq!(taken(&first), ["block"]);
    let mut host = retried(&root, &first);
    host.fail("last");
    let definition = (&**host.run.definition(), false);
    let second = host.run.history(&first.takings);
    let second = second.choose(definition, &again(&["block/e[1]"]), &BTreeSet::new()).unwrap();
    assert_eq!(taken(&second), ["block/x", "block/e[0]"]);
    assert_eq!(second.takings.lists.keys().map(ToString::to_string).collect::<Vec<_>>(), ["block/e"]);
    let mut host = retried(&root, &second);
    host.finish();
    assert_eq!(granted(&host), ["block/e[1]", "last"]);
}

#[test]
fn what_is_lost_runs_again_with_what_follows_it() {
    let root = graph("root", vec![task("a").once(), task("b").after("a"), task("c")]);
    let mut host = Host::started(&root);
    host.succeed("a");
    host.succeed("b");
    host.fail("c");
    let lost = BTreeSet::from([address("a")]);
    let choice = history(&host).choose((&**host.run.definition(), false), &[], &lost).unwrap();
    assert!(taken(&choice).is_empty());
    assert_eq!(choice.once, [address("a")], "a person is told");
}

#[test]
fn under_another_definition_results_are_taken_by_address_and_new_tasks_run_first() {
    let mut host = Host::started(&graph("root", vec![task("a"), task("b").after("a"), task("c").after("b")]));
    host.succeed("a");
    host.succeed("b");
    host.fail("c");
    let other = vec![task("a"), task("new"), task("c").after("a"), task("b").after("new")];
    let other = define(&graph("root", other));
    let choice = history(&host).choose((&other, true), &[], &BTreeSet::new()).unwrap();
    assert_eq!(taken(&choice), ["a"]);
}

#[test]
fn replay_and_snapshots_know_what_was_taken() {
    let root = flow("root", vec![value("set"), choose("way", vec![Then::Continue]), task("last")]);
    let mut host = Host::started(&root);
    host.fail("last");
    let choice = choose_again(&host, &[]);
    let mut host = retried(&root, &choice);
    host.grant();
    let definition = Arc::clone(host.run.definition());
    let restored = Run::restore(&host.run.facts(), Arc::clone(&definition), hash(&definition)).unwrap();
    assert_eq!(restored.attempt(), 2);
    assert_eq!(restored.task(&address("set")).unwrap().taken_from(), Some(super::host::RUN));
    host.finish();
    assert_eq!(host.run.status(), Status::Succeeded);
}

/// Skips tasks by hand.
fn skip(host: &mut Host, tasks: &[&str]) {
    let tasks = tasks.iter().map(|task| address(task)).collect();
    host.put(Command::Skip { tasks, by: "ana".into(), reason: "not today".into() }).unwrap();
}

#[test]
fn what_a_person_skipped_runs_again_with_what_follows_it() {
    let finished = [Outcome::Succeeded, Outcome::Failed, Outcome::Skipped];
    let children = vec![
        task("stuck"),
        task("after").after("stuck"),
        task("anyway").after_on("stuck", &finished),
        task("behind").after("anyway"),
        task("beside"),
        task("broken"),
    ];
    let root = graph("root", children);
    let mut host = Host::started(&root);
    skip(&mut host, &["stuck"]);
    host.fail("broken");
    host.finish();
    host.expect(&[("after", Status::Skipped), ("behind", Status::Succeeded)]);
    let choice = choose_again(&host, &[]);
    assert_eq!(taken(&choice), ["beside"]);
    let restored = Run::from_snapshot(&host.run.snapshot(), &mut |hash| host.definitions.get(&hash).cloned());
    assert_eq!(restored.unwrap().history(&Takings::default()), history(&host), "a snapshot knows it");
    let mut host = retried(&root, &choice);
    host.finish();
    assert_eq!(granted(&host), ["stuck", "broken", "after", "anyway", "behind"]);
}

#[test]
fn what_stands_behind_a_skip_by_hand_in_a_flow_runs_again() {
    let root = flow("root", vec![task("a"), task("b"), task("c"), task("d")]);
    let mut host = Host::started(&root);
    host.succeed("a");
    skip(&mut host, &["b"]);
    host.succeed("c");
    host.fail("d");
    host.finish();
    assert_eq!(taken(&choose_again(&host, &[])), ["a"]);
}

#[test]
fn an_item_that_a_person_skipped_runs_again() {
    let root = graph("root", vec![each("regions", task("_")).parallel(1), task("broken")]);
    let mut host = Host::new(define(&root));
    host.answer("regions", map(&["eu", "us", "ap"]));
    host.start();
    skip(&mut host, &["regions[eu]"]);
    host.fail("broken");
    host.fail("regions[us]");
    host.finish();
    assert_eq!(taken(&choose_again(&host, &[])), ["regions[ap]"]);
}
