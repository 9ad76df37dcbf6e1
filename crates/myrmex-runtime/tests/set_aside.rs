//! A run that is set aside, because others have its place when the store was opened again, loses nothing of what its
//! attempts did. The loop is turned by hand.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use myrmex_model::id::{DefinitionHash, FencingToken, RunId};
use myrmex_model::ir::{
    Body, Concurrency, Definition, Flow, FlowChild, Next, Node, NodeId, OnConflict, Outputs, Policy, Task,
};
use myrmex_model::name::{Name, Namespace};
use myrmex_model::outcome::Usage;
use myrmex_model::status::Status;
use myrmex_model::template::Template;
use myrmex_model::wire;
use myrmex_runtime::clock::SystemClock;
use myrmex_runtime::evaluate::EvaluationLimits;
use myrmex_runtime::logs::Logs;
use myrmex_runtime::partition::{
    Committer, MakeCommitter, NewRun, Parts, Ranking, Stepper, Supply, Thrift, load_run,
};
use myrmex_runtime::progress::Progress;
use myrmex_runtime::worker::{Assignment, Facts, Outcome, Produced, Report, Said, Worker};
use myrmex_store::blobs::MemoryBlobStore;
use myrmex_store::memory::MemoryStore;
use myrmex_store::segments::MemoryLogStore;
use myrmex_store::{Batch, Committed, LogId, Store, StoreError};
use serde_json::json;

const LOG: LogId = LogId(0);
const FIRST: RunId = RunId([1; 16]);
const SECOND: RunId = RunId([2; 16]);

/// More turns than anything here takes.
const TURNS: usize = 10;

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

/// A workflow of one task, of which one run may be under way at a time.
fn definition() -> Definition {
    let node = |text: &str, parent, body| Node {
        name: name(text),
        parent,
        guard: None,
        body,
        policy: Policy::default(),
        outputs: Outputs::Raw,
        handling: None,
        binding: None,
        planning: None,
    };
    let child = FlowChild { node: NodeId(1), next: Next::Continue };
    let flow = Body::Flow(Flow::new(vec![child], [name("work")]));
    let task = Task { executor: name("process"), arguments: Template::Literal(json!({"command": ["work"]})) };
    Definition {
        namespace: Namespace::standard(),
        name: name("deploy"),
        version: None,
        inputs: Vec::new(),
        pools: BTreeMap::new(),
        concurrency: Some(Concurrency { key: None, limit: 1, on_conflict: OnConflict::Queue }),
        nodes: vec![node("deploy", None, flow), node("work", Some(NodeId(0)), Body::Task(task))],
        root: NodeId(0),
        project: None,
    }
}

/// Commits at once, unless it is told to fail.
struct Desk {
    store: Option<Box<dyn Store>>,
    fails: Arc<Mutex<bool>>,
}

impl Committer for Desk {
    fn commits_here(&self, _: usize) -> bool {
        true
    }

    fn commit(&mut self, batch: &Batch) -> Result<Committed, StoreError> {
        if std::mem::take(&mut *self.fails.lock().unwrap()) {
            return Err(StoreError::Poisoned);
        }
        self.store.as_mut().unwrap().commit(batch)
    }

    fn hand_over(&mut self, _: Batch) {
        unreachable!("everything is committed here");
    }

    fn close(&mut self) {
        self.store = None;
    }
}

/// What the partition says to its worker.
enum Told {
    Assign(Assignment),
    Acknowledge(FencingToken),
    Recount,
}

struct Line(Sender<Told>);

impl Line {
    fn say(&self, told: Told) {
        self.0.send(told).unwrap();
    }
}

impl Worker for Line {
    fn assign(&self, assignment: Assignment) {
        self.say(Told::Assign(assignment));
    }

    fn stop(&self, _: FencingToken) {}

    fn stop_all(&self) {}

    fn acknowledge(&self, token: FencingToken) {
        self.say(Told::Acknowledge(token));
    }

    fn forget(&self, _: RunId) {}

    fn recount(&self) {
        self.say(Told::Recount);
    }
}

/// A process: its partition, and a worker that reports when it is told to.
struct Process {
    partition: Stepper,
    told: Receiver<Told>,
    fails: Arc<Mutex<bool>>,
    /// What the worker has under way, by run, and the reports that it keeps.
    running: BTreeMap<RunId, Assignment>,
    kept: BTreeMap<FencingToken, Report>,
}

impl Process {
    fn begin(store: &MemoryStore) -> Self {
        let (store, fails) = (store.clone(), Arc::new(Mutex::new(false)));
        let progress = Arc::new(Progress::new());
        let parts = Parts {
            open: Box::new(move || Ok(Box::new(store.clone()))),
            namespace: Namespace::standard(),
            clock: Arc::new(SystemClock),
            slots: 4,
            supply: Supply::default(),
            worker: name("local"),
            logs: Logs::new(LOG, Box::new(MemoryLogStore::new()), Arc::clone(&progress)),
            blobs: Arc::new(MemoryBlobStore::default()),
            progress,
            limits: EvaluationLimits::default(),
            thrift: Thrift::default(),
            ranking: Ranking::arrival(),
        };
        let made = Arc::clone(&fails);
        let committers = move |_| -> MakeCommitter {
            let fails = Arc::clone(&made);
            Box::new(move |store, _, _| {
                Ok(Box::new(Desk { store: Some(store), fails: Arc::clone(&fails) }) as _)
            })
        };
        let partition = Stepper::open(parts, committers).unwrap();
        let (line, told) = channel();
        partition.attach(Box::new(Line(line)));
        let (running, kept) = (BTreeMap::new(), BTreeMap::new());
        Self { partition, told, fails, running, kept }
    }

    /// Turns the loop until nothing moves, with the worker hearing what it is told.
    fn turn(&mut self) {
        for _ in 0..TURNS {
            assert!(self.partition.turn(LOG));
            while let Ok(told) = self.told.try_recv() {
                match told {
                    Told::Assign(assignment) => drop(self.running.insert(assignment.run, assignment)),
                    Told::Acknowledge(token) => drop(self.kept.remove(&token)),
                    Told::Recount => {
                        let running = self.running.values().map(|assignment| assignment.token);
                        let tokens = running.chain(self.kept.keys().copied()).collect();
                        self.partition.ear().hear(Said::Inventory(tokens));
                        for report in self.kept.values() {
                            self.partition.ear().hear(Said::Report(Box::new(report.clone())));
                        }
                    }
                }
            }
        }
    }

    /// Starts a run; false if the store fails meanwhile.
    fn start(&mut self, run: RunId) -> bool {
        let definition = definition();
        let form = wire::definition::encode(&definition);
        let new = NewRun {
            run,
            hash: DefinitionHash::of(&form),
            definition: Arc::new(definition),
            form: form.into(),
            inputs: json!({}),
            called: Vec::new(),
            started_by: "somebody".to_owned(),
            trigger: "manual".to_owned(),
            key: None,
            retry: None,
        };
        let answered = self.partition.start_run(new);
        self.turn();
        answered.try_recv().unwrap().is_ok()
    }

    /// The attempt of a run succeeds, and the worker says so.
    fn succeed(&mut self, run: RunId) {
        let Assignment { task, attempt, token, .. } = self.running.remove(&run).unwrap();
        let facts = Facts { usage: Usage::default(), pid: Some(1), exit: None, has_leftovers: false };
        let outcome = Outcome::Produced { produced: Produced::Object(serde_json::Map::new()), facts };
        let (artifacts, logs, digest) = (serde_json::Map::new(), Vec::new(), None);
        let report = Report { run, task, attempt, token, outcome, artifacts, logs, digest };
        self.kept.insert(token, report.clone());
        self.partition.ear().hear(Said::Report(Box::new(report)));
        self.turn();
    }
}

#[test]
fn the_report_of_a_run_that_is_set_aside_is_kept_until_it_has_its_place() {
    let store = MemoryStore::new();
    // The first run has its place, and its process dies.
    assert!(Process::begin(&store).start(FIRST));
    // So the place is free for the second, until the first is resumed, waits, and comes first when the store fails.
    let mut process = Process::begin(&store);
    assert!(process.start(SECOND));
    drop(process.partition.resume_runs(&[FIRST]));
    process.turn();
    *process.fails.lock().unwrap() = true;
    assert!(!process.start(RunId([3; 16])));
    process.succeed(SECOND);
    assert_eq!(process.kept.len(), 1, "nobody may acknowledge what is not recorded");
    process.succeed(FIRST);
    assert!(process.kept.is_empty());
    let run = load_run(store.reader().unwrap().as_ref(), &Namespace::standard(), SECOND).unwrap().unwrap();
    let work = run.tasks().find(|task| task.address().as_str() == "work").unwrap();
    assert_eq!((run.status(), work.attempts()), (Status::Succeeded, 1));
}
