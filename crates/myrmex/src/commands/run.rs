//! `myrmex run`: run a workflow to its end, durably, in this process.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use myrmex_lang::Given;
use myrmex_model::diagnostic::Severity;
use myrmex_model::id::{DefinitionHash, RunId};
use myrmex_model::ir::Definition;
use myrmex_model::name::Name;
use myrmex_model::value::Value;
use myrmex_model::wire;
use myrmex_runtime::partition::{CalledDefinition, NewRun};
use myrmex_runtime::values;
use myrmex_store::Sequence;

use super::{CheckedFile, check_file};
use crate::exit::{Exit, Failure, FailureCode};
use crate::render::diagnostics;
use crate::session::{self, Session, Show};
use crate::sources::read_text;
use crate::workspace::Workspace;

/// Run a workflow to its end
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The workflow's file, or its name: `NAME.yaml` or `workflows/NAME.yaml`
    #[arg(value_name = "FILE_OR_NAME")]
    workflow: String,

    /// Set an input; repeat for more
    #[arg(short = 'i', long = "input", value_name = "NAME=VALUE")]
    inputs: Vec<String>,

    /// Read inputs from a file with a JSON object, or from standard input with `-`
    #[arg(long, value_name = "FILE")]
    input_file: Option<PathBuf>,

    /// Start at most one run with this key; a repeat goes on with that run
    #[arg(long, value_name = "KEY")]
    key: Option<String>,

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

/// Runs the workflow.
///
/// # Errors
///
/// Returns [`Failure`] if inputs are wrong, the store is held, or the engine fails.
pub fn run(args: &Args, data: Option<&Path>) -> Result<Exit, Failure> {
    let zygote = session::fork_zygote()?;
    let workspace = Workspace::current(data)?;
    let mut file = check_file(&resolve(&args.workflow, &workspace), &workspace.root);
    let (quiet, is_fatal) = (args.quiet || args.json, file.definition.is_none());
    let shown: Vec<_> = file
        .diagnostics
        .iter()
        .filter(|found| is_fatal || !quiet || found.severity == Severity::Error)
        .cloned()
        .collect();
    diagnostics::print(&file.source, &shown);
    for needed in &file.beside {
        diagnostics::print(&needed.source, &needed.diagnostics);
    }
    let Some(definition) = file.definition.take() else { return no_definition(&file) };
    let inputs = inputs(args, &definition)?;
    let show = match (args.json, args.quiet) {
        (true, _) => Show::Json,
        (false, true) => Show::Nothing,
        (false, false) => Show::People,
    };
    let here = std::env::current_dir().ok();
    if show == Show::People && here.is_some_and(|here| here != workspace.root) {
        // Tasks run there, not here; whoever did not mean that should see it.
        drop(writeln!(anstream::stderr(), "workspace: {}", workspace.root.display()));
    }
    let session = Session::open(zygote, &workspace, args.slots.unwrap_or_else(session::default_slots))?;
    let form = wire::definition::encode(&definition);
    let hash = DefinitionHash::of(&form);
    let namespace = session.namespace().as_str();
    let run = match &args.key {
        Some(key) => RunId::derived(&[namespace, "key", key]),
        None => RunId(uuid::Uuid::now_v7().into_bytes()),
    };
    if args.key.is_some()
        && let Some(exit) = go_on(&session, run, hash, &inputs, show)?
    {
        return Ok(exit);
    }
    let new = NewRun {
        run,
        definition: Arc::new(definition),
        hash,
        form: form.into(),
        inputs,
        called: file.closure.into_iter().map(called).collect(),
        started_by: session::user(),
        trigger: "manual".to_owned(),
        key: args.key.clone(),
    };
    session.partition().start_run(new).map_err(session::refused)?;
    let exit = session.watch(run, Sequence::NONE, show)?;
    if exit != Exit::Interrupted {
        session.leave();
    }
    Ok(exit)
}

fn called((name, definition): (Name, Definition)) -> CalledDefinition {
    let form = wire::definition::encode(&definition);
    CalledDefinition { name, hash: DefinitionHash::of(&form), form: form.into() }
}

/// A file without a definition has errors, which were shown, or is nothing that can be run.
fn no_definition(file: &CheckedFile) -> Result<Exit, Failure> {
    if file.diagnostics.iter().any(|found| found.severity == Severity::Error) {
        return Ok(Exit::Invalid);
    }
    let message = format!("`{}` is a library of actions, not a workflow", file.source.name);
    let hint = "run a workflow that uses its actions";
    Err(Failure::new(FailureCode::File, message).with_hint(hint))
}

/// Goes on with the run that a key named before; nothing if there is none.
fn go_on(
    session: &Session,
    run: RunId,
    hash: DefinitionHash,
    inputs: &Value,
    show: Show,
) -> Result<Option<Exit>, Failure> {
    let (reader, namespace) = (session.reader(), session.namespace());
    let Some(summary) = reader.summary(namespace, run)? else { return Ok(None) };
    let before = myrmex_runtime::partition::load_run(reader, namespace, run)?.and_then(|run| run.inputs());
    let same_inputs = match before {
        Some(before) => values::load(reader, namespace, run, before)? == *inputs,
        None => false,
    };
    if summary.definition != hash || !same_inputs {
        let message = format!("the key was used for run {run} with another definition or other inputs");
        return Err(Failure::new(FailureCode::Key, message).with_hint("choose another key"));
    }
    if summary.status.is_terminal() {
        session::show_end(reader, namespace, run, summary.status, show)?;
        return Ok(Some(Exit::of_run(summary.status)));
    }
    let after = session.last_of(run)?;
    session.partition().resume_run(run).map_err(session::refused)?;
    session.watch(run, after, show).map(Some)
}

/// Finds the file of a workflow that is given by file or by name.
fn resolve(workflow: &str, workspace: &Workspace) -> PathBuf {
    let given = PathBuf::from(workflow);
    if given.exists() {
        return given;
    }
    let by_name =
        ["", "workflows"].map(|folder| workspace.root.join(folder).join(format!("{workflow}.yaml")));
    by_name.into_iter().find(|path| path.exists()).unwrap_or(given)
}

/// Checks the inputs: all problems at once.
fn inputs(args: &Args, definition: &Definition) -> Result<Value, Failure> {
    let wrong = |message: String| Failure::new(FailureCode::Inputs, message);
    let mut given = Vec::new();
    if let Some(path) = &args.input_file {
        let text = if path.as_os_str() == "-" {
            std::io::read_to_string(std::io::stdin()).map_err(|error| error.to_string())
        } else {
            read_text(path)
        };
        let text = text.map_err(|reason| wrong(format!("`{}` cannot be read: {reason}", path.display())))?;
        let value: Value = serde_json::from_str(&text)
            .map_err(|error| wrong(format!("`{}` is not JSON: {error}", path.display())))?;
        let Value::Object(fields) = value else {
            return Err(wrong(format!("`{}` holds no JSON object", path.display())));
        };
        given.extend(fields.into_iter().map(|(name, value)| (name, Given::Value(value))));
    }
    for pair in &args.inputs {
        let (name, value) =
            pair.split_once('=').ok_or_else(|| wrong(format!("`{pair}` is not NAME=VALUE")))?;
        given.retain(|(other, _)| other != name);
        given.push((name.to_owned(), Given::Text(value.to_owned())));
    }
    myrmex_lang::resolve_inputs(definition, &given).map_err(|problems| {
        let mut failure = wrong(match problems.len() {
            1 => "an input is missing or wrong".to_owned(),
            count => format!("{count} inputs are missing or wrong"),
        });
        failure.causes = problems.iter().map(ToString::to_string).collect();
        failure.with_hint("give inputs with `-i NAME=VALUE` or `--input-file FILE`")
    })
}
