//! What a drawing shows, apart from how it looks: the shapes of a definition, the arrows between them, and of a run where
//! each stands.

use std::collections::BTreeMap;

use myrmex_engine::history::{History, Quantiles, TaskHistory};
use myrmex_model::address::Address;
use myrmex_model::event::HandlerKind;
use myrmex_model::ir::{
    AwaitKind, Body, Definition, Each, Flow, Graph, Join, Next, Node, NodeId, RoundCondition, Timer,
};
use myrmex_model::outcome::{Outcome, OutcomeSet};
use myrmex_model::planning::Extent;
use myrmex_model::status::Status;
use myrmex_model::template::{Expr, Part, Template};
use myrmex_model::time::Timestamp;
use myrmex_model::value::Value;

use super::critical::Critical;
use super::glyphs::shortened;
use crate::render::{measured, time};

/// The most characters of a condition beside an arrow.
const CONDITION_CHARACTERS_MAX: usize = 30;

/// The most characters of a line in a box.
const LINE_CHARACTERS_MAX: usize = 36;

/// A workflow, or a run of it, as shapes and arrows.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawing {
    /// The workflow's name.
    pub workflow: String,
    /// The run, if one is drawn.
    pub run: Option<RunFacts>,
    /// All shapes: the workflow itself first, and a parent before its children.
    pub shapes: Vec<Shape>,
    /// The arrows, each between two children of one shape.
    pub arrows: Vec<Arrow>,
    /// The chain of shapes that decides how long it takes.
    pub critical: Critical,
    /// What past runs of it took, if that is known.
    pub measured: Option<Quantiles>,
}

/// The place of a shape in [`Drawing::shapes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ShapeId(pub usize);

/// What is said of a run as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFacts {
    /// Its id.
    pub id: String,
    /// Where it stands.
    pub status: Status,
    /// Whether it was cut off and waits to be resumed.
    pub is_interrupted: bool,
    /// How long it took, or had taken when the last event was recorded, in milliseconds.
    pub took_ms: u64,
}

/// Says how long after what it asks for an arrow lets go: working time as it was written, its calendar is not known here.
fn lag_words(lag: Extent) -> String {
    let earlier = lag.to_string();
    match lag {
        _ if lag.is_lead() => format!("{} earlier", earlier.trim_start_matches('-')),
        Extent::Elapsed { millis } => format!("{} later", time::elapsed_ms(millis.unsigned_abs())),
        Extent::Working { .. } => format!("{lag} of work later"),
    }
}

impl RunFacts {
    /// Returns the word for where it stands.
    pub fn word(&self) -> &'static str {
        if self.is_interrupted { "interrupted" } else { self.status.as_str() }
    }
}

/// A box of a drawing: a task, or a block around others.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    /// Its path in the workflow; empty for the workflow itself.
    pub path: String,
    /// Its name.
    pub name: String,
    /// The node that it shows. That of a `for_each` stands for its items too.
    pub node: NodeId,
    /// What it is.
    pub kind: Kind,
    /// What it is for the shape around it.
    pub role: Role,
    /// The shape around it; none for the workflow itself.
    pub parent: Option<ShapeId>,
    /// What it does, in a few words; empty if its kind says all.
    pub does: String,
    /// What else is to be known of it, such as its condition.
    pub notes: Vec<String>,
    /// Where it stands, if a run is drawn.
    pub state: Option<State>,
    /// What was measured of it in past runs, if that is drawn.
    pub measured: Measured,
}

/// What was measured of a shape in past runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Measured {
    /// Of all of it.
    pub whole: Option<TaskHistory>,
    /// Of each item of a `for_each`.
    pub items: Option<TaskHistory>,
}

impl Measured {
    /// Says it in lines, such as `p50 1.2 s, p90 3.4 s (12 runs)`; none of what never succeeded.
    pub fn lines(&self) -> Vec<String> {
        let took = |history: &Option<TaskHistory>| Some((history.as_ref()?.took?, history.as_ref()?.runs));
        let whole = took(&self.whole).map(|(took, runs)| measured::line(took, runs, "run"));
        let items =
            took(&self.items).map(|(took, _)| format!("each {}", measured::line(took, took.count, "item")));
        whole.into_iter().chain(items).collect()
    }
}

/// What a shape is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Work of an executor, such as a process.
    Run,
    /// Computes a value.
    Set,
    /// Waits for an instant.
    Wait,
    /// Chooses a way.
    Switch,
    /// Raises an error.
    Fail,
    /// Another workflow.
    Workflow,
    /// Work that people do.
    Manual,
    /// People agree or refuse.
    Approval,
    /// People give data.
    Form,
    /// People decide whether the work goes on.
    Gate,
    /// Tasks one after the other.
    Do,
    /// Tasks with edges.
    Tasks,
    /// Tasks that are done again until something holds.
    Repeat,
    /// Tasks whose errors are caught.
    Try,
    /// An action of a library.
    Use,
    /// One task for many items.
    ForEach,
}

impl Kind {
    /// Returns the word for it, as the language has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Set => "set",
            Self::Wait => "wait",
            Self::Switch => "switch",
            Self::Fail => "fail",
            Self::Workflow => "workflow",
            Self::Manual => "manual",
            Self::Approval => "approval",
            Self::Form => "form",
            Self::Gate => "gate",
            Self::Do => "do",
            Self::Tasks => "tasks",
            Self::Repeat => "repeat",
            Self::Try => "try",
            Self::Use => "use",
            Self::ForEach => "for_each",
        }
    }

    fn of(node: &Node) -> Self {
        let catches = node.handling.as_ref().is_some_and(|handling| !handling.catches.is_empty());
        match &node.body {
            Body::Task(_) => Self::Run,
            Body::Value(_) => Self::Set,
            Body::Timer(_) => Self::Wait,
            Body::Choose(_) => Self::Switch,
            Body::Raise(_) => Self::Fail,
            Body::Call(_) => Self::Workflow,
            Body::Await(body) => match &body.kind {
                AwaitKind::Manual => Self::Manual,
                AwaitKind::Approval => Self::Approval,
                AwaitKind::Form => Self::Form,
                AwaitKind::Signal(_) => Self::Wait,
                AwaitKind::Gate(_) => Self::Gate,
            },
            Body::Graph(_) => Self::Tasks,
            Body::Each(_) => Self::ForEach,
            Body::Flow(flow) if flow.rounds.is_some() => Self::Repeat,
            Body::Flow(_) if node.binding.is_some() => Self::Use,
            Body::Flow(_) if catches => Self::Try,
            Body::Flow(_) => Self::Do,
        }
    }
}

/// What a shape is for the one around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A part of its body.
    Body,
    /// Follows its body.
    Handler(HandlerKind),
}

impl Role {
    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Body => "body",
            Self::Handler(kind) => kind.as_str(),
        }
    }
}

/// Where a shape stands in a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Its status; of several that are drawn as one, the one that matters most.
    pub status: Status,
    /// The word for people: also `interrupted`, `taken`, `cached` and `failed, accepted`.
    pub word: &'static str,
    /// How many there are by status, if one shape stands for several or for items.
    pub counts: Vec<(Status, usize)>,
    /// How many attempts were made; the most of one of several.
    pub attempts: u32,
    /// When the first of them began.
    pub started: Option<Timestamp>,
    /// When the last of them ended, if all have.
    pub ended: Option<Timestamp>,
}

impl State {
    /// Returns how long it took, in milliseconds, if it is over.
    pub fn took_ms(&self) -> Option<u64> {
        self.started.zip(self.ended).map(|(from, to)| to.since(from).0)
    }

    /// Says it in one line: `succeeded in 1.2 s, 2 attempts`.
    pub fn line(&self) -> String {
        let took = self.took_ms().filter(|took| self.attempts > 0 && *took > 0).map(time::elapsed_ms);
        let took = took.map(|took| format!(" in {took}")).unwrap_or_default();
        let attempts =
            if self.attempts > 1 { format!(", {} attempts", self.attempts) } else { String::new() };
        format!("{}{took}{attempts}", self.word)
    }

    /// Says how many there are by status; nothing if the shape stands for itself.
    pub fn count_line(&self) -> Option<String> {
        let total: usize = self.counts.iter().map(|(_, count)| count).sum();
        let counts: Vec<_> = self.counts.iter().map(|(status, count)| format!("{count} {status}")).collect();
        (total > 0).then(|| format!("{total} in all: {}", counts.join(", ")))
    }
}

/// What leads from one shape to another.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrow {
    /// Where it begins.
    pub from: ShapeId,
    /// Where it ends, beside it.
    pub to: ShapeId,
    /// Which outcomes of `from` it takes.
    pub on: OutcomeSet,
    /// What else it asks for: the case of a `switch`, a pause.
    pub condition: Option<String>,
    /// Whether it leads back to what was done before.
    pub is_back: bool,
}

impl Arrow {
    /// Returns what stands beside it; nothing if it takes success alone.
    pub fn label(&self) -> String {
        let outcomes = match self.on {
            OutcomeSet::SUCCEEDED => None,
            OutcomeSet::FINISHED => Some("finished".to_owned()),
            on => Some(on.iter().map(Outcome::as_str).collect::<Vec<_>>().join(" or ")),
        };
        let parts: Vec<_> = outcomes.into_iter().chain(self.condition.clone()).collect();
        parts.join(", ")
    }
}

impl Drawing {
    /// Draws a definition. What is known of a run comes in `states`, by node.
    pub fn of(
        definition: &Definition,
        run: Option<RunFacts>,
        states: &BTreeMap<NodeId, State>,
        critical: &dyn Fn(&[Shape], &[Arrow]) -> Critical,
    ) -> Self {
        let mut reading = Reading { definition, states, shapes: Vec::new(), arrows: Vec::new() };
        reading.read();
        let Reading { shapes, arrows, .. } = reading;
        let critical = critical(&shapes, &arrows);
        let workflow = definition.name.as_str().to_owned();
        Self { workflow, run, shapes, arrows, critical, measured: None }
    }

    /// Puts in what past runs took. A task that was not measured stays as it is.
    #[must_use]
    pub fn with_history(mut self, history: &History) -> Self {
        self.measured = history.took;
        let mut by_path: BTreeMap<String, Measured> = BTreeMap::new();
        for (path, task) in &history.tasks {
            // Shapes have no items: `deploy[]/copy` is drawn as `deploy/copy`, and `deploy[]` beside `deploy`.
            let measured = by_path.entry(path.replace("[]", "")).or_default();
            let own = if path.ends_with("[]") { &mut measured.items } else { &mut measured.whole };
            *own = Some(task.clone());
        }
        for shape in &mut self.shapes {
            shape.measured = by_path.remove(&shape.path).unwrap_or_default();
        }
        self
    }

    /// Returns the shape at `id`.
    pub fn shape(&self, id: ShapeId) -> &Shape {
        &self.shapes[id.0]
    }

    /// Returns all shapes with their places, without the workflow itself.
    pub fn inner(&self) -> impl Iterator<Item = (ShapeId, &Shape)> {
        self.shapes.iter().enumerate().skip(1).map(|(index, shape)| (ShapeId(index), shape))
    }

    /// Returns the children of each shape, in order.
    pub fn children(&self) -> Vec<Vec<ShapeId>> {
        children(&self.shapes)
    }

    /// Returns the arrows between the children of each shape, by their places in [`Drawing::arrows`].
    pub fn arrows_inside(&self) -> Vec<Vec<usize>> {
        let mut arrows = vec![Vec::new(); self.shapes.len()];
        for (number, arrow) in self.arrows.iter().enumerate() {
            if let Some(parent) = self.shape(arrow.from).parent {
                arrows[parent.0].push(number);
            }
        }
        arrows
    }
}

/// Returns the children of each shape, in order.
pub(super) fn children(shapes: &[Shape]) -> Vec<Vec<ShapeId>> {
    let mut children = vec![Vec::new(); shapes.len()];
    for (index, shape) in shapes.iter().enumerate() {
        if let Some(parent) = shape.parent {
            children[parent.0].push(ShapeId(index));
        }
    }
    children
}

/// A definition that is read into shapes and arrows.
struct Reading<'d> {
    definition: &'d Definition,
    states: &'d BTreeMap<NodeId, State>,
    shapes: Vec<Shape>,
    arrows: Vec<Arrow>,
}

/// A node that becomes a shape.
struct Found {
    node: NodeId,
    parent: Option<ShapeId>,
    path: Address,
    role: Role,
    /// What is known of it from the scope around it.
    notes: Vec<String>,
}

impl Reading<'_> {
    fn read(&mut self) {
        let (node, path) = (self.definition.root, Address::root());
        let mut open = vec![Found { node, parent: None, path, role: Role::Body, notes: Vec::new() }];
        // A shape is followed by all that is inside of it, each scope in its order.
        while let Some(found) = open.pop() {
            let inside = self.shape(found);
            open.extend(inside.into_iter().rev());
        }
        let mut by_node: BTreeMap<NodeId, ShapeId> = BTreeMap::new();
        for (index, shape) in self.shapes.iter().enumerate() {
            by_node.insert(shape.node, ShapeId(index));
        }
        for index in 0..self.shapes.len() {
            let body = self.body(self.shapes[index].node);
            match &self.definition.node(body).body {
                Body::Graph(graph) => self.graph_arrows(graph, &by_node),
                Body::Flow(flow) => self.flow_arrows(flow, &by_node),
                Body::Task(_)
                | Body::Value(_)
                | Body::Timer(_)
                | Body::Choose(_)
                | Body::Raise(_)
                | Body::Await(_)
                | Body::Each(_)
                | Body::Call(_) => {}
            }
        }
    }

    /// Returns the node that does the work of `id`: the body of a `for_each`, or itself.
    fn body(&self, id: NodeId) -> NodeId {
        match &self.definition.node(id).body {
            Body::Each(each) => each.body,
            Body::Task(_)
            | Body::Value(_)
            | Body::Timer(_)
            | Body::Choose(_)
            | Body::Raise(_)
            | Body::Await(_)
            | Body::Flow(_)
            | Body::Graph(_)
            | Body::Call(_) => id,
        }
    }

    /// Makes the shape of a node, and returns what is inside.
    fn shape(&mut self, found: Found) -> Vec<Found> {
        let outer = self.definition.node(found.node);
        let body = self.body(found.node);
        let node = self.definition.node(body);
        let id = ShapeId(self.shapes.len());
        let mut notes = found.notes;
        notes.extend(outer.guard.iter().map(|guard| line("if", &guard.source)));
        let mut does = does(node);
        if let Body::Each(each) = &outer.body {
            let own = if does.is_empty() { String::new() } else { format!(" {does}") };
            does = format!("{}{own}", Kind::of(node).as_str());
            notes.push(items(each));
            notes.extend(node.guard.iter().map(|guard| line("each if", &guard.source)));
        }
        notes.extend(repetition(node));
        self.shapes.push(Shape {
            path: found.path.as_str().to_owned(),
            name: outer.name.as_str().to_owned(),
            node: found.node,
            kind: Kind::of(outer),
            role: found.role,
            parent: found.parent,
            does,
            notes,
            state: self.states.get(&found.node).cloned(),
            measured: Measured::default(),
        });
        let parts = self.parts(node).into_iter();
        parts
            .map(|(node, role, notes)| {
                let path = found.path.child(&self.definition.node(node).name, 1);
                Found { node, parent: Some(id), path, role, notes }
            })
            .collect()
    }

    /// Returns what a node is made of: the children of its scope and what follows its body.
    fn parts(&self, node: &Node) -> Vec<(NodeId, Role, Vec<String>)> {
        let mut parts: Vec<(NodeId, Role, Vec<String>)> = match &node.body {
            Body::Graph(graph) => {
                graph.children.iter().map(|child| (child.node, Role::Body, joined(child.join))).collect()
            }
            Body::Flow(flow) => flow
                .children
                .iter()
                .map(|child| (child.node, Role::Body, left(self.ways(flow, child.node, child.next))))
                .collect(),
            Body::Task(_)
            | Body::Value(_)
            | Body::Timer(_)
            | Body::Choose(_)
            | Body::Raise(_)
            | Body::Await(_)
            | Body::Each(_)
            | Body::Call(_) => Vec::new(),
        };
        let Some(handling) = &node.handling else { return parts };
        for (kind, handler) in handling.handlers() {
            let notes = match kind {
                HandlerKind::Catch(index) => {
                    let catch = &handling.catches[index as usize];
                    let kinds = catch.kinds.iter().cloned();
                    let statuses = catch.statuses.iter().map(u16::to_string);
                    let what: Vec<String> = kinds.chain(statuses).collect();
                    let what = if what.is_empty() { "any error".to_owned() } else { what.join(", ") };
                    let when = catch.when.iter().map(|when| line("when", &when.source));
                    [shortened(&format!("catches {what}"), LINE_CHARACTERS_MAX)]
                        .into_iter()
                        .chain(when)
                        .collect()
                }
                HandlerKind::OnFailure => vec!["after a failure".to_owned()],
                HandlerKind::Finally => vec!["always, at the end".to_owned()],
            };
            parts.push((handler, Role::Handler(kind), notes));
        }
        parts
    }

    fn graph_arrows(&mut self, graph: &Graph, by_node: &BTreeMap<NodeId, ShapeId>) {
        for edge in graph.edges() {
            let (from, to) = (graph.children[edge.from as usize].node, graph.children[edge.to as usize].node);
            let cases: Vec<String> = edge.cases.iter().map(|case| self.case(from, *case)).collect();
            let lag = edge.lag.map(lag_words);
            let case = (!cases.is_empty()).then(|| cases.join(" or "));
            let end = (edge.holds == Holds::End).then(|| "for its end".to_owned());
            let parts: Vec<String> = case.into_iter().chain(end).chain(lag).collect();
            self.arrows.push(Arrow {
                from: by_node[&from],
                to: by_node[&to],
                on: edge.on,
                condition: (!parts.is_empty()).then(|| parts.join(", ")),
                is_back: false,
            });
        }
    }

    /// Returns the condition of a case of a `switch`.
    fn case(&self, node: NodeId, case: u32) -> String {
        let Body::Choose(choose) = &self.definition.node(self.body(node)).body else { return String::new() };
        let case = choose.cases.get(case as usize);
        match case.and_then(|case| case.when.as_ref()) {
            Some(when) => shortened(&when.source, CONDITION_CHARACTERS_MAX),
            None => "else".to_owned(),
        }
    }

    /// Returns where a child of a flow leads to, and under which condition.
    fn ways(&self, flow: &Flow, child: NodeId, next: Next) -> Vec<(Next, Option<String>)> {
        let index = flow.children.iter().position(|own| own.node == child);
        let onwards = |next: Next| match next {
            Next::Continue => match index.map(|index| index + 1).filter(|next| *next < flow.children.len()) {
                Some(next) => Next::Goto(u32::try_from(next).unwrap_or(u32::MAX)),
                None => Next::Continue,
            },
            Next::Exit | Next::End | Next::Goto(_) => next,
        };
        let node = self.definition.node(child);
        let is_passable =
            node.guard.is_some() || node.handling.as_ref().is_some_and(|handling| handling.continues);
        match &node.body {
            // What raises an error leads nowhere.
            Body::Raise(_) if !is_passable => Vec::new(),
            Body::Choose(choose) => (0..)
                .zip(&choose.cases)
                .map(|(number, case)| (onwards(case.next), Some(self.case(child, number))))
                .collect(),
            Body::Task(_)
            | Body::Value(_)
            | Body::Timer(_)
            | Body::Raise(_)
            | Body::Await(_)
            | Body::Flow(_)
            | Body::Graph(_)
            | Body::Each(_)
            | Body::Call(_) => vec![(onwards(next), None)],
        }
    }

    fn flow_arrows(&mut self, flow: &Flow, by_node: &BTreeMap<NodeId, ShapeId>) {
        for (index, child) in flow.children.iter().enumerate() {
            for (next, condition) in self.ways(flow, child.node, child.next) {
                let Next::Goto(target) = next else { continue };
                let Some(to) = flow.children.get(target as usize) else { continue };
                let (from, to) = (by_node[&child.node], by_node[&to.node]);
                let same = self.arrows.iter_mut().rev().take(flow.children.len());
                let same = same.into_iter().find(|arrow| arrow.from == from && arrow.to == to);
                if let Some(arrow) = same {
                    let both = arrow.condition.take().zip(condition);
                    arrow.condition = both.map(|(one, other)| format!("{one} or {other}"));
                    continue;
                }
                let (on, is_back) = (OutcomeSet::SUCCEEDED, target as usize <= index);
                self.arrows.push(Arrow { from, to, on, condition, is_back });
            }
        }
    }
}

/// Says where a child of a flow leaves it.
fn left(ways: Vec<(Next, Option<String>)>) -> Vec<String> {
    let word = |next| match next {
        Next::Exit => Some("leaves this block"),
        Next::End => Some("ends the run"),
        Next::Continue | Next::Goto(_) => None,
    };
    let said = ways.into_iter().filter_map(|(next, condition)| {
        let word = word(next)?;
        Some(condition.map_or_else(|| word.to_owned(), |condition| format!("{condition}: {word}")))
    });
    said.collect()
}

/// Says when the arrows into a child let it begin, unless all must.
fn joined(join: Join) -> Vec<String> {
    match join {
        Join::All => Vec::new(),
        Join::AllLive => vec!["join all_live".to_owned()],
        Join::First(1) => vec!["join any".to_owned()],
        Join::First(count) => vec![format!("join first({count})")],
    }
}

/// Says what a `for_each` goes through.
fn items(each: &Each) -> String {
    let source = match &each.source {
        Template::Literal(Value::Array(items)) => format!("{} items", items.len()),
        Template::Literal(Value::Object(items)) => format!("{} items", items.len()),
        Template::Literal(Value::Number(count)) => format!("{count} items"),
        source @ (Template::Literal(_)
        | Template::Expr(_)
        | Template::Text(_)
        | Template::List(_)
        | Template::Map(_)) => text(source),
    };
    let most = each.max_parallel.map(|most| format!(", {most} at a time")).unwrap_or_default();
    format!("{}{most}", line("each", &format!("{} of {source}", each.item)))
}

/// Says when a flow is done again.
fn repetition(node: &Node) -> Option<String> {
    let Body::Flow(flow) = &node.body else { return None };
    let rounds = flow.rounds.as_ref()?;
    let (word, expr): (_, &Expr) = match &rounds.condition {
        RoundCondition::While(expr) => ("while", expr),
        RoundCondition::Until(expr) => ("until", expr),
    };
    Some(format!("{}, at most {} times", line(word, &expr.source), rounds.most))
}

/// Says what a task does, beyond its kind.
fn does(node: &Node) -> String {
    let said = match &node.body {
        Body::Task(task) => ["script", "command"].iter().find_map(|key| field(&task.arguments, key)),
        Body::Timer(Timer::After(length)) => Some(text(length)),
        Body::Timer(Timer::Until(instant)) => Some(format!("until {}", text(instant))),
        Body::Call(call) => Some(call.workflow.as_str().to_owned()),
        Body::Await(body) => Some(match &body.kind {
            AwaitKind::Signal(name) => format!("signal {name}"),
            AwaitKind::Manual | AwaitKind::Approval | AwaitKind::Form | AwaitKind::Gate(_) => text(&body.ask),
        }),
        Body::Raise(_)
        | Body::Value(_)
        | Body::Choose(_)
        | Body::Flow(_)
        | Body::Graph(_)
        | Body::Each(_) => None,
    };
    shortened(&said.unwrap_or_default(), LINE_CHARACTERS_MAX)
}

/// Returns a field of what an executor is given, as text.
fn field(arguments: &Template, key: &str) -> Option<String> {
    match arguments {
        Template::Literal(value) => value.get(key).map(|value| text(&Template::Literal(value.clone()))),
        Template::Map(fields) => fields.iter().find(|(name, _)| name == key).map(|(_, field)| text(field)),
        Template::Expr(_) | Template::Text(_) | Template::List(_) => None,
    }
}

/// Shows a template as its author wrote it; one that is an expression without the signs around it, a list by its members, apart
/// by spaces.
fn text(template: &Template) -> String {
    let hole = |expr: &Expr| format!("${{{{ {} }}}}", expr.source.trim());
    match template {
        Template::Literal(Value::String(text)) => text.clone(),
        Template::Literal(Value::Array(items)) => {
            let words =
                items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned));
            words.collect::<Vec<_>>().join(" ")
        }
        Template::Literal(value) => value.to_string(),
        Template::Expr(expr) => expr.source.trim().to_owned(),
        Template::Text(parts) => {
            let part = |part: &Part| match part {
                Part::Text(text) => text.clone(),
                Part::Hole(expr) => hole(expr),
            };
            parts.iter().map(part).collect()
        }
        Template::List(items) => items.iter().map(text).collect::<Vec<_>>().join(" "),
        Template::Map(fields) => {
            fields.iter().map(|(name, field)| format!("{name}={}", text(field))).collect::<Vec<_>>().join(" ")
        }
    }
}

/// Builds a line of a box from a word and what follows it.
fn line(word: &str, rest: &str) -> String {
    shortened(&format!("{word} {rest}"), LINE_CHARACTERS_MAX)
}
