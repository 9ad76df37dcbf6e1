//! A part of a workflow (`--only`), none of it (`--dry-run`), and all of it again and again (`--watch`).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/said.rs"]
mod said;

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStderr, Command, Stdio};

use said::Workspace;
use serde_json::json;

const WORKFLOW: &str = "workflow: release
inputs:
  version: {type: string, default: '1.2'}
defaults: {timeout: 1m}
tasks:
  build: {run: 'echo built >>ledger'}
  test: {needs: [build], run: 'echo tested >>ledger'}
  note: {set: {text: '${{ inputs.version }}'}}
  publish: {needs: [test], run: 'echo published >>ledger', env: {NOTE: '${{ tasks.note.output.text }}'}}
outputs: {note: '${{ tasks.note.output.text }}'}
on_failure: {run: 'echo handled >>ledger'}
";

fn ledger(workspace: &Workspace) -> String {
    std::fs::read_to_string(workspace.path().join("ledger")).unwrap_or_default()
}

#[test]
fn only_runs_one_task_without_what_it_needs() {
    let workspace = Workspace::with(&[("release.yaml", WORKFLOW)]);
    let (code, summary) = workspace.summary(&["release.yaml", "--only", "test"]);
    assert_eq!((code, ledger(&workspace).as_str()), (0, "tested\n"));
    assert_eq!(summary["tasks"].as_object().unwrap().keys().collect::<Vec<_>>(), ["test"]);
    assert_eq!(summary["output"], json!(null));
    // The order of those that are asked for stays.
    let (code, summary) =
        workspace.summary(&["release", "--only", "publish", "--only", "note", "--only", "build"]);
    assert_eq!((code, summary["tasks"].as_object().unwrap().len()), (0, 3));
    assert!(ledger(&workspace).ends_with("published\n") || ledger(&workspace).ends_with("built\n"));
}

#[test]
fn a_part_that_fails_is_not_handled_as_the_whole() {
    let text = WORKFLOW.replace("echo built >>ledger", "exit 4");
    let workspace = Workspace::with(&[("release.yaml", &text)]);
    assert_eq!(workspace.run(&["run", "release", "--only", "build"]).code, 1);
    assert_eq!(ledger(&workspace), "");
    assert_eq!(workspace.run(&["run", "release"]).code, 1);
    assert_eq!(ledger(&workspace), "handled\n");
}

#[test]
fn a_part_cannot_read_what_is_left_out() {
    let workspace = Workspace::with(&[("release.yaml", WORKFLOW)]);
    let said = workspace.run(&["run", "release.yaml", "--only", "publish"]);
    assert_eq!((said.code, ledger(&workspace).as_str()), (2, ""));
    for part in ["error[E0404]", "release.yaml:9:", "`note` has no part in this run", "`--only note`"] {
        assert!(said.stderr.contains(part), "{part}: {}", said.stderr);
    }
    let said = workspace.run(&["run", "release.yaml", "--only", "publsh"]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("no task `publsh`") && said.stderr.contains("did you mean `publish`?"));
    let flow = "workflow: w\ninputs: {x: {type: integer, default: 1}}\ndo:\n  - a: {switch: [{if: inputs.x > 1, then: c}, {else: b}]}\n  \
                - b: {set: {}}\n  - c: {set: {}}\n";
    let workspace = Workspace::with(&[("w.yaml", flow)]);
    assert_eq!(workspace.run(&["run", "w.yaml", "--only", "b", "--only", "c"]).code, 0);
    let said = workspace.run(&["run", "w.yaml", "--only", "a"]);
    assert!(said.code == 2 && said.stderr.contains("`c` has no part in this run"), "{}", said.stderr);
}

#[test]
fn a_dry_run_starts_nothing_and_leaves_nothing() {
    let workspace = Workspace::with(&[("release.yaml", WORKFLOW)]);
    let said = workspace.run(&["run", "release.yaml", "--dry-run", "-i", "version=2"]);
    assert_eq!((said.code, said.stderr.as_str()), (0, ""));
    assert!(
        said.stdout.starts_with("input version = \"2\"\n")
            && said.stdout.ends_with("\nnothing was started\n")
    );
    for task in ["build", "test", "note", "publish"] {
        assert!(said.stdout.contains(task), "{}", said.stdout);
    }
    let dry = workspace.json(&["run", "release.yaml", "--dry-run", "--json", "--only", "test"]);
    assert_eq!((&dry["type"], &dry["inputs"]["version"]), (&json!("run.dry"), &json!("1.2")));
    assert!(
        dry["graph"]["nodes"].to_string().contains("\"test\"")
            && !dry["graph"].to_string().contains("publish")
    );
    assert_eq!(workspace.run(&["run", "release.yaml", "--dry-run", "-i", "other=1"]).code, 2);
    assert_eq!(ledger(&workspace), "");
    assert!(!workspace.path().join(".myrmex").exists());
}

/// A command with `--watch` that goes on.
struct Rounds {
    process: Child,
    lines: Lines<BufReader<ChildStderr>>,
}

impl Rounds {
    fn begin(workspace: &Workspace, arguments: &[&str]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_myrmex"))
            .args(arguments)
            .arg("--watch")
            .current_dir(workspace.path())
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stderr.take().unwrap()).lines();
        Self { process, lines }
    }

    /// Returns what is said up to a line that begins so.
    fn until(&mut self, end: &str) -> String {
        let mut seen = Vec::new();
        loop {
            let line = self.lines.next().unwrap_or_else(|| panic!("it ended: {seen:?}"));
            seen.push(line.unwrap());
            if seen.last().is_some_and(|line| line.starts_with(end)) {
                return seen.join("\n");
            }
        }
    }

    fn interrupt(mut self) {
        assert!(
            Command::new("kill").args(["-INT", &self.process.id().to_string()]).status().unwrap().success()
        );
        assert_eq!(self.process.wait().unwrap().code(), Some(130));
    }
}

#[test]
fn a_watched_run_begins_again_when_its_file_changes() {
    let workspace = Workspace::with(&[("release.yaml", WORKFLOW)]);
    let mut rounds = Rounds::begin(&workspace, &["run", "release.yaml"]);
    rounds.until("this round ended well");
    let path = workspace.path().join("release.yaml");
    std::fs::write(&path, WORKFLOW.replace("needs: [build]", "needs: [biuld]")).unwrap();
    let seen = rounds.until("this round ended with exit code 2");
    assert!(seen.contains("E0209") && seen.contains("did you mean `build`?"), "{seen}");
    std::fs::write(&path, WORKFLOW.replace("echo tested", "echo tested anew")).unwrap();
    rounds.until("this round ended well");
    assert!(ledger(&workspace).ends_with("built\ntested anew\npublished\n"), "{}", ledger(&workspace));
    rounds.interrupt();
}

#[test]
fn a_watched_check_sees_files_that_come() {
    let workspace = Workspace::with(&[("release.yaml", WORKFLOW)]);
    let mut rounds = Rounds::begin(&workspace, &["check"]);
    rounds.until("this round ended well");
    std::fs::write(workspace.path().join("new.yaml"), "workflow: new\ntasks: {a: {need: []}}\n").unwrap();
    let seen = rounds.until("this round ended with exit code 2");
    assert!(seen.contains("new.yaml:2:") && seen.contains("E0202"), "{seen}");
    rounds.interrupt();
}

#[test]
fn a_watched_check_sees_folders_that_come_and_that_take_the_place_of_others() {
    let workspace = Workspace::with(&[("myrmex.yaml", "")]);
    let folder = workspace.path().join("workflows");
    let wrong = "workflow: new\ntasks: {a: {need: []}}\n";
    let mut rounds = Rounds::begin(&workspace, &["check"]);
    rounds.until("this round ended");
    for _ in 0..2 {
        std::fs::create_dir(&folder).unwrap();
        rounds.until("this round ended");
        std::fs::write(folder.join("new.yaml"), wrong).unwrap();
        let seen = rounds.until("this round ended with exit code 2");
        assert!(seen.contains("new.yaml:2:") && seen.contains("E0202"), "{seen}");
        // As a version control does it: away, and there again.
        std::fs::remove_dir_all(&folder).unwrap();
        rounds.until("this round ended");
    }
    rounds.interrupt();
}

#[test]
fn what_is_watched_is_a_file() {
    let workspace = Workspace::with(&[]);
    for arguments in [
        ["run", "-", "--watch"].as_slice(),
        &["check", "-", "--watch"],
        &["run", "w", "--input-file", "-", "--watch"],
    ] {
        let said = workspace.run(arguments);
        assert!(said.code == 2 && said.stderr.contains("error[X0102]"), "{}", said.stderr);
    }
}
