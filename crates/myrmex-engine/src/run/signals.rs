//! What was said to a run: the signals that are remembered, and the messages that nobody has taken yet.
//!
//! A signal is acknowledged once the event that records it is durable. From then on it is here: a message until a task takes it,
//! an answer with the task that it answers. Its id stays for a while, so that whoever gives it again, because no answer came
//! back, is told the same and changes nothing.

use std::collections::VecDeque;

use myrmex_model::name::Name;
use myrmex_model::signal::{Signal, Word};
use myrmex_model::time::Timestamp;

/// The most messages to a run that no task has taken. Enough for whoever speaks before anybody listens, and little enough that
/// a program that never stops speaking does not fill the memory.
pub const MESSAGES_KEPT_MAX: usize = 1_024;

/// How many signals a run remembers by their ids, the latest ones. Whoever gives a signal again does so because an answer did not
/// come back, within seconds; a thousand others come between only in a run that does little else.
const SIGNALS_REMEMBERED: usize = 1_024;

/// A signal with the time of its receipt.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Received {
    pub(super) signal: Signal,
    pub(super) at: Timestamp,
}

/// What was said to a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Signals {
    /// What is remembered, the oldest first.
    pub(super) seen: VecDeque<Signal>,
    /// Messages that no task has taken, in the order of their receipt.
    pub(super) kept: VecDeque<Received>,
}

impl Signals {
    /// Returns the signal with this id, as far as it is remembered.
    pub(super) fn find(&self, id: &str) -> Option<&Signal> {
        let kept = self.kept.iter().map(|received| &received.signal);
        self.seen.iter().rev().chain(kept).find(|signal| signal.id == id)
    }

    /// Notes a signal. A message is kept.
    pub(super) fn receive(&mut self, signal: &Signal, at: Timestamp) {
        self.seen.push_back(signal.clone());
        while self.seen.len() > SIGNALS_REMEMBERED {
            self.seen.pop_front();
        }
        match signal.word {
            Word::Message(_) => self.kept.push_back(Received { signal: signal.clone(), at }),
            Word::Answer { .. } => {}
        }
    }

    /// Returns the oldest message of this name that no task has taken.
    pub(super) fn first(&self, name: &Name) -> Option<&Received> {
        self.kept.iter().find(|received| matches!(&received.signal.word, Word::Message(own) if own == name))
    }

    /// Returns whether this message is kept.
    pub(super) fn keeps(&self, id: &str) -> bool {
        self.kept.iter().any(|received| received.signal.id == id)
    }

    /// Takes a message out of what is kept.
    pub(super) fn take(&mut self, id: &str) -> Option<Received> {
        let place = self.kept.iter().position(|received| received.signal.id == id)?;
        self.kept.remove(place)
    }
}
