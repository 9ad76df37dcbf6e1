//! Every backend keeps the contract.
#![expect(clippy::unwrap_used, reason = "helpers of tests, which clippy does not know for tests")]

use myrmex_model::id::RunId;
use myrmex_store::blobs::{BlobHash, BlobStore, FileBlobStore, MemoryBlobStore};
use myrmex_store::conformance::Subject;
use myrmex_store::conformance::blobs::BlobSubject;
use myrmex_store::conformance::logs::LogSubject;
use myrmex_store::memory::MemoryStore;
use myrmex_store::segments::{FileLogStore, LogStore, MemoryLogReader, MemoryLogStore};
use myrmex_store::sqlite::{FILE_NAME, SqliteStore};
use myrmex_store::{LogId, Sequence, Store};
use tempfile::TempDir;

myrmex_store::store_conformance!(memory, InMemory(MemoryStore::new()));
myrmex_store::store_conformance!(sqlite, InFile(tempfile::tempdir().unwrap()));
myrmex_store::log_conformance!(memory_logs, LogsInMemory(MemoryLogReader::default()));
myrmex_store::log_conformance!(file_logs, LogsInFiles(tempfile::tempdir().unwrap()));
myrmex_store::blob_conformance!(memory_blobs, BlobsInMemory(MemoryBlobStore::new()));
myrmex_store::blob_conformance!(file_blobs, BlobsInFiles::new());

struct InMemory(MemoryStore);

impl Subject for InMemory {
    fn open(&mut self) -> Box<dyn Store> {
        Box::new(self.0.clone())
    }

    fn damage(&mut self, log: LogId, sequence: Sequence) {
        self.0.damage(log, sequence);
    }

    fn damage_snapshot(&mut self, run: RunId) {
        self.0.damage_snapshot(run);
    }
}

struct InFile(TempDir);

impl Subject for InFile {
    fn open(&mut self) -> Box<dyn Store> {
        Box::new(SqliteStore::open(self.0.path()).unwrap())
    }

    fn damage(&mut self, log: LogId, sequence: Sequence) {
        let connection = rusqlite::Connection::open(self.0.path().join(FILE_NAME)).unwrap();
        let position = i64::from(log.0) << 40 | sequence.0.cast_signed();
        let read = "SELECT stored FROM record WHERE position = ?1";
        let mut stored: Vec<u8> = connection.query_row(read, [position], |row| row.get(0)).unwrap();
        *stored.last_mut().unwrap() ^= 1;
        let write = "UPDATE record SET stored = ?2 WHERE position = ?1";
        connection.execute(write, rusqlite::params![position, stored]).unwrap();
    }

    fn damage_snapshot(&mut self, run: RunId) {
        let connection = rusqlite::Connection::open(self.0.path().join(FILE_NAME)).unwrap();
        let of_run = "run = (SELECT number FROM run WHERE id = ?1)";
        let read = format!("SELECT stored FROM snapshot WHERE {of_run}");
        let mut stored: Vec<u8> = connection.query_row(&read, [run.0], |row| row.get(0)).unwrap();
        *stored.last_mut().unwrap() ^= 1;
        let write = format!("UPDATE snapshot SET stored = ?2 WHERE {of_run}");
        connection.execute(&write, rusqlite::params![run.0, stored]).unwrap();
    }
}

struct LogsInMemory(MemoryLogReader);

impl LogSubject for LogsInMemory {
    fn open(&mut self) -> Box<dyn LogStore> {
        Box::new(MemoryLogStore::after(&self.0))
    }

    fn open_bounded(&mut self, bytes_max: u64) -> Box<dyn LogStore> {
        Box::new(MemoryLogStore::after(&self.0).with_attempt_bytes_max(bytes_max))
    }

    fn change(&mut self, segment: u32, change: &mut dyn FnMut(&mut Vec<u8>)) {
        self.0.damage(segment, change);
    }

    fn segments(&mut self) -> usize {
        let mut count = 0;
        (1..100).for_each(|segment| self.0.damage(segment, |_| count += 1));
        count
    }
}

struct LogsInFiles(TempDir);

impl LogSubject for LogsInFiles {
    fn open(&mut self) -> Box<dyn LogStore> {
        Box::new(FileLogStore::open(self.0.path()).unwrap())
    }

    fn open_bounded(&mut self, bytes_max: u64) -> Box<dyn LogStore> {
        Box::new(FileLogStore::open(self.0.path()).unwrap().with_attempt_bytes_max(bytes_max))
    }

    fn change(&mut self, segment: u32, change: &mut dyn FnMut(&mut Vec<u8>)) {
        let path = self.0.path().join(format!("logs/{segment:08}.log"));
        let mut bytes = std::fs::read(&path).unwrap();
        change(&mut bytes);
        std::fs::write(&path, bytes).unwrap();
    }

    fn segments(&mut self) -> usize {
        std::fs::read_dir(self.0.path().join("logs")).map_or(0, Iterator::count)
    }
}

struct BlobsInMemory(MemoryBlobStore);

impl BlobSubject for BlobsInMemory {
    fn store(&self) -> &dyn BlobStore {
        &self.0
    }

    fn damage(&mut self, _: RunId, _: BlobHash) -> bool {
        false
    }

    fn files(&self) -> Option<usize> {
        None
    }
}

struct BlobsInFiles {
    directory: TempDir,
    store: FileBlobStore,
}

impl BlobsInFiles {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self { store: FileBlobStore::new(directory.path()), directory }
    }
}

impl BlobSubject for BlobsInFiles {
    fn store(&self) -> &dyn BlobStore {
        &self.store
    }

    fn damage(&mut self, run: RunId, hash: BlobHash) -> bool {
        let path = self.directory.path().join(format!("blobs/default/{run}/{hash}"));
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[0] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        true
    }

    fn files(&self) -> Option<usize> {
        let runs = std::fs::read_dir(self.directory.path().join("blobs/default")).unwrap();
        Some(runs.map(|run| std::fs::read_dir(run.unwrap().path()).unwrap().count()).sum())
    }
}
