//! The dispatch machine: which waiting attempt gets which free place; beside it, [`Admission`] says which waiting run gets
//! its place among those of its workflow.
//!
//! It holds the attempts that wait and the leases under way. Places in use are always counted from the leases
//! themselves, never kept in a counter that could leak. A grant becomes a lease at once; whoever drives the machine
//! commits the grant with the turn that made it, or drops the machine and builds it again from the store.

mod admission;

use std::collections::BTreeMap;

use myrmex_model::OrderedMap;
use myrmex_model::address::Address;
use myrmex_model::id::{Attempt, Epoch, FencingToken, RunId};

pub use admission::{Admission, Applicant, Group, Ruling};

/// The most attempts one worker may run at a time: each needs a process and two pipes.
pub const SLOTS_MAX: u32 = 1_024;

/// Waiting attempts, leases, and the places of one worker.
#[derive(Debug, Clone)]
pub struct Dispatch {
    epoch: Epoch,
    /// The counter of the next fencing token.
    counter: u32,
    slots: u32,
    /// Waiting attempts of each run by the order of their arrival.
    queues: BTreeMap<RunId, BTreeMap<u64, Ready>>,
    arrivals: OrderedMap<(RunId, Address), u64>,
    arrived: u64,
    leases: BTreeMap<FencingToken, Ready>,
    /// The most places that a run may have at a time, where its definition says so.
    limits: BTreeMap<RunId, u32>,
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
}

impl Dispatch {
    /// Creates the machine of the owner with this epoch, with so many places (at least 1, at most [`SLOTS_MAX`]).
    pub fn new(epoch: Epoch, slots: u32) -> Self {
        Self {
            epoch,
            counter: 0,
            slots: slots.clamp(1, SLOTS_MAX),
            queues: BTreeMap::new(),
            arrivals: OrderedMap::default(),
            arrived: 0,
            leases: BTreeMap::new(),
            limits: BTreeMap::new(),
        }
    }

    /// Bounds how many attempts of a run may have a place at a time; none takes the bound away.
    pub fn limit(&mut self, run: RunId, most: Option<u32>) {
        match most {
            Some(most) => self.limits.insert(run, most.max(1)),
            None => self.limits.remove(&run),
        };
    }

    /// Lets an attempt wait. An attempt of a task that waits already takes that one's place.
    pub fn enqueue(&mut self, ready: Ready) {
        let key = (ready.run, ready.task.clone());
        let arrival = *self.arrivals.entry(key).or_insert(self.arrived);
        self.arrived += u64::from(arrival == self.arrived);
        self.queues.entry(ready.run).or_default().insert(arrival, ready);
    }

    /// Lets the attempt of a task wait no longer.
    pub fn withdraw(&mut self, run: RunId, task: &Address) {
        if let Some(arrival) = self.arrivals.swap_remove(&(run, task.clone())) {
            self.take(run, arrival);
        }
    }

    /// Takes a lease over that an earlier decision of this owner made.
    pub fn adopt(&mut self, token: FencingToken, ready: Ready) {
        self.leases.insert(token, ready);
    }

    /// Ends a lease; its place is free. A token that holds no lease changes nothing.
    pub fn release(&mut self, token: FencingToken) {
        self.leases.remove(&token);
    }

    /// Returns how many attempts wait.
    pub fn waiting(&self) -> usize {
        self.arrivals.len()
    }

    /// Returns the leases under way.
    pub fn leases(&self) -> impl Iterator<Item = (FencingToken, &Ready)> {
        self.leases.iter().map(|(token, ready)| (*token, ready))
    }

    /// Gives free places to the attempts that wait longest; those of a run at its bound do not hold up others.
    ///
    /// Costs as much as there are leases and runs that wait, and then the logarithm of that for each grant. Tokens grow
    /// strictly over all grants of all epochs.
    pub fn grant(&mut self) -> Vec<(FencingToken, Ready)> {
        let free = (self.slots as usize).saturating_sub(self.leases.len());
        if free == 0 || self.arrivals.is_empty() {
            return Vec::new();
        }
        let mut left = self.places_left();
        // The oldest attempt of each run that may have another place.
        let head = |(run, queue): (&RunId, &BTreeMap<u64, Ready>)| Some((*queue.first_key_value()?.0, *run));
        let mut heads: BTreeMap<u64, RunId> =
            self.queues.iter().filter(|(run, _)| left.get(*run) != Some(&0)).filter_map(head).collect();
        let mut grants = Vec::new();
        while grants.len() < free && self.counter < u32::MAX {
            let Some((arrival, run)) = heads.pop_first() else { break };
            let Some(ready) = self.take(run, arrival) else { break };
            self.arrivals.swap_remove(&(run, ready.task.clone()));
            self.counter += 1;
            let token = FencingToken::new(self.epoch, self.counter);
            self.leases.insert(token, ready.clone());
            grants.push((token, ready));
            let places = left.get_mut(&run).map(|places| {
                *places -= 1;
                *places
            });
            if places != Some(0)
                && let Some((next, _)) = self.queues.get(&run).and_then(BTreeMap::first_key_value)
            {
                heads.insert(*next, run);
            }
        }
        grants
    }

    /// Returns how many more places each run with a bound may have.
    fn places_left(&self) -> BTreeMap<RunId, u32> {
        let mut left = self.limits.clone();
        for lease in self.leases.values() {
            if let Some(places) = left.get_mut(&lease.run) {
                *places = places.saturating_sub(1);
            }
        }
        left
    }

    fn take(&mut self, run: RunId, arrival: u64) -> Option<Ready> {
        let queue = self.queues.get_mut(&run)?;
        let ready = queue.remove(&arrival);
        if queue.is_empty() {
            self.queues.remove(&run);
        }
        ready
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(task: &str) -> Ready {
        Ready { run: RunId([1; 16]), task: Address::parse(task).unwrap(), attempt: Attempt::FIRST }
    }

    fn granted(dispatch: &mut Dispatch) -> Vec<String> {
        dispatch.grant().into_iter().map(|(_, ready)| ready.task.to_string()).collect()
    }

    #[test]
    fn places_go_to_those_who_wait_longest() {
        let mut dispatch = Dispatch::new(Epoch(1), 2);
        for task in ["a", "b", "c", "d"] {
            dispatch.enqueue(ready(task));
        }
        assert_eq!(granted(&mut dispatch), ["a", "b"]);
        assert_eq!(granted(&mut dispatch), Vec::<String>::new());
        let first = dispatch.leases().next().unwrap().0;
        dispatch.release(first);
        dispatch.release(first);
        dispatch.withdraw(RunId([1; 16]), &Address::parse("c").unwrap());
        assert_eq!(granted(&mut dispatch), ["d"]);
        assert_eq!((dispatch.waiting(), dispatch.leases().count()), (0, 2));
    }

    #[test]
    fn a_run_at_its_bound_does_not_hold_up_others() {
        let other = RunId([2; 16]);
        let mut dispatch = Dispatch::new(Epoch(1), 3);
        dispatch.limit(RunId([1; 16]), Some(1));
        for task in ["a", "b", "c"] {
            dispatch.enqueue(ready(task));
        }
        dispatch.enqueue(Ready { run: other, ..ready("d") });
        assert_eq!(granted(&mut dispatch), ["a", "d"]);
        let first = dispatch.leases().next().unwrap().0;
        dispatch.release(first);
        assert_eq!(granted(&mut dispatch), ["b"]);
        dispatch.limit(RunId([1; 16]), None);
        assert_eq!(granted(&mut dispatch), ["c"]);
    }

    #[test]
    fn tokens_grow_over_grants_and_epochs() {
        let mut old = Dispatch::new(Epoch(1), 9);
        let mut new = Dispatch::new(Epoch(2), 9);
        old.enqueue(ready("a"));
        old.enqueue(ready("b"));
        new.enqueue(ready("a"));
        let (old, new) = (old.grant(), new.grant());
        assert!(old[0].0 < old[1].0 && old[1].0 < new[0].0);
    }

    #[test]
    fn a_task_waits_once() {
        let mut dispatch = Dispatch::new(Epoch(1), 1);
        dispatch.enqueue(ready("a"));
        dispatch.enqueue(Ready { attempt: Attempt(2), ..ready("a") });
        assert_eq!(dispatch.waiting(), 1);
        assert_eq!(dispatch.grant()[0].1.attempt, Attempt(2));
    }
}
