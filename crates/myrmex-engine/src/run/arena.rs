//! The arena of activations: who is where, under whom, and how to find one by its address.

use std::collections::BTreeSet;

use myrmex_model::OrderedMap;
use myrmex_model::address::{Address, Segment};
use myrmex_model::fault::Fault;
use myrmex_model::id::{Attempt, FencingToken, ValueHash};
use myrmex_model::ir::{Body, NodeId};
use myrmex_model::status::{Phase, Status};
use myrmex_model::time::Timestamp;

use super::Run;

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
    /// Which visit of its flow, from 1.
    pub(super) visit: u32,
    pub(super) is_item: bool,
    pub(super) status: Status,
    pub(super) phase: Phase,
    /// Whether it ever ran: what the outcome `started` asks.
    pub(super) has_started: bool,
    /// Whether a request about it is being evaluated in this turn.
    pub(super) is_evaluating: bool,
    /// Whether a scope around it was told to cancel.
    pub(super) is_cancelling: bool,
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
    /// While this turn evaluates whether an attempt's error is retried: the error, and whether it is a timeout.
    pub(super) retry_asked: Option<Box<(Fault, bool)>>,
    pub(super) work: Work,
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
    Choice {
        case: u32,
    },
    Graph(Box<GraphState>),
    Flow(Box<FlowState>),
    Each(Box<EachState>),
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
    /// When the next attempt is queued, while it waits out its pause.
    pub(super) retry_due: Option<Timestamp>,
}

impl Default for Leaf {
    fn default() -> Self {
        let (attempt, input, token, retry_due) = (Attempt::FIRST, None, None, None);
        Self { attempt, attempts_made: 0, input, token, retries_used: 0, retry_due }
    }
}

/// A graph under way. Its children stand side by side in the arena.
#[derive(Debug, Clone)]
pub(super) struct GraphState {
    pub(super) first: ActivationId,
    pub(super) counts: Counts,
    /// Children that may begin as soon as `max_parallel` lets them, by index.
    pub(super) waiting: BTreeSet<u32>,
}

/// A flow under way.
#[derive(Debug, Clone)]
pub(super) struct FlowState {
    /// The visits of each child, in order.
    pub(super) visits: Vec<Vec<ActivationId>>,
    /// Where the token is, or was last; none in an empty flow.
    pub(super) current: Option<ActivationId>,
    /// The variables after the last write; none before the first, where those of the flow around it hold.
    pub(super) vars: Option<ValueHash>,
}

/// A `for_each` under way.
#[derive(Debug, Clone)]
pub(super) struct EachState {
    pub(super) items: ValueHash,
    /// The keys of a map with their indices; empty for a list.
    pub(super) keys: Option<OrderedMap<String, u32>>,
    /// The activation of each item that was reached, in order: items begin by index.
    pub(super) activations: Vec<ActivationId>,
    pub(super) count: u32,
    pub(super) counts: Counts,
}

/// What follows from the children of a scope.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Children without a final status.
    pub(super) open: u32,
    /// Children that began and have no final status, and those being evaluated.
    pub(super) active: u32,
    /// Children that failed.
    pub(super) failed: u32,
    /// The first child that failed.
    pub(super) first_failed: Option<ActivationId>,
}

impl Activation {
    pub(super) fn new(node: NodeId, parent: ActivationId, index: u32) -> Self {
        Self {
            node,
            parent,
            index,
            visit: 1,
            is_item: false,
            status: Status::Pending,
            phase: Phase::None,
            has_started: false,
            is_evaluating: false,
            is_cancelling: false,
            open_edges: 0,
            true_edges: 0,
            lags_armed: 0,
            started: None,
            ended: None,
            output: None,
            artifacts: None,
            fault: None,
            retry_asked: None,
            work: Work::None,
        }
    }

    /// Whether nothing was decided about it.
    pub(super) fn is_untouched(&self) -> bool {
        self.status == Status::Pending && self.phase == Phase::None && matches!(self.work, Work::None)
    }

    /// Whether it still waits for the decision that it may begin or never will.
    pub(super) fn is_open(&self) -> bool {
        self.is_untouched() && !self.is_evaluating && !self.is_cancelling
    }

    /// Whether it counts against its scope's `max_parallel`.
    pub(super) fn is_active(&self) -> bool {
        !self.status.is_terminal() && (self.is_evaluating || !self.is_untouched())
    }

    pub(super) fn leaf(&self) -> Option<&Leaf> {
        match &self.work {
            Work::Leaf(leaf) => Some(leaf),
            Work::None
            | Work::Timer { .. }
            | Work::Choice { .. }
            | Work::Graph(_)
            | Work::Flow(_)
            | Work::Each(_) => None,
        }
    }

    pub(super) fn counts_mut(&mut self) -> Option<&mut Counts> {
        match &mut self.work {
            Work::Graph(graph) => Some(&mut graph.counts),
            Work::Each(each) => Some(&mut each.counts),
            Work::None | Work::Leaf(_) | Work::Timer { .. } | Work::Choice { .. } | Work::Flow(_) => None,
        }
    }
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
        | Body::Flow(_) => None,
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

    /// Returns what is directly inside a scope or `for_each`: children in the order of the definition, visits of a
    /// flow in the order in which they were made, items by index.
    pub(super) fn children(&self, id: ActivationId) -> Vec<ActivationId> {
        match (&self.at(id).work, &self.node(id).body) {
            (Work::Graph(state), Body::Graph(graph)) => {
                (0..).zip(&graph.children).map(|(index, _)| state.first.offset(index)).collect()
            }
            (Work::Flow(flow), _) => {
                let mut visits: Vec<ActivationId> = flow.visits.iter().flatten().copied().collect();
                visits.sort_unstable();
                visits
            }
            (Work::Each(each), _) => each.activations.clone(),
            _ => Vec::new(),
        }
    }

    /// Builds the address of `id`.
    pub(super) fn address(&self, id: ActivationId) -> Address {
        let Some(parent) = self.parent(id) else { return Address::root() };
        let activation = self.at(id);
        if activation.is_item {
            let each = self.address(parent);
            return match &self.at(parent).work {
                Work::Each(state) => {
                    match state.keys.as_ref().and_then(|keys| keys.get_index(activation.index as usize)) {
                        Some((key, _)) => each.item(key),
                        None => each.item(&activation.index.to_string()),
                    }
                }
                Work::None
                | Work::Leaf(_)
                | Work::Timer { .. }
                | Work::Choice { .. }
                | Work::Graph(_)
                | Work::Flow(_) => unreachable!("only a `for_each` holds items"),
            };
        }
        self.address(parent).child(&self.definition.node(activation.node).name, activation.visit)
    }

    /// Finds the activation at `address`.
    pub(super) fn find(&self, address: &Address) -> Option<ActivationId> {
        let mut here = ActivationId::ROOT;
        if self.arena.is_empty() {
            return None;
        }
        for segment in address.segments() {
            here = self.step(here, &segment)?;
        }
        Some(here)
    }

    fn step(&self, scope: ActivationId, segment: &Segment<'_>) -> Option<ActivationId> {
        let child = match (&self.at(scope).work, &self.node(scope).body) {
            (Work::Graph(state), Body::Graph(graph)) => {
                let index = graph.child_index(segment.name)?;
                (segment.visit == 1).then(|| state.first.offset(index))?
            }
            (Work::Flow(state), Body::Flow(flow)) => {
                let index = flow.child_index(segment.name)?;
                let visit = usize::try_from(segment.visit).ok()?;
                *state.visits.get(index as usize)?.get(visit.checked_sub(1)?)?
            }
            _ => return None,
        };
        match &segment.key {
            None => Some(child),
            Some(key) => match &self.at(child).work {
                Work::Each(each) => {
                    let index = match &each.keys {
                        Some(keys) => *keys.get(key.as_ref())?,
                        None => key.parse().ok()?,
                    };
                    each.activations.get(usize::try_from(index).ok()?).copied()
                }
                Work::None
                | Work::Leaf(_)
                | Work::Timer { .. }
                | Work::Choice { .. }
                | Work::Graph(_)
                | Work::Flow(_) => None,
            },
        }
    }
}
