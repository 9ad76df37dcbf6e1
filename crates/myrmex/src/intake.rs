//! Files that a run is given: opened when its inputs are resolved, and kept as blobs of the run before it starts.
//!
//! While files are being kept a mark says so. If this process dies before the run is in the store, whoever holds the store
//! next finds the mark and removes what was kept for a run that never began.

use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use myrmex_lang::{FileGiven, Given, InputProblem, resolve_inputs};
use myrmex_model::file::FileValue;
use myrmex_model::id::RunId;
use myrmex_model::ir::Definition;
use myrmex_model::value::Value;
use myrmex_store::StoreError;
use myrmex_store::blobs::Blob;

use crate::exit::{Failure, FailureCode, reason};
use crate::session::Session;

/// The most bytes of a file that is given to a run. It is copied into the store before the run begins; more than this
/// belongs on a storage of its own, and its place into an input of type `string`.
pub const INPUT_BYTES_MAX: u64 = 16 << 30;

/// The folder of a data directory with a mark for each run whose files are being kept.
const MARKS: &str = "taking";

/// The inputs of a run that is to be started.
#[derive(Debug)]
pub struct Inputs {
    /// With null in the place of files.
    values: serde_json::Map<String, Value>,
    files: Vec<Opened>,
}

/// A file that is an input.
#[derive(Debug)]
struct Opened {
    input: String,
    /// As it was given.
    path: String,
    file: File,
}

/// Resolves what was given for the inputs of `definition`, whose file is `workflow`. Every file that is named is opened, so
/// that what is wrong is said of all inputs at once, before anything begins.
///
/// # Errors
///
/// Returns all problems.
pub fn resolve(
    definition: &Definition,
    given: &[(String, Given)],
    workflow: &Path,
) -> Result<Inputs, Vec<InputProblem>> {
    let mut files = Vec::new();
    let mut read = |given: FileGiven<'_>| {
        let beside = if given.is_default { workflow.parent() } else { None };
        let file = open(&beside.unwrap_or(Path::new("")).join(given.path))?;
        files.push(Opened { input: given.input.as_str().to_owned(), path: given.path.to_owned(), file });
        Ok(Value::Null)
    };
    match resolve_inputs(definition, given, &mut read)? {
        Value::Object(values) => Ok(Inputs { values, files }),
        _ => Ok(Inputs { values: serde_json::Map::new(), files }),
    }
}

/// Opens a file, or says in words why it cannot be an input.
fn open(path: &Path) -> Result<File, String> {
    // A pipe must not hold up anybody.
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = File::options().read(true).custom_flags(flags).open(path).map_err(|error| {
        match error.kind() {
            io::ErrorKind::NotFound => "is not there".to_owned(),
            // The other kinds are of a foreign enum, and the system's words are the best there are.
            _ => format!("cannot be read: {}", reason(&error)),
        }
    })?;
    let metadata = file.metadata().map_err(|error| format!("cannot be read: {}", reason(&error)))?;
    if metadata.is_dir() {
        return Err("is a folder; pack it into one file".to_owned());
    }
    if !metadata.is_file() {
        return Err("is no regular file".to_owned());
    }
    if metadata.len() > INPUT_BYTES_MAX {
        return Err(too_large());
    }
    Ok(file)
}

fn too_large() -> String {
    format!("is larger than {} GiB", INPUT_BYTES_MAX >> 30)
}

impl Inputs {
    /// Takes the inputs of another run as they are.
    pub fn of(values: serde_json::Map<String, Value>) -> Self {
        Self { values, files: Vec::new() }
    }

    /// Returns the inputs, with null in the place of files that are not kept yet.
    pub fn values(&self) -> &serde_json::Map<String, Value> {
        &self.values
    }

    /// Gives `run` the files among `inputs` that `other` has, where it has them not by itself.
    ///
    /// # Errors
    ///
    /// Returns [`Failure`] if such a file is gone, or the store fails.
    pub fn adopt(session: &Session, (other, run): (RunId, RunId), inputs: &Value) -> Result<(), Failure> {
        for (input, value) in inputs.as_object().into_iter().flatten() {
            let Some(file) = FileValue::of(value) else { continue };
            let (blobs, namespace) = (session.blobs(), session.namespace());
            if !blobs.adopt(namespace, other, run, file.hash)?
                && blobs.get(namespace, run, file.hash)?.is_none()
            {
                let message =
                    format!("the input `{input}`: the file `{}` of the earlier run is gone", file.name);
                let failure = Failure::new(FailureCode::Inputs, message);
                return Err(failure.with_hint(format!("give it again with `-i {input}=PATH`")));
            }
        }
        Ok(())
    }

    /// Returns what the inputs would be, without keeping any file; none if that was interrupted.
    ///
    /// # Errors
    ///
    /// Returns [`Failure`] if a file cannot be read.
    pub fn measured(&mut self, session: &Session) -> Result<Option<Value>, Failure> {
        self.with_files(session, |content| {
            Blob::of(content)
                .map_err(|error| StoreError::Io { doing: "reading a file".to_owned(), source: error })
        })
    }

    /// Returns whether there are files to be kept.
    pub fn has_files(&self) -> bool {
        !self.files.is_empty()
    }

    /// Keeps the files as blobs of `run`, for which a [`Keeping`] was begun if there are any, and returns the inputs; none if
    /// that was interrupted. When it returns, the blobs are durable.
    ///
    /// # Errors
    ///
    /// Returns [`Failure`] if a file cannot be read or kept.
    pub fn keep(&mut self, session: &Session, run: RunId) -> Result<Option<Value>, Failure> {
        let (blobs, namespace) = (session.blobs(), session.namespace());
        self.with_files(session, |content| blobs.put(namespace, run, content))
    }

    /// Reads every file by `read` and puts the values that name them into the inputs.
    fn with_files(
        &mut self,
        session: &Session,
        read: impl Fn(&mut dyn Read) -> Result<Blob, StoreError>,
    ) -> Result<Option<Value>, Failure> {
        let mut values = self.values.clone();
        for Opened { input, path, file } in &mut self.files {
            let wrong = |why: String| {
                let message = format!("the input `{input}`: `{path}` {why}");
                Failure::new(FailureCode::Inputs, message)
            };
            file.rewind().map_err(|error| wrong(format!("cannot be read: {}", reason(&error))))?;
            let mut content = Content { file, left: INPUT_BYTES_MAX, session, stopped: None };
            let blob = match (read(&mut content), content.stopped) {
                (Ok(blob), _) => blob,
                (Err(_), Some(Stopped::Interrupted)) => return Ok(None),
                (Err(_), Some(Stopped::Large)) => return Err(wrong(too_large())),
                (Err(_), Some(Stopped::Unreadable(why))) => {
                    return Err(wrong(format!("cannot be read: {why}")));
                }
                (Err(error), None) => return Err(error.into()),
            };
            let name = Path::new(path).file_name().unwrap_or_default().to_string_lossy().into_owned();
            let value = FileValue { name, size: blob.bytes, hash: blob.hash }.to_value();
            values.insert(input.clone(), value);
        }
        Ok(Some(Value::Object(values)))
    }
}

/// That files are being kept for a run which is not in the store yet: a mark says so, also to whoever comes after a crash.
/// When it is dropped, the files belong to the run if that is in the store by then, and are removed otherwise.
pub struct Keeping<'a>(&'a Session);

impl<'a> Keeping<'a> {
    /// Marks that files are being kept for `run`.
    ///
    /// # Errors
    ///
    /// Returns [`Failure`] if the mark cannot be written.
    pub fn begin(session: &'a Session, run: RunId) -> Result<Self, Failure> {
        let marks = session.data().join(MARKS);
        let marked = fs::create_dir_all(&marks).and_then(|()| File::create(marks.join(run.to_string())));
        marked.map_err(|error| Failure::file(&marks, "cannot be written", &error))?;
        Ok(Self(session))
    }
}

impl Drop for Keeping<'_> {
    fn drop(&mut self) {
        // What cannot be removed now is removed because of the mark.
        drop(sweep(self.0));
    }
}

/// Why a file was not read to its end.
enum Stopped {
    /// It grew beyond the bound.
    Large,
    /// Somebody wants this process to end.
    Interrupted,
    /// In the words of the system.
    Unreadable(String),
}

/// A file that is being read.
struct Content<'a> {
    file: &'a mut File,
    left: u64,
    session: &'a Session,
    stopped: Option<Stopped>,
}

impl Read for Content<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let stopped = if self.session.is_interrupted() {
            Stopped::Interrupted
        } else {
            match self.file.read(buffer) {
                Ok(length) => match self.left.checked_sub(length as u64) {
                    Some(left) => {
                        self.left = left;
                        return Ok(length);
                    }
                    None => Stopped::Large,
                },
                Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
                Err(error) => Stopped::Unreadable(reason(&error)),
            }
        };
        self.stopped = Some(stopped);
        Err(io::Error::other("the file is not read to its end"))
    }
}

/// Removes what was kept for runs that never began. Only who holds the store may call this.
///
/// # Errors
///
/// Returns [`Failure`] if the store cannot be read or blobs cannot be removed; the next call tries again.
pub fn sweep(session: &Session) -> Result<(), Failure> {
    // Mostly there is no such folder.
    let Ok(marks) = fs::read_dir(session.data().join(MARKS)) else { return Ok(()) };
    let (reader, blobs, namespace) = (session.reader()?, session.blobs(), session.namespace());
    let marks: Vec<PathBuf> = marks.flatten().map(|mark| mark.path()).collect();
    for mark in marks {
        let run = mark.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
        if let Some(run) = run
            && reader.summary(namespace, run)?.is_none()
        {
            blobs.delete_run(namespace, run)?;
        }
        drop(fs::remove_file(&mark));
    }
    Ok(())
}
