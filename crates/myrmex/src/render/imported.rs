//! The report of an import: what was read, what was written, what did not translate.

use std::collections::{BTreeMap, BTreeSet};

use myrmex_lang::Source;
use myrmex_lang::import::{Format, Imported};
use myrmex_model::diagnostic::Severity;
use serde_json::{Value, json};

use super::diagnostics::{Places, one};

/// What became of a file that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was not there before.
    New,
    /// It took the place of the one that an earlier import wrote.
    Replaced,
    /// It was there already, as it is now.
    Unchanged,
    /// Somebody changed or wrote the one that is there, which was left alone.
    Kept,
    /// It could not be written.
    Failed,
    /// Nothing was to be written.
    Unwritten,
}

/// A file that was made, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Its path.
    pub path: String,
    /// What became of it.
    pub outcome: Outcome,
}

impl Outcome {
    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Replaced => "replaced",
            Self::Unchanged => "unchanged",
            Self::Kept => "kept",
            Self::Failed => "failed",
            Self::Unwritten => "unwritten",
        }
    }
}

/// Writes the report for people.
pub fn text(format: Format, imported: &Imported, written: &[Written], sources: &[Source]) -> String {
    let mut out = String::new();
    let mut line = |text: String| {
        out.push_str(&visible(&text));
        out.push('\n');
    };
    let places = places(imported, sources);
    for note in &imported.notes {
        let at = match places.get(&*note.span.file) {
            Some(places) => {
                let (row, column) = places.of(note.span.start);
                format!("{}:{row}:{column}", note.span.file)
            }
            None => note.span.file.to_string(),
        };
        line(format!("{at}: {}[{}]: {}", note.severity.as_str(), note.code, note.message));
        if let Some(hint) = &note.hint {
            line(format!("  hint: {hint}"));
        }
    }
    for (severity, number) in &imported.more {
        line(format!("and {number} more of severity `{}`", severity.as_str()));
    }
    if !imported.notes.is_empty() {
        line(String::new());
    }
    let manner = imported.manner.as_ref().map(|manner| format!(" ({manner})")).unwrap_or_default();
    line(format!("Imported from {}{manner}:", format.as_str()));
    for count in &imported.counts {
        line(counted(count.number, count.what));
    }
    for (what, severity) in
        [("errors", Severity::Error), ("warnings", Severity::Warning), ("notes", Severity::Note)]
    {
        line(counted(number(imported, severity), what));
    }
    if !written.is_empty() {
        line("Files:".to_owned());
    }
    for file in written {
        line(format!("  {:<9} {}", file.outcome.as_str(), file.path));
    }
    out
}

/// Builds the report for programs.
pub fn json(format: Format, imported: &Imported, written: &[Written], sources: &[Source]) -> Value {
    let (unknown, known) = (Places::default(), places(imported, sources));
    let notes = imported.notes.iter().map(|note| one(known.get(&*note.span.file).unwrap_or(&unknown), note));
    let counts: serde_json::Map<String, Value> = imported
        .counts
        .iter()
        .map(|count| (count.what.replace([' ', '-'], "_"), count.number.into()))
        .collect();
    let files = written.iter().map(|file| json!({"path": file.path, "outcome": file.outcome.as_str()}));
    json!({
        "from": format.as_str(),
        "manner": imported.manner,
        "read": counts,
        "errors": number(imported, Severity::Error),
        "warnings": number(imported, Severity::Warning),
        "not_listed": imported.more.values().sum::<usize>(),
        "files": files.collect::<Vec<_>>(),
        "notes": notes.collect::<Vec<_>>(),
    })
}

/// Returns the places of each file that a note is about, if it was read and is not empty.
fn places<'s>(imported: &Imported, sources: &'s [Source]) -> BTreeMap<&'s str, Places<'s>> {
    let named: BTreeSet<&str> = imported.notes.iter().map(|note| &*note.span.file).collect();
    let sources = sources.iter().filter(|source| named.contains(&*source.name) && !source.text.is_empty());
    sources.map(|source| (&*source.name, Places::new(&source.text))).collect()
}

/// Writes out what would move the cursor, change colours or turn the text around: names of files and steps are anybody's.
fn visible(text: &str) -> String {
    let is_hidden =
        |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if is_hidden(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Writes a number of things, which are named in plural.
fn counted(number: usize, what: &str) -> String {
    let what = if number == 1 { what.strip_suffix('s').unwrap_or(what) } else { what };
    format!("{number:>7} {what}")
}

fn number(imported: &Imported, severity: Severity) -> usize {
    let kept = imported.notes.iter().filter(|note| note.severity == severity).count();
    kept + imported.more.get(&severity).copied().unwrap_or_default()
}
