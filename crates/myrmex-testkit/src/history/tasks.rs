//! The life of each task and each run by its events alone: transitions, outcomes, attempts, edges, ends.

use std::collections::BTreeMap;

use myrmex_model::status::Status;

use super::Expected;
use super::breach::{Breach, Invariant};
use super::export::{Event, Export};

/// A run, and a task in it; the run itself where there is none.
type Subject<'a> = (&'a str, Option<&'a str>);

/// What is known of a subject so far.
struct Life {
    first: usize,
    last: usize,
    status: Status,
    /// The attempt that was granted and has not ended: its token and its event.
    open: Option<(u64, usize)>,
    token: u64,
    grants: u32,
    losses: u32,
}

/// Checks all subjects in one pass over the events, and what must hold at the end.
pub(super) fn check(export: &Export, expected: &Expected) -> Vec<Breach> {
    let mut lives: BTreeMap<Subject<'_>, Life> = BTreeMap::new();
    let mut breaches = Vec::new();
    for (index, event) in export.events.iter().enumerate() {
        let subject = (event.run.as_str(), event.task.as_deref());
        if subject.1.is_some()
            && let Some(run) = lives.get(&(subject.0, None)).filter(|run| run.status.is_terminal())
        {
            let message = format!("run {} is over and its task goes on", event.run);
            let shown = [run.last, index].map(|index| export.events[index].line.clone());
            breaches.push(Breach::new(Invariant::LegalTransitions, message).showing(shown));
        }
        let life = lives.entry(subject).or_insert_with(|| Life::begin(index));
        let found = step(life, event);
        let name =
            event.task.as_deref().map_or_else(|| format!("run {}", event.run), |task| format!("`{task}`"));
        breaches.extend(found.into_iter().map(|(invariant, first, text)| {
            Breach::new(invariant, format!("{name} {text}")).between(
                export,
                first.unwrap_or(life.last),
                index,
            )
        }));
        life.follow(index, event);
    }
    breaches.extend(check_ends(export, &lives, expected));
    breaches.extend(check_edges(export, &lives, expected));
    breaches
}

impl Life {
    fn begin(first: usize) -> Self {
        Self { first, last: first, status: Status::Pending, open: None, token: 0, grants: 0, losses: 0 }
    }

    fn follow(&mut self, index: usize, event: &Event) {
        (self.last, self.status) = (index, event.to);
        match (event.kind.as_str(), event.token) {
            ("attempt.granted", Some(token)) => {
                (self.open, self.token) = (Some((token, index)), token);
                self.grants += 1;
            }
            ("attempt.ended", _) => {
                self.open = None;
                // An attempt that was stopped before its time, for an interruption, is no more its fault than a loss.
                self.losses += u32::from(matches!(event.end(), Some("lost" | "stopped")));
            }
            _ => {}
        }
    }
}

/// Returns what is wrong with the next event of a life, and the first event that shows it.
fn step(life: &Life, event: &Event) -> Vec<(Invariant, Option<usize>, String)> {
    let mut wrong = Vec::new();
    if life.status.is_terminal() {
        let invariant = match event.to {
            Status::Succeeded => Invariant::OneOutcome,
            _ => Invariant::LegalTransitions,
        };
        wrong.push((invariant, None, format!("is {} and goes on", life.status)));
    } else if event.from != life.status {
        let text = format!("is {} and an event begins at {}", life.status, event.from);
        wrong.push((Invariant::LegalTransitions, None, text));
    } else if !is_legal(event.from, event.to) && !is_skipped_child(event) {
        wrong.push((Invariant::LegalTransitions, None, format!("goes from {} to {}", event.from, event.to)));
    }
    match (event.kind.as_str(), event.token, life.open) {
        ("attempt.granted", Some(token), open) => {
            if let Some((other, at)) = open {
                let text = format!("is granted again while the attempt of token {other} has no recorded end");
                wrong.push((Invariant::NoOverlap, Some(at), text));
            }
            if token <= life.token {
                let text = format!("is granted token {token} after token {}", life.token);
                wrong.push((Invariant::NoOverlap, None, text));
            }
        }
        ("attempt.ended", Some(token), Some((open, at))) if token != open => {
            let text = format!("has the outcome of token {token} while token {open} is granted");
            wrong.push((Invariant::NoOverlap, Some(at), text));
        }
        ("attempt.ended", _, None) => {
            wrong.push((Invariant::OneOutcome, None, "has an outcome without an open attempt".to_owned()));
        }
        _ if event.to.is_terminal() && life.open.is_some() => {
            let text = format!("is {} while an attempt has no recorded end", event.to);
            wrong.push((Invariant::OneOutcome, life.open.map(|(_, at)| at), text));
        }
        _ => {}
    }
    wrong
}

/// A task whose child run was skipped is skipped with it, although it has called it.
fn is_skipped_child(event: &Event) -> bool {
    event.kind == "task.skipped" && event.data.get("why").is_some_and(|why| why == "child")
}

fn is_legal(from: Status, to: Status) -> bool {
    match from {
        Status::Pending => !matches!(to, Status::Compensated | Status::Stuck),
        Status::Running | Status::Waiting => to != Status::Skipped,
        Status::Stuck => true,
        Status::Succeeded
        | Status::Failed
        | Status::Cancelled
        | Status::TimedOut
        | Status::Compensated
        | Status::Skipped => false,
    }
}

fn check_ends(export: &Export, lives: &BTreeMap<Subject<'_>, Life>, expected: &Expected) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for ((run, task), life) in lives {
        let name = task.map_or_else(|| format!("run {run}"), |task| format!("`{task}`"));
        if expected.is_over && !life.status.is_terminal() {
            let message = format!("{name} is {} at the end", life.status);
            breaches.push(Breach::new(Invariant::ReachesEnd, message).between(export, life.last, life.last));
        }
        let path = export.events[life.last].path.as_deref().unwrap_or_default();
        let allowed = expected.attempts_max.get(&without_keys(path)).copied().unwrap_or(1) + life.losses;
        if life.grants > allowed {
            let message = format!("{name} was granted {} attempts of {allowed}", life.grants);
            let breach = Breach::new(Invariant::AttemptsBounded, message);
            breaches.push(breach.between(export, life.first, life.last));
        }
    }
    breaches
}

/// Checks that a task that was not skipped began after the success of each task it needs.
fn check_edges(export: &Export, lives: &BTreeMap<Subject<'_>, Life>, expected: &Expected) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let runs: Vec<&str> = lives.keys().filter(|(_, task)| task.is_none()).map(|(run, _)| *run).collect();
    for (run, (from, to)) in runs.iter().flat_map(|run| expected.edges.iter().map(move |edge| (run, edge))) {
        let Some(after) = lives.get(&(*run, Some(to.as_str()))) else { continue };
        if matches!(after.status, Status::Skipped | Status::Cancelled) && after.grants == 0 {
            continue;
        }
        let before = lives.get(&(*run, Some(from.as_str())));
        let is_kept =
            before.is_some_and(|before| before.status == Status::Succeeded && before.last < after.first);
        if !is_kept {
            let message = format!("`{to}` begins before `{from}` has succeeded");
            let indices = [Some(after.first), before.map(|before| before.last)];
            let shown = indices.into_iter().flatten().map(|index| export.events[index].line.clone());
            breaches.push(Breach::new(Invariant::EdgesHold, message).showing(shown));
        }
    }
    breaches
}

/// Returns the path without the keys of items.
fn without_keys(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    let mut is_key = false;
    for character in path.chars() {
        is_key |= character == '[';
        if !is_key {
            text.push(character);
        }
        is_key &= character != ']';
    }
    text
}
