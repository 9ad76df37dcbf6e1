//! `myrmex project`: run projects, and rehearse them in virtual time.

mod advance;
mod decide;
mod diff;
mod start;
mod status;

use std::path::Path;

use clap::Subcommand;
use clap_complete::engine::ArgValueCompleter;
use myrmex_model::name::Namespace;

use super::resume;
use super::runs::{find, open_reader};
use crate::complete;
use crate::exit::{Exit, Failure};
use crate::session::{self, Means, Session, Show};
use crate::workspace::Workspace;

pub(super) use start::run as begin;

/// Run projects, and rehearse them in virtual time
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

/// The commands about projects. What the help says of each stands at its arguments: words here would hide all but their first line.
#[derive(Debug, Subcommand)]
enum Command {
    Start(start::Args),
    Resume(ResumeArgs),
    Status(status::Args),
    Diff(diff::Args),
    Gate(decide::GateArgs),
    Decide(decide::DecideArgs),
    Advance(advance::Args),
}

/// Runs the command.
///
/// # Errors
///
/// Returns what the command returns.
pub fn run(args: &Args, data: Option<&Path>) -> Result<Exit, Failure> {
    match &args.command {
        Command::Start(args) => start::run(args, data),
        Command::Resume(args) => resume_project(args, data),
        Command::Status(args) => status::run(args, data),
        Command::Diff(args) => diff::run(args, data),
        Command::Gate(args) => decide::gate(args, data),
        Command::Decide(args) => decide::decide(args, data),
        Command::Advance(args) => advance::run(args, data),
    }
}

/// How much is told, and with how many places, whatever a command does with a project.
#[derive(Debug, clap::Args)]
struct Telling {
    /// Run at most this many tasks at a time [default: one per core]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1024))]
    slots: Option<u32>,

    /// Print events as JSON lines, and the summary last
    #[arg(long, conflicts_with = "quiet")]
    json: bool,

    /// Print nothing but what it waits for, unless it fails
    #[arg(long, short)]
    quiet: bool,
}

impl Telling {
    fn show(&self) -> Show {
        match (self.json, self.quiet) {
            (true, _) => Show::Json,
            (false, true) => Show::Nothing,
            (false, false) => Show::People,
        }
    }

    fn means(&self) -> Means {
        Means { slots: self.slots, is_quiet: self.quiet, waits_for_people: false, ..Means::default() }
    }
}

/// Go on with a project after its process died, or when time has passed that it waits for
///
/// What is due is carried out, until only people or time are waited for again.
#[derive(Debug, clap::Args)]
struct ResumeArgs {
    /// The project's name, or the id of its run
    #[arg(value_name = "PROJECT", add = ArgValueCompleter::new(complete::runs_and_names))]
    project: String,

    #[command(flatten)]
    telling: Telling,
}

fn resume_project(args: &ResumeArgs, data: Option<&Path>) -> Result<Exit, Failure> {
    let zygote = session::fork_zygote()?;
    let workspace = Workspace::current(data)?;
    let run = find(&open_reader(&workspace)?, &Namespace::standard(), &args.project)?;
    let show = args.telling.show();
    if let Some(exit) = resume::begin(run, &workspace, show)? {
        return Ok(exit);
    }
    let session = Session::open(zygote, &workspace, args.telling.means())?;
    resume::go_on(&session, run, show)
}
