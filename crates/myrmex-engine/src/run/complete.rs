//! When enough of a graph or of a `for_each` has succeeded, what becomes of the rest, and of those that come late.

use std::sync::Arc;

use myrmex_model::address::Address;
use myrmex_model::event::Event;
use myrmex_model::fault::{Fault, FaultKind};
use myrmex_model::ir::{Body, Complete, Rest, Tolerance};
use myrmex_model::status::Status;

use super::Run;
use super::arena::{ActivationId, Counts, Work};
use super::decide::Turn;

/// Who asks for a cancel that the machine decides itself.
pub const MACHINE: &str = "myrmex";

/// How a graph or `for_each` ends with regard to its children.
#[derive(Debug, Clone, Copy)]
struct Terms {
    complete: Complete,
    tolerance: Option<Tolerance>,
    fail_fast: bool,
}

impl Run {
    fn terms(&self, id: ActivationId) -> Option<(Terms, Counts, u32)> {
        match (&self.node(id).body, &self.at(id).work) {
            (Body::Graph(graph), Work::Graph(state)) => {
                let terms = Terms { complete: graph.complete, tolerance: None, fail_fast: graph.fail_fast };
                Some((terms, state.counts, u32::try_from(graph.children.len()).unwrap_or(u32::MAX)))
            }
            (Body::Each(each), Work::Each(state)) => {
                let (complete, tolerance) = (each.complete, each.tolerance);
                let terms = Terms { complete, tolerance, fail_fast: each.fail_fast };
                Some((terms, state.counts, state.count))
            }
            (
                Body::Task(_)
                | Body::Value(_)
                | Body::Timer(_)
                | Body::Choose(_)
                | Body::Raise(_)
                | Body::Await(_)
                | Body::Flow(_)
                | Body::Graph(_)
                | Body::Each(_)
                | Body::Call(_),
                _,
            ) => None,
        }
    }

    /// Returns what becomes of the rest of a scope of which enough has succeeded; nothing as long as not enough has.
    pub(super) fn rest(&self, id: ActivationId) -> Option<Rest> {
        let (terms, counts, _) = self.terms(id)?;
        match terms.complete {
            Complete::First { count, rest } if counts.succeeded >= count => Some(rest),
            Complete::First { .. } | Complete::All => None,
        }
    }

    /// Returns whether children of a scope that have not begun never will, because enough have succeeded.
    pub(super) fn is_enough(&self, id: ActivationId) -> bool {
        matches!(self.rest(id), Some(Rest::Cancel | Rest::Ignore))
    }

    /// Returns whether the next cancel of a scope is the machine's own, because of `fail_fast` or because enough has
    /// succeeded. Whoever else asks for one lets the machine ask first.
    pub(super) fn is_closing_itself(&self, id: ActivationId) -> bool {
        // A scope that waits out the pause before its next attempt has nothing left to close.
        if self.at(id).is_winding_down() || self.at(id).status != Status::Running {
            return false;
        }
        match self.rest(id) {
            Some(Rest::Cancel) => true,
            Some(Rest::Ignore | Rest::Run) => false,
            None => self.terms(id).is_some_and(|(terms, counts, count)| {
                if id == ActivationId::ROOT
                    && counts.stopped_by.is_some()
                    && self.definition.project.is_some()
                {
                    return true;
                }
                let has_failed = match terms.tolerance {
                    Some(tolerance) => counts.failed > 0 && is_beyond(tolerance, counts, count),
                    None => counts.failed > 0,
                };
                terms.fail_fast && has_failed
            }),
        }
    }

    /// Returns the error of a graph or `for_each` whose children have all ended; nothing if it succeeded.
    pub(super) fn shortfall(&self, id: ActivationId) -> Option<Fault> {
        let (terms, counts, count) = self.terms(id)?;
        let first = counts.stopped_by.or(counts.first_failed);
        let first = first.and_then(|child| self.at(child).fault.as_deref().cloned());
        let Counts { succeeded, failed, .. } = counts;
        match (terms.complete, terms.tolerance) {
            (Complete::First { count: wanted, .. }, _) if succeeded >= wanted => None,
            (Complete::First { count: wanted, .. }, _) => Some(first.unwrap_or_else(|| {
                let title = format!("{succeeded} succeeded where {wanted} are enough, and nothing is left");
                Fault::new(FaultKind::BranchFailed, title)
            })),
            (Complete::All, Some(tolerance)) if is_beyond(tolerance, counts, count) => {
                let wanted = match tolerance {
                    Tolerance::Count(wanted) => wanted.to_string(),
                    Tolerance::Percent(part) => format!("{part}%"),
                };
                let title = format!(
                    "{succeeded} of {count} items succeeded and {failed} failed; at least {wanted} must succeed"
                );
                let mut fault = Fault::new(FaultKind::ToleranceExceeded, title);
                fault.detail = first.map(|first| first.to_string());
                Some(fault)
            }
            (Complete::All, Some(_)) => None,
            (Complete::All, None) => first,
        }
    }
}

/// Returns whether so many have failed that too few can still succeed. What was skipped counts as neither.
fn is_beyond(tolerance: Tolerance, counts: Counts, count: u32) -> bool {
    let asked = count - counts.skipped;
    let left = asked - counts.failed;
    match tolerance {
        Tolerance::Count(wanted) => left < wanted,
        Tolerance::Percent(part) => u64::from(left) * 100 < u64::from(asked) * u64::from(part),
    }
}

impl Turn<'_> {
    /// Ends early what need not go on in a scope in which something is still under way; returns whether it did.
    pub(super) fn close_itself(&mut self, id: ActivationId) -> bool {
        if self.run.is_closing_itself(id) {
            let reason = self.closing_reason(id);
            let scope = self.run.address(id);
            self.request_cancel(scope, reason);
            return true;
        }
        let is_rest_over = match &mut self.run.at_mut(id).work {
            Work::Graph(state) => &mut state.is_rest_over,
            Work::Each(state) => &mut state.is_rest_over,
            Work::None
            | Work::Leaf(_)
            | Work::Timer { .. }
            | Work::Postponed { .. }
            | Work::Choice { .. }
            | Work::Await(_)
            | Work::Flow(_)
            | Work::Call(_) => return false,
        };
        let was_over = *is_rest_over;
        if was_over || !self.run.is_enough(id) {
            return false;
        }
        if let Work::Graph(state) = &mut self.run.at_mut(id).work {
            state.is_rest_over = true;
        } else if let Work::Each(state) = &mut self.run.at_mut(id).work {
            state.is_rest_over = true;
        }
        for child in self.run.live_inside(id) {
            if !self.run.at(child).has_started && !self.run.at(child).is_evaluating {
                self.stop(child);
            }
        }
        false
    }

    fn closing_reason(&self, id: ActivationId) -> String {
        if let Work::Graph(state) = &self.run.at(id).work
            && let Some(gate) = state.counts.stopped_by
        {
            return format!("`stop` was decided at `{}`", self.run.address(gate).path());
        }
        let first = match &self.run.at(id).work {
            Work::Graph(state) => state.counts.first_failed,
            Work::Each(state) => state.counts.first_failed,
            Work::None
            | Work::Leaf(_)
            | Work::Timer { .. }
            | Work::Postponed { .. }
            | Work::Choice { .. }
            | Work::Await(_)
            | Work::Flow(_)
            | Work::Call(_) => None,
        };
        match first.filter(|_| self.run.rest(id).is_none()) {
            Some(failed) => format!("`{}` failed and `fail_fast` is set", self.run.address(failed).path()),
            None => "enough has succeeded".to_owned(),
        }
    }

    fn request_cancel(&mut self, scope: Address, reason: String) {
        self.emit(Event::CancelRequested { scope, by: MACHINE.to_owned(), reason, successor: None });
    }

    /// Cancels what stands before a child that has just begun and asked for that, unless something else needs it.
    pub(super) fn cancel_late(&mut self, id: ActivationId) {
        let Some(scope) = self.run.scope_around(id) else { return };
        let definition = Arc::clone(&self.run.definition);
        let Body::Graph(graph) = &definition.node(self.run.at(scope).node).body else { return };
        let index = self.run.at(id).index;
        for source in graph.late_sources(index) {
            let late = self.run.sibling(scope, *source);
            let is_needed = || {
                let mut others = graph.edges_from(*source).iter().filter(|edge| edge.to != index);
                others.any(|edge| self.run.at(self.run.sibling(scope, edge.to)).is_open())
            };
            let activation = self.run.at(late);
            if activation.status.is_terminal() || activation.is_cancelling || is_needed() {
                continue;
            }
            if self.run.is_closing_itself(late) {
                self.close_itself(late);
            }
            let reason = format!("`{}` began without it", self.run.address(id).path());
            let late = self.run.address(late);
            self.request_cancel(late, reason);
        }
    }
}
