//! Open time by number, in both directions.

use std::collections::BTreeMap;

use crate::calendar::OpenTime;
use crate::problem::{Moment, Span};

/// The clock that never stops.
pub(crate) const ALWAYS: u32 = 0;

/// Open times, each known by a number. One that two others have in common is made when it is first asked for.
#[derive(Debug, Clone)]
pub(crate) struct Clocks {
    open: Vec<OpenTime>,
    joint: BTreeMap<(u32, u32), u32>,
}

/// In which direction time runs: mirrored, an instant is its own negative, so that what was the end comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// As it does.
    Forward,
    /// From the end to the beginning.
    Mirrored,
}

impl Clocks {
    pub(crate) fn new() -> Self {
        Self { open: vec![OpenTime::always()], joint: BTreeMap::new() }
    }

    /// Returns the number of `open`, which is that of an equal one where there is one.
    pub(crate) fn add(&mut self, open: OpenTime) -> u32 {
        let known = self.open.iter().position(|other| *other == open);
        let at = known.unwrap_or_else(|| {
            self.open.push(open);
            self.open.len() - 1
        });
        u32::try_from(at).expect("there are fewer calendars than 2^32")
    }

    /// Returns the number of what both have in common.
    pub(crate) fn both(&mut self, left: u32, right: u32) -> u32 {
        if left == ALWAYS || left == right {
            return right;
        }
        if right == ALWAYS {
            return left;
        }
        let key = (left.min(right), left.max(right));
        if let Some(known) = self.joint.get(&key) {
            return *known;
        }
        let joint = OpenTime::intersection(&[&self.open[key.0 as usize], &self.open[key.1 as usize]]);
        let number = self.add(joint);
        self.joint.insert(key, number);
        number
    }

    /// Returns the open time itself.
    pub(crate) fn open(&self, clock: u32) -> &OpenTime {
        &self.open[clock as usize]
    }

    /// Returns when work that begins at `start` ends.
    pub(crate) fn finish(&self, clock: u32, start: i64, work: i64, direction: Direction) -> Option<i64> {
        if clock == ALWAYS {
            return start.checked_add(work);
        }
        match direction {
            Direction::Forward => self.open(clock).advance(Moment(start), Span(work)).map(|at| at.0),
            Direction::Mirrored => self.open(clock).retreat(Moment(-start), Span(work)).map(|at| -at.0),
        }
    }

    /// Returns the last start from which work ends at `finish`.
    pub(crate) fn start(&self, clock: u32, finish: i64, work: i64, direction: Direction) -> Option<i64> {
        if clock == ALWAYS {
            return finish.checked_sub(work);
        }
        match direction {
            Direction::Forward => self.open(clock).retreat(Moment(finish), Span(work)).map(|at| at.0),
            Direction::Mirrored => self.open(clock).advance(Moment(-finish), Span(work)).map(|at| -at.0),
        }
    }

    /// Returns the first instant from `instant` on at which `whole` of work can begin without a pause.
    pub(crate) fn open_from(
        &self,
        clock: u32,
        instant: i64,
        whole: i64,
        direction: Direction,
    ) -> Option<i64> {
        if clock == ALWAYS {
            return Some(instant);
        }
        let open = self.open(clock);
        match direction {
            Direction::Forward => open.whole_at_or_after(Moment(instant), Span(whole)).map(|at| at.0),
            Direction::Mirrored => open.whole_at_or_before(Moment(-instant), Span(whole)).map(|at| -at.0),
        }
    }

    /// Returns the bound that a link with `lag` puts after `instant`.
    ///
    /// Without a mirror that is `instant` moved by the lag. In the mirror it is the first bound for which the link holds when time
    /// runs forward again; the two differ for leads that go over closed time.
    pub(crate) fn lag(&self, clock: u32, instant: i64, lag: i64, direction: Direction) -> Option<i64> {
        if clock == ALWAYS || lag == 0 {
            return instant.checked_add(lag);
        }
        match direction {
            Direction::Forward => self.finish(clock, instant, lag, direction),
            Direction::Mirrored if lag > 0 => self.finish(clock, instant, lag, direction),
            Direction::Mirrored => Some(self.finish(clock, instant - 1, lag, direction)? + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clocks() -> Clocks {
        let mut clocks = Clocks::new();
        let stretches = vec![(Moment(0), Moment(10)), (Moment(20), Moment(30))];
        clocks.add(OpenTime::new(stretches, Moment(-1_000), Moment(1_000)));
        clocks
    }

    /// Whether a link with `lag` from an end at `from` allows `to`.
    fn holds(clocks: &Clocks, from: i64, to: i64, lag: i64) -> bool {
        clocks.lag(1, from, lag, Direction::Forward).is_some_and(|bound| to >= bound)
    }

    #[test]
    fn the_mirror_of_a_lag_allows_exactly_what_the_lag_allows() {
        let clocks = clocks();
        for lag in [-7, -5, -1, 0, 1, 5, 7] {
            for to in 0..=30 {
                let mirrored = clocks.lag(1, -to, lag, Direction::Mirrored);
                for from in 0..=30 {
                    // Beyond what is open there is no answer in one of the directions; that is no contradiction.
                    if clocks.lag(1, from, lag, Direction::Forward).is_none() {
                        continue;
                    }
                    let Some(bound) = mirrored else { continue };
                    assert_eq!(holds(&clocks, from, to, lag), -from >= bound, "{from} {to} {lag}");
                }
            }
        }
    }

    #[test]
    fn what_two_have_in_common_is_made_once() {
        let mut clocks = clocks();
        let other = clocks.add(OpenTime::new(vec![(Moment(5), Moment(25))], Moment(-1_000), Moment(1_000)));
        let joint = clocks.both(1, other);
        assert_eq!((clocks.both(other, 1), clocks.both(ALWAYS, 1), clocks.both(1, 1)), (joint, 1, 1));
        assert_eq!(clocks.finish(joint, 5, 6, Direction::Forward), Some(21));
    }
}
