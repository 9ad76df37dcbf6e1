//! Order and circles.

use myrmex_plan::network::Network;
use myrmex_plan::problem::{Fact, Problem, TaskId};
use myrmex_plan::sample::layered;

use crate::sketch::{id, of, problem};

#[track_caller]
fn check_order(problem: &Problem, expected: &str) {
    let network = Network::new(problem).unwrap();
    let names: Vec<&str> =
        network.order().iter().map(|task| problem.tasks[task.at()].name.as_str()).collect();
    assert_eq!(names.join(" "), expected);
}

#[track_caller]
fn check_cycle(problem: &Problem, expected: &str) {
    assert_eq!(
        Network::new(problem).unwrap_err().to_string(),
        format!("the links form a circle: {expected}")
    );
}

#[test]
fn of_tasks_that_could_come_next_the_first_written_does() {
    check_order(&problem("d 1 a b; c 1 a; b 1; a 1"), "b a d c");
    check_order(&problem("a 1; b 1; c 1"), "a b c");
}

#[test]
fn a_circle_is_told_with_all_names_in_order() {
    check_cycle(&problem("x 1; d 1 c; b 1 a; c 1 b; a 1 d; after 1 a"), "`d` -> `a` -> `b` -> `c` -> `d`");
    check_cycle(&problem("a 1 a"), "`a` -> `a`");
    check_cycle(&problem("a 1 b:SS; b 1 a:FF"), "`a` -> `b` -> `a`");
}

#[test]
fn a_circle_names_its_links() {
    let problem = problem("a 1 c; b 1 a; c 1 b");
    let cycle = Network::new(&problem).unwrap_err();
    assert_eq!(cycle.tasks, ["a", "b", "c"].map(|name| id(&problem, name)));
    assert_eq!(cycle.links, [1, 2, 0]);
}

#[test]
fn what_was_dropped_binds_nobody() {
    let mut problem = problem("a 1 b; b 1 a");
    of(&mut problem, "b").fact = Fact::Dropped;
    check_order(&problem, "a b");
    assert_eq!(Network::new(&problem).unwrap().arcs(), []);
}

#[test]
fn what_follows_a_span_follows_the_task_at_its_end() {
    let mut problem = problem("lead 0; a 1; b 1 a; c 1 lead; d 1 lead:SS");
    let spans = (id(&problem, "a"), id(&problem, "b"));
    of(&mut problem, "lead").spans = Some(spans);
    let network = Network::new(&problem).unwrap();
    let before = |name| network.arcs_into(id(&problem, name)).map(|arc| arc.from).collect::<Vec<_>>();
    assert_eq!(before("c"), [id(&problem, "b")]);
    assert_eq!(before("d"), [id(&problem, "a")]);
}

#[test]
fn a_circle_through_a_span_names_the_span() {
    let mut circle = problem("lead 0; a 1 lead; b 1 a");
    let spans = (id(&circle, "a"), id(&circle, "b"));
    of(&mut circle, "lead").spans = Some(spans);
    check_cycle(&circle, "`a` -> `b` -> `lead` -> `a`");

    let mut spans = problem("x 0; y 0; z 1");
    let (x, y, z) = (id(&spans, "x"), id(&spans, "y"), id(&spans, "z"));
    of(&mut spans, "x").spans = Some((z, y));
    of(&mut spans, "y").spans = Some((z, x));
    check_cycle(&spans, "`x` -> `y` -> `x`");
}

#[test]
fn a_sample_has_the_size_that_was_asked_for_and_no_circle() {
    let sample = layered(1_050, 2_000, 7);
    assert_eq!((sample.tasks.len(), sample.links.len()), (1_050, 2_000));
    let network = Network::new(&sample).unwrap();
    let bare = (0..).map(TaskId).take(1_050).filter(|task| network.arcs_into(*task).next().is_none());
    assert_eq!(bare.count(), 100, "only the first layer waits for nothing");
    assert_eq!(sample, layered(1_050, 2_000, 7));
    assert_ne!(sample, layered(1_050, 2_000, 8));
}
