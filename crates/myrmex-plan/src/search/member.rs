//! One member of a population, and how good it is.

use crate::place::Layout;

/// How good a candidate is: less is better, the first that differs decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Fitness {
    /// How many tasks have no place.
    pub(super) stuck: usize,
    /// By how many units consumables do not suffice.
    pub(super) overflow: u64,
    /// By how much windows are missed.
    pub(super) late: i64,
    /// When the last task ends.
    pub(super) end: i64,
    /// By how much tasks end after they should have.
    pub(super) overdue: i64,
    /// How late tasks begin that have priority.
    pub(super) weighed: i128,
}

/// An order, modes, and what they give.
#[derive(Debug, Clone, Default)]
pub(super) struct Member {
    pub(super) order: Vec<u32>,
    pub(super) modes: Vec<u32>,
    pub(super) layout: Layout,
    pub(super) fitness: Fitness,
}

impl Fitness {
    /// Whether it is a plan at all.
    pub(super) fn is_feasible(&self) -> bool {
        self.stuck == 0 && self.overflow == 0 && self.late == 0
    }
}
