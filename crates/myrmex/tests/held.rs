//! What blocks and calls hold while others wait for it, with the real binary and real processes.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs;

use serde_json::{Value, json};
use support::{Ended, Live, PATIENCE, Workspace, poll};

/// Waits until the file `go` is there.
const WAITS: &str = "echo begin >>noted; until [ -e go ]; do sleep 0.01; done";

fn workspace(text: &str) -> Workspace {
    Workspace::new().with_file("main.yaml", text)
}

/// Runs `main.yaml` to its end. What waits for ever fails the test.
fn ended(workspace: &Workspace) -> Ended {
    Live::start(workspace.myrmex(&["run", "--slots", "4", "main.yaml"]), "held").wait()
}

/// Starts `main.yaml` and waits until its first task is under way.
fn begun(workspace: &Workspace) -> Live {
    let live = Live::start(workspace.myrmex(&["run", "--slots", "4", "main.yaml"]), "held");
    assert!(poll(PATIENCE, || workspace.path("noted").exists()), "{}", live.errors());
    live
}

fn json(workspace: &Workspace, words: &[&str]) -> Value {
    let output = workspace.myrmex(words).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

fn only_run(workspace: &Workspace) -> String {
    let list = json(workspace, &["runs", "list", "--json"]);
    list["runs"][0]["run"].as_str().unwrap().to_owned()
}

/// Waits until `why` says of a task what it waits for, by kind, and returns that with its words.
fn why(workspace: &Workspace, task: &str, kind: &str) -> (String, Value) {
    let what = format!("{}/{task}", only_run(workspace));
    let mut told = Value::Null;
    let is_so = poll(PATIENCE, || {
        told = json(workspace, &["why", "--json", &what]);
        told["why"]["kind"] == kind
    });
    assert!(is_so, "{told}");
    (told["text"].as_str().unwrap().to_owned(), told["why"].clone())
}

#[test]
fn calls_that_hold_units_of_a_pool_leave_each_other_what_is_asked_for_inside() {
    let main = "workflow: main\npools: {p: 2}\ntasks:\n  t: {for_each: 3, workflow: kid, pools: {p: 1}}\n";
    let between = "workflow: kid\npools: {p: 2}\ntasks:\n  b: {workflow: grandkid}\n";
    let kid = "workflow: grandkid\npools: {p: 2}\ntasks:\n  a: {run: sleep 0.05, pools: {p: 1}}\n";
    let workspace = workspace(main).with_file("kid.yaml", between).with_file("grandkid.yaml", kid);
    let ended = ended(&workspace);
    assert_eq!(ended.status.code(), Some(0), "{}", ended.errors);
}

#[test]
fn blocks_that_call_what_needs_what_the_other_holds_run_one_after_the_other() {
    let block = |own: &str, other: &str| {
        format!(
            "  {own}: {{pools: {{{own}: 1}}, do: [{{w: {{run: sleep 0.05}}}}, {{c: {{workflow: of-{other}}}}}]}}\n"
        )
    };
    let kid = |pool: &str| {
        format!(
            "workflow: of-{pool}\npools: {{{pool}: 1}}\ntasks:\n  a: {{run: 'true', pools: {{{pool}: 1}}}}\n"
        )
    };
    let main =
        format!("workflow: main\npools: {{p: 1, q: 1}}\ntasks:\n{}{}", block("p", "q"), block("q", "p"));
    let workspace = workspace(&main).with_file("of-p.yaml", &kid("p")).with_file("of-q.yaml", &kid("q"));
    let ended = ended(&workspace);
    assert_eq!(ended.status.code(), Some(0), "{}", ended.errors);
}

#[test]
fn a_lock_that_is_held_around_a_call_fails_what_asks_for_it_inside() {
    let main = "workflow: main\ninputs: {env: {type: string, default: prod}}\ntasks:\n  block:\n    \
                lock: deploy-${{ inputs.env }}\n    do: [{c: {workflow: kid}}]\n";
    for asks in ["run: 'true', lock: deploy-prod", "lock: deploy-prod, do: [{x: {run: 'true'}}]"] {
        let kid = format!("workflow: kid\ntasks:\n  a: {{{asks}}}\n");
        let workspace = workspace(main).with_file("kid.yaml", &kid);
        let ended = ended(&workspace);
        assert_eq!(ended.status.code(), Some(1), "{}", ended.errors);
        let told = "`block/c/a`: the lock `deploy-prod` is held by `block`, around the call of this run (flow/deadlock)";
        assert!(ended.errors.contains(told), "{}", ended.errors);
    }
}

#[test]
fn a_call_that_nobody_waits_for_waits_for_the_lock_like_any_other() {
    let main = "workflow: main\ninputs: {env: {type: string, default: prod}}\ntasks:\n  block:\n    \
                lock: deploy-${{ inputs.env }}\n    do: [{c: {workflow: kid, wait: false}}, {w: {run: sleep 0.05}}]\n";
    let kid = "workflow: kid\ntasks:\n  a: {run: echo done >>noted, lock: deploy-prod}\n";
    let workspace = workspace(main).with_file("kid.yaml", kid);
    let ended = ended(&workspace);
    assert_eq!(ended.status.code(), Some(0), "{}", ended.errors);
    assert_eq!(fs::read_to_string(workspace.path("noted")).unwrap(), "done\n");
}

#[test]
fn more_of_a_pool_than_blocks_around_leave_after_a_change_of_the_settings_fails() {
    let main = format!(
        "workflow: main\npools: {{p: 2}}\ntasks:\n  block:\n    pools: {{p: 1}}\n    do:\n      - w: {{run: {WAITS:?}}}\n      - c: {{workflow: kid}}\n"
    );
    let kid = "workflow: kid\npools: {p: 2}\ntasks:\n  a: {run: 'true', pools: {p: 1}}\n";
    let workspace = workspace(&main).with_file("kid.yaml", kid);
    let mut live = begun(&workspace);
    live.kill();
    drop(live.finish());
    assert!(poll(PATIENCE, || workspace.is_free()));
    fs::write(workspace.path("myrmex.yaml"), "pools: {p: 1}\n").unwrap();
    fs::write(workspace.path("go"), "").unwrap();
    let ended =
        Live::start(workspace.myrmex(&["runs", "resume", &only_run(&workspace)]), "held again").wait();
    assert_eq!(ended.status.code(), Some(1), "{}", ended.errors);
    let told =
        "`block/c/a`: of 1 units of the pool `p` the blocks around this task hold 1, and it asks for 1";
    assert!(ended.errors.contains(told), "{}", ended.errors);
}

#[test]
fn why_tells_a_lack_of_a_resource_from_a_lack_of_places() {
    let main = format!(
        "workflow: main\ntasks:\n  a: {{run: {WAITS:?}, resources: {{card: 2}}, priority: high}}\n  b: {{run: 'true', resources: {{card: 1}}}}\n"
    );
    let workspace = workspace(&main).with_file("myrmex.yaml", "worker: {resources: {card: 2}}\n");
    let live = begun(&workspace);
    let (text, why) = why(&workspace, "b", "resource");
    assert_eq!(text, "of 2 `card` the worker has 0 left, 1 are asked for; held by `a`");
    let expected =
        json!({"kind": "resource", "resource": "card", "asked": 1, "used": 2, "has": 2, "holders": ["a"]});
    assert_eq!(why, expected);
    fs::write(workspace.path("go"), "").unwrap();
    assert_eq!(live.wait().status.code(), Some(0));
}

#[test]
fn why_names_the_resource_that_no_worker_has() {
    let main = format!(
        "workflow: main\ntasks:\n  w: {{run: {WAITS:?}}}\n  a: {{run: x, labels: [gpu], resources: {{card: 1}}}}\n"
    );
    let workspace = workspace(&main);
    let mut live = begun(&workspace);
    let (text, why) = why(&workspace, "a", "worker");
    assert_eq!(text, "no worker has the label `gpu` and 1 `card`");
    assert_eq!(why, json!({"kind": "worker", "labels": ["gpu"], "resources": {"card": 1}}));
    live.kill();
    drop(live.finish());
}

#[test]
fn what_asks_for_more_of_a_pool_than_there_is_after_a_change_of_the_settings_says_so() {
    let main = format!(
        "workflow: main\npools: {{p: 3}}\ntasks:\n  w: {{run: {WAITS:?}}}\n  a: {{needs: w, run: x, pools: {{p: 3}}, timeout: {{queue: 1s}}}}\n"
    );
    let workspace = workspace(&main);
    let mut live = begun(&workspace);
    live.kill();
    drop(live.finish());
    assert!(poll(PATIENCE, || workspace.is_free()));
    fs::write(workspace.path("myrmex.yaml"), "pools: {p: 1}\n").unwrap();
    fs::write(workspace.path("go"), "").unwrap();
    let live = Live::start(workspace.myrmex(&["runs", "resume", &only_run(&workspace)]), "held again");
    let told = "pool `p` has 1, 3 are asked for, so it waits until there are more";
    let (text, _) = why(&workspace, "a", "pool");
    assert_eq!(text, told);
    let ended = live.wait();
    assert_eq!(ended.status.code(), Some(1), "{}", ended.errors);
    assert!(ended.errors.contains(&format!("`a` waits: {told}")), "{}", ended.errors);
}

#[test]
fn thousands_of_blocks_begin_and_can_be_interrupted_while_they_do() {
    let main = "workflow: main\npools: {net: 5}\ntasks:\n  each:\n    for_each: 10000\n    lock: 'h-${{ item }}'\n    do:\n      \
                - w: {wait: 1h}\n      - a: {run: 'true', pools: {net: 1}}\n";
    let workspace = workspace(main).with_one_partition();
    let live = Live::start(workspace.myrmex(&["run", "main.yaml"]), "held");
    let has_granted = || {
        let output = workspace.myrmex(&["events"]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().contains("hold.granted")
    };
    assert!(poll(PATIENCE, has_granted), "{}", live.errors());
    live.ask_to_end();
    assert_eq!(live.wait().status.code(), Some(130));
}

/// A process goes on with one run; that it holds the store says nothing of the others.
#[test]
fn a_run_that_was_cut_off_is_interrupted_while_another_one_goes_on() {
    let text = format!("workflow: main\ntasks:\n  a: {{run: '{WAITS}', timeout: 1m}}\n");
    let workspace = workspace(&text);
    let mut cut = begun(&workspace);
    let old = only_run(&workspace);
    cut.kill();
    fs::remove_file(workspace.path("noted")).unwrap();
    let live = begun(&workspace);
    let runs = json(&workspace, &["runs", "list", "--json"])["runs"].clone();
    let new = runs[0]["run"].as_str().unwrap().to_owned();
    let told = |run: &Value| (run["run"].as_str().unwrap().to_owned(), run["interrupted"] == true);
    let told: Vec<_> = runs.as_array().unwrap().iter().map(told).collect();
    assert_eq!(told, [(new.clone(), false), (old.clone(), true)]);
    for (wanted, run) in [("interrupted", &old), ("running", &new)] {
        let runs = json(&workspace, &["runs", "list", "--json", "--status", wanted])["runs"].clone();
        assert_eq!((runs[0]["run"].as_str(), runs[1].is_null()), (Some(run.as_str()), true), "{wanted}");
    }
    for command in [&["why"] as &[&str], &["runs", "show"]] {
        let of = |run: &str| json(&workspace, &[command, &["--json", run]].concat())["interrupted"].clone();
        assert_eq!((of(&old), of(&new)), (json!(true), json!(false)), "{command:?}");
    }
    fs::write(workspace.path("go"), "").unwrap();
    assert_eq!(live.wait().status.code(), Some(0));
}

/// What begins while a process holds the store is gone on with by that process.
#[test]
fn a_child_of_a_run_that_goes_on_is_not_interrupted() {
    let kid = format!("workflow: kid\ntasks:\n  a: {{run: '{WAITS}', timeout: 1m}}\n");
    let workspace = workspace("workflow: main\ntasks:\n  c: {workflow: kid}\n").with_file("kid.yaml", &kid);
    let mut cut = begun(&workspace);
    cut.kill();
    let interrupted = |workspace: &Workspace| -> Vec<bool> {
        let runs = json(workspace, &["runs", "list", "--json"])["runs"].clone();
        runs.as_array().unwrap().iter().map(|run| run["interrupted"] == true).collect()
    };
    assert_eq!(interrupted(&workspace), [true; 2]);
    fs::remove_file(workspace.path("noted")).unwrap();
    let live = begun(&workspace);
    assert_eq!(interrupted(&workspace), [false, false, true, true], "the newest first");
    fs::write(workspace.path("go"), "").unwrap();
    assert_eq!(live.wait().status.code(), Some(0));
}

#[test]
fn an_item_that_has_not_begun_is_told_as_such() {
    let each = "  t: {for_each: 9, max_parallel: 2";
    let workspace = workspace(&format!("workflow: main\ntasks:\n{each}, run: '{WAITS}', timeout: 1m}}\n"));
    let live = begun(&workspace);
    let (said, why) = why(&workspace, "t[8]", "items");
    assert_eq!(said, "has not begun: items begin in order, 2 of 9 have");
    assert_eq!(why, json!({"kind": "items", "begun": 2, "count": 9}));
    let unknown = workspace.myrmex(&["why", &format!("{}/t[9]", only_run(&workspace))]).output().unwrap();
    assert_eq!(unknown.status.code(), Some(2));
    fs::write(workspace.path("go"), "").unwrap();
    assert_eq!(live.wait().status.code(), Some(0));
}
