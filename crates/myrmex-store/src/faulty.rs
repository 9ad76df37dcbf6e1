//! Test support: a store that fails or dies at a chosen commit.

use crate::batch::{Batch, LogId};
use crate::contract::{Committed, Opened, Reader, Store};
use crate::error::StoreError;

/// What happens at the chosen commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The commit fails and nothing is stored; later commits work.
    Fail,
    /// The store dies before the commit took place: nothing of it is stored.
    DieBefore,
    /// The store dies after the commit took place: the batch is stored and its acknowledgement is lost.
    DieAfter,
}

/// Passes everything on to `S`, except for one commit. A dead store refuses everything; the test opens another one on
/// the same data, as a new process would.
pub struct FaultyStore<S> {
    inner: S,
    commits: u64,
    plan: Option<Plan>,
    is_dead: bool,
}

struct Plan {
    commit: u64,
    fault: Fault,
    error: fn() -> StoreError,
}

impl<S: Store> FaultyStore<S> {
    /// Wraps `inner`; nothing fails until [`FaultyStore::at_commit`] says so.
    pub fn new(inner: S) -> Self {
        Self { inner, commits: 0, plan: None, is_dead: false }
    }

    /// Lets `fault` happen at the `commit`-th commit from the beginning, counted from 1, with the error that `error`
    /// makes.
    #[must_use]
    pub fn at_commit(mut self, commit: u64, fault: Fault, error: fn() -> StoreError) -> Self {
        self.plan = Some(Plan { commit, fault, error });
        self
    }

    /// Returns how many commits were asked for.
    pub fn commits(&self) -> u64 {
        self.commits
    }

    /// Returns whether the chosen commit killed the store.
    pub fn is_dead(&self) -> bool {
        self.is_dead
    }
}

impl<S: Store> Store for FaultyStore<S> {
    fn open_log(&mut self, log: LogId) -> Result<Opened, StoreError> {
        if self.is_dead { Err(StoreError::Poisoned) } else { self.inner.open_log(log) }
    }

    fn commit(&mut self, batch: &Batch) -> Result<Committed, StoreError> {
        if self.is_dead {
            return Err(StoreError::Poisoned);
        }
        self.commits += 1;
        let Some(plan) = self.plan.take_if(|plan| plan.commit == self.commits) else {
            return self.inner.commit(batch);
        };
        match plan.fault {
            Fault::Fail => {}
            Fault::DieBefore => self.is_dead = true,
            Fault::DieAfter => {
                self.is_dead = true;
                self.inner.commit(batch)?;
            }
        }
        Err((plan.error)())
    }

    fn reader(&self) -> Result<Box<dyn Reader>, StoreError> {
        self.inner.reader()
    }
}
