//! Taking over the success of an earlier attempt: what it depends on, and whether all of it can still be read.
//!
//! Nothing here makes a task fail but what the task itself says wrongly: an entry that is gone, damaged or too old is a
//! miss, and the attempt runs.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use myrmex_model::fault::{Fault, FaultKind};
use myrmex_model::file::FileValue;
use myrmex_model::id::RunId;
use myrmex_model::outcome::{AttemptEnd, Origin};
use myrmex_model::time::{Length, Timestamp};
use myrmex_model::value::{Value, to_text};
use myrmex_store::{CacheDigest, Cached, Reader};
use serde_json::Map;
use sha2::{Digest, Sha256};

use super::artifacts::content;
use super::blobs::Keeper;
use super::secret::Wanted;
use super::{Assignment, CacheScope, OpenReader, Outcome, Report, arguments};
use crate::values;

/// The argument that says how a success may be taken over.
pub(crate) const ARGUMENT: &str = "cache";

/// What every digest begins with. Another rule of what counts gets another number, so that it finds nothing of the old one.
const FORM: &str = "myrmex cache 1";

/// The successes in the store.
pub(super) struct Successes {
    open: Option<OpenReader>,
    reader: Mutex<Option<Box<dyn Reader>>>,
}

impl Successes {
    pub(super) fn new(open: Option<OpenReader>) -> Self {
        Self { open, reader: Mutex::new(None) }
    }

    /// Finds a success and its values; none if any of it cannot be read.
    fn find(&self, keeper: &Keeper, digest: CacheDigest) -> Option<Found> {
        let open = self.open.as_ref()?;
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        if reader.is_none() {
            *reader = open().ok();
        }
        let read = read(reader.as_deref()?, keeper, digest);
        if read.is_err() {
            // The next one may have more luck with another connection.
            *reader = None;
        }
        read.ok().flatten()
    }
}

/// A success whose values could be read.
struct Found {
    entry: Cached,
    output: Value,
    artifacts: Map<String, Value>,
}

fn read(
    reader: &dyn Reader,
    keeper: &Keeper,
    digest: CacheDigest,
) -> Result<Option<Found>, myrmex_store::StoreError> {
    let Some(entry) = reader.cached(&keeper.namespace, digest)? else { return Ok(None) };
    let value = |hash| values::load(reader, &keeper.namespace, entry.run, hash);
    let output = value(entry.output)?;
    let artifacts = match entry.artifacts.map(value).transpose()? {
        None => Map::new(),
        Some(Value::Object(artifacts)) => artifacts,
        Some(_) => return Ok(None),
    };
    Ok(Some(Found { entry, output, artifacts }))
}

/// What is needed to look for a success.
pub(super) struct Lookup {
    pub(super) successes: Arc<Successes>,
    pub(super) workspace: PathBuf,
    pub(super) now: Timestamp,
}

/// What came of it.
pub(super) enum Answer {
    /// The attempt ends with the success of another, once the secrets that it names are masked.
    Hit(Box<Assignment>, Box<Report>),
    /// It has to run; it knows its digest now.
    Miss(Box<Assignment>),
    /// It ends, because what it depends on cannot be told.
    Over(Box<Assignment>, AttemptEnd),
}

impl Lookup {
    /// Looks for a success that the attempt can take over.
    pub(super) fn answer(&self, keeper: &Keeper, assignment: Assignment) -> Answer {
        let looked = catch_unwind(AssertUnwindSafe(|| self.look(keeper, &assignment)));
        let mut assignment = Box::new(assignment);
        match looked {
            Ok(Ok((_, Some(report)))) => Answer::Hit(assignment, report),
            Ok(Ok((digest, None))) => {
                if let Some(scope) = &mut assignment.cache {
                    scope.digest = Some(digest);
                }
                Answer::Miss(assignment)
            }
            Ok(Err(fault)) => Answer::Over(assignment, AttemptEnd::Failed { fault }),
            Err(_) => {
                let title = "what can be taken over was not found out by a defect of the worker";
                let fault = Fault::new(FaultKind::Runtime, title);
                Answer::Over(assignment, AttemptEnd::Failed { fault })
            }
        }
    }

    fn look(
        &self,
        keeper: &Keeper,
        assignment: &Assignment,
    ) -> Result<(CacheDigest, Option<Box<Report>>), Fault> {
        let digest = self.digest(keeper, assignment)?;
        let found =
            self.successes.find(keeper, digest).filter(|found| self.is_fresh(assignment, found.entry.at));
        let found = found.filter(|found| adopt(keeper, assignment.run, found));
        let report = found.map(|Found { entry, output, artifacts }| {
            let Assignment { run, task, attempt, token, .. } = assignment.clone();
            let origin = Origin { run: entry.run, task: entry.task };
            let outcome = Outcome::TakenOver { output, origin };
            let (logs, digest) = (Vec::new(), None);
            Box::new(Report { run, task, attempt, token, outcome, artifacts, logs, digest })
        });
        Ok((digest, report))
    }

    /// Whether a success of the instant `at` is young enough. One of the future, as a clock that was set back finds it, is.
    fn is_fresh(&self, assignment: &Assignment, at: Timestamp) -> bool {
        let ttl = assignment.arguments[ARGUMENT].get("ttl_ms").and_then(Value::as_u64).map(Length);
        ttl.is_none_or(|ttl| self.now < at.after(ttl))
    }

    /// Computes what the success of an attempt depends on.
    ///
    /// # Errors
    ///
    /// Returns the task's error if files that count are missing or cannot be read.
    fn digest(&self, keeper: &Keeper, assignment: &Assignment) -> Result<CacheDigest, Fault> {
        let arguments = assignment.arguments.as_ref();
        let cache = &arguments[ARGUMENT];
        let mut hasher = Sha256::new();
        let mut add = |part: &[u8]| {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        };
        add(FORM.as_bytes());
        add(keeper.namespace.as_str().as_bytes());
        if let Some(CacheScope { workflow, path, body, .. }) = assignment.cache.as_deref() {
            add(workflow.as_str().as_bytes());
            add(path.as_bytes());
            add(&body.0);
        }
        let (kind, value) = match cache.get("key") {
            Some(key) => ("key", key.to_string()),
            None => ("given", given(arguments).to_string()),
        };
        add(kind.as_bytes());
        add(value.as_bytes());
        // What a hit left in files is masked by the secrets that the attempt names itself, so that they have to be those
        // that the origin was given. Without a `key` their names are within what is given.
        let wanted = cache.get("key").and_then(|_| Wanted::of(arguments).transpose()).transpose()?;
        if let Some(wanted) = wanted {
            add(b"secrets");
            wanted.names().iter().for_each(|name| add(name.as_bytes()));
        }
        let patterns = cache.get("files").and_then(Value::as_array).into_iter().flatten();
        let workdir = arguments::workdir(arguments, &self.workspace);
        for pattern in patterns.map(to_text) {
            add(&content::digest(&pattern, (&self.workspace, &workdir))?);
        }
        Ok(CacheDigest(hasher.finalize().into()))
    }
}

/// Returns all that a task is given: its arguments but for the cache itself. Of secrets these are the names.
fn given(arguments: &Value) -> Value {
    let fields = arguments.as_object().into_iter().flatten();
    let others = fields.filter(|(name, _)| *name != ARGUMENT);
    Value::Object(others.map(|(name, value)| (name.clone(), value.clone())).collect())
}

/// Gives the run all files of a success; false if one cannot be had.
fn adopt(keeper: &Keeper, run: RunId, found: &Found) -> bool {
    let values = found.artifacts.values().chain([&found.output]);
    let files: Vec<FileValue> = values.flat_map(FileValue::all_in).collect();
    keeper.adopt(found.entry.run, run, &files)
}

impl Assignment {
    /// Returns under which digest its success may be taken over, once that is known.
    pub(super) fn digest(&self) -> Option<CacheDigest> {
        self.cache.as_ref()?.digest
    }
}
