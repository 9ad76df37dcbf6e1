//! Signals: what people and programs say to a run from outside.
//!
//! A signal is a message to whoever in the run waits for it, or the answer to what a task asks. Each bears an id: what comes again
//! under the same id changes nothing, and is answered as before.

use crate::address::Address;
use crate::id::ValueHash;
use crate::ir::GateDecision;
use crate::name::Name;
use crate::time::Length;

/// The most bytes of the id of a signal, of the name of who gives it, and of a comment.
///
/// They are kept in the journal and in memory: whoever has more to say gives it as data.
pub const SIGNAL_TEXT_BYTES_MAX: usize = 4_096;

/// Something that is said to a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Signal {
    /// What tells it from every other signal to the run.
    pub id: String,
    /// Who says it.
    pub by: String,
    /// What is said, and to whom.
    pub word: Word,
    /// What comes with it, in the value table; none for nothing. Of an answer an object with the fields that were asked for.
    pub data: Option<ValueHash>,
    /// Why, in the words of who says it.
    pub comment: Option<String>,
}

/// What a signal says.
#[derive(Debug, Clone, PartialEq)]
pub enum Word {
    /// A message of this name. One task that waits for it takes it; until one does it is kept.
    Message(Name),
    /// The answer to what a task asks.
    Answer {
        /// The task.
        task: Address,
        /// The answer.
        answer: Answer,
    },
}

/// The answer of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Agrees, to an approval.
    Approved,
    /// Refuses, an approval.
    Rejected,
    /// The work is done, or the form is filled in.
    Done,
    /// The work cannot be done, or the form not be filled in.
    Failed,
    /// How far the work is. The task waits on.
    Progress(Progress),
    /// Decides at a gate.
    Decided(GateDecision),
    /// Decides what becomes of a task that is stuck.
    Settled(Settlement),
}

/// What becomes of a task that is stuck.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Settlement {
    /// It is done again, from the beginning.
    Retry,
    /// It counts as skipped.
    Skip,
    /// It counts as failed.
    Abandon,
}

impl Settlement {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Self; 3] = [Self::Retry, Self::Skip, Self::Abandon];

    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Skip => "skip",
            Self::Abandon => "abandon",
        }
    }
}

/// How the criteria of a gate stood when somebody decided about it. Whoever puts the decision to the run has looked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// What was found, as people are shown it: an object in the value table.
    pub shown: ValueHash,
    /// The criteria that do not hold, each in words with its name.
    pub red: Vec<String>,
}

/// How far work is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// How much of it is done, in percent, from 0 to 100.
    pub percent: u8,
    /// How much work was put into it so far, if that is said.
    pub spent: Option<Length>,
    /// How much longer it takes, if that is said.
    pub remaining: Option<Length>,
}

impl Answer {
    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Progress(_) => "progress",
            Self::Decided(decision) => decision.as_str(),
            Self::Settled(settlement) => settlement.as_str(),
        }
    }
}

impl Signal {
    /// Returns the task that it answers, if it answers one.
    pub fn task(&self) -> Option<&Address> {
        match &self.word {
            Word::Message(_) => None,
            Word::Answer { task, .. } => Some(task),
        }
    }
}
