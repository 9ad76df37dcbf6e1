//! The first request to a process: what it asks for is given away in the batch that records it, in a real partition.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use myrmex_model::id::{DefinitionHash, FencingToken, RunId};
use myrmex_model::ir::{Body, Definition, Flow, FlowChild, Next, Node, NodeId, Outputs, Policy, Task};
use myrmex_model::name::{Name, Namespace};
use myrmex_model::template::Template;
use myrmex_model::wire;
use myrmex_runtime::clock::SystemClock;
use myrmex_runtime::evaluate::EvaluationLimits;
use myrmex_runtime::logs::Logs;
use myrmex_runtime::partition::{DOMAIN_LOG, Ear, NewRun, Partitions, Parts, Ranking, Supply, Thrift};
use myrmex_runtime::progress::Progress;
use myrmex_runtime::worker::{Assignment, Said, Worker};
use myrmex_store::blobs::MemoryBlobStore;
use myrmex_store::contract::Opened;
use myrmex_store::memory::MemoryStore;
use myrmex_store::segments::MemoryLogStore;
use myrmex_store::{Batch, Committed, LogId, Reader, Store, StoreError};
use serde_json::json;

const RUN: RunId = RunId([1; 16]);

/// Far longer than anything takes here.
const PATIENCE: Duration = Duration::from_mins(1);

/// So many processes one after the other: whether a request is taken before its sender has gone on is a matter of chance.
const PROCESSES: usize = 50;

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

/// A workflow of one task.
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
        concurrency: None,
        nodes: vec![node("deploy", None, flow), node("work", Some(NodeId(0)), Body::Task(task))],
        root: NodeId(0),
        project: None,
    }
}

/// Counts commits.
struct Counting(MemoryStore, Arc<AtomicU64>);

impl Store for Counting {
    fn open_log(&mut self, log: LogId) -> Result<Opened, StoreError> {
        self.0.open_log(log)
    }

    fn commit(&mut self, batch: &Batch) -> Result<Committed, StoreError> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.commit(batch)
    }

    fn reader(&self) -> Result<Box<dyn Reader>, StoreError> {
        self.0.reader()
    }
}

/// A worker that has nothing, and tells how many commits there were when it was given something.
struct Line {
    commits: Arc<AtomicU64>,
    given: Sender<u64>,
    ear: Ear,
}

impl Worker for Line {
    fn assign(&self, _: Assignment) {
        self.given.send(self.commits.load(Ordering::Relaxed)).unwrap();
    }

    fn stop(&self, _: FencingToken) {}

    fn stop_all(&self) {}

    fn acknowledge(&self, _: FencingToken) {}

    fn forget(&self, _: RunId) {}

    fn recount(&self) {
        self.ear.hear(Said::Inventory(Vec::new()));
    }
}

/// Begins a process on the store.
fn process(store: &MemoryStore) -> (Partitions, Receiver<u64>) {
    let (progress, commits) = (Arc::new(Progress::new()), Arc::new(AtomicU64::new(0)));
    let (store, counted) = (store.clone(), Arc::clone(&commits));
    let partitions = Partitions::start(Parts {
        open: Box::new(move || Ok(Box::new(Counting(store.clone(), Arc::clone(&counted))))),
        namespace: Namespace::standard(),
        clock: Arc::new(SystemClock),
        slots: 1,
        supply: Supply::default(),
        worker: name("local"),
        logs: Logs::new(DOMAIN_LOG, Box::new(MemoryLogStore::new()), Arc::clone(&progress)),
        blobs: Arc::new(MemoryBlobStore::new()),
        progress,
        limits: EvaluationLimits::default(),
        thrift: Thrift::default(),
        ranking: Ranking::arrival(),
    })
    .unwrap();
    let (given, told) = channel();
    partitions.attach(Line { commits, given, ear: partitions.ear() });
    (partitions, told)
}

#[test]
fn a_run_that_starts_has_its_first_place_in_the_batch_of_its_start() {
    let definition = Arc::new(definition());
    let form: Arc<[u8]> = wire::definition::encode(&definition).into();
    for _ in 0..PROCESSES {
        let (partitions, told) = process(&MemoryStore::new());
        let answered = partitions.start_run(NewRun {
            run: RUN,
            definition: Arc::clone(&definition),
            hash: DefinitionHash::of(&form),
            form: Arc::clone(&form),
            inputs: json!({}),
            called: Vec::new(),
            started_by: "somebody".to_owned(),
            trigger: "manual".to_owned(),
            key: None,
            retry: None,
        });
        answered.recv_timeout(PATIENCE).unwrap().unwrap();
        assert_eq!(told.recv_timeout(PATIENCE).unwrap(), 1, "there is one commit before the first attempt");
    }
}
