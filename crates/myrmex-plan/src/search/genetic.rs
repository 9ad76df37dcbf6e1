//! Breeding of orders, with double justification of every child (after Valls, Ballestín and Quintanilla, "A hybrid genetic algorithm
//! for the resource-constrained project scheduling problem", 2008).
//!
//! What keeps a population from becoming all alike matters more than anything else here: a child takes the place of its mother or
//! of nobody, so that members only compete within their line (deterministic crowding: Mahfoud, 1995), and a population that has
//! stopped getting better is given up for a new one. Every child is moved a little besides, mostly on the chain of tasks that
//! decides the end.

use super::draws::Draws;
use super::member::{Fitness, Member};
use super::operators::{self, Parent};
use super::rating::Rating;
use crate::bounds::{self, Bound};
use crate::instance::{Direction, Instance};
use crate::place::{Layout, Network, Placer, RULES, Recipe};
use crate::problem::Problem;

/// Members of a population at the most: of more, a line gets too few children to become good.
const POPULATION_MAX: usize = 60;

/// And at the least: fewer become alike too soon.
const POPULATION_MIN: usize = 12;

/// In between, a population has as many members as the root of the budget divided by this: measured on instances of 30 to 120 tasks
/// with budgets from 5,000 to 50,000.
const POPULATION_DIVISOR: u64 = 4;

/// A population is given up after so many generations in which no child was better than its mother.
const STALE_MAX: usize = 15;

/// A child is moved so many times at the most.
const MOVES_MAX: usize = 4;

/// How many of a hundred children are made from one parent by ordering a part of it anew, instead of from two.
const RESHUFFLED_PERCENT: usize = 20;

/// How many of a hundred children choose modes while they are placed, where tasks have several.
const CHOOSING_PERCENT: usize = 30;

/// Passes of double justification.
const JUSTIFICATION: u64 = 2;

/// A search under way.
#[derive(Debug)]
pub(super) struct Search<'a> {
    instance: &'a Instance,
    placer: Placer<'a>,
    rating: Rating,
    origin: i64,
    budget: u64,
    used: u64,
    draws: Draws,
    bound: Bound,
    best: Option<Member>,
    /// What a member is justified into, before it is known whether that is better.
    mirrored: Layout,
    justified: Layout,
    order: Vec<u32>,
    has_choices: bool,
}

impl<'a> Search<'a> {
    pub(super) fn new(instance: &'a Instance, problem: &Problem, budget: u64, seed: u64) -> Self {
        let origin = problem.start.0;
        Self {
            instance,
            placer: Placer::new(instance),
            rating: Rating::new(problem),
            origin,
            budget,
            used: 0,
            draws: Draws::new(seed, 0),
            bound: bounds::bound(instance, origin, problem.pools.len()),
            best: None,
            mirrored: Layout::default(),
            justified: Layout::default(),
            order: Vec::new(),
            has_choices: instance.has_choices(),
        }
    }

    /// Returns how many candidates were made.
    pub(super) fn used(&self) -> u64 {
        self.used
    }

    /// Returns the proved limit.
    pub(super) fn bound(&self) -> Bound {
        self.bound
    }

    /// Returns the best member so far.
    pub(super) fn best(&self) -> &Member {
        self.best.as_ref().expect("construction makes at least one candidate")
    }

    /// Moves all tasks of the best plan as late as they can lie if all ends at `end`; leaves it if that gives no plan.
    pub(super) fn delay_best(&mut self, end: i64) {
        let mut best = self.best().clone();
        self.order.clone_from(&best.order);
        let modes = &best.modes;
        self.placer.justify_right(&best.layout, end, modes, &mut self.order, &mut self.mirrored);
        let mut late = self.mirrored.forward();
        // A span whose last task ends before its first begins lies at that start, in whatever direction it was placed.
        for span in &self.instance.forward.spans {
            let start = late.start[span.from as usize];
            late.start[span.task as usize] = start;
            late.finish[span.task as usize] = late.finish[span.to as usize].max(start);
        }
        let moves_on = late.start.iter().zip(&best.layout.start).all(|(late, early)| late >= early);
        let is_plan = self.placer.keeps_links(&late, self.origin);
        if late.stuck.is_empty() && late.late == 0 && moves_on && is_plan {
            best.layout = late;
            self.best = Some(best);
        }
    }

    /// Makes candidates by all rules, both ways of generation, each justified.
    pub(super) fn construct(&mut self) {
        let modes = self.first_modes();
        let network = Network::new(self.instance, &modes);
        for rule in RULES {
            let Some(keys) = rule.keys(self.instance, &modes, &network) else { continue };
            let order = self.instance.forward.ordered(&keys);
            let mut member = Member { order, modes: modes.clone(), ..Member::default() };
            self.rate(&mut member);
            if self.is_over() {
                return;
            }
            // Other modes may have been chosen for the candidate before.
            member.modes.clone_from(&modes);
            let (order, layout) = (&mut member.order, &mut member.layout);
            self.placer.place_parallel(self.origin, &keys, &modes, order, layout);
            self.used += 1;
            self.judge(&mut member);
            if self.is_over() {
                return;
            }
        }
    }

    /// Breeds until the budget is used or the best is proved to be so.
    pub(super) fn breed(&mut self) {
        let modes = self.first_modes();
        let network = Network::new(self.instance, &modes);
        let keys = RULES[0].keys(self.instance, &modes, &network).expect("the first rule has no limit");
        while !self.is_over() {
            let size = usize::try_from(self.budget.isqrt() / POPULATION_DIVISOR).unwrap_or(POPULATION_MAX);
            let size = size.clamp(POPULATION_MIN, POPULATION_MAX);
            let mut population = Vec::with_capacity(size);
            while population.len() < size && !self.is_over() {
                let mut member = Member {
                    order: operators::sample(&self.instance.forward, &keys, &mut self.draws),
                    modes: self.random_modes(),
                    ..Member::default()
                };
                self.rate(&mut member);
                population.push(member);
            }
            let mut stale = 0;
            while stale < STALE_MAX && !self.is_over() {
                let is_better = self.generation(&mut population);
                stale = if is_better { 0 } else { stale + 1 };
            }
        }
    }

    /// Lets every member have a child; returns whether any is better than its mother.
    fn generation(&mut self, population: &mut [Member]) -> bool {
        let mut is_better = false;
        for at in 0..population.len() {
            if self.is_over() {
                break;
            }
            let mut child = self.child(population, at);
            self.rate(&mut child);
            is_better |= child.fitness < population[at].fitness;
            if child.fitness <= population[at].fitness {
                population[at] = child;
            }
        }
        is_better
    }

    fn child(&mut self, population: &[Member], mother: usize) -> Member {
        let mut child = Member::default();
        if self.draws.chance(RESHUFFLED_PERCENT) {
            child.order.clone_from(&population[mother].order);
            child.modes.clone_from(&population[mother].modes);
            let part = operators::critical_part(self.instance, &population[mother], &mut self.draws);
            operators::reshuffle(&self.instance.forward, &mut child.order, part, &mut self.draws);
        } else {
            let other = self.draws.below(population.len());
            let (first, second) = if self.draws.chance(50) { (mother, other) } else { (other, mother) };
            let (first, second) = (&population[first], &population[second]);
            let cut = operators::cut(&mut self.draws, first.order.len());
            operators::cross(Parent::of(first), Parent::of(second), cut, &mut child);
            for _ in 0..=self.draws.below(MOVES_MAX) {
                operators::shift(&self.instance.forward, &mut child.order, &mut self.draws);
            }
        }
        self.mutate_modes(&mut child.modes);
        child
    }

    /// Places `member` and justifies it both ways; it becomes the best that comes out.
    fn rate(&mut self, member: &mut Member) {
        if self.has_choices && self.draws.chance(CHOOSING_PERCENT) {
            let (draws, modes) = (&mut self.draws, &mut member.modes);
            let may_change = |_| draws.chance(50);
            self.placer.place_choosing(self.origin, &member.order, modes, may_change, &mut member.layout);
        } else {
            let (direction, origin) = (Direction::Forward, self.origin);
            let recipe = Recipe { direction, origin, order: &member.order, modes: &member.modes, like: None };
            self.placer.place(&recipe, &mut member.layout);
        }
        self.used += 1;
        self.judge(member);
    }

    /// Justifies a placed member and notes it if it is the best.
    fn judge(&mut self, member: &mut Member) {
        member.fitness = self.fitness(&member.layout, &member.modes);
        self.note(member);
        if member.fitness.stuck > 0 || self.is_over() || self.budget - self.used < JUSTIFICATION {
            return;
        }
        let end = member.layout.end;
        self.order.clone_from(&member.order);
        self.placer.justify_right(&member.layout, end, &member.modes, &mut self.order, &mut self.mirrored);
        self.placer.justify_left(
            &self.mirrored,
            self.origin,
            &member.modes,
            &mut self.order,
            &mut self.justified,
        );
        self.used += JUSTIFICATION;
        let fitness = self.fitness(&self.justified, &member.modes);
        if fitness <= member.fitness {
            std::mem::swap(&mut member.layout, &mut self.justified);
            member.fitness = fitness;
        }
        self.instance.forward.order_by_start(&member.layout.start, &mut member.order);
        self.note(member);
    }

    fn note(&mut self, member: &Member) {
        if self.best.as_ref().is_none_or(|best| member.fitness < best.fitness) {
            self.best = Some(member.clone());
        }
    }

    fn fitness(&self, layout: &Layout, modes: &[u32]) -> Fitness {
        self.rating.of(layout, self.instance.overflow(modes))
    }

    fn is_over(&self) -> bool {
        let is_proved = |best: &Member| best.fitness.is_feasible() && best.fitness.end <= self.bound.finish.0;
        self.used >= self.budget || !self.rating.is_finer() && self.best.as_ref().is_some_and(is_proved)
    }

    /// Returns the modes of the authors, changed where the consumables do not suffice.
    fn first_modes(&mut self) -> Vec<u32> {
        let mut modes = vec![0; self.instance.len()];
        operators::repair(self.instance, &mut modes, &mut self.draws);
        modes
    }

    fn random_modes(&mut self) -> Vec<u32> {
        let mut modes = vec![0; self.instance.len()];
        if self.has_choices {
            for (task, mode) in modes.iter_mut().enumerate() {
                *mode = operators::any_mode(self.instance, task, &mut self.draws);
            }
            operators::repair(self.instance, &mut modes, &mut self.draws);
        }
        modes
    }

    fn mutate_modes(&mut self, modes: &mut [u32]) {
        if !self.has_choices {
            return;
        }
        for _ in 0..self.draws.below(MOVES_MAX) {
            let task = self.draws.below(modes.len());
            modes[task] = operators::any_mode(self.instance, task, &mut self.draws);
        }
        operators::repair(self.instance, modes, &mut self.draws);
    }
}
