//! The output of tasks: one stream of checksummed chunks in append-only segments, never a file per task.
//!
//! Chunks of all attempts stand interleaved in the order in which they came. A commit names stretches of segments
//! ([`LogRange`]); which chunks of a stretch belong to an attempt is told by its [`Source`]. The order of calls is:
//! `append` while the attempt runs, `flush` often, then `finish`, `sync`, and the commit that names the ranges.
//!
//! What was flushed survives the death of the process, what was synced survives loss of power. After a crash,
//! [`LogReader::scan_tail`] finds what attempts had written that no commit names yet.

mod chunk;
mod file;
mod memory;
mod sums;
mod walk;
mod writer;

use myrmex_model::id::FencingToken;
use myrmex_model::time::Timestamp;

pub use file::{FileLogReader, FileLogStore};
pub use memory::{MemoryLogReader, MemoryLogStore};

use crate::batch::LogId;
use crate::error::StoreError;
use crate::operation::{LogPosition, LogRange};

/// Length after which a segment is full and the next one begins: small enough to remove old output in pieces, large
/// enough that a busy year has thousands of files and not millions.
pub const SEGMENT_BYTES: u64 = 64 << 20;

/// What an attempt may write, unless configured otherwise.
pub const ATTEMPT_BYTES_MAX: u64 = 64 << 20;

/// Identifies an attempt in the segments: tokens are unique within the log of their partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source {
    /// The partition's log.
    pub log: LogId,
    /// The grant's token.
    pub token: FencingToken,
}

/// Where a process wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// A part of what an attempt wrote, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Bytes as they were appended, in pieces of at most 256 KiB.
    Output {
        /// Where they were written.
        stream: Stream,
        /// When they were read from the process.
        at: Timestamp,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// Here bytes are missing because the attempt wrote more than it may.
    Dropped {
        /// How many; none if the process died before it could say. Then what came last is missing as well.
        bytes: Option<u64>,
    },
}

/// What was written after a position, as far as it is whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tail {
    /// The stretches with output, by attempt and segment.
    pub ranges: Vec<(Source, LogRange)>,
    /// Where segments end with a chunk that was never completed. Normal after a crash.
    pub torn: Vec<LogPosition>,
    /// Where whole chunks follow upon something that is none. Never normal.
    pub damaged: Vec<LogPosition>,
}

/// The writing side of the segments. One thread owns it.
pub trait LogStore: Send {
    /// Takes bytes that an attempt wrote. They are in memory until the next flush, which happens by itself when much
    /// is waiting.
    ///
    /// An attempt that has written all it may keeps its beginning and its end; the middle is dropped and counted.
    ///
    /// # Errors
    ///
    /// After [`StoreError::Full`] nothing of `bytes` was taken and the call may be repeated.
    fn append(
        &mut self,
        source: Source,
        stream: Stream,
        at: Timestamp,
        bytes: &[u8],
    ) -> Result<(), StoreError>;

    /// Says that an attempt will write no more, and returns where its output lies; nothing if it wrote nothing.
    ///
    /// The ranges may be committed after the next [`LogStore::sync`].
    ///
    /// # Errors
    ///
    /// After [`StoreError::Full`] the call may be repeated.
    fn finish(&mut self, source: Source, at: Timestamp) -> Result<Vec<LogRange>, StoreError>;

    /// Hands everything to the operating system: it survives the death of this process.
    ///
    /// # Errors
    ///
    /// After [`StoreError::Full`] everything is still waiting and the call may be repeated.
    fn flush(&mut self) -> Result<(), StoreError>;

    /// Flushes and syncs: everything that was appended, and everything an earlier owner of the segments flushed,
    /// survives loss of power. Costs nothing if nothing is new.
    ///
    /// # Errors
    ///
    /// After [`StoreError::Io`] the segments must be opened again; a failed sync is never tried again.
    fn sync(&mut self) -> Result<(), StoreError>;

    /// Returns where the next chunk will stand. A grant keeps it, see [`crate::Grant::logs_from`].
    fn position(&self) -> LogPosition;

    /// Makes a reader of the same segments, for another thread.
    fn reader(&self) -> Box<dyn LogReader>;
}

/// The pieces of a range, or why one cannot be read. Reading goes on behind a damaged chunk.
pub type Pieces<'a> = Box<dyn Iterator<Item = Result<Piece, StoreError>> + 'a>;

/// The reading side of the segments; also for other processes.
pub trait LogReader: Send {
    /// Reads what `source` wrote in the `ranges` that a commit names, in their order. Memory does not grow with their
    /// length. Each place that is not as it was written gives one [`StoreError::Damaged`].
    fn read(&self, ranges: Vec<LogRange>, source: Source) -> Pieces<'_>;

    /// Finds what was written at `from` and later, also where no commit names it, and where it is torn. For the time
    /// after a crash, with the smallest [`crate::Grant::logs_from`] of the grants that were open.
    fn scan_tail(&self, from: LogPosition) -> Result<Tail, StoreError>;
}
