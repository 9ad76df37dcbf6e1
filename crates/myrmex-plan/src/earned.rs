//! Earned value and earned time: what was to be done, what is done, what it cost, and where that leads.
//!
//! The formulas are those of ISO 21508 and, for earned time, of Lipke, "Schedule is different" (The Measurable News, 2003).
//! All of it is exact: a figure is one fraction of the amounts given, rounded once to a millionth (a half away from zero).
//! What would be divided by zero is `None`. Amounts up to 10^12 units of a currency fit; beyond, a figure may be `None` too.

use crate::money::{part, rounded};
use crate::problem::Money;

/// The millionths of one.
const MILLION: i128 = 1_000_000;

/// A number without a unit, or one of periods, in millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ratio(pub i128);

/// Where the money of a project or of a part of it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Budget at completion.
    pub budget: Money,
    /// Planned value: the cost of what was to be done by now.
    pub planned: Money,
    /// Earned value: the planned cost of what is done.
    pub earned: Money,
    /// Actual cost of it.
    pub actual: Money,
}

/// What follows from a [`Standing`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figures {
    /// CV = EV - AC.
    pub cost_variance: Money,
    /// SV = EV - PV.
    pub time_variance: Money,
    /// CPI = EV / AC.
    pub cost_performance: Option<Ratio>,
    /// SPI = EV / PV.
    pub time_performance: Option<Ratio>,
    /// EAC = BAC / CPI: the rest costs as much a unit as what is done.
    pub at_completion: Option<Money>,
    /// EAC = AC + BAC - EV: the rest costs what was planned.
    pub at_completion_as_planned: Money,
    /// EAC = AC + (BAC - EV) / (CPI * SPI): what was lost in time is bought back too.
    pub at_completion_with_time: Option<Money>,
    /// ETC = EAC - AC, of the first of the three.
    pub to_complete: Option<Money>,
    /// VAC = BAC - EAC, of the first of the three.
    pub variance_at_completion: Option<Money>,
    /// TCPI = (BAC - EV) / (BAC - AC): what the rest must reach to keep the budget. Below zero: the money is gone already.
    pub needed_for_budget: Option<Ratio>,
    /// TCPI = (BAC - EV) / (EAC - AC): what the rest must reach to keep the first of the three forecasts.
    pub needed_for_forecast: Option<Ratio>,
}

impl Standing {
    /// Computes all figures.
    pub fn figures(&self) -> Figures {
        let Self { budget, planned, earned, actual } = *self;
        let left = Money(budget.0 - earned.0);
        // BAC / (EV / AC) needs an AC as well: without one there is no CPI.
        let at_completion = if actual.0 == 0 { None } else { part(budget, actual.0, earned.0) };
        let to_complete = at_completion.map(|estimate| Money(estimate.0 - actual.0));
        Figures {
            cost_variance: Money(earned.0 - actual.0),
            time_variance: Money(earned.0 - planned.0),
            cost_performance: ratio(earned, actual),
            time_performance: ratio(earned, planned),
            at_completion,
            at_completion_as_planned: Money(actual.0 + left.0),
            at_completion_with_time: self.with_time(left),
            to_complete,
            variance_at_completion: at_completion.map(|estimate| Money(budget.0 - estimate.0)),
            needed_for_budget: ratio(left, Money(budget.0 - actual.0)),
            // (BAC - EV) / (BAC * AC / EV - AC) is EV / AC, unless both sides are zero.
            needed_for_forecast: to_complete.filter(|_| left.0 != 0).and_then(|_| ratio(earned, actual)),
        }
    }

    /// Returns AC + left * AC * PV / EV^2, by long division: the product of three amounts would not fit.
    fn with_time(&self, left: Money) -> Option<Money> {
        let (planned, earned, actual) = (self.planned.0, self.earned.0, self.actual.0);
        if planned == 0 || actual == 0 {
            return None;
        }
        // left * AC = whole * EV + rest, and whole * PV = high * EV + low; so the fraction is high + (low * EV + rest * PV) / EV^2.
        let product = left.0.checked_mul(actual)?;
        let (whole, rest) = (product.checked_div(earned)?, product.checked_rem(earned)?);
        let scaled = whole.checked_mul(planned)?;
        let (high, low) = (scaled / earned, scaled % earned);
        let numerator = low.checked_mul(earned)?.checked_add(rest.checked_mul(planned)?)?;
        let low = rounded(numerator, earned.checked_mul(earned)?)?;
        Some(Money(actual.checked_add(high)?.checked_add(low)?))
    }
}

/// Where a project stands in time, in periods of its baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EarnedTime {
    /// ES: when what is done was to be done.
    pub earned: Ratio,
    /// SV(t) = ES - AT.
    pub variance: Ratio,
    /// SPI(t) = ES / AT. Unlike SPI it does not drift to 1 at the end of a late project.
    pub performance: Option<Ratio>,
    /// Planned duration / SPI(t): how long it will take at this pace.
    pub duration: Option<Ratio>,
}

/// Computes earned time from `planned`, the sums of planned value at the ends of the periods with the start first, at `now`, in
/// periods since then. `planned` does not fall; none without a period.
///
/// `ES = C + (EV - PV[C]) / (PV[C + 1] - PV[C])`, where C is the last period with `PV[C] <= EV`; the planned duration at the most.
pub fn earned_time(planned: &[Money], earned: Money, now: Ratio) -> Option<EarnedTime> {
    let periods = i128::try_from(planned.len().checked_sub(1)?).ok().filter(|periods| *periods > 0)?;
    let whole = planned.partition_point(|value| *value <= earned).saturating_sub(1);
    // Earned time as a fraction: whole periods, and a part of the one after them.
    let (numerator, denominator) = match (planned.get(whole), planned.get(whole + 1)) {
        (Some(before), Some(after)) => {
            let (width, beyond) = (after.0 - before.0, (earned.0 - before.0).max(0));
            (i128::try_from(whole).ok()?.checked_mul(width)?.checked_add(beyond)?, width)
        }
        (Some(_) | None, _) => (periods, 1),
    };
    let scaled = numerator.checked_mul(MILLION)?;
    let time = Ratio(rounded(scaled, denominator)?);
    let share = |top: i128, bottom: i128| rounded(top.checked_mul(MILLION)?, bottom).map(Ratio);
    Some(EarnedTime {
        earned: time,
        variance: Ratio(time.0 - now.0),
        performance: share(scaled, denominator.checked_mul(now.0)?),
        duration: share(periods.checked_mul(denominator)?.checked_mul(now.0)?, scaled),
    })
}

fn ratio(top: Money, bottom: Money) -> Option<Ratio> {
    part(top, MILLION, bottom.0).map(|quotient| Ratio(quotient.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(budget: i128, planned: i128, earned: i128, actual: i128) -> Standing {
        let [budget, planned, earned, actual] =
            [budget, planned, earned, actual].map(|amount| Money(amount * MILLION));
        Standing { budget, planned, earned, actual }
    }

    #[test]
    fn nothing_is_divided_by_zero() {
        let before = standing(100, 0, 0, 0).figures();
        assert_eq!(before.cost_performance, None);
        assert_eq!(before.time_performance, None);
        assert_eq!(before.at_completion, None);
        assert_eq!(before.at_completion_with_time, None);
        assert_eq!(before.at_completion_as_planned, Money(100 * MILLION));
        assert_eq!(before.needed_for_budget, Some(Ratio(MILLION)));
        assert_eq!(before.needed_for_forecast, None);
        let spent = standing(100, 100, 100, 100).figures();
        assert_eq!((spent.needed_for_budget, spent.needed_for_forecast), (None, None));
        assert_eq!(spent.to_complete, Some(Money(0)));
        let nothing_done = standing(100, 50, 0, 10).figures();
        assert_eq!((nothing_done.cost_performance, nothing_done.at_completion), (Some(Ratio(0)), None));
    }

    #[test]
    fn amounts_of_a_million_million_fit_to_the_last_millionth() {
        let [budget, planned, earned, actual] = [
            999_999_999_999_999_999,
            777_777_777_777_777_777,
            333_333_333_333_333_331,
            123_456_789_012_345_679,
        ];
        let figures = Standing {
            budget: Money(budget),
            planned: Money(planned),
            earned: Money(earned),
            actual: Money(actual),
        }
        .figures();
        // By hand with fractions of unlimited size.
        assert_eq!(figures.at_completion_with_time, Some(Money(699_588_471_069_958_856)));
        assert_eq!(figures.at_completion, Some(Money(370_370_367_037_037_039)));
    }

    #[test]
    fn earned_time_ends_with_the_plan_and_needs_a_period() {
        let planned = [0, 10, 10, 30].map(Money);
        let at = |earned| earned_time(&planned, Money(earned), Ratio(MILLION)).unwrap().earned.0;
        assert_eq!(at(0), 0);
        assert_eq!(at(5), 500_000);
        // Nothing was to be done in the second period.
        assert_eq!(at(10), 2_000_000);
        assert_eq!(at(30), 3_000_000);
        assert_eq!(at(99), 3_000_000);
        assert_eq!(earned_time(&[], Money(1), Ratio(1)), None);
        assert_eq!(earned_time(&[Money(0)], Money(1), Ratio(1)), None);
        assert_eq!(earned_time(&planned, Money(5), Ratio(0)).unwrap().performance, None);
    }
}
