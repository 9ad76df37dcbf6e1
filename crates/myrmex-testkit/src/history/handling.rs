//! What follows bodies and limits: `finally` always runs, and nothing begins where the time is over.

use std::collections::{BTreeMap, BTreeSet};

use super::Expected;
use super::breach::{Breach, Invariant};
use super::export::{Event, Export};

/// A run, and a task in it; the run itself where there is none.
type Subject<'a> = (&'a str, &'a str);

/// Checks all events in one pass.
pub(super) fn check(export: &Export, expected: &Expected) -> Vec<Breach> {
    let mut breaches = check_limits(export);
    breaches.extend(check_finally(export, expected));
    breaches
}

fn subject(event: &Event) -> Subject<'_> {
    (event.run.as_str(), event.task.as_deref().unwrap_or_default())
}

fn word<'a>(event: &'a Event, field: &str) -> &'a str {
    event.data.get(field).and_then(serde_json::Value::as_str).unwrap_or_default()
}

/// Checks that no attempt is granted inside a scope between the end of its time and what follows that.
fn check_limits(export: &Export) -> Vec<Breach> {
    let mut closed: BTreeMap<Subject<'_>, usize> = BTreeMap::new();
    let mut breaches = Vec::new();
    for (index, event) in export.events.iter().enumerate() {
        match event.kind.as_str() {
            "limit.reached" if word(event, "limit") != "queue" => {
                closed.insert(subject(event), index);
            }
            "attempt.granted" => {
                let (run, task) = subject(event);
                let around =
                    closed.iter().find(|((other, scope), _)| *other == run && is_inside(scope, task));
                if let Some(((_, scope), reached)) = around {
                    let message = format!("`{task}` is granted after the time of `{scope}` was over");
                    let shown = [*reached, index].map(|index| export.events[index].line.clone());
                    breaches.push(Breach::new(Invariant::LimitsHold, message).showing(shown));
                }
            }
            "task.entered" | "task.expanded" | "task.queued" | "child.called" | "handler.entered" => {
                closed.remove(&subject(event));
            }
            _ if event.to.is_terminal() => {
                closed.remove(&subject(event));
            }
            _ => {}
        }
    }
    breaches
}

/// Returns whether `task` is `scope` or inside it, and not in a `finally` there, which is shielded.
fn is_inside(scope: &str, task: &str) -> bool {
    let rest = match task.strip_prefix(scope) {
        Some(rest) if scope.is_empty() || rest.is_empty() || rest.starts_with(['/', '[', '~']) => rest,
        Some(_) | None => return false,
    };
    !rest.split('/').any(|level| level == "finally" || level.starts_with("finally["))
}

/// Checks that each task that has a `finally` and began had it run before it ended. A second cancel of the run spares
/// nothing.
fn check_finally(export: &Export, expected: &Expected) -> Vec<Breach> {
    let mut began: BTreeMap<Subject<'_>, usize> = BTreeMap::new();
    let mut finished: BTreeSet<Subject<'_>> = BTreeSet::new();
    let mut cancels: BTreeMap<&str, u32> = BTreeMap::new();
    let mut breaches = Vec::new();
    for (index, event) in export.events.iter().enumerate() {
        let subject = subject(event);
        match event.kind.as_str() {
            "cancel.requested" if event.task.is_none() && word(event, "by") != "myrmex" => {
                *cancels.entry(subject.0).or_default() += 1;
            }
            "attempt.granted" | "task.entered" | "task.expanded" | "timer.armed" | "child.called" => {
                began.entry(subject).or_insert(index);
            }
            "handler.entered" if word(event, "handler") == "finally" => {
                finished.insert(subject);
            }
            _ => {}
        }
        let has_finally = event.path.as_deref().is_some_and(|path| expected.finally.contains(path));
        let is_end = event.to.is_terminal() && has_finally;
        let is_spared = cancels.get(subject.0).is_none_or(|cancels| *cancels < 2);
        if let Some(first) = began.get(&subject).filter(|_| is_end && is_spared)
            && !finished.contains(&subject)
        {
            let message = format!("`{}` began and ended without its `finally`", subject.1);
            let breach = Breach::new(Invariant::FinallyRuns, message);
            breaches.push(breach.between(export, *first, index));
        }
    }
    breaches
}
