//! Calendars, links, windows, facts, phases and spans: where tasks lie, by hand.

use myrmex_plan::problem::*;
use myrmex_plan::search::{Effort, Infeasible, plan};

use super::psplib::{PERIOD, always, blank, link, mode, task as task_of};
use super::{assert_hours, planned, task};

/// Friday, 2026-11-27T00:00:00Z.
const FRIDAY: i64 = 1_795_737_600_000;

/// Monday to Friday, 09:00 to 17:00.
fn office() -> Calendar {
    let mut office = always();
    "office".clone_into(&mut office.name);
    for day in 0..7 {
        office.week[day] = if day < 5 { vec![(540, 1_020)] } else { Vec::new() };
    }
    office
}

/// Returns a project that begins on a Friday at midnight, with tasks of so many hours in the calendar of the office.
fn project(hours: &[i64]) -> Problem {
    let mut problem = blank();
    problem.start = Moment(FRIDAY);
    problem.calendars.push(office());
    for (at, hours) in hours.iter().enumerate() {
        let mut task = task_of(&format!("t{at}"), vec![mode(Amount::Duration(Span(hours * PERIOD)))]);
        task.calendar = CalendarId(1);
        problem.tasks.push(task);
    }
    problem
}

fn hour(hours: i64) -> Moment {
    Moment(FRIDAY + hours * PERIOD)
}

fn pool(capacity: u32, calendar: CalendarId) -> Pool {
    Pool { name: "pool".to_owned(), capacity, calendar, rate: None }
}

fn lagged(from: u32, to: u32, kind: LinkKind, hours: i64, calendar: CalendarId) -> Link {
    Link { kind, lag: Span(hours * PERIOD), calendar, ..link(from, to) }
}

#[test]
fn work_pauses_while_its_calendar_is_closed_and_a_milestone_does_not_wait() {
    let mut problem = project(&[8, 0, 4]);
    problem.tasks[1].kind = Kind::Milestone;
    problem.links = vec![link(0, 1), link(1, 2)];
    assert_hours(&problem, &planned(&problem, 30), &[(9, 17), (17, 17), (81, 85)]);
    let mut problem = project(&[10]);
    assert_hours(&problem, &planned(&problem, 30), &[(9, 83)]);
    problem.tasks[0].modes[0].estimate.amount = Amount::Duration(Span(4 * PERIOD));
    problem.tasks[0].window.start_after = Some(hour(14));
    assert_hours(&problem, &planned(&problem, 30), &[(14, 82)]);
    problem.tasks[0].split = Split::Never;
    assert_hours(&problem, &planned(&problem, 30), &[(81, 85)]);
}

#[test]
fn a_pool_that_is_closed_stops_the_work_and_is_held_meanwhile() {
    let mut problem = project(&[4, 1]);
    problem.tasks[1].calendar = ALWAYS;
    problem.tasks[0].calendar = ALWAYS;
    problem.pools.push(pool(1, CalendarId(1)));
    problem.tasks[0].window.must_start = Some(hour(15));
    for task in &mut problem.tasks {
        task.modes[0].pools.push((PoolId(0), 1));
    }
    // The second fits before; what is pinned holds the pool over the weekend.
    assert_hours(&problem, &planned(&problem, 30), &[(15, 83), (9, 10)]);
    problem.tasks[1].window.start_after = Some(hour(15));
    assert_hours(&problem, &planned(&problem, 30), &[(15, 83), (83, 84)]);
}

#[test]
fn links_of_four_kinds_hold_with_lags_in_their_calendars() {
    let kinds = [
        (LinkKind::FinishStart, (83, 85)),
        (LinkKind::StartStart, (11, 13)),
        (LinkKind::FinishFinish, (81, 83)),
        (LinkKind::StartFinish, (9, 11)),
    ];
    for (kind, expected) in kinds {
        let mut problem = project(&[8, 2]);
        problem.links = vec![lagged(0, 1, kind, 2, CalendarId(1))];
        assert_hours(&problem, &planned(&problem, 30), &[(9, 17), expected]);
    }
    // Elapsed lags run on over the weekend; what would end then has been done before, and is held.
    let mut problem = project(&[8, 2]);
    problem.links = vec![lagged(0, 1, LinkKind::FinishFinish, 24, ALWAYS)];
    assert_hours(&problem, &planned(&problem, 30), &[(9, 17), (15, 41)]);
    problem.links = vec![lagged(0, 1, LinkKind::FinishStart, -3, CalendarId(1))];
    assert_hours(&problem, &planned(&problem, 30), &[(9, 17), (14, 16)]);
}

#[test]
fn facts_stay_and_the_rest_goes_around_them() {
    let mut problem = project(&[8, 8, 4, 2]);
    problem.tasks.iter_mut().for_each(|task| task.calendar = ALWAYS);
    problem.pools.push(pool(1, ALWAYS));
    for task in &mut problem.tasks {
        task.modes[0].pools.push((PoolId(0), 1));
    }
    problem.tasks[0].fact = Fact::Finished { start: hour(-20), finish: hour(-10) };
    problem.tasks[1].fact = Fact::Started { at: hour(-5), left: None };
    problem.tasks[3].fact = Fact::Dropped;
    problem.links = vec![link(0, 1), link(3, 2)];
    assert_hours(&problem, &planned(&problem, 30), &[(-20, -10), (-5, 3), (3, 7), (0, 0)]);
    problem.tasks[1].fact = Fact::Started { at: hour(-5), left: Some(Span(PERIOD)) };
    assert_hours(&problem, &planned(&problem, 30), &[(-20, -10), (-5, 1), (1, 5), (0, 0)]);
    // What should be over by now ends now.
    problem.tasks[1].fact = Fact::Started { at: hour(-50), left: None };
    assert_hours(&problem, &planned(&problem, 30), &[(-20, -10), (-50, 0), (0, 4), (0, 0)]);
}

#[test]
fn what_must_begin_while_closed_begins_when_it_opens() {
    let mut problem = project(&[4, 4]);
    problem.tasks[0].window.must_start = Some(hour(24));
    problem.tasks[1].window.must_start = Some(hour(10));
    assert_hours(&problem, &planned(&problem, 30), &[(81, 85), (10, 14)]);
}

#[test]
fn two_that_must_begin_at_once_and_need_the_same_are_refused() {
    let mut problem = project(&[4, 4]);
    problem.pools.push(pool(1, ALWAYS));
    for task in &mut problem.tasks {
        task.modes[0].pools.push((PoolId(0), 1));
        task.window.must_start = Some(hour(10));
    }
    let refused = plan(&problem, Effort { candidates: 30 }, 1).unwrap_err();
    assert!(matches!(&refused, Infeasible::Place { tasks, .. } if *tasks == [task(1)]), "{refused:?}");
}

#[test]
fn a_phase_has_no_more_work_under_way_than_it_allows() {
    let mut problem = project(&[4, 4, 4, 0]);
    problem.tasks.iter_mut().for_each(|task| {
        task.calendar = ALWAYS;
        task.phase = Some(PhaseId(0));
    });
    problem.phases.push(Phase { name: "build".to_owned(), max_parallel: Some(2) });
    let found = planned(&problem, 30);
    assert_eq!(found.finish, hour(8));
    problem.phases[0].max_parallel = None;
    assert_eq!(planned(&problem, 30).finish, hour(4));
}

#[test]
fn a_task_that_spans_others_holds_what_it_needs_from_the_one_to_the_other() {
    let mut problem = project(&[4, 4, 0, 4]);
    problem.tasks.iter_mut().for_each(|task| task.calendar = ALWAYS);
    problem.pools.push(pool(2, ALWAYS));
    problem.links = vec![link(0, 1)];
    problem.tasks[2].spans = Some((task(0), task(1)));
    problem.tasks[2].modes[0].pools.push((PoolId(0), 1));
    problem.tasks[3].modes[0].pools.push((PoolId(0), 2));
    let found = planned(&problem, 200);
    assert_eq!(found.finish, hour(12));
    let span = &found.placement.tasks[2];
    assert_eq!(span.finish.0 - span.start.0, 8 * PERIOD);
}

#[test]
fn windows_that_cannot_be_kept_are_told_with_their_tasks() {
    let mut problem = project(&[4, 4]);
    problem.links = vec![link(0, 1)];
    problem.tasks[1].window.finish_before = Some(hour(17));
    assert_hours(&problem, &planned(&problem, 30), &[(9, 13), (13, 17)]);
    problem.tasks[1].window.finish_before = Some(hour(16));
    let refused = plan(&problem, Effort { candidates: 30 }, 1).unwrap_err();
    let Infeasible::Window { tasks, late, .. } = refused else { panic!("{refused:?}") };
    assert_eq!((tasks, late), (vec![task(1)], Span(PERIOD)));
}

#[test]
fn what_has_a_window_goes_first_where_that_keeps_it() {
    let mut problem = project(&[8, 8, 8]);
    problem.tasks.iter_mut().for_each(|task| task.calendar = ALWAYS);
    problem.pools.push(pool(1, ALWAYS));
    for task in &mut problem.tasks {
        task.modes[0].pools.push((PoolId(0), 1));
    }
    problem.tasks[2].window.finish_before = Some(hour(8));
    problem.tasks[0].window.finish_before = Some(hour(16));
    assert_hours(&problem, &planned(&problem, 500), &[(8, 16), (16, 24), (0, 8)]);
}

#[test]
fn of_plans_that_end_together_the_one_counts_in_which_priority_goes_first_and_dues_are_kept() {
    let mut problem = project(&[4, 4, 4]);
    problem.tasks.iter_mut().for_each(|task| task.calendar = ALWAYS);
    problem.pools.push(pool(1, ALWAYS));
    for task in &mut problem.tasks {
        task.modes[0].pools.push((PoolId(0), 1));
    }
    problem.tasks[2].priority = 5;
    problem.tasks[1].priority = 1;
    assert_hours(&problem, &planned(&problem, 500), &[(8, 12), (4, 8), (0, 4)]);
    problem.tasks[0].due = Some(hour(4));
    assert_hours(&problem, &planned(&problem, 500), &[(0, 4), (8, 12), (4, 8)]);
}

#[test]
fn what_finds_no_place_is_told() {
    let mut problem = project(&[4, 4]);
    problem.pools.push(pool(1, ALWAYS));
    problem.tasks[1].modes[0].pools.push((PoolId(0), 2));
    let refused = plan(&problem, Effort { candidates: 30 }, 1).unwrap_err();
    assert!(matches!(&refused, Infeasible::Place { tasks, .. } if *tasks == [task(1)]), "{refused:?}");
    // Ten hours never fit into a day of the office.
    let mut problem = project(&[10]);
    problem.tasks[0].split = Split::Never;
    let refused = plan(&problem, Effort { candidates: 30 }, 1).unwrap_err();
    assert!(matches!(&refused, Infeasible::Place { tasks, .. } if *tasks == [task(0)]), "{refused:?}");
    let mut problem = project(&[1, 1]);
    problem.links = vec![link(0, 1), link(1, 0)];
    let refused = plan(&problem, Effort { candidates: 30 }, 1).unwrap_err();
    assert_eq!(refused, Infeasible::Cycle(vec![task(0), task(1)]));
}

#[test]
fn calendars_are_made_as_far_as_the_work_reaches() {
    // Four hours on one day of a year: twenty years are needed.
    let mut problem = project(&[80]);
    problem.calendars[1].week = std::array::from_fn(|_| Vec::new());
    let fair = |year| {
        let day = Day { year, month: 1, day: 10 };
        Exception { from: day, to: day, hours: vec![(540, 780)] }
    };
    problem.calendars[1].exceptions = (2027..2060).map(fair).collect();
    let found = planned(&problem, 30);
    assert_eq!(found.finish.to_string(), "2046-01-10T13:00:00Z");
}

#[test]
fn no_tasks_are_a_plan_too() {
    let mut problem = blank();
    problem.start = Moment(5);
    let found = planned(&problem, 1);
    assert_eq!((found.finish, found.is_optimal), (Moment(5), true));
}
