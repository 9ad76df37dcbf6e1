//! `myrmex import`: files of other systems become files of ours, with a report of what did not.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use myrmex_lang::Source;
use myrmex_lang::import::{BYTES_MAX, Dialect, FILES_MAX, Fate, Format, Generated, Imported, Options, codes};
use myrmex_model::diagnostic::{Diagnostic, Span};

use crate::exit::{Exit, Failure, FailureCode};
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

    /// Write generated files anew that were changed since
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
/// Returns [`Failure`] if a file cannot be written, or more than one workflow would go to standard output.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    let (sources, unread) = read(args)?;
    let map = args.map.as_deref().map(source_at).transpose()?;
    let options = Options { scale: args.scale, dialect: args.dialect, map: map.clone() };
    let mut imported = on_large_stack(|| myrmex_lang::import::import(args.from, &sources, &options));
    imported.notes.splice(..0, unread);
    let written = match &args.out {
        Some(folder) => write_all(folder, args.force, &mut imported)?,
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
        if args.out.is_none() {
            print_one(&imported)?;
        }
        // If standard error is closed the exit code still tells.
        drop(anstream::stderr().write_all(imported::text(args.from, &imported, &written, &known).as_bytes()));
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
    for path in args.paths.iter().flat_map(|path| files(path, args.from.endings())) {
        match read_text(&path) {
            Ok(text) => {
                bytes += text.len();
                sources.push(Source::new(path.display().to_string(), text));
            }
            Err(reason) => {
                let span = Span { file: path.display().to_string().into(), start: 0, end: 0 };
                unread.push(Diagnostic::error(
                    codes::FILE,
                    span,
                    format!("the file cannot be read: {reason}"),
                ));
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

/// Returns the files that a path means, in the order of their paths: those of a folder if they have one of the endings.
fn files(path: &Path, endings: &[&str]) -> Vec<PathBuf> {
    if !path.is_dir() {
        return vec![path.to_owned()];
    }
    let (mut found, mut folders) = (Vec::new(), vec![(path.to_owned(), 0)]);
    while let Some((folder, depth)) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let (own, name) = (entry.path(), entry.file_name());
            // A link to a folder may lead back to where it lies.
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_folder && depth < DEPTH_MAX && PASSED_OVER.iter().all(|other| name != *other) {
                folders.push((own, depth + 1));
            } else if !is_folder && own.extension().is_some_and(|own| endings.iter().any(|end| own == *end)) {
                found.push(own);
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

/// Writes the files into a folder, and says what became of each. What somebody changed is left alone, with a warning.
fn write_all(folder: &Path, is_forced: bool, imported: &mut Imported) -> Result<Vec<Written>, Failure> {
    let mut all = Vec::new();
    for file in &imported.files {
        let path = folder.join(&file.path);
        let outcome = match std::fs::read(&path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Outcome::New,
            Err(error) => return Err(Failure::file(&path, "cannot be read", &error)),
            Ok(existing) => match file.fate(&existing) {
                Fate::Same => Outcome::Unchanged,
                Fate::Replaced => Outcome::Replaced,
                Fate::Kept if is_forced => Outcome::Replaced,
                Fate::Kept => Outcome::Kept,
            },
        };
        match outcome {
            Outcome::New | Outcome::Replaced => {
                write(&path, &file.text())
                    .map_err(|error| Failure::file(&path, "cannot be written", &error))?;
            }
            Outcome::Kept => {
                let span = Span { file: Arc::from(path.display().to_string()), start: 0, end: 0 };
                let message = "the file was not written by an import, or was changed since: it is left alone";
                let note = Diagnostic::warning(codes::KEPT, span, message);
                imported
                    .notes
                    .push(note.with_hint("`--force` writes it anew; what was changed is lost then"));
            }
            Outcome::Unchanged | Outcome::Unwritten => {}
        }
        all.push(Written { path: path.display().to_string(), outcome });
    }
    Ok(all)
}

/// Writes a file whole or not at all: half a file would be taken for one that somebody changed.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let beside = path.with_extension("yaml.new");
    std::fs::write(&beside, text)?;
    std::fs::rename(&beside, path)
}

fn unwritten(imported: &Imported) -> Vec<Written> {
    let files = imported.files.iter();
    files.map(|file| Written { path: file.path.clone(), outcome: Outcome::Unwritten }).collect()
}
