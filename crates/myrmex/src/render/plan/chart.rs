//! A Gantt chart before it is drawn: rows, bars, arrows and marks on one line of time, in milliseconds.
//!
//! It knows no pixels and no colours; every drawer shows all of it.

use jiff::tz::TimeZone;

use super::axis::{offset, short_month, weekday};

/// A chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// What is planned.
    pub title: String,
    /// What is most worth knowing, below the title.
    pub facts: Vec<String>,
    /// Where the line of time begins.
    pub from: i64,
    /// Where it ends: after all bars, floats and marks.
    pub to: i64,
    /// The time zone of its dates; none for a plan that counts from its start.
    pub zone: Option<TimeZone>,
    /// The rows from top to bottom.
    pub rows: Vec<Row>,
    /// Links between them.
    pub arrows: Vec<Arrow>,
    /// When nobody works, in order; shown behind everything.
    pub closed: Vec<(i64, i64)>,
    /// Instants that matter.
    pub marks: Vec<Mark>,
    /// The load of resources, below the rows.
    pub strips: Vec<Strip>,
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// How many rows it is in.
    pub depth: usize,
    /// Its name, without those of the rows around it.
    pub label: String,
    /// What it is.
    pub shape: Shape,
    /// When it begins.
    pub start: i64,
    /// When it ends.
    pub finish: i64,
    /// Until when it could last without moving the end of all; nothing of a row that holds others.
    pub float_until: Option<i64>,
    /// The same as a length, in words; empty where there is none.
    pub float: String,
    /// Whether it decides when all is over.
    pub is_critical: bool,
    /// How much of it is done, in percent; none if it has not begun.
    pub done_percent: Option<u8>,
    /// Who or what works on it.
    pub who: String,
    /// Why it lies where it lies, for who points at it.
    pub reason: String,
}

/// What a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Work.
    Bar,
    /// Waiting for a decision of people.
    Decision,
    /// An instant.
    Milestone,
    /// Others, which follow it one deeper.
    Summary,
}

/// A link between two rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrow {
    /// The row before.
    pub from: usize,
    /// The row after.
    pub to: usize,
    /// Whether it leaves the start of `from` instead of its finish.
    pub from_start: bool,
    /// Whether it enters the finish of `to` instead of its start.
    pub to_finish: bool,
    /// What it is.
    pub kind: ArrowKind,
}

/// What an arrow is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArrowKind {
    /// A link of the author.
    Link,
    /// One that decides when all is over.
    Critical,
    /// The same resource.
    Resource,
}

/// An instant that matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// When.
    pub at: i64,
    /// What.
    pub label: String,
}

/// The load of one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strip {
    /// The resource.
    pub label: String,
    /// How much there is.
    pub capacity: u64,
    /// From when on how much is used, in order; it ends with zero.
    pub profile: Vec<(i64, u64)>,
    /// In words, such as `at most 2 of 3`.
    pub words: String,
}

impl Chart {
    /// Shows an instant: `Mon 7 Dec 09:00` of a plan with dates, else `+1 h 30 m`. The year is told where it is not that of the start.
    pub fn instant(&self, at: i64) -> String {
        instant(at, self.from, self.zone.as_ref())
    }
}

/// Shows an instant of a plan that begins at `start`: with dates of `zone`, or counted from the start.
pub fn instant(at: i64, start: i64, zone: Option<&TimeZone>) -> String {
    let Some(zone) = zone else { return offset(at - start) };
    let zoned = |at| jiff::Timestamp::from_millisecond(at).ok().map(|at| at.to_zoned(zone.clone()));
    let (Some(shown), Some(first)) = (zoned(at), zoned(start)) else { return format!("{at} ms") };
    let year = if shown.year() == first.year() { String::new() } else { format!(" {}", shown.year()) };
    format!(
        "{} {} {}{year} {:02}:{:02}",
        weekday(shown.weekday()),
        shown.day(),
        short_month(&shown),
        shown.hour(),
        shown.minute()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_tells_the_year_where_it_is_another() {
        let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_millisecond();
        let start = at("2026-12-07T09:00:00Z");
        let shown = |text: &str| instant(at(text), start, Some(&TimeZone::UTC));
        assert_eq!(shown("2026-12-07T09:00:00Z"), "Mon 7 Dec 09:00");
        assert_eq!(shown("2027-01-15T18:30:59Z"), "Fri 15 Jan 2027 18:30");
        assert_eq!(instant(5_400_000, 0, None), "+1 h 30 m");
    }
}
