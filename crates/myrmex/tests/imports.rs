//! `myrmex import --from codomyrmex`: what becomes of files, what is said of the rest, and that what was made checks and runs.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/said.rs"]
mod said;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use said::{Said, Workspace};
use serde_json::{Value, json};

/// The folder of the fixtures.
fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/import")
}

/// Imports fixtures, which are named from their folder, into a workspace.
fn import_fixtures(workspace: &Workspace, words: &[&str]) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_myrmex"));
    command.args(["import", "--from", "codomyrmex"]).args(words).arg("--out").arg(workspace.path());
    let mut said = Said::of(command.current_dir(fixtures()).env("NO_COLOR", "1"));
    said.stderr = said.stderr.replace(workspace.path().to_str().unwrap(), "OUT");
    said
}

/// Imports files of a workspace into it.
fn import(files: &[(&str, &str)], words: &[&str]) -> (Workspace, Said) {
    let workspace = Workspace::with(files);
    let names: Vec<&str> =
        files.iter().map(|(name, _)| *name).filter(|name| name.contains(".json")).collect();
    let all = [&["import", "--from", "codomyrmex", "--out", "."], words, &names[..]].concat();
    let said = workspace.run(&all);
    (workspace, said)
}

/// Imports one file and returns the tasks that it becomes, as they are written; with what was said.
fn tasks(json: &str, words: &[&str]) -> (String, String) {
    let (workspace, said) = import(&[("w.json", json)], words);
    let text = std::fs::read_to_string(workspace.path().join("workflows/w.yaml"));
    let text = text.map(|text| text.split_once("\ntasks:\n").unwrap().1.to_owned());
    (text.unwrap_or_default(), said.stderr)
}

/// Returns the lines of a report that say something about the input.
fn notes(report: &str) -> Vec<&str> {
    report.lines().take_while(|line| !line.is_empty() && !line.starts_with("Imported")).collect()
}

/// Returns the texts of all files below a folder by their paths.
fn texts(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for name in ["actions", "workflows", "."] {
        for entry in std::fs::read_dir(folder.join(name)).into_iter().flatten().map(Result::unwrap) {
            if entry.file_type().unwrap().is_file() {
                let path = format!("{name}/{}", entry.file_name().to_str().unwrap());
                found.insert(path, std::fs::read_to_string(entry.path()).unwrap());
            }
        }
    }
    found
}

#[test]
fn the_corpus_becomes_what_is_checked_in_and_is_reported_whole() {
    let workspace = Workspace::with(&[]);
    let said = import_fixtures(&workspace, &["corpus", "resources.json", "--map", "actions.yaml"]);
    assert_eq!((said.code, said.stdout.as_str()), (0, ""), "{}", said.stderr);
    let mut found = texts(workspace.path());
    found.insert("./report.txt".to_owned(), said.stderr);
    let expected = fixtures().join("expected");
    if std::env::var_os("MYRMEX_BLESS").is_some() {
        for (path, text) in &found {
            std::fs::create_dir_all(expected.join(path).parent().unwrap()).unwrap();
            std::fs::write(expected.join(path), text).unwrap();
        }
    }
    let known = texts(&expected);
    assert_eq!(found.keys().collect::<Vec<_>>(), known.keys().collect::<Vec<_>>());
    for (path, text) in &found {
        assert_eq!(text, &known[path], "{path}");
    }
}

#[test]
fn what_was_imported_checks_and_runs() {
    let workspace = Workspace::with(&[]);
    import_fixtures(&workspace, &["corpus", "--map", "actions.yaml"]);
    let checked = workspace.run(&["check"]);
    assert_eq!(checked.code, 0, "{}", checked.stderr);
    assert_eq!(workspace.run(&["fmt", "--check"]).code, 0);
    for (name, tasks) in [("basic_analysis", 2), ("complex_analysis", 4), ("charts", 2), ("docs", 2)] {
        let (code, summary) = workspace.summary(&[name]);
        assert_eq!(code, 0, "{name}: {summary:#}");
        let own = summary["tasks"].as_object().unwrap();
        assert_eq!(own.keys().filter(|path| !path.contains('/')).count(), tasks, "{name}");
    }
    let (_, summary) = workspace.summary(&["insights"]);
    // What a step gives comes to the next one as the value it is, over an edge that nobody wrote.
    let output = |task: &str| summary["tasks"][task]["output"].clone();
    assert_eq!(output("generate_insights")["given"]["analysis_data"], output("analyze_code"));
    assert_eq!(output("analyze_code"), json!({"given": {"depth": 1, "path": "lib"}}));
    assert_eq!(output("draw_insights"), json!({"drawn": 7, "file": "insights.png"}));
}

#[test]
fn a_workflow_with_an_unmapped_action_fails_before_any_of_its_tasks_begins() {
    let steps = r#"{"name": "w", "steps": [
        {"name": "known", "module": "m", "action": "a"}, {"name": "unknown", "module": "m", "action": "b"}]}"#;
    let map = "actions:\n  m.a: {run: 'touch began'}\n";
    let (workspace, said) = import(&[("w.json", steps), ("map.yaml", map)], &["--map", "map.yaml"]);
    assert_eq!(said.code, 0, "a warning is no error: {}", said.stderr);
    assert!(
        said.stderr.contains("w.json:2:67: warning[W0902]: the action `m.b`, used once, is not mapped"),
        "{}",
        said.stderr
    );
    assert_eq!(workspace.run(&["check"]).code, 0);
    let (code, summary) = workspace.summary(&["w"]);
    assert_eq!((code, &summary["error"]["title"]), (1, &json!("not mapped: m.b")));
    let status = |task: &str| summary["tasks"][task]["status"].clone();
    assert_eq!((status("known"), status("unknown")), (json!("skipped"), json!("skipped")));
    assert!(!workspace.path().join("began").exists());

    // With a map that has it, the files are written anew, and it runs.
    std::fs::write(workspace.path().join("map.yaml"), format!("{map}  m.b: {{set: null}}\n")).unwrap();
    let said =
        workspace.run(&["import", "--from", "codomyrmex", "w.json", "--out", ".", "--map", "map.yaml"]);
    assert!(said.stderr.contains("  replaced  ./workflows/w.yaml\n"), "{}", said.stderr);
    assert_eq!(workspace.run(&["run", "w"]).code, 0);
}

#[test]
fn importing_again_changes_nothing_and_what_somebody_changed_is_left_alone() {
    let workspace = Workspace::with(&[]);
    let words = ["corpus", "--map", "actions.yaml"];
    import_fixtures(&workspace, &words);
    let before = texts(workspace.path());
    let again = import_fixtures(&workspace, &words);
    assert_eq!(again.stderr.matches("  unchanged OUT/").count(), before.len(), "{}", again.stderr);
    assert_eq!(texts(workspace.path()), before);

    let changed = workspace.path().join("workflows/setup.yaml");
    let own = format!("{}# mine\n", before["workflows/setup.yaml"]);
    std::fs::write(&changed, &own).unwrap();
    let kept = import_fixtures(&workspace, &words);
    assert_eq!(kept.code, 0);
    assert!(
        kept.stderr.contains(
            "OUT/workflows/setup.yaml: warning[W0904]: the file was changed since an import wrote it"
        )
    );
    assert!(kept.stderr.contains("  kept      OUT/workflows/setup.yaml\n"), "{}", kept.stderr);
    assert_eq!(std::fs::read_to_string(&changed).unwrap(), own);

    let forced = import_fixtures(&workspace, &[&words[..], &["--force"]].concat());
    assert!(forced.stderr.contains("  replaced  OUT/workflows/setup.yaml\n"), "{}", forced.stderr);
    assert_eq!(texts(workspace.path()), before);
}

#[test]
fn without_a_folder_one_workflow_goes_to_standard_output() {
    let json = r#"{"name": "w", "steps": [{"name": "a", "module": "m", "action": "b"}]}"#;
    let workspace = Workspace::with(&[("w.json", json), ("v.json", &json.replace("\"w\"", "\"v\""))]);
    let said = workspace.run(&["import", "--from", "codomyrmex", "w.json"]);
    assert_eq!(said.code, 0);
    assert!(said.stdout.starts_with("# From codomyrmex: w.json\nworkflow: w\n\ntasks:\n"), "{}", said.stdout);
    assert!(said.stderr.contains("  unwritten workflows/w.yaml\n"), "{}", said.stderr);
    let said = workspace.run(&["import", "--from", "codomyrmex", "."]);
    assert_eq!((said.code, said.stdout.as_str()), (2, ""));
    // The report is said all the same.
    let (report, failure) = said.stderr.split_once("error[X0105]: ").unwrap();
    assert!(report.contains("  unwritten workflows/w.yaml\n"), "{report}");
    assert!(failure.starts_with("2 workflows do not fit on standard output"), "{failure}");
}

#[test]
fn the_report_is_json_too() {
    let bad = "{\"name\": \"w\",\n \"steps\": [{\"name\": \"a\", \"module\": \"m\", \"action\": \"b\", \"timeout\": \"soon\"}]}";
    let workspace = Workspace::with(&[("bad.json", bad), ("torn.json", "{"), ("README.md", "no JSON")]);
    let said = workspace.run(&["import", "--from", "codomyrmex", ".", "--json"]);
    let report: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!((said.code, said.stderr.as_str(), &report["errors"]), (2, "", &json!(2)));
    let notes: Vec<Value> = report["notes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|note| {
            json!([
                note["code"],
                note["severity"],
                note["file"],
                note["line"],
                note["column"],
                note["message"]
            ])
        })
        .collect();
    let timeout = "`timeout` must be a number of seconds, at least 0, this is text";
    let torn = "the file is not JSON: here should be a key in quotes";
    assert_eq!(
        notes,
        [
            json!(["E0902", "error", "./bad.json", 2, 67, timeout]),
            json!(["E0901", "error", "./torn.json", 1, 2, torn]),
        ]
    );
    assert_eq!((&report["read"]["files"], &report["files"]), (&json!(2), &json!([])));
}

#[test]
fn one_bad_file_does_not_stop_the_others() {
    let good = r#"{"name": "good", "steps": [{"name": "a", "module": "m", "action": "b"}]}"#;
    let (workspace, said) = import(&[("bad.json", "[1, 2"), ("good.json", good)], &[]);
    assert_eq!(said.code, 2);
    assert!(workspace.path().join("workflows/good.yaml").exists(), "{}", said.stderr);
}

#[test]
fn workflows_that_differ_under_one_name_are_both_left_out() {
    let one = r#"{"name": "w", "steps": [{"name": "a", "module": "m", "action": "b"}]}"#;
    let (workspace, said) = import(&[("one.json", one), ("two.json", &one.replace("\"b\"", "\"c\""))], &[]);
    assert_eq!((said.code, workspace.path().join("workflows").exists()), (2, false));
    assert_eq!(
        notes(&said.stderr),
        [
            "two.json:1:1: error[E0905]: the workflow `w` differs from that in `one.json`: neither is written",
            "  hint: give one of them another `name`",
        ]
    );
}

#[test]
fn the_dialects_differ_in_defaults_and_in_numbers_of_priorities() {
    let step = r#"{"name": "w", "steps": [{"name": "a", "module": "m", "action": "b", "timeout": 1.5}]}"#;
    assert!(tasks(step, &[]).0.contains("    timeout: 1500ms\n    retry: {attempts: 4, delay: 0s}\n"));
    assert!(tasks(step, &["--dialect", "1.x"]).0.contains("    retry: {attempts: 1, delay: 0s}\n"));

    let list =
        |priority: &str| format!(r#"[{{"id": "1", "module": "m", "action": "b", "priority": {priority}}}]"#);
    let (text, report) = tasks(&list("1"), &[]);
    assert_eq!(text, "");
    assert!(
        report.contains("error[E0906]: the priority 1 means different things in the dialects"),
        "{report}"
    );
    assert!(tasks(&list("1"), &["--dialect", "0.1"]).0.contains("    priority: low\n"));
    assert!(tasks(&list("1"), &["--dialect", "1.x"]).0.contains("    priority: high\n"));
    assert!(tasks(&list("\"Critical\""), &[]).0.contains("    priority: critical\n"));
    assert!(tasks(&list("\"urgent\""), &[]).1.contains("error[E0906]: `urgent` is no priority"));
}

#[test]
fn what_a_step_says_is_kept_or_reported() {
    let json = r#"{"name": "w", "author": "me", "steps": [
  {"name": "first step", "module": "m", "action": "a", "parameters": {"n": 1, "on": [true, null, "{{who}}"]},
   "timeout": 0, "retry_count": 2, "run_if": "x > 1", "required": true, "colour": "red"},
  {"name": "b", "module": "m", "action": "b", "parameters": {"text": "${{{who}} and {{first step.metadata.f}}"},
   "timeout": 30, "max_retries": 0}]}"#;
    let (text, report) = tasks(json, &[]);
    assert_eq!(
        notes(&report),
        [
            "w.json:1:15: warning[W0901]: `author` beside the steps has no equal and is left out",
            "w.json:2:12: note[N0901]: the step `first step` becomes `first_step`, as it is no name here",
            "w.json:2:12: warning[W0902]: the action `m.a`, used once, is not mapped: workflows with it fail at their start",
            "  hint: write `m.a: {run: …}` under `actions:` of a map, and give it with `--map`",
            "w.json:3:15: note[N0901]: `timeout` of 0 is left out: codomyrmex takes it for none",
            "w.json:3:18: note[N0901]: `retry_count` is left out: it is what an execution left",
            "w.json:3:46: warning[W0901]: `run_if: x > 1` is left out: codomyrmex never asks it, and nothing says how it is to be read",
            "w.json:3:55: note[N0901]: `required` of a step is left out: codomyrmex never reads it",
            "w.json:3:73: warning[W0901]: `colour` of a step has no equal and is left out",
            "w.json:4:12: warning[W0902]: the action `m.b`, used once, is not mapped: workflows with it fail at their start",
            "  hint: write `m.b: {run: …}` under `actions:` of a map, and give it with `--map`",
            "w.json:4:70: warning[W0903]: `{{first step.metadata.f}}` stands in the guides only: it becomes a field of the output",
        ]
    );
    let expected = "
  unmapped_actions:
    use: codomyrmex/unmapped_actions@1  # nothing begins before every action is mapped
    with: {actions: [m.a, m.b]}
  first_step:
    x-codomyrmex: {name: first step}
    needs: [unmapped_actions]
    use: codomyrmex/m-a@1
    with: {n: 1, 'on': [true, null, '${{ inputs.who }}']}
    retry: {attempts: 4, delay: 0s}
  b:
    needs: [first_step]  # inferred from references
    use: codomyrmex/m-b@1
    with: {text: '${${{ inputs.who }} and ${{ tasks.first_step.output.metadata.f }}'}
    timeout: 30s
    retry: {attempts: 1, delay: 0s}
";
    assert_eq!(format!("\n{text}"), expected);
}

#[test]
fn references_that_mean_nothing_refuse_the_workflow() {
    let refused = |reference: &str| {
        let json = format!(
            r#"{{"name": "w", "steps": [{{"name": "load", "module": "m", "action": "a", "parameters": {{"x": "{reference}"}}}}]}}"#
        );
        let (text, report) = tasks(&json, &[]);
        assert_eq!(text, "");
        notes(&report).join("\n")
    };
    assert_eq!(
        refused("{{laod.output}}"),
        "w.json:1:92: error[E0904]: `{{laod.output}}` refers to the step `laod`, which does not exist\n  hint: did you mean `load`?"
    );
    assert_eq!(
        refused("{{load.output}}"),
        "w.json:1:92: error[E0903]: the step `load` refers to its own output"
    );
}

#[test]
fn complex_and_parallel_workflows_have_their_edges_in_a_map() {
    let complex = r#"{"name": "w", "steps": [{"name": "b", "module": "m", "action": "a"}, {"name": "a", "module": "m", "action": "a"}],
 "dependencies": {"b": ["a"]}, "parallel_groups": [["a"]]}"#;
    let (text, report) = tasks(complex, &[]);
    assert!(text.contains("  b:\n    needs: [a]\n"), "{text}");
    assert!(report.contains("note[N0901]: `parallel_groups` is left out"), "{report}");

    let parallel = r#"{"tasks": [{"name": "a", "module": "m", "action": "a", "dependencies": []},
 {"name": "b", "module": "m", "action": "a", "dependencies": []}, {"name": "c", "module": "m", "action": "a", "dependencies": ["b"]}],
 "dependencies": {"c": ["a"]}, "max_parallel": 2}"#;
    let (workspace, said) = import(&[("w.json", parallel)], &[]);
    let text = std::fs::read_to_string(workspace.path().join("workflows/w.yaml")).unwrap();
    assert!(
        text.contains("workflow: w\nmax_parallel: 2\n") && text.contains("  c:\n    needs: [b, a]\n"),
        "{text}"
    );
    assert!(
        said.stderr.contains("w.json:2:127: warning[W0903]: `c` depends on other steps than the map `dependencies` says: both hold"),
        "{}",
        said.stderr
    );
}

#[test]
fn a_list_of_tasks_becomes_one_workflow() {
    let json = r#"[
  {"id": "7f", "name": "", "module": "m", "action": "load", "status": "Completed", "result": {"x": 1}},
  {"id": "8a", "name": "draw", "description": "Draws", "module": "m", "action": "draw", "dependencies": ["7f"], "priority": "HIGH",
   "retry_delay": 2.5, "max_retries": 1, "tags": ["nightly"], "metadata": {},
   "resources": [{"type": "gpu", "identifier": "card", "mode": "exclusive", "timeout": 5}, {"identifier": "net"}]}]"#;
    let map = "actions:\n  m.load: {set: {x: 1}}\n  m.draw: {set: null}\n";
    let (workspace, said) = import(&[("w.json", json), ("map.yaml", map)], &["--map", "map.yaml"]);
    let text = std::fs::read_to_string(workspace.path().join("workflows/w.yaml")).unwrap();
    let expected = "
tasks:
  m_load:
    use: codomyrmex/m-load@1
    retry: {attempts: 4, delay: 1s, backoff: constant}
  draw:
    description: Draws
    x-tags: [nightly]
    needs: [m_load]
    use: codomyrmex/m-draw@1
    priority: high
    lock: card
    retry: {attempts: 2, delay: 2500ms, backoff: constant}
";
    assert!(text.ends_with(expected), "{text}");
    assert_eq!(
        notes(&said.stderr),
        [
            "w.json:2:71: note[N0901]: `status: Completed` (succeeded) is left out: it is what an execution left",
            "w.json:2:84: note[N0901]: `result` is left out: it is what an execution left",
            "w.json:4:63: note[N0901]: `metadata` is left out: it is what an execution left",
            "w.json:5:18: warning[W0903]: `card` becomes a `lock`: one at a time has it, however many would share it",
            "w.json:5:19: warning[W0901]: `type` of a resource has no equal and is left out",
            "w.json:5:77: warning[W0901]: `timeout` of a resource has no equal yet and is left out",
            "w.json:5:92: warning[W0901]: the share of `net` is left out: what many may read at a time has no equal yet",
        ]
    );
    assert_eq!(workspace.run(&["run", "w"]).code, 0);
}

#[test]
fn what_has_no_equal_yet_is_named_key_by_key() {
    let template = "{\"name\": \"t\", \"type\": \"research\",\n \"directory_structure\": [\"src/\"]}";
    let project = "{\"name\": \"p\", \"status\": \"lost\",\n \"path\": \"/x\"}";
    let session = "{\"session_id\": \"s\", \"mode\": \"priority\"}";
    let record = "{\"workflow_name\": \"w\", \"status\": \"completed\"}";
    let (workspace, said) = import(
        &[
            ("a.json", template),
            ("b.json", project),
            ("c.json", session),
            ("d.json", record),
            ("e.json", "{\"what\": 1}"),
        ],
        &[],
    );
    assert_eq!((said.code, texts(workspace.path()).len()), (2, 5), "nothing is written");
    assert_eq!(
        notes(&said.stderr),
        [
            "a.json:1:1: warning[W0901]: a project template `t` has no equal yet: nothing of it is written",
            "a.json:1:2: warning[W0901]: `name` of a project template has no equal yet and is left out",
            "a.json:1:15: warning[W0901]: `type` of a project template has no equal yet and is left out",
            "a.json:2:2: warning[W0901]: `directory_structure` of a project template has no equal yet and is left out",
            "b.json:1:1: warning[W0901]: a project `p` has no equal yet: nothing of it is written",
            "b.json:1:2: warning[W0901]: `name` of a project has no equal yet and is left out",
            "b.json:1:15: warning[W0901]: `status` of a project has no equal yet and is left out",
            "b.json:1:25: error[E0906]: `lost` is no state of a project",
            "b.json:2:2: warning[W0901]: `path` of a project has no equal yet and is left out",
            "c.json:1:1: warning[W0901]: a session or the settings of an engine has no equal yet: nothing of it is written",
            "c.json:1:2: warning[W0901]: `session_id` of a session or the settings of an engine has no equal yet and is left out",
            "c.json:1:21: warning[W0901]: `mode` of a session or the settings of an engine has no equal yet and is left out",
            "d.json:1:1: note[N0901]: what an execution left is not imported: the file is passed over",
            "e.json:1:1: warning[W0901]: the file is of no shape that is known: it is passed over",
        ]
    );
}

#[test]
fn a_function_of_python_is_called_with_what_is_given_and_gives_what_it_returns() {
    let steps = r#"{"name": "w", "steps": [
        {"name": "a", "module": "m", "action": "list", "parameters": {"n": 2, "word": "x"}},
        {"name": "b", "module": "m", "action": "list", "parameters": {"n": 1}},
        {"name": "c", "module": "m", "action": "again", "parameters": {"given": "{{a.output}}", "none": null}}]}"#;
    let map = "actions:\n  m.list: {python: 'own:make.many'}\n  m.again: {python: 'own:again'}\n";
    let own = "class make:\n    def many(n, word='default'): return [word] * n\ndef again(given, none): return [given, none]\n";
    let (workspace, said) =
        import(&[("w.json", steps), ("map.yaml", map), ("own.py", own)], &["--map", "map.yaml"]);
    assert_eq!((said.code, notes(&said.stderr).len()), (0, 0), "{}", said.stderr);
    if Command::new("python3").arg("--version").output().is_err() {
        // Without an interpreter there is nothing to call.
        return;
    }
    let (code, summary) = workspace.summary(&["w"]);
    assert_eq!(code, 0, "{summary:#}");
    let output = |task: &str| summary["tasks"][task]["output"].clone();
    assert_eq!((output("a"), output("b")), (json!(["x", "x"]), json!(["default"])));
    assert_eq!(output("c"), json!([["x", "x"], null]));
}

#[test]
fn a_map_that_cannot_be_is_reported_at_its_place() {
    let steps = r#"{"name": "w", "steps": [{"name": "a", "module": "m", "action": "a"}]}"#;
    let map = "actions:\n  m.a: {run: 'echo ${{ inputs.x }}'}\n  m.b: {set: 1}\n  plain: {set: 1}\nmore: 1\n";
    let (_, said) = import(&[("w.json", steps), ("map.yaml", map)], &["--map", "map.yaml"]);
    assert_eq!(said.code, 2);
    assert_eq!(
        notes(&said.stderr),
        [
            "map.yaml:2:3: warning[W0902]: the task for `m.a` does not check, so the action counts as not mapped: an expression \
             in the text of `run`: give it by `env`",
            "map.yaml:3:3: note[N0901]: no step uses the action `m.b`",
            "map.yaml:4:3: error[E0902]: `plain` must name an action as `MODULE.ACTION`, with a task behind it",
            "map.yaml:5:1: error[E0902]: `more` has no meaning in a map: it holds `actions`",
        ]
    );
}

#[test]
fn records_of_executions_go_the_same_way() {
    let (workspace, said) = {
        let workspace = Workspace::with(&[("w.json", "{\"schemaVersion\": \"1.4\"}")]);
        let said = workspace.run(&["import", "--from", "wfformat", "w.json", "--out", "."]);
        (workspace, said)
    };
    assert_eq!((said.code, workspace.path().join("workflows").exists()), (2, false));
    assert_eq!(
        notes(&said.stderr),
        ["w.json:1:1: error[E0902]: `schemaVersion` is \"1.4\", only \"1.5\" is read"]
    );
}

#[test]
fn what_no_import_wrote_is_never_overwritten() {
    let resources = r#"{"resources": {"net": {"id": "net", "type": "network", "capacity": {"mbps": 5}}}}"#;
    let own = "pools: {mine: 1}\n";
    let files = [("resources.json", resources), ("myrmex.yaml", own)];
    for words in [&[][..], &["--force"]] {
        let (workspace, said) = import(&files, words);
        assert_eq!(said.code, 0, "{}", said.stderr);
        assert!(
            said.stderr.contains("./myrmex.yaml: warning[W0904]: no import wrote the file"),
            "{}",
            said.stderr
        );
        assert!(said.stderr.contains("  kept      ./myrmex.yaml\n"), "{}", said.stderr);
        assert_eq!(std::fs::read_to_string(workspace.path().join("myrmex.yaml")).unwrap(), own);
    }
}

#[test]
fn what_cannot_be_written_is_reported_and_stops_no_other_file() {
    let json = r#"{"name": "a", "steps": [{"name": "s", "module": "m", "action": "b"}]}"#;
    let workspace = Workspace::with(&[("a.json", json), ("b.json", &json.replace("\"a\"", "\"b\""))]);
    // A folder stands where a file belongs.
    std::fs::create_dir_all(workspace.path().join("out/workflows/a.yaml")).unwrap();
    let said = workspace.run(&["import", "--from", "codomyrmex", "a.json", "b.json", "--out", "out"]);
    assert_eq!(said.code, 2);
    assert!(
        said.stderr.contains("out/workflows/a.yaml: error[E0908]: the file in its place"),
        "{}",
        said.stderr
    );
    assert!(said.stderr.contains("      1 error\n"), "{}", said.stderr);
    assert!(said.stderr.contains("  failed    out/workflows/a.yaml\n"), "{}", said.stderr);
    assert!(said.stderr.contains("  new       out/workflows/b.yaml\n"), "{}", said.stderr);
    assert!(workspace.path().join("out/workflows/b.yaml").is_file());

    // A file stands where a folder belongs.
    let said = workspace.run(&["import", "--from", "codomyrmex", "a.json", "--out", "b.json"]);
    assert_eq!((said.code, said.stderr.matches("error[E0908]").count()), (2, 2), "{}", said.stderr);
}

#[test]
fn folders_that_are_not_looked_into_are_named() {
    let json = r#"{"name": "w", "steps": [{"name": "s", "module": "m", "action": "b"}]}"#;
    let workspace = Workspace::with(&[("w.json", json)]);
    let deep = workspace.path().join("d/".repeat(34));
    std::fs::create_dir_all(&deep).unwrap();
    std::fs::write(deep.join("v.json"), json).unwrap();
    let said = workspace.run(&["import", "--from", "codomyrmex", "."]);
    let expected = format!(
        ".{}: error[E0901]: the folder lies more than 32 folders deep: it is not looked into",
        "/d".repeat(33)
    );
    assert_eq!((said.code, notes(&said.stderr)[0]), (2, expected.as_str()));
    assert!(said.stdout.contains("workflow: w\n"), "the others are read: {}", said.stderr);
}

#[test]
#[cfg(unix)]
fn a_folder_that_cannot_be_read_is_named() {
    use std::os::unix::fs::PermissionsExt;

    let workspace = Workspace::with(&[("w.json", "{\"steps\": []}")]);
    let locked = workspace.path().join("locked");
    std::fs::create_dir(&locked).unwrap();
    std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::read_dir(&locked).is_ok() {
        // Whoever may read everything cannot see this.
        return;
    }
    let said = workspace.run(&["import", "--from", "codomyrmex", "."]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("./locked: error[E0901]: the folder cannot be read: "), "{}", said.stderr);
}

#[test]
fn names_that_would_move_the_cursor_are_written_out() {
    let json = "{\"name\": \"w\", \"a\\u001b[31m\\u202e\\nb\": 1, \"steps\": [{\"name\": \"s\", \"module\": \"m\", \"action\": \"b\"}]}";
    let report = tasks(json, &[]).1;
    assert!(report.contains(r"`a\u{1b}[31m\u{202e}\nb` beside the steps"), "{report}");
}

#[test]
fn many_notes_in_one_long_line_are_placed_at_once() {
    // One line of 4 MB, with as many notes as are kept: counting from its start for each would take minutes.
    let name = "é".repeat(150);
    let fields: Vec<String> = (0..12_000).map(|index| format!(", \"{name}{index}\": 1")).collect();
    let fields = fields.concat();
    let json =
        format!(r#"{{"name": "w", "steps": [{{"name": "s", "module": "m", "action": "b"{fields}}}]}}"#);
    let workspace = Workspace::with(&[("w.json", &json)]);
    let said = workspace.run(&["import", "--from", "codomyrmex", "w.json"]);
    assert_eq!(said.code, 0);
    assert!(said.stderr.contains("and 2001 more of severity `warning`\n"));
    assert!(said.stderr.contains("  12001 warnings\n"));
}
