//! The calendars of a problem, compiled together for as long as its dates may need.

use std::ops::Range;

use super::{CalendarError, OpenTime};
use crate::problem::{CalendarId, Fact, Moment, Problem};

const DAY: i64 = 86_400_000;
const YEAR: i64 = 365 * DAY;

/// How far around the instants that a problem names its calendars are compiled, in years, until all dates can be told: two are enough for most
/// and cost a millisecond; a plan that does not end within a hundred is a mistake in its calendars.
const REACHES: [i64; 4] = [2, 10, 40, 100];

/// The compiled calendars of a problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendars {
    all: Vec<OpenTime>,
}

impl Calendars {
    /// Compiles the calendars of `problem` for the instants in `range`. The first one is always open.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with the first calendar that means nothing.
    pub fn compile(problem: &Problem, range: Range<Moment>) -> Result<Self, CalendarError> {
        let written = problem.calendars.iter().skip(1);
        let compiled = written.map(|calendar| OpenTime::compile(calendar, range.clone()));
        let all: Result<Vec<OpenTime>, CalendarError> =
            std::iter::once(Ok(OpenTime::always())).chain(compiled).collect();
        Ok(Self { all: all? })
    }

    /// Returns the open time of `calendar`.
    pub fn of(&self, calendar: CalendarId) -> &OpenTime {
        &self.all[calendar.at()]
    }

    /// Calls `plan` with the calendars of `problem`, compiled for ever more years, until it does not ask for instants beyond them.
    /// After the last of these attempts what it returned stands.
    ///
    /// # Errors
    ///
    /// Returns what `plan` returned, or what is wrong with a calendar.
    pub fn widen<T, E: From<CalendarError>>(
        problem: &Problem,
        is_beyond: impl Fn(&E) -> bool,
        mut plan: impl FnMut(&Self) -> Result<T, E>,
    ) -> Result<T, E> {
        let named = named(problem);
        let mut last = None;
        for years in REACHES {
            let reach = years * YEAR;
            let range =
                Moment(named.start.0.saturating_sub(reach))..Moment(named.end.0.saturating_add(reach));
            match Self::compile(problem, range).map_err(E::from).and_then(|calendars| plan(&calendars)) {
                Err(error) if is_beyond(&error) => last = Some(error),
                done => return done,
            }
        }
        Err(last.expect("there is at least one reach, and each returned or left its error"))
    }
}

/// Returns the first and the last instant that a problem names.
fn named(problem: &Problem) -> Range<Moment> {
    let mut all = vec![Some(problem.start), problem.deadline];
    for task in &problem.tasks {
        all.extend([task.window.start_after, task.window.finish_before, task.window.must_start, task.due]);
        match task.fact {
            Fact::Open | Fact::Dropped => {}
            Fact::Started { at, .. } => all.push(Some(at)),
            Fact::Finished { start, finish } => all.extend([Some(start), Some(finish)]),
        }
    }
    let named = all.into_iter().flatten();
    named.clone().min().unwrap_or(problem.start)..named.max().unwrap_or(problem.start)
}
