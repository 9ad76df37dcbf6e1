//! Diagnostics as SARIF 2.1.0, which code scanners and editors read.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use myrmex_model::diagnostic::{Severity, Span};
use serde_json::{Value, json};

use super::place;
use crate::commands::{CheckedFile, explain};

/// Builds the log of one run of `check`. Its rules are those that found something, each with its page.
pub fn sarif(checked: &[CheckedFile]) -> Value {
    let found = || checked.iter().flat_map(|file| file.diagnostics.iter().map(move |found| (file, found)));
    let codes: BTreeSet<&str> = found().map(|(_, found)| found.code.0).collect();
    let rules: Vec<Value> = codes.iter().map(|code| rule(code)).collect();
    let results: Vec<Value> = found()
        .map(|(file, found)| {
            let message = match &found.hint {
                Some(hint) => format!("{}\nhint: {hint}", found.message),
                None => found.message.clone(),
            };
            let mut result = json!({
                "ruleId": found.code.0,
                "ruleIndex": codes.iter().position(|code| *code == found.code.0),
                "level": level(found.severity),
                "message": {"text": message},
                "locations": [{"physicalLocation": physical(file, &found.span)}],
            });
            if !found.label.is_empty() {
                result["locations"][0]["message"] = json!({"text": found.label});
            }
            if !found.related.is_empty() {
                let related = found.related.iter().map(|(span, label)| {
                    json!({"physicalLocation": physical(file, span), "message": {"text": label}})
                });
                result["relatedLocations"] = related.collect();
            }
            result
        })
        .collect();
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

fn physical(file: &CheckedFile, span: &Span) -> Value {
    let mut physical = json!({"artifactLocation": {"uri": uri(&span.file)}});
    // A file that could not be read has no regions.
    if !file.source.text.is_empty() {
        let (line, column) = place(&file.source.text, span.start);
        let (end_line, end_column) = place(&file.source.text, span.end);
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
