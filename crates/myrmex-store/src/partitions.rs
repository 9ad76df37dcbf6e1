//! How runs are spread over the logs of a store.

use std::num::NonZeroU32;

use myrmex_model::id::RunId;

use crate::batch::LogId;

/// How many partitions a store has. Fixed when the store is made: a run stays in its log for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partitions(NonZeroU32);

impl Partitions {
    /// One log for everything: what a single command wants, since nothing then travels between logs.
    pub const ONE: Self = Self(NonZeroU32::MIN);

    /// The most partitions: each has its threads, so more than a machine has cores gain nothing.
    pub const MAX: u32 = 256;

    /// Returns so many partitions; none if there are 0 or more than [`Partitions::MAX`].
    pub fn new(count: u32) -> Option<Self> {
        NonZeroU32::new(count).filter(|count| count.get() <= Self::MAX).map(Self)
    }

    /// Returns how many there are.
    pub fn count(self) -> u32 {
        self.0.get()
    }

    /// Returns the logs of all partitions, in order.
    pub fn logs(self) -> impl Iterator<Item = LogId> {
        (0..self.count()).map(LogId)
    }

    /// Returns the log of the partition that a run belongs to: the upper half of the 64-bit FNV-1a hash of the 16
    /// bytes of its id, modulo the number of partitions. This never changes, because a store is spread by it.
    pub fn log_of(self, run: RunId) -> LogId {
        let hash = run.0.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        // The lower bits of this hash depend on few bits of the id.
        let upper = u32::try_from(hash >> 32).expect("half of 64 bits are 32");
        LogId(upper % self.count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_stays_in_its_log_for_ever() {
        let logs = |count| {
            let partitions = Partitions::new(count).unwrap();
            let runs = (0..12_u8).map(|number| RunId([number; 16]));
            runs.map(|run| partitions.log_of(run).0).collect::<Vec<_>>()
        };
        assert_eq!(logs(1), [0; 12]);
        assert_eq!(logs(4), GOLDEN_OF_FOUR);
        assert_eq!(logs(7), GOLDEN_OF_SEVEN);
    }

    const GOLDEN_OF_FOUR: [u32; 12] = [1, 3, 1, 3, 1, 1, 1, 0, 3, 0, 2, 3];
    const GOLDEN_OF_SEVEN: [u32; 12] = [5, 4, 2, 6, 4, 4, 1, 4, 6, 2, 2, 0];

    #[test]
    fn runs_are_spread_evenly() {
        let partitions = Partitions::new(4).unwrap();
        let mut counts = [0_u32; 4];
        for number in 0..10_000_u32 {
            let run = RunId::derived(&["spread", &number.to_string()]);
            counts[partitions.log_of(run).0 as usize] += 1;
        }
        assert!(counts.iter().all(|count| (2_300..2_700).contains(count)), "{counts:?}");
    }

    #[test]
    fn there_is_at_least_one_and_a_bound() {
        assert_eq!(Partitions::new(0), None);
        assert_eq!(Partitions::new(1), Some(Partitions::ONE));
        assert_eq!(Partitions::new(Partitions::MAX + 1), None);
    }
}
