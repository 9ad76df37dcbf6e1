//! What happens at the limits of the machine and of values: a clear error or a wait, never a run without an end.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

/// Somebody who owns no process.
const STRANGER: u32 = 61_234;

fn workspace(workflow: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("w.yaml"), workflow).unwrap();
    folder
}

fn myrmex() -> &'static str {
    env!("CARGO_BIN_EXE_myrmex")
}

/// Runs `command` and returns its exit code and the summary, its last line.
fn summary(mut command: Command) -> (i32, Value) {
    let output = command.output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let last = stdout.lines().last().unwrap_or_else(|| panic!("no summary: {said}"));
    (output.status.code().unwrap(), serde_json::from_str(last).unwrap())
}

#[test]
fn items_that_give_too_much_together_fail_their_task_and_the_run_ends() {
    let folder = workspace(
        "workflow: w\ntasks:\n  large:\n    for_each: ${{ 18 }}\n    run: head -c 1000000 /dev/zero | tr '\\0' x\n",
    );
    let mut command = Command::new(myrmex());
    command.args(["run", "--json", "w.yaml"]).current_dir(folder.path());
    let (code, summary) = summary(command);
    assert_eq!((code, &summary["status"]), (1, &Value::from("failed")), "{summary}");
    assert_eq!(summary["error"]["type"], "data-limit");
    assert_eq!(summary["tasks"]["large[17]"]["status"], "succeeded");
}

#[test]
fn a_limit_of_evaluations_is_set_in_the_workspace_and_named_by_what_meets_it() {
    let folder = workspace(
        "workflow: w\ntasks:\n  much: {set: \"${{ range(200) | map('string') | list | length }}\"}\n",
    );
    let run = |settings: &str| {
        std::fs::write(folder.path().join("myrmex.yaml"), settings).unwrap();
        let mut command = Command::new(myrmex());
        command.args(["run", "--json", "w.yaml"]).current_dir(folder.path());
        summary(command)
    };
    assert_eq!(run("").0, 0);
    let (code, summary) = run("expressions: {fuel: 150}\n");
    let title = summary["error"]["title"].as_str().unwrap();
    let limit = "the expression does more than the limit `expressions.fuel` of 150 steps allows";
    assert!(code == 1 && title.ends_with(limit), "{summary}");
}

#[test]
fn attempts_wait_for_processes_that_the_machine_does_not_have() {
    let folder =
        workspace("workflow: w\ntasks:\n  sleep: {for_each: '${{ 30 }}', run: {command: [sleep, '0.1']}}\n");
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o777)).unwrap();
    if chown(folder.path(), Some(STRANGER), None).is_err() {
        // Only root can become somebody without processes, whose number of processes can then be bounded.
        eprintln!("not tested: this needs root");
        return;
    }
    // The binary may lie where a stranger may not look.
    let binary = folder.path().join("myrmex");
    std::fs::copy(myrmex(), &binary).unwrap();
    let mut command = Command::new("bash");
    command.args(["-c", "ulimit -u 30 && exec ./myrmex run --json --slots 30 w.yaml"]);
    command.current_dir(folder.path()).uid(STRANGER);
    let (code, summary) = summary(command);
    assert_eq!((code, &summary["status"]), (0, &Value::from("succeeded")), "{summary}");
}
