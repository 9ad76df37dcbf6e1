//! Double justification: all tasks move as far right as they can without a later end, then as far left as they can (Valls,
//! Ballestín and Quintanilla, "Justification and RCPSP: a technique that pays", 2005). The result is never longer.
//!
//! Both ways are serial generations in the order that the placement before gives.

use super::{Layout, Placer, Recipe};
use crate::instance::{Direction, Pin};

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

    /// Whether every task that has not begun lies, forward, where links allow. A finish that is held while closed has no mirror, so what
    /// comes out of it has to be asked.
    pub(crate) fn keeps_links(&self, layout: &Layout, origin: i64) -> bool {
        let side = &self.instance.forward;
        (0..self.instance.len()).all(|task| match side.limits[task].pin {
            Pin::Over(..) | Pin::Running(..) | Pin::Span => true,
            Pin::Free | Pin::Start(_) => self.bounds(side, task, origin, layout).is_some_and(|bounds| {
                layout.start[task] >= bounds.start && layout.finish[task] >= bounds.finish
            }),
        })
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
