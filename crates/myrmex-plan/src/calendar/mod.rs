//! Open time: the stretches in which work can proceed, and how amounts of it become instants.
//!
//! What people write is a [`Calendar`](crate::problem::Calendar) with days and a time zone; [`OpenTime`] is what becomes of it
//! between two instants, after which no time zone is asked any more. Sums of open milliseconds stand beside the stretches, so every
//! question is one binary search. What lies outside of the two instants is unknown, never guessed: the answer is `None`.
//!
//! It does not know tasks: which calendars bound one is for its user to intersect.

mod compile;
mod set;

pub use compile::CalendarError;
pub use set::Calendars;

use crate::problem::{Moment, Span};

/// When something is open, between two instants.
///
/// ```
/// use myrmex_plan::calendar::OpenTime;
/// use myrmex_plan::problem::{Moment, Span};
///
/// let always = OpenTime::always();
/// assert_eq!(always.advance(Moment(500), Span(1_000)), Some(Moment(1_500)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenTime {
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Always,
    Stretches(Stretches),
}

/// Open stretches in ascending order, of which none is empty and no two touch, within the instants that they are known for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stretches {
    from: i64,
    to: i64,
    starts: Vec<i64>,
    ends: Vec<i64>,
    /// The open milliseconds before each stretch.
    before: Vec<i64>,
    /// The length of the longest stretch, so that what fits into none is known at once.
    longest: i64,
}

impl OpenTime {
    /// Returns time that is open at every instant.
    pub fn always() -> Self {
        Self { kind: Kind::Always }
    }

    /// Makes open time of stretches `(start, end)` in any order; what of them lies outside of `from..to` is left out.
    pub fn new(stretches: Vec<(Moment, Moment)>, from: Moment, to: Moment) -> Self {
        let clipped = stretches.into_iter().map(|(start, end)| (start.0.max(from.0), end.0.min(to.0)));
        let mut sorted: Vec<(i64, i64)> = clipped.filter(|(start, end)| start < end).collect();
        sorted.sort_unstable();
        let mut merged: Vec<(i64, i64)> = Vec::with_capacity(sorted.len());
        for (start, end) in sorted {
            match merged.last_mut() {
                Some(last) if start <= last.1 => last.1 = last.1.max(end),
                Some(_) | None => merged.push((start, end)),
            }
        }
        Self { kind: Kind::Stretches(Stretches::of(&merged, from.0, to.0)) }
    }

    /// Returns time that is open where all of `all` are; always, if there are none.
    pub fn intersection(all: &[&Self]) -> Self {
        all.iter().fold(Self::always(), |left, right| left.and(right))
    }

    fn and(self, other: &Self) -> Self {
        match (self.kind, &other.kind) {
            (Kind::Always, _) => other.clone(),
            (kind @ Kind::Stretches(_), Kind::Always) => Self { kind },
            (Kind::Stretches(left), Kind::Stretches(right)) => {
                Self { kind: Kind::Stretches(left.and(right)) }
            }
        }
    }

    /// Returns the first instant at which `work` of open time has passed since `from`: the end of a stretch rather than the start of
    /// the next. No work ends where it begins, be it open or closed; less than none goes back, as [`OpenTime::retreat`] does.
    pub fn advance(&self, from: Moment, work: Span) -> Option<Moment> {
        match &self.kind {
            Kind::Always => from.0.checked_add(work.0).map(Moment),
            Kind::Stretches(_) if work.0 < 0 => self.retreat(from, Span(work.0.checked_neg()?)),
            Kind::Stretches(stretches) => stretches.advance(from.0, work.0).map(Moment),
        }
    }

    /// Returns the last instant from which `work` of open time passes until `to`: the start of a stretch rather than the end of the
    /// one before. The mirror of [`OpenTime::advance`].
    pub fn retreat(&self, to: Moment, work: Span) -> Option<Moment> {
        match &self.kind {
            Kind::Always => to.0.checked_sub(work.0).map(Moment),
            Kind::Stretches(_) if work.0 < 0 => self.advance(to, Span(work.0.checked_neg()?)),
            Kind::Stretches(stretches) => stretches.retreat(to.0, work.0).map(Moment),
        }
    }

    /// Returns the first instant from `instant` on at which work can begin.
    pub fn open_at_or_after(&self, instant: Moment) -> Option<Moment> {
        self.whole_at_or_after(instant, Span(1))
    }

    /// Returns the last instant up to `instant` at which work can end.
    pub fn open_at_or_before(&self, instant: Moment) -> Option<Moment> {
        self.whole_at_or_before(instant, Span(1))
    }

    /// Returns the first instant from `instant` on after which `work` passes without a pause. `work` is at least one millisecond.
    pub fn whole_at_or_after(&self, instant: Moment, work: Span) -> Option<Moment> {
        match &self.kind {
            Kind::Always => Some(instant),
            Kind::Stretches(stretches) => stretches.whole_after(instant.0, work.0).map(Moment),
        }
    }

    /// Returns the last instant up to `instant` before which `work` passes without a pause. `work` is at least one millisecond.
    pub fn whole_at_or_before(&self, instant: Moment, work: Span) -> Option<Moment> {
        match &self.kind {
            Kind::Always => Some(instant),
            Kind::Stretches(stretches) => stretches.whole_before(instant.0, work.0).map(Moment),
        }
    }

    /// Returns the open time from `from` to `to`; less than zero if `to` comes first.
    pub fn between(&self, from: Moment, to: Moment) -> Option<Span> {
        match &self.kind {
            Kind::Always => to.0.checked_sub(from.0).map(Span),
            Kind::Stretches(stretches) => Some(Span(stretches.position(to.0)? - stretches.position(from.0)?)),
        }
    }

    /// Whether no instant is open.
    pub fn is_never(&self) -> bool {
        match &self.kind {
            Kind::Always => false,
            Kind::Stretches(stretches) => stretches.starts.is_empty(),
        }
    }

    /// Returns how long the longest open stretch is; none if it has no end.
    pub fn longest(&self) -> Option<Span> {
        match &self.kind {
            Kind::Always => None,
            Kind::Stretches(stretches) => Some(Span(stretches.longest)),
        }
    }

    /// Returns the open stretches, clipped to `from..to`, in order.
    pub fn stretches(&self, from: Moment, to: Moment) -> Vec<(Moment, Moment)> {
        let (starts, ends): (&[i64], &[i64]) = match &self.kind {
            Kind::Always => (&[i64::MIN], &[i64::MAX]),
            Kind::Stretches(stretches) => (&stretches.starts, &stretches.ends),
        };
        let first = ends.partition_point(|end| *end <= from.0);
        let last = starts.partition_point(|start| *start < to.0).max(first);
        let within = starts[first..last].iter().zip(&ends[first..last]);
        within.map(|(start, end)| (Moment(from.0.max(*start)), Moment(to.0.min(*end)))).collect()
    }
}

impl Stretches {
    fn of(merged: &[(i64, i64)], from: i64, to: i64) -> Self {
        let mut before = Vec::with_capacity(merged.len());
        let mut sum = 0;
        for (start, end) in merged {
            before.push(sum);
            sum += end - start;
        }
        Self {
            from,
            to,
            starts: merged.iter().map(|stretch| stretch.0).collect(),
            ends: merged.iter().map(|stretch| stretch.1).collect(),
            before,
            longest: merged.iter().map(|(start, end)| end - start).max().unwrap_or(0),
        }
    }

    /// Returns where both are open, by one walk over the two lists.
    fn and(&self, other: &Self) -> Self {
        let (mut left, mut right) = (0, 0);
        let mut both = Vec::new();
        while left < self.starts.len() && right < other.starts.len() {
            let start = self.starts[left].max(other.starts[right]);
            let end = self.ends[left].min(other.ends[right]);
            if start < end {
                both.push((start, end));
            }
            if self.ends[left] <= other.ends[right] {
                left += 1;
            } else {
                right += 1;
            }
        }
        Self::of(&both, self.from.max(other.from), self.to.min(other.to))
    }

    fn is_known(&self, instant: i64) -> bool {
        self.from <= instant && instant <= self.to
    }

    /// Returns the open time since the beginning of what is known.
    fn position(&self, instant: i64) -> Option<i64> {
        if !self.is_known(instant) {
            return None;
        }
        let next = self.starts.partition_point(|start| *start < instant);
        let Some(last) = next.checked_sub(1) else { return Some(0) };
        Some(self.before[last] + self.ends[last].min(instant) - self.starts[last])
    }

    fn advance(&self, from: i64, work: i64) -> Option<i64> {
        let position = self.position(from)?;
        if work == 0 {
            return Some(from);
        }
        let target = position.checked_add(work)?;
        // The last stretch that begins before the target is passed is the one in which it is reached.
        let last = self.before.partition_point(|before| *before < target).checked_sub(1)?;
        let end = self.starts[last] + (target - self.before[last]);
        (end <= self.ends[last]).then_some(end)
    }

    fn retreat(&self, to: i64, work: i64) -> Option<i64> {
        let position = self.position(to)?;
        if work == 0 {
            return Some(to);
        }
        let target = position.checked_sub(work).filter(|target| *target >= 0)?;
        let last = self.before.partition_point(|before| *before <= target).checked_sub(1)?;
        Some(self.starts[last] + (target - self.before[last]))
    }

    fn whole_after(&self, instant: i64, work: i64) -> Option<i64> {
        if work > self.longest || !self.is_known(instant) {
            return None;
        }
        let first = self.ends.partition_point(|end| *end <= instant);
        let later = self.starts[first..].iter().zip(&self.ends[first..]);
        later
            .map(|(start, end)| (instant.max(*start), *end))
            .find(|(start, end)| end - start >= work)
            .map(|(start, _)| start)
    }

    fn whole_before(&self, instant: i64, work: i64) -> Option<i64> {
        if work > self.longest || !self.is_known(instant) {
            return None;
        }
        let last = self.starts.partition_point(|start| *start < instant);
        let earlier = self.starts[..last].iter().zip(&self.ends[..last]).rev();
        earlier
            .map(|(start, end)| (*start, instant.min(*end)))
            .find(|(start, end)| end - start >= work)
            .map(|(_, end)| end)
    }
}
