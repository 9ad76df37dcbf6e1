//! What blocks hold while they are under way, and what attempts ask for.
//!
//! A block, or a call, that asks for pools or a lock waits for all of it before anything of it begins, and holds it until it
//! has ended with all that follows its body: over all its attempts, and over a crash. That it holds is a fact of its
//! activation, so whoever drives the run counts it from there.

use myrmex_model::address::Address;
use myrmex_model::demand::{Asks, Demand, Named};
use myrmex_model::effect::{Effect, Question};
use myrmex_model::event::{Change, Event};
use myrmex_model::fault::{Fault, FaultKind};
use myrmex_model::id::{Attempt, FencingToken};
use myrmex_model::ir::{Body, Holds, Node};
use myrmex_model::status::Phase;
use myrmex_model::time::Timestamp;

use super::Run;
use super::arena::{ActivationId, Hold, Leaf, Work};
use super::call::CALL_DEPTH_MAX;
use super::decide::{Rejection, Turn};
use super::reach::{Block, Callable, Reach};

/// Returns whether a node has to hold something before its body begins.
pub fn holds(node: &Node) -> bool {
    let may_hold = match &node.body {
        Body::Graph(_) | Body::Flow(_) | Body::Call(_) => true,
        Body::Task(_)
        | Body::Value(_)
        | Body::Timer(_)
        | Body::Choose(_)
        | Body::Raise(_)
        | Body::Await(_)
        | Body::Each(_) => false,
    };
    may_hold && node.policy.asks.as_deref().is_some_and(Asks::holds)
}

impl Run {
    /// Returns what the attempt of a task, or a block, asks for beside a place; none if that is nothing. Of a block also what
    /// is inside it asks for, in the workflows too that it calls and that `callable` knows.
    pub fn demand(&self, task: &Address, reach: &mut Reach, callable: &mut dyn Callable) -> Option<Demand> {
        let id = self.find(task)?;
        let own = self.asked(id);
        if self.hold(id).is_none() {
            return own;
        }
        let calls_deep = (CALL_DEPTH_MAX + 1).saturating_sub(self.child_depth());
        let node = self.at(id).node;
        let block = Block { definition: self.hash, closure: self.closure(), node, calls_deep };
        let inside = reach.inside(&self.definition, block, callable);
        Some(Demand { is_placeless: true, inside, ..own.unwrap_or_default() })
    }

    /// Returns what a task asks for by itself: of an attempt that is all of it.
    pub fn own_demand(&self, task: &Address) -> Option<Demand> {
        self.asked(self.find(task)?)
    }

    fn asked(&self, id: ActivationId) -> Option<Demand> {
        let named = self.at(id).facts().and_then(|facts| facts.named.as_deref());
        self.node(id).policy.asks.as_deref().map(|asks| asks.demand(named))
    }

    /// Returns the blocks that hold something, with the tokens of their grants.
    pub fn holds(&self) -> Vec<(Address, FencingToken)> {
        let held = self.holding().filter_map(|(id, hold)| match hold {
            Hold::Held(token) => Some((self.address(id), token)),
            Hold::Waiting => None,
        });
        held.collect()
    }

    /// Returns the error of an activation that would wait for ever for `lock`, because a block around it holds that.
    pub(super) fn held_around(&self, id: ActivationId, lock: &str) -> Option<Fault> {
        let (_, holder) = self.locks_around(id).into_iter().find(|(held, _)| held == lock)?;
        let title = format!("the lock `{lock}` is held by `{}`, the block around this task", holder.path());
        let detail = "it would wait for ever; leave the lock to the block";
        Some(Fault::new(FaultKind::Deadlock, title).with_detail(detail))
    }

    /// Does the same of the lock whose name is known beforehand.
    pub(super) fn fixed_held_around(&self, id: ActivationId) -> Option<Fault> {
        let lock = self.node(id).policy.asks.as_deref()?.fixed_lock()?;
        self.held_around(id, lock)
    }

    /// Returns the locks that the blocks around an activation hold, nearest first.
    fn locks_around(&self, id: ActivationId) -> Vec<(String, Address)> {
        let mut locks = Vec::new();
        let mut here = self.parent(id);
        while let Some(around) = here {
            if let Some(Hold::Held(_)) = self.at(around).facts().and_then(|facts| facts.hold) {
                let address = self.address(around);
                let demand = self.asked(around).unwrap_or_default();
                locks.extend(demand.locks.into_iter().map(|lock| (lock, address.clone())));
            }
            here = self.parent(around);
        }
        locks
    }

    /// Returns the blocks that wait to hold something.
    pub(super) fn waiting_to_hold(&self) -> impl Iterator<Item = ActivationId> {
        self.holding().filter(|(_, hold)| *hold == Hold::Waiting).map(|(id, _)| id)
    }

    fn holding(&self) -> impl Iterator<Item = (ActivationId, Hold)> {
        let all = (0..).map(ActivationId).zip(&self.arena);
        let live = all.filter(|(_, activation)| !activation.status.is_terminal());
        live.filter_map(|(id, activation)| Some((id, activation.facts()?.hold?)))
    }

    pub(super) fn hold(&self, id: ActivationId) -> Option<Hold> {
        self.at(id).facts().and_then(|facts| facts.hold)
    }

    /// Returns whether an attempt waits for its place, or a block for what it is to hold.
    pub(super) fn is_waiting_to_begin(&self, id: ActivationId, attempt: Attempt) -> bool {
        let activation = self.at(id);
        let is_attempt = |leaf: &Leaf| leaf.attempt == attempt && leaf.token.is_none();
        let is_queued = activation.phase == Phase::Queued && activation.leaf().is_some_and(is_attempt);
        !activation.is_cancelling && (is_queued || self.hold(id) == Some(Hold::Waiting))
    }

    /// Returns whether a block has what it asked for and is about to begin.
    pub(super) fn is_held(&self, id: ActivationId) -> bool {
        matches!(self.hold(id), Some(Hold::Held(_))) && matches!(self.at(id).work, Work::None)
    }

    pub(super) fn apply_hold(
        &mut self,
        id: ActivationId,
        (hold, named): (Hold, Option<Box<Named>>),
        at: Timestamp,
    ) -> Change {
        let phase = match hold {
            Hold::Waiting => Phase::Queued,
            Hold::Held(_) => Phase::Granted,
        };
        self.change(id, phase, at, |activation| {
            let facts = activation.facts_mut();
            facts.hold = Some(hold);
            if named.is_some() {
                facts.named = named;
            }
        })
    }
}

impl Turn<'_> {
    /// Lets a block wait for what it is to hold.
    pub(super) fn queue_hold(&mut self, id: ActivationId, named: Option<Box<Named>>) {
        let task = self.run.address(id);
        self.emit(Event::HoldQueued { task: task.clone(), named });
        self.effect(Effect::Queue { task, attempt: Attempt::FIRST });
    }

    /// Begins a block that now has what it asked for.
    pub(super) fn begin_held(&mut self, id: ActivationId, token: FencingToken) {
        let task = self.run.address(id);
        self.emit(Event::HoldGranted { task: task.clone(), token });
        self.effect(Effect::Withdraw { task, attempt: Attempt::FIRST });
        self.ask(id, Question::Begin);
    }

    /// Ends work, or a block, that waits for what it can never get.
    pub(super) fn refuse(&mut self, task: Address, attempt: Attempt, fault: Fault) -> Result<(), Rejection> {
        let found = self.run.find(&task).filter(|id| self.run.is_waiting_to_begin(*id, attempt));
        let Some(id) = found else { return Err(Rejection::NotQueued { task, attempt }) };
        self.effect(Effect::Withdraw { task, attempt });
        self.fail(id, fault, false);
        Ok(())
    }

    /// Ends an activation, and what it holds.
    pub(super) fn emit_end(&mut self, id: ActivationId, end: Event) {
        let hold = self.run.hold(id);
        // What is stuck may be done once more, and is held then as it was.
        if !matches!(end, Event::TaskStuck { .. }) {
            self.disarm_lags_into(id, Holds::End);
        }
        self.emit(end);
        if let Some(Hold::Held(token)) = hold {
            self.effect(Effect::Release { token });
        }
    }

    /// Withdraws a block that waits for what it is to hold.
    pub(super) fn withdraw_hold(&mut self, id: ActivationId) {
        let task = self.run.address(id);
        self.effect(Effect::Withdraw { task, attempt: Attempt::FIRST });
    }
}
