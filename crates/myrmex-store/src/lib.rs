//! The store contract and its backends: memory and SQLite; log segments, blobs and the data directory beside them.
//!
//! One [`Batch`] is one transaction: records of the journal and the rows of the indexes that go with them, all or
//! nothing, durable when [`Store::commit`] returns. The contract is told as recovery guarantees on every method.
//!
//! The store knows no event's meaning. Bodies of records, definitions and values are opaque bytes; it frames them
//! with an [`envelope`], checks them whenever they are read, and ties commit batches together by a chain of hashes.
//! It has no threads and no async: who calls it decides where it may block.

pub mod batch;
pub mod blobs;
pub mod chain;
pub mod conformance;
pub mod contract;
pub mod directory;
pub mod envelope;
mod error;
pub mod faulty;
pub mod memory;
pub mod operation;
pub mod outbox;
mod partitions;
pub mod segments;
mod snapshot;
pub mod sqlite;

pub use batch::{Batch, LogId, NewRecord, Record, Sequence};
pub use chain::{Head, Verified};
pub use contract::{Committed, Opened, Reader, Store};
pub use error::StoreError;
pub use operation::{
    CacheDigest, Cached, Grant, IndexOperation, LogPosition, LogRange, Ready, RunSummary, Timer,
};
pub use outbox::MessageNumber;
pub use partitions::Partitions;
pub use snapshot::{Snapshot, SnapshotTag};
