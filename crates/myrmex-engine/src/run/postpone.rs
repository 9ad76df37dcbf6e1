//! Dates and calendars of projects: what keeps a task from beginning although its links allow it, and since when a lag counts.
//!
//! The machine knows neither days nor calendars. When the links of a task of a project allow it to begin, and a date or a calendar
//! could say no, it asks; an instant later than now is recorded, and the task begins no earlier. Then it is asked again, for a
//! calendar may have closed meanwhile. A workflow has no such facts, so nothing is asked and nothing recorded.
//!
//! While something is asked here, nothing is decided about the task: a cancel, or an edge, may come first.

use std::collections::{BTreeMap, BTreeSet};

use myrmex_model::address::Address;
use myrmex_model::command::TimerKey;
use myrmex_model::effect::{Effect, Evaluation, Question, Request, Ticket};
use myrmex_model::event::Event;
use myrmex_model::fault::Fault;
use myrmex_model::ir::{Body, Holds, Node};
use myrmex_model::planning::{Item, Project, Window};
use myrmex_model::status::Phase;
use myrmex_model::time::Timestamp;

use super::Run;
use super::arena::{ActivationId, Work};
use super::decide::{Rejection, Turn};
use super::edges::EdgeKey;

/// What is asked about time in the turn under way. No fact: every question of a turn is answered in it.
#[derive(Debug, Clone, Default)]
pub(super) struct Inquiries {
    /// What asks whether it may begin.
    pub(super) begins: BTreeSet<ActivationId>,
    /// Edges about whose lag is asked, or when it is over.
    pub(super) lags: BTreeMap<EdgeKey, Option<Timestamp>>,
}

impl Run {
    /// Returns whether a date or a calendar may keep an activation from beginning. What follows a body is not kept.
    pub(super) fn is_dated(&self, id: ActivationId) -> bool {
        let Some(project) = self.definition.project.as_deref() else { return false };
        let around: Vec<ActivationId> = std::iter::successors(Some(id), |here| self.parent(*here)).collect();
        if id == ActivationId::ROOT || around.iter().any(|here| self.at(*here).is_handler) {
            return false;
        }
        let node = self.node(id);
        let Window { start_after, must_start, finish_before: _ } =
            node.planning.as_ref().map(|facts| facts.window).unwrap_or_default();
        let is_top = self.at(id).parent == ActivationId::ROOT;
        let is_automated = is_automated(node);
        (is_top && project.start.is_some())
            || start_after.is_some()
            || must_start.is_some()
            || (is_automated && around.iter().any(|here| has_calendar(project, self.node(*here))))
    }
}

/// Returns whether machines do it.
fn is_automated(node: &Node) -> bool {
    let item = node.planning.as_ref().map(|facts| facts.item).unwrap_or_default();
    item == Item::Task && !matches!(node.body, Body::Await(_))
}

/// Returns whether a node, or a pool that it asks for, has a calendar.
fn has_calendar(project: &Project, node: &Node) -> bool {
    let is_said = node.planning.as_ref().is_some_and(|facts| !facts.calendars.is_empty());
    let asks = node.policy.asks.as_ref();
    let mut pools = project.resources.pools.iter().filter(|pool| pool.calendar.is_some());
    is_said || asks.is_some_and(|asks| pools.any(|pool| asks.pools.contains_key(&pool.name)))
}

impl Turn<'_> {
    /// Asks whether a task may begin now.
    pub(super) fn ask_to_begin(&mut self, id: ActivationId) {
        if self.run.inquiries.begins.insert(id) {
            let node = self.run.at(id).node;
            self.decision.requests.push(Request { ticket: Ticket(id.0), node, question: Question::MayBegin });
        }
    }

    /// Takes the answer. What was decided about the task meanwhile stands.
    pub(super) fn told_to_begin(&mut self, id: ActivationId, result: Result<Evaluation, Fault>) {
        let is_late = self.run.scope_around(id).is_some_and(|scope| self.run.is_enough(scope));
        if !self.run.at(id).is_open() || is_late {
            return;
        }
        match result {
            Ok(Evaluation::MayBegin(Some((until, because)))) if until > self.now => {
                let task = self.run.address(id);
                self.emit(Event::TaskPostponed { task: task.clone(), until, because });
                self.effect(Effect::Arm { timer: TimerKey::Begin(task), due: until });
            }
            Ok(_) if self.is_held_back(id) => {}
            Ok(_) => self.begin_now(id),
            Err(fault) => {
                self.disarm_lags_into(id, Holds::Begin);
                self.fail(id, fault, false);
            }
        }
    }

    /// Lets a task begin whose instant has come.
    pub(super) fn fire_begin(&mut self, task: &Address) -> Result<(), Rejection> {
        let id = self.find(task)?;
        let own = self.run.at(id);
        let is_due = matches!(own.work, Work::Postponed { until, .. } if until <= self.now);
        if !is_due || own.phase != Phase::Postponed {
            return Err(Rejection::NotDue);
        }
        self.emit(Event::TaskReleased { task: task.clone() });
        Ok(())
    }
}
