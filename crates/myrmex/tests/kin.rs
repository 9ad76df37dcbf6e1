//! Runs that belong together: who called whom, who retries whom, who took whose place, and how a person finds them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/said.rs"]
mod said;

use said::Workspace;
use serde_json::{Value, json};

const MAIN: &str = "
workflow: main
tasks:
  before: {run: echo here}
  one: {needs: before, workflow: kid, with: {n: 1}, continue_on_error: true}
  two: {needs: one, workflow: kid, with: {n: 2}}
";

const KID: &str = "
workflow: kid
inputs: {n: {type: integer}}
tasks:
  inner: {run: 'echo hello $N; test -e mended', env: {N: '${{ inputs.n }}'}}
";

fn family() -> Workspace {
    let workspace = Workspace::with(&[("myrmex.yaml", ""), ("main.yaml", MAIN), ("kid.yaml", KID)]);
    assert_eq!(workspace.run(&["run", "main.yaml", "-q"]).code, 1);
    workspace
}

fn runs(workspace: &Workspace) -> Vec<Value> {
    workspace.json(&["runs", "list", "--json"])["runs"].as_array().unwrap().clone()
}

/// Returns the id of the oldest run.
fn oldest(workspace: &Workspace) -> String {
    runs(workspace).last().unwrap()["run"].as_str().unwrap().to_owned()
}

fn short(run: &str) -> &str {
    &run[..13]
}

#[test]
fn from_a_run_its_children_are_found_and_from_a_child_its_caller() {
    let workspace = family();
    let main = runs(&workspace).iter().find(|run| run["workflow"] == "main").unwrap()["run"].clone();
    let main = main.as_str().unwrap();
    let shown = workspace.json(&["runs", "show", main, "--json"]);
    let children = shown["children"].as_array().unwrap();
    let told: Vec<Value> = children
        .iter()
        .map(|child| {
            json!([child["task"], child["address"], child["workflow"], child["status"], child["interrupted"]])
        })
        .collect();
    let of = |task: &str| json!([task, task, "kid", "failed", false]);
    assert_eq!(told, [of("one"), of("two")]);
    let (one, two) = (children[0]["run"].as_str().unwrap(), children[1]["run"].as_str().unwrap());

    let text = workspace.run(&["runs", "show", main]).stdout;
    let expected = format!(
        "\nchild runs:\none  {}  failed       kid\ntwo  {}  failed       kid\n",
        short(one),
        short(two)
    );
    assert!(text.contains(&expected), "{text}");
    let task = workspace.json(&["runs", "show", main, "--task", "two", "--json"]);
    assert_eq!(task["children"], json!([children[1]]));

    let listed = runs(&workspace);
    let listed = listed.iter().find(|run| run["run"] == two).unwrap();
    assert_eq!(listed["parent"], json!({"run": main, "task": "two"}));
    let list = workspace.run(&["runs", "list"]).stdout;
    assert!(list.contains(&format!("called by {}", short(main))), "{list}");
    let child = workspace.run(&["runs", "show", two]).stdout;
    assert!(child.contains(&format!("called by `two` of run {}\n", short(main))), "{child}");
    assert_eq!(workspace.json(&["runs", "show", two, "--json"])["parent"], listed["parent"]);
}

#[test]
fn who_asks_for_the_logs_of_a_call_is_told_where_they_are() {
    let workspace = family();
    let main = runs(&workspace).iter().find(|run| run["workflow"] == "main").unwrap()["run"].clone();
    let main = main.as_str().unwrap();
    let shown = workspace.json(&["runs", "show", main, "--json"]);
    let one = short(shown["children"][0]["run"].as_str().unwrap());
    let two = short(shown["children"][1]["run"].as_str().unwrap());
    let said = workspace.run(&["runs", "logs", main, "--task", "one"]);
    let expected = format!("`one` called run {one}: `myrmex runs logs {one}` prints what that printed\n");
    assert_eq!((said.code, said.stdout.as_str(), said.stderr), (0, "", expected));
    assert_eq!(workspace.run(&["runs", "logs", one]).stdout, "inner | hello 1\n");
    let all = workspace.run(&["runs", "logs", main]);
    assert_eq!(all.stdout, "before | here\n");
    assert_eq!(all.stderr.lines().count(), 2, "{}", all.stderr);

    let inside = workspace.run(&["runs", "logs", main, "--task", "two/inner"]);
    let hint = format!("hint: `myrmex runs logs {two} --task 'inner'` prints what it printed");
    assert!(inside.code == 2 && inside.stderr.contains(&hint), "{}", inside.stderr);
    let inside = workspace.run(&["runs", "show", main, "--task", "two/inner"]);
    assert!(inside.stderr.contains(&format!("`myrmex runs show {two} --task 'inner'`")), "{}", inside.stderr);
    // The error of a run names a task inside of a call; what to look at is that one.
    let again = workspace.run(&["runs", "resume", main]);
    assert!(again.stderr.contains(&hint), "{}", again.stderr);
}

#[test]
fn a_retry_and_what_it_retries_name_each_other() {
    let workspace = Workspace::with(&[
        ("myrmex.yaml", ""),
        (
            "w.yaml",
            "workflow: w\ninputs: {x: {type: string, default: a}}\ntasks:\n  a: {run: test -e mended}\n",
        ),
    ]);
    assert_eq!(workspace.run(&["run", "w.yaml", "-q"]).code, 1);
    let first = workspace.newest();
    assert_eq!(workspace.run(&["runs", "retry", &first, "-q"]).code, 1);
    let second = workspace.newest();
    let facts = |run: &str| {
        let shown = workspace.json(&["runs", "show", run, "--json"]);
        json!([shown["retry_of"], shown["attempt"], shown["retried_by"]])
    };
    assert_eq!(facts(&first), json!([null, 1, [second]]));
    assert_eq!(facts(&second), json!([first, 2, []]));
    let text = workspace.run(&["runs", "show", &second]).stdout;
    assert!(text.contains(&format!("retry of  run {}, attempt 2\n", short(&first))), "{text}");
    let text = workspace.run(&["runs", "show", &first]).stdout;
    assert!(text.contains(&format!("retried   by run {}\n", short(&second))), "{text}");

    let over = workspace.run(&["runs", "resume", &second]).stderr;
    let expected = format!(
        "the run is over: failed; `myrmex runs retry {}` runs again what did not succeed",
        short(&second)
    );
    assert_eq!(over.lines().next(), Some(expected.as_str()));
    let wrong = workspace.run(&["runs", "retry", &second, "-i", "y=1"]);
    assert!(wrong.code == 2 && !wrong.stderr.contains("--input-file"), "{}", wrong.stderr);
    assert!(
        wrong.stderr.contains("hint: give inputs with `-i NAME=VALUE`; `w` takes `x` (string)"),
        "{}",
        wrong.stderr
    );
    let wrong = workspace.run(&["run", "w.yaml", "-i", "y=1"]);
    assert!(wrong.stderr.contains("or `--input-file FILE`"), "{}", wrong.stderr);
}

#[test]
fn nobody_claims_that_a_file_changed_from_which_the_run_may_not_come() {
    let text = "workflow: w\ntasks:\n  a: {run: test -e mended}\n";
    let workspace = Workspace::with(&[("myrmex.yaml", ""), ("w.yaml", text)]);
    let other = "workflow: w\ntasks:\n  a: {run: test -e mended && echo other}\n";
    std::fs::write(workspace.path().join("other.yaml"), other).unwrap();
    assert_eq!(workspace.run(&["run", "w.yaml", "-q"]).code, 1);
    let first = workspace.newest();
    assert_eq!(workspace.run(&["runs", "retry", &first, "--to", "other.yaml", "-q"]).code, 1);
    let said = workspace.run(&["runs", "retry", &workspace.newest()]).stderr;
    let first = format!("run {} of w", short(&workspace.newest()));
    assert_eq!(said.lines().next(), Some(first.as_str()), "`other.yaml` still holds it");
    std::fs::write(workspace.path().join("other.yaml"), text.replace("mended", "healed")).unwrap();
    let said = workspace.run(&["runs", "retry", &workspace.newest()]).stderr;
    assert!(!said.contains("changed"), "nobody touched `w.yaml`: {said}");
    let file = workspace.path().join("w.yaml");
    let expected =
        format!("follows the definition of the run that it retries; `{}` holds another one", file.display());
    assert_eq!(said.lines().next(), Some(expected.as_str()));
}

#[test]
fn a_run_that_gave_its_place_away_says_to_which_run() {
    let kid = "
workflow: kid
inputs: {n: {type: integer}}
concurrency: {on_conflict: cancel}
tasks:
  a: {run: 'test $N = 2 || sleep 1000', env: {N: '${{ inputs.n }}'}}
";
    let main = "
workflow: main
tasks:
  first: {workflow: kid, with: {n: 1}, wait: false}
  second: {needs: first, workflow: kid, with: {n: 2}}
";
    let workspace = Workspace::with(&[("myrmex.yaml", ""), ("main.yaml", main), ("kid.yaml", kid)]);
    // With several partitions nothing says which of two calls asks first.
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_myrmex"));
    command.args(["run", "main.yaml", "-q"]).current_dir(workspace.path()).env("USER", "tester");
    command.env("MYRMEX_PARTITIONS", "1");
    assert_eq!(said::Said::of(&mut command).code, 0);
    let main = oldest(&workspace);
    let children = workspace.json(&["runs", "show", &main, "--json"])["children"].clone();
    let (first, second) = (children[0]["run"].as_str().unwrap(), children[1]["run"].as_str().unwrap());
    let shown = workspace.json(&["runs", "show", first, "--json"]);
    assert_eq!(shown["status"], "cancelled");
    assert_eq!(shown["cancelled"]["successor"], second);
    let text = workspace.run(&["runs", "show", first]).stdout;
    let expected = format!("cancelled by tester: run {second} of the same workflow takes its place\n");
    assert!(text.contains(&expected), "{text}");
}

#[test]
fn one_artifact_goes_to_standard_output() {
    let text = "workflow: w\ntasks:\n  a: {run: printf 'a\\nb' > made, artifacts: {made: made}}\n";
    let workspace = Workspace::with(&[("myrmex.yaml", ""), ("w.yaml", text)]);
    assert_eq!(workspace.run(&["run", "w.yaml", "-q"]).code, 0);
    let run = workspace.newest();
    let said = workspace.run(&["runs", "artifacts", &run, "a/made", "--to", "-"]);
    assert_eq!((said.code, said.stdout.as_str(), said.stderr.as_str()), (0, "a\nb", ""));
    assert!(!workspace.path().join("-").exists());
    let both = workspace.run(&["runs", "artifacts", &run, "a/made", "--to", "-", "--json"]);
    assert!(both.code == 2 && both.stdout.is_empty(), "{}", both.stdout);
    assert!(both.stderr.contains("`--to -` and `--json` both want standard output"), "{}", both.stderr);
}
