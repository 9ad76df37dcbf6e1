//! Reads a calendar: the hours of its week, and the days that differ.

use jiff::tz::TimeZoneDatabase;
use myrmex_model::name::Name;
use myrmex_model::planning::{Calendar, Closure, Day, Hours, MINUTES_OF_DAY};
use myrmex_model::time::Length;

use super::keys::resources as keys;
use super::{Fields, Reader};
use crate::codes;
use crate::tree::{Entry, Node};

/// The days of a week as the language names them.
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Milliseconds of a minute.
const MINUTE_MS: u64 = 60_000;

impl Reader<'_> {
    pub(super) fn calendar(&mut self, name: Name, node: &Node) -> Option<Calendar> {
        let map = self.map(&format!("the calendar `{name}`"), node)?;
        let fields = self.fields(map, &keys::CALENDAR);
        let zone = fields.get("timezone").map_or(Some("UTC".to_owned()), |entry| self.zone(&entry.value));
        let week = fields.get("week").and_then(|entry| self.week(&entry.value));
        if !fields.has("week") {
            let message = format!("the calendar `{name}` needs `week`");
            self.report.refuse(codes::KEY_MISSING, node.place, message);
        }
        let mut exceptions =
            fields.get("holidays").map(|entry| self.holidays(&entry.value)).unwrap_or_default();
        if let Some(entry) = fields.get("exceptions") {
            exceptions.extend(self.exceptions(&entry.value));
        }
        let day = fields.get("day").map(|entry| self.limit("a `day`", &entry.value));
        let week = week?;
        let longest = week.iter().map(|hours| open_ms(hours)).max().unwrap_or(0);
        let day = match day {
            Some(day) => day?,
            None if longest == 0 => {
                // Hours that were refused may have been open.
                let is_empty = |day: &Entry| day.value.as_list().is_none_or(|hours| hours.items.is_empty());
                let said = fields.get("week").and_then(|entry| Some((entry, entry.value.as_map()?)));
                if let Some((entry, _)) = said.filter(|(_, days)| days.entries.iter().all(is_empty)) {
                    let message = format!("the calendar `{name}` is never open in a week");
                    let hint = "say with `day` how long `1d` is, if only its exceptions are open";
                    self.report.refuse_hint(codes::CALENDAR, entry.key.place, message, hint);
                }
                return None;
            }
            None => Length(longest),
        };
        Some(Calendar { name, zone: zone?, week, exceptions, day })
    }

    fn zone(&mut self, node: &Node) -> Option<String> {
        let text = self.fixed_text("`timezone`", node)?;
        let zones = TimeZoneDatabase::bundled();
        if zones.get(text).is_ok() {
            return Some(text.to_owned());
        }
        let known: Vec<String> = zones.available().map(|zone| zone.as_str().to_owned()).collect();
        // People know the city, and not always the continent.
        let city =
            |zone: &&String| zone.rsplit('/').next().is_some_and(|city| city.eq_ignore_ascii_case(text));
        let message = format!("there is no time zone `{text}`");
        if let Some(zone) = known.iter().find(city) {
            self.report.refuse_hint(codes::ZONE, node.place, message, format!("did you mean `{zone}`?"));
        } else {
            let words = known.iter().map(String::as_str);
            self.report.refuse_word(codes::ZONE, node.place, message, (text, words));
        }
        None
    }

    /// Reads `week`: hours by days and ranges of days. Returns nothing if a day was refused.
    fn week(&mut self, node: &Node) -> Option<[Vec<Hours>; 7]> {
        let mut week: [Vec<Hours>; 7] = Default::default();
        let map = self.map("`week`", node)?;
        let (mut said, mut is_whole) = ([false; 7], true);
        for Entry { key, value } in &map.entries {
            let Some((first, last)) = days_of(&key.text) else {
                let message = format!("`{}` is no day of a week, and no range of days", key.text);
                let near = self.report.nearest(&key.text.to_lowercase(), DAYS.into_iter());
                let short = key.text.get(..3).map(str::to_lowercase);
                let meant = DAYS.into_iter().find(|day| short.as_deref() == Some(*day)).or(near);
                let hint = meant
                    .map_or("write `mon`, or `mon-fri`".to_owned(), |day| format!("did you mean `{day}`?"));
                self.report.refuse_hint(codes::CALENDAR, key.place, message, hint);
                is_whole = false;
                continue;
            };
            let hours = self.hours(value);
            for day in first..=last {
                if std::mem::replace(&mut said[day], true) {
                    let message = format!("the hours of `{}` are said twice", DAYS[day]);
                    self.report.refuse(codes::CALENDAR, key.place, message);
                }
                week[day].clone_from(&hours);
            }
        }
        is_whole.then_some(week)
    }

    /// Reads open hours: texts such as `09:00-12:00`, in order and apart from each other.
    fn hours(&mut self, node: &Node) -> Vec<Hours> {
        let Some(list) = self.list("the hours of a day", node) else { return Vec::new() };
        let mut all: Vec<Hours> = Vec::with_capacity(list.items.len());
        for item in &list.items {
            let Some(text) = self.fixed_text("a stretch of hours", item) else { continue };
            let Some(hours) = parse_hours(text) else {
                let message = format!("`{text}` is not a stretch of hours such as `09:00-12:00`");
                self.report.refuse(codes::CALENDAR, item.place, message);
                continue;
            };
            if let Some(before) = all.last().filter(|before| before.to > hours.from) {
                let before = format!("{}-{}", clock(before.from), clock(before.to));
                let message = format!("`{text}` does not come after `{before}`");
                self.report.refuse(codes::CALENDAR, item.place, message);
                continue;
            }
            all.push(hours);
        }
        all
    }

    fn holidays(&mut self, node: &Node) -> Vec<Closure> {
        let Some(list) = self.list("`holidays`", node) else { return Vec::new() };
        let closed = |day: Day| Closure { from: day, to: day, hours: Vec::new() };
        list.items.iter().filter_map(|item| self.day("a holiday", item).map(closed)).collect()
    }

    fn exceptions(&mut self, node: &Node) -> Vec<Closure> {
        let Some(list) = self.list("`exceptions`", node) else { return Vec::new() };
        let mut all = Vec::with_capacity(list.items.len());
        for item in &list.items {
            let Some(map) = self.map("an exception", item) else { continue };
            let fields = self.fields(map, &keys::EXCEPTION);
            let hours = fields.get("hours").map(|entry| self.hours(&entry.value)).unwrap_or_default();
            all.extend(self.days(&fields, item).map(|(from, to)| Closure { from, to, hours }));
        }
        all
    }

    /// Reads `from` and `to` of days, which both count.
    pub(super) fn days(&mut self, fields: &Fields<'_>, node: &Node) -> Option<(Day, Day)> {
        let Some(entry) = fields.map.entry("from") else {
            self.report.refuse(codes::KEY_MISSING, node.place, "`from` is missing: the first day");
            return None;
        };
        let from = self.day("`from`", &entry.value);
        let to = fields.get("to").map(|entry| (self.day("`to`", &entry.value), entry.value.place));
        let from = from?;
        let Some((to, place)) = to else { return Some((from, from)) };
        let to = to?;
        if to < from {
            let message = format!("`to` is {to}, which is before `from`, {from}");
            self.report.refuse(codes::DATES, place, message);
            return None;
        }
        Some((from, to))
    }
}

fn open_ms(hours: &[Hours]) -> u64 {
    hours.iter().map(|hours| u64::from(hours.to - hours.from) * MINUTE_MS).sum()
}

/// Returns the first and the last day of `mon` or `mon-fri`.
fn days_of(text: &str) -> Option<(usize, usize)> {
    let place = |day: &str| DAYS.iter().position(|own| *own == day);
    let Some((first, last)) = text.split_once('-') else { return place(text).map(|day| (day, day)) };
    let (first, last) = (place(first)?, place(last)?);
    (first < last).then_some((first, last))
}

/// Reads `09:00-12:00`. An end that is not after the start lies on the next day.
fn parse_hours(text: &str) -> Option<Hours> {
    let (from, to) = text.split_once('-')?;
    let (from, to) = (minutes(from.trim())?, minutes(to.trim())?);
    let from = Some(from).filter(|from| *from < MINUTES_OF_DAY)?;
    let to = if to <= from { to + MINUTES_OF_DAY } else { to };
    // `09:00-09:00` is a slip of the pen; a whole day is `00:00-24:00`.
    (to - from < MINUTES_OF_DAY || from == 0 && to == MINUTES_OF_DAY).then_some(Hours { from, to })
}

fn minutes(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let number = |part: &str| {
        let is_number = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| part.parse::<u16>().ok()).flatten()
    };
    let (hour, minute) = (number(hour)?, number(minute)?);
    (minute < 60 && (hour < 24 || hour == 24 && minute == 0)).then_some(hour * 60 + minute)
}

fn clock(minutes: u16) -> String {
    let minutes = minutes % MINUTES_OF_DAY;
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}
