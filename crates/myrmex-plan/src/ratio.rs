//! Numbers without a unit, exact to a millionth, and the one way in which numbers are rounded.

/// A number without a unit, in millionths: a share, an index, a count of periods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ratio(pub i128);

/// The millionths of one.
pub(crate) const MILLION: i128 = 1_000_000;

impl Ratio {
    /// Returns `top / bottom` to the nearest millionth, a half away from zero; none if that is not a number or does not fit.
    pub fn of(top: i128, bottom: i128) -> Option<Self> {
        rounded(top.checked_mul(MILLION)?, bottom).map(Self)
    }
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
        assert_eq!(Ratio::of(2, 3), Some(Ratio(666_667)));
        assert_eq!(Ratio::of(i128::MAX, 3), None);
    }
}
