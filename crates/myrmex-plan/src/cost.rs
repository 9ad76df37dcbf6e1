//! What a placement costs, to whom it goes and when: the budget at completion and the planned value over time.
//!
//! A task costs the open time between its start and finish times the rates of its people (in proportion to their units) and of its
//! pools (for each unit), its price of use at the start, and its fixed price. Pauses cost nothing. Where a plan says otherwise (a rule of
//! earning of its own), what was earned is for who measures it; here is what was planned to be spent.
//!
//! Each amount to one payee for one task is rounded once ([`crate::money`]); all else is a sum of these, so sums equal their parts.

use std::collections::BTreeMap;

use jiff::ToSpan;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use crate::hours::Hours;
use crate::money::{part, sum};
use crate::placement::Placement;
use crate::policy::{Beyond, Pass};
use crate::problem::{
    Accrue, CalendarId, Fact, Moment, Money, PersonId, PhaseId, PoolId, Problem, Span, TaskId, WHOLE,
};
use crate::ratio::Ratio;

/// What divides a rate by the hour, thousandths of a person, and milliseconds.
const HOUR: i128 = 3_600_000 * WHOLE as i128;

/// The most periods of a curve: a century of days.
const PERIODS_MAX: usize = 36_525;

/// Who or what gets an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Payee {
    /// A person, for time.
    Person(PersonId),
    /// A pool, for time.
    Pool(PoolId),
    /// Whoever gets the fixed price of tasks.
    Fixed,
    /// Whoever gets their price of use.
    Use,
}

/// An amount to one payee for one task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// For what.
    pub task: TaskId,
    /// To whom.
    pub payee: Payee,
    /// How much.
    pub amount: Money,
    /// When.
    pub accrue: Accrue,
}

/// What a placement costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Costs {
    /// Every amount that is not zero, by task and payee.
    pub items: Vec<Item>,
    /// Their sum.
    pub total: Money,
    /// By the index of the task.
    pub by_task: Vec<Money>,
    /// By phase; what is in none comes first.
    pub by_phase: Vec<(Option<PhaseId>, Money)>,
    /// By account, in the order of names; what goes to none comes first.
    pub by_account: Vec<(Option<String>, Money)>,
    /// By payee.
    pub by_payee: Vec<(Payee, Money)>,
}

/// Why costs cannot be computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CostError {
    /// An amount does not fit.
    #[error("an amount of money is too large")]
    Large,
    /// A task lies outside of the time that calendars are known for.
    #[error(transparent)]
    Beyond(#[from] Beyond),
    /// The time zone of a calendar is not known, or dates are beyond what it is known for.
    #[error("no period can be dated in the time zone of the calendar")]
    Zone,
    /// A curve would have more than a century of days.
    #[error("more than 36525 periods")]
    Periods,
}

/// Computes what `placement` of `problem` costs. What was dropped costs nothing.
///
/// # Errors
///
/// Returns [`CostError`] if a task lies beyond what `hours` know or an amount does not fit.
pub fn costs(problem: &Problem, placement: &Placement, hours: &Hours) -> Result<Costs, CostError> {
    let mut items = Vec::new();
    for id in (0..).map(TaskId).take(problem.tasks.len()) {
        if problem.tasks[id.at()].fact != Fact::Dropped {
            items.extend(items_of(problem, placement, hours, id)?);
        }
    }
    let mut by_task = vec![Money(0); problem.tasks.len()];
    let (mut by_phase, mut by_account, mut by_payee) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for item in &items {
        let task = &problem.tasks[item.task.at()];
        let add = |sum: &mut Money| sum.0 += item.amount.0;
        add(&mut by_task[item.task.at()]);
        add(by_phase.entry(task.phase).or_default());
        add(by_account.entry(task.cost.account.clone()).or_default());
        add(by_payee.entry(item.payee).or_default());
    }
    Ok(Costs {
        total: sum(items.iter().map(|item| item.amount)),
        items,
        by_task,
        by_phase: by_phase.into_iter().collect(),
        by_account: by_account.into_iter().collect(),
        by_payee: by_payee.into_iter().collect(),
    })
}

fn items_of(
    problem: &Problem,
    placement: &Placement,
    hours: &Hours,
    id: TaskId,
) -> Result<Vec<Item>, CostError> {
    let (task, placed) = (&problem.tasks[id.at()], placement.of(id));
    let worked = hours.of_task(id).between(placed.start, placed.finish).ok_or(Beyond)?;
    let timed = |rate: Option<Money>, units: i128| {
        let amount = part(rate.unwrap_or_default(), units * i128::from(worked.0.max(0)), HOUR);
        amount.ok_or(CostError::Large)
    };
    let mut items = Vec::new();
    let mut add = |payee, amount: Money, accrue| {
        if amount.0 != 0 {
            items.push(Item { task: id, payee, amount, accrue });
        }
    };
    for &(person, units) in &placed.crew {
        let amount = timed(problem.people[person.at()].rate, i128::from(units))?;
        add(Payee::Person(person), amount, Accrue::Linear);
    }
    for &(pool, units) in task.modes.get(placed.mode).into_iter().flat_map(|mode| &mode.pools) {
        let amount = timed(problem.pools[pool.at()].rate, i128::from(units) * i128::from(WHOLE))?;
        add(Payee::Pool(pool), amount, Accrue::Linear);
    }
    add(Payee::Fixed, task.cost.fixed.unwrap_or_default(), task.cost.accrue);
    add(Payee::Use, task.cost.per_use.unwrap_or_default(), Accrue::Start);
    Ok(items)
}

impl Costs {
    /// Returns what is planned to be spent up to each of `instants`: all of it from the last finish on.
    ///
    /// # Errors
    ///
    /// Returns [`CostError`] if a task lies beyond what `hours` know.
    pub fn planned(
        &self,
        placement: &Placement,
        hours: &Hours,
        instants: &[Moment],
    ) -> Result<Vec<Money>, CostError> {
        let mut planned = vec![Money(0); instants.len()];
        for item in &self.items {
            for (sum, instant) in planned.iter_mut().zip(instants) {
                sum.0 += item.planned(placement, hours, *instant)?.0;
            }
        }
        Ok(planned)
    }
}

impl Item {
    /// Returns what of it is planned to be spent up to `instant`.
    ///
    /// # Errors
    ///
    /// Returns [`CostError`] if its task lies beyond what `hours` know.
    pub fn planned(&self, placement: &Placement, hours: &Hours, instant: Moment) -> Result<Money, CostError> {
        let placed = placement.of(self.task);
        let all_from = match self.accrue {
            Accrue::Start => placed.start,
            Accrue::End | Accrue::Linear => placed.finish,
        };
        if instant >= all_from {
            return Ok(self.amount);
        }
        if self.accrue != Accrue::Linear || instant <= placed.start {
            return Ok(Money(0));
        }
        let between = |to: Moment| hours.of_task(self.task).between(placed.start, to).ok_or(Beyond);
        let (passed, whole) = (between(instant)?, between(placed.finish)?);
        // Without any open time it is spent at the finish.
        if whole.0 <= 0 {
            return Ok(Money(0));
        }
        part(self.amount, i128::from(passed.0), i128::from(whole.0)).ok_or(CostError::Large)
    }
}

/// How long a period of a curve is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// A day.
    Day,
    /// Seven days.
    Week,
    /// A month: up to the same day of the next one, or its last.
    Month,
}

/// Returns the ends of the periods that cover `start` to `finish`, with the beginning of the first one before them: midnights in the
/// zone of `calendar`, counted from the day of `start`.
///
/// # Errors
///
/// Returns [`CostError`] if the zone is not known or there are too many periods.
pub fn periods(
    problem: &Problem,
    calendar: CalendarId,
    start: Moment,
    finish: Moment,
    period: Period,
) -> Result<Vec<Moment>, CostError> {
    let zone = match problem.calendars.get(calendar.at()) {
        Some(calendar) => TimeZoneDatabase::bundled().get(&calendar.zone).map_err(|_| CostError::Zone)?,
        None => TimeZone::UTC,
    };
    let first = jiff::Timestamp::from_millisecond(start.0).map_err(|_| CostError::Zone)?;
    let first = zone.to_datetime(first).date();
    let midnight = |count: usize| {
        let count = i64::try_from(count).ok()?;
        let away = match period {
            Period::Day => count.days(),
            Period::Week => count.weeks(),
            Period::Month => count.months(),
        };
        let day = first.checked_add(away).ok()?;
        Some(Moment(day.to_zoned(zone.clone()).ok()?.timestamp().as_millisecond()))
    };
    let mut ends = vec![midnight(0).ok_or(CostError::Zone)?];
    while ends.last().is_some_and(|end| *end < finish) || ends.len() < 2 {
        if ends.len() > PERIODS_MAX {
            return Err(CostError::Periods);
        }
        ends.push(midnight(ends.len()).ok_or(CostError::Zone)?);
    }
    Ok(ends)
}

/// What is kept aside for what may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reserve {
    /// For what is known that it may happen: P80 of the cost less the planned one, if that is more than nothing.
    pub contingency: Money,
    /// For what nobody knows: a share of the planned cost and the contingency together.
    pub management: Money,
}

/// Computes the reserve of a plan of `total` whose samples have this P80; none if it does not fit.
pub fn reserve(total: Money, p80: Money, management: Ratio) -> Option<Reserve> {
    let contingency = Money(p80.0.checked_sub(total.0)?.max(0));
    let base = Money(total.0.checked_add(contingency.0)?);
    Some(Reserve { contingency, management: part(base, management.0, 1_000_000)? })
}

/// What lengths of tasks cost, for samples: one amount a sample, which is rounded once. It may differ by half a millionth for each item
/// from the sum of the items.
#[derive(Debug, Clone)]
pub(crate) struct Rates {
    /// For each task what a millisecond costs, in parts of [`HOUR`].
    time: Vec<i128>,
    /// For each task which time that is to be paid for.
    costed: Vec<TimeOf>,
    /// What all tasks cost whatever they last.
    lump: Money,
}

/// How long a task costs its rates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TimeOf {
    /// For its length.
    Length,
    /// For the open time between its dates.
    Dates,
}

impl Rates {
    pub(crate) fn of(problem: &Problem, placement: &Placement) -> Self {
        let mut rates = Self { time: Vec::new(), costed: Vec::new(), lump: Money(0) };
        for (task, placed) in problem.tasks.iter().zip(&placement.tasks) {
            let people = placed.crew.iter().map(|&(person, units)| {
                problem.people[person.at()].rate.unwrap_or_default().0.saturating_mul(i128::from(units))
            });
            let pools = task.modes.get(placed.mode).into_iter().flat_map(|mode| &mode.pools);
            let pools = pools.map(|&(pool, units)| {
                let rate = problem.pools[pool.at()].rate.unwrap_or_default().0;
                rate.saturating_mul(i128::from(units) * i128::from(WHOLE))
            });
            let (is_real, costed) = match task.fact {
                Fact::Open if task.spans.is_none() => (true, TimeOf::Length),
                Fact::Open | Fact::Started { .. } | Fact::Finished { .. } => (true, TimeOf::Dates),
                Fact::Dropped => (false, TimeOf::Length),
            };
            let time = people.chain(pools).fold(0, i128::saturating_add);
            rates.time.push(if is_real { time } else { 0 });
            rates.costed.push(costed);
            if is_real {
                let lumps = [task.cost.fixed, task.cost.per_use].into_iter().flatten();
                rates.lump = sum(lumps.chain([rates.lump]));
            }
        }
        rates
    }

    /// Returns what everything costs in a pass with these lengths.
    pub(crate) fn total(&self, lengths: &[Span], pass: &Pass, hours: &Hours) -> Money {
        let mut parts: i128 = 0;
        for (task, (&rate, costed)) in (0..).map(TaskId).zip(self.time.iter().zip(&self.costed)) {
            if rate != 0 {
                let worked = match costed {
                    TimeOf::Length => lengths[task.at()],
                    // Dates of a pass are known to the calendars; facts from before them cost nothing here.
                    TimeOf::Dates => {
                        let (start, finish) = (pass.starts[task.at()], pass.finishes[task.at()]);
                        hours.of_task(task).between(start, finish).unwrap_or_default()
                    }
                };
                parts = parts.saturating_add(rate.saturating_mul(i128::from(worked.0)));
            }
        }
        let time = part(Money(parts), 1, HOUR).unwrap_or_default();
        sum([time, self.lump])
    }

    /// Returns what `length` more of `task` costs.
    pub(crate) fn of_length(&self, task: TaskId, length: Span) -> Money {
        let parts = self.time[task.at()].saturating_mul(i128::from(length.0));
        part(Money(parts), 1, HOUR).unwrap_or_default()
    }
}
