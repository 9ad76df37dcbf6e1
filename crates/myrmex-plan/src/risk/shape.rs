//! How an amount is spread: from an even number between 0 and 1 to the amount that this share of all outcomes lies below.
//!
//! One number gives one amount, by the inverse of the distribution: so two amounts can be tied to each other by tying their numbers,
//! which sampling by rejection or from gamma variates would not allow. Uniform and triangular have a formula for it, with a square root
//! at most, which IEEE 754 defines to the last bit. Beta-PERT has none: its density is replaced by a polygon, of which the inverse is a
//! square root again. That costs one exponential a corner once, where inverting the incomplete beta function by Newton's method
//! costs some hundred a sample.

use std::collections::BTreeMap;

use crate::problem::{Span, Spread};

/// The sides of a polygon. With 128 the mean and the deviation of every beta-PERT are right to a ten-thousandth of its range (the test
/// below), a hundredth of what 2,000 samples can tell; more would only take more of the cache, which is what sampling waits for.
const SIDES: usize = 128;

/// The sum of the two parameters of every beta-PERT.
const PARAMETERS: f64 = 6.0;

/// How an amount is spread, ready for sampling.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    /// Always this.
    Exact(i64),
    /// From the first, as wide as the second.
    Uniform(i64, i64),
    /// A triangle with these corners.
    Triangular(i64, i64, i64),
    /// From `low`, as wide as `width`, with the density of a polygon.
    Polygon { low: i64, width: i64, place: usize },
    /// One of these.
    Sample(Vec<i64>),
}

/// The polygons that shapes refer to: those with the same mode share one.
///
/// A polygon is a density over 0 to 1 that is straight between corners. They lie closer to each other towards both ends, where a beta
/// density may rise from nothing without a slope; they lie at the same places in all.
#[derive(Debug, Clone)]
pub(super) struct Polygons {
    /// Where the corners lie.
    at: Vec<f64>,
    /// The corners of one polygon after those of the other.
    corners: Vec<Corner>,
    /// For each polygon, for each of as many equal parts of the shares as there are sides, the side on which it begins (the guide table of
    /// Chen and Asau, "On generating random variates from an empirical distribution", 1974).
    guides: Vec<u8>,
    /// Which polygon it is, by the bits of where in its range the mode lies.
    places: BTreeMap<u64, usize>,
}

/// A corner of a polygon.
#[derive(Debug, Clone, Copy)]
struct Corner {
    /// The share below it.
    below: f64,
    /// The density there.
    density: f64,
}

impl Shape {
    /// Returns the shape of `spread`. A likeliest value beyond its bounds lies on the nearer one; bounds in the wrong order leave only
    /// what is likeliest, or the first.
    pub(super) fn of(spread: &Spread, polygons: &mut Polygons) -> Self {
        match spread {
            Spread::Uniform(low, high) if low >= high => Self::Exact(low.0),
            Spread::Uniform(low, high) => Self::Uniform(low.0, high.0 - low.0),
            Spread::Triangular(low, mode, high) | Spread::Pert(low, mode, high) if low >= high => {
                Self::Exact(mode.0)
            }
            Spread::Triangular(low, mode, high) => {
                Self::Triangular(low.0, mode.0.clamp(low.0, high.0), high.0)
            }
            Spread::Pert(low, mode, high) => {
                let width = high.0 - low.0;
                let mode = mode.0.clamp(low.0, high.0) - low.0;
                Self::Polygon { low: low.0, width, place: polygons.place_of(float(mode) / float(width)) }
            }
            Spread::Sample(values) => Self::Sample(values.iter().map(|value| value.0).collect()),
        }
    }

    /// Returns the amount that `share` of all outcomes lies below, to the nearest millisecond. `share` lies between 0 and 1 and is
    /// neither.
    pub(super) fn at(&self, share: f64, polygons: &Polygons) -> Span {
        match self {
            Self::Exact(value) => Span(*value),
            Self::Uniform(low, width) => Span(low + whole(share * float(*width))),
            Self::Triangular(low, mode, high) => {
                let (width, rise, fall) = (float(high - low), float(mode - low), float(high - mode));
                if share * width < rise {
                    Span(low + whole((share * width * rise).sqrt()))
                } else {
                    Span(high - whole(((1.0 - share) * width * fall).sqrt()))
                }
            }
            Self::Polygon { low, width, place } => {
                Span(low + whole(polygons.value_at(*place, share) * float(*width)))
            }
            Self::Sample(values) => {
                let place = whole_below(share, values.len());
                values.get(place).copied().map_or(Span(0), Span)
            }
        }
    }

    /// Returns the greatest amount it can be.
    pub(super) fn greatest(&self) -> Span {
        match self {
            Self::Exact(value) => Span(*value),
            Self::Uniform(low, width) | Self::Polygon { low, width, .. } => Span(low + width),
            Self::Triangular(_, _, high) => Span(*high),
            Self::Sample(values) => values.iter().max().copied().map_or(Span(0), Span),
        }
    }

    /// Whether it can be one amount only.
    pub(super) fn is_exact(&self) -> bool {
        match self {
            Self::Exact(_) => true,
            Self::Uniform(..) | Self::Triangular(..) | Self::Polygon { .. } => false,
            Self::Sample(values) => values.iter().min() == values.iter().max(),
        }
    }
}

impl Polygons {
    /// Makes none yet.
    pub(super) fn new() -> Self {
        let step = |corner: usize| count(corner) / count(SIDES);
        let at = |corner: usize| step(corner) * step(corner) * (3.0 - 2.0 * step(corner));
        let at = (0..=SIDES).map(at).collect();
        Self { at, corners: Vec::new(), guides: Vec::new(), places: BTreeMap::new() }
    }

    fn place_of(&mut self, mode: f64) -> usize {
        let next = self.places.len();
        let place = *self.places.entry(mode.to_bits()).or_insert(next);
        if place == next {
            self.add_beta_pert(mode);
        }
        place
    }

    /// Adds the polygon of the beta-PERT over 0 to 1 with this mode: alpha = 1 + 4 mode, beta = 1 + 4 (1 - mode).
    fn add_beta_pert(&mut self, mode: f64) {
        let alpha = 1.0 + (PARAMETERS - 2.0) * mode;
        let beta = PARAMETERS - alpha;
        // What is raised to the power of nothing is one, at the ends too.
        let part = |base: f64, power: f64| if power == 0.0 { 0.0 } else { power * libm::log(base) };
        let density = |at: f64| libm::exp(part(at, alpha - 1.0) + part(1.0 - at, beta - 1.0));
        let first = self.corners.len();
        let mut last = Corner { below: 0.0, density: density(0.0) };
        self.corners.push(last);
        for side in self.at.windows(2) {
            let density = density(side[1]);
            let share = f64::midpoint(last.density, density) * (side[1] - side[0]);
            last = Corner { below: last.below + share, density };
            self.corners.push(last);
        }
        let mut side = 0;
        for corner in &mut self.corners[first..] {
            corner.below /= last.below;
            corner.density /= last.below;
        }
        for part in 0..SIDES {
            let begin = count(part) / count(SIDES);
            while usize::from(side) + 1 < SIDES && self.corners[first + usize::from(side) + 1].below <= begin
            {
                side += 1;
            }
            self.guides.push(side);
        }
    }

    /// Returns what `share` of a polygon lies below.
    fn value_at(&self, place: usize, share: f64) -> f64 {
        let corners = &self.corners[place * (SIDES + 1)..];
        let mut side = usize::from(self.guides[place * SIDES + whole_below(share, SIDES)]);
        while side + 1 < SIDES && corners[side + 1].below <= share {
            side += 1;
        }
        let (left, right) = (corners[side], corners[side + 1]);
        // The share on this side up to x is a x + s x^2 / 2 with the density a and its slope s; this form of the root loses no digits.
        let (rest, width) = (share - left.below, self.at[side + 1] - self.at[side]);
        let slope = (right.density - left.density) / width;
        let root = (left.density * left.density + 2.0 * slope * rest).max(0.0).sqrt();
        let sum = left.density + root;
        let within = if sum > 0.0 { (2.0 * rest / sum).clamp(0.0, width) } else { 0.0 };
        self.at[side] + within
    }
}

/// Returns the part of `parts` equal ones between 0 and 1 in which `share` lies.
fn whole_below(share: f64, parts: usize) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below a count that fits")]
    let part = (share * count(parts)) as usize;
    part.min(parts.saturating_sub(1))
}

/// Returns a count as a floating number: exact below 2^53.
#[expect(clippy::cast_precision_loss, reason = "counts of things in memory")]
fn count(value: usize) -> f64 {
    value as f64
}

/// Returns milliseconds as a floating number: exact up to 285,000 years.
#[expect(clippy::cast_precision_loss, reason = "far beyond any plan")]
fn float(value: i64) -> f64 {
    value as f64
}

/// Returns the nearest whole number.
#[expect(clippy::cast_possible_truncation, reason = "below an amount that fits")]
fn whole(value: f64) -> i64 {
    libm::round(value) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns mean and deviation of a shape over 10,001 even shares.
    fn moments(spread: &Spread) -> (f64, f64) {
        let mut polygons = Polygons::new();
        let shape = Shape::of(spread, &mut polygons);
        let at = |step: u32| float(shape.at((f64::from(step) + 0.5) / 10_001.0, &polygons).0);
        let mean = (0..10_001).map(at).sum::<f64>() / 10_001.0;
        let variance = (0..10_001).map(|step| (at(step) - mean) * (at(step) - mean)).sum::<f64>() / 10_001.0;
        (mean, variance.sqrt())
    }

    fn check(spread: &Spread, mean: f64, deviation: f64, within: f64) {
        let found = moments(spread);
        assert!(
            (found.0 - mean).abs() < within && (found.1 - deviation).abs() < within,
            "{spread:?}: {found:?}"
        );
    }

    #[test]
    fn every_shape_has_the_mean_and_deviation_of_its_distribution() {
        let unit = 1_000_000;
        let [a, m, b] = [2, 4, 9].map(|value| Span(value * unit));
        let scale = float(unit);
        check(&Spread::Uniform(a, b), 5.5 * scale, 7.0 / 12_f64.sqrt() * scale, 1e-3 * scale);
        let variance: f64 = (4.0 + 16.0 + 81.0 - 8.0 - 18.0 - 36.0) / 18.0;
        check(&Spread::Triangular(a, m, b), 5.0 * scale, variance.sqrt() * scale, 2e-3 * scale);
        check(
            &Spread::Triangular(a, a, b),
            13.0 / 3.0 * scale,
            (49.0_f64 / 18.0).sqrt() * scale,
            2e-3 * scale,
        );
        check(&Spread::Sample(vec![a, m, b]), 5.0 * scale, (26.0_f64 / 3.0).sqrt() * scale, 2e-3 * scale);
    }

    #[test]
    fn a_beta_pert_is_right_to_a_ten_thousandth_of_its_range_wherever_its_mode_lies() {
        let range = 1_000_000_000;
        for step in 0..=40 {
            let mode = range / 40 * step;
            let mean = (float(range) + 4.0 * float(mode)) / 6.0;
            // Of a beta distribution: alpha * beta / (6^2 * 7) of the square of the range.
            let (alpha, beta) =
                (1.0 + 4.0 * float(mode) / float(range), 5.0 - 4.0 * float(mode) / float(range));
            let deviation = (alpha * beta / 252.0).sqrt() * float(range);
            check(&Spread::Pert(Span(0), Span(mode), Span(range)), mean, deviation, 1e-4 * float(range));
        }
    }

    #[test]
    fn known_quantiles_of_beta_distributions_come_out() {
        // Beta(3, 3): I(x) = x^3 (10 - 15 x + 6 x^2), so I(1/2) = 1/2 and I(1/4) = 53/512. Beta(1, 5): I(x) = 1 - (1 - x)^5.
        let check = |mode: f64, share: f64, expected: f64| {
            let mut polygons = Polygons::new();
            let place = polygons.place_of(mode);
            let found = polygons.value_at(place, share);
            assert!((found - expected).abs() < 1e-4, "{mode} {share}: {found}");
        };
        check(0.5, 0.5, 0.5);
        check(0.5, 53.0 / 512.0, 0.25);
        check(0.5, 1.0 - 53.0 / 512.0, 0.75);
        check(0.0, 1.0 - 1.0 / 32.0, 0.5);
        check(0.0, 1.0 - 0.9_f64.powi(5), 0.1);
        check(1.0, 1.0 / 32.0, 0.5);
    }

    #[test]
    fn shapes_rise_with_the_share_and_stay_within_their_bounds() {
        let [a, m, b] = [2_000, 4_000, 12_000].map(Span);
        for spread in [
            Spread::Pert(a, m, b),
            Spread::Pert(a, a, b),
            Spread::Pert(a, b, b),
            Spread::Triangular(a, m, b),
            Spread::Uniform(a, b),
            Spread::Sample(vec![a, m, m, b]),
        ] {
            let mut polygons = Polygons::new();
            let shape = Shape::of(&spread, &mut polygons);
            let at = |share: f64| shape.at(share, &polygons);
            let (least, greatest) = (at(f64::EPSILON / 2.0), at(1.0 - f64::EPSILON / 2.0));
            assert!(least >= a && greatest <= b && shape.greatest() == b, "{spread:?}");
            let mut so_far = least;
            for step in 1..4_000 {
                let next = at(f64::from(step) / 4_000.0);
                assert!(next >= so_far, "{spread:?}");
                so_far = next;
            }
        }
    }

    #[test]
    fn without_a_range_there_is_one_amount() {
        let mut polygons = Polygons::new();
        for spread in [
            Spread::Pert(Span(5), Span(5), Span(5)),
            Spread::Triangular(Span(5), Span(5), Span(5)),
            Spread::Uniform(Span(5), Span(5)),
            Spread::Sample(vec![Span(5), Span(5)]),
        ] {
            let shape = Shape::of(&spread, &mut polygons);
            assert!(shape.is_exact());
            assert_eq!((shape.at(0.3, &polygons), shape.greatest()), (Span(5), Span(5)));
        }
    }
}
