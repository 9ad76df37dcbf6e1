//! `try`, `catch`, `on_failure`, `finally`, `continue_on_error`: what they become and what is wrong with them.

use super::nodes::assert_nodes;
use super::{check, check_body};

#[test]
fn handlers_are_nodes_called_by_their_keys() {
    assert_nodes(
        "
        tasks:
          build:
            run: make
            on_failure: {run: notify, env: {WHY: '${{ error.title }}'}}
            finally: [{run: clean}, {run: sweep}, {name: told, set: '${{ output }}'}]
            continue_on_error: true
          block:
            tasks: {a: {run: x}}
            finally: {do: [{b: {set: '${{ tasks.a.output }}'}}]}
        on_failure: {set: '${{ run.errors }}'}
        finally: {set: '${{ run.status }}'}
        ",
        r#"
        0 - w: graph  on failure 11 finally 12
        1 0 build: process {"script":"make"} on failure 2 finally 3 continues
        2 1 on_failure: process {"script":"notify","env":{"WHY":<error.title>}}
        3 1 finally: flow run continue, run-2 continue, told continue gives last
        4 3 run: process {"script":"clean"}
        5 3 run-2: process {"script":"sweep"}
        6 3 told: value <output>
        7 0 block: graph  finally 9
        8 7 a: process {"script":"x"}
        9 7 finally: flow b continue
        10 9 b: value <tasks.a.output>
        11 0 on_failure: value <run.errors>
        12 0 finally: value <run.status>
        "#,
    );
}

#[test]
fn a_try_is_a_flow_whose_catches_stand_beside_it() {
    assert_nodes(
        "
        do:
          - t:
              try: [{name: a, run: x}, {run: y}]
              catch:
                - {type: timeout, retry: {attempts: 3}, run: z, env: {A: '${{ tasks.a.status }}'}}
                - {status: [500, 503], when: error.attempt > 1, do: [{b: {set: '${{ error.detail }}'}}]}
                - {set: {code: '${{ error.exit_code }}'}, type: [runtime, own]}
          - single: {try: {run: x}, catch: {set: {a: 1}}}
          - block: {try: {tasks: {a: {run: x}}}, catch: {fail: again}}
        ",
        r#"
        0 - w: flow t continue, single continue, block continue
        1 0 t: flow a continue, run continue gives last catch 4 of ["timeout"] [] after 2 retries catch 5 of [] [500, 503] when error.attempt > 1 catch 7 of ["runtime", "own"] []
        2 1 a: process {"script":"x"}
        3 1 run: process {"script":"y"}
        4 1 catch: process {"script":"z","env":{"A":<tasks.a.status>}}
        5 1 catch-2: flow b continue
        6 5 b: value <error.detail>
        7 1 catch-3: value {"code":<error.exit_code>}
        8 0 single: flow try continue gives last catch 10
        9 8 try: process {"script":"x"}
        10 8 catch: value {"a":1}
        11 0 block: flow try continue gives last catch 14
        12 11 try: graph 
        13 12 a: process {"script":"x"}
        14 11 catch: raise "again"
        "#,
    );
}

#[test]
fn the_handlers_of_a_for_each_belong_to_its_items() {
    assert_nodes(
        "
        tasks:
          a: {for_each: [1], run: x, finally: {set: '${{ [item, output] }}'}, continue_on_error: true}
        ",
        r#"
        0 - w: graph 
        1 0 a: each item of [1] max None fail fast false body 2
        2 1 a: process {"script":"x"} finally 3 continues
        3 2 finally: value <[item, output]>
        "#,
    );
}

#[test]
fn a_reference_in_a_handler_makes_its_task_wait() {
    assert_nodes(
        "
        tasks:
          a: {run: x}
          b: {run: x, finally: {set: '${{ tasks.a.output }}'}}
        ",
        r#"
        0 - w: graph a->b on succeeded
        1 0 a: process {"script":"x"}
        2 0 b: process {"script":"x"} finally 3
        3 2 finally: value <tasks.a.output>
        "#,
    );
}

#[test]
fn a_task_is_not_called_like_a_handler_beside_it() {
    check_body(
        "
        tasks:
          a: {tasks: {finally: {run: x}}, finally: {run: x}}
          b: {do: [{finally: {run: x}}], on_failure: {run: x}}
          c: {try: [{name: catch, run: x}], catch: {run: x}}
          on_failure: {run: x}
        on_failure: {run: x}
        ",
        "
        E0217 3:15 a task cannot be called `finally` where a handler bears that name
          3:35 the handler
          hint: give the task another name
        E0217 5:20 a task cannot be called `catch` where a handler bears that name
          5:37 the handler
          hint: give the task another name
        E0217 6:3 a task cannot be called `on_failure` where a handler bears that name
          7:1 the handler
          hint: give the task another name
        ",
    );
}

#[test]
fn what_handlers_know_is_known_nowhere_else() {
    check_body(
        "
        tasks:
          a: {set: '${{ [error, output, run.status] }}'}
          b: {try: {run: x}, catch: {set: '${{ [error.title, output, error.nothing] }}'}}
          c: {run: x, finally: {set: '${{ [tasks.c.output, run.errors] }}'}}
          d: {run: x, on_failure: {set: '${{ tasks.later }}'}}
        finally: {set: '${{ [run.status, run.errors, error, output] }}'}
        ",
        "
        E0410 3:18 `error` holds nothing here: an error is known in `retry.when` and in handlers only
        E0410 3:25 `output` holds nothing here: it is known in `on_failure` and `finally` of a task only
        E0410 3:33 `run.status` holds nothing here: it is known in the workflow's `on_failure` and `finally` only
        E0410 4:54 `output` holds nothing here: it is known in `on_failure` and `finally` of a task only
        E0405 4:62 `error` has no field `nothing`
        E0406 5:36 the task `c` has not ended yet where its error is looked at
          hint: read `error`, or in `on_failure` and `finally` also `output`
        E0410 5:52 `run.errors` holds nothing here: it is known in the workflow's `on_failure` and `finally` only
        E0404 6:38 there is no task `later`
        E0410 7:53 `output` holds nothing here: it is known in `on_failure` and `finally` of a task only
        ",
    );
}

#[test]
fn what_cannot_stand_in_a_body_is_refused() {
    check_body(
        "
        tasks:
          a: {run: x, catch: {run: x}}
          b: {try: text}
          c: {try: {run: x}, catch: [{run: y}, {run: z, status: 500}]}
          d: {try: {run: x, needs: a, then: b}, catch: {run: x, status: 99, typ: x}}
          e: {run: x, finally: []}
          f: {run: x, finally: [{run: x, needs: a}, {run: y, name: z}, {run: z, name: z}, 3]}
          g: {run: x, finally: {switch: [{else: a}]}, continue_on_error: maybe}
          h: {run: x, finally: {env: {A: 1}}}
        ",
        "
        E0204 3:15 `catch` has no effect here: only the errors of a `try` are caught
        E0301 4:12 `try` must be a map with a verb, or a list of such maps, this is text
        E0218 5:41 this `catch` is never asked: the one before it takes every error
          5:31 takes every error
        E0204 6:21 `needs` has no effect here: there is no other task beside this one
        E0204 6:31 `then` has no effect here: there is no other task beside this one
        E0308 6:65 `status` must be between 100 and 599, this is 99
        E0202 6:69 unknown key `typ` in a `catch`
          hint: did you mean `type`?
        E0213 7:15 `finally` holds no task
          hint: add one, such as `- run: echo hello`
        E0204 8:34 `needs` has no effect here: the tasks of a list run one after the other
        E0215 8:79 two tasks of this list are called `z`
          8:60 first here
        E0301 8:83 a member of a list of tasks must be a map with a verb, or a list of such maps, this is a number
        E0211 9:41 there is no other task beside this one to go on to
        E0301 9:66 `continue_on_error` must be `true` or `false`, this is text
        E0206 10:15 the task `finally` has no verb
          hint: give it one of `run`, `set`, `switch`, `fail`, `wait`, `tasks`, `do`, `try`, `repeat`, `workflow`, `use`, `manual`, `approval`, `form`
        ",
    );
}

#[test]
fn a_failure_that_counts_as_success_lets_others_go_on() {
    check_body(
        "
        tasks:
          a: {fail: broken, continue_on_error: true}
          b: {run: x, needs: a}
          c:
            do:
              - d: {fail: broken, continue_on_error: true}
              - e: {run: x}
        ",
        "",
    );
    check(
        "workflow: w\ndo:\n  - a: {fail: broken}\n  - b: {run: x}\n",
        "E0212 4:5 `b` can never run: nothing goes on to it\n  3:5 `a` goes on elsewhere\n",
    );
}
