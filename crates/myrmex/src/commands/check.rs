//! `myrmex check`: every problem of every file, at once. Writes nothing.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ValueEnum;
use clap_complete::engine::ArgValueCompleter;
use myrmex_lang::Source;
use myrmex_model::diagnostic::{Code, Diagnostic, Severity, Span};

use super::{CheckedFile, check_file, rounds};
use crate::complete;
use crate::exit::{Exit, Failure};
use crate::render::diagnostics;
use crate::sources;
use crate::workspace::Workspace;

/// The code of a file that is passed over.
pub(crate) const PASSED_OVER: Code = Code("N0001");

/// How the bodies of workflows begin.
const BODIES: [&str; 2] = ["tasks:", "do:"];

/// Check files and report every problem in them
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Files or folders to check, or standard input with `-`; without any the whole workspace
    #[arg(value_name = "PATH", add = ArgValueCompleter::new(complete::files))]
    paths: Vec<PathBuf>,

    /// How to print what is found
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// Check again whenever a workflow, a library or the settings change, until Ctrl-C
    #[arg(long)]
    watch: bool,
}

/// How diagnostics are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people, on standard error
    Text,
    /// One JSON document on standard output
    Json,
    /// SARIF 2.1.0 for code scanners, on standard output
    Sarif,
    /// Workflow commands of GitHub Actions, on standard output
    Github,
}

/// Checks the files.
///
/// # Errors
///
/// Returns [`Failure`] if standard output cannot be written.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    let workspace = Workspace::current(None)?;
    if args.watch {
        return rounds::run(&args.paths, &workspace);
    }
    let root = workspace.root;
    let files = sources::meant(&args.paths, &root);
    let settings = sources::settings(&root).filter(|settings| !has_same(&files, settings));
    let mut checked = with_needed(files.iter().map(|path| check_file(path, &root)).collect());
    checked.extend(passed_over(&args.paths, &root));
    // No workflow runs where the settings have errors.
    checked.extend(settings.map(|path| check_file(&path, &root)).filter(super::run::has_errors));
    let has_errors =
        checked.iter().any(|file| file.diagnostics.iter().any(|found| found.severity == Severity::Error));
    let print = |document: String| {
        std::io::stdout().write_all(document.as_bytes()).map_err(|error| Failure::output(&error))
    };
    match args.format {
        Format::Json => print(format!("{}\n", diagnostics::json(&checked)))?,
        Format::Sarif => print(format!("{:#}\n", diagnostics::sarif(&checked)))?,
        Format::Github => print(diagnostics::github(&checked))?,
        Format::Text => {
            for file in &checked {
                diagnostics::print(&file.source, &file.diagnostics);
            }
            if has_errors {
                total(&checked);
            } else {
                let workflows: Vec<_> = checked.iter().filter_map(|file| file.definition.as_ref()).collect();
                let tasks: usize = workflows.iter().map(|definition| definition.task_count()).sum();
                let files = files.len();
                let plural = if files == 1 { "" } else { "s" };
                // If standard error is closed the exit code still tells.
                let more = if tasks == 1 { "" } else { "s" };
                // Libraries and settings have no tasks to count.
                let counted =
                    if workflows.is_empty() { String::new() } else { format!(", {tasks} task{more}") };
                drop(writeln!(anstream::stderr(), "{files} file{plural} without errors{counted}"));
            }
        }
    }
    Ok(if has_errors { Exit::Invalid } else { Exit::Success })
}

/// Names the files in the folders that were asked for, or in the workspace, that read like workflows and are not checked because they do
/// not say that they are.
fn passed_over(paths: &[PathBuf], root: &Path) -> Vec<CheckedFile> {
    let note = |path: PathBuf| {
        let text = sources::read_source(&path).ok()?;
        let first = text.lines().find(|line| !line.trim_start().starts_with('#') && !line.trim().is_empty());
        let first = first.and_then(|line| line.split_once(':')).map_or("", |(key, _)| key.trim());
        let hint = if myrmex_lang::nearest(first, std::iter::once("workflow")).is_some() {
            "did you mean `workflow` in its first line?"
        } else if text.lines().any(|line| BODIES.iter().any(|body| line.starts_with(body))) {
            "give its path to check it all the same"
        } else {
            return None;
        };
        let name = sources::name_of(&path);
        let message = "it is not checked: it does not begin with `workflow: NAME`";
        let span = Span { file: Arc::clone(&name), start: 0, end: 0 };
        let note = Diagnostic { severity: Severity::Note, ..Diagnostic::warning(PASSED_OVER, span, message) };
        let mut file = CheckedFile::unreadable(note.with_hint(hint));
        file.source = Source::new(name, text);
        Some(file)
    };
    sources::passed_over(paths, root).into_iter().filter_map(note).collect()
}

/// Whether one of `files` is the file at `path`.
fn has_same(files: &[PathBuf], path: &Path) -> bool {
    let real = std::fs::canonicalize(path).ok();
    files.iter().any(|file| real.is_some() && std::fs::canonicalize(file).ok() == real)
}

/// Says how many problems there are, if one does not see that at a glance.
fn total(checked: &[CheckedFile]) {
    let count = |severity| {
        checked.iter().flat_map(|file| &file.diagnostics).filter(|found| found.severity == severity).count()
    };
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    if errors + warnings > 1 {
        let word = |count, one: &str| if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") };
        let errors = word(errors, "error");
        let and = if warnings == 0 { String::new() } else { format!(" and {}", word(warnings, "warning")) };
        // If standard error is closed the exit code still tells.
        drop(writeln!(anstream::stderr(), "{errors}{and}"));
    }
}

/// Adds the files with errors that others need, each once, behind those that were asked for.
pub(super) fn with_needed(mut checked: Vec<CheckedFile>) -> Vec<CheckedFile> {
    let needed: Vec<_> = checked.iter_mut().flat_map(|file| std::mem::take(&mut file.beside)).collect();
    for file in needed {
        if checked.iter().all(|own| own.source.name != file.source.name) {
            let (source, diagnostics) = (file.source, file.diagnostics);
            let closure = std::collections::BTreeMap::new();
            let (definition, places, beside) = (None, None, Vec::new());
            checked.push(CheckedFile { source, definition, closure, places, diagnostics, beside });
        }
    }
    checked
}
