//! Earned value of a run: what was to be done, what is done, and what it cost, by the earning rule of each task.
//!
//! Without any price in a project hours of people are the currency. What people did not report is assumed: the open time since they
//! began, or as long as was planned of what they never said to have begun.

use std::collections::BTreeMap;

use myrmex_model::ir::Definition;
use myrmex_model::planning::{self, Earn, Money};
use myrmex_model::status::Status;
use myrmex_plan::cost::{Period, periods};
use myrmex_plan::earned::{EarnedTime, Figures, Standing, earned_time};
use myrmex_plan::money::part;
use myrmex_plan::problem::{ALWAYS, Accrue, CalendarId, Kind, Moment, TaskId, WHOLE};
use myrmex_plan::ratio::Ratio;

use super::actual::Actual;
use super::{Forecast, Planned, moment};

/// A whole in millionths.
const WHOLE_PART: i128 = 1_000_000;

/// What divides a rate by the hour, thousandths of a person, and milliseconds.
const HOUR: i128 = 3_600_000 * WHOLE as i128;

/// Where the money of a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value {
    /// Whether it is money; else it is hours of people.
    pub is_money: bool,
    /// What was planned, what is done, what it cost.
    pub standing: Standing,
    /// What follows from that.
    pub figures: Figures,
    /// Where it stands in time; none if nothing is planned to take any.
    pub time: Option<EarnedTime>,
    /// Whether some of the cost is assumed, because nobody said how many hours it took.
    pub is_assumed: bool,
}

/// The parts of a task that are earned with a rule.
struct Rules<'a> {
    forecast: &'a Forecast,
    by_path: BTreeMap<&'a str, &'a Earn>,
}

/// Computes where the money of a run of `definition` stands. Tasks that were added while it ran are in no budget of the plan at the start.
pub fn of(definition: &Definition, forecast: &Forecast) -> Value {
    let baseline = &forecast.baseline;
    let is_money = baseline.plan.costs.total.0 != 0;
    let weights: Vec<Money> = ids(baseline).map(|id| weight(baseline, id, is_money)).collect();
    let nodes = definition.nodes.iter();
    let by_path = nodes.filter_map(|node| Some((node.name.as_str(), node.planning.as_ref()?.earn.as_ref()?)));
    let rules = Rules { forecast, by_path: by_path.collect() };
    let sum_of = |share: &dyn Fn(TaskId) -> i128| {
        let parts = ids(baseline).zip(&weights).map(|(id, weight)| part(*weight, share(id), WHOLE_PART));
        Money(parts.map(|part| part.unwrap_or_default().0).sum())
    };
    let planned_at = |at: Moment| sum_of(&|id| rules.planned(id, at, 0));
    let spent: Vec<(Money, bool)> = ids(baseline).map(|id| spent(forecast, id, is_money)).collect();
    let standing = Standing {
        budget: Money(weights.iter().map(|weight| weight.0).sum()),
        planned: planned_at(forecast.now),
        earned: sum_of(&|id| rules.earned(id, 0)),
        actual: Money(spent.iter().map(|(money, _)| money.0).sum()),
    };
    Value {
        is_money,
        standing,
        figures: standing.figures(),
        time: in_time(definition, forecast, standing.earned, planned_at),
        is_assumed: spent.iter().any(|(money, is_assumed)| *is_assumed && money.0 != 0),
    }
}

fn ids(planned: &Planned) -> impl Iterator<Item = TaskId> + use<> {
    (0..u32::try_from(planned.problem.tasks.len()).unwrap_or(u32::MAX)).map(TaskId)
}

/// Returns what a task is worth: its planned cost, or the hours that its people were to work, in millionths.
fn weight(baseline: &Planned, id: TaskId, is_money: bool) -> Money {
    if is_money {
        return baseline.plan.costs.by_task[id.at()];
    }
    person_time(baseline, id, baseline.length(id).0)
}

/// Returns the hours of all its people in so much open time of a task, in millionths.
fn person_time(baseline: &Planned, id: TaskId, open_ms: i64) -> Money {
    let units: i128 = baseline.plan.placement.of(id).crew.iter().map(|(_, units)| i128::from(*units)).sum();
    let is_work = baseline.problem.tasks[id.at()].kind == Kind::Manual;
    let units = if units == 0 && is_work { i128::from(WHOLE) } else { units };
    part(Money(WHOLE_PART), units * i128::from(open_ms.max(0)), HOUR).unwrap_or_default()
}

impl Rules<'_> {
    /// Returns which part of a task was to be earned at an instant, in millionths. `depth` bounds tasks that earn as others do.
    fn planned(&self, id: TaskId, at: Moment, depth: usize) -> i128 {
        let baseline = &self.forecast.baseline;
        let placed = baseline.plan.placement.of(id);
        let (has_begun, is_over) = (at >= placed.start, at >= placed.finish);
        let whole = i128::from(baseline.length(id).0);
        let passed = i128::from(baseline.open_time(id, placed.start, at).0);
        let share = match (is_over, has_begun && whole > 0) {
            (true, _) => WHOLE_PART,
            (false, true) => (passed * WHOLE_PART / whole).min(WHOLE_PART),
            (false, false) => 0,
        };
        self.by_rule(id, (share, has_begun, is_over), depth, &|id, depth| self.planned(id, at, depth))
    }

    /// Returns which part of a task is earned now, in millionths.
    fn earned(&self, id: TaskId, depth: usize) -> i128 {
        let task = &self.forecast.baseline.problem.tasks[id.at()];
        let Some(own) = self.forecast.actuals.get(&task.name) else { return 0 };
        let is_over = own.status == Status::Succeeded;
        let share = i128::from(own.percent()) * WHOLE_PART / 100;
        let share = match self.by_path.get(task.name.as_str()) {
            // Only time earns it.
            Some(Earn::Effort) if !is_over && own.begun.is_some() => {
                self.planned(id, self.forecast.now, depth)
            }
            Some(_) | None => share,
        };
        self.by_rule(id, (share, own.begun.is_some(), is_over), depth, &|id, depth| self.earned(id, depth))
    }

    fn by_rule(
        &self,
        id: TaskId,
        (share, has_begun, is_over): (i128, bool, bool),
        depth: usize,
        other: &dyn Fn(TaskId, usize) -> i128,
    ) -> i128 {
        let task = &self.forecast.baseline.problem.tasks[id.at()];
        let at_end = if is_over { WHOLE_PART } else { 0 };
        match self.by_path.get(task.name.as_str()) {
            Some(Earn::Halves) if has_begun && !is_over => WHOLE_PART / 2,
            Some(Earn::Percent | Earn::Effort | Earn::Units(_)) => share,
            Some(Earn::Milestones(steps)) => {
                let reached = steps.iter().filter(|step| i128::from(step.at.0) <= share);
                reached.map(|step| i128::from(step.weight.0)).sum()
            }
            Some(Earn::Apportioned(name)) => {
                let like = self.forecast.baseline.find(name.as_str());
                // Tasks that earn as each other do earn nothing.
                let is_bounded = depth < self.forecast.baseline.problem.tasks.len();
                like.filter(|_| is_bounded).map_or(0, |like| other(like, depth + 1))
            }
            None if task.kind == Kind::Manual => share,
            Some(Earn::AtEnd | Earn::Halves) | None => at_end,
        }
    }
}

/// Returns what a task cost so far, and whether its hours are assumed.
fn spent(forecast: &Forecast, id: TaskId, is_money: bool) -> (Money, bool) {
    let baseline = &forecast.baseline;
    let task = &baseline.problem.tasks[id.at()];
    let Some((own, begun)) = forecast.actuals.get(&task.name).and_then(|own| Some((own, own.begun?))) else {
        return (Money(0), false);
    };
    let open = worked(forecast, id, (own, moment(begun)));
    let reported = own.spent.map(|spent| i64::try_from(spent.0).unwrap_or(i64::MAX));
    if !is_money {
        let assumed = person_time(baseline, id, open);
        let hours = reported.map(|ms| part(Money(WHOLE_PART), i128::from(ms), 3_600_000).unwrap_or_default());
        return (hours.unwrap_or(assumed), reported.is_none());
    }
    let placed = baseline.plan.placement.of(id);
    let units: i128 = placed.crew.iter().map(|(_, units)| i128::from(*units)).sum();
    let rates = placed.crew.iter().map(|(person, units)| {
        baseline.problem.people[person.at()].rate.unwrap_or_default().0 * i128::from(*units)
    });
    let rates = Money(rates.sum());
    let time = match reported {
        // Hours of all of them, each at the mean of their rates.
        Some(ms) if units > 0 => part(rates, i128::from(ms), units * 3_600_000),
        Some(_) | None => part(rates, i128::from(open), HOUR),
    };
    let pools = task.modes.get(placed.mode).into_iter().flat_map(|mode| &mode.pools).map(|(pool, units)| {
        let rate = baseline.problem.pools[pool.at()].rate.unwrap_or_default();
        part(rate, i128::from(*units) * i128::from(open), 3_600_000).unwrap_or_default().0
    });
    let fixed = task.cost.fixed.unwrap_or_default();
    let fixed = match task.cost.accrue {
        _ if own.status == Status::Succeeded => fixed,
        Accrue::Start => fixed,
        Accrue::End => Money(0),
        Accrue::Linear => part(fixed, i128::from(own.percent()), 100).unwrap_or_default(),
    };
    let per_use = task.cost.per_use.unwrap_or_default().0;
    let time = time.unwrap_or_default().0;
    (Money(time + pools.sum::<i128>() + fixed.0 + per_use), reported.is_none() && rates.0 != 0)
}

/// Returns the open time that was worked on a task so far, as far as that can be known.
fn worked(forecast: &Forecast, id: TaskId, (own, begun): (&Actual, Moment)) -> i64 {
    let baseline = &forecast.baseline;
    match own.ended {
        // Nobody said when it began.
        Some(_) if own.is_work && own.said.is_none() => baseline.length(id).0,
        Some(ended) => baseline.open_time(id, begun, moment(ended)).0.max(0),
        None => baseline.open_time(id, begun, forecast.now).0.max(0),
    }
}

/// Returns where the run stands in time.
fn in_time(
    definition: &Definition,
    forecast: &Forecast,
    earned: Money,
    planned_at: impl Fn(Moment) -> Money,
) -> Option<EarnedTime> {
    let (problem, outcome) = (&forecast.baseline.problem, &forecast.baseline.plan.outcome);
    let period = match definition.project.as_ref()?.period {
        planning::Period::Day => Period::Day,
        planning::Period::Week => Period::Week,
        planning::Period::Month => Period::Month,
    };
    let of_people = problem.tasks.iter().find(|task| matches!(task.kind, Kind::Manual | Kind::Decision));
    let calendar: CalendarId = of_people.map_or(ALWAYS, |task| task.calendar);
    let ends = periods(problem, calendar, outcome.start, outcome.finish, period).ok()?;
    let whole = ends.partition_point(|end| *end <= forecast.now).saturating_sub(1);
    let hours = forecast.baseline.plan.hours.of_calendar(calendar);
    // In open time, as work is planned; where nothing is open or known, in elapsed time.
    let open = |from: Moment, to: Moment| {
        let elapsed = i128::from((to.0 - from.0).max(0));
        hours.between(from, to.max(from)).map_or(elapsed, |span| i128::from(span.0))
    };
    // After the last of them time goes on in periods of the same length.
    let (from, to) = match ends.get(whole + 1) {
        Some(to) => (*ends.get(whole)?, *to),
        None => (*ends.get(whole.checked_sub(1)?)?, *ends.get(whole)?),
    };
    let since = *ends.get(whole)?;
    let (passed, width) = match open(from, to) {
        0 => (i128::from((forecast.now.0 - since.0).max(0)), i128::from(to.0 - from.0).max(1)),
        width => (open(since, forecast.now), width),
    };
    let now = i128::try_from(whole).ok()? * WHOLE_PART + passed * WHOLE_PART / width;
    let mut planned: Vec<Money> = ends.iter().map(|end| planned_at(*end)).collect();
    // At the beginning nothing was to be done.
    if let Some(first) = planned.first_mut() {
        *first = Money(0);
    }
    earned_time(&planned, earned, Ratio(now))
}
