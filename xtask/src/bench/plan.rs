//! `cargo xtask bench plan`: how good plans of public instances are, and how long a large critical path takes.
//!
//! An example of `myrmex-plan` plans and measures; this adds the machine, judges, and writes the results down. How good the plans are
//! does not depend on the machine: the same seed and number of candidates give the same plans.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::Value;

use super::goals::{Goal, Results};
use super::machine::{self, Machine};
use crate::failure::Failure;
use crate::process;
use crate::workspace::Workspace;

/// Candidates an instance: what the literature compares with.
const CANDIDATES: &str = "50000";

/// The seed. It was not chosen: it is the first.
const SEED: &str = "1";

/// The mean distance from the best known plans, in per cent, that a set may have.
const MEAN_PERCENT_MAX: [(&str, f64); 4] = [("j30", 0.25), ("j60", 0.8), ("j120", 1.5), ("MMLIB50", 5.0)];

/// Milliseconds for the critical path of the large network.
const CRITICAL_MS_MAX: f64 = 100.0;

/// Plans, measures, writes the results, and ends with 1 if a goal is missed.
pub(super) fn act(workspace: &Workspace, words: &[&str]) -> Result<ExitCode, Failure> {
    let out = match words {
        [] => None,
        ["--out", file] => Some(PathBuf::from(file)),
        _ => return Err(Failure::new("usage: cargo xtask bench plan [--out FILE]")),
    };
    let machine = machine::describe(&workspace.root)?;
    let run = ["run", "--quiet", "--release", "--package", "myrmex-plan", "--example", "planning", "--"];
    let folder = workspace.root.join("tests-data/planning");
    let text = process::output(workspace.cargo().args(run).arg(folder).args([CANDIDATES, SEED]))?;
    let figures: Value = serde_json::from_str(&text).map_err(Failure::because("figures"))?;
    let goals = judge(&figures);
    let results = Results {
        kind: "plan",
        command: "cargo xtask bench plan".to_owned(),
        markdown: markdown(&machine, &figures),
        machine: &machine,
        figures: &figures,
        goals: &goals,
    };
    results.write(workspace, out)
}

fn judge(figures: &Value) -> Vec<Goal> {
    let sets = figures["sets"].as_array().map_or(&[][..], Vec::as_slice);
    // A figure that is missing misses its goal.
    let of = |set: &str, figure: &str| {
        let found = sets.iter().find(|found| found["set"] == set);
        found.and_then(|found| found[figure].as_f64()).unwrap_or(f64::INFINITY)
    };
    let mut goals = Vec::new();
    for (set, limit) in MEAN_PERCENT_MAX {
        let about = format!("{set}: mean above the best known, %");
        goals.push(Goal { about, limit, measured: of(set, "mean_percent") });
    }
    for set in sets.iter().filter_map(|set| set["set"].as_str()) {
        let measured = of(set, "without_plan") + of(set, "wrong");
        goals.push(Goal {
            about: format!("{set}: without a plan, or with a wrong one"),
            limit: 0.0,
            measured,
        });
    }
    let measured = figures["critical"]["ms"].as_f64().unwrap_or(f64::INFINITY);
    let about = format!("critical path of {} tasks, ms", figures["critical"]["tasks"]);
    goals.push(Goal { about, limit: CRITICAL_MS_MAX, measured });
    goals
}

fn markdown(machine: &Machine, figures: &Value) -> String {
    let Machine { date, commit, cpu, cores, kernel, load, .. } = machine;
    let mut text = String::from("# Plans of public instances\n\n");
    let _ = writeln!(
        text,
        "Written by `cargo xtask bench plan`; do not edit. {} candidates an instance, seed {}; two instances at a time.\n\n\
         {date}, commit `{commit}`; {cpu}, {cores} cores; {kernel}; load before: {load}.\n",
        figures["candidates"], figures["seed"]
    );
    text.push_str("| set | instances | as good as the best known | proved by a bound | mean above, % | worst, % | a candidate, µs | an instance, ms |\n");
    text.push_str("|---|---|---|---|---|---|---|---|\n");
    for set in figures["sets"].as_array().into_iter().flatten() {
        let figure = |name: &str| set[name].as_f64().unwrap_or(f64::NAN);
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {:.3} | {:.2} | {:.1} | {:.0} |",
            set["set"].as_str().unwrap_or_default(),
            set["instances"],
            set["best_known"],
            set["proved"],
            figure("mean_percent"),
            figure("worst_percent"),
            figure("candidate_us"),
            figure("instance_ms"),
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_set_that_is_missing_wrong_or_far_from_the_best_misses_its_goal() {
        let set =
            |name, mean, wrong| json!({"set": name, "mean_percent": mean, "without_plan": 0, "wrong": wrong});
        let sets = [set("j30", 0.2, 0), set("j60", 0.9, 0), set("MMLIB50", 1.0, 1)];
        let goals = judge(&json!({"sets": sets, "critical": {"tasks": 5, "ms": 99.0}}));
        let held: Vec<bool> = goals.iter().map(Goal::holds).collect();
        assert_eq!(held, [true, false, false, true, true, true, false, true]);
    }
}
