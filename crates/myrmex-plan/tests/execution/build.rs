//! Problems and placements by hand.

use myrmex_plan::calendar::{Calendars, OpenTime};
use myrmex_plan::chain::{ResourceArc, chain};
use myrmex_plan::network::Network;
use myrmex_plan::placement::{Placed, Placement};
use myrmex_plan::policy::{Pass, Policy, planned_lengths};
use myrmex_plan::problem::*;

pub(crate) const HOUR: i64 = 3_600_000;
pub(crate) const DAY: i64 = 24 * HOUR;
/// Monday, 2026-11-30T00:00:00Z.
pub(crate) const MONDAY: i64 = 1_795_996_800_000;

/// Returns a problem of nothing, which begins at 0.
pub(crate) fn empty() -> Problem {
    Problem {
        start: Moment(0),
        deadline: None,
        near: Span(0),
        direction: Direction::Early,
        tasks: Vec::new(),
        links: Vec::new(),
        calendars: vec![Calendar {
            name: "always".into(),
            zone: "UTC".into(),
            week: Default::default(),
            exceptions: Vec::new(),
            day: Span(DAY),
        }],
        pools: Vec::new(),
        people: Vec::new(),
        roles: Vec::new(),
        budgets: Vec::new(),
        phases: Vec::new(),
        risks: Vec::new(),
        groups: Vec::new(),
    }
}

/// Returns a task of this length that needs nothing.
pub(crate) fn task(length: i64) -> Task {
    Task {
        name: String::new(),
        kind: if length == 0 { Kind::Milestone } else { Kind::Automated },
        modes: vec![Mode {
            name: None,
            estimate: Estimate {
                amount: Amount::Duration(Span(length)),
                spread: None,
                group: None,
                source: Source::Author,
            },
            pools: Vec::new(),
            crew: Vec::new(),
            consumes: Vec::new(),
        }],
        calendar: ALWAYS,
        split: Split::Closed,
        window: Window::default(),
        due: None,
        priority: 0,
        phase: None,
        spans: None,
        fact: Fact::Open,
        cost: Cost::default(),
    }
}

/// Returns tasks of these lengths, named after their index, and links from finish to start between some.
pub(crate) fn tasks(lengths: &[i64], links: &[(u32, u32)]) -> Problem {
    let mut problem = empty();
    problem.tasks = lengths.iter().map(|length| task(*length)).collect();
    for (index, task) in problem.tasks.iter_mut().enumerate() {
        task.name = format!("t{index}");
    }
    problem.links = links.iter().map(|&(from, to)| link(from, to, LinkKind::FinishStart, 0)).collect();
    problem
}

pub(crate) fn link(from: u32, to: u32, kind: LinkKind, lag: i64) -> Link {
    Link { from: TaskId(from), to: TaskId(to), kind, lag: Span(lag), calendar: ALWAYS }
}

pub(crate) fn pool(capacity: u32) -> Pool {
    Pool { name: "pool".into(), capacity, calendar: ALWAYS, rate: None }
}

pub(crate) fn person(units: u32) -> Person {
    Person {
        name: "person".into(),
        calendar: ALWAYS,
        units,
        day_limit: None,
        skills: Vec::new(),
        rate: None,
        is_placeholder: false,
    }
}

/// Returns a calendar that is open from 9 to 17 UTC on workdays.
pub(crate) fn office() -> Calendar {
    let (open, closed) = (vec![(9 * 60, 17 * 60)], Vec::new());
    let week = [open.clone(), open.clone(), open.clone(), open.clone(), open, closed.clone(), closed];
    Calendar { name: "office".into(), zone: "UTC".into(), week, exceptions: Vec::new(), day: Span(8 * HOUR) }
}

/// Returns a placement from starts and lengths in elapsed time, in the first mode and with nobody.
pub(crate) fn placed(spots: &[(i64, i64)]) -> Placement {
    let placed = |&(start, length): &(i64, i64)| Placed {
        start: Moment(start),
        finish: Moment(start + length),
        mode: 0,
        crew: Vec::new(),
    };
    Placement { tasks: spots.iter().map(placed).collect() }
}

pub(crate) fn arcs_of(problem: &Problem, placement: &Placement) -> Vec<ResourceArc> {
    chain(problem, &Network::new(problem).unwrap(), placement)
}

/// Returns the calendars of a problem over ten years.
pub(crate) fn calendars_of(problem: &Problem) -> Calendars {
    let from = Moment(problem.start.0 - 400 * DAY);
    Calendars::compile(problem, from..Moment(problem.start.0 + 3_652 * DAY)).unwrap()
}

/// Returns the policy of a placement with its arcs.
pub(crate) fn policy_of(problem: &Problem, placement: &Placement) -> Policy {
    let network = Network::new(problem).unwrap();
    let arcs = chain(problem, &network, placement);
    Policy::new(problem, &network, placement, &arcs, &calendars_of(problem))
}

/// Returns the dates of a pass with planned lengths.
pub(crate) fn planned(problem: &Problem, placement: &Placement) -> Vec<(i64, i64)> {
    dates(&policy_of(problem, placement), &planned_lengths(problem, placement))
}

pub(crate) fn dates(policy: &Policy, lengths: &[Span]) -> Vec<(i64, i64)> {
    let mut pass = Pass::default();
    policy.run(lengths, &mut pass).unwrap();
    pass.starts.iter().zip(&pass.finishes).map(|(start, finish)| (start.0, finish.0)).collect()
}

/// What a task holds in the tests: units of pools and of people, and a place in the first phase if `is_phased`.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    pub(crate) length: i64,
    pub(crate) pools: Vec<(u32, u32)>,
    pub(crate) crew: Vec<(u32, u32)>,
    pub(crate) is_phased: bool,
}

/// Returns `problem`, of tasks in the order of their links, with the loads of its tasks, and a placement of it: one task after the other
/// at the first instant at which links and capacities let it begin.
pub(crate) fn loaded(mut problem: Problem, loads: &[Load]) -> (Problem, Placement) {
    for (task, load) in problem.tasks.iter_mut().zip(loads) {
        task.modes[0].pools = load.pools.iter().map(|&(pool, units)| (PoolId(pool), units)).collect();
        task.phase = load.is_phased.then_some(PhaseId(0));
    }
    let mut placement = placed(&[]);
    for (index, load) in loads.iter().enumerate() {
        let into = problem.links.iter().filter(|link| link.to.at() == index);
        let ready = into.map(|link| placement.of(link.from).finish.0).max().unwrap_or(0);
        let ends = placement.tasks.iter().map(|placed| placed.finish.0).filter(|finish| *finish > ready);
        let mut starts: Vec<i64> = ends.chain([ready]).collect();
        starts.sort_unstable();
        let crew: Vec<_> = load.crew.iter().map(|&(person, units)| (PersonId(person), units)).collect();
        let fits = |&start: &i64| {
            let mut tried = placement.clone();
            let (start, finish) = (Moment(start), Moment(start + load.length));
            tried.tasks.push(Placed { start, finish, mode: 0, crew: crew.clone() });
            let dates: Vec<(i64, i64)> =
                tried.tasks.iter().map(|placed| (placed.start.0, placed.finish.0)).collect();
            overload(&problem, &tried, &dates).is_none().then_some(tried)
        };
        placement = starts.iter().find_map(fits).expect("alone everything fits");
    }
    (problem, placement)
}

/// Returns what is used above its capacity at the start of some task, if tasks lie at `dates`: written apart from what is tested.
pub(crate) fn overload(problem: &Problem, placement: &Placement, dates: &[(i64, i64)]) -> Option<String> {
    for &(at, _) in dates {
        let runs = |index: &usize| dates[*index].0 <= at && at < dates[*index].1;
        let running: Vec<usize> = (0..dates.len()).filter(runs).collect();
        let modes = || running.iter().flat_map(|&index| &problem.tasks[index].modes[0].pools);
        for (number, pool) in (0..).zip(&problem.pools) {
            let used: u32 = modes().filter(|(id, _)| id.0 == number).map(|(_, units)| units).sum();
            if used > pool.capacity {
                return Some(format!("pool {number} at {at}: {used}"));
            }
        }
        let crews = || running.iter().flat_map(|&index| &placement.tasks[index].crew);
        for (number, person) in (0..).zip(&problem.people) {
            let used: u32 = crews().filter(|(id, _)| id.0 == number).map(|(_, units)| units).sum();
            if used > person.units {
                return Some(format!("person {number} at {at}: {used}"));
            }
        }
        for (number, phase) in (0..).zip(&problem.phases) {
            let within = running.iter().filter(|&&index| problem.tasks[index].phase == Some(PhaseId(number)));
            if phase.max_parallel.is_some_and(|most| within.count() > most as usize) {
                return Some(format!("phase {number} at {at}"));
            }
        }
    }
    None
}

/// Returns when the office of [`office`] is open over ten years.
pub(crate) fn open_office() -> OpenTime {
    OpenTime::compile(&office(), Moment(MONDAY)..Moment(MONDAY + 3_652 * DAY)).unwrap()
}
