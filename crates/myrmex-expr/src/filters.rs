//! Filters, tests and functions beyond minijinja's. Each pays for the data it works on.

use minijinja::{Environment, Error, State, Value};
use myrmex_model::time::Length;
use myrmex_model::value::{VALUE_BYTES_MAX, Value as Json};
use regex_lite::{Regex, RegexBuilder};
use semver::{Version, VersionReq};
use sha2::{Digest, Sha256};

use crate::convert::{self, Depth, Failure, charge, text_of};
use crate::error::ResultLimit;
use crate::operators;
use crate::tree::Comparison;

/// The most members of a `range`, as in minijinja.
const RANGE_MAX: u64 = 100_000;

/// The longest text that is matched by a regular expression.
const REGEX_TEXT_MAX: usize = 256 << 10;

/// Sizes of compiled patterns in bytes, smallest first. Matching takes time in proportion to size times text, so the
/// size, found by trying, sets the price. More than the last is refused.
const REGEX_SIZES: [usize; 3] = [4 << 10, 16 << 10, 64 << 10];

/// The most bytes of an operand that a message quotes.
const QUOTED_BYTES_MAX: usize = 60;

/// How deep the groups of a pattern may nest.
const REGEX_NEST_MAX: u32 = 50;

/// Adds everything in this module to `environment`.
pub(crate) fn register(environment: &mut Environment<'static>) {
    environment.add_filter("from_json", from_json);
    environment.add_filter("to_json", to_json);
    environment.add_filter("sha256", sha256);
    environment.add_filter("duration", duration);
    environment.add_filter("regex_match", regex_match);
    environment.add_filter("regex_replace", regex_replace);
    environment.add_filter("semver_match", semver_match);
    environment.add_filter("jq", jq);
    environment.add_filter("string", string);
    environment.add_function("range", range);
    environment.add_function("raw", |value: Value| value);
    for (names, comparison) in [
        (["eq", "equalto", "=="].as_slice(), Comparison::Equal),
        (&["ne", "!="], Comparison::Unequal),
        (&["lt", "lessthan", "<"], Comparison::Less),
        (&["le", "<="], Comparison::LessOrEqual),
        (&["gt", "greaterthan", ">"], Comparison::Greater),
        (&["ge", ">="], Comparison::GreaterOrEqual),
        (&["in"], Comparison::In),
    ] {
        for name in names {
            environment.add_test(*name, move |state: &State<'_, '_>, left: Value, right: Value| {
                operators::compared(state, comparison, &left, &right).map_err(Error::from)
            });
        }
    }
}

fn reason(text: impl Into<String>) -> Error {
    Failure::Reason(text.into()).into()
}

fn text<'v>(value: &'v Value, filter: &str) -> Result<&'v str, Error> {
    let wrong = || reason(format!("`{filter}` takes a string, not {}", convert::type_name(value)));
    value.as_str().ok_or_else(wrong)
}

/// Reads JSON. Integers beyond 64 bits become floats there, as JSON numbers in general do.
fn from_json(state: &State<'_, '_>, value: &Value) -> Result<Value, Error> {
    let text = text(value, "from_json")?;
    // Reading costs several times the copying that the bytes alone pay for.
    charge(state, text.len() * 4)?;
    let json: Json = serde_json::from_str(text).map_err(|error| reason(format!("not JSON: {error}")))?;
    Ok(convert::read(state, json, Depth::default())?)
}

/// Prints compact JSON; keys stand in the order in which they were made.
fn to_json(state: &State<'_, '_>, value: &Value) -> Result<Value, Error> {
    let text = convert::write(value, Depth::default())?.to_string();
    charge(state, text.len() * 4)?;
    Ok(Value::from(text))
}

/// Prints a value as it appears inside text.
fn string(state: &State<'_, '_>, value: &Value) -> Result<Value, Error> {
    Ok(Value::from(text_of(state, value)?))
}

/// Hashes the bytes of a text; 64 lower-case hexadecimal digits.
fn sha256(state: &State<'_, '_>, value: &Value) -> Result<String, Error> {
    let text = text(value, "sha256")?;
    charge(state, text.len() * 4)?;
    let digest = Sha256::digest(text.as_bytes());
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    Ok(digest.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect())
}

/// Reads a length of time such as `1h30m` as whole milliseconds.
fn duration(value: &Value) -> Result<u64, Error> {
    let length: Length = text(value, "duration")?.parse().map_err(|error| reason(format!("{error}")))?;
    Ok(length.0)
}

/// Answers whether a pattern matches somewhere in a text.
fn regex_match(state: &State<'_, '_>, value: &Value, pattern: &str) -> Result<bool, Error> {
    let text = text(value, "regex_match")?;
    let (regex, price) = compiled(state, text, pattern)?;
    charge(state, text.len().saturating_mul(price))?;
    Ok(regex.is_match(text))
}

/// Replaces each match; `$1` and `${name}` in the replacement stand for groups.
fn regex_replace(
    state: &State<'_, '_>,
    value: &Value,
    pattern: &str,
    replacement: &str,
) -> Result<String, Error> {
    let text = text(value, "regex_replace")?;
    let (regex, price) = compiled(state, text, pattern)?;
    charge(state, text.len().saturating_mul(price))?;
    let groups = replacement.bytes().filter(|byte| *byte == b'$').count();
    let (mut replaced, mut end) = (String::with_capacity(text.len()), 0);
    for captures in regex.captures_iter(text) {
        let Some(whole) = captures.get(0) else { continue };
        // A search may look at all that is left before it settles on a short match.
        charge(state, 64 + (text.len() - whole.start()).saturating_mul(price) / 32)?;
        replaced.push_str(&text[end..whole.start()]);
        let length = replacement.len().saturating_add(groups.saturating_mul(whole.len()));
        if replaced.len().saturating_add(length) > VALUE_BYTES_MAX {
            return Err(Failure::Limit(ResultLimit::Bytes).into());
        }
        captures.expand(replacement, &mut replaced);
        end = whole.end();
    }
    replaced.push_str(&text[end..]);
    Ok(replaced)
}

/// Answers whether a version meets a requirement of Cargo's syntax, such as `^1.2`.
fn semver_match(state: &State<'_, '_>, value: &Value, requirement: &str) -> Result<bool, Error> {
    let version = text(value, "semver_match")?;
    charge(state, (version.len() + requirement.len()) * 4)?;
    let requirement =
        VersionReq::parse(requirement).map_err(|error| reason(not_a("requirement", requirement, &error)))?;
    let version = Version::parse(version).map_err(|error| reason(not_a("version", version, &error)))?;
    Ok(requirement.matches(&version))
}

/// Says which of the two operands of `semver_match` cannot be read, and why.
pub(crate) fn not_a(what: &str, text: &str, error: &semver::Error) -> String {
    let cut = &text[..text.floor_char_boundary(QUOTED_BYTES_MAX)];
    let more = if cut.len() < text.len() { "…" } else { "" };
    format!("`{cut}{more}` is not a {what}: {error}")
}

/// Stands for the name alone: [`crate::syntax`] compiles the programs, [`crate::evaluate`] runs them.
fn jq(_: &Value) -> Result<Value, Error> {
    Err(reason("`jq` takes a program, a literal string"))
}

/// The flags of a regular expression in jq that change how large it is when compiled.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RegexFlags {
    pub(crate) ignore_case: bool,
    pub(crate) ignore_blanks: bool,
}

/// Returns how large `pattern` is when compiled, or why it is refused.
pub(crate) fn size_of_pattern(pattern: &str, flags: RegexFlags) -> Result<usize, String> {
    let mut refused = String::new();
    for size in REGEX_SIZES {
        let mut builder = RegexBuilder::new(pattern);
        builder.case_insensitive(flags.ignore_case).ignore_whitespace(flags.ignore_blanks);
        match builder.size_limit(size).nest_limit(REGEX_NEST_MAX).build() {
            Ok(_) => return Ok(size),
            Err(error) => refused = error.to_string(),
        }
    }
    Err(format!("the pattern `{pattern}` is refused: {refused}"))
}

/// Compiles `pattern`, and returns how many bytes one byte of text costs.
fn compiled(state: &State<'_, '_>, text: &str, pattern: &str) -> Result<(Regex, usize), Error> {
    if text.len() > REGEX_TEXT_MAX {
        return Err(reason(format!("a text of more than {REGEX_TEXT_MAX} bytes is not matched")));
    }
    let mut refused = String::new();
    for size in REGEX_SIZES {
        charge(state, size / 4)?;
        match RegexBuilder::new(pattern).size_limit(size).nest_limit(REGEX_NEST_MAX).build() {
            Ok(regex) => return Ok((regex, size / 512)),
            Err(error) => refused = error.to_string(),
        }
    }
    Err(reason(format!("the pattern `{pattern}` is refused: {refused}")))
}

/// Lists the integers from `lower` up to but without `upper`.
fn range(lower: i64, upper: Option<i64>, step: Option<i64>) -> Result<Value, Error> {
    let (first, end) = upper.map_or((0, lower), |upper| (lower, upper));
    let step = step.unwrap_or(1);
    let distance =
        if step > 0 { i128::from(end) - i128::from(first) } else { i128::from(first) - i128::from(end) };
    let pace = i128::from(step.unsigned_abs());
    if pace == 0 {
        return Err(reason("the step of a range is not 0"));
    }
    let count = u64::try_from((distance + pace - 1).max(0) / pace).unwrap_or(u64::MAX);
    if count > RANGE_MAX {
        return Err(reason(format!("a range has at most {RANGE_MAX} members, this one has {count}")));
    }
    let members = (0..count).map(|place| i128::from(first) + i128::from(place) * i128::from(step));
    // Every member lies between two bounds of 64 bits.
    Ok(members.filter_map(|member| i64::try_from(member).ok()).map(Value::from).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_lists_of_integers_within_bounds() {
        let list = |lower, upper, step| range(lower, upper, step).map(|value| value.to_string());
        assert_eq!(list(3, None, None).unwrap(), "[0, 1, 2]");
        assert_eq!(list(3, Some(0), Some(-2)).unwrap(), "[3, 1]");
        assert_eq!(list(0, Some(i64::MIN), Some(i64::MIN)).unwrap(), "[0]");
        assert!(list(0, Some(i64::MAX), None).is_err() && list(0, Some(1), Some(0)).is_err());
    }
}
