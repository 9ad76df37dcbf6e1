//! How good a placement is for a problem.

use super::member::Fitness;
use crate::place::Layout;
use crate::problem::Problem;

/// What of a problem says how good a placement is, besides its end.
#[derive(Debug, Clone)]
pub(super) struct Rating {
    /// The tasks that should have ended by an instant.
    due: Vec<(usize, i64)>,
    /// By how much each task has more priority than the least; nothing if all have the same.
    weight: Vec<i64>,
}

impl Rating {
    pub(super) fn new(problem: &Problem) -> Self {
        let tasks = problem.tasks.iter().enumerate();
        let due = tasks.filter_map(|(at, task)| task.due.map(|due| (at, due.0))).collect();
        let least = problem.tasks.iter().map(|task| i64::from(task.priority)).min().unwrap_or(0);
        let weight: Vec<i64> = problem.tasks.iter().map(|task| i64::from(task.priority) - least).collect();
        let is_flat = weight.iter().all(|weight| *weight == 0);
        Self { due, weight: if is_flat { Vec::new() } else { weight } }
    }

    /// Whether placements that end together may differ in how good they are.
    pub(super) fn is_finer(&self) -> bool {
        !self.due.is_empty() || !self.weight.is_empty()
    }

    /// Rates `layout`, for which consumables do not suffice by `overflow` units.
    pub(super) fn of(&self, layout: &Layout, overflow: u64) -> Fitness {
        let overdue = self.due.iter().map(|(task, due)| layout.finish[*task].saturating_sub(*due).max(0));
        let origin = layout.start.iter().copied().min().unwrap_or(0);
        let weighed = self.weight.iter().zip(&layout.start);
        Fitness {
            stuck: layout.stuck.len(),
            overflow,
            late: layout.late,
            end: layout.end,
            overdue: overdue.fold(0, i64::saturating_add),
            weighed: weighed.map(|(weight, start)| i128::from(*weight) * i128::from(start - origin)).sum(),
        }
    }
}
