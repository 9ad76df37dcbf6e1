//! How a project that runs stands, for people: what is done, what is late and why, when it will be over, what it costs.

pub mod document;

use jiff::tz::TimeZone;
use myrmex_engine::run::Run;
use myrmex_model::ir::Node;
use myrmex_model::planning::{Item, Planning};
use myrmex_model::status::Status;
use myrmex_model::time::Length;
use myrmex_plan::outcome::Driver;
use myrmex_plan::problem::{ALWAYS, Moment, PersonId, TaskId};
use myrmex_plan::ratio::Ratio;

use super::plan::chart::instant;
use super::plan::section::{Section, owned};
use super::plan::shown::{self, zone};
use super::plan::text::sections as written;
use super::plan::words::{percent, signed};
use super::table::Side;
use crate::forecast::actual::Actual;
use crate::forecast::value::{self, Value};
use crate::forecast::{Forecast, Planned, moment};

/// How a run stands, ready to be shown.
#[derive(Debug)]
pub struct Standing<'f> {
    run: &'f Run,
    forecast: &'f Forecast,
    value: Value,
    is_virtual: bool,
    zone: TimeZone,
}

/// One task, phase, milestone or gate of the project.
#[derive(Debug, Clone)]
struct Line<'f> {
    path: &'f str,
    item: Item,
    facts: Option<&'f Planning>,
    status: Status,
    actual: Option<&'f Actual>,
    /// Who works on it, or answers for it.
    who: Vec<String>,
    planned: Option<(Moment, Moment)>,
    /// What is known of it, or expected.
    expected: Option<(Moment, Moment)>,
    /// Why it is later than was planned.
    because: Option<String>,
}

impl Line<'_> {
    fn has_begun(&self) -> bool {
        self.actual.is_some_and(|own| own.begun.is_some())
    }

    /// Returns by how much elapsed time it ends later than was planned, in milliseconds.
    fn later(&self) -> Option<i64> {
        Some(self.expected?.1.0 - self.planned?.1.0)
    }

    fn is_of(&self, phase: &str) -> bool {
        let of = self.facts.and_then(|facts| facts.phase.as_ref());
        of.is_some_and(|of| of.as_str() == phase) && is_work(self.item)
    }

    fn is_under_way(&self) -> bool {
        is_work(self.item) && self.status != Status::Pending && !self.status.is_terminal()
    }
}

/// Whether it is something that is done, and not a name for several or an instant.
fn is_work(item: Item) -> bool {
    match item {
        Item::Task | Item::Gate | Item::Acceptance => true,
        Item::Summary | Item::Phase | Item::Milestone => false,
    }
}

impl<'f> Standing<'f> {
    /// Puts together how `run` stands.
    pub fn new(run: &'f Run, forecast: &'f Forecast, is_virtual: bool) -> Self {
        let baseline = &forecast.baseline;
        Self {
            run,
            forecast,
            value: value::of(run.definition(), forecast),
            is_virtual,
            zone: zone(&baseline.problem, &baseline.plan),
        }
    }

    /// Shows an instant in the zone of the project.
    pub fn instant(&self, at: Moment) -> String {
        instant(at.0, self.forecast.baseline.plan.outcome.start.0, Some(&self.zone))
    }

    /// Returns the tasks, phases, milestones and gates in the order of the file.
    fn lines(&self) -> Vec<Line<'f>> {
        self.run.definition().nodes.iter().filter_map(|node| self.line(node)).collect()
    }

    fn line(&self, node: &'f Node) -> Option<Line<'f>> {
        let path = node.name.as_str();
        let forecast = self.forecast;
        let dates = |of: &Planned| {
            let placed = of.plan.placement.of(of.find(path)?);
            Some((placed.start, placed.finish))
        };
        let planned = dates(&forecast.baseline);
        let expected = forecast.forecast.as_ref().ok().and_then(dates);
        // What is inside of blocks has no row of its own, nor has the whole.
        if planned.is_none() && expected.is_none() {
            return None;
        }
        let actual = forecast.actuals.get(path);
        let item = node.planning.as_ref().map_or(Item::Task, |facts| facts.item);
        let mut line = Line {
            path,
            item,
            facts: node.planning.as_deref(),
            status: actual.map_or(Status::Pending, |own| own.status),
            actual,
            who: self.who(path, node),
            planned,
            expected: expected.or_else(|| Some((moment(actual?.begun?), moment(actual?.ended?)))),
            because: None,
        };
        line.because = line.later().filter(|later| *later > 0).and_then(|_| self.because(&line));
        Some(line)
    }

    fn who(&self, path: &str, node: &Node) -> Vec<String> {
        let planned = self.forecast.forecast.as_ref().unwrap_or(&self.forecast.baseline);
        let name = |person: &PersonId| planned.problem.people[person.at()].name.clone();
        let crew = planned.find(path).map(|task| &planned.plan.placement.of(task).crew);
        let crew: Vec<String> = crew.into_iter().flatten().map(|(person, _)| name(person)).collect();
        let owner = node.planning.as_ref().and_then(|facts| facts.owner.clone());
        if crew.is_empty() { owner.into_iter().collect() } else { crew }
    }

    /// Says why something ends later than was planned.
    fn because(&self, line: &Line<'_>) -> Option<String> {
        let (planned, expected) = (line.planned?, line.expected?);
        if !is_work(line.item) || expected.0 <= planned.0 {
            let last = self.last_before(line.path);
            return Some(match last.filter(|_| !is_work(line.item)) {
                Some(task) => format!("after {task}"),
                None if line.status == Status::Stuck => "it failed, and somebody has to decide".to_owned(),
                None if line.status.is_terminal() => "it took longer".to_owned(),
                None => "it takes longer".to_owned(),
            });
        }
        Some(match self.last_before(line.path) {
            Some(task) => format!("after {task}"),
            None if line.has_begun() => "it began later".to_owned(),
            None => "it has not begun".to_owned(),
        })
    }

    /// Returns what a task waits for, or waited for, that ended last: by the forecast, else by the plan at the start.
    fn last_before(&self, path: &str) -> Option<String> {
        let driver = |planned: &Planned| {
            let outcome = &planned.plan.outcome;
            let at = |task: TaskId| match outcome.tasks[task.at()].driver {
                Driver::Predecessor(other) | Driver::Resource(_, other) => Some(other),
                Driver::Start | Driver::Calendar | Driver::Constraint | Driver::Fact => None,
            };
            // Several that end together have no name that people know.
            let mut here = at(planned.find(path)?)?;
            for _ in &planned.problem.tasks {
                let name = &planned.problem.tasks[here.at()].name;
                if !name.ends_with(":finish") && !name.ends_with(":start") {
                    return Some(name.clone());
                }
                here = at(here)?;
            }
            None
        };
        let forecast = self.forecast.forecast.as_ref().ok();
        forecast.and_then(driver).or_else(|| driver(&self.forecast.baseline))
    }

    /// Shows working time of a task: in days of its calendar and hours.
    fn work(&self, path: &str, left: Length) -> String {
        let problem = &self.forecast.baseline.problem;
        let task = self.forecast.baseline.find(path).map(|task| &problem.tasks[task.at()]);
        let day = task.map_or(ALWAYS, |task| task.calendar);
        let day = u64::try_from(problem.calendars[day.at()].day.0).unwrap_or(0).max(1);
        let rest = signed(i64::try_from(left.0 % day).unwrap_or(i64::MAX));
        match (left.0 / day, left.0 % day) {
            (0, _) => rest,
            (days, 0) => format!("{days} d"),
            (days, _) => format!("{days} d {rest}"),
        }
    }

    /// Shows an amount of what the project counts in.
    pub fn amount(&self, amount: i128) -> String {
        let project = self.run.definition().project.as_deref();
        let currency = project.and_then(|project| project.currency).filter(|_| self.value.is_money);
        let hours = if self.value.is_money { "" } else { " person-hours" };
        format!("{}{hours}", shown::in_currency(amount, currency))
    }
}

/// Writes how a run stands, for a terminal.
pub fn text(standing: &Standing<'_>) -> String {
    let mut head = heading(standing);
    head.push('\n');
    let lines = standing.lines();
    let all = [
        phases(standing, &lines),
        under_way(standing, &lines),
        late(standing, &lines),
        dates(standing, &lines),
        money(standing),
    ];
    let sections: Vec<Section> = all.into_iter().flatten().collect();
    head + written(&sections).trim_start_matches('\n')
}

fn heading(standing: &Standing<'_>) -> String {
    let (run, forecast) = (standing.run, standing.forecast);
    let project = run.definition().project.as_deref();
    let name = run.definition().name.as_str();
    let title = project.and_then(|project| project.title.as_deref());
    let title = title.map_or_else(|| name.to_owned(), |title| format!("{title} ({name})"));
    let clock = if standing.is_virtual { ", in virtual time" } else { "" };
    let mut lines =
        vec![format!("{title}: {} on {}{clock}", run.status().as_str(), standing.instant(forecast.now))];
    let planned = &forecast.baseline.plan.outcome;
    let from = standing.instant(planned.start);
    lines.push(format!("planned from {from} to {}", standing.instant(planned.finish)));
    match (&forecast.forecast, forecast.ended) {
        (_, Some(ended)) => {
            let late = lateness(ended.0 - planned.finish.0);
            lines.push(format!("ended {}{late}", standing.instant(ended)));
        }
        (Ok(expected), None) => {
            let finish = expected.plan.outcome.finish;
            let late = lateness(finish.0 - planned.finish.0);
            lines.push(format!("expected to end {}{late}", standing.instant(finish)));
            lines.extend(chances(standing, expected));
        }
        (Err(failure), None) => {
            lines.push(format!("no forecast: {failure}"));
            lines.extend(failure.causes.iter().map(|cause| format!("  {cause}")));
        }
    }
    if let Some(deadline) = forecast.baseline.problem.deadline {
        let end = forecast
            .ended
            .or_else(|| forecast.forecast.as_ref().ok().map(|planned| planned.plan.outcome.finish));
        let missed = end.map_or(0, |end| end.0 - deadline.0);
        let missed = if missed > 0 { format!(", missed by {}", signed(missed)) } else { String::new() };
        lines.push(format!("deadline {}{missed}", standing.instant(deadline)));
    }
    lines.into_iter().map(|line| line + "\n").collect()
}

fn lateness(ms: i64) -> String {
    match ms {
        0 => ", as planned".to_owned(),
        1.. => format!(", {} later than planned", signed(ms)),
        _ => format!(", {} earlier than planned", signed(-ms)),
    }
}

fn chances(standing: &Standing<'_>, expected: &Planned) -> Option<String> {
    let report = expected.plan.risk.as_ref().filter(|report| report.finish.deviation.0 > 0)?;
    let [p50, p80] = [report.finish.p50, report.finish.p80].map(|at| standing.instant(at));
    let kept = report.on_time.map(|ratio| format!("; the deadline is kept with {}", share(ratio)));
    Some(format!("it ends by {p50} with 50 %, by {p80} with 80 %{}", kept.unwrap_or_default()))
}

fn share(ratio: Ratio) -> String {
    percent(u64::try_from(ratio.0).unwrap_or(0))
}

fn phases(standing: &Standing<'_>, lines: &[Line<'_>]) -> Option<Section> {
    let rows: Vec<Vec<String>> = lines
        .iter()
        .filter(|line| line.item == Item::Phase)
        .map(|phase| {
            let (done, all) = done_of(lines, phase.path);
            let mut row =
                vec![phase.path.to_owned(), state(phase, lines).to_owned(), format!("{done} of {all}")];
            row.extend(finishes(standing, phase));
            row
        })
        .collect();
    let heads = [
        ("PHASE", Side::Left),
        ("STATE", Side::Left),
        ("DONE", Side::Right),
        ("PLANNED END", Side::Left),
        ("NOW", Side::Left),
        ("LATER", Side::Right),
    ];
    table("Phases", &heads, rows)
}

/// Returns how many of the tasks of a phase are over, and how many there are.
fn done_of(lines: &[Line<'_>], phase: &str) -> (usize, usize) {
    let own = lines.iter().filter(|line| line.is_of(phase));
    (own.clone().filter(|line| line.status.is_terminal()).count(), own.count())
}

/// Says where a task, a phase, a milestone or a gate stands, in words.
fn state(line: &Line<'_>, lines: &[Line<'_>]) -> &'static str {
    let has_begun = match line.item {
        Item::Phase => lines.iter().any(|own| own.is_of(line.path) && own.status != Status::Pending),
        Item::Task | Item::Acceptance | Item::Gate | Item::Summary | Item::Milestone => line.has_begun(),
    };
    match line.status {
        Status::Pending | Status::Waiting if has_begun => "under way",
        Status::Waiting if line.actual.is_some_and(|own| own.is_work) => "to begin",
        other => other.as_str(),
    }
}

fn finishes(standing: &Standing<'_>, line: &Line<'_>) -> [String; 3] {
    let finish = |dates: Option<(Moment, Moment)>| {
        dates.map_or_else(|| "-".to_owned(), |(_, finish)| standing.instant(finish))
    };
    let later = line.later().filter(|later| *later != 0).map(signed).unwrap_or_default();
    [finish(line.planned), finish(line.expected), later]
}

fn under_way(standing: &Standing<'_>, lines: &[Line<'_>]) -> Option<Section> {
    let rows: Vec<Vec<String>> = lines
        .iter()
        .filter(|line| line.is_under_way())
        .map(|line| {
            let own = line.actual;
            let since = own.and_then(|own| own.begun.or(own.opened)).map(moment);
            let said = own.and_then(|own| own.said);
            let left = said.and_then(|(progress, _)| progress.remaining);
            let mut row = vec![
                line.path.to_owned(),
                state(line, lines).to_owned(),
                line.who.join(", "),
                since.map(|at| standing.instant(at)).unwrap_or_default(),
                said.map(|(progress, _)| format!("{} %", progress.percent)).unwrap_or_default(),
                left.map(|left| standing.work(line.path, left)).unwrap_or_default(),
            ];
            row.extend(finishes(standing, line));
            row
        })
        .collect();
    let heads = [
        ("TASK", Side::Left),
        ("STATE", Side::Left),
        ("WHO", Side::Left),
        ("SINCE", Side::Left),
        ("DONE", Side::Right),
        ("WORK LEFT", Side::Right),
        ("PLANNED END", Side::Left),
        ("NOW", Side::Left),
        ("LATER", Side::Right),
    ];
    table("Under way", &heads, rows)
}

fn late(standing: &Standing<'_>, lines: &[Line<'_>]) -> Option<Section> {
    let mut late: Vec<&Line<'_>> = lines
        .iter()
        .filter(|line| is_work(line.item) && line.later().is_some_and(|later| later > 0))
        .collect();
    late.sort_by_key(|line| (line.expected, line.path));
    let rows = late.into_iter().map(|line| {
        let mut row = vec![line.path.to_owned()];
        row.extend(finishes(standing, line));
        row.push(line.because.clone().unwrap_or_default());
        row
    });
    let heads = [
        ("TASK", Side::Left),
        ("PLANNED END", Side::Left),
        ("NOW", Side::Left),
        ("LATER", Side::Right),
        ("BECAUSE", Side::Left),
    ];
    table("Later than planned", &heads, rows.collect())
}

fn dates(standing: &Standing<'_>, lines: &[Line<'_>]) -> Option<Section> {
    let is_shown = |line: &&Line<'_>| match line.item {
        Item::Milestone | Item::Gate => true,
        Item::Task | Item::Summary | Item::Phase | Item::Acceptance => false,
    };
    let rows = lines.iter().filter(is_shown).map(|line| {
        let mut row = vec![line.path.to_owned(), state(line, lines).to_owned()];
        row.extend(finishes(standing, line));
        row
    });
    let heads = [
        ("NAME", Side::Left),
        ("STATE", Side::Left),
        ("PLANNED", Side::Left),
        ("NOW", Side::Left),
        ("LATER", Side::Right),
    ];
    table("Milestones and gates", &heads, rows.collect())
}

fn table(heading: &str, heads: &[(&str, Side)], rows: Vec<Vec<String>>) -> Option<Section> {
    let lines = Vec::new();
    (!rows.is_empty()).then(|| Section { heading: heading.to_owned(), lines, heads: owned(heads), rows })
}

fn money(standing: &Standing<'_>) -> Option<Section> {
    let (figures, own) = (standing.value.figures, standing.value.standing);
    if own.budget.0 == 0 && own.actual.0 == 0 {
        return None;
    }
    let amount = |amount: i128| standing.amount(amount);
    let index = |ratio: Option<Ratio>| ratio.map_or_else(|| "-".to_owned(), hundredths);
    let assumed = if standing.value.is_assumed { " (hours that nobody reported are assumed)" } else { "" };
    let end = figures.at_completion.map_or_else(|| "-".to_owned(), |end| amount(end.0));
    let time = standing.value.time.and_then(|time| time.performance);
    let lines = vec![
        format!("{} so far{assumed}, of {} planned in all", amount(own.actual.0), amount(own.budget.0)),
        format!(
            "done is what was to cost {}, planned for now was {}",
            amount(own.earned.0),
            amount(own.planned.0)
        ),
        format!("at this pace it costs {end} in all"),
        format!(
            "CPI {}, SPI {}, SPI(t) {}",
            index(figures.cost_performance),
            index(figures.time_performance),
            index(time)
        ),
    ];
    Some(Section { heading: "Cost and earned value".to_owned(), lines, heads: Vec::new(), rows: Vec::new() })
}

/// Shows a ratio with two decimals.
fn hundredths(ratio: Ratio) -> String {
    let rounded = (ratio.0 + if ratio.0 < 0 { -5_000 } else { 5_000 }) / 10_000;
    let sign = if rounded < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", rounded.abs() / 100, rounded.abs() % 100)
}
