//! The arena of activations: who is where, under whom, and how to find one by its address.

use std::collections::BTreeSet;

use myrmex_model::OrderedMap;
use myrmex_model::address::{Address, Segment};
use myrmex_model::demand::Named;
use myrmex_model::event::{HandlerKind, Limit, NotBefore, Pending};
use myrmex_model::fault::Fault;
use myrmex_model::id::{Attempt, DefinitionHash, FencingToken, RunId, ValueHash};
use myrmex_model::ir::{Body, NodeId};
use myrmex_model::outcome::Origin;
use myrmex_model::status::{Phase, Status};
use myrmex_model::time::Timestamp;

use super::Run;
use super::fold::Folded;
use super::people::AwaitState;
use super::stuck::Stuck;

/// The place of an activation in its run's arena. Means nothing outside this run and is never journalled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ActivationId(pub(super) u32);

impl ActivationId {
    /// The run's root scope.
    pub(super) const ROOT: Self = Self(0);

    pub(super) fn index(self) -> usize {
        self.0 as usize
    }

    pub(super) fn offset(self, by: u32) -> Self {
        Self(self.0 + by)
    }
}

/// One execution of a node: its place, its facts, and counters that follow from facts.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other")]
pub(super) struct Activation {
    pub(super) node: NodeId,
    /// The scope or `for_each` that holds it; the root holds itself.
    pub(super) parent: ActivationId,
    /// Its index among the children of its graph or flow, or among the items of its `for_each`.
    pub(super) index: u32,
    /// Which visit of its flow, from 1; of a handler, which time the task that it follows is done.
    pub(super) visit: u32,
    pub(super) is_item: bool,
    /// Whether it follows the body of what holds it, instead of being inside that body.
    pub(super) is_handler: bool,
    /// Whether it belongs to an earlier attempt of a scope around it: nobody sees it any more.
    pub(super) is_stale: bool,
    pub(super) status: Status,
    pub(super) phase: Phase,
    /// Whether it ever ran: what the outcome `started` asks.
    pub(super) has_started: bool,
    /// Whether a request about it is being evaluated in this turn.
    pub(super) is_evaluating: bool,
    /// Whether it, or a scope around it, was told to cancel.
    pub(super) is_cancelling: bool,
    /// Whether what is inside it is being ended for a reason of its own: a failure, a limit, enough successes.
    pub(super) is_closing: bool,
    /// Incoming edges not yet decided (graph children only).
    pub(super) open_edges: u32,
    /// Incoming edges that are true (graph children only).
    pub(super) true_edges: u32,
    /// Incoming edges that wait for their lag (graph children only).
    pub(super) lags_armed: u32,
    pub(super) started: Option<Timestamp>,
    pub(super) ended: Option<Timestamp>,
    pub(super) output: Option<ValueHash>,
    /// The artifacts of the attempt that ended last.
    pub(super) artifacts: Option<Box<ValueHash>>,
    pub(super) fault: Option<Box<Fault>>,
    /// What only few have; apart, because there may be a million of those that have not.
    pub(super) rare: Option<Box<Rare>>,
    pub(super) work: Work,
}

/// What only few activations have: attempts without a worker, limits, what follows the body.
#[derive(Debug, Clone, Default)]
pub(super) struct Rare {
    pub(super) facts: RareFacts,
    /// The handlers that were entered.
    pub(super) handlers: Vec<(HandlerKind, ActivationId)>,
    /// The error about which this turn evaluates something.
    pub(super) asked: Option<Asked>,
}

/// The part of [`Rare`] that events said.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RareFacts {
    /// The attempt that was entered last; of bodies without a worker.
    pub(super) attempt: Attempt,
    /// How many attempts were followed by another; of bodies without a worker.
    pub(super) repeated: u32,
    /// The attempt to come and when it begins; of bodies without a worker.
    pub(super) repeat: Option<(Attempt, Timestamp)>,
    /// How often each `catch` repeated the body.
    pub(super) catch_retries: Vec<u32>,
    /// When each limit runs out, in the order of [`Limit::ALL`].
    pub(super) dues: [Option<Timestamp>; 3],
    /// The limit that ran out and ends what is inside.
    pub(super) limit: Option<Limit>,
    /// What follows the body, and how the activation ends if that changes nothing.
    pub(super) handling: Option<(HandlerKind, Pending)>,
    /// The error that a `catch` took.
    pub(super) caught: Option<Box<Fault>>,
    /// Whether a child run that it called left open what an attempt did that nothing may repeat.
    pub(super) is_unknown: bool,
    /// The inputs of its own, evaluated once for all attempts; of scopes with a binding.
    pub(super) inputs: Option<ValueHash>,
    /// The variables of the flow around when it had succeeded, if it or what is inside may have written some.
    pub(super) vars: Option<ValueHash>,
    /// The run that its result was taken over from, and how many attempts there were.
    pub(super) taken: Option<(RunId, u32)>,
    /// Whose success the attempt that ended last took over, if it did.
    pub(super) cached: Option<Box<Origin>>,
    /// The names that its attempts, or the block, ask for, where they were evaluated.
    pub(super) named: Option<Box<Named>>,
    /// What a block, or a call, holds while it is under way.
    pub(super) hold: Option<Hold>,
    /// Whether a person skipped it: nothing that was decided says so again.
    pub(super) is_by_hand: bool,
    /// That it was stuck, or is.
    pub(super) stuck: Option<Stuck>,
}

/// How a block stands with what it asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hold {
    /// It waits for it, and has not begun.
    Waiting,
    /// It holds it.
    Held(FencingToken),
}

impl Default for RareFacts {
    fn default() -> Self {
        Self {
            attempt: Attempt::FIRST,
            repeated: 0,
            repeat: None,
            catch_retries: Vec::new(),
            dues: [None; 3],
            limit: None,
            handling: None,
            caught: None,
            is_unknown: false,
            inputs: None,
            vars: None,
            taken: None,
            cached: None,
            named: None,
            hold: None,
            is_by_hand: false,
            stuck: None,
        }
    }
}

/// An error about which something is evaluated.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) fault: Fault,
    pub(super) is_timeout: bool,
    /// Whether it is asked which handler takes it, and not whether it is retried.
    pub(super) is_catch: bool,
}

/// What belongs to one kind of body.
#[derive(Debug, Clone)]
pub(super) enum Work {
    /// Nothing has begun.
    None,
    Leaf(Leaf),
    Timer {
        due: Timestamp,
    },
    /// Nothing has begun, and nothing may before an instant.
    Postponed {
        until: Timestamp,
        because: NotBefore,
    },
    Choice {
        case: u32,
    },
    Graph(Box<GraphState>),
    Flow(Box<FlowState>),
    Each(Box<EachState>),
    Call(Box<CallState>),
    Await(Box<AwaitState>),
}

/// A task with attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Leaf {
    /// The attempt under way or to come.
    pub(super) attempt: Attempt,
    /// How many attempts were granted.
    pub(super) attempts_made: u32,
    pub(super) input: Option<ValueHash>,
    /// The grant under way.
    pub(super) token: Option<FencingToken>,
    /// How many attempts used up a retry.
    pub(super) retries_used: u32,
    /// How many attempts in a row were lost while their worker lived.
    pub(super) losses: u32,
    /// When the next attempt is queued, while it waits out its pause.
    pub(super) retry_due: Option<Timestamp>,
    /// Whether an attempt ended in a way that tells nothing about what it did.
    pub(super) is_unknown: bool,
}

impl Default for Leaf {
    fn default() -> Self {
        let (attempt, input, token, retry_due) = (Attempt::FIRST, None, None, None);
        let (attempts_made, retries_used, losses) = (0, 0, 0);
        Self { attempt, attempts_made, input, token, retries_used, losses, retry_due, is_unknown: false }
    }
}

/// A graph under way. Its children stand side by side in the arena.
#[derive(Debug, Clone)]
pub(super) struct GraphState {
    pub(super) first: ActivationId,
    pub(super) counts: Counts,
    /// Children that may begin as soon as `max_parallel` lets them, by index.
    pub(super) waiting: BTreeSet<u32>,
    /// Whether what had not begun when enough had succeeded was ended.
    pub(super) is_rest_over: bool,
}

/// A flow under way.
#[derive(Debug, Clone)]
pub(super) struct FlowState {
    /// The visits of each child, in order, but for those that were folded. The last one is always there.
    pub(super) visits: Vec<Vec<ActivationId>>,
    /// Where the token is, or was last; none in an empty flow.
    pub(super) current: Option<ActivationId>,
    /// The variables after the last write; none before the first, where those of the flow around it hold.
    pub(super) vars: Option<ValueHash>,
    /// Which round it is in, from 0, if it goes round.
    pub(super) round: Option<u32>,
}

/// A `for_each` under way.
#[derive(Debug, Clone)]
pub(super) struct EachState {
    pub(super) items: ValueHash,
    /// The keys of a map with their indices; empty for a list.
    pub(super) keys: Option<OrderedMap<String, u32>>,
    /// What became of each item that was reached, in order: items begin by index.
    pub(super) reached: Vec<Reached>,
    pub(super) count: u32,
    pub(super) counts: Counts,
    /// Whether what had not begun when enough had succeeded was ended.
    pub(super) is_rest_over: bool,
}

/// An item of a `for_each` that was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reached {
    /// It has an activation.
    Live(ActivationId),
    /// It ended, and this is what is left of it.
    Folded(Folded),
}

/// A call under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CallState {
    pub(super) child: RunId,
    pub(super) definition: DefinitionHash,
    pub(super) inputs: ValueHash,
}

/// What follows from the children of a scope.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Children without a final status.
    pub(super) open: u32,
    /// Children that began and have no final status, and those being evaluated.
    pub(super) active: u32,
    /// Children that succeeded.
    pub(super) succeeded: u32,
    /// Children that were skipped.
    pub(super) skipped: u32,
    /// Children that failed.
    pub(super) failed: u32,
    /// The first child that failed.
    pub(super) first_failed: Option<ActivationId>,
    /// The gate among the children at which `stop` was decided.
    pub(super) stopped_by: Option<ActivationId>,
}

impl EachState {
    pub(super) fn new(items: ValueHash, keys: Option<&[String]>, count: u32) -> Self {
        let keys = keys.map(|keys| keys.iter().cloned().zip(0..).collect());
        let counts = Counts { open: count, ..Counts::default() };
        Self { items, keys, reached: Vec::new(), count, counts, is_rest_over: false }
    }

    /// Returns how many items were reached.
    pub(super) fn reached_count(&self) -> u32 {
        u32::try_from(self.reached.len()).unwrap_or(u32::MAX)
    }

    /// Returns the activations of the items that have one, in order.
    pub(super) fn live(&self) -> impl Iterator<Item = ActivationId> {
        self.reached.iter().filter_map(|item| match item {
            Reached::Live(id) => Some(*id),
            Reached::Folded(_) => None,
        })
    }

    /// Returns the items that were folded, with their indices.
    pub(super) fn folded(&self) -> impl Iterator<Item = (u32, Folded)> {
        (0..).zip(&self.reached).filter_map(|(index, item)| match item {
            Reached::Live(_) => None,
            Reached::Folded(folded) => Some((index, *folded)),
        })
    }

    /// Returns the index of the item with `key`.
    pub(super) fn index_of(&self, key: &str) -> Option<u32> {
        match &self.keys {
            Some(keys) => keys.get(key).copied(),
            None => key.parse().ok(),
        }
    }
}

impl Activation {
    pub(super) fn new(node: NodeId, parent: ActivationId, index: u32) -> Self {
        Self {
            node,
            parent,
            index,
            visit: 1,
            is_item: false,
            is_handler: false,
            is_stale: false,
            status: Status::Pending,
            phase: Phase::None,
            has_started: false,
            is_evaluating: false,
            is_cancelling: false,
            is_closing: false,
            open_edges: 0,
            true_edges: 0,
            lags_armed: 0,
            started: None,
            ended: None,
            output: None,
            artifacts: None,
            fault: None,
            rare: None,
            work: Work::None,
        }
    }

    /// Whether nothing was decided about it.
    pub(super) fn is_untouched(&self) -> bool {
        self.status == Status::Pending && self.phase == Phase::None && matches!(self.work, Work::None)
    }

    /// Whether it still waits for the decision that it may begin or never will.
    pub(super) fn is_open(&self) -> bool {
        let has_not_begun = self.is_untouched() || self.phase == Phase::Postponed;
        has_not_begun && !self.is_evaluating && !self.is_cancelling
    }

    /// Whether it counts against its scope's `max_parallel`. What is stuck does not, nor what only waits for its end: others may have to
    /// go on first.
    pub(super) fn is_active(&self) -> bool {
        let has_begun = !self.is_untouched() && self.phase != Phase::Postponed;
        let is_idle = self.status == Status::Stuck || self.phase == Phase::Held;
        !self.status.is_terminal() && !is_idle && (self.is_evaluating || has_begun)
    }

    /// Whether nothing new begins inside its body any more.
    pub(super) fn is_winding_down(&self) -> bool {
        self.is_cancelling || self.is_closing || self.handling().is_some()
    }

    pub(super) fn facts(&self) -> Option<&RareFacts> {
        self.rare.as_deref().map(|rare| &rare.facts)
    }

    pub(super) fn facts_mut(&mut self) -> &mut RareFacts {
        &mut self.rare_mut().facts
    }

    pub(super) fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// What follows its body, once that has ended and until the activation has.
    pub(super) fn handling(&self) -> Option<&(HandlerKind, Pending)> {
        self.facts()?.handling.as_ref()
    }

    /// The inputs of its own that a scope was entered with.
    pub(super) fn inputs(&self) -> Option<ValueHash> {
        self.facts()?.inputs
    }

    /// The limit that ran out and ends what is inside.
    pub(super) fn limit(&self) -> Option<Limit> {
        self.facts()?.limit
    }

    /// The attempt under way or made last, of whatever kind the body is.
    pub(super) fn attempt(&self) -> Attempt {
        match (&self.work, self.facts()) {
            (Work::Leaf(leaf), _) => leaf.attempt,
            (_, None) => Attempt::FIRST,
            // A body that leaves no trace of its beginning is in the attempt that was armed last.
            (Work::None, Some(facts)) => facts.repeat.map_or(facts.attempt, |(attempt, _)| attempt),
            (_, Some(facts)) => facts.attempt,
        }
    }

    /// The attempt whose children are inside.
    pub(super) fn attempt_inside(&self) -> Attempt {
        match self.work {
            Work::Graph(_) | Work::Flow(_) | Work::Each(_) => self.attempt(),
            Work::None
            | Work::Leaf(_)
            | Work::Timer { .. }
            | Work::Postponed { .. }
            | Work::Choice { .. }
            | Work::Await(_)
            | Work::Call(_) => Attempt::FIRST,
        }
    }

    pub(super) fn leaf(&self) -> Option<&Leaf> {
        match &self.work {
            Work::Leaf(leaf) => Some(leaf),
            Work::None
            | Work::Timer { .. }
            | Work::Postponed { .. }
            | Work::Choice { .. }
            | Work::Await(_)
            | Work::Graph(_)
            | Work::Flow(_)
            | Work::Each(_)
            | Work::Call(_) => None,
        }
    }

    pub(super) fn counts_mut(&mut self) -> Option<&mut Counts> {
        match &mut self.work {
            Work::Graph(graph) => Some(&mut graph.counts),
            Work::Each(each) => Some(&mut each.counts),
            Work::None
            | Work::Leaf(_)
            | Work::Timer { .. }
            | Work::Postponed { .. }
            | Work::Choice { .. }
            | Work::Await(_)
            | Work::Flow(_)
            | Work::Call(_) => None,
        }
    }
}

/// What stands at an address.
enum Found {
    Live(ActivationId),
    /// An item that was folded, of which `for_each`.
    Folded {
        each: ActivationId,
        index: u32,
    },
}

/// Returns the most children of a scope that may be under way at a time. None at all would never end: zero counts as
/// one.
pub(super) fn parallel_max(body: &Body) -> Option<u32> {
    let most = match body {
        Body::Graph(graph) => graph.max_parallel,
        Body::Each(each) => each.max_parallel,
        Body::Task(_)
        | Body::Value(_)
        | Body::Timer(_)
        | Body::Choose(_)
        | Body::Raise(_)
        | Body::Await(_)
        | Body::Flow(_)
        | Body::Call(_) => None,
    };
    most.map(|most| most.max(1))
}

impl Run {
    pub(super) fn at(&self, id: ActivationId) -> &Activation {
        &self.arena[id.index()]
    }

    pub(super) fn at_mut(&mut self, id: ActivationId) -> &mut Activation {
        &mut self.arena[id.index()]
    }

    pub(super) fn push(&mut self, activation: Activation) -> ActivationId {
        let id = u32::try_from(self.arena.len()).expect("a run has fewer than 2^32 activations");
        self.arena.push(activation);
        ActivationId(id)
    }

    /// Returns the scope or `for_each` that holds `id`; none for the root.
    pub(super) fn parent(&self, id: ActivationId) -> Option<ActivationId> {
        (id != ActivationId::ROOT).then(|| self.at(id).parent)
    }

    /// Returns the scope or `for_each` in whose body `id` is; none for the root and for handlers.
    pub(super) fn scope_around(&self, id: ActivationId) -> Option<ActivationId> {
        self.parent(id).filter(|_| !self.at(id).is_handler)
    }

    /// Returns whether `inputs` means inside a scope something of its own.
    pub(super) fn is_bound(&self, id: ActivationId) -> bool {
        self.node(id).binding.is_some()
    }

    /// Returns what holds `id`, unless that is a scope with inputs of its own whose body `id` follows: then what holds
    /// that scope, for such a handler belongs to where the scope stands.
    pub(super) fn outside(&self, id: ActivationId) -> Option<ActivationId> {
        let parent = self.parent(id)?;
        let is_beside = self.at(id).is_handler && self.is_bound(parent);
        if is_beside { self.outside(parent) } else { Some(parent) }
    }

    /// Returns the handlers that were entered, in order.
    pub(super) fn handlers(&self, id: ActivationId) -> impl Iterator<Item = ActivationId> {
        let handlers = self.at(id).rare.as_ref().map_or(&[][..], |rare| &rare.handlers);
        handlers.iter().map(|(_, handler)| *handler)
    }

    /// Returns the handler of the kind that is, or was, at work.
    pub(super) fn handler(&self, id: ActivationId, kind: HandlerKind) -> Option<ActivationId> {
        let handlers = &self.at(id).rare.as_ref()?.handlers;
        handlers.iter().find(|(other, _)| *other == kind).map(|(_, handler)| *handler)
    }

    /// Returns what is directly inside an activation: what its body holds, then its handlers.
    pub(super) fn children(&self, id: ActivationId) -> Vec<ActivationId> {
        let mut children = self.inside(id);
        children.extend(self.handlers(id));
        children
    }

    /// Returns what the body of a scope or `for_each` holds: children in the order of the definition, visits of a
    /// flow in the order in which they were made, items by index.
    pub(super) fn inside(&self, id: ActivationId) -> Vec<ActivationId> {
        match (&self.at(id).work, &self.node(id).body) {
            (Work::Graph(state), Body::Graph(graph)) => {
                (0..).zip(&graph.children).map(|(index, _)| state.first.offset(index)).collect()
            }
            (Work::Flow(flow), _) => {
                let mut visits: Vec<ActivationId> = flow.visits.iter().flatten().copied().collect();
                visits.sort_unstable();
                visits
            }
            (Work::Each(each), _) => each.live().collect(),
            _ => Vec::new(),
        }
    }

    /// Builds the address of `id`.
    pub(super) fn address(&self, id: ActivationId) -> Address {
        let Some(parent) = self.parent(id) else { return Address::root() };
        let activation = self.at(id);
        if activation.is_handler {
            let name = &self.definition.node(activation.node).name;
            return self.address(parent).child(name, activation.visit);
        }
        if activation.is_item {
            return self.item_address(parent, activation.index);
        }
        let around = self.address(parent).inside(self.at(parent).attempt_inside());
        around.child(&self.definition.node(activation.node).name, activation.visit)
    }

    /// Builds the address of an item of a `for_each`.
    pub(super) fn item_address(&self, each: ActivationId, index: u32) -> Address {
        let around = self.address(each).inside(self.at(each).attempt_inside());
        match &self.at(each).work {
            Work::Each(state) => match state.keys.as_ref().and_then(|keys| keys.get_index(index as usize)) {
                Some((key, _)) => around.item(key),
                None => around.item(&index.to_string()),
            },
            Work::None
            | Work::Leaf(_)
            | Work::Timer { .. }
            | Work::Postponed { .. }
            | Work::Choice { .. }
            | Work::Await(_)
            | Work::Graph(_)
            | Work::Flow(_)
            | Work::Call(_) => unreachable!("only a `for_each` holds items"),
        }
    }

    /// Finds the activation at `address`; none for what was never reached or was folded.
    pub(super) fn find(&self, address: &Address) -> Option<ActivationId> {
        let found = self.find_inside(address)?;
        let last = address.segments().last();
        let attempt = last.map_or(address.root_attempt(), |last| last.attempt);
        (attempt == 1).then_some(found)
    }

    /// Finds the scope at `address`, which may name the scope's attempt as the addresses of what is inside do.
    pub(super) fn find_inside(&self, address: &Address) -> Option<ActivationId> {
        let mut here = (!self.arena.is_empty()).then_some(ActivationId::ROOT)?;
        let mut attempt = address.root_attempt();
        for segment in address.segments() {
            here = match self.step(here, attempt, &segment)? {
                Found::Live(id) => id,
                Found::Folded { .. } => return None,
            };
            attempt = segment.attempt;
        }
        let is_there = attempt == 1 || attempt == self.at(here).attempt_inside().0;
        is_there.then_some(here)
    }

    /// Finds the folded item that `address` names, or is inside of.
    pub(super) fn find_folded(&self, address: &Address) -> Option<(ActivationId, u32)> {
        let mut here = (!self.arena.is_empty()).then_some(ActivationId::ROOT)?;
        let mut attempt = address.root_attempt();
        for segment in address.segments() {
            here = match self.step(here, attempt, &segment)? {
                Found::Live(id) => id,
                Found::Folded { each, index } => return Some((each, index)),
            };
            attempt = segment.attempt;
        }
        None
    }

    /// Returns whether what is at `address` is, or is inside of, something that was folded.
    pub(super) fn is_folded(&self, address: &Address) -> bool {
        self.find_folded(address).is_some() || self.is_folded_visit(address)
    }

    /// Returns whether `address` is, or is inside of, a visit of a flow that was folded.
    fn is_folded_visit(&self, address: &Address) -> bool {
        let mut here = (!self.arena.is_empty()).then_some(ActivationId::ROOT);
        let mut attempt = address.root_attempt();
        for segment in address.segments() {
            let Some(scope) = here else { return false };
            match self.step(scope, attempt, &segment) {
                Some(Found::Live(id)) => here = Some(id),
                Some(Found::Folded { .. }) => return false,
                None => return self.visits(scope, segment.name) >= segment.visit,
            }
            attempt = segment.attempt;
        }
        false
    }

    /// Returns how often the token of a flow came to the child `name`.
    fn visits(&self, flow: ActivationId, name: &str) -> u32 {
        match (&self.at(flow).work, &self.node(flow).body) {
            (Work::Flow(state), Body::Flow(body)) => {
                body.child_index(name).map_or(0, |index| self.visit_count(&state.visits[index as usize]))
            }
            _ => 0,
        }
    }

    /// Returns how many visits there were, of which these are left.
    pub(super) fn visit_count(&self, visits: &[ActivationId]) -> u32 {
        visits.last().map_or(0, |last| self.at(*last).visit)
    }

    /// Finds one level below `scope`, of whose attempts `attempt` is meant.
    fn step(&self, scope: ActivationId, attempt: u32, segment: &Segment<'_>) -> Option<Found> {
        let is_handler = |id: &ActivationId| self.node(*id).name.as_str() == segment.name;
        let handler = self.handlers(scope).find(is_handler);
        let is_meant = |handler: &ActivationId| attempt == 1 && segment.visit == self.at(*handler).visit;
        let child = match handler.filter(is_meant) {
            Some(handler) => handler,
            None if attempt != self.at(scope).attempt_inside().0 => return None,
            None => self.step_inside(scope, segment)?,
        };
        let Some(key) = &segment.key else { return Some(Found::Live(child)) };
        let Work::Each(each) = &self.at(child).work else { return None };
        let index = each.index_of(key)?;
        let is_there = segment.each_attempt == self.at(child).attempt_inside().0;
        let item = each.reached.get(index as usize).filter(|_| is_there)?;
        Some(match item {
            Reached::Live(id) => Found::Live(*id),
            Reached::Folded(_) => Found::Folded { each: child, index },
        })
    }

    fn step_inside(&self, scope: ActivationId, segment: &Segment<'_>) -> Option<ActivationId> {
        match (&self.at(scope).work, &self.node(scope).body) {
            (Work::Graph(state), Body::Graph(graph)) => {
                let index = graph.child_index(segment.name)?;
                (segment.visit == 1).then(|| state.first.offset(index))
            }
            (Work::Flow(state), Body::Flow(flow)) => {
                let index = flow.child_index(segment.name)?;
                let visits = &state.visits[index as usize];
                let place = visits.binary_search_by_key(&segment.visit, |id| self.at(*id).visit).ok()?;
                Some(visits[place])
            }
            _ => None,
        }
    }
}
