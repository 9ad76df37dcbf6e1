//! `cargo xtask bench growth`: how costs grow with the size of a run and with the number of runs.
//!
//! `growth` of the testkit does the work; callgrind counts the instructions of what it marks as measured, because time is
//! noisy, and this judges. The limits are those that the project holds itself to.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use serde_json::{Value, json};

use super::goals::{Goal, Results};
use super::machine::{self, Machine};
use crate::failure::Failure;
use crate::process;
use crate::tools::{self, Tool};
use crate::workspace::Workspace;

const TOOLS: &[Tool] = &[Tool { program: "valgrind", package: "valgrind" }];

/// How many tasks the runs have.
const TASKS: [usize; 3] = [1_000, 10_000, 100_000];

/// How many items of a run wait: few, and as many as it may have.
const PENDING: [usize; 2] = [1_000, 1_000_000];

/// How many runs wait for a timer.
const WAITING: usize = 20_000;

/// How many open runs are taken up when a process begins.
const OPEN: usize = 10_000;

/// Instructions of 100 completions near the end of the largest run, times those of 100 near its beginning.
const LAST_MAX: f64 = 1.2;

/// Instructions a task of the largest run, times those of the smallest.
const TASK_MAX: f64 = 1.5;

/// Bytes of the store for one event of a task.
const EVENT_BYTES_MAX: f64 = 300.0;

/// Megabytes of the store for the largest run.
const STORE_MB_MAX: f64 = 60.0;

/// Bytes of memory for an item that waits.
const PENDING_BYTES_MAX: f64 = 300.0;

/// Seconds until a run with all of them is accepted.
const SUBMIT_SECONDS_MAX: f64 = 10.0;

/// Processor time of a completion beside most items that wait, times that beside few.
const DISPATCH_MAX: f64 = 1.25;

/// Bytes of memory for a run that waits for a timer and has left memory.
const WAITING_BYTES_MAX: f64 = 100.0;

/// Seconds until all open runs are taken up.
const RESTART_SECONDS_MAX: f64 = 1.0;

/// The functions of the program that are counted; the second and the fourth are compared.
const PARTS: [&str; 5] =
    ["measured_begin", "measured_first", "measured_between", "measured_last", "measured_end"];

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
    // The load is that before the first run.
    let machine = machine::describe(&workspace.root)?;
    let mut graphs = Vec::new();
    for tasks in TASKS {
        println!("a graph of {tasks} tasks under callgrind");
        graphs.push(bench.counted(tasks)?);
    }
    println!("what waits, and a start beside it");
    let pending = [bench.plain("pending", PENDING[0])?, bench.plain("pending", PENDING[1])?];
    let waiting = bench.plain("waiting", WAITING)?;
    let restart = bench.plain("restart", OPEN)?;
    let figures = json!({"graphs": graphs, "pending": pending, "waiting": waiting, "restart": restart});
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

    /// Runs a graph and counts the instructions of its completions. They are those of the thread that completes and commits;
    /// what the kernel does is not among them.
    fn counted(&self, tasks: usize) -> Result<Value, Failure> {
        self.clear()?;
        let profile = self.folder.join("profile");
        let mut command = Command::new("valgrind");
        // Names and numbers in full, so that a call is three lines that say everything.
        command.args(["-q", "--tool=callgrind", "--compress-strings=no", "--compress-pos=no"]);
        command.arg(format!("--callgrind-out-file={}", profile.display()));
        command.arg(&self.program).args(["tasks", &tasks.to_string()]).arg(self.store());
        let mut figures: Value =
            serde_json::from_str(&process::output(&mut command)?).map_err(Failure::because("figures"))?;
        let text = fs::read_to_string(&profile).map_err(Failure::because("profile of callgrind"))?;
        self.clear()?;
        let mut all = 0;
        for part in PARTS {
            let count = instructions(&text, part)
                .ok_or_else(|| Failure::new(format!("the profile of callgrind has no call of `{part}`")))?;
            figures[part] = json!(count);
            all += count;
        }
        figures["instructions"] = json!(all);
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

/// Reads from a profile of callgrind how many instructions a function took with all that it called; nothing if it was not
/// called. What was inlined or merged with another is not there under its name.
fn instructions(profile: &str, function: &str) -> Option<u64> {
    let mut lines = profile.lines();
    let mut sum = None;
    while let Some(line) = lines.next() {
        let Some(called) = line.strip_prefix("cfn=growth::") else { continue };
        // Old names of symbols end with a hash.
        if called.split("::").next() != Some(function) {
            continue;
        }
        let cost = lines.find(|line| !line.starts_with("calls="))?;
        sum = Some(sum.unwrap_or(0) + cost.split(' ').nth(1)?.parse::<u64>().ok()?);
    }
    sum
}

fn judge(figures: &Value) -> Vec<Goal> {
    let mut goals = Vec::new();
    let mut goal = |about: &str, limit: f64, measured: f64| {
        // What cannot be computed was not measured.
        let measured = if measured.is_nan() { f64::INFINITY } else { measured };
        goals.push(Goal { about: about.to_owned(), limit, measured });
    };
    let of = |figure: &Value| figure.as_f64().unwrap_or(f64::NAN);
    let graphs = figures["graphs"].as_array().map_or(&[][..], Vec::as_slice);
    let (smallest, largest) = (graphs.first().unwrap_or(&Value::Null), graphs.last().unwrap_or(&Value::Null));
    let last = of(&largest["measured_last"]) / of(&largest["measured_first"]);
    goal("100 late completions of the largest run, times 100 early ones, instructions", LAST_MAX, last);
    let a_task = |graph: &Value| of(&graph["instructions"]) / of(&graph["tasks"]);
    let growth = a_task(largest) / a_task(smallest);
    goal("a task of the largest run, times one of the smallest, instructions", TASK_MAX, growth);
    let event = of(&largest["bytes"]) / of(&largest["records"]);
    goal("bytes of the store for an event of the largest run", EVENT_BYTES_MAX, event);
    let store = of(&largest["bytes"]) / 1e6;
    goal("megabytes of the store for the largest run", STORE_MB_MAX, store);
    let (few, many) = (&figures["pending"][0], &figures["pending"][1]);
    let each = |figure: &Value| of(&figure["bytes"]) / of(&figure["count"]);
    goal("bytes of memory for an item of 1,000,000 that waits", PENDING_BYTES_MAX, each(many));
    goal("seconds to submit them", SUBMIT_SECONDS_MAX, of(&many["seconds"]));
    let dispatch = of(&many["completion_ns"]) / of(&few["completion_ns"]);
    goal(
        "a completion beside 1,000,000 that wait, times one beside 1,000, processor time",
        DISPATCH_MAX,
        dispatch,
    );
    let waiting = each(&figures["waiting"]);
    goal("bytes of memory for a run that waits for a timer", WAITING_BYTES_MAX, waiting);
    let restart = of(&figures["restart"]["seconds"]);
    goal("seconds until 10,000 open runs of 110,000 are taken up", RESTART_SECONDS_MAX, restart);
    goals
}

fn markdown(machine: &Machine, figures: &Value) -> String {
    let Machine { date, commit, cpu, cores, kernel, disk, load, .. } = machine;
    let mut text = String::from("# How costs grow\n\n");
    let _ = writeln!(
        text,
        "Written by `cargo xtask bench growth`; do not edit. Graphs in layers of 100, two parents each, of at most \
         10,000 tasks, one after the other, and a worker that carries nothing out, on a store in a file. Instructions are those of the partition's thread with its commits, as callgrind counts \
         them; early and late completions are the second hundred and the last but one, whose tasks have as many edges. What waits \
         in memory is what was asked of the allocator, without its own share.\n\n\
         {date}, commit `{commit}`; {cpu}, {cores} cores; {kernel}; {disk}; load before: {load}.\n"
    );
    text.push_str(
        "| tasks | instructions a task | early | late | events | bytes of the store | an event | bytes of memory a task at the beginning |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for graph in figures["graphs"].as_array().into_iter().flatten() {
        let of = |name: &str| graph[name].as_f64().unwrap_or(f64::NAN);
        let _ = writeln!(
            text,
            "| {} | {:.0} | {:.0} | {:.0} | {} | {} | {:.0} | {:.0} |",
            graph["tasks"],
            of("instructions") / of("tasks"),
            of("measured_first") / of("counted"),
            of("measured_last") / of("counted"),
            graph["records"],
            graph["bytes"],
            of("bytes") / of("records"),
            of("memory") / of("tasks")
        );
    }
    text.push_str("\n| what waits | count | bytes of memory | of the process | |\n|---|---|---|---|---|\n");
    let mut waits = |what: &str, figure: &Value, more: String| {
        let _ = writeln!(
            text,
            "| {what} | {} | {} | {} | {more} |",
            figure["count"], figure["bytes"], figure["resident"]
        );
    };
    for figure in figures["pending"].as_array().into_iter().flatten() {
        let of = |name: &str| figure[name].as_f64().unwrap_or(f64::NAN);
        let (submit, completion) = (of("seconds"), of("completion_ns") / 1_000.0);
        waits(
            "items",
            figure,
            format!("submitted in {submit:.3} s; a completion takes {completion:.0} µs of processor time"),
        );
    }
    let waiting = &figures["waiting"];
    waits("runs", waiting, format!("{} bytes before they left memory", waiting["bytes_awake"]));
    let restart = &figures["restart"];
    let of = |name: &str| restart[name].as_f64().unwrap_or(f64::NAN);
    let _ = writeln!(
        text,
        "\n{} open runs among {} that are over are taken up in {:.2} s, {:.2} s of them processor time.",
        restart["count"],
        restart["finished"],
        of("seconds"),
        of("processor_ns") / 1e9
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grows_too_much_and_what_is_missing_misses_its_goal() {
        let graph = |tasks: u64, last: u64| {
            json!({
                "tasks": tasks, "measured_first": 100, "measured_last": last, "instructions": tasks * 10,
                "bytes": 1_000, "records": 10,
            })
        };
        let pending = json!({"count": 1_000, "bytes": 1, "seconds": 1.0});
        let figures =
            json!({"graphs": [graph(1_000, 100), graph(100_000, 130)], "pending": [pending, pending]});
        let held: Vec<bool> = judge(&figures).iter().map(Goal::holds).collect();
        assert_eq!(held, [false, true, true, true, true, true, false, false, false]);
    }

    #[test]
    fn a_profile_gives_what_a_function_took_with_all_that_it_called() {
        let profile = "fn=growth::main\n0 5\ncfn=growth::measured_first\ncalls=1 0\n0 700\n\
                       cfn=growth::measured_last::h12ab\ncalls=1 0\n0 30\ncfn=growth::measured_first\ncalls=1 0\n7 2\n\
                       fn=growth::measured_first\n0 9\n";
        let taken =
            ["measured_first", "measured_last", "measured_end"].map(|part| instructions(profile, part));
        assert_eq!(taken, [Some(702), Some(30), None]);
    }
}
