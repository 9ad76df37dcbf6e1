//! The timers of a partition's runs, by the instant they are due and by name.
//!
//! Of a run that left memory only the instant is kept at which its first timer is due. It arms them again when it comes back.

use std::collections::{BTreeMap, BTreeSet};

use myrmex_model::command::TimerKey;
use myrmex_model::id::RunId;
use myrmex_model::time::Timestamp;

/// Armed timers. Every operation costs the logarithm of their number.
#[derive(Debug, Default)]
pub(super) struct Timers {
    by_due: BTreeSet<(Timestamp, RunId, TimerKey)>,
    due_of: BTreeMap<(RunId, TimerKey), Timestamp>,
    /// Runs that left memory, by when their first timer is due.
    sleepers: BTreeSet<(Timestamp, RunId)>,
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

    /// Keeps of a run that leaves memory only when its first timer is due, and returns that.
    pub(super) fn lull(&mut self, run: RunId) -> Option<Timestamp> {
        let first = self.disarm_all(run).into_iter().map(|(_, due)| due).min()?;
        self.sleepers.insert((first, run));
        Some(first)
    }

    /// Forgets a run that comes back, whose first timer is due at `first`.
    pub(super) fn rouse(&mut self, run: RunId, first: Timestamp) {
        self.sleepers.remove(&(first, run));
    }

    /// Returns the run that is to come back next because a timer of it is due at `now`, before any other timer fires. Of timers
    /// that are due at the same instant those of runs in memory fire first, so that not all sleepers of one instant come back
    /// before the first of them has gone on.
    pub(super) fn sleeper_due(&self, now: Timestamp) -> Option<RunId> {
        let (due, run) = *self.sleepers.first()?;
        let is_first = self.by_due.first().is_none_or(|(other, _, _)| due < *other);
        (due <= now && is_first).then_some(run)
    }

    /// Returns when the next timer is due.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let armed = self.by_due.first().map(|(due, _, _)| *due);
        armed.into_iter().chain(self.sleepers.first().map(|(due, _)| *due)).min()
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

    #[test]
    fn a_run_that_left_memory_comes_back_before_its_first_timer_fires() {
        let (one, two) = (RunId([1; 16]), RunId([2; 16]));
        let mut timers = Timers::default();
        timers.arm(one, wait("a"), Timestamp(30));
        timers.arm(one, wait("b"), Timestamp(20));
        timers.arm(two, wait("a"), Timestamp(10));
        assert_eq!(timers.lull(one), Some(Timestamp(20)));
        assert_eq!(timers.next_due(), Some(Timestamp(10)));
        assert_eq!(timers.sleeper_due(Timestamp(25)), None, "another timer is first");
        assert_eq!(timers.take_due(Timestamp(25)), Some((two, wait("a"))));
        assert_eq!((timers.next_due(), timers.take_due(Timestamp(25))), (Some(Timestamp(20)), None));
        assert_eq!(timers.sleeper_due(Timestamp(19)), None);
        assert_eq!(timers.sleeper_due(Timestamp(25)), Some(one));
        timers.rouse(one, Timestamp(20));
        assert_eq!((timers.next_due(), timers.lull(two)), (None, None));
    }
}
