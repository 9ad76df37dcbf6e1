//! How a project stands as one JSON document, for scripts. `docs/projects.md` describes the fields; they stay.
//!
//! Instants are RFC 3339 in UTC, lengths whole milliseconds of elapsed time (what people say is left: working time), amounts text with their
//! decimals, ratios numbers with six.

use myrmex_model::planning::{Item, Money};
use myrmex_plan::problem::Moment;
use myrmex_plan::ratio::Ratio;
use serde_json::{Map, Value, json};

use super::{Line, Standing, done_of, is_work};
use crate::exit::Failure;

/// Builds the document.
pub fn document(standing: &Standing<'_>) -> Value {
    let (run, lines) = (standing.run, standing.lines());
    let project = run.definition().project.as_deref();
    let of = |item: Item| lines.iter().filter(move |line| line.item == item);
    let all = |item: Item| of(item).map(dated).collect::<Vec<Value>>();
    let phases: Vec<Value> = of(Item::Phase)
        .map(|phase| {
            let (done, tasks) = done_of(&lines, phase.path);
            let mut dated = dated(phase);
            dated["done"] = json!(done);
            dated["tasks"] = json!(tasks);
            dated
        })
        .collect();
    let tasks: Map<String, Value> = lines
        .iter()
        .filter(|line| is_work(line.item))
        .map(|line| (line.path.to_owned(), task(line)))
        .collect();
    json!({
        "project": run.definition().name.as_str(),
        "title": project.and_then(|project| project.title.as_deref()),
        "run": run.id().to_string(),
        "status": run.status().as_str(),
        "now": standing.forecast.now.to_string(),
        "virtual": standing.is_virtual,
        "started": run.started().map(|at| at.to_string()),
        "ended": standing.forecast.ended.map(|at| at.to_string()),
        "finish": finish(standing),
        "no_forecast": standing.forecast.forecast.as_ref().err().map(reasons),
        "phases": phases,
        "milestones": all(Item::Milestone),
        "gates": all(Item::Gate),
        "tasks": tasks,
        "earned": earned(standing),
    })
}

/// Says why there is no forecast.
fn reasons(failure: &Failure) -> String {
    let causes: Vec<&str> = failure.causes.iter().map(String::as_str).collect();
    if causes.is_empty() { failure.to_string() } else { format!("{failure}: {}", causes.join("; ")) }
}

fn finish(standing: &Standing<'_>) -> Value {
    let forecast = standing.forecast;
    let planned = forecast.baseline.plan.outcome.finish;
    let ended = forecast.ended;
    let plan = forecast.forecast.as_ref().ok().map(|expected| &expected.plan);
    let expected = ended.or_else(|| plan.map(|plan| plan.outcome.finish));
    // What is over is not uncertain.
    let report = plan.filter(|_| ended.is_none()).and_then(|plan| plan.risk.as_ref());
    let finish = report.map(|report| &report.finish);
    json!({
        "planned": planned.to_string(),
        "expected": expected.map(|at| at.to_string()),
        "later": expected.map(|at| at.0 - planned.0),
        "p50": finish.map(|finish| finish.p50.to_string()),
        "p80": finish.map(|finish| finish.p80.to_string()),
        "p95": finish.map(|finish| finish.p95.to_string()),
        "deadline": forecast.baseline.problem.deadline.map(|at| at.to_string()),
        "p_deadline": report.and_then(|report| report.on_time).map(ratio),
    })
}

fn dates(dates: Option<(Moment, Moment)>) -> Value {
    dates.map_or(
        Value::Null,
        |(start, finish)| json!({"start": start.to_string(), "finish": finish.to_string()}),
    )
}

fn dated(line: &Line<'_>) -> Value {
    json!({
        "name": line.path,
        "title": line.facts.and_then(|facts| facts.title.as_deref()),
        "status": line.status.as_str(),
        "planned": dates(line.planned),
        "expected": dates(line.expected),
        "later": line.later(),
        "because": line.because,
    })
}

fn task(line: &Line<'_>) -> Value {
    let mut task = dated(line);
    let said = line.actual.and_then(|own| own.said);
    if let Value::Object(task) = &mut task {
        task.remove("name");
    }
    task["phase"] = json!(line.facts.and_then(|facts| facts.phase.as_ref()).map(ToString::to_string));
    task["who"] = json!(line.who);
    task["since"] = json!(line.actual.and_then(|own| own.begun).map(|at| at.to_string()));
    task["ended"] = json!(line.actual.and_then(|own| own.ended).map(|at| at.to_string()));
    task["percent"] = json!(line.actual.map_or(0, crate::forecast::actual::Actual::percent));
    task["said_left"] = json!(said.and_then(|(progress, _)| progress.remaining).map(|left| left.0));
    task
}

fn earned(standing: &Standing<'_>) -> Value {
    let (own, figures) = (standing.value.standing, standing.value.figures);
    let project = standing.run.definition().project.as_deref();
    let currency = project.and_then(|project| project.currency).filter(|_| standing.value.is_money);
    let money = |money: Option<Money>| money.map(|money| money.to_string());
    let time = standing.value.time;
    json!({
        "unit": currency.map_or_else(|| "person-hours".to_owned(), |currency| currency.to_string()),
        "assumed": standing.value.is_assumed,
        "bac": own.budget.to_string(),
        "pv": own.planned.to_string(),
        "ev": own.earned.to_string(),
        "ac": own.actual.to_string(),
        "cv": figures.cost_variance.to_string(),
        "sv": figures.time_variance.to_string(),
        "cpi": figures.cost_performance.map(ratio),
        "spi": figures.time_performance.map(ratio),
        "eac": money(figures.at_completion),
        "eac_as_planned": figures.at_completion_as_planned.to_string(),
        "etc": money(figures.to_complete),
        "vac": money(figures.variance_at_completion),
        "tcpi": figures.needed_for_budget.map(ratio),
        "earned_time": time.map(|time| ratio(time.earned)),
        "sv_t": time.map(|time| ratio(time.variance)),
        "spi_t": time.and_then(|time| time.performance).map(ratio),
    })
}

/// Writes millionths as a number with at most six decimals.
fn ratio(ratio: Ratio) -> Value {
    // Far below 2^53, and division rounds the same on every machine.
    #[expect(clippy::cast_precision_loss, reason = "shown with six digits")]
    let shown = ratio.0 as f64 / 1e6;
    json!(shown)
}
