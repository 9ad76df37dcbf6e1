//! What the end of an attempt means: an output, another attempt, or an error.

use myrmex_model::address::Address;
use myrmex_model::effect::{Effect, Question};
use myrmex_model::event::Event;
use myrmex_model::fault::{Fault, FaultKind};
use myrmex_model::id::{Attempt, FencingToken};
use myrmex_model::ir::{Outputs, Repetition};
use myrmex_model::outcome::{AttemptEnd, AttemptReport};

use super::arena::ActivationId;
use super::decide::{Rejection, Turn};

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
        let is_once = self.run.node(id).policy.repetition == Repetition::Forbidden;
        let is_unknown = is_once && is_unknown(&report);
        self.emit(Event::AttemptEnded { task: task.clone(), attempt, token, report });
        self.effect(Effect::Release { token });
        let limit = self.run.at(id).limit();
        if self.run.is_stopped(id) || (limit.is_some() && !is_unknown) {
            self.stopped(id);
            return Ok(());
        }
        if let Some(limit) = limit {
            let fault = self.run.limit_fault(id, limit);
            self.fail_unknown(id, attempt, AttemptEnd::TimedOut { fault });
            return Ok(());
        }
        match end {
            AttemptEnd::Succeeded { output } => match &self.run.node(id).outputs {
                Outputs::Declared(_) => self.ask(id, Question::Output { raw: output }),
                Outputs::Raw | Outputs::Computed(_) | Outputs::Last => self.succeed(id, output),
            },
            end if is_unknown => self.fail_unknown(id, attempt, end),
            AttemptEnd::Failed { fault } => self.retry(id, fault, false),
            AttemptEnd::TimedOut { fault } => self.retry(id, fault, true),
            // The worker went away, or gave the attempt back when it drained: nobody is to blame, so it uses up no retry.
            AttemptEnd::Stopped | AttemptEnd::Lost { .. } => {
                let input = self.run.at(id).leaf().and_then(|leaf| leaf.input);
                self.queue(task, attempt.next(), input);
            }
        }
        Ok(())
    }

    /// Fails a task of which an attempt may have done its work or not, and which nothing may do twice.
    fn fail_unknown(&mut self, id: ActivationId, attempt: Attempt, end: AttemptEnd) {
        let (why, is_timeout) = match end {
            AttemptEnd::TimedOut { fault } | AttemptEnd::Failed { fault } => (fault.title, true),
            AttemptEnd::Lost { reason } => (reason, false),
            AttemptEnd::Stopped => ("it was stopped".to_owned(), false),
            AttemptEnd::Succeeded { .. } => return,
        };
        let kind = if is_timeout { FaultKind::Timeout } else { FaultKind::Runtime };
        let title = format!(
            "the outcome of attempt {attempt} is unknown, and nothing may repeat it (`effect: once`)"
        );
        self.fail(id, Fault::new(kind, title).with_detail(why), is_timeout);
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
}

/// Returns whether a report leaves open what its attempt did.
pub(super) fn is_unknown(report: &AttemptReport) -> bool {
    match report.end {
        AttemptEnd::Lost { .. } | AttemptEnd::TimedOut { .. } => true,
        // What was stopped before it had a process did nothing.
        AttemptEnd::Stopped => report.pid.is_some(),
        AttemptEnd::Succeeded { .. } | AttemptEnd::Failed { .. } => false,
    }
}
