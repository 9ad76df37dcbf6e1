//! Extreme but legal files: `check` refuses each at a place, or the binary runs it. None leaves a store that looks damaged.

use std::path::PathBuf;
use std::process::{Command, Output};

/// Puts `inner` between `times` of `open` and of `close`.
fn nested(open: &str, inner: &str, close: &str, times: usize) -> String {
    format!("{}{inner}{}", open.repeat(times), close.repeat(times))
}

fn listed(count: usize, one: impl Fn(usize) -> String) -> String {
    (0..count).map(one).collect::<Vec<_>>().join(", ")
}

/// Names, bodies, and the actions in the library `lib`.
#[expect(clippy::too_many_lines, reason = "a table")]
fn table() -> Vec<(&'static str, String, String)> {
    let long = "n".repeat(64);
    let key = "k".repeat(5_000);
    let task = |text: &str| format!("tasks: {{a: {text}}}");
    let none = String::new;
    let wide = listed(3_000, |index| format!("t{index}: {{set: {{a: 1}}}}"));
    let declared =
        |schema: String| task(&format!("{{run: echo 'x={{}}' >> $MYRMEX_OUTPUT, outputs: {{x: {schema}}}}}"));
    let deep =
        |times, expression: &str| task(&format!("{{set: {{v: {}}}}}", nested("[", expression, "]", times)));
    let blocks =
        |times, name: &str| task(&nested(&format!("{{tasks: {{{name}: "), "{run: echo x}", "}}", times));
    let using = task("{use: lib/l@1, finally: {run: echo x}}");
    vec![
        (
            "a namesake of a handler",
            task("{use: lib/finally@1, finally: {run: echo x}}"),
            "{finally: {version: 1.0.0, run: echo x}}".into(),
        ),
        ("a deep schema", declared(nested("{type: object, properties: {x: ", "{}", "}}", 34)), none()),
        ("a deep schema that fits", declared(nested("{additionalProperties: ", "{}", "}", 23)), none()),
        ("a schema of alternatives", declared(nested("{anyOf: [", "{}", "]}", 45)), none()),
        ("a deep constant", declared(format!("{{enum: [{}]}}", nested("[", "1", "]", 60))), none()),
        ("a deep value", deep(94, "1"), none()),
        ("a deep value with an expression", deep(94, "'${{ run.id }}'"), none()),
        (
            "aliases in each other",
            format!("x-a: &a {}\n{}", nested("[", "1", "]", 95), deep(60, "*a")),
            none(),
        ),
        (
            "a deep default",
            format!(
                "inputs: {{x: {{default: {}}}}}\n{}",
                nested("[", "1", "]", 95),
                task("{set: '${{ inputs.x }}'}")
            ),
            none(),
        ),
        (
            "a deep input of an action",
            task(&format!("{{use: lib/l@1, with: {{x: {}}}}}", nested("[", "1", "]", 93))),
            format!(
                "{{l: {{version: 1.0.0, inputs: {{x: {{}}, y: {{default: {}}}}}, set: '${{{{ inputs }}}}'}}}}",
                nested("[", "1", "]", 90)
            ),
        ),
        ("blocks in blocks", blocks(45, "b"), none()),
        ("long names in each other", blocks(45, &long), none()),
        ("items in items", task(&nested("{for_each: 1, tasks: {b: ", "{run: echo x}", "}}", 40)), none()),
        (
            "a long key",
            format!(
                "inputs: {{m: {{default: {{? '{key}' : 1}}}}}}\n{}",
                task("{for_each: '${{ inputs.m }}', set: {v: '${{ key }}'}}")
            ),
            none(),
        ),
        (
            "odd keys",
            task(r#"{for_each: {"a/b[0].\u0000\n]": 1, "": 2, "..": 3}, set: {v: '${{ key }}'}}"#),
            none(),
        ),
        ("handlers of handlers", task(&nested("{run: echo x, finally: ", "{run: echo x}", "}", 40)), none()),
        ("catches in catches", task(&nested("{try: ", "{fail: x}", ", catch: {set: {v: 1}}}", 40)), none()),
        (
            "actions in actions",
            using,
            "{l: {version: 1.0.0, do: [{x: {use: lib/m@1}}]}, m: {version: 1.0.0, run: echo x}}".into(),
        ),
        ("many tasks", format!("tasks: {{{wide}}}"), none()),
        (
            "many cases",
            format!(
                "do: [{{s: {{switch: [{}, {{else: t}}]}}}}, {{t: {{set: {{a: 1}}}}}}]",
                listed(1_000, |index| format!("{{if: run.attempt > {}, then: t}}", index + 1))
            ),
            none(),
        ),
        (
            "many variables of an action",
            task(&format!(
                "{{use: lib/l@1, env: {{{}}}}}",
                listed(1_000, |index| format!("A{index}: '${{{{ run.id }}}} x'"))
            )),
            "{l: {version: 1.0.0, run: echo x}}".into(),
        ),
        (
            "many outputs",
            task(&format!(
                "{{set: {{{}}}, outputs: {{{}}}}}",
                listed(2_000, |index| format!("o{index}: 1")),
                listed(2_000, |index| format!("o{index}: {{type: integer}}"))
            )),
            none(),
        ),
        ("a large literal", task(&format!("{{set: {{v: '{}'}}}}", "x".repeat(900_000))), none()),
        ("a large script", task(&format!("{{run: '#{}'}}", "x".repeat(900_000))), none()),
        (
            "a large argument",
            task(&format!("{{run: {{command: [echo, '{}']}}}}", "x".repeat(300_000))),
            none(),
        ),
        (
            "a long expression",
            task(&format!("{{set: {{v: '${{{{ {} }}}}'}}}}", nested("1+", "1", "", 2_000))),
            none(),
        ),
        (
            "a deep expression",
            task(&format!("{{if: {}, run: echo x}}", nested("not ", "true", "", 900))),
            none(),
        ),
        (
            "large numbers",
            format!(
                "inputs: {{x: {{type: integer, default: 18446744073709551615}}}}\n{}",
                task("{set: {v: '${{ inputs.x }}', w: 1e308}}")
            ),
            none(),
        ),
        ("NUL in a script", task(r#"{run: "echo \0"}"#), none()),
        (
            "a long version",
            format!("version: 1.0.0-{}\n{}", "a".repeat(100_000), task("{set: {v: '${{ run.version }}'}}")),
            none(),
        ),
    ]
}

fn myrmex(folder: &PathBuf, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_myrmex"));
    let Output { status, stdout, stderr } = command
        .args(arguments)
        .current_dir(folder)
        .env("HOME", folder)
        .env("XDG_DATA_HOME", folder)
        .output()
        .expect("the binary starts");
    (status.code(), String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr))
}

#[test]
fn what_check_accepts_can_be_run() {
    let all = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("extremes");
    drop(std::fs::remove_dir_all(&all));
    for (place, (name, body, actions)) in table().into_iter().enumerate() {
        let folder = all.join(place.to_string());
        std::fs::create_dir_all(folder.join("actions")).unwrap();
        std::fs::write(folder.join("w.yaml"), format!("workflow: w\n{body}\n")).unwrap();
        if !actions.is_empty() {
            std::fs::write(folder.join("actions/lib.yaml"), format!("actions: {actions}\n")).unwrap();
        }
        let (checked, said) = myrmex(&folder, &["check", "w.yaml"]);
        let is_refused = said.contains("error[E") && said.contains("--> w.yaml:") && !said.contains("E0801");
        let shown: String = said.chars().take(400).collect();
        assert!(checked == Some(0) || checked == Some(2) && is_refused, "{name}: {checked:?} {shown}");
        if checked == Some(0) {
            let (ended, said) = myrmex(&folder, &["run", "w.yaml"]);
            let shown: String = said.chars().rev().take(400).collect::<Vec<_>>().into_iter().rev().collect();
            assert!(matches!(ended, Some(0 | 1)), "{name}: {ended:?} {shown}");
        }
    }
}
