//! Blobs as files: `blobs/<namespace>/<run>/<hash>` in the data directory.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use myrmex_model::id::RunId;
use myrmex_model::name::Namespace;

use super::{Blob, BlobHash, BlobStore, Checked, read_through};
use crate::directory::sync_directory;
use crate::error::StoreError;

/// Blobs in the data directory. No file or directory is made before there is a blob.
///
/// The names of namespaces, runs and hashes are checked types, so no path leads out of the directory.
pub struct FileBlobStore {
    root: PathBuf,
    partials: AtomicU64,
}

impl FileBlobStore {
    /// Names the blobs of a data directory.
    pub fn new(directory: &Path) -> Self {
        Self { root: directory.join("blobs"), partials: AtomicU64::new(0) }
    }

    fn run_directory(&self, namespace: &Namespace, run: RunId) -> PathBuf {
        self.root.join(namespace.as_str()).join(run.to_string())
    }

    /// Writes `content` to `partial`, syncs it and gives it its name.
    fn write(&self, directory: &Path, partial: &Path, content: &mut dyn Read) -> io::Result<Blob> {
        fs::create_dir_all(directory)?;
        let mut file = File::create_new(partial)?;
        let blob = read_through(content, |bytes| file.write_all(bytes))?;
        file.sync_all()?;
        fs::rename(partial, directory.join(blob.hash.to_string()))?;
        self.sync_names(directory)?;
        Ok(blob)
    }

    /// Syncs the names down to what is in `directory`: they may be of this call or of one that died before it did that.
    fn sync_names(&self, directory: &Path) -> io::Result<()> {
        for directory in directory.ancestors().take_while(|path| path.starts_with(&self.root)) {
            sync_directory(directory)?;
        }
        self.root.parent().map_or(Ok(()), sync_directory)
    }
}

/// Makes none of what is not there.
fn found(file: io::Result<File>) -> io::Result<Option<File>> {
    match file {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn unread(path: &Path, error: io::Error) -> StoreError {
    StoreError::io(format!("cannot read the blob `{}`", path.display()), error)
}

impl BlobStore for FileBlobStore {
    fn put(&self, namespace: &Namespace, run: RunId, content: &mut dyn Read) -> Result<Blob, StoreError> {
        let directory = self.run_directory(namespace, run);
        let number = self.partials.fetch_add(1, Ordering::Relaxed);
        let partial = directory.join(format!("partial-{}-{number}", std::process::id()));
        // A partial file of a dead process with our process id and number is not in use.
        let _is_removed = fs::remove_file(&partial).is_ok();
        self.write(&directory, &partial, content).map_err(|error| {
            let _is_removed = fs::remove_file(&partial).is_ok();
            StoreError::io(format!("cannot write a blob in `{}`", directory.display()), error)
        })
    }

    fn get(
        &self,
        namespace: &Namespace,
        run: RunId,
        hash: BlobHash,
    ) -> Result<Option<Box<dyn Read + Send>>, StoreError> {
        let path = self.run_directory(namespace, run).join(hash.to_string());
        let file = found(File::open(&path)).map_err(|error| unread(&path, error))?;
        Ok(file.map(|file| -> Box<dyn Read + Send> { Box::new(Checked::new(file, hash)) }))
    }

    fn part(
        &self,
        namespace: &Namespace,
        run: RunId,
        hash: BlobHash,
        range: Range<u64>,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.run_directory(namespace, run).join(hash.to_string());
        let read = |mut file: File| {
            let mut bytes = Vec::new();
            file.seek(SeekFrom::Start(range.start))?;
            file.take(range.end.saturating_sub(range.start)).read_to_end(&mut bytes).map(|_| bytes)
        };
        let part = found(File::open(&path)).and_then(|file| file.map(read).transpose());
        part.map_err(|error| unread(&path, error))
    }

    fn adopt(
        &self,
        namespace: &Namespace,
        from: RunId,
        to: RunId,
        hash: BlobHash,
    ) -> Result<bool, StoreError> {
        let source = self.run_directory(namespace, from).join(hash.to_string());
        let directory = self.run_directory(namespace, to);
        let failed = |error| {
            StoreError::io(format!("cannot give a blob to the run in `{}`", directory.display()), error)
        };
        if !source.try_exists().map_err(failed)? {
            return Ok(false);
        }
        fs::create_dir_all(&directory).map_err(failed)?;
        match fs::hard_link(&source, directory.join(hash.to_string())) {
            Ok(()) => {}
            // It has the blob; whoever gave it to the run may have died before the name was synced.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) if error.kind() == io::ErrorKind::StorageFull => return Err(failed(error)),
            // Not every file system has links, and none has any number of them.
            Err(_) => {
                let Some(mut content) = self.get(namespace, from, hash)? else { return Ok(false) };
                self.put(namespace, to, &mut content)?;
            }
        }
        self.sync_names(&directory).map_err(failed)?;
        Ok(true)
    }

    fn delete_run(&self, namespace: &Namespace, run: RunId) -> Result<(), StoreError> {
        let directory = self.run_directory(namespace, run);
        match fs::remove_dir_all(&directory) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(StoreError::io(format!("cannot remove `{}`", directory.display()), error)),
        }
    }
}
