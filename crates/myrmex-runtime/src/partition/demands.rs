//! What work asks for, and of blocks what is inside them: in the workflows too that they call, as they were pinned when the run
//! began.

use std::sync::Arc;

use myrmex_engine::dispatch::Ready as Waiting;
use myrmex_engine::run::{Callable, Reach, Run};
use myrmex_model::address::Address;
use myrmex_model::id::{Attempt, DefinitionHash, RunId, ValueHash};
use myrmex_model::ir::Definition;
use myrmex_model::name::{Name, Namespace};
use myrmex_model::time::Timestamp;
use myrmex_model::value::Value;
use myrmex_store::{Reader, StoreError};

use super::children::Definitions;
use super::journal::JournalError;
use crate::values::{self, Values};

/// Returns what an attempt of `run` waits with, or has. Blocks ask for more than that: see [`Demands`].
pub fn waiting(run: &Run, task: Address, attempt: Attempt, since: Timestamp) -> Waiting {
    let demand = run.own_demand(&task).map(Arc::new);
    Waiting { demand, ..Waiting::plain(run.id(), task, attempt, since) }
}

/// Finds what work asks for whose runs were read from the store.
pub struct Demands<'r> {
    reader: &'r dyn Reader,
    namespace: &'r Namespace,
    reach: Reach,
    definitions: Definitions,
}

impl<'r> Demands<'r> {
    /// Creates one that has found nothing so far.
    pub fn new(reader: &'r dyn Reader, namespace: &'r Namespace) -> Self {
        Self { reader, namespace, reach: Reach::default(), definitions: Definitions::default() }
    }

    /// Returns what waits for a task of `run`, or has what it waited for: an attempt, or the block itself.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] if the store cannot be read.
    pub fn waiting(
        &mut self,
        run: &Run,
        task: Address,
        attempt: Attempt,
        since: Timestamp,
    ) -> Result<Waiting, StoreError> {
        let (reader, namespace) = (self.reader, self.namespace);
        let catalogue = Catalogue {
            reader,
            namespace,
            definitions: &mut self.definitions,
            run: run.id(),
            values: None,
            trouble: None,
        };
        catalogue.waiting(&mut self.reach, run, (task, attempt, since))
    }
}

/// The workflows that a run may call.
pub(super) struct Catalogue<'a> {
    pub(super) reader: &'a dyn Reader,
    pub(super) namespace: &'a Namespace,
    pub(super) definitions: &'a mut Definitions,
    pub(super) run: RunId,
    /// The values of the run, if it is in memory: what it made in this batch cannot be read yet.
    pub(super) values: Option<&'a mut Values>,
    /// Why the store could not be read.
    pub(super) trouble: Option<StoreError>,
}

impl Catalogue<'_> {
    /// Returns what waits for a task of `run`.
    pub(super) fn waiting(
        mut self,
        reach: &mut Reach,
        run: &Run,
        (task, attempt, since): (Address, Attempt, Timestamp),
    ) -> Result<Waiting, StoreError> {
        let demand = run.demand(&task, reach, &mut self).map(Arc::new);
        match self.trouble {
            Some(error) => Err(error),
            None => Ok(Waiting { demand, ..Waiting::plain(run.id(), task, attempt, since) }),
        }
    }

    fn pinned(
        &mut self,
        closure: ValueHash,
        workflow: &Name,
    ) -> Result<Option<(DefinitionHash, Arc<Definition>)>, JournalError> {
        let closure = match &mut self.values {
            Some(values) => values.get(closure, self.reader)?,
            None => Arc::new(values::load(self.reader, self.namespace, self.run, closure)?),
        };
        let hash = closure.get(workflow.as_str()).and_then(Value::as_str).and_then(|hash| hash.parse().ok());
        let Some(hash) = hash else { return Ok(None) };
        let definition = self.definitions.get(self.reader, self.namespace, hash)?;
        Ok(definition.map(|definition| (hash, definition)))
    }
}

impl Callable for Catalogue<'_> {
    fn find(&mut self, closure: ValueHash, workflow: &Name) -> Option<(DefinitionHash, Arc<Definition>)> {
        match self.pinned(closure, workflow) {
            Ok(found) => found,
            Err(JournalError::Store(error)) => {
                self.trouble.get_or_insert(error);
                None
            }
            // The call itself fails, and says why.
            Err(
                JournalError::Form { .. }
                | JournalError::Wire(_)
                | JournalError::Replay(_)
                | JournalError::Restore(_)
                | JournalError::Snapshot { .. },
            ) => None,
        }
    }
}
