//! What placements cost, and when.

use myrmex_plan::cost::{CostError, Costs, Payee, Period, costs, periods, reserve};
use myrmex_plan::hours::Hours;
use myrmex_plan::placement::Placement;
use myrmex_plan::problem::*;
use myrmex_plan::ratio::Ratio;
use proptest::prelude::*;

use super::build::{DAY, HOUR, MONDAY, calendars_of, office, person, placed, pool, tasks};

const EURO: i128 = 1_000_000;

fn hours(problem: &Problem, placement: &Placement) -> Hours {
    Hours::new(problem, placement, &calendars_of(problem))
}

/// A day and a half of half a person and a pool in an office, and a machine's day with prices of its own.
fn project() -> (Problem, Placement) {
    let mut problem = tasks(&[12 * HOUR, 24 * HOUR], &[]);
    problem.start = Moment(MONDAY + 9 * HOUR);
    problem.calendars.push(office());
    problem.phases = ["one", "two"].map(|name| Phase { name: name.into(), max_parallel: None }).into();
    problem.pools.push(Pool { rate: Some(Money(2_100_000)), ..pool(4) });
    problem.people.push(Person { rate: Some(Money(80 * EURO)), calendar: CalendarId(1), ..person(WHOLE) });
    problem.tasks[0].modes[0].pools.push((PoolId(0), 2));
    problem.tasks[0].phase = Some(PhaseId(1));
    problem.tasks[0].cost.account = Some("dev".into());
    problem.tasks[1].cost = Cost {
        fixed: Some(Money(240 * EURO)),
        per_use: Some(Money(7 * EURO)),
        accrue: Accrue::Linear,
        account: None,
    };
    let mut placement = placed(&[(MONDAY + 9 * HOUR, 28 * HOUR), (MONDAY, DAY)]);
    placement.tasks[0].crew = vec![(PersonId(0), 500)];
    (problem, placement)
}

fn costs_of(problem: &Problem, placement: &Placement) -> Costs {
    costs(problem, placement, &hours(problem, placement)).unwrap()
}

#[test]
fn open_time_is_paid_to_people_and_pools_and_prices_once() {
    let (problem, placement) = project();
    let costs = costs_of(&problem, &placement);
    let person = Money(12 * 40 * EURO);
    let pool = Money(12 * 2 * 2_100_000);
    assert_eq!(
        costs.by_payee,
        [
            (Payee::Person(PersonId(0)), person),
            (Payee::Pool(PoolId(0)), pool),
            (Payee::Fixed, Money(240 * EURO)),
            (Payee::Use, Money(7 * EURO)),
        ]
    );
    let first = Money(person.0 + pool.0);
    let second = Money(247 * EURO);
    assert_eq!(costs.by_task, [first, second]);
    assert_eq!(costs.by_phase, [(None, second), (Some(PhaseId(1)), first)]);
    assert_eq!(costs.by_account, [(None, second), (Some("dev".into()), first)]);
    assert_eq!(costs.total, Money(first.0 + second.0));
}

#[test]
fn what_was_dropped_costs_nothing() {
    let (mut problem, placement) = project();
    problem.tasks[1].fact = Fact::Dropped;
    let costs = costs_of(&problem, &placement);
    assert_eq!(costs.by_task[1], Money(0));
    assert_eq!(costs.total, costs.by_task[0]);
}

#[test]
fn planned_value_grows_with_open_time_and_prices_fall_due_when_they_say() {
    let (mut problem, placement) = project();
    let at = |problem: &Problem, task: u32, hour: i64| {
        let hours = hours(problem, &placement);
        let items = costs(problem, &placement, &hours).unwrap().items;
        let mine = items.iter().filter(|item| item.task == TaskId(task));
        let planned = |item: &myrmex_plan::cost::Item| {
            item.planned(&placement, &hours, Moment(MONDAY + hour * HOUR)).unwrap().0
        };
        mine.map(planned).sum::<i128>()
    };
    // Twelve open hours from Monday 9 to Tuesday 13; at 44.20 an hour.
    for (hour, open) in [(0, 0), (9, 0), (13, 4), (17, 8), (20, 8), (33, 8), (34, 9), (37, 12), (90, 12)] {
        assert_eq!(at(&problem, 0, hour), open * 44_200_000, "{hour}");
    }
    let check = |problem: &Problem, expected: [i128; 3]| {
        assert_eq!([-1, 12, 24].map(|hour| at(problem, 1, hour)), expected.map(|amount| amount * EURO));
    };
    check(&problem, [0, 127, 247]);
    problem.tasks[1].cost.accrue = Accrue::Start;
    check(&problem, [0, 247, 247]);
    problem.tasks[1].cost.accrue = Accrue::End;
    check(&problem, [0, 7, 247]);
}

#[test]
fn a_curve_has_a_point_at_each_midnight_of_the_zone() {
    let (mut problem, placement) = project();
    problem.calendars[1].zone = "Europe/Berlin".into();
    let of = |period, finish: i64| {
        let found = periods(&problem, CalendarId(1), Moment(MONDAY + 9 * HOUR), Moment(finish), period);
        found.unwrap().iter().map(|moment| (moment.0 - MONDAY) / HOUR).collect::<Vec<i64>>()
    };
    // Berlin is an hour ahead in winter, two in summer: from 2027-03-28 on.
    assert_eq!(of(Period::Day, MONDAY + 40 * HOUR), [-1, 23, 47]);
    assert_eq!(of(Period::Day, MONDAY), [-1, 23]);
    assert_eq!(of(Period::Week, MONDAY + 8 * DAY), [-1, 167, 335]);
    let months = of(Period::Month, MONDAY + 130 * DAY);
    assert_eq!(months, [-1, 30 * 24 - 1, 61 * 24 - 1, 90 * 24 - 1, 120 * 24 - 2, 151 * 24 - 2]);
    let curve = costs_of(&problem, &placement)
        .planned(
            &placement,
            &hours(&problem, &placement),
            &periods(&problem, CalendarId(1), problem.start, placement.finish().unwrap(), Period::Day)
                .unwrap(),
        )
        .unwrap();
    assert_eq!(curve.first(), Some(&Money(0)));
    assert_eq!(curve.last(), Some(&costs_of(&problem, &placement).total));
    let far = Moment(MONDAY + 40_000 * DAY);
    assert_eq!(periods(&problem, CalendarId(1), problem.start, far, Period::Day), Err(CostError::Periods));
    problem.calendars[1].zone = "Nowhere".into();
    assert_eq!(periods(&problem, CalendarId(1), problem.start, far, Period::Day), Err(CostError::Zone));
}

#[test]
fn a_reserve_is_what_p80_takes_more_and_a_share_of_all_of_it() {
    let check = |total: i128, p80: i128, expected: (i128, i128)| {
        let reserve = reserve(Money(total * EURO), Money(p80 * EURO), Ratio(50_000)).unwrap();
        assert_eq!(
            (reserve.contingency, reserve.management),
            (Money(expected.0 * EURO), Money(expected.1 * EURO))
        );
    };
    check(1_000, 1_200, (200, 60));
    check(1_000, 900, (0, 50));
}

#[test]
fn an_amount_that_does_not_fit_is_told() {
    let (mut problem, placement) = project();
    problem.people[0].rate = Some(Money(i128::MAX / 2));
    assert_eq!(costs(&problem, &placement, &hours(&problem, &placement)), Err(CostError::Large));
}

proptest! {
    #[test]
    fn sums_equal_their_parts_however_rates_divide(
        rates in proptest::collection::vec(0..1_000_000_007_i128, 3),
        lengths in proptest::collection::vec(0..10_000_000_i64, 3),
        cuts in proptest::collection::vec(0..20_000_000_i64, 5),
    ) {
        let mut problem = tasks(&lengths, &[]);
        problem.people = rates.iter().map(|rate| Person { rate: Some(Money(*rate)), ..person(WHOLE) }).collect();
        problem.pools.push(Pool { rate: Some(Money(rates[0])), ..pool(3) });
        problem.phases.push(Phase { name: "one".into(), max_parallel: None });
        problem.tasks[0].phase = Some(PhaseId(0));
        problem.tasks[1].cost.account = Some("a".into());
        let spots: Vec<(i64, i64)> = lengths.iter().map(|length| (0, *length)).collect();
        let mut placement = placed(&spots);
        for (index, placed) in placement.tasks.iter_mut().enumerate() {
            placed.crew = vec![(PersonId(0), 333), (PersonId(u32::try_from(index).unwrap().max(1)), 777)];
            problem.tasks[index].modes[0].pools.push((PoolId(0), 1));
        }
        let hours = hours(&problem, &placement);
        let costs = costs(&problem, &placement, &hours).unwrap();
        let all = [
            costs.by_task.iter().map(|amount| amount.0).sum::<i128>(),
            costs.by_phase.iter().map(|(_, amount)| amount.0).sum(),
            costs.by_account.iter().map(|(_, amount)| amount.0).sum(),
            costs.by_payee.iter().map(|(_, amount)| amount.0).sum(),
            costs.items.iter().map(|item| item.amount.0).sum(),
        ];
        prop_assert_eq!(all, [costs.total.0; 5]);
        let mut cuts = cuts;
        cuts.sort_unstable();
        let cuts: Vec<Moment> = cuts.into_iter().chain([10_000_000]).map(Moment).collect();
        let curve = costs.planned(&placement, &hours, &cuts).unwrap();
        let (curve, last) = curve.split_at(5);
        prop_assert!(curve.windows(2).all(|pair| pair[0] <= pair[1]));
        prop_assert_eq!(last, &[costs.total]);
    }
}
