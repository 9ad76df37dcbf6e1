//! Which branch is taken in the dates: the one that is known, else the likelier one by what was measured or estimated, else the longest.

use std::collections::BTreeSet;

use myrmex_model::ir::{Body, Choose, Flow, Graph, Next};
use myrmex_model::outcome::Outcome;
use myrmex_model::planning::Millionths;

use super::scope::needed;
use super::{Around, Asked, Builder, LowerError, node_of, planning};

/// What of a graph is in the dates.
pub(super) struct Live {
    /// Whether a child is.
    pub(super) runs: Vec<bool>,
    /// Whether an edge is one that its child waits for.
    pub(super) is_counted: Vec<bool>,
    /// When a child ends, roughly, if all begin as early as they can.
    pub(super) finishes: Vec<i64>,
}

/// Follows the edges of `graph` as if all that runs succeeds.
///
/// # Errors
///
/// Returns [`LowerError`] if there is more within than any plan has.
pub(super) fn of_graph<'a>(
    builder: &mut Builder<'a>,
    around: &Around<'a>,
    graph: &'a Graph,
) -> Result<Live, LowerError> {
    let count = graph.children.len();
    let lengths: Vec<i64> = graph
        .children
        .iter()
        .map(|child| builder.rough(&around.child(&node_of(around, child.node).name), child.node))
        .collect::<Result<_, _>>()?;
    let order = order(graph);
    let tails = tails(graph, &lengths, &order);
    let mut into: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (place, edge) in graph.edges().iter().enumerate() {
        into[edge.to as usize].push(place);
    }
    let mut live = Live {
        runs: vec![true; count],
        is_counted: vec![false; graph.edges().len()],
        finishes: vec![0; count],
    };
    let mut taken: Vec<Option<u32>> = vec![None; count];
    for child in order {
        let holds = |place: &usize| {
            let edge = &graph.edges()[*place];
            let from = edge.from as usize;
            let outcome = if live.runs[from] {
                edge.on.contains(Outcome::Succeeded) || edge.on.contains(Outcome::Started)
            } else {
                edge.on.contains(Outcome::Skipped)
            };
            let case = edge.cases.is_empty() || taken[from].is_some_and(|case| edge.cases.contains(&case));
            outcome && case
        };
        let mut counted: Vec<usize> = into[child].iter().copied().filter(holds).collect();
        let wanted = needed(graph.children[child].join, counted.len(), into[child].len());
        let at = around.child(&node_of(around, graph.children[child].node).name);
        live.runs[child] = wanted.is_some() && !builder.asked.given.skipped.contains(&at.shared);
        counted.sort_by_key(|place| (live.finishes[graph.edges()[*place].from as usize], *place));
        counted.truncate(wanted.unwrap_or(0));
        let start = counted.iter().map(|place| live.finishes[graph.edges()[*place].from as usize]).max();
        live.finishes[child] =
            start.unwrap_or(0).saturating_add(if live.runs[child] { lengths[child] } else { 0 });
        for place in counted {
            live.is_counted[place] = true;
        }
        let node = node_of(around, graph.children[child].node);
        if let Body::Choose(choose) = &node.body {
            let edges = graph.edges_from(u32::try_from(child).expect("children are counted in 32 bits"));
            let of_case = |case: u32| edges.iter().filter(move |edge| edge.cases.contains(&case));
            taken[child] = likeliest(
                &builder.asked,
                &at,
                &all_cases(choose).collect::<Vec<u32>>(),
                |case| {
                    of_case(case).find_map(|edge| probability(around, graph.children[edge.to as usize].node))
                },
                |case| of_case(case).map(|edge| tails[edge.to as usize]).max().unwrap_or(0),
            );
        }
    }
    Ok(live)
}

/// Returns the children of `flow` that its token comes to, each once: what is done again is longer instead.
///
/// # Errors
///
/// Returns [`LowerError`] if there is more within than any plan has.
pub(super) fn of_flow<'a>(
    builder: &mut Builder<'a>,
    around: &Around<'a>,
    flow: &'a Flow,
) -> Result<BTreeSet<usize>, LowerError> {
    let count = flow.children.len();
    let mut tails = vec![0_i64; count + 1];
    let mut next = vec![count; count];
    for index in (0..count).rev() {
        let child = flow.children[index];
        let node = node_of(around, child.node);
        let at = around.child(&node.name);
        let onwards = |next: Next| match next {
            Next::Continue => index + 1,
            Next::Exit | Next::End => count,
            // A jump back is another pass, which the lengths of all within tell.
            Next::Goto(_) if is_back(index, next) => count,
            Next::Goto(to) => to as usize,
        };
        next[index] = onwards(child.next);
        if let Body::Choose(choose) = &node.body {
            let leads = |case: u32| choose.cases.get(case as usize).map_or(Next::Exit, |case| case.next);
            let target = |case: u32| onwards(leads(case));
            let onwards_only: Vec<u32> =
                all_cases(choose).filter(|case| !is_back(index, leads(*case))).collect();
            let case = likeliest(
                &builder.asked,
                &at,
                &onwards_only,
                |case| flow.children.get(target(case)).and_then(|child| probability(around, child.node)),
                |case| tails[target(case)],
            );
            next[index] = case.map_or(count, target);
        }
        tails[index] = builder.rough(&at, child.node)?.saturating_add(tails[next[index]]);
    }
    let mut taken = BTreeSet::new();
    let mut at = 0;
    while at < count {
        let node = node_of(around, flow.children[at].node);
        if !builder.asked.given.skipped.contains(&around.child(&node.name).shared) {
            taken.insert(at);
        }
        at = next[at];
    }
    Ok(taken)
}

/// Whether `next`, after the child at `index`, leads back to it or before it.
fn is_back(index: usize, next: Next) -> bool {
    matches!(next, Next::Goto(to) if to as usize <= index)
}

fn all_cases(choose: &Choose) -> std::ops::Range<u32> {
    0..u32::try_from(choose.cases.len()).expect("cases are counted in 32 bits")
}

/// Whether the token of `flow` may come back to where it was.
pub(super) fn goes_round(around: &Around<'_>, flow: &Flow) -> bool {
    flow.rounds.is_some()
        || flow.children.iter().enumerate().any(|(index, child)| {
            let cases = match &node_of(around, child.node).body {
                Body::Choose(choose) => choose.cases.as_slice(),
                Body::Task(_)
                | Body::Value(_)
                | Body::Timer(_)
                | Body::Raise(_)
                | Body::Flow(_)
                | Body::Graph(_)
                | Body::Each(_)
                | Body::Call(_)
                | Body::Await(_) => &[],
            };
            is_back(index, child.next) || cases.iter().any(|case| is_back(index, case.next))
        })
}

/// Chooses one of `cases`: the one that is known, else the one taken most often, else the most probable one if anybody said how probable they are, else the longest. Of equal
/// ones the first.
fn likeliest(
    asked: &Asked<'_>,
    at: &Around<'_>,
    cases: &[u32],
    probability: impl Fn(u32) -> Option<Millionths>,
    length: impl Fn(u32) -> i64,
) -> Option<u32> {
    if let Some(known) = asked.given.cases.get(&at.shared).filter(|known| cases.contains(known)) {
        return Some(*known);
    }
    let cases = cases.iter().copied();
    let measured = asked.measured.cases.get(&at.shared);
    let often = |case: u32| measured.and_then(|taken| taken.get(case as usize)).copied().unwrap_or(0);
    if cases.clone().any(|case| often(case) > 0) {
        return cases.rev().max_by_key(|case| often(*case));
    }
    let said: Vec<u64> = cases.clone().filter_map(&probability).map(|part| u64::from(part.0)).collect();
    if said.is_empty() {
        return cases.rev().max_by_key(|case| length(*case));
    }
    // What nobody gave a probability shares what the others leave.
    let left = u64::from(Millionths::WHOLE.0).saturating_sub(said.iter().sum());
    let rest = left / (cases.len() - said.len()).max(1) as u64;
    cases.rev().max_by_key(|case| probability(*case).map_or(rest, |part| u64::from(part.0)))
}

fn probability(around: &Around<'_>, id: myrmex_model::ir::NodeId) -> Option<Millionths> {
    let planning = planning(around.definition, node_of(around, id))?;
    planning.estimate.as_ref()?.probability
}

/// Sorts the children, each after all with an edge to it. The front end knows that there is no circle.
pub(super) fn order(graph: &Graph) -> Vec<usize> {
    let count = graph.children.len();
    let mut left = vec![0_usize; count];
    for edge in graph.edges() {
        left[edge.to as usize] += 1;
    }
    let mut order: Vec<usize> = (0..count).filter(|child| left[*child] == 0).collect();
    let mut next = 0;
    while next < order.len() {
        let child = order[next];
        next += 1;
        for edge in graph.edges_from(u32::try_from(child).expect("children are counted in 32 bits")) {
            left[edge.to as usize] -= 1;
            if left[edge.to as usize] == 0 {
                order.push(edge.to as usize);
            }
        }
    }
    order
}

/// Returns how long it takes at least from the start of each child to the end of all after it, whatever branch is taken.
fn tails(graph: &Graph, lengths: &[i64], order: &[usize]) -> Vec<i64> {
    let mut tails = vec![0_i64; lengths.len()];
    for child in order.iter().rev().copied() {
        let after = graph.edges_from(u32::try_from(child).expect("children are counted in 32 bits"));
        let longest = after.iter().map(|edge| tails[edge.to as usize]).max().unwrap_or(0);
        tails[child] = lengths[child].saturating_add(longest);
    }
    tails
}
