//! What follows the body of a node: repetition, the `catch` that takes an error, `on_failure`, `finally`, the end.
//!
//! | the body | what follows |
//! |---|---|
//! | succeeded | `finally`, the end |
//! | failed | its `retry`; the first `catch` that fits, with its own `retry` before; `on_failure`; `finally`; the end |
//! | failed while it is being cancelled | `finally`, the end |
//! | was cancelled after it had started | `finally`, the end |
//! | was cancelled before | the end |
//!
//! See `docs/decisions/0006-handling.md`.

use std::sync::Arc;

use myrmex_model::command::TimerKey;
use myrmex_model::effect::{CatchChoice, Effect, Question};
use myrmex_model::event::{Change, Event, HandlerKind, Limit, Pending};
use myrmex_model::fault::Fault;
use myrmex_model::id::Attempt;
use myrmex_model::ir::{Catch, Handling, Repetition, Retry};
use myrmex_model::outcome::Outcome;
use myrmex_model::status::{Phase, Status};
use myrmex_model::time::Timestamp;
use myrmex_model::value::HashedValue;

use super::arena::{Activation, ActivationId, Asked, Hold, Work};
use super::decide::Turn;
use super::{Agenda, Ending, Run, pause};

impl Run {
    /// Applies the beginning of a handler, which is known to fit.
    pub(super) fn apply_handler(
        &mut self,
        id: ActivationId,
        kind: HandlerKind,
        pending: &Pending,
        at: Timestamp,
    ) -> Change {
        let definition = Arc::clone(&self.definition);
        let handling = definition.node(self.at(id).node).handling.as_ref();
        let node = handling.and_then(|handling| handling.node(kind)).expect("`fits` looked for the handler");
        let phase = match kind {
            HandlerKind::Catch(_) | HandlerKind::OnFailure => Phase::Handling,
            HandlerKind::Finally => Phase::Finishing,
        };
        self.clear_dues(id);
        let change = self.change(id, phase, at, |activation| {
            activation.status = Status::Running;
            let facts = activation.facts_mut();
            if let (HandlerKind::Catch(_), Pending::Failed { fault, .. }) = (kind, pending) {
                facts.caught = Some(fault.clone());
            }
            facts.handling = Some((kind, pending.clone()));
            // A body that never began waits for nothing any more.
            facts.hold = facts.hold.filter(|hold| *hold != Hold::Waiting);
        });
        self.add_handler(id, kind, node);
        self.mark_started(id);
        change
    }

    /// Makes the activation of a handler.
    pub(super) fn add_handler(
        &mut self,
        id: ActivationId,
        kind: HandlerKind,
        node: myrmex_model::ir::NodeId,
    ) -> ActivationId {
        let mut handler = Activation::new(node, id, 0);
        handler.is_handler = true;
        handler.visit = self.turn_of_work(id);
        let handler = self.push(handler);
        self.at_mut(id).rare_mut().handlers.push((kind, handler));
        self.agenda.push_back(Agenda::Begin(handler));
        handler
    }

    /// Applies that the body of a node will be repeated.
    pub(super) fn apply_repeat(
        &mut self,
        id: ActivationId,
        (attempt, due): (Attempt, Timestamp),
        by_catch: Option<u32>,
        at: Timestamp,
    ) -> Change {
        self.set_due(id, Limit::Attempt, None);
        self.change(id, Phase::Retrying, at, |activation| {
            activation.status = Status::Waiting;
            if let Some(index) = by_catch {
                let retries = &mut activation.facts_mut().catch_retries;
                let index = index as usize;
                retries.resize(retries.len().max(index + 1), 0);
                retries[index] += 1;
            }
            if let Work::Leaf(leaf) = &mut activation.work {
                (leaf.attempt, leaf.retry_due) = (attempt, Some(due));
                return;
            }
            let facts = activation.facts_mut();
            facts.repeat = Some((attempt, due));
            facts.repeated += 1;
            facts.limit = None;
            facts.hold = facts.hold.filter(|hold| *hold != Hold::Waiting);
        })
    }

    /// Returns whether an activation is being cancelled, and not because the run ends as it should.
    pub(super) fn is_stopped(&self, id: ActivationId) -> bool {
        let ends_well = id == ActivationId::ROOT && self.ending == Some(Ending::Success);
        self.at(id).is_cancelling && !ends_well
    }

    /// Returns whether the activation's `finally` is at work and nothing may end it.
    pub(super) fn is_shielded(&self, id: ActivationId) -> bool {
        let is_finishing = matches!(self.at(id).handling(), Some((HandlerKind::Finally, _)));
        is_finishing && self.ending != Some(Ending::Abort)
    }

    /// Returns how the body of an activation ended, if it has. One that is to be repeated has failed for now.
    pub(super) fn body_outcome(&self, id: ActivationId) -> Option<Outcome> {
        match self.at(id).handling() {
            Some((_, Pending::Succeeded { .. })) => Some(Outcome::Succeeded),
            Some((_, Pending::Failed { .. })) => Some(Outcome::Failed),
            Some((_, Pending::Cancelled)) => Some(Outcome::Cancelled),
            None if self.at(id).phase == Phase::Retrying || self.at(id).status == Status::Stuck => {
                Some(Outcome::Failed)
            }
            None => Outcome::of(self.at(id).status),
        }
    }

    /// Returns how many attempts failed, with the one that failed just now, but for those that a `catch` asked for.
    fn own_failures(&self, id: ActivationId) -> u32 {
        let activation = self.at(id);
        let failures = match (&activation.work, activation.facts()) {
            (Work::Leaf(leaf), _) => leaf.retries_used,
            (_, Some(facts)) => facts.repeated + 1,
            (_, None) => 1,
        };
        let caught = activation.facts().map_or(0, |facts| facts.catch_retries.iter().sum());
        failures.saturating_sub(caught)
    }

    fn catch_retries(&self, id: ActivationId, index: u32) -> u32 {
        let facts = self.at(id).facts();
        facts.and_then(|facts| facts.catch_retries.get(index as usize)).copied().unwrap_or(0)
    }

    /// Returns whether the body may be repeated at all. A run that was ended early begins nothing again.
    fn is_repeatable(&self, id: ActivationId) -> bool {
        self.at(id).limit() != Some(Limit::Total) && !self.at(id).is_cancelling && !self.has_unknown(id)
    }

    /// Returns whether inside `id` an attempt that nothing may repeat ended with an unknown outcome.
    pub(super) fn has_unknown(&self, id: ActivationId) -> bool {
        self.is_unknown(id) || self.inside(id).into_iter().any(|child| self.has_unknown_below(child))
    }

    /// Returns whether an attempt of an activation itself, or of a child run that it called, ended so.
    fn is_unknown(&self, id: ActivationId) -> bool {
        let activation = self.at(id);
        let is_unknown = activation.leaf().is_some_and(|leaf| leaf.is_unknown);
        let is_once = || self.node(id).policy.repetition == Repetition::Forbidden;
        (is_unknown && is_once()) || activation.facts().is_some_and(|facts| facts.is_unknown)
    }

    /// Returns whether anywhere in the run an attempt that nothing may repeat ended with an unknown outcome. Whoever
    /// called the run must not call it again then.
    pub fn has_unknown_outcome(&self) -> bool {
        self.is_unknown || (0..).map(ActivationId).zip(&self.arena).any(|(id, _)| self.is_unknown(id))
    }

    pub(super) fn has_unknown_below(&self, id: ActivationId) -> bool {
        self.has_unknown(id) || self.handlers(id).any(|handler| self.has_unknown_below(handler))
    }
}

impl Turn<'_> {
    /// Decides whether a failed attempt is followed by another.
    pub(super) fn retry(&mut self, id: ActivationId, fault: Fault, is_timeout: bool) {
        let definition = Arc::clone(&self.run.definition);
        let Some(retry) = definition.node(self.run.at(id).node).policy.retry.as_ref() else {
            return self.fail(id, fault, is_timeout);
        };
        if self.run.own_failures(id) > retry.retries || !self.run.is_repeatable(id) {
            return self.fail(id, fault, is_timeout);
        }
        if retry.when.is_some() {
            let attempt = self.run.at(id).attempt();
            let asked = Asked { fault: fault.clone(), is_timeout, is_catch: false };
            self.run.at_mut(id).rare_mut().asked = Some(asked);
            return self.ask(id, Question::Retry { fault, attempt });
        }
        self.arm_retry(id, retry, None);
    }

    /// Goes on after `retry.when` was evaluated.
    pub(super) fn retry_or_fail(&mut self, id: ActivationId, may_retry: bool) {
        let asked = self.run.at_mut(id).rare_mut().asked.take();
        let definition = Arc::clone(&self.run.definition);
        let retry = definition.node(self.run.at(id).node).policy.retry.as_ref();
        if let Some(retry) = retry.filter(|_| may_retry) {
            return self.arm_retry(id, retry, None);
        }
        let Asked { fault, is_timeout, .. } = asked.expect("the question of a retry leaves its error here");
        self.fail(id, fault, is_timeout);
    }

    fn arm_retry(&mut self, id: ActivationId, retry: &Retry, by_catch: Option<u32>) {
        let task = self.run.address(id);
        let number = match by_catch {
            Some(index) => self.run.catch_retries(id, index) + 1,
            None => self.run.own_failures(id),
        };
        let pause = pause::before_retry(retry, number, &self.run.id(), &task);
        let (attempt, due) = (self.run.at(id).attempt().next(), self.now.after(pause));
        self.emit(Event::RetryArmed { task: task.clone(), attempt, due, by_catch });
        if due <= self.now {
            self.repeat(id);
        } else {
            self.effect(Effect::Arm { timer: TimerKey::Retry(task), due });
        }
    }

    /// Begins the attempt that was armed. What was evaluated for the first is not evaluated again.
    pub(super) fn repeat(&mut self, id: ActivationId) {
        let task = self.run.address(id);
        let activation = self.run.at(id);
        let armed = activation.facts().and_then(|facts| facts.repeat);
        match &activation.work {
            Work::Leaf(leaf) => {
                let (attempt, input) = (leaf.attempt, leaf.input);
                self.queue(task, attempt, input);
            }
            Work::Graph(_) | Work::Flow(_) => {
                let attempt = armed.map_or(Attempt::FIRST, |(attempt, _)| attempt);
                let inputs = activation.inputs().filter(|_| self.run.is_bound(id));
                self.emit(Event::ScopeEntered { task, attempt, inputs });
            }
            Work::Each(each) => {
                let keys = each.keys.as_ref().map(|keys| keys.keys().cloned().collect());
                let (count, items) = (each.count, each.items);
                self.emit(Event::ItemsExpanded { task, count, items, keys });
            }
            Work::Call(call) => {
                let call = **call;
                self.call(id, call.definition, call.inputs);
            }
            Work::Await(state) => {
                let asked = Box::new(state.asked.clone());
                self.open_await(id, asked);
            }
            Work::None | Work::Timer { .. } | Work::Postponed { .. } | Work::Choice { .. } => {
                if !self.fails_at_dead_end(id) {
                    self.ask(id, Question::Begin);
                }
            }
        }
    }

    /// Goes on after the body failed for good.
    pub(super) fn fail(&mut self, id: ActivationId, mut fault: Fault, is_timeout: bool) {
        if fault.task.is_none() && id != ActivationId::ROOT {
            fault.task = Some(self.run.address(id).path().into_owned());
        }
        self.conclude(id, Pending::Failed { fault: Box::new(fault), is_timeout });
    }

    /// Lets follow what follows the body, now that it has ended.
    pub(super) fn conclude(&mut self, id: ActivationId, pending: Pending) {
        let definition = Arc::clone(&self.run.definition);
        let handling = definition.node(self.run.at(id).node).handling.as_ref();
        let Some(handling) = handling.filter(|_| id != ActivationId::ROOT || !self.run.is_outside()) else {
            return self.finish(id, pending);
        };
        match pending {
            Pending::Failed { fault, is_timeout } if !self.run.is_stopped(id) => {
                self.choose_catch(id, handling, *fault, is_timeout);
            }
            Pending::Succeeded { .. } | Pending::Failed { .. } | Pending::Cancelled => {
                self.finally(id, handling, pending);
            }
        }
    }

    /// Finds the handler of an error, and asks for an evaluation only if one is needed.
    fn choose_catch(&mut self, id: ActivationId, handling: &Handling, fault: Fault, is_timeout: bool) {
        let mut candidates = Vec::new();
        for (index, catch) in (0..).zip(&handling.catches) {
            if fits(catch, &fault) {
                candidates.push(index);
                if catch.when.is_none() {
                    break;
                }
            }
        }
        let Some(first) = candidates.first().copied() else {
            let pending = Pending::Failed { fault: Box::new(fault), is_timeout };
            return self.after_catch(id, handling, pending);
        };
        let catch = &handling.catches[first as usize];
        let asks_retry = self.may_repeat(id, first, catch).is_some_and(|retry| retry.when.is_some());
        if catch.when.is_none() && !asks_retry {
            let choice = CatchChoice { handler: first, may_retry: true };
            return self.caught(id, Some(choice), fault, is_timeout);
        }
        let attempt = self.run.at(id).attempt();
        let asked = Asked { fault: fault.clone(), is_timeout, is_catch: true };
        self.run.at_mut(id).rare_mut().asked = Some(asked);
        self.ask(id, Question::Catch { fault, attempt, candidates });
    }

    /// Returns the `retry` of a `catch` if it still allows a repetition.
    fn may_repeat<'c>(&self, id: ActivationId, index: u32, catch: &'c Catch) -> Option<&'c Retry> {
        let retry = catch.retry.as_ref()?;
        let is_left = self.run.catch_retries(id, index) < retry.retries;
        (is_left && self.run.is_repeatable(id)).then_some(retry)
    }

    /// Goes on after the handler of an error was looked for.
    pub(super) fn catch_chosen(&mut self, id: ActivationId, choice: Option<CatchChoice>) {
        let asked = self.run.at_mut(id).rare_mut().asked.take();
        let Asked { fault, is_timeout, .. } = asked.expect("the question of a handler leaves its error here");
        let choice = choice.filter(|_| !self.run.is_stopped(id));
        self.caught(id, choice, fault, is_timeout);
    }

    fn caught(&mut self, id: ActivationId, choice: Option<CatchChoice>, fault: Fault, is_timeout: bool) {
        let definition = Arc::clone(&self.run.definition);
        let Some(handling) = &definition.node(self.run.at(id).node).handling else { return };
        let pending = Pending::Failed { fault: Box::new(fault), is_timeout };
        let found = choice.and_then(|choice| Some((choice, handling.catches.get(choice.handler as usize)?)));
        let Some((choice, catch)) = found else { return self.after_catch(id, handling, pending) };
        match self.may_repeat(id, choice.handler, catch).filter(|_| choice.may_retry) {
            Some(retry) => self.arm_retry(id, retry, Some(choice.handler)),
            None => self.enter(id, HandlerKind::Catch(choice.handler), pending),
        }
    }

    /// Goes on after an evaluation about an activation failed.
    pub(super) fn unanswered(&mut self, id: ActivationId, fault: Fault) {
        let asked = self.run.at_mut(id).rare.as_mut().and_then(|rare| rare.asked.take());
        let definition = Arc::clone(&self.run.definition);
        match (&definition.node(self.run.at(id).node).handling, asked) {
            // Whether a handler takes the error cannot be said, so none does; why is the error now.
            (Some(handling), Some(Asked { is_catch: true, .. })) => {
                let pending = Pending::Failed { fault: Box::new(fault), is_timeout: false };
                self.after_catch(id, handling, pending);
            }
            (Some(_) | None, _) => self.fail(id, fault, false),
        }
    }

    fn after_catch(&mut self, id: ActivationId, handling: &Handling, pending: Pending) {
        let has_failed = matches!(pending, Pending::Failed { .. });
        if has_failed && handling.on_failure.is_some() && !self.run.is_stopped(id) {
            self.enter(id, HandlerKind::OnFailure, pending);
        } else {
            self.finally(id, handling, pending);
        }
    }

    fn finally(&mut self, id: ActivationId, handling: &Handling, pending: Pending) {
        let has_begun = self.run.at(id).has_started || pending != Pending::Cancelled;
        let is_aborted = self.run.ending == Some(Ending::Abort) && self.run.is_stopped(id);
        if handling.finally.is_some() && has_begun && !is_aborted {
            self.enter(id, HandlerKind::Finally, pending);
        } else {
            self.finish(id, pending);
        }
    }

    fn enter(&mut self, id: ActivationId, handler: HandlerKind, pending: Pending) {
        let task = self.run.address(id);
        self.emit(Event::HandlerEntered { task, handler, pending });
    }

    /// Goes on after a handler has ended.
    pub(super) fn handled(&mut self, id: ActivationId) {
        let Some((kind, pending)) = self.run.at(id).handling().cloned() else { return };
        let Some(handler) = self.run.handler(id, kind) else { return };
        let handler = self.run.at(handler);
        let Some(outcome) = Outcome::of(handler.status) else { return };
        let failure = || Pending::Failed {
            fault: handler.fault.clone().expect("what failed has an error"),
            // Only its deadline makes a run one that timed out.
            is_timeout: handler.status == Status::TimedOut && id != ActivationId::ROOT,
        };
        let given =
            Pending::Succeeded { output: handler.output.unwrap_or_else(HashedValue::null_hash), vars: None };
        let definition = Arc::clone(&self.run.definition);
        let Some(handling) = &definition.node(self.run.at(id).node).handling else {
            return self.finish(id, pending);
        };
        match (kind, outcome) {
            (HandlerKind::Catch(_), Outcome::Succeeded | Outcome::Skipped | Outcome::Started) => {
                self.finally(id, handling, given);
            }
            (HandlerKind::Catch(_), Outcome::Failed) => {
                let pending = failure();
                self.after_catch(id, handling, pending);
            }
            (HandlerKind::Catch(_), Outcome::Cancelled) => self.finally(id, handling, Pending::Cancelled),
            (HandlerKind::OnFailure, _) => self.finally(id, handling, pending),
            (HandlerKind::Finally, Outcome::Failed) if matches!(pending, Pending::Succeeded { .. }) => {
                let pending = failure();
                self.finish(id, pending);
            }
            (HandlerKind::Finally, _) => self.finish(id, pending),
        }
    }

    /// Ends an activation for good.
    fn finish(&mut self, id: ActivationId, pending: Pending) {
        let continues = self.run.node(id).handling.as_ref().is_some_and(|handling| handling.continues);
        let (pending, fault) = match pending {
            Pending::Failed { fault, .. } if continues => {
                let output = HashedValue::null_hash();
                (Pending::Succeeded { output, vars: None }, Some(fault))
            }
            Pending::Succeeded { .. } => {
                let caught = self.run.at(id).facts().and_then(|facts| facts.caught.clone());
                (pending, caught)
            }
            Pending::Failed { .. } | Pending::Cancelled => (pending, None),
        };
        if id == ActivationId::ROOT {
            return self.finish_run(pending, fault);
        }
        let task = self.run.address(id);
        match pending {
            Pending::Succeeded { output, vars } => {
                self.emit_end(id, Event::TaskSucceeded { task, output, vars, fault });
            }
            Pending::Failed { fault, is_timeout } => self.end_failed(id, fault, is_timeout),
            Pending::Cancelled => self.emit_end(id, Event::TaskCancelled { task }),
        }
    }

    /// Ends the run. One that somebody cancelled is cancelled, whatever its last handler was about.
    fn finish_run(&mut self, pending: Pending, fault: Option<Box<Fault>>) {
        let is_cancelled = matches!(self.run.ending, Some(Ending::Cancel | Ending::Abort));
        let (status, output, fault) = match pending {
            _ if is_cancelled => (Status::Cancelled, None, None),
            Pending::Succeeded { output, .. } => (Status::Succeeded, Some(output), fault),
            Pending::Failed { fault, is_timeout: true } => (Status::TimedOut, None, Some(fault)),
            Pending::Failed { fault, is_timeout: false } => (Status::Failed, None, Some(fault)),
            // A handler of the run ended the run as it should.
            Pending::Cancelled => (Status::Succeeded, Some(HashedValue::null_hash()), None),
        };
        self.emit(Event::RunEnded { status, output, fault });
        self.effect(Effect::End);
    }
}

/// Returns whether a handler is for errors of this kind and status.
fn fits(catch: &Catch, fault: &Fault) -> bool {
    let is_kind = catch.kinds.is_empty() || catch.kinds.iter().any(|kind| kind == fault.kind.as_str());
    is_kind && (catch.statuses.is_empty() || catch.statuses.contains(&fault.status))
}
