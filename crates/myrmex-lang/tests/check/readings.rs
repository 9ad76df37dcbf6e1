//! What is read otherwise than it is meant.

use super::check_body;

#[test]
fn keys_durations_and_kinds_that_mean_something_else() {
    check_body(
        "
        inputs: {d: {type: duration}}
        tasks:
          a: {for_each: [1], set: '${{ key }}'}
          b: {if: inputs.d > '30m', set: {}}
          c: {try: {set: {}}, catch: {type: timout, set: {}}}
        ",
        "
        W0211 4:32 `key` is the index here: the items of this `for_each` have no keys
          hint: write `index`
        W0212 5:11 `inputs.d > '30m'` compares durations as texts: `2h` is less than `30m`
          hint: write `inputs.d | duration > '30m' | duration`
        W0213 6:37 nothing in this `try` fails with the type `timout`
          hint: did you mean `timeout`?
        ",
    );
}

#[test]
fn a_try_that_may_fail_with_anything_is_not_judged() {
    check_body(
        "
        inputs: {p: {type: object}}
        tasks:
          a: {try: {workflow: kid}, catch: {type: time-out, set: {}}}
          b: {try: {fail: '${{ inputs.p }}'}, catch: {type: time-out, set: {}}}
          c: {try: {fail: {type: '${{ inputs.p.type }}', title: x}}, catch: {type: time-out, set: {}}}
        ",
        "
        E0601 4:23 there is no workflow `kid` in the files beside this one
        ",
    );
}
