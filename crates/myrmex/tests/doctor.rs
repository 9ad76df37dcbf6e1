//! `myrmex doctor`: what it finds in workspaces that are well and that are not, and that it changes nothing.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/said.rs"]
mod said;

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::{FileExt, PermissionsExt};

use said::Workspace;
use serde_json::Value;

const WORKFLOW: &str = "workflow: w\ntasks:\n  a: {set: {n: 1}}\n";

/// Returns the exit code, and what the check `id` found.
fn finding(workspace: &Workspace, id: &str) -> (i32, Value) {
    let said = workspace.run(&["doctor", "--json"]);
    let json = said.json();
    let checks = json["checks"].as_array().unwrap();
    let found: Vec<&Value> = checks.iter().filter(|check| check["id"] == id).collect();
    assert_eq!(found.len(), 1, "{id}: {json}");
    (said.code, found[0].clone())
}

/// Asserts how the check `id` ended and that it says these words.
fn check(workspace: &Workspace, id: &str, (code, status, words): (i32, &str, &str)) {
    let (exit, found) = finding(workspace, id);
    let text =
        format!("{} {}", found["message"].as_str().unwrap(), found["hint"].as_str().unwrap_or_default());
    assert_eq!((exit, found["status"].as_str()), (code, Some(status)), "{found}");
    assert!(text.contains(words), "{text}");
}

#[test]
fn every_check_has_an_id_of_its_own_and_nothing_is_made() {
    let workspace = Workspace::with(&[]);
    let said = workspace.run(&["doctor", "--json"]);
    let json = said.json();
    let checks = json["checks"].as_array().unwrap();
    let ids: Vec<&str> = checks.iter().map(|check| check["id"].as_str().unwrap()).collect();
    let expected = [
        "version",
        "workspace",
        "settings",
        "files",
        "store",
        "disk",
        "file-system",
        "sync",
        "open-files",
        "processes",
        "watches",
        "machine",
        "clock",
        "shell",
        "completions",
        "terminal",
    ];
    assert_eq!(ids, expected);
    assert_eq!(json["ok"].as_u64().unwrap() + json["warnings"].as_u64().unwrap(), 16, "{json}");
    assert_eq!((said.code, &json["failed"]), (0, &Value::from(0)));
    assert_eq!(fs::read_dir(workspace.path()).unwrap().count(), 0);
    let text = workspace.run(&["doctor"]);
    assert!(text.stdout.starts_with("ok       version      myrmex "), "{}", text.stdout);
    assert!(text.stderr.ends_with(", 0 failed\n"), "{}", text.stderr);
}

#[test]
fn every_check_has_a_line_in_its_page_and_every_line_a_check() {
    let workspace = Workspace::with(&[("w.yaml", WORKFLOW)]);
    assert_eq!(workspace.run(&["run", "w", "-q"]).code, 0);
    let json = workspace.json(&["doctor", "--json"]);
    let ids = json["checks"].as_array().unwrap().iter().map(|check| check["id"].as_str().unwrap());
    let page = include_str!("../../../docs/doctor.md");
    let told = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    assert_eq!(ids.collect::<BTreeSet<_>>(), told.collect());
}

#[test]
fn a_workspace_is_told_with_the_reason_why_it_is_one() {
    let workspace = Workspace::with(&[]);
    check(&workspace, "workspace", (0, "ok", "the current folder: neither"));
    check(&workspace, "files", (0, "ok", "`myrmex new workflow NAME` makes one"));
    fs::write(workspace.path().join("myrmex.yaml"), "").unwrap();
    check(&workspace, "workspace", (0, "ok", "`myrmex.yaml` lies there"));
    fs::write(workspace.path().join("w.yaml"), WORKFLOW).unwrap();
    check(&workspace, "files", (0, "ok", "1 file without errors"));
    fs::write(workspace.path().join("v.yaml"), "workflow: v\ntasks: {a: {runn: x}}\n").unwrap();
    check(&workspace, "files", (0, "warning", "1 of 2 files has errors `myrmex check` shows them"));
}

#[test]
fn settings_with_an_error_fail() {
    let workspace = Workspace::with(&[("myrmex.yaml", "poolz: {}\n")]);
    check(&workspace, "settings", (1, "failed", "1 error in `myrmex.yaml`, the first: unknown key `poolz`"));
    let text = workspace.run(&["doctor"]);
    assert_eq!(text.code, 1);
    assert!(text.stdout.contains("failed   settings     1 error in"), "{}", text.stdout);
    assert!(
        text.stdout.contains("                      hint: `myrmex check myrmex.yaml`"),
        "{}",
        text.stdout
    );
}

#[test]
fn a_store_is_whole_until_its_pages_are_overwritten() {
    let workspace = Workspace::with(&[("w.yaml", WORKFLOW)]);
    assert_eq!(workspace.run(&["run", "w", "-q"]).code, 0);
    // Whatever the machine lets files be for others, ours are for their owner.
    check(&workspace, "access", (0, "ok", "for its owner alone"));
    check(&workspace, "store", (0, "ok", ", whole"));
    check(&workspace, "holder", (0, "ok", "nobody holds the store"));
    check(&workspace, "runs", (0, "ok", "1, none of which waits"));
    check(&workspace, "leftovers", (0, "ok", "nothing was left behind"));
    let data = workspace.path().join(".myrmex");
    fs::set_permissions(&data, fs::Permissions::from_mode(0o755)).unwrap();
    check(&workspace, "access", (0, "warning", "chmod 700"));
    let store = OpenOptions::new().write(true).open(data.join("store.db")).unwrap();
    // All pages but the first; some of them lie in the write-ahead log, too, and are read there.
    let length = usize::try_from(store.metadata().unwrap().len()).unwrap();
    store.write_all_at(&vec![0xff; length - 4096], 4096).unwrap();
    let (code, found) = finding(&workspace, "store");
    assert_eq!((code, found["status"].as_str()), (1, Some("failed")), "{found}");
}

#[test]
fn the_store_is_not_read_whole_while_a_process_works_there() {
    let look = format!("'{} doctor --json >found.json'", env!("CARGO_BIN_EXE_myrmex"));
    let text = format!("workflow: w\ndefaults: {{timeout: 1m}}\ntasks:\n  look: {{run: {look}}}\n");
    let workspace = Workspace::with(&[("myrmex.yaml", ""), ("w.yaml", &text)]);
    assert_eq!(workspace.run(&["run", "w", "-q"]).code, 0);
    let found = fs::read_to_string(workspace.path().join("found.json")).unwrap();
    assert!(found.contains("; not read whole while a process works here"), "{found}");
    check(&workspace, "store", (0, "ok", ", whole"));
}

#[test]
fn the_store_of_another_release_is_told_as_every_command_tells_it() {
    let workspace = Workspace::with(&[]);
    fs::create_dir(workspace.path().join(".myrmex")).unwrap();
    fs::write(workspace.path().join(".myrmex/store.db"), "something else").unwrap();
    let (code, found) = finding(&workspace, "store");
    assert_eq!((code, found["status"].as_str()), (1, Some("failed")));
    assert!(found["message"].as_str().unwrap().ends_with("(X0203)"), "{found}");
}

#[test]
fn what_was_interrupted_and_left_behind_is_a_warning() {
    let workspace = Workspace::with(&[(
        "w.yaml",
        "workflow: w\ntasks:\n  a: {run: 'kill -9 $(ps -o ppid= -p $(ps -o ppid= -p $PPID)); sleep 60'}\n",
    )]);
    workspace.run(&["run", "w.yaml"]);
    check(&workspace, "runs", (0, "warning", "1 interrupted, waiting to be resumed"));
    fs::create_dir_all(workspace.path().join(".myrmex/files/x")).unwrap();
    check(&workspace, "leftovers", (0, "warning", "of processes that were killed"));
}

#[test]
fn without_a_shell_it_fails_and_says_so() {
    let workspace = Workspace::with(&[]);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_myrmex"));
    command.args(["doctor", "--json"]).current_dir(workspace.path()).env("PATH", "/is/not/there");
    let said = said::Said::of(&mut command);
    assert_eq!(said.code, 1);
    assert!(said.stdout.contains(r#""id":"shell","status":"failed""#), "{}", said.stdout);
}
