//! `E04xx` and `E0503`: expressions and what they read.

use super::check_body;

#[test]
fn expressions_that_cannot_be_read_are_located() {
    check_body(
        "
        tasks:
          a: {set: {x: '${{ 1 + }}', y: '${{ }}', z: 'a ${{ b'}}
          b: {run: x, if: 1 +}
          c: {set: '${{ 1 | jion }}'}
        ",
        "
        E0401 3:24 unexpected end of input, expected expression
        E0401 3:34 `${{ }}` holds no expression
        E0401 3:49 `${{` is not closed by `}}`
        E0401 4:22 unexpected end of input, expected expression
        E0401 5:21 unknown filter `jion`
          hint: did you mean `join`?
        ",
    );
}

#[test]
fn unknown_names_are_refused_with_what_was_probably_meant() {
    check_body(
        "
        inputs: {version: {type: string, default: a}}
        tasks:
          a: {run: x}
          b:
            set: {a: '${{ version }}', b: '${{ a.output }}', c: '${{ input.version }}', d: '${{ inputs.versoin }}'}
          c: {set: '${{ tasks.aa.output }}'}
          d: {set: '${{ something }}'}
        ",
        "
        E0402 6:19 unknown name `version`
          hint: did you mean `inputs.version`?
        E0402 6:40 unknown name `a`
          hint: did you mean `tasks.a`?
        E0402 6:62 unknown name `input`
          hint: did you mean `inputs`?
        E0403 6:89 there is no input `versoin`
          hint: did you mean `version`?
        E0404 7:17 there is no task `aa`
          hint: did you mean `a`?
        E0402 8:17 unknown name `something`
        ",
    );
}

#[test]
fn fields_are_checked_against_what_is_declared() {
    check_body(
        "
        inputs: {n: {type: integer, default: 1}}
        tasks:
          declared: {run: x, outputs: {image: {type: string}}}
          open: {run: x}
          known: {set: {a: 1, b: '${{ inputs.n }}'}}
          block: {tasks: {i: {run: x}}}
          each: {for_each: [1, 2], run: x, outputs: {y: {type: string}}}
          reader:
            set:
              a: ${{ tasks.declared.output.imag }}
              b: ${{ tasks.declared.outputs }}
              c: ${{ tasks.open.stdout }}
              d: ${{ tasks.open.output.anything.at.all }}
              e: ${{ tasks.known.output.c }}
              f: ${{ tasks.block.output.x }}
              g: ${{ tasks.each.output.y }}
              h: ${{ tasks.each.output[0].z }} ${{ tasks.each.items[1].output.z }}
              i: ${{ tasks.each.items[0].status }} ${{ tasks.open.items }}
              j: ${{ inputs.n.x }}
              k: ${{ run.ids }} ${{ tasks.open }}
        ",
        "
        E0405 11:14 the task `declared` gives no output `imag`
          hint: did you mean `image`?
        E0405 12:14 a task has no field `outputs`
          hint: did you mean `tasks.declared.output`?
        E0405 13:14 a task has no field `stdout`
          hint: did you mean `tasks.open.output.stdout`?
        E0405 15:14 the task `known` gives no output `c`
        E0405 16:14 the task `block` gives no output
        E0405 17:14 `tasks.each.output` is a list, one member for each item
          hint: write `tasks.each.output[0].y`, or `| map(attribute='y')`
        E0405 18:14 the task `each` gives no output `z`
        E0405 18:44 the task `each` gives no output `z`
        E0405 19:48 `tasks.open` has no items, it has no `for_each`
          hint: did you mean `tasks.open.output.items`?
        E0405 20:14 the input `n` is of type `integer` and has no such member
        E0405 21:14 `run` has no field `ids`
          hint: did you mean `id`?
        E0411 21:29 `tasks.open` alone is not a value
          hint: read one of its fields, such as `tasks.open.output`
        ",
    );
}

#[test]
fn expressions_stand_only_where_values_are_made_at_run_time() {
    check_body(
        "
        max_parallel: ${{ 1 }}
        inputs: {n: {type: integer, default: '${{ 1 }}'}}
        tasks:
          a: {run: x, timeout: '${{ inputs.n }}s', needs: '${{ b }}', description: 'free ${{ text }}'}
        ",
        "
        E0407 2:15 `max_parallel` must be fixed, an expression cannot stand here
        E0407 3:38 `default` must be fixed, an expression cannot stand here
        E0407 5:24 `timeout` must be fixed, an expression cannot stand here
        E0407 5:51 `needs` must be fixed, an expression cannot stand here
        ",
    );
}

#[test]
fn scripts_take_values_by_env_unless_the_author_insists() {
    check_body(
        "
        inputs: {x: {type: string}}
        tasks:
          a:
            run: |
              echo $$${{ fine }}
              echo ${{ inputs.x }}
          b: {run: {script: \"print('${{ inputs.x }}')\", interpreter: python}}
          c: {run: {command: [echo, 'x=${{ inputs.x }}']}, env: {X: '${{ inputs.x }}'}}
          d: {run: 'echo ${{ raw(inputs.x) }} $${{ literal }}'}
        ",
        "
        E0408 7:16 an expression in the text of a script would be read as code
          hint: give the value to the script by `env`, or run a `command`
        E0408 8:33 an expression in the text of a script would be read as code
          hint: give the value to the script by `env`, or run a `command`
        ",
    );
}

#[test]
fn conditions_are_bare() {
    check_body(
        "
        inputs: {go: {type: boolean, default: true}}
        tasks:
          a: {run: x, if: '${{ inputs.go }}'}
          b: {run: x, if: inputs.go}
          c: {run: x, if: true}
          d: {run: x, if: 1}
        ",
        "
        E0409 4:19 `if` takes a bare expression, without `${{ }}`
          hint: write `if: inputs.go`
        E0301 7:19 `if` must be an expression, this is a number
        ",
    );
}

#[test]
fn names_hold_something_only_in_their_places() {
    check_body(
        "
        defaults: {env: {X: '${{ tasks.a.output }}'}}
        tasks:
          a: {run: x, if: error.status == 5, retry: {attempts: 2, when: error.exit_code == 75 or error.code == 1}}
          b: {set: '${{ item }}'}
          c: {for_each: [1], as: one, set: '${{ [one, index, key, item] }}'}
          d: {for_each: '${{ index }}', run: x, if: item > 1}
        ",
        "
        E0410 2:26 `tasks` holds nothing here: `defaults` hold for every task
        E0410 4:19 `error` holds nothing here: an error is known in `retry.when` and in handlers only
        E0405 4:90 `error` has no field `code`
        E0410 5:17 `item` holds nothing here: there is no `for_each` around it
        W0211 6:54 `key` is the index here: the items of this `for_each` have no keys
          hint: write `index`
        E0410 6:59 `item` holds nothing here: the item is called `one`
          hint: write `one`
        E0410 7:22 `index` holds nothing here: there is no `for_each` around it
        ",
    );
}

#[test]
fn a_reference_names_its_task() {
    check_body(
        "
        tasks:
          a: {run: x}
          b: {set: {x: '${{ tasks }}', y: '${{ tasks[inputs.name].output }}', z: '${{ tasks[\"a\"].output }}'}}
        ",
        "
        E0411 4:21 `tasks` is not a value; read one of its fields, such as `tasks.name`
        E0411 4:46 what is read from `tasks` must be a literal name, not computed
        ",
    );
}

#[test]
fn names_of_the_language_that_hold_nothing_yet_are_told_from_unknown_ones() {
    check_body(
        "
        tasks:
          a: {run: x, env: {S: '${{ secrets.token }}', E: '${{ event.data }}'}}
          b: {set: '${{ tasks.a.artifacts.x }}'}
          c: {set: '${{ run.states }}'}
        ",
        "
        E0503 3:56 `event` in expressions is not supported yet
        E0405 4:17 the task `a` keeps no artifact `x`
        E0503 5:17 `run.states` is not supported yet
        ",
    );
}

#[test]
fn variables_are_those_that_flows_set() {
    check_body(
        "
        do:
          - a: {set: {count: 0}}
          - b: {set: {count: '${{ vars.count + 1 }}', x: '${{ vars.cuont }}'}}
        outputs: {n: '${{ vars.count }}'}
        ",
        "
        E0405 4:55 no `set` in a `do:` list writes `vars.cuont`
          hint: did you mean `count`?
        ",
    );
}

#[test]
fn expressions_in_blocks_of_text_are_located_on_their_lines() {
    check_body(
        "
        tasks:
          a:
            set:
              literal: |
                first ${{ nope }}
                nope ${{ nope }} and $${{ nope }} ${{ none_such }}
              folded: >-
                one ${{ nope }}
                two ${{ nopes }}
              escaped: \"\\t${{ nope }}\"
        ",
        "
        E0402 6:19 unknown name `nope`
        E0402 7:18 unknown name `nope`
        E0402 7:47 unknown name `none_such`
        E0402 9:17 unknown name `nope`
        E0402 10:17 unknown name `nopes`
        E0402 11:23 unknown name `nope`
        ",
    );
}

#[test]
fn variables_are_seen_where_they_are_written() {
    check_body(
        "
        do:
          - first: {set: {a: 1}}
          - block: {tasks: {inner: {do: [{b: {set: {b: '${{ vars.a }}'}}}, {c: {set: {c: '${{ vars.b }}'}}}]}}}
          - each: {for_each: 2, do: [{d: {set: {d: '${{ vars.a }}'}}}]}
          - again: {repeat: {until: vars.e > 1, max: 2, do: [{e: {set: {e: '${{ vars.a }}'}}}]}}
          - last: {set: {sum: '${{ vars.a + vars.b + vars.d + vars.e }}'}, finally: [{set: {f: 1}}]}
        outputs: {f: '${{ vars.f }}', c: '${{ vars.c }}', none: '${{ vars.g }}'}
        ",
        "
        E0405 7:37 `vars.b` is not seen here: a `tasks:` block and an item of `for_each` write a copy
          hint: give the value out by the `outputs` of the block
        E0405 7:46 `vars.d` is not seen here: a `tasks:` block and an item of `for_each` write a copy
          hint: give the value out by the `outputs` of the block
        E0405 8:39 `vars.c` is not seen here: a `tasks:` block and an item of `for_each` write a copy
          hint: give the value out by the `outputs` of the block
        E0405 8:62 no `set` in a `do:` list writes `vars.g`
        ",
    );
}

#[test]
fn expressions_do_not_stand_in_keys() {
    check_body(
        "tasks: {a: {set: {'${{ 1 }}': 2}}}\n",
        "
        E0407 2:19 a key must be fixed, an expression cannot stand in it
          hint: write the whole map as one expression: `${{ {name: value} }}`
        ",
    );
}

#[test]
fn what_cannot_have_a_value_is_not_read() {
    check_body(
        "
        tasks:
          b: {run: x}
          c: {needs: {b: failed}, set: {out: '${{ tasks.b.output.stdout }}', why: '${{ tasks.b.error.title }}'}}
          d: {needs: {b: [failed, skipped]}, set: {out: '${{ tasks.b.output | default(1) }}'}}
          e: {needs: {b: finished}, set: {out: '${{ tasks.b.output }}'}}
          f: {run: x, if: tasks.b.output is defined, needs: {b: failed}}
        ",
        "
        E0415 4:43 `tasks.b.output` cannot have a value: the task goes on only where `b` did not succeed
          hint: read `tasks.b.error`, or accept `succeeded` too
        ",
    );
    check_body(
        "
        tasks:
          s: {switch: [{if: run.attempt > 1, then: a}, {else: b}]}
          a: {run: x}
          b: {set: '${{ tasks.a.output }}'}
        ",
        "
        E0212 5:17 `b` can never run: `s` lets only one of `b` and `a` run
          hint: accept both outcomes: `[succeeded, skipped]`
        ",
    );
}

#[test]
fn a_space_that_is_no_space_breaks_an_operator_and_nothing_else() {
    check_body(
        "
        inputs: {a: {type: boolean}}
        tasks:
          a: {if: 'inputs.a |\u{a0}| inputs.a', set: {}}
          b: {if: 'inputs.a ==\u{a0}= inputs.a', set: {}}
          c: {if: 'inputs.a &\u{a0}& inputs.a', set: {}}
        ",
        "
        E0401 4:22 unexpected character
          hint: write an ordinary space, this is another
        E0401 5:23 unexpected character
          hint: write an ordinary space, this is another
        E0401 6:21 unexpected character
          hint: write `and`
        ",
    );
}
