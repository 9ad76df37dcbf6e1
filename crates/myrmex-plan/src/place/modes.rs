//! Choice of modes while placing: each task in turn gets, of the modes that consumables still allow, the one with which it ends
//! first (after the mode improvement of Van Peteghem and Vanhoucke, "A genetic algorithm for the preemptive and non-preemptive
//! multi-mode resource-constrained project scheduling problem", 2010).

use super::{Layout, Placer, Recipe, Work};
use crate::instance::{Direction, Pin};

impl Placer<'_> {
    /// Makes one candidate forward and changes the modes of those tasks for which `may_change` says so. Consumables that suffice
    /// for the given modes suffice for the new ones.
    pub(crate) fn place_choosing(
        &mut self,
        origin: i64,
        order: &[u32],
        modes: &mut [u32],
        mut may_change: impl FnMut(usize) -> bool,
        layout: &mut Layout,
    ) {
        let instance = self.instance;
        self.used.fill(0);
        for (task, mode) in modes.iter().enumerate() {
            self.consume(task, *mode, true);
        }
        let begin = modes.to_vec();
        let recipe = Recipe { direction: Direction::Forward, origin, order, modes: &begin, like: None };
        self.begin(&recipe, layout);
        for at in order {
            let task = *at as usize;
            let is_free = instance.forward.limits[task].pin == Pin::Free;
            if is_free && instance.mode_ranges[task].len() > 1 && may_change(task) {
                modes[task] = self.quickest(origin, task, modes[task], layout);
            }
            let way = instance.way(task, modes[task]);
            self.place_task(&recipe, task, way, layout);
        }
        layout.end = layout.finish.iter().copied().max().unwrap_or(origin);
    }

    /// Returns the mode with which `task` ends first now; of two, the one that it has, then the first.
    fn quickest(&mut self, origin: i64, task: usize, current: u32, layout: &mut Layout) -> u32 {
        let instance = self.instance;
        let Some(bounds) = self.bounds(&instance.forward, task, origin, layout) else { return current };
        let count = u32::try_from(instance.mode_ranges[task].len()).expect("there are few modes");
        let mut best: Option<((i64, bool, u32), u32)> = None;
        self.consume(task, current, false);
        for mode in 0..count {
            self.consume(task, mode, true);
            let fits = self.used.iter().zip(&instance.budgets).all(|(used, amount)| used <= amount);
            self.consume(task, mode, false);
            let way = instance.way(task, mode);
            if !fits && mode != current {
                continue;
            }
            let fitted = if way.asks.is_empty() {
                let work = Work { length: way.length, clock: way.clock, is_whole: way.is_whole };
                let needs = &instance.needs[way.needs.clone()];
                self.fit(&instance.forward, task, bounds, work, needs, layout).map(|(_, finish)| finish)
            } else {
                self.best_crew(&instance.forward, task, bounds, way, layout).map(|(_, _, finish)| finish)
            };
            let Some(finish) = fitted else { continue };
            let merit = (finish, mode != current, mode);
            if best.as_ref().is_none_or(|(known, _)| merit < *known) {
                best = Some((merit, mode));
            }
        }
        let chosen = best.map_or(current, |(_, mode)| mode);
        self.consume(task, chosen, true);
        chosen
    }

    fn consume(&mut self, task: usize, mode: u32, is_taken: bool) {
        let instance = self.instance;
        for need in &instance.consumes[instance.way(task, mode).consumes.clone()] {
            let used = &mut self.used[need.what as usize];
            let units = need.units.unsigned_abs();
            *used = if is_taken { *used + units } else { *used - units };
        }
    }
}
