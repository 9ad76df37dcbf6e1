//! Preparing a retry: what it takes over is chosen, and the files among that are given to the new run.
//!
//! This happens before the commit that starts the new run, as with everything that a journal names. A crash in between leaves
//! files of a run that never began.

use std::collections::{BTreeMap, BTreeSet};

use myrmex_engine::run::{Again, Choice, Run, SelectError, node_at};
use myrmex_model::address::Address;
use myrmex_model::file::FileValue;
use myrmex_model::id::{RunId, ValueHash};
use myrmex_model::ir::{Body, Definition};
use myrmex_model::name::Namespace;
use myrmex_model::retry::{Taken, Takings};
use myrmex_model::status::Status;
use myrmex_model::wire;
use myrmex_store::blobs::{BlobHash, BlobStore};
use myrmex_store::{Reader, StoreError};

use crate::partition::JournalError;
use crate::values;

/// Where the results lie, and where the files among them go.
pub struct Places<'a> {
    /// The store with both runs.
    pub reader: &'a dyn Reader,
    /// The files of both runs.
    pub blobs: &'a dyn BlobStore,
    /// The tenant of both runs.
    pub namespace: &'a Namespace,
    /// The run to come.
    pub to: RunId,
}

/// What a retry will take over.
#[derive(Debug)]
pub struct Prepared {
    /// What was chosen.
    pub choice: Choice,
    /// The tasks that run again because a file that they left is gone.
    pub lost: BTreeSet<Address>,
}

/// Why a retry cannot be prepared.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// Something that is not there is asked for.
    #[error(transparent)]
    Select(#[from] SelectError),
    /// The earlier run cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl From<StoreError> for PrepareError {
    fn from(error: StoreError) -> Self {
        Self::Journal(error.into())
    }
}

/// Chooses what a retry of `run`, which is over, takes over, and gives the new run the files among it. `other` is the
/// definition that it follows, if that is not the one of `run`. Returns nothing, and has done nothing, if the run succeeded and
/// nothing of it is asked for, or all of it would be taken over.
///
/// # Errors
///
/// Returns [`PrepareError`] if something is asked for that is not there, or the store fails.
pub fn prepare(
    places: &Places<'_>,
    run: &Run,
    other: Option<&Definition>,
    again: &[Again],
) -> Result<Option<Prepared>, PrepareError> {
    let earlier = match run.retry() {
        Some(retry) => {
            let stored = values::load(places.reader, places.namespace, run.id(), retry.taken)?;
            wire::retry::decode(&stored).map_err(JournalError::from)?
        }
        None => Takings::default(),
    };
    let history = run.history(&earlier);
    let definition = (other.unwrap_or(run.definition()), other.is_some());
    let mut files = Files { places, of: run.id(), adopted: BTreeMap::new(), named: BTreeMap::new() };
    let mut lost = BTreeSet::new();
    loop {
        let choice = history.choose(definition, again, &lost)?;
        let is_asked = !again.is_empty() || other.is_some();
        if run.status() == Status::Succeeded && (choice.is_whole || !is_asked) {
            return Ok(None);
        }
        let before = lost.len();
        for (address, taken) in &choice.takings.results {
            let is_whole = files.adopt_of(taken)?;
            // What a process left is of its own run. What others pass on may be of a run that was called.
            let node = node_at(definition.0, address).map(|node| &definition.0.node(node).body);
            if !is_whole && matches!(node, Some(Body::Task(_))) {
                lost.insert(address.clone());
            }
        }
        if lost.len() == before {
            files.find_lists(&choice.takings)?;
            return Ok(Some(Prepared { choice, lost }));
        }
    }
}

/// The files that values of the earlier run name.
struct Files<'a> {
    places: &'a Places<'a>,
    of: RunId,
    /// Whether each file that was asked for is there, and of the new run now.
    adopted: BTreeMap<BlobHash, bool>,
    named: BTreeMap<ValueHash, Vec<BlobHash>>,
}

impl Files<'_> {
    /// Reads the lists of items once, so that one that is damaged is told before anything begins, and gives the new run those
    /// that are files, to compare their lines. What else is taken over was read for its files.
    fn find_lists(&self, takings: &Takings) -> Result<(), StoreError> {
        let Places { reader, blobs, namespace, to } = *self.places;
        let of_results =
            takings.results.values().filter_map(|taken| taken.items.as_ref().map(|items| items.list));
        let lists: BTreeSet<ValueHash> = of_results.chain(takings.lists.values().copied()).collect();
        for list in lists {
            let list = values::load(reader, namespace, self.of, list)?;
            // One that is gone, or damaged, makes no item look as it was.
            if let Some(file) = FileValue::of(&list) {
                blobs.adopt(namespace, self.of, to, file.hash)?;
            }
        }
        Ok(())
    }

    /// Gives the new run the files that a result names; false if one of them is gone.
    fn adopt_of(&mut self, taken: &Taken) -> Result<bool, StoreError> {
        let Places { reader, blobs, namespace, to } = *self.places;
        let mut is_whole = true;
        for hash in [taken.output, taken.vars, taken.artifacts].into_iter().flatten() {
            if !self.named.contains_key(&hash) {
                let value = values::load(reader, namespace, self.of, hash)?;
                let found = FileValue::all_in(&value).into_iter().map(|file| file.hash).collect();
                self.named.insert(hash, found);
            }
            for file in &self.named[&hash] {
                if !self.adopted.contains_key(file) {
                    let is_there = blobs.adopt(namespace, self.of, to, *file)?;
                    self.adopted.insert(*file, is_there);
                }
                is_whole &= self.adopted[file];
            }
        }
        Ok(is_whole)
    }
}
