//! What a person who meets the command for the first time sees of runs that did not go well, as whole outputs.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/said.rs"]
mod said;

use std::os::unix::fs::PermissionsExt;

use said::Workspace;
use serde_json::{Value, json};

/// Replaces what differs from run to run: ids, lengths of time and instants.
fn plain(text: &str, run: &str) -> String {
    let text = text.replace(run, "RUN").replace(&run[..13], "RUN");
    let text =
        regex_lite::Regex::new(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d").unwrap().replace_all(&text, "INSTANT");
    let length = regex_lite::Regex::new(r"\d+(\.\d)? m?s\b").unwrap();
    let text = length.replace_all(&text, "T");
    // A column is as wide as its widest length.
    let lines = text.lines().map(|line| regex_lite::Regex::new(r"T {2,}").unwrap().replace_all(line, "T  "));
    let lines: Vec<String> = lines.map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n") + "\n"
}

/// Runs `w.yaml` with this text and returns the lines of standard error, without what differs from run to run.
fn live(workflow: &str) -> (Workspace, i32, Vec<String>) {
    let workspace = Workspace::with(&[("w.yaml", workflow)]);
    let ended = workspace.run(&["run", "w.yaml"]);
    let shown = plain(&ended.stderr, &workspace.newest());
    (workspace, ended.code, shown.lines().map(str::to_owned).collect())
}

#[test]
fn a_task_that_kills_its_watcher_fails_after_three_losses() {
    let (_, code, lines) = live("workflow: w\ntasks:\n  a: {run: 'kill -9 $PPID; sleep 60', timeout: 30s}\n");
    let expected = [
        "run RUN of w",
        "      lost  a  attempt 1: the process that watches over the attempt was killed",
        "  retrying  a  attempt 2 in T",
        "      lost  a  attempt 2: the process that watches over the attempt was killed",
        "  retrying  a  attempt 3 in T",
        "      lost  a  attempt 3: the process that watches over the attempt was killed",
        "    failed  a  T  its watcher died 3 times in a row, maybe killed for memory: the process that watches over the \
         attempt was killed",
        "run RUN failed in T (1 failed)",
        "error: `a`: its watcher died 3 times in a row, maybe killed for memory (runtime)",
        "  the process that watches over the attempt was killed",
    ];
    assert_eq!((code, lines), (1, expected.map(str::to_owned).to_vec()));
}

#[test]
fn a_task_that_stops_its_watcher_keeps_its_timeout() {
    let (_, code, lines) =
        live("workflow: w\ntasks:\n  a: {run: 'kill -STOP $PPID; echo alive; sleep 60', timeout: 300ms}\n");
    assert_eq!(code, 1);
    assert!(lines.iter().any(|line| line.contains("timed out after 300ms")), "{lines:?}");
}

#[test]
fn an_accepted_failure_is_shown_with_its_reason_and_counted_apart() {
    let workflow = "workflow: w\ntasks:\n  lint: {run: {script: x, interpreter: ruff9}, continue_on_error: true}\n  \
                    build: {needs: lint, run: 'true'}\n";
    let (workspace, code, lines) = live(workflow);
    assert_eq!(code, 0);
    let accepted = "failed, accepted  lint  T  the interpreter `ruff9` is not installed: No such file or directory (os error 2)";
    assert_eq!(
        lines[1..],
        [accepted, " succeeded  build  T", "run RUN succeeded in T (1 succeeded, 1 failed but accepted)"]
    );
    let summary = workspace.json(&["run", "w.yaml", "--json"]);
    let lint = &summary["tasks"]["lint"];
    assert_eq!((&lint["status"], &lint["accepted"]), (&json!("succeeded"), &json!(true)));
    assert_eq!(lint["error"]["title"], "the interpreter `ruff9` is not installed");
    assert_eq!(summary["tasks"]["build"]["accepted"], Value::Null);
}

#[test]
fn an_error_that_was_caught_is_no_accepted_one() {
    let (_, code, lines) = live(
        "workflow: w\ntasks:\n  a: {try: {run: exit 3}, catch: {set: {x: 1}}, continue_on_error: true}\n",
    );
    assert_eq!(code, 0);
    assert!(!lines.iter().any(|line| line.contains("accepted")), "{lines:?}");
}

#[test]
fn what_a_task_left_running_is_told() {
    let (_, code, lines) = live("workflow: w\ntasks:\n  a: {run: 'sleep 600 >/dev/null 2>&1 &'}\n");
    assert_eq!((code, lines[1].as_str()), (0, "     ended  a  processes that it left behind"));
}

#[test]
fn a_limit_of_time_is_told_in_plain_words() {
    let (_, _, lines) = live("workflow: w\ntasks:\n  b: {timeout: 100ms, tasks: {a: {run: sleep 60}}}\n");
    let told: Vec<&String> = lines.iter().filter(|line| line.contains("timed out")).collect();
    assert_eq!(told, [" timed out  b  T  took longer than 100ms (`timeout`)"], "{lines:?}");
}

#[test]
fn an_output_without_value_is_named_with_its_scope() {
    let workflow = "workflow: w\ninputs: {o: {type: object, default: {}}}\ntasks:\n  a: {run: 'true'}\n\
                    outputs: {good: 1, x: {y: '${{ inputs.o.none }}'}}\n";
    let (_, _, lines) = live(workflow);
    let expected = "error: the output `x.y` of the workflow: expression `inputs.o.none`: `inputs.o.none` has no value (expression)";
    assert!(lines.contains(&expected.to_owned()), "{lines:?}");
    let workflow = "workflow: w\ninputs: {o: {type: object, default: {}}}\ntasks:\n  b:\n    tasks: {a: {run: 'true'}}\n    \
                    outputs: {z: '${{ inputs.o.none }}'}\n";
    let (_, _, lines) = live(workflow);
    let expected = "error: `b`: the output `z` of `b`: expression `inputs.o.none`: `inputs.o.none` has no value (expression)";
    assert!(lines.contains(&expected.to_owned()), "{lines:?}");
}

#[test]
fn an_error_of_an_expression_says_under_which_key_it_arose() {
    let workflow = "workflow: w\ninputs: {o: {type: object, default: {}}}\ntasks:\n  \
                    a: {run: 'true', env: {A: x, B: '${{ inputs.o.b }}'}}\n  c: {if: inputs.o.c, run: 'true'}\n";
    let workspace = Workspace::with(&[("w.yaml", workflow)]);
    let summary = workspace.json(&["run", "w.yaml", "--json"]);
    assert_eq!(summary["tasks"]["a"]["error"]["detail"], "in `env.B`");
    assert_eq!(summary["tasks"]["c"]["error"]["detail"], "in `if`");
}

const SHOWN: &str = "workflow: ship\ntasks:\n  lint: {run: exit 2, continue_on_error: true}\n  build: {run: echo built}\n  \
    each: {for_each: {a/b: 1}, run: 'echo \"$V\"', env: {V: '${{ item }}'}}\n  \
    block: {tasks: {in: {run: 'echo oh >&2; exit 3', retry: {attempts: 2, delay: 1ms}}}}\n  after: {needs: block, run: 'true'}\n";

#[test]
fn a_finished_run_is_shown_whole() {
    let workspace = Workspace::with(&[("w.yaml", SHOWN)]);
    assert_eq!(workspace.run(&["run", "w.yaml", "-q"]).code, 1);
    let run = workspace.newest();
    let shown = workspace.run(&["runs", "show", &run[..13]]);
    let expected = "\
run       RUN
workflow  ship
status    failed
started   INSTANT by tester
took      T
error     `block/in`: exit code 3 (runtime)
          oh

TASK       STATUS            ATTEMPTS  TOOK
lint       failed, accepted         1  T  exit code 2
build      succeeded                1  T  {\"stdout\":\"built\"}
each       succeeded                1  T  [{\"stdout\":\"1\"}]
  [a%2Fb]  succeeded                1  T  {\"stdout\":\"1\"}
block      failed                   1  T  exit code 3
  in       failed                   2  T  exit code 3
after      skipped
";
    assert_eq!((shown.code, plain(&shown.stdout, &run).as_str(), shown.stderr.as_str()), (0, expected, ""));
}

#[test]
fn one_task_of_a_run_is_shown_with_its_attempts() {
    let workspace = Workspace::with(&[("w.yaml", SHOWN)]);
    workspace.run(&["run", "w.yaml", "-q"]);
    let run = workspace.newest();
    let shown = workspace.run(&["runs", "show", &run, "--task", "block/in"]);
    let expected = "\
task      block/in
run       RUN
status    failed
started   INSTANT
took      T
error     `block/in`: exit code 3 (runtime)
          oh
attempt 1  failed after T: exit code 3
attempt 2  failed after T: exit code 3

input:
{
  \"script\": \"echo oh >&2; exit 3\"
}
";
    assert_eq!((shown.code, plain(&shown.stdout, &run).as_str()), (0, expected));
    let item = workspace.json(&["runs", "show", &run, "--task", "each[a/b]", "--json"]);
    assert_eq!((&item["task"], &item["output"]), (&json!("each[a%2Fb]"), &json!({"stdout": "1"})));
    assert_eq!((&item["history"][0]["end"], &item["input"]["env"]), (&json!("succeeded"), &json!({"V": 1})));
    let skipped = workspace.json(&["runs", "show", &run, "--task", "after", "--json"]);
    assert_eq!((&skipped["status"], &skipped["history"]), (&json!("skipped"), &json!([])));
    let unknown = workspace.run(&["runs", "show", &run, "--task", "nope"]);
    assert_eq!(unknown.code, 2);
    assert!(
        unknown.stderr.contains("has no task `nope`\nhint: its tasks are `lint`, `build`"),
        "{}",
        unknown.stderr
    );
}

#[test]
fn the_document_of_a_run_is_its_summary_with_times() {
    let workspace = Workspace::with(&[("w.yaml", SHOWN)]);
    let summary = workspace.json(&["run", "w.yaml", "--json"]);
    let run = workspace.newest();
    let mut shown = workspace.json(&["runs", "show", &run, "--json"]);
    assert_eq!(
        (&shown["workflow"], &shown["started_by"], &shown["trigger"]),
        (&json!("ship"), &json!("tester"), &json!("manual"))
    );
    assert!(shown["started"].is_string() && shown["ended"].is_string());
    assert!(shown["tasks"]["build"]["took_ms"].is_u64());
    let document = shown.as_object_mut().unwrap();
    let of_run = ["workflow", "definition", "started", "ended", "started_by", "trigger", "key"];
    let of_kin = ["attempt", "retry_of", "retried_by", "parent", "children", "cancelled"];
    for added in of_run.into_iter().chain(of_kin) {
        assert!(document.remove(added).is_some(), "{added}");
    }
    for (path, task) in document["tasks"].as_object_mut().unwrap() {
        for added in ["started", "ended", "took_ms"] {
            let had = task.as_object_mut().unwrap().remove(added).is_some();
            assert!(had || path.starts_with("after"), "{path} {added}");
        }
    }
    assert_eq!(shown, summary);
}

#[test]
fn logs_of_an_item_are_found_by_its_key_as_it_was_written() {
    let workspace = Workspace::with(&[("w.yaml", SHOWN)]);
    workspace.run(&["run", "w.yaml", "-q"]);
    let run = workspace.newest();
    for path in ["each[a/b]", "each[a%2Fb]"] {
        let logs = workspace.run(&["runs", "logs", &run, "--task", path]);
        assert_eq!((logs.code, logs.stdout.as_str()), (0, "1\n"), "{path}: {}", logs.stderr);
    }
}

#[test]
fn logs_say_what_of_a_long_output_was_not_kept() {
    let workflow = "workflow: w\ntasks:\n  a: {run: 'head -c 70000000 /dev/zero | tr \"\\0\" x'}\n";
    let workspace = Workspace::with(&[("w.yaml", workflow)]);
    assert_eq!(workspace.run(&["run", "w.yaml", "-q"]).code, 0);
    let run = workspace.newest();
    let note = "a: 2891136 bytes are missing in the middle: of one attempt's output the beginning and the end are kept, 64 MiB \
                in all\n";
    let single = workspace.run(&["runs", "logs", &run, "--task", "a"]);
    assert_eq!((single.code, single.stdout.len(), single.stderr.as_str()), (0, 64 << 20, note));
    let lines = workspace.run(&["runs", "logs", &run, "--json"]);
    assert!(lines.stdout.contains("\"dropped_bytes\":2891136"));
    assert_eq!(lines.stderr, note);
}

#[test]
fn settings_are_checked_as_settings() {
    let workspace = Workspace::with(&[
        ("myrmex.yaml", "secrets: {A: {env: CI}}\n"),
        ("w.yaml", "workflow: w\ntasks:\n  a: {run: 'true', timeout: 1m}\n"),
        ("other.yaml", "secrets_folder: []\n"),
    ]);
    let good = workspace.run(&["check", "myrmex.yaml", "w.yaml"]);
    assert_eq!((good.code, good.stderr.as_str()), (0, "2 files without errors, 1 task\n"));
    let bad = workspace.json(&["check", "other.yaml", "--format", "json"]);
    assert_eq!(bad["diagnostics"][0]["message"], "`secrets_folder` must be text, this is a list");
    let run = workspace.run(&["run", "myrmex.yaml"]);
    assert_eq!(run.code, 2);
    assert!(
        run.stderr.contains("`myrmex.yaml` holds the settings of a workspace, not a workflow"),
        "{}",
        run.stderr
    );
}

#[test]
fn interrupted_runs_can_be_asked_for() {
    let workspace = Workspace::with(&[(
        "w.yaml",
        "workflow: w\ntasks:\n  a: {run: 'kill -9 $(ps -o ppid= -p $(ps -o ppid= -p $PPID)); sleep 60'}\n",
    )]);
    workspace.run(&["run", "w.yaml"]);
    let listed =
        |status: &str| workspace.json(&["runs", "list", "--status", status, "--json"])["runs"].clone();
    assert_eq!(listed("interrupted").as_array().map(Vec::len), Some(1));
    assert_eq!(listed("interrupted")[0]["interrupted"], json!(true));
    assert_eq!(listed("running"), json!([]));
    let shown = workspace.json(&["runs", "show", &workspace.newest(), "--json"]);
    assert_eq!(shown["interrupted"], json!(true));
}

#[test]
fn a_workflow_is_found_by_the_name_it_gives_itself() {
    let workspace = Workspace::with(&[]);
    std::fs::create_dir(workspace.path().join("workflows")).unwrap();
    std::fs::write(
        workspace.path().join("workflows/foo.yaml"),
        "workflow: bar\ntasks:\n  a: {run: 'true'}\n",
    )
    .unwrap();
    assert_eq!(workspace.run(&["run", "bar", "-q"]).code, 0);
}

#[test]
fn what_runs_hold_is_for_their_owner_alone() {
    let workspace = Workspace::with(&[("w.yaml", "workflow: w\ntasks:\n  a: {run: echo hi}\n")]);
    assert_eq!(workspace.run(&["run", "w.yaml", "-q"]).code, 0);
    let mut open = vec![workspace.path().join(".myrmex")];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let (path, metadata) = (entry.path(), entry.metadata().unwrap());
            if metadata.is_dir() {
                open.push(path);
            } else if path.file_name().unwrap() != ".gitignore" {
                assert_eq!(metadata.permissions().mode() & 0o077, 0, "{}", path.display());
            }
        }
    }
}

#[test]
fn a_secret_that_is_missing_is_named_if_the_file_names_it_and_never_repeated_if_a_person_does() {
    let workflow = "workflow: w\ninputs: {token: {type: secret, default: DEPLOY_TOKEN}}\n\
                    tasks:\n  a: {run: 'true', env: {T: '${{ inputs.token }}'}}\n";
    let workspace = Workspace::with(&[("w.yaml", workflow)]);
    let by_default = workspace.run(&["run", "-q", "w.yaml"]);
    assert_eq!(
        (by_default.code, by_default.stderr.as_str()),
        (
            2,
            "error[X0102]: the secret `DEPLOY_TOKEN`, which the input `token` names by default, is not known here\n\
             hint: it comes from the variable MYRMEX_SECRET_DEPLOY_TOKEN, or from where `secrets` in myrmex.yaml says; \
             `-i token=NAME` names another one\n"
        )
    );
    let given = workspace.run(&["run", "-q", "w.yaml", "-i", "token=hunter2"]);
    assert!(given.code == 2 && given.stderr.contains("MYRMEX_SECRET_NAME"), "{}", given.stderr);
    assert!(!given.stderr.contains("hunter2"), "{}", given.stderr);
}

#[test]
fn a_list_that_was_cut_says_so() {
    let workspace = Workspace::with(&[("w.yaml", "workflow: w\ntasks: {a: {set: {n: 1}}}\n")]);
    for _ in 0..2 {
        assert_eq!(workspace.run(&["run", "-q", "w"]).code, 0);
    }
    let cut = workspace.run(&["runs", "list", "--limit", "1"]);
    assert!(cut.stdout.contains("STARTED (UTC)"), "{}", cut.stdout);
    assert_eq!(cut.stderr, "these are the newest 1, `--limit COUNT` shows more\n");
    assert_eq!(workspace.run(&["runs", "list", "--limit", "2"]).stderr, "");
}
