//! Reasons why there is no plan.

use myrmex_plan::check::{Measure, Reason, infeasible};
use myrmex_plan::problem::{
    ALWAYS, Ask, Budget, BudgetId, Calendar, CalendarId, Fact, Mode, Moment, Person, PersonId, Phase,
    PhaseId, Pool, PoolId, Problem, Role, RoleId, Span, Split, Window,
};
use proptest::prelude::*;

use crate::sketch::{at, in_office, of, office, problem};

/// Asserts `kind tasks resource need/have: suggestion` of each reason.
#[track_caller]
fn check(problem: &Problem, expected: &[&str]) {
    let told = |reason: Reason| {
        let tasks: Vec<&str> = reason.tasks.iter().map(|t| problem.tasks[t.at()].name.as_str()).collect();
        let measure =
            |measure: Option<Measure>| measure.map_or("-".to_owned(), |measure| measure.to_string());
        let resource = reason.resource.unwrap_or("-".to_owned());
        let (need, have) = (measure(reason.need), measure(reason.have));
        let kind = reason.kind.as_str();
        format!("{kind} {} {resource} {need}/{have}: {}", tasks.join(","), reason.suggestion)
    };
    let found: Vec<String> = infeasible(problem).unwrap().into_iter().map(told).collect();
    assert_eq!(found, expected);
}

fn pool(problem: &mut Problem, capacity: u32, calendar: CalendarId) -> PoolId {
    let index = u32::try_from(problem.pools.len()).unwrap();
    problem.pools.push(Pool { name: format!("p{index}"), capacity, calendar, rate: None });
    PoolId(index)
}

fn mode<'a>(problem: &'a mut Problem, name: &str) -> &'a mut Mode {
    &mut of(problem, name).modes[0]
}

/// Adds people `person skill:level …` with the role `dev`.
fn developers(problem: &mut Problem, people: &[&str], calendar: CalendarId) -> RoleId {
    let mut members = Vec::new();
    for text in people {
        let mut words = text.split_whitespace();
        let name = words.next().unwrap().to_owned();
        let skills = words.map(|word| word.split_once(':').unwrap());
        let skills = skills.map(|(skill, level)| (skill.to_owned(), level.parse().unwrap())).collect();
        members.push(PersonId(u32::try_from(problem.people.len()).unwrap()));
        problem.people.push(Person {
            name,
            calendar,
            units: 1_000,
            day_limit: None,
            skills,
            rate: None,
            is_placeholder: false,
        });
    }
    problem.roles.push(Role { name: "dev".to_owned(), members });
    RoleId(u32::try_from(problem.roles.len() - 1).unwrap())
}

fn ask(role: RoleId, count: u32, skills: &[(&str, u32)]) -> Ask {
    let skills = skills.iter().map(|(name, level)| ((*name).to_owned(), *level)).collect();
    Ask { role, count, units: 1_000, skills }
}

#[test]
fn what_can_be_planned_has_no_reason_against_it() {
    check(&problem("a 3; b 5 a; c 2 a:SS+1 b:FF-1"), &[]);
    check(&in_office("a 30; b 5 a", "2026-11-27T09:00"), &[]);
}

#[test]
fn tasks_that_wait_for_each_other_are_told_in_order() {
    check(
        &problem("x 1; a 3 c; b 5 a x; c 2 b"),
        &["cycle a,b,c - -/-: remove one of the links `a` -> `b` -> `c` -> `a`"],
    );
}

#[test]
fn lags_that_cannot_hold_together_are_told_with_what_is_missing() {
    // `b` begins within six of the start of `a`, which lasts eight before it.
    check(
        &problem("a 8 b:SS-6; b 5 a"),
        &["cycle a,b - 2ms/0ms: allow at least so much more time between `a`, `b`"],
    );
    // Within ten it could.
    check(
        &problem("a 8 b:SS-10; b 5 a"),
        &["cycle a,b - -/-: say with a window instead of a link back how late these may be: `a`, `b`"],
    );
    // The circle that is too long is another one than the first that is found.
    check(
        &problem("a 8 b:SS-10; b 5 a; c 2; d 2 c e; e 3 d:SS-1"),
        &["cycle d,e - 2ms/0ms: allow at least so much more time between `d`, `e`"],
    );
}

#[test]
fn more_of_a_pool_than_there_is_cannot_be_had() {
    let mut problem = problem("a 3; b 5 a");
    let gpu = pool(&mut problem, 4, ALWAYS);
    mode(&mut problem, "b").pools = vec![(gpu, 5)];
    check(&problem, &["capacity b p0 5/4: let `b` ask for at most 4 of `p0`, or make that larger"]);
    let mut second = problem.tasks[1].modes[0].clone();
    second.pools = vec![(gpu, 4)];
    of(&mut problem, "b").modes.push(second);
    check(&problem, &[]);
}

#[test]
fn what_is_over_asks_for_nothing_any_more() {
    let mut problem = problem("a 3; b 5 a");
    let gpu = pool(&mut problem, 1, ALWAYS);
    mode(&mut problem, "a").pools = vec![(gpu, 5)];
    of(&mut problem, "a").fact = Fact::Finished { start: Moment(0), finish: Moment(3) };
    check(&problem, &[]);
    of(&mut problem, "a").fact = Fact::Dropped;
    check(&problem, &[]);
}

#[test]
fn calendars_that_are_never_open_together_are_told() {
    let mut problem = in_office("a 3", "2026-11-27T09:00");
    let mut night = office();
    night.name = "night".to_owned();
    night.week = std::array::from_fn(|_| vec![(22 * 60, 24 * 60)]);
    problem.calendars.push(night);
    let server = pool(&mut problem, 1, CalendarId(2));
    mode(&mut problem, "a").pools = vec![(server, 1)];
    check(
        &problem,
        &[
            "capacity a office 10800000ms/0ms: open `office`, `night` at the same time: `a` can proceed only while all of them are",
        ],
    );
}

#[test]
fn what_may_not_pause_and_fits_into_no_day_is_told() {
    let mut problem = in_office("a 9; b 8", "2026-11-27T09:00");
    of(&mut problem, "a").split = Split::Never;
    of(&mut problem, "b").split = Split::Never;
    check(
        &problem,
        &[
            "capacity a office 32400000ms/28800000ms: let `a` pause while it is closed (`split: closed`), or open `office` for longer",
        ],
    );
}

#[test]
fn a_crew_is_not_larger_than_its_role() {
    let mut problem = problem("a 3; b 3; c 3; d 3");
    let dev = developers(&mut problem, &["ada rust:3", "bo rust:1"], ALWAYS);
    let nobody = developers(&mut problem, &[], ALWAYS);
    mode(&mut problem, "a").crew = vec![ask(dev, 3, &[])];
    mode(&mut problem, "b").crew = vec![ask(dev, 2, &[("rust", 2)])];
    mode(&mut problem, "c").crew = vec![ask(dev, 1, &[("rust", 3)])];
    mode(&mut problem, "d").crew = vec![ask(nobody, 1, &[])];
    check(
        &problem,
        &[
            "capacity a dev 3/2: give the role `dev` to 1 more, or ask for fewer",
            "capacity b dev 2/1: find people with the role `dev` and the skill `rust` of at least 2, or ask for less",
            "capacity d dev 1/0: give the role `dev` to 1 more, or ask for fewer",
        ],
    );
}

#[test]
fn one_person_does_not_fill_two_roles_at_once() {
    let mut problem = problem("a 3");
    let dev = developers(&mut problem, &["ada"], ALWAYS);
    problem.roles.push(Role { name: "lead".to_owned(), members: vec![PersonId(0)] });
    mode(&mut problem, "a").crew = vec![ask(dev, 1, &[]), ask(RoleId(1), 1, &[])];
    check(
        &problem,
        &[
            "capacity a dev 2.000/1.000: add people to `dev`, `lead`: the same ones have all of these roles and cannot be in two places",
        ],
    );
    mode(&mut problem, "a").crew[0].units = 500;
    mode(&mut problem, "a").crew[1].units = 500;
    check(&problem, &[]);
}

#[test]
fn people_who_never_work_while_the_task_is_open_do_not_count() {
    let mut problem = in_office("a 3", "2026-11-27T09:00");
    let mut weekend = office();
    weekend.week = std::array::from_fn(|day| if day < 5 { Vec::new() } else { vec![(540, 1_020)] });
    problem.calendars.push(weekend);
    let dev = developers(&mut problem, &["ada"], CalendarId(2));
    mode(&mut problem, "a").crew = vec![ask(dev, 1, &[])];
    check(
        &problem,
        &[
            "capacity a dev 1/0: let the calendars of people with the role `dev` be open while that of the task is",
        ],
    );
}

#[test]
fn a_window_that_comes_too_early_is_told_with_what_holds_it_up() {
    let mut problem = problem("a 3; b 5 a; c 2 b; d 1");
    of(&mut problem, "c").window = Window { finish_before: Some(Moment(9)), ..Window::default() };
    of(&mut problem, "d").window = Window { must_start: Some(Moment(-5)), ..Window::default() };
    check(
        &problem,
        &[
            "window c,b,a - 1970-01-01T00:00:00.01Z/1970-01-01T00:00:00.009Z: let `c` end up to 1970-01-01T00:00:00.01Z instead of 1970-01-01T00:00:00.009Z, or shorten what it waits for: `b`, `a`",
            "window d - 1970-01-01T00:00:00Z/1969-12-31T23:59:59.995Z: let `d` begin at 1970-01-01T00:00:00Z instead of 1969-12-31T23:59:59.995Z",
        ],
    );
    of(&mut problem, "c").window.finish_before = Some(Moment(10));
    of(&mut problem, "d").window.must_start = Some(Moment(0));
    check(&problem, &[]);
}

#[test]
fn a_window_is_compared_with_the_shortest_way_to_do_things() {
    let mut problem = problem("a 8");
    of(&mut problem, "a").window = Window { finish_before: Some(Moment(5)), ..Window::default() };
    let mut quick = problem.tasks[0].modes[0].clone();
    quick.estimate.amount = myrmex_plan::problem::Amount::Duration(Span(5));
    of(&mut problem, "a").modes.push(quick);
    check(&problem, &[]);
}

#[test]
fn a_start_that_is_fixed_to_closed_time_is_told() {
    let mut problem = in_office("a 3", "2026-11-26T09:00");
    of(&mut problem, "a").window = Window { must_start: Some(at("2026-11-28T09:00")), ..Window::default() };
    check(
        &problem,
        &[
            "window a - 2026-11-30T09:00:00Z/2026-11-28T09:00:00Z: let `a` begin at 2026-11-30T09:00:00Z instead of 2026-11-28T09:00:00Z",
        ],
    );
}

#[test]
fn a_phase_that_lets_nothing_be_under_way_is_told() {
    let mut problem = problem("a 3");
    problem.phases.push(Phase { name: "build".to_owned(), max_parallel: Some(0) });
    of(&mut problem, "a").phase = Some(PhaseId(0));
    check(&problem, &["capacity a build 1/0: let at least one task of `build` be under way at a time"]);
}

#[test]
fn what_is_used_up_suffices_for_the_least_that_tasks_use() {
    let mut problem = problem("a 3; b 5; c 1");
    problem.budgets.push(Budget { name: "licences".to_owned(), amount: 5 });
    mode(&mut problem, "a").consumes = vec![(BudgetId(0), 4)];
    mode(&mut problem, "b").consumes = vec![(BudgetId(0), 3)];
    check(
        &problem,
        &["consumable a,b licences 7/5: provide 2 more of `licences`, or let these tasks use less"],
    );
    let mut frugal = problem.tasks[1].modes[0].clone();
    frugal.consumes = vec![(BudgetId(0), 1)];
    of(&mut problem, "b").modes.push(frugal);
    check(&problem, &[]);
    // What began has taken what its author's mode takes.
    of(&mut problem, "b").fact = Fact::Started { at: Moment(0), left: None };
    assert_eq!(infeasible(&problem).unwrap().len(), 1);
    of(&mut problem, "b").fact = Fact::Dropped;
    check(&problem, &[]);
}

#[test]
fn all_reasons_are_told_at_once() {
    let mut problem = problem("a 3 b; b 5 a; c 1");
    let gpu = pool(&mut problem, 1, ALWAYS);
    mode(&mut problem, "c").pools = vec![(gpu, 2)];
    mode(&mut problem, "a").pools = vec![(gpu, 2)];
    let kinds: Vec<&str> = infeasible(&problem).unwrap().iter().map(|reason| reason.kind.as_str()).collect();
    assert_eq!(kinds, ["cycle", "capacity", "capacity"]);
}

#[test]
fn a_calendar_that_means_nothing_is_an_error() {
    let mut problem = in_office("a 3", "2026-11-27T09:00");
    problem.calendars[1] = Calendar { zone: "Europe/Atlantis".to_owned(), ..office() };
    assert!(infeasible(&problem).is_err());
}

proptest! {
    /// Two tasks with a longest time between them can be planned exactly if it is no less than what lies between.
    #[test]
    fn a_longest_time_between_tasks_holds_or_not(length in 1_i64..20, between in 0_i64..20, most in 1_i64..60) {
        let text = format!("a {length} c:SS-{most}; b {between} a; c 1 b");
        let reasons = infeasible(&problem(&text)).unwrap();
        prop_assert_eq!(reasons.len(), 1);
        let missing = length + between - most;
        let expected = (missing > 0).then_some(Measure::Time(Span(missing)));
        prop_assert_eq!(reasons[0].need, expected);
    }
}
