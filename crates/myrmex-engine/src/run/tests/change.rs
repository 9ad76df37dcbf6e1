//! What a project that runs cannot follow.

use myrmex_model::planning::Project;
use myrmex_model::status::Status;

use super::build::{Spec, graph, project_of, task};
use super::host::{Host, address};
use crate::run::Refusal;

/// A project of which `a` is over, `b` runs and `c` has not begun.
fn under_way() -> Host {
    let root = graph("root", vec![task("a"), task("b").after("a"), task("c").after("b")]);
    let mut host = Host::of_project(&root, Project::default());
    host.succeed("a");
    host.grant();
    host.expect(&[("a", Status::Succeeded), ("b", Status::Running), ("c", Status::Pending)]);
    host
}

fn refused(children: Vec<Spec>, map: &[(&str, &str)]) -> Vec<Refusal> {
    let changed = project_of(&graph("root", children), Project::default());
    let map: Vec<_> = map.iter().map(|(old, new)| (address(old), address(new))).collect();
    under_way().run.check_change(&changed, &map)
}

fn named(name: &str) -> String {
    name.to_owned()
}

#[test]
fn what_has_not_begun_may_change_in_every_way() {
    assert_eq!(refused(vec![task("a"), task("b").after("a"), task("c").after("b")], &[]), []);
    let later =
        vec![task("a"), task("b").after("a"), task("new").after("b"), task("c").after("new").after("a")];
    assert_eq!(refused(later, &[]), []);
    assert_eq!(refused(vec![task("a"), task("b").after("a")], &[]), [], "`c` goes");
}

#[test]
fn what_is_over_may_go_and_what_is_under_way_may_not() {
    let needs = Refusal::Needs { task: named("b") };
    assert_eq!(refused(vec![task("b"), task("c").after("b")], &[]), [needs], "`b` needed it");
    let gone = Refusal::Gone { task: named("b") };
    assert_eq!(refused(vec![task("a"), task("c").after("a")], &[]), [gone]);
}

#[test]
fn what_has_begun_keeps_what_it_does_and_what_it_needs() {
    let other = vec![task("a"), super::build::value("b").after("a"), task("c").after("b")];
    assert_eq!(refused(other, &[]), [Refusal::Body { task: named("b") }]);
    let free = vec![task("a"), task("b"), task("c").after("b")];
    assert_eq!(refused(free, &[]), [Refusal::Needs { task: named("b") }]);
}

#[test]
fn nothing_new_comes_before_what_has_begun() {
    let before = vec![task("a"), task("new"), task("b").after("a").after("new"), task("c").after("b")];
    assert_eq!(refused(before, &[]), [Refusal::Before { new: named("new"), decided: named("b") }]);
}

#[test]
fn what_is_renamed_is_the_same() {
    let renamed = vec![task("first"), task("second").after("first"), task("c").after("second")];
    assert_eq!(refused(renamed, &[("a", "first"), ("b", "second")]), []);
}
