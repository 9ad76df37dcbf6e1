//! What a circle of links means: tasks that wait for each other, or lags that cannot hold together.
//!
//! A lag of less than nothing on a link back says that one end follows another within a time. Such links form circles that may be met; they
//! cannot be if some circle is longer than nothing (the longest paths do not exist, as in RCPSP/max). Amounts count as they are written, each
//! in its own calendar.

use super::{Measure, Reason, ReasonKind};
use crate::length;
use crate::network::{Arc, Cycle, arcs};
use crate::problem::{LinkKind, Problem, Span, TaskId};

/// How many rounds of lengthening pass between two looks for a circle: a look costs about as much as a round.
const ROUNDS: usize = 16;

/// Returns the reason that `cycle` is, or the worse one that its lags are.
pub(super) fn reason(problem: &Problem, cycle: &Cycle) -> Reason {
    let is_lead = |link: &u32| problem.links[*link as usize].lag < Span(0);
    if cycle.links.iter().any(is_lead) {
        return match longer_than_nothing(problem) {
            Some((tasks, by)) => Reason {
                kind: ReasonKind::Cycle,
                resource: None,
                need: Some(Measure::Time(by)),
                have: Some(Measure::Time(Span(0))),
                suggestion: format!(
                    "allow at least so much more time between {}",
                    names(problem, &tasks).join(", ")
                ),
                tasks,
            },
            None => Reason {
                kind: ReasonKind::Cycle,
                resource: None,
                need: None,
                have: None,
                suggestion: format!(
                    "say with a window instead of a link back how late these may be: {}",
                    names(problem, &cycle.tasks).join(", ")
                ),
                tasks: cycle.tasks.clone(),
            },
        };
    }
    Reason {
        kind: ReasonKind::Cycle,
        tasks: cycle.tasks.clone(),
        resource: None,
        need: None,
        have: None,
        suggestion: format!("remove one of the links {}", cycle.around()),
    }
}

fn names(problem: &Problem, tasks: &[TaskId]) -> Vec<String> {
    tasks.iter().map(|task| format!("`{}`", problem.tasks[task.at()].name)).collect()
}

/// Finds a circle of links that pushes its own start on, and by how much (Bellman 1958, Ford 1956, for longest paths).
fn longer_than_nothing(problem: &Problem) -> Option<(Vec<TaskId>, Span)> {
    let arcs = arcs(problem).ok()?;
    let lengths = length::least(problem);
    let mut starts = vec![0_i64; problem.tasks.len()];
    let mut by: Vec<Option<&Arc>> = vec![None; problem.tasks.len()];
    for round in 1..=problem.tasks.len() {
        let mut is_changed = false;
        for arc in &arcs {
            let bound = starts[arc.from.at()].saturating_add(weight(arc, &lengths));
            if bound > starts[arc.to.at()] {
                starts[arc.to.at()] = bound;
                by[arc.to.at()] = Some(arc);
                is_changed = true;
            }
        }
        if !is_changed {
            return None;
        }
        if (round % ROUNDS == 0 || round == problem.tasks.len())
            && let Some(circle) = circle(&by)
        {
            let sum = circle.iter().map(|arc| weight(arc, &lengths)).sum();
            return Some((circle.iter().map(|arc| arc.from).collect(), Span(sum)));
        }
    }
    None
}

/// Returns how much later than the start of its predecessor a link lets its successor begin.
fn weight(arc: &Arc, lengths: &[Span]) -> i64 {
    let (from, to) = (lengths[arc.from.at()].0, lengths[arc.to.at()].0);
    arc.lag.0
        + match arc.kind {
            LinkKind::FinishStart => from,
            LinkKind::StartStart => 0,
            LinkKind::FinishFinish => from - to,
            LinkKind::StartFinish => -to,
        }
}

/// Finds a circle among the arcs by which starts were last pushed on: there is one only if it is longer than nothing. The task that comes
/// first in the problem stands first.
fn circle<'a>(by: &[Option<&'a Arc>]) -> Option<Vec<&'a Arc>> {
    let mut met = vec![usize::MAX; by.len()];
    for first in 0..by.len() {
        let mut at = first;
        while met[at] == usize::MAX {
            met[at] = first;
            match by[at] {
                Some(arc) => at = arc.from.at(),
                None => break,
            }
        }
        if by[at].is_some() && met[at] == first {
            let mut circle = Vec::new();
            let mut back = at;
            while let Some(arc) = by[back] {
                circle.push(arc);
                back = arc.from.at();
                if back == at {
                    break;
                }
            }
            circle.reverse();
            let least = (0..circle.len()).min_by_key(|index| circle[*index].from)?;
            circle.rotate_left(least);
            return Some(circle);
        }
    }
    None
}
