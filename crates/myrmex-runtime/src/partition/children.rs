//! Child runs: called, cancelled and awaited by messages, since a child may belong to another partition than its caller.
//!
//! A call and the message that starts its child go into one batch, so a call that is durable has a child, or will have one.
//! Whoever calls a child that exists gets to know how it stands; calling again is all that a resumed caller does. Every
//! message may arrive twice and changes nothing the second time.

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
use myrmex_model::message::{Call, Message};
use myrmex_model::name::Namespace;
use myrmex_model::status::Status;
use myrmex_model::value::{HashedValue, Value};
use myrmex_store::{Reader, StoreError};

use super::journal::{JournalError, load_definition, load_run};
use super::message::RequestError;
use super::snapshot::Upkeep;
use super::{Loaded, Seat, State};
use crate::values::Values;

/// What follows from effects, once all requests of the turn are answered.
pub(super) enum FollowUp {
    /// A command for a run.
    Command(RunId, Command),
    /// A message for a run.
    Message(Message),
}

/// The most messages between runs that a turn takes of one origin. A child begins or ends in some tenths of a millisecond, so
/// whatever else arrives waits for some tens of milliseconds.
pub(super) const FOLLOW_UPS_PER_TURN: u32 = 256;

/// How much of something a turn may do.
#[derive(Debug)]
pub(super) struct Share {
    left: u32,
    most: u32,
}

impl Share {
    /// Lets each turn do so much, and at least one thing.
    pub(super) fn new(most: u32) -> Self {
        Self { left: most.max(1), most: most.max(1) }
    }

    pub(super) fn begin(&mut self) {
        self.left = self.most;
    }

    /// Takes one thing of it; false if nothing is left.
    pub(super) fn take_one(&mut self) -> bool {
        let is_left = self.left > 0;
        self.left = self.left.saturating_sub(1);
        is_left
    }
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
                // What runs say to each other without end must not make one batch, nor one turn.
                FollowUp::Message(message) if self.must_wait(&message) => {
                    self.put_message(self.parts.log, &message);
                }
                FollowUp::Message(message) => self.deliver(message),
            }
        }
    }

    /// Returns whether a message to a run of this partition does not go into this turn: nothing overtakes what waits already. Of
    /// cancels there are as many as runs, and nothing is to begin any more in those that are in memory.
    fn must_wait(&mut self, message: &Message) -> bool {
        let is_cheap = match message {
            // A run that left memory is read again for it.
            Message::Cancel { child, .. } => self.owned.asleep.get(*child).is_none(),
            Message::Call(_) | Message::Ended { .. } => false,
        };
        self.is_full()
            || self.owned.mail.has_untaken(self.parts.log)
            || !(is_cheap || self.messages.take_one())
    }

    /// Takes a message to a run of this partition.
    pub(super) fn deliver(&mut self, message: Message) {
        match message {
            Message::Call(call) => self.start_child(&call),
            Message::Cancel { child, parent, cancels, by } => self.cancel_child(child, (parent, cancels), by),
            Message::Ended { parent, task, child, end, is_unknown } => {
                self.child_ended((parent, task), child, end, is_unknown);
            }
        }
    }

    /// Puts a command to a run that is loaded. A rejection is noted and changes nothing.
    fn decide(&mut self, run: RunId, command: Command) {
        let now = self.parts.clock.now();
        match self.at_hand(run).map(|loaded| loaded.run.decide(command, now)) {
            Some(Ok(decision)) => self.absorb(run, decision),
            Some(Err(rejection)) => self.parts.progress.note(rejection.to_string()),
            None => {}
        }
    }

    /// Calls a child.
    pub(super) fn call_child(
        &mut self,
        (parent, task, is_awaited): (RunId, Address, bool),
        child: RunId,
        (definition, inputs): (DefinitionHash, ValueHash),
    ) {
        let Some(Loaded { run, values, .. }) = self.owned.runs.get_mut(&parent) else { return };
        if !is_awaited {
            // What the task gives as its output.
            values.put(Value::String(child.to_string()));
        }
        let call = Call {
            child,
            parent: Parent { run: parent, task, depth: run.child_depth(), is_awaited },
            definition,
            inputs,
            closure: run.closure(),
            started_by: run.started_by().unwrap_or_default().to_owned(),
        };
        self.send(Message::Call(call));
    }

    /// Passes a cancel on.
    pub(super) fn drop_child(&mut self, parent: RunId, child: RunId) {
        let Some(Loaded { run, .. }) = self.owned.runs.get(&parent) else { return };
        let (cancels, by) = (run.cancels(), run.started_by().unwrap_or_default().to_owned());
        self.send(Message::Cancel { child, parent, cancels, by });
    }

    fn start_child(&mut self, call: &Call) {
        match self.is_child_there(call.child) {
            Ok(true) => {}
            Ok(false) => self.begin_child(call),
            Err(error) => self.child_trouble(call, error),
        }
    }

    /// Loads a child that has begun before, and lets one that is over say so; false if it has not begun.
    fn is_child_there(&mut self, child: RunId) -> Result<bool, RequestError> {
        if self.owned.asleep.get(child).is_some() {
            return Ok(true);
        }
        if let Some(loaded) = self.owned.runs.get(&child) {
            if loaded.run.status().is_terminal() {
                self.tell_parent(child);
            }
            return Ok(true);
        }
        let summary = self.owned.reader.summary(&self.parts.namespace, child);
        if summary.map_err(JournalError::from)?.is_none() {
            return Ok(false);
        }
        if self.load(child)?.is_some() {
            self.tell_parent(child);
        }
        Ok(true)
    }

    fn begin_child(&mut self, call: &Call) {
        match self.new_child(call) {
            Ok((loaded, command)) => {
                self.settle_in(&loaded.run, Some(&call.parent));
                self.owned.runs.insert(call.child, loaded);
                self.decide(call.child, command);
            }
            Err(error) => self.child_trouble(call, error.into()),
        }
    }

    fn new_child(&mut self, call: &Call) -> Result<(Loaded, Command), JournalError> {
        let Call { child, parent, definition: hash, inputs, closure, started_by } = call;
        let (reader, namespace) = (self.owned.reader.as_ref(), &self.parts.namespace);
        let definition = self.owned.definitions.get(reader, namespace, *hash)?;
        let definition = definition.ok_or_else(|| StoreError::Damaged {
            what: "the definition of a called workflow is missing".to_owned(),
            place: format!("run {}", parent.run),
        })?;
        let inputs = self.value_of(parent.run, *inputs)?;
        let closure = closure.map(|closure| self.value_of(parent.run, closure)).transpose()?;
        pass_files(&self.parts, &inputs, (parent.run, *child))?;
        let mut values = Values::new(self.parts.namespace.clone(), *child);
        let run = Run::new(*child, definition, *hash);
        let command = Command::Start {
            inputs: values.put(inputs),
            started_by: started_by.clone(),
            trigger: "parent".to_owned(),
            closure: closure.map(|closure| values.put(closure)),
            parent: Some(parent.clone()),
            retry: None,
        };
        let upkeep = Upkeep::new(&self.parts.thrift);
        Ok((Loaded { run, values, key: None, upkeep }, command))
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
                let (parent, task) = (call.parent.run, call.parent.task.clone());
                self.send(Message::Ended { parent, task, child: call.child, end, is_unknown: false });
            }
        }
    }

    /// Cancels a child that its caller does not need any more. One that is being cancelled hears of it again only if its
    /// caller was cancelled again: a second cancel ends what the first one spares.
    fn cancel_child(&mut self, child: RunId, (parent, above): (RunId, u32), by: String) {
        match self.is_child_there(child) {
            Ok(true) => {}
            Ok(false) => return,
            Err(RequestError::Journal(JournalError::Store(error))) => {
                self.trouble.get_or_insert(error);
                return;
            }
            Err(error) => return self.parts.progress.note(error.to_string()),
        }
        self.take_up_at_once(child);
        let Some(Loaded { run, .. }) = self.at_hand(child) else { return };
        let below = run.cancels();
        if !run.status().is_terminal() && (below == 0 || above > below) {
            let reason = format!("run {parent}, which called it, does not need it any more");
            self.decide(child, Command::Cancel { by, reason, successor: None });
        }
    }

    /// Tells the caller of a child that is over how it ended, if that waits for it.
    pub(super) fn tell_parent(&mut self, child: RunId) {
        match self.end_of(child) {
            Ok(Some(message)) => self.send(message),
            Ok(None) => {}
            Err(JournalError::Store(error)) => {
                self.trouble.get_or_insert(error);
            }
            Err(error) => self.parts.progress.note(error.to_string()),
        }
    }

    /// Reads how a child ended, with whether it leaves an attempt of unknown outcome that nothing may repeat. Nothing if the
    /// child is unknown, or was called by nobody.
    fn end_of(&self, child: RunId) -> Result<Option<Message>, JournalError> {
        let stored;
        let run = match self.owned.runs.get(&child) {
            Some(loaded) => &loaded.run,
            None => match load_run(self.owned.reader.as_ref(), &self.parts.namespace, child)? {
                Some(run) => {
                    stored = run;
                    &stored
                }
                None => return Ok(None),
            },
        };
        let Some(Parent { run: parent, task, is_awaited: true, .. }) = run.parent_run().cloned() else {
            return Ok(None);
        };
        let end = match run.status() {
            Status::Succeeded => {
                ChildEnd::Succeeded { output: run.output().unwrap_or_else(HashedValue::null_hash) }
            }
            Status::Cancelled => ChildEnd::Cancelled,
            Status::Skipped => ChildEnd::Skipped,
            status @ (Status::Pending
            | Status::Running
            | Status::Waiting
            | Status::Failed
            | Status::TimedOut
            | Status::Compensated
            | Status::Stuck) => {
                let fault = run.fault().cloned();
                let fault = fault.unwrap_or_else(|| Fault::new(FaultKind::Runtime, "the called run failed"));
                ChildEnd::Failed { fault, is_timeout: status == Status::TimedOut }
            }
        };
        Ok(Some(Message::Ended { parent, task, child, end, is_unknown: run.has_unknown_outcome() }))
    }

    /// Takes the end of a child, with its output and the files that this names. A caller that is not there asks when it is
    /// loaded.
    fn child_ended(
        &mut self,
        (parent, task): (RunId, Address),
        child: RunId,
        end: ChildEnd,
        is_unknown: bool,
    ) {
        if self.at_hand(parent).is_none() {
            return;
        }
        let end = match end {
            ChildEnd::Succeeded { output } => match self.bring_output((child, parent), output) {
                Ok(output) => ChildEnd::Succeeded { output },
                Err(error) => {
                    self.trouble.get_or_insert(error);
                    return;
                }
            },
            ChildEnd::Failed { .. } | ChildEnd::Cancelled | ChildEnd::Skipped => end,
        };
        let now = self.parts.clock.now();
        let command = Command::ChildEnded { task, child, end, is_unknown };
        // A caller that does not wait for the child refuses this, and nothing is lost by that.
        if let Some(Ok(decision)) =
            self.owned.runs.get_mut(&parent).map(|loaded| loaded.run.decide(command, now))
        {
            self.absorb(parent, decision);
        }
    }

    /// Brings the output of a child into the values of its caller.
    fn bring_output(
        &mut self,
        (child, parent): (RunId, RunId),
        output: ValueHash,
    ) -> Result<ValueHash, StoreError> {
        let value = self.value_of(child, output)?;
        pass_files(&self.parts, &value, (child, parent))?;
        match self.owned.runs.get_mut(&parent) {
            Some(loaded) => Ok(loaded.values.put(value)),
            None => Ok(output),
        }
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
fn pass_files(parts: &Seat, value: &Value, (from, to): (RunId, RunId)) -> Result<(), StoreError> {
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
