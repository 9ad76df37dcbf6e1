//! What commands say: a plain folder as a workspace, and what a command printed there, with its exit code.

#![allow(dead_code, reason = "each test target uses its own part")]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// What a command printed, and its exit code.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Said {
    /// Runs a command to its end.
    pub(crate) fn of(command: &mut Command) -> Self {
        let Output { status, stdout, stderr } = command.output().unwrap();
        Self {
            code: status.code().unwrap_or(-1),
            stdout: String::from_utf8(stdout).unwrap(),
            stderr: String::from_utf8(stderr).unwrap(),
        }
    }

    /// Returns the last line of standard output, which is JSON.
    pub(crate) fn json(&self) -> Value {
        let last = self.stdout.lines().last().unwrap_or_else(|| panic!("no JSON: {}", self.stderr));
        serde_json::from_str(last).unwrap()
    }
}

/// A folder of its own with files, in which commands are run.
pub(crate) struct Workspace {
    folder: TempDir,
}

impl Workspace {
    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        let workspace = Self { folder: tempfile::tempdir().unwrap() };
        for (name, text) in files {
            std::fs::write(workspace.path().join(name), text).unwrap();
        }
        workspace
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_myrmex"));
        command.args(arguments).current_dir(self.path()).env("NO_COLOR", "1").env("USER", "tester");
        Said::of(&mut command)
    }

    /// Runs a command that prints JSON last.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        self.run(arguments).json()
    }

    /// Runs a workflow and returns its exit code and its summary.
    pub(crate) fn summary(&self, arguments: &[&str]) -> (i32, Value) {
        let said = self.run(&[&["run", "--json"], arguments].concat());
        (said.code, said.json())
    }

    /// Returns the id of the newest run.
    pub(crate) fn newest(&self) -> String {
        self.json(&["runs", "list", "--json"])["runs"][0]["run"].as_str().unwrap().to_owned()
    }
}
