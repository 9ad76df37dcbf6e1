//! Wall-clock time, as an input.

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
