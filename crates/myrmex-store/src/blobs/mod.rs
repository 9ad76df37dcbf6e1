//! Large outputs, apart from the store: content by namespace, run and hash, opaque.
//!
//! A blob is put before the commit that names it, so what a journal names is there. A blob that no journal names was
//! left by a crash in between and goes with its run.

mod file;
mod memory;

use std::io::{self, Read};
use std::ops::Range;

use myrmex_model::id::RunId;
use myrmex_model::name::Namespace;
use sha2::{Digest, Sha256};

pub use file::FileBlobStore;
pub use memory::MemoryBlobStore;
pub use myrmex_model::id::BlobHash;

use crate::error::StoreError;

/// A blob that was put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blob {
    /// Its hash.
    pub hash: BlobHash,
    /// Its length in bytes.
    pub bytes: u64,
}

impl Blob {
    /// Returns what putting `content` would give, without keeping it.
    ///
    /// # Errors
    ///
    /// Returns the error of `content`.
    pub fn of(content: &mut dyn Read) -> io::Result<Self> {
        read_through(content, |_| Ok(()))
    }
}

/// Bytes that are read at a time: few system calls, and nothing next to the memory of a process.
const READ_BYTES: usize = 128 << 10;

/// Reads content to its end, shows all of it to `take`, and says what it was.
fn read_through(content: &mut dyn Read, mut take: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<Blob> {
    let (mut hasher, mut bytes) = (Sha256::new(), 0);
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let length = match content.read(&mut buffer) {
            Ok(0) => return Ok(Blob { hash: BlobHash(hasher.finalize().into()), bytes }),
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hasher.update(&buffer[..length]);
        take(&buffer[..length])?;
        bytes += length as u64;
    }
}

/// Keeps blobs. Safe to share between threads: putting the same content twice at once is no conflict.
pub trait BlobStore: Send + Sync {
    /// Keeps `content` for a run and says what its hash is. Memory does not grow with its length.
    ///
    /// When this returns, the blob survives the death of the process and loss of power. After a crash before that, the
    /// blob is there whole or not at all.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Full`] or [`StoreError::Io`], also for an error of `content`; the blob is not there then.
    fn put(&self, namespace: &Namespace, run: RunId, content: &mut dyn Read) -> Result<Blob, StoreError>;

    /// Returns a blob's content; none if the run has no such blob.
    ///
    /// The reader ends with an error of the kind [`io::ErrorKind::InvalidData`] if the content does not have the hash,
    /// so who has read it to the end has read what was put.
    fn get(
        &self,
        namespace: &Namespace,
        run: RunId,
        hash: BlobHash,
    ) -> Result<Option<Box<dyn Read + Send>>, StoreError>;

    /// Returns the bytes of a blob that lie in `range`, as many as there are; none if the run has no such blob. They are not
    /// compared with the hash: who reads parts has read the whole before, and knows what to expect.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Io`] if it cannot be read.
    fn part(
        &self,
        namespace: &Namespace,
        run: RunId,
        hash: BlobHash,
        range: Range<u64>,
    ) -> Result<Option<Vec<u8>>, StoreError>;

    /// Gives a blob of the run `from` to the run `to` as well, if possible without a copy; false if `from` has no such
    /// blob. Each run deletes its own. The content is not looked at.
    ///
    /// When this returns true, `to` has the blob as durably as if it had been put. After a crash before that, `to` has it
    /// or not.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Full`] or [`StoreError::Io`]; `to` does not have the blob then.
    fn adopt(
        &self,
        namespace: &Namespace,
        from: RunId,
        to: RunId,
        hash: BlobHash,
    ) -> Result<bool, StoreError>;

    /// Removes all blobs of a run; none is no error. After a crash some may be left, and the call may be repeated.
    fn delete_run(&self, namespace: &Namespace, run: RunId) -> Result<(), StoreError>;
}

/// Passes content through and checks its hash at its end.
struct Checked<R> {
    content: R,
    hasher: Sha256,
    hash: BlobHash,
}

impl<R: Read> Checked<R> {
    fn new(content: R, hash: BlobHash) -> Self {
        Self { content, hasher: Sha256::new(), hash }
    }
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.content.read(buffer)?;
        self.hasher.update(&buffer[..length]);
        if length == 0 && !buffer.is_empty() && BlobHash(self.hasher.clone().finalize().into()) != self.hash {
            let what = format!("blob {} does not have its hash", self.hash);
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        Ok(length)
    }
}
