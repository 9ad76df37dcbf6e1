//! A partition without a thread: somebody else turns its loop.
//!
//! It is the same loop as that of a [`super::Partition`], with a committer of the caller's; between two turns nothing
//! happens. So a simulation decides in which order messages arrive, when a batch is durable and what time it is.

use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};

use myrmex_model::id::RunId;
use myrmex_model::time::Timestamp;
use myrmex_store::StoreError;

use super::message::{Answered, Ear, Interrupter, Message, NewRun};
use super::writer::MakeCommitter;
use super::{Parts, State};
use crate::worker::Worker;

/// A partition whose loop the caller turns. Dropping it is its sudden death: nothing is committed any more.
pub struct Stepper {
    state: State,
    inbox: Sender<Message>,
    messages: Receiver<Message>,
}

impl Stepper {
    /// Opens the log, raising its epoch.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] if the store cannot be opened.
    pub fn open(parts: Parts, committers: MakeCommitter) -> Result<Self, StoreError> {
        let (inbox, messages) = channel();
        let state = State::open(parts, committers, inbox.clone())?;
        Ok(Self { state, inbox, messages })
    }

    /// Returns what a worker needs to be heard.
    pub fn ear(&self) -> Ear {
        Ear(self.inbox.clone())
    }

    /// Returns a handle that can interrupt the partition.
    pub fn interrupter(&self) -> Interrupter {
        Interrupter(self.inbox.clone())
    }

    /// Gives the partition its worker, at the next turn.
    pub fn attach(&self, worker: Box<dyn Worker>) {
        self.put(Message::Attach(worker));
    }

    /// Asks for a new run; the answer comes once it is durable.
    pub fn start_run(&self, run: NewRun) -> Answered {
        self.ask(|answer| Message::Start(Box::new(run), answer))
    }

    /// Asks for runs of the store to go on, all in one turn.
    pub fn resume_runs(&self, runs: Vec<RunId>) -> Answered {
        self.ask(|answer| Message::Resume(runs, answer))
    }

    /// Asks for the end of a run; the answer comes once that is durable.
    pub fn cancel_run(&self, run: RunId, by: &str, reason: &str) -> Answered {
        let (by, reason) = (by.to_owned(), reason.to_owned());
        self.ask(|answer| Message::Cancel { run, by, reason, answer })
    }

    /// Takes one turn with what is in the inbox; false if the partition has ended and says why by its progress.
    pub fn turn(&mut self) -> bool {
        while self.state.is_stalled() {
            match self.messages.try_recv() {
                Ok(message) => {
                    if let Some(message) = self.state.unless_deferred(message) {
                        return self.state.turn(Some(message), &self.messages);
                    }
                }
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
        let first = self.state.deferred.pop_front().or_else(|| self.messages.try_recv().ok());
        self.state.turn(first, &self.messages)
    }

    /// Returns when the next timer is due.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.state.owned.timers.next_due()
    }

    fn put(&self, message: Message) {
        // The receiver lives as long as this does.
        drop(self.inbox.send(message));
    }

    fn ask(&self, message: impl FnOnce(super::message::Answer) -> Message) -> Answered {
        let (answer, answered) = channel();
        self.put(message(answer));
        answered
    }
}
