//! Reading what a task wrote to the file that `MYRMEX_OUTPUT` names.

use std::borrow::Cow;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use myrmex_model::fault::{Fault, FaultKind};
use myrmex_model::value::{VALUE_BYTES_MAX, Value};

use super::Produced;
use crate::evaluate::checked_depth;
use crate::secrets::{MASK, Masks};

/// The most letters of a wrong line that its error shows.
const SHOWN_MAX: usize = 80;

/// Reads and removes the output file; nothing if the task did not make it. Secrets are masked before it is taken apart: a
/// part of one is found by no mask any more.
///
/// # Errors
///
/// Returns the task's error if the file is too large or is neither a JSON object nor lines `name=value`. What it quotes is
/// masked.
pub(super) fn take(path: &Path, masks: Option<&Arc<Masks>>) -> Result<Option<Produced>, Fault> {
    let file = match open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) if error.raw_os_error() == Some(libc::ELOOP) => {
            remove(path);
            return Err(Fault::new(
                FaultKind::Validation,
                "the output is a symbolic link, which is not followed",
            ));
        }
        Err(error) => return Err(unreadable(&error)),
    };
    let is_regular = file.metadata().is_ok_and(|metadata| metadata.is_file());
    if !is_regular {
        remove(path);
        return Err(Fault::new(FaultKind::Validation, "the output is not a regular file"));
    }
    let mut bytes = Vec::new();
    let read = file.take(VALUE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes);
    remove(path);
    read.map_err(|error| unreadable(&error))?;
    if bytes.len() > VALUE_BYTES_MAX {
        let title = format!("the output is larger than {} KiB", VALUE_BYTES_MAX >> 10);
        return Err(
            Fault::new(FaultKind::DataLimit, title).with_detail("write large data to a file of its own")
        );
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| Fault::new(FaultKind::Validation, "the output file is not UTF-8 text"))?;
    match masks {
        Some(masks) => parse(&masked(&text, masks)).map(Some),
        None => parse(&text).map(Some),
    }
}

/// Opens the output file if it is larger than a value may be: it is kept as a file then, and nobody reads it as JSON.
pub(super) fn open_large(path: &Path) -> Option<File> {
    let file = open(path).ok()?;
    let metadata = file.metadata().ok()?;
    (metadata.is_file() && metadata.len() > VALUE_BYTES_MAX as u64).then_some(file)
}

/// Opens an output file. A pipe or a device in its place must not hold up the worker, and a link must not lead elsewhere.
fn open(path: &Path) -> std::io::Result<File> {
    File::options().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOFOLLOW).open(path)
}

/// Removes the output file of an attempt, if there is one.
pub(super) fn remove(path: &Path) {
    // The file is the attempt's own; if it cannot be removed it is in nobody's way.
    drop(std::fs::remove_file(path));
}

fn unreadable(error: &std::io::Error) -> Fault {
    Fault::new(FaultKind::Runtime, "the output file cannot be read").with_detail(error.to_string())
}

/// Masks the text of an output file. In JSON what holds a secret outside of all texts, such as a number, becomes a text.
fn masked<'t>(text: &'t str, masks: &Arc<Masks>) -> Cow<'t, str> {
    match masks.text(text) {
        Cow::Owned(masked) if masked.trim_start().starts_with('{') => Cow::Owned(with_texts(&masked)),
        masked => masked,
    }
}

/// Puts quotes around the words of a JSON text, outside of its own texts, that hold the mask.
fn with_texts(masked: &str) -> String {
    let mut out = String::with_capacity(masked.len() + 8);
    let mut word = String::new();
    let (mut is_text, mut is_escaped) = (false, false);
    for letter in masked.chars() {
        let is_between = matches!(letter, '{' | '}' | '[' | ']' | ',' | ':' | '"') || letter.is_whitespace();
        if is_text || !is_between {
            (if is_text { &mut out } else { &mut word }).push(letter);
            is_text &= letter != '"' || is_escaped;
            is_escaped = letter == '\\' && !is_escaped;
            continue;
        }
        push_word(&mut out, &mut word);
        out.push(letter);
        is_text = letter == '"';
        is_escaped = false;
    }
    push_word(&mut out, &mut word);
    out
}

fn push_word(out: &mut String, word: &mut String) {
    let word = std::mem::take(word);
    if word.contains(MASK) {
        out.extend(["\"", MASK, "\""]);
    } else {
        out.push_str(&word);
    }
}

/// Reads a JSON object, or lines `name=value`; empty lines are passed over, and of several lines with a name the last counts.
fn parse(text: &str) -> Result<Produced, Fault> {
    if text.trim_start().starts_with('{') {
        let value: Value = serde_json::from_str(text).map_err(|error| {
            Fault::new(FaultKind::Validation, "the output file is not valid JSON")
                .with_detail(error.to_string())
        })?;
        return match checked_depth(value)? {
            Value::Object(fields) => Ok(Produced::Object(fields)),
            _ => Err(Fault::new(FaultKind::Validation, "the output file holds no JSON object")),
        };
    }
    if serde_json::from_str::<Value>(text).is_ok_and(|value| value.is_array()) {
        let title = "the output file holds a JSON array; outputs are a JSON object or lines `name=value`";
        return Err(Fault::new(FaultKind::Validation, title));
    }
    let mut fields = serde_json::Map::new();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let Some((name, value)) = line.split_once('=').filter(|(name, _)| !name.trim().is_empty()) else {
            let title = format!("line {number} of the output file is not `name=value`");
            let shown: String = line.chars().take(SHOWN_MAX).collect();
            return Err(Fault::new(FaultKind::Validation, title).with_detail(format!("it is `{shown}`")));
        };
        let name = name.trim();
        if !is_name(name) {
            let shown: String = name.chars().take(SHOWN_MAX).collect();
            let title = format!("line {number} of the output file: `{shown}` is not a name");
            let detail = "a name is a letter or `_`, then letters, digits, `_` and `-`; other keys can be written as JSON";
            return Err(Fault::new(FaultKind::Validation, title).with_detail(detail));
        }
        fields.insert(name.to_owned(), Value::String(value.to_owned()));
    }
    Ok(Produced::Lines(fields))
}

/// Whether a text has the form of a name. Words that cannot name a task may name an output.
fn is_name(text: &str) -> bool {
    let is_first = |first: char| first.is_ascii_alphabetic() || first == '_';
    let is_part = |part: char| part.is_ascii_alphanumeric() || matches!(part, '_' | '-');
    text.starts_with(is_first) && text.chars().all(is_part)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::secrets::Secret;

    fn object(value: &Value) -> serde_json::Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_json_object_keeps_its_types() {
        let read = parse(" {\"a\": 1, \"b\": [true]}\n").unwrap();
        assert_eq!(read, Produced::Object(object(&json!({"a": 1, "b": [true]}))));
        assert!(parse("{\"a\": ").is_err());
    }

    #[test]
    fn lines_are_names_and_texts() {
        let read = parse("a=1\n\nb = x=y \n").unwrap();
        assert_eq!(read, Produced::Lines(object(&json!({"a": "1", "b": " x=y "}))));
        assert_eq!(parse("a=1\na=2\n").unwrap(), Produced::Lines(object(&json!({"a": "2"}))));
        let spaced = parse("\na b=1\n").unwrap_err();
        assert_eq!(spaced.title, "line 2 of the output file: `a b` is not a name");
        let wrong = parse("a=1\noops").unwrap_err();
        assert_eq!(wrong.title, "line 2 of the output file is not `name=value`");
        assert_eq!(wrong.detail.as_deref(), Some("it is `oops`"));
        let array = parse("[1, 2]\n").unwrap_err();
        assert_eq!(
            array.title,
            "the output file holds a JSON array; outputs are a JSON object or lines `name=value`"
        );
    }

    #[test]
    fn a_file_that_was_not_made_is_no_output() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(take(&folder.path().join("none"), None), Ok(None));
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert_eq!(take(&pipe, None).unwrap_err().title, "the output is not a regular file");
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/etc/hostname", &link).unwrap();
        assert_eq!(
            take(&link, None).unwrap_err().title,
            "the output is a symbolic link, which is not followed"
        );
        let made = folder.path().join("made");
        std::fs::write(&made, "a=1").unwrap();
        assert!(matches!(take(&made, None), Ok(Some(Produced::Lines(_)))));
        assert!(!made.exists());
    }

    #[test]
    fn secrets_are_masked_before_the_file_is_taken_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("output");
        let taken = |secret: &str, text: &str| {
            std::fs::write(&path, text).unwrap();
            let masks = Arc::new(Masks::new(vec![Secret::new(secret.as_bytes().to_vec())]));
            take(&path, Some(&masks)).map_err(|fault| fault.detail.unwrap_or(fault.title))
        };
        let long = "s3cret-".repeat(20);
        assert_eq!(taken(&long, &long), Err("it is `***`".to_owned()));
        // A line is cut at its first `=`, which is in the secret.
        assert_eq!(taken("YWJjZGVmZw==", "YWJjZGVmZw==\n"), Err("it is `***`".to_owned()));
        let lines = object(&json!({"a": "***", "b": "x"}));
        assert_eq!(taken("one\ntwo=2", "a=one\ntwo=2\nb=x\n"), Ok(Some(Produced::Lines(lines))));
        let fields = object(&json!({"a\\": "x***\"", "n": ["***", 1, "***"], "***": null}));
        let text = r#"{"a\\": "x12345678\"", "n":[12345678,1,-12345678.5] , "12345678": null}"#;
        assert_eq!(taken("12345678", text), Ok(Some(Produced::Object(fields))));
        let fields = object(&json!({"a": "***"}));
        assert_eq!(taken("p\"w", r#"{"a": "p\"w"}"#), Ok(Some(Produced::Object(fields))));
        let whole = r#"{"user": "me", "key": "hunter2"}"#;
        assert_eq!(taken(whole, whole), Err("it is `***`".to_owned()));
    }
}
