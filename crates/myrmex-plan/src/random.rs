//! Random numbers that are a function of where they are used: a seed, a sample, a stream. Nothing is drawn "next", so the order
//! of use, the number of threads and what else was drawn change nothing.
//!
//! Philox4x32-10 of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC11): ten rounds of integer
//! multiplication, the same on every machine. Not for secrets.

/// The multipliers of a round.
const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
/// What is added to the key after each round: the golden ratio and the root of three less one.
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
/// How many rounds: three more than its authors found no failing test with.
const ROUNDS: u32 = 10;

/// Random numbers of one seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Random {
    seed: u64,
}

impl Random {
    /// Makes the numbers of `seed`.
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// Returns the 64 bits at `sample` of `stream`.
    pub fn bits(self, sample: u64, stream: u64) -> u64 {
        let (sample, stream, key) = (halves(sample), halves(stream), halves(self.seed));
        let block = philox([sample[0], sample[1], stream[0], stream[1]], key);
        u64::from(block[0]) | u64::from(block[1]) << 32
    }

    /// Returns the number at `sample` of `stream`, evenly between 0 and 1 and never either of them: one of 2^52 values with the
    /// same distance.
    pub fn unit(self, sample: u64, stream: u64) -> f64 {
        // 52 bits and a half: exact in a floating number of 53 bits, so neither end can come out by rounding.
        #[expect(clippy::cast_precision_loss, reason = "52 bits fit")]
        let value = (self.bits(sample, stream) >> 12) as f64;
        (value + 0.5) / 4_503_599_627_370_496.0
    }
}

fn halves(value: u64) -> [u32; 2] {
    #[expect(clippy::cast_possible_truncation, reason = "the halves are wanted")]
    [value as u32, (value >> 32) as u32]
}

fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for round in 0..ROUNDS {
        if round > 0 {
            key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
        }
        let first = halves(u64::from(MULTIPLIERS[0]) * u64::from(counter[0]));
        let second = halves(u64::from(MULTIPLIERS[1]) * u64::from(counter[2]));
        counter = [second[1] ^ counter[1] ^ key[0], second[0], first[1] ^ counter[3] ^ key[1], first[0]];
    }
    counter
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_answers_of_its_authors_come_out() {
        // `kat_vectors` of Random123, `philox4x32 10`.
        let check = |counter, key, expected: [u32; 4]| assert_eq!(philox(counter, key), expected);
        check([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        check([u32::MAX; 4], [u32::MAX; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
        check(
            [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
            [0xa409_3822, 0x299f_31d0],
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
        );
    }

    #[test]
    fn seed_sample_and_stream_each_change_what_comes_out() {
        let random = Random::new(7);
        assert_eq!(random.bits(3, 4), Random::new(7).bits(3, 4));
        assert_ne!(random.bits(3, 4), random.bits(4, 3));
        assert_ne!(random.bits(3, 4), random.bits(3, 5));
        assert_ne!(random.bits(3, 4), Random::new(8).bits(3, 4));
        assert_ne!(random.bits(1 << 32, 4), random.bits(0, 4));
    }

    #[test]
    fn units_lie_between_the_ends_and_are_even() {
        let random = Random::new(1);
        let mut buckets = [0_u32; 10];
        for sample in 0..10_000 {
            let unit = random.unit(sample, 0);
            assert!(unit > 0.0 && unit < 1.0);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below ten")]
            let bucket = (unit * 10.0) as usize;
            buckets[bucket] += 1;
        }
        // A bucket has 1,000 on the average with a standard error of 30.
        assert!(buckets.iter().all(|&count| (880..1_120).contains(&count)), "{buckets:?}");
    }
}
