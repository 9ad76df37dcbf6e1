//! What one run has to say to another. The runs may belong to different partitions, so a message is stored with the
//! decision that it follows from, and has its effect once.
//!
//! Values are named by their hashes and lie in the table of the run that a message tells of; its sender made them durable
//! no later than the message.

use crate::address::Address;
use crate::command::ChildEnd;
use crate::event::Parent;
use crate::id::{DefinitionHash, RunId, ValueHash};

/// A message from one run to another.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// A run calls a workflow. If the child exists already, it says how it ended once it has.
    Call(Call),
    /// A run does not need a child any more.
    Cancel {
        /// The child.
        child: RunId,
        /// The run that called it.
        parent: RunId,
        /// How often that was cancelled itself: a second cancel ends what the first one spares.
        cancels: u32,
        /// Who started it.
        by: String,
    },
    /// A child has ended, or cannot begin.
    Ended {
        /// The run that called it.
        parent: RunId,
        /// The task that called it, by the name it had then.
        task: Address,
        /// The child.
        child: RunId,
        /// How it ended; the output is in the child's value table.
        end: ChildEnd,
        /// Whether an attempt of unknown outcome was made in it that nothing may repeat.
        is_unknown: bool,
    },
}

/// A call of a workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The id of the child, derived from the call.
    pub child: RunId,
    /// Who calls.
    pub parent: Parent,
    /// The definition that the child follows.
    pub definition: DefinitionHash,
    /// Its inputs, in the caller's value table.
    pub inputs: ValueHash,
    /// The definitions that it may call, in the caller's value table.
    pub closure: Option<ValueHash>,
    /// Who started the caller.
    pub started_by: String,
}

impl Message {
    /// Returns the run that is to get the message.
    pub fn to(&self) -> RunId {
        match self {
            Self::Call(call) => call.child,
            Self::Cancel { child, .. } => *child,
            Self::Ended { parent, .. } => *parent,
        }
    }
}
