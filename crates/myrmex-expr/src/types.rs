//! What is known of our own filters before a run: how many arguments they take, of which types, and what literals mean.
//!
//! A type is known of literals and of what operators and filters make; of what is read it is not, and nothing is said.

use std::ops::Range;

use minijinja::value::ValueKind;
use myrmex_model::time::Length;
use semver::VersionReq;

use crate::convert;
use crate::filters::{self, RegexFlags};
use crate::tree::{Arguments, Kind, Node, Operator};

/// A type of JSON, as messages name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Null,
    Boolean,
    Number,
    Text,
    List,
    Map,
}

impl Type {
    fn as_str(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Number => "number",
            Self::Text => "string",
            Self::List => "array",
            Self::Map => "object",
        }
    }
}

/// What a filter takes and gives.
struct Signature {
    name: &'static str,
    /// The type of what stands before it; none if it takes any.
    input: Option<Type>,
    /// How many arguments it takes, all of them texts.
    arguments: usize,
    /// The type of what it gives; none if that depends.
    output: Option<Type>,
}

const SIGNATURES: &[Signature] = &[
    signature("duration", Some(Type::Text), 0, Some(Type::Number)),
    signature("from_json", Some(Type::Text), 0, None),
    signature("regex_match", Some(Type::Text), 1, Some(Type::Boolean)),
    signature("regex_replace", Some(Type::Text), 2, Some(Type::Text)),
    signature("semver_match", Some(Type::Text), 1, Some(Type::Boolean)),
    signature("sha256", Some(Type::Text), 0, Some(Type::Text)),
    signature("to_json", None, 0, Some(Type::Text)),
];

const fn signature(
    name: &'static str,
    input: Option<Type>,
    arguments: usize,
    output: Option<Type>,
) -> Signature {
    Signature { name, input, arguments, output }
}

/// Checks what is known of a call of the filter `name`, whose own place is `place`.
///
/// # Errors
///
/// Returns the place and the message of the first thing that is wrong.
pub(crate) fn check(
    name: &str,
    place: Range<usize>,
    arguments: &Arguments,
) -> Result<(), (Range<usize>, String)> {
    let Some(signature) = SIGNATURES.iter().find(|signature| signature.name == name) else { return Ok(()) };
    let [input, given @ ..] = arguments.by_place.as_slice() else { return Ok(()) };
    if given.len() != signature.arguments || !arguments.by_name.is_empty() {
        let takes = match signature.arguments {
            0 => "no argument".to_owned(),
            1 => "one argument".to_owned(),
            more => format!("{more} arguments"),
        };
        return Err((place, format!("`{name}` takes {takes}")));
    }
    if let (Some(wanted), Some(found)) = (signature.input, type_of(input))
        && wanted != found
    {
        let message = format!("`{name}` takes a {}, not {}", wanted.as_str(), name_of(input, found));
        return Err((input.span.clone(), message));
    }
    for argument in given {
        if let Some(found) = type_of(argument).filter(|found| *found != Type::Text) {
            let found = name_of(argument, found);
            let message = format!("the arguments of `{name}` are strings, not {found}");
            return Err((argument.span.clone(), message));
        }
    }
    let read = match name {
        "duration" => literal(input, |text| text.parse::<Length>().map_err(|error| error.to_string())),
        "regex_match" | "regex_replace" => literal(&given[0], |pattern| {
            let flags = RegexFlags { ignore_case: false, ignore_blanks: false };
            filters::size_of_pattern(pattern, flags)
        }),
        "semver_match" => literal(&given[0], |text| {
            VersionReq::parse(text).map_err(|error| filters::not_a("requirement", text, &error))
        }),
        _ => Ok(()),
    };
    read.map_err(|(span, message)| (span, format!("`{name}`: {message}")))
}

/// Returns the name that messages use at run time too, where the value is known.
fn name_of(node: &Node, found: Type) -> &'static str {
    if let Kind::Constant(value) = &node.kind { convert::type_name(value) } else { found.as_str() }
}

/// Reads a literal text as what it will be read as.
fn literal<T>(node: &Node, read: impl Fn(&str) -> Result<T, String>) -> Result<(), (Range<usize>, String)> {
    let Kind::Constant(value) = &node.kind else { return Ok(()) };
    let Some(text) = value.as_str() else { return Ok(()) };
    read(text).map(|_| ()).map_err(|message| (node.span.clone(), message))
}

fn type_of(node: &Node) -> Option<Type> {
    match &node.kind {
        Kind::Constant(value) => match value.kind() {
            ValueKind::None => Some(Type::Null),
            ValueKind::Bool => Some(Type::Boolean),
            ValueKind::Number => Some(Type::Number),
            ValueKind::String => Some(Type::Text),
            _ => None,
        },
        Kind::List(_) => Some(Type::List),
        Kind::Map(_) => Some(Type::Map),
        Kind::Not(_) | Kind::Compare { .. } | Kind::Test { .. } => Some(Type::Boolean),
        Kind::Negate(_) => Some(Type::Number),
        Kind::Arithmetic { operator, .. } => match operator {
            Operator::Concatenate => Some(Type::Text),
            Operator::Subtract
            | Operator::Divide
            | Operator::FloorDivide
            | Operator::Remainder
            | Operator::Power => Some(Type::Number),
            Operator::Add | Operator::Multiply => None,
        },
        Kind::Filter { name, .. } => {
            SIGNATURES.iter().find(|signature| signature.name == name).and_then(|found| found.output)
        }
        Kind::Reference(_)
        | Kind::Item { .. }
        | Kind::Slice { .. }
        | Kind::And(..)
        | Kind::Or(..)
        | Kind::If { .. }
        | Kind::Jq { .. }
        | Kind::Call { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_signature_is_of_a_filter() {
        let names: Vec<&str> = SIGNATURES.iter().map(|signature| signature.name).collect();
        assert!(names.is_sorted());
        assert!(names.iter().all(|name| crate::vocabulary::FILTERS.contains(name)));
    }
}
