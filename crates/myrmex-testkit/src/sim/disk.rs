//! The store of a simulation, and who commits to it: batches become durable when the world says so, or fail, or are lost
//! in a crash.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use myrmex_model::id::Epoch;
use myrmex_runtime::partition::{Committer, Inbox, Written};
use myrmex_store::memory::MemoryStore;
use myrmex_store::{
    Batch, Committed, IndexOperation, LogId, MessageNumber, Partitions, Reader, Sequence, Store, StoreError,
};

use super::Planted;
use super::random::Random;

/// How often out of a thousand a commit goes wrong.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Faults {
    /// The disk is full: nothing is stored, and the batch may be tried again.
    pub(super) full: u64,
    /// Something fails: whether the batch is stored is not known.
    pub(super) unknown: u64,
}

/// The disk, as the world and the committers of one simulation share it.
#[derive(Clone)]
pub(super) struct Disk(Arc<Mutex<State>>);

struct State {
    store: MemoryStore,
    random: Random,
    faults: Faults,
    planted: Option<Planted>,
    /// What was opened and committed, where a planted bug needs to take back what was not synced.
    done: Vec<Done>,
    synced: usize,
    /// Counts all commits that took place.
    commits: u64,
    /// How each log stands: the newest epoch, and the last sequence.
    ends: BTreeMap<LogId, (Epoch, Sequence)>,
    partitions: Partitions,
    /// What commits did to messages that they must not do.
    breaches: Vec<String>,
    /// How many messages were taken.
    taken: u64,
}

enum Done {
    Opened(LogId),
    Committed(Box<Batch>),
}

impl Disk {
    pub(super) fn new(
        random: Random,
        faults: Faults,
        planted: Option<Planted>,
        partitions: Partitions,
    ) -> Self {
        let store = MemoryStore::with_partitions(partitions);
        let state = State {
            store,
            random,
            faults,
            planted,
            done: Vec::new(),
            synced: 0,
            commits: 0,
            ends: BTreeMap::new(),
            partitions,
            breaches: Vec::new(),
            taken: 0,
        };
        Self(Arc::new(Mutex::new(state)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the store as a new process finds it.
    pub(super) fn open(&self) -> Box<dyn Store> {
        Box::new(Opened { disk: self.clone(), inner: self.state().store.clone() })
    }

    pub(super) fn reader(&self) -> Box<dyn Reader> {
        self.state().store.reader().expect("a store in memory has readers")
    }

    pub(super) fn commits(&self) -> u64 {
        self.state().commits
    }

    /// Returns how many messages were taken.
    pub(super) fn taken(&self) -> u64 {
        self.state().taken
    }

    /// Takes what commits did to messages that they must not do.
    pub(super) fn take_breaches(&self) -> Vec<String> {
        std::mem::take(&mut self.state().breaches)
    }

    /// From now on nothing goes wrong any more.
    pub(super) fn heal(&self) {
        self.state().faults = Faults::default();
    }

    /// What survives the sudden death of the process and of the machine.
    pub(super) fn crash(&self) {
        let mut state = self.state();
        if state.planted != Some(Planted::AcknowledgeBeforeSync) {
            return;
        }
        let synced = state.synced;
        state.done.truncate(synced);
        let mut store = MemoryStore::with_partitions(state.partitions);
        for done in &state.done {
            match done {
                Done::Opened(log) => drop(store.open_log(*log)),
                Done::Committed(batch) => drop(store.commit(batch)),
            }
        }
        state.store = store;
    }

    /// Makes durable what a planted bug held back.
    pub(super) fn sync(&self) {
        let mut state = self.state();
        state.synced = state.done.len();
    }

    /// Returns the committer of a store that was just opened, and the place where its batch lies.
    pub(super) fn committer(&self, store: Box<dyn Store>, inbox: Inbox) -> (Box<dyn Committer>, Bench) {
        let bench = Bench(Arc::new(Mutex::new(Hold { store: Some(store), inbox, batch: None })));
        (Box::new(Desk { disk: self.clone(), bench: bench.clone() }), bench)
    }
}

impl State {
    fn draw(&mut self) -> Option<Fault> {
        let (full, unknown) = (self.faults.full, self.faults.unknown);
        let drawn = self.random.below(1_000);
        match drawn {
            _ if drawn < full => Some(Fault::Full),
            _ if drawn < full + unknown => Some(Fault::Unknown { is_stored: self.random.permille(500) }),
            _ => None,
        }
    }
}

enum Fault {
    Full,
    Unknown { is_stored: bool },
}

/// The store, with the planted bugs that live below its contract.
struct Opened {
    disk: Disk,
    inner: MemoryStore,
}

impl Store for Opened {
    fn open_log(&mut self, log: LogId) -> Result<myrmex_store::Opened, StoreError> {
        let mut state = self.disk.state();
        if state.planted == Some(Planted::AcknowledgeBeforeSync) {
            state.done.push(Done::Opened(log));
            state.synced = state.done.len();
        }
        let opened = self.inner.open_log(log)?;
        state.ends.insert(log, (opened.epoch, opened.last));
        Ok(opened)
    }

    fn commit(&mut self, batch: &Batch) -> Result<Committed, StoreError> {
        let mut batch = batch.clone();
        let mut state = self.disk.state();
        let is_drawn = state.random.permille(100);
        match state.planted {
            Some(Planted::TimerOutsideBatch) if is_drawn => {
                batch.operations.retain(|operation| !matches!(operation, IndexOperation::PutTimer(_)));
            }
            Some(Planted::MessageOutsideBatch) if is_drawn => {
                batch.operations.retain(|operation| !matches!(operation, IndexOperation::PutMessage(_)));
            }
            Some(Planted::NoDedupe) => {
                batch.operations.retain(|operation| !matches!(operation, IndexOperation::PutReceived { .. }));
            }
            Some(Planted::StaleEpoch) => {
                if let Some((epoch, last)) = state.ends.get(&batch.log) {
                    (batch.epoch, batch.expected) = (*epoch, *last);
                }
            }
            Some(_) | None => {}
        }
        let wrong = misdelivered(&self.inner, &batch);
        let committed = self.inner.commit(&batch)?;
        state.commits += 1;
        state.breaches.extend(wrong);
        state.taken +=
            batch.operations.iter().filter(|done| matches!(done, IndexOperation::PutReceived { .. })).count()
                as u64;
        let epoch = batch.epoch;
        state.ends.insert(batch.log, (epoch, committed.last));
        if state.planted == Some(Planted::AcknowledgeBeforeSync) {
            state.done.push(Done::Committed(Box::new(batch)));
        }
        Ok(committed)
    }

    fn reader(&self) -> Result<Box<dyn Reader>, StoreError> {
        self.inner.reader()
    }
}

/// Says what a batch does to messages that it must not do: each is taken once and in order, and removed only after that.
fn misdelivered(reader: &dyn Reader, batch: &Batch) -> Vec<String> {
    let log = batch.log;
    let received = |log, from| reader.received(log, from).unwrap_or(MessageNumber::NONE);
    let mut wrong = Vec::new();
    for operation in &batch.operations {
        if let IndexOperation::RemoveMessages { to, through } = operation
            && received(*to, log) < *through
        {
            wrong.push(format!("messages of log {log} to {to} are removed before they are taken"));
        }
        if let IndexOperation::PutReceived { from, through } = operation {
            let before = received(log, *from);
            let waiting = reader.messages((*from, log), before, usize::MAX).unwrap_or_default();
            let waiting = waiting.iter().take_while(|message| message.number <= *through).count() as u64;
            if *through <= before || waiting != through.0 - before.0 {
                let (before, through) = (before.0, through.0);
                wrong.push(format!(
                    "log {log} takes messages of {from} up to {through} after {before}, and {waiting} wait"
                ));
            }
        }
    }
    wrong
}

/// Where the batch lies that was handed over.
#[derive(Clone)]
pub(super) struct Bench(Arc<Mutex<Hold>>);

struct Hold {
    store: Option<Box<dyn Store>>,
    inbox: Inbox,
    batch: Option<Batch>,
}

impl Bench {
    fn hold(&self) -> MutexGuard<'_, Hold> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_loaded(&self) -> bool {
        self.hold().batch.is_some()
    }

    /// Brings the batch that was handed over to its end, or finds the disk full and leaves it there.
    pub(super) fn work(&self, disk: &Disk) {
        let mut hold = self.hold();
        let Some(batch) = hold.batch.take() else { return };
        let committed = hold.commit(disk, &batch);
        let written = match committed {
            Err(error) if error.is_retryable() => {
                hold.batch = Some(batch);
                Written::Held(error)
            }
            other => Written::Committed(other),
        };
        // A partition that has gone hears nothing.
        let _is_heard = hold.inbox.say(written);
    }
}

impl Hold {
    fn commit(&mut self, disk: &Disk, batch: &Batch) -> Result<Committed, StoreError> {
        let Some(store) = &mut self.store else { return Err(StoreError::Poisoned) };
        let fault = disk.state().draw();
        match fault {
            None => store.commit(batch),
            Some(Fault::Full) => Err(StoreError::Full),
            Some(Fault::Unknown { is_stored }) => {
                if is_stored {
                    store.commit(batch)?;
                }
                self.store = None;
                Err(StoreError::Poisoned)
            }
        }
    }
}

/// A committer whose batches wait on the bench.
struct Desk {
    disk: Disk,
    bench: Bench,
}

impl Committer for Desk {
    fn commits_here(&self, _: usize) -> bool {
        self.disk.state().random.permille(500)
    }

    fn commit(&mut self, batch: &Batch) -> Result<Committed, StoreError> {
        self.bench.hold().commit(&self.disk, batch)
    }

    fn hand_over(&mut self, batch: Batch) {
        self.bench.hold().batch = Some(batch);
    }

    fn close(&mut self) {
        let mut hold = self.bench.hold();
        // The commit that was under way ends in one way or the other before the store is given back.
        if let Some(batch) = hold.batch.take()
            && self.disk.state().random.permille(500)
            && let Some(store) = &mut hold.store
        {
            drop(store.commit(&batch));
        }
        hold.store = None;
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.close();
    }
}
