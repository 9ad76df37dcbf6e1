//! Tests of the order among the attempts of one run: what is left decides, and takes nothing from other runs.

use std::sync::Arc;

use myrmex_model::address::Address;
use myrmex_model::id::{Attempt, Epoch, RunId};
use myrmex_model::ir::{
    Body, Definition, Flow, FlowChild, Graph, GraphChild, Join, Late, Next, Node, NodeId, Outputs, Policy,
};
use myrmex_model::name::{Name, Namespace};
use myrmex_model::rank::{Measure, Rank, Ranks};
use myrmex_model::template::Template;
use myrmex_model::time::{Length, Timestamp};
use proptest::prelude::*;

use super::{Dispatch, Ready, Wait, Worker};

const RUN: RunId = RunId([1; 16]);
const OTHER: RunId = RunId([2; 16]);
const CALLED: RunId = RunId([3; 16]);

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn ready(run: RunId, task: &str, ms: i64) -> Ready {
    let since = Timestamp(ms * 1_000_000);
    Ready { run, task: Address::parse(task).unwrap(), attempt: Attempt::FIRST, since, demand: None }
}

fn node(text: &str, parent: Option<u32>, body: Body) -> Node {
    Node {
        name: name(text),
        parent: parent.map(NodeId),
        guard: None,
        body,
        policy: Policy::default(),
        outputs: Outputs::Raw,
        handling: None,
        binding: None,
        planning: None,
    }
}

/// A graph of tasks `t0`, `t1` … that wait for nothing, and a flow `f` with one task `in`; ranks are given by place.
fn ranked(tasks: u32, ranks: &[(u64, u64)]) -> (Arc<Definition>, Arc<Ranks>) {
    let names: Vec<Name> = (0..tasks).map(|task| name(&format!("t{task}"))).chain([name("f")]).collect();
    let child = |index: u32| GraphChild { node: NodeId(index), join: Join::All, late: Late::Ignore };
    let children = (1..=tasks + 1).map(child).collect();
    let graph = Graph::new(children, Vec::new(), names.clone()).unwrap();
    let work = || Body::Value(Template::Literal(serde_json::Value::Null));
    let mut nodes = vec![node("root", None, Body::Graph(graph))];
    nodes.extend(names.iter().take(tasks as usize).map(|name| node(name.as_str(), Some(0), work())));
    let inside = FlowChild { node: NodeId(tasks + 2), next: Next::Continue };
    nodes.push(node("f", Some(0), Body::Flow(Flow::new(vec![inside], [name("in")]))));
    nodes.push(node("in", Some(tasks + 1), work()));
    let definition = Definition {
        namespace: Namespace::standard(),
        name: name("ranked"),
        version: None,
        inputs: Vec::new(),
        concurrency: None,
        pools: std::collections::BTreeMap::new(),
        nodes,
        root: NodeId(0),
        project: None,
    };
    let rank = |&(remaining, after): &(u64, u64)| Rank { remaining: Length(remaining), after: Length(after) };
    (Arc::new(definition), Arc::new(Ranks::new(Measure::Time, ranks.iter().map(rank).collect())))
}

fn machine() -> Dispatch {
    let mut dispatch = Dispatch::new(Epoch(1));
    dispatch.set_worker(name("local"), Some(Worker { slots: 1, ..Worker::default() }));
    dispatch
}

/// Serves all that wait, one after the other, and returns them as `RUN TASK`.
fn served(dispatch: &mut Dispatch) -> Vec<String> {
    let mut served = Vec::new();
    loop {
        let grants = dispatch.grant(Timestamp(0));
        let Some(grant) = grants.first() else { return served };
        served.push(format!("{} {}", grant.ready.run.0[0], grant.ready.task));
        dispatch.release(grant.token);
    }
}

#[test]
fn of_one_run_that_goes_first_after_which_most_is_left() {
    let mut dispatch = machine();
    dispatch.rank(RUN, Some(ranked(3, &[(0, 0), (5, 0), (9, 0), (5, 0), (7, 0), (7, 0)])));
    for (task, at) in [("t2", 0), ("t0", 1), ("f/in", 2), ("t1", 3)] {
        dispatch.enqueue(ready(RUN, task, at));
    }
    assert_eq!(dispatch.remaining(RUN, &Address::parse("t1").unwrap()), Some((Length(9), Measure::Time)));
    assert_eq!(dispatch.remaining(RUN, &Address::parse("gone").unwrap()), None);
    // Of equal ones that which came first.
    assert_eq!(served(&mut dispatch), ["1 t1", "1 f/in", "1 t2", "1 t0"]);
}

#[test]
fn what_a_called_run_has_left_counts_with_what_follows_the_call() {
    let mut dispatch = machine();
    dispatch.rank(RUN, Some(ranked(2, &[(0, 0), (6, 4), (5, 0), (0, 0), (0, 0)])));
    dispatch.rank(CALLED, Some(ranked(1, &[(0, 0), (2, 0), (0, 0), (0, 0)])));
    dispatch.nest(CALLED, Some((RUN, Address::parse("t0").unwrap())));
    // The caller left memory while it waits; what follows its call is known all the same.
    dispatch.rank(RUN, None);
    dispatch.enqueue(ready(RUN, "t1", 0));
    dispatch.enqueue(ready(CALLED, "t0", 1));
    assert_eq!(served(&mut dispatch), ["3 t0", "1 t1"]);
}

#[test]
fn a_run_with_more_left_takes_no_place_of_another_run() {
    let mut dispatch = machine();
    dispatch.rank(RUN, Some(ranked(3, &[(0, 0), (1, 0), (100, 0), (50, 0)])));
    for (run, task, at) in [(RUN, "t0", 0), (OTHER, "a", 1), (RUN, "t1", 2), (OTHER, "b", 3), (RUN, "t2", 4)]
    {
        dispatch.enqueue(ready(run, task, at));
    }
    assert_eq!(served(&mut dispatch), ["1 t1", "2 a", "1 t2", "2 b", "1 t0"]);
}

#[test]
fn the_ranks_of_a_run_go_with_the_last_that_it_called() {
    let mut dispatch = machine();
    let of_task = |dispatch: &Dispatch| dispatch.remaining(RUN, &Address::parse("t0").unwrap()).is_some();
    dispatch.rank(RUN, Some(ranked(1, &[(0, 0), (1, 0)])));
    dispatch.enqueue(ready(RUN, "t0", 0));
    dispatch.nest(CALLED, Some((RUN, Address::parse("f").unwrap())));
    dispatch.rank(RUN, None);
    assert!(of_task(&dispatch), "what it called is under way");
    dispatch.nest(CALLED, None);
    assert!(!of_task(&dispatch));
}

#[test]
fn who_asks_why_is_told_how_many_come_before_it() {
    let mut dispatch = machine();
    dispatch.rank(RUN, Some(ranked(3, &[(0, 0), (1, 0), (100, 0), (50, 0)])));
    dispatch.enqueue(ready(OTHER, "a", -1));
    assert_eq!(dispatch.grant(Timestamp(0)).len(), 1);
    for (task, at) in [("t0", 0), ("t1", 1), ("t2", 2)] {
        dispatch.enqueue(ready(RUN, task, at));
    }
    let before = |task: &str| dispatch.why(RUN, &Address::parse(task).unwrap(), Timestamp(0));
    assert_eq!(before("t1"), Some(Wait::Places { taken: 1, before: 0 }));
    assert_eq!(before("t2"), Some(Wait::Places { taken: 1, before: 1 }));
    assert_eq!(before("t0"), Some(Wait::Places { taken: 1, before: 2 }));
}

proptest! {
    /// Whatever runs have left, and whoever leaves the queue: runs take turns as if nothing were known of ranks, and within a
    /// run what is served first has at least as much left as what is served later.
    #[test]
    fn rank_changes_nothing_between_runs(
        arrivals in proptest::collection::vec((any::<bool>(), 0..6_u64), 1..12),
        withdrawn in proptest::collection::vec(any::<prop::sample::Index>(), 0..3),
    ) {
        let lefts: Vec<u64> = arrivals.iter().map(|(_, left)| *left).collect();
        let ranks: Vec<(u64, u64)> = std::iter::once((0, 0)).chain(lefts.iter().map(|left| (*left, 0))).collect();
        let tasks = u32::try_from(arrivals.len()).unwrap();
        let (mut with, mut without) = (machine(), machine());
        for run in [RUN, OTHER] {
            with.rank(run, Some(ranked(tasks, &ranks)));
        }
        for (place, (is_other, _)) in arrivals.iter().enumerate() {
            let run = if *is_other { OTHER } else { RUN };
            let waiting = ready(run, &format!("t{place}"), i64::try_from(place).unwrap());
            with.enqueue(waiting.clone());
            without.enqueue(waiting);
        }
        for index in withdrawn {
            let place = index.index(arrivals.len());
            let run = if arrivals[place].0 { OTHER } else { RUN };
            for machine in [&mut with, &mut without] {
                machine.withdraw(run, &Address::parse(&format!("t{place}")).unwrap());
            }
        }
        let (with, without) = (served(&mut with), served(&mut without));
        let runs = |served: &[String]| served.iter().map(|one| one[..1].to_owned()).collect::<Vec<_>>();
        prop_assert_eq!(runs(&with), runs(&without));
        for run in ["1", "2"] {
            let left = |one: &String| lefts[one[3..].parse::<usize>().unwrap()];
            let of_run: Vec<u64> = with.iter().filter(|one| one.starts_with(run)).map(left).collect();
            prop_assert!(of_run.is_sorted_by(|first, second| first >= second), "{:?}", of_run);
        }
    }
}
