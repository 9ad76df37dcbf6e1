//! Dates and calendars: when a lag in working time is over, and what keeps a task from beginning.

use std::sync::Arc;

use myrmex_model::command::{Command, TimerKey};
use myrmex_model::effect::{Effect, Evaluation, Question};
use myrmex_model::event::NotBefore;
use myrmex_model::ir::{AwaitKind, Definition};
use myrmex_model::outcome::Outcome::{Started, Succeeded};
use myrmex_model::planning::{Date, Item, Planning, Pool};
use myrmex_model::status::{Phase, Status};
use myrmex_model::time::{Length, Timestamp};

use super::build::{Spec, awaiting, define, each, flow, graph, hash, name, task, value};
use super::host::{Host, RUN, address, start};
use crate::run::{Reason, Rejection, Run};

fn later(host: &Host, ms: u64) -> Evaluation {
    Evaluation::MayBegin(Some((host.now.after(Length(ms)), NotBefore::Window)))
}

/// Starts a run of which `task` may begin only so much later.
fn postponed(root: &Spec, task: &str, ms: u64) -> Host {
    let mut host = Host::new(define(root));
    let answer = later(&host, ms);
    host.answer(task, answer);
    host.start();
    host
}

fn timer(task: &str) -> TimerKey {
    TimerKey::Begin(address(task))
}

#[test]
fn a_task_does_not_begin_before_its_instant() {
    let mut host = postponed(&graph("root", vec![task("a").dated(), task("b").after("a")]), "a", 100);
    let until = host.now.after(Length(100));
    assert_eq!(host.run.queued(), []);
    host.expect(&[("a", Status::Pending)]);
    assert_eq!(host.run.task(&address("a")).unwrap().phase(), Phase::Postponed);
    assert_eq!(host.run.why(&address("a")), Some(Reason::Postponed { until, because: NotBefore::Window }));
    assert_eq!(host.effects, [Effect::Arm { timer: timer("a"), due: until }]);
    assert_eq!(host.put(Command::Fire { timer: timer("a") }), Err(Rejection::NotDue));
    host.fire();
    assert_eq!((host.now, host.run.queued().len()), (until, 1));
    assert_eq!(host.put(Command::Fire { timer: timer("a") }), Err(Rejection::NotDue));
    host.succeed("a");
    host.finish();
    assert_eq!(host.run.status(), Status::Succeeded);
}

#[test]
fn it_is_asked_again_when_its_instant_has_come() {
    let mut host = postponed(&graph("root", vec![task("a").dated()]), "a", 100);
    let again =
        Evaluation::MayBegin(Some((host.now.after(Length(300)), NotBefore::Calendar(name("office")))));
    host.answer("a", again);
    host.fire();
    assert_eq!(host.run.queued(), []);
    host.fire();
    assert_eq!(host.run.queued().len(), 1);
    let told =
        ["task.postponed a", "task.released a", "task.postponed a", "task.released a", "task.queued a"];
    assert_eq!(host.story(1), told);
}

#[test]
fn a_workflow_is_asked_nothing() {
    let mut host = Host::started(&graph("root", vec![task("a"), value("b").after("a")]));
    host.succeed("a");
    assert_eq!(
        host.story(1),
        [
            "task.queued a",
            "attempt.granted a",
            "attempt.ended a",
            "task.succeeded a",
            "task.succeeded b",
            "run.ended"
        ]
    );
}

#[test]
fn what_is_postponed_takes_no_place_among_those_under_way() {
    let mut host = postponed(&graph("root", vec![task("a").dated(), task("b")]).parallel(1), "a", 100);
    assert_eq!(host.run.queued(), [(address("b"), myrmex_model::id::Attempt::FIRST)]);
    host.fire();
    assert_eq!(host.run.queued().len(), 1, "there is no place for it");
    host.succeed("b");
    assert_eq!(host.run.queued(), [(address("a"), myrmex_model::id::Attempt::FIRST)]);
    host.finish();
}

#[test]
fn what_is_postponed_is_cancelled_and_skipped_at_once() {
    let root = graph("root", vec![task("a").dated()]);
    let mut host = postponed(&root, "a", 100);
    host.cancel();
    assert!(host.timers.is_empty());
    assert_eq!(host.run.status(), Status::Cancelled);
    let mut host = postponed(&root, "a", 100);
    let (tasks, by, reason) = (vec![address("a")], "ana".to_owned(), "enough".to_owned());
    host.put(Command::Skip { tasks, by, reason }).unwrap();
    assert!(host.timers.is_empty());
    host.expect(&[("a", Status::Skipped)]);
}

#[test]
fn a_task_of_which_nobody_can_say_when_it_begins_is_stuck() {
    let mut host = Host::new(define(&graph("root", vec![task("a").dated()])));
    host.answer_error("a");
    host.start();
    host.expect(&[("a", Status::Stuck)]);
}

#[test]
fn a_new_definition_asks_anew() {
    let root = graph("root", vec![task("a").dated(), task("z")]);
    let mut host = postponed(&root, "a", 100);
    host.rebase(&graph("root", vec![task("a"), task("z")]), &[]).unwrap();
    assert_eq!(host.run.queued().len(), 2);
    let mut host = postponed(&root, "a", 100);
    let other = later(&host, 500);
    host.answer("a", other);
    host.rebase(&graph("root", vec![task("a").dated(), task("z"), task("y")]), &[]).unwrap();
    assert_eq!(host.timers[&timer("a")], host.now.after(Length(500)));
    let mut host = postponed(&root, "a", 100);
    host.rebase(&graph("root", vec![task("z"), task("a").after("z").dated()]), &[]).unwrap();
    host.expect(&[("a", Status::Pending)]);
    assert!(host.timers.is_empty(), "its links do not allow it any more");
    host.finish();
}

#[test]
fn a_snapshot_knows_until_when_and_because_of_what() {
    let host = postponed(&graph("root", vec![task("a").dated()]), "a", 100);
    let mut find = |hash| host.definitions.get(&hash).cloned();
    let mut restored = Run::from_snapshot(&host.run.snapshot(), &mut find).unwrap();
    assert_eq!(restored.resume(host.now).events, []);
    assert_eq!(restored.why(&address("a")), host.run.why(&address("a")));
    assert_eq!(restored.timers(), host.run.timers());
}

/// Returns which tasks of a project are asked about at its start.
fn asked(root: &Spec, change: impl Fn(&mut Definition)) -> Vec<String> {
    let mut definition = Definition::clone(&define(root));
    definition.project = Some(Box::default());
    change(&mut definition);
    let pinned = hash(&definition);
    let mut run = Run::new(RUN, Arc::new(definition), pinned);
    let decision = run.decide(start(), Timestamp(1)).unwrap();
    let asked = decision.requests.iter().filter(|request| request.question == Question::MayBegin);
    asked.map(|request| run.view(request.ticket, false).address().to_string()).collect()
}

#[test]
fn only_what_a_date_or_a_calendar_concerns_is_asked_about() {
    let root = graph("root", vec![task("a").pooled(1), awaiting("p", AwaitKind::Manual), value("m")]);
    assert!(asked(&root, |_| ()).is_empty());
    let starts = |definition: &mut Definition| {
        definition.project.as_mut().unwrap().start = Some(Date::At(Timestamp(5)));
    };
    assert_eq!(asked(&root, starts), ["a", "p", "m"]);
    let pool = |definition: &mut Definition, calendar| {
        let pool = Pool { name: name("p"), capacity: 1, calendar, rate: None };
        definition.project.as_mut().unwrap().resources.pools = vec![pool];
    };
    assert_eq!(asked(&root, |definition| pool(definition, Some(name("office")))), ["a"]);
    assert!(asked(&root, |definition| pool(definition, None)).is_empty());
    let planned = |definition: &mut Definition| {
        for node in definition.nodes.iter_mut().skip(1) {
            let item = if node.name.as_str() == "m" { Item::Milestone } else { Item::Task };
            let calendars = vec![name("office")];
            node.planning = Some(Box::new(Planning { item, calendars, ..Planning::default() }));
        }
    };
    assert_eq!(asked(&root, planned), ["a"], "calendars hold back machines alone");
}

#[test]
fn what_is_inside_a_block_with_a_calendar_is_asked_about_too() {
    let root = graph("root", vec![flow("b", vec![task("i")]), each("e", task("_"))]);
    let mut definition = Definition::clone(&define(&root));
    definition.project = Some(Box::default());
    for node in definition.nodes.iter_mut().filter(|node| node.parent.is_some_and(|parent| parent.0 == 0)) {
        node.planning = Some(Box::new(Planning { calendars: vec![name("office")], ..Planning::default() }));
    }
    let mut host = Host::new(Arc::new(definition));
    let until = host.now.after(Length(100));
    for task in ["b", "e"] {
        host.answer(task, Evaluation::MayBegin(None));
    }
    for task in ["b/i", "e[0]", "e[1]"] {
        host.answer(task, Evaluation::MayBegin(Some((until, NotBefore::Calendar(name("office"))))));
    }
    host.start();
    let pending: Vec<_> = host.run.timers().into_iter().map(|(timer, _)| timer).collect();
    assert_eq!(pending, [timer("b/i"), timer("e[0]"), timer("e[1]")]);
    host.finish();
    assert_eq!(host.run.status(), Status::Succeeded);
}

#[test]
fn a_lag_in_working_time_is_over_when_its_calendar_says() {
    let b = task("b").after_with("a", &[Succeeded], 100).in_working_time();
    let mut host = Host::started(&graph("root", vec![task("a"), b]));
    let since = host.now;
    host.pass(7);
    host.succeed("a");
    // The calendar of the tests is open half of the time.
    assert_eq!(host.timers[&TimerKey::Lag(address("a"), address("b"))], since.after(Length(207)));
    host.fire();
    assert_eq!(host.run.queued().len(), 1);
    host.finish();
}

#[test]
fn lags_of_several_links_between_the_same_tasks_are_told_apart_however_they_are_answered() {
    let b = task("b").after_with("a", &[Succeeded], 100).in_working_time();
    let b = b.after_with("a", &[Started], 50).in_working_time().after_with("a", &[Succeeded], 10);
    let mut host = Host::started(&graph("root", vec![task("a"), b]));
    host.succeed("a");
    let key = TimerKey::Lag(address("a"), address("b"));
    let begun = host.now;
    for due in [10, 100, 200] {
        assert_eq!(host.timers[&key], begun.after(Length(due)));
        assert_eq!(host.run.queued().len(), 0);
        host.fire();
    }
    assert_eq!(host.run.queued().len(), 1);
    host.finish();
}

#[test]
fn a_lead_waits_for_nothing() {
    let mut definition = Definition::clone(&define(&graph("root", vec![task("a"), task("b").after("a")])));
    let myrmex_model::ir::Body::Graph(graph) = &definition.nodes[0].body else { panic!("it is a graph") };
    let edge = myrmex_model::ir::Edge { lag: Some("-1d".parse().unwrap()), ..graph.edges()[0].clone() };
    let names = [name("a"), name("b")];
    let made = myrmex_model::ir::Graph::new(graph.children.clone(), vec![edge], names).unwrap();
    definition.nodes[0].body = myrmex_model::ir::Body::Graph(made);
    let mut host = Host::new(Arc::new(definition));
    host.start();
    host.succeed("a");
    assert_eq!(host.run.queued().len(), 1);
    host.finish();
}
