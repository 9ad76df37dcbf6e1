//! `myrmex runs artifacts`: the files that the tasks of a run gave.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use clap_complete::engine::ArgValueCompleter;
use myrmex_model::file::FileValue;
use myrmex_model::id::RunId;
use myrmex_model::ir::Body;
use myrmex_model::name::Namespace;
use myrmex_model::value::Value;
use myrmex_runtime::values;
use myrmex_store::blobs::{BlobStore, FileBlobStore};
use myrmex_store::{Reader, StoreError};
use serde_json::json;

use super::runs::{find, open_reader};
use crate::complete;
use crate::exit::{Exit, Failure, FailureCode};
use crate::render::summary;
use crate::session::print_line;
use crate::workspace::Workspace;

/// The most artifacts that are named where one is not known.
const NAMED_MAX: usize = 10;

/// How many digits of a hash people are shown.
const HASH_DIGITS: usize = 12;

/// List the files that the tasks of a run gave, or copy one out
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run's id, or the beginning of it
    #[arg(add = ArgValueCompleter::new(complete::runs))]
    run: String,

    /// Show only this one: an artifact `TASK/NAME`, an output of type `file` `TASK/output.NAME`, or an output that was too
    /// large for a value `TASK/output`
    #[arg(value_name = "TASK/NAME")]
    artifact: Option<String>,

    /// Copy it to this file, or into this folder; `-` is standard output
    #[arg(long, value_name = "PATH", requires = "artifact")]
    to: Option<PathBuf>,

    /// Replace the file if there is one
    #[arg(long, requires = "to")]
    force: bool,

    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// A file that a task gave.
struct Kept {
    task: String,
    name: String,
    file: FileValue,
}

impl Kept {
    /// Returns the name by which it is asked for.
    fn path(&self) -> String {
        format!("{}/{}", self.task, self.name)
    }

    fn json(&self) -> Value {
        let FileValue { name, size, hash } = &self.file;
        json!({"task": self.task, "name": self.name, "file": name, "size": size, "hash": hash.to_string()})
    }
}

/// Lists the artifacts, or copies one.
///
/// # Errors
///
/// Returns [`Failure`] if there is no such run or artifact, the store cannot be read, or the copy cannot be written.
pub fn run(args: &Args, data: Option<&Path>) -> Result<Exit, Failure> {
    if args.json && args.to.as_deref().is_some_and(is_standard_output) {
        let message = "`--to -` and `--json` both want standard output";
        return Err(Failure::new(FailureCode::File, message).with_hint("leave one of them out"));
    }
    let workspace = Workspace::current(data)?;
    let reader = open_reader(&workspace)?;
    let namespace = Namespace::standard();
    let run = find(&reader, &namespace, &args.run)?;
    let mut kept = all(&reader, &namespace, run)?;
    if let Some(wanted) = &args.artifact {
        let known: Vec<String> = kept.iter().map(Kept::path).collect();
        kept.retain(|kept| kept.path() == *wanted);
        if kept.is_empty() {
            return Err(unknown(run, wanted, &known));
        }
    }
    if let (Some(to), Some(one)) = (&args.to, kept.first()) {
        let blobs = FileBlobStore::new(&workspace.data);
        let content = blobs.get(&namespace, run, one.file.hash)?.ok_or_else(|| gone(run, one))?;
        if is_standard_output(to) {
            print_content(content)?;
            return Ok(Exit::Success);
        }
        let path = if to.is_dir() { to.join(file_name(&one.file)) } else { to.clone() };
        copy(content, &path, args.force)?;
        if args.json {
            let mut shown = one.json();
            shown["path"] = path.display().to_string().into();
            print_line(&shown)?;
        } else {
            // If standard error is closed the file is there all the same.
            drop(writeln!(anstream::stderr(), "wrote `{}` ({} bytes)", path.display(), one.file.size));
        }
    } else if args.json {
        let shown: Vec<Value> = kept.iter().map(Kept::json).collect();
        print_line(&json!({"run": run.to_string(), "artifacts": shown}))?;
    } else {
        print(&kept, run).map_err(|error| Failure::output(&error))?;
    }
    Ok(Exit::Success)
}

/// Returns every file that a task of the run gave, of tasks that ran several times those of the last time.
fn all(reader: &dyn Reader, namespace: &Namespace, id: RunId) -> Result<Vec<Kept>, Failure> {
    let mut all = Vec::new();
    let Some(run) = myrmex_runtime::partition::load_run(reader, namespace, id)? else { return Ok(all) };
    for (task, view) in summary::last_runs(&run) {
        let mut add = |name: String, value: &Value| {
            let file = FileValue::of(value);
            all.extend(file.map(|file| Kept { task: task.clone(), name, file }));
        };
        if let Some(hash) = view.artifacts() {
            let artifacts = values::load(reader, namespace, id, hash)?;
            artifacts.as_object().into_iter().flatten().for_each(|(name, value)| add(name.clone(), value));
        }
        // Other tasks only pass on what these gave.
        let is_giver = matches!(run.definition().node(view.node()).body, Body::Task(_) | Body::Call(_));
        if is_giver && let Some(hash) = view.output() {
            let output = values::load(reader, namespace, id, hash)?;
            add("output".to_owned(), &output);
            let fields = output.as_object().into_iter().flatten();
            fields.for_each(|(name, value)| add(format!("output.{name}"), value));
        }
    }
    Ok(all)
}

fn unknown(run: RunId, wanted: &str, known: &[String]) -> Failure {
    let message = format!("run {run} has no artifact `{wanted}`");
    let shown: Vec<String> = known.iter().take(NAMED_MAX).map(|name| format!("`{name}`")).collect();
    let hint = match (shown.as_slice(), known.len().saturating_sub(NAMED_MAX)) {
        ([], _) => "no task of it gave a file".to_owned(),
        (shown, 0) => format!("there are {}", shown.join(", ")),
        (shown, more) => format!("there are {} and {more} more", shown.join(", ")),
    };
    Failure::new(FailureCode::RunId, message).with_hint(hint)
}

fn gone(run: RunId, kept: &Kept) -> Failure {
    let what = format!("the content of `{}`, which run {run} names, is missing", kept.path());
    StoreError::Damaged { what, place: format!("blob {}", kept.file.hash) }.into()
}

/// Returns the name under which a file is put into a folder.
fn file_name(file: &FileValue) -> &Path {
    Path::new(Path::new(&file.name).file_name().unwrap_or("file".as_ref()))
}

/// Whether a path means standard output; a file of that name is `./-`.
fn is_standard_output(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Writes content to standard output. What is damaged is noticed at its end, when all of it was written; the exit code tells.
fn print_content(mut content: Box<dyn Read + Send>) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match io::copy(&mut content, &mut out).and_then(|_| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(damaged(&error)),
        Err(error) => Err(Failure::output(&error)),
    }
}

fn damaged(error: &io::Error) -> Failure {
    StoreError::Damaged { what: error.to_string(), place: "the kept files".to_owned() }.into()
}

/// Writes content to `path`. The file is there whole or not at all, and nothing is replaced unless `is_forced`.
fn copy(mut content: Box<dyn Read + Send>, path: &Path, is_forced: bool) -> Result<(), Failure> {
    if !is_forced && path.symlink_metadata().is_ok() {
        return Err(there_already(path));
    }
    let mut partial = path.as_os_str().to_owned();
    partial.push(format!(".partial-{}", std::process::id()));
    let partial = PathBuf::from(partial);
    let cannot = |error: io::Error| Failure::file(path, "cannot be written", &error);
    let written = File::create(&partial).and_then(|mut file| io::copy(&mut content, &mut file));
    let placed = match written {
        Ok(_) if is_forced => fs::rename(&partial, path).map_err(cannot),
        // A name that came to be meanwhile is not replaced.
        Ok(_) => match fs::hard_link(&partial, path) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(there_already(path)),
            Err(_) => fs::rename(&partial, path).map_err(cannot),
        },
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(damaged(&error)),
        Err(error) => Err(cannot(error)),
    };
    // After a rename there is none.
    drop(fs::remove_file(&partial));
    placed
}

fn there_already(path: &Path) -> Failure {
    Failure::new(FailureCode::File, format!("`{}` is there already", path.display()))
        .with_hint("`--force` replaces it")
}

fn print(kept: &[Kept], run: RunId) -> io::Result<()> {
    if kept.is_empty() {
        // If standard error is closed the empty list still tells.
        drop(writeln!(anstream::stderr(), "no task of run {run} gave a file"));
        return Ok(());
    }
    let paths: Vec<String> = kept.iter().map(Kept::path).collect();
    let width = paths.iter().map(String::len).max().unwrap_or(0).max(8);
    let file_width = kept.iter().map(|kept| kept.file.name.len()).max().unwrap_or(0).max(4);
    let mut out = anstream::stdout().lock();
    writeln!(out, "{:<width$}  {:<file_width$}  {:>12}  HASH", "ARTIFACT", "FILE", "SIZE")?;
    for (path, Kept { file, .. }) in paths.iter().zip(kept) {
        let hash: String = file.hash.to_string().chars().take(HASH_DIGITS).collect();
        writeln!(out, "{path:<width$}  {:<file_width$}  {:>12}  {hash}", file.name, file.size)?;
    }
    Ok(())
}
