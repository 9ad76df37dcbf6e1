//! `--what-if`: a plan of something that is a little different, and what that changes.

use std::str::FromStr;

use myrmex_model::planning::Extent;
use myrmex_model::time::Timestamp;
use myrmex_plan::make::Plan;
use myrmex_plan::problem::{ALWAYS, Amount, Kind, Moment, Problem, Source, Span, TaskId};
use serde_json::{Value, json};

use crate::exit::{Failure, FailureCode};
use crate::render::plan::section::Section;
use crate::render::plan::shown::View;
use crate::render::table::Side;

/// One difference: `build=2d`, `pools.gpu=2`, `people.ada=0.5`, `deadline=2027-01-11T18:00:00Z`.
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
        let (key, value) = text.split_once('=').ok_or("write it as KEY=VALUE, such as build=2d")?;
        Ok(Self { key: key.to_owned(), value: value.to_owned() })
    }
}

/// Shows what was asked for in one line.
pub(super) fn scenario(all: &[WhatIf]) -> String {
    let texts = all.iter().map(|one| format!("{}={}", one.key, one.value));
    let texts: Vec<String> = texts.collect();
    if texts.is_empty() { "base".to_owned() } else { texts.join(" ") }
}

impl WhatIf {
    /// Makes a problem different.
    ///
    /// # Errors
    ///
    /// Returns [`Failure`] if it names nothing that there is, or no value that fits.
    pub(super) fn apply(&self, problem: &mut Problem) -> Result<(), Failure> {
        match self.key.split_once('.') {
            Some(("pools", name)) => {
                let units = self
                    .value
                    .parse()
                    .ok()
                    .filter(|units| *units > 0)
                    .ok_or_else(|| self.wrong("a number from 1 on"))?;
                let pool = problem.pools.iter_mut().find(|pool| pool.name == name);
                pool.ok_or_else(|| self.unknown("pool"))?.capacity = units;
            }
            Some(("people", name)) => {
                let part = self.part()?;
                let person = problem.people.iter_mut().find(|person| person.name == name);
                person.ok_or_else(|| self.unknown("person"))?.units = part;
            }
            _ if self.key == "start" => problem.start = self.moment()?,
            _ if self.key == "deadline" => problem.deadline = Some(self.moment()?),
            _ => self.apply_to_task(problem)?,
        }
        Ok(())
    }

    fn apply_to_task(&self, problem: &mut Problem) -> Result<(), Failure> {
        let task = problem.tasks.iter().position(|task| task.name == self.key && task.kind != Kind::Joint);
        let task = task.ok_or_else(|| self.unknown("task"))?;
        let extent: Extent = self.value.parse().map_err(|_| self.wrong("a duration such as 2d or 90m"))?;
        if extent.is_lead() {
            return Err(self.wrong("a duration from zero on"));
        }
        let task = &mut problem.tasks[task];
        if extent.is_elapsed() {
            task.calendar = ALWAYS;
        }
        let span = Span(extent.millis(problem.calendars[task.calendar.at()].day.0));
        task.spans = None;
        for mode in &mut task.modes {
            (mode.estimate.amount, mode.estimate.spread) = (Amount::Duration(span), None);
            mode.estimate.source = Source::Author;
        }
        Ok(())
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

    fn moment(&self) -> Result<Moment, Failure> {
        let instant: Timestamp =
            self.value.parse().map_err(|_| self.wrong("a time such as 2027-01-11T09:00:00Z"))?;
        Ok(Moment(instant.0.div_euclid(1_000_000)))
    }

    fn unknown(&self, what: &str) -> Failure {
        let message = format!("`--what-if {}={}` names no {what} of the plan", self.key, self.value);
        Failure::new(FailureCode::Inputs, message)
            .with_hint("give a task's path, `pools.NAME`, `people.NAME`, `start` or `deadline`")
    }

    fn wrong(&self, wanted: &str) -> Failure {
        let message = format!("`{}` is not {wanted}, which `--what-if {}` takes", self.value, self.key);
        Failure::new(FailureCode::Inputs, message)
    }
}

/// Returns the tasks that begin or end elsewhere, by how much, the most first.
fn moved(problem: &Problem, before: &Plan, after: &Plan) -> Vec<(TaskId, i64, i64)> {
    let tasks = (0..).map(TaskId).zip(before.outcome.tasks.iter().zip(&after.outcome.tasks));
    let seen = tasks.filter(|(task, _)| problem.tasks[task.at()].kind != Kind::Joint);
    let shifts = seen.map(|(task, (before, after))| {
        (task, after.start.0 - before.start.0, after.finish.0 - before.finish.0)
    });
    let mut moved: Vec<_> = shifts.filter(|(_, start, finish)| *start != 0 || *finish != 0).collect();
    moved.sort_by_key(|(task, start, finish)| (std::cmp::Reverse(start.abs().max(finish.abs())), *task));
    moved
}

/// Says what a difference changes.
pub(super) fn section(view: &View<'_>, before: &Plan) -> Section {
    let after = view.plan;
    let finish = after.outcome.finish.0 - before.outcome.finish.0;
    let mut lines = vec![match finish {
        0 => "all ends at the same time".to_owned(),
        later if later > 0 => format!("all ends {} later", view.length(later)),
        earlier => format!("all ends {} earlier", view.length(-earlier)),
    }];
    let cost = after.costs.total.0 - before.costs.total.0;
    if cost != 0 {
        let word = if cost > 0 { "more" } else { "less" };
        lines.push(format!("it costs {} {word}", view.money(cost.abs())));
    }
    let rows = moved(view.problem, before, after).into_iter().take(20).map(|(task, start, finish)| {
        let move_of = |by: i64| match by {
            0 => "as before".to_owned(),
            by if by > 0 => format!("{} later", view.length(by)),
            by => format!("{} earlier", view.length(-by)),
        };
        vec![view.problem.tasks[task.at()].name.clone(), move_of(start), move_of(finish)]
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
pub(super) fn delta(problem: &Problem, before: &Plan, after: &Plan) -> Value {
    let moved = moved(problem, before, after).into_iter().map(|(task, start, finish)| {
        json!({"task": problem.tasks[task.at()].name, "start": start, "finish": finish})
    });
    json!({
        "finish": after.outcome.finish.0 - before.outcome.finish.0,
        "cost": myrmex_model::planning::Money(after.costs.total.0 - before.costs.total.0).to_string(),
        "moved": moved.collect::<Vec<_>>(),
    })
}
