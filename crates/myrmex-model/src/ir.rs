//! The internal representation: what every front end lowers to, and the only form that machines know.
//!
//! A [`Definition`] is an arena of [`Node`]s under one root. A node is one lowered task: a guard, a body and a policy.
//! Two bodies are scopes that nest freely: a [`Graph`] has many tokens, edges and no cycles; a [`Flow`] has exactly one
//! token, an order and jumps. See `semantics.md` section 1 for the whole family of bodies; the enum here holds those
//! that the run machine carries out, so that the compiler points at every place a new one matters.

mod people;

use std::collections::BTreeMap;

use crate::OrderedMap;
use crate::demand::Asks;
use crate::event::HandlerKind;
use crate::name::{Name, Namespace};
use crate::outcome::OutcomeSet;
use crate::planning::{Extent, Planning, Project};
use crate::schema::Schema;
use crate::template::{Expr, Template};
use crate::time::Length;
use crate::value::Value;

pub use people::{Await, AwaitKind, CheckItem, Gate, GateDecision};

/// The most nodes of one definition. A larger graph belongs in a `for_each`.
pub const NODES_MAX: usize = 1_000_000;

/// A checked definition. It is pinned by the hash of its canonical form ([`crate::wire::definition`]).
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    /// The tenant.
    pub namespace: Namespace,
    /// The workflow's name.
    pub name: Name,
    /// The workflow's semantic version, if it has one.
    pub version: Option<String>,
    /// The inputs of a run, in the author's order.
    pub inputs: Vec<Input>,
    /// How many runs of it may be under way at a time; none if that is not bounded.
    pub concurrency: Option<Concurrency>,
    /// The pools that it declares, with how much there is of each, at least 1.
    pub pools: BTreeMap<Name, u32>,
    /// All nodes. A parent stands before its children.
    pub nodes: Vec<Node>,
    /// The root scope.
    pub root: NodeId,
    /// What a plan reads of it as a whole, if it is a project; none for a workflow.
    pub project: Option<Box<Project>>,
}

/// How many runs of a workflow may be under way at a time.
#[derive(Debug, Clone, PartialEq)]
pub struct Concurrency {
    /// What tells runs apart that do not wait for each other, from the inputs; none if all runs of the workflow do.
    pub key: Option<Template>,
    /// How many runs with one key there may be, at least 1.
    pub limit: u32,
    /// What becomes of a run for which there is no place.
    pub on_conflict: OnConflict,
}

/// What becomes of a run for which its [`Concurrency`] leaves no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnConflict {
    /// It waits.
    #[default]
    Queue,
    /// It is skipped.
    Skip,
    /// It waits for those that came before it, which are cancelled.
    Cancel,
}

/// The place of a node in [`Definition::nodes`]. Means nothing outside one definition and is never journalled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u32);

/// An input of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// Its name.
    pub name: Name,
    /// What its value must be.
    pub schema: Schema,
    /// The value if none is given; without it the input is required, unless `is_optional`.
    pub default: Option<Value>,
    /// Whether an input that is not given and has no default is null instead of an error.
    pub is_optional: bool,
}

/// One lowered task.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Its name, unique within its scope. The body of an [`Each`] bears the name of the `for_each`.
    pub name: Name,
    /// The node whose scope or items it belongs to; none for the root.
    pub parent: Option<NodeId>,
    /// If it is false, the task is skipped.
    pub guard: Option<Expr>,
    /// What it does.
    pub body: Body,
    /// How it is carried out.
    pub policy: Policy,
    /// What it gives.
    pub outputs: Outputs,
    /// What follows its body; none if its end is the end.
    pub handling: Option<Box<Handling>>,
    /// What `inputs` means inside it; none if the same as outside. Of scopes only: an action that was inlined.
    pub binding: Option<Box<Binding>>,
    /// What a plan reads of it; none if nobody said anything. Of a `for_each` it stands at the outer node and means one item.
    pub planning: Option<Box<Planning>>,
}

/// Inputs of a scope of its own: evaluated and checked once, when the scope is first entered.
#[derive(Debug, Clone, PartialEq)]
pub struct Binding {
    /// The values, as one object.
    pub values: Template,
    /// What they must be.
    pub inputs: Vec<Input>,
}

/// What follows the body of a node that began: who catches its error, what a failure and every end bring about.
///
/// Order: the body with all its attempts; of `catches` the first that fits a failure; `on_failure` if a failure stands
/// (not after a cancel); `finally` in any case, a cancel included. See `docs/decisions/0006-handling.md`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Handling {
    /// Asked in order after a failure. The one that is taken ends it: its own outcome becomes that of the node.
    pub catches: Vec<Catch>,
    /// Runs after a failure that stands. Its own failure changes nothing.
    pub on_failure: Option<NodeId>,
    /// Runs last, shielded from a cancel of what is around it. Its failure is the node's, unless the node failed anyway.
    pub finally: Option<NodeId>,
    /// Whether a failure that stands ends the node `succeeded`, with the error still readable and the output null.
    pub continues: bool,
}

impl Handling {
    /// Returns the node of the handler `kind`, if there is one.
    pub fn node(&self, kind: HandlerKind) -> Option<NodeId> {
        match kind {
            HandlerKind::Catch(index) => self.catches.get(index as usize).map(|catch| catch.body),
            HandlerKind::OnFailure => self.on_failure,
            HandlerKind::Finally => self.finally,
        }
    }

    /// Returns the handlers with their nodes, in the order in which they come into question.
    pub fn handlers(&self) -> impl Iterator<Item = (HandlerKind, NodeId)> {
        let catches = (0..).zip(&self.catches).map(|(index, catch)| (HandlerKind::Catch(index), catch.body));
        let others = [(HandlerKind::OnFailure, self.on_failure), (HandlerKind::Finally, self.finally)];
        catches.chain(others.into_iter().filter_map(|(kind, node)| Some((kind, node?))))
    }
}

/// A handler of errors.
#[derive(Debug, Clone, PartialEq)]
pub struct Catch {
    /// The kinds of error it is for, as [`crate::fault::FaultKind::as_str`] gives them; empty for all.
    pub kinds: Vec<String>,
    /// The statuses it is for; empty for all.
    pub statuses: Vec<u16>,
    /// If it is false for an error, the next handler is asked.
    pub when: Option<Expr>,
    /// How often the body of the node is repeated first. It counts for itself, apart from the node's own retries.
    pub retry: Option<Retry>,
    /// What it does.
    pub body: NodeId,
}

/// What a node does.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// Leaf work of an executor.
    Task(Task),
    /// Computes a value; the output of the node.
    Value(Template),
    /// Waits until an instant.
    Timer(Timer),
    /// Chooses the first case that holds.
    Choose(Choose),
    /// Raises an error.
    Raise(Template),
    /// A scope with one token.
    Flow(Flow),
    /// A scope with many tokens.
    Graph(Graph),
    /// Many instances of one node.
    Each(Each),
    /// A run of another workflow.
    Call(Call),
    /// Waits for people, or for a message.
    Await(Box<Await>),
}

/// A run of another workflow, as a child of this one.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The workflow.
    pub workflow: Name,
    /// Its inputs, as one object.
    pub inputs: Template,
    /// Whether the node ends as soon as the child has begun; its output is then the child's id.
    pub is_detached: bool,
}

/// Leaf work.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// The kind of executor, such as `process`. The run machine does not know what it does.
    pub executor: Name,
    /// What the executor is given, evaluated once before the first attempt.
    pub arguments: Template,
}

/// When a timer fires.
#[derive(Debug, Clone, PartialEq)]
pub enum Timer {
    /// So long after it was armed: text such as `1h30m`.
    After(Template),
    /// At this instant: text of RFC 3339.
    Until(Template),
}

/// Conditional routing: the first case that holds is taken; if none does, the task fails.
#[derive(Debug, Clone, PartialEq)]
pub struct Choose {
    /// The cases in order.
    pub cases: Vec<Case>,
}

/// One case of a [`Choose`].
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// The condition; none for `else`.
    pub when: Option<Expr>,
    /// Where a flow goes on. In a graph it is [`Next::Continue`] and edges name the case instead.
    pub next: Next,
}

/// Where the token of a flow goes after a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// To the child after it, or out at the end.
    Continue,
    /// Out of this flow, which succeeds.
    Exit,
    /// To the end of the run, which succeeds.
    End,
    /// To the child at this index.
    Goto(u32),
}

/// A scope with exactly one token.
#[derive(Debug, Clone, PartialEq)]
pub struct Flow {
    /// The children in order.
    pub children: Vec<FlowChild>,
    /// If there is one, the token goes back to the first child after the last.
    pub rounds: Option<Rounds>,
    by_name: OrderedMap<Name, u32>,
}

/// How often a flow goes round. `exit` ends it; a round that is asked for beyond `most` is an error.
#[derive(Debug, Clone, PartialEq)]
pub struct Rounds {
    /// What decides about another round.
    pub condition: RoundCondition,
    /// The most rounds.
    pub most: u32,
}

/// What decides about another round of a flow.
#[derive(Debug, Clone, PartialEq)]
pub enum RoundCondition {
    /// Asked before each round: false ends the flow.
    While(Expr),
    /// Asked after each round: true ends the flow.
    Until(Expr),
}

/// A child of a [`Flow`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlowChild {
    /// The child.
    pub node: NodeId,
    /// Where the token goes after it succeeded.
    pub next: Next,
}

impl Flow {
    /// Builds a flow; `names` are those of the children, in order.
    pub fn new(children: Vec<FlowChild>, names: impl IntoIterator<Item = Name>) -> Self {
        let by_name = (0..).zip(names).map(|(index, name)| (name, index)).collect();
        Self { children, rounds: None, by_name }
    }

    /// Returns the index of the child `name`.
    pub fn child_index(&self, name: &str) -> Option<u32> {
        self.by_name.get(name).copied()
    }
}

/// A scope with many tokens and no cycles.
#[derive(Debug, Clone, PartialEq)]
pub struct Graph {
    /// The children.
    pub children: Vec<GraphChild>,
    /// The edges, sorted by the child they leave.
    edges: Vec<Edge>,
    /// For each child, where its edges begin in `edges`; one more entry closes the last.
    out_start: Vec<u32>,
    /// For each child, how many edges hold back its begin.
    in_count: Vec<u32>,
    /// How many edges hold back the end of each child that has such.
    end_count: OrderedMap<u32, u32>,
    /// For each child with [`Late::Cancel`] the children that its edges leave.
    late_sources: OrderedMap<u32, Vec<u32>>,
    by_name: OrderedMap<Name, u32>,
    /// The most children under way at a time.
    pub max_parallel: Option<u32>,
    /// Whether the first failure cancels the other children.
    pub fail_fast: bool,
    /// When enough of it has succeeded.
    pub complete: Complete,
}

/// When enough children of a graph, or items of a [`Each`], have succeeded, and what then becomes of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Complete {
    /// Every one has to end.
    #[default]
    All,
    /// So many successes are enough; fewer, once all have ended, is a failure.
    First {
        /// How many, at least one.
        count: u32,
        /// What becomes of those that have not ended.
        rest: Rest,
    },
}

/// What becomes of the rest of a scope that is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rest {
    /// It is cancelled.
    #[default]
    Cancel,
    /// What runs goes on to its end, nothing else begins. The scope ends with it; failures do not count any more.
    Ignore,
    /// All of it runs to its end. The scope ends with it; failures do not count any more.
    Run,
}

/// A child of a [`Graph`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GraphChild {
    /// The child.
    pub node: NodeId,
    /// When its incoming edges let it begin.
    pub join: Join,
    /// What becomes of the children before it that have not ended when it begins.
    pub late: Late,
}

/// What becomes of those that arrive at a [`Join::First`] after it let its child begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Late {
    /// Their arrival changes nothing.
    #[default]
    Ignore,
    /// They are cancelled, unless another child that has not begun needs them too.
    Cancel,
}

/// When a child's incoming edges let it begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Join {
    /// Every edge is true; skipped as soon as one is false.
    All,
    /// Every edge is decided and at least one is true; skipped if all are false.
    AllLive,
    /// So many edges are true; skipped when fewer can still be. `First(1)` is `any`. Later arrivals are ignored.
    First(u32),
}

/// A dependency between two children of a graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// The child it leaves.
    pub from: u32,
    /// The child it enters.
    pub to: u32,
    /// Which outcomes of `from` make it true.
    pub on: OutcomeSet,
    /// If not empty, `from` is a [`Choose`] that must have taken one of these cases.
    pub cases: Vec<u32>,
    /// Which end of `to` it holds back until it is true.
    pub holds: Holds,
    /// How long after the outcome the edge becomes true; below zero it does so before, which only a forecast can tell.
    pub lag: Option<Extent>,
    /// The calendar in whose working time `lag` counts if it is not elapsed time; none for that of `to`.
    pub calendar: Option<Name>,
}

/// Which end of a task an [`Edge`] holds back. With what it asks for ([`Edge::on`]: an outcome, or that the task before has
/// started) these are the four links of plans: finish or start to start or finish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Holds {
    /// It cannot begin before.
    #[default]
    Begin,
    /// It cannot succeed before. What people do can be done before, and is held until then; what takes no time, or is done by
    /// machines, does not begin before.
    End,
}

impl Edge {
    /// Builds an edge that asks for `on` and nothing else.
    pub fn new(from: u32, to: u32, on: OutcomeSet) -> Self {
        Self { from, to, on, cases: Vec::new(), holds: Holds::Begin, lag: None, calendar: None }
    }

    /// Whether a run waits after the outcome until the edge is true. A lead waits for nothing: only a forecast can tell it.
    pub fn has_lag(&self) -> bool {
        self.lag.is_some_and(|lag| !lag.is_lead() && !lag.is_zero())
    }

    /// Returns how long a run waits after the outcome if the lag is elapsed time; nothing without a lag, for a lead, and for
    /// working time, whose end only its calendar tells.
    pub fn elapsed_lag(&self) -> Option<Length> {
        let lag = self.lag.filter(|lag| lag.is_elapsed() && self.has_lag())?;
        u64::try_from(lag.millis(0)).ok().map(Length)
    }
}

/// An edge that names a child which does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("edge {from} -> {to} leaves a graph of {children} children")]
pub struct EdgeError {
    /// The child the edge leaves.
    pub from: u32,
    /// The child the edge enters.
    pub to: u32,
    /// How many children there are.
    pub children: usize,
}

impl Graph {
    /// Builds a graph; `names` are those of the children, in order. Acyclicity is the front end's duty.
    ///
    /// # Errors
    ///
    /// Returns [`EdgeError`] if an edge names a child that does not exist.
    pub fn new(
        children: Vec<GraphChild>,
        mut edges: Vec<Edge>,
        names: impl IntoIterator<Item = Name>,
    ) -> Result<Self, EdgeError> {
        let count = children.len();
        edges.sort_by_key(|edge| (edge.from, edge.to));
        let (mut in_count, mut out_start) = (vec![0; count], vec![0; count + 1]);
        let mut end_count = OrderedMap::default();
        for edge in &edges {
            let (from, to) = (edge.from as usize, edge.to as usize);
            if from >= count || to >= count {
                return Err(EdgeError { from: edge.from, to: edge.to, children: count });
            }
            match edge.holds {
                Holds::Begin => in_count[to] += 1,
                Holds::End => *end_count.entry(edge.to).or_insert(0) += 1,
            }
            out_start[from + 1] += 1;
        }
        for index in 0..count {
            out_start[index + 1] += out_start[index];
        }
        let by_name = (0..).zip(names).map(|(index, name)| (name, index)).collect();
        let mut late_sources: OrderedMap<u32, Vec<u32>> = (0..)
            .zip(&children)
            .filter(|(_, child)| child.late == Late::Cancel)
            .map(|(index, _)| (index, Vec::new()))
            .collect();
        if !late_sources.is_empty() {
            for edge in &edges {
                if let Some(sources) = late_sources.get_mut(&edge.to)
                    && sources.last() != Some(&edge.from)
                {
                    sources.push(edge.from);
                }
            }
        }
        Ok(Self {
            children,
            edges,
            out_start,
            in_count,
            end_count,
            late_sources,
            by_name,
            max_parallel: None,
            fail_fast: false,
            complete: Complete::All,
        })
    }

    /// Returns the edges that leave `child`.
    pub fn edges_from(&self, child: u32) -> &[Edge] {
        &self.edges[self.edge_range(child)]
    }

    /// Returns where the edges that leave `child` stand in [`Graph::edges`].
    pub fn edge_range(&self, child: u32) -> std::ops::Range<usize> {
        let child = child as usize;
        self.out_start[child] as usize..self.out_start[child + 1] as usize
    }

    /// Returns all edges, sorted by the child they leave.
    pub fn edges(&self) -> &[Edge] {
        &self.edges
    }

    /// Returns how many edges hold back the begin of `child`.
    pub fn in_count(&self, child: u32) -> u32 {
        self.in_count[child as usize]
    }

    /// Returns the children whose ends edges hold back, each with how many that are.
    pub fn held_ends(&self) -> impl Iterator<Item = (u32, u32)> {
        self.end_count.iter().map(|(child, count)| (*child, *count))
    }

    /// Returns the children before `child` that are cancelled when it begins, each once; none without [`Late::Cancel`].
    pub fn late_sources(&self, child: u32) -> &[u32] {
        self.late_sources.get(&child).map_or(&[], Vec::as_slice)
    }

    /// Returns the index of the child `name`.
    pub fn child_index(&self, name: &str) -> Option<u32> {
        self.by_name.get(name).copied()
    }
}

/// Many instances of one node, keyed by the index in a list or the key in a map.
#[derive(Debug, Clone, PartialEq)]
pub struct Each {
    /// A list, a map, a number n for 0 … n-1, or a file for its lines.
    pub source: Template,
    /// The name under which the body sees its item.
    pub item: Name,
    /// The most items under way at a time.
    pub max_parallel: Option<u32>,
    /// Whether the first failure cancels the other items; with `tolerance` the first that is not tolerated.
    pub fail_fast: bool,
    /// When enough items have succeeded.
    pub complete: Complete,
    /// How many items must succeed for the whole to succeed; none if all of them must.
    pub tolerance: Option<Tolerance>,
    /// What is done with each item.
    pub body: NodeId,
}

/// How many items of a [`Each`] must succeed. Skipped items count as neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tolerance {
    /// At least so many.
    Count(u32),
    /// At least this part of all, in percent, from 0 to 100; a part of an item counts as a whole one.
    Percent(u8),
}

/// How a node is carried out.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Policy {
    /// What happens after a failed attempt; of a scope: after the scope failed, all of which is then done again.
    pub retry: Option<Retry>,
    /// The longest time one attempt may run: of a leaf task on the worker's monotonic clock, of a scope and of a
    /// [`Call`] in wall-clock time from when it is entered.
    pub attempt_timeout: Option<Length>,
    /// The longest time an attempt may wait for a place. Of leaf tasks only.
    pub queue_timeout: Option<Length>,
    /// The longest time in which one attempt gives no sign of life, on the worker's monotonic clock. Of leaf tasks only.
    pub heartbeat_timeout: Option<Length>,
    /// The longest time from the beginning to the end, all attempts and pauses together. Of the root: its deadline.
    pub total_timeout: Option<Length>,
    /// What an attempt whose end is unknown means.
    pub repetition: Repetition,
    /// What it asks for beside a place, and how urgent it is; none for nothing but a place.
    pub asks: Option<Box<Asks>>,
}

/// What may be done about an attempt of unknown outcome: lost in a crash, out of time, cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Repetition {
    /// Another attempt does no harm (`effect: pure` and `idempotent`).
    #[default]
    Harmless,
    /// Nothing may repeat it (`effect: once`): the task fails and says so.
    Forbidden,
}

/// When and how often a failed attempt is followed by another.
#[derive(Debug, Clone, PartialEq)]
pub struct Retry {
    /// How many attempts may follow the first.
    pub retries: u32,
    /// The pause before the first of them.
    pub delay: Length,
    /// How the pause grows.
    pub backoff: Backoff,
    /// The longest pause.
    pub delay_max: Option<Length>,
    /// Whether the pause is drawn from zero to its computed length.
    pub has_jitter: bool,
    /// If it is false for an error, that error is not retried.
    pub when: Option<Expr>,
}

/// How the pause before retry n (from 1) grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backoff {
    /// Always `delay`.
    Constant,
    /// `delay * n`.
    Linear,
    /// `delay * 2^(n-1)`.
    Exponential,
}

/// What a node gives.
#[derive(Debug, Clone, PartialEq)]
pub enum Outputs {
    /// Whatever its body gives; of a scope: null.
    Raw,
    /// These fields, checked; of a task.
    Declared(Vec<OutputField>),
    /// The value of this, seen from inside the scope; of a block or the root.
    Computed(Template),
    /// Whatever the last child of a flow that succeeded gave; null if none did.
    Last,
}

/// A declared output.
#[derive(Debug, Clone, PartialEq)]
pub struct OutputField {
    /// Its name.
    pub name: Name,
    /// What its value must be.
    pub schema: Schema,
    /// Whether an output that is not given is null instead of an error.
    pub is_optional: bool,
}

impl Definition {
    /// Returns how many tasks people see in it: every node but the root and the bodies of `for_each`.
    pub fn task_count(&self) -> usize {
        let is_task =
            |node: &&Node| node.parent.is_some_and(|parent| !matches!(self.node(parent).body, Body::Each(_)));
        self.nodes.iter().filter(is_task).count()
    }

    /// Returns the node at `id`.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }
}
