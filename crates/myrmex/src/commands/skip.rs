//! `myrmex runs skip`: a person says that tasks of a run are not to run.

use std::path::Path;

use clap_complete::engine::ArgValueCompleter;
use myrmex_engine::run::Run;
use myrmex_lang::nearest;
use myrmex_model::address::Address;
use myrmex_model::id::RunId;
use myrmex_model::name::Namespace;
use myrmex_runtime::partition::load_run;

use super::runs::{find, listed, open_reader};
use crate::complete;
use crate::exit::{Exit, Failure, FailureCode};
use crate::render::held_up::Waiting;
use crate::render::summary;
use crate::render::task_path::TaskPath;
use crate::request::{self, Asked};
use crate::session::{self, Means, Session, Show};
use crate::workspace::Workspace;

/// Skip tasks of a run that was interrupted, and go on with it
///
/// Skipped are tasks that wait: for others, for a place, for a timer, for their next attempt. What follows them is decided as after every
/// skip: tasks that need them to succeed are skipped too. Who did it and why is recorded. All named tasks are skipped or none.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run's id, or the beginning of it; with `/TASK` also its first task
    #[arg(value_name = "RUN[/TASK]", add = ArgValueCompleter::new(complete::runs_and_tasks))]
    run: String,

    /// The paths of the tasks
    #[arg(value_name = "TASK", add = ArgValueCompleter::new(complete::tasks))]
    task: Vec<String>,

    /// Why; recorded with the skip
    #[arg(long, default_value = "asked for on the command line")]
    reason: String,

    /// Run at most this many tasks at a time [default: one per core]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1024))]
    slots: Option<u32>,

    /// Print events as JSON lines, and the summary last
    #[arg(long, conflicts_with = "quiet")]
    json: bool,

    /// Print nothing unless the run fails
    #[arg(long, short)]
    quiet: bool,
}

/// Skips the tasks and goes on with the run.
///
/// # Errors
///
/// Returns [`Failure`] if there is no such run or task, one of them does not wait, the store is held, or the engine fails.
pub fn run(args: &Args, data: Option<&Path>) -> Result<Exit, Failure> {
    let zygote = session::fork_zygote()?;
    let workspace = Workspace::current(data)?;
    let (run, tasks) = resolve(args, &workspace)?;
    let show = match (args.json, args.quiet) {
        (true, _) => Show::Json,
        (false, true) => Show::Nothing,
        (false, false) => Show::People,
    };
    let means = Means { slots: args.slots, is_quiet: args.quiet, ..Means::default() };
    let session = Session::open(zygote, &workspace, means)?;
    let below = session.open_below(run)?;
    let after = session.last_of(run)?;
    session.goes_on_with(run);
    // First the skip, which takes the run up: nothing of it gets a place before.
    let skipped = session.partition().skip_tasks(run, &tasks, (&session::user(), &args.reason));
    if let Some(exit) = request::settled(&session, &skipped, Asked { run, waiting: Waiting::Skip, show })? {
        return Ok(exit);
    }
    if show == Show::People {
        session.tell_of_interrupted(Some((run, &below)))?;
    }
    let resumed = session.partition().resume_run(run, &below);
    if let Some(exit) = request::settled(&session, &resumed, Asked { run, waiting: Waiting::Resume, show })? {
        return Ok(exit);
    }
    session.watch(run, after, show)
}

/// Finds the run and its tasks by their addresses.
fn resolve(args: &Args, workspace: &Workspace) -> Result<(RunId, Vec<Address>), Failure> {
    let (reader, namespace) = (open_reader(workspace)?, Namespace::standard());
    let (prefix, first) = match args.run.split_once('/') {
        Some((prefix, task)) => (prefix, Some(task)),
        None => (args.run.as_str(), None),
    };
    let paths: Vec<&str> = first.into_iter().chain(args.task.iter().map(String::as_str)).collect();
    if paths.is_empty() {
        let message = "no task is named".to_owned();
        return Err(
            Failure::new(FailureCode::Inputs, message).with_hint("`myrmex runs skip RUN TASK` skips one")
        );
    }
    let id = find(&reader, &namespace, prefix)?;
    let unknown = || Failure::new(FailureCode::RunId, format!("there is no run {id}"));
    let run = load_run(&reader, &namespace, id)?.ok_or_else(unknown)?;
    if run.status().is_terminal() {
        let short = summary::short(id);
        let message = format!("run {short} is over: {}", run.status());
        return Err(Failure::new(FailureCode::Refused, message)
            .with_hint(format!("`myrmex runs retry {short}` runs again what did not succeed")));
    }
    let tasks = paths.iter().map(|path| address(&run, path, Purpose::Skip)).collect::<Result<_, _>>()?;
    Ok((id, tasks))
}

/// What a task is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To be skipped.
    Skip,
    /// To be answered.
    Answer,
}

/// What helps whoever answers too early.
const WAITING: &str = "it asks once the run has come to it; `myrmex approvals list` shows what waits now";

/// Finds the task that a path names, of one that ran several times the last run.
pub(super) fn address(run: &Run, path: &str, purpose: Purpose) -> Result<Address, Failure> {
    let wanted = TaskPath::new(path);
    let last = run.tasks().filter(|task| wanted.names(&task.address())).last();
    if let Some(task) = last {
        return Ok(task.address());
    }
    let known = summary::paths(run);
    if known.iter().any(|known| wanted.is(known)) {
        return Err(not_reached(run, path, purpose));
    }
    let message = format!("run {} has no task `{path}`", summary::short(run.id()));
    let failure = Failure::new(FailureCode::Task, message);
    Err(match nearest(path, known.iter().map(String::as_str)) {
        Some(near) => failure.with_hint(format!("did you mean `{near}`?")),
        None => failure.with_hint(format!("its tasks are {}", listed(&known))),
    })
}

/// Builds the failure of a task that the run may come to, and has not.
fn not_reached(run: &Run, path: &str, purpose: Purpose) -> Failure {
    if run.claim().is_some_and(|claim| !claim.is_admitted) {
        let message = "the run has not begun: it waits for its place among the runs of its workflow";
        let short = summary::short(run.id());
        return Failure::new(FailureCode::Task, message.to_owned())
            .with_hint(format!("`myrmex runs cancel {short}` ends it"));
    }
    let has_begun = |around: &str| {
        let wanted = TaskPath::new(around);
        run.tasks()
            .any(|task| !task.status().is_terminal() && task.attempts() > 0 && wanted.names(&task.address()))
    };
    if path.rsplit_once('/').is_none_or(|(around, _)| has_begun(around)) {
        let message = format!("the run has not come to task `{path}`: a step before it is not over");
        return Failure::new(FailureCode::Task, message).with_hint(match purpose {
            Purpose::Skip => "a step of a `do:` can be skipped once the run has come to it",
            Purpose::Answer => WAITING,
        });
    }
    let message = format!("the run has not come to task `{path}`: what is around it has not begun");
    Failure::new(FailureCode::Task, message).with_hint(match purpose {
        Purpose::Skip => "skip what is around it",
        Purpose::Answer => WAITING,
    })
}
