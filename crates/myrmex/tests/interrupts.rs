//! Ctrl-C ends a run that never waits for anything, as it ends one that waits for a process.

#![expect(clippy::unwrap_used, reason = "a check fails by panicking")]

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

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

#[test]
fn a_run_that_never_waits_is_interrupted_and_goes_on_later() {
    for (name, text) in [("round.yaml", ROUND), ("list.yaml", LIST)] {
        let workspace = Workspace::with(&[(name, text)]);
        let mut command = Command::new(env!("CARGO_BIN_EXE_myrmex"));
        command.args(["run", "--json", name]).current_dir(workspace.path());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.next().is_some(), "it has begun");
        let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        assert!(killed.success());
        let (ended, is_over) = std::sync::mpsc::channel();
        let reader = std::thread::spawn(move || {
            lines.for_each(drop);
            ended.send(()).unwrap();
        });
        // Both would go on for minutes.
        let is_over = is_over.recv_timeout(Duration::from_mins(1));
        if is_over.is_err() {
            child.kill().unwrap();
        }
        let status = child.wait().unwrap();
        reader.join().unwrap();
        assert_eq!((is_over, status.code()), (Ok(()), Some(130)), "{name}");
        let run = workspace.newest();
        let shown = workspace.json(&["runs", "show", &run, "--json"]);
        assert_eq!(shown["status"], "running", "{name}: it is there to be resumed");
        assert_eq!(workspace.run(&["runs", "cancel", &run]).code, 0);
    }
}
