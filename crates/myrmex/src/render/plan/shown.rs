//! A plan as a chart, as words and tables beside it, and as one document.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde_json::{Map, Value, json};

use myrmex_model::planning::{Currency, Money, Project};
use myrmex_plan::chain::Resource;
use myrmex_plan::lower::Note;
use myrmex_plan::make::Plan;
use myrmex_plan::outcome::Status;
use myrmex_plan::problem::{ALWAYS, CalendarId, Fact, Kind, Moment, Problem, Source, Span, TaskId};
use myrmex_plan::ratio::Ratio;
use myrmex_plan::risk::{Quantiles, Report};

use super::axis;
use super::chart::{Chart, Mark, Strip, instant};
use super::json::{Named, dates, ratio};
use super::money;
use super::rows::rows;
use super::section::{Section, owned};
use super::words::{percent, signed};
use crate::render::table::Side;

/// How many rows a table has that lists the worst or the most.
const WORST: usize = 10;

/// A plan, and what it is called.
#[derive(Debug, Clone)]
pub struct View<'p> {
    /// What was planned.
    pub title: String,
    /// The problem.
    pub problem: &'p Problem,
    /// Its plan.
    pub plan: &'p Plan,
    /// What of it is only roughly so.
    pub notes: &'p BTreeSet<Note>,
    /// What the project says that it is; none of a workflow.
    pub project: Option<&'p Project>,
    /// The time zone of its dates; none for a plan that counts from its start.
    pub zone: Option<TimeZone>,
}

impl View<'_> {
    fn named(&self) -> Named<'_> {
        Named { problem: self.problem, outcome: &self.plan.outcome, is_dated: self.zone.is_some() }
    }

    /// Shows an instant: with its date, or counted from the start.
    pub fn instant(&self, at: Moment) -> String {
        instant(at.0, self.plan.outcome.start.0, self.zone.as_ref())
    }

    /// Shows a length in milliseconds.
    pub fn length(&self, ms: i64) -> String {
        signed(ms)
    }

    /// Says why a task does not begin earlier.
    pub fn reason(&self, task: TaskId) -> String {
        super::words::reason(self.named(), self.plan.outcome.tasks[task.at()].driver)
    }

    /// Returns what the document says of one task.
    pub fn task_document(&self, task: TaskId) -> Value {
        super::json::task(self.named(), task)
    }

    /// Shows money in the currency of the plan, to the hundredth.
    pub fn money(&self, amount: i128) -> String {
        in_currency(amount, self.currency())
    }

    /// Returns the currency of all money in it, if there is any.
    pub(super) fn currency(&self) -> Option<Currency> {
        self.project.and_then(|project| project.currency)
    }

    /// Returns the calendar by which most tasks go that is not always open.
    pub(super) fn calendar(&self) -> Option<CalendarId> {
        let mut counts = vec![0_usize; self.problem.calendars.len()];
        for task in &self.problem.tasks {
            counts[task.calendar.at()] += 1;
        }
        let most = counts.iter().enumerate().skip(1).filter(|(_, count)| **count > 0);
        let most = most.max_by_key(|(place, count)| (**count, std::cmp::Reverse(*place)))?.0;
        Some(CalendarId(u32::try_from(most).unwrap_or(ALWAYS.0)))
    }
}

/// Shows money in its currency, if it has one, to the hundredth.
pub fn in_currency(amount: i128, currency: Option<Currency>) -> String {
    // Nobody pays millionths.
    let cents = (amount + if amount < 0 { -5_000 } else { 5_000 }) / 10_000 * 10_000;
    let currency = currency.map(|currency| format!(" {currency}")).unwrap_or_default();
    format!("{}{currency}", Money(cents))
}

/// Returns the time zone that most of the plan goes by: that of the calendar of people's work.
pub fn zone(problem: &Problem, plan: &Plan) -> TimeZone {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let worked = problem.tasks.iter().filter(|task| task.calendar != ALWAYS);
    for task in worked.take(plan.outcome.tasks.len()) {
        *counts.entry(&problem.calendars[task.calendar.at()].zone).or_default() += 1;
    }
    let most = counts.into_iter().max_by_key(|(zone, count)| (*count, std::cmp::Reverse(*zone)));
    most.and_then(|(zone, _)| TimeZoneDatabase::bundled().get(zone).ok()).unwrap_or(TimeZone::UTC)
}

/// Draws up the chart of a plan.
pub fn chart(view: &View<'_>) -> Chart {
    let (named, outcome) = (view.named(), &view.plan.outcome);
    let built = rows(named);
    let deadline = view.problem.deadline.map(|at| Mark { at: at.0, label: "deadline".to_owned() });
    let risk = view.plan.risk.as_ref().filter(|report| report.finish.deviation.0 > 0);
    let p80 = risk.map(|report| Mark { at: report.finish.p80.0, label: "P80".to_owned() });
    let marks: Vec<Mark> = deadline.into_iter().chain(p80).collect();
    let ends = marks.iter().map(|mark| mark.at).chain(built.rows.iter().filter_map(|row| row.float_until));
    let last = ends.fold(outcome.finish.0, i64::max);
    let from = outcome.start.0;
    // A little room behind the last bar, so that nothing ends at the very edge.
    let to = last + (last - from) / 40 + 1;
    Chart {
        title: view.title.clone(),
        facts: facts(view),
        from,
        to,
        zone: view.zone.clone(),
        arrows: built.arrows(named),
        rows: built.rows,
        closed: closed(view, from, to),
        marks,
        strips: strips(view),
    }
}

/// Returns when nobody works, between two instants.
fn closed(view: &View<'_>, from: i64, to: i64) -> Vec<(i64, i64)> {
    let Some(calendar) = view.calendar() else { return Vec::new() };
    // Marks may lie further away than anybody asked the calendars for.
    let to = to.min(view.plan.known.end.0);
    let open = view.plan.hours.of_calendar(calendar).stretches(Moment(from), Moment(to));
    let mut closed = Vec::new();
    let mut at = from;
    for (start, end) in open {
        if at < start.0 {
            closed.push((at, start.0));
        }
        at = end.0;
    }
    if at < to {
        closed.push((at, to));
    }
    closed
}

fn strips(view: &View<'_>) -> Vec<Strip> {
    let named = view.named();
    let loads = view.plan.outcome.loads.iter();
    loads
        .map(|load| {
            let one = if matches!(load.resource, Resource::Person(_)) { 1_000 } else { 1 };
            Strip {
                label: named.resource(load.resource).to_owned(),
                capacity: load.capacity,
                profile: load.profile.iter().map(|(at, used)| (at.0, *used)).collect(),
                words: format!("at most {} of {}", units(load.peak, one), units(load.capacity, one)),
            }
        })
        .collect()
}

/// Shows units of which `one` make a whole: `2`, `0.5`.
pub fn units(amount: u64, one: u64) -> String {
    let (whole, part) = (amount / one, amount % one * 1_000 / one);
    if part == 0 {
        whole.to_string()
    } else {
        format!("{whole}.{}", format!("{part:03}").trim_end_matches('0'))
    }
}

fn facts(view: &View<'_>) -> Vec<String> {
    let (outcome, plan) = (&view.plan.outcome, view.plan);
    let length = axis::length(outcome.makespan().0.unsigned_abs());
    let span = match view.zone {
        Some(_) => format!("{} to {} ({length})", view.instant(outcome.start), view.instant(outcome.finish)),
        None => format!("{length} from start to finish"),
    };
    let proof = match outcome.status {
        Status::Optimal => "no plan can be shorter".to_owned(),
        Status::Feasible => {
            format!(
                "at most {} longer than the shortest plan there can be",
                percent(outcome.gap_millionths())
            )
        }
    };
    let mut facts = vec![format!("{span}; {proof}")];
    if let Some(report) = plan.risk.as_ref().filter(|report| report.finish.deviation.0 > 0) {
        let finish = &report.finish;
        let [p50, p80, p95] = [finish.p50, finish.p80, finish.p95].map(|at| view.instant(at));
        facts.push(format!("it ends by {p50} with 50 %, by {p80} with 80 %, by {p95} with 95 %"));
    }
    if let Some(deadline) = view.problem.deadline {
        let chance = plan.risk.as_ref().and_then(|report| report.on_time);
        let chance = chance.map(|ratio| format!(", kept with {}", share(ratio))).unwrap_or_default();
        let late = outcome.finish.0 - deadline.0;
        let late = if late > 0 {
            format!(", missed by {}", axis::length(late.unsigned_abs()))
        } else {
            String::new()
        };
        facts.push(format!("deadline {}{late}{chance}", view.instant(deadline)));
    }
    if plan.costs.total.0 != 0 {
        let p80 =
            plan.risk.as_ref().map(|report| format!(", at most {} with 80 %", view.money(report.cost.p80.0)));
        facts.push(format!("cost {}{}", view.money(plan.costs.total.0), p80.unwrap_or_default()));
    }
    facts.extend(money::budget(view));
    let from = |is_it: fn(Source) -> bool| {
        let tasks = view.problem.tasks.iter().filter(|task| task.spans.is_none());
        tasks.filter(|task| task.modes.iter().any(|mode| is_it(mode.estimate.source))).count()
    };
    let have = |count| if count == 1 { "1 task has".to_owned() } else { format!("{count} tasks have") };
    let guesses = from(|source| source == Source::Guess);
    if guesses > 0 {
        let tasks = have(guesses);
        facts.push(format!("{tasks} neither an estimate nor a past run: a usual length was taken"));
    }
    let few = from(|source| matches!(source, Source::Few { .. }));
    if few > 0 {
        let tasks = have(few);
        facts.push(format!("{tasks} fewer past runs than the estimate asks for: what they took was taken"));
    }
    facts
}

fn share(ratio: Ratio) -> String {
    percent(u64::try_from(ratio.0).unwrap_or(0))
}

/// Returns what is said beside the chart.
pub fn sections(view: &View<'_>) -> Vec<Section> {
    let all =
        [Some(chain(view)), resources(view), risk(view), money::section(view), checks(view), notes(view)];
    all.into_iter().flatten().collect()
}

/// Says which tasks decide when all is over.
fn chain(view: &View<'_>) -> Section {
    let (named, outcome) = (view.named(), &view.plan.outcome);
    let seen = |task: &&TaskId| view.problem.tasks[task.at()].kind != Kind::Joint;
    let rows: Vec<Vec<String>> = outcome
        .critical_chain
        .iter()
        .filter(seen)
        .map(|task| {
            let planned = &outcome.tasks[task.at()];
            let length = axis::length((planned.finish.0 - planned.start.0).unsigned_abs());
            let why = super::words::reason(named, planned.driver);
            vec![named.task(*task).to_owned(), view.instant(planned.start), length, why]
        })
        .collect();
    let heads =
        [("TASK", Side::Left), ("START", Side::Left), ("LASTS", Side::Left), ("WHY THEN", Side::Left)];
    Section {
        heading: "What decides when all is over".to_owned(),
        lines: Vec::new(),
        heads: owned(&heads),
        rows,
    }
}

fn resources(view: &View<'_>) -> Option<Section> {
    let (named, outcome) = (view.named(), &view.plan.outcome);
    let rows: Vec<Vec<String>> = outcome
        .loads
        .iter()
        .map(|load| {
            let one = if matches!(load.resource, Resource::Person(_)) { 1_000 } else { 1 };
            let overload = load.overloads.first().map(|overload| {
                let tasks: Vec<&str> = overload.tasks.iter().map(|task| named.task(*task)).collect();
                let at = view.instant(overload.from);
                format!("{} wanted at once from {at}: {}", units(overload.units, one), listed(&tasks))
            });
            vec![
                named.resource(load.resource).to_owned(),
                Named::kind(load.resource).to_owned(),
                units(load.capacity, one),
                units(load.peak, one),
                percent(load.utilisation_millionths),
                overload.unwrap_or_default(),
            ]
        })
        .collect();
    let heads = [
        ("NAME", Side::Left),
        ("KIND", Side::Left),
        ("HAS", Side::Right),
        ("AT MOST", Side::Right),
        ("USED", Side::Right),
        ("IF ALL BEGAN AS EARLY AS LINKS ALLOW", Side::Left),
    ];
    (!rows.is_empty()).then(|| Section {
        heading: "Resources".to_owned(),
        lines: Vec::new(),
        heads: owned(&heads),
        rows,
    })
}

/// Lists the first few of some names.
pub fn listed(names: &[&str]) -> String {
    const SHOWN: usize = 4;
    let shown = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    match names.len().checked_sub(SHOWN) {
        Some(more) if more > 0 => format!("{shown} and {more} more"),
        Some(_) | None => shown,
    }
}

fn risk(view: &View<'_>) -> Option<Section> {
    let report = view.plan.risk.as_ref().filter(|report| report.finish.deviation.0 > 0)?;
    let mut lines = vec![format!(
        "{} samples: mean {}, standard deviation {}; P80 is exact to {} (one standard error)",
        report.samples,
        view.instant(report.finish.mean),
        axis::length(report.finish.deviation.0.unsigned_abs()),
        axis::length(report.finish.p80_error.0.unsigned_abs())
    )];
    lines.push(format!("P80 is {} after the plan's finish", signed(report.contingency.0)));
    for effect in report.risks.iter().take(WORST) {
        let risk = &view.problem.risks[effect.risk.at()];
        let cost = if effect.cost.0 == 0 {
            String::new()
        } else {
            format!(", and {} more", view.money(effect.cost.0))
        };
        let likely = percent(u64::from(risk.probability));
        lines.push(format!(
            "risk {} ({likely}): {} later on average{cost}",
            risk.name,
            signed(effect.delay.0)
        ));
    }
    let named = view.named();
    let seen = |task: TaskId| {
        let task = &view.problem.tasks[task.at()];
        task.kind != Kind::Joint && task.spans.is_none()
    };
    let sensitive = report.sensitivity.iter().filter(|(task, _)| seen(*task)).take(WORST);
    let rows = sensitive.map(|(task, rank)| {
        let critical = report.criticality.get(task.at()).map(|ratio| share(*ratio)).unwrap_or_default();
        let hundredths = rank.0 / 10_000;
        let sign = if hundredths < 0 { "-" } else { "" };
        let rank = format!("{sign}{}.{:02}", hundredths.abs() / 100, hundredths.abs() % 100);
        vec![named.task(*task).to_owned(), critical, rank]
    });
    let heads = [("TASK", Side::Left), ("CRITICAL", Side::Right), ("MOVES THE FINISH", Side::Right)];
    Some(Section { heading: "Risk".to_owned(), rows: rows.collect(), lines, heads: owned(&heads) })
}

/// Says what could be better about a plan, point by point.
fn checks(view: &View<'_>) -> Option<Section> {
    let named = view.named();
    let rows = view.plan.findings.iter().map(|finding| {
        let tasks: Vec<&str> = finding.tasks.iter().map(|task| named.task(*task)).collect();
        vec![finding.code.to_owned(), finding.message.clone(), listed(&tasks), finding.fix.clone()]
    });
    let rows: Vec<Vec<String>> = rows.collect();
    let heads =
        [("POINT", Side::Left), ("FOUND", Side::Left), ("TASKS", Side::Left), ("WHAT TO DO", Side::Left)];
    (!rows.is_empty()).then(|| Section {
        heading: "What could be better".to_owned(),
        lines: Vec::new(),
        heads: owned(&heads),
        rows,
    })
}

/// Says what of the plan is only roughly so.
fn notes(view: &View<'_>) -> Option<Section> {
    let rows: Vec<Vec<String>> =
        view.notes.iter().take(WORST).map(|note| vec![note.path.clone(), note.what.clone()]).collect();
    let more = view.notes.len().saturating_sub(WORST);
    let lines = (more > 0).then(|| format!("the first {WORST} of {}; `--json` has all", view.notes.len()));
    (!rows.is_empty()).then(|| Section {
        heading: "What the plan tells only roughly".to_owned(),
        lines: lines.into_iter().collect(),
        heads: owned(&[("TASK", Side::Left), ("WHAT", Side::Left)]),
        rows,
    })
}

fn checks_document(view: &View<'_>) -> Value {
    let named = view.named();
    let findings = view.plan.findings.iter().map(|finding| {
        let tasks: Vec<&str> = finding.tasks.iter().map(|task| named.task(*task)).collect();
        json!({"code": finding.code, "severity": "warning", "tasks": tasks, "message": finding.message, "fix": finding.fix})
    });
    Value::Array(findings.collect())
}

/// Builds the document of a plan.
pub fn document(view: &View<'_>) -> Map<String, Value> {
    let mut document = dates(view.named());
    document.insert("cost".to_owned(), money::document(view));
    if let Some(Value::Object(tasks)) = document.get_mut("tasks") {
        money::add_to_tasks(view, tasks);
    }
    document.insert(
        "risk".to_owned(),
        view.plan.risk.as_ref().map_or(Value::Null, |report| risk_document(view, report)),
    );
    document.insert("checks".to_owned(), checks_document(view));
    let notes = view.notes.iter().map(|note| json!({"task": note.path, "what": note.what}));
    document.insert("notes".to_owned(), Value::Array(notes.collect()));
    document
}

fn risk_document(view: &View<'_>, report: &Report) -> Value {
    let named = view.named();
    let ratio_of = |ratio: Ratio| signed_ratio(ratio.0);
    let seen = |task: TaskId| {
        let task = &view.problem.tasks[task.at()];
        task.kind != Kind::Joint && task.fact != Fact::Dropped
    };
    let criticality = (0..).map(TaskId).zip(&report.criticality).filter(|(task, _)| seen(*task));
    let criticality: Map<String, Value> =
        criticality.map(|(task, share)| (named.task(task).to_owned(), ratio_of(*share))).collect();
    let sensitivity = report.sensitivity.iter().filter(|(task, _)| seen(*task));
    let sensitivity = sensitivity
        .map(|(task, rank)| json!({"task": named.task(*task), "rank_correlation": ratio_of(*rank)}));
    let risks = report.risks.iter().map(|effect| {
        json!({
            "risk": view.problem.risks[effect.risk.at()].name, "happened": effect.happened,
            "delay": effect.delay.0, "cost": Money(effect.cost.0).to_string(),
        })
    });
    json!({
        "n": report.samples,
        "finish": quantiles(&report.finish, |at| instant_or_offset(view, at), |width: Span| json!(width.0)),
        "cost": quantiles(&report.cost, |sum| json!(Money(sum.0).to_string()), |width| json!(Money(width.0).to_string())),
        "p_deadline": report.on_time.map(ratio_of),
        "contingency_p80": report.contingency.0,
        "criticality": criticality,
        "sensitivity": sensitivity.collect::<Vec<_>>(),
        "top_risks": risks.collect::<Vec<_>>(),
    })
}

/// An instant of a plan with dates, else milliseconds from its start.
pub(super) fn instant_or_offset(view: &View<'_>, at: Moment) -> Value {
    if view.zone.is_some() { json!(at.to_string()) } else { json!(at.0 - view.plan.outcome.start.0) }
}

fn quantiles<V: Copy, W: Copy>(
    of: &Quantiles<V, W>,
    value: impl Fn(V) -> Value,
    width: impl Fn(W) -> Value,
) -> Value {
    json!({
        "p10": value(of.p10), "p50": value(of.p50), "p80": value(of.p80), "p90": value(of.p90), "p95": value(of.p95),
        "mean": value(of.mean), "sd": width(of.deviation), "se_p80": width(of.p80_error),
    })
}

fn signed_ratio(millionths: i128) -> Value {
    let size = ratio(u64::try_from(millionths.unsigned_abs()).unwrap_or(u64::MAX));
    if millionths < 0 { json!(-size.as_f64().unwrap_or(0.0)) } else { size }
}
