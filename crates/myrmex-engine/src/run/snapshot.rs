//! Snapshots: a run between two turns as bytes, from which it goes on without its journal.
//!
//! A snapshot is a cache. It is read by the build of the engine that wrote it and by no other, so its form may change with
//! every build; who keeps it says beside it which build that was. What it says is what the journal says, or it is
//! damaged; then the journal is still there.

use std::sync::Arc;

use myrmex_model::id::{DefinitionHash, ValueHash};
use myrmex_model::ir::Definition;

use super::facts::Facts;
use super::{RebaseError, Run};

/// The number of the form of snapshots.
pub const SNAPSHOT_CODEC: u8 = 1;

/// The bytes of the checksum in front.
const SUM_BYTES: usize = 16;

/// The bytes of the hash of the definition behind it.
const HASH_BYTES: usize = 32;

/// Why a run cannot be made from a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// The bytes are not as they were written.
    #[error("the snapshot is damaged")]
    Damaged,
    /// The definition that the run followed is not there.
    #[error("definition {hash} is not in the store")]
    Definition {
        /// Its hash.
        hash: DefinitionHash,
    },
    /// The facts are not those of a run with that definition.
    #[error(transparent)]
    Facts(#[from] RebaseError),
}

impl Run {
    /// Returns the run as bytes. To be taken between turns, with nothing left to decide.
    pub fn snapshot(&self) -> Vec<u8> {
        let facts = self.facts().encode();
        let mut bytes = Vec::with_capacity(SUM_BYTES + HASH_BYTES + facts.len());
        bytes.extend_from_slice(&[0; SUM_BYTES]);
        bytes.extend_from_slice(&self.hash.0);
        bytes.extend_from_slice(&facts);
        let sum = ValueHash::of(&bytes[SUM_BYTES..]);
        bytes[..SUM_BYTES].copy_from_slice(&sum.0);
        bytes
    }

    /// Makes a run from what [`Run::snapshot`] of the same build gave. What is left to decide is found by
    /// [`Run::resume`]; what its journal says since then is applied by [`Run::replay_more`].
    ///
    /// `definition` is asked for the definition that the run follows.
    ///
    /// # Errors
    ///
    /// Returns [`SnapshotError`] if the bytes are damaged or the definition is missing. Reading takes no more memory than a
    /// multiple of `bytes`, whatever they are; that the facts belong together rests on the checksum.
    pub fn from_snapshot(
        bytes: &[u8],
        definition: &mut dyn FnMut(DefinitionHash) -> Option<Arc<Definition>>,
    ) -> Result<Self, SnapshotError> {
        let damaged = || SnapshotError::Damaged;
        let (sum, content) = bytes.split_at_checked(SUM_BYTES).ok_or_else(damaged)?;
        if ValueHash::of(content).0 != sum {
            return Err(SnapshotError::Damaged);
        }
        let (hash, facts) = content.split_first_chunk::<HASH_BYTES>().ok_or_else(damaged)?;
        let facts = Facts::decode(facts).ok_or_else(damaged)?;
        let hash = DefinitionHash(*hash);
        let found = definition(hash).ok_or(SnapshotError::Definition { hash })?;
        Ok(Self::restore(&facts, found, hash)?)
    }

    /// Returns about what a snapshot of it costs, in activations. The record of a folded one is less than half of one.
    pub fn size(&self) -> usize {
        self.arena.len() + self.folded_count() / 2
    }

    /// Returns whether this run and another state of it are the same as far as anything can tell between turns, whatever
    /// each has forgotten. Costs as much as a snapshot of both.
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.hash == other.hash && self.folded_facts() == other.folded_facts()
    }
}
