//! Declared outputs of tasks: which may be left out, and what is known of them then.

use super::check;

#[test]
fn an_output_that_may_be_left_out_may_be_null() {
    check(
        "
        workflow: w
        tasks:
          a:
            set: {n: 1, m: null}
            outputs: {n: {type: integer}, m: {type: integer, required: false}, o: {type: string, required: false}}
          b: {if: tasks.a.output.o == none or tasks.a.output.m == 3, run: 'true'}
        ",
        "",
    );
}

#[test]
fn an_output_that_must_be_there_is_given() {
    check(
        "
        workflow: w
        tasks:
          a:
            set: {n: 1, p: null}
            outputs: {o: {type: string, required: true}, p: {type: string}}
        ",
        "
        E0304 5:14 `p`: expected string, found null
        E0304 5:14 the output `o` is declared, but `set` does not give it
        ",
    );
}

#[test]
fn an_output_has_no_default() {
    check(
        "
        workflow: w
        tasks:
          a:
            run: 'true'
            outputs: {n: {type: integer, default: 0}}
        ",
        "
        E0202 5:34 unknown key `default` in an output
          hint: with `required: false` an output that is not given is null; who reads it writes `| default(x)`
        ",
    );
}

#[test]
fn a_field_inside_says_nothing_about_itself() {
    check(
        "
        workflow: w
        inputs:
          sizes: {type: array, items: {type: integer, required: false}, default: []}
        tasks:
          a: {run: 'echo \"$N\"', env: {N: '${{ inputs.sizes }}'}}
        ",
        "
        E0301 3:57 here `required` is the list of the fields that a map must have
          hint: in the map that holds this field write `required: [NAME]`
        ",
    );
}
