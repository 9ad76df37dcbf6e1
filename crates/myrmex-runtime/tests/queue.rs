//! Who waits for a place gets it as soon as it is free, and in the same order after a crash. The loop is turned by hand, as
//! long as it would not sleep.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use myrmex_model::demand::Asks;
use myrmex_model::id::{DefinitionHash, FencingToken, RunId};
use myrmex_model::ir::{Body, Definition, Flow, FlowChild, Next, Node, NodeId, Outputs, Policy, Task};
use myrmex_model::name::{Name, Namespace};
use myrmex_model::outcome::Usage;
use myrmex_model::template::Template;
use myrmex_model::time::Timestamp;
use myrmex_model::wire;
use myrmex_runtime::clock::Clock;
use myrmex_runtime::evaluate::EvaluationLimits;
use myrmex_runtime::logs::Logs;
use myrmex_runtime::partition::{Committer, MakeCommitter, NewRun, Parts, Ranking, Stepper, Supply, Thrift};
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
const THIRD: RunId = RunId([3; 16]);

/// More turns than anything here takes.
const TURNS: usize = 50;

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

/// A workflow of one task that takes so much of a pool, of which there is so much.
fn definition(asked: u32, capacity: u32) -> Definition {
    let pool = |units: u32| BTreeMap::from([(name("net"), units)]);
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
    let mut work = node("work", Some(NodeId(0)), Body::Task(task));
    if asked > 0 {
        work.policy.asks = Some(Box::new(Asks { pools: pool(asked), ..Asks::default() }));
    }
    Definition {
        namespace: Namespace::standard(),
        name: name("deploy"),
        version: None,
        inputs: Vec::new(),
        pools: pool(capacity),
        concurrency: None,
        nodes: vec![node("deploy", None, flow), work],
        root: NodeId(0),
        project: None,
    }
}

/// Commits at once.
struct Desk(Option<Box<dyn Store>>);

impl Committer for Desk {
    fn commits_here(&self, _: usize) -> bool {
        true
    }

    fn commit(&mut self, batch: &Batch) -> Result<Committed, StoreError> {
        self.0.as_mut().unwrap().commit(batch)
    }

    fn hand_over(&mut self, batch: Batch) {
        // Nothing here has more to decide than goes into a turn.
        unreachable!("{} records are committed here", batch.records.len());
    }

    fn close(&mut self) {
        self.0 = None;
    }
}

/// The way to the worker: it is told to assign, or to say what it has.
struct Line(Mutex<Sender<Option<Assignment>>>);

impl Worker for Line {
    fn assign(&self, assignment: Assignment) {
        self.0.lock().unwrap().send(Some(assignment)).unwrap();
    }

    fn stop(&self, _: FencingToken) {}

    fn stop_all(&self) {}

    fn acknowledge(&self, _: FencingToken) {}

    fn forget(&self, _: RunId) {}

    fn recount(&self) {
        self.0.lock().unwrap().send(None).unwrap();
    }
}

#[derive(Clone, Default)]
struct Watch(Arc<AtomicI64>);

impl Clock for Watch {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }
}

/// A process: its partition, and a worker that reports when it is told to.
struct Process {
    partition: Stepper,
    told: Receiver<Option<Assignment>>,
    clock: Watch,
    /// What the worker has under way, by run.
    running: BTreeMap<RunId, Assignment>,
}

impl Process {
    fn begin((store, clock): (&MemoryStore, &Watch), slots: u32) -> Self {
        let (store, progress) = (store.clone(), Arc::new(Progress::new()));
        let parts = Parts {
            open: Box::new(move || Ok(Box::new(store.clone()))),
            namespace: Namespace::standard(),
            clock: Arc::new(clock.clone()),
            slots,
            supply: Supply::default(),
            worker: name("local"),
            logs: Logs::new(LOG, Box::new(MemoryLogStore::new()), Arc::clone(&progress)),
            blobs: Arc::new(MemoryBlobStore::default()),
            progress,
            limits: EvaluationLimits::default(),
            thrift: Thrift::default(),
            ranking: Ranking::arrival(),
        };
        let committers =
            |_| -> MakeCommitter { Box::new(|store, _, _| Ok(Box::new(Desk(Some(store))) as _)) };
        let partition = Stepper::open(parts, committers).unwrap();
        let (line, told) = channel();
        partition.attach(Box::new(Line(Mutex::new(line))));
        Self { partition, told, clock: clock.clone(), running: BTreeMap::new() }
    }

    /// Turns the loop until it would sleep, with the worker hearing what it is told.
    fn turn(&mut self) {
        for _ in 0..TURNS {
            while let Ok(told) = self.told.try_recv() {
                if let Some(assignment) = told {
                    self.running.insert(assignment.run, assignment);
                } else {
                    let tokens = self.running.values().map(|assignment| assignment.token).collect();
                    self.partition.ear().hear(Said::Inventory(tokens));
                }
            }
            if self.partition.sleeps(LOG, self.clock.now()) {
                return;
            }
            assert!(self.partition.turn(LOG));
        }
        panic!("the loop does not sleep");
    }

    fn start(&mut self, run: RunId, definition: Definition) {
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
        answered.try_recv().unwrap().unwrap();
        self.clock.0.fetch_add(1, Ordering::Relaxed);
    }

    /// The attempt of a run succeeds, and the worker says so.
    fn succeed(&mut self, run: RunId) {
        let Assignment { task, attempt, token, .. } = self.running.remove(&run).unwrap();
        let facts = Facts { usage: Usage::default(), pid: Some(1), exit: None, has_leftovers: false };
        let outcome = Outcome::Produced { produced: Produced::Object(serde_json::Map::new()), facts };
        let (artifacts, logs, digest) = (serde_json::Map::new(), Vec::new(), None);
        let report = Report { run, task, attempt, token, outcome, artifacts, logs, digest };
        self.partition.ear().hear(Said::Report(Box::new(report)));
        self.turn();
    }

    fn runs(&self) -> Vec<RunId> {
        self.running.keys().copied().collect()
    }
}

#[test]
fn what_a_run_gives_back_when_its_end_is_durable_is_given_away_at_once() {
    let mut process = Process::begin((&MemoryStore::new(), &Watch::default()), 4);
    // As long as it is under way, there is less of the pool than others say.
    process.start(FIRST, definition(0, 1));
    process.start(SECOND, definition(1, 2));
    process.start(THIRD, definition(1, 2));
    assert_eq!(process.runs(), [FIRST, SECOND]);
    process.succeed(FIRST);
    assert_eq!(process.runs(), [SECOND, THIRD]);
}

#[test]
fn who_waits_keeps_the_order_and_the_age_over_a_crash() {
    let (store, clock) = (MemoryStore::new(), Watch::default());
    let mut process = Process::begin((&store, &clock), 1);
    process.start(THIRD, definition(0, 1));
    process.start(SECOND, definition(0, 1));
    process.start(FIRST, definition(0, 1));
    assert_eq!(process.runs(), [THIRD]);
    drop(process);
    let mut process = Process::begin((&store, &clock), 1);
    drop(process.partition.resume_runs(&[FIRST, SECOND, THIRD]));
    process.turn();
    // What was under way is lost and waits anew.
    for run in [SECOND, FIRST, THIRD] {
        assert_eq!(process.runs(), [run]);
        process.succeed(run);
    }
}
