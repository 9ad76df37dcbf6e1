//! `myrmex graph`: a workflow or a run as a picture.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use clap_complete::engine::ArgValueCompleter;
use myrmex_engine::history::History;
use myrmex_model::id::RunId;
use myrmex_model::ir::Definition;
use myrmex_model::name::{Name, Namespace};
use myrmex_runtime::partition::load_run;
use myrmex_store::Reader;
use myrmex_store::sqlite::SqliteReader;

use super::run::{candidates, no_definition, resolve, tell_problems};
use super::runs::{by_id, has_store, open_reader};
use super::{CheckedFile, check_file, out};
use crate::driven::Driver;
use crate::exit::{Exit, Failure, FailureCode};
use crate::render::graph::dot::dot;
use crate::render::graph::json::json;
use crate::render::graph::mermaid::mermaid;
use crate::render::graph::model::Drawing;
use crate::render::graph::states::{of_definition, of_run};
use crate::render::graph::svg::svg;
use crate::render::graph::text::text;
use crate::sources::STANDARD_INPUT;
use crate::workspace::Workspace;
use crate::{complete, history};

/// Draw a workflow, or a run with where its tasks stand
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The workflow's file or name, as `run` takes it; or the id of a run, or the beginning of it
    #[arg(value_name = "FILE_OR_NAME_OR_RUN", add = ArgValueCompleter::new(complete::workflows_and_runs))]
    what: String,

    /// How to draw it [default: by the ending of the file of `--out`; text on a terminal, else svg]
    #[arg(long, value_enum)]
    format: Option<Format>,

    /// Write the drawing here instead of to standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// How a drawing is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A picture that needs nothing else, for light and dark pages
    Svg,
    /// A flowchart for Markdown, as GitHub shows it
    Mermaid,
    /// The language of Graphviz
    Dot,
    /// One JSON document
    Json,
    /// One line a task, for a terminal
    Text,
}

impl Format {
    /// Returns what the ending of a file says.
    fn of(file: &Path) -> Option<Self> {
        match file.extension()?.to_str()? {
            "svg" => Some(Self::Svg),
            "mmd" | "mermaid" => Some(Self::Mermaid),
            "dot" | "gv" => Some(Self::Dot),
            "json" => Some(Self::Json),
            "txt" => Some(Self::Text),
            _ => None,
        }
    }
}

/// Draws it.
///
/// # Errors
///
/// Returns [`Failure`] if there is no such workflow or run, it is too large to be drawn, or the drawing cannot be written.
pub fn run(args: &Args, data: Option<&Path>) -> Result<Exit, Failure> {
    let format = match (args.format, &args.out) {
        (Some(format), _) => format,
        (None, Some(file)) => Format::of(file).ok_or_else(|| unknown_ending(file))?,
        (None, None) if std::io::stdout().is_terminal() => Format::Text,
        (None, None) => Format::Svg,
    };
    out::refuse_workflow(args.out.as_deref(), "a drawing")?;
    let workspace = Workspace::current(data)?;
    let drawing = match drawing(&args.what, &workspace)? {
        Ok(drawing) => drawing,
        Err(exit) => return Ok(exit),
    };
    let written = match format {
        Format::Svg => svg(&drawing).map_err(|error| {
            Failure::from_error(FailureCode::Drawing, &error)
                .with_hint("`--format json` and `--format dot` give all of it, for other tools")
        })?,
        Format::Mermaid => mermaid(&drawing),
        Format::Dot => dot(&drawing),
        Format::Text => text(&drawing),
        Format::Json => format!("{:#}\n", json(&drawing)),
    };
    out::write(args.out.as_deref(), &written)?;
    Ok(Exit::Success)
}

fn unknown_ending(file: &Path) -> Failure {
    let message = format!("the ending of `{}` says no format", file.display());
    Failure::new(FailureCode::Inputs, message)
        .with_hint("end it with .svg, .mmd, .dot, .json or .txt, or say `--format`")
}

/// Draws a run or a workflow; a file with errors shows them and gives the exit.
pub(super) fn drawing(what: &str, workspace: &Workspace) -> Result<Result<Drawing, Exit>, Failure> {
    if let Some((id, reader)) = run_named(what, workspace)? {
        return draw_run(id, &reader, workspace).map(Ok);
    }
    Ok(definition(what, workspace)?.map(|definition| {
        let drawing = of_definition(&definition);
        match history_of(&definition.name, workspace) {
            Some(history) => drawing.with_history(&history),
            None => drawing,
        }
    }))
}

/// Reads a workflow; a file with errors shows them and gives the exit.
pub(super) fn definition(what: &str, workspace: &Workspace) -> Result<Result<Definition, Exit>, Failure> {
    let mut file = match resolve(what, workspace) {
        Ok(path) => check_file(&path, &workspace.root),
        Err(problem) => CheckedFile::unreadable(*problem),
    };
    tell_problems(&file, true);
    match file.definition.take() {
        Some(definition) => Ok(Ok(definition)),
        None => no_definition(&file).map(Err),
    }
}

/// Reads what past runs of a workflow took; nothing if there are none. A store that cannot be read keeps nobody from drawing a file.
pub(super) fn history_of(workflow: &Name, workspace: &Workspace) -> Option<History> {
    if !has_store(workspace) {
        return None;
    }
    let history = open_reader(workspace)
        .and_then(|reader| Ok(history::of_workflow(&reader, &Namespace::standard(), workflow)?));
    history.unwrap_or_else(|failure| {
        // If standard error is closed the drawing is there all the same.
        drop(writeln!(anstream::stderr(), "drawn without the history: {}", failure.message));
        None
    })
}

/// Finds the run that is meant; nothing if a workflow is. A file and a workflow of that name come first.
pub(super) fn run_named(what: &str, workspace: &Workspace) -> Result<Option<(RunId, SqliteReader)>, Failure> {
    let is_digits =
        |text: &str| text.chars().all(|character| character.is_ascii_hexdigit() || character == '-');
    let is_workflow = || Path::new(what).exists() || !candidates(what, workspace).0.is_empty();
    if what == STANDARD_INPUT || what.is_empty() || !is_digits(what) || is_workflow() {
        return Ok(None);
    }
    // What begins with a letter may be a name that was mistyped: then that is what is told.
    let is_surely_run = what.starts_with(|first: char| first.is_ascii_digit());
    let namespace = Namespace::standard();
    let found = open_reader(workspace).and_then(|reader| Ok((by_id(&reader, &namespace, what)?, reader)));
    match found {
        Ok(found) => Ok(Some(found)),
        Err(failure) if is_surely_run || failure.code != FailureCode::RunId => Err(failure),
        Err(_) => Ok(None),
    }
}

/// Draws a run with where its tasks stand.
fn draw_run(id: RunId, reader: &dyn Reader, workspace: &Workspace) -> Result<Drawing, Failure> {
    let namespace = Namespace::standard();
    let unknown = || Failure::new(FailureCode::RunId, format!("there is no run {id}"));
    let driver = Driver::of(workspace)?;
    let header = reader.summary(&namespace, id)?.ok_or_else(unknown)?;
    let is_interrupted = driver.has_left(reader, &header)?;
    let run = load_run(reader, &namespace, id)?.ok_or_else(unknown)?;
    Ok(of_run(&run, is_interrupted))
}
