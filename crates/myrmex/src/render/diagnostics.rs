//! Diagnostics: as text with the source around them, as JSON, and in the forms that other tools read.

mod github;
mod places;
mod sarif;

use std::collections::BTreeMap;
use std::io::Write;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use myrmex_lang::Source;
use myrmex_model::diagnostic::{Code, Diagnostic, Severity, Span};
use serde_json::{Value, json};

use crate::commands::CheckedFile;

pub use github::github;
pub use places::Places;
pub use sarif::sarif;

/// The most problems of one code that people are shown of one file: whoever has more of them mends one and looks again, and
/// must not lose sight of the others.
const ALIKE_MAX: usize = 20;

/// Prints the diagnostics of one file to standard error, in colour if that is a terminal; of many with one code the first
/// ones, and how many there are beside them.
pub fn print(source: &Source, diagnostics: &[Diagnostic]) {
    let mut out = anstream::stderr();
    let mut counts: BTreeMap<Code, usize> = BTreeMap::new();
    for diagnostic in diagnostics {
        let count = counts.entry(diagnostic.code).or_default();
        *count += 1;
        if *count <= ALIKE_MAX {
            // If standard error is closed the exit code still tells.
            drop(writeln!(out, "{}\n", text(source, diagnostic, &Renderer::styled())));
        }
    }
    for (code, count) in counts.into_iter().filter(|(_, count)| *count > ALIKE_MAX) {
        let (more, name) = (count - ALIKE_MAX, &source.name);
        drop(writeln!(
            out,
            "and {more} more of {code} in `{name}` (`myrmex check --format json` shows all)\n"
        ));
    }
}

/// Shows one diagnostic with the source around it.
pub fn text(source: &Source, diagnostic: &Diagnostic, renderer: &Renderer) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let clip = |start: usize, end: usize| {
        let end = end.min(source.text.len());
        start.min(end)..end
    };
    let mut snippet = Snippet::source(source.text.as_ref()).path(source.name.as_ref()).annotation(
        AnnotationKind::Primary
            .span(clip(diagnostic.span.start, diagnostic.span.end))
            .label(diagnostic.label.as_str()),
    );
    for (span, label) in diagnostic.related.iter().filter(|(span, _)| span.file == diagnostic.span.file) {
        let note = AnnotationKind::Context.span(clip(span.start, span.end)).label(label.as_str());
        snippet = snippet.annotation(note);
    }
    let title = level.primary_title(diagnostic.message.as_str()).id(diagnostic.code.0);
    let group: Group<'_> = if source.text.is_empty() {
        title.element(annotate_snippets::Origin::path(source.name.as_ref()))
    } else {
        title.element(snippet)
    };
    let mut shown = renderer.render(&[group]);
    if let Some(hint) = &diagnostic.hint {
        shown.push_str("\nhint: ");
        shown.push_str(hint);
    }
    shown
}

/// Builds the JSON document of the contract: places count from 1, columns in characters. Beside what the contract names, a
/// problem has the `label` that people see under its place, and `related`: the other places that belong to it.
pub fn json(checked: &[CheckedFile]) -> Value {
    let mut all = Vec::new();
    for file in checked {
        let places = Places::new(&file.source.text);
        all.extend(file.diagnostics.iter().map(|diagnostic| one(&places, diagnostic)));
    }
    json!({ "diagnostics": all })
}

/// Builds the part of the document for one problem of the file that `places` are of.
pub fn one(places: &Places<'_>, diagnostic: &Diagnostic) -> Value {
    let mut shown = json!({
        "code": diagnostic.code.0,
        "severity": diagnostic.severity.as_str(),
        "message": diagnostic.message,
    });
    put_place(&mut shown, places, &diagnostic.span);
    shown["hint"] = json!(diagnostic.hint);
    let label = Some(diagnostic.label.as_str()).filter(|label| !label.is_empty());
    shown["label"] = json!(label);
    let related = diagnostic.related.iter().map(|(span, label)| {
        let mut shown = json!({ "label": label });
        put_place(&mut shown, places, span);
        shown
    });
    shown["related"] = related.collect();
    shown
}

fn put_place(shown: &mut Value, places: &Places<'_>, span: &Span) {
    let ((line, column), (end_line, end_column)) = (places.of(span.start), places.of(span.end));
    shown["file"] = json!(span.file.as_ref());
    for (field, number) in
        [("line", line), ("column", column), ("end_line", end_line), ("end_column", end_column)]
    {
        shown[field] = json!(number);
    }
}
