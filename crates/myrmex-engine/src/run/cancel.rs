//! Cancelling: final, and true to what is still alive.
//!
//! | state of the task when the cancel is decided | what happens |
//! |---|---|
//! | nothing decided yet | `cancelled` at once |
//! | queued | withdrawn from its queue, `cancelled` at once; no grant can follow |
//! | granted or running | asked to stop; `cancelled` once its worker reports, whatever it reports, or its lease ends |
//! | an outcome stands before the cancel in the same batch | the outcome holds; what follows it is cancelled |
//! | an outcome stands after the cancel | recorded with its attempt; the task is `cancelled` |
//! | waits for a timer or a retry | timer withdrawn, `cancelled` at once |
//! | block or `for_each` | `cancelled` once nothing inside it is alive |
//! | ended | unchanged |
//! | the run has ended | the cancel is refused |
//!
//! `fail_fast` cancels a scope in the same way, in the turn of its first failure. The scope itself then fails, and so does
//! the run if it is the root: nobody cancelled it. `then: end` cancels everything in the run, which succeeds.

use std::collections::BTreeSet;

use myrmex_model::address::Address;
use myrmex_model::command::TimerKey;
use myrmex_model::effect::Effect;
use myrmex_model::event::Event;
use myrmex_model::status::Phase;

use super::arena::{Activation, ActivationId, Leaf, Work};
use super::decide::Turn;
use super::edges::edges_of;
use super::{Agenda, Ending, Lag};

impl Turn<'_> {
    pub(super) fn cancel(&mut self, by: String, reason: String) {
        if self.run.ending != Some(Ending::Cancel) {
            self.emit(Event::CancelRequested { scope: Address::root(), by, reason });
        }
    }

    /// Ends what can be ended at once inside a scope, and asks for the end of the rest.
    pub(super) fn cancel_below(&mut self, scope: ActivationId) {
        self.disarm_lags(scope);
        for child in self.run.live_children(scope) {
            match self.run.at(child).work {
                Work::Graph(_) | Work::Flow(_) | Work::Each(_) => self.cancel_below(child),
                Work::None | Work::Leaf(_) | Work::Timer { .. } | Work::Choice { .. } => {
                    self.cancel_one(child);
                }
            }
        }
        self.run.agenda.push_back(Agenda::Check(scope));
    }

    fn cancel_one(&mut self, id: ActivationId) {
        let activation = self.run.at(id);
        if activation.is_evaluating {
            // The answer of this turn finds it cancelled.
            return;
        }
        let (phase, task) = (activation.phase, self.run.address(id));
        match activation.work {
            Work::Leaf(Leaf { token: Some(token), .. }) => return self.effect(Effect::Stop { token }),
            Work::Leaf(Leaf { attempt, .. }) if phase == Phase::Queued => {
                self.effect(Effect::Withdraw { task, attempt });
            }
            Work::Leaf(Leaf { retry_due: Some(_), .. }) => {
                self.effect(Effect::Disarm { timer: TimerKey::Retry(task) });
            }
            Work::Timer { .. } => self.effect(Effect::Disarm { timer: TimerKey::Wait(task) }),
            Work::None
            | Work::Leaf(_)
            | Work::Choice { .. }
            | Work::Graph(_)
            | Work::Flow(_)
            | Work::Each(_) => {}
        }
        self.end_cancelled(id);
    }

    /// Withdraws the timers of lags in a scope that is being cancelled.
    fn disarm_lags(&mut self, scope: ActivationId) {
        self.disarm(scope, |target| target.is_untouched() && !target.is_evaluating);
    }

    /// Withdraws the timers of lags that a child waited for which is now decided.
    pub(super) fn disarm_lags_into(&mut self, id: ActivationId) {
        let child = self.run.at(id);
        if child.lags_armed > 0 {
            let (scope, index) = (child.parent, child.index);
            self.disarm(scope, |target| target.index == index);
        }
    }

    fn disarm(&mut self, scope: ActivationId, concerns: impl Fn(&Activation) -> bool) {
        let run = &*self.run;
        let armed = run.lags.range(edges_of(scope)).filter(|(_, lag)| matches!(lag, Lag::Armed(_)));
        let ends = armed.map(|(key, _)| run.edge_ends(*key)).filter(|(_, target)| concerns(run.at(*target)));
        let timers: BTreeSet<TimerKey> = ends.map(|ends| run.lag_key(ends)).collect();
        for timer in timers {
            self.effect(Effect::Disarm { timer });
        }
    }

    pub(super) fn end_cancelled(&mut self, id: ActivationId) {
        let task = self.run.address(id);
        self.emit(Event::TaskCancelled { task });
    }
}
