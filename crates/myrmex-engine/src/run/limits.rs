//! Limits of time: when they begin to count, when they run out, and what follows.
//!
//! An instant is a fact of its activation, set and cleared while events are applied; the timer follows from it. A limit
//! concerns the body with its attempts. Once that has ended, or is being cancelled, there is no limit any more, so that
//! what follows a failure is not cut off by the limit that made it fail.
//!
//! | limit | counts from | to | when it runs out |
//! |---|---|---|---|
//! | queue | an attempt is queued | it is granted | the attempt counts as one that timed out |
//! | attempt | a scope is entered, a workflow called, people are asked | that attempt ends | everything inside is ended, then the same |
//! | total | the first of these | the body has ended for good | everything inside is ended, and no attempt follows |

use myrmex_model::address::Address;
use myrmex_model::command::TimerKey;
use myrmex_model::effect::Effect;
use myrmex_model::event::{Event, Limit};
use myrmex_model::fault::{Fault, FaultKind};
use myrmex_model::status::Phase;
use myrmex_model::time::Timestamp;

use super::arena::{ActivationId, Work};
use super::decide::{Rejection, Turn};
use super::people::answer_time;
use super::{Agenda, Run};

/// A limit that began or ceased to count in this decision.
#[derive(Debug, Clone)]
pub(super) struct DueChange {
    id: ActivationId,
    limit: Limit,
    /// Its timer, by the address that the activation had then.
    timer: TimerKey,
    /// Whether the timer was armed before.
    was_armed: bool,
}

fn place(limit: Limit) -> usize {
    match limit {
        Limit::Queue => 0,
        Limit::Attempt => 1,
        Limit::Total => 2,
    }
}

impl Run {
    pub(super) fn due(&self, id: ActivationId, limit: Limit) -> Option<Timestamp> {
        self.at(id).facts().and_then(|facts| facts.dues[place(limit)])
    }

    /// Sets when a limit runs out, or that it does not.
    pub(super) fn set_due(&mut self, id: ActivationId, limit: Limit, due: Option<Timestamp>) {
        let before = self.due(id, limit);
        if before == due {
            return;
        }
        self.note_due(id, limit, before.is_some());
        self.at_mut(id).facts_mut().dues[place(limit)] = due;
    }

    fn note_due(&mut self, id: ActivationId, limit: Limit, was_armed: bool) {
        if self.due_changes.is_some() {
            let timer = TimerKey::Limit(self.address(id), limit);
            self.due_changes.get_or_insert_default().push(DueChange { id, limit, timer, was_armed });
        }
    }

    pub(super) fn clear_dues(&mut self, id: ActivationId) {
        for limit in Limit::ALL {
            self.set_due(id, limit, None);
        }
    }

    /// Lets the limits count that begin with `event`.
    pub(super) fn count_limits(&mut self, id: ActivationId, event: &Event, at: Timestamp) {
        let policy = &self.node(id).policy;
        let attempt = answer_time(&self.node(id).body, policy.attempt_timeout);
        let (queue, total) = (policy.queue_timeout, policy.total_timeout);
        let begins_scope = matches!(
            event,
            Event::RunStarted { .. }
                | Event::ScopeEntered { .. }
                | Event::ItemsExpanded { .. }
                | Event::ChildCalled { .. }
                | Event::AwaitOpened { .. }
        );
        let begins_queue = matches!(event, Event::TaskQueued { .. });
        if self.at(id).is_winding_down() {
            return;
        }
        if begins_queue && let Some(queue) = queue {
            self.set_due(id, Limit::Queue, Some(at.after(queue)));
        }
        if begins_scope && let Some(attempt) = attempt {
            self.set_due(id, Limit::Attempt, Some(at.after(attempt)));
        }
        let begins = begins_scope
            || begins_queue
            || matches!(event, Event::TimerArmed { .. } | Event::HoldQueued { .. });
        if begins
            && let Some(total) = total
            && self.due(id, Limit::Total).is_none()
        {
            self.set_due(id, Limit::Total, Some(at.after(total)));
        }
    }

    /// Applies that a limit ran out.
    pub(super) fn apply_limit(&mut self, id: ActivationId, limit: Limit) -> Phase {
        self.set_due(id, limit, None);
        if limit == Limit::Queue {
            if let Work::Leaf(leaf) = &mut self.at_mut(id).work {
                leaf.retries_used += 1;
            }
            return Phase::None;
        }
        if limit == Limit::Total {
            self.clear_dues(id);
        }
        self.at_mut(id).facts_mut().limit = Some(limit);
        self.agenda.push_front(Agenda::Cancel(id));
        match &self.at(id).work {
            Work::Graph(_) | Work::Flow(_) | Work::Each(_) => {
                self.mark_closing(id);
                Phase::Cancelling
            }
            Work::Leaf(leaf) if leaf.token.is_some() => Phase::Cancelling,
            Work::Call(_) => Phase::Cancelling,
            Work::None
            | Work::Leaf(_)
            | Work::Timer { .. }
            | Work::Postponed { .. }
            | Work::Choice { .. }
            | Work::Await(_) => self.at(id).phase,
        }
    }

    /// Returns the timers of limits.
    pub(super) fn limit_timers(&self) -> impl Iterator<Item = (TimerKey, Timestamp)> {
        let limited =
            (0..).map(ActivationId).zip(&self.arena).filter(|(_, activation)| activation.rare.is_some());
        limited.flat_map(move |(id, _)| {
            // First the instant: what is left of an earlier attempt has no limit, and may have no address any more.
            let armed = move |limit| {
                let due = self.due(id, limit)?;
                Some((TimerKey::Limit(self.address(id), limit), due))
            };
            Limit::ALL.into_iter().filter_map(armed)
        })
    }

    /// Returns the error of an activation whose limit ran out.
    pub(super) fn limit_fault(&self, id: ActivationId, limit: Limit) -> Fault {
        let policy = &self.node(id).policy;
        let (length, what) = match limit {
            Limit::Queue => (policy.queue_timeout, "waited for a place longer than"),
            Limit::Attempt => {
                let is_awaited = self.await_of(id).is_some();
                let what = if is_awaited { "nobody answered within" } else { "took longer than" };
                (answer_time(&self.node(id).body, policy.attempt_timeout), what)
            }
            Limit::Total => (policy.total_timeout, "took longer in all than"),
        };
        let length = length.map_or("its limit".to_owned(), |length| length.to_string());
        Fault::new(FaultKind::Timeout, format!("{what} {length}"))
    }
}

impl Turn<'_> {
    pub(super) fn fire_limit(&mut self, task: &Address, limit: Limit) -> Result<(), Rejection> {
        let id = self.run.find(task).ok_or_else(|| Rejection::UnknownTask { task: task.clone() })?;
        if self.run.due(id, limit).is_none_or(|due| due > self.now) {
            return Err(Rejection::NotDue);
        }
        // The timer that fired is armed no more.
        self.run.note_due(id, limit, false);
        let task = self.run.address(id);
        let attempt = self.run.at(id).attempt();
        self.emit(Event::LimitReached { task: task.clone(), limit });
        if limit == Limit::Queue {
            self.effect(Effect::Withdraw { task, attempt });
            let fault = self.run.limit_fault(id, limit);
            self.retry(id, fault, true);
        }
        Ok(())
    }

    /// Goes on once nothing inside a body is alive that was told to stop.
    pub(super) fn stopped(&mut self, id: ActivationId) {
        match self.run.at(id).limit() {
            Some(limit) if !self.run.is_stopped(id) => {
                let mut fault = self.run.limit_fault(id, limit);
                if self.run.has_unknown(id) {
                    let detail =
                        "the outcome of an attempt is unknown, and nothing may repeat it (`effect: once`)";
                    fault = fault.with_detail(detail);
                }
                self.retry(id, fault, true);
            }
            Some(_) | None => self.conclude(id, myrmex_model::event::Pending::Cancelled),
        }
    }

    /// Arms and disarms timers as the limits changed in this decision.
    pub(super) fn settle_limits(&mut self) {
        let changes = self.run.due_changes.take().unwrap_or_default();
        let mut seen = std::collections::BTreeSet::new();
        for DueChange { id, limit, timer, was_armed } in changes {
            if !seen.insert((id, limit)) {
                continue;
            }
            match self.run.due(id, limit).filter(|_| !self.run.status.is_terminal()) {
                Some(due) => self.effect(Effect::Arm { timer, due }),
                None if was_armed => self.effect(Effect::Disarm { timer }),
                None => {}
            }
        }
    }
}
