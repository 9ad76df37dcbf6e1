//! Runs of other workflows: a child begins once its call is durable, and its end ends the task that called it.

use myrmex_model::address::Address;
use myrmex_model::command::ChildEnd;
use myrmex_model::effect::{Effect, Question};
use myrmex_model::event::{Event, SkipReason};
use myrmex_model::fault::{Fault, FaultKind};
use myrmex_model::id::{Attempt, DefinitionHash, RunId, ValueHash};
use myrmex_model::ir::{Body, Outputs};
use myrmex_model::status::Status;

use super::Run;
use super::arena::{ActivationId, CallState, Work};
use super::decide::{Rejection, Turn};

/// How many runs may stand above a run. A workflow that calls itself without end stops here.
pub const CALL_DEPTH_MAX: u32 = 16;

/// Derives the id of a child run: the first 128 bits of the SHA-256 over the run, the definition that it follows, the
/// address of the task and its attempt, each with its length. Asking twice for one child gives the same one; after a
/// move to another definition a task that takes over a name never takes over a child.
fn child_id(run: RunId, definition: DefinitionHash, task: &Address, attempt: Attempt) -> RunId {
    let (run, definition, attempt) = (run.to_string(), definition.to_string(), attempt.to_string());
    RunId::derived(&["child", &run, &definition, task.as_str(), &attempt])
}

impl Run {
    /// Returns how many runs stand above a child of this run.
    pub fn child_depth(&self) -> u32 {
        self.parent_run().map_or(0, |parent| parent.depth) + 1
    }

    /// Returns whether `task` waits for the end of `child`, which it called.
    pub fn is_waiting_for(&self, task: &Address, child: RunId) -> bool {
        self.find(task).is_some_and(|id| self.is_open_call(id, child))
    }

    fn is_open_call(&self, id: ActivationId, child: RunId) -> bool {
        let activation = self.at(id);
        let is_running = activation.status == Status::Running && activation.handling().is_none();
        is_running && matches!(&activation.work, Work::Call(call) if call.child == child)
    }

    /// Returns the runs whose end this one waits for.
    pub(super) fn awaited_children(&self) -> Vec<RunId> {
        self.open_calls().into_iter().map(|(_, call)| call.child).collect()
    }

    /// Returns the calls that wait for the end of their child.
    fn open_calls(&self) -> Vec<(ActivationId, CallState)> {
        let all = (0..).map(ActivationId).zip(&self.arena);
        let open = all.filter(|(_, activation)| {
            activation.status == Status::Running && activation.handling().is_none()
        });
        let calls = open.filter_map(|(id, activation)| match &activation.work {
            Work::Call(call) => Some((id, **call)),
            Work::None
            | Work::Leaf(_)
            | Work::Timer { .. }
            | Work::Postponed { .. }
            | Work::Choice { .. }
            | Work::Await(_)
            | Work::Graph(_)
            | Work::Flow(_)
            | Work::Each(_) => None,
        });
        calls.collect()
    }
}

impl Turn<'_> {
    /// Calls a workflow, in the attempt that is due.
    pub(super) fn call(&mut self, id: ActivationId, definition: DefinitionHash, inputs: ValueHash) {
        if self.run.child_depth() > CALL_DEPTH_MAX {
            let title = format!("workflows call each other more than {CALL_DEPTH_MAX} deep");
            return self.fail(id, Fault::new(FaultKind::DataLimit, title), false);
        }
        let activation = self.run.at(id);
        let armed = activation.facts().and_then(|facts| facts.repeat);
        let attempt = armed.map_or_else(|| activation.attempt(), |(attempt, _)| attempt);
        let task = self.run.address(id);
        let child = child_id(self.run.id, self.run.hash, &task, attempt);
        let is_awaited = self.is_awaited(id);
        self.emit(Event::ChildCalled { task: task.clone(), child, definition, inputs });
        self.effect(Effect::StartChild { task, child, definition, inputs, is_awaited });
        if !is_awaited {
            self.succeed(id, ValueHash::of(format!("\"{child}\"").as_bytes()));
        }
    }

    fn is_awaited(&self, id: ActivationId) -> bool {
        !matches!(&self.run.node(id).body, Body::Call(call) if call.is_detached)
    }

    /// Takes the end of a child run, and whether it leaves open what an attempt did that nothing may repeat.
    pub(super) fn child_ended(
        &mut self,
        task: Address,
        child: RunId,
        (end, is_unknown): (ChildEnd, bool),
    ) -> Result<(), Rejection> {
        let is_open = |id: &ActivationId| self.run.is_open_call(*id, child);
        let found = self.run.find(&task).filter(is_open);
        // The child knows the task by the name it had when it called; the run may have moved since.
        let moved = || self.run.open_calls().into_iter().map(|(id, _)| id).find(is_open);
        let id = found.or_else(moved).ok_or(Rejection::StaleChild { task, child })?;
        if is_unknown {
            let task = self.run.address(id);
            self.emit(Event::ChildUnknown { task });
        }
        if self.run.is_stopped(id) || self.run.at(id).limit().is_some() {
            self.stopped(id);
            return Ok(());
        }
        match end {
            ChildEnd::Succeeded { output } => match &self.run.node(id).outputs {
                Outputs::Declared(_) => self.ask(id, Question::Output { raw: output }),
                Outputs::Raw | Outputs::Computed(_) | Outputs::Last => self.succeed(id, output),
            },
            ChildEnd::Failed { mut fault, is_timeout } => {
                // What is inside the child is seen from here as inside the task.
                let path = self.run.address(id).path().into_owned();
                fault.task = Some(match fault.task {
                    Some(inner) => format!("{path}/{inner}"),
                    None => path,
                });
                self.retry(id, fault, is_timeout);
            }
            ChildEnd::Skipped => {
                let task = self.run.address(id);
                self.emit_end(id, Event::TaskSkipped { task, reason: SkipReason::Child { run: child } });
            }
            // This run did not ask for it, so for this run it is an error: nothing was done that it could go on from.
            ChildEnd::Cancelled => {
                let title = format!("run {child}, which it called, was cancelled");
                self.fail(id, Fault::new(FaultKind::Runtime, title), false);
            }
        }
        Ok(())
    }

    /// Asks again for everything that a call waits for; whoever carries that out does it once.
    pub(super) fn resume_calls(&mut self) {
        for (id, CallState { child, definition, inputs }) in self.run.open_calls() {
            let task = self.run.address(id);
            self.effect(Effect::StartChild { task, child, definition, inputs, is_awaited: true });
            if self.run.is_stopped(id) || self.run.at(id).limit().is_some() {
                self.effect(Effect::CancelChild { child });
            }
        }
    }
}
