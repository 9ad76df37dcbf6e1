//! How much is left of a run from each of its tasks on, by which tasks that wait for the same are told apart.
//!
//! What a rank is worth is computed by `myrmex-plan`; the dispatch machine reads it. It is derived from a definition and from what earlier
//! runs took, changes nothing that a run does but the order, and is never journalled.

use crate::ir::NodeId;
use crate::time::Length;

/// How much is left of a run around one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rank {
    /// From its begin to the end of the run, by the longest way.
    pub remaining: Length,
    /// From its end to the end of the run, by the longest way.
    pub after: Length,
}

/// What a [`Rank`] is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Measure {
    /// Time that tasks took or are estimated to take.
    #[default]
    Time,
    /// Tasks, a millisecond for each: of none of them it is known how long it takes.
    Tasks,
}

/// The ranks of all nodes of one definition.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ranks {
    measure: Measure,
    of: Box<[Rank]>,
}

impl Ranks {
    /// Creates them, in the order of [`crate::ir::Definition::nodes`].
    pub fn new(measure: Measure, ranks: Vec<Rank>) -> Self {
        Self { measure, of: ranks.into_boxed_slice() }
    }

    /// Returns what they are counted in.
    pub fn measure(&self) -> Measure {
        self.measure
    }

    /// Returns the rank of a node; that of a node without one is nothing, behind all others.
    pub fn of(&self, node: NodeId) -> Rank {
        self.of.get(node.0 as usize).copied().unwrap_or_default()
    }
}
