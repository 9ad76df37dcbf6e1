//! The store of a simulation, and who commits to it: batches become durable when the world says so, or fail, or are lost
//! in a crash.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use myrmex_model::id::Epoch;
use myrmex_runtime::logs::Logs;
use myrmex_runtime::partition::{Committer, Inbox, Written};
use myrmex_store::memory::MemoryStore;
use myrmex_store::{
    Batch, Committed, IndexOperation, LogId, MessageNumber, Partitions, Reader, Sequence, Store, StoreError,
};

use super::planted::{self, Planted};
use super::random::{Choices, Random};
use super::reading::Flaky;

/// After how many commits one is synced where a planted bug syncs only checkpoints.
const CHECKPOINT_COMMITS: u64 = 8;

/// How often out of a thousand a commit goes wrong.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Faults {
    /// The disk is full: nothing is stored, and the batch may be tried again.
    pub(super) full: u64,
    /// Something fails: whether the batch is stored is not known.
    pub(super) unknown: u64,
    /// A read fails.
    pub(super) unreadable: u64,
}

/// What a disk did to commits and reads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Trouble {
    /// Commits for which there was no room.
    pub full: u64,
    /// Commits that failed, of which nobody knew whether they took place.
    pub failed: u64,
    /// Commits in whose middle the process died: of their batches nothing may be there.
    pub torn: u64,
    /// Reads that failed.
    pub unread: u64,
}

impl Trouble {
    /// Adds what another disk did.
    pub(super) fn add(&mut self, other: &Self) {
        self.full += other.full;
        self.failed += other.failed;
        self.torn += other.torn;
        self.unread += other.unread;
    }
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
    /// In which order the logs grew: each with its last sequence then.
    order: Vec<(LogId, Sequence)>,
    /// What commits did to messages that they must not do.
    breaches: Vec<String>,
    /// How many batches took messages.
    messages: u64,
    /// How many took messages of their own log.
    own_messages: u64,
    /// What a planted bug remembers.
    bug: planted::Memory,
    trouble: Trouble,
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
            order: Vec::new(),
            breaches: Vec::new(),
            messages: 0,
            own_messages: 0,
            bug: planted::Memory::default(),
            trouble: Trouble::default(),
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

    /// Returns how many batches took messages, and how many took messages of their own log.
    pub(super) fn messages(&self) -> (u64, u64) {
        let state = self.state();
        (state.messages, state.own_messages)
    }

    /// Takes what commits did to messages that they must not do.
    pub(super) fn take_breaches(&self) -> Vec<String> {
        std::mem::take(&mut self.state().breaches)
    }

    /// Returns in which order the logs grew: each with its last sequence then.
    pub(super) fn order(&self) -> Vec<(LogId, Sequence)> {
        self.state().order.clone()
    }

    /// Returns what it did until now.
    pub(super) fn trouble(&self) -> Trouble {
        self.state().trouble
    }

    /// Returns the choices that the disk made.
    pub(super) fn taken(&self) -> Choices {
        self.state().random.taken()
    }

    /// Decides whether a read fails.
    pub(super) fn is_unreadable(&self) -> bool {
        let mut state = self.state();
        let rate = state.faults.unreadable;
        let is_unreadable = rate > 0 && state.random.permille(rate);
        state.trouble.unread += u64::from(is_unreadable);
        is_unreadable
    }

    pub(super) fn has_planted(&self, planted: Planted) -> bool {
        self.state().planted == Some(planted)
    }

    /// Whether a planted bug hides a run from whoever asks for it.
    pub(super) fn forgets_runs(&self) -> bool {
        let mut state = self.state();
        state.planted == Some(Planted::DedupeOff) && state.random.permille(300)
    }

    /// From now on nothing goes wrong any more.
    pub(super) fn heal(&self) {
        self.state().faults = Faults::default();
    }

    /// What survives the sudden death of the process and of the machine.
    pub(super) fn crash(&self) {
        let mut state = self.state();
        let is_process_alone =
            state.planted == Some(Planted::SynchronousNormal) && !state.random.permille(300);
        if !state.is_unsynced_kept() || is_process_alone {
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

    /// Leaves of a batch what a crash in the middle of its write left, if a planted bug takes that for something.
    fn tear(&self, batch: &mut Batch) -> bool {
        let mut state = self.state();
        state.trouble.torn += 1;
        let is_visible = state.planted == Some(Planted::TornBatch);
        if is_visible {
            let kept = state.random.below(batch.records.len() as u64);
            batch.records.truncate(usize::try_from(kept).expect("it is small"));
            batch.operations.clear();
        }
        is_visible
    }

    /// Makes durable what a planted bug held back.
    pub(super) fn sync(&self) {
        let mut state = self.state();
        state.synced = state.done.len();
    }

    /// Returns the committer of a store that was just opened, and the place where its batch lies.
    pub(super) fn committer(
        &self,
        store: Box<dyn Store>,
        (logs, inbox): (Logs, Inbox),
    ) -> (Box<dyn Committer>, Bench) {
        let bench = Bench(Arc::new(Mutex::new(Hold { store: Some(store), logs, inbox, batch: None })));
        (Box::new(Desk { disk: self.clone(), bench: bench.clone() }), bench)
    }
}

impl State {
    fn draw(&mut self) -> Option<Fault> {
        let (full, unknown) = (self.faults.full, self.faults.unknown);
        let drawn = 1_000 - self.random.below(1_000);
        match drawn {
            _ if drawn <= full => {
                self.trouble.full += 1;
                Some(Fault::Full)
            }
            _ if drawn <= full + unknown => {
                self.trouble.failed += 1;
                Some(Fault::Unknown { is_stored: self.random.permille(500) })
            }
            _ => None,
        }
    }

    /// Whether a planted bug leaves commits unsynced, which a crash takes back.
    fn is_unsynced_kept(&self) -> bool {
        matches!(
            self.planted,
            Some(Planted::AcknowledgeBeforeSync | Planted::FailedSyncTrusted | Planted::SynchronousNormal)
        )
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
        if state.is_unsynced_kept() {
            state.done.push(Done::Opened(log));
            state.synced = state.done.len();
        }
        let mut opened = self.inner.open_log(log)?;
        state.ends.insert(log, (opened.epoch, opened.last));
        if state.planted == Some(Planted::EpochNotRaised) {
            opened.epoch = Epoch(1);
        }
        Ok(opened)
    }

    fn commit(&mut self, batch: &Batch) -> Result<Committed, StoreError> {
        let mut batch = batch.clone();
        let mut state = self.disk.state();
        let partitions = state.partitions;
        let State { planted, random, bug, ends, .. } = &mut *state;
        if let Some(planted) = planted {
            let end = ends.get(&batch.log).copied().unwrap_or((batch.epoch, batch.expected));
            planted::spoil(*planted, &mut batch, random, bug, end);
        }
        let mut wrong = misdelivered(&self.inner, &batch);
        wrong.extend(meddling(partitions, &batch));
        let committed = self.inner.commit(&batch)?;
        state.commits += 1;
        state.breaches.extend(wrong);
        let takes = |done: &IndexOperation| matches!(done, IndexOperation::PutReceived { .. });
        state.messages += u64::from(batch.operations.iter().any(takes));
        let takes_own = |done: &IndexOperation| matches!(done, IndexOperation::PutReceived { from, .. } if *from == batch.log);
        state.own_messages += u64::from(batch.operations.iter().any(takes_own));
        state.order.push((batch.log, committed.last));
        state.ends.insert(batch.log, (batch.epoch, committed.last));
        if state.is_unsynced_kept() {
            state.done.push(Done::Committed(Box::new(batch)));
            let is_checkpoint = state.commits.is_multiple_of(CHECKPOINT_COMMITS);
            let is_synced = match state.planted {
                Some(Planted::FailedSyncTrusted) => !state.bug.is_sync_failing,
                Some(Planted::SynchronousNormal) => is_checkpoint,
                _ => false,
            };
            if is_synced {
                state.synced = state.done.len();
            }
        }
        Ok(committed)
    }

    fn reader(&self) -> Result<Box<dyn Reader>, StoreError> {
        Ok(Box::new(Flaky {
            inner: self.inner.reader()?,
            disk: self.disk.clone(),
            restored: RefCell::default(),
            woken: RefCell::default(),
        }))
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

/// Says what a batch changes of runs that belong to another log: only messages may be about those.
fn meddling(partitions: Partitions, batch: &Batch) -> Vec<String> {
    let changed = |operation: &IndexOperation| match operation {
        IndexOperation::PutValue { run, .. }
        | IndexOperation::CopyValue { run, .. }
        | IndexOperation::RemoveReady { run, .. }
        | IndexOperation::RemoveTimer { run, .. }
        | IndexOperation::RemoveSnapshot { run, .. } => Some(*run),
        IndexOperation::PutSummary(summary) => Some(summary.run),
        IndexOperation::PutReady(ready) => Some(ready.run),
        IndexOperation::PutGrant(grant) => Some(grant.run),
        IndexOperation::PutTimer(timer) => Some(timer.run),
        IndexOperation::PutLogRange(log) => Some(log.run),
        IndexOperation::PutCached(cached) => Some(cached.run),
        IndexOperation::PutSnapshot(snapshot) => Some(snapshot.run),
        IndexOperation::PutDefinition { .. }
        | IndexOperation::RemoveGrant { .. }
        | IndexOperation::PutMessage(_)
        | IndexOperation::RemoveMessages { .. }
        | IndexOperation::PutReceived { .. } => None,
    };
    let runs = batch.records.iter().map(|record| record.run);
    let runs = runs.chain(batch.operations.iter().filter_map(changed));
    let foreign = runs.filter(|run| partitions.log_of(*run) != batch.log);
    foreign.map(|run| format!("log {} changes run {run} of another one", batch.log)).collect()
}

/// Where the batch lies that was handed over.
#[derive(Clone)]
pub(super) struct Bench(Arc<Mutex<Hold>>);

struct Hold {
    store: Option<Box<dyn Store>>,
    logs: Logs,
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
        if !disk.has_planted(Planted::LogsUnsynced) {
            self.logs.sync_for(batch)?;
        }
        match fault {
            None => store.commit(batch),
            Some(Fault::Full) => Err(StoreError::Full),
            Some(Fault::Unknown { .. }) if disk.state().planted == Some(Planted::FailedSyncTrusted) => {
                disk.state().bug.is_sync_failing = true;
                store.commit(batch)
            }
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
        // The commit that was under way ends in one way or the other before the store is given back: whole, or torn, and
        // then nothing of it is there.
        if let Some(mut batch) = hold.batch.take() {
            let is_whole = self.disk.state().random.permille(500);
            let is_torn = !is_whole && self.disk.tear(&mut batch);
            let is_synced =
                self.disk.has_planted(Planted::LogsUnsynced) || hold.logs.sync_for(&batch).is_ok();
            if let Some(store) = &mut hold.store
                && is_synced
                && (is_whole || is_torn)
            {
                drop(store.commit(&batch));
            }
        }
        hold.store = None;
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.close();
    }
}
