//! Source files: the one that a command is given, and those beside it that it may name.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use myrmex_lang::{Beside, Source, begins_with, declared_workflow, may_name_others, nearest};

use crate::exit::reason;
use crate::workspace::SETTINGS_NAME;

/// The largest source file that is read, in bytes. Larger ones belong into a `for_each` over data.
pub const SOURCE_BYTES_MAX: u64 = 64 << 20;

/// How much of a file beside is looked at to see whether it is a workflow: the comments of a long licence fit in it.
const HEAD_BYTES: u64 = 16 << 10;

/// The most files beside that are looked at, so that a command in a folder of data does not read for minutes.
const BESIDE_MAX: usize = 10_000;

/// The endings of source files.
const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];

/// The file of a workspace with its people and things.
const RESOURCES_NAME: &str = "resources.yaml";

/// The first keys of files that are ours wherever they lie, beside those of workflows.
const KINDS: [&str; 2] = ["project", "resources"];

/// The folder of a workspace with workflows that others call.
const WORKFLOWS: &str = "workflows";

/// The folder of a workspace with libraries of actions.
const ACTIONS: &str = "actions";

/// What stands for standard input where a file is named.
pub const STANDARD_INPUT: &str = "-";

/// Returns the name that messages give to the file at `path`.
pub fn name_of(path: &Path) -> Arc<str> {
    if path.as_os_str() == STANDARD_INPUT { "<stdin>".into() } else { path.display().to_string().into() }
}

/// Reads a text file of bounded size, or standard input.
///
/// # Errors
///
/// Returns why it cannot be read, in words.
pub fn read_source(path: &Path) -> Result<String, String> {
    if path.as_os_str() == STANDARD_INPUT { bounded_text(std::io::stdin()) } else { read_text(path) }
}

/// Reads a text file of bounded size.
///
/// # Errors
///
/// Returns why it cannot be read, in words.
pub fn read_text(path: &Path) -> Result<String, String> {
    bounded_text(std::fs::File::open(path).map_err(|error| said(&error))?)
}

fn bounded_text(from: impl Read) -> Result<String, String> {
    let mut bytes = Vec::new();
    from.take(SOURCE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| said(&error))?;
    if bytes.len() as u64 > SOURCE_BYTES_MAX {
        return Err(format!("it is larger than {} MiB", SOURCE_BYTES_MAX >> 20));
    }
    String::from_utf8(bytes)
        .map_err(|error| format!("it is not UTF-8 text (byte {})", error.utf8_error().valid_up_to()))
}

fn said(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        // The other kinds are of a foreign enum, and the system's words are the best there are.
        _ => reason(error),
    }
}

/// Reads what the file at `path` may name: the workflows in its folder and in `workflows/` of the workspace at `root`, and the
/// libraries in `actions/`. Reads nothing if `text` names nothing. What cannot be read is left out: if it is needed, `check` says
/// that it is not there.
pub fn beside(path: &Path, text: &str, root: &Path) -> Beside {
    let resources = resources(text, root);
    if !may_name_others(text) {
        return Beside { resources, ..Beside::default() };
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut seen: BTreeSet<PathBuf> = std::fs::canonicalize(path).into_iter().collect();
    let mut read = |folder: &Path, is_wanted: fn(&Path) -> bool| {
        let mut sources = Vec::new();
        for file in files(folder) {
            let is_new = std::fs::canonicalize(&file).is_ok_and(|real| seen.insert(real));
            if is_new
                && is_wanted(&file)
                && let Ok(text) = read_text(&file)
            {
                sources.push(Source::new(shown(&file), text));
            }
        }
        sources
    };
    let mut workflows = read(folder, is_workflow);
    workflows.extend(read(&root.join(WORKFLOWS), is_workflow));
    let libraries = read(&root.join(ACTIONS), |_| true);
    let mut workflow_folders = vec![shown_folder(folder), shown_folder(&root.join(WORKFLOWS))];
    workflow_folders.dedup();
    let library_folder = Some(shown_folder(&root.join(ACTIONS)));
    Beside { workflows, libraries, workflow_folders, library_folder, resources }
}

/// Reads the people and things of the workspace at `root`, if `text` is a project, which may name them.
fn resources(text: &str, root: &Path) -> Option<Source> {
    let file = root.join(RESOURCES_NAME);
    let is_project = begins_with(text, "project");
    let text = is_project.then(|| read_text(&file).ok()).flatten()?;
    Some(Source::new(shown(&file), text))
}

/// Returns the source file beside `path` that was probably meant, if there is no file at `path`.
pub fn like(path: &Path) -> Option<PathBuf> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let name_of = |file: &PathBuf| Some(file.file_name()?.to_str()?.to_owned());
    let names: Vec<String> = files(folder.unwrap_or(Path::new("."))).iter().filter_map(name_of).collect();
    let name = path.file_name()?.to_str()?;
    // Without its ending, or with the other one, it is the same name.
    let stem = |name: &str| name.rsplit_once('.').map_or(name.to_owned(), |(stem, _)| stem.to_owned());
    let same = names.iter().find(|own| stem(own) == stem(name) || stem(own) == name);
    let near = same.map(String::as_str).or_else(|| nearest(name, names.iter().map(String::as_str)))?;
    Some(folder.map_or_else(|| PathBuf::from(near), |folder| folder.join(near)))
}

/// Finds all files that say `workflow: NAME`, in the workspace at `root` and in its folder of workflows.
pub fn workflows_named(name: &str, root: &Path) -> impl Iterator<Item = PathBuf> {
    let files = files(root).into_iter().chain(files(&root.join(WORKFLOWS)));
    files.filter(move |file| is_called(file, name))
}

/// Returns whether a file says `workflow: NAME`.
pub fn is_called(file: &Path, name: &str) -> bool {
    declared(file).is_some_and(|declared| declared == name)
}

/// Finds the files that say `workflow: NAME` in the folders directly below `root`, as far as there are not too many folders.
pub fn workflows_below(name: &str, root: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = std::fs::read_dir(root).into_iter().flatten().flatten().take(BESIDE_MAX);
    let is_hidden =
        |path: &PathBuf| path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
    let mut folders: Vec<_> = entries.map(|entry| entry.path()).filter(|path| !is_hidden(path)).collect();
    folders.sort();
    let files = folders.into_iter().flat_map(|folder| files(&folder));
    files.filter(move |file| is_called(file, name))
}

/// Returns the files that `paths` mean: for a folder those of ours in it, and without any path those of the workspace at `root`.
/// A folder that holds none stands for itself, as what cannot be read.
pub fn meant(paths: &[PathBuf], root: &Path) -> Vec<PathBuf> {
    let whole = whole(root);
    let paths = if paths.is_empty() { &whole } else { paths };
    let files = paths.iter().flat_map(|path| {
        let files = ours(path);
        if files.is_empty() { vec![path.clone()] } else { files }
    });
    files.collect()
}

/// Returns what stands for the whole workspace at `root` where no path is given.
fn whole(root: &Path) -> [PathBuf; 1] {
    [if is_here(root) { PathBuf::from(".") } else { root.to_owned() }]
}

/// Returns the file with the settings of the workspace at `root`, if there is one.
pub fn settings(root: &Path) -> Option<PathBuf> {
    let file = if is_here(root) { PathBuf::from(SETTINGS_NAME) } else { root.join(SETTINGS_NAME) };
    file.is_file().then_some(file)
}

fn is_here(root: &Path) -> bool {
    std::env::current_dir().is_ok_and(|here| here == root)
}

/// Returns the source files of a folder and of those of its folders that have a meaning. In these every source file is ours;
/// elsewhere those that say first that they are workflows, projects or resources, and the settings.
pub fn ours(folder: &Path) -> Vec<PathBuf> {
    let is_all_ours = folder.ends_with(WORKFLOWS) || folder.ends_with(ACTIONS);
    let is_settings = |file: &Path| file.file_name().is_some_and(|name| name == SETTINGS_NAME);
    let is_ours = |file: &PathBuf| is_all_ours || is_settings(file) || is_of_ours(file);
    let own = files(folder).into_iter().filter(is_ours);
    let below = [ACTIONS, WORKFLOWS].iter().flat_map(|name| files(&folder.join(name)));
    own.chain(below).map(|file| file.strip_prefix(".").map_or(file.clone(), Path::to_path_buf)).collect()
}

/// Returns the YAML files of the folders among `paths`, or of the workspace at `root` without any, that [`ours`] passes over: they do not say
/// that they are workflows.
pub fn passed_over(paths: &[PathBuf], root: &Path) -> Vec<PathBuf> {
    let whole = whole(root);
    let paths = if paths.is_empty() { &whole } else { paths };
    let plain = |file: PathBuf| file.strip_prefix(".").map_or(file.clone(), Path::to_path_buf);
    let is_yaml = |file: &PathBuf| file.extension().is_some_and(|ending| ending != "json");
    let folders = paths.iter().filter(|path| path.is_dir());
    let others = folders.flat_map(|folder| {
        let ours = ours(folder);
        files(folder).into_iter().map(plain).filter(move |file| !ours.contains(file))
    });
    others.filter(is_yaml).collect()
}

/// Returns the source files of a folder by name; none if it cannot be read.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().take(BESIDE_MAX);
    let mut files: Vec<_> = entries.map(|entry| entry.path()).filter(|path| is_source(path)).collect();
    files.sort();
    files
}

/// Returns whether a file has the ending of a source file.
pub fn is_source(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ENDINGS.iter().any(|own| ending == *own)) && path.is_file()
}

fn is_workflow(path: &Path) -> bool {
    declared(path).is_some()
}

/// Returns whether a file says first that it is a workflow, a project or the resources of a workspace.
fn is_of_ours(path: &Path) -> bool {
    head(path).is_some_and(|head| {
        declared_workflow(&head).is_some() || KINDS.iter().any(|kind| begins_with(&head, kind))
    })
}

/// Returns the name of the workflow that a file says it holds, by its head alone.
pub fn declared(path: &Path) -> Option<String> {
    declared_workflow(&head(path)?).map(str::to_owned)
}

fn head(path: &Path) -> Option<String> {
    let mut head = Vec::new();
    let file = std::fs::File::open(path).ok()?;
    file.take(HEAD_BYTES).read_to_end(&mut head).ok()?;
    Some(String::from_utf8_lossy(&head).into_owned())
}

/// Names a folder as [`shown`] names a file; the current one is `.`.
fn shown_folder(path: &Path) -> String {
    let shown = shown(path);
    if shown.is_empty() { ".".to_owned() } else { shown }
}

/// Names a file from the current folder, if it lies below it.
pub(crate) fn shown(path: &Path) -> String {
    let here = std::env::current_dir().ok();
    let short = here.as_deref().and_then(|here| path.strip_prefix(here).ok()).unwrap_or(path);
    short.strip_prefix(".").unwrap_or(short).display().to_string()
}
