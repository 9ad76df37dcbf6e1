//! What is legal or nearly so, and seldom meant: the other form of a list, and the ways of other languages in data.

use super::check;

#[test]
fn tasks_under_their_names_in_a_list_of_bodies() {
    check(
        "
        workflow: w
        tasks:
          a:
            try: [{build: {run: x}}]
            catch: [{undo: {run: x}}]
            finally: [{cleanup: {run: rm -rf x, tiemout: 1m}}]
          b:
            switch:
              - {if: true, do: [{cut: {run: x}}]}
              - {else: {do: {paste: {run: x}}}}
          c:
            try: {one: {run: x}, two: {run: x}}
            catch: {undo: {set: {a: 1}}}
            finally: [{clean: rm -rf x}, {rum: x}]
        ",
        "
        E0202 4:12 `build` is no key of a task: in this list a task bears its name under `name`
          hint: here write `- {name: build, run: …}`
        E0202 5:14 `undo` is no key of a task: a body is one task without a name, or a list
          hint: here write `{run: …}`
        E0202 6:16 `cleanup` is no key of a task: in this list a task bears its name under `name`
          hint: here write `- {name: cleanup, run: …}`
        E0202 6:41 unknown key `tiemout` in a task
          hint: did you mean `timeout`?
        E0202 9:26 `cut` is no key of a task: in this list a task bears its name under `name`
          hint: here write `- {name: cut, run: …}`
        E0202 10:22 `paste` is no key of a task: a body is one task without a name, or a list
          hint: here write `- {name: paste, run: …}`
        E0202 12:11 `one` is no key of a task: a body is one task without a name, or a list
          hint: put them one level deeper, under `tasks:` in `try`
        E0202 13:13 `undo` is no key of a task: a body is one task without a name, or a list
          hint: here write `{set: …}`
        E0202 14:16 `clean` is no key of a task: in this list a task bears its name under `name`
          hint: here write `- {name: clean, run: …}`
        E0202 14:35 unknown key `rum` in a task
          hint: did you mean `run`?
        ",
    );
}

#[test]
fn tasks_without_their_names_in_a_do_list() {
    check(
        "
        workflow: w
        do:
          - run: make
          - {name: b, run: x}
          - c: {run: x, env: {A: '${{ tasks.b.output }}'}}
          - d:
            run: x
          - make all
          - {run: x, timeout: 1m}
          - set: {a: 1}
          - script: make
          - [x]
          - wait: {wait: 5s}
        ",
        "
        E0214 3:5 an entry of `do:` is a map with one key, the name of its task
          hint: here write `- NAME: {run: …}`, with a name for the task
        E0214 4:5 an entry of `do:` is a map with one key, the name of its task
          hint: here write `- b: {run: …}`
        E0214 6:5 an entry of `do:` is a map with one key, the name of its task
          hint: indent what follows `d:` deeper
        E0214 8:5 an entry of `do:` is a map with one key, the name of its task
          hint: write `- NAME: {run: …}`
        E0214 9:5 an entry of `do:` is a map with one key, the name of its task
          hint: here write `- NAME: {run: …}`, with a name for the task
        E0214 10:5 an entry of `do:` is a map with one key, the name of its task
          hint: here write `- NAME: {set: …}`, with a name for the task
        E0214 11:5 an entry of `do:` is a map with one key, the name of its task
          hint: here write `- NAME: {script: …}`, with a name for the task
        E0214 12:5 an entry of `do:` is a map with one key, the name of its task
          hint: write `- NAME: {…}`
        ",
    );
}

#[test]
fn outputs_that_declare() {
    check(
        "
        workflow: w
        tasks:
          a: {run: x, outputs: {n: {type: integer}}}
          b:
            do: [{c: {run: x}}]
            outputs: {n: {type: integer, minimum: 1}, data: {type: a kind of mine}, more: {type: string, of: me}}
        outputs:
          n: {type: integer, value: '${{ tasks.a.output.n }}'}
          m: '${{ tasks.a.output.n }}'
        ",
        "
        W0207 6:18 the output `n` is this map itself: outputs of a workflow or block are values
          hint: write `n: '${{ tasks.TASK.output.n }}'`; a type is declared in the `outputs` of the task
        W0207 8:6 the output `n` is this map itself: outputs of a workflow or block are values
          hint: write `n: '${{ tasks.a.output.n }}'`; a type is declared in the `outputs` of the task
        ",
    );
    check(
        "
        workflow: w
        tasks: {a: {run: x}}
        outputs: [a, b]
        ",
        "
        W0207 3:10 these `outputs` are values, and this one is a list of names
          hint: write `outputs: {NAME: '${{ tasks.TASK.output.NAME }}'}`
        ",
    );
}

#[test]
fn lines_of_a_script_that_become_one() {
    check(
        "
        workflow: w
        tasks:
          a:
            run: make clean
              make all
          b:
            run: >
              make clean
              make all
          c:
            run: {script: \"import os
              print(1)\", interpreter: python}
          many-arguments:
            run: >-
              docker run
              --rm image &&
              make
              | tee log
          a-comment:
            run: >
              # all of it
              make
          lines-apart:
            run: >
              make clean

              make all
          lines:
            run: |
              make clean
              make all
        ",
        "
        W0208 4:10 the lines of this script become one line, with blanks between
          hint: write `run: |`, and the lines below it
        W0208 8:7 the lines of this script become one line, with blanks between
          hint: write `run: |`, and the lines below it
        W0208 11:19 the lines of this script become one line, with blanks between
          hint: write `script: |`, and the lines below it
        W0208 21:7 the lines of this script become one line, with blanks between
          hint: write `run: |`, and the lines below it
        ",
    );
}

#[test]
fn holes_of_other_languages() {
    check(
        "
        workflow: w
        inputs: {tag: {type: string}}
        tasks:
          a:
            run: {command: [x, '{{ inputs.tag }}', '${ inputs.tag }', '${inputs.tag}', '${{ inputs.tag }}']}
            env: {PATH: '/x:$PATH', A: '${A}'}
          b: {set: {x: '{{ item }}', y: [{z: '${ tasks.a.output }'}]}}
          not-ours:
            run: {command: [x, '{{.ID}}', '${HOME}', '$${{ x }}', '{{ a b }}', '`${item.x}`', '${process.env.X}']}
            env: {B: '$BC', C: '${B:-x}'}
          a-script: {run: 'echo {{ inputs.tag }} ${ inputs.tag }'}
        ",
        "
        W0209 5:24 `{{ inputs.tag }}` is text here
          hint: write `${{ inputs.tag }}` for the value
        W0209 5:44 `${ inputs.tag }` is text here
          hint: write `${{ inputs.tag }}` for the value
        W0209 5:63 `${inputs.tag}` is text here
          hint: write `${{ inputs.tag }}` for the value
        W0209 6:17 `$PATH` is text here: no shell reads the values of `env`
          hint: write it in the script: `export PATH=\"…\"`
        W0209 6:32 `$A` is text here: no shell reads the values of `env`
          hint: write it in the script: `export A=\"…\"`
        W0209 7:16 `{{ item }}` is text here
          hint: write `${{ item }}` for the value
        W0209 7:38 `${ tasks.a.output }` is text here
          hint: write `${{ tasks.a.output }}` for the value
        ",
    );
}

#[test]
fn words_of_others_for_keys() {
    check(
        "
        workflow: w
        secrets: [A]
        tasks:
          a: {run: x, id: b}
          b: {run: x, on_success: c}
          c: {try: {run: x}, except: {run: y}}
          d: {switch: [{when: true, goto: a}, {default: b}]}
          e: {run: x, shell: bash, with_items: [1]}
          f: {fail: {message: x}}
          g: {run: {cmd: x}}
          h: {run: {command: [x], args: [y]}, timeout: {seconds: 5}}
          i: {wait: {for: 3s}}
          j: {repeat: {times: 3, do: [{x: {run: x}}]}}
        ",
        "
        E0202 2:1 unknown key `secrets` in a workflow
          hint: a secret is named where it is needed: `env: {TOKEN: '${{ secrets.TOKEN }}'}` of a task
        E0202 4:15 unknown key `id` in a task
          hint: the name of a task is the key it stands under; `description: TEXT` is for people
        E0202 5:15 unknown key `on_success` in a task
          hint: in the task that comes after write `needs: NAME`; in a `do:` list `then: NAME` goes on elsewhere
        E0202 6:22 unknown key `except` in a task
          hint: write `catch: {…}`
        E0202 7:17 unknown key `when` in a case
          hint: write `if: CONDITION`
        E0202 7:29 unknown key `goto` in a case
          hint: write `then: NAME`
        E0202 7:40 unknown key `default` in a case
          hint: write `else: NAME`
        E0202 8:15 unknown key `shell` in a task
          hint: write `run: {script: TEXT, interpreter: bash}`
        E0202 8:28 unknown key `with_items` in a task
          hint: write `for_each: LIST`
        E0202 9:14 unknown key `message` in `fail`
          hint: write `title: TEXT`
        E0202 10:13 unknown key `cmd` in `run`
          hint: write `command: [PROGRAM, ARGUMENT]`
        E0202 11:27 unknown key `args` in `run`
          hint: arguments follow their program: `command: [PROGRAM, ARGUMENT]`
        E0202 11:49 unknown key `seconds` in `timeout`
          hint: how long is written without a map: `timeout: 5m`
        E0202 12:14 unknown key `for` in `wait`
          hint: how long is written without a map: `wait: 30s`
        E0202 13:16 unknown key `times` in `repeat`
          hint: write `max: 10`
        ",
    );
}

#[test]
fn values_in_the_forms_of_others() {
    check(
        "
        workflow: w
        version: 1.0
        inputs: {rows: {type: array}}
        tasks:
          a: {run: x, for_each: inputs.rows, complete: 1}
          b: {run: x, needs: 'a, c', retry: {attempts: 2, backoff: 2, jitter: true}}
          c: {run: x, needs: [{a: failed}], retry: {attempts: 2, delay: 1m, max_delay: 1s}}
          d: {workflow: ./child.yaml}
          e: {run: x, artifacts: {none: ''}, timeout: -5s}
          f: {run: x, timeout: 99999999999999d}
        ",
        "
        E0307 2:10 `1.0` is not a semantic version such as `1.4.0`
          hint: did you mean `1.0.0`?
        E0301 5:25 `for_each` must be a list, a map, a count or an expression, this is text
          hint: write `for_each: ${{ inputs.rows }}`
        E0301 5:48 `complete` must be text, this is a number
          hint: write `first(1)`
        E0208 6:22 `a, c` is one text and no list of tasks
          hint: write `needs: [a, c]`
        E0303 6:60 `backoff` is one of `constant`, `linear`, `exponential`, not `2`
        E0303 6:71 `jitter` is one of `full`, `none`, not `true`
          hint: did you mean `full`?
        E0301 7:23 `needs` must be text, this is a map
          hint: several with their outcomes are one map: `needs: {NAME: failed}`
        E0308 7:80 `max_delay` of 1s is less than `delay`, which is 1m
        E0208 8:17 `./child.yaml` is a path: a workflow is called by the name in its first line
          hint: write NAME of `workflow: NAME`, the first line of that file
        E0304 9:33 the artifact `none` has no path
        E0302 9:47 `-5s` is not a duration such as `500ms`, `90s`, `1h30m` or `2d`
          hint: write it without `-`: no duration is below zero
        E0302 10:24 the duration `99999999999999d` is longer than 10000d
        ",
    );
}

#[test]
fn paths_that_lead_beside_what_is_meant() {
    check(
        "
        workflow: w
        tasks:
          build-all: {run: x, outputs: {n: {type: integer}}}
          block: {tasks: {inner: {run: x}}}
          each: {for_each: [1], run: x, artifacts: {log: x.log}}
          a:
            run: x
            env:
              A: ${{ tasks.build-all.output.n }}
              B: ${{ tasks['build-all'].output.stdout }}
              C: ${{ tasks.block.inner.output }}
              D: ${{ tasks.each.artifacts.log }}
              E: ${{ tasks.each.items[0].artifacts.log }}
              F: ${{ secrets.token-x }}
              G: ${{ secrets['token-x'] }}
        ",
        "
        E0404 9:14 there is no task `build`
          hint: a name with `-` goes in brackets: `tasks['build-all']`
        E0402 9:26 unknown name `all`
          hint: a name with `-` goes in brackets: `tasks['build-all']`
        E0405 10:14 the task `build-all` gives no output `stdout`
          hint: declared `outputs` take its place: write the value to `$MYRMEX_OUTPUT`
        E0405 11:14 a task has no field `inner`
          hint: `inner` is inside the block `block`, which must give it out by its `outputs`
        E0405 12:14 `tasks.each` has no artifacts of its own: its items have them
          hint: write `tasks.each.items[0].artifacts.NAME`
        E0414 14:14 a secret can only be named, nothing else can be done with it here
          hint: a name with `-` goes in brackets: `${{ secrets['token-x'] }}`
        ",
    );
}

#[test]
fn a_colon_in_a_text_in_braces() {
    check(
        "
        workflow: w
        tasks: {a: {run: echo hi: there}}
        ",
        "
        E0101 2:25 a `,` or `}` is missing here
          hint: put quotes around text that holds `: `
        ",
    );
}
