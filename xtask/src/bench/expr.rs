//! `cargo xtask bench expr`: what a condition and a text cost beside runs of growing size.
//!
//! An example of `myrmex-expr` measures; this adds the machine, judges, and writes the results down.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::Value;

use super::goals::{Goal, Results};
use super::machine::{self, Machine};
use crate::failure::Failure;
use crate::process;
use crate::workspace::Workspace;

/// An odd number, so that the median is a sample.
const ROUNDS: usize = 11;

/// What a condition may cost, whatever the size of the run.
const CONDITION_NS_MAX: f64 = 500.0;

/// How much more an evaluation may cost beside 100,000 tasks than beside 100: caches miss, nothing else.
const GROWTH_MAX: f64 = 1.5;

/// Measures, writes the results, and ends with 1 if a goal is missed.
pub(super) fn act(workspace: &Workspace, words: &[&str]) -> Result<ExitCode, Failure> {
    let (rounds, out) = parse(words)?;
    let rounds_text = rounds.to_string();
    let words = ["run", "--quiet", "--release", "--package", "myrmex-expr", "--example", "evaluation", "--"];
    let text = process::output(workspace.cargo().args(words).arg(&rounds_text))?;
    let figures: Value = serde_json::from_str(&text).map_err(Failure::because("figures"))?;
    let machine = machine::describe(&workspace.root)?;
    let goals = judge(&figures);
    let results = Results {
        kind: "expr",
        command: format!("cargo xtask bench expr --rounds {rounds}"),
        markdown: markdown(&machine, &figures),
        machine: &machine,
        figures: &figures,
        goals: &goals,
    };
    results.write(workspace, out)
}

fn parse(words: &[&str]) -> Result<(usize, Option<PathBuf>), Failure> {
    let usage = || Failure::new("usage: cargo xtask bench expr [--rounds N] [--out FILE]");
    let (mut rounds, mut out) = (ROUNDS, None);
    for pair in words.chunks(2) {
        match pair {
            ["--rounds", count] => {
                rounds = count.parse().ok().filter(|rounds| *rounds > 0).ok_or_else(usage)?;
            }
            ["--out", file] => out = Some(PathBuf::from(file)),
            _ => return Err(usage()),
        }
    }
    Ok((rounds, out))
}

fn judge(figures: &Value) -> Vec<Goal> {
    let sizes = figures["sizes"].as_array().map_or(&[][..], Vec::as_slice);
    // A figure that is missing misses its goal.
    let of = |size: &Value, figure: &str| size[figure].as_f64().unwrap_or(f64::INFINITY);
    let mut goals: Vec<Goal> = sizes
        .iter()
        .map(|size| {
            let about = format!("a condition beside {} tasks, ns", size["tasks"]);
            Goal { about, limit: CONDITION_NS_MAX, measured: of(size, "condition_ns") }
        })
        .collect();
    if let (Some(first), Some(last)) = (sizes.first(), sizes.last()) {
        for figure in ["condition_ns", "text_ns"] {
            let growth = of(last, figure) / of(first, figure);
            let about = format!("{figure} beside the largest run, times the smallest");
            goals.push(Goal { about, limit: GROWTH_MAX, measured: growth });
        }
    }
    goals
}

fn markdown(machine: &Machine, figures: &Value) -> String {
    let Machine { date, commit, cpu, cores, kernel, load, .. } = machine;
    let mut text = String::from("# Expressions beside runs of growing size\n\n");
    let _ = writeln!(
        text,
        "Written by `cargo xtask bench expr`; do not edit. Medians of {} rounds.\n\n\
         {date}, commit `{commit}`; {cpu}, {cores} cores; {kernel}; load before: {load}.\n",
        figures["rounds"]
    );
    for name in ["condition", "text", "jq"] {
        let _ = writeln!(text, "- {name}: `{}`", figures[name].as_str().unwrap_or_default());
    }
    text.push_str("\n| tasks | condition ns | text ns | jq ns, without its thread | the run as JSON, µs |\n|---|---|---|---|---|\n");
    for size in figures["sizes"].as_array().into_iter().flatten() {
        let figure = |name: &str| size[name].as_f64().unwrap_or(f64::NAN);
        let _ = writeln!(
            text,
            "| {} | {:.0} | {:.0} | {:.0} | {:.0} |",
            size["tasks"],
            figure("condition_ns"),
            figure("text_ns"),
            figure("jq_ns"),
            figure("world_as_json_ns") / 1_000.0
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_condition_that_grows_with_the_run_misses_its_goal() {
        let size = |tasks, ns| json!({"tasks": tasks, "condition_ns": ns, "text_ns": 900.0});
        let goals = judge(&json!({"sizes": [size(100, 200.0), size(100_000, 450.0)]}));
        let held: Vec<bool> = goals.iter().map(Goal::holds).collect();
        assert_eq!(held, [true, true, false, true]);
    }

    #[test]
    fn the_command_line_names_rounds_and_a_file() {
        let (rounds, out) = parse(&["--rounds", "3", "--out", "x.json"]).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!((rounds, out), (3, Some(PathBuf::from("x.json"))));
        assert!(parse(&["--rounds", "0"]).is_err() && parse(&["--runs", "3"]).is_err());
    }
}
