//! What was acknowledged is there after kill -9, at whatever moment it comes.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use myrmex_model::id::{FencingToken, RunId};
use myrmex_model::name::Namespace;
use myrmex_model::time::Timestamp;
use myrmex_store::segments::{FileLogStore, LogStore, Source, Stream};
use myrmex_store::sqlite::SqliteStore;
use myrmex_store::{Batch, LogId, LogPosition, NewRecord, Store};

/// Names the directory that [`child_that_writes`] is to write to, in the process that is to be killed.
const CHILD: &str = "MYRMEX_STORE_TEST_WRITE";

const LOG: LogId = LogId(0);

/// Not a test by itself: commits until it is killed, and says so after each commit.
#[test]
fn child_that_writes() {
    let Some(path) = std::env::var_os(CHILD) else { return };
    let mut store = SqliteStore::open(path.as_ref()).unwrap();
    let mut logs = FileLogStore::open(path.as_ref()).unwrap();
    let opened = store.open_log(LOG).unwrap();
    let record = NewRecord {
        namespace: Namespace::standard(),
        run: RunId([u8::try_from(opened.epoch.0).unwrap(); 16]),
        codec: 1,
        body: vec![b'x'; 200],
    };
    let (records, operations) = (vec![record; 3], Vec::new());
    let mut batch = Batch { log: LOG, expected: opened.last, epoch: opened.epoch, records, operations };
    let mut out = std::io::stdout();
    loop {
        let source = Source { log: LOG, token: FencingToken::new(batch.epoch, 1) };
        logs.append(source, Stream::Stdout, Timestamp(0), b"line\n").unwrap();
        logs.flush().unwrap();
        batch.expected = store.commit(&batch).unwrap().last;
        writeln!(out, "\ncommitted {}", batch.expected).unwrap();
    }
}

#[test]
fn nothing_acknowledged_is_lost_by_kill_9() {
    let directory = tempfile::tempdir().unwrap();
    for round in 1..=10_u32 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_that_writes", "--nocapture"])
            .env(CHILD, directory.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut acknowledged = 0;
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut commits = 0;
        while commits < 20 * round {
            let line = lines.next().unwrap();
            if let Some(sequence) = line.strip_prefix("committed ") {
                acknowledged = sequence.parse().unwrap();
                commits += 1;
            }
        }
        // Another moment of a commit in each round.
        std::thread::sleep(Duration::from_micros(u64::from(round) * 137));
        child.kill().unwrap();
        for line in lines {
            acknowledged =
                line.strip_prefix("committed ").map_or(acknowledged, |n| n.parse().unwrap_or(acknowledged));
        }
        child.wait().unwrap();
        let mut store = SqliteStore::open(directory.path()).unwrap();
        let last = store.open_log(LOG).unwrap().last;
        assert!(last.0 >= acknowledged && last.0.is_multiple_of(3), "{last} of {acknowledged}");
        let verified = store.reader().unwrap().verify(LOG).unwrap();
        assert_eq!((verified.records, verified.broken), (last.0, None));
        let logs = FileLogStore::open(directory.path()).unwrap();
        let tail = logs.reader().scan_tail(LogPosition::START).unwrap();
        assert_eq!((tail.ranges.len(), tail.damaged), (round as usize, vec![]));
    }
}
