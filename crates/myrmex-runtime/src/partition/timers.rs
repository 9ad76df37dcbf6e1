//! The timers of a partition's runs in memory, by the instant they are due and by name.
//!
//! A run that leaves memory takes its timers along; [`Sleepers`](super::sleepers::Sleepers) keep when its first one is due.

use std::collections::{BTreeMap, BTreeSet};

use myrmex_model::command::TimerKey;
use myrmex_model::id::RunId;
use myrmex_model::time::Timestamp;

/// Armed timers. Every operation costs the logarithm of their number.
#[derive(Debug, Default)]
pub(super) struct Timers {
    by_due: BTreeSet<(Timestamp, RunId, TimerKey)>,
    due_of: BTreeMap<(RunId, TimerKey), Timestamp>,
}

impl Timers {
    /// Arms a timer, or moves it if it is armed.
    pub(super) fn arm(&mut self, run: RunId, timer: TimerKey, due: Timestamp) {
        self.disarm(run, &timer);
        self.due_of.insert((run, timer.clone()), due);
        self.by_due.insert((due, run, timer));
    }

    /// Takes a timer away; nothing happens if it is not armed.
    pub(super) fn disarm(&mut self, run: RunId, timer: &TimerKey) {
        let key = (run, timer.clone());
        if let Some(due) = self.due_of.remove(&key) {
            let (run, timer) = key;
            self.by_due.remove(&(due, run, timer));
        }
    }

    /// Takes all timers of a run away, and returns them with when they were due.
    pub(super) fn disarm_all(&mut self, run: RunId) -> Vec<(TimerKey, Timestamp)> {
        let first = (run, TimerKey::Wait(myrmex_model::address::Address::root()));
        let timers: Vec<(TimerKey, Timestamp)> = self
            .due_of
            .range(first..)
            .take_while(|((other, _), _)| *other == run)
            .map(|((_, timer), due)| (timer.clone(), *due))
            .collect();
        for (timer, _) in &timers {
            self.disarm(run, timer);
        }
        timers
    }

    /// Returns when the next timer is due.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.by_due.first().map(|(due, _, _)| *due)
    }

    /// Takes the next timer that is due at `now`.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Option<(RunId, TimerKey)> {
        let (due, run, timer) = self.by_due.first().filter(|(due, _, _)| *due <= now)?.clone();
        self.by_due.remove(&(due, run, timer.clone()));
        self.due_of.remove(&(run, timer.clone()));
        Some((run, timer))
    }
}

#[cfg(test)]
mod tests {
    use myrmex_model::address::Address;

    use super::*;

    fn wait(task: &str) -> TimerKey {
        TimerKey::Wait(Address::parse(task).unwrap())
    }

    #[test]
    fn timers_fire_in_order_and_once() {
        let (one, two) = (RunId([1; 16]), RunId([2; 16]));
        let mut timers = Timers::default();
        timers.arm(one, wait("a"), Timestamp(30));
        timers.arm(two, wait("a"), Timestamp(20));
        timers.arm(one, wait("b"), Timestamp(10));
        timers.arm(one, wait("a"), Timestamp(15));
        assert_eq!(timers.next_due(), Some(Timestamp(10)));
        let mut fired = Vec::new();
        while let Some((run, timer)) = timers.take_due(Timestamp(20)) {
            fired.push((run, timer));
        }
        assert_eq!(fired, [(one, wait("b")), (one, wait("a")), (two, wait("a"))]);
        assert_eq!(timers.next_due(), None);
    }

    #[test]
    fn a_run_takes_its_timers_along() {
        let (one, two) = (RunId([1; 16]), RunId([2; 16]));
        let mut timers = Timers::default();
        timers.arm(one, wait("a"), Timestamp(1));
        timers.arm(one, TimerKey::Retry(Address::parse("b").unwrap()), Timestamp(2));
        timers.arm(two, wait("a"), Timestamp(3));
        assert_eq!(timers.disarm_all(one).len(), 2);
        timers.disarm(two, &wait("none"));
        assert_eq!(timers.next_due(), Some(Timestamp(3)));
    }
}
