//! `myrmex runs retry`: run again what is wanted, and take over the results of everything else.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap_complete::engine::ArgValueCompleter;
use myrmex_engine::run::{Again, Run, SelectError};
use myrmex_lang::{Given, nearest};
use myrmex_model::diagnostic::Severity;
use myrmex_model::id::{DefinitionHash, RunId};
use myrmex_model::ir::Definition;
use myrmex_model::name::{Name, Namespace};
use myrmex_model::value::Value;
use myrmex_model::wire;
use myrmex_runtime::partition::{CalledDefinition, NewRetry, NewRun, load_run};
use myrmex_runtime::retry::{Places, PrepareError, Prepared, prepare};
use myrmex_runtime::values;
use myrmex_store::{Reader, RunSummary, Sequence};

use super::run::{called, check_secrets, has_errors, inputs, print_json};
use super::runs::{find, open_reader};
use super::{check_file, resume};
use crate::complete;
use crate::exit::{Exit, Failure, FailureCode};
use crate::intake::{Inputs, Keeping};
use crate::render::held_up::Waiting;
use crate::render::task_path::TaskPath;
use crate::render::{diagnostics, summary};
use crate::request::{self, Asked};
use crate::session::{self, Means, Session, Show};
use crate::settings::Settings;
use crate::workspace::Workspace;

/// The most names in a hint: a list that is read, not searched.
const NAMES_MAX: usize = 12;

/// What is said of a run that has nothing to run again.
const NOTHING_TO_DO: &str = "nothing to do: the run succeeded; `--from TASK` runs a task again, `--item 'TASK[KEY]'` an item of a `for_each`, and what follows";

/// Run again what did not succeed, or more, and take over the results of everything else
///
/// A retry is a new run; the old one stays as it is. What did not succeed always runs again, with everything that follows it.
/// A task with `effect: once` runs again too, even if nobody knows what it did: a person asked for that.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run's id, or the beginning of it
    #[arg(add = ArgValueCompleter::new(complete::runs))]
    run: String,

    /// Run this task again although it succeeded, and everything that follows it; repeat for more. Nothing is taken from
    /// `cache` then
    #[arg(long, value_name = "TASK", add = ArgValueCompleter::new(complete::tasks))]
    from: Vec<String>,

    /// Run again only what did not succeed, and what follows it; this is so without any choice
    #[arg(long, conflicts_with_all = ["from", "item"])]
    failed: bool,

    /// Run this item of a `for_each` again, such as `deploy[2]` or `deploy[eu]`, and what follows it; repeat for more
    #[arg(long, value_name = "TASK[KEY]", add = ArgValueCompleter::new(complete::tasks))]
    item: Vec<String>,

    /// Replace an input; repeat for more. Results that are taken over stay as they were
    #[arg(short = 'i', long = "input", value_name = "NAME=VALUE")]
    inputs: Vec<String>,

    /// Follow the workflow in this file instead of the definition of the old run
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,

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

/// Retries the run.
///
/// # Errors
///
/// Returns [`Failure`] if there is no such run, it is not over, what is asked for is not in it, inputs are wrong, the store is
/// held, or the engine fails.
pub fn run(args: &Args, data: Option<&Path>) -> Result<Exit, Failure> {
    let zygote = session::fork_zygote()?;
    let workspace = Workspace::current(data)?;
    let show = match (args.json, args.quiet) {
        (true, _) => Show::Json,
        (false, true) => Show::Nothing,
        (false, false) => Show::People,
    };
    let old = resolve(args, &workspace)?;
    let other = match &args.to {
        Some(path) => match current(path, &workspace, show)? {
            Some(current) => Some(current),
            None => return Ok(Exit::Invalid),
        },
        None => None,
    };
    let slots = args.slots;
    // What is asked for is to run, whatever has been done before.
    let takes_over = args.from.is_empty() && args.item.is_empty();
    let session = Session::open(
        zygote,
        &workspace,
        Means { slots, takes_over, is_quiet: args.quiet, waits_for_people: true },
    )?;
    let retried = load_run(session.reader()?, session.namespace(), old.run)?;
    let retried = retried.ok_or_else(|| no_run(old.run))?;
    let source = Source::of(&session, &retried, other)?;
    let new = RunId(uuid::Uuid::now_v7().into_bytes());
    session.goes_on_with(new);
    let mut inputs = new_inputs(args, &session, (&retried, &source))?;
    check_secrets(&source.definition, inputs.values(), &Settings::load(&workspace)?.providers)?;
    let keeping = Keeping::begin(&session, new)?;
    let Some(prepared) = choose(args, &session, (&retried, &source), new)? else {
        note(NOTHING_TO_DO);
        return Ok(Exit::NothingToDo);
    };
    if show == Show::People && args.to.is_none() {
        resume::tell_of_definition(&workspace, &old, "follows the definition of the run that it retries");
    }
    if show != Show::Nothing {
        tell(&prepared);
    }
    if show == Show::People {
        session.tell_of_interrupted(None)?;
    }
    let Some(values) = inputs.keep(&session, new)? else {
        note("interrupted before the run began");
        return Ok(Exit::Interrupted);
    };
    Inputs::adopt(&session, (retried.id(), new), &values)?;
    let started = session.partition().start_run(new_run(new, &retried, (source, values), prepared));
    let began = request::settled(&session, &started, Asked { run: new, waiting: Waiting::Start, show });
    drop(keeping);
    if let Some(exit) = began? {
        return Ok(exit);
    }
    let exit = session.watch(new, Sequence::NONE, show)?;
    if exit != Exit::Interrupted {
        session.leave();
    }
    Ok(exit)
}

/// Finds the run, which must be over.
fn resolve(args: &Args, workspace: &Workspace) -> Result<RunSummary, Failure> {
    let namespace = Namespace::standard();
    let reader = open_reader(workspace)?;
    let run = find(&reader, &namespace, &args.run)?;
    let found = reader.summary(&namespace, run)?.ok_or_else(|| no_run(run))?;
    if !found.status.is_terminal() {
        let short = summary::short(run);
        let message = format!("run {short} is not over: only a run that is over can be retried");
        return Err(Failure::new(FailureCode::Refused, message).with_hint(format!(
            "`myrmex runs resume {short}` goes on with it, `myrmex runs cancel {short}` ends it"
        )));
    }
    Ok(found)
}

fn no_run(run: RunId) -> Failure {
    Failure::new(FailureCode::RunId, format!("there is no run {run}"))
}

/// What a new run follows.
struct Source {
    definition: Arc<Definition>,
    hash: DefinitionHash,
    form: Arc<[u8]>,
    called: Vec<CalledDefinition>,
    /// Whether it is not what the old run followed.
    is_other: bool,
}

/// Reads a file as it is now; nothing if it has errors, which are shown then.
fn current(
    path: &Path,
    workspace: &Workspace,
    show: Show,
) -> Result<Option<(Definition, Vec<CalledDefinition>)>, Failure> {
    let mut file = check_file(path, &workspace.root);
    if show == Show::Json && has_errors(&file) {
        return print_json(file).map(|()| None);
    }
    let errors: Vec<_> =
        file.diagnostics.iter().filter(|found| found.severity == Severity::Error).cloned().collect();
    diagnostics::print(&file.source, &errors);
    for needed in &file.beside {
        diagnostics::print(&needed.source, &needed.diagnostics);
    }
    match file.definition.take() {
        Some(definition) => Ok(Some((definition, file.closure.into_iter().map(called).collect()))),
        None if errors.is_empty() && file.beside.is_empty() => Err(Failure::new(
            FailureCode::File,
            format!("`{}` is no workflow that can be run", path.display()),
        )),
        None => Ok(None),
    }
}

impl Source {
    /// Takes what the old run followed, or `other` instead.
    fn of(
        session: &Session,
        retried: &Run,
        other: Option<(Definition, Vec<CalledDefinition>)>,
    ) -> Result<Self, Failure> {
        if let Some((definition, called)) = other {
            if definition.name != retried.definition().name {
                let (now, before) = (&definition.name, &retried.definition().name);
                let message =
                    format!("the file holds the workflow `{now}`, and the run is one of `{before}`");
                return Err(Failure::new(FailureCode::Refused, message));
            }
            let form = wire::definition::encode(&definition);
            let hash = DefinitionHash::of(&form);
            let is_other = hash != retried.definition_hash();
            return Ok(Self { definition: Arc::new(definition), hash, form: form.into(), called, is_other });
        }
        let (reader, namespace) = (session.reader()?, session.namespace());
        let form = |hash: DefinitionHash| -> Result<Arc<[u8]>, Failure> {
            let stored = reader.definition(namespace, hash)?;
            let missing =
                || Failure::new(FailureCode::Damaged, format!("definition {hash} is not in the store"));
            Ok(stored.ok_or_else(missing)?.body.into())
        };
        let mut called = Vec::new();
        if let Some(closure) = retried.closure() {
            let closure = values::load(reader, namespace, retried.id(), closure)?;
            for (name, hash) in closure.as_object().into_iter().flatten() {
                let hash = hash.as_str().and_then(|hash| hash.parse().ok());
                if let (Ok(name), Some(hash)) = (Name::new(name), hash) {
                    called.push(CalledDefinition { name, hash, form: form(hash)? });
                }
            }
        }
        let hash = retried.definition_hash();
        let definition = Arc::clone(retried.definition());
        Ok(Self { definition, hash, form: form(hash)?, called, is_other: false })
    }
}

/// Chooses what is taken over, and gives the new run its files; nothing if there is nothing to run again.
fn choose(
    args: &Args,
    session: &Session,
    (retried, source): (&Run, &Source),
    new: RunId,
) -> Result<Option<Prepared>, Failure> {
    let printed = |written: &String| {
        let wanted = TaskPath::new(written);
        let mut paths = retried.tasks().map(|task| task.address().path().into_owned());
        paths.find(|path| wanted.is(path)).unwrap_or_else(|| written.clone())
    };
    let tasks = args.from.iter().map(printed).map(Again::Task);
    let again: Vec<Again> = tasks.chain(args.item.iter().map(printed).map(Again::Item)).collect();
    let (reader, namespace) = (session.reader()?, session.namespace());
    let places = Places { reader, blobs: session.blobs(), namespace, to: new };
    let other = Some(&*source.definition).filter(|_| source.is_other);
    prepare(&places, retried, other, &again).map_err(|error| match error {
        PrepareError::Select(error) => unknown(&error),
        PrepareError::Journal(error) => error.into(),
    })
}

/// Says what there is in the place of what is not.
fn unknown(error: &SelectError) -> Failure {
    let (SelectError::Task { path, known } | SelectError::Item { path, known }) = error;
    let failure = Failure::from_error(FailureCode::Task, error);
    let is_task = matches!(error, SelectError::Task { .. });
    if let Some(near) = nearest(path, known.iter().map(String::as_str)).filter(|_| is_task) {
        return failure.with_hint(format!("did you mean `{near}`?"));
    }
    let mut names: Vec<String> = known.iter().take(NAMES_MAX).map(|name| format!("`{name}`")).collect();
    names.extend((known.len() > NAMES_MAX).then(|| format!("and {} more", known.len() - NAMES_MAX)));
    if names.is_empty() { failure } else { failure.with_hint(format!("there are {}", names.join(", "))) }
}

/// Takes the inputs of the old run, with those replaced that are given.
fn new_inputs(args: &Args, session: &Session, (retried, source): (&Run, &Source)) -> Result<Inputs, Failure> {
    let before = match retried.inputs() {
        Some(hash) => values::load(session.reader()?, session.namespace(), retried.id(), hash)?,
        None => Value::Null,
    };
    let fields = before.as_object().cloned().unwrap_or_default();
    if args.inputs.is_empty() && !source.is_other {
        return Ok(Inputs::of(fields));
    }
    let is_declared = |name: &str| source.definition.inputs.iter().any(|input| input.name.as_str() == name);
    // What was left open stays open.
    let given = fields.into_iter().filter(|(name, value)| !value.is_null() && is_declared(name));
    let given = given.map(|(name, value)| (name, Given::Kept(value))).collect();
    // A default that is a path lies beside the file; the pinned definition has none any more.
    let workflow = args.to.as_deref().unwrap_or(Path::new(""));
    inputs(given, &args.inputs, (&source.definition, workflow), "`-i NAME=VALUE`")
}

fn new_run(new: RunId, retried: &Run, (source, inputs): (Source, Value), prepared: Prepared) -> NewRun {
    // What decides by it how a run began decides as before; nobody calls a retry, though.
    let trigger = retried.trigger().filter(|trigger| *trigger != "parent").unwrap_or("manual").to_owned();
    NewRun {
        run: new,
        definition: source.definition,
        hash: source.hash,
        form: source.form,
        inputs,
        called: source.called,
        started_by: session::user(),
        trigger,
        key: None,
        retry: Some(NewRetry {
            of: retried.id(),
            attempt: retried.attempt().saturating_add(1),
            takings: prepared.choice.takings,
        }),
    }
}

/// Says what a person should know before it happens.
fn tell(prepared: &Prepared) {
    for task in &prepared.lost {
        note(&format!("a file that `{}` left is gone, so it runs again", task.path()));
    }
    for task in &prepared.choice.once {
        note(&format!("`{}` has `effect: once` and runs again, because you ask for it", task.path()));
    }
}

fn note(text: &str) {
    // If standard error is closed the exit code still tells.
    drop(writeln!(anstream::stderr(), "{text}"));
}
