//! Real input: recorded executions of scientific workflows become native workflows and run to their end.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use myrmex_lang::Source;
use myrmex_model::ir::Body;
use myrmex_testkit::history::{Expected, check};
use serde_json::Value;
use support::{Live, Workspace, describe, say};

/// A trace, as its line in `index.csv` describes it.
struct Trace {
    file: String,
    tasks: usize,
    edges: usize,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests-data/wfinstances")
}

fn traces() -> Vec<Trace> {
    let index = std::fs::read_to_string(folder().join("index.csv")).unwrap();
    let lines = index.lines().skip(1);
    let trace = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        let [file, _, tasks, edges, ..] = fields.as_slice() else { panic!("{line}") };
        Trace { file: (*file).to_owned(), tasks: tasks.parse().unwrap(), edges: edges.parse().unwrap() }
    };
    lines.map(trace).collect()
}

#[test]
fn recorded_workflows_run_to_their_end_in_their_order() {
    let traces = traces();
    assert_eq!(traces.len(), 6);
    for trace in &traces {
        run_trace(trace);
    }
}

fn run_trace(trace: &Trace) {
    let began = Instant::now();
    let workspace = Workspace::new();
    let path = folder().join(&trace.file);
    let succeed = |words: &[&str]| {
        let output = workspace.myrmex(words).output().unwrap();
        assert!(output.status.success(), "{}: {}", trace.file, String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let text = succeed(&["import", "--from", "wfformat", path.to_str().unwrap(), "--scale", "0"]);
    std::fs::write(workspace.path("trace.yaml"), text).unwrap();
    succeed(&["check", "trace.yaml"]);
    let text = std::fs::read_to_string(workspace.path("trace.yaml")).unwrap();
    let edges = edges(&path, &names(&text));
    assert_eq!(edges.len(), trace.edges, "{}", trace.file);
    assert_eq!(needs(&text), trace.edges, "{}: edges that were imported", trace.file);

    let ended = Live::start(workspace.myrmex(&["run", "trace.yaml", "--json"]), "trace").wait();
    assert_eq!(ended.status.code(), Some(0), "{}: {}", trace.file, ended.errors);
    let summary = ended.summary().unwrap();
    let tasks = summary["tasks"].as_object().unwrap();
    assert_eq!(tasks.len(), trace.tasks, "{}", trace.file);
    assert!(tasks.values().all(|task| task["status"] == "succeeded"), "{}: {summary:#}", trace.file);
    let expected = Expected { edges, is_over: true, ..Expected::default() };
    let breaches = check(&workspace.export().unwrap(), &workspace.ledger(), &expected);
    assert!(breaches.is_empty(), "{}:\n{}", trace.file, describe(&breaches));
    let (tasks, edges, took) = (trace.tasks, trace.edges, began.elapsed().as_secs_f64());
    say(&format!("traces: {}: {tasks} tasks and {edges} edges in order; {took:.1} s", trace.file));
}

/// Reads which task each id of the trace has become: the import keeps it in `x-wfformat`.
fn names(text: &str) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    let mut name = "";
    for line in text.lines() {
        if let Some(id) = line.trim().strip_prefix("x-wfformat: {id: ") {
            let id = id.strip_suffix('}').unwrap().trim_matches('\'');
            names.insert(id.to_owned(), name.to_owned());
        } else if let Some(key) = line.strip_prefix("  ").and_then(|line| line.strip_suffix(':')) {
            name = key.trim();
        }
    }
    names
}

/// Counts the edges of a workflow whose body is one graph.
fn needs(text: &str) -> usize {
    let definition = myrmex_lang::check(&Source::new("trace.yaml", text)).definition.unwrap();
    match &definition.node(definition.root).body {
        Body::Graph(graph) => graph.edges().len(),
        other => panic!("the trace is one graph, not {other:?}"),
    }
}

/// Reads the edges from the trace itself, not from what the import made of it.
fn edges(path: &Path, names: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let trace: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let tasks = trace["workflow"]["specification"]["tasks"].as_array().unwrap();
    let name = |id: &Value| names[id.as_str().unwrap()].clone();
    let of_task = |task: &Value| {
        let child = name(&task["id"]);
        let parents = task["parents"].as_array().unwrap().clone();
        parents.into_iter().map(move |parent| (name(&parent), child.clone())).collect::<Vec<_>>()
    };
    tasks.iter().flat_map(of_task).collect()
}
