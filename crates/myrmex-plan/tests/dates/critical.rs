//! Earliest and latest dates, floats, drag, drivers.

use std::collections::BTreeMap;
use std::path::Path;

use myrmex_plan::calendar::Calendars;
use myrmex_plan::critical::{
    Constraint, Critical, CriticalError, Dates, Driver, Setting, Why, of_problem, why, with_calendars,
};
use myrmex_plan::length;
use myrmex_plan::network::Network;
use myrmex_plan::problem::{CalendarId, Fact, Link, LinkKind, Moment, Problem, Span, Split, TaskId, Window};
use proptest::prelude::*;

use crate::sketch::{HOUR, always, at, empty, id, in_office, of, office, problem, task};

fn dates(problem: &Problem, name: &str) -> Dates {
    of_problem(problem).unwrap().tasks[id(problem, name).at()].unwrap()
}

/// Asserts `es ef ls lf`, total and free float, and drag of each task, in milliseconds.
#[track_caller]
fn check(problem: &Problem, expected: &str) {
    let critical = of_problem(problem).unwrap();
    let mut found = Vec::new();
    for (task, dates) in problem.tasks.iter().zip(&critical.tasks) {
        let Some(dates) = dates else { continue };
        let Dates { early_start, early_finish, late_start, late_finish, .. } = dates;
        let Dates { total_float, free_float, drag, is_critical, .. } = dates;
        let mark = if *is_critical { "*" } else { "" };
        found.push(format!(
            "{} {} {} {} {} {} {} {}{mark}",
            task.name,
            early_start.0,
            early_finish.0,
            late_start.0,
            late_finish.0,
            total_float.0,
            free_float.0,
            drag.0
        ));
    }
    let expected: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert_eq!(found, expected);
}

#[track_caller]
fn check_path(problem: &Problem, expected: &str) {
    let path = of_problem(problem).unwrap().path;
    let names: Vec<&str> = path.iter().map(|task| problem.tasks[task.at()].name.as_str()).collect();
    assert_eq!(names.join(" "), expected);
}

#[test]
fn a_network_has_dates_floats_and_drag() {
    check(
        &problem("a 3; b 5 a; c 2 a; d 4 b c; e 1 c"),
        "a 0 3 0 3 0 0 3*
         b 3 8 3 8 0 0 3*
         c 3 5 6 8 3 0 0
         d 8 12 8 12 0 0 4*
         e 5 6 11 12 6 6 0",
    );
}

#[test]
fn drag_is_no_more_than_the_float_beside_it() {
    check(
        &problem("a 9; b 7; c 1 a b"),
        "a 0 9 0 9 0 0 2*
         b 0 7 2 9 2 2 0
         c 9 10 9 10 0 0 1*",
    );
}

#[test]
fn two_equal_paths_have_no_drag() {
    check(
        &problem("a 4; b 4; c 1 a b"),
        "a 0 4 0 4 0 0 0*
         b 0 4 0 4 0 0 0*
         c 4 5 4 5 0 0 1*",
    );
}

#[test]
fn each_kind_of_link_bounds_its_ends() {
    check(
        &problem("a 4; b 3 a:FS+2; c 3 a:SS+2; d 3 a:FF+2; e 3 a:SF+5"),
        "a 0 4 0 4 0 0 4*
         b 6 9 6 9 0 0 3*
         c 2 5 6 9 4 4 0
         d 3 6 6 9 3 3 0
         e 2 5 6 9 4 4 0",
    );
}

#[test]
fn a_task_whose_finish_is_bounded_lies_so_late_that_it_ends_there() {
    let problem = problem("a 10; b 2 a:FF; c 1 b:SS");
    check(
        &problem,
        "a 0 10 0 10 0 0 8*
         b 8 10 8 10 0 0 0*
         c 8 9 9 10 1 1 0",
    );
    let driver = dates(&problem, "b").driver;
    assert_eq!(driver, Driver::Predecessor { task: id(&problem, "a"), kind: LinkKind::FinishFinish });
}

#[test]
fn a_task_that_overlaps_what_follows_it_drags_only_as_much_as_it_sticks_out() {
    // Without `a`, `b` lies from 2 to 7 still: three are gained of ten.
    check(
        &problem("a 10; b 5 a:SS+2"),
        "a 0 10 0 10 0 0 3*
         b 2 7 5 10 3 3 0",
    );
}

#[test]
fn a_lead_lets_the_next_task_begin_early() {
    check(
        &problem("a 10; b 5 a:FS-3"),
        "a 0 10 0 10 0 0 7*
         b 7 12 7 12 0 0 2*",
    );
}

#[test]
fn a_deadline_before_the_finish_makes_floats_negative_and_one_after_it_changes_nothing() {
    let mut problem = problem("a 3; b 5 a; c 1 a");
    problem.deadline = Some(Moment(6));
    check(
        &problem,
        "a 0 3 -2 1 -2 0 3*
         b 3 8 1 6 -2 0 4*
         c 3 4 5 6 2 4 0",
    );
    problem.deadline = Some(Moment(100));
    assert_eq!(dates(&problem, "b").total_float, Span(0));
}

#[test]
fn what_is_due_and_windows_bound_the_latest_dates() {
    let mut problem = problem("a 3; b 5 a; c 1 a");
    of(&mut problem, "c").due = Some(Moment(3));
    check(
        &problem,
        "a 0 3 -1 2 -1 0 3*
         b 3 8 3 8 0 0 4*
         c 3 4 2 3 -1 4 0*",
    );
    of(&mut problem, "c").due = None;
    of(&mut problem, "c").window = Window { finish_before: Some(Moment(6)), ..Window::default() };
    assert_eq!(dates(&problem, "c").total_float, Span(2));
    of(&mut problem, "c").window = Window { must_start: Some(Moment(5)), ..Window::default() };
    assert_eq!((dates(&problem, "c").early_start, dates(&problem, "c").late_start), (Moment(5), Moment(5)));
    assert_eq!(dates(&problem, "c").driver, Driver::Constraint(Constraint::MustStart));
    of(&mut problem, "c").window = Window { must_start: Some(Moment(1)), ..Window::default() };
    assert_eq!((dates(&problem, "c").early_start, dates(&problem, "c").total_float), (Moment(3), Span(-2)));
    of(&mut problem, "c").window = Window { start_after: Some(Moment(4)), ..Window::default() };
    assert_eq!(dates(&problem, "c").driver, Driver::Constraint(Constraint::StartAfter));
}

#[test]
fn near_says_up_to_which_float_a_task_is_critical() {
    let mut problem = problem("a 9; b 7; c 6; d 1 a b c");
    problem.near = Span(2);
    let critical = ["a", "b", "c", "d"].map(|name| dates(&problem, name).is_critical);
    assert_eq!(critical, [true, true, false, true]);
}

#[test]
fn what_has_happened_is_not_moved() {
    let mut problem = problem("a 3; b 5 a; c 4 b; d 2 b:SS");
    problem.start = Moment(10);
    of(&mut problem, "a").fact = Fact::Finished { start: Moment(1), finish: Moment(6) };
    of(&mut problem, "b").fact = Fact::Started { at: Moment(7), left: None };
    // Of the five of `b` three have passed.
    check(
        &problem,
        "a 1 6 1 6 0 0 0
         b 7 12 7 12 0 0 2*
         c 12 16 12 16 0 0 4*
         d 10 12 14 16 4 4 0",
    );
    of(&mut problem, "b").fact = Fact::Started { at: Moment(7), left: Some(Span(9)) };
    assert_eq!(dates(&problem, "b").early_finish, Moment(19));
    of(&mut problem, "b").fact = Fact::Started { at: Moment(2), left: None };
    assert_eq!(dates(&problem, "b").early_finish, Moment(10), "it is not over before now");
}

#[test]
fn what_began_before_its_turn_is_not_late_for_what_it_did_not_wait_for() {
    let mut problem = problem("a 3; b 5 a");
    problem.start = Moment(10);
    of(&mut problem, "b").fact = Fact::Started { at: Moment(8), left: Some(Span(20)) };
    assert_eq!(dates(&problem, "a").total_float, Span(17));
    assert_eq!(dates(&problem, "b").driver, Driver::Constraint(Constraint::Fact));
}

#[test]
fn what_was_dropped_has_no_dates_and_holds_nothing_up() {
    let mut problem = problem("a 3; b 5 a; c 1 b");
    of(&mut problem, "b").fact = Fact::Dropped;
    let critical = of_problem(&problem).unwrap();
    assert_eq!(critical.tasks[1], None);
    assert_eq!((dates(&problem, "c").early_start, critical.finish), (Moment(0), Moment(3)));
}

#[test]
fn a_task_that_spans_others_lasts_as_long_and_is_never_critical() {
    let mut problem = problem("lead 0; a 3; b 5 a; c 2 lead; d 1 c");
    let spans = (id(&problem, "a"), id(&problem, "b"));
    of(&mut problem, "lead").spans = Some(spans);
    check(
        &problem,
        "lead 0 8 0 8 0 0 0
         a 0 3 0 3 0 0 3*
         b 3 8 3 8 0 0 5*
         c 8 10 8 10 0 0 2*
         d 10 11 10 11 0 0 1*",
    );
}

#[test]
fn a_milestone_lies_where_its_last_predecessor_ends_and_work_at_the_next_opening() {
    // 2026-11-27 is a Friday.
    let problem = in_office("a 8; m 0 a; b 4 m; n 0 b", "2026-11-27T09:00");
    let (m, b) = (dates(&problem, "m"), dates(&problem, "b"));
    assert_eq!((m.early_start, m.early_finish), (at("2026-11-27T17:00"), at("2026-11-27T17:00")));
    assert_eq!((b.early_start, b.early_finish), (at("2026-11-30T09:00"), at("2026-11-30T13:00")));
    assert_eq!(b.driver, Driver::Predecessor { task: id(&problem, "m"), kind: LinkKind::FinishStart });
    assert_eq!((m.total_float, m.free_float), (Span(0), Span(0)));
    check_path(&problem, "a m b n");
}

#[test]
fn float_counts_in_the_open_time_of_the_task() {
    let problem = in_office("a 16; b 2; c 1 a b", "2026-11-27T09:00");
    // From Friday 11:00 to Monday 17:00: six hours and eight.
    assert_eq!(dates(&problem, "b").total_float, Span(14 * HOUR));
    assert_eq!(dates(&problem, "b").late_start, at("2026-11-30T15:00"));
    assert_eq!(dates(&problem, "a").drag, Span(14 * HOUR));
}

#[test]
fn a_start_outside_of_open_time_is_driven_by_the_calendar() {
    let problem = in_office("a 1", "2026-11-28T03:00");
    assert_eq!(dates(&problem, "a").early_start, at("2026-11-30T09:00"));
    assert_eq!(dates(&problem, "a").driver, Driver::Calendar(CalendarId(1)));
}

#[test]
fn a_lag_counts_in_the_calendar_of_its_link() {
    let mut problem = in_office("a 8; b 1 a:FS+4", "2026-11-27T09:00");
    assert_eq!(dates(&problem, "b").early_start, at("2026-11-30T13:00"));
    problem.links[0].calendar = CalendarId(0);
    assert_eq!(dates(&problem, "b").early_start, at("2026-11-30T09:00"));
}

#[test]
fn a_task_that_may_not_pause_waits_for_a_stretch_that_holds_it() {
    let mut problem = in_office("a 3; b 6 a", "2026-11-27T09:00");
    of(&mut problem, "b").split = Split::Never;
    assert_eq!(dates(&problem, "b").early_start, at("2026-11-30T09:00"));
    // It takes the night in between, so `a` may be as late as Friday evening and beyond it.
    assert_eq!(dates(&problem, "a").total_float, Span(5 * HOUR));
    assert_eq!(dates(&problem, "b").total_float, Span(0));
}

#[test]
fn work_that_has_to_end_in_closed_time_is_held_until_then() {
    let mut problem = in_office("a 20; b 4 a:FF; c 1 b", "2026-11-27T09:00");
    of(&mut problem, "a").calendar = CalendarId(0);
    // `a` ends on Saturday at 05:00; `b` is done on Friday evening and succeeds with it.
    let b = dates(&problem, "b");
    assert_eq!((b.early_start, b.early_finish), (at("2026-11-27T13:00"), at("2026-11-28T05:00")));
    assert_eq!(dates(&problem, "c").early_start, at("2026-11-30T09:00"));
}

#[test]
fn a_calendar_that_never_opens_is_told_with_its_task() {
    let mut problem = in_office("a 8", "2026-11-27T09:00");
    problem.calendars[1].week = std::array::from_fn(|_| Vec::new());
    let error = of_problem(&problem).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`a` does not fit into the open time of its calendar within a hundred years"
    );
}

#[test]
fn a_plan_of_many_years_is_dated() {
    // Thirty thousand hours of office are some fourteen years.
    let problem = in_office("a 30000; b 1 a", "2026-01-01T09:00");
    assert_eq!(dates(&problem, "b").early_finish, at("2040-05-17T10:00"));
}

#[test]
fn the_critical_path_is_the_chain_of_drivers_even_where_float_is_not_zero() {
    // The night takes what `a` slips: it has float, and yet all of it begins with `a`.
    let mut problem = in_office("a 20; b 16 a", "2026-11-26T09:00");
    of(&mut problem, "a").calendar = CalendarId(0);
    assert_eq!(dates(&problem, "a").total_float, Span(4 * HOUR));
    assert!(!dates(&problem, "a").is_critical);
    check_path(&problem, "a b");
}

fn told(problem: &Problem, name: &str) -> Option<Why> {
    let network = Network::new(problem).unwrap();
    let lengths = length::of_first_modes(problem);
    let tell = |calendars: &Calendars| {
        let setting = Setting { problem, network: &network, calendars, lengths: &lengths };
        let critical = myrmex_plan::critical::analyse(&setting)?;
        why(&setting, &critical, id(problem, name))
    };
    with_calendars::<Option<Why>>(problem, tell).unwrap()
}

#[test]
fn why_tells_what_a_day_earlier_gains_and_what_would_make_a_task_critical() {
    let problem = in_office("a 16; b 12; c 1 a b; d 4", "2026-11-23T09:00");
    let a = told(&problem, "a").unwrap();
    // A day of `a` is worth four hours: then `b` holds `c` up.
    assert_eq!((a.earlier, a.until_critical), (Span(8 * HOUR), None));
    assert_eq!(a.gain, Span(at("2026-11-25T10:00").0 - at("2026-11-24T14:00").0));
    let b = told(&problem, "b").unwrap();
    assert_eq!((b.gain, b.until_critical), (Span(0), Some(Span(4 * HOUR))));
    assert_eq!(told(&problem, "d").unwrap().earlier, Span(4 * HOUR), "it lasts no day");
}

#[test]
fn why_has_nothing_to_tell_of_what_is_over() {
    let mut problem = problem("a 3; b 1");
    of(&mut problem, "a").fact = Fact::Finished { start: Moment(0), finish: Moment(3) };
    of(&mut problem, "b").fact = Fact::Dropped;
    assert_eq!((told(&problem, "a"), told(&problem, "b")), (None, None));
}

/// Reads the precedence relations and durations of a PSPLIB `.sm` file; capacity is not looked at.
fn instance(path: &Path) -> Problem {
    #[expect(clippy::disallowed_methods, reason = "a test reads its data; the crate does not")]
    let text = std::fs::read_to_string(path).unwrap();
    let section = |title: &str, skip: usize| {
        let lines = text.lines().skip_while(|line| !line.starts_with(title)).collect::<Vec<_>>();
        let rows = lines.into_iter().skip(1 + skip).take_while(|line| !line.starts_with('*'));
        rows.map(|row| row.split_whitespace().map(|n| n.parse::<i64>().unwrap()).collect::<Vec<_>>())
            .collect::<Vec<_>>()
    };
    let mut problem = empty(Moment(0));
    for row in section("REQUESTS/DURATIONS", 2) {
        problem.tasks.push(task(&row[0].to_string(), Span(row[2]), CalendarId(0)));
    }
    for row in section("PRECEDENCE RELATIONS", 1) {
        for to in &row[3..] {
            let (from, to) =
                (TaskId(u32::try_from(row[0] - 1).unwrap()), TaskId(u32::try_from(to - 1).unwrap()));
            problem.links.push(link(from, to, LinkKind::FinishStart, 0));
        }
    }
    problem
}

#[test]
fn the_networks_of_psplib_have_the_expected_dates() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests-data/planning");
    #[expect(clippy::disallowed_methods, reason = "a test reads its data; the crate does not")]
    let expected = std::fs::read_to_string(folder.join("vectors/cpm_expected.csv")).unwrap();
    let mut networks: BTreeMap<String, (Problem, Critical)> = BTreeMap::new();
    let mut rows = 0;
    for row in expected.lines().skip(1) {
        let (name, numbers) = row.split_once(',').unwrap();
        let (problem, critical) = networks.entry(name.to_owned()).or_insert_with(|| {
            let problem = instance(&folder.join("rcpsp").join(name));
            let critical = of_problem(&problem).unwrap();
            (problem, critical)
        });
        let expected: Vec<i64> = numbers.split(',').map(|n| n.parse().unwrap()).collect();
        let index = usize::try_from(expected[0] - 1).unwrap();
        let dates = critical.tasks[index].unwrap();
        let found = [
            expected[0],
            length::of_first_modes(problem)[index].0,
            dates.early_start.0,
            dates.early_finish.0,
            dates.late_start.0,
            dates.late_finish.0,
            dates.total_float.0,
            dates.free_float.0,
            i64::from(dates.is_critical),
        ];
        assert_eq!(found.as_slice(), expected.as_slice(), "{name}");
        rows += 1;
    }
    let tasks: usize = networks.values().map(|(problem, _)| problem.tasks.len()).sum();
    assert_eq!((networks.len(), rows), (5, tasks), "every task of five networks is compared");
}

fn link(from: TaskId, to: TaskId, kind: LinkKind, lag: i64) -> Link {
    Link { from, to, kind, lag: Span(lag), calendar: CalendarId(0) }
}

fn any_kind() -> impl Strategy<Value = LinkKind> {
    use LinkKind::{FinishFinish, FinishStart, StartFinish, StartStart};
    prop::sample::select(vec![FinishStart, FinishStart, StartStart, FinishFinish, StartFinish])
}

/// Networks of a dozen tasks and twenty links with lags of `lags`.
fn any_network(lags: std::ops::Range<i64>) -> impl Strategy<Value = Problem> {
    let links = prop::collection::vec((0_u32..12, 0_u32..12, any_kind(), lags), 0..20);
    (prop::collection::vec(0_i64..9, 12), links).prop_map(|(lengths, links)| {
        let mut problem = empty(Moment(0));
        for (index, length) in lengths.into_iter().enumerate() {
            problem.tasks.push(task(&format!("t{index}"), Span(length), CalendarId(0)));
        }
        for (a, b, kind, lag) in links {
            if a != b {
                problem.links.push(link(TaskId(a.min(b)), TaskId(a.max(b)), kind, lag));
            }
        }
        problem
    })
}

/// Raises all starts until every link holds: slow, and nothing like two passes.
fn starts_by_raising(problem: &Problem) -> Vec<i64> {
    let lengths: Vec<i64> = length::of_first_modes(problem).iter().map(|length| length.0).collect();
    let lowest = |index: usize| problem.tasks[index].window.start_after.map_or(0, |after| after.0.max(0));
    let mut starts: Vec<i64> = (0..lengths.len()).map(lowest).collect();
    loop {
        let before = starts.clone();
        for link in &problem.links {
            let (from, to) = (link.from.at(), link.to.at());
            let bound = link.lag.0
                + match link.kind {
                    LinkKind::FinishStart => starts[from] + lengths[from],
                    LinkKind::StartStart => starts[from],
                    LinkKind::FinishFinish => starts[from] + lengths[from] - lengths[to],
                    LinkKind::StartFinish => starts[from] - lengths[to],
                };
            starts[to] = starts[to].max(bound);
        }
        if starts == before {
            return starts;
        }
    }
}

fn finish(problem: &Problem) -> i64 {
    let lengths = length::of_first_modes(problem);
    starts_by_raising(problem).iter().zip(lengths).map(|(start, length)| start + length.0).max().unwrap()
}

fn delayed(problem: &Problem, index: usize, until: i64) -> Problem {
    let mut problem = problem.clone();
    problem.tasks[index].window.start_after = Some(Moment(until));
    problem
}

fn set_length(problem: &mut Problem, index: usize, length: i64) {
    let name = problem.tasks[index].name.clone();
    problem.tasks[index] = task(&name, Span(length), problem.tasks[index].calendar);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn dates_floats_and_drag_mean_what_they_say(problem in any_network(-4..5)) {
        let critical = of_problem(&problem).unwrap();
        let starts = starts_by_raising(&problem);
        let all = finish(&problem);
        prop_assert_eq!(critical.finish.0, all);
        for (index, dates) in critical.tasks.iter().enumerate() {
            let dates = dates.unwrap();
            prop_assert_eq!(dates.early_start.0, starts[index]);

            prop_assert_eq!(finish(&delayed(&problem, index, dates.late_start.0)), all);
            prop_assert!(finish(&delayed(&problem, index, dates.late_start.0 + 1)) > all);
            prop_assert_eq!(dates.total_float.0, dates.late_start.0 - dates.early_start.0);

            let moved = |float: i64| {
                let problem = delayed(&problem, index, dates.early_start.0 + float);
                let mut moved = starts_by_raising(&problem);
                moved[index] = starts[index];
                moved != starts || finish(&problem) != all
            };
            prop_assert!(!moved(dates.free_float.0));
            prop_assert!(moved(dates.free_float.0 + 1));

            let mut shorter = problem.clone();
            set_length(&mut shorter, index, 0);
            let gained = (all - finish(&shorter)).max(0);
            prop_assert_eq!(dates.drag.0, if dates.is_critical { gained } else { 0 }, "drag of {}", index);
        }
        for pair in critical.path.windows(2) {
            let driver = critical.tasks[pair[1].at()].unwrap().driver;
            let follows = matches!(driver, Driver::Predecessor { task, .. } if task == pair[0]);
            prop_assert!(follows);
        }
    }

    #[test]
    fn with_calendars_nobody_is_late_at_the_latest_start_and_somebody_is_after_it(
        mut problem in any_network(0..5),
        calendars in prop::collection::vec((0_u32..3, 0_u32..3), 32),
    ) {
        problem.start = at("2026-11-26T10:00");
        let mut night = always();
        night.week = std::array::from_fn(|day| if day == 2 { Vec::new() } else { vec![(18 * 60, 26 * 60)] });
        problem.calendars.extend([office(), night]);
        for (index, (calendar, of_link)) in calendars.into_iter().enumerate() {
            if let Some(task) = problem.tasks.get(index).cloned() {
                problem.tasks[index].calendar = CalendarId(calendar);
                let Span(length) = length::of_mode(&problem, &task.modes[0]);
                set_length(&mut problem, index, length * HOUR);
            }
            if let Some(link) = problem.links.get_mut(index) {
                link.calendar = CalendarId(of_link);
                link.lag = Span(link.lag.0 * HOUR);
            }
        }
        let critical = of_problem(&problem).unwrap();
        for (index, dates) in critical.tasks.iter().enumerate() {
            let dates = dates.unwrap();
            prop_assert!(dates.total_float >= Span(0));
            prop_assert!(dates.free_float >= Span(0));
            prop_assert!(dates.drag >= Span(0));
            let moved = |until: Moment| of_problem(&delayed(&problem, index, until.0)).unwrap();
            prop_assert!(moved(Moment(dates.late_start.0 + 1)).finish > critical.finish);
            prop_assert_eq!(moved(dates.late_start).finish, critical.finish);
        }
    }
}

#[test]
fn an_error_of_a_calendar_is_told() {
    let mut problem = in_office("a 8", "2026-11-27T09:00");
    problem.calendars[1].zone = "Europe/Atlantis".to_owned();
    assert!(matches!(of_problem(&problem), Err(CriticalError::Calendar(_))));
}
