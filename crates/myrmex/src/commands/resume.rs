//! `myrmex runs resume`: go on where a run stopped.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

use clap_complete::engine::ArgValueCompleter;
use myrmex_model::id::{DefinitionHash, RunId};
use myrmex_model::ir::Definition;
use myrmex_model::name::Namespace;
use myrmex_model::status::Status;
use myrmex_model::wire;
use myrmex_store::{Reader, RunSummary};

use super::check_file;
use super::runs::{find, open_reader};
use crate::complete;
use crate::descendants;
use crate::exit::{Exit, Failure};
use crate::render::summary;
use crate::session::{self, Means, Session, Show};
use crate::workspace::Workspace;

/// Go on with runs that were interrupted or whose process died
///
/// Runs that one of them started and did not wait for go on with it, also if it is over itself. Several runs go on one after the other; the
/// exit code is that of the first that did not succeed.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Args {
    /// The run's id, or the beginning of it; several are resumed in this order
    #[arg(required_unless_present = "all", add = ArgValueCompleter::new(complete::runs))]
    run: Vec<String>,

    /// Resume every run that was interrupted, in the order in which they began
    #[arg(long, conflicts_with = "run")]
    all: bool,

    /// Run at most this many tasks at a time [default: one per core]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1024))]
    slots: Option<u32>,

    /// End with exit code 3 as soon as nothing but people can go on with a run, and say what it waits for
    #[arg(long)]
    no_wait: bool,

    /// Print events as JSON lines, and the summary last
    #[arg(long, conflicts_with = "quiet")]
    json: bool,

    /// Print nothing unless the run fails
    #[arg(long, short)]
    quiet: bool,
}

/// Resumes the runs, and what came of them; of one that is over with all that it prints the summary.
///
/// # Errors
///
/// Returns [`Failure`] if there is no such run, the store is held, or the engine fails.
pub fn run(args: &Args, data: Option<&Path>) -> Result<Exit, Failure> {
    let zygote = session::fork_zygote()?;
    let workspace = Workspace::current(data)?;
    let show = match (args.json, args.quiet) {
        (true, _) => Show::Json,
        (false, true) => Show::Nothing,
        (false, false) => Show::People,
    };
    let (mut exits, mut left) = (Vec::new(), Vec::new());
    for run in resolve(args, &workspace)? {
        match begin(run, &workspace, show)? {
            Some(exit) => exits.push(exit),
            None => left.push(run),
        }
    }
    if args.all && left.is_empty() {
        note("nothing to do: no run is interrupted");
        return Ok(Exit::NothingToDo);
    }
    if left.is_empty() {
        return Ok(first_bad(&exits));
    }
    let waits_for_people = !args.no_wait;
    let means = Means { slots: args.slots, is_quiet: args.quiet, waits_for_people, ..Means::default() };
    let session = Session::open(zygote, &workspace, means)?;
    if show == Show::People {
        let mut others = left[1..].to_vec();
        for run in &left {
            others.extend(session.open_below(*run)?);
        }
        session.tell_of_interrupted(Some((left[0], &others)))?;
    }
    for run in left {
        let exit = go_on(&session, run, show)?;
        exits.push(exit);
        if exit == Exit::Interrupted {
            return Ok(exit);
        }
    }
    Ok(first_bad(&exits))
}

/// Returns the exit of several runs: that of the first that did not succeed.
fn first_bad(exits: &[Exit]) -> Exit {
    exits.iter().copied().find(|exit| *exit != Exit::Success).unwrap_or(Exit::Success)
}

/// Finds the runs that are meant, each once. Of all that are interrupted only those that no other of them brings back.
fn resolve(args: &Args, workspace: &Workspace) -> Result<Vec<RunId>, Failure> {
    let (reader, namespace) = (open_reader(workspace)?, Namespace::standard());
    let mut runs = Vec::new();
    if args.all {
        let open = descendants::open_runs(&reader, &namespace)?;
        let known: BTreeSet<RunId> = open.iter().copied().collect();
        for run in open {
            if !descendants::is_below(&reader, (&namespace, run), |above| known.contains(&above))? {
                runs.push(run);
            }
        }
        return Ok(runs);
    }
    for prefix in &args.run {
        let run = find(&reader, &namespace, prefix)?;
        if !runs.contains(&run) {
            runs.push(run);
        }
    }
    Ok(runs)
}

/// Looks at a run before anything goes on. If it is over with all that came of it, it shows that and returns the exit.
pub(super) fn begin(run: RunId, workspace: &Workspace, show: Show) -> Result<Option<Exit>, Failure> {
    let (reader, namespace) = (open_reader(workspace)?, Namespace::standard());
    match reader.summary(&namespace, run)? {
        Some(over) if over.status.is_terminal() => {
            if descendants::open_below(&reader, &namespace, run)?.is_empty() {
                if show == Show::People {
                    note(&format!("the run is over: {}; {}", over.status, what_is_left(&over)));
                }
                session::show_end(&reader, &namespace, run, over.status, show)?;
                return Ok(Some(Exit::of_run(over.status)));
            }
            if show == Show::People {
                note(&format!("the run is over: {}; runs that it started go on", over.status));
            }
        }
        Some(pinned) if show == Show::People => {
            tell_of_definition(workspace, &pinned, "goes on with the definition it started with");
        }
        Some(_) | None => {}
    }
    Ok(None)
}

/// Goes on with a run in this process. It may have ended meanwhile, with one that was resumed before it.
pub(super) fn go_on(session: &Session, run: RunId, show: Show) -> Result<Exit, Failure> {
    let after = session.last_of(run)?;
    session.goes_on_with(run);
    if let Some(exit) = session.take_up(run, show)? {
        return Ok(exit);
    }
    session.watch(run, after, show)
}

/// Says what can be done after the end of a run.
fn what_is_left(run: &RunSummary) -> String {
    let short = summary::short(run.run);
    match run.status {
        Status::Succeeded => "`myrmex run` starts a new one".to_owned(),
        Status::Pending
        | Status::Running
        | Status::Waiting
        | Status::Failed
        | Status::TimedOut
        | Status::Cancelled
        | Status::Skipped
        | Status::Compensated
        | Status::Stuck => {
            format!("`myrmex runs retry {short}` runs again what did not succeed")
        }
    }
}

/// Says in words of the command that a run keeps its definition, unless the file that it most probably came from still is
/// that definition.
pub(super) fn tell_of_definition(workspace: &Workspace, run: &RunSummary, goes_on: &str) {
    let name = run.workflow.as_str();
    let (files, _) = super::run::candidates(name, workspace);
    let checked = files.into_iter().map(|path| (check_file(&path, &workspace.root).definition, path));
    // A file without errors belongs to the run if it bears its name; one with errors most probably does.
    let is_named =
        |definition: &Option<Definition>| definition.as_ref().is_none_or(|own| own.name == run.workflow);
    let files: Vec<_> = checked.filter(|(definition, _)| is_named(definition)).collect();
    let is_it = |own: &Definition| DefinitionHash::of(&wire::definition::encode(own)) == run.definition;
    if files.iter().any(|(definition, _)| definition.as_ref().is_some_and(is_it)) {
        return;
    }
    match files.first() {
        // Whether the file changed, or the run came from another one, nobody knows.
        Some((Some(_), path)) => note(&format!("{goes_on}; `{}` holds another one", path.display())),
        // It may be the settings, or a file that it names, that changed.
        Some((None, path)) => {
            let path = path.display();
            note(&format!("{goes_on}; `{path}` has errors now, `myrmex check {path}` shows them"));
        }
        None => note(&format!("{goes_on}, whatever became of the file of `{name}`")),
    }
}

fn note(text: &str) {
    // If standard error is closed the exit code still tells.
    drop(writeln!(anstream::stderr(), "{text}"));
}
