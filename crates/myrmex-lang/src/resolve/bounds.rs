//! Finds processes that may run for ever, because nothing around them limits their time.

use crate::codes;
use crate::outline::{Handlers, Task, Timeout, Verb, Workflow};
use crate::report::Report;

/// The most tasks that the warning names; the others are counted.
const NAMED_MAX: usize = 3;

/// Warns once, at the first `run` without any limit of time, of all of them: a warning for each would hide the others.
/// Neither a `timeout` in `defaults` nor a `deadline` leaves any.
pub(super) fn check(workflow: &Workflow, report: &mut Report) {
    if workflow.deadline.is_some() || workflow.defaults.timeout.is_some_and(is_bound) || report.has_errors() {
        return;
    }
    let mut unbound = Vec::new();
    workflow.body.tasks.iter().for_each(|task| collect(&mut unbound, task, false));
    collect_handlers(&mut unbound, &workflow.handlers, false);
    unbound.sort_by_key(|task| task.name.place.start);
    let Some(first) = unbound.first() else { return };
    let is_one = unbound.len() == 1;
    let have = if is_one { "it has no" } else { "they have no" };
    let message = format!("{} may run for ever: {have} `timeout`", named(&unbound));
    let hint = match (is_one, workflow.defaults.timeout.is_some()) {
        (true, _) => "add a `timeout`, such as `timeout: 30m`",
        (false, false) => "add `defaults: {timeout: 30m}` for all, or a `timeout` to each",
        // It bounds the time in the queue only.
        (false, true) => "add `run` to the `timeout` of `defaults`, or a `timeout` to each",
    };
    let warning = report.warning(codes::TIMEOUT_MISSING, first.name.place, message);
    report.push(warning.with_hint(hint));
}

/// Lists the names of `tasks`, the first of them if they are many.
fn named(tasks: &[&Task]) -> String {
    let mut names: Vec<String> = Vec::new();
    for task in tasks {
        let name = format!("`{}`", task.name.value);
        if !names.contains(&name) && names.len() < NAMED_MAX {
            names.push(name);
        }
    }
    match (tasks.len() - names.len(), names.split_last()) {
        (0, Some((last, []))) => last.clone(),
        (0, Some((last, before))) => format!("{} and {last}", before.join(", ")),
        (more, _) => format!("{} and {more} more", names.join(", ")),
    }
}

fn is_bound(timeout: Timeout) -> bool {
    timeout.run.is_some() || timeout.heartbeat.is_some() || timeout.total.is_some()
}

/// Collects the `run` tasks in `task` without a limit; `is_inside` says whether a block around it is bound.
fn collect<'o>(unbound: &mut Vec<&'o Task>, task: &'o Task, is_inside: bool) {
    let is_bound = is_inside || task.timeout.is_some_and(is_bound);
    match &task.verb {
        Some(Verb::Run(_)) if is_bound => {}
        Some(Verb::Run(_)) => unbound.push(task),
        Some(Verb::Block(scope)) => {
            scope.tasks.iter().for_each(|task| collect(unbound, task, is_bound));
        }
        Some(
            Verb::Set(_)
            | Verb::Switch(_)
            | Verb::Fail(_)
            | Verb::Wait(_)
            | Verb::Await(_)
            | Verb::Call(_)
            | Verb::Use(_),
        )
        | None => {}
    }
    collect_handlers(unbound, &task.handlers, is_inside);
}

fn collect_handlers<'o>(unbound: &mut Vec<&'o Task>, handlers: &'o Handlers, is_inside: bool) {
    handlers.tasks().for_each(|task| collect(unbound, task, is_inside));
}
