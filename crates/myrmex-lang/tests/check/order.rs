//! `join`, `late`, `complete`, `rest`, `min_success`: what they become and what is wrong with them.

use super::check_body;
use super::nodes::assert_nodes;

#[test]
fn joins_and_completions_are_lowered() {
    assert_nodes(
        "
        complete: first(3)
        rest: run
        tasks:
          a: {run: x}
          b: {run: x}
          c: {needs: [a, b], join: any, late: cancel, run: x}
          d: {needs: [a, b, c], join: first(2), late: block, run: x}
          e: {needs: [a, b], join: all_live, run: x}
          f: {needs: [a, b], join: all, run: x}
          g: {tasks: {h: {run: x}, i: {run: x}}, complete: first(1)}
          j: {for_each: [1, 2], tasks: {k: {run: x}}, complete: first(1), rest: ignore}
          l: {for_each: [1, 2], run: x, min_success: 80%}
          m: {for_each: [1, 2], run: x, min_success: 0, max_parallel: 1}
        ",
        r#"
        0 - w: graph a->c on succeeded, a->d on succeeded, a->e on succeeded, a->f on succeeded, b->c on succeeded, b->d on succeeded, b->e on succeeded, b->f on succeeded, c->d on succeeded c joins 1 Cancel d joins 2 Ignore e joins live complete 3 Run
        1 0 a: process {"script":"x"}
        2 0 b: process {"script":"x"}
        3 0 c: process {"script":"x"}
        4 0 d: process {"script":"x"}
        5 0 e: process {"script":"x"}
        6 0 f: process {"script":"x"}
        7 0 g: graph  complete 1 Cancel
        8 7 h: process {"script":"x"}
        9 7 i: process {"script":"x"}
        10 0 j: each item of [1,2] max None fail fast false complete 1 Ignore body 11
        11 10 j: graph 
        12 11 k: process {"script":"x"}
        13 0 l: each item of [1,2] max None fail fast false tolerates Percent(80) body 14
        14 13 l: process {"script":"x"}
        15 0 m: each item of [1,2] max Some(1) fail fast false tolerates Count(0) body 16
        16 15 m: process {"script":"x"}
        "#,
    );
}

#[test]
fn joins_and_completions_are_checked() {
    check_body(
        "
        tasks:
          a: {run: x, join: some}
          b: {run: x, needs: a, join: first(0)}
          c: {run: x, needs: a, late: cancel}
          d: {run: x, needs: a, join: any, late: maybe}
          e: {tasks: {f: {run: x}}, complete: first(2), rest: stay}
          g: {tasks: {f: {run: x}}, rest: run}
          h: {run: x, complete: first(1), min_success: 1}
          i: {for_each: [1], run: x, min_success: 101%}
          j: {for_each: [1], run: x, min_success: most, complete: first(1)}
          k: {do: [{l: {run: x, join: any, late: cancel}}], complete: first(1)}
          m: {run: x, needs: a, join: first (2)}
        ",
        "
        E0303 3:21 `join` is one of `all`, `all_live`, `any`, `first(n)`, not `some`
        E0308 4:31 the number of `first(0)` must be between 1 and 4294967295
        E0204 5:25 `late` has no effect here: the task waits for all that it needs
        E0303 6:42 `late` is one of `ignore`, `cancel`, `block`, not `maybe`
        E0308 7:39 `complete` asks for 2 successes of 1 task
        E0303 7:55 `rest` is one of `cancel`, `run`, `ignore`, not `stay`
        E0204 8:29 `rest` has no effect here: all of it has to end; `complete: first(n)` leaves a rest
        E0204 9:15 `complete` has no effect here: the task does `run`
        E0204 9:35 `min_success` has no effect here: there is no `for_each`
        E0301 10:43 `min_success` must be a count such as 3, or a part from `0%` to `100%`
        E0204 11:30 `min_success` has no effect here: `complete` says how many must succeed
        E0301 11:43 `min_success` must be a count such as 3, or a part from `0%` to `100%`
        E0204 12:25 `join` has no effect here: only a task under `tasks:` waits for several others
        E0204 12:36 `late` has no effect here: only a task under `tasks:` waits for several others
        E0204 12:53 `complete` has no effect here: the task does `do`
        E0303 13:31 `join` is one of `all`, `all_live`, `any`, `first(n)`, not `first (2)`
          hint: did you mean `first(n)`?
        ",
    );
}

#[test]
fn a_task_that_waits_for_more_than_can_come_never_runs() {
    check_body(
        "
        tasks:
          a: {run: x}
          b: {fail: broken}
          c: {run: x, needs: [a, b], join: any}
          d: {run: x, needs: [a, b], join: first(2)}
          e: {run: x, needs: [a, c], join: first(3)}
          f: {run: x, join: any}
          g: {run: x, needs: [b], join: all_live}
          h: {switch: [{if: 1 < 2, then: i}, {else: j}]}
          i: {run: x}
          j: {run: x}
          k: {run: x, needs: [i, j], join: any}
          l: {run: x, needs: [i, j], join: all}
        ",
        "
        E0212 6:36 `d` can never run: `join` waits for 2 of 2, only 1 can come
        E0212 7:36 `e` can never run: `join` waits for 3 of 2
        E0212 8:21 `f` can never run: `join` waits for 1, and it needs no task
        E0212 9:23 `g` can never run: `b` never ends as succeeded
        E0212 14:26 `l` can never run: `h` lets only one of `i` and `j` run
          hint: accept both outcomes: `[succeeded, skipped]`
        ",
    );
}
