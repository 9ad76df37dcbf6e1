//! `myrmex runs skip`: of runs whose process was killed or interrupted, in words and as recorded.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/said.rs"]
mod said;

use std::process::{Command, Stdio};

use said::Workspace;
use serde_json::{Value, json};

const WORK: &str = "\
workflow: work
defaults: {timeout: 20m}
tasks:
  first: {run: 'true'}
  stuck: {needs: first, run: 'echo x >begun; exec sleep 600'}
  after: {needs: stuck, run: 'true'}
  anyway: {needs: {stuck: finished}, run: 'true'}
  block: {needs: anyway, do: [inner: {run: 'true'}]}
";

/// Begins a run and kills its process once `stuck` runs.
fn cut_off() -> (Workspace, String) {
    cut_off_of(WORK)
}

fn cut_off_of(text: &str) -> (Workspace, String) {
    let workspace = Workspace::with(&[("myrmex.yaml", ""), ("work.yaml", text)]);
    let begun = workspace.path().join("begun");
    let mut command = Command::new(env!("CARGO_BIN_EXE_myrmex"));
    command.args(["run", "work", "--quiet"]).current_dir(workspace.path());
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_mins(1);
    while !begun.exists() {
        assert!(std::time::Instant::now() < deadline, "the task did not begin");
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let run = workspace.newest();
    (workspace, run)
}

fn statuses(summary: &Value) -> Value {
    let tasks = summary["tasks"].as_object().unwrap().iter();
    tasks.map(|(path, task)| (path.clone(), task["status"].clone())).collect()
}

#[test]
fn a_task_whose_process_was_killed_is_skipped_and_the_run_goes_on() {
    let (workspace, run) = cut_off();
    let said = workspace.run(&["runs", "skip", &run[..13], "stuck", "--reason", "not today", "--json"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let expected = json!({
        "first": "succeeded", "stuck": "skipped", "after": "skipped", "anyway": "succeeded", "block": "succeeded",
        "block/inner": "succeeded",
    });
    assert_eq!(statuses(&said.json()), expected);
    let skips: Vec<Value> = said
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|event| event["type"] == "task.skipped" && event["task"] == "stuck")
        .collect();
    assert_eq!(skips.len(), 1);
    let why = json!({"why": "person", "by": "tester", "reason": "not today"});
    assert_eq!((&skips[0]["data"], &skips[0]["actor"]), (&why, &json!("tester")));
    assert_eq!(skips[0]["cause"], "tester skipped it: not today");
    // What was recorded is read again.
    let again = workspace.json(&["runs", "show", &run, "--json"]);
    assert_eq!(statuses(&again), expected);
    let analyzed = workspace.json(&["analyze", &run, "--json"]);
    assert_eq!(
        analyzed["tasks"]["stuck"]["count"].as_u64().unwrap_or(0),
        0,
        "it was not carried out to its end"
    );
    let said = workspace.run(&["runs", "skip", &run, "stuck"]);
    let expected = format!(
        "error[X0104]: run {0} is over: succeeded\nhint: `myrmex runs retry {0}` runs again what did not succeed\n",
        &run[..13]
    );
    assert_eq!((said.code, said.stderr), (2, expected));
}

#[test]
fn several_are_skipped_together_and_told() {
    let (workspace, run) = cut_off();
    let said = workspace.run(&["runs", "skip", &format!("{run}/stuck"), "anyway"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    for line in ["skipped  stuck", "skipped  anyway"] {
        let told =
            said.stderr.lines().find(|told| told.contains(line)).unwrap_or_else(|| panic!("{}", said.stderr));
        assert!(told.ends_with("by tester: asked for on the command line"), "{told}");
    }
    assert!(said.stderr.contains("(1 succeeded, 4 skipped)"), "{}", said.stderr);
}

#[test]
fn what_cannot_be_skipped_is_told_and_nothing_changes() {
    let (workspace, run) = cut_off();
    let refused = |task: &str, expected: &str| {
        let said = workspace.run(&["runs", "skip", &run, "stuck", task]);
        assert_eq!((said.code, said.stderr.as_str()), (2, expected), "{task}");
    };
    refused("first", "error[X0104]: task `first` cannot be skipped: it is over\n");
    refused(
        "block/inner",
        "error[X0109]: the run has not come to task `block/inner`: what is around it has not begun\nhint: skip what is around it\n",
    );
    let unknown =
        format!("error[X0109]: run {} has no task `frist`\nhint: did you mean `first`?\n", &run[..13]);
    refused("frist", &unknown);
    let said = workspace.run(&["runs", "skip", &run]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.starts_with("error[X0102]: no task is named\n"), "{}", said.stderr);
    let shown = workspace.json(&["runs", "show", &run, "--json"]);
    assert_eq!(shown["interrupted"], true);
    assert_ne!(shown["tasks"]["stuck"]["status"], "skipped");
}

#[test]
fn a_later_step_is_told_to_wait_for_the_run() {
    let steps = "\
workflow: work
defaults: {timeout: 20m}
do:
  - block:
      do:
        - stuck: {run: 'echo x >begun; exec sleep 600'}
        - inner: {run: 'true'}
  - later: {run: 'true'}
  - closed: {do: [inside: {run: 'true'}]}
";
    let (workspace, run) = cut_off_of(steps);
    let refused = |task: &str, expected: &str| {
        let said = workspace.run(&["runs", "skip", &run, task]);
        let begin = format!("error[X0109]: the run has not come to task `{task}`: ");
        assert_eq!((said.code, said.stderr), (2, begin + expected), "{task}");
    };
    let step =
        "a step before it is not over\nhint: a step of a `do:` can be skipped once the run has come to it\n";
    refused("later", step);
    refused("block/inner", step);
    refused("closed/inside", "what is around it has not begun\nhint: skip what is around it\n");
    let said = workspace.run(&["runs", "skip", &run, "block/stuck", "--quiet"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
}
