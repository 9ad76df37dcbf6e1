//! What tasks and blocks ask for beside a place.

use std::collections::{BTreeMap, BTreeSet};

use myrmex_lang::{Beside, Source, Supply, check_in};
use myrmex_model::demand::{Asks, Priority};
use myrmex_model::ir::{Definition, Node};
use myrmex_model::name::Name;

use super::{check_body, dedent, definition, describe};

fn name(text: &str) -> Name {
    Name::new(text).expect("it is a name")
}

fn node<'d>(definition: &'d Definition, name: &str) -> &'d Node {
    definition.nodes.iter().find(|node| node.name.as_str() == name).expect("it is there")
}

fn asks(definition: &Definition, name: &str) -> Asks {
    node(definition, name).policy.asks.as_deref().cloned().unwrap_or_default()
}

/// Returns what is wrong with a workflow in a workspace that says what it has.
fn problems_in(supply: &Supply, body: &str) -> String {
    let text = format!("workflow: w\ndefaults: {{timeout: 1m}}\n{}", dedent(body));
    let checked = check_in(&Source::new("test.yaml", text.as_str()), &Beside::default(), supply);
    describe(&text, &checked.diagnostics)
}

#[test]
fn a_task_asks_for_what_it_says_then_for_what_is_handed_on_then_for_defaults() {
    let definition = definition(
        "
        pools: {db: 4, web: 2}
        defaults: {labels: [linux], priority: low, pools: {db: 1}, resources: {cpu: 0.5}, lock: own}
        tasks:
          plain: {run: x}
          own: {run: x, pools: {web: 2}, labels: [arm], resources: {memory: 2Mi, gpu: 1}, lock: mine}
          none: {run: x, pools: {}, labels: []}
          block:
            labels: [gpu]
            priority: high
            queue: slow
            pools: {db: 3}
            tasks:
              inner: {run: x}
              nearer: {run: x, priority: critical, queue: fast}
        ",
    );
    let plain = asks(&definition, "plain");
    assert_eq!((plain.priority, plain.labels.len()), (Priority::Low, 1));
    assert_eq!(plain.pools, BTreeMap::from([(name("db"), 1)]));
    assert_eq!(plain.fixed_lock(), Some("own"));
    assert_eq!(plain.resources, BTreeMap::from([(name("cpu"), 500)]));
    let own = asks(&definition, "own");
    assert_eq!(own.pools, BTreeMap::from([(name("web"), 2)]));
    assert_eq!(own.fixed_lock(), Some("mine"));
    assert_eq!(own.resources, BTreeMap::from([(name("memory"), 2 << 20), (name("gpu"), 1)]));
    let none = asks(&definition, "none");
    assert_eq!((none.pools.len(), none.labels.len()), (0, 0));
    let inner = asks(&definition, "inner");
    assert_eq!((inner.priority, inner.queue), (Priority::High, Some(name("slow"))));
    assert_eq!(inner.labels[0].as_literal().and_then(|label| label.as_str()), Some("gpu"));
    assert_eq!(inner.pools, BTreeMap::from([(name("db"), 1)]));
    let nearer = asks(&definition, "nearer");
    assert_eq!((nearer.priority, nearer.queue), (Priority::Critical, Some(name("fast"))));
    let block = asks(&definition, "block");
    assert_eq!(block.pools, BTreeMap::from([(name("db"), 3)]));
    assert_eq!((block.labels.len(), block.lock, block.priority), (0, None, Priority::High));
    assert_eq!(definition.pools, BTreeMap::from([(name("db"), 4), (name("web"), 2)]));
}

#[test]
fn a_definition_that_asks_for_nothing_is_stored_as_before() {
    let definition =
        definition("tasks: {a: {run: x, priority: normal}, b: {tasks: {c: {run: x}}, priority: high}}");
    assert_eq!(node(&definition, "a").policy.asks, None);
    assert_eq!(node(&definition, "b").policy.asks, None);
    assert_eq!(asks(&definition, "c").priority, Priority::High);
}

#[test]
fn pools_have_to_be_declared_and_large_enough() {
    check_body(
        "
        pools: {db: 2}
        defaults: {pools: {web: 1}}
        tasks:
          a: {run: x, pools: {dbs: 1}}
          b: {run: x, pools: {db: 3}}
          c: {run: x, pools: {db: 0}}
          d: {run: x, pools: {db: '${{ 1 }}'}}
        ",
        "
        E0231 3:20 the pool `web` is declared nowhere
          hint: add `pools: {web: 1}` to the root of the workflow, or to `myrmex.yaml` for all workflows
        E0231 5:23 the pool `dbs` is declared nowhere
          hint: did you mean `db`?
        E0232 6:27 3 units of the pool `db` are asked for, it has 2
        E0308 7:27 `db` must be at least 1, this is 0
        E0407 8:27 `db` must be fixed, an expression cannot stand here
        ",
    );
}

#[test]
fn what_a_block_around_holds_can_never_be_had() {
    check_body(
        "
        inputs: {env: {type: string}}
        pools: {db: 3}
        tasks:
          outer:
            pools: {db: 1}
            lock: deploy-${{ inputs.env }}
            tasks:
              fits: {run: x, pools: {db: 2}}
              inner:
                pools: {db: 1}
                do:
                  - large: {run: x, pools: {db: 2}}
                  - locked: {run: x, lock: 'deploy-${{ inputs.env }}'}
                  - other: {run: x, lock: other}
                on_failure: {run: x, pools: {db: 2}}
        ",
        "
        E0233 13:41 `large` would wait for ever: of 3 units of the pool `db` the blocks around hold 2, and it asks for 2
          hint: leave the pool to `inner`, or let there be more of it
        E0233 14:36 `locked` would wait for ever: `outer`, the block around it, holds this lock
          hint: leave the lock to `outer`
        E0233 16:42 `on_failure` would wait for ever: of 3 units of the pool `db` the blocks around hold 2, and it asks for 2
          hint: leave the pool to `inner`, or let there be more of it
        ",
    );
}

#[test]
fn items_with_locks_of_their_own_do_not_meet() {
    let definition = definition(
        "
        tasks:
          each: {for_each: [a, b], lock: 'l-${{ item }}', tasks: {x: {run: x, for_each: [c], lock: 'l-${{ item }}'}}}
        ",
    );
    assert!(
        definition.nodes.iter().any(|node| node
            .policy
            .asks
            .as_ref()
            .is_some_and(|asks| asks.has_expressions()))
    );
}

#[test]
fn what_no_declared_worker_has_is_found() {
    let supply = Supply {
        pools: BTreeMap::from([(name("db"), 2)]),
        labels: Some(BTreeSet::from(["gpu".to_owned()])),
        resources: BTreeMap::from([(name("cpu"), 2_000), (name("memory"), 1 << 30)]),
    };
    let found = problems_in(
        &supply,
        "
        pools: {db: 9}
        tasks:
          a: {run: x, labels: [gpu, linux, gpuu], resources: {cpu: 2.5, memory: 2Gi, licence: 5}}
          b: {run: x, pools: {db: 3}}
        ",
    );
    let expected = "
        W0221 5:36 no worker that the settings declare has the label `gpuu`
          hint: did you mean `gpu`?
        E0234 5:60 2.5 `cpu` are asked for, the worker has 2
        E0234 5:73 2Gi `memory` are asked for, the worker has 1Gi
        E0232 6:27 3 units of the pool `db` are asked for, it has 2
        ";
    assert_eq!(found, dedent(expected));
}

#[test]
fn keys_stand_where_they_have_an_effect_and_have_their_forms() {
    check_body(
        "
        pools: [db]
        tasks:
          a: {wait: 1s, pools: {db: 1}, lock: x}
          b: {tasks: {c: {run: x}}, resources: {cpu: 1}}
          d: {workflow: w, labels: [x], wait: false, lock: x}
          e: {run: x, lock: '', labels: gpu, priority: urgent, queue: '${{ 1 }}'}
          f: {run: x, resources: {cpu: 0, memory: 512, gpu: 1.5}}
          g: {run: x, resources: {memory: 5 GB}}
        ",
        "
        E0301 2:8 `pools` must be a map, this is a list
        E0204 4:17 `pools` has no effect here: the task does `wait`
        E0204 4:33 `lock` has no effect here: the task does `wait`
        E0204 5:29 `resources` has no effect here: a block has no worker; give it to the tasks inside
        E0204 6:20 `labels` has no effect here: the tasks of the called workflow say it for themselves
        E0204 6:46 `lock` has no effect here: the task does not wait for the child
        E0301 7:21 `lock` is empty
        E0301 7:33 `labels` must be a list, this is text
        E0303 7:48 `priority` is one of `background`, `low`, `normal`, `high`, `critical`, not `urgent`
        E0407 7:63 `queue` must be fixed, an expression cannot stand here
        E0308 8:32 `cpu` must be at least 0.001, this is 0
        E0321 8:43 `512` is not a size such as `512Mi` or `2G`
          hint: write `512Mi` if it is mebibytes
        E0301 8:53 `gpu` must be an integer, this is 1.5
        E0321 9:35 `5 GB` is not a size such as `512Mi` or `2G`
        ",
    );
}

#[test]
fn actions_ask_for_the_pools_of_the_workflow_that_uses_them() {
    let library = "actions:\n  migrate:\n    version: 1.0.0\n    run: x\n    pools: {db: 2}\n";
    let found = |pools: &str| {
        let text = format!(
            "workflow: w\n{pools}defaults: {{timeout: 1m}}\ntasks: {{a: {{use: tools/migrate@1}}}}\n"
        );
        let beside =
            Beside { libraries: vec![Source::new("actions/tools.yaml", library)], ..Beside::default() };
        let checked = check_in(&Source::new("test.yaml", text.as_str()), &beside, &Supply::default());
        describe(&text, &checked.diagnostics)
    };
    assert_eq!(found("pools: {db: 2}\n"), "");
    let small = "E0232 4:18 2 units of the pool `db` are asked for, it has 1\n";
    assert_eq!(found("pools: {db: 1}\n"), small);
    assert!(found("").starts_with("E0231 3:18 the pool `db` is declared nowhere"), "{}", found(""));
}
