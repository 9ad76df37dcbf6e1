//! What a plan says: dates with reasons, the load of resources, what was proved, what may go wrong.
//!
//! An [`Outcome`] holds everything that people and scripts are shown. It is complete in itself: a renderer needs nothing beside it
//! and the [`Problem`](crate::problem::Problem) whose indices it uses.

use crate::chain::{Resource, ResourceArc};
use crate::problem::{Moment, PersonId, PoolId, Span, TaskId};

/// A plan, or why there is none.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// What is known about it.
    pub status: Status,
    /// When the first task begins.
    pub start: Moment,
    /// When the last task ends.
    pub finish: Moment,
    /// How long it would take if every task began as early as it can in this order; the same as the makespan unless tasks lie late.
    pub earliest: Span,
    /// No plan can be shorter than this.
    pub bound: Bound,
    /// How it was found.
    pub method: Method,
    /// The tasks, by their index in the problem.
    pub tasks: Vec<Planned>,
    /// The chain of drivers back from the last finish, links and calendars only, first to last: what decides without resources.
    pub critical_path: Vec<TaskId>,
    /// The same with resources: what decides in this plan.
    pub critical_chain: Vec<TaskId>,
    /// What a task waits for because another one has its resource.
    pub arcs: Vec<ResourceArc>,
    /// The load of pools and people.
    pub loads: Vec<Load>,
}

/// What is known about a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// None is shorter: it is as long as its bound.
    Optimal,
    /// It can be carried out; a shorter one may exist.
    Feasible,
}

impl Status {
    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Optimal => "optimal",
            Self::Feasible => "feasible",
        }
    }
}

/// A proved lower limit of the time from the start to the finish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// The limit.
    pub makespan: Span,
    /// What proves it.
    pub by: BoundBy,
}

/// What proves a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BoundBy {
    /// The length of the critical path, resources left aside.
    CriticalPath,
    /// The work that a pool has to do, spread over all it has.
    Energy(PoolId),
}

/// How a plan was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Method {
    /// What random choices were made from.
    pub seed: u64,
    /// How many candidates were looked at.
    pub candidates: u64,
}

/// A task in a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// The place of its mode in the problem's task.
    pub mode: usize,
    /// The earliest start, resources left aside.
    pub early_start: Moment,
    /// The earliest finish.
    pub early_finish: Moment,
    /// The latest start that moves neither the finish of the project nor, if there is one, its deadline.
    pub late_start: Moment,
    /// The latest finish.
    pub late_finish: Moment,
    /// When it begins.
    pub start: Moment,
    /// When it ends.
    pub finish: Moment,
    /// How much later it may begin without resources, in open time of its calendar; negative if the deadline is missed.
    pub total_float: Span,
    /// How much later it may end without moving what follows.
    pub free_float: Span,
    /// How much later it may begin in this plan, with what waits for its resources.
    pub float_resource: Span,
    /// When it ends at the latest if it begins that much later.
    pub latest: Moment,
    /// Whether its total float is not above the limit of the problem.
    pub is_critical: bool,
    /// Whether the same holds with resources.
    pub is_critical_resource: bool,
    /// How much sooner all would end if it took no time; zero for what is not critical.
    pub drag: Span,
    /// Why it does not begin earlier.
    pub driver: Driver,
    /// Who works on it, in thousandths of a whole person.
    pub crew: Vec<(PersonId, u32)>,
}

/// Why a task does not begin earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Driver {
    /// Nothing holds it: it begins with the project.
    Start,
    /// A task before it, by a link.
    Predecessor(TaskId),
    /// Another task has the resource until then.
    Resource(Resource, TaskId),
    /// Its calendar opens then.
    Calendar,
    /// Its window, or a start that was asked for.
    Constraint,
    /// It has begun already.
    Fact,
}

/// How much of a pool, a person or the limit of a phase is used, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Load {
    /// Of what.
    pub resource: Resource,
    /// How much there is: units of a pool, thousandths of a person.
    pub capacity: u64,
    /// The most that is used at a time in this plan.
    pub peak: u64,
    /// Use over capacity from the first start to the last finish of the plan, in millionths, whether it is open or not.
    pub utilisation_millionths: u64,
    /// From when on how much is used, in ascending order; it ends with zero.
    pub profile: Vec<(Moment, u64)>,
    /// Where the earliest dates would ask for more than there is.
    pub overloads: Vec<Overload>,
}

/// A stretch in which more is asked for than there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overload {
    /// Its begin.
    pub from: Moment,
    /// Its end.
    pub to: Moment,
    /// The most that is asked for in it.
    pub units: u64,
    /// Who asks.
    pub tasks: Vec<TaskId>,
}

impl Outcome {
    /// Returns how long it takes, in elapsed time.
    pub fn makespan(&self) -> Span {
        Span(self.finish.0 - self.start.0)
    }

    /// Returns how much longer it is than its bound at most, in millionths of the bound, were its tasks as early as they can be.
    pub fn gap_millionths(&self) -> u64 {
        let (length, bound) = (i128::from(self.earliest.0), i128::from(self.bound.makespan.0));
        if bound <= 0 {
            return 0;
        }
        u64::try_from((length - bound).max(0) * 1_000_000 / bound).unwrap_or(u64::MAX)
    }
}
