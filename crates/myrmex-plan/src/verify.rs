//! Whether a placement is one: every rule of a problem checked against the dates, by arithmetic of its own.
//!
//! It shares no code with what places tasks, so that a mistake there is found here. It does not say whether a placement is good.

mod capacity;
mod people;

use crate::calendar::{CalendarError, OpenTime};
use crate::placement::{Placed, Placement, length};
use crate::problem::{
    CalendarId, Fact, Kind, Link, LinkKind, Mode, Moment, Problem, Span, Split, Task, TaskId,
};

/// A rule that a placement breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// It has dates of more or fewer tasks than there are, or a mode that a task has not.
    #[error("it does not fit the problem at task {}", .0.0)]
    Shape(TaskId),
    /// A calendar means nothing.
    #[error(transparent)]
    Calendar(#[from] CalendarError),
    /// A link does not hold.
    #[error("task {} begins or ends before the link from task {} allows", .0.to.0, .0.from.0)]
    Link(Link),
    /// A task lies outside of its window or before the start of the problem.
    #[error("task {} lies outside of its window", .0.0)]
    Window(TaskId),
    /// The open time between its start and its finish is not what there is to do, it begins while closed, or it ends while closed though
    /// nothing holds it.
    #[error("task {} does not last as long as its work takes", .0.0)]
    Length(TaskId),
    /// It pauses though it must not.
    #[error("task {} pauses", .0.0)]
    Pause(TaskId),
    /// It does not lie where it has happened.
    #[error("task {} does not lie where it happened", .0.0)]
    Fact(TaskId),
    /// It does not last from the one task to the other.
    #[error("task {} does not span what it should", .0.0)]
    Span(TaskId),
    /// Not the people it asks for work on it.
    #[error("task {} has not the people it asks for", .0.0)]
    Crew(TaskId),
    /// More of something is held than there is.
    #[error("{what} is over its capacity at {at}")]
    Capacity {
        /// The name of the pool, phase or person.
        what: String,
        /// From when on.
        at: Moment,
    },
    /// More is used up than there is.
    #[error("more of `{0}` is used up than there is")]
    Budget(String),
}

/// Returns every rule that `placement` breaks; nothing if it is a plan for `problem`.
///
/// What has happened is not questioned: facts may hold more than there is, and links, windows and people of the past are not checked.
pub fn verify(problem: &Problem, placement: &Placement) -> Vec<Violation> {
    let count = problem.tasks.len();
    if placement.tasks.len() != count {
        let at = count.min(placement.tasks.len());
        return vec![Violation::Shape(TaskId(u32::try_from(at).unwrap_or(u32::MAX)))];
    }
    let ids = (0..).map(TaskId).take(count);
    for task in ids.clone() {
        if placement.of(task).mode >= problem.tasks[task.at()].modes.len() {
            return vec![Violation::Shape(task)];
        }
    }
    let hours = match Hours::new(problem, placement) {
        Ok(hours) => hours,
        Err(error) => return vec![Violation::Calendar(error)],
    };
    let check = Check { problem, placement, hours };
    let mut found = Vec::new();
    for task in ids {
        check.task(task, &mut found);
    }
    for link in &problem.links {
        check.link(link, &mut found);
    }
    capacity::check(&check, &mut found);
    found
}

/// Compiled calendars of a problem and of its people.
struct Hours {
    calendars: Vec<OpenTime>,
    people: Vec<OpenTime>,
}

struct Check<'a> {
    problem: &'a Problem,
    placement: &'a Placement,
    hours: Hours,
}

/// More than any lag or held finish moves away from the dates of a plan: ten years.
const MARGIN: i64 = 3_653 * 86_400_000;

impl Hours {
    fn new(problem: &Problem, placement: &Placement) -> Result<Self, CalendarError> {
        let dates = placement.tasks.iter().flat_map(|placed| [placed.start.0, placed.finish.0]);
        let (first, last) =
            dates.fold((problem.start.0, problem.start.0), |(first, last), at| (first.min(at), last.max(at)));
        let range = Moment(first - MARGIN)..Moment(last + MARGIN);
        let mut calendars = vec![OpenTime::always()];
        for calendar in problem.calendars.iter().skip(1) {
            calendars.push(OpenTime::compile(calendar, range.clone())?);
        }
        let people = problem
            .people
            .iter()
            .map(|person| people::hours(problem, person, &calendars[person.calendar.at()], range.clone()))
            .collect::<Result<_, _>>()?;
        Ok(Self { calendars, people })
    }

    fn of(&self, calendar: CalendarId) -> &OpenTime {
        &self.calendars[calendar.at()]
    }
}

impl Check<'_> {
    fn written(&self, task: TaskId) -> (&Task, &Placed, &Mode) {
        let (written, placed) = (&self.problem.tasks[task.at()], self.placement.of(task));
        (written, placed, &written.modes[placed.mode])
    }

    fn task(&self, task: TaskId, found: &mut Vec<Violation>) {
        let (written, placed, _) = self.written(task);
        match written.fact {
            Fact::Dropped => {}
            Fact::Finished { start, finish } => {
                if (placed.start, placed.finish) != (start, finish) {
                    found.push(Violation::Fact(task));
                }
            }
            Fact::Open | Fact::Started { .. } if written.spans.is_some() => self.span(task, found),
            Fact::Started { at, .. } => {
                let held = self.held_until(task);
                let end = self.work_end(task);
                if placed.start != at || end.is_none_or(|end| placed.finish != end.max(held)) {
                    found.push(Violation::Fact(task));
                }
                self.crew(task, found);
            }
            Fact::Open => {
                self.window(task, found);
                self.extent(task, found);
                self.crew(task, found);
            }
        }
    }

    /// When the work of a task that runs ends.
    fn work_end(&self, task: TaskId) -> Option<Moment> {
        let (written, placed, _) = self.written(task);
        let Fact::Started { at, left } = written.fact else { return Some(placed.finish) };
        let open = self.open(task);
        let now = self.problem.start.max(at);
        let end = match left {
            Some(left) => open.advance(now, left)?,
            None => open.advance(at, self.work(task))?,
        };
        Some(end.max(now))
    }

    fn span(&self, task: TaskId, found: &mut Vec<Violation>) {
        let (written, placed, _) = self.written(task);
        let Some((first, last)) = written.spans else { return };
        let (start, finish) = (self.placement.of(first).start, self.placement.of(last).finish);
        if (placed.start, placed.finish) != (start, finish.max(start)) {
            found.push(Violation::Span(task));
        }
        self.crew(task, found);
    }

    fn window(&self, task: TaskId, found: &mut Vec<Violation>) {
        let (written, placed, _) = self.written(task);
        let window = written.window;
        let is_kept = placed.start >= self.problem.start
            && window.start_after.is_none_or(|at| placed.start >= at)
            && window.finish_before.is_none_or(|at| placed.finish <= at)
            && window.must_start.is_none_or(|at| self.first_start(task, at) == Some(placed.start));
        if !is_kept {
            found.push(Violation::Window(task));
        }
    }

    /// Returns the first instant from `at` on at which the work of a task can begin.
    fn first_start(&self, task: TaskId, at: Moment) -> Option<Moment> {
        let work = self.work(task);
        if work == Span(0) {
            return Some(at);
        }
        match self.written(task).0.split {
            Split::Never => self.open(task).whole_at_or_after(at, work),
            Split::Closed | Split::Any => self.open(task).open_at_or_after(at),
        }
    }

    /// Checks that the work fits between the ends of a task and touches both, or is held at its finish by a link.
    fn extent(&self, task: TaskId, found: &mut Vec<Violation>) {
        let (written, placed, _) = self.written(task);
        let work = self.work(task);
        if work == Span(0) {
            if placed.start != placed.finish {
                found.push(Violation::Length(task));
            }
            return;
        }
        let open = self.open(task);
        let begins = open.open_at_or_after(placed.start) == Some(placed.start);
        let ends = open.open_at_or_before(placed.finish) == Some(placed.finish)
            || self.held_until(task) == placed.finish;
        if open.between(placed.start, placed.finish) != Some(work) || !begins || !ends {
            found.push(Violation::Length(task));
        }
        let is_whole = open.whole_at_or_after(placed.start, work) == Some(placed.start);
        if written.split == Split::Never && !is_whole {
            found.push(Violation::Pause(task));
        }
    }

    /// Returns until when links hold the finish of a task; the beginning of time if none does.
    fn held_until(&self, task: TaskId) -> Moment {
        let into = self.problem.links.iter().filter(|link| link.to == task && !self.is_dropped(link.from));
        let bounds = into.filter_map(|link| match link.kind {
            LinkKind::FinishStart | LinkKind::StartStart => None,
            LinkKind::FinishFinish => self.later(link, self.placement.of(link.from).finish),
            LinkKind::StartFinish => self.later(link, self.placement.of(link.from).start),
        });
        bounds.max().unwrap_or(Moment(i64::MIN))
    }

    fn link(&self, link: &Link, found: &mut Vec<Violation>) {
        let (to, placed) = (&self.problem.tasks[link.to.at()], self.placement.of(link.to));
        let is_bound = match to.fact {
            Fact::Open => to.spans.is_none(),
            Fact::Started { .. } => {
                to.spans.is_none() && matches!(link.kind, LinkKind::FinishFinish | LinkKind::StartFinish)
            }
            Fact::Finished { .. } | Fact::Dropped => false,
        };
        if !is_bound || self.is_dropped(link.from) {
            return;
        }
        let from = self.placement.of(link.from);
        let (from, to) = match link.kind {
            LinkKind::FinishStart => (from.finish, placed.start),
            LinkKind::StartStart => (from.start, placed.start),
            LinkKind::FinishFinish => (from.finish, placed.finish),
            LinkKind::StartFinish => (from.start, placed.finish),
        };
        if self.later(link, from).is_none_or(|bound| to < bound) {
            found.push(Violation::Link(*link));
        }
    }

    fn later(&self, link: &Link, instant: Moment) -> Option<Moment> {
        self.hours.of(link.calendar).advance(instant, link.lag)
    }

    fn is_dropped(&self, task: TaskId) -> bool {
        self.problem.tasks[task.at()].fact == Fact::Dropped
    }

    /// Returns how much open time a task takes.
    fn work(&self, task: TaskId) -> Span {
        let (written, placed, mode) = self.written(task);
        match written.kind {
            Kind::Milestone | Kind::Joint => Span(0),
            Kind::Automated | Kind::Manual | Kind::Decision => {
                length(mode.estimate.amount, placed.crew_units())
            }
        }
    }

    /// Returns when work on a task can proceed.
    fn open(&self, task: TaskId) -> OpenTime {
        let (written, placed, mode) = self.written(task);
        let mut all = vec![self.hours.of(written.calendar)];
        let held = mode.pools.iter().filter(|(_, units)| *units > 0);
        all.extend(held.map(|(pool, _)| self.hours.of(self.problem.pools[pool.at()].calendar)));
        all.extend(placed.crew.iter().map(|(person, _)| &self.hours.people[person.at()]));
        OpenTime::intersection(&all)
    }
}
