//! The ledger against the events: every effect was allowed, every recorded outcome was earned, nothing is done again.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::Expected;
use super::breach::{Breach, Invariant};
use super::export::{Event, Export};
use super::ledger::{Entry, Ledger, Mark};

/// Where the lines of one attempt stand in the ledger.
#[derive(Default)]
struct Traces {
    start: Option<usize>,
    end: Option<usize>,
}

/// A run and a token of it, which names one attempt.
type Attempt<'a> = (&'a str, u64);

/// Checks the ledger against the events.
pub(super) fn check(export: &Export, ledger: &Ledger, expected: &Expected) -> Vec<Breach> {
    let granted: HashMap<Attempt<'_>, usize> = attempts(export, "attempt.granted").collect();
    let mut breaches = Vec::new();
    let mut traces: HashMap<Attempt<'_>, Traces> = HashMap::new();
    for (index, entry) in ledger.entries.iter().enumerate() {
        let key = (entry.run.as_str(), entry.token);
        let grant = granted.get(&key).map(|index| &export.events[*index]);
        breaches.extend(check_entry(entry, grant));
        let trace = traces.entry(key).or_default();
        let place = match entry.mark {
            Mark::Start => &mut trace.start,
            Mark::End => &mut trace.end,
        };
        if let Some(before) = place.replace(index) {
            let message = format!("the attempt of token {} did its work twice", entry.token);
            let lines = [before, index].map(|index| ledger.entries[index].line.clone());
            breaches.push(Breach::new(Invariant::NoRepetition, message).showing(lines));
        }
    }
    breaches.extend(check_origins(export));
    breaches.extend(check_repetition(export, ledger, &granted));
    if expected.keeps_ledger {
        breaches.extend(check_outcomes(export, &traces));
        breaches.extend(check_overlap(export, ledger, &granted));
    }
    breaches
}

fn attempts<'a>(export: &'a Export, kind: &'static str) -> impl Iterator<Item = (Attempt<'a>, usize)> {
    let events = export.events.iter().enumerate().filter(move |(_, event)| event.kind == kind);
    events.filter_map(|(index, event)| Some(((event.run.as_str(), event.token?), index)))
}

/// An effect needs a recorded grant that says the same of it.
fn check_entry(entry: &Entry, grant: Option<&Event>) -> Option<Breach> {
    let message = match grant {
        None => {
            format!("`{}` had an effect under token {}, which was never granted", entry.task, entry.token)
        }
        Some(grant) => {
            let says_same =
                grant.path.as_deref() == Some(&entry.task) && grant.attempt == Some(entry.attempt);
            if says_same {
                return None;
            }
            format!("token {} was granted to something else than `{}`", entry.token, entry.task)
        }
    };
    let lines = [entry.line.clone()].into_iter().chain(grant.map(|grant| grant.line.clone()));
    Some(Breach::new(Invariant::GrantBeforeEffect, message).showing(lines))
}

/// After the recorded success of a task no later token of it may begin to work. Tokens grow, so they tell later.
fn check_repetition(export: &Export, ledger: &Ledger, granted: &HashMap<Attempt<'_>, usize>) -> Vec<Breach> {
    let mut succeeded: HashMap<(&str, &str), usize> = HashMap::new();
    for (index, event) in
        export.events.iter().enumerate().filter(|(_, event)| event.end() == Some("succeeded"))
    {
        if let Some(task) = event.task.as_deref() {
            succeeded.entry((event.run.as_str(), task)).or_insert(index);
        }
    }
    let mut breaches = Vec::new();
    for entry in ledger.entries.iter().filter(|entry| entry.mark == Mark::Start) {
        let grant = granted.get(&(entry.run.as_str(), entry.token)).map(|index| &export.events[*index]);
        let Some(task) = grant.and_then(|grant| grant.task.as_deref()) else { continue };
        let Some(success) = succeeded.get(&(entry.run.as_str(), task)).map(|index| &export.events[*index])
        else {
            continue;
        };
        if Some(entry.token) > success.token {
            let message = format!("`{task}` has succeeded and runs again");
            let lines = [success.line.clone(), entry.line.clone()];
            breaches.push(Breach::new(Invariant::NoRepetition, message).showing(lines));
        }
    }
    breaches
}

/// A success that was taken over was recorded before, of a process of its own.
fn check_origins(export: &Export) -> Vec<Breach> {
    let mut earned: HashSet<(&str, &str)> = HashSet::new();
    let mut breaches = Vec::new();
    for event in export.events.iter().filter(|event| event.end() == Some("succeeded")) {
        match event.origin() {
            None => {
                earned.extend(event.task.as_deref().map(|task| (event.run.as_str(), task)));
            }
            Some(origin) if earned.contains(&origin) => {}
            Some((run, task)) => {
                let message =
                    format!("the success of `{task}` of run {run} was taken over before it was recorded");
                let breach = Breach::new(Invariant::OutcomeInLedger, message);
                breaches.push(breach.showing([event.line.clone()]));
            }
        }
    }
    breaches
}

/// A success has both lines in the ledger, one that was taken over none, any other end of a process its first.
fn check_outcomes(export: &Export, traces: &HashMap<Attempt<'_>, Traces>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for event in &export.events {
        let (Some(end), Some(token)) = (event.end(), event.token) else { continue };
        let trace = traces.get(&(event.run.as_str(), token));
        let (has_start, has_end) =
            trace.map_or((false, false), |trace| (trace.start.is_some(), trace.end.is_some()));
        let is_earned = match end {
            "succeeded" if event.origin().is_some() => !has_start,
            "succeeded" => has_start && has_end,
            "failed" | "timed_out" => has_start,
            // Whether a lost or stopped attempt ever began is not known.
            _ => true,
        };
        if !is_earned {
            let task = event.task.as_deref().unwrap_or_default();
            let than = if event.origin().is_some() { "more" } else { "less" };
            let message =
                format!("`{task}` is recorded as {end} under token {token}, the ledger knows {than}");
            let breach = Breach::new(Invariant::OutcomeInLedger, message);
            breaches.push(breach.showing([event.line.clone()]));
        }
    }
    breaches
}

/// Two attempts of a task may be alive at a time only if the earlier one is recorded as lost.
fn check_overlap(export: &Export, ledger: &Ledger, granted: &HashMap<Attempt<'_>, usize>) -> Vec<Breach> {
    let ends: HashMap<Attempt<'_>, usize> = attempts(export, "attempt.ended").collect();
    let mut begun: BTreeMap<(&str, &str), (u64, usize)> = BTreeMap::new();
    let mut breaches = Vec::new();
    for (index, entry) in ledger.entries.iter().enumerate() {
        let grant = granted.get(&(entry.run.as_str(), entry.token)).map(|index| &export.events[*index]);
        let Some(task) = grant.and_then(|grant| grant.task.as_deref()) else { continue };
        let key = (entry.run.as_str(), task);
        match entry.mark {
            Mark::Start => {
                let later = begun.get(&key).filter(|(token, _)| *token > entry.token);
                breaches.extend(later.map(|(token, at)| {
                    let message = format!("`{task}` begins under token {} after token {token}", entry.token);
                    let lines = [*at, index].map(|index| ledger.entries[index].line.clone());
                    Breach::new(Invariant::NoOverlap, message).showing(lines)
                }));
                begun.insert(key, (entry.token, index));
            }
            Mark::End => {
                let Some((_, at)) = begun.get(&key).filter(|(token, _)| *token > entry.token) else {
                    continue;
                };
                let end = ends.get(&(entry.run.as_str(), entry.token)).map(|index| &export.events[*index]);
                if end.and_then(Event::end) != Some("lost") {
                    let message = format!("two attempts of `{task}` were at work at a time");
                    let lines = [*at, index].map(|index| ledger.entries[index].line.clone());
                    breaches.push(Breach::new(Invariant::NoOverlap, message).showing(lines));
                }
            }
        }
    }
    breaches
}
