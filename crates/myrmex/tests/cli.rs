//! The commands as a person and a script meet them: what they print, and how they exit.

#![allow(
    clippy::unwrap_used,
    clippy::zombie_processes,
    reason = "a test fails by panicking; its callers wait"
)]

#[path = "support/said.rs"]
mod said;

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use said::{Said, Workspace};
use serde_json::{Value, json};

/// Runs `workflow` alone and returns the exit code and the summary.
fn summary(workflow: &str) -> (i32, Value) {
    Workspace::with(&[("w.yaml", workflow)]).summary(&["w.yaml"])
}

/// Runs `workflow` and returns the statuses of its tasks.
fn statuses(workflow: &str) -> Value {
    let (_, summary) = summary(workflow);
    let tasks = summary["tasks"].as_object().unwrap().iter();
    tasks.map(|(path, task)| (path.clone(), task["status"].clone())).collect::<serde_json::Map<_, _>>().into()
}

#[test]
fn a_run_prints_its_output_and_exits_with_0() {
    let workspace = Workspace::with(&[(
        "hello.yaml",
        "workflow: hello\ntasks:\n  greet: {run: echo hello}\noutputs: {said: '${{ tasks.greet.output.stdout }}'}\n",
    )]);
    let ended = workspace.run(&["run", "hello.yaml"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (0, "{\n  \"said\": \"hello\"\n}\n"));
    assert!(ended.stderr.contains("succeeded  greet"), "{}", ended.stderr);
    let by_name = workspace.run(&["run", "hello", "--quiet"]);
    assert_eq!((by_name.code, by_name.stdout.as_str(), by_name.stderr.as_str()), (0, "", ""));
}

#[test]
fn a_failed_run_says_what_failed_and_exits_with_1() {
    let workspace = Workspace::with(&[(
        "w.yaml",
        "workflow: w\ntasks:\n  a: {run: 'echo broken >&2; exit 3'}\n  b: {needs: a, run: echo never}\n",
    )]);
    let ended = workspace.run(&["run", "w.yaml"]);
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("error: `a`: exit code 3 (runtime)\n  broken\n"), "{}", ended.stderr);
    assert!(ended.stderr.contains("skipped  b"), "{}", ended.stderr);
    let hint = format!(
        "hint: `myrmex runs logs {} --task 'a'` prints what it printed\n",
        &only_run(&workspace)["run"].as_str().unwrap()[..13]
    );
    assert!(ended.stderr.ends_with(&hint), "{}", ended.stderr);
    let silent = Workspace::with(&[("w.yaml", "workflow: w\ntasks:\n  a: {run: exit 3}\n")]);
    assert!(!silent.run(&["run", "w.yaml"]).stderr.contains("hint:"), "there is nothing to print");
}

#[test]
fn the_summary_holds_every_task() {
    let (code, summary) = summary(
        "workflow: w\ntasks:\n  a: {run: echo 1}\n  b: {needs: a, if: 'false', run: echo never}\n  \
         c: {needs: b, tasks: {inner: {run: echo never}}}\n",
    );
    assert_eq!((code, &summary["type"], &summary["status"]), (0, &json!("run.summary"), &json!("succeeded")));
    assert_eq!(
        summary["tasks"],
        json!({
            "a": {"status": "succeeded", "attempts": 1, "output": {"stdout": "1"}, "error": null},
            "b": {"status": "skipped", "attempts": 0, "output": null, "error": null},
            "c": {"status": "skipped", "attempts": 0, "output": null, "error": null},
            "c/inner": {"status": "skipped", "attempts": 0, "output": null, "error": null},
        })
    );
}

#[test]
fn needs_accept_what_they_name() {
    let statuses = statuses(
        "workflow: w\ntasks:\n  bad: {run: exit 1}\n  after: {needs: bad, run: 'true'}\n  \
         clean: {needs: {bad: failed}, run: 'true'}\n  \
         any: {needs: {bad: finished, after: [succeeded, skipped]}, run: 'true'}\n",
    );
    assert_eq!(
        statuses,
        json!({"bad": "failed", "after": "skipped", "clean": "succeeded", "any": "succeeded"})
    );
}

#[test]
fn a_switch_runs_one_branch_and_its_join_goes_on() {
    let statuses = statuses(
        "workflow: w\ntasks:\n  way: {switch: [{if: 1 > 2, then: left}, {else: right}]}\n  left: {run: 'true'}\n  \
         right: {run: 'true'}\n  both: {needs: {left: [succeeded, skipped], right: [succeeded, skipped]}, run: 'true'}\n",
    );
    assert_eq!(
        statuses,
        json!({"way": "succeeded", "left": "skipped", "right": "succeeded", "both": "succeeded"})
    );
}

#[test]
fn a_flow_loops_with_variables_and_keeps_the_last_visit() {
    let (code, summary) = summary(
        "workflow: w\ndo:\n  - start: {set: {n: 0}}\n  - count: {set: {n: '${{ vars.n + 1 }}'}}\n  \
         - again: {switch: [{if: vars.n < 3, then: count}, {else: exit}]}\noutputs: {n: '${{ vars.n }}'}\n",
    );
    assert_eq!((code, &summary["output"]), (0, &json!({"n": 3})));
    assert_eq!(summary["tasks"]["count"]["output"], json!({"n": 3}));
}

#[test]
fn values_reach_a_shell_by_environment_and_never_as_text() {
    let workflow = "workflow: w\ninputs: {text: {type: string}}\ntasks:\n  \
                    say: {run: 'printf %s \"$TEXT\"', env: {TEXT: '${{ inputs.text }}'}}\n";
    let workspace = Workspace::with(&[("w.yaml", workflow)]);
    let hostile = "\"; touch hacked; $(touch hacked) `touch hacked` '";
    let (code, summary) = workspace.summary(&["w.yaml", "-i", &format!("text={hostile}")]);
    assert_eq!((code, &summary["tasks"]["say"]["output"]["stdout"]), (0, &json!(hostile)));
    assert!(!workspace.path().join("hacked").exists());
}

#[test]
fn declared_outputs_are_typed_and_checked() {
    let with = |line: &str| {
        summary(&format!(
            "workflow: w\ntasks:\n  a:\n    run: '{line}'\n    \
             outputs: {{count: {{type: integer}}, name: {{type: string}}}}\n"
        ))
    };
    let (code, good) = with("printf \"count=3\\nname=7\\n\" > \"$MYRMEX_OUTPUT\"");
    assert_eq!((code, &good["tasks"]["a"]["output"]), (0, &json!({"count": 3, "name": "7"})));
    let (code, wrong) = with("echo count=many > \"$MYRMEX_OUTPUT\"");
    let expected = json!("output `count`: expected integer, found string `\"many\"`");
    assert_eq!((code, &wrong["error"]["title"]), (1, &expected));
    let (code, silent) = with("true");
    assert_eq!((code, &silent["error"]["title"]), (1, &json!("the declared output `count` was not written")));
}

#[test]
fn items_run_by_key_and_their_outputs_keep_the_order() {
    let (code, summary) = summary(
        "workflow: w\ntasks:\n  each:\n    for_each: {b: 2, a: 1}\n    max_parallel: 1\n    \
         run: echo \"$K=$V\"\n    env: {K: '${{ key }}', V: '${{ item }}'}\n",
    );
    assert_eq!(code, 0, "{summary}");
    assert_eq!(summary["tasks"]["each"]["output"], json!([{"stdout": "b=2"}, {"stdout": "a=1"}]));
    assert_eq!(summary["tasks"]["each[a]"]["output"], json!({"stdout": "a=1"}));
}

#[test]
fn a_for_each_that_failed_still_gives_what_its_items_gave() {
    let (code, summary) = summary(
        "workflow: w\ntasks:\n  each: {for_each: [0, 1, 0], run: 'exit $N', env: {N: '${{ item }}'}}\n  \
         after: {needs: {each: failed}, set: {gave: '${{ tasks.each.output }}'}}\n",
    );
    let gave = json!({"gave": [{"stdout": ""}, null, {"stdout": ""}]});
    assert_eq!((code, &summary["tasks"]["after"]["output"]), (1, &gave), "{summary}");
}

#[test]
fn a_failed_attempt_is_retried_as_often_as_it_may() {
    let (code, summary) = summary(
        "workflow: w\ntasks:\n  \
         flaky: {run: 'test \"$MYRMEX_ATTEMPT\" = 3', retry: {attempts: 3, delay: 1ms}}\n  \
         hopeless: {run: exit 9, retry: {attempts: 2, delay: 1ms}}\n  \
         picky: {run: exit 9, retry: {attempts: 5, delay: 1ms, when: error.exit_code == 8}}\n",
    );
    assert_eq!(code, 1);
    let attempts = |task: &str| summary["tasks"][task]["attempts"].clone();
    assert_eq!([attempts("flaky"), attempts("hopeless"), attempts("picky")], [json!(3), json!(2), json!(1)]);
}

#[test]
fn a_timeout_ends_the_whole_process_tree() {
    let workflow = "workflow: w\ntasks:\n  slow: {run: 'echo $$ > pid; sleep 600', timeout: 100ms}\n";
    let workspace = Workspace::with(&[("w.yaml", workflow)]);
    let (code, summary) = workspace.summary(&["w.yaml"]);
    assert_eq!((code, &summary["tasks"]["slow"]["status"]), (1, &json!("timed_out")));
    assert_eq!(summary["error"]["type"], "timeout");
    let pid = std::fs::read_to_string(workspace.path().join("pid")).unwrap();
    assert!(!Path::new("/proc").join(pid.trim()).exists());
}

#[test]
fn max_parallel_of_the_workflow_bounds_everything_inside() {
    let task = "run: 'mkdir turn; test ! -e busy; touch busy; rm busy; rmdir turn'";
    let workflow = format!(
        "workflow: w\nmax_parallel: 1\ntasks:\n  block: {{tasks: {{a: {{{task}}}, b: {{{task}}}, c: {{{task}}}}}}}\n  \
         items: {{for_each: 3, {task}}}\n  single: {{{task}}}\n"
    );
    let (code, summary) = summary(&workflow);
    assert_eq!(code, 0, "{summary}");
}

#[test]
fn a_reader_that_goes_away_does_not_stop_the_run() {
    let workflow = "workflow: w\ntasks:\n  a: {run: sleep 0.1}\n  b: {needs: a, run: echo done > ledger}\n";
    let workspace = Workspace::with(&[("w.yaml", workflow)]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_myrmex"));
    command
        .args(["run", "w.yaml", "--json"])
        .current_dir(workspace.path())
        .stdout(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
    assert_eq!(std::fs::read_to_string(workspace.path().join("ledger")).unwrap(), "done\n");
    assert_eq!(only_run(&workspace)["status"], "succeeded");
}

#[test]
fn a_pipe_in_place_of_the_output_file_fails_its_task_alone() {
    let workflow = "workflow: w\ntasks:\n  a: {run: mkfifo \"$MYRMEX_OUTPUT\"}\n  b: {run: echo fine}\n";
    let (code, summary) = summary(workflow);
    assert_eq!((code, &summary["tasks"]["b"]["status"]), (1, &json!("succeeded")));
    assert_eq!(summary["error"]["title"], "the output is not a regular file");
}

#[test]
fn inputs_are_checked_all_at_once() {
    let workflow = "workflow: w\ninputs:\n  count: {type: integer}\n  region: {enum: [eu, us]}\ntasks:\n  \
                    a: {set: {c: '${{ inputs.count }}', r: '${{ inputs.region }}'}}\n";
    let workspace = Workspace::with(&[("w.yaml", workflow), ("in.json", r#"{"count": 4, "region": "us"}"#)]);
    let wrong = workspace.run(&["run", "w.yaml", "-i", "count=x", "-i", "regin=eu"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.stderr.contains("error[X0102]: 3 inputs are missing or wrong"), "{}", wrong.stderr);
    assert!(wrong.stderr.contains("region"), "{}", wrong.stderr);
    let (code, summary) = workspace.summary(&["w.yaml", "--input-file", "in.json", "-i", "count=5"]);
    assert_eq!((code, &summary["tasks"]["a"]["output"]), (0, &json!({"c": 5, "r": "us"})));
}

#[test]
fn check_reports_every_problem_with_its_place() {
    let bad = "workflow: w\ntasks:\n  a: {runn: x}\n  b: {needs: c, run: y}\n";
    let workspace = Workspace::with(&[("bad.yaml", bad)]);
    let ended = workspace.run(&["check", "bad.yaml", "--format", "json"]);
    assert_eq!(ended.code, 2);
    let document: Value = serde_json::from_str(&ended.stdout).unwrap();
    let found = document["diagnostics"].as_array().unwrap();
    assert!(found.len() >= 2, "{document}");
    let fields = ["code", "severity", "message", "file", "line", "column", "end_line", "end_column", "hint"];
    for diagnostic in found {
        assert!(fields.iter().all(|field| diagnostic.get(field).is_some()), "{diagnostic}");
    }
    assert_eq!((&found[0]["file"], &found[0]["line"]), (&json!("bad.yaml"), &json!(3)));
    assert!(!workspace.path().join(".myrmex").exists(), "check writes nothing");
    let text = workspace.run(&["check", "bad.yaml"]);
    assert!(text.stderr.contains("--> bad.yaml:3:"), "{}", text.stderr);
    assert!(text.stderr.ends_with("\n2 errors\n"), "{}", text.stderr);
    let missing = workspace.run(&["check", "none.yaml", "--format", "json"]);
    assert!(missing.code == 2 && missing.stdout.contains("E0001"), "{}", missing.stdout);
}

#[test]
fn events_have_no_gaps_and_close_each_batch_with_its_head() {
    let workflow = "workflow: w\ntasks:\n  a: {run: echo 1}\n  b: {needs: a, run: echo 2}\n";
    let workspace = Workspace::with(&[("w.yaml", workflow)]);
    let lines =
        |text: &str| -> Vec<Value> { text.lines().map(|line| serde_json::from_str(line).unwrap()).collect() };
    let printed = lines(&workspace.run(&["run", "w.yaml", "--json"]).stdout);
    let (summary, printed) = printed.split_last().unwrap();
    let exported = lines(&workspace.run(&["events", "--offline"]).stdout);
    let (heads, events): (Vec<_>, Vec<_>) = exported.into_iter().partition(|line| line.get("head").is_some());
    assert_eq!(events, printed, "what was printed is what is exported");
    let sequences: Vec<u64> = events.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    assert_eq!(sequences, (1..=sequences.len() as u64).collect::<Vec<_>>());
    assert_eq!(heads.last().unwrap()["seq"], json!(sequences.len()));
    assert!(events.iter().all(|event| event["run"] == summary["run"]));
    for field in [
        "log",
        "seq",
        "at",
        "boot",
        "namespace",
        "project",
        "run",
        "task",
        "attempt",
        "token",
        "type",
        "from",
        "to",
        "phase",
        "actor",
        "cause",
        "definition",
    ] {
        assert!(events[0].get(field).is_some(), "{field}");
    }
    let after = format!("{}:3", events[0]["log"]);
    let after = workspace.run(&["events", "--after", &after]).stdout;
    assert!(after.lines().next().unwrap().contains("\"seq\":4"));
}

#[test]
fn logs_are_kept_by_task_and_attempt() {
    let workflow = "workflow: w\ntasks:\n  a:\n    run: 'echo out; echo err >&2; test \"$MYRMEX_ATTEMPT\" = 2'\n    \
                    retry: {attempts: 2, delay: 1ms}\n  silent: {run: 'true'}\n";
    let workspace = Workspace::with(&[("w.yaml", workflow)]);
    let (_, summary) = workspace.summary(&["w.yaml"]);
    let run = summary["run"].as_str().unwrap();
    let logs = workspace.run(&["runs", "logs", run]);
    let mut lines: Vec<&str> = logs.stdout.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["a (attempt 2) | err", "a (attempt 2) | out", "a | err", "a | out"]);
    let silent = workspace.run(&["runs", "logs", &run[..16], "--task", "silent"]);
    let note = format!("task `silent` of run {run} has printed nothing that is recorded\n");
    assert_eq!((silent.code, silent.stdout.as_str(), silent.stderr), (0, "", note));
    let nobody = workspace.run(&["runs", "logs", run, "--task", "nobody"]);
    let expected =
        format!("error[X0103]: run {run} has no task `nobody`\nhint: its tasks are `a`, `silent`\n");
    assert_eq!((nobody.code, nobody.stderr), (2, expected));
    let json = workspace.run(&["runs", "logs", run, "--task", "a", "--json"]).stdout;
    assert_eq!(json.lines().filter(|line| line.contains("\"stream\":\"stderr\"")).count(), 2);
}

#[test]
fn a_key_starts_at_most_one_run() {
    let workflow = "workflow: w\ninputs: {n: {type: integer, default: 1}}\ntasks:\n  \
                    a: {run: echo ran >> ledger, env: {N: '${{ inputs.n }}'}}\n";
    let workspace = Workspace::with(&[("w.yaml", workflow)]);
    let (_, first) = workspace.summary(&["w.yaml", "--key", "k"]);
    let (code, second) = workspace.summary(&["w.yaml", "--key", "k"]);
    assert_eq!((code, &first["run"]), (0, &second["run"]));
    assert_eq!(std::fs::read_to_string(workspace.path().join("ledger")).unwrap(), "ran\n");
    let other = workspace.run(&["run", "w.yaml", "--key", "k", "-i", "n=2"]);
    assert!(other.code == 2 && other.stderr.contains("error[X0106]"), "{}", other.stderr);
}

#[test]
fn a_finished_run_is_shown_again_with_its_exit_code() {
    let workspace = Workspace::with(&[("w.yaml", "workflow: w\ntasks:\n  a: {fail: on purpose}\n")]);
    let (_, summary) = workspace.summary(&["w.yaml"]);
    let run = summary["run"].as_str().unwrap();
    let again = workspace.run(&["runs", "resume", run, "--json"]);
    let shown: Value = serde_json::from_str(again.stdout.trim()).unwrap();
    assert_eq!((again.code, &shown), (1, &summary));
    let list = workspace.run(&["runs", "list", "--json"]);
    let list: Value = serde_json::from_str(&list.stdout).unwrap();
    assert_eq!((&list["runs"][0]["run"], &list["runs"][0]["status"]), (&summary["run"], &json!("failed")));
    let cancel = workspace.run(&["runs", "cancel", run]);
    assert!(cancel.code == 2 && cancel.stderr.contains("the run is over: failed"), "{}", cancel.stderr);
    assert!(workspace.run(&["runs", "resume", "ffffff"]).stderr.contains("error[X0103]"));
}

/// Starts `command` in the workspace and waits until the file `pid` holds a line.
fn start_and_wait_for_pid(workspace: &Workspace, mut command: Command) -> (std::process::Child, String) {
    command.current_dir(workspace.path()).env("NO_COLOR", "1").stderr(std::process::Stdio::piped());
    let child = command.spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let pid = std::fs::read_to_string(workspace.path().join("pid")).unwrap_or_default();
        if pid.ends_with('\n') {
            return (child, pid.trim().to_owned());
        }
        assert!(Instant::now() < deadline, "the task never began");
        std::thread::yield_now();
    }
}

fn run_quietly() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_myrmex"));
    command.args(["run", "w.yaml", "-q"]);
    command
}

fn only_run(workspace: &Workspace) -> Value {
    let list: Value = serde_json::from_str(&workspace.run(&["runs", "list", "--json"]).stdout).unwrap();
    list["runs"][0].clone()
}

const WAITS_FOR_GO: &str = "workflow: w\ntasks:\n  \
                            a: {run: 'echo $$ > pid; echo x >> ledger; test -e go || exec sleep 600'}\n  \
                            b: {needs: a, run: echo done}\n";

#[test]
fn ctrl_c_stops_what_runs_and_leaves_the_run_to_be_resumed() {
    let workspace = Workspace::with(&[("w.yaml", WAITS_FOR_GO)]);
    let (mut child, pid) = start_and_wait_for_pid(&workspace, run_quietly());
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(!Path::new("/proc").join(pid).exists(), "the task's process is gone");
    std::fs::write(workspace.path().join("go"), "").unwrap();
    let listed = only_run(&workspace);
    assert_eq!(listed["status"], "running");
    let resumed = workspace.run(&["runs", "resume", listed["run"].as_str().unwrap(), "--json"]);
    let summary: Value = serde_json::from_str(resumed.stdout.lines().last().unwrap()).unwrap();
    assert_eq!((resumed.code, &summary["status"]), (0, &json!("succeeded")));
    assert_eq!(summary["tasks"]["a"]["attempts"], json!(2));
    assert_eq!(std::fs::read_to_string(workspace.path().join("ledger")).unwrap(), "x\nx\n");
}

#[test]
fn an_interrupted_run_can_be_cancelled_and_stays_cancelled() {
    let workspace = Workspace::with(&[("w.yaml", WAITS_FOR_GO)]);
    let (mut child, _) = start_and_wait_for_pid(&workspace, run_quietly());
    child.kill().unwrap();
    child.wait().unwrap();
    let run = only_run(&workspace)["run"].as_str().unwrap().to_owned();
    assert_eq!(workspace.run(&["runs", "cancel", &run, "--reason", "no longer needed"]).code, 0);
    let shown = workspace.run(&["runs", "resume", &run, "--json"]);
    let summary: Value = serde_json::from_str(shown.stdout.trim()).unwrap();
    assert_eq!((shown.code, &summary["status"]), (5, &json!("cancelled")));
    assert_eq!(summary["tasks"]["b"]["status"], "cancelled");
    let events = workspace.run(&["events", "--run", &run]).stdout;
    assert!(events.contains("no longer needed"), "{events}");
}

#[test]
fn a_store_that_is_held_is_told_with_the_holder() {
    let workspace = Workspace::with(&[("w.yaml", WAITS_FOR_GO)]);
    let (mut child, _) = start_and_wait_for_pid(&workspace, run_quietly());
    let second = workspace.run(&["run", "w.yaml"]);
    let holder = format!("process {}", child.id());
    assert!(second.code == 7 && second.stderr.contains(&holder), "{} {}", second.code, second.stderr);
    let hint = format!(
        "hint: wait until `myrmex run w.yaml` ends, or stop it by Ctrl-C there or `kill -INT {}`; then its run can be resumed or \
         cancelled\n",
        child.id()
    );
    assert!(second.stderr.ends_with(&hint), "{}", second.stderr);
    assert_eq!(only_run(&workspace)["status"], "running", "reading goes on beside the holder");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn usage_errors_exit_with_2_and_help_with_0() {
    let workspace = Workspace::with(&[]);
    assert_eq!(workspace.run(&["run"]).code, 2);
    assert_eq!(workspace.run(&["frobnicate"]).code, 2);
    assert_eq!(workspace.run(&["--help"]).code, 0);
    assert_eq!(workspace.run(&["runs", "list"]).code, 2, "there is no store yet");
}

#[test]
fn settings_with_errors_start_nothing() {
    let workspace = Workspace::with(&[
        ("w.yaml", "workflow: w\ntasks:\n  a: {run: echo never >ran}\n"),
        ("myrmex.yaml", "secrets:\n  TOKEN: {fiel: token}\n"),
    ]);
    let ended = workspace.run(&["run", "w.yaml"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (2, ""));
    for text in [
        "error[E0202]",
        "myrmex.yaml:2:11",
        "did you mean `file`?",
        "error[X0108]: `myrmex.yaml` has an error",
    ] {
        assert!(ended.stderr.contains(text), "{text}: {}", ended.stderr);
    }
    assert!(!workspace.path().join("ran").exists() && !workspace.path().join(".myrmex/store.db").exists());
    std::fs::write(workspace.path().join("myrmex.yaml"), "secrets: {TOKEN: {file: token}}\n").unwrap();
    assert_eq!(workspace.run(&["run", "w.yaml"]).code, 0);
}

const PRINTS: &str = "workflow: w\ntasks:\n  a: {run: echo hi}\n";

/// Where to look, and what to do, as every message about damage ends.
const DAMAGE_HINT: &str =
    "hint: copy the data directory before anything else; `myrmex explain X0203` says what can be done\n";

#[test]
fn a_damaged_store_is_told_by_every_command() {
    let workspace = Workspace::with(&[("w.yaml", PRINTS)]);
    let (_, first) = workspace.summary(&["w.yaml"]);
    workspace.summary(&["w.yaml"]);
    let run = first["run"].as_str().unwrap();
    let store = workspace.path().join(".myrmex/store.db");
    std::fs::File::options().write(true).open(&store).unwrap().set_len(10_000).unwrap();
    let commands: [&[&str]; 8] = [
        &["runs", "list"],
        &["runs", "list", "--json"],
        &["runs", "logs", run],
        &["events"],
        &["run", "w.yaml"],
        &["run", "w.yaml", "--json"],
        &["runs", "resume", run],
        &["runs", "cancel", run],
    ];
    for arguments in commands {
        let ended = workspace.run(arguments);
        let expected = format!(
            "error[X0203]: the store is damaged: the file was cut off: page 3 of 26 is missing ({})\n{DAMAGE_HINT}",
            store.display()
        );
        assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr), (7, "", expected), "{arguments:?}");
    }
}

#[test]
fn a_lost_write_ahead_log_is_told() {
    let workspace = Workspace::with(&[("w.yaml", PRINTS)]);
    workspace.summary(&["w.yaml"]);
    let log = workspace.path().join(".myrmex/store.db-wal");
    std::fs::remove_file(&log).unwrap();
    let ended = workspace.run(&["runs", "list"]);
    let expected = format!(
        "error[X0203]: the store is damaged: the file is missing or empty, with the last commits in it ({})\n\
         {DAMAGE_HINT}",
        log.display()
    );
    assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr), (7, "", expected));
}

#[test]
fn damaged_logs_are_told_behind_what_can_be_read() {
    let workflow = "workflow: w\ntasks:\n  a: {run: echo hi}\n  b: {needs: a, run: echo there}\n";
    let workspace = Workspace::with(&[("w.yaml", workflow)]);
    let (_, summary) = workspace.summary(&["w.yaml"]);
    let run = summary["run"].as_str().unwrap();
    let path = workspace.path().join(".myrmex/logs/00000001.log");
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    file.set_len(std::fs::metadata(&path).unwrap().len() - 1).unwrap();
    let cut = workspace.run(&["runs", "logs", run]);
    assert_eq!((cut.code, cut.stdout.as_str()), (7, "a | hi\n"));
    assert!(cut.stderr.contains(&format!("({})\n{DAMAGE_HINT}", path.display())), "{}", cut.stderr);
    std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
    for more in [&[] as &[&str], &["--json"], &["--task", "b"]] {
        let gone = workspace.run(&[&["runs", "logs", run], more].concat());
        let expected = format!(
            "error[X0203]: the store is damaged: output of tasks is missing ({})\n{DAMAGE_HINT}",
            path.display()
        );
        assert_eq!((gone.code, gone.stdout.as_str(), gone.stderr), (7, "", expected));
    }
}

/// Runs the binary with standard output on a full disk.
fn run_without_room_on_stdout(workspace: &Workspace, arguments: &[&str]) -> Said {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_myrmex"));
    command.args(arguments).current_dir(workspace.path()).env("NO_COLOR", "1").stdout(full);
    let Output { status, stderr, .. } = command.output().unwrap();
    let stderr = String::from_utf8(stderr).unwrap();
    Said { code: status.code().unwrap_or(-1), stdout: String::new(), stderr }
}

#[test]
fn a_run_goes_on_where_standard_output_cannot_be_written() {
    let workflow = "workflow: w\ntasks:\n  a: {run: echo a}\n  b: {needs: a, run: echo b}\n\
                    outputs: {b: '${{ tasks.b.output }}'}\n";
    let workspace = Workspace::with(&[("w.yaml", workflow)]);
    let ended = run_without_room_on_stdout(&workspace, &["run", "w.yaml", "--json"]);
    let listed = only_run(&workspace);
    let failure = format!(
        "error[X0101]: standard output cannot be written\n  because: no space left on device\n\
         hint: `myrmex runs resume {} --json` prints how it ended\n",
        listed["run"].as_str().unwrap()
    );
    let expected = format!("standard output cannot be written; the run goes on\n{failure}");
    assert_eq!((ended.code, ended.stderr, &listed["status"]), (2, expected, &json!("succeeded")));
    let plain = run_without_room_on_stdout(&workspace, &["run", "w.yaml"]);
    let (run, failure) =
        (only_run(&workspace), "standard output cannot be written\n  because: no space left");
    assert_eq!((plain.code, &run["status"]), (2, &json!("succeeded")));
    assert!(plain.stderr.contains(failure) && plain.stderr.contains(run["run"].as_str().unwrap()));
    let help = run_without_room_on_stdout(&workspace, &["--help"]);
    assert!(help.code == 2 && help.stderr.contains(failure), "{} {}", help.code, help.stderr);
}

#[test]
fn each_failed_task_has_its_error_in_the_summary() {
    let (_, summary) = summary(
        "workflow: w\ntasks:\n  a: {run: 'echo broken >&2; exit 3'}\n  b: {fail: on purpose}\n  c: {run: 'true'}\n",
    );
    let expected = json!({
        "type": "runtime", "status": 500, "title": "exit code 3", "detail": "broken", "exit_code": 3, "task": "a",
    });
    assert_eq!(summary["tasks"]["a"]["error"], expected);
    assert_eq!(summary["tasks"]["b"]["error"]["title"], "on purpose");
    assert_eq!(summary["tasks"]["c"]["error"], Value::Null);
    assert_eq!(summary["interrupted"], json!(false));
}

#[test]
fn an_interrupted_run_is_told_from_one_that_goes_on() {
    let workspace = Workspace::with(&[("w.yaml", WAITS_FOR_GO)]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_myrmex"));
    command.args(["run", "w.yaml", "--json"]).stdout(std::process::Stdio::piped());
    let (child, _) = start_and_wait_for_pid(&workspace, command);
    assert!(Command::new("kill").args(["-HUP", &child.id().to_string()]).status().unwrap().success());
    let ended = child.wait_with_output().unwrap();
    let printed = String::from_utf8(ended.stdout).unwrap();
    let summary: Value = serde_json::from_str(printed.lines().last().unwrap()).unwrap();
    assert_eq!((ended.status.code(), &summary["interrupted"]), (Some(130), &json!(true)));
    assert_eq!(summary["status"], "running");
    let stderr = String::from_utf8(ended.stderr).unwrap();
    let run = summary["run"].as_str().unwrap();
    let expected = format!(
        "stopping what runs, for at most 5 s; once more kills it at once\n\
         interrupted; `myrmex runs resume {run}` goes on where it stopped\n"
    );
    assert_eq!(stderr, expected);
    let list = workspace.run(&["runs", "list"]).stdout;
    assert!(list.contains("  w         interrupted  "), "{list}");
    assert!(list.trim_end().ends_with("  `runs resume` goes on"), "{list}");
}

#[test]
fn the_second_ctrl_c_says_how_to_go_on() {
    let workflow =
        "workflow: w\ntasks:\n  a: {run: 'trap \"\" TERM; echo $$ > pid; while :; do sleep 600; done'}\n";
    let workspace = Workspace::with(&[("w.yaml", workflow)]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_myrmex"));
    command.args(["run", "w.yaml"]);
    let (mut child, _) = start_and_wait_for_pid(&workspace, command);
    let mut stderr = std::io::BufReader::new(child.stderr.take().unwrap());
    let run = only_run(&workspace)["run"].as_str().unwrap().to_owned();
    let mut expect = |expected: &str| {
        let mut line = String::new();
        std::io::BufRead::read_line(&mut stderr, &mut line).unwrap();
        assert_eq!(line, expected);
    };
    let interrupt = || Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    expect(&format!("run {} of w\n", &run[..13]));
    interrupt();
    expect("stopping what runs, for at most 5 s; once more kills it at once\n");
    interrupt();
    expect(&format!("killed; `myrmex runs resume {run}` goes on where it stopped\n"));
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn a_resume_says_which_definition_it_follows_and_when_there_is_nothing_to_resume() {
    let workspace = Workspace::with(&[("w.yaml", WAITS_FOR_GO)]);
    let resumed_after = |change: &dyn Fn(&Path)| {
        let (mut child, _) = start_and_wait_for_pid(&workspace, run_quietly());
        child.kill().unwrap();
        child.wait().unwrap();
        let run = only_run(&workspace)["run"].as_str().unwrap().to_owned();
        change(&workspace.path().join("w.yaml"));
        std::fs::write(workspace.path().join("go"), "").unwrap();
        let resumed = workspace.run(&["runs", "resume", &run]);
        for name in ["go", "pid"] {
            std::fs::remove_file(workspace.path().join(name)).unwrap();
        }
        (run, resumed.stderr.lines().next().unwrap().to_owned())
    };
    let (run, first) = resumed_after(&|_| {});
    assert_eq!(first, format!("run {} of w", &run[..13]), "nothing has changed");
    let (_, changed) = resumed_after(&|file| std::fs::write(file, PRINTS).unwrap());
    let file = workspace.path().join("w.yaml");
    std::fs::write(&file, WAITS_FOR_GO).unwrap();
    let expected =
        format!("goes on with the definition it started with; `{}` holds another one", file.display());
    assert_eq!(changed, expected);
    let broken = format!("{WAITS_FOR_GO}oops: 1\n");
    let (_, wrong) = resumed_after(&|file| std::fs::write(file, &broken).unwrap());
    std::fs::write(&file, WAITS_FOR_GO).unwrap();
    let path = file.display();
    let expected = format!(
        "goes on with the definition it started with; `{path}` has errors now, `myrmex check {path}` shows them"
    );
    assert_eq!(wrong, expected);
    let (run, unknown) = resumed_after(&|file| std::fs::remove_file(file).unwrap());
    assert_eq!(unknown, "goes on with the definition it started with, whatever became of the file of `w`");
    let over = workspace.run(&["runs", "resume", &run]);
    assert_eq!(over.code, 0);
    let first = over.stderr.lines().next().unwrap();
    assert_eq!(first, "the run is over: succeeded; `myrmex run` starts a new one");
}

#[test]
fn a_workflow_is_found_by_name_and_what_was_tried_is_told() {
    let workspace = Workspace::with(&[]);
    std::fs::create_dir(workspace.path().join("workflows")).unwrap();
    std::fs::write(workspace.path().join("workflows/q2.yaml"), PRINTS).unwrap();
    for name in ["q2", "q2.yaml", "workflows/q2.yaml"] {
        assert_eq!(workspace.run(&["run", name, "-q"]).code, 0, "{name}");
    }
    let missing = workspace.run(&["run", "nofile"]);
    let expected = format!(
        "error[E0001]: there is no workflow `nofile`\n--> nofile\n\
         hint: looked for `nofile.yaml`, `nofile.yml`, `workflows/nofile.yaml`, `workflows/nofile.yml`, and for \
         `workflow: nofile` in these folders of `{}`; give the file's path\n\n",
        workspace.path().display()
    );
    assert_eq!((missing.code, missing.stderr), (2, expected));
    let folder = workspace.run(&["run", "."]);
    let expected = "error[E0001]: the file cannot be read: it is a folder\n--> .\n\
                    hint: name one of the files in it, such as `workflows/q2.yaml`\n\n";
    assert_eq!((folder.code, folder.stderr.as_str()), (2, expected));
    for (written, meant) in
        [("workflows/q3.yaml", "workflows/q2.yaml"), ("workflows/q2", "workflows/q2.yaml")]
    {
        let missing = workspace.run(&["check", written]);
        let expected = format!(
            "error[E0001]: the file cannot be read: there is no such file\n--> {written}\n\
             hint: did you mean `{meant}`?\n\n"
        );
        assert_eq!((missing.code, missing.stderr), (2, expected));
    }
}

#[test]
fn that_nothing_limits_a_process_is_said_by_check_and_not_by_each_run() {
    let workspace = Workspace::with(&[("w.yaml", PRINTS)]);
    let checked = workspace.run(&["check", "w.yaml"]);
    assert!(checked.code == 0 && checked.stderr.contains("warning[W0205]"), "{}", checked.stderr);
    let run = workspace.run(&["run", "w.yaml"]);
    assert!(run.code == 0 && !run.stderr.contains("W0205"), "{}", run.stderr);
}

#[test]
fn wrong_inputs_are_told_with_what_there_is() {
    let workflow = "workflow: w\ninputs:\n  count: {type: integer, default: 1}\n  dry: {type: boolean, default: true}\n\
                    tasks:\n  a: {set: '${{ inputs }}'}\n";
    let takes = "workflow: takes\ninputs: {k: {type: object}}\ntasks: {a: {set: '${{ inputs.k }}'}}\n";
    let twice = r#"{"k": {"b": 1, "b": 2}}"#;
    let workspace = Workspace::with(&[
        ("w.yaml", workflow),
        ("none.yaml", PRINTS),
        ("takes.yaml", takes),
        ("twice.json", twice),
    ]);
    let check = |arguments: &[&str], expected: &str| {
        let ended = workspace.run(&[&["run"], arguments].concat());
        assert_eq!((ended.code, ended.stderr.as_str()), (2, expected), "{arguments:?}");
    };
    check(
        &["w", "-i", "count=abc", "-i", "dry=yes", "-i", "cuont=3"],
        "error[X0102]: 3 inputs are missing or wrong\n  because: unknown input `cuont`, did you mean `count`?\n  \
         because: the input `count`: `abc` is not an integer\n  \
         because: the input `dry`: `yes` is neither `true` nor `false`\n\
         hint: give inputs with `-i NAME=VALUE` or `--input-file FILE`; `w` takes `count` (integer), `dry` (boolean)\n",
    );
    check(
        &["none", "-i", "a=1"],
        "error[X0102]: an input is missing or wrong\n  because: unknown input `a`\n\
         hint: give inputs with `-i NAME=VALUE` or `--input-file FILE`; `w` takes none\n",
    );
    check(&["w", "-i", "count=1", "-i", "count=2"], "error[X0102]: the input `count` is given twice\n");
    check(&["w", "-i", "=5"], "error[X0102]: `=5` has no name before the `=`\n");
    let twice = workspace.run(&["run", "takes.yaml", "-i", r#"k={"a": 1, "a": 2}"#]);
    let expected = "because: the input `k`: the key `a` stands twice in one map\n";
    assert!(twice.code == 2 && twice.stderr.contains(expected), "{}", twice.stderr);
    check(
        &["takes", "--input-file", "twice.json"],
        "error[X0102]: `twice.json`: the key `b` stands twice in one map\n",
    );
}

#[test]
fn a_repeated_key_says_that_the_run_was_before() {
    let workspace = Workspace::with(&[("w.yaml", PRINTS)]);
    workspace.run(&["run", "w", "--key", "k"]);
    let again = workspace.run(&["run", "w", "--key", "k"]).stderr;
    let run = only_run(&workspace);
    let expected = format!("the key was used before: run {} of 20", &run["run"].as_str().unwrap()[..13]);
    assert!(again.starts_with(&expected), "{again}");
    assert_eq!(workspace.run(&["run", "w", "--key", ""]).code, 2);
    let fits = workspace.run(&["runs", "list", "--status", "failed"]);
    assert_eq!((fits.code, fits.stdout.as_str(), fits.stderr.as_str()), (0, "", "no run fits\n"));
    let empty = workspace.run(&["runs", "logs", ""]);
    assert!(empty.code == 2 && empty.stderr.starts_with("error[X0103]: the id of the run is empty\n"));
}

#[test]
fn the_help_has_the_exit_codes_of_the_readme() {
    let help = Workspace::with(&[]).run(&["--help"]).stdout;
    let table = help.split_once("Exit codes:\n").unwrap().1;
    let codes: Vec<&str> = table.lines().map_while(|line| line.split_whitespace().next()).collect();
    assert_eq!(codes, ["0", "1", "2", "3", "4", "5", "7", "130"]);
    let readme = include_str!("../../../README.md");
    for code in codes {
        assert!(readme.contains(&format!("\n| {code} | ")), "{code}");
    }
}

#[test]
fn an_unknown_code_is_told_with_the_nearest_ones() {
    let check = |code: &str, expected: &str| {
        let ended = Workspace::with(&[]).run(&["explain", code]);
        let first = ended.stderr.lines().next().unwrap_or_default();
        assert_eq!(
            (ended.code, first),
            (2, format!("error: invalid value '{code}' for '[CODE]': {expected}").as_str())
        );
    };
    check("E9999", "there is no such code; without one, `explain` lists them all");
    check("E207", "there is no such code, did you mean E0207?");
    check("x0292", "there is no such code, did you mean X0202?");
}

#[test]
fn a_data_directory_that_cannot_be_one_is_told_in_plain_words() {
    let workspace = Workspace::with(&[("w.yaml", PRINTS), ("taken", "")]);
    let path = |name: &str| workspace.path().join(name).display().to_string();
    for command in [&["run", "w.yaml"] as &[&str], &["runs", "list"], &["events"]] {
        let ended = workspace.run(&[command, &["--data-dir", "taken"]].concat());
        let expected =
            format!("error[X0101]: the data directory `{}` is a file, not a folder\n", path("taken"));
        assert_eq!((ended.code, ended.stderr), (2, expected));
    }
    let made = workspace.run(&["run", "w.yaml", "--data-dir", "new/data"]);
    let first = format!("made the data directory `{}`\n", path("new/data"));
    assert!(made.code == 0 && made.stderr.starts_with(&first), "{}", made.stderr);
    assert!(!workspace.run(&["run", "w.yaml", "--data-dir", "new/data"]).stderr.contains("made"));
    for (name, reason) in [("folder", "it is a folder, not a file"), ("empty", "the file is empty")] {
        let store = workspace.path().join(name).join("store.db");
        std::fs::create_dir(workspace.path().join(name)).unwrap();
        match name {
            "folder" => std::fs::create_dir(&store).unwrap(),
            _ => std::fs::write(&store, "").unwrap(),
        }
        let ended = workspace.run(&["runs", "list", "--data-dir", name]);
        let expected =
            format!("error[X0203]: the store is damaged: {reason} ({})\n{DAMAGE_HINT}", store.display());
        assert_eq!((ended.code, ended.stderr), (7, expected));
    }
}

#[test]
fn a_run_that_nobody_waits_for_is_run_to_its_end() {
    let workspace = Workspace::with(&[
        ("main.yaml", "workflow: main\ntasks:\n  d: {workflow: kid, wait: false}\n"),
        ("kid.yaml", "workflow: kid\ntasks:\n  a: {run: sleep 0.3; echo done >done}\n"),
    ]);
    let ended = workspace.run(&["run", "main.yaml"]);
    assert_eq!(ended.code, 0);
    assert!(ended.stderr.contains("waits for a run that it started; Ctrl-C"), "{}", ended.stderr);
    assert!(workspace.path().join("done").exists());
    let listed = workspace.run(&["runs", "list"]).stdout;
    assert_eq!(listed.matches("  succeeded  ").count(), 2, "{listed}");
}
