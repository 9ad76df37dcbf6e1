//! What an attempt asks for, and what a worker has.

use std::collections::{BTreeMap, BTreeSet};

use myrmex_model::name::Name;
use myrmex_model::time::Length;

/// How much earlier an attempt stands in the queue for each class of priority above another.
///
/// So ageing needs no clock: an attempt of the lowest class goes before every attempt of the highest that came more
/// than four times as long after it, and no stream of urgent work holds it up for ever.
pub const CLASS_HEAD_START: Length = Length(10 * 60_000);

/// How urgent an attempt is, lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Priority {
    /// Work that nobody waits for.
    Background,
    /// Below the usual.
    Low,
    /// The usual.
    #[default]
    Normal,
    /// Above the usual.
    High,
    /// Before everything else.
    Critical,
}

impl Priority {
    /// All of them, lowest first.
    pub const ALL: [Self; 5] = [Self::Background, Self::Low, Self::Normal, Self::High, Self::Critical];

    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Background => "background",
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// Returns by how many nanoseconds an attempt of this class stands before one of the lowest class that came at the
    /// same time.
    pub(super) fn head_start_ns(self) -> i64 {
        let classes = Self::ALL.iter().position(|class| *class == self).unwrap_or(0);
        let step_ms = i64::try_from(CLASS_HEAD_START.0).unwrap_or(i64::MAX);
        step_ms.saturating_mul(1_000_000).saturating_mul(i64::try_from(classes).unwrap_or(i64::MAX))
    }
}

/// What an attempt asks for beside a place. It gets all of it at once or nothing, and holds it until its lease ends.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Demand {
    /// How urgent it is.
    pub priority: Priority,
    /// Units of pools.
    pub pools: BTreeMap<Name, u32>,
    /// Locks, each of which one lease holds at a time.
    pub locks: BTreeSet<String>,
    /// Labels that its worker must have, all of them.
    pub labels: BTreeSet<String>,
    /// What it takes of its worker, in units that the worker's own capacity is given in.
    pub resources: BTreeMap<Name, u64>,
    /// Whether it takes no place on a worker: a block that holds pools or locks while what is inside it runs.
    pub is_placeless: bool,
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
