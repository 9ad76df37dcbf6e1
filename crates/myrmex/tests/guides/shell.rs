//! The folder in which the commands of a page are executed.

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
    /// The short ids of the runs, in the order in which they began.
    runs: Vec<String>,
    id: Regex,
}

impl Folder {
    pub(crate) fn new() -> Self {
        let id = Regex::new(r"\b(01[0-9a-f]{11})([0-9a-f]{19})?\b").unwrap();
        Self { place: tempfile::tempdir().unwrap(), runs: Vec::new(), id }
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
        command.env("PATH", path).env("USER", "reader").env("NO_COLOR", "1");
        command.env_remove("MYRMEX_PARTITIONS").env_remove("MYRMEX_BLESS");
        command
    }

    /// Notes the runs that have begun since the last command, whether it told their ids or not.
    fn learn(&mut self) {
        if !self.place.path().join(".myrmex").exists() {
            return;
        }
        let output = self.prepared("myrmex").args(["runs", "list", "--json"]).output().unwrap();
        let listed: Value = serde_json::from_slice(&output.stdout).unwrap();
        let ids =
            listed["runs"].as_array().unwrap().iter().rev().map(|run| &run["run"].as_str().unwrap()[..13]);
        for id in ids.filter(|id| !self.runs.iter().any(|known| known == id)).collect::<Vec<_>>() {
            self.runs.push(id.to_owned());
        }
    }

    /// Puts the ids of this execution into a command of the page.
    fn real(&self, text: &str) -> String {
        let real = |found: &Captures<'_>| {
            let number = found[1].strip_prefix(SHORT).and_then(|number| number.parse::<usize>().ok());
            let run = number.and_then(|number| self.runs.get(number.checked_sub(1)?));
            run.unwrap_or_else(|| panic!("no command above printed the run {}", &found[0])).clone()
        };
        self.id.replace_all(text, real).into_owned()
    }

    /// Puts ids of the page, and its name of the folder, into a line that was printed.
    fn shown(&mut self, line: &str) -> String {
        let folder = std::fs::canonicalize(self.place.path()).unwrap();
        let line = line.replace(folder.to_str().unwrap(), FOLDER);
        let (id, runs) = (self.id.clone(), &mut self.runs);
        let shown = |found: &Captures<'_>| {
            let run = &found[1];
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
