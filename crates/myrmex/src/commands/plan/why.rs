//! `--why TASK`: why one task lies where it lies, and what would change that.

use myrmex_lang::nearest;
use myrmex_plan::critical::Why;
use myrmex_plan::make::{Plan, why};
use myrmex_plan::problem::{Fact, Kind, Problem, TaskId};
use serde_json::{Value, json};

use super::reasons::no_plan;
use crate::exit::{Failure, FailureCode};
use crate::render::plan::shown::View;

/// Finds a task by its path.
///
/// # Errors
///
/// Returns [`Failure`] if there is none, naming those that are written alike.
pub(super) fn find(problem: &Problem, path: &str) -> Result<TaskId, Failure> {
    let seen = || (0..).map(TaskId).zip(&problem.tasks).filter(|(_, task)| task.kind != Kind::Joint);
    if let Some((task, _)) = seen().find(|(_, task)| task.name == path) {
        return Ok(task);
    }
    let failure = Failure::new(FailureCode::Task, format!("the plan has no task `{path}`"));
    let like = nearest(path, seen().map(|(_, task)| task.name.as_str()));
    Err(match like {
        Some(like) => failure.with_hint(format!("the nearest is `{like}`")),
        None => failure,
    })
}

/// Why there are no dates of a task in a branch that the plan does not take.
pub(super) const NOT_EXPECTED: &str = "is not expected to run: the plan takes another branch";

/// Says it in lines.
///
/// # Errors
///
/// Returns [`Failure`] if there are no dates.
pub(super) fn text(view: &View<'_>, task: TaskId) -> Result<String, Failure> {
    let (problem, plan) = (view.problem, view.plan);
    let planned = &plan.outcome.tasks[task.at()];
    let name = &problem.tasks[task.at()].name;
    if problem.tasks[task.at()].fact == Fact::Dropped {
        return Ok(format!("{name} {NOT_EXPECTED}\n"));
    }
    let mut lines = vec![
        format!(
            "{name} begins {} and ends {} ({})",
            view.instant(planned.start),
            view.instant(planned.finish),
            view.length(planned.finish.0 - planned.start.0)
        ),
        format!("it does not begin earlier: {}", view.reason(task)),
    ];
    lines.push(if planned.float_resource.0 <= 0 {
        "it decides when all is over: any delay of it delays the end".to_owned()
    } else {
        format!("it can begin {} later before it delays the end", view.length(planned.float_resource.0))
    });
    if planned.float_resource.0 > 0 && planned.is_critical_resource {
        let near = view.length(problem.near.0);
        lines.push(format!("it counts as critical, for that is not more than the {near} of `plan.near`"));
    }
    match reasons(problem, plan, task)? {
        Some(why) if why.gain.0 > 0 => lines.push(format!(
            "if it ended {} earlier, all would end {} earlier, as far as links go",
            view.length(why.earlier.0),
            view.length(why.gain.0)
        )),
        Some(_) => {
            lines.push("if it ended earlier, nothing else would end earlier, as far as links go".to_owned());
        }
        None => {}
    }
    if let Some(until) = reasons(problem, plan, task)?.and_then(|why| why.until_critical) {
        lines.push(format!("with links alone it becomes critical if it is {} later", view.length(until.0)));
    }
    lines.push(String::new());
    Ok(lines.join("\n"))
}

/// Returns the same as JSON.
///
/// # Errors
///
/// Returns [`Failure`] if there are no dates.
pub(super) fn document(view: &View<'_>, task: TaskId) -> Result<Value, Failure> {
    if view.problem.tasks[task.at()].fact == Fact::Dropped {
        let why = json!({"reason": NOT_EXPECTED, "earlier": null, "gain": null, "until_critical": null});
        return Ok(json!({"task": view.problem.tasks[task.at()].name, "why": why}));
    }
    let why = reasons(view.problem, view.plan, task)?;
    let mut document = view.task_document(task);
    document["task"] = json!(view.problem.tasks[task.at()].name);
    document["why"] = json!({
        "reason": view.reason(task),
        "earlier": why.map(|why| why.earlier.0),
        "gain": why.map(|why| why.gain.0),
        "until_critical": why.and_then(|why| why.until_critical).map(|span| span.0),
    });
    Ok(document)
}

fn reasons(problem: &Problem, plan: &Plan, task: TaskId) -> Result<Option<Why>, Failure> {
    why(problem, plan, task).map_err(|error| no_plan(problem, &error))
}
