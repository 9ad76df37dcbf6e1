//! Graphs, flows and `for_each` as parts of a plan.

use std::collections::BTreeSet;

use myrmex_model::ir::{Body, Each, Flow, Graph, Holds, Next, NodeId};
use myrmex_model::outcome::Outcome;
use myrmex_model::template::Template;
use myrmex_model::value::Value;

use super::{Builder, Ends, ITEMS_MAX, LowerError, Place, expected};
use crate::problem::{Amount, Link, LinkKind, Span, TaskId};

impl Builder<'_> {
    /// Puts the children of a graph that are expected to run into the plan, with the links between them.
    pub(super) fn graph(&mut self, graph: &Graph, place: &Place) -> Result<Ends, LowerError> {
        let is_project = place.path.is_empty() && self.depth == 0 && self.source.definition.project.is_some();
        let mut inner = place.clone();
        if let Some(most) = graph.max_parallel.filter(|most| (*most as usize) < graph.children.len()) {
            let name = if place.path.is_empty() {
                "max_parallel of the run".to_owned()
            } else {
                format!("max_parallel of {}", place.path)
            };
            inner.limits.push(self.limit(name, most));
        }
        let runs = expected::of_graph(self.source, graph, &place.shared);
        let mut ends: Vec<Option<Ends>> = Vec::with_capacity(graph.children.len());
        for (child, runs) in graph.children.iter().zip(&runs) {
            let node = self.source.definition.node(child.node);
            let lowered =
                if *runs { Some(self.node(child.node, &inner.inner(node.name.as_str()))?) } else { None };
            if let Some(lowered) = lowered.filter(|_| is_project) {
                self.item_of.insert(node.name.clone(), lowered);
            }
            ends.push(lowered);
        }
        let (mut has_before, mut has_after) = (vec![false; ends.len()], vec![false; ends.len()]);
        for edge in graph.edges() {
            let (from, to) = (edge.from as usize, edge.to as usize);
            let (Some(before), Some(after)) = (ends[from], ends[to]) else { continue };
            let starts = edge.on.contains(Outcome::Started) && !edge.on.contains(Outcome::Succeeded);
            let kind = match (starts, edge.holds) {
                (false, Holds::Begin) => LinkKind::FinishStart,
                (true, Holds::Begin) => LinkKind::StartStart,
                (false, Holds::End) => LinkKind::FinishFinish,
                (true, Holds::End) => LinkKind::StartFinish,
            };
            let from_task = if starts { before.first } else { before.last };
            let to_task = if edge.holds == Holds::Begin { after.first } else { after.last };
            let (lag, calendar) = self.lag(edge, to_task);
            self.problem.links.push(Link { from: from_task, to: to_task, kind, lag, calendar });
            has_before[to] |= edge.holds == Holds::Begin;
            has_after[from] |= !starts;
        }
        let open = |is_met: &[bool], of: fn(Ends) -> TaskId| -> Vec<TaskId> {
            ends.iter()
                .zip(is_met)
                .filter(|(_, is_met)| !**is_met)
                .filter_map(|(ends, _)| ends.map(of))
                .collect()
        };
        let (firsts, lasts) = (open(&has_before, |ends| ends.first), open(&has_after, |ends| ends.last));
        self.close(&firsts, &lasts, place)
    }

    /// Puts the tasks of a flow into the plan, one after the other, each once; if there are several passes, as one bar.
    pub(super) fn flow(&mut self, flow: &Flow, passes: u32, place: &Place) -> Result<Ends, LowerError> {
        let order = expected::of_flow(self.source, flow, &place.shared);
        if passes > 1 {
            let nodes: Vec<NodeId> = order.iter().map(|child| flow.children[*child].node).collect();
            let weight = |node: &NodeId| {
                let name = self.source.definition.node(*node).name.as_str();
                expected::weight(self.source, *node, &place.inner(name).shared)
            };
            let once = nodes.iter().map(weight).fold(0, i64::saturating_add);
            let task = self.passes(once.saturating_mul(i64::from(passes)), place)?;
            return Ok(Ends { first: task, last: task });
        }
        let mut chain: Option<Ends> = None;
        for child in order {
            let node = flow.children[child].node;
            let name = self.source.definition.node(node).name.as_str();
            let ends = self.node(node, &place.inner(name))?;
            if let Some(before) = chain {
                self.link(before.last, ends.first);
            }
            chain = Some(Ends { first: chain.map_or(ends.first, |before| before.first), last: ends.last });
        }
        match chain {
            Some(chain) => Ok(chain),
            None => self.close(&[], &[], place),
        }
    }

    /// Puts the items of a `for_each` into the plan: one by one, or in waves.
    pub(super) fn each(
        &mut self,
        each: &Each,
        (node, is_one): (NodeId, bool),
        place: &Place,
    ) -> Result<Ends, LowerError> {
        let keys = keys(&each.source);
        let planning = self.source.definition.node(node).planning.as_deref();
        let told = planning.and_then(|facts| facts.estimate.as_ref()?.items).map(u64::from);
        let count = keys.as_ref().map(|keys| keys.len() as u64).or(told).unwrap_or(1);
        let item = Place { shared: format!("{}[]", place.shared), ..place.clone() };
        let body = self.source.definition.node(each.body);
        let is_leaf = is_one || !matches!(body.body, Body::Graph(_) | Body::Flow(_) | Body::Call(_));
        if count > ITEMS_MAX {
            let waves = each.max_parallel.map_or(1, |most| count.div_ceil(u64::from(most.max(1))));
            let once = expected::weight(self.source, each.body, &item.shared);
            let task = self.waves(node, (once, waves), &item)?;
            return Ok(Ends { first: task, last: task });
        }
        let mut inner = item;
        if let Some(most) = each.max_parallel.filter(|most| u64::from(*most) < count) {
            inner.limits.push(self.limit(format!("max_parallel of {}", place.path), most));
        }
        let mut all = Vec::new();
        for index in 0..count {
            let place_of_key = usize::try_from(index).unwrap_or(usize::MAX);
            let key = keys.as_ref().and_then(|keys| keys.get(place_of_key).cloned());
            let path = format!("{}[{}]", place.path, key.unwrap_or_else(|| index.to_string()));
            let one = Place { path, ..inner.clone() };
            let ends = if is_leaf {
                // What is said of the `for_each` is meant of each item.
                let task = self.item(node, each.body, &one)?;
                Ends { first: task, last: task }
            } else {
                self.node(each.body, &one)?
            };
            all.push(ends);
        }
        let (firsts, lasts): (Vec<TaskId>, Vec<TaskId>) =
            all.iter().map(|ends| (ends.first, ends.last)).unzip();
        let ends = self.close(&firsts, &lasts, place)?;
        if all.is_empty() { Ok(ends) } else { self.bar_over(node, place, ends) }
    }

    /// Returns one begin and one end for tasks that begin and end a scope.
    fn close(&mut self, firsts: &[TaskId], lasts: &[TaskId], place: &Place) -> Result<Ends, LowerError> {
        let name =
            |end: &str| if place.path.is_empty() { end.to_owned() } else { format!("{}/{end}", place.path) };
        let first = match firsts {
            [one] => *one,
            _ => {
                let joint = self.joint(name("(begin)"))?;
                for first in firsts {
                    self.link(joint, *first);
                }
                joint
            }
        };
        let last = match lasts {
            [one] => *one,
            [] => first,
            _ => {
                let joint = self.joint(name("(end)"))?;
                for last in lasts {
                    self.link(*last, joint);
                }
                joint
            }
        };
        Ok(Ends { first, last })
    }

    fn passes(&mut self, all: i64, place: &Place) -> Result<TaskId, LowerError> {
        let mut task = super::work::joint(format!("{}/(passes)", place.path));
        task.kind = crate::problem::Kind::Automated;
        task.modes[0].estimate.amount = Amount::Duration(Span(all));
        task.modes[0].pools = place.limits.iter().map(|pool| (*pool, 1)).collect();
        self.push(task)
    }

    fn waves(&mut self, node: NodeId, (once, waves): (i64, u64), item: &Place) -> Result<TaskId, LowerError> {
        let mut task = self.leaf(node, item)?;
        let waves = i64::try_from(waves).unwrap_or(i64::MAX);
        for mode in &mut task.modes {
            // Items of a wave vary each for itself, so that the sum of all varies little: it is taken as known.
            mode.estimate.amount = Amount::Duration(Span(once.saturating_mul(waves)));
            mode.estimate.spread = None;
        }
        self.push(task)
    }
}

/// Returns the keys of the items of a source that is known before a run.
fn keys(source: &Template) -> Option<Vec<String>> {
    match source.as_literal()? {
        Value::Array(items) => Some((0..items.len()).map(|index| index.to_string()).collect()),
        Value::Object(fields) => Some(fields.keys().cloned().collect()),
        Value::Number(count) => {
            let count = count.as_u64()?;
            // More are planned in waves, for which only their number counts.
            Some((0..count.min(1_000_000)).map(|index| index.to_string()).collect())
        }
        Value::Null | Value::Bool(_) | Value::String(_) => None,
    }
}

/// Returns the children of a flow that its token is expected to visit, in order: forward, each once.
pub(super) fn visited(flow: &Flow, mut next_of: impl FnMut(usize) -> Next) -> Vec<usize> {
    let (mut order, mut seen, mut at) = (Vec::new(), BTreeSet::new(), 0);
    while at < flow.children.len() && seen.insert(at) {
        order.push(at);
        at = match next_of(at) {
            Next::Continue => at + 1,
            Next::Exit | Next::End => break,
            Next::Goto(child) => child as usize,
        };
    }
    order
}
