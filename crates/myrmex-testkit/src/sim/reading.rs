//! The reading side of a store whose disk fails at times, as a partition sees it.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io;

use myrmex_model::address::Address;
use myrmex_model::event::{Event, Recorded};
use myrmex_model::id::{DefinitionHash, FencingToken, RunId, ValueHash};
use myrmex_model::name::Namespace;
use myrmex_model::time::Timestamp;
use myrmex_runtime::partition::event_of;
use myrmex_store::contract::{Arrival, OpenRun, StoredDefinition, SummaryCursor, SummaryFilter, SummaryPage};
use myrmex_store::operation::AttemptLog;
use myrmex_store::outbox::Message;
use myrmex_store::{
    CacheDigest, Cached, Grant, LogId, MessageNumber, Partitions, Reader, Ready, Record, RunSummary,
    Sequence, Snapshot, StoreError, Timer,
};

use super::disk::Disk;
use super::planted::Planted;

/// A reader of which some calls fail.
pub(super) struct Flaky {
    pub(super) inner: Box<dyn Reader>,
    pub(super) disk: Disk,
    /// The runs that were restored by it, for a planted bug.
    pub(super) restored: RefCell<BTreeSet<RunId>>,
    /// Those of them that were restored once more: they had left memory.
    pub(super) woken: RefCell<BTreeSet<RunId>>,
}

impl Flaky {
    fn look(&self) -> Result<&dyn Reader, StoreError> {
        if self.disk.is_unreadable() {
            let source = io::Error::other("the disk of a simulation");
            return Err(StoreError::Io { doing: "cannot read the store".into(), source });
        }
        Ok(self.inner.as_ref())
    }
}

impl Reader for Flaky {
    fn logs(&self) -> Result<Vec<LogId>, StoreError> {
        self.look()?.logs()
    }

    fn records(&self, log: LogId, after: Sequence, limit: usize) -> Result<Vec<Record>, StoreError> {
        self.look()?.records(log, after, limit)
    }

    fn run_records(
        &self,
        namespace: &Namespace,
        run: RunId,
        after: Sequence,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        let mut records = self.look()?.run_records(namespace, run, after, limit)?;
        if self.disk.has_planted(Planted::SleeperBehind) && self.woken.borrow().contains(&run) {
            let arms = |record: &Record| {
                matches!(event_of(record), Ok(Recorded { event: Event::TimerArmed { .. }, .. }))
            };
            records.truncate(records.iter().rposition(arms).unwrap_or(records.len()));
        }
        Ok(records)
    }

    fn summary(&self, namespace: &Namespace, run: RunId) -> Result<Option<RunSummary>, StoreError> {
        let found = self.look()?.summary(namespace, run)?;
        Ok(found.filter(|_| !self.disk.forgets_runs()))
    }

    fn summaries(
        &self,
        namespace: &Namespace,
        filter: &SummaryFilter,
        cursor: Option<SummaryCursor>,
        limit: usize,
    ) -> Result<SummaryPage, StoreError> {
        self.look()?.summaries(namespace, filter, cursor, limit)
    }

    fn open_runs(&self, log: LogId, after: Arrival, limit: usize) -> Result<Vec<OpenRun>, StoreError> {
        self.look()?.open_runs(log, after, limit)
    }

    fn find_runs(&self, namespace: &Namespace, prefix: &str, limit: usize) -> Result<Vec<RunId>, StoreError> {
        self.look()?.find_runs(namespace, prefix, limit)
    }

    fn definition(
        &self,
        namespace: &Namespace,
        hash: DefinitionHash,
    ) -> Result<Option<StoredDefinition>, StoreError> {
        self.look()?.definition(namespace, hash)
    }

    fn value(
        &self,
        namespace: &Namespace,
        run: RunId,
        hash: ValueHash,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        self.look()?.value(namespace, run, hash)
    }

    fn ready(&self, log: LogId, after: Option<&Ready>, limit: usize) -> Result<Vec<Ready>, StoreError> {
        self.look()?.ready(log, after, limit)
    }

    fn grants(&self, log: LogId, after: FencingToken, limit: usize) -> Result<Vec<Grant>, StoreError> {
        self.look()?.grants(log, after, limit)
    }

    fn timers(
        &self,
        log: LogId,
        before: Timestamp,
        after: Option<&Timer>,
        limit: usize,
    ) -> Result<Vec<Timer>, StoreError> {
        self.look()?.timers(log, before, after, limit)
    }

    fn log_ranges(
        &self,
        namespace: &Namespace,
        run: RunId,
        task: Option<&Address>,
        after: Option<&AttemptLog>,
        limit: usize,
    ) -> Result<Vec<AttemptLog>, StoreError> {
        self.look()?.log_ranges(namespace, run, task, after, limit)
    }

    fn partitions(&self) -> Result<Partitions, StoreError> {
        self.look()?.partitions()
    }

    fn messages(
        &self,
        route: (LogId, LogId),
        after: MessageNumber,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError> {
        self.look()?.messages(route, after, limit)
    }

    fn received(&self, log: LogId, from: LogId) -> Result<MessageNumber, StoreError> {
        self.look()?.received(log, from)
    }

    fn cached(&self, namespace: &Namespace, digest: CacheDigest) -> Result<Option<Cached>, StoreError> {
        self.look()?.cached(namespace, digest)
    }

    fn snapshot(&self, namespace: &Namespace, run: RunId) -> Result<Option<Snapshot>, StoreError> {
        let found = self.look()?.snapshot(namespace, run)?;
        let is_open = |found: RunSummary| !found.status.is_terminal();
        let is_open = self.inner.summary(namespace, run)?.is_some_and(is_open);
        if !self.restored.borrow_mut().insert(run) && is_open {
            self.woken.borrow_mut().insert(run);
        }
        let is_skipped = self.disk.has_planted(Planted::SnapshotTailSkipped);
        let skipped = |found: Snapshot| Snapshot { last: Sequence::MAX, ..found };
        Ok(if is_skipped { found.map(skipped) } else { found })
    }
}
