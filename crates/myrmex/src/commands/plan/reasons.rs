//! Why there is no plan, in words.

use myrmex_plan::check::{self, Measure, Reason};
use myrmex_plan::make::NoPlan;
use myrmex_plan::problem::{Problem, TaskId};
use myrmex_plan::search::Infeasible;
use serde_json::{Map, Value, json};

use crate::exit::{Failure, FailureCode};
use crate::render::plan::json::ratio;
use crate::render::plan::shown::units;
use crate::render::plan::words::signed;

/// The most reasons that are told: what is behind more is most often one and the same.
const TOLD: usize = 10;

/// The most tasks that one reason names.
const TASKS: usize = 8;

/// Says why there is no plan: every reason that can be proved, else what the search found.
pub fn no_plan(problem: &Problem, error: &NoPlan) -> Failure {
    let reasons = check::infeasible(problem).unwrap_or_default();
    let Some(first) = reasons.first() else { return not_proved(problem, error) };
    let mut failure = Failure::new(FailureCode::Plan, "there is no plan").with_hint(first.suggestion.clone());
    failure.causes = reasons.iter().take(TOLD).map(|reason| told(problem, reason)).collect();
    if reasons.len() > TOLD {
        failure.causes.push(format!("and {} more reasons", reasons.len() - TOLD));
    }
    failure
}

/// Returns the reasons that can be proved as the document of what has no plan.
pub(super) fn infeasible(problem: &Problem) -> Map<String, Value> {
    let reasons = check::infeasible(problem).unwrap_or_default().into_iter().map(|reason| {
        let tasks = reason.tasks.iter().map(|task| problem.tasks[task.at()].name.as_str());
        json!({
            "kind": reason.kind.as_str(), "tasks": tasks.collect::<Vec<_>>(), "resource": reason.resource,
            "need": reason.need.map(measured), "have": reason.have.map(measured), "suggestion": reason.suggestion,
        })
    });
    let reasons: Vec<Value> = reasons.collect();
    let mut document = Map::new();
    document.insert("status".to_owned(), json!("infeasible"));
    document.insert("infeasible".to_owned(), json!({"reasons": reasons}));
    document
}

/// Returns a measure as JSON: a number of units, people in parts of one, milliseconds, or an instant.
fn measured(measure: Measure) -> Value {
    match measure {
        Measure::Count(count) => json!(count),
        Measure::People(thousandths) => ratio(thousandths.saturating_mul(1_000)),
        Measure::Instant(_) => json!(measure.to_string()),
        Measure::Time(span) => json!(span.0),
    }
}

/// Says what the search came to, and with which tasks.
fn not_proved(problem: &Problem, error: &NoPlan) -> Failure {
    let mut failure = Failure::from_error(FailureCode::Plan, error);
    let (what, tasks) = match error {
        NoPlan::Search(Infeasible::Place { tasks, .. }) => ("without a place", tasks),
        NoPlan::Search(Infeasible::Window { tasks, .. }) => ("too late for their windows", tasks),
        NoPlan::Search(Infeasible::Cycle(tasks)) => ("waiting for each other", tasks),
        NoPlan::Search(Infeasible::Calendar(_) | Infeasible::Modes { .. })
        | NoPlan::Cycle(_)
        | NoPlan::Dates(_)
        | NoPlan::Calendar(_)
        | NoPlan::Beyond(_)
        | NoPlan::Risk(_)
        | NoPlan::Cost(_) => return failure,
    };
    failure.causes.push(format!("{what}: {}", names(problem, tasks)));
    failure
}

/// Names the first few of some tasks.
fn names(problem: &Problem, tasks: &[TaskId]) -> String {
    let names = tasks.iter().map(|task| problem.tasks[task.at()].name.as_str());
    let mut names: Vec<String> = names.take(TASKS).map(str::to_owned).collect();
    if let Some(more) = tasks.len().checked_sub(TASKS).filter(|more| *more > 0) {
        names.push(format!("{more} more"));
    }
    names.join(", ")
}

fn told(problem: &Problem, reason: &Reason) -> String {
    let names = names(problem, &reason.tasks);
    let resource = reason.resource.as_ref().map(|resource| format!(", {resource}")).unwrap_or_default();
    let measure = match (reason.need.map(measure), reason.have.map(measure)) {
        (Some(need), Some(have)) => format!(": needs {need}, there is {have}"),
        (Some(need), None) => format!(": needs {need}"),
        (None, Some(have)) => format!(": there is {have}"),
        (None, None) => String::new(),
    };
    format!("{}: {names}{resource}{measure}", reason.kind.as_str())
}

/// Shows what is asked for, or there, in words.
fn measure(measure: Measure) -> String {
    match measure {
        Measure::Count(_) | Measure::Instant(_) => measure.to_string(),
        Measure::People(thousandths) => units(thousandths, 1_000),
        Measure::Time(span) => signed(span.0),
    }
}
