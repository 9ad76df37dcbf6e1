//! What is free of one resource over time.

/// The free units of a resource: from each instant in `times` until the next, as many as stand beside it in `free`.
///
/// Less than nothing is free where facts hold more than there is. An event more is made by each end of work that holds some, so
/// it does not matter in which unit time is counted.
#[derive(Debug, Clone)]
pub(crate) struct Profile {
    times: Vec<i64>,
    free: Vec<i64>,
}

impl Profile {
    /// Makes a resource of which `capacity` is always free.
    pub(crate) fn new(capacity: u32) -> Self {
        Self { times: vec![i64::MIN], free: vec![i64::from(capacity)] }
    }

    /// Frees all of it.
    pub(crate) fn reset(&mut self, capacity: u32) {
        self.times.truncate(1);
        self.free.truncate(1);
        self.free[0] = i64::from(capacity);
    }

    /// Returns none if `need` units are free from `start` to `finish`; else the first instant after `start` at which something of
    /// the same length could begin as far as the last conflict in there goes, or `i64::MAX` if that never ends.
    pub(crate) fn conflict(&self, start: i64, finish: i64, need: i64) -> Option<i64> {
        if start >= finish {
            return None;
        }
        // The first event lies before all instants, so there is one before `finish`.
        let mut at = self.times.partition_point(|time| *time < finish).saturating_sub(1);
        loop {
            if self.free[at] < need {
                return Some(self.times.get(at + 1).copied().unwrap_or(i64::MAX));
            }
            if self.times[at] <= start {
                return None;
            }
            at -= 1;
        }
    }

    /// Takes `need` units from `start` to `finish`; gives them back if `need` is negative.
    pub(crate) fn take(&mut self, start: i64, finish: i64, need: i64) {
        if start >= finish {
            return;
        }
        let first = self.event(start);
        let last = self.event(finish);
        for free in &mut self.free[first..last] {
            *free -= need;
        }
        // An event at which nothing changes any more would only make the next search longer.
        self.forget_if_idle(last);
        self.forget_if_idle(first);
    }

    fn event(&mut self, time: i64) -> usize {
        let at = self.times.partition_point(|known| *known < time);
        if self.times.get(at) != Some(&time) {
            self.times.insert(at, time);
            self.free.insert(at, self.free[at - 1]);
        }
        at
    }

    fn forget_if_idle(&mut self, at: usize) {
        if at > 0 && self.free[at] == self.free[at - 1] {
            self.times.remove(at);
            self.free.remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conflict_tells_where_the_last_shortage_ends() {
        let mut profile = Profile::new(3);
        profile.take(10, 20, 2);
        profile.take(30, 40, 3);
        assert_eq!(profile.conflict(0, 10, 3), None);
        assert_eq!(profile.conflict(0, 11, 2), Some(20));
        assert_eq!(profile.conflict(0, 31, 2), Some(40));
        assert_eq!(profile.conflict(10, 20, 1), None);
        assert_eq!(profile.conflict(40, 50, 3), None);
        assert_eq!(profile.conflict(40, 40, 3), None);
        profile.take(50, i64::MAX, 1);
        assert_eq!(profile.conflict(45, 55, 3), Some(i64::MAX));
    }

    #[test]
    fn what_was_given_back_leaves_no_events() {
        let mut profile = Profile::new(3);
        profile.take(10, 20, 2);
        profile.take(20, 30, 2);
        assert_eq!(profile.times, [i64::MIN, 10, 30]);
        profile.take(10, 30, -2);
        assert_eq!((profile.times.len(), profile.free[0]), (1, 3));
    }
}
