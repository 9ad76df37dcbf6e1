//! Random numbers from a seed: the same on every machine.

/// A generator of random numbers: `SplitMix64` (G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number
/// generators", 2014).
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Draws any number.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Draws a number below `count`, 0 if that is 0. The bias is below 2^-32 for the counts used here.
    pub(super) fn below(&mut self, count: u64) -> u64 {
        self.next().checked_rem(count).unwrap_or(0)
    }

    /// Draws true in so many of a thousand cases.
    pub(super) fn permille(&mut self, cases: u64) -> bool {
        self.below(1_000) < cases
    }

    /// Draws one of `choices`.
    ///
    /// # Panics
    ///
    /// Panics if there is none.
    pub(super) fn one_of<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        let index = self.below(choices.len() as u64);
        &choices[usize::try_from(index).expect("below the length")]
    }
}

/// Mixes a number into a hash that tells one history from another.
pub(super) fn mix(hash: u64, word: u64) -> u64 {
    Random::new(hash ^ word.rotate_left(17)).next()
}

/// Mixes a text into a hash.
pub(super) fn mix_text(hash: u64, text: &str) -> u64 {
    text.bytes().fold(mix(hash, text.len() as u64), |hash, byte| mix(hash, u64::from(byte)))
}
