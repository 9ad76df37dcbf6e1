//! What holds each task of a placement back: the reason of every date.

use crate::chain::ResourceArc;
use crate::hours::Hours;
use crate::network::{Arc, End, Network};
use crate::outcome::Driver;
use crate::placement::Placement;
use crate::problem::{Fact, Kind, LinkKind, Moment, Problem, Span, TaskId};

/// Returns for each task why it does not begin earlier: of all that bound its start what does so last, and of several a task before it by a
/// link, then by a resource, then the first in the problem.
///
/// A task whose finish a link holds lies where it ends at that bound, so that link is its reason if nothing holds its start.
pub fn drivers(
    problem: &Problem,
    network: &Network,
    placement: &Placement,
    arcs: &[ResourceArc],
    hours: &Hours,
) -> Vec<Driver> {
    let mut handed: Vec<Vec<&ResourceArc>> = vec![Vec::new(); problem.tasks.len()];
    for arc in arcs {
        handed[arc.to.at()].push(arc);
    }
    let tasks = || (0..).map(TaskId).take(problem.tasks.len());
    let found: Vec<Driver> =
        tasks().map(|task| driver(problem, (network, &handed[task.at()]), placement, hours, task)).collect();
    tasks().map(|task| seen(problem, &found, task)).collect()
}

/// Returns the reason of a task as people see it: what only joins or spans tasks has the reason of what it joins or spans.
fn seen(problem: &Problem, found: &[Driver], task: TaskId) -> Driver {
    let mut at = match problem.tasks[task.at()].spans {
        Some((first, _)) => first,
        None => task,
    };
    // Each step goes to a task that lies no later, and there are only so many.
    for _ in 0..problem.tasks.len() {
        match found[at.at()] {
            Driver::Predecessor(before) if problem.tasks[before.at()].kind == Kind::Joint => at = before,
            other @ (Driver::Predecessor(_)
            | Driver::Start
            | Driver::Resource(..)
            | Driver::Calendar
            | Driver::Constraint
            | Driver::Fact) => return other,
        }
    }
    found[task.at()]
}

fn driver(
    problem: &Problem,
    (network, handed): (&Network, &[&ResourceArc]),
    placement: &Placement,
    hours: &Hours,
    task: TaskId,
) -> Driver {
    let (written, placed) = (&problem.tasks[task.at()], placement.of(task));
    if written.fact != Fact::Open {
        return Driver::Fact;
    }
    if let Some((first, _)) = written.spans {
        return Driver::Predecessor(first);
    }
    let is_instant = matches!(written.kind, Kind::Milestone | Kind::Joint);
    // A task begins when it is open, a milestone where its last predecessor ends.
    let opens = |at: Moment| if is_instant { Some(at) } else { hours.of_task(task).open_at_or_after(at) };
    let mut last: Option<(Moment, Driver)> = None;
    let mut hold = |at: Option<Moment>, driver: Driver| {
        if let Some(at) = at.filter(|at| last.is_none_or(|(last, _)| *at > last)) {
            last = Some((at, driver));
        }
    };
    for arc in network.arcs_into(task).filter(|arc| arc.kind.to_end() == End::Start) {
        hold(released(arc, placement, hours), Driver::Predecessor(arc.from));
    }
    for arc in handed {
        hold(Some(placement.of(arc.from).finish), Driver::Resource(arc.resource, arc.from));
    }
    hold(written.window.must_start.or(written.window.start_after), Driver::Constraint);
    hold(Some(problem.start), Driver::Start);
    let (at, driver) = last.unwrap_or((problem.start, Driver::Start));
    let begins = opens(at);
    if begins == Some(placed.start) {
        // What opens later than the project begins is held by its calendar.
        return if driver == Driver::Start && placed.start != at { Driver::Calendar } else { driver };
    }
    let to_end = network.arcs_into(task).find(|arc| {
        arc.kind.to_end() == End::Finish && released(arc, placement, hours) == Some(placed.finish)
    });
    to_end.map_or(Driver::Calendar, |arc| Driver::Predecessor(arc.from))
}

/// Returns when a link lets the end of a task come that it bounds.
fn released(arc: &Arc, placement: &Placement, hours: &Hours) -> Option<Moment> {
    let from = placement.of(arc.from);
    let at = match arc.kind {
        LinkKind::FinishStart | LinkKind::FinishFinish => from.finish,
        LinkKind::StartStart | LinkKind::StartFinish => from.start,
    };
    let calendar = hours.of_calendar(arc.calendar);
    match arc.lag {
        Span(0) => Some(at),
        Span(lag) if lag < 0 => calendar.retreat(at, Span(-lag)),
        lag => calendar.advance(at, lag),
    }
}
