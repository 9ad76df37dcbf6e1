//! What work asks for in vain, because blocks around it hold it until the work has ended.
//!
//! Within a run such locks are found before the work waits; here also what is held around the call of the run, and what the
//! checks could not know: a lock whose name is an expression, a pool of which there is less than when the run began.

use myrmex_model::address::Address;
use myrmex_model::fault::{Fault, FaultKind};
use myrmex_model::id::RunId;
use myrmex_model::name::Name;

use super::{Dispatch, Ready};

/// Why work would wait for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Vain {
    /// A block around it holds the lock.
    Lock {
        /// The lock.
        lock: String,
        /// The block.
        holder: Box<Ready>,
    },
    /// Blocks around it hold too much of a pool.
    Pool {
        /// The pool.
        pool: Name,
        /// How much of it is asked for.
        asked: u32,
        /// How much of it the blocks hold.
        held: u32,
        /// How much of it there will be as long as they are under way.
        capacity: u32,
        /// The nearest of the blocks.
        holder: Box<Ready>,
    },
}

impl Vain {
    /// Returns the error of the work, which is of `run`.
    pub fn fault(&self, run: RunId) -> Fault {
        let (title, what, holder) = match self {
            Self::Lock { lock, holder } => {
                let holder_is = around(holder, run);
                (format!("the lock `{lock}` is held by {holder_is}"), "the lock", holder)
            }
            Self::Pool { pool, asked, held, capacity, holder } => {
                let title = format!(
                    "of {capacity} units of the pool `{pool}` the blocks around this task hold {held}, and it asks for {asked}"
                );
                (title, "the pool", holder)
            }
        };
        let detail = format!("it would wait for ever; leave {what} to `{}`", holder.task.path());
        Fault::new(FaultKind::Deadlock, title).with_detail(detail)
    }
}

fn around(holder: &Ready, run: RunId) -> String {
    if holder.run == run {
        format!("`{}`, the block around this task", holder.task.path())
    } else {
        format!("`{}`, around the call of this run", holder.task.path())
    }
}

impl Dispatch {
    /// Returns what a task that waits asks for in vain, if something is. `declared` says how much there is of a pool as long as
    /// a run is under way; what others say may change before the task has ended.
    pub fn in_vain(
        &self,
        run: RunId,
        task: &Address,
        declared: &dyn Fn(RunId, &Name) -> Option<u32>,
    ) -> Option<Vain> {
        let ready = self.waits(run, task)?;
        let demand = ready.demand();
        let around = || self.nest.holders_around(ready).filter_map(|token| self.leases.get(&token));
        for lock in &demand.locks {
            if let Some(lease) = around().find(|lease| lease.ready.demand().locks.contains(lock)) {
                return Some(Vain::Lock { lock: lock.clone(), holder: Box::new(lease.ready.clone()) });
            }
        }
        for (pool, asked) in &demand.pools {
            let units = |ready: &Ready| ready.demand().pools.get(pool).copied().unwrap_or(0);
            let held = around().fold(0_u32, |sum, lease| sum.saturating_add(units(&lease.ready)));
            let capacity = self.nest.runs_around(ready).filter_map(|run| declared(run, pool)).min();
            let nearest = around().find(|lease| units(&lease.ready) > 0);
            if let (Some(capacity), Some(nearest)) = (capacity, nearest)
                && held.saturating_add(*asked) > capacity
            {
                let (pool, asked, holder) = (pool.clone(), *asked, Box::new(nearest.ready.clone()));
                return Some(Vain::Pool { pool, asked, held, capacity, holder });
            }
        }
        None
    }
}
