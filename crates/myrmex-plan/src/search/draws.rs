//! Draws of a search: the numbers of one stream, one after the other.

use crate::random::Random;

/// Numbers of one seed and stream in their order.
#[derive(Debug, Clone)]
pub(super) struct Draws {
    random: Random,
    stream: u64,
    next: u64,
}

impl Draws {
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        Self { random: Random::new(seed), stream, next: 0 }
    }

    /// Returns a number below `count`, which is at least one. The bias is below `count` in 2^32.
    pub(super) fn below(&mut self, count: usize) -> usize {
        let bits = self.random.bits(self.next, self.stream) >> 32;
        self.next += 1;
        let scaled = (u128::from(bits) * count as u128) >> 32;
        usize::try_from(scaled).expect("it is below a usize")
    }

    /// Returns true `percent` times of a hundred.
    pub(super) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}
