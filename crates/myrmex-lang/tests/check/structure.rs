//! `E02xx`: keys, verbs, names and bodies; and `E05xx`: what is not supported yet.

use super::{check, check_body};

#[test]
fn the_first_key_names_the_kind() {
    check(
        "
        workflw: w
        tasks: {a: {run: x}}
        ",
        "
        E0201 1:1 the first key must name the kind of the file, `workflw` does not
          hint: did you mean `workflow`?
        ",
    );
    check(
        "
        version: 1.0.0
        workflow: w
        tasks: {a: {run: x}}
        ",
        "E0201 2:1 `workflow` must be the first key of the file\n",
    );
    check("document: p\n", "E0501 1:1 a file that begins with `document` is not supported yet\n");
    check("- a\n", "E0301 1:1 a file must be a map, this is a list\n");
    check(
        "{}",
        "
        E0201 1:1 the file has no keys
          hint: begin with `workflow: NAME`
        ",
    );
}

#[test]
fn unknown_keys_are_refused_everywhere_with_a_suggestion() {
    check_body(
        "
        descripton: x
        inputs: {i: {typ: string}}
        tasks:
          a:
            run: {comand: [x], command: [y, '${{ inputs.i }}']}
            retry: {attempts: 2, delays: 1s}
            timeot: 1s
            x-note: free
        x-top: free
        ",
        "
        E0202 2:1 unknown key `descripton` in a workflow
          hint: did you mean `description`?
        E0202 3:14 unknown key `typ` in an input
          hint: did you mean `type`?
        E0202 6:11 unknown key `comand` in `run`
          hint: did you mean `command`?
        E0202 7:26 unknown key `delays` in `retry`
          hint: did you mean `delay`?
        E0202 8:5 unknown key `timeot` in a task
          hint: did you mean `timeout`?
        ",
    );
}

#[test]
fn keys_of_the_language_that_are_not_supported_yet_are_told_from_unknown_ones() {
    check_body(
        "
        triggers: []
        tasks:
          a: {http: {url: x}}
          b: {run: x, ssh: y, container: z}
          c: {wait: {event: x}}
          d: {gate: {from: board}}
          s: {run: x, compensate: {run: y}}
        ",
        "
        E0501 2:1 `triggers` is not supported yet
        E0501 4:7 `http` is not supported yet
        E0501 5:15 `ssh` is not supported yet
        E0501 5:23 `container` is not supported yet
        E0501 6:14 `event` is not supported yet
        E0501 7:7 `gate` is not supported yet
        E0501 8:15 `compensate` is not supported yet
        ",
    );
}

#[test]
fn a_workflow_has_exactly_one_body() {
    check_body(
        "version: 1.0.0\n",
        "
        E0205 1:1 the workflow has no body
          hint: add `tasks:` or `do:`
        ",
    );
    check_body(
        "
        tasks: {a: {run: x}}
        do: [{b: {run: x}}]
        ",
        "
        E0205 3:1 a workflow has `tasks` or `do`, not both
          2:1 the other one
        ",
    );
}

#[test]
fn a_task_has_exactly_one_verb() {
    check_body(
        "
        tasks:
          a: {needs: b}
          b: {run: x, set: {y: 1}}
          c:
          d: run
          e: {run: }
        ",
        "
        E0206 3:3 the task `a` has no verb
          hint: give it one of `run`, `set`, `switch`, `fail`, `wait`, `tasks`, `do`, `try`, `repeat`, `workflow`, `use`, `manual`, `approval`, `form`
        E0206 4:15 the task `b` has two verbs, `run` and `set`
          4:7 the other one
        E0301 5:4 task `c` must be a map, this is nothing
          hint: write what it does below it, indented deeper: `run: …`
        E0301 6:6 task `d` must be a map, this is text
          hint: a command is written `d: {run: …}`
        E0301 7:10 `run` is empty
        ",
    );
}

#[test]
fn names_follow_their_rules() {
    check(
        "
        workflow: my workflow
        inputs: {2x: {type: string, default: a}}
        tasks:
          end: {run: x}
          a/b: {run: x, outputs: {'': {type: string}}}
          c: {run: x, needs: a/b}
        ",
        "
        E0208 1:11 `my workflow` cannot name a workflow: a name holds letters, digits, `_` and `-`, not ` `
          hint: write `-` or `_` instead
        E0208 2:10 `2x` cannot name an input: a name begins with a letter or `_`, not with `2`
          hint: begin it with a letter, or with `_`
        E0208 4:3 `end` cannot name a task: `end` is reserved
        E0208 5:3 `a/b` cannot name a task: a name holds letters, digits, `_` and `-`, not `/`
          hint: write `-` or `_` instead
        E0208 5:27 `` cannot name an output: a name cannot be empty
        ",
    );
}

#[test]
fn an_item_cannot_take_the_name_of_something_else() {
    check_body(
        "
        tasks:
          a: {for_each: [1], as: inputs, run: x}
        ",
        "
        E0208 3:26 `inputs` has a meaning of its own in expressions and cannot name an item
        ",
    );
}

#[test]
fn keys_that_have_no_effect_where_they_stand_are_refused() {
    check_body(
        "
        tasks:
          a: {run: x, then: b, as: i, max_parallel: 2}
          b: {set: {v: 1}, retry: {attempts: 2}, timeout: 1s, env: {A: b}}
          c: {fail: x, outputs: {y: {type: string}}}
          f:
            do:
              - g: {run: x, needs: h}
              - h: {run: {command: [x], interpreter: sh}}
        ",
        "
        E0204 3:15 `then` has no effect here: the order under `tasks:` comes from `needs`
        E0204 3:24 `as` has no effect here: there is no `for_each`
        E0204 3:31 `max_parallel` has no effect here: the task does `run`
        E0204 4:20 `retry` has no effect here: the task does `set`
        E0204 4:42 `timeout` has no effect here: the task does `set`
        E0204 4:55 `env` has no effect here: the task does `set`
        E0204 5:16 `outputs` has no effect here: the task does `fail`
        E0204 8:21 `needs` has no effect here: the tasks of a `do:` list run one after the other
        E0204 9:33 `interpreter` has no effect here: a `command` names its own program
        ",
    );
}

#[test]
fn required_keys_are_asked_for() {
    check_body(
        "
        tasks:
          a: {run: {}}
          b: {run: {command: []}}
          c: {wait: {}}
          d: {fail: {detail: x}}
          e: {run: x, retry: {delay: 1s}}
          f: {switch: [{if: true}, {then: a}]}
        ",
        "
        E0203 3:12 `run` needs `command` or `script`
        E0203 4:22 `command` names no program
        E0203 5:13 `wait` needs a duration, `until` or `signal`
        E0203 6:13 `fail` needs a `title` or a `type`
        E0203 7:22 `retry` without `attempts` repeats nothing
        E0203 8:16 a case needs `then` or `do`
        E0203 8:28 a case needs `if`
        ",
    );
}

#[test]
fn bodies_hold_tasks() {
    check_body(
        "tasks: {}\n",
        "E0213 2:1 `tasks` holds no task\n  hint: add one, such as `hello: {run: echo hello}`\n",
    );
    check_body(
        "do: []\n",
        "E0213 2:1 `do` holds no task\n  hint: add one, such as `- hello: {run: echo hello}`\n",
    );
}

#[test]
fn entries_of_a_do_list_are_one_named_task_each() {
    check_body(
        "
        do:
          - run: x
            if: y
          - a: {run: x}
          - text
          - a: {run: y}
        ",
        "
        E0214 3:5 an entry of `do:` is a map with one key, the name of its task
          hint: here write `- NAME: {run: …}`, with a name for the task
        E0214 6:5 an entry of `do:` is a map with one key, the name of its task
          hint: write `- NAME: {run: …}`
        E0215 7:5 two tasks of this `do:` list are called `a`
          5:5 first here
        ",
    );
}

#[test]
fn an_entry_that_is_refused_does_not_make_its_list_empty() {
    check_body(
        "do: [text]\n",
        "
        E0214 2:6 an entry of `do:` is a map with one key, the name of its task
          hint: write `- NAME: {run: …}`
        ",
    );
}

#[test]
fn cases_of_a_switch_must_make_sense() {
    check_body(
        "
        tasks:
          a: {switch: []}
          b: {switch: [{else: c}, {if: true, then: c}]}
          c: {run: x}
          d: {switch: [{if: true, then: exit}, {if: true, else: c}]}
        ",
        "
        E0211 3:15 a `switch` without cases always fails
        E0211 4:16 `else` must be the last case, those after it are never asked
        E0211 6:33 `exit` leaves a `do:` list; a case under `tasks:` names a task
        E0211 6:40 a case has `if` and `then` or `do`, or `else` alone
        ",
    );
}

#[test]
fn words_that_are_not_text_without_quotes_name_nothing() {
    check_body(
        "
        inputs: {false: {type: string, default: a}}
        tasks:
          null: {set: '${{ inputs.false }}'}
          True: {run: x}
          'null2': {run: x}
          'true': {run: x}
        ",
        "
        E0208 2:10 `false` cannot name an input: without quotes it is a boolean
          hint: put it in quotes, or take another name
        E0208 4:3 `null` cannot name a task: without quotes it is null
          hint: put it in quotes, or take another name
        E0208 5:3 `True` cannot name a task: without quotes it is a boolean
          hint: put it in quotes, or take another name
        ",
    );
}

#[test]
fn a_count_of_items_is_whole_and_not_negative() {
    check_body(
        "
        tasks:
          a: {run: x, for_each: -1}
          b: {run: x, for_each: 1.5}
          c: {run: x, for_each: 0}
        ",
        "
        E0308 3:25 `for_each` must be a whole number of at least 0, this is -1
        E0308 4:25 `for_each` must be a whole number of at least 0, this is 1.5
        ",
    );
}
