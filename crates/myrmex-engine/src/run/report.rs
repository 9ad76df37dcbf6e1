//! What the end of an attempt means: an output, another attempt, or an error.

use myrmex_model::address::Address;
use myrmex_model::command::TimerKey;
use myrmex_model::effect::{Effect, Question};
use myrmex_model::event::Event;
use myrmex_model::fault::Fault;
use myrmex_model::id::{Attempt, FencingToken};
use myrmex_model::ir::Outputs;
use myrmex_model::outcome::{AttemptEnd, AttemptReport};

use super::arena::ActivationId;
use super::decide::{Rejection, Turn};
use super::pause;

impl Turn<'_> {
    pub(super) fn report(
        &mut self,
        task: &Address,
        attempt: Attempt,
        token: FencingToken,
        report: AttemptReport,
    ) -> Result<(), Rejection> {
        let id = self.reported(task, attempt, token)?;
        let task = self.run.address(id);
        let end = report.end.clone();
        self.emit(Event::AttemptEnded { task: task.clone(), attempt, token, report });
        self.effect(Effect::Release { token });
        if self.run.at(id).is_cancelling {
            self.end_cancelled(id);
            return Ok(());
        }
        match end {
            AttemptEnd::Succeeded { output } => match &self.run.node(id).outputs {
                Outputs::Declared(_) => self.ask(id, Question::Output { raw: output }),
                Outputs::Raw | Outputs::Computed(_) | Outputs::Last => self.succeed(id, output),
            },
            AttemptEnd::Failed { fault } => self.retry(id, attempt, fault, false),
            AttemptEnd::TimedOut { fault } => self.retry(id, attempt, fault, true),
            // The worker went away, or gave the attempt back when it drained: nobody is to blame, so it uses up no retry.
            AttemptEnd::Stopped | AttemptEnd::Lost { .. } => {
                let input = self.run.at(id).leaf().and_then(|leaf| leaf.input);
                self.queue(task, attempt.next(), input);
            }
        }
        Ok(())
    }

    /// Finds the running attempt that a report is about.
    fn reported(
        &self,
        task: &Address,
        attempt: Attempt,
        token: FencingToken,
    ) -> Result<ActivationId, Rejection> {
        let run = &*self.run;
        let is_current = |id: &ActivationId| {
            run.at(*id).leaf().is_some_and(|leaf| leaf.attempt == attempt && leaf.token == Some(token))
        };
        let found = run.find(task);
        if let Some(id) = found.filter(is_current) {
            return Ok(id);
        }
        // A worker knows the task by the name it had when the attempt was granted; the run may have moved since.
        let moved = run.leaves().map(|(id, _)| id).find(is_current);
        let task = task.clone();
        moved.ok_or(match found {
            Some(_) => Rejection::StaleAttempt { task, attempt, token },
            None => Rejection::UnknownTask { task },
        })
    }

    /// Decides whether a failed attempt is followed by another.
    fn retry(&mut self, id: ActivationId, attempt: Attempt, fault: Fault, is_timeout: bool) {
        let used = self.run.at(id).leaf().map_or(0, |leaf| leaf.retries_used);
        let retry = self.run.node(id).policy.retry.as_ref();
        let may_retry = retry.is_some_and(|retry| used <= retry.retries);
        let has_condition = retry.is_some_and(|retry| retry.when.is_some());
        if may_retry && has_condition {
            self.run.at_mut(id).retry_asked = Some(Box::new((fault.clone(), is_timeout)));
            self.ask(id, Question::Retry { fault, attempt });
        } else if may_retry {
            self.arm_retry(id);
        } else {
            self.fail(id, fault, is_timeout);
        }
    }

    /// Goes on after `retry.when` was evaluated.
    pub(super) fn retry_or_fail(&mut self, id: ActivationId, may_retry: bool) {
        let asked = self.run.at_mut(id).retry_asked.take();
        if may_retry {
            return self.arm_retry(id);
        }
        let (fault, is_timeout) = *asked.expect("the question of a retry leaves its error here");
        self.fail(id, fault, is_timeout);
    }

    fn arm_retry(&mut self, id: ActivationId) {
        let task = self.run.address(id);
        let (Some(leaf), Some(retry)) = (self.run.at(id).leaf().copied(), &self.run.node(id).policy.retry)
        else {
            return;
        };
        let pause = pause::before_retry(retry, leaf.retries_used, &self.run.id(), &task);
        let (attempt, due) = (leaf.attempt.next(), self.now.after(pause));
        self.emit(Event::RetryArmed { task: task.clone(), attempt, due, by_catch: None });
        if due <= self.now {
            self.queue(task, attempt, leaf.input);
        } else {
            self.effect(Effect::Arm { timer: TimerKey::Retry(task), due });
        }
    }
}
