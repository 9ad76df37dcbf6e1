//! Skipping: a person says that a task that waits is not to run.
//!
//! | state of the task | what happens |
//! |---|---|
//! | nothing decided yet | `skipped`, whatever it waits for |
//! | waits for its place, for what it is to hold, for a timer or for its next attempt | withdrawn, `skipped` |
//! | waits for people, or is held after they are done | `skipped` |
//! | waits for the instant before which it must not begin | timer withdrawn, `skipped` |
//! | an attempt is under way, or what is inside of it is, or the run that it called | refused: it does not wait |
//! | it, or what is around it, is being ended or handled | refused: it is decided already |
//! | has begun, and has a `finally` | refused: that would not run |
//! | ended, or not there yet | refused |
//!
//! What follows is decided as after every skip: edges that accept `skipped` hold, others never will.

use myrmex_model::address::Address;
use myrmex_model::event::{Event, SkipReason};
use myrmex_model::status::{Phase, Status};

use super::Run;
use super::arena::{ActivationId, Hold, Work};
use super::decide::{Rejection, Turn};

impl Turn<'_> {
    /// Skips tasks that wait: all of them or none.
    pub(super) fn skip_waiting(
        &mut self,
        tasks: &[Address],
        by: &str,
        reason: &str,
    ) -> Result<(), Rejection> {
        let mut found = Vec::new();
        for task in tasks {
            let id = self.run.find(task).ok_or_else(|| Rejection::UnknownTask { task: task.clone() })?;
            if let Some(why) = self.run.unskippable(id) {
                return Err(Rejection::NotSkippable { task: task.clone(), why });
            }
            if !found.contains(&id) {
                found.push(id);
            }
        }
        for id in found {
            self.withdraw(id);
            let task = self.run.address(id);
            let reason = SkipReason::Person { by: by.to_owned(), reason: reason.to_owned() };
            self.emit_end(id, Event::TaskSkipped { task, reason });
        }
        Ok(())
    }
}

impl Run {
    /// Says why an activation cannot be skipped; nothing if it can.
    fn unskippable(&self, id: ActivationId) -> Option<&'static str> {
        let own = self.at(id);
        if id == ActivationId::ROOT {
            return Some("it is the run itself");
        }
        if own.status.is_terminal() {
            return Some("it is over");
        }
        let around = std::iter::successors(Some(id), |here| self.parent(*here));
        let is_ending = around.into_iter().any(|here| self.at(here).is_winding_down());
        if is_ending || own.is_handler {
            return Some("how it ends is decided already");
        }
        let finally = self.node(id).handling.as_ref().and_then(|handling| handling.finally);
        if own.has_started && finally.is_some() {
            return Some("it has begun, and its `finally` would not run");
        }
        let waits = own.is_untouched()
            || matches!(own.phase, Phase::Queued | Phase::Postponed)
            || own.status == Status::Waiting
            || self.hold(id) == Some(Hold::Waiting);
        let has_worker = matches!(&own.work, Work::Leaf(leaf) if leaf.token.is_some());
        (own.is_evaluating || has_worker || !waits).then_some("it is under way, and does not wait")
    }
}
