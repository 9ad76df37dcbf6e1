//! Scopes under way: their children are made, tokens move, windows of items are filled.
//!
//! All of it follows from events and happens while they are applied.

use std::collections::BTreeSet;
use std::sync::Arc;

use myrmex_model::id::ValueHash;
use myrmex_model::ir::{Body, Next};
use myrmex_model::status::Status;

use super::arena::{Activation, ActivationId, Counts, FlowState, GraphState, Reached, Work, parallel_max};
use super::edges::{EdgeKey, edges_of};
use super::{Agenda, Run};

impl Run {
    /// Makes the children of a scope that is entered, and lets those begin that wait for nothing.
    pub(super) fn enter_scope(&mut self, id: ActivationId) {
        let definition = Arc::clone(&self.definition);
        match &definition.node(self.at(id).node).body {
            Body::Graph(graph) => {
                let first = ActivationId(u32::try_from(self.arena.len()).unwrap_or(u32::MAX));
                for (index, child) in (0..).zip(&graph.children) {
                    let mut activation = Activation::new(child.node, id, index);
                    activation.open_edges = graph.in_count(index);
                    activation.is_cancelling = self.at(id).is_winding_down();
                    let child = self.push(activation);
                    if graph.in_count(index) == 0 {
                        self.agenda.push_back(Agenda::Begin(child));
                    }
                }
                self.note_ends(first, graph);
                let open = u32::try_from(graph.children.len()).unwrap_or(u32::MAX);
                let counts = Counts { open, ..Counts::default() };
                let state = GraphState { first, counts, waiting: BTreeSet::new(), is_rest_over: false };
                self.at_mut(id).work = Work::Graph(Box::new(state));
                self.agenda.push_back(Agenda::Check(id));
            }
            Body::Flow(flow) => {
                let visits = vec![Vec::new(); flow.children.len()];
                let state = FlowState { visits, current: None, vars: None, round: None };
                self.at_mut(id).work = Work::Flow(Box::new(state));
                if flow.rounds.is_some() {
                    self.agenda.push_back(Agenda::Check(id));
                } else {
                    self.go_to_first(id);
                }
            }
            Body::Task(_)
            | Body::Value(_)
            | Body::Timer(_)
            | Body::Choose(_)
            | Body::Raise(_)
            | Body::Await(_)
            | Body::Each(_)
            | Body::Call(_) => unreachable!("only scopes are entered"),
        }
    }

    /// Ends the view on what earlier attempts of a scope left behind.
    pub(super) fn retire(&mut self, id: ActivationId) {
        for child in self.inside(id) {
            self.retire_with(child);
        }
        self.forget_lags(id);
    }

    pub(super) fn retire_with(&mut self, id: ActivationId) {
        self.at_mut(id).is_stale = true;
        self.ends.remove(&id);
        for child in self.children(id) {
            self.retire_with(child);
        }
        self.forget_lags(id);
    }

    fn forget_lags(&mut self, scope: ActivationId) {
        let keys: Vec<EdgeKey> = self.lags.range(edges_of(scope)).map(|(key, _)| *key).collect();
        for key in keys {
            self.lags.remove(&key);
        }
    }

    /// Moves the token of a flow to its first child, if it has one.
    pub(super) fn go_to_first(&mut self, flow: ActivationId) {
        let has_children = !self.flow(flow).visits.is_empty();
        self.go_to(flow, has_children.then_some(0));
    }

    /// Moves the token of a flow to the child at `index`, or out of the flow.
    pub(super) fn go_to(&mut self, flow: ActivationId, index: Option<u32>) {
        let definition = Arc::clone(&self.definition);
        let Body::Flow(body) = &definition.node(self.at(flow).node).body else {
            unreachable!("only a flow has a token to move");
        };
        let next = index.map(|index| {
            let mut activation = Activation::new(body.children[index as usize].node, flow, index);
            activation.visit = self.visit_count(&self.flow(flow).visits[index as usize]).saturating_add(1);
            activation.is_cancelling = self.at(flow).is_winding_down();
            let id = self.push(activation);
            self.flow_mut(flow).visits[index as usize].push(id);
            self.agenda.push_back(Agenda::Begin(id));
            id
        });
        if next.is_none() {
            self.agenda.push_back(Agenda::Check(flow));
        } else {
            self.flow_mut(flow).current = next;
        }
    }

    pub(super) fn flow(&self, id: ActivationId) -> &FlowState {
        match &self.at(id).work {
            Work::Flow(flow) => flow,
            Work::None
            | Work::Leaf(_)
            | Work::Timer { .. }
            | Work::Postponed { .. }
            | Work::Choice { .. }
            | Work::Await(_)
            | Work::Graph(_)
            | Work::Each(_)
            | Work::Call(_) => unreachable!("a flow that was entered has its state"),
        }
    }

    fn flow_mut(&mut self, id: ActivationId) -> &mut FlowState {
        match &mut self.at_mut(id).work {
            Work::Flow(flow) => flow,
            Work::None
            | Work::Leaf(_)
            | Work::Timer { .. }
            | Work::Postponed { .. }
            | Work::Choice { .. }
            | Work::Await(_)
            | Work::Graph(_)
            | Work::Each(_)
            | Work::Call(_) => unreachable!("a flow that was entered has its state"),
        }
    }

    /// Makes activations for the next items, as many as may be under way. Where many wait already, the rest are withheld.
    pub(super) fn fill_items(&mut self, id: ActivationId) {
        let definition = Arc::clone(&self.definition);
        let body = &definition.node(self.at(id).node).body;
        let Body::Each(each) = body else { unreachable!("only a `for_each` has items") };
        let most = parallel_max(body);
        loop {
            let scope = self.at(id);
            let Work::Each(state) = &scope.work else { unreachable!("a `for_each` under way has its state") };
            let reached = state.reached_count();
            let under_way = reached - (state.count - state.counts.open);
            let is_full = most.is_some_and(|most| under_way >= most);
            let is_over = scope.is_winding_down() || self.is_enough(id) || self.is_closing_itself(id);
            if reached == state.count || is_full || is_over {
                return;
            }
            if under_way >= self.under_way_min() && self.is_crowded() {
                self.withheld.insert(id);
                return;
            }
            let mut item = Activation::new(each.body, id, reached);
            item.is_item = true;
            let item = self.push(item);
            if let Work::Each(state) = &mut self.at_mut(id).work {
                state.reached.push(Reached::Live(item));
            }
            self.agenda.push_back(Agenda::Begin(item));
        }
    }

    /// How many items of a `for_each` may be under way whatever else waits: what waits may wait for just these.
    fn under_way_min(&self) -> u32 {
        u32::try_from(self.waiting_max / 16).unwrap_or(u32::MAX).max(1)
    }

    /// Returns whether so many wait for their beginning or for a worker that more would only fill the memory.
    fn is_crowded(&self) -> bool {
        self.agenda.len() + self.queued >= self.waiting_max
    }

    /// Makes the items that were withheld, once half of those that wait have begun.
    pub(super) fn fill_withheld(&mut self) {
        if self.withheld.is_empty() || self.agenda.len() + self.queued > self.waiting_max / 2 {
            return;
        }
        for each in std::mem::take(&mut self.withheld) {
            if self.at(each).status == Status::Running && !self.at(each).is_stale {
                self.fill_items(each);
            }
        }
    }

    pub(super) fn advance_flow(&mut self, flow: ActivationId, child: ActivationId) {
        let definition = Arc::clone(&self.definition);
        let Body::Flow(body) = &definition.node(self.at(flow).node).body else {
            unreachable!("a flow's state belongs to a flow");
        };
        let index = self.at(child).index;
        match self.after(flow, child) {
            Next::Continue => {
                let next = Some(index + 1).filter(|next| (*next as usize) < body.children.len());
                self.go_to(flow, next);
            }
            Next::Goto(index) => self.go_to(flow, Some(index)),
            Next::Exit => self.go_to(flow, None),
            Next::End => {
                self.agenda.push_back(Agenda::End(child));
                self.go_to(flow, None);
            }
        }
    }

    /// Returns where the token of a flow goes after a child that has ended.
    pub(super) fn after(&self, flow: ActivationId, child: ActivationId) -> Next {
        let Body::Flow(body) = &self.node(flow).body else { return Next::Exit };
        let (index, status) = (self.at(child).index, self.at(child).status);
        match status {
            // Nothing new begins in a flow that is being ended.
            _ if self.at(flow).is_winding_down() => Next::Exit,
            Status::Succeeded => self.next_of(child, body.children[index as usize].next),
            Status::Skipped => Next::Continue,
            Status::Failed
            | Status::TimedOut
            | Status::Cancelled
            | Status::Compensated
            | Status::Stuck
            | Status::Pending
            | Status::Running
            | Status::Waiting => Next::Exit,
        }
    }

    /// Returns where the token goes after `child`: a `switch` says so itself, or else what stands beside it.
    fn next_of(&self, child: ActivationId, beside: Next) -> Next {
        let activation = self.at(child);
        match (&activation.work, &self.definition.node(activation.node).body) {
            (Work::Choice { case }, Body::Choose(choose)) => match choose.cases.get(*case as usize) {
                Some(case) if case.next != Next::Continue => case.next,
                Some(_) | None => beside,
            },
            (
                Work::None
                | Work::Leaf(_)
                | Work::Timer { .. }
                | Work::Postponed { .. }
                | Work::Choice { .. }
                | Work::Await(_)
                | Work::Graph(_)
                | Work::Flow(_)
                | Work::Each(_)
                | Work::Call(_),
                _,
            ) => beside,
        }
    }

    /// Returns what the last child of a flow that succeeded gave.
    pub(super) fn last_output(&self, flow: ActivationId) -> Option<ValueHash> {
        let visits = self.inside(flow).into_iter().rev();
        let mut succeeded = visits.filter(|visit| self.at(*visit).status == Status::Succeeded);
        succeeded.next().and_then(|visit| self.at(visit).output)
    }

    /// Returns what is inside the body of an activation and has no final status.
    pub(super) fn live_inside(&self, id: ActivationId) -> Vec<ActivationId> {
        let mut children = match &self.at(id).work {
            // Of a flow only the visit that has the token can be live.
            Work::Flow(flow) => flow.current.into_iter().collect(),
            Work::None
            | Work::Leaf(_)
            | Work::Timer { .. }
            | Work::Postponed { .. }
            | Work::Choice { .. }
            | Work::Await(_)
            | Work::Graph(_)
            | Work::Each(_)
            | Work::Call(_) => self.inside(id),
        };
        children.retain(|child| !self.at(*child).status.is_terminal());
        children
    }

    /// Returns what a cancel of an activation reaches inside it: what has no final status and is not shielded.
    pub(super) fn live_children(&self, id: ActivationId) -> Vec<ActivationId> {
        let mut children = self.live_inside(id);
        if !self.is_shielded(id) {
            children.extend(self.handlers(id).filter(|handler| !self.at(*handler).status.is_terminal()));
        }
        children
    }
}
