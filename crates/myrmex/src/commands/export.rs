//! `myrmex export`: a run or a workflow in the format of another program.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use clap_complete::engine::ArgValueCompleter;
use myrmex_model::id::RunId;
use myrmex_model::name::Namespace;
use myrmex_runtime::partition::load_definition;
use myrmex_store::Reader;

use super::graph::{definition, drawing, run_named};
use super::out;
use crate::exit::{Exit, Failure, FailureCode};
use crate::render::exported::chrome_trace::{About, chrome_trace};
use crate::render::exported::wfformat;
use crate::render::graph::mermaid::mermaid;
use crate::workspace::Workspace;
use crate::{complete, history};

/// Write a run or a workflow in the format of another program
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The workflow's file or name, as `run` takes it; or the id of a run, or the beginning of it
    #[arg(value_name = "FILE_OR_NAME_OR_RUN", add = ArgValueCompleter::new(complete::workflows_and_runs))]
    what: String,

    /// The format
    #[arg(long, value_enum)]
    to: Format,

    /// Write it here instead of to standard output
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// A format of another program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// `WfCommons`, version 1.5: the tasks with their parents, and of a run what they took
    Wfformat,
    /// Trace events of a run, for Perfetto and Chrome: a lane for each place, what waited, the blocks
    ChromeTrace,
    /// A flowchart for Markdown, as `myrmex graph --format mermaid` draws it
    Mermaid,
}

/// Exports it.
///
/// # Errors
///
/// Returns [`Failure`] if there is no such workflow or run, the format has no room for it, or it cannot be written.
pub fn run(args: &Args, data: Option<&Path>) -> Result<Exit, Failure> {
    out::refuse_workflow(args.out.as_deref(), "an export")?;
    let workspace = Workspace::current(data)?;
    let written = match args.to {
        Format::Mermaid => drawing(&args.what, &workspace)?.map(|drawing| mermaid(&drawing)),
        Format::Wfformat => match run_named(&args.what, &workspace)? {
            Some((id, reader)) => Ok(wfformat_of_run(id, &reader)?),
            None => match definition(&args.what, &workspace)? {
                Ok(definition) => Ok(wfformat::of_definition(&definition).ok_or_else(|| {
                    let message = format!(
                        "the workflow `{}` has no work: WfFormat knows nothing else",
                        definition.name
                    );
                    Failure::new(FailureCode::Refused, message)
                })?),
                Err(exit) => Err(exit),
            },
        },
        Format::ChromeTrace => {
            let found = run_named(&args.what, &workspace)?;
            let no_run = || {
                let message = format!("`{}` is no run: a trace says when things happened", args.what);
                Failure::new(FailureCode::Refused, message)
                    .with_hint("`myrmex runs list` shows the ids of runs")
            };
            let (id, reader) = found.ok_or_else(no_run)?;
            Ok(trace_of_run(id, &reader)?)
        }
    };
    let written = match written {
        Ok(written) => written,
        Err(exit) => return Ok(exit),
    };
    out::write(args.out.as_deref(), &written)?;
    Ok(Exit::Success)
}

fn wfformat_of_run(id: RunId, reader: &dyn Reader) -> Result<String, Failure> {
    let namespace = Namespace::standard();
    let run = reader.summary(&namespace, id)?.ok_or_else(|| no_run(id))?;
    let timeline = history::timeline(reader, &namespace, id)?;
    let definition = load_definition(reader, &namespace, run.definition)?.ok_or_else(|| {
        Failure::new(FailureCode::Damaged, format!("definition {} is not in the store", run.definition))
    })?;
    wfformat::of_run(&definition, &timeline).ok_or_else(|| {
        let message = format!("no work of run {id} was carried out: WfFormat knows nothing else");
        Failure::new(FailureCode::Refused, message)
    })
}

fn trace_of_run(id: RunId, reader: &dyn Reader) -> Result<String, Failure> {
    let namespace = Namespace::standard();
    let run = reader.summary(&namespace, id)?.ok_or_else(|| no_run(id))?;
    let timeline = history::timeline(reader, &namespace, id)?;
    let id = id.to_string();
    let about = About { run: &id, workflow: run.workflow.as_str(), status: run.status.as_str() };
    Ok(chrome_trace(&about, &timeline))
}

fn no_run(id: RunId) -> Failure {
    Failure::new(FailureCode::RunId, format!("there is no run {id}"))
}
