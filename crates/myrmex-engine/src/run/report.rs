//! What the end of an attempt means: an output, another attempt, or an error.

use myrmex_model::address::Address;
use myrmex_model::command::TimerKey;
use myrmex_model::effect::{Effect, Question};
use myrmex_model::event::Event;
use myrmex_model::fault::{Fault, FaultKind};
use myrmex_model::id::{Attempt, FencingToken};
use myrmex_model::ir::{Outputs, Repetition};
use myrmex_model::outcome::{AttemptEnd, AttemptReport, Loss};
use myrmex_model::time::Length;

use super::arena::ActivationId;
use super::decide::{Rejection, Turn};

/// So many attempts in a row may lose their watcher before the task fails. Twice is bad luck on a machine that is short of
/// memory; a task that ends its own watcher does it every time.
const LOSSES_MAX: u32 = 3;

/// The pause after the first of them; it doubles with each. Long enough for a short of memory to pass.
const LOSS_PAUSE: Length = Length(1_000);

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
        self.emit(Event::AttemptEnded { task, attempt, token, report });
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
        if is_unknown {
            self.fail_unknown(id, attempt, end);
            return Ok(());
        }
        match end {
            AttemptEnd::Succeeded { output } => match &self.run.node(id).outputs {
                Outputs::Declared(_) => self.ask(id, Question::Output { raw: output }),
                Outputs::Raw | Outputs::Computed(_) | Outputs::Last => self.succeed(id, output),
            },
            AttemptEnd::Failed { fault } => self.retry(id, fault, false),
            AttemptEnd::TimedOut { fault } => self.retry(id, fault, true),
            AttemptEnd::Lost { loss: Loss::Watcher, reason } => self.lose(id, reason),
            AttemptEnd::Lost { loss: Loss::Worker, .. } | AttemptEnd::Stopped => self.give_back(id),
        }
        Ok(())
    }

    /// Queues an attempt again. Its worker went away, or gave it back when it drained: nobody is to blame, so it uses up no
    /// retry.
    fn give_back(&mut self, id: ActivationId) {
        let (task, attempt) = (self.run.address(id), self.run.at(id).attempt().next());
        let input = self.run.at(id).leaf().and_then(|leaf| leaf.input);
        self.queue(task, attempt, input);
    }

    /// Fails a task of which an attempt may have done its work or not, and which nothing may do twice.
    fn fail_unknown(&mut self, id: ActivationId, attempt: Attempt, end: AttemptEnd) {
        let (why, is_timeout) = match end {
            AttemptEnd::TimedOut { fault } | AttemptEnd::Failed { fault } => (fault.title, true),
            AttemptEnd::Lost { reason, .. } => (reason, false),
            AttemptEnd::Stopped => ("it was stopped".to_owned(), false),
            AttemptEnd::Succeeded { .. } => return,
        };
        let kind = if is_timeout { FaultKind::Timeout } else { FaultKind::Runtime };
        let title = format!(
            "the outcome of attempt {attempt} is unknown, and nothing may repeat it (`effect: once`)"
        );
        self.fail(id, Fault::new(kind, title).with_detail(why), is_timeout);
    }

    /// Repeats an attempt that was lost while its worker lived, after a pause that grows, until too many were. It uses up
    /// no retry, so nothing else would bound it.
    fn lose(&mut self, id: ActivationId, reason: String) {
        let losses = self.run.at(id).leaf().map_or(0, |leaf| leaf.losses);
        if losses >= LOSSES_MAX {
            let title = format!("its watcher died {losses} times in a row, maybe killed for memory");
            return self.fail(id, Fault::new(FaultKind::Runtime, title).with_detail(reason), false);
        }
        let task = self.run.address(id);
        let attempt = self.run.at(id).attempt().next();
        let due = self.now.after(Length(LOSS_PAUSE.0 << losses.saturating_sub(1)));
        self.emit(Event::RetryArmed { task: task.clone(), attempt, due, by_catch: None });
        self.effect(Effect::Arm { timer: TimerKey::Retry(task), due });
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
        let is_known = found.is_some() || run.is_folded(&task);
        moved.ok_or(if is_known {
            Rejection::StaleAttempt { task, attempt, token }
        } else {
            Rejection::UnknownTask { task }
        })
    }
}

/// Returns how many attempts in a row were lost with nothing but their watcher, now that one more has ended. What stopped
/// the worker says nothing about the task, so it neither counts nor ends the row.
pub(super) fn losses_after(losses: u32, end: &AttemptEnd) -> u32 {
    match end {
        AttemptEnd::Lost { loss: Loss::Watcher, .. } => losses + 1,
        AttemptEnd::Lost { loss: Loss::Worker, .. } | AttemptEnd::Stopped => losses,
        AttemptEnd::Succeeded { .. } | AttemptEnd::Failed { .. } | AttemptEnd::TimedOut { .. } => 0,
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
