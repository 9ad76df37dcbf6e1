//! `--out` of commands that make something of a workflow or a run: a file, or standard output.

use std::io::Write;
use std::path::Path;

use crate::exit::{Failure, FailureCode};
use crate::sources;

/// Refuses to write over a workflow.
///
/// # Errors
///
/// Returns [`Failure`] if there is a workflow at `path`; `what` is made instead, such as `a drawing`.
pub(super) fn refuse_workflow(path: Option<&Path>, what: &str) -> Result<(), Failure> {
    let Some(path) = path.filter(|path| is_workflow(path)) else { return Ok(()) };
    let message = format!("`{}` is a workflow: {what} does not take its place", path.display());
    Err(Failure::new(FailureCode::Inputs, message).with_hint("name another file"))
}

/// Writes a text to a file, which it replaces, or else to standard output.
///
/// # Errors
///
/// Returns [`Failure`] if it cannot be written.
pub(super) fn write(path: Option<&Path>, text: &str) -> Result<(), Failure> {
    match path {
        Some(path) => {
            std::fs::write(path, text).map_err(|error| Failure::file(path, "cannot be written", &error))
        }
        None => std::io::stdout().write_all(text.as_bytes()).map_err(|error| Failure::output(&error)),
    }
}

/// Whether a file is a workflow. What was drawn or exported as JSON names its workflow too, and has nodes, or a version of its schema.
fn is_workflow(path: &Path) -> bool {
    let is_made = || {
        let text = std::fs::read(path).unwrap_or_default();
        serde_json::from_slice(&text).is_ok_and(|made: serde_json::Value| {
            made["nodes"].is_array() || made["schemaVersion"].is_string() || made["traceEvents"].is_array()
        })
    };
    // What is no file, such as a pipe, cannot be looked into.
    path.is_file() && sources::declared(path).is_some() && !is_made()
}
