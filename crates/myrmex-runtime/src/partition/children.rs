//! Child runs: begun, cancelled and awaited by the partition that owns their caller.
//!
//! A call and the start of its child go into one batch, so a call that is durable has a child. Whoever asks for a child
//! that exists gets to know how it stands; asking is all that a resumed caller does.

use std::collections::BTreeMap;
use std::sync::Arc;

use myrmex_engine::run::Run;
use myrmex_model::address::Address;
use myrmex_model::command::{ChildEnd, Command};
use myrmex_model::event::Parent;
use myrmex_model::fault::{Fault, FaultKind};
use myrmex_model::file::FileValue;
use myrmex_model::id::{DefinitionHash, RunId, ValueHash};
use myrmex_model::ir::Definition;
use myrmex_model::name::Namespace;
use myrmex_model::status::Status;
use myrmex_model::value::{HashedValue, Value};
use myrmex_store::{Reader, StoreError};

use super::journal::{JournalError, load_definition};
use super::message::RequestError;
use super::turn::most_parallel;
use super::{Loaded, Parts, State};
use crate::values::Values;

/// What follows from effects, once all requests of the turn are answered.
pub(super) enum FollowUp {
    /// A command for a run.
    Command(RunId, Command),
    /// A child is to begin, or to say how it ended.
    Start(Call),
    /// A child is to be cancelled; who asks, and the child.
    Cancel(RunId, RunId),
    /// A child has ended.
    Ended(RunId),
}

/// A call of a workflow.
pub(super) struct Call {
    pub(super) parent: RunId,
    pub(super) task: Address,
    pub(super) child: RunId,
    pub(super) definition: DefinitionHash,
    pub(super) inputs: ValueHash,
}

/// The most definitions that are kept in memory beside those that runs follow.
const DEFINITIONS_MAX: usize = 1_024;

/// Definitions that may be called, as far as they were seen.
#[derive(Default)]
pub(crate) struct Definitions(BTreeMap<DefinitionHash, Arc<Definition>>);

impl Definitions {
    pub(super) fn add(&mut self, hash: DefinitionHash, definition: Arc<Definition>) {
        self.0.insert(hash, definition);
    }

    /// Lets go of what can be read again. Not while a batch is open: what it adds cannot be read yet.
    pub(super) fn shrink(&mut self) {
        if self.0.len() > DEFINITIONS_MAX {
            self.0.clear();
        }
    }

    /// Returns a definition, from the store if it was not seen yet; nothing if the store has none.
    ///
    /// # Errors
    ///
    /// Returns [`JournalError`] if it cannot be read.
    pub(crate) fn get(
        &mut self,
        reader: &dyn Reader,
        namespace: &Namespace,
        hash: DefinitionHash,
    ) -> Result<Option<Arc<Definition>>, JournalError> {
        if let Some(known) = self.0.get(&hash) {
            return Ok(Some(Arc::clone(known)));
        }
        let found = load_definition(reader, namespace, hash)?;
        if let Some(definition) = &found {
            self.add(hash, Arc::clone(definition));
        }
        Ok(found)
    }
}

impl State {
    /// Does everything that follows from effects of this turn.
    pub(super) fn follow_up(&mut self) {
        while let Some(next) = self.follow_ups.pop_front() {
            match next {
                FollowUp::Command(run, command) => self.decide(run, command),
                FollowUp::Start(call) => self.start_child(&call),
                FollowUp::Cancel(parent, child) => self.cancel_child(parent, child),
                FollowUp::Ended(child) => self.tell_parent(child),
            }
        }
    }

    /// Puts a command to a run that is loaded. A rejection is noted and changes nothing.
    fn decide(&mut self, run: RunId, command: Command) {
        let now = self.parts.clock.now();
        match self.owned.runs.get_mut(&run).map(|loaded| loaded.run.decide(command, now)) {
            Some(Ok(decision)) => self.absorb(run, decision),
            Some(Err(rejection)) => self.parts.progress.note(rejection.to_string()),
            None => {}
        }
    }

    fn start_child(&mut self, call: &Call) {
        match self.is_child_there(call.child) {
            Ok(true) => {}
            Ok(false) => self.begin_child(call),
            Err(error) => self.child_trouble(call, error),
        }
    }

    /// Loads a child that has begun before; false if it has not.
    fn is_child_there(&mut self, child: RunId) -> Result<bool, RequestError> {
        if let Some(loaded) = self.owned.runs.get(&child) {
            if loaded.run.status().is_terminal() {
                self.follow_ups.push_back(FollowUp::Ended(child));
            }
            return Ok(true);
        }
        let summary = self.owned.reader.summary(&self.parts.namespace, child);
        if summary.map_err(JournalError::from)?.is_none() {
            return Ok(false);
        }
        if self.load(child)?.is_some() {
            self.follow_ups.push_back(FollowUp::Ended(child));
        }
        Ok(true)
    }

    fn begin_child(&mut self, call: &Call) {
        match self.new_child(call) {
            Ok((loaded, command)) => {
                self.owned.dispatch.limit(call.child, most_parallel(loaded.run.definition()));
                self.owned.runs.insert(call.child, loaded);
                self.settle_in(call.child, Some((call.parent, call.task.clone())));
                self.decide(call.child, command);
            }
            Err(error) => self.child_trouble(call, error.into()),
        }
    }

    fn new_child(&mut self, call: &Call) -> Result<(Loaded, Command), JournalError> {
        let (reader, namespace) = (self.owned.reader.as_ref(), &self.parts.namespace);
        let missing = |what: &str| StoreError::Damaged {
            what: format!("{what} of a called workflow is missing"),
            place: format!("run {}", call.parent),
        };
        let definition = self.owned.definitions.get(reader, namespace, call.definition)?;
        let definition = definition.ok_or_else(|| missing("the definition"))?;
        let parent = self.owned.runs.get_mut(&call.parent).ok_or_else(|| missing("the caller"))?;
        let mut values = Values::new(namespace.clone(), call.child);
        let inputs = parent.values.get(call.inputs, reader)?;
        pass_files(&self.parts, &inputs, (call.parent, call.child))?;
        let inputs = values.put(inputs.as_ref().clone());
        let closure = match parent.run.closure() {
            Some(closure) => Some(values.put(parent.values.get(closure, reader)?.as_ref().clone())),
            None => None,
        };
        let above = Parent { run: call.parent, task: call.task.clone(), depth: parent.run.child_depth() };
        let started_by = parent.run.started_by().unwrap_or_default().to_owned();
        let run = Run::new(call.child, definition, call.definition);
        let trigger = "parent".to_owned();
        let command =
            Command::Start { inputs, started_by, trigger, closure, parent: Some(above), retry: None };
        Ok((Loaded { run, values, key: None }, command))
    }

    /// A fault of the disk drops the turn; anything else about the child is an error of the task that called it.
    fn child_trouble(&mut self, call: &Call, error: RequestError) {
        match error {
            RequestError::Journal(JournalError::Store(error)) => {
                self.trouble.get_or_insert(error);
            }
            other => {
                let fault = Fault::new(FaultKind::Runtime, "the called run cannot be read");
                let fault = fault.with_detail(other.to_string());
                let end = ChildEnd::Failed { fault, is_timeout: false };
                let (task, child) = (call.task.clone(), call.child);
                self.decide(call.parent, Command::ChildEnded { task, child, end, is_unknown: false });
            }
        }
    }

    /// Passes a cancel on. A child that is being cancelled hears of it again only if its caller was cancelled again: a
    /// second cancel ends what the first one spares.
    fn cancel_child(&mut self, parent: RunId, child: RunId) {
        match self.is_child_there(child) {
            Ok(true) => {}
            Ok(false) => return,
            Err(RequestError::Journal(JournalError::Store(error))) => {
                self.trouble.get_or_insert(error);
                return;
            }
            Err(error) => return self.parts.progress.note(error.to_string()),
        }
        self.wake(child);
        let cancels = |run: RunId| self.owned.runs.get(&run).map_or(0, |loaded| loaded.run.cancels());
        let (above, below) = (cancels(parent), cancels(child));
        let is_over = self.owned.runs.get(&child).is_none_or(|loaded| loaded.run.status().is_terminal());
        if !is_over && (below == 0 || above > below) {
            let by = self.owned.runs.get(&parent).and_then(|loaded| loaded.run.started_by());
            let by = by.unwrap_or_default().to_owned();
            let reason = format!("run {parent}, which called it, does not need it any more");
            self.decide(child, Command::Cancel { by, reason, successor: None });
        }
    }

    /// Tells the caller of a child how it ended. A caller that is not there asks when it is loaded.
    fn tell_parent(&mut self, child: RunId) {
        match self.end_of(child) {
            Ok(Some((Parent { run, task, .. }, end, is_unknown))) => {
                let now = self.parts.clock.now();
                let command = Command::ChildEnded { task, child, end, is_unknown };
                // A caller that does not wait for the child refuses this, and nothing is lost by that.
                if let Some(Ok(decision)) =
                    self.owned.runs.get_mut(&run).map(|loaded| loaded.run.decide(command, now))
                {
                    self.absorb(run, decision);
                }
            }
            Ok(None) => {}
            Err(JournalError::Store(error)) => {
                self.trouble.get_or_insert(error);
            }
            Err(error) => self.parts.progress.note(error.to_string()),
        }
    }

    /// Reads how a child ended, with who called it, and whether it leaves an attempt of unknown outcome that nothing may
    /// repeat. Its output and the files in it are the caller's when this returns. Nothing if the child is unknown, was called by
    /// nobody, or its caller is not in memory: that one asks when it is loaded.
    fn end_of(&mut self, child: RunId) -> Result<Option<(Parent, ChildEnd, bool)>, JournalError> {
        let (reader, namespace) = (self.owned.reader.as_ref(), self.parts.namespace.clone());
        let stored;
        let run = match self.owned.runs.get(&child) {
            Some(loaded) => &loaded.run,
            None => match super::journal::load_run(reader, &namespace, child)? {
                Some(run) => {
                    stored = run;
                    &stored
                }
                None => return Ok(None),
            },
        };
        let Some(parent) = run.parent_run().cloned() else { return Ok(None) };
        if !self.owned.runs.contains_key(&parent.run) {
            return Ok(None);
        }
        let (status, output) = (run.status(), run.output().unwrap_or_else(HashedValue::null_hash));
        let (fault, is_unknown) = (run.fault().cloned(), run.has_unknown_outcome());
        let end = match status {
            Status::Succeeded => {
                let value = self.value_of(child, output)?;
                pass_files(&self.parts, &value, (child, parent.run))?;
                let Some(loaded) = self.owned.runs.get_mut(&parent.run) else { return Ok(None) };
                ChildEnd::Succeeded { output: loaded.values.put(value) }
            }
            Status::Cancelled => ChildEnd::Cancelled,
            Status::Skipped => ChildEnd::Skipped,
            Status::Pending
            | Status::Running
            | Status::Waiting
            | Status::Failed
            | Status::TimedOut
            | Status::Compensated
            | Status::Stuck => {
                let fault = fault.unwrap_or_else(|| Fault::new(FaultKind::Runtime, "the called run failed"));
                ChildEnd::Failed { fault, is_timeout: status == Status::TimedOut }
            }
        };
        Ok(Some((parent, end, is_unknown)))
    }

    /// Returns a value of a run, from memory if the run is there: what it made in this batch cannot be read yet.
    fn value_of(&mut self, run: RunId, hash: ValueHash) -> Result<Value, StoreError> {
        let reader = self.owned.reader.as_ref();
        match self.owned.runs.get_mut(&run) {
            Some(loaded) => loaded.values.get(hash, reader).map(|value| value.as_ref().clone()),
            None => crate::values::load(reader, &self.parts.namespace, run, hash),
        }
    }
}

/// Gives the files that a value names to the run that gets the value, before the commit that says so: what a journal names
/// is there. What the first run does not have it cannot give; who reads it is told. Waits while the disk is full.
fn pass_files(parts: &Parts, value: &Value, (from, to): (RunId, RunId)) -> Result<(), StoreError> {
    for file in FileValue::all_in(value) {
        let pass = || parts.blobs.adopt(&parts.namespace, from, to, file.hash);
        let mut passed = pass();
        while matches!(passed, Err(StoreError::Full)) && parts.logs.wait_for_space() {
            passed = pass();
        }
        passed?;
    }
    Ok(())
}
