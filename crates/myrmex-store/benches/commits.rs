//! Measures the SQLite store: `cargo bench -p myrmex-store`. Prints figures; judges nothing.
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_wrap,
    reason = "counts of a benchmark are small"
)]

use std::path::Path;
use std::time::{Duration, Instant};

use myrmex_model::address::Address;
use myrmex_model::id::{Attempt, DefinitionHash, Epoch, FencingToken, RunId, ValueHash};
use myrmex_model::name::{Name, Namespace};
use myrmex_model::status::Status;
use myrmex_model::time::Timestamp;
use myrmex_store::operation::AttemptLog;
use myrmex_store::sqlite::SqliteStore;
use myrmex_store::{
    Batch, Grant, IndexOperation, LogId, LogPosition, LogRange, NewRecord, Ready, RunSummary, Sequence, Store,
};

const LOG: LogId = LogId(0);

/// Bytes of a record's body, as an event has them.
const BODY_BYTES: usize = 120;

fn main() {
    creation();
    for per_batch in [1, 10, 100, 1_000] {
        commits(per_batch);
    }
    partitions();
    tasks(1, 10_000, 1);
    tasks(1, 10_000, 100);
    tasks(10_000, 1, 100);
    tasks(1, 100_000, 100);
    recovery();
}

fn directory() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).expect("a directory")
}

fn creation() {
    let mut times: Vec<_> = (0..21)
        .map(|_| {
            let directory = directory();
            let begin = Instant::now();
            let mut store = SqliteStore::open(directory.path()).expect("a new store");
            store.open_log(LOG).expect("a log");
            begin.elapsed()
        })
        .collect();
    times.sort_unstable();
    println!("new store, first log opened: median {:.2} ms", times[10].as_secs_f64() * 1e3);
    let directory = directory();
    drop(SqliteStore::open(directory.path()).expect("a new store"));
    let begin = Instant::now();
    let mut store = SqliteStore::open(directory.path()).expect("a store");
    store.open_log(LOG).expect("a log");
    println!("existing store, log opened: {:.2} ms", begin.elapsed().as_secs_f64() * 1e3);
}

fn open(path: &Path) -> (SqliteStore, Batch) {
    let mut store = SqliteStore::open(path).expect("a store");
    let opened = store.open_log(LOG).expect("a log");
    let (expected, epoch) = (opened.last, opened.epoch);
    (store, Batch { log: LOG, expected, epoch, records: Vec::new(), operations: Vec::new() })
}

fn run(number: usize) -> RunId {
    RunId((number as u128).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).to_be_bytes())
}

fn record(run: RunId) -> NewRecord {
    NewRecord { namespace: Namespace::standard(), run, codec: 1, body: vec![b'x'; BODY_BYTES] }
}

fn commits(per_batch: usize) {
    let directory = directory();
    let (mut store, mut batch) = open(directory.path());
    batch.records = (0..per_batch).map(|_| record(run(1))).collect();
    let (begin, mut times) = (Instant::now(), Vec::new());
    while begin.elapsed() < Duration::from_secs(2) {
        let begin = Instant::now();
        batch.expected = store.commit(&batch).expect("committed").last;
        times.push(begin.elapsed());
    }
    let seconds = begin.elapsed().as_secs_f64();
    times.sort_unstable();
    let (p50, p99) = (times[times.len() / 2], times[times.len() * 99 / 100]);
    println!(
        "{per_batch:>5} records a batch: {:>6.0} commits/s, {:>7.0} records/s, p50 {p50:?}, p99 {p99:?}",
        times.len() as f64 / seconds,
        (times.len() * per_batch) as f64 / seconds,
    );
}

/// Lets four logs grow side by side, ten records a batch.
fn partitions() {
    let directory = directory();
    let mut store = SqliteStore::open(directory.path()).expect("a store");
    let mut batches: Vec<_> = (0..4)
        .map(|log| {
            let (log, records) = (LogId(log), (0..10).map(|_| record(run(log as usize))).collect());
            let opened = store.open_log(log).expect("a log");
            let (expected, epoch) = (opened.last, opened.epoch);
            Batch { log, expected, epoch, records, operations: Vec::new() }
        })
        .collect();
    for index in 0..4_000 {
        let batch = &mut batches[index % 4];
        batch.expected = store.commit(batch).expect("committed").last;
    }
    drop(store);
    let bytes = std::fs::metadata(directory.path().join("store.db")).expect("a file").len() as f64;
    println!("4 logs: {:.0} B a record without its body", bytes / 40_000.0 - BODY_BYTES as f64);
}

/// Runs `runs` times `tasks` tasks of four records each, all with the operations that the runtime has for them,
/// `window` tasks in a batch.
fn tasks(runs: usize, tasks: usize, window: usize) {
    let directory = directory();
    let (mut store, mut batch) = open(directory.path());
    let count = runs * tasks;
    let begin = Instant::now();
    let mut index = 0;
    while index < count {
        let until = (index + window).min(count);
        for phase in 0..3 {
            batch.records.clear();
            batch.operations.clear();
            for number in index..until {
                step(&mut batch, run(number / tasks), number, phase, tasks == 1 || number + 1 == count);
            }
            batch.expected = store.commit(&batch).expect("committed").last;
        }
        index = until;
    }
    let seconds = begin.elapsed().as_secs_f64();
    drop(store);
    let bytes = std::fs::metadata(directory.path().join("store.db")).expect("a file").len();
    let events = batch.expected.0;
    println!(
        "{runs} x {tasks} tasks, {window} a batch: {:.0} tasks/s, {events} records of {BODY_BYTES} B, {:.1} MB, \
         {:.0} B a record without its body",
        count as f64 / seconds,
        bytes as f64 / 1e6,
        bytes as f64 / events as f64 - BODY_BYTES as f64,
    );
}

/// A task is queued, granted, and ends with an output of its own and a range of log.
fn step(batch: &mut Batch, run: RunId, number: usize, phase: usize, is_last: bool) {
    let namespace = Namespace::standard();
    let task = Address::parse(&format!("build-{number:06}")).expect("an address");
    let (attempt, at) = (Attempt::FIRST, Timestamp(1_800_000_000_000_000_000 + number as i64));
    let token = FencingToken::new(Epoch(1), u32::try_from(number).expect("few tasks"));
    match phase {
        0 => {
            batch.records.push(record(run));
            let ready = Ready { namespace: namespace.clone(), run, task, attempt, at };
            batch.operations.push(IndexOperation::PutReady(ready));
        }
        1 => {
            batch.records.push(record(run));
            let (worker, logs_from) = (Name::new("local").expect("a name"), LogPosition::START);
            batch.operations.extend([
                IndexOperation::RemoveReady { namespace: namespace.clone(), run, task: task.clone() },
                IndexOperation::PutGrant(Grant {
                    namespace: namespace.clone(),
                    run,
                    task,
                    attempt,
                    token,
                    worker,
                    at,
                    logs_from,
                }),
            ]);
        }
        _ => {
            batch.records.extend([record(run), record(run)]);
            let json = format!("{{\"n\":{number}}}").into_bytes();
            let start = number as u64 * 100;
            let range = LogRange { segment: 1, start, end: start + 100 };
            let log = AttemptLog { namespace: namespace.clone(), run, task, attempt, token, range };
            batch.operations.extend([
                IndexOperation::RemoveGrant { token },
                IndexOperation::PutValue {
                    namespace: namespace.clone(),
                    run,
                    hash: ValueHash::of(&json),
                    json,
                },
                IndexOperation::PutLogRange(log),
            ]);
        }
    }
    batch.operations.push(IndexOperation::PutSummary(RunSummary {
        namespace,
        run,
        workflow: Name::new("release").expect("a name"),
        definition: DefinitionHash([1; 32]),
        status: if is_last && phase == 2 { Status::Succeeded } else { Status::Running },
        started: Timestamp(1_800_000_000_000_000_000),
        ended: (is_last && phase == 2).then_some(at),
        started_by: "ann".to_owned(),
        last: batch.expected.plus(batch.records.len()),
        key: None,
        fault: None,
    }));
}

/// Reads a log of 400,000 records back and verifies its chain.
fn recovery() {
    let directory = directory();
    let (mut store, mut batch) = open(directory.path());
    batch.records = (0..1_000).map(|number| record(run(number))).collect();
    for _ in 0..400 {
        batch.expected = store.commit(&batch).expect("committed").last;
    }
    let reader = store.reader().expect("a reader");
    let begin = Instant::now();
    let mut after = Sequence::NONE;
    while let Some(last) = reader.records(LOG, after, usize::MAX).expect("readable").last() {
        after = last.sequence;
    }
    println!("reading: {:.0} records/s", after.0 as f64 / begin.elapsed().as_secs_f64());
    let begin = Instant::now();
    let verified = reader.verify(LOG).expect("readable");
    assert_eq!(verified.broken, None);
    println!("verifying: {:.0} records/s", verified.records as f64 / begin.elapsed().as_secs_f64());
}
