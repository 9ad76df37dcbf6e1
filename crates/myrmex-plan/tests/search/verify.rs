//! The checker finds every kind of mistake: a plan that is right is spoiled in one place.

use myrmex_plan::placement::{Placed, Placement};
use myrmex_plan::problem::*;
use myrmex_plan::verify::{Violation, verify};

use super::psplib::{PERIOD, always, blank, link, mode, task as task_of};
use super::task;

/// Returns two tasks of four hours in the mornings, one after the other, each with a unit of a pool, half of a person and a licence; and
/// their only plan.
fn right() -> (Problem, Placement) {
    let mut problem = blank();
    let mut mornings = always();
    mornings.week = std::array::from_fn(|_| vec![(0, 360)]);
    problem.calendars.push(mornings);
    problem.pools.push(Pool { name: "gpu".to_owned(), capacity: 1, calendar: ALWAYS, rate: None });
    problem.budgets.push(Budget { name: "licences".to_owned(), amount: 2 });
    problem.people.push(Person {
        name: "ada".to_owned(),
        calendar: ALWAYS,
        units: 1_000,
        day_limit: None,
        skills: Vec::new(),
        rate: None,
        is_placeholder: false,
    });
    problem.roles.push(Role { name: "dev".to_owned(), members: vec![PersonId(0)] });
    problem.phases.push(Phase { name: "build".to_owned(), max_parallel: Some(1) });
    for _ in 0..2 {
        let mut mode = mode(Amount::Duration(Span(4 * PERIOD)));
        mode.pools.push((PoolId(0), 1));
        mode.consumes.push((BudgetId(0), 1));
        mode.crew.push(Ask { role: RoleId(0), count: 1, units: 500, skills: Vec::new() });
        let mut task = task_of("t", vec![mode]);
        task.calendar = CalendarId(1);
        task.phase = Some(PhaseId(0));
        problem.tasks.push(task);
    }
    problem.links.push(link(0, 1));
    let placed = |start: i64, finish: i64| Placed {
        start: Moment(start * PERIOD),
        finish: Moment(finish * PERIOD),
        mode: 0,
        crew: vec![(PersonId(0), 500)],
    };
    (problem, Placement { tasks: vec![placed(0, 4), placed(4, 26)] })
}

#[track_caller]
fn check(spoil: impl FnOnce(&mut Problem, &mut Placement), expected: &[Violation]) {
    let (mut problem, mut placement) = right();
    assert_eq!(verify(&problem, &placement), []);
    spoil(&mut problem, &mut placement);
    assert_eq!(verify(&problem, &placement), expected);
}

fn hour(hours: i64) -> Moment {
    Moment(hours * PERIOD)
}

fn over(what: &str, hours: i64) -> Violation {
    Violation::Capacity { what: what.to_owned(), at: hour(hours) }
}

#[test]
fn a_link_that_does_not_hold_is_found_of_each_kind() {
    let kinds = [
        (LinkKind::FinishStart, 1),
        (LinkKind::StartStart, 5),
        (LinkKind::FinishFinish, 23),
        (LinkKind::StartFinish, 27),
    ];
    for (kind, lag) in kinds {
        let mut broken = Link { kind, lag: Span(lag * PERIOD), ..link(0, 1) };
        check(|problem, _| problem.links[0] = broken, &[Violation::Link(broken)]);
        broken.lag = Span((lag - 1) * PERIOD);
        check(|problem, _| problem.links[0] = broken, &[]);
    }
}

#[test]
fn a_lag_counts_in_its_calendar() {
    let mut open = Link { lag: Span(PERIOD), calendar: CalendarId(1), ..link(0, 1) };
    check(
        |problem, placement| {
            problem.links[0] = open;
            (placement.tasks[1].start, placement.tasks[1].finish) = (hour(5), hour(27));
        },
        &[],
    );
    open.lag = Span(2 * PERIOD + 1);
    check(
        |problem, placement| {
            problem.links[0] = open;
            (placement.tasks[1].start, placement.tasks[1].finish) = (hour(24), hour(28));
        },
        &[Violation::Link(open)],
    );
}

#[test]
fn a_window_that_is_missed_is_found() {
    let found = [Violation::Window(task(1))];
    check(|problem, _| problem.tasks[1].window.start_after = Some(hour(5)), &found);
    check(|problem, _| problem.tasks[1].window.finish_before = Some(hour(25)), &found);
    check(|problem, _| problem.tasks[1].window.must_start = Some(hour(5)), &found);
    check(|problem, _| problem.start = hour(1), &[Violation::Window(task(0))]);
}

#[test]
fn a_length_that_is_not_the_work_is_found() {
    check(|_, placement| placement.tasks[1].finish = hour(27), &[Violation::Length(task(1))]);
    // The same open time, but it begins or ends while closed.
    check(
        |_, placement| (placement.tasks[1].start, placement.tasks[1].finish) = (hour(23), hour(28)),
        &[Violation::Length(task(1))],
    );
    check(
        |_, placement| (placement.tasks[1].start, placement.tasks[1].finish) = (hour(24), hour(29)),
        &[Violation::Length(task(1))],
    );
    check(|problem, _| problem.tasks[1].split = Split::Never, &[Violation::Pause(task(1))]);
}

#[test]
fn more_than_there_is_is_found_of_pools_people_phases_and_consumables() {
    let side_by_side = |placement: &mut Placement| {
        (placement.tasks[1].start, placement.tasks[1].finish) = (hour(2), hour(6));
    };
    check(
        |problem, placement| {
            problem.links.clear();
            problem.people[0].units = 500;
            problem.tasks[0].modes[0].crew[0].units = 1_000;
            problem.tasks[1].modes[0].crew[0].units = 1_000;
            side_by_side(placement);
        },
        &[over("gpu", 2), over("ada", 2), over("build", 2)],
    );
    check(
        |problem, placement| {
            problem.links.clear();
            problem.pools[0].capacity = 2;
            problem.phases[0].max_parallel = None;
            side_by_side(placement);
        },
        &[],
    );
    check(|problem, _| problem.budgets[0].amount = 1, &[Violation::Budget("licences".to_owned())]);
}

#[test]
fn the_wrong_people_are_found() {
    let found = [Violation::Crew(task(1))];
    check(|_, placement| placement.tasks[1].crew[0].1 = 499, &found);
    check(|_, placement| placement.tasks[1].crew.clear(), &found);
    check(|problem, _| problem.tasks[1].modes[0].crew[0].skills.push(("rust".to_owned(), 1)), &found);
    check(|problem, _| problem.tasks[1].modes[0].crew[0].count = 2, &found);
    check(
        |problem, _| problem.roles[0].members.clear(),
        &[Violation::Crew(task(0)), Violation::Crew(task(1))],
    );
}

#[test]
fn facts_that_are_not_kept_and_spans_that_do_not_span_are_found() {
    let fact = Fact::Finished { start: hour(0), finish: hour(3) };
    check(|problem, _| problem.tasks[0].fact = fact, &[Violation::Fact(task(0))]);
    let fact = Fact::Started { at: hour(0), left: Some(Span(3 * PERIOD)) };
    check(|problem, _| problem.tasks[0].fact = fact, &[Violation::Fact(task(0))]);
    check(
        |problem, placement| {
            let mut span = task_of("lead", vec![mode(Amount::Duration(Span(0)))]);
            span.spans = Some((task(0), task(1)));
            problem.tasks.push(span);
            placement.tasks.push(Placed { start: hour(0), finish: hour(25), mode: 0, crew: Vec::new() });
        },
        &[Violation::Span(task(2))],
    );
}

#[test]
fn what_does_not_fit_the_problem_is_found() {
    check(|_, placement| placement.tasks[1].mode = 1, &[Violation::Shape(task(1))]);
    check(|_, placement| drop(placement.tasks.pop()), &[Violation::Shape(task(1))]);
}
