//! From a definition to a problem: what runs is what is planned.
//!
//! A leaf becomes a task; a block becomes two milestones, its inner tasks between them, and a task that spans them. Dates assume that
//! everything succeeds: the branch that is taken is the one known at plan time, else the likelier one, else the longest; handlers and
//! compensations are in no plan. What can only be told roughly is told in [`Lowered::notes`].
//!
//! It evaluates no expression and reads no file: what calls lead to and what was measured are handed in.

mod branch;
mod date;
mod leaf;
mod project;
mod rough;
mod scope;
mod time;

use std::collections::{BTreeMap, BTreeSet};

use myrmex_model::file::FileValue;
use myrmex_model::ir::{Body, Definition, NodeId};
use myrmex_model::name::Name;
use myrmex_model::planning::{Date, Extent, Planning};
use myrmex_model::value::Value;

use crate::calendar::CalendarError;
use crate::problem::{CalendarId, Moment, PoolId, Problem, Span, TaskId};

pub use time::{lag_due, may_begin};

/// The most tasks of a problem that is made of a definition: four nested blocks of items could make a hundred million.
pub const TASKS_MAX: usize = 200_000;

/// The most items of a `for_each`, in a plan as in a run.
pub const ITEMS_MAX: u64 = 1_000_000;

/// What a problem is made of.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The definition.
    pub definition: &'a Definition,
    /// The definitions that it calls, by name; a call of another one is planned as one task.
    pub called: &'a BTreeMap<Name, Definition>,
    /// What earlier runs of it took.
    pub measured: &'a Measured,
    /// Before this nothing begins. A project that says a later start begins then.
    pub start: Moment,
    /// How many tasks of machines run at a time; none if that is not bounded.
    pub slots: Option<u32>,
    /// What is taken instead of what files and history say.
    pub given: &'a Given,
}

/// What is taken instead of what files and history say: what is known of one run before it begins, and how things would be if they were
/// different. What names nothing changes nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given {
    /// When it begins.
    pub start: Option<Date>,
    /// When all should have ended.
    pub deadline: Option<Date>,
    /// How long tasks last, by their paths, whatever limits they have. A block, a call or a `for_each` that is named is planned as one task.
    pub lengths: BTreeMap<String, Extent>,
    /// The capacity of pools that have a name.
    pub pools: BTreeMap<String, u32>,
    /// How much of their time people give, in thousandths.
    pub people: BTreeMap<String, u32>,
    /// What a `for_each` goes over, by the path that it shares over items.
    pub items: BTreeMap<String, Items>,
    /// Which of its cases a `switch` takes, by the same.
    pub cases: BTreeMap<String, u32>,
    /// What is skipped, by the same.
    pub skipped: BTreeSet<String>,
}

/// What a `for_each` goes over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Items {
    /// So many, which are numbered.
    Count(u64),
    /// Those with these keys.
    Keys(Vec<String>),
}

impl Items {
    /// Returns what `value` gives to go over; none for what nobody goes over, and for a file, whose lines only a run counts.
    pub fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Array(items) => Some(Self::Count(items.len() as u64)),
            Value::Object(_) if FileValue::of(value).is_some() => None,
            Value::Object(items) => Some(Self::Keys(items.keys().cloned().collect())),
            Value::Number(count) => count.as_u64().map(Self::Count),
            Value::Null | Value::Bool(_) | Value::String(_) => None,
        }
    }

    fn count(&self) -> u64 {
        match self {
            Self::Count(count) => *count,
            Self::Keys(keys) => keys.len() as u64,
        }
    }
}

/// What earlier runs took, by the path that a task shares over items: `deploy[]/copy`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Measured {
    /// Lengths from first start to last end, in ascending order.
    pub lengths: BTreeMap<String, Vec<Span>>,
    /// How many items a `for_each` usually has.
    pub items: BTreeMap<String, u32>,
    /// How often a `repeat` or a flow with jumps back usually goes round.
    pub passes: BTreeMap<String, u32>,
    /// How often a `switch` took each of its cases, by their places.
    pub cases: BTreeMap<String, Vec<u64>>,
}

/// A problem that was made of a definition.
#[derive(Debug, Clone, PartialEq)]
pub struct Lowered {
    /// The problem. Its tasks are named by their paths, those of a block's ends `PATH:start` and `PATH:finish`.
    pub problem: Problem,
    /// What of it is only roughly so, each told once.
    pub notes: BTreeSet<Note>,
}

/// Something that a plan cannot tell exactly.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    /// The task, by the path that it shares over items; the name of the definition for all of it.
    pub path: String,
    /// What is rough about it.
    pub what: String,
}

/// Why there is no problem.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LowerError {
    /// A calendar means nothing.
    #[error(transparent)]
    Calendar(#[from] CalendarError),
    /// More than [`TASKS_MAX`] tasks.
    #[error("`{path}` makes more than {TASKS_MAX} tasks; give it an `estimate` to plan it as one")]
    Large {
        /// Where there were too many.
        path: String,
    },
    /// More than [`ITEMS_MAX`] items.
    #[error("`{path}` has {count} items; a `for_each` has at most {ITEMS_MAX}")]
    Items {
        /// The `for_each`.
        path: String,
        /// How many are written, measured or estimated.
        count: u64,
    },
    /// A name that means nothing in the definition. A checked one has none.
    #[error("`{path}` names `{name}`, which does not exist")]
    Unknown {
        /// Who names it.
        path: String,
        /// The name.
        name: Name,
    },
    /// An instant that no calendar knows.
    #[error("`{path}` has a date that does not exist")]
    Date {
        /// Where it stands.
        path: String,
    },
}

/// Makes the problem of a definition.
///
/// # Errors
///
/// Returns [`LowerError`] if it is too large or means nothing.
pub fn from_definition(asked: &Asked<'_>) -> Result<Lowered, LowerError> {
    let mut builder = project::begin(asked)?;
    let root = Around {
        definition: asked.definition,
        path: String::new(),
        shared: String::new(),
        times: 1,
        width: 1,
        held: Vec::new(),
        calling: vec![&asked.definition.name],
    };
    builder.scope(&root, asked.definition.root, None)?;
    builder.spans(asked.definition)?;
    project::end(&mut builder, asked)?;
    Ok(Lowered { problem: builder.problem, notes: builder.notes })
}

/// What is being built, with the places of what has a name.
struct Builder<'a> {
    asked: Asked<'a>,
    problem: Problem,
    notes: BTreeSet<Note>,
    names: Names,
    rough: rough::Rough,
    /// The ends of the nodes of the definition that was asked for, by name, outside of blocks.
    ends: BTreeMap<Name, Ends>,
}

/// Where in the problem things lie that the definition names.
#[derive(Default)]
struct Names {
    calendars: BTreeMap<Name, CalendarId>,
    pools: BTreeMap<String, PoolId>,
    slots: Option<PoolId>,
    /// The calendar of people's work.
    people: Option<CalendarId>,
    roles: BTreeMap<Name, crate::problem::RoleId>,
    budgets: BTreeMap<Name, crate::problem::BudgetId>,
    phases: BTreeMap<Name, crate::problem::PhaseId>,
    groups: BTreeMap<Name, crate::problem::GroupId>,
}

/// Where something is in the definition, and what that means for all within.
#[derive(Clone)]
struct Around<'a> {
    definition: &'a Definition,
    path: String,
    /// The path that it shares over items.
    shared: String,
    /// How often all within is done.
    times: u32,
    /// How many items are done side by side by what is planned as one task.
    width: u32,
    /// What is held as long as anything within is under way.
    held: Vec<(PoolId, u32)>,
    /// The workflows in which it is, one called by the other.
    calling: Vec<&'a Name>,
}

impl<'a> Around<'a> {
    /// Returns where the child `name` is.
    fn child(&self, name: &Name) -> Around<'a> {
        let join = |path: &str| if path.is_empty() { name.to_string() } else { format!("{path}/{name}") };
        Around { path: join(&self.path), shared: join(&self.shared), ..self.clone() }
    }

    /// Returns where all of a workflow is that is called here.
    fn calling(&self, called: &'a Definition) -> Around<'a> {
        let mut inside = Around { definition: called, ..self.clone() };
        inside.calling.push(&called.name);
        inside
    }

    /// Returns where the items `key` are, of which one path is told for all in what was measured.
    fn item(&self, key: &str) -> Around<'a> {
        Around { path: format!("{}[{key}]", self.path), shared: format!("{}[]", self.shared), ..self.clone() }
    }
}

/// The tasks with which something begins and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ends {
    start: TaskId,
    finish: TaskId,
}

impl Builder<'_> {
    /// Whether `node` is planned as one task, whatever is within it: somebody says how long all of it takes, or nothing is known within.
    fn is_leaf(&self, around: &Around<'_>, node: &myrmex_model::ir::Node) -> bool {
        if self.asked.given.lengths.contains_key(&around.path) {
            return true;
        }
        let estimate = planning(around.definition, node).and_then(|planning| planning.estimate.as_ref());
        let is_estimated = estimate.is_some_and(|estimate| estimate.amount.is_some());
        match &node.body {
            Body::Each(_) => false,
            Body::Graph(_) | Body::Flow(_) => is_estimated,
            Body::Call(call) => {
                let is_known = self.asked.called.contains_key(&call.workflow);
                is_estimated || call.is_detached || !is_known || around.calling.contains(&&call.workflow)
            }
            Body::Task(_)
            | Body::Value(_)
            | Body::Timer(_)
            | Body::Choose(_)
            | Body::Raise(_)
            | Body::Await(_) => true,
        }
    }

    fn push(&mut self, task: crate::problem::Task) -> Result<TaskId, LowerError> {
        if self.problem.tasks.len() >= TASKS_MAX {
            return Err(LowerError::Large { path: task.name });
        }
        self.problem.tasks.push(task);
        Ok(TaskId(u32::try_from(self.problem.tasks.len() - 1).expect("there are fewer than `TASKS_MAX`")))
    }

    fn note(&mut self, around: &Around<'_>, what: &str) {
        let path =
            if around.shared.is_empty() { around.definition.name.to_string() } else { around.shared.clone() };
        self.notes.insert(Note { path, what: what.to_owned() });
    }

    /// Gives the tasks that last as long as others their ends, once all of them are known.
    fn spans(&mut self, definition: &Definition) -> Result<(), LowerError> {
        for node in &definition.nodes {
            let Some(span) = planning(definition, node).and_then(|planning| planning.span.as_ref()) else {
                continue;
            };
            let find = |name: &Name| {
                let unknown = || LowerError::Unknown { path: node.name.to_string(), name: name.clone() };
                self.ends.get(name).copied().ok_or_else(unknown)
            };
            let (own, from, to) = (find(&node.name)?, find(&span.from)?, find(&span.to)?);
            self.problem.tasks[own.start.at()].spans = Some((from.start, to.finish));
        }
        Ok(())
    }
}

/// Returns what a plan reads of `node`. Of the body of a `for_each` that is what stands at the outer node, and means one item.
fn planning<'a>(definition: &'a Definition, node: &'a myrmex_model::ir::Node) -> Option<&'a Planning> {
    node.planning.as_deref().or_else(|| {
        let parent = definition.node(node.parent?);
        matches!(parent.body, Body::Each(_)).then_some(parent.planning.as_deref())?
    })
}

/// Returns the node at `id`.
fn node_of<'a>(around: &Around<'a>, id: NodeId) -> &'a myrmex_model::ir::Node {
    around.definition.node(id)
}
