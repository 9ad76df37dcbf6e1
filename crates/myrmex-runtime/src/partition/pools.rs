//! What work asks for beside a place, and what there is of it: demands from the runs, pools from the workspace and from the
//! definitions of the runs that are driven here.
//!
//! Nothing of it is stored. What is held follows from the runs in memory: attempts with a grant, and blocks that hold. It is
//! counted where the [domain](super::domain) is held; the runs of other partitions are counted there too.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use myrmex_engine::dispatch::{Grant as Granted, Ready as Waiting, Worker};
use myrmex_engine::run::Run;
use myrmex_model::address::Address;
use myrmex_model::event::Parent;
use myrmex_model::id::{Attempt, RunId};
use myrmex_model::name::Name;
use myrmex_model::time::Timestamp;

use super::State;
use super::domain::{Settling, Verdict, Wish};
use super::turn::{begun, most_parallel};

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
    /// Gives what is free to what waits, if that is decided here: places to attempts, and to blocks what they hold. What a
    /// block of this partition lets begin is served in the same turn, for nothing else would bring the next one.
    pub(super) fn grant(&mut self) {
        for _ in 0..ROUNDS_MAX {
            if self.worker.is_none() || !self.may_grant() {
                return;
            }
            if !self.grant_once() {
                return;
            }
            self.take_more();
            self.admit();
        }
    }

    /// Returns whether a block of a run of this partition got what it is to hold.
    fn grant_once(&mut self) -> bool {
        let mut is_begun = false;
        for granted in self.owned.dispatch.grant(self.parts.clock.now()) {
            let run = granted.ready.run;
            is_begun |= granted.worker.is_none() && self.parts.partitions.log_of(run) == self.parts.log;
            self.pronounce(run, Verdict::Granted(granted));
        }
        is_begun
    }

    /// Lets an attempt, or a block, wait for what it asks for.
    pub(super) fn enqueue(&mut self, id: RunId, task: &Address, attempt: Attempt, at: Timestamp) {
        let Some(loaded) = self.owned.runs.get(&id) else { return };
        let ready = waiting(&loaded.run, task.clone(), attempt, at);
        self.wish(Wish::Enqueue(ready));
    }

    /// Counts what the blocks of a run hold that was loaded.
    pub(super) fn adopt_holds(&mut self, run: &Run, at: Timestamp) {
        for (task, token) in run.holds() {
            let since = begun(run, &task).unwrap_or(at);
            let ready = waiting(run, task, Attempt::FIRST, since);
            self.wish(Wish::Adopt(Granted { token, worker: None, ready }));
        }
    }

    /// Says what counts of a run that comes into memory, and which task called it, if one did. Before anything waits.
    pub(super) fn settle_in(&mut self, run: &Run, parent: Option<&Parent>) {
        let definition = run.definition();
        self.wish(Wish::SettleIn(Box::new(Settling {
            run: run.id(),
            most: most_parallel(definition),
            // A run that nobody waits for is inside no block.
            caller: parent.filter(|parent| parent.is_awaited).map(|parent| (parent.run, parent.task.clone())),
            pools: definition.pools.clone(),
        })));
    }

    /// Puts what waits into its queue, where the domain is held, and tells if nobody could ever serve it.
    pub(super) fn line_up(&mut self, ready: Waiting) {
        let (run, task, asks) = (ready.run, ready.task.clone(), ready.demand.is_some());
        self.owned.dispatch.enqueue(ready);
        if asks && let Some(wait) = self.owned.dispatch.suits_nobody(run, &task) {
            self.parts.progress.note(format!("`{}` waits: {wait}", task.path()));
        }
    }

    /// Counts a run that is in memory, where the domain is held.
    pub(super) fn count_in(&mut self, settling: Settling) {
        let Settling { run, most, caller, pools } = settling;
        self.owned.dispatch.limit(run, most);
        self.owned.dispatch.nest(run, caller);
        self.declare(run, pools);
    }

    /// Counts a run no more that has left memory, where the domain is held.
    pub(super) fn count_out(&mut self, run: RunId) {
        self.owned.dispatch.limit(run, None);
        self.owned.dispatch.nest(run, None);
        self.declare(run, BTreeMap::new());
    }

    fn declare(&mut self, run: RunId, pools: BTreeMap<Name, u32>) {
        let now: Vec<Name> = pools.keys().cloned().collect();
        let before = if pools.is_empty() {
            self.owned.declared.remove(&run)
        } else {
            self.owned.declared.insert(run, pools)
        };
        let touched: Vec<Name> = before.unwrap_or_default().into_keys().chain(now).collect();
        if touched.is_empty() {
            return;
        }
        let capacities = capacities(&self.parts.supply.pools, self.owned.declared.values());
        for pool in touched {
            let capacity = capacities.get(&pool).copied();
            self.owned.dispatch.set_pool(pool, capacity);
        }
    }
}
