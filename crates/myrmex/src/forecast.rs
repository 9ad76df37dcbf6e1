//! How a project that runs stands: what was planned when it began, what has happened, and what comes of it.
//!
//! The plan at the start is made again from the definition that the run began with, so it needs no place of its own and is always the
//! same. The forecast is the plan of the definition as the run follows it now, with what has happened as facts: what is over is fixed, what
//! is under way ends now at the earliest, and nothing else begins before now. Neither looks at runs of the past.

pub mod actual;
pub mod value;

use std::collections::BTreeMap;
use std::sync::Arc;

use myrmex_engine::run::Run;
use myrmex_model::event::Event;
use myrmex_model::id::{DefinitionHash, RunId};
use myrmex_model::ir::Definition;
use myrmex_model::name::{Name, Namespace};
use myrmex_model::status::Status;
use myrmex_model::time::Timestamp;
use myrmex_plan::lower::{Asked, Given, Measured, from_definition};
use myrmex_plan::make::{Options, Plan, make};
use myrmex_plan::problem::{ALWAYS, Fact, Kind, Moment, Problem, Span, Task, TaskId};
use myrmex_plan::search::Effort;
use myrmex_runtime::partition::load_definition;
use myrmex_runtime::values;
use myrmex_store::Reader;

use crate::commands::plan::reasons::no_plan;
use crate::descendants::start_of;
use crate::exit::{Failure, FailureCode};
use actual::{Actual, Actuals};

/// The seed and the effort of both plans are those that `myrmex plan` takes by itself.
const SEED: u64 = 1;
const CANDIDATES: u64 = 20_000;

/// How many samples the probabilities of a forecast are drawn from.
const SAMPLES: u64 = 2_000;

/// The definitions that one calls, by name.
pub type Called = BTreeMap<Name, Definition>;

/// A problem with its plan.
#[derive(Debug, Clone)]
pub struct Planned {
    /// What was planned.
    pub problem: Problem,
    /// Its plan.
    pub plan: Plan,
}

/// How a run stands at an instant.
#[derive(Debug)]
pub struct Forecast {
    /// The instant: of a run that is over its end.
    pub now: Moment,
    /// When the run ended, if it has.
    pub ended: Option<Moment>,
    /// The plan at the start of the run.
    pub baseline: Planned,
    /// What has happened.
    pub actuals: Actuals,
    /// The plan with what has happened as facts; why there is none, if what has happened leaves none.
    pub forecast: Result<Planned, Failure>,
}

/// Returns an instant as plans know it, to the millisecond.
pub fn moment(at: Timestamp) -> Moment {
    Moment(at.0.div_euclid(1_000_000))
}

/// Tells how a run of a project stands at `now`; one that is over stands as it did at its end.
///
/// # Errors
///
/// Returns [`Failure`] if the store cannot be read, or there never was a plan.
pub fn of_run(
    reader: &dyn Reader,
    namespace: &Namespace,
    run: &Run,
    now: Timestamp,
) -> Result<Forecast, Failure> {
    let gone = || Failure::new(FailureCode::RunId, format!("there is no run {}", run.id()));
    let started = run.started().ok_or_else(gone)?;
    let (first, called) = begun_with(reader, namespace, run.id())?.ok_or_else(gone)?;
    let baseline = planned(&first, &called, (moment(started), 0), |_| {})?;
    let actuals = actual::read(reader, namespace, run)?;
    let ended = reader.summary(namespace, run.id())?.and_then(|summary| summary.ended).map(moment);
    let now = ended.unwrap_or_else(|| moment(now));
    let forecast = of_definition(run.definition(), &called, (&baseline, &actuals), now);
    Ok(Forecast { now, ended, baseline, actuals, forecast })
}

/// Makes the forecast of a run as if it followed `definition` from now on.
///
/// # Errors
///
/// Returns [`Failure`] if what has happened leaves no plan.
pub fn of_definition(
    definition: &Definition,
    called: &Called,
    (baseline, actuals): (&Planned, &Actuals),
    now: Moment,
) -> Result<Planned, Failure> {
    planned(definition, called, (now, SAMPLES), |problem| {
        let facts: Vec<Fact> =
            problem.tasks.iter().map(|task| fact(task, (baseline, actuals), now)).collect();
        for (task, fact) in problem.tasks.iter_mut().zip(facts) {
            task.fact = fact;
        }
    })
}

/// Returns the definition that a run began with and those that it may call; nothing if there is no such run.
///
/// # Errors
///
/// Returns [`Failure`] if the store cannot be read.
pub fn begun_with(
    reader: &dyn Reader,
    namespace: &Namespace,
    run: RunId,
) -> Result<Option<(Arc<Definition>, Called)>, Failure> {
    let Some(Event::RunStarted { definition, closure, .. }) = start_of(reader, namespace, run)? else {
        return Ok(None);
    };
    let Some(definition) = load_definition(reader, namespace, definition)? else { return Ok(None) };
    let closure = closure.map(|closure| values::load(reader, namespace, run, closure)).transpose()?;
    let mut called = Called::new();
    for (name, hash) in closure.iter().filter_map(|value| value.as_object()).flatten() {
        let hash = hash.as_str().and_then(|hash| hash.parse::<DefinitionHash>().ok());
        let Some((name, hash)) = Name::new(name).ok().zip(hash) else { continue };
        if let Some(definition) = load_definition(reader, namespace, hash)? {
            called.insert(name, Definition::clone(&definition));
        }
    }
    Ok(Some((definition, called)))
}

/// Plans `definition` from `start` on, after `change` of the problem.
fn planned(
    definition: &Definition,
    called: &Called,
    (start, samples): (Moment, u64),
    change: impl FnOnce(&mut Problem),
) -> Result<Planned, Failure> {
    let measured = Measured::default();
    let given = Given::default();
    let asked = Asked { definition, called, measured: &measured, start, slots: None, given: &given };
    let lowered = from_definition(&asked).map_err(|error| Failure::from_error(FailureCode::Plan, &error))?;
    let mut problem = lowered.problem;
    change(&mut problem);
    let effort = Effort { candidates: CANDIDATES };
    let options = Options { effort, seed: SEED, samples, is_reviewed: false };
    let plan = make(&problem, options).map_err(|error| no_plan(&problem, &error))?;
    Ok(Planned { problem, plan })
}

/// Returns how much open time `1d` is in the calendar of the task at `path`; 24 hours outside of a project.
///
/// # Errors
///
/// Returns [`Failure`] if the definition cannot be planned.
pub fn day_of(definition: &Definition, path: &str) -> Result<Span, Failure> {
    let (called, measured, given) = (Called::new(), Measured::default(), Given::default());
    let start = Moment::default();
    let asked = Asked { definition, called: &called, measured: &measured, start, slots: None, given: &given };
    let lowered = from_definition(&asked).map_err(|error| Failure::from_error(FailureCode::Plan, &error))?;
    let problem = lowered.problem;
    let task = problem.tasks.iter().find(|task| task.name == path);
    let calendar = task.map_or(ALWAYS, |task| task.calendar);
    Ok(problem.calendars[calendar.at()].day)
}

impl Planned {
    /// Finds a task by its path.
    pub fn find(&self, path: &str) -> Option<TaskId> {
        let place = self.problem.tasks.iter().position(|task| task.name == path)?;
        u32::try_from(place).ok().map(TaskId)
    }

    /// Returns the open time of a task between two instants; less than nothing if the second is the earlier one.
    pub fn open_time(&self, task: TaskId, from: Moment, to: Moment) -> Span {
        let hours = self.plan.hours.of_task(task);
        // Beyond what is known of calendars time is elapsed time.
        if to < from {
            Span(-hours.between(to, from).map_or(from.0 - to.0, |span| span.0))
        } else {
            hours.between(from, to).unwrap_or(Span(to.0 - from.0))
        }
    }

    /// Returns how long a task lasts in this plan, in open time.
    pub fn length(&self, task: TaskId) -> Span {
        let placed = self.plan.placement.of(task);
        self.open_time(task, placed.start, placed.finish)
    }
}

/// Returns what has happened of a task of a problem.
fn fact(task: &Task, (baseline, actuals): (&Planned, &Actuals), now: Moment) -> Fact {
    if is_in_what_is_over(&task.name, actuals) {
        return Fact::Dropped;
    }
    if let Some(block) = task.name.strip_suffix(":start").filter(|_| task.kind == Kind::Joint) {
        let begun = actuals.get(block).and_then(|own| own.begun);
        return begun.map_or(Fact::Open, |at| Fact::Finished { start: moment(at), finish: moment(at) });
    }
    if let Some(block) = task.name.strip_suffix(":finish").filter(|_| task.kind == Kind::Joint) {
        let ended = actuals.get(block).and_then(|own| own.ended);
        return ended.map_or(Fact::Open, |at| Fact::Finished { start: moment(at), finish: moment(at) });
    }
    // What lasts from one task to another follows from the facts of these.
    let Some(own) = actuals.get(&task.name).filter(|_| task.spans.is_none()) else { return Fact::Open };
    match own.status {
        Status::Succeeded | Status::Failed | Status::TimedOut => {
            let finish = own.ended.map_or(now, moment);
            Fact::Finished { start: own.begun.map_or(finish, moment).min(finish), finish }
        }
        Status::Skipped | Status::Cancelled | Status::Compensated => Fact::Dropped,
        Status::Pending | Status::Running | Status::Waiting | Status::Stuck => {
            started(task, own, baseline, now)
        }
    }
}

/// Returns what has happened of a task that is not over.
fn started(task: &Task, own: &Actual, baseline: &Planned, now: Moment) -> Fact {
    let is_instant = match task.kind {
        Kind::Milestone | Kind::Joint => true,
        Kind::Automated | Kind::Manual | Kind::Decision => false,
    };
    let Some(begun) = own.begun.filter(|_| !is_instant) else { return Fact::Open };
    let planned = baseline.find(&task.name);
    let left = match (own.said, planned) {
        // All of it has to be done once more.
        _ if own.status == Status::Stuck => planned.map(|id| baseline.length(id)),
        (Some((progress, at)), Some(id)) => {
            let by_part = || {
                let whole = i128::from(baseline.length(id).0);
                i64::try_from(whole * i128::from(100 - progress.percent.min(100)) / 100).unwrap_or(i64::MAX)
            };
            let then = progress.remaining.map(|left| i64::try_from(left.0).unwrap_or(i64::MAX));
            let since = baseline.open_time(id, moment(at), now);
            Some(Span((then.unwrap_or_else(by_part) - since.0).max(0)))
        }
        (Some((progress, _)), None) => {
            progress.remaining.map(|left| Span(i64::try_from(left.0).unwrap_or(i64::MAX)))
        }
        (None, _) => None,
    };
    Fact::Started { at: moment(begun).min(now), left }
}

/// Whether a task lies inside of something that is over, and did not happen itself: another branch was taken.
fn is_in_what_is_over(path: &str, actuals: &Actuals) -> bool {
    let is_over = |path: &str| actuals.get(path).is_some_and(|own| own.status.is_terminal());
    let own = path.strip_suffix(":start").or_else(|| path.strip_suffix(":finish")).unwrap_or(path);
    if actuals.get(own).is_some_and(|own| own.status == Status::Skipped) {
        return true;
    }
    let around = own.char_indices().filter(|(_, character)| matches!(character, '/' | '['));
    !actuals.contains_key(own) && around.into_iter().any(|(end, _)| is_over(&own[..end]))
}
