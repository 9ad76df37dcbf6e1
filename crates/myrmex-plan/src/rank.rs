//! In which order ready tasks are given to free slots: those first after which most is left to do.
//!
//! The b-level of a task is its own length and the longest way from it to the end, `d(i) + max b(j)` over its successors (Adam, Chandy
//! and Dickson, "A comparison of list schedules for parallel processing systems", CACM 1974). Here it is that of every node of a definition,
//! over the whole tree: what is inside a block is followed by what follows the block, and so is every item of a `for_each`. It assumes that everything succeeds and every branch is taken: what is too far in front only costs order. Nothing
//! here knows resources, calendars or dates: a working day counts 24 hours.

use std::collections::BTreeMap;

use myrmex_model::ir::{Body, Definition, Edge, Flow, Graph, Holds, Node, NodeId, Timer};
use myrmex_model::outcome::Outcome;
use myrmex_model::planning::{Amount, Estimate, Extent, Item};
use myrmex_model::rank::{Measure, Rank, Ranks};
use myrmex_model::template::Template;
use myrmex_model::time::Length;
use myrmex_model::value::Value;

use crate::problem::Span;

/// A day, in milliseconds.
const DAY_MS: i64 = 24 * 3_600_000;

/// Returns how much is left after each node of a definition. `measured` has the median lengths of tasks in earlier runs, by the paths that
/// they share over items (`deploy[]/copy`).
///
/// A task takes what was measured, else what its author estimates, else the median of those that are known; if nothing is known each
/// counts one millisecond, so the rank is the number of tasks on the longest way. A block takes what is inside it, unless it has an
/// estimate. It costs as much as there are nodes and edges.
pub fn levels(definition: &Definition, measured: &BTreeMap<String, Span>) -> Ranks {
    let order = from_outside(definition);
    let known = known(definition, &order, measured);
    let assumed = median(known.iter().flatten().copied()).0;
    let mut levels = Levels { definition, lengths: vec![0; definition.nodes.len()] };
    for &id in order.iter().rev() {
        levels.lengths[at(id)] = match known[at(id)] {
            Some(Span(length)) => length,
            None => levels.inside(definition.node(id)).unwrap_or(assumed),
        };
    }
    let mut after = vec![0_i64; definition.nodes.len()];
    for &id in &order {
        levels.tell_inside(id, &mut after);
    }
    let rank = |(after, length): (&i64, &i64)| Rank {
        remaining: length_of(after.saturating_add(*length)),
        after: length_of(*after),
    };
    let measure = if known.iter().any(Option::is_some) { Measure::Time } else { Measure::Tasks };
    Ranks::new(measure, after.iter().zip(&levels.lengths).map(rank).collect())
}

/// What nodes take, in milliseconds.
struct Levels<'a> {
    definition: &'a Definition,
    lengths: Vec<i64>,
}

impl Levels<'_> {
    fn length(&self, id: NodeId) -> i64 {
        self.lengths[at(id)]
    }

    /// Returns what a node takes by what is inside it; none for a task of which nothing is known.
    fn inside(&self, node: &Node) -> Option<i64> {
        match &node.body {
            Body::Graph(graph) => {
                Some(self.graph(graph, 0).into_iter().map(|(level, _)| level).max().unwrap_or(0))
            }
            Body::Flow(flow) => Some(self.flow(flow).saturating_mul(passes(node))),
            Body::Each(each) => {
                let items = items(node, &each.source);
                let side_by_side = each.max_parallel.map_or(items, |most| items.min(most.max(1).into()));
                let waves = items.div_ceil(side_by_side.max(1)).max(1);
                Some(self.length(each.body).saturating_mul(i64::try_from(waves).unwrap_or(i64::MAX)))
            }
            Body::Task(_) | Body::Await(_) | Body::Call(_) => {
                let item = node.planning.as_ref().map(|planning| planning.item).unwrap_or_default();
                (item != Item::Task).then_some(0)
            }
            Body::Timer(Timer::After(Template::Literal(Value::String(text)))) => {
                Some(text.parse::<Length>().map_or(0, |length| i64::try_from(length.0).unwrap_or(i64::MAX)))
            }
            Body::Timer(_) | Body::Value(_) | Body::Choose(_) | Body::Raise(_) => Some(0),
        }
    }

    fn flow(&self, flow: &Flow) -> i64 {
        flow.children.iter().fold(0, |sum, child| sum.saturating_add(self.length(child.node)))
    }

    /// Returns the level and what follows of each child of a graph behind which `behind` is left.
    fn graph(&self, graph: &Graph, behind: i64) -> Vec<(i64, i64)> {
        let mut levels = vec![(0, behind); graph.children.len()];
        for &child in outwards(graph).iter().rev() {
            let own = self.length(graph.children[child as usize].node);
            let (mut from_begin, mut from_end) = (0, behind);
            for edge in graph.edges_from(child) {
                let (level, after) = levels[edge.to as usize];
                let held = match edge.holds {
                    Holds::Begin => level,
                    Holds::End => after,
                };
                let left = lag(edge).saturating_add(held);
                if edge.on.contains(Outcome::Started) {
                    from_begin = left.max(from_begin);
                } else {
                    from_end = left.max(from_end);
                }
            }
            levels[child as usize] = (own.saturating_add(from_end).max(from_begin), from_end);
        }
        levels
    }

    /// Says what follows each node directly inside `id`, of which that is known.
    fn tell_inside(&self, id: NodeId, after: &mut [i64]) {
        let (node, behind) = (self.definition.node(id), after[at(id)]);
        for (_, handler) in node.handling.iter().flat_map(|handling| handling.handlers()) {
            after[at(handler)] = behind;
        }
        match &node.body {
            Body::Graph(graph) => {
                for (child, (_, left)) in graph.children.iter().zip(self.graph(graph, behind)) {
                    after[at(child.node)] = left;
                }
            }
            Body::Flow(flow) => {
                let mut left = behind;
                for child in flow.children.iter().rev() {
                    after[at(child.node)] = left;
                    left = left.saturating_add(self.length(child.node));
                }
            }
            Body::Each(each) => after[at(each.body)] = behind,
            Body::Task(_)
            | Body::Value(_)
            | Body::Timer(_)
            | Body::Choose(_)
            | Body::Raise(_)
            | Body::Await(_)
            | Body::Call(_) => {}
        }
    }
}

/// Returns the nodes such that each comes behind what it is inside of, or what it follows as a handler.
fn from_outside(definition: &Definition) -> Vec<NodeId> {
    let mut order = vec![definition.root];
    let mut next = 0;
    while let Some(&id) = order.get(next) {
        next += 1;
        let node = definition.node(id);
        match &node.body {
            Body::Graph(graph) => order.extend(graph.children.iter().map(|child| child.node)),
            Body::Flow(flow) => order.extend(flow.children.iter().map(|child| child.node)),
            Body::Each(each) => order.push(each.body),
            Body::Task(_)
            | Body::Value(_)
            | Body::Timer(_)
            | Body::Choose(_)
            | Body::Raise(_)
            | Body::Await(_)
            | Body::Call(_) => {}
        }
        order.extend(node.handling.iter().flat_map(|handling| handling.handlers()).map(|(_, node)| node));
    }
    order
}

/// Returns the children of a graph such that nothing comes before what it waits for.
fn outwards(graph: &Graph) -> Vec<u32> {
    let mut awaited = vec![0_u32; graph.children.len()];
    for edge in graph.edges() {
        awaited[edge.to as usize] += 1;
    }
    let mut order: Vec<u32> =
        (0..).zip(&awaited).filter(|(_, count)| **count == 0).map(|(child, _)| child).collect();
    let mut next = 0;
    while let Some(&child) = order.get(next) {
        next += 1;
        for edge in graph.edges_from(child) {
            awaited[edge.to as usize] -= 1;
            if awaited[edge.to as usize] == 0 {
                order.push(edge.to);
            }
        }
    }
    order
}

/// Returns what was measured or estimated of each node.
fn known(definition: &Definition, order: &[NodeId], measured: &BTreeMap<String, Span>) -> Vec<Option<Span>> {
    let mut paths: BTreeMap<NodeId, String> = BTreeMap::new();
    let mut known = vec![None; definition.nodes.len()];
    for &id in order {
        let node = definition.node(id);
        if !measured.is_empty() {
            let around = node.parent.and_then(|parent| Some((definition.node(parent), paths.get(&parent)?)));
            let path = match around {
                None => String::new(),
                Some((Node { body: Body::Each(_), .. }, path)) => format!("{path}[]"),
                Some((_, path)) if path.is_empty() => node.name.to_string(),
                Some((_, path)) => format!("{path}/{}", node.name),
            };
            known[at(id)] = measured.get(&path).copied().filter(|_| is_leaf(node));
            paths.insert(id, path);
        }
        known[at(id)] = known[at(id)].or_else(|| estimated(definition, node));
    }
    known
}

fn is_leaf(node: &Node) -> bool {
    match node.body {
        Body::Task(_) | Body::Timer(_) | Body::Await(_) | Body::Call(_) => true,
        Body::Value(_)
        | Body::Choose(_)
        | Body::Raise(_)
        | Body::Flow(_)
        | Body::Graph(_)
        | Body::Each(_) => false,
    }
}

/// Returns what the author of a node says that it takes. What stands at a `for_each` means one item.
fn estimated(definition: &Definition, node: &Node) -> Option<Span> {
    let of_items = || {
        let parent = definition.node(node.parent?);
        matches!(parent.body, Body::Each(_)).then_some(parent)
    };
    let said = if matches!(node.body, Body::Each(_)) { None } else { estimate(node) };
    let said = said.or_else(|| estimate(of_items()?));
    let millis = |extent: Extent| Span(extent.millis(DAY_MS).max(0));
    match said?.amount? {
        Amount::Duration(extent) | Amount::Effort(extent) => Some(millis(extent)),
        Amount::Spread(points, _) => Some(millis(points.likely)),
        Amount::History { .. } => None,
    }
}

fn estimate(node: &Node) -> Option<&Estimate> {
    node.planning.as_ref()?.estimate.as_ref()
}

fn passes(node: &Node) -> i64 {
    i64::from(estimate(node).and_then(|said| said.passes).unwrap_or(1))
}

/// Returns how many items there are, as far as the definition says; else one.
fn items(node: &Node, source: &Template) -> u64 {
    let written = match source.as_literal() {
        Some(Value::Array(items)) => Some(items.len() as u64),
        Some(Value::Object(items)) => Some(items.len() as u64),
        Some(Value::Number(count)) => count.as_u64(),
        Some(Value::Null | Value::Bool(_) | Value::String(_)) | None => None,
    };
    let said = estimate(node).and_then(|said| said.items).map(u64::from);
    written.or(said).unwrap_or(1)
}

fn lag(edge: &Edge) -> i64 {
    edge.lag.map_or(0, |lag| lag.millis(DAY_MS).max(0))
}

/// Returns the lower median; one millisecond of nothing.
fn median(lengths: impl Iterator<Item = Span>) -> Span {
    let mut sorted: Vec<Span> = lengths.collect();
    sorted.sort_unstable();
    sorted.get(sorted.len().saturating_sub(1) / 2).copied().unwrap_or(Span(1))
}

fn at(id: NodeId) -> usize {
    id.0 as usize
}

fn length_of(millis: i64) -> Length {
    Length(u64::try_from(millis).unwrap_or(0))
}
