//! `myrmex import` of formats in YAML and of crontabs: what becomes of files as people write them, what is said of the rest, and
//! that what was made checks and runs.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/said.rs"]
mod said;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use said::{Said, Workspace};
use serde_json::{Value, json};

/// The folder of the fixtures of a format.
fn fixtures(format: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/import").join(format)
}

/// Imports the corpus of a format into a workspace.
fn import_corpus(format: &str, workspace: &Workspace) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_myrmex"));
    command.args(["import", "--from", format, "corpus", "--out"]).arg(workspace.path());
    let mut said = Said::of(command.current_dir(fixtures(format)).env("NO_COLOR", "1"));
    said.stderr = said.stderr.replace(workspace.path().to_str().unwrap(), "OUT");
    said
}

/// Returns the texts of all files below a folder by their paths.
fn texts(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for name in ["actions", "workflows", "."] {
        for entry in std::fs::read_dir(folder.join(name)).into_iter().flatten().map(Result::unwrap) {
            if entry.file_type().unwrap().is_file() {
                let path = format!("{name}/{}", entry.file_name().to_str().unwrap());
                found.insert(path, std::fs::read_to_string(entry.path()).unwrap());
            }
        }
    }
    found
}

/// Compares what the corpus of a format becomes with what is checked in, and returns a workspace with it, whose files check.
fn imported(format: &str, code: i32) -> Workspace {
    let workspace = Workspace::with(&[]);
    let said = import_corpus(format, &workspace);
    assert_eq!((said.code, said.stdout.as_str()), (code, ""), "{}", said.stderr);
    let mut found = texts(workspace.path());
    found.insert("./report.txt".to_owned(), said.stderr);
    let expected = fixtures(format).join("expected");
    if std::env::var_os("MYRMEX_BLESS").is_some() {
        drop(std::fs::remove_dir_all(&expected));
        for (path, text) in &found {
            std::fs::create_dir_all(expected.join(path).parent().unwrap()).unwrap();
            std::fs::write(expected.join(path), text).unwrap();
        }
    }
    let known = texts(&expected);
    assert_eq!(found.keys().collect::<Vec<_>>(), known.keys().collect::<Vec<_>>());
    for (path, text) in &found {
        assert_eq!(text, &known[path], "{path}");
    }
    let checked = workspace.run(&["check"]);
    assert_eq!(checked.code, 0, "{}", checked.stderr);
    assert_eq!(workspace.run(&["fmt", "--check"]).code, 0);
    let again = import_corpus(format, &workspace);
    assert!(!again.stderr.contains("  replaced "), "again changes nothing: {}", again.stderr);
    workspace
}

/// Runs a workflow that must succeed, and returns its tasks.
fn succeeded(workspace: &Workspace, arguments: &[&str]) -> Value {
    let (code, summary) = workspace.summary(arguments);
    assert_eq!(code, 0, "{summary:#}");
    summary["tasks"].clone()
}

/// Runs a workflow of which something was not imported: nothing of it begins.
fn begins_nothing(workspace: &Workspace, name: &str, missing: &str) {
    let (code, summary) = workspace.summary(&[name]);
    let detail = summary["error"]["detail"].as_str().unwrap_or_default();
    assert!(code == 1 && detail.contains(missing), "{summary:#}");
    for (path, task) in summary["tasks"].as_object().unwrap() {
        let is_later = path.starts_with("finally") || path.starts_with("on_failure");
        assert!(path == "not_imported" || is_later || task["status"] == "skipped", "{path}: {task}");
    }
}

#[test]
fn workflows_of_github_become_blocks_of_steps() {
    let workspace = imported("github", 0);
    let inputs =
        ["-i", "github_ref=refs/heads/main", "-i", "github_ref_name=main", "-i", "github_repository=o/r"];
    let tasks = succeeded(&workspace, &[&["CI"], &inputs[..]].concat());
    let stdout = |path: &str| tasks[path]["output"]["stdout"].clone();
    assert_eq!(stdout("lint/check-the-format"), "formatted for main");
    assert_eq!(stdout("lint/lint"), "linting\nwith colours: always");
    assert_eq!(stdout("test[0]/step"), "testing ubuntu on 18");
    assert_eq!(
        (stdout("test[1]/documents"), &tasks["test[2]/documents"]["status"]),
        (json!("with docs"), &json!("skipped"))
    );
    assert_eq!(tasks["package"]["output"], json!({"version": "1.2.3"}));
    assert_eq!(stdout("report/step"), "packed 1.2.3 (it's v1.2.3)");
    assert_eq!(stdout("report/step_2"), "1.2.3 for o/r");

    let tasks = succeeded(&workspace, &["release", "-i", "channel=prod"]);
    assert_eq!(tasks["build/build-it"]["output"]["stdout"], "patch to prod");
    assert_eq!(tasks["build/finally/clean"]["output"]["stdout"], "cleaned");
    assert_eq!((&tasks["ship"]["status"], &tasks["alarm"]["status"]), (&json!("skipped"), &json!("skipped")));

    begins_nothing(&workspace, "odd", "the action `docker/build-push-action@v6`");
}

#[test]
fn files_of_dagu_become_tasks() {
    let workspace = imported("dagu", 0);
    let tasks = succeeded(&workspace, &["nightly", "-i", "TARGET=it's \"odd\""]);
    let stdout = |path: &str| tasks[path]["output"]["stdout"].clone();
    assert_eq!(stdout("extract"), "{\"rows\": 3, \"from\": \"crm\"}");
    assert_eq!(stdout("transform"), "3 rows to it's \"odd\" in /data/it's \"odd\"");
    assert_eq!((stdout("weekly"), &tasks["monthly"]["status"]), (json!("on every day"), &json!("skipped")));
    assert_eq!(stdout("publish"), "published by sh");
    assert_eq!(tasks["flaky"]["attempts"], 2);
    assert_eq!(tasks["finally"]["output"]["stdout"], "done");

    let tasks = succeeded(&workspace, &["chain"]);
    assert_eq!(tasks["step_2"]["output"]["stdout"], "second a b");
    assert_eq!(tasks["last"]["output"]["stdout"], "joined");
    begins_nothing(&workspace, "containers", "the step `image`: `executor`");
}

#[test]
fn templates_of_argo_become_actions() {
    let workspace = imported("argo", 0);
    let tasks = succeeded(&workspace, &["diamond", "-i", "message=it's \"$HOME\""]);
    let stdout = |path: &str| tasks[path]["output"]["stdout"].clone();
    assert_eq!(stdout("main/main/A"), "A it's \"$HOME\"");
    assert_eq!(stdout("main/main/B"), "B after A it's \"$HOME\"");
    assert_eq!(tasks["main/main/skipped"]["status"], "skipped");
    assert_eq!(stdout("main/main/D/each/copy[1]"), "y");
    assert_eq!(tasks["main/main/D/each/list[1]"]["output"], json!({"doubled": "4"}));
    assert_eq!(stdout("main/main/D/each/last"), "diamond- by $(id)");
    assert_eq!(tasks["finally"]["output"]["stdout"], "farewell");

    let tasks = succeeded(&workspace, &["nightly"]);
    assert_eq!(tasks["pause/pause/report"]["output"]["stdout"], "reported");
    begins_nothing(&workspace, "cluster", "the template `make`: `resource`");
}

#[test]
fn flows_of_kestra_become_flows() {
    let workspace = imported("kestra", 0);
    let tasks = succeeded(&workspace, &["orders"]);
    let stdout = |path: &str| tasks[path]["output"]["stdout"].clone();
    assert_eq!(stdout("hello"), "it's a good day for full");
    assert_eq!(stdout("each[0]/count"), "eu has '3 orders'\neu is done");
    assert_eq!(stdout("each[0]/if_eu/euro"), "eu pays in euro");
    assert_eq!(tasks["each[1]/if_eu"]["status"], "skipped");
    assert_eq!(stdout("beside/right/two"), "after one\nsecond");
    assert_eq!(tasks["choose/if-1/all"]["output"], json!({"value": "all of it"}));
    assert_eq!((&tasks["lenient"]["status"], stdout("finally")), (&json!("succeeded"), json!("cleaned")));
    begins_nothing(&workspace, "odd", "the task `request`: the type `io.kestra.plugin.core.http.Req");
}

#[test]
fn lines_of_crontabs_become_workflows() {
    // One line of the corpus is no line of a crontab; the others are read all the same.
    let workspace = imported("cron", 2);
    let output = |name: &str| succeeded(&workspace, &[name])["run"]["output"]["stdout"].clone();
    assert_eq!(output("cat"), "first line\nsecond line");
    let greeting = workspace.run(&["runs", "list", "--json"]);
    assert_eq!(greeting.code, 0);
    assert_eq!(output("echo"), "month ${{ begun }}");
    assert_eq!(output("echo_2"), "good morning, it is 100% 2");
}
