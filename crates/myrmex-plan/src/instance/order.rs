//! Orders in which every task comes after all that bound it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::Side;

/// What tasks are ordered by: less comes first, then the task that comes first in any order.
pub(crate) type Keys = [i64];

impl Side {
    /// Returns the tasks in an order in which each comes after all that bound it, and otherwise the one with the least key comes first.
    ///
    /// Fewer than all are returned if some bound each other in a circle.
    pub(crate) fn ordered(&self, keys: &Keys) -> Vec<u32> {
        let count = keys.len();
        let mut open: Vec<usize> = (0..count).map(|task| self.incoming.of(task).len()).collect();
        let entry = |task: u32| Reverse((keys[task as usize], self.rank[task as usize], task));
        let mut ready: BinaryHeap<_> =
            (0..).take(count).filter(|task| open[*task as usize] == 0).map(entry).collect();
        let mut order = Vec::with_capacity(count);
        while let Some(Reverse((_, _, task))) = ready.pop() {
            order.push(task);
            for arc in self.outgoing.of(task as usize) {
                open[arc.task as usize] -= 1;
                if open[arc.task as usize] == 0 {
                    ready.push(entry(arc.task));
                }
            }
        }
        order
    }

    /// As [`Side::ordered`] with the starts of a placement as keys, into `order`, which holds all tasks. Where every link is plain
    /// that is nothing but sorting.
    pub(crate) fn order_by_start(&self, starts: &[i64], order: &mut Vec<u32>) {
        if self.is_plain {
            order.sort_unstable_by_key(|task| (starts[*task as usize], self.rank[*task as usize]));
        } else {
            *order = self.ordered(starts);
        }
    }
}
