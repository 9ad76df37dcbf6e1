//! Lengths of time as people write them in plans: working time of a calendar, or elapsed time.

use std::fmt;
use std::str::FromStr;

use crate::time::LENGTH_MAX;

/// Milliseconds of a day of 24 hours.
pub const DAY_MS: i64 = 86_400_000;

/// A length of time, below zero for a lead. What a working day is says the calendar in which it counts, so it is kept as it was
/// written until [`Extent::millis`] is told.
///
/// Written `3d`, `1d4h`, `90m` for working time, `3ed`, `1ed12eh` for elapsed time: whole numbers with units (ms s m h d),
/// longest first, each at most once; with `e` before the unit, before all units of one text or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Open time of a calendar.
    Working {
        /// Whole working days.
        days: i64,
        /// Milliseconds beside them.
        millis: i64,
    },
    /// Wall-clock time.
    Elapsed {
        /// Milliseconds; a day is 24 hours.
        millis: i64,
    },
}

/// Why a text is not an [`Extent`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExtentError {
    /// Not a length like `3d`.
    #[error("`{0}` is not a duration such as `3d`, `1d4h`, `90m`, or `2ed` for elapsed time")]
    Form(String),
    /// A bare number.
    #[error("the duration `{0}` has no unit (m, h or d; `ed` for elapsed days)")]
    Unit(String),
    /// Working and elapsed units in one text.
    #[error("the duration `{0}` mixes working and elapsed time")]
    Mixed(String),
    /// More than [`LENGTH_MAX`].
    #[error("the duration `{0}` is longer than 10000d")]
    Long(String),
}

/// Units with their milliseconds, longest first.
const UNITS: [(&str, i64); 5] = [("d", DAY_MS), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// The most milliseconds, and thereby the most days, of an extent.
const MILLIS_MAX: i64 = LENGTH_MAX.0.cast_signed();

impl Extent {
    /// No time at all.
    pub const ZERO: Self = Self::Working { days: 0, millis: 0 };

    /// Returns its milliseconds in a calendar whose `1d` is `day_ms` milliseconds: of open time if it is [working
    /// time](Self::is_elapsed), else of elapsed time.
    pub fn millis(self, day_ms: i64) -> i64 {
        match self {
            Self::Working { days, millis } => days.saturating_mul(day_ms).saturating_add(millis),
            Self::Elapsed { millis } => millis,
        }
    }

    /// Returns whether it counts whatever a calendar says.
    pub fn is_elapsed(self) -> bool {
        matches!(self, Self::Elapsed { .. })
    }

    /// Returns whether it is below zero.
    pub fn is_lead(self) -> bool {
        match self {
            Self::Working { days, millis } => days < 0 || millis < 0,
            Self::Elapsed { millis } => millis < 0,
        }
    }

    /// Returns whether it is no time at all.
    pub fn is_zero(self) -> bool {
        matches!(self, Self::Working { days: 0, millis: 0 } | Self::Elapsed { millis: 0 })
    }

    /// Returns the same extent as elapsed time, a day as 24 hours: what a workflow's durations mean.
    #[must_use]
    pub fn elapsed(self) -> Self {
        Self::Elapsed { millis: self.millis(DAY_MS) }
    }
}

impl FromStr for Extent {
    type Err = ExtentError;

    fn from_str(text: &str) -> Result<Self, ExtentError> {
        let wrong = || ExtentError::Form(text.to_owned());
        let long = || ExtentError::Long(text.to_owned());
        let (sign, mut rest) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text),
        };
        if !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()) {
            return Err(ExtentError::Unit(text.to_owned()));
        }
        let (mut days, mut millis, mut unit_next, mut elapsed) = (0_i64, 0_i64, 0, None);
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let letters = rest[digits..].bytes().take_while(u8::is_ascii_alphabetic).count();
            let word = &rest[digits..digits + letters];
            let unit = word.strip_prefix('e').unwrap_or(word);
            let is_elapsed = unit.len() < word.len();
            let found = UNITS.iter().skip(unit_next).position(|(name, _)| *name == unit).ok_or_else(wrong)?;
            if digits == 0 {
                return Err(wrong());
            }
            if elapsed.replace(is_elapsed).is_some_and(|before| before != is_elapsed) {
                return Err(ExtentError::Mixed(text.to_owned()));
            }
            let count: i64 = rest[..digits].parse().map_err(|_| long())?;
            let (_, unit_ms) = UNITS[unit_next + found];
            let part = count.checked_mul(unit_ms).filter(|part| *part <= MILLIS_MAX).ok_or_else(long)?;
            if unit == "d" {
                days = count;
            } else {
                millis += part;
            }
            unit_next += found + 1;
            rest = &rest[digits + letters..];
        }
        let elapsed = elapsed.ok_or_else(wrong)?;
        if days * DAY_MS + millis > MILLIS_MAX {
            return Err(long());
        }
        let working = Self::Working { days: days * sign, millis: millis * sign };
        Ok(if elapsed { working.elapsed() } else { working })
    }
}

/// Shown in the form that reads back: `3d`, `-1d4h`, `2ed`, `0d`.
impl fmt::Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, millis, mark) = match self {
            Self::Working { days, millis } => (*days, *millis, ""),
            Self::Elapsed { millis } => (millis / DAY_MS, millis % DAY_MS, "e"),
        };
        if days == 0 && millis == 0 {
            return write!(f, "0{mark}d");
        }
        if self.is_lead() {
            f.write_str("-")?;
        }
        let (days, mut rest) = (days.unsigned_abs(), millis.unsigned_abs());
        if days > 0 {
            write!(f, "{days}{mark}d")?;
        }
        // A working day has no fixed number of hours, so hours never become days.
        for (unit, unit_ms) in UNITS.into_iter().skip(1) {
            let unit_ms = unit_ms.unsigned_abs();
            if rest >= unit_ms {
                write!(f, "{}{mark}{unit}", rest / unit_ms)?;
                rest %= unit_ms;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extents_read_back_what_they_show() {
        for text in
            ["3d", "1d4h", "40h", "-2d", "-1d4h30m", "2ed", "-1ed12eh", "500ems", "0d", "0ed", "1m1s1ms"]
        {
            assert_eq!(text.parse::<Extent>().unwrap().to_string(), text);
        }
        assert_eq!("90m".parse::<Extent>().unwrap().to_string(), "1h30m");
        assert_eq!("30h".parse::<Extent>().unwrap().to_string(), "30h");
        assert_eq!("36eh".parse::<Extent>().unwrap().to_string(), "1ed12eh");
    }

    #[test]
    fn a_working_day_is_as_long_as_its_calendar_says() {
        let extent: Extent = "2d3h".parse().unwrap();
        assert_eq!(extent.millis(8 * 3_600_000), 19 * 3_600_000);
        assert_eq!(extent.elapsed().millis(1), 51 * 3_600_000);
        assert_eq!("2ed".parse::<Extent>().unwrap().millis(1), 2 * DAY_MS);
        assert_eq!("-1d1h".parse::<Extent>().unwrap().millis(10), -10 - 3_600_000);
    }

    #[test]
    fn surprising_extents_are_refused() {
        assert_eq!("3".parse::<Extent>(), Err(ExtentError::Unit("3".into())));
        assert_eq!("1d4eh".parse::<Extent>(), Err(ExtentError::Mixed("1d4eh".into())));
        for wrong in ["", "-", "d", "ed", "1.5d", "1h1d", "1d1d", "+1d", "1w", "1 d", "--1d"] {
            assert_eq!(wrong.parse::<Extent>(), Err(ExtentError::Form(wrong.into())), "{wrong}");
        }
        for long in ["10001d", "10000d1ms", "99999999999999999999h", "9999999999999d"] {
            assert_eq!(long.parse::<Extent>(), Err(ExtentError::Long(long.into())), "{long}");
        }
    }
}
