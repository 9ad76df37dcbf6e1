//! The canonical form of a file: the same values and comments in the same order, laid out in one way.
//!
//! - Keys keep the author's order, at the root too: what belongs together for people stands together, comments with it.
//! - Maps and lists are indented by two, lists under a key as well. Braces and brackets stay where everything between
//!   them fits on the line and holds no comment; else they become lines.
//! - Text is bare where that is safe, else in single quotes, in double quotes only where it takes an escape. Block text
//!   (`|`, `>`) stays. Long bare text that its author broke becomes `>-`.
//! - Of blank lines one is kept. A comment stays above, behind or below what it belongs to.
//!
//! JSON stays JSON. It knows nothing of workflows. What would not mean the same afterwards is refused, never written.

mod block;
mod json;
mod scalar;

use myrmex_model::diagnostic::Diagnostic;

use crate::Source;
use crate::codes;
use crate::report::Report;
use crate::tree::{self, Comment, Kind, Node, TEXT_BYTES_MAX, Tree};

/// The widest line that braces and brackets may fill, in characters.
const WIDTH: usize = 110;

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    /// YAML.
    Yaml,
    /// JSON.
    Json,
}

/// Why a file has no canonical form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// The text cannot be read.
    #[error("the text cannot be read")]
    Broken(Vec<Diagnostic>),
    /// The canonical form would not hold all that the text holds: a fault of ours, found before harm is done.
    #[error("the canonical form would lose something of this text")]
    Lossy,
}

/// Returns the canonical form of a file. Formatting it again changes nothing.
///
/// # Errors
///
/// Returns [`FormatError`] if the text has syntax errors, JSON was asked for and the text holds comments, or the canonical
/// form would be too long to be read.
///
/// ```
/// use myrmex_lang::{Source, Syntax, format};
///
/// let text = "workflow:   \"w\"\ntasks: { a : {run: 'make'} }  # one\n";
/// let formatted = format(&Source::new("w.yaml", text), Syntax::Yaml).unwrap();
/// assert_eq!(formatted, "workflow: w\ntasks: {a: {run: make}}  # one\n");
/// ```
pub fn format(source: &Source, syntax: Syntax) -> Result<String, FormatError> {
    let mut report = Report::new(&source.name);
    let tree = tree::parse(&source.text, &mut report);
    if let (Syntax::Json, Some(comment)) = (syntax, tree.comments.first()) {
        report.refuse(codes::SYNTAX, comment.place, "JSON has no comments");
    }
    let problems = report.finish();
    let Some(root) = tree.root.as_deref().filter(|_| problems.is_empty()) else {
        return Err(FormatError::Broken(problems));
    };
    let formatted = match syntax {
        Syntax::Yaml => block::print(&source.text, &tree, root),
        Syntax::Json => json::print(&source.text, root),
    };
    if formatted.len() > TEXT_BYTES_MAX {
        let message = format!("the canonical form has more than {TEXT_BYTES_MAX} bytes");
        let mut report = Report::new(&source.name);
        report.refuse(codes::TEXT_LONG, root.place, message);
        return Err(FormatError::Broken(report.finish()));
    }
    let (again, problems) = tree::parse_source(&Source::new(source.name.clone(), formatted.as_str()));
    let is_same = problems.is_empty() && is_same(&tree, &again);
    if is_same { Ok(formatted) } else { Err(FormatError::Lossy) }
}

/// Returns whether two files hold the same values and comments.
fn is_same(one: &Tree, other: &Tree) -> bool {
    fn texts(comments: &[Comment]) -> Vec<&str> {
        let mut texts: Vec<_> = comments.iter().map(|comment| comment.text.trim_end()).collect();
        texts.sort_unstable();
        texts
    }
    let is_same_root = match (&one.root, &other.root) {
        (Some(one), Some(other)) => is_same_node(one, other),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    };
    is_same_root && texts(&one.comments) == texts(&other.comments)
}

fn is_same_node(one: &Node, other: &Node) -> bool {
    match (&one.followed().kind, &other.followed().kind) {
        (Kind::Scalar(one), Kind::Scalar(other)) => one.value() == other.value(),
        (Kind::List(one), Kind::List(other)) => {
            one.items.len() == other.items.len()
                && one.items.iter().zip(&other.items).all(|(one, other)| is_same_node(one, other))
        }
        (Kind::Map(one), Kind::Map(other)) => {
            one.entries.len() == other.entries.len()
                && one.entries.iter().zip(&other.entries).all(|(one, other)| {
                    one.key.text == other.key.text && is_same_node(&one.value, &other.value)
                })
        }
        (Kind::Scalar(_) | Kind::List(_) | Kind::Map(_) | Kind::Alias(_) | Kind::Broken, _) => false,
    }
}
