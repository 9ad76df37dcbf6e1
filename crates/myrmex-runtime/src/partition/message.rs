//! What is put into a partition's inbox, and by whom.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};

use myrmex_engine::run::Rejection;
use myrmex_model::id::{DefinitionHash, Epoch, RunId};
use myrmex_model::ir::Definition;
use myrmex_model::name::Name;
use myrmex_model::retry::Takings;
use myrmex_model::value::Value;
use myrmex_store::StoreError;

use super::journal::JournalError;
use crate::worker::{Said, Worker};

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
}

/// The answer to a request, once there is one. If the partition ends without one, the sender is dropped, and that only after
/// its store is closed: what the store then holds of the request is all there will be.
pub type Answered = Receiver<Result<(), RequestError>>;

pub(super) type Answer = Sender<Result<(), RequestError>>;

/// What is put into a partition's inbox.
pub(super) enum Message {
    Start(Box<NewRun>, Answer),
    Resume(Vec<RunId>, Answer),
    Cancel {
        run: RunId,
        by: String,
        reason: String,
        answer: Answer,
    },
    Attach(Box<dyn Worker>),
    Said(Said),
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

/// What a worker of a partition says, on its way into the inbox.
pub struct Ear(pub(super) Sender<Message>);

impl Ear {
    /// Passes it on. A partition that has stopped hears nothing.
    pub fn hear(&self, said: Said) {
        drop(self.0.send(Message::Said(said)));
    }
}

/// Interrupts a partition.
pub struct Interrupter(pub(super) Sender<Message>);

impl Interrupter {
    /// Stops granting, asks everything under way to stop, and has the partition say [`Health::Interrupted`] once all
    /// that is durable.
    pub fn interrupt(&self) {
        // A partition that has ended needs no interruption.
        drop(self.0.send(Message::Interrupt));
    }
}
