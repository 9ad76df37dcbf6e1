//! Tasks of projects that failed for good: they are stuck until a person decides what becomes of them.
//!
//! | the person decides | what happens |
//! |---|---|
//! | retry | it is done again from the beginning: everything is evaluated again, and it has all its retries |
//! | skip | it counts as skipped |
//! | abandon | it counts as failed, with the error that it is stuck with |
//!
//! What accepts that it fails does not wait for the decision: to such edges it counts as failed at once, whatever is decided later. What
//! is stuck holds nothing and has no limit of time. When the run is being ended it is cancelled. A gate at which `stop` was decided is not
//! stuck, and what fails while the run is being ended neither.

use myrmex_model::event::{Change, Event, SkipReason};
use myrmex_model::fault::Fault;
use myrmex_model::signal::{Answer, Settlement, Signal, Word};
use myrmex_model::status::{Phase, Status};
use myrmex_model::time::Timestamp;

use super::arena::{ActivationId, Work};
use super::decide::Turn;
use super::edges::Happening;
use super::gate::stands_for;
use super::{Agenda, Run};

/// That a task was stuck, or is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stuck {
    /// Since when it counts as failed to what accepts that: when it was stuck for the first time.
    pub(super) since: Timestamp,
    /// Whether it ran out of its time when it was stuck last.
    pub(super) is_timeout: bool,
    /// How many attempts there were before those that are counted now.
    pub(super) attempts: u32,
    /// How often it was to be done again. What follows its body then has an address of its own.
    pub(super) repeated: u32,
    /// What was decided about it and is not carried out yet.
    pub(super) settled: Option<Box<Signal>>,
}

impl Run {
    /// Returns whether a task would be stuck if it failed for good now.
    fn would_be_stuck(&self, id: ActivationId) -> bool {
        let is_own = self.definition.project.is_some() && self.scope_around(id) == Some(ActivationId::ROOT);
        let is_ending = self.at(id).is_cancelling || self.at(ActivationId::ROOT).is_winding_down();
        is_own && !is_ending && !self.is_stop(id)
    }

    /// Returns since when a task counts as failed to what accepts that, although it may not have ended.
    pub(super) fn stuck_since(&self, id: ActivationId) -> Option<Timestamp> {
        self.at(id).facts()?.stuck.as_ref().map(|stuck| stuck.since)
    }

    /// Returns which time a task is done, from 1: each decision to do it again is one more.
    pub(super) fn turn_of_work(&self, id: ActivationId) -> u32 {
        let before = self.at(id).facts().and_then(|facts| facts.stuck.as_ref());
        before.map_or(1, |stuck| stuck.repeated + 1)
    }

    /// Returns whether a task waits for the decision what becomes of it.
    pub(super) fn is_unsettled(&self, id: ActivationId) -> bool {
        let own = self.at(id);
        let is_settled = own.facts().and_then(|facts| facts.stuck.as_ref()?.settled.as_ref()).is_some();
        own.status == Status::Stuck && !own.is_stale && !is_settled
    }

    /// Returns how many attempts of a task were granted, those before it was stuck too.
    fn attempts_made(&self, id: ActivationId) -> u32 {
        let own = self.at(id);
        let before = own.facts().and_then(|facts| facts.stuck.as_ref());
        own.leaf().map_or(before.map_or(0, |stuck| stuck.attempts), |leaf| leaf.attempts_made)
    }

    /// Applies that a task is stuck.
    pub(super) fn apply_stuck(
        &mut self,
        id: ActivationId,
        (fault, is_timeout): (&Fault, bool),
        at: Timestamp,
    ) -> Change {
        let attempts = self.attempts_made(id);
        let is_first = self.stuck_since(id).is_none();
        self.forget_handling(id);
        let change = self.change(id, Phase::None, at, |activation| {
            activation.status = Status::Stuck;
            activation.fault = Some(Box::new(fault.clone()));
            activation.is_closing = false;
            let facts = activation.facts_mut();
            let before = facts.stuck.as_ref();
            let (since, repeated) = before.map_or((at, 0), |stuck| (stuck.since, stuck.repeated));
            facts.stuck = Some(Stuck { since, is_timeout, attempts, repeated, settled: None });
        });
        // What asked for its beginning asked for less than what has happened.
        self.mark_started(id);
        if is_first {
            self.decide_edges(id, Happening::Stuck);
        }
        self.check_around(id);
        change
    }

    /// Applies what a person decided about a task that is stuck.
    pub(super) fn apply_settled(
        &mut self,
        id: ActivationId,
        (signal, settlement): (&Signal, Settlement),
        at: Timestamp,
    ) -> Change {
        if settlement == Settlement::Retry {
            // Where the turn that decided it is lost, its timer has it begin.
            return self.apply_anew(id, at);
        }
        self.agenda.push_back(Agenda::Attend(id));
        self.change(id, Phase::None, at, |activation| {
            if let Some(stuck) = &mut activation.facts_mut().stuck {
                stuck.settled = Some(Box::new(signal.clone()));
            }
        })
    }

    /// Lets a task that is stuck begin again, in an attempt of its own.
    fn apply_anew(&mut self, id: ActivationId, at: Timestamp) -> Change {
        // A person may repeat what nothing else may; whoever called the run still must not call it again.
        self.is_unknown |= self.has_unknown_below(id);
        let attempt = self.at(id).attempt().next();
        self.retire(id);
        for handler in self.handlers(id).collect::<Vec<_>>() {
            self.retire_with(handler);
        }
        self.change(id, Phase::Retrying, at, |activation| {
            activation.status = Status::Waiting;
            activation.work = Work::None;
            (activation.fault, activation.artifacts) = (None, None);
            let rare = activation.rare_mut();
            rare.handlers.clear();
            let facts = &mut rare.facts;
            (facts.repeat, facts.repeated) = (Some((attempt, at)), 0);
            (facts.inputs, facts.vars, facts.cached) = (None, None, None);
            facts.is_unknown = false;
            if let Some(stuck) = &mut facts.stuck {
                stuck.repeated += 1;
            }
        })
    }

    /// Says why it cannot be decided what becomes of a task; nothing if it can.
    pub(super) fn check_settled(&self, id: ActivationId, by: &str) -> Result<(), String> {
        if !self.is_unsettled(id) {
            return Err(format!("it is not stuck, but {}", self.at(id).status));
        }
        let Some(project) = self.definition.project.as_deref() else { return Ok(()) };
        let own = self.node(id).planning.as_ref().and_then(|planning| planning.owner.as_ref());
        match own.or(project.owner.as_ref()) {
            Some(owner) if stands_for(Some(project), owner, by) == Some(false) => {
                Err(format!("`{by}` does not own it, but {owner}"))
            }
            Some(_) | None => Ok(()),
        }
    }
}

impl Turn<'_> {
    /// Ends a task that failed for good, or lets it wait for a decision.
    pub(super) fn end_failed(&mut self, id: ActivationId, fault: Box<Fault>, is_timeout: bool) {
        let task = self.run.address(id);
        let end = if self.run.would_be_stuck(id) {
            Event::TaskStuck { task, fault, is_timeout }
        } else {
            Event::TaskFailed { task, fault, is_timeout }
        };
        self.emit_end(id, end);
    }

    /// Carries out what was decided about a task that is stuck; returns whether something was.
    pub(super) fn settle(&mut self, id: ActivationId) -> bool {
        let own = self.run.at(id);
        let Some(stuck) = own.facts().and_then(|facts| facts.stuck.clone()) else { return false };
        let Some(signal) = stuck.settled.filter(|_| own.status == Status::Stuck) else { return false };
        let (task, fault) = (self.run.address(id), own.fault.clone());
        match signal.word {
            Word::Answer { answer: Answer::Settled(Settlement::Skip), .. } => {
                let reason = SkipReason::Person { by: signal.by, reason: signal.comment.unwrap_or_default() };
                self.emit_end(id, Event::TaskSkipped { task, reason });
            }
            Word::Answer { .. } | Word::Message(_) => {
                let fault = fault.expect("what is stuck has its error");
                self.emit_end(id, Event::TaskFailed { task, fault, is_timeout: stuck.is_timeout });
            }
        }
        true
    }

    /// Ends a task that is stuck because the run is being ended; returns whether it is one.
    pub(super) fn stop_stuck(&mut self, id: ActivationId) -> bool {
        let is_stuck = self.run.at(id).status == Status::Stuck;
        if is_stuck {
            let task = self.run.address(id);
            self.emit_end(id, Event::TaskCancelled { task });
        }
        is_stuck
    }
}
