//! The search: public instances against their best known plans, and every plan against the checker.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "../support/psplib.rs"]
mod psplib;

mod instances;
mod late;
mod people;
mod projects;
mod properties;
mod verify;

use myrmex_plan::problem::{Moment, Problem, TaskId};
use myrmex_plan::search::{Effort, Found, plan};
use myrmex_plan::verify::verify;

/// Plans `problem` and asserts that the checker finds nothing.
#[track_caller]
fn planned(problem: &Problem, candidates: u64) -> Found {
    let found = plan(problem, Effort { candidates }, 1).unwrap();
    assert_eq!(verify(problem, &found.placement), [], "{:?}", found.placement);
    assert!(found.candidates <= candidates.max(1));
    assert!(found.bound.finish <= found.finish);
    found
}

/// Asserts that each task of `found` begins and ends so many hours after the start of the problem.
#[track_caller]
fn assert_hours(problem: &Problem, found: &Found, expected: &[(i64, i64)]) {
    let hours = |at: Moment| (at.0 - problem.start.0) / psplib::PERIOD;
    let placed = found.placement.tasks.iter().map(|placed| (hours(placed.start), hours(placed.finish)));
    assert_eq!(placed.collect::<Vec<_>>(), expected);
}

fn task(at: u32) -> TaskId {
    TaskId(at)
}
