//! Who works on what, and for how long.

use myrmex_plan::problem::*;
use myrmex_plan::search::{Effort, Infeasible, plan};

use super::psplib::{PERIOD, always, blank, link, mode, task as task_of};
use super::{assert_hours, planned};

fn person(name: &str, units: u32, rate: i128) -> Person {
    Person {
        name: name.to_owned(),
        calendar: ALWAYS,
        units,
        day_limit: None,
        skills: vec![(name.to_owned(), 2)],
        rate: Some(Money(rate)),
        is_placeholder: false,
    }
}

fn ask(count: u32, units: u32) -> Ask {
    Ask { role: RoleId(0), count, units, skills: Vec::new() }
}

/// Returns a project of ada (whole), bo (half) and cy (whole, cheaper), all developers, with tasks of so many hours each with asks.
fn project(tasks: &[(Amount, Vec<Ask>)]) -> Problem {
    let mut problem = blank();
    problem.people = vec![person("ada", 1_000, 90), person("bo", 500, 50), person("cy", 1_000, 80)];
    problem.roles.push(Role { name: "dev".to_owned(), members: (0..3).map(PersonId).collect() });
    for (at, (amount, asks)) in tasks.iter().enumerate() {
        let mut mode = mode(*amount);
        mode.crew.clone_from(asks);
        let mut task = task_of(&format!("t{at}"), vec![mode]);
        task.kind = Kind::Manual;
        problem.tasks.push(task);
    }
    problem
}

fn hours(hours: i64) -> Amount {
    Amount::Duration(Span(hours * PERIOD))
}

fn effort(hours: i64) -> Amount {
    Amount::Effort(Span(hours * PERIOD))
}

fn crew(found: &myrmex_plan::search::Found, task: usize) -> Vec<(u32, u32)> {
    found.placement.tasks[task].crew.iter().map(|(person, units)| (person.0, *units)).collect()
}

#[test]
fn of_those_with_whom_it_ends_first_the_cheapest_works() {
    let problem = project(&[(hours(4), vec![ask(1, 1_000)])]);
    // A duration lasts as long whoever works, so the cheapest by what they cost for it: half of bo.
    assert_eq!(crew(&planned(&problem, 30), 0), [(1, 500)]);
    let problem = project(&[(effort(4), vec![ask(1, 1_000)])]);
    let found = planned(&problem, 30);
    assert_eq!(crew(&found, 0), [(2, 1_000)]);
    assert_hours(&problem, &found, &[(0, 4)]);
}

#[test]
fn effort_is_shared_by_all_who_work_and_half_a_person_takes_twice_as_long() {
    let problem = project(&[(effort(10), vec![ask(3, 1_000)])]);
    let found = planned(&problem, 30);
    assert_eq!(crew(&found, 0), [(0, 1_000), (1, 500), (2, 1_000)]);
    assert_hours(&problem, &found, &[(0, 4)]);
    let mut problem = project(&[(effort(4), vec![ask(1, 1_000)])]);
    problem.roles[0].members = vec![PersonId(1)];
    assert_hours(&problem, &planned(&problem, 30), &[(0, 8)]);
    problem.tasks[0].modes[0].crew[0].units = 500;
    let found = planned(&problem, 30);
    assert_eq!(crew(&found, 0), [(1, 250)]);
    assert_hours(&problem, &found, &[(0, 16)]);
}

#[test]
fn nobody_does_more_than_they_have_and_parts_of_one_person_run_side_by_side() {
    let one = |units| (hours(4), vec![Ask { skills: vec![("ada".to_owned(), 1)], ..ask(1, units) }]);
    let problem = project(&[one(500), one(500), one(600)]);
    assert_eq!(planned(&problem, 100).finish, Moment(8 * PERIOD));
    let problem = project(&[one(300), one(300), one(400)]);
    assert_eq!(planned(&problem, 100).finish, Moment(4 * PERIOD));
    // Of two places of one task the same person has only one.
    let problem = project(&[(hours(4), vec![ask(2, 100)])]);
    assert_eq!(crew(&planned(&problem, 30), 0).len(), 2);
}

#[test]
fn a_skill_is_asked_for_by_its_level() {
    let with = |level| {
        let skills = vec![("ada".to_owned(), level)];
        project(&[(hours(4), vec![Ask { skills, ..ask(1, 1_000) }])])
    };
    assert_eq!(crew(&planned(&with(2), 30), 0), [(0, 1_000)]);
    let refused = plan(&with(3), Effort { candidates: 30 }, 1).unwrap_err();
    assert!(matches!(refused, Infeasible::Place { .. }), "{refused:?}");
}

#[test]
fn work_goes_on_only_while_all_of_its_people_work() {
    let mut problem = project(&[(hours(6), vec![ask(3, 1_000)])]);
    let mut mornings = always();
    mornings.week = std::array::from_fn(|_| vec![(0, 240)]);
    problem.calendars.push(mornings);
    problem.people[1].calendar = CalendarId(1);
    assert_hours(&problem, &planned(&problem, 30), &[(0, 26)]);
    // A limit of a day ends it earlier.
    problem.people[0].day_limit = Some(Span(3 * PERIOD));
    assert_hours(&problem, &planned(&problem, 30), &[(0, 27)]);
}

#[test]
fn who_decides_gives_away_nothing() {
    let mut problem = project(&[(hours(4), vec![ask(3, 1_000)]), (hours(4), vec![ask(1, 1_000)])]);
    problem.tasks[1].kind = Kind::Decision;
    let found = planned(&problem, 30);
    assert_hours(&problem, &found, &[(0, 4), (0, 4)]);
    assert_eq!(crew(&found, 1), []);
}

#[test]
fn a_mode_with_more_people_is_taken_where_it_ends_earlier() {
    let mut problem = project(&[(hours(5), vec![ask(1, 1_000)])]);
    let mut pair = mode(hours(3));
    pair.crew = vec![ask(2, 1_000)];
    problem.tasks[0].modes.push(pair);
    let found = planned(&problem, 200);
    assert_eq!((found.placement.tasks[0].mode, found.finish), (1, Moment(3 * PERIOD)));
    // Two tasks of which each can have the pair, but not at once.
    problem.tasks.push(problem.tasks[0].clone());
    problem.roles[0].members = vec![PersonId(0), PersonId(2)];
    let found = planned(&problem, 500);
    assert_eq!(found.finish, Moment(5 * PERIOD));
}

#[test]
fn who_spans_work_has_no_more_for_other_tasks_meanwhile() {
    let boss = |units| vec![Ask { skills: vec![("ada".to_owned(), 1)], ..ask(1, units) }];
    let work = |hours_of| (hours(hours_of), Vec::new());
    let mut problem =
        project(&[work(4), work(4), (hours(0), boss(250)), (hours(2), boss(1_000)), (hours(2), boss(700))]);
    problem.links = vec![link(0, 1)];
    problem.tasks[2].spans = Some((TaskId(0), TaskId(1)));
    let found = planned(&problem, 500);
    // The whole of ada before or after, most of her beside.
    assert_eq!(found.finish, Moment(10 * PERIOD));
    assert_eq!(crew(&found, 2), [(0, 250)]);
}

#[test]
fn many_who_could_do_it_are_chosen_one_by_one() {
    let mut problem = project(&[(effort(30), vec![ask(3, 1_000)]), (effort(8), vec![ask(2, 1_000)])]);
    problem.people = (0..20).map(|at| person(&format!("p{at}"), 500 + 25 * at, 10)).collect();
    problem.roles[0].members = (0..20).map(PersonId).collect();
    let found = planned(&problem, 100);
    let best: Vec<u32> = crew(&found, 0).iter().map(|(person, _)| *person).collect();
    assert!(best == [17, 18, 19] || crew(&found, 1).iter().any(|(person, _)| *person == 19), "{best:?}");
}
