//! From a definition to a problem: the graph that is run is the graph that is planned.
//!
//! What a run decides by values is decided here by what is expected: every task succeeds; of the branches of a `switch` the one is taken that past
//! runs took more often, else the longest; a flow goes forward and through each of its tasks once. Handlers and compensations are
//! in no plan. It reads nothing but what it is given.

mod dates;
mod expected;
mod resources;
mod scopes;
mod work;

use std::collections::BTreeMap;

use myrmex_model::ir::{Body, Definition, NodeId};
use myrmex_model::name::Name;
use myrmex_model::planning::{self, Item};
use myrmex_model::time::Length;

use crate::calendar::CalendarError;
use crate::problem::{CalendarId, Link, LinkKind, Moment, PoolId, Problem, Span, Task, TaskId};

/// What is known beside a definition.
#[derive(Clone, Copy)]
pub struct Known<'k> {
    /// When the plan begins if the definition does not say.
    pub start: Moment,
    /// How many attempts may run at a time; none if that is not to be bounded.
    pub places: Option<u32>,
    /// The definitions that it calls, and those that they call, with what was measured of them.
    pub called: &'k dyn Fn(&Name) -> Option<Called<'k>>,
    /// What was measured of its tasks.
    pub measured: &'k Measured,
}

/// A definition that is called, with what was measured of it.
#[derive(Clone, Copy)]
pub struct Called<'k> {
    /// The definition.
    pub definition: &'k Definition,
    /// What was measured of its tasks.
    pub measured: &'k Measured,
}

/// How long tasks took, by their paths without the keys of items (`deploy[]/copy`); each in ascending order.
pub type Measured = BTreeMap<String, Vec<Length>>;

/// Why a definition cannot be planned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LowerError {
    /// A calendar means nothing.
    #[error(transparent)]
    Calendar(#[from] CalendarError),
    /// A date does not exist in its time zone, or lies too far away.
    #[error("the date `{0}` cannot be placed on the calendar")]
    Date(String),
    /// More tasks than a plan can have.
    #[error("the plan would have more than {TASKS_MAX} tasks")]
    Large,
}

/// The most tasks of a plan: with more, nobody reads it, and its search takes minutes.
pub const TASKS_MAX: usize = 200_000;

/// How deep calls may be in each other: a workflow may call itself.
const CALLS_MAX: usize = 16;

/// The most items of a `for_each` that are planned one by one. More are planned in waves.
const ITEMS_MAX: u64 = 100;

/// Makes the problem that a definition is.
///
/// The tasks stand in the author's order; their names are the paths that a run would show. What begins or ends several tasks together is a
/// [joint](crate::problem::Kind::Joint), whose name no author can write.
///
/// # Errors
///
/// Returns [`LowerError`] if it means no time, or is too large.
pub fn lower<'k>(definition: &'k Definition, known: &'k Known<'k>) -> Result<Problem, LowerError> {
    let shared = resources::Shared::of(definition);
    let mut builder = Builder {
        source: Source { definition, measured: known.measured },
        known,
        problem: resources::empty(definition, known, &shared)?,
        shared,
        item_of: BTreeMap::new(),
        depth: 0,
    };
    let limits = builder.root_limits();
    builder.inside(definition.root, &Place { path: String::new(), shared: String::new(), limits })?;
    builder.settle(definition)?;
    Ok(builder.problem)
}

/// A definition with what was measured of it.
#[derive(Clone, Copy)]
struct Source<'k> {
    definition: &'k Definition,
    measured: &'k Measured,
}

/// Where in the plan something stands.
#[derive(Debug, Clone)]
struct Place {
    /// Its path, as a run would show it; empty for the root.
    path: String,
    /// The same without keys of items, as the history knows it.
    shared: String,
    /// What every piece of leaf work takes a unit of: limits of scopes around it.
    limits: Vec<PoolId>,
}

impl Place {
    fn inner(&self, name: &str) -> Self {
        let join =
            |around: &str| if around.is_empty() { name.to_owned() } else { format!("{around}/{name}") };
        Self { path: join(&self.path), shared: join(&self.shared), limits: self.limits.clone() }
    }
}

/// Where a part of the plan begins and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ends {
    first: TaskId,
    last: TaskId,
}

/// A problem that is being made.
struct Builder<'k> {
    source: Source<'k>,
    known: &'k Known<'k>,
    problem: Problem,
    shared: resources::Shared,
    /// The tasks of a project by the names of their nodes.
    item_of: BTreeMap<Name, Ends>,
    /// How many calls it is in.
    depth: usize,
}

impl<'k> Builder<'k> {
    fn push(&mut self, task: Task) -> Result<TaskId, LowerError> {
        let index = u32::try_from(self.problem.tasks.len()).map_err(|_| LowerError::Large)?;
        if self.problem.tasks.len() >= TASKS_MAX {
            return Err(LowerError::Large);
        }
        self.problem.tasks.push(task);
        Ok(TaskId(index))
    }

    /// Adds an instant at which several tasks begin or end.
    fn joint(&mut self, name: String) -> Result<TaskId, LowerError> {
        self.push(work::joint(name))
    }

    fn link(&mut self, from: TaskId, to: TaskId) {
        let link =
            Link { from, to, kind: LinkKind::FinishStart, lag: Span(0), calendar: crate::problem::ALWAYS };
        self.problem.links.push(link);
    }

    /// Puts a node with all in it into the plan; nothing of one that takes no part.
    fn node(&mut self, node: NodeId, place: &Place) -> Result<Ends, LowerError> {
        let definition = self.source.definition;
        let lowered = definition.node(node);
        let estimate = lowered.planning.as_deref().and_then(|facts| facts.estimate.as_ref());
        let is_one = estimate.is_some_and(|estimate| estimate.amount.is_some());
        match &lowered.body {
            Body::Each(each) => self.each(each, (node, is_one), place),
            Body::Graph(_) | Body::Flow(_) if !is_one => self.block(node, place),
            Body::Call(call) if !is_one && !call.is_detached => self.call(call, node, place),
            Body::Task(_)
            | Body::Value(_)
            | Body::Timer(_)
            | Body::Choose(_)
            | Body::Raise(_)
            | Body::Call(_)
            | Body::Await(_)
            | Body::Graph(_)
            | Body::Flow(_) => {
                let task = self.leaf(node, place)?;
                let task = self.push(task)?;
                Ok(Ends { first: task, last: task })
            }
        }
    }

    /// Puts a workflow that is called into the plan, or one bar for it if it is not known.
    fn call(
        &mut self,
        call: &myrmex_model::ir::Call,
        node: NodeId,
        place: &Place,
    ) -> Result<Ends, LowerError> {
        let called = (self.known.called)(&call.workflow).filter(|_| self.depth < CALLS_MAX);
        let Some(called) = called else {
            let task = self.leaf(node, place)?;
            let task = self.push(task)?;
            return Ok(Ends { first: task, last: task });
        };
        let around = self.source;
        self.source = Source { definition: called.definition, measured: called.measured };
        self.depth += 1;
        // The inner tasks are measured in runs of their own, in which they stand at the root.
        let inner = Place { shared: String::new(), ..place.clone() };
        let ends = self.inside(called.definition.root, &inner);
        self.depth -= 1;
        self.source = around;
        let ends = ends?;
        self.bar_over(node, place, ends)
    }

    /// Puts a block with its inner tasks into the plan, and a bar that lasts as long as they do.
    fn block(&mut self, node: NodeId, place: &Place) -> Result<Ends, LowerError> {
        let ends = self.inside(node, place)?;
        self.bar_over(node, place, ends)
    }

    fn bar_over(&mut self, node: NodeId, place: &Place, ends: Ends) -> Result<Ends, LowerError> {
        let mut bar = self.leaf(node, place)?;
        bar.spans = Some((ends.first, ends.last));
        for mode in &mut bar.modes {
            mode.pools.clear();
            mode.crew.clear();
        }
        self.push(bar)?;
        Ok(ends)
    }

    /// Puts what is inside a scope into the plan.
    fn inside(&mut self, node: NodeId, place: &Place) -> Result<Ends, LowerError> {
        let lowered = self.source.definition.node(node);
        match &lowered.body {
            Body::Graph(graph) => self.graph(graph, place),
            Body::Flow(flow) => {
                let passes = lowered.planning.as_deref().and_then(|facts| facts.estimate.as_ref()?.passes);
                self.flow(flow, passes.unwrap_or(1), place)
            }
            Body::Task(_)
            | Body::Value(_)
            | Body::Timer(_)
            | Body::Choose(_)
            | Body::Raise(_)
            | Body::Each(_)
            | Body::Call(_)
            | Body::Await(_) => self.node(node, place),
        }
    }

    /// Returns the pools that all leaf work of the root takes a unit of.
    fn root_limits(&mut self) -> Vec<PoolId> {
        let places = self.known.places;
        places.map(|places| self.limit("places of the worker".to_owned(), places)).into_iter().collect()
    }

    /// Adds a pool that bounds how much is under way.
    fn limit(&mut self, name: String, capacity: u32) -> PoolId {
        let index = u32::try_from(self.problem.pools.len()).unwrap_or(u32::MAX);
        self.problem.pools.push(crate::problem::Pool {
            name,
            capacity,
            calendar: crate::problem::ALWAYS,
            rate: None,
        });
        PoolId(index)
    }

    /// Fills in what names tasks that may stand further down: spans and risks.
    fn settle(&mut self, definition: &Definition) -> Result<(), LowerError> {
        for node in &definition.nodes {
            let Some(span) = node.planning.as_deref().and_then(|facts| facts.span.as_ref()) else { continue };
            let ends = [&node.name, &span.from, &span.to].map(|name| self.item_of.get(name).copied());
            if let [Some(own), Some(from), Some(to)] = ends {
                self.problem.tasks[own.first.at()].spans = Some((from.first, to.last));
            }
        }
        if let Some(project) = &definition.project {
            self.problem.risks = resources::risks(
                project,
                |name| self.item_of.get(name).map(|ends| ends.first),
                |extent, task| self.shared.span(extent, self.problem.tasks[task.at()].calendar),
            );
        }
        Ok(())
    }

    /// Returns the calendar in which a lag counts, and the lag in it.
    fn lag(&self, edge: &myrmex_model::ir::Edge, to: TaskId) -> (Span, CalendarId) {
        let own = self.problem.tasks[to.at()].calendar;
        let calendar = edge.calendar.as_ref().map_or(own, |name| self.shared.calendar(name));
        edge.lag.map_or((Span(0), crate::problem::ALWAYS), |lag| {
            let calendar = if lag.is_elapsed() { crate::problem::ALWAYS } else { calendar };
            (self.shared.span(lag, calendar), calendar)
        })
    }
}

/// Returns whether a node of a project takes no time of its own.
fn is_instant(item: Item) -> bool {
    match item {
        Item::Summary | Item::Phase | Item::Milestone => true,
        Item::Task | Item::Gate | Item::Acceptance => false,
    }
}

/// Returns the facts of a node that a plan reads; the usual ones if there are none.
fn facts(node: &myrmex_model::ir::Node) -> planning::Planning {
    node.planning.as_deref().cloned().unwrap_or_default()
}
