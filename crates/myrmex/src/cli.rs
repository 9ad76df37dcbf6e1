//! The command line: global options, the list of commands, and how their ends become exit codes.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::commands::{
    analyze, answer, approvals, check, completions, doctor, events, example, explain, export, fmt, graph,
    import, man, new, plan, project, run, runs, schema, why,
};
use crate::exit::{Exit, Failure, FailureCode};
use crate::{complete, elsewhere};

/// What the exit codes mean, below the help. The README has the same table.
const EXIT_CODES: &str = "\
Exit codes:
  0    Success
  1    The run failed; `fmt --check` found files to change; or `doctor` found what does not work
  2    Usage, bad or missing input, an invalid file, no such run, or output that cannot be written
  3    The run waits for people, and `--no-wait` was given
  4    Nothing to do, or the run was skipped: `concurrency` left no place for it
  5    The run was cancelled
  7    The store is held by another process, cannot be used, or is damaged
  130  Interrupted; `myrmex runs resume` goes on

Messages show codes such as E0207: `myrmex explain CODE` has a page for each";

/// Plan, run and prove projects: workflows as files, run durably.
#[derive(Debug, Parser)]
#[command(name = "myrmex", version, propagate_version = true, arg_required_else_help = true, after_help = EXIT_CODES)]
pub struct Cli {
    /// Use this directory for the store instead of `.myrmex` in the workspace
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,

    #[command(subcommand)]
    command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
enum Command {
    // The help of these is that of their arguments, the long one too.
    New(new::Args),
    /// Check files and report every problem in them
    Check(check::Args),
    /// Write files in the canonical form
    Fmt(fmt::Args),
    /// Explain a code that a message shows
    Explain(explain::Args),
    /// Print the JSON Schema of a kind of file
    Schema(schema::Args),
    /// Run a workflow to its end
    Run(run::Args),
    /// Look at runs, resume, retry and cancel them
    Runs(runs::Args),
    /// Say what a run waits for, or one task of it
    Why(why::Args),
    // The help of these stands at their arguments: words here would hide all but their first line.
    Start(answer::StartArgs),
    Done(answer::DoneArgs),
    Progress(answer::ProgressArgs),
    Approve(answer::ApproveArgs),
    Reject(answer::RejectArgs),
    /// Look at what runs ask people
    Approvals(approvals::Args),
    Analyze(analyze::Args),
    /// Draw a workflow, or a run with where its tasks stand
    Graph(graph::Args),
    // Its help stands at its arguments.
    Plan(plan::Args),
    Project(project::Args),
    /// Print the recorded events as JSON lines
    Events(events::Args),
    /// Write a run or a workflow in the format of another program
    Export(export::Args),
    /// Turn a file of another system into a workflow
    Import(import::Args),
    /// List the examples that this program holds, copy one, or run one
    Example(example::Args),
    Doctor(doctor::Args),
    /// Print a script with which a shell completes commands, options and names
    Completions(completions::Args),
    /// Print a manual page, or write all of them
    Man(man::Args),
}

/// Parses the arguments, runs the command and returns its exit code.
pub fn main() -> ExitCode {
    if complete::answers() {
        return Exit::Success.into();
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let error = elsewhere::told(error, &Cli::command());
            // Help and version end well; everything else is a usage error.
            let printed = error.print().map_err(|error| Failure::output(&error));
            return match (error.use_stderr(), printed) {
                // Nobody is left to tell if standard error is closed.
                (true, _) => Exit::Invalid.into(),
                (false, Ok(())) => Exit::Success.into(),
                (false, Err(failure)) => end(&failure),
            };
        }
    };
    let data = cli.data_dir.as_deref();
    let ended = match cli.command {
        Command::New(args) => new::run(&args),
        Command::Example(args) => example::run(&args, data),
        Command::Check(args) => check::run(&args),
        Command::Fmt(args) => fmt::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Schema(args) => schema::run(&args),
        Command::Run(args) => run::run(&args, data),
        Command::Runs(args) => runs::run(&args, data),
        Command::Why(args) => why::run(&args, data),
        Command::Start(args) => answer::start(&args, data),
        Command::Done(args) => answer::done(&args, data),
        Command::Progress(args) => answer::progress(&args, data),
        Command::Approve(args) => answer::approve(&args, data),
        Command::Reject(args) => answer::reject(&args, data),
        Command::Approvals(args) => approvals::run(&args, data),
        Command::Analyze(args) => analyze::run(&args, data),
        Command::Graph(args) => graph::run(&args, data),
        Command::Plan(args) => plan::run(&args, data),
        Command::Project(args) => project::run(&args, data),
        Command::Events(args) => events::run(&args, data),
        Command::Export(args) => export::run(&args, data),
        Command::Import(args) => import::run(&args),
        Command::Doctor(args) => doctor::run(&args, data),
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(&args),
    };
    match ended {
        Ok(exit) => exit.into(),
        Err(failure) => end(&failure),
    }
}

/// Says why the command failed and returns its exit code.
fn end(failure: &Failure) -> ExitCode {
    if failure.code != FailureCode::Closed {
        // If standard error is closed there is nobody to tell.
        drop(writeln!(anstream::stderr(), "{failure}"));
    }
    failure.code.exit().into()
}
