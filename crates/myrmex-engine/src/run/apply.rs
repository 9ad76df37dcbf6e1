//! Applying events: the only place where a run's state changes.
//!
//! Each event sets facts; counters, new activations and agenda entries follow from them here, so that replaying a
//! journal and deciding live arrive at the same state.

use myrmex_model::address::Address;
use myrmex_model::event::{Change, Event, Recorded};
use myrmex_model::id::DefinitionHash;
use myrmex_model::ir::Body;
use myrmex_model::outcome::{AttemptEnd, Outcome};
use myrmex_model::status::{Phase, Status};
use myrmex_model::time::Timestamp;

use super::arena::{Activation, ActivationId, Counts, EachState, Work};
use super::edges::Happening;
use super::{Agenda, Ending, Header, Lag, RebaseError, Run};

/// A journal that does not replay.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// The journal does not begin with the start of the run.
    #[error("the journal does not begin with the start of a run")]
    Start,
    /// A definition that the journal names is not there.
    #[error("definition {hash} is not in the store")]
    Definition {
        /// Its hash.
        hash: DefinitionHash,
    },
    /// An event names a task that cannot be there.
    #[error("event `{kind}` names task `{task}`, which is not under way")]
    Task {
        /// The kind of event.
        kind: &'static str,
        /// The task.
        task: Address,
    },
    /// A recorded move to another definition cannot be made.
    #[error(transparent)]
    Rebase(#[from] RebaseError),
}

impl Run {
    /// Applies an event of this run's journal, except for a move to another definition: [`Run::replay_more`] does
    /// that.
    ///
    /// # Errors
    ///
    /// Returns [`ReplayError`] if the event does not fit the state, which is then unchanged.
    pub fn apply(&mut self, recorded: &Recorded) -> Result<(), ReplayError> {
        if let Event::Rebased { to, .. } = &recorded.event {
            return Err(ReplayError::Definition { hash: *to });
        }
        self.apply_event(&recorded.event, recorded.at).map(|_| ())
    }

    /// Applies `event` as of `at` and returns what it changed.
    pub(super) fn apply_event(&mut self, event: &Event, at: Timestamp) -> Result<Change, ReplayError> {
        let change = match event {
            Event::RunStarted { .. } if self.status != Status::Pending => return Err(ReplayError::Start),
            Event::RunStarted { inputs, started_by, trigger, .. } => {
                self.header = Some(Header {
                    inputs: *inputs,
                    started_by: started_by.clone(),
                    trigger: trigger.clone(),
                    started: at,
                });
                self.enter_root(at);
                self.change_run(Status::Running, Phase::None)
            }
            Event::Rebased { .. } | Event::RunEnded { .. } if self.status == Status::Pending => {
                return Err(ReplayError::Start);
            }
            Event::Rebased { .. } => self.change_run(self.status, Phase::None),
            Event::RunEnded { status, output, fault } => {
                self.output = *output;
                self.fault.clone_from(fault);
                self.agenda.clear();
                self.change_run(*status, Phase::None)
            }
            Event::CancelRequested { scope, .. } => {
                let id = self.found(event, scope)?;
                self.apply_cancel(id, at)
            }
            Event::EndRequested { task } => {
                let id = self.found(event, task)?;
                self.ending.get_or_insert(Ending::Success);
                self.mark_cancelling(ActivationId::ROOT);
                self.agenda.push_back(Agenda::Cancel(ActivationId::ROOT));
                let activation = self.at(id);
                Change { from: activation.status, to: activation.status, phase: Phase::None }
            }
            Event::LagArmed { from, to, due } => self.apply_lag(event, (from, to), Lag::Armed(*due))?,
            Event::LagElapsed { from, to } => self.apply_lag(event, (from, to), Lag::Elapsed)?,
            Event::ScopeEntered { task }
            | Event::ItemsExpanded { task, .. }
            | Event::TaskQueued { task, .. }
            | Event::AttemptGranted { task, .. }
            | Event::AttemptEnded { task, .. }
            | Event::RetryArmed { task, .. }
            | Event::TimerArmed { task, .. }
            | Event::CaseChosen { task, .. } => {
                let id = self.found(event, task)?;
                if !self.fits(id, event) {
                    return Err(ReplayError::Task { kind: event.kind(), task: task.clone() });
                }
                self.apply_progress(id, event, at)
            }
            Event::TaskSucceeded { task, .. }
            | Event::TaskFailed { task, .. }
            | Event::TaskSkipped { task, .. }
            | Event::TaskCancelled { task } => {
                let id = self.found(event, task)?;
                if self.at(id).status.is_terminal() || id == ActivationId::ROOT {
                    return Err(ReplayError::Task { kind: event.kind(), task: task.clone() });
                }
                self.apply_end(id, event, at)
            }
        };
        self.last = at;
        Ok(change)
    }

    fn found(&self, event: &Event, task: &Address) -> Result<ActivationId, ReplayError> {
        self.find(task).ok_or_else(|| ReplayError::Task { kind: event.kind(), task: task.clone() })
    }

    fn apply_cancel(&mut self, scope: ActivationId, at: Timestamp) -> Change {
        let is_own = self.is_failing_fast(scope);
        self.mark_cancelling(scope);
        self.agenda.push_back(Agenda::Cancel(scope));
        if scope != ActivationId::ROOT {
            return self.change(scope, Phase::Cancelling, at, |_| {});
        }
        if !is_own {
            self.ending = Some(Ending::Cancel);
        }
        self.change_run(self.status, Phase::Cancelling)
    }

    /// Returns whether an event between an activation's beginning and its end can follow what was decided about it.
    fn fits(&self, id: ActivationId, event: &Event) -> bool {
        let (activation, body) = (self.at(id), &self.node(id).body);
        let is_fresh = activation.is_untouched();
        let is_idle = activation.leaf().is_some_and(|leaf| leaf.token.is_none());
        match event {
            Event::ScopeEntered { .. } => is_fresh && matches!(body, Body::Graph(_) | Body::Flow(_)),
            Event::ItemsExpanded { .. } => is_fresh && matches!(body, Body::Each(_)),
            Event::TimerArmed { .. } => is_fresh && matches!(body, Body::Timer(_)),
            Event::CaseChosen { .. } => is_fresh && matches!(body, Body::Choose(_)),
            Event::TaskQueued { .. } => {
                let is_next = is_idle && !activation.status.is_terminal();
                matches!(body, Body::Task(_)) && (is_fresh || is_next)
            }
            Event::AttemptGranted { attempt, .. } => {
                let is_queued = activation.phase == Phase::Queued;
                is_queued && activation.leaf().is_some_and(|leaf| leaf.attempt == *attempt)
            }
            Event::AttemptEnded { token, .. } => {
                activation.leaf().is_some_and(|leaf| leaf.token == Some(*token))
            }
            Event::RetryArmed { .. } => is_idle && !activation.status.is_terminal(),
            Event::RunStarted { .. }
            | Event::Rebased { .. }
            | Event::LagArmed { .. }
            | Event::LagElapsed { .. }
            | Event::TaskSucceeded { .. }
            | Event::TaskFailed { .. }
            | Event::TaskSkipped { .. }
            | Event::TaskCancelled { .. }
            | Event::CancelRequested { .. }
            | Event::EndRequested { .. }
            | Event::RunEnded { .. } => false,
        }
    }

    /// Returns whether the next cancel of a scope is the machine's own because of `fail_fast`: it asks for it in the
    /// very turn of the first failure, so nobody else's can come between.
    pub(super) fn is_failing_fast(&self, id: ActivationId) -> bool {
        let scope = self.at(id);
        let (is_fail_fast, failed) = match (&self.node(id).body, &scope.work) {
            (Body::Graph(graph), Work::Graph(state)) => (graph.fail_fast, state.counts.first_failed),
            (Body::Each(each), Work::Each(state)) => (each.fail_fast, state.counts.first_failed),
            _ => (false, None),
        };
        is_fail_fast && failed.is_some() && !scope.is_cancelling
    }

    fn change_run(&mut self, to: Status, phase: Phase) -> Change {
        let from = std::mem::replace(&mut self.status, to);
        Change { from, to, phase }
    }

    /// Changes one activation and keeps the counters of the scope around it.
    pub(super) fn update(&mut self, id: ActivationId, change: impl FnOnce(&mut Activation)) {
        let activation = self.at_mut(id);
        let (was_active, was_terminal) = (activation.is_active(), activation.status.is_terminal());
        change(activation);
        let (is_active, is_terminal) = (activation.is_active(), activation.status.is_terminal());
        let parent = activation.parent;
        if id == ActivationId::ROOT {
            return;
        }
        if let Some(counts) = self.at_mut(parent).counts_mut() {
            counts.active = counts.active + u32::from(is_active) - u32::from(was_active);
        }
        if is_terminal && !was_terminal {
            self.count_end(id);
        }
    }

    /// Counts an activation that has ended into the scope around it.
    pub(super) fn count_end(&mut self, id: ActivationId) {
        let activation = self.at(id);
        let (status, ended, index) = (activation.status, activation.ended, activation.index);
        let parent = activation.parent;
        let is_failed = Outcome::of(status) == Some(Outcome::Failed);
        let Some(first) = self.at_mut(parent).counts_mut().map(|counts| counts.first_failed) else { return };
        // Of several failed children the one that ended first stands for all. Those that ended at the same instant are
        // told apart by their order in the definition, so that a snapshot need not keep the order of events.
        let is_first = first.is_none_or(|first| {
            let first = self.at(first);
            (ended, index) < (first.ended, first.index)
        });
        let Some(counts) = self.at_mut(parent).counts_mut() else { return };
        counts.open -= 1;
        counts.failed += u32::from(is_failed);
        if is_failed && is_first {
            counts.first_failed = Some(id);
        }
    }

    fn change(
        &mut self,
        id: ActivationId,
        phase: Phase,
        at: Timestamp,
        set: impl FnOnce(&mut Activation),
    ) -> Change {
        let from = self.at(id).status;
        self.update(id, |activation| {
            set(activation);
            activation.phase = phase;
            let has_begun =
                !matches!(activation.status, Status::Pending | Status::Skipped | Status::Cancelled);
            if has_begun && activation.started.is_none() {
                activation.started = Some(at);
            }
            if activation.status.is_terminal() {
                activation.ended = Some(at);
            }
        });
        Change { from, to: self.at(id).status, phase }
    }

    /// Applies what happens between an activation's beginning and its end, once it is known to fit.
    fn apply_progress(&mut self, id: ActivationId, event: &Event, at: Timestamp) -> Change {
        match event {
            Event::ScopeEntered { .. } => {
                let change = self.change(id, Phase::None, at, |scope| scope.status = Status::Running);
                self.enter_scope(id);
                self.mark_started(id);
                change
            }
            Event::ItemsExpanded { count, items, keys, .. } => {
                let keys = keys.as_ref().map(|keys| keys.iter().cloned().zip(0..).collect());
                let counts = Counts { open: *count, ..Counts::default() };
                let state = EachState { items: *items, keys, activations: Vec::new(), count: *count, counts };
                let change = self.change(id, Phase::None, at, |each| {
                    each.status = Status::Running;
                    each.work = Work::Each(Box::new(state));
                });
                self.fill_items(id);
                self.agenda.push_back(Agenda::Check(id));
                self.mark_started(id);
                change
            }
            Event::TimerArmed { due, .. } => {
                let change = self.change(id, Phase::None, at, |timer| {
                    timer.work = Work::Timer { due: *due };
                    timer.status = Status::Waiting;
                });
                self.mark_started(id);
                change
            }
            Event::CaseChosen { case, .. } => {
                self.change(id, Phase::None, at, |choice| choice.work = Work::Choice { case: *case })
            }
            Event::TaskQueued { .. }
            | Event::AttemptGranted { .. }
            | Event::AttemptEnded { .. }
            | Event::RetryArmed { .. } => self.apply_attempt(id, event, at),
            Event::RunStarted { .. }
            | Event::Rebased { .. }
            | Event::LagArmed { .. }
            | Event::LagElapsed { .. }
            | Event::TaskSucceeded { .. }
            | Event::TaskFailed { .. }
            | Event::TaskSkipped { .. }
            | Event::TaskCancelled { .. }
            | Event::CancelRequested { .. }
            | Event::EndRequested { .. }
            | Event::RunEnded { .. } => unreachable!("`fits` lets only progress through"),
        }
    }

    /// Applies what happens to the attempts of a task.
    fn apply_attempt(&mut self, id: ActivationId, event: &Event, at: Timestamp) -> Change {
        let mut leaf = self.at(id).leaf().copied().unwrap_or_default();
        let (mut status, mut phase) = (self.at(id).status, self.at(id).phase);
        let mut artifacts = None;
        match event {
            Event::TaskQueued { attempt, input, .. } => {
                (leaf.attempt, leaf.input, leaf.retry_due) = (*attempt, *input, None);
                (status, phase) = (Status::Pending, Phase::Queued);
            }
            Event::AttemptGranted { token, .. } => {
                leaf.token = Some(*token);
                leaf.attempts_made += 1;
                (status, phase) = (Status::Running, Phase::Granted);
            }
            Event::AttemptEnded { report, .. } => {
                leaf.token = None;
                artifacts = Some(report.artifacts.map(Box::new));
                let is_failure =
                    matches!(report.end, AttemptEnd::Failed { .. } | AttemptEnd::TimedOut { .. });
                leaf.retries_used += u32::from(is_failure);
            }
            Event::RetryArmed { attempt, due, .. } => {
                (leaf.attempt, leaf.retry_due) = (*attempt, Some(*due));
                (status, phase) = (Status::Waiting, Phase::Retrying);
            }
            _ => unreachable!("these are all the events of attempts"),
        }
        let change = self.change(id, phase, at, |task| {
            task.work = Work::Leaf(leaf);
            task.status = status;
            if let Some(artifacts) = artifacts {
                task.artifacts = artifacts;
            }
        });
        if phase == Phase::Granted {
            self.mark_started(id);
        }
        change
    }

    fn apply_end(&mut self, id: ActivationId, event: &Event, at: Timestamp) -> Change {
        let (mut output, mut fault, mut vars) = (None, None, None);
        let status = match event {
            Event::TaskSucceeded { output: hash, vars: written, .. } => {
                (output, vars) = (Some(*hash), *written);
                Status::Succeeded
            }
            Event::TaskFailed { fault: error, is_timeout, .. } => {
                fault = Some(error.clone());
                if *is_timeout { Status::TimedOut } else { Status::Failed }
            }
            Event::TaskSkipped { .. } => Status::Skipped,
            _ => Status::Cancelled,
        };
        let change = self.change(id, Phase::None, at, |activation| {
            (activation.status, activation.output, activation.fault) = (status, output, fault);
        });
        if vars.is_some()
            && let Some(owner) = self.vars_owner(id)
            && let Work::Flow(flow) = &mut self.at_mut(owner).work
        {
            flow.vars = vars;
        }
        self.settle(id);
        change
    }

    fn enter_root(&mut self, at: Timestamp) {
        let mut root = Activation::new(self.definition.root, ActivationId::ROOT, 0);
        (root.status, root.started, root.has_started) = (Status::Running, Some(at), true);
        self.push(root);
        self.enter_scope(ActivationId::ROOT);
    }

    /// Notes that an activation runs, and decides the edges that asked for it.
    fn mark_started(&mut self, id: ActivationId) {
        if !self.at(id).has_started {
            self.at_mut(id).has_started = true;
            self.decide_edges(id, Happening::Started);
        }
    }

    /// Lets what follows from an end follow: edges, the flow's token, the next items.
    fn settle(&mut self, id: ActivationId) {
        let Some(parent) = self.parent(id) else { return };
        let status = self.at(id).status;
        match &self.at(parent).work {
            Work::Graph(_) => {
                if let Some(outcome) = Outcome::of(status) {
                    self.decide_edges(id, Happening::Ended(outcome));
                }
                self.agenda.push_back(Agenda::Check(parent));
            }
            Work::Flow(_) => self.advance_flow(parent, id),
            Work::Each(_) => {
                self.fill_items(parent);
                self.agenda.push_back(Agenda::Check(parent));
            }
            Work::None | Work::Leaf(_) | Work::Timer { .. } | Work::Choice { .. } => {}
        }
    }

    /// Notes that everything not ended in a scope is to be cancelled.
    fn mark_cancelling(&mut self, id: ActivationId) {
        let activation = self.at_mut(id);
        activation.is_cancelling = true;
        if activation.leaf().is_some_and(|leaf| leaf.token.is_some()) {
            activation.phase = Phase::Cancelling;
        }
        for child in self.live_children(id) {
            self.mark_cancelling(child);
        }
    }
}
