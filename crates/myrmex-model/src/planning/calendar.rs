//! Calendars: when work can proceed, as people write it.

use super::Day;
use crate::name::Name;
use crate::time::Length;

/// The minutes of a day of 24 hours. Where a stretch ends beyond it, it reaches into the next day.
pub const MINUTES_OF_DAY: u16 = 1_440;

/// An open stretch of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hours {
    /// Minutes after midnight, less than [`MINUTES_OF_DAY`].
    pub from: u16,
    /// Minutes after midnight of the same day, more than `from`, at most a day more.
    pub to: u16,
}

/// When work can proceed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    /// Its name.
    pub name: Name,
    /// An IANA time zone, such as `Europe/Berlin`.
    pub zone: String,
    /// The open stretches of each weekday from Monday, in order, apart from each other.
    pub week: [Vec<Hours>; 7],
    /// Days that differ, in the author's order; of two for one day the later counts.
    pub exceptions: Vec<Closure>,
    /// How much open time `1d` is, more than zero.
    pub day: Length,
}

/// Days on which a calendar is not as in other weeks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closure {
    /// The first day.
    pub from: Day,
    /// The last day, not before the first.
    pub to: Day,
    /// The open stretches, as in [`Calendar::week`]; none for closed.
    pub hours: Vec<Hours>,
}
