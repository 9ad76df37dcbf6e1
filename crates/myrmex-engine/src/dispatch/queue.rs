//! A queue of attempts that can be served alike: which run is next is decided by arrival, which of its attempts by rank.
//!
//! Each attempt brings a ticket with the time of its arrival. A ticket belongs to the run at the top of the calls, and the first of a run's
//! tickets is for that attempt of it, or of a run that it called, after which most is left. So within a run what is left decides, and
//! between runs the order is that of arrival, whatever one of them has left: rank takes nothing from another run.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, btree_map};
use std::iter::Peekable;

use myrmex_model::id::RunId;
use myrmex_model::time::Length;

use super::{Order, Ready};

/// The place of an attempt among those of its group, smaller first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Standing {
    /// How much is left from its begin to the end of all that waits for it.
    pub(super) remaining: Reverse<Length>,
    /// When it arrived.
    pub(super) order: Order,
}

/// Where an attempt waits in the queue of its class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spot {
    /// The run at the top of the calls.
    pub(super) group: RunId,
    pub(super) standing: Standing,
}

/// Attempts of one class that wait. Every group has as many tickets as attempts.
#[derive(Debug, Clone, Default)]
pub(super) struct Queue {
    tickets: BTreeMap<Order, RunId>,
    lines: BTreeMap<RunId, Line>,
}

/// Those of one group.
#[derive(Debug, Clone, Default)]
struct Line {
    tickets: BTreeSet<Order>,
    waiting: BTreeMap<Standing, Ready>,
}

/// One that is next, and the ticket with which it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Next<'q> {
    pub(super) ticket: Order,
    pub(super) spot: Spot,
    pub(super) ready: &'q Ready,
}

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        self.tickets.is_empty()
    }

    pub(super) fn insert(&mut self, ticket: Order, spot: Spot, ready: Ready) {
        self.tickets.insert(ticket, spot.group);
        let line = self.lines.entry(spot.group).or_default();
        line.tickets.insert(ticket);
        line.waiting.insert(spot.standing, ready);
    }

    /// Returns the one that waits at `spot`.
    pub(super) fn get(&self, spot: &Spot) -> Option<&Ready> {
        self.lines.get(&spot.group)?.waiting.get(&spot.standing)
    }

    /// Removes one that is served with a ticket.
    pub(super) fn serve(&mut self, ticket: Order, spot: &Spot) -> Option<Ready> {
        let line = self.lines.get_mut(&spot.group)?;
        let ready = line.waiting.remove(&spot.standing)?;
        line.tickets.remove(&ticket);
        if line.waiting.is_empty() {
            self.lines.remove(&spot.group);
        }
        self.tickets.remove(&ticket);
        Some(ready)
    }

    /// Removes one that waits no longer, and returns it with the ticket that goes with it: its own, or the last of its group if another
    /// was served with that.
    pub(super) fn leave(&mut self, spot: &Spot) -> Option<(Order, Ready)> {
        let tickets = &self.lines.get(&spot.group)?.tickets;
        let ticket = *tickets.get(&spot.standing.order).or_else(|| tickets.last())?;
        Some((ticket, self.serve(ticket, spot)?))
    }

    /// Returns the ticket with which the one at `spot` is served if nobody else comes.
    pub(super) fn ticket(&self, spot: &Spot) -> Option<Order> {
        let line = self.lines.get(&spot.group)?;
        line.tickets.iter().nth(line.waiting.range(..spot.standing).count()).copied()
    }

    /// Returns how many come before a ticket.
    pub(super) fn before(&self, ticket: Order) -> usize {
        self.tickets.range(..ticket).count()
    }

    /// Returns those that wait, in the order in which they are served.
    pub(super) fn iter(&self) -> Served<'_> {
        Served { queue: self, tickets: self.tickets.iter().peekable(), lines: BTreeMap::new() }
    }

    /// Takes all out, each with its ticket.
    pub(super) fn into_waiting(self) -> Vec<(Order, Standing, Ready)> {
        let all: Vec<_> = self.iter().map(|next| (next.ticket, next.spot)).collect();
        let mut lines = self.lines;
        let taken = all.into_iter().filter_map(|(ticket, Spot { group, standing })| {
            Some((ticket, standing, lines.get_mut(&group)?.waiting.remove(&standing)?))
        });
        taken.collect()
    }
}

/// Those that wait in a queue, in the order in which they are served.
pub(super) struct Served<'q> {
    queue: &'q Queue,
    tickets: Peekable<btree_map::Iter<'q, Order, RunId>>,
    /// What is left of the lines that were come upon.
    lines: BTreeMap<RunId, btree_map::Iter<'q, Standing, Ready>>,
}

impl Served<'_> {
    /// Returns the next ticket.
    pub(super) fn next_ticket(&mut self) -> Option<Order> {
        self.tickets.peek().map(|(ticket, _)| **ticket)
    }
}

impl<'q> Iterator for Served<'q> {
    type Item = Next<'q>;

    fn next(&mut self) -> Option<Next<'q>> {
        let (ticket, group) = self.tickets.next()?;
        let queue = self.queue;
        let line = self.lines.entry(*group).or_insert_with(|| queue.lines[group].waiting.iter());
        let (standing, ready) = line.next()?;
        Some(Next { ticket: *ticket, spot: Spot { group: *group, standing: *standing }, ready })
    }
}
