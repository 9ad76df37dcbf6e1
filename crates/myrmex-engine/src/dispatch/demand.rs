//! What a worker has, and what a priority is worth.

use std::collections::{BTreeMap, BTreeSet};

use myrmex_model::demand::{Demand, Priority};
use myrmex_model::name::Name;
use myrmex_model::time::Length;

/// How much earlier an attempt stands in the queue for each class of priority above another.
///
/// So ageing needs no clock: an attempt of the lowest class goes before every attempt of the highest that came more
/// than four times as long after it, and no stream of urgent work holds it up for ever.
pub const CLASS_HEAD_START: Length = Length(10 * 60_000);

/// Returns by how many nanoseconds an attempt of this class stands before one of the lowest class that came at the same
/// time.
pub(super) fn head_start_ns(priority: Priority) -> i64 {
    let classes = Priority::ALL.iter().position(|class| *class == priority).unwrap_or(0);
    let step_ms = i64::try_from(CLASS_HEAD_START.0).unwrap_or(i64::MAX);
    step_ms.saturating_mul(1_000_000).saturating_mul(i64::try_from(classes).unwrap_or(i64::MAX))
}

/// What a worker offers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Worker {
    /// How many attempts it runs at a time, at most [`super::SLOTS_MAX`]; none is given to a worker without places.
    pub slots: u32,
    /// Its labels.
    pub labels: BTreeSet<String>,
    /// How much of each resource it has. A resource that is not named here it has none of.
    pub resources: BTreeMap<Name, u64>,
}

impl Worker {
    /// Returns whether it could ever run what asks for `demand`.
    pub(super) fn suits(&self, demand: &Demand) -> bool {
        let has = |(name, asked): (&Name, &u64)| self.resources.get(name).is_some_and(|has| has >= asked);
        self.slots > 0 && demand.labels.is_subset(&self.labels) && demand.resources.iter().all(has)
    }
}
