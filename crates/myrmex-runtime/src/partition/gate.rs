//! Where requests come in: the one way in which the partitions of a process are asked for something, whether they have
//! threads or somebody else turns their loops.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use myrmex_model::address::Address;
use myrmex_model::id::RunId;
use myrmex_store::{LogId, Partitions as Count};

use super::domain::DOMAIN_LOG;
use super::inbox::Entry;
use super::message::{Answer, Answered, Ear, Hold, Interrupter, Message, NewRun};
use super::signal::{NewChange, NewSignal, Say, Words};
use super::skip::Skip;
use crate::worker::{SharedWorker, Worker};

/// The inboxes of all partitions of a process.
pub(super) struct Gate {
    count: Count,
    /// By log.
    inboxes: Vec<Entry>,
    /// Keeps places from being given away until the first request is taken, with which it goes: mail of a process that died may ask
    /// for them at once, and runs that are about to be taken up had them before.
    opening: Mutex<Option<Arc<Hold>>>,
}

impl Gate {
    /// Creates the gate of partitions whose loops have not begun: it lets them give nothing away before the first request is taken.
    pub(super) fn new(count: Count, inboxes: Vec<Entry>) -> Self {
        let opening = Mutex::new(Some(Hold::begin(&inboxes[DOMAIN_LOG.0 as usize])));
        Self { count, inboxes, opening }
    }

    pub(super) fn count(&self) -> Count {
        self.count
    }

    pub(super) fn inbox(&self, log: LogId) -> Entry {
        self.inboxes[log.0 as usize].clone()
    }

    pub(super) fn inboxes(&self) -> Vec<Entry> {
        self.inboxes.clone()
    }

    pub(super) fn ear(&self) -> Ear {
        Ear { count: self.count, inboxes: self.inboxes() }
    }

    pub(super) fn interrupter(&self) -> Interrupter {
        Interrupter(self.inboxes())
    }

    /// Gives the partitions their worker.
    pub(super) fn attach(&self, worker: Box<dyn Worker>) {
        let worker = Arc::new(SharedWorker::new(worker));
        // The one that gives places away is the last to know, so that the others can take them.
        for inbox in self.inboxes.iter().rev() {
            put(inbox, Message::Attach(Arc::clone(&worker)));
        }
    }

    pub(super) fn start_run(&self, run: NewRun) -> Answered {
        self.ask(self.count.log_of(run.run), |answer| Message::Start(Box::new(run), answer))
    }

    pub(super) fn cancel_run(&self, run: RunId, by: &str, reason: &str) -> Answered {
        let (by, reason) = (by.to_owned(), reason.to_owned());
        self.ask(self.count.log_of(run), |answer| Message::Cancel { run, by, reason, answer })
    }

    pub(super) fn skip_tasks(&self, run: RunId, tasks: &[Address], (by, reason): (&str, &str)) -> Answered {
        let (tasks, by, reason) = (tasks.to_vec(), by.to_owned(), reason.to_owned());
        let log = self.count.log_of(run);
        self.ask(log, |answer| Message::Skip(Skip { run, tasks, by, reason, answer }))
    }

    pub(super) fn signal_run(&self, new: NewSignal) -> Answered {
        let log = self.count.log_of(new.run);
        self.ask(log, |answer| Message::Say(Box::new(Say { new: Words::Signal(Box::new(new)), answer })))
    }

    pub(super) fn change_run(&self, new: NewChange) -> Answered {
        let (log, new) = (self.count.log_of(new.run), Words::Change(Box::new(new)));
        self.ask(log, |answer| Message::Say(Box::new(Say { new, answer })))
    }

    /// Asks all partitions that have one of these runs to take it up, and the domain to wait for them. The answer is about the
    /// first one.
    pub(super) fn resume_run(&self, run: RunId, others: &[RunId]) -> Answered {
        let mut by_log: BTreeMap<LogId, Vec<RunId>> = BTreeMap::new();
        for resumed in std::iter::once(run).chain(others.iter().copied()) {
            by_log.entry(self.count.log_of(resumed)).or_default().push(resumed);
        }
        let domain = &self.inboxes[DOMAIN_LOG.0 as usize];
        let hold = (self.count != Count::ONE).then(|| Hold::begin(domain));
        let first = self.count.log_of(run);
        let runs = by_log.remove(&first).unwrap_or_default();
        for (log, runs) in by_log {
            // What cannot be read is noted.
            let answer = Answer::unheard(hold.clone());
            self.put(log, Message::Resume { runs, asked: None, answer });
        }
        let (answer, answered) = Answer::new(hold);
        let answer = answer.opening(self.take_opening());
        self.put(first, Message::Resume { runs, asked: Some(run), answer });
        answered
    }

    /// Asks for no run to go on; places are given away from then on.
    pub(super) fn resume_none(&self) -> Answered {
        self.ask(DOMAIN_LOG, |answer| Message::Resume { runs: Vec::new(), asked: None, answer })
    }

    pub(super) fn put(&self, log: LogId, message: Message) {
        put(&self.inboxes[log.0 as usize], message);
    }

    fn ask(&self, log: LogId, message: impl FnOnce(Answer) -> Message) -> Answered {
        let (answer, answered) = Answer::new(None);
        self.put(log, message(answer.opening(self.take_opening())));
        answered
    }

    /// Takes what keeps places from being given away, for the first request.
    fn take_opening(&self) -> Option<Arc<Hold>> {
        self.opening.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

fn put(inbox: &Entry, message: Message) {
    // A loop that has ended said why through its progress.
    let _is_taken = inbox.put(message);
}
