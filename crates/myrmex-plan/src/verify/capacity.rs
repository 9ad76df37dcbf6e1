//! Whether more is held or used up than there is.

use std::collections::BTreeMap;

use super::{Check, Violation};
use crate::problem::{Fact, Kind, Moment, Span, TaskId};

/// What tasks hold from one instant to another.
struct Hold {
    from: Moment,
    to: Moment,
    units: u64,
    /// Whether it has begun already: that is not questioned.
    is_fact: bool,
}

pub(super) fn check(check: &Check<'_>, found: &mut Vec<Violation>) {
    let problem = check.problem;
    let mut pools: Vec<Vec<Hold>> = problem.pools.iter().map(|_| Vec::new()).collect();
    let mut people: Vec<Vec<Hold>> = problem.people.iter().map(|_| Vec::new()).collect();
    let mut phases: Vec<Vec<Hold>> = problem.phases.iter().map(|_| Vec::new()).collect();
    for task in (0..).map(TaskId).take(problem.tasks.len()) {
        let Some((from, to, is_fact)) = held(check, task) else { continue };
        let (written, placed, mode) = check.written(task);
        let hold = |units: u32| Hold { from, to, units: u64::from(units), is_fact };
        mode.pools.iter().for_each(|(pool, units)| pools[pool.at()].push(hold(*units)));
        placed.crew.iter().for_each(|(person, units)| people[person.at()].push(hold(*units)));
        written.phase.iter().for_each(|phase| phases[phase.at()].push(hold(1)));
    }
    for (pool, holds) in problem.pools.iter().zip(&pools) {
        sweep(&pool.name, pool.capacity, holds, found);
    }
    for (person, holds) in problem.people.iter().zip(&people) {
        sweep(&person.name, person.units, holds, found);
    }
    for (phase, holds) in problem.phases.iter().zip(&phases) {
        if let Some(limit) = phase.max_parallel {
            sweep(&phase.name, limit, holds, found);
        }
    }
    budgets(check, found);
}

/// Returns from when to when a task holds what it needs, and whether it has begun; none if it holds nothing any more.
fn held(check: &Check<'_>, task: TaskId) -> Option<(Moment, Moment, bool)> {
    let (written, placed, _) = check.written(task);
    let is_instant = written.kind == Kind::Milestone || check.work(task) == Span(0);
    match written.fact {
        Fact::Finished { .. } | Fact::Dropped => None,
        Fact::Open | Fact::Started { .. } if written.spans.is_some() => {
            // What began with a task that has begun holds what it holds.
            let first = written.spans.map(|(first, _)| check.problem.tasks[first.at()].fact);
            Some((placed.start, placed.finish, first != Some(Fact::Open)))
        }
        Fact::Open if is_instant => None,
        Fact::Open => Some((placed.start, placed.finish, false)),
        Fact::Started { at, .. } => Some((at.max(check.problem.start), check.work_end(task)?, true)),
    }
}

/// Finds the first instant from which on more than `capacity` is held, not by facts alone.
fn sweep(name: &str, capacity: u32, holds: &[Hold], found: &mut Vec<Violation>) {
    let mut changes: BTreeMap<Moment, (i128, i128)> = BTreeMap::new();
    for hold in holds.iter().filter(|hold| hold.from < hold.to) {
        let planned = if hold.is_fact { 0 } else { i128::from(hold.units) };
        for (at, sign) in [(hold.from, 1), (hold.to, -1)] {
            let change = changes.entry(at).or_default();
            change.0 += sign * i128::from(hold.units);
            change.1 += sign * planned;
        }
    }
    let (mut all, mut planned) = (0, 0);
    for (at, change) in changes {
        all += change.0;
        planned += change.1;
        if all > i128::from(capacity) && planned > 0 {
            found.push(Violation::Capacity { what: name.to_owned(), at });
            return;
        }
    }
}

fn budgets(check: &Check<'_>, found: &mut Vec<Violation>) {
    let mut used = vec![0_u64; check.problem.budgets.len()];
    for task in (0..).map(TaskId).take(check.problem.tasks.len()) {
        let (written, _, mode) = check.written(task);
        if written.fact != Fact::Dropped {
            mode.consumes.iter().for_each(|(budget, units)| used[budget.at()] += u64::from(*units));
        }
    }
    for (budget, used) in check.problem.budgets.iter().zip(used) {
        if used > u64::from(budget.amount) {
            found.push(Violation::Budget(budget.name.clone()));
        }
    }
}
