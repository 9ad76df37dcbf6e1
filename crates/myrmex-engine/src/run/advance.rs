//! Draining the agenda: beginning what may begin, skipping what cannot, and ending scopes.

use myrmex_model::command::TimerKey;
use myrmex_model::effect::{Effect, Evaluation, Question, Request, Ticket};
use myrmex_model::event::{Event, SkipReason};
use myrmex_model::fault::{Fault, FaultKind};
use myrmex_model::id::{Attempt, ValueHash};
use myrmex_model::ir::{Body, Outputs};
use myrmex_model::outcome::Outcome;
use myrmex_model::status::Status;
use myrmex_model::template::Template;
use myrmex_model::value::HashedValue;

use super::arena::{ActivationId, Work, parallel_max};
use super::decide::{Rejection, Turn};
use super::{Agenda, Ending};

/// The most visits of one task in a flow. A loop without a pause that never ends would otherwise never leave its turn.
pub(super) const FLOW_VISITS_MAX: usize = 100_000;

impl Turn<'_> {
    /// Decides everything on the agenda.
    pub(super) fn drain(&mut self) {
        while let Some(item) = self.run.agenda.pop_front() {
            match item {
                Agenda::Begin(id) => self.begin(id),
                Agenda::Skip(id, reason) => self.skip(id, reason),
                Agenda::Check(id) => self.check(id),
                Agenda::Lag(from, to) => self.arm_lag(from, to),
                Agenda::Cancel(id) => self.cancel_below(id),
                Agenda::End(id) => self.request_end(id),
            }
        }
    }

    /// Ends the run early; a run that is being ended already stays with the first reason.
    fn request_end(&mut self, id: ActivationId) {
        if self.run.ending.is_none() {
            let task = self.run.address(id);
            self.emit(Event::EndRequested { task });
        }
    }

    fn begin(&mut self, id: ActivationId) {
        if !self.run.at(id).is_open() || self.is_held_back(id) {
            return;
        }
        self.disarm_lags_into(id);
        let definition = std::sync::Arc::clone(&self.run.definition);
        let node = definition.node(self.run.at(id).node);
        if self.is_runaway(id) {
            let title = format!("the flow came to this task more than {FLOW_VISITS_MAX} times");
            return self.fail(id, Fault::new(FaultKind::DataLimit, title), false);
        }
        match &node.body {
            Body::Graph(_) | Body::Flow(_) if node.guard.is_none() => {
                let task = self.run.address(id);
                self.emit(Event::ScopeEntered { task });
            }
            Body::Task(task) if node.guard.is_none() && is_literal(&task.arguments) => {
                let task = self.run.address(id);
                self.queue(task, Attempt::FIRST, None);
            }
            Body::Task(_)
            | Body::Value(_)
            | Body::Timer(_)
            | Body::Choose(_)
            | Body::Raise(_)
            | Body::Flow(_)
            | Body::Graph(_)
            | Body::Each(_) => self.ask(id, Question::Begin),
        }
    }

    /// Keeps a child of a full graph waiting; the end of another child brings it back.
    fn is_held_back(&mut self, id: ActivationId) -> bool {
        let Some(parent) = self.run.parent(id) else { return false };
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
            | Work::Choice { .. }
            | Work::Flow(_)
            | Work::Each(_) => false,
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
            self.disarm_lags_into(id);
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
        if !self.run.arena.get(id.index()).is_some_and(|activation| activation.is_evaluating) {
            return Err(Rejection::NotAsked);
        }
        self.run.update(id, |activation| activation.is_evaluating = false);
        // What has started may still end with its output; nothing new begins in a scope that is being cancelled.
        let begins = !self.run.at(id).has_started || matches!(result, Ok(Evaluation::Retry(true)));
        let is_cancelled = self.run.at(id).is_cancelling && begins;
        match result {
            _ if is_cancelled => self.end_cancelled(id),
            Ok(evaluation) => self.go_on(id, evaluation),
            Err(fault) if id == ActivationId::ROOT => self.end_run(Status::Failed, None, Some(fault)),
            Err(fault) => self.fail(id, fault, false),
        }
        Ok(())
    }

    fn go_on(&mut self, id: ActivationId, evaluation: Evaluation) {
        let task = self.run.address(id);
        match evaluation {
            Evaluation::Skip => {
                self.emit(Event::TaskSkipped { task, reason: SkipReason::Condition });
            }
            Evaluation::Enter => {
                self.emit(Event::ScopeEntered { task });
            }
            Evaluation::Input(input) => self.queue(task, Attempt::FIRST, input),
            Evaluation::Value { output, vars } => {
                self.emit(Event::TaskSucceeded { task, output, vars });
            }
            Evaluation::Due(due) => {
                self.emit(Event::TimerArmed { task: task.clone(), due });
                if due <= self.now {
                    self.succeed(id, HashedValue::null_hash());
                } else {
                    self.effect(Effect::Arm { timer: TimerKey::Wait(task), due });
                }
            }
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
            Evaluation::Output(output) if id == ActivationId::ROOT => {
                self.end_run(Status::Succeeded, Some(output), None);
            }
            Evaluation::Output(output) => self.succeed(id, output),
            Evaluation::Retry(may_retry) => self.retry_or_fail(id, may_retry),
        }
    }

    pub(super) fn succeed(&mut self, id: ActivationId, output: ValueHash) {
        let task = self.run.address(id);
        self.emit(Event::TaskSucceeded { task, output, vars: None });
    }

    pub(super) fn fail(&mut self, id: ActivationId, mut fault: Fault, is_timeout: bool) {
        let task = self.run.address(id);
        if fault.task.is_none() {
            fault.task = Some(task.path().into_owned());
        }
        self.emit(Event::TaskFailed { task, fault: Box::new(fault), is_timeout });
    }

    fn arm_lag(&mut self, from: ActivationId, to: ActivationId) {
        if !self.run.at(to).is_open() {
            return;
        }
        let Some(key) = self.run.lag_to_arm(from, to) else { return };
        let Some(due) = self.run.lag_due(key) else { return };
        let (source, target) = (self.run.address(from), self.run.address(to));
        self.emit(Event::LagArmed { from: source.clone(), to: target.clone(), due });
        if due <= self.now {
            self.emit(Event::LagElapsed { from: source, to: target });
        }
        self.arm_lag_timer(from, to);
    }

    /// Lets the timer of the lags between two children fire when the first of them is over.
    pub(super) fn arm_lag_timer(&mut self, from: ActivationId, to: ActivationId) {
        if let Some((_, due)) = self.run.lag_armed(from, to)
            && self.run.at(to).is_open()
        {
            let timer = self.run.lag_key((from, to));
            self.effect(Effect::Arm { timer, due });
        }
    }

    /// Ends a scope whose children have all ended, or lets the next children of a full one begin.
    fn check(&mut self, id: ActivationId) {
        let scope = self.run.at(id);
        if scope.status != Status::Running || scope.is_evaluating {
            return;
        }
        let (is_done, failed) = match &scope.work {
            Work::Graph(state) => (state.counts.open == 0, state.counts.first_failed),
            Work::Each(state) => {
                let reached = u32::try_from(state.activations.len()).unwrap_or(u32::MAX);
                let is_idle = reached == state.count - state.counts.open;
                let is_reached = reached == state.count || scope.is_cancelling;
                (is_idle && is_reached, state.counts.first_failed)
            }
            Work::Flow(state) => {
                let last = state.current.map(|child| (child, self.outcome(child)));
                let is_done = last.is_none_or(|(_, outcome)| outcome.is_some());
                (
                    is_done,
                    last.filter(|(_, outcome)| *outcome == Some(Outcome::Failed)).map(|(child, _)| child),
                )
            }
            Work::None | Work::Leaf(_) | Work::Timer { .. } | Work::Choice { .. } => return,
        };
        if is_done {
            return self.end_scope(id, failed);
        }
        if let Some(failed) = failed.filter(|_| self.run.is_failing_fast(id)) {
            let reason = format!("`{}` failed and `fail_fast` is set", self.run.address(failed).path());
            let scope = self.run.address(id);
            self.emit(Event::CancelRequested { scope, by: "myrmex".to_owned(), reason });
            return;
        }
        self.release_waiting(id);
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

    /// Ends a scope in which nothing is under way any more.
    fn end_scope(&mut self, id: ActivationId, failed: Option<ActivationId>) {
        let is_root = id == ActivationId::ROOT;
        let ending = self.run.ending;
        let fault = failed.and_then(|child| self.run.at(child).fault.as_deref().cloned());
        if ending == Some(Ending::Cancel) {
            return if is_root {
                self.end_run(Status::Cancelled, None, None);
            } else {
                self.end_cancelled(id);
            };
        }
        if let Some(fault) = fault.filter(|_| ending.is_none()) {
            return if is_root {
                self.end_run(Status::Failed, None, Some(fault));
            } else {
                self.fail(id, fault, false);
            };
        }
        if self.run.at(id).is_cancelling && !is_root {
            return self.end_cancelled(id);
        }
        let node = self.run.node(id);
        let has_output = matches!(node.outputs, Outputs::Computed(_)) || matches!(node.body, Body::Each(_));
        match (has_output, is_root) {
            (true, _) => self.ask(id, Question::ScopeOutput),
            (false, true) => self.end_run(Status::Succeeded, Some(HashedValue::null_hash()), None),
            (false, false) => self.succeed(id, HashedValue::null_hash()),
        }
    }

    pub(super) fn end_run(&mut self, status: Status, output: Option<ValueHash>, fault: Option<Fault>) {
        self.emit(Event::RunEnded { status, output, fault: fault.map(Box::new) });
        self.effect(Effect::End);
    }
}

fn is_literal(template: &Template) -> bool {
    template.as_literal().is_some()
}
