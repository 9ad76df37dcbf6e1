//! `myrmex plan`: dates, reasons, resources, risk, differences, formats.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/said.rs"]
mod said;

use said::Workspace;
use serde_json::{Value, json};

/// A network of a textbook kind: seven tasks whose dates can be computed by hand.
const SEVEN: &str = "\
workflow: seven
tasks:
  a: {run: 'true', estimate: 3m}
  b: {needs: a, run: 'true', estimate: 4m}
  c: {needs: a, run: 'true', estimate: 2m}
  d: {needs: b, run: 'true', estimate: 5m}
  e: {needs: c, run: 'true', estimate: 1m}
  f: {needs: c, run: 'true', estimate: 2m}
  g: {needs: [d, e], run: 'true', estimate: 4m}
";

fn plan(workspace: &Workspace, words: &[&str]) -> Value {
    let words: Vec<&str> = ["plan"].iter().chain(words).chain(&["--json"]).copied().collect();
    let said = workspace.run(&words);
    assert_eq!(said.code, 0, "{}", said.stderr);
    serde_json::from_str(&said.stdout).unwrap()
}

#[test]
fn dates_floats_and_the_critical_path_are_those_of_a_computation_by_hand() {
    let workspace = Workspace::with(&[("seven.yaml", SEVEN)]);
    let plan = plan(&workspace, &["seven.yaml"]);
    let minutes = |task: &str, field: &str| plan["tasks"][task][field].as_i64().unwrap() / 60_000;
    let fields = ["es", "ef", "ls", "lf", "total_float", "free_float"];
    let expected = [
        ("a", [0, 3, 0, 3, 0, 0]),
        ("b", [3, 7, 3, 7, 0, 0]),
        ("c", [3, 5, 9, 11, 6, 0]),
        ("d", [7, 12, 7, 12, 0, 0]),
        ("e", [5, 6, 11, 12, 6, 6]),
        ("f", [5, 7, 14, 16, 9, 9]),
        ("g", [12, 16, 12, 16, 0, 0]),
    ];
    for (task, numbers) in expected {
        assert_eq!(fields.map(|field| minutes(task, field)), numbers, "{task}");
    }
    assert_eq!(plan["critical_path"], json!(["a", "b", "d", "g"]));
    assert_eq!((&plan["status"], plan["makespan"].as_i64()), (&json!("optimal"), Some(16 * 60_000)));
    assert_eq!(plan["tasks"]["g"]["driver"], json!({"kind": "predecessor", "id": "d"}));
    assert_eq!(minutes("d", "drag"), 5, "c and what follows it would take 12 minutes without it");
    assert_eq!(plan["start"], Value::Null, "no date was given");
}

#[test]
fn a_pool_of_one_moves_the_finish_by_the_shorter_task() {
    let text = "workflow: two\npools: {hands: 1}\ntasks:\n  long: {run: 'true', pools: {hands: 1}, estimate: 5m}\n  \
                short: {run: 'true', pools: {hands: 1}, estimate: 2m}\n";
    let workspace = Workspace::with(&[("two.yaml", text)]);
    let base = plan(&workspace, &["two.yaml"]);
    assert_eq!(base["makespan"], json!(7 * 60_000));
    assert_eq!(base["lower_bound"], json!({"value": 7 * 60_000, "by": "energy:hands"}));
    assert_eq!(base["resources"]["hands"]["overload"][0]["tasks"], json!(["long", "short"]));
    assert_eq!(base["resource_arcs"].as_array().unwrap().len(), 1);
    let wider = plan(&workspace, &["two.yaml", "--what-if", "pools.hands=2"]);
    assert_eq!((&wider["makespan"], &wider["delta"]["finish"]), (&json!(5 * 60_000), &json!(-2 * 60_000)));
    assert_eq!(wider["scenario"], "pools.hands=2");
    assert_ne!(wider["id"], base["id"]);
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_one_other_samples() {
    let text = SEVEN.replace("estimate: 5m", "estimate: {optimistic: 2m, likely: 5m, pessimistic: 20m}");
    let workspace = Workspace::with(&[("seven.yaml", &text)]);
    let print = |seed: &str| workspace.run(&["plan", "seven.yaml", "--json", "--seed", seed]).stdout;
    assert_eq!(print("7"), print("7"));
    let [seven, eight] = ["7", "8"].map(|seed| plan(&workspace, &["seven.yaml", "--seed", seed]));
    assert_ne!(seven["risk"]["finish"]["p80"], eight["risk"]["finish"]["p80"]);
    let quantile = |name: &str| seven["risk"]["finish"][name].as_i64().unwrap();
    assert!(quantile("p50") < quantile("p80") && quantile("p80") < quantile("p95"));
    assert_eq!(seven["risk"]["n"], 2_000);
    assert_eq!(plan(&workspace, &["seven.yaml", "--samples", "0"])["risk"], Value::Null);
}

#[test]
fn what_runs_took_is_the_estimate_of_the_next_plan() {
    let text = "workflow: w\ntasks:\n  nap: {wait: 20ms}\n  echo: {needs: nap, run: 'true'}\n";
    let workspace = Workspace::with(&[("w.yaml", text)]);
    let before = plan(&workspace, &["w.yaml"]);
    assert_eq!(before["tasks"]["echo"]["estimate_source"], json!({"kind": "guess"}));
    assert_eq!(before["tasks"]["nap"]["ef"], 20, "a wait is as long as it says");
    for _ in 0..2 {
        assert_eq!(workspace.run(&["run", "w.yaml", "--quiet"]).code, 0);
    }
    let after = plan(&workspace, &["w.yaml"]);
    assert_eq!(after["tasks"]["echo"]["estimate_source"], json!({"kind": "history", "runs": 2}));
    assert!(after["makespan"].as_i64().unwrap() < 60_000, "ten minutes were guessed before");
}

#[test]
fn blocks_items_flows_and_called_workflows_are_planned_through_their_tasks() {
    let inner = "workflow: inner\ntasks:\n  x: {run: 'true', estimate: 1m}\n  y: {needs: x, run: 'true', estimate: 2m}\n";
    let text = "\
workflow: outer
tasks:
  each: {for_each: [p, q, r], max_parallel: 2, run: 'true', estimate: 10m}
  steps:
    needs: each
    do:
      - one: {run: 'true', estimate: 1m}
      - two: {run: 'true', estimate: 4m}
  call: {needs: steps, workflow: inner}
  route:
    switch:
      - {if: inputs.fast, then: quick}
      - {else: slow}
  quick: {run: 'true', estimate: 1m}
  slow: {run: 'true', estimate: 50m}
inputs: {fast: {type: boolean}}
";
    let workspace = Workspace::with(&[("outer.yaml", text), ("inner.yaml", inner)]);
    let plan = plan(&workspace, &["outer.yaml"]);
    let offsets = |task: &str| {
        let at = |field: &str| plan["tasks"][task][field].as_i64().unwrap_or(-60_000) / 60_000;
        (at("start_offset"), at("finish_offset"))
    };
    assert_eq!(offsets("each"), (0, 20), "three items of ten minutes, two at a time");
    assert_eq!(offsets("steps"), (20, 25));
    assert_eq!(offsets("steps/two"), (21, 25));
    assert_eq!((offsets("call"), offsets("call/y")), ((25, 28), (26, 28)));
    assert_eq!(offsets("slow"), (0, 50), "nothing is known of the branches, so the longer one is expected");
    assert_eq!(plan["tasks"]["quick"], Value::Null);
    assert_eq!(plan["makespan"], json!(50 * 60_000));
    let names: Vec<&String> = plan["tasks"].as_object().unwrap().keys().collect();
    assert!(names.iter().all(|name| !name.contains('(')), "{names:?}");
}

#[test]
fn places_of_a_worker_bound_how_much_goes_on() {
    let workspace = Workspace::with(&[("seven.yaml", SEVEN)]);
    assert_eq!(plan(&workspace, &["seven.yaml", "--places", "1"])["makespan"], json!(21 * 60_000));
}

#[test]
fn a_task_says_why_it_lies_where_it_lies() {
    let workspace = Workspace::with(&[("seven.yaml", SEVEN)]);
    let expected = "\
e begins +5 m and ends +6 m (1 m)
it does not begin earlier: after c
it can begin 6 m later before it delays the end
if it ended earlier, nothing else would end earlier, as far as links go
with links alone it becomes critical if it is 6 m later
";
    assert_eq!(workspace.run(&["plan", "seven.yaml", "--why", "e"]).stdout, expected);
    let said = workspace.run(&["plan", "seven.yaml", "--why", "z"]);
    assert_eq!((said.code, said.stderr.contains("error[X0109]: the plan has no task `z`")), (2, true));
    let why = plan(&workspace, &["seven.yaml", "--why", "d"]);
    assert_eq!(why["why"]["gain"], json!(5 * 60_000));
}

#[test]
fn every_format_tells_of_every_task() {
    let workspace = Workspace::with(&[("seven.yaml", SEVEN)]);
    for ending in ["txt", "mmd", "svg", "html", "json"] {
        let file = format!("plan.{ending}");
        let said = workspace.run(&["plan", "seven.yaml", "--start", "2026-12-07T09:00:00Z", "--out", &file]);
        assert_eq!((said.code, said.stdout.as_str()), (0, ""), "{}", said.stderr);
        let written = std::fs::read_to_string(workspace.path().join(&file)).unwrap();
        for task in ["a", "b", "c", "d", "e", "f", "g"] {
            let is_there = written
                .lines()
                .any(|line| line.split(|c: char| !c.is_alphanumeric()).any(|word| word == task));
            assert!(is_there, "{ending} has no {task}: {written}");
        }
        assert!(
            written.contains("2026-12-07T09:12:00") || written.contains("Mon 7 Dec 09:12"),
            "{ending}: {written}"
        );
    }
    let said = workspace.run(&["plan", "seven.yaml", "--out", "plan.pdf"]);
    assert_eq!((said.code, said.stderr.contains("the ending of `plan.pdf` says no format")), (2, true));
    let said = workspace.run(&["plan", "seven.yaml", "--out", "seven.yaml", "--format", "text"]);
    assert_eq!((said.code, said.stderr.contains("a plan does not take its place")), (2, true));
}

#[test]
fn a_difference_that_means_nothing_is_refused() {
    let workspace = Workspace::with(&[("seven.yaml", SEVEN)]);
    let wrong = [
        ("z=2m", "names no task of the plan"),
        ("a=soon", "`soon` is not a duration such as 2d or 90m"),
        ("a=-2m", "is not a duration from zero on"),
        ("pools.x=2", "names no pool of the plan"),
        ("people.ada=0.5", "names no person of the plan"),
        ("deadline=tomorrow", "is not a date such as"),
        ("a", "write it as KEY=VALUE"),
    ];
    for (text, message) in wrong {
        let said = workspace.run(&["plan", "seven.yaml", "--what-if", text]);
        assert!(said.code == 2 && said.stderr.contains(message), "{text}: {}", said.stderr);
    }
    let said = workspace.run(&["plan", "seven.yaml", "--what-if", "c=20m"]);
    assert!(said.stdout.contains("all ends 12 m later"), "{}", said.stdout);
}

#[test]
fn a_block_that_is_given_a_length_is_planned_as_one_task() {
    let text = "\
workflow: w
tasks:
  steps:
    do:
      - one: {run: 'true', estimate: 1m}
      - two: {run: 'true', estimate: 4m}
  start: {needs: steps, run: 'true', estimate: 3m}
";
    let workspace = Workspace::with(&[("w.yaml", text)]);
    let shorter = plan(&workspace, &["w.yaml", "--what-if", "steps=2m"]);
    assert_eq!(
        (&shorter["makespan"], &shorter["delta"]["finish"]),
        (&json!(5 * 60_000), &json!(-3 * 60_000))
    );
    assert_eq!(shorter["delta"]["removed"], json!(["steps/one", "steps/two"]));
    assert_eq!(shorter["tasks"]["steps"]["estimate_source"], json!({"kind": "author"}));
    // A task may be called as a date is.
    for key in ["start=1m", "tasks.start=1m"] {
        assert_eq!(
            plan(&workspace, &["w.yaml", "--what-if", key])["delta"]["finish"],
            json!(-2 * 60_000),
            "{key}"
        );
    }
    let later = plan(&workspace, &["w.yaml", "--start", "2027-01-11", "--what-if", "start=2027-01-12T06:00"]);
    assert_eq!(
        (&later["start"], &later["delta"]["finish"]),
        (&json!("2027-01-12T06:00:00Z"), &json!(30 * 3_600_000))
    );
    let said = workspace.run(&["plan", "w.yaml", "--what-if", "steps=2m"]);
    assert!(said.stdout.contains("no longer in the plan: steps/one, steps/two"), "{}", said.stdout);
}

#[test]
fn a_larger_pool_lets_more_items_go_on_side_by_side() {
    let text = "workflow: w\npools: {hands: 2}\ntasks:\n  \
                each: {for_each: 1000, run: 'true', pools: {hands: 1}, estimate: 1m}\n";
    let workspace = Workspace::with(&[("w.yaml", text)]);
    let wider = plan(&workspace, &["w.yaml", "--what-if", "pools.hands=4"]);
    assert_eq!(
        (&wider["makespan"], &wider["delta"]["finish"]),
        (&json!(250 * 60_000), &json!(-250 * 60_000))
    );
    assert_eq!(wider["notes"], json!([{"task": "each", "what": "so many items are planned in waves"}]));
}

#[test]
fn a_plan_without_a_start_has_no_dates_to_keep() {
    let text = "workflow: w\ntasks:\n  nap: {wait: {until: '2027-01-11T09:00:00Z'}}\n";
    let project = "project: p\nphases:\n  one:\n    tasks:\n      a: {manual: Do it, estimate: 1d}\n";
    let workspace = Workspace::with(&[("w.yaml", text), ("p.yaml", project)]);
    let said = workspace.run(&["plan", "w.yaml"]);
    let message = "`nap` has a date, and nothing says when all begins";
    assert!(said.code == 2 && said.stderr.contains(message), "{} {}", said.code, said.stderr);
    let dated = plan(&workspace, &["w.yaml", "--start", "2027-01-10T09:00:00Z"]);
    assert_eq!(dated["tasks"]["nap"]["start"], "2027-01-11T09:00:00Z");
    let said = workspace.run(&["plan", "p.yaml", "--what-if", "deadline=2027-01-11"]);
    assert!(said.stderr.contains("it has a deadline, and nothing says when all begins"), "{}", said.stderr);
    let said = workspace.run(&["plan", "p.yaml"]);
    assert!(said.stdout.contains("it counts from a Thursday, without holidays and leave"), "{}", said.stdout);
    assert_eq!(plan(&workspace, &["p.yaml", "--start", "2027-01-11"])["notes"], json!([]));
}

#[test]
fn what_is_not_expected_to_run_says_so() {
    let text = "\
workflow: w
inputs: {fast: {type: boolean}}
tasks:
  route: {switch: [{if: inputs.fast, then: quick}, {else: slow}]}
  quick: {run: 'true', estimate: 1m}
  slow: {run: 'true', estimate: 50m}
";
    let workspace = Workspace::with(&[("w.yaml", text)]);
    let said = workspace.run(&["plan", "w.yaml", "--why", "quick"]);
    assert_eq!(said.stdout, "quick is not expected to run: the plan takes another branch\n");
    assert_eq!(plan(&workspace, &["w.yaml"])["risk"]["criticality"]["quick"], Value::Null);
    let said = workspace.run(&["plan", "w.yaml", "--what-if", "quick=2m"]);
    assert!(
        said.code == 2 && said.stderr.contains("another branch, however long it lasts"),
        "{}",
        said.stderr
    );
    let longer = plan(&workspace, &["w.yaml", "--what-if", "quick=60m"]);
    assert_eq!(longer["delta"]["added"], json!(["quick"]), "now it is the longest branch");
}

#[test]
fn a_late_plan_is_measured_by_how_short_it_could_be() {
    let project = "project: p\nplan: {start: 2026-12-01, deadline: 2026-12-11, direction: alap}\nphases:\n  one:\n    tasks:\n      \
                   a: {manual: Do it, estimate: 2d}\n      b: {manual: Do that, estimate: 1d, needs: a}\n";
    let workspace = Workspace::with(&[("p.yaml", project)]);
    let plan = plan(&workspace, &["p.yaml"]);
    assert_eq!(plan["tasks"]["b"]["finish"], "2026-12-11T17:00:00Z");
    assert_eq!((&plan["gap"], &plan["status"]), (&json!(0.0), &json!("optimal")));
    // From Tuesday at nine to Thursday at five.
    assert_eq!(plan["lower_bound"]["value"], json!(56 * 3_600_000));
}

#[test]
fn inputs_decide_what_they_can_decide() {
    let text = "\
workflow: w
inputs: {hosts: {type: array, default: [a, b]}, fast: {type: boolean}, dry: {type: boolean, default: false}}
tasks:
  each: {for_each: '${{ inputs.hosts }}', run: 'true', max_parallel: 1, estimate: 10m}
  notify: {needs: each, if: not inputs.dry, run: 'true', estimate: 5m}
  route: {switch: [{if: inputs.fast, then: quick}, {else: slow}]}
  quick: {run: 'true', estimate: 1m}
  slow: {run: 'true', estimate: 50m}
";
    let workspace = Workspace::with(&[("w.yaml", text)]);
    let ends = |words: &[&str], task: &str| {
        let words: Vec<&str> = ["w.yaml"].iter().chain(words).copied().collect();
        plan(&workspace, &words)["tasks"][task]["finish_offset"].as_i64().map(|ms| ms / 60_000)
    };
    assert_eq!((ends(&[], "each"), ends(&[], "notify")), (Some(20), Some(25)), "the default has two hosts");
    assert_eq!((ends(&[], "quick"), ends(&[], "slow")), (None, Some(50)), "no default decides the branch");
    assert_eq!((ends(&["-i", "fast=true"], "quick"), ends(&["-i", "fast=true"], "slow")), (Some(1), None));
    assert_eq!(ends(&["-i", "hosts=[1, 2, 3]", "-i", "dry=true"], "each"), Some(30));
    assert_eq!(ends(&["-i", "dry=true"], "notify"), None, "it is skipped");
    let said = workspace.run(&["plan", "w.yaml", "-i", "dry=perhaps"]);
    assert!(said.code == 2 && said.stderr.contains("`dry`"), "{}", said.stderr);
    let said = workspace.run(&["plan", "w.yaml", "-i", "slow=true"]);
    assert!(said.code == 2 && said.stderr.contains("`fast` (boolean)"), "{}", said.stderr);
}

#[test]
fn text_says_who_works_on_what_and_why_there_is_no_plan() {
    let resources = "resources:\n  people: {ada: {roles: [dev]}}\n  roles: {dev: {}}\n";
    let project = |more: &str| {
        format!(
            "project: p\nplan: {{start: 2026-12-01}}\nphases:\n  one:\n    tasks:\n      \
             a: {{manual: Do it, estimate: 2d, roles: {{dev: 1}}{more}}}\n"
        )
    };
    let (fine, wrong) = (project(""), project(", split: never"));
    let workspace = Workspace::with(&[("resources.yaml", resources), ("p.yaml", &fine), ("q.yaml", &wrong)]);
    let said = workspace.run(&["plan", "p.yaml"]).stdout;
    let row = said.lines().find(|line| line.contains("  a ")).unwrap();
    assert!(said.contains("WHO") && row.contains(" ada "), "{said}");
    let said = workspace.run(&["plan", "p.yaml", "--what-if", "one=1d"]);
    assert!(said.code == 2 && said.stderr.contains("`one` is a phase"), "{}", said.stderr);
    let said = workspace.run(&["plan", "q.yaml"]);
    assert!(said.code == 2 && said.stderr.contains("needs 16 h, there is 8 h"), "{}", said.stderr);
    let said = workspace.run(&["plan", "q.yaml", "--json"]);
    let document: Value = serde_json::from_str(&said.stdout).unwrap();
    let reason = &document["infeasible"]["reasons"][0];
    assert_eq!(
        (&document["status"], &reason["kind"], &reason["tasks"]),
        (&json!("infeasible"), &json!("capacity"), &json!(["a"]))
    );
    assert_eq!((&reason["need"], &reason["have"]), (&json!(57_600_000), &json!(28_800_000)));
}

#[test]
fn money_is_told_by_task_by_time_and_against_the_budget() {
    let resources =
        "resources:\n  people: {ada: {roles: [dev], rate: {hour: 100 EUR}}}\n  roles: {dev: {}}\n";
    let project = "\
project: p
plan: {start: 2026-12-07, period: day}
budget: {limit: 2000 EUR, management_reserve: 10%}
phases:
  one:
    tasks:
      a: {manual: Do it, estimate: 1d, roles: {dev: 1}}
      b: {manual: Do that, estimate: 1d, roles: {dev: 1}, needs: a, cost: {fixed: 50 EUR, accrue: end}}
";
    let workspace = Workspace::with(&[("resources.yaml", resources), ("p.yaml", project)]);
    let plan = plan(&workspace, &["p.yaml"]);
    assert_eq!([&plan["tasks"]["a"]["cost"], &plan["tasks"]["b"]["cost"]], [&json!("800"), &json!("850")]);
    assert_eq!(plan["tasks"]["b"]["pv"], json!(["0", "0", "850"]));
    let curve = json!([
        ["2026-12-07T00:00:00Z", "0"],
        ["2026-12-08T00:00:00Z", "800"],
        ["2026-12-09T00:00:00Z", "1650"],
    ]);
    assert_eq!(plan["cost"]["pv_curve"], curve);
    assert_eq!(plan["cost"]["reserve"], json!({"contingency": "0", "management": "165"}));
    assert_eq!(plan["cost"]["limit"], "2000");
    let said = workspace.run(&["plan", "p.yaml"]).stdout;
    assert!(said.contains("budget 2000 EUR, 350 EUR left\n"), "{said}");
}

#[test]
fn float_within_near_is_told_apart_from_none() {
    let project = "project: p\nplan: {start: 2026-12-01, near: 1d}\nphases:\n  one:\n    tasks:\n      \
                   a: {manual: Do it, estimate: 3d}\n      b: {manual: Do that, estimate: 2d}\n";
    let workspace = Workspace::with(&[("p.yaml", project)]);
    let said = workspace.run(&["plan", "p.yaml", "--why", "b"]).stdout;
    assert!(said.contains("it can begin 8 h later before it delays the end"), "{said}");
    assert!(
        said.contains("it counts as critical, for that is not more than the 8 h of `plan.near`"),
        "{said}"
    );
    let said = workspace.run(&["plan", "p.yaml", "--why", "a"]).stdout;
    assert!(said.contains("any delay of it delays the end") && !said.contains("plan.near"), "{said}");
}

#[test]
fn a_pool_of_the_workspace_is_held_by_the_tasks_of_a_project() {
    let resources = "resources:\n  pools: {lab: {capacity: 1}}\n";
    let project = "project: m\nplan: {start: 2026-12-01}\nphases:\n  one:\n    tasks:\n      \
                   a: {manual: Do it, estimate: 1d, pools: {lab: 1}}\n      \
                   b: {manual: Do that, estimate: 1d, pools: {lab: 1}}\n";
    let workspace = Workspace::with(&[("resources.yaml", resources), ("m.yaml", project)]);
    let plan = plan(&workspace, &["m.yaml"]);
    let starts = ["a", "b"].map(|task| plan["tasks"][task]["start"].as_str().unwrap().to_owned());
    assert_eq!(starts, ["2026-12-01T09:00:00Z", "2026-12-02T09:00:00Z"], "one after the other");
    assert_eq!(plan["resources"]["lab"]["peak"], 1);
}
