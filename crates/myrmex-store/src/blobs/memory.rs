//! Blobs in memory, for tests and for runs that need not outlive their process.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use myrmex_model::id::RunId;
use myrmex_model::name::Namespace;
use sha2::{Digest, Sha256};

use super::{Blob, BlobHash, BlobStore, Checked};
use crate::error::StoreError;

type Blobs = BTreeMap<(Namespace, RunId, BlobHash), Arc<[u8]>>;

/// A handle on blobs in memory. Cloning gives another handle on the same blobs.
#[derive(Clone, Default)]
pub struct MemoryBlobStore {
    shared: Arc<Mutex<Blobs>>,
}

impl MemoryBlobStore {
    /// Makes an empty one.
    pub fn new() -> Self {
        Self::default()
    }

    fn blobs(&self) -> MutexGuard<'_, Blobs> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BlobStore for MemoryBlobStore {
    fn put(&self, namespace: &Namespace, run: RunId, content: &mut dyn Read) -> Result<Blob, StoreError> {
        let mut bytes = Vec::new();
        content
            .read_to_end(&mut bytes)
            .map_err(|error| StoreError::io("cannot read the content of a blob", error))?;
        let blob = Blob { hash: BlobHash(Sha256::digest(&bytes).into()), bytes: bytes.len() as u64 };
        self.blobs().insert((namespace.clone(), run, blob.hash), bytes.into());
        Ok(blob)
    }

    fn get(
        &self,
        namespace: &Namespace,
        run: RunId,
        hash: BlobHash,
    ) -> Result<Option<Box<dyn Read + Send>>, StoreError> {
        let content = self.blobs().get(&(namespace.clone(), run, hash)).cloned();
        Ok(content.map(|bytes| -> Box<dyn Read + Send> { Box::new(Checked::new(Cursor::new(bytes), hash)) }))
    }

    fn part(
        &self,
        namespace: &Namespace,
        run: RunId,
        hash: BlobHash,
        range: Range<u64>,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let content = self.blobs().get(&(namespace.clone(), run, hash)).cloned();
        Ok(content.map(|bytes| {
            let place = |byte: u64| usize::try_from(byte).unwrap_or(usize::MAX).min(bytes.len());
            bytes[place(range.start)..place(range.end).max(place(range.start))].to_vec()
        }))
    }

    fn adopt(
        &self,
        namespace: &Namespace,
        from: RunId,
        to: RunId,
        hash: BlobHash,
    ) -> Result<bool, StoreError> {
        let mut blobs = self.blobs();
        let Some(content) = blobs.get(&(namespace.clone(), from, hash)).cloned() else { return Ok(false) };
        blobs.insert((namespace.clone(), to, hash), content);
        Ok(true)
    }

    fn delete_run(&self, namespace: &Namespace, run: RunId) -> Result<(), StoreError> {
        self.blobs().retain(|(of, in_run, _), _| of != namespace || *in_run != run);
        Ok(())
    }
}
