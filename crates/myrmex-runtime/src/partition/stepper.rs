//! The partitions of a process without threads: somebody else turns their loops.
//!
//! They are the same loops as those of [`super::Partitions`], with committers of the caller's; between two turns nothing
//! happens. So a simulation decides in which order messages arrive, when a batch is durable and what time it is.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use myrmex_model::address::Address;
use myrmex_model::id::RunId;
use myrmex_model::time::Timestamp;
use myrmex_store::{LogId, Partitions as Count, StoreError};

use super::children::Share;
use super::gate::Gate;
use super::inbox::{Messages, inbox};
use super::message::{Answered, Ear, Interrupter, Message, NewRun};
use super::post::{Letter, Post};
use super::shared::SharedStore;
use super::writer::MakeCommitter;
use super::{NewChange, NewSignal, Parts, State, Tally};
use crate::worker::Worker;

/// Partitions whose loops the caller turns. Dropping them is their sudden death: nothing is committed any more.
pub struct Stepper {
    gate: Gate,
    /// By log.
    loops: Vec<Loop>,
    letters: Letters,
}

struct Loop {
    state: State,
    messages: Messages,
}

/// Letters on their way, by sender and receiver.
type Routes = BTreeMap<(LogId, LogId), VecDeque<Letter>>;

/// The letters of all partitions.
#[derive(Clone, Default)]
struct Letters(Arc<Mutex<Routes>>);

impl Letters {
    fn all(&self) -> MutexGuard<'_, Routes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Post for Letters {
    fn put(&self, to: LogId, letter: Letter) {
        self.all().entry((letter.from, to)).or_default().push_back(letter);
    }
}

impl Stepper {
    /// Opens the store, raising the epochs of its logs. `committers` makes what makes the committers of a partition. No places
    /// are given away before something was asked for.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] if the store cannot be opened.
    pub fn open(
        parts: Parts,
        mut committers: impl FnMut(LogId) -> MakeCommitter,
    ) -> Result<Self, StoreError> {
        let (open, common) = parts.split();
        let store = SharedStore::open(open)?;
        let (count, letters) = (store.partitions(), Letters::default());
        let (inboxes, received): (Vec<_>, Vec<_>) = count.logs().map(|_| inbox()).unzip();
        let (gate, mut loops) = (Gate::new(count, inboxes), Vec::new());
        for (log, messages) in count.logs().zip(received) {
            let seat = common.seat(log, store.clone(), Box::new(letters.clone()));
            let state = State::open(seat, committers(log), gate.inbox(log))?;
            loops.push(Loop { state, messages });
        }
        Ok(Self { gate, loops, letters })
    }

    /// Lets batches be full with so many rows already, so that small histories meet full ones.
    pub fn bound_batches(&mut self, rows: usize) {
        for Loop { state, .. } in &mut self.loops {
            state.parts.rows_max = rows;
        }
    }

    /// Lets turns take only so many messages between runs, so that small histories meet what happens between two of them.
    pub fn shorten_turns(&mut self, messages: u32) {
        for Loop { state, .. } in &mut self.loops {
            state.messages = Share::new(messages);
        }
    }

    /// Returns how many partitions there are.
    pub fn count(&self) -> Count {
        self.gate.count()
    }

    /// Returns what a worker needs to be heard.
    pub fn ear(&self) -> Ear {
        self.gate.ear()
    }

    /// Returns a handle that can interrupt the partitions.
    pub fn interrupter(&self) -> Interrupter {
        self.gate.interrupter()
    }

    /// Gives the partitions their worker, at their next turns.
    pub fn attach(&self, worker: Box<dyn Worker>) {
        self.gate.attach(worker);
    }

    /// Asks for a new run; the answer comes once it is durable.
    pub fn start_run(&self, run: NewRun) -> Answered {
        self.gate.start_run(run)
    }

    /// Asks for runs of the store to go on, before places are given to others; the answer is about the first of them, and comes
    /// when all are taken up. Without any, places are given away from then on.
    pub fn resume_runs(&self, runs: &[RunId]) -> Answered {
        match runs.split_first() {
            Some((first, others)) => self.gate.resume_run(*first, others),
            None => self.gate.resume_none(),
        }
    }

    /// Asks for the end of a run; the answer comes once that is durable.
    pub fn cancel_run(&self, run: RunId, by: &str, reason: &str) -> Answered {
        self.gate.cancel_run(run, by, reason)
    }

    /// Says something to a run; the answer comes once that is durable, and then it is never lost. The run is taken up for that, and goes
    /// on. What was said before under the same id is answered as before.
    pub fn signal_run(&self, new: NewSignal) -> Answered {
        self.gate.signal_run(new)
    }

    /// Moves a project that runs to another definition; the answer comes once that is durable. The run is taken up for that, and goes on. It
    /// may be asked again: what it follows already changes nothing.
    pub fn change_run(&self, new: NewChange) -> Answered {
        self.gate.change_run(new)
    }

    /// Asks for tasks of a run to be skipped, all of them or none; the answer comes once that is durable.
    pub fn skip_tasks(&self, run: RunId, tasks: &[Address], by_and_reason: (&str, &str)) -> Answered {
        self.gate.skip_tasks(run, tasks, by_and_reason)
    }

    /// Lets a partition take one turn with what is in its inbox; false if it has ended and says why by its progress.
    pub fn turn(&mut self, log: LogId) -> bool {
        let Loop { state, messages } = &mut self.loops[log.0 as usize];
        while state.is_stalled() {
            let Some(message) = messages.try_next_reserved() else { return true };
            if let Some(message) = state.unless_deferred(message) {
                return state.turn(Some(message), messages);
            }
        }
        let first = state.deferred.pop_front().or_else(|| messages.try_next());
        state.turn(first, messages)
    }

    /// Returns whether a loop would wait for what others say, or for the clock: so nothing may come of a turn before that.
    pub fn sleeps(&self, log: LogId, now: Timestamp) -> bool {
        let Loop { state, messages } = &self.loops[log.0 as usize];
        let mut dues = state.owned.next_due().into_iter().chain(state.next_nap());
        let is_due = dues.any(|due| due <= now);
        messages.is_empty()
            && state.deferred.is_empty()
            && !is_due
            && (state.is_stalled() || !state.has_more())
    }

    /// Returns between which partitions letters are on their way: sender and receiver.
    pub fn routes(&self) -> Vec<(LogId, LogId)> {
        let letters = self.letters.all();
        letters.iter().filter(|(_, waiting)| !waiting.is_empty()).map(|(route, _)| *route).collect()
    }

    /// Brings the next letter of a route to its receiver. With `again` it stays on its way too, if it is one that may
    /// arrive twice.
    pub fn deliver(&self, route: (LogId, LogId), again: bool) {
        let letter = self.letters.all().get_mut(&route).and_then(VecDeque::pop_front);
        let Some(letter) = letter else { return };
        if again && letter.is_notice() {
            self.letters.put(route.1, letter.clone());
        }
        self.gate.put(route.1, Message::Letter(letter));
    }

    /// Returns when the next timer is due.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.loops.iter().filter_map(|one| one.state.owned.next_due()).min()
    }

    /// Returns what was done to save memory and time, of all partitions together.
    pub fn tally(&self) -> Tally {
        self.loops.iter().map(|one| one.state.tally).fold(Tally::default(), |all, one| Tally {
            snapshots: all.snapshots + one.snapshots,
            naps: all.naps + one.naps,
            wakes: all.wakes + one.wakes,
        })
    }
}
