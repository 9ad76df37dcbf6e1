//! Where the tasks of a problem lie: what a search finds and everything after it reads.
//!
//! It says nothing about why, and checks nothing: a placement may come from a search, from facts, or from a test.

use crate::problem::{Amount, Moment, PersonId, Span, TaskId, WHOLE};

/// Where every task lies, by the index of the task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// One of each task of the problem. A task that was dropped lies at the problem's start for no time and holds nothing.
    pub tasks: Vec<Placed>,
}

/// Where one task lies, how it is done and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// When it begins.
    pub start: Moment,
    /// When it ends; not before `start`.
    pub finish: Moment,
    /// The place of its mode in [`crate::problem::Task::modes`].
    pub mode: usize,
    /// Who works on it from start to finish, each with how many thousandths of a whole person ([`WHOLE`]), in ascending
    /// order of the person.
    pub crew: Vec<(PersonId, u32)>,
}

impl Placement {
    /// Returns where `task` lies.
    pub fn of(&self, task: TaskId) -> &Placed {
        &self.tasks[task.at()]
    }

    /// Returns when the last task ends; none without tasks.
    pub fn finish(&self) -> Option<Moment> {
        self.tasks.iter().map(|placed| placed.finish).max()
    }
}

impl Placed {
    /// Returns the units of all its people together, in thousandths of a whole person.
    pub fn crew_units(&self) -> u64 {
        self.crew.iter().map(|&(_, units)| u64::from(units)).sum()
    }
}

/// Returns for how much open time a task lasts that has `amount` to do and `units` thousandths of a whole person to do it.
///
/// An effort is divided by the units and rounded up to a millisecond; with nobody to do it, it lasts as long as one whole
/// person would need. A duration is what it is. Never less than zero.
pub fn length(amount: Amount, units: u64) -> Span {
    match amount {
        Amount::Duration(span) => Span(span.0.max(0)),
        Amount::Effort(span) => {
            let units = if units == 0 { u64::from(WHOLE) } else { units };
            let work = u128::from(span.0.max(0).unsigned_abs()) * u128::from(WHOLE);
            Span(i64::try_from(work.div_ceil(u128::from(units))).unwrap_or(i64::MAX))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effort_is_shared_by_those_who_work_on_it_and_a_duration_is_not() {
        let check = |amount, units, expected| assert_eq!(length(amount, units), Span(expected));
        check(Amount::Effort(Span(1_000)), 2_000, 500);
        check(Amount::Effort(Span(1_000)), 500, 2_000);
        check(Amount::Effort(Span(1_000)), 3_000, 334);
        check(Amount::Effort(Span(1_000)), 0, 1_000);
        check(Amount::Effort(Span(i64::MAX)), 1, i64::MAX);
        check(Amount::Duration(Span(1_000)), 3_000, 1_000);
        check(Amount::Duration(Span(-1)), 1_000, 0);
    }
}
