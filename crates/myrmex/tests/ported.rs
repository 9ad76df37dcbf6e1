//! `examples/15-ported`: pipelines after published examples of other tools run to their end and give what they should.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Map, Value, json};
use tempfile::TempDir;

/// One run of one example, and all that is expected of it.
struct Row {
    file: &'static str,
    arguments: &'static [&'static str],
    /// Files that lie there before, with their text.
    given: &'static [(&'static str, &'static str)],
    code: i32,
    output: Value,
    /// The status of every task by its path.
    tasks: Value,
    /// Files that lie there afterwards, with their text.
    left: &'static [(&'static str, &'static str)],
}

impl Row {
    fn new(file: &'static str, output: Value, tasks: Value) -> Self {
        Self { file, arguments: &[], given: &[], code: 0, output, tasks, left: &[] }
    }
}

/// Every example has at least one row; beside its defaults, rows show that its inputs matter.
fn rows() -> Vec<Row> {
    [argo(), dagu(), github(), kestra()].into_iter().flatten().collect()
}

fn argo() -> Vec<Row> {
    vec![
        Row::new(
            "argo-coinflip.yaml",
            json!({"face": "heads", "tosses": 3}),
            json!({"flip": "succeeded", "flip/toss": "succeeded"}),
        ),
        Row {
            code: 1,
            left: &[("exit-handlers.log", "boohoo: exit code 1\nmail to the owner, the run ended failed\n")],
            ..Row::new(
                "argo-exit-handlers.yaml",
                Value::Null,
                json!({
                    "fail_on_purpose": "failed",
                    "on_failure": "succeeded", "on_failure/cry": "succeeded",
                    "finally": "succeeded", "finally/send_mail": "succeeded", "finally/celebrate": "skipped",
                }),
            )
        },
        Row::new(
            "argo-map-reduce.yaml",
            json!({"sum": 30}),
            json!({
                "split": "succeeded", "map": "succeeded", "reduce": "succeeded",
                "map[0]": "succeeded", "map[1]": "succeeded", "map[2]": "succeeded", "map[3]": "succeeded",
            }),
        ),
        Row {
            arguments: &["-i", "parts=2"],
            ..Row::new(
                "argo-map-reduce.yaml",
                json!({"sum": 5}),
                json!({
                    "split": "succeeded", "map": "succeeded", "reduce": "succeeded",
                    "map[0]": "succeeded", "map[1]": "succeeded",
                }),
            )
        },
        Row::new(
            "argo-retry-conditional.yaml",
            json!({"flaky": 3, "broken": 1, "reason": 2}),
            json!({"flaky": "succeeded", "broken": "succeeded"}),
        ),
    ]
}

fn dagu() -> Vec<Row> {
    vec![
        Row {
            left: &[("handlers.log", "backup\nended succeeded\n")],
            ..Row::new(
                "dagu-handlers.yaml",
                json!({"cache": 1, "full": "skipped"}),
                json!({
                    "clean_cache": "succeeded", "full_backup": "skipped", "backup": "succeeded",
                    "finally": "succeeded",
                }),
            )
        },
        Row {
            arguments: &["-i", "full=true"],
            left: &[("handlers.log", "full\nbackup\nended succeeded\n")],
            ..Row::new(
                "dagu-handlers.yaml",
                json!({"cache": 1, "full": "succeeded"}),
                json!({
                    "clean_cache": "succeeded", "full_backup": "succeeded", "backup": "succeeded",
                    "finally": "succeeded",
                }),
            )
        },
        Row::new(
            "dagu-poll.yaml",
            json!({"delivery": "ready"}),
            json!({
                "deliver": "succeeded", "poll": "succeeded", "use": "succeeded",
                "poll/pause": "succeeded", "poll/look": "succeeded",
            }),
        ),
    ]
}

fn github() -> Vec<Row> {
    vec![
        Row::new(
            "github-node-matrix.yaml",
            json!({"jobs": 6, "failed": 1}),
            json!({
                "matrix": "succeeded", "test": "succeeded",
                "test[0]": "succeeded", "test[1]": "succeeded", "test[2]": "succeeded",
                "test[3]": "succeeded", "test[4]": "succeeded", "test[5]": "failed",
            }),
        ),
        // One of two is less than 80 %.
        Row {
            arguments: &["-i", r#"systems=["windows"]"#, "-i", "versions=[22, 24]"],
            code: 1,
            ..Row::new(
                "github-node-matrix.yaml",
                Value::Null,
                json!({"matrix": "succeeded", "test": "failed", "test[0]": "succeeded", "test[1]": "failed"}),
            )
        },
        Row::new(
            "github-python-package.yaml",
            json!({"package": "package.tar", "files": 1}),
            json!({
                "checkout": "succeeded", "lint": "succeeded", "test": "succeeded", "build": "succeeded",
                "upload": "succeeded",
            }),
        ),
    ]
}

fn kestra() -> Vec<Row> {
    vec![
        Row {
            left: &[("warehouse.json", "{\"rows\":2,\"amount\":42}\n")],
            ..Row::new(
                "kestra-etl.yaml",
                json!({"rows": 2, "amount": 42, "fallback": true}),
                json!({
                    "extract": "succeeded", "transform": "succeeded", "load": "succeeded",
                    "extract/try": "failed", "extract/catch": "succeeded",
                }),
            )
        },
        Row {
            arguments: &["-i", "source=today.csv"],
            given: &[("today.csv", "id,amount\n3,7\n4,8\n5,9\n")],
            left: &[("warehouse.json", "{\"rows\":3,\"amount\":24}\n")],
            ..Row::new(
                "kestra-etl.yaml",
                json!({"rows": 3, "amount": 24, "fallback": false}),
                json!({
                    "extract": "succeeded", "transform": "succeeded", "load": "succeeded",
                    "extract/try": "succeeded",
                }),
            )
        },
        Row::new(
            "kestra-subflow.yaml",
            json!({"totals": [3, 6, 9]}),
            json!({
                "order": "succeeded",
                "order[0]": "succeeded", "order[1]": "succeeded", "order[2]": "succeeded",
            }),
        ),
        Row {
            arguments: &["-i", "amount=10"],
            ..Row::new("kestra-subflow-order.yaml", json!({"total": 12}), json!({"tax": "succeeded"}))
        },
    ]
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/15-ported")
}

/// Returns the names of all workflows in the folder of the examples.
fn files() -> BTreeSet<String> {
    let names = fs::read_dir(examples()).unwrap().map(|entry| entry.unwrap().file_name());
    let names = names.map(|name| name.into_string().unwrap());
    names.filter(|name| Path::new(name).extension().is_some_and(|ending| ending == "yaml")).collect()
}

/// Makes a workspace with all examples, since some call others.
fn workspace() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in files() {
        fs::copy(examples().join(&name), folder.path().join(&name)).unwrap();
    }
    folder
}

/// Runs the program and returns its exit code, standard output and standard error.
fn myrmex(folder: &Path, words: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_myrmex"));
    command.args(words).current_dir(folder).env("NO_COLOR", "1").stdin(Stdio::null());
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// Runs the example of a row; returns exit code, output, statuses and files as they are, and as they should be.
fn compare(row: &Row) -> (Value, Value) {
    let folder = workspace();
    for (name, text) in row.given {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let (code, stdout, stderr) =
        myrmex(folder.path(), &[&["run", "--json", row.file], row.arguments].concat());
    let summary: Value = stdout
        .lines()
        .last()
        .and_then(|line| serde_json::from_str(line).ok())
        .unwrap_or_else(|| panic!("{} {:?} printed no summary: {stderr}", row.file, row.arguments));
    let statuses = summary["tasks"].as_object().unwrap().iter();
    let statuses: Map<String, Value> =
        statuses.map(|(path, task)| (path.clone(), task["status"].clone())).collect();
    let left = row.left.iter().map(|(name, _)| {
        (
            (*name).to_owned(),
            fs::read_to_string(folder.path().join(name)).ok().map_or(Value::Null, Value::from),
        )
    });
    let left: Map<String, Value> = left.collect();
    let expected: Map<String, Value> =
        row.left.iter().map(|(name, text)| ((*name).to_owned(), Value::from(*text))).collect();
    (
        json!({"code": code, "output": summary["output"], "tasks": statuses, "left": left}),
        json!({"code": row.code, "output": row.output, "tasks": row.tasks, "left": expected}),
    )
}

#[test]
fn every_example_gives_what_its_row_says() {
    let mut wrong = Vec::new();
    for row in rows() {
        let (actual, expected) = compare(&row);
        if actual != expected {
            let arguments = row.arguments;
            wrong.push(format!("{} {arguments:?}\n  gave     {actual}\n  expected {expected}", row.file));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_example_has_a_row_and_a_line_in_the_readme() {
    let with_rows: BTreeSet<String> = rows().iter().map(|row| row.file.to_owned()).collect();
    assert_eq!(files(), with_rows);
    let readme = fs::read_to_string(examples().join("README.md")).unwrap();
    for file in with_rows {
        assert!(readme.contains(&format!("| [{file}]({file}) |")), "no line for {file}");
    }
}

#[test]
fn every_example_says_what_it_shows_and_after_which_published_one() {
    for file in files() {
        let text = fs::read_to_string(examples().join(&file)).unwrap();
        let head: Vec<&str> = text.lines().take_while(|line| line.starts_with("# ")).collect();
        for word in ["# Shows: ", "# After: "] {
            assert!(head.iter().any(|line| line.starts_with(word)), "{file} has no `{word}`");
        }
    }
}

#[test]
fn examples_have_no_problems_and_are_in_the_canonical_form() {
    let (folder, files) = (workspace(), files());
    let with_files = |words: &[&'static str]| {
        let words = words.iter().copied().chain(files.iter().map(String::as_str));
        words.map(str::to_owned).collect::<Vec<_>>()
    };
    for words in [with_files(&["check", "--format", "json"]), with_files(&["fmt", "--check"])] {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let (code, stdout, stderr) = myrmex(folder.path(), &words);
        assert_eq!(code, Some(0), "{stdout}{stderr}");
        if words[0] == "check" {
            assert_eq!(serde_json::from_str::<Value>(&stdout).unwrap(), json!({"diagnostics": []}));
        }
    }
}
