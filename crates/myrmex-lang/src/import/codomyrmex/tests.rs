//! What an import must not lose, misread, or take for ever to read.

use myrmex_model::diagnostic::Severity;

use crate::Source;
use crate::import::{Format, Imported, NOTES_MAX, Options, import};

/// Imports one file, perhaps with a map.
fn imported(json: &str, map: Option<&str>) -> Imported {
    let map = map.map(|map| Source::new("map.yaml", map));
    import(Format::Codomyrmex, &[Source::new("w.json", json)], &Options { map, ..Options::default() })
}

/// Returns what is said, each with its severity and the text that it is about, but for actions that are not mapped.
fn said(json: &str) -> Vec<String> {
    let notes = imported(json, None).notes.into_iter().filter(|note| note.code.0 != "W0902");
    notes
        .map(|note| {
            let about: String = json[note.span.start..note.span.end].chars().take(20).collect();
            format!("{} {about}: {}", note.code, note.message)
        })
        .collect()
}

/// Returns the text of the workflow, or of the library of actions, that a file becomes; nothing if it is refused.
fn written(json: &str, map: Option<&str>, folder: &str) -> String {
    let files = imported(json, map).files.into_iter();
    files.filter(|file| file.path.starts_with(folder)).map(|file| file.body).collect()
}

/// Returns a list of one task with more fields.
fn task(fields: &str) -> String {
    format!(r#"[{{"id": "1", "name": "t", "module": "m", "action": "a"{fields}}}]"#)
}

#[test]
fn resources_of_tasks_are_kept_or_reported_key_by_key() {
    let json = task(
        r#", "resources": ["gpu", {"identifier": "card", "type": "gpu", "mode": "write", "colour": 1, "timeout": null}]"#,
    );
    let card = "{\"identifier\": \"card";
    assert_eq!(
        said(&json),
        [
            "E0902 \"gpu\": a resource of a task must be a map, this is text".to_owned(),
            format!(
                "W0903 {card}: `card` becomes a `lock`: one at a time has it, however many would share it"
            ),
            "W0901 \"type\": `type` of a resource has no equal and is left out".to_owned(),
            "W0901 \"colour\": `colour` of a resource has no equal and is left out".to_owned(),
        ]
    );
    assert_eq!(said(&task(r#", "resources": [{"mode": "read"}]"#)).len(), 1);
    assert_eq!(
        said(&task(r#", "resources": [{"identifier": 5, "mode": "read"}]"#)),
        ["E0902 5: `identifier` must be text, this is a number"]
    );
    // That of the package: an id, or else a type, and an amount.
    let json = task(r#", "resources": [{"resource_type": "gpu", "amount": 2.0, "resource_id": null}]"#);
    assert_eq!(
        said(&json)[1..],
        ["W0901 \"amount\": `amount` of a resource has no equal yet and is left out"]
    );
}

#[test]
fn the_name_of_a_lock_is_no_expression() {
    let json = task(r#", "resources": [{"identifier": "${{ inputs.x }}", "mode": "exclusive"}]"#);
    let text = written(&json, None, "workflows");
    assert!(text.contains("    lock: $${{ inputs.x }}\n"), "{text}");
}

#[test]
fn fields_of_tasks_that_hold_what_they_cannot_are_errors() {
    for (fields, expected) in [
        (
            r#", "priority": ["high"]"#,
            "E0902 [\"high\"]: `priority` must be a word or a number, this is a list",
        ),
        (r#", "priority": {}"#, "E0902 {}: `priority` must be a word or a number, this is a map"),
        (r#", "priority": true"#, "E0902 true: `priority` must be a word or a number, this is a boolean"),
    ] {
        assert_eq!(said(&task(fields)), [expected]);
    }
    let odd = |id: &str, name: &str| {
        said(&format!(r#"[{{"id": {id}, "name": {name}, "module": "m", "action": "a"}}]"#))
    };
    assert_eq!(odd("7", "\"t\""), ["E0902 7: `id` must be text, this is a number"]);
    assert_eq!(odd("\"\"", "\"t\""), ["E0902 \"\": the `id` of a task is empty"]);
    assert_eq!(odd("\"7\"", "[\"t\"]"), ["E0902 [\"t\"]: `name` must be text, this is a list"]);
    assert_eq!(odd("\"7\"", "null"), [""; 0]);
}

#[test]
fn a_map_keeps_all_of_run_and_refuses_what_it_would_lose() {
    let steps =
        r#"{"name": "w", "steps": [{"name": "s", "module": "m", "action": "a", "parameters": {"n": 1}}]}"#;
    let problem = |task: &str| {
        let map = format!("actions:\n  m.a: {task}\n");
        let notes = imported(steps, Some(&map)).notes;
        notes.into_iter().map(|note| note.message).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(problem("{run: {command: [echo]}}"), "");
    let library = written(steps, Some("actions:\n  m.a: {run: {command: [echo, hi]}}\n"), "actions");
    assert!(library.contains("\"$@\""), "{library}");
    for lost in ["script: echo", "interpreter: python3", "comand: [echo]"] {
        let problem = problem(&format!("{{run: {{command: [echo], {lost}}}}}"));
        assert!(problem.contains("the task for `m.a` does not check"), "{lost}: {problem}");
    }
    let problem_of_inputs = problem("{inputs: [n], set: 1}");
    assert!(problem_of_inputs.ends_with("not mapped: `inputs` must be a map"), "{problem_of_inputs}");
    let problem_of_try = problem("{python: 'a:b', try: [{name: x, set: 1}]}");
    assert!(problem_of_try.contains("`python` becomes a `try`"), "{problem_of_try}");
}

#[test]
fn a_reference_to_a_name_that_two_tasks_have_is_refused() {
    let json = |reference: &str| {
        format!(
            r#"[{{"id": "1", "name": "load", "module": "m", "action": "a"}},
                {{"id": "2", "name": "load", "module": "m", "action": "a"}},
                {{"id": "3", "name": "draw", "module": "m", "action": "a", "parameters": {{"x": "{reference}"}}}}]"#
        )
    };
    let found = said(&json("{{load.output}}"));
    let expected = "`{{load.output}}` refers to the name `load`, which more than one task has";
    assert!(found.iter().any(|said| said.starts_with("E0904 ") && said.ends_with(expected)), "{found:?}");
    assert!(written(&json("plain"), None, "workflows").contains("load_2:"));
}

#[test]
fn what_has_steps_is_a_workflow_whatever_stands_beside_them() {
    for key in ["max_workers", "session_id", "execution_id", "step_results"] {
        let json = format!(
            r#"{{"name": "w", "{key}": 4, "steps": [{{"name": "s", "module": "m", "action": "a"}}]}}"#
        );
        let about: String = format!("\"{key}\"").chars().take(20).collect();
        assert_eq!(
            said(&json),
            [format!("W0901 {about}: `{key}` beside the steps has no equal and is left out")]
        );
        assert!(written(&json, None, "workflows").contains("workflow: w\n"), "{key}");
    }
    let parallel =
        r#"{"tasks": [{"name": "s", "module": "m", "action": "a"}], "dependencies": {}, "max_workers": 4}"#;
    assert!(written(parallel, None, "workflows").contains("workflow: w\n"));
    // What an execution left has results, and no list of steps.
    assert_eq!(said(r#"{"execution_id": "1", "steps": 3}"#).len(), 1);
}

#[test]
fn one_bad_task_among_good_ones_is_named() {
    let good = r#"{"id": "1", "module": "m", "action": "a"}"#;
    assert_eq!(
        said(&format!(r#"[{good}, {{"id": "2", "module": "m"}}, "x", {{"module": "m", "action": "a"}}]"#)),
        [
            "E0902 \"2\": the step `m_` has no `action`",
            "E0902 \"x\": a task must be a map, this is text",
            "E0902 {\"module\": \"m\", \"act: a task has no `id`",
        ]
    );
    assert_eq!(said("[1, 2]").len(), 1, "what has no task is no list of tasks");
}

#[test]
fn fields_that_an_execution_left_empty_are_not_noted() {
    assert_eq!(said(&task(r#", "started_at": null, "result": null, "error": null"#)), [""; 0]);
}

#[test]
fn a_result_of_no_step_is_named() {
    let json = r#"{"name": "w", "steps": [{"name": "s", "module": "m", "action": "a", "parameters": {"x": "${b.result}"}}]}"#;
    assert_eq!(said(json), ["W0901 \"${b.result}\": `${b.result}` names no step: it stays as it is written"]);
}

#[test]
fn more_notes_than_anybody_reads_are_counted() {
    let fields: Vec<String> = (0..NOTES_MAX + 7).map(|index| format!(", \"k{index}\": 1")).collect();
    let found = imported(&task(&fields.concat()), None);
    let warnings = found.notes.iter().filter(|note| note.severity == Severity::Warning).count();
    // The last warning is that of the action, which is not mapped.
    assert_eq!((warnings, found.more[&Severity::Warning]), (NOTES_MAX, 8));
    assert!(!found.has_errors());
}

#[test]
fn many_wrong_names_and_references_take_no_quadratic_time() {
    let steps: Vec<String> = (0..10_000)
        .map(|index| {
            let other = (index + 1) % 10_000;
            let text = format!("{{{{name{other}.output}}}} {{{{nome{index}.output}}}}");
            format!(
                r#"{{"name": "name{index}", "module": "m", "action": "a", "dependencies": ["nime{index}"], "parameters": {{"x": "{text}"}}}}"#
            )
        })
        .collect();
    let found = imported(&format!(r#"{{"name": "w", "steps": [{}]}}"#, steps.join(", ")), None);
    assert_eq!((found.files.len(), found.more[&Severity::Error]), (0, 10_000));
    assert_eq!(found.notes[0].hint.as_deref(), Some("did you mean `name0`?"));
    let plain =
        found.notes.iter().filter(|note| note.hint.as_deref() == Some("remove the dependency")).count();
    assert!(plain > 4_000, "most names are compared with none: {plain}");
}
