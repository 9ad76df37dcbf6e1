//! Bugs that are put in on purpose, to show that the simulator finds them. They live in its own parts, the disk, the
//! worker, the people: what is simulated is always the product as it is.

use std::collections::BTreeMap;

use myrmex_model::command::TimerKey;
use myrmex_model::id::{Epoch, RunId};
use myrmex_store::{Batch, IndexOperation, RunSummary, Sequence};

use super::random::Random;

/// A bug that is put in on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Planted {
    /// A commit is acknowledged before it is synced; a crash takes back what was not.
    AcknowledgeBeforeSync,
    /// Commits are synced now and then, as with `synchronous=NORMAL`: the death of the process takes nothing back, that of the
    /// machine does.
    SynchronousNormal,
    /// A sync that failed is taken for one that worked.
    FailedSyncTrusted,
    /// Of a batch whose write a crash interrupts, a part is there.
    TornBatch,
    /// Timer rows are written outside the batch, and sometimes lost.
    TimerOutsideBatch,
    /// Rows of attempts that wait for a place are written outside the batch, and sometimes lost.
    ReadyOutsideBatch,
    /// A commit with a stale epoch or sequence is accepted.
    StaleEpoch,
    /// Whoever opens the log gets the epoch of the one before.
    EpochNotRaised,
    /// The end of a run is overwritten by what was said of it before.
    TerminalOverwritten,
    /// A start that is asked for again begins a second run.
    DedupeOff,
    /// A late report of a dead worker is taken for one of the attempt that is open now.
    NoFencing,
    /// Places are counted on the side, and the count is off after a crash.
    SlotCounter,
    /// A cancel is acknowledged before it is decided.
    CancelRace,
    /// What attempts printed is not synced before the batch that names it.
    LogsUnsynced,
    /// The worker forgets what it reported before that is durable.
    ReportForgotten,
    /// What the worker is told reaches it twice, and it does not notice.
    AssignedTwice,
    /// Messages between partitions are written outside the batch, and sometimes lost.
    MessageOutsideBatch,
    /// How far messages are taken is not part of the batch of what was made of them.
    NoDedupe,
    /// What happened after a snapshot is not read with it.
    SnapshotTailSkipped,
    /// A run that left memory comes back as it was before it armed its last timer.
    SleeperBehind,
    /// Places are given away before a process has asked for what is to go on.
    NoOpeningHold,
    /// What the worker is told, and what it says, arrives in any order.
    WordsOvertake,
    /// After a break of its connection the worker does not say again what it has kept.
    BreakUnnoticed,
    /// A skip is acknowledged before it is decided.
    SkipRace,
    /// Of several tasks that are to be skipped, only the first is.
    SkipHalved,
    /// What somebody says is acknowledged before it is recorded.
    SignalRace,
    /// Who says something again, because no answer came, gives it another id.
    SignalTwice,
    /// When a task may begin, or end, is not kept: whoever opens the store after a crash does not come back to it.
    DateForgotten,
}

impl Planted {
    /// All of them.
    pub const ALL: [Self; 28] = [
        Self::AcknowledgeBeforeSync,
        Self::SynchronousNormal,
        Self::FailedSyncTrusted,
        Self::TornBatch,
        Self::TimerOutsideBatch,
        Self::ReadyOutsideBatch,
        Self::StaleEpoch,
        Self::EpochNotRaised,
        Self::TerminalOverwritten,
        Self::DedupeOff,
        Self::NoFencing,
        Self::SlotCounter,
        Self::CancelRace,
        Self::LogsUnsynced,
        Self::ReportForgotten,
        Self::AssignedTwice,
        Self::MessageOutsideBatch,
        Self::NoDedupe,
        Self::SnapshotTailSkipped,
        Self::SleeperBehind,
        Self::NoOpeningHold,
        Self::WordsOvertake,
        Self::BreakUnnoticed,
        Self::SkipRace,
        Self::SkipHalved,
        Self::SignalRace,
        Self::SignalTwice,
        Self::DateForgotten,
    ];

    /// Returns its name, as files of cases and the command line know it.
    pub fn name(self) -> &'static str {
        match self {
            Self::AcknowledgeBeforeSync => "acknowledge-before-sync",
            Self::SynchronousNormal => "synchronous-normal",
            Self::FailedSyncTrusted => "failed-sync-trusted",
            Self::TornBatch => "torn-batch",
            Self::TimerOutsideBatch => "timer-outside-batch",
            Self::ReadyOutsideBatch => "ready-outside-batch",
            Self::StaleEpoch => "stale-epoch",
            Self::EpochNotRaised => "epoch-not-raised",
            Self::TerminalOverwritten => "terminal-overwritten",
            Self::DedupeOff => "dedupe-off",
            Self::NoFencing => "no-fencing",
            Self::SlotCounter => "slot-counter",
            Self::CancelRace => "cancel-race",
            Self::LogsUnsynced => "logs-unsynced",
            Self::ReportForgotten => "report-forgotten",
            Self::AssignedTwice => "assigned-twice",
            Self::MessageOutsideBatch => "message-outside-batch",
            Self::NoDedupe => "no-dedupe",
            Self::SnapshotTailSkipped => "snapshot-tail-skipped",
            Self::SleeperBehind => "sleeper-behind",
            Self::NoOpeningHold => "no-opening-hold",
            Self::WordsOvertake => "words-overtake",
            Self::BreakUnnoticed => "break-unnoticed",
            Self::SkipRace => "skip-race",
            Self::SkipHalved => "skip-halved",
            Self::SignalRace => "signal-race",
            Self::SignalTwice => "signal-twice",
            Self::DateForgotten => "date-forgotten",
        }
    }

    /// Returns the bug of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|planted| planted.name() == name)
    }
}

/// What a planted bug of the disk remembers.
#[derive(Default)]
pub(super) struct Memory {
    /// Whether the commit under way is one whose sync fails.
    pub(super) is_sync_failing: bool,
    summaries: BTreeMap<RunId, RunSummary>,
}

/// Changes a batch as the bug does that lies below the contract of the store.
pub(super) fn spoil(
    planted: Planted,
    batch: &mut Batch,
    random: &mut Random,
    memory: &mut Memory,
    (epoch, last): (Epoch, Sequence),
) {
    match planted {
        Planted::TimerOutsideBatch => {
            if random.permille(100) {
                batch.operations.retain(|operation| !matches!(operation, IndexOperation::PutTimer(_)));
            }
        }
        Planted::ReadyOutsideBatch => {
            if random.permille(100) {
                batch.operations.retain(|operation| !matches!(operation, IndexOperation::PutReady(_)));
            }
        }
        Planted::DateForgotten => batch.operations.retain(|operation| {
            !matches!(
                operation,
                IndexOperation::PutTimer(row) if matches!(row.timer, TimerKey::EndLag(..) | TimerKey::Begin(_))
            )
        }),
        Planted::MessageOutsideBatch => {
            if random.permille(100) {
                batch.operations.retain(|operation| !matches!(operation, IndexOperation::PutMessage(_)));
            }
        }
        Planted::NoDedupe => {
            batch.operations.retain(|operation| !matches!(operation, IndexOperation::PutReceived { .. }));
        }
        Planted::StaleEpoch => (batch.expected, batch.epoch) = (last, epoch),
        Planted::EpochNotRaised => batch.epoch = epoch,
        Planted::TerminalOverwritten => overwrite(batch, memory),
        Planted::AcknowledgeBeforeSync
        | Planted::SynchronousNormal
        | Planted::FailedSyncTrusted
        | Planted::TornBatch
        | Planted::DedupeOff
        | Planted::NoFencing
        | Planted::SlotCounter
        | Planted::CancelRace
        | Planted::LogsUnsynced
        | Planted::ReportForgotten
        | Planted::AssignedTwice
        | Planted::SnapshotTailSkipped
        | Planted::SleeperBehind
        | Planted::NoOpeningHold
        | Planted::WordsOvertake
        | Planted::BreakUnnoticed
        | Planted::SkipRace
        | Planted::SkipHalved
        | Planted::SignalRace
        | Planted::SignalTwice => {}
    }
}

/// Says of runs that are over what was said of them while they were not.
fn overwrite(batch: &mut Batch, memory: &mut Memory) {
    for operation in &mut batch.operations {
        if let IndexOperation::PutSummary(summary) = operation {
            match memory.summaries.get(&summary.run) {
                Some(before) if summary.status.is_terminal() => *summary = before.clone(),
                Some(_) | None => {
                    memory.summaries.insert(summary.run, summary.clone());
                }
            }
        }
    }
}
