//! How sure dates and costs are: many executions of one plan with amounts of work and risks drawn by chance.
//!
//! A sample runs the plan's own rule ([`crate::policy`]) once: links, resource arcs and calendars hold in it, so n tasks in
//! parallel and people who are wanted twice show as what they are. Everything that chance decides is a function of seed, sample and
//! place ([`crate::random`]): [`Model::sample`] may be called for any indices in any order and on any threads, and [`summarise`] gives
//! the same report of the same samples.
//!
//! **What is drawn.** The amount of each task from its spread. Tasks of one group share a factor: their normal scores have the group's
//! correlation with each other (one-factor Gaussian copula; Li, "On default correlation", 2000). Each risk happens or does not, and then
//! each of its impacts makes a task longer (risk drivers; AACE 57R-09). What is over or dropped is not drawn. Of what has begun with a
//! known rest the rest varies as its estimate does; with no known rest its whole length is drawn, and it ends at the planning
//! instant at the earliest.

mod normal;
mod shape;
mod summary;

use std::ops::Range;

use crate::calendar::{CalendarError, Calendars};
use crate::chain::ResourceArc;
use crate::cost::Rates;
use crate::network::Network;
use crate::placement::{Placement, length};
use crate::policy::{Beyond, Pass, Policy};
use crate::problem::{Amount, Fact, GroupId, Kind, Moment, Money, Problem, Risk, RiskId, Span, TaskId};
use crate::random::Random;
use crate::ratio::MILLION;
use shape::{Polygons, Shape};

pub use summary::{Quantiles, Report, RiskEffect, summarise};

/// How many samples are enough where nobody says: the standard error of P80 is then 0.9 percentile points.
pub const SAMPLES: u32 = 2_000;

/// How many samples are drawn side by side: what a task is drawn from is then read from memory once for all of them.
const BLOCK: usize = 32;

/// Streams of random numbers, apart by what is drawn; the place of the task, group, risk or impact is added.
const AMOUNTS: u64 = 0;
const FACTORS: u64 = 1 << 56;
const HAPPENINGS: u64 = 2 << 56;
const IMPACTS: u64 = 3 << 56;

/// A plan, ready for sampling.
#[derive(Debug, Clone)]
pub struct Model<'a> {
    problem: &'a Problem,
    policy: Policy,
    random: Random,
    /// When the plan ends as it was placed.
    planned: Moment,
    work: Vec<Work>,
    polygons: Polygons,
    consequences: Vec<Consequence>,
    /// For each task the places of what risks do to it.
    consequences_of: Vec<Vec<usize>>,
    rates: Rates,
}

/// How long a task lasts by chance.
#[derive(Debug, Clone)]
struct Work {
    amount: Shape,
    measure: Measure,
    group: Option<GroupId>,
}

/// What an amount means for the length of a task.
#[derive(Debug, Clone, Copy)]
enum Measure {
    /// It is the length.
    Length,
    /// It is shared by so many thousandths of persons.
    Effort(u64),
    /// `left` is left of a task of `whole`, and varies as that does.
    Rest { left: Span, whole: Span },
}

/// What a risk does to a task that is not over.
#[derive(Debug, Clone)]
struct Consequence {
    risk: RiskId,
    task: TaskId,
    time: Option<Shape>,
    cost: Money,
}

/// What chance decides for many tasks of one sample at once.
#[derive(Debug, Clone)]
struct Chance {
    sample: u64,
    /// The shared factor of each group: a share and its normal score.
    factors: Vec<(f64, f64)>,
    /// Whether each risk happens.
    happens: Vec<bool>,
}

/// What happened in one sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Which sample.
    pub sample: u64,
    /// When the last task ended.
    pub finish: Moment,
    /// What everything cost.
    pub cost: Money,
    /// The tasks from which delay reached the finish, in ascending order.
    pub critical: Vec<TaskId>,
    /// The risks that happened, in ascending order.
    pub risks: Vec<Occurrence>,
}

/// A risk that happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occurrence {
    /// Which one.
    pub risk: RiskId,
    /// How much later everything ended than it would have without it, in elapsed time.
    pub delay: Span,
    /// How much more everything cost.
    pub cost: Money,
}

/// Why a plan cannot be sampled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RiskError {
    /// A calendar means nothing, or the worst case goes beyond what time zones are known for.
    #[error(transparent)]
    Calendar(#[from] CalendarError),
    /// A task can never be done in the worst case, however far calendars are known.
    #[error(transparent)]
    Beyond(#[from] Beyond),
}

impl<'a> Model<'a> {
    /// Prepares `placement` of `problem`, with the arcs that [`crate::chain::chain`] made of it, for samples of `seed`. Calendars are
    /// compiled so far that the worst case fits: every amount at its greatest and every risk true.
    ///
    /// # Errors
    ///
    /// Returns [`RiskError`] if a calendar means nothing or the worst case cannot be dated.
    pub fn new(
        problem: &'a Problem,
        network: &Network,
        placement: &Placement,
        arcs: &[ResourceArc],
        seed: u64,
    ) -> Result<Self, RiskError> {
        let mut polygons = Polygons::new();
        let tasks = (0..).map(TaskId).take(problem.tasks.len());
        let work: Vec<Work> = tasks.map(|task| Work::of(problem, placement, task, &mut polygons)).collect();
        let consequences = consequences(problem, &mut polygons);
        let mut consequences_of = vec![Vec::new(); problem.tasks.len()];
        for (place, consequence) in consequences.iter().enumerate() {
            consequences_of[consequence.task.at()].push(place);
        }
        let worst = worst(&work, &consequences);
        let is_beyond = |error: &RiskError| matches!(error, RiskError::Beyond(_));
        let policy = Calendars::widen(problem, is_beyond, |calendars| {
            let policy = Policy::new(problem, network, placement, arcs, calendars);
            policy.run(&worst, &mut Pass::default())?;
            Ok::<_, RiskError>(policy)
        })?;
        Ok(Self {
            problem,
            policy,
            random: Random::new(seed),
            planned: placement.finish().unwrap_or(problem.start),
            work,
            polygons,
            consequences,
            consequences_of,
            rates: Rates::of(problem, placement),
        })
    }

    /// Runs sample `sample`.
    ///
    /// # Errors
    ///
    /// Returns [`Beyond`] if a date is later than in the worst case, which only a task that must end with another one can reach.
    pub fn sample(&self, sample: u64) -> Result<Outcome, Beyond> {
        let chance = self.chance(sample);
        let tasks = (0..).map(TaskId).take(self.work.len());
        let lengths: Vec<Span> = tasks.map(|task| self.length(task, &chance)).collect();
        self.outcome(&chance, &lengths)
    }

    /// Runs the samples of a range, in their order: the same as one by one, and faster where there are many tasks.
    ///
    /// # Errors
    ///
    /// Returns [`Beyond`] as [`Model::sample`] does.
    pub fn samples(&self, range: Range<u64>) -> Result<Vec<Outcome>, Beyond> {
        let mut outcomes = Vec::new();
        let all: Vec<u64> = range.collect();
        for block in all.chunks(BLOCK) {
            let chances: Vec<Chance> = block.iter().map(|sample| self.chance(*sample)).collect();
            let mut lengths = vec![vec![Span(0); self.work.len()]; block.len()];
            for task in (0..).map(TaskId).take(self.work.len()) {
                for (chance, lengths) in chances.iter().zip(&mut lengths) {
                    lengths[task.at()] = self.length(task, chance);
                }
            }
            for (chance, lengths) in chances.iter().zip(&lengths) {
                outcomes.push(self.outcome(chance, lengths)?);
            }
        }
        Ok(outcomes)
    }

    fn outcome(&self, chance: &Chance, lengths: &[Span]) -> Result<Outcome, Beyond> {
        let sample = chance.sample;
        let mut pass = Pass::default();
        self.policy.run(lengths, &mut pass)?;
        let finish = self.policy.finish(&pass).unwrap_or(self.problem.start);
        let critical = self.policy.critical(&pass);
        let mut cost = self.rates.total(lengths, &pass, self.policy.hours());
        let happened = (0..).map(RiskId).zip(&chance.happens).filter(|(_, happens)| **happens);
        let mut risks = Vec::new();
        for (risk, _) in happened {
            let lumps =
                self.consequences.iter().filter(|impact| impact.risk == risk).map(|impact| impact.cost);
            cost = lumps.fold(cost, |sum, lump| Money(sum.0.saturating_add(lump.0)));
            risks.push(self.occurrence(risk, sample, lengths, &pass, &critical)?);
        }
        Ok(Outcome { sample, finish, cost, critical, risks })
    }

    fn chance(&self, sample: u64) -> Chance {
        let factor = |group: u64| {
            let share = self.random.unit(sample, FACTORS + group);
            (share, normal::value_at(share))
        };
        let happens = |(place, risk): (u64, &Risk)| {
            self.random.unit(sample, HAPPENINGS + place) * 1e6 < f64::from(risk.probability)
        };
        Chance {
            sample,
            factors: (0..).take(self.problem.groups.len()).map(factor).collect(),
            happens: (0..).zip(&self.problem.risks).map(happens).collect(),
        }
    }

    /// Returns what `risk` did in a sample in which it happened: the same sample again without it. Where it made no critical task longer
    /// the finish follows from tasks that it did not touch.
    fn occurrence(
        &self,
        risk: RiskId,
        sample: u64,
        lengths: &[Span],
        pass: &Pass,
        critical: &[TaskId],
    ) -> Result<Occurrence, Beyond> {
        let mut without = lengths.to_vec();
        let mut cost = Money(0);
        let mut is_felt = false;
        for (place, impact) in self.consequences.iter().enumerate().filter(|(_, impact)| impact.risk == risk)
        {
            let more = self.impact(place, sample);
            let length = &mut without[impact.task.at()];
            *length = Span(length.0 - more.0);
            is_felt |= more.0 > 0 && critical.binary_search(&impact.task).is_ok();
            let time = self.rates.of_length(impact.task, more).0;
            cost = Money(cost.0.saturating_add(impact.cost.0).saturating_add(time));
        }
        let mut delay = Span(0);
        if is_felt && let Some(finish) = self.policy.finish(pass) {
            let mut other = pass.clone();
            self.policy.change(lengths, &without, &mut other)?;
            delay = Span(finish.0 - self.policy.finish(&other).unwrap_or(finish).0);
        }
        Ok(Occurrence { risk, delay, cost })
    }

    /// Returns how long `task` lasts in a sample, with what happened to it.
    fn length(&self, task: TaskId, chance: &Chance) -> Span {
        let work = &self.work[task.at()];
        let mut length = match &work.amount {
            Shape::Exact(amount) => work.length(Span(*amount)),
            shape => work.length(shape.at(self.share(task, chance), &self.polygons)),
        };
        for &place in &self.consequences_of[task.at()] {
            if chance.happens[self.consequences[place].risk.at()] {
                length = Span(length.0.saturating_add(self.impact(place, chance.sample).0));
            }
        }
        length
    }

    /// Returns whether the length of `task` differs between samples.
    fn is_uncertain(&self, task: TaskId) -> bool {
        let is_hit =
            self.consequences_of[task.at()].iter().any(|&place| self.consequences[place].time.is_some());
        is_hit || !self.work[task.at()].amount.is_exact()
    }

    /// Returns the share of all outcomes that the amount of `task` lies above.
    fn share(&self, task: TaskId, chance: &Chance) -> f64 {
        let own = || self.random.unit(chance.sample, AMOUNTS + u64::from(task.0));
        let Some(group) = self.work[task.at()].group else { return own() };
        let (factor, score) = chance.factors[group.at()];
        let correlation = self.problem.groups[group.at()].correlation;
        match correlation {
            0 => own(),
            correlation if i128::from(correlation) >= MILLION => factor,
            correlation => {
                let correlation = f64::from(correlation) / 1e6;
                let score = correlation.sqrt() * score + (1.0 - correlation).sqrt() * normal::value_at(own());
                // Far out in a tail the share is rounded to an end, at which no shape is asked.
                normal::share_below(score).clamp(f64::EPSILON / 4.0, 1.0 - f64::EPSILON / 2.0)
            }
        }
    }

    /// Returns how much longer a consequence makes its task if its risk happens; never shorter.
    fn impact(&self, place: usize, sample: u64) -> Span {
        let share = self.random.unit(sample, IMPACTS + place as u64);
        let time = self.consequences[place].time.as_ref();
        Span(time.map_or(0, |time| time.at(share, &self.polygons).0.max(0)))
    }
}

impl Work {
    fn of(problem: &Problem, placement: &Placement, id: TaskId, polygons: &mut Polygons) -> Self {
        let (task, placed) = (&problem.tasks[id.at()], placement.of(id));
        let none = Self { amount: Shape::Exact(0), measure: Measure::Length, group: None };
        let estimate = task.modes.get(placed.mode).map(|mode| &mode.estimate);
        let Some(estimate) = estimate.filter(|_| task.spans.is_none() && task.kind != Kind::Milestone) else {
            return none;
        };
        let (Amount::Duration(planned) | Amount::Effort(planned)) = estimate.amount;
        let by_amount = match estimate.amount {
            Amount::Duration(_) => Measure::Length,
            Amount::Effort(_) => Measure::Effort(placed.crew_units()),
        };
        let measure = match task.fact {
            Fact::Finished { .. } | Fact::Dropped => return none,
            Fact::Started { left: Some(left), .. } => Measure::Rest { left, whole: planned },
            Fact::Open | Fact::Started { left: None, .. } => by_amount,
        };
        let amount = estimate.spread.as_ref().map(|spread| Shape::of(spread, polygons));
        Self { amount: amount.unwrap_or(Shape::Exact(planned.0)), measure, group: estimate.group }
    }

    fn length(&self, amount: Span) -> Span {
        match self.measure {
            Measure::Length => Span(amount.0.max(0)),
            Measure::Effort(units) => length(Amount::Effort(amount), units),
            Measure::Rest { left, whole } if whole.0 <= 0 => left,
            Measure::Rest { left, whole } => {
                let scaled = i128::from(left.0) * i128::from(amount.0.max(0)) / i128::from(whole.0);
                Span(i64::try_from(scaled).unwrap_or(i64::MAX))
            }
        }
    }
}

/// Returns the lengths of all tasks with every amount at its greatest and every risk true.
fn worst(work: &[Work], consequences: &[Consequence]) -> Vec<Span> {
    let mut lengths: Vec<Span> = work.iter().map(|work| work.length(work.amount.greatest())).collect();
    for consequence in consequences {
        let more = consequence.time.as_ref().map_or(0, |time| time.greatest().0.max(0));
        let length = &mut lengths[consequence.task.at()];
        *length = Span(length.0.saturating_add(more));
    }
    lengths
}

/// Returns what risks do to tasks that are not over and have a length of their own.
fn consequences(problem: &Problem, polygons: &mut Polygons) -> Vec<Consequence> {
    let mut consequences = Vec::new();
    for (risk, what) in (0..).map(RiskId).zip(&problem.risks) {
        for impact in &what.affects {
            let task = &problem.tasks[impact.task.at()];
            let is_open = match task.fact {
                Fact::Open | Fact::Started { .. } => task.spans.is_none(),
                Fact::Finished { .. } | Fact::Dropped => false,
            };
            if is_open {
                let time = impact.time.as_ref().map(|time| Shape::of(time, polygons));
                let cost = impact.cost.unwrap_or_default();
                consequences.push(Consequence { risk, task: impact.task, time, cost });
            }
        }
    }
    consequences
}
