//! `cargo xtask bench growth`: how costs grow with the size of a run and with the number of runs.
//!
//! `growth` of the testkit does the work; this counts the instructions of what it marks as measured with callgrind, because
//! time is noisy, and judges. The limits are those that the project holds itself to.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use serde_json::{Value, json};

use super::goals::{Goal, Results};
use super::machine::{self, Machine};
use crate::failure::Failure;
use crate::process;
use crate::tools::{self, Tool};
use crate::workspace::Workspace;

const TOOLS: &[Tool] = &[Tool { program: "valgrind", package: "valgrind" }];

/// How many tasks the graphs have.
const TASKS: [usize; 3] = [1_000, 10_000, 100_000];

/// How many attempts wait in one run.
const PENDING: usize = 1_000_000;

/// How many runs wait for a timer, and are taken up when a process begins.
const RUNS: usize = 10_000;

/// Instructions of the last 100 completions of the largest run, times those of the first 100.
const LAST_MAX: f64 = 1.2;

/// Instructions a task of the largest run, times those of the smallest.
const TASK_MAX: f64 = 1.5;

/// Bytes of the store for one event of a task.
const EVENT_BYTES_MAX: f64 = 300.0;

/// Megabytes of the store of the largest run.
const STORE_MB_MAX: f64 = 60.0;

/// Bytes of memory for an attempt that waits.
const PENDING_BYTES_MAX: f64 = 300.0;

/// Seconds until a run with all of them is accepted.
const SUBMIT_SECONDS_MAX: f64 = 10.0;

/// Bytes of memory for a run that waits for a timer.
const WAITING_BYTES_MAX: f64 = 100.0;

/// Seconds until all open runs are taken up.
const RESTART_SECONDS_MAX: f64 = 1.0;

/// Measures, writes the results, and ends with 1 if a goal is missed.
pub(super) fn act(workspace: &Workspace, words: &[&str]) -> Result<ExitCode, Failure> {
    let out = match words {
        [] => None,
        ["--out", file] => Some(PathBuf::from(file)),
        _ => return Err(Failure::new("usage: cargo xtask bench growth [--out FILE]")),
    };
    tools::ensure(TOOLS)?;
    let package = ["--package", "myrmex-testkit", "--bin", "growth"];
    process::run(workspace.cargo().args(["build", "--quiet", "--release"]).args(package))?;
    let bench = Bench {
        program: workspace.target.join("release/growth"),
        folder: workspace.target.join("bench-tmp"),
    };
    let mut graphs = Vec::new();
    for tasks in TASKS {
        println!("a graph of {tasks} tasks under callgrind");
        graphs.push(bench.counted(tasks)?);
    }
    println!("runs that wait, and a start beside them");
    let pending = bench.plain("pending", PENDING)?;
    let waiting = bench.plain("waiting", RUNS)?;
    let restart = bench.plain("restart", RUNS)?;
    let figures = json!({"graphs": graphs, "pending": pending, "waiting": waiting, "restart": restart});
    let machine = machine::describe(&workspace.root)?;
    let goals = judge(&figures);
    let results = Results {
        kind: "growth",
        command: "cargo xtask bench growth".to_owned(),
        markdown: markdown(&machine, &figures),
        machine: &machine,
        figures: &figures,
        goals: &goals,
    };
    results.write(workspace, out)
}

/// Where the program is, and the folder that it works in.
struct Bench {
    program: PathBuf,
    folder: PathBuf,
}

impl Bench {
    /// Runs it as it is.
    fn plain(&self, what: &str, count: usize) -> Result<Value, Failure> {
        self.clear()?;
        let text =
            process::output(Command::new(&self.program).args([what, &count.to_string()]).arg(self.store()))?;
        self.clear()?;
        serde_json::from_str(&text).map_err(Failure::because("figures"))
    }

    /// Runs a graph and counts the instructions of its first and last completions, and of all.
    fn counted(&self, tasks: usize) -> Result<Value, Failure> {
        self.clear()?;
        let counts = self.folder.join("counts");
        let mut command = Command::new("valgrind");
        command.args([
            "-q",
            "--tool=callgrind",
            "--collect-atstart=no",
            "--toggle-collect=growth::measured_*",
        ]);
        command.arg("--dump-after=growth::measured_*");
        command.arg(format!("--callgrind-out-file={}", counts.display()));
        command.arg(&self.program).args(["tasks", &tasks.to_string()]).arg(self.store());
        let mut figures: Value =
            serde_json::from_str(&process::output(&mut command)?).map_err(Failure::because("figures"))?;
        let part = |number: u32| instructions(&self.folder.join(format!("counts.{number}")));
        let (first, between, last) = (part(1)?, part(2)?, part(3)?);
        self.clear()?;
        figures["tasks"] = json!(tasks);
        figures["first"] = json!(first);
        figures["last"] = json!(last);
        figures["instructions"] = json!(first + between + last);
        Ok(figures)
    }

    fn store(&self) -> PathBuf {
        self.folder.join("store")
    }

    fn clear(&self) -> Result<(), Failure> {
        if self.folder.exists() {
            fs::remove_dir_all(&self.folder).map_err(Failure::because("bench folder"))?;
        }
        fs::create_dir_all(&self.folder).map_err(Failure::because("bench folder"))
    }
}

/// Reads how many instructions a profile of callgrind counts.
fn instructions(path: &Path) -> Result<u64, Failure> {
    let text = fs::read_to_string(path).map_err(Failure::because("profile of callgrind"))?;
    let count = text.lines().find_map(|line| {
        let count = line.strip_prefix("totals:").or_else(|| line.strip_prefix("summary:"))?;
        count.trim().parse().ok()
    });
    count.ok_or_else(|| Failure::new("the profile of callgrind counts nothing"))
}

fn judge(figures: &Value) -> Vec<Goal> {
    let of = |value: &Value| value.as_f64().unwrap_or(f64::INFINITY);
    let graphs = figures["graphs"].as_array().map_or(&[][..], Vec::as_slice);
    let a_task = |graph: &Value| of(&graph["instructions"]) / of(&graph["tasks"]);
    let mut goals = Vec::new();
    let mut goal = |about: String, limit: f64, measured: f64| {
        // What cannot be computed was not measured.
        let measured = if measured.is_nan() { f64::INFINITY } else { measured };
        goals.push(Goal { about, limit, measured });
    };
    if let (Some(smallest), Some(largest)) = (graphs.first(), graphs.last()) {
        let tasks = &largest["tasks"];
        let last = of(&largest["last"]) / of(&largest["first"]);
        goal(
            format!("the last 100 completions of {tasks} tasks, times the first, instructions"),
            LAST_MAX,
            last,
        );
        let growth = a_task(largest) / a_task(smallest);
        goal(
            format!("a task of {tasks}, times one of {}, instructions", smallest["tasks"]),
            TASK_MAX,
            growth,
        );
        let event = of(&largest["bytes"]) / of(&largest["records"]);
        goal("bytes of the store for one event".to_owned(), EVENT_BYTES_MAX, event);
        goal(
            format!("megabytes of the store after {tasks} tasks"),
            STORE_MB_MAX,
            of(&largest["bytes"]) / 1e6,
        );
    }
    let each = |figure: &Value, count: u32| of(&figure["bytes"]) / f64::from(count);
    let pending = &figures["pending"];
    let (waiting, restart) = (&figures["waiting"], &figures["restart"]);
    goal(
        "bytes of memory for a pending item of 1,000,000".to_owned(),
        PENDING_BYTES_MAX,
        each(pending, 1_000_000),
    );
    goal("seconds to submit them".to_owned(), SUBMIT_SECONDS_MAX, of(&pending["seconds"]));
    goal("bytes of memory for a run that waits".to_owned(), WAITING_BYTES_MAX, each(waiting, 10_000));
    goal(
        "seconds until 10,000 open runs are taken up".to_owned(),
        RESTART_SECONDS_MAX,
        of(&restart["seconds"]),
    );
    goals
}

fn markdown(machine: &Machine, figures: &Value) -> String {
    let Machine { date, commit, cpu, cores, kernel, load, .. } = machine;
    let mut text = String::from("# How costs grow\n\n");
    let _ = writeln!(
        text,
        "Written by `cargo xtask bench growth`; do not edit. A graph in layers of 100, two parents each, and a worker that carries \
         nothing out, on a store in a file; instructions as callgrind counts them, of the thread of the partition with its \
         commits.\n\n{date}, commit `{commit}`; {cpu}, {cores} cores; {kernel}; load before: {load}.\n"
    );
    text.push_str("| tasks | instructions a task | first 100 | last 100 | events | bytes of the store |\n|---|---|---|---|---|---|\n");
    for graph in figures["graphs"].as_array().into_iter().flatten() {
        let of = |name: &str| graph[name].as_f64().unwrap_or(f64::NAN);
        let _ = writeln!(
            text,
            "| {} | {:.0} | {:.0} | {:.0} | {} | {} |",
            graph["tasks"],
            of("instructions") / of("tasks"),
            of("first") / 100.0,
            of("last") / 100.0,
            graph["records"],
            graph["bytes"]
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grows_too_much_and_what_is_missing_misses_its_goal() {
        let graph = |tasks: u64, last: u64| json!({"tasks": tasks, "first": 100, "last": last, "instructions": tasks * 10, "bytes": 1_000, "records": 10});
        let figures = json!({"graphs": [graph(1_000, 100), graph(100_000, 130)], "pending": {"bytes": 1, "seconds": 1.0}});
        let held: Vec<bool> = judge(&figures).iter().map(Goal::holds).collect();
        assert_eq!(held, [false, true, true, true, true, true, false, false]);
    }
}
