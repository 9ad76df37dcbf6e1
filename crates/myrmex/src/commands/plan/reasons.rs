//! Why there is no plan, in words.

use myrmex_plan::check::{self, Reason};
use myrmex_plan::make::NoPlan;
use myrmex_plan::problem::Problem;

use crate::exit::{Failure, FailureCode};

/// The most reasons that are told: what is behind more is most often one and the same.
const TOLD: usize = 10;

/// The most tasks that one reason names.
const TASKS: usize = 8;

/// Says why there is no plan: every reason that can be proved, else what the search found.
pub(super) fn no_plan(problem: &Problem, error: &NoPlan) -> Failure {
    let reasons = check::infeasible(problem).unwrap_or_default();
    let Some(first) = reasons.first() else { return Failure::from_error(FailureCode::Plan, error) };
    let mut failure = Failure::new(FailureCode::Plan, "there is no plan").with_hint(first.suggestion.clone());
    failure.causes = reasons.iter().take(TOLD).map(|reason| told(problem, reason)).collect();
    if reasons.len() > TOLD {
        failure.causes.push(format!("and {} more reasons", reasons.len() - TOLD));
    }
    failure
}

fn told(problem: &Problem, reason: &Reason) -> String {
    let mut names: Vec<&str> =
        reason.tasks.iter().map(|task| problem.tasks[task.at()].name.as_str()).collect();
    let more = names.len().saturating_sub(TASKS);
    names.truncate(TASKS);
    let mut told = format!("{}: {}", reason.kind.as_str(), names.join(", "));
    if more > 0 {
        told.push_str(&format!(" and {more} more"));
    }
    if let Some(resource) = &reason.resource {
        told.push_str(&format!(", {resource}"));
    }
    match (reason.need, reason.have) {
        (Some(need), Some(have)) => told.push_str(&format!(": needs {need}, there is {have}")),
        (Some(need), None) => told.push_str(&format!(": needs {need}")),
        (None, Some(have)) => told.push_str(&format!(": there is {have}")),
        (None, None) => {}
    }
    told
}
