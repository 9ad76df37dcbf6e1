//! Instants and lengths of time. No clock: instants are read elsewhere and arrive as arguments.

use std::fmt;
use std::str::FromStr;

/// An instant of wall-clock time in nanoseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Returns the instant `length` later; the end of representable time at the most.
    #[must_use]
    pub fn after(self, length: Length) -> Self {
        Self(self.0.saturating_add(i64::try_from(length.0).unwrap_or(i64::MAX).saturating_mul(1_000_000)))
    }

    /// Returns how long it is from `earlier` until now; zero if `earlier` is not earlier.
    pub fn since(self, earlier: Self) -> Length {
        Length(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0) / 1_000_000)
    }
}

/// Shown as RFC 3339 in UTC with nanoseconds.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_nanosecond(i128::from(self.0)) {
            Ok(instant) => write!(f, "{instant:.9}"),
            Err(_) => write!(f, "{}ns", self.0),
        }
    }
}

/// Reads RFC 3339, with any offset.
impl FromStr for Timestamp {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let wrong = || TimeError::Instant(text.to_owned());
        let instant: jiff::Timestamp = text.parse().map_err(|_| wrong())?;
        i64::try_from(instant.as_nanosecond()).map(Self).map_err(|_| wrong())
    }
}

/// A length of time in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Length(pub u64);

/// The longest length a person may write: ten thousand days. More is a slip of the pen.
pub const LENGTH_MAX: Length = Length(10_000 * 86_400_000);

/// Units of a written length, with their milliseconds, longest first.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Why a text is not a time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Not a length like `1h30m`.
    #[error("`{0}` is not a duration such as `500ms`, `90s`, `1h30m` or `2d`")]
    Length(String),
    /// A bare number.
    #[error("the duration `{0}` has no unit (ms, s, m, h or d)")]
    Unit(String),
    /// More than [`LENGTH_MAX`].
    #[error("the duration `{0}` is longer than 10000d")]
    Long(String),
    /// Not an instant.
    #[error("`{0}` is not a time such as `2027-01-11T09:00:00Z`")]
    Instant(String),
}

/// Reads `500ms`, `90s`, `1h30m`, `2d`: whole numbers with units, longest first, each at most once.
impl FromStr for Length {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let wrong = || TimeError::Length(text.to_owned());
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(TimeError::Unit(text.to_owned()));
        }
        let (mut rest, mut total, mut unit_next) = (text, 0_u64, 0);
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let letters = rest[digits..].bytes().take_while(u8::is_ascii_alphabetic).count();
            let unit = &rest[digits..digits + letters];
            let found = UNITS.iter().skip(unit_next).position(|(name, _)| *name == unit).ok_or_else(wrong)?;
            if digits == 0 {
                return Err(wrong());
            }
            let long = || TimeError::Long(text.to_owned());
            let count: u64 = rest[..digits].parse().map_err(|_| long())?;
            let (_, millis) = UNITS[unit_next + found];
            total = count.checked_mul(millis).and_then(|part| total.checked_add(part)).ok_or_else(long)?;
            unit_next += found + 1;
            rest = &rest[digits + letters..];
        }
        match total {
            _ if text.is_empty() => Err(wrong()),
            _ if total > LENGTH_MAX.0 => Err(TimeError::Long(text.to_owned())),
            _ => Ok(Self(total)),
        }
    }
}

/// Shown in the form that reads back: `1h30m`, `0s`.
impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.0;
        for (unit, millis) in UNITS {
            if rest >= millis {
                write!(f, "{}{unit}", rest / millis)?;
                rest %= millis;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_read_back_what_they_show() {
        for text in ["500ms", "1m30s", "1h30m", "2d", "0s", "1d1h1m1s1ms"] {
            assert_eq!(text.parse::<Length>().unwrap().to_string(), text);
        }
        assert_eq!("90s".parse(), Ok(Length(90_000)));
    }

    #[test]
    fn surprising_lengths_are_refused() {
        assert_eq!("30".parse::<Length>(), Err(TimeError::Unit("30".into())));
        for wrong in ["", "s", "1s1h", "1x", "-1s", "1.5h", "1s1s"] {
            assert_eq!(wrong.parse::<Length>(), Err(TimeError::Length(wrong.into())), "{wrong}");
        }
        for long in ["10001d", "99999999999999999999s", "99999999999999d"] {
            assert_eq!(long.parse::<Length>(), Err(TimeError::Long(long.into())), "{long}");
        }
    }

    #[test]
    fn instants_are_shown_in_utc_with_nanoseconds() {
        let instant: Timestamp = "2027-01-11T09:00:00+01:00".parse().unwrap();
        assert_eq!(instant.to_string(), "2027-01-11T08:00:00.000000000Z");
        assert_eq!(instant.after(Length(1_500)).since(instant), Length(1_500));
    }
}
