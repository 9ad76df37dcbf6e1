//! How single values are written: bare, in single quotes, or in double quotes.

use std::fmt::Write as _;

use crate::report::Report;
use crate::tree::{Key, Meaning, Place, Scalar, plain_meaning};

/// Where a value stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Around {
    /// Lines.
    Block,
    /// Braces or brackets, in which more characters have a meaning.
    Flow,
}

/// Writes a single value on one line. Nothing at all stands for an absent value after a key.
pub(super) fn value(scalar: &Scalar, around: Around) -> String {
    match &scalar.meaning {
        Meaning::Null if scalar.text.is_empty() && around == Around::Block => String::new(),
        Meaning::Null => "null".to_owned(),
        Meaning::Boolean(flag) => flag.to_string(),
        // As it was written: `1.0` may tell people something that `1` does not.
        Meaning::Number(_) => scalar.text.clone(),
        Meaning::Text => {
            let is_bare = is_safe_bare(&scalar.text, around) && is_text(&scalar.text);
            if is_bare { scalar.text.clone() } else { quoted(&scalar.text) }
        }
    }
}

/// Writes a key. It is text in any case, so only quotes that its author found necessary stay around a word that some
/// readers take for something else.
pub(super) fn key(key: &Key, source: &str, around: Around) -> String {
    let was_bare = !source[key.place.start..key.place.end].starts_with(['"', '\'']);
    let is_bare = is_safe_bare(&key.text, around) && (was_bare || is_text(&key.text));
    if is_bare { key.text.clone() } else { quoted(&key.text) }
}

/// Returns whether bare `text` means text to every reader.
fn is_text(text: &str) -> bool {
    plain_meaning(text, Place::default(), &mut Report::new(&"".into())) == Some(Meaning::Text)
}

/// Returns whether bare `text` is read as one scalar with this text.
fn is_safe_bare(text: &str, around: Around) -> bool {
    let Some(first) = text.chars().next() else { return false };
    let is_visible = |c: char| c == ' ' || !c.is_whitespace() && !is_special(c);
    let begins_well = match first {
        '-' => text[1..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_'),
        _ => !" ?:,[]{}#&*!|>'\"%@`".contains(first),
    };
    let is_mark = text == "---" || text.starts_with("--- ") || text == "..." || text.starts_with("... ");
    let is_safe_here = match around {
        Around::Block => true,
        Around::Flow => {
            !text.contains([',', '[', ']', '{', '}']) && !text.contains(":\"") && !text.contains(":'")
        }
    };
    begins_well
        && !is_mark
        && is_safe_here
        && text.chars().all(is_visible)
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
}

/// Returns whether a character is not seen, or not allowed, in YAML text.
fn is_special(c: char) -> bool {
    c.is_control() || matches!(c, '\u{feff}' | '\u{2028}' | '\u{2029}' | '\u{fffe}' | '\u{ffff}')
}

/// Returns whether a text survives being broken at its blanks.
pub(super) fn can_fold(text: &str) -> bool {
    let is_visible = |c: char| c == ' ' || !c.is_whitespace() && !is_special(c);
    text.chars().all(is_visible) && text.split(' ').all(|word| !word.is_empty())
}

/// Breaks a text at its blanks into lines of at most `width` characters, where words are not longer.
pub(super) fn folded(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        let fits = |line: &&mut String| line.chars().count() + 1 + word.chars().count() <= width;
        match lines.last_mut().filter(fits) {
            Some(line) => {
                line.push(' ');
                line.push_str(word);
            }
            None => lines.push(word.to_owned()),
        }
    }
    lines
}

fn quoted(text: &str) -> String {
    if !text.chars().any(is_special) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if is_special(c) => {
                write!(out, "\\u{:04x}", u32::from(c)).expect("writing to a text cannot fail");
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
