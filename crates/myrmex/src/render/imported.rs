//! The report of an import: what was read, what was written, what did not translate.

use myrmex_lang::Source;
use myrmex_lang::import::{Format, Imported};
use myrmex_model::diagnostic::Severity;
use serde_json::{Value, json};

use super::diagnostics::{one, place};

/// What became of a file that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was not there before.
    New,
    /// It took the place of the one that an earlier import wrote.
    Replaced,
    /// It was there already, as it is now.
    Unchanged,
    /// Somebody changed the one that is there, which was left alone.
    Kept,
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
            Self::Unwritten => "unwritten",
        }
    }
}

/// Writes the report for people.
pub fn text(format: Format, imported: &Imported, written: &[Written], sources: &[Source]) -> String {
    let mut out = String::new();
    let mut line = |text: String| {
        out.push_str(&text);
        out.push('\n');
    };
    for note in &imported.notes {
        let text =
            sources.iter().find(|source| source.name == note.span.file).map_or("", |source| &source.text);
        let (row, column) = place(text, note.span.start);
        let at = if text.is_empty() {
            note.span.file.to_string()
        } else {
            format!("{}:{row}:{column}", note.span.file)
        };
        line(format!("{at}: {}[{}]: {}", note.severity.as_str(), note.code, note.message));
        if let Some(hint) = &note.hint {
            line(format!("  hint: {hint}"));
        }
    }
    if !imported.notes.is_empty() {
        line(String::new());
    }
    line(format!("Imported from {}:", format.as_str()));
    for count in &imported.counts {
        line(format!("{:>7} {}", count.number, count.what));
    }
    for (what, severity) in
        [("errors", Severity::Error), ("warnings", Severity::Warning), ("notes", Severity::Note)]
    {
        line(format!("{:>7} {what}", number(imported, severity)));
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
    let unknown = Source::new("", "");
    let notes = imported.notes.iter().map(|note| {
        let source = sources.iter().find(|source| source.name == note.span.file);
        one(source.unwrap_or(&unknown), note)
    });
    let counts: serde_json::Map<String, Value> = imported
        .counts
        .iter()
        .map(|count| (count.what.replace([' ', '-'], "_"), count.number.into()))
        .collect();
    let files = written.iter().map(|file| json!({"path": file.path, "outcome": file.outcome.as_str()}));
    json!({
        "from": format.as_str(),
        "read": counts,
        "errors": number(imported, Severity::Error),
        "warnings": number(imported, Severity::Warning),
        "files": files.collect::<Vec<_>>(),
        "notes": notes.collect::<Vec<_>>(),
    })
}

fn number(imported: &Imported, severity: Severity) -> usize {
    imported.notes.iter().filter(|note| note.severity == severity).count()
}
