//! When the success of an earlier attempt may be taken over.

use myrmex_model::ir::Body;
use myrmex_model::template::Template;
use serde_json::json;

use super::{check_body, definition};

/// Returns what the executor of the first task is told of its cache.
#[track_caller]
fn lowered(body: &str) -> Template {
    let definition = definition(body);
    let leaf = definition.nodes.iter().find_map(|node| match &node.body {
        Body::Task(task) => Some(task),
        _ => None,
    });
    match &leaf.expect("a leaf task").arguments {
        Template::Literal(arguments) => Template::Literal(arguments["cache"].clone()),
        Template::Map(fields) => {
            fields.iter().find(|(name, _)| name == "cache").expect("it has a cache").1.clone()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_cache_is_told_to_the_executor() {
    let all = lowered("tasks: {a: {run: x, cache: {key: [v1, 2], files: ['src/**', Makefile], ttl: 1h30m}}}");
    assert_eq!(
        all,
        Template::Literal(json!({"key": ["v1", 2], "files": ["src/**", "Makefile"], "ttl_ms": 5_400_000}))
    );
    let one = lowered("tasks: {a: {run: x, cache: {files: src}}}");
    assert_eq!(one, Template::Literal(json!({"files": ["src"]})));
    assert_eq!(lowered("tasks: {a: {run: x, cache: {}}}"), Template::Literal(json!({"files": []})));
    let open = lowered("tasks: {a: {for_each: 2, run: x, cache: {key: '${{ item }}'}}}");
    assert!(matches!(open, Template::Map(_)), "{open:?}");
}

#[test]
fn only_processes_have_a_cache() {
    check_body(
        "
        defaults: {cache: {}}
        tasks:
          a: {set: {x: 1}, cache: {}}
          b: {tasks: {c: {run: x}}, cache: {key: y}}
          d: {wait: 1s, cache: {}}
        ",
        "
        E0202 2:12 unknown key `cache` in `defaults`
        E0204 4:20 `cache` has no effect here: the task does `set`
        E0204 5:29 `cache` has no effect here: the task does `tasks`
        E0204 6:17 `cache` has no effect here: the task does `wait`
        ",
    );
}

#[test]
fn what_is_written_wrong_is_shown_in_its_place() {
    check_body(
        "
        tasks:
          a: {run: x, cache: true}
          b: {run: x, cache: {keys: v1}}
          c: {run: x, cache: {key: , files: {a: b}, ttl: 3}}
          d: {run: x, cache: {files: [1, src], ttl: 0s}}
          e: {run: x, cach: {}}
        ",
        "
        E0301 3:22 `cache` must be a map, this is a boolean
          hint: write `cache: {}`; all that the task is given counts then
        E0202 4:23 unknown key `keys` in `cache`
          hint: did you mean `key`?
        E0301 5:26 `key` is empty
          hint: leave it out, then all that the task is given counts
        E0301 5:37 `files` must be a path or glob, or a list of them, this is a map
        E0302 5:50 the duration `3` has no unit (ms, s, m, h or d)
          hint: write `3s` if it is seconds
        E0301 6:31 a path of `files` must be text, this is a number
          hint: put quotes around it
        E0308 6:45 a `ttl` of zero leaves no time at all
        E0202 7:15 unknown key `cach` in a task
          hint: did you mean `cache`?
        ",
    );
}

#[test]
fn expressions_of_a_cache_see_what_the_variables_of_the_task_see() {
    check_body(
        "
        inputs: {v: {type: string}, token: {type: secret}}
        tasks:
          a: {run: x}
          b: {run: x, cache: {key: ['${{ inputs.v }}', '${{ tasks.a.output.stdout }}'], files: '${{ inputs.v }}/*'}}
          c: {run: x, cache: {key: '${{ secrets.TOKEN }}', files: '${{ tasks.none.output.x }}'}}
          d: {run: x, cache: {key: '${{ inputs.token }}'}}
        ",
        "
        E0413 6:33 `secrets` can only be read in the value of a variable under `env`
        E0404 6:64 there is no task `none`
        E0413 7:33 the input `token` of type `secret` can only be read in the value of a variable under `env`
        ",
    );
}

#[test]
fn what_may_be_done_only_once_is_not_taken_over() {
    check_body(
        "
        defaults: {effect: once}
        tasks:
          a: {run: x, cache: {}}
          b: {run: x, effect: pure, cache: {}}
          c: {tasks: {d: {run: x, cache: {}}}, finally: {run: x, cache: {}}}
        ",
        "
        E0219 4:15 a success is never taken over with `effect: once`: the effect would not take place
          hint: leave `cache` out, or say `effect: idempotent`
        E0219 6:27 a success is never taken over with `effect: once`: the effect would not take place
          hint: leave `cache` out, or say `effect: idempotent`
        E0219 6:58 a success is never taken over with `effect: once`: the effect would not take place
          hint: leave `cache` out, or say `effect: idempotent`
        ",
    );
}

#[test]
fn a_key_tells_the_items_of_a_for_each_apart() {
    check_body(
        "
        tasks:
          a: {for_each: [1], run: x, cache: {key: v1}}
          b: {for_each: [1], as: region, run: x, cache: {key: [v1, '${{ region }}']}}
          c: {for_each: [1], run: x, cache: {key: '${{ index }}'}}
          d: {for_each: [1], run: x, cache: {files: src}}
        ",
        "
        E0220 3:38 all items would have one result: this key does not name `item`
          hint: add the item to the key, as in `key: ['${{ item }}', …]`, or leave `key` out
        ",
    );
}
