//! `myrmex export`: what other programs get of runs and workflows.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/said.rs"]
mod said;

use std::collections::{BTreeMap, BTreeSet};

use said::Workspace;
use serde_json::{Value, json};

const WORK: &str = "\
workflow: work
defaults: {timeout: 1m}
tasks:
  plan: {set: {regions: [eu, us]}}
  build: {needs: plan, run: 'sleep 0.05'}
  test: {for_each: 3, needs: build, run: 'true'}
  each: {for_each: {a/b: 1, a.b: 2}, needs: build, do: [one: {run: 'true'}, pick: {switch: [{else: two}]}, two: {run: 'true'}]}
  again: {needs: plan, run: 'test \"$MYRMEX_ATTEMPT\" -ge 2', retry: {attempts: 2, delay: 1ms}}
  last: {needs: [test, each, again], run: 'true'}
finally: {run: 'true'}
";

fn workspace() -> Workspace {
    let workspace = Workspace::with(&[("myrmex.yaml", ""), ("work.yaml", WORK)]);
    let said = workspace.run(&["run", "work", "--quiet"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    workspace
}

fn exported(workspace: &Workspace, what: &str, to: &str) -> Value {
    let said = workspace.run(&["export", what, "--to", to]);
    assert_eq!((said.code, said.stderr.as_str()), (0, ""), "{what} {to}");
    assert_eq!(workspace.run(&["export", what, "--to", to]).stdout, said.stdout, "the same bytes each time");
    serde_json::from_str(&said.stdout).unwrap()
}

/// Checks what the schema of `WfFormat` 1.5 requires, and returns the parents of each task.
fn checked(instance: &Value) -> BTreeMap<String, BTreeSet<String>> {
    assert_eq!(instance["schemaVersion"], "1.5");
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).unwrap().to_owned();
    text(&instance["name"]);
    text(&instance["runtimeSystem"]["version"]);
    let is_id = |id: &str| id.chars().all(|sign| sign.is_ascii_alphanumeric() || "-_.".contains(sign));
    let tasks = instance["workflow"]["specification"]["tasks"].as_array().unwrap();
    assert!(!tasks.is_empty());
    let ids = |value: &Value| value.as_array().unwrap().iter().map(text).collect::<BTreeSet<_>>();
    let parents: BTreeMap<_, _> =
        tasks.iter().map(|task| (text(&task["id"]), ids(&task["parents"]))).collect();
    assert_eq!(parents.len(), tasks.len(), "ids are unique");
    for task in tasks {
        text(&task["name"]);
        assert!(is_id(&text(&task["id"])), "{task}");
        for child in ids(&task["children"]) {
            assert!(parents[&child].contains(&text(&task["id"])), "{child} of {task}");
        }
        assert!(ids(&task["parents"]).iter().all(|parent| parents.contains_key(parent)), "{task}");
    }
    let execution = &instance["workflow"]["execution"];
    if !execution.is_null() {
        assert!(execution["makespanInSeconds"].is_number());
        text(&execution["executedAt"]);
        let measured: BTreeSet<String> =
            execution["tasks"].as_array().unwrap().iter().map(|task| text(&task["id"])).collect();
        assert_eq!(measured, parents.keys().cloned().collect());
        assert!(
            execution["tasks"].as_array().unwrap().iter().all(|task| task["runtimeInSeconds"].is_number())
        );
        assert!(!text(&execution["machines"][0]["nodeName"]).is_empty());
    }
    parents
}

fn set(ids: &[&str]) -> BTreeSet<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

#[test]
fn a_run_is_an_instance_of_wfformat() {
    let workspace = workspace();
    let run = workspace.newest();
    let instance = exported(&workspace, &run, "wfformat");
    let parents = checked(&instance);
    assert_eq!(parents.len(), 11, "{:?}", parents.keys());
    assert_eq!((&parents["build"], &parents["test.1"]), (&set(&[]), &set(&["build"])));
    let items: Vec<&String> =
        parents.keys().filter(|id| id.starts_with("each.") && id.ends_with("two")).collect();
    assert_eq!(items.len(), 2);
    for two in items {
        assert_eq!(parents[two], set(&[&two.replace(".two", ".one")]));
    }
    let before: BTreeSet<String> = parents["last"].clone();
    assert!(before.is_superset(&set(&["test.0", "test.2", "again"])) && before.len() == 6, "{before:?}");
    assert_eq!(parents["finally"], set(&["last"]));
    let tasks = instance["workflow"]["execution"]["tasks"].as_array().unwrap();
    let build = tasks.iter().find(|task| task["id"] == "build").unwrap();
    assert!(
        build["runtimeInSeconds"].as_f64().unwrap() >= 0.05 && build["memoryInBytes"].as_u64().unwrap() > 0
    );

    // What is written can be read: it becomes a workflow again.
    std::fs::write(workspace.path().join("w.json"), instance.to_string()).unwrap();
    let said = workspace.run(&["import", "--from", "wfformat", "w.json", "--scale", "0"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    std::fs::write(workspace.path().join("back.yaml"), said.stdout).unwrap();
    assert_eq!(workspace.run(&["run", "back.yaml", "--quiet"]).code, 0);
}

#[test]
fn a_workflow_is_one_without_an_execution() {
    let workspace = workspace();
    let instance = exported(&workspace, "work.yaml", "wfformat");
    let parents = checked(&instance);
    let known: Vec<&str> = parents.keys().map(String::as_str).collect();
    assert_eq!(known, ["again", "build", "each.one", "each.two", "finally", "last", "test"]);
    assert_eq!(
        (&parents["each.two"], &parents["last"]),
        (&set(&["each.one"]), &set(&["again", "each.two", "test"]))
    );
    assert_eq!((&instance["workflow"]["execution"], instance.get("createdAt")), (&Value::Null, None));
}

#[test]
fn a_run_is_a_trace_in_which_no_lane_overlaps() {
    let workspace = workspace();
    let trace = exported(&workspace, &workspace.newest(), "chrome-trace");
    assert_eq!((&trace["displayTimeUnit"], &trace["otherData"]["workflow"]), (&json!("ms"), &json!("work")));
    let events = trace["traceEvents"].as_array().unwrap();
    let mut lanes: BTreeMap<(u64, u64), u64> = BTreeMap::new();
    let mut attempts = 0;
    for event in events {
        let number = |field: &str| event[field].as_u64().unwrap_or_else(|| panic!("{field} of {event}"));
        let lane = (number("pid"), number("tid"));
        match event["ph"].as_str().unwrap() {
            "M" => assert!(event["args"].is_object() && event["name"].is_string()),
            "X" => {
                let until = lanes.entry(lane).or_default();
                assert!(number("ts") >= *until, "{event} begins before {until}");
                *until = number("ts") + number("dur");
                attempts += usize::from(event["cat"] == "attempt");
                let is_named = events.iter().any(|name| {
                    name["name"] == "thread_name"
                        && (name["pid"].as_u64(), name["tid"].as_u64()) == (Some(lane.0), Some(lane.1))
                });
                assert!(is_named, "{event}");
            }
            other => panic!("{other}"),
        }
    }
    // Eleven tasks, one of them twice.
    assert_eq!(attempts, 12);
}

#[test]
fn a_flowchart_is_the_same_as_that_of_graph() {
    let workspace = workspace();
    let run = workspace.newest();
    for what in ["work", &run] {
        let graph = workspace.run(&["graph", what, "--format", "mermaid"]).stdout;
        let said = workspace.run(&["export", what, "--to", "mermaid", "-o", "out.mmd"]);
        assert_eq!((said.code, said.stdout.as_str()), (0, ""));
        assert_eq!(std::fs::read_to_string(workspace.path().join("out.mmd")).unwrap(), graph);
    }
}

#[test]
fn what_cannot_be_exported_is_told() {
    let workspace = workspace();
    let said = workspace.run(&["export", "work", "--to", "chrome-trace"]);
    let expected = "error[X0104]: `work` is no run: a trace says when things happened\nhint: `myrmex runs list` shows the ids of runs\n";
    assert_eq!((said.code, said.stderr.as_str()), (2, expected));
    std::fs::write(workspace.path().join("none.yaml"), "workflow: none\ntasks: {a: {set: {b: 1}}}\n")
        .unwrap();
    let said = workspace.run(&["export", "none", "--to", "wfformat"]);
    let expected = "error[X0104]: the workflow `none` has no work: WfFormat knows nothing else\n";
    assert_eq!((said.code, said.stderr.as_str()), (2, expected));
    assert_eq!(workspace.run(&["export", "work"]).code, 2);
    assert_eq!(workspace.run(&["export", "nothing", "--to", "mermaid"]).code, 2);
}

#[test]
fn an_export_never_takes_the_place_of_a_workflow() {
    let workspace = workspace();
    let run = workspace.newest();
    for (what, to) in [("work", "mermaid"), ("work", "wfformat"), (&run, "chrome-trace")] {
        let said = workspace.run(&["export", what, "--to", to, "-o", "work.yaml"]);
        let expected = "error[X0102]: `work.yaml` is a workflow: an export does not take its place\nhint: name another file\n";
        assert_eq!((said.code, said.stderr.as_str()), (2, expected));
        // What was exported is written anew, though it names its workflow as well.
        for _ in 0..2 {
            let said = workspace.run(&["export", what, "--to", to, "-o", "exported.json"]);
            assert_eq!((said.code, said.stderr.as_str()), (0, ""));
        }
    }
    assert_eq!(std::fs::read_to_string(workspace.path().join("work.yaml")).unwrap(), WORK);
}

#[test]
fn many_tasks_after_many_have_one_task_between_them() {
    const MANY: usize = 150;
    let listed = |entry: &dyn Fn(usize) -> String| (0..MANY).map(entry).collect::<Vec<_>>().join(", ");
    let tasks =
        |prefix: &str, needs: &str| listed(&|number| format!("{prefix}{number}: {{run: 'true'{needs}}}"));
    let needs = listed(&|number| format!("a{number}"));
    let text = format!(
        "workflow: many\ndefaults: {{timeout: 1m}}\ntasks: {{{first}, block: {{needs: [{needs}], tasks: {{{inner}}}}}, {last}}}\n",
        first = tasks("a", ""),
        inner = tasks("b", ""),
        last = tasks("c", ", needs: block"),
    );
    let workspace = Workspace::with(&[("many.yaml", &text)]);
    let parents = checked(&exported(&workspace, "many.yaml", "wfformat"));
    let edges: usize = parents.values().map(BTreeSet::len).sum();
    assert_eq!((parents.len(), edges), (3 * MANY + 2, 4 * MANY));
    assert_eq!(parents["c1"].len(), 1);
}
