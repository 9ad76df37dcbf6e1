//! How much is left of runs after their tasks, as their host computes it: asked once for each definition.
//!
//! What comes of it changes the order in which attempts of one run get their places, and nothing else, so it may differ from process to
//! process: the order that came of it is in the journal.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use myrmex_model::id::DefinitionHash;
use myrmex_model::ir::Definition;
use myrmex_model::rank::Ranks;
use myrmex_store::Reader;

/// For how many definitions ranks are kept. A process rarely drives more workflows at a time; for a large one it is some megabytes.
const KNOWN_MAX: usize = 64;

/// Computes the ranks of a definition, perhaps from what its earlier runs took.
type Compute = dyn Fn(&dyn Reader, &Definition) -> Ranks + Send + Sync;

/// Ranks by definition. Cloning is cheap; clones share what is known.
#[derive(Clone, Default)]
pub struct Ranking(Option<Arc<Known>>);

struct Known {
    compute: Box<Compute>,
    known: Mutex<BTreeMap<DefinitionHash, Arc<Ranks>>>,
}

impl Ranking {
    /// Returns the order of arrival: nothing is known of what is left.
    pub fn arrival() -> Self {
        Self::default()
    }

    /// Creates one that asks `compute` once for each definition. It is called in a turn of a partition, before the first task of a
    /// run of it can begin, so it must be quick.
    pub fn new(compute: impl Fn(&dyn Reader, &Definition) -> Ranks + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(Known { compute: Box::new(compute), known: Mutex::default() })))
    }

    /// Returns the ranks of the definition with this hash; none if the order of arrival is wanted.
    pub(super) fn of(
        &self,
        reader: &dyn Reader,
        hash: DefinitionHash,
        definition: &Definition,
    ) -> Option<Arc<Ranks>> {
        let Known { compute, known } = self.0.as_deref()?;
        // Partitions that ask for the same at the same time wait for one answer.
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KNOWN_MAX && !known.contains_key(&hash) {
            known.clear();
        }
        let ranks = known.entry(hash).or_insert_with(|| Arc::new(compute(reader, definition)));
        Some(Arc::clone(ranks))
    }
}
