//! What is taken and what is kept, as of one look at the leases.
//!
//! Everything here is counted from the leases at the moment of asking and thrown away after it, so nothing can leak.
//! An attempt that does not get what it asks for *keeps* it from those behind it, so that small demands cannot hold up
//! a large one for ever: what is kept may be taken by others only as far as the large demand would still fit once the
//! leases that are older than it have ended (the conservative half of EASY backfilling: D. Lifka, "The ANL/IBM SP
//! scheduling system", 1995; without durations an exact reservation is not possible).

use std::borrow::Cow;
use std::collections::BTreeMap;

use myrmex_model::id::{FencingToken, RunId};
use myrmex_model::name::Name;
use myrmex_model::time::{Length, Timestamp};

use super::demand::Worker;
use super::nest::Nest;
use super::safety::Safety;
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
    /// What the blocks hold, those of this look too, and claim on top.
    pub(super) safety: Safety<'c>,
    workers: BTreeMap<&'c Name, Taken>,
    pools: BTreeMap<&'c Name, u32>,
    locks: BTreeMap<&'c str, &'c Ready>,
    runs: BTreeMap<RunId, u32>,
    kept_pools: BTreeMap<&'c Name, Kept<'c, u32>>,
    kept_locks: BTreeMap<&'c str, Kept<'c, ()>>,
    kept_workers: BTreeMap<&'c Name, Kept<'c, Taken>>,
}

/// What is taken of a worker.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Taken {
    places: u32,
    resources: BTreeMap<Name, u64>,
}

/// What is kept for one attempt.
#[derive(Debug)]
struct Kept<'c, T> {
    waiter: &'c Ready,
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

    /// Returns that too little is left of a resource, if there is a place; this is what is taken of `worker`.
    fn lacks(&self, (name, worker): (&Name, &Worker), demand: &Demand) -> Option<Wait> {
        let used = |resource: &Name| self.resources.get(resource).copied().unwrap_or(0);
        let has = |resource: &Name| worker.resources.get(resource).copied().unwrap_or(0);
        let is_short =
            |(resource, asked): &(&Name, &u64)| used(resource).saturating_add(**asked) > has(resource);
        let (resource, asked) =
            demand.resources.iter().find(is_short).filter(|_| self.places < worker.slots)?;
        Some(Wait::Resource {
            worker: name.clone(),
            resource: resource.clone(),
            asked: *asked,
            used: used(resource),
            has: has(resource),
            holders: Vec::new(),
        })
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

impl<T> Kept<'_, T> {
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
            safety: Safety::default(),
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

    /// Returns the worker that could run `ready` now (none if it asks for no place), or why it has to wait: without the holders
    /// of a pool or resource, which [`Books::told`] adds. `is_within` says whether it is inside a block that holds something.
    pub(super) fn fit(&self, ready: &'c Ready, is_within: bool) -> Result<Option<&'c Name>, Wait> {
        let demand = ready.demand();
        if !demand.is_placeless
            && let Some(most) = self.capacity.runs.get(&ready.run)
            && self.runs.get(&ready.run).copied().unwrap_or(0) >= *most
        {
            return Err(Wait::Run { most: *most });
        }
        for (pool, asked) in &demand.pools {
            self.fit_pool(pool, *asked)?;
            self.fit_kept(pool, *asked, is_within)?;
        }
        for (pool, asked) in &demand.inside.pools {
            let asked = asked.saturating_add(demand.pools.get(pool).copied().unwrap_or(0));
            self.fit_kept(pool, asked, is_within)?;
        }
        for lock in &demand.locks {
            if let Some(holder) = self.locks.get(lock.as_str()) {
                return Err(Wait::Lock { lock: lock.clone(), holder: Box::new(Ready::clone(holder)) });
            }
            if let Some(keep) = self.kept_locks.get(lock.as_str()).filter(|keep| keep.binds(is_within)) {
                return Err(kept(format!("lock `{lock}`"), keep.waiter));
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
            return Err(Wait::Pool { pool: pool.clone(), asked, used, capacity, holders: Vec::new() });
        }
        Ok(())
    }

    /// Lets a block wait that would hold something for which another block could then wait for ever.
    fn fit_safely(&self, ready: &'c Ready) -> Result<(), Wait> {
        let claim = self.claim(ready);
        match self.safety.risk(ready, &claim, &self.capacity.pools) {
            Some(holder) => Err(Wait::Unsafe { holder: Box::new(holder.clone()) }),
            None => Ok(()),
        }
    }

    /// Returns what is inside `ready` may ask for on top of what it holds. Work that asks for what blocks around it hold of a
    /// lock, or for more than they leave of a pool, fails at once (`around`), so that is not waited for.
    fn claim(&self, ready: &'c Ready) -> Cow<'c, Inside> {
        let demand = ready.demand();
        let inside = &demand.inside;
        if inside.is_empty() {
            return Cow::Borrowed(inside);
        }
        let leases = self.nest.holders_around(ready).filter_map(|token| self.leases.get(&token));
        let around: Vec<&Demand> =
            std::iter::once(demand).chain(leases.map(|lease| lease.ready.demand())).collect();
        let is_held = |lock: &String| around.iter().any(|demand| demand.locks.contains(lock));
        let left = |pool: &Name| {
            let held = around.iter().filter_map(|demand| demand.pools.get(pool));
            let held = held.fold(0_u32, |sum, units| sum.saturating_add(*units));
            let capacity = self.capacity.pools.get(pool).filter(|_| held > 0)?;
            Some(capacity.saturating_sub(held))
        };
        let mut claim = Cow::Borrowed(inside);
        for lock in inside.locks.iter().filter(|lock| is_held(lock)) {
            claim.to_mut().locks.remove(lock);
        }
        for (pool, units) in &inside.pools {
            if let Some(left) = left(pool).filter(|left| left < units) {
                claim.to_mut().pools.insert(pool.clone(), left);
            }
        }
        claim
    }

    /// Returns `wait` with all that it tells people.
    pub(super) fn told(&self, wait: Wait) -> Wait {
        let holders = |holds: &dyn Fn(&Lease) -> bool| -> Vec<Ready> {
            self.leases.values().filter(|lease| holds(lease)).map(|lease| lease.ready.clone()).collect()
        };
        match wait {
            Wait::Pool { pool, asked, used, capacity, .. } => {
                let holders = holders(&|lease| lease.ready.demand().pools.contains_key(&pool));
                Wait::Pool { pool, asked, used, capacity, holders }
            }
            Wait::Resource { worker, resource, asked, used, has, .. } => {
                let holders = holders(&|lease| {
                    lease.worker.as_ref() == Some(&worker)
                        && lease.ready.demand().resources.contains_key(&resource)
                });
                Wait::Resource { worker, resource, asked, used, has, holders }
            }
            other @ (Wait::NoWorker { .. }
            | Wait::Places { .. }
            | Wait::Lock { .. }
            | Wait::Run { .. }
            | Wait::Kept { .. }
            | Wait::Unsafe { .. }) => other,
        }
    }

    fn fit_kept(&self, pool: &Name, asked: u32, is_within: bool) -> Result<(), Wait> {
        let Some(capacity) = self.capacity.pools.get(pool).copied() else { return Ok(()) };
        match self.kept_pools.get(pool).filter(|keep| keep.binds(is_within)) {
            Some(keep) if keep.overtaken.saturating_add(asked).saturating_add(keep.asked) > capacity => {
                Err(kept(format!("pool `{pool}`"), keep.waiter))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Returns the worker with the most free places of those that suit, the first by name among equals. What is kept for one
    /// that may wait for a block does not count `is_within` a block.
    fn fit_worker(&self, demand: &Demand, is_within: bool) -> Result<&'c Name, Wait> {
        let asked = Taken::of(demand);
        let nothing = Taken::default();
        let (mut best, mut reason, mut short) = (None::<(u32, &'c Name)>, None, None);
        let (mut suits, mut taken) = (false, 0);
        for (name, worker) in self.capacity.workers.iter().filter(|(_, worker)| worker.suits(demand)) {
            suits = true;
            let in_use = &self.workers[name];
            taken += in_use.places;
            if !Taken::fit(worker, [in_use, &asked, &nothing]) {
                short = short.or_else(|| in_use.lacks((name, worker), demand));
                continue;
            }
            match self.kept_workers.get(name).filter(|keep| keep.binds(is_within)) {
                Some(keep) if !Taken::fit(worker, [&keep.overtaken, &asked, &keep.asked]) => {
                    reason.get_or_insert_with(|| kept(format!("worker `{name}`"), keep.waiter));
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
            return Ok(name);
        }
        Err(match reason.or(short) {
            Some(reason) => reason,
            None if suits => Wait::Places { taken, before: 0 },
            None => Wait::no_worker(demand),
        })
    }

    /// Counts what `ready` takes from now on.
    pub(super) fn take(&mut self, ready: &'c Ready, worker: Option<&Name>) {
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

    fn count(&mut self, ready: &'c Ready, worker: Option<&Name>) {
        let demand = ready.demand();
        if demand.is_placeless {
            self.safety.add(ready, self.claim(ready));
        }
        *self.runs.entry(ready.run).or_default() += u32::from(!demand.is_placeless);
        for (pool, asked) in &demand.pools {
            let used = self.pools.entry(pool).or_default();
            *used = used.saturating_add(*asked);
        }
        for lock in &demand.locks {
            self.locks.insert(lock, ready);
        }
        // A worker that is gone has no places to count; its leases hold their pools and locks until they end.
        if let Some(taken) = worker.and_then(|worker| self.workers.get_mut(worker)) {
            taken.add(&Taken::of(demand));
        }
    }

    /// Keeps from those behind it what `ready`, which does not fit, lacks; after [`KEEP_ALL_AFTER`] all it asks for.
    pub(super) fn keep(&mut self, order: Order, ready: &'c Ready, now: Timestamp) {
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
                let kept = Kept { waiter: ready, asked: *asked, waits_for_block, overtaken };
                self.kept_pools.insert(pool, kept);
            }
        }
        for lock in &demand.locks {
            if (keeps_all || self.locks.contains_key(lock.as_str()))
                && !self.kept_locks.contains_key(lock.as_str())
            {
                let kept = Kept { waiter: ready, asked: (), waits_for_block, overtaken: () };
                self.kept_locks.insert(lock, kept);
            }
        }
        if !demand.is_placeless
            && (keeps_all
                || matches!(self.fit_worker(demand, false), Err(Wait::Places { .. } | Wait::Resource { .. })))
        {
            self.keep_worker(order, ready, waits_for_block);
        }
    }

    /// Keeps the worker with the most free places of those that suit and that nobody else keeps.
    fn keep_worker(&mut self, order: Order, ready: &'c Ready, waits_for_block: bool) {
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
        let kept = Kept { waiter: ready, asked: Taken::of(demand), waits_for_block, overtaken };
        self.kept_workers.insert(name, kept);
    }

    /// Returns whether a block may have to end before `ready` gets what it asks for, be it that something is kept for
    /// another that waits for a block.
    fn waits_for_block(&self, ready: &Ready) -> bool {
        let demand = ready.demand();
        let of_pool = |pool: &Name| {
            self.safety.holds_of(pool) || self.kept_pools.get(pool).is_some_and(|keep| keep.waits_for_block)
        };
        let of_lock = |lock: &String| {
            self.safety.holds_lock(lock)
                || self.kept_locks.get(lock.as_str()).is_some_and(|keep| keep.waits_for_block)
        };
        let of_worker = |(name, keep): (&&Name, &Kept<'_, Taken>)| {
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
