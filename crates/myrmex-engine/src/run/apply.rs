//! Applying events: the only place where a run's state changes.
//!
//! Each event sets facts; counters, new activations and agenda entries follow from them here, so that replaying a
//! journal and deciding live arrive at the same state.

use myrmex_model::address::Address;
use myrmex_model::event::{Change, Event, Limit, Recorded, SkipReason};
use myrmex_model::id::{Attempt, DefinitionHash, ValueHash};
use myrmex_model::ir::Body;
use myrmex_model::outcome::{AttemptEnd, Outcome};
use myrmex_model::status::{Phase, Status};
use myrmex_model::time::Timestamp;

use super::arena::{Activation, ActivationId, CallState, EachState, Hold, Leaf, Work};
use super::edges::Happening;
use super::hold::holds;
use super::report::{is_unknown, losses_after};
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
            Event::RunStarted { .. }
            | Event::RunQueued { .. }
            | Event::RunAdmitted
            | Event::Rebased { .. }
            | Event::RunEnded { .. } => self.apply_run(event, at)?,
            Event::CancelRequested { scope, .. } => {
                let id = self.found(event, scope)?;
                self.apply_cancel(id, at)
            }
            Event::EndRequested { task } => {
                let id = self.found(event, task)?;
                self.ending.get_or_insert(Ending::Success);
                self.mark_cancelling(ActivationId::ROOT);
                self.agenda.push_front(Agenda::Cancel(ActivationId::ROOT));
                let activation = self.at(id);
                Change { from: activation.status, to: activation.status, phase: Phase::None }
            }
            Event::SignalReceived { signal, .. } => self.apply_signal(event, signal, at)?,
            Event::LagArmed { from, to, holds, due } => {
                self.apply_lag(event, (from, to, *holds), Lag::Armed(*due))?
            }
            Event::LagElapsed { from, to, holds } => {
                self.apply_lag(event, (from, to, *holds), Lag::Elapsed)?
            }
            Event::ScopeEntered { task, .. }
            | Event::RoundBegan { task, .. }
            | Event::HandlerEntered { task, .. }
            | Event::LimitReached { task, .. }
            | Event::ChildCalled { task, .. }
            | Event::ChildUnknown { task }
            | Event::ItemsExpanded { task, .. }
            | Event::TaskQueued { task, .. }
            | Event::HoldQueued { task, .. }
            | Event::HoldGranted { task, .. }
            | Event::AttemptGranted { task, .. }
            | Event::AttemptEnded { task, .. }
            | Event::RetryArmed { task, .. }
            | Event::TimerArmed { task, .. }
            | Event::AwaitOpened { task, .. }
            | Event::SignalTaken { task, .. }
            | Event::TaskPostponed { task, .. }
            | Event::TaskReleased { task }
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
            | Event::TaskCancelled { task }
            | Event::TaskStuck { task, .. }
            | Event::TaskTaken { task, .. } => {
                let id = self.found(event, task)?;
                self.apply_over(id, event, at)
                    .ok_or_else(|| ReplayError::Task { kind: event.kind(), task: task.clone() })?
            }
        };
        self.last = at;
        Ok(change)
    }

    /// Applies that work on a task is over, if it is one of which that can be so.
    fn apply_over(&mut self, id: ActivationId, event: &Event, at: Timestamp) -> Option<Change> {
        let own = self.at(id);
        let (is_root, is_open) = (id == ActivationId::ROOT, !own.status.is_terminal());
        match event {
            Event::TaskStuck { fault, is_timeout, .. } if is_open && own.status != Status::Stuck => {
                Some(self.apply_stuck(id, (fault, *is_timeout), at))
            }
            Event::TaskTaken { taken, .. } if own.is_untouched() && !is_root => {
                Some(self.apply_taken(id, taken, at))
            }
            Event::TaskStuck { .. } | Event::TaskTaken { .. } => None,
            end => (is_open && !is_root).then(|| self.apply_end(id, end, at)),
        }
    }

    /// Applies what happens to the run as a whole.
    fn apply_run(&mut self, event: &Event, at: Timestamp) -> Result<Change, ReplayError> {
        if self.header.is_none() && !matches!(event, Event::RunStarted { .. }) {
            return Err(ReplayError::Start);
        }
        match event {
            Event::RunStarted { inputs, started_by, trigger, closure, parent, retry, .. }
                if self.header.is_none() =>
            {
                self.header = Some(Header {
                    inputs: *inputs,
                    started_by: started_by.clone(),
                    trigger: trigger.clone(),
                    started: at,
                    closure: *closure,
                    parent: parent.clone(),
                    retry: retry.clone(),
                });
                Ok(self.make_root(event, at))
            }
            Event::RunQueued { key } => self.apply_queued(key.as_deref(), at).ok_or(ReplayError::Start),
            Event::RunAdmitted => self.apply_admitted(at).ok_or(ReplayError::Start),
            Event::RunEnded { status, output, fault } => {
                self.output = *output;
                self.fault.clone_from(fault);
                self.agenda.clear();
                self.forget_handling(ActivationId::ROOT);
                Ok(self.change_run(*status, Phase::None))
            }
            Event::Rebased { .. } => Ok(self.change_run(self.status, Phase::None)),
            Event::RunStarted { .. }
            | Event::ScopeEntered { .. }
            | Event::RoundBegan { .. }
            | Event::HandlerEntered { .. }
            | Event::LimitReached { .. }
            | Event::ChildCalled { .. }
            | Event::ChildUnknown { .. }
            | Event::ItemsExpanded { .. }
            | Event::HoldQueued { .. }
            | Event::HoldGranted { .. }
            | Event::TaskQueued { .. }
            | Event::AttemptGranted { .. }
            | Event::AttemptEnded { .. }
            | Event::RetryArmed { .. }
            | Event::TimerArmed { .. }
            | Event::AwaitOpened { .. }
            | Event::SignalReceived { .. }
            | Event::SignalTaken { .. }
            | Event::LagArmed { .. }
            | Event::LagElapsed { .. }
            | Event::TaskPostponed { .. }
            | Event::TaskReleased { .. }
            | Event::CaseChosen { .. }
            | Event::TaskSucceeded { .. }
            | Event::TaskTaken { .. }
            | Event::TaskFailed { .. }
            | Event::TaskStuck { .. }
            | Event::TaskSkipped { .. }
            | Event::TaskCancelled { .. }
            | Event::CancelRequested { .. }
            | Event::EndRequested { .. } => Err(ReplayError::Start),
        }
    }

    fn found(&mut self, event: &Event, task: &Address) -> Result<ActivationId, ReplayError> {
        let found = self.find(task).or_else(|| self.reach(task));
        found.ok_or_else(|| ReplayError::Task { kind: event.kind(), task: task.clone() })
    }

    fn apply_cancel(&mut self, id: ActivationId, at: Timestamp) -> Change {
        let is_own = self.is_closing_itself(id);
        if id == ActivationId::ROOT && !is_own {
            let is_again = matches!(self.ending, Some(Ending::Cancel | Ending::Abort));
            self.ending = Some(if is_again { Ending::Abort } else { Ending::Cancel });
        }
        if is_own {
            self.mark_closing(id);
        } else {
            self.mark_cancelling(id);
        }
        // Before everything else: a turn may end with a part of the agenda, and nothing may begin after a cancel.
        self.agenda.push_front(Agenda::Cancel(id));
        if id == ActivationId::ROOT {
            return self.change_run(self.status, Phase::Cancelling);
        }
        let activation = self.at(id);
        let phase = match activation.work {
            Work::Graph(_) | Work::Flow(_) | Work::Each(_) if activation.handling().is_none() => {
                Phase::Cancelling
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
            | Work::Call(_) => activation.phase,
        };
        self.change(id, phase, at, |_| {})
    }

    /// Returns whether an event between an activation's beginning and its end can follow what was decided about it.
    fn fits(&self, id: ActivationId, event: &Event) -> bool {
        let (activation, node) = (self.at(id), self.node(id));
        let body = &node.body;
        let is_over = activation.status.is_terminal();
        let is_armed = activation.facts().is_some_and(|facts| facts.repeat.is_some());
        let begins = activation.is_untouched()
            || self.is_held(id)
            || (is_armed && !is_over && activation.handling().is_none());
        let is_idle = activation.leaf().is_some_and(|leaf| leaf.token.is_none());
        match event {
            Event::ScopeEntered { .. } => begins && matches!(body, Body::Graph(_) | Body::Flow(_)),
            Event::TaskPostponed { .. } => activation.is_untouched() && id != ActivationId::ROOT,
            Event::TaskReleased { .. } => activation.phase == Phase::Postponed,
            Event::RoundBegan { .. } => {
                let is_flow = matches!(activation.work, Work::Flow(_)) && self.rounds(id).is_some();
                is_flow && activation.status == Status::Running && activation.handling().is_none()
            }
            Event::HandlerEntered { handler, .. } => {
                let has_node =
                    node.handling.as_ref().is_some_and(|handling| handling.node(*handler).is_some());
                has_node && !is_over && self.handler(id, *handler).is_none()
            }
            Event::LimitReached { .. } => !is_over && activation.handling().is_none(),
            Event::ChildCalled { .. } => begins && matches!(body, Body::Call(_)),
            Event::ChildUnknown { .. } => !is_over && matches!(activation.work, Work::Call(_)),
            Event::ItemsExpanded { .. } => begins && matches!(body, Body::Each(_)),
            Event::HoldQueued { .. } => begins && self.hold(id).is_none() && holds(node),
            Event::HoldGranted { .. } => !is_over && self.hold(id) == Some(Hold::Waiting),
            Event::TimerArmed { .. } => begins && matches!(body, Body::Timer(_)),
            Event::AwaitOpened { .. } => begins && matches!(body, Body::Await(_)),
            Event::SignalTaken { id: message, .. } => {
                let is_free = self.awaiting(id).is_some_and(|state| state.answers.is_empty());
                is_free && self.signals.keeps(message)
            }
            Event::CaseChosen { .. } => begins && matches!(body, Body::Choose(_)),
            Event::TaskQueued { .. } => matches!(body, Body::Task(_)) && (begins || (is_idle && !is_over)),
            Event::AttemptGranted { attempt, .. } => {
                let is_queued = activation.phase == Phase::Queued;
                is_queued && activation.leaf().is_some_and(|leaf| leaf.attempt == *attempt)
            }
            Event::AttemptEnded { token, .. } => {
                activation.leaf().is_some_and(|leaf| leaf.token == Some(*token))
            }
            Event::RetryArmed { .. } => {
                let is_free = activation.leaf().is_none() || is_idle;
                is_free && !is_over && activation.handling().is_none()
            }
            Event::RunStarted { .. }
            | Event::RunQueued { .. }
            | Event::RunAdmitted
            | Event::Rebased { .. }
            | Event::SignalReceived { .. }
            | Event::LagArmed { .. }
            | Event::LagElapsed { .. }
            | Event::TaskSucceeded { .. }
            | Event::TaskTaken { .. }
            | Event::TaskFailed { .. }
            | Event::TaskStuck { .. }
            | Event::TaskSkipped { .. }
            | Event::TaskCancelled { .. }
            | Event::CancelRequested { .. }
            | Event::EndRequested { .. }
            | Event::RunEnded { .. } => false,
        }
    }

    pub(super) fn change_run(&mut self, to: Status, phase: Phase) -> Change {
        let from = std::mem::replace(&mut self.status, to);
        Change { from, to, phase }
    }

    /// Changes one activation and keeps the counters of the scope around it.
    pub(super) fn update(&mut self, id: ActivationId, change: impl FnOnce(&mut Activation)) {
        let activation = self.at_mut(id);
        let (was_active, was_terminal) = (activation.is_active(), activation.status.is_terminal());
        let was_queued = activation.phase == Phase::Queued;
        change(activation);
        let (is_active, is_terminal) = (activation.is_active(), activation.status.is_terminal());
        let (parent, is_queued) = (activation.parent, activation.phase == Phase::Queued);
        self.queued = self.queued + usize::from(is_queued) - usize::from(was_queued);
        if id == ActivationId::ROOT || self.at(id).is_handler {
            return;
        }
        if let Some(counts) = self.at_mut(parent).counts_mut() {
            counts.active = counts.active + u32::from(is_active) - u32::from(was_active);
        }
        if is_terminal && !was_terminal {
            self.count_end(id);
        }
    }

    /// Lets the scope around an activation that is not under way any more look whether others may begin.
    pub(super) fn check_around(&mut self, id: ActivationId) {
        if let Some(scope) = self.scope_around(id) {
            self.agenda.push_back(Agenda::Check(scope));
        }
    }

    /// Counts an activation that has ended into the scope around it.
    pub(super) fn count_end(&mut self, id: ActivationId) {
        let activation = self.at(id);
        let (status, ended, index) = (activation.status, activation.ended, activation.index);
        let parent = activation.parent;
        let outcome = Outcome::of(status);
        let is_failed = outcome == Some(Outcome::Failed);
        let Some(first) = self.at_mut(parent).counts_mut().map(|counts| counts.first_failed) else { return };
        // Of several failed children the one that ended first stands for all. Those that ended at the same instant are
        // told apart by their order in the definition, so that a snapshot need not keep the order of events.
        let is_first = first.is_none_or(|first| {
            let first = self.at(first);
            (ended, index) < (first.ended, first.index)
        });
        let is_stop = is_failed && self.is_stop(id);
        let Some(counts) = self.at_mut(parent).counts_mut() else { return };
        counts.open -= 1;
        counts.succeeded += u32::from(outcome == Some(Outcome::Succeeded));
        counts.skipped += u32::from(outcome == Some(Outcome::Skipped));
        counts.failed += u32::from(is_failed);
        if is_failed && is_first {
            counts.first_failed = Some(id);
        }
        if is_stop {
            counts.stopped_by = Some(id);
        }
    }

    pub(super) fn change(
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
            // What asks people says itself when it began.
            let asks = activation.status == Status::Waiting && matches!(activation.work, Work::Await(_));
            let has_begun =
                !asks && !matches!(activation.status, Status::Pending | Status::Skipped | Status::Cancelled);
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
        let change = match event {
            Event::ScopeEntered { .. }
            | Event::ItemsExpanded { .. }
            | Event::ChildCalled { .. }
            | Event::TimerArmed { .. }
            | Event::CaseChosen { .. } => self.apply_begin(id, event, at),
            Event::AwaitOpened { asked, .. } => self.apply_opened(id, asked, at),
            Event::SignalTaken { id: message, .. } => self.apply_signal_taken(id, message, at),
            Event::TaskPostponed { until, because, .. } => {
                let work = Work::Postponed { until: *until, because: because.clone() };
                self.change(id, Phase::Postponed, at, |activation| activation.work = work)
            }
            Event::TaskReleased { .. } => {
                self.agenda.push_back(Agenda::Begin(id));
                self.change(id, Phase::None, at, |activation| activation.work = Work::None)
            }
            Event::ChildUnknown { .. } => {
                self.at_mut(id).facts_mut().is_unknown = true;
                let phase = self.at(id).phase;
                self.change(id, phase, at, |_| {})
            }
            Event::RoundBegan { round, .. } => self.apply_round(id, *round, at),
            Event::HandlerEntered { handler, pending, .. } => self.apply_handler(id, *handler, pending, at),
            Event::LimitReached { limit, .. } => {
                let phase = self.apply_limit(id, *limit);
                self.change(id, phase, at, |_| {})
            }
            Event::RetryArmed { attempt, due, by_catch, .. } => {
                self.apply_repeat(id, (*attempt, *due), *by_catch, at)
            }
            Event::TaskQueued { .. } | Event::AttemptGranted { .. } | Event::AttemptEnded { .. } => {
                self.apply_attempt(id, event, at)
            }
            Event::HoldQueued { named, .. } => self.apply_hold(id, (Hold::Waiting, named.clone()), at),
            Event::HoldGranted { token, .. } => self.apply_hold(id, (Hold::Held(*token), None), at),
            Event::RunStarted { .. }
            | Event::RunQueued { .. }
            | Event::RunAdmitted
            | Event::Rebased { .. }
            | Event::SignalReceived { .. }
            | Event::LagArmed { .. }
            | Event::LagElapsed { .. }
            | Event::TaskSucceeded { .. }
            | Event::TaskTaken { .. }
            | Event::TaskFailed { .. }
            | Event::TaskStuck { .. }
            | Event::TaskSkipped { .. }
            | Event::TaskCancelled { .. }
            | Event::CancelRequested { .. }
            | Event::EndRequested { .. }
            | Event::RunEnded { .. } => unreachable!("`fits` lets only progress through"),
        };
        self.count_limits(id, event, at);
        change
    }

    /// Applies that a body without a worker begins an attempt.
    #[expect(clippy::too_many_lines, reason = "every event is named, so that a new one is not passed over")]
    fn apply_begin(&mut self, id: ActivationId, event: &Event, at: Timestamp) -> Change {
        match event {
            Event::ScopeEntered { attempt, inputs, .. } => {
                self.retire(id);
                let change = self.change(id, Phase::None, at, |scope| scope.status = Status::Running);
                self.begin_attempt(id, *attempt);
                if inputs.is_some() {
                    self.at_mut(id).facts_mut().inputs = *inputs;
                }
                self.enter_scope(id);
                self.mark_started(id);
                change
            }
            Event::ItemsExpanded { count, items, keys, .. } => {
                self.retire(id);
                let attempt = self.attempt_due(id);
                let change = self.change(id, Phase::None, at, |each| {
                    each.status = Status::Running;
                    each.work = Work::Each(Box::new(EachState::new(*items, keys.as_deref(), *count)));
                });
                self.begin_attempt(id, attempt);
                self.fill_items(id);
                self.agenda.push_back(Agenda::Check(id));
                self.mark_started(id);
                change
            }
            Event::ChildCalled { child, definition, inputs, .. } => {
                let attempt = self.attempt_due(id);
                let call = CallState { child: *child, definition: *definition, inputs: *inputs };
                let change = self.change(id, Phase::None, at, |activation| {
                    activation.status = Status::Running;
                    activation.work = Work::Call(Box::new(call));
                });
                self.begin_attempt(id, attempt);
                self.mark_started(id);
                change
            }
            Event::TimerArmed { due, .. } => {
                let attempt = self.attempt_due(id);
                let change = self.change(id, Phase::None, at, |timer| {
                    timer.work = Work::Timer { due: *due };
                    timer.status = Status::Waiting;
                });
                self.begin_attempt(id, attempt);
                self.mark_started(id);
                change
            }
            Event::CaseChosen { case, .. } => {
                let attempt = self.attempt_due(id);
                let change =
                    self.change(id, Phase::None, at, |choice| choice.work = Work::Choice { case: *case });
                self.begin_attempt(id, attempt);
                change
            }
            Event::RunStarted { .. }
            | Event::RunQueued { .. }
            | Event::RunAdmitted
            | Event::Rebased { .. }
            | Event::RoundBegan { .. }
            | Event::HandlerEntered { .. }
            | Event::LimitReached { .. }
            | Event::ChildUnknown { .. }
            | Event::HoldQueued { .. }
            | Event::HoldGranted { .. }
            | Event::TaskQueued { .. }
            | Event::AttemptGranted { .. }
            | Event::AttemptEnded { .. }
            | Event::RetryArmed { .. }
            | Event::AwaitOpened { .. }
            | Event::SignalReceived { .. }
            | Event::SignalTaken { .. }
            | Event::LagArmed { .. }
            | Event::LagElapsed { .. }
            | Event::TaskPostponed { .. }
            | Event::TaskReleased { .. }
            | Event::TaskSucceeded { .. }
            | Event::TaskFailed { .. }
            | Event::TaskStuck { .. }
            | Event::TaskSkipped { .. }
            | Event::TaskCancelled { .. }
            | Event::CancelRequested { .. }
            | Event::TaskTaken { .. }
            | Event::EndRequested { .. }
            | Event::RunEnded { .. } => {
                unreachable!("these are all the events with which such bodies begin")
            }
        }
    }

    /// Returns the attempt that a body without a worker begins now.
    pub(super) fn attempt_due(&self, id: ActivationId) -> Attempt {
        let armed = self.at(id).facts().and_then(|facts| facts.repeat);
        armed.map_or(Attempt::FIRST, |(attempt, _)| attempt)
    }

    /// Notes that a body without a worker begins an attempt.
    pub(super) fn begin_attempt(&mut self, id: ActivationId, attempt: Attempt) {
        let activation = self.at_mut(id);
        activation.is_closing = false;
        if activation.rare.is_some() || attempt > Attempt::FIRST {
            let facts = activation.facts_mut();
            (facts.attempt, facts.repeat, facts.limit) = (attempt, None, None);
        }
    }

    /// Applies what happens to the attempts of a task.
    #[expect(clippy::too_many_lines, reason = "every event is named, so that a new one is not passed over")]
    fn apply_attempt(&mut self, id: ActivationId, event: &Event, at: Timestamp) -> Change {
        let before = self.at(id).facts().and_then(|facts| facts.stuck.as_ref());
        let attempts_made = before.map_or(0, |stuck| stuck.attempts);
        let fresh = Leaf { attempts_made, ..Leaf::default() };
        let mut leaf = self.at(id).leaf().copied().unwrap_or(fresh);
        let (mut status, mut phase) = (self.at(id).status, self.at(id).phase);
        let (mut artifacts, mut cached, mut names) = (None, None, None);
        match event {
            Event::TaskQueued { attempt, input, named, .. } => {
                names.clone_from(named);
                (leaf.attempt, leaf.input, leaf.retry_due) = (*attempt, *input, None);
                (status, phase) = (Status::Pending, Phase::Queued);
            }
            Event::AttemptGranted { token, .. } => {
                leaf.token = Some(*token);
                leaf.attempts_made += 1;
                (status, phase) = (Status::Running, Phase::Granted);
                self.set_due(id, Limit::Queue, None);
            }
            Event::AttemptEnded { report, .. } => {
                leaf.token = None;
                artifacts = Some(report.artifacts.map(Box::new));
                cached.clone_from(&report.cached);
                let is_failure =
                    matches!(report.end, AttemptEnd::Failed { .. } | AttemptEnd::TimedOut { .. });
                leaf.retries_used += u32::from(is_failure);
                leaf.losses = losses_after(leaf.losses, &report.end);
                leaf.is_unknown |= is_unknown(report);
            }
            Event::RunStarted { .. }
            | Event::RunQueued { .. }
            | Event::RunAdmitted
            | Event::Rebased { .. }
            | Event::ScopeEntered { .. }
            | Event::RoundBegan { .. }
            | Event::HandlerEntered { .. }
            | Event::LimitReached { .. }
            | Event::ChildCalled { .. }
            | Event::ChildUnknown { .. }
            | Event::ItemsExpanded { .. }
            | Event::HoldQueued { .. }
            | Event::HoldGranted { .. }
            | Event::RetryArmed { .. }
            | Event::TimerArmed { .. }
            | Event::AwaitOpened { .. }
            | Event::SignalReceived { .. }
            | Event::SignalTaken { .. }
            | Event::LagArmed { .. }
            | Event::LagElapsed { .. }
            | Event::TaskPostponed { .. }
            | Event::TaskReleased { .. }
            | Event::CaseChosen { .. }
            | Event::TaskSucceeded { .. }
            | Event::TaskFailed { .. }
            | Event::TaskStuck { .. }
            | Event::TaskSkipped { .. }
            | Event::TaskCancelled { .. }
            | Event::CancelRequested { .. }
            | Event::TaskTaken { .. }
            | Event::EndRequested { .. }
            | Event::RunEnded { .. } => {
                unreachable!("these are all the events of attempts")
            }
        }
        let change = self.change(id, phase, at, |task| {
            task.work = Work::Leaf(leaf);
            task.status = status;
            if let Some(rare) = &mut task.rare {
                (rare.facts.repeat, rare.facts.cached) = (None, None);
            }
            if cached.is_some() {
                task.facts_mut().cached = cached;
            }
            if names.is_some() {
                task.facts_mut().named = names;
            }
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
        let (mut output, mut fault, mut vars, mut is_by_hand) = (None, None, None, false);
        let status = match event {
            Event::TaskSucceeded { output: hash, vars: written, fault: error, .. } => {
                (output, vars) = (Some(*hash), *written);
                fault.clone_from(error);
                Status::Succeeded
            }
            Event::TaskFailed { fault: error, is_timeout, .. } => {
                fault = Some(error.clone());
                if *is_timeout { Status::TimedOut } else { Status::Failed }
            }
            Event::TaskSkipped { reason, .. } => {
                is_by_hand = matches!(reason, SkipReason::Person { .. });
                Status::Skipped
            }
            Event::TaskCancelled { .. } => Status::Cancelled,
            Event::RunStarted { .. }
            | Event::RunQueued { .. }
            | Event::RunAdmitted
            | Event::Rebased { .. }
            | Event::ScopeEntered { .. }
            | Event::RoundBegan { .. }
            | Event::HandlerEntered { .. }
            | Event::LimitReached { .. }
            | Event::ChildCalled { .. }
            | Event::ChildUnknown { .. }
            | Event::ItemsExpanded { .. }
            | Event::HoldQueued { .. }
            | Event::HoldGranted { .. }
            | Event::TaskQueued { .. }
            | Event::AttemptGranted { .. }
            | Event::AttemptEnded { .. }
            | Event::RetryArmed { .. }
            | Event::TimerArmed { .. }
            | Event::AwaitOpened { .. }
            | Event::SignalReceived { .. }
            | Event::SignalTaken { .. }
            | Event::LagArmed { .. }
            | Event::LagElapsed { .. }
            | Event::TaskPostponed { .. }
            | Event::TaskReleased { .. }
            | Event::CaseChosen { .. }
            | Event::TaskStuck { .. }
            | Event::CancelRequested { .. }
            | Event::TaskTaken { .. }
            | Event::EndRequested { .. }
            | Event::RunEnded { .. } => {
                unreachable!("these are all the ends of tasks")
            }
        };
        self.forget_handling(id);
        self.ends.remove(&id);
        let change = self.change(id, Phase::None, at, |activation| {
            (activation.status, activation.output, activation.fault) = (status, output, fault);
            if is_by_hand {
                activation.facts_mut().is_by_hand = true;
            }
        });
        self.write_vars(id, vars);
        self.keep_vars(id);
        self.settle(id);
        change
    }

    /// Sets the variables of the flow that an activation writes to.
    pub(super) fn write_vars(&mut self, id: ActivationId, vars: Option<ValueHash>) {
        if vars.is_some()
            && let Some(owner) = self.vars_owner(id)
            && let Work::Flow(flow) = &mut self.at_mut(owner).work
        {
            flow.vars = vars;
        }
    }

    /// Lets go of what mattered only until the end of an activation.
    pub(super) fn forget_handling(&mut self, id: ActivationId) {
        self.clear_dues(id);
        if let Some(rare) = &mut self.at_mut(id).rare {
            let facts = &mut rare.facts;
            (facts.handling, facts.caught, facts.limit, facts.repeat) = (None, None, None, None);
            (facts.named, facts.hold) = (None, None);
            facts.catch_retries = Vec::new();
        }
    }

    /// Makes the root, and enters it unless the run needs a place among those of its workflow first.
    fn make_root(&mut self, event: &Event, at: Timestamp) -> Change {
        let mut root = Activation::new(self.definition.root, ActivationId::ROOT, 0);
        let is_bounded = self.definition.concurrency.is_some();
        if !is_bounded {
            (root.status, root.started, root.has_started) = (Status::Running, Some(at), true);
        }
        self.push(root);
        // The deadline counts from here on, also while the run waits.
        self.count_limits(ActivationId::ROOT, event, at);
        if is_bounded {
            self.await_key();
            return self.change_run(Status::Pending, Phase::None);
        }
        self.enter_scope(ActivationId::ROOT);
        self.change_run(Status::Running, Phase::None)
    }

    /// Notes that an activation runs, and decides the edges that asked for it.
    pub(super) fn mark_started(&mut self, id: ActivationId) {
        if !self.at(id).has_started {
            self.at_mut(id).has_started = true;
            self.decide_edges(id, Happening::Started);
        }
    }

    /// Lets what follows from an end follow: edges, the flow's token, the next items.
    pub(super) fn settle(&mut self, id: ActivationId) {
        let Some(parent) = self.parent(id) else { return };
        if self.at(id).is_handler {
            return self.agenda.push_back(Agenda::Handled(parent));
        }
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
            Work::None
            | Work::Leaf(_)
            | Work::Timer { .. }
            | Work::Postponed { .. }
            | Work::Choice { .. }
            | Work::Await(_)
            | Work::Call(_) => {}
        }
    }

    /// Notes that an activation, and everything inside it that has not ended, is to be cancelled.
    pub(super) fn mark_cancelling(&mut self, id: ActivationId) {
        self.clear_dues(id);
        let activation = self.at_mut(id);
        activation.is_cancelling = true;
        if activation.leaf().is_some_and(|leaf| leaf.token.is_some()) {
            activation.phase = Phase::Cancelling;
        }
        for child in self.live_children(id) {
            self.mark_cancelling(child);
        }
    }

    /// Notes that everything inside an activation is to be ended, for a reason of its own.
    pub(super) fn mark_closing(&mut self, id: ActivationId) {
        self.at_mut(id).is_closing = true;
        self.set_due(id, Limit::Attempt, None);
        if self.is_enough(id) {
            self.clear_dues(id);
        }
        for child in self.live_inside(id) {
            self.mark_cancelling(child);
        }
    }
}
