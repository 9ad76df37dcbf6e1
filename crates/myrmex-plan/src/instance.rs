//! A problem as a search works on it: numbers in rows, without names, in both directions of time.
//!
//! Pools, limits of work in progress and people are all resources here; open times that work on a task in some mode needs are
//! intersected once. It decides nothing.

mod clocks;
mod compile;
mod order;

use std::ops::Range;

pub(crate) use clocks::{ALWAYS, Clocks, Direction};
pub(crate) use compile::CompileError;

use crate::problem::{Amount, LinkKind};

/// A problem in numbers.
#[derive(Debug, Clone)]
pub(crate) struct Instance {
    /// How it looks when time runs forward.
    pub(crate) forward: Side,
    /// How it looks from its end.
    pub(crate) mirrored: Side,
    /// The modes of each task, in [`Instance::modes`].
    pub(crate) mode_ranges: Vec<Range<usize>>,
    /// The modes of all tasks.
    pub(crate) modes: Vec<Way>,
    /// What modes hold, in rows of [`Way::needs`].
    pub(crate) needs: Vec<Need>,
    /// Whom modes ask for, in rows of [`Way::asks`].
    pub(crate) asks: Vec<Ask>,
    /// What modes use up, in rows of [`Way::consumes`].
    pub(crate) consumes: Vec<Need>,
    /// How much there is of each resource: pools, then phases with a limit, then people.
    pub(crate) capacity: Vec<u32>,
    /// The people among the resources.
    pub(crate) people: Vec<Worker>,
    /// The place of the first person among the resources.
    pub(crate) first_person: usize,
    /// How much there is of each consumable.
    pub(crate) budgets: Vec<u64>,
    /// Greater goes first.
    pub(crate) priority: Vec<i32>,
    /// Open times.
    pub(crate) clocks: Clocks,
}

/// What depends on the direction of time.
#[derive(Debug, Clone)]
pub(crate) struct Side {
    /// In which it runs.
    pub(crate) direction: Direction,
    /// The links that bound each task.
    pub(crate) incoming: Arcs,
    /// The links by which each task bounds others.
    pub(crate) outgoing: Arcs,
    /// When each may lie.
    pub(crate) limits: Vec<Limits>,
    /// Tasks that last from the start of one task to the finish of another: their own number, then these.
    pub(crate) spans: Vec<Hammock>,
    /// An order in which each comes after all that bound it: its place.
    pub(crate) rank: Vec<u32>,
    /// Whether every link leads from a finish to a later start, so that any order by starts is one in which they can be placed.
    pub(crate) is_plain: bool,
}

/// Links in rows, one row a task.
#[derive(Debug, Clone, Default)]
pub(crate) struct Arcs {
    first: Vec<u32>,
    arcs: Vec<Arc>,
}

/// A link, seen from one of its ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arc {
    /// The task at the other end.
    pub(crate) task: u32,
    /// The clock of the lag.
    pub(crate) clock: u32,
    /// Which ends.
    pub(crate) kind: LinkKind,
    /// How much later.
    pub(crate) lag: i64,
}

/// When a task may lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// It begins here at the earliest.
    pub(crate) earliest: i64,
    /// It ends here at the latest.
    pub(crate) latest: i64,
    /// What is decided already.
    pub(crate) pin: Pin,
}

/// What is decided about where a task lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pin {
    /// Nothing.
    Free,
    /// It begins at this instant.
    Start(i64),
    /// It runs: since, how much is left at the instant the plan begins at, or nothing if that follows from its estimate.
    Running(i64, Option<i64>),
    /// It is over.
    Over(i64, i64),
    /// It lasts from one task to another.
    Span,
}

/// A task that lasts from the start of one to the finish of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hammock {
    pub(crate) task: u32,
    pub(crate) from: u32,
    pub(crate) to: u32,
    /// What it holds meanwhile, people included.
    pub(crate) needs: Vec<Need>,
    /// The people among them, by their place among people.
    pub(crate) crew: Crew,
}

/// People and the units of each.
pub(crate) type Crew = Vec<(u32, u32)>;

/// A mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Way {
    /// How much there is to do.
    pub(crate) amount: Amount,
    /// How long it takes if nobody works on it.
    pub(crate) length: i64,
    /// When work can proceed, people apart.
    pub(crate) clock: u32,
    /// Whether it may not pause.
    pub(crate) is_whole: bool,
    /// What it holds.
    pub(crate) needs: Range<usize>,
    /// Whom it asks for.
    pub(crate) asks: Range<usize>,
    /// What it uses up.
    pub(crate) consumes: Range<usize>,
}

/// So many units of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Need {
    /// The place of the resource or consumable.
    pub(crate) what: u32,
    /// How many units.
    pub(crate) units: i64,
}

/// People that a mode asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ask {
    /// Who can be chosen, in order of preference.
    pub(crate) candidates: Vec<u32>,
    /// How many.
    pub(crate) count: usize,
    /// How much of each, in thousandths of all they have.
    pub(crate) units: u32,
}

/// A person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Worker {
    /// When they work.
    pub(crate) clock: u32,
    /// What they have, in thousandths of a whole person.
    pub(crate) units: u32,
    /// What an hour costs, in millionths.
    pub(crate) rate: i128,
}

impl Instance {
    /// Returns how many tasks there are.
    pub(crate) fn len(&self) -> usize {
        self.mode_ranges.len()
    }

    /// Returns how it looks in `direction`.
    pub(crate) fn side(&self, direction: Direction) -> &Side {
        match direction {
            Direction::Forward => &self.forward,
            Direction::Mirrored => &self.mirrored,
        }
    }

    /// Returns the mode of `task` that has the number `mode` among its own.
    pub(crate) fn way(&self, task: usize, mode: u32) -> &Way {
        &self.modes[self.mode_ranges[task].start + mode as usize]
    }

    /// Whether any task can be done in several ways.
    pub(crate) fn has_choices(&self) -> bool {
        self.mode_ranges.iter().any(|modes| modes.len() > 1)
    }

    /// Returns by how many units the consumables do not suffice for `modes`.
    pub(crate) fn overflow(&self, modes: &[u32]) -> u64 {
        let mut used = vec![0_u64; self.budgets.len()];
        if used.is_empty() {
            return 0;
        }
        for (task, mode) in modes.iter().enumerate() {
            for need in &self.consumes[self.way(task, *mode).consumes.clone()] {
                used[need.what as usize] += need.units.unsigned_abs();
            }
        }
        used.iter().zip(&self.budgets).map(|(used, amount)| used.saturating_sub(*amount)).sum()
    }

    /// Returns how long `way` lasts at the least, whoever works on it.
    pub(crate) fn shortest(&self, way: &Way) -> i64 {
        let mut units = 0;
        for ask in &self.asks[way.asks.clone()] {
            let mut each: Vec<u64> = ask.candidates.iter().map(|p| u64::from(self.share(*p, ask))).collect();
            each.sort_unstable_by(|left, right| right.cmp(left));
            units += each.iter().take(ask.count).sum::<u64>();
        }
        crate::placement::length(way.amount, units).0
    }

    /// Returns what `ask` takes of a person, in thousandths of a whole one; at least one, so that work ends.
    pub(crate) fn share(&self, person: u32, ask: &Ask) -> u32 {
        share(self.people[person as usize].units, ask.units)
    }
}

/// Returns `part` of `units`, both in thousandths, rounded down but at least one.
pub(crate) fn share(units: u32, part: u32) -> u32 {
    let share = u64::from(units) * u64::from(part) / u64::from(crate::problem::WHOLE);
    u32::try_from(share.max(1)).unwrap_or(u32::MAX)
}

impl Arcs {
    /// Makes rows of `(task, arc)`, which keep their order within a row.
    pub(crate) fn new(tasks: usize, links: impl Iterator<Item = (u32, Arc)> + Clone) -> Self {
        let mut first = vec![0_u32; tasks + 1];
        for (task, _) in links.clone() {
            first[task as usize + 1] += 1;
        }
        for task in 0..tasks {
            first[task + 1] += first[task];
        }
        let mut next = first.clone();
        let blank = Arc { task: 0, clock: ALWAYS, kind: LinkKind::FinishStart, lag: 0 };
        let mut arcs = vec![blank; first[tasks] as usize];
        for (task, arc) in links {
            arcs[next[task as usize] as usize] = arc;
            next[task as usize] += 1;
        }
        Self { first, arcs }
    }

    /// Returns the links of `task`.
    pub(crate) fn of(&self, task: usize) -> &[Arc] {
        &self.arcs[self.first[task] as usize..self.first[task + 1] as usize]
    }
}
