//! Successes that are taken over: when a task runs again, what a hit gives to those after it, and what is shown of it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use insta::assert_snapshot;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A workspace whose tasks write each of their runs into the file `ledger`.
struct Workspace {
    folder: TempDir,
}

/// What a command printed, without times and ids, and its exit code.
struct Ended {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Workspace {
    fn with(workflow: &str) -> Self {
        let workspace = Self { folder: tempfile::tempdir().unwrap() };
        workspace.write("w.yaml", workflow);
        workspace
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn myrmex(&self, arguments: &[&str]) -> Ended {
        let mut command = Command::new(env!("CARGO_BIN_EXE_myrmex"));
        command.args(arguments).current_dir(self.folder.path()).env("NO_COLOR", "1");
        let Output { status, stdout, stderr } = command.output().unwrap();
        let plain = |bytes| without_chance(&String::from_utf8(bytes).unwrap());
        Ended { code: status.code().unwrap_or(-1), stdout: plain(stdout), stderr: plain(stderr) }
    }

    /// Runs the workflow and returns its summary.
    fn run(&self, arguments: &[&str]) -> Value {
        let mut command = Command::new(env!("CARGO_BIN_EXE_myrmex"));
        command.args(["run", "w.yaml", "--json"]).args(arguments).current_dir(self.folder.path());
        let output = command.output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let last =
            text.lines().last().unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&output.stderr)));
        serde_json::from_str(last).unwrap()
    }

    /// Runs the workflow and returns what ran, in the order of the alphabet, and what the workflow gave.
    #[track_caller]
    fn ran(&self, arguments: &[&str]) -> (String, Value) {
        let ledger = self.path("ledger");
        // It is not there before the first run.
        drop(std::fs::remove_file(&ledger));
        let summary = self.run(arguments);
        assert_eq!(summary["status"], "succeeded", "{summary}");
        let text = std::fs::read_to_string(&ledger).unwrap_or_default();
        let mut lines: Vec<&str> = text.lines().collect();
        lines.sort_unstable();
        (lines.join(" "), summary["output"].clone())
    }
}

/// Changes a file.
type Edit<'e> = &'e dyn Fn(&Path);

/// Replaces ids and times.
fn without_chance(text: &str) -> String {
    let id = regex_lite::Regex::new("[0-9a-f]{32}|[0-9a-f]{13}").unwrap();
    let time = regex_lite::Regex::new(r"\d+(\.\d+)? (ms|s)\b").unwrap();
    time.replace_all(&id.replace_all(text, "ID"), "TIME").into_owned()
}

const BUILD: &str = "workflow: w
inputs: {v: {type: string, default: a}}
tasks:
  build:
    run: echo build >>ledger; echo \"built $V\"
    env: {V: '${{ inputs.v }}'}
    cache: {}
outputs: {said: '${{ tasks.build.output.stdout }}'}
";

#[test]
fn the_second_run_takes_over_the_success_of_the_first_and_says_so() {
    let workspace = Workspace::with(BUILD);
    let first = workspace.myrmex(&["run", "w.yaml"]);
    let second = workspace.myrmex(&["run", "w.yaml"]);
    assert_eq!(std::fs::read_to_string(workspace.path("ledger")).unwrap(), "build\n");
    assert_eq!((first.code, second.code), (0, 0));
    assert_eq!(first.stdout, second.stdout);
    assert_snapshot!(first.stderr, @r"
    run ID of w
     succeeded  build  TIME
    run ID succeeded in TIME (1 succeeded)
    ");
    assert_snapshot!(second.stderr, @r"
    run ID of w
     succeeded  build  TIME  cached (from run ID)
    run ID succeeded in TIME (1 succeeded)
    ");
    assert_snapshot!(second.stdout, @r#"
    {
      "said": "built a"
    }
    "#);
}

#[test]
fn summary_events_and_logs_tell_where_a_result_is_from() {
    let workspace = Workspace::with(BUILD);
    let first = workspace.run(&[]);
    assert_eq!(first["tasks"]["build"].get("cached_from"), None);
    let second = workspace.run(&[]);
    let task = &second["tasks"]["build"];
    assert_eq!(
        *task,
        json!({
            "status": "succeeded", "attempts": 1, "output": {"stdout": "built a"}, "error": null,
            "cached_from": first["run"],
        })
    );
    let events = workspace.myrmex(&["events", "--offline"]).stdout;
    let mut ends: Vec<Value> = events
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|event| event["type"] == "attempt.ended")
        .collect();
    // The runs may be in two logs, which are listed one after the other.
    ends.sort_by_key(|end| end["at"].as_str().unwrap().to_owned());
    assert_eq!(ends.len(), 2);
    assert_eq!(ends[0]["data"].get("cached"), None);
    assert_eq!(ends[1]["data"]["cached"], json!({"run": "ID", "task": "build"}));
    let logs = workspace.myrmex(&["runs", "logs", second["run"].as_str().unwrap(), "--task", "build"]);
    assert_snapshot!(logs.stderr, @r"
    task `build` of run ID has printed nothing that is recorded
    `build` was not run: its result is that of run ID
    ");
    let logs = workspace.myrmex(&["runs", "logs", second["run"].as_str().unwrap()]);
    assert_snapshot!(logs.stderr, @r"
    no task of run ID has printed anything that is recorded
    `build` was not run: its result is that of run ID
    ");
}

#[test]
fn what_a_task_is_given_counts_and_what_it_is_not_given_does_not() {
    let workspace = Workspace::with(BUILD);
    assert_eq!(workspace.ran(&["-i", "v=a"]), ("build".to_owned(), json!({"said": "built a"})));
    assert_eq!(workspace.ran(&["-i", "v=b"]), ("build".to_owned(), json!({"said": "built b"})));
    assert_eq!(workspace.ran(&["-i", "v=a"]), (String::new(), json!({"said": "built a"})));
    assert_eq!(workspace.ran(&["-i", "v=b"]), (String::new(), json!({"said": "built b"})));
    // What else stands in the file, how the task is retried and described, and how old a success may be, do not.
    let same = BUILD.replace("cache: {}", "cache: {ttl: 1h}\n    retry: {attempts: 2}\n    timeout: 1m");
    workspace.write("w.yaml", &format!("{same}x-note: more\n"));
    assert_eq!(workspace.ran(&[]).0, "");
    // The script, the declared outputs and the place of the task do.
    for other in [
        BUILD.replace("built $V", "made $V"),
        BUILD.replace("cache: {}\noutputs", "cache: {}\n    outputs: {}\nx-outputs"),
        BUILD.replace("V: ", "W: x, V: "),
        BUILD.replace("workflow: w", "workflow: other"),
    ] {
        workspace.write("w.yaml", &other);
        assert_eq!(workspace.ran(&[]).0, "build", "{other}");
        assert_eq!(workspace.ran(&[]).0, "", "{other}");
    }
}

#[test]
fn a_key_counts_instead_of_what_the_task_is_given() {
    let workflow = BUILD.replace("cache: {}", "cache: {key: [v1, '${{ inputs.v | length }}']}");
    let workspace = Workspace::with(&workflow);
    assert_eq!(workspace.ran(&["-i", "v=a"]), ("build".to_owned(), json!({"said": "built a"})));
    assert_eq!(workspace.ran(&["-i", "v=b"]), (String::new(), json!({"said": "built a"})));
    assert_eq!(workspace.ran(&["-i", "v=bb"]), ("build".to_owned(), json!({"said": "built bb"})));
    // An edited script runs again all the same.
    workspace.write("w.yaml", &workflow.replace("built $V", "made $V"));
    assert_eq!(workspace.ran(&["-i", "v=a"]), ("build".to_owned(), json!({"said": "made a"})));
}

#[test]
fn the_names_and_contents_of_files_count() {
    let workspace = Workspace::with(
        "workflow: w
tasks:
  build:
    workdir: app
    run: echo build >>../ledger; cat src/*.c
    cache: {files: ['src/**', Makefile, conf]}
",
    );
    for (name, text) in [("src/a.c", "a"), ("src/deep/b.c", "b"), ("Makefile", "m"), ("conf/x", "x")] {
        workspace.write(&format!("app/{name}"), text);
    }
    std::os::unix::fs::symlink("../other", workspace.path("app/src/link")).unwrap();
    workspace.write("app/other", "o");
    assert_eq!(workspace.ran(&[]).0, "build");
    assert_eq!(workspace.ran(&[]).0, "");
    let edits: [(&str, Edit<'_>); 6] = [
        ("app/src/a.c", &|path| std::fs::write(path, "A").unwrap()),
        ("app/src/deep/b.c", &|path| std::fs::rename(path, path.with_file_name("c.c")).unwrap()),
        ("app/Makefile", &|path| std::fs::write(path, "").unwrap()),
        ("app/conf/.hidden", &|path| std::fs::write(path, "").unwrap()),
        ("app/conf/x", &|path| std::fs::remove_file(path).unwrap()),
        ("app/other", &|path| std::fs::write(path, "O").unwrap()),
    ];
    for (name, edit) in edits {
        edit(&workspace.path(name));
        assert_eq!(workspace.ran(&[]).0, "build", "{name}");
        assert_eq!(workspace.ran(&[]).0, "", "{name}");
    }
    // A touched file is the same one, and what is put back is found again.
    workspace.write("app/other", "o");
    workspace.write("app/conf/x", "x");
    std::fs::remove_file(workspace.path("app/conf/.hidden")).unwrap();
    assert_eq!(workspace.ran(&[]).0, "");
}

#[test]
fn a_path_that_leads_nowhere_is_an_error_of_the_task() {
    let workspace = Workspace::with(
        "workflow: w
tasks:
  slip: {run: echo slip, cache: {files: 'srcs/**'}}
  gone: {run: echo gone, cache: {files: Makefile}}
  away: {run: echo away, cache: {files: ../x}}
",
    );
    let summary = workspace.run(&[]);
    let error = |task: &str| {
        let error = &summary["tasks"][task]["error"];
        format!("{}: {}", error["type"].as_str().unwrap(), error["title"].as_str().unwrap())
    };
    assert_eq!(error("slip"), "configuration: `cache.files`: there is no `srcs/**`");
    assert_eq!(error("gone"), "configuration: `cache.files`: there is no `Makefile`");
    assert_eq!(error("away"), "configuration: `cache.files`: `../x` leads out of the workspace");
}

#[test]
fn a_success_that_is_too_old_is_not_taken_over() {
    let workspace = Workspace::with(&BUILD.replace("cache: {}", "cache: {ttl: 1ms}"));
    assert_eq!(workspace.ran(&[]).0, "build");
    assert_eq!(workspace.ran(&[]).0, "build");
    workspace.write("w.yaml", &BUILD.replace("cache: {}", "cache: {ttl: 2d}"));
    assert_eq!(workspace.ran(&[]).0, "");
}

#[test]
fn a_hit_does_not_make_a_success_younger() {
    let workspace = Workspace::with(BUILD);
    let first = workspace.run(&[]);
    let second = workspace.run(&[]);
    let third = workspace.run(&[]);
    assert_eq!(second["tasks"]["build"]["cached_from"], first["run"]);
    assert_eq!(third["tasks"]["build"]["cached_from"], first["run"]);
}

const FILES: &str = "workflow: w
tasks:
  build:
    run: |
      echo build >>ledger
      mkdir -p out && echo app >out/app && echo log >out/log
      head -c 2000000 /dev/zero | tr '\\0' x >$MYRMEX_OUTPUT
    artifacts: {app: out/app, all: out}
    cache: {}
  use:
    run: cat \"$APP\"; wc -c <\"$LARGE\"
    env: {APP: '${{ tasks.build.artifacts.app }}', LARGE: '${{ tasks.build.output }}'}
outputs: {said: '${{ tasks.use.output.stdout }}', all: '${{ tasks.build.artifacts.all.name }}'}
";

#[test]
fn artifacts_and_large_outputs_of_a_hit_reach_those_after_it() {
    let workspace = Workspace::with(FILES);
    let said = json!({"said": "app\n2000000", "all": "all.tar"});
    assert_eq!(workspace.ran(&[]), ("build".to_owned(), said.clone()));
    std::fs::remove_dir_all(workspace.path("out")).unwrap();
    assert_eq!(workspace.ran(&[]), (String::new(), said.clone()));
    // They belong to the second run too: it does without the first.
    let blobs = workspace.path(".myrmex/blobs/default");
    let mut runs: Vec<PathBuf> = std::fs::read_dir(blobs).unwrap().map(|run| run.unwrap().path()).collect();
    runs.sort();
    let count = |run: &Path| std::fs::read_dir(run).unwrap().count();
    assert_eq!(runs.iter().map(|run| count(run)).collect::<Vec<_>>(), [3, 3]);
}

#[test]
fn a_success_whose_files_are_gone_or_damaged_is_not_taken_over() {
    let workspace = Workspace::with(FILES);
    let said = json!({"said": "app\n2000000", "all": "all.tar"});
    let remove: Edit<'_> = &|blob| std::fs::remove_file(blob).unwrap();
    let empty: Edit<'_> = &|blob| std::fs::write(blob, "").unwrap();
    let change: Edit<'_> = &|blob| std::fs::write(blob, vec![b'x'; 2_000_000]).unwrap();
    for spoil in [remove, empty, change] {
        workspace.ran(&["--no-cache"]);
        assert_eq!(workspace.ran(&[]), (String::new(), said.clone()));
        for run in std::fs::read_dir(workspace.path(".myrmex/blobs/default")).unwrap() {
            for blob in std::fs::read_dir(run.unwrap().path()).unwrap() {
                spoil(&blob.unwrap().path());
            }
        }
        assert_eq!(workspace.ran(&[]), ("build".to_owned(), said.clone()));
        assert_eq!(workspace.ran(&[]), (String::new(), said.clone()));
    }
}

#[test]
fn each_item_is_taken_over_for_itself() {
    let workflow = "workflow: w
inputs: {list: {type: array}}
tasks:
  each:
    for_each: ${{ inputs.list }}
    run: echo $ITEM >>ledger; echo \"did $ITEM\"
    env: {ITEM: '${{ item }}'}
    cache: {}
outputs: ${{ tasks.each.output | map(attribute='stdout') | list }}
";
    let workspace = Workspace::with(workflow);
    let list = |list: &str| format!("list={list}");
    assert_eq!(workspace.ran(&["-i", &list(r#"["a","b"]"#)]), ("a b".to_owned(), json!(["did a", "did b"])));
    let all = json!(["did c", "did b", "did a"]);
    assert_eq!(workspace.ran(&["-i", &list(r#"["c","b","a"]"#)]), ("c".to_owned(), all));
    workspace.write("w.yaml", &workflow.replace("cache: {}", "cache: {key: '${{ item }}'}"));
    assert_eq!(workspace.ran(&["-i", &list(r#"["a","b"]"#)]).0, "a b");
    assert_eq!(workspace.ran(&["-i", &list(r#"["b","c"]"#)]).0, "c");
}

#[test]
fn without_the_cache_a_task_runs_and_its_success_is_kept() {
    let workspace = Workspace::with(BUILD);
    let first = workspace.run(&[]);
    let second = workspace.run(&["--no-cache"]);
    let third = workspace.run(&[]);
    assert_eq!(second["tasks"]["build"].get("cached_from"), None);
    assert_ne!(first["run"], second["run"]);
    assert_eq!(third["tasks"]["build"]["cached_from"], second["run"]);
}

#[test]
fn only_successes_are_taken_over() {
    let workspace = Workspace::with(
        "workflow: w
tasks:
  fails: {run: echo fails >>ledger; exit 3, cache: {}, continue_on_error: true}
  misfit:
    run: echo misfit >>ledger; echo n=x >$MYRMEX_OUTPUT
    outputs: {n: {type: integer}}
    cache: {}
    continue_on_error: true
  late: {run: echo late >>ledger; sleep 60, timeout: 50ms, cache: {}, continue_on_error: true}
  good: {run: echo good >>ledger, cache: {}, finally: {run: echo finally >>ledger}}
",
    );
    assert_eq!(workspace.ran(&[]).0, "fails finally good late misfit");
    assert_eq!(workspace.ran(&[]).0, "fails finally late misfit");
}

#[test]
fn a_secret_of_a_hit_is_fetched_to_be_masked() {
    let workspace = Workspace::with(
        "workflow: w
tasks:
  push: {run: echo push >>ledger; echo \"with $TOKEN\", secrets: [TOKEN], cache: {}}
outputs: ${{ tasks.push.output.stdout }}
",
    );
    workspace.write("token", "s3cr3t-value");
    workspace.write("myrmex.yaml", "secrets: {TOKEN: {command: [cat, token]}}\n");
    assert_eq!(workspace.ran(&[]), ("push".to_owned(), json!("with ***")));
    assert_eq!(workspace.ran(&[]), (String::new(), json!("with ***")));
    // Without it nobody could mask what the origin left behind: the attempt ends as if it were to run.
    std::fs::remove_file(workspace.path("token")).unwrap();
    let summary = workspace.run(&[]);
    assert_eq!(summary["status"], "failed", "{summary}");
    assert_eq!(summary["error"]["type"], "configuration", "{summary}");
}

/// Returns the tasks whose attempt has durably succeeded.
fn succeeded(workspace: &Workspace) -> Vec<String> {
    let events = workspace.myrmex(&["events", "--offline"]).stdout;
    let events = events.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let ends = events.filter(|event| event["type"] == "attempt.ended" && event["data"]["end"] == "succeeded");
    ends.map(|event| event["task"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn after_a_kill_exactly_what_durably_succeeded_is_taken_over() {
    let task = |name: &str| {
        format!(
            "  - {name}: {{run: echo {name} | tee -a ledger >{name}, artifacts: [{name}], cache: {{}}}}\n"
        )
    };
    let workflow = format!("workflow: w\ndo:\n{}{}{}", task("one"), task("two"), task("three"));
    let mut taken_over = 0;
    // The process is killed right after it has told so many events.
    for told in 1..16 {
        let workspace = Workspace::with(&workflow);
        let mut command = Command::new(env!("CARGO_BIN_EXE_myrmex"));
        command.args(["run", "w.yaml", "--json"]).current_dir(workspace.folder.path());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
        assert_eq!(lines.take(told).count(), told);
        // It may have ended by itself.
        drop(child.kill());
        child.wait().unwrap();
        let ended = succeeded(&workspace);
        let summary = workspace.run(&[]);
        assert_eq!(summary["status"], "succeeded", "after {told} events: {summary}");
        for name in ["one", "two", "three"] {
            let is_taken_over = summary["tasks"][name].get("cached_from").is_some();
            assert_eq!(is_taken_over, ended.iter().any(|task| task == name), "`{name}` after {told} events");
            taken_over += u32::from(is_taken_over);
        }
        assert_eq!(workspace.ran(&[]).0, "", "after {told} events");
    }
    assert!(taken_over >= 10, "only {taken_over} successes were durable before the kills");
}
