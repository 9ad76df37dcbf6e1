//! `E0207`, `E0209`, `E0210`, `E0212` and `E0406`: how tasks hang together.

use super::check_body;

#[test]
fn a_cycle_is_named_whole_with_what_each_edge_comes_from() {
    check_body(
        "
        tasks:
          a: {needs: c, run: x}
          b: {needs: [free, a], run: x}
          c: {set: {v: '${{ tasks.b.output }}'}}
          free: {run: x}
          after: {needs: c, run: x}
        ",
        "
        E0207 3:14 dependency cycle between tasks: a -> c -> b -> a
          `a` needs `c`
          5:21 `c` refers to `b`
          4:21 `b` needs `a`
          hint: remove one of these dependencies
        ",
    );
}

#[test]
fn each_knot_gives_one_shortest_cycle() {
    check_body(
        "
        tasks:
          a: {needs: [b, c], run: x}
          b: {needs: c, run: x}
          c: {needs: a, run: x}
          d: {switch: [{if: true, then: e}, {else: e}]}
          e: {needs: f, run: x}
          f: {run: x, if: tasks.d.status == 'succeeded'}
          g: {needs: e, run: x}
          h: {tasks: {i: {needs: j, run: x}, j: {needs: i, run: x}}}
        ",
        "
        E0207 3:18 dependency cycle between tasks: a -> c -> a
          `a` needs `c`
          5:14 `c` needs `a`
          hint: remove one of these dependencies
        E0207 10:26 dependency cycle between tasks: i -> j -> i
          `i` needs `j`
          10:49 `j` needs `i`
          hint: remove one of these dependencies
        ",
    );
}

#[test]
fn a_task_cannot_need_or_read_itself() {
    check_body(
        "
        tasks:
          a: {needs: a, run: x}
          b: {set: {v: '${{ tasks.b.output }}'}}
          c: {switch: [{if: true, then: c}]}
          d:
            tasks:
              e: {run: x, if: tasks.d.status == 'failed'}
        ",
        "
        E0210 3:14 the task `a` needs itself
        E0406 4:21 the task `b` cannot have finished when it begins itself
        E0210 5:33 the `switch` of `c` cannot go on to itself under `tasks:`
        E0406 8:23 the block `d` cannot have finished while a task inside it begins
        ",
    );
}

#[test]
fn needs_and_then_name_tasks_beside_them() {
    check_body(
        "
        tasks:
          build: {run: x}
          a: {needs: biuld, run: x}
          b: {needs: {nothing: finished}, run: x}
          c:
            tasks:
              inner: {needs: build, run: x}
          d: {needs: inner, run: x}
          e: {switch: [{if: true, then: bild}, {else: build}]}
        ",
        "
        E0209 4:14 there is no task `biuld` beside this one
          hint: did you mean `build`?
        E0209 5:15 there is no task `nothing` beside this one
        E0209 8:22 there is no task `build` beside this one
          hint: `build` stands beside the block `c`; say it there
        E0209 9:14 there is no task `inner` beside this one
          hint: `inner` is inside the block `c`; name the block
        E0209 10:33 there is no task `bild` beside this one
          hint: did you mean `build`?
        ",
    );
    check_body(
        "
        do:
          - a: {run: x, then: c}
          - b: {run: x}
        ",
        "
        E0209 3:23 there is no task `c` beside this one
        ",
    );
}

#[test]
fn needs_accept_outcomes() {
    check_body(
        "
        tasks:
          a: {run: x}
          b: {needs: {a: [succeeded, skiped]}, run: x}
          c: {needs: {a: started}, run: x}
          d: {needs: {a: []}, run: x}
          e: {needs: [a, a], run: x}
        ",
        "
        E0303 4:30 an outcome is one of `succeeded`, `failed`, `skipped`, `finished`, not `skiped`
          hint: did you mean `skipped`?
        E0303 5:18 an outcome is one of `succeeded`, `failed`, `skipped`, `finished`, not `started`
        E0303 6:18 a list of outcomes must name at least one
        W0202 7:18 `needs` names `a` twice
          7:15 first here
        ",
    );
}

#[test]
fn tasks_that_can_never_run_are_found_in_graphs() {
    check_body(
        "
        tasks:
          stop: {fail: no luck}
          a: {needs: stop, run: x}
          root: {run: x}
          b: {needs: {root: skipped}, run: x}
          choose: {switch: [{if: true, then: left}, {else: right}]}
          left: {run: x}
          right: {run: x}
          join: {needs: [left, right], run: x}
          fine: {needs: {left: finished, right: [succeeded, skipped], stop: failed}, run: x}
        ",
        "
        E0212 4:14 `a` can never run: `stop` never ends as succeeded
        E0212 6:15 `b` can never run: `root` never ends as skipped
        E0212 10:24 `join` can never run: `choose` lets only one of `left` and `right` run
          hint: accept both outcomes: `[succeeded, skipped]`
        ",
    );
}

#[test]
fn tasks_that_can_never_run_are_found_in_flows() {
    check_body(
        "
        do:
          - a: {run: x, then: d}
          - b: {run: x}
          - c: {run: x}
          - d: {run: x, if: 1 < 2, then: exit}
          - e: {switch: [{if: 1 < 2, then: a}, {else: end}]}
          - f: {fail: x}
        ",
        "
        E0212 4:5 `b` can never run: nothing goes on to it
          3:5 `a` goes on elsewhere
        E0212 8:5 `f` can never run: nothing goes on to it
          7:5 `e` goes on elsewhere
        ",
    );
}

#[test]
fn later_tasks_of_a_flow_cannot_be_read_unless_a_jump_leads_back() {
    check_body(
        "
        do:
          - a: {set: {v: '${{ tasks.b.output }}'}}
          - b: {run: x}
          - again: {set: {v: '${{ tasks.check.output | default(0) }}'}}
          - check: {run: x}
          - decide: {switch: [{if: tasks.check.output.stdout == 'no', then: again}, {else: exit}]}
        ",
        "
        E0406 3:23 the task `b` comes later in this `do:` list and cannot have finished
        ",
    );
}

#[test]
fn the_nearest_task_of_a_name_is_meant_and_outer_ones_are_seen() {
    check_body(
        "
        tasks:
          first: {set: {v: 1}}
          second:
            tasks:
              first: {set: {w: 1}}
              third: {set: {x: '${{ tasks.first.output.w }}'}}
            outputs: {y: '${{ tasks.third.output.x }}'}
          fourth:
            do:
              - a: {set: '${{ tasks.second.output.y + tasks.first.output.v }}'}
              - b: {set: '${{ tasks.third.output.x }}'}
        outputs: '${{ tasks.fourth.output }}'
        ",
        "
        E0404 12:23 there is no task `third`
          hint: `third` is inside the block `second`, which must give it out by its `outputs`
        ",
    );
}

#[test]
fn what_follows_a_switch_that_continues_can_run() {
    let flow = |more: &str| {
        format!(
            "do: [{{s: {{switch: [{{if: 'false', then: c}}]{more}}}}}, {{b: {{run: x}}}}, {{c: {{run: x}}}}]\n"
        )
    };
    check_body(&flow(", continue_on_error: true"), "");
    assert!(super::problems(&format!("workflow: w\n{}", flow(""))).starts_with("E0212"));
}
