//! Pure front ends: text to syntax tree with spans to checked internal representation.
//!
//! [`check`] is the whole way, in passes that each do one thing and never stop at the first problem:
//!
//! 1. [`tree`] parses YAML (or JSON) with the place of every key and value;
//! 2. `read` turns keys and values into an outline of what the author wrote;
//! 3. `resolve` looks up the names: tasks, inputs, variables; it finds cycles and tasks that can never run;
//! 4. `lower` makes the [`Definition`] that the run machine knows.
//!
//! Files that it names, other workflows, libraries of actions and the resources of the workspace, are checked with it if they are
//! [given](Beside). A project is read as the workflow that it is: one graph, with what only a plan reads of it beside.
//!
//! Problems are [`Diagnostic`]s whose codes stand in [`codes`]. [`resolve_inputs`] makes the inputs of one run.
//! [`import`] makes files of ours of what other tools wrote. [`format`] writes a file in the canonical form.
//! [`schema`] makes the JSON Schema of a kind of file, of the table of keys that the reader uses.
//!
//! What this crate deliberately does not do: it reads no files, evaluates no expressions, and knows nothing of how a
//! definition is carried out.

mod check;
pub mod codes;
mod format;
pub mod import;
mod inputs;
mod json;
mod lower;
mod others;
mod outline;
mod places;
mod read;
mod report;
mod resolve;
mod roots;
pub mod schema;
pub mod tree;

use std::collections::BTreeMap;
use std::sync::Arc;

use myrmex_model::diagnostic::Diagnostic;
use myrmex_model::ir::Definition;
use myrmex_model::name::Name;

pub use format::{FormatError, Syntax, format};
pub use inputs::{FileGiven, Given, InputProblem, ReadFile, resolve_inputs};
pub use json::{JsonError, parse_json};
pub use others::{Beside, Supply, begins_with, declared_name as declared_workflow};
pub use places::{NodePlaces, Position, SourceMap};
pub use report::{PROBLEMS_MAX, nearest};

/// A file of source text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The file as it is named in messages.
    pub name: Arc<str>,
    /// Its text.
    pub text: Arc<str>,
}

impl Source {
    /// Names `text`.
    pub fn new(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), text: text.into() }
    }
}

/// What [`check`] found.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// The definition; only if there is no error, here or in a file that this one needs. A library of actions has none.
    pub definition: Option<Definition>,
    /// Where its nodes stand; empty without a definition.
    pub places: SourceMap,
    /// The workflows that a run of it may come to call, by name: itself too if it may. Empty without a definition.
    pub closure: BTreeMap<Name, Definition>,
    /// Where the nodes of those stand.
    pub called_places: BTreeMap<Name, SourceMap>,
    /// All problems of the file, sorted by place.
    pub diagnostics: Vec<Diagnostic>,
    /// The files with errors that this one needs.
    pub beside: Vec<CheckedSource>,
}

/// A file with what is wrong with it.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckedSource {
    /// The file.
    pub source: Source,
    /// All its problems, sorted by place.
    pub diagnostics: Vec<Diagnostic>,
}

/// Checks a workflow file and makes its definition. Reports all problems at once and never panics.
///
/// Expressions are parsed by recursion: call it on a thread with a stack of `myrmex_expr::STACK_BYTES`.
///
/// ```
/// use myrmex_lang::{Source, check};
///
/// let checked = check(&Source::new("hello.yaml", "workflow: hello\ntasks:\n  greet: {run: echo hello, timeout: 1m}\n"));
/// assert!(checked.diagnostics.is_empty());
/// assert_eq!(checked.definition.unwrap().nodes.len(), 2);
/// ```
pub fn check(source: &Source) -> Checked {
    check_with(source, &Beside::default())
}

/// Checks a workflow file, or a library of actions, together with the files beside it that it names.
///
/// As [`check`] it reports all problems at once, never panics, and wants a large stack.
pub fn check_with(source: &Source, beside: &Beside) -> Checked {
    check_in(source, beside, &Supply::default())
}

/// Does the same in a workspace that says what it has: then what asks for more is found too.
pub fn check_in(source: &Source, beside: &Beside, supply: &Supply) -> Checked {
    check::check(source, beside, supply, None)
}

/// Does the same with a workflow of whose outermost tasks only these are there, without what handles the end of the workflow as a
/// whole and without its outputs. What they need of others is dropped; what they read of others is an error.
///
/// A name that no task has changes nothing: who asks compares it with the definition of the whole file.
pub fn check_only(source: &Source, beside: &Beside, supply: &Supply, only: &[String]) -> Checked {
    check::check(source, beside, supply, Some(only))
}

/// Returns whether a file may name others, so that it is worth while to load what stands beside it. Errs on the safe side.
pub fn may_name_others(text: &str) -> bool {
    text.contains("use") || text.matches("workflow").nth(1).is_some()
}
