//! Outcomes of tasks, as edges accept them, and the ends of attempts, as workers report them.

use crate::address::Address;
use crate::fault::Fault;
use crate::id::{RunId, ValueHash};
use crate::status::Status;

/// What an edge can ask of the task it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It has begun (its first attempt was granted, its scope was entered, its timer was armed).
    Started,
    /// It ended as it should.
    Succeeded,
    /// It ended with an error or out of time.
    Failed,
    /// It never ran.
    Skipped,
    /// It was cancelled.
    Cancelled,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Started, Self::Succeeded, Self::Failed, Self::Skipped, Self::Cancelled];

    fn bit(self) -> u8 {
        match self {
            Self::Started => 1,
            Self::Succeeded => 2,
            Self::Failed => 4,
            Self::Skipped => 8,
            Self::Cancelled => 16,
        }
    }

    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Cancelled => "cancelled",
        }
    }

    /// Returns the outcome that a final status is; nothing for a status that is not final.
    pub fn of(status: Status) -> Option<Self> {
        match status {
            Status::Succeeded => Some(Self::Succeeded),
            Status::Failed | Status::TimedOut | Status::Compensated => Some(Self::Failed),
            Status::Skipped => Some(Self::Skipped),
            Status::Cancelled => Some(Self::Cancelled),
            Status::Pending | Status::Running | Status::Waiting | Status::Stuck => None,
        }
    }
}

/// A set of [`Outcome`]s: what an edge accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct OutcomeSet(u8);

impl OutcomeSet {
    /// Only success, the default of `needs`.
    pub const SUCCEEDED: Self = Self(2);
    /// Any end at all but a cancel: `finished`.
    pub const FINISHED: Self = Self(2 | 4 | 8);

    /// Collects `outcomes`.
    pub fn of(outcomes: &[Outcome]) -> Self {
        Self(outcomes.iter().fold(0, |bits, outcome| bits | outcome.bit()))
    }

    /// Returns whether `outcome` is in the set.
    pub fn contains(self, outcome: Outcome) -> bool {
        self.0 & outcome.bit() != 0
    }

    /// Returns everything that is in either set.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns the outcomes in it, in a fixed order.
    pub fn iter(self) -> impl Iterator<Item = Outcome> {
        Outcome::ALL.into_iter().filter(move |outcome| self.contains(*outcome))
    }
}

/// What an attempt used, as the operating system accounts for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Wall time from start to end, in microseconds of the worker's monotonic clock.
    pub wall_us: u64,
    /// CPU time in user mode, in microseconds.
    pub user_us: u64,
    /// CPU time in the kernel, in microseconds.
    pub system_us: u64,
    /// Peak resident memory of the largest process, in KiB.
    pub rss_max_kib: u64,
    /// Blocks of 512 bytes read from and written to a disk.
    pub blocks_in: u64,
    /// Blocks of 512 bytes written to a disk.
    pub blocks_out: u64,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptEnd {
    /// The body gave an output.
    Succeeded {
        /// The output before the declared types are checked, in the value table.
        output: ValueHash,
    },
    /// The body failed.
    Failed {
        /// The error.
        fault: Fault,
    },
    /// The attempt ran out of its time; its process tree is dead.
    TimedOut {
        /// The error.
        fault: Fault,
    },
    /// The worker was told to stop it and confirms that nothing of it is alive.
    Stopped,
    /// Nobody can say how it ended; what the attempt did is unknown.
    Lost {
        /// What was lost with it.
        loss: Loss,
        /// Why it counts as lost.
        reason: String,
    },
}

/// What was lost when an attempt was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// Its worker, with all attempts that it had: nothing says that this one is to blame.
    Worker,
    /// Only the process that watched over it, while its worker lived: the attempt itself may have ended it, by a signal
    /// or by using up the memory.
    Watcher,
}

/// What a worker reports of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptReport {
    /// How it ended.
    pub end: AttemptEnd,
    /// What it used, if it ever ran.
    pub usage: Usage,
    /// The process id of the attempt's main process, if there was one.
    pub pid: Option<u32>,
    /// How that process ended; none if it ended with exit code 0 or there was none.
    pub exit: Option<ProcessExit>,
    /// Whether the attempt left processes behind that had to be killed.
    pub has_leftovers: bool,
    /// The artifacts that were kept, a map of file values by name in the value table; none if there are none. An attempt
    /// that failed may have some.
    pub artifacts: Option<ValueHash>,
    /// Whose success this is, if it was taken over instead of running anything; none otherwise.
    pub cached: Option<Box<Origin>>,
    /// Why artifacts that were there were not kept, each in words. Only of an attempt that did not succeed anyway: of another
    /// one that is its error.
    pub unkept: Vec<String>,
}

/// The task whose success another one takes over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Its run.
    pub run: RunId,
    /// Its address there.
    pub task: Address,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProcessExit {
    /// By itself, with this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

impl AttemptReport {
    /// Reports an end without a process.
    pub fn of(end: AttemptEnd) -> Self {
        Self {
            end,
            usage: Usage::default(),
            pid: None,
            exit: None,
            has_leftovers: false,
            artifacts: None,
            cached: None,
            unkept: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_contain_what_was_put_in() {
        let set = OutcomeSet::of(&[Outcome::Succeeded, Outcome::Skipped]);
        assert!(set.contains(Outcome::Skipped) && !set.contains(Outcome::Failed));
        assert_eq!(set.union(OutcomeSet::SUCCEEDED), set);
        assert_eq!(set.iter().collect::<Vec<_>>(), [Outcome::Succeeded, Outcome::Skipped]);
    }
}
