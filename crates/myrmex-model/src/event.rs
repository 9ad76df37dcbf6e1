//! Events: the decisions that a run's journal records. Applying them in order gives the run's state, always.
//!
//! An event holds decisions (a guard as "skipped", a choice as an index, a list as its count and hash), never
//! expressions to evaluate again; values are named by hash and live once in the value table. Counters, queues and
//! arena indices are not in events: they are rebuilt from them.

use crate::address::Address;
use crate::demand::Named;
use crate::effect::Asked;
use crate::fault::Fault;
use crate::id::{Attempt, DefinitionHash, FencingToken, RunId, ValueHash};
use crate::ir::Holds;
use crate::name::Name;
use crate::outcome::{AttemptReport, Outcome};
use crate::retry::{Retry, Taken};
use crate::signal::{Answer, Signal, Word};
use crate::status::{Phase, Status};
use crate::time::Timestamp;

/// An event with the time of its decision and the change of status that it made.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// When it was decided; never earlier than the event before it.
    pub at: Timestamp,
    /// What was decided.
    pub event: Event,
    /// What it changed: the status of its task, or of the run where it has no task.
    pub change: Change,
}

/// A change of status; `from` equals `to` where an event changes only what lies below a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// The status before.
    pub from: Status,
    /// The status after.
    pub to: Status,
    /// The finer word after.
    pub phase: Phase,
}

/// What was decided.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The run exists. Its root scope is entered, unless its workflow bounds how many runs may be under way.
    RunStarted {
        /// The definition that it is pinned to.
        definition: DefinitionHash,
        /// The workflow's name.
        workflow: Name,
        /// Its inputs, with defaults, as one object.
        inputs: ValueHash,
        /// Who started it.
        started_by: String,
        /// What started it: `manual`, `parent`, a trigger's name or its kind.
        trigger: String,
        /// The definitions of the workflows that it may call, by name: an object of hashes in the value table. None if
        /// it calls nothing. Fixed here, so that a run under way never sees an edit.
        closure: Option<ValueHash>,
        /// Who called it, if it is a child.
        parent: Option<Parent>,
        /// Which run it retries, if it does.
        retry: Option<Box<Retry>>,
    },
    /// The run waits for its place among those with its key. It begins with [`Event::RunAdmitted`].
    RunQueued {
        /// What it shares with the runs that it waits for, beside the workflow; none if that is the workflow alone.
        key: Option<String>,
    },
    /// The run has its place, and its root scope is entered.
    RunAdmitted,
    /// The run moved to another definition: facts stay, undecided nodes follow the new one.
    Rebased {
        /// The definition before.
        from: DefinitionHash,
        /// The definition from now on.
        to: DefinitionHash,
        /// Names of tasks that changed: old address, new address.
        map: Vec<(Address, Address)>,
        /// Who did it.
        by: String,
        /// Why.
        reason: String,
    },
    /// A block began: its children may begin.
    ScopeEntered {
        /// The block.
        task: Address,
        /// Which attempt of the block.
        attempt: Attempt,
        /// The checked inputs of its own, the same for all attempts; none if it has none.
        inputs: Option<ValueHash>,
    },
    /// The next round of a flow that goes round began: its first child may begin.
    RoundBegan {
        /// The flow.
        task: Address,
        /// Which round, from 0.
        round: u32,
    },
    /// The body of a node has ended, and something follows it.
    HandlerEntered {
        /// The node; the root for the run.
        task: Address,
        /// What follows.
        handler: HandlerKind,
        /// How the node ends if what follows changes nothing.
        pending: Pending,
    },
    /// A limit of time ran out; what is inside is ended, and then the task fails.
    LimitReached {
        /// The task; the root for the deadline of the run.
        task: Address,
        /// Which limit.
        limit: Limit,
    },
    /// A run of another workflow is to begin as a child of this one. Committed before the child begins.
    ChildCalled {
        /// The task.
        task: Address,
        /// The child's id, derived from this run, the address and the attempt.
        child: RunId,
        /// The child's definition.
        definition: DefinitionHash,
        /// The child's checked inputs.
        inputs: ValueHash,
    },
    /// A child run has ended in which an attempt of unknown outcome was made that nothing may repeat. Nothing repeats the
    /// call either.
    ChildUnknown {
        /// The task that called it.
        task: Address,
    },
    /// A `for_each` began.
    ItemsExpanded {
        /// The `for_each`.
        task: Address,
        /// How many items there are.
        count: u32,
        /// The list, the map, the number, or the file whose lines they are.
        items: ValueHash,
        /// The items' keys if the source is a map; a list's items are keyed by index.
        keys: Option<Vec<String>>,
    },
    /// An attempt waits for a place. Its input is fixed for this and all later attempts.
    TaskQueued {
        /// The task.
        task: Address,
        /// The attempt that waits.
        attempt: Attempt,
        /// What the executor is given; none if the definition's own arguments are literal.
        input: Option<ValueHash>,
        /// The names that it asks for, fixed for this and all later attempts; none if they are literal or were fixed before.
        named: Option<Box<Named>>,
    },
    /// A block, or a call, waits for what it is to hold while it is under way. It begins once it has all of it.
    HoldQueued {
        /// The block.
        task: Address,
        /// The names that it asks for; none if they are literal.
        named: Option<Box<Named>>,
    },
    /// A block has what it asked for, and holds it until it and what follows it have ended.
    HoldGranted {
        /// The block.
        task: Address,
        /// What tells this grant from every other.
        token: FencingToken,
    },
    /// A worker has the attempt. Committed before the worker hears of it.
    AttemptGranted {
        /// The task.
        task: Address,
        /// The attempt.
        attempt: Attempt,
        /// What tells this grant from every other.
        token: FencingToken,
        /// Which worker.
        worker: Name,
    },
    /// The attempt's one outcome.
    AttemptEnded {
        /// The task.
        task: Address,
        /// The attempt.
        attempt: Attempt,
        /// The grant's token.
        token: FencingToken,
        /// What was reported.
        report: AttemptReport,
    },
    /// A failed or lost attempt will be followed by another.
    RetryArmed {
        /// The task.
        task: Address,
        /// The attempt to come.
        attempt: Attempt,
        /// When it is queued, or entered if it is a block.
        due: Timestamp,
        /// The handler whose own `retry` asks for it; none for that of the task.
        by_catch: Option<u32>,
    },
    /// A `wait` began.
    TimerArmed {
        /// The task.
        task: Address,
        /// When it ends.
        due: Timestamp,
    },
    /// People are asked, or a message is waited for.
    AwaitOpened {
        /// The task.
        task: Address,
        /// What is asked of whom; of a message nothing.
        asked: Box<Asked>,
    },
    /// Somebody said something to the run. It is acknowledged once this is durable.
    SignalReceived {
        /// What was said, and by whom.
        signal: Box<Signal>,
        /// What the task showed to whoever answered it, in the value table; of a decision at a gate how its criteria stood then.
        shown: Option<ValueHash>,
    },
    /// A task that waited for a message has it. Nobody else gets it.
    SignalTaken {
        /// The task.
        task: Address,
        /// The id of the message.
        id: String,
    },
    /// An edge waits out its lag.
    LagArmed {
        /// The task the edge leaves.
        from: Address,
        /// The task the edge enters.
        to: Address,
        /// Which end of that task the edge holds back.
        holds: Holds,
        /// When the edge becomes true.
        due: Timestamp,
    },
    /// The lag of an edge is over; the edge is true.
    LagElapsed {
        /// The task the edge leaves.
        from: Address,
        /// The task the edge enters.
        to: Address,
        /// Which end of that task the edge holds back.
        holds: Holds,
    },
    /// A `switch` took a case.
    CaseChosen {
        /// The `switch`.
        task: Address,
        /// The case's index.
        case: u32,
    },
    /// The task ended as it should.
    TaskSucceeded {
        /// The task.
        task: Address,
        /// Its output after the declared types were checked.
        output: ValueHash,
        /// The variables of its flow from now on, if it wrote any.
        vars: Option<ValueHash>,
        /// The error it ended with, if it is one to continue on.
        fault: Option<Box<Fault>>,
    },
    /// The task does not run: an earlier run did it, and its result is taken over.
    TaskTaken {
        /// The task.
        task: Address,
        /// Its result.
        taken: Box<Taken>,
    },
    /// The task ended with an error that is not retried.
    TaskFailed {
        /// The task.
        task: Address,
        /// The error.
        fault: Box<Fault>,
        /// Whether it ran out of its time.
        is_timeout: bool,
    },
    /// A task of a project failed for good. It stays open until a person decides what becomes of it.
    TaskStuck {
        /// The task.
        task: Address,
        /// The error.
        fault: Box<Fault>,
        /// Whether it ran out of its time.
        is_timeout: bool,
    },
    /// The task never runs.
    TaskSkipped {
        /// The task.
        task: Address,
        /// Why.
        reason: SkipReason,
    },
    /// The task was cancelled; nothing of it is alive.
    TaskCancelled {
        /// The task.
        task: Address,
    },
    /// Everything in a scope is to be cancelled; final, whatever is reported later.
    CancelRequested {
        /// The scope; the root for the whole run.
        scope: Address,
        /// Who asked; the machine itself for `fail_fast`.
        by: String,
        /// Why.
        reason: String,
        /// The run of the same workflow that takes its place, if the run is cancelled for that.
        successor: Option<RunId>,
    },
    /// A task of a flow ends the run, which succeeds; everything else in it is cancelled.
    EndRequested {
        /// The task.
        task: Address,
    },
    /// A task of a project could begin by its links, and must not begin before an instant.
    TaskPostponed {
        /// The task.
        task: Address,
        /// That instant.
        until: Timestamp,
        /// Because of what.
        because: NotBefore,
    },
    /// The instant before which a task must not begin has come: it begins as soon as it may.
    TaskReleased {
        /// The task.
        task: Address,
    },
    /// The run is over.
    RunEnded {
        /// Its final status.
        status: Status,
        /// Its output if it succeeded.
        output: Option<ValueHash>,
        /// Its error if it failed; why it was skipped.
        fault: Option<Box<Fault>>,
    },
}

/// What keeps a task of a project from beginning although its links allow it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotBefore {
    /// The start of the project.
    Start,
    /// Its own window.
    Window,
    /// A calendar that is closed: one of its own, of a block around, or of a pool that it asks for.
    Calendar(Name),
}

impl NotBefore {
    /// Returns the word for it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Window => "window",
            Self::Calendar(_) => "calendar",
        }
    }
}

/// Who called a child run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parent {
    /// The run.
    pub run: RunId,
    /// Its task.
    pub task: Address,
    /// How many runs stand above the child: 1 for that of a run nobody called.
    pub depth: u32,
    /// Whether the task waits for the end of the child.
    pub is_awaited: bool,
}

/// What follows the body of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HandlerKind {
    /// The `catch` at this index.
    Catch(u32),
    /// `on_failure`.
    OnFailure,
    /// `finally`.
    Finally,
}

/// How a node ends if what follows its body changes nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum Pending {
    /// As it should.
    Succeeded {
        /// Its output.
        output: ValueHash,
        /// The variables of its flow from then on, if it wrote any.
        vars: Option<ValueHash>,
    },
    /// With an error.
    Failed {
        /// The error.
        fault: Box<Fault>,
        /// Whether it ran out of its time.
        is_timeout: bool,
    },
    /// Cancelled.
    Cancelled,
}

/// A limit of time of a task, beside that of a single attempt on its worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Limit {
    /// How long an attempt may wait for a place.
    Queue,
    /// How long an attempt of a scope may take.
    Attempt,
    /// How long everything may take; of the root, the deadline.
    Total,
}

/// Why a task never runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SkipReason {
    /// Its `if` is false.
    Condition,
    /// A task that it needs ended otherwise than it accepts.
    Upstream {
        /// That task.
        task: Address,
        /// How that task ended.
        outcome: Outcome,
    },
    /// A `switch` took another way.
    NotChosen {
        /// The `switch`.
        task: Address,
    },
    /// The run that it called was skipped.
    Child {
        /// That run.
        run: RunId,
    },
    /// A person said so.
    Person {
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
}

impl HandlerKind {
    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Catch(_) => "catch",
            Self::OnFailure => "on_failure",
            Self::Finally => "finally",
        }
    }
}

impl Limit {
    /// All of them, in order.
    pub const ALL: [Self; 3] = [Self::Queue, Self::Attempt, Self::Total];

    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Attempt => "attempt",
            Self::Total => "total",
        }
    }

    /// Returns the limit that `word` names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|limit| limit.as_str() == word)
    }
}

impl Event {
    /// Returns the task that the event is about; none if it is about the run.
    pub fn task(&self) -> Option<&Address> {
        match self {
            Self::RunStarted { .. }
            | Self::RunQueued { .. }
            | Self::RunAdmitted
            | Self::Rebased { .. }
            | Self::RunEnded { .. } => None,
            Self::CancelRequested { scope: task, .. }
            | Self::RoundBegan { task, .. }
            | Self::HandlerEntered { task, .. }
            | Self::LimitReached { task, .. } => (!task.is_root()).then_some(task),
            Self::ScopeEntered { task, .. }
            | Self::ChildCalled { task, .. }
            | Self::ChildUnknown { task }
            | Self::ItemsExpanded { task, .. }
            | Self::TaskQueued { task, .. }
            | Self::HoldQueued { task, .. }
            | Self::HoldGranted { task, .. }
            | Self::AttemptGranted { task, .. }
            | Self::AttemptEnded { task, .. }
            | Self::RetryArmed { task, .. }
            | Self::TimerArmed { task, .. }
            | Self::AwaitOpened { task, .. }
            | Self::SignalTaken { task, .. }
            | Self::CaseChosen { task, .. }
            | Self::TaskSucceeded { task, .. }
            | Self::TaskTaken { task, .. }
            | Self::TaskFailed { task, .. }
            | Self::TaskStuck { task, .. }
            | Self::TaskSkipped { task, .. }
            | Self::TaskCancelled { task }
            | Self::TaskPostponed { task, .. }
            | Self::TaskReleased { task }
            | Self::EndRequested { task } => Some(task),
            Self::LagArmed { to, .. } | Self::LagElapsed { to, .. } => Some(to),
            Self::SignalReceived { signal, .. } => signal.task(),
        }
    }

    /// Returns the attempt that the event is about, if it is about one.
    pub fn attempt(&self) -> Option<Attempt> {
        match self {
            Self::ScopeEntered { attempt, .. } => (*attempt > Attempt::FIRST).then_some(*attempt),
            Self::TaskQueued { attempt, .. }
            | Self::AttemptGranted { attempt, .. }
            | Self::AttemptEnded { attempt, .. }
            | Self::RetryArmed { attempt, .. } => Some(*attempt),
            Self::RunStarted { .. }
            | Self::RunQueued { .. }
            | Self::RunAdmitted
            | Self::Rebased { .. }
            | Self::RoundBegan { .. }
            | Self::HandlerEntered { .. }
            | Self::LimitReached { .. }
            | Self::ChildCalled { .. }
            | Self::ChildUnknown { .. }
            | Self::ItemsExpanded { .. }
            | Self::HoldQueued { .. }
            | Self::HoldGranted { .. }
            | Self::TimerArmed { .. }
            | Self::AwaitOpened { .. }
            | Self::SignalReceived { .. }
            | Self::SignalTaken { .. }
            | Self::LagArmed { .. }
            | Self::LagElapsed { .. }
            | Self::TaskPostponed { .. }
            | Self::TaskReleased { .. }
            | Self::CaseChosen { .. }
            | Self::TaskSucceeded { .. }
            | Self::TaskTaken { .. }
            | Self::TaskFailed { .. }
            | Self::TaskStuck { .. }
            | Self::TaskSkipped { .. }
            | Self::TaskCancelled { .. }
            | Self::CancelRequested { .. }
            | Self::EndRequested { .. }
            | Self::RunEnded { .. } => None,
        }
    }

    /// Returns the token of the grant that the event is about, if it is about one.
    pub fn token(&self) -> Option<FencingToken> {
        match self {
            Self::AttemptGranted { token, .. }
            | Self::AttemptEnded { token, .. }
            | Self::HoldGranted { token, .. } => Some(*token),
            Self::RunStarted { .. }
            | Self::RunQueued { .. }
            | Self::RunAdmitted
            | Self::Rebased { .. }
            | Self::ScopeEntered { .. }
            | Self::RoundBegan { .. }
            | Self::HandlerEntered { .. }
            | Self::LimitReached { .. }
            | Self::ChildCalled { .. }
            | Self::ChildUnknown { .. }
            | Self::ItemsExpanded { .. }
            | Self::TaskQueued { .. }
            | Self::HoldQueued { .. }
            | Self::RetryArmed { .. }
            | Self::TimerArmed { .. }
            | Self::AwaitOpened { .. }
            | Self::SignalReceived { .. }
            | Self::SignalTaken { .. }
            | Self::LagArmed { .. }
            | Self::LagElapsed { .. }
            | Self::TaskPostponed { .. }
            | Self::TaskReleased { .. }
            | Self::CaseChosen { .. }
            | Self::TaskSucceeded { .. }
            | Self::TaskTaken { .. }
            | Self::TaskFailed { .. }
            | Self::TaskStuck { .. }
            | Self::TaskSkipped { .. }
            | Self::TaskCancelled { .. }
            | Self::CancelRequested { .. }
            | Self::EndRequested { .. }
            | Self::RunEnded { .. } => None,
        }
    }

    /// Returns the stable word for the kind of event.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::RunStarted { .. } => "run.started",
            Self::RunQueued { .. } => "run.queued",
            Self::RunAdmitted => "run.admitted",
            Self::Rebased { .. } => "run.rebased",
            Self::ScopeEntered { .. } => "task.entered",
            Self::RoundBegan { .. } => "round.began",
            Self::HandlerEntered { .. } => "handler.entered",
            Self::LimitReached { .. } => "limit.reached",
            Self::ChildCalled { .. } => "child.called",
            Self::ChildUnknown { .. } => "child.unknown",
            Self::ItemsExpanded { .. } => "task.expanded",
            Self::TaskQueued { .. } => "task.queued",
            Self::HoldQueued { .. } => "hold.queued",
            Self::HoldGranted { .. } => "hold.granted",
            Self::AttemptGranted { .. } => "attempt.granted",
            Self::AttemptEnded { .. } => "attempt.ended",
            Self::RetryArmed { .. } => "task.retrying",
            Self::TimerArmed { .. } => "timer.armed",
            Self::AwaitOpened { .. } => "await.opened",
            Self::SignalReceived { signal, .. } => match &signal.word {
                Word::Message(_) => "signal.received",
                Word::Answer { answer: Answer::Progress(_), .. } => "task.progress",
                Word::Answer { answer: Answer::Settled(_), .. } => "task.settled",
                Word::Answer { .. } => "task.answered",
            },
            Self::SignalTaken { .. } => "signal.taken",
            Self::LagArmed { .. } => "lag.armed",
            Self::LagElapsed { .. } => "lag.elapsed",
            Self::CaseChosen { .. } => "task.chose",
            Self::TaskSucceeded { .. } => "task.succeeded",
            Self::TaskTaken { .. } => "task.taken",
            Self::TaskFailed { .. } => "task.failed",
            Self::TaskStuck { .. } => "task.stuck",
            Self::TaskSkipped { .. } => "task.skipped",
            Self::TaskCancelled { .. } => "task.cancelled",
            Self::CancelRequested { .. } => "cancel.requested",
            Self::EndRequested { .. } => "end.requested",
            Self::TaskPostponed { .. } => "task.postponed",
            Self::TaskReleased { .. } => "task.released",
            Self::RunEnded { .. } => "run.ended",
        }
    }
}
