//! The machine and the moment: what a reader needs to judge the figures.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde::Serialize;

use crate::failure::Failure;
use crate::process;

/// Where and when the figures were taken.
#[derive(Debug, Serialize)]
pub(super) struct Machine {
    /// When, in UTC.
    pub(super) date: String,
    /// The commit that was built, with `-dirty` where files differ from it.
    pub(super) commit: String,
    /// The model of the processor.
    pub(super) cpu: String,
    /// How many tasks run beside each other.
    pub(super) cores: usize,
    /// System and kernel.
    pub(super) kernel: String,
    /// The file system of the folder the contenders run in.
    pub(super) disk: String,
    /// Load averages of 1, 5 and 15 minutes before the first run: what else ran.
    pub(super) load: String,
    /// The versions of the other contenders.
    pub(super) versions: Vec<String>,
}

impl Machine {
    /// Returns the day, as in `2026-11-22`.
    pub(super) fn day(&self) -> &str {
        self.date.split('T').next().unwrap_or(&self.date)
    }
}

/// Asks the machine about itself.
pub(super) fn describe(root: &Path) -> Result<Machine, Failure> {
    let commit = first_line(Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).current_dir(root));
    let changed = first_line(Command::new("git").args(["status", "--porcelain"]).current_dir(root));
    let commit = commit.unwrap_or_else(|| "no-commit".to_owned());
    Ok(Machine {
        date: process::output(Command::new("date").args(["-u", "+%Y-%m-%dT%H:%M:%SZ"]))?.trim().to_owned(),
        commit: if changed.is_some() { format!("{commit}-dirty") } else { commit },
        cpu: cpu(&fs::read_to_string("/proc/cpuinfo").unwrap_or_default()),
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        kernel: process::output(Command::new("uname").args(["-s", "-r", "-m"]))?.trim().to_owned(),
        disk: file_system(root)?,
        load: load(),
        versions: ["ninja", "make", "python3"].into_iter().map(version).collect(),
    })
}

/// Returns the kind of file system that `folder` lies on.
pub(super) fn file_system(folder: &Path) -> Result<String, Failure> {
    let table = process::output(Command::new("df").arg("--output=fstype").arg(folder))?;
    Ok(table.lines().last().unwrap_or("unknown").trim().to_owned())
}

/// Returns the load averages of 1, 5 and 15 minutes.
pub(super) fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let averages: Vec<&str> = text.split(' ').take(3).collect();
    if averages.len() < 3 { "unknown".to_owned() } else { averages.join(" ") }
}

fn version(program: &str) -> String {
    let version = first_line(Command::new(program).arg("--version")).unwrap_or_else(|| "unknown".to_owned());
    // Only ninja leaves its name out.
    if version.starts_with(|c: char| c.is_ascii_digit()) { format!("{program} {version}") } else { version }
}

fn first_line(command: &mut Command) -> Option<String> {
    let text = process::output(command).ok()?;
    text.lines().next().map(str::to_owned)
}

fn cpu(cpuinfo: &str) -> String {
    let models = cpuinfo.lines().filter(|line| line.starts_with("model name"));
    let model = models.filter_map(|line| line.split_once(':')).map(|(_, model)| model.trim()).next();
    model.unwrap_or("unknown").to_owned()
}
