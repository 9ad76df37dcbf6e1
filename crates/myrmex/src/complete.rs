//! What a shell offers where a name is expected: workflows, runs, their tasks, codes.
//!
//! A shell asks whenever somebody presses a key. So an answer is short, is silent about every problem, and changes nothing: a
//! name that cannot be found out is not offered.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use clap_complete::CompleteEnv;
use clap_complete::engine::{CompletionCandidate, PathCompleter, ValueCompleter};
use myrmex_model::name::Namespace;
use myrmex_runtime::partition::load_run;
use myrmex_store::Reader;
use myrmex_store::contract::SummaryFilter;
use myrmex_store::sqlite::SqliteReader;

use crate::cli::Cli;
use crate::commands::{explain, run};
use crate::examples;
use crate::exit::Failure;
use crate::render::summary;
use crate::sources;
use crate::workspace::Workspace;

/// The name by which the program is called.
pub(crate) const PROGRAM: &str = "myrmex";

/// The environment variable by which a shell asks.
pub(crate) const VARIABLE: &str = "MYRMEX_COMPLETE";

/// The most runs that are offered: those that somebody may still have in mind.
const RUNS_MAX: usize = 50;

/// The most runs whose workflows are offered.
const NAMED_RUNS_MAX: usize = 1_000;

/// The most tasks that are offered.
const TASKS_MAX: usize = 1_000;

/// Answers the shell if it is a shell that asks; returns whether it was.
pub(crate) fn answers() -> bool {
    if std::env::var_os(VARIABLE).is_none() {
        return false;
    }
    let here = std::env::current_dir().ok();
    let answer = CompleteEnv::with_factory(Cli::command).var(VARIABLE);
    // A shell that is not known, or that has gone, is told nothing: there is nobody who would read it.
    matches!(answer.try_complete(std::env::args_os(), here.as_deref()), Ok(true) | Err(_))
}

/// Offers the workflows of the workspace by name, and files.
pub(crate) fn workflows(current: &OsStr) -> Vec<CompletionCandidate> {
    let mut offered = files(current);
    let Some(begun) = current.to_str() else { return offered };
    let Ok(workspace) = workspace() else { return offered };
    for file in sources::ours(&workspace.root) {
        if let Some(name) = sources::declared(&file).filter(|name| name.starts_with(begun)) {
            let shown = file.strip_prefix(&workspace.root).unwrap_or(&file).display().to_string();
            offered.push(CompletionCandidate::new(name).help(Some(shown.into())));
        }
    }
    offered
}

/// Offers workflows and the newest runs.
pub(crate) fn workflows_and_runs(current: &OsStr) -> Vec<CompletionCandidate> {
    let mut offered = workflows(current);
    offered.extend(runs(current));
    offered
}

/// Offers source files, and the folders in which there may be some.
pub(crate) fn files(current: &OsStr) -> Vec<CompletionCandidate> {
    let is_wanted = |path: &Path| path.is_dir() || sources::is_source(path);
    let mut offered = PathCompleter::any().filter(is_wanted).complete(current);
    offered.retain(|path| path.get_value() != ".");
    offered
}

/// Offers the newest runs.
pub(crate) fn runs(current: &OsStr) -> Vec<CompletionCandidate> {
    let Some(begun) = current.to_str() else { return Vec::new() };
    let newest = || -> Result<Vec<CompletionCandidate>, Failure> {
        let (reader, namespace) = (reader()?, Namespace::standard());
        let page = reader.summaries(&namespace, &SummaryFilter::default(), None, RUNS_MAX)?;
        let is_begun = |id: &str| id.starts_with(begun);
        let runs = page.summaries.iter().filter(|run| is_begun(&run.run.to_string()));
        Ok(runs
            .map(|run| {
                // Who wrote more than the short form goes on with the whole.
                let short = summary::short(run.run);
                let id = if is_begun(&short) { short } else { run.run.to_string() };
                let about = format!("{}, {}", run.workflow.as_str(), run.status.as_str());
                CompletionCandidate::new(id).help(Some(about.into()))
            })
            .collect())
    };
    newest().unwrap_or_default()
}

/// Offers the workflows of the newest runs by name.
pub(crate) fn names_of_runs(current: &OsStr) -> Vec<CompletionCandidate> {
    let Some(begun) = current.to_str() else { return Vec::new() };
    let names = || -> Result<BTreeSet<String>, Failure> {
        let page =
            reader()?.summaries(&Namespace::standard(), &SummaryFilter::default(), None, NAMED_RUNS_MAX)?;
        Ok(page.summaries.iter().map(|run| run.workflow.as_str().to_owned()).collect())
    };
    let names = names().unwrap_or_default().into_iter().filter(|name| name.starts_with(begun));
    names.map(CompletionCandidate::new).collect()
}

/// Offers the newest runs, and workflows that ran.
pub(crate) fn runs_and_names(current: &OsStr) -> Vec<CompletionCandidate> {
    let mut offered = names_of_runs(current);
    offered.extend(runs(current));
    offered
}

/// Offers the tasks of the run that stands before on the line.
pub(crate) fn tasks(current: &OsStr) -> Vec<CompletionCandidate> {
    let Some(begun) = current.to_str() else { return Vec::new() };
    let tasks = paths_of_a_run(&line()).unwrap_or_default();
    let tasks = tasks.into_iter().filter(|path| path.starts_with(begun));
    tasks.take(TASKS_MAX).map(CompletionCandidate::new).collect()
}

/// Offers the outermost tasks of the workflow that stands before on the line.
pub(crate) fn tasks_of_workflow(current: &OsStr) -> Vec<CompletionCandidate> {
    let (Some(begun), Ok(workspace)) = (current.to_str(), workspace()) else { return Vec::new() };
    let words = line();
    let mut words =
        words.iter().filter_map(|word| word.to_str()).filter(|word| !word.is_empty() && *word != begun);
    let tasks = words.find_map(|word| run::outermost_of(word, &workspace)).unwrap_or_default();
    tasks.into_iter().filter(|name| name.starts_with(begun)).map(CompletionCandidate::new).collect()
}

/// Offers runs, and behind a run and `/` its tasks.
pub(crate) fn runs_and_tasks(current: &OsStr) -> Vec<CompletionCandidate> {
    let Some((run, begun)) = current.to_str().and_then(|text| text.split_once('/')) else {
        return runs(current);
    };
    let tasks = paths_of_a_run(&[run.into()]).unwrap_or_default();
    let tasks = tasks.into_iter().filter(|path| path.starts_with(begun));
    tasks.take(TASKS_MAX).map(|path| CompletionCandidate::new(format!("{run}/{path}"))).collect()
}

/// Offers the codes of messages.
pub(crate) fn codes(current: &OsStr) -> Vec<CompletionCandidate> {
    let begun = current.to_string_lossy().to_uppercase();
    let pages = explain::pages().filter(|page| page.code.starts_with(&begun));
    pages.map(|page| CompletionCandidate::new(page.code).help(Some(page.title.into()))).collect()
}

/// Offers the examples that the program holds.
pub(crate) fn examples(current: &OsStr) -> Vec<CompletionCandidate> {
    let begun = current.to_string_lossy();
    let examples = examples::all().filter(|example| example.name().starts_with(&*begun));
    examples
        .map(|example| CompletionCandidate::new(example.name()).help(Some(example.title().into())))
        .collect()
}

/// Returns the paths of the tasks of the first run that one of these words names.
fn paths_of_a_run(words: &[OsString]) -> Result<Vec<String>, Failure> {
    let (reader, namespace) = (reader()?, Namespace::standard());
    for word in words.iter().filter_map(|word| word.to_str()).filter(|word| !word.is_empty()) {
        if let [run] = reader.find_runs(&namespace, word, 2)?[..]
            && let Some(run) = load_run(&reader, &namespace, run)?
        {
            return Ok(summary::paths(&run));
        }
    }
    Ok(Vec::new())
}

/// Returns the words of the line that is to be completed. They stand behind `--`, the program's name first.
fn line() -> Vec<OsString> {
    std::env::args_os().skip_while(|word| word != "--").skip(2).collect()
}

/// Finds the workspace, and the data directory that the line names.
fn workspace() -> Result<Workspace, Failure> {
    let words = line();
    let named =
        words.iter().enumerate().find_map(|(at, word)| match word.to_str()?.strip_prefix("--data-dir")? {
            "" => words.get(at + 1).map(PathBuf::from),
            rest => rest.strip_prefix('=').map(PathBuf::from),
        });
    Workspace::current(named.as_deref())
}

fn reader() -> Result<SqliteReader, Failure> {
    crate::commands::runs::open_reader(&workspace()?)
}
