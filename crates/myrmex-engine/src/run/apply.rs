//! Applying events: the only place where a run's state changes.
//!
//! Each event sets facts; counters, new activations and agenda entries follow from them here, so that replaying a
//! journal and deciding live arrive at the same state.

use std::sync::Arc;

use myrmex_model::address::Address;
use myrmex_model::event::{Change, Event, Recorded};
use myrmex_model::id::DefinitionHash;
use myrmex_model::ir::{Body, Next};
use myrmex_model::outcome::{AttemptEnd, Outcome};
use myrmex_model::status::{Phase, Status};
use myrmex_model::time::Timestamp;

use super::arena::{
    Activation, ActivationId, Counts, EachState, FlowState, GraphState, Leaf, Work, parallel_max,
};
use super::edges::Happening;
use super::{Agenda, Ending, Header, Lag, RebaseError, Run};

/// A journal that does not replay.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// The journal does not begin with the start of the run.
    #[error("the journal does not begin with the start of a run")]
    Start,
    /// A definition that the journal names is not there.
    #[error("definition {hash} is not in the store")]
    Definition {
        /// Its hash.
        hash: DefinitionHash,
    },
    /// An event names a task that cannot be there.
    #[error("event `{kind}` names task `{task}`, which is not under way")]
    Task {
        /// The kind of event.
        kind: &'static str,
        /// The task.
        task: Address,
    },
    /// A recorded move to another definition cannot be made.
    #[error(transparent)]
    Rebase(#[from] RebaseError),
}

impl Run {
    /// Applies an event of this run's journal, except for a move to another definition: [`Run::replay_more`] does
    /// that.
    ///
    /// # Errors
    ///
    /// Returns [`ReplayError`] if the event does not fit the state, which is then unchanged.
    pub fn apply(&mut self, recorded: &Recorded) -> Result<(), ReplayError> {
        if let Event::Rebased { to, .. } = &recorded.event {
            return Err(ReplayError::Definition { hash: *to });
        }
        self.apply_event(&recorded.event, recorded.at).map(|_| ())
    }

    /// Applies `event` as of `at` and returns what it changed.
    pub(super) fn apply_event(&mut self, event: &Event, at: Timestamp) -> Result<Change, ReplayError> {
        let change = match event {
            Event::RunStarted { .. } if self.status != Status::Pending => return Err(ReplayError::Start),
            Event::RunStarted { inputs, started_by, trigger, .. } => {
                self.header = Some(Header {
                    inputs: *inputs,
                    started_by: started_by.clone(),
                    trigger: trigger.clone(),
                    started: at,
                });
                self.enter_root(at);
                self.change_run(Status::Running, Phase::None)
            }
            Event::Rebased { .. } | Event::RunEnded { .. } if self.status == Status::Pending => {
                return Err(ReplayError::Start);
            }
            Event::Rebased { .. } => self.change_run(self.status, Phase::None),
            Event::RunEnded { status, output, fault } => {
                self.output = *output;
                self.fault.clone_from(fault);
                self.agenda.clear();
                self.change_run(*status, Phase::None)
            }
            Event::CancelRequested { scope, .. } => {
                let id = self.found(event, scope)?;
                let is_own = self.is_failing_fast(id);
                self.mark_cancelling(id);
                self.agenda.push_back(Agenda::Cancel(id));
                if id == ActivationId::ROOT {
                    if !is_own {
                        self.ending = Some(Ending::Cancel);
                    }
                    self.change_run(self.status, Phase::Cancelling)
                } else {
                    self.change(id, Phase::Cancelling, at, |_| {})
                }
            }
            Event::EndRequested { task } => {
                let id = self.found(event, task)?;
                self.ending.get_or_insert(Ending::Success);
                self.mark_cancelling(ActivationId::ROOT);
                self.agenda.push_back(Agenda::Cancel(ActivationId::ROOT));
                let activation = self.at(id);
                Change { from: activation.status, to: activation.status, phase: Phase::None }
            }
            Event::LagArmed { from, to, due } => self.apply_lag(event, (from, to), Lag::Armed(*due))?,
            Event::LagElapsed { from, to } => self.apply_lag(event, (from, to), Lag::Elapsed)?,
            Event::ScopeEntered { task }
            | Event::ItemsExpanded { task, .. }
            | Event::TaskQueued { task, .. }
            | Event::AttemptGranted { task, .. }
            | Event::AttemptEnded { task, .. }
            | Event::RetryArmed { task, .. }
            | Event::TimerArmed { task, .. }
            | Event::CaseChosen { task, .. } => {
                let id = self.found(event, task)?;
                if !self.fits(id, event) {
                    return Err(ReplayError::Task { kind: event.kind(), task: task.clone() });
                }
                self.apply_progress(id, event, at)?
            }
            Event::TaskSucceeded { task, .. }
            | Event::TaskFailed { task, .. }
            | Event::TaskSkipped { task, .. }
            | Event::TaskCancelled { task } => {
                let id = self.found(event, task)?;
                if self.at(id).status.is_terminal() || id == ActivationId::ROOT {
                    return Err(ReplayError::Task { kind: event.kind(), task: task.clone() });
                }
                self.apply_end(id, event, at)
            }
        };
        self.last = at;
        Ok(change)
    }

    fn found(&self, event: &Event, task: &Address) -> Result<ActivationId, ReplayError> {
        self.find(task).ok_or_else(|| ReplayError::Task { kind: event.kind(), task: task.clone() })
    }

    /// Returns whether an event between an activation's beginning and its end can follow what was decided about it.
    fn fits(&self, id: ActivationId, event: &Event) -> bool {
        let (activation, body) = (self.at(id), &self.node(id).body);
        let is_fresh = activation.is_untouched();
        let is_idle = activation.leaf().is_some_and(|leaf| leaf.token.is_none());
        match event {
            Event::ScopeEntered { .. } => is_fresh && matches!(body, Body::Graph(_) | Body::Flow(_)),
            Event::ItemsExpanded { .. } => is_fresh && matches!(body, Body::Each(_)),
            Event::TimerArmed { .. } => is_fresh && matches!(body, Body::Timer(_)),
            Event::CaseChosen { .. } => is_fresh && matches!(body, Body::Choose(_)),
            Event::TaskQueued { .. } => {
                let is_next = is_idle && !activation.status.is_terminal();
                matches!(body, Body::Task(_)) && (is_fresh || is_next)
            }
            Event::AttemptGranted { attempt, .. } => {
                let is_queued = activation.phase == Phase::Queued;
                is_queued && activation.leaf().is_some_and(|leaf| leaf.attempt == *attempt)
            }
            Event::AttemptEnded { token, .. } => {
                activation.leaf().is_some_and(|leaf| leaf.token == Some(*token))
            }
            Event::RetryArmed { .. } => is_idle && !activation.status.is_terminal(),
            Event::RunStarted { .. }
            | Event::Rebased { .. }
            | Event::LagArmed { .. }
            | Event::LagElapsed { .. }
            | Event::TaskSucceeded { .. }
            | Event::TaskFailed { .. }
            | Event::TaskSkipped { .. }
            | Event::TaskCancelled { .. }
            | Event::CancelRequested { .. }
            | Event::EndRequested { .. }
            | Event::RunEnded { .. } => false,
        }
    }

    /// Returns whether the next cancel of a scope is the machine's own because of `fail_fast`: it asks for it in the
    /// very turn of the first failure, so nobody else's can come between.
    pub(super) fn is_failing_fast(&self, id: ActivationId) -> bool {
        let scope = self.at(id);
        let (is_fail_fast, failed) = match (&self.node(id).body, &scope.work) {
            (Body::Graph(graph), Work::Graph(state)) => (graph.fail_fast, state.counts.first_failed),
            (Body::Each(each), Work::Each(state)) => (each.fail_fast, state.counts.first_failed),
            _ => (false, None),
        };
        is_fail_fast && failed.is_some() && !scope.is_cancelling
    }

    fn change_run(&mut self, to: Status, phase: Phase) -> Change {
        let from = std::mem::replace(&mut self.status, to);
        Change { from, to, phase }
    }

    /// Changes one activation and keeps the counters of the scope around it.
    pub(super) fn update(&mut self, id: ActivationId, change: impl FnOnce(&mut Activation)) {
        let activation = self.at_mut(id);
        let (was_active, was_terminal) = (activation.is_active(), activation.status.is_terminal());
        change(activation);
        let (is_active, is_terminal) = (activation.is_active(), activation.status.is_terminal());
        let parent = activation.parent;
        if id == ActivationId::ROOT {
            return;
        }
        if let Some(counts) = self.at_mut(parent).counts_mut() {
            counts.active = counts.active + u32::from(is_active) - u32::from(was_active);
        }
        if is_terminal && !was_terminal {
            self.count_end(id);
        }
    }

    /// Counts an activation that has ended into the scope around it.
    pub(super) fn count_end(&mut self, id: ActivationId) {
        let activation = self.at(id);
        let (status, ended, index) = (activation.status, activation.ended, activation.index);
        let parent = activation.parent;
        let is_failed = Outcome::of(status) == Some(Outcome::Failed);
        let Some(first) = self.at_mut(parent).counts_mut().map(|counts| counts.first_failed) else { return };
        // Of several failed children the one that ended first stands for all. Those that ended at the same instant are
        // told apart by their order in the definition, so that a snapshot need not keep the order of events.
        let is_first = first.is_none_or(|first| {
            let first = self.at(first);
            (ended, index) < (first.ended, first.index)
        });
        let Some(counts) = self.at_mut(parent).counts_mut() else { return };
        counts.open -= 1;
        counts.failed += u32::from(is_failed);
        if is_failed && is_first {
            counts.first_failed = Some(id);
        }
    }

    fn change(
        &mut self,
        id: ActivationId,
        phase: Phase,
        at: Timestamp,
        set: impl FnOnce(&mut Activation),
    ) -> Change {
        let from = self.at(id).status;
        self.update(id, |activation| {
            set(activation);
            activation.phase = phase;
            let has_begun =
                !matches!(activation.status, Status::Pending | Status::Skipped | Status::Cancelled);
            if has_begun && activation.started.is_none() {
                activation.started = Some(at);
            }
            if activation.status.is_terminal() {
                activation.ended = Some(at);
            }
        });
        Change { from, to: self.at(id).status, phase }
    }

    /// Applies what happens between an activation's beginning and its end.
    fn apply_progress(
        &mut self,
        id: ActivationId,
        event: &Event,
        at: Timestamp,
    ) -> Result<Change, ReplayError> {
        let wrong = || ReplayError::Task {
            kind: event.kind(),
            task: event.task().cloned().unwrap_or_else(Address::root),
        };
        Ok(match event {
            Event::ScopeEntered { .. } => {
                let change = self.change(id, Phase::None, at, |scope| scope.status = Status::Running);
                self.enter_scope(id);
                self.mark_started(id);
                change
            }
            Event::ItemsExpanded { count, items, keys, .. } => {
                let keys = keys.as_ref().map(|keys| keys.iter().cloned().zip(0..).collect());
                let counts = Counts { open: *count, ..Counts::default() };
                let state = EachState { items: *items, keys, activations: Vec::new(), count: *count, counts };
                let change = self.change(id, Phase::None, at, |each| {
                    each.status = Status::Running;
                    each.work = Work::Each(Box::new(state));
                });
                self.fill_items(id);
                self.agenda.push_back(Agenda::Check(id));
                self.mark_started(id);
                change
            }
            Event::TaskQueued { attempt, input, .. } => {
                let (retries_used, attempts_made) =
                    self.at(id).leaf().map_or((0, 0), |leaf| (leaf.retries_used, leaf.attempts_made));
                let (attempt, input) = (*attempt, *input);
                let leaf = Leaf { attempt, attempts_made, input, token: None, retries_used, retry_due: None };
                self.change(id, Phase::Queued, at, |task| {
                    task.work = Work::Leaf(leaf);
                    task.status = Status::Pending;
                })
            }
            Event::AttemptGranted { token, .. } => {
                let mut leaf = *self.at(id).leaf().ok_or_else(wrong)?;
                leaf.token = Some(*token);
                leaf.attempts_made += 1;
                let change = self.change(id, Phase::Granted, at, |task| {
                    task.work = Work::Leaf(leaf);
                    task.status = Status::Running;
                });
                self.mark_started(id);
                change
            }
            Event::AttemptEnded { report, .. } => {
                let mut leaf = *self.at(id).leaf().ok_or_else(wrong)?;
                leaf.token = None;
                if matches!(report.end, AttemptEnd::Failed { .. } | AttemptEnd::TimedOut { .. }) {
                    leaf.retries_used += 1;
                }
                let phase = self.at(id).phase;
                self.change(id, phase, at, |task| task.work = Work::Leaf(leaf))
            }
            Event::RetryArmed { attempt, due, .. } => {
                let mut leaf = *self.at(id).leaf().ok_or_else(wrong)?;
                (leaf.attempt, leaf.retry_due) = (*attempt, Some(*due));
                self.change(id, Phase::Retrying, at, |task| {
                    task.work = Work::Leaf(leaf);
                    task.status = Status::Waiting;
                })
            }
            Event::TimerArmed { due, .. } => {
                let change = self.change(id, Phase::None, at, |timer| {
                    timer.work = Work::Timer { due: *due };
                    timer.status = Status::Waiting;
                });
                self.mark_started(id);
                change
            }
            Event::CaseChosen { case, .. } => {
                self.change(id, Phase::None, at, |choice| choice.work = Work::Choice { case: *case })
            }
            Event::RunStarted { .. }
            | Event::Rebased { .. }
            | Event::LagArmed { .. }
            | Event::LagElapsed { .. }
            | Event::TaskSucceeded { .. }
            | Event::TaskFailed { .. }
            | Event::TaskSkipped { .. }
            | Event::TaskCancelled { .. }
            | Event::CancelRequested { .. }
            | Event::EndRequested { .. }
            | Event::RunEnded { .. } => return Err(wrong()),
        })
    }

    fn apply_end(&mut self, id: ActivationId, event: &Event, at: Timestamp) -> Change {
        let (mut output, mut fault, mut vars) = (None, None, None);
        let status = match event {
            Event::TaskSucceeded { output: hash, vars: written, .. } => {
                (output, vars) = (Some(*hash), *written);
                Status::Succeeded
            }
            Event::TaskFailed { fault: error, is_timeout, .. } => {
                fault = Some(error.clone());
                if *is_timeout { Status::TimedOut } else { Status::Failed }
            }
            Event::TaskSkipped { .. } => Status::Skipped,
            _ => Status::Cancelled,
        };
        let change = self.change(id, Phase::None, at, |activation| {
            (activation.status, activation.output, activation.fault) = (status, output, fault);
        });
        if vars.is_some()
            && let Some(owner) = self.vars_owner(id)
            && let Work::Flow(flow) = &mut self.at_mut(owner).work
        {
            flow.vars = vars;
        }
        self.settle(id);
        change
    }

    fn enter_root(&mut self, at: Timestamp) {
        let mut root = Activation::new(self.definition.root, ActivationId::ROOT, 0);
        (root.status, root.started, root.has_started) = (Status::Running, Some(at), true);
        self.push(root);
        self.enter_scope(ActivationId::ROOT);
    }

    /// Makes the children of a scope that is entered, and lets those begin that wait for nothing.
    pub(super) fn enter_scope(&mut self, id: ActivationId) {
        let definition = Arc::clone(&self.definition);
        match &definition.node(self.at(id).node).body {
            Body::Graph(graph) => {
                let first = ActivationId(u32::try_from(self.arena.len()).unwrap_or(u32::MAX));
                for (index, child) in (0..).zip(&graph.children) {
                    let mut activation = Activation::new(child.node, id, index);
                    activation.open_edges = graph.in_count(index);
                    activation.is_cancelling = self.at(id).is_cancelling;
                    let child = self.push(activation);
                    if graph.in_count(index) == 0 {
                        self.agenda.push_back(Agenda::Begin(child));
                    }
                }
                let open = u32::try_from(graph.children.len()).unwrap_or(u32::MAX);
                let counts = Counts { open, ..Counts::default() };
                let state = GraphState { first, counts, waiting: std::collections::BTreeSet::new() };
                self.at_mut(id).work = Work::Graph(Box::new(state));
                self.agenda.push_back(Agenda::Check(id));
            }
            Body::Flow(flow) => {
                let visits = vec![Vec::new(); flow.children.len()];
                self.at_mut(id).work = Work::Flow(Box::new(FlowState { visits, current: None, vars: None }));
                self.go_to(id, (!flow.children.is_empty()).then_some(0));
            }
            Body::Task(_)
            | Body::Value(_)
            | Body::Timer(_)
            | Body::Choose(_)
            | Body::Raise(_)
            | Body::Each(_) => unreachable!("only scopes are entered"),
        }
    }

    /// Moves the token of a flow to the child at `index`, or out of the flow.
    pub(super) fn go_to(&mut self, flow: ActivationId, index: Option<u32>) {
        let definition = Arc::clone(&self.definition);
        let Body::Flow(body) = &definition.node(self.at(flow).node).body else {
            unreachable!("only a flow has a token to move");
        };
        let next = index.map(|index| {
            let mut activation = Activation::new(body.children[index as usize].node, flow, index);
            let visits = self.flow(flow).visits[index as usize].len();
            activation.visit = u32::try_from(visits + 1).unwrap_or(u32::MAX);
            activation.is_cancelling = self.at(flow).is_cancelling;
            let id = self.push(activation);
            self.flow_mut(flow).visits[index as usize].push(id);
            self.agenda.push_back(Agenda::Begin(id));
            id
        });
        if next.is_none() {
            self.agenda.push_back(Agenda::Check(flow));
        } else {
            self.flow_mut(flow).current = next;
        }
    }

    pub(super) fn flow(&self, id: ActivationId) -> &FlowState {
        match &self.at(id).work {
            Work::Flow(flow) => flow,
            Work::None
            | Work::Leaf(_)
            | Work::Timer { .. }
            | Work::Choice { .. }
            | Work::Graph(_)
            | Work::Each(_) => unreachable!("a flow that was entered has its state"),
        }
    }

    fn flow_mut(&mut self, id: ActivationId) -> &mut FlowState {
        match &mut self.at_mut(id).work {
            Work::Flow(flow) => flow,
            Work::None
            | Work::Leaf(_)
            | Work::Timer { .. }
            | Work::Choice { .. }
            | Work::Graph(_)
            | Work::Each(_) => unreachable!("a flow that was entered has its state"),
        }
    }

    /// Makes activations for the next items, as many as may be under way.
    pub(super) fn fill_items(&mut self, id: ActivationId) {
        let definition = Arc::clone(&self.definition);
        let body = &definition.node(self.at(id).node).body;
        let Body::Each(each) = body else { unreachable!("only a `for_each` has items") };
        let most = parallel_max(body);
        loop {
            let scope = self.at(id);
            let Work::Each(state) = &scope.work else { unreachable!("a `for_each` under way has its state") };
            let reached = u32::try_from(state.activations.len()).unwrap_or(u32::MAX);
            let under_way = reached - (state.count - state.counts.open);
            let is_full = most.is_some_and(|most| under_way >= most);
            if reached == state.count || is_full || scope.is_cancelling {
                return;
            }
            let mut item = Activation::new(each.body, id, reached);
            item.is_item = true;
            let item = self.push(item);
            if let Work::Each(state) = &mut self.at_mut(id).work {
                state.activations.push(item);
            }
            self.agenda.push_back(Agenda::Begin(item));
        }
    }

    /// Notes that an activation runs, and decides the edges that asked for it.
    fn mark_started(&mut self, id: ActivationId) {
        if !self.at(id).has_started {
            self.at_mut(id).has_started = true;
            self.decide_edges(id, Happening::Started);
        }
    }

    /// Lets what follows from an end follow: edges, the flow's token, the next items.
    fn settle(&mut self, id: ActivationId) {
        let Some(parent) = self.parent(id) else { return };
        let status = self.at(id).status;
        match &self.at(parent).work {
            Work::Graph(_) => {
                if let Some(outcome) = Outcome::of(status) {
                    self.decide_edges(id, Happening::Ended(outcome));
                }
                self.agenda.push_back(Agenda::Check(parent));
            }
            Work::Flow(_) => self.advance_flow(parent, id),
            Work::Each(_) => {
                self.fill_items(parent);
                self.agenda.push_back(Agenda::Check(parent));
            }
            Work::None | Work::Leaf(_) | Work::Timer { .. } | Work::Choice { .. } => {}
        }
    }

    pub(super) fn advance_flow(&mut self, flow: ActivationId, child: ActivationId) {
        let definition = Arc::clone(&self.definition);
        let Body::Flow(body) = &definition.node(self.at(flow).node).body else {
            unreachable!("a flow's state belongs to a flow");
        };
        let (index, status) = (self.at(child).index, self.at(child).status);
        let after = Some(index + 1).filter(|next| (*next as usize) < body.children.len());
        let next = match status {
            // Nothing new begins in a flow that is being cancelled.
            _ if self.at(flow).is_cancelling => Next::Exit,
            Status::Succeeded => self.next_of(child, body.children[index as usize].next),
            Status::Skipped => Next::Continue,
            Status::Failed
            | Status::TimedOut
            | Status::Cancelled
            | Status::Compensated
            | Status::Stuck
            | Status::Pending
            | Status::Running
            | Status::Waiting => Next::Exit,
        };
        match next {
            Next::Continue => self.go_to(flow, after),
            Next::Goto(index) => self.go_to(flow, Some(index)),
            Next::Exit => self.go_to(flow, None),
            Next::End => {
                self.agenda.push_back(Agenda::End(child));
                self.go_to(flow, None);
            }
        }
    }

    /// Returns where the token goes after `child`: a `switch` says so itself, or else what stands beside it.
    fn next_of(&self, child: ActivationId, beside: Next) -> Next {
        let activation = self.at(child);
        match (&activation.work, &self.definition.node(activation.node).body) {
            (Work::Choice { case }, Body::Choose(choose)) => match choose.cases.get(*case as usize) {
                Some(case) if case.next != Next::Continue => case.next,
                Some(_) | None => beside,
            },
            _ => beside,
        }
    }

    /// Notes that everything not ended in a scope is to be cancelled.
    fn mark_cancelling(&mut self, id: ActivationId) {
        let activation = self.at_mut(id);
        activation.is_cancelling = true;
        if activation.leaf().is_some_and(|leaf| leaf.token.is_some()) {
            activation.phase = Phase::Cancelling;
        }
        for child in self.live_children(id) {
            self.mark_cancelling(child);
        }
    }

    /// Returns the children that have no final status.
    pub(super) fn live_children(&self, id: ActivationId) -> Vec<ActivationId> {
        let mut children = match &self.at(id).work {
            // Of a flow only the visit that has the token can be live.
            Work::Flow(flow) => flow.current.into_iter().collect(),
            Work::None
            | Work::Leaf(_)
            | Work::Timer { .. }
            | Work::Choice { .. }
            | Work::Graph(_)
            | Work::Each(_) => self.children(id),
        };
        children.retain(|child| !self.at(*child).status.is_terminal());
        children
    }
}
