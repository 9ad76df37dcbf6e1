//! Whether the people that a task asks for work on it, and when they work.

use std::ops::Range;

use super::{Check, Violation};
use crate::calendar::{CalendarError, OpenTime};
use crate::problem::{Ask, Fact, Kind, Moment, Person, PersonId, Problem, Span, TaskId, WHOLE};

const MINUTE: i64 = 60_000;

/// Returns when a person works: in the hours of their calendar, but on each day no longer than their limit.
pub(super) fn hours(
    problem: &Problem,
    person: &Person,
    open: &OpenTime,
    range: Range<Moment>,
) -> Result<OpenTime, CalendarError> {
    let Some(limit) = person.day_limit else { return Ok(open.clone()) };
    let mut calendar = problem.calendars[person.calendar.at()].clone();
    for day in &mut calendar.week {
        *day = first_of(day, limit);
    }
    for exception in &mut calendar.exceptions {
        exception.hours = first_of(&exception.hours, limit);
    }
    OpenTime::compile(&calendar, range)
}

/// Returns what of a day lies within its first `limit`, counted minute by minute.
fn first_of(day: &[(u16, u16)], limit: Span) -> Vec<(u16, u16)> {
    let minutes = day.iter().flat_map(|(start, end)| *start..*end);
    let worked = usize::try_from(limit.0 / MINUTE).unwrap_or(0);
    let mut first: Vec<(u16, u16)> = Vec::new();
    for minute in minutes.take(worked) {
        match first.last_mut() {
            Some(last) if last.1 == minute => last.1 += 1,
            Some(_) | None => first.push((minute, minute + 1)),
        }
    }
    first
}

impl Check<'_> {
    /// Checks that each place asked for is taken by a different person who can, with the units asked for, and that nobody else works.
    pub(super) fn crew(&self, task: TaskId, found: &mut Vec<Violation>) {
        let (written, placed, mode) = self.written(task);
        let has_begun = matches!(written.fact, Fact::Started { .. });
        let works = match written.kind {
            Kind::Decision | Kind::Joint => false,
            Kind::Milestone => written.spans.is_some(),
            Kind::Automated | Kind::Manual => {
                has_begun || self.work(task) != Span(0) || written.spans.is_some()
            }
        };
        let asks: &[Ask] = if works { &mode.crew } else { &[] };
        let wanted: Vec<&Ask> = asks.iter().flat_map(|ask| (0..ask.count).map(move |_| ask)).collect();
        let mut people = placed.crew.clone();
        let is_set = placed.crew.windows(2).all(|pair| pair[0].0 < pair[1].0);
        if !is_set || wanted.len() != people.len() || !self.fills(&wanted, &mut people) {
            found.push(Violation::Crew(task));
        }
    }

    /// Whether the places can be given to the people so that each has one that suits them.
    fn fills(&self, places: &[&Ask], people: &mut Vec<(PersonId, u32)>) -> bool {
        let Some((place, rest)) = places.split_first() else { return people.is_empty() };
        (0..people.len()).any(|at| {
            let candidate = people[at];
            if !self.suits(place, candidate) {
                return false;
            }
            people.remove(at);
            let fills = self.fills(rest, people);
            people.insert(at, candidate);
            fills
        })
    }

    fn suits(&self, ask: &Ask, (id, units): (PersonId, u32)) -> bool {
        let Some(person) = self.problem.people.get(id.at()) else { return false };
        let can = |(name, level): &(String, u32)| {
            person.skills.iter().any(|(known, reached)| known == name && reached >= level)
        };
        let share = u64::from(person.units) * u64::from(ask.units) / u64::from(WHOLE);
        self.problem.roles[ask.role.at()].members.contains(&id)
            && ask.skills.iter().all(can)
            && u64::from(units) == share.max(1)
    }
}
