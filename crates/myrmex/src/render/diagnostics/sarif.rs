//! Diagnostics as SARIF 2.1.0, which code scanners and editors read.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use myrmex_model::diagnostic::{Diagnostic, Severity, Span};
use serde_json::{Value, json};

use super::Places;
use crate::commands::{CheckedFile, explain};

/// Builds the log of one run of `check`. Its rules are those that found something, each with its page.
pub fn sarif(checked: &[CheckedFile]) -> Value {
    let codes: BTreeSet<&str> =
        checked.iter().flat_map(|file| &file.diagnostics).map(|found| found.code.0).collect();
    let rules: Vec<Value> = codes.iter().map(|code| rule(code)).collect();
    let mut results = Vec::new();
    for file in checked {
        let places = Places::new(&file.source.text);
        results.extend(file.diagnostics.iter().map(|found| {
            let index = codes.iter().position(|code| *code == found.code.0);
            result(file, &places, found, index)
        }));
    }
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "myrmex", "semanticVersion": env!("CARGO_PKG_VERSION"), "rules": rules}},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

/// Builds what was found at one place; its rule stands at `index`.
fn result(file: &CheckedFile, places: &Places<'_>, found: &Diagnostic, index: Option<usize>) -> Value {
    let physical = |span: &Span| physical(file, places, span);
    let message = match &found.hint {
        Some(hint) => format!("{}\nhint: {hint}", found.message),
        None => found.message.clone(),
    };
    let mut result = json!({
        "ruleId": found.code.0,
        "ruleIndex": index,
        "level": level(found.severity),
        "message": {"text": message},
        "locations": [{"physicalLocation": physical(&found.span)}],
    });
    if !found.label.is_empty() {
        result["locations"][0]["message"] = json!({"text": found.label});
    }
    if !found.related.is_empty() {
        let related = found
            .related
            .iter()
            .map(|(span, label)| json!({"physicalLocation": physical(span), "message": {"text": label}}));
        result["relatedLocations"] = related.collect();
    }
    result
}

fn rule(code: &str) -> Value {
    let mut rule = json!({ "id": code });
    if let Some(page) = explain::page(code) {
        rule["shortDescription"] = json!({"text": page.title});
        rule["help"] = json!({"text": page.text, "markdown": page.text});
    }
    rule
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

fn physical(file: &CheckedFile, places: &Places<'_>, span: &Span) -> Value {
    let mut physical = json!({"artifactLocation": {"uri": uri(&span.file)}});
    // A file that could not be read has no regions.
    if !file.source.text.is_empty() {
        let (line, column) = places.of(span.start);
        let (end_line, end_column) = places.of(span.end);
        physical["region"] =
            json!({"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column});
    }
    physical
}

/// Makes a reference of a path: absolute ones become `file:` addresses, relative ones stay relative.
fn uri(path: &str) -> String {
    let mut out = String::from(if path.starts_with('/') { "file://" } else { "" });
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("writing to a text cannot fail");
        }
    }
    out
}
