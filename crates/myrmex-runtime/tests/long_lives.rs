//! Runs that only wait leave memory and come back, from their snapshot if there is one that can be read, or else from
//! their journal. The loop is turned by hand, and time is what the test says.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use myrmex_engine::run::Run;
use myrmex_model::address::Address;
use myrmex_model::id::{DefinitionHash, RunId};
use myrmex_model::ir::{
    Body, Definition, Flow, FlowChild, Next, Node, NodeId, Outputs, Policy, Timer as Wait,
};
use myrmex_model::name::{Name, Namespace};
use myrmex_model::status::Status;
use myrmex_model::template::Template;
use myrmex_model::time::{Length, Timestamp};
use myrmex_model::wire;
use myrmex_runtime::clock::Clock;
use myrmex_runtime::evaluate::EvaluationLimits;
use myrmex_runtime::logs::Logs;
use myrmex_runtime::partition::{
    Committer, MakeCommitter, NewRun, Parts, Ranking, Stepper, Supply, Tally, Thrift, load_run,
};
use myrmex_runtime::progress::Progress;
use myrmex_store::blobs::MemoryBlobStore;
use myrmex_store::memory::MemoryStore;
use myrmex_store::segments::MemoryLogStore;
use myrmex_store::{
    Batch, Committed, IndexOperation, LogId, Reader, Snapshot, SnapshotTag, Store, StoreError,
};
use serde_json::json;

const LOG: LogId = LogId(0);
const RUN: RunId = RunId([1; 16]);

/// More turns than anything here takes.
const TURNS: usize = 5;

const MINUTE: Length = Length(60_000);

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

/// A workflow that waits ten minutes, three times.
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
    let names = ["first", "second", "third"];
    let children = (1..).zip(names).map(|(index, _)| FlowChild { node: NodeId(index), next: Next::Continue });
    let flow = Body::Flow(Flow::new(children.collect(), names.map(name)));
    let wait = || Body::Timer(Wait::After(Template::Literal(json!("10m"))));
    let mut nodes = vec![node("slow", None, flow)];
    nodes.extend(names.map(|text| node(text, Some(NodeId(0)), wait())));
    Definition {
        namespace: Namespace::standard(),
        name: name("slow"),
        version: None,
        inputs: Vec::new(),
        pools: BTreeMap::new(),
        concurrency: None,
        nodes,
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

    fn hand_over(&mut self, _: Batch) {
        unreachable!("everything is committed here");
    }

    fn close(&mut self) {
        self.0 = None;
    }
}

#[derive(Clone)]
struct Watch(Arc<AtomicI64>);

impl Clock for Watch {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }
}

/// A machine with a store and a clock, and one process at a time.
struct Machine {
    store: MemoryStore,
    watch: Watch,
    thrift: Thrift,
}

struct Process {
    partition: Stepper,
    watch: Watch,
    progress: Arc<Progress>,
}

impl Machine {
    fn new(nap_events: usize) -> Self {
        let thrift = Thrift { nap_events, is_checked: false, ..Thrift::default() };
        Self { store: MemoryStore::new(), watch: Watch(Arc::new(AtomicI64::new(0))), thrift }
    }

    fn begin(&self) -> Process {
        let (store, progress) = (self.store.clone(), Arc::new(Progress::new()));
        let parts = Parts {
            open: Box::new(move || Ok(Box::new(store.clone()))),
            namespace: Namespace::standard(),
            clock: Arc::new(self.watch.clone()),
            slots: 1,
            supply: Supply::default(),
            worker: name("local"),
            logs: Logs::new(LOG, Box::new(MemoryLogStore::new()), Arc::clone(&progress)),
            blobs: Arc::new(MemoryBlobStore::default()),
            progress: Arc::clone(&progress),
            limits: EvaluationLimits::default(),
            thrift: self.thrift,
            ranking: Ranking::arrival(),
        };
        let committers =
            |_| -> MakeCommitter { Box::new(|store, _, _| Ok(Box::new(Desk(Some(store))) as _)) };
        let partition = Stepper::open(parts, committers).unwrap();
        Process { partition, watch: self.watch.clone(), progress }
    }

    fn run(&self, id: RunId) -> Run {
        load_run(&self.store, &Namespace::standard(), id).unwrap().unwrap()
    }

    /// Starts the run in a process of its own and lets it fall asleep.
    fn begin_with_a_run(&self) -> Process {
        let mut process = self.begin();
        process.start(RUN);
        process.pass(MINUTE);
        assert_eq!(process.partition.tally().naps, 1);
        process
    }

    /// Begins a new process, which takes the run up.
    fn begin_again(&self) -> Process {
        let mut process = self.begin();
        let resumed = process.partition.resume_runs(&[RUN]);
        process.turn();
        resumed.try_recv().unwrap().unwrap();
        process
    }

    fn snapshot(&self) -> Option<Snapshot> {
        self.store.snapshot(&Namespace::standard(), RUN).unwrap()
    }

    fn status(&self) -> Status {
        self.run(RUN).status()
    }
}

impl Process {
    fn turn(&mut self) {
        for _ in 0..TURNS {
            assert!(self.partition.turn(LOG));
        }
    }

    fn pass(&mut self, length: Length) {
        let now = self.watch.now().after(length);
        self.watch.0.store(now.0, Ordering::Relaxed);
        self.turn();
    }

    /// Lets the rest of the run's time pass.
    fn finish(&mut self) {
        (0..30).for_each(|_| self.pass(MINUTE));
    }

    fn start(&mut self, run: RunId) {
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
        answered.try_recv().unwrap().unwrap();
    }
}

#[test]
fn a_run_that_only_waits_leaves_memory_and_its_timers_bring_it_back() {
    let machine = Machine::new(1);
    let mut process = machine.begin_with_a_run();
    assert_eq!(process.partition.next_due(), Some(Timestamp(0).after(Length(600_000))));
    assert_eq!(process.progress.under_way(), 1, "it is under way while it is away");
    assert!(machine.snapshot().is_some());
    process.finish();
    assert_eq!(machine.status(), Status::Succeeded);
    assert_eq!(process.partition.tally(), Tally { snapshots: 3, naps: 3, wakes: 3 });
    assert_eq!(machine.snapshot(), None, "a run that is over needs no snapshot");
    assert_eq!(process.progress.under_way(), 0);
    assert_eq!(process.progress.take_notes(), Vec::<String>::new());
}

/// The wakes of a turn are bounded; those who came back have gone on before others do.
#[test]
fn many_runs_that_are_due_at_one_instant_go_on_a_part_at_a_time() {
    let machine = Machine::new(64);
    let mut process = machine.begin();
    let runs: Vec<RunId> = (1..=200_u8).map(|number| RunId([number; 16])).collect();
    for run in &runs {
        process.start(*run);
    }
    process.pass(MINUTE);
    assert_eq!(process.partition.tally().naps, 200);
    process.watch.0.store(600_000_000_000, Ordering::Relaxed);
    let mut before = 0;
    while process.partition.tally().wakes < 200 {
        assert!(process.partition.turn(LOG));
        let wakes = process.partition.tally().wakes;
        let second = Address::parse("second").unwrap();
        let gone_on = runs.iter().filter(|run| machine.run(**run).task(&second).is_some()).count() as u64;
        assert!(wakes > before && wakes - before < 200, "{wakes}");
        assert_eq!(gone_on, wakes, "whoever came back has gone on");
        before = wakes;
    }
}

#[test]
fn a_run_of_few_events_leaves_memory_without_a_snapshot() {
    let machine = Machine::new(64);
    let mut process = machine.begin_with_a_run();
    process.finish();
    assert_eq!(machine.status(), Status::Succeeded);
    assert_eq!(process.partition.tally(), Tally { snapshots: 0, naps: 3, wakes: 3 });
}

#[test]
fn a_run_that_is_away_can_be_cancelled() {
    let machine = Machine::new(1);
    let mut process = machine.begin_with_a_run();
    let cancelled = process.partition.cancel_run(RUN, "somebody", "changed my mind");
    process.turn();
    cancelled.try_recv().unwrap().unwrap();
    assert_eq!(machine.status(), Status::Cancelled);
    assert_eq!(process.partition.next_due(), None);
}

#[test]
fn a_run_goes_on_from_its_snapshot_in_another_process() {
    let machine = Machine::new(1);
    drop(machine.begin_with_a_run());
    let mut process = machine.begin_again();
    process.finish();
    assert_eq!(machine.status(), Status::Succeeded);
    assert_eq!(process.progress.take_notes(), Vec::<String>::new());
}

#[test]
fn a_damaged_snapshot_costs_time_and_is_told() {
    let machine = Machine::new(1);
    drop(machine.begin_with_a_run());
    machine.store.damage_snapshot(RUN);
    let mut process = machine.begin_again();
    let notes = process.progress.take_notes();
    assert!(notes[0].contains("its snapshot cannot be read"), "{notes:?}");
    process.finish();
    assert_eq!(machine.status(), Status::Succeeded);
    assert_eq!(machine.snapshot(), None);
}

#[test]
fn the_snapshot_of_another_build_is_not_read() {
    let machine = Machine::new(1);
    drop(machine.begin_with_a_run());
    let found = machine.snapshot().unwrap();
    let tag = SnapshotTag { build: found.tag.build ^ 1, ..found.tag };
    let foreign = Snapshot { tag, body: b"what only that build can read".to_vec(), ..found };
    let mut store = machine.store.clone();
    let opened = store.open_log(LOG).unwrap();
    let (records, operations) = (Vec::new(), vec![IndexOperation::PutSnapshot(foreign)]);
    store
        .commit(&Batch { log: LOG, expected: opened.last, epoch: opened.epoch, records, operations })
        .unwrap();
    let mut process = machine.begin_again();
    process.finish();
    assert_eq!(process.progress.take_notes(), Vec::<String>::new());
    assert_eq!(machine.status(), Status::Succeeded);
    assert_eq!(machine.snapshot(), None);
}

/// A snapshot whose bytes are whole and wrong: only a defect of the engine writes one.
#[test]
fn a_snapshot_that_says_something_else_than_the_journal_is_told_where_it_is_checked() {
    let mut machine = Machine::new(1);
    machine.thrift.is_checked = true;
    let mut process = machine.begin_with_a_run();
    let old = machine.snapshot().unwrap();
    (0..12).for_each(|_| process.pass(MINUTE));
    let last = machine.snapshot().unwrap().last;
    assert!(last > old.last);
    drop(process);
    let mut store = machine.store.clone();
    let opened = store.open_log(LOG).unwrap();
    let (records, operations) = (Vec::new(), vec![IndexOperation::PutSnapshot(Snapshot { last, ..old })]);
    store
        .commit(&Batch { log: LOG, expected: opened.last, epoch: opened.epoch, records, operations })
        .unwrap();
    let mut process = machine.begin();
    let resumed = process.partition.resume_runs(&[RUN]);
    process.turn();
    let refused = resumed.try_recv().unwrap().unwrap_err();
    assert!(refused.to_string().contains("says something else than its journal"), "{refused}");
}
