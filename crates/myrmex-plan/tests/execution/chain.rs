//! Arcs between tasks that hand units on.

use myrmex_plan::chain::Resource;
use myrmex_plan::problem::*;
use proptest::prelude::*;

use super::build::{Load, arcs_of, dates, link, loaded, overload, person, placed, policy_of, pool, tasks};

fn uses(problem: &mut Problem, task: usize, units: u32) {
    problem.tasks[task].modes[0].pools.push((PoolId(0), units));
}

fn check(problem: &Problem, spots: &[(i64, i64)], expected: &[(u32, u32, u32)]) {
    let arcs = arcs_of(problem, &placed(spots));
    let arcs: Vec<_> = arcs.iter().map(|arc| (arc.from.0, arc.to.0, arc.units)).collect();
    assert_eq!(arcs, expected);
}

#[test]
fn who_takes_what_another_gives_back_comes_after_it() {
    let mut problem = tasks(&[2, 2, 3], &[]);
    problem.pools.push(pool(1));
    (0..3).for_each(|task| uses(&mut problem, task, 1));
    check(&problem, &[(0, 2), (5, 2), (2, 3)], &[(0, 2, 1), (2, 1, 1)]);
}

#[test]
fn units_come_from_predecessors_first_then_from_nobody_then_from_who_finished_last() {
    // t2 follows t0 by a link and takes its unit; t3 has one that nobody ever had; t4 and t5 have to take what is left.
    let mut problem = tasks(&[2, 3, 2, 2, 1, 1], &[(0, 2)]);
    problem.pools.push(pool(3));
    (0..6).for_each(|task| uses(&mut problem, task, 1));
    let spots = [(0, 2), (0, 3), (2, 2), (2, 2), (4, 1), (4, 1)];
    check(&problem, &spots, &[(2, 4, 1), (3, 5, 1)]);
}

#[test]
fn what_links_imply_over_others_needs_no_arc() {
    let mut problem = tasks(&[2, 2, 2, 0], &[(0, 1), (1, 3), (3, 2)]);
    problem.pools.push(pool(1));
    uses(&mut problem, 0, 1);
    uses(&mut problem, 2, 1);
    check(&problem, &[(0, 2), (2, 2), (4, 2), (4, 0)], &[]);
    // A lead or a link between starts implies nothing.
    problem.links = vec![link(0, 2, LinkKind::FinishStart, -1)];
    check(&problem, &[(0, 2), (2, 2), (4, 2), (4, 0)], &[(0, 2, 1)]);
    problem.links = vec![link(0, 2, LinkKind::StartStart, 2)];
    check(&problem, &[(0, 2), (2, 2), (4, 2), (4, 0)], &[(0, 2, 1)]);
}

#[test]
fn people_and_limits_of_phases_are_handed_on_like_pools() {
    let mut problem = tasks(&[1, 1, 1], &[]);
    problem.people.push(person(WHOLE));
    let mut placement = placed(&[(0, 1), (1, 1), (0, 1)]);
    placement.tasks[0].crew = vec![(PersonId(0), 600)];
    placement.tasks[1].crew = vec![(PersonId(0), 1_000)];
    placement.tasks[2].crew = vec![(PersonId(0), 400)];
    let arcs = arcs_of(&problem, &placement);
    assert_eq!(arcs.len(), 2, "{arcs:?}");
    assert!(arcs.iter().all(|arc| arc.resource == Resource::Person(PersonId(0)) && arc.to == TaskId(1)));
    assert_eq!(arcs.iter().map(|arc| arc.units).sum::<u32>(), 1_000);

    let mut problem = tasks(&[1, 1, 1], &[]);
    problem.phases.push(Phase { name: "one".into(), max_parallel: Some(2) });
    problem.tasks.iter_mut().for_each(|task| task.phase = Some(PhaseId(0)));
    let arcs = arcs_of(&problem, &placed(&[(0, 1), (0, 1), (1, 1)]));
    assert_eq!(arcs.len(), 1, "{arcs:?}");
    assert_eq!(arcs[0].resource, Resource::Phase(PhaseId(0)));
}

#[test]
fn what_spans_others_is_chained_by_its_ends() {
    // t2 lasts from the start of t0 to the finish of t1 and holds the pool, which t3 takes after it and t4 has before.
    let mut problem = tasks(&[2, 2, 0, 1, 1], &[(0, 1)]);
    problem.pools.push(pool(1));
    problem.tasks[2].spans = Some((TaskId(0), TaskId(1)));
    for task in [2, 3, 4] {
        uses(&mut problem, task, 1);
    }
    check(&problem, &[(1, 2), (3, 2), (1, 4), (5, 1), (0, 1)], &[(4, 0, 1), (1, 3, 1)]);
}

#[test]
fn what_spans_nothing_as_it_lies_has_its_units_once_it_does() {
    // t2 would last from t0 to t1, which lies before it.
    let mut problem = tasks(&[0, 6, 0], &[]);
    problem.pools.push(pool(2));
    problem.tasks[2].spans = Some((TaskId(0), TaskId(1)));
    uses(&mut problem, 1, 2);
    uses(&mut problem, 2, 1);
    check(&problem, &[(6, 0), (0, 6), (6, 0)], &[(1, 0, 1)]);
}

#[test]
fn what_is_over_holds_nothing_and_what_runs_keeps_what_it_has() {
    let mut problem = tasks(&[2, 4, 2], &[]);
    problem.start = Moment(3);
    problem.pools.push(pool(1));
    (0..3).for_each(|task| uses(&mut problem, task, 1));
    problem.tasks[0].fact = Fact::Finished { start: Moment(0), finish: Moment(2) };
    problem.tasks[1].fact = Fact::Started { at: Moment(1), left: None };
    // The two overlapped, as facts may; the pool still has one unit and not two.
    check(&problem, &[(0, 2), (1, 4), (5, 2)], &[(1, 2, 1)]);
}

fn load() -> impl Strategy<Value = Load> {
    let pools = proptest::collection::btree_map(0..2_u32, 1..=3_u32, 0..=2);
    let crew =
        proptest::collection::btree_map(0..2_u32, prop_oneof![Just(300_u32), Just(500), Just(1_000)], 0..=2);
    (0..6_i64, pools, crew, any::<bool>()).prop_map(|(length, pools, crew, is_phased)| Load {
        length,
        pools: pools.into_iter().collect(),
        crew: crew.into_iter().collect(),
        is_phased,
    })
}

fn world() -> impl Strategy<Value = (Problem, Vec<Load>)> {
    let loads = proptest::collection::vec(load(), 1..14);
    (loads, proptest::collection::vec((0..14_u32, 0..14_u32), 0..10)).prop_map(|(loads, pairs)| {
        let count = u32::try_from(loads.len()).unwrap();
        let links: Vec<(u32, u32)> =
            pairs.into_iter().filter(|&(from, to)| from < to && to < count).collect();
        let lengths: Vec<i64> = loads.iter().map(|load| load.length).collect();
        let mut problem = tasks(&lengths, &links);
        problem.pools = vec![pool(3), pool(4)];
        problem.people = vec![person(WHOLE), person(WHOLE)];
        problem.phases.push(Phase { name: "one".into(), max_parallel: Some(2) });
        (problem, loads)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_capacity_is_exceeded_whatever_anything_lasts(
        (problem, loads) in world(),
        drawn in proptest::collection::vec(1..20_i64, 14),
    ) {
        let (problem, placement) = loaded(problem, &loads);
        // What lies there for no time holds nothing, and stays so.
        let lengths: Vec<Span> =
            loads.iter().zip(&drawn).map(|(load, &drawn)| Span(if load.length == 0 { 0 } else { drawn })).collect();
        let dates = dates(&policy_of(&problem, &placement), &lengths);
        prop_assert_eq!(overload(&problem, &placement, &dates), None);
        for link in &problem.links {
            prop_assert!(dates[link.from.at()].1 <= dates[link.to.at()].0);
        }
    }

    #[test]
    fn as_planned_nothing_ends_later_than_it_was_placed((problem, loads) in world()) {
        let (problem, placement) = loaded(problem, &loads);
        let dates = super::build::planned(&problem, &placement);
        for (placed, (start, finish)) in placement.tasks.iter().zip(dates) {
            prop_assert!(start <= placed.start.0 && finish <= placed.finish.0);
        }
    }

    #[test]
    fn arcs_lead_forward_in_time_and_double_no_link((problem, loads) in world()) {
        let (problem, placement) = loaded(problem, &loads);
        for arc in arcs_of(&problem, &placement) {
            prop_assert!(placement.of(arc.from).finish <= placement.of(arc.to).start);
            let is_linked = problem.links.iter().any(|link| link.from == arc.from && link.to == arc.to);
            prop_assert!(!is_linked);
        }
    }
}
