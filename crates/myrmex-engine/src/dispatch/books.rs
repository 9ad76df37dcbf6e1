//! What is taken and what is kept, as of one look at the leases.
//!
//! Everything here is counted from the leases at the moment of asking and thrown away after it, so nothing can leak.
//! An attempt that does not get what it asks for *keeps* it from those behind it, so that small demands cannot hold up
//! a large one for ever: what is kept may be taken by others only as far as the large demand would still fit once the
//! leases that are older than it have ended (the conservative half of EASY backfilling: D. Lifka, "The ANL/IBM SP
//! scheduling system", 1995; without durations an exact reservation is not possible).

use std::collections::{BTreeMap, BTreeSet};

use myrmex_model::id::{FencingToken, RunId};
use myrmex_model::name::Name;
use myrmex_model::time::{Length, Timestamp};

use super::demand::Worker;
use super::nest::Nest;
use super::safety::stuck;
use super::wait::Wait;
use super::{Demand, Inside, Lease, Order, Ready};

/// How long an attempt must have waited before it keeps also what is free now, because it lacks something else.
///
/// Earlier, a full pool would hide work for a free one; never, an attempt that asks for two pools could wait for ever.
pub const KEEP_ALL_AFTER: Length = Length(60_000);

/// What there is.
#[derive(Debug, Clone, Default)]
pub(super) struct Capacity {
    pub(super) workers: BTreeMap<Name, Worker>,
    pub(super) pools: BTreeMap<Name, u32>,
    pub(super) runs: BTreeMap<RunId, u32>,
}

/// What is taken of it, and kept.
#[derive(Debug)]
pub(super) struct Books<'c> {
    capacity: &'c Capacity,
    leases: &'c BTreeMap<FencingToken, Lease>,
    nest: &'c Nest,
    /// The blocks that hold something, those of this look too.
    blocks: Vec<Ready>,
    /// The tasks of these blocks.
    holders: BTreeMap<RunId, BTreeSet<String>>,
    /// What the blocks hold, and what work inside them asks for on top.
    block_held: Inside,
    block_asked: Inside,
    workers: BTreeMap<&'c Name, Taken>,
    pools: BTreeMap<Name, u32>,
    locks: BTreeMap<String, Ready>,
    runs: BTreeMap<RunId, u32>,
    kept_pools: BTreeMap<Name, Kept<u32>>,
    kept_locks: BTreeMap<String, Kept<()>>,
    kept_workers: BTreeMap<&'c Name, Kept<Taken>>,
}

/// What is taken of a worker.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Taken {
    places: u32,
    resources: BTreeMap<Name, u64>,
}

/// What is kept for one attempt.
#[derive(Debug)]
struct Kept<T> {
    waiter: Ready,
    asked: T,
    /// Whether it may have to wait for the end of a block. What is inside a block takes no notice of it then.
    waits_for_block: bool,
    /// What those behind it took since it waits.
    overtaken: T,
}

impl Taken {
    fn of(demand: &Demand) -> Self {
        Self { places: u32::from(!demand.is_placeless), resources: demand.resources.clone() }
    }

    fn add(&mut self, other: &Self) {
        self.places += other.places;
        for (name, amount) in &other.resources {
            let taken = self.resources.entry(name.clone()).or_default();
            *taken = taken.saturating_add(*amount);
        }
    }

    /// Returns whether all of `parts` together fit into `worker`.
    fn fit(worker: &Worker, parts: [&Self; 3]) -> bool {
        let places: u32 = parts.iter().map(|part| part.places).sum();
        let names = parts.iter().flat_map(|part| part.resources.keys());
        let fits = |name: &Name| {
            let amounts = parts.iter().filter_map(|part| part.resources.get(name));
            let sum = amounts.fold(0_u64, |sum, amount| sum.saturating_add(*amount));
            worker.resources.get(name).is_some_and(|has| sum <= *has)
        };
        places <= worker.slots && names.into_iter().all(fits)
    }
}

impl<T> Kept<T> {
    /// Returns whether it is kept also from what `is_within` a block that holds something.
    fn binds(&self, is_within: bool) -> bool {
        !(is_within && self.waits_for_block)
    }
}

impl<'c> Books<'c> {
    /// Counts what `leases` take.
    pub(super) fn new(
        capacity: &'c Capacity,
        leases: &'c BTreeMap<FencingToken, Lease>,
        nest: &'c Nest,
    ) -> Self {
        let mut books = Self {
            capacity,
            leases,
            nest,
            blocks: Vec::new(),
            holders: BTreeMap::new(),
            block_held: Inside::default(),
            block_asked: Inside::default(),
            workers: capacity.workers.keys().map(|name| (name, Taken::default())).collect(),
            pools: BTreeMap::new(),
            locks: BTreeMap::new(),
            runs: BTreeMap::new(),
            kept_pools: BTreeMap::new(),
            kept_locks: BTreeMap::new(),
            kept_workers: BTreeMap::new(),
        };
        for lease in leases.values() {
            books.count(&lease.ready, lease.worker.as_ref());
        }
        books
    }

    /// Returns the worker that could run `ready` now (none if it asks for no place), or why it has to wait.
    pub(super) fn fit(&self, ready: &Ready) -> Result<Option<Name>, Wait> {
        let demand = ready.demand();
        if !demand.is_placeless
            && let Some(most) = self.capacity.runs.get(&ready.run)
            && self.runs.get(&ready.run).copied().unwrap_or(0) >= *most
        {
            return Err(Wait::Run { most: *most });
        }
        let is_within = self.is_within(ready);
        for (pool, asked) in &demand.pools {
            self.fit_pool(pool, *asked)?;
            self.fit_kept(pool, *asked, is_within)?;
        }
        for (pool, asked) in &demand.inside.pools {
            let asked = asked.saturating_add(demand.pools.get(pool).copied().unwrap_or(0));
            self.fit_kept(pool, asked, is_within)?;
        }
        for lock in &demand.locks {
            if let Some(holder) = self.locks.get(lock) {
                return Err(Wait::Lock { lock: lock.clone(), holder: Box::new(holder.clone()) });
            }
            if let Some(keep) = self.kept_locks.get(lock).filter(|keep| keep.binds(is_within)) {
                return Err(kept(format!("lock `{lock}`"), &keep.waiter));
            }
        }
        if !demand.is_placeless {
            return self.fit_worker(demand, is_within).map(Some);
        }
        self.fit_safely(ready)?;
        Ok(None)
    }

    fn fit_pool(&self, pool: &Name, asked: u32) -> Result<(), Wait> {
        // A pool that was taken away bounds nothing: what waited for it goes on.
        let Some(capacity) = self.capacity.pools.get(pool).copied() else { return Ok(()) };
        let used = self.pools.get(pool).copied().unwrap_or(0);
        if used.saturating_add(asked) > capacity {
            let holds = |lease: &&Lease| lease.ready.demand().pools.contains_key(pool);
            let holders = self.leases.values().filter(holds).map(|lease| lease.ready.clone()).collect();
            return Err(Wait::Pool { pool: pool.clone(), asked, used, capacity, holders });
        }
        Ok(())
    }

    /// Lets a block wait that would hold something for which another block could then wait for ever.
    fn fit_safely(&self, ready: &Ready) -> Result<(), Wait> {
        let asked = ready.demand();
        let is_apart = |of: &Inside| {
            asked.pools.keys().all(|pool| !of.pools.contains_key(pool)) && asked.locks.is_disjoint(&of.locks)
        };
        if asked.inside.is_empty() && is_apart(&self.block_asked) && !self.is_within(ready) {
            return Ok(());
        }
        let mut blocks: Vec<&Ready> = self.blocks.iter().collect();
        let before = stuck(&blocks, &self.capacity.pools, self.nest);
        blocks.push(ready);
        // What could never be done does not become possible by waiting; the check says so before.
        if !stuck(&[ready], &self.capacity.pools, self.nest).is_empty() {
            return Ok(());
        }
        // Nor does it help a block that can never end anyway if others wait.
        let after = stuck(&blocks, &self.capacity.pools, self.nest);
        let before: BTreeSet<_> = before.iter().map(|block| (block.run, &block.task)).collect();
        let found = after.into_iter().find(|block| !before.contains(&(block.run, &block.task)));
        let Some(at_risk) = found else { return Ok(()) };
        let is_own = std::ptr::eq(at_risk, ready);
        let holder = if is_own { self.blocks.first().unwrap_or(ready) } else { at_risk };
        Err(Wait::Unsafe { holder: Box::new(holder.clone()) })
    }

    fn fit_kept(&self, pool: &Name, asked: u32, is_within: bool) -> Result<(), Wait> {
        let Some(capacity) = self.capacity.pools.get(pool).copied() else { return Ok(()) };
        match self.kept_pools.get(pool).filter(|keep| keep.binds(is_within)) {
            Some(keep) if keep.overtaken.saturating_add(asked).saturating_add(keep.asked) > capacity => {
                Err(kept(format!("pool `{pool}`"), &keep.waiter))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Returns the worker with the most free places of those that suit, the first by name among equals. What is kept for one
    /// that may wait for a block does not count `is_within` a block.
    fn fit_worker(&self, demand: &Demand, is_within: bool) -> Result<Name, Wait> {
        let asked = Taken::of(demand);
        let nothing = Taken::default();
        let (mut best, mut reason) = (None::<(u32, &Name)>, None);
        let (mut suits, mut taken) = (false, 0);
        for (name, worker) in self.capacity.workers.iter().filter(|(_, worker)| worker.suits(demand)) {
            suits = true;
            let in_use = &self.workers[name];
            taken += in_use.places;
            if !Taken::fit(worker, [in_use, &asked, &nothing]) {
                continue;
            }
            match self.kept_workers.get(name).filter(|keep| keep.binds(is_within)) {
                Some(keep) if !Taken::fit(worker, [&keep.overtaken, &asked, &keep.asked]) => {
                    reason.get_or_insert_with(|| kept(format!("worker `{name}`"), &keep.waiter));
                }
                Some(_) | None => {
                    let free = worker.slots - in_use.places;
                    if best.is_none_or(|(most, _)| free > most) {
                        best = Some((free, name));
                    }
                }
            }
        }
        if let Some((_, name)) = best {
            return Ok(name.clone());
        }
        Err(match reason {
            Some(reason) => reason,
            None if suits => Wait::Places { taken, before: 0 },
            None => Wait::no_worker(demand),
        })
    }

    /// Counts what `ready` takes from now on.
    pub(super) fn take(&mut self, ready: &Ready, worker: Option<&Name>) {
        self.count(ready, worker);
        let demand = ready.demand();
        for (pool, asked) in &demand.pools {
            if let Some(keep) = self.kept_pools.get_mut(pool) {
                keep.overtaken = keep.overtaken.saturating_add(*asked);
            }
        }
        if let Some(keep) = worker.and_then(|worker| self.kept_workers.get_mut(worker)) {
            keep.overtaken.add(&Taken::of(demand));
        }
    }

    fn count(&mut self, ready: &Ready, worker: Option<&Name>) {
        let demand = ready.demand();
        if demand.is_placeless {
            self.blocks.push(ready.clone());
            self.holders.entry(ready.run).or_default().insert(ready.task.as_str().to_owned());
            let held = Inside { pools: demand.pools.clone(), locks: demand.locks.clone() };
            self.block_held.cover(&held);
            self.block_asked.cover(&demand.inside);
        }
        *self.runs.entry(ready.run).or_default() += u32::from(!demand.is_placeless);
        for (pool, asked) in &demand.pools {
            let used = self.pools.entry(pool.clone()).or_default();
            *used = used.saturating_add(*asked);
        }
        for lock in &demand.locks {
            self.locks.insert(lock.clone(), ready.clone());
        }
        // A worker that is gone has no places to count; its leases hold their pools and locks until they end.
        if let Some(taken) = worker.and_then(|worker| self.workers.get_mut(worker)) {
            taken.add(&Taken::of(demand));
        }
    }

    /// Keeps from those behind it what `ready`, which does not fit, lacks; after [`KEEP_ALL_AFTER`] all it asks for.
    pub(super) fn keep(&mut self, order: Order, ready: &Ready, now: Timestamp) {
        let demand = ready.demand();
        let keeps_all = now.since(ready.since) >= KEEP_ALL_AFTER;
        if self.can_never_fit(ready) {
            return;
        }
        let waits_for_block = self.waits_for_block(ready);
        for (pool, asked) in &demand.pools {
            let lacks = self.capacity.pools.get(pool).is_some_and(|capacity| {
                self.pools.get(pool).copied().unwrap_or(0).saturating_add(*asked) > *capacity
            });
            if (lacks || keeps_all) && !self.kept_pools.contains_key(pool) {
                let overtaken =
                    self.behind(order, ready).filter_map(|lease| lease.ready.demand().pools.get(pool));
                let overtaken = overtaken.fold(0_u32, |sum, units| sum.saturating_add(*units));
                let kept = Kept { waiter: ready.clone(), asked: *asked, waits_for_block, overtaken };
                self.kept_pools.insert(pool.clone(), kept);
            }
        }
        for lock in &demand.locks {
            if (keeps_all || self.locks.contains_key(lock)) && !self.kept_locks.contains_key(lock) {
                let kept = Kept { waiter: ready.clone(), asked: (), waits_for_block, overtaken: () };
                self.kept_locks.insert(lock.clone(), kept);
            }
        }
        if !demand.is_placeless
            && (keeps_all || matches!(self.fit_worker(demand, false), Err(Wait::Places { .. })))
        {
            self.keep_worker(order, ready, waits_for_block);
        }
    }

    /// Keeps the worker with the most free places of those that suit and that nobody else keeps.
    fn keep_worker(&mut self, order: Order, ready: &Ready, waits_for_block: bool) {
        let demand = ready.demand();
        let is_free = |(name, worker): &(&'c Name, &'c Worker)| {
            worker.suits(demand) && !self.kept_workers.contains_key(name)
        };
        let free = |(name, worker): &(&'c Name, &'c Worker)| {
            (worker.slots.saturating_sub(self.workers[name].places), std::cmp::Reverse(*name))
        };
        let Some((name, _)) = self.capacity.workers.iter().filter(is_free).max_by_key(free) else { return };
        let mut overtaken = Taken::default();
        for lease in self.behind(order, ready).filter(|lease| lease.worker.as_ref() == Some(name)) {
            overtaken.add(&Taken::of(lease.ready.demand()));
        }
        let kept = Kept { waiter: ready.clone(), asked: Taken::of(demand), waits_for_block, overtaken };
        self.kept_workers.insert(name, kept);
    }

    /// Returns whether any block holds something.
    pub(super) fn has_holders(&self) -> bool {
        !self.holders.is_empty()
    }

    /// Returns whether `ready` is inside a block that holds something.
    pub(super) fn is_within(&self, ready: &Ready) -> bool {
        !self.holders.is_empty()
            && self
                .nest
                .around(ready)
                .any(|(run, task)| self.holders.get(&run).is_some_and(|tasks| tasks.contains(task)))
    }

    /// Returns whether a block may have to end before `ready` gets what it asks for, be it that something is kept for
    /// another that waits for a block.
    fn waits_for_block(&self, ready: &Ready) -> bool {
        let demand = ready.demand();
        let of_pool = |pool: &Name| {
            self.block_held.pools.contains_key(pool)
                || self.kept_pools.get(pool).is_some_and(|keep| keep.waits_for_block)
        };
        let of_lock = |lock: &String| {
            self.block_held.locks.contains(lock)
                || self.kept_locks.get(lock).is_some_and(|keep| keep.waits_for_block)
        };
        let of_worker = |(name, keep): (&&Name, &Kept<Taken>)| {
            keep.waits_for_block && self.capacity.workers[*name].suits(demand)
        };
        !demand.inside.is_empty()
            || demand.pools.keys().any(of_pool)
            || demand.locks.iter().any(of_lock)
            || (!demand.is_placeless && self.kept_workers.iter().any(of_worker))
    }

    /// Returns whether what `ready` asks for is more than there is; it keeps nothing then, for it waits for a change of
    /// what there is.
    fn can_never_fit(&self, ready: &Ready) -> bool {
        let demand = ready.demand();
        let too_much = |(pool, asked): (&Name, &u32)| {
            self.capacity.pools.get(pool).is_some_and(|capacity| asked > capacity)
        };
        demand.pools.iter().any(too_much)
            || (!demand.is_placeless && !self.capacity.workers.values().any(|worker| worker.suits(demand)))
    }

    /// Returns the leases of attempts that stood behind `ready` and were granted while it waited.
    fn behind(&self, order: Order, ready: &Ready) -> impl Iterator<Item = &'c Lease> + use<'c> {
        let since = ready.since;
        self.leases.values().filter(move |lease| lease.order > order && lease.at >= since)
    }
}

fn kept(what: String, waiter: &Ready) -> Wait {
    Wait::Kept { what, waiter: Box::new(waiter.clone()) }
}
