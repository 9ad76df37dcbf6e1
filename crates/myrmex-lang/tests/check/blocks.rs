//! `repeat`, policies of blocks and bodies of a `switch`: what they become and what is wrong with them.

use super::check_body;
use super::nodes::assert_nodes;

#[test]
fn a_repeat_is_a_flow_with_rounds() {
    assert_nodes(
        "
        do:
          - a:
              repeat:
                until: tasks.b.output.ok or index == 4
                max: 5
                do: [{b: {set: {ok: '${{ index > 1 }}', last: '${{ tasks.c.status | default(1) }}'}}}, {c: {run: x}}]
              outputs: {done: '${{ tasks.b.output.ok }}'}
          - d: {repeat: {while: index < 2, max: 100000, do: [{e: {run: x}}]}, retry: {attempts: 2}, timeout: 1h}
        ",
        r#"
        0 - w: flow a continue, d continue
        1 0 a: flow b continue, c continue until tasks.b.output.ok or index == 4 at most 5 gives {"done":<tasks.b.output.ok>}
        2 1 b: value {"ok":<index > 1>,"last":<tasks.c.status | default(1)>}
        3 1 c: process {"script":"x"}
        4 0 d: flow e continue while index < 2 at most 100000 retries 1 run 1h
        5 4 e: process {"script":"x"}
        "#,
    );
}

#[test]
fn a_repeat_has_a_bound_and_an_end() {
    check_body(
        "
        tasks:
          a: {repeat: {while: index < 2, until: index > 2, max: 3, do: [{b: {run: x}}]}}
          b: {repeat: {do: [{b: {run: x}}]}}
          c: {repeat: {while: 'true', max: 100001, do: [{b: {set: '${{ key }}'}}]}}
          d: {repeat: [{b: {run: x}}]}
          e: {repeat: {while: 'true', max: 0, do: {b: {run: x}}}, max_parallel: 2}
        ",
        "
        E0204 3:34 `repeat` takes `while` or `until`, not both
        E0203 4:15 `repeat` needs `max`
        E0203 4:15 `repeat` needs `while` or `until`
        E0308 5:36 `max` must be between 1 and 100000, this is 100001
        E0410 5:64 `key` holds nothing here: there is no `for_each` around it
        E0301 6:15 `repeat` must be a map, this is a list
        E0308 7:36 `max` must be between 1 and 100000, this is 0
        E0301 7:43 `do` must be a list, this is a map
          hint: write `- NAME: {…}` for each task
        E0204 7:59 `max_parallel` has no effect here: the task does `repeat`
        ",
    );
}

#[test]
fn policies_hold_for_blocks_as_a_whole_and_surroundings_go_on() {
    assert_nodes(
        "
        defaults: {env: {A: 0, Z: 0}, effect: once, timeout: {queue: 5s}}
        deadline: 2d
        inputs: {dir: {type: string, default: sub}}
        tasks:
          a:
            env: {A: 1, B: '${{ inputs.dir }}'}
            workdir: '${{ inputs.dir }}'
            retry: {attempts: 3}
            timeout: {run: 1m, total: 1h}
            do:
              - b: {run: x, env: {B: 2, C: 3}, effect: pure, timeout: {run: 5s, total: 9s}}
              - c: {tasks: {d: {run: x, workdir: other}}, env: {C: 4}}
              - t: {try: {run: x}, catch: {run: y}, env: {T: 1}}
        ",
        r#"
        0 - w: graph  total 2d
        1 0 a: flow b continue, c continue, t continue retries 2 run 1m total 1h
        2 1 b: process {"script":"x","env":{"Z":0,"A":1,"B":2,"C":3},"workdir":<inputs.dir>} run 5s total 9s
        3 1 c: graph 
        4 3 d: process {"script":"x","env":{"Z":0,"A":1,"B":<inputs.dir>,"C":4},"workdir":"other"} queue 5s once
        5 1 t: flow try continue gives last catch 7
        6 5 try: process {"script":"x","env":{"Z":0,"A":1,"B":<inputs.dir>,"T":1},"workdir":<inputs.dir>} queue 5s once
        7 5 catch: process {"script":"y","env":{"Z":0,"A":1,"B":<inputs.dir>,"T":1},"workdir":<inputs.dir>} queue 5s once
        "#,
    );
}

#[test]
fn what_is_handed_on_means_the_same_inside() {
    check_body(
        "
        tasks:
          a: {set: {v: 1}}
          b:
            env: {A: '${{ tasks.a.output.v }}', C: '${{ tasks.c.output }}', R: '${{ run.id }}'}
            tasks: {a: {run: x}, d: {run: x}}
          c: {run: x}
          e:
            for_each: [1]
            env: {I: '${{ item }}', N: '${{ index }}'}
            tasks:
              f: {for_each: [2], run: x}
              g: {repeat: {while: index < 1, max: 2, do: [{h: {run: x}}]}}
        ",
        "
        E0412 5:19 `tasks.a` means something else for a task inside this block
          hint: give the value to that task itself
        E0412 10:19 `item` means something else for a task inside this block
          hint: give the value to that task itself
        E0412 10:37 `index` means something else for a task inside this block
          hint: give the value to that task itself
        ",
    );
}

#[test]
fn policies_stand_where_they_have_an_effect() {
    check_body(
        "
        tasks:
          a: {set: {v: 1}, retry: {attempts: 2}, timeout: 1s, env: {A: 1}, effect: once}
          b: {tasks: {c: {run: x}}, effect: once, timeout: {queue: 1s, run: 0s, heartbeat: 1s}}
          d: {run: x, effect: twice, timeout: {}}
          e: {wait: 1s, workdir: sub}
        deadline: 0s
        ",
        "
        E0204 3:20 `retry` has no effect here: the task does `set`
        E0204 3:42 `timeout` has no effect here: the task does `set`
        E0204 3:55 `env` has no effect here: the task does `set`
        E0204 3:68 `effect` has no effect here: the task does `set`
        E0204 4:29 `effect` has no effect here: the task does `tasks`
        E0204 4:53 `queue` has no effect here: only the wait of a `run` can be bounded
        E0308 4:69 `run` of zero leaves no time at all
        E0204 4:73 `heartbeat` has no effect here: only the process of a `run` gives signs of life
        E0303 5:23 `effect` is one of `pure`, `idempotent`, `once`, not `twice`
        E0204 6:17 `workdir` has no effect here: the task does `wait`
        E0308 7:11 a `deadline` of zero leaves no time at all
        ",
    );
}

#[test]
fn a_switch_with_bodies_is_a_flow_of_the_choice_and_the_bodies() {
    assert_nodes(
        "
        tasks:
          a: {set: {n: 1}}
          s:
            switch:
              - {if: tasks.a.output.n > 1, do: {run: x}}
              - {if: tasks.a.output.n > 0, name: small, do: [{run: y}, {set: {b: 1}}]}
              - {else: {do: {tasks: {c: {run: z}}}}}
            retry: {attempts: 2}
          after: {set: '${{ tasks.s.output.b }}'}
        ",
        r#"
        0 - w: graph a->s on succeeded, s->after on succeeded
        1 0 a: value {"n":1}
        2 0 s: flow switch continue, if-1 exit, small exit, else exit retries 1 gives last
        3 2 switch: choose tasks.a.output.n > 1: goto 1, tasks.a.output.n > 0: goto 2, else: goto 3
        4 2 if-1: process {"script":"x"}
        5 2 small: flow run continue, set continue gives last
        6 5 run: process {"script":"y"}
        7 5 set: value {"b":1}
        8 2 else: graph 
        9 8 c: process {"script":"z"}
        10 0 after: value <tasks.s.output.b>
        "#,
    );
}

#[test]
fn the_cases_of_a_switch_are_all_of_a_kind() {
    check_body(
        "
        tasks:
          a: {switch: [{if: 1 < 2, do: {run: x}}, {else: b}]}
          b: {run: x}
          c: {switch: [{if: 1 < 2, do: {run: x}, then: b}, {else: {name: x}}]}
          d: {switch: [{if: 1 < 2, name: x, then: b}]}
          e: {switch: [{if: 1 < 2, name: same, do: {run: x}}, {else: {name: same, do: {run: y}}}]}
          f: {switch: [{do: {run: x}}, {if: 1 < 2}, {else: {do: {run: x, needs: a}, typ: 1}}]}
        ",
        "
        E0211 3:7 the cases of a `switch` lead to tasks or hold bodies, not some this and some that
        E0204 5:42 `then` has no effect here: the case holds a body
        E0203 5:59 `else` needs `do`
        E0204 6:28 `name` has no effect here: it names the body of a case
        E0215 7:69 two parts of this `switch` are called `same`
          7:34 first here
        E0203 8:16 a case needs `if`
        E0203 8:32 a case needs `then` or `do`
        E0204 8:66 `needs` has no effect here: there is no other task beside this one
        E0202 8:77 unknown key `typ` in `else`
        ",
    );
}
