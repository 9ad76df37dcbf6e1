//! Tasks whose place is not free: what has happened, what must begin at an instant, and what lasts from one task to another.

use super::{Bounds, Layout, Placer, Recipe, Work, take};
use crate::instance::{Direction, Hammock, Instance, Need, Pin, Side, Way};

impl Placer<'_> {
    /// Takes what pinned tasks hold before anything else can have it. It is not asked whether there is enough: facts are facts.
    pub(super) fn reserve_pinned(&mut self, recipe: &Recipe<'_>, layout: &mut Layout) {
        let instance = self.instance;
        let side = instance.side(recipe.direction);
        if side.is_plain && side.limits.iter().all(|limits| limits.pin == Pin::Free) {
            return;
        }
        let is_start = |task: &usize| matches!(side.limits[*task].pin, Pin::Start(_));
        // What has happened takes what it needs first; what must begin at an instant has to do with the rest.
        let facts = (0..instance.len()).filter(|task| !is_start(task));
        for task in facts.chain((0..instance.len()).filter(is_start)) {
            let way = instance.way(task, recipe.modes[task]);
            let placed = match (side.limits[task].pin, recipe.like) {
                (Pin::Free | Pin::Span, _) => continue,
                (Pin::Over(start, finish), _) => Some(over(side.direction, start, finish)),
                (Pin::Start(_) | Pin::Running(..), Some(like)) => {
                    let (start, finish) = (-like.finish[task], -like.start[task]);
                    let crew = like.crew.get(task).cloned().unwrap_or_default();
                    self.hold(way, &crew, start, finish, layout, task);
                    Some((start, finish))
                }
                (Pin::Start(at), None) => self.begin_at(recipe, task, way, at, layout),
                (Pin::Running(since, left), None) => self.go_on(recipe, task, way, since, left, layout),
            };
            match placed {
                Some((start, finish)) => {
                    (layout.start[task], layout.finish[task]) = (start, finish);
                    self.begin_spans(side, task, layout);
                }
                None => layout.stuck.push(u32::try_from(task).expect("there are fewer tasks than 2^32")),
            }
        }
    }

    /// Takes what tasks hold that last from a pinned one on.
    fn begin_spans(&mut self, side: &Side, task: usize, layout: &Layout) {
        for hammock in side.spans.iter().filter(|hammock| hammock.from as usize == task) {
            take(&mut self.profiles, layout.start[task], i64::MAX, &hammock.needs);
        }
    }

    /// Notes where a pinned task lies, now that all before it do. A finish that waits for others is held; what is late for its
    /// bounds counts as a missed window.
    pub(super) fn settle_pinned(
        &mut self,
        recipe: &Recipe<'_>,
        task: usize,
        bounds: Bounds,
        layout: &mut Layout,
    ) {
        let side = self.instance.side(recipe.direction);
        let (start, mut finish) = match side.limits[task].pin {
            Pin::Free | Pin::Over(..) | Pin::Start(_) | Pin::Running(..) => {
                (layout.start[task], layout.finish[task])
            }
            Pin::Span => span(side, task, layout),
        };
        match side.limits[task].pin {
            Pin::Running(..) => finish = finish.max(bounds.finish),
            // Time runs forward for what is said about windows; in the mirror pinned tasks lie where they did.
            Pin::Start(_) if side.direction == Direction::Forward => {
                let missed = (bounds.start - start).max(bounds.finish.saturating_sub(finish)).max(0);
                layout.late = layout.late.saturating_add(missed);
            }
            Pin::Free | Pin::Over(..) | Pin::Start(_) | Pin::Span => {}
        }
        if side.limits[task].pin == Pin::Span
            && let (Some(crew), Some(hammock)) = (layout.crew.get_mut(task), hammock(side, task))
        {
            crew.clone_from(&hammock.crew);
        }
        self.settle(side, task, start, finish, layout);
    }

    /// Returns the first instant after `start` at which a task from whose start others last may begin, because those need what is
    /// not free; none if it may begin at `start`.
    pub(super) fn span_conflict(
        &self,
        side: &Side,
        task: usize,
        start: i64,
        own: &[Need],
        layout: &Layout,
    ) -> Option<i64> {
        let begun = side.spans.iter().filter(|hammock| hammock.from as usize == task);
        for hammock in begun {
            let end = self.span_end(hammock, start, layout);
            for need in &hammock.needs {
                let both = own.iter().filter(|other| other.what == need.what).map(|other| other.units);
                let units = need.units + both.sum::<i64>();
                if let Some(free) = self.profiles[need.what as usize].conflict(start, end, units) {
                    return Some(free);
                }
            }
        }
        None
    }

    /// Takes what tasks hold that last from `task` on, as long as it is not known until when, and gives back what those do not
    /// need any more that last until it.
    pub(super) fn stretch_spans(&mut self, side: &Side, task: usize, layout: &Layout) {
        for hammock in &side.spans {
            let is_pinned = |task: u32| {
                let pin = side.limits[task as usize].pin;
                matches!(pin, Pin::Over(..) | Pin::Start(_) | Pin::Running(..))
            };
            if hammock.from as usize == task && !is_pinned(hammock.from) {
                let start = layout.start[task];
                let end = self.span_end(hammock, start, layout);
                take(&mut self.profiles, start, end, &hammock.needs);
            } else if hammock.to as usize == task
                && (is_pinned(hammock.from) || self.is_placed[hammock.from as usize])
            {
                let end = layout.finish[task].max(layout.start[hammock.from as usize]);
                for need in &hammock.needs {
                    self.profiles[need.what as usize].take(end, i64::MAX, -need.units);
                }
            }
        }
    }

    fn span_end(&self, hammock: &Hammock, start: i64, layout: &Layout) -> i64 {
        let to = hammock.to as usize;
        if self.is_placed[to] { layout.finish[to].max(start) } else { i64::MAX }
    }

    /// Places a task at an instant, or when it opens after that; none if what it needs is not free then.
    fn begin_at(
        &mut self,
        recipe: &Recipe<'_>,
        task: usize,
        way: &Way,
        at: i64,
        layout: &mut Layout,
    ) -> Option<(i64, i64)> {
        let instance = self.instance;
        let side = instance.side(recipe.direction);
        let bounds = Bounds { start: at, finish: i64::MIN };
        let (crew, start, finish) = if way.asks.is_empty() {
            let work = Work { length: way.length, clock: way.clock, is_whole: way.is_whole };
            let needs = &instance.needs[way.needs.clone()];
            let (start, finish) = self.fit(side, task, bounds, work, needs, layout)?;
            (Vec::new(), start, finish)
        } else {
            self.best_crew(side, task, bounds, way, layout)?
        };
        let work = self.work_of(way, &crew);
        let opens = if work.length == 0 {
            at
        } else {
            let whole = if work.is_whole { work.length } else { 1 };
            self.clocks.open_from(work.clock, at, whole, recipe.direction)?
        };
        if start != opens {
            return None;
        }
        self.hold(way, &crew, start, finish, layout, task);
        Some((start, finish))
    }

    /// Places what is left of a task that runs.
    fn go_on(
        &mut self,
        recipe: &Recipe<'_>,
        task: usize,
        way: &Way,
        since: i64,
        left: Option<i64>,
        layout: &mut Layout,
    ) -> Option<(i64, i64)> {
        let crew = self.pinned_crew(way, layout, task);
        let work = self.work_of(way, &crew);
        let (now, direction) = (recipe.origin, recipe.direction);
        let end = match left {
            Some(left) => self.clocks.finish(work.clock, now.max(since), left, direction)?,
            None => self.clocks.finish(work.clock, since, work.length, direction)?,
        };
        let end = end.max(now);
        self.hold(way, &crew, now.max(since), end, layout, task);
        Some((since, end))
    }

    /// Returns the first who can do it and are not yet needed elsewhere: whoever began is not known.
    fn pinned_crew(&self, way: &Way, layout: &Layout, task: usize) -> Vec<(u32, u32)> {
        let instance: &Instance = self.instance;
        let mut crew: Vec<(u32, u32)> = Vec::new();
        for ask in &instance.asks[way.asks.clone()] {
            let mut able: Vec<u32> = ask
                .candidates
                .iter()
                .copied()
                .filter(|person| crew.iter().all(|(other, _)| other != person))
                .collect();
            able.sort_by_key(|person| {
                layout.crew[..task]
                    .iter()
                    .filter(|others| others.iter().any(|(other, _)| other == person))
                    .count()
            });
            crew.extend(able.iter().take(ask.count).map(|person| (*person, instance.share(*person, ask))));
        }
        crew.sort_unstable();
        crew
    }

    fn hold(
        &mut self,
        way: &Way,
        crew: &[(u32, u32)],
        start: i64,
        finish: i64,
        layout: &mut Layout,
        task: usize,
    ) {
        take(&mut self.profiles, start, finish, &self.instance.needs[way.needs.clone()]);
        let people = self.crew_needs(crew);
        take(&mut self.profiles, start, finish, &people);
        if !crew.is_empty() {
            layout.crew[task] = crew.to_vec();
        }
    }
}

fn over(direction: Direction, start: i64, finish: i64) -> (i64, i64) {
    match direction {
        Direction::Forward => (start, finish),
        Direction::Mirrored => (-finish, -start),
    }
}

fn span(side: &Side, task: usize, layout: &Layout) -> (i64, i64) {
    let hammock = hammock(side, task).expect("what is pinned as a span is one");
    let start = layout.start[hammock.from as usize];
    (start, layout.finish[hammock.to as usize].max(start))
}

fn hammock(side: &Side, task: usize) -> Option<&Hammock> {
    side.spans.iter().find(|hammock| hammock.task as usize == task)
}

/// Returns the units of all people of a crew, in thousandths of a whole one.
pub(super) fn units(crew: &[(u32, u32)]) -> u64 {
    crew.iter().map(|(_, units)| u64::from(*units)).sum()
}
