//! `cargo xtask bench dispatch`: what it is worth that of the tasks that could begin that goes first after which most is left.
//!
//! `dispatch` of the testkit runs recorded executions of real workflows by the real machines on a clock that is moved; nothing depends on
//! the machine that it runs on.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::Value;

use super::goals::{Goal, Results};
use super::machine::{self, Machine};
use crate::failure::Failure;
use crate::process;
use crate::workspace::Workspace;

/// On how many slots each trace is run.
const SLOTS: [u64; 3] = [4, 16, 64];

/// What the mean makespan must stay below, as a share of that in the order of arrival.
const MEAN_MAX: f64 = 0.9999;

/// What is known of lengths, by the name of its figure, and how the page calls it.
const KNOWN: [(&str, &str); 3] = [
    ("lengths_ms", "lengths known"),
    ("guesses_ms", "lengths off by up to 2"),
    ("tasks_ms", "nothing known"),
];

/// Runs the traces, writes the results, and ends with 1 if a goal is missed.
pub(super) fn act(workspace: &Workspace, words: &[&str]) -> Result<ExitCode, Failure> {
    let out = match words {
        [] => None,
        ["--out", file] => Some(PathBuf::from(file)),
        _ => return Err(Failure::new("usage: cargo xtask bench dispatch [--out FILE]")),
    };
    let machine = machine::describe(&workspace.root)?;
    let run = ["run", "--quiet", "--release", "--package", "myrmex-testkit", "--bin", "dispatch", "--"];
    let folder = workspace.root.join("tests-data/wfinstances");
    let slots = SLOTS.map(|slots| slots.to_string());
    let text = process::output(workspace.cargo().args(run).arg(folder).args(slots))?;
    let figures: Value = serde_json::from_str(&text).map_err(Failure::because("figures"))?;
    let goals = judge(&figures);
    let results = Results {
        kind: "dispatch",
        command: "cargo xtask bench dispatch".to_owned(),
        markdown: markdown(&machine, &figures),
        machine: &machine,
        figures: &figures,
        goals: &goals,
    };
    results.write(workspace, out)
}

/// Returns a figure of a trace on so many slots.
fn of(trace: &Value, slots: u64, figure: &str) -> f64 {
    let on = trace["on"].as_array().and_then(|on| on.iter().find(|on| on["slots"] == slots));
    on.and_then(|on| on[figure].as_f64()).unwrap_or(f64::NAN)
}

/// Returns the mean over all traces of a figure divided by that in the order of arrival; infinite if there is none.
fn mean(traces: &[Value], slots: u64, figure: &str) -> f64 {
    let shares = traces.iter().map(|trace| of(trace, slots, figure) / of(trace, slots, "arrival_ms"));
    #[expect(clippy::cast_precision_loss, reason = "there are a dozen")]
    let mean = shares.sum::<f64>() / traces.len() as f64;
    if mean.is_nan() { f64::INFINITY } else { mean }
}

fn judge(figures: &Value) -> Vec<Goal> {
    let traces = figures.as_array().map_or(&[][..], Vec::as_slice);
    let goal = |slots| Goal {
        about: format!("mean makespan on {slots} slots, lengths known, of that in the order of arrival"),
        limit: MEAN_MAX,
        measured: mean(traces, slots, KNOWN[0].0),
    };
    SLOTS.map(goal).into()
}

fn markdown(machine: &Machine, figures: &Value) -> String {
    let Machine { date, commit, cpu, cores, kernel, load, .. } = machine;
    let traces = figures.as_array().map_or(&[][..], Vec::as_slice);
    let mut text = String::from("# What the order of tasks is worth\n\n");
    let _ = writeln!(
        text,
        "Written by `cargo xtask bench dispatch`; do not edit. {} recorded executions of real workflows (tests-data/wfinstances), run by the \
         real machines with the recorded lengths on a clock that is moved. Of the tasks that could begin that goes first after which most is \
         left; the makespan is divided by that in the order of arrival, so less is better. The bound is what no order beats: the longest \
         way, or all work shared by the slots. *Lengths known*: as after a run that took as long. *Off by up to 2*: half to double of \
         that. *Nothing known*: a first run without estimates, tasks are counted.\n\n\
         {date}, commit `{commit}`; {cpu}, {cores} cores; {kernel}; load before: {load}.\n",
        traces.len()
    );
    for slots in SLOTS {
        let _ = writeln!(text, "## {slots} slots\n");
        text.push_str("| trace | tasks | order of arrival, s | bound |");
        text.extend(KNOWN.iter().map(|(_, known)| format!(" {known} |")));
        text.push_str("\n|---|---|---|---|---|---|---|\n");
        for trace in traces {
            let name = trace["trace"].as_str().unwrap_or_default();
            let arrival = of(trace, slots, "arrival_ms");
            let _ = write!(text, "| {name} | {} | {:.1} |", trace["tasks"], arrival / 1_000.0);
            let _ = write!(text, " {:.3} |", of(trace, slots, "bound_ms") / arrival);
            text.extend(
                KNOWN.iter().map(|(known, _)| format!(" {:.3} |", of(trace, slots, known) / arrival)),
            );
            text.push('\n');
        }
        let _ = write!(text, "| **mean** | | | {:.3} |", mean(traces, slots, "bound_ms"));
        text.extend(KNOWN.iter().map(|(known, _)| format!(" {:.3} |", mean(traces, slots, known))));
        text.push_str("\n\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_mean_that_is_no_better_than_arrival_misses_its_goal_and_so_does_one_that_is_missing() {
        let on = |slots: u64, lengths: u64| json!({"slots": slots, "arrival_ms": 100, "lengths_ms": lengths});
        let trace = |lengths| json!({"on": [on(4, lengths), on(16, 100)]});
        let goals = judge(&json!([trace(80), trace(110)]));
        let held: Vec<bool> = goals.iter().map(Goal::holds).collect();
        assert_eq!(held, [true, false, false]);
        assert!((goals[0].measured - 0.95).abs() < 1e-9);
        assert!(judge(&json!([])).iter().all(|goal| !goal.holds()));
    }
}
