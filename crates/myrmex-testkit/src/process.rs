//! A process whose turns are taken one by one, with a worker that carries nothing out and a clock that stands still until it is moved.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use myrmex_lang::{Source, check};
use myrmex_model::id::{DefinitionHash, FencingToken, RunId};
use myrmex_model::ir::Definition;
use myrmex_model::name::{Name, Namespace};
use myrmex_model::outcome::Usage;
use myrmex_model::status::Status;
use myrmex_model::time::{Length, Timestamp};
use myrmex_model::wire;
use myrmex_runtime::clock::Clock;
use myrmex_runtime::evaluate::EvaluationLimits;
use myrmex_runtime::logs::Logs;
use myrmex_runtime::partition::{
    Answered, Committer, DOMAIN_LOG, Inbox, MakeCommitter, NewRun, OpenStore, Parts, Ranking, Stepper,
    Supply, Tally, Thrift, Written,
};
use myrmex_runtime::progress::Progress;
use myrmex_runtime::worker::{Assignment, Facts, Outcome, Produced, Report, Said, Worker};
use myrmex_store::blobs::MemoryBlobStore;
use myrmex_store::segments::MemoryLogStore;
use myrmex_store::{Batch, Committed, LogId, Partitions, Store, StoreError};

/// When the clock begins.
const BEGIN: Timestamp = Timestamp(1_800_000_000_000_000_000);

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
        let checked = check(&Source::new("workflow.yaml", text));
        let problem = checked.diagnostics.first();
        let definition = checked.definition.unwrap_or_else(|| panic!("{problem:?}"));
        let form = wire::definition::encode(&definition).into();
        Self { definition: Arc::new(definition), form }
    }

    fn new_run(&self, run: RunId) -> NewRun {
        NewRun {
            run,
            definition: Arc::clone(&self.definition),
            hash: DefinitionHash::of(&self.form),
            form: Arc::clone(&self.form),
            inputs: serde_json::json!({}),
            called: Vec::new(),
            started_by: "testkit".to_owned(),
            trigger: "manual".to_owned(),
            key: None,
            retry: None,
        }
    }
}

/// Attempts that a worker was given, and nobody has ended yet.
#[derive(Clone, Default)]
struct Hands {
    given: Arc<Mutex<VecDeque<Assignment>>>,
    /// How often it was asked what it has under way, and not answered yet.
    recounts: Arc<AtomicU64>,
}

impl Hands {
    fn take(&self) -> Option<Assignment> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

impl Worker for Hands {
    fn assign(&self, assignment: Assignment) {
        self.given.lock().unwrap_or_else(PoisonError::into_inner).push_back(assignment);
    }

    fn stop(&self, _: FencingToken) {}

    fn stop_all(&self) {}

    fn acknowledge(&self, _: FencingToken) {}

    fn forget(&self, _: RunId) {}

    fn recount(&self) {
        self.recounts.fetch_add(1, Ordering::Relaxed);
    }
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

/// A clock that stands still until it is moved.
struct MovedClock(AtomicI64);

impl Clock for MovedClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }
}

/// What a process is made of.
pub struct Setup {
    /// Opens the store.
    pub open: OpenStore,
    /// The logs of the store.
    pub logs: Partitions,
    /// How many attempts may be under way at a time.
    pub slots: u32,
    /// In which order those of a run begin.
    pub ranking: Ranking,
}

/// A process with a worker that does nothing by itself.
pub struct Process {
    partitions: Stepper,
    hands: Hands,
    progress: Arc<Progress>,
    clock: Arc<MovedClock>,
    logs: Partitions,
}

impl Process {
    /// Starts one.
    ///
    /// # Panics
    ///
    /// If the store cannot be opened.
    pub fn open(setup: Setup) -> Self {
        let (progress, clock) = (Arc::new(Progress::new()), Arc::new(MovedClock(AtomicI64::new(BEGIN.0))));
        let parts = Parts {
            open: setup.open,
            namespace: Namespace::standard(),
            clock: Arc::<MovedClock>::clone(&clock),
            slots: setup.slots,
            supply: Supply::default(),
            worker: Name::new("local").expect("it is a name"),
            logs: Logs::new(DOMAIN_LOG, Box::new(MemoryLogStore::new()), Arc::clone(&progress)),
            progress: Arc::clone(&progress),
            blobs: Arc::new(MemoryBlobStore::default()),
            limits: EvaluationLimits::default(),
            thrift: Thrift::default(),
            ranking: setup.ranking,
        };
        let committers = |_: LogId| -> MakeCommitter {
            Box::new(|store, _, inbox| Ok(Box::new(Desk { store: Some(store), inbox })))
        };
        let partitions = Stepper::open(parts, committers).expect("the store can be opened");
        let hands = Hands::default();
        partitions.attach(Box::new(hands.clone()));
        Self { partitions, hands, progress, clock, logs: setup.logs }
    }

    /// Starts runs, no more than an inbox takes, and returns once they are durable; their first attempts are at the worker.
    ///
    /// # Panics
    ///
    /// If one is refused.
    pub fn start(&mut self, workflow: &Workflow, runs: &[RunId]) {
        let starts = runs.iter().map(|run| self.partitions.start_run(workflow.new_run(*run)));
        for started in starts.collect::<Vec<_>>() {
            self.until(&started);
        }
    }

    /// Takes up runs and returns once they are loaded.
    ///
    /// # Panics
    ///
    /// If one cannot be loaded.
    pub fn resume(&mut self, runs: &[RunId]) {
        let resumed = self.partitions.resume_runs(runs);
        self.until(&resumed);
    }

    /// Takes turns until nothing is left to do but to wait for reports and for the clock.
    ///
    /// # Panics
    ///
    /// If that does not come to an end.
    pub fn settle(&mut self) {
        const TURNS_MAX: usize = 1_000_000;
        for _ in 0..TURNS_MAX {
            if self.logs.logs().all(|log| self.partitions.sleeps(log, self.now())) {
                return;
            }
            self.turn();
        }
        panic!("there is always something to do");
    }

    /// Lets every partition take a turn. Whoever asks what the worker has before attempts are given to it is told: nothing.
    ///
    /// # Panics
    ///
    /// If one has ended.
    pub fn turn(&mut self) {
        for _ in 0..self.hands.recounts.swap(0, Ordering::Relaxed) {
            self.partitions.ear().hear(Said::Inventory(Vec::new()));
        }
        for log in self.logs.logs() {
            assert!(self.partitions.turn(log), "the partition ended: {:?}", self.progress.take_notes());
        }
    }

    /// Returns what the clock shows.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Moves the clock forward.
    ///
    /// # Panics
    ///
    /// If that is longer than a clock goes.
    pub fn pass(&self, Length(ms): Length) {
        let ns = i64::try_from(ms).ok().and_then(|ms| ms.checked_mul(1_000_000));
        self.clock.0.fetch_add(ns.expect("it is less than centuries"), Ordering::Relaxed);
    }

    /// Returns what was done to save memory.
    pub fn tally(&self) -> Tally {
        self.partitions.tally()
    }

    /// Returns an attempt that was given to the worker.
    pub fn take(&self) -> Option<Assignment> {
        self.hands.take()
    }

    /// Says that an attempt has ended well.
    pub fn succeed(&self, assignment: Assignment) {
        self.partitions.ear().hear(Said::Report(Box::new(success(assignment))));
    }

    /// Returns how a run has ended, if it has.
    pub fn ended(&self, run: RunId) -> Option<Status> {
        self.progress.ended(run)
    }

    fn until(&mut self, answered: &Answered) {
        loop {
            if let Ok(answer) = answered.try_recv() {
                return answer.expect("it is accepted");
            }
            self.turn();
        }
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
