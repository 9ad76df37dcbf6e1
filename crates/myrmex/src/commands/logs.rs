//! `myrmex runs logs`: what the tasks of a run printed.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use clap_complete::engine::ArgValueCompleter;
use myrmex_engine::run::{Run, TaskView};
use myrmex_model::address::Address;
use myrmex_model::id::{FencingToken, RunId};
use myrmex_model::name::Namespace;
use myrmex_runtime::partition::DOMAIN_LOG;
use myrmex_store::operation::AttemptLog;
use myrmex_store::segments::{ATTEMPT_BYTES_MAX, FileLogReader, LogReader, Piece, Source, Stream};
use myrmex_store::{Reader, StoreError};
use serde_json::json;

use super::follow::{self, Following};
use super::runs::{NAMED_MAX, find, listed, open_reader};
use crate::complete;
use crate::descendants::{self, Call};
use crate::exit::{Exit, Failure, FailureCode};
use crate::render::summary;
use crate::render::task_path::TaskPath;
use crate::session::print_line;
use crate::workspace::Workspace;

/// Print what the tasks of a run printed
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run's id, or the beginning of it
    #[arg(add = ArgValueCompleter::new(complete::runs))]
    run: String,

    /// Print only this task and what is inside it; repeat for more. One task alone is printed as it is, without prefixes
    #[arg(long, value_name = "PATH", add = ArgValueCompleter::new(complete::tasks))]
    task: Vec<String>,

    /// Go on printing what comes, until the run has ended, or all tasks that `--task` names
    #[arg(long, short)]
    follow: bool,

    /// Print JSON lines
    #[arg(long)]
    json: bool,
}

/// The tasks whose output is wanted; all if none is named.
pub(super) struct Wanted(Vec<TaskPath>);

impl Wanted {
    pub(super) fn new(paths: &[String]) -> Self {
        Self(paths.iter().map(|path| TaskPath::new(path)).collect())
    }

    /// Whether the output of a task is wanted: it is named, or what it is inside of.
    pub(super) fn holds(&self, task: &Address) -> bool {
        self.0.is_empty() || self.0.iter().any(|wanted| wanted.holds(task))
    }

    /// Whether a task is the only one that is named, so that its output needs no prefix.
    pub(super) fn is_alone(&self, task: &Address) -> bool {
        matches!(&self.0[..], [wanted] if wanted.names(task))
    }

    /// Returns which of the names are the names of this task, or of what is inside of it.
    pub(super) fn within<'a>(&'a self, task: &'a Address) -> impl Iterator<Item = usize> + 'a {
        self.0.iter().enumerate().filter(|(_, wanted)| wanted.is_within(task)).map(|(index, _)| index)
    }

    /// Returns how many tasks are named.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }
}

/// Prints the logs.
///
/// # Errors
///
/// Returns [`Failure`] if there is no such run or task, or the store cannot be read.
pub fn run(args: &Args, data: Option<&Path>) -> Result<Exit, Failure> {
    let workspace = Workspace::current(data)?;
    let reader = open_reader(&workspace)?;
    let namespace = Namespace::standard();
    let run = find(&reader, &namespace, &args.run)?;
    let segments = FileLogReader::new(&workspace.data);
    let header = reader.summary(&namespace, run)?;
    let is_over = header.is_some_and(|header| header.ended.is_some());
    // Of a run that is over nothing more comes, and where its output lies is recorded.
    if args.follow && !is_over {
        let following = Following { workspace: &workspace, reader: &reader, namespace: &namespace, segments };
        return follow::run(&following, run, (&args.task, args.json));
    }
    let mut logs = ended_attempts(&reader, &namespace, run)?;
    logs.extend(open_attempts(&reader, &segments, run)?);
    let wanted = Wanted::new(&args.task);
    logs.retain(|log| wanted.holds(&log.task));
    // In the order in which they were written.
    logs.sort_by_key(|log| (log.range.segment, log.range.start));
    let has_printed = !logs.is_empty();
    let is_single = logs.iter().all(|log| wanted.is_alone(&log.task));
    let mut attempts: BTreeMap<FencingToken, Vec<&AttemptLog>> = BTreeMap::new();
    for log in &logs {
        attempts.entry(log.token).or_default().push(log);
    }
    // What lies in several segments is one output: a gap may begin in one of them and end in another.
    let mut attempts: Vec<_> = attempts.into_values().collect();
    attempts.sort_by_key(|parts| (parts[0].range.segment, parts[0].range.start));
    let mut damage = None;
    for parts in &attempts {
        damage = print(args, &segments, parts, is_single)?.or(damage);
    }
    if let Some(failure) = damage {
        return Err(failure);
    }
    let has_called = say_called(&wanted, &reader, (&namespace, run))?;
    if !has_printed && !has_called {
        say_why((&args.task, &wanted), &reader, run)?;
    }
    Ok(Exit::Success)
}

/// Says where the output of the runs is that these tasks called; false if they called none.
fn say_called(
    wanted: &Wanted,
    reader: &dyn Reader,
    (namespace, run): (&Namespace, RunId),
) -> Result<bool, Failure> {
    let mut calls = descendants::calls(reader, namespace, run)?;
    calls.retain(|call| wanted.holds(&call.task));
    // If standard error is closed the exit code still tells.
    let say = |message: String| drop(writeln!(anstream::stderr(), "{message}"));
    for Call { task, child } in calls.iter().take(NAMED_MAX) {
        let (task, child) = (task.path(), summary::short(*child));
        say(format!("`{task}` called run {child}: `myrmex runs logs {child}` prints what that printed"));
    }
    if let Some(more @ 1..) = calls.len().checked_sub(NAMED_MAX) {
        say(format!("and {more} more: `myrmex runs show` lists them"));
    }
    Ok(!calls.is_empty())
}

/// Says why there is nothing: there is no such task, it took over what another run did, or it printed nothing.
fn say_why((paths, wanted): (&[String], &Wanted), reader: &dyn Reader, run: RunId) -> Result<(), Failure> {
    let loaded = myrmex_runtime::partition::load_run(reader, &Namespace::standard(), run)?;
    let tasks = loaded.as_ref().map(summary::last_runs).unwrap_or_default();
    for path in paths {
        if let Some(from) = tasks.get(path).and_then(TaskView::taken_from) {
            let short = summary::short(from);
            let message =
                format!("the result of task `{path}` was taken over from run {short}, where it ran");
            return Err(Failure::new(FailureCode::RunId, message)
                .with_hint(format!("`myrmex runs logs {short} --task '{path}'` prints what it printed")));
        }
        require(loaded.as_ref(), path, reader, run)?;
    }
    // If standard error is closed the exit code still tells.
    let say = |message: String| drop(writeln!(anstream::stderr(), "{message}"));
    say(match paths {
        [] => format!("no task of run {run} has printed anything that is recorded"),
        [task] => format!("task `{task}` of run {run} has printed nothing that is recorded"),
        tasks => format!("{} of run {run} have printed nothing that is recorded", listed(tasks)),
    });
    let cached = tasks.iter().filter(|(_, task)| wanted.holds(&task.address()));
    for (path, origin) in cached.filter_map(|(path, task)| Some((path, task.cached()?))).take(NAMED_MAX) {
        say(format!("`{path}` was not run: its result is that of run {}", origin.run));
    }
    Ok(())
}

/// Fails unless the run has a task at `path`.
pub(super) fn require(
    loaded: Option<&Run>,
    path: &str,
    reader: &dyn Reader,
    run: RunId,
) -> Result<(), Failure> {
    let known = loaded.map(summary::paths).unwrap_or_default();
    let wanted = TaskPath::new(path);
    if known.iter().any(|known| wanted.is(known)) {
        return Ok(());
    }
    if let Some((child, inner)) = descendants::inside_call(reader, &Namespace::standard(), (run, path))? {
        let message = format!("`{path}` lies in a run that was called");
        let hint =
            format!("`myrmex runs logs {} --task '{inner}'` prints what it printed", summary::short(child));
        return Err(Failure::new(FailureCode::RunId, message).with_hint(hint));
    }
    Err(Failure::new(FailureCode::RunId, format!("run {run} has no task `{path}`"))
        .with_hint(format!("its tasks are {}", listed(&known))))
}

/// Finds where the output of attempts that ended lies.
fn ended_attempts(
    reader: &dyn Reader,
    namespace: &Namespace,
    run: RunId,
) -> Result<Vec<AttemptLog>, Failure> {
    let mut logs: Vec<AttemptLog> = Vec::new();
    loop {
        let page = reader.log_ranges(namespace, run, None, logs.last(), 1_000)?;
        if page.is_empty() {
            return Ok(logs);
        }
        logs.extend(page);
    }
}

/// Finds where the output of attempts lies whose end is not recorded: they run, or were cut off with their process.
fn open_attempts(
    reader: &dyn Reader,
    segments: &FileLogReader,
    run: RunId,
) -> Result<Vec<AttemptLog>, Failure> {
    let mut logs = Vec::new();
    let mut after = FencingToken(0);
    let log = reader.partitions()?.log_of(run);
    loop {
        let page = reader.grants(log, after, 1_000)?;
        let Some(last) = page.last() else { return Ok(logs) };
        after = last.token;
        for grant in page.into_iter().filter(|grant| grant.run == run) {
            let source = Source { log: DOMAIN_LOG, token: grant.token };
            let tail = segments.scan_tail(grant.logs_from)?;
            logs.extend(tail.ranges.into_iter().filter(|(other, _)| *other == source).map(|(_, range)| {
                AttemptLog {
                    namespace: grant.namespace.clone(),
                    run,
                    task: grant.task.clone(),
                    attempt: grant.attempt,
                    token: grant.token,
                    range,
                }
            }));
        }
    }
}

/// Prints what is left of one attempt's output; returns the damage if that is not all of it.
fn print(
    args: &Args,
    segments: &FileLogReader,
    parts: &[&AttemptLog],
    is_single: bool,
) -> Result<Option<Failure>, Failure> {
    let Some(log) = parts.first() else { return Ok(None) };
    let ranges = parts.iter().map(|part| part.range).collect();
    let mut damage = None;
    let source = Source { log: DOMAIN_LOG, token: log.token };
    let mut lines = Prefixed::new(&log.task, log.attempt.0);
    for piece in segments.read(ranges, source) {
        match piece {
            Ok(Piece::Dropped { bytes }) => {
                // Whoever takes only standard output for a file is to learn of it too.
                drop(writeln!(anstream::stderr(), "{}", gap_text(&log.task, bytes)));
                if args.json {
                    print_line(&piece_json(log, &Piece::Dropped { bytes }))?;
                } else if !is_single {
                    lines.gap(bytes)?;
                }
            }
            Ok(piece) if args.json => print_line(&piece_json(log, &piece))?,
            Ok(Piece::Output { bytes, .. }) if is_single => write(&bytes)?,
            Ok(Piece::Output { bytes, .. }) => lines.write(&bytes)?,
            Err(error @ StoreError::Damaged { .. }) => damage = Some(error.into()),
            Err(error) => return Err(error.into()),
        }
    }
    lines.finish()?;
    Ok(damage)
}

/// Says that the middle of an attempt's output was not kept.
pub(super) fn gap_text(task: &Address, bytes: Option<u64>) -> String {
    let kept = ATTEMPT_BYTES_MAX >> 20;
    format!(
        "{}: {} bytes are missing in the middle: of one attempt's output the beginning and the end are kept, {kept} MiB in \
         all",
        task.path(),
        count_text(bytes)
    )
}

pub(super) fn count_text(bytes: Option<u64>) -> String {
    bytes.map_or_else(|| "an unknown number of".to_owned(), |bytes| bytes.to_string())
}

pub(super) fn piece_json(log: &AttemptLog, piece: &Piece) -> serde_json::Value {
    let base = |more: serde_json::Value| {
        let mut line = json!({
            "run": log.run.to_string(), "task": log.task.path(), "attempt": log.attempt.0, "token": log.token.0,
        });
        if let (Some(line), Some(more)) = (line.as_object_mut(), more.as_object()) {
            line.extend(more.clone());
        }
        line
    };
    match piece {
        Piece::Output { stream, at, bytes } => {
            let stream = match stream {
                Stream::Stdout => "stdout",
                Stream::Stderr => "stderr",
            };
            base(json!({"stream": stream, "at": at.to_string(), "text": String::from_utf8_lossy(bytes)}))
        }
        Piece::Dropped { bytes } => base(json!({"dropped_bytes": bytes})),
    }
}

pub(super) fn write(bytes: &[u8]) -> Result<(), Failure> {
    std::io::stdout().write_all(bytes).map_err(|error| Failure::output(&error))
}

/// Writes lines with the task before them.
struct Prefixed {
    prefix: String,
    is_line_open: bool,
}

impl Prefixed {
    fn new(task: &Address, attempt: u32) -> Self {
        let path = task.path();
        let prefix =
            if attempt == 1 { format!("{path} | ") } else { format!("{path} (attempt {attempt}) | ") };
        Self { prefix, is_line_open: false }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            if !self.is_line_open {
                write(self.prefix.as_bytes())?;
            }
            write(line)?;
            self.is_line_open = !line.ends_with(b"\n");
        }
        Ok(())
    }

    fn gap(&mut self, bytes: Option<u64>) -> Result<(), Failure> {
        self.finish()?;
        let count = count_text(bytes);
        write(
            format!(
                "{}[{count} bytes are missing here: the attempt printed more than is kept]\n",
                self.prefix
            )
            .as_bytes(),
        )
    }

    fn finish(&mut self) -> Result<(), Failure> {
        if std::mem::take(&mut self.is_line_open) { write(b"\n") } else { Ok(()) }
    }
}
