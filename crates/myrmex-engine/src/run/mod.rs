//! The run machine: one run's state, and what each command means for it.
//!
//! - [`Run::decide`] answers a command with events, requests to evaluate, and effects. Every change of state goes
//!   through [`Run::apply`] of one of those events, so replaying a journal gives the same state, always.
//! - The state is an arena of activations. Counters, the agenda and arena indices follow from the facts in it and are
//!   never journalled; [`Run::facts`] and [`Run::restore`] are a snapshot and its reading back, and a run moves to
//!   another definition (`Rebased`) by restoring its facts under it.
//! - The agenda lists activations about which something is to be decided. Applying an event fills it; deciding drains
//!   it. An entry that later events have settled is recognised by the state and dropped.
//!
//! See `docs/decisions/0002-run-machine.md` for the choices behind this.

mod admission;
mod advance;
mod apply;
mod arena;
mod call;
mod cancel;
mod change;
mod complete;
mod decide;
mod edges;
mod ends;
mod facts;
mod fold;
mod gate;
mod handling;
mod hold;
mod limits;
mod pause;
mod people;
mod postpone;
mod reach;
mod rebase;
mod report;
mod retry;
mod rounds;
mod scope;
mod signals;
mod skip;
mod snapshot;
mod stuck;
mod view;
mod why;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use myrmex_model::event::{Event, Parent, Recorded, SkipReason};
use myrmex_model::fault::Fault;
use myrmex_model::id::{DefinitionHash, RunId, ValueHash};
use myrmex_model::ir::{Definition, Holds};
use myrmex_model::retry::Retry;
use myrmex_model::status::Status;
use myrmex_model::time::Timestamp;

pub use admission::Claim;
pub use apply::ReplayError;
pub use call::CALL_DEPTH_MAX;
pub use change::{Refusal, is_same_work};
pub use complete::MACHINE;
pub use decide::Rejection;
pub use ends::Holder;
pub use facts::{Fact, Facts};
pub use gate::stands_for;
pub use hold::holds;
pub use people::Standstill;
pub use reach::{Callable, Reach};
pub use rebase::RebaseError;
pub use retry::{Again, Choice, History, SelectError, nearest_node, node_at};
pub use signals::MESSAGES_KEPT_MAX;
pub use snapshot::{SNAPSHOT_CODEC, SnapshotError};
pub use view::{AwaitedView, ErrorView, ItemView, TaskView, View};
pub use why::Reason;

use admission::Admission;
use arena::{Activation, ActivationId};
use edges::EdgeKey;
use ends::Ends;
use limits::DueChange;
use postpone::Inquiries;
use signals::Signals;

/// The state of one run.
#[derive(Debug, Clone)]
pub struct Run {
    id: RunId,
    definition: Arc<Definition>,
    hash: DefinitionHash,
    status: Status,
    /// The time of the last event; decisions are never earlier.
    last: Timestamp,
    header: Option<Header>,
    admission: Admission,
    arena: Vec<Activation>,
    agenda: VecDeque<Agenda>,
    /// How much more of the agenda may be decided in this turn.
    left: u32,
    /// What `left` is at the beginning of a turn.
    turn_items: u32,
    /// How many attempts wait for a worker.
    queued: usize,
    /// How many may wait before further items of a `for_each` are withheld.
    waiting_max: usize,
    /// Those `for_each` of which items are withheld.
    withheld: BTreeSet<ActivationId>,
    /// How many activations there are when folding them is worth it.
    fold_at: usize,
    /// Whether something that is forgotten left open what it did.
    is_unknown: bool,
    /// Edges that wait, or waited, for their lag.
    lags: BTreeMap<EdgeKey, Lag>,
    /// How the edges stand that hold back the ends of activations.
    ends: BTreeMap<ActivationId, Ends>,
    /// What is asked about time in the turn under way.
    inquiries: Inquiries,
    /// Limits that changed in the decision in the making; nothing while a journal is replayed.
    due_changes: Option<Vec<DueChange>>,
    /// What was said to it.
    signals: Signals,
    ending: Option<Ending>,
    output: Option<ValueHash>,
    fault: Option<Box<Fault>>,
}

/// What is known of a run from its first event.
#[derive(Debug, Clone, PartialEq)]
struct Header {
    inputs: ValueHash,
    started_by: String,
    trigger: String,
    started: Timestamp,
    closure: Option<ValueHash>,
    parent: Option<Parent>,
    retry: Option<Box<Retry>>,
}

/// Why everything in a run is being ended early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// Somebody cancelled the run.
    Cancel,
    /// Somebody cancelled it again: nothing is shielded any more.
    Abort,
    /// A flow said `then: end`.
    Success,
}

/// An edge's lag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lag {
    Armed(Timestamp),
    Elapsed,
}

/// The most of its agenda that a run decides in one turn, so that others, timers and commits get their turn between.
///
/// Large enough that a turn is worth its commit, small enough that it takes milliseconds.
pub const TURN_ITEMS_MAX: u32 = 1_024;

/// The most beginnings and attempts of a run that wait before further items of a `for_each` are withheld.
///
/// Enough that no worker ever waits for them, and little enough that a list of a million takes no memory before its time.
const WAITING_MAX: usize = 1_024;

/// Something to decide about.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Agenda {
    /// The run needs the key by which it waits for others.
    Key,
    /// An activation may begin.
    Begin(ActivationId),
    /// An activation can never begin.
    Skip(ActivationId, SkipReason),
    /// Something inside a scope ended.
    Check(ActivationId),
    /// Something was said to a task that waits for it, or it has just begun to wait.
    Attend(ActivationId),
    /// An edge with a lag has its outcome: the children it connects, and what it holds back of the second.
    Lag((ActivationId, ActivationId), Holds),
    /// An activation, or everything inside it, is to be ended.
    Cancel(ActivationId),
    /// A handler ended: the activation that it belongs to.
    Handled(ActivationId),
    /// A child of a flow said `then: end`.
    End(ActivationId),
}

impl Run {
    /// Creates a run that has not begun.
    pub fn new(id: RunId, definition: Arc<Definition>, hash: DefinitionHash) -> Self {
        Self {
            id,
            definition,
            hash,
            status: Status::Pending,
            last: Timestamp(i64::MIN),
            header: None,
            admission: Admission::Free,
            arena: Vec::new(),
            agenda: VecDeque::new(),
            left: 0,
            turn_items: TURN_ITEMS_MAX,
            queued: 0,
            waiting_max: WAITING_MAX,
            withheld: BTreeSet::new(),
            fold_at: Self::FOLD_FIRST,
            is_unknown: false,
            lags: BTreeMap::new(),
            ends: BTreeMap::new(),
            inquiries: Inquiries::default(),
            due_changes: None,
            signals: Signals::default(),
            ending: None,
            output: None,
            fault: None,
        }
    }

    /// Shortens the turns, so that tests meet what happens between two of them.
    #[cfg(test)]
    pub(crate) fn set_turn_items(&mut self, items: u32) {
        self.turn_items = items;
    }

    /// Lets items be withheld and activations be folded early, so that small tests meet both.
    #[cfg(test)]
    pub(crate) fn set_frugal(&mut self, waiting: usize) {
        (self.waiting_max, self.fold_at) = (waiting, 1);
    }

    /// Replays a journal.
    ///
    /// `definition` is asked for the definition of each hash that the journal names.
    ///
    /// # Errors
    ///
    /// Returns [`ReplayError`] if an event does not fit the state or a definition is missing.
    pub fn replay<'a>(
        id: RunId,
        events: impl IntoIterator<Item = &'a Recorded>,
        definition: &mut dyn FnMut(DefinitionHash) -> Option<Arc<Definition>>,
    ) -> Result<Self, ReplayError> {
        let mut events = events.into_iter();
        let first = events.next().ok_or(ReplayError::Start)?;
        let Event::RunStarted { definition: hash, .. } = &first.event else { return Err(ReplayError::Start) };
        let found = definition(*hash).ok_or(ReplayError::Definition { hash: *hash })?;
        let mut run = Self::new(id, found, *hash);
        run.apply(first)?;
        run.replay_more(events, definition)?;
        Ok(run)
    }

    /// Applies the events of a journal that stand after those this run has seen: the tail after a snapshot.
    ///
    /// # Errors
    ///
    /// Returns [`ReplayError`] if an event does not fit the state or a definition is missing. The events before it
    /// are applied.
    pub fn replay_more<'a>(
        &mut self,
        events: impl IntoIterator<Item = &'a Recorded>,
        definition: &mut dyn FnMut(DefinitionHash) -> Option<Arc<Definition>>,
    ) -> Result<(), ReplayError> {
        for recorded in events {
            if let Event::Rebased { to, map, .. } = &recorded.event {
                let found = definition(*to).ok_or(ReplayError::Definition { hash: *to })?;
                self.rebase(found, *to, map)?;
                self.apply_event(&recorded.event, recorded.at)?;
            } else {
                self.apply(recorded)?;
            }
        }
        Ok(())
    }

    /// Returns the run's id.
    pub fn id(&self) -> RunId {
        self.id
    }

    /// Returns the run's status.
    pub fn status(&self) -> Status {
        self.status
    }

    /// Returns the definition that undecided nodes follow.
    pub fn definition(&self) -> &Arc<Definition> {
        &self.definition
    }

    /// Returns the hash of [`Run::definition`].
    pub fn definition_hash(&self) -> DefinitionHash {
        self.hash
    }

    /// Returns the run's output, once it succeeded.
    pub fn output(&self) -> Option<ValueHash> {
        self.output
    }

    /// Returns the run's error, once it failed.
    pub fn fault(&self) -> Option<&Fault> {
        self.fault.as_deref()
    }

    /// Returns when the run started, once it has.
    pub fn started(&self) -> Option<Timestamp> {
        self.header.as_ref().map(|header| header.started)
    }

    /// Returns who started the run, once it has started.
    pub fn started_by(&self) -> Option<&str> {
        self.header.as_ref().map(|header| header.started_by.as_str())
    }

    /// Returns how often the run was cancelled: twice at the most, after which nothing is spared.
    pub fn cancels(&self) -> u32 {
        match self.ending {
            None | Some(Ending::Success) => 0,
            Some(Ending::Cancel) => 1,
            Some(Ending::Abort) => 2,
        }
    }

    /// Returns the definitions of the workflows that it may call, by name, as a value of the run.
    pub fn closure(&self) -> Option<ValueHash> {
        self.header.as_ref().and_then(|header| header.closure)
    }

    /// Returns who called the run, if it is a child.
    pub fn parent_run(&self) -> Option<&Parent> {
        self.header.as_ref().and_then(|header| header.parent.as_ref())
    }

    /// Returns which run this one retries, if it does.
    pub fn retry(&self) -> Option<&Retry> {
        self.header.as_ref().and_then(|header| header.retry.as_deref())
    }

    /// Returns which run of the same work this is, from 1: each retry is one more.
    pub fn attempt(&self) -> u32 {
        self.retry().map_or(1, |retry| retry.attempt)
    }

    /// Returns the time of the last event.
    pub fn last(&self) -> Timestamp {
        self.last
    }

    fn node(&self, id: ActivationId) -> &myrmex_model::ir::Node {
        self.definition.node(self.arena[id.index()].node)
    }
}
