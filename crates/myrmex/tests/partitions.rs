//! Stores with several partitions, and what must be the same whether there are several or one.

#![expect(clippy::unwrap_used, reason = "a check fails by panicking")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use myrmex_store::Reader;
use myrmex_store::sqlite::SqliteReader;
use said::Workspace;
use serde_json::Value;

#[path = "support/said.rs"]
mod said;

/// The variable that says how many partitions a new store gets.
const PARTITIONS: &str = "MYRMEX_PARTITIONS";

/// Far longer than anything takes here.
const PATIENCE: Duration = Duration::from_mins(1);

/// Calls for as long as a flow may, and never waits for anything but the end of a child.
const CALLS: &str = "
workflow: calls
do:
  - begin: {set: {n: 0}}
  - call: {workflow: kid, with: {n: '${{ vars.n }}'}}
  - again: {set: {n: '${{ vars.n + 1 }}'}}
  - asked: {switch: [{if: 'true', then: call}]}
";

const KID: &str = "
workflow: kid
inputs: {n: {type: integer}}
do:
  - give: {set: '${{ inputs.n }}'}
";

fn partitions(workspace: &Workspace) -> u32 {
    SqliteReader::open(&workspace.path().join(".myrmex")).unwrap().partitions().unwrap().count()
}

/// Of what cargo runs no store has one partition by chance: nothing may lean on one transaction.
#[test]
fn stores_of_tests_have_four_partitions() {
    let workspace = Workspace::with(&[("w.yaml", "workflow: w\ntasks:\n  a: {set: {n: 1}}\n")]);
    assert_eq!(workspace.run(&["run", "-q", "w.yaml"]).code, 0);
    assert_eq!(partitions(&workspace), 4);
}

#[test]
fn runs_that_only_call_each_other_are_interrupted_and_go_on_later() {
    for count in ["1", "4"] {
        let workspace = Workspace::with(&[("calls.yaml", CALLS), ("kid.yaml", KID)]);
        let mut command = Command::new(env!("CARGO_BIN_EXE_myrmex"));
        command.args(["run", "--json", "calls.yaml"]).current_dir(workspace.path()).env(PARTITIONS, count);
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
        let is_over = is_over.recv_timeout(PATIENCE);
        if is_over.is_err() {
            child.kill().unwrap();
        }
        let status = child.wait().unwrap();
        reader.join().unwrap();
        assert_eq!((is_over, status.code()), (Ok(()), Some(130)), "{count} partitions");
        assert_eq!(partitions(&workspace).to_string(), count);
        let list = workspace.json(&["runs", "list", "--json", "--workflow", "calls"]);
        let run = list["runs"][0]["run"].as_str().unwrap().to_owned();
        assert_eq!(workspace.run(&["runs", "cancel", &run]).code, 0);
        let shown = workspace.json(&["runs", "show", &run, "--json"]);
        assert_eq!(shown["status"], "cancelled", "{count} partitions");
    }
}

/// Who reads on gives the last place of each log, and misses nothing.
#[test]
fn events_go_on_from_a_place_in_each_log() {
    let workspace = Workspace::with(&[("w.yaml", "workflow: w\ntasks:\n  a: {set: {n: 1}}\n")]);
    let started = || assert_eq!(workspace.run(&["run", "-q", "w.yaml"]).code, 0);
    let events = |words: &[&str]| -> Vec<Value> {
        let shown = workspace.run(&[&["events"], words].concat()).stdout;
        shown.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let mut places = BTreeMap::new();
    while places.len() < 2 {
        started();
        places.extend(events(&[]).iter().map(|event| (event["log"].to_string(), event["seq"].to_string())));
    }
    let before = events(&[]).len();
    (0..6).for_each(|_| started());
    let words: Vec<String> =
        places.iter().flat_map(|(log, seq)| ["--after".to_owned(), format!("{log}:{seq}")]).collect();
    let new = events(&words.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(before + new.len(), events(&[]).len());
    assert_eq!(new.iter().filter(|event| event["type"] == "run.started").count(), 6);
}
