//! In which order ready tasks are given to free slots: those first after which most is left to do.
//!
//! The b-level of a task is its own length and the longest way from it to the end, `d(i) + max b(j)` over its successors (Adam, Chandy
//! and Dickson, "A comparison of list schedules for parallel processing systems", CACM 1974). [`Network::makespan`] simulates list dispatch
//! on equal slots, by which orders are compared. [`levels`] gives the ranks of a definition to the dispatch of its runs. Nothing here knows
//! resources or dates.

mod levels;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

pub use levels::levels;

use crate::problem::{Span, TaskId};

/// A network of tasks that wait for each other to finish.
#[derive(Debug, Clone)]
pub struct Network {
    /// How long each task takes, such as the median of what was measured; none if nothing is known.
    pub lengths: Vec<Option<Span>>,
    /// Which task waits for which: the one awaited first.
    pub links: Vec<(TaskId, TaskId)>,
}

/// An order of ready tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The greatest b-level first; of equal ones that with the smallest index.
    Remaining,
    /// Who became ready first; of those at one instant that with the smallest index.
    Arrival,
}

impl Network {
    /// Returns the b-level of every task; none if the tasks wait for each other in a circle.
    ///
    /// A task of unknown length counts as the median of the known ones. If none is known each counts one millisecond: then it is the
    /// number of tasks on the longest way to the end.
    pub fn remaining(&self) -> Option<Vec<Span>> {
        let assumed = median(self.lengths.iter().flatten().copied());
        let followers = self.followers();
        let mut levels = vec![Span(0); self.lengths.len()];
        for &task in self.order(&followers)?.iter().rev() {
            let after = followers[task].iter().map(|&follower| levels[follower].0).max().unwrap_or(0);
            levels[task] = Span(self.lengths[task].unwrap_or(assumed).0.max(0).saturating_add(after));
        }
        Some(levels)
    }

    /// Returns how long all tasks take on `slots` equal slots, of which none stays free while a task is ready; none for a circle or
    /// without slots. Unknown lengths are taken as in [`Network::remaining`].
    pub fn makespan(&self, slots: usize, order: Order) -> Option<Span> {
        let levels = self.remaining().filter(|_| slots > 0)?;
        let assumed = median(self.lengths.iter().flatten().copied());
        let followers = self.followers();
        let mut awaited = self.awaited();
        // Both queues give the smallest first: (rank, arrival, task) and (finish, task).
        let mut ready = BinaryHeap::new();
        let mut running = BinaryHeap::new();
        let rank = |task: usize| match order {
            Order::Remaining => Reverse(levels[task]),
            Order::Arrival => Reverse(Span(0)),
        };
        let mut now = Span(0);
        for task in (0..awaited.len()).filter(|&task| awaited[task] == 0) {
            ready.push(Reverse((rank(task), arrival(order, now), task)));
        }
        loop {
            while running.len() < slots
                && let Some(Reverse((_, _, task))) = ready.pop()
            {
                let length = self.lengths[task].unwrap_or(assumed).0.max(0);
                running.push(Reverse((Span(now.0.saturating_add(length)), task)));
            }
            let Some(Reverse((finish, task))) = running.pop() else { return Some(now) };
            now = finish;
            let mut ended = vec![task];
            while let Some(Reverse((finish, task))) = running.peek().copied()
                && finish == now
            {
                running.pop();
                ended.push(task);
            }
            for &follower in ended.iter().flat_map(|&task| &followers[task]) {
                awaited[follower] -= 1;
                if awaited[follower] == 0 {
                    ready.push(Reverse((rank(follower), arrival(order, now), follower)));
                }
            }
        }
    }

    fn followers(&self) -> Vec<Vec<usize>> {
        let mut followers = vec![Vec::new(); self.lengths.len()];
        for (from, to) in &self.links {
            followers[from.at()].push(to.at());
        }
        followers
    }

    fn awaited(&self) -> Vec<usize> {
        let mut awaited = vec![0; self.lengths.len()];
        for (_, to) in &self.links {
            awaited[to.at()] += 1;
        }
        awaited
    }

    /// Returns the tasks such that nothing comes before what it waits for.
    fn order(&self, followers: &[Vec<usize>]) -> Option<Vec<usize>> {
        let mut awaited = self.awaited();
        let mut order: Vec<usize> = (0..awaited.len()).filter(|&task| awaited[task] == 0).collect();
        let mut next = 0;
        while let Some(&task) = order.get(next) {
            next += 1;
            for &follower in &followers[task] {
                awaited[follower] -= 1;
                if awaited[follower] == 0 {
                    order.push(follower);
                }
            }
        }
        (order.len() == awaited.len()).then_some(order)
    }
}

fn arrival(order: Order, now: Span) -> Span {
    match order {
        Order::Remaining => Span(0),
        Order::Arrival => now,
    }
}

/// Returns the lower median; one millisecond of nothing.
fn median(lengths: impl Iterator<Item = Span>) -> Span {
    let mut sorted: Vec<Span> = lengths.collect();
    sorted.sort_unstable();
    sorted.get(sorted.len().saturating_sub(1) / 2).copied().unwrap_or(Span(1))
}
