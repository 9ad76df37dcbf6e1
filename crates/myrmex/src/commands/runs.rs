//! `myrmex runs`: look at runs, resume, retry and cancel them.

use std::collections::BTreeMap;
use std::path::Path;

use clap::Subcommand;
use myrmex_model::id::{DefinitionHash, RunId};
use myrmex_model::name::{Name, Namespace};
use myrmex_runtime::partition::load_definition;
use myrmex_store::contract::SummaryFilter;
use myrmex_store::sqlite::SqliteReader;
use myrmex_store::{Reader, RunSummary};

use super::{answer, artifacts, cancel, events, list, logs, resume, retry, show, skip, stats};
use crate::exit::{Exit, Failure, FailureCode};
use crate::render::summary;
use crate::workspace::Workspace;

/// The most runs of a project that are looked at for the one that is meant: a page of the store.
const PROJECT_RUNS_MAX: usize = 100;

/// The most tasks that are named where one is not known.
pub(super) const NAMED_MAX: usize = 10;

/// Look at runs, resume, retry and cancel them
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

/// The commands about runs. What the help says of each stands at its arguments: words here would hide all but their first line.
#[derive(Debug, Subcommand)]
enum Command {
    List(list::Args),
    Show(show::Args),
    Logs(logs::Args),
    Events(events::RunArgs),
    Artifacts(artifacts::Args),
    Stats(stats::Args),
    Resume(resume::Args),
    Retry(retry::Args),
    Skip(skip::Args),
    Signal(answer::SignalArgs),
    Cancel(cancel::Args),
}

/// Runs the command.
///
/// # Errors
///
/// Returns what the command returns.
pub fn run(args: &Args, data: Option<&Path>) -> Result<Exit, Failure> {
    match &args.command {
        Command::List(args) => list::run(args, data),
        Command::Show(args) => show::run(args, data),
        Command::Logs(args) => logs::run(args, data),
        Command::Events(args) => events::of_run(args, data),
        Command::Artifacts(args) => artifacts::run(args, data),
        Command::Stats(args) => stats::run(args, data),
        Command::Resume(args) => resume::run(args, data),
        Command::Retry(args) => retry::run(args, data),
        Command::Skip(args) => skip::run(args, data),
        Command::Signal(args) => answer::signal(args, data),
        Command::Cancel(args) => cancel::run(args, data),
    }
}

/// Whether the workspace has a store.
pub(super) fn has_store(workspace: &Workspace) -> bool {
    workspace.data.join(myrmex_store::sqlite::FILE_NAME).exists()
}

/// Opens the workspace's store to read it, without holding it.
///
/// # Errors
///
/// Returns [`Failure`] if there is none or it cannot be opened.
pub(crate) fn open_reader(workspace: &Workspace) -> Result<SqliteReader, Failure> {
    if !has_store(workspace) {
        let message = format!("there is no store in `{}`", workspace.data.display());
        return Err(Failure::new(FailureCode::RunId, message).with_hint("`myrmex run FILE` makes one"));
    }
    Ok(SqliteReader::open(&workspace.data)?)
}

/// Finds the run that is meant: by its id or the beginning of it, or by the name of a project, the run of it that is not over, else the
/// newest.
///
/// # Errors
///
/// Returns [`Failure`] if there is none, or more than one.
pub(super) fn find(reader: &dyn Reader, namespace: &Namespace, given: &str) -> Result<RunId, Failure> {
    let failure = match by_id(reader, namespace, given) {
        Err(failure) if failure.code == FailureCode::RunId => failure,
        found => return found,
    };
    let Ok(name) = Name::new(given) else { return Err(failure) };
    let runs = of_project(reader, namespace, &name)?;
    let open: Vec<RunId> = runs.iter().filter(|run| !run.status.is_terminal()).map(|run| run.run).collect();
    match (open.as_slice(), runs.first()) {
        ([run], _) => Ok(*run),
        ([], Some(newest)) => Ok(newest.run),
        ([], None) => Err(failure),
        (several, _) => {
            let ids: Vec<String> = several.iter().map(|run| format!("`{}`", summary::short(*run))).collect();
            let message = format!("the project `{name}` has {} runs that are not over", several.len());
            Err(Failure::new(FailureCode::RunId, message)
                .with_hint(format!("name one of {}", ids.join(", "))))
        }
    }
}

/// Returns the newest runs of the project `name`, at most [`PROJECT_RUNS_MAX`], the newest first. Workflows have none.
///
/// # Errors
///
/// Returns [`Failure`] if the store cannot be read.
pub(super) fn of_project(
    reader: &dyn Reader,
    namespace: &Namespace,
    name: &Name,
) -> Result<Vec<RunSummary>, Failure> {
    let filter = SummaryFilter { status: None, workflow: Some(name.clone()) };
    let mut known: BTreeMap<DefinitionHash, bool> = BTreeMap::new();
    let mut found = Vec::new();
    for run in reader.summaries(namespace, &filter, None, PROJECT_RUNS_MAX)?.summaries {
        let is_project = match known.get(&run.definition) {
            Some(known) => *known,
            None => {
                load_definition(reader, namespace, run.definition)?.is_some_and(|own| own.project.is_some())
            }
        };
        known.insert(run.definition, is_project);
        if is_project {
            found.push(run);
        }
    }
    Ok(found)
}

/// Finds the run whose id begins with `prefix`.
///
/// # Errors
///
/// Returns [`Failure`] if no run's id does, or more than one.
pub(super) fn by_id(reader: &dyn Reader, namespace: &Namespace, prefix: &str) -> Result<RunId, Failure> {
    if prefix.is_empty() {
        let message = "the id of the run is empty".to_owned();
        return Err(Failure::new(FailureCode::RunId, message).with_hint("`myrmex runs list` shows the ids"));
    }
    let found = reader.find_runs(namespace, prefix, 2)?;
    match found.as_slice() {
        [run] => Ok(*run),
        [] => Err(Failure::new(FailureCode::RunId, format!("no run has an id that begins with `{prefix}`"))
            .with_hint("`myrmex runs list` shows the ids")),
        _ => Err(Failure::new(
            FailureCode::RunId,
            format!("more than one run has an id that begins with `{prefix}`"),
        )
        .with_hint("give more digits")),
    }
}

/// Names the first tasks of a run, and how many more there are.
pub(super) fn listed(paths: &[String]) -> String {
    let shown: Vec<String> = paths.iter().take(NAMED_MAX).map(|path| format!("`{path}`")).collect();
    match paths.len().saturating_sub(NAMED_MAX) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
