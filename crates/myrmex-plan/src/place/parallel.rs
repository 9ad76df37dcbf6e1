//! Parallel generation: of all tasks whose predecessors lie, the one that can begin first is placed, and of several the one that
//! the order names first. Nothing that can run waits for something more important (Kelley, "The critical-path method", 1963, by
//! decision times; asking each for its start instead gives the same where all begin as soon as they can).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::{Layout, Placer, Recipe, Work};
use crate::instance::{Direction, Pin};

impl Placer<'_> {
    /// Makes one candidate forward, from `keys` of which less goes first, and the order in which the tasks were placed.
    pub(crate) fn place_parallel(
        &mut self,
        origin: i64,
        keys: &[i64],
        modes: &[u32],
        order: &mut Vec<u32>,
        layout: &mut Layout,
    ) {
        let instance = self.instance;
        let side = &instance.forward;
        let recipe = Recipe { direction: Direction::Forward, origin, order: &[], modes, like: None };
        self.begin(&recipe, layout);
        order.clear();
        let count = instance.len();
        let mut open: Vec<usize> = (0..count).map(|task| side.incoming.of(task).len()).collect();
        // A start only moves later while more is placed, so an old answer is a lower bound: only the least has to be asked again.
        let mut ready: BinaryHeap<Reverse<(i64, i64, u32)>> = BinaryHeap::new();
        let first = |task: u32| Reverse((i64::MIN, keys[task as usize], task));
        ready.extend((0..).take(count).filter(|task| open[*task as usize] == 0).map(first));
        while let Some(Reverse((known, key, task))) = ready.pop() {
            let at = task as usize;
            let start = self.first_start(&recipe, at, layout);
            if start > known && ready.peek().is_some_and(|Reverse(next)| *next < (start, key, task)) {
                ready.push(Reverse((start, key, task)));
                continue;
            }
            self.place_task(&recipe, at, instance.way(at, modes[at]), layout);
            order.push(task);
            for arc in side.outgoing.of(at) {
                open[arc.task as usize] -= 1;
                if open[arc.task as usize] == 0 {
                    ready.push(first(arc.task));
                }
            }
        }
        layout.end = layout.finish.iter().copied().max().unwrap_or(origin);
    }

    /// Returns when a task could begin now, people apart.
    fn first_start(&self, recipe: &Recipe<'_>, task: usize, layout: &Layout) -> i64 {
        let instance = self.instance;
        let side = &instance.forward;
        let Some(bounds) = self.bounds(side, task, recipe.origin, layout) else { return i64::MAX };
        if side.limits[task].pin != Pin::Free {
            return bounds.start;
        }
        let way = instance.way(task, recipe.modes[task]);
        let work = Work { length: instance.shortest(way), clock: way.clock, is_whole: way.is_whole };
        let needs = &instance.needs[way.needs.clone()];
        self.fit(side, task, bounds, work, needs, layout).map_or(i64::MAX, |(start, _)| start)
    }
}
