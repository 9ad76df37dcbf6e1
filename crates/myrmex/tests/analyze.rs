//! `myrmex analyze`: what it says about runs whose slow part is known.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/said.rs"]
mod said;

use said::Workspace;
use serde_json::{Value, json};

fn with(text: &str) -> Workspace {
    Workspace::with(&[("myrmex.yaml", ""), ("w.yaml", text)])
}

fn last_line(text: &str) -> &str {
    text.lines().last().unwrap()
}

/// Returns the share of a task on the critical path.
fn share(shown: &Value, task: &str) -> u64 {
    let links = shown["critical"].as_array().unwrap();
    links.iter().find(|link| link["task"] == task).unwrap_or_else(|| panic!("{links:?}"))["percent"]
        .as_u64()
        .unwrap()
}

#[test]
fn the_task_that_everything_came_down_to_is_named() {
    let workspace = with(
        "workflow: w\ndefaults: {timeout: 1m}\ntasks:\n  quick: {run: 'true'}\n  block:\n    do:\n      - first: {run: 'true'}\n      \
         - slow: {run: sleep 0.4}\n  last: {needs: [quick, block], run: 'true'}\n",
    );
    assert_eq!(workspace.run(&["run", "w", "--quiet"]).code, 0);
    let shown = workspace.json(&["analyze", "w", "--json"]);
    assert_eq!((&shown["runs"], &shown["run"], &shown["cut"]), (&json!(1), &Value::Null, &json!(false)));
    assert_eq!(shown["change"]["task"], "block/slow");
    assert!(share(&shown, "block/slow") > 50 && share(&shown, "block") < 30, "{shown}");
    let sum: u64 =
        shown["critical"].as_array().unwrap().iter().map(|link| link["percent"].as_u64().unwrap()).sum();
    assert!(sum <= 100, "{shown}");
    let waited = shown["tasks"]["last"]["waited"].as_array().unwrap();
    let before = waited.iter().find(|wait| wait["kind"] == "task").unwrap();
    assert!(before["name"] == "block" && before["waited_ms"].as_u64().unwrap() >= 400, "{before}");

    let run = workspace.newest();
    let of_run = workspace.json(&["analyze", &run, "--json"]);
    assert_eq!((&of_run["run"], &of_run["critical"]), (&json!(run[..13]), &shown["critical"]));
    let said = workspace.run(&["analyze", &run]);
    assert_eq!((said.code, said.stderr.as_str()), (0, ""));
    assert!(said.stdout.starts_with(&format!("run {} of `w`: succeeded, ", &run[..13])), "{}", said.stdout);
    for title in ["What decided when it ended", "The slowest tasks", "What waited"] {
        assert!(said.stdout.contains(&format!("\n{title}\nTASK ")), "{title}: {}", said.stdout);
    }
    assert!(!said.stdout.contains("tried again"), "{}", said.stdout);
    assert!(last_line(&said.stdout).starts_with("change first: make `block/slow` faster"), "{}", said.stdout);
}

#[test]
fn a_pool_that_many_wait_for_is_named() {
    let workspace = with(
        "workflow: w\ndefaults: {timeout: 1m}\npools: {db: 1}\ntasks:\n  each: {for_each: 6, run: sleep 0.1, pools: {db: 1}}\n",
    );
    assert_eq!(workspace.run(&["run", "w", "--quiet", "--slots", "4"]).code, 0);
    let shown = workspace.json(&["analyze", "w", "--json"]);
    let change = &shown["change"]["resource"];
    assert_eq!(
        (&change["kind"], &change["name"], &change["units"]),
        (&json!("pool"), &json!("db"), &json!(1))
    );
    assert!(shown["resources"][0]["percent"].as_u64().unwrap() > 50, "{shown}");
    assert!(shown["tasks"]["each[]"]["waited"][0]["name"] == "db", "{shown}");
    let said = workspace.run(&["analyze", "w"]);
    assert!(said.stdout.contains("pool `db` (1) "), "{}", said.stdout);
    assert!(
        last_line(&said.stdout).starts_with("change first: give pool `db` (1) more units"),
        "{}",
        said.stdout
    );
}

#[test]
fn places_and_attempts_that_fail_are_named() {
    let workspace =
        with("workflow: w\ndefaults: {timeout: 1m}\ntasks:\n  each: {for_each: 5, run: sleep 0.1}\n");
    assert_eq!(workspace.run(&["run", "w", "--quiet", "--slots", "1"]).code, 0);
    let said = workspace.run(&["analyze", "w"]);
    assert!(
        last_line(&said.stdout).starts_with("change first: let more tasks run at a time"),
        "{}",
        said.stdout
    );

    let again = "workflow: w\ndefaults: {timeout: 1m}\ntasks:\n  again:\n    \
                 run: 'sleep 0.1; test \"$MYRMEX_ATTEMPT\" -ge 4'\n    retry: {attempts: 4, delay: 1ms}\n";
    let workspace = with(again);
    assert_eq!(workspace.run(&["run", "w", "--quiet"]).code, 0);
    let shown = workspace.json(&["analyze", "w", "--json"]);
    assert_eq!([&shown["tasks"]["again"]["retries"], &shown["tasks"]["again"]["attempts"]], [3, 4]);
    assert!(shown["tasks"]["again"]["lost_ms"].as_u64().unwrap() >= 300, "{shown}");
    let said = workspace.run(&["analyze", "w"]);
    assert!(said.stdout.contains("\nWhat was tried again\nTASK "), "{}", said.stdout);
}

#[test]
fn what_is_neither_a_run_nor_a_workflow_is_told() {
    let workspace = with("workflow: w\ndefaults: {timeout: 1m}\ntasks: {a: {run: 'true'}}\n");
    assert_eq!(workspace.run(&["run", "w", "--quiet"]).code, 0);
    let said = workspace.run(&["analyze", "other"]);
    let expected = "error[X0103]: there is no run, and no workflow that ran, of the name `other`\n\
                    hint: `myrmex runs list` shows the runs, `myrmex runs stats` the workflows\n";
    assert_eq!((said.code, said.stderr.as_str()), (2, expected));
    let said = workspace.run(&["analyze", "9999"]);
    assert!(said.code == 2 && said.stderr.starts_with("error[X0103]: no run has an id "), "{}", said.stderr);
}
