//! Arithmetic with money: whole numbers of millionths, rounded in one way.
//!
//! **The rule.** What is computed is rounded once, where it becomes an amount of its own, to the nearest millionth of a unit of the
//! currency; a half goes away from zero. From there on amounts are only added, so a sum always equals its parts. A figure that
//! does not fit is `None`, never a wrong one.

use crate::problem::Money;

/// Returns `amount * numerator / denominator`; none if that is not a number or does not fit.
pub fn part(amount: Money, numerator: i128, denominator: i128) -> Option<Money> {
    rounded(amount.0.checked_mul(numerator)?, denominator).map(Money)
}

/// Returns `numerator / denominator` as a whole number, a half away from zero; none for a denominator of zero.
pub(crate) fn rounded(numerator: i128, denominator: i128) -> Option<i128> {
    let quotient = numerator.checked_div(denominator)?;
    let rest = numerator.checked_rem(denominator)?.unsigned_abs();
    let is_up = rest >= denominator.unsigned_abs() - rest;
    let away = if (numerator < 0) == (denominator < 0) { 1 } else { -1 };
    quotient.checked_add(if is_up { away } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_half_goes_away_from_zero() {
        let check = |numerator, denominator, expected| assert_eq!(rounded(numerator, denominator), expected);
        check(7, 2, Some(4));
        check(-7, 2, Some(-4));
        check(7, -2, Some(-4));
        check(-7, -2, Some(4));
        check(1, 3, Some(0));
        check(2, 3, Some(1));
        check(-1, 3, Some(0));
        check(-2, 3, Some(-1));
        check(6, 3, Some(2));
        check(0, -5, Some(0));
        check(1, 0, None);
    }

    #[test]
    fn what_does_not_fit_is_nothing() {
        assert_eq!(part(Money(i128::MAX), 2, 2), None);
        assert_eq!(part(Money(5), 1, 2), Some(Money(3)));
    }
}
