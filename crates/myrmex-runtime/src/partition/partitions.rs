//! All partitions of a store, as this process runs them: each on a thread of its own.

use std::sync::Arc;
use std::thread::JoinHandle;

use myrmex_model::address::Address;
use myrmex_model::id::RunId;
use myrmex_store::StoreError;

use super::gate::Gate;
use super::inbox::{Messages, inbox};
use super::message::{Answered, Ear, Interrupter, Message, NewRun};
use super::post::Inboxes;
use super::shared::SharedStore;
use super::writer::{CommitThread, MakeCommitter};
use super::{NewChange, NewSignal, PanicNotice, Parts, STACK_BYTES, Seat, State};
use crate::worker::Worker;

/// A handle on the partitions of a store. Dropping it stops their loops; attempts under way are killed and found lost at
/// the next start.
pub struct Partitions {
    gate: Gate,
    threads: Vec<JoinHandle<()>>,
}

impl Partitions {
    /// Opens the store, raising the epochs of its logs, and starts the loops. No places are given away before something that was
    /// asked for is taken.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] if the store cannot be opened.
    pub fn start(parts: Parts) -> Result<Self, StoreError> {
        let (open, seats) = parts.split();
        let store = SharedStore::open(open)?;
        let count = store.partitions();
        seats.progress.set_partitions(count.count());
        let (inboxes, received): (Vec<_>, Vec<_>) = count.logs().map(|_| inbox()).unzip();
        let mut partitions = Self { gate: Gate::new(count, inboxes), threads: Vec::new() };
        for (log, messages) in count.logs().zip(received) {
            let post = Box::new(Inboxes(partitions.gate.inboxes()));
            let seat = seats.seat(log, store.clone(), post);
            partitions.spawn(seat, messages)?;
        }
        Ok(partitions)
    }

    fn spawn(&mut self, seat: Seat, messages: Messages) -> Result<(), StoreError> {
        let committers: MakeCommitter =
            Box::new(|store, logs, inbox| Ok(Box::new(CommitThread::new(store, logs, inbox))));
        let inbox = self.gate.inbox(seat.log);
        let mut state = State::open(seat, committers, inbox)?;
        let thread = std::thread::Builder::new()
            .name("partition".into())
            .stack_size(STACK_BYTES)
            .spawn(move || {
                let _notice = PanicNotice(Arc::clone(&state.parts.progress));
                state.run(&messages);
            })
            .map_err(|source| StoreError::Io { doing: "starting the partition's thread".into(), source })?;
        self.threads.push(thread);
        Ok(())
    }

    /// Returns what a worker needs to be heard.
    pub fn ear(&self) -> Ear {
        self.gate.ear()
    }

    /// Gives the partitions their worker.
    pub fn attach(&self, worker: impl Worker + 'static) {
        self.gate.attach(Box::new(worker));
    }

    /// Asks for a new run; the answer comes once it is durable, or was refused.
    pub fn start_run(&self, run: NewRun) -> Answered {
        self.gate.start_run(run)
    }

    /// Asks for a run of the store whose process died to go on, and others beside it, all before places are given to others;
    /// their attempts under way count as lost. One of the others that cannot be read is noted and left. The answer is about
    /// the first, and comes when all are taken up.
    pub fn resume_run(&self, run: RunId, others: &[RunId]) -> Answered {
        self.gate.resume_run(run, others)
    }

    /// Asks for the end of a run; the answer comes once that is durable. No attempt is granted after that.
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

    /// Asks for tasks of a run to be skipped, all of them or none; the answer comes once that is durable. The run is taken up for
    /// that, and goes on. Tasks are skipped that wait; attempts of a process that died are found lost first.
    pub fn skip_tasks(&self, run: RunId, tasks: &[Address], (by, reason): (&str, &str)) -> Answered {
        self.gate.skip_tasks(run, tasks, (by, reason))
    }

    /// Returns a handle that can interrupt the partitions from another thread.
    pub fn interrupter(&self) -> Interrupter {
        self.gate.interrupter()
    }
}

impl Drop for Partitions {
    fn drop(&mut self) {
        for log in self.gate.count().logs() {
            self.gate.put(log, Message::Quit);
        }
        for thread in self.threads.drain(..) {
            // A loop that panicked has nothing left to wait for; its journal is whole.
            drop(thread.join());
        }
    }
}
