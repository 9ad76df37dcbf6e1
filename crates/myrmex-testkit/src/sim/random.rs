//! Random numbers from a seed, the same on every machine; or the choices of a history that was recorded.
//!
//! Every choice is a number below a bound, and 0 is the simplest: no fault, the next thing in turn. So a history shrinks
//! by leaving choices out and by making them smaller.

/// A generator of random numbers: `SplitMix64` (G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number
/// generators", 2014).
#[derive(Debug, Clone)]
pub(super) struct Random {
    state: u64,
    tape: Tape,
}

/// The choices that were made, and where they come from.
#[derive(Debug, Clone, Default)]
struct Tape {
    /// The choices to make; where there are none left, 0.
    given: Option<Vec<u64>>,
    taken: Choices,
}

/// Choices in the order in which they were made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choices {
    pub(super) numbers: Vec<u64>,
    /// Where things began that belong together.
    pub(super) marks: Vec<usize>,
}

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self { state: seed, tape: Tape::default() }
    }

    /// Makes these choices again.
    pub(super) fn replaying(choices: &Choices) -> Self {
        let tape = Tape { given: Some(choices.numbers.clone()), taken: Choices::default() };
        Self { state: 0, tape }
    }

    /// Returns the choices that were made.
    pub(super) fn taken(&self) -> Choices {
        self.tape.taken.clone()
    }

    /// Notes that something begins whose choices belong together.
    pub(super) fn mark(&mut self) {
        let Choices { numbers, marks } = &mut self.tape.taken;
        if marks.last() != Some(&numbers.len()) {
            marks.push(numbers.len());
        }
    }

    /// Draws any number; it is no choice that is recorded.
    pub(super) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Draws a number below `count`, 0 if that is 0. The bias is below 2^-32 for the counts used here.
    pub(super) fn below(&mut self, count: u64) -> u64 {
        if count < 2 {
            return 0;
        }
        let choice = match &self.tape.given {
            Some(given) => {
                given.get(self.tape.taken.numbers.len()).map_or(0, |given| *given.min(&(count - 1)))
            }
            None => self.next() % count,
        };
        self.tape.taken.numbers.push(choice);
        choice
    }

    /// Draws true in so many of a thousand cases; false is the simpler choice.
    pub(super) fn permille(&mut self, cases: u64) -> bool {
        self.below(1_000) + cases >= 1_000
    }

    /// Draws one of `choices`, of which the first is the simplest.
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
