//! What `check` says about files, by code, place and message; and what it makes of those that are right.

#![expect(clippy::format_collect, clippy::format_push_string, reason = "texts of tests are small")]

mod blocks;
mod cache;
mod calls;
mod closed;
mod definition;
mod demands;
mod expressions;
mod files;
mod graph;
mod handlers;
mod hints;
mod limits;
mod newcomers;
mod nodes;
mod order;
mod outputs;
mod people;
mod planning;
mod pools;
mod project;
mod readback;
mod readings;
mod secrets;
mod slips;
mod structure;
mod syntax;
mod values;

use std::fmt::Write as _;

use myrmex_lang::{Source, check as check_source, codes};
use myrmex_model::diagnostic::{Diagnostic, Severity, Span};
use myrmex_model::ir::Definition;

/// Describes problems of a file: a line for each, with code, line:column, message, and what belongs to it.
pub(crate) fn describe(text: &str, diagnostics: &[Diagnostic]) -> String {
    let place = |span: &Span| {
        let before = &text[..span.start];
        let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count());
        format!("{}:{}", before.matches('\n').count() + 1, column + 1)
    };
    let mut out = String::new();
    for diagnostic in diagnostics {
        let _ = writeln!(out, "{} {} {}", diagnostic.code, place(&diagnostic.span), diagnostic.message);
        if !diagnostic.label.is_empty() {
            let _ = writeln!(out, "  {}", diagnostic.label);
        }
        for (span, label) in &diagnostic.related {
            let _ = writeln!(out, "  {} {label}", place(span));
        }
        if let Some(hint) = &diagnostic.hint {
            let _ = writeln!(out, "  hint: {hint}");
        }
    }
    out
}

/// Returns what is wrong with `text`. The smallest example has no limit of time; that is left out.
pub(crate) fn problems(text: &str) -> String {
    let mut checked = check_source(&Source::new("test.yaml", text));
    checked.diagnostics.retain(|diagnostic| diagnostic.code != codes::TIMEOUT_MISSING);
    let out = describe(text, &checked.diagnostics);
    let has_errors = checked.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
    assert_eq!(checked.definition.is_none(), has_errors, "{out}");
    out
}

/// Asserts what is wrong with the file `text`; lines are compared without their common indentation.
#[track_caller]
pub(crate) fn check(text: &str, expected: &str) {
    let (text, expected) = (dedent(text), dedent(expected));
    let found = problems(&text);
    assert!(found == expected, "\n=== text\n{text}\n=== found\n{found}\n=== expected\n{expected}");
}

/// Asserts what is wrong with a workflow that has this `body`; the body begins on line 2.
#[track_caller]
pub(crate) fn check_body(body: &str, expected: &str) {
    check(&format!("workflow: w\n{}", dedent(body)), expected);
}

/// Returns the definition of a workflow with this `body`.
#[track_caller]
pub(crate) fn definition(body: &str) -> Definition {
    let text = format!("workflow: w\n{}", dedent(body));
    let checked = check_source(&Source::new("test.yaml", text.as_str()));
    checked.definition.unwrap_or_else(|| panic!("{}", problems(&text)))
}

pub(crate) fn dedent(text: &str) -> String {
    let text = text.strip_prefix('\n').unwrap_or(text);
    let indent = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| line.len() - line.trim_start_matches(' ').len())
        .min()
        .unwrap_or(0);
    let mut out = String::new();
    for line in text.lines() {
        out.push_str(line.get(indent..).unwrap_or(""));
        out.push('\n');
    }
    while out.ends_with("\n\n") || out == "\n" {
        out.pop();
    }
    out
}

#[test]
fn every_code_has_a_test() {
    let tests = [
        include_str!("expressions.rs"),
        include_str!("graph.rs"),
        include_str!("blocks.rs"),
        include_str!("cache.rs"),
        include_str!("calls.rs"),
        include_str!("closed.rs"),
        include_str!("files.rs"),
        include_str!("handlers.rs"),
        include_str!("limits.rs"),
        include_str!("order.rs"),
        include_str!("outputs.rs"),
        include_str!("planning.rs"),
        include_str!("project.rs"),
        include_str!("pools.rs"),
        include_str!("readback.rs"),
        include_str!("readings.rs"),
        include_str!("secrets.rs"),
        include_str!("slips.rs"),
        include_str!("structure.rs"),
        include_str!("syntax.rs"),
        include_str!("values.rs"),
    ];
    let is_tested = |code: &str| tests.iter().any(|test| test.contains(code));
    let untested: Vec<_> = codes::ALL.iter().filter(|info| !is_tested(info.code.0)).collect();
    assert!(untested.is_empty(), "{untested:?}");
}
