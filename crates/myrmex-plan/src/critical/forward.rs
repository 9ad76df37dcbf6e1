//! The forward pass: when each task begins and ends at the earliest, and why not earlier.

use super::{Beyond, Constraint, Driver, Setting};
use crate::network::{Arc, End};
use crate::problem::{Fact, Moment, Span, Task, TaskId};

/// The earliest dates. Those of dropped and of spanning tasks mean nothing.
#[derive(Debug)]
pub(super) struct Early {
    pub(super) starts: Vec<Moment>,
    pub(super) finishes: Vec<Moment>,
    pub(super) drivers: Vec<Driver>,
    /// When the last task ends.
    pub(super) all: Moment,
}

/// An instant with the reason for it.
type Bound = (Moment, Driver);

/// What bounds a task that has not begun.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) start: Bound,
    pub(super) finish: Option<Bound>,
}

/// Computes the earliest dates of all tasks. If `ended` names one, it ends at that instant, wherever it begins.
pub(super) fn pass(setting: &Setting<'_>, ended: Option<(TaskId, Moment)>) -> Result<Early, Beyond> {
    let (problem, count) = (setting.problem, setting.problem.tasks.len());
    let mut early = Early {
        starts: vec![problem.start; count],
        finishes: vec![problem.start; count],
        drivers: vec![Driver::Constraint(Constraint::ProblemStart); count],
        all: problem.start,
    };
    let mut last = None;
    for task in setting.network.order().iter().copied() {
        let written = &problem.tasks[task.at()];
        if written.fact == Fact::Dropped || written.spans.is_some() {
            continue;
        }
        let (start, mut finish, driver) = place(setting, &early, task, written).ok_or(Beyond(task))?;
        if let Some((_, instant)) = ended.filter(|ended| ended.0 == task) {
            finish = instant;
        }
        early.starts[task.at()] = start;
        early.finishes[task.at()] = finish;
        early.drivers[task.at()] = driver;
        last = last.max(Some(finish));
    }
    early.all = last.unwrap_or(problem.start);
    Ok(early)
}

fn place(
    setting: &Setting<'_>,
    early: &Early,
    task: TaskId,
    written: &Task,
) -> Option<(Moment, Moment, Driver)> {
    let fact = Driver::Constraint(Constraint::Fact);
    match written.fact {
        Fact::Finished { start, finish } => Some((start, finish, fact)),
        Fact::Started { at, left } => {
            let finish = finish_of_started(setting, task, at, left)?;
            let held = bounds(setting, early, task)?.finish;
            Some((at, held.map_or(finish, |(bound, _)| finish.max(bound)), fact))
        }
        Fact::Open | Fact::Dropped => {
            let Bounds { start, finish } = bounds(setting, early, task)?;
            let shape = setting.shape(task);
            let bound = finish.map(|(bound, _)| bound);
            let place = shape.early(start.0, bound)?;
            let driver = match finish {
                Some((_, driver)) if place != shape.early(start.0, None)? => driver,
                Some(_) | None if start.1 == PROBLEM_START && place.0 > start.0 => {
                    Driver::Calendar(written.calendar)
                }
                Some(_) | None => start.1,
            };
            Some((place.0, place.1, driver))
        }
    }
}

const PROBLEM_START: Driver = Driver::Constraint(Constraint::ProblemStart);

/// What began goes on, from now on at the earliest, whatever its links say.
pub(super) fn finish_of_started(
    setting: &Setting<'_>,
    task: TaskId,
    at: Moment,
    left: Option<Span>,
) -> Option<Moment> {
    let shape = setting.shape(task);
    let now = at.max(setting.problem.start);
    let left = match left {
        Some(left) => left,
        None => Span((shape.length.0 - shape.open.between(at, now)?.0).max(0)),
    };
    shape.open.advance(now, left)
}

/// Returns what bounds the start and the finish of `task`, by its links and by itself. Of several equal bounds the first link's counts, and
/// a link's before a constraint, so that chains of drivers reach as far back as they can.
pub(super) fn bounds(setting: &Setting<'_>, early: &Early, task: TaskId) -> Option<Bounds> {
    let mut start = own_bound(setting, task);
    let mut finish: Option<Bound> = None;
    for arc in setting.network.arcs_into(task) {
        let instant = arrival(setting, early, arc)?;
        let driver = Driver::Predecessor { task: arc.from, kind: arc.kind };
        match arc.kind.to_end() {
            End::Start => {
                let is_linked = matches!(start.1, Driver::Predecessor { .. });
                if instant > start.0 || (instant == start.0 && !is_linked) {
                    start = (instant, driver);
                }
            }
            End::Finish => {
                if finish.is_none_or(|(bound, _)| instant > bound) {
                    finish = Some((instant, driver));
                }
            }
        }
    }
    Some(Bounds { start, finish })
}

/// Returns what bounds the start of `task` beside its links.
pub(super) fn own_bound(setting: &Setting<'_>, task: TaskId) -> Bound {
    let window = setting.problem.tasks[task.at()].window;
    let mut bound = (setting.problem.start, PROBLEM_START);
    let said = [(window.start_after, Constraint::StartAfter), (window.must_start, Constraint::MustStart)];
    for (instant, constraint) in said {
        if let Some(instant) = instant.filter(|instant| *instant > bound.0) {
            bound = (instant, Driver::Constraint(constraint));
        }
    }
    bound
}

/// Returns the instant from which on `arc` lets its successor begin or end.
pub(super) fn arrival(setting: &Setting<'_>, early: &Early, arc: &Arc) -> Option<Moment> {
    let instant = match arc.kind.from_end() {
        End::Start => early.starts[arc.from.at()],
        End::Finish => early.finishes[arc.from.at()],
    };
    if arc.lag == Span(0) {
        return Some(instant);
    }
    setting.calendars.of(arc.calendar).advance(instant, arc.lag)
}
