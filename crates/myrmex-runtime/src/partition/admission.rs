//! Runs of which only so many may be under way at a time: who of them begins, waits, is skipped or ended.
//!
//! Only runs that this partition drives have a place. A run that had one before its process died is read from the store,
//! but nothing of it goes on before it has its place again; until then it is set aside.

use myrmex_engine::dispatch::{Applicant, Group, Ruling};
use myrmex_model::command::Command;
use myrmex_model::event::{Event, Parent, Recorded};
use myrmex_model::id::RunId;
use myrmex_model::ir::OnConflict;
use myrmex_model::time::Timestamp;

use super::{Loaded, State};

impl State {
    /// Lets a run that is loaded or set aside wait for its place.
    pub(super) fn ask_for_place(&mut self, run: RunId, key: Option<String>, since: Timestamp) {
        let is_returning = self.owned.aside.contains_key(&run);
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
            callers: self.callers(run, asking.parent_run()),
        };
        self.owned.admission.ask(applicant);
    }

    /// Returns a run that is in memory, whether it goes on or is set aside.
    fn loaded(&self, run: RunId) -> Option<&Loaded> {
        self.owned.runs.get(&run).or_else(|| self.owned.aside.get(&run))
    }

    /// Returns the runs that wait for the end of a run, the nearest first, as far as they are in memory.
    fn callers(&self, run: RunId, parent: Option<&Parent>) -> Vec<RunId> {
        let (mut callers, mut here, mut parent) = (Vec::new(), run, parent);
        while let Some(Parent { run: above, task, .. }) = parent
            && let Some(Loaded { run: caller, .. }) = self.loaded(*above)
            && caller.is_waiting_for(task, here)
        {
            callers.push(*above);
            (here, parent) = (*above, caller.parent_run());
        }
        callers
    }

    /// Looks for the callers of those who wait once more if runs were loaded: a run may come back before its caller.
    fn find_callers(&mut self) {
        if !std::mem::take(&mut self.owned.has_loaded) {
            return;
        }
        let waiting: Vec<RunId> = self.owned.admission.all_waiting().collect();
        for run in waiting {
            let Some(Loaded { run: asking, .. }) = self.loaded(run) else { continue };
            let callers = self.callers(run, asking.parent_run());
            self.owned.admission.set_callers(run, &callers);
        }
    }

    /// Decides who gets a place, until nothing is to be decided. After everything else in a turn, so that all who return
    /// to their places are there before one is given away.
    pub(super) fn admit(&mut self) {
        while !self.is_interrupted {
            self.find_callers();
            let rulings = self.owned.admission.settle();
            if rulings.is_empty() {
                return;
            }
            for (run, ruling) in rulings {
                match ruling {
                    Ruling::Admitted if self.owned.aside.contains_key(&run) => self.take_up(run),
                    Ruling::Admitted => self.tell(run, Command::Admit),
                    Ruling::Skipped(holder) => {
                        self.tell(run, Command::TurnAway { holder, is_deadlock: false });
                    }
                    Ruling::Deadlocked(holder) => {
                        self.tell(run, Command::TurnAway { holder, is_deadlock: true });
                    }
                    Ruling::Ends(ended) => self.end_for(run, &ended),
                }
            }
        }
    }

    /// Cancels runs that are in the way of another.
    fn end_for(&mut self, run: RunId, ended: &[RunId]) {
        let by = self.owned.runs.get(&run).and_then(|loaded| loaded.run.started_by());
        let by = by.unwrap_or_default().to_owned();
        for other in ended {
            self.wake(*other);
            let reason = format!("run {run} of the same workflow takes its place");
            self.tell(*other, Command::Cancel { by: by.clone(), reason, successor: Some(run) });
        }
    }

    fn tell(&mut self, run: RunId, command: Command) {
        if let Err(rejection) = self.put(run, command) {
            self.parts.progress.note(format!("run {run}: {rejection}"));
        }
    }

    /// Takes up a run that is set aside, although there may be no place for it: it is about to be cancelled.
    pub(super) fn wake(&mut self, run: RunId) {
        if self.owned.aside.contains_key(&run) {
            self.owned.admission.seat(run);
            self.take_up(run);
        }
    }

    /// Goes on with a run that was set aside.
    fn take_up(&mut self, run: RunId) {
        if let Some(loaded) = self.owned.aside.remove(&run) {
            self.go_on(run, loaded);
        }
    }

    /// Notes the cancel of a whole run.
    pub(super) fn note_cancel(&mut self, run: RunId, events: &[Recorded]) {
        let is_cancel = |recorded: &Recorded| matches!(&recorded.event, Event::CancelRequested { scope, .. } if scope.is_root());
        if events.iter().any(is_cancel) {
            self.owned.admission.note_cancel(run);
        }
    }
}
