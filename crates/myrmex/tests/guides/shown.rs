//! Comparing what was printed with what stands on a page.

use regex_lite::Regex;

/// A line that stands for any number of lines.
const ANY: &str = "…";

/// What differs from run to run, and what stands for it in a comparison.
const VARYING: &[(&str, &str)] = &[
    (r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?Z?", "INSTANT"),
    (r"\b\d+ h \d\d m\b|\b\d+ m \d\d s\b|\b\d+\.\d s\b|\b\d+ ms\b", "TIME"),
    (r#""(wall_ms|took_ms)": ?\d+"#, "TIME"),
    // Columns are as wide as what stands in them.
    ("  +", "  "),
];

/// Returns whether `found` is what was expected.
///
/// Instants, times and the width of gaps are not compared, nor is the order of lines in which `run` tells that tasks
/// have ended.
pub(crate) fn fits(expected: &[String], found: &[String]) -> bool {
    let (expected, found) = (comparable(expected), comparable(found));
    let mut parts = expected.split(|line| line == ANY);
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = found.strip_prefix(first) else { return false };
    let mut parts: Vec<_> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let at = (0..=rest.len()).find(|at| rest[*at..].starts_with(part));
        let Some(at) = at else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

fn comparable(lines: &[String]) -> Vec<String> {
    let varying = VARYING.iter().map(|(pattern, word)| (Regex::new(pattern).unwrap(), *word));
    let varying: Vec<_> = varying.collect();
    let line = |line: &String| {
        varying.iter().fold(line.clone(), |line, (regex, word)| regex.replace_all(&line, *word).into_owned())
    };
    let mut lines: Vec<String> = lines.iter().map(line).collect();
    // ` succeeded  build  TIME`: tasks that run side by side end in any order.
    let progress = Regex::new("^ +[a-z][a-z ]*  [^ ]").unwrap();
    for group in lines.chunk_by_mut(|one, other| progress.is_match(one) == progress.is_match(other)) {
        if progress.is_match(&group[0]) {
            group.sort();
        }
    }
    lines
}
