//! Priority rules: which task goes first where several could. Each gives keys, of which the least goes first; what its author gave
//! priority goes before all others (Kolisch, "Efficient priority rules for the resource-constrained project scheduling problem", 1996).
//!
//! Dates are those of the network without calendars and capacity: enough to tell which task is more urgent.

use crate::instance::{Instance, Side};
use crate::problem::LinkKind;

/// A rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Latest finish.
    Lft,
    /// Latest start.
    Lst,
    /// Most successors, direct or not.
    Mts,
    /// Greatest rank positional weight: own length and those of the direct successors.
    Grpw,
    /// Least slack if the worst of those that cannot run beside it goes first.
    Wcs,
}

/// All rules.
pub(crate) const RULES: [Rule; 5] = [Rule::Lft, Rule::Lst, Rule::Mts, Rule::Grpw, Rule::Wcs];

/// Rules that compare every task with every other one are left out above so many: they would take longer than a candidate.
const PAIRS_MAX: usize = 2_000;

/// The network without capacity: how long each task lasts, when it can begin at the earliest, and what follows at the least.
#[derive(Debug, Clone)]
pub(crate) struct Network {
    pub(crate) length: Vec<i64>,
    pub(crate) earliest: Vec<i64>,
    /// The time from its start to the end of everything.
    pub(crate) tail: Vec<i64>,
}

impl Network {
    /// Computes it for `modes`.
    pub(crate) fn new(instance: &Instance, modes: &[u32]) -> Self {
        let length: Vec<i64> =
            (0..instance.len()).map(|task| instance.shortest(instance.way(task, modes[task]))).collect();
        let earliest = longest(&instance.forward, &length);
        // In the mirror the start of a task is the time from its end to the end of everything.
        let after = longest(&instance.mirrored, &length);
        let tail = after.iter().zip(&length).map(|(after, length)| after + length).collect();
        Self { length, earliest, tail }
    }
}

/// Returns the earliest start of each task from 0 on.
fn longest(side: &Side, length: &[i64]) -> Vec<i64> {
    let mut order: Vec<usize> = (0..length.len()).collect();
    order.sort_unstable_by_key(|task| side.rank[*task]);
    let mut start = vec![0_i64; length.len()];
    for task in order {
        for arc in side.incoming.of(task) {
            let other = arc.task as usize;
            let end = start[other] + length[other];
            let bound = match arc.kind {
                LinkKind::FinishStart => end,
                LinkKind::StartStart => start[other],
                LinkKind::FinishFinish => end - length[task],
                LinkKind::StartFinish => start[other] - length[task],
            };
            start[task] = start[task].max(bound + arc.lag);
        }
    }
    start
}

impl Rule {
    /// Returns the keys of all tasks; none if there are too many tasks for this rule.
    pub(crate) fn keys(self, instance: &Instance, modes: &[u32], network: &Network) -> Option<Vec<i64>> {
        let count = instance.len();
        let own = |task: usize| -> i64 {
            match self {
                Self::Lft => network.length[task] - network.tail[task],
                Self::Lst => -network.tail[task],
                Self::Grpw => {
                    let next = instance.forward.outgoing.of(task).iter();
                    -network.length[task] - next.map(|arc| network.length[arc.task as usize]).sum::<i64>()
                }
                Self::Mts | Self::Wcs => 0,
            }
        };
        let keys = match self {
            Self::Lft | Self::Lst | Self::Grpw => (0..count).map(own).collect(),
            Self::Mts if count <= PAIRS_MAX => successors(instance).iter().map(|many| -many).collect(),
            Self::Wcs if count <= PAIRS_MAX => worst_slack(instance, modes, network),
            Self::Mts | Self::Wcs => return None,
        };
        Some(by_priority(instance, keys))
    }
}

/// Puts what has more priority before everything that has less.
fn by_priority(instance: &Instance, keys: Vec<i64>) -> Vec<i64> {
    if instance.priority.windows(2).all(|pair| pair[0] == pair[1]) {
        return keys;
    }
    let mut order: Vec<usize> = (0..keys.len()).collect();
    order.sort_by_key(|task| (std::cmp::Reverse(instance.priority[*task]), keys[*task]));
    let mut places = vec![0; keys.len()];
    for (place, task) in (0..).zip(order) {
        places[task] = place;
    }
    places
}

fn successors(instance: &Instance) -> Vec<i64> {
    let count = instance.len();
    let words = count.div_ceil(64);
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_unstable_by_key(|task| std::cmp::Reverse(instance.forward.rank[*task]));
    let mut after = vec![0_u64; count * words];
    for task in order {
        for arc in instance.forward.outgoing.of(task) {
            let other = arc.task as usize;
            for word in 0..words {
                after[task * words + word] |= after[other * words + word];
            }
            after[task * words + other / 64] |= 1 << (other % 64);
        }
    }
    let count_of = |row: &[u64]| row.iter().map(|word| i64::from(word.count_ones())).sum();
    after.chunks(words.max(1)).map(count_of).collect()
}

fn worst_slack(instance: &Instance, modes: &[u32], network: &Network) -> Vec<i64> {
    let count = instance.len();
    let needs: Vec<Vec<i64>> = (0..count)
        .map(|task| {
            let mut row = vec![0; instance.capacity.len()];
            let way = instance.way(task, modes[task]);
            instance.needs[way.needs.clone()].iter().for_each(|need| row[need.what as usize] += need.units);
            row
        })
        .collect();
    let clash = |left: usize, right: usize| {
        let both = needs[left].iter().zip(&needs[right]).zip(&instance.capacity);
        both.into_iter().any(|((left, right), capacity)| left + right > i64::from(*capacity))
    };
    let end = network.tail.iter().zip(&network.earliest).map(|(tail, start)| tail + start).max().unwrap_or(0);
    (0..count)
        .map(|task| {
            let latest = end - network.tail[task];
            // Only what can be under way when this could begin can be in its way.
            let rival = |other: &usize| {
                *other != task
                    && network.earliest[*other] <= latest
                    && network.earliest[*other] + network.length[*other] > network.earliest[task]
                    && clash(task, *other)
            };
            let delayed =
                (0..count).filter(rival).map(|other| network.earliest[other] + network.length[other]);
            latest - delayed.max().unwrap_or(network.earliest[task]).max(network.earliest[task])
        })
        .collect()
}
