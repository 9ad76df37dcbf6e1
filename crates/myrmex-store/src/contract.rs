//! The contract of a store: one writer, any number of readers.

use myrmex_model::address::Address;
use myrmex_model::id::{DefinitionHash, Epoch, FencingToken, RunId, ValueHash};
use myrmex_model::name::{Name, Namespace};
use myrmex_model::status::Status;
use myrmex_model::time::Timestamp;

use crate::batch::{Batch, LogId, Record, Sequence};
use crate::chain::{self, Head, Verified};
use crate::error::StoreError;
use crate::operation::{AttemptLog, CacheDigest, Cached, Grant, Ready, RunSummary, Timer};
use crate::outbox::{Message, MessageNumber};
use crate::partitions::Partitions;
use crate::snapshot::Snapshot;

/// The most rows of one page, whatever limit is asked for: a page is one read transaction, and as long as one lasts
/// the write-ahead log of SQLite cannot begin anew.
pub const PAGE_ROWS_MAX: usize = 1_000;

/// The bytes of bodies after which a page of records ends early, for the memory of whoever reads large bodies.
pub const PAGE_BYTES_MAX: usize = 8 << 20;

/// The most runs that one page of a filtered list looks at, so that a filter that fits nothing stays a short read.
pub const PAGE_LOOKS_MAX: usize = 10_000;

/// Returns how many rows a page has for which `limit` were asked.
pub(crate) fn page_rows(limit: usize) -> usize {
    limit.min(PAGE_ROWS_MAX)
}

/// The end of a log when it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// The epoch of whoever opened it; commits must bear it.
    pub epoch: Epoch,
    /// The last sequence; [`Sequence::NONE`] if there is no record.
    pub last: Sequence,
}

/// The end of a log after a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// The last sequence.
    pub last: Sequence,
    /// The head of the chain; unchanged if the batch had no records.
    pub head: Head,
}

/// The writing side of a store. One thread owns it; it blocks.
pub trait Store: Send {
    /// Takes a log over: raises its epoch and says where it ends. The first opening of a log gives epoch 1.
    ///
    /// When this returns, the new epoch is durable: it is never given again, also after a power failure, and every
    /// commit with an older one is refused from now on. Everything that any commit acknowledged is there.
    ///
    /// # Errors
    ///
    /// After an error the epoch may or may not have been used up; a later opening gives a higher one in either case.
    fn open_log(&mut self, log: LogId) -> Result<Opened, StoreError>;

    /// Stores `batch`: all of it or nothing.
    ///
    /// When this returns `Ok`, the batch is durable: it survives the death of the process and loss of power. Its
    /// records follow each other in the log from `expected` + 1, and every later reader sees records and indexes of
    /// the whole batch.
    ///
    /// # Errors
    ///
    /// - [`StoreError::Conflict`], [`StoreError::Fenced`], [`StoreError::Bounds`]: nothing is stored, and the same
    ///   batch will never be.
    /// - [`StoreError::Full`], [`StoreError::Busy`]: nothing is stored; the identical batch may be tried again.
    /// - [`StoreError::Io`], [`StoreError::Damaged`], [`StoreError::Poisoned`]: whether the batch is stored is unknown.
    ///   The store refuses all commits until it is opened again, from which on [`Opened::last`] tells. A failed
    ///   sync is never tried again: the operating system may have dropped what it could not write.
    fn commit(&mut self, batch: &Batch) -> Result<Committed, StoreError>;

    /// Makes a reader of the same store, for another thread.
    fn reader(&self) -> Result<Box<dyn Reader>, StoreError>;
}

/// Which runs a list shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SummaryFilter {
    /// Only runs with this status.
    pub status: Option<Status>,
    /// Only runs of this workflow.
    pub workflow: Option<Name>,
}

/// The number of a run in the order in which the store first heard of it, from 1. [`Arrival::NONE`] is before all.
///
/// It belongs to one store: a restored backup keeps it, an export does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Arrival(pub i64);

impl Arrival {
    /// Before all runs.
    pub const NONE: Self = Self(0);
}

/// A place in the list of runs, newest first: by start, then by arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SummaryCursor {
    /// When the run at this place started.
    pub started: Timestamp,
    /// Its arrival.
    pub arrival: Arrival,
}

/// A part of the list of runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SummaryPage {
    /// The runs that pass the filter, newest first; may be fewer than asked for, or none, though more follow.
    pub summaries: Vec<RunSummary>,
    /// From where to go on; none at the end of the list.
    pub next: Option<SummaryCursor>,
}

/// A run that is not over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenRun {
    /// Its arrival, from which the next page goes on.
    pub arrival: Arrival,
    /// How it stands.
    pub summary: RunSummary,
}

/// A definition as it was put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDefinition {
    /// The form of the body.
    pub form: u16,
    /// The workflow's name.
    pub name: Name,
    /// The definition, opaque.
    pub body: Vec<u8>,
}

/// The reading side of a store: cheap, for any thread or process, also while a writer is at work.
///
/// Every call is one short read transaction and sees whole batches only. A page may be shorter than `limit`
/// ([`PAGE_ROWS_MAX`], [`PAGE_BYTES_MAX`]); where no cursor says otherwise, only an empty page is the end. Nothing
/// that a reader has seen vanishes, except that loss of power may take back what was not yet acknowledged.
///
/// Every call may return [`StoreError::Io`], [`StoreError::Busy`] and [`StoreError::Damaged`].
pub trait Reader: Send {
    /// Returns the logs that were ever opened, in order.
    fn logs(&self) -> Result<Vec<LogId>, StoreError>;

    /// Returns the records of `log` after `after`, in order.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Damaged`], which names log and sequence, if a record of the page is not as it was written.
    fn records(&self, log: LogId, after: Sequence, limit: usize) -> Result<Vec<Record>, StoreError>;

    /// Returns the records of one run after `after`, in order; none if the run is unknown. Costs what it returns.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Damaged`], which names log and sequence, if a record of the page is not as it was written.
    fn run_records(
        &self,
        namespace: &Namespace,
        run: RunId,
        after: Sequence,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError>;

    /// Returns how a run stands; none if the namespace has no such run.
    fn summary(&self, namespace: &Namespace, run: RunId) -> Result<Option<RunSummary>, StoreError>;

    /// Returns the runs of a namespace, newest first, those that come after `cursor`.
    fn summaries(
        &self,
        namespace: &Namespace,
        filter: &SummaryFilter,
        cursor: Option<SummaryCursor>,
        limit: usize,
    ) -> Result<SummaryPage, StoreError>;

    /// Returns the runs of `log`, of all namespaces, that are not over, in order of arrival. Costs what it returns.
    fn open_runs(&self, log: LogId, after: Arrival, limit: usize) -> Result<Vec<OpenRun>, StoreError>;

    /// Returns the runs with a summary whose id begins with the hexadecimal digits `prefix`, in the order of ids; none
    /// if `prefix` holds anything else. Ask for two to know whether a prefix is unambiguous.
    fn find_runs(&self, namespace: &Namespace, prefix: &str, limit: usize) -> Result<Vec<RunId>, StoreError>;

    /// Returns a definition; none if the namespace does not have it.
    fn definition(
        &self,
        namespace: &Namespace,
        hash: DefinitionHash,
    ) -> Result<Option<StoredDefinition>, StoreError>;

    /// Returns the JSON text of a value; none if the run does not have it.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Damaged`] if the text does not have the hash.
    fn value(
        &self,
        namespace: &Namespace,
        run: RunId,
        hash: ValueHash,
    ) -> Result<Option<Vec<u8>>, StoreError>;

    /// Returns the attempts of `log` that wait for a place, after the row `after`, by the run's arrival and task.
    fn ready(&self, log: LogId, after: Option<&Ready>, limit: usize) -> Result<Vec<Ready>, StoreError>;

    /// Returns the grants of `log` with tokens above `after`, in order of tokens.
    fn grants(&self, log: LogId, after: FencingToken, limit: usize) -> Result<Vec<Grant>, StoreError>;

    /// Returns the timers of `log` that are due before `before`, after the row `after`, the earliest first.
    fn timers(
        &self,
        log: LogId,
        before: Timestamp,
        after: Option<&Timer>,
        limit: usize,
    ) -> Result<Vec<Timer>, StoreError>;

    /// Returns where output of a run lies, of one task or of all, by task, attempt and segment, after the row `after`.
    fn log_ranges(
        &self,
        namespace: &Namespace,
        run: RunId,
        task: Option<&Address>,
        after: Option<&AttemptLog>,
        limit: usize,
    ) -> Result<Vec<AttemptLog>, StoreError>;

    /// Returns the success that was put last for a digest; none if the namespace has none, or has forgotten it. Whether
    /// its values and blobs can still be read is not looked at.
    fn cached(&self, namespace: &Namespace, digest: CacheDigest) -> Result<Option<Cached>, StoreError>;

    /// Returns how many partitions the store was made with: its logs are theirs.
    fn partitions(&self) -> Result<Partitions, StoreError>;

    /// Returns the messages that the first log of `route` sent to the second and has not removed, after `after`, in
    /// order.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Damaged`], which names both logs and the message, if one of the page is not as it was
    /// written.
    fn messages(
        &self,
        route: (LogId, LogId),
        after: MessageNumber,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError>;

    /// Returns how far `log` has taken the messages of `from`; [`MessageNumber::NONE`] if it has taken none.
    fn received(&self, log: LogId, from: LogId) -> Result<MessageNumber, StoreError>;

    /// Returns the snapshot of a run that was put last; none if there is none. Without it the journal says the same.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Damaged`], which names the run, if it is not as it was written.
    fn snapshot(&self, namespace: &Namespace, run: RunId) -> Result<Option<Snapshot>, StoreError>;

    /// Recomputes the chain of `log` and reports the first break. Many short reads, not one long one.
    ///
    /// # Errors
    ///
    /// Damage is not an error here but the answer.
    fn verify(&self, log: LogId) -> Result<Verified, StoreError> {
        chain::verify(self, log)
    }
}

impl SummaryFilter {
    /// Returns whether a list with this filter shows the run.
    pub fn fits(&self, summary: &RunSummary) -> bool {
        self.status.is_none_or(|status| summary.status == status)
            && self.workflow.as_ref().is_none_or(|workflow| summary.workflow == *workflow)
    }
}

/// Returns the smallest and the largest id that begin with the hexadecimal digits `prefix`; none if it holds
/// anything but up to 32 of them.
pub(crate) fn prefix_range(prefix: &str) -> Option<(RunId, RunId)> {
    let digits = 2 * size_of::<RunId>();
    let filled = |with: &str| Some(format!("{prefix}{}", with.repeat(digits.checked_sub(prefix.len())?)));
    Some((filled("0")?.parse().ok()?, filled("f")?.parse().ok()?))
}

/// Returns the text of a value if it has the hash under which it is stored.
pub(crate) fn value_checked(run: RunId, hash: ValueHash, json: Vec<u8>) -> Result<Vec<u8>, StoreError> {
    if ValueHash::of(&json) == hash {
        return Ok(json);
    }
    Err(StoreError::damaged("a value does not have its hash", format!("run {run}, value {hash}")))
}
