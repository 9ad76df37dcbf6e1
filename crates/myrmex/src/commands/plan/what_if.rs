//! `--what-if`: a plan of something that is a little different, and what that changes.

use std::collections::BTreeMap;
use std::str::FromStr;

use myrmex_model::planning::{Date, Extent, Money};
use myrmex_plan::lower::Given;
use myrmex_plan::make::Plan;
use myrmex_plan::outcome::Planned;
use myrmex_plan::problem::{Fact, Kind, Problem, Task, TaskId};
use serde_json::{Value, json};

use super::why::NOT_EXPECTED;
use crate::exit::{Failure, FailureCode};
use crate::render::plan::section::Section;
use crate::render::plan::shown::{View, listed};
use crate::render::table::Side;

/// One difference: `build=2d`, `pools.gpu=2`, `people.ada=0.5`, `deadline=2027-01-11`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WhatIf {
    /// What is different.
    key: String,
    /// How.
    value: String,
}

impl FromStr for WhatIf {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // Keys of items may have a `=` in them.
        let (key, value) = text.rsplit_once('=').ok_or("write it as KEY=VALUE, such as build=2d")?;
        Ok(Self { key: key.to_owned(), value: value.to_owned() })
    }
}

/// Shows what was asked for in one line.
pub(super) fn scenario(all: &[WhatIf]) -> String {
    let texts = all.iter().map(|one| format!("{}={}", one.key, one.value));
    let texts: Vec<String> = texts.collect();
    if texts.is_empty() { "base".to_owned() } else { texts.join(" ") }
}

/// Adds what is different to what is given anyway.
///
/// # Errors
///
/// Returns [`Failure`] if a value does not fit its key.
pub(super) fn given(all: &[WhatIf], mut given: Given) -> Result<Given, Failure> {
    for one in all {
        match one.part_of()? {
            Part::Pool(name, units) => {
                given.pools.insert(name.to_owned(), units);
            }
            Part::Person(name, units) => {
                given.people.insert(name.to_owned(), units);
            }
            Part::Task(path, length) => {
                given.lengths.insert(path.to_owned(), length);
            }
            Part::Start(date) => given.start = Some(date),
            Part::Deadline(date) => given.deadline = Some(date),
        }
    }
    Ok(given)
}

/// What of a plan is different.
enum Part<'w> {
    Pool(&'w str, u32),
    Person(&'w str, u32),
    Task(&'w str, Extent),
    Start(Date),
    Deadline(Date),
}

impl WhatIf {
    fn part_of(&self) -> Result<Part<'_>, Failure> {
        let whole = self.key.as_str();
        match (self.key.split_once('.'), self.value.parse::<Date>()) {
            (Some(("pools", name)), _) => {
                let units = self.value.parse().ok().filter(|units| *units > 0);
                Ok(Part::Pool(name, units.ok_or_else(|| self.wrong("a number from 1 on"))?))
            }
            (Some(("people", name)), _) => Ok(Part::Person(name, self.part()?)),
            (Some(("tasks", path)), _) => Ok(Part::Task(path, self.extent("a duration such as 2d or 90m")?)),
            (_, Ok(date)) if whole == "start" => Ok(Part::Start(date)),
            (_, Ok(date)) if whole == "deadline" => Ok(Part::Deadline(date)),
            _ => {
                // Tasks may have these names too.
                let is_date = matches!(whole, "start" | "deadline");
                let wanted =
                    if is_date { "a date such as 2027-01-11" } else { "a duration such as 2d or 90m" };
                Ok(Part::Task(whole, self.extent(wanted)?))
            }
        }
    }

    /// Checks that there is what it names in the problem that it was made with.
    ///
    /// # Errors
    ///
    /// Returns [`Failure`] if it names nothing, or something for which it means nothing.
    pub(super) fn check(&self, problem: &Problem) -> Result<(), Failure> {
        match self.part_of()? {
            Part::Pool(name, _) => {
                // What stands for a lock or a limit has a colon in its name.
                let is_there = problem.pools.iter().any(|pool| pool.name == name) && !name.contains(':');
                if is_there { Ok(()) } else { Err(self.unknown("pool")) }
            }
            Part::Person(name, _) => {
                let mut people = problem.people.iter().filter(|person| !person.is_placeholder);
                if people.any(|person| person.name == name) { Ok(()) } else { Err(self.unknown("person")) }
            }
            Part::Task(path, _) => {
                let mut tasks = problem.tasks.iter().filter(|task| task.kind != Kind::Joint);
                let task = tasks.find(|task| task.name == path).ok_or_else(|| self.unknown("task"))?;
                self.check_task(problem, task)
            }
            Part::Start(_) | Part::Deadline(_) => Ok(()),
        }
    }

    fn check_task(&self, problem: &Problem, task: &Task) -> Result<(), Failure> {
        let name = |id: TaskId| {
            let name = problem.tasks[id.at()].name.as_str();
            name.rsplit_once(':').map_or(name, |(block, _)| block)
        };
        let reason = match (task.fact, task.spans, task.kind) {
            (Fact::Dropped, _, _) => format!("{NOT_EXPECTED}, however long it lasts"),
            (_, Some((from, to)), _) => {
                format!("lasts from the start of `{}` to the end of `{}`", name(from), name(to))
            }
            (_, None, Kind::Milestone) if problem.phases.iter().any(|phase| phase.name == task.name) => {
                "is a phase, which lasts as long as what is in it".to_owned()
            }
            (_, None, Kind::Milestone) => "is a milestone, which takes no time".to_owned(),
            (_, None, Kind::Automated | Kind::Manual | Kind::Decision | Kind::Joint) => return Ok(()),
        };
        let message =
            format!("`--what-if {}={}` means nothing: `{}` {reason}", self.key, self.value, task.name);
        Err(Failure::new(FailureCode::Inputs, message))
    }

    /// Reads how long a task lasts.
    fn extent(&self, wanted: &str) -> Result<Extent, Failure> {
        let extent: Extent = self.value.parse().map_err(|_| self.wrong(wanted))?;
        if extent.is_lead() { Err(self.wrong("a duration from zero on")) } else { Ok(extent) }
    }

    /// Reads a part of a person, in thousandths.
    fn part(&self) -> Result<u32, Failure> {
        let wrong = || self.wrong("a number from 0.001 to 1, such as 0.5");
        let (whole, part) = self.value.split_once('.').unwrap_or((&self.value, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(part) || part.len() > 3 || whole.len() > 1 {
            return Err(wrong());
        }
        let whole: u32 = whole.parse().map_err(|_| wrong())?;
        let part: u32 = format!("{part:0<3}").parse().map_err(|_| wrong())?;
        Some(whole * 1_000 + part).filter(|units| (1..=1_000).contains(units)).ok_or_else(wrong)
    }

    fn unknown(&self, what: &str) -> Failure {
        let message = format!("`--what-if {}={}` names no {what} of the plan", self.key, self.value);
        Failure::new(FailureCode::Inputs, message).with_hint(
            "give a task's path or `tasks.PATH`, `pools.NAME`, `people.NAME`, `start` or `deadline`",
        )
    }

    fn wrong(&self, wanted: &str) -> Failure {
        let message = format!("`{}` is not {wanted}, which `--what-if {}` takes", self.value, self.key);
        Failure::new(FailureCode::Inputs, message)
    }
}

/// The plan of what is not different.
#[derive(Debug, Clone, Copy)]
pub(super) struct Before<'p> {
    /// What was planned.
    pub(super) problem: &'p Problem,
    /// Its plan.
    pub(super) plan: &'p Plan,
}

impl<'p> Before<'p> {
    /// Returns the tasks that have dates, by their paths.
    fn tasks(self) -> impl Iterator<Item = (&'p str, &'p Planned)> {
        let tasks = self.problem.tasks.iter().zip(&self.plan.outcome.tasks);
        tasks
            .filter(|(task, _)| task.kind != Kind::Joint && task.fact != Fact::Dropped)
            .map(|(task, planned)| (task.name.as_str(), planned))
    }
}

/// What a difference does to the tasks.
struct Changes<'p> {
    /// Which begin or end elsewhere, by how many milliseconds, the most first.
    moved: Vec<(&'p str, i64, i64)>,
    /// Which are only in the plan that is different.
    added: Vec<&'p str>,
    /// Which are only in the other one.
    removed: Vec<&'p str>,
}

fn changes<'p>(before: Before<'p>, after: Before<'p>) -> Changes<'p> {
    let mut known: BTreeMap<&str, &Planned> = before.tasks().collect();
    let (mut moved, mut added) = (Vec::new(), Vec::new());
    for (name, after) in after.tasks() {
        match known.remove(name) {
            Some(before) => {
                moved.push((name, after.start.0 - before.start.0, after.finish.0 - before.finish.0));
            }
            None => added.push(name),
        }
    }
    moved.retain(|(_, start, finish)| *start != 0 || *finish != 0);
    moved.sort_by_key(|(_, start, finish)| std::cmp::Reverse(start.abs().max(finish.abs())));
    let removed = before.tasks().map(|(name, _)| name).filter(|name| known.contains_key(name)).collect();
    Changes { moved, added, removed }
}

/// Says what a difference changes.
pub(super) fn section(view: &View<'_>, before: Before<'_>) -> Section {
    let after = Before { problem: view.problem, plan: view.plan };
    let finish = after.plan.outcome.finish.0 - before.plan.outcome.finish.0;
    let mut lines = vec![match finish {
        0 => "all ends at the same time".to_owned(),
        later if later > 0 => format!("all ends {} later", view.length(later)),
        earlier => format!("all ends {} earlier", view.length(-earlier)),
    }];
    let cost = after.plan.costs.total.0 - before.plan.costs.total.0;
    if cost != 0 {
        let word = if cost > 0 { "more" } else { "less" };
        lines.push(format!("it costs {} {word}", view.money(cost.abs())));
    }
    let Changes { moved, added, removed } = changes(before, after);
    for (names, what) in [(added, "new in the plan"), (removed, "no longer in the plan")] {
        if !names.is_empty() {
            lines.push(format!("{what}: {}", listed(&names)));
        }
    }
    let rows = moved.into_iter().take(20).map(|(task, start, finish)| {
        let move_of = |by: i64| match by {
            0 => "as before".to_owned(),
            by if by > 0 => format!("{} later", view.length(by)),
            by => format!("{} earlier", view.length(-by)),
        };
        vec![task.to_owned(), move_of(start), move_of(finish)]
    });
    let heads = [("TASK", Side::Left), ("BEGINS", Side::Left), ("ENDS", Side::Left)];
    Section {
        heading: "What is different".to_owned(),
        lines,
        heads: heads.map(|(head, side)| (head.to_owned(), side)).into(),
        rows: rows.collect(),
    }
}

/// Returns the same as the `delta` of the document.
pub(super) fn delta(view: &View<'_>, before: Before<'_>) -> Value {
    let after = Before { problem: view.problem, plan: view.plan };
    let Changes { moved, added, removed } = changes(before, after);
    let moved = moved
        .into_iter()
        .map(|(task, start, finish)| json!({"task": task, "start": start, "finish": finish}));
    json!({
        "finish": after.plan.outcome.finish.0 - before.plan.outcome.finish.0,
        "cost": Money(after.plan.costs.total.0 - before.plan.costs.total.0).to_string(),
        "moved": moved.collect::<Vec<_>>(),
        "added": added,
        "removed": removed,
    })
}
