//! What a decision asks for: requests to evaluate, answered within the turn, and effects, carried out after the commit.

use crate::address::Address;
use crate::command::TimerKey;
use crate::demand::Named;
use crate::event::{NotBefore, Recorded};
use crate::fault::Fault;
use crate::id::{Attempt, DefinitionHash, FencingToken, RunId, ValueHash};
use crate::ir::NodeId;
use crate::retry::Taken;
use crate::time::Timestamp;

/// What a run machine decided about one command.
#[derive(Debug, Default)]
pub struct Decision {
    /// What to journal, in order. Already applied to the run.
    pub events: Vec<Recorded>,
    /// What to evaluate now, within the turn; each answer is a [`crate::command::Command::Evaluated`].
    pub requests: Vec<Request>,
    /// What to do once the events are durable, in order.
    pub effects: Vec<Effect>,
}

/// Ties an answer to its request. Lives within one turn and is never journalled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u32);

/// An evaluation that leaves no trace outside. Its value is dropped if the commit fails.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// What the answer must bear; also names the activation from which expressions see their context.
    pub ticket: Ticket,
    /// The node whose expressions are asked for.
    pub node: NodeId,
    /// Which of its expressions.
    pub question: Question,
}

/// What is asked of a node.
#[derive(Debug, Clone, PartialEq)]
pub enum Question {
    /// The guard; and if it holds, what the body begins with. In a run that is a retry, what is taken over instead, if
    /// there is something.
    Begin,
    /// The output, from what the body gave.
    Output {
        /// What the body gave.
        raw: ValueHash,
    },
    /// The output of a task that people answered, from their answers.
    Answered,
    /// The output of a scope whose children have all ended.
    ScopeOutput,
    /// Whether this error of this attempt may be retried.
    Retry {
        /// The error.
        fault: Fault,
        /// The attempt that failed.
        attempt: Attempt,
    },
    /// What the run shares with those that it waits for: the key of its workflow's `concurrency`.
    Key,
    /// Whether a task of a project may begin now, as far as dates and calendars go.
    MayBegin,
    /// When a lag in working time is over. The node is the graph.
    Lag {
        /// The edge, by its place in [`crate::ir::Graph::edges`].
        edge: u32,
        /// When what the edge asks for came about.
        since: Timestamp,
    },
    /// Whether a flow goes round once more.
    Round {
        /// Of `while`: the round to come; of `until`: the round that ended. From 0.
        round: u32,
    },
    /// Which handler takes this error, and whether that handler's own `retry` may repeat the body first.
    Catch {
        /// The error.
        fault: Fault,
        /// The attempt that failed last.
        attempt: Attempt,
        /// The handlers that come into question by kind and status, in order.
        candidates: Vec<u32>,
    },
}

/// The decision that an evaluation led to. Values are already in the value table of the same batch.
#[derive(Debug, Clone, PartialEq)]
pub enum Evaluation {
    /// What the run shares with those that it waits for; none if that is the workflow alone.
    Key(Option<String>),
    /// When the task may begin, later than now, and because of what; none if now.
    MayBegin(Option<(Timestamp, NotBefore)>),
    /// When the lag is over. There is always an answer: a calendar that never opens gives the last instant there is.
    LagDue {
        /// The edge.
        edge: u32,
        /// When.
        due: Timestamp,
    },
    /// The guard is false.
    Skip,
    /// The guard holds and the body begins: a scope.
    Enter {
        /// The checked inputs of its own, with defaults, as one object; none if it has none.
        inputs: Option<ValueHash>,
    },
    /// The guard holds; this is what the executor is given, none if the definition's arguments are literal.
    Input(Option<ValueHash>),
    /// The guard holds; this is what the executor is given, and these are the names that the attempts ask for.
    NamedInput(Option<ValueHash>, Box<Named>),
    /// The guard holds; before the body begins, what it is to hold must be had. The names in that, none if they are literal.
    Hold(Option<Box<Named>>),
    /// The guard holds and this is the value computed, with the flow's variables from now on if it wrote any.
    Value {
        /// The value.
        output: ValueHash,
        /// The variables.
        vars: Option<ValueHash>,
    },
    /// The guard holds and the timer fires then.
    Due(Timestamp),
    /// The guard holds, and people are asked, or a message is waited for.
    Asked(Box<Asked>),
    /// The guard holds and this case does; none if no case does.
    Case(Option<u32>),
    /// The guard holds and this error is raised.
    Raise(Fault),
    /// The guard holds and these are the items.
    Items {
        /// How many.
        count: u32,
        /// The list or map.
        items: ValueHash,
        /// The keys of a map.
        keys: Option<Vec<String>>,
    },
    /// The guard holds and an earlier run did what the node would do.
    Taken(Box<Taken>),
    /// The output of a node.
    Output(ValueHash),
    /// Whether the error may be retried.
    Retry(bool),
    /// Whether a flow goes round once more.
    Round(bool),
    /// The handler that takes the error, if any.
    Catch(Option<CatchChoice>),
    /// The guard holds and this workflow is called with these inputs.
    Call {
        /// Its definition.
        definition: DefinitionHash,
        /// Its checked inputs, with defaults, as one object.
        inputs: ValueHash,
    },
}

/// What people are asked. Empty where a message is waited for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Asked {
    /// What they see: an object, in the value table.
    pub shown: Option<ValueHash>,
    /// Who may answer; empty for everybody.
    pub from: Vec<String>,
    /// Who may not, although they are among those.
    pub exclude: Vec<String>,
}

/// The handler that takes an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CatchChoice {
    /// Its index.
    pub handler: u32,
    /// Whether its own `retry` may repeat the body first, as far as `retry.when` goes.
    pub may_retry: bool,
}

/// What is to be done once the decision is durable.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// The run waits for its place among those of its workflow.
    QueueRun {
        /// What it shares with the runs that it waits for, beside the workflow; none if that is the workflow alone.
        key: Option<String>,
        /// Since when.
        since: Timestamp,
    },
    /// An attempt waits for a place.
    Queue {
        /// The task.
        task: Address,
        /// The attempt.
        attempt: Attempt,
    },
    /// An attempt no longer waits for a place.
    Withdraw {
        /// The task.
        task: Address,
        /// The attempt.
        attempt: Attempt,
    },
    /// A worker is to be given the attempt.
    Assign {
        /// The task.
        task: Address,
        /// The attempt.
        attempt: Attempt,
        /// The grant's token.
        token: FencingToken,
    },
    /// A grant is over: its place is free.
    Release {
        /// The grant's token.
        token: FencingToken,
    },
    /// The worker is to stop the attempt and to confirm.
    Stop {
        /// The grant's token.
        token: FencingToken,
    },
    /// A run of another workflow is to begin, or, if it has begun, to say how it ended.
    StartChild {
        /// The task that calls it.
        task: Address,
        /// The child.
        child: RunId,
        /// Its definition.
        definition: DefinitionHash,
        /// Its checked inputs.
        inputs: ValueHash,
        /// Whether its end is to be reported.
        is_awaited: bool,
    },
    /// A child run is to be cancelled.
    CancelChild {
        /// The child.
        child: RunId,
    },
    /// A timer is to fire.
    Arm {
        /// Which timer.
        timer: TimerKey,
        /// When.
        due: Timestamp,
    },
    /// A timer is no longer to fire.
    Disarm {
        /// Which timer.
        timer: TimerKey,
    },
    /// The run is over.
    End,
}
