//! Serial generation: tasks are taken in a given order, and each lies as early as links, open time and what is left of resources
//! allow (Kolisch and Hartmann, "Heuristic algorithms for the resource-constrained project scheduling problem", 1999).
//!
//! The same code places from the end when it is given the mirrored side of an instance. It does not choose the order.

mod crew;
mod fixed;
mod justify;
mod modes;
mod parallel;
mod profile;
mod rules;

pub(crate) use rules::{Network, RULES};

use profile::Profile;

use crate::instance::{Clocks, Crew, Direction, Instance, Need, Pin, Side, Way};
use crate::problem::LinkKind;

/// Where tasks lie, by their number, and what is wrong with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) start: Vec<i64>,
    pub(crate) finish: Vec<i64>,
    /// Who works on each; empty where a problem has no people.
    pub(crate) crew: Vec<Crew>,
    /// By how much windows are missed, all together.
    pub(crate) late: i64,
    /// The tasks that found no place at all.
    pub(crate) stuck: Vec<u32>,
    /// When the last task ends.
    pub(crate) end: i64,
}

/// The earliest that links allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bounds {
    /// It may not begin before.
    start: i64,
    /// It may not end before.
    finish: i64,
}

/// Work to be placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Work {
    length: i64,
    clock: u32,
    is_whole: bool,
}

/// What placing needs besides an instance; made once and used for all candidates.
#[derive(Debug, Clone)]
pub(crate) struct Placer<'a> {
    instance: &'a Instance,
    clocks: Clocks,
    profiles: Vec<Profile>,
    /// Whether a task lies somewhere yet.
    is_placed: Vec<bool>,
    /// What of consumables is used by the modes of the candidate, where modes are chosen while placing.
    used: Vec<u64>,
}

/// What one candidate is made from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Recipe<'a> {
    /// In which direction.
    pub(crate) direction: Direction,
    /// Nothing begins before.
    pub(crate) origin: i64,
    /// In which order.
    pub(crate) order: &'a [u32],
    /// In which mode each.
    pub(crate) modes: &'a [u32],
    /// A placement in the other direction of time, if pinned tasks lie as there and the same people work on each task.
    pub(crate) like: Option<&'a Layout>,
}

impl Layout {
    /// Returns the same placement, made in the mirror, as it looks when time runs forward.
    pub(crate) fn forward(&self) -> Self {
        Self {
            start: self.finish.iter().map(|at| -at).collect(),
            finish: self.start.iter().map(|at| -at).collect(),
            crew: self.crew.clone(),
            late: self.late,
            stuck: self.stuck.clone(),
            end: self.start.iter().map(|at| -at).max().unwrap_or(-self.end),
        }
    }
}

impl<'a> Placer<'a> {
    pub(crate) fn new(instance: &'a Instance) -> Self {
        Self {
            instance,
            clocks: instance.clocks.clone(),
            profiles: instance.capacity.iter().map(|capacity| Profile::new(*capacity)).collect(),
            is_placed: vec![false; instance.len()],
            used: vec![0; instance.budgets.len()],
        }
    }

    /// Makes one candidate.
    pub(crate) fn place(&mut self, recipe: &Recipe<'_>, layout: &mut Layout) {
        self.begin(recipe, layout);
        for task in recipe.order {
            let task = *task as usize;
            let way = self.instance.way(task, recipe.modes[task]);
            self.place_task(recipe, task, way, layout);
        }
        layout.end = layout.finish.iter().copied().max().unwrap_or(recipe.origin);
    }

    fn begin(&mut self, recipe: &Recipe<'_>, layout: &mut Layout) {
        let count = self.instance.len();
        layout.start.clear();
        layout.start.resize(count, recipe.origin);
        layout.finish.clear();
        layout.finish.resize(count, recipe.origin);
        (layout.late, layout.end) = (0, recipe.origin);
        layout.stuck.clear();
        if !self.instance.people.is_empty() {
            layout.crew.clear();
            layout.crew.resize(count, Crew::new());
        }
        for (profile, capacity) in self.profiles.iter_mut().zip(&self.instance.capacity) {
            profile.reset(*capacity);
        }
        self.is_placed.clear();
        self.is_placed.resize(count, false);
        self.reserve_pinned(recipe, layout);
    }

    fn place_task(&mut self, recipe: &Recipe<'_>, task: usize, way: &Way, layout: &mut Layout) {
        let side = self.instance.side(recipe.direction);
        let limits = &side.limits[task];
        let Some(bounds) = self.bounds(side, task, recipe.origin, layout) else {
            return self.give_up(recipe, task, layout);
        };
        if limits.pin != Pin::Free {
            return self.settle_pinned(recipe, task, bounds, layout);
        }
        let fitted = if way.asks.is_empty() {
            let work = Work { length: way.length, clock: way.clock, is_whole: way.is_whole };
            let needs = &self.instance.needs[way.needs.clone()];
            self.fit(side, task, bounds, work, needs, layout)
        } else {
            self.place_with_people(recipe, task, bounds, way, layout)
        };
        let Some((start, finish)) = fitted else {
            return self.give_up(recipe, task, layout);
        };
        let needs = &self.instance.needs[way.needs.clone()];
        take(&mut self.profiles, start, finish, needs);
        self.settle(side, task, start, finish, layout);
    }

    /// Notes where a task lies, whose resources are taken.
    fn settle(&mut self, side: &Side, task: usize, start: i64, finish: i64, layout: &mut Layout) {
        layout.start[task] = start;
        layout.finish[task] = finish;
        layout.late = layout.late.saturating_add(finish.saturating_sub(side.limits[task].latest).max(0));
        self.is_placed[task] = true;
        if !side.spans.is_empty() {
            self.stretch_spans(side, task, layout);
        }
    }

    /// Notes that a task found no place: it counts as one of no length at its earliest, so that the rest still says something.
    fn give_up(&mut self, recipe: &Recipe<'_>, task: usize, layout: &mut Layout) {
        layout.stuck.push(u32::try_from(task).expect("there are fewer tasks than 2^32"));
        layout.start[task] = recipe.origin;
        layout.finish[task] = recipe.origin;
        self.is_placed[task] = true;
    }

    /// Returns what its window and the placed tasks before it allow; none where that is beyond what calendars are known for.
    fn bounds(&self, side: &Side, task: usize, origin: i64, layout: &Layout) -> Option<Bounds> {
        let mut bounds = Bounds { start: side.limits[task].earliest.max(origin), finish: i64::MIN };
        for arc in side.incoming.of(task) {
            let other = arc.task as usize;
            let lag = |at| self.clocks.lag(arc.clock, at, arc.lag, side.direction);
            match arc.kind {
                LinkKind::FinishStart => bounds.start = bounds.start.max(lag(layout.finish[other])?),
                LinkKind::StartStart => bounds.start = bounds.start.max(lag(layout.start[other])?),
                LinkKind::FinishFinish => bounds.finish = bounds.finish.max(lag(layout.finish[other])?),
                LinkKind::StartFinish => bounds.finish = bounds.finish.max(lag(layout.start[other])?),
            }
        }
        Some(bounds)
    }

    /// Returns the first place within `bounds` where `work` can be done and `needs` are free; none if there is none.
    ///
    /// Work whose finish is bounded begins so late that it ends at the bound. If that is while its clock stands, it has been done
    /// before and is held until then; in the mirror, where that end is a start, it begins just before the bound's closed time instead.
    fn fit(
        &self,
        side: &Side,
        task: usize,
        bounds: Bounds,
        work: Work,
        needs: &[Need],
        layout: &Layout,
    ) -> Option<(i64, i64)> {
        if work.length == 0 {
            let mut at = bounds.start.max(bounds.finish);
            while let Some(free) = self.span_conflict(side, task, at, &[], layout) {
                if free == i64::MAX {
                    return None;
                }
                at = free;
            }
            return Some((at, at));
        }
        let whole = if work.is_whole { work.length } else { 1 };
        let mut start = bounds.start;
        if bounds.finish > start {
            start = start.max(self.clocks.start(work.clock, bounds.finish, work.length, side.direction)?);
        }
        'next: loop {
            start = self.clocks.open_from(work.clock, start, whole, side.direction)?;
            let mut finish = self.clocks.finish(work.clock, start, work.length, side.direction)?;
            if finish < bounds.finish {
                match side.direction {
                    Direction::Forward => finish = bounds.finish,
                    Direction::Mirrored => {
                        start += 1;
                        continue;
                    }
                }
            }
            for need in needs {
                let profile = &self.profiles[need.what as usize];
                if let Some(free) = profile.conflict(start, finish, need.units) {
                    if free == i64::MAX {
                        return None;
                    }
                    start = free;
                    continue 'next;
                }
            }
            match self.span_conflict(side, task, start, needs, layout) {
                None => return Some((start, finish)),
                Some(i64::MAX) => return None,
                Some(free) => start = free,
            }
        }
    }
}

fn take(profiles: &mut [Profile], start: i64, finish: i64, needs: &[Need]) {
    for need in needs {
        profiles[need.what as usize].take(start, finish, need.units);
    }
}
