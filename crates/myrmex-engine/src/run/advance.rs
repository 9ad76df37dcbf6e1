//! Draining the agenda: beginning what may begin, skipping what cannot, and ending scopes.

use std::collections::VecDeque;

use myrmex_model::command::TimerKey;
use myrmex_model::demand::Asks;
use myrmex_model::effect::{Effect, Evaluation, Question, Request, Ticket};
use myrmex_model::event::{Event, Pending, SkipReason};
use myrmex_model::fault::{Fault, FaultKind};
use myrmex_model::id::{Attempt, ValueHash};
use myrmex_model::ir::{Body, Holds, Outputs};
use myrmex_model::status::{Phase, Status};
use myrmex_model::template::Template;
use myrmex_model::value::HashedValue;

use super::arena::{ActivationId, Work, parallel_max};
use super::decide::{Rejection, Turn};
use super::hold::holds;
use super::rounds::Token;
use super::{Agenda, Ending};

/// The most visits of one task in a flow. A loop without a pause that never ends would otherwise never leave its turn.
pub(super) const FLOW_VISITS_MAX: usize = 100_000;

impl Turn<'_> {
    /// Decides what is on the agenda, as far as this turn may.
    pub(super) fn drain(&mut self) {
        // A cancel is never left for the next turn: nothing may begin after it is recorded.
        let is_cancel = |agenda: &VecDeque<Agenda>| matches!(agenda.front(), Some(Agenda::Cancel(_)));
        loop {
            self.run.fill_withheld();
            let may_go_on = self.run.left > 0 || is_cancel(&self.run.agenda);
            let Some(item) = may_go_on.then(|| self.run.agenda.pop_front()).flatten() else { break };
            self.run.left = self.run.left.saturating_sub(1);
            match item {
                Agenda::Key => self.ask_key(),
                Agenda::Begin(id) => self.begin(id),
                Agenda::Skip(id, reason) => self.skip(id, reason),
                Agenda::Check(id) => self.check(id),
                Agenda::Attend(id) => self.attend(id),
                Agenda::Lag(ends, holds) => self.arm_lag(ends, holds),
                Agenda::Cancel(id) => self.stop(id),
                Agenda::Handled(id) => self.handled(id),
                Agenda::End(id) => self.request_end(id),
            }
        }
        self.settle_limits();
    }

    /// Ends the run early; a run that is being ended already stays with the first reason.
    fn request_end(&mut self, id: ActivationId) {
        if self.run.ending.is_none() {
            let task = self.run.address(id);
            self.emit(Event::EndRequested { task });
        }
    }

    fn begin(&mut self, id: ActivationId) {
        let own = self.run.at(id);
        if !own.is_open() || own.phase == Phase::Postponed || self.awaits_ends(id) || self.is_held_back(id) {
            return;
        }
        if self.run.is_dated(id) {
            return self.ask_to_begin(id);
        }
        self.begin_now(id);
    }

    /// Begins what nothing holds back.
    pub(super) fn begin_now(&mut self, id: ActivationId) {
        self.disarm_lags_into(id, Holds::Begin);
        let definition = std::sync::Arc::clone(&self.run.definition);
        let node = definition.node(self.run.at(id).node);
        if self.is_runaway(id) {
            let title = format!("the flow came to this task more than {FLOW_VISITS_MAX} times");
            return self.fail(id, Fault::new(FaultKind::DataLimit, title), false);
        }
        let asks = node.policy.asks.as_deref();
        let asks_nothing = node.guard.is_none()
            && !self.run.may_take(id)
            && !holds(node)
            && !asks.is_some_and(Asks::has_expressions);
        match &node.body {
            Body::Graph(_) | Body::Flow(_) if asks_nothing && node.binding.is_none() => {
                let task = self.run.address(id);
                self.emit(Event::ScopeEntered { task, attempt: Attempt::FIRST, inputs: None });
                self.cancel_late(id);
            }
            Body::Task(task) if asks_nothing && is_literal(&task.arguments) => {
                if let Some(fault) = self.run.fixed_held_around(id) {
                    return self.fail(id, fault, false);
                }
                let task = self.run.address(id);
                self.queue(task, Attempt::FIRST, None);
                self.cancel_late(id);
            }
            Body::Task(_)
            | Body::Value(_)
            | Body::Timer(_)
            | Body::Choose(_)
            | Body::Raise(_)
            | Body::Await(_)
            | Body::Flow(_)
            | Body::Graph(_)
            | Body::Each(_)
            | Body::Call(_) => self.ask(id, Question::Begin),
        }
    }

    /// Keeps a child of a full graph waiting; the end of another child brings it back. Nothing brings back what has not
    /// begun when enough has succeeded.
    pub(super) fn is_held_back(&mut self, id: ActivationId) -> bool {
        let Some(parent) = self.run.scope_around(id) else { return false };
        if self.run.is_enough(parent) {
            return true;
        }
        let Some(most) = parallel_max(&self.run.node(parent).body) else { return false };
        let index = self.run.at(id).index;
        match &mut self.run.at_mut(parent).work {
            Work::Graph(graph) if graph.counts.active >= most => {
                graph.waiting.insert(index);
                true
            }
            Work::Graph(graph) => {
                graph.waiting.remove(&index);
                false
            }
            Work::None
            | Work::Leaf(_)
            | Work::Timer { .. }
            | Work::Postponed { .. }
            | Work::Choice { .. }
            | Work::Await(_)
            | Work::Flow(_)
            | Work::Each(_)
            | Work::Call(_) => false,
        }
    }

    fn is_runaway(&self, id: ActivationId) -> bool {
        let activation = self.run.at(id);
        activation.visit as usize > FLOW_VISITS_MAX
    }

    /// Asks for an evaluation about `id`.
    pub(super) fn ask(&mut self, id: ActivationId, question: Question) {
        self.run.update(id, |activation| activation.is_evaluating = true);
        let node = self.run.at(id).node;
        self.decision.requests.push(Request { ticket: Ticket(id.0), node, question });
    }

    fn skip(&mut self, id: ActivationId, reason: SkipReason) {
        if self.run.at(id).is_open() {
            self.disarm_lags_into(id, Holds::Begin);
            self.disarm_lags_into(id, Holds::End);
            let task = self.run.address(id);
            self.emit(Event::TaskSkipped { task, reason });
        }
    }

    /// Takes the answer to a request.
    pub(super) fn evaluated(
        &mut self,
        ticket: Ticket,
        result: Result<Evaluation, Fault>,
    ) -> Result<(), Rejection> {
        let id = ActivationId(ticket.0);
        let result = match result {
            Ok(Evaluation::LagDue { edge, due }) => return self.lag_told((id, edge), due),
            result if self.run.inquiries.begins.remove(&id) => {
                self.told_to_begin(id, result);
                return Ok(());
            }
            result => result,
        };
        if !self.run.arena.get(id.index()).is_some_and(|activation| activation.is_evaluating) {
            return Err(Rejection::NotAsked);
        }
        self.run.update(id, |activation| activation.is_evaluating = false);
        // What has started may still end with its output; nothing new begins in a scope that is being cancelled.
        let has_started = self.run.at(id).has_started;
        let is_again = self.run.at(id).phase == Phase::Retrying;
        let begins = !has_started || is_again || matches!(result, Ok(Evaluation::Retry(true)));
        let is_late =
            !has_started && self.run.scope_around(id).is_some_and(|scope| self.run.is_enough(scope));
        let held = match &result {
            Ok(Evaluation::Input(_) | Evaluation::Hold(_)) => self.run.fixed_held_around(id),
            Ok(_) | Err(_) => None,
        };
        match held.map_or(result, Err) {
            _ if is_late || (begins && self.run.at(id).is_cancelling) => {
                self.conclude(id, Pending::Cancelled);
            }
            Ok(evaluation) => {
                let begins_at_last = !has_started && evaluation != Evaluation::Skip;
                self.go_on(id, evaluation);
                if begins_at_last {
                    self.cancel_late(id);
                }
            }
            Err(fault) => self.unanswered(id, fault),
        }
        Ok(())
    }

    fn go_on(&mut self, id: ActivationId, evaluation: Evaluation) {
        let task = self.run.address(id);
        let attempt = self.run.at(id).attempt();
        match evaluation {
            Evaluation::Key(key) => self.queue_run(key),
            Evaluation::MayBegin(_) | Evaluation::LagDue { .. } => {
                unreachable!("what is asked about time is taken before")
            }
            // What was stuck begins anew, and is skipped as if it began for the first time.
            Evaluation::Skip if attempt > Attempt::FIRST && self.run.stuck_since(id).is_none() => {
                self.succeed(id, HashedValue::null_hash());
            }
            Evaluation::Skip => {
                self.disarm_lags_into(id, Holds::End);
                self.emit(Event::TaskSkipped { task, reason: SkipReason::Condition });
            }
            Evaluation::Enter { inputs } => {
                self.emit(Event::ScopeEntered { task, attempt, inputs });
            }
            Evaluation::Input(input) => self.queue(task, attempt, input),
            Evaluation::NamedInput(input, named) => self.queue_named(task, attempt, input, Some(named)),
            Evaluation::Hold(named) => self.queue_hold(id, named),
            Evaluation::Value { output, vars } => self.conclude(id, Pending::Succeeded { output, vars }),
            Evaluation::Due(due) => {
                self.emit(Event::TimerArmed { task: task.clone(), due });
                if due <= self.now {
                    self.succeed(id, HashedValue::null_hash());
                } else {
                    self.effect(Effect::Arm { timer: TimerKey::Wait(task), due });
                }
            }
            Evaluation::Asked(asked) => self.open_await(id, asked),
            Evaluation::Case(Some(case)) => {
                self.emit(Event::CaseChosen { task, case });
                self.succeed(id, HashedValue::null_hash());
            }
            Evaluation::Case(None) => {
                let title = "no case of the `switch` holds and it has no `else`";
                self.fail(id, Fault::new(FaultKind::NoChoice, title), false);
            }
            Evaluation::Raise(fault) => self.fail(id, fault, false),
            Evaluation::Items { count, items, keys } => {
                self.emit(Event::ItemsExpanded { task, count, items, keys });
            }
            Evaluation::Taken(taken) => {
                self.disarm_lags_into(id, Holds::End);
                self.emit(Event::TaskTaken { task, taken });
            }
            Evaluation::Output(output) => self.succeed(id, output),
            Evaluation::Retry(may_retry) => self.retry_or_fail(id, may_retry),
            Evaluation::Round(goes_on) => self.round_decided(id, goes_on),
            Evaluation::Catch(choice) => self.catch_chosen(id, choice),
            Evaluation::Call { definition, inputs } => self.call(id, definition, inputs),
        }
    }

    pub(super) fn succeed(&mut self, id: ActivationId, output: ValueHash) {
        self.conclude(id, Pending::Succeeded { output, vars: None });
    }

    /// Ends a scope whose children have all ended, or lets the next children of a full one begin.
    fn check(&mut self, id: ActivationId) {
        let scope = self.run.at(id);
        if scope.status != Status::Running || scope.is_evaluating || scope.handling().is_some() {
            return;
        }
        let is_done = match &scope.work {
            Work::Graph(state) => state.counts.open == 0,
            Work::Each(state) => {
                let reached = state.reached_count();
                let is_idle = reached == state.count - state.counts.open;
                is_idle && (reached == state.count || scope.is_winding_down() || self.run.is_enough(id))
            }
            Work::Flow(_) => match self.run.token(id) {
                Token::Inside => false,
                Token::BetweenRounds => return self.next_round(id),
                Token::Out(failed) => return self.end_scope(id, failed),
            },
            Work::None
            | Work::Leaf(_)
            | Work::Timer { .. }
            | Work::Postponed { .. }
            | Work::Choice { .. }
            | Work::Await(_)
            | Work::Call(_) => return,
        };
        if is_done {
            self.end_scope(id, None);
        } else if !self.close_itself(id) {
            self.release_waiting(id);
        }
    }

    /// Lets children of a graph begin that `max_parallel` held back.
    fn release_waiting(&mut self, id: ActivationId) {
        let most = parallel_max(&self.run.node(id).body);
        while let Work::Graph(state) = &mut self.run.at_mut(id).work {
            if most.is_some_and(|most| state.counts.active >= most) {
                return;
            }
            let Some(index) = state.waiting.pop_first() else { return };
            let child = state.first.offset(index);
            self.begin(child);
        }
    }

    /// Ends a scope in which nothing is under way any more; `failed` is the child for which a flow ends.
    pub(super) fn end_scope(&mut self, id: ActivationId, failed: Option<ActivationId>) {
        let ends_run = id == ActivationId::ROOT && self.run.ending == Some(Ending::Success);
        if self.run.is_stopped(id) || (self.run.at(id).limit().is_some() && !ends_run) {
            return self.stopped(id);
        }
        let failed = failed.and_then(|child| self.run.at(child).fault.as_deref().cloned());
        if let Some(fault) = failed.or_else(|| self.run.shortfall(id)).filter(|_| !ends_run) {
            return self.retry(id, fault, false);
        }
        let node = self.run.node(id);
        match &node.outputs {
            Outputs::Computed(_) => self.ask(id, Question::ScopeOutput),
            Outputs::Raw | Outputs::Declared(_) | Outputs::Last if matches!(node.body, Body::Each(_)) => {
                self.ask(id, Question::ScopeOutput);
            }
            Outputs::Last => {
                let last = self.run.last_output(id);
                self.succeed(id, last.unwrap_or_else(HashedValue::null_hash));
            }
            Outputs::Raw | Outputs::Declared(_) => self.succeed(id, HashedValue::null_hash()),
        }
    }
}

fn is_literal(template: &Template) -> bool {
    template.as_literal().is_some()
}
