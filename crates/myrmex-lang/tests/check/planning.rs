//! What a plan reads of the tasks of a workflow: `estimate` and `cost`.

use myrmex_model::ir::{Body, Definition};
use myrmex_model::planning::{Accrue, Amount, Distribution, Estimate, Extent, Millionths, Planning};

use super::{check_body, definition};

fn planning<'d>(definition: &'d Definition, name: &str) -> &'d Planning {
    let node = definition.nodes.iter().find(|node| node.name.as_str() == name).expect("it is there");
    node.planning.as_deref().expect("it says something")
}

fn estimate(definition: &Definition, name: &str) -> Estimate {
    planning(definition, name).estimate.clone().expect("it has an estimate")
}

const fn elapsed(seconds: i64) -> Extent {
    Extent::Elapsed { millis: seconds * 1_000 }
}

#[test]
fn an_estimate_of_a_workflow_is_elapsed_time() {
    let definition = definition(
        "
        tasks:
          plain: {run: x, estimate: 1d}
          alone: {run: x, estimate: {likely: 8m}}
          three: {run: x, estimate: {optimistic: 5m, likely: 8m, pessimistic: 20m}}
          even: {run: x, estimate: {optimistic: 5m, likely: 8m, pessimistic: 20m, dist: uniform}}
          past: {run: x, estimate: {history: {quantile: 0.9, min_runs: 3}, probability: 0.25}}
          usual: {run: x, estimate: {history: {}}}
          round: {repeat: {until: 'index > 3', max: 9, do: [{a: {run: x}}]}, estimate: {passes: 4}}
        ",
    );
    let amount = |name| estimate(&definition, name).amount;
    assert_eq!(amount("plain"), Some(Amount::Duration(elapsed(86_400))));
    assert_eq!(amount("alone"), Some(Amount::Duration(elapsed(480))));
    let Some(Amount::Spread(points, Distribution::Pert)) = amount("three") else { panic!("three points") };
    assert_eq!(
        (points.optimistic, points.likely, points.pessimistic),
        (elapsed(300), elapsed(480), elapsed(1_200))
    );
    assert!(matches!(amount("even"), Some(Amount::Spread(_, Distribution::Uniform))));
    assert_eq!(amount("past"), Some(Amount::History { quantile: Millionths(900_000), runs_min: 3 }));
    assert_eq!(estimate(&definition, "past").probability, Some(Millionths(250_000)));
    assert_eq!(amount("usual"), Some(Amount::History { quantile: Millionths(500_000), runs_min: 5 }));
    assert_eq!((amount("round"), estimate(&definition, "round").passes), (None, Some(4)));
}

#[test]
fn an_estimate_of_a_for_each_stands_at_the_whole_and_means_one_item() {
    let definition = definition("tasks: {a: {for_each: [1, 2], run: x, estimate: {likely: 8m, items: 20}}}");
    let nodes: Vec<_> = definition.nodes.iter().filter(|node| node.name.as_str() == "a").collect();
    assert!(matches!(nodes[0].body, Body::Each(_)) && nodes[0].planning.is_some());
    assert_eq!(nodes[1].planning, None);
    assert_eq!(estimate(&definition, "a").items, Some(20));
}

#[test]
fn costs_are_exact() {
    let definition =
        definition("tasks: {a: {run: x, cost: {fixed: 100 EUR, per_use: 0.10 EUR, accrue: end}}}");
    let cost = planning(&definition, "a").cost.clone().expect("it has a cost");
    assert_eq!(cost.fixed.map(|price| price.to_string()).as_deref(), Some("100 EUR"));
    assert_eq!(cost.per_use.map(|price| price.money.0), Some(100_000));
    assert_eq!(cost.accrue, Accrue::End);
}

#[test]
fn a_task_of_which_nothing_is_said_has_nothing() {
    let definition = definition("tasks: {a: {run: x}}");
    assert!(definition.nodes.iter().all(|node| node.planning.is_none()));
    assert_eq!(definition.project, None);
}

#[test]
fn estimates_that_cannot_be_are_refused() {
    check_body(
        "
        tasks:
          a: {run: x, estimate: 2ed}
          b: {run: x, estimate: 3}
          c: {run: x, estimate: {optimistic: 9m, likely: 8m, pessimistic: 20m}}
          d: {run: x, estimate: {optimistic: 5m, likely: 8m}}
          e: {run: x, estimate: {likely: 8m, history: {}}}
          f: {run: x, estimate: {likely: 8m, dist: pert}}
          g: {run: x, estimate: {effort: 8h, group: weather}}
          h: {run: x, estimate: {likely: 8m, items: 3, passes: 2}}
          i: {run: x, estimate: {probability: 30}}
          j: {run: x, estimate: {optimistik: 5m}}
          k: {run: x, estimate: [5m]}
        ",
        "
        E0302 3:25 `estimate` is elapsed time anyhow, there is no other in a workflow
          hint: leave out the `e`
        E0302 4:25 the duration `3` has no unit (ms, s, m, h or d)
          hint: write `3s` if it is seconds
        E0308 5:50 `likely` of 8m is less than `optimistic`, which is 9m
        E0203 6:25 an `estimate` of three points needs `pessimistic` too
        E0204 7:25 an `estimate` says its amount once: by `history` or by `likely`
        E0204 8:38 `dist` has no effect here: there are no three points between which it lies
        E0204 9:26 `effort` has no effect here: nobody works on a task of a workflow
        E0204 9:38 `group` has no effect here: only a project has groups of durations that vary together
        E0204 10:38 `items` has no effect here: there is no `for_each`
        E0204 10:48 `passes` has no effect here: only a `repeat` or a `do:` list goes round
        E0308 11:39 `probability` must be between 0 and 1, this is 30
        E0202 12:26 unknown key `optimistik` in `estimate`
          hint: did you mean `optimistic`?
        E0301 13:25 `estimate` must be a duration, this is a list
        ",
    );
}

#[test]
fn costs_that_cannot_be_are_refused() {
    check_body(
        "
        tasks:
          a: {run: x, cost: {fixed: 100 EUR}}
          b: {run: x, cost: {fixed: 100}}
          c: {run: x, cost: {fixed: €5}}
          d: {run: x, cost: {per_use: 2.50 USD, accrue: start}}
          e: {run: x, cost: {fixed: -1 EUR, account: dev}}
          f: {run: x, cost: 5 EUR}
        ",
        "
        E0331 4:29 `100` is not an amount with its currency, such as `80 EUR`
        E0331 5:29 `€5` is not an amount with its currency, such as `80 EUR`
          hint: did you mean `5 EUR`?
        E0333 6:31 this is in USD, and others are in EUR
          3:29 the first amount
          hint: convert it to EUR
        E0204 6:41 `accrue` has no effect here: there is no `fixed` cost
        E0308 7:29 `fixed` cannot be below zero, this is -1 EUR
        E0204 7:37 `account` has no effect here: only a project has accounts
        E0301 8:21 `cost` must be a map, this is text
        ",
    );
}
