//! What is known of our own filters before a run: how many arguments they take, of which types, and what literals mean.
//!
//! A type is known of literals and of what operators and filters make; of what is read it is not, and nothing is said here.

use std::ops::Range;

use myrmex_model::time::Length;
use semver::VersionReq;

use crate::convert;
use crate::filters::{self, RegexFlags};
use crate::infer;
use crate::shape::Kinds;
use crate::tree::{Arguments, Kind, Node};

/// What a filter of our own takes.
struct Signature {
    name: &'static str,
    /// Whether what stands before it is a text; if not, it may be anything.
    takes_text: bool,
    /// How many arguments it takes, all of them texts.
    arguments: usize,
}

const SIGNATURES: &[Signature] = &[
    signature("duration", true, 0),
    signature("from_json", true, 0),
    signature("regex_match", true, 1),
    signature("regex_replace", true, 2),
    signature("semver_match", true, 1),
    signature("sha256", true, 0),
    signature("to_json", false, 0),
];

const fn signature(name: &'static str, takes_text: bool, arguments: usize) -> Signature {
    Signature { name, takes_text, arguments }
}

/// Returns which types the filter `name` takes before it, and how messages say that; none if it takes any, or that is not
/// known.
pub(crate) fn input_of(name: &str) -> Option<(Kinds, &'static str)> {
    if matches!(name, "count" | "length") {
        return Some((Kinds::STRING.or(Kinds::LIST).or(Kinds::MAP), "a string, a list or a map"));
    }
    let own = SIGNATURES.iter().find(|signature| signature.name == name)?;
    own.takes_text.then_some((Kinds::STRING, "a string"))
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
    if signature.takes_text
        && let Some(found) = other_than_text(input)
    {
        return Err((input.span.clone(), format!("`{name}` takes a string, not {found}")));
    }
    for argument in given {
        if let Some(found) = other_than_text(argument) {
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

/// Returns the type of `node` as messages name it, if it is known and no text.
fn other_than_text(node: &Node) -> Option<String> {
    let shape = infer::shape_alone(node);
    if shape.kinds.meets(Kinds::STRING) {
        return None;
    }
    // A value has the name that messages use at run time too.
    Some(if let Kind::Constant(value) = &node.kind {
        convert::type_name(value).to_owned()
    } else {
        shape.to_string().replace('`', "")
    })
}

/// Reads a literal text as what it will be read as.
fn literal<T>(node: &Node, read: impl Fn(&str) -> Result<T, String>) -> Result<(), (Range<usize>, String)> {
    let Kind::Constant(value) = &node.kind else { return Ok(()) };
    let Some(text) = value.as_str() else { return Ok(()) };
    read(text).map(|_| ()).map_err(|message| (node.span.clone(), message))
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
