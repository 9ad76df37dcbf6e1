//! How costs grow: one process with its partitions, a worker that carries nothing out, and a store in a file.
//!
//! Nothing here is timed. `cargo xtask bench growth` counts the instructions of what is marked as measured, and the bytes of
//! memory and of the store.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use myrmex_lang::{Source, check};
use myrmex_model::id::{DefinitionHash, FencingToken, RunId};
use myrmex_model::ir::Definition;
use myrmex_model::name::{Name, Namespace};
use myrmex_model::outcome::Usage;
use myrmex_model::time::{Length, Timestamp};
use myrmex_model::wire;
use myrmex_runtime::clock::{Clock, SystemClock};
use myrmex_runtime::evaluate::EvaluationLimits;
use myrmex_runtime::logs::Logs;
use myrmex_runtime::partition::{
    Answered, Committer, DOMAIN_LOG, Inbox, NewRun, Parts, Ranking, Stepper, Supply, Thrift, Written,
};
use myrmex_runtime::progress::Progress;
use myrmex_runtime::worker::{Assignment, Facts, Outcome, Produced, Report, Said, Worker};
use myrmex_store::blobs::MemoryBlobStore;
use myrmex_store::contract::Arrival;
use myrmex_store::segments::MemoryLogStore;
use myrmex_store::sqlite::{FILE_NAME, SqliteReader, SqliteStore};
use myrmex_store::{Batch, Committed, LogId, Partitions, Reader, Sequence, Store, StoreError};

/// How many tasks a layer of the large graph has; each needs two of the layer before.
const LAYER: usize = 100;

/// The most tasks of one graph. A file has a mebibyte; a larger run goes through several such graphs, one after the other.
const GRAPH: usize = 10_000;

/// How many attempts may be under way at a time.
const SLOTS: u32 = 4;

/// How many records are read at a time.
const PAGE: usize = 1_000;

/// How many runs are started before an answer is waited for: fewer than an inbox takes.
const STARTS: usize = 200;

/// A workflow as its file gives it.
pub struct Workflow {
    definition: Arc<Definition>,
    form: Arc<[u8]>,
}

impl Workflow {
    /// Reads a workflow.
    ///
    /// # Panics
    ///
    /// If the text is no workflow.
    pub fn read(text: &str) -> Self {
        let checked = check(&Source::new("growth.yaml", text));
        let problem = checked.diagnostics.first();
        let definition = checked.definition.unwrap_or_else(|| panic!("{problem:?}"));
        let form = wire::definition::encode(&definition).into();
        Self { definition: Arc::new(definition), form }
    }

    /// Makes a run of so many tasks: graphs in layers, each task with two before it.
    pub fn layers(tasks: usize) -> Self {
        let mut text = "workflow: layers\ndefaults: {timeout: 1m}\ntasks:\n".to_owned();
        let (graphs, graph) = if tasks > GRAPH { (tasks / GRAPH, GRAPH) } else { (1, tasks) };
        writeln!(text, "  all:\n    for_each: {graphs}\n    max_parallel: 1\n    tasks:")
            .expect("a text takes what it is given");
        for task in 0..graph {
            let (layer, place) = (task / LAYER, task % LAYER);
            let needs = match layer.checked_sub(1) {
                Some(before) => format!("needs: [t{before}_{place}, t{before}_{}], ", (place + 1) % LAYER),
                None => String::new(),
            };
            writeln!(text, "      t{layer}_{place}: {{{needs}run: x}}")
                .expect("a text takes what it is given");
        }
        Self::read(&text)
    }

    fn new_run(&self, run: RunId) -> NewRun {
        NewRun {
            run,
            definition: Arc::clone(&self.definition),
            hash: DefinitionHash::of(&self.form),
            form: Arc::clone(&self.form),
            inputs: serde_json::json!({}),
            called: Vec::new(),
            started_by: "growth".to_owned(),
            trigger: "manual".to_owned(),
            key: None,
            retry: None,
        }
    }
}

/// Attempts that a worker was given, and nobody has ended yet.
#[derive(Clone, Default)]
struct Hands(Arc<Mutex<VecDeque<Assignment>>>);

impl Hands {
    fn take(&self) -> Option<Assignment> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

impl Worker for Hands {
    fn assign(&self, assignment: Assignment) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(assignment);
    }

    fn stop(&self, _: FencingToken) {}

    fn stop_all(&self) {}

    fn acknowledge(&self, _: FencingToken) {}

    fn forget(&self, _: RunId) {}

    fn recount(&self) {}
}

/// Commits in place.
struct Desk {
    store: Option<Box<dyn Store>>,
    inbox: Inbox,
}

impl Committer for Desk {
    fn commits_here(&self, _: usize) -> bool {
        true
    }

    fn commit(&mut self, batch: &Batch) -> Result<Committed, StoreError> {
        self.store.as_mut().expect("it is open").commit(batch)
    }

    fn hand_over(&mut self, batch: Batch) {
        let committed = self.commit(&batch);
        self.inbox.say(Written::Committed(committed));
    }

    fn close(&mut self) {
        self.store = None;
    }
}

/// The system's clock, and how many nanoseconds it was moved forward.
#[derive(Default)]
struct MovedClock(AtomicI64);

impl Clock for MovedClock {
    fn now(&self) -> Timestamp {
        Timestamp(SystemClock.now().0 + self.0.load(Ordering::Relaxed))
    }
}

/// A process with its store in a folder.
pub struct Process {
    partitions: Stepper,
    hands: Hands,
    progress: Arc<Progress>,
    clock: Arc<MovedClock>,
    folder: PathBuf,
    logs: Partitions,
}

impl Process {
    /// Opens the store in a folder, making it if it is not there.
    ///
    /// # Panics
    ///
    /// If the store cannot be opened.
    pub fn open(folder: &Path) -> Self {
        fs::create_dir_all(folder).expect("the folder can be made");
        let (path, logs) = (folder.to_owned(), Partitions::ONE);
        let (progress, clock) = (Arc::new(Progress::new()), Arc::<MovedClock>::default());
        let parts = Parts {
            open: Box::new(move || {
                SqliteStore::open_with(&path, logs).map(|store| Box::new(store) as Box<dyn Store>)
            }),
            namespace: Namespace::standard(),
            clock: Arc::<MovedClock>::clone(&clock),
            slots: SLOTS,
            supply: Supply::default(),
            worker: Name::new("local").expect("it is a name"),
            logs: Logs::new(DOMAIN_LOG, Box::new(MemoryLogStore::new()), Arc::clone(&progress)),
            progress: Arc::clone(&progress),
            blobs: Arc::new(MemoryBlobStore::default()),
            limits: EvaluationLimits::default(),
            thrift: Thrift::default(),
            ranking: Ranking::arrival(),
        };
        let committers = |_: LogId| -> myrmex_runtime::partition::MakeCommitter {
            Box::new(|store, _, inbox| Ok(Box::new(Desk { store: Some(store), inbox })))
        };
        let partitions = Stepper::open(parts, committers).expect("the store can be opened");
        let hands = Hands::default();
        partitions.attach(Box::new(hands.clone()));
        Self { partitions, hands, progress, clock, folder: folder.to_owned(), logs }
    }

    /// Starts runs and returns once they are durable; their first attempts are at the worker. Runs of different numbers
    /// differ.
    ///
    /// # Panics
    ///
    /// If one is refused.
    pub fn start(&mut self, workflow: &Workflow, numbers: Range<usize>) {
        let numbers: Vec<usize> = numbers.collect();
        for some in numbers.chunks(STARTS) {
            let run = |number: &usize| RunId::derived(&["growth", &number.to_string()]);
            let starts = some.iter().map(|number| self.partitions.start_run(workflow.new_run(run(number))));
            for started in starts.collect::<Vec<_>>() {
                self.until(&started);
            }
        }
    }

    /// Takes turns until nothing is left to do but to wait for reports and for the clock.
    ///
    /// # Panics
    ///
    /// If that does not come to an end.
    pub fn settle(&mut self) {
        const TURNS_MAX: usize = 1_000_000;
        for _ in 0..TURNS_MAX {
            if self.logs.logs().all(|log| self.partitions.sleeps(log, self.clock.now())) {
                return;
            }
            self.turn();
        }
        panic!("there is always something to do");
    }

    /// Moves the clock forward by what lets runs leave memory that only wait, and lets them; returns how many did since
    /// the process began.
    ///
    /// # Panics
    ///
    /// If that does not come to an end.
    pub fn let_sleep(&mut self) -> u64 {
        let Length(idle_ms) = Thrift::default().idle;
        // Runs that may leave are waited for for a while, so that they leave together.
        let long = i64::try_from(2 * idle_ms).expect("it is two minutes") * 1_000_000;
        self.clock.0.fetch_add(long, Ordering::Relaxed);
        self.settle();
        self.partitions.tally().naps
    }

    /// Takes up all open runs of the store and returns once they are loaded.
    ///
    /// # Panics
    ///
    /// If one cannot be loaded.
    pub fn resume(&mut self) -> usize {
        let reader = self.reader();
        let (mut open, mut after) = (Vec::new(), Arrival::NONE);
        loop {
            let page = reader.open_runs(LogId(0), after, PAGE).expect("the store can be read");
            let Some(last) = page.last() else { break };
            after = last.arrival;
            open.extend(page.into_iter().map(|open| open.summary.run));
        }
        let resumed = self.partitions.resume_runs(&open);
        self.until(&resumed);
        open.len()
    }

    fn until(&mut self, answered: &Answered) {
        loop {
            if let Ok(answer) = answered.try_recv() {
                return answer.expect("it is accepted");
            }
            self.turn();
        }
    }

    fn turn(&mut self) {
        for log in self.logs.logs() {
            assert!(self.partitions.turn(log), "the partition ended: {:?}", self.progress.take_notes());
        }
    }

    /// Ends so many attempts well, one turn for each; returns how many there were.
    pub fn complete(&mut self, most: usize) -> usize {
        for done in 0..most {
            let Some(assignment) = self.next() else { return done };
            self.partitions.ear().hear(Said::Report(Box::new(success(assignment))));
            self.turn();
        }
        most
    }

    /// Returns the next attempt, once turns that are left are taken.
    fn next(&mut self) -> Option<Assignment> {
        const TURNS_MAX: usize = 100_000;
        for _ in 0..TURNS_MAX {
            let next = self.hands.take();
            if next.is_some() || self.open_runs() == 0 {
                return next;
            }
            self.turn();
        }
        panic!("runs are open, and nothing happens");
    }

    fn open_runs(&self) -> usize {
        self.reader().open_runs(LogId(0), Arrival::NONE, 1).expect("the store can be read").len()
    }

    fn reader(&self) -> SqliteReader {
        SqliteReader::open(&self.folder).expect("the store can be read")
    }

    /// Returns how many records the store has, and how many bytes its file has once all are in it.
    ///
    /// # Panics
    ///
    /// If the store cannot be read.
    pub fn close(self) -> (usize, u64) {
        let reader = self.reader();
        let (mut records, mut after) = (0, Sequence::NONE);
        loop {
            let page = reader.records(LogId(0), after, PAGE).expect("the store can be read");
            let Some(last) = page.last() else { break };
            records += page.len();
            after = last.sequence;
        }
        let path = self.folder.join(FILE_NAME);
        drop((reader, self.partitions));
        (records, fs::metadata(path).expect("the file is there").len())
    }
}

fn success(assignment: Assignment) -> Report {
    let facts = Facts { usage: Usage::default(), pid: Some(1), exit: None, has_leftovers: false };
    Report {
        run: assignment.run,
        task: assignment.task,
        attempt: assignment.attempt,
        token: assignment.token,
        outcome: Outcome::Produced { produced: Produced::Stdout(Some(String::new())), facts },
        artifacts: serde_json::Map::new(),
        logs: Vec::new(),
        digest: None,
    }
}
