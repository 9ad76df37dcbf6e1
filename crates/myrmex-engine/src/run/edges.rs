//! Edges of graphs: what decides them, which wait out a lag, and what that means for the child they enter.
//!
//! An edge is open, true or false, and holds back the beginning of the child that it enters, or its end (see
//! [`super::ends`]). Deciding one costs the same however large its graph is. Events name a lag by the two tasks and what it holds
//! back; where several such edges with a lag connect the same two, they are armed in the order of the definition and elapse in the
//! order of their instants. When a lag in working time is over is asked: the machine knows no calendars.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Arc;

use myrmex_model::address::Address;
use myrmex_model::command::TimerKey;
use myrmex_model::effect::{Effect, Question, Request, Ticket};
use myrmex_model::event::{Change, Event, SkipReason};
use myrmex_model::ir::{Body, Edge, Graph, Holds, Join};
use myrmex_model::outcome::Outcome;
use myrmex_model::time::Timestamp;

use super::apply::ReplayError;
use super::arena::{ActivationId, Work};
use super::decide::{Rejection, Turn};
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

impl Run {
    /// Decides the edges that leave a child of a graph.
    pub(super) fn decide_edges(&mut self, id: ActivationId, happening: Happening) {
        let Some(scope) = self.scope_around(id) else { return };
        let definition = Arc::clone(&self.definition);
        let Body::Graph(graph) = &definition.node(self.at(scope).node).body else { return };
        for place in graph.edge_range(self.at(id).index) {
            let edge = &graph.edges()[place];
            let Some(is_true) = self.verdict(id, edge, happening) else { continue };
            let target = self.sibling(scope, edge.to);
            match edge.holds {
                holds if is_true && edge.has_lag() => {
                    self.agenda.push_back(Agenda::Lag((id, target), holds));
                }
                Holds::Begin => {
                    let reason = if is_true { Ok(()) } else { Err(self.skip_reason(id, edge, happening)) };
                    self.settle_edge(scope, graph, edge.to, reason);
                }
                Holds::End => self.settle_end(target, place, is_true),
            }
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
                    | Work::Postponed { .. }
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
        (from, to, holds): (&Address, &Address, Holds),
        lag: Lag,
    ) -> Result<Change, ReplayError> {
        let wrong = || ReplayError::Task { kind: event.kind(), task: to.clone() };
        let (Some(source), Some(target)) = (self.find(from), self.find(to)) else { return Err(wrong()) };
        let key = match lag {
            Lag::Armed(_) => self.lag_to_arm((source, target), holds),
            Lag::Elapsed => self.lag_armed((source, target), holds).map(|(key, _)| key),
        };
        let key = key.ok_or_else(wrong)?;
        self.set_lag(key, lag);
        if lag == Lag::Elapsed {
            self.settle_lag(key);
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
    pub(super) fn settle_lag(&mut self, key: EdgeKey) {
        let definition = Arc::clone(&self.definition);
        let Body::Graph(graph) = &definition.node(self.at(key.0).node).body else { return };
        let Some(edge) = graph.edges().get(key.1 as usize) else { return };
        match edge.holds {
            Holds::Begin => self.settle_edge(key.0, graph, edge.to, Ok(())),
            Holds::End => self.settle_end(self.sibling(key.0, edge.to), key.1 as usize, true),
        }
    }

    /// Returns whether an edge has the outcome that it asks for.
    pub(super) fn has_outcome(&self, edge: &Edge, from: ActivationId) -> bool {
        let activation = self.at(from);
        let has_begun = edge.on.contains(Outcome::Started) && activation.has_started;
        let ended = Outcome::of(activation.status).map(Happening::Ended);
        let is_stuck = self.verdict_when_stuck(from, edge).is_some();
        has_begun || is_stuck || ended.is_some_and(|ended| self.verdict(from, edge, ended) == Some(true))
    }

    /// Returns the first edge between two children that has its outcome and whose lag has not been armed.
    pub(super) fn lag_to_arm(&self, ends: (ActivationId, ActivationId), holds: Holds) -> Option<EdgeKey> {
        let mut lagged = self.lagged_between(ends, holds);
        let is_next =
            |(key, edge): &(EdgeKey, &Edge)| self.has_outcome(edge, ends.0) && !self.lags.contains_key(key);
        lagged.find(is_next).map(|(key, _)| key)
    }

    /// Returns the first such edge about whose lag nothing is asked either.
    fn lag_to_ask(&self, ends: (ActivationId, ActivationId), holds: Holds) -> Option<EdgeKey> {
        let mut lagged = self.lagged_between(ends, holds);
        let is_next = |(key, edge): &(EdgeKey, &Edge)| {
            let is_known = self.lags.contains_key(key) || self.inquiries.lags.contains_key(key);
            self.has_outcome(edge, ends.0) && !is_known
        };
        lagged.find(is_next).map(|(key, _)| key)
    }

    /// Returns the lag between two children that is over first.
    pub(super) fn lag_armed(
        &self,
        ends: (ActivationId, ActivationId),
        holds: Holds,
    ) -> Option<(EdgeKey, Timestamp)> {
        let armed = self.lagged_between(ends, holds).filter_map(|(key, _)| match self.lags.get(&key) {
            Some(Lag::Armed(due)) => Some((key, *due)),
            Some(Lag::Elapsed) | None => None,
        });
        armed.min_by_key(|(key, due)| (*due, *key))
    }

    /// Returns from when the lag of `key` counts: when the outcome came about that the edge asked for.
    fn lag_since(&self, key: EdgeKey) -> Option<Timestamp> {
        let (source, _) = self.edge_ends(key);
        let (from, edge) = (self.at(source), self.edge(key)?);
        let asks_start = edge.on.contains(Outcome::Started) && from.has_started;
        let stuck = self.verdict_when_stuck(source, edge).and_then(|_| self.stuck_since(source));
        if asks_start { from.started } else { stuck.or(from.ended) }
    }

    /// Returns whether a child still waits for an edge that holds back this of it.
    pub(super) fn awaits_edge(&self, child: ActivationId, holds: Holds) -> bool {
        let child = self.at(child);
        match holds {
            Holds::Begin => child.is_open(),
            Holds::End => !child.status.is_terminal() && !child.is_stale,
        }
    }

    /// Returns the timers of lags that somebody still waits for.
    pub(super) fn lag_timers(&self) -> Vec<(TimerKey, Timestamp)> {
        let mut timers: BTreeMap<((ActivationId, ActivationId), bool), Timestamp> = BTreeMap::new();
        for (key, lag) in &self.lags {
            let (Lag::Armed(due), Some(edge)) = (lag, self.edge(*key)) else { continue };
            let ends = self.edge_ends(*key);
            if self.awaits_edge(ends.1, edge.holds) {
                // Edges between the same two tasks share one timer.
                let earliest = timers.entry((ends, edge.holds == Holds::End)).or_insert(*due);
                *earliest = (*earliest).min(*due);
            }
        }
        let holds = |is_end| if is_end { Holds::End } else { Holds::Begin };
        timers.into_iter().map(|((ends, is_end), due)| (self.lag_key(ends, holds(is_end)), due)).collect()
    }

    /// Returns the key of the timer of the lags between two children.
    pub(super) fn lag_key(&self, (from, to): (ActivationId, ActivationId), holds: Holds) -> TimerKey {
        let (from, to) = (self.address(from), self.address(to));
        match holds {
            Holds::Begin => TimerKey::Lag(from, to),
            Holds::End => TimerKey::EndLag(from, to),
        }
    }

    /// Returns the children that an edge connects.
    pub(super) fn edge_ends(&self, key: EdgeKey) -> (ActivationId, ActivationId) {
        let edge = self.edge(key).expect("only a graph under way has edges");
        (self.sibling(key.0, edge.from), self.sibling(key.0, edge.to))
    }

    pub(super) fn edge(&self, (scope, place): EdgeKey) -> Option<&Edge> {
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

    /// Returns the edges with a lag between two children of one graph that hold back this of the second.
    fn lagged_between(
        &self,
        (from, to): (ActivationId, ActivationId),
        holds: Holds,
    ) -> impl Iterator<Item = (EdgeKey, &Edge)> {
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
                let is_meant = edge.has_lag() && edge.holds == holds;
                is_meant.then_some(((scope, u32::try_from(place).ok()?), edge))
            })
        })
    }
}

impl Turn<'_> {
    /// Arms the lag of an edge that has its outcome, or asks when it is over.
    pub(super) fn arm_lag(&mut self, ends: (ActivationId, ActivationId), holds: Holds) {
        if !self.run.awaits_edge(ends.1, holds) {
            return;
        }
        let Some(key) = self.run.lag_to_ask(ends, holds) else { return };
        let Some(since) = self.run.lag_since(key) else { return };
        let due = self.run.edge(key).and_then(Edge::elapsed_lag).map(|length| since.after(length));
        self.run.inquiries.lags.insert(key, due);
        if due.is_none() {
            let question = Question::Lag { edge: key.1, since };
            let node = self.run.at(key.0).node;
            self.decision.requests.push(Request { ticket: Ticket(key.0.0), node, question });
        }
        self.arm_known_lags(ends, holds);
    }

    /// Takes the answer when the lag of an edge is over.
    pub(super) fn lag_told(&mut self, key: EdgeKey, due: Timestamp) -> Result<(), Rejection> {
        match self.run.inquiries.lags.get_mut(&key) {
            Some(known @ None) => *known = Some(due),
            Some(Some(_)) | None => return Err(Rejection::NotAsked),
        }
        let ends = self.run.edge_ends(key);
        let holds = self.run.edge(key).map(|edge| edge.holds).unwrap_or_default();
        if self.run.awaits_edge(ends.1, holds) {
            self.arm_known_lags(ends, holds);
        }
        Ok(())
    }

    /// Arms lags whose ends are known, in the order of the definition: events do not tell them apart otherwise.
    fn arm_known_lags(&mut self, ends: (ActivationId, ActivationId), holds: Holds) {
        while let Some(key) = self.run.lag_to_arm(ends, holds) {
            let Some(due) = self.run.inquiries.lags.get(&key).copied().flatten() else { return };
            self.run.inquiries.lags.remove(&key);
            let (from, to) = (self.run.address(ends.0), self.run.address(ends.1));
            self.emit(Event::LagArmed { from: from.clone(), to: to.clone(), holds, due });
            if due <= self.now {
                self.emit(Event::LagElapsed { from, to, holds });
            }
            self.arm_lag_timer(ends, holds);
        }
    }

    /// Lets the timer of the lags between two children fire when the first of them is over.
    pub(super) fn arm_lag_timer(&mut self, ends: (ActivationId, ActivationId), holds: Holds) {
        if let Some((_, due)) = self.run.lag_armed(ends, holds)
            && self.run.awaits_edge(ends.1, holds)
        {
            let timer = self.run.lag_key(ends, holds);
            self.effect(Effect::Arm { timer, due });
        }
    }

    /// Withdraws the timers of lags that a child waited for which is now decided.
    pub(super) fn disarm_lags_into(&mut self, id: ActivationId, holds: Holds) {
        let run = &*self.run;
        if run.at(id).lags_armed == 0 {
            return;
        }
        let armed =
            run.lags.range(edges_of(run.at(id).parent)).filter(|(_, lag)| matches!(lag, Lag::Armed(_)));
        let meant = armed.filter(|(key, _)| run.edge(**key).is_some_and(|edge| edge.holds == holds));
        let ends = meant.map(|(key, _)| run.edge_ends(*key)).filter(|(_, target)| *target == id);
        let timers: BTreeSet<TimerKey> = ends.map(|ends| run.lag_key(ends, holds)).collect();
        for timer in timers {
            self.effect(Effect::Disarm { timer });
        }
    }
}
