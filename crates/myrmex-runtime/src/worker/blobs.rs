//! Files that a run keeps: content goes into the blobs, and comes out again as files that tasks can read.

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use myrmex_model::fault::{Fault, FaultKind};
use myrmex_model::file::FileValue;
use myrmex_model::id::RunId;
use myrmex_model::name::Namespace;
use myrmex_model::value::{Value, to_text};
use myrmex_store::StoreError;
use myrmex_store::blobs::{BlobHash, BlobStore};
use sha2::{Digest, Sha256};

use crate::evaluate::JOINED;
use crate::logs::Logs;
use crate::secrets::{Guarded, Masks};

/// Bytes of a copy that are read at a time: few system calls, and nothing next to the memory of a process.
const READ_BYTES: usize = 128 << 10;

/// Keeps content for runs.
#[derive(Clone)]
pub(super) struct Keeper {
    pub(super) blobs: Arc<dyn BlobStore>,
    pub(super) namespace: Namespace,
    /// Where copies lie that tasks read.
    pub(super) copies: PathBuf,
    /// Who knows whether it is worth waiting for space.
    pub(super) logs: Logs,
    pub(super) partials: Arc<AtomicU64>,
}

/// Why content was not kept.
#[derive(Debug)]
pub(super) enum KeepError {
    /// It holds a secret.
    Secret,
    /// The store or the content failed.
    Store(StoreError),
}

impl Keeper {
    /// Keeps content and returns its file value. When it returns, the content is durable.
    pub(super) fn keep(
        &self,
        run: RunId,
        name: &str,
        content: &mut dyn Read,
        masks: Option<&Arc<Masks>>,
    ) -> Result<Value, KeepError> {
        let mut guarded = Guarded::new(content, masks.cloned());
        let put = self.blobs.put(&self.namespace, run, &mut guarded);
        if guarded.has_secret() {
            return Err(KeepError::Secret);
        }
        let blob = put.map_err(KeepError::Store)?;
        let name = masks.map_or_else(|| name.into(), |masks| masks.text(name)).into_owned();
        Ok(FileValue { name, size: blob.bytes, hash: blob.hash }.to_value())
    }

    /// Gives the files that an earlier run keeps to this one as well; false if one of them is not there or not whole.
    pub(super) fn adopt(&self, from: RunId, to: RunId, files: &[FileValue]) -> bool {
        files.iter().all(|file| {
            let content = self.blobs.get(&self.namespace, from, file.hash);
            let Ok(Some(mut content)) = content else { return false };
            // The reader notices at the end what is damaged. Finding that out later would be an error of whoever reads it.
            io::copy(&mut content, &mut io::sink()).is_ok_and(|bytes| bytes == file.size)
                && self.blobs.adopt(&self.namespace, from, to, file.hash).unwrap_or(false)
        })
    }

    /// Returns the path of a copy of a file that nobody may write to; makes the copy when it is first asked for, and again
    /// if it is not what it should be: a task may have changed it, and after a loss of power it may not be whole, because
    /// copies are not synced.
    fn copy(&self, run: RunId, file: &FileValue) -> Result<PathBuf, Fault> {
        let folder = self.copies.join(run.to_string()).join(file.hash.to_string());
        // A task may give any name; what leads elsewhere is cut off.
        let path = folder.join(Path::new(&file.name).file_name().unwrap_or(OsStr::new("file")));
        if is_copy(&path, file) {
            return Ok(path);
        }
        let title = format!("the file `{}` cannot be made ready", file.name);
        let fault = |reason: String| Fault::new(FaultKind::Runtime, title.clone()).with_detail(reason);
        loop {
            let content =
                self.blobs.get(&self.namespace, run, file.hash).map_err(|error| fault(reason(&error)))?;
            let mut content =
                content.ok_or_else(|| fault("it is not in the store of this run".to_owned()))?;
            match self.write_copy(&folder, &path, &mut content) {
                Ok(()) => return Ok(path),
                Err(error) if error.kind() == io::ErrorKind::StorageFull && self.logs.wait_for_space() => {}
                Err(error) => return Err(fault(error.to_string())),
            }
        }
    }

    /// Writes a copy beside its place and puts it there when it is whole; its hash is checked by the reader.
    fn write_copy(&self, folder: &Path, path: &Path, content: &mut dyn Read) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        let number = self.partials.fetch_add(1, Ordering::Relaxed);
        let partial = folder.join(format!(".partial-{}-{number}", std::process::id()));
        let written = File::create(&partial).and_then(|mut file| {
            io::copy(content, &mut file)?;
            file.set_permissions(Permissions::from_mode(0o444))?;
            fs::rename(&partial, path)
        });
        if written.is_err() {
            // What is left of it is in nobody's way.
            drop(fs::remove_file(&partial));
        }
        written
    }

    /// Puts the paths of copies in the place of file values among the arguments and variables of a task.
    ///
    /// # Errors
    ///
    /// Returns the attempt's error if a copy cannot be made.
    pub(super) fn with_copies(&self, run: RunId, arguments: &Value) -> Result<Value, Fault> {
        let mut arguments = arguments.clone();
        let joined = arguments.as_object_mut().and_then(|fields| fields.remove(JOINED));
        for value in printed_mut(&mut arguments) {
            if let Some(file) = FileValue::of(value) {
                *value = Value::String(self.copy(run, &file)?.to_string_lossy().into_owned());
            }
        }
        for (place, parts) in joined.as_ref().and_then(Value::as_object).into_iter().flatten() {
            let mut text = String::new();
            for part in parts.as_array().into_iter().flatten() {
                match FileValue::of(part) {
                    Some(file) => text.push_str(&self.copy(run, &file)?.to_string_lossy()),
                    None => text.push_str(&to_text(part)),
                }
            }
            if let Some(value) = arguments.pointer_mut(place) {
                *value = Value::String(text);
            }
        }
        Ok(arguments)
    }

    /// Removes the copies that a run made, which is over; no error keeps anybody from anything.
    pub(super) fn forget(&self, run: RunId) {
        drop(fs::remove_dir_all(self.copies.join(run.to_string())));
    }

    /// Removes all copies: those that runs left whose process died.
    pub(super) fn forget_all(&self) {
        drop(fs::remove_dir_all(&self.copies));
    }
}

/// Says why a store failed, with what lies below.
pub(super) fn reason(error: &StoreError) -> String {
    match error {
        StoreError::Io { doing, source } => format!("{doing}: {source}"),
        other => other.to_string(),
    }
}

/// Returns whether there is a copy of a file that has its content.
fn is_copy(path: &Path, file: &FileValue) -> bool {
    let Ok(mut found) = File::open(path) else { return false };
    if !found.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() == file.size) {
        return false;
    }
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; READ_BYTES];
    loop {
        match found.read(&mut buffer) {
            Ok(0) => return BlobHash(hasher.finalize().into()) == file.hash,
            Ok(length) => hasher.update(&buffer[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return false,
        }
    }
}

/// Returns whether a file is among what is printed into arguments and variables.
pub(super) fn names_files(arguments: &Value) -> bool {
    let words = arguments.get("command").and_then(Value::as_array).into_iter().flatten();
    let variables = arguments.get("env").and_then(Value::as_object).into_iter().flatten();
    let secret = arguments.get("secret_env").and_then(Value::as_object).into_iter().flatten();
    let parts = secret.flat_map(|(_, parts)| parts.as_array().into_iter().flatten());
    let mut printed = words.chain(variables.map(|(_, value)| value)).chain(parts);
    arguments.get(JOINED).is_some() || printed.any(|value| FileValue::of(value).is_some())
}

fn printed_mut(arguments: &mut Value) -> Vec<&mut Value> {
    let mut all = Vec::new();
    for (name, value) in arguments.as_object_mut().into_iter().flatten() {
        match (name.as_str(), value) {
            ("command", Value::Array(words)) => all.extend(words),
            ("env", Value::Object(variables)) => all.extend(variables.values_mut()),
            ("secret_env", Value::Object(variables)) => {
                all.extend(variables.values_mut().filter_map(Value::as_array_mut).flatten());
            }
            _ => {}
        }
    }
    all
}
