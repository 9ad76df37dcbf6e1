//! What could be better in a plan that is possible.

use myrmex_plan::check::{Finding, Status, findings};
use myrmex_plan::critical::{Setting, analyse, with_calendars};
use myrmex_plan::length;
use myrmex_plan::network::Network;
use myrmex_plan::problem::{CalendarId, Fact, Kind, Moment, Money, Problem, Span, Window};

use crate::sketch::{HOUR, in_office, of, problem};

fn found(problem: &Problem, status: Option<Status<'_>>) -> Vec<Finding> {
    let network = Network::new(problem).unwrap();
    let lengths = length::of_first_modes(problem);
    with_calendars(problem, |calendars| {
        let setting = Setting { problem, network: &network, calendars, lengths: &lengths };
        findings(&setting, &analyse(&setting)?, status)
    })
    .unwrap()
}

/// Asserts `code tasks: message` of each finding.
#[track_caller]
fn check_at(problem: &Problem, status: Option<Status<'_>>, expected: &[&str]) {
    let told = |finding: Finding| {
        let tasks: Vec<&str> = finding.tasks.iter().map(|t| problem.tasks[t.at()].name.as_str()).collect();
        assert!(!finding.fix.is_empty());
        format!("{} {}: {}", finding.code, tasks.join(","), finding.message)
    };
    let found: Vec<String> = found(problem, status).into_iter().map(told).collect();
    assert_eq!(found, expected);
}

#[track_caller]
fn check(problem: &Problem, expected: &[&str]) {
    check_at(problem, None, expected);
}

#[test]
fn a_plain_chain_has_nothing_to_find() {
    check(&in_office("a 8; b 8 a; c 8 b; d 8 b; e 0 c d", "2026-11-23T09:00"), &[]);
}

#[test]
fn tasks_that_nothing_leads_to_or_from_are_found() {
    check(
        &problem("a 3; b 5; c 1 a; d 1 a"),
        &["P01 a,b,c,d: 4 tasks of 4 lack a predecessor or a successor"],
    );
}

#[test]
fn leads_lags_and_other_links_are_found() {
    check(
        &problem("a 3; b 5 a:FS-1; c 1 b:FS+2; d 1 c:SS"),
        &[
            "P02 b: 1 links have a lead: their successor begins before they allow it",
            "P03 c: 1 links of 3 have a lag",
            "P04 d: 1 links of 3 are not from a finish to a start",
        ],
    );
}

#[test]
fn fixed_dates_are_found() {
    let mut problem = problem("a 3; b 5 a");
    of(&mut problem, "b").window = Window { must_start: Some(Moment(3)), ..Window::default() };
    check(&problem, &["P05 b: 1 tasks of 2 have a fixed start or a latest finish"]);
    of(&mut problem, "b").window = Window { start_after: Some(Moment(3)), ..Window::default() };
    check(&problem, &[]);
}

#[test]
fn long_tasks_and_long_floats_are_found() {
    // 44 days of eight hours are 352.
    let text = "a 1; b 354 a; c 1 a; z 1 b c";
    check(
        &in_office(text, "2026-11-23T09:00"),
        &["P06 c: 1 tasks of 4 have a very long float", "P08 b: 1 tasks of 4 are very long"],
    );
    check(&in_office(&text.replace("354", "352"), "2026-11-23T09:00"), &[]);
}

#[test]
fn in_a_short_plan_of_machines_a_fifth_is_long() {
    let mut problem = problem("a 2; b 2 a; c 2 b; d 2 c; e 2 d");
    for task in &mut problem.tasks {
        task.kind = Kind::Automated;
    }
    check(&problem, &[]);
    problem.tasks[0].modes[0].estimate.amount = myrmex_plan::problem::Amount::Duration(Span(3));
    check(&problem, &["P08 a: 1 tasks of 5 are very long"]);
    problem.tasks[1].kind = Kind::Manual;
    check(&problem, &[]);
}

#[test]
fn what_is_late_already_and_a_path_beyond_the_deadline_are_found() {
    let mut problem = problem("a 30; b 70 a; c 10 a; z 0 b c");
    problem.deadline = Some(Moment(96));
    check(&problem, &["P07 a,b,z: 3 tasks make something late"]);
    problem.deadline = Some(Moment(94));
    check(
        &problem,
        &[
            "P07 a,b,z: 3 tasks make something late",
            "P13 a,b,z: the critical path is longer than the time to the deadline: index 0.94",
        ],
    );
}

#[test]
fn what_was_reported_for_the_future_or_planned_for_the_past_is_found() {
    let mut problem = problem("a 3; b 5 a; c 1 b");
    let status = Status { at: Moment(4), baseline: None };
    check_at(&problem, Some(status), &[]);
    of(&mut problem, "a").fact = Fact::Finished { start: Moment(0), finish: Moment(6) };
    check_at(&problem, Some(status), &["P09 a: 1 tasks happened in the future or are planned for the past"]);
    of(&mut problem, "a").fact = Fact::Finished { start: Moment(0), finish: Moment(2) };
    check_at(&problem, Some(status), &["P09 b: 1 tasks happened in the future or are planned for the past"]);
    problem.start = Moment(4);
    check_at(&problem, Some(status), &[]);
}

#[test]
fn work_that_nobody_pays_for_is_found_where_other_work_costs() {
    let mut problem = problem("a 3; b 5 a; m 0 b");
    check(&problem, &[]);
    of(&mut problem, "a").cost.fixed = Some(Money(1));
    check(&problem, &["P10 b: 1 tasks have neither people nor pools nor cost"]);
}

#[test]
fn what_was_missed_against_a_baseline_is_found() {
    let mut problem = problem("a 3; b 5 a; c 1 b");
    problem.start = Moment(9);
    of(&mut problem, "a").fact = Fact::Finished { start: Moment(0), finish: Moment(4) };
    let baseline = [Some(Moment(3)), Some(Moment(8)), Some(Moment(20))];
    check_at(
        &problem,
        Some(Status { at: Moment(9), baseline: Some(&baseline) }),
        &[
            "P11 a,b: 2 tasks of 2 that should be over were or are late",
            "P14 b: 1 tasks are over and 2 should be: index 0.50",
        ],
    );
    of(&mut problem, "a").fact = Fact::Finished { start: Moment(0), finish: Moment(3) };
    check_at(&problem, Some(Status { at: Moment(7), baseline: Some(&baseline) }), &[]);
}

#[test]
fn a_critical_task_that_the_finish_does_not_follow_is_found() {
    let mut problem = in_office("a 20; b 16 a", "2026-11-26T09:00");
    check(&problem, &[]);
    // It goes on at night and has the time until the morning before anybody waits for it.
    of(&mut problem, "a").calendar = CalendarId(0);
    problem.near = Span(4 * HOUR);
    check(
        &problem,
        &["P12 a: `a` is on the critical path, and yet the finish does not follow if it takes 600 days more"],
    );
}
