//! The names with which a path in an expression can begin, and the fields of what they hold.

/// The names that hold something.
pub(crate) const KNOWN: &[&str] =
    &["inputs", "tasks", "run", "vars", "error", "output", "secrets", "item", "index", "key"];

/// The names of the language that are not supported yet.
pub(crate) const LATER: &[&str] = &["event", "project", "config"];

/// What `tasks.NAME` holds.
pub(crate) const TASK_FIELDS: &[&str] =
    &["output", "artifacts", "status", "attempts", "started", "finished", "error"];

/// What `run` holds.
pub(crate) const RUN_FIELDS: &[&str] =
    &["id", "started", "started_by", "workflow", "version", "attempt", "trigger"];

/// What `run` holds in the handlers of the whole workflow only.
pub(crate) const RUN_FIELDS_AT_END: &[&str] = &["status", "errors"];

/// What `run` holds later.
pub(crate) const RUN_FIELDS_LATER: &[&str] = &["states"];

/// What `error` holds.
pub(crate) const ERROR_FIELDS: &[&str] =
    &["type", "status", "title", "detail", "exit_code", "task", "attempt", "summary"];

/// Returns whether `name` has a meaning of its own. `item` has one too, but it is the one a `for_each` gives it.
pub(crate) fn is_root(name: &str) -> bool {
    name != "item" && (KNOWN.contains(&name) || LATER.contains(&name))
}
