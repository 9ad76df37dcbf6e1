//! Words of other tools, and the hint that each gets: one line of a table for each.

use super::problems;

/// Asserts the hint to the one problem of a workflow with this `body`.
#[track_caller]
fn hint(body: &str, expected: &str) {
    let found = problems(&format!("workflow: w\n{body}\n"));
    let hints: Vec<&str> = found.lines().filter_map(|line| line.strip_prefix("  hint: ")).collect();
    assert_eq!(hints, [expected], "{body}\n{found}");
}

#[test]
fn keys_of_a_workflow() {
    let tasks = "tasks: {a: {run: x}}";
    for (key, expected) in [
        ("concurrency: {group: x}", "write `key: TEXT`"),
        ("concurrency: {key: x, cancel-in-progress: true}", "write `on_conflict: cancel`"),
        ("concurrency: {max: 3}", "write `limit: 1`"),
        ("concurrency: 3", "write `concurrency: {limit: 3}`"),
        ("concurrency: release", "write `concurrency: {key: release}`"),
        ("concurrency_limit: 3", "write `concurrency: {limit: 1, on_conflict: queue}`"),
        ("max_active_runs: 3", "write `concurrency: {limit: 1, on_conflict: queue}`"),
        ("depends_on: b", "tasks wait for each other: `needs: NAME` in the task that comes after"),
        ("max_retries: 3", "write `defaults: {retry: {attempts: 3}}`"),
        ("retries: 3", "write `defaults: {retry: {attempts: 3}}`"),
        ("heartbeat: 1m", "write `defaults: {timeout: {heartbeat: 1m}}`"),
        ("schedule: 0 5 * * *", "`triggers` says this, and is not supported yet"),
        ("cron: 0 5 * * *", "`triggers` says this, and is not supported yet"),
    ] {
        hint(&format!("{key}\n{tasks}"), expected);
    }
}

#[test]
fn keys_of_a_task() {
    let concurrency = "`max_parallel: 2` bounds the items of a `for_each` or the tasks of a block; `concurrency` beside `tasks` bounds runs";
    let rule = "which ends are accepted is `needs: {NAME: finished}`; `join: any` waits for one of several";
    for (key, expected) in [
        ("cache: true", "write `cache: {}`; all that the task is given counts then"),
        ("cache: false", "leave it out: without it nothing is taken over"),
        ("cache: deps", "write `cache: {key: deps}`"),
        ("cache: [src]", "paths and globs are written `cache: {files: […]}`"),
        ("cache: {paths: [src]}", "write `files: [GLOB]`"),
        ("cache: {max_age: 1d}", "write `ttl: 1d`"),
        ("retry: 3", "write `retry: {attempts: 3}`"),
        ("heartbeat: 1m", "write `timeout: {heartbeat: 1m}`"),
        ("trigger_rule: all_done", rule),
        ("trigger_rules: [one_success]", rule),
        ("depends_on: b", "write `needs: NAME`"),
        ("max_retries: 3", "write `retry: {attempts: 3}`"),
        ("retries: 3", "write `retry: {attempts: 3}`"),
        ("concurrency_limit: 3", concurrency),
        ("concurrency: {group: x}", concurrency),
        ("schedule: daily", "what starts a run is said by `triggers`, beside `tasks`"),
        ("cron: 0 5 * * *", "what starts a run is said by `triggers`, beside `tasks`"),
        ("if: run.attempt == null", "write `none`"),
    ] {
        hint(&format!("tasks:\n  a:\n    run: x\n    {key}"), expected);
    }
}

#[test]
fn actions() {
    hint("tasks: {a: {uses: actions/checkout@v4}}", "write `use: LIBRARY/ACTION@VERSION`");
    hint("tasks: {a: {use: tools/notify}}", "write `LIBRARY/ACTION@VERSION`, such as `tools/notify@1`");
}
