//! What the plan of a project says to its run: how much working time a day is in the calendar of a task.

use std::collections::BTreeMap;

use myrmex_model::ir::Definition;
use myrmex_plan::lower::{Asked, Measured, from_definition};
use myrmex_plan::problem::{ALWAYS, Moment, Span};

use crate::exit::{Failure, FailureCode};

/// Returns how much open time `1d` is in the calendar of the task at `path`; 24 hours outside of a project.
///
/// # Errors
///
/// Returns [`Failure`] if the definition cannot be planned.
pub fn day_of(definition: &Definition, path: &str) -> Result<Span, Failure> {
    let (called, measured) = (BTreeMap::new(), Measured::default());
    let asked =
        Asked { definition, called: &called, measured: &measured, start: Moment::default(), slots: None };
    let lowered = from_definition(&asked).map_err(|error| Failure::from_error(FailureCode::Plan, &error))?;
    let problem = lowered.problem;
    let task = problem.tasks.iter().find(|task| task.name == path);
    let calendar = task.map_or(ALWAYS, |task| task.calendar);
    Ok(problem.calendars[calendar.at()].day)
}
