//! `myrmex graph` as it is used: of files, of names, of runs, and of what is neither.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/said.rs"]
mod said;

use said::Workspace;
use serde_json::{Value, json};

const TWO: &str =
    "workflow: two\ndefaults: {timeout: 1m}\ntasks:\n  a: {run: echo a}\n  b: {needs: a, run: echo b}\n";

const RELEASE: &str = "\
workflow: release
defaults: {timeout: 1m}
tasks:
  build: {run: sleep 0.2}
  lint: {run: exit 3, continue_on_error: true}
  test:
    for_each: 3
    needs: build
    run: test \"$INDEX\" != 1
    env: {INDEX: '${{ index }}'}
    min_success: 2
  again:
    needs: lint
    run: test \"$MYRMEX_ATTEMPT\" -ge 2
    retry: {attempts: 2, delay: 1ms}
  ship:
    needs: [test, again]
    do:
      - copy: {run: 'true'}
      - mark: {run: exit 7}
  after: {needs: ship, run: 'true'}
on_failure: {run: echo alarm}
";

fn workspace() -> Workspace {
    let workspace = Workspace::with(&[("myrmex.yaml", ""), ("two.yaml", TWO), ("release.yaml", RELEASE)]);
    std::fs::create_dir(workspace.path().join("workflows")).unwrap();
    let other = TWO.replace("workflow: two", "workflow: other");
    std::fs::write(workspace.path().join("workflows/file.yaml"), other).unwrap();
    workspace
}

/// Draws as JSON.
fn drawn(workspace: &Workspace, what: &str) -> Value {
    let shown = workspace.run(&["graph", what, "--format", "json"]);
    assert_eq!((shown.code, shown.stderr.as_str()), (0, ""), "{what}");
    serde_json::from_str(&shown.stdout).unwrap()
}

/// Returns one field of all nodes by their paths.
fn field(drawing: &Value, name: &str) -> Value {
    let nodes = drawing["nodes"].as_array().unwrap().iter();
    nodes.map(|node| (node["path"].as_str().unwrap().to_owned(), node[name].clone())).collect()
}

#[test]
fn a_workflow_is_found_by_its_file_and_by_its_name() {
    let workspace = workspace();
    for what in ["two.yaml", "two"] {
        let drawing = drawn(&workspace, what);
        assert_eq!(field(&drawing, "kind"), json!({"a": "run", "b": "run"}));
        assert_eq!((&drawing["run"], &drawing["critical"]), (&Value::Null, &json!(["a", "b"])));
        assert_eq!(drawing["critical_by"], "longest_chain");
        let edge = json!({"from": "a", "to": "b", "on": ["succeeded"], "condition": null, "back": false});
        assert_eq!(drawing["edges"], json!([edge]));
    }
    assert_eq!(drawn(&workspace, "other")["workflow"], "other");
}

#[test]
fn a_run_is_drawn_with_where_its_tasks_stand() {
    let workspace = workspace();
    assert_eq!(workspace.run(&["run", "release", "--quiet"]).code, 1);
    let run = workspace.newest();
    let drawing = drawn(&workspace, &run[..13]);
    assert_eq!((&drawing["run"]["run"], &drawing["run"]["status"]), (&json!(run), &json!("failed")));
    let words = json!({
        "build": "succeeded", "lint": "failed, accepted", "test": "succeeded", "again": "succeeded", "ship": "failed",
        "ship/copy": "succeeded", "ship/mark": "failed", "after": "skipped", "on_failure": "succeeded",
    });
    assert_eq!(field(&drawing, "word"), words);
    assert_eq!(field(&drawing, "attempts")["again"], 2);
    assert_eq!(field(&drawing, "counts")["test"], json!({"succeeded": 2, "failed": 1}));
    let of = |path: &str, name: &str| field(&drawing, name)[path].clone();
    // `ship` began when the later of two chains had ended: how fast the machine was says which, if not both at once.
    let ended = |path: &str| of(path, "end").as_str().unwrap().to_owned();
    let chains = [(["build", "test"], "again"), (["lint", "again"], "test")];
    let decided = chains.iter().filter(|([_, last], other)| ended(last) >= ended(other));
    let paths =
        decided.map(|(chain, _)| json!([chain[0], chain[1], "ship", "ship/copy", "ship/mark", "on_failure"]));
    assert!(paths.clone().any(|path| path == drawing["critical"]), "{drawing:#}");
    assert_eq!(drawing["critical_by"], "recorded");
    assert!(of("build", "start").is_string() && of("build", "end").is_string());
    assert!(of("build", "took_ms").as_u64().unwrap() >= 200);
    assert_eq!((of("after", "start"), of("after", "took_ms")), (Value::Null, Value::Null));

    let picture = workspace.run(&["graph", &run]);
    assert_eq!((picture.code, picture.stderr.as_str()), (0, ""));
    for said in ["failed, accepted", "3 in all: 2 succeeded, 1 failed", ", 2 attempts", "critical path"] {
        assert!(picture.stdout.contains(said), "{said}");
    }
    assert_eq!(workspace.run(&["graph", &run]).stdout, picture.stdout);
    for format in ["mermaid", "dot"] {
        let shown = workspace.run(&["graph", &run, "--format", format]);
        assert!(shown.code == 0 && shown.stdout.contains("failed, accepted"), "{}", shown.stdout);
    }
}

#[test]
fn a_run_that_goes_through_blocks_several_times_is_drawn_with_the_last_time() {
    let text = "\
workflow: rounds
defaults: {timeout: 1m}
tasks:
  all:
    for_each: 2
    do:
      - wait-for: {repeat: {until: index == 1, max: 3, do: [{look: {run: 'true'}}]}}
      - decide: {switch: [{if: 'false', then: never}, {else: last}]}
      - never: {run: 'true'}
      - last: {run: 'true'}
";
    let workspace = Workspace::with(&[("rounds.yaml", text)]);
    assert_eq!(workspace.run(&["run", "rounds", "--quiet"]).code, 0);
    let drawing = drawn(&workspace, &workspace.newest());
    let counts = field(&drawing, "counts");
    let two = json!({"succeeded": 2});
    for path in ["all", "all/wait-for", "all/wait-for/look", "all/decide", "all/last"] {
        assert_eq!(counts[path], two, "{path}");
    }
    assert_eq!(field(&drawing, "word")["all/never"], "skipped");
    let path = ["all", "all/wait-for", "all/wait-for/look", "all/decide", "all/last"];
    assert_eq!(drawing["critical"], json!(path));
}

#[test]
fn a_file_with_errors_shows_them_as_run_does() {
    let bad = "workflow: bad\ntasks:\n  a: {run: echo, needs: c, timeout: 1m}\n";
    let workspace = Workspace::with(&[("bad.yaml", bad)]);
    let (drawn, run) = (workspace.run(&["graph", "bad.yaml"]), workspace.run(&["run", "bad.yaml"]));
    assert_eq!((drawn.code, drawn.stdout.as_str()), (2, ""));
    assert_eq!(drawn.stderr, run.stderr);
    assert!(drawn.stderr.starts_with("error[E0209]: "), "{}", drawn.stderr);
}

#[test]
fn what_is_neither_a_workflow_nor_a_run_is_told() {
    let workspace = workspace();
    let shown = workspace.run(&["graph", "relaese"]);
    let expected =
        "error[E0001]: there is no workflow `relaese`\n--> relaese\nhint: did you mean `release.yaml`?\n\n";
    assert_eq!((shown.code, shown.stderr.as_str()), (2, expected));
    let shown = workspace.run(&["graph", "0123"]);
    assert_eq!(shown.code, 2);
    assert!(shown.stderr.starts_with("error[X0103]: there is no store in "), "{}", shown.stderr);
    assert_eq!(workspace.run(&["run", "two", "--quiet"]).code, 0);
    let shown = workspace.run(&["graph", "9999"]);
    let expected =
        "error[X0103]: no run has an id that begins with `9999`\nhint: `myrmex runs list` shows the ids\n";
    assert_eq!((shown.code, shown.stderr.as_str()), (2, expected));
    // A name of digits and letters up to f may be both.
    let shown = workspace.run(&["graph", "facade"]);
    assert!(shown.stderr.starts_with("error[E0001]: there is no workflow `facade`"), "{}", shown.stderr);
    let shown = workspace.run(&["graph", "myrmex.yaml"]);
    assert!(shown.code == 2 && shown.stderr.starts_with("error[X0101]: "), "{}", shown.stderr);
}

#[test]
fn the_ending_of_the_file_says_the_format() {
    let workspace = workspace();
    let begins = [
        ("g.svg", "<svg "),
        ("g.mmd", "flowchart "),
        ("g.dot", "digraph "),
        ("g.gv", "digraph "),
        ("g.json", "{"),
        ("g.txt", "two\n"),
    ];
    for (file, begin) in begins {
        let shown = workspace.run(&["graph", "two", "--out", file]);
        assert_eq!((shown.code, shown.stdout.as_str(), shown.stderr.as_str()), (0, "", ""), "{file}");
        let text = std::fs::read_to_string(workspace.path().join(file)).unwrap();
        assert!(text.starts_with(begin), "{file}: {text}");
    }
    let shown = workspace.run(&["graph", "two", "--out", "g.png"]);
    let expected = "error[X0102]: the ending of `g.png` says no format\n\
                    hint: end it with .svg, .mmd, .dot, .json or .txt, or say `--format`\n";
    assert_eq!((shown.code, shown.stderr.as_str()), (2, expected));
    assert_eq!(workspace.run(&["graph", "two", "--out", "g.png", "--format", "svg"]).code, 0);
    let shown = workspace.run(&["graph", "two", "--out", "missing/g.svg"]);
    assert!(shown.code == 2 && shown.stderr.starts_with("error[X0101]: `missing/g.svg` cannot be written"));
}

#[test]
fn what_was_cut_off_and_what_was_taken_over_bear_their_own_words() {
    let text = "workflow: w\ndefaults: {timeout: 20m}\ntasks:\n  first: {do: [one: {run: echo one}]}\n  \
                second: {needs: first, run: 'test -e good || { echo x >begun; exec sleep 600; }'}\n  \
                third: {needs: second, run: echo done}\n";
    let workspace = Workspace::with(&[("w.yaml", text)]);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_myrmex"));
    let mut child = command.args(["run", "w", "--quiet"]).current_dir(workspace.path()).spawn().unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_mins(1);
    while !workspace.path().join("begun").exists() {
        assert!(std::time::Instant::now() < deadline, "the task never began");
        std::thread::yield_now();
    }
    let going = drawn(&workspace, &workspace.newest());
    let words =
        json!({"first": "succeeded", "first/one": "succeeded", "second": "running", "third": "pending"});
    assert_eq!((field(&going, "word"), &going["run"]["interrupted"]), (words, &json!(false)));
    child.kill().unwrap();
    child.wait().unwrap();
    while workspace.json(&["runs", "list", "--json"])["runs"][0]["interrupted"] != true {
        assert!(std::time::Instant::now() < deadline, "the store stays held");
    }
    let run = workspace.newest();
    let cut = drawn(&workspace, &run);
    assert_eq!(
        (&field(&cut, "word")["second"], &cut["run"]["interrupted"]),
        (&json!("interrupted"), &json!(true))
    );
    assert_eq!(cut["critical"], json!(["first", "first/one", "second"]));

    assert_eq!(workspace.run(&["runs", "cancel", &run]).code, 0);
    std::fs::write(workspace.path().join("good"), "").unwrap();
    assert_eq!(workspace.run(&["runs", "retry", &run, "--quiet"]).code, 0);
    let retried = drawn(&workspace, &workspace.newest());
    let words = json!({"first": "taken", "first/one": "taken", "second": "succeeded", "third": "succeeded"});
    assert_eq!(field(&retried, "word"), words);
    assert_eq!(field(&retried, "status")["first/one"], "succeeded");
}

#[test]
fn a_drawing_never_takes_the_place_of_a_workflow() {
    let workspace = workspace();
    let refused = workspace.run(&["graph", "two", "--format", "svg", "--out", "release.yaml"]);
    assert_eq!(refused.stdout, "");
    assert!(
        refused
            .stderr
            .starts_with("error[X0102]: `release.yaml` is a workflow: a drawing does not take its place"),
        "{}",
        refused.stderr
    );
    assert_eq!(std::fs::read_to_string(workspace.path().join("release.yaml")).unwrap(), RELEASE);
    // A drawing is written anew, though one in JSON names its workflow as well.
    for _ in 0..2 {
        assert_eq!(workspace.run(&["graph", "release", "--out", "drawn.json"]).code, 0);
    }
}
