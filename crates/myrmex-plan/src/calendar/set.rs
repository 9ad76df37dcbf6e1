//! The calendars of a problem, compiled together for as long as its dates may need.

use std::collections::BTreeMap;
use std::ops::Range;

use super::{CalendarError, OpenTime};
use crate::problem::{Calendar, CalendarId, Fact, Moment, PersonId, Problem, Span};

const DAY: i64 = 86_400_000;
const YEAR: i64 = 365 * DAY;

/// How far around the instants that a problem names its calendars are compiled, in years, until all dates can be told: two are enough for most
/// and cost a millisecond; a plan that does not end within a hundred is a mistake in its calendars.
const REACHES: [i64; 4] = [2, 10, 40, 100];

/// The compiled calendars of a problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendars {
    all: Vec<OpenTime>,
    /// Of the people who do not work all of a day.
    limited: BTreeMap<PersonId, OpenTime>,
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
        let mut limited = BTreeMap::new();
        for (id, person) in (0..).map(PersonId).zip(&problem.people) {
            if let Some(limit) = person.day_limit {
                let calendar = shortened(&problem.calendars[person.calendar.at()], limit);
                limited.insert(id, OpenTime::compile(&calendar, range.clone())?);
            }
        }
        Ok(Self { all: all?, limited })
    }

    /// Returns the open time of `calendar`.
    pub fn of(&self, calendar: CalendarId) -> &OpenTime {
        &self.all[calendar.at()]
    }

    /// Returns when a person works if that is less than their calendar: on each day no longer than their limit.
    pub fn of_limited(&self, person: PersonId) -> Option<&OpenTime> {
        self.limited.get(&person)
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

/// Returns `calendar` with only the first `limit` of each day, in whole minutes.
fn shortened(calendar: &Calendar, limit: Span) -> Calendar {
    let minutes = u16::try_from((limit.0 / 60_000).max(0)).unwrap_or(u16::MAX);
    let cut = |hours: &mut Vec<(u16, u16)>| {
        let mut left = minutes;
        for (start, end) in hours.iter_mut() {
            let kept = end.saturating_sub(*start).min(left);
            *end = *start + kept;
            left -= kept;
        }
        hours.retain(|(start, end)| start < end);
    };
    let mut short = calendar.clone();
    short.week.iter_mut().for_each(cut);
    short.exceptions.iter_mut().for_each(|exception| cut(&mut exception.hours));
    short
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
