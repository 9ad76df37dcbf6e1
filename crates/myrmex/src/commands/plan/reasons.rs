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
pub fn no_plan(problem: &Problem, error: &NoPlan) -> Failure {
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
    let names = reason.tasks.iter().map(|task| problem.tasks[task.at()].name.as_str());
    let mut names: Vec<String> = names.take(TASKS).map(str::to_owned).collect();
    if let Some(more) = reason.tasks.len().checked_sub(TASKS).filter(|more| *more > 0) {
        names.push(format!("{more} more"));
    }
    let resource = reason.resource.as_ref().map(|resource| format!(", {resource}")).unwrap_or_default();
    let measure = match (reason.need, reason.have) {
        (Some(need), Some(have)) => format!(": needs {need}, there is {have}"),
        (Some(need), None) => format!(": needs {need}"),
        (None, Some(have)) => format!(": there is {have}"),
        (None, None) => String::new(),
    };
    format!("{}: {}{resource}{measure}", reason.kind.as_str(), names.join(", "))
}
