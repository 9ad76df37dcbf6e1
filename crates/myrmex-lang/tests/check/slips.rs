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
