//! `myrmex runs resume`: go on where a run stopped.

use std::path::Path;

use myrmex_model::name::Namespace;
use myrmex_store::Reader;

use super::runs::{find, open_reader};
use crate::exit::{Exit, Failure};
use crate::session::{self, Session, Show};
use crate::workspace::Workspace;

/// Go on with a run that was interrupted or whose process died
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run's id, or the beginning of it
    run: String,

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

/// Resumes the run; of a finished one it prints the summary.
///
/// # Errors
///
/// Returns [`Failure`] if there is no such run, the store is held, or the engine fails.
pub fn run(args: &Args, data: Option<&Path>) -> Result<Exit, Failure> {
    let zygote = session::fork_zygote()?;
    let workspace = Workspace::current(data)?;
    let namespace = Namespace::standard();
    let show = match (args.json, args.quiet) {
        (true, _) => Show::Json,
        (false, true) => Show::Nothing,
        (false, false) => Show::People,
    };
    let run = {
        let reader = open_reader(&workspace)?;
        let run = find(&reader, &namespace, &args.run)?;
        let summary = reader.summary(&namespace, run)?;
        if let Some(summary) = summary.filter(|summary| summary.status.is_terminal()) {
            session::show_end(&reader, &namespace, run, summary.status, show)?;
            return Ok(Exit::of_run(summary.status));
        }
        run
    };
    let session = Session::open(zygote, &workspace, args.slots.unwrap_or_else(session::default_slots))?;
    let after = session.last_of(run)?;
    session.partition().resume_run(run).map_err(|error| session.refused(error))?;
    session.watch(run, after, show)
}
