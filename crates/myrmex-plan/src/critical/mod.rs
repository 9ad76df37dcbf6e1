//! The critical path method: earliest and latest dates, floats, what drives each start, and what removing a task would gain.
//!
//! Two passes over the topological order (Kelley and Walker 1959), with the four kinds of link, lags and a calendar for each task and lag.
//! Capacity and people are not looked at here: these are the dates before anybody is assigned.

mod backward;
mod drag;
mod forward;
mod why;

pub use why::{Why, why};

use crate::calendar::{CalendarError, Calendars};
use crate::fit::Shape;
use crate::length;
use crate::network::{Cycle, End, Network, holder};
use crate::problem::{CalendarId, Fact, LinkKind, Moment, PersonId, PhaseId, PoolId, Problem, Span, TaskId};
use forward::Early;

/// What dates are computed from: a problem with what was made of it.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    /// The problem.
    pub problem: &'a Problem,
    /// Its links.
    pub network: &'a Network,
    /// Its calendars.
    pub calendars: &'a Calendars,
    /// How long each task lasts, in open time of its own calendar.
    pub lengths: &'a [Span],
}

/// The dates of all tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Critical {
    /// Of each task; none of one that was dropped, or that spans one that was.
    pub tasks: Vec<Option<Dates>>,
    /// When the last task ends at the earliest; the start of the problem if there is none.
    pub finish: Moment,
    /// The chain of drivers back from the task that ends last, in order of time; of several that end then, from the last of the topological
    /// order.
    pub path: Vec<TaskId>,
}

/// The dates of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dates {
    /// When it begins at the earliest.
    pub early_start: Moment,
    /// When it ends at the earliest.
    pub early_finish: Moment,
    /// By when it has begun if nothing is to be late.
    pub late_start: Moment,
    /// By when it has ended if nothing is to be late. Late is what ends after the earliest finish of all, or the deadline if that comes
    /// first, a task's `due` or its window.
    pub late_finish: Moment,
    /// How much later it may be until something is late, in open time of its own calendar; less than zero if something is late already.
    pub total_float: Span,
    /// How much later it may be until it moves another task or the finish of all, likewise.
    pub free_float: Span,
    /// What all would gain if it took no time, likewise; zero unless it is critical.
    pub drag: Span,
    /// Why it does not begin earlier.
    pub driver: Driver,
    /// Whether its total float is at most [`Problem::near`]. Never of what is finished or spans others.
    pub is_critical: bool,
}

/// Why a task does not begin earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Driver {
    /// Another task has to begin or end first.
    Predecessor {
        /// Which.
        task: TaskId,
        /// By which kind of link.
        kind: LinkKind,
    },
    /// Something that it needs is held by another task. Known only once capacity is looked at.
    Resource {
        /// What.
        resource: Resource,
        /// Which task gives it back last.
        task: TaskId,
    },
    /// Its calendar opens only then.
    Calendar(CalendarId),
    /// Somebody said so.
    Constraint(Constraint),
}

/// What a task may have to wait for beside other tasks' ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    /// Units of a pool.
    Pool(PoolId),
    /// A person.
    Person(PersonId),
    /// A place among the tasks of a phase that are under way.
    Phase(PhaseId),
}

/// What keeps a task from beginning earlier, though nothing else does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Constraint {
    /// The start of the problem.
    ProblemStart,
    /// Its own `start_after`.
    StartAfter,
    /// Its own `must_start`.
    MustStart,
    /// It has begun already.
    Fact,
}

/// Why there are no dates.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CriticalError {
    /// Tasks wait for each other.
    #[error(transparent)]
    Cycle(#[from] Cycle),
    /// A calendar means nothing.
    #[error(transparent)]
    Calendar(#[from] CalendarError),
    /// The open time does not reach.
    #[error("`{name}` does not fit into the open time of its calendar within a hundred years")]
    Beyond {
        /// The task.
        task: TaskId,
        /// Its name.
        name: String,
    },
}

/// A task has no place in the time for which calendars are compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Beyond(TaskId);

impl<'a> Setting<'a> {
    fn shape(&self, task: TaskId) -> Shape<'a> {
        let written = &self.problem.tasks[task.at()];
        Shape {
            open: self.calendars.of(written.calendar),
            split: written.split,
            length: self.lengths[task.at()],
        }
    }

    fn error(&self, beyond: Beyond) -> CriticalError {
        CriticalError::Beyond { task: beyond.0, name: self.problem.tasks[beyond.0.at()].name.clone() }
    }
}

/// Computes the dates of `problem` in its authors' modes.
///
/// # Errors
///
/// Returns [`CriticalError`] if it has none.
pub fn of_problem(problem: &Problem) -> Result<Critical, CriticalError> {
    let network = Network::new(problem)?;
    let lengths = length::of_first_modes(problem);
    with_calendars(problem, |calendars| {
        analyse(&Setting { problem, network: &network, calendars, lengths: &lengths })
    })
}

/// Calls `plan` with calendars that reach far enough, as [`Calendars::widen`] does.
///
/// # Errors
///
/// Returns what `plan` returned, or what is wrong with a calendar.
pub fn with_calendars<T>(
    problem: &Problem,
    plan: impl FnMut(&Calendars) -> Result<T, CriticalError>,
) -> Result<T, CriticalError> {
    Calendars::widen(problem, |error| matches!(error, CriticalError::Beyond { .. }), plan)
}

/// Computes the dates of all tasks, in time of the order of tasks and links, times the logarithm of the stretches of a calendar.
///
/// # Errors
///
/// Returns [`CriticalError::Beyond`] if a task lies outside of what the calendars are compiled for.
pub fn analyse(setting: &Setting<'_>) -> Result<Critical, CriticalError> {
    dates(setting).map_err(|beyond| setting.error(beyond))
}

fn dates(setting: &Setting<'_>) -> Result<Critical, Beyond> {
    let early = forward::pass(setting, None)?;
    let late = backward::pass(setting, &early, backward::Goal::Everything)?;
    let problem = setting.problem;
    let mut tasks: Vec<Option<Dates>> = Vec::with_capacity(problem.tasks.len());
    for task in (0..).map(TaskId).take(problem.tasks.len()) {
        let written = &problem.tasks[task.at()];
        tasks.push(match (written.fact, written.spans) {
            (Fact::Dropped, _) | (_, Some(_)) => None,
            (Fact::Open | Fact::Started { .. } | Fact::Finished { .. }, None) => {
                Some(of_task(setting, &early, &late, task)?)
            }
        });
    }
    let critical = |task: &TaskId| tasks[task.at()].is_some_and(|dates: Dates| dates.is_critical);
    let asked: Vec<TaskId> = setting.network.order().iter().copied().filter(critical).collect();
    for (task, drag) in drag::drags(setting, &early, late, &asked)? {
        if let Some(dates) = &mut tasks[task.at()] {
            dates.drag = drag;
        }
    }
    for task in (0..).map(TaskId).take(problem.tasks.len()) {
        if problem.tasks[task.at()].spans.is_some() && problem.tasks[task.at()].fact != Fact::Dropped {
            tasks[task.at()] = of_spanning(setting, &tasks, task)?;
        }
    }
    let path = chain(setting, &tasks, &early);
    Ok(Critical { tasks, finish: early.all, path })
}

fn of_task(
    setting: &Setting<'_>,
    early: &Early,
    late: &backward::Late,
    task: TaskId,
) -> Result<Dates, Beyond> {
    let written = &setting.problem.tasks[task.at()];
    let (early_start, early_finish) = (early.starts[task.at()], early.finishes[task.at()]);
    let late_start = late.starts[task.at()];
    let open = setting.calendars.of(written.calendar);
    let held = late.finishes[task.at()];
    let late_finish = if setting.lengths[task.at()] == Span(0) {
        held
    } else {
        // That it could be held until later, while it is closed, is of use to links alone.
        let worked = open.open_at_or_before(held).ok_or(Beyond(task))?;
        if worked < early_finish && early_finish <= held { early_finish } else { worked }
    };
    let (is_finished, float) = match written.fact {
        Fact::Open => (false, open.between(early_start, late_start)),
        Fact::Started { .. } => (false, open.between(early_finish, held)),
        Fact::Finished { .. } | Fact::Dropped => (true, Some(Span(0))),
    };
    let total_float = float.ok_or(Beyond(task))?;
    let free_float =
        if is_finished { Span(0) } else { backward::free_float(setting, early, task).ok_or(Beyond(task))? };
    Ok(Dates {
        early_start,
        early_finish,
        late_start,
        late_finish,
        total_float,
        free_float,
        drag: Span(0),
        driver: early.drivers[task.at()],
        is_critical: !is_finished && total_float <= setting.problem.near,
    })
}

/// Takes the dates of a task that spans others from those.
fn of_spanning(
    setting: &Setting<'_>,
    tasks: &[Option<Dates>],
    task: TaskId,
) -> Result<Option<Dates>, Beyond> {
    let end = |end| holder(setting.problem, task, end).expect("the network knows that spans form no circle");
    let (Some(first), Some(last)) = (end(End::Start), end(End::Finish)) else { return Ok(None) };
    let (Some(from), Some(to)) = (tasks[first.at()], tasks[last.at()]) else { return Ok(None) };
    let open = setting.calendars.of(setting.problem.tasks[task.at()].calendar);
    let (early_start, late_start) = (from.early_start, from.late_start);
    Ok(Some(Dates {
        early_start,
        early_finish: to.early_finish.max(early_start),
        late_start,
        late_finish: to.late_finish.max(late_start),
        total_float: open.between(early_start, late_start).ok_or(Beyond(task))?,
        free_float: Span(0),
        drag: Span(0),
        driver: Driver::Predecessor { task: first, kind: LinkKind::StartStart },
        is_critical: false,
    }))
}

/// Goes back from the task that ends last along what drives each start.
fn chain(setting: &Setting<'_>, tasks: &[Option<Dates>], early: &Early) -> Vec<TaskId> {
    let ends_last = |task: &&TaskId| {
        let is_own = setting.problem.tasks[task.at()].spans.is_none();
        is_own && tasks[task.at()].is_some_and(|dates| dates.early_finish == early.all)
    };
    let mut at = setting.network.order().iter().rev().find(ends_last).copied();
    let mut path = Vec::new();
    while let Some(task) = at {
        path.push(task);
        at = tasks[task.at()].and_then(|dates| match dates.driver {
            Driver::Predecessor { task, .. } | Driver::Resource { task, .. } => Some(task),
            Driver::Calendar(_) | Driver::Constraint(_) => None,
        });
    }
    path.reverse();
    path
}
