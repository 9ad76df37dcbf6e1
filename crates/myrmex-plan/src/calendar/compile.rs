//! From days and a time zone to open stretches.
//!
//! An instant is open if the clock on the wall then shows a time within a stretch of the day that it shows, or within one of an
//! earlier day that reaches past midnight. So an hour that the wall skips has no open time, and one that it shows twice counts twice.
//! The zones are those that come with the binary: the system's differ between machines, and so would the dates.

use std::ops::Range;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};

use super::OpenTime;
use crate::problem::{Calendar, Day, Moment};

const DAY: i64 = 86_400_000;
const MINUTE: i64 = 60_000;
/// A stretch begins on its day and ends on the next one at the latest.
const DAY_MINUTES: u16 = 1_440;
const END_MINUTES_MAX: u16 = 2 * DAY_MINUTES;
/// No zone is further from UTC than jiff allows: 25:59:59.
const OFFSET_MAX: i64 = 26 * 3_600_000;

/// What is wrong with a calendar.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    /// Nobody knows the time zone.
    #[error("calendar `{calendar}` has the time zone `{zone}`, which does not exist")]
    Zone {
        /// Its name.
        calendar: String,
        /// As it was written.
        zone: String,
    },
    /// A stretch is empty, begins after its day or ends after the next one.
    #[error("calendar `{calendar}` has a stretch from minute {start} to minute {end} of a day")]
    Stretch {
        /// Its name.
        calendar: String,
        /// Minutes after midnight.
        start: u16,
        /// Minutes after midnight.
        end: u16,
    },
    /// A day does not exist, or the last of an exception comes before the first.
    #[error("calendar `{calendar}` has an exception on days that do not exist or in the wrong order")]
    Exception {
        /// Its name.
        calendar: String,
        /// The place of the exception, from 0.
        exception: usize,
    },
    /// Time zones are known from the year -9999 to 9999 only.
    #[error("calendar `{calendar}` cannot be known so far from today")]
    Range {
        /// Its name.
        calendar: String,
    },
}

impl OpenTime {
    /// Compiles `calendar` for the instants in `range`, its end included.
    ///
    /// # Errors
    ///
    /// Returns [`CalendarError`] if the calendar means nothing, or if `range` goes beyond what time zones are known for.
    pub fn compile(calendar: &Calendar, range: Range<Moment>) -> Result<Self, CalendarError> {
        let zone = TimeZoneDatabase::bundled().get(&calendar.zone).map_err(|_| CalendarError::Zone {
            calendar: calendar.name.clone(),
            zone: calendar.zone.clone(),
        })?;
        check_hours(calendar)?;
        let out_of_range = || CalendarError::Range { calendar: calendar.name.clone() };
        let offsets = offsets(&zone, &range).ok_or_else(out_of_range)?;
        // A stretch of the day before the first may reach into it, and the wall may be a day away from UTC on both sides.
        let first = (range.start.0 - OFFSET_MAX).div_euclid(DAY) - 1;
        let last = (range.end.0 + OFFSET_MAX).div_euclid(DAY);
        let exceptions = exceptions(calendar, first, last)?;
        let mut stretches = Vec::new();
        for (day, exception) in (first..=last).zip(exceptions) {
            for (start, end) in hours(calendar, day, exception) {
                let wall = day * DAY + i64::from(*start) * MINUTE..day * DAY + i64::from(*end) * MINUTE;
                place(&wall, &offsets, &mut stretches);
            }
        }
        Ok(Self::new(stretches, range.start, range.end))
    }
}

/// A time in which the wall is `offset` milliseconds ahead of UTC.
struct OffsetPeriod {
    start: i64,
    end: i64,
    offset: i64,
}

/// Returns the periods of equal offset that cover `range`.
fn offsets(zone: &TimeZone, range: &Range<Moment>) -> Option<Vec<OffsetPeriod>> {
    let first = Timestamp::from_millisecond(range.start.0).ok()?;
    Timestamp::from_millisecond(range.end.0).ok()?;
    let mut periods = Vec::new();
    let mut start = range.start.0;
    let mut offset = zone.to_offset(first);
    for transition in zone.following(first) {
        let at = transition.timestamp().as_millisecond();
        if at >= range.end.0 {
            break;
        }
        periods.push(OffsetPeriod { start, end: at, offset: milliseconds(offset) });
        start = at;
        offset = transition.offset();
    }
    periods.push(OffsetPeriod { start, end: range.end.0, offset: milliseconds(offset) });
    Some(periods)
}

fn milliseconds(offset: Offset) -> i64 {
    i64::from(offset.seconds()) * 1_000
}

/// Adds the instants at which the wall shows a time in `wall`, which is given in milliseconds since 1970 on the wall.
fn place(wall: &Range<i64>, offsets: &[OffsetPeriod], stretches: &mut Vec<(Moment, Moment)>) {
    let first = offsets.partition_point(|period| period.end <= wall.start - OFFSET_MAX);
    let near = offsets[first..].iter().take_while(|period| period.start < wall.end + OFFSET_MAX);
    for period in near {
        let start = (wall.start - period.offset).max(period.start);
        let end = (wall.end - period.offset).min(period.end);
        if start < end {
            stretches.push((Moment(start), Moment(end)));
        }
    }
}

fn hours(calendar: &Calendar, day: i64, exception: Option<usize>) -> &[(u16, u16)] {
    match exception {
        Some(exception) => &calendar.exceptions[exception].hours,
        None => &calendar.week[weekday(day)],
    }
}

/// Returns the weekday of a day since 1970, which began on a Thursday, from Monday.
fn weekday(day: i64) -> usize {
    usize::try_from((day + 3).rem_euclid(7)).expect("a remainder of 7 is small and not negative")
}

/// Returns for each day from `first` to `last` which exception holds on it.
fn exceptions(calendar: &Calendar, first: i64, last: i64) -> Result<Vec<Option<usize>>, CalendarError> {
    let days = usize::try_from(last - first + 1).unwrap_or(0);
    let mut held = vec![None; days];
    for (index, exception) in calendar.exceptions.iter().enumerate() {
        let wrong = || CalendarError::Exception { calendar: calendar.name.clone(), exception: index };
        let from = number(exception.from).ok_or_else(wrong)?;
        let to = number(exception.to).filter(|to| *to >= from).ok_or_else(wrong)?;
        for day in from.max(first)..=to.min(last) {
            held[usize::try_from(day - first).expect("it is not before the first day")] = Some(index);
        }
    }
    Ok(held)
}

/// Returns the number of a day since 1970.
fn number(day: Day) -> Option<i64> {
    let epoch = Date::constant(1970, 1, 1);
    let date = Date::new(day.year, day.month, day.day).ok()?;
    Some(i64::from(epoch.until(date).ok()?.get_days()))
}

fn check_hours(calendar: &Calendar) -> Result<(), CalendarError> {
    let exceptions = calendar.exceptions.iter().map(|exception| &exception.hours);
    for (start, end) in calendar.week.iter().chain(exceptions).flatten().copied() {
        if start >= end || start >= DAY_MINUTES || end > END_MINUTES_MAX {
            return Err(CalendarError::Stretch { calendar: calendar.name.clone(), start, end });
        }
    }
    Ok(())
}
