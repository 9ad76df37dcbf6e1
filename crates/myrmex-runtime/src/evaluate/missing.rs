//! Why a value that an expression reads of a task is not there, in words; as far as the run knows.

use myrmex_engine::run::{TaskView, View};
use myrmex_model::ir::{Body, Outputs};
use myrmex_model::status::Status;
use myrmex_model::value::Value;

/// The most names that are listed of what is there instead.
const NAMED_MAX: usize = 10;

/// Returns the task whose output `path` reads, and what it reads of that output.
pub(super) fn task_of<'a, 'p>(view: &View<'a>, path: &'p str) -> Option<(TaskView<'a>, &'p str, &'p str)> {
    let (name, rest) = match path.strip_prefix("tasks.") {
        Some(path) => path.split_at(path.find(['.', '['])?),
        // The form of names with a hyphen.
        None => path.strip_prefix("tasks['")?.split_once("']")?,
    };
    let field = rest.strip_prefix(".output")?;
    Some((view.task(name)?, name, field))
}

/// Says why `task`, called `name`, has no `field` in its output, which is `output`.
pub(super) fn why(
    view: &View<'_>,
    (task, name): (&TaskView<'_>, &str),
    field: &str,
    output: Option<&Value>,
) -> Option<String> {
    let error = task.fault().map_or(String::new(), |fault| format!(" ({})", fault.title));
    let how = match task.status() {
        Status::Skipped => "was skipped".to_owned(),
        Status::Cancelled => "was cancelled".to_owned(),
        Status::Failed => format!("failed{error}"),
        Status::TimedOut => format!("ran out of its time{error}"),
        Status::Succeeded if task.fault().is_some() && output == Some(&Value::Null) => {
            return Some(format!("`{name}` failed{error}, which is accepted, so its output is null"));
        }
        Status::Succeeded => return why_not_in(view, (task, name), field, output?),
        Status::Pending | Status::Running | Status::Waiting | Status::Compensated | Status::Stuck => {
            return None;
        }
    };
    Some(format!("`{name}` {how}, so it has no output"))
}

/// Says what a task that succeeded gave instead of `field`.
fn why_not_in(
    view: &View<'_>,
    (task, name): (&TaskView<'_>, &str),
    field: &str,
    output: &Value,
) -> Option<String> {
    let node = view.run().definition().node(task.node());
    let Value::Object(fields) = output else { return None };
    let Body::Task(_) = node.body else { return None };
    let is_file = fields.len() == 3 && ["name", "size", "hash"].iter().all(|key| fields.contains_key(*key));
    let given: Vec<String> = fields.keys().take(NAMED_MAX).map(|key| format!("`{key}`")).collect();
    let more = if fields.len() > NAMED_MAX { " and more" } else { "" };
    let given = format!("{}{more}", given.join(", "));
    match &node.outputs {
        Outputs::Declared(_) => Some(format!("`{name}` gives what it declares under `outputs`: {given}")),
        Outputs::Raw | Outputs::Computed(_) | Outputs::Last if is_file => Some(format!(
            "`{name}` wrote more than 1 MiB to `MYRMEX_OUTPUT`, so its output is a file: {given}"
        )),
        Outputs::Raw | Outputs::Computed(_) | Outputs::Last if !fields.is_empty() => {
            let is_printed = fields.len() == 1 && fields.contains_key("stdout");
            let what = if is_printed { "wrote nothing to" } else { "wrote to" };
            Some(format!("`{name}` {what} `MYRMEX_OUTPUT`, so its output has {given}"))
        }
        Outputs::Raw | Outputs::Computed(_) | Outputs::Last if field == ".stdout" => Some(format!(
            "`{name}` printed more than 1 MiB, which is not kept as output, or left `MYRMEX_OUTPUT` empty"
        )),
        Outputs::Raw | Outputs::Computed(_) | Outputs::Last => None,
    }
}
