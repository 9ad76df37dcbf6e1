//! `E03xx`, and warnings about inputs: types and values.

use myrmex_lang::{Source, check as check_source};

use super::{check_body, dedent, describe};

#[test]
fn values_have_types() {
    check_body(
        "
        version: 1.10
        description: [x]
        max_parallel: many
        fail_fast: 1
        inputs: [a]
        tasks:
          a: {run: 5, needs: 3, retry: 3, timeout: [1m]}
          b: {run: {command: ls -l}, env: [X]}
          c: {run: x, env: {E: , F: ''}, workdir: 1}
          d: {set: text}
          e: {for_each: text, run: x}
          f: {fail: {title: 5}}
        ",
        "
        E0307 2:10 `1.10` is not a semantic version such as `1.4.0`
          hint: did you mean `1.10.0`?
        E0301 3:14 `description` must be text, this is a list
        E0301 4:15 `max_parallel` must be an integer, this is text
        E0301 5:12 `fail_fast` must be `true` or `false`, this is a number
        E0301 6:9 `inputs` must be a map, this is a list
        E0301 8:12 `run` must be text, or a map with `command` or `script`, this is a number
          hint: put quotes around it
        E0301 8:22 `needs` must be text, this is a number
          hint: put quotes around it
        E0301 8:32 `retry` must be a map, this is a number
          hint: write `retry: {attempts: 3}`
        E0301 8:44 `timeout` must be a duration, this is a list
        E0301 9:22 `command` must be a list, this is text
          hint: write [PROGRAM, ARGUMENT, …], or use `script` for shell text
        E0301 9:35 `env` must be a map, this is a list
          hint: write `env: {NAME: VALUE}`
        E0301 10:21 the variable `E` has no value
          hint: write '' for an empty variable
        E0301 10:43 `workdir` must be text, this is a number
          hint: put quotes around it
        E0301 11:12 `set` must be a map or one expression, this is text
        E0301 12:17 `for_each` must be a list, a map, a count or an expression, this is text
          hint: write a list such as `[a, b]`, or an expression in quotes: '${{ … }}'
        E0301 13:21 `title` must be text, this is a number
          hint: put quotes around it
        ",
    );
}

#[test]
fn durations_have_units() {
    check_body(
        "
        tasks:
          a: {run: x, timeout: 30, retry: {attempts: 2, delay: 10 s, max_delay: 20000d}}
          b: {wait: 5}
          c: {wait: soon}
          d: {wait: '${{ 5 }}s'}
        ",
        "
        E0302 3:24 the duration `30` has no unit (ms, s, m, h or d)
          hint: write `30s` if it is seconds
        E0302 3:56 `10 s` is not a duration such as `500ms`, `90s`, `1h30m` or `2d`
          hint: did you mean `10s`?
        E0302 3:73 the duration `20000d` is longer than 10000d
        E0302 4:13 the duration `5` has no unit (ms, s, m, h or d)
          hint: write `5s` if it is seconds
        E0302 5:13 `soon` is not a duration such as `500ms`, `90s`, `1h30m` or `2d`
        ",
    );
}

#[test]
fn words_of_closed_sets_are_checked() {
    check_body(
        "
        inputs: {a: {type: strng}, b: {type: secret}}
        tasks:
          a: {run: x, retry: {attempts: 2, backoff: expo, jitter: half}}
        ",
        "
        E0303 2:20 unknown type `strng`
          hint: did you mean `string`?
        E0303 4:45 `backoff` is one of `constant`, `linear`, `exponential`, not `expo`
        E0303 4:59 `jitter` is one of `full`, `none`, not `half`
        ",
    );
}

#[test]
fn what_other_languages_write_is_understood_in_the_hints() {
    check_body(
        "
        inputs: {a: {type: bool}, b: {type: dict}, c: {type: wibble}}
        tasks:
          a: {run: x, timeout: 1 hour}
          b: {run: x, timeout: 1h30}
          c: {run: x, timeout: 1 Hour 5 mins}
          d: {run: x, timeout: 5m 1h}
          e: echo hi
          f: {run: [echo, hi]}
          g: {rnu: x}
          h: {run: x, env: {MYRMEX_TASK: y}}
        ",
        "
        E0303 2:20 unknown type `bool`
          hint: did you mean `boolean`?
        E0303 2:37 unknown type `dict`
          hint: did you mean `object`?
        E0303 2:54 unknown type `wibble`
          hint: the types are string, integer, number, boolean, array, object, duration, date, file, any, secret
        E0302 4:24 `1 hour` is not a duration such as `500ms`, `90s`, `1h30m` or `2d`
          hint: did you mean `1h`?
        E0302 5:24 `1h30` is not a duration such as `500ms`, `90s`, `1h30m` or `2d`
          hint: did you mean `1h30m`?
        E0302 6:24 `1 Hour 5 mins` is not a duration such as `500ms`, `90s`, `1h30m` or `2d`
          hint: did you mean `1h5m`?
        E0302 7:24 `5m 1h` is not a duration such as `500ms`, `90s`, `1h30m` or `2d`
        E0301 8:6 task `e` must be a map, this is text
          hint: a command is written `e: {run: …}`
        E0301 9:12 `run` must be text, or a map with `command` or `script`, this is a list
          hint: a program and its arguments are written `run: {command: […]}`
        E0202 10:7 unknown key `rnu` in a task
          hint: did you mean `run`?
        E0310 11:21 every task finds its own `MYRMEX_TASK` in its environment
          hint: choose another name
        ",
    );
}

#[test]
fn defaults_and_listed_values_fit_their_own_schema() {
    check_body(
        "
        inputs:
          a: {type: string, default: 1.10}
          b: {type: integer, minimum: 3, default: 2}
          c: {type: array, items: {enum: [eu, us]}, default: [eu, mars]}
          d: {type: string, pattern: '^v', enum: [v1, w2]}
          e: {type: date, default: 2027-01-11T09:00:00Z}
          f: {type: duration, default: 5}
        tasks: {t: {run: x}}
        ",
        "
        E0304 3:30 `a`: expected string, found number `1.1`
          hint: put quotes around it
        E0304 4:43 `b`: 2 is less than the minimum 3
        E0304 5:54 `c[1]`: string `\"mars\"` is not one of \"eu\", \"us\"
        E0304 6:47 `enum`: string `\"w2\"` does not match the pattern `^v`
        E0304 8:32 `f`: expected duration such as `90s` or `1h30m`, found integer `5`
        ",
    );
}

#[test]
fn schemas_do_not_contradict_themselves() {
    check_body(
        "
        inputs:
          a: {type: string, minimum: 3}
          b: {type: integer, minimum: 3, maximum: 2}
          c: {enum: []}
          d: {enum: [a, a]}
          e: {type: string, pattern: '('}
          f: {type: integer, minLength: 3, multipleOf: 0}
        tasks: {t: {run: x, outputs: {o: {type: array, pattern: x}}}}
        ",
        "
        E0305 3:21 a value of type `string` has no minimum
        E0305 4:43 `maximum` 2 is less than `minimum` 3
        E0305 5:13 `enum` allows nothing
        E0305 6:17 `enum` lists \"a\" twice
        E0306 7:30 `(` is not a regular expression: found open group without closing ')'
        E0305 8:22 a value of type `integer` has no minLength
        E0305 8:48 `multipleOf` must be more than 0, this is 0
        E0305 9:48 a value of type `array` has no pattern
        ",
    );
}

#[test]
fn versions_are_semantic() {
    check_body(
        "version: v1\ntasks: {a: {run: x}}\n",
        "
        E0307 2:10 `v1` is not a semantic version such as `1.4.0`
          hint: did you mean `1.0.0`?
        ",
    );
    check_body("version: 1.2.3-rc.1+build.5\ntasks: {a: {run: x}}\n", "");
    check_body(
        "version: 01.2.3\ntasks: {a: {run: x}}\n",
        "E0307 2:10 `01.2.3` is not a semantic version such as `1.4.0`\n",
    );
}

#[test]
fn numbers_have_bounds() {
    check_body(
        "
        max_parallel: 0
        tasks:
          a: {run: x, retry: {attempts: 0}, timeout: 0s}
          b: {fail: {title: x, status: 20}}
          c: {run: x, retry: {attempts: 2.5}}
        ",
        "
        E0308 2:15 `max_parallel` must be at least 1, this is 0
        E0308 4:33 `attempts` must be at least 1, this is 0
        E0308 4:46 a `timeout` of zero leaves no time at all
        E0308 5:32 `status` must be between 100 and 599, this is 20
        E0301 6:33 `attempts` must be an integer, this is 2.5
        ",
    );
}

#[test]
fn instants_and_variables_are_checked() {
    check_body(
        "
        tasks:
          a: {wait: {until: 2027-01-11}}
          b: {run: x, env: {A-B: x, 1C: y}}
        ",
        "
        E0309 3:21 `2027-01-11` is not a time such as `2027-01-11T09:00:00Z`
        E0310 4:21 `A-B` cannot name an environment variable
          hint: use letters, digits and `_`, no digit first
        E0310 4:29 `1C` cannot name an environment variable
          hint: use letters, digits and `_`, no digit first
        ",
    );
}

#[test]
fn unused_inputs_are_warned_of() {
    check_body(
        "
        inputs: {a: {type: string}, b: {type: string}}
        tasks: {t: {set: '${{ inputs.b }}'}}
        ",
        "W0201 2:10 nothing uses the input `a`\n",
    );
    check_body("inputs: {a: {type: string}}\ntasks: {t: {set: '${{ inputs }}'}}\n", "");
}

#[test]
fn what_a_set_gives_fits_its_declared_outputs() {
    check_body(
        "
        tasks:
          a:
            set: {n: text, m: '${{ run.id }}'}
            outputs: {n: {type: integer}, m: {type: integer}, missing: {type: any}}
        ",
        "
        E0311 4:28 the output `m` is declared as `integer`, but `run.id` is of type `string`
        E0304 5:14 `n`: expected integer, found string `\"text\"`
        E0304 5:14 the output `missing` is declared, but `set` does not give it
        ",
    );
}

#[test]
fn types_that_are_known_and_cannot_be_right_are_found_before_the_run() {
    check_body(
        "
        inputs:
          count: {type: integer}
          name: {type: string}
          go: {type: boolean, default: true}
          list: {type: array, default: []}
          at: {type: date}
          free: {default: 1}
        tasks:
          a: {run: x, outputs: {n: {type: number}, s: {type: string}}}
          b: {for_each: '${{ inputs.name }}', run: x, if: inputs.count}
          c: {for_each: '${{ tasks.a.output.s }}', run: x, if: item == 1}
          d: {for_each: '${{ inputs.list }}', run: x}
          e: {run: x, if: inputs.count == 'three'}
          f: {run: x, if: inputs.name >= 3}
          g: {switch: [{if: tasks.a.output.n == true, then: e}, {else: f}]}
          h: {wait: '${{ inputs.count }}'}
          i: {wait: {until: '${{ inputs.at }}'}}
          j: {run: x, if: inputs.go and inputs.count == 'three'}
          k: {run: x, if: inputs.go == true}
          l: {run: x, if: inputs.free == 'x'}
          m: {run: x, if: tasks.d.output}
          n: {repeat: {while: inputs.name, max: 2, do: [{o: {run: x}}]}}
        ",
        "
        E0311 11:22 `for_each` must be a list, a map, a count or a file, `inputs.name` is of type `string`
        E0311 11:51 a condition must be true or false, `inputs.count` is of type `integer`
          hint: compare it with something
        E0311 12:22 `for_each` must be a list, a map, a count or a file, `tasks.a.output.s` is of type `string`
        E0311 14:19 `inputs.count == 'three'` is never true: `inputs.count` is of type `integer`, `'three'` of type `string`
        E0311 15:19 only two numbers or two strings have an order: `inputs.name` is of type `string`, `3` of type `integer`
          hint: make a number of it: `inputs.name | int`, or of a duration: `inputs.name | duration`
        E0311 16:21 `tasks.a.output.n == true` is never true: `tasks.a.output.n` is of type `number`, `true` of type `boolean`
        E0311 17:18 `wait` must be a duration, `inputs.count` is of type `integer`
        E0311 19:33 `inputs.count == 'three'` is never true: `inputs.count` is of type `integer`, `'three'` of type `string`
        E0311 22:19 a condition must be true or false, `tasks.d.output` is of type `array`
          hint: compare it with something
        E0311 23:23 a condition must be true or false, `inputs.name` is of type `string`
          hint: compare it with something
        ",
    );
}

/// Asserts what is said of limits of time in a workflow with this `body`.
#[track_caller]
fn check_bounds(body: &str, expected: &str) {
    let text = format!("workflow: w\n{}", dedent(body));
    let found = describe(&text, &check_source(&Source::new("test.yaml", text.as_str())).diagnostics);
    assert_eq!(found, dedent(expected), "{text}");
}

#[test]
fn types_are_followed_through_expressions_and_tasks() {
    check_body(
        "
        inputs:
          n: {type: integer}
          s: {type: string}
          maybe: {type: integer, required: false}
          people: {type: array, items: {type: object, properties: {name: {type: string}, age: {type: integer}}}}
        tasks:
          plus: {set: '${{ inputs.n + inputs.s }}'}
          less: {set: '${{ inputs.n < inputs.s }}'}
          same: {set: '${{ inputs.s == 5 }}'}
          text: {if: '\"x\"', run: x}
          given: {set: {x: '${{ inputs.s }}'}, outputs: {x: {type: integer}}}
          inside: {run: x, env: {A: 'n ${{ inputs.n }} ${{ -inputs.s }}'}}
          made: {set: {sum: '${{ inputs.n * 2 }}', all: [1, 2]}}
          block: {do: [{a: {set: {t: '${{ inputs.s | upper }}'}}}], outputs: {t: '${{ tasks.a.output.t }}'}}
          use: {set: '${{ tasks.made.output.sum ~ tasks.made.output.all[0] - tasks.block.output.t }}'}
          each: {for_each: '${{ inputs.people }}', as: who, if: who.age > who.name, run: x, retry: {attempts: 2, when: error.exit_code == '1'}}
          len: {set: {v: '${{ inputs.n | length }} ${{ inputs.s in inputs.n }} ${{ inputs.n in inputs.s }}'}}
          time: {run: x, if: tasks.plus.attempts == 'one'}
          cut: {set: '${{ inputs.n[1:] }}'}
        ",
        "
        E0311 8:20 `+` takes two numbers, two strings or two lists: `inputs.n` is of type `integer`, `inputs.s` of type `string`
          hint: make a number of it: `inputs.s | int`, or join text with `~`
        E0311 9:20 only two numbers or two strings have an order: `inputs.n` is of type `integer`, `inputs.s` of type `string`
          hint: make a number of it: `inputs.s | int`, or of a duration: `inputs.s | duration`
        E0311 10:20 `inputs.s == 5` is never true: `inputs.s` is of type `string`, `5` of type `integer`
          hint: write `'5'`
        E0311 11:15 a condition must be true or false, `\"x\"` is of type `string`
          hint: compare it with something
        E0311 12:25 the output `x` is declared as `integer`, but `inputs.s` is of type `string`
        E0311 13:52 `-` takes a number: `inputs.s` is of type `string`
          hint: make a number of it: `inputs.s | int`
        E0311 16:19 `-` takes two numbers: `tasks.made.output.sum ~ tasks.made.output.all[0]` is of type `string`, `tasks.block.output.t` of type `string`
          hint: make a number of it: `tasks.block.output.t | int`
        E0311 17:57 only two numbers or two strings have an order: `who.age` is of type `integer`, `who.name` of type `string`
          hint: make a number of it: `who.name | int`, or of a duration: `who.name | duration`
        E0311 17:112 `error.exit_code == '1'` is never true: `error.exit_code` is of type `integer` or `null`, `'1'` of type `string`
        E0311 18:23 `length` takes a string, a list or a map: `inputs.n` is of type `integer`
        E0311 18:48 `in` takes a list, a map or a string on its right: `inputs.n` is of type `integer`
        E0311 18:76 only a string can be in a string: `inputs.n` is of type `integer`, `inputs.s` of type `string`
        E0311 19:22 `tasks.plus.attempts == 'one'` is never true: `tasks.plus.attempts` is of type `integer`, `'one'` of type `string`
        E0311 20:19 only lists and strings can be sliced: `inputs.n` is of type `integer`
        ",
    );
}

#[test]
fn what_could_be_right_is_not_reported() {
    check_body(
        "
        inputs:
          n: {type: integer}
          x: {type: number}
          s: {type: string}
          go: {type: boolean, default: true}
          any: {default: 1}
          maybe: {type: string, required: false}
          mixed: {enum: [1, auto]}
          list: {type: array, items: {type: integer}}
        tasks:
          a: {set: {v: '${{ inputs.n + inputs.x }} ${{ inputs.s * inputs.n }} ${{ inputs.any + inputs.s }} ${{ inputs.list + [1] }}'}}
          b: {run: x, if: inputs.maybe == none or inputs.maybe < 'm'}
          c: {run: x, if: inputs.n == 1.0 and inputs.x == 2}
          d: {run: x, if: inputs.mixed == 1 or inputs.mixed == 'auto'}
          e: {run: x, if: inputs.go and inputs.any}
          f: {run: x, if: inputs.s is number and inputs.s < 3}
          g: {set: '${{ inputs.any - 1 if inputs.any is number else inputs.any }}'}
          h: {set: {v: '${{ inputs.x }}', w: '${{ inputs.n / 2 }}'}, outputs: {v: {type: integer}, w: {type: integer}}}
          i: {run: x, if: (inputs.maybe | default('x')) == 'x', continue_on_error: true, outputs: {o: {type: integer}}}
          j: {run: x, if: tasks.i.output == none, needs: i}
          k: {for_each: '${{ inputs.list }}', set: '${{ item * 2 }}'}
          l: {set: {v: '${{ tasks.k.output[0] == none }} ${{ tasks.k.output | first + 1 }} ${{ inputs.list[0] in inputs.list }}'}}
          m: {set: {v: '${{ inputs.s ~ inputs.n }} ${{ inputs.s | int + 1 }} ${{ inputs.s | jq(\"length\") > 3 }} ${{ not inputs.s }}'}}
          o: {for_each: 3, run: x, if: index + item > 1}
        ",
        "",
    );
}

#[test]
fn processes_without_a_limit_of_time_are_one_warning() {
    check_bounds(
        "
        tasks:
          a: {run: x, timeout: {queue: 1s}, finally: {run: y}}
          b: {run: x, timeout: {total: 1m}}
          c: {tasks: {d: {run: x}}, timeout: 1m, on_failure: {run: z}}
          e: {wait: 1s}
        ",
        "
        W0205 3:3 `a`, `finally` and `on_failure` may run for ever: they have no `timeout`
          hint: add `defaults: {timeout: 30m}` for all, or a `timeout` to each
        ",
    );
    check_bounds(
        "tasks: {a: {run: x}, b: {wait: 1s}}\n",
        "W0205 2:9 `a` may run for ever: it has no `timeout`\n  hint: add a `timeout`, such as `timeout: 30m`\n",
    );
    check_bounds(
        "
        finally: {run: x}
        defaults: {timeout: {queue: 1h}}
        tasks: {a: {run: x, finally: {run: y}}, b: {run: x, finally: {run: y}}, c: {tasks: {d: {run: x}}}}
        ",
        "
        W0205 2:1 `finally`, `a`, `b` and 3 more may run for ever: they have no `timeout`
          hint: add `run` to the `timeout` of `defaults`, or a `timeout` to each
        ",
    );
}

#[test]
fn a_limit_anywhere_around_a_process_is_enough() {
    check_bounds("deadline: 1h\ntasks: {a: {run: x}, b: {run: x}}\n", "");
    check_bounds("defaults: {timeout: 1m}\ntasks: {a: {run: x}, b: {run: x}}\n", "");
    check_bounds("tasks: {a: {timeout: 1m, tasks: {b: {do: [{c: {run: x}}]}}}}\n", "");
    check_bounds("tasks: {a: {run: x, timeout: 1s}, b: {run: x, timeout: {run: 1s}}}\n", "");
}

#[test]
fn a_number_without_fraction_is_an_integer() {
    let inputs = "inputs: {n: {type: integer, default: 1e3}, l: {type: array, items: {type: integer}, default: [2.0]}}\n";
    let made = super::definition(&format!("{inputs}tasks: {{a: {{set: '${{{{ inputs }}}}'}}}}\n"));
    let defaults: Vec<String> =
        made.inputs.iter().filter_map(|input| Some(input.default.as_ref()?.to_string())).collect();
    assert_eq!(defaults, ["1000", "[2]"]);
}

#[test]
fn no_process_is_given_the_character_nul() {
    check_body(
        "
        tasks:
          a: {run: \"echo \\0\", env: {A: [\"\\0\"]}}
          b: {set: {v: \"\\0\"}}
        ",
        "
        E0313 3:12 `run` holds the character NUL (`\\0`), no process can be given it
        E0313 3:33 `env` holds the character NUL (`\\0`), no process can be given it
        ",
    );
}
