//! What many samples say together. Exact: sums, ranks and roots of whole numbers, so no order of adding shows in the last digit.

use super::{Chance, Model, Outcome};
use crate::problem::{Moment, Money, RiskId, Span, TaskId};
use crate::ratio::{MILLION, Ratio, rounded};

/// What samples say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// How many samples there were.
    pub samples: usize,
    /// When everything ends.
    pub finish: Quantiles<Moment, Span>,
    /// What everything costs.
    pub cost: Quantiles<Money, Money>,
    /// The share of samples that end by the deadline; none without one.
    pub on_time: Option<Ratio>,
    /// P80 of the finish less the finish of the plan, in elapsed time. Less than nothing if the plan is pessimistic.
    pub contingency: Span,
    /// For each task the share of samples in which it is critical.
    pub criticality: Vec<Ratio>,
    /// Spearman's rank correlation of a task's length with the finish, the strongest first; of equal ones the first task. Without tasks
    /// that always last the same.
    pub sensitivity: Vec<(TaskId, Ratio)>,
    /// What each risk does, the greatest delay first, then the greatest cost, then the first risk.
    pub risks: Vec<RiskEffect>,
}

/// How values are spread. A quantile is the least value that at least this share of the samples does not exceed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quantiles<Value, Width> {
    /// A tenth is at most this.
    pub p10: Value,
    /// Half is.
    pub p50: Value,
    /// Four fifths are.
    pub p80: Value,
    /// Nine tenths are.
    pub p90: Value,
    /// Nineteen twentieths are.
    pub p95: Value,
    /// The mean.
    pub mean: Value,
    /// The standard deviation, with one sample less in the denominator.
    pub deviation: Width,
    /// The standard error of P80: half the distance of the quantiles one standard error of its rank below and above it.
    pub p80_error: Width,
    /// The standard error of the rank of P80, as a share of the samples: 0.009 for 2,000.
    pub p80_rank_error: Ratio,
}

/// What a risk does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RiskEffect {
    /// Which one.
    pub risk: RiskId,
    /// In how many samples it happened.
    pub happened: usize,
    /// How much later the mean finish is with it than without it, in elapsed time: the same samples with and without.
    pub delay: Span,
    /// How much more the mean cost is.
    pub cost: Money,
}

/// Sums up samples of `model`, in any order; one that is there twice counts once. None without any.
pub fn summarise(model: &Model<'_>, mut outcomes: Vec<Outcome>) -> Option<Report> {
    outcomes.sort_unstable_by_key(|outcome| outcome.sample);
    outcomes.dedup_by_key(|outcome| outcome.sample);
    let finishes: Vec<i128> = outcomes.iter().map(|outcome| i128::from(outcome.finish.0)).collect();
    let costs: Vec<i128> = outcomes.iter().map(|outcome| outcome.cost.0).collect();
    let moment = |value: i128| i64::try_from(value).unwrap_or(i64::MAX);
    let finish = quantiles(&finishes)?.map(|value| Moment(moment(value)), |width| Span(moment(width)));
    let cost = quantiles(&costs)?.map(Money, Money);
    let deadline = model.problem.deadline;
    let kept = |deadline: Moment| outcomes.iter().filter(|outcome| outcome.finish <= deadline).count();
    Some(Report {
        samples: outcomes.len(),
        on_time: deadline.map(|deadline| share(kept(deadline), outcomes.len())),
        contingency: Span(finish.p80.0.saturating_sub(model.planned.0)),
        criticality: criticality(model, &outcomes),
        sensitivity: sensitivity(model, &outcomes, &finishes),
        risks: effects(model, &outcomes),
        finish,
        cost,
    })
}

impl Quantiles<i128, i128> {
    fn map<Value, Width>(
        self,
        value: impl Fn(i128) -> Value,
        width: impl Fn(i128) -> Width,
    ) -> Quantiles<Value, Width> {
        Quantiles {
            p10: value(self.p10),
            p50: value(self.p50),
            p80: value(self.p80),
            p90: value(self.p90),
            p95: value(self.p95),
            mean: value(self.mean),
            deviation: width(self.deviation),
            p80_error: width(self.p80_error),
            p80_rank_error: self.p80_rank_error,
        }
    }
}

fn quantiles(values: &[i128]) -> Option<Quantiles<i128, i128>> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let count = wide(sorted.len());
    let mean = rounded(sorted.iter().sum(), count)?;
    let squares = sorted.iter().map(|value| (value - mean).saturating_mul(value - mean));
    let squares = squares.fold(0_i128, i128::saturating_add);
    // The value of rank r, counted from 1; ranks beyond the ends are the ends.
    let ranked = |rank: usize| sorted[rank.clamp(1, sorted.len()) - 1];
    let at = |percent: usize| ranked((percent * sorted.len()).div_ceil(100));
    let rank = (80 * sorted.len()).div_ceil(100);
    // The root of n * 0.8 * 0.2, rounded up: of few samples the neighbours at least.
    let error = (16 * sorted.len()).div_ceil(100).isqrt().max(1);
    Some(Quantiles {
        p10: at(10),
        p50: at(50),
        p80: at(80),
        p90: at(90),
        p95: at(95),
        mean,
        deviation: (squares / (count - 1).max(1)).isqrt(),
        p80_error: (ranked(rank + error) - ranked(rank.saturating_sub(error))) / 2,
        p80_rank_error: Ratio((MILLION * MILLION * 16 / 100 / count).isqrt()),
    })
}

fn criticality(model: &Model<'_>, outcomes: &[Outcome]) -> Vec<Ratio> {
    let mut counts = vec![0; model.work.len()];
    for task in outcomes.iter().flat_map(|outcome| &outcome.critical) {
        counts[task.at()] += 1;
    }
    counts.into_iter().map(|count| share(count, outcomes.len())).collect()
}

/// Lengths are drawn again, a task at a time: that costs less than keeping them all.
fn sensitivity(model: &Model<'_>, outcomes: &[Outcome], finishes: &[i128]) -> Vec<(TaskId, Ratio)> {
    let finishes: Vec<i64> =
        finishes.iter().map(|finish| i64::try_from(*finish).unwrap_or(i64::MAX)).collect();
    let mut ranked = Vec::with_capacity(finishes.len());
    let finish_ranks = ranks(&finishes, &mut ranked);
    let mut sensitivity = Vec::new();
    let chances: Vec<Chance> = outcomes.iter().map(|outcome| model.chance(outcome.sample)).collect();
    let tasks = (0..).map(TaskId).take(model.work.len());
    for task in tasks.filter(|task| model.is_uncertain(*task)) {
        let lengths: Vec<i64> = chances.iter().map(|chance| model.length(task, chance).0).collect();
        if let Some(correlation) = correlation(&ranks(&lengths, &mut ranked), &finish_ranks) {
            sensitivity.push((task, correlation));
        }
    }
    sensitivity.sort_by_key(|(task, correlation)| (-correlation.0.abs(), *task));
    sensitivity
}

/// Returns twice the rank of each value, less the mean of all ranks; equal values have the mean of their ranks. `sorted` is memory to
/// use.
fn ranks(values: &[i64], sorted: &mut Vec<(i64, usize)>) -> Vec<i64> {
    sorted.clear();
    sorted.extend(values.iter().copied().zip(0..));
    sorted.sort_unstable();
    let mut ranks = vec![0; values.len()];
    let last = narrow(values.len()) - 1;
    let mut first = 0;
    for equal in sorted.chunk_by(|left, right| left.0 == right.0) {
        let rank = 2 * narrow(first) + narrow(equal.len()) - 1 - last;
        for (_, place) in equal {
            ranks[*place] = rank;
        }
        first += equal.len();
    }
    ranks
}

/// Returns Pearson's correlation of two rows whose means are zero; none if one is always the same.
fn correlation(left: &[i64], right: &[i64]) -> Option<Ratio> {
    let product = |left: &[i64], right: &[i64]| -> i128 {
        left.iter().zip(right).map(|(left, right)| i128::from(left * right)).sum()
    };
    let scale = product(left, left).checked_mul(product(right, right))?.isqrt();
    Ratio::of(product(left, right), scale)
}

fn effects(model: &Model<'_>, outcomes: &[Outcome]) -> Vec<RiskEffect> {
    let risks = (0..).map(RiskId).take(model.problem.risks.len());
    let mut sums: Vec<(RiskId, usize, i128, i128)> = risks.map(|risk| (risk, 0, 0, 0)).collect();
    for occurrence in outcomes.iter().flat_map(|outcome| &outcome.risks) {
        let sum = &mut sums[occurrence.risk.at()];
        sum.1 += 1;
        sum.2 += i128::from(occurrence.delay.0);
        sum.3 = sum.3.saturating_add(occurrence.cost.0);
    }
    let mean = |sum: i128| rounded(sum, wide(outcomes.len())).unwrap_or(0);
    let effect = |(risk, happened, delay, cost)| RiskEffect {
        risk,
        happened,
        delay: Span(i64::try_from(mean(delay)).unwrap_or(i64::MAX)),
        cost: Money(mean(cost)),
    };
    let mut effects: Vec<RiskEffect> = sums.into_iter().map(effect).collect();
    effects.sort_by_key(|effect| (-effect.delay.0, -effect.cost.0, effect.risk));
    effects
}

fn share(count: usize, of: usize) -> Ratio {
    Ratio::of(wide(count), wide(of)).unwrap_or(Ratio(0))
}

fn wide(count: usize) -> i128 {
    i128::try_from(count).expect("a count of things in memory")
}

fn narrow(count: usize) -> i64 {
    i64::try_from(count).expect("a count of things in memory")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_were_seen() {
        let found = quantiles(&[50, 10, 40, 20, 30]).unwrap();
        assert_eq!((found.p10, found.p50, found.p80, found.p90, found.p95), (10, 30, 40, 50, 50));
        assert_eq!((found.mean, found.deviation, found.p80_error), (30, 15, 10));
        assert_eq!(quantiles(&[]), None);
        let one = quantiles(&[7]).unwrap();
        assert_eq!((one.p10, one.p95, one.mean, one.deviation, one.p80_error), (7, 7, 7, 0, 0));
        assert_eq!(quantiles(&vec![0; 2_000]).unwrap().p80_rank_error, Ratio(8_944));
    }

    #[test]
    fn equal_values_share_the_mean_of_their_ranks() {
        let check = |values: &[i64], expected: &[i64]| assert_eq!(ranks(values, &mut Vec::new()), expected);
        check(&[30, 10, 20], &[2, -2, 0]);
        check(&[5, 5, 9, 1], &[0, 0, 3, -3]);
        check(&[4, 4], &[0, 0]);
    }

    #[test]
    fn correlation_is_that_of_spearman() {
        let of = |left: &[i64], right: &[i64]| {
            correlation(&ranks(left, &mut Vec::new()), &ranks(right, &mut Vec::new()))
        };
        assert_eq!(of(&[1, 2, 3], &[10, 200, 3_000]), Some(Ratio(MILLION)));
        assert_eq!(of(&[1, 2, 3], &[9, 5, 1]), Some(Ratio(-MILLION)));
        assert_eq!(of(&[1, 1, 1], &[9, 5, 1]), None);
        // 1 - 6 * 4 / (5 * 24): one pair two ranks off, the others at their places.
        assert_eq!(of(&[1, 2, 3, 4, 5], &[2, 1, 3, 5, 4]), Some(Ratio(800_000)));
    }
}
