//! Snapshots of runs: caches beside the journal, one for each run, that may be lost or damaged without harm.
//!
//! A snapshot is put by the batch whose records are the last ones in it, or by a later one, so it never says more than
//! the journal does. The store does not know what it says.

use myrmex_model::id::RunId;
use myrmex_model::name::Namespace;

use crate::batch::{LogId, Sequence};
use crate::envelope::{self, Place};
use crate::error::StoreError;

/// How a run stood after one of its records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The tenant.
    pub namespace: Namespace,
    /// The run.
    pub run: RunId,
    /// The records of the run up to this place in its log are in it.
    pub last: Sequence,
    /// Who wrote it: it means something to nobody else.
    pub tag: SnapshotTag,
    /// How the run stood, opaque.
    pub body: Vec<u8>,
}

/// Who can read a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotTag {
    /// How the body is encoded.
    pub codec: u8,
    /// Which build of the engine wrote it.
    pub build: u64,
}

/// Bytes of the build before the body.
const BUILD_BYTES: usize = 8;

impl Snapshot {
    /// Frames the snapshot as a record is framed: the bytes to store.
    pub(crate) fn seal(&self, log: LogId) -> Vec<u8> {
        let Self { namespace, run, last, tag: SnapshotTag { codec, build }, body } = self;
        let place = Place { log, sequence: *last, namespace: namespace.as_str(), run: *run };
        let mut content = Vec::with_capacity(BUILD_BYTES + body.len());
        content.extend_from_slice(&build.to_le_bytes());
        content.extend_from_slice(body);
        envelope::seal(&place, *codec, &content)
    }

    /// Checks the bytes that are stored for the snapshot of a run and takes them apart.
    pub(crate) fn open(
        (log, last): (LogId, Sequence),
        (namespace, run): (Namespace, RunId),
        stored: &[u8],
    ) -> Result<Self, StoreError> {
        let damaged = || {
            StoreError::damaged("a snapshot is not as it was written", format!("run {run}, snapshot {last}"))
        };
        let place = Place { log, sequence: last, namespace: namespace.as_str(), run };
        let opened = envelope::open(&place, stored).map_err(|_| damaged())?;
        let (build, body) = opened.body.split_first_chunk::<BUILD_BYTES>().ok_or_else(damaged)?;
        let tag = SnapshotTag { codec: opened.codec, build: u64::from_le_bytes(*build) };
        let body = body.to_vec();
        Ok(Self { namespace, run, last, tag, body })
    }
}
