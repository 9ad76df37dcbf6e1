//! From a workflow to a problem, told by its dates.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::BTreeMap;

use myrmex_lang::{Source, check as check_file};
use myrmex_model::ir::{Await, AwaitKind, Body, Definition, Node};
use myrmex_model::name::Name;
use myrmex_model::planning::{
    Amount as Said, Distribution, Estimate, Extent, Item, Millionths, Mode, Person, Phase, Planning, Pool,
    Project, Role, ThreePoint, Units, Window,
};
use myrmex_model::template::Template;
use myrmex_plan::critical::of_problem;
use myrmex_plan::lower::{Asked, Given, LowerError, Lowered, Measured, from_definition};
use myrmex_plan::problem::{
    Amount, Fact, Kind, Moment, Problem, Source as Origin, Span, Split, Spread, Task,
};
use serde_json::json;

const MINUTE: i64 = 60_000;

fn definition(text: &str) -> Definition {
    let checked = check_file(&Source::new("t.yaml", format!("workflow: t\n{text}")));
    checked.definition.unwrap_or_else(|| panic!("{:?}", checked.diagnostics))
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn minutes(count: i64) -> Span {
    Span(count * MINUTE)
}

fn measured(lengths: &[(&str, &[i64])]) -> Measured {
    let lengths =
        lengths.iter().map(|(path, taken)| ((*path).to_owned(), taken.iter().map(|n| minutes(*n)).collect()));
    Measured { lengths: lengths.collect(), ..Measured::default() }
}

fn lowered(definition: &Definition, measured: &Measured, slots: Option<u32>) -> Lowered {
    let called = BTreeMap::new();
    from_definition(&Asked {
        definition,
        called: &called,
        measured,
        start: Moment(0),
        slots,
        given: &Given::default(),
    })
    .unwrap()
}

fn calling(definition: &Definition, called: &BTreeMap<Name, Definition>) -> Lowered {
    let measured = Measured::default();
    from_definition(&Asked {
        definition,
        called,
        measured: &measured,
        start: Moment(0),
        slots: None,
        given: &Given::default(),
    })
    .unwrap()
}

fn task<'a>(problem: &'a Problem, name: &str) -> &'a Task {
    problem.tasks.iter().find(|task| task.name == name).unwrap_or_else(|| panic!("no task `{name}`"))
}

fn length(problem: &Problem, name: &str) -> i64 {
    match task(problem, name).modes[0].estimate.amount {
        Amount::Duration(length) | Amount::Effort(length) => length.0 / MINUTE,
    }
}

/// Asserts `path start finish` in minutes of all that takes time, as it would lie without limits; `-` for what is in no plan.
#[track_caller]
fn assert_dates(problem: &Problem, expected: &[&str]) {
    let dates = of_problem(problem).unwrap();
    let mut found = Vec::new();
    for (task, dates) in problem.tasks.iter().zip(&dates.tasks) {
        match dates {
            None => found.push(format!("{} -", task.name)),
            Some(dates) if dates.early_start < dates.early_finish => {
                let (start, finish) = (dates.early_start.0 / MINUTE, dates.early_finish.0 / MINUTE);
                found.push(format!("{} {start} {finish}", task.name));
            }
            Some(_) => {}
        }
    }
    assert_eq!(found, expected);
}

#[track_caller]
fn check(text: &str, measured: &Measured, expected: &[&str]) {
    assert_dates(&lowered(&definition(text), measured, None).problem, expected);
}

fn planned<'a>(definition: &'a mut Definition, node: &str) -> &'a mut Planning {
    let is_wanted = |found: &&mut Node| found.name.as_str() == node && found.parent.is_some();
    let node = definition.nodes.iter_mut().find(is_wanted).unwrap();
    node.planning.get_or_insert_with(Box::default)
}

fn estimate(amount: Said) -> Estimate {
    Estimate { amount: Some(amount), ..Estimate::default() }
}

fn elapsed(count: i64) -> Extent {
    Extent::Elapsed { millis: count * MINUTE }
}

#[test]
fn tasks_follow_their_edges_and_take_what_was_measured_or_what_is_usual() {
    check(
        "tasks: {a: {run: x}, b: {run: x, needs: a}, c: {run: x, needs: a}, d: {set: {x: 1}, needs: [b, c]}}",
        &measured(&[("a", &[5]), ("b", &[20, 30, 90])]),
        &["a 0 5", "b 5 35", "c 5 15"],
    );
}

#[test]
fn where_an_estimate_comes_from_is_kept() {
    let problem =
        lowered(&definition("tasks: {a: {run: x}, b: {run: x}}"), &measured(&[("a", &[5, 7, 9])]), None)
            .problem;
    let of = |name| task(&problem, name).modes[0].estimate.clone();
    assert_eq!(of("a").source, Origin::History { runs: 3 });
    assert_eq!(of("a").spread, Some(Spread::Sample(vec![minutes(5), minutes(7), minutes(9)])));
    assert_eq!((of("b").source, of("b").spread), (Origin::Guess, None));
    assert_eq!((task(&problem, "a").kind, task(&problem, "a").split), (Kind::Automated, Split::Never));
}

#[test]
fn a_block_lasts_from_the_start_of_its_first_task_to_the_end_of_its_last() {
    check(
        "tasks: {a: {run: x}, b: {needs: a, tasks: {c: {run: x}, d: {run: x}, e: {run: x, needs: c}}}, f: {run: x, needs: b}}",
        &measured(&[("b/c", &[3]), ("b/d", &[4]), ("b/e", &[5])]),
        &["a 0 10", "b 10 18", "b/c 10 13", "b/d 10 14", "b/e 13 18", "f 18 28"],
    );
}

#[test]
fn a_flow_goes_from_one_task_to_the_next() {
    check(
        "do: [{a: {run: x}}, {b: {do: [{c: {run: x}}, {d: {run: x}}]}}, {e: {run: x}}]",
        &measured(&[("a", &[1]), ("b/c", &[2]), ("b/d", &[3]), ("e", &[4])]),
        &["a 0 1", "b 1 6", "b/c 1 3", "b/d 3 6", "e 6 10"],
    );
}

const BRANCHES: &str = "tasks:
  choose: {switch: [{if: 1 > 2, then: long}, {else: short}]}
  long: {run: x}
  short: {run: x}
  rest: {run: x, needs: short}
  last: {run: x, needs: {long: [succeeded, skipped], rest: [succeeded, skipped]}}";

#[test]
fn the_longest_branch_is_taken_if_nothing_is_known_of_them() {
    check(BRANCHES, &measured(&[("long", &[15])]), &["long -", "short 0 10", "rest 10 20", "last 20 30"]);
    check(BRANCHES, &measured(&[("long", &[25])]), &["long 0 25", "short -", "rest -", "last 25 35"]);
}

#[test]
fn the_branch_that_was_taken_most_often_is_taken() {
    let mut known = measured(&[("long", &[25])]);
    known.cases = BTreeMap::from([("choose".to_owned(), vec![3, 4])]);
    check(BRANCHES, &known, &["long -", "short 0 10", "rest 10 20", "last 20 30"]);
    known.cases = BTreeMap::from([("choose".to_owned(), vec![4, 3])]);
    check(BRANCHES, &known, &["long 0 25", "short -", "rest -", "last 25 35"]);
}

#[test]
fn the_branch_that_is_said_to_be_likelier_is_taken() {
    let mut branches = definition(BRANCHES);
    planned(&mut branches, "long").estimate =
        Some(Estimate { probability: Some(Millionths(300_000)), ..Estimate::default() });
    let known = measured(&[("long", &[25])]);
    assert_dates(
        &lowered(&branches, &known, None).problem,
        &["long -", "short 0 10", "rest 10 20", "last 20 30"],
    );
    planned(&mut branches, "long").estimate.as_mut().unwrap().probability = Some(Millionths(700_000));
    assert_dates(
        &lowered(&branches, &known, None).problem,
        &["long 0 25", "short -", "rest -", "last 25 35"],
    );
}

const ROUND: &str = "do:
  - start: {set: {n: 0}}
  - count: {run: x}
  - add: {set: {n: '${{ vars.n + 1 }}'}}
  - again: {switch: [{if: vars.n < 3, then: count}, {if: vars.n > 9, then: exit}, {else: more}]}
  - more: {run: x}";

#[test]
fn a_jump_back_is_one_pass_unless_more_were_measured() {
    check(ROUND, &Measured::default(), &["count 0 10", "more 10 20"]);
    let passes = BTreeMap::from([(String::new(), 3)]);
    check(ROUND, &Measured { passes, ..Measured::default() }, &["count 0 30", "more 30 60"]);
    // The way on is the one that was taken most often, however often the token went back.
    let cases = BTreeMap::from([("again".to_owned(), vec![9, 5, 2])]);
    check(ROUND, &Measured { cases, ..Measured::default() }, &["count 0 10", "more -"]);
}

#[test]
fn a_repeat_takes_all_its_passes() {
    let text = "tasks: {a: {repeat: {until: index > 3, max: 9, do: [{b: {run: x}}]}}, c: {run: x, needs: a}}";
    check(text, &Measured::default(), &["a 0 10", "a/b 0 10", "c 10 20"]);
    let mut repeated = definition(text);
    planned(&mut repeated, "a").estimate = Some(Estimate { passes: Some(4), ..Estimate::default() });
    assert_dates(&lowered(&repeated, &Measured::default(), None).problem, &["a 0 40", "a/b 0 40", "c 40 50"]);
    planned(&mut repeated, "a").estimate = Some(estimate(Said::Duration(elapsed(7))));
    assert_dates(&lowered(&repeated, &Measured::default(), None).problem, &["a 0 7", "c 7 17"]);
}

#[test]
fn items_are_planned_one_by_one() {
    check(
        "tasks: {a: {for_each: [eu, us], run: x}, b: {run: x, needs: a}}",
        &measured(&[("a[]", &[7])]),
        &["a 0 7", "a[0] 0 7", "a[1] 0 7", "b 7 17"],
    );
    let text = "inputs: {list: {type: array}}\ntasks: {a: {for_each: '${{ inputs.list }}', run: x}}";
    check(text, &Measured::default(), &["a 0 10", "a[0] 0 10"]);
    let known = Measured { items: BTreeMap::from([("a".to_owned(), 2)]), ..Measured::default() };
    check(text, &known, &["a 0 10", "a[0] 0 10", "a[1] 0 10"]);
    let mut estimated = definition(text);
    planned(&mut estimated, "a").estimate = Some(Estimate { items: Some(3), ..Estimate::default() });
    let problem = lowered(&estimated, &Measured::default(), None).problem;
    assert_dates(&problem, &["a 0 10", "a[0] 0 10", "a[1] 0 10", "a[2] 0 10"]);
}

#[test]
fn items_hold_places_and_blocks_of_items_wait_for_those_before() {
    let leaf = lowered(
        &definition("tasks: {a: {for_each: 3, max_parallel: 2, run: x}}"),
        &Measured::default(),
        None,
    );
    let held = |name: &str| {
        let pools = &task(&leaf.problem, name).modes[0].pools;
        pools.iter().map(|(pool, count)| (leaf.problem.pools[pool.at()].capacity, *count)).collect::<Vec<_>>()
    };
    assert_eq!(held("a[2]"), [(2, 1)]);
    check(
        "tasks: {a: {for_each: 3, max_parallel: 2, tasks: {b: {run: x}}}}",
        &Measured::default(),
        &["a 0 20", "a[0] 0 10", "a[0]/b 0 10", "a[1] 0 10", "a[1]/b 0 10", "a[2] 10 20", "a[2]/b 10 20"],
    );
}

#[test]
fn many_items_are_planned_in_waves() {
    let many = lowered(
        &definition("pools: {db: 8}\ntasks: {a: {for_each: 101, max_parallel: 50, run: x, pools: {db: 2}}}"),
        &Measured::default(),
        None,
    );
    // Four items at a time hold eight of the pool: 26 waves.
    assert_eq!(many.problem.tasks.iter().filter(|task| task.name.starts_with("a[")).count(), 26);
    assert_eq!(task(&many.problem, "a[0-3]").modes[0].pools, [(myrmex_plan::problem::PoolId(0), 8)]);
    assert_eq!(of_problem(&many.problem).unwrap().finish, Moment(260 * MINUTE));
    assert_eq!(many.notes.len(), 1);
    // A thousand waves are told by a hundred tasks of ten each.
    let more = lowered(
        &definition("tasks: {a: {for_each: 1000, max_parallel: 1, run: x}}"),
        &Measured::default(),
        None,
    );
    assert_eq!(length(&more.problem, "a[990-999]"), 100);
    assert_eq!(of_problem(&more.problem).unwrap().finish, Moment(10_000 * MINUTE));
}

#[test]
fn pools_locks_and_slots_are_held() {
    let held = lowered(
        &definition(
            "pools: {db: 8}\ntasks: {a: {run: x, pools: {db: 2}, lock: prod}, b: {set: {x: 1}, needs: a}}",
        ),
        &Measured::default(),
        Some(4),
    );
    let of = |name: &str| {
        let pools = task(&held.problem, name).modes[0].pools.iter();
        pools
            .map(|(pool, count)| format!("{} {count}", held.problem.pools[pool.at()].name))
            .collect::<Vec<_>>()
    };
    assert_eq!(of("a"), ["db 2", "slots 1", "lock:prod 1"]);
    assert_eq!(of("b"), [""; 0]);
    let capacities: Vec<u32> = held.problem.pools.iter().map(|pool| pool.capacity).collect();
    assert_eq!(capacities, [8, 4, 1]);
}

#[test]
fn a_wait_takes_the_time_that_is_written() {
    check(
        "tasks: {a: {wait: 45m}, b: {run: x, needs: a}, c: {wait: {until: '1970-01-01T02:00:00Z'}}, d: {run: x, needs: c}}",
        &measured(&[("a", &[1])]),
        &["a 0 45", "b 45 55", "d 120 130"],
    );
}

#[test]
fn a_timeout_bounds_what_an_estimate_says() {
    check(
        "tasks: {a: {run: x, timeout: {total: 8m}}, b: {run: x, timeout: {run: 8m}}}",
        &Measured::default(),
        &["a 0 8", "b 0 10"],
    );
}

#[test]
fn handlers_are_in_no_plan() {
    check(
        "tasks: {a: {try: {run: x}, catch: {run: y}, finally: {run: z}}, b: {run: x, on_failure: {run: y}}}",
        &Measured::default(),
        &["a 0 10", "a/try 0 10", "b 0 10"],
    );
}

#[test]
fn a_task_for_any_of_several_waits_for_the_first_by_their_estimates() {
    check(
        "tasks: {a: {run: x}, b: {run: x}, c: {run: x, needs: [a, b], join: any}}",
        &measured(&[("a", &[30])]),
        &["a 0 30", "b 0 10", "c 10 20"],
    );
}

#[test]
fn a_task_for_failures_only_is_in_no_plan() {
    check(
        "tasks: {a: {run: x}, b: {run: x, needs: {a: failed}}, c: {run: x, needs: {a: finished}}}",
        &Measured::default(),
        &["a 0 10", "b -", "c 10 20"],
    );
}

#[test]
fn a_call_is_planned_through_the_workflow_if_it_is_known() {
    let caller = definition("tasks: {a: {workflow: t}}");
    let mut inner = definition("do: [{b: {run: x}}, {c: {run: x}}]");
    inner.name = name("inner");
    let mut outer = caller.clone();
    for node in &mut outer.nodes {
        if let Body::Call(call) = &mut node.body {
            call.workflow = name("inner");
        }
    }
    let known = BTreeMap::from([(name("inner"), inner), (name("t"), caller.clone())]);
    assert_dates(&calling(&outer, &known).problem, &["a 0 20", "a/b 0 10", "a/c 10 20"]);
    assert_dates(&calling(&outer, &BTreeMap::new()).problem, &["a 0 10"]);
    let itself = calling(&caller, &known);
    assert_dates(&itself.problem, &["a 0 10"]);
    assert_eq!(itself.notes.first().unwrap().what, "a workflow that calls itself is planned as one task");
    planned(&mut outer, "a").estimate = Some(estimate(Said::Duration(elapsed(5))));
    assert_dates(&calling(&outer, &known).problem, &["a 0 5"]);
}

#[test]
fn what_an_author_estimates_comes_before_what_was_measured() {
    let mut definition = definition("tasks: {a: {run: x}, b: {run: x}, c: {run: x}, d: {run: x}}");
    let points = ThreePoint { optimistic: elapsed(1), likely: elapsed(4), pessimistic: elapsed(9) };
    planned(&mut definition, "a").estimate = Some(estimate(Said::Duration(elapsed(3))));
    planned(&mut definition, "b").estimate = Some(estimate(Said::Spread(points, Distribution::Triangular)));
    planned(&mut definition, "c").estimate =
        Some(estimate(Said::History { quantile: Millionths(800_000), runs_min: 5 }));
    planned(&mut definition, "d").estimate =
        Some(estimate(Said::History { quantile: Millionths(800_000), runs_min: 6 }));
    let known: &[i64] = &[10, 20, 30, 40, 50];
    let problem =
        lowered(&definition, &measured(&[("a", known), ("b", known), ("c", known), ("d", known)]), None)
            .problem;
    assert_eq!(["a", "b", "c", "d"].map(|name| length(&problem, name)), [3, 4, 40, 40]);
    let source = |name| task(&problem, name).modes[0].estimate.source;
    assert_eq!(
        ["a", "c", "d"].map(source),
        [Origin::Author, Origin::History { runs: 5 }, Origin::Few { runs: 5 }]
    );
    let spread = task(&problem, "b").modes[0].estimate.spread.clone();
    assert_eq!(spread, Some(Spread::Triangular(minutes(1), minutes(4), minutes(9))));
}

#[test]
fn a_definition_that_makes_too_many_tasks_is_refused() {
    let text =
        "tasks: {a: {for_each: 100, tasks: {b: {for_each: 100, tasks: {c: {for_each: 100, run: x}}}}}}";
    let (definition, called, measured) = (definition(text), BTreeMap::new(), Measured::default());
    let asked = Asked {
        definition: &definition,
        called: &called,
        measured: &measured,
        start: Moment(0),
        slots: None,
        given: &Given::default(),
    };
    assert!(matches!(from_definition(&asked), Err(LowerError::Large { .. })));
}

#[test]
fn workflows_that_call_each_other_without_end_are_refused_soon() {
    let named = |at: u32| {
        let mut definition = definition("tasks: {a: {workflow: t}, b: {workflow: t}}");
        definition.name = name(&format!("w{at}"));
        for node in &mut definition.nodes {
            if let Body::Call(call) = &mut node.body {
                call.workflow = name(&format!("w{}", at + 1));
            }
        }
        definition
    };
    let called: BTreeMap<Name, Definition> = (0..40).map(|at| (name(&format!("w{at}")), named(at))).collect();
    let (measured, given) = (Measured::default(), Given::default());
    let asked = Asked {
        definition: &called[&name("w0")],
        called: &called,
        measured: &measured,
        start: Moment(0),
        slots: None,
        given: &given,
    };
    assert!(matches!(from_definition(&asked), Err(LowerError::Large { .. })));
}

#[test]
fn more_items_than_a_run_may_have_are_refused() {
    let (definition, called) = (
        definition("tasks: {a: {for_each: '${{ inputs.n }}', run: x}}\ninputs: {n: {type: integer}}"),
        BTreeMap::new(),
    );
    let of = |items: u32| {
        let measured = Measured { items: BTreeMap::from([("a".to_owned(), items)]), ..Measured::default() };
        from_definition(&Asked {
            definition: &definition,
            called: &called,
            measured: &measured,
            start: Moment(0),
            slots: None,
            given: &Given::default(),
        })
    };
    assert!(of(1_000_000).is_ok());
    assert_eq!(of(1_000_001), Err(LowerError::Items { path: "a".to_owned(), count: 1_000_001 }));
}

/// A project of people's work `design`, then a call `build`, then a milestone, from Friday 2026-11-27 on.
fn project() -> Definition {
    let mut definition = definition(
        "tasks: {design: {run: x}, build: {run: x, needs: design}, done: {set: {x: 1}, needs: build}}",
    );
    let ask = Template::Literal(json!("Design"));
    definition.nodes.iter_mut().find(|node| node.name.as_str() == "design").unwrap().body =
        Body::Await(Box::new(Await::new(AwaitKind::Manual, ask)));
    planned(&mut definition, "done").item = Item::Milestone;
    definition.project =
        Some(Box::new(Project { start: Some("2026-11-27".parse().unwrap()), ..Project::default() }));
    definition
}

fn found(problem: &Problem, name: &str) -> String {
    let index = problem.tasks.iter().position(|task| task.name == name).unwrap();
    let dates = of_problem(problem).unwrap().tasks[index].unwrap();
    format!("{} {}", dates.early_start, dates.early_finish)
}

#[test]
fn people_work_in_the_office_and_machines_always() {
    let mut project = project();
    planned(&mut project, "design").estimate =
        Some(estimate(Said::Duration(Extent::Working { days: 1, millis: 7_200_000 })));
    let problem = lowered(&project, &Measured::default(), None).problem;
    assert_eq!(found(&problem, "design"), "2026-11-27T09:00:00Z 2026-11-30T11:00:00Z");
    assert_eq!(found(&problem, "build"), "2026-11-30T11:00:00Z 2026-11-30T11:10:00Z");
    assert_eq!(task(&problem, "done").kind, Kind::Milestone);
    // Elapsed days pass on Saturdays too.
    planned(&mut project, "design").estimate =
        Some(estimate(Said::Duration(Extent::Elapsed { millis: 86_400_000 })));
    let problem = lowered(&project, &Measured::default(), None).problem;
    assert_eq!(found(&problem, "design"), "2026-11-27T00:00:00Z 2026-11-28T00:00:00Z");
}

#[test]
fn a_bare_date_is_the_start_of_its_day_where_something_begins_and_its_end_where_something_ends() {
    let mut project = project();
    planned(&mut project, "design").window = Window {
        start_after: Some("2026-12-01".parse().unwrap()),
        finish_before: Some("2026-12-01".parse().unwrap()),
        must_start: Some("2026-12-01T10:30".parse().unwrap()),
    };
    let problem = lowered(&project, &Measured::default(), None).problem;
    let window = task(&problem, "design").window;
    assert_eq!(window.start_after.unwrap().to_string(), "2026-12-01T00:00:00Z");
    assert_eq!(window.finish_before.unwrap().to_string(), "2026-12-02T00:00:00Z");
    assert_eq!(window.must_start.unwrap().to_string(), "2026-12-01T10:30:00Z");
}

#[test]
fn people_roles_and_leave_become_people_with_calendars() {
    let mut project = project();
    let facts = project.project.as_mut().unwrap();
    facts.resources.people = vec![Person {
        name: name("ada"),
        calendar: None,
        units: Units(500),
        skills: BTreeMap::from([(name("rust"), 3)]),
        rate: None,
        leave: vec![("2026-11-30".parse().unwrap(), "2026-12-01".parse().unwrap())],
        day_limit: None,
    }];
    let role = |text, members, placeholders| Role {
        name: name(text),
        members,
        placeholders,
        calendar: None,
        rate: None,
    };
    facts.resources.roles = vec![role("dev", vec![name("ada")], 0), role("lead", Vec::new(), 2)];
    planned(&mut project, "design").crew = vec![myrmex_model::planning::Ask {
        role: name("dev"),
        count: 1,
        units: Units::WHOLE,
        skills: BTreeMap::new(),
    }];
    planned(&mut project, "design").estimate =
        Some(estimate(Said::Effort(Extent::Working { days: 1, millis: 0 })));
    let problem = lowered(&project, &Measured::default(), None).problem;
    let people: Vec<(&str, u32, bool)> = problem
        .people
        .iter()
        .map(|person| (person.name.as_str(), person.units, person.is_placeholder))
        .collect();
    assert_eq!(people, [("ada", 500, false), ("lead 1", 1_000, true), ("lead 2", 1_000, true)]);
    let leave = &problem.calendars[problem.people[0].calendar.at()].exceptions;
    assert_eq!((leave.len(), leave[0].hours.len()), (1, 0));
    // Half a person takes two days for one day of work: Friday and, leave not yet looked at, Monday.
    assert_eq!(found(&problem, "design"), "2026-11-27T09:00:00Z 2026-11-30T17:00:00Z");
}

#[test]
fn modes_phases_and_several_calendars_are_kept() {
    let mut project = project();
    let facts = project.project.as_mut().unwrap();
    facts.phases =
        vec![Phase { name: name("first"), title: None, exit: None, max_parallel: Some(1), capacity: None }];
    facts.resources.pools = vec![Pool { name: name("gpu"), capacity: 4, calendar: None, rate: None }];
    facts.resources.budgets = BTreeMap::from([(name("licences"), 3)]);
    let build = planned(&mut project, "build");
    build.phase = Some(name("first"));
    let mode = |text, minutes, pools| Mode {
        name: name(text),
        estimate: Some(estimate(Said::Duration(elapsed(minutes)))),
        crew: None,
        pools: Some(pools),
        consumes: Some(BTreeMap::from([(name("licences"), 1)])),
    };
    build.modes =
        vec![mode("slow", 60, BTreeMap::new()), mode("quick", 5, BTreeMap::from([(name("gpu"), 4)]))];
    let problem = lowered(&project, &Measured::default(), None).problem;
    let build = task(&problem, "build");
    assert_eq!(problem.phases[build.phase.unwrap().at()].max_parallel, Some(1));
    let modes: Vec<(&str, usize, usize)> = build
        .modes
        .iter()
        .map(|mode| (mode.name.as_deref().unwrap(), mode.pools.len(), mode.consumes.len()))
        .collect();
    assert_eq!(modes, [("slow", 0, 1), ("quick", 1, 1)]);
    assert_eq!(length(&problem, "build"), 60);
    assert_eq!(build.fact, Fact::Open);
}

#[test]
fn a_name_that_nobody_knows_is_told() {
    let mut project = project();
    planned(&mut project, "design").calendars = vec![name("nowhere")];
    let (called, measured) = (BTreeMap::new(), Measured::default());
    let asked = Asked {
        definition: &project,
        called: &called,
        measured: &measured,
        start: Moment(0),
        slots: None,
        given: &Given::default(),
    };
    let error = from_definition(&asked).unwrap_err();
    assert_eq!(error.to_string(), "`design` names `nowhere`, which does not exist");
}
