//! Whether blocks that hold something can all come to their ends.
//!
//! A block holds pools and locks while what is inside it asks for more. Two such blocks could wait for each other for ever.
//! So a block gets what it asks for only if, in whatever order work gets ready, there stays an order in which every block
//! gets what is inside it done: the banker's algorithm (E. W. Dijkstra, EWD 623, 1977). Attempts need not be looked at: they
//! ask for nothing more, and end. Nor which block is inside which: what is inside asks for no more than what is around it
//! claims, so whenever that one can end, all inside it can.
//!
//! What is claimed is what definitions say. Not known beforehand are locks whose names are expressions, nor that there will be
//! less of a pool.
//!
//! There may be ten thousand blocks, and as many that wait. So nothing is walked as long as what is left is enough for each
//! of them, and otherwise those are counted together that hold and claim the same.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use myrmex_model::id::RunId;
use myrmex_model::name::Name;

use super::{Inside, Ready};

type Units = BTreeMap<Name, u32>;

/// What blocks hold, and what is inside them may ask for on top.
#[derive(Debug, Default)]
pub(super) struct Safety<'c> {
    kinds: Vec<Kind<'c>>,
    /// Where in `kinds` those are that hold these units and claim this.
    places: BTreeMap<(&'c Units, Cow<'c, Inside>), usize>,
    /// How much all blocks hold.
    held: BTreeMap<&'c Name, u64>,
    /// Who holds which lock, and where in `kinds` it is.
    locks: BTreeMap<&'c str, (usize, &'c Ready)>,
    /// The most that is claimed.
    claimed: Inside,
    /// How many kinds were walked over.
    #[cfg(test)]
    pub(super) steps: std::cell::Cell<usize>,
}

/// Blocks that hold the same units and claim the same.
#[derive(Debug, Clone)]
struct Kind<'c> {
    units: &'c Units,
    claim: Cow<'c, Inside>,
    /// Locks that they hold and somebody claims.
    locks: BTreeSet<&'c str>,
    count: u64,
    /// One of them.
    first: &'c Ready,
}

impl<'c> Safety<'c> {
    /// Counts a block that holds what it asked for, and may ask for `claim` on top.
    pub(super) fn add(&mut self, block: &'c Ready, claim: Cow<'c, Inside>) {
        let demand = block.demand();
        for (pool, units) in &demand.pools {
            *self.held.entry(pool).or_default() += u64::from(*units);
        }
        self.claimed.cover(&claim);
        let place = *self.places.entry((&demand.pools, claim.clone())).or_insert_with(|| {
            let (units, locks) = (&demand.pools, BTreeSet::new());
            self.kinds.push(Kind { units, claim, locks, count: 0, first: block });
            self.kinds.len() - 1
        });
        self.kinds[place].count += 1;
        self.locks.extend(demand.locks.iter().map(|lock| (lock.as_str(), (place, block))));
    }

    /// Returns whether a block holds something of a pool.
    pub(super) fn holds_of(&self, pool: &Name) -> bool {
        self.held.contains_key(pool)
    }

    /// Returns whether a block holds a lock.
    pub(super) fn holds_lock(&self, lock: &str) -> bool {
        self.locks.contains_key(lock)
    }

    /// Finds a block that could wait for ever if `block` held what it asks for; none if it may have it. It may also if it can
    /// never end whoever holds what, or if those that could wait for ever can without it.
    pub(super) fn risk<'s>(
        &'s self,
        block: &'s Ready,
        claim: &'s Inside,
        capacity: &Units,
    ) -> Option<&'s Ready> {
        if self.is_apart(block, claim) || self.is_enough(block, claim, capacity) {
            return None;
        }
        let mut kinds: Vec<Kind<'s>> = self.walked(claim);
        #[cfg(test)]
        self.steps.set(self.steps.get() + kinds.len());
        let own = &block.demand().locks;
        let locks = own.iter().map(String::as_str).collect();
        let asking =
            Kind { units: &block.demand().pools, claim: Cow::Borrowed(claim), locks, count: 1, first: block };
        // What could never be done does not become possible by waiting.
        if !stuck(std::slice::from_ref(&asking), capacity).is_empty() {
            return None;
        }
        // Nor does it help a block that can never end anyway if others wait.
        let before = stuck(&kinds, capacity);
        kinds.push(asking);
        let after = stuck(&kinds, capacity);
        let at_risk = after.difference(&before).next().map(|kind| kinds[*kind].first)?;
        let first = self.kinds.first().map_or(block, |kind| kind.first);
        Some(if std::ptr::eq(at_risk, block) { first } else { at_risk })
    }

    /// Returns whether a block claims nothing, and holds nothing that is claimed.
    fn is_apart(&self, block: &Ready, claim: &Inside) -> bool {
        let demand = block.demand();
        claim.is_empty()
            && demand.pools.keys().all(|pool| !self.claimed.pools.contains_key(pool))
            && demand.locks.is_disjoint(&self.claimed.locks)
    }

    /// Returns whether all that anybody claims is left when `block` holds what it asks for.
    fn is_enough(&self, block: &Ready, claim: &Inside, capacity: &Units) -> bool {
        let demand = block.demand();
        let is_left = |(pool, claimed): (&Name, &u32)| {
            let own = demand.pools.get(pool).copied().unwrap_or(0);
            let held = self.held.get(pool).copied().unwrap_or(0) + u64::from(own);
            capacity.get(pool).is_none_or(|units| held + u64::from(*claimed) <= u64::from(*units))
        };
        let is_free = |lock: &String| !self.holds_lock(lock) && !demand.locks.contains(lock);
        let pools = self.claimed.pools.iter().chain(&claim.pools);
        let mut locks = self.claimed.locks.iter().chain(&claim.locks);
        pools.into_iter().all(is_left) && locks.all(is_free)
    }

    /// Returns the kinds, with those by themselves that hold a lock which somebody claims.
    fn walked(&self, claim: &Inside) -> Vec<Kind<'c>> {
        let mut kinds = self.kinds.clone();
        let mut alone: BTreeMap<(RunId, &str), usize> = BTreeMap::new();
        for lock in self.claimed.locks.union(&claim.locks) {
            let Some((lock, (place, holder))) = self.locks.get_key_value(lock.as_str()) else { continue };
            let own = *alone.entry((holder.run, holder.task.as_str())).or_insert_with(|| {
                kinds[*place].count -= 1;
                kinds.push(Kind { count: 1, first: holder, ..kinds[*place].clone() });
                kinds.len() - 1
            });
            kinds[own].locks.insert(lock);
        }
        kinds.retain(|kind| kind.count > 0);
        kinds
    }
}

/// Finds the kinds of blocks, by their places in the list, that could wait for ever.
///
/// Costs as much as there are kinds, once for each that has to wait for others that stand behind it in the list.
fn stuck(kinds: &[Kind<'_>], capacity: &Units) -> BTreeSet<usize> {
    let mut free: BTreeMap<&Name, i128> =
        capacity.iter().map(|(pool, units)| (pool, i128::from(*units))).collect();
    let mut locks: BTreeSet<&str> = BTreeSet::new();
    for kind in kinds {
        locks.extend(&kind.locks);
        for (pool, units) in kind.units {
            if let Some(free) = free.get_mut(pool) {
                *free -= i128::from(*units) * i128::from(kind.count);
            }
        }
    }
    let mut left: BTreeSet<usize> = (0..kinds.len()).collect();
    loop {
        let before = left.len();
        left.retain(|place| {
            let kind = &kinds[*place];
            let has_units =
                |(pool, units): (&Name, &u32)| free.get(pool).is_none_or(|free| i128::from(*units) <= *free);
            let is_free = |lock: &String| !locks.contains(lock.as_str());
            let can_end = kind.claim.pools.iter().all(has_units) && kind.claim.locks.iter().all(is_free);
            if can_end {
                // When one of them can end, so can all one after the other: each leaves more than it found.
                for lock in &kind.locks {
                    locks.remove(lock);
                }
                for (pool, units) in kind.units {
                    if let Some(free) = free.get_mut(pool) {
                        *free += i128::from(*units) * i128::from(kind.count);
                    }
                }
            }
            !can_end
        });
        if left.is_empty() || left.len() == before {
            return left;
        }
    }
}
