//! What somebody reads who writes a first workflow, or comes from another language: typical mistakes and what is said of them.

use super::check;

#[test]
fn a_line_that_is_indented_by_one_too_few() {
    check(
        "
        workflow: w
        tasks:
          a:
            run: x
           env: {A: b}
        ",
        "
        E0101 5:4 this line does not line up with the keys above it
          hint: align it with the lines above
        ",
    );
}

#[test]
fn keys_of_a_task_beside_it() {
    check(
        "
        workflow: w
        tasks:
          a:
          run: x
        ",
        "
        E0301 3:4 task `a` must be a map, this is nothing
          hint: write what it does below it, indented deeper: `run: …`
        E0301 4:8 task `run` must be a map, this is text
          hint: indent `run` deeper, so that it belongs to the task above
        ",
    );
}

#[test]
fn tabs() {
    check(
        "
        workflow: w
        tasks:
        \ta:
        \t\trun: x
        ",
        "
        E0106 3:1 a tab stands outside quotes
          hint: use spaces; a tab that belongs to a text goes in quotes
        ",
    );
}

#[test]
fn a_key_without_its_colon() {
    check(
        "
        workflow: w
        tasks:
          a
            run: x
        ",
        "
        E0101 4:8 a `:` cannot stand here
          hint: end the line above with `:`
        ",
    );
}

#[test]
fn a_verb_without_its_colon() {
    check(
        "
        workflow: w
        tasks:
          a:
            run x
        ",
        "
        E0301 4:5 task `a` must be a map, this is text
          hint: a command is written `a: {run: …}`
        ",
    );
}

#[test]
fn no_blank_behind_a_colon() {
    check(
        "
        workflow: w
        tasks:
          a:{run: x}
        ",
        "
        E0208 3:3 `a:{run` cannot name a task: a name holds letters, digits, `_` and `-`, not `:`
          hint: put a space after the `:`
        ",
    );
}

#[test]
fn a_task_that_does_not_exist() {
    check(
        "
        workflow: w
        tasks:
          build: {run: x}
          test: {run: x, needs: biuld}
        ",
        "
        E0209 4:25 there is no task `biuld` beside this one
          hint: did you mean `build`?
        ",
    );
}

#[test]
fn misspelt_keys_at_every_level() {
    check(
        "
        workflow: w
        descrption: x
        input:
          a: {typ: string}
        default: {timout: 5m}
        tasks:
          a: {run: x, need: b, retry: {attempt: 3, delays: 1s}, timeouts: 3m}
          b: {rnu: x}
        ",
        "
        E0202 2:1 unknown key `descrption` in a workflow
          hint: did you mean `description`?
        E0202 3:1 unknown key `input` in a workflow
          hint: write `inputs: {NAME: {type: string}}`
        E0202 5:1 unknown key `default` in a workflow
          hint: did you mean `defaults`?
        E0202 7:15 unknown key `need` in a task
          hint: did you mean `needs`?
        E0202 7:32 unknown key `attempt` in `retry`
          hint: did you mean `attempts`?
        E0202 7:44 unknown key `delays` in `retry`
          hint: did you mean `delay`?
        E0202 7:57 unknown key `timeouts` in a task
          hint: did you mean `timeout`?
        E0202 8:7 unknown key `rnu` in a task
          hint: did you mean `run`?
        ",
    );
}

#[test]
fn a_list_of_commands() {
    check(
        "
        workflow: w
        tasks:
          a:
            run:
              - echo a
              - echo b
        ",
        "
        E0301 5:7 `run` must be text, or a map with `command` or `script`, this is a list
          hint: several commands are one text: `run: |`, and each on a line below
        ",
    );
}

#[test]
fn numbers_in_quotes() {
    check(
        "
        workflow: w
        inputs: {n: {type: integer, default: '3'}}
        tasks:
          a: {run: x, retry: {attempts: '3'}, for_each: '3', max_parallel: '2'}
        ",
        "
        E0304 2:38 `n`: expected integer, found string `\"3\"`
          hint: remove the quotes
        E0301 4:33 `attempts` must be an integer, this is text
          hint: remove the quotes
        E0301 4:49 `for_each` must be a list, a map, a count or an expression, this is text
          hint: remove the quotes
        E0301 4:68 `max_parallel` must be an integer, this is text
          hint: remove the quotes
        ",
    );
}

#[test]
fn an_expression_without_quotes_in_braces() {
    check(
        "
        workflow: w
        inputs: {n: {type: string}}
        tasks:
          a: {run: x, env: {N: ${{ inputs.n }}}}
        ",
        "
        E0101 4:25 a `,` or `}` is missing here
          hint: inside `{}` and `[]` an expression goes in quotes: '${{ … }}'
        ",
    );
}

#[test]
fn the_same_at_once_behind_a_key() {
    check(
        "
        workflow: w
        inputs: {n: {type: array}}
        tasks:
          a: {run: x, for_each: ${{ inputs.n }}}
        ",
        "
        E0101 4:26 a `,` or `}` is missing here
          hint: inside `{}` and `[]` an expression goes in quotes: '${{ … }}'
        ",
    );
}

#[test]
fn a_condition_in_braces() {
    check(
        "
        workflow: w
        inputs: {n: {type: boolean}}
        tasks:
          a:
            run: x
            if: ${{ inputs.n }}
        ",
        "
        E0409 6:9 `if` takes a bare expression, without `${{ }}`
          hint: write `if: inputs.n`
        ",
    );
}

#[test]
fn filters() {
    check(
        "
        workflow: w
        inputs: {n: {type: string}}
        tasks:
          a:
            run: x
            env: {A: '${{ inputs.n | uper }}', B: '${{ inputs.n | toUpper }}', C: \"${{ inputs.n.upper() }}\"}
        ",
        "
        E0401 6:30 unknown filter `uper`
          hint: did you mean `upper`?
        E0401 6:59 unknown filter `toUpper`
          hint: did you mean `upper`?
        E0401 6:89 values have no methods such as `upper()`; write `| upper`
        ",
    );
}

#[test]
fn a_secret_in_the_text_of_a_command() {
    check(
        "
        workflow: w
        tasks:
          a:
            run: curl -H ${{ secrets.TOKEN }} x
        ",
        "
        E0408 4:22 an expression in the text of a script would be read as code
          hint: give the value to the script by `env`, or run a `command`
        ",
    );
}

#[test]
fn a_cycle() {
    check(
        "
        workflow: w
        tasks:
          a: {run: x, needs: b}
          b: {run: x, needs: c}
          c: {run: x, needs: a}
        ",
        "
        E0207 3:22 dependency cycle between tasks: a -> b -> c -> a
          `a` needs `b`
          4:22 `b` needs `c`
          5:22 `c` needs `a`
          hint: remove one of these dependencies
        ",
    );
}

#[test]
fn two_tasks_of_one_name() {
    check(
        "
        workflow: w
        tasks:
          a: {run: x}
          a: {run: y}
        ",
        "
        E0105 4:3 the key `a` stands twice in this map
          3:3 first here
        ",
    );
}

#[test]
fn the_same_in_a_flow() {
    check(
        "
        workflow: w
        do:
          - a: {run: x}
          - a: {run: y}
        ",
        "
        E0215 4:5 two tasks of this `do:` list are called `a`
          3:5 first here
        ",
    );
}

#[test]
fn durations() {
    check(
        "
        workflow: w
        tasks:
          a: {run: x, timeout: 30}
          b: {run: x, timeout: 5 minutes}
          c: {wait: 1w}
          d: {run: x, timeout: PT5M}
          e: {run: x, timeout: '00:05:00'}
          f: {run: x, timeout: 1.5h}
          g: {wait: 30}
          h: {run: x, timeout: m}
        ",
        "
        E0302 3:24 the duration `30` has no unit (ms, s, m, h or d)
          hint: write `30s` if it is seconds
        E0302 4:24 `5 minutes` is not a duration such as `500ms`, `90s`, `1h30m` or `2d`
          hint: did you mean `5m`?
        E0302 5:13 `1w` is not a duration such as `500ms`, `90s`, `1h30m` or `2d`
          hint: did you mean `7d`?
        E0302 6:24 `PT5M` is not a duration such as `500ms`, `90s`, `1h30m` or `2d`
          hint: did you mean `5m`?
        E0302 7:24 `00:05:00` is not a duration such as `500ms`, `90s`, `1h30m` or `2d`
          hint: did you mean `5m`?
        E0302 8:24 `1.5h` is not a duration such as `500ms`, `90s`, `1h30m` or `2d`
          hint: did you mean `1h30m`?
        E0302 9:13 the duration `30` has no unit (ms, s, m, h or d)
          hint: write `30s` if it is seconds
        E0302 10:24 `m` is not a duration such as `500ms`, `90s`, `1h30m` or `2d`
        ",
    );
}

#[test]
fn the_trigger_of_github_actions() {
    check(
        "
        workflow: w
        on:
          push: {branches: [main]}
        tasks:
          a: {run: x}
        ",
        "
        E0202 2:1 unknown key `on` in a workflow
          hint: `triggers` says this, and is not supported yet
        ",
    );
}

#[test]
fn env_as_a_list() {
    check(
        "
        workflow: w
        tasks:
          a:
            run: x
            env:
              - A=1
              - name: B
                value: '2'
        ",
        "
        E0301 6:7 `env` must be a map, this is a list
          hint: write `env: {NAME: VALUE}`
        ",
    );
}

#[test]
fn words_for_outcomes() {
    check(
        "
        workflow: w
        tasks:
          a: {run: x}
          b: {run: x, needs: {a: success}}
          c: {run: x, needs: {a: always}}
          d: {run: x, needs: [{a: failure}]}
          e: {run: x, needs: {a: completed}}
        ",
        "
        E0303 4:26 an outcome is one of `succeeded`, `failed`, `skipped`, `finished`, not `success`
          hint: did you mean `succeeded`?
        E0303 5:26 an outcome is one of `succeeded`, `failed`, `skipped`, `finished`, not `always`
          hint: did you mean `finished`?
        E0301 6:23 `needs` must be text, this is a map
          hint: several with their outcomes are one map: `needs: {NAME: failed}`
        E0303 7:26 an outcome is one of `succeeded`, `failed`, `skipped`, `finished`, not `completed`
          hint: did you mean `finished`?
        ",
    );
}

#[test]
fn outputs_without_schemas() {
    check(
        "
        workflow: w
        tasks:
          a: {run: x, outputs: {image: str, n: {type: int}, m: string, k: {type: strng}}}
          b: {run: x, outputs: [image]}
        ",
        "
        E0301 3:32 output `image` must be a map, this is text
          hint: write `image: {type: string}`
        E0303 3:47 unknown type `int`
          hint: did you mean `integer`?
        E0301 3:56 output `m` must be a map, this is text
          hint: write `m: {type: string}`
        E0303 3:74 unknown type `strng`
          hint: did you mean `string`?
        E0301 4:24 `outputs` of a task must be a map, this is a list
          hint: write `outputs: {NAME: {type: string}}`
        ",
    );
}

#[test]
fn forms_of_retry() {
    check(
        "
        workflow: w
        tasks:
          a: {run: x, retry: 3}
          b: {run: x, retry: {limit: 3, backoff: {duration: 1s}}}
          c: {run: x, retries: 3}
          d: {run: x, retry: {max_attempts: 3, interval: 5s}}
        ",
        "
        E0301 3:22 `retry` must be a map, this is a number
          hint: write `retry: {attempts: 3}`
        E0202 4:23 unknown key `limit` in `retry`
          hint: write `attempts: 3`
        E0301 4:42 `backoff` must be text, this is a map
        E0202 5:15 unknown key `retries` in a task
          hint: write `retry: {attempts: 3}`
        E0202 6:23 unknown key `max_attempts` in `retry`
          hint: write `attempts: 3`
        E0202 6:40 unknown key `interval` in `retry`
          hint: write `delay: 10s`
        ",
    );
}

#[test]
fn texts_for_for_each() {
    check(
        "
        workflow: w
        inputs: {n: {type: string}}
        tasks:
          a: {run: x, for_each: abc}
          b: {run: x, for_each: '${{ inputs.n }}'}
          c: {run: x, for_each: 'a,b'}
          d: {run: x, foreach: [1]}
        ",
        "
        E0301 4:25 `for_each` must be a list, a map, a count or an expression, this is text
          hint: write a list such as `[a, b]`, or an expression in quotes: '${{ … }}'
        E0311 5:30 `for_each` must be a list, a map, a count or a file, `inputs.n` is of type `string`
        E0301 6:25 `for_each` must be a list, a map, a count or an expression, this is text
          hint: write a list such as `[a, b]`, or an expression in quotes: '${{ … }}'
        E0202 7:15 unknown key `foreach` in a task
          hint: did you mean `for_each`?
        ",
    );
}

#[test]
fn values_for_a_process() {
    check(
        "
        workflow: w
        tasks:
          a: {run: x, with: {A: b}}
        ",
        "
        E0204 3:15 `with` has no effect here: the task does `run`
          hint: a process is given values by `env: {NAME: VALUE}`
        ",
    );
}

#[test]
fn a_file_for_github_actions() {
    check(
        "
        name: CI
        on: [push]
        jobs:
          build:
            runs-on: ubuntu-latest
            steps:
              - uses: actions/checkout@v4
              - run: make
        ",
        "
        E0201 1:1 the first key must name the kind of the file, `name` does not
          hint: this looks like a file for GitHub Actions; a workflow begins with `workflow: NAME`
        ",
    );
}

#[test]
fn keys_of_github_actions() {
    check(
        "
        workflow: ci
        tasks:
          build:
            name: Build
            runs-on: ubuntu-latest
            strategy: {matrix: {os: [a, b]}}
            steps:
              - uses: actions/checkout@v4
              - run: make
          t:
            uses: ./x.yaml
            timeout-minutes: 5
            continue-on-error: true
            working-directory: x
            shell: bash
            permissions: {}
        ",
        "
        E0202 4:5 unknown key `name` in a task
          hint: the name of a task is the key it stands under; `description: TEXT` is for people
        E0202 5:5 unknown key `runs-on` in a task
          hint: write `labels: […]`
        E0202 6:5 unknown key `strategy` in a task
          hint: write `for_each: LIST`
        E0202 7:5 unknown key `steps` in a task
          hint: write `do: [{NAME: {run: …}}]`
        E0202 11:5 unknown key `uses` in a task
          hint: write `use: LIBRARY/ACTION@VERSION`
        E0202 12:5 unknown key `timeout-minutes` in a task
          hint: write `timeout: 5m`
        E0202 13:5 unknown key `continue-on-error` in a task
          hint: write `continue_on_error: true`
        E0202 14:5 unknown key `working-directory` in a task
          hint: write `workdir: FOLDER`
        E0202 15:5 unknown key `shell` in a task
          hint: write `run: {script: TEXT, interpreter: bash}`
        E0202 16:5 unknown key `permissions` in a task
        ",
    );
}

#[test]
fn a_file_for_argo_workflows() {
    check(
        "
        apiVersion: argoproj.io/v1alpha1
        kind: Workflow
        metadata: {generateName: x-}
        spec:
          entrypoint: a
          templates:
          - name: a
            container: {image: x, command: [a], args: [b]}
        ",
        "
        E0201 1:1 the first key must name the kind of the file, `apiVersion` does not
          hint: this looks like a file for Kubernetes or Argo Workflows; a workflow begins with `workflow: NAME`
        ",
    );
}

#[test]
fn keys_of_argo_workflows() {
    check(
        "
        workflow: w
        arguments: {parameters: [{name: a}]}
        tasks:
          a: {template: b, dependencies: [c], when: '1 == 1', withItems: [1]}
          b: {script: {image: x, source: y}}
          c: {command: [a, b], args: [c]}
          d: {run: x, retryStrategy: {limit: 3}, activeDeadlineSeconds: 3, onExit: x, continueOn: {failed: true}}
        ",
        "
        E0202 2:1 unknown key `arguments` in a workflow
          hint: write `inputs: {NAME: {type: string}}`
        E0202 4:7 unknown key `template` in a task
          hint: write `workflow: NAME`
        E0202 4:20 unknown key `dependencies` in a task
          hint: write `needs: NAME`
        E0202 4:39 unknown key `when` in a task
          hint: write `if: CONDITION`
        E0202 4:55 unknown key `withItems` in a task
          hint: write `for_each: LIST`
        E0202 5:7 unknown key `script` in a task
          hint: write `run: {script: TEXT, interpreter: python}`
        E0202 6:7 unknown key `command` in a task
          hint: write `run: TEXT`
        E0202 6:24 unknown key `args` in a task
          hint: write `run: {command: [PROGRAM, ARGUMENT]}`
        E0202 7:15 unknown key `retryStrategy` in a task
          hint: write `retry: {attempts: 3}`
        E0202 7:42 unknown key `activeDeadlineSeconds` in a task
          hint: write `timeout: 5m`
        E0202 7:68 unknown key `onExit` in a task
          hint: write `finally: {…}`
        E0202 7:79 unknown key `continueOn` in a task
          hint: write `continue_on_error: true`
        ",
    );
}

#[test]
fn keys_of_dagu() {
    check(
        "
        workflow: w
        params: [a]
        schedule: '* * * * *'
        handlerOn: {failure: {command: x}}
        steps:
          - name: a
            command: echo x
            depends: b
        ",
        "
        E0202 2:1 unknown key `params` in a workflow
          hint: write `inputs: {NAME: {type: string}}`
        E0202 3:1 unknown key `schedule` in a workflow
          hint: `triggers` says this, and is not supported yet
        E0202 4:1 unknown key `handlerOn` in a workflow
          hint: write `on_failure: {…}`
        E0202 5:1 unknown key `steps` in a workflow
          hint: write `tasks: {NAME: {…}}`
        ",
    );
}

#[test]
fn keys_of_dagu_in_a_task() {
    check(
        "
        workflow: w
        tasks:
          a: {command: echo x, depends: b, retryPolicy: {limit: 3}, continueOn: failure, preconditions: [x], repeatPolicy: {repeat: true}, dir: x, output: X, parallel: [a], call: w2}
          b: {script: echo x}
          c: {depends_on: b, run: x, cwd: x, workingDir: y}
        ",
        "
        E0202 3:7 unknown key `command` in a task
          hint: write `run: TEXT`
        E0202 3:24 unknown key `depends` in a task
          hint: write `needs: NAME`
        E0202 3:36 unknown key `retryPolicy` in a task
          hint: write `retry: {attempts: 3}`
        E0202 3:61 unknown key `continueOn` in a task
          hint: write `continue_on_error: true`
        E0202 3:82 unknown key `preconditions` in a task
          hint: write `if: CONDITION`
        E0202 3:102 unknown key `repeatPolicy` in a task
          hint: write `repeat: {until: …, max: 10, do: […]}`
        E0202 3:132 unknown key `dir` in a task
          hint: write `workdir: FOLDER`
        E0202 3:140 unknown key `output` in a task
          hint: write `outputs: {NAME: {type: string}}`
        E0202 3:151 unknown key `parallel` in a task
          hint: write `for_each: LIST`
        E0202 3:166 unknown key `call` in a task
          hint: write `workflow: NAME`
        E0202 4:7 unknown key `script` in a task
          hint: write `run: {script: TEXT, interpreter: python}`
        E0202 5:7 unknown key `depends_on` in a task
          hint: write `needs: NAME`
        E0202 5:30 unknown key `cwd` in a task
          hint: write `workdir: FOLDER`
        E0202 5:38 unknown key `workingDir` in a task
          hint: write `workdir: FOLDER`
        ",
    );
}

#[test]
fn a_file_for_kestra() {
    check(
        "
        id: hello
        namespace: x.y
        tasks:
          - id: a
            type: io.kestra.plugin.core.log.Log
            message: x
        ",
        "
        E0201 1:1 the first key must name the kind of the file, `id` does not
          hint: this looks like a file for Kestra; a workflow begins with `workflow: NAME`
        ",
    );
}

#[test]
fn keys_of_kestra() {
    check(
        "
        workflow: w
        variables: {a: b}
        errors: [x]
        triggers: []
        tasks:
          - id: a
            run: x
          - id: b
            run: y
        ",
        "
        E0202 2:1 unknown key `variables` in a workflow
          hint: write `defaults: {env: {…}}`
        E0202 3:1 unknown key `errors` in a workflow
          hint: write `on_failure: {…}`
        E0501 4:1 `triggers` is not supported yet
        E0301 6:3 `tasks` must be a map, this is a list
          hint: write `do:` before a list, whose tasks run one after the other
        ",
    );
}

#[test]
fn guessed_verbs_and_keys() {
    check(
        "
        workflow: w
        tasks:
          a: {cmd: x}
          b: {python: x}
          c: {run: x, name: b, condition: y, loop: [1]}
        ",
        "
        E0202 3:7 unknown key `cmd` in a task
          hint: write `run: TEXT`
        E0202 4:7 unknown key `python` in a task
          hint: write `run: {script: TEXT, interpreter: python}`
        E0202 5:15 unknown key `name` in a task
          hint: the name of a task is the key it stands under; `description: TEXT` is for people
        E0202 5:24 unknown key `condition` in a task
          hint: write `if: CONDITION`
        E0202 5:38 unknown key `loop` in a task
          hint: write `for_each: LIST`
        ",
    );
}

#[test]
fn keys_of_tasks_at_the_root() {
    check(
        "
        workflow: w
        vars: {A: b}
        env: {A: b}
        timeout: 5m
        retry: {attempts: 3}
        tasks:
          a: {run: echo ${{ inputs.x }}}
        ",
        "
        E0202 2:1 unknown key `vars` in a workflow
          hint: write `defaults: {env: {…}}`
        E0202 3:1 unknown key `env` in a workflow
          hint: write `defaults: {env: {…}}`
        E0202 4:1 unknown key `timeout` in a workflow
          hint: write `deadline: 1h`
        E0202 5:1 unknown key `retry` in a workflow
          hint: write `defaults: {retry: {attempts: 3}}`
        E0101 7:18 a `,` or `}` is missing here
          hint: inside `{}` and `[]` an expression goes in quotes: '${{ … }}'
        ",
    );
}

#[test]
fn operators_and_functions_of_others() {
    check(
        "
        workflow: w
        tasks:
          a: {run: x}
          b: {run: x, if: \"tasks.a.status = 'succeeded'\"}
          d: {run: x, if: always()}
          e: {run: x, if: \"tasks.a.status == 'succeeded' && true\"}
          f: {run: x, if: '!tasks.a.output'}
          g: {run: x, if: failure()}
          h: {run: x, if: \"tasks.a.attempts > 1 || true\"}
          i: {run: x, if: \"contains(tasks.a.output.stdout, 'x')\"}
          j: {run: x, env: {A: \"${{ tasks.a.attempts > 1 ? 'x' : 'y' }}\"}}
        ",
        "
        E0401 4:35 unexpected input after expression
          hint: write `==` to compare
        E0401 5:19 unknown function `always`
          hint: write it under `finally:`, or accept every end: `needs: {NAME: finished}`
        E0401 6:50 unexpected character
          hint: write `and`
        E0401 7:20 unexpected character
          hint: write `not`
        E0401 8:19 unknown function `failure`
          hint: write it under `on_failure:`, or `needs: {NAME: failed}`
        E0401 9:41 unexpected `|`, expected identifier
          hint: write `or`
        E0401 10:20 unknown function `contains`
          hint: write `'x' in value`
        E0401 11:50 unexpected character
          hint: write `A if CONDITION else B`
        ",
    );
}

#[test]
fn a_list_of_tasks_under_tasks() {
    check(
        "
        workflow: w
        tasks:
          - a: {run: x}
          - b: {run: y}
        ",
        "
        E0301 3:3 `tasks` must be a map, this is a list
          hint: write `do:` before a list, whose tasks run one after the other
        ",
    );
}

#[test]
fn a_map_under_do() {
    check(
        "
        workflow: w
        do:
          a: {run: x}
          b: {run: y}
        ",
        "
        E0301 3:3 `do` must be a list, this is a map
          hint: write `- NAME: {…}` for each task
        ",
    );
}

#[test]
fn inputs_without_schemas() {
    check(
        "
        workflow: w
        inputs:
          a: string
          b: {type: str}
          c: {type: string, requried: true}
          d: [x]
          e: 5
        tasks: {a: {run: x}}
        ",
        "
        E0301 3:6 input `a` must be a map, this is text
          hint: write `a: {type: string}`
        E0303 4:13 unknown type `str`
          hint: did you mean `string`?
        E0202 5:21 unknown key `requried` in an input
          hint: did you mean `required`?
        E0301 6:6 input `d` must be a map, this is a list
        E0301 7:6 input `e` must be a map, this is a number
          hint: write `e: {type: integer, default: 5}`
        ",
    );
}

#[test]
fn names_of_others_in_expressions() {
    check(
        "
        workflow: w
        tasks:
          a: {run: x}
          b:
            run: x
            env:
              A: ${{ github.ref }}
              B: ${{ env.HOME }}
              C: ${{ input.x }}
              D: ${{ steps.a.outputs.c }}
              E: ${{ matrix.os }}
              F: ${{ params.x }}
              H: ${{ needs.a.outputs.x }}
              J: ${{ task.x }}
              L: ${{ foo }}
        ",
        "
        E0402 7:14 unknown name `github`
          hint: facts of the run are `run.id`, `run.workflow` …
        E0402 8:14 unknown name `env`
          hint: a process finds variables in its environment; an expression reads `inputs` or `vars`
        E0402 9:14 unknown name `input`
          hint: did you mean `inputs`?
        E0402 10:14 unknown name `steps`
          hint: what a task gave is `tasks.NAME.output`
        E0402 11:14 unknown name `matrix`
          hint: the item of a `for_each` is `item`, or the name that `as` gives it
        E0402 12:14 unknown name `params`
          hint: inputs of a run are `inputs.NAME`
        E0402 13:14 unknown name `needs`
          hint: what a task gave is `tasks.NAME.output`
        E0402 14:14 unknown name `task`
          hint: did you mean `tasks`?
        E0402 15:14 unknown name `foo`
        ",
    );
}
