//! `myrmex project start`: begin a project, and go on with it until only people or time are waited for.

use std::path::Path;
use std::sync::Arc;

use clap_complete::engine::ArgValueCompleter;
use myrmex_model::id::DefinitionHash;
use myrmex_model::ir::Definition;
use myrmex_model::name::{Name, Namespace};
use myrmex_model::time::Timestamp;
use myrmex_model::wire;
use myrmex_runtime::partition::NewRun;
use myrmex_store::Reader;

use super::Telling;
use crate::clock::DataClock;
use crate::commands::lacking::lacking;
use crate::commands::run::{
    called, has_errors, id_for, no_definition, print_json, refuse, resolve, start, tell_problems,
};
use crate::commands::runs::{has_store, of_project, open_reader};
use crate::commands::{CheckedFile, check_placed};
use crate::complete;
use crate::exit::{Exit, Failure, FailureCode};
use crate::render::{origin, summary};
use crate::session::{self, Session, Show};
use crate::settings::Settings;
use crate::workspace::Workspace;

/// Begin a project
///
/// It goes on until only people, or time that is not over, are waited for; then it says who is to do what, and ends with exit code 3. What
/// people say with `done`, `approve` and the like goes on with it.
#[derive(Debug, clap::Args)]
pub(in crate::commands) struct Args {
    /// The project's file, or its name, found as that of a workflow
    #[arg(value_name = "FILE_OR_NAME", add = ArgValueCompleter::new(complete::workflows))]
    project: String,

    /// Rehearse it: give the data folder, which must be empty, a virtual clock that stands at this time
    #[arg(long, value_name = "TIME")]
    clock: Option<Timestamp>,

    #[command(flatten)]
    telling: Telling,
}

/// Begins the project.
///
/// # Errors
///
/// Returns [`Failure`] if there is no such project, a run of it is not over, the store is held, or the engine fails.
pub(in crate::commands) fn run(args: &Args, data: Option<&Path>) -> Result<Exit, Failure> {
    let zygote = session::fork_zygote()?;
    let workspace = Workspace::current(data)?;
    let show = args.telling.show();
    let (file, definition) = match read(args, &workspace)? {
        Ok(read) => read,
        Err(exit) => return Ok(exit),
    };
    let providers = Settings::load(&workspace)?.providers;
    let none = serde_json::Map::new();
    if refuse(&lacking(&file, (&definition, &none), (&providers, &workspace.root)), show)? {
        return Ok(Exit::Invalid);
    }
    if has_store(&workspace) {
        refuse_second(&open_reader(&workspace)?, &definition.name)?;
    }
    if let Some(at) = args.clock {
        DataClock::make(&workspace.data, at)?;
    }
    let session = Session::open(zygote, &workspace, args.telling.means())?;
    // Another process may have begun it before this one held the store.
    refuse_second(session.reader()?, &definition.name)?;
    let form = wire::definition::encode(&definition);
    let hash = DefinitionHash::of(&form);
    let run = id_for(None, session.namespace().as_str());
    session.goes_on_with(run);
    let new = NewRun {
        run,
        definition: Arc::new(definition),
        hash,
        form: form.into(),
        inputs: serde_json::Value::Object(none),
        called: file.closure.into_iter().map(called).collect(),
        started_by: session::user(),
        trigger: "manual".to_owned(),
        key: None,
        retry: None,
    };
    start(&session, new, None, show)
}

/// Reads the project, and tells what is wrong with it; the exit if it cannot be run.
fn read(args: &Args, workspace: &Workspace) -> Result<Result<(CheckedFile, Definition), Exit>, Failure> {
    let mut file = match resolve(&args.project, workspace) {
        Ok(path) => {
            origin::note(&path);
            check_placed(&path, &workspace.root)
        }
        Err(problem) => CheckedFile::unreadable(*problem),
    };
    let show = args.telling.show();
    if show == Show::Json && has_errors(&file) {
        print_json(file)?;
        return Ok(Err(Exit::Invalid));
    }
    tell_problems(&file, show != Show::People);
    match file.definition.take() {
        Some(definition) if definition.project.is_none() => {
            let message = format!("`{}` is a workflow, not a project", file.source.name);
            let hint = format!("`myrmex run {}` runs it", args.project);
            Err(Failure::new(FailureCode::File, message).with_hint(hint))
        }
        Some(definition) => Ok(Ok((file, definition))),
        None => no_definition(&file).map(Err),
    }
}

/// Refuses a project of which a run is not over: people name its tasks by its name.
fn refuse_second(reader: &dyn Reader, name: &Name) -> Result<(), Failure> {
    let runs = of_project(reader, &Namespace::standard(), name)?;
    let Some(open) = runs.iter().find(|run| !run.status.is_terminal()) else { return Ok(()) };
    let short = summary::short(open.run);
    let message = format!("the project `{name}` is under way: run {short}");
    let hint = format!("`myrmex runs show {name}` shows how it stands, `myrmex runs cancel {short}` ends it");
    Err(Failure::new(FailureCode::Refused, message).with_hint(hint))
}
