//! Pure front ends: text to syntax tree with spans to checked internal representation.
//!
//! [`check`] is the whole way, in passes that each do one thing and never stop at the first problem:
//!
//! 1. [`tree`] parses YAML (or JSON) with the place of every key and value;
//! 2. `read` turns keys and values into an outline of what the author wrote;
//! 3. `resolve` looks up the names: tasks, inputs, variables; it finds cycles and tasks that can never run;
//! 4. `lower` makes the [`Definition`] that the run machine knows.
//!
//! Problems are [`Diagnostic`]s whose codes stand in [`codes`]. [`resolve_inputs`] makes the inputs of one run.
//! [`import`] makes workflow files of what other tools recorded. [`format`] writes a file in the canonical form.
//! [`schema`] makes the JSON Schema of a kind of file, of the table of keys that the reader uses.
//!
//! What this crate deliberately does not do: it reads no files, evaluates no expressions, and knows nothing of how a
//! definition is carried out.

pub mod codes;
mod format;
pub mod import;
mod inputs;
mod lower;
mod outline;
mod places;
mod read;
mod report;
mod resolve;
mod roots;
pub mod schema;
pub mod tree;

use std::sync::Arc;

use myrmex_model::diagnostic::Diagnostic;
use myrmex_model::ir::Definition;

pub use format::{FormatError, Syntax, format};
pub use inputs::{Given, InputProblem, resolve_inputs};
pub use places::{NodePlaces, SourceMap};
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
    /// The definition; only if there is no error.
    pub definition: Option<Definition>,
    /// Where its nodes stand; empty without a definition.
    pub places: SourceMap,
    /// All problems, sorted by place.
    pub diagnostics: Vec<Diagnostic>,
}

/// Checks a workflow file and makes its definition. Reports all problems at once and never panics.
///
/// Expressions are parsed by recursion: call it on a thread with a stack of `myrmex_expr::STACK_BYTES`.
///
/// ```
/// use myrmex_lang::{Source, check};
///
/// let checked = check(&Source::new("hello.yaml", "workflow: hello\ntasks:\n  greet: {run: echo hello}\n"));
/// assert!(checked.diagnostics.is_empty());
/// assert_eq!(checked.definition.unwrap().nodes.len(), 2);
/// ```
pub fn check(source: &Source) -> Checked {
    let mut report = report::Report::new(&source.name);
    let tree = tree::parse(&source.text, &mut report);
    let outline = read::read(&source.text, &tree, &mut report);
    let links = outline.as_ref().map(|outline| resolve::resolve(outline, &mut report));
    let empty = || SourceMap::new(&source.name);
    let lowered = match (outline, links) {
        (Some(outline), Some(links)) if !report.has_errors() => lower::lower(&outline, &links, empty()),
        (Some(_) | None, Some(_) | None) => None,
    };
    let (definition, places) =
        lowered.map_or_else(|| (None, empty()), |(definition, places)| (Some(definition), places));
    Checked { definition, places, diagnostics: report.finish() }
}
