//! Why a store cannot do what it was asked.

use std::io;

use myrmex_model::id::Epoch;

use crate::batch::{LogId, Sequence};
use crate::directory::HoldError;

/// Why a store cannot do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process holds the data directory.
    #[error(transparent)]
    Held(#[from] HoldError),
    /// The disk is full. Nothing of the batch is stored; the identical commit may succeed once there is space.
    #[error("the disk that holds the store is full")]
    Full,
    /// Somebody else holds a lock inside the store for longer than the store waits. Nothing is stored.
    #[error("the store is busy")]
    Busy,
    /// Reading or writing went wrong. Whether a batch was stored is unknown until the store has been opened again.
    #[error("{doing}")]
    Io {
        /// What the store was doing, as "cannot …".
        doing: String,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// An earlier commit ended with an I/O error, so what is on disk is unknown; open the store again.
    #[error("the store must be opened again because an earlier commit ended with an I/O error")]
    Poisoned,
    /// What is stored is not what was written.
    #[error("the store is damaged: {what} ({place})")]
    Damaged {
        /// What is wrong.
        what: String,
        /// Where: log and sequence, table, or file.
        place: String,
    },
    /// The log does not end where the author of the batch thinks it does. Nothing is stored.
    #[error("log {log} ends at sequence {found}, not at {expected}")]
    Conflict {
        /// The log.
        log: LogId,
        /// Where the author thinks it ends.
        expected: Sequence,
        /// Where it ends.
        found: Sequence,
    },
    /// The log was opened by somebody else since, or never by the author of the batch. Nothing is stored.
    #[error("log {log} is in epoch {}, the writer is of epoch {}", current.0, epoch.0)]
    Fenced {
        /// The log.
        log: LogId,
        /// The epoch of the author.
        epoch: Epoch,
        /// The epoch of the log; 0 if it was never opened.
        current: Epoch,
    },
    /// Another release made the store. Nothing is changed.
    #[error("the store has format {found}, this release reads and writes format {known} ({place})")]
    Format {
        /// The format of the store.
        found: u32,
        /// The format of this release.
        known: u32,
        /// The file.
        place: String,
    },
    /// A key or a count beyond what the store can hold.
    #[error("{what} is beyond the bounds of the store")]
    Bounds {
        /// What is too large.
        what: String,
    },
}

impl StoreError {
    /// Returns whether the identical call may succeed later, without opening the store again.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Full | Self::Busy => true,
            Self::Held(_)
            | Self::Io { .. }
            | Self::Poisoned
            | Self::Damaged { .. }
            | Self::Conflict { .. }
            | Self::Fenced { .. }
            | Self::Format { .. }
            | Self::Bounds { .. } => false,
        }
    }

    /// Builds the error of an I/O operation; a full disk or an exhausted quota has its own variant.
    pub(crate) fn io(doing: impl Into<String>, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Io { doing: doing.into(), source },
        }
    }

    /// Builds the error of something stored that is not what was written.
    pub(crate) fn damaged(what: impl Into<String>, place: impl Into<String>) -> Self {
        Self::Damaged { what: what.into(), place: place.into() }
    }
}
