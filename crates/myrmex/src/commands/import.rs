//! `myrmex import`: files of other systems become files of ours, with a report of what did not.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use myrmex_lang::Source;
use myrmex_lang::import::{BYTES_MAX, Dialect, FILES_MAX, Fate, Format, Generated, Imported, Options, codes};
use myrmex_model::diagnostic::{Code, Diagnostic, Span};

use crate::exit::{Exit, Failure, FailureCode, reason};
use crate::render::imported::{self, Outcome, Written};
use crate::sources::read_text;

/// Folders that hold no files of people.
const PASSED_OVER: [&str; 3] = [".git", ".myrmex", "node_modules"];

/// How deep folders are looked into: deeper ones are a mistake, such as a folder inside itself.
const DEPTH_MAX: usize = 32;

/// Turn files of another system into workflows
///
/// What has no equal is reported with its place, never left out silently. Without `--out` nothing is written: one workflow goes
/// to standard output, the report to standard error. Exit code 2: something could not be imported; the rest is written.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The format of the files
    #[arg(long, value_name = "FORMAT", value_parser = formats())]
    from: Format,

    /// Files to read, or folders whose files are read, those in folders below too
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,

    /// Write the files into this folder; one that was changed since it was generated is left alone
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Write generated files anew that were changed since; what no import wrote is left alone all the same
    #[arg(long, requires = "out")]
    force: bool,

    /// Of codomyrmex: the file that says which task stands for each action
    #[arg(long, value_name = "FILE")]
    map: Option<PathBuf>,

    /// Of codomyrmex: the dialect of the files; 0.1 if not said
    #[arg(long, value_parser = dialects())]
    dialect: Option<Dialect>,

    /// Of wfformat: multiply recorded durations by this; 0 makes every task do nothing
    #[arg(long, value_name = "FACTOR")]
    scale: Option<f64>,

    /// Print the report as JSON on standard output, and no workflow
    #[arg(long)]
    json: bool,
}

fn formats() -> impl TypedValueParser<Value = Format> {
    let names = Format::ALL.iter().map(|format| PossibleValue::new(format.as_str()).help(format.about()));
    PossibleValuesParser::new(names).try_map(|name| {
        Format::ALL.iter().copied().find(|format| format.as_str() == name).ok_or("there is no such format")
    })
}

fn dialects() -> impl TypedValueParser<Value = Dialect> {
    PossibleValuesParser::new(Dialect::ALL.iter().map(|dialect| dialect.as_str())).try_map(|name| {
        Dialect::ALL
            .iter()
            .copied()
            .find(|dialect| dialect.as_str() == name)
            .ok_or("there is no such dialect")
    })
}

/// Imports the files.
///
/// # Errors
///
/// Returns [`Failure`] if the map cannot be read, there are more files than one import reads, or standard output cannot be written
/// or would get more than one workflow. What cannot be written into a folder is an error of the report.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    let (sources, unread) = read(args)?;
    let map = args.map.as_deref().map(source_at).transpose()?;
    let options = Options { scale: args.scale, dialect: args.dialect, map: map.clone() };
    let mut imported = on_large_stack(|| myrmex_lang::import::import(args.from, &sources, &options));
    imported.notes.splice(..0, unread);
    let written = match &args.out {
        Some(folder) => write_all(folder, args.force, &mut imported),
        None => unwritten(&imported),
    };
    let known: Vec<Source> = sources.into_iter().chain(map).collect();
    let has_errors = imported.has_errors();
    if args.json {
        let report = imported::json(args.from, &imported, &written, &known);
        std::io::stdout()
            .write_all(format!("{report:#}\n").as_bytes())
            .map_err(|error| Failure::output(&error))?;
    } else {
        let printed = if args.out.is_none() { print_one(&imported) } else { Ok(()) };
        // If standard error is closed the exit code still tells.
        drop(anstream::stderr().write_all(imported::text(args.from, &imported, &written, &known).as_bytes()));
        printed?;
    }
    Ok(if has_errors { Exit::Invalid } else { Exit::Success })
}

/// Prints the workflow that was made, if it is one.
fn print_one(imported: &Imported) -> Result<(), Failure> {
    let workflows: Vec<&Generated> = imported.files.iter().filter(|file| file.is_workflow()).collect();
    match workflows.as_slice() {
        [] => Ok(()),
        [one] => std::io::stdout().write_all(one.body.as_bytes()).map_err(|error| Failure::output(&error)),
        several => {
            let message = format!("{} workflows do not fit on standard output", several.len());
            Err(Failure::new(FailureCode::Import, message)
                .with_hint("add `--out DIR`, or `--json` for the report alone"))
        }
    }
}

/// Reads all files; those that cannot be read become errors of the report.
fn read(args: &Args) -> Result<(Vec<Source>, Vec<Diagnostic>), Failure> {
    let (mut sources, mut unread, mut bytes) = (Vec::new(), Vec::new(), 0);
    let mut paths = Vec::new();
    for path in &args.paths {
        paths.extend(files(path, args.from.endings(), &mut unread));
    }
    for path in paths {
        match read_text(&path) {
            Ok(text) => {
                bytes += text.len();
                sources.push(Source::new(path.display().to_string(), text));
            }
            Err(reason) => {
                unread.push(about(&path, codes::FILE, &format!("the file cannot be read: {reason}")));
            }
        }
        if sources.len() > FILES_MAX || bytes > BYTES_MAX {
            let (files, size) = (FILES_MAX, BYTES_MAX >> 20);
            let message = format!("an import reads at most {files} files and {size} MiB");
            return Err(
                Failure::new(FailureCode::Import, message).with_hint("import one folder after the other")
            );
        }
    }
    Ok((sources, unread))
}

/// Reads the file of the map. Without it nothing would be as it was meant, so it must be there.
fn source_at(path: &Path) -> Result<Source, Failure> {
    let text = read_text(path).map_err(|reason| {
        Failure::new(FailureCode::File, format!("`{}` cannot be read: {reason}", path.display()))
    })?;
    Ok(Source::new(path.display().to_string(), text))
}

/// Builds an error about a file or folder as a whole.
fn about(path: &Path, code: Code, message: &str) -> Diagnostic {
    Diagnostic::error(code, whole(path), message)
}

fn whole(path: &Path) -> Span {
    Span { file: Arc::from(path.display().to_string()), start: 0, end: 0 }
}

/// Returns the files that a path means, in the order of their paths: those of a folder if they have one of the endings. Folders
/// that are not looked into become errors of the report.
fn files(path: &Path, endings: &[&str], unread: &mut Vec<Diagnostic>) -> Vec<PathBuf> {
    if !path.is_dir() {
        return vec![path.to_owned()];
    }
    let (mut found, mut folders) = (Vec::new(), vec![(path.to_owned(), 0)]);
    while let Some((folder, depth)) = folders.pop() {
        if depth > DEPTH_MAX {
            let message =
                format!("the folder lies more than {DEPTH_MAX} folders deep: it is not looked into");
            unread.push(about(&folder, codes::FILE, &message));
            continue;
        }
        let mut refuse = |error: &std::io::Error| {
            let message = format!("the folder cannot be read: {}", reason(error));
            unread.push(about(&folder, codes::FILE, &message));
        };
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) => {
                refuse(&error);
                continue;
            }
        };
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    refuse(&error);
                    continue;
                }
            };
            let (own, name) = (entry.path(), entry.file_name());
            // A link to a folder may lead back to where it lies.
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if !is_folder {
                let is_meant = own.extension().is_some_and(|own| endings.iter().any(|end| own == *end));
                found.extend(is_meant.then_some(own));
            } else if PASSED_OVER.iter().all(|other| name != *other) {
                folders.push((own, depth + 1));
            }
        }
        if found.len() > FILES_MAX {
            break;
        }
    }
    found.sort();
    found
}

/// Does the work on a thread with the stack that expressions ask for.
fn on_large_stack(work: impl Fn() -> Imported + Sync) -> Imported {
    let on_thread = std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().stack_size(myrmex_expr::STACK_BYTES);
        builder.spawn_scoped(scope, &work).map(std::thread::ScopedJoinHandle::join)
    });
    match on_thread {
        Ok(Ok(imported)) => imported,
        Ok(Err(panic)) => std::panic::resume_unwind(panic),
        // Without memory for a large stack a small one must do.
        Err(_) => work(),
    }
}

/// Writes the files into a folder, and says what became of each. What somebody changed is left alone, with a warning; what cannot
/// be written is an error and stops none of the others.
fn write_all(folder: &Path, is_forced: bool, imported: &mut Imported) -> Vec<Written> {
    let mut all = Vec::new();
    for file in &imported.files {
        let path = folder.join(&file.path);
        let (outcome, note) = write_one(&path, file, is_forced)
            .unwrap_or_else(|problem| (Outcome::Failed, Some(about(&path, codes::UNWRITABLE, &problem))));
        imported.notes.extend(note);
        all.push(Written { path: path.display().to_string(), outcome });
    }
    all
}

/// Writes a file, unless the one in its place is the same or somebody's own.
///
/// # Errors
///
/// Returns why it cannot be written.
fn write_one(
    path: &Path,
    file: &Generated,
    is_forced: bool,
) -> Result<(Outcome, Option<Diagnostic>), String> {
    let kept = |message: &str, hint: &str| {
        let note = Diagnostic::warning(codes::KEPT, whole(path), message).with_hint(hint);
        Ok((Outcome::Kept, Some(note)))
    };
    let outcome = match std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Outcome::New,
        Err(error) => return Err(format!("the file in its place cannot be read: {}", reason(&error))),
        Ok(existing) => match file.fate(&existing) {
            Fate::Same => return Ok((Outcome::Unchanged, None)),
            Fate::Replaced => Outcome::Replaced,
            Fate::Kept if is_forced => Outcome::Replaced,
            Fate::Kept => {
                return kept(
                    "the file was changed since an import wrote it: it is left alone",
                    "`--force` writes it anew; what was changed is lost then",
                );
            }
            Fate::Foreign => {
                return kept(
                    "no import wrote the file: it is left alone, with `--force` too",
                    "move it away, or import into another folder",
                );
            }
        },
    };
    write(path, &file.text()).map_err(|error| format!("the file cannot be written: {}", reason(&error)))?;
    Ok((outcome, None))
}

/// Writes a file whole or not at all: half a file would be taken for one that somebody changed.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let beside = path.with_extension("yaml.new");
    let written = std::fs::write(&beside, text).and_then(|()| std::fs::rename(&beside, path));
    if written.is_err() {
        // What is left of it helps nobody. If it cannot be removed either, the error already says that something is wrong.
        drop(std::fs::remove_file(&beside));
    }
    written
}

fn unwritten(imported: &Imported) -> Vec<Written> {
    let files = imported.files.iter();
    files.map(|file| Written { path: file.path.clone(), outcome: Outcome::Unwritten }).collect()
}
