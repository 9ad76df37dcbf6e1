//! Runs of which only so many may be under way at a time: who of them begins, waits, is skipped or ended.
//!
//! Only runs that this process drives have a place. A run that had one before its process died is read from the store,
//! but nothing of it goes on before it has its place again; until then it is set aside. The partition of a run asks the one
//! that holds the [domain](super::domain), whose other half of this is [`State::admit`].

use myrmex_engine::dispatch::{Applicant, Group, Ruling};
use myrmex_engine::run::CALL_DEPTH_MAX;
use myrmex_model::command::Command;
use myrmex_model::event::{Event, Parent, Recorded};
use myrmex_model::id::RunId;
use myrmex_model::ir::OnConflict;
use myrmex_model::time::Timestamp;
use myrmex_store::Sequence;

use super::domain::{Verdict, Wish};
use super::journal::{JournalError, event_of};
use super::{Loaded, State};

impl State {
    /// Lets a run that is loaded or set aside wait for its place.
    pub(super) fn ask_for_place(&mut self, run: RunId, key: Option<String>, since: Timestamp) {
        let is_returning = self.owned.aside.contains_key(&run);
        let callers = self.callers(run);
        let Some(Loaded { run: asking, .. }) = self.loaded(run) else { return };
        let definition = asking.definition();
        // A run that moved to a definition without bounds waits for nobody any more.
        let bounds = definition.concurrency.as_ref();
        let applicant = Applicant {
            run,
            group: Group { workflow: definition.name.clone(), key },
            limit: bounds.map_or(u32::MAX, |bounds| bounds.limit),
            on_conflict: bounds.map_or(OnConflict::Queue, |bounds| bounds.on_conflict),
            since,
            is_returning,
            is_ending: asking.cancels() > 0,
            callers,
        };
        self.wish(Wish::Ask(applicant));
    }

    /// Returns a run that is in memory, whether it goes on or is set aside.
    fn loaded(&self, run: RunId) -> Option<&Loaded> {
        self.owned.runs.get(&run).or_else(|| self.owned.aside.get(&run))
    }

    /// Returns the runs that wait for the end of a run, the nearest first. One of them that nobody drives has no place, so
    /// it does no harm here.
    fn callers(&mut self, run: RunId) -> Vec<RunId> {
        let (mut callers, mut here) = (Vec::new(), run);
        for _ in 0..=CALL_DEPTH_MAX {
            match self.parent_of(here) {
                Ok(Some(Parent { run: above, is_awaited: true, .. })) => callers.push(above),
                Ok(Some(_) | None) => break,
                Err(JournalError::Store(error)) => {
                    self.trouble.get_or_insert(error);
                    break;
                }
                Err(error) => {
                    self.parts.progress.note(format!("run {here}: {error}"));
                    break;
                }
            }
            here = callers.last().copied().unwrap_or(run);
        }
        callers
    }

    /// Returns who called a run; it may be one of another partition, but its start is durable then.
    fn parent_of(&self, run: RunId) -> Result<Option<Parent>, JournalError> {
        if let Some(loaded) = self.loaded(run) {
            return Ok(loaded.run.parent_run().cloned());
        }
        let first = self.owned.reader.run_records(&self.parts.namespace, run, Sequence::NONE, 1)?;
        let Some(first) = first.first() else { return Ok(None) };
        // A journal begins with the start of its run.
        let Event::RunStarted { parent, .. } = event_of(first)?.event else { return Ok(None) };
        Ok(parent)
    }

    /// Decides who gets a place, until nothing is to be decided. After everything else in a turn, so that all who return
    /// to their places are there before one is given away.
    pub(super) fn admit(&mut self) {
        while self.may_decide() {
            let rulings = self.owned.admission.settle();
            if rulings.is_empty() {
                return;
            }
            for (run, ruling) in rulings {
                self.pronounce(run, Verdict::Ruled(run, ruling));
            }
        }
    }

    /// Takes what was decided about the place of a run. One of another partition may have ended meanwhile.
    pub(super) fn take_ruling(&mut self, run: RunId, ruling: Ruling) {
        match ruling {
            Ruling::Admitted if self.owned.aside.contains_key(&run) => self.take_up(run),
            Ruling::Admitted => self.tell(run, Command::Admit),
            Ruling::Skipped(holder) => self.tell(run, Command::TurnAway { holder, is_deadlock: false }),
            Ruling::Deadlocked(holder) => self.tell(run, Command::TurnAway { holder, is_deadlock: true }),
            Ruling::Ends(ended) => self.end_for(run, ended),
        }
    }

    /// Cancels runs that are in the way of another.
    fn end_for(&mut self, run: RunId, ended: Vec<RunId>) {
        let by = self.at_hand(run).and_then(|loaded| loaded.run.started_by());
        let by = by.unwrap_or_default().to_owned();
        for other in ended {
            let reason = format!("run {run} of the same workflow takes its place");
            let ended = Verdict::Ends { run: other, by: by.clone(), reason, successor: run };
            self.pronounce(other, ended);
        }
    }

    pub(super) fn tell(&mut self, run: RunId, command: Command) {
        if let Err(rejection) = self.put(run, command) {
            self.note_refusal(format!("run {run}: {rejection}"));
        }
    }

    /// Takes up a run that is set aside, although there may be no place for it: it is about to be cancelled.
    pub(super) fn take_up_at_once(&mut self, run: RunId) {
        if self.owned.aside.contains_key(&run) {
            self.wish(Wish::Seat(run));
            self.take_up(run);
        }
    }

    /// Goes on with a run that was set aside.
    fn take_up(&mut self, run: RunId) {
        if let Some(loaded) = self.owned.aside.remove(&run) {
            self.go_on(run, loaded);
            self.wish(Wish::TakenUp(run));
        }
    }

    /// Notes the cancel of a whole run.
    pub(super) fn note_cancel(&mut self, run: RunId, events: &[Recorded]) {
        let is_cancel = |recorded: &Recorded| matches!(&recorded.event, Event::CancelRequested { scope, .. } if scope.is_root());
        if events.iter().any(is_cancel) {
            self.wish(Wish::NoteCancel(run));
        }
    }
}
