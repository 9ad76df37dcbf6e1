//! Commands about several runs, and about runs with many items.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/said.rs"]
mod said;

use std::process::{Command, Stdio};

use said::Workspace;

const STOP: &str = "workflow: stop\ndefaults: {timeout: 20m}\ntasks:\n  wait: {run: 'test -e go || { echo x >begun; exec sleep 600; }'}\n";

const ITEMS: &str = "workflow: items\ninputs: {bad: {type: boolean, default: true}}\ndefaults: {timeout: 1m}\ntasks:\n  \
                     each: {for_each: 40, run: 'true'}\n  odd: {for_each: 60, run: 'test \"$BAD\" = false || test \"$N\" -lt 58', \
                     env: {N: '${{ index }}', BAD: '${{ inputs.bad }}'}}\n";

/// Begins a run and kills its process once its task runs; returns the id of the run.
fn cut_off(workspace: &Workspace) -> String {
    let begun = workspace.path().join("begun");
    drop(std::fs::remove_file(&begun));
    let mut command = Command::new(env!("CARGO_BIN_EXE_myrmex"));
    command.args(["run", "stop", "--quiet"]).current_dir(workspace.path());
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_mins(1);
    while !begun.exists() {
        assert!(std::time::Instant::now() < deadline, "the task did not begin");
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    workspace.newest()
}

fn workspace() -> Workspace {
    Workspace::with(&[("myrmex.yaml", ""), ("stop.yaml", STOP), ("items.yaml", ITEMS)])
}

/// Returns the statuses of all runs, the newest first.
fn statuses(workspace: &Workspace) -> Vec<String> {
    let runs = workspace.json(&["runs", "list", "--json"])["runs"].clone();
    let runs = runs.as_array().unwrap().iter();
    runs.map(|run| {
        if run["interrupted"] == true { "interrupted" } else { run["status"].as_str().unwrap() }.to_owned()
    })
    .collect()
}

#[test]
fn several_runs_are_resumed_and_cancelled_at_once() {
    let workspace = workspace();
    let runs: Vec<String> = (0..5).map(|_| cut_off(&workspace)).collect();
    assert_eq!(statuses(&workspace), ["interrupted"; 5]);
    let said = workspace.run(&["runs", "cancel", &runs[0], &runs[1], "--reason", "enough"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(statuses(&workspace), ["interrupted", "interrupted", "interrupted", "cancelled", "cancelled"]);
    std::fs::write(workspace.path().join("go"), "").unwrap();
    let said = workspace.run(&["runs", "resume", &runs[3], &runs[2], &runs[3]]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let ends: Vec<&str> = said.stderr.lines().filter(|line| line.contains(" succeeded in ")).collect();
    assert_eq!(ends.len(), 2, "{}", said.stderr);
    assert!(ends[0].contains(&runs[3][..13]) && ends[1].contains(&runs[2][..13]), "{ends:?}");
    assert!(
        said.stderr.contains("a run was interrupted before and waits for `myrmex runs resume`"),
        "{}",
        said.stderr
    );
    let said = workspace.run(&["runs", "resume", "--all", "--json"]);
    let last = said.json();
    assert_eq!((said.code, &last["run"], &last["status"]), (0, &runs[4].clone().into(), &"succeeded".into()));
    let said = workspace.run(&["runs", "resume", "--all"]);
    assert_eq!((said.code, said.stderr.as_str()), (4, "nothing to do: no run is interrupted\n"));
    // What is over keeps its exit code.
    assert_eq!(workspace.run(&["runs", "resume", &runs[4], &runs[0], "--quiet"]).code, 5);
    assert_eq!(workspace.run(&["runs", "resume"]).code, 2);
    assert_eq!(workspace.run(&["runs", "resume", "--all", &runs[0]]).code, 2);
}

#[test]
fn many_items_fit_on_a_screen() {
    let workspace = workspace();
    assert_eq!(workspace.run(&["run", "items", "--quiet"]).code, 1);
    let run = workspace.newest();
    let shown = workspace.run(&["runs", "show", &run]).stdout;
    let lines = shown.lines().count();
    assert!(lines < 70, "{lines}: {shown}");
    assert!(shown.contains("[58]") && shown.contains("[59]"), "{shown}");
    assert!(shown.contains(" more, not shown"), "{shown}");
    let failed = workspace.run(&["runs", "show", &run, "--failed", "--limit", "1"]).stdout;
    // Above the rows stands which item failed first.
    let rows: Vec<&str> = failed.lines().map(str::trim_start).filter(|line| line.starts_with('[')).collect();
    assert!(
        rows.len() == 2 && rows[0].starts_with("[58] ") && rows[1].contains("1 more, not shown"),
        "{failed}"
    );
    assert!(!failed.contains("each"), "{failed}");
    let all = workspace.json(&["runs", "show", &run, "--json"]);
    assert!(all["tasks"]["odd[59]"]["status"] == "failed" && all["tasks"]["odd[0]"]["status"] == "succeeded");

    let again = workspace.run(&["runs", "retry", &run, "-i", "bad=false"]);
    assert_eq!(again.code, 0, "{}", again.stderr);
    let taken = again.stderr.lines().filter(|line| line.trim_start().starts_with("taken ")).count();
    assert!(taken <= 20 && again.stderr.contains(" taken over)"), "{taken}: {}", again.stderr);
}
