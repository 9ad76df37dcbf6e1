//! The time axis of a chart: two rows of ticks, as fine as there is room for.
//!
//! A plan with dates has the days, months and years of its time zone; one without counts from its start.

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan, Zoned};

/// Names of months as they stand in the upper row, and as they are shortened.
const MONTHS: [(&str, &str); 12] = [
    ("January", "Jan"),
    ("February", "Feb"),
    ("March", "Mar"),
    ("April", "Apr"),
    ("May", "May"),
    ("June", "Jun"),
    ("July", "Jul"),
    ("August", "Aug"),
    ("September", "Sep"),
    ("October", "Oct"),
    ("November", "Nov"),
    ("December", "Dec"),
];

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// More ticks than any chart has room for; an axis that is asked for more has none, whatever it was asked.
const TICKS_MAX: usize = 2_000;

/// Steps of an axis that counts from the start, in milliseconds.
const RELATIVE_STEPS: [i64; 30] = [
    1,
    2,
    5,
    10,
    20,
    50,
    100,
    200,
    500,
    1_000,
    2_000,
    5_000,
    10_000,
    15_000,
    30_000,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    4 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    7 * DAY,
    30 * DAY,
    365 * DAY,
];

/// Two rows of ticks. The upper one is empty where the lower one says all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Axis {
    /// Days above hours, months above days.
    pub(super) upper: Vec<Tick>,
    /// The finer row, which has lines through the chart.
    pub(super) lower: Vec<Tick>,
}

/// A stretch of an axis with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tick {
    /// Where it begins, in milliseconds.
    pub(super) from: i64,
    /// Where it ends.
    pub(super) to: i64,
    /// Its name.
    pub(super) label: String,
}

/// The stretches an axis with dates can have in its lower row, with their length and how many pixels a label takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Minutes(i64),
    Hours(i64),
    Day,
    Week,
    Month,
    Quarter,
    Years(i64),
}

impl Unit {
    const ALL: [Self; 15] = [
        Self::Minutes(1),
        Self::Minutes(5),
        Self::Minutes(15),
        Self::Minutes(30),
        Self::Hours(1),
        Self::Hours(3),
        Self::Hours(6),
        Self::Hours(12),
        Self::Day,
        Self::Week,
        Self::Month,
        Self::Quarter,
        Self::Years(1),
        Self::Years(5),
        Self::Years(25),
    ];

    /// Returns about how long it is, and how many pixels its label takes.
    fn size(self) -> (i64, i64) {
        match self {
            Self::Minutes(count) => (count * MINUTE, 38),
            Self::Hours(count) => (count * HOUR, 38),
            Self::Day => (DAY, 20),
            Self::Week => (7 * DAY, 46),
            Self::Month => (30 * DAY, 32),
            Self::Quarter => (91 * DAY, 26),
            Self::Years(count) => (count * 365 * DAY, 36),
        }
    }

    /// Returns its length as what is added to an instant.
    fn step(self) -> Span {
        match self {
            Self::Minutes(count) => count.minutes(),
            Self::Hours(count) => count.hours(),
            Self::Day => 1.day(),
            Self::Week => 7.days(),
            Self::Month => 1.month(),
            Self::Quarter => 3.months(),
            Self::Years(count) => count.years(),
        }
    }

    /// Returns where the stretch begins that an instant is in.
    fn floor(self, at: &Zoned) -> Option<Zoned> {
        let midnight = at.start_of_day().ok()?;
        match self {
            Self::Minutes(count) => {
                let minute = i64::from(at.minute()) / count * count;
                midnight.checked_add(i64::from(at.hour()).hours()).ok()?.checked_add(minute.minutes()).ok()
            }
            Self::Hours(count) => midnight.checked_add((i64::from(at.hour()) / count * count).hours()).ok(),
            Self::Day => Some(midnight),
            Self::Week => {
                let past = i64::from(at.weekday().since(Weekday::Monday));
                midnight.checked_sub(past.days()).ok()
            }
            Self::Month => midnight.with().day(1).build().ok(),
            Self::Quarter => midnight.with().day(1).month((at.month() - 1) / 3 * 3 + 1).build().ok(),
            Self::Years(count) => {
                let year = i64::from(at.year()).div_euclid(count) * count;
                midnight.with().day(1).month(1).year(i16::try_from(year).ok()?).build().ok()
            }
        }
    }

    fn label(self, at: &Zoned) -> String {
        let (_, month) = month(at);
        match self {
            Self::Minutes(_) | Self::Hours(_) => format!("{:02}:{:02}", at.hour(), at.minute()),
            Self::Day => at.day().to_string(),
            Self::Week => format!("{} {month}", at.day()),
            Self::Month => month.to_owned(),
            Self::Quarter => format!("Q{}", (at.month() - 1) / 3 + 1),
            Self::Years(_) => at.year().to_string(),
        }
    }

    /// Returns what stands above it; nothing above years.
    fn upper(self) -> Option<Self> {
        match self {
            Self::Minutes(_) | Self::Hours(_) => Some(Self::Day),
            Self::Day | Self::Week => Some(Self::Month),
            Self::Month | Self::Quarter => Some(Self::Years(1)),
            Self::Years(_) => None,
        }
    }

    /// Returns its label in the upper row, which has more room.
    fn long_label(self, at: &Zoned) -> String {
        let (long, short) = month(at);
        match self {
            Self::Day => format!("{} {} {short}", weekday(at.weekday()), at.day()),
            Self::Month => format!("{long} {}", at.year()),
            Self::Minutes(_) | Self::Hours(_) | Self::Week | Self::Quarter | Self::Years(_) => self.label(at),
        }
    }
}

fn month(at: &Zoned) -> (&'static str, &'static str) {
    MONTHS[usize::from(at.month().unsigned_abs()) - 1]
}

/// Returns the short name of a day of the week.
pub(super) fn weekday(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "Mon",
        Weekday::Tuesday => "Tue",
        Weekday::Wednesday => "Wed",
        Weekday::Thursday => "Thu",
        Weekday::Friday => "Fri",
        Weekday::Saturday => "Sat",
        Weekday::Sunday => "Sun",
    }
}

/// Returns the short name of the month of an instant.
pub(super) fn short_month(at: &Zoned) -> &'static str {
    month(at).1
}

/// Makes the axis of a plan with dates, from one instant to another, for so many pixels.
pub(super) fn dated(from: i64, to: i64, zone: &TimeZone, pixels: i64) -> Axis {
    let length = (to - from).max(1);
    let has_room = |unit: &Unit| {
        let (takes, pixels_min) = unit.size();
        i128::from(takes) * i128::from(pixels) >= i128::from(pixels_min) * i128::from(length)
    };
    let unit = Unit::ALL.into_iter().find(has_room).unwrap_or(Unit::Years(25));
    let lower = ticks(from, to, zone, (unit, false));
    let upper = unit.upper().map(|upper| ticks(from, to, zone, (upper, true)));
    Axis { upper: upper.unwrap_or_default(), lower }
}

/// Returns the stretches of a unit that lie at least in part between two instants.
fn ticks(from: i64, to: i64, zone: &TimeZone, (unit, is_upper): (Unit, bool)) -> Vec<Tick> {
    let mut found = Vec::new();
    let zoned = |at| Timestamp::from_millisecond(at).ok().map(|at| at.to_zoned(zone.clone()));
    let mut next = zoned(from).and_then(|at| unit.floor(&at));
    while let Some(at) = next {
        let begins = at.timestamp().as_millisecond();
        let Ok(after) = at.checked_add(unit.step()) else { break };
        let ends = after.timestamp().as_millisecond();
        if begins >= to || found.len() == TICKS_MAX {
            break;
        }
        let label = if is_upper { unit.long_label(&at) } else { unit.label(&at) };
        found.push(Tick { from: begins.max(from), to: ends.min(to), label });
        next = Some(after);
    }
    found
}

/// Makes the axis of a plan without dates, which counts from `from`, for so many pixels.
pub(super) fn relative(from: i64, to: i64, pixels: i64) -> Axis {
    let length = (to - from).max(1);
    let has_room = |step: &&i64| i128::from(**step) * i128::from(pixels) >= 56 * i128::from(length);
    let step = RELATIVE_STEPS.iter().find(has_room).copied().unwrap_or(length);
    let begins = (0..).map(|count: i64| count * step).take_while(|begin| *begin < length).take(TICKS_MAX);
    let lower = begins
        .map(|begin| Tick { from: from + begin, to: (from + begin + step).min(to), label: offset(begin) })
        .collect();
    Axis { upper: Vec::new(), lower }
}

/// Shows a length since the start: `0`, `+90 ms`, `+1 h 30 m`, with at most two units.
pub(super) fn offset(ms: i64) -> String {
    if ms == 0 {
        return "0".to_owned();
    }
    let sign = if ms < 0 { "-" } else { "+" };
    format!("{sign}{}", length(ms.unsigned_abs()))
}

/// Shows a length with its two largest units that are not zero: `1 h 30 m`, `5 d`, `250 ms`.
pub(super) fn length(ms: u64) -> String {
    const UNITS: [(&str, u64); 5] =
        [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
    let mut rest = ms;
    let mut parts = Vec::new();
    for (unit, size) in UNITS {
        // A second unit directly below the first is enough: nobody reads the seconds of days.
        if !parts.is_empty() && (rest < size || parts.len() == 2) {
            break;
        }
        if rest >= size {
            parts.push(format!("{} {unit}", rest / size));
            rest %= size;
        }
    }
    if parts.is_empty() { "0".to_owned() } else { parts.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    fn labels(ticks: &[Tick]) -> String {
        ticks.iter().map(|tick| tick.label.as_str()).collect::<Vec<_>>().join("|")
    }

    #[test]
    fn a_month_has_weeks_and_a_week_has_days() {
        let zone = TimeZone::UTC;
        let axis = dated(at("2026-12-01T08:00:00Z"), at("2027-01-10T00:00:00Z"), &zone, 400);
        assert_eq!(labels(&axis.lower), "30 Nov|7 Dec|14 Dec|21 Dec|28 Dec|4 Jan");
        assert_eq!(labels(&axis.upper), "December 2026|January 2027");
        let axis = dated(at("2026-12-01T08:00:00Z"), at("2026-12-04T00:00:00Z"), &zone, 100);
        assert_eq!(labels(&axis.lower), "1|2|3");
        assert_eq!(axis.lower[0].from, at("2026-12-01T08:00:00Z"), "nothing lies before the chart");
    }

    #[test]
    fn hours_stand_below_days_and_years_alone() {
        let zone = TimeZone::UTC;
        let axis = dated(at("2026-12-01T22:00:00Z"), at("2026-12-02T02:00:00Z"), &zone, 200);
        assert_eq!(labels(&axis.lower), "22:00|23:00|00:00|01:00");
        assert_eq!(labels(&axis.upper), "Tue 1 Dec|Wed 2 Dec");
        let axis = dated(at("2026-12-01T00:00:00Z"), at("2036-12-02T00:00:00Z"), &zone, 420);
        assert_eq!((axis.upper.len(), axis.lower.len(), axis.lower[0].label.as_str()), (0, 11, "2026"));
    }

    #[test]
    fn an_axis_without_dates_counts_from_the_start() {
        assert_eq!(labels(&relative(0, 9 * MINUTE, 400).lower), "0|+2 m|+4 m|+6 m|+8 m");
        assert_eq!(labels(&relative(0, 0, 400).lower), "0");
        assert_eq!(labels(&relative(0, 4_000 * 365 * DAY, 400).lower), "0");
    }

    #[test]
    fn lengths_have_at_most_two_units() {
        let shown = [0, 250, 90_000, 5_400_000, 86_400_000, 90_061_001, 86_460_000].map(length);
        assert_eq!(shown, ["0", "250 ms", "1 m 30 s", "1 h 30 m", "1 d", "1 d 1 h", "1 d"]);
    }
}
