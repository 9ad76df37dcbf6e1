//! When the work of each placed task can proceed: while its own calendar, those of its people and those of its pools are all open.
//!
//! Tasks that share the same calendars share one compiled [`OpenTime`]. Which people and pools those are is known only once a task is
//! placed; before that, its own calendar is all there is.

use std::collections::BTreeMap;

use crate::calendar::{Calendars, OpenTime};
use crate::placement::Placement;
use crate::problem::{ALWAYS, CalendarId, PersonId, Problem, TaskId};

/// The open time of every calendar and of every placed task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hours {
    calendars: Calendars,
    shared: Vec<OpenTime>,
    /// For each task its place in `shared`.
    tasks: Vec<usize>,
}

/// What bounds the work of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Clock {
    /// A calendar.
    Calendar(CalendarId),
    /// A person who does not work all of a day.
    Limited(PersonId),
}

impl Hours {
    /// Combines the `calendars` of `problem` as `placement` needs them.
    pub fn new(problem: &Problem, placement: &Placement, calendars: &Calendars) -> Self {
        let mut shared = Vec::new();
        let mut places: BTreeMap<Vec<Clock>, usize> = BTreeMap::new();
        let tasks = (0..).map(TaskId).take(problem.tasks.len()).map(|task| {
            let wanted = clocks_of(problem, placement, calendars, task);
            *places.entry(wanted).or_insert_with_key(|wanted| {
                let open = |clock: &Clock| match *clock {
                    Clock::Calendar(calendar) => Some(calendars.of(calendar)),
                    Clock::Limited(person) => calendars.of_limited(person),
                };
                let all: Vec<&OpenTime> = wanted.iter().filter_map(open).collect();
                shared.push(OpenTime::intersection(&all));
                shared.len() - 1
            })
        });
        let tasks = tasks.collect();
        Self { calendars: calendars.clone(), shared, tasks }
    }

    /// Returns when work on `task` can proceed.
    pub fn of_task(&self, task: TaskId) -> &OpenTime {
        &self.shared[self.tasks[task.at()]]
    }

    /// Returns when `calendar` is open.
    pub fn of_calendar(&self, calendar: CalendarId) -> &OpenTime {
        self.calendars.of(calendar)
    }
}

/// Returns what bounds the work of `task`, in ascending order, without the calendar that is always open.
fn clocks_of(problem: &Problem, placement: &Placement, calendars: &Calendars, task: TaskId) -> Vec<Clock> {
    let (placed, task) = (placement.of(task), &problem.tasks[task.at()]);
    let people = placed.crew.iter().map(|&(person, _)| match calendars.of_limited(person) {
        Some(_) => Clock::Limited(person),
        None => Clock::Calendar(problem.people[person.at()].calendar),
    });
    let pools = task.modes.get(placed.mode).into_iter().flat_map(|mode| &mode.pools);
    let held = pools.filter(|(_, units)| *units > 0).map(|(pool, _)| problem.pools[pool.at()].calendar);
    let mut all: Vec<Clock> = people.chain(held.chain([task.calendar]).map(Clock::Calendar)).collect();
    all.retain(|clock| *clock != Clock::Calendar(ALWAYS));
    all.sort_unstable();
    all.dedup();
    all
}
