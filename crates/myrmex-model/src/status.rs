//! What state a run or a task is in, in the closed list of words that outsiders rely on.

use std::fmt;

/// Where a run or a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Not begun: waits for tasks before it, or for a place.
    Pending,
    /// An attempt runs, or tasks inside it do.
    Running,
    /// Begun, and nothing runs: a timer, a retry's delay.
    Waiting,
    /// Ended as it should.
    Succeeded,
    /// Ended with an error.
    Failed,
    /// Ended by a cancel.
    Cancelled,
    /// Ended by its limit of time.
    TimedOut,
    /// Ended after its effects were undone.
    Compensated,
    /// Cannot go on until a person decides.
    Stuck,
    /// Never ran, for a recorded reason.
    Skipped,
}

impl Status {
    /// All of them, in the order of the contract.
    pub const ALL: [Self; 10] = [
        Self::Pending,
        Self::Running,
        Self::Waiting,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
        Self::TimedOut,
        Self::Compensated,
        Self::Stuck,
        Self::Skipped,
    ];

    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::TimedOut => "timed_out",
            Self::Compensated => "compensated",
            Self::Stuck => "stuck",
            Self::Skipped => "skipped",
        }
    }

    /// Returns the status that `word` names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }

    /// Returns whether it is final. A stuck run is not: a person may still retry, skip or abandon.
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Pending | Self::Running | Self::Waiting | Self::Stuck => false,
            Self::Succeeded
            | Self::Failed
            | Self::Cancelled
            | Self::TimedOut
            | Self::Compensated
            | Self::Skipped => true,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A finer word beside [`Status`]. The list is open: readers must accept words they do not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Phase {
    /// Nothing finer to say.
    #[default]
    None,
    /// Ready, and waits for a place on a worker.
    Queued,
    /// Given to a worker.
    Granted,
    /// Waits for people, or for a message.
    Awaiting,
    /// Waits out the pause before its next attempt.
    Retrying,
    /// Being stopped; final only once its worker confirms or its lease ends.
    Cancelling,
    /// Its body failed; a `catch` or `on_failure` is at work.
    Handling,
    /// Its body has ended; `finally` is at work.
    Finishing,
    /// Its people are done with it; it succeeds once the links that hold its end are true.
    Held,
    /// Could begin by its links, and waits for an instant before which it must not.
    Postponed,
}

impl Phase {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::None,
        Self::Queued,
        Self::Granted,
        Self::Awaiting,
        Self::Retrying,
        Self::Cancelling,
        Self::Handling,
        Self::Finishing,
        Self::Held,
        Self::Postponed,
    ];

    /// Returns the word for it; nothing for [`Phase::None`].
    pub fn as_str(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Queued => Some("queued"),
            Self::Granted => Some("granted"),
            Self::Awaiting => Some("awaiting"),
            Self::Retrying => Some("retrying"),
            Self::Cancelling => Some("cancelling"),
            Self::Handling => Some("handling"),
            Self::Finishing => Some("finishing"),
            Self::Held => Some("held"),
            Self::Postponed => Some("postponed"),
        }
    }
}
