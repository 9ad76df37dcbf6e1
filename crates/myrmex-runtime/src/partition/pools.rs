//! What work asks for beside a place, and what there is of it: demands from the runs, pools from the workspace and from the
//! definitions of the runs that are driven here.
//!
//! Nothing of it is stored. What is held follows from the runs in memory: attempts with a grant, and blocks that hold. It is
//! counted where the [domain](super::domain) is held; the runs of other partitions are counted there too.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use myrmex_engine::dispatch::{GRANTS_MAX, Grant as Granted, Ready as Waiting, Worker};
use myrmex_engine::run::{Reach, Run};
use myrmex_model::address::Address;
use myrmex_model::event::Parent;
use myrmex_model::id::{Attempt, RunId};
use myrmex_model::name::Name;
use myrmex_model::time::Timestamp;

use super::demands::Catalogue;
use super::domain::{Settling, Verdict, Wish};
use super::turn::{begun, most_parallel};
use super::{Loaded, Owned, State};

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

/// What is known of pools, and of who waits for them, where the domain is held; what was found of demands everywhere.
#[derive(Default)]
pub(super) struct Pools {
    /// The pools that runs declare, of those that are in memory.
    declared: BTreeMap<RunId, BTreeMap<Name, u32>>,
    /// Work that has begun to wait, and of which it was not looked yet whether that is in vain.
    fresh: Vec<(RunId, Address, Attempt)>,
    /// Whether more may be given away than went into the turn.
    has_more: bool,
    reach: Reach,
}

/// How often in a turn what began with a block is served before others get their turn.
const ROUNDS_MAX: u32 = 64;

impl State {
    /// Gives what is free to what waits, if that is decided here: places to attempts, and to blocks what they hold. What a
    /// block of this partition lets begin is served in the same turn, as long as that has room.
    pub(super) fn grant(&mut self) {
        self.owned.pools.has_more = false;
        let mut decided = 0;
        for _ in 0..ROUNDS_MAX {
            if self.worker.is_none() || !self.may_grant() {
                return;
            }
            if decided >= GRANTS_MAX || self.is_full() {
                break;
            }
            let refused = self.refuse_vain();
            let granted = self.owned.dispatch.grant(self.parts.clock.now());
            let is_cut = granted.len() >= GRANTS_MAX;
            decided += refused + granted.len();
            let has_begun = self.hand_out(granted);
            if refused == 0 && !is_cut && !has_begun {
                return;
            }
            self.take_more();
            self.admit();
        }
        self.owned.pools.has_more = true;
    }

    /// Returns whether more may be given away than went into the turn: the next one has to come at once.
    pub(super) fn has_more_to_grant(&self) -> bool {
        self.owned.pools.has_more && self.worker.is_some() && self.may_grant()
    }

    /// Returns whether a block of a run of this partition got what it is to hold.
    fn hand_out(&mut self, granted: Vec<Granted>) -> bool {
        let mut has_begun = false;
        for granted in granted {
            let run = granted.ready.run;
            has_begun |= granted.worker.is_none() && self.parts.partitions.log_of(run) == self.parts.log;
            self.pronounce(run, Verdict::Granted(granted));
        }
        has_begun
    }

    /// Lets work fail that has begun to wait for what blocks around it hold until it has ended. Returns how much that was.
    fn refuse_vain(&mut self) -> usize {
        let mut refused = 0;
        for (run, task, attempt) in std::mem::take(&mut self.owned.pools.fresh) {
            let (fixed, declared) = (&self.parts.supply.pools, &self.owned.pools.declared);
            let units =
                |run: RunId, pool: &Name| fixed.get(pool).or_else(|| declared.get(&run)?.get(pool)).copied();
            let Some(vain) = self.owned.dispatch.in_vain(run, &task, &units) else { continue };
            self.owned.dispatch.withdraw(run, &task);
            let fault = Box::new(vain.fault(run));
            self.pronounce(run, Verdict::Refused { run, task, attempt, fault });
            refused += 1;
        }
        refused
    }

    /// Lets an attempt, or a block, wait for what it asks for.
    pub(super) fn enqueue(&mut self, id: RunId, task: &Address, attempt: Attempt, at: Timestamp) {
        let Owned { runs, reader, definitions, pools, .. } = &mut self.owned;
        let Some(Loaded { run, values, .. }) = runs.get_mut(&id) else { return };
        let (reader, namespace) = (reader.as_ref(), &self.parts.namespace);
        let catalogue =
            Catalogue { reader, namespace, definitions, run: id, values: Some(values), trouble: None };
        match catalogue.waiting(&mut pools.reach, run, (task.clone(), attempt, at)) {
            Ok(ready) => self.wish(Wish::Enqueue(ready)),
            // The turn is dropped with it.
            Err(error) => {
                self.trouble.get_or_insert(error);
            }
        }
    }

    /// Counts what the blocks of a run hold that was loaded.
    pub(super) fn adopt_holds(&mut self, run: &Run, at: Timestamp) {
        for (task, token) in run.holds() {
            let since = begun(run, &task).unwrap_or(at);
            let Owned { reader, definitions, pools, .. } = &mut self.owned;
            let (reader, namespace) = (reader.as_ref(), &self.parts.namespace);
            let catalogue =
                Catalogue { reader, namespace, definitions, run: run.id(), values: None, trouble: None };
            match catalogue.waiting(&mut pools.reach, run, (task, Attempt::FIRST, since)) {
                Ok(ready) => self.wish(Wish::Adopt(Granted { token, worker: None, ready })),
                Err(error) => {
                    self.trouble.get_or_insert(error);
                    return;
                }
            }
        }
    }

    /// Says what counts of a run that comes into memory, and which task called it, if one did. Before anything waits.
    pub(super) fn settle_in(&mut self, run: &Run, parent: Option<&Parent>) {
        let definition = run.definition();
        let reader = self.owned.reader.as_ref();
        let ranks = self.parts.ranking.of(reader, run.definition_hash(), definition);
        self.wish(Wish::SettleIn(Box::new(Settling {
            run: run.id(),
            most: most_parallel(definition),
            // A run that nobody waits for is inside no block.
            caller: parent.filter(|parent| parent.is_awaited).map(|parent| (parent.run, parent.task.clone())),
            pools: definition.pools.clone(),
            ranks: ranks.map(|ranks| (Arc::clone(definition), ranks)),
        })));
    }

    /// Puts what waits into its queue, where the domain is held, and tells if nobody could ever serve it.
    pub(super) fn line_up(&mut self, ready: Waiting) {
        let (run, task, attempt, asks) =
            (ready.run, ready.task.clone(), ready.attempt, ready.demand.is_some());
        self.owned.dispatch.enqueue(ready);
        if !asks {
            return;
        }
        if let Some(wait) = self.owned.dispatch.suits_nobody(run, &task) {
            self.parts.progress.note(format!("`{}` waits: {wait}", task.path()));
        }
        self.owned.pools.fresh.push((run, task, attempt));
    }

    /// Counts a run that is in memory, where the domain is held.
    pub(super) fn count_in(&mut self, settling: Settling) {
        let Settling { run, most, caller, pools, ranks } = settling;
        self.owned.dispatch.limit(run, most);
        self.owned.dispatch.nest(run, caller);
        self.owned.dispatch.rank(run, ranks);
        self.declare(run, pools);
    }

    /// Counts a run no more that has left memory, where the domain is held.
    pub(super) fn count_out(&mut self, run: RunId) {
        self.owned.dispatch.limit(run, None);
        self.owned.dispatch.nest(run, None);
        self.owned.dispatch.rank(run, None);
        self.declare(run, BTreeMap::new());
    }

    fn declare(&mut self, run: RunId, pools: BTreeMap<Name, u32>) {
        let now: Vec<Name> = pools.keys().cloned().collect();
        let before = if pools.is_empty() {
            self.owned.pools.declared.remove(&run)
        } else {
            self.owned.pools.declared.insert(run, pools)
        };
        let touched: Vec<Name> = before.unwrap_or_default().into_keys().chain(now).collect();
        if touched.is_empty() {
            return;
        }
        let capacities = capacities(&self.parts.supply.pools, self.owned.pools.declared.values());
        for pool in touched {
            let capacity = capacities.get(&pool).copied();
            self.owned.dispatch.set_pool(pool, capacity);
        }
    }
}
