//! How long a run will probably still take, from what its tasks took in earlier runs.
//!
//! The estimate is the larger of two lower bounds of the time that a schedule takes (Graham, "Bounds for certain multiprocessing
//! anomalies", 1966): the longest chain of what is left, and all that is left divided by the places. A task takes the half-way
//! quantile of its history; one without a history takes nothing. It is asked for the outermost tasks only: what a block took
//! holds what is inside.

use std::collections::BTreeMap;

use myrmex_engine::history::History;
use myrmex_model::address::Address;
use myrmex_model::ir::{Body, Definition, NodeId};
use myrmex_model::time::{Length, Timestamp};

/// What is left of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// About this long.
    About(Length),
    /// It takes longer than such runs did.
    Late,
}

/// What the outermost tasks of a workflow took before.
#[derive(Debug)]
pub struct Remaining {
    /// In an order in which each task comes after those that it goes on from.
    tasks: Vec<Task>,
    /// Where in it they are.
    at: BTreeMap<Address, usize>,
    places: u64,
}

#[derive(Debug)]
struct Task {
    address: Address,
    /// None if it was never measured.
    usual: Option<Length>,
    /// Where in the list those stand that it goes on from.
    after: Vec<usize>,
    has_ended: bool,
}

impl Remaining {
    /// Takes what runs of a definition took, where so many places are; nothing if none of them succeeded yet.
    pub fn new(definition: &Definition, history: &History, places: u32) -> Option<Self> {
        history.took?;
        let ordered = in_order(definition);
        let at: BTreeMap<u32, usize> =
            ordered.iter().enumerate().map(|(at, (child, _, _))| (*child, at)).collect();
        let tasks = ordered.into_iter().map(|(_, node, before)| {
            let name = &definition.node(node).name;
            let usual = history.tasks.get(name.as_str()).and_then(|task| task.took).map(|took| took.p50);
            let after = before.iter().filter_map(|child| at.get(child).copied()).collect();
            Task { address: Address::root().child(name, 1), usual, after, has_ended: false }
        });
        let tasks: Vec<Task> = tasks.collect();
        let at = tasks.iter().enumerate().map(|(at, task)| (task.address.clone(), at)).collect();
        Some(Self { tasks, at, places: u64::from(places.max(1)) })
    }

    /// Notes that a task ended.
    pub fn ended(&mut self, task: &Address) {
        if let Some(at) = self.at.get(task) {
            self.tasks[*at].has_ended = true;
        }
    }

    /// Estimates what is left of the run; nothing if all that is left was never measured. `began` says since when tasks are under way, and `items` how many items of one have ended, of how
    /// many.
    pub fn left(
        &self,
        now: Timestamp,
        began: &BTreeMap<Address, Timestamp>,
        items: impl Fn(&Address) -> Option<(usize, usize)>,
    ) -> Option<Left> {
        let mut chains: Vec<u64> = Vec::with_capacity(self.tasks.len());
        let mut all = 0;
        for task in &self.tasks {
            let left = task.left(now, began.get(&task.address).copied(), items(&task.address));
            all = left.saturating_add(all);
            let before = task.after.iter().map(|at| chains[*at]).max().unwrap_or(0);
            chains.push(left.saturating_add(before));
        }
        let longest = chains.into_iter().max().unwrap_or(0);
        match longest.max(all / self.places) {
            0 => {
                let is_known = self.tasks.iter().any(|task| !task.has_ended && task.usual.is_some());
                is_known.then_some(Left::Late)
            }
            left => Some(Left::About(Length(left))),
        }
    }
}

impl Task {
    /// Returns what is left of it, in milliseconds.
    fn left(&self, now: Timestamp, began: Option<Timestamp>, items: Option<(usize, usize)>) -> u64 {
        let Length(usual) = self.usual.unwrap_or_default();
        match (self.has_ended, began, items) {
            (true, _, _) => 0,
            (false, Some(_), Some((ended, count))) if count > 0 => {
                let (ended, count) = (ended.min(count) as u64, count as u64);
                usual.saturating_mul(count - ended) / count
            }
            (false, Some(began), _) => usual.saturating_sub(now.since(began).0),
            (false, None, _) => usual,
        }
    }
}

/// Returns the outermost tasks with their nodes and those that they go on from, each behind those.
fn in_order(definition: &Definition) -> Vec<(u32, NodeId, Vec<u32>)> {
    match &definition.node(definition.root).body {
        Body::Graph(graph) => {
            let mut left: Vec<u32> =
                (0..).take(graph.children.len()).map(|child| graph.in_count(child)).collect();
            let mut before: Vec<Vec<u32>> = vec![Vec::new(); left.len()];
            let mut ready: Vec<u32> =
                (0..).zip(&left).filter(|(_, left)| **left == 0).map(|(child, _)| child).collect();
            let mut ordered = Vec::with_capacity(left.len());
            while let Some(child) = ready.pop() {
                ordered.push((
                    child,
                    graph.children[child as usize].node,
                    std::mem::take(&mut before[child as usize]),
                ));
                for edge in graph.edges_from(child) {
                    let to = edge.to as usize;
                    before[to].push(child);
                    left[to] -= 1;
                    if left[to] == 0 {
                        ready.push(edge.to);
                    }
                }
            }
            ordered
        }
        Body::Flow(flow) => {
            let children = (0_u32..).zip(&flow.children);
            children.map(|(at, child)| (at, child.node, at.checked_sub(1).into_iter().collect())).collect()
        }
        Body::Task(_)
        | Body::Value(_)
        | Body::Timer(_)
        | Body::Choose(_)
        | Body::Raise(_)
        | Body::Await(_)
        | Body::Each(_)
        | Body::Call(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use myrmex_engine::history::{Quantiles, TaskHistory};
    use myrmex_lang::{Source, check};

    use super::*;

    /// A history in which each of these tasks took so many seconds.
    fn history(tasks: &[(&str, u64)]) -> History {
        let took = |seconds: u64| {
            let length = Length(seconds * 1_000);
            Some(Quantiles { count: 1, p50: length, p90: length })
        };
        let tasks = tasks.iter().map(|(name, seconds)| {
            ((*name).to_owned(), TaskHistory { runs: 1, took: took(*seconds), ..TaskHistory::default() })
        });
        History { runs: 1, took: took(1), tasks: tasks.collect() }
    }

    fn remaining(body: &str, tasks: &[(&str, u64)], places: u32) -> Remaining {
        let checked = check(&Source::new("w.yaml", format!("workflow: w\n{body}")));
        Remaining::new(&checked.definition.unwrap(), &history(tasks), places).unwrap()
    }

    fn second(second: i64) -> Timestamp {
        Timestamp(second * 1_000_000_000)
    }

    fn address(name: &str) -> Address {
        Address::parse(name).unwrap()
    }

    fn about(seconds: u64) -> Left {
        Left::About(Length(seconds * 1_000))
    }

    const DIAMOND: &str = "tasks:\n  d: {needs: [b, c], set: {}}\n  b: {needs: [a], set: {}}\n  c: {needs: [a], set: {}}\n  a: {set: {}}\n";

    #[test]
    fn the_longest_chain_of_what_is_left_counts() {
        let mut run = remaining(DIAMOND, &[("a", 10), ("b", 20), ("c", 5), ("d", 1)], 8);
        assert_eq!(run.left(second(0), &BTreeMap::new(), |_| None), Some(about(31)));
        let began = BTreeMap::from([(address("a"), second(0))]);
        assert_eq!(run.left(second(4), &began, |_| None), Some(about(27)));
        // A task that takes longer than usual may end at any time.
        assert_eq!(run.left(second(60), &began, |_| None), Some(about(21)));
        run.ended(&address("a"));
        run.ended(&address("b"));
        assert_eq!(run.left(second(60), &BTreeMap::new(), |_| None), Some(about(6)));
        run.ended(&address("c"));
        let began = BTreeMap::from([(address("d"), second(60))]);
        assert_eq!(run.left(second(62), &began, |_| None), Some(Left::Late));
    }

    #[test]
    fn few_places_make_it_longer_than_its_longest_chain() {
        let tasks = [("a", 10), ("b", 20), ("c", 20), ("d", 10)];
        assert_eq!(
            remaining(DIAMOND, &tasks, 2).left(second(0), &BTreeMap::new(), |_| None),
            Some(about(40))
        );
        assert_eq!(
            remaining(DIAMOND, &tasks, 1).left(second(0), &BTreeMap::new(), |_| None),
            Some(about(60))
        );
    }

    #[test]
    fn of_items_the_share_that_has_not_ended_is_left() {
        let run = remaining("tasks:\n  a: {for_each: [1, 2], set: {}}\n", &[("a", 100)], 1);
        let began = BTreeMap::from([(address("a"), second(0))]);
        assert_eq!(run.left(second(90), &began, |_| Some((15, 20))), Some(about(25)));
        // Many items share little time.
        assert_eq!(run.left(second(90), &began, |_| Some((250_000, 1_000_000))), Some(about(75)));
        assert_eq!(run.left(second(99), &began, |_| Some((20, 20))), Some(Left::Late));
    }

    #[test]
    fn a_flow_goes_one_after_the_other_and_without_a_history_nothing_is_said() {
        let flow = "do:\n  - a: {set: {}}\n  - b: {set: {}}\n";
        assert_eq!(
            remaining(flow, &[("a", 3), ("b", 4)], 9).left(second(0), &BTreeMap::new(), |_| None),
            Some(about(7))
        );
        assert_eq!(remaining(flow, &[], 9).left(second(0), &BTreeMap::new(), |_| None), None, "both are new");
        let checked = check(&Source::new("w.yaml", format!("workflow: w\n{flow}")));
        assert!(Remaining::new(&checked.definition.unwrap(), &History::default(), 1).is_none());
    }
}
