//! Workers: who carries out attempts. The local worker is a thread of this process.
//!
//! A worker is told to run or stop attempts and reports each attempt once it is over and nothing of it is alive. It
//! keeps a report until it hears that the report is durable, so that a failed commit loses nothing: whoever reloads
//! asks for what is under way and for the reports again.

mod arguments;
mod artifacts;
mod attempt;
mod blobs;
mod cache;
mod finish;
mod heartbeat;
mod interpreter;
mod kin;
mod local;
mod output;
mod secret;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use myrmex_model::address::Address;
use myrmex_model::id::{Attempt, DefinitionHash, FencingToken, RunId};
use myrmex_model::name::{Name, Namespace};
use myrmex_model::outcome::{AttemptEnd, AttemptReport, Origin, ProcessExit, Usage};
use myrmex_model::time::Length;
use myrmex_model::value::Value;
use myrmex_store::blobs::BlobStore;
use myrmex_store::{CacheDigest, LogRange, Reader, StoreError};

use crate::secrets::Providers;

pub(crate) use cache::ARGUMENT as CACHE_ARGUMENT;
pub use kin::Kin;
pub use local::{Busy, LocalWorker, WorkerError};

/// Who carries out attempts, as a partition sees it.
///
/// No method blocks. What the worker has to say reaches the partition by an [`crate::partition::Ear`]. Dropping it ends
/// what it runs.
pub trait Worker: Send {
    /// Lets the worker carry out an attempt. It reports exactly one end, and again whenever asked until acknowledged.
    fn assign(&self, assignment: Assignment);

    /// Asks for the end of an attempt: told to stop, killed after the grace. The report confirms it.
    fn stop(&self, token: FencingToken);

    /// Asks for the end of everything under way.
    fn stop_all(&self);

    /// Tells that the report of an attempt is durable.
    fn acknowledge(&self, token: FencingToken);

    /// Tells that a run is over, so that the copies of its files can go. They are gone when the worker has ended.
    fn forget(&self, run: RunId);

    /// Asks what is under way and for every report that is kept; first comes one [`Said::Inventory`].
    fn recount(&self);
}

/// A worker, as the partitions of a process share it.
pub(crate) struct SharedWorker {
    worker: Mutex<Box<dyn Worker>>,
    /// How often anybody asked what it has; changed only with the worker in hand.
    recounts: AtomicU64,
}

impl SharedWorker {
    pub(crate) fn new(worker: Box<dyn Worker>) -> Self {
        Self { worker: Mutex::new(worker), recounts: AtomicU64::new(0) }
    }

    /// Returns the worker, to be told something. What it is told in another thread meanwhile waits.
    pub(crate) fn tell(&self) -> MutexGuard<'_, Box<dyn Worker>> {
        // Its methods leave nothing half done.
        self.worker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks what is under way, and returns which of all questions that is, from 1: every partition hears every answer.
    pub(crate) fn recount(&self) -> u64 {
        let worker = self.tell();
        worker.recount();
        self.recounts.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// An attempt to carry out.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// Its run.
    pub run: RunId,
    /// Its task.
    pub task: Address,
    /// Its number.
    pub attempt: Attempt,
    /// The grant's token; also the worker's name for the attempt.
    pub token: FencingToken,
    /// What the executor is given.
    pub arguments: Arc<Value>,
    /// The longest it may run.
    pub timeout: Option<Length>,
    /// The longest it may give no sign of life.
    pub heartbeat: Option<Length>,
    /// What its success depends on beside its arguments, if that may be taken over.
    pub cache: Option<Box<CacheScope>>,
}

/// What the success of an attempt depends on beside its arguments and files.
#[derive(Debug, Clone)]
pub struct CacheScope {
    /// The workflow.
    pub workflow: Name,
    /// The names of the task and of the scopes around it: all runs, items and visits of the task have one.
    pub path: String,
    /// The hash of the task as it is written, without `cache`.
    pub body: DefinitionHash,
    /// The digest of all of it, once the worker knows that there is nothing to take over.
    pub(crate) digest: Option<CacheDigest>,
}

/// What an attempt gave, before the engine's declared types are applied.
#[derive(Debug, Clone, PartialEq)]
pub enum Produced {
    /// Nothing was written to the output file; this is what standard output holds, without its last newline, or
    /// nothing if it holds more than a value may.
    Stdout(Option<String>),
    /// Lines `name=value`.
    Lines(serde_json::Map<String, Value>),
    /// A JSON object.
    Object(serde_json::Map<String, Value>),
    /// More than a value may hold was written to the output file, which was kept: its file value.
    File(serde_json::Map<String, Value>),
}

/// The end of an attempt, as a worker reports it.
#[derive(Debug, Clone)]
pub struct Report {
    /// The attempt's run.
    pub run: RunId,
    /// The attempt's task.
    pub task: Address,
    /// The attempt's number.
    pub attempt: Attempt,
    /// The grant's token.
    pub token: FencingToken,
    /// How it ended. The output hash of a success is that of `produced` once the engine has shaped it.
    pub outcome: Outcome,
    /// The artifacts that were kept, durably: a file value by name. Also of an attempt that failed.
    pub artifacts: serde_json::Map<String, Value>,
    /// Where the attempt's log bytes are, already written to the operating system.
    pub logs: Vec<LogRange>,
    /// Under which digest later attempts may take over its success, if they may.
    pub digest: Option<CacheDigest>,
}

/// How an attempt ended, as a worker reports it.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// The body gave something.
    Produced {
        /// What.
        produced: Produced,
        /// Usage and process id.
        facts: Facts,
    },
    /// Nothing was run: this is the success of an earlier attempt, in its final form.
    TakenOver {
        /// Its output.
        output: Value,
        /// Whose it is.
        origin: Origin,
    },
    /// Anything else, in the engine's own words.
    Ended(AttemptReport),
}

/// What is known of an attempt's process.
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    /// What it used.
    pub usage: Usage,
    /// Its process id.
    pub pid: Option<u32>,
    /// How it ended; none for exit code 0.
    pub exit: Option<ProcessExit>,
    /// Whether it left processes behind that were killed.
    pub has_leftovers: bool,
}

impl Facts {
    /// Makes the report of an attempt that ended so.
    pub(crate) fn report(self, end: AttemptEnd) -> AttemptReport {
        let Self { usage, pid, exit, has_leftovers } = self;
        AttemptReport { usage, pid, exit, has_leftovers, ..AttemptReport::of(end) }
    }
}

/// Returns the folder in a data directory in which attempts put their output files.
pub fn scratch_folder(data: &std::path::Path) -> PathBuf {
    data.join("outputs")
}

/// Returns the folder in a data directory with the copies of files that tasks read.
pub fn copies_folder(data: &std::path::Path) -> PathBuf {
    data.join("files")
}

/// What a worker says of its own accord or when asked.
#[derive(Debug)]
pub enum Said {
    /// An attempt is over.
    Report(Box<Report>),
    /// The attempts it runs or holds reports of.
    Inventory(Vec<FencingToken>),
    /// It cannot go on.
    Broken(String),
}

/// Opens the store for reading.
pub type OpenReader = Arc<dyn Fn() -> Result<Box<dyn Reader>, StoreError> + Send + Sync>;

/// How the local worker works.
#[derive(Clone)]
pub struct WorkerConfig {
    /// The directory in which tasks run unless they say otherwise.
    pub workspace: PathBuf,
    /// Where output files of attempts are put; made when it is first needed.
    pub scratch: PathBuf,
    /// How long a process has between the request to stop and its death.
    pub grace: Duration,
    /// Where secrets come from.
    pub providers: Providers,
    /// Who knows which secrets were given before.
    pub kin: Kin,
    /// Where artifacts and large outputs are kept.
    pub blobs: Arc<dyn BlobStore>,
    /// Whose they are.
    pub namespace: Namespace,
    /// Where copies of files are put that tasks read; made when it is first needed.
    pub copies: PathBuf,
    /// Where successes are looked for that can be taken over; opened when it is first needed. None takes over nothing.
    pub successes: Option<OpenReader>,
}
