//! One store for all partitions of a process.
//!
//! All logs are opened together: when a commit fails, whoever notices first opens the store again for everybody, and
//! the others come after. So an opening is one thing that all partitions have or have lost. It is known by the epoch of
//! the log of the [domain](super::domain): fencing tokens bear it, and what partitions say to each other of what is only
//! in memory does too.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use myrmex_model::id::Epoch;
use myrmex_store::{Batch, Committed, LogId, Opened, Partitions, Reader, Store, StoreError};

use super::OpenStore;
use super::domain::DOMAIN_LOG;

/// The store, as all partitions of this process share it.
#[derive(Clone)]
pub(super) struct SharedStore(Arc<Mutex<Inner>>);

struct Inner {
    open: OpenStore,
    store: Option<Box<dyn Store>>,
    /// One that was needed to open it; the first partition that takes part has it.
    reader: Option<Box<dyn Reader>>,
    partitions: Partitions,
    /// How the logs were opened the last time, in their order.
    opened: Vec<Opened>,
}

/// The store as one partition has it, until a commit of anybody fails.
pub(super) struct Opening {
    pub(super) store: Box<dyn Store>,
    pub(super) reader: Box<dyn Reader>,
    /// How the partition's log was opened.
    pub(super) opened: Opened,
    /// Which opening it is.
    pub(super) domain: Epoch,
}

impl SharedStore {
    /// Opens the store and the logs of all its partitions.
    pub(super) fn open(open: OpenStore) -> Result<Self, StoreError> {
        let mut inner =
            Inner { open, store: None, reader: None, partitions: Partitions::ONE, opened: Vec::new() };
        inner.reopen()?;
        Ok(Self(Arc::new(Mutex::new(inner))))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // A panic within a commit leaves a transaction that was not committed; reopening rolls it back.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns how many partitions there are.
    pub(super) fn partitions(&self) -> Partitions {
        self.inner().partitions
    }

    /// Gives a partition its part of the newest opening. If that is the one `lost` that it had before, or if nobody has
    /// one any more, the store is opened again.
    pub(super) fn take(&self, log: LogId, lost: Option<Epoch>) -> Result<Opening, StoreError> {
        let mut inner = self.inner();
        if inner.store.is_none() || lost == Some(inner.domain()) {
            inner.reopen()?;
        }
        let reader = match (inner.reader.take(), &inner.store) {
            (Some(reader), _) => reader,
            (None, Some(store)) => store.reader()?,
            (None, None) => return Err(StoreError::Poisoned),
        };
        let (opened, domain) = (inner.opened[log.0 as usize], inner.domain());
        let store = Box::new(Part { store: self.clone(), opened, domain });
        Ok(Opening { store, reader, opened, domain })
    }
}

impl Inner {
    fn reopen(&mut self) -> Result<(), StoreError> {
        // An open transaction of the old writer would keep the new one out.
        (self.store, self.reader) = (None, None);
        let mut store = (self.open)()?;
        let reader = store.reader()?;
        self.partitions = reader.partitions()?;
        self.opened = self.partitions.logs().map(|log| store.open_log(log)).collect::<Result<_, _>>()?;
        (self.store, self.reader) = (Some(store), Some(reader));
        Ok(())
    }

    fn domain(&self) -> Epoch {
        self.opened[DOMAIN_LOG.0 as usize].epoch
    }
}

/// The store as the committer of one partition has it: dead as soon as somebody opened it again.
struct Part {
    store: SharedStore,
    opened: Opened,
    domain: Epoch,
}

impl Part {
    fn with<T>(&self, act: impl FnOnce(&mut dyn Store) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut inner = self.store.inner();
        if inner.domain() != self.domain {
            return Err(StoreError::Poisoned);
        }
        let store = inner.store.as_mut().ok_or(StoreError::Poisoned)?;
        let acted = act(store.as_mut());
        if acted.as_ref().is_err_and(|error| !error.is_retryable()) {
            inner.store = None;
        }
        acted
    }
}

impl Store for Part {
    fn open_log(&mut self, _: LogId) -> Result<Opened, StoreError> {
        Ok(self.opened)
    }

    fn commit(&mut self, batch: &Batch) -> Result<Committed, StoreError> {
        self.with(|store| store.commit(batch))
    }

    fn reader(&self) -> Result<Box<dyn Reader>, StoreError> {
        self.with(|store| store.reader())
    }
}

#[cfg(test)]
mod tests {
    use myrmex_store::Sequence;
    use myrmex_store::faulty::{Fault, FaultyStore};
    use myrmex_store::memory::MemoryStore;

    use super::*;

    fn batch(log: u32, opening: &Opening) -> Batch {
        let Opened { epoch, last } = opening.opened;
        let (records, operations) = (Vec::new(), Vec::new());
        Batch { log: LogId(log), expected: last, epoch, records, operations }
    }

    #[test]
    fn a_failed_commit_ends_the_opening_for_everybody_and_one_reopens_it() {
        let memory = MemoryStore::with_partitions(Partitions::new(2).unwrap());
        let open = move || {
            let store = FaultyStore::new(memory.clone());
            Ok(Box::new(store.at_commit(2, Fault::Fail, || StoreError::Poisoned)) as Box<dyn Store>)
        };
        let shared = SharedStore::open(Box::new(open)).unwrap();
        let mut first = shared.take(LogId(0), None).unwrap();
        let mut second = shared.take(LogId(1), None).unwrap();
        assert_eq!(first.domain, second.domain, "nobody opened it twice");
        assert_eq!(first.store.commit(&batch(0, &first)).unwrap().last, Sequence::NONE);
        assert!(second.store.commit(&batch(1, &second)).is_err());
        assert!(first.store.commit(&batch(0, &first)).is_err(), "the store is closed");
        let again = shared.take(LogId(1), Some(second.domain)).unwrap();
        assert!(again.domain > second.domain);
        assert!(first.store.commit(&batch(0, &first)).is_err(), "its epoch is over");
        let follows = shared.take(LogId(0), Some(first.domain)).unwrap();
        assert_eq!(follows.domain, again.domain, "it was open already");
    }
}
