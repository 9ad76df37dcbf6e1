//! `myrmex runs show`: how a run went, or one task of it.

use std::io::Write;
use std::path::Path;

use clap_complete::engine::ArgValueCompleter;
use myrmex_engine::run::{MACHINE, Run, TaskView};
use myrmex_model::address::Address;
use myrmex_model::event::Event;
use myrmex_model::id::Attempt;
use myrmex_model::ir::Body;
use myrmex_model::name::Namespace;
use myrmex_model::outcome::{AttemptEnd, AttemptReport, ProcessExit};
use myrmex_model::status::Status;
use myrmex_model::time::Timestamp;
use myrmex_runtime::partition::{event_of, load_run};
use myrmex_runtime::values;
use myrmex_store::{Reader, RunSummary, Sequence};
use serde_json::{Value, json};

use super::list::parent_json;
use super::runs::{find, listed, open_reader};
use crate::complete;
use crate::descendants::{self, Call};
use crate::driven::Driver;
use crate::exit::{Exit, Failure, FailureCode};
use crate::render::items::Choice;
use crate::render::task_path::TaskPath;
use crate::render::{outline, summary};
use crate::session::print_line;
use crate::workspace::Workspace;

/// Show how a run went: its tasks, their errors and outputs
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run's id, or the beginning of it
    #[arg(add = ArgValueCompleter::new(complete::runs))]
    run: String,

    /// Show this task whole: its input, its output, its error and its attempts
    #[arg(long, value_name = "PATH", add = ArgValueCompleter::new(complete::tasks))]
    task: Option<String>,

    /// Show only tasks that failed, and what they are inside of
    #[arg(long, conflicts_with_all = ["json", "task"])]
    failed: bool,

    /// Show at most this many items of each `for_each` by themselves, and count the others by status
    #[arg(long, value_name = "COUNT", default_value_t = 20, conflicts_with_all = ["json", "task"])]
    limit: usize,

    /// Print one JSON document, with all tasks: the summary that `run --json` prints last, with times
    #[arg(long)]
    json: bool,
}

/// Shows the run.
///
/// # Errors
///
/// Returns [`Failure`] if there is no such run or task, or the store cannot be read.
pub fn run(args: &Args, data: Option<&Path>) -> Result<Exit, Failure> {
    let workspace = Workspace::current(data)?;
    let reader = open_reader(&workspace)?;
    let namespace = Namespace::standard();
    let id = find(&reader, &namespace, &args.run)?;
    let unknown = || Failure::new(FailureCode::RunId, format!("there is no run {id}"));
    let driver = Driver::of(&workspace)?;
    let header = reader.summary(&namespace, id)?.ok_or_else(unknown)?;
    let run = load_run(&reader, &namespace, id)?.ok_or_else(unknown)?;
    let shown = Shown {
        is_interrupted: driver.has_left(&reader, &header)?,
        driver,
        header,
        run,
        namespace,
        reader: &reader,
    };
    match (&args.task, args.json) {
        (None, true) => print_line(&shown.document()?)?,
        (None, false) => {
            let choice = Choice { limit: args.limit, is_failed_only: args.failed };
            print(&outline::run(&shown.document()?, choice))?;
        }
        (Some(path), true) => print_line(&shown.task(path)?)?,
        (Some(path), false) => print(&outline::task(&shown.task(path)?))?,
    }
    Ok(Exit::Success)
}

fn print(text: &str) -> Result<(), Failure> {
    write!(anstream::stdout(), "{text}").map_err(|error| Failure::output(&error))
}

/// A run that is shown.
struct Shown<'a> {
    header: RunSummary,
    is_interrupted: bool,
    driver: Driver,
    run: Run,
    namespace: Namespace,
    reader: &'a dyn Reader,
}

impl Shown<'_> {
    /// Builds the summary of the run, with times and with what is known of its start.
    fn document(&self) -> Result<Value, Failure> {
        let mut document = summary::json(&self.run, &self.namespace, self.reader)?;
        document["interrupted"] = json!(self.is_interrupted);
        document["workflow"] = json!(self.header.workflow.as_str());
        document["definition"] = json!(self.header.definition.to_string());
        document["started"] = json!(self.header.started.to_string());
        document["ended"] = json!(self.header.ended.map(|at| at.to_string()));
        document["started_by"] = json!(self.header.started_by);
        document["trigger"] = json!(self.run.trigger());
        document["key"] = json!(self.header.key);
        document["attempt"] = json!(self.run.attempt());
        document["retry_of"] = json!(self.run.retry().map(|retry| retry.of.to_string()));
        let retries = descendants::retries_of(self.reader, &self.namespace, &self.header)?;
        document["retried_by"] = json!(retries.iter().map(ToString::to_string).collect::<Vec<_>>());
        document["parent"] = json!(self.run.parent_run().map(parent_json));
        document["children"] = self.children(|_| true)?;
        document["cancelled"] = self.cancelled()?;
        for (path, task) in summary::last_runs(&self.run) {
            let shown = &mut document["tasks"][path.as_str()];
            shown["started"] = json!(task.started().map(|at| at.to_string()));
            shown["ended"] = json!(task.ended().map(|at| at.to_string()));
            shown["took_ms"] = json!(task.started().zip(task.ended()).map(|(from, to)| to.since(from).0));
            self.put_interrupted(shown, &task);
        }
        Ok(document)
    }

    /// Says of a task that it was cut off, with the time that it had taken when the last event was recorded.
    fn put_interrupted(&self, shown: &mut Value, task: &TaskView<'_>) {
        if self.is_interrupted && task.status() == Status::Running {
            shown["interrupted"] = json!(true);
            shown["so_far_ms"] = json!(task.started().map(|from| self.run.last().since(from).0));
        }
    }

    /// Shows the runs that wanted tasks called, each attempt by itself.
    fn children(&self, is_wanted: impl Fn(&Address) -> bool) -> Result<Value, Failure> {
        let mut children = Vec::new();
        for Call { task, child } in descendants::calls(self.reader, &self.namespace, self.run.id())? {
            if !is_wanted(&task) {
                continue;
            }
            let child_run = self.reader.summary(&self.namespace, child)?;
            let status = child_run.as_ref().map(|child| child.status);
            let is_interrupted = match &child_run {
                Some(child) => self.driver.has_left(self.reader, child)?,
                None => false,
            };
            children.push(json!({
                "task": task.path(),
                "address": task.as_str(),
                "run": child.to_string(),
                "workflow": child_run.as_ref().map(|child| child.workflow.as_str()),
                "status": status.map(Status::as_str),
                "interrupted": is_interrupted,
            }));
        }
        Ok(Value::Array(children))
    }

    /// Shows who cancelled the run first, and why; null if nobody did. What the machine decided itself counts only if nobody
    /// else did.
    fn cancelled(&self) -> Result<Value, Failure> {
        if self.run.cancels() == 0 {
            return Ok(Value::Null);
        }
        let (mut after, mut own) = (Sequence::NONE, Value::Null);
        loop {
            let records = self.reader.run_records(&self.namespace, self.run.id(), after, 1_000)?;
            let Some(last) = records.last() else { return Ok(own) };
            after = last.sequence;
            for record in &records {
                if let Event::CancelRequested { scope, by, reason, successor } = event_of(record)?.event
                    && scope.is_root()
                {
                    let successor = successor.map(|run| run.to_string());
                    let cancel = json!({"by": by, "reason": reason, "successor": successor});
                    if by != MACHINE {
                        return Ok(cancel);
                    }
                    if own.is_null() {
                        own = cancel;
                    }
                }
            }
        }
    }

    /// Builds everything that is known of one task.
    fn task(&self, path: &str) -> Result<Value, Failure> {
        let wanted = TaskPath::new(path);
        let tasks = summary::last_runs(&self.run);
        // An address names one of several runs of a task; a path the last.
        let by_address = self.run.tasks().find(|task| wanted.is(task.address().as_str()));
        let by_path = || tasks.iter().find(|(known, _)| wanted.is(known)).map(|(_, task)| *task);
        let Some(task) = by_address.filter(|task| task.address().path() != path).or_else(by_path) else {
            return self.not_reached(path, &wanted);
        };
        let value = |hash| match hash {
            Some(hash) => values::load(self.reader, &self.namespace, self.run.id(), hash),
            None => Ok(Value::Null),
        };
        let mut shown = json!({
            "run": self.run.id().to_string(),
            "task": task.address().path(),
            "address": task.address().as_str(),
            "status": task.status().as_str(),
            "accepted": task.is_accepted(),
            "attempts": task.attempts(),
            "started": task.started().map(|at| at.to_string()),
            "ended": task.ended().map(|at| at.to_string()),
            "took_ms": task.started().zip(task.ended()).map(|(from, to)| to.since(from).0),
            "input": self.input(&task)?,
            "output": value(task.output())?,
            "error": task.fault().map(summary::fault),
            "history": self.history(&task.address())?,
        });
        self.put_interrupted(&mut shown, &task);
        // As in the document of the run: only of a task that took over what another run did.
        if let Some(from) = task.taken_from() {
            shown["taken_from"] = json!(from.to_string());
        }
        if let Some(origin) = task.cached() {
            shown["cached_from"] = json!(origin.run.to_string());
            shown["cached_task"] = json!(origin.task.path());
        }
        let own = task.address();
        shown["children"] = self.children(|task| *task == own)?;
        if task.artifacts().is_some() {
            shown["artifacts"] = value(task.artifacts())?;
        }
        Ok(shown)
    }

    /// Tells of a task that the run never came to; a failure if there is none.
    fn not_reached(&self, path: &str, wanted: &TaskPath) -> Result<Value, Failure> {
        let document = self.document()?;
        let known: Vec<String> = summary::paths(&self.run);
        let Some(found) = known.iter().find(|known| wanted.is(known)) else {
            let message = format!("run {} has no task `{path}`", self.run.id());
            let inside = descendants::inside_call(self.reader, &self.namespace, (self.run.id(), path))?;
            if let Some((child, inner)) = inside {
                let hint = format!("`myrmex runs show {} --task '{inner}'` shows it", summary::short(child));
                return Err(Failure::new(
                    FailureCode::RunId,
                    format!("{message}: it lies in a run that was called"),
                )
                .with_hint(hint));
            }
            let hint = format!("its tasks are {}", listed(&known));
            return Err(Failure::new(FailureCode::RunId, message).with_hint(hint));
        };
        let mut shown = document["tasks"][found.as_str()].clone();
        shown["run"] = json!(self.run.id().to_string());
        shown["task"] = json!(found);
        shown["history"] = json!([]);
        Ok(shown)
    }

    /// Returns what the attempts of a task were given; a reference of a secret stays one.
    fn input(&self, task: &TaskView<'_>) -> Result<Value, Failure> {
        if let Some(hash) = task.input() {
            return Ok(values::load(self.reader, &self.namespace, self.run.id(), hash)?);
        }
        let node = self.run.definition().node(task.node());
        Ok(match &node.body {
            Body::Task(body) => body.arguments.as_literal().cloned().unwrap_or_default(),
            Body::Value(_)
            | Body::Timer(_)
            | Body::Choose(_)
            | Body::Raise(_)
            | Body::Await(_)
            | Body::Graph(_)
            | Body::Flow(_)
            | Body::Each(_)
            | Body::Call(_) => Value::Null,
        })
    }

    /// Returns the attempts of a task in order, from its events.
    fn history(&self, address: &Address) -> Result<Vec<Value>, Failure> {
        let (mut attempts, mut after, mut granted) = (Vec::new(), Sequence::NONE, None);
        loop {
            let records = self.reader.run_records(&self.namespace, self.run.id(), after, 1_000)?;
            let Some(last) = records.last() else { return Ok(attempts) };
            after = last.sequence;
            for record in &records {
                let recorded = event_of(record)?;
                if let Event::AttemptGranted { task, .. } = &recorded.event
                    && task == address
                {
                    granted = Some(recorded.at);
                }
                if let Event::AttemptEnded { task, attempt, report, .. } = &recorded.event
                    && task == address
                {
                    attempts.push(attempt_json(*attempt, report, granted, recorded.at));
                }
            }
        }
    }
}

/// Shows how one attempt went, from its grant to its end.
fn attempt_json(attempt: Attempt, report: &AttemptReport, from: Option<Timestamp>, to: Timestamp) -> Value {
    let (end, why) = match &report.end {
        AttemptEnd::Succeeded { .. } => ("succeeded", None),
        AttemptEnd::Failed { fault } => ("failed", Some(&fault.title)),
        AttemptEnd::TimedOut { fault } => ("timed_out", Some(&fault.title)),
        AttemptEnd::Stopped => ("stopped", None),
        AttemptEnd::Lost { reason, .. } => ("lost", Some(reason)),
    };
    let (exit_code, signal) = match report.exit {
        Some(ProcessExit::Code(code)) => (Some(code), None),
        Some(ProcessExit::Signal(signal)) => (None, Some(signal)),
        None => (None, None),
    };
    json!({
        "attempt": attempt.0,
        "started": from.map(|at| at.to_string()),
        "ended": to.to_string(),
        "took_ms": from.map(|from| to.since(from).0),
        "end": end,
        "why": why,
        "exit_code": exit_code,
        "signal": signal,
        "left_processes": report.has_leftovers,
        "unkept": report.unkept,
    })
}
