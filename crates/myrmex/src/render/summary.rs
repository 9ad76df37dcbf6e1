//! The end of a run: for scripts one JSON line, for people what failed and what came out.

use std::collections::BTreeSet;
use std::io::Write;

use myrmex_engine::run::{Run, TaskView};
use myrmex_lang::Position;
use myrmex_model::OrderedMap;
use myrmex_model::address::Address;
use myrmex_model::fault::Fault;
use myrmex_model::id::{RunId, ValueHash};
use myrmex_model::ir::{Body, Definition, NodeId};
use myrmex_model::name::Namespace;
use myrmex_model::status::Status;
use myrmex_model::value::Value;
use myrmex_runtime::partition::load_run;
use myrmex_runtime::values;
use myrmex_store::{Reader, StoreError};
use serde_json::json;

use super::failures;
use super::origin::Origin;
use crate::descendants;
use crate::exit::Failure;

/// How many lines of the detail of the run's error people are shown: a message, not a log.
const DETAIL_LINES_MAX: usize = 5;

/// Builds the last line of `run --json`.
///
/// Every task is in it; one that ran several times with its last run, one that was never reached as skipped. It is printed
/// of a run that is over, or was interrupted and waits to be resumed.
///
/// # Errors
///
/// Returns [`StoreError`] if a value cannot be read.
pub fn json(run: &Run, namespace: &Namespace, reader: &dyn Reader) -> Result<Value, StoreError> {
    let value = |hash: Option<ValueHash>| match hash {
        Some(hash) => values::load(reader, namespace, run.id(), hash),
        None => Ok(Value::Null),
    };
    let origin = Origin::default();
    let mut tasks = serde_json::Map::new();
    for (path, task) in last_runs(run) {
        let mut summary = json!({
            "status": task.status().as_str(),
            "attempts": task.attempts(),
            "output": value(task.output())?,
            "error": task.fault().map(|fault| placed(fault, origin.place(run, fault))),
        });
        if task.is_accepted() {
            summary["accepted"] = json!(true);
        }
        if task.artifacts().is_some() {
            summary["artifacts"] = value(task.artifacts())?;
        }
        if let Some(from) = task.taken_from() {
            summary["taken_from"] = json!(from.to_string());
        }
        if let Some(origin) = task.cached() {
            summary["cached_from"] = origin.run.to_string().into();
        }
        tasks.insert(path, summary);
    }
    let is_over = run.status().is_terminal();
    for path in unreached(run, &tasks.keys().cloned().collect()) {
        let status = if is_over { Status::Skipped } else { Status::Pending };
        tasks.insert(path, json!({"status": status.as_str(), "attempts": 0, "output": null, "error": null}));
    }
    let started = run.started().unwrap_or(run.last());
    Ok(json!({
        "type": "run.summary",
        "run": run.id().to_string(),
        "status": run.status().as_str(),
        "interrupted": !is_over,
        "output": value(run.output())?,
        "error": run.fault().map(|fault| placed(fault, origin.place(run, fault))),
        "tasks": tasks,
        "wall_ms": run.last().since(started).0,
    }))
}

/// Shows an error to scripts.
pub fn fault(fault: &Fault) -> Value {
    json!({
        "type": fault.kind.as_str(),
        "status": fault.status,
        "title": fault.title,
        "detail": fault.detail,
        "exit_code": fault.exit_code,
        "task": fault.task,
    })
}

/// Shows an error to scripts, with the place of the expression that it is about.
fn placed(error: &Fault, place: Option<Position>) -> Value {
    let mut shown = fault(error);
    if let Some(place) = place {
        shown["place"] = json!({"file": &*place.file, "line": place.line, "column": place.column});
    }
    shown
}

/// Returns the last run of each task by path, in the order of being reached first.
pub fn last_runs(run: &Run) -> OrderedMap<String, TaskView<'_>> {
    let mut tasks = OrderedMap::default();
    for task in run.tasks() {
        tasks.insert(task.address().path().into_owned(), task);
    }
    tasks
}

/// Returns the paths of all tasks of a run: those that were reached, then the others.
pub fn paths(run: &Run) -> Vec<String> {
    let mut paths: Vec<String> = last_runs(run).keys().cloned().collect();
    paths.extend(unreached(run, &paths.iter().cloned().collect()));
    paths
}

/// Returns the paths of tasks that stand in the definition and were never reached; items are not known by then. What is
/// inside of something that was taken over as a whole belongs to the run that it was taken from.
fn unreached(run: &Run, reached: &BTreeSet<String>) -> Vec<String> {
    let definition = run.definition();
    let is_taken = |task: &Address| run.task(task).is_some_and(|task| task.taken_from().is_some());
    let mut paths = Vec::new();
    let mut open = vec![(definition.root, Address::root())];
    while let Some((scope, address)) = open.pop() {
        for child in children(definition, scope) {
            let here = address.child(&definition.node(child).name, 1);
            if !reached.contains(here.as_str()) {
                paths.push(here.as_str().to_owned());
            }
            if !is_taken(&here) {
                open.push((child, here));
            }
        }
    }
    paths
}

fn children(definition: &Definition, scope: NodeId) -> Vec<NodeId> {
    match &definition.node(scope).body {
        Body::Graph(graph) => graph.children.iter().map(|child| child.node).collect(),
        Body::Flow(flow) => flow.children.iter().map(|child| child.node).collect(),
        Body::Task(_)
        | Body::Value(_)
        | Body::Timer(_)
        | Body::Choose(_)
        | Body::Raise(_)
        | Body::Await(_)
        | Body::Each(_)
        | Body::Call(_) => Vec::new(),
    }
}

/// Prints how a run ended for people: status and error on standard error, the output on standard output.
///
/// # Errors
///
/// Returns [`Failure`] if the output cannot be read or printed.
pub fn print(run: &Run, namespace: &Namespace, reader: &dyn Reader) -> Result<(), Failure> {
    let started = run.started().unwrap_or(run.last());
    let took = super::time::between(started, run.last());
    let tasks = last_runs(run);
    let count =
        |status: Status| tasks.values().filter(|task| task.status() == status && !task.is_accepted()).count();
    let mut counts: Vec<String> = Status::ALL
        .into_iter()
        .filter(|status| count(*status) > 0)
        .map(|status| format!("{} {status}", count(status)))
        .collect();
    let accepted = tasks.values().filter(|task| task.is_accepted()).count();
    if accepted > 0 {
        counts.push(format!("{accepted} failed but accepted"));
    }
    let counts = counts.join(", ");
    let mut out = anstream::stderr();
    // If standard error is closed, the exit code still tells.
    let taken = match tasks.values().filter(|task| task.taken_from().is_some()).count() {
        0 => String::new(),
        count => format!("; {count} taken over"),
    };
    drop(writeln!(out, "run {} {} in {took} ({counts}{taken})", short(run.id()), run.status()));
    let origin = Origin::default();
    if let Some(fault) = run.fault() {
        failures::print(fault, (origin.place(run, fault), DETAIL_LINES_MAX), &mut out);
    }
    let failed = run.fault().and_then(|fault| fault.task.as_deref());
    if let Some(task) = failed
        && let Some((id, task)) = place_with_logs(run, task, (reader, namespace))?
    {
        drop(writeln!(out, "hint: `myrmex runs logs {} --task '{task}'` prints what it printed", short(id)));
    }
    if run.fault().is_some() {
        failures::print_others(run, (&tasks, &origin), &mut out);
    }
    if let Some(hash) = run.output().filter(|_| run.status() == Status::Succeeded) {
        let output = values::load(reader, namespace, run.id(), hash)?;
        if !output.is_null() {
            let pretty = serde_json::to_string_pretty(&output).unwrap_or_else(|_| output.to_string());
            writeln!(std::io::stdout(), "{pretty}").map_err(|error| Failure::output(&error))?;
        }
    }
    Ok(())
}

/// Finds a task that printed something, in this run or in one that it called, and its path there.
fn place_with_logs(
    run: &Run,
    task: &str,
    (reader, namespace): (&dyn Reader, &Namespace),
) -> Result<Option<(RunId, String)>, Failure> {
    let has_printed = |run: &Run, path: &str| match last_runs(run).get(path) {
        Some(task) => {
            let logs = reader.log_ranges(namespace, run.id(), Some(&task.address()), None, 1)?;
            Ok::<_, StoreError>(!logs.is_empty())
        }
        None => Ok(false),
    };
    if has_printed(run, task)? {
        return Ok(Some((run.id(), task.to_owned())));
    }
    let Some((child, inner)) = descendants::inside_call(reader, namespace, (run.id(), task))? else {
        return Ok(None);
    };
    let Some(called) = load_run(reader, namespace, child)? else { return Ok(None) };
    Ok(has_printed(&called, &inner)?.then_some((child, inner)))
}

/// How many digits of a run's id people are shown: enough to tell the runs of a workspace apart.
pub const SHORT_DIGITS: usize = 13;

/// Shows the beginning of a run's id, which commands accept for the whole.
pub fn short(run: RunId) -> String {
    let mut text = run.to_string();
    text.truncate(SHORT_DIGITS);
    text
}
