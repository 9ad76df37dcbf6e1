//! Edges that hold back the end of a child: what people did may be done before, and is held until all of them are true.
//!
//! | the child | what happens |
//! |---|---|
//! | people are at it | nothing: they go on, whatever became of the edges |
//! | people are done, and an edge is open | it waits, `held`; who did the work is free |
//! | people are done, or become so, and all edges are true | it ends as what they said |
//! | people are done, or become so, and an edge can never be true | it fails, with the reason |
//! | it takes no time, or machines do it | it does not begin before all edges are true; if one never can be, it fails |
//! | it failed, was skipped or cancelled | the edges mean nothing |
//!
//! How many edges are open follows from the ends of other children and is no fact; the phase `held` is one.

use myrmex_model::address::Address;
use myrmex_model::effect::Question;
use myrmex_model::fault::{Fault, FaultKind};
use myrmex_model::ir::{AwaitKind, Body, Edge, Graph, Holds};
use myrmex_model::status::Phase;
use myrmex_model::time::Timestamp;

use super::arena::ActivationId;
use super::decide::Turn;
use super::{Agenda, Run};

/// How the edges stand that hold back the end of one child.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Ends {
    /// How many are not decided.
    open: u32,
    /// The first in the definition of those that are false, by its place.
    dead: Option<u32>,
    /// Whether the child could begin if there were none of them.
    is_awaited: bool,
}

/// An edge that holds back the end of a task and is not true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The task that the edge leaves.
    pub task: Address,
    /// When its lag is over, if it waits for nothing else.
    pub due: Option<Timestamp>,
}

impl Run {
    /// Notes how many edges hold back the ends of the children of a graph that is entered.
    pub(super) fn note_ends(&mut self, first: ActivationId, graph: &Graph) {
        for (child, open) in graph.held_ends() {
            self.ends.insert(first.offset(child), Ends { open, ..Ends::default() });
        }
    }

    /// Counts one decided edge that holds back the end of `child`.
    pub(super) fn settle_end(&mut self, child: ActivationId, place: usize, is_true: bool) {
        let Some(ends) = self.ends.get_mut(&child) else { return };
        ends.open = ends.open.saturating_sub(1);
        if !is_true {
            let place = u32::try_from(place).unwrap_or(u32::MAX);
            ends.dead = Some(ends.dead.map_or(place, |dead| dead.min(place)));
        }
        let is_awaited = std::mem::take(&mut ends.is_awaited);
        if is_awaited {
            self.agenda.push_back(Agenda::Begin(child));
        } else if self.at(child).phase == Phase::Held {
            self.agenda.push_back(Agenda::Attend(child));
        }
    }

    /// Returns whether an edge holds back the end of a child, or never lets it succeed.
    pub(super) fn holds_end(&self, child: ActivationId) -> bool {
        self.ends.get(&child).is_some_and(|ends| ends.open > 0 || ends.dead.is_some())
    }

    /// Returns the error of a child with an edge that holds back its end and can never be true.
    fn dead_end(&self, child: ActivationId) -> Option<Fault> {
        let place = self.ends.get(&child)?.dead?;
        let scope = self.at(child).parent;
        let from = self.edge((scope, place)).map(|edge| self.sibling(scope, edge.from))?;
        let (path, status) = (self.address(from).path().into_owned(), self.at(from).status);
        let title = format!("its end is linked to `{path}`, which is {status}");
        Some(Fault::new(FaultKind::BranchFailed, title))
    }

    /// Returns the edges that hold back the end of a child and are not true, in the order of the definition.
    pub(super) fn holders(&self, child: ActivationId) -> Vec<Holder> {
        let (scope, index) = (self.at(child).parent, self.at(child).index);
        let Body::Graph(graph) = &self.node(scope).body else { return Vec::new() };
        let is_meant = |edge: &&Edge| edge.to == index && edge.holds == Holds::End;
        let mut holders: Vec<Holder> = Vec::new();
        for edge in graph.edges().iter().filter(is_meant) {
            let from = self.sibling(scope, edge.from);
            let due = self.lag_armed((from, child), Holds::End).map(|(_, due)| due);
            let task = self.address(from);
            let is_true = self.has_outcome(edge, from) && (due.is_none() || !edge.has_lag());
            if !is_true && holders.last().is_none_or(|last| last.task != task) {
                holders.push(Holder { task, due });
            }
        }
        holders
    }
}

impl Turn<'_> {
    /// Keeps what takes no time, or what machines do, from beginning as long as an edge holds back its end.
    pub(super) fn awaits_ends(&mut self, id: ActivationId) -> bool {
        if self.run.await_of(id).is_some() || !self.run.holds_end(id) {
            return false;
        }
        if let Some(fault) = self.run.dead_end(id) {
            self.disarm_lags_into(id, Holds::Begin);
            self.fail(id, fault, false);
        } else if let Some(ends) = self.run.ends.get_mut(&id) {
            ends.is_awaited = true;
        }
        true
    }

    /// Fails once more what was stuck because of an edge that can never be true; returns whether it was.
    pub(super) fn fails_at_dead_end(&mut self, id: ActivationId) -> bool {
        let fault = self.run.dead_end(id).filter(|_| self.run.await_of(id).is_none());
        let Some(fault) = fault else { return false };
        self.fail(id, fault, false);
        true
    }

    /// Looks whether what people are done with may end.
    pub(super) fn attend_held(&mut self, id: ActivationId) {
        let own = self.run.at(id);
        if own.is_evaluating || own.is_stale || own.is_winding_down() || own.limit().is_some() {
            return;
        }
        if let Some(fault) = self.run.dead_end(id) {
            return self.fail(id, fault, false);
        }
        if self.run.holds_end(id) {
            return;
        }
        let kind = self.run.await_of(id).map(|body| &body.kind);
        if matches!(kind, Some(AwaitKind::Signal(_))) {
            return self.take_message(id);
        }
        self.ask(id, Question::Answered);
    }
}
