//! `myrmex new`: makes a project, a workflow, or a copy of an example, and says what to type next.
//!
//! What is written passes `check` and `fmt --check`, and runs. Nothing that lies there is overwritten. What is not said on the
//! command line is asked, but only of a person at a terminal.

mod questions;

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{CommandFactory, Subcommand, ValueEnum};
use clap_complete::engine::ArgValueCompleter;
use myrmex_model::name::Name;
use serde_json::json;

use super::example;
use super::list::name;
use crate::cli::Cli;
use crate::complete;
use crate::examples::{self, Example};
use crate::exit::{Exit, Failure, FailureCode};
use crate::session::print_line;
use crate::sources;
use crate::workspace::{DATA_NAME, SETTINGS_NAME, Workspace};
use questions::Person;

/// The folder of a project with its workflows.
const WORKFLOWS: &str = "workflows";

/// The file that keeps files out of version control.
const IGNORE: &str = ".gitignore";

/// The name by which the workflows of all shapes call themselves until they get their own.
const UNNAMED: &str = "hello";

/// Make a project, a workflow, or a copy of an example
///
/// What is not said is asked, if somebody is there to answer: standard input and standard error are terminals.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    kind: Option<Kind>,

    /// Ask nothing, take what is proposed
    #[arg(long, short, global = true)]
    yes: bool,

    /// Print one JSON document
    #[arg(long, global = true)]
    json: bool,
}

/// What can be made.
#[derive(Debug, Subcommand)]
enum Kind {
    /// A folder with settings and a first workflow
    Project(ProjectArgs),
    /// A workflow in the workspace, of one of a few shapes
    Workflow(WorkflowArgs),
    /// A copy of an example, as `myrmex example copy` makes it
    Example(ExampleArgs),
}

#[derive(Debug, Default, clap::Args)]
struct ProjectArgs {
    /// Its folder, which may be there [default: the current one]
    #[arg(value_name = "NAME")]
    folder: Option<PathBuf>,
}

#[derive(Debug, Default, clap::Args)]
struct WorkflowArgs {
    /// Its name; the file is called so, too
    #[arg(value_parser = name)]
    name: Option<Name>,

    /// How its tasks follow each other [default: graph]
    #[arg(long, value_enum)]
    shape: Option<Shape>,
}

#[derive(Debug, Default, clap::Args)]
struct ExampleArgs {
    /// The example
    #[arg(value_parser = example::named, add = ArgValueCompleter::new(complete::examples))]
    name: Option<Example>,

    /// The folder, which must not be there yet or be empty [default: the name of the example]
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

/// How the tasks of a new workflow follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shape {
    /// Tasks side by side, and one that waits for them
    Graph,
    /// One step after the other
    Sequence,
    /// The same task for every member of a list
    Each,
    /// A task that may fail, what is done about it, and what follows in any case
    Guarded,
}

impl Shape {
    fn text(self) -> &'static str {
        match self {
            Self::Graph => include_str!("new/graph.yaml"),
            Self::Sequence => include_str!("new/sequence.yaml"),
            Self::Each => include_str!("new/each.yaml"),
            Self::Guarded => include_str!("new/guarded.yaml"),
        }
    }

    /// Returns a workflow of this shape and name.
    fn named(self, name: &str) -> String {
        self.text().replacen(&format!("workflow: {UNNAMED}\n"), &format!("workflow: {name}\n"), 1)
    }
}

/// Makes what is asked for.
///
/// # Errors
///
/// Returns [`Failure`] if something lies there already, or cannot be written.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    let mut person = if args.yes { Person::who_agrees() } else { Person::at_a_terminal(!args.json) };
    let asked;
    let kind = match &args.kind {
        Some(kind) => kind,
        None => match person.choose("What is to be made?", &["project", "workflow", "example"])? {
            Some("project") => {
                asked = Kind::Project(ProjectArgs::default());
                &asked
            }
            Some("workflow") => {
                asked = Kind::Workflow(WorkflowArgs::default());
                &asked
            }
            Some(_) => {
                asked = Kind::Example(ExampleArgs::default());
                &asked
            }
            None => {
                return Ok(lacking(&["new"], "say what is to be made: `project`, `workflow` or `example`"));
            }
        },
    };
    match kind {
        Kind::Project(kind) => project(kind, &mut person, args.json),
        Kind::Workflow(kind) => workflow(kind, &mut person, args.json),
        Kind::Example(kind) => copy(kind, &mut person, args.json),
    }
}

/// Says what is missing on the line of a command, given by its words.
fn lacking(words: &[&str], what: &str) -> Exit {
    let mut program = Cli::command();
    program.build();
    let command = words.iter().try_fold(&mut program, |command, word| command.find_subcommand_mut(word));
    let error = command.map(|command| command.error(ErrorKind::MissingRequiredArgument, what));
    // If standard error is closed the exit code still tells.
    drop(error.expect("these are words of a command").print());
    Exit::Invalid
}

fn project(args: &ProjectArgs, person: &mut Person, is_json: bool) -> Result<Exit, Failure> {
    let folder = match &args.folder {
        Some(folder) => folder.clone(),
        None => person
            .ask("The folder of the project", Some("."))?
            .map_or_else(|| PathBuf::from("."), PathBuf::from),
    };
    let inside = |name: &str| if folder.as_os_str() == "." { PathBuf::from(name) } else { folder.join(name) };
    let first = format!("{WORKFLOWS}/{UNNAMED}.yaml");
    let files = [
        (inside(SETTINGS_NAME), include_str!("new/settings.yaml").to_owned()),
        (inside(&first), Shape::Graph.named(UNNAMED)),
    ];
    refuse_taken(files.iter().map(|(path, _)| path.as_path()))?;
    let mut created = Vec::new();
    for (path, text) in files {
        create(&path, &text)?;
        created.push(path);
    }
    let ignore = inside(IGNORE);
    let changed = keep_out(&ignore)?;
    if changed == Ignoring::Created {
        created.push(ignore.clone());
    }
    let mut next = Vec::new();
    if folder.as_os_str() != "." {
        next.push(format!("cd {}", folder.display()));
    }
    next.extend(["myrmex check", "myrmex run hello", "myrmex graph hello"].map(str::to_owned));
    let added = (changed == Ignoring::Added).then_some(ignore);
    report(&created, added.as_deref(), &next, is_json)?;
    Ok(Exit::Success)
}

/// What became of the file that keeps records out of version control.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ignoring {
    Created,
    Added,
    Unchanged,
}

/// Adds the data directory to the file that keeps things out of version control, if it is not in there.
fn keep_out(path: &Path) -> Result<Ignoring, Failure> {
    let failed = |error: std::io::Error| Failure::file(path, "cannot be written", &error);
    let before = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            create(path, &format!("{DATA_NAME}/\n"))?;
            return Ok(Ignoring::Created);
        }
        Err(error) => return Err(Failure::file(path, "cannot be read", &error)),
    };
    if before.lines().any(|line| line.trim_matches('/').trim() == DATA_NAME) {
        return Ok(Ignoring::Unchanged);
    }
    let gap = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
    let mut file = OpenOptions::new().append(true).open(path).map_err(failed)?;
    file.write_all(format!("{gap}{DATA_NAME}/\n").as_bytes()).map_err(failed)?;
    Ok(Ignoring::Added)
}

fn workflow(args: &WorkflowArgs, person: &mut Person, is_json: bool) -> Result<Exit, Failure> {
    let own = match &args.name {
        Some(own) => own.clone(),
        None => match person.ask("The name of the workflow", None)? {
            Some(text) => name(&text).map_err(|reason| Failure::new(FailureCode::File, reason))?,
            None => {
                return Ok(lacking(&["new", "workflow"], "name the workflow: `myrmex new workflow NAME`"));
            }
        },
    };
    let shape = if let Some(shape) = args.shape { shape } else { ask_for_shape(person)? };
    let root = Workspace::current(None)?.root;
    if let Some(taken) = sources::workflows_named(own.as_str(), &root).next() {
        let message = format!("there is a workflow `{own}` already, in `{}`", sources::shown(&taken));
        return Err(Failure::new(FailureCode::File, message).with_hint("choose another name"));
    }
    // Where workflows are found by their names: a project has a folder for them.
    let has_folder = root.join(WORKFLOWS).is_dir() || root.join(SETTINGS_NAME).is_file();
    let file = format!("{own}.yaml");
    let folder = if has_folder { root.join(WORKFLOWS) } else { root };
    let path = PathBuf::from(sources::shown(&folder.join(&file)));
    refuse_taken([path.as_path()].into_iter())?;
    create(&path, &shape.named(own.as_str()))?;
    let next = [
        format!("myrmex check {}", path.display()),
        format!("myrmex run {own}"),
        format!("myrmex graph {own}"),
    ];
    report(&[path], None, &next, is_json)?;
    Ok(Exit::Success)
}

fn ask_for_shape(person: &mut Person) -> Result<Shape, Failure> {
    let words: Vec<_> = Shape::value_variants().iter().filter_map(ValueEnum::to_possible_value).collect();
    let words: Vec<&str> = words.iter().map(clap::builder::PossibleValue::get_name).collect();
    let chosen = person.choose("Its shape?", &words)?;
    Ok(chosen.and_then(|word| Shape::from_str(word, false).ok()).unwrap_or(Shape::Graph))
}

fn copy(args: &ExampleArgs, person: &mut Person, is_json: bool) -> Result<Exit, Failure> {
    let name = if let Some(name) = args.name {
        name
    } else {
        let names: Vec<&str> = examples::all().map(Example::name).collect();
        let Some(name) = person.choose("Which example?", &names)?.and_then(examples::find) else {
            return Ok(lacking(&["new", "example"], "name an example: `myrmex example list` shows all"));
        };
        name
    };
    example::copy(name, args.folder.as_deref(), is_json)
}

/// Refuses to write over anything, before anything is written.
fn refuse_taken<'p>(paths: impl Iterator<Item = &'p Path>) -> Result<(), Failure> {
    let taken: BTreeSet<String> = paths
        .filter(|path| fs::symlink_metadata(path).is_ok())
        .map(|path| format!("`{}`", path.display()))
        .collect();
    if taken.is_empty() {
        return Ok(());
    }
    let (verb, names) = (if taken.len() == 1 { "is" } else { "are" }, Vec::from_iter(taken).join(", "));
    let message = format!("{names} {verb} there already, and nothing is overwritten");
    Err(Failure::new(FailureCode::File, message).with_hint("choose another name, or remove what lies there"))
}

/// Writes a new file, and the folders above it.
fn create(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::file(path, "cannot be written", &error);
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    File::create_new(path).and_then(|mut file| file.write_all(text.as_bytes())).map_err(failed)
}

/// Says which files were made, which one got a line, and what to type next.
pub(super) fn report(
    created: &[PathBuf],
    changed: Option<&Path>,
    next: &[String],
    is_json: bool,
) -> Result<(), Failure> {
    if is_json {
        // A path that is not UTF-8 is shown as well as JSON can.
        let created: Vec<String> = created.iter().map(|path| path.display().to_string()).collect();
        let changed: Vec<String> = changed.into_iter().map(|path| path.display().to_string()).collect();
        return print_line(&json!({"created": created, "changed": changed, "next": next}));
    }
    let created = created.iter().map(|path| format!("created {}\n", path.display()));
    let changed = changed.into_iter().map(|path| format!("added a line to {}\n", path.display()));
    let next = std::iter::once("next:\n".to_owned()).chain(next.iter().map(|line| format!("  {line}\n")));
    let text: String = created.chain(changed).chain(next).collect();
    // If standard error is closed there is nobody to tell.
    drop(write!(anstream::stderr(), "{text}"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workflow_of_each_shape_bears_its_name() {
        for shape in Shape::value_variants() {
            assert!(shape.named("mine").starts_with("workflow: mine\n"), "{shape:?}");
        }
    }
}
