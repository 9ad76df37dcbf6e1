//! Edges of graphs: what decides them, which wait out a lag, and what that means for the child they enter.
//!
//! An edge is open, true or false. Deciding one costs the same however large its graph is. Events name a lag by the two
//! tasks; where several edges with a lag connect the same two, they are armed in the order of the definition and elapse
//! in the order of their instants.

use std::ops::RangeInclusive;
use std::sync::Arc;

use myrmex_model::address::Address;
use myrmex_model::command::TimerKey;
use myrmex_model::event::{Change, Event, SkipReason};
use myrmex_model::ir::{Body, Edge, Graph, Holds, Join};
use myrmex_model::outcome::Outcome;
use myrmex_model::time::Timestamp;

use super::apply::ReplayError;
use super::arena::{ActivationId, Work};
use super::{Agenda, Lag, Run};

/// What an activation came to, as its outgoing edges ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Happening {
    Started,
    /// It failed, and a person may still decide otherwise: only what accepts a failure is decided.
    Stuck,
    Ended(Outcome),
}

/// Names an edge of a graph under way: the graph, and the edge's place in it.
pub(super) type EdgeKey = (ActivationId, u32);

/// Returns the keys of all edges of `scope`.
pub(super) fn edges_of(scope: ActivationId) -> RangeInclusive<EdgeKey> {
    (scope, 0)..=(scope, u32::MAX)
}

/// Returns whether an edge, once its outcome is there, waits before it is true.
fn has_lag(edge: &Edge) -> bool {
    edge.holds == Holds::Begin && edge.wait().is_some()
}

impl Run {
    /// Decides the edges that leave a child of a graph.
    pub(super) fn decide_edges(&mut self, id: ActivationId, happening: Happening) {
        let Some(scope) = self.scope_around(id) else { return };
        let definition = Arc::clone(&self.definition);
        let Body::Graph(graph) = &definition.node(self.at(scope).node).body else { return };
        for place in graph.edge_range(self.at(id).index) {
            let edge = &graph.edges()[place];
            if edge.holds == Holds::End {
                continue;
            }
            let Some(is_true) = self.verdict(id, edge, happening) else { continue };
            if is_true && has_lag(edge) {
                self.agenda.push_back(Agenda::Lag(id, self.sibling(scope, edge.to)));
                continue;
            }
            let reason = if is_true { Ok(()) } else { Err(self.skip_reason(id, edge, happening)) };
            self.settle_edge(scope, graph, edge.to, reason);
        }
    }

    /// Returns whether `happening` makes `edge` true or false; nothing if it decides nothing about it.
    fn verdict(&self, id: ActivationId, edge: &Edge, happening: Happening) -> Option<bool> {
        let asks_start = edge.on.contains(Outcome::Started);
        match happening {
            Happening::Started => asks_start.then_some(true),
            Happening::Stuck => {
                let is_failure = edge.on.contains(Outcome::Failed) && edge.cases.is_empty();
                (is_failure && !asks_start).then_some(true)
            }
            Happening::Ended(_) if self.verdict_when_stuck(id, edge).is_some() => None,
            Happening::Ended(_) if asks_start && self.at(id).has_started => None,
            Happening::Ended(outcome) => {
                let ran = matches!(outcome, Outcome::Succeeded | Outcome::Failed);
                let is_accepted = edge.on.contains(outcome) || (asks_start && ran);
                let is_chosen = match &self.at(id).work {
                    Work::Choice { case } => edge.cases.is_empty() || edge.cases.contains(case),
                    Work::None
                    | Work::Leaf(_)
                    | Work::Timer { .. }
                    | Work::Await(_)
                    | Work::Graph(_)
                    | Work::Flow(_)
                    | Work::Each(_)
                    | Work::Call(_) => edge.cases.is_empty(),
                };
                Some(is_accepted && is_chosen)
            }
        }
    }

    /// Returns what was decided about an edge when the child that it leaves was stuck, if it was and something was.
    fn verdict_when_stuck(&self, id: ActivationId, edge: &Edge) -> Option<bool> {
        self.stuck_since(id)?;
        self.verdict(id, edge, Happening::Stuck)
    }

    fn skip_reason(&self, id: ActivationId, edge: &Edge, happening: Happening) -> SkipReason {
        let task = self.address(id);
        match happening {
            Happening::Ended(outcome) if edge.cases.is_empty() || outcome != Outcome::Succeeded => {
                SkipReason::Upstream { task, outcome }
            }
            Happening::Ended(_) | Happening::Stuck | Happening::Started => SkipReason::NotChosen { task },
        }
    }

    /// Counts one decided edge into `child` and lets the child begin or be skipped as its join says.
    fn settle_edge(
        &mut self,
        scope: ActivationId,
        graph: &Graph,
        child: u32,
        verdict: Result<(), SkipReason>,
    ) {
        let id = self.sibling(scope, child);
        let activation = self.at_mut(id);
        activation.open_edges -= 1;
        activation.true_edges += u32::from(verdict.is_ok());
        if !activation.is_untouched() || activation.is_evaluating {
            return;
        }
        let (open, arrived) = (activation.open_edges, activation.true_edges);
        let (is_ready, is_dead) = match graph.children[child as usize].join {
            Join::All => (open == 0 && verdict.is_ok(), verdict.is_err()),
            Join::AllLive => (open == 0 && arrived > 0, open == 0 && arrived == 0),
            Join::First(wanted) => {
                // A number that the edges cannot reach would leave the child without an end.
                let wanted = wanted.clamp(1, graph.in_count(child));
                (verdict.is_ok() && arrived == wanted, arrived + open < wanted)
            }
        };
        match verdict {
            _ if is_ready => self.agenda.push_back(Agenda::Begin(id)),
            Err(reason) if is_dead => self.agenda.push_back(Agenda::Skip(id, reason)),
            Ok(()) | Err(_) => {}
        }
    }

    /// Applies the arming or the end of a lag.
    pub(super) fn apply_lag(
        &mut self,
        event: &Event,
        (from, to): (&Address, &Address),
        lag: Lag,
    ) -> Result<Change, ReplayError> {
        let wrong = || ReplayError::Task { kind: event.kind(), task: to.clone() };
        let (Some(source), Some(target)) = (self.find(from), self.find(to)) else { return Err(wrong()) };
        let key = match lag {
            Lag::Armed(_) => self.lag_to_arm(source, target),
            Lag::Elapsed => self.lag_armed(source, target).map(|(key, _)| key),
        };
        self.set_lag(key.ok_or_else(wrong)?, lag);
        if lag == Lag::Elapsed {
            self.settle_lag(target);
        }
        let activation = self.at(target);
        Ok(Change { from: activation.status, to: activation.status, phase: activation.phase })
    }

    /// Notes the state of one lag.
    pub(super) fn set_lag(&mut self, key: EdgeKey, lag: Lag) {
        let is_armed = |lag: &Lag| matches!(lag, Lag::Armed(_));
        let was_armed = self.lags.insert(key, lag).as_ref().is_some_and(is_armed);
        let (_, target) = self.edge_ends(key);
        let target = self.at_mut(target);
        target.lags_armed = target.lags_armed + u32::from(is_armed(&lag)) - u32::from(was_armed);
    }

    /// Counts one edge whose lag is over into the child it enters.
    pub(super) fn settle_lag(&mut self, target: ActivationId) {
        let (scope, index) = (self.at(target).parent, self.at(target).index);
        let definition = Arc::clone(&self.definition);
        if let Body::Graph(graph) = &definition.node(self.at(scope).node).body {
            self.settle_edge(scope, graph, index, Ok(()));
        }
    }

    /// Returns the first edge between two children that has its outcome and whose lag has not been armed.
    pub(super) fn lag_to_arm(&self, from: ActivationId, to: ActivationId) -> Option<EdgeKey> {
        let activation = self.at(from);
        let is_true = |edge: &Edge| {
            let has_begun = edge.on.contains(Outcome::Started) && activation.has_started;
            let ended = Outcome::of(activation.status).map(Happening::Ended);
            let is_stuck = self.verdict_when_stuck(from, edge).is_some();
            has_begun || is_stuck || ended.is_some_and(|ended| self.verdict(from, edge, ended) == Some(true))
        };
        let mut lagged = self.lagged_between(from, to);
        lagged.find(|(key, edge)| is_true(edge) && !self.lags.contains_key(key)).map(|(key, _)| key)
    }

    /// Returns the lag between two children that is over first.
    pub(super) fn lag_armed(&self, from: ActivationId, to: ActivationId) -> Option<(EdgeKey, Timestamp)> {
        let armed = self.lagged_between(from, to).filter_map(|(key, _)| match self.lags.get(&key) {
            Some(Lag::Armed(due)) => Some((key, *due)),
            Some(Lag::Elapsed) | None => None,
        });
        armed.min_by_key(|(key, due)| (*due, *key))
    }

    /// Returns when the lag of `key` is over, counted from the outcome that the edge asked for.
    pub(super) fn lag_due(&self, key: EdgeKey) -> Option<Timestamp> {
        let (source, _) = self.edge_ends(key);
        let from = self.at(source);
        let edge = self.edge(key)?;
        let asks_start = edge.on.contains(Outcome::Started) && from.has_started;
        let stuck = self.verdict_when_stuck(source, edge).and_then(|_| self.stuck_since(source));
        let since = if asks_start { from.started } else { stuck.or(from.ended) };
        Some(since?.after(edge.wait()?))
    }

    /// Returns the timers of lags that somebody still waits for.
    pub(super) fn lag_timers(&self) -> Vec<(TimerKey, Timestamp)> {
        let mut timers: Vec<(TimerKey, Timestamp)> = Vec::new();
        let mut last = None;
        for (key, lag) in &self.lags {
            let Lag::Armed(due) = lag else { continue };
            let ends = self.edge_ends(*key);
            if !self.at(ends.1).is_open() {
                continue;
            }
            // Edges between the same two tasks stand side by side and share one timer.
            match timers.last_mut() {
                Some((_, earliest)) if last == Some(ends) => *earliest = (*earliest).min(*due),
                _ => timers.push((self.lag_key(ends), *due)),
            }
            last = Some(ends);
        }
        timers
    }

    /// Returns the key of the timer of the lags between two children.
    pub(super) fn lag_key(&self, (from, to): (ActivationId, ActivationId)) -> TimerKey {
        TimerKey::Lag(self.address(from), self.address(to))
    }

    /// Returns the children that an edge connects.
    pub(super) fn edge_ends(&self, key: EdgeKey) -> (ActivationId, ActivationId) {
        let edge = self.edge(key).expect("only a graph under way has edges");
        (self.sibling(key.0, edge.from), self.sibling(key.0, edge.to))
    }

    fn edge(&self, (scope, place): EdgeKey) -> Option<&Edge> {
        let Body::Graph(graph) = &self.node(scope).body else { return None };
        graph.edges().get(place as usize)
    }

    /// Returns the child at `index` of a graph under way.
    pub(super) fn sibling(&self, scope: ActivationId, index: u32) -> ActivationId {
        let Work::Graph(state) = &self.at(scope).work else {
            unreachable!("a graph with children has its state")
        };
        state.first.offset(index)
    }

    /// Returns the edges with a lag between two children of one graph.
    fn lagged_between(&self, from: ActivationId, to: ActivationId) -> impl Iterator<Item = (EdgeKey, &Edge)> {
        let scope = self.scope_around(to).filter(|scope| self.scope_around(from) == Some(*scope));
        let found = scope.and_then(|scope| match &self.node(scope).body {
            Body::Graph(graph) => Some((scope, graph)),
            Body::Task(_)
            | Body::Value(_)
            | Body::Timer(_)
            | Body::Choose(_)
            | Body::Raise(_)
            | Body::Await(_)
            | Body::Flow(_)
            | Body::Each(_)
            | Body::Call(_) => None,
        });
        let target = self.at(to).index;
        found.into_iter().flat_map(move |(scope, graph)| {
            let range = graph.edge_range(self.at(from).index);
            let first = range.start + graph.edges()[range.clone()].partition_point(|edge| edge.to < target);
            let places = (first..range.end).take_while(move |place| graph.edges()[*place].to == target);
            places.filter_map(move |place| {
                let edge = &graph.edges()[place];
                has_lag(edge).then_some(((scope, u32::try_from(place).ok()?), edge))
            })
        })
    }
}
