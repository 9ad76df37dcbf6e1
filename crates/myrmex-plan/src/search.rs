//! The search for a plan: good orders of tasks, found by rules first and then by breeding, within a number of candidates.
//!
//! A candidate is one complete set of dates that one pass of a generation makes. The budget counts candidates, never seconds, so the
//! same problem, seed and effort give the same plan on every machine. A search ends early if its plan ends at a proved bound.

mod draws;
mod genetic;
mod member;
mod operators;
mod rating;

use crate::bounds::Bound;
use crate::calendar::CalendarError;
use crate::instance::{CompileError, Instance};
use crate::placement::{Placed, Placement};
use crate::problem::{Direction, Fact, Moment, PersonId, Problem, Span, TaskId};

use member::Member;

/// How hard to search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    /// How many candidates at most; at least one is made.
    pub candidates: u64,
}

/// A plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where every task lies.
    pub placement: Placement,
    /// When the last one ends.
    pub finish: Moment,
    /// When the first one began and the last one ended before any was delayed: what the bound is for. In a plan whose tasks lie as early as
    /// possible that is where they lie.
    pub earliest: (Moment, Moment),
    /// How many candidates were made.
    pub candidates: u64,
    /// A proved limit of the finish.
    pub bound: Bound,
    /// Whether no plan can end earlier, because this one ends at the bound.
    pub is_optimal: bool,
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Infeasible {
    /// A calendar means nothing.
    #[error(transparent)]
    Calendar(#[from] CalendarError),
    /// These tasks wait for each other, or for some that do.
    #[error("{} tasks wait for each other", .0.len())]
    Cycle(Vec<TaskId>),
    /// No choice of modes was found for which the consumables suffice. That does not prove that there is none.
    #[error("no feasible mode assignment found within {candidates} candidates")]
    Modes {
        /// How many candidates were made.
        candidates: u64,
        /// By how many units the consumables do not suffice in the best of them.
        missing: u64,
    },
    /// Some tasks found no place: not enough of a resource at any time, nobody with the skill, no open time long enough.
    #[error("no place found for {} tasks within {candidates} candidates", .tasks.len())]
    Place {
        /// How many candidates were made.
        candidates: u64,
        /// The tasks, in the best candidate.
        tasks: Vec<TaskId>,
    },
    /// Every candidate misses a window.
    #[error("no plan found that keeps all windows within {candidates} candidates")]
    Window {
        /// How many candidates were made.
        candidates: u64,
        /// The tasks that are late, in the best candidate.
        tasks: Vec<TaskId>,
        /// By how much, all together.
        late: Span,
    },
}

/// How far calendars are made first: two years.
const HORIZON: Span = Span(2 * 366 * 86_400_000);

/// Each time that is not enough, they are made so many times as far.
const HORIZON_GROWTH: i64 = 6;

/// They are not made further than some seventy years: who needs more has no open time.
const HORIZON_MAX: Span = Span(2 * 36 * 366 * 86_400_000);

/// Finds a plan for `problem`.
///
/// Every plan that is returned keeps links, windows, calendars, capacity and consumables; it ends early rather than being proved
/// the earliest. Facts are not questioned: what has happened may have held more than there is.
///
/// # Errors
///
/// Returns [`Infeasible`] if no plan was found.
pub fn plan(problem: &Problem, effort: Effort, seed: u64) -> Result<Found, Infeasible> {
    let mut horizon = HORIZON;
    loop {
        let instance = Instance::compile(problem, horizon).map_err(|error| match error {
            CompileError::Calendar(error) => Infeasible::Calendar(error),
            CompileError::Cycle(tasks) => Infeasible::Cycle(tasks),
        })?;
        let mut search = genetic::Search::new(&instance, problem, effort.candidates.max(1), seed);
        search.construct();
        if search.best().fitness.stuck > 0 && horizon.0 < HORIZON_MAX.0 {
            horizon.0 *= HORIZON_GROWTH;
            continue;
        }
        search.breed();
        return search.finish(problem);
    }
}

impl genetic::Search<'_> {
    fn finish(mut self, problem: &Problem) -> Result<Found, Infeasible> {
        let (candidates, bound) = (self.used(), self.bound());
        refuse(self.best(), problem, candidates)?;
        let end = self.best().layout.end;
        let earliest = (started(problem, self.best().layout.start.iter().copied().map(Moment)), Moment(end));
        match problem.direction {
            Direction::Early => {}
            Direction::Late => self.delay_best(problem.deadline.map_or(end, |deadline| deadline.0.max(end))),
        }
        let best = self.best();
        let is_optimal = end <= bound.finish.0;
        Ok(Found {
            placement: placement(best),
            finish: Moment(best.layout.end),
            earliest,
            candidates,
            bound,
            is_optimal,
        })
    }
}

/// Returns when the first task that is not dropped begins.
pub(crate) fn started(problem: &Problem, starts: impl Iterator<Item = Moment>) -> Moment {
    let tasks = problem.tasks.iter().zip(starts).filter(|(task, _)| task.fact != Fact::Dropped);
    tasks.map(|(_, start)| start).min().unwrap_or(problem.start)
}

fn refuse(best: &Member, problem: &Problem, candidates: u64) -> Result<(), Infeasible> {
    let all = (0..).map(TaskId).take(problem.tasks.len());
    let fitness = best.fitness;
    if fitness.stuck > 0 {
        let tasks = best.layout.stuck.iter().copied().map(TaskId).collect();
        return Err(Infeasible::Place { candidates, tasks });
    }
    if fitness.late > 0 {
        let is_late = |task: &TaskId| {
            let limit = problem.tasks[task.at()].window.finish_before;
            limit.is_some_and(|limit| best.layout.finish[task.at()] > limit.0)
        };
        return Err(Infeasible::Window {
            candidates,
            tasks: all.filter(is_late).collect(),
            late: Span(fitness.late),
        });
    }
    if fitness.overflow > 0 {
        return Err(Infeasible::Modes { candidates, missing: fitness.overflow });
    }
    Ok(())
}

fn placement(best: &Member) -> Placement {
    let tasks = (0..best.layout.start.len()).map(|task| Placed {
        start: Moment(best.layout.start[task]),
        finish: Moment(best.layout.finish[task]),
        mode: best.modes[task] as usize,
        crew: best
            .layout
            .crew
            .get(task)
            .into_iter()
            .flatten()
            .map(|(p, units)| (PersonId(*p), *units))
            .collect(),
    });
    Placement { tasks: tasks.collect() }
}
