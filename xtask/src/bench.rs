//! `cargo xtask bench local`: myrmex beside ninja and make on the same work, on this machine, interleaved.
//!
//! What is compared is the whole command as a person types it: start-up, reading the file and, for myrmex, making the
//! durable store are all inside the time.

mod dispatch;
mod expr;
mod gates;
mod goals;
mod growth;
mod machine;
mod measure;
mod plan;
mod report;
mod workload;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use crate::failure::Failure;
use crate::process;
use crate::tools::{self, Tool};
use crate::workspace::Workspace;
use measure::Sample;
use workload::{Contender, WORKLOADS, Workload};

/// An odd number, so that the median is a sample; enough to see past one disturbed round.
const RUNS: usize = 7;

const TOOLS: &[Tool] = &[
    Tool { program: "ninja", package: "ninja-build" },
    Tool { program: "make", package: "make" },
    Tool { program: "python3", package: "python3" },
];

/// What the command line asks for.
struct Options {
    runs: usize,
    out: Option<PathBuf>,
}

/// The samples of one workload: one list for each contender, in rounds.
pub(super) struct Series {
    workload: &'static Workload,
    /// The load average just before the first round.
    load: String,
    samples: Vec<(Contender, Vec<Sample>)>,
}

/// Measures, writes the results, and ends with 1 if a gate fails.
pub(crate) fn act(workspace: &Workspace, words: &[&str]) -> Result<ExitCode, Failure> {
    if let ["expr", rest @ ..] = words {
        return expr::act(workspace, rest);
    }
    if let ["plan", rest @ ..] = words {
        return plan::act(workspace, rest);
    }
    if let ["dispatch", rest @ ..] = words {
        return dispatch::act(workspace, rest);
    }
    if let ["growth", rest @ ..] = words {
        return growth::act(workspace, rest);
    }
    let options = parse(words)?;
    tools::ensure(TOOLS)?;
    process::run(workspace.cargo().args(["build", "--release", "--package", "myrmex"]))?;
    let arena = Arena::open(workspace)?;
    let machine = machine::describe(&workspace.root)?;
    // The harness is counted into the peak of whatever it starts; a bare command shows how much that is.
    let mut bare = Command::new("/bin/true");
    clean(&mut bare);
    let floor = measure::run(&mut bare)?;
    let mut series = Vec::with_capacity(WORKLOADS.len());
    for workload in WORKLOADS {
        series.push(arena.compete(workload, options.runs)?);
    }
    fs::remove_dir_all(&arena.folder).map_err(Failure::because("bench folder"))?;
    let gates = gates::judge(&series);
    let report =
        report::Report { machine: &machine, floor, runs: options.runs, series: &series, gates: &gates };
    let json = options
        .out
        .unwrap_or_else(|| workspace.root.join(format!("bench/results/local-{}.json", machine.day())));
    let table = match json.file_name().and_then(|name| name.to_str()) {
        Some(name) if name.starts_with("local-") => json.with_file_name("local.md"),
        _ => json.with_extension("md"),
    };
    report.write(&json, &table)?;
    println!("\n{}", report.markdown());
    println!("written: {} and {}", json.display(), table.display());
    Ok(if gates.iter().all(|gate| gate.holds) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn parse(words: &[&str]) -> Result<Options, Failure> {
    let usage = || {
        Failure::new(
            "usage: cargo xtask bench local [--runs N] [--out FILE], bench expr [--rounds N] [--out FILE], bench growth [--out FILE], bench plan [--out FILE], or bench dispatch [--out FILE]",
        )
    };
    let ["local", rest @ ..] = words else {
        return Err(usage());
    };
    let mut options = Options { runs: RUNS, out: None };
    for pair in rest.chunks(2) {
        match pair {
            ["--runs", count] => {
                options.runs = count.parse().ok().filter(|runs| *runs > 0).ok_or_else(usage)?;
            }
            ["--out", file] => options.out = Some(PathBuf::from(file)),
            _ => return Err(usage()),
        }
    }
    Ok(options)
}

/// The place where the contenders run: a folder on a disk, empty for each run.
struct Arena {
    folder: PathBuf,
    myrmex: PathBuf,
    python: String,
    slots: usize,
}

impl Arena {
    fn open(workspace: &Workspace) -> Result<Self, Failure> {
        let folder = workspace.target.join("bench-tmp");
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(Failure::because("bench folder"))?;
        }
        fs::create_dir_all(&folder).map_err(Failure::because("bench folder"))?;
        if ["tmpfs", "ramfs"].contains(&machine::file_system(&folder)?.as_str()) {
            return Err(Failure::new(
                "the target folder is in memory; a durable store has to be measured on a disk",
            ));
        }
        // A version manager's `python3` is a script of its own; what is measured is the interpreter.
        let find = ["-c", "import sys; print(sys.executable)"];
        let python = process::output(Command::new("python3").args(find))?.trim().to_owned();
        let slots = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self { folder, myrmex: workspace.target.join("release/myrmex"), python, slots })
    }

    /// Runs the contenders in turn, A B C A B C …, after one round that is not counted.
    fn compete(&self, workload: &'static Workload, runs: usize) -> Result<Series, Failure> {
        let load = machine::load();
        println!("\n{}: {} (load {load})", workload.id, workload.about);
        let mut samples: Vec<(Contender, Vec<Sample>)> =
            Contender::ALL.map(|c| (c, Vec::with_capacity(runs))).into();
        for round in 0..=runs {
            for (contender, taken) in &mut samples {
                let sample = self.run(workload, *contender)?;
                if round > 0 {
                    println!("  {round}/{runs} {:<7} {:>9.1} ms", contender.name(), sample.wall_ms);
                    taken.push(sample);
                }
            }
        }
        Ok(Series { workload, load, samples })
    }

    fn run(&self, workload: &Workload, contender: Contender) -> Result<Sample, Failure> {
        let folder = self.folder.join("run");
        fs::create_dir(&folder).map_err(Failure::because("run folder"))?;
        let context = || format!("{} on {}", contender.name(), workload.id);
        let result = workload::write(workload, contender, &folder, &self.python)
            .map_err(Failure::because(context()))
            .and_then(|()| measure::run(&mut self.command(contender, &folder)))
            .map_err(Failure::because(context()));
        fs::remove_dir_all(&folder).map_err(Failure::because("run folder"))?;
        result
    }

    fn command(&self, contender: Contender, folder: &Path) -> Command {
        let slots = self.slots.to_string();
        let mut command = match contender {
            Contender::Myrmex => {
                let mut command = Command::new(&self.myrmex);
                command.arg("--data-dir").arg(folder.join(".myrmex"));
                command.args(["run", contender.file(), "--slots", &slots, "--quiet"]);
                command
            }
            Contender::Ninja | Contender::Make => {
                let mut command = Command::new(contender.name());
                command.args(["-j", &slots]);
                command
            }
        };
        command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null());
        clean(&mut command);
        command
    }
}

/// Gives a contender the environment of a plain terminal.
///
/// cargo hands its own down: a library path that makes every `/bin/true` search more folders, and flags for make.
fn clean(command: &mut Command) {
    command.env_clear();
    for name in ["PATH", "HOME", "USER", "LANG", "TERM", "TMPDIR"] {
        if let Some(value) = env::var_os(name) {
            command.env(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_names_runs_and_a_file() {
        let options = parse(&["local", "--runs", "3", "--out", "x.json"]).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!((options.runs, options.out), (3, Some(PathBuf::from("x.json"))));
        for wrong in
            [&["global"][..], &["local", "--runs", "0"], &["local", "--runs"], &["local", "now", "x"]]
        {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
