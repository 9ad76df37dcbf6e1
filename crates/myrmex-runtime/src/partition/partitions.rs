//! All partitions of a store, as this process runs them: each on a thread of its own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;

use myrmex_model::id::RunId;
use myrmex_store::{LogId, Partitions as Count, StoreError};

use super::domain::DOMAIN_LOG;
use super::inbox::{Entry, Messages, inbox};
use super::message::{Answer, Ear, Interrupter, Message, NewRun, RequestError};
use super::post::Inboxes;
use super::shared::SharedStore;
use super::writer::{CommitThread, MakeCommitter};
use super::{PanicNotice, Parts, STACK_BYTES, Seat, State};
use crate::worker::{self, SharedWorker};

/// A handle on the partitions of a store. Dropping it stops their loops; attempts under way are killed and found lost at
/// the next start.
pub struct Partitions {
    count: Count,
    /// By log.
    inboxes: Vec<Entry>,
    threads: Vec<JoinHandle<()>>,
}

impl Partitions {
    /// Opens the store, raising the epochs of its logs, and starts the loops.
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
        let mut partitions = Self { count, inboxes, threads: Vec::new() };
        for (log, messages) in count.logs().zip(received) {
            let post = Box::new(Inboxes(partitions.inboxes.clone()));
            let seat = seats.seat(log, store.clone(), post);
            partitions.spawn(seat, messages)?;
        }
        Ok(partitions)
    }

    fn spawn(&mut self, seat: Seat, messages: Messages) -> Result<(), StoreError> {
        let committers: MakeCommitter =
            Box::new(|store, logs, inbox| Ok(Box::new(CommitThread::start(store, logs, inbox)?)));
        let inbox = self.inboxes[seat.log.0 as usize].clone();
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
        Ear { count: self.count, inboxes: self.inboxes.clone() }
    }

    /// Gives the partitions their worker.
    pub fn attach(&self, worker: impl worker::Worker + 'static) {
        let worker = Arc::new(SharedWorker::new(Box::new(worker)));
        // The one that gives places away is the last to know, so that the others can take them.
        for inbox in self.inboxes.iter().rev() {
            put(inbox, Message::Attach(Arc::clone(&worker)));
        }
    }

    /// Starts a run; returns once that is durable.
    ///
    /// # Errors
    ///
    /// Returns [`RequestError`] if the run cannot be started.
    pub fn start_run(&self, run: NewRun) -> Result<(), RequestError> {
        self.ask(self.count.log_of(run.run), |answer| Message::Start(Box::new(run), answer))
    }

    /// Goes on with a run of the store whose process died, and with others beside it, all before places are given to
    /// others; their attempts under way count as lost. One of the others that cannot be read is noted and left.
    ///
    /// # Errors
    ///
    /// Returns [`RequestError`] if the run is unknown or cannot be read.
    pub fn resume_run(&self, run: RunId, others: &[RunId]) -> Result<(), RequestError> {
        let mut by_log: BTreeMap<LogId, Vec<RunId>> = BTreeMap::new();
        for resumed in std::iter::once(run).chain(others.iter().copied()) {
            by_log.entry(self.count.log_of(resumed)).or_default().push(resumed);
        }
        let holds = self.inboxes.len() > 1;
        if holds {
            put(&self.inboxes[DOMAIN_LOG.0 as usize], Message::Hold(true));
        }
        let first = self.count.log_of(run);
        let mut resumed = Ok(());
        let asked: Vec<_> = by_log
            .into_iter()
            .map(|(log, runs)| {
                let asked = (log == first).then_some(run);
                (log, self.put_request(log, |answer| Message::Resume { runs, asked, answer }))
            })
            .collect();
        for (log, answered) in asked {
            let answer = answered.recv().unwrap_or(Err(RequestError::Stopped));
            if log == first {
                resumed = answer;
            }
        }
        if holds {
            put(&self.inboxes[DOMAIN_LOG.0 as usize], Message::Hold(false));
        }
        resumed
    }

    /// Cancels a run; returns once the request is durable. No attempt is granted after that.
    ///
    /// # Errors
    ///
    /// Returns [`RequestError`] if the run is unknown or over.
    pub fn cancel_run(&self, run: RunId, by: &str, reason: &str) -> Result<(), RequestError> {
        let (by, reason) = (by.to_owned(), reason.to_owned());
        self.ask(self.count.log_of(run), |answer| Message::Cancel { run, by, reason, answer })
    }

    /// Returns a handle that can interrupt the partitions from another thread.
    pub fn interrupter(&self) -> Interrupter {
        Interrupter(self.inboxes.clone())
    }

    fn put_request(
        &self,
        log: LogId,
        message: impl FnOnce(Answer) -> Message,
    ) -> Receiver<Result<(), RequestError>> {
        let (answer, answered) = channel();
        put(&self.inboxes[log.0 as usize], message(answer));
        answered
    }

    fn ask(&self, log: LogId, message: impl FnOnce(Answer) -> Message) -> Result<(), RequestError> {
        self.put_request(log, message).recv().unwrap_or(Err(RequestError::Stopped))
    }
}

fn put(inbox: &Entry, message: Message) {
    // A loop that has ended said why through its progress.
    let _is_taken = inbox.put(message);
}

impl Drop for Partitions {
    fn drop(&mut self) {
        for inbox in &self.inboxes {
            put(inbox, Message::Quit);
        }
        for thread in self.threads.drain(..) {
            // A loop that panicked has nothing left to wait for; its journal is whole.
            drop(thread.join());
        }
    }
}
