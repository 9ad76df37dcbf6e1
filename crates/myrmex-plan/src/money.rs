//! Arithmetic with money: whole numbers of millionths, rounded in one way.
//!
//! **The rule.** What is computed is rounded once, where it becomes an amount of its own, to the nearest millionth of a unit of the
//! currency; a half goes away from zero. From there on amounts are only added, so a sum always equals its parts. A figure that
//! does not fit is `None`, never a wrong one.

use crate::problem::Money;
use crate::ratio::rounded;

/// Returns `amount * numerator / denominator`; none if that is not a number or does not fit.
pub fn part(amount: Money, numerator: i128, denominator: i128) -> Option<Money> {
    rounded(amount.0.checked_mul(numerator)?, denominator).map(Money)
}

/// Returns the sum of `amounts`, at most what an amount can hold.
pub fn sum(amounts: impl IntoIterator<Item = Money>) -> Money {
    Money(amounts.into_iter().fold(0, |sum: i128, amount| sum.saturating_add(amount.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_nothing() {
        assert_eq!(part(Money(i128::MAX), 2, 2), None);
        assert_eq!(part(Money(5), 1, 2), Some(Money(3)));
        assert_eq!(sum([Money(5), Money(-2)]), Money(3));
    }
}
