//! The order of a log: no gaps, heads, and growth at the end alone.

use std::collections::{BTreeMap, HashSet};

use super::breach::{Breach, Invariant};
use super::export::{Export, Head};

/// Checks that each log counts from 1 without gaps and that every commit batch is closed by a head.
pub(super) fn check(export: &Export) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let mut last_by_log: BTreeMap<u64, u64> = BTreeMap::new();
    for (index, event) in export.events.iter().enumerate() {
        let last = last_by_log.entry(event.log).or_default();
        if event.sequence != *last + 1 {
            let message = format!("log {} goes from sequence {last} to {}", event.log, event.sequence);
            let before = export.events[..index].iter().rev().find(|other| other.log == event.log);
            let lines = before.into_iter().chain([event]).map(|event| event.line.clone());
            breaches.push(Breach::new(Invariant::HistoryGrows, message).showing(lines));
        }
        *last = event.sequence;
    }
    breaches.extend(check_heads(&export.heads, &last_by_log));
    breaches
}

fn check_heads(heads: &[Head], last_by_log: &BTreeMap<u64, u64>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let mut closed: BTreeMap<u64, &Head> = BTreeMap::new();
    let mut seen = HashSet::new();
    for head in heads {
        let before = closed.insert(head.log, head);
        let wrong = if before.is_some_and(|before| before.sequence >= head.sequence) {
            Some("does not come after the one before")
        } else if head.head.is_empty() || !head.head.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            Some("is no hash")
        } else if !seen.insert(head.head.as_str()) {
            Some("stood for another batch before")
        } else {
            None
        };
        if let Some(wrong) = wrong {
            let message = format!("the head at sequence {} of log {} {wrong}", head.sequence, head.log);
            let lines = before.into_iter().chain([head]).map(|head| head.line.clone());
            breaches.push(Breach::new(Invariant::HistoryGrows, message).showing(lines));
        }
    }
    for (log, last) in last_by_log {
        let end = closed.get(log).map_or(0, |head| head.sequence);
        if end != *last {
            let message = format!("log {log} ends at sequence {last}, its chain at {end}");
            breaches.push(Breach::new(Invariant::HistoryGrows, message));
        }
    }
    breaches
}

/// Checks that `later` begins with all of `earlier`, line by line.
pub fn compare(earlier: &Export, later: &Export) -> Vec<Breach> {
    let (old, new) = (lines_by_log(earlier), lines_by_log(later));
    let mut breaches = Vec::new();
    for (log, old) in &old {
        let new = new.get(log).map_or(&[][..], Vec::as_slice);
        let differs = old.iter().enumerate().find(|(index, line)| new.get(*index) != Some(*line));
        if let Some((index, line)) = differs {
            let (what, now) = match new.get(index) {
                Some(now) => ("has changed", Some(now)),
                None => ("has vanished", None),
            };
            let message = format!("line {} of log {log} {what}", index + 1);
            let lines = [*line].into_iter().chain(now.copied()).map(str::to_owned);
            breaches.push(Breach::new(Invariant::HistoryGrows, message).showing(lines));
        }
    }
    breaches
}

/// Returns the lines of each log: events, then at the same sequence the head.
fn lines_by_log(export: &Export) -> BTreeMap<u64, Vec<&str>> {
    let mut places: BTreeMap<u64, Vec<(u64, bool, &str)>> = BTreeMap::new();
    for event in &export.events {
        places.entry(event.log).or_default().push((event.sequence, false, &event.line));
    }
    for head in &export.heads {
        places.entry(head.log).or_default().push((head.sequence, true, &head.line));
    }
    let lines = places.into_iter().map(|(log, mut lines)| {
        lines.sort_by_key(|(sequence, is_head, _)| (*sequence, *is_head));
        (log, lines.into_iter().map(|(_, _, line)| line).collect())
    });
    lines.collect()
}

/// Checks that each of `lines`, which somebody was shown as acknowledged, is in the export as it was shown.
pub fn contains_lines<'a>(export: &Export, lines: impl IntoIterator<Item = &'a str>) -> Vec<Breach> {
    let there: HashSet<&str> = export.events.iter().map(|event| event.line.as_str()).collect();
    let lost = lines.into_iter().filter(|line| !there.contains(line));
    let breach = |line: &str| {
        let message = "an acknowledged event is not in the export".to_owned();
        Breach::new(Invariant::AcknowledgedIsThere, message).showing([line.to_owned()])
    };
    lost.map(breach).collect()
}
