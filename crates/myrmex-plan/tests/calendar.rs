//! Calendars, by values and against a model that looks at every minute.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use jiff::Timestamp;
use jiff::tz::TimeZoneDatabase;
use myrmex_plan::calendar::{CalendarError, OpenTime};
use myrmex_plan::problem::{Calendar, Day, Exception, Moment, Span};
use proptest::prelude::*;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

fn at(text: &str) -> Moment {
    let text = if text.ends_with('Z') { text.to_owned() } else { format!("{text}:00Z") };
    Moment(text.parse::<Timestamp>().unwrap().as_millisecond())
}

fn day(year: i16, month: i8, day: i8) -> Day {
    Day { year, month, day }
}

fn office(zone: &str) -> Calendar {
    let open = vec![(9 * 60, 12 * 60), (13 * 60, 18 * 60)];
    let mut week: [Vec<(u16, u16)>; 7] = std::array::from_fn(|_| open.clone());
    week[5].clear();
    week[6].clear();
    Calendar {
        name: "office".to_owned(),
        zone: zone.to_owned(),
        week,
        exceptions: Vec::new(),
        day: Span(8 * HOUR),
    }
}

fn night_of_saturday(zone: &str) -> Calendar {
    let mut week: [Vec<(u16, u16)>; 7] = std::array::from_fn(|_| Vec::new());
    week[5] = vec![(22 * 60, 30 * 60)];
    Calendar {
        name: "change".to_owned(),
        zone: zone.to_owned(),
        week,
        exceptions: Vec::new(),
        day: Span(8 * HOUR),
    }
}

fn year_2026(calendar: &Calendar) -> OpenTime {
    OpenTime::compile(calendar, at("2026-01-01T00:00")..at("2027-01-01T00:00")).unwrap()
}

#[test]
fn leave_may_last_until_the_last_day_there_is() {
    let mut office = office("UTC");
    office.exceptions = vec![Exception { from: day(2026, 12, 1), to: day(9999, 12, 31), hours: Vec::new() }];
    let year = year_2026(&office);
    assert_eq!(year.open_at_or_after(at("2026-11-30T18:00")), None);
    assert_eq!(year.open_at_or_after(at("2026-11-30T08:00")), Some(at("2026-11-30T09:00")));
}

#[test]
fn work_ends_at_the_end_of_a_stretch_and_begins_at_the_start_of_one() {
    let office = year_2026(&office("UTC"));
    // 2026-11-27 is a Friday.
    assert_eq!(office.advance(at("2026-11-27T09:00"), Span(8 * HOUR)), Some(at("2026-11-27T18:00")));
    assert_eq!(
        office.advance(at("2026-11-27T09:00"), Span(8 * HOUR + 1)),
        Some(Moment(at("2026-11-30T09:00").0 + 1))
    );
    assert_eq!(office.retreat(at("2026-11-30T18:00"), Span(8 * HOUR)), Some(at("2026-11-30T09:00")));
    assert_eq!(office.retreat(at("2026-11-30T09:00"), Span(HOUR)), Some(at("2026-11-27T17:00")));
    assert_eq!(office.advance(at("2026-11-28T07:00"), Span(HOUR)), Some(at("2026-11-30T10:00")));
    assert_eq!(office.between(at("2026-11-27T11:00"), at("2026-11-30T10:00")), Some(Span(7 * HOUR)));
    assert_eq!(office.between(at("2026-11-30T10:00"), at("2026-11-27T11:00")), Some(Span(-7 * HOUR)));
}

#[test]
fn no_work_ends_where_it_begins_even_while_closed() {
    let office = year_2026(&office("UTC"));
    for instant in [at("2026-11-27T18:00"), at("2026-11-28T03:00"), at("2026-11-30T09:00")] {
        assert_eq!(office.advance(instant, Span(0)), Some(instant));
        assert_eq!(office.retreat(instant, Span(0)), Some(instant));
    }
}

#[test]
fn work_of_less_than_nothing_goes_the_other_way() {
    let office = year_2026(&office("UTC"));
    let friday = at("2026-11-27T18:00");
    assert_eq!(office.advance(friday, Span(-HOUR)), office.retreat(friday, Span(HOUR)));
    assert_eq!(office.retreat(friday, Span(-HOUR)), Some(at("2026-11-30T10:00")));
}

#[test]
fn the_next_and_the_last_open_instant_are_found() {
    let office = year_2026(&office("UTC"));
    assert_eq!(office.open_at_or_after(at("2026-11-27T18:00")), Some(at("2026-11-30T09:00")));
    assert_eq!(office.open_at_or_after(at("2026-11-27T17:59")), Some(at("2026-11-27T17:59")));
    assert_eq!(office.open_at_or_before(at("2026-11-30T09:00")), Some(at("2026-11-27T18:00")));
    assert_eq!(office.open_at_or_before(at("2026-11-30T09:01")), Some(at("2026-11-30T09:01")));
}

#[test]
fn what_may_not_pause_waits_for_a_stretch_that_holds_it() {
    let office = year_2026(&office("UTC"));
    assert_eq!(
        office.whole_at_or_after(at("2026-11-27T10:00"), Span(4 * HOUR)),
        Some(at("2026-11-27T13:00"))
    );
    assert_eq!(
        office.whole_at_or_after(at("2026-11-27T15:00"), Span(4 * HOUR)),
        Some(at("2026-11-30T13:00"))
    );
    assert_eq!(
        office.whole_at_or_before(at("2026-11-30T12:00"), Span(4 * HOUR)),
        Some(at("2026-11-27T18:00"))
    );
    assert_eq!(office.whole_at_or_after(at("2026-11-27T15:00"), Span(6 * HOUR)), None);
}

#[test]
fn what_is_not_compiled_is_unknown() {
    let office = year_2026(&office("UTC"));
    assert_eq!(office.advance(at("2026-12-31T09:00"), Span(8 * HOUR)), Some(at("2026-12-31T18:00")));
    assert_eq!(office.advance(at("2026-12-31T09:00"), Span(8 * HOUR + 1)), None);
    assert_eq!(office.retreat(at("2026-01-01T10:00"), Span(HOUR)), Some(at("2026-01-01T09:00")));
    assert_eq!(office.retreat(at("2026-01-01T10:00"), Span(HOUR + 1)), None);
    assert_eq!(office.advance(at("2025-12-31T23:59"), Span(0)), None);
    assert_eq!(office.between(at("2026-12-01T00:00"), at("2027-01-01T00:01")), None);
    assert_eq!(office.open_at_or_after(at("2026-12-31T18:00")), None);
    assert_eq!(office.open_at_or_before(at("2026-01-01T09:00")), None);
}

#[test]
fn a_stretch_past_midnight_belongs_to_the_day_it_starts_on() {
    let mut calendar = night_of_saturday("UTC");
    let open = year_2026(&calendar);
    let saturday = at("2026-11-28T22:00");
    assert_eq!(open.open_at_or_after(at("2026-11-27T00:00")), Some(saturday));
    assert_eq!(open.advance(saturday, Span(8 * HOUR)), Some(at("2026-11-29T06:00")));
    // The Sunday is a holiday: what began on Saturday goes on. With the Saturday as one, nothing begins.
    calendar.exceptions =
        vec![Exception { from: day(2026, 11, 29), to: day(2026, 11, 29), hours: Vec::new() }];
    assert_eq!(year_2026(&calendar).advance(saturday, Span(8 * HOUR)), Some(at("2026-11-29T06:00")));
    calendar.exceptions =
        vec![Exception { from: day(2026, 11, 28), to: day(2026, 11, 28), hours: Vec::new() }];
    assert_eq!(year_2026(&calendar).open_at_or_after(saturday), Some(at("2026-12-05T22:00")));
}

#[test]
fn a_stretch_that_began_before_what_is_compiled_reaches_into_it() {
    let open =
        OpenTime::compile(&night_of_saturday("UTC"), at("2026-11-29T02:00")..at("2026-11-29T12:00")).unwrap();
    assert_eq!(
        open.stretches(at("2026-11-29T02:00"), at("2026-11-29T12:00")),
        [(at("2026-11-29T02:00"), at("2026-11-29T06:00"))]
    );
}

#[test]
fn of_two_exceptions_for_one_day_the_later_counts() {
    let mut calendar = office("UTC");
    calendar.exceptions = vec![
        Exception { from: day(2026, 11, 23), to: day(2026, 11, 29), hours: Vec::new() },
        Exception { from: day(2026, 11, 28), to: day(2026, 11, 28), hours: vec![(10 * 60, 11 * 60)] },
    ];
    let open = year_2026(&calendar);
    assert_eq!(
        open.stretches(at("2026-11-23T00:00"), at("2026-11-30T10:00")),
        [(at("2026-11-28T10:00"), at("2026-11-28T11:00")), (at("2026-11-30T09:00"), at("2026-11-30T10:00"))]
    );
}

#[test]
fn in_berlin_the_hours_are_those_on_the_wall() {
    let open = year_2026(&office("Europe/Berlin"));
    // Winter: an hour ahead of UTC. Summer, from 2026-03-29 on: two.
    assert_eq!(open.open_at_or_after(at("2026-03-27T00:00")), Some(at("2026-03-27T08:00")));
    assert_eq!(open.open_at_or_after(at("2026-03-30T00:00")), Some(at("2026-03-30T07:00")));
    assert_eq!(open.open_at_or_after(at("2026-10-26T00:00")), Some(at("2026-10-26T08:00")));
}

#[test]
fn in_berlin_the_night_of_spring_is_an_hour_shorter_and_that_of_autumn_longer() {
    let open = year_2026(&night_of_saturday("Europe/Berlin"));
    assert_eq!(open.between(at("2026-03-28T12:00"), at("2026-03-29T12:00")), Some(Span(7 * HOUR)));
    assert_eq!(open.between(at("2026-10-24T12:00"), at("2026-10-25T12:00")), Some(Span(9 * HOUR)));
    assert_eq!(open.between(at("2026-11-28T12:00"), at("2026-11-29T12:00")), Some(Span(8 * HOUR)));
}

#[test]
fn in_berlin_a_time_that_the_wall_skips_does_not_exist_and_one_it_shows_twice_counts_twice() {
    let mut calendar = night_of_saturday("Europe/Berlin");
    calendar.week[5].clear();
    calendar.week[6] = vec![(2 * 60 + 30, 5 * 60)];
    let open = year_2026(&calendar);
    // The wall goes from 02:00 to 03:00 at 01:00 UTC, so the stretch begins there.
    assert_eq!(
        open.stretches(at("2026-03-29T00:00"), at("2026-03-30T00:00")),
        [(at("2026-03-29T01:00"), at("2026-03-29T03:00"))]
    );
    // The wall goes from 03:00 back to 02:00 at 01:00 UTC: 02:30 to 03:00 is there twice.
    assert_eq!(
        open.stretches(at("2026-10-25T00:00"), at("2026-10-26T00:00")),
        [(at("2026-10-25T00:30"), at("2026-10-25T01:00")), (at("2026-10-25T01:30"), at("2026-10-25T04:00"))]
    );
}

#[test]
fn two_calendars_are_open_where_both_are() {
    let left = year_2026(&office("UTC"));
    let right = year_2026(&office("America/New_York"));
    let both = OpenTime::intersection(&[&left, &OpenTime::always(), &right]);
    // New York is five hours behind in winter: 09:00 to 12:00 there is 14:00 to 17:00.
    assert_eq!(
        both.stretches(at("2026-11-27T00:00"), at("2026-11-28T00:00")),
        [(at("2026-11-27T14:00"), at("2026-11-27T17:00"))]
    );
    assert_eq!(OpenTime::intersection(&[]), OpenTime::always());
}

#[test]
fn time_that_is_always_open_has_no_end() {
    let always = OpenTime::always();
    assert_eq!(always.retreat(Moment(0), Span(5)), Some(Moment(-5)));
    assert_eq!(always.advance(Moment(i64::MAX), Span(1)), None);
    assert_eq!(always.between(Moment(3), Moment(1)), Some(Span(-2)));
    assert_eq!(always.whole_at_or_before(Moment(7), Span(HOUR)), Some(Moment(7)));
}

#[test]
fn a_calendar_that_is_open_all_day_is_one_stretch() {
    let mut calendar = office("Europe/Berlin");
    calendar.week = std::array::from_fn(|_| vec![(0, 1_440)]);
    let (from, to) = (at("2026-01-01T00:00"), at("2027-01-01T00:00"));
    assert_eq!(year_2026(&calendar).stretches(from, to), [(from, to)]);
}

#[track_caller]
fn check_refused(calendar: &Calendar, expected: &str) {
    let error = OpenTime::compile(calendar, at("2026-01-01T00:00")..at("2027-01-01T00:00")).unwrap_err();
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_calendar_that_means_nothing_is_refused() {
    check_refused(
        &office("Europe/Atlantis"),
        "calendar `office` has the time zone `Europe/Atlantis`, which does not exist",
    );
    for (start, end) in [(600, 600), (700, 600), (1_440, 1_500), (60, 2_881)] {
        let mut calendar = office("UTC");
        calendar.week[2].push((start, end));
        check_refused(
            &calendar,
            &format!("calendar `office` has a stretch from minute {start} to minute {end} of a day"),
        );
    }
    for (from, to) in [(day(2026, 2, 30), day(2026, 3, 1)), (day(2026, 3, 2), day(2026, 3, 1))] {
        let mut calendar = office("UTC");
        calendar.exceptions = vec![Exception { from, to, hours: Vec::new() }];
        check_refused(
            &calendar,
            "calendar `office` has an exception on days that do not exist or in the wrong order",
        );
    }
}

#[test]
fn what_lies_beyond_the_years_that_zones_know_is_refused() {
    let error = OpenTime::compile(&office("UTC"), Moment(0)..Moment(i64::MAX - 1)).unwrap_err();
    assert_eq!(error, CalendarError::Range { calendar: "office".to_owned() });
}

/// Ten days that hold a change of the clock of Berlin and one of New York.
const MODEL_MINUTES: i64 = 10 * 24 * 60;

/// Says of each minute whether it is open, by asking the clock on the wall.
fn minutes(calendar: &Calendar, from: Moment) -> Vec<bool> {
    let zone = TimeZoneDatabase::bundled().get(&calendar.zone).unwrap();
    let open = |minute: i64| {
        let wall = zone.to_datetime(Timestamp::from_millisecond(from.0 + minute * MINUTE).unwrap());
        let shown = u16::try_from(i32::from(wall.hour()) * 60 + i32::from(wall.minute())).unwrap();
        let on = |date: jiff::civil::Date, shown: u16| {
            let written = Day { year: date.year(), month: date.month(), day: date.day() };
            let exception = calendar.exceptions.iter().rev().find(|e| e.from <= written && written <= e.to);
            let weekday = usize::try_from(date.weekday().to_monday_zero_offset()).unwrap();
            let hours = exception.map_or(&calendar.week[weekday], |exception| &exception.hours);
            hours.iter().any(|(start, end)| *start <= shown && shown < *end)
        };
        on(wall.date(), shown) || on(wall.date().yesterday().unwrap(), shown + 1_440)
    };
    (0..MODEL_MINUTES).map(open).collect()
}

fn any_hours() -> impl Strategy<Value = Vec<(u16, u16)>> {
    prop::collection::vec((0_u16..1_440, 1_u16..700), 0..3)
        .prop_map(|hours| hours.into_iter().map(|(start, length)| (start, start + length)).collect())
}

fn any_calendar() -> impl Strategy<Value = Calendar> {
    let zone = prop::sample::select(vec![
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "Asia/Kolkata",
    ]);
    let exception = (1_i8..31, 0_i8..3, any_hours()).prop_map(|(first, more, hours)| Exception {
        from: day(2026, 10, first),
        to: day(2026, 10, (first + more).min(31)),
        hours,
    });
    (zone, prop::array::uniform7(any_hours()), prop::collection::vec(exception, 0..4)).prop_map(
        |(zone, week, exceptions)| Calendar {
            name: "any".to_owned(),
            zone: zone.to_owned(),
            week,
            exceptions,
            day: Span(8 * HOUR),
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn every_minute_is_as_the_wall_says(calendar in any_calendar(), hour in 0_i64..900, a in 0..MODEL_MINUTES, b in 0..MODEL_MINUTES) {
        // From the middle of September on: the clocks change on 2026-10-04, 2026-10-25 and 2026-11-01.
        let from = Moment(at("2026-09-25T00:00").0 + hour * HOUR);
        let to = Moment(from.0 + MODEL_MINUTES * MINUTE);
        let model = minutes(&calendar, from);
        let open = OpenTime::compile(&calendar, from..to).unwrap();
        let instant = |minute: usize| Moment(from.0 + i64::try_from(minute).unwrap() * MINUTE);
        let (a, b) = (usize::try_from(a.min(b)).unwrap(), usize::try_from(a.max(b)).unwrap());

        let passed = i64::try_from(model[a..b].iter().filter(|open| **open).count()).unwrap() * MINUTE;
        prop_assert_eq!(open.between(instant(a), instant(b)), Some(Span(passed)));

        let next = (a..model.len()).find(|minute| model[*minute]).map(instant);
        prop_assert_eq!(open.open_at_or_after(instant(a)), next);
        let last = (0..b).rev().find(|minute| model[*minute]).map(|minute| instant(minute + 1));
        prop_assert_eq!(open.open_at_or_before(instant(b)), last);

        let work = Span(i64::try_from(b - a).unwrap() * MINUTE / 3 + MINUTE);
        let mut left = work.0;
        let end = (a..model.len()).find(|minute| { left -= i64::from(model[*minute]) * MINUTE; left <= 0 });
        prop_assert_eq!(open.advance(instant(a), work), end.map(|minute| Moment(instant(minute + 1).0 + left)));
        let mut left = work.0;
        let start = (0..b).rev().find(|minute| { left -= i64::from(model[*minute]) * MINUTE; left <= 0 });
        prop_assert_eq!(open.retreat(instant(b), work), start.map(|minute| Moment(instant(minute).0 - left)));

        let whole = usize::try_from(work.0 / MINUTE).unwrap().min(600);
        let fits = |start: usize| start + whole <= model.len() && model[start..start + whole].iter().all(|open| *open);
        let length = Span(i64::try_from(whole).unwrap() * MINUTE);
        prop_assert_eq!(open.whole_at_or_after(instant(a), length), (a..model.len()).find(|start| fits(*start)).map(instant));
        let ends = (0..=b.saturating_sub(whole)).rev().find(|start| b >= whole && fits(*start));
        prop_assert_eq!(open.whole_at_or_before(instant(b), length), ends.map(|start| instant(start + whole)));
    }

    #[test]
    fn two_calendars_are_open_in_the_minutes_of_both(left in any_calendar(), right in any_calendar()) {
        let from = at("2026-10-20T00:00");
        let to = Moment(from.0 + MODEL_MINUTES * MINUTE);
        let compiled = [&left, &right].map(|calendar| OpenTime::compile(calendar, from..to).unwrap());
        let both = OpenTime::intersection(&[&compiled[0], &compiled[1]]);
        let model = minutes(&left, from).into_iter().zip(minutes(&right, from)).map(|(left, right)| left && right);
        let mut expected = Vec::new();
        for (minute, open) in (0..).zip(model) {
            if open {
                expected.push((Moment(from.0 + minute * MINUTE), Moment(from.0 + (minute + 1) * MINUTE)));
            }
        }
        prop_assert_eq!(both, OpenTime::new(expected, from, to));
    }

    #[test]
    fn advance_and_retreat_are_each_others_mirror(calendar in any_calendar(), minute in 0_i64..5_000, work in 1_i64..3_000) {
        let (from, work) = (at("2026-10-20T00:00"), Span(work * MINUTE));
        let open = OpenTime::compile(&calendar, from..Moment(from.0 + MODEL_MINUTES * MINUTE)).unwrap();
        let start = Moment(from.0 + minute * MINUTE);
        if let Some(end) = open.advance(start, work) {
            prop_assert_eq!(open.between(start, end), Some(work));
            let back = open.retreat(end, work).unwrap();
            prop_assert!(back >= start);
            prop_assert_eq!(open.advance(back, work), Some(end));
        }
    }
}
