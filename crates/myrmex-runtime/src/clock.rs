//! Wall-clock time, as an input.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use myrmex_model::time::Timestamp;

/// Tells the wall-clock time.
pub trait Clock: Send + Sync {
    /// Returns the present instant. It may go backwards; journals do not.
    fn now(&self) -> Timestamp;
}

/// The clock of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
    }
}

/// A clock that stands still until somebody sets it: time for rehearsals. Copies of it tell the same time.
#[derive(Debug, Clone)]
pub struct StandingClock(Arc<AtomicI64>);

impl StandingClock {
    /// Makes one that tells `now`.
    pub fn at(now: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(now.0)))
    }

    /// Sets it, and all copies of it. An instant before the present one leaves it as it is.
    pub fn set(&self, now: Timestamp) {
        self.0.fetch_max(now.0, Ordering::SeqCst);
    }
}

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standing_clock_goes_only_forwards_and_only_when_it_is_set() {
        let clock = StandingClock::at(Timestamp(5));
        let copy = clock.clone();
        assert_eq!(copy.now(), Timestamp(5));
        clock.set(Timestamp(9));
        clock.set(Timestamp(7));
        assert_eq!(copy.now(), Timestamp(9));
    }
}
