//! From a journal in the store back to a run.

use std::collections::BTreeMap;
use std::sync::Arc;

use myrmex_engine::run::{ReplayError, Run, SnapshotError};
use myrmex_model::address::Address;
use myrmex_model::event::Recorded;
use myrmex_model::id::{Attempt, DefinitionHash, Epoch, RunId};
use myrmex_model::ir::Definition;
use myrmex_model::name::Namespace;
use myrmex_model::time::Timestamp;
use myrmex_model::wire;
use myrmex_store::{LogId, Reader, Ready, Record, Sequence, StoreError};

/// How many records are read at a time.
const PAGE: usize = 1_000;

/// Why a run cannot be made from its journal.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A record or definition is of a form that this release does not know.
    #[error("{what} is of form {form}, which this release does not know")]
    Form {
        /// What it is.
        what: &'static str,
        /// Its form.
        form: u16,
    },
    /// A record or definition cannot be read.
    #[error(transparent)]
    Wire(#[from] wire::WireError),
    /// The events do not replay.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// A snapshot gives no run.
    #[error(transparent)]
    Restore(#[from] SnapshotError),
    /// A snapshot says something else than the journal.
    #[error("the snapshot of run {run} says something else than its journal")]
    Snapshot {
        /// The run.
        run: RunId,
    },
}

/// Reads the event in a record.
///
/// # Errors
///
/// Returns [`JournalError`] if the record is of an unknown codec or damaged.
pub fn event_of(record: &Record) -> Result<Recorded, JournalError> {
    entry_of(record).map(|(recorded, _)| recorded)
}

/// Reads the event in a record, and the epoch of the owner that decided it.
///
/// # Errors
///
/// The same as [`event_of`].
pub fn entry_of(record: &Record) -> Result<(Recorded, Epoch), JournalError> {
    match record.codec {
        wire::event::CODEC => Ok(wire::event::decode(&record.body)?),
        other => Err(JournalError::Form { what: "an event", form: u16::from(other) }),
    }
}

/// Loads a definition.
///
/// # Errors
///
/// Returns [`JournalError`] if it cannot be read; nothing if the store has none of that hash.
pub fn load_definition(
    reader: &dyn Reader,
    namespace: &Namespace,
    hash: DefinitionHash,
) -> Result<Option<Arc<Definition>>, JournalError> {
    let Some(stored) = reader.definition(namespace, hash)? else { return Ok(None) };
    match stored.form {
        wire::definition::FORM => Ok(Some(Arc::new(wire::definition::decode(&stored.body)?))),
        form => Err(JournalError::Form { what: "a definition", form }),
    }
}

/// Returns since when the tasks of a run wait that are in the queue; `count` is how many these are.
///
/// # Errors
///
/// Returns [`StoreError`] if that cannot be read.
pub(super) fn waiting_since(
    reader: &dyn Reader,
    (log, namespace): (LogId, &Namespace),
    (run, count): (RunId, usize),
) -> Result<BTreeMap<Address, Timestamp>, StoreError> {
    let mut since = BTreeMap::new();
    // Rows stand by run and task; the root waits for nothing.
    let (task, attempt, at) = (Address::root(), Attempt::FIRST, Timestamp(0));
    let mut after = Ready { namespace: namespace.clone(), run, task, attempt, at };
    while since.len() < count {
        let page = reader.ready(log, Some(&after), count - since.len())?;
        let own: Vec<Ready> = page.into_iter().take_while(|row| row.run == run).collect();
        let Some(last) = own.last().cloned() else { break };
        since.extend(own.into_iter().map(|row| (row.task, row.at)));
        after = last;
    }
    Ok(since)
}

/// Replays a run from the store; nothing if the store has no such run.
///
/// # Errors
///
/// Returns [`JournalError`] if something of it cannot be read. Nothing else in the store is touched by that.
pub fn load_run(reader: &dyn Reader, namespace: &Namespace, id: RunId) -> Result<Option<Run>, JournalError> {
    let find = &mut |hash| load_definition(reader, namespace, hash);
    let replayed = replay(reader, (namespace, id), (None, Sequence::NONE), find)?;
    Ok(replayed.map(|(run, ..)| run))
}

/// What gives the definition of a hash; nothing if the store has none.
pub(super) type Find<'f> = dyn FnMut(DefinitionHash) -> Result<Option<Arc<Definition>>, JournalError> + 'f;

/// Replays what the journal of a run says after `after`, upon what it said before. Returns how many events that were and
/// where the last one stands; nothing if there is no run then.
pub(super) fn replay(
    reader: &dyn Reader,
    (namespace, id): (&Namespace, RunId),
    (mut run, mut after): (Option<Run>, Sequence),
    find: &mut Find<'_>,
) -> Result<Option<(Run, usize, Sequence)>, JournalError> {
    let (mut trouble, mut count) = (None, 0);
    let mut find = |hash| match find(hash) {
        Ok(definition) => definition,
        Err(error) => {
            trouble = Some(error);
            None
        }
    };
    let mut replayed = Ok(());
    while replayed.is_ok() {
        let records = reader.run_records(namespace, id, after, PAGE)?;
        let Some(last) = records.last() else { break };
        (after, count) = (last.sequence, count + records.len());
        let events = records.iter().map(event_of).collect::<Result<Vec<_>, _>>()?;
        replayed = match &mut run {
            Some(run) => run.replay_more(&events, &mut find),
            None => Run::replay(id, &events, &mut find).map(|begun| run = Some(begun)),
        };
    }
    match (replayed, trouble) {
        (_, Some(error)) => Err(error),
        (replayed, None) => {
            replayed?;
            Ok(run.map(|run| (run, count, after)))
        }
    }
}
