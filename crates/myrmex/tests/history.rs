//! What past runs took, as `graph` and `runs stats` show it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/said.rs"]
mod said;

use said::Workspace;
use serde_json::json;

const WORK: &str = "\
workflow: work
inputs: {fail: {type: boolean, default: false}}
defaults: {timeout: 1m}
tasks:
  build: {run: sleep 0.05}
  each: {for_each: 3, needs: build, run: 'true'}
  again: {needs: build, run: 'test \"$MYRMEX_ATTEMPT\" -ge 2', retry: {attempts: 2, delay: 1ms}}
  last: {needs: [each, again], run: 'test \"$FAIL\" = false', env: {FAIL: '${{ inputs.fail }}'}}
  never: {needs: last, if: 'false', run: 'true'}
";

const OTHER: &str = "workflow: other\ndefaults: {timeout: 1m}\ntasks: {a: {run: 'true'}}\n";

fn workspace() -> Workspace {
    Workspace::with(&[("myrmex.yaml", ""), ("work.yaml", WORK), ("other.yaml", OTHER)])
}

/// Runs the workflow twice well and once badly, and retries that.
fn with_runs() -> Workspace {
    let workspace = workspace();
    for _ in 0..2 {
        assert_eq!(workspace.run(&["run", "work", "--quiet"]).code, 0);
    }
    assert_eq!(workspace.run(&["run", "work", "--quiet", "-i", "fail=true"]).code, 1);
    let failed = workspace.newest();
    assert_eq!(workspace.run(&["runs", "retry", &failed, "-i", "fail=false", "--quiet"]).code, 0);
    workspace
}

#[test]
fn a_drawing_shows_what_past_runs_took_in_every_format() {
    let workspace = workspace();
    let formats = ["svg", "mermaid", "dot", "json", "text"];
    let draw = |what: &str, format: &str| {
        let shown = workspace.run(&["graph", what, "--format", format]);
        assert_eq!((shown.code, shown.stderr.as_str()), (0, ""), "{format}");
        shown.stdout
    };
    let before = formats.map(|format| draw("work", format));
    assert_eq!(workspace.run(&["run", "other", "--quiet"]).code, 0);
    assert_eq!(formats.map(|format| draw("work", format)), before, "what others took changes nothing");
    assert_eq!(workspace.run(&["run", "work", "--quiet"]).code, 0);
    assert_eq!(workspace.run(&["run", "work", "--quiet"]).code, 0);
    for (format, before) in formats.iter().zip(&before) {
        let after = draw("work.yaml", format);
        assert_ne!(&after, before, "{format}");
        assert_eq!(after, draw("work", format), "{format}");
        assert!(*format == "json" || after.contains("p50"), "{format}: {after}");
    }
    let text = draw("work", "text");
    let line = text.lines().find(|line| line.contains("each p50 ")).unwrap();
    assert!(line.contains("(2 runs); each p50 ") && line.contains(" (6 items)"), "{line}");
    assert!(
        text.starts_with("work: p50 ")
            && !text.lines().any(|line| line.contains("never") && line.contains("p50"))
    );
    let drawing: serde_json::Value = serde_json::from_str(&draw("work", "json")).unwrap();
    assert_eq!(drawing["history"]["took"]["count"], 2);
    let node = |path: &str| {
        let nodes = drawing["nodes"].as_array().unwrap();
        nodes.iter().find(|node| node["path"] == path).unwrap().clone()
    };
    assert!(node("build")["history"]["took"]["p50_ms"].as_u64().unwrap() >= 50);
    let again = node("again")["history"].clone();
    assert_eq!([&again["runs"], &again["attempts"], &again["retries"]], [2, 4, 2]);
    assert_eq!((&node("each")["item_history"]["succeeded"], node("never").get("history")), (&json!(6), None));
    // A run is drawn with its own times.
    assert!(!draw(&workspace.newest(), "text").contains("p50"));
}

#[test]
fn runs_are_counted_by_workflow() {
    let workspace = with_runs();
    assert_eq!(workspace.run(&["run", "other", "--quiet"]).code, 0);
    let shown = workspace.json(&["runs", "stats", "--json"]);
    let (other, work) = (&shown["workflows"][0], &shown["workflows"][1]);
    assert_eq!((&other["workflow"], &other["by_status"]), (&json!("other"), &json!({"succeeded": 1})));
    assert_eq!((&work["runs"], &work["by_status"]), (&json!(4), &json!({"succeeded": 3, "failed": 1})));
    assert_eq!([&work["succeeded"], &work["judged"], &work["retries"]], [3, 4, 1]);
    assert_eq!(work["took"]["count"], 3);
    let said = workspace.run(&["runs", "stats"]);
    assert_eq!((said.code, said.stderr.as_str()), (0, ""));
    let lines: Vec<&str> = said.stdout.lines().collect();
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
    assert_eq!(words(lines[0]), "WORKFLOW RUNS SUCCESS P50 P90 RETRIES BY STATUS");
    assert!(
        words(lines[1]).starts_with("other 1 100 % ") && lines[1].ends_with(" 0  1 succeeded"),
        "{}",
        lines[1]
    );
    assert!(words(lines[2]).starts_with("work 4 75 % "), "{}", lines[2]);
    assert!(lines[2].ends_with(" 1  3 succeeded, 1 failed"), "{}", lines[2]);
    let newest = workspace.json(&["runs", "stats", "--last", "1", "--json"]);
    assert_eq!((newest["workflows"].as_array().unwrap().len(), &newest["last"]), (1, &json!(1)));
}

#[test]
fn a_workflow_is_counted_by_its_tasks() {
    let workspace = with_runs();
    let shown = workspace.json(&["runs", "stats", "work", "--json"]);
    let task = |path: &str| &shown["tasks"][path];
    assert_eq!((&shown["tasks_of_runs"], &shown["cut"]), (&json!(4), &json!(false)));
    assert_eq!([&task("last")["succeeded"], &task("last")["failed"], &task("last")["runs"]], [3, 1, 3]);
    // The retry took over what had succeeded.
    assert_eq!(
        [&task("build")["succeeded"], &task("build")["taken"], &task("build")["took"]["count"]],
        [3, 1, 3]
    );
    assert_eq!([&task("each[]")["took"]["count"], &task("again")["retries"]], [9, 3]);
    assert!(shown["tasks"].get("never").is_none());
    let said = workspace.run(&["runs", "stats", "work"]);
    assert_eq!((said.code, said.stderr.as_str()), (0, ""));
    let begin = "workflow  work\nruns      4: 3 succeeded, 1 failed\nsuccess   75 %\ntook      p50 ";
    assert!(said.stdout.starts_with(begin), "{}", said.stdout);
    assert!(said.stdout.contains("\nretries   1\n\nTASK    RUNS "), "{}", said.stdout);
    assert!(said.stdout.lines().any(|line| line.starts_with("each[] ")), "{}", said.stdout);
}

#[test]
fn what_has_no_runs_is_told() {
    let workspace = workspace();
    let said = workspace.run(&["runs", "stats"]);
    assert!(
        said.code == 2 && said.stderr.starts_with("error[X0103]: there is no store in "),
        "{}",
        said.stderr
    );
    assert_eq!(workspace.run(&["run", "other", "--quiet"]).code, 0);
    let said = workspace.run(&["runs", "stats", "othr"]);
    let expected = "error[X0103]: there is no run of a workflow `othr`\nhint: did you mean `other`?\n";
    assert_eq!((said.code, said.stderr.as_str()), (2, expected));
}
