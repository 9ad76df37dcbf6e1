//! `myrmex project advance`: move a virtual clock on, from timer to timer.

use std::path::Path;
use std::str::FromStr;

use clap_complete::engine::ArgValueCompleter;
use myrmex_model::name::Namespace;
use myrmex_model::time::{Length, Timestamp};
use myrmex_runtime::clock::Clock;

use super::Telling;
use crate::clock::DataClock;
use crate::commands::resume;
use crate::commands::runs::{find, open_reader};
use crate::complete;
use crate::exit::{Exit, Failure, FailureCode};
use crate::render::time;
use crate::session::{self, Journey, Session};
use crate::workspace::Workspace;

/// Move the virtual clock of a rehearsal on, from timer to timer
///
/// At each timer everything goes on until it stands still again. An end of the run ends the way. A command that was killed on its way is
/// said again, and goes on to where that one was to come.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The project's name, or the id of its run
    #[arg(value_name = "PROJECT", add = ArgValueCompleter::new(complete::runs_and_names))]
    project: String,

    #[command(flatten)]
    way: Way,

    #[command(flatten)]
    telling: Telling,
}

/// How far.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Way {
    /// Move it to this time
    #[arg(long, value_name = "TIME")]
    to: Option<Timestamp>,

    /// Move it on by so much elapsed time, such as `3d` or `4h`
    #[arg(long, value_name = "DURATION", value_parser = Length::from_str)]
    by: Option<Length>,

    /// Move it to the next timer
    #[arg(long)]
    next: bool,
}

/// Moves the clock on.
///
/// # Errors
///
/// Returns [`Failure`] if the clock is not virtual or would go back, there is no such run, the store is held, or the engine fails.
pub(super) fn run(args: &Args, data: Option<&Path>) -> Result<Exit, Failure> {
    let zygote = session::fork_zygote()?;
    let workspace = Workspace::current(data)?;
    let run = find(&open_reader(&workspace)?, &Namespace::standard(), &args.project)?;
    if !DataClock::of(&workspace.data)?.is_virtual() {
        let message = format!("`{}` has no virtual clock: time passes by itself", workspace.data.display());
        return Err(Failure::new(FailureCode::Refused, message).with_hint(
            "`myrmex --data-dir DIR project start FILE --clock TIME` rehearses in a folder of its own",
        ));
    }
    let show = args.telling.show();
    if let Some(exit) = resume::begin(run, &workspace, show)? {
        return Ok(exit);
    }
    let session = Session::open(zygote, &workspace, args.telling.means())?;
    let journey = journey(&args.way, session.clock())?;
    let after = session.last_of(run)?;
    session.goes_on_with(run);
    if let Some(exit) = session.take_up(run, show)? {
        return Ok(exit);
    }
    // That the run waits where the clock has come to is what was asked for.
    Ok(match session.watch_on(run, after, (show, Some(journey)))? {
        Exit::Waiting => Exit::Success,
        other => other,
    })
}

/// Returns where to. What a command that was killed did not reach comes first, unless an instant is named.
fn journey(way: &Way, clock: &DataClock) -> Result<Journey, Failure> {
    let now = clock.now();
    let journey = match (way.to, clock.target(), way.by) {
        (Some(to), _, _) if to < now => {
            let message = format!("the virtual clock stands at {} and does not go back", time::instant(now));
            let hint = "a rehearsal from the start needs another data folder: `--data-dir DIR`";
            return Err(Failure::new(FailureCode::Inputs, message).with_hint(hint));
        }
        (Some(to), _, _) => Journey::To(to),
        (None, Some(target), _) => Journey::To(target),
        (None, None, Some(by)) => Journey::To(now.after(by)),
        (None, None, None) => Journey::Next,
    };
    Ok(journey)
}
