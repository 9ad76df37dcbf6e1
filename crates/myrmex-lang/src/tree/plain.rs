//! What a bare scalar means: the core schema of YAML 1.2, without what older readers take for something else.

use serde_json::Number;

use super::{Meaning, Place};
use crate::codes;
use crate::report::Report;

/// Returns what `text` means; reports it and returns nothing if readers differ about it.
pub(crate) fn meaning(text: &str, place: Place, report: &mut Report) -> Option<Meaning> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Some(Meaning::Null),
        "true" | "True" | "TRUE" => return Some(Meaning::Boolean(true)),
        "false" | "False" | "FALSE" => return Some(Meaning::Boolean(false)),
        _ => {}
    }
    if let Some(flag) = old_boolean(text) {
        let message = format!("bare `{text}` is text to some readers and a boolean to others");
        let hint = format!("write `{flag}`, or put quotes around the text");
        report.refuse_hint(codes::WORD_AMBIGUOUS, place, message, hint);
        return None;
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return Some(Meaning::Text);
    }
    if let Some(what) = look_alike(unsigned) {
        let hint = "write a decimal number, or put quotes around the text";
        report.refuse_hint(codes::NUMBER_AMBIGUOUS, place, format!("bare `{text}` is {what}"), hint);
        return None;
    }
    if unsigned.bytes().all(|b| b.is_ascii_digit()) {
        let digits = text.strip_prefix('+').unwrap_or(text);
        let number =
            digits.parse::<i64>().map(Number::from).or_else(|_| digits.parse::<u64>().map(Number::from));
        if number.is_err() {
            let hint = "put quotes around it if it is text";
            let message = format!("the integer `{text}` does not fit 64 bits");
            report.refuse_hint(codes::NUMBER_RANGE, place, message, hint);
        }
        return number.ok().map(Meaning::Number);
    }
    if is_float(unsigned) {
        let number = text.parse::<f64>().ok().and_then(Number::from_f64);
        if number.is_none() {
            report.refuse(codes::NUMBER_RANGE, place, format!("the number `{text}` is too large"));
        }
        return number.map(Meaning::Number);
    }
    Some(Meaning::Text)
}

/// Returns what YAML 1.1 takes a word of YAML 1.2 for.
fn old_boolean(text: &str) -> Option<bool> {
    match text {
        "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

/// Returns what a text is, if some reader takes it for a number and another for something else.
fn look_alike(text: &str) -> Option<&'static str> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if text.eq_ignore_ascii_case(".inf") || text.eq_ignore_ascii_case(".nan") {
        return Some("not a number that JSON knows");
    }
    if text.len() > 1 && text.starts_with('0') && digits(text) {
        return Some("octal to some readers and decimal to others");
    }
    let based = |prefix: &str, is_digit: fn(char) -> bool| {
        text.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty() && rest.chars().all(is_digit))
    };
    if based("0x", |c| c.is_ascii_hexdigit() || c == '_')
        || based("0o", |c| c.is_digit(8) || c == '_')
        || based("0b", |c| c.is_digit(2) || c == '_')
    {
        return Some("a number in another base to some readers and text to others");
    }
    let mut parts = text.split(':');
    let first = parts.next().unwrap_or("");
    let is_sixty = |part: &str| {
        digits(part) && (part.len() == 1 || part.len() == 2 && part.starts_with(|c| matches!(c, '0'..='5')))
    };
    if text.contains(':') && digits(first) && parts.all(is_sixty) {
        return Some("a number in base 60 to some readers and text to others");
    }
    if text.contains('_') && digits(&text.replace('_', "")) {
        return Some("a number to some readers and text to others");
    }
    None
}

/// Returns whether an unsigned text is a float of the core schema: `1.5`, `.5`, `1.`, `1e3`.
fn is_float(text: &str) -> bool {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let exponent_is_good = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    });
    digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty()) && exponent_is_good
}
