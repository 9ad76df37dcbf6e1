//! Commands: what happened outside a run machine, and what it is asked to do.

use std::sync::Arc;

use crate::address::Address;
use crate::effect::{Evaluation, Ticket};
use crate::event::{Limit, Parent};
use crate::fault::Fault;
use crate::id::{Attempt, DefinitionHash, FencingToken, RunId, ValueHash};
use crate::ir::Definition;
use crate::name::Name;
use crate::outcome::AttemptReport;
use crate::retry::Retry;
use crate::signal::{Look, Signal};

/// What is put to a run.
#[derive(Debug, Clone)]
pub enum Command {
    /// Begin.
    Start {
        /// The checked inputs, with defaults, as one object.
        inputs: ValueHash,
        /// Who starts it.
        started_by: String,
        /// What starts it.
        trigger: String,
        /// The definitions of the workflows that it may call: an object of hashes by name, in the value table.
        closure: Option<ValueHash>,
        /// Who calls it, if it is a child.
        parent: Option<Parent>,
        /// Which run it retries, if it does.
        retry: Option<Box<Retry>>,
    },
    /// The run has its place among those of its workflow.
    Admit,
    /// There is no place for the run, and it does not wait.
    TurnAway {
        /// The run that is in its way.
        holder: RunId,
        /// Whether that run waits for this one, so that this one would wait for ever.
        is_deadlock: bool,
    },
    /// The answer to a [`crate::effect::Request`] of the same turn.
    Evaluated {
        /// Which request.
        ticket: Ticket,
        /// The decision it led to, or the error.
        result: Result<Evaluation, Fault>,
    },
    /// A worker is to have a queued attempt.
    Grant {
        /// The task.
        task: Address,
        /// The attempt.
        attempt: Attempt,
        /// The new grant's token.
        token: FencingToken,
        /// Which worker.
        worker: Name,
    },
    /// A queued attempt, or a block that waits, can never get what it asks for.
    Refuse {
        /// The task.
        task: Address,
        /// The attempt.
        attempt: Attempt,
        /// Why.
        fault: Fault,
    },
    /// An attempt ended, or is known to be lost.
    Report {
        /// The task.
        task: Address,
        /// The attempt.
        attempt: Attempt,
        /// The grant's token.
        token: FencingToken,
        /// How it ended.
        report: AttemptReport,
    },
    /// A child run has ended.
    ChildEnded {
        /// The task that called it.
        task: Address,
        /// The child.
        child: RunId,
        /// How it ended.
        end: ChildEnd,
        /// Whether an attempt of unknown outcome was made in it that nothing may repeat.
        is_unknown: bool,
    },
    /// The instant of an armed timer has come.
    Fire {
        /// Which timer.
        timer: TimerKey,
    },
    /// Cancel the run.
    Cancel {
        /// Who asks.
        by: String,
        /// Why.
        reason: String,
        /// The run of the same workflow that takes its place, if it is cancelled for that.
        successor: Option<RunId>,
    },
    /// Skip tasks that wait: all of them or none.
    Skip {
        /// The tasks.
        tasks: Vec<Address>,
        /// Who asks.
        by: String,
        /// Why.
        reason: String,
    },
    /// Somebody says something to the run. What was said before under the same id changes nothing.
    Signal {
        /// What is said.
        signal: Box<Signal>,
        /// Of a decision at a gate: how its criteria stand now.
        look: Option<Box<Look>>,
    },
    /// Move the run to another definition.
    Rebase {
        /// The new definition.
        definition: Arc<Definition>,
        /// Its hash.
        hash: DefinitionHash,
        /// Tasks that changed their address: old, new.
        map: Vec<(Address, Address)>,
        /// Who asks.
        by: String,
        /// Why.
        reason: String,
    },
}

/// How a child run ended.
#[derive(Debug, Clone, PartialEq)]
pub enum ChildEnd {
    /// As it should; the output is in the caller's value table.
    Succeeded {
        /// Its output.
        output: ValueHash,
    },
    /// With an error, or out of its time.
    Failed {
        /// The error.
        fault: Fault,
        /// Whether it ran out of its time.
        is_timeout: bool,
    },
    /// It was cancelled.
    Cancelled,
    /// There was no place for it, and it never began.
    Skipped,
}

/// Names a timer of a run. It belongs to a task and goes with it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TimerKey {
    /// The end of a `wait`.
    Wait(Address),
    /// The end of the pause before the next attempt.
    Retry(Address),
    /// The end of the lag of the edge between two tasks.
    Lag(Address, Address),
    /// The same, of an edge that holds back the end of the second.
    EndLag(Address, Address),
    /// A limit of time of a task; of the root, the deadline of the run.
    Limit(Address, Limit),
    /// The instant before which a task of a project does not begin.
    Begin(Address),
}
