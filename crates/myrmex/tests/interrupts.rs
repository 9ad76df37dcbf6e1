//! Ctrl-C ends a run that never waits for anything, as it ends one that waits for a process, and what it did until then is durable.

#![expect(clippy::unwrap_used, reason = "a check fails by panicking")]

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use said::Workspace;

#[path = "support/said.rs"]
mod said;

/// Goes round for as long as a flow may, and never waits.
const ROUND: &str = "
workflow: round
do:
  - begin: {set: {n: 0}}
  - again: {set: {n: '${{ vars.n + 1 }}'}}
  - asked: {switch: [{if: 'true', then: again}]}
";

const LIST: &str = "
workflow: list
tasks:
  each: {for_each: 1000000, set: '${{ item }}'}
";

/// What each item of a list, or each round, calls: it has nothing to wait for either.
const CHILD: &str = "
workflow: child
tasks:
  done: {set: {n: 1}}
";

const CALLS: &str = "
workflow: calls
do:
  - call: {workflow: child}
  - asked: {switch: [{if: 'true', then: call}]}
";

const CHAIN: &str = "
workflow: chain
tasks:
  each: {for_each: 200000, max_parallel: 1, workflow: child}
";

/// So many events are durable before Ctrl-C.
const EVENTS: usize = 2_000;

/// Far more than it takes to come so far, and to end; all of them would go on for minutes.
const PATIENCE: Duration = Duration::from_mins(1);

/// Runs a workflow until so many of its events are durable, interrupts it, and returns its id.
fn interrupt(workspace: &Workspace, (name, partitions): (&str, u32), events: usize) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_myrmex"));
    command.args(["run", "--json", name]).current_dir(workspace.path());
    command.env("MYRMEX_PARTITIONS", partitions.to_string());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (line, printed) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || lines.for_each(|read| drop(line.send(read.unwrap()))));
    let first = printed.recv_timeout(PATIENCE).unwrap_or_default();
    let grows = (1..events).all(|_| printed.recv_timeout(PATIENCE).is_ok());
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let until = Instant::now() + PATIENCE;
    let mut is_over = false;
    while !is_over && Instant::now() < until {
        is_over = printed.recv_timeout(PATIENCE).is_err_and(|error| error == RecvTimeoutError::Disconnected);
    }
    if !is_over {
        child.kill().unwrap();
    }
    let status = child.wait().unwrap();
    reader.join().unwrap();
    assert!(!first.is_empty() && grows, "{name}: the journal does not grow with {partitions} partitions");
    assert_eq!((is_over, status.code()), (true, Some(130)), "{name} with {partitions} partitions");
    let first: serde_json::Value = serde_json::from_str(&first).unwrap();
    first["run"].as_str().unwrap().to_owned()
}

#[test]
fn a_run_that_never_waits_is_interrupted_and_goes_on_later() {
    for (name, text) in [("round.yaml", ROUND), ("list.yaml", LIST)] {
        let workspace = Workspace::with(&[(name, text)]);
        let run = interrupt(&workspace, (name, 1), 1);
        cancel(&workspace, &run);
    }
}

#[test]
fn calls_without_end_are_interrupted_and_durable_until_then() {
    for (name, text) in [("calls.yaml", CALLS), ("chain.yaml", CHAIN)] {
        for partitions in [1, 4] {
            let workspace = Workspace::with(&[(name, text), ("child.yaml", CHILD)]);
            let run = interrupt(&workspace, (name, partitions), EVENTS);
            cancel(&workspace, &run);
        }
    }
}

/// What was interrupted is there to be resumed, and can be cancelled.
fn cancel(workspace: &Workspace, run: &str) {
    let status = || workspace.json(&["runs", "show", run, "--json"])["status"].as_str().unwrap().to_owned();
    assert_eq!(status(), "running", "it is there to be resumed");
    assert_eq!(workspace.run(&["runs", "cancel", run]).code, 0);
    assert_eq!(status(), "cancelled");
}
