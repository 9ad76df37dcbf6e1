//! Stores that earlier builds wrote are read, gone on with and brought to their end by this one, and this one still writes the same.
//!
//! `tests-data/journals` has one. `MYRMEX_BLESS=1` writes it anew; what is promised of it is in docs/decisions/0022-store-format.md.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use myrmex_model::address::Address;
use myrmex_model::id::RunId;
use myrmex_model::name::Namespace;
use myrmex_model::status::Status;
use myrmex_model::time::Length;
use myrmex_model::wire::shown;
use myrmex_runtime::partition::{Ranking, event_of};
use myrmex_store::contract::Arrival;
use myrmex_store::sqlite::{FILE_NAME, SqliteReader, SqliteStore};
use myrmex_store::{LogId, Partitions, Reader, Record, Sequence, Store};
use myrmex_testkit::process::{Process, Setup, Workflow};

/// Is over when the process ends: a graph, a block with a guard that is false, items, a value, a sequence.
const OVER: &str = "workflow: over
defaults: {timeout: 1m}
tasks:
  first: {run: x}
  left_out: {if: false, needs: first, run: x}
  each: {for_each: [1, 2, 3], max_parallel: 2, needs: first, run: x}
  value: {set: {n: 1}}
  steps:
    needs: each
    do:
      - one: {run: x}
      - two: {run: x}
";

/// Waits for a timer behind a task, with a lock that its block holds.
const SLEEPS: &str = "workflow: sleeps
defaults: {timeout: 1m}
tasks:
  block:
    lock: press
    do:
      - before: {run: x}
      - pause: {wait: 30d}
      - after: {run: x}
";

/// Is amid its attempts.
const BUSY: &str = "workflow: busy
defaults: {timeout: 1h}
tasks:
  a: {run: x, retry: {attempts: 3}}
  b: {run: x}
  c: {needs: [a, b], run: x}
";

/// Waits for a person.
const ASKS: &str = "workflow: asks
tasks:
  draft: {run: x, timeout: 1m}
  agree: {needs: draft, approval: Agree?}
";

/// Is over at once.
const FAILS: &str = "workflow: fails
tasks:
  wrong: {fail: {type: own/reason, title: it is so}}
";

const WORKFLOWS: [(&str, &str); 5] =
    [("over", OVER), ("sleeps", SLEEPS), ("busy", BUSY), ("asks", ASKS), ("fails", FAILS)];

fn run_of(name: &str) -> RunId {
    RunId::derived(&["journals", name])
}

fn open(folder: &Path) -> Process {
    let path = folder.to_owned();
    let open = Box::new(move || {
        SqliteStore::open_with(&path, Partitions::ONE).map(|store| Box::new(store) as Box<dyn Store>)
    });
    Process::open(Setup { open, logs: Partitions::ONE, slots: 2, ranking: Ranking::arrival() })
}

/// Ends whatever attempts there are, and those that come of it.
fn work(process: &mut Process) {
    process.settle();
    while let Some(assignment) = process.take() {
        process.pass(Length(1_500));
        process.succeed(assignment);
        process.settle();
    }
}

/// Writes a store in which runs stand in all kinds of places.
fn write(folder: &Path) {
    let mut process = open(folder);
    for (name, text) in WORKFLOWS.iter().filter(|(name, _)| *name != "busy") {
        process.start(&Workflow::read(text), &[run_of(name)]);
        work(&mut process);
    }
    process.start(&Workflow::read(BUSY), &[run_of("busy")]);
    process.settle();
    let first = process.take().unwrap();
    process.succeed(first);
    process.settle();
}

fn records(folder: &Path) -> Vec<Record> {
    SqliteReader::open(folder).unwrap().records(LogId(0), Sequence::NONE, 10_000).unwrap()
}

/// Returns a line for each record: its run, and its event in words.
fn in_words(records: &[Record]) -> String {
    let mut text = String::new();
    for record in records {
        let (name, _) = WORKFLOWS.iter().find(|(name, _)| run_of(name) == record.run).unwrap();
        let recorded = event_of(record).unwrap();
        let (kind, data) = (recorded.event.kind(), shown::data(&recorded.event));
        let task = recorded.event.task().map_or("-", Address::as_str);
        writeln!(text, "{} {} {name} {kind} {task} {data}", record.sequence.0, recorded.at.0).unwrap();
    }
    text
}

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests-data/journals/format-1")
}

/// Returns a copy of the golden store that may be written.
fn copied() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(golden().join(FILE_NAME), folder.path().join(FILE_NAME)).unwrap();
    folder
}

#[test]
fn what_is_written_today_is_what_was_written_then() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path());
    let today = records(folder.path());
    if std::env::var_os("MYRMEX_BLESS").is_some() {
        fs::create_dir_all(golden()).unwrap();
        fs::copy(folder.path().join(FILE_NAME), golden().join(FILE_NAME)).unwrap();
        fs::write(golden().join("events.txt"), in_words(&today)).unwrap();
    }
    let copy = copied();
    let then = records(copy.path());
    assert_eq!(in_words(&then), fs::read_to_string(golden().join("events.txt")).unwrap());
    assert_eq!(in_words(&today), in_words(&then));
    // The same words, and the same bytes, heads of the chain included.
    assert!(today == then, "other bytes for the same events");
    let reader = SqliteReader::open(copy.path()).unwrap();
    assert_eq!(reader.verify(LogId(0)).unwrap().head, then.last().unwrap().head.unwrap());
}

#[test]
fn a_store_of_then_goes_on_to_the_end_today() {
    let copy = copied();
    let mut process = open(copy.path());
    // A process takes up runs some time after the one before it.
    process.pass(Length(3_600_000));
    let reader = SqliteReader::open(copy.path()).unwrap();
    let open: Vec<RunId> = reader
        .open_runs(LogId(0), Arrival::NONE, 100)
        .unwrap()
        .into_iter()
        .map(|open| open.summary.run)
        .collect();
    assert_eq!(open.len(), 3);
    process.resume(&open);
    work(&mut process);
    process.pass(Length(31 * 86_400_000));
    work(&mut process);
    let status = |name: &str| reader.summary(&Namespace::standard(), run_of(name)).unwrap().unwrap().status;
    assert_eq!(
        WORKFLOWS.map(|(name, _)| status(name)),
        [Status::Succeeded, Status::Succeeded, Status::Succeeded, Status::Running, Status::Failed,]
    );
}
