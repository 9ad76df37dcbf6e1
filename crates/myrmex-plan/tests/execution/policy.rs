//! Passes over links, arcs and calendars.

use myrmex_plan::calendar::Calendars;
use myrmex_plan::chain::Resource;
use myrmex_plan::network::Network;
use myrmex_plan::policy::{Beyond, Driver, Pass, Policy, floats, planned_lengths};
use myrmex_plan::problem::*;
use proptest::prelude::*;

use super::build::{
    DAY, HOUR, MONDAY, dates, link, loaded, office, open_office, person, placed, planned, policy_of, pool,
    task, tasks,
};

/// One pool of one unit that all tasks use.
fn in_line(lengths: &[i64], links: &[(u32, u32)]) -> Problem {
    let mut problem = tasks(lengths, links);
    problem.pools.push(pool(1));
    problem.tasks.iter_mut().for_each(|task| task.modes[0].pools.push((PoolId(0), 1)));
    problem
}

#[test]
fn a_task_that_lasts_longer_moves_what_waits_for_its_units() {
    let problem = in_line(&[2, 3, 1], &[]);
    let policy = policy_of(&problem, &placed(&[(0, 2), (3, 3), (2, 1)]));
    assert_eq!(dates(&policy, &[2, 3, 1].map(Span)), [(0, 2), (3, 6), (2, 3)]);
    assert_eq!(dates(&policy, &[5, 3, 1].map(Span)), [(0, 5), (6, 9), (5, 6)]);
}

#[test]
fn each_kind_of_link_bounds_its_ends() {
    let check = |kind, lag, expected: (i64, i64)| {
        let mut problem = tasks(&[4, 3], &[]);
        problem.links.push(link(0, 1, kind, lag));
        let far = placed(&[(0, 4), (100, 3)]);
        assert_eq!(planned(&problem, &far)[1], expected, "{kind:?} {lag}");
    };
    check(LinkKind::FinishStart, 2, (6, 9));
    check(LinkKind::FinishStart, -1, (3, 6));
    check(LinkKind::FinishStart, -9, (0, 3));
    check(LinkKind::StartStart, 2, (2, 5));
    // It ends at the bound and is not stretched.
    check(LinkKind::FinishFinish, 1, (2, 5));
    check(LinkKind::FinishFinish, -2, (0, 3));
    check(LinkKind::StartFinish, 6, (3, 6));
}

#[test]
fn work_pauses_while_its_calendar_or_that_of_its_pool_is_closed() {
    let mut problem = tasks(&[4 * HOUR, 4 * HOUR, 0, 9 * HOUR], &[(0, 1), (1, 2), (2, 3)]);
    problem.start = Moment(MONDAY + 14 * HOUR);
    problem.calendars.push(office());
    problem.pools.push(Pool { calendar: CalendarId(1), ..pool(1) });
    problem.tasks[0].calendar = CalendarId(1);
    problem.tasks[1].modes[0].pools.push((PoolId(0), 1));
    let at = |day: i64, hour: i64| MONDAY + day * DAY + hour * HOUR;
    let spots = [(at(0, 14), DAY), (at(1, 10), DAY), (at(1, 14), 0), (at(1, 14), DAY)];
    let expected =
        [(at(0, 14), at(1, 10)), (at(1, 10), at(1, 14)), (at(1, 14), at(1, 14)), (at(1, 14), at(1, 23))];
    assert_eq!(planned(&problem, &placed(&spots)), expected);
}

#[test]
fn who_works_a_part_of_each_day_takes_more_of_them() {
    let mut problem = tasks(&[9 * HOUR], &[]);
    problem.start = Moment(MONDAY);
    problem.calendars.push(office());
    problem.people.push(Person { calendar: CalendarId(1), day_limit: Some(Span(6 * HOUR)), ..person(WHOLE) });
    let mut placement = placed(&[(MONDAY + 9 * HOUR, 27 * HOUR)]);
    placement.tasks[0].crew = vec![(PersonId(0), WHOLE)];
    let expected = (MONDAY + 9 * HOUR, MONDAY + DAY + 12 * HOUR);
    assert_eq!(planned(&problem, &placement), [expected]);
}

#[test]
fn what_must_not_pause_begins_where_its_planned_length_fits_and_goes_on() {
    let mut problem = tasks(&[5 * HOUR], &[]);
    problem.start = Moment(MONDAY + 13 * HOUR);
    problem.calendars.push(office());
    problem.tasks[0].calendar = CalendarId(1);
    problem.tasks[0].split = Split::Never;
    let policy = policy_of(&problem, &placed(&[(MONDAY + 33 * HOUR, 5 * HOUR)]));
    let tuesday = MONDAY + DAY + 9 * HOUR;
    assert_eq!(dates(&policy, &[Span(5 * HOUR)]), [(tuesday, tuesday + 5 * HOUR)]);
    assert_eq!(dates(&policy, &[Span(20 * HOUR)]), [(tuesday, tuesday + 20 * HOUR)]);
}

#[test]
fn facts_stay_and_what_runs_ends_at_the_planning_instant_at_the_earliest() {
    let mut problem = tasks(&[10, 10, 10, 10, 1], &[(0, 4), (3, 4)]);
    problem.start = Moment(20);
    problem.tasks[0].fact = Fact::Finished { start: Moment(2), finish: Moment(9) };
    problem.tasks[1].fact = Fact::Started { at: Moment(5), left: None };
    problem.tasks[2].fact = Fact::Started { at: Moment(5), left: Some(Span(7)) };
    problem.tasks[3].fact = Fact::Dropped;
    let placement = placed(&[(2, 7), (5, 15), (5, 22), (20, 0), (20, 1)]);
    assert_eq!(planned_lengths(&problem, &placement)[2], Span(7));
    let dates = planned(&problem, &placement);
    assert_eq!([dates[0], dates[1], dates[2], dates[4]], [(2, 9), (5, 20), (5, 27), (20, 21)]);
}

#[test]
fn windows_hold_back_and_what_lies_late_is_not_pulled() {
    let mut problem = tasks(&[2, 2, 2], &[]);
    problem.tasks[0].window.start_after = Some(Moment(5));
    problem.tasks[1].window.must_start = Some(Moment(7));
    let spots = placed(&[(5, 2), (7, 2), (30, 2)]);
    assert_eq!(planned(&problem, &spots), [(5, 7), (7, 9), (0, 2)]);
    problem.direction = Direction::Late;
    assert_eq!(planned(&problem, &spots)[2], (30, 32));
}

#[test]
fn what_spans_others_follows_them() {
    let mut problem = tasks(&[2, 3, 0], &[(0, 1)]);
    problem.tasks[2].spans = Some((TaskId(0), TaskId(1)));
    let policy = policy_of(&problem, &placed(&[(0, 2), (2, 3), (0, 5)]));
    assert_eq!(dates(&policy, &[4, 3, 0].map(Span))[2], (0, 7));
}

#[test]
fn a_circle_of_a_link_and_an_arc_is_let_go_where_the_placement_breaks_it() {
    // t1 ends when t0 begins, which takes the unit that t1 gives back.
    let mut problem = in_line(&[3, 2], &[]);
    problem.links.push(link(0, 1, LinkKind::StartFinish, 0));
    assert_eq!(planned(&problem, &placed(&[(4, 3), (2, 2)])), [(4, 7), (2, 4)]);
}

#[test]
fn the_critical_chain_goes_through_resources() {
    // By links alone t0 and t1 are the longest path; the pool puts t2 between.
    let problem = in_line(&[2, 3, 4], &[(0, 1)]);
    let placement = placed(&[(0, 2), (6, 3), (2, 4)]);
    let policy = policy_of(&problem, &placement);
    let mut pass = Pass::default();
    policy.run(&planned_lengths(&problem, &placement), &mut pass).unwrap();
    assert_eq!(policy.critical_chain(&pass), [TaskId(0), TaskId(2), TaskId(1)]);
    assert_eq!(policy.finish(&pass), Some(Moment(9)));
    // The pool, not the link, says when t1 begins.
    let drivers = |task| policy.drivers(TaskId(task), &pass).collect::<Vec<Driver>>();
    assert_eq!(drivers(1), [Driver { task: TaskId(2), resource: Some(Resource::Pool(PoolId(0))) }]);
    assert_eq!(drivers(0), []);
}

#[test]
fn float_is_what_links_and_arcs_leave() {
    let mut problem = in_line(&[2, 3], &[]);
    problem.tasks.push(task(4));
    problem.tasks.push(task(0));
    problem.links = vec![link(2, 3, LinkKind::FinishStart, 0), link(1, 3, LinkKind::FinishStart, 0)];
    let placement = placed(&[(0, 2), (2, 3), (0, 4), (5, 0)]);
    let policy = policy_of(&problem, &placement);
    let expected = [Some(Span(0)), Some(Span(0)), Some(Span(1)), Some(Span(0))];
    assert_eq!(floats(&problem, &placement, &policy).unwrap(), expected);
    problem.tasks[2].window.finish_before = Some(Moment(4));
    let policy = policy_of(&problem, &placement);
    assert_eq!(floats(&problem, &placement, &policy).unwrap()[2], Some(Span(0)));
}

#[test]
fn what_has_begun_out_of_order_takes_no_float_from_what_it_did_not_wait_for() {
    let mut problem = tasks(&[4, 6], &[(0, 1)]);
    problem.start = Moment(2);
    problem.tasks[0].fact = Fact::Started { at: Moment(0), left: None };
    problem.tasks[1].fact = Fact::Started { at: Moment(1), left: None };
    let placement = placed(&[(0, 4), (1, 6)]);
    let policy = policy_of(&problem, &placement);
    assert_eq!(floats(&problem, &placement, &policy).unwrap(), [Some(Span(3)), Some(Span(0))]);
}

#[test]
fn float_counts_open_time() {
    let mut problem = tasks(&[8 * HOUR, 16 * HOUR], &[]);
    problem.start = Moment(MONDAY + 9 * HOUR);
    problem.calendars.push(office());
    problem.tasks.iter_mut().for_each(|task| task.calendar = CalendarId(1));
    let placement = placed(&[(MONDAY + 9 * HOUR, 8 * HOUR), (MONDAY + 9 * HOUR, 32 * HOUR)]);
    let policy = policy_of(&problem, &placement);
    assert_eq!(floats(&problem, &placement, &policy).unwrap(), [Some(Span(8 * HOUR)), Some(Span(0))]);
}

#[test]
fn dates_beyond_what_is_known_are_told() {
    let mut problem = tasks(&[8 * HOUR], &[]);
    problem.start = Moment(MONDAY);
    problem.calendars.push(office());
    problem.tasks[0].calendar = CalendarId(1);
    let (network, placement) = (Network::new(&problem).unwrap(), placed(&[(MONDAY + 9 * HOUR, 8 * HOUR)]));
    let calendars = Calendars::compile(&problem, Moment(MONDAY)..Moment(MONDAY + DAY)).unwrap();
    let policy = Policy::new(&problem, &network, &placement, &[], &calendars);
    let mut pass = Pass::default();
    assert_eq!(policy.run(&[Span(8 * HOUR)], &mut pass), Ok(()));
    assert_eq!(policy.run(&[Span(9 * HOUR)], &mut pass), Err(Beyond));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_task_can_slip_by_its_float_and_no_further(
        lengths in proptest::collection::vec(1..8_i64, 2..9),
        pairs in proptest::collection::vec((0..9_u32, 0..9_u32), 0..8),
        in_office in proptest::collection::vec(any::<bool>(), 9),
        slipping in 0..9_usize,
    ) {
        let count = u32::try_from(lengths.len()).unwrap();
        let links: Vec<_> = pairs.into_iter().filter(|&(from, to)| from < to && to < count).collect();
        let lengths: Vec<i64> = lengths.iter().map(|length| length * HOUR).collect();
        let loads: Vec<_> = lengths
            .iter()
            .map(|&length| super::build::Load { length, pools: vec![(0, 1)], crew: Vec::new(), is_phased: false })
            .collect();
        let mut problem = tasks(&lengths, &links);
        problem.pools.push(pool(2));
        let (mut problem, mut placement) = loaded(problem, &loads);
        problem.start = Moment(MONDAY + 9 * HOUR);
        problem.calendars.push(office());
        for (task, &is) in problem.tasks.iter_mut().zip(&in_office) {
            task.calendar = CalendarId(u32::from(is));
        }
        // The order of the placement stays; the calendars then say where in it tasks lie.
        for placed in &mut placement.tasks {
            placed.start = Moment(placed.start.0 + problem.start.0);
            placed.finish = Moment(placed.finish.0 + problem.start.0);
        }
        let policy = policy_of(&problem, &placement);
        let dated = dates(&policy, &planned_lengths(&problem, &placement));
        for (placed, (start, finish)) in placement.tasks.iter_mut().zip(dated) {
            (placed.start, placed.finish) = (Moment(start), Moment(finish));
        }
        let policy = policy_of(&problem, &placement);
        let slipping = slipping % lengths.len();
        let end = placement.finish().unwrap();
        let float = floats(&problem, &placement, &policy).unwrap()[slipping].unwrap();
        prop_assert!(float >= Span(0));
        let end_with = |slip: i64| {
            // It begins when so much of its own open time has passed since its start, and no sooner than that is open.
            let open = open_office();
            let is_office = problem.tasks[slipping].calendar != ALWAYS;
            let later = |from: Moment| if is_office { open.advance(from, Span(slip)).unwrap() } else { Moment(from.0 + slip) };
            let mut moved = problem.clone();
            moved.tasks[slipping].window.start_after = Some(later(placement.tasks[slipping].start));
            let moved = policy_of(&moved, &placement);
            let mut pass = Pass::default();
            moved.run(&planned_lengths(&problem, &placement), &mut pass).unwrap();
            policy.finish(&pass).unwrap()
        };
        prop_assert!(end_with(float.0) <= end);
        prop_assert!(end_with(float.0 + HOUR) > end);
    }
}
