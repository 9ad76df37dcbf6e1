//! What is expected to happen: which branches are taken, and about how long they are.

use myrmex_model::ir::{Body, Choose, Flow, Graph, Join, Next, NodeId};
use myrmex_model::outcome::Outcome;

use super::Source;
use super::work::{default_ms, known_ms};

/// Returns which children of a graph are expected to run: all succeed, and of a `switch` one case is taken.
pub(super) fn of_graph(source: Source<'_>, graph: &Graph, around: &str) -> Vec<bool> {
    let count = graph.children.len();
    let order = order(graph);
    let after = lengths_after(source, graph, &order, around);
    let mut does_run = vec![true; count];
    let (mut entering, mut holding) = (vec![0_usize; count], vec![0_usize; count]);
    for child in order {
        let index = u32::try_from(child).unwrap_or(u32::MAX);
        does_run[child] = entering[child] == 0
            || match graph.children[child].join {
                Join::All => holding[child] == entering[child],
                Join::AllLive => holding[child] > 0,
                Join::First(needed) => holding[child] >= needed as usize,
            };
        let chosen = match &source.definition.node(graph.children[child].node).body {
            Body::Choose(choose) => choice(choose, |case| {
                let edges = graph.edges_from(index).iter().filter(|edge| edge.cases.contains(&case));
                let weighed = edges.map(|edge| {
                    let to = edge.to as usize;
                    (runs(source, graph.children[to].node, around), after[to])
                });
                weighed.fold((0, 0), |best, next| (best.0.max(next.0), best.1.max(next.1)))
            }),
            Body::Task(_)
            | Body::Value(_)
            | Body::Timer(_)
            | Body::Raise(_)
            | Body::Flow(_)
            | Body::Graph(_)
            | Body::Each(_)
            | Body::Call(_)
            | Body::Await(_) => None,
        };
        for edge in graph.edges_from(index) {
            let is_case = edge.cases.is_empty() || chosen.is_none_or(|case| edge.cases.contains(&case));
            let accepts = |outcome| edge.on.contains(outcome);
            let holds = if does_run[child] {
                accepts(Outcome::Succeeded) || accepts(Outcome::Started)
            } else {
                accepts(Outcome::Skipped)
            };
            entering[edge.to as usize] += 1;
            holding[edge.to as usize] += usize::from(is_case && holds);
        }
    }
    does_run
}

/// Returns the children of a flow that are expected to be visited, in order.
pub(super) fn of_flow(source: Source<'_>, flow: &Flow, around: &str) -> Vec<usize> {
    super::scopes::visited(flow, |at| {
        let child = flow.children[at];
        let Body::Choose(choose) = &source.definition.node(child.node).body else { return child.next };
        let target = |case: u32| match choose.cases[case as usize].next {
            Next::Goto(to) => Some(to as usize),
            Next::Continue => Some(at + 1),
            Next::Exit | Next::End => None,
        };
        let chosen = choice(choose, |case| {
            let Some(to) = target(case).filter(|to| *to < flow.children.len()) else { return (0, 0) };
            let rest = flow.children[to..].iter().map(|child| weight_in(source, child.node, around)).sum();
            // Back would be another round: a plan goes forward.
            (runs(source, flow.children[to].node, around), if to > at { rest } else { 0 })
        });
        chosen.map_or(child.next, |case| choose.cases[case as usize].next)
    })
}

/// Returns the case that past runs took most often, else the longest, else the first.
fn choice(choose: &Choose, weigh: impl Fn(u32) -> (usize, i64)) -> Option<u32> {
    let cases = 0..u32::try_from(choose.cases.len()).unwrap_or(u32::MAX);
    // Of equal ones the first is kept.
    cases
        .map(|case| (weigh(case), case))
        .reduce(|best, next| if next.0 > best.0 { next } else { best })
        .map(|(_, case)| case)
}

/// Returns how often a node was measured.
fn runs(source: Source<'_>, node: NodeId, around: &str) -> usize {
    source.measured.get(&path(source, node, around)).map_or(0, Vec::len)
}

fn path(source: Source<'_>, node: NodeId, around: &str) -> String {
    let name = source.definition.node(node).name.as_str();
    if around.is_empty() { name.to_owned() } else { format!("{around}/{name}") }
}

/// Returns the children of a graph such that none stands before one that it follows. It has no cycles.
fn order(graph: &Graph) -> Vec<usize> {
    let mut open: Vec<usize> = vec![0; graph.children.len()];
    for edge in graph.edges() {
        open[edge.to as usize] += 1;
    }
    let mut order: Vec<usize> = (0..open.len()).filter(|child| open[*child] == 0).collect();
    let mut next = 0;
    while next < order.len() {
        let child = u32::try_from(order[next]).unwrap_or(u32::MAX);
        for edge in graph.edges_from(child) {
            let to = edge.to as usize;
            open[to] -= 1;
            if open[to] == 0 {
                order.push(to);
            }
        }
        next += 1;
    }
    order
}

/// Returns for each child about how long it and the longest chain after it take.
fn lengths_after(source: Source<'_>, graph: &Graph, order: &[usize], around: &str) -> Vec<i64> {
    let mut after = vec![0; graph.children.len()];
    for child in order.iter().rev() {
        let index = u32::try_from(*child).unwrap_or(u32::MAX);
        let rest = graph.edges_from(index).iter().map(|edge| after[edge.to as usize]).max().unwrap_or(0);
        after[*child] = weight_in(source, graph.children[*child].node, around).saturating_add(rest);
    }
    after
}

/// Returns about how long the node at `path` takes, in milliseconds, calendars, people and capacity left aside.
pub(super) fn weight(source: Source<'_>, node: NodeId, path: &str) -> i64 {
    let lowered = source.definition.node(node);
    if let Some(known) = known_ms(source, lowered, path) {
        return known;
    }
    match &lowered.body {
        Body::Graph(graph) => {
            lengths_after(source, graph, &order(graph), path).into_iter().max().unwrap_or(0)
        }
        Body::Flow(flow) => {
            let children = flow.children.iter().map(|child| weight_in(source, child.node, path));
            children.fold(0, i64::saturating_add)
        }
        Body::Each(each) => weight(source, each.body, &format!("{path}[]")),
        Body::Task(_)
        | Body::Value(_)
        | Body::Timer(_)
        | Body::Choose(_)
        | Body::Raise(_)
        | Body::Call(_)
        | Body::Await(_) => default_ms(lowered),
    }
}

/// Returns the same of a child of the scope at `around`.
fn weight_in(source: Source<'_>, node: NodeId, around: &str) -> i64 {
    weight(source, node, &path(source, node, around))
}
