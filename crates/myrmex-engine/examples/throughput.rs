//! Measures the run machine alone: time per task for queue, grant and report, with no store and no worker.
//!
//! `cargo run --release -p myrmex-engine --example throughput`. The time per task must not grow with the number of tasks.

#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "a measurement reads a clock")]

use std::sync::Arc;
use std::time::Instant;

use myrmex_engine::dispatch::{Dispatch, Grant, Ready, Worker};
use myrmex_engine::run::Run;
use myrmex_model::command::Command;
use myrmex_model::effect::{Decision, Effect, Evaluation};
use myrmex_model::event::Recorded;
use myrmex_model::id::{DefinitionHash, Epoch, RunId, ValueHash};
use myrmex_model::ir::{
    Body, Complete, Definition, Each, Edge, Graph, GraphChild, Join, Late, Node, NodeId, Outputs, Policy,
    Task,
};
use myrmex_model::name::{Name, Namespace};
use myrmex_model::outcome::{AttemptEnd, AttemptReport, OutcomeSet};
use myrmex_model::template::Template;
use myrmex_model::time::Timestamp;
use myrmex_model::value::Value;

const LAYER: u32 = 100;
const RUN: RunId = RunId([1; 16]);

fn main() {
    for count in [1_000, 10_000, 100_000] {
        measure("layers", count, &layers(count, None), None);
    }
    measure("layers, max_parallel 50", 10_000, &layers(10_000, Some(50)), None);
    for count in [1_000, 10_000, 100_000] {
        let keys = (0..count).map(|index| format!("key-{index}")).collect();
        let items = Evaluation::Items { count, items: ValueHash([0; 16]), keys: Some(keys) };
        measure("for_each over a map", count, &items_of(), Some(&items));
    }
}

fn measure(what: &str, count: u32, definition: &Arc<Definition>, items: Option<&Evaluation>) {
    let mut run = Run::new(RUN, Arc::clone(definition), DefinitionHash([0; 32]));
    let worker = Name::new("local").expect("a name");
    let mut dispatch = Dispatch::new(Epoch(1));
    dispatch.set_worker(worker.clone(), Some(Worker { slots: 64, ..Worker::default() }));
    let mut journal = Vec::new();
    let mut begun = Instant::now();
    let (started_by, trigger) = (String::new(), String::new());
    let start = Command::Start {
        inputs: ValueHash([0; 16]),
        started_by,
        trigger,
        closure: None,
        parent: None,
        retry: None,
    };
    put(&mut run, &mut dispatch, &mut journal, start, items);
    let start_us = micros(begun);
    begun = Instant::now();
    loop {
        let grants = dispatch.grant(Timestamp(0));
        if grants.is_empty() {
            break;
        }
        for Grant { token, ready: Ready { task, attempt, .. }, .. } in grants {
            let grant = Command::Grant { task: task.clone(), attempt, token, worker: worker.clone() };
            put(&mut run, &mut dispatch, &mut journal, grant, items);
            let end = AttemptEnd::Succeeded { output: ValueHash([0; 16]) };
            let report = AttemptReport::of(end);
            let report = Command::Report { task, attempt, token, report };
            put(&mut run, &mut dispatch, &mut journal, report, items);
        }
    }
    let per_task = micros(begun) / f64::from(count);
    assert!(run.status().is_terminal());
    let replay = Instant::now();
    let replayed = Run::replay(RUN, &journal, &mut |_| Some(Arc::clone(definition))).expect("it replays");
    let replay_us = micros(replay) / f64::from(count);
    let restore = Instant::now();
    let facts = replayed.facts();
    let restored =
        Run::restore(&facts, Arc::clone(definition), DefinitionHash([0; 32])).expect("it restores");
    let restore_us = micros(restore) / f64::from(count);
    assert_eq!(restored.status(), run.status());
    println!(
        "{what:24} {count:>7} tasks: start {start_us:>7.0} us, {per_task:.2} us a task; \
         replay {replay_us:.2}, facts and restore {restore_us:.2} us a task"
    );
}

fn micros(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e6
}

/// Takes one turn.
fn put(
    run: &mut Run,
    dispatch: &mut Dispatch,
    journal: &mut Vec<Recorded>,
    command: Command,
    items: Option<&Evaluation>,
) {
    let mut decision = run.decide(command, Timestamp(0)).expect("the command is legal");
    let requests = std::mem::take(&mut decision.requests);
    carry_out(dispatch, decision, journal);
    for request in requests {
        let output = Evaluation::Output(ValueHash([0; 16]));
        let is_begin = request.question == myrmex_model::effect::Question::Begin;
        let answer = items.filter(|_| is_begin).cloned().unwrap_or(output);
        let answered = Command::Evaluated { ticket: request.ticket, result: Ok(answer) };
        let more = run.decide(answered, Timestamp(0)).expect("the answer was asked for");
        carry_out(dispatch, more, journal);
    }
}

fn carry_out(dispatch: &mut Dispatch, decision: Decision, journal: &mut Vec<Recorded>) {
    journal.extend(decision.events);
    for effect in decision.effects {
        match effect {
            Effect::QueueRun { .. } => unreachable!("nothing bounds how many runs there are"),
            Effect::Queue { task, attempt } => {
                dispatch.enqueue(Ready::plain(RUN, task, attempt, Timestamp(0)));
            }
            Effect::Release { token } => dispatch.release(token),
            Effect::Withdraw { .. }
            | Effect::Assign { .. }
            | Effect::Stop { .. }
            | Effect::StartChild { .. }
            | Effect::CancelChild { .. }
            | Effect::Arm { .. }
            | Effect::Disarm { .. }
            | Effect::End => {}
        }
    }
}

fn task(name: Name, parent: u32) -> Node {
    let arguments = Template::Literal(Value::Null);
    let executor = Name::new("process").expect("a name");
    Node {
        name,
        parent: Some(NodeId(parent)),
        guard: None,
        body: Body::Task(Task { executor, arguments }),
        policy: Policy::default(),
        outputs: Outputs::Raw,
        handling: None,
        binding: None,
        planning: None,
    }
}

fn definition(root: Body, mut children: Vec<Node>) -> Arc<Definition> {
    let name = Name::new("measured").expect("a name");
    let root = Node {
        name: name.clone(),
        parent: None,
        guard: None,
        body: root,
        policy: Policy::default(),
        outputs: Outputs::Raw,
        handling: None,
        binding: None,
        planning: None,
    };
    children.insert(0, root);
    let (namespace, inputs) = (Namespace::standard(), Vec::new());
    Arc::new(Definition {
        namespace,
        name,
        version: None,
        inputs,
        concurrency: None,
        pools: std::collections::BTreeMap::new(),
        nodes: children,
        root: NodeId(0),
        project: None,
    })
}

/// Tasks in layers, each after two of the layer before.
fn layers(count: u32, max_parallel: Option<u32>) -> Arc<Definition> {
    let names: Vec<Name> =
        (0..count).map(|index| Name::new(&format!("task-{index}")).expect("a name")).collect();
    let mut edges = Vec::new();
    for to in LAYER..count {
        let before = (to / LAYER - 1) * LAYER;
        let parents = [before + to % LAYER, before + (to + 1) % LAYER];
        edges.extend(parents.map(|from| Edge::new(from, to, OutcomeSet::SUCCEEDED)));
    }
    let children = (1..=count)
        .map(|node| GraphChild { node: NodeId(node), join: Join::All, late: Late::Ignore })
        .collect();
    let mut graph = Graph::new(children, edges, names.iter().cloned()).expect("edges connect children");
    graph.max_parallel = max_parallel;
    definition(Body::Graph(graph), names.into_iter().map(|name| task(name, 0)).collect())
}

/// One `for_each` of tasks.
fn items_of() -> Arc<Definition> {
    let name = Name::new("each").expect("a name");
    let each = Each {
        source: Template::Literal(Value::Null),
        item: Name::new("item").expect("a name"),
        max_parallel: Some(64),
        fail_fast: false,
        complete: Complete::All,
        tolerance: None,
        body: NodeId(2),
    };
    let child = GraphChild { node: NodeId(1), join: Join::All, late: Late::Ignore };
    let graph = Graph::new(vec![child], Vec::new(), [name.clone()]).expect("no edges");
    let mut holder = task(name.clone(), 0);
    holder.body = Body::Each(each);
    definition(Body::Graph(graph), vec![holder, task(name, 1)])
}
