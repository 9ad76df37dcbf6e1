//! The tables of the SQLite backend, their format number, and the settings of every connection.
//!
//! Runs and namespaces have small numbers inside, so that a row of the journal or of an index costs few bytes. A
//! record's key is its log and sequence packed into one integer ([`position`]). Tables without rowid are those
//! whose whole row is small and is found by its key.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rusqlite::Connection;

use super::{failed, locate};
use crate::batch::{LogId, Sequence};
use crate::error::StoreError;
use crate::partitions::Partitions;

/// The format that this release writes and reads, kept in `PRAGMA user_version`. It is the first that is promised; what came before it had
/// other numbers and was never released. Whoever changes the tables, or what is in them, raises it and writes a migration.
pub(super) const FORMAT: u32 = 1;

/// Marks the file as a store of myrmex ("myrm"), kept in `PRAGMA application_id`.
const APPLICATION: i32 = i32::from_be_bytes(*b"myrm");

/// The whole schema. It is created in one transaction: statement by statement it would take five times
/// as long, and a crash could leave half of it.
const SCHEMA: &str = "
CREATE TABLE namespace (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE run (
    number INTEGER PRIMARY KEY, namespace INTEGER NOT NULL, id BLOB NOT NULL, UNIQUE (namespace, id));
CREATE TABLE log (log INTEGER PRIMARY KEY, epoch INTEGER NOT NULL);
CREATE TABLE record (
    position INTEGER PRIMARY KEY, run INTEGER NOT NULL, stored BLOB NOT NULL, head BLOB);
CREATE INDEX record_run ON record (run);
CREATE TABLE definition (
    namespace INTEGER NOT NULL, hash BLOB NOT NULL, form INTEGER NOT NULL, name TEXT NOT NULL,
    checksum INTEGER NOT NULL, unpacked INTEGER, body BLOB NOT NULL, UNIQUE (namespace, hash));
CREATE TABLE value (
    run INTEGER NOT NULL, hash BLOB NOT NULL, json BLOB NOT NULL, PRIMARY KEY (run, hash)) WITHOUT ROWID;
CREATE TABLE summary (
    run INTEGER PRIMARY KEY, namespace INTEGER NOT NULL, started INTEGER NOT NULL, ended INTEGER, open_log INTEGER,
    status TEXT NOT NULL, last INTEGER NOT NULL, workflow TEXT NOT NULL, definition BLOB NOT NULL,
    started_by TEXT NOT NULL, key TEXT, fault TEXT);
CREATE INDEX summary_started ON summary (namespace, started);
CREATE INDEX summary_status ON summary (namespace, status, started);
CREATE INDEX summary_open ON summary (open_log) WHERE open_log IS NOT NULL;
CREATE TABLE ready (
    log INTEGER NOT NULL, run INTEGER NOT NULL, task TEXT NOT NULL, attempt INTEGER NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY (log, run, task)) WITHOUT ROWID;
CREATE TABLE attempt_grant (
    log INTEGER NOT NULL, token INTEGER NOT NULL, run INTEGER NOT NULL, task TEXT NOT NULL,
    attempt INTEGER NOT NULL, worker TEXT NOT NULL, at INTEGER NOT NULL, segment INTEGER NOT NULL,
    offset INTEGER NOT NULL, PRIMARY KEY (log, token)) WITHOUT ROWID;
CREATE TABLE timer (
    log INTEGER NOT NULL, run INTEGER NOT NULL, timer TEXT NOT NULL, due INTEGER NOT NULL,
    PRIMARY KEY (log, run, timer)) WITHOUT ROWID;
CREATE INDEX timer_due ON timer (log, due);
CREATE TABLE log_range (
    run INTEGER NOT NULL, task TEXT NOT NULL, attempt INTEGER NOT NULL, segment INTEGER NOT NULL,
    token INTEGER NOT NULL, first INTEGER NOT NULL, end INTEGER NOT NULL,
    PRIMARY KEY (run, task, attempt, segment)) WITHOUT ROWID;
CREATE TABLE cached (
    number INTEGER PRIMARY KEY, namespace INTEGER NOT NULL, digest BLOB NOT NULL, run INTEGER NOT NULL,
    task TEXT NOT NULL, output BLOB NOT NULL, artifacts BLOB, at INTEGER NOT NULL, UNIQUE (namespace, digest));
CREATE TABLE layout (partitions INTEGER NOT NULL);
CREATE TABLE outbox (
    log INTEGER NOT NULL, log_to INTEGER NOT NULL, number INTEGER NOT NULL, run INTEGER NOT NULL,
    stored BLOB NOT NULL, PRIMARY KEY (log, log_to, number)) WITHOUT ROWID;
CREATE TABLE received (
    log INTEGER NOT NULL, log_from INTEGER NOT NULL, number INTEGER NOT NULL,
    PRIMARY KEY (log, log_from)) WITHOUT ROWID;
CREATE TABLE snapshot (
    run INTEGER PRIMARY KEY, log INTEGER NOT NULL, last INTEGER NOT NULL, stored BLOB NOT NULL);
";

/// Bits of a position that hold the sequence; the log is above them.
const SEQUENCE_BITS: u32 = 40;

const _: () =
    assert!(Sequence::MAX.0 == (1 << SEQUENCE_BITS) - 1 && LogId::MAX.0 == (1 << (63 - SEQUENCE_BITS)) - 1);

/// Packs a place in a log into the key of its row. Keys of one log are consecutive.
pub(super) fn position(log: LogId, sequence: Sequence) -> i64 {
    (i64::from(log.0.min(LogId::MAX.0)) << SEQUENCE_BITS) | sequence.0.min(Sequence::MAX.0).cast_signed()
}

/// Unpacks the key of a record's row.
pub(super) fn place(position: i64) -> (LogId, Sequence) {
    let log =
        u32::try_from(position >> SEQUENCE_BITS).expect("a 63-bit position has 23 bits above the sequence");
    (LogId(log), Sequence(position.cast_unsigned() & Sequence::MAX.0))
}

/// Looks at the format of the store, and refuses one that is not that of this release. Changes nothing.
///
/// # Errors
///
/// Returns [`StoreError::Format`], and [`StoreError::Damaged`] for a database of something else.
pub(super) fn inspect(connection: &Connection) -> Result<(), StoreError> {
    let number = |pragma: &str| {
        connection
            .query_row(&format!("PRAGMA {pragma}"), [], |row| row.get::<_, i64>(0))
            .map_err(failed("cannot read the format of the store"))
    };
    let (format, application) = (number("user_version")?, number("application_id")?);
    if application != i64::from(APPLICATION) {
        return Err(StoreError::damaged("it is a database of something else", locate(connection)));
    }
    match u32::try_from(format).unwrap_or(u32::MAX) {
        FORMAT => Ok(()),
        found => Err(StoreError::Format { found, known: FORMAT, place: locate(connection) }),
    }
}

/// Creates an empty store at `path`: whole, or not at all after a crash. The caller syncs the directory.
///
/// The file is made under another name, without a journal and without syncs, then synced once and renamed. That is
/// one sync where SQLite itself would need six to change to write-ahead-log mode and to commit the tables.
pub(super) fn create(path: &Path, page_bytes: u32, partitions: Partitions) -> Result<(), StoreError> {
    let partial = path.with_extension("partial");
    let failed_io = |error| StoreError::io("cannot create the store", error);
    match fs::remove_file(&partial) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed_io(error)),
        Ok(()) | Err(_) => {}
    }
    let partitions = partitions.count();
    let script = format!(
        "PRAGMA page_size = {page_bytes}; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
         BEGIN; {SCHEMA} INSERT INTO layout VALUES ({partitions});
         PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {FORMAT}; COMMIT;
         PRAGMA journal_mode = WAL;"
    );
    // What runs hold is for their owner alone; the logs of SQLite beside the store get its mode.
    let mut options = File::options();
    options.write(true).create_new(true).mode(0o600).open(&partial).map_err(failed_io)?;
    let connection = Connection::open(&partial).map_err(failed("cannot create the store"))?;
    connection.execute_batch(&script).map_err(failed("cannot create the store"))?;
    connection.close().map_err(|(_, error)| failed("cannot create the store")(error))?;
    File::open(&partial).and_then(|file| file.sync_all()).map_err(failed_io)?;
    fs::rename(&partial, path).map_err(failed_io)
}
