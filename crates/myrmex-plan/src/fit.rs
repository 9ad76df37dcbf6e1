//! Where one task lies in its own open time, given what bounds its start and its finish.
//!
//! The open time between a start and a finish is always the length of the task. A finish that a link bounds may lie in closed time, after
//! the work has ended: the task is held until then.

use crate::calendar::OpenTime;
use crate::problem::{Moment, Span, Split};

/// How a task fills its open time.
#[derive(Debug, Clone, Copy)]
pub struct Shape<'a> {
    /// When work on it can proceed.
    pub open: &'a OpenTime,
    /// What a pause means for it.
    pub split: Split,
    /// Its open time from start to finish, at least zero.
    pub length: Span,
}

/// When a task begins and ends.
pub type Place = (Moment, Moment);

impl Shape<'_> {
    fn is_whole(&self) -> bool {
        match self.split {
            Split::Never => true,
            Split::Closed | Split::Any => false,
        }
    }

    /// Returns the earliest place from `start` on. If it would end before `finish`, it lies so late that it ends there, never stretched.
    /// What has no length lies at the later of the two instants, open or closed.
    pub fn early(&self, start: Moment, finish: Option<Moment>) -> Option<Place> {
        if self.length == Span(0) {
            let at = finish.map_or(start, |finish| finish.max(start));
            return Some((at, at));
        }
        let first = if self.is_whole() {
            self.open.whole_at_or_after(start, self.length)?
        } else {
            self.open.open_at_or_after(start)?
        };
        let end = self.open.advance(first, self.length)?;
        let Some(bound) = finish.filter(|bound| *bound > end) else { return Some((first, end)) };
        if !self.is_whole() {
            return Some((self.open.retreat(bound, self.length)?, bound));
        }
        let last = self.open.whole_at_or_before(bound, self.length)?;
        if self.open.between(last, bound)? == Span(0) {
            return Some((self.open.retreat(last, self.length)?, bound));
        }
        let begin = self.open.whole_at_or_after(Moment(bound.0.checked_sub(self.length.0)?), self.length)?;
        Some((begin, self.open.advance(begin, self.length)?))
    }

    /// Returns the latest place that ends up to `finish` and has begun by `start`: the mirror of [`Shape::early`]. Where `start` is closed, it
    /// begins in the last millisecond of the open time before. It ends as late as it can be held, which is up to the next opening.
    pub fn late(&self, start: Option<Moment>, finish: Moment) -> Option<Place> {
        if self.length == Span(0) {
            let at = start.map_or(finish, |start| start.min(finish));
            return Some((at, at));
        }
        let place = if self.is_whole() {
            self.whole_before(finish)?
        } else {
            (self.open.retreat(finish, self.length)?, finish)
        };
        let Some(bound) = start.filter(|bound| *bound < place.0) else { return Some(place) };
        if self.is_whole() {
            let (begin, _) = self.whole_before(Moment(bound.0.checked_add(self.length.0)?))?;
            return Some((begin, self.held(begin, finish)?));
        }
        let begin = if self.open.open_at_or_after(bound) == Some(bound) {
            bound
        } else {
            Moment(self.open.open_at_or_before(bound)?.0 - 1)
        };
        Some((begin, self.held(begin, finish)?))
    }

    fn whole_before(&self, finish: Moment) -> Option<Place> {
        let end = self.open.whole_at_or_before(finish, self.length)?;
        let begin = self.open.retreat(end, self.length)?;
        Some((begin, self.held(begin, finish)?))
    }

    /// Returns until when a task that begins at `begin` can be held, at most until `finish`.
    fn held(&self, begin: Moment, finish: Moment) -> Option<Moment> {
        let end = self.open.advance(begin, self.length)?;
        Some(self.open.open_at_or_after(end).map_or(finish, |opening| opening.min(finish)))
    }
}
