//! The facts of a run: what a snapshot holds, and what a run takes along to another definition.
//!
//! A fact is what events said about one activation, under its address. Restoring facts makes the same activations
//! under a definition, sets them, and derives counters, tokens of flows and the agenda anew. Under the run's own
//! definition that gives the state back; under another one it is the move that `Rebased` records: facts stay,
//! undecided nodes follow the new definition.

mod bytes;
mod people;
mod wire;

use std::sync::Arc;

use myrmex_model::address::Address;
use myrmex_model::event::{NotBefore, SkipReason};
use myrmex_model::fault::Fault;
use myrmex_model::id::{DefinitionHash, RunId, ValueHash};
use myrmex_model::ir::{AwaitKind, Body, Definition, Holds, NodeId};
use myrmex_model::outcome::Outcome;
use myrmex_model::status::{Phase, Status};
use myrmex_model::time::Timestamp;

use super::admission::Admission;
use super::arena::{Activation, ActivationId, CallState, EachState, Leaf, RareFacts, Reached, Work};
use super::edges::{EdgeKey, Happening, edges_of};
use super::fold::Folded;
use super::people::AwaitState;
use super::signals::Signals;
use super::{Agenda, Ending, Header, Lag, RebaseError, Run};

/// Everything that events said about a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    id: RunId,
    status: Status,
    last: Timestamp,
    header: Option<Header>,
    admission: Admission,
    signals: Signals,
    ending: Option<Ending>,
    is_unknown: bool,
    output: Option<ValueHash>,
    fault: Option<Box<Fault>>,
    /// A scope stands before what is inside it, children in the order of the definition, visits of a flow in theirs.
    pub(super) activations: Vec<Fact>,
    /// Sorted by the tasks that they connect, and what their edges hold back.
    pub(super) lags: Vec<(Address, Address, bool, Lag)>,
}

/// What events said about one activation.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    pub(super) address: Address,
    kind: BodyKind,
    status: Status,
    pub(super) phase: Phase,
    has_started: bool,
    is_cancelling: bool,
    is_closing: bool,
    started: Option<Timestamp>,
    ended: Option<Timestamp>,
    output: Option<ValueHash>,
    artifacts: Option<Box<ValueHash>>,
    fault: Option<Box<Fault>>,
    rare: Option<Box<RareFacts>>,
    detail: Detail,
}

/// What belongs to one kind of body.
#[derive(Debug, Clone, PartialEq)]
enum Detail {
    None,
    Leaf(Leaf),
    Timer(Timestamp),
    Postponed(Timestamp, NotBefore),
    Choice(u32),
    Scope { vars: Option<ValueHash>, round: Option<u32> },
    Each { items: ValueHash, keys: Option<Vec<String>>, count: u32, folded: Vec<(u32, Folded)> },
    Call(CallState),
    Await(Box<AwaitState>),
}

/// The kind of a node's body, which a live activation keeps when its run moves to another definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BodyKind {
    Task,
    Value,
    Timer,
    Choose,
    Raise,
    Flow,
    Graph,
    Each,
    Call,
    Manual,
    Approval,
    Form,
    Signal,
    Gate,
}

impl BodyKind {
    fn of(body: &Body) -> Self {
        match body {
            Body::Task(_) => Self::Task,
            Body::Value(_) => Self::Value,
            Body::Timer(_) => Self::Timer,
            Body::Choose(_) => Self::Choose,
            Body::Raise(_) => Self::Raise,
            Body::Flow(_) => Self::Flow,
            Body::Graph(_) => Self::Graph,
            Body::Each(_) => Self::Each,
            Body::Call(_) => Self::Call,
            Body::Await(body) => match &body.kind {
                AwaitKind::Manual => Self::Manual,
                AwaitKind::Approval => Self::Approval,
                AwaitKind::Form => Self::Form,
                AwaitKind::Signal(_) => Self::Signal,
                AwaitKind::Gate(_) => Self::Gate,
            },
        }
    }
}

impl Run {
    /// Returns the facts of this run. Between turns, with nothing left to decide, they are all there is: [`Run::restore`] gives
    /// an equal run back.
    pub fn facts(&self) -> Facts {
        let ids = self.walk().into_iter().map(|id| (id, self.at(id)));
        // What nothing was decided about follows from the rest.
        // The root of a run that waits for its place may have a deadline.
        let facts = ids.filter(|(id, activation)| *id == ActivationId::ROOT || !activation.is_untouched());
        let mut lags: Vec<_> = (self.lags.iter())
            .map(|(key, lag)| {
                let (from, to) = self.edge_ends(*key);
                let holds_end = self.edge(*key).is_some_and(|edge| edge.holds == Holds::End);
                (self.address(from), self.address(to), holds_end, *lag)
            })
            .collect();
        lags.sort_by(|one, other| (&one.0, &one.1, one.2).cmp(&(&other.0, &other.1, other.2)));
        Facts {
            id: self.id,
            status: self.status,
            last: self.last,
            header: self.header.clone(),
            admission: self.admission.clone(),
            signals: self.signals.clone(),
            ending: self.ending,
            is_unknown: self.has_unknown_outcome(),
            output: self.output,
            fault: self.fault.clone(),
            activations: facts.map(|(id, activation)| self.fact(id, activation)).collect(),
            lags,
        }
    }

    /// Returns all activations, parents first, in an order that follows from the definition and the visits of flows.
    fn walk(&self) -> Vec<ActivationId> {
        let mut order = Vec::with_capacity(self.arena.len());
        let mut stack: Vec<ActivationId> =
            (!self.arena.is_empty()).then_some(ActivationId::ROOT).into_iter().collect();
        while let Some(id) = stack.pop() {
            order.push(id);
            stack.extend(self.children(id).into_iter().rev());
        }
        order
    }

    fn fact(&self, id: ActivationId, activation: &Activation) -> Fact {
        let detail = match &activation.work {
            Work::None => Detail::None,
            Work::Leaf(leaf) => Detail::Leaf(*leaf),
            Work::Timer { due } => Detail::Timer(*due),
            Work::Postponed { until, because } => Detail::Postponed(*until, because.clone()),
            Work::Choice { case } => Detail::Choice(*case),
            Work::Graph(_) => Detail::Scope { vars: None, round: None },
            Work::Flow(flow) => Detail::Scope { vars: flow.vars, round: flow.round },
            Work::Call(call) => Detail::Call(**call),
            Work::Await(state) => Detail::Await(state.clone()),
            Work::Each(each) => Detail::Each {
                items: each.items,
                keys: each.keys.as_ref().map(|keys| keys.keys().cloned().collect()),
                count: each.count,
                folded: each.folded().collect(),
            },
        };
        Fact {
            address: self.address(id),
            kind: BodyKind::of(&self.node(id).body),
            status: activation.status,
            phase: activation.phase,
            has_started: activation.has_started,
            is_cancelling: activation.is_cancelling,
            is_closing: activation.is_closing,
            started: activation.started,
            ended: activation.ended,
            output: activation.output,
            artifacts: activation.artifacts.clone(),
            fault: activation.fault.clone(),
            rare: activation.facts().filter(|facts| **facts != RareFacts::default()).cloned().map(Box::new),
            detail,
        }
    }

    /// Makes a run from facts under a definition. What is left to decide is found by [`Run::resume`].
    ///
    /// # Errors
    ///
    /// Returns [`RebaseError`] if something under way has no counterpart; never for the definition the facts are from.
    pub fn restore(
        facts: &Facts,
        definition: Arc<Definition>,
        hash: DefinitionHash,
    ) -> Result<Self, RebaseError> {
        let mut run = Self::new(facts.id, definition, hash);
        (run.status, run.last) = (facts.status, facts.last);
        (run.header, run.ending) = (facts.header.clone(), facts.ending);
        run.signals = facts.signals.clone();
        (run.admission, run.is_unknown) = (facts.admission.clone(), facts.is_unknown);
        (run.output, run.fault) = (facts.output, facts.fault.clone());
        for fact in &facts.activations {
            run.place(fact)?;
        }
        for (from, to, holds_end, lag) in &facts.lags {
            // A lag whose edge is gone, or asks for something else now, is forgotten.
            let ends = run.find(from).zip(run.find(to));
            let holds = if *holds_end { Holds::End } else { Holds::Begin };
            if let Some(key) = ends.and_then(|ends| run.lag_to_arm(ends, holds)) {
                run.set_lag(key, *lag);
            }
        }
        run.place_tokens()?;
        run.derive();
        Ok(run)
    }

    /// Sets one fact on its activation, which is made first where it does not follow from its scope.
    fn place(&mut self, fact: &Fact) -> Result<(), RebaseError> {
        let id = match self.activation_for(&fact.address) {
            Some(id) => id,
            None if fact.status.is_terminal() => return Ok(()),
            None => return Err(RebaseError::Missing { task: fact.address.clone() }),
        };
        let is_same_kind = BodyKind::of(&self.node(id).body) == fact.kind;
        if !is_same_kind && !fact.status.is_terminal() {
            return Err(RebaseError::Kind { task: fact.address.clone() });
        }
        let activation = self.at_mut(id);
        activation.status = fact.status;
        activation.phase = fact.phase;
        activation.has_started = fact.has_started;
        (activation.is_cancelling, activation.is_closing) = (fact.is_cancelling, fact.is_closing);
        if let Some(facts) = &fact.rare {
            activation.rare_mut().facts = (**facts).clone();
        }
        (activation.started, activation.ended) = (fact.started, fact.ended);
        (activation.output, activation.fault) = (fact.output, fact.fault.clone());
        activation.artifacts.clone_from(&fact.artifacts);
        if is_same_kind {
            self.place_detail(id, &fact.detail);
        }
        Ok(())
    }

    fn place_detail(&mut self, id: ActivationId, detail: &Detail) {
        let work = match detail {
            Detail::None => return,
            Detail::Scope { vars, round } => {
                self.enter_scope(id);
                if let Work::Flow(flow) = &mut self.at_mut(id).work {
                    (flow.vars, flow.round) = (*vars, *round);
                    // The visits come as facts of their own; the one that entering made is made again if undecided.
                    flow.visits.iter_mut().for_each(Vec::clear);
                    if flow.current.take().is_some() {
                        self.arena.pop();
                    }
                }
                return;
            }
            Detail::Leaf(leaf) => Work::Leaf(*leaf),
            Detail::Timer(due) => Work::Timer { due: *due },
            Detail::Postponed(until, because) => Work::Postponed { until: *until, because: because.clone() },
            Detail::Choice(case) => Work::Choice { case: *case },
            Detail::Each { items, keys, count, folded } => {
                self.at_mut(id).work = Work::Each(Box::new(EachState::new(*items, keys.as_deref(), *count)));
                return self.place_folded(id, folded);
            }
            Detail::Call(call) => Work::Call(Box::new(*call)),
            Detail::Await(state) => Work::Await(state.clone()),
        };
        self.at_mut(id).work = work;
    }

    /// Finds the activation at `address`, or makes it where activations are made one after the other.
    fn activation_for(&mut self, address: &Address) -> Option<ActivationId> {
        if address.is_root() {
            if self.arena.is_empty() {
                self.push(Activation::new(self.definition.root, ActivationId::ROOT, 0));
            }
            return Some(ActivationId::ROOT);
        }
        if let Some(id) = self.find(address) {
            return Some(id);
        }
        let (parent, last) = self.find_parent(address)?;
        let definition = Arc::clone(&self.definition);
        if let Some(handling) = &definition.node(self.at(parent).node).handling
            && last.key.is_none()
        {
            let is_named = |node: NodeId| definition.node(node).name.as_str() == last.name;
            if let Some((kind, node)) = handling.handlers().find(|(_, node)| is_named(*node)) {
                return Some(self.add_handler(parent, kind, node));
            }
        }
        match &definition.node(self.at(parent).node).body {
            Body::Flow(flow) => {
                let index = flow.child_index(&last.name)?;
                self.add_visit(parent, index, flow.children[index as usize].node, last.visit)
            }
            Body::Each(_) => self.item_for(parent, &last.key?),
            Body::Task(_)
            | Body::Value(_)
            | Body::Timer(_)
            | Body::Choose(_)
            | Body::Raise(_)
            | Body::Await(_)
            | Body::Graph(_)
            | Body::Call(_) => None,
        }
    }

    /// Finds what holds the activation at `address`: a scope, or the `for_each` of an item.
    fn find_parent(&self, address: &Address) -> Option<(ActivationId, LastSegment)> {
        let text = address.as_str();
        let last = address.segments().last()?;
        let key = last.key.as_ref().map(|key| key.clone().into_owned());
        let parent = match &key {
            Some(_) => text.rsplit_once('[')?.0,
            None => text.rsplit_once('/').map_or("", |(parent, _)| parent),
        };
        let parent = self.find_inside(&Address::parse(parent).ok()?)?;
        Some((parent, LastSegment { name: last.name.to_owned(), visit: last.visit, key }))
    }

    /// Adds a visit of a flow's child; nothing if it is not later than those that are there. Those between were folded.
    fn add_visit(
        &mut self,
        flow: ActivationId,
        index: u32,
        node: NodeId,
        visit: u32,
    ) -> Option<ActivationId> {
        let Work::Flow(state) = &self.at(flow).work else { return None };
        if visit <= self.visit_count(&state.visits[index as usize]) {
            return None;
        }
        let mut activation = Activation::new(node, flow, index);
        activation.visit = visit;
        let id = self.push(activation);
        if let Work::Flow(state) = &mut self.at_mut(flow).work {
            state.visits[index as usize].push(id);
        }
        Some(id)
    }

    /// Puts the token of each flow on the visit that is under way, or else on the last.
    fn place_tokens(&mut self) -> Result<(), RebaseError> {
        for flow in (0..u32::try_from(self.arena.len()).unwrap_or(u32::MAX)).map(ActivationId) {
            let Work::Flow(state) = &self.at(flow).work else { continue };
            let visits = state.visits.iter().flatten().copied();
            let mut live = visits.clone().filter(|visit| !self.at(*visit).status.is_terminal());
            let current = live.next().or_else(|| visits.max());
            if let Some(second) = live.next() {
                return Err(RebaseError::Clash { task: self.address(second) });
            }
            if let Work::Flow(state) = &mut self.at_mut(flow).work {
                state.current = current;
            }
        }
        Ok(())
    }

    /// Adds the items of a `for_each` up to and including `index`: items begin by index.
    fn add_items(&mut self, each: ActivationId, index: u32, node: NodeId) -> Option<ActivationId> {
        loop {
            let Work::Each(state) = &self.at(each).work else { return None };
            let reached = state.reached_count();
            if reached > index {
                return match state.reached[index as usize] {
                    Reached::Live(id) => Some(id),
                    Reached::Folded(_) => None,
                };
            }
            let mut item = Activation::new(node, each, reached);
            (item.is_item, item.is_cancelling) = (true, self.at(each).is_winding_down());
            let item = self.push(item);
            if let Work::Each(state) = &mut self.at_mut(each).work {
                state.reached.push(Reached::Live(item));
            }
        }
    }

    /// Puts back the items of a `for_each` that were folded, with those between them.
    fn place_folded(&mut self, each: ActivationId, folded: &[(u32, Folded)]) {
        let definition = Arc::clone(&self.definition);
        let Body::Each(body) = &definition.node(self.at(each).node).body else { return };
        for (index, item) in folded {
            if let Some(before) = index.checked_sub(1) {
                self.add_items(each, before, body.body);
            }
            if let Work::Each(state) = &mut self.at_mut(each).work {
                state.reached.push(Reached::Folded(*item));
                state.counts.open -= 1;
                state.counts.succeeded += u32::from(item.status() == Status::Succeeded);
                state.counts.skipped += u32::from(item.status() == Status::Skipped);
            }
        }
    }

    /// Makes the item that `address` names, with those before it: they were withheld, and a journal knows of them already.
    pub(super) fn reach(&mut self, address: &Address) -> Option<ActivationId> {
        let (each, last) = self.find_parent(address)?;
        self.item_for(each, &last.key?)
    }

    /// Finds the item with `key`, or makes it with those before it.
    fn item_for(&mut self, each: ActivationId, key: &str) -> Option<ActivationId> {
        let Body::Each(body) = &self.node(each).body else { return None };
        let Work::Each(state) = &self.at(each).work else { return None };
        let (node, index) = (body.body, state.index_of(key).filter(|index| *index < state.count)?);
        self.add_items(each, index, node)
    }

    /// Derives counters, tokens and the agenda from the facts.
    fn derive(&mut self) {
        self.agenda.clear();
        self.queued = self.arena.iter().filter(|activation| activation.phase == Phase::Queued).count();
        if self.status.is_terminal() {
            return;
        }
        for id in (0..u32::try_from(self.arena.len()).unwrap_or(u32::MAX)).map(ActivationId) {
            self.count_in_parent(id);
        }
        if self.admission == Admission::Asking {
            self.agenda.push_back(Agenda::Key);
        }
        // Scopes that follow from these facts are pushed behind, undecided.
        let ids = (0..u32::try_from(self.arena.len()).unwrap_or(u32::MAX)).map(ActivationId);
        // First what has ended, before a check finds that the run has ended with it.
        ids.clone().for_each(|id| self.close_scope(id));
        ids.for_each(|id| {
            if self.at(id).handling().is_some() {
                self.derive_handler(id);
            } else if self.at(id).status == Status::Running {
                self.derive_scope(id);
            } else if self.awaiting(id).is_some()
                || self.at(id).phase == Phase::Held
                || self.at(id).status == Status::Stuck
            {
                self.agenda.push_back(Agenda::Attend(id));
            }
        });
    }

    fn count_in_parent(&mut self, id: ActivationId) {
        let activation = self.at(id);
        let (is_active, is_terminal) = (activation.is_active(), activation.status.is_terminal());
        let parent = activation.parent;
        if id == ActivationId::ROOT || activation.is_handler {
            return;
        }
        if let Some(counts) = self.at_mut(parent).counts_mut() {
            counts.active += u32::from(is_active);
        }
        if is_terminal {
            self.count_end(id);
        }
    }

    /// Skips what a new definition added to a scope that has ended.
    fn close_scope(&mut self, id: ActivationId) {
        let Some(outcome) = self.body_outcome(id) else { return };
        for child in self.live_inside(id) {
            self.at_mut(child).is_cancelling = false;
            let reason = SkipReason::Upstream { task: self.address(id), outcome };
            self.agenda.push_back(Agenda::Skip(child, reason));
        }
    }

    fn derive_scope(&mut self, id: ActivationId) {
        let definition = Arc::clone(&self.definition);
        let is_cancelling = self.at(id).is_winding_down();
        match (&self.at(id).work, &definition.node(self.at(id).node).body) {
            (Work::Graph(state), Body::Graph(graph)) => {
                let first = state.first;
                let count = u32::try_from(graph.children.len()).unwrap_or(u32::MAX);
                for child in (0..count).map(|index| first.offset(index)) {
                    if is_cancelling && self.at(child).is_untouched() {
                        self.at_mut(child).is_cancelling = true;
                    }
                    if graph.in_count(self.at(child).index) == 0 {
                        self.agenda.push_back(Agenda::Begin(child));
                    }
                }
                for child in (0..count).map(|index| first.offset(index)) {
                    self.derive_edges(child);
                }
                self.derive_lags(id);
            }
            (Work::Flow(state), Body::Flow(flow)) => match state.current {
                Some(child) if self.at(child).status.is_terminal() => self.advance_flow(id, child),
                None if flow.rounds.is_none() || state.round.is_some() => self.go_to_first(id),
                Some(_) | None => {}
            },
            (Work::Each(_), _) => self.fill_items_again(id),
            _ => return,
        }
        if is_cancelling {
            self.agenda.push_back(Agenda::Cancel(id));
        }
        self.agenda.push_back(Agenda::Check(id));
    }

    /// Goes on with the handler that is at work.
    fn derive_handler(&mut self, id: ActivationId) {
        let Some((kind, _)) = self.at(id).handling().cloned() else { return };
        match self.handler(id, kind) {
            Some(handler) if self.at(handler).is_untouched() => self.agenda.push_back(Agenda::Begin(handler)),
            Some(_) => self.agenda.push_back(Agenda::Handled(id)),
            None => {
                let handling = self.node(id).handling.as_ref();
                if let Some(node) = handling.and_then(|handling| handling.node(kind)) {
                    self.add_handler(id, kind, node);
                }
            }
        }
    }

    fn derive_edges(&mut self, child: ActivationId) {
        let activation = self.at(child);
        let (has_started, outcome) = (activation.has_started, Outcome::of(activation.status));
        if has_started {
            self.decide_edges(child, Happening::Started);
        }
        if self.stuck_since(child).is_some() {
            self.decide_edges(child, Happening::Stuck);
        }
        if let Some(outcome) = outcome {
            self.decide_edges(child, Happening::Ended(outcome));
        }
    }

    /// Makes those edges true whose lag is over; the rest wait for their timers.
    fn derive_lags(&mut self, scope: ActivationId) {
        let elapsed = self.lags.range(edges_of(scope)).filter(|(_, lag)| **lag == Lag::Elapsed);
        let keys: Vec<EdgeKey> = elapsed.map(|(key, _)| *key).collect();
        for key in keys {
            self.settle_lag(key);
        }
    }

    fn fill_items_again(&mut self, id: ActivationId) {
        let Work::Each(state) = &self.at(id).work else { return };
        for item in state.live().collect::<Vec<_>>() {
            if self.at(item).is_untouched() {
                self.agenda.push_back(Agenda::Begin(item));
            }
        }
        // The turn to come makes the next items, as it would have without a restart.
        self.withheld.insert(id);
    }
}

/// The last level of an address.
struct LastSegment {
    name: String,
    visit: u32,
    key: Option<String>,
}
