//! Runs that call each other, and what follows their bodies, in real partitions above a store in memory. No worker: no
//! task here needs a process.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use myrmex_model::id::{DefinitionHash, RunId};
use myrmex_model::ir::{
    Body, Call, Catch, Definition, Flow, FlowChild, Handling, Input, Next, Node, NodeId, Outputs, Policy,
    RoundCondition, Rounds, Timer,
};
use myrmex_model::name::{Name, Namespace};
use myrmex_model::schema::{Schema, Type};
use myrmex_model::status::Status;
use myrmex_model::template::{Expr, Template};
use myrmex_model::value::Value;
use myrmex_model::wire;
use myrmex_runtime::clock::SystemClock;
use myrmex_runtime::evaluate::EvaluationLimits;
use myrmex_runtime::logs::Logs;
use myrmex_runtime::partition::{
    CalledDefinition, DOMAIN_LOG, NewRun, OpenStore, Partitions, Parts, Ranking, Supply, Thrift, load_run,
};
use myrmex_runtime::progress::Progress;
use myrmex_runtime::values;
use myrmex_store::blobs::MemoryBlobStore;
use myrmex_store::contract::Opened;
use myrmex_store::memory::MemoryStore;
use myrmex_store::segments::MemoryLogStore;
use myrmex_store::{
    Batch, Committed, IndexOperation, LogId, Partitions as StorePartitions, Reader, Store, StoreError,
};
use serde_json::json;

/// With four partitions it does not belong to the one that gives places away.
const RUN: RunId = RunId([10; 16]);

/// More than any of these runs takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn expr(source: &str) -> Template {
    Template::Expr(Expr::jinja(source))
}

/// Nodes in the making; the first is the root.
struct Nodes(Vec<Node>);

impl Nodes {
    fn add(&mut self, parent: u32, text: &str, body: Body) -> u32 {
        let parent = (!self.0.is_empty()).then_some(NodeId(parent));
        let (policy, outputs) = (Policy::default(), Outputs::Raw);
        self.0.push(Node {
            name: name(text),
            parent,
            guard: None,
            body,
            policy,
            outputs,
            handling: None,
            binding: None,
            planning: None,
        });
        u32::try_from(self.0.len() - 1).unwrap()
    }

    fn at(&mut self, id: u32) -> &mut Node {
        &mut self.0[id as usize]
    }

    /// Makes a node the flow of nodes that were added under it.
    fn flow(&mut self, id: u32, children: &[u32]) {
        let names: Vec<Name> = children.iter().map(|child| self.at(*child).name.clone()).collect();
        let children = children.iter().map(|child| FlowChild { node: NodeId(*child), next: Next::Continue });
        self.at(id).body = Body::Flow(Flow::new(children.collect(), names));
    }

    fn define(self, text: &str, inputs: Vec<Input>) -> Definition {
        let (namespace, root) = (Namespace::standard(), NodeId(0));
        Definition {
            namespace,
            name: name(text),
            version: None,
            inputs,
            concurrency: None,
            pools: std::collections::BTreeMap::new(),
            nodes: self.0,
            root,
            project: None,
        }
    }
}

fn empty() -> Body {
    Body::Flow(Flow::new(Vec::new(), []))
}

fn call(inputs: Template, is_detached: bool) -> Body {
    Body::Call(Call { workflow: name("child"), inputs, is_detached })
}

fn called(definition: &Definition) -> CalledDefinition {
    let form = wire::definition::encode(definition);
    CalledDefinition { name: definition.name.clone(), hash: DefinitionHash::of(&form), form: form.into() }
}

/// A workflow that gives twice its input `n`, after a while.
fn doubling() -> Definition {
    let mut nodes = Nodes(Vec::new());
    let root = nodes.add(0, "child", empty());
    let wait = nodes.add(root, "wait", Body::Timer(Timer::After(Template::Literal(json!("5ms")))));
    let double = nodes.add(root, "double", Body::Value(expr("{'twice': inputs.n * 2, 'by': run.trigger}")));
    nodes.flow(root, &[wait, double]);
    nodes.at(root).outputs = Outputs::Computed(expr("tasks.double.output"));
    let (schema, default) = (Schema::of(Type::Integer), Some(json!(21)));
    nodes.define("child", vec![Input { name: name("n"), schema, default, is_optional: false }])
}

/// A store with several partitions: nothing may lean on runs being together.
fn store() -> MemoryStore {
    MemoryStore::with_partitions(StorePartitions::new(4).unwrap())
}

struct Engine {
    store: MemoryStore,
    partition: Partitions,
    progress: Arc<Progress>,
}

impl Engine {
    fn open(store: &MemoryStore) -> Self {
        let opened = store.clone();
        Self::open_with(store, Box::new(move || Ok(Box::new(opened.clone()) as Box<dyn Store>)))
    }

    fn open_with(store: &MemoryStore, open: OpenStore) -> Self {
        let progress = Arc::new(Progress::new());
        let partition = Partitions::start(Parts {
            open,
            namespace: Namespace::standard(),
            clock: Arc::new(SystemClock),
            slots: 1,
            supply: Supply::default(),
            worker: name("nobody"),
            logs: Logs::new(DOMAIN_LOG, Box::new(MemoryLogStore::default()), Arc::clone(&progress)),
            blobs: Arc::new(MemoryBlobStore::new()),
            progress: Arc::clone(&progress),
            limits: EvaluationLimits::default(),
            thrift: Thrift::default(),
            ranking: Ranking::arrival(),
        });
        Self { store: store.clone(), partition: partition.unwrap(), progress }
    }

    fn start(&self, definition: Definition, children: &[Definition]) {
        let form = wire::definition::encode(&definition);
        let hash = DefinitionHash::of(&form);
        let new = NewRun {
            run: RUN,
            definition: Arc::new(definition),
            hash,
            form: form.into(),
            inputs: json!({}),
            called: children.iter().map(called).collect(),
            started_by: "test".to_owned(),
            trigger: "manual".to_owned(),
            key: None,
            retry: None,
        };
        self.partition.start_run(new).recv().unwrap().unwrap();
    }

    fn end(&self, run: RunId) -> Status {
        let mut seen = self.progress.seen();
        for _ in 0..1_000 {
            if let Some(status) = self.progress.ended(run) {
                return status;
            }
            seen = self.progress.wait_for_end(run, &seen, PATIENCE);
        }
        panic!("the run does not end: {:?}", self.progress.take_notes());
    }

    fn run(&self, run: RunId) -> myrmex_engine::run::Run {
        let reader = self.store.reader().unwrap();
        load_run(reader.as_ref(), &Namespace::standard(), run).unwrap().unwrap()
    }

    fn output(&self, run: RunId) -> Value {
        let reader = self.store.reader().unwrap();
        let hash = self.run(run).output().unwrap();
        values::load(reader.as_ref(), &Namespace::standard(), run, hash).unwrap()
    }
}

/// A workflow that calls another and gives what that gives.
fn calling(inputs: Template, is_detached: bool) -> Definition {
    let mut nodes = Nodes(Vec::new());
    let root = nodes.add(0, "main", empty());
    let called = nodes.add(root, "called", call(inputs, is_detached));
    nodes.flow(root, &[called]);
    nodes.at(root).outputs = Outputs::Last;
    nodes.define("main", Vec::new())
}

#[test]
fn a_call_gives_what_its_child_gives() {
    let engine = Engine::open(&store());
    engine.start(calling(expr("{'n': 1 + 3}"), false), &[doubling()]);
    assert_eq!(engine.end(RUN), Status::Succeeded, "{:?}", engine.run(RUN).fault());
    assert_eq!(engine.output(RUN), json!({"twice": 8, "by": "parent"}));
}

#[test]
fn inputs_of_a_call_are_completed_and_checked() {
    let engine = Engine::open(&store());
    engine.start(calling(Template::Literal(json!({})), false), &[doubling()]);
    assert_eq!(engine.end(RUN), Status::Succeeded);
    assert_eq!(engine.output(RUN)["twice"], json!(42));
    let engine = Engine::open(&store());
    engine.start(calling(Template::Literal(json!({"n": "two"})), false), &[doubling()]);
    assert_eq!(engine.end(RUN), Status::Failed);
    assert_eq!(engine.run(RUN).fault().unwrap().kind.as_str(), "validation");
    let engine = Engine::open(&store());
    engine.start(calling(Template::Literal(json!({})), false), &[]);
    assert_eq!(engine.end(RUN), Status::Failed);
    assert_eq!(engine.run(RUN).fault().unwrap().kind.as_str(), "configuration");
}

#[test]
fn a_detached_call_gives_the_id_of_its_child() {
    let engine = Engine::open(&store());
    engine.start(calling(expr("{'n': 4}"), true), &[doubling()]);
    assert_eq!(engine.end(RUN), Status::Succeeded);
    let child: RunId = engine.output(RUN).as_str().unwrap().parse().unwrap();
    assert_eq!(engine.end(child), Status::Succeeded);
    assert_eq!(engine.output(child)["twice"], json!(8));
    assert_eq!(engine.run(child).parent_run().unwrap().run, RUN);
}

#[test]
fn a_workflow_that_calls_itself_without_end_is_stopped() {
    let mut nodes = Nodes(Vec::new());
    let root = nodes.add(0, "child", empty());
    let again = nodes.add(root, "again", call(Template::Literal(json!({})), false));
    nodes.flow(root, &[again]);
    let engine = Engine::open(&store());
    engine.start(calling(Template::Literal(json!({})), false), &[nodes.define("child", Vec::new())]);
    assert_eq!(engine.end(RUN), Status::Failed);
    assert_eq!(engine.run(RUN).fault().unwrap().kind.as_str(), "data-limit");
}

/// A child that waits for an hour unless it is cancelled.
fn waiting() -> Definition {
    let mut nodes = Nodes(Vec::new());
    let root = nodes.add(0, "child", empty());
    let wait = nodes.add(root, "wait", Body::Timer(Timer::After(Template::Literal(json!("1h")))));
    nodes.flow(root, &[wait]);
    nodes.define("child", Vec::new())
}

fn child_of(engine: &Engine) -> RunId {
    let reader = engine.store.reader().unwrap();
    let mut seen = engine.progress.seen();
    for _ in 0..1_000 {
        for log in reader.logs().unwrap() {
            let open = reader.open_runs(log, myrmex_store::contract::Arrival(0), 10).unwrap();
            let child = open.into_iter().map(|open| open.summary.run).find(|run| *run != RUN);
            if let Some(child) = child {
                return child;
            }
        }
        seen = engine.progress.wait(&seen, PATIENCE);
    }
    panic!("the child does not begin");
}

#[test]
fn a_cancel_reaches_the_child_and_waits_for_it() {
    let engine = Engine::open(&store());
    engine.start(calling(Template::Literal(json!({})), false), &[waiting()]);
    let child = child_of(&engine);
    engine.partition.cancel_run(RUN, "test", "enough").recv().unwrap().unwrap();
    assert_eq!(engine.end(RUN), Status::Cancelled);
    assert_eq!(engine.end(child), Status::Cancelled);
}

#[test]
fn a_caller_that_is_resumed_takes_up_its_child() {
    let store = store();
    let engine = Engine::open(&store);
    engine.start(calling(Template::Literal(json!({})), false), &[waiting()]);
    let child = child_of(&engine);
    drop(engine);
    let engine = Engine::open(&store);
    engine.partition.resume_run(RUN, &[]).recv().unwrap().unwrap();
    engine.partition.cancel_run(child, "test", "somebody else").recv().unwrap().unwrap();
    assert_eq!(engine.end(child), Status::Cancelled);
    assert_eq!(engine.end(RUN), Status::Failed, "a child that somebody else cancelled is an error");
}

#[test]
fn rounds_and_handlers_see_their_index_error_and_output() {
    let mut nodes = Nodes(Vec::new());
    let root = nodes.add(0, "main", empty());
    let rounds = nodes.add(root, "rounds", empty());
    let step = nodes.add(rounds, "step", Body::Value(expr("{'seen': index}")));
    nodes.flow(rounds, &[step]);
    if let Body::Flow(flow) = &mut nodes.at(rounds).body {
        let condition = RoundCondition::While(Expr::jinja("index < 3"));
        flow.rounds = Some(Rounds { condition, most: 5 });
    }
    nodes.at(rounds).outputs = Outputs::Last;
    let broken =
        nodes.add(root, "broken", Body::Raise(Template::Literal(json!({"type": "own", "title": "no"}))));
    let caught = nodes.add(broken, "catch", Body::Value(expr("{'type': error.type, 'task': error.task}")));
    let when = Some(Expr::jinja("error.title == 'no'"));
    let handler =
        Catch { kinds: vec!["own".into()], statuses: Vec::new(), when, retry: None, body: NodeId(caught) };
    let tidy = nodes.add(broken, "finally", Body::Value(expr("{'kept': output.type, 'error': error}")));
    nodes.at(broken).handling = Some(Box::new(Handling {
        catches: vec![handler],
        finally: Some(NodeId(tidy)),
        ..Handling::default()
    }));
    nodes.flow(root, &[rounds, broken]);
    let last = nodes.add(
        root,
        "finally",
        Body::Raise(expr("{'title': run.status ~ ' ' ~ vars.kept ~ ' ' ~ vars.seen}")),
    );
    nodes.at(root).handling = Some(Box::new(Handling { finally: Some(NodeId(last)), ..Handling::default() }));
    let engine = Engine::open(&store());
    engine.start(nodes.define("main", Vec::new()), &[]);
    assert_eq!(engine.end(RUN), Status::Failed);
    let run = engine.run(RUN);
    assert_eq!(run.fault().unwrap().title, "succeeded own 2");
    let reader = engine.store.reader().unwrap();
    let address = myrmex_model::address::Address::parse("broken").unwrap();
    let task = run.task(&address).unwrap();
    let output = values::load(reader.as_ref(), &Namespace::standard(), RUN, task.output().unwrap()).unwrap();
    assert_eq!(output, json!({"type": "own", "task": "broken"}));
    assert_eq!(task.fault().unwrap().title, "no", "the error stays readable");
}

/// The largest batches that reached a store.
#[derive(Clone, Default)]
struct Largest {
    rows: Arc<AtomicUsize>,
    bytes: Arc<AtomicUsize>,
    batches: Arc<AtomicUsize>,
}

/// A store that measures what reaches it.
struct Measured {
    inner: MemoryStore,
    largest: Largest,
}

impl Store for Measured {
    fn open_log(&mut self, log: LogId) -> Result<Opened, StoreError> {
        self.inner.open_log(log)
    }

    fn commit(&mut self, batch: &Batch) -> Result<Committed, StoreError> {
        let bytes = |operation: &IndexOperation| {
            if let IndexOperation::PutValue { json, .. } = operation { json.len() } else { 0 }
        };
        let values: usize = batch.operations.iter().map(bytes).sum();
        let records: usize = batch.records.iter().map(|record| record.body.len()).sum();
        self.largest.rows.fetch_max(batch.records.len() + batch.operations.len(), Ordering::Relaxed);
        self.largest.bytes.fetch_max(values + records, Ordering::Relaxed);
        self.largest.batches.fetch_add(1, Ordering::Relaxed);
        self.inner.commit(batch)
    }

    fn reader(&self) -> Result<Box<dyn Reader>, StoreError> {
        self.inner.reader()
    }
}

/// Calls a child that gives `output`, so many times, one after the other, in a store with one partition; returns the
/// largest batches.
fn call_often(rounds: u32, output: Template) -> Largest {
    let mut child = Nodes(Vec::new());
    let root = child.add(0, "child", empty());
    let give = child.add(root, "give", Body::Value(output));
    child.flow(root, &[give]);
    child.at(root).outputs = Outputs::Last;
    let mut nodes = Nodes(Vec::new());
    let root = nodes.add(0, "main", empty());
    let often = nodes.add(root, "often", empty());
    let called = nodes.add(often, "called", call(Template::Literal(json!({})), false));
    nodes.flow(often, &[called]);
    if let Body::Flow(flow) = &mut nodes.at(often).body {
        let condition = RoundCondition::While(Expr::jinja("true"));
        flow.rounds = Some(Rounds { condition, most: rounds });
    }
    nodes.flow(root, &[often]);
    let (store, largest) = (MemoryStore::new(), Largest::default());
    let (opened, measure) = (store.clone(), largest.clone());
    let open = move || {
        let (inner, largest) = (opened.clone(), measure.clone());
        Ok(Box::new(Measured { inner, largest }) as Box<dyn Store>)
    };
    let engine = Engine::open_with(&store, Box::new(open));
    engine.start(nodes.define("main", Vec::new()), &[child.define("child", Vec::new())]);
    assert!(engine.end(RUN).is_terminal());
    largest
}

#[test]
fn runs_that_call_each_other_without_a_pause_are_many_batches_of_bounded_rows() {
    let Largest { rows, batches, .. } = call_often(2_000, Template::Literal(json!(1)));
    let (rows, batches) = (rows.load(Ordering::Relaxed), batches.load(Ordering::Relaxed));
    // What a turn takes fits into a batch; so many turns are as many batches.
    assert!(rows < 20_200 && batches > 10, "{rows} rows, {batches} batches");
}

#[test]
fn large_values_of_runs_that_call_each_other_are_many_batches_of_bounded_bytes() {
    let output = expr("('x' * 1000000) ~ run.id");
    let Largest { bytes, batches, .. } = call_often(20, output);
    let (bytes, batches) = (bytes.load(Ordering::Relaxed), batches.load(Ordering::Relaxed));
    let mib = 1 << 20;
    assert!((8 * mib..11 * mib).contains(&bytes) && batches > 2, "{bytes} bytes, {batches} batches");
}
