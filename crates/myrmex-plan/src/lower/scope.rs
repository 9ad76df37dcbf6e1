//! Blocks: what lies between their start and their finish, and in which order.

use std::collections::BTreeSet;

use myrmex_model::ir::{Body, Call, Complete, Each, Flow, Graph, Holds, Join, Node, NodeId};
use myrmex_model::outcome::Outcome;

use super::{Around, Builder, Ends, ITEMS_MAX, Items, LowerError, branch, node_of, planning};
use crate::problem::{ALWAYS, Fact, Link, LinkKind, PoolId, Span, TaskId};

/// Up to so many items are planned one by one.
const SINGLE_MAX: u32 = 100;

impl<'a> Builder<'a> {
    /// Lowers the node `id` and all within. Returns where it begins and ends.
    pub(super) fn node(&mut self, around: &Around<'a>, id: NodeId) -> Result<Ends, LowerError> {
        let node = node_of(around, id);
        if self.is_leaf(around, node) {
            if let Body::Call(call) = &node.body
                && around.calling.contains(&&call.workflow)
            {
                self.note(around, "a workflow that calls itself is planned as one task");
            }
            return self.leaf(around, node);
        }
        match &node.body {
            Body::Each(each) => self.each(around, node, each),
            Body::Graph(_) | Body::Flow(_) => {
                let inside = self.inside(around, node)?;
                self.block(around, node, |builder, ends| builder.scope(&inside, id, Some(ends)))
            }
            Body::Call(call) => self.call(around, node, call),
            Body::Task(_)
            | Body::Value(_)
            | Body::Timer(_)
            | Body::Choose(_)
            | Body::Raise(_)
            | Body::Await(_) => self.leaf(around, node),
        }
    }

    /// Plans a call through the tasks of the workflow, if it is known.
    fn call(&mut self, around: &Around<'a>, node: &'a Node, call: &'a Call) -> Result<Ends, LowerError> {
        let Some(called) = self.asked.called.get(&call.workflow) else { return self.leaf(around, node) };
        let inside = self.inside(around, node)?.calling(called);
        self.block(around, node, |builder, ends| builder.scope(&inside, called.root, Some(ends)))
    }

    /// Makes the two ends of a block, what `fill` puts between them, and the task that spans all of it.
    fn block(
        &mut self,
        around: &Around<'a>,
        node: &'a Node,
        fill: impl FnOnce(&mut Self, Ends) -> Result<(), LowerError>,
    ) -> Result<Ends, LowerError> {
        let (start, finish, whole) = self.frame(around, node)?;
        let whole = self.push(whole)?;
        let ends = Ends { start: self.push(start)?, finish: self.push(finish)? };
        self.problem.tasks[whole.at()].spans = Some((ends.start, ends.finish));
        fill(self, ends)?;
        self.link(ends.start, ends.finish);
        Ok(ends)
    }

    /// Returns what a block means for all within: what it holds, and when it is closed.
    fn inside(&mut self, around: &Around<'a>, node: &'a Node) -> Result<Around<'a>, LowerError> {
        let mut inside = around.clone();
        for calendar in self.calendars(around, node)? {
            let pool = self.calendar_pool(calendar);
            if !inside.held.iter().any(|(held, _)| *held == pool) {
                inside.held.push((pool, 1));
            }
        }
        let asks = self.asks(around, node)?;
        if !asks.is_empty() {
            if matches!(node.body, Body::Flow(_)) {
                // One task at a time is under way in a flow, and holds what the flow does.
                inside.held.extend(asks);
            } else {
                self.note(around, "what it holds as a whole is not held in the plan");
            }
        }
        Ok(inside)
    }

    /// Lowers what is inside the scope `id`, between `ends`; the root has none.
    pub(super) fn scope(
        &mut self,
        around: &Around<'a>,
        id: NodeId,
        ends: Option<Ends>,
    ) -> Result<(), LowerError> {
        match &node_of(around, id).body {
            Body::Graph(graph) => self.graph(around, graph, ends),
            Body::Flow(flow) => {
                // What is done several times is done once in the plan, and takes so much longer.
                let times = around.times.saturating_mul(self.passes(around, node_of(around, id), flow));
                self.flow(&Around { times, ..around.clone() }, flow, ends)
            }
            Body::Each(_)
            | Body::Call(_)
            | Body::Task(_)
            | Body::Value(_)
            | Body::Timer(_)
            | Body::Choose(_)
            | Body::Raise(_)
            | Body::Await(_) => {
                let only = self.node(around, id)?;
                self.between(ends, only);
                Ok(())
            }
        }
    }

    fn graph(&mut self, around: &Around<'a>, graph: &'a Graph, ends: Option<Ends>) -> Result<(), LowerError> {
        let live = branch::of_graph(self, around, graph)?;
        let limit = graph.max_parallel.map(|most| self.limit(&around.path, most));
        let mut lowered: Vec<Option<Ends>> = Vec::with_capacity(graph.children.len());
        for (index, child) in graph.children.iter().enumerate() {
            let node = node_of(around, child.node);
            let mut at = around.child(&node.name);
            if !live.runs[index] {
                self.dropped(&at, node)?;
                lowered.push(None);
                continue;
            }
            self.hold_limit(&mut at, node, limit);
            let child_ends = self.node(&at, child.node)?;
            if around.path.is_empty() {
                self.ends.insert(node.name.clone(), child_ends);
            }
            lowered.push(Some(child_ends));
        }
        let mut followed = vec![false; lowered.len()];
        let mut waits = vec![false; lowered.len()];
        for (place, edge) in graph.edges().iter().enumerate() {
            let (Some(from), Some(to)) = (lowered[edge.from as usize], lowered[edge.to as usize]) else {
                continue;
            };
            if !live.is_counted[place] {
                continue;
            }
            let starts = edge.on.contains(Outcome::Started);
            let (from_end, to_end) = (if starts { from.start } else { from.finish }, edge.holds);
            let (to_task, kind) = match (starts, to_end) {
                (false, Holds::Begin) => (to.start, LinkKind::FinishStart),
                (true, Holds::Begin) => (to.start, LinkKind::StartStart),
                (false, Holds::End) => (to.finish, LinkKind::FinishFinish),
                (true, Holds::End) => (to.finish, LinkKind::StartFinish),
            };
            let target = node_of(around, graph.children[edge.to as usize].node);
            let (lag, calendar) = self.lag(around, target, edge)?;
            self.problem.links.push(Link { from: from_end, to: to_task, kind, lag, calendar });
            followed[edge.from as usize] |= !starts;
            waits[edge.to as usize] |= edge.holds == Holds::Begin;
        }
        let Some(ends) = ends else { return Ok(()) };
        let last = self.ending(around, graph, &live, &followed);
        for (index, child) in lowered.iter().enumerate() {
            let Some(child) = child else { continue };
            if !waits[index] {
                self.link(ends.start, child.start);
            }
            if last.contains(&index) {
                self.link(child.finish, ends.finish);
            }
        }
        Ok(())
    }

    /// Returns the children with which a graph ends: those that nothing follows, or if fewer suffice, the first of all to end.
    fn ending(
        &mut self,
        around: &Around<'a>,
        graph: &'a Graph,
        live: &branch::Live,
        followed: &[bool],
    ) -> BTreeSet<usize> {
        match graph.complete {
            Complete::All => (0..followed.len()).filter(|index| !followed[*index]).collect(),
            Complete::First { count, .. } => {
                self.note(around, "it ends with the first of its tasks by their estimates");
                let mut first: Vec<usize> = (0..followed.len()).filter(|index| live.runs[*index]).collect();
                first.sort_by_key(|index| (live.finishes[*index], *index));
                first.into_iter().take(count as usize).collect()
            }
        }
    }

    fn flow(&mut self, around: &Around<'a>, flow: &'a Flow, ends: Option<Ends>) -> Result<(), LowerError> {
        let taken = branch::of_flow(self, around, flow)?;
        let mut before = ends.map(|ends| ends.start);
        for (index, child) in flow.children.iter().enumerate() {
            let node = node_of(around, child.node);
            let at = around.child(&node.name);
            if !taken.contains(&index) {
                self.dropped(&at, node)?;
                continue;
            }
            let child_ends = self.node(&at, child.node)?;
            if around.path.is_empty() {
                self.ends.insert(node.name.clone(), child_ends);
            }
            if let Some(before) = before {
                self.link(before, child_ends.start);
            }
            before = Some(child_ends.finish);
        }
        if let (Some(before), Some(ends)) = (before, ends) {
            self.link(before, ends.finish);
        }
        Ok(())
    }

    /// Plans items one by one, or more of them in waves of as many as run at a time.
    fn each(&mut self, around: &Around<'a>, node: &'a Node, each: &'a Each) -> Result<Ends, LowerError> {
        let items = self.items(around, node, each);
        let small = u32::try_from(items.count()).ok().filter(|_| items.count() <= ITEMS_MAX);
        let too_many = || LowerError::Items { path: around.path.clone(), count: items.count() };
        let count = small.ok_or_else(too_many)?;
        let most = self.side_by_side(around, each).min(count).max(1);
        self.block(around, node, |builder, ends| {
            if count > SINGLE_MAX {
                return builder.waves(around, each, count, most, ends);
            }
            let keys = match items {
                Items::Keys(keys) => keys,
                Items::Count(_) => (0..count).map(|index| index.to_string()).collect::<Vec<_>>(),
            };
            builder.one_by_one(around, each, &keys, ends)
        })
    }

    fn one_by_one(
        &mut self,
        around: &Around<'a>,
        each: &'a Each,
        keys: &[String],
        ends: Ends,
    ) -> Result<(), LowerError> {
        let body = node_of(around, each.body);
        let is_block = keys.first().is_some_and(|key| !self.is_leaf(&around.item(key), body));
        let limit = each.max_parallel.filter(|_| !is_block).map(|most| self.limit(&around.path, most));
        let mut items: Vec<Ends> = Vec::with_capacity(keys.len());
        for key in keys {
            let mut at = around.item(key);
            self.hold_limit(&mut at, body, limit);
            let item = self.node(&at, each.body)?;
            self.between(Some(ends), item);
            // Blocks hold no pool as a whole, so the one that is so many places behind waits for it.
            let behind = each
                .max_parallel
                .filter(|_| is_block)
                .and_then(|most| items.len().checked_sub(most as usize));
            if let Some(behind) = behind {
                self.link(items[behind].finish, item.start);
            }
            items.push(item);
        }
        Ok(())
    }

    fn waves(
        &mut self,
        around: &Around<'a>,
        each: &'a Each,
        count: u32,
        most: u32,
        ends: Ends,
    ) -> Result<(), LowerError> {
        let waves = count.div_ceil(most);
        // More waves than items are planned one by one are told by so many tasks of several waves each.
        let together = waves.div_ceil(SINGLE_MAX);
        let mut before = ends.start;
        let mut done = 0;
        while done < waves {
            let these = together.min(waves - done);
            let last = (u64::from(done + these) * u64::from(most)).min(u64::from(count)) - 1;
            let mut at = around.item(&format!("{}-{last}", u64::from(done) * u64::from(most)));
            at.times = at.times.saturating_mul(these);
            at.width = at.width.saturating_mul(most);
            let wave = self.node(&at, each.body)?;
            self.link(before, wave.start);
            before = wave.finish;
            done += these;
        }
        self.link(before, ends.finish);
        self.note(around, "so many items are planned in waves");
        Ok(())
    }

    /// Returns how many items run at a time at most: what the author says, and what slots and pools leave for the body.
    fn side_by_side(&mut self, around: &Around<'a>, each: &'a Each) -> u32 {
        let body = node_of(around, each.body);
        let mut most = each.max_parallel.unwrap_or(u32::MAX);
        if matches!(body.body, Body::Task(_)) {
            let slots = self.names.slots.map(|slots| self.problem.pools[slots.at()].capacity);
            most = most.min(slots.unwrap_or(u32::MAX));
        }
        for (name, asked) in body.policy.asks.iter().flat_map(|asks| &asks.pools) {
            if let Some(pool) = self.names.pools.get(name.as_str()) {
                most = most.min(self.problem.pools[pool.at()].capacity / (*asked).max(1));
            }
        }
        most.max(1)
    }

    /// Returns the items: those that are written or known, else as many as were measured or estimated.
    fn items(&mut self, around: &Around<'a>, node: &'a Node, each: &'a Each) -> Items {
        let written = each.source.as_literal().and_then(Items::of);
        if let Some(items) = written.or_else(|| self.asked.given.items.get(&around.shared).cloned()) {
            return items;
        }
        let estimate = planning(around.definition, node).and_then(|planning| planning.estimate.as_ref());
        let measured = self.asked.measured.items.get(&around.shared).copied();
        let count = measured.or_else(|| estimate.and_then(|estimate| estimate.items));
        if count.is_none() {
            self.note(around, "nobody knows how many items there are: one is planned");
        }
        Items::Count(u64::from(count.unwrap_or(1)))
    }

    /// Lets what is no block hold one of a limited number of places.
    fn hold_limit(&mut self, at: &mut Around<'a>, node: &'a Node, limit: Option<PoolId>) {
        let Some(limit) = limit else { return };
        if self.is_leaf(at, node) {
            at.held.push((limit, 1));
        } else {
            self.note(at, "as a block it is not counted among those under way at a time");
        }
    }

    /// Adds a task that is in no plan, so that people see why.
    fn dropped(&mut self, at: &Around<'a>, node: &'a Node) -> Result<(), LowerError> {
        let (_, _, mut task) = self.frame(at, node)?;
        task.fact = Fact::Dropped;
        let task = self.push(task)?;
        if !at.path.contains('/') {
            self.ends.insert(node.name.clone(), Ends { start: task, finish: task });
        }
        Ok(())
    }

    pub(super) fn link(&mut self, from: TaskId, to: TaskId) {
        let kind = LinkKind::FinishStart;
        self.problem.links.push(Link { from, to, kind, lag: Span(0), calendar: ALWAYS });
    }

    fn between(&mut self, ends: Option<Ends>, inner: Ends) {
        if let Some(ends) = ends {
            self.link(ends.start, inner.start);
            self.link(inner.finish, ends.finish);
        }
    }
}

/// Returns whether and how `join` counts its edges.
pub(super) fn needed(join: Join, live: usize, all: usize) -> Option<usize> {
    match join {
        Join::All => (live == all).then_some(all),
        Join::AllLive => (live > 0 || all == 0).then_some(live),
        Join::First(count) => (live >= count as usize || all == 0).then_some(live.min(count as usize)),
    }
}
