//! `myrmex example`: the examples that the binary holds.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand};
use clap_complete::engine::ArgValueCompleter;
use myrmex_lang::nearest;
use serde_json::{Value, json};

use super::{project, run};
use crate::complete;
use crate::examples::{self, Example};
use crate::exit::{Exit, Failure, FailureCode};
use crate::session::print_line;

/// List the examples that this program holds, copy one, or run one
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

/// The commands about examples.
#[derive(Debug, Subcommand)]
enum Command {
    /// List the examples, the simplest first
    List(ListArgs),
    /// Write an example into a folder, to read and to change it
    Copy(CopyArgs),
    /// Write an example into a folder and run its workflow there, or start its project
    ///
    /// Options of `myrmex run` stand behind `--`: `myrmex example run hello -- -i names='["Alan"]'`. For a project they are those of
    /// `myrmex project start`.
    Run(RunArgs),
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct CopyArgs {
    /// The example
    #[arg(value_parser = named, add = ArgValueCompleter::new(complete::examples))]
    name: Example,

    /// The folder, which must not be there yet or be empty [default: the name of the example]
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,

    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct RunArgs {
    /// The example
    #[arg(value_parser = named, add = ArgValueCompleter::new(complete::examples))]
    name: Example,

    /// The folder, which must not be there yet or be empty [default: a new one among the temporary files]
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,

    /// Options of `myrmex run`, or of `myrmex project start`
    #[arg(last = true, value_name = "OPTIONS")]
    options: Vec<String>,
}

/// A line of a command, without its name.
#[derive(Debug, Parser)]
#[command(name = "myrmex example run NAME --", no_binary_name = true)]
struct Line<T: clap::Args> {
    #[command(flatten)]
    args: T,
}

/// Reads the options for an example; the exit if they are not understood, or were a question for help.
fn line<T: clap::Args>(args: &RunArgs) -> Result<T, Exit> {
    let words = [args.name.main()].into_iter().chain(args.options.iter().map(String::as_str));
    Line::try_parse_from(words).map(|line| line.args).map_err(|error| {
        // If standard error is closed the exit code still tells.
        drop(error.print());
        if error.use_stderr() { Exit::Invalid } else { Exit::Success }
    })
}

/// Finds the example that is called so.
pub(super) fn named(name: &str) -> Result<Example, String> {
    examples::find(name).ok_or_else(|| match nearest(name, examples::all().map(Example::name)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`myrmex example list` names all".to_owned(),
    })
}

/// Lists, copies or runs.
///
/// # Errors
///
/// Returns [`Failure`] if the folder is taken or cannot be written, and what `myrmex run` returns.
pub fn run(args: &Args, data: Option<&Path>) -> Result<Exit, Failure> {
    match &args.command {
        Command::List(args) => list(args),
        Command::Copy(args) => copy(args.name, args.folder.as_deref(), args.json),
        Command::Run(args) => run_in_copy(args, data),
    }
}

fn list(args: &ListArgs) -> Result<Exit, Failure> {
    if args.json {
        let shown: Vec<Value> = examples::all().map(shown).collect();
        print_line(&json!({ "examples": shown }))?;
        return Ok(Exit::Success);
    }
    let width = examples::all().map(|example| example.name().len()).max().unwrap_or(0);
    let mut out = anstream::stdout().lock();
    let mut line = |example: Example| writeln!(out, "{:<width$}  {}", example.name(), example.title());
    examples::all().try_for_each(&mut line).map_err(|error| Failure::output(&error))?;
    Ok(Exit::Success)
}

fn shown(example: Example) -> Value {
    json!({
        "name": example.name(),
        "title": example.title(),
        (if example.is_project() { "project" } else { "workflow" }): example.main(),
        "files": example.paths().collect::<Vec<_>>(),
    })
}

/// Writes an example into a folder, and says what to do there.
pub(super) fn copy(example: Example, folder: Option<&Path>, is_json: bool) -> Result<Exit, Failure> {
    let folder = folder.unwrap_or(Path::new(example.name()));
    example.copy_to(folder)?;
    let created: Vec<PathBuf> = example.paths().map(|path| folder.join(path)).collect();
    let next = [format!("cd {}", folder.display()), example.first_line()];
    super::new::report(&created, None, &next, is_json)?;
    Ok(Exit::Success)
}

fn run_in_copy(args: &RunArgs, data: Option<&Path>) -> Result<Exit, Failure> {
    if args.name.is_project() {
        return match line(args) {
            Ok(line) => project::begin(&line, go_to_copy(args, data)?.as_deref()),
            Err(exit) => Ok(exit),
        };
    }
    let line: run::Args = match line(args) {
        Ok(line) => line,
        Err(exit) => return Ok(exit),
    };
    if line.is_watching() {
        // Each round would do the whole line again, and the folder of the first is taken.
        let message = "an example is not run again and again: `--watch` is about files of yours";
        return Err(Failure::new(FailureCode::Inputs, message).with_hint(format!(
            "copy it: `myrmex example copy {}`, then `{} --watch` in the copy",
            args.name.name(),
            args.name.first_line()
        )));
    }
    run::run(&line, go_to_copy(args, data)?.as_deref())
}

/// Writes the example into its folder and goes there. Returns where the data folder is that was named, if one was.
fn go_to_copy(args: &RunArgs, data: Option<&Path>) -> Result<Option<PathBuf>, Failure> {
    // Both are meant from where the command was given.
    let absolute =
        |path: &Path| std::path::absolute(path).map_err(|error| Failure::file(path, "has no place", &error));
    let data = data.map(absolute).transpose()?;
    let folder = match &args.folder {
        Some(folder) => absolute(folder)?,
        None => std::env::temp_dir().join(format!(
            "myrmex-{}-{}",
            args.name.name(),
            uuid::Uuid::now_v7().simple()
        )),
    };
    args.name.copy_to(&folder)?;
    std::env::set_current_dir(&folder)
        .map_err(|error| Failure::file(&folder, "cannot be entered", &error))?;
    // If standard error is closed there is nobody to tell.
    drop(writeln!(anstream::stderr(), "the example lies in {}", folder.display()));
    Ok(data)
}
