//! Proved lower limits of the finish: no placement ends before the longest chain of tasks, nor before a pool has done all that
//! needs it. A plan that ends at its bound cannot be bettered.
//!
//! The second is the energy bound over every part of the project that lies between a latest head and a latest tail: what has to be
//! done after the first and before the second has to fit between them.

use crate::instance::{Direction, Instance, Pin, Side};
use crate::problem::{LinkKind, Moment, PoolId};

/// A proved limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// No plan ends before.
    pub finish: Moment,
    /// Why.
    pub by: BoundBy,
}

/// What proves a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BoundBy {
    /// The longest chain of tasks.
    CriticalPath,
    /// The work that a pool has to do.
    Energy(PoolId),
}

/// Parts of a project are looked at for so many tasks at most; above, only all of it: there are as many parts as pairs of tasks.
const PARTS_MAX: usize = 600;

/// Returns the best limit that is known.
pub(crate) fn bound(instance: &Instance, origin: i64, pools: usize) -> Bound {
    let heads = heads(instance, origin);
    let ends = heads.iter().map(|head| head.finish);
    let mut best = Bound { finish: Moment(ends.max().unwrap_or(origin)), by: BoundBy::CriticalPath };
    let tails = tails(instance);
    for pool in 0..pools {
        let energy = energy(instance, pool, &heads, &tails);
        if let Some(finish) = energy.filter(|finish| *finish > best.finish.0) {
            let id = PoolId(u32::try_from(pool).expect("there are fewer pools than 2^32"));
            best = Bound { finish: Moment(finish), by: BoundBy::Energy(id) };
        }
    }
    best.finish.0 = rounded(instance, origin, best.finish.0);
    best
}

/// Where a task can lie at the earliest if nothing is short.
#[derive(Debug, Clone, Copy)]
struct Head {
    start: i64,
    finish: i64,
}

fn heads(instance: &Instance, origin: i64) -> Vec<Head> {
    let side = &instance.forward;
    let clocks = &instance.clocks;
    let mut order: Vec<usize> = (0..instance.len()).collect();
    order.sort_unstable_by_key(|task| side.rank[*task]);
    let mut heads = vec![Head { start: origin, finish: origin }; instance.len()];
    for task in order {
        let (mut start, mut end) = (side.limits[task].earliest.max(origin), i64::MIN);
        for arc in side.incoming.of(task) {
            let other = heads[arc.task as usize];
            let lag = |at| clocks.lag(arc.clock, at, arc.lag, Direction::Forward).unwrap_or(origin);
            match arc.kind {
                LinkKind::FinishStart => start = start.max(lag(other.finish)),
                LinkKind::StartStart => start = start.max(lag(other.start)),
                LinkKind::FinishFinish => end = end.max(lag(other.finish)),
                LinkKind::StartFinish => end = end.max(lag(other.start)),
            }
        }
        heads[task] = match side.limits[task].pin {
            Pin::Over(start, finish) => Head { start, finish },
            Pin::Running(since, _) => Head { start: since, finish: origin.max(end) },
            Pin::Span => span_head(side, task, &heads),
            Pin::Free => best_head(instance, task, start, end),
            Pin::Start(at) => best_head(instance, task, at, i64::MIN),
        };
    }
    heads
}

/// Returns where a task lies at the earliest that lasts from one to another.
fn span_head(side: &Side, task: usize, heads: &[Head]) -> Head {
    let span = side.spans.iter().find(|span| span.task as usize == task);
    let span = span.expect("what is pinned as a span is one");
    let start = heads[span.from as usize].start;
    Head { start, finish: heads[span.to as usize].finish.max(start) }
}

/// Returns the earliest that any mode allows; starts and finishes apart, because different modes may be best for them.
fn best_head(instance: &Instance, task: usize, start: i64, end: i64) -> Head {
    let ways = &instance.modes[instance.mode_ranges[task].clone()];
    let each = ways.iter().map(|way| {
        let work = instance.shortest(way);
        if work == 0 {
            return Head { start: start.max(end), finish: start.max(end) };
        }
        let first = instance.clocks.open_from(way.clock, start, 1, Direction::Forward).unwrap_or(start);
        let finish = instance.clocks.finish(way.clock, first, work, Direction::Forward).unwrap_or(first);
        Head { start: first, finish: finish.max(end) }
    });
    each.reduce(|left, right| Head {
        start: left.start.min(right.start),
        finish: left.finish.min(right.finish),
    })
    .unwrap_or(Head { start, finish: start })
}

/// Returns how much time at the least lies between the finish of each task and the end of everything.
fn tails(instance: &Instance) -> Vec<i64> {
    let side = &instance.mirrored;
    let mut order: Vec<usize> = (0..instance.len()).collect();
    order.sort_unstable_by_key(|task| side.rank[*task]);
    let mut tails = vec![0_i64; instance.len()];
    for task in order {
        for arc in side.incoming.of(task) {
            // A lead in open time may be any amount of time; other links than from finish to start say less about the finish.
            if arc.kind != LinkKind::FinishStart || arc.lag < 0 {
                continue;
            }
            let other = arc.task as usize;
            let ways = &instance.modes[instance.mode_ranges[other].clone()];
            // Facts do not ask links.
            let is_bound = matches!(side.limits[other].pin, Pin::Free | Pin::Start(_));
            let least = ways.iter().map(|way| instance.shortest(way)).min();
            let Some(length) = least.filter(|_| is_bound) else { continue };
            tails[task] = tails[task].max(tails[other] + length + arc.lag);
        }
    }
    tails
}

/// Returns when a pool has done all at the earliest, over all parts of the project.
fn energy(instance: &Instance, pool: usize, heads: &[Head], tails: &[i64]) -> Option<i64> {
    let capacity = i128::from(*instance.capacity.get(pool)?).max(1);
    // Start, tail, and the least energy of any mode.
    let mut items: Vec<(i64, i64, i128)> = Vec::new();
    for task in 0..instance.len() {
        if instance.forward.limits[task].pin != Pin::Free {
            continue;
        }
        let energy = instance.modes[instance.mode_ranges[task].clone()].iter().map(|way| {
            let needs = instance.needs[way.needs.clone()].iter().filter(|need| need.what as usize == pool);
            needs.map(|need| i128::from(need.units)).sum::<i128>() * i128::from(instance.shortest(way))
        });
        let energy = energy.min().unwrap_or(0);
        if energy > 0 {
            items.push((heads[task].start, tails[task], energy));
        }
    }
    items.sort_unstable_by(|left, right| right.cmp(left));
    let mut cuts: Vec<i64> = items.iter().map(|(_, tail, _)| *tail).collect();
    cuts.sort_unstable();
    cuts.dedup();
    if items.len() > PARTS_MAX {
        cuts.truncate(1);
    }
    let mut best = None;
    for cut in cuts {
        let mut sum = 0;
        for (head, _, energy) in items.iter().filter(|(_, tail, _)| *tail >= cut) {
            sum += energy;
            let time = i64::try_from((sum + capacity - 1) / capacity).unwrap_or(i64::MAX);
            best = best.max(head.checked_add(time).and_then(|end| end.checked_add(cut)));
        }
    }
    best
}

/// Rounds a limit up to what all dates are multiples of, counted from the origin: without calendars every date is a sum of
/// lengths and lags.
fn rounded(instance: &Instance, origin: i64, finish: i64) -> i64 {
    let side = &instance.forward;
    let has_clock = instance.modes.iter().any(|way| way.clock != crate::instance::ALWAYS)
        || instance.people.iter().any(|person| person.clock != crate::instance::ALWAYS);
    let is_free = side.limits.iter().all(|limits| limits.pin == Pin::Free && limits.earliest == origin);
    if has_clock || !is_free || !instance.asks.is_empty() {
        return finish;
    }
    let lengths = instance.modes.iter().map(|way| way.length);
    let arcs = (0..instance.len()).flat_map(|task| side.incoming.of(task));
    let mut step = 0_u64;
    for amount in
        lengths.chain(arcs.map(|arc| if arc.clock == crate::instance::ALWAYS { arc.lag } else { 1 }))
    {
        step = gcd(step, amount.unsigned_abs());
    }
    let step = i64::try_from(step).unwrap_or(1).max(1);
    let over = (finish - origin).rem_euclid(step);
    if over == 0 { finish } else { finish + step - over }
}

fn gcd(left: u64, right: u64) -> u64 {
    if right == 0 { left } else { gcd(right, left % right) }
}
