//! Measures what it takes to bring a run back of which much has ended: from its journal, and from its snapshot.
//!
//! `cargo run --release -p myrmex-runtime --example wake [TASKS]`

use std::collections::VecDeque;
use std::env;
use std::sync::Arc;
use std::time::Instant;

use myrmex_engine::run::Run;
use myrmex_model::command::Command;
use myrmex_model::effect::{Decision, Effect, Evaluation, Question};
use myrmex_model::event::Recorded;
use myrmex_model::id::{DefinitionHash, Epoch, FencingToken, RunId, ValueHash};
use myrmex_model::ir::{
    Body, Complete, Definition, Each, Graph, GraphChild, Join, Late, Node, NodeId, Outputs, Policy, Task,
    Timer,
};
use myrmex_model::name::{Name, Namespace};
use myrmex_model::outcome::{AttemptEnd, AttemptReport};
use myrmex_model::template::Template;
use myrmex_model::time::{Length, Timestamp};
use myrmex_model::value::Value;
use myrmex_model::wire;
use myrmex_runtime::partition::{SNAPSHOT_TAG, restore_run};
use myrmex_store::sqlite::SqliteStore;
use myrmex_store::{Batch, IndexOperation, LogId, NewRecord, Reader, Sequence, Snapshot, Store};

const LOG: LogId = LogId(0);
const RUN: RunId = RunId([1; 16]);

/// The node that waits for ever.
const PAUSE: NodeId = NodeId(1);

fn main() {
    let count = env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(100_000);
    measure("tasks of a graph", count, graph(count));
    measure("items of a for_each", count, items());
}

/// A run of a definition of which everything has ended but a pause.
struct Lived {
    run: Run,
    journal: Vec<Recorded>,
    waiting: VecDeque<Command>,
    count: u32,
}

fn measure(what: &str, count: u32, definition: Definition) {
    let directory = tempfile::tempdir().expect("there is room for files");
    let mut store = SqliteStore::open(directory.path()).expect("a store can be made");
    let form = wire::definition::encode(&definition);
    let hash = DefinitionHash::of(&form);
    let name = definition.name.clone();
    let run = Run::new(RUN, Arc::new(definition), hash);
    let mut lived = Lived { run, journal: Vec::new(), waiting: VecDeque::new(), count };
    lived.live();
    let namespace = Namespace::standard();
    let opened = store.open_log(LOG).expect("a log can be opened");
    let put = IndexOperation::PutDefinition {
        namespace: namespace.clone(),
        hash,
        form: wire::definition::FORM,
        name,
        body: form,
    };
    let mut batch = Batch {
        log: LOG,
        expected: opened.last,
        epoch: opened.epoch,
        records: Vec::new(),
        operations: vec![put],
    };
    let mut bytes = 0;
    for events in lived.journal.chunks(10_000) {
        let record = |recorded| {
            let body = wire::event::encode(recorded, opened.epoch);
            NewRecord { namespace: namespace.clone(), run: RUN, codec: wire::event::CODEC, body }
        };
        batch.records = events.iter().map(record).collect();
        bytes += batch.records.iter().map(|record| record.body.len()).sum::<usize>();
        batch.expected = store.commit(&batch).expect("the batch is right").last;
        batch.operations.clear();
    }
    let reader = store.reader().expect("it can be read");
    let journal = restore(reader.as_ref(), &namespace);
    lived.run.fold();
    let taken = Instant::now();
    let body = lived.run.snapshot();
    let taken = taken.elapsed();
    let size = body.len();
    let snapshot =
        Snapshot { namespace: namespace.clone(), run: RUN, last: batch.expected, tag: SNAPSHOT_TAG, body };
    batch.records.clear();
    batch.operations = vec![IndexOperation::PutSnapshot(snapshot)];
    store.commit(&batch).expect("the batch is right");
    let snapshot = restore(reader.as_ref(), &namespace);
    println!(
        "{count} {what}: {} events in {bytes} bytes are read in {journal:.1} ms, the snapshot of {size} bytes in \
         {snapshot:.1} ms ({:.1} times faster); it is written in {:.1} ms",
        lived.journal.len(),
        journal / snapshot,
        taken.as_secs_f64() * 1e3,
    );
}

/// Returns in how many milliseconds the run was restored.
fn restore(reader: &dyn Reader, namespace: &Namespace) -> f64 {
    let began = Instant::now();
    let restored = restore_run(reader, (namespace, RUN), false).expect("readable").expect("it is there");
    let took = began.elapsed().as_secs_f64() * 1e3;
    assert!(restored.trouble.is_none() && restored.last > Sequence::NONE);
    took
}

impl Lived {
    fn live(&mut self) {
        let (started_by, trigger) = (String::new(), String::new());
        let (inputs, closure, parent, retry) = (ValueHash([0; 16]), None, None, None);
        self.put(Command::Start { inputs, started_by, trigger, closure, parent, retry });
        let mut now = 0;
        while let Some(command) = self.waiting.pop_front() {
            now += 1;
            let Command::Grant { task, attempt, token, .. } = &command else { continue };
            let end = AttemptEnd::Succeeded { output: ValueHash::of(&u32::to_le_bytes(now)) };
            let (task, attempt, token) = (task.clone(), *attempt, *token);
            let report = Command::Report { task, attempt, token, report: AttemptReport::of(end) };
            self.put(command);
            self.put(report);
        }
    }

    fn put(&mut self, command: Command) {
        let events = u64::try_from(self.journal.len()).expect("it is small");
        let now = Timestamp(1_700_000_000_000_000_000).after(Length(events / 1_000));
        let decision = self.run.decide(command, now).expect("the command is legal");
        self.take(decision, now);
        while self.run.has_more() {
            let decision = self.run.go_on(now);
            self.take(decision, now);
        }
    }

    fn take(&mut self, decision: Decision, now: Timestamp) {
        self.journal.extend(decision.events);
        for effect in decision.effects {
            if let Effect::Queue { task, attempt } = effect {
                let counter = u32::try_from(self.journal.len()).expect("it is small");
                let token = FencingToken::new(Epoch(1), counter);
                let worker = Name::new("local").expect("a name");
                self.waiting.push_back(Command::Grant { task, attempt, token, worker });
            }
        }
        for request in decision.requests {
            let result = if request.question != Question::Begin {
                Evaluation::Output(ValueHash([0; 16]))
            } else if request.node == PAUSE {
                Evaluation::Due(Timestamp(i64::MAX))
            } else {
                Evaluation::Items { count: self.count, items: ValueHash([0; 16]), keys: None }
            };
            let answer = Command::Evaluated { ticket: request.ticket, result: Ok(result) };
            let more = self.run.decide(answer, now).expect("the answer was asked for");
            self.take(more, now);
        }
    }
}

fn node(name: &str, parent: Option<u32>, body: Body) -> Node {
    Node {
        name: Name::new(name).expect("a name"),
        parent: parent.map(NodeId),
        guard: None,
        body,
        policy: Policy::default(),
        outputs: Outputs::Raw,
        handling: None,
        binding: None,
        planning: None,
    }
}

fn task() -> Body {
    let executor = Name::new("process").expect("a name");
    Body::Task(Task { executor, arguments: Template::Literal(Value::Null) })
}

/// A graph of a pause and those of `children` that stand in it.
fn define(children: Vec<Node>) -> Definition {
    let is_own = |node: &&Node| node.parent == Some(NodeId(0));
    let mut own = vec![node("pause", Some(0), Body::Timer(Timer::After(Template::Literal(Value::Null))))];
    own.extend(children.iter().filter(is_own).cloned());
    let names: Vec<Name> = own.iter().map(|node| node.name.clone()).collect();
    let numbers = 1..=u32::try_from(own.len()).expect("it is small");
    let child = |number| GraphChild { node: NodeId(number), join: Join::All, late: Late::Ignore };
    let graph = Graph::new(numbers.map(child).collect(), Vec::new(), names).expect("there are no edges");
    let mut nodes = vec![node("wake", None, Body::Graph(graph)), own.swap_remove(0)];
    nodes.extend(children);
    Definition {
        namespace: Namespace::standard(),
        name: Name::new("wake").expect("a name"),
        version: None,
        inputs: Vec::new(),
        pools: std::collections::BTreeMap::new(),
        concurrency: None,
        nodes,
        root: NodeId(0),
        project: None,
    }
}

fn graph(count: u32) -> Definition {
    define((0..count).map(|index| node(&format!("task-{index}"), Some(0), task())).collect())
}

fn items() -> Definition {
    let each = Each {
        source: Template::Literal(Value::Null),
        item: Name::new("item").expect("a name"),
        max_parallel: Some(64),
        fail_fast: false,
        complete: Complete::All,
        tolerance: None,
        body: NodeId(3),
    };
    define(vec![node("each", Some(0), Body::Each(each)), node("each", Some(2), task())])
}
