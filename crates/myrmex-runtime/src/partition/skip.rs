//! Skipping tasks of a run because a person asks for it.

use myrmex_engine::run::Rejection;
use myrmex_model::address::Address;
use myrmex_model::command::Command;
use myrmex_model::id::RunId;

use super::State;
use super::message::{Answer, RequestError};

/// Tasks that are to be skipped.
pub(super) struct Skip {
    pub(super) run: RunId,
    pub(super) tasks: Vec<Address>,
    pub(super) by: String,
    pub(super) reason: String,
    pub(super) answer: Answer,
}

impl State {
    /// Takes up the run and skips its tasks, as soon as it is known which of them wait.
    pub(super) fn skip(&mut self, skip: Skip) {
        match self.load(skip.run) {
            Ok(Some(status)) => {
                let rejection = Rejection::RunOver { status };
                self.answer(skip.answer, Err(rejection.into()));
            }
            Ok(None) => {
                self.skips.push(skip);
                self.take_skips();
            }
            Err(error) => self.answer(skip.answer, Err(error)),
        }
    }

    /// Whether no timer fires for now: one of them may let begin what is to be skipped as soon as attempts are compared.
    pub(super) fn keeps_timers(&self) -> bool {
        self.skips.iter().any(|skip| !self.owned.aside.contains_key(&skip.run))
    }

    /// Skips what can be: of a run that has its place, and of whose wanted tasks every attempt was compared with what the worker says it
    /// has. The others stay until that is done: an attempt that is found lost then waits, in the same step, so that no place is given away
    /// between; one that the worker still has, after the store alone was opened again, is under way.
    ///
    /// What is to be skipped must not begin meanwhile: if the skip opened the store, no place is given away before, and
    /// [`State::keeps_timers`]. For a run that waits for its own place all that goes on, for it may wait for what timers begin.
    pub(super) fn take_skips(&mut self) {
        for mut skip in std::mem::take(&mut self.skips) {
            let domain = self.owned.domain;
            let is_set_aside = self.owned.aside.contains_key(&skip.run);
            let grants = self.at_hand(skip.run).map(|loaded| loaded.run.grants()).unwrap_or_default();
            let is_unsure = self.to_recount.contains(&skip.run)
                && grants.iter().any(|(task, _, token)| token.epoch() < domain && skip.tasks.contains(task));
            if is_set_aside {
                drop(skip.answer.take_opening());
            }
            if is_set_aside || is_unsure {
                self.skips.push(skip);
                continue;
            }
            let Skip { run, tasks, by, reason, mut answer } = skip;
            let _opening = answer.take_opening();
            let skipped = self.put(run, Command::Skip { tasks, by, reason }).map_err(RequestError::from);
            self.answer(answer, skipped);
        }
    }
}
