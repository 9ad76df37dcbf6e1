//! A run or a workflow as an instance of `WfFormat` 1.5, the JSON format of `WfCommons` for scientific workflows.
//!
//! The format knows tasks with parents, and nothing around them. So only work is in it: what computes, chooses or waits is passed through, a
//! block and a `for_each` become the tasks inside.

use std::collections::{BTreeMap, BTreeSet};

use myrmex_engine::history::{Task, Timeline, shared_path};
use myrmex_model::event::HandlerKind;
use myrmex_model::ir::{Body, Definition, NodeId};
use myrmex_model::time::Length;
use serde_json::{Value, json};

use crate::places::Places;
use crate::render::graph::critical::in_order;
use crate::render::graph::model::{Role, ShapeId};

/// The version of the format that is written.
const SCHEMA_VERSION: &str = "1.5";

/// The most edges between what stands before a task and the tasks behind it: beyond that one task without work stands between them, because
/// a thousand items after a thousand items would have a million edges.
const EDGES_MAX: usize = 10_000;

/// The bytes of a block, in which the operating system counts what is read and written.
const BLOCK_BYTES: u64 = 512;

/// Writes a workflow that did not run: its tasks and what they need. Items of a `for_each` are one task.
///
/// Returns nothing if it has no work.
pub fn of_definition(definition: &Definition) -> Option<String> {
    let places = Places::of(definition);
    let mut writing = Writing::new(definition, &places, None);
    writing.scope(ShapeId(0), "", Vec::new());
    let tasks = writing.specification()?;
    Some(document(definition, &json!({"specification": {"tasks": tasks}}), None))
}

/// Writes a run: its tasks, what came before each of them, and what they took.
///
/// Returns nothing if no work was carried out.
pub fn of_run(definition: &Definition, timeline: &Timeline) -> Option<String> {
    let places = Places::of(definition);
    let mut writing = Writing::new(definition, &places, Some(timeline));
    writing.scope(ShapeId(0), "", Vec::new());
    let tasks = writing.specification()?;
    let started = timeline.started?.to_string();
    let execution = json!({
        "makespanInSeconds": seconds(timeline.wall()),
        "executedAt": started,
        "tasks": writing.execution(),
        "machines": writing.machines(),
    });
    let workflow = json!({"specification": {"tasks": tasks}, "execution": execution});
    Some(document(definition, &workflow, Some(&started)))
}

fn document(definition: &Definition, workflow: &Value, created: Option<&str>) -> String {
    let mut document = json!({
        "name": definition.name.as_str(),
        "schemaVersion": SCHEMA_VERSION,
        "runtimeSystem": {"name": "myrmex", "version": env!("CARGO_PKG_VERSION")},
        "workflow": workflow,
    });
    if let Some(created) = created {
        document["createdAt"] = json!(created);
    }
    format!("{document:#}\n")
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a length of ten thousand years in milliseconds is below 2^53"
)]
fn seconds(length: Length) -> f64 {
    length.0 as f64 / 1_000.0
}

/// A task of the format.
struct Work<'a> {
    id: String,
    name: String,
    parents: BTreeSet<usize>,
    task: Option<&'a Task>,
}

/// The tasks of a run.
#[derive(Default)]
struct Ran<'a> {
    /// By what they are directly inside of, each with its shape; an item has none of its own.
    inside: BTreeMap<&'a str, Vec<(Option<ShapeId>, &'a Task)>>,
    /// The last time that a shape ran inside of something.
    last: BTreeMap<(&'a str, ShapeId), &'a Task>,
}

impl<'a> Ran<'a> {
    fn of(timeline: &'a Timeline, places: &Places) -> Self {
        let mut ran = Self::default();
        for task in timeline.tasks() {
            let around = around(task.address.as_str());
            let shape = places.shapes.get(&shared_path(&task.address)).copied();
            ran.inside.entry(around).or_default().push((shape, task));
            ran.last.extend(shape.map(|shape| ((around, shape), task)));
        }
        ran
    }

    fn inside(&self, address: &str) -> impl Iterator<Item = (Option<ShapeId>, &'a Task)> + '_ {
        self.inside.get(address).into_iter().flatten().copied()
    }
}

/// An instance that is being written.
struct Writing<'a> {
    definition: &'a Definition,
    places: &'a Places,
    children: Vec<Vec<ShapeId>>,
    /// What leads to each shape, without what leads back.
    sources: Vec<Vec<ShapeId>>,
    /// The tasks of the run; none of a workflow that did not run.
    ran: Option<Ran<'a>>,
    works: Vec<Work<'a>>,
    ids: BTreeSet<String>,
}

impl<'a> Writing<'a> {
    fn new(definition: &'a Definition, places: &'a Places, timeline: Option<&'a Timeline>) -> Self {
        let drawing = &places.drawing;
        let mut sources = vec![Vec::new(); drawing.shapes.len()];
        for arrow in drawing.arrows.iter().filter(|arrow| !arrow.is_back) {
            sources[arrow.to.0].push(arrow.from);
        }
        let ran = timeline.map(|timeline| Ran::of(timeline, places));
        let (works, ids) = (Vec::new(), BTreeSet::new());
        Self { definition, places, children: drawing.children(), sources, ran, works, ids }
    }

    /// Writes what is inside of a scope that is at `address`. Returns the tasks that end it.
    fn scope(&mut self, scope: ShapeId, address: &str, before: Vec<usize>) -> Vec<usize> {
        let drawing = &self.places.drawing;
        let (body, handlers): (Vec<ShapeId>, Vec<ShapeId>) =
            self.children[scope.0].iter().partition(|child| drawing.shape(**child).role == Role::Body);
        let node = self.body(drawing.shape(scope).node);
        let is_flow = matches!(self.definition.node(node).body, Body::Flow(_));
        let mut ends = match (&self.ran, is_flow) {
            (Some(_), true) => self.in_time(&body, address, before),
            (Some(_) | None, _) => self.by_edges(&body, address, before),
        };
        if self.ran.is_some() {
            ends = self.in_time(&handlers, address, ends);
        } else {
            let is_finally =
                |child: &ShapeId| drawing.shape(*child).role == Role::Handler(HandlerKind::Finally);
            for handler in handlers.into_iter().filter(is_finally) {
                ends = self.unit(handler, address, ends);
            }
        }
        ends
    }

    /// Writes children one after the other, as they ran.
    fn in_time(&mut self, children: &[ShapeId], address: &str, before: Vec<usize>) -> Vec<usize> {
        let children: BTreeSet<&ShapeId> = children.iter().collect();
        let inside = self.ran.iter().flat_map(|ran| ran.inside(address));
        let own = inside.filter_map(|(shape, task)| Some((task, shape?)));
        let mut ran: Vec<(&Task, ShapeId)> = own.filter(|(_, shape)| children.contains(shape)).collect();
        ran.sort_by_key(|(task, _)| task.started.or(task.ended.map(|(ended, _)| ended)));
        ran.into_iter().fold(before, |before, (task, shape)| self.task(task, shape, before))
    }

    /// Writes children by the edges between them.
    fn by_edges(&mut self, children: &[ShapeId], address: &str, before: Vec<usize>) -> Vec<usize> {
        let mut ends: BTreeMap<ShapeId, Vec<usize>> = BTreeMap::new();
        let mut behind: BTreeMap<ShapeId, usize> = BTreeMap::new();
        for source in children.iter().flat_map(|child| &self.sources[child.0]) {
            *behind.entry(*source).or_default() += 1;
        }
        let first = children.iter().filter(|child| self.sources[child.0].is_empty()).count();
        let before = self.joined(before, first, address);
        for child in in_order(children, &self.sources) {
            let sources = self.sources[child.0].clone();
            let all: BTreeSet<usize> =
                sources.iter().filter_map(|source| ends.get(source)).flatten().copied().collect();
            let own = if sources.is_empty() { before.clone() } else { all.into_iter().collect() };
            let ended = self.unit(child, address, own);
            let tasks = behind.get(&child).copied().unwrap_or(0);
            let path = &self.places.drawing.shape(child).path;
            let ended = self.joined(ended, tasks, path);
            ends.insert(child, ended);
        }
        if ends.is_empty() {
            return before;
        }
        let last =
            ends.into_iter().filter(|(child, _)| !behind.contains_key(child)).flat_map(|(_, ends)| ends);
        last.collect::<BTreeSet<usize>>().into_iter().collect()
    }

    /// Writes a child: of a run the last time that it ran.
    fn unit(&mut self, shape: ShapeId, around: &str, before: Vec<usize>) -> Vec<usize> {
        let Some(ran) = &self.ran else {
            let path = &self.places.drawing.shape(shape).path;
            return self.planned(shape, path, before);
        };
        match ran.last.get(&(around, shape)).copied() {
            Some(task) => self.task(task, shape, before),
            None => before,
        }
    }

    /// Writes a task of a workflow that did not run.
    fn planned(&mut self, shape: ShapeId, path: &str, before: Vec<usize>) -> Vec<usize> {
        let node = self.body(self.places.drawing.shape(shape).node);
        match self.definition.node(node).body {
            Body::Task(_) | Body::Call(_) => vec![self.work(path, None, before)],
            Body::Graph(_) | Body::Flow(_) => self.scope(shape, path, before),
            Body::Value(_)
            | Body::Timer(_)
            | Body::Choose(_)
            | Body::Raise(_)
            | Body::Await(_)
            | Body::Each(_) => before,
        }
    }

    /// Writes a task of a run, with what is inside of it.
    fn task(&mut self, task: &'a Task, shape: ShapeId, before: Vec<usize>) -> Vec<usize> {
        let address = task.address.as_str();
        let Some(node) = self.places.node(&shared_path(&task.address)) else { return before };
        match self.definition.node(node).body {
            Body::Task(_) => {
                let has_run = task.attempts.iter().any(|attempt| attempt.granted.is_some());
                if has_run { vec![self.work(address, Some(task), before)] } else { before }
            }
            Body::Call(_) if task.child.is_some() => vec![self.work(address, Some(task), before)],
            Body::Graph(_) | Body::Flow(_) => self.scope(shape, address, before),
            Body::Each(_) => self.items(task, shape, before),
            Body::Value(_)
            | Body::Timer(_)
            | Body::Choose(_)
            | Body::Raise(_)
            | Body::Await(_)
            | Body::Call(_) => before,
        }
    }

    fn items(&mut self, each: &Task, shape: ShapeId, before: Vec<usize>) -> Vec<usize> {
        let address = each.address.as_str();
        let items = self.ran.iter().flat_map(|ran| ran.inside(address));
        let items: Vec<&Task> = items.map(|(_, task)| task).collect();
        if items.is_empty() {
            return before;
        }
        let before = self.joined(before, items.len(), address);
        let mut ends = BTreeSet::new();
        for item in items {
            ends.extend(self.task(item, shape, before.clone()));
        }
        ends.into_iter().collect()
    }

    /// Returns what stands before so many `tasks` behind it: all of it, or a task that stands between if there were too many edges.
    fn joined(&mut self, before: Vec<usize>, tasks: usize, address: &str) -> Vec<usize> {
        if before.len() <= 1 || before.len().saturating_mul(tasks) <= EDGES_MAX {
            return before;
        }
        let name = if address.is_empty() { "join".to_owned() } else { format!("{address}/join") };
        vec![self.work(&name, None, before)]
    }

    fn work(&mut self, name: &str, task: Option<&'a Task>, before: Vec<usize>) -> usize {
        let plain = plain(name);
        let mut id = plain.clone();
        let mut number = 1;
        while !self.ids.insert(id.clone()) {
            number += 1;
            id = format!("{plain}_{number}");
        }
        let name = task.map_or_else(|| name.to_owned(), |task| task.address.path().into_owned());
        self.works.push(Work { id, name, parents: before.into_iter().collect(), task });
        self.works.len() - 1
    }

    /// Returns the node that does the work of `node`: the body of a `for_each`, or itself.
    fn body(&self, node: NodeId) -> NodeId {
        self.places.bodies.get(&node).copied().unwrap_or(node)
    }

    fn specification(&self) -> Option<Vec<Value>> {
        let mut children: Vec<Vec<&str>> = vec![Vec::new(); self.works.len()];
        for work in &self.works {
            for parent in &work.parents {
                children[*parent].push(&work.id);
            }
        }
        let tasks = self.works.iter().zip(children).map(|(work, children)| {
            let parents: Vec<&str> =
                work.parents.iter().map(|parent| self.works[*parent].id.as_str()).collect();
            json!({"name": work.name, "id": work.id, "parents": parents, "children": children})
        });
        (!self.works.is_empty()).then(|| tasks.collect())
    }

    fn execution(&self) -> Vec<Value> {
        let execution = |work: &Work<'_>| {
            let Some(task) = work.task else { return json!({"id": work.id, "runtimeInSeconds": 0.0}) };
            let mut shown =
                json!({"id": work.id, "runtimeInSeconds": seconds(task.took().unwrap_or_default())});
            let used = task.attempts.iter().map(|attempt| attempt.usage);
            let wall: u64 = used.clone().map(|usage| usage.wall_us).sum();
            // Without a wall time nothing was measured: such as of a success that was taken from a cache.
            let cpu: u64 = used.clone().map(|usage| usage.user_us + usage.system_us).sum();
            if let Some(percent) = (cpu * 100).checked_div(wall) {
                let memory = used.clone().map(|usage| usage.rss_max_kib).max().unwrap_or(0);
                shown["avgCPU"] = json!(percent);
                shown["memoryInBytes"] = json!(memory << 10);
                shown["readBytes"] =
                    json!(used.clone().map(|usage| usage.blocks_in).sum::<u64>() * BLOCK_BYTES);
                shown["writtenBytes"] = json!(used.map(|usage| usage.blocks_out).sum::<u64>() * BLOCK_BYTES);
            }
            if let Some(machine) = machine(task) {
                shown["machine"] = json!(machine);
            }
            shown
        };
        self.works.iter().map(execution).collect()
    }

    fn machines(&self) -> Vec<Value> {
        let names: BTreeSet<&str> = self.works.iter().filter_map(|work| machine(work.task?)).collect();
        // The journal names workers, and nothing else of the machine that one runs on.
        let names = if names.is_empty() { BTreeSet::from(["local"]) } else { names };
        names.into_iter().map(|name| json!({"nodeName": name})).collect()
    }
}

/// Returns the worker of the last attempt.
fn machine(task: &Task) -> Option<&str> {
    task.attempts.iter().rev().find_map(|attempt| attempt.granted.as_ref()).map(|(_, worker)| worker.as_str())
}

/// Returns the address that something is directly inside of, without the attempt of that: `a/b` for `a/b~2/c` and for `a/b[1]`.
fn around(address: &str) -> &str {
    let around = match (address.rfind('['), address.rfind('/')) {
        (Some(key), _) if address.ends_with(']') => &address[..key],
        (_, Some(slash)) => &address[..slash],
        (_, None) => "",
    };
    let digits = around.bytes().rev().take_while(u8::is_ascii_digit).count();
    around[..around.len() - digits].strip_suffix('~').unwrap_or(around)
}

/// Writes a path with the signs that ids of the format may have: letters, digits, `-`, `_` and `.`.
fn plain(path: &str) -> String {
    let mut plain = String::with_capacity(path.len());
    for character in path.chars() {
        match character {
            '/' | '[' => plain.push('.'),
            ']' => {}
            '-' | '_' | '.' => plain.push(character),
            _ if character.is_ascii_alphanumeric() => plain.push(character),
            _ => plain.push('_'),
        }
    }
    plain
}
