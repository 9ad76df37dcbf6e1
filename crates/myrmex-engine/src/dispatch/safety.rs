//! Whether blocks that hold something can all come to their ends.
//!
//! A block holds pools and locks while what is inside it asks for more. Two such blocks could wait for each other for ever.
//! So a block gets what it asks for only if, in whatever order work gets ready, there stays an order in which every block
//! gets what is inside it done: the banker's algorithm (E. W. Dijkstra, EWD 623, 1977). Attempts need not be looked at: they
//! ask for nothing more, and end.
//!
//! Only what a definition says is known beforehand. Not known are locks whose names are expressions, and what a called
//! workflow asks for.

use std::collections::{BTreeMap, BTreeSet};

use myrmex_model::id::RunId;
use myrmex_model::name::Name;

use super::{Nest, Ready};

/// Finds the blocks that could wait for ever if all of `blocks` held what they ask for.
///
/// Costs as much as there are blocks, once for each that has to wait for others that stand behind it in the list.
pub(super) fn stuck<'r>(blocks: &[&'r Ready], capacity: &BTreeMap<Name, u32>, nest: &Nest) -> Vec<&'r Ready> {
    if blocks.iter().all(|block| block.demand().inside.is_empty()) {
        return Vec::new();
    }
    let mut free: BTreeMap<&Name, i64> =
        capacity.iter().map(|(pool, units)| (pool, i64::from(*units))).collect();
    let mut locks: BTreeSet<&str> = BTreeSet::new();
    // How many blocks are inside each.
    let mut nested: BTreeMap<(RunId, &str), usize> =
        blocks.iter().map(|block| ((block.run, block.task.as_str()), 0)).collect();
    for block in blocks {
        locks.extend(block.demand().locks.iter().map(String::as_str));
        for (pool, units) in &block.demand().pools {
            if let Some(free) = free.get_mut(pool) {
                *free -= i64::from(*units);
            }
        }
        for around in nest.around(block) {
            nested.entry(around).and_modify(|count| *count += 1);
        }
    }
    let mut left: Vec<&Ready> = blocks.to_vec();
    loop {
        let before = left.len();
        left.retain(|block| {
            let inside = &block.demand().inside;
            let has_units =
                |(pool, units): (&Name, &u32)| free.get(pool).is_none_or(|free| i64::from(*units) <= *free);
            let can_end = nested.get(&(block.run, block.task.as_str())) == Some(&0)
                && inside.pools.iter().all(has_units)
                && inside.locks.iter().all(|lock| !locks.contains(lock.as_str()));
            if can_end {
                for lock in &block.demand().locks {
                    locks.remove(lock.as_str());
                }
                for (pool, units) in &block.demand().pools {
                    if let Some(free) = free.get_mut(pool) {
                        *free += i64::from(*units);
                    }
                }
                for around in nest.around(block) {
                    nested.entry(around).and_modify(|count| *count -= 1);
                }
            }
            !can_end
        });
        if left.is_empty() || left.len() == before {
            return left;
        }
    }
}
