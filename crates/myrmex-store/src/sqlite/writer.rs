//! The writing connection.

use std::path::{Path, PathBuf};

use myrmex_model::id::Epoch;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

use super::operations::Numbers;
use super::reader::SqliteReader;
use super::{connect, failed, locate, path_in, schema, whole};
use crate::batch::{Batch, LogId, Sequence};
use crate::chain::Head;
use crate::contract::{Committed, Opened, Reader, Store};
use crate::directory::sync_directory;
use crate::error::StoreError;
use crate::operation::coalesced;
use crate::partitions::Partitions;

/// Pages of 4 KiB: a commit writes whole pages to the write-ahead log, and small commits touch three or four of
/// them; larger pages cost bytes at every sync, smaller ones more levels and more overflow of values.
const PAGE_BYTES: u32 = 4096;

/// Pages in the write-ahead log after which a commit copies them into the file. 4 MiB keep that pause near the
/// length of a few commits and a restart after a crash short; the common pages are written once instead of often.
const CHECKPOINT_PAGES: u32 = 1_000;

/// Length to which the write-ahead log is cut when it begins anew after having grown under a slow reader.
const WAL_KEPT_BYTES: u32 = 8 << 20;

/// Length of the write-ahead log above which the writer waits for readers to let go, instead of hoping for a moment
/// without any.
const WAL_BYTES_MAX: u64 = 64 << 20;

/// Commits between two looks at the length of the write-ahead log: a look costs a microsecond, the log grows
/// by at most some MiB in between.
const WAL_LOOK_COMMITS: u32 = 64;

/// How long the writer waits for readers then: longer than any read transaction of ours.
const WAL_WAIT_MS: u32 = 500;

/// The store in `store.db` of a directory. Its owner holds the directory, see [`crate::directory::Owner`].
pub struct SqliteStore {
    connection: Connection,
    path: PathBuf,
    numbers: Numbers,
    commits: u32,
    is_poisoned: bool,
}

impl SqliteStore {
    /// Opens the store of `directory`, and creates it if there is none.
    ///
    /// What the write-ahead log holds is first moved into the file and synced there. So nothing depends on bytes that
    /// a failed sync of an earlier process may have left in memory only.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Format`] for the store of another release, which is left as it is, and
    /// [`StoreError::Damaged`] if the file is not a store or not whole.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        Self::open_with(directory, Partitions::ONE)
    }

    /// Does the same; one that it creates has so many partitions. One that is there keeps those that it has.
    ///
    /// # Errors
    ///
    /// The same as [`SqliteStore::open`].
    pub fn open_with(directory: &Path, partitions: Partitions) -> Result<Self, StoreError> {
        let path = path_in(directory);
        if !path.try_exists().map_err(|error| StoreError::io("cannot open the store", error))? {
            schema::create(&path, PAGE_BYTES, partitions)?;
        }
        whole::check_files(&path)?;
        let connection = connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        // Before anything is written, as closing the connection would: that would let the file have its length again.
        let keep_log_at_close = |is_kept| {
            let set = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, is_kept);
            set.map(drop).map_err(failed("cannot set up the store"))
        };
        keep_log_at_close(true)?;
        schema::inspect(&connection)?;
        whole::check_pages(&connection, &path)?;
        keep_log_at_close(false)?;
        set_up(&connection)?;
        checkpoint(&connection)?;
        // The names of the store and of its write-ahead log. SQLite syncs them too, but ignores when that fails.
        sync_directory(directory).map_err(|error| StoreError::io("cannot sync the data directory", error))?;
        Ok(Self { connection, path, numbers: Numbers::default(), commits: 0, is_poisoned: false })
    }

    /// Bounds the file to `pages` pages of 4 KiB, so that tests can fill the "disk". Not for other use.
    ///
    /// # Errors
    ///
    /// Returns an error if SQLite refuses.
    pub fn limit_pages(&self, pages: u32) -> Result<(), StoreError> {
        self.connection
            .query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))
            .map_err(failed("cannot bound the store"))
    }

    /// Returns the length of the write-ahead log in bytes. Above 64 MiB, a reader outside of this engine pins it.
    pub fn wal_bytes(&self) -> u64 {
        std::fs::metadata(self.wal_path()).map_or(0, |metadata| metadata.len())
    }

    fn wal_path(&self) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        path.push("-wal");
        path.into()
    }

    /// Runs `work` in one transaction; poisons the writer if nobody can tell what is on disk after an error.
    fn transact<T>(
        &mut self,
        work: impl FnOnce(&Connection, &mut Numbers) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if self.is_poisoned {
            return Err(StoreError::Poisoned);
        }
        let connection = &self.connection;
        let result = run(connection, "BEGIN IMMEDIATE")
            .and_then(|()| work(connection, &mut self.numbers))
            .and_then(|done| run(connection, "COMMIT").map(|()| done));
        let Err(error) = result else { return result };
        // Numbers given to new runs and namespaces in the transaction are void.
        self.numbers.forget();
        let is_rolled_back = connection.is_autocommit() || run(connection, "ROLLBACK").is_ok();
        self.is_poisoned = !is_rolled_back
            || match error {
                StoreError::Io { .. } | StoreError::Damaged { .. } | StoreError::Poisoned => true,
                StoreError::Full
                | StoreError::Busy
                | StoreError::Conflict { .. }
                | StoreError::Fenced { .. }
                | StoreError::Bounds { .. }
                | StoreError::Held(_)
                | StoreError::Format { .. } => false,
            };
        if self.is_poisoned {
            // Closing would move the log into the file, and for that sync again what could not be synced.
            let is_kept = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
            let _is_set = is_kept.is_ok();
        }
        Err(error)
    }

    /// Makes the write-ahead log begin anew if readers have kept it from doing so for long. An error is not the
    /// commit's: the batch is durable, and the log is bounded at the next try.
    fn bound_wal(&mut self) {
        self.commits = self.commits.wrapping_add(1);
        if !self.commits.is_multiple_of(WAL_LOOK_COMMITS) || self.wal_bytes() <= WAL_BYTES_MAX {
            return;
        }
        let wait = |ms: u32| self.connection.busy_timeout(std::time::Duration::from_millis(u64::from(ms)));
        if wait(WAL_WAIT_MS).is_ok() {
            let _is_bounded = checkpoint(&self.connection).is_ok();
        }
        let _is_restored = self.connection.busy_timeout(super::BUSY_WAIT).is_ok();
    }
}

impl Store for SqliteStore {
    fn open_log(&mut self, log: LogId) -> Result<Opened, StoreError> {
        if log > LogId::MAX {
            return Err(StoreError::Bounds { what: format!("log {log}") });
        }
        self.transact(|connection, _| {
            let epoch: u32 = connection
                .prepare_cached(
                    "INSERT INTO log (log, epoch) VALUES (?1, 1)
                     ON CONFLICT (log) DO UPDATE SET epoch = epoch + 1 RETURNING epoch",
                )
                .and_then(|mut statement| statement.query_row([log.0], |row| row.get(0)))
                .map_err(failed("cannot raise the epoch of a log"))?;
            Ok(Opened { epoch: Epoch(epoch), last: end_of(connection, log)?.0 })
        })
    }

    fn commit(&mut self, batch: &Batch) -> Result<Committed, StoreError> {
        let committed = self.transact(|connection, numbers| write(connection, numbers, batch))?;
        self.bound_wal();
        Ok(committed)
    }

    fn reader(&self) -> Result<Box<dyn Reader>, StoreError> {
        Ok(Box::new(SqliteReader::open_file(&self.path)?))
    }
}

/// Writes a batch inside the open transaction.
fn write(connection: &Connection, numbers: &mut Numbers, batch: &Batch) -> Result<Committed, StoreError> {
    let epoch: Option<u32> = connection
        .prepare_cached("SELECT epoch FROM log WHERE log = ?1")
        .and_then(|mut statement| statement.query_row([batch.log.0], |row| row.get(0)).optional())
        .map_err(failed("cannot read the epoch of a log"))?;
    let (last, previous) = end_of(connection, batch.log)?;
    batch.check(Epoch(epoch.unwrap_or(0)), last)?;
    let (stored, head) = batch.seal(previous);
    let count = stored.len();
    let mut insert = connection
        .prepare_cached("INSERT INTO record (position, run, stored, head) VALUES (?1, ?2, ?3, ?4)")
        .map_err(failed("cannot append to the journal"))?;
    for (index, (record, bytes)) in batch.records.iter().zip(&stored).enumerate() {
        let run = numbers.run(connection, &record.namespace, record.run)?;
        let position = schema::position(batch.log, last.plus(index + 1));
        let head_here = (index + 1 == count).then_some(head.0);
        insert
            .execute(params![position, run, bytes, head_here])
            .map_err(failed("cannot append to the journal"))?;
    }
    for operation in coalesced(&batch.operations) {
        numbers.apply(connection, batch.log, operation)?;
    }
    Ok(Committed { last: last.plus(count), head })
}

/// Returns the last sequence of a log and the head of its chain.
fn end_of(connection: &Connection, log: LogId) -> Result<(Sequence, Head), StoreError> {
    let bounds = [schema::position(log, Sequence::NONE), schema::position(log, Sequence::MAX)];
    let end: Option<(i64, Option<[u8; 32]>)> = connection
        .prepare_cached(
            "SELECT position, head FROM record WHERE position BETWEEN ?1 AND ?2 ORDER BY position DESC LIMIT 1",
        )
        .and_then(|mut statement| {
            statement.query_row(bounds, |row| Ok((row.get(0)?, row.get(1)?))).optional()
        })
        .map_err(failed("cannot read the end of a log"))?;
    let Some((position, head)) = end else { return Ok((Sequence::NONE, Head::of_empty(log))) };
    let sequence = schema::place(position).1;
    let head = head.ok_or_else(|| {
        let place = format!("log {log}, sequence {sequence}, {}", locate(connection));
        StoreError::damaged("the last commit batch has no head", place)
    })?;
    Ok((sequence, Head(head)))
}

/// Sets up the writing connection.
fn set_up(connection: &Connection) -> Result<(), StoreError> {
    // `fullfsync` matters on macOS alone, where a plain sync does not reach the medium. Memory mapping stays off: an
    // I/O error would be a signal instead of an error.
    let script = format!(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA fullfsync = ON;
         PRAGMA checkpoint_fullfsync = ON;
         PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES};
         PRAGMA journal_size_limit = {WAL_KEPT_BYTES};
         PRAGMA mmap_size = 0;
         PRAGMA temp_store = MEMORY;
         PRAGMA trusted_schema = OFF;
         PRAGMA cell_size_check = ON;"
    );
    connection.execute_batch(&script).map_err(failed("cannot set up the store"))?;
    let mode: String = connection
        .query_row("PRAGMA journal_mode", [], |row| row.get(0))
        .map_err(failed("cannot set up the store"))?;
    if mode == "wal" {
        return Ok(());
    }
    let source = std::io::Error::other("the filesystem has no shared memory");
    Err(StoreError::io("cannot keep a write-ahead log", source))
}

/// Moves the write-ahead log into the file, syncs it there and cuts the log to nothing.
///
/// A reader at work keeps what is behind it from being moved. It is waited for, as long as for any lock.
///
/// # Errors
///
/// Returns [`StoreError::Busy`] if a reader stays at work.
fn checkpoint(connection: &Connection) -> Result<(), StoreError> {
    let is_held_up: bool = connection
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
        .map_err(failed("cannot move the write-ahead log into the store"))?;
    if is_held_up { Err(StoreError::Busy) } else { Ok(()) }
}

fn run(connection: &Connection, statement: &str) -> Result<(), StoreError> {
    connection
        .prepare_cached(statement)
        .and_then(|mut statement| statement.execute([]))
        .map(drop)
        .map_err(failed("cannot commit to the store"))
}
