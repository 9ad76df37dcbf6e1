//! Double justification: all tasks move as far right as they can without a later end, then as far left as they can (Valls,
//! Ballestín and Quintanilla, "Justification and RCPSP: a technique that pays", 2005). The result is never longer.
//!
//! Both ways are serial generations in the order that the placement before gives.

use super::{Layout, Placer, Recipe};
use crate::instance::Direction;

impl Placer<'_> {
    /// Makes `right` of `left`, which it mirrors: as late as possible, but nothing after `end`. Modes and people stay.
    pub(crate) fn justify_right(
        &mut self,
        left: &Layout,
        end: i64,
        modes: &[u32],
        order: &mut Vec<u32>,
        right: &mut Layout,
    ) {
        let starts: Vec<i64> = left.finish.iter().map(|finish| -finish).collect();
        self.instance.mirrored.order_by_start(&starts, order);
        let recipe = Recipe { direction: Direction::Mirrored, origin: -end, order, modes, like: Some(left) };
        self.place(&recipe, right);
    }

    /// Makes `left` of `right`, a placement in the mirror: as early as possible from `origin` on. People may change.
    pub(crate) fn justify_left(
        &mut self,
        right: &Layout,
        origin: i64,
        modes: &[u32],
        order: &mut Vec<u32>,
        left: &mut Layout,
    ) {
        let starts: Vec<i64> = right.finish.iter().map(|finish| -finish).collect();
        self.instance.forward.order_by_start(&starts, order);
        let recipe = Recipe { direction: Direction::Forward, origin, order, modes, like: None };
        self.place(&recipe, left);
    }
}
