//! Calls of workflows and uses of actions: files that name each other.

use std::fmt::Write as _;

use myrmex_lang::{Beside, Source, check_with};

use super::nodes::nodes;
use super::{dedent, describe};

/// Splits a text at lines `--- NAME` into files.
fn files(text: &str) -> Vec<Source> {
    let mut files: Vec<(String, String)> = Vec::new();
    for line in dedent(text).lines() {
        match (line.strip_prefix("--- "), files.last_mut()) {
            (Some(name), _) => files.push((name.to_owned(), String::new())),
            (None, Some((_, text))) => text.push_str(&format!("{line}\n")),
            (None, None) => panic!("a file begins with `--- NAME`"),
        }
    }
    files.into_iter().map(|(name, text)| Source::new(name, text)).collect()
}

/// Checks the first of the files of `text`, and describes what is wrong with it and those that it needs, or its nodes and those of
/// what it calls.
#[track_caller]
pub(super) fn check_files(text: &str, expected: &str) {
    let mut files = files(text);
    let entry = files.remove(0);
    let (libraries, workflows) = files.into_iter().partition(|file| file.name.starts_with("actions/"));
    let checked = check_with(&entry, &Beside { workflows, libraries, ..Beside::default() });
    let mut found = describe(&entry.text, &checked.diagnostics);
    for file in &checked.beside {
        let _ = write!(found, "--- {}\n{}", file.source.name, describe(&file.source.text, &file.diagnostics));
    }
    if let Some(definition) = &checked.definition {
        found.push_str(&nodes(definition));
    }
    for (name, definition) in &checked.closure {
        let _ = write!(found, "--- {name}\n{}", nodes(definition));
    }
    let (text, expected) = (dedent(text), dedent(expected));
    assert!(found == expected, "\n=== text\n{text}\n=== found\n{found}\n=== expected\n{expected}");
}

#[test]
fn a_call_becomes_a_node_and_its_workflow_part_of_the_closure() {
    check_files(
        "
        --- main.yaml
        workflow: main
        version: 1.0.0
        tasks:
          one: {workflow: child, with: {region: eu, n: '${{ run.attempt }}'}, retry: {attempts: 2}, timeout: {run: 1h, total: 2h}}
          two: {workflow: child, with: {region: us}, wait: false, version: ^1.2}
          show: {set: '${{ tasks.one.output.url }}'}
        --- other.yaml
        workflow: unread
        this is: [not yaml
        --- workflows/child.yaml
        # A comment.
        workflow: child
        version: 1.4.0
        inputs: {region: {enum: [eu, us]}, n: {type: integer, default: 1}}
        tasks:
          a: {run: x, env: {R: '${{ inputs.region }}', N: '${{ inputs.n }}'}}
          again: {workflow: child, if: inputs.n < 3, with: {region: eu}}
          up: {workflow: main}
        outputs: {url: '${{ tasks.a.output.stdout }}'}
        ",
        r#"
        0 - main: graph one->show on succeeded
        1 0 one: call child {"region":"eu","n":<run.attempt>} retries 1 run 1h total 2h
        2 0 two: call child {"region":"us"} detached
        3 0 show: value <tasks.one.output.url>
        --- child
        0 - child: graph  gives {"url":<tasks.a.output.stdout>}
        1 0 a: process {"script":"x","env":{"R":<inputs.region>,"N":<inputs.n>}}
        2 0 again: call child {"region":"eu"} if inputs.n < 3
        3 0 up: call main {}
        --- main
        0 - main: graph one->show on succeeded
        1 0 one: call child {"region":"eu","n":<run.attempt>} retries 1 run 1h total 2h
        2 0 two: call child {"region":"us"} detached
        3 0 show: value <tasks.one.output.url>
        "#,
    );
}

#[test]
fn calls_are_checked_against_what_they_call() {
    check_files(
        "
        --- main.yaml
        workflow: main
        tasks:
          a: {workflow: chidl}
          b: {workflow: child, with: {regoin: eu, n: x, list: 'a${{ run.id }}'}, version: 2.0.0}
          c: {workflow: child, with: {region: mars, n: 3}}
          d: {workflow: twice}
          e: {workflow: broken}
          f: {workflow: child, with: {region: eu}, wait: maybe, version: newest}
          g: {workflow: '${{ inputs.x }}'}
          h: {set: '${{ [tasks.c.output.url, tasks.c.output.link] }}'}
          i: {wait: false}
          j: {run: x, with: {a: 1}, version: 1.0.0}
          k: {workflow: silent, wait: false}
          l: {set: '${{ tasks.k.output.x }}'}
        --- child.yaml
        workflow: child
        version: 1.4.0
        inputs:
          region: {enum: [eu, us]}
          n: {type: integer, default: 1}
          list: {type: array, required: false}
        tasks: {a: {set: '${{ [inputs.region, inputs.n, inputs.list] }}'}}
        outputs: {url: '${{ tasks.a.output }}'}
        --- one.yaml
        workflow: twice
        tasks: {a: {run: x}}
        --- two.yaml
        workflow: twice
        tasks: {a: {run: x}}
        --- broken.yaml
        workflow: broken
        tasks: {a: {rum: x}}
        --- silent.yaml
        workflow: silent
        tasks: {a: {run: x}}
        ",
        r#"
        E0601 3:17 there is no workflow `chidl` in the files beside this one
          hint: did you mean `child`?
        E0606 4:17 the workflow `child` needs the input `region` (string)
          hint: add `with: {region: …}`
        E0605 4:31 the workflow `child` has no input `regoin`
          hint: did you mean `region`?
        E0607 4:46 the input `n` of the workflow `child`: expected integer, found string `"x"`
        E0607 4:55 the input `list` of the workflow `child`: expected array, found text
        E0603 4:83 the workflow `child` has version 1.4.0
        E0607 5:39 the input `region` of the workflow `child`: string `"mars"` is not one of "eu", "us"
        E0602 6:17 several files are called `twice`: `one.yaml`, `two.yaml`
        E0604 7:17 the workflow has errors, see `broken.yaml`
        E0301 8:50 `wait` beside `workflow` must be `true` or `false`, this is text
        E0307 8:66 `newest` is neither a version such as `1.4.0` nor a range such as `^1.4`
        E0407 9:17 `workflow` must be fixed, an expression cannot stand here
        E0405 10:38 the task `c` gives no output `link`
        E0302 11:13 `false` is not a duration such as `500ms`, `90s`, `1h30m` or `2d`
        E0204 12:15 `with` has no effect here: the task does `run`
          hint: a process is given values by `env: {NAME: VALUE}`
        E0204 12:29 `version` has no effect here: the task does `run`
        E0405 14:17 the task `k` gives no output
        --- broken.yaml
        E0202 2:13 unknown key `rum` in a task
          hint: did you mean `run`?
        "#,
    );
}

#[test]
fn an_error_far_down_is_an_error_of_all_that_need_it() {
    check_files(
        "
        --- main.yaml
        workflow: main
        tasks: {a: {workflow: middle}}
        --- middle.yaml
        workflow: middle
        tasks: {a: {use: tools/notify@1}}
        --- actions/tools.yaml
        actions:
          notify: {run: x, version: 1.0.0, env: {A: '${{ inputs.nothing }}'}}
        ",
        "
        E0604 2:23 the workflow has errors, see `middle.yaml`
        --- middle.yaml
        E0604 2:18 the library has errors, see `actions/tools.yaml`
        --- actions/tools.yaml
        E0403 2:50 there is no input `nothing`
        ",
    );
}

#[test]
fn an_action_is_put_in_the_place_of_its_use() {
    check_files(
        "
        --- main.yaml
        workflow: main
        inputs: {who: {type: string, default: me}}
        defaults: {env: {D: 1}, timeout: 5m}
        tasks:
          a: {set: {x: 1}}
          tell:
            for_each: [1, 2]
            use: tools/notify@1.2
            with: {to: '${{ inputs.who }}', n: '${{ tasks.a.output.x }}'}
            env: {A: '${{ tasks.a.output.x }}', B: fixed}
            workdir: '${{ inputs.who }}'
            retry: {attempts: 3}
            finally: {set: '${{ output }}'}
          show: {set: '${{ tasks.a.output.x }}'}
        --- actions/tools.yaml
        actions:
          notify:
            version: 1.2.3
            inputs: {to: {type: string}, n: {type: integer, default: 0}}
            do:
              - one: {run: send $TO, env: {TO: '${{ inputs.to }}', B: own}}
              - two: {use: tools/log@0, with: {n: '${{ inputs.n }}'}}
            outputs: {sent: '${{ tasks.one.output.stdout }}'}
          log: {version: 0.1.0, inputs: {n: {type: integer}}, run: log, env: {N: '${{ inputs.n }}'}, timeout: 1s}
        ",
        r#"
        0 - main: graph a->tell on succeeded, a->show on succeeded
        1 0 a: value {"x":1}
        2 0 tell: each item of [1,2] max None fail fast false body 3
        3 2 tell: flow notify continue retries 2 gives last binds to, n, _around_1, _around_2 to {"to":<inputs.who>,"n":<tasks.a.output.x>,"_around_1":<tasks.a.output.x>,"_around_2":<inputs.who>} finally 8
        4 3 notify: flow one continue, two continue gives {"sent":<tasks.one.output.stdout>}
        5 4 one: process {"script":"send $TO","env":{"A":<inputs._around_1>,"TO":<inputs.to>,"B":"own"},"workdir":<inputs._around_2>}
        6 4 two: flow log continue gives last binds n, _around_1, _around_2 to {"n":<inputs.n>,"_around_1":<inputs._around_1>,"_around_2":<inputs._around_2>}
        7 6 log: process {"script":"log","env":{"A":<inputs._around_1>,"B":"fixed","N":<inputs.n>},"workdir":<inputs._around_2>} run 1s
        8 3 finally: value <output>
        9 0 show: value <tasks.a.output.x>
        "#,
    );
}

#[test]
fn uses_are_checked_against_their_actions() {
    check_files(
        "
        --- main.yaml
        workflow: main
        tasks:
          a: {use: tools/notify}
          b: {use: toolz/notify@1}
          c: {use: tools/notifi@1}
          d: {use: tools/notify@2, with: {to: 1, at: x}}
          e: {use: tools/notify@1}
          f: {set: '${{ [tasks.e.output.sent, tasks.e.output.send] }}'}
          g: {use: tools/notify@1.2.3.4}
          h: {use: tools/notify@1, with: {to: x}, version: 1.0.0, outputs: {a: {type: string}}}
        --- actions/tools.yaml
        actions:
          notify:
            version: 1.2.3
            inputs: {to: {type: string}}
            run: send $TO
            env: {TO: '${{ inputs.to }}'}
            outputs: {sent: {type: boolean}}
        ",
        "
        E0608 3:12 `tools/notify` does not name an action
          hint: write `LIBRARY/ACTION@VERSION`, such as `tools/notify@1`
        E0609 4:12 there is no library `toolz`: no file `toolz.yaml` in `actions`
          hint: did you mean `tools`?
        E0609 5:12 the library `tools`, the file `actions/tools.yaml`, has no action `notifi`
          hint: did you mean `notify`?
        E0603 6:12 the action `notify` has version 1.2.3
        E0607 6:39 the input `to` of the action `notify`: expected string, found integer `1`
        E0605 6:42 the action `notify` has no input `at`
        E0606 7:12 the action `notify` needs the input `to` (string)
          hint: add `with: {to: …}`
        E0405 8:39 the task `e` gives no output `send`
          hint: did you mean `sent`?
        E0608 9:12 `tools/notify@1.2.3.4` does not name an action
          hint: write `LIBRARY/ACTION@VERSION`, such as `tools/notify@1`
        E0204 10:43 `version` has no effect here: the task does `use`
        E0204 10:59 `outputs` has no effect here: the task does `use`
        ",
    );
}

#[test]
fn a_library_is_checked_by_itself() {
    check_files(
        "
        --- actions/tools.yaml
        actions:
          one: {run: x, needs: two, version: 1.0.0}
          two: {set: '${{ [tasks.one.output, run.id, inputs.a] }}', version: '1'}
          three: {inputs: {a: {type: strin}}, run: x}
          four: {version: 1.0.0, use: tools/five@1}
          five: {version: 1.0.0, try: {use: tools/four@1}, catch: {use: tools/one@1}}
          six: {version: 1.0.0, do: [{a: {run: x}}], finally: {set: '${{ [tasks.a.output, run.status] }}'}}
        defaults: {timeout: 5m}
        ",
        "
        E0204 2:17 `needs` has no effect here: there is no other task beside this one
        E0404 3:20 there is no task `one`
        E0403 3:46 there is no input `a`
        E0307 3:70 `1` is not a semantic version such as `1.4.0`
          hint: did you mean `1.0.0`?
        E0203 4:3 the action `three` needs a `version`
        E0303 4:30 unknown type `strin`
          hint: did you mean `string`?
        E0610 5:31 the action `four` uses itself
          hint: use a `repeat`, or call a workflow
        E0610 6:37 the action `five` uses itself
          hint: use a `repeat`, or call a workflow
        E0410 7:83 `run.status` holds nothing here: it is known in the workflow's `on_failure` and `finally` only
        E0202 8:1 unknown key `defaults` in a library of actions
        ",
    );
    check_files("--- actions/tools.yaml\nactions: {one: {run: x, version: 1.0.0}}\n", "");
}

#[test]
fn an_action_is_not_called_like_a_handler_beside_its_use() {
    check_files(
        "
        --- main.yaml
        workflow: main
        tasks:
          a: {use: lib/finally@1, finally: {run: echo fin}, on_failure: {run: echo bad}}
          b: {finally: {use: lib/finally@1}, run: x}
          c: {do: [{d: {use: lib/finally@1}}], on_failure: {run: echo bad}}
        --- actions/lib.yaml
        actions: {finally: {version: 1.0.0, run: sleep 3}}
        ",
        "
        E0217 3:12 the action `finally` cannot be used where a handler bears that name
          3:27 the handler
          hint: use it inside a block that has the handler
        ",
    );
}
