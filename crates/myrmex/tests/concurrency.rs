//! Runs of which only so many may be under way at a time: child runs of one run, with real processes that write into a
//! ledger.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/noted.rs"]
mod noted;
mod support;

use std::fs;
use std::process::Output;

use noted::{NOTED, WAITS, noted, overlap};
use serde_json::{Value, json};
use support::{Live, PATIENCE, Workspace, marked, poll};

/// A child that runs `script` with its number in `N`.
fn kid(concurrency: &str, script: &str) -> String {
    let inputs = "inputs: {n: {type: integer}, key: {type: string, default: k}}";
    let env = "env: {N: '${{ inputs.n }}', KEY: '${{ inputs.key }}'}";
    format!(
        "workflow: kid\n{inputs}\nconcurrency: {concurrency}\ntasks:\n  a:\n    run: |\n      {script}\n    {env}\n"
    )
}

/// Calls a child for each of so many numbers, four at a time.
fn calling(count: u32) -> String {
    let each = format!("for_each: ${{{{ {count} }}}}\n    as: n\n    max_parallel: 4");
    format!(
        "workflow: main\ntasks:\n  each:\n    {each}\n    workflow: kid\n    with: {{n: '${{{{ n }}}}'}}\n"
    )
}

fn workspace(main: &str, kid: &str) -> Workspace {
    Workspace::new().with_file("main.yaml", main).with_file("kid.yaml", kid)
}

fn summary(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    let said = String::from_utf8_lossy(&output.stderr);
    let last = text.lines().last().unwrap_or_else(|| panic!("no summary: {said}"));
    serde_json::from_str(last).unwrap()
}

fn run(workspace: &Workspace) -> (Option<i32>, Value) {
    let output = workspace.myrmex(&["run", "--json", "--slots", "4", "main.yaml"]).output().unwrap();
    (output.status.code(), summary(&output))
}

/// Lists the runs of the children, as `runs list --json` does.
fn kids(workspace: &Workspace) -> Vec<Value> {
    runs_of(workspace, "kid")
}

fn statuses(workspace: &Workspace) -> Vec<String> {
    let mut all: Vec<String> =
        kids(workspace).iter().map(|run| run["status"].as_str().unwrap().into()).collect();
    all.sort();
    all
}

#[test]
fn runs_with_one_key_run_one_after_the_other_in_the_order_of_asking() {
    let workspace = workspace(&calling(6), &kid("{key: '${{ inputs.key }}'}", NOTED)).with_one_partition();
    assert_eq!(run(&workspace).0, Some(0));
    let expected: Vec<String> = (0..6).flat_map(|n| [format!("begin {n}"), format!("end {n}")]).collect();
    assert_eq!(noted(&workspace), expected);
}

#[test]
fn as_many_run_as_the_limit_allows() {
    let script = "echo \"begin $N\" >>noted; until [ $(grep -c begin noted) -ge 2 ]; do sleep 0.01; done; echo \"end $N\" >>noted";
    let workspace = workspace(&calling(6), &kid("{limit: 2}", script));
    assert_eq!(run(&workspace).0, Some(0));
    assert_eq!((noted(&workspace).len(), overlap(&noted(&workspace))), (12, 2));
}

#[test]
fn runs_with_different_keys_do_not_wait_for_each_other() {
    // Each waits until all have begun.
    let script = "echo \"begin $N\" >>noted; until [ $(grep -c begin noted) -ge 4 ]; do sleep 0.01; done; echo \"end $N\" >>noted";
    let workspace = workspace(&calling(4), &kid("{key: 'n${{ inputs.n }}'}", script));
    assert_eq!(run(&workspace).0, Some(0));
    assert_eq!(overlap(&noted(&workspace)), 4);
}

#[test]
fn a_run_that_skips_is_told_who_was_in_its_way() {
    let workspace = workspace(&calling(3), &kid("{on_conflict: skip}", NOTED)).with_one_partition();
    let (code, summary) = run(&workspace);
    assert_eq!(code, Some(0));
    assert_eq!(noted(&workspace), ["begin 0", "end 0"]);
    assert_eq!(summary["tasks"]["each[1]"]["status"], "skipped");
    assert_eq!(statuses(&workspace), ["skipped", "skipped", "succeeded"]);
    let kids = kids(&workspace);
    let skipped = kids.iter().find(|run| run["status"] == "skipped").unwrap();
    let held = kids.iter().find(|run| run["status"] == "succeeded").unwrap();
    let why =
        format!("run {} of the same workflow is under way (flow/conflict)", held["run"].as_str().unwrap());
    assert_eq!(skipped["error"], json!(why));
    let shown = workspace.myrmex(&["runs", "resume", skipped["run"].as_str().unwrap()]).output().unwrap();
    assert_eq!(shown.status.code(), Some(4));
    assert!(String::from_utf8_lossy(&shown.stderr).contains(&why));
}

#[test]
fn a_run_that_cancels_takes_the_place_of_the_one_before() {
    let main = "workflow: main
do:
  - first: {workflow: kid, with: {n: 1}, wait: false}
  - begun: {run: 'until grep -q \"begin 1\" noted; do sleep 0.01; done 2>/dev/null'}
  - second: {workflow: kid, with: {n: 2}}
";
    let script = "echo \"begin $N\" >>noted; [ $N = 2 ] || sleep 60; echo \"end $N\" >>noted";
    let workspace = workspace(main, &kid("{on_conflict: cancel}", script));
    assert_eq!(run(&workspace).0, Some(0));
    assert_eq!(noted(&workspace), ["begin 1", "begin 2", "end 2"]);
    assert_eq!(statuses(&workspace), ["cancelled", "succeeded"]);
}

#[test]
fn a_run_that_waits_says_for_whom() {
    let workspace = workspace(&calling(2), &kid("{key: '${{ inputs.key }}'}", WAITS)).with_one_partition();
    let mut live = Live::start(workspace.myrmex(&["run", "--slots", "4", "main.yaml"]), "waits");
    let waiting = || kids(&workspace).into_iter().find(|run| run["status"] == "pending");
    assert!(poll(PATIENCE, || !noted(&workspace).is_empty() && waiting().is_some()), "{}", live.errors());
    let holder = kids(&workspace).into_iter().find(|run| run["status"] == "running").unwrap();
    let holder = &holder["run"].as_str().unwrap()[..13];
    let what_for = format!("waits for run {holder}, which holds the key `k`");
    let waiting = waiting().unwrap();
    assert_eq!((&waiting["phase"], &waiting["waits"]), (&json!("queued"), &json!(what_for)));
    let list = workspace.myrmex(&["runs", "list"]).output().unwrap();
    assert!(String::from_utf8_lossy(&list.stdout).contains(&what_for));
    assert!(!live.is_over());
    // It is told anew when somebody else than before is in the way.
    assert!(poll(PATIENCE, || live.errors().contains(&what_for)), "{}", live.errors());
    fs::write(workspace.path("go"), "").unwrap();
    assert_eq!(live.wait().status.code(), Some(0));
}

#[test]
fn after_a_kill_the_run_that_had_its_place_has_it_first() {
    let script = "echo \"begin $N\" >>noted; [ $N != 1 ] || [ -e go ] || sleep 60; echo \"end $N\" >>noted";
    let workspace = workspace(&calling(4), &kid("{}", script)).with_one_partition();
    let mut live = Live::start(workspace.myrmex(&["run", "--slots", "4", "main.yaml"]), "resumed");
    assert!(poll(PATIENCE, || noted(&workspace).len() == 3), "{}", live.errors());
    live.kill();
    drop(live.finish());
    fs::write(workspace.path("go"), "").unwrap();
    let list = workspace.myrmex(&["runs", "list", "--json", "--workflow", "main"]).output().unwrap();
    let main = summary(&list)["runs"][0]["run"].as_str().unwrap().to_owned();
    let resumed = workspace.myrmex(&["runs", "resume", &main]).output().unwrap();
    assert_eq!(resumed.status.code(), Some(0), "{}", String::from_utf8_lossy(&resumed.stderr));
    let expected: Vec<String> =
        ["begin 0", "end 0", "begin 1", "begin 1", "end 1", "begin 2", "end 2", "begin 3", "end 3"]
            .map(str::to_owned)
            .to_vec();
    assert_eq!(noted(&workspace), expected);
    let admissions =
        workspace.export().unwrap().events.iter().filter(|event| event.kind == "run.admitted").count();
    assert_eq!(admissions, 4, "each run is admitted once");
}

#[test]
fn a_run_that_would_wait_for_its_own_caller_fails_at_once() {
    let kid = "workflow: kid
inputs: {n: {type: integer}}
concurrency: {key: same}
tasks:
  inside: {if: inputs.n < 1, workflow: kid, with: {n: '${{ inputs.n + 1 }}'}}
";
    let main = "workflow: main\ntasks:\n  call: {workflow: kid, with: {n: 0}}\n";
    let workspace = workspace(main, kid);
    let (code, summary) = run(&workspace);
    assert_eq!((code, &summary["error"]["type"]), (Some(1), &json!("flow/deadlock")));
    let title = summary["error"]["title"].as_str().unwrap();
    assert!(
        title.starts_with("it would wait for ever: run ")
            && title.ends_with("holds the key `same` and waits for it")
    );
    // One that nobody waits for can wait.
    let detached = kid.replace("with:", "wait: false, with:");
    fs::write(workspace.path("kid.yaml"), detached).unwrap();
    assert_eq!(run(&workspace).0, Some(0));
    assert_eq!(statuses(&workspace)[2..], ["succeeded", "succeeded"]);
}

#[test]
fn a_run_that_was_cancelled_for_another_ends_in_peace_after_a_kill() {
    let main = "workflow: main
do:
  - first: {workflow: kid, with: {n: 1}, wait: false}
  - begun: {run: 'until grep -q \"begin 1\" noted; do sleep 0.01; done 2>/dev/null'}
  - second: {workflow: kid, with: {n: 2}}
";
    let script = "echo \"begin $N\" >>noted; [ $N = 2 ] || sleep 60; echo \"end $N\" >>noted";
    let last = "[ $N = 2 ] || { echo \"begin last\" >>noted; until [ -e go ]; do sleep 0.01; done; echo \"end last\" >>noted; }";
    let finally = format!("finally:\n  run: |\n    {last}\n  env: {{N: '${{{{ inputs.n }}}}'}}\n");
    let workspace = workspace(main, &(kid("{on_conflict: cancel}", script) + &finally));
    let mut live = Live::start(workspace.myrmex(&["run", "main.yaml"]), "cancelled");
    let is_ending = || noted(&workspace).last().is_some_and(|line| line == "begin last");
    assert!(poll(PATIENCE, is_ending), "{}", live.errors());
    live.kill();
    drop(live.finish());
    let main = runs_of(&workspace, "main")[0]["run"].as_str().unwrap().to_owned();
    let live = Live::start(workspace.myrmex(&["runs", "resume", &main]), "cancelled again");
    let is_again = || noted(&workspace).iter().filter(|line| *line == "begin last").count() == 2;
    assert!(poll(PATIENCE, is_again), "{}", live.errors());
    fs::write(workspace.path("go"), "").unwrap();
    let ended = live.wait();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.errors);
    assert_eq!(noted(&workspace), ["begin 1", "begin last", "begin last", "end last", "begin 2", "end 2"]);
    let cancels = workspace.export().unwrap().events.iter().filter(|e| e.kind == "cancel.requested").count();
    assert_eq!(cancels, 1);
}

/// Two children that call each other's workflow: `wa` while `wb` has its place, and `wb` once `go` is there.
fn circle() -> Workspace {
    let main = "workflow: main
tasks:
  a: {workflow: wa, with: {deep: true}}
  b: {workflow: wb, with: {deep: true}}
";
    let caller = |own: &str, other: &str, script: &str| {
        let head =
            format!("workflow: {own}\ninputs: {{deep: {{type: boolean}}}}\nconcurrency: {{limit: 1}}\n");
        format!(
            "{head}do:\n  - first: {{if: inputs.deep, run: '{script}'}}\n  - call: {{if: inputs.deep, workflow: {other}, with: {{deep: false}}}}\n"
        )
    };
    Workspace::new()
        .with_file("main.yaml", main)
        .with_file("wa.yaml", &caller("wa", "wb", "until [ -e noted ]; do sleep 0.01; done"))
        .with_file("wb.yaml", &caller("wb", "wa", "touch noted; until [ -e go ]; do sleep 0.01; done"))
}

fn runs_of(workspace: &Workspace, workflow: &str) -> Vec<Value> {
    let output = workspace.myrmex(&["runs", "list", "--json", "--workflow", workflow]).output().unwrap();
    summary(&output)["runs"].as_array().unwrap().clone()
}

#[test]
fn a_circle_that_closes_after_a_kill_is_found_as_without_it() {
    for is_killed in [false, true] {
        let workspace = circle();
        let mut live = Live::start(workspace.myrmex(&["run", "--slots", "4", "main.yaml"]), "circle");
        let is_waiting = || runs_of(&workspace, "wb").iter().any(|run| run["status"] == "pending");
        let is_deep = poll(PATIENCE, || workspace.path("noted").exists() && is_waiting());
        assert!(is_deep, "{}", live.errors());
        if is_killed {
            live.kill();
            drop(live.finish());
            let main = runs_of(&workspace, "main")[0]["run"].as_str().unwrap().to_owned();
            live = Live::start(workspace.myrmex(&["runs", "resume", &main]), "circle again");
        }
        fs::write(workspace.path("go"), "").unwrap();
        let ended = live.wait();
        assert_eq!(ended.status.code(), Some(1), "{}", ended.errors);
        assert!(ended.errors.contains("flow/deadlock"), "killed: {is_killed}: {}", ended.errors);
    }
}

/// Kills a run while a run that it started and did not wait for, and one that this one started, are under way.
fn killed_with_detached(ends: bool) -> (Workspace, String) {
    let rest = if ends { "" } else { "  - stay: {run: 'until [ -e go ]; do sleep 0.01; done'}\n" };
    let main = format!("workflow: main\ndo:\n  - start: {{workflow: middle, wait: false}}\n{rest}");
    let middle = "workflow: middle\ntasks:\n  on: {workflow: kid, with: {n: 7}, wait: false}\n";
    let workspace = workspace(&main, &kid("{}", WAITS)).with_file("middle.yaml", middle);
    let mut live = Live::start(workspace.myrmex(&["run", "main.yaml"]), "detached");
    assert!(poll(PATIENCE, || noted(&workspace).len() == 1), "{}", live.errors());
    live.kill();
    drop(live.finish());
    // What the dead process ran must not see `go`.
    assert!(poll(PATIENCE, || marked("detached").is_empty()), "a task outlives its process");
    let list = workspace.myrmex(&["runs", "list", "--json", "--workflow", "main"]).output().unwrap();
    let main = summary(&list)["runs"][0]["run"].as_str().unwrap().to_owned();
    fs::write(workspace.path("go"), "").unwrap();
    (workspace, main)
}

#[test]
fn what_a_run_started_and_did_not_wait_for_is_resumed_with_it() {
    for ends in [true, false] {
        let (workspace, main) = killed_with_detached(ends);
        let resumed = workspace.myrmex(&["runs", "resume", &main]).output().unwrap();
        let said = String::from_utf8_lossy(&resumed.stderr);
        assert_eq!(resumed.status.code(), Some(0), "{said}");
        assert_eq!(said.contains("the run is over: succeeded; runs that it started go on"), ends, "{said}");
        assert_eq!(noted(&workspace), ["begin 7", "begin 7", "end 7"]);
        assert_eq!(statuses(&workspace), ["succeeded"]);
        let again = workspace.myrmex(&["runs", "resume", &main]).output().unwrap();
        let said = String::from_utf8_lossy(&again.stderr);
        assert!(said.contains("`myrmex run` starts a new one"), "{said}");
    }
}

#[test]
fn who_starts_a_run_is_told_of_those_that_were_interrupted() {
    let (workspace, _) = killed_with_detached(false);
    let workspace = workspace.with_file("other.yaml", "workflow: other\ntasks: {a: {run: 'true'}}\n");
    let other = workspace.myrmex(&["run", "other.yaml"]).output().unwrap();
    let said = String::from_utf8_lossy(&other.stderr);
    // Those below come back with the one that started them.
    assert!(said.contains("a run was interrupted before and waits for `myrmex runs resume`"), "{said}");
    let quiet = workspace.myrmex(&["run", "--quiet", "other.yaml"]).output().unwrap();
    assert_eq!((quiet.status.code(), quiet.stderr.len()), (Some(0), 0));
}
