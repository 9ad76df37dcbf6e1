//! Plans as late as possible.

use myrmex_plan::problem::*;

use super::psplib::{PERIOD, blank, link, mode, task as task_of};
use super::{assert_hours, planned};

fn project(hours: &[i64]) -> Problem {
    let mut problem = blank();
    problem.direction = Direction::Late;
    for hours in hours {
        problem.tasks.push(task_of("t", vec![mode(Amount::Duration(Span(hours * PERIOD)))]));
    }
    problem
}

#[test]
fn tasks_lie_as_late_as_the_end_of_all_or_the_deadline_lets_them() {
    let mut problem = project(&[2, 6, 1]);
    problem.links = vec![link(0, 2)];
    assert_hours(&problem, &planned(&problem, 30), &[(3, 5), (0, 6), (5, 6)]);
    problem.deadline = Some(Moment(10 * PERIOD));
    assert_hours(&problem, &planned(&problem, 30), &[(7, 9), (4, 10), (9, 10)]);
    // One that has passed changes nothing.
    problem.deadline = Some(Moment(3 * PERIOD));
    assert_hours(&problem, &planned(&problem, 30), &[(3, 5), (0, 6), (5, 6)]);
}

#[test]
fn links_windows_capacity_and_facts_hold_from_the_end_too() {
    let mut problem = project(&[2, 6, 1, 3]);
    problem.pools.push(Pool { name: "p".to_owned(), capacity: 1, calendar: ALWAYS, rate: None });
    problem.tasks[0].modes[0].pools.push((PoolId(0), 1));
    problem.tasks[2].modes[0].pools.push((PoolId(0), 1));
    problem.tasks[2].window.finish_before = Some(Moment(4 * PERIOD));
    problem.tasks[3].fact = Fact::Started { at: Moment(-PERIOD), left: None };
    problem.links = vec![Link { kind: LinkKind::StartStart, lag: Span(PERIOD), ..link(2, 1) }];
    let found = planned(&problem, 100);
    assert_hours(&problem, &found, &[(5, 7), (1, 7), (0, 1), (-1, 2)]);
}
