//! Breeding of orders, with double justification of every child.

use super::draws::Draws;
use super::member::{Fitness, Member};
use super::operators;
use crate::bounds::{self, Bound};
use crate::instance::{Direction, Instance};
use crate::place::{Layout, Network, Placer, RULES, Recipe};
use crate::problem::Problem;

/// Passes of a candidate that is justified: left, right, left.
const PASSES: u64 = 3;

/// A search under way.
#[derive(Debug)]
pub(super) struct Search<'a> {
    instance: &'a Instance,
    placer: Placer<'a>,
    origin: i64,
    budget: u64,
    used: u64,
    draws: Draws,
    bound: Bound,
    best: Option<Member>,
    right: Layout,
    scratch: Layout,
    order: Vec<u32>,
    is_taken: Vec<bool>,
    pub(super) pop_size: usize,
}

impl<'a> Search<'a> {
    pub(super) fn new(instance: &'a Instance, problem: &Problem, budget: u64, seed: u64) -> Self {
        let origin = problem.start.0;
        Self {
            instance,
            placer: Placer::new(instance),
            origin,
            budget,
            used: 0,
            draws: Draws::new(seed, 1),
            bound: bounds::bound(instance, origin, problem.pools.len()),
            best: None,
            right: Layout::default(),
            scratch: Layout::default(),
            order: Vec::new(),
            is_taken: Vec::new(),
            pop_size: std::env::var("POP").ok().and_then(|v| v.parse().ok()).unwrap_or(60),
        }
    }

    pub(super) fn used(&self) -> u64 { self.used }
    pub(super) fn bound(&self) -> Bound { self.bound }
    pub(super) fn best(&self) -> &Member { self.best.as_ref().expect("constructed") }
    pub(super) fn take_best(&mut self) -> Member { self.best.take().expect("constructed") }

    fn is_over(&self) -> bool {
        self.used >= self.budget
            || self.best.as_ref().is_some_and(|best| best.fitness.is_feasible() && best.fitness.end <= self.bound.finish.0)
    }

    fn fitness(&self, layout: &Layout, modes: &[u32]) -> Fitness {
        Fitness {
            stuck: layout.stuck.len(),
            overflow: self.instance.overflow(modes),
            late: layout.late,
            end: layout.end,
            tie: 0,
        }
    }

    /// Places `member`, justifies it both ways and keeps what is best.
    fn rate(&mut self, member: &mut Member) {
        let modes = &member.modes;
        let recipe =
            Recipe { direction: Direction::Forward, origin: self.origin, order: &member.order, modes, like: None };
        self.placer.place(&recipe, &mut member.layout);
        self.used += 1;
        self.justify(member);
    }

    fn justify(&mut self, member: &mut Member) {
        self.order.clone_from(&member.order);
        member.fitness = self.fitness(&member.layout, &member.modes);
        self.placer.justify_right(&member.layout, member.layout.end, &member.modes, &mut self.order, &mut self.right);
        self.placer.justify_left(&self.right, self.origin, &member.modes, &mut self.order, &mut self.scratch);
        self.used += PASSES - 1;
        let after = self.fitness(&self.scratch, &member.modes);
        if after <= member.fitness {
            std::mem::swap(&mut member.layout, &mut self.scratch);
            member.fitness = after;
        }
        self.instance.forward.order_by_start(&member.layout.start, &mut self.order);
        member.order.clone_from(&self.order);
        self.note(member);
    }

    fn note(&mut self, member: &Member) {
        if self.best.as_ref().is_none_or(|best| member.fitness < best.fitness) {
            self.best = Some(member.clone());
        }
    }

    /// Makes candidates by all rules.
    pub(super) fn construct(&mut self) {
        let modes = vec![0; self.instance.len()];
        let network = Network::new(self.instance, &modes);
        for rule in RULES {
            let Some(keys) = rule.keys(self.instance, &modes, &network) else { continue };
            if self.is_over() { return }
            let order = self.instance.forward.ordered(&keys);
            let mut member = Member { order, modes: modes.clone(), ..Member::default() };
            self.rate(&mut member);
            if self.is_over() { return }
            let mut member = Member { order: Vec::new(), modes: modes.clone(), ..Member::default() };
            self.placer.place_parallel(self.origin, &keys, &modes, &mut member.order, &mut member.layout);
            self.used += 1;
            self.justify(&mut member);
        }
    }

    fn sample(&mut self, keys: &[i64]) -> Vec<u32> {
        // biased sampling by tournament
        let n = keys.len();
        let side = &self.instance.forward;
        let mut open: Vec<usize> = (0..n).map(|t| side.incoming.of(t).len()).collect();
        let mut ready: Vec<u32> = (0..n as u32).filter(|t| open[*t as usize] == 0).collect();
        let mut order = Vec::with_capacity(n);
        while !ready.is_empty() {
            let mut at = self.draws.below(ready.len());
            for _ in 0..2 {
                let other = self.draws.below(ready.len());
                if keys[ready[other] as usize] < keys[ready[at] as usize] { at = other; }
            }
            let task = ready.swap_remove(at);
            order.push(task);
            for arc in side.outgoing.of(task as usize) {
                open[arc.task as usize] -= 1;
                if open[arc.task as usize] == 0 { ready.push(arc.task); }
            }
        }
        order
    }

    fn fresh(&mut self, keys: &[i64]) -> Member {
        let order = self.sample(keys);
        let mut member = Member { order, modes: vec![0; self.instance.len()], ..Member::default() };
        self.rate(&mut member);
        member
    }

    pub(super) fn breed(&mut self) {
        let n = self.instance.len();
        let modes = vec![0; n];
        let network = Network::new(self.instance, &modes);
        let keys = RULES[0].keys(self.instance, &modes, &network).expect("lft");
        while !self.is_over() {
            let mut pop: Vec<Member> = Vec::new();
            for _ in 0..self.pop_size {
                if self.is_over() { return }
                let m = self.fresh(&keys);
                pop.push(m);
            }
            let mut stale = 0;
            let mut pop_best = pop.iter().map(|m| m.fitness).min().expect("some");
            while stale < 40 && !self.is_over() {
                let mut children: Vec<Member> = Vec::new();
                for _ in 0..self.pop_size {
                    if self.is_over() { return }
                    let a = self.pick(&pop); let b = self.pick(&pop);
                    let (first, last) = {
                        let x = self.draws.below(n + 1); let y = self.draws.below(n + 1);
                        (x.min(y), x.max(y))
                    };
                    let mut child = Member::default();
                    operators::cross((&pop[a].order, &pop[a].modes), (&pop[b].order, &pop[b].modes), (first, last), &mut self.is_taken, &mut child.order, &mut child.modes);
                    self.mutate(&mut child);
                    self.rate(&mut child);
                    children.push(child);
                }
                pop.append(&mut children);
                pop.sort_by(|x, y| x.fitness.cmp(&y.fitness));
                pop.dedup_by(|x, y| x.layout.start == y.layout.start);
                pop.truncate(self.pop_size);
                if pop[0].fitness < pop_best { pop_best = pop[0].fitness; stale = 0 } else { stale += 1 }
            }
        }
    }

    fn pick(&mut self, pop: &[Member]) -> usize {
        let a = self.draws.below(pop.len()); let b = self.draws.below(pop.len());
        if pop[a].fitness <= pop[b].fitness { a } else { b }
    }

    fn mutate(&mut self, child: &mut Member) {
        let n = child.order.len();
        for at in 0..n.saturating_sub(1) {
            if self.draws.chance(5) {
                let (x, y) = (child.order[at], child.order[at + 1]);
                if !self.instance.forward.outgoing.of(x as usize).iter().any(|arc| arc.task == y) {
                    child.order.swap(at, at + 1);
                }
            }
        }
    }
}
