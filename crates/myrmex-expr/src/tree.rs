//! The tree of an expression: our own, so that nothing but [`crate::syntax`] depends on minijinja's unstable one.

use std::ops::Range;
use std::sync::Arc;

use minijinja::Value;

use crate::jq::Program;

/// A part of an expression and its bytes in the source.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) span: Range<usize>,
    pub(crate) kind: Kind,
}

/// What a part of an expression is.
#[derive(Debug)]
pub(crate) enum Kind {
    Constant(Value),
    /// A path, by its place in [`crate::inspect::Inspection::references`].
    Reference(usize),
    /// `base.name` or `base[key]` of something that is computed.
    Item {
        base: Box<Node>,
        key: Box<Node>,
    },
    /// `base[start:stop:step]`.
    Slice {
        base: Box<Node>,
        bounds: [Option<Box<Node>>; 3],
    },
    Not(Box<Node>),
    Negate(Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    Arithmetic {
        operator: Operator,
        left: Box<Node>,
        right: Box<Node>,
    },
    /// `first < b <= c`, each operand computed once.
    Compare {
        first: Box<Node>,
        rest: Vec<(Comparison, Node)>,
    },
    If {
        test: Box<Node>,
        then: Box<Node>,
        otherwise: Option<Box<Node>>,
    },
    Filter {
        name: String,
        arguments: Arguments,
    },
    /// `input | jq('program')`.
    Jq {
        input: Box<Node>,
        program: Arc<Program>,
    },
    Test {
        name: String,
        arguments: Arguments,
    },
    Call {
        function: String,
        arguments: Arguments,
    },
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

/// What is passed to a filter, a test or a function; of the first two what they work on comes first.
#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) by_place: Vec<Node>,
    pub(crate) by_name: Vec<(String, Node)>,
}

/// An operator that makes a new value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    FloorDivide,
    Remainder,
    Power,
    Concatenate,
}

impl Operator {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::FloorDivide => "//",
            Self::Remainder => "%",
            Self::Power => "**",
            Self::Concatenate => "~",
        }
    }
}

/// An operator that asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    NotIn,
}

impl Comparison {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::Unequal => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::In => "in",
            Self::NotIn => "not in",
        }
    }
}
