//! What an expression reads and calls, found without evaluating it.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use crate::error::ExprError;
use crate::jq::Programs;
use crate::syntax;

/// What an expression reads and calls, in the order of its source.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Inspection {
    /// Everything it reads; a path that stands twice is listed twice.
    pub references: Vec<Reference>,
    /// The filters it applies, each with the place of its name. All of them exist.
    pub filters: Vec<(String, Range<usize>)>,
    /// The functions it calls, such as `raw`, each with the place of its name. All of them exist.
    pub functions: Vec<(String, Range<usize>)>,
    /// The places among the references of those that may have no value: what `default` stands in for, or `is defined` asks.
    pub guarded: BTreeSet<usize>,
}

/// A path that an expression reads, such as `tasks.build.output.image`.
///
/// It ends where the first computed subscript, slice, filter or operator begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The name it begins with. Whether such a name exists is the caller's to know.
    pub root: String,
    /// The fields and constant subscripts after it.
    pub steps: Vec<Step>,
    /// Its bytes in the source.
    pub span: Range<usize>,
}

/// One level of a [`Reference`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Step {
    /// A field of a map.
    Field(String),
    /// A member of a list; negative from the end.
    Index(i64),
}

impl Reference {
    /// Returns whether `other` is this path or goes on from it.
    pub fn is_prefix_of(&self, other: &Self) -> bool {
        self.root == other.root && other.steps.starts_with(&self.steps)
    }
}

/// Lists what the expression `source` reads and calls. A name that nobody knows is listed like any other.
///
/// # Errors
///
/// Returns the first place that is not an expression, names a filter, test or function that does not exist, reads
/// `tasks`, `inputs` or `secrets` by a computed name, or uses `tasks` or `secrets` as a whole.
///
/// ```
/// let found = myrmex_expr::inspect("tasks['a-b'].output[0] | upper ~ inputs.list[0:2]").unwrap();
/// let paths: Vec<String> = found.references.iter().map(ToString::to_string).collect();
/// assert_eq!(paths, ["tasks['a-b'].output[0]", "inputs.list"]);
/// ```
pub fn inspect(source: &str) -> Result<Inspection, ExprError> {
    syntax::parse(source, &mut Programs::default()).map(|parsed| parsed.inspection)
}

/// Shown as it would be written: `tasks['a-b'].items[0]`.
impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.root)?;
        for step in &self.steps {
            match step {
                Step::Field(name) if is_identifier(name) => write!(f, ".{name}")?,
                Step::Field(name) => {
                    write!(f, "['{}']", name.replace('\\', "\\\\").replace('\'', "\\'"))?;
                }
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

fn is_identifier(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
