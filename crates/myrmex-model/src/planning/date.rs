//! Dates as people write them in plans: a day, or a time of a day. Which instants they are depends on a time zone that is known
//! where they are used.

use std::fmt;
use std::str::FromStr;

use crate::time::Timestamp;

/// A day of the civil calendar. It exists: months have the days they have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day {
    /// The year, from 1 to 9999.
    pub year: i16,
    /// From 1.
    pub month: i8,
    /// From 1.
    pub day: i8,
}

/// A date in a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Date {
    /// A whole day. Where something begins it means the day's start, where something ends its end (inclusive).
    Day(Day),
    /// A time of a day, both in the time zone of the calendar that it is read with: `2026-12-01T09:00`.
    Local {
        /// The day.
        day: Day,
        /// Seconds after midnight by the clock on the wall, less than 86,400.
        second: u32,
    },
    /// An exact instant: `2026-12-01T09:00:00+01:00`.
    At(Timestamp),
}

/// Why a text is not a [`Date`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DateError {
    /// Not a date.
    #[error("`{0}` is not a date such as `2026-12-01`, or a time such as `2026-12-01T09:00`")]
    Form(String),
    /// A day that does not exist.
    #[error("there is no day `{0}`")]
    Day(String),
}

impl FromStr for Day {
    type Err = DateError;

    fn from_str(text: &str) -> Result<Self, DateError> {
        let is_form = text.len() == 10
            && text.bytes().enumerate().all(|(place, byte)| match place {
                4 | 7 => byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        if !is_form {
            return Err(DateError::Form(text.to_owned()));
        }
        let number = |part: &str| part.parse::<i16>().expect("it is a few digits");
        let (year, month, day) = (number(&text[..4]), number(&text[5..7]), number(&text[8..]));
        let small = |number: i16| i8::try_from(number).expect("two digits fit");
        let own = Self { year, month: small(month), day: small(day) };
        if year == 0 || jiff::civil::Date::new(own.year, own.month, own.day).is_err() {
            return Err(DateError::Day(text.to_owned()));
        }
        Ok(own)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl FromStr for Date {
    type Err = DateError;

    fn from_str(text: &str) -> Result<Self, DateError> {
        let wrong = || DateError::Form(text.to_owned());
        let Some((day, time)) = text.split_once('T') else { return text.parse().map(Self::Day) };
        let day: Day = day.parse().map_err(|error| match error {
            DateError::Form(_) => wrong(),
            DateError::Day(_) => error,
        })?;
        if time.contains(['Z', '+', '-']) {
            return text.parse().map(Self::At).map_err(|_| wrong());
        }
        let parts: Vec<&str> = time.split(':').collect();
        let is_part = |part: &&str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
        if !(2..=3).contains(&parts.len()) || !parts.iter().all(is_part) {
            return Err(wrong());
        }
        let number =
            |place: usize| parts.get(place).map_or(0, |part| part.parse::<u32>().unwrap_or(u32::MAX));
        let (hour, minute, second) = (number(0), number(1), number(2));
        if hour > 23 || minute > 59 || second > 59 {
            return Err(wrong());
        }
        Ok(Self::Local { day, second: hour * 3_600 + minute * 60 + second })
    }
}

/// Shown in the form that reads back; an instant in UTC.
impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day(day) => write!(f, "{day}"),
            Self::Local { day, second } => {
                write!(f, "{day}T{:02}:{:02}", second / 3_600, second / 60 % 60)?;
                if second % 60 > 0 { write!(f, ":{:02}", second % 60) } else { Ok(()) }
            }
            Self::At(instant) => write!(f, "{instant}"),
        }
    }
}

impl Date {
    /// Returns the day that it names; of an instant that in UTC.
    pub fn day(self) -> Day {
        match self {
            Self::Day(day) | Self::Local { day, .. } => day,
            Self::At(instant) => {
                let text = instant.to_string();
                text[..10].parse().unwrap_or(Day { year: 1970, month: 1, day: 1 })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_read_back_what_they_show() {
        for text in ["2026-12-01", "2026-12-01T09:00", "2026-12-01T23:59:59", "2028-02-29"] {
            assert_eq!(text.parse::<Date>().unwrap().to_string(), text);
        }
        let exact: Date = "2026-12-01T09:00:00+01:00".parse().unwrap();
        assert_eq!(exact.to_string(), "2026-12-01T08:00:00.000000000Z");
        assert_eq!(exact.to_string().parse(), Ok(exact));
        assert_eq!(exact.day().to_string(), "2026-12-01");
    }

    #[test]
    fn what_is_not_a_date_is_refused() {
        for wrong in [
            "",
            "2026",
            "2026-1-1",
            "01.12.2026",
            "2026-12-01 09:00",
            "2026-12-01T9:00",
            "2026-12-01T24:00",
            "2026-12-01T",
            "tomorrow",
            "2026-12-01T09:00Z1",
        ] {
            assert_eq!(wrong.parse::<Date>(), Err(DateError::Form(wrong.into())), "{wrong}");
        }
        for wrong in ["2026-02-29", "2026-13-01", "2026-00-10", "0000-01-01"] {
            assert_eq!(wrong.parse::<Date>(), Err(DateError::Day(wrong.into())), "{wrong}");
        }
        assert!("2026-02-30T09:00".parse::<Date>().is_err());
    }
}
