//! Why one task lies where it lies, and what would change that.

use super::{Critical, CriticalError, Dates, Setting, forward};
use crate::problem::{Fact, Moment, Span, TaskId};

/// What there is to say about one task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Why {
    /// Its dates, with the driver of its start.
    pub dates: Dates,
    /// How much earlier it ends in what `gain` tells: a day of its calendar, or all it lasts if that is less.
    pub earlier: Span,
    /// How much earlier all would end if it ended `earlier`, in elapsed time; zero where another task or a calendar then holds all up.
    pub gain: Span,
    /// How much later it would have to be to become critical, in open time of its calendar; none if it is critical.
    pub until_critical: Option<Span>,
}

/// Tells why `task` lies where `critical` says; nothing of a task that has ended, was dropped or spans others. Costs one pass over the
/// network.
///
/// # Errors
///
/// Returns [`CriticalError::Beyond`] if a task lies outside of what the calendars are compiled for.
pub fn why(setting: &Setting<'_>, critical: &Critical, task: TaskId) -> Result<Option<Why>, CriticalError> {
    let written = &setting.problem.tasks[task.at()];
    let is_over = matches!(written.fact, Fact::Finished { .. } | Fact::Dropped) || written.spans.is_some();
    let Some(dates) = critical.tasks[task.at()].filter(|_| !is_over) else { return Ok(None) };
    let beyond = || setting.error(super::Beyond(task));
    let open = setting.calendars.of(written.calendar);
    let lasts = open.between(dates.early_start, dates.early_finish).ok_or_else(beyond)?;
    let earlier = setting.problem.calendars[written.calendar.at()].day.min(lasts);
    let ended = open.retreat(dates.early_finish, earlier).ok_or_else(beyond)?;
    let moved = forward::pass(setting, Some((task, ended))).map_err(|beyond| setting.error(beyond))?;
    let Moment(finish) = critical.finish;
    Ok(Some(Why {
        dates,
        earlier,
        gain: Span(finish - moved.all.0),
        until_critical: (!dates.is_critical)
            .then(|| Span(dates.total_float.0.saturating_sub(setting.problem.near.0))),
    }))
}
