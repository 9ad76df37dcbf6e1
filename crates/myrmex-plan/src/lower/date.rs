//! Dates as people write them, as instants.

use jiff::civil;
use jiff::tz::TimeZoneDatabase;
use myrmex_model::planning::{Date, Day};

use super::LowerError;
use crate::calendar::CalendarError;
use crate::network::End;
use crate::problem::{Calendar, Moment};

/// Returns the instant that `date` is in the time zone of `calendar`: of a whole day its start where something begins, and its end where
/// something ends. A time that the wall skips is taken as if it did not, and of two equal ones the first.
///
/// # Errors
///
/// Returns [`LowerError`] if the zone or the day does not exist.
pub(super) fn instant(date: Date, calendar: &Calendar, end: End, path: &str) -> Result<Moment, LowerError> {
    let wrong = || LowerError::Date { path: path.to_owned() };
    let of_day = |day: Day| civil::Date::new(day.year, day.month, day.day).map_err(|_| wrong());
    let wall = match date {
        Date::At(timestamp) => return Ok(Moment(timestamp.0.div_euclid(1_000_000))),
        Date::Local { day, second } => {
            let part = |value: u32| i8::try_from(value).map_err(|_| wrong());
            of_day(day)?.at(part(second / 3_600)?, part(second / 60 % 60)?, part(second % 60)?, 0)
        }
        Date::Day(day) => match end {
            End::Start => of_day(day)?.at(0, 0, 0, 0),
            End::Finish => of_day(day)?.tomorrow().map_err(|_| wrong())?.at(0, 0, 0, 0),
        },
    };
    let zone = TimeZoneDatabase::bundled()
        .get(&calendar.zone)
        .map_err(|_| CalendarError::Zone { calendar: calendar.name.clone(), zone: calendar.zone.clone() })?;
    let timestamp = zone.to_timestamp(wall).map_err(|_| wrong())?;
    Ok(Moment(timestamp.as_millisecond()))
}
