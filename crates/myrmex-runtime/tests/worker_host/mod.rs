//! A local worker with everything it needs in a temporary folder, and whoever listens to it.

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use myrmex_model::address::Address;
use myrmex_model::fault::Fault;
use myrmex_model::id::{Attempt, FencingToken, RunId};
use myrmex_model::name::Namespace;
use myrmex_model::outcome::AttemptEnd;
use myrmex_model::time::Length;
use myrmex_model::value::Value;
use myrmex_runtime::clock::SystemClock;
use myrmex_runtime::logs::Logs;
use myrmex_runtime::platform::{Processes, Zygote};
use myrmex_runtime::progress::Progress;
use myrmex_runtime::secrets::Providers;
use myrmex_runtime::worker::{
    Assignment, Kin, LocalWorker, Outcome, Produced, Report, Said, Worker, WorkerConfig,
};
use myrmex_store::blobs::{BlobStore, MemoryBlobStore};
use myrmex_store::memory::MemoryStore;
use myrmex_store::segments::{LogReader, MemoryLogReader, MemoryLogStore, Piece, Source};
use myrmex_store::{LogId, Store};
use tempfile::TempDir;

/// No check takes longer on a busy machine; a longer wait is a failure.
const PATIENCE: Duration = Duration::from_mins(1);

/// How long a process has between the request to stop and its death.
const GRACE: Duration = Duration::from_secs(5);

const LOG: LogId = LogId(0);

pub(crate) const RUN: RunId = RunId([7; 16]);

pub(crate) struct Host {
    worker: LocalWorker,
    heard: Receiver<Said>,
    printed: MemoryLogReader,
    blobs: MemoryBlobStore,
    folder: TempDir,
    next: u64,
}

impl Host {
    pub(crate) fn new() -> Self {
        Self::with(Providers::default(), tempfile::tempdir().unwrap())
    }

    /// Starts a worker in a folder that is ready.
    pub(crate) fn with(providers: Providers, folder: TempDir) -> Self {
        let processes = Processes::new(Zygote::fork().unwrap()).unwrap();
        let store = MemoryLogStore::new();
        let printed = store.memory_reader();
        let logs = Logs::new(LOG, Box::new(store), Arc::new(Progress::new()));
        let (say, heard) = channel();
        let blobs = MemoryBlobStore::new();
        let config = WorkerConfig {
            workspace: folder.path().join("space"),
            scratch: folder.path().join("scratch"),
            grace: GRACE,
            providers,
            kin: Kin::new(
                Arc::new(|| MemoryStore::new().reader()),
                Namespace::standard(),
                Arc::new(Progress::new()),
            ),
            blobs: Arc::new(blobs.clone()),
            namespace: Namespace::standard(),
            copies: folder.path().join("copies"),
            successes: None,
        };
        std::fs::create_dir_all(&config.workspace).unwrap();
        let say = Box::new(move |said| drop(say.send(said)));
        let worker = LocalWorker::start(processes, config, logs, Box::new(SystemClock), say).unwrap();
        Self { worker, heard, printed, blobs, folder, next: 1 }
    }

    pub(crate) fn space(&self) -> PathBuf {
        self.folder.path().join("space")
    }

    pub(crate) fn scratch(&self) -> PathBuf {
        self.folder.path().join("scratch")
    }

    pub(crate) fn worker(&self) -> &LocalWorker {
        &self.worker
    }

    pub(crate) fn assign(&mut self, arguments: Value) -> FencingToken {
        self.assign_watched(arguments, None)
    }

    /// Assigns an attempt that has to give a sign of life within so many milliseconds.
    pub(crate) fn assign_watched(&mut self, arguments: Value, heartbeat: Option<u64>) -> FencingToken {
        let token = FencingToken(1 << 32 | self.next);
        self.next += 1;
        self.worker.assign(Assignment {
            run: RUN,
            task: Address::parse("task").unwrap(),
            attempt: Attempt::FIRST,
            token,
            arguments: Arc::new(arguments),
            timeout: None,
            cache: None,
            heartbeat: heartbeat.map(Length),
        });
        token
    }

    pub(crate) fn hear(&self) -> Said {
        self.heard.recv_timeout(PATIENCE).expect("the worker says something")
    }

    pub(crate) fn report(&self) -> Report {
        match self.hear() {
            Said::Report(report) => *report,
            other => panic!("no report: {other:?}"),
        }
    }

    pub(crate) fn run(&mut self, arguments: Value) -> Report {
        let token = self.assign(arguments);
        let report = self.report();
        assert_eq!(report.token, token);
        report
    }

    /// Returns the content of a file value.
    pub(crate) fn content(&self, file: &Value) -> Vec<u8> {
        let hash = file["hash"].as_str().unwrap().parse().unwrap();
        let mut content =
            self.blobs.get(&Namespace::standard(), RUN, hash).unwrap().expect("the blob is there");
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes).unwrap();
        assert_eq!(file["size"], bytes.len());
        bytes
    }

    /// Returns what an attempt printed on both streams.
    pub(crate) fn printed(&self, report: &Report) -> String {
        let source = Source { log: LOG, token: report.token };
        let pieces = self.printed.read(report.logs.clone(), source);
        let bytes = pieces.flat_map(|piece| match piece.unwrap() {
            Piece::Output { bytes, .. } => bytes,
            Piece::Dropped { .. } => Vec::new(),
        });
        String::from_utf8(bytes.collect()).unwrap()
    }
}

/// Returns what a successful attempt gave.
#[track_caller]
pub(crate) fn produced(report: &Report) -> &Produced {
    match &report.outcome {
        Outcome::Produced { produced, .. } => produced,
        other @ (Outcome::Ended(_) | Outcome::TakenOver { .. }) => panic!("{other:?}"),
    }
}

/// Returns the error of an attempt.
#[track_caller]
pub(crate) fn fault(report: &Report) -> &Fault {
    match &report.outcome {
        Outcome::Ended(ended) => match &ended.end {
            AttemptEnd::Failed { fault } | AttemptEnd::TimedOut { fault } => fault,
            other => panic!("{other:?}"),
        },
        other @ (Outcome::Produced { .. } | Outcome::TakenOver { .. }) => panic!("{other:?}"),
    }
}
