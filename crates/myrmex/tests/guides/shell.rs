//! The folder in which the commands of a page are executed.

use std::collections::BTreeSet;
use std::io::{Read as _, Seek as _};
use std::path::Path;
use std::process::{Command, Stdio};

use regex_lite::{Captures, Regex};
use serde_json::Value;
use tempfile::TempDir;

/// What the folder is called on the page.
const FOLDER: &str = "~/project";

/// On the page the ids of runs are this and their number, from 01, for the short form of 13 digits.
const SHORT: &str = "01a2b3c4d5e";

/// What stands behind the short form in the whole id.
const REST: &str = "0123456789abcdef012";

/// The most seconds that a command may take.
const SECONDS_MAX: &str = "120";

/// A folder of its own, with the runs that were begun in it.
pub(crate) struct Folder {
    place: TempDir,
    /// The short ids of the runs, in the order in which they began; of child runs, in that in which they were printed.
    runs: Vec<String>,
    /// The short ids of child runs, which are made from those of their callers.
    children: BTreeSet<String>,
    id: Regex,
}

impl Folder {
    pub(crate) fn new() -> Self {
        let id = Regex::new(r"\b([0-9a-f]{13})([0-9a-f]{19})?\b").unwrap();
        Self { place: tempfile::tempdir().unwrap(), runs: Vec::new(), children: BTreeSet::new(), id }
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.place.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Executes a command by a shell of its own and returns the lines that it printed, on both streams.
    pub(crate) fn run(&mut self, text: &str) -> Vec<String> {
        let mut printed = tempfile::tempfile().unwrap();
        let mut command = self.prepared("timeout");
        command.args(["--foreground", SECONDS_MAX, "sh", "-c", &self.real(text)]);
        command.stdout(printed.try_clone().unwrap()).stderr(printed.try_clone().unwrap());
        let status = command.status().unwrap();
        self.learn();
        printed.rewind().unwrap();
        let mut text = String::new();
        printed.read_to_string(&mut text).unwrap();
        let mut lines: Vec<String> = text.lines().map(|line| self.shown(line)).collect();
        if let Some(code) = status.code().filter(|code| *code != 0) {
            lines.push(format!("(exit code {code})"));
        }
        lines
    }

    /// Prepares a program with the surroundings that users have.
    fn prepared(&self, program: &str) -> Command {
        let binary = Path::new(env!("CARGO_BIN_EXE_myrmex")).parent().unwrap();
        let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
        let mut command = Command::new(program);
        command.current_dir(self.place.path()).stdin(Stdio::null());
        command.env("PATH", path).env("USER", "reader").env("NO_COLOR", "1").env("LC_ALL", "C");
        for name in ["MYRMEX_PARTITIONS", "MYRMEX_BLESS", "COLUMNS", "CI"] {
            command.env_remove(name);
        }
        command
    }

    /// Notes the runs that have begun since the last command, whether it told their ids or not.
    fn learn(&mut self) {
        if !self.place.path().join(".myrmex").exists() {
            return;
        }
        let output = self.prepared("myrmex").args(["runs", "list", "--json"]).output().unwrap();
        let listed: Value = serde_json::from_slice(&output.stdout).unwrap();
        for run in listed["runs"].as_array().unwrap().iter().rev() {
            let id = run["run"].as_str().unwrap()[..13].to_owned();
            if !run["parent"].is_null() {
                self.children.insert(id);
            } else if !self.runs.contains(&id) {
                self.runs.push(id);
            }
        }
    }

    /// Puts the ids of this execution into a command of the page.
    fn real(&self, text: &str) -> String {
        let real = |found: &Captures<'_>| {
            let Some(number) = found[1].strip_prefix(SHORT) else { return found[0].to_owned() };
            let run = number.parse::<usize>().ok().and_then(|number| self.runs.get(number.checked_sub(1)?));
            run.unwrap_or_else(|| panic!("no command above began the run {}", &found[0])).clone()
        };
        self.id.replace_all(text, real).into_owned()
    }

    /// Puts ids of the page, and its name of the folder, into a line that was printed.
    fn shown(&mut self, line: &str) -> String {
        let folder = std::fs::canonicalize(self.place.path()).unwrap();
        let line = line.replace(folder.to_str().unwrap(), FOLDER);
        let (id, runs, children) = (self.id.clone(), &mut self.runs, &self.children);
        let shown = |found: &Captures<'_>| {
            let run = &found[1];
            // Ids of runs begin with their instant, until 2039 with these digits. Others are hashes.
            if !run.starts_with("01") && !children.contains(run) {
                return found[0].to_owned();
            }
            let index = runs.iter().position(|known| known == run).unwrap_or_else(|| {
                runs.push(run.to_owned());
                runs.len() - 1
            });
            let rest = if found.get(2).is_some() { REST } else { "" };
            format!("{SHORT}{:02}{rest}", index + 1)
        };
        id.replace_all(&line, shown).trim_end().to_owned()
    }
}
