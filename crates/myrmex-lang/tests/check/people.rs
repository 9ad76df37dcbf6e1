//! What waits for people and for messages: what it is made of, and what is wrong with it.

use super::nodes::body;
use super::{check, definition, problems};

/// Describes the tasks of a workflow.
fn lowered(tasks: &str) -> Vec<String> {
    let definition = definition(&format!("tasks:\n{tasks}"));
    definition
        .nodes
        .iter()
        .skip(1)
        .map(|node| format!("{}: {}", node.name, body(&definition, node)))
        .collect()
}

#[test]
fn what_waits_for_people_says_who_is_asked_what() {
    let found = lowered(
        "  a: {approval: Ship it?}
  b: {approval: {ask: 'Ship ${{ run.id }}?', from: group:board, exclude: ['${{ run.started_by }}', eve], count: 2, expires: 1d}}
  c: {manual: {ask: Pack, from: [ana, bob], fields: {crates: {type: integer}}}}
  d: {form: {ask: How many?, fields: {n: {type: integer, default: 1}, why: {type: string, required: false}}}}
  e: {wait: {signal: shipped}}
  f: {wait: {signal: shipped, timeout: 2h}}
",
    );
    assert_eq!(
        found,
        [
            r#"a: approval "Ship it?""#,
            r#"b: approval "Ship <run.id>?" from "group:board" exclude [<run.started_by>,"eve"] count 2 expires 1d"#,
            r#"c: manual "Pack" from ["ana","bob"] crates:integer"#,
            r#"d: form "How many?" n:integer why:string"#,
            "e: signal shipped",
            "f: signal shipped expires 2h",
        ]
    );
}

#[test]
fn what_people_give_has_its_types() {
    let tasks = "tasks:
  go: {approval: {ask: Ship?, count: 2, form: {window: {enum: [now, tonight]}}}}
  one: {form: {ask: How many?, fields: {n: {type: integer}}}}
  sent: {wait: {signal: shipped}}
";
    let good = "outputs:
  window: ${{ tasks.go.output.window == 'now' }}
  by: ${{ tasks.go.output.by | join(', ') }}
  n: ${{ tasks.one.output.n + 1 }}
  who: ${{ tasks.one.output.by | upper }}
  carrier: ${{ tasks.sent.output.carrier }}
";
    assert_eq!(problems(&format!("workflow: w\n{tasks}{good}")), "");
    check(
        &format!(
            "workflow: w\n{tasks}outputs: {{a: '${{{{ tasks.one.output.m }}}}', b: '${{{{ tasks.one.output.by + 1 }}}}'}}\n"
        ),
        "E0405 6:19 the task `one` gives no output `m`
E0311 6:51 `+` takes two numbers, two strings or two lists: `tasks.one.output.by` is of type `string`, `1` of type `integer`
  hint: make a number of it: `tasks.one.output.by | int`, or join text with `~`",
    );
}

#[test]
fn what_nobody_could_answer_is_refused() {
    check(
        "workflow: w
tasks:
  a: {approval: {from: [], form: {by: {type: string}, key: {type: secret}}}}
  b: {manual: {ask: Do, count: 2}}
  c: {form: {ask: [x], from: {a: 1}}}
  d: {wait: {signal: shipped, until: '2027-01-11T09:00:00Z'}}
  e: {wait: {until: '2027-01-11T09:00:00Z', timeout: 5s}}
  f: {approval: {ask: x, count: 0, expires: 5, remind: 1h}}
  g: {approval: x, retry: {attempts: 2}}
",
        "E0203 3:17 `approval` needs `ask`, what people are asked
E0301 3:24 `from` names nobody
  hint: leave it out if it is everybody
E0208 3:35 `by` cannot name a field: the output has one of its own
E0501 3:55 a field of type `secret` is not supported yet
E0202 4:25 unknown key `count` in `manual`
E0301 5:19 `ask` must be text, this is a list
E0301 5:30 `from` must be a name, or a list of names, this is a map
E0204 6:31 `wait` takes `until` or `signal`, not both
E0204 7:45 `timeout` has no effect here: there is no `signal` to wait for
E0308 8:33 `count` must be at least 1, this is 0
E0302 8:45 the duration `5` has no unit (ms, s, m, h or d)
  hint: write `5s` if it is seconds
E0501 8:48 `remind` is not supported yet
E0204 9:20 `retry` has no effect here: the task does `approval`",
    );
}
