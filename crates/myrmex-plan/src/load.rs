//! How much of every pool and person a plan uses, and where the earliest dates would ask for more than there is.
//!
//! A task uses what it holds from its start to its finish, pauses included. The sweep over starts and finishes is exact: what ends at an
//! instant is given back before what begins there takes.

use std::collections::BTreeMap;

use crate::chain::Resource;
use crate::outcome::{Load, Overload};
use crate::problem::{Moment, Problem, TaskId};

/// What a task uses from one instant to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Use {
    /// The task.
    pub task: TaskId,
    /// Of what.
    pub resource: Resource,
    /// Units of a pool, thousandths of a person; more than zero.
    pub units: u64,
    /// From when on.
    pub from: Moment,
    /// Until when.
    pub to: Moment,
}

/// Computes the load of all that is used by anybody: pools first, each kind by its index.
///
/// `planned` is what the plan uses, and `early` what the earliest dates would. The time over which the utilisation counts goes from `within.0` to
/// `within.1`.
pub fn loads(problem: &Problem, planned: &[Use], early: &[Use], within: (Moment, Moment)) -> Vec<Load> {
    let (planned, early) = (by_resource(planned), by_resource(early));
    let mut resources: Vec<Resource> = planned.keys().chain(early.keys()).copied().collect();
    resources.sort_unstable();
    resources.dedup();
    let none = Vec::new();
    let uses = |of: &BTreeMap<Resource, Vec<Use>>, resource| of.get(&resource).unwrap_or(&none).clone();
    resources
        .into_iter()
        .map(|resource| {
            let capacity = capacity(problem, resource);
            let profile = profile(&uses(&planned, resource));
            Load {
                resource,
                capacity,
                peak: profile.iter().map(|&(_, used)| used).max().unwrap_or(0),
                utilisation_millionths: utilisation(&profile, capacity, within),
                overloads: overloads(&uses(&early, resource), capacity),
                profile,
            }
        })
        .collect()
}

/// Returns how much there is of a resource: units of a pool, thousandths of a person, tasks of a phase.
fn capacity(problem: &Problem, resource: Resource) -> u64 {
    match resource {
        Resource::Pool(pool) => u64::from(problem.pools[pool.at()].capacity),
        Resource::Person(person) => u64::from(problem.people[person.at()].units),
        Resource::Phase(phase) => u64::from(problem.phases[phase.at()].max_parallel.unwrap_or(0)),
    }
}

fn by_resource(uses: &[Use]) -> BTreeMap<Resource, Vec<Use>> {
    let mut sorted: BTreeMap<Resource, Vec<Use>> = BTreeMap::new();
    for used in uses.iter().filter(|used| used.from < used.to) {
        sorted.entry(used.resource).or_default().push(*used);
    }
    sorted
}

/// Returns from when on how much is used: one entry for each instant at which that changes.
fn profile(uses: &[Use]) -> Vec<(Moment, u64)> {
    let mut changes: BTreeMap<Moment, i128> = BTreeMap::new();
    for one in uses {
        *changes.entry(one.from).or_default() += i128::from(one.units);
        *changes.entry(one.to).or_default() -= i128::from(one.units);
    }
    let mut sum = 0_i128;
    let steps = changes.into_iter().filter(|&(_, change)| change != 0);
    steps
        .map(|(at, change)| {
            sum += change;
            (at, u64::try_from(sum).unwrap_or(u64::MAX))
        })
        .collect()
}

/// Returns use over capacity, in millionths.
fn utilisation(profile: &[(Moment, u64)], capacity: u64, (from, to): (Moment, Moment)) -> u64 {
    let all = i128::from(capacity) * i128::from(to.0 - from.0);
    if all <= 0 {
        return 0;
    }
    let used: i128 = profile
        .windows(2)
        .map(|pair| {
            let length = pair[1].0.min(to).0 - pair[0].0.max(from).0;
            i128::from(pair[0].1) * i128::from(length.max(0))
        })
        .sum();
    u64::try_from(used * 1_000_000 / all).unwrap_or(u64::MAX)
}

/// Returns the stretches in which more than `capacity` is asked for, each as long as it lasts.
fn overloads(uses: &[Use], capacity: u64) -> Vec<Overload> {
    let profile = profile(uses);
    let mut found: Vec<Overload> = Vec::new();
    for pair in profile.windows(2) {
        let ((from, units), (to, _)) = (pair[0], pair[1]);
        if units <= capacity {
            continue;
        }
        match found.last_mut().filter(|last| last.to == from) {
            Some(last) => (last.to, last.units) = (to, last.units.max(units)),
            None => found.push(Overload { from, to, units, tasks: Vec::new() }),
        }
    }
    for overload in &mut found {
        let inside = uses.iter().filter(|used| used.from < overload.to && overload.from < used.to);
        overload.tasks = inside.map(|used| used.task).collect();
        overload.tasks.sort_unstable();
        overload.tasks.dedup();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::PoolId;

    fn used(task: u32, units: u64, from: i64, to: i64) -> Use {
        Use {
            task: TaskId(task),
            resource: Resource::Pool(PoolId(0)),
            units,
            from: Moment(from),
            to: Moment(to),
        }
    }

    #[test]
    fn what_ends_is_given_back_before_what_begins_takes() {
        let uses = [used(0, 2, 0, 10), used(1, 2, 10, 20), used(2, 1, 5, 15)];
        let expected = [(0, 2), (5, 3), (15, 2), (20, 0)].map(|(at, units)| (Moment(at), units));
        assert_eq!(profile(&uses), expected);
        assert_eq!(overloads(&uses, 3), []);
        assert_eq!(utilisation(&expected, 3, (Moment(0), Moment(20))), 833_333);
        assert_eq!(utilisation(&expected, 3, (Moment(20), Moment(20))), 0, "no time is not used");
    }

    #[test]
    fn an_overload_is_one_stretch_and_names_who_asks() {
        let uses = [used(0, 1, 0, 10), used(1, 1, 2, 6), used(2, 1, 4, 8), used(3, 1, 20, 30)];
        let found = overloads(&uses, 1);
        let expected = Overload {
            from: Moment(2),
            to: Moment(8),
            units: 3,
            tasks: vec![TaskId(0), TaskId(1), TaskId(2)],
        };
        assert_eq!(found, [expected]);
    }

    #[test]
    fn a_use_of_no_time_uses_nothing() {
        assert_eq!(by_resource(&[used(0, 1, 5, 5)]), BTreeMap::new());
    }
}
