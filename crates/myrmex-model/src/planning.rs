//! What a plan reads of a definition, by name: how long work takes, who does it, when it may lie, what it costs.
//!
//! None of it changes what a run does or gives; a definition without these facts can be planned too, with defaults. Everything
//! names what it means: indices are for [the plan](../../myrmex_plan/index.html) itself. What depends on a calendar is kept as
//! it was written, see [`Extent`] and [`Date`].

mod calendar;
mod date;
mod extent;
mod money;
mod project;

use std::collections::BTreeMap;

use crate::name::Name;

pub use calendar::{Calendar, Closure, Hours, MINUTES_OF_DAY};
pub use date::{Date, DateError, Day};
pub use extent::{DAY_MS, Extent, ExtentError};
pub use money::{Currency, Money, MoneyError, Price};
pub use project::{
    Defaults, Deliverable, Direction, Finances, Group, Impact, Period, Person, Phase, Pool, Project,
    Resources, Risk, RiskKind, RiskStatus, Role, Tolerances,
};

/// A part of a whole in millionths: a probability, a percentage. From 0 to 1,000,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Millionths(pub u32);

impl Millionths {
    /// All of it.
    pub const WHOLE: Self = Self(1_000_000);
}

/// Thousandths of a person: a thousand are all that one person has in an open hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Units(pub u32);

impl Units {
    /// All that one person has.
    pub const WHOLE: Self = Self(1_000);
}

/// What a plan reads of one node.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Planning {
    /// What kind of thing it is in a project.
    pub item: Item,
    /// What people call it, if not by its name.
    pub title: Option<String>,
    /// The phase that it belongs to.
    pub phase: Option<Name>,
    /// The summary task that it belongs to.
    pub summary: Option<Name>,
    /// How much there is to do; nothing if nobody said.
    pub estimate: Option<Estimate>,
    /// Who works on it from start to finish.
    pub crew: Vec<Ask>,
    /// What it uses up at its start: at least 1 of each.
    pub consumes: BTreeMap<Name, u32>,
    /// Other ways to do it, in the author's order. None if there is only one.
    pub modes: Vec<Mode>,
    /// When it may lie; hard.
    pub window: Window,
    /// When it should have ended; soft.
    pub due: Option<Date>,
    /// When work on it can proceed: while all of these are open. None for the usual: the project's for people's work, always
    /// for what machines do.
    pub calendars: Vec<Name>,
    /// What a pause of its calendars means; none for the usual of its kind of work.
    pub split: Option<Split>,
    /// Whether it may be interrupted for something more urgent.
    pub is_preemptible: bool,
    /// What it costs beside its people and pools.
    pub cost: Option<Cost>,
    /// How its value is earned; none for the usual of its kind of work.
    pub earn: Option<Earn>,
    /// If it lasts from the start of one task to the finish of another instead of by its own estimate.
    pub span: Option<Span>,
    /// How large it is for the limit of its phase.
    pub points: Option<u32>,
    /// Who answers for what of it.
    pub raci: Raci,
    /// Who answers for it, as written: `role:pm`, `group:board` or the name of a person.
    pub owner: Option<String>,
    /// What it makes.
    pub deliverable: Option<Name>,
    /// What it was called before.
    pub was: Option<Name>,
}

/// What a node is in a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Item {
    /// Work. So is every node of a workflow.
    #[default]
    Task,
    /// The end of all tasks that name it as their summary. Takes no time.
    Summary,
    /// The end of all tasks that name it as their phase, its exit gate opened. Takes no time.
    Phase,
    /// An instant that matters. Takes no time.
    Milestone,
    /// A decision about going on.
    Gate,
    /// The approval of a deliverable.
    Acceptance,
}

/// How much there is to do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Estimate {
    /// The amount; none if only what stands beside it is said.
    pub amount: Option<Amount>,
    /// How many items a `for_each` has, if that is not known otherwise; at least 1.
    pub items: Option<u32>,
    /// How often a `repeat` or a flow with jumps goes round; at least 1.
    pub passes: Option<u32>,
    /// How likely it is that this branch is taken.
    pub probability: Option<Millionths>,
    /// Which durations vary with it: a name in [`Project::correlations`].
    pub group: Option<Name>,
}

/// An amount of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// Time from first start to last end, whoever does it; retries included, waiting for a place not.
    Duration(Extent),
    /// Time of persons: with more of them it is shorter.
    Effort(Extent),
    /// Between the first and the last, most likely the one between.
    Spread(ThreePoint, Distribution),
    /// What was measured.
    History {
        /// Which quantile of the measured durations dates are computed with.
        quantile: Millionths,
        /// Below so many runs it counts as a guess; at least 1.
        runs_min: u32,
    },
}

/// Three lengths in ascending order, as far as that can be told without a calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThreePoint {
    /// If all goes well.
    pub optimistic: Extent,
    /// The most likely.
    pub likely: Extent,
    /// If much goes wrong.
    pub pessimistic: Extent,
}

/// How a duration is distributed between three points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Distribution {
    /// Beta-PERT.
    #[default]
    Pert,
    /// A triangle.
    Triangular,
    /// Evenly from the first to the last.
    Uniform,
}

/// People that a task asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// As what.
    pub role: Name,
    /// How many different ones, at least 1.
    pub count: u32,
    /// How much of each, at least 1.
    pub units: Units,
    /// The least skill: name and level.
    pub skills: BTreeMap<Name, u32>,
}

/// One way to do a task: what it says replaces what the task says.
#[derive(Debug, Clone, PartialEq)]
pub struct Mode {
    /// Its name.
    pub name: Name,
    /// How much there is to do this way.
    pub estimate: Option<Estimate>,
    /// Who works on it.
    pub crew: Option<Vec<Ask>>,
    /// What it holds of pools.
    pub pools: Option<BTreeMap<Name, u32>>,
    /// What it uses up.
    pub consumes: Option<BTreeMap<Name, u32>>,
}

/// When a task may lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Window {
    /// It begins here at the earliest.
    pub start_after: Option<Date>,
    /// It has ended here at the latest.
    pub finish_before: Option<Date>,
    /// It begins exactly here.
    pub must_start: Option<Date>,
}

/// What a pause of a task's calendars means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// Work pauses while closed and goes on after.
    Closed,
    /// It may pause for other work too.
    Any,
    /// All of it fits into one open stretch.
    Never,
}

/// What a task costs beside the time of its people and pools.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cost {
    /// Whatever happens.
    pub fixed: Option<Price>,
    /// At each start.
    pub per_use: Option<Price>,
    /// When `fixed` is spent.
    pub accrue: Accrue,
    /// The account it goes to.
    pub account: Option<Name>,
}

/// When a fixed cost is spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Accrue {
    /// Evenly over the task's open time.
    #[default]
    Linear,
    /// At its start.
    Start,
    /// At its finish.
    End,
}

/// How the value of a task is earned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Earn {
    /// All at its success.
    AtEnd,
    /// Half at its start, half at its success.
    Halves,
    /// As people report progress.
    Percent,
    /// As planned: work that only time earns.
    Effort,
    /// At steps on the way.
    Milestones(Vec<Step>),
    /// By pieces, of which there are so many.
    Units(u32),
    /// As another task earns its value.
    Apportioned(Name),
}

/// A step on the way of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its name.
    pub name: Name,
    /// Which part of the value it earns; those of one task add up to the whole.
    pub weight: Millionths,
    /// Where on the way it lies.
    pub at: Millionths,
}

/// From where to where a task lasts that has no duration of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// It begins with this task.
    pub from: Name,
    /// It ends with this task.
    pub to: Name,
}

/// Who answers for what of a task: roles, groups and people as written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Raci {
    /// Who does it.
    pub responsible: Vec<String>,
    /// The one who answers for it.
    pub accountable: Option<String>,
    /// Who is asked.
    pub consulted: Vec<String>,
    /// Who is told.
    pub informed: Vec<String>,
}
