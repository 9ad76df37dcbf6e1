//! What is written in one transaction, and what is read back of it.

use std::fmt;

use myrmex_model::id::{Epoch, RunId};
use myrmex_model::name::Namespace;

use crate::chain::{Head, Link};
use crate::envelope::{self, Place};
use crate::error::StoreError;
use crate::operation::IndexOperation;

/// Identifies the log of a partition within a store, from 0 to [`LogId::MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogId(pub u32);

impl LogId {
    /// The largest log: the SQLite backend packs log and sequence into one 63-bit key, which saves bytes in every
    /// record. Eight million partitions are more than any installation has.
    pub const MAX: Self = Self((1 << 23) - 1);
}

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The place of a record in its log, from 1, without gaps. [`Sequence::NONE`] stands before the first record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(pub u64);

impl Sequence {
    /// The place before the first record: what the last sequence of an empty log is.
    pub const NONE: Self = Self(0);

    /// The largest sequence: 40 bits, a century at three hundred records a second in one log.
    pub const MAX: Self = Self((1 << 40) - 1);

    /// Returns the place `count` records further on.
    #[must_use]
    pub fn plus(self, count: usize) -> Self {
        Self(self.0.saturating_add(count as u64))
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// One transaction: everything in it is stored, or nothing is.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// The log that is written.
    pub log: LogId,
    /// The last sequence of the log before this batch, as its author knows it.
    pub expected: Sequence,
    /// The epoch that [`crate::Store::open_log`] gave to the author.
    pub epoch: Epoch,
    /// The records, in the order of their sequences; may be empty, then the chain of heads does not grow.
    pub records: Vec<NewRecord>,
    /// What changes in the indexes. Of several operations on one key the last one counts.
    pub operations: Vec<IndexOperation>,
}

impl Batch {
    /// Checks the batch against the state of its log, the same way in every backend.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Fenced`], [`StoreError::Conflict`] or [`StoreError::Bounds`].
    pub(crate) fn check(&self, current: Epoch, last: Sequence) -> Result<(), StoreError> {
        let Self { log, expected, epoch, ref records, .. } = *self;
        if epoch != current || current.0 == 0 {
            return Err(StoreError::Fenced { log, epoch, current });
        }
        if expected != last {
            return Err(StoreError::Conflict { log, expected, found: last });
        }
        if last.plus(records.len()) > Sequence::MAX {
            return Err(StoreError::Bounds { what: format!("the sequence of log {log}") });
        }
        Ok(())
    }

    /// Frames the records and computes the head that follows `previous`: the bytes to store, in order.
    pub(crate) fn seal(&self, previous: Head) -> (Vec<Vec<u8>>, Head) {
        if self.records.is_empty() {
            return (Vec::new(), previous);
        }
        let mut link = Link::after(previous);
        let mut stored = Vec::with_capacity(self.records.len());
        for (index, record) in self.records.iter().enumerate() {
            let place = Place {
                log: self.log,
                sequence: self.expected.plus(index + 1),
                namespace: record.namespace.as_str(),
                run: record.run,
            };
            let bytes = envelope::seal(&place, record.codec, &record.body);
            link.add(&place, &bytes);
            stored.push(bytes);
        }
        (stored, link.head())
    }
}

/// A record that is to be appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRecord {
    /// The tenant of the run.
    pub namespace: Namespace,
    /// The run that the record belongs to.
    pub run: RunId,
    /// How the body is encoded; the store keeps the number and does not look at it.
    pub codec: u8,
    /// The body, opaque.
    pub body: Vec<u8>,
}

/// A stored record whose checksum is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The log it is in.
    pub log: LogId,
    /// Its place in the log.
    pub sequence: Sequence,
    /// The tenant of the run.
    pub namespace: Namespace,
    /// The run that it belongs to.
    pub run: RunId,
    /// How the body is encoded.
    pub codec: u8,
    /// The body, opaque.
    pub body: Vec<u8>,
    /// The head of the chain after the commit batch that ends with this record; none for the others of the batch.
    pub head: Option<Head>,
}

impl Record {
    /// Checks the bytes that are stored for the record of `run` at `sequence` of `log` and takes them apart.
    pub(crate) fn open(
        (log, sequence): (LogId, Sequence),
        (namespace, run): (Namespace, RunId),
        stored: &[u8],
        head: Option<Head>,
    ) -> Result<Self, StoreError> {
        let place = Place { log, sequence, namespace: namespace.as_str(), run };
        let envelope::Opened { codec, body } = envelope::open(&place, stored)?;
        let body = body.to_vec();
        Ok(Self { log, sequence, namespace, run, codec, body, head })
    }
}
