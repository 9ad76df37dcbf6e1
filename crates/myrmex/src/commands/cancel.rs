//! `myrmex runs cancel`: end a run for good.

use std::path::Path;

use clap_complete::engine::ArgValueCompleter;
use myrmex_model::name::Namespace;

use super::runs::{find, open_reader};
use crate::complete;
use crate::exit::{Exit, Failure};
use crate::render::held_up::Waiting;
use crate::request::{self, Asked};
use crate::session::{self, Means, Session, Show};
use crate::workspace::Workspace;

/// Cancel a run that was interrupted or whose process died
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run's id, or the beginning of it
    #[arg(add = ArgValueCompleter::new(complete::runs))]
    run: String,

    /// Why; recorded with the cancel
    #[arg(long, default_value = "asked for on the command line")]
    reason: String,
}

/// Cancels the run.
///
/// # Errors
///
/// Returns [`Failure`] if there is no such run, it is over, or the store is held.
pub fn run(args: &Args, data: Option<&Path>) -> Result<Exit, Failure> {
    let zygote = session::fork_zygote()?;
    let workspace = Workspace::current(data)?;
    let namespace = Namespace::standard();
    let run = find(&open_reader(&workspace)?, &namespace, &args.run)?;
    let session = Session::open(zygote, &workspace, Means::default())?;
    let after = session.last_of(run)?;
    session.goes_on_with(run);
    let cancelled = session.partition().cancel_run(run, &session::user(), &args.reason);
    let show = Show::People;
    if let Some(exit) = request::settled(&session, &cancelled, Asked { run, waiting: Waiting::Cancel, show })?
    {
        return Ok(exit);
    }
    match session.watch(run, after, show)? {
        Exit::Cancelled => Ok(Exit::Success),
        other => Ok(other),
    }
}
