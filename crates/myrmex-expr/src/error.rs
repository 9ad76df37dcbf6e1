//! Why an expression has no value, said with the expression and the place in it.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use myrmex_model::fault::{Fault, FaultKind};
use myrmex_model::value::VALUE_BYTES_MAX;

use crate::SOURCE_BYTES_MAX;
use crate::vocabulary::{FILTERS, FUNCTIONS, TESTS};

/// The most bytes of an expression that the title of a [`Fault`] quotes; the whole of it is in the detail.
const QUOTED_BYTES_MAX: usize = 120;

/// An expression that cannot be read or has no value.
///
/// Shown as what is wrong alone; a front end marks [`ExprError::span`] in its own source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExprError {
    /// The expression.
    pub expression: Arc<str>,
    /// The bytes of the expression that are at fault.
    pub span: Range<usize>,
    /// What is wrong.
    pub kind: ExprErrorKind,
}

/// What is wrong with an expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExprErrorKind {
    /// The source does not follow the grammar.
    #[error("{0}")]
    Syntax(String),
    /// The source is longer than [`SOURCE_BYTES_MAX`].
    #[error("the expression has {bytes} bytes, at most {SOURCE_BYTES_MAX} are allowed")]
    Long {
        /// How long it is.
        bytes: usize,
    },
    /// There is no filter of this name.
    #[error("unknown filter `{0}`")]
    UnknownFilter(String),
    /// There is no test of this name.
    #[error("unknown test `{0}`")]
    UnknownTest(String),
    /// There is no function of this name.
    #[error("unknown function `{0}`")]
    UnknownFunction(String),
    /// A value has no methods; a filter may do what is meant.
    #[error("values have no methods such as `{method}()`{}", instead_text(*instead))]
    Method {
        /// The method's name.
        method: String,
        /// What to write instead, such as `| upper`.
        instead: Option<&'static str>,
    },
    /// A computed subscript where the name must be known before a run.
    #[error("what is read from `{root}` must be a literal name, not computed")]
    DynamicSubscript {
        /// The name before the subscript.
        root: String,
    },
    /// A name that stands for many things used as one value.
    #[error("`{root}` is not a value; read one of its fields, such as `{root}.name`")]
    BareRoot {
        /// The name.
        root: String,
    },
    /// Something the expression reads has no value.
    #[error("`{path}` has no value")]
    Missing {
        /// The path, or the part of the expression, that has none.
        path: String,
    },
    /// A condition that is neither true nor false.
    #[error("a condition must be a boolean, this is {found}")]
    NotBoolean {
        /// The type of the result.
        found: &'static str,
    },
    /// An operator or filter that does not take such an operand, or an operation without a result.
    #[error("{0}")]
    Operation(String),
    /// The fuel is used up.
    #[error("the expression does more than the limit `expressions.fuel` of {fuel_max} steps allows")]
    Fuel {
        /// The limit.
        fuel_max: u64,
    },
    /// The result is larger than a value may be.
    #[error("{0}")]
    Limit(ResultLimit),
}

/// The bounds of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ResultLimit {
    /// Nested too deep.
    #[error("the value nests deeper than the limit `expressions.depth` of {levels_max} levels")]
    Depth {
        /// The limit.
        levels_max: usize,
    },
    /// More text than [`VALUE_BYTES_MAX`].
    #[error("the value has more than {VALUE_BYTES_MAX} bytes of JSON; use a file")]
    Bytes,
}

fn instead_text(instead: Option<&str>) -> String {
    instead.map(|instead| format!("; write `{instead}`")).unwrap_or_default()
}

impl fmt::Display for ExprError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.kind, f)
    }
}

impl std::error::Error for ExprError {}

impl ExprError {
    /// Returns the names that exist where a name is unknown, for a suggestion; empty for other errors.
    pub fn known_names(&self) -> &'static [&'static str] {
        match &self.kind {
            ExprErrorKind::UnknownFilter(_) => FILTERS,
            ExprErrorKind::UnknownTest(_) => TESTS,
            ExprErrorKind::UnknownFunction(_) => FUNCTIONS,
            ExprErrorKind::Syntax(_)
            | ExprErrorKind::Long { .. }
            | ExprErrorKind::Method { .. }
            | ExprErrorKind::DynamicSubscript { .. }
            | ExprErrorKind::BareRoot { .. }
            | ExprErrorKind::Missing { .. }
            | ExprErrorKind::NotBoolean { .. }
            | ExprErrorKind::Operation(_)
            | ExprErrorKind::Fuel { .. }
            | ExprErrorKind::Limit(_) => &[],
        }
    }
}

/// The title names the expression and what is wrong in it.
impl From<ExprError> for Fault {
    fn from(error: ExprError) -> Self {
        let kind = match error.kind {
            ExprErrorKind::Limit(_) => FaultKind::DataLimit,
            ExprErrorKind::Syntax(_)
            | ExprErrorKind::Long { .. }
            | ExprErrorKind::UnknownFilter(_)
            | ExprErrorKind::UnknownTest(_)
            | ExprErrorKind::UnknownFunction(_)
            | ExprErrorKind::Method { .. }
            | ExprErrorKind::DynamicSubscript { .. }
            | ExprErrorKind::BareRoot { .. }
            | ExprErrorKind::Missing { .. }
            | ExprErrorKind::NotBoolean { .. }
            | ExprErrorKind::Operation(_)
            | ExprErrorKind::Fuel { .. } => FaultKind::Expression,
        };
        let expression = &*error.expression;
        if expression.len() <= QUOTED_BYTES_MAX {
            return Self::new(kind, format!("expression `{expression}`: {}", error.kind));
        }
        let end = expression.floor_char_boundary(QUOTED_BYTES_MAX);
        Self::new(kind, format!("expression `{}…`: {}", &expression[..end], error.kind))
            .with_detail(expression)
    }
}
