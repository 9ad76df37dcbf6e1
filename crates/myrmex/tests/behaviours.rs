//! D1 to D25: what goes wrong in a predecessor of ours and must be right here, each as a fixture with an exact expectation,
//! through the real binary.
//!
//! Some need what does not exist yet. They have no test, and no stand-in for one:
//!
//! | behaviour | what is missing |
//! |---|---|
//! | D2: a run on behalf of a project; a project made from a workflow | projects |
//! | D3: health says `unhealthy` when a component does not respond | a server with components that can be asked |
//! | D13: an allocation expires after its time; an unknown capacity key | leases with a length; `resources.yaml` |
//! | D14: resources survive a save and a load | `resources.yaml`; that one bad entry does not stop the others is tested at the import |
//! | D16: placeholders of templates; required modules | project templates |
//! | D20: cron | triggers |
//! | D21: a queue backend that is not available | backends; the order of entries is tested |
//! | D22: MCP tools | an MCP server |
//! | D24: projects survive a restart | projects; runs and limits are tested |

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/said.rs"]
mod said;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use said::{Said, Workspace};
use serde_json::{Value, json};

/// Runs a workflow, and returns its exit code and its summary.
fn run(workflow: &str) -> (i32, Value) {
    Workspace::with(&[("w.yaml", workflow)]).summary(&["w.yaml"])
}

/// Runs a workflow, and returns the events of its tasks: their types with the tasks, in order.
fn events(workflow: &str, words: &[&str]) -> Vec<(String, String)> {
    let workspace = Workspace::with(&[("w.yaml", workflow)]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_myrmex"));
    command.args(["run", "w.yaml", "--json"]).args(words).current_dir(workspace.path());
    // As users have it: with one partition what happens has one order.
    let said = Said::of(command.env_remove("MYRMEX_PARTITIONS"));
    let lines = said.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let text = |event: &Value, key: &str| event[key].as_str().unwrap_or_default().to_owned();
    lines.map(|event| (text(&event, "type"), text(&event, "address"))).collect()
}

/// Returns the statuses of all tasks by path.
fn statuses(summary: &Value) -> Value {
    let tasks = summary["tasks"].as_object().unwrap().iter();
    tasks.map(|(path, task)| (path.clone(), task["status"].clone())).collect::<serde_json::Map<_, _>>().into()
}

/// Returns the most attempts that were under way at the same time.
fn most_at_a_time(events: &[(String, String)]) -> usize {
    let (mut now, mut most) = (0_usize, 0);
    for (kind, _) in events {
        match kind.as_str() {
            "attempt.granted" => now += 1,
            "attempt.ended" => now -= 1,
            _ => {}
        }
        most = most.max(now);
    }
    most
}

/// Returns the codes and places of the problems of a file.
fn problems(text: &str) -> Vec<String> {
    let workspace = Workspace::with(&[("w.yaml", text)]);
    let said = workspace.run(&["check", "w.yaml", "--format", "json"]);
    let found = said.json();
    let found = found["diagnostics"].as_array().unwrap().iter();
    found.map(|one| format!("{} {}:{}", one["code"].as_str().unwrap(), one["line"], one["column"])).collect()
}

#[test]
fn d01_a_correct_workflow_succeeds_and_says_so() {
    let workspace = Workspace::with(&[("w.yaml", "workflow: w\ntasks:\n  a: {run: echo hello}\n")]);
    let said = workspace.run(&["run", "w.yaml"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stderr.lines().last().unwrap().contains("succeeded in"), "{}", said.stderr);
    assert_eq!(workspace.json(&["runs", "list", "--json"])["runs"][0]["status"], "succeeded");
}

#[test]
fn d04_values_are_typed_and_no_placeholder_reaches_a_task() {
    let workflow = "\
workflow: w
inputs: {n: {type: integer}, list: {type: array}}
tasks:
  a: {set: {n: '${{ inputs.n }}', flag: true, none: '${{ none }}', parts: '${{ inputs.list }}'}}
  b: {set: '${{ tasks.a.output.n + 1 }}'}
  c: {set: {text: 'n=${{ tasks.a.output.n }}', whole: '${{ tasks.a.output }}'}}
  d: {run: 'echo \"$N $LIST\"', env: {N: '${{ tasks.b.output }}', LIST: '${{ inputs.list }}'}}
";
    let workspace = Workspace::with(&[("w.yaml", workflow)]);
    let (code, summary) = workspace.summary(&["w.yaml", "-i", "n=7", "-i", "list=[1,\"x\"]"]);
    assert_eq!(code, 0, "{summary:#}");
    let output = |task: &str| summary["tasks"][task]["output"].clone();
    assert_eq!(output("b"), json!(8));
    let whole = json!({"n": 7, "flag": true, "none": null, "parts": [1, "x"]});
    assert_eq!(output("c"), json!({"text": "n=7", "whole": whole}));
    assert_eq!(output("d"), json!({"stdout": "8 [1,\"x\"]"}));
    assert!(!summary["tasks"].to_string().contains("{{"), "{summary:#}");
}

#[test]
fn d05_four_attempts_are_four_attempts() {
    let (code, summary) =
        run("workflow: w\ntasks:\n  a: {run: 'echo x >>tries; exit 3', retry: {attempts: 4, delay: 0s}}\n");
    assert_eq!((code, &summary["tasks"]["a"]["attempts"]), (1, &json!(4)));
    let events = events("workflow: w\ntasks:\n  a: {run: exit 3, retry: {attempts: 4, delay: 0s}}\n", &[]);
    assert_eq!(events.iter().filter(|(kind, _)| kind == "attempt.ended").count(), 4);
}

#[test]
fn d06_a_timeout_stops_only_the_task_that_exceeds_it() {
    let (code, summary) = run("\
workflow: w
deadline: 10m
tasks:
  slow: {run: sleep 600, timeout: 200ms}
  other: {run: sleep 0.5, timeout: 5m}
");
    assert_eq!(code, 1);
    assert_eq!(statuses(&summary), json!({"slow": "timed_out", "other": "succeeded"}));
    assert_eq!(summary["tasks"]["slow"]["error"]["type"], "timeout");
    assert_eq!(summary["status"], "failed");
}

#[test]
fn d07_max_parallel_bounds_forty_ready_tasks() {
    let tasks = (0..40).map(|n| format!("  t{n}: {{run: 'true'}}\n")).collect::<Vec<_>>().concat();
    let events = events(&format!("workflow: w\nmax_parallel: 4\ntasks:\n{tasks}"), &["--slots", "16"]);
    assert_eq!(events.iter().filter(|(kind, _)| kind == "attempt.ended").count(), 40);
    assert_eq!(most_at_a_time(&events), 4);
}

#[test]
fn of_the_tasks_of_a_run_that_goes_first_after_which_most_is_left() {
    let text = "workflow: w\ndefaults: {timeout: 1m}\ntasks:\n  alone: {run: 'true'}\n  other: {run: 'true'}\n  head: {run: 'true'}\n  \
                middle: {needs: [head], run: 'true'}\n  last: {needs: [middle], run: 'true'}\n";
    let began = |text: &str| -> Vec<String> {
        let events = events(text, &["--slots", "1"]);
        events.into_iter().filter(|(kind, _)| kind == "attempt.granted").map(|(_, task)| task).collect()
    };
    assert_eq!(began(text), ["head", "middle", "alone", "other", "last"]);
    // What is estimated counts for more than how many come after.
    let estimated =
        text.replace("other: {", "other: {estimate: 1h, ").replace("head: {", "head: {estimate: 1m, ");
    assert_eq!(began(&estimated)[0], "other");
}

#[test]
fn d08_two_tasks_that_want_one_thing_alone_both_complete() {
    let text = "workflow: w\ntasks:\n  a: {run: 'true', lock: press}\n  b: {run: 'true', lock: press}\n";
    let events = events(text, &["--slots", "4"]);
    assert_eq!(events.iter().filter(|(kind, _)| kind == "task.succeeded").count(), 2);
    assert_eq!(most_at_a_time(&events), 1);
}

#[test]
fn d09_dependents_of_a_failed_task_are_skipped_with_the_reason() {
    let workspace = Workspace::with(&[(
        "w.yaml",
        "workflow: w\ntasks:\n  a: {run: exit 1}\n  b: {needs: a, run: 'true'}\n  c: {needs: b, run: 'true'}\n",
    )]);
    let said = workspace.run(&["run", "w.yaml", "--json"]);
    let lines = said.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let skipped: BTreeMap<String, Value> = lines
        .filter(|event| event["type"] == "task.skipped")
        .map(|event| (event["address"].as_str().unwrap().to_owned(), event["cause"].clone()))
        .collect();
    let expected = [("b", "`a` is failed"), ("c", "`b` is skipped")];
    assert_eq!(skipped, expected.map(|(task, cause)| (task.to_owned(), json!(cause))).into());
    assert!(!said.stderr.contains("cycle"), "{}", said.stderr);
}

#[test]
fn d10_a_task_may_need_one_that_is_declared_later() {
    let (code, summary) = run("\
workflow: w
tasks:
  second: {needs: first, run: cat made}
  first: {run: echo first >made}
");
    assert_eq!((code, &summary["tasks"]["second"]["output"]["stdout"]), (0, &json!("first")));
}

#[test]
fn d11_a_run_with_a_failed_task_is_no_success() {
    let workspace =
        Workspace::with(&[("w.yaml", "workflow: w\ntasks:\n  a: {run: exit 3}\n  b: {run: 'true'}\n")]);
    let (code, summary) = workspace.summary(&["w.yaml"]);
    assert_eq!((code, &summary["status"]), (1, &json!("failed")));
    assert_eq!(statuses(&summary), json!({"a": "failed", "b": "succeeded"}));
    assert_eq!(workspace.json(&["runs", "list", "--json"])["runs"][0]["status"], "failed");
}

#[test]
fn d12_every_run_ends_in_a_terminal_status_with_results_and_duration() {
    for (text, status) in [
        ("tasks:\n  a: {run: 'true'}\n", "succeeded"),
        ("tasks:\n  a: {run: exit 1}\n  b: {needs: a, run: 'true'}\n", "failed"),
        ("tasks:\n  a: {if: 1 > 2, run: 'true'}\n", "succeeded"),
        ("do:\n  - a: {run: exit 1}\n  - b: {run: 'true'}\n", "failed"),
        ("deadline: 100ms\ntasks:\n  a: {run: sleep 60}\n", "timed_out"),
    ] {
        let (_, summary) = run(&format!("workflow: w\n{text}"));
        assert_eq!(summary["status"], status, "{text}");
        assert!(summary["wall_ms"].is_u64() && summary["interrupted"] == false, "{summary:#}");
        let open = ["pending", "running", "waiting"];
        let statuses = statuses(&summary);
        let mut all = statuses.as_object().unwrap().values().map(|status| status.as_str().unwrap());
        assert!(all.all(|status| !open.contains(&status)), "{summary:#}");
    }
}

#[test]
fn d14_one_bad_entry_of_resources_does_not_stop_the_others() {
    let resources = r#"{"resources": {
        "good": {"id": "good", "type": "semaphore", "capacity": {"units": 3}},
        "bad": {"id": "bad", "type": "spaceship", "capacity": {"units": 1}},
        "other": {"id": "other", "type": "database", "capacity": {"connections": 5}}}}"#;
    let workspace = Workspace::with(&[("resources.json", resources)]);
    let said = workspace.run(&["import", "--from", "codomyrmex", "resources.json", "--out", "."]);
    assert_eq!(said.code, 2, "{}", said.stderr);
    assert!(
        said.stderr.contains("resources.json:3:38: error[E0906]: `spaceship` is no type"),
        "{}",
        said.stderr
    );
    let settings = std::fs::read_to_string(workspace.path().join("myrmex.yaml")).unwrap();
    assert!(settings.ends_with("pools: {good: 3, other: 5}\n"), "{settings}");
}

#[test]
fn d15_what_cannot_work_is_an_error_before_a_run() {
    let body = |tasks: &str| problems(&format!("workflow: w\ntasks:\n{tasks}"));
    assert_eq!(body("  a: {run: x}\n  a: {run: y}\n"), ["E0105 4:3"]);
    assert_eq!(body("  a: {needs: a, run: x}\n"), ["E0210 3:14"]);
    assert_eq!(body("  a: {needs: b, run: x}\n"), ["E0209 3:14"]);
    assert_eq!(body("  a: {needs: b, run: x}\n  b: {needs: a, run: x}\n"), ["E0207 3:14"]);
    assert_eq!(body("  a: {timeout: 5s}\n"), ["E0206 3:3"]);
    assert_eq!(body("  a: {use: tools/greet@1}\n"), ["E0609 3:12"]);

    let steps = |steps: &str| {
        let text = format!(r#"{{"name": "w", "steps": [{steps}]}}"#);
        let workspace = Workspace::with(&[("w.json", text.as_str())]);
        let said = workspace.run(&["import", "--from", "codomyrmex", "w.json", "--out", "."]);
        assert_eq!((said.code, workspace.path().join("workflows").exists()), (2, false), "{}", said.stderr);
        said.stderr.lines().next().unwrap().to_owned()
    };
    let step = |name: &str, needs: &str| {
        format!(r#"{{"name": "{name}", "module": "m", "action": "a", "dependencies": [{needs}]}}"#)
    };
    let two = |one: &str, other: &str| steps(&format!("{one}, {other}"));
    assert_eq!(two(&step("a", ""), &step("a", "")), "w.json:1:99: error[E0903]: two steps have the name `a`");
    assert_eq!(steps(&step("a", "\"a\"")), "w.json:1:86: error[E0903]: the step `a` depends on itself");
    assert_eq!(
        steps(&step("a", "\"b\"")),
        "w.json:1:86: error[E0903]: `a` depends on the step `b`, which does not exist"
    );
    assert_eq!(
        two(&step("a", "\"b\""), &step("b", "\"a\"")),
        "w.json:1:34: error[E0903]: steps depend on each other in a circle: `a` needs `b` needs `a`"
    );
    assert_eq!(
        steps(r#"{"name": "a", "module": "m"}"#),
        "w.json:1:34: error[E0902]: the step `a` has no `action`"
    );
}

#[test]
fn d17_a_task_begins_as_soon_as_what_it_needs_has_ended() {
    // `c` ends only when `b` has ended: behind a barrier after the first tasks nothing would ever end.
    let (code, summary) = run("\
workflow: w
tasks:
  a: {run: sleep 0.1}
  b: {needs: a, run: 'sleep 0.1; echo done >b'}
  c: {run: 'while [ ! -e b ]; do sleep 0.02; done', timeout: 5m}
");
    assert_eq!(code, 0, "{summary:#}");
    assert_eq!(statuses(&summary), json!({"a": "succeeded", "b": "succeeded", "c": "succeeded"}));
}

#[test]
fn d18_a_run_ends_timed_out_at_its_deadline() {
    let (code, summary) = run("workflow: w\ndeadline: 200ms\ntasks:\n  a: {run: sleep 600}\n");
    assert_eq!((code, &summary["status"]), (1, &json!("timed_out")));
    let took = summary["wall_ms"].as_u64().unwrap();
    // A loaded machine is slow, but it does not wait for the task.
    assert!((200..300_000).contains(&took), "{took}");
}

#[test]
fn d19_skips_reach_every_depth() {
    let chain =
        "  b: {needs: a, run: 'true'}\n  c: {needs: b, run: 'true'}\n  d: {needs: [c, x], run: 'true'}\n";
    for (first, is_failed) in [("a: {if: 1 > 2, run: 'true'}", false), ("a: {run: exit 1}", true)] {
        for fail_fast in [false, true] {
            let text = format!(
                "workflow: w\nfail_fast: {fail_fast}\ntasks:\n  {first}\n  x: {{needs: a, run: 'true'}}\n{chain}"
            );
            let (code, summary) = run(&text);
            let first = if is_failed { "failed" } else { "skipped" };
            // What fails fast cancels what was not skipped yet; nothing is left open either way.
            let rest: BTreeSet<String> = ["b", "c", "d", "x"]
                .map(|task| summary["tasks"][task]["status"].as_str().unwrap().to_owned())
                .into();
            let cancelled = is_failed
                && fail_fast
                && rest.iter().all(|status| status == "cancelled" || status == "skipped");
            assert!(cancelled || rest == BTreeSet::from(["skipped".to_owned()]), "{text}{summary:#}");
            assert_eq!(
                (code, &summary["tasks"]["a"]["status"]),
                (i32::from(is_failed), &json!(first)),
                "{text}"
            );
        }
    }
}

#[test]
fn d21_entries_of_equal_priority_keep_their_order() {
    let tasks = (0..12).map(|n| format!("  t{n}: {{run: 'true'}}\n")).collect::<Vec<_>>().concat();
    let events = events(&format!("workflow: w\ntasks:\n{tasks}"), &["--slots", "1"]);
    let granted: Vec<_> =
        events.iter().filter(|(kind, _)| kind == "attempt.granted").map(|(_, task)| task.as_str()).collect();
    assert_eq!(granted, (0..12).map(|n| format!("t{n}")).collect::<Vec<_>>());
}

#[test]
fn d23_every_documented_variable_is_read_or_given() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let pattern = regex_lite::Regex::new("MYRMEX_[A-Z_]*[A-Z]").unwrap();
    let mut documented = BTreeSet::new();
    for folder in ["docs", "spec/keys", "spec/verbs", "spec/expressions"] {
        for file in std::fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path()) {
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            documented.extend(pattern.find_iter(&text).map(|found| found.as_str().to_owned()));
        }
    }
    // Those that an import gives to the processes that it writes are proven with the import.
    for imported in ["MYRMEX_PARAMETERS", "MYRMEX_SECRET"] {
        documented.remove(imported);
    }
    let given = ["ATTEMPT", "FENCING_TOKEN", "HEARTBEAT", "IDEMPOTENCY_KEY", "OUTPUT", "RUN", "TASK"];
    let read = ["PARTITIONS", "SECRET_NAME"];
    let proven: BTreeSet<String> = given.iter().chain(&read).map(|name| format!("MYRMEX_{name}")).collect();
    assert_eq!(documented, proven);

    let print = given
        .iter()
        .map(|name| format!("echo \"${{MYRMEX_{name}:?}}\"\n      "))
        .collect::<Vec<_>>()
        .concat();
    let text = format!(
        "workflow: w\ntasks:\n  a:\n    timeout: {{heartbeat: 1m}}\n    env: {{GIVEN: '${{{{ secrets.NAME }}}}'}}\n    run: |\n      {print}test \"$GIVEN\" = sesame\n"
    );
    let workspace = Workspace::with(&[("w.yaml", text.as_str())]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_myrmex"));
    command.args(["run", "w.yaml"]).current_dir(workspace.path()).env("MYRMEX_SECRET_NAME", "sesame");
    let said = Said::of(&mut command);
    assert_eq!(said.code, 0, "{}", said.stderr);

    let workspace = Workspace::with(&[("w.yaml", "workflow: w\ntasks:\n  a: {run: 'true'}\n")]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_myrmex"));
    command.args(["run", "w.yaml"]).current_dir(workspace.path()).env("MYRMEX_PARTITIONS", "many");
    let said = Said::of(&mut command);
    assert!(said.code != 0 && said.stderr.contains("MYRMEX_PARTITIONS"), "{}", said.stderr);
}

#[test]
fn d24_runs_survive_a_restart_and_their_limits_hold() {
    let tasks = (0..6)
        .map(|n| format!("  t{n}: {{needs: gate, run: echo {n} >>done}}\n"))
        .collect::<Vec<_>>()
        .concat();
    let text = format!(
        "workflow: w\nmax_parallel: 1\ntasks:\n  gate: {{run: 'echo once >>gates; [ -e open ] || {{ kill -TERM \"$(cat pid)\"; sleep 60; }}'}}\n{tasks}"
    );
    let workspace = Workspace::with(&[("w.yaml", text.as_str())]);
    // The run is told to end while its first task is under way, as by a restart of the machine.
    let started = Command::new("sh")
        .args(["-c", "echo $$ >pid; exec \"$0\" run w.yaml", env!("CARGO_BIN_EXE_myrmex")])
        .current_dir(workspace.path())
        .output()
        .unwrap();
    assert_eq!(started.status.code(), Some(130), "{}", String::from_utf8_lossy(&started.stderr));
    std::fs::write(workspace.path().join("open"), "").unwrap();
    let run = workspace.newest();
    let resumed = workspace.run(&["runs", "resume", &run]);
    assert_eq!(resumed.code, 0, "{}", resumed.stderr);
    let done = std::fs::read_to_string(workspace.path().join("done")).unwrap();
    assert_eq!(done.lines().collect::<BTreeSet<_>>().len(), 6);
    assert_eq!(done.lines().count(), 6, "one at a time, each once");
    assert_eq!(workspace.json(&["runs", "list", "--json"])["runs"][0]["status"], "succeeded");
}

#[test]
fn d25_an_edge_that_only_a_reference_shows_is_inferred() {
    let (code, summary) = run("\
workflow: w
tasks:
  b: {set: '${{ tasks.a.output.stdout ~ \"!\" }}'}
  a: {run: 'sleep 0.1; echo hello'}
");
    assert_eq!((code, &summary["tasks"]["b"]["output"]), (0, &json!("hello!")));

    let json = r#"{"name": "w", "steps": [
        {"name": "b", "module": "m", "action": "b", "parameters": {"given": [{"deep": "{{a.output.n}}"}]}, "dependencies": []},
        {"name": "a", "module": "m", "action": "a", "dependencies": []}]}"#;
    let workspace = Workspace::with(&[("w.json", json)]);
    let said = workspace.run(&["import", "--from", "codomyrmex", "w.json"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stdout.contains("    needs: [a]  # inferred from references\n"), "{}", said.stdout);
    assert!(said.stdout.contains("with: {given: [{deep: '${{ tasks.a.output.n }}'}]}"), "{}", said.stdout);
    assert!(said.stderr.contains("      1 inferred edge\n"), "{}", said.stderr);
}
