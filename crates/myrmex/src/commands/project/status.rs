//! `myrmex project status`: how a project stands, what is late, and what comes of it.

use std::io::Write;
use std::path::Path;

use clap_complete::engine::ArgValueCompleter;
use myrmex_model::name::Namespace;
use myrmex_runtime::clock::Clock;
use myrmex_runtime::partition::load_run;

use crate::clock::DataClock;
use crate::commands::runs::{find, open_reader};
use crate::complete;
use crate::exit::{Exit, Failure, FailureCode};
use crate::forecast;
use crate::render::standing::document::document;
use crate::render::standing::{Standing, text};
use crate::session::print_line;
use crate::workspace::Workspace;

/// Say how a project stands: what is done, what is late and why, when it will be over, what it costs
///
/// What has happened is compared with the plan at the start, and planned on from now. Nothing is changed, also while another process works on it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The project's name, or the id of its run
    #[arg(value_name = "PROJECT", add = ArgValueCompleter::new(complete::runs_and_names))]
    project: String,

    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// Says how it stands.
///
/// # Errors
///
/// Returns [`Failure`] if there is no such run, it is not of a project, or the store cannot be read.
pub(super) fn run(args: &Args, data: Option<&Path>) -> Result<Exit, Failure> {
    let workspace = Workspace::current(data)?;
    let (reader, namespace) = (open_reader(&workspace)?, Namespace::standard());
    let id = find(&reader, &namespace, &args.project)?;
    let unknown = || Failure::new(FailureCode::RunId, format!("there is no run {id}"));
    let run = load_run(&reader, &namespace, id)?.ok_or_else(unknown)?;
    if run.definition().project.is_none() {
        let message = format!("run {} is of a workflow, not of a project", args.project);
        let hint = format!("`myrmex runs show {}` shows it", args.project);
        return Err(Failure::new(FailureCode::RunId, message).with_hint(hint));
    }
    let clock = DataClock::of(&workspace.data)?;
    let forecast = forecast::of_run(&reader, &namespace, &run, clock.now())?;
    let standing = Standing::new(&run, &forecast, clock.is_virtual());
    if args.json {
        print_line(&document(&standing))?;
    } else {
        let text = text(&standing);
        write!(anstream::stdout(), "{text}").map_err(|error| Failure::output(&error))?;
    }
    Ok(Exit::Success)
}
