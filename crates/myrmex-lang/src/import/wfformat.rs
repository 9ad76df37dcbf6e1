//! `WfFormat` 1.5 of `WfCommons`: records of real workflow executions, as workflows that take the same time.

use std::collections::BTreeSet;

use myrmex_model::OrderedMap;
use myrmex_model::diagnostic::Severity;
use serde_json::Value;

use super::names::Names;
use super::page::quoted;
use super::{Draft, Options, codes, span};
use crate::others::declared_name;
use crate::tree::Place;
use crate::{Source, Syntax, check, format};

/// The version of the format that is read.
const SCHEMA_VERSION: &str = "1.5";

/// The most tasks a note names one by one.
const NOTE_NAMES_MAX: usize = 10;

/// Why a text cannot be imported.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ImportError {
    /// It is not JSON.
    #[error("the file is not JSON: {0}")]
    NotJson(String),
    /// It is not of the version that is read.
    #[error(
        "`schemaVersion` is {}, only \"{SCHEMA_VERSION}\" is read", found.as_deref().unwrap_or("missing")
    )]
    Version {
        /// What it is, as JSON; none if it is missing.
        found: Option<String>,
    },
    /// A field is missing or of the wrong type.
    #[error("`{path}` is not {expected}")]
    Field {
        /// The field, from the root.
        path: String,
        /// What it should be.
        expected: &'static str,
    },
    /// Two tasks have the same id.
    #[error("two tasks have the id `{0}`")]
    IdDuplicate(String),
    /// A task names a parent that does not exist.
    #[error("the task `{task}` has the parent `{parent}`, which does not exist")]
    ParentUnknown {
        /// The id of the task.
        task: String,
        /// The id it names.
        parent: String,
    },
    /// A task of the execution is not specified.
    #[error("the execution has the task `{0}`, which the specification has not")]
    TaskUnspecified(String),
    /// A runtime is negative.
    #[error("the task `{task}` has a runtime of {seconds} s")]
    Runtime {
        /// The id of the task.
        task: String,
        /// The runtime.
        seconds: f64,
    },
    /// The scale is not a finite number of at least zero.
    #[error("the scale {0} is not a finite number of at least 0")]
    Scale(f64),
    /// The workflow does not check: a cycle, or too much text.
    #[error("the imported workflow does not check: {0}")]
    Refused(String),
}

/// Makes a native workflow of the `WfFormat` document `json`: each task sleeps for its measured runtime times `scale`,
/// after its parents; with a scale of 0 it does nothing. Original ids stand in `x-wfformat`; what was not carried over
/// or was taken for granted stands in comments at the top. The text passes [`check`].
///
/// # Errors
///
/// Returns the first thing for which there is no faithful workflow.
pub fn wfformat(json: &str, scale: f64) -> Result<String, ImportError> {
    if !(scale.is_finite() && scale >= 0.0) {
        return Err(ImportError::Scale(scale));
    }
    let root: Value = serde_json::from_str(json).map_err(|error| ImportError::NotJson(error.to_string()))?;
    let version = root.get("schemaVersion");
    if version.and_then(Value::as_str) != Some(SCHEMA_VERSION) {
        return Err(ImportError::Version { found: version.map(Value::to_string) });
    }
    let mut notes = Vec::new();
    let tasks = tasks(&root, &mut notes)?;
    let text = write(&root, &tasks, scale, &notes)?;
    let source = Source::new("wfformat", text);
    let checked = check(&source);
    match checked.diagnostics.iter().find(|diagnostic| diagnostic.severity == Severity::Error) {
        Some(diagnostic) => Err(ImportError::Refused(diagnostic.message.clone())),
        None => format(&source, Syntax::Yaml).map_err(|error| ImportError::Refused(error.to_string())),
    }
}

/// Reads records, each of which becomes a workflow.
pub(super) fn read(sources: &[Source], options: &Options, draft: &mut Draft) {
    let mut written = 0;
    for source in sources {
        let origin = span(source, Place::default());
        match wfformat(&source.text, options.scale.unwrap_or(1.0)) {
            Ok(text) => {
                written += 1;
                let name = declared_name(&text).unwrap_or_default().to_owned();
                draft.workflow(&name, text, origin);
            }
            Err(error) => draft.error(codes::FIELD, origin, error.to_string()),
        }
    }
    draft.count("files", sources.len());
    draft.count("workflows", written);
}

/// A task of the record.
struct Recorded<'j> {
    id: &'j str,
    name: String,
    parents: Vec<&'j str>,
    runtime: f64,
}

fn tasks<'j>(
    root: &'j Value,
    notes: &mut Vec<String>,
) -> Result<OrderedMap<&'j str, Recorded<'j>>, ImportError> {
    let specified = list(root, "/workflow/specification/tasks")?;
    let mut names = Names::default();
    let mut tasks: OrderedMap<&str, Recorded<'_>> = OrderedMap::default();
    for (index, task) in specified.iter().enumerate() {
        let path = format!("/workflow/specification/tasks/{index}");
        let id = text(task, &path, "id")?;
        let parents = ids(task, &path, "parents")?;
        let recorded = Recorded { id, name: names.unique(id), parents, runtime: 0.0 };
        if tasks.insert(id, recorded).is_some() {
            return Err(ImportError::IdDuplicate(id.to_owned()));
        }
    }
    for task in tasks.values() {
        if let Some(parent) = task.parents.iter().find(|parent| !tasks.contains_key(*parent)) {
            return Err(ImportError::ParentUnknown {
                task: task.id.to_owned(),
                parent: (*parent).to_owned(),
            });
        }
    }
    runtimes(root, &mut tasks, notes)?;
    compare_children(specified, &tasks, notes)?;
    Ok(tasks)
}

fn runtimes(
    root: &Value,
    tasks: &mut OrderedMap<&str, Recorded<'_>>,
    notes: &mut Vec<String>,
) -> Result<(), ImportError> {
    let mut measured = BTreeSet::new();
    for (index, task) in list(root, "/workflow/execution/tasks")?.iter().enumerate() {
        let path = format!("/workflow/execution/tasks/{index}");
        let id = text(task, &path, "id")?;
        let recorded = tasks.get_mut(id).ok_or_else(|| ImportError::TaskUnspecified(id.to_owned()))?;
        if !measured.insert(id) {
            return Err(ImportError::IdDuplicate(id.to_owned()));
        }
        let seconds = match task.get("runtimeInSeconds") {
            None | Some(Value::Null) => {
                measured.remove(id);
                continue;
            }
            Some(seconds) => seconds.as_f64().ok_or(ImportError::Field {
                path: format!("{path}/runtimeInSeconds"),
                expected: "a number",
            })?,
        };
        if seconds < 0.0 {
            return Err(ImportError::Runtime { task: id.to_owned(), seconds });
        }
        recorded.runtime = seconds;
    }
    let unmeasured: Vec<&str> = tasks.keys().copied().filter(|id| !measured.contains(id)).collect();
    note(notes, "without a measured runtime, taken as 0 s", &unmeasured);
    Ok(())
}

/// Notes where `children` and `parents` disagree; `parents` hold.
fn compare_children(
    specified: &[Value],
    tasks: &OrderedMap<&str, Recorded<'_>>,
    notes: &mut Vec<String>,
) -> Result<(), ImportError> {
    let by_parents: BTreeSet<(&str, &str)> =
        tasks.values().flat_map(|task| task.parents.iter().map(|parent| (*parent, task.id))).collect();
    let mut by_children = BTreeSet::new();
    for (index, task) in specified.iter().enumerate() {
        let path = format!("/workflow/specification/tasks/{index}");
        let id = text(task, &path, "id")?;
        if task.get("children").is_some() {
            by_children.extend(ids(task, &path, "children")?.into_iter().map(|child| (id, child)));
        } else {
            by_children.extend(by_parents.range((id, "")..).take_while(|(from, _)| *from == id));
        }
    }
    let differing: Vec<&str> = by_parents.symmetric_difference(&by_children).map(|(from, _)| *from).collect();
    note(notes, "whose `children` do not match the `parents` of others, which hold", &differing);
    Ok(())
}

fn note(notes: &mut Vec<String>, what: &str, ids: &[&str]) {
    if ids.is_empty() {
        return;
    }
    let shown: Vec<String> = ids.iter().take(NOTE_NAMES_MAX).map(|id| quoted(id)).collect();
    let more = if ids.len() > NOTE_NAMES_MAX { " …" } else { "" };
    notes.push(format!("{} tasks {what}: {}{more}", ids.len(), shown.join(" ")));
}

fn write(
    root: &Value,
    tasks: &OrderedMap<&str, Recorded<'_>>,
    scale: f64,
    notes: &[String],
) -> Result<String, ImportError> {
    let edges: usize = tasks.values().map(|task| task.parents.len()).sum();
    let work: f64 = tasks.values().map(|task| task.runtime).sum();
    let name = text(root, "", "name")?;
    let mut out = format!(
        "# Imported from WfFormat {SCHEMA_VERSION}: {} tasks, {edges} dependencies, {work:.3} s of work.\n\
         # Each task takes its measured runtime times {scale}. Not carried over: programs, files, machines, cores,\n\
         # memory, I/O.\n",
        tasks.len()
    );
    let mut line = |text: &str| out.push_str(text);
    for note in notes {
        line(&format!("# {note}\n"));
    }
    line(&format!("workflow: {}\n", scalar(&Names::default().unique(name))));
    if let Some(description) = root.get("description").and_then(Value::as_str) {
        line(&format!("description: {}\n", quoted(description)));
    }
    line(&format!("x-wfformat: {{name: {}}}\n\ntasks:\n", quoted(name)));
    for task in tasks.values() {
        line(&format!("  {}:\n    x-wfformat: {{id: {}}}\n", scalar(&task.name), quoted(task.id)));
        let parents: BTreeSet<&str> = task.parents.iter().copied().collect();
        let parents: Vec<String> = parents.iter().map(|parent| scalar(&tasks[parent].name)).collect();
        if !parents.is_empty() {
            line(&format!("    needs: [{}]\n", parents.join(", ")));
        }
        line(&format!("    run: {{command: {}}}\n", command(task.runtime * scale, scale)));
    }
    Ok(out)
}

fn command(seconds: f64, scale: f64) -> String {
    if scale == 0.0 {
        return "[\"true\"]".to_owned();
    }
    let text = format!("{seconds:.6}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("[sleep, \"{}\"]", if text.is_empty() { "0" } else { text })
}

/// Writes a name, in quotes where a bare one would mean something else.
fn scalar(name: &str) -> String {
    const WORDS: [&str; 7] = ["true", "false", "null", "yes", "no", "on", "off"];
    let is_word = WORDS.iter().any(|word| name.eq_ignore_ascii_case(word));
    if is_word || name.starts_with('-') { quoted(name) } else { name.to_owned() }
}

fn list<'j>(root: &'j Value, path: &str) -> Result<&'j [Value], ImportError> {
    let found = root.pointer(path).and_then(Value::as_array);
    found.map(Vec::as_slice).ok_or(ImportError::Field { path: path.to_owned(), expected: "a list" })
}

fn text<'j>(object: &'j Value, path: &str, key: &str) -> Result<&'j str, ImportError> {
    let found = object.get(key).and_then(Value::as_str);
    found.ok_or_else(|| ImportError::Field { path: format!("{path}/{key}"), expected: "text" })
}

fn ids<'j>(object: &'j Value, path: &str, key: &str) -> Result<Vec<&'j str>, ImportError> {
    let wrong = || ImportError::Field { path: format!("{path}/{key}"), expected: "a list of ids" };
    let list = object.get(key).and_then(Value::as_array).ok_or_else(wrong)?;
    list.iter().map(|id| id.as_str().ok_or_else(wrong)).collect()
}
