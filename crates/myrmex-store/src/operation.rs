//! Changes of the indexes as data: what waits for a place, what is granted, which timers are armed, how runs stand.
//!
//! An index is a view of the journal that is kept current in the same transaction, so that a restart costs what is
//! open and not what has happened. Every key begins with the namespace.

use std::collections::HashMap;

use myrmex_model::address::Address;
use myrmex_model::command::TimerKey;
use myrmex_model::id::{Attempt, DefinitionHash, FencingToken, RunId, ValueHash};
use myrmex_model::name::{Name, Namespace};
use myrmex_model::status::Status;
use myrmex_model::time::Timestamp;

use crate::batch::{LogId, Sequence};
use crate::outbox::{Message, MessageNumber};
use crate::snapshot::Snapshot;

/// One change of an index. Putting what is there and removing what is not are no errors.
#[derive(Debug, Clone, PartialEq)]
pub enum IndexOperation {
    /// Keeps a definition. If the hash is known in the namespace, nothing changes.
    PutDefinition {
        /// The tenant.
        namespace: Namespace,
        /// The definition's hash.
        hash: DefinitionHash,
        /// The form of the body.
        form: u16,
        /// The workflow's name.
        name: Name,
        /// The definition, opaque.
        body: Vec<u8>,
    },
    /// Keeps a value of a run. If the run has the hash, nothing changes.
    PutValue {
        /// The tenant.
        namespace: Namespace,
        /// The run.
        run: RunId,
        /// The hash of `json`; checked whenever the value is read.
        hash: ValueHash,
        /// The JSON text, opaque.
        json: Vec<u8>,
    },
    /// Keeps for a run the value that another run has from an earlier batch. If the run has the hash, or the other has it
    /// not, nothing changes. The value never passes through the memory of whoever commits.
    CopyValue {
        /// The tenant of both.
        namespace: Namespace,
        /// The run that has it.
        from: RunId,
        /// The run that gets it.
        run: RunId,
        /// The hash of its JSON text.
        hash: ValueHash,
    },
    /// Says how a run stands, in place of what was said before.
    PutSummary(RunSummary),
    /// An attempt waits for a place; replaces the row of the same task.
    PutReady(Ready),
    /// A task no longer waits for a place.
    RemoveReady {
        /// The tenant.
        namespace: Namespace,
        /// The run.
        run: RunId,
        /// The task.
        task: Address,
    },
    /// A worker has an attempt; replaces the row of the same token.
    PutGrant(Grant),
    /// A grant of this log is over.
    RemoveGrant {
        /// The grant's token.
        token: FencingToken,
    },
    /// A timer is armed; replaces the row of the same key.
    PutTimer(Timer),
    /// A timer fired or was disarmed.
    RemoveTimer {
        /// The tenant.
        namespace: Namespace,
        /// The run.
        run: RunId,
        /// Which timer.
        timer: TimerKey,
    },
    /// Says where in the log segments output of an attempt lies; replaces the row of the same attempt and segment.
    PutLogRange(AttemptLog),
    /// Keeps a success that later attempts may take over; replaces the one of the same digest. The oldest beyond
    /// [`CACHED_MAX`] are forgotten.
    PutCached(Cached),
    /// Sends a message to another log: it stays in the outbox of this log until it is removed.
    PutMessage(Message),
    /// Messages to a log have been taken: none up to this one is kept any more.
    RemoveMessages {
        /// The log that took them.
        to: LogId,
        /// The last of them.
        through: MessageNumber,
    },
    /// Says how far this log has taken the messages of another, in the batch of what it made of them.
    PutReceived {
        /// The log that sent them.
        from: LogId,
        /// The last of them.
        through: MessageNumber,
    },
    /// Keeps how a run stands, in place of what was kept before.
    PutSnapshot(Snapshot),
    /// Forgets how a run stood.
    RemoveSnapshot {
        /// The tenant.
        namespace: Namespace,
        /// The run.
        run: RunId,
    },
}

/// The most successes that a store keeps to be taken over, those that were put last. A row has some hundred bytes, so
/// all of them stay far below the journals that they are from, and a `for_each` of tens of thousands fits.
pub const CACHED_MAX: u32 = 1 << 16;

/// Identifies what a success depends on: equal digest, equal result. Who puts it says what goes into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CacheDigest(pub [u8; 32]);

/// A success that a later attempt may take over. One per digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cached {
    /// The tenant.
    pub namespace: Namespace,
    /// What it depends on.
    pub digest: CacheDigest,
    /// The run that has its values and blobs.
    pub run: RunId,
    /// The task that succeeded.
    pub task: Address,
    /// Its output, in the run's value table.
    pub output: ValueHash,
    /// Its artifacts, a map of file values in the run's value table; none if there are none.
    pub artifacts: Option<ValueHash>,
    /// When it succeeded.
    pub at: Timestamp,
}

/// How a run stands, as lists of runs show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSummary {
    /// The tenant.
    pub namespace: Namespace,
    /// The run.
    pub run: RunId,
    /// The workflow's name.
    pub workflow: Name,
    /// The definition that the run follows now.
    pub definition: DefinitionHash,
    /// How it stands.
    pub status: Status,
    /// When it started.
    pub started: Timestamp,
    /// When it ended; none exactly as long as `status` is not final.
    pub ended: Option<Timestamp>,
    /// Who started it.
    pub started_by: String,
    /// The last record of the run's log that is in this summary.
    pub last: Sequence,
    /// The key that makes its start happen once, if it was started with one.
    pub key: Option<String>,
    /// The error in one line, if there is one.
    pub fault: Option<String>,
}

/// An attempt that waits for a place. One per task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready {
    /// The tenant.
    pub namespace: Namespace,
    /// The run.
    pub run: RunId,
    /// The task.
    pub task: Address,
    /// The attempt.
    pub attempt: Attempt,
    /// Since when it waits.
    pub at: Timestamp,
}

/// An attempt that a worker has. One per token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The tenant.
    pub namespace: Namespace,
    /// The run.
    pub run: RunId,
    /// The task.
    pub task: Address,
    /// The attempt.
    pub attempt: Attempt,
    /// Tells the grant from every other one of the log.
    pub token: FencingToken,
    /// The worker.
    pub worker: Name,
    /// When it was granted.
    pub at: Timestamp,
    /// The end of the log segments at that time: no output of the attempt lies before it. After a crash the output of
    /// lost attempts is looked for from here.
    pub logs_from: LogPosition,
}

/// A timer that is armed. One per key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timer {
    /// The tenant.
    pub namespace: Namespace,
    /// The run.
    pub run: RunId,
    /// Which timer.
    pub timer: TimerKey,
    /// When it is to fire.
    pub due: Timestamp,
}

/// Where output of an attempt lies. An attempt that was running while a segment was full has one in each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptLog {
    /// The tenant.
    pub namespace: Namespace,
    /// The run.
    pub run: RunId,
    /// The task.
    pub task: Address,
    /// The attempt.
    pub attempt: Attempt,
    /// The grant's token, which marks the attempt's chunks among the others of the range.
    pub token: FencingToken,
    /// The bytes.
    pub range: LogRange,
}

/// A place in the log segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogPosition {
    /// The segment's number, from 1.
    pub segment: u32,
    /// Bytes from the segment's beginning.
    pub offset: u64,
}

impl LogPosition {
    /// The beginning of the first segment.
    pub const START: Self = Self { segment: 1, offset: 0 };
}

/// A stretch of one log segment; holds whole chunks, of other attempts as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogRange {
    /// The segment's number, from 1.
    pub segment: u32,
    /// The first byte.
    pub start: u64,
    /// The byte after the last.
    pub end: u64,
}

/// What an operation is about; of several operations about the same thing the last one counts.
#[derive(PartialEq, Eq, Hash)]
enum Subject<'a> {
    Definition(&'a Namespace, DefinitionHash),
    Value(&'a Namespace, RunId, ValueHash),
    Summary(&'a Namespace, RunId),
    Ready(&'a Namespace, RunId, &'a Address),
    Grant(FencingToken),
    Timer(&'a Namespace, RunId, &'a TimerKey),
    Range(&'a Namespace, RunId, &'a Address, Attempt, u32),
    Cached(&'a Namespace, CacheDigest),
    Message(LogId, MessageNumber),
    Removal(LogId),
    Received(LogId),
    Snapshot(&'a Namespace, RunId),
}

fn subject(operation: &IndexOperation) -> Subject<'_> {
    match operation {
        IndexOperation::PutDefinition { namespace, hash, .. } => Subject::Definition(namespace, *hash),
        IndexOperation::PutValue { namespace, run, hash, .. }
        | IndexOperation::CopyValue { namespace, run, hash, .. } => Subject::Value(namespace, *run, *hash),
        IndexOperation::PutSummary(summary) => Subject::Summary(&summary.namespace, summary.run),
        IndexOperation::PutReady(Ready { namespace, run, task, .. })
        | IndexOperation::RemoveReady { namespace, run, task } => Subject::Ready(namespace, *run, task),
        IndexOperation::PutGrant(Grant { token, .. }) | IndexOperation::RemoveGrant { token } => {
            Subject::Grant(*token)
        }
        IndexOperation::PutTimer(Timer { namespace, run, timer, .. })
        | IndexOperation::RemoveTimer { namespace, run, timer } => Subject::Timer(namespace, *run, timer),
        IndexOperation::PutLogRange(log) => {
            Subject::Range(&log.namespace, log.run, &log.task, log.attempt, log.range.segment)
        }
        IndexOperation::PutCached(cached) => Subject::Cached(&cached.namespace, cached.digest),
        IndexOperation::PutMessage(message) => Subject::Message(message.to, message.number),
        IndexOperation::RemoveMessages { to, .. } => Subject::Removal(*to),
        IndexOperation::PutReceived { from, .. } => Subject::Received(*from),
        IndexOperation::PutSnapshot(Snapshot { namespace, run, .. })
        | IndexOperation::RemoveSnapshot { namespace, run } => Subject::Snapshot(namespace, *run),
    }
}

/// Returns the operations that count, in their order: of several about the same thing only the last.
///
/// A turn often queues an attempt and grants it at once, and every command of a run rewrites its summary.
pub(crate) fn coalesced(operations: &[IndexOperation]) -> impl Iterator<Item = &IndexOperation> {
    let mut last = HashMap::with_capacity(operations.len());
    for (index, operation) in operations.iter().enumerate() {
        last.insert(subject(operation), index);
    }
    operations
        .iter()
        .enumerate()
        .filter(move |(index, operation)| last.get(&subject(operation)) == Some(index))
        .map(|(_, operation)| operation)
}
