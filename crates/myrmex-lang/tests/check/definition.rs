//! What right files become.

use myrmex_lang::{Source, check};
use myrmex_model::ir::{Backoff, NodeId};
use myrmex_model::schema::{Schema, Type};
use myrmex_model::time::Length;

use super::definition;
use super::nodes::{assert_nodes, body};

#[test]
fn the_verbs_become_bodies() {
    assert_nodes(
        "
        tasks:
          script: {run: make all}
          argv: {run: {command: [echo, 1, '${{ run.id }}']}, env: {A: 1, B: '${{ run.id }}'}, workdir: sub}
          python: {run: {script: print(1), interpreter: python3}}
          values: {set: {a: 1, b: 'v${{ run.attempt }}'}}
          stop: {fail: {type: quality, title: 'no ${{ run.id }}'}}
          text: {fail: no luck}
          pause: {wait: 90s}
          alarm: {wait: {until: '${{ run.started }}'}}
        ",
        r#"
        0 - w: graph 
        1 0 script: process {"script":"make all"}
        2 0 argv: process {"command":["echo",1,<run.id>],"env":{"A":1,"B":<run.id>},"workdir":"sub"}
        3 0 python: process {"script":"print(1)","interpreter":"python3"}
        4 0 values: value {"a":1,"b":"v<run.attempt>"}
        5 0 stop: raise {"type":"quality","title":"no <run.id>"}
        6 0 text: raise "no luck"
        7 0 pause: after "1m30s"
        8 0 alarm: until <run.started>
        "#,
    );
}

#[test]
fn needs_and_references_become_edges() {
    assert_nodes(
        "
        max_parallel: 4
        fail_fast: true
        tasks:
          a: {run: x, outputs: {v: {type: integer}}}
          b: {needs: {a: [succeeded, failed]}, set: '${{ tasks.a.output.v }}'}
          c: {needs: [a, b], run: x}
          d: {needs: {c: finished}, if: tasks.a.output.v > 1, run: x}
          e:
            tasks:
              f: {set: '${{ tasks.b.output }}'}
              g: {needs: f, run: x}
            outputs: {f: '${{ tasks.f.output }}', d: '${{ tasks.d.output }}'}
        outputs: {e: '${{ tasks.e.output.f }}'}
        ",
        r#"
        0 - w: graph a->b on succeeded|failed, a->c on succeeded, a->d on succeeded, b->c on succeeded, b->e on succeeded, c->d on succeeded|failed|skipped, d->e on succeeded max 4 fail fast gives {"e":<tasks.e.output.f>}
        1 0 a: process {"script":"x"} gives v integer
        2 0 b: value <tasks.a.output.v>
        3 0 c: process {"script":"x"}
        4 0 d: process {"script":"x"} if tasks.a.output.v > 1
        5 0 e: graph f->g on succeeded gives {"f":<tasks.f.output>,"d":<tasks.d.output>}
        6 5 f: value <tasks.b.output>
        7 5 g: process {"script":"x"}
        "#,
    );
}

#[test]
fn a_switch_is_edges_in_a_graph_and_jumps_in_a_flow() {
    assert_nodes(
        "
        tasks:
          choose: {switch: [{if: 1 < 2, then: b}, {if: 1 < 3, then: c}, {else: b}]}
          b: {run: x}
          c: {needs: choose, run: x}
          flow:
            do:
              - first: {run: x}
              - choose: {switch: [{if: 1 < 2, then: first}, {if: 1 < 3, then: last}, {else: end}]}
              - last: {run: x, if: 1 < 2, then: first}
        ",
        r#"
        0 - w: graph choose->b on succeeded cases [0, 2], choose->c on succeeded cases [1]
        1 0 choose: choose 1 < 2: continue, 1 < 3: continue, else: continue
        2 0 b: process {"script":"x"}
        3 0 c: process {"script":"x"}
        4 0 flow: flow first continue, choose continue, last goto 0
        5 4 first: process {"script":"x"}
        6 4 choose: choose 1 < 2: goto 0, 1 < 3: goto 2, else: end
        7 4 last: process {"script":"x"} if 1 < 2
        "#,
    );
}

#[test]
fn for_each_wraps_its_task_and_a_guard_that_names_the_item_goes_inside() {
    assert_nodes(
        "
        inputs: {go: {type: boolean, default: true}}
        tasks:
          a: {for_each: [1, 2], as: n, if: n > 1, max_parallel: 2, fail_fast: true, run: x, env: {N: '${{ n }}'}}
          b: {for_each: 3, if: inputs.go, set: '${{ item + index }}'}
          c:
            for_each: ${{ tasks.a.output }}
            if: index == 0
            tasks: {d: {for_each: '${{ item }}', as: inner, if: item != none, set: '${{ [item, inner, key] }}'}}
            outputs: ${{ item }}
        ",
        r#"
        0 - w: graph a->c on succeeded
        1 0 a: each n of [1,2] max Some(2) fail fast true body 2
        2 1 a: process {"script":"x","env":{"N":<n>}} if n > 1
        3 0 b: each item of 3 max None fail fast false body 4 if inputs.go
        4 3 b: value <item + index>
        5 0 c: each item of <tasks.a.output> max None fail fast false body 6
        6 5 c: graph  if index == 0 gives <item>
        7 6 d: each inner of <item> max None fail fast false body 8 if item != none
        8 7 d: value <[item, inner, key]>
        "#,
    );
}

#[test]
fn policies_are_lowered_and_defaults_hold_for_run_tasks_only() {
    let definition = definition(
        "
        defaults: {retry: {attempts: 2, delay: 5s}, timeout: 1m, env: {A: 1, B: 2}}
        tasks:
          a: {run: x}
          b:
            run: x
            retry: {attempts: 4, backoff: linear, max_delay: 1m, jitter: full, when: error.exit_code == 75}
            timeout: {run: 2m}
            env: {B: 3}
          c: {run: x, retry: {attempts: 1}}
          d: {set: {x: 1}}
        ",
    );
    let retry = |index: usize| definition.nodes[index].policy.retry.clone();
    let default = retry(1).unwrap();
    assert_eq!((default.retries, default.delay, default.backoff), (1, Length(5_000), Backoff::Exponential));
    assert_eq!((default.delay_max, default.has_jitter, default.when), (None, false, None));
    let own = retry(2).unwrap();
    assert_eq!((own.retries, own.delay, own.backoff), (3, Length(1_000), Backoff::Linear));
    assert_eq!((own.delay_max, own.has_jitter), (Some(Length(60_000)), true));
    assert_eq!(&*own.when.unwrap().source, "error.exit_code == 75");
    assert_eq!((retry(3), retry(4)), (None, None));
    let timeouts: Vec<_> = definition.nodes.iter().map(|node| node.policy.attempt_timeout).collect();
    let minutes = |count: u64| Some(Length(count * 60_000));
    assert_eq!(timeouts, [None, minutes(1), minutes(2), minutes(1), None]);
    assert_eq!(body(&definition, &definition.nodes[2]), r#"process {"script":"x","env":{"A":1,"B":3}}"#);
}

#[test]
fn inputs_keep_their_order_and_schemas() {
    let definition = definition(
        "
        inputs:
          z: {type: string, pattern: '^v'}
          a: {enum: [1, 2], default: 2}
          m: {type: array, items: {type: number, minimum: 0.5}, required: false}
        tasks: {t: {set: '${{ inputs }}'}}
        ",
    );
    let [z, a, m] = definition.inputs.as_slice() else { panic!() };
    assert_eq!((z.name.as_str(), &z.default, z.is_optional), ("z", &None, false));
    assert_eq!(z.schema, Schema { pattern: Some("^v".into()), ..Schema::of(Type::String) });
    assert_eq!(a.schema, Schema { allowed: vec![1.into(), 2.into()], ..Schema::of(Type::Integer) });
    assert_eq!(a.default, Some(2.into()));
    assert!(m.is_optional);
    assert_eq!(m.schema.items.as_deref(), Some(&Schema { minimum: Some(0.5), ..Schema::of(Type::Number) }));
}

#[test]
fn nodes_have_places() {
    let text = "workflow: w\ntasks:\n  a: {for_each: [1], run: echo}\n";
    let checked = check(&Source::new("f.yaml", text));
    let places = |id| {
        let places = checked.places.of(NodeId(id)).unwrap();
        [&places.key, &places.whole, &places.body].map(|span| &text[span.start..span.end])
    };
    assert_eq!(checked.places.file(), "f.yaml");
    assert_eq!(places(0), ["w", text.trim_end(), "tasks"]);
    assert_eq!(places(1), ["a", "{for_each: [1], run: echo}", "echo"]);
    assert_eq!(places(2), places(1));
    assert!(checked.places.of(NodeId(3)).is_none());
}

#[test]
fn json_and_yaml_give_the_same_definition() {
    let yaml = definition("tasks:\n  a: {run: x}\n  b: {needs: a, set: {v: [1, null, true]}}\n");
    let json = r#"{"workflow": "w", "tasks": {"a": {"run": "x"}, "b": {"needs": ["a"], "set": {"v": [1, null, true]}}}}"#;
    assert_eq!(check(&Source::new("w.json", json)).definition, Some(yaml));
}
