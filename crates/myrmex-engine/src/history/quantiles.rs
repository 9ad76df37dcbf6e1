//! Quantiles of lengths of time.

use myrmex_model::time::Length;

/// The middle and the slow end of lengths that were measured.
///
/// Both are lengths that occurred, by the nearest rank: of n lengths in order, p50 is the one at ⌈0.50 n⌉ and p90 the one at
/// ⌈0.90 n⌉, counted from 1. Nothing is interpolated, so few measurements give honest numbers, and the same ones in any order the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quantiles {
    /// How many lengths were measured; at least 1.
    pub count: usize,
    /// At least half of them are not longer.
    pub p50: Length,
    /// At least nine tenths of them are not longer.
    pub p90: Length,
}

impl Quantiles {
    /// Computes them; nothing of nothing. The order of `lengths` does not matter and is not kept.
    pub fn of(lengths: &mut [Length]) -> Option<Self> {
        lengths.sort_unstable();
        let at = |percent: usize| {
            let rank = (lengths.len() * percent).div_ceil(100);
            lengths.get(rank.checked_sub(1)?).copied()
        };
        Some(Self { count: lengths.len(), p50: at(50)?, p90: at(90)? })
    }
}
