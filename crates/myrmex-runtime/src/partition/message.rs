//! What is put into a partition's inbox, and by whom.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use myrmex_engine::run::{Refusal, Rejection};
use myrmex_model::id::{DefinitionHash, Epoch, RunId};
use myrmex_model::inputs::InputError;
use myrmex_model::ir::Definition;
use myrmex_model::name::Name;
use myrmex_model::retry::Takings;
use myrmex_model::value::{VALUE_DEPTH_MAX, Value};
use myrmex_store::{Partitions, StoreError};

use super::inbox::Entry;
use super::journal::JournalError;
use super::post::Letter;
use super::signal::Say;
use super::skip::Skip;
use crate::worker::{Said, SharedWorker};

/// A run to start.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// Its id.
    pub run: RunId,
    /// Its definition.
    pub definition: Arc<Definition>,
    /// The definition's hash.
    pub hash: DefinitionHash,
    /// The definition's canonical form.
    pub form: Arc<[u8]>,
    /// Its checked inputs.
    pub inputs: Value,
    /// The workflows that it may call, and those that they may call.
    pub called: Vec<CalledDefinition>,
    /// Who starts it.
    pub started_by: String,
    /// What starts it.
    pub trigger: String,
    /// The caller's idempotency key.
    pub key: Option<String>,
    /// What it takes over from which run, if it is a retry. The files among that are its own already.
    pub retry: Option<NewRetry>,
}

/// That a run to start is a retry.
#[derive(Debug, Clone)]
pub struct NewRetry {
    /// The run that it retries.
    pub of: RunId,
    /// Which run of the same work it is.
    pub attempt: u32,
    /// What it takes over.
    pub takings: Takings,
}

/// A workflow that a run may call, as it stood when the run was started.
#[derive(Debug, Clone)]
pub struct CalledDefinition {
    /// The name it is called by.
    pub name: Name,
    /// The definition's hash.
    pub hash: DefinitionHash,
    /// The definition's canonical form.
    pub form: Arc<[u8]>,
}

/// Why a request to a partition failed.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The run machine refused.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The run cannot be read from the store.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The run is not in the store.
    #[error("there is no run {run}")]
    Unknown {
        /// The run.
        run: RunId,
    },
    /// The store failed while the request was under way: whether it happened is not known. Asking again tells.
    #[error("the store failed meanwhile; whether the request was carried out is not known")]
    Unknowable,
    /// What comes with an answer is not what the task asks for.
    #[error("{}", of_field(.0))]
    Data(InputError),
    /// The run cannot follow a change, for these reasons.
    #[error("the run cannot follow the change: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Change(Vec<Refusal>),
    /// What comes with a signal nests too deep.
    #[error("the data nests deeper than {VALUE_DEPTH_MAX} levels")]
    Deep,
    /// There is no room in the inbox. Nothing was done; asking again later may help.
    #[error("{waiting} requests wait already; ask again when they are done")]
    Full {
        /// How many wait.
        waiting: usize,
    },
}

/// Says of a field of an answer what is wrong with it: fields are declared as inputs are.
fn of_field(error: &InputError) -> String {
    error.to_string().replacen("input", "field", 1)
}

/// The answer to a request, once there is one. If the partition ends without one, the sender is dropped, and that only after
/// its store is closed: what the store then holds of the request is all there will be.
pub type Answered = Receiver<Result<(), RequestError>>;

/// Where the answer to a request goes.
pub(super) struct Answer {
    /// None if nobody hears it.
    to: Option<Sender<Result<(), RequestError>>>,
    /// Held until the answer is given, or nobody can give it any more.
    hold: Option<Arc<Hold>>,
    /// Held until the request is taken.
    opening: Option<Arc<Hold>>,
}

impl Answer {
    /// Makes where an answer goes, and where it is found.
    pub(super) fn new(hold: Option<Arc<Hold>>) -> (Self, Answered) {
        let (to, answered) = channel();
        (Self { to: Some(to), hold, opening: None }, answered)
    }

    /// Makes an answer that nobody hears.
    pub(super) fn unheard(hold: Option<Arc<Hold>>) -> Self {
        Self { to: None, hold, opening: None }
    }

    /// Ends a hold with the request that the answer is for, once its partition has taken that or never will. In the partition
    /// of the domain that is in the same turn, so what the request asks for is given away in the batch that records it.
    #[must_use]
    pub(super) fn opening(self, hold: Option<Arc<Hold>>) -> Self {
        Self { opening: hold, ..self }
    }

    /// Takes what is to be dropped when the request is taken.
    pub(super) fn take_opening(&mut self) -> Option<Arc<Hold>> {
        self.opening.take()
    }

    /// Gives the answer; with a hold, once that has ended. Whoever asked may have gone. The hold is returned, to be let go
    /// when the partition of the domain has heard what came of the request.
    pub(super) fn give(self, result: Result<(), RequestError>) -> Option<Arc<Hold>> {
        match (self.to, &self.hold) {
            (Some(to), Some(hold)) => *hold.last() = Some((to, result)),
            (Some(to), None) => drop(to.send(result)),
            (None, _) => {}
        }
        self.hold
    }
}

/// Keeps the partition of the domain from giving places away as long as anybody has it: until every partition that was
/// asked has taken up its runs.
pub(super) struct Hold {
    domain: Entry,
    /// The answer that is given when it ends.
    last: Mutex<Option<LastWord>>,
}

type LastWord = (Sender<Result<(), RequestError>>, Result<(), RequestError>);

impl Hold {
    pub(super) fn begin(domain: &Entry) -> Arc<Self> {
        // A partition that has ended gives nothing away.
        let _is_heard = domain.put(Message::Hold(true));
        Arc::new(Self { domain: domain.clone(), last: Mutex::default() })
    }

    fn last(&self) -> MutexGuard<'_, Option<LastWord>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Hold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hold")
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let _is_heard = self.domain.put(Message::Hold(false));
        if let Some((to, result)) = self.last().take() {
            drop(to.send(result));
        }
    }
}

/// What is put into a partition's inbox.
pub(super) enum Message {
    Start(Box<NewRun>, Answer),
    /// Takes up these runs; the answer is about the one that was asked for, if that is among them.
    Resume {
        runs: Vec<RunId>,
        asked: Option<RunId>,
        answer: Answer,
    },
    Cancel {
        run: RunId,
        by: String,
        reason: String,
        answer: Answer,
    },
    Skip(Skip),
    Say(Box<Say>),
    Attach(Arc<SharedWorker>),
    Said(Said),
    /// From another partition.
    Letter(Letter),
    /// Whether runs of several partitions are being taken up, so that no place is given away meanwhile.
    Hold(bool),
    Interrupt,
    /// What the writer of this epoch says of the batch it has. One of an earlier opening of the store says nothing any
    /// more: its batch was dropped.
    Written(Epoch, Written),
    Quit,
}

/// What a [`super::Committer`] says of the batch it has.
pub enum Written {
    /// It is durable, or never will be.
    Committed(Result<myrmex_store::Committed, StoreError>),
    /// It waits for space on the disk.
    Held(StoreError),
}

/// What a worker says, on its way into the inboxes.
pub struct Ear {
    pub(super) count: Partitions,
    /// By log.
    pub(super) inboxes: Vec<Entry>,
}

impl Ear {
    /// Passes it on to whom it concerns. A partition that has stopped hears nothing.
    pub fn hear(&self, said: Said) {
        let put = |inbox: &Entry, said| {
            let _is_heard = inbox.put(Message::Said(said));
        };
        match said {
            Said::Report(report) => {
                put(&self.inboxes[self.count.log_of(report.run).0 as usize], Said::Report(report));
            }
            Said::Inventory(tokens) => {
                self.inboxes.iter().for_each(|inbox| put(inbox, Said::Inventory(tokens.clone())));
            }
            Said::Broken(reason) => {
                self.inboxes.iter().for_each(|inbox| put(inbox, Said::Broken(reason.clone())));
            }
        }
    }
}

/// Interrupts the partitions of a process.
pub struct Interrupter(pub(super) Vec<Entry>);

impl Interrupter {
    /// Stops granting, asks everything under way to stop, and has the partitions say [`Health::Interrupted`] once all
    /// that is durable.
    pub fn interrupt(&self) {
        for inbox in &self.0 {
            // A partition that has ended needs no interruption.
            let _is_heard = inbox.put(Message::Interrupt);
        }
    }
}
