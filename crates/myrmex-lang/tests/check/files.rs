//! Files as values: inputs and outputs of type `file`, and numbers that processes get.

use super::calls::check_files;
use super::check_body;
use super::nodes::assert_nodes;

#[test]
fn declared_files_are_told_to_the_process() {
    assert_nodes(
        "
        inputs: {data: {type: file, default: data.csv}}
        tasks:
          a: {run: x, env: {D: '${{ inputs.data }}'}, outputs: {n: {type: integer}, report: {type: file}}}
          b: {set: {size: '${{ tasks.a.output.report.size + inputs.data.size }}'}}
        ",
        r#"
        0 - w: graph a->b on succeeded
        1 0 a: process {"script":"x","env":{"D":<inputs.data>},"file_outputs":["report"]} gives n integer, report file
        2 0 b: value {"size":<tasks.a.output.report.size + inputs.data.size>}
        "#,
    );
}

#[test]
fn fields_of_files_are_known() {
    check_body(
        "
        inputs: {data: {type: file}, n: {type: file, enum: [a], default: 3}, s: {type: path}}
        tasks:
          a: {run: x, artifacts: {app: app.bin}, outputs: {report: {type: file, pattern: x}}}
          b: {set: {a: '${{ inputs.data.sise }}', b: '${{ inputs.data[0] }}', c: '${{ inputs.n.hash }}'}}
          c: {set: {a: '${{ tasks.a.artifacts.app.path }}', b: '${{ tasks.a.output.report.nam }}'}}
          d: {run: x, if: inputs.data}
          e: {run: x, if: inputs.data.size == 'large'}
          f: {run: x, if: item + 1 == 2, for_each: '${{ tasks.a.artifacts.app }}'}
        ",
        "
        E0305 2:46 a file cannot be listed in enum
        E0304 2:66 `n`: expected the path of a file, found integer
        E0303 2:80 unknown type `path`
          hint: did you mean `file`?
        E0305 4:73 a value of type `file` has no pattern
        E0405 5:21 the input `data` is a file, which has no field `sise`
          hint: did you mean `size`?
        E0405 5:51 the input `data` is a file, not a list
        E0405 6:21 the artifact `app` is a file, which has no field `path`
        E0405 6:61 the output `report` is a file, which has no field `nam`
          hint: did you mean `name`?
        E0311 7:19 a condition must be true or false, `inputs.data` is of type `file`
          hint: compare it with something
        E0311 8:19 `inputs.data.size == 'large'` is never true: `inputs.data.size` is of type `integer`, `'large'` of type `string`
        E0311 9:19 `+` takes two numbers, two strings or two lists: `item` is of type `string`, `1` of type `integer`
          hint: make a number of it: `item | int`, or join text with `~`
        ",
    );
}

#[test]
fn files_are_passed_on_and_nothing_else_in_their_place() {
    check_files(
        "
        --- main.yaml
        workflow: main
        inputs: {data: {type: file}, name: {type: string}}
        tasks:
          a: {run: x, artifacts: {app: app.bin}, outputs: {report: {type: file}}}
          b: {workflow: child, with: {data: '${{ tasks.a.artifacts.app }}', more: '${{ inputs.data }}'}}
          c: {workflow: child, with: {data: '${{ tasks.a.output.report }}'}}
          d: {workflow: child, with: {data: app.bin}}
          e: {workflow: child, with: {data: '${{ inputs.name }}', more: 'x${{ inputs.name }}'}}
          f: {workflow: child}
        --- child.yaml
        workflow: child
        inputs: {data: {type: file, default: data.csv}, more: {type: file, required: false}}
        tasks: {a: {set: '${{ [inputs.data, inputs.more] }}'}}
        ",
        "
        E0607 7:37 the input `data` of the workflow `child`: expected file, found string `\"app.bin\"`
          hint: give an artifact, or an output or an input of type `file`
        E0607 8:37 the input `data` of the workflow `child`: expected file, `inputs.name` is of type `string`
        E0607 8:65 the input `more` of the workflow `child`: expected file, found text
          hint: give an artifact, or an output or an input of type `file`
        E0606 9:17 the workflow `child` needs the input `data` (file), whose default counts for who starts it alone
          hint: add `with: {data: …}`
        ",
    );
}

#[test]
fn numbers_that_are_printed_in_another_way_are_pointed_out() {
    check_body(
        "
        defaults: {env: {D: 1e3}}
        tasks:
          a: {run: x, env: {V: 1.10, W: '1.10', N: 3, M: -1.5, P: +5, Z: 1.0}}
          b: {run: {command: [tool, --version, 2.50, 7]}}
          c: {env: {V: 1.20}, tasks: {d: {run: x}}}
        ",
        "
        W0206 2:21 `D` becomes `1000.0`: bare `1e3` is a number
          hint: write `'1e3'` for the text
        W0206 4:24 `V` becomes `1.1`: bare `1.10` is a number
          hint: write `'1.10'` for the text
        W0206 4:59 `P` becomes `5`: bare `+5` is a number
          hint: write `'+5'` for the text
        W0206 5:40 a part of `command` becomes `2.5`: bare `2.50` is a number
          hint: write `'2.50'` for the text
        W0206 6:16 `V` becomes `1.2`: bare `1.20` is a number
          hint: write `'1.20'` for the text
        ",
    );
}

#[test]
fn a_map_with_the_fields_of_a_file_is_a_map() {
    check_files(
        "
        --- main.yaml
        workflow: main
        tasks:
          a: {for_each: {name: web, size: 3, hash: abc}, if: key == 'size', set: '${{ item }}'}
        ",
        "
        0 - main: graph\x20
        1 0 a: each item of {\"name\":\"web\",\"size\":3,\"hash\":\"abc\"} max None fail fast false body 2
        2 1 a: value <item> if key == 'size'
        ",
    );
}
