//! What work asks for beside a place, and what there is of it: demands from the runs, pools from the workspace and from the
//! definitions of the runs that are driven here.
//!
//! Nothing of it is stored. What is held follows from the runs in memory: attempts with a grant, and blocks that hold.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use myrmex_engine::dispatch::{Grant as Granted, Ready as Waiting, Worker};
use myrmex_engine::run::Run;
use myrmex_model::address::Address;
use myrmex_model::command::Command;
use myrmex_model::id::{Attempt, RunId};
use myrmex_model::name::Name;
use myrmex_model::time::Timestamp;

use super::State;

/// What a workspace has to give beside the places of its worker.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Supply {
    /// How much there is of each pool; it goes before what definitions say.
    pub pools: BTreeMap<Name, u32>,
    /// The labels of the worker.
    pub labels: BTreeSet<String>,
    /// What the worker has of each resource, as [`myrmex_model::demand`] counts.
    pub resources: BTreeMap<Name, u64>,
}

impl Supply {
    /// Returns what the worker offers.
    pub(super) fn offer(&self, slots: u32) -> Worker {
        Worker { slots, labels: self.labels.clone(), resources: self.resources.clone() }
    }
}

/// Returns the least that any of `definitions` says of each pool, but for those that `supply` has.
pub fn capacities<'r>(
    supply: &BTreeMap<Name, u32>,
    definitions: impl Iterator<Item = &'r BTreeMap<Name, u32>>,
) -> BTreeMap<Name, u32> {
    let mut capacities: BTreeMap<Name, u32> = BTreeMap::new();
    for (pool, units) in definitions.flatten() {
        let least = capacities.entry(pool.clone()).or_insert(*units);
        *least = (*least).min(*units);
    }
    capacities.extend(supply.iter().map(|(pool, units)| (pool.clone(), *units)));
    capacities
}

/// Returns what waits for a task of `run`: its attempt, or the block itself.
pub fn waiting(run: &Run, task: Address, attempt: Attempt, since: Timestamp) -> Waiting {
    let demand = run.demand(&task).map(Arc::new);
    Waiting { demand, ..Waiting::plain(run.id(), task, attempt, since) }
}

/// How often in a turn what began with a block is served before others get their turn.
const ROUNDS_MAX: u32 = 64;

impl State {
    /// Gives what is free to what waits: places to attempts, and to blocks what they hold. What a block lets begin is served
    /// in the same turn, for nothing else would bring the next one.
    pub(super) fn grant(&mut self) {
        for _ in 0..ROUNDS_MAX {
            if self.is_interrupted || self.worker.is_none() {
                return;
            }
            let Some(begun) = self.grant_once() else { return };
            if !self.unfinished.contains(&begun) {
                // Should this be the last round, the next turn comes at once.
                self.unfinished.push_back(begun);
            }
            self.take_more();
            self.admit();
        }
    }

    /// Returns a run of which a block got what it is to hold.
    fn grant_once(&mut self) -> Option<RunId> {
        let mut begun = None;
        for Granted { token, worker, ready } in self.owned.dispatch.grant(self.parts.clock.now()) {
            let Waiting { run, task, attempt, .. } = ready;
            if worker.is_none() {
                begun = Some(run);
            }
            let worker = worker.unwrap_or_else(|| self.parts.worker.clone());
            let granted = self.put(run, Command::Grant { task: task.clone(), attempt, token, worker });
            if let Err(rejection) = granted {
                self.owned.dispatch.release(token);
                self.parts.progress.note(format!("attempt {attempt} of `{task}`: {rejection}"));
            }
        }
        begun
    }

    /// Lets an attempt, or a block, wait for what it asks for.
    pub(super) fn enqueue(&mut self, id: RunId, task: &Address, attempt: Attempt, at: Timestamp) {
        let Some(loaded) = self.owned.runs.get(&id) else { return };
        let ready = waiting(&loaded.run, task.clone(), attempt, at);
        let asks = ready.demand.is_some();
        self.owned.dispatch.enqueue(ready);
        if asks && let Some(wait) = self.owned.dispatch.suits_nobody(id, task) {
            self.parts.progress.note(format!("`{}` waits: {wait}", task.path()));
        }
    }

    /// Counts what the blocks of a run hold that was loaded.
    pub(super) fn adopt_holds(&mut self, run: &Run, at: Timestamp) {
        for (task, token) in run.holds() {
            let ready = waiting(run, task, Attempt::FIRST, at);
            self.owned.dispatch.adopt(Granted { token, worker: None, ready }, at);
        }
    }

    /// Lets the pools count that a run declares, and tells which task waits for its end.
    pub(super) fn settle_in(&mut self, id: RunId, caller: Option<(RunId, Address)>) {
        let Some(loaded) = self.owned.runs.get(&id) else { return };
        let declared: Vec<Name> = loaded.run.definition().pools.keys().cloned().collect();
        self.owned.dispatch.nest(id, caller);
        self.set_pools(declared);
    }

    /// Lets the pools count no more that a run declared which has left memory.
    pub(super) fn settle_out(&mut self, run: &Run) {
        self.owned.dispatch.nest(run.id(), None);
        self.set_pools(run.definition().pools.keys().cloned().collect());
    }

    fn set_pools(&mut self, touched: Vec<Name>) {
        if touched.is_empty() {
            return;
        }
        let runs = self.owned.runs.values().map(|loaded| &loaded.run.definition().pools);
        let capacities = capacities(&self.parts.supply.pools, runs);
        for pool in touched {
            let capacity = capacities.get(&pool).copied();
            self.owned.dispatch.set_pool(pool, capacity);
        }
    }
}
