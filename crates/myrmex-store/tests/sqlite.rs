//! What the SQLite backend alone can show: a full disk, foreign formats, readers at work, bytes.
#![expect(clippy::unwrap_used, reason = "helpers of tests, which clippy does not know for tests")]

use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use myrmex_model::id::{DefinitionHash, Epoch, RunId, ValueHash};
use myrmex_model::name::{Name, Namespace};
use myrmex_store::faulty::{Fault, FaultyStore};
use myrmex_store::memory::MemoryStore;
use myrmex_store::outbox::Message;
use myrmex_store::sqlite::{FILE_NAME, SqliteReader, SqliteStore};
use myrmex_store::{
    Batch, IndexOperation, LogId, MessageNumber, NewRecord, Partitions, Reader, Sequence, Store, StoreError,
};

const LOG: LogId = LogId(0);

/// Opens the log and returns an empty batch for it.
fn begin(store: &mut dyn Store) -> Batch {
    let opened = store.open_log(LOG).unwrap();
    let (records, operations) = (Vec::new(), Vec::new());
    Batch { log: LOG, expected: opened.last, epoch: opened.epoch, records, operations }
}

fn record(run: u8, bytes: usize) -> NewRecord {
    NewRecord { namespace: Namespace::standard(), run: RunId([run; 16]), codec: 1, body: vec![b'x'; bytes] }
}

fn set_format(directory: &Path, pragma: &str) {
    let connection = rusqlite::Connection::open(directory.join(FILE_NAME)).unwrap();
    connection.execute_batch(&format!("PRAGMA {pragma}")).unwrap();
}

#[test]
fn a_full_disk_loses_nothing_and_the_same_batch_commits_later() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = SqliteStore::open(directory.path()).unwrap();
    let mut batch = begin(&mut store);
    store.limit_pages(100).unwrap();
    let mut number = 0;
    let error = loop {
        // Each batch brings a new run, so that numbers given in the failed transaction have to be taken back.
        number += 1;
        batch.records = (0..3).map(|_| record(number, 5_000)).collect();
        match store.commit(&batch) {
            Ok(committed) => batch.expected = committed.last,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, StoreError::Full) && error.is_retryable(), "{error}");
    assert!(matches!(store.commit(&batch), Err(StoreError::Full)));
    let reader = store.reader().unwrap();
    assert_eq!(reader.records(LOG, batch.expected, 1).unwrap(), []);
    assert_eq!(reader.verify(LOG).unwrap().records, batch.expected.0);
    store.limit_pages(10_000).unwrap();
    let committed = store.commit(&batch).unwrap();
    assert_eq!(committed.last, batch.expected.plus(3));
    let records = reader.run_records(&Namespace::standard(), RunId([number; 16]), Sequence::NONE, 9).unwrap();
    assert_eq!(records.len(), 3);
    assert_eq!(reader.verify(LOG).unwrap().head, committed.head);
}

#[test]
fn the_store_of_another_release_is_refused_and_left_as_it_is() {
    for format in [0, 2, 5, 99] {
        let directory = tempfile::tempdir().unwrap();
        drop(SqliteStore::open(directory.path()).unwrap());
        set_format(directory.path(), &format!("user_version = {format}"));
        let path = directory.path().join(FILE_NAME);
        let before = std::fs::read(&path).unwrap();
        let refused = [SqliteStore::open(directory.path()).err(), SqliteReader::open(directory.path()).err()];
        for error in refused {
            let error = error.unwrap().to_string();
            let words = format!("the store has format {format}, this release reads and writes format 1 (");
            assert!(error.starts_with(&words) && error.contains(FILE_NAME), "{error}");
        }
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }
}

/// A definition of `tasks` tasks, as far as a store is concerned.
fn definition(tasks: usize) -> IndexOperation {
    let body = (0..tasks).fold(String::new(), |mut body, task| {
        write!(body, r#"{{"name":"t{task}","timeout":60000}},"#).unwrap();
        body
    });
    let (namespace, name) = (Namespace::standard(), Name::new("w").unwrap());
    let (hash, body) = (DefinitionHash::of(body.as_bytes()), body.into_bytes());
    IndexOperation::PutDefinition { namespace, hash, form: 1, name, body }
}

#[test]
fn a_large_definition_is_stored_packed_and_a_damaged_one_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = SqliteStore::open(directory.path()).unwrap();
    let mut batch = begin(&mut store);
    batch.operations = vec![definition(10_000), definition(1), definition(10_000)];
    store.commit(&batch).unwrap();
    let length = std::fs::metadata(directory.path().join("store.db-wal")).unwrap().len();
    assert!(length < 200_000, "{length} bytes");
    for put in &batch.operations {
        let IndexOperation::PutDefinition { namespace, hash, body, .. } = put else { unreachable!() };
        let found = store.reader().unwrap().definition(namespace, *hash).unwrap().unwrap();
        assert!(found.body == *body);
    }
    drop(store);
    let IndexOperation::PutDefinition { namespace, hash, .. } = definition(10_000) else { unreachable!() };
    let changes = [
        ("unpacked = unpacked + 1", "a definition cannot be unpacked"),
        ("unpacked = 4294967295", "a definition cannot be unpacked"),
        ("body = zeroblob(9)", "the checksum of a definition is wrong"),
    ];
    for (change, what) in changes {
        set_format(directory.path(), &format!("user_version = 1; UPDATE definition SET {change}"));
        let error = SqliteReader::open(directory.path()).unwrap().definition(&namespace, hash).unwrap_err();
        assert_eq!(error.to_string(), format!("the store is damaged: {what} (definition {hash})"));
    }
}

#[test]
fn a_store_keeps_the_partitions_that_it_was_made_with() {
    let directory = tempfile::tempdir().unwrap();
    let four = Partitions::new(4).unwrap();
    drop(SqliteStore::open_with(directory.path(), four).unwrap());
    let store = SqliteStore::open(directory.path()).unwrap();
    assert_eq!(store.reader().unwrap().partitions().unwrap(), four);
    set_format(directory.path(), "user_version = 1; UPDATE layout SET partitions = 0");
    let damaged = SqliteReader::open(directory.path()).unwrap().partitions();
    assert!(matches!(damaged, Err(StoreError::Damaged { .. })), "{damaged:?}");
}

#[test]
fn a_damaged_message_is_reported_with_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = SqliteStore::open(directory.path()).unwrap();
    let mut batch = begin(&mut store);
    let (to, number) = (LogId(2), MessageNumber(1));
    let (namespace, run) = (Namespace::standard(), RunId([1; 16]));
    let message = Message { to, number, namespace, run, codec: 1, body: b"{}".to_vec() };
    batch.operations = vec![IndexOperation::PutMessage(message)];
    store.commit(&batch).unwrap();
    drop(store);
    set_format(directory.path(), "user_version = 1; UPDATE outbox SET number = 2");
    let reader = SqliteReader::open(directory.path()).unwrap();
    let damaged = reader.messages((LOG, to), MessageNumber::NONE, 9).unwrap_err();
    assert!(damaged.to_string().ends_with("(log 0, message 2 to log 2)"), "{damaged}");
}

#[test]
fn a_file_that_is_no_store_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join(FILE_NAME), [b'x'; 9_000]).unwrap();
    assert!(matches!(SqliteStore::open(directory.path()), Err(StoreError::Damaged { .. })));
    std::fs::remove_file(directory.path().join(FILE_NAME)).unwrap();
    set_format(directory.path(), "user_version = 2");
    assert!(matches!(SqliteStore::open(directory.path()), Err(StoreError::Damaged { .. })));
}

/// Commits `batches` batches to a new store by two owners one after the other, and returns the files as a death of the
/// second leaves them.
fn killed_after(batches: u64) -> tempfile::TempDir {
    let (directory, left) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for half in [batches / 2, batches - batches / 2] {
        let mut store = SqliteStore::open(directory.path()).unwrap();
        let mut batch = begin(&mut store);
        batch.records = vec![record(1, 3_000), record(2, 3_000)];
        for _ in 0..half {
            batch.expected = store.commit(&batch).unwrap().last;
        }
        for entry in std::fs::read_dir(directory.path()).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), left.path().join(entry.file_name())).unwrap();
        }
    }
    left
}

fn beside(directory: &Path, ending: &str) -> std::path::PathBuf {
    directory.join(format!("{FILE_NAME}{ending}"))
}

/// Asserts that neither reader nor writer opens the store, for the same `reason`, and that neither mends it silently.
fn refused(directory: &Path, reason: &str) {
    for _ in 0..2 {
        for error in [SqliteReader::open(directory).err(), SqliteStore::open(directory).err()] {
            let shown = error.as_ref().map(ToString::to_string).unwrap_or_default();
            assert!(
                matches!(error, Some(StoreError::Damaged { .. })) && shown.contains(reason),
                "{shown:?} {error:?}"
            );
        }
    }
}

#[test]
fn a_store_that_was_cut_off_is_damaged_wherever_it_was_cut() {
    let length = std::fs::metadata(beside(killed_after(40).path(), "")).unwrap().len();
    for cut in [0, 1, 99, 4_096, 10_000, length / 2] {
        let directory = killed_after(40);
        let file = std::fs::File::options().write(true).open(beside(directory.path(), "")).unwrap();
        file.set_len(cut).unwrap();
        refused(directory.path(), "the store is damaged");
    }
}

#[test]
fn a_write_ahead_log_that_is_missing_or_cut_off_is_damage() {
    let directory = killed_after(8);
    std::fs::remove_file(beside(directory.path(), "-wal")).unwrap();
    refused(directory.path(), "the file is missing or empty, with the last commits in it");
    let directory = killed_after(8);
    let log = beside(directory.path(), "-wal");
    let length = std::fs::metadata(&log).unwrap().len();
    std::fs::File::options().write(true).open(&log).unwrap().set_len(length - 1).unwrap();
    refused(directory.path(), "the file was cut off after");
    // Whoever means to go on without it says so by removing the index of it.
    std::fs::remove_file(beside(directory.path(), "-shm")).unwrap();
    assert!(SqliteStore::open(directory.path()).is_ok());
}

#[test]
fn opening_another_reader_keeps_the_locks_of_the_connections_before() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = SqliteStore::open(directory.path()).unwrap();
    begin(&mut store);
    let inode =
        std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(beside(directory.path(), "-shm")).unwrap());
    // The list is read in pieces: while others lock and unlock, one reading may pass over a line, but not fifty.
    let is_locked = || {
        (0..50).any(|_| {
            let locks = std::fs::read_to_string("/proc/locks").unwrap();
            locks.lines().any(|line| line.contains(&format!(":{inode} ")))
        })
    };
    assert!(is_locked(), "SQLite locks its index while a connection is open");
    let _reader = SqliteReader::open(directory.path()).unwrap();
    drop(SqliteStore::open(directory.path()));
    assert!(is_locked(), "another process would take the store for one that nobody uses");
}

#[test]
fn a_write_ahead_log_that_is_in_the_store_is_not_missed() {
    let directory = killed_after(8);
    let moved = tempfile::tempdir().unwrap();
    drop(SqliteStore::open(directory.path()).unwrap());
    std::fs::copy(beside(directory.path(), ""), beside(moved.path(), "")).unwrap();
    assert!(SqliteReader::open(moved.path()).is_ok());
}

#[test]
fn reading_where_there_is_no_store_creates_none() {
    let directory = tempfile::tempdir().unwrap();
    assert!(matches!(SqliteReader::open(directory.path()), Err(StoreError::Io { .. })));
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn readers_see_whole_batches_while_the_writer_writes() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = SqliteStore::open(directory.path()).unwrap();
    let mut batch = begin(&mut store);
    batch.records = vec![record(1, 100), record(2, 100), record(1, 100)];
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let reader = SqliteReader::open(directory.path()).unwrap();
                let mut after = Sequence::NONE;
                loop {
                    let was_over = is_over.load(Ordering::Acquire);
                    let page = reader.records(LOG, after, usize::MAX).unwrap();
                    // Whole batches of three: the last record of what is there ends one.
                    assert!(page.last().is_none_or(|record| record.head.is_some() || page.len() == 1_000));
                    after = page.last().map_or(after, |record| record.sequence);
                    if was_over && page.is_empty() {
                        break;
                    }
                }
                assert_eq!(after, Sequence(900));
            });
        }
        for _ in 0..300 {
            batch.expected = store.commit(&batch).unwrap().last;
        }
        is_over.store(true, Ordering::Release);
    });
    assert!(store.wal_bytes() < 64 << 20);
}

#[test]
fn a_store_can_be_read_without_its_writer() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = SqliteStore::open(directory.path()).unwrap();
    let batch = Batch { records: vec![record(1, 10)], ..begin(&mut store) };
    store.commit(&batch).unwrap();
    drop(store);
    let reader = SqliteReader::open(directory.path()).unwrap();
    assert_eq!(reader.records(LOG, Sequence::NONE, 9).unwrap().len(), 1);
}

#[test]
fn the_write_ahead_log_stays_bounded_under_steady_writing() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = SqliteStore::open(directory.path()).unwrap();
    let mut batch = begin(&mut store);
    batch.records = (0..50).map(|_| record(1, 4_000)).collect();
    let reader = store.reader().unwrap();
    for _ in 0..200 {
        batch.expected = store.commit(&batch).unwrap().last;
        reader.records(LOG, batch.expected, 1).unwrap();
        assert!(store.wal_bytes() < 16 << 20, "{}", store.wal_bytes());
    }
}

#[test]
fn the_write_ahead_log_shrinks_once_a_reader_that_pinned_it_lets_go() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = SqliteStore::open(directory.path()).unwrap();
    let mut batch = begin(&mut store);
    batch.records = vec![record(1, 1 << 20)];
    let outsider = rusqlite::Connection::open(directory.path().join(FILE_NAME)).unwrap();
    outsider.execute_batch("BEGIN; SELECT count(*) FROM record;").unwrap();
    for _ in 0..80 {
        batch.expected = store.commit(&batch).unwrap().last;
    }
    assert!(store.wal_bytes() > 64 << 20);
    outsider.execute_batch("COMMIT").unwrap();
    batch.records = vec![record(1, 10)];
    for _ in 0..64 {
        batch.expected = store.commit(&batch).unwrap().last;
    }
    assert!(store.wal_bytes() < 16 << 20, "{}", store.wal_bytes());
}

#[test]
fn a_record_costs_at_most_100_bytes_beside_its_body() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = SqliteStore::open(directory.path()).unwrap();
    let mut batch = begin(&mut store);
    batch.records = (0..4).map(|_| record(1, 120)).collect();
    for number in 0..2_500_u32 {
        let json = number.to_string().into_bytes();
        let (hash, run) = (ValueHash::of(&json), RunId([1; 16]));
        let namespace = Namespace::standard();
        batch.operations = vec![IndexOperation::PutValue { namespace, run, hash, json }];
        batch.expected = store.commit(&batch).unwrap().last;
    }
    drop(store);
    let bytes = std::fs::metadata(directory.path().join(FILE_NAME)).unwrap().len();
    assert!(bytes / batch.expected.0 <= 120 + 100, "{} B a record", bytes / batch.expected.0);
}

#[test]
fn a_commit_that_finds_damage_poisons_the_writer() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = SqliteStore::open(directory.path()).unwrap();
    let mut batch = begin(&mut store);
    batch.records = vec![record(1, 10)];
    batch.expected = store.commit(&batch).unwrap().last;
    // The end of the log is damaged behind the writer's back.
    let connection = rusqlite::Connection::open(directory.path().join(FILE_NAME)).unwrap();
    connection.execute("UPDATE record SET head = NULL", []).unwrap();
    assert!(matches!(store.commit(&batch), Err(StoreError::Damaged { .. })));
    assert!(matches!(store.commit(&batch), Err(StoreError::Poisoned)));
    assert!(matches!(store.open_log(LOG), Err(StoreError::Poisoned)));
}

#[test]
fn a_faulty_store_fails_or_dies_where_it_was_told_to() {
    let io = || StoreError::Poisoned;
    for (fault, is_stored, is_dead) in
        [(Fault::Fail, false, false), (Fault::DieBefore, false, true), (Fault::DieAfter, true, true)]
    {
        let kept = MemoryStore::new();
        let mut store = FaultyStore::new(kept.clone()).at_commit(2, fault, io);
        let mut batch = Batch { records: vec![record(1, 1)], ..begin(&mut store) };
        batch.expected = store.commit(&batch).unwrap().last;
        assert!(matches!(store.commit(&batch), Err(StoreError::Poisoned)));
        assert_eq!(store.is_dead(), is_dead);
        assert_eq!(store.commit(&batch).is_ok(), !is_dead, "{fault:?}");
        let opened = kept.clone().open_log(LOG).unwrap();
        let count = 1 + u64::from(is_stored) + u64::from(!is_dead);
        assert_eq!((opened.last, opened.epoch), (Sequence(count), Epoch(2)), "{fault:?}");
    }
}
