//! What blocks hold around actions that they use and workflows that they call.

use std::fmt::Write as _;

use myrmex_lang::{Beside, Source, Supply, check_in};
use myrmex_model::name::Name;

use super::describe;

/// Returns what is wrong with `text`, beside a library `lib` and a workflow `kid`.
fn problems((text, lib, kid): (&str, &str, &str), supply: &Supply) -> String {
    let beside = Beside {
        libraries: vec![Source::new("actions/lib.yaml", lib)],
        workflows: vec![Source::new("kid.yaml", kid)],
        ..Beside::default()
    };
    let checked = check_in(&Source::new("test.yaml", text), &beside, supply);
    describe(text, &checked.diagnostics)
}

const NO_LIB: &str = "actions:\n  none: {version: 1.0.0, run: x}\n";
const NO_KID: &str = "workflow: kid\ndefaults: {timeout: 1m}\ntasks: {x: {run: x}}\n";

#[test]
fn an_action_of_actions_of_actions_is_walked_once() {
    let mut lib = "actions:\n".to_owned();
    for index in 0..40 {
        let next = index + 1;
        let used = format!("use: lib/a{next}@1");
        writeln!(lib, "  a{index}: {{version: 1.0.0, tasks: {{x: {{{used}}}, y: {{{used}}}}}}}").unwrap();
    }
    lib.push_str("  a40: {version: 1.0.0, run: x, lock: own}\n");
    let text = "workflow: w\ndefaults: {timeout: 1m}\ntasks: {a: {lock: own, use: lib/a0@1}}\n";
    let found = problems((text, &lib, NO_KID), &Supply::default());
    assert_eq!(found.matches("E0233").count(), 1, "{found}");
}

#[test]
fn locks_that_read_inputs_are_not_compared_with_those_inside_an_action() {
    let lib = "
actions:
  act:
    version: 1.0.0
    inputs: {region: {type: string}}
    tasks: {x: {run: x, lock: '${{ inputs.region }}'}}
  fixed: {version: 1.0.0, run: x, lock: eu}
";
    let text = "
workflow: w
inputs: {region: {type: string}}
defaults: {timeout: 1m}
tasks:
  t: {use: lib/act@1, lock: '${{ inputs.region }}', with: {region: other}}
  u: {use: lib/fixed@1, lock: eu}
";
    let expected = "\
E0233 7:12 `fixed` would wait for ever: `u`, the block around it, holds this lock
  hint: leave the lock to `u`
";
    assert_eq!(problems((text, lib, NO_KID), &Supply::default()), expected);
}

#[test]
fn a_called_workflow_cannot_have_what_is_held_around_the_call() {
    let kid = "
workflow: kid
pools: {db: 1, own: 1}
defaults: {timeout: 1m}
tasks:
  x: {run: x, pools: {db: 1}}
  y: {run: x, pools: {own: 1}}
finally: {run: x, lock: eu}
";
    let text = "
workflow: w
pools: {db: 5}
defaults: {timeout: 1m}
tasks:
  a: {workflow: kid, pools: {db: 1}}
  b: {lock: eu, do: [{c: {workflow: kid}}]}
  d: {workflow: kid}
  e: {lock: eu, do: [{f: {workflow: kid, wait: false}}]}
";
    let expected = "\
E0233 6:17 `x` would wait for ever: of 1 units of the pool `db` the blocks around hold 1, and it asks for 1
  hint: leave the pool to `a`, or let there be more of it
E0233 7:37 `finally` would wait for ever: `b`, the block around it, holds this lock
  hint: leave the lock to `b`
";
    assert_eq!(problems((text, NO_LIB, kid), &Supply::default()), expected);
    let large = Supply { pools: [(Name::new("db").unwrap(), 2)].into(), ..Supply::default() };
    let found = problems((text, NO_LIB, kid), &large);
    assert!(!found.contains("db"), "{found}");
}
