//! How new orders and modes come from old ones. All keep every task behind those that bound it.

use std::ops::Range;

use super::draws::Draws;
use super::member::Member;
use crate::instance::{Instance, Side};

/// A sampled order takes the most urgent of so many that could come next: of one it would be blind, of all it would be the rule's.
const RIVALS: usize = 3;

/// How many modes are changed, for each task, before consumables are given up on.
const REPAIRS_PER_TASK: usize = 20;

/// What a child has of a parent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parent<'a> {
    pub(super) order: &'a [u32],
    pub(super) modes: &'a [u32],
}

impl<'a> Parent<'a> {
    pub(super) fn of(member: &'a Member) -> Self {
        Self { order: &member.order, modes: &member.modes }
    }
}

/// Draws an order that tends to the least of `keys`.
pub(super) fn sample(side: &Side, keys: &[i64], draws: &mut Draws) -> Vec<u32> {
    let mut open: Vec<usize> = (0..keys.len()).map(|task| side.incoming.of(task).len()).collect();
    let mut ready: Vec<u32> = (0..).take(keys.len()).filter(|task| open[*task as usize] == 0).collect();
    let mut order = Vec::with_capacity(keys.len());
    while !ready.is_empty() {
        let mut chosen = draws.below(ready.len());
        for _ in 1..RIVALS {
            let rival = draws.below(ready.len());
            if keys[ready[rival] as usize] < keys[ready[chosen] as usize] {
                chosen = rival;
            }
        }
        let task = ready.swap_remove(chosen);
        order.push(task);
        for arc in side.outgoing.of(task as usize) {
            open[arc.task as usize] -= 1;
            if open[arc.task as usize] == 0 {
                ready.push(arc.task);
            }
        }
    }
    order
}

/// Makes `child` of what `mother` has up to the first place of `cut`, then of what is missing in `father`'s order until its last,
/// then of the rest as in `mother`: two-point crossover of activity lists (Hartmann, "A competitive genetic algorithm for
/// resource-constrained project scheduling", 1998). Each task has the mode of the parent that gave it.
pub(super) fn cross(mother: Parent<'_>, father: Parent<'_>, cut: Range<usize>, child: &mut Member) {
    let mut is_taken = vec![false; mother.order.len()];
    child.modes.clear();
    child.modes.extend_from_slice(mother.modes);
    child.order.clear();
    child.order.extend_from_slice(&mother.order[..cut.start]);
    child.order.iter().for_each(|task| is_taken[*task as usize] = true);
    for task in father.order {
        if child.order.len() >= cut.end {
            break;
        }
        if !is_taken[*task as usize] {
            is_taken[*task as usize] = true;
            child.modes[*task as usize] = father.modes[*task as usize];
            child.order.push(*task);
        }
    }
    child.order.extend(mother.order.iter().filter(|task| !is_taken[**task as usize]));
}

/// Returns a part of `count` places, from a quarter to three quarters of them.
pub(super) fn cut(draws: &mut Draws, count: usize) -> Range<usize> {
    let length = count / 4 + draws.below(count / 2 + 1);
    let first = draws.below(count - length + 1);
    first..first + length
}

/// Moves a task anywhere between those that bound it and those that it bounds.
pub(super) fn shift(side: &Side, order: &mut [u32], draws: &mut Draws) {
    if order.is_empty() {
        return;
    }
    let at = draws.below(order.len());
    let task = order[at] as usize;
    let (before, after) = (side.incoming.of(task), side.outgoing.of(task));
    let mut first = at;
    while first > 0 && before.iter().all(|arc| arc.task != order[first - 1]) {
        first -= 1;
    }
    let mut last = at;
    while last + 1 < order.len() && after.iter().all(|arc| arc.task != order[last + 1]) {
        last += 1;
    }
    let to = first + draws.below(last - first + 1);
    if to < at {
        order[to..=at].rotate_right(1);
    } else {
        order[at..=to].rotate_left(1);
    }
}

/// Orders a part anew: of those that could come next in it, any does.
pub(super) fn reshuffle(side: &Side, order: &mut [u32], part: Range<usize>, draws: &mut Draws) {
    let part = &mut order[part];
    for next in 0..part.len() {
        // A task can come next if none that bounds it stands before it in what is left.
        let rest = &part[next..];
        let can_come = |at: &usize| {
            let before = side.incoming.of(rest[*at] as usize);
            before.iter().all(|arc| !rest[..*at].contains(&arc.task))
        };
        let able: Vec<usize> = (0..rest.len()).filter(can_come).collect();
        let chosen = able[draws.below(able.len())];
        part[next..=next + chosen].rotate_right(1);
    }
}

/// Returns the places around a task of the resource-critical chain: the tasks, back from the last to end, each of which begins when
/// the one before it ends.
pub(super) fn critical_part(instance: &Instance, member: &Member, draws: &mut Draws) -> Range<usize> {
    let count = member.order.len();
    let chain = chain(member);
    let Some(task) = (!chain.is_empty()).then(|| chain[draws.below(chain.len())]) else { return 0..count };
    let place = member.order.iter().position(|other| *other == task).unwrap_or(0);
    // A tenth of the tasks is a neighbourhood that one pass can search; fewer than six hold nothing to order.
    let width = (count / 10).max(6).min(count).min(instance.len());
    let first = place.saturating_sub(draws.below(width));
    first..(first + width).min(count)
}

fn chain(member: &Member) -> Vec<u32> {
    let layout = &member.layout;
    let mut chain: Vec<u32> = Vec::new();
    let mut at = layout.end;
    // Backwards, so that each is asked once: the order is that of starts.
    for task in member.order.iter().rev() {
        let index = *task as usize;
        if layout.finish[index] == at && layout.start[index] < at {
            chain.push(*task);
            at = layout.start[index];
        }
    }
    chain
}

/// Draws a mode of `task`.
pub(super) fn any_mode(instance: &Instance, task: usize, draws: &mut Draws) -> u32 {
    let count = instance.mode_ranges[task].len();
    if count < 2 { 0 } else { u32::try_from(draws.below(count)).expect("there are few modes") }
}

/// Changes modes until the consumables suffice, or gives up. Each step takes, for a task that is drawn, the mode that leaves least
/// missing.
pub(super) fn repair(instance: &Instance, modes: &mut [u32], draws: &mut Draws) {
    let mut missing = instance.overflow(modes);
    let free: Vec<usize> = (0..modes.len()).filter(|task| instance.mode_ranges[*task].len() > 1).collect();
    if free.is_empty() {
        return;
    }
    for _ in 0..REPAIRS_PER_TASK * free.len() {
        if missing == 0 {
            return;
        }
        let task = free[draws.below(free.len())];
        let before = modes[task];
        let mut best = (missing, before);
        for mode in (0..).take(instance.mode_ranges[task].len()) {
            modes[task] = mode;
            let left = instance.overflow(modes);
            // Of two that leave the same, a coin: to stay would end in the first valley.
            if left < best.0 || left == best.0 && draws.chance(50) {
                best = (left, mode);
            }
        }
        (missing, modes[task]) = best;
    }
}
