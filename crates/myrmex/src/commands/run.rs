//! `myrmex run`: run a workflow to its end, durably, in this process.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap_complete::engine::ArgValueCompleter;
use myrmex_lang::{Given, JsonError, codes, parse_json};
use myrmex_model::diagnostic::{Diagnostic, Severity, Span};
use myrmex_model::id::{DefinitionHash, RunId};
use myrmex_model::ir::{Body, Definition, Input};
use myrmex_model::name::Name;
use myrmex_model::value::Value;
use myrmex_model::wire;
use myrmex_runtime::partition::{CalledDefinition, NewRun};
use myrmex_runtime::secrets::Providers;
use myrmex_runtime::values;
use myrmex_store::Sequence;

use super::check::with_needed;
use super::lacking::lacking;
use super::{CheckedFile, UNREADABLE, check_placed, check_source, rehearsal, rounds};
use crate::complete;
use crate::exit::{Exit, Failure, FailureCode};
use crate::intake::{self, Inputs, Keeping};
use crate::render::held_up::Waiting;
use crate::render::{diagnostics, origin, summary, time};
use crate::request::{self, Asked};
use crate::session::{self, Means, Session, Show, print_line};
use crate::settings::{self, Settings};
use crate::sources::{self, STANDARD_INPUT, read_text};
use crate::workspace::Workspace;

/// The endings of files that a name is looked for with.
const ENDINGS: [&str; 2] = ["yaml", "yml"];

/// Run a workflow to its end
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The workflow's file, or its name: `NAME.yaml` or `workflows/NAME.yaml` in the workspace, or a file there that
    /// begins with `workflow: NAME`; or standard input with `-`
    #[arg(value_name = "FILE_OR_NAME", add = ArgValueCompleter::new(complete::workflows))]
    workflow: String,

    /// Set an input, of type `file` by the path of a file; repeat for more
    #[arg(short = 'i', long = "input", value_name = "NAME=VALUE")]
    inputs: Vec<String>,

    /// Read inputs from a file with a JSON object, or from standard input with `-`
    #[arg(long, value_name = "FILE")]
    input_file: Option<PathBuf>,

    /// Start at most one run with this key; a repeat goes on with that run, or shows its end
    #[arg(long, value_name = "KEY", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    key: Option<String>,

    /// Run at most this many tasks at a time [default: one per core]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1024))]
    slots: Option<u32>,

    #[command(flatten)]
    part: Part,

    /// Run tasks with `cache` anew, and keep what they give; a later resume does not know of it
    #[arg(long)]
    no_cache: bool,

    /// Print events as JSON lines, and the summary last
    #[arg(long, conflicts_with = "quiet")]
    json: bool,

    /// Print nothing unless the run fails
    #[arg(long, short)]
    quiet: bool,
}

/// How much of the work is done, and how often.
#[derive(Debug, clap::Args)]
struct Part {
    /// Run only this task of the outermost level, without those that it needs; repeat for more
    ///
    /// What handles the end of the workflow as a whole does not run either, and the run has no output.
    #[arg(long, value_name = "TASK", add = ArgValueCompleter::new(complete::tasks_of_workflow))]
    only: Vec<String>,

    /// Check everything as for a run, show what it would do, and start nothing
    #[arg(long, conflicts_with = "key")]
    dry_run: bool,

    /// End with exit code 3 as soon as nothing but people can go on with the run, and say what it waits for
    #[arg(long)]
    no_wait: bool,

    /// Run again whenever a workflow, a library or the settings change beside the file, until Ctrl-C
    #[arg(long, conflicts_with_all = ["key", "dry_run"])]
    watch: bool,
}

impl Args {
    /// Whether it is to be run again and again.
    pub(super) fn is_watching(&self) -> bool {
        self.part.watch
    }
}

/// Returns the id of a new run: with a key always the same one.
pub(super) fn id_for(key: Option<&str>, namespace: &str) -> RunId {
    match key {
        Some(key) => RunId::derived(&[namespace, "key", key]),
        None => RunId(uuid::Uuid::now_v7().into_bytes()),
    }
}

/// Runs the workflow.
///
/// # Errors
///
/// Returns [`Failure`] if inputs are wrong, the store is held, or the engine fails.
pub fn run(args: &Args, data: Option<&Path>) -> Result<Exit, Failure> {
    if args.part.watch {
        return again_and_again(args, data);
    }
    let zygote = session::fork_zygote()?;
    let is_input = |path: &Path| path.as_os_str() == STANDARD_INPUT;
    if args.workflow == STANDARD_INPUT && args.input_file.as_deref().is_some_and(is_input) {
        return Err(wrong("standard input holds either the workflow or its inputs, not both".to_owned()));
    }
    let workspace = Workspace::current(data)?;
    let (mut file, definition, path) = match read(args, &workspace)? {
        Ok(read) => read,
        Err(exit) => return Ok(exit),
    };
    let before = from_file(args.input_file.as_deref())?;
    let ways = "`-i NAME=VALUE` or `--input-file FILE`";
    let mut inputs = inputs(before, &args.inputs, (&definition, &path), ways)?;
    let providers = Settings::load(&workspace)?.providers;
    check_secrets(&definition, inputs.values(), &providers)?;
    let show = show(args, &workspace);
    let refuse = |inputs: &Inputs| {
        let lacking = lacking(&file, (&definition, inputs.values()), (&providers, &workspace.root));
        refuse(&lacking, show)
    };
    // A key may stand for a run that is over and needs nothing any more.
    if args.key.is_none() && refuse(&inputs)? {
        return Ok(Exit::Invalid);
    }
    if args.part.dry_run {
        rehearsal::show(&definition, inputs.values(), show)?;
        return Ok(Exit::Success);
    }
    let session = Session::open(zygote, &workspace, means(args))?;
    let form = wire::definition::encode(&definition);
    let hash = DefinitionHash::of(&form);
    let namespace = session.namespace().as_str();
    let run = id_for(args.key.as_deref(), namespace);
    session.goes_on_with(run);
    if args.key.is_some()
        && let Some(exit) = go_on(&session, run, hash, &mut inputs, show)?
    {
        return Ok(exit);
    }
    if args.key.is_some() && refuse(&inputs)? {
        return Ok(Exit::Invalid);
    }
    file.give_back();
    let keeping = inputs.has_files().then(|| Keeping::begin(&session, run)).transpose()?;
    let Some(values) = inputs.keep(&session, run)? else {
        // If standard error is closed the exit code still tells.
        drop(writeln!(anstream::stderr(), "interrupted before the run began"));
        return Ok(Exit::Interrupted);
    };
    let new = NewRun {
        run,
        definition: Arc::new(definition),
        hash,
        form: form.into(),
        inputs: values,
        called: file.closure.into_iter().map(called).collect(),
        started_by: session::user(),
        trigger: "manual".to_owned(),
        key: args.key.clone(),
        retry: None,
    };
    let exit = start(&session, new, keeping, show)?;
    if exit != Exit::Interrupted {
        session.leave();
    }
    Ok(exit)
}

/// Returns what the session is to have.
fn means(args: &Args) -> Means {
    Means {
        slots: args.slots,
        takes_over: !args.no_cache,
        is_quiet: args.quiet,
        waits_for_people: !args.part.no_wait,
    }
}

/// Runs the workflow once more whenever it or the file with its inputs changes.
fn again_and_again(args: &Args, data: Option<&Path>) -> Result<Exit, Failure> {
    let workspace = Workspace::current(data)?;
    // What is not there yet may come.
    let workflow = resolve(&args.workflow, &workspace).ok();
    let files: Vec<PathBuf> = workflow.into_iter().chain(args.input_file.clone()).collect();
    rounds::run(&files, &workspace)
}

/// Reads the workflow, or the part of it that is asked for, and tells what is wrong with it; the exit if it cannot be run.
fn read(
    args: &Args,
    workspace: &Workspace,
) -> Result<Result<(CheckedFile, Definition, PathBuf), Exit>, Failure> {
    let (mut file, path) = match resolve(&args.workflow, workspace) {
        Ok(path) => (check_placed(&path, &workspace.root), path),
        Err(problem) => (CheckedFile::unreadable(*problem), PathBuf::new()),
    };
    let only = &args.part.only;
    if !only.is_empty() && file.definition.is_some() {
        let told = std::mem::take(&mut file.diagnostics);
        file = narrowed(file, (&path, &workspace.root), only)?;
        if file.definition.is_some() {
            // What is wrong with what is left out is worth a word, and that others do not use an input now is not.
            file.diagnostics = told;
        }
    }
    if args.json && has_errors(&file) {
        print_json(file)?;
        return Ok(Err(Exit::Invalid));
    }
    tell_problems(&file, args.quiet || args.json);
    origin::note(&path);
    match file.definition.take() {
        Some(definition) if definition.project.is_some() => {
            let message = format!("`{}` is a project, and `run` takes workflows", file.source.name);
            let hint = format!("`myrmex project start {}` begins it", args.workflow);
            Err(Failure::new(FailureCode::File, message).with_hint(hint))
        }
        Some(definition) => Ok(Ok((file, definition, path))),
        None => no_definition(&file).map(Err),
    }
}

/// Leaves a workflow without errors only some of its outermost tasks.
fn narrowed(file: CheckedFile, place: (&Path, &Path), only: &[String]) -> Result<CheckedFile, Failure> {
    let names: Vec<&str> = file.definition.iter().flat_map(outermost).map(Name::as_str).collect();
    let Some(unknown) = only.iter().find(|name| !names.contains(&name.as_str())) else {
        let source = file.source;
        return Ok(check_source(source, place, Some(only)));
    };
    let mut failure = Failure::new(
        FailureCode::Task,
        format!("the workflow has no task `{unknown}` of the outermost level"),
    );
    failure.hint = Some(match myrmex_lang::nearest(unknown, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!(
            "`--only` takes one of {}",
            names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
        ),
    });
    Err(failure)
}

/// Returns the names of the outermost tasks of a workflow that is given by file or by name; nothing if it cannot be run.
pub(crate) fn outermost_of(workflow: &str, workspace: &Workspace) -> Option<Vec<String>> {
    let file = check_placed(&resolve(workflow, workspace).ok()?, &workspace.root);
    Some(outermost(&file.definition?).into_iter().map(|name| name.as_str().to_owned()).collect())
}

/// Returns the names of the tasks of the outermost level.
fn outermost(definition: &Definition) -> Vec<&Name> {
    let children: Vec<_> = match &definition.node(definition.root).body {
        Body::Graph(graph) => graph.children.iter().map(|child| child.node).collect(),
        Body::Flow(flow) => flow.children.iter().map(|child| child.node).collect(),
        Body::Task(_)
        | Body::Value(_)
        | Body::Timer(_)
        | Body::Choose(_)
        | Body::Raise(_)
        | Body::Await(_)
        | Body::Each(_)
        | Body::Call(_) => Vec::new(),
    };
    children.into_iter().map(|child| &definition.node(child).name).collect()
}

/// Starts a run, whose files are being kept until it is in the store, and shows it until it ends.
pub(super) fn start(
    session: &Session,
    new: NewRun,
    keeping: Option<Keeping<'_>>,
    show: Show,
) -> Result<Exit, Failure> {
    if show == Show::People {
        session.tell_of_interrupted(None)?;
    }
    let run = new.run;
    let started = session.partition().start_run(new);
    let began = request::settled(session, &started, Asked { run, waiting: Waiting::Start, show });
    drop(keeping);
    match began? {
        Some(exit) => Ok(exit),
        None => session.watch(run, Sequence::NONE, show),
    }
}

pub(super) fn called((name, definition): (Name, Definition)) -> CalledDefinition {
    let form = wire::definition::encode(&definition);
    CalledDefinition { name, hash: DefinitionHash::of(&form), form: form.into() }
}

/// Prints what is wrong with a file and with those that it needs; with `quiet` only what keeps it from running.
pub(super) fn tell_problems(file: &CheckedFile, quiet: bool) {
    let is_fatal = file.definition.is_none();
    let shown: Vec<_> = file
        .diagnostics
        .iter()
        // That a process has no limit of time is advice about the file: `check` gives it, and not every run again.
        .filter(|found| found.code != codes::TIMEOUT_MISSING)
        .filter(|found| is_fatal || !quiet || found.severity == Severity::Error)
        .cloned()
        .collect();
    diagnostics::print(&file.source, &shown);
    for needed in &file.beside {
        diagnostics::print(&needed.source, &needed.diagnostics);
    }
}

/// Whether a file cannot be run for its errors, or for those of a file that it needs.
pub(super) fn has_errors(file: &CheckedFile) -> bool {
    file.definition.is_none() && file.diagnostics.iter().any(|found| found.severity == Severity::Error)
}

/// Prints what is wrong with a file and with those that it needs, as `check --format json` does.
pub(super) fn print_json(file: CheckedFile) -> Result<(), Failure> {
    print_line(&diagnostics::json(&with_needed(vec![file])))
}

/// Tells what a run would lack; true if it must not begin for that.
pub(super) fn refuse(lacking: &[CheckedFile], show: Show) -> Result<bool, Failure> {
    let mut problems = lacking.iter().flat_map(|file| &file.diagnostics);
    let is_refused = problems.any(|problem| problem.severity == Severity::Error);
    if show == Show::Json {
        if is_refused {
            print_line(&diagnostics::json(lacking))?;
        }
    } else if is_refused || show == Show::People {
        for file in lacking {
            diagnostics::print(&file.source, &file.diagnostics);
        }
        if is_refused {
            // If standard error is closed the exit code still tells.
            drop(writeln!(anstream::stderr(), "the run has not begun"));
        }
    }
    Ok(is_refused)
}

/// A file without a definition has errors, which were shown, or is nothing that can be run.
pub(super) fn no_definition(file: &CheckedFile) -> Result<Exit, Failure> {
    if has_errors(file) {
        return Ok(Exit::Invalid);
    }
    let is_settings = settings::is_settings(Path::new(&*file.source.name), &file.source.text);
    let (what, hint) = if is_settings {
        ("holds the settings of a workspace", "`myrmex run FILE` takes the file of a workflow")
    } else if myrmex_lang::begins_with(&file.source.text, "resources") {
        ("holds the people and things of a workspace", "`myrmex run FILE` takes the file of a workflow")
    } else {
        ("is a library of actions", "run a workflow that uses its actions")
    };
    let message = format!("`{}` {what}, not a workflow", file.source.name);
    Err(Failure::new(FailureCode::File, message).with_hint(hint))
}

/// Goes on with the run that a key named before; nothing if there is none.
fn go_on(
    session: &Session,
    run: RunId,
    hash: DefinitionHash,
    inputs: &mut Inputs,
    show: Show,
) -> Result<Option<Exit>, Failure> {
    let (reader, namespace) = (session.reader()?, session.namespace());
    let Some(found) = reader.summary(namespace, run)? else { return Ok(None) };
    let before = myrmex_runtime::partition::load_run(reader, namespace, run)?.and_then(|run| run.inputs());
    let Some(inputs) = inputs.measured(session)? else { return Ok(Some(Exit::Interrupted)) };
    let same_inputs = match before {
        Some(before) => values::load(reader, namespace, run, before)? == inputs,
        None => false,
    };
    if found.definition != hash || !same_inputs {
        let message = format!("the key was used for run {run} with another definition or other inputs");
        return Err(Failure::new(FailureCode::Key, message).with_hint("choose another key"));
    }
    if show == Show::People {
        let started = time::instant(found.started);
        // If standard error is closed the exit code still tells.
        drop(writeln!(
            anstream::stderr(),
            "the key was used before: run {} of {started}",
            summary::short(run)
        ));
    }
    if found.status.is_terminal() {
        session::show_end(reader, namespace, run, found.status, show)?;
        return Ok(Some(Exit::of_run(found.status)));
    }
    let after = session.last_of(run)?;
    let below = session.open_below(run)?;
    let resumed = session.partition().resume_run(run, &below);
    if let Some(exit) = request::settled(session, &resumed, Asked { run, waiting: Waiting::Resume, show })? {
        return Ok(Some(exit));
    }
    session.watch(run, after, show).map(Some)
}

/// Finds the file of a workflow that is given by file or by name. One that is called so and says so comes before others that only
/// do one of it.
pub(super) fn resolve(workflow: &str, workspace: &Workspace) -> Result<PathBuf, Box<Diagnostic>> {
    let given = PathBuf::from(workflow);
    if given.exists() || workflow == STANDARD_INPUT {
        return Ok(given);
    }
    let (mut found, tried) = candidates(workflow, workspace);
    let is_both = |file: &PathBuf| {
        file.file_stem().is_some_and(|stem| stem == workflow) && sources::is_called(file, workflow)
    };
    if found.iter().filter(|file| is_both(file)).count() == 1 {
        found.retain(is_both);
    }
    match found.as_slice() {
        [] => Err(Box::new(not_found(workflow, workspace, &tried))),
        [file] => Ok(file.clone()),
        several => {
            let span = Span { file: workflow.into(), start: 0, end: 0 };
            let message = format!("several files are called `{workflow}`");
            let inside =
                |file: &PathBuf| file.strip_prefix(&workspace.root).map_or(file.clone(), Path::to_owned);
            let named: Vec<_> = several.iter().map(|file| format!("`{}`", inside(file).display())).collect();
            let hint = format!("give the path of one of them: {}", named.join(", "));
            Err(Box::new(Diagnostic::error(codes::WORKFLOW_AMBIGUOUS, span, message).with_hint(hint)))
        }
    }
}

/// Returns the files that a workflow of this name may be in, each once: those that are called so, and those that say so. Then the
/// paths at which one would be found, in the workspace.
pub(super) fn candidates(workflow: &str, workspace: &Workspace) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let ending = Path::new(workflow).extension();
    let is_file_name = ending.is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known));
    let names: Vec<String> = if is_file_name {
        vec![workflow.to_owned()]
    } else {
        ENDINGS.iter().map(|ending| format!("{workflow}.{ending}")).collect()
    };
    let by_name = |folder: &'static str| names.iter().map(move |name| Path::new(folder).join(name));
    let tried: Vec<PathBuf> = by_name("").chain(by_name("workflows")).collect();
    let mut found: Vec<PathBuf> =
        tried.iter().map(|path| workspace.root.join(path)).filter(|path| path.exists()).collect();
    if !is_file_name {
        found.extend(sources::workflows_named(workflow, &workspace.root));
    }
    let mut seen = BTreeSet::new();
    found.retain(|file| seen.insert(std::fs::canonicalize(file).unwrap_or_else(|_| file.clone())));
    (found, tried)
}

/// Builds the problem of a workflow that is nowhere of the paths `tried`.
fn not_found(workflow: &str, workspace: &Workspace, tried: &[PathBuf]) -> Diagnostic {
    let span = Span { file: workflow.into(), start: 0, end: 0 };
    let mut shown: Vec<String> = tried.iter().map(|path| format!("`{}`", path.display())).collect();
    shown.dedup();
    let problem = Diagnostic::error(UNREADABLE, span, format!("there is no workflow `{workflow}`"));
    let in_root = |path: &PathBuf| {
        let near = sources::like(&workspace.root.join(path))?;
        Some(near.strip_prefix(&workspace.root).map_or(near.clone(), Path::to_path_buf))
    };
    let near = tried.iter().find_map(|path| sources::like(Path::new(path.file_name()?)));
    if let Some(near) = near.or_else(|| tried.iter().find_map(in_root)) {
        return problem.with_hint(format!("did you mean `{}`?", near.display()));
    }
    let root = workspace.root.display();
    problem.with_hint(format!(
        "looked for {}, and for `workflow: {workflow}` in these folders of `{root}`; give the file's path",
        shown.join(", ")
    ))
}

fn wrong(message: String) -> Failure {
    Failure::new(FailureCode::Inputs, message)
}

/// Reads inputs from a file, if there is one.
pub(super) fn from_file(path: Option<&Path>) -> Result<Vec<(String, Given)>, Failure> {
    let Some(path) = path else { return Ok(Vec::new()) };
    let text = if path.as_os_str() == "-" {
        std::io::read_to_string(std::io::stdin()).map_err(|error| error.to_string())
    } else {
        read_text(path)
    };
    let text = text.map_err(|reason| wrong(format!("`{}` cannot be read: {reason}", path.display())))?;
    let value = parse_json(&text).map_err(|error| match error {
        JsonError::Syntax(error) => wrong(format!("`{}` is not JSON: {error}", path.display())),
        JsonError::Duplicate(key) => {
            wrong(format!("`{}`: the key `{key}` stands twice in one map", path.display()))
        }
    })?;
    let Value::Object(fields) = value else {
        return Err(wrong(format!("`{}` holds no JSON object", path.display())));
    };
    Ok(fields.into_iter().map(|(name, value)| (name, Given::Value(value))).collect())
}

/// Checks the inputs `given`, over which `pairs` go, for the workflow in a file: all problems at once. `ways` says how the
/// command takes inputs.
pub(super) fn inputs(
    mut given: Vec<(String, Given)>,
    pairs: &[String],
    (definition, workflow): (&Definition, &Path),
    ways: &str,
) -> Result<Inputs, Failure> {
    let mut flags: BTreeSet<&str> = BTreeSet::new();
    for pair in pairs {
        let (name, value) = match pair.split_once('=') {
            Some(("", _)) => return Err(wrong(format!("`{pair}` has no name before the `=`"))),
            Some(pair) => pair,
            None => return Err(wrong(format!("`{pair}` is not NAME=VALUE"))),
        };
        if !flags.insert(name) {
            return Err(wrong(format!("the input `{name}` is given twice")));
        }
        // A flag overrules what was there before.
        given.retain(|(other, _)| other != name);
        given.push((name.to_owned(), Given::Text(value.to_owned())));
    }
    intake::resolve(definition, &given, workflow).map_err(|problems| {
        let mut failure = wrong(match problems.len() {
            1 => "an input is missing or wrong".to_owned(),
            count => format!("{count} inputs are missing or wrong"),
        });
        failure.causes = problems.iter().map(ToString::to_string).collect();
        failure.with_hint(format!("give inputs with {ways}; {}", known_inputs(definition)))
    })
}

/// Checks that each input of type `secret` names one, before anything is recorded: who gave the secret itself by mistake
/// must not find it in the store. So what was given is not shown either.
pub(super) fn check_secrets(
    definition: &Definition,
    inputs: &serde_json::Map<String, Value>,
    providers: &Providers,
) -> Result<(), Failure> {
    let of_secrets = definition.inputs.iter().filter(|input| input.schema.names_secret());
    let is_unknown = |input: &&Input| {
        let name = inputs.get(input.name.as_str()).and_then(Value::as_str);
        name.is_some_and(|name| !providers.knows(name))
    };
    let Some(input) = of_secrets.into_iter().find(is_unknown) else { return Ok(()) };
    let own = &input.name;
    let given = inputs.get(own.as_str());
    let (message, hint) = match given.filter(|given| input.default.as_ref() == Some(*given)) {
        Some(Value::String(name)) => (
            format!("the secret `{name}`, which the input `{own}` names by default, is not known here"),
            format!(
                "it comes from the variable MYRMEX_SECRET_{name}, or from where `secrets` in myrmex.yaml says; \
                 `-i {own}=NAME` names another one"
            ),
        ),
        // What was given may be the secret itself, and is not repeated.
        Some(_) | None => (
            format!("the input `{own}` is not the name of a secret that is known here"),
            "its value is the name of a secret, never the secret itself; the secret NAME comes from the variable \
             MYRMEX_SECRET_NAME, or from where `secrets` in myrmex.yaml says"
                .to_owned(),
        ),
    };
    Err(Failure::new(FailureCode::Inputs, message).with_hint(hint))
}

/// Returns what is shown of the run. People are told of a workspace that is not where they stand: tasks run there.
fn show(args: &Args, workspace: &Workspace) -> Show {
    match (args.json, args.quiet) {
        (true, _) => Show::Json,
        (false, true) => Show::Nothing,
        (false, false) => {
            if std::env::current_dir().is_ok_and(|here| here != workspace.root) {
                drop(writeln!(anstream::stderr(), "workspace: {}", workspace.root.display()));
            }
            Show::People
        }
    }
}

/// Says which inputs there are.
fn known_inputs(definition: &Definition) -> String {
    let known =
        definition.inputs.iter().map(|input| format!("`{}` ({})", input.name, input.schema.type_word()));
    match known.collect::<Vec<_>>().as_slice() {
        [] => format!("`{}` takes none", definition.name),
        known => format!("`{}` takes {}{}", definition.name, known.join(", "), ways_of_secrets(definition)),
    }
}

/// Says how a secret is given, if the workflow takes one: its value has no place on a command line.
fn ways_of_secrets(definition: &Definition) -> String {
    let of_secrets = definition.inputs.iter().find(|input| input.schema.names_secret());
    let Some(Input { name, .. }) = of_secrets else { return String::new() };
    format!(
        "; of a secret give the name, as `-i {name}=NAME`, never the value: that comes from the variable MYRMEX_SECRET_NAME, or \
         from where `secrets` in myrmex.yaml says"
    )
}
