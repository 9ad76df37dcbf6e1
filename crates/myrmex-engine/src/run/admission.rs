//! How a run comes to its place among those of its workflow, where the workflow bounds how many there may be.
//!
//! | the run | is | and then |
//! |---|---|---|
//! | has started | pending | its key is evaluated |
//! | has its key | pending, queued | it is admitted, turned away, cancelled, or out of time |
//! | is admitted | running | it goes on like any other |
//!
//! Who gets a place is not decided here but by [`crate::dispatch::Admission`], which sees all runs. A run that never began
//! has nothing to handle: however it ends, none of its handlers runs.

use myrmex_model::effect::{Effect, Question};
use myrmex_model::event::{Change, Event};
use myrmex_model::fault::{Fault, FaultKind};
use myrmex_model::id::RunId;
use myrmex_model::status::{Phase, Status};
use myrmex_model::time::Timestamp;

use super::arena::ActivationId;
use super::decide::{Rejection, Turn};
use super::{Agenda, Run};

/// Where a run stands on the way to its place.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Admission {
    /// Its workflow bounds nothing, or it has not begun.
    #[default]
    Free,
    /// Its key is to be evaluated.
    Asking,
    /// It waits for its place, or has it.
    Queued(Claim),
}

/// What a run claims a place with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// What it shares with the runs that it waits for, beside the workflow; none if that is the workflow alone.
    pub key: Option<String>,
    /// Since when it waits, or waited.
    pub since: Timestamp,
    /// Whether it was admitted.
    pub is_admitted: bool,
}

impl Run {
    /// Returns with what the run claims, or claimed, its place; none if its workflow bounds nothing.
    pub fn claim(&self) -> Option<&Claim> {
        match &self.admission {
            Admission::Queued(claim) => Some(claim),
            Admission::Free | Admission::Asking => None,
        }
    }

    /// Lets the run wait, without a root scope, until its key is known.
    pub(super) fn await_key(&mut self) {
        self.admission = Admission::Asking;
        self.agenda.push_back(Agenda::Key);
    }

    /// Applies that the run waits for its place; nothing if that does not fit.
    pub(super) fn apply_queued(&mut self, key: Option<&str>, at: Timestamp) -> Option<Change> {
        if self.admission != Admission::Asking {
            return None;
        }
        let key = key.map(str::to_owned);
        self.admission = Admission::Queued(Claim { key, since: at, is_admitted: false });
        Some(self.change_run(Status::Pending, Phase::Queued))
    }

    /// Applies that the run has its place; nothing if that does not fit.
    pub(super) fn apply_admitted(&mut self, at: Timestamp) -> Option<Change> {
        match &mut self.admission {
            Admission::Queued(claim) if !claim.is_admitted => claim.is_admitted = true,
            Admission::Free | Admission::Asking | Admission::Queued(_) => return None,
        }
        let root = self.at_mut(ActivationId::ROOT);
        (root.status, root.started, root.has_started) = (Status::Running, Some(at), true);
        self.enter_scope(ActivationId::ROOT);
        Some(self.change_run(Status::Running, Phase::None))
    }

    /// Returns whether the root scope was never entered.
    pub(super) fn is_outside(&self) -> bool {
        self.arena.first().is_some_and(|root| !root.has_started)
    }
}

impl Turn<'_> {
    /// Asks for the key, unless it is known by now.
    pub(super) fn ask_key(&mut self) {
        let root = self.run.at(ActivationId::ROOT);
        if self.run.admission == Admission::Asking && !root.is_evaluating && !root.is_cancelling {
            self.ask(ActivationId::ROOT, Question::Key);
        }
    }

    /// Lets the run wait for its place.
    pub(super) fn queue_run(&mut self, key: Option<String>) {
        self.emit(Event::RunQueued { key });
        self.resume_claim();
    }

    /// Asks for the place that the run waits for; whoever decides about that remembers it once.
    pub(super) fn resume_claim(&mut self) {
        if let Some(Claim { key, since, is_admitted: false }) = self.run.claim().cloned() {
            self.effect(Effect::QueueRun { key, since });
        }
    }

    pub(super) fn admit(&mut self) -> Result<(), Rejection> {
        self.waiting_claim()?;
        self.emit(Event::RunAdmitted);
        Ok(())
    }

    /// Ends a run that gets no place and does not wait for one.
    pub(super) fn turn_away(&mut self, holder: RunId, is_deadlock: bool) -> Result<(), Rejection> {
        let key = self.waiting_claim()?.key.clone();
        let held = match key {
            Some(key) => format!("run {holder} holds the key `{key}`"),
            None => format!("run {holder} of the same workflow is under way"),
        };
        let (status, fault) = if is_deadlock {
            let title = format!("it would wait for ever: {held} and waits for it");
            let detail =
                "call it with `wait: false`, or give its `concurrency` another `key` or a higher `limit`";
            (Status::Failed, Fault::new(FaultKind::Deadlock, title).with_detail(detail))
        } else {
            (Status::Skipped, Fault::new(FaultKind::Conflict, held))
        };
        self.emit(Event::RunEnded { status, output: None, fault: Some(Box::new(fault)) });
        self.effect(Effect::End);
        Ok(())
    }

    fn waiting_claim(&self) -> Result<&Claim, Rejection> {
        self.run.claim().filter(|claim| !claim.is_admitted).ok_or(Rejection::NotWaiting)
    }
}
