//! Many seeds on all cores.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Counts, Outcome, Planted, simulate};

/// Every so many seeds one is simulated twice, and both histories must be the same.
pub const TWICE_EVERY: u64 = 50;

/// How far the seeds have come: how many are done.
pub type Tell<'a> = &'a (dyn Fn(u64) + Sync);

/// What came of many seeds.
#[derive(Debug, Default)]
pub struct Soaked {
    /// How many seeds were simulated.
    pub seeds: u64,
    /// What they were made of, all together.
    pub counts: Counts,
    /// In how many seeds each construct was part of a workflow.
    pub constructs: BTreeMap<&'static str, u64>,
    /// The failing seed that is the lowest of those that were found.
    pub failed: Option<Box<Outcome>>,
}

/// Simulates these seeds on `threads` threads until one fails.
///
/// # Panics
///
/// Panics if a thread cannot be had.
pub fn soak(seeds: Range<u64>, planted: Option<Planted>, threads: usize, tell: Tell<'_>) -> Soaked {
    let (next, all) = (AtomicU64::new(seeds.start), Mutex::new(Soaked::default()));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return;
            }
            let outcome = one(seed, planted);
            let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
            all.add(outcome);
            tell(all.seeds);
            if all.failed.is_some() {
                // The others finish what they are at.
                next.store(seeds.end, Ordering::Relaxed);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            let thread = std::thread::Builder::new().stack_size(myrmex_expr::STACK_BYTES);
            thread.spawn_scoped(scope, work).expect("there are threads to be had");
        }
    });
    all.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Simulates one seed, now and then twice.
fn one(seed: u64, planted: Option<Planted>) -> Outcome {
    let mut outcome = simulate(seed, planted);
    if seed.is_multiple_of(TWICE_EVERY) && simulate(seed, planted).trace != outcome.trace {
        outcome.breaches.push("the same seed gives two histories".to_owned());
    }
    outcome
}

impl Soaked {
    fn add(&mut self, outcome: Outcome) {
        self.seeds += 1;
        self.counts.add(&outcome.counts);
        for construct in super::coverage::constructs(&outcome.case.workflows) {
            *self.constructs.entry(construct).or_default() += 1;
        }
        let is_first = self.failed.as_ref().is_none_or(|failed| outcome.seed < failed.seed);
        if !outcome.breaches.is_empty() && is_first {
            self.failed = Some(Box::new(outcome));
        }
    }
}

impl Counts {
    /// Adds what another history was made of.
    fn add(&mut self, other: &Self) {
        self.steps += other.steps;
        self.processes += other.processes;
        self.crashes += other.crashes;
        self.crashes_under_load += other.crashes_under_load;
        self.crashes_in_recovery += other.crashes_in_recovery;
        self.crashes_in_opening += other.crashes_in_opening;
        self.disk.add(&other.disk);
        self.slow_disks += other.slow_disks;
        self.frozen_workers += other.frozen_workers;
        self.left_alone += other.left_alone;
        self.traffic.add(&other.traffic);
        self.echoes += other.echoes;
        self.retries += other.retries;
        self.taken_over += other.taken_over;
        self.gave_up += other.gave_up;
        self.zombie_turns += other.zombie_turns;
        self.messages.0 += other.messages.0;
        self.messages.1 += other.messages.1;
        self.letters.0 += other.letters.0;
        self.letters.1 += other.letters.1;
        self.skips.add(&other.skips);
        self.voices.add(&other.voices);
        self.clock_jumps += other.clock_jumps;
        self.attempts += other.attempts;
        self.events += other.events;
        self.snapshots += other.snapshots;
        self.naps += other.naps;
        self.wakes += other.wakes;
        self.idle += other.idle;
        for (end, count) in &other.ends {
            *self.ends.entry(end).or_default() += count;
        }
        self.kinds.extend(&other.kinds);
    }
}
