//! The dispatch machine: which waiting attempt gets which free place; beside it, [`Admission`] says which waiting run gets
//! its place among those of its workflow.
//!
//! It holds the attempts that wait, the leases under way, and what there is to give: places of workers, pools, locks.
//! What is taken is always counted from the leases themselves, never kept in a counter that could leak. A grant becomes
//! a lease at once; whoever drives the machine commits the grant with the turn that made it, or drops the machine and
//! builds it again from the store.
//!
//! Order: by time of arrival, with a head start for each class of [`Priority`]. Attempts that ask for the same form a
//! queue of their own: if its first cannot be served none of it can, and the others are looked at regardless, so that a
//! full pool never hides work for a free one.

#[cfg(test)]
mod block_tests;
mod books;
mod demand;
mod nest;
mod safety;
#[cfg(test)]
mod tests;
mod wait;

mod admission;

use std::collections::BTreeMap;
use std::sync::Arc;

use myrmex_model::address::Address;
use myrmex_model::id::{Attempt, Epoch, FencingToken, RunId};
use myrmex_model::name::Name;
use myrmex_model::time::Timestamp;

pub use books::KEEP_ALL_AFTER;
use books::{Books, Capacity};
use demand::head_start_ns;
pub use demand::{CLASS_HEAD_START, Worker};
pub use myrmex_model::demand::{Demand, Inside, Priority};
use nest::Nest;
pub use wait::Wait;

pub use admission::{Admission, Applicant, Group, Ruling};

/// The most attempts one worker may run at a time: each needs a process and two pipes.
pub const SLOTS_MAX: u32 = 1_024;

/// What most attempts ask for: one place, and nothing else.
static PLAIN: Demand = Demand {
    priority: Priority::Normal,
    pools: BTreeMap::new(),
    locks: std::collections::BTreeSet::new(),
    labels: std::collections::BTreeSet::new(),
    resources: BTreeMap::new(),
    is_placeless: false,
    inside: Inside { pools: BTreeMap::new(), locks: std::collections::BTreeSet::new() },
};

/// Waiting attempts, leases, and what there is to give.
#[derive(Debug, Clone)]
pub struct Dispatch {
    epoch: Epoch,
    /// The counter of the next fencing token.
    counter: u32,
    capacity: Capacity,
    queues: BTreeMap<Class, BTreeMap<Order, Ready>>,
    /// Where each waiting task stands.
    places: BTreeMap<(RunId, Address), (Class, Order)>,
    arrived: u64,
    leases: BTreeMap<FencingToken, Lease>,
    nest: Nest,
}

/// An attempt that waits for a place, or has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready {
    /// Its run.
    pub run: RunId,
    /// Its task.
    pub task: Address,
    /// Its number.
    pub attempt: Attempt,
    /// Since when it waits.
    pub since: Timestamp,
    /// What it asks for; none for one place and nothing else.
    pub demand: Option<Arc<Demand>>,
}

impl Ready {
    /// Returns an attempt that asks for one place and nothing else.
    pub fn plain(run: RunId, task: Address, attempt: Attempt, since: Timestamp) -> Self {
        Self { run, task, attempt, since, demand: None }
    }

    fn demand(&self) -> &Demand {
        self.demand.as_deref().unwrap_or(&PLAIN)
    }
}

/// A lease that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// What tells it from every other.
    pub token: FencingToken,
    /// Which worker has it; none if it takes no place.
    pub worker: Option<Name>,
    /// Who has it.
    pub ready: Ready,
}

/// A lease under way.
#[derive(Debug, Clone)]
struct Lease {
    ready: Ready,
    worker: Option<Name>,
    order: Order,
    at: Timestamp,
}

/// Attempts that can be served alike: of the same run where that has a bound, and with the same demand.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Class {
    run: Option<RunId>,
    demand: Option<Arc<Demand>>,
}

/// The place in the order of all that wait, smaller first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Order {
    /// Nanoseconds: the time of arrival less the head start of the class.
    rank: i64,
    /// How many arrived before; tells apart those of the same instant.
    arrival: u64,
}

/// What a look at the queues brought.
#[derive(Debug, Default)]
struct Look {
    chosen: Vec<(Class, Order, Option<Name>)>,
    wait: Option<Wait>,
}

impl Dispatch {
    /// Creates the machine of the owner with this epoch, without workers and pools.
    pub fn new(epoch: Epoch) -> Self {
        Self {
            epoch,
            counter: 0,
            capacity: Capacity::default(),
            queues: BTreeMap::new(),
            places: BTreeMap::new(),
            arrived: 0,
            leases: BTreeMap::new(),
            nest: Nest::default(),
        }
    }

    /// Says what a worker offers from now on; none if it is gone. Its leases stay until they are released.
    pub fn set_worker(&mut self, name: Name, worker: Option<Worker>) {
        match worker {
            Some(worker) => {
                let slots = worker.slots.min(SLOTS_MAX);
                self.capacity.workers.insert(name, Worker { slots, ..worker })
            }
            None => self.capacity.workers.remove(&name),
        };
    }

    /// Returns what a worker offers.
    pub fn worker(&self, name: &Name) -> Option<&Worker> {
        self.capacity.workers.get(name)
    }

    /// Says how much there is of a pool from now on; none if there is no such pool any more, which bounds nothing.
    ///
    /// Leases stay, also where there are more of them now than there may be: what is given is never taken back.
    pub fn set_pool(&mut self, name: Name, capacity: Option<u32>) {
        match capacity {
            Some(capacity) => self.capacity.pools.insert(name, capacity),
            None => self.capacity.pools.remove(&name),
        };
    }

    /// Bounds how many attempts of a run may have a place at a time; none takes the bound away.
    pub fn limit(&mut self, run: RunId, most: Option<u32>) {
        match most {
            Some(most) => self.capacity.runs.insert(run, most.max(1)),
            None => self.capacity.runs.remove(&run),
        };
        let first = (run, Address::root());
        let waiting = self.places.range(first..).take_while(|((of, _), _)| *of == run);
        let moved: Vec<_> = waiting
            .filter(|(_, (class, _))| class.run.is_some() != most.is_some())
            .map(|(key, (class, order))| (key.clone(), class.clone(), *order))
            .collect();
        for (key, class, order) in moved {
            let Some(ready) = self.take(&class, order) else { continue };
            let class = Class { run: most.map(|_| run), ..class };
            self.queues.entry(class.clone()).or_default().insert(order, ready);
            self.places.insert(key, (class, order));
        }
    }

    /// Notes which task of which run waits for the end of `run`; none if nobody does, or the run is over.
    pub fn nest(&mut self, run: RunId, caller: Option<(RunId, Address)>) {
        self.nest.set(run, caller);
    }

    /// Lets an attempt wait. An attempt of a task that waits already takes that one's place.
    pub fn enqueue(&mut self, ready: Ready) {
        let key = (ready.run, ready.task.clone());
        let order = if let Some((class, order)) = self.places.remove(&key) {
            self.take(&class, order);
            order
        } else {
            self.order_of(&ready)
        };
        let run = self.capacity.runs.contains_key(&ready.run).then_some(ready.run);
        let class = Class { run, demand: ready.demand.clone() };
        self.queues.entry(class.clone()).or_default().insert(order, ready);
        self.places.insert(key, (class, order));
    }

    /// Lets the attempt of a task wait no longer.
    pub fn withdraw(&mut self, run: RunId, task: &Address) {
        if let Some((class, order)) = self.places.remove(&(run, task.clone())) {
            self.take(&class, order);
        }
    }

    /// Takes a lease over that an earlier decision made, at the instant it was made.
    pub fn adopt(&mut self, grant: Grant, at: Timestamp) {
        let Grant { token, worker, ready } = grant;
        let order = self.order_of(&ready);
        self.leases.insert(token, Lease { ready, worker, order, at });
    }

    /// Ends a lease; what it held is free. A token that holds no lease changes nothing.
    pub fn release(&mut self, token: FencingToken) {
        self.leases.remove(&token);
    }

    /// Returns how many attempts wait.
    pub fn waiting(&self) -> usize {
        self.places.len()
    }

    /// Returns the leases under way.
    pub fn leases(&self) -> impl Iterator<Item = (FencingToken, &Ready)> {
        self.leases.iter().map(|(token, lease)| (*token, &lease.ready))
    }

    /// Returns how many attempts have a place on a worker.
    pub fn places_taken(&self) -> usize {
        self.leases.values().filter(|lease| lease.worker.is_some()).count()
    }

    /// Returns whether no worker, however idle, could run what waits for a task.
    pub fn suits_nobody(&self, run: RunId, task: &Address) -> Option<Wait> {
        let (class, order) = self.places.get(&(run, task.clone()))?;
        let ready = self.queues.get(class)?.get(order)?;
        let demand = ready.demand();
        let suits = demand.is_placeless || self.capacity.workers.values().any(|worker| worker.suits(demand));
        (!suits).then(|| Wait::no_worker(demand))
    }

    /// Gives what is free to the attempts that wait, in their order.
    ///
    /// Costs as much as there are leases, workers, and different demands that wait, and then the logarithm of these for
    /// each grant. Tokens grow strictly over all grants of all epochs.
    pub fn grant(&mut self, now: Timestamp) -> Vec<Grant> {
        if !self.may_serve() {
            return Vec::new();
        }
        let mut grants = Vec::new();
        for (class, order, worker) in self.look(now, None).chosen {
            if self.counter == u32::MAX {
                break;
            }
            let Some(ready) = self.take(&class, order) else { continue };
            self.places.remove(&(ready.run, ready.task.clone()));
            self.counter += 1;
            let token = FencingToken::new(self.epoch, self.counter);
            let lease = Lease { ready: ready.clone(), worker: worker.clone(), order, at: now };
            self.leases.insert(token, lease);
            grants.push(Grant { token, worker, ready });
        }
        grants
    }

    /// Returns why the attempt of a task waits; none if none does, or if it would be served at once.
    pub fn why(&self, run: RunId, task: &Address, now: Timestamp) -> Option<Wait> {
        let (class, order) = self.places.get(&(run, task.clone()))?;
        let wait = self.look(now, Some((class, *order))).wait?;
        Some(match wait {
            Wait::Places { taken, .. } => {
                let before = self.queues.values().map(|queue| queue.range(..*order).count()).sum();
                Wait::Places { taken, before }
            }
            other @ (Wait::NoWorker { .. }
            | Wait::Pool { .. }
            | Wait::Lock { .. }
            | Wait::Run { .. }
            | Wait::Kept { .. }
            | Wait::Unsafe { .. }) => other,
        })
    }

    /// Returns whether looking at the queues could bring anything.
    fn may_serve(&self) -> bool {
        if self.places.is_empty() {
            return false;
        }
        let mut free: BTreeMap<&Name, u32> =
            self.capacity.workers.iter().map(|(name, worker)| (name, worker.slots)).collect();
        for worker in self.leases.values().filter_map(|lease| lease.worker.as_ref()) {
            if let Some(places) = free.get_mut(worker) {
                *places = places.saturating_sub(1);
            }
        }
        let is_placeless = |class: &Class| class.demand.as_ref().is_some_and(|demand| demand.is_placeless);
        free.values().any(|places| *places > 0) || self.queues.keys().any(is_placeless)
    }

    /// Looks through the queues in order: who would be served now, and why the one at `asked` would not.
    fn look(&self, now: Timestamp, asked: Option<(&Class, Order)>) -> Look {
        let mut look = Look::default();
        let mut books = Books::new(&self.capacity, &self.leases, &self.nest);
        let mut heads: BTreeMap<Order, &Class> = BTreeMap::new();
        for (class, queue) in &self.queues {
            heads.extend(queue.first_key_value().map(|(order, _)| (*order, class)));
        }
        while let Some((order, class)) = heads.pop_first() {
            let queue = &self.queues[class];
            let ready = &queue[&order];
            match books.fit(ready) {
                Ok(_) if asked == Some((class, order)) => return look,
                Ok(worker) => {
                    books.take(ready, worker.as_ref());
                    look.chosen.push((class.clone(), order, worker));
                    let after = (std::ops::Bound::Excluded(order), std::ops::Bound::Unbounded);
                    if let Some((next, _)) = queue.range(after).next() {
                        heads.insert(*next, class);
                    }
                }
                Err(wait) if asked.is_some_and(|(of, _)| of == class) => {
                    look.wait = Some(wait);
                    return look;
                }
                Err(wait) => {
                    // What is kept for another may not be kept from those inside a block, who may stand behind.
                    let after = (std::ops::Bound::Excluded(order), std::ops::Bound::Unbounded);
                    let is_kept = matches!(wait, Wait::Kept { .. } | Wait::Unsafe { .. });
                    if is_kept && books.has_holders() && !books.is_within(ready) {
                        let mut behind = queue.range(after).filter(|(_, ready)| books.is_within(ready));
                        heads.extend(behind.next().map(|(next, _)| (*next, class)));
                    }
                    books.keep(order, ready, now);
                }
            }
        }
        look
    }

    /// Returns the place of one that arrives now.
    fn order_of(&mut self, ready: &Ready) -> Order {
        self.arrived += 1;
        let rank = ready.since.0.saturating_sub(head_start_ns(ready.demand().priority));
        Order { rank, arrival: self.arrived }
    }

    fn take(&mut self, class: &Class, order: Order) -> Option<Ready> {
        let queue = self.queues.get_mut(class)?;
        let ready = queue.remove(&order);
        if queue.is_empty() {
            self.queues.remove(class);
        }
        ready
    }
}
