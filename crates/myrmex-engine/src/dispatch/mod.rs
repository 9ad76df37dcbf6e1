//! The dispatch machine: which waiting attempt gets which free place; beside it, [`Admission`] says which waiting run gets
//! its place among those of its workflow.
//!
//! It holds the attempts that wait, the leases under way, and what there is to give: places of workers, pools, locks.
//! What is taken is always counted from the leases themselves, never kept in a counter that could leak. A grant becomes
//! a lease at once; whoever drives the machine commits the grant with the turn that made it, or drops the machine and
//! builds it again from the store.
//!
//! Order: by time of arrival, with a head start for each class of [`Priority`]. Attempts that ask for the same form a
//! queue of their own, those inside blocks that hold something apart from those outside: if its first cannot be served none
//! of it can, and the others are looked at regardless, so that a full pool never hides work for a free one. Of those of one run
//! in a queue that goes first after which most is left ([`Dispatch::rank`]).

mod around;
#[cfg(test)]
mod block_tests;
mod books;
#[cfg(test)]
mod deadlock_tests;
mod demand;
mod nest;
mod queue;
#[cfg(test)]
mod rank_tests;
mod safety;
#[cfg(test)]
mod tests;
mod wait;

mod admission;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use myrmex_model::address::Address;
use myrmex_model::id::{Attempt, Epoch, FencingToken, RunId};
use myrmex_model::ir::Definition;
use myrmex_model::name::Name;
use myrmex_model::rank::{Measure, Rank, Ranks};
use myrmex_model::time::{Length, Timestamp};

use crate::run::nearest_node;
pub use around::Vain;
pub use books::KEEP_ALL_AFTER;
use books::{Books, Capacity};
use demand::head_start_ns;
pub use demand::{CLASS_HEAD_START, Worker};
pub use myrmex_model::demand::{Demand, Inside, Priority};
use nest::Nest;
use queue::{Next, Queue, Served, Spot, Standing};
pub use wait::Wait;

pub use admission::{Admission, Applicant, Group, Ruling};

/// The most attempts one worker may run at a time: each needs a process and two pipes.
pub const SLOTS_MAX: u32 = 1_024;

/// The most that one look gives away: enough to fill every place of a worker, and so little that it takes milliseconds.
pub const GRANTS_MAX: usize = 1_024;

/// What most attempts ask for: one place, and nothing else.
static PLAIN: Demand = Demand {
    priority: Priority::Normal,
    pools: BTreeMap::new(),
    locks: BTreeSet::new(),
    labels: BTreeSet::new(),
    resources: BTreeMap::new(),
    is_placeless: false,
    inside: Inside { pools: BTreeMap::new(), locks: BTreeSet::new() },
};

/// Waiting attempts, leases, and what there is to give.
#[derive(Debug, Clone)]
pub struct Dispatch {
    epoch: Epoch,
    /// The counter of the next fencing token.
    counter: u32,
    capacity: Capacity,
    queues: BTreeMap<Class, Queue>,
    /// Where each waiting task stands.
    places: BTreeMap<(RunId, Address), (Class, Spot)>,
    /// How much is left after what, in runs of which that is known.
    ranks: BTreeMap<RunId, (Arc<Definition>, Arc<Ranks>)>,
    /// Runs that are driven no more, and whose ranks stay as long as something they called is under way.
    left: BTreeSet<RunId>,
    arrived: u64,
    leases: BTreeMap<FencingToken, Lease>,
    nest: Nest,
    /// Whether it may have changed which of those that wait are inside blocks that hold something.
    is_unsorted: bool,
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
    /// Whether they are inside blocks that hold something. What is kept for others may bind them less.
    is_within: bool,
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
    chosen: Vec<(Class, Order, Spot, Option<Name>)>,
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
            ranks: BTreeMap::new(),
            left: BTreeSet::new(),
            arrived: 0,
            leases: BTreeMap::new(),
            nest: Nest::default(),
            is_unsorted: false,
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
            .map(|(key, (class, spot))| (key.clone(), class.clone(), *spot))
            .collect();
        for ((run, task), class, spot) in moved {
            self.places.remove(&(run, task));
            if let Some((ticket, ready)) = self.take(&class, &spot) {
                self.line_up(ticket, spot.standing.order, ready);
            }
        }
    }

    /// Says how much is left of a run after each node of its definition; none if it has left memory. Of what waits already nothing
    /// changes.
    ///
    /// What it has called, and waits for, is followed by what follows the call, so the ranks of a run that only waits for such runs stay.
    pub fn rank(&mut self, run: RunId, ranks: Option<(Arc<Definition>, Arc<Ranks>)>) {
        match ranks {
            Some(ranks) => {
                self.left.remove(&run);
                self.ranks.insert(run, ranks);
            }
            None if self.nest.has_called(run) => {
                self.left.insert(run);
            }
            None => {
                self.ranks.remove(&run);
            }
        }
    }

    /// Notes which task of which run waits for the end of `run`; none if nobody does, or the run is over.
    pub fn nest(&mut self, run: RunId, caller: Option<(RunId, Address)>) {
        let first = (run, Address::root());
        let is_waiting = || self.places.range(first..).next().is_some_and(|((of, _), _)| *of == run);
        self.is_unsorted |= caller.is_some() && (self.nest.has_called(run) || is_waiting());
        let before = self.nest.caller(run);
        self.nest.set(run, caller);
        if let Some(before) = before.filter(|before| !self.nest.has_called(*before))
            && self.left.remove(&before)
        {
            self.ranks.remove(&before);
        }
    }

    /// Lets an attempt wait. An attempt of a task that waits already takes that one's place.
    pub fn enqueue(&mut self, ready: Ready) {
        let before = self.places.remove(&(ready.run, ready.task.clone()));
        let before =
            before.and_then(|(class, spot)| Some((self.take(&class, &spot)?.0, spot.standing.order)));
        let (ticket, order) = before.unwrap_or_else(|| {
            let order = self.order_of(&ready);
            (order, order)
        });
        self.line_up(ticket, order, ready);
    }

    /// Lets the attempt of a task wait no longer.
    pub fn withdraw(&mut self, run: RunId, task: &Address) {
        if let Some((class, spot)) = self.places.remove(&(run, task.clone())) {
            self.take(&class, &spot);
        }
    }

    /// Takes a lease over that an earlier decision made, at the instant it was made.
    pub fn adopt(&mut self, grant: Grant, at: Timestamp) {
        let Grant { token, worker, ready } = grant;
        let order = self.order_of(&ready);
        self.is_unsorted |= ready.demand().is_placeless && !self.places.is_empty();
        self.lease(token, Lease { ready, worker, order, at });
    }

    /// Ends a lease; what it held is free. A token that holds no lease changes nothing.
    pub fn release(&mut self, token: FencingToken) {
        if let Some(lease) = self.leases.remove(&token)
            && lease.ready.demand().is_placeless
        {
            self.nest.let_go(&lease.ready, token);
        }
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

    /// Returns why what waits for a task could not be served even if nobody else had anything: no worker suits it, or there is
    /// less of a pool than it asks for.
    pub fn suits_nobody(&self, run: RunId, task: &Address) -> Option<Wait> {
        let demand = self.waits(run, task)?.demand();
        for (pool, asked) in &demand.pools {
            if let Some(capacity) = self.capacity.pools.get(pool).copied().filter(|units| asked > units) {
                let (pool, asked, used, holders) = (pool.clone(), *asked, 0, Vec::new());
                return Some(Wait::Pool { pool, asked, used, capacity, holders });
            }
        }
        let suits = demand.is_placeless || self.capacity.workers.values().any(|worker| worker.suits(demand));
        (!suits).then(|| Wait::no_worker(demand))
    }

    /// Gives what is free to the attempts that wait, in their order, to [`GRANTS_MAX`] of them at most.
    ///
    /// Costs as much as there are leases, workers, different demands that wait, and grants, each with the logarithm of these;
    /// for each block that may not have what it asks for lest others wait for ever, as much as there are different
    /// demands of blocks that hold something, squared. Tokens grow strictly over all grants of all epochs.
    pub fn grant(&mut self, now: Timestamp) -> Vec<Grant> {
        self.sort_anew();
        if !self.may_serve() {
            return Vec::new();
        }
        let mut grants = Vec::new();
        for (class, order, spot, worker) in self.look(now, None).chosen {
            if self.counter == u32::MAX {
                break;
            }
            let Some(ready) = self.serve(&class, order, &spot) else { continue };
            self.places.remove(&(ready.run, ready.task.clone()));
            self.counter += 1;
            let token = FencingToken::new(self.epoch, self.counter);
            self.lease(token, Lease { ready: ready.clone(), worker: worker.clone(), order, at: now });
            grants.push(Grant { token, worker, ready });
        }
        grants
    }

    /// Returns why the attempt of a task waits; none if none does, or if it would be served at once.
    pub fn why(&self, run: RunId, task: &Address, now: Timestamp) -> Option<Wait> {
        let (class, spot) = self.places.get(&(run, task.clone()))?;
        let wait = self.look(now, Some((class, spot))).wait?;
        Some(match wait {
            Wait::Places { taken, .. } => {
                let ticket = self.queues.get(class)?.ticket(spot)?;
                let before = self.queues.values().map(|queue| queue.before(ticket)).sum();
                Wait::Places { taken, before }
            }
            other @ (Wait::NoWorker { .. }
            | Wait::Resource { .. }
            | Wait::Pool { .. }
            | Wait::Lock { .. }
            | Wait::Run { .. }
            | Wait::Kept { .. }
            | Wait::Unsafe { .. }) => other,
        })
    }

    /// Returns how much is left of a run, and of those that wait for it, from a task on that waits, and in what that is counted; nothing
    /// if it is not known.
    ///
    /// Among those of one run with the same demand the one with the most goes first.
    pub fn remaining(&self, run: RunId, task: &Address) -> Option<(Length, Measure)> {
        let (_, spot) = self.places.get(&(run, task.clone()))?;
        let measure = self.ranks.get(&run)?.1.measure();
        Some((spot.standing.remaining.0, measure)).filter(|(remaining, _)| remaining.0 > 0)
    }

    /// Returns what waits for a task.
    fn waits(&self, run: RunId, task: &Address) -> Option<&Ready> {
        let (class, spot) = self.places.get(&(run, task.clone()))?;
        self.queues.get(class)?.get(spot)
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
    fn look(&self, now: Timestamp, asked: Option<(&Class, &Spot)>) -> Look {
        self.look_into(&mut Books::new(&self.capacity, &self.leases, &self.nest), now, asked)
    }

    fn look_into<'c>(
        &'c self,
        books: &mut Books<'c>,
        now: Timestamp,
        asked: Option<(&Class, &Spot)>,
    ) -> Look {
        let mut look = Look::default();
        let mut heads: BTreeMap<Order, (&Class, Served<'_>)> = BTreeMap::new();
        for (class, queue) in &self.queues {
            let mut served = queue.iter();
            heads.extend(served.next_ticket().map(|ticket| (ticket, (class, served))));
        }
        while let Some((_, (class, mut served))) = heads.pop_first() {
            let Some(Next { ticket, spot, ready }) = served.next() else { continue };
            match books.fit(ready, class.is_within) {
                Ok(_) if asked == Some((class, &spot)) => return look,
                Ok(worker) => {
                    books.take(ready, worker);
                    look.chosen.push((class.clone(), ticket, spot, worker.cloned()));
                    if asked.is_none() && look.chosen.len() == GRANTS_MAX {
                        return look;
                    }
                    if let Some(next) = served.next_ticket() {
                        heads.insert(next, (class, served));
                    }
                }
                Err(wait) if asked.is_some_and(|(of, _)| of == class) => {
                    look.wait = Some(books.told(wait));
                    return look;
                }
                Err(_) => books.keep(ticket, ready, now),
            }
        }
        look
    }

    /// Puts one that arrived at `order` into the queue of its class.
    fn line_up(&mut self, ticket: Order, order: Order, ready: Ready) {
        let run = self.capacity.runs.contains_key(&ready.run).then_some(ready.run);
        let is_within = self.nest.is_within(&ready);
        let class = Class { run, is_within, demand: ready.demand.clone() };
        let spot = self.spot(order, &ready);
        self.places.insert((ready.run, ready.task.clone()), (class.clone(), spot));
        self.queues.entry(class).or_default().insert(ticket, spot, ready);
    }

    /// Returns where one stands among those of the run at the top of its calls: it is followed by what follows it in its own run, then
    /// by what follows the call of that, and so on.
    fn spot(&self, order: Order, ready: &Ready) -> Spot {
        let rank = |run: RunId, task: &Address| {
            let (definition, ranks) = self.ranks.get(&run)?;
            Some(ranks.of(nearest_node(definition, task).0))
        };
        let mut group = ready.run;
        let mut remaining = rank(ready.run, &ready.task).map_or(0, |Rank { remaining, .. }| remaining.0);
        for (caller, task) in self.nest.calls_around(ready) {
            group = *caller;
            let after = rank(*caller, task).map_or(0, |Rank { after, .. }| after.0);
            remaining = remaining.saturating_add(after);
        }
        Spot { group, standing: Standing { remaining: Reverse(Length(remaining)), order } }
    }

    /// Puts all that wait into the queues of their classes again, if leases were adopted after they came. While runs go on
    /// that need not be: a block holds before anything inside it waits, and until nothing does.
    fn sort_anew(&mut self) {
        if std::mem::take(&mut self.is_unsorted) {
            let queues = std::mem::take(&mut self.queues);
            for (ticket, standing, ready) in queues.into_values().flat_map(Queue::into_waiting) {
                self.line_up(ticket, standing.order, ready);
            }
        }
    }

    fn lease(&mut self, token: FencingToken, lease: Lease) {
        if lease.ready.demand().is_placeless {
            self.nest.hold(&lease.ready, token);
        }
        self.leases.insert(token, lease);
    }

    /// Returns the place of one that arrives now.
    fn order_of(&mut self, ready: &Ready) -> Order {
        self.arrived += 1;
        let rank = ready.since.0.saturating_sub(head_start_ns(ready.demand().priority));
        Order { rank, arrival: self.arrived }
    }

    /// Lets one go without being served, and returns it with its ticket.
    fn take(&mut self, class: &Class, spot: &Spot) -> Option<(Order, Ready)> {
        let queue = self.queues.get_mut(class)?;
        let left = queue.leave(spot);
        if queue.is_empty() {
            self.queues.remove(class);
        }
        left
    }

    /// Lets one go that is served with a ticket.
    fn serve(&mut self, class: &Class, ticket: Order, spot: &Spot) -> Option<Ready> {
        let queue = self.queues.get_mut(class)?;
        let ready = queue.serve(ticket, spot);
        if queue.is_empty() {
            self.queues.remove(class);
        }
        ready
    }
}
