//! All partitions of a store, as this process runs them: each on a thread of its own.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use myrmex_model::id::RunId;
use myrmex_store::{LogId, Partitions as Count, StoreError};

use super::domain::DOMAIN_LOG;
use super::inbox::{Entry, Messages, inbox};
use super::message::{Answer, Answered, Ear, Hold, Interrupter, Message, NewRun};
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
    /// Keeps places from being given away before the first request: mail of a process that died may ask for them at once, and
    /// runs that are about to be taken up had them before.
    opening: Mutex<Option<Arc<Hold>>>,
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
        let opening = Mutex::new(Some(Hold::begin(&inboxes[DOMAIN_LOG.0 as usize])));
        let mut partitions = Self { count, inboxes, threads: Vec::new(), opening };
        for (log, messages) in count.logs().zip(received) {
            let post = Box::new(Inboxes(partitions.inboxes.clone()));
            let seat = seats.seat(log, store.clone(), post);
            partitions.spawn(seat, messages)?;
        }
        Ok(partitions)
    }

    fn spawn(&mut self, seat: Seat, messages: Messages) -> Result<(), StoreError> {
        let committers: MakeCommitter =
            Box::new(|store, logs, inbox| Ok(Box::new(CommitThread::new(store, logs, inbox))));
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

    /// Asks for a new run; the answer comes once it is durable, or was refused.
    pub fn start_run(&self, run: NewRun) -> Answered {
        self.ask(self.count.log_of(run.run), |answer| Message::Start(Box::new(run), answer))
    }

    /// Asks for a run of the store whose process died to go on, and others beside it, all before places are given to others;
    /// their attempts under way count as lost. One of the others that cannot be read is noted and left. The answer is about
    /// the first, and comes when all are taken up.
    pub fn resume_run(&self, run: RunId, others: &[RunId]) -> Answered {
        resume(self.count, &self.inboxes, (run, others), self.take_opening())
    }

    /// Asks for the end of a run; the answer comes once that is durable. No attempt is granted after that.
    pub fn cancel_run(&self, run: RunId, by: &str, reason: &str) -> Answered {
        let (by, reason) = (by.to_owned(), reason.to_owned());
        self.ask(self.count.log_of(run), |answer| Message::Cancel { run, by, reason, answer })
    }

    /// Returns a handle that can interrupt the partitions from another thread.
    pub fn interrupter(&self) -> Interrupter {
        Interrupter(self.inboxes.clone())
    }

    fn ask(&self, log: LogId, message: impl FnOnce(Answer) -> Message) -> Answered {
        let (answer, answered) = Answer::new(None);
        put(&self.inboxes[log.0 as usize], message(answer.opening(self.take_opening())));
        answered
    }

    /// Takes what keeps places from being given away, for the first request: they are once that is taken.
    fn take_opening(&self) -> Option<Arc<Hold>> {
        self.opening.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Asks all partitions that have one of these runs to take it up, and the domain to wait for them. What kept places from being
/// given away before goes with the request.
pub(super) fn resume(
    count: Count,
    inboxes: &[Entry],
    (run, others): (RunId, &[RunId]),
    opening: Option<Arc<Hold>>,
) -> Answered {
    let mut by_log: BTreeMap<LogId, Vec<RunId>> = BTreeMap::new();
    for resumed in std::iter::once(run).chain(others.iter().copied()) {
        by_log.entry(count.log_of(resumed)).or_default().push(resumed);
    }
    let hold = (inboxes.len() > 1).then(|| Hold::begin(&inboxes[DOMAIN_LOG.0 as usize]));
    let first = count.log_of(run);
    let runs = by_log.remove(&first).unwrap_or_default();
    for (log, runs) in by_log {
        // What cannot be read is noted.
        let answer = Answer::unheard(hold.clone());
        put(&inboxes[log.0 as usize], Message::Resume { runs, asked: None, answer });
    }
    let (answer, answered) = Answer::new(hold);
    let answer = answer.opening(opening);
    put(&inboxes[first.0 as usize], Message::Resume { runs, asked: Some(run), answer });
    answered
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
