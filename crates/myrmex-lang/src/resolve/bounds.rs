//! Finds processes that may run for ever in a file whose author bounds others: probably they were forgotten.

use crate::codes;
use crate::outline::{Handlers, Task, Timeout, Verb, Workflow};
use crate::report::Report;

/// Warns of each `run` without any limit of time, if others of the file have one. Neither `defaults` nor `deadline` leave any.
pub(super) fn check(workflow: &Workflow, report: &mut Report) {
    if workflow.deadline.is_some() || workflow.defaults.timeout.is_some_and(is_bound) || report.has_errors() {
        return;
    }
    let mut found = Found::default();
    workflow.body.tasks.iter().for_each(|task| found.task(task, false));
    found.handlers(&workflow.handlers, false);
    if !found.has_bound {
        return;
    }
    for task in found.unbound {
        let message = format!("`{}` may run for ever: it has no `timeout`, and others have", task.name.value);
        let warning = report.warning(codes::TIMEOUT_MISSING, task.name.place, message);
        report.push(warning.with_hint("add a `timeout`, or one in `defaults` for all"));
    }
}

fn is_bound(timeout: Timeout) -> bool {
    timeout.run.is_some() || timeout.heartbeat.is_some() || timeout.total.is_some()
}

/// The `run` tasks of a file.
#[derive(Default)]
struct Found<'o> {
    unbound: Vec<&'o Task>,
    has_bound: bool,
}

impl<'o> Found<'o> {
    /// Looks at a task; `is_inside` says whether a block around it is bound.
    fn task(&mut self, task: &'o Task, is_inside: bool) {
        let is_bound = is_inside || task.timeout.is_some_and(is_bound);
        match &task.verb {
            Some(Verb::Run(_)) if is_bound => self.has_bound = true,
            Some(Verb::Run(_)) => self.unbound.push(task),
            Some(Verb::Block(scope)) => scope.tasks.iter().for_each(|task| self.task(task, is_bound)),
            Some(
                Verb::Set(_) | Verb::Switch(_) | Verb::Fail(_) | Verb::Wait(_) | Verb::Call(_) | Verb::Use(_),
            )
            | None => {}
        }
        self.handlers(&task.handlers, is_inside);
    }

    fn handlers(&mut self, handlers: &'o Handlers, is_inside: bool) {
        handlers.tasks().for_each(|task| self.task(task, is_inside));
    }
}
