//! Cancelling: final, and true to what is still alive.
//!
//! | state of the task when the cancel is decided | what happens |
//! |---|---|
//! | nothing decided yet | `cancelled` at once |
//! | a block that waits for what it is to hold | withdrawn, `cancelled` at once |
//! | queued | withdrawn from its queue, `cancelled` at once; no grant can follow |
//! | granted or running | asked to stop; `cancelled` once its worker reports, whatever it reports, or its lease ends |
//! | an outcome stands before the cancel in the same batch | the outcome holds; what follows it is cancelled |
//! | an outcome stands after the cancel | recorded with its attempt; the task is `cancelled` |
//! | waits for people or a message, or is held after that | `cancelled` at once; what they say later is refused |
//! | waits for a timer, a retry, or the instant before which it must not begin | timer withdrawn, `cancelled` at once |
//! | block or `for_each` | `cancelled` once nothing inside it is alive |
//! | waits for a child run | the child is cancelled; `cancelled` once it has ended, however it did |
//! | out of its time, and something inside is alive | `cancelled` once nothing is |
//! | a `catch` is at work | that is cancelled, then `cancelled` |
//! | `on_failure` is at work | that is cancelled; the failure stands |
//! | `finally` is at work | nothing, it is shielded; what it came to before stands. A second cancel of the run ends it |
//! | had started, and has a `finally` | that runs before it is `cancelled` |
//! | stuck | `cancelled` at once |
//! | ended | unchanged |
//! | the run has ended | the cancel is refused |
//!
//! `fail_fast`, a limit and enough successes end what is inside a scope in the same way. The scope itself then fails, times
//! out or succeeds, and so does the run if it is the root: nobody cancelled it. `then: end` cancels everything in the run,
//! which succeeds. All of them spare what is shielded.

use myrmex_model::address::Address;
use myrmex_model::command::TimerKey;
use myrmex_model::effect::Effect;
use myrmex_model::event::Event;
use myrmex_model::id::RunId;
use myrmex_model::ir::{Holds, Node};
use myrmex_model::status::{Phase, Status};

use super::arena::{ActivationId, Hold, Leaf, Work};
use super::decide::Turn;
use super::{Agenda, Ending};

impl Turn<'_> {
    /// Cancels the run. Asked again, it also ends what is shielded from the first cancel.
    pub(super) fn cancel(&mut self, by: String, reason: String, successor: Option<RunId>) {
        let has_shields = || {
            let has_finally =
                |node: &Node| node.handling.as_ref().is_some_and(|handling| handling.finally.is_some());
            self.run.definition.nodes.iter().any(has_finally)
        };
        let is_new = match self.run.ending {
            None | Some(Ending::Success) => true,
            Some(Ending::Cancel) => has_shields(),
            Some(Ending::Abort) => false,
        };
        if is_new {
            // What the run was about to end for a reason of its own is ended for that first, or this cancel would be
            // taken for it.
            if self.run.is_closing_itself(ActivationId::ROOT) {
                self.close_itself(ActivationId::ROOT);
            }
            self.emit(Event::CancelRequested { scope: Address::root(), by, reason, successor });
        }
    }

    /// Ends what can be ended at once of an activation, and asks for the end of the rest.
    pub(super) fn stop(&mut self, id: ActivationId) {
        if self.stop_stuck(id) {
            return;
        }
        let activation = self.run.at(id);
        if activation.status.is_terminal() || activation.is_evaluating {
            // The answer of this turn finds it cancelled.
            return;
        }
        if let Some((kind, _)) = activation.handling() {
            let handler = self.run.handler(id, *kind);
            if let Some(handler) = handler.filter(|_| !self.run.is_shielded(id)) {
                self.stop(handler);
            }
            return;
        }
        match activation.work {
            Work::Graph(_) | Work::Flow(_) | Work::Each(_) if activation.status == Status::Running => {
                for child in self.run.live_inside(id) {
                    self.stop(child);
                }
                self.run.agenda.push_back(Agenda::Check(id));
            }
            Work::None
            | Work::Leaf(_)
            | Work::Timer { .. }
            | Work::Postponed { .. }
            | Work::Choice { .. }
            | Work::Await(_)
            | Work::Graph(_)
            | Work::Flow(_)
            | Work::Each(_)
            | Work::Call(_) => self.stop_one(id),
        }
    }

    fn stop_one(&mut self, id: ActivationId) {
        match &self.run.at(id).work {
            Work::Leaf(Leaf { token: Some(token), .. }) => {
                let token = *token;
                return self.effect(Effect::Stop { token });
            }
            Work::Call(call) if !self.is_repeating(id) && self.run.hold(id) != Some(Hold::Waiting) => {
                let child = call.child;
                return self.effect(Effect::CancelChild { child });
            }
            Work::None
            | Work::Leaf(_)
            | Work::Timer { .. }
            | Work::Postponed { .. }
            | Work::Choice { .. }
            | Work::Await(_)
            | Work::Graph(_)
            | Work::Flow(_)
            | Work::Each(_)
            | Work::Call(_) => {}
        }
        self.withdraw(id);
        self.stopped(id);
    }

    fn is_repeating(&self, id: ActivationId) -> bool {
        let activation = self.run.at(id);
        let is_armed = activation.facts().is_some_and(|facts| facts.repeat.is_some());
        is_armed && activation.status == Status::Waiting
    }

    /// Withdraws whatever an activation waits for that no worker has.
    pub(super) fn withdraw(&mut self, id: ActivationId) {
        let activation = self.run.at(id);
        let (phase, task) = (activation.phase, self.run.address(id));
        if activation.is_untouched() || phase == Phase::Postponed {
            self.disarm_lags_into(id, Holds::Begin);
        }
        if self.run.hold(id) == Some(Hold::Waiting) {
            return self.withdraw_hold(id);
        }
        match &self.run.at(id).work {
            Work::Leaf(Leaf { attempt, .. }) if phase == Phase::Queued => {
                let attempt = *attempt;
                self.effect(Effect::Withdraw { task, attempt });
            }
            Work::Leaf(Leaf { retry_due: Some(_), .. }) => {
                self.effect(Effect::Disarm { timer: TimerKey::Retry(task) });
            }
            _ if self.is_repeating(id) => {
                self.effect(Effect::Disarm { timer: TimerKey::Retry(task) });
            }
            Work::Timer { .. } => self.effect(Effect::Disarm { timer: TimerKey::Wait(task) }),
            Work::Postponed { .. } => self.effect(Effect::Disarm { timer: TimerKey::Begin(task) }),
            Work::None
            | Work::Leaf(_)
            | Work::Choice { .. }
            | Work::Await(_)
            | Work::Graph(_)
            | Work::Flow(_)
            | Work::Each(_)
            | Work::Call(_) => {}
        }
    }
}
