//! Dates as people write them become instants on a calendar's clock.

use jiff::tz::{TimeZone, TimeZoneDatabase};
use myrmex_model::planning::Date;

use super::LowerError;
use crate::problem::Moment;

/// Which end of a day a bare date means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edge {
    /// Where something begins: the first instant of the day.
    Begin,
    /// Where something ends: the last one, which is the first of the next day.
    End,
}

/// Returns the instant that a date is in the time zone `zone`. A time that the clock skips is taken as later by as much.
pub(super) fn moment(date: Date, zone: &str, edge: Edge) -> Result<Moment, LowerError> {
    let wrong = || LowerError::Date(date.to_string());
    let zone = TimeZoneDatabase::bundled().get(zone).unwrap_or(TimeZone::UTC);
    let civil = |day: myrmex_model::planning::Day| {
        jiff::civil::Date::new(day.year, day.month, day.day).map_err(|_| wrong())
    };
    let local = match date {
        Date::At(instant) => return Ok(Moment(instant.0.div_euclid(1_000_000))),
        Date::Day(day) => {
            let day = civil(day)?;
            let day = if edge == Edge::End { day.tomorrow().map_err(|_| wrong())? } else { day };
            day.at(0, 0, 0, 0)
        }
        Date::Local { day, second } => {
            let part = |number: u32| i8::try_from(number).unwrap_or(0);
            civil(day)?.at(part(second / 3_600), part(second / 60 % 60), part(second % 60), 0)
        }
    };
    let zoned = local.to_zoned(zone).map_err(|_| wrong())?;
    Ok(Moment(zoned.timestamp().as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(date: &str, zone: &str, edge: Edge, expected: &str) {
        let moment = moment(date.parse().unwrap(), zone, edge).unwrap();
        assert_eq!(moment.to_string(), expected, "{date}");
    }

    #[test]
    fn a_day_begins_and_ends_by_the_clock_of_its_zone() {
        check("2026-12-01", "Europe/Berlin", Edge::Begin, "2026-11-30T23:00:00Z");
        check("2026-12-01", "Europe/Berlin", Edge::End, "2026-12-01T23:00:00Z");
        check("2026-12-01T09:30", "Europe/Berlin", Edge::End, "2026-12-01T08:30:00Z");
        check("2026-12-01T09:30:00+05:00", "Europe/Berlin", Edge::End, "2026-12-01T04:30:00Z");
        // The clock goes from 02:00 to 03:00.
        check("2027-03-28T02:30", "Europe/Berlin", Edge::Begin, "2027-03-28T01:30:00Z");
    }
}
