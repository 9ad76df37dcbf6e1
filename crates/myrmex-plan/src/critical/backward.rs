//! The backward pass: by when each task has to begin and end so that nothing is late.

use super::forward::Early;
use super::{Beyond, Setting};
use crate::network::{Arc, End};
use crate::problem::{Fact, Moment, Problem, Span, Task, TaskId, Window};

/// What must not be late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Goal {
    /// The finish of all, the deadline, what is due, windows.
    Everything,
    /// The finish of all alone.
    Finish,
}

/// The latest dates. Those of dropped and of spanning tasks mean nothing.
#[derive(Debug)]
pub(super) struct Late {
    pub(super) starts: Vec<Moment>,
    pub(super) finishes: Vec<Moment>,
}

/// Up to when a task must have begun, if anything says so, and ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) start: Option<Moment>,
    pub(super) finish: Moment,
}

/// Whether nothing can be late before the finish of all is.
pub(super) fn is_finish_alone(problem: &Problem, early: &Early) -> bool {
    let is_free = |task: &Task| {
        let Window { finish_before, must_start, .. } = task.window;
        task.due.is_none() && finish_before.is_none() && must_start.is_none()
    };
    problem.deadline.is_none_or(|deadline| deadline >= early.all) && problem.tasks.iter().all(is_free)
}

/// Computes the latest dates of all tasks.
pub(super) fn pass(setting: &Setting<'_>, early: &Early, goal: Goal) -> Result<Late, Beyond> {
    let mut late = Late { starts: early.starts.clone(), finishes: early.finishes.clone() };
    for task in setting.network.order().iter().copied().rev() {
        let written = &setting.problem.tasks[task.at()];
        if written.spans.is_some() {
            continue;
        }
        let (start, finish) = match written.fact {
            Fact::Dropped | Fact::Finished { .. } => continue,
            Fact::Started { at, .. } => {
                (at, bounds(setting, early, &late, goal, task).ok_or(Beyond(task))?.finish)
            }
            Fact::Open => {
                let Bounds { start, finish } =
                    bounds(setting, early, &late, goal, task).ok_or(Beyond(task))?;
                setting.shape(task).late(start, finish).ok_or(Beyond(task))?
            }
        };
        late.starts[task.at()] = start;
        late.finishes[task.at()] = finish;
    }
    Ok(late)
}

/// Returns up to when `task` must have begun and ended, by what follows it and by itself.
pub(super) fn bounds(
    setting: &Setting<'_>,
    early: &Early,
    late: &Late,
    goal: Goal,
    task: TaskId,
) -> Option<Bounds> {
    let mut bounds = own_bounds(setting, early, goal, task);
    for arc in setting.network.arcs_from(task) {
        if !arc.is_binding {
            continue;
        }
        let instant = departure(setting, arc, &late.starts, &late.finishes)?;
        match arc.kind.from_end() {
            End::Start => bounds.start = Some(bounds.start.map_or(instant, |bound| bound.min(instant))),
            End::Finish => bounds.finish = bounds.finish.min(instant),
        }
    }
    Some(bounds)
}

fn own_bounds(setting: &Setting<'_>, early: &Early, goal: Goal, task: TaskId) -> Bounds {
    match goal {
        Goal::Finish => Bounds { start: None, finish: early.all },
        Goal::Everything => {
            let problem = setting.problem;
            let Task { window, due, .. } = &problem.tasks[task.at()];
            let said = [problem.deadline, *due, window.finish_before].into_iter().flatten();
            Bounds { start: window.must_start, finish: said.fold(early.all, Moment::min) }
        }
    }
}

/// Returns up to when the predecessor of `arc` may begin or end if its successor lies as `starts` and `finishes` say.
fn departure(setting: &Setting<'_>, arc: &Arc, starts: &[Moment], finishes: &[Moment]) -> Option<Moment> {
    let instant = match arc.kind.to_end() {
        End::Start => starts[arc.to.at()],
        End::Finish => finishes[arc.to.at()],
    };
    if arc.lag == Span(0) {
        return Some(instant);
    }
    setting.calendars.of(arc.calendar).retreat(instant, arc.lag)
}

/// Returns how much later `task` may begin and end until it moves a task after it or the finish of all.
pub(super) fn free_float(setting: &Setting<'_>, early: &Early, task: TaskId) -> Option<Span> {
    let open = setting.calendars.of(setting.problem.tasks[task.at()].calendar);
    let (start, finish) = (early.starts[task.at()], early.finishes[task.at()]);
    let mut least = open.between(finish, early.all)?;
    for arc in setting.network.arcs_from(task) {
        if !arc.is_binding {
            continue;
        }
        let until = departure(setting, arc, &early.starts, &early.finishes)?;
        let float = match arc.kind.from_end() {
            End::Start => open.between(start, until)?,
            End::Finish => open.between(finish, until)?,
        };
        least = least.min(float);
    }
    Some(least.max(Span(0)))
}
