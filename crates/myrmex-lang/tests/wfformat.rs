//! Records of `WfCommons` become workflows.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::path::Path;

use myrmex_lang::import::{ImportError, wfformat};
use myrmex_lang::{Source, Syntax, check, codes, format};
use myrmex_model::ir::Body;

/// Asserts that a recorded execution becomes a workflow of so many tasks and dependencies, as its `index.csv` says.
#[track_caller]
fn assert_imports(file: &str, tasks: usize, edges: usize) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests-data/wfinstances");
    #[expect(clippy::disallowed_methods, reason = "a test reads its data; the crate does not")]
    let json = std::fs::read_to_string(folder.join(file)).unwrap();
    for scale in [0.0, 0.001, 1.0] {
        let text = wfformat(&json, scale).unwrap();
        let source = Source::new(file, text.as_str());
        let checked = check(&source);
        // What was recorded has no limits of time.
        assert!(checked.diagnostics.iter().all(|found| found.code == codes::TIMEOUT_MISSING), "{text}");
        assert_eq!(format(&source, Syntax::Yaml).unwrap(), text, "it is canonical");
        let definition = checked.definition.unwrap();
        let Body::Graph(graph) = &definition.node(definition.root).body else { panic!() };
        assert_eq!((graph.children.len(), graph.edges().len()), (tasks, edges));
        assert_eq!(scale == 0.0, text.contains("['true']"));
        assert_eq!(scale != 0.0, text.contains("[sleep, "));
    }
}

#[test]
fn recorded_executions_become_workflows() {
    assert_imports("montage-chameleon-2mass-005d-001.json", 58, 114);
    assert_imports("epigenomics-chameleon-hep-1seq-100k-001.json", 41, 48);
    assert_imports("1000genome-chameleon-2ch-100k-001.json", 52, 76);
    assert_imports("soykb-chameleon-10fastq-10ch-001.json", 96, 194);
    assert_imports("bwa-chameleon-small-001.json", 104, 400);
    assert_imports("bacass-dirt02-001.json", 11, 14);
}

fn document(specified: &str, executed: &str) -> String {
    format!(
        r#"{{"name": "a b", "description": "x: ${{{{ y }}}} # z", "schemaVersion": "1.5", "workflow": {{
            "specification": {{"tasks": [{specified}]}}, "execution": {{"tasks": [{executed}]}}}}}}"#
    )
}

#[test]
fn odd_ids_become_names_and_what_is_assumed_is_said() {
    let json = document(
        r#"{"id": "a.b", "parents": [], "children": []}, {"id": "a b", "parents": ["a.b"]}, {"id": "1", "parents": ["a b"]},
           {"id": "no", "parents": []}, {"id": "end", "parents": ["no", "no"], "children": []}"#,
        r#"{"id": "a.b", "runtimeInSeconds": 1.5}, {"id": "a b", "runtimeInSeconds": 0}, {"id": "no"}"#,
    );
    let text = wfformat(&json, 0.5).unwrap();
    assert_eq!(
        text,
        "\
# Imported from WfFormat 1.5: 5 tasks, 4 dependencies, 1.500 s of work.
# Each task takes its measured runtime times 0.5. Not carried over: programs, files, machines, cores,
# memory, I/O.
# 3 tasks without a measured runtime, taken as 0 s: \"1\" \"no\" \"end\"
# 1 tasks whose `children` do not match the `parents` of others, which hold: \"a.b\"
workflow: a_b
description: 'x: ${{ y }} # z'
x-wfformat: {name: a b}

tasks:
  a_b:
    x-wfformat: {id: a.b}
    run: {command: [sleep, '0.75']}
  a_b_2:
    x-wfformat: {id: a b}
    needs: [a_b]
    run: {command: [sleep, '0']}
  t_1:
    x-wfformat: {id: '1'}
    needs: [a_b_2]
    run: {command: [sleep, '0']}
  'no':
    x-wfformat: {id: 'no'}
    run: {command: [sleep, '0']}
  end_:
    x-wfformat: {id: end}
    needs: ['no']
    run: {command: [sleep, '0']}
"
    );
}

#[test]
fn what_has_no_faithful_workflow_is_refused() {
    let task = r#"{"id": "a", "parents": []}"#;
    let assert_refused = |json: &str, scale: f64, expected: &str| {
        let error: ImportError = wfformat(json, scale).unwrap_err();
        assert_eq!(error.to_string(), expected);
    };
    assert_refused("{", 1.0, "the file is not JSON: EOF while parsing an object at line 1 column 1");
    assert_refused("{}", 1.0, "`schemaVersion` is missing, only \"1.5\" is read");
    assert_refused(r#"{"schemaVersion": "1.5"}"#, 1.0, "`/workflow/specification/tasks` is not a list");
    assert_refused(&document(task, ""), f64::NAN, "the scale NaN is not a finite number of at least 0");
    assert_refused(&document(&format!("{task}, {task}"), ""), 1.0, "two tasks have the id `a`");
    assert_refused(
        &document(r#"{"id": "a", "parents": ["b"]}"#, ""),
        1.0,
        "the task `a` has the parent `b`, which does not exist",
    );
    assert_refused(
        &document(task, r#"{"id": "b"}"#),
        1.0,
        "the execution has the task `b`, which the specification has not",
    );
    assert_refused(
        &document(task, r#"{"id": "a", "runtimeInSeconds": -1}"#),
        1.0,
        "the task `a` has a runtime of -1 s",
    );
    assert_refused(
        &document(task, r#"{"id": "a", "runtimeInSeconds": "1"}"#),
        1.0,
        "`/workflow/execution/tasks/0/runtimeInSeconds` is not a number",
    );
    assert_refused(
        &document(r#"{"id": "a", "parents": ["b"]}, {"id": "b", "parents": ["a"]}"#, ""),
        1.0,
        "the imported workflow does not check: dependency cycle between tasks: a -> b -> a",
    );
}
