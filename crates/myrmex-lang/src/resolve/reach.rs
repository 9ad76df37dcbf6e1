//! Finds tasks that can never run, as far as that can be proved without running.

use std::collections::BTreeMap;

use myrmex_model::OrderedMap;
use myrmex_model::ir::Join;
use myrmex_model::outcome::{Outcome, OutcomeSet};

use super::Link;
use super::link::targets;
use crate::codes;
use crate::outline::{Scope, Target, Task, Verb};
use crate::report::Report;

/// Reports tasks of an acyclic graph that ask for outcomes which cannot come.
pub(super) fn check_graph(scope: &Scope, links: &[Link], report: &mut Report) {
    let mut incoming: Vec<Vec<&Link>> = vec![Vec::new(); scope.tasks.len()];
    for link in links {
        incoming[link.to as usize].push(link);
    }
    for (to, links) in incoming.iter().enumerate() {
        let task = &scope.tasks[to];
        let is_dead = |link: &&&Link| {
            let from = &scope.tasks[link.from as usize];
            let possible = possible_outcomes(from, !incoming[link.from as usize].is_empty());
            !link.on.iter().any(|outcome| possible.contains(outcome))
        };
        let dead: Vec<_> = links.iter().filter(is_dead).collect();
        let alive = links.len() - dead.len();
        match task.join.as_ref().map_or(Join::All, |join| join.value) {
            Join::All => {
                report_dead(scope, &dead, report);
                check_exclusive(scope, (&task.name.value, links), &incoming, report);
            }
            Join::AllLive if alive == 0 => report_dead(scope, &dead, report),
            Join::First(count) if (count as usize) > alive => {
                check_first(task, (count, links.len(), alive), report);
            }
            Join::AllLive | Join::First(_) => {}
        }
    }
}

/// Reports links whose outcomes cannot come.
fn report_dead(scope: &Scope, dead: &[&&Link], report: &mut Report) {
    for link in dead {
        let name = |index: u32| &scope.tasks[index as usize].name.value;
        let wanted: Vec<_> = link.on.iter().map(Outcome::as_str).collect();
        let (to, from, wanted) = (name(link.to), name(link.from), wanted.join(" or "));
        let message = format!("`{to}` can never run: `{from}` never ends as {wanted}");
        report.refuse(codes::TASK_DEAD, link.place, message);
    }
}

/// Reports a task that waits for more others than can come.
fn check_first(task: &Task, (count, all, alive): (u32, usize, usize), report: &mut Report) {
    let (name, Some(join)) = (&task.name, &task.join) else { return };
    let message = match (all, all - alive) {
        (0, _) => format!("`{}` can never run: `join` waits for {count}, and it needs no task", name.value),
        (all, 0) => format!("`{}` can never run: `join` waits for {count} of {all}", name.value),
        (all, _) => {
            format!(
                "`{}` can never run: `join` waits for {count} of {all}, only {alive} can come",
                name.value
            )
        }
    };
    report.refuse(codes::TASK_DEAD, join.place, message);
}

/// Returns the outcomes that a task can have.
fn possible_outcomes(task: &Task, has_links: bool) -> OutcomeSet {
    let mut possible = vec![Outcome::Failed, Outcome::Started];
    if task.each.is_some() || task.handlers.continues || !matches!(task.verb, Some(Verb::Fail(_))) {
        possible.push(Outcome::Succeeded);
    }
    if has_links || task.guard.is_some() {
        possible.push(Outcome::Skipped);
    }
    OutcomeSet::of(&possible)
}

/// Reports a task that needs the success of two tasks of which a `switch` lets only one run.
fn check_exclusive(
    scope: &Scope,
    (name, links): (&str, &[&Link]),
    incoming: &[Vec<&Link>],
    report: &mut Report,
) {
    let mut chosen: BTreeMap<u32, (Vec<u32>, u32)> = BTreeMap::new();
    // What the task itself is a case of has chosen it.
    let own = links.iter().filter(|link| !link.cases.is_empty());
    chosen.extend(own.map(|link| (link.from, (link.cases.clone(), link.to))));
    for link in links.iter().filter(|link| !link.on.contains(Outcome::Skipped)) {
        for choice in incoming[link.from as usize].iter().filter(|choice| !choice.cases.is_empty()) {
            let Some((cases, before)) = chosen.get_mut(&choice.from) else {
                chosen.insert(choice.from, (choice.cases.clone(), link.from));
                continue;
            };
            cases.retain(|case| choice.cases.contains(case));
            if cases.is_empty() {
                let other = |index: u32| &scope.tasks[index as usize].name.value;
                let message = format!(
                    "`{name}` can never run: `{}` lets only one of `{}` and `{}` run",
                    other(choice.from),
                    other(*before),
                    other(link.from)
                );
                let hint = "accept both outcomes: `[succeeded, skipped]`";
                report.refuse_hint(codes::TASK_DEAD, link.place, message, hint);
                return;
            }
        }
    }
}

/// Reports the first of each row of tasks of a flow to which nothing leads.
pub(super) fn check_flow(scope: &Scope, names: &OrderedMap<&str, u32>, report: &mut Report) {
    let mut is_reached = vec![false; scope.tasks.len()];
    let mut pending: Vec<usize> = if scope.tasks.is_empty() { Vec::new() } else { vec![0] };
    while let Some(index) = pending.pop() {
        if std::mem::replace(&mut is_reached[index], true) {
            continue;
        }
        let task = &scope.tasks[index];
        let mut goes_on = goes_on(task);
        for spot in targets(task) {
            if let Target::Task(name) = &spot.value {
                match names.get(name.as_str()) {
                    Some(to) => pending.push(*to as usize),
                    // Reported already; perhaps the next task was meant.
                    None => goes_on = true,
                }
            }
        }
        if goes_on && index + 1 < scope.tasks.len() {
            pending.push(index + 1);
        }
    }
    for (index, task) in scope.tasks.iter().enumerate() {
        if !is_reached[index] && index > 0 && is_reached[index - 1] {
            let message = format!("`{}` can never run: nothing goes on to it", task.name.value);
            let before = &scope.tasks[index - 1].name;
            let diagnostic = report.error(codes::TASK_DEAD, task.name.place, message);
            let label = format!("`{}` goes on elsewhere", before.value);
            report.push(diagnostic.with_related(report.span(before.place), label));
        }
    }
}

/// Returns whether the token can go from a task to the one after it.
fn goes_on(task: &Task) -> bool {
    let jumps = match &task.verb {
        // A `switch` without a case that holds is an error, which may be passed over.
        Some(Verb::Switch(_)) => !task.handlers.continues,
        Some(Verb::Fail(_)) => !task.handlers.continues || task.then.is_some(),
        Some(
            Verb::Run(_)
            | Verb::Set(_)
            | Verb::Wait(_)
            | Verb::Await(_)
            | Verb::Block(_)
            | Verb::Call(_)
            | Verb::Use(_),
        ) => task.then.is_some(),
        // Its cases may have been refused; then nothing is proved.
        None => false,
    };
    !jumps || task.guard.is_some() || task.each.is_some() && task.then.is_none()
}
