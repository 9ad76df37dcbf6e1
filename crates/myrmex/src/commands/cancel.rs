//! `myrmex runs cancel`: end a run for good.

use std::path::Path;

use clap_complete::engine::ArgValueCompleter;
use myrmex_model::id::RunId;
use myrmex_model::name::Namespace;

use super::runs::{find, open_reader};
use crate::complete;
use crate::exit::{Exit, Failure};
use crate::render::held_up::Waiting;
use crate::request::{self, Asked};
use crate::session::{self, Means, Session, Show};
use crate::workspace::Workspace;

/// Cancel runs that were interrupted or whose process died
///
/// Several runs are cancelled one after the other; the exit code is that of the first that did not end cancelled.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run's id, or the beginning of it; repeat for more
    #[arg(required = true, add = ArgValueCompleter::new(complete::runs))]
    run: Vec<String>,

    /// Why; recorded with the cancel
    #[arg(long, default_value = "asked for on the command line")]
    reason: String,
}

/// Cancels the runs.
///
/// # Errors
///
/// Returns [`Failure`] if there is no such run, it is over, or the store is held. Of several, those before it are cancelled then.
pub fn run(args: &Args, data: Option<&Path>) -> Result<Exit, Failure> {
    let zygote = session::fork_zygote()?;
    let workspace = Workspace::current(data)?;
    let runs = resolve(args, &workspace)?;
    let session = Session::open(zygote, &workspace, Means::default())?;
    let mut ended = Exit::Success;
    for run in runs {
        let exit = cancel(&session, run, &args.reason)?;
        if exit == Exit::Interrupted {
            return Ok(exit);
        }
        if ended == Exit::Success {
            ended = exit;
        }
    }
    Ok(ended)
}

/// Finds the runs that are meant, each once.
fn resolve(args: &Args, workspace: &Workspace) -> Result<Vec<RunId>, Failure> {
    let (reader, namespace) = (open_reader(workspace)?, Namespace::standard());
    let mut runs = Vec::new();
    for prefix in &args.run {
        let run = find(&reader, &namespace, prefix)?;
        if !runs.contains(&run) {
            runs.push(run);
        }
    }
    Ok(runs)
}

fn cancel(session: &Session, run: RunId, reason: &str) -> Result<Exit, Failure> {
    let after = session.last_of(run)?;
    session.goes_on_with(run);
    let cancelled = session.partition().cancel_run(run, &session::user(), reason);
    let show = Show::People;
    if let Some(exit) = request::settled(session, &cancelled, Asked { run, waiting: Waiting::Cancel, show })?
    {
        return Ok(exit);
    }
    match session.watch(run, after, show)? {
        Exit::Cancelled => Ok(Exit::Success),
        other => Ok(other),
    }
}
