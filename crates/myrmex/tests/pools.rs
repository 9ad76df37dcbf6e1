//! Pools, locks, labels and resources with real processes that write into a file, and `myrmex why` beside them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/noted.rs"]
mod noted;
mod support;

use std::fs;

use noted::{NOTED, WAITS, noted, overlap};
use serde_json::Value;
use support::{Live, PATIENCE, Workspace, poll};

fn workspace(text: &str) -> Workspace {
    Workspace::new().with_file("main.yaml", text)
}

fn only_run(workspace: &Workspace) -> String {
    let output = workspace.myrmex(&["runs", "list", "--json"]).output().unwrap();
    let list: Value = serde_json::from_slice(&output.stdout).unwrap();
    list["runs"][0]["run"].as_str().unwrap().to_owned()
}

fn why(workspace: &Workspace, what: &str) -> String {
    let output = workspace.myrmex(&["why", what]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn run(workspace: &Workspace) {
    let output = workspace.myrmex(&["run", "--slots", "8", "main.yaml"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_example_runs() {
    let workspace = workspace(include_str!("../../../examples/09-pools/release.yaml"));
    run(&workspace);
    let done = fs::read_to_string(workspace.path("done")).unwrap();
    let (block, alone) = ("migrated\nshop\nsearch\nannounced\n", "report\n");
    assert!([format!("{block}{alone}"), format!("{alone}{block}")].contains(&done), "{done}");
}

#[test]
fn no_more_run_than_the_pool_has_units_for() {
    let workspace = workspace(&format!(
        "workflow: main\npools: {{db: 4}}\ntasks:\n  each:\n    for_each: 9\n    run: {NOTED:?}\n    \
         env: {{N: '${{{{ item }}}}'}}\n    pools: {{db: 2}}\n"
    ));
    run(&workspace);
    assert_eq!((noted(&workspace).len(), overlap(&noted(&workspace))), (18, 2));
}

#[test]
fn resources_of_the_settings_bound_what_runs_together() {
    let workspace = workspace(&format!(
        "workflow: main\ntasks:\n  each:\n    for_each: 6\n    run: {NOTED:?}\n    env: {{N: '${{{{ item }}}}'}}\n    \
         labels: [gpu, linux]\n    resources: {{card: 1, memory: 1Mi}}\n"
    ))
    .with_file("myrmex.yaml", "worker: {labels: [gpu], resources: {card: 2}}\n");
    run(&workspace);
    assert_eq!((noted(&workspace).len(), overlap(&noted(&workspace))), (12, 2));
}

/// Two blocks with one lock, and the tasks in each.
fn blocks() -> String {
    let block = |name: &str| {
        format!(
            "  {name}:\n    lock: site-${{{{ inputs.site }}}}\n    do:\n      - one: {{run: {WAITS:?}, env: {{N: {name}}}}}\n"
        )
    };
    let inputs = "inputs: {site: {type: string, default: eu}}";
    format!("workflow: main\n{inputs}\ntasks:\n{}{}", block("first"), block("second"))
}

#[test]
fn why_names_the_holder_of_a_lock_beside_the_run_and_after_its_process_died() {
    let workspace = workspace(&blocks());
    let mut live = Live::start(workspace.myrmex(&["run", "main.yaml"]), "pools");
    assert!(poll(PATIENCE, || noted(&workspace).len() == 1), "{}", live.errors());
    let run = only_run(&workspace);
    let short = &run[..13];
    let told = "`second` waits: lock `site-eu` is held by `first`\n`first/one` runs, attempt 1\n";
    assert_eq!(why(&workspace, &run), format!("run {short} is running\n{told}"));
    assert_eq!(
        why(&workspace, &format!("{run}/second")),
        "`second` waits: lock `site-eu` is held by `first`\n"
    );
    assert_eq!(
        why(&workspace, &format!("{run}/second/one")),
        "`second/one` waits for `second`, around it, to begin\n"
    );
    let output = workspace.myrmex(&["why", "--json", &format!("{run}/second")]).output().unwrap();
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["why"], serde_json::json!({"kind": "lock", "lock": "site-eu", "holders": ["first"]}));
    live.kill();
    drop(live.finish());
    assert!(poll(PATIENCE, || workspace.is_free()));
    let interrupted =
        format!("run {short} was interrupted, nobody works on it: `myrmex runs resume {short}` goes on\n");
    let told = told.replace("`first/one` runs,", "`first/one` was running when it stopped,");
    assert_eq!(why(&workspace, &run), format!("{interrupted}{told}"));
    assert_eq!(
        why(&workspace, &format!("{run}/second")),
        format!("`second` waits: lock `site-eu` is held by `first`\n{interrupted}")
    );
    // The block holds its lock as before, and its task runs again.
    let live = Live::start(workspace.myrmex(&["runs", "resume", &run]), "pools again");
    assert!(poll(PATIENCE, || noted(&workspace).len() == 2), "{}", live.errors());
    assert_eq!(noted(&workspace), ["begin first", "begin first"]);
    fs::write(workspace.path("go"), "").unwrap();
    let ended = live.wait();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.errors);
    let expected = ["begin first", "begin first", "end first", "begin second", "end second"];
    assert_eq!(noted(&workspace), expected);
    assert_eq!(why(&workspace, &run), format!("run {short} is over, succeeded\n"));
}

#[test]
fn a_block_gives_its_lock_back_when_it_fails_and_when_it_is_cancelled() {
    let workspace = workspace(&format!(
        "workflow: main\ntasks:\n  fails:\n    lock: l\n    continue_on_error: true\n    \
         do: [{{x: {{run: exit 1}}}}]\n    finally: {{run: {NOTED:?}, env: {{N: finally}}}}\n  \
         late:\n    needs: fails\n    lock: l\n    timeout: {{total: 50ms}}\n    continue_on_error: true\n    \
         do: [{{x: {{run: sleep 9}}}}]\n  last: {{needs: late, run: {NOTED:?}, env: {{N: last}}, lock: l}}\n"
    ));
    run(&workspace);
    assert_eq!(noted(&workspace), ["begin finally", "end finally", "begin last", "end last"]);
}

#[test]
fn a_called_workflow_takes_from_the_same_pools() {
    let kid = format!(
        "workflow: kid\ninputs: {{n: {{type: integer}}}}\npools: {{db: 1}}\ntasks:\n  a: {{run: {NOTED:?}, env: {{N: '${{{{ inputs.n }}}}'}}, pools: {{db: 1}}}}\n"
    );
    let workspace = workspace(
        "workflow: main\npools: {db: 3}\ntasks:\n  each:\n    for_each: 4\n    workflow: kid\n    with: {n: '${{ item }}'}\n",
    )
    .with_file("kid.yaml", &kid);
    run(&workspace);
    // The least that a run says which is under way counts.
    assert_eq!((noted(&workspace).len(), overlap(&noted(&workspace))), (8, 1));
}

#[test]
fn two_blocks_that_need_what_the_other_holds_do_not_wait_for_each_other() {
    let block = |own: &str, other: &str| {
        format!(
            "  {own}:\n    pools: {{{own}: 1}}\n    do:\n      - one: {{run: {NOTED:?}, env: {{N: {own}}}}}\n      \
             - two: {{run: {NOTED:?}, env: {{N: {own}2}}, pools: {{{other}: 1}}}}\n"
        )
    };
    let text =
        format!("workflow: main\npools: {{p: 1, q: 1}}\ntasks:\n{}{}", block("p", "q"), block("q", "p"));
    let workspace = workspace(&text);
    run(&workspace);
    assert_eq!(noted(&workspace).len(), 8);
}

#[test]
fn what_no_worker_has_waits_and_says_so() {
    let workspace = workspace("workflow: main\ntasks:\n  a: {run: x, labels: [gpu], timeout: {queue: 1s}}\n");
    let live = Live::start(workspace.myrmex(&["run", "main.yaml"]), "labels");
    assert!(poll(PATIENCE, || live.errors().contains("waits")), "{}", live.errors());
    let told = why(&workspace, &only_run(&workspace));
    let ended = live.wait();
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.errors.contains("`a` waits: no worker has the label `gpu`"), "{}", ended.errors);
    assert!(told.contains("`a` waits: no worker has the label `gpu`"), "{told}");
}

#[test]
fn why_names_what_a_task_comes_after_and_what_it_waits_for() {
    let text = format!(
        "workflow: main\nmax_parallel: 2\ntasks:\n  hold: {{run: {WAITS:?}, env: {{N: hold}}}}\n  pause: {{wait: 1h}}\n  \
         after: {{needs: hold, run: x}}\n  full: {{run: x}}\n"
    );
    let workspace = workspace(&text);
    let mut live = Live::start(workspace.myrmex(&["run", "main.yaml"]), "why");
    assert!(poll(PATIENCE, || noted(&workspace).len() == 1), "{}", live.errors());
    let run = only_run(&workspace);
    let told = why(&workspace, &run);
    for line in [
        "`hold` runs, attempt 1\n",
        "`pause` waits until 2",
        "`after` waits for `hold`\n",
        "`full` waits: 2 tasks are under way, as many as the run may (`max_parallel`)\n",
    ] {
        assert!(told.contains(line), "{told}");
    }
    let output = workspace.myrmex(&["why", &format!("{run}/nobody")]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("has no task `nobody`"), "{said}");
    live.kill();
    drop(live.finish());
}
