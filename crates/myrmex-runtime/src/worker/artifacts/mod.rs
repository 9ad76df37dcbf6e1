//! Collects the artifacts of an attempt: each path that its task declares becomes a blob, durable before the end of the
//! attempt is reported.
//!
//! Nothing outside the workspace is read: each file is opened first, and then it is looked at where it really is, so a
//! link that changes meanwhile leads nowhere.

pub(super) mod content;
mod pattern;
mod tar;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use myrmex_model::fault::{Fault, FaultKind};
use myrmex_model::id::RunId;
use myrmex_model::value::{Value, to_text};
use myrmex_store::StoreError;
use serde_json::Map;

use super::blobs::{KeepError, Keeper};
use crate::secrets::Masks;
use tar::{Entry, What};

/// The most artifacts of one task. Many files belong into one folder.
const ARTIFACTS_MAX: usize = 100;

/// The most files and folders of one artifact: a list of them must fit into memory.
const ENTRIES_MAX: usize = 100_000;

/// The most bytes of one artifact. Larger data belongs on a storage of its own, and its place into an output.
const BYTES_MAX: u64 = 4 << 30;

/// The bits of a mode that say who may execute a file.
const MODE_EXECUTABLE: u32 = 0o111;

/// What was collected.
#[derive(Debug, Default)]
pub(super) struct Collected {
    /// The file value of each artifact that could be stored.
    pub(super) files: Map<String, Value>,
    /// Why the first of the others could not.
    pub(super) fault: Option<Fault>,
    /// Why each of those could not that was there.
    pub(super) unkept: Vec<String>,
}

/// Reads which artifacts the arguments declare: names and paths.
pub(super) fn declared(arguments: &Value) -> Vec<(String, String)> {
    let fields = arguments.get("artifacts").and_then(Value::as_object);
    fields.into_iter().flatten().map(|(name, path)| (name.clone(), to_text(path))).collect()
}

/// Collects the artifacts of an attempt that worked in `workdir`.
pub(super) fn collect(
    declared: &[(String, String)],
    (workspace, workdir): (&Path, &Path),
    (keeper, run): (&Keeper, RunId),
    masks: Option<&Arc<Masks>>,
) -> Collected {
    let mut collected = Collected::default();
    if declared.len() > ARTIFACTS_MAX {
        let title =
            format!("the task declares {} artifacts, at most {ARTIFACTS_MAX} are stored", declared.len());
        collected.fault = Some(Fault::new(FaultKind::DataLimit, title));
        return collected;
    }
    for (name, path) in declared {
        let find = |place: &Place| place.find(path);
        match store(find, name, (workspace, workdir), (keeper, run), masks) {
            Ok(file) => {
                collected.files.insert(name.clone(), file);
            }
            Err(refusal) => {
                let is_there = !matches!(refusal, Refusal::Missing);
                let fault = refusal.fault(&format!("the artifact `{name}`"), path);
                collected.unkept.extend(is_there.then(|| fault.title.clone()));
                collected.fault.get_or_insert(fault);
            }
        }
    }
    collected
}

/// Reads which outputs of a task are files.
pub(super) fn file_outputs(arguments: &Value) -> impl Iterator<Item = &str> {
    arguments.get("file_outputs").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// Keeps the files whose paths an attempt wrote as its outputs, in the place of the paths.
///
/// # Errors
///
/// Returns why the first one that cannot be kept cannot.
pub(super) fn keep_outputs(
    names: impl Iterator<Item = impl AsRef<str>>,
    fields: &mut Map<String, Value>,
    (workspace, workdir): (&Path, &Path),
    (keeper, run): (&Keeper, RunId),
    masks: Option<&Arc<Masks>>,
) -> Result<(), Fault> {
    for name in names {
        let name = name.as_ref();
        // Whatever is no path is compared with the declaration later.
        let Some(Value::String(path)) = fields.get(name) else { continue };
        let find = |place: &Place| place.find_written(Path::new(path));
        let kept = store(find, name, (workspace, workdir), (keeper, run), masks);
        let kept = kept.map_err(|refusal| refusal.fault(&format!("the output `{name}`"), path))?;
        fields.insert(name.to_owned(), kept);
    }
    Ok(())
}

/// Keeps what `find` finds, under `name` if that is more than a file.
fn store(
    find: impl Fn(&Place) -> Result<Content, Refusal>,
    name: &str,
    (workspace, workdir): (&Path, &Path),
    (keeper, run): (&Keeper, RunId),
    masks: Option<&Arc<Masks>>,
) -> Result<Value, Refusal> {
    loop {
        let place = Place::new(workspace, workdir).map_err(Refusal::Unreadable)?;
        let content = find(&place)?;
        match keep(&place, (name, content), (keeper, run), masks) {
            Err(Refusal::Unstorable(StoreError::Full)) if keeper.logs.wait_for_space() => {}
            kept => return kept,
        }
    }
}

/// Why an artifact is not stored.
#[derive(Debug)]
enum Refusal {
    Missing,
    Outside(PathBuf),
    Kind(PathBuf),
    Entries,
    Bytes,
    Secret,
    Unreadable(io::Error),
    Unstorable(StoreError),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing,
            _ => Self::Unreadable(error),
        }
    }
}

impl Refusal {
    /// Returns the error of the task; `what` was to be kept.
    fn fault(self, what: &str, path: &str) -> Fault {
        let says = |kind: FaultKind, why: String| Fault::new(kind, format!("{what} {why}"));
        match self {
            Self::Missing => says(FaultKind::Validation, format!("is missing: there is no `{path}`")),
            Self::Outside(place) => {
                let what = format!("leads out of the workspace: `{}`", place.display());
                says(FaultKind::Validation, what)
                    .with_detail("a path is relative, without `..`, and no link leads away")
            }
            Self::Kind(place) => says(
                FaultKind::Validation,
                format!("holds `{}`, neither a file nor a folder", place.display()),
            ),
            Self::Entries => says(FaultKind::DataLimit, format!("holds more than {ENTRIES_MAX} files")),
            Self::Bytes => says(FaultKind::DataLimit, format!("is larger than {} GiB", BYTES_MAX >> 30)),
            Self::Secret => says(FaultKind::Validation, "holds a secret and is not stored".to_owned()),
            Self::Unreadable(error) => {
                says(FaultKind::Runtime, "cannot be read".to_owned()).with_detail(error.to_string())
            }
            Self::Unstorable(error) => says(FaultKind::Runtime, "cannot be stored".to_owned())
                .with_detail(super::blobs::reason(&error)),
        }
    }
}

/// What a path leads to.
enum Content {
    /// A file, which keeps its name.
    File { name: String, file: File },
    /// Files and folders that become one archive.
    Many { entries: Vec<Entry> },
}

fn keep(
    place: &Place,
    (name, content): (&str, Content),
    (keeper, run): (&Keeper, RunId),
    masks: Option<&Arc<Masks>>,
) -> Result<Value, Refusal> {
    let (name, mut content): (String, Box<dyn Read + '_>) = match content {
        Content::File { name, file } => (name, Box::new(file)),
        Content::Many { entries } => {
            let open = |path: &Path| match place.open(path) {
                Ok((file, metadata)) if metadata.is_file() => Ok(file),
                Ok(_) | Err(_) => Err(io::Error::other(format!("`{}` changed meanwhile", path.display()))),
            };
            (format!("{name}.tar"), Box::new(tar::Stream::new(entries, Box::new(open))))
        }
    };
    keeper.keep(run, &name, &mut *content, masks).map_err(|error| match error {
        KeepError::Secret => Refusal::Secret,
        KeepError::Store(error) => Refusal::Unstorable(error),
    })
}

/// Where paths begin and what they must not leave.
struct Place {
    /// Both as they really are.
    root: PathBuf,
    base: PathBuf,
}

impl Place {
    fn new(workspace: &Path, workdir: &Path) -> io::Result<Self> {
        let (workspace, base) = (workspace.canonicalize()?, workdir.canonicalize()?);
        // A task may work outside of the workspace; then that folder is what paths must not leave.
        let root = if base.starts_with(&workspace) { workspace } else { base.clone() };
        Ok(Self { root, base })
    }

    fn find(&self, path: &str) -> Result<Content, Refusal> {
        let relative = Path::new(path);
        let is_plain = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
        if path.is_empty() || !relative.components().all(is_plain) {
            return Err(Refusal::Outside(relative.to_owned()));
        }
        if pattern::is_pattern(path) {
            return self.matching(relative);
        }
        self.at(relative)
    }

    /// Finds what a task named as its output; it may write a whole path, and no pattern.
    fn find_written(&self, path: &Path) -> Result<Content, Refusal> {
        if path.as_os_str().is_empty() { Err(Refusal::Missing) } else { self.at(path) }
    }

    /// Opens the file or lists the folder at a path, wherever it really is.
    fn at(&self, path: &Path) -> Result<Content, Refusal> {
        let (file, metadata) = self.open(&self.base.join(path))?;
        if metadata.is_dir() {
            let mut walk = Walk::new(self);
            walk.folder(path, Path::new(""))?;
            return Ok(Content::Many { entries: walk.finish() });
        }
        if !metadata.is_file() {
            return Err(Refusal::Kind(path.to_owned()));
        }
        let name = path.file_name().unwrap_or(OsStr::new("file")).to_string_lossy().into_owned();
        if metadata.len() > BYTES_MAX {
            return Err(Refusal::Bytes);
        }
        Ok(Content::File { name, file })
    }

    /// Finds what a pattern matches, as one folder.
    fn matching(&self, relative: &Path) -> Result<Content, Refusal> {
        let parts: Vec<String> = relative
            .components()
            .filter(|part| *part != Component::CurDir)
            .map(|part| part.as_os_str().to_string_lossy().into_owned())
            .collect();
        let mut walk = Walk::new(self);
        // Folders to look into, with how many parts of the pattern led there.
        let mut open = vec![(PathBuf::new(), 0)];
        // Several `**` lead to one folder in many ways.
        let mut seen = BTreeSet::new();
        while let Some((folder, depth)) = open.pop() {
            if !seen.insert((folder.clone(), depth)) {
                continue;
            }
            let Some(part) = parts.get(depth) else { continue };
            let is_last = depth + 1 == parts.len();
            if part == "**" {
                open.push((folder.clone(), depth + 1));
            }
            for name in names(&self.base.join(&folder))? {
                let path = folder.join(&name);
                let kind = fs::symlink_metadata(self.base.join(&path))?;
                let name = name.to_string_lossy();
                if part == "**" {
                    if kind.is_dir() && !name.starts_with('.') {
                        open.push((path, depth));
                    } else if is_last && !name.starts_with('.') {
                        walk.any(&path, &path)?;
                    }
                } else if pattern::fits(part, &name) {
                    if is_last {
                        walk.any(&path, &path)?;
                    } else if kind.is_dir() {
                        open.push((path, depth + 1));
                    }
                }
            }
        }
        let entries = walk.finish();
        if entries.is_empty() {
            return Err(Refusal::Missing);
        }
        Ok(Content::Many { entries })
    }

    /// Opens something that must not be outside.
    fn open(&self, path: &Path) -> Result<(File, Metadata), Refusal> {
        // A pipe must not hold up anybody.
        let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
        let file = File::options().read(true).custom_flags(flags).open(path)?;
        let real = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()))?;
        if !real.starts_with(&self.root) {
            return Err(Refusal::Outside(path.to_owned()));
        }
        let metadata = file.metadata()?;
        Ok((file, metadata))
    }
}

/// Returns the names in a folder.
fn names(folder: &Path) -> io::Result<Vec<std::ffi::OsString>> {
    fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.file_name())).collect()
}

/// Lists what a stream will hold.
struct Walk<'p> {
    place: &'p Place,
    entries: Vec<Entry>,
    bytes: u64,
}

impl<'p> Walk<'p> {
    fn new(place: &'p Place) -> Self {
        Self { place, entries: Vec::new(), bytes: 0 }
    }

    /// Adds all that is in the folder at `path`, under `name`.
    fn folder(&mut self, path: &Path, name: &Path) -> Result<(), Refusal> {
        let mut open = vec![(path.to_owned(), name.to_owned())];
        while let Some((path, name)) = open.pop() {
            // Where it really is: a link to a folder may stand in its place by now.
            let (_, metadata) = self.place.open(&self.place.base.join(&path))?;
            if !metadata.is_dir() {
                return Err(Refusal::Kind(path));
            }
            for inside in names(&self.place.base.join(&path))? {
                let (path, name) = (path.join(&inside), name.join(&inside));
                if self.one(&path, &name)? {
                    open.push((path, name));
                }
            }
        }
        Ok(())
    }

    /// Adds whatever is at `path`, with all that is in it.
    fn any(&mut self, path: &Path, name: &Path) -> Result<(), Refusal> {
        if self.one(path, name)? { self.folder(path, name) } else { Ok(()) }
    }

    /// Adds one file, link or folder; true if it is a folder, whose inside is not added.
    fn one(&mut self, path: &Path, name: &Path) -> Result<bool, Refusal> {
        let full = self.place.base.join(path);
        let metadata = fs::symlink_metadata(&full)?;
        let what = if metadata.is_symlink() {
            let target = fs::read_link(&full)?;
            let leads = full.canonicalize().map_err(|_| Refusal::Outside(path.to_owned()))?;
            if target.is_absolute() || !leads.starts_with(&self.place.root) {
                return Err(Refusal::Outside(path.to_owned()));
            }
            What::Link { target: target.into_os_string() }
        } else if metadata.is_dir() {
            What::Folder
        } else if metadata.is_file() {
            self.bytes = self.bytes.saturating_add(metadata.len());
            let is_executable = metadata.mode() & MODE_EXECUTABLE != 0;
            What::File { source: full, bytes: metadata.len(), is_executable }
        } else {
            return Err(Refusal::Kind(path.to_owned()));
        };
        let is_folder = what == What::Folder;
        self.entries.push(Entry { name: name.to_owned(), what });
        if self.entries.len() > ENTRIES_MAX {
            return Err(Refusal::Entries);
        }
        if self.bytes > BYTES_MAX {
            return Err(Refusal::Bytes);
        }
        Ok(is_folder)
    }

    /// Returns the list in an order that does not depend on the file system.
    fn finish(mut self) -> Vec<Entry> {
        self.entries.sort_by(|a, b| a.name.cmp(&b.name));
        self.entries.dedup_by(|a, b| a.name == b.name);
        self.entries
    }
}

#[cfg(test)]
mod tests;
