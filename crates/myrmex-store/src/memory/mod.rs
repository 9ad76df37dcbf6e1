//! A store in memory, for tests and for runs that need not outlive their process.
//!
//! The handle is shared: clones see the same store, so a test simulates a crash by dropping the engine and keeping a
//! clone. "Durable" means: as long as a clone lives.

mod reader;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use myrmex_model::address::Address;
use myrmex_model::command::TimerKey;
use myrmex_model::id::{Attempt, DefinitionHash, Epoch, FencingToken, RunId, ValueHash};
use myrmex_model::name::Namespace;
use myrmex_model::time::Timestamp;

use crate::batch::{Batch, LogId, NewRecord, Sequence};
use crate::chain::Head;
use crate::contract::{Arrival, Committed, Opened, Reader, Store, StoredDefinition, SummaryCursor};
use crate::error::StoreError;
use crate::operation::{
    AttemptLog, CACHED_MAX, CacheDigest, Cached, Grant, IndexOperation, Ready, RunSummary, Timer, coalesced,
};
use crate::outbox::{Message, MessageNumber};
use crate::partitions::Partitions;
use crate::snapshot::Snapshot;

/// A handle on a store in memory. Cloning gives another handle on the same store.
#[derive(Clone, Default)]
pub struct MemoryStore {
    shared: Arc<Mutex<Contents>>,
}

#[derive(Default)]
struct Contents {
    logs: BTreeMap<LogId, Log>,
    definitions: HashMap<(Namespace, DefinitionHash), StoredDefinition>,
    arrivals: BTreeMap<(Namespace, RunId), Arrival>,
    /// By arrival, the first at index 0.
    runs: Vec<Run>,
    lists: HashMap<Namespace, BTreeSet<SummaryCursor>>,
    cached: CachedSuccesses,
    /// By sender, receiver and number.
    outbox: BTreeMap<(LogId, LogId, MessageNumber), Message>,
    /// By receiver and sender.
    received: BTreeMap<(LogId, LogId), MessageNumber>,
    /// None stands for one.
    partitions: Option<Partitions>,
}

/// Successes by digest, and their order.
#[derive(Default)]
struct CachedSuccesses {
    by_digest: HashMap<(Namespace, CacheDigest), (u64, Cached)>,
    by_number: BTreeMap<u64, (Namespace, CacheDigest)>,
    /// The number of the last one.
    last: u64,
}

impl CachedSuccesses {
    fn put(&mut self, cached: Cached) {
        self.last += 1;
        let key = (cached.namespace.clone(), cached.digest);
        self.by_number.insert(self.last, key.clone());
        if let Some((before, _)) = self.by_digest.insert(key, (self.last, cached)) {
            self.by_number.remove(&before);
        }
        let kept = self.by_number.split_off(&(self.last.saturating_sub(u64::from(CACHED_MAX)) + 1));
        for key in std::mem::replace(&mut self.by_number, kept).into_values() {
            self.by_digest.remove(&key);
        }
    }
}

#[derive(Default)]
struct Log {
    epoch: u32,
    records: Vec<Stored>,
    ready: BTreeMap<(Arrival, Address), Ready>,
    grants: BTreeMap<FencingToken, Grant>,
    timers: BTreeMap<(Arrival, TimerKey), Timestamp>,
    due: BTreeMap<(Timestamp, Arrival, TimerKey), Timer>,
    open: BTreeSet<Arrival>,
}

struct Stored {
    namespace: Namespace,
    run: RunId,
    bytes: Vec<u8>,
    head: Option<Head>,
}

#[derive(Default)]
struct Run {
    records: Vec<(LogId, Sequence)>,
    summary: Option<RunSummary>,
    values: HashMap<ValueHash, Vec<u8>>,
    ranges: BTreeMap<(Address, Attempt, u32), AttemptLog>,
    /// The last snapshot: up to where it goes, and its bytes.
    snapshot: Option<(LogId, Sequence, Vec<u8>)>,
}

impl Log {
    fn last(&self) -> Sequence {
        Sequence::NONE.plus(self.records.len())
    }
}

impl Contents {
    fn arrival(&self, namespace: &Namespace, run: RunId) -> Option<Arrival> {
        self.arrivals.get(&(namespace.clone(), run)).copied()
    }

    fn run(&self, arrival: Arrival) -> Option<&Run> {
        self.runs.get(usize::try_from(arrival.0).ok()?.checked_sub(1)?)
    }

    /// Returns the arrival of a run and what is kept of it, which begins empty.
    fn enter(&mut self, namespace: &Namespace, run: RunId) -> (Arrival, &mut Run) {
        let next = Arrival(i64::try_from(self.runs.len()).unwrap_or(i64::MAX).saturating_add(1));
        let arrival = *self.arrivals.entry((namespace.clone(), run)).or_insert(next);
        if arrival == next {
            self.runs.push(Run::default());
        }
        let index = usize::try_from(arrival.0 - 1).expect("arrivals count from 1");
        (arrival, &mut self.runs[index])
    }

    fn append(&mut self, log: LogId, record: &NewRecord, bytes: Vec<u8>, head: Option<Head>) {
        let NewRecord { namespace, run, .. } = record;
        let records = &mut self.logs.entry(log).or_default().records;
        records.push(Stored { namespace: namespace.clone(), run: *run, bytes, head });
        let sequence = Sequence::NONE.plus(records.len());
        self.enter(namespace, *run).1.records.push((log, sequence));
    }

    fn apply(&mut self, id: LogId, operation: &IndexOperation) {
        match operation.clone() {
            IndexOperation::PutDefinition { namespace, hash, form, name, body } => {
                let definition = StoredDefinition { form, name, body };
                self.definitions.entry((namespace, hash)).or_insert(definition);
            }
            IndexOperation::PutValue { namespace, run, hash, json } => {
                self.enter(&namespace, run).1.values.entry(hash).or_insert(json);
            }
            IndexOperation::CopyValue { namespace, from, run, hash } => {
                let json = self.enter(&namespace, from).1.values.get(&hash).cloned();
                if let Some(json) = json {
                    self.enter(&namespace, run).1.values.entry(hash).or_insert(json);
                }
            }
            IndexOperation::PutSummary(summary) => self.put_summary(id, summary),
            IndexOperation::PutReady(ready) => {
                let key = (self.enter(&ready.namespace, ready.run).0, ready.task.clone());
                self.log(id).ready.insert(key, ready);
            }
            IndexOperation::RemoveReady { namespace, run, task } => {
                if let Some(arrival) = self.arrival(&namespace, run) {
                    self.log(id).ready.remove(&(arrival, task));
                }
            }
            IndexOperation::PutGrant(grant) => {
                self.log(id).grants.insert(grant.token, grant);
            }
            IndexOperation::RemoveGrant { token } => {
                self.log(id).grants.remove(&token);
            }
            IndexOperation::PutTimer(timer) => {
                let arrival = self.enter(&timer.namespace, timer.run).0;
                let log = self.log(id);
                log.disarm(arrival, &timer.timer);
                log.timers.insert((arrival, timer.timer.clone()), timer.due);
                log.due.insert((timer.due, arrival, timer.timer.clone()), timer);
            }
            IndexOperation::RemoveTimer { namespace, run, timer } => {
                if let Some(arrival) = self.arrival(&namespace, run) {
                    self.log(id).disarm(arrival, &timer);
                }
            }
            IndexOperation::PutLogRange(log) => {
                let key = (log.task.clone(), log.attempt, log.range.segment);
                self.enter(&log.namespace, log.run).1.ranges.insert(key, log);
            }
            IndexOperation::PutCached(cached) => self.cached.put(cached),
            IndexOperation::PutMessage(message) => {
                self.outbox.insert((id, message.to, message.number), message);
            }
            IndexOperation::RemoveMessages { to, through } => {
                self.outbox
                    .retain(|(from, to_here, number), _| (*from, *to_here) != (id, to) || *number > through);
            }
            IndexOperation::PutReceived { from, through } => {
                self.received.insert((id, from), through);
            }
            IndexOperation::PutSnapshot(snapshot) => {
                let Snapshot { namespace, run, last, .. } = &snapshot;
                self.enter(namespace, *run).1.snapshot = Some((id, *last, snapshot.seal(id)));
            }
            IndexOperation::RemoveSnapshot { namespace, run } => {
                self.enter(&namespace, run).1.snapshot = None;
            }
        }
    }

    fn put_summary(&mut self, log: LogId, summary: RunSummary) {
        let (arrival, run) = self.enter(&summary.namespace, summary.run);
        let before = run.summary.replace(summary.clone());
        let list = self.lists.entry(summary.namespace).or_default();
        if let Some(before) = before {
            list.remove(&SummaryCursor { started: before.started, arrival });
        }
        list.insert(SummaryCursor { started: summary.started, arrival });
        let open = &mut self.log(log).open;
        if summary.status.is_terminal() {
            open.remove(&arrival);
        } else {
            open.insert(arrival);
        }
    }

    fn log(&mut self, id: LogId) -> &mut Log {
        self.logs.entry(id).or_default()
    }
}

impl Log {
    fn disarm(&mut self, arrival: Arrival, key: &TimerKey) {
        if let Some(due) = self.timers.remove(&(arrival, key.clone())) {
            self.due.remove(&(due, arrival, key.clone()));
        }
    }
}

impl MemoryStore {
    /// Makes an empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes an empty store with so many partitions.
    pub fn with_partitions(partitions: Partitions) -> Self {
        let store = Self::default();
        store.contents().partitions = Some(partitions);
        store
    }

    /// Flips a bit in the stored bytes of a record, for tests of what notices it. Does nothing if there is no such
    /// record.
    pub fn damage(&self, log: LogId, sequence: Sequence) {
        let mut contents = self.contents();
        let index = usize::try_from(sequence.0).unwrap_or(usize::MAX).wrapping_sub(1);
        if let Some(stored) = contents.logs.get_mut(&log).and_then(|log| log.records.get_mut(index))
            && let Some(byte) = stored.bytes.last_mut()
        {
            *byte ^= 1;
        }
    }

    /// Flips a bit in the stored bytes of every snapshot of a run with this id, for tests of what notices it.
    pub fn damage_snapshot(&self, run: RunId) {
        let mut contents = self.contents();
        let named = contents.arrivals.iter().filter(|((_, id), _)| *id == run).map(|(_, arrival)| *arrival);
        for arrival in named.collect::<Vec<_>>() {
            let index = usize::try_from(arrival.0 - 1).expect("arrivals count from 1");
            if let Some(byte) =
                contents.runs[index].snapshot.as_mut().and_then(|(.., bytes)| bytes.last_mut())
            {
                *byte ^= 1;
            }
        }
    }

    /// A panic of another thread cannot leave a batch half applied: everything is checked before anything changes.
    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn open_log(&mut self, log: LogId) -> Result<Opened, StoreError> {
        if log > LogId::MAX {
            return Err(StoreError::Bounds { what: format!("log {log}") });
        }
        let mut contents = self.contents();
        let log = contents.log(log);
        log.epoch += 1;
        Ok(Opened { epoch: Epoch(log.epoch), last: log.last() })
    }

    fn commit(&mut self, batch: &Batch) -> Result<Committed, StoreError> {
        let mut contents = self.contents();
        let log = contents.logs.get(&batch.log);
        let (epoch, last) = log.map_or((0, Sequence::NONE), |log| (log.epoch, log.last()));
        batch.check(Epoch(epoch), last)?;
        let previous = log.and_then(|log| log.records.last()).and_then(|record| record.head);
        let (stored, head) = batch.seal(previous.unwrap_or_else(|| Head::of_empty(batch.log)));
        let count = stored.len();
        for (index, (record, bytes)) in batch.records.iter().zip(stored).enumerate() {
            contents.append(batch.log, record, bytes, (index + 1 == count).then_some(head));
        }
        for operation in coalesced(&batch.operations) {
            contents.apply(batch.log, operation);
        }
        Ok(Committed { last: last.plus(count), head })
    }

    fn reader(&self) -> Result<Box<dyn Reader>, StoreError> {
        Ok(Box::new(self.clone()))
    }
}
