//! What the attempts of a run lacked while they waited.
//!
//! The journal does not say it: what keeps an attempt waiting changes while it waits. It is found again by what the run itself held half-way
//! through the wait, which costs one look for each wait, however many there are.

use std::collections::BTreeMap;

use myrmex_model::address::Address;
use myrmex_model::demand::{Asks, Demand, Named};
use myrmex_model::name::Name;
use myrmex_model::time::{Length, Timestamp};

use super::timeline::Timeline;

/// What an attempt, or a block that is to hold something, lacked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lack {
    /// A place on a worker: its places, what it has of resources, or what `max_parallel` of the run allows were taken.
    Place,
    /// Units of this pool.
    Pool(Name),
    /// This lock.
    Lock(String),
}

/// A time that was waited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// Who waited, as its place in [`Timeline::tasks`].
    pub task: usize,
    /// From when.
    pub from: Timestamp,
    /// Until when: later than `from`.
    pub to: Timestamp,
    /// What for.
    pub lack: Lack,
}

/// Something that was asked for at `queued` and held from `granted` to `released`.
struct Lease {
    task: usize,
    queued: Timestamp,
    granted: Timestamp,
    released: Timestamp,
    demand: Demand,
}

/// What happens at an instant, in the order in which it counts there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    Release,
    Grant,
    Look,
}

/// Returns the waits of a run that are over, in the order in which leases were asked for by each task.
///
/// `asks` gives what the task at an address asks for, `capacities` how much there is of each pool. A wait is for a pool or a lock if the
/// run itself had it half-way through the wait, for a place if as many attempts were under way then as there ever were, and otherwise for the
/// pool or lock that it asked for, which another run must have had.
pub fn waits(
    timeline: &Timeline,
    asks: &dyn Fn(&Address) -> Option<Asks>,
    capacities: &BTreeMap<Name, u32>,
) -> Vec<Wait> {
    let leases = leases(timeline, asks);
    let mut turns: Vec<(Timestamp, Turn, usize)> = Vec::new();
    for (index, lease) in leases.iter().enumerate() {
        // At one instant what is given back comes first: what is held for no time would stay held.
        if lease.released > lease.granted {
            turns.push((lease.granted, Turn::Grant, index));
            turns.push((lease.released, Turn::Release, index));
        }
        if lease.granted > lease.queued {
            let half = lease.granted.0.saturating_sub(lease.queued.0) / 2;
            turns.push((Timestamp(lease.queued.0.saturating_add(half)), Turn::Look, index));
        }
    }
    turns.sort_unstable();
    let most = most_under_way(&leases, &turns);
    let mut held = Holding::default();
    let mut found: BTreeMap<usize, Lack> = BTreeMap::new();
    for (_, turn, index) in turns {
        let lease = &leases[index];
        match turn {
            Turn::Release => held.change(&lease.demand, false),
            Turn::Grant => held.change(&lease.demand, true),
            Turn::Look => {
                found.insert(index, held.lack(&lease.demand, capacities, most));
            }
        }
    }
    let wait = |(index, lack): (usize, Lack)| {
        let Lease { task, queued, granted, .. } = leases[index];
        Wait { task, from: queued, to: granted, lack }
    };
    found.into_iter().map(wait).collect()
}

/// Returns how much time a set of spans covers, what overlaps counted once.
pub fn covered(mut spans: Vec<(Timestamp, Timestamp)>) -> Length {
    spans.sort_unstable();
    let (mut sum, mut until) = (0_i64, Timestamp(i64::MIN));
    for (from, to) in spans {
        let from = from.max(until);
        if to > from {
            sum = sum.saturating_add(to.0 - from.0);
            until = to;
        }
    }
    Length(u64::try_from(sum).unwrap_or(0) / 1_000_000)
}

fn leases(timeline: &Timeline, asks: &dyn Fn(&Address) -> Option<Asks>) -> Vec<Lease> {
    let last = timeline.last.unwrap_or(Timestamp(0));
    let mut leases = Vec::new();
    for (task, own) in timeline.tasks().iter().enumerate() {
        let asked = asks(&own.address).unwrap_or_default();
        let demand = |named: Option<&Named>| asked.demand(named);
        for attempt in &own.attempts {
            let Some((granted, _)) = &attempt.granted else { continue };
            leases.push(Lease {
                task,
                queued: attempt.queued,
                granted: *granted,
                released: attempt.ended.unwrap_or(last),
                demand: demand(attempt.named.as_deref()),
            });
        }
        if let Some(held) = &own.held
            && let Some(granted) = held.granted
        {
            let released = own.ended.map_or(last, |(ended, _)| ended);
            let demand = Demand { is_placeless: true, ..demand(held.named.as_deref()) };
            leases.push(Lease { task, queued: held.queued, granted, released, demand });
        }
    }
    leases
}

fn most_under_way(leases: &[Lease], turns: &[(Timestamp, Turn, usize)]) -> usize {
    let (mut now, mut most) = (0_usize, 0);
    for (_, turn, index) in turns {
        if leases[*index].demand.is_placeless {
            continue;
        }
        match turn {
            Turn::Release => now = now.saturating_sub(1),
            Turn::Grant => now += 1,
            Turn::Look => {}
        }
        most = most.max(now);
    }
    most
}

/// What a run holds at an instant.
#[derive(Default)]
struct Holding {
    pools: BTreeMap<Name, u32>,
    locks: BTreeMap<String, u32>,
    under_way: usize,
}

impl Holding {
    fn change(&mut self, demand: &Demand, is_more: bool) {
        let changed =
            |now: u32, by: u32| if is_more { now.saturating_add(by) } else { now.saturating_sub(by) };
        for (pool, units) in &demand.pools {
            let held = self.pools.entry(pool.clone()).or_default();
            *held = changed(*held, *units);
        }
        for lock in &demand.locks {
            let held = self.locks.entry(lock.clone()).or_default();
            *held = changed(*held, 1);
        }
        if !demand.is_placeless {
            self.under_way = if is_more { self.under_way + 1 } else { self.under_way.saturating_sub(1) };
        }
    }

    fn lack(&self, demand: &Demand, capacities: &BTreeMap<Name, u32>, most: usize) -> Lack {
        let is_full = |(pool, units): &(&Name, &u32)| {
            let held = self.pools.get(*pool).copied().unwrap_or(0);
            capacities.get(*pool).is_some_and(|capacity| held.saturating_add(**units) > *capacity)
        };
        if let Some((pool, _)) = demand.pools.iter().find(is_full) {
            return Lack::Pool(pool.clone());
        }
        let is_held = |lock: &&String| self.locks.get(*lock).is_some_and(|held| *held > 0);
        if let Some(lock) = demand.locks.iter().find(is_held) {
            return Lack::Lock(lock.clone());
        }
        if self.under_way >= most && !demand.is_placeless {
            return Lack::Place;
        }
        let pool = demand.pools.keys().next().cloned().map(Lack::Pool);
        let lock = demand.locks.iter().next().cloned().map(Lack::Lock);
        pool.or(lock).unwrap_or(Lack::Place)
    }
}
