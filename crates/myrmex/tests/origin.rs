//! Where an expression stands that fails in a run: `run` and `runs show` name file, line and column.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

const DEEP: &str = r"workflow: deep
inputs: {given: {type: object, default: {}}, n: {type: integer, default: 0}}
defaults: {env: {ALL: '${{ inputs.given.all }}'}}
tasks:
  text: {run: echo, env: {ALL: x, LINES: 'é ${{ inputs.given.lines }}'}}
  if: {if: 1 / inputs.n > 3, set: {v: 1}}
  block: {do: [{in: {set: {v: '${{ inputs.given.lines }}'}}}]}
  each: {for_each: [1], set: {v: '${{ inputs.given[item] }}'}}
  default: {run: echo}
";

const CALLS: &str = "workflow: calls
tasks:
  call: {workflow: child}
  use: {use: say@1, with: {what: {a: 1}}}
";

const CHILD: &str = "workflow: child
inputs: {given: {type: object, default: {}}}
tasks:
  inner: {run: echo, env: {N: '${{ inputs.given.lines }}'}}
";

const SAY: &str = "actions:
  say:
    version: 1.0.0
    inputs: {what: {type: object}}
    set: {w: '${{ inputs.what.b }}'}
";

fn workspace() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let calls = CALLS.replace("say@1", "lib/say@1");
    for (name, text) in [
        ("more/deep.yaml", DEEP),
        ("calls.yaml", &calls),
        ("workflows/child.yaml", CHILD),
        ("actions/lib.yaml", SAY),
        (".myrmex/none", ""),
    ] {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

/// Runs the program; returns standard output and standard error.
fn myrmex(folder: &Path, arguments: &[&str]) -> (String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_myrmex"));
    let output = command.args(arguments).current_dir(folder).env("NO_COLOR", "1").output().unwrap();
    (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

fn newest(folder: &Path) -> String {
    let list: Value = serde_json::from_str(&myrmex(folder, &["runs", "list", "--json"]).0).unwrap();
    list["runs"][0]["run"].as_str().unwrap().to_owned()
}

/// Returns each task that is told to have failed, with the place below it.
fn places(stderr: &str) -> Vec<(String, String)> {
    let lines: Vec<&str> = stderr.lines().collect();
    let told = lines.windows(2).filter(|pair| pair[0].starts_with("error: "));
    let task = |line: &str| line.split('`').nth(1).unwrap().to_owned();
    told.map(|pair| (task(pair[0]), pair[1].strip_prefix(" --> ").unwrap_or("nowhere").to_owned())).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(task, place)| ((*task).to_owned(), (*place).to_owned())).collect()
}

#[test]
fn a_run_ends_with_the_places_of_the_expressions_that_failed() {
    let folder = workspace();
    let (_, stderr) = myrmex(folder.path(), &["run", "more/deep.yaml"]);
    let mut found = places(&stderr);
    found.sort();
    let expected = [
        ("block/in", "more/deep.yaml:7:36"),
        ("default", "more/deep.yaml:3:28"),
        ("each[0]", "more/deep.yaml:8:39"),
        ("if", "more/deep.yaml:6:12"),
        ("text", "more/deep.yaml:5:49"),
    ];
    assert_eq!(found, pairs(&expected), "{stderr}");
}

#[test]
fn what_is_called_or_used_has_its_own_file() {
    let folder = workspace();
    let (_, stderr) = myrmex(folder.path(), &["run", "calls.yaml"]);
    let root = folder.path().display();
    let mut found = places(&stderr.replace(&format!("{root}/"), ""));
    found.sort();
    let expected = [("call/inner", "workflows/child.yaml:4:36"), ("use/say", "actions/lib.yaml:5:19")];
    assert_eq!(found, pairs(&expected), "{stderr}");
}

#[test]
fn standard_input_is_not_read_twice() {
    let folder = workspace();
    let mut command = Command::new(env!("CARGO_BIN_EXE_myrmex"));
    command.args(["run", "-"]).current_dir(folder.path()).stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(CHILD.replace("child", "piped").as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let found = places(&String::from_utf8(output.stderr).unwrap());
    assert_eq!(found, pairs(&[("inner", "nowhere")]));
}

#[test]
fn a_run_is_shown_with_the_place_as_long_as_the_file_means_the_same() {
    let folder = workspace();
    drop(myrmex(folder.path(), &["run", "-i", "n=1", "more/deep.yaml"]));
    let run = newest(folder.path());
    let error = || {
        let (stdout, _) = myrmex(folder.path(), &["runs", "show", &run, "--json"]);
        let shown: Value = serde_json::from_str(&stdout).unwrap();
        shown["error"]["place"].clone()
    };
    assert_eq!(error(), json!({"file": "more/deep.yaml", "line": 5, "column": 49}));
    let (stdout, _) = myrmex(folder.path(), &["runs", "show", &run]);
    assert!(stdout.contains("(expression)\n          --> more/deep.yaml:5:49\n"), "{stdout}");
    // A comment moves the expression and changes nothing.
    let path = folder.path().join("more/deep.yaml");
    std::fs::write(&path, format!("# deep\n{DEEP}")).unwrap();
    assert_eq!(error(), json!({"file": "more/deep.yaml", "line": 6, "column": 49}));
    std::fs::write(&path, DEEP.replace("LINES", "OTHER")).unwrap();
    assert_eq!(error(), Value::Null);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(error(), Value::Null);
}

const ALIKE: &str = r"workflow: alike
inputs: {n: {type: integer, default: 0}}
tasks:
  block:
    tasks:
      a: {if: false, set: {v: '${{ 1 / inputs.n }}'}}
    outputs: {v: '${{ 1 / inputs.n }}'}
  under:
    run: echo
    env: {A: '${{ inputs.n + 1 }}', B: '${{ 1 / inputs.n > 1 }}', C: x}
    if: 1 / inputs.n > 1
  said:
    fail: {type: expression-of-mine, title: 'expression `1`: no'}
  other: {set: {v: '${{ 1 }}'}}
";

#[test]
fn of_several_alike_the_place_is_that_of_the_one_that_failed() {
    let folder = workspace();
    std::fs::write(folder.path().join("alike.yaml"), ALIKE).unwrap();
    let (_, stderr) = myrmex(folder.path(), &["run", "alike.yaml"]);
    let mut found = places(&stderr);
    found.sort();
    assert!(stderr.contains("error: `said`: expression `1`: no (expression-of-mine)\n"), "{stderr}");
    // The last error has no line after it.
    let expected = [("block", "alike.yaml:7:23"), ("under", "alike.yaml:11:9")];
    assert_eq!(found, pairs(&expected), "{stderr}");
}

#[test]
fn one_expression_under_two_keys_is_placed_by_the_key() {
    let folder = workspace();
    let text = "workflow: twice\ninputs: {n: {type: integer, default: 0}}\ntasks:\n  a:\n    retry: {attempts: 2, when: 1 / inputs.n > 1}\n    run: exit 1\n    env: {E: '${{ inputs.n }}'}\n    if: inputs.n == 0 or 1 / inputs.n > 1\n  b:\n    set: {v: '${{ 1 / inputs.n > 1 }}'}\n    if: 1 / inputs.n > 1\n";
    std::fs::write(folder.path().join("twice.yaml"), text).unwrap();
    let (_, stderr) = myrmex(folder.path(), &["run", "twice.yaml"]);
    let mut found = places(&stderr);
    found.sort();
    assert_eq!(found, pairs(&[("a", "twice.yaml:5:32"), ("b", "twice.yaml:11:9")]), "{stderr}");
}
