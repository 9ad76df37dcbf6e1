//! Codec 2 of messages between runs: one map of CBOR, whose keys are the numbers of `key`. (Codec 1 was JSON, and no
//! release ever wrote it.)
//!
//! | kind | message | fields |
//! |---|---|---|
//! | 0 | call | child, parent, task, depth, detached?, definition, inputs, closure?, by |
//! | 1 | cancel | child, parent, by, cancels |
//! | 2 | ended | child, parent, task, end, output or fault and timeout?, unknown? |
//!
//! The ends are 0 succeeded, 1 failed, 2 cancelled, 3 skipped. What changes may be made, and what is in a fault, is that of
//! [events](super::event).

use super::WireError;
use super::cbor::{self, Fields, Reader};
use crate::address::Address;
use crate::command::ChildEnd;
use crate::event::Parent;
use crate::fault::Fault;
use crate::id::{DefinitionHash, RunId, ValueHash};
use crate::message::{Call, Message};

/// The number of this codec in a message's envelope.
pub const CODEC: u8 = 2;

/// What is read, for errors.
const WHAT: &str = "a message";

/// The numbers of the kinds.
mod kind {
    pub(super) const CALL: u8 = 0;
    pub(super) const CANCEL: u8 = 1;
    pub(super) const ENDED: u8 = 2;
}

/// The keys of a message.
mod key {
    pub(super) const KIND: u8 = 0;
    pub(super) const CHILD: u8 = 1;
    pub(super) const PARENT: u8 = 2;
    pub(super) const TASK: u8 = 3;
    pub(super) const DEPTH: u8 = 4;
    pub(super) const DETACHED: u8 = 5;
    pub(super) const DEFINITION: u8 = 6;
    pub(super) const INPUTS: u8 = 7;
    pub(super) const CLOSURE: u8 = 8;
    pub(super) const BY: u8 = 9;
    pub(super) const CANCELS: u8 = 10;
    pub(super) const END: u8 = 11;
    pub(super) const OUTPUT: u8 = 12;
    pub(super) const FAULT: u8 = 13;
    pub(super) const TIMEOUT: u8 = 14;
    pub(super) const UNKNOWN: u8 = 15;
}

/// The numbers of the ends.
mod end {
    pub(super) const SUCCEEDED: u8 = 0;
    pub(super) const FAILED: u8 = 1;
    pub(super) const CANCELLED: u8 = 2;
    pub(super) const SKIPPED: u8 = 3;
}

/// Serialises a message.
pub fn encode(message: &Message) -> Vec<u8> {
    cbor::map(|to| match message {
        Message::Call(call) => {
            let Call { child, parent, definition, inputs, closure, started_by } = call;
            put_head(to, kind::CALL, (*child, parent.run));
            to.address(key::TASK, &parent.task);
            to.unsigned(key::DEPTH, parent.depth);
            to.flag(key::DETACHED, !parent.is_awaited);
            to.bytes(key::DEFINITION, &definition.0);
            to.bytes(key::INPUTS, &inputs.0);
            to.value(key::CLOSURE, *closure);
            to.text(key::BY, started_by);
        }
        Message::Cancel { child, parent, cancels, by } => {
            put_head(to, kind::CANCEL, (*child, *parent));
            to.text(key::BY, by);
            to.unsigned(key::CANCELS, *cancels);
        }
        Message::Ended { parent, task, child, end, is_unknown } => {
            put_head(to, kind::ENDED, (*child, *parent));
            to.address(key::TASK, task);
            put_end(to, end);
            to.flag(key::UNKNOWN, *is_unknown);
        }
    })
}

fn put_head(to: &mut Fields, kind: u8, (child, parent): (RunId, RunId)) {
    to.unsigned(key::KIND, kind);
    to.bytes(key::CHILD, &child.0);
    to.bytes(key::PARENT, &parent.0);
}

fn put_end(to: &mut Fields, end: &ChildEnd) {
    match end {
        ChildEnd::Succeeded { output } => {
            to.unsigned(key::END, end::SUCCEEDED);
            to.bytes(key::OUTPUT, &output.0);
        }
        ChildEnd::Failed { fault, is_timeout } => {
            to.unsigned(key::END, end::FAILED);
            to.fault(key::FAULT, fault);
            to.flag(key::TIMEOUT, *is_timeout);
        }
        ChildEnd::Cancelled => to.unsigned(key::END, end::CANCELLED),
        ChildEnd::Skipped => to.unsigned(key::END, end::SKIPPED),
    }
}

/// Every field that a message may have.
#[derive(Default)]
struct Found {
    kind: Option<u8>,
    child: Option<RunId>,
    parent: Option<RunId>,
    task: Option<Address>,
    depth: Option<u32>,
    is_detached: bool,
    definition: Option<DefinitionHash>,
    inputs: Option<ValueHash>,
    closure: Option<ValueHash>,
    by: Option<String>,
    cancels: Option<u32>,
    end: Option<u8>,
    output: Option<ValueHash>,
    fault: Option<Fault>,
    is_timeout: bool,
    is_unknown: bool,
}

/// Reads a message.
///
/// # Errors
///
/// Returns [`WireError`] if `bytes` are not one.
pub fn decode(bytes: &[u8]) -> Result<Message, WireError> {
    let mut reader = Reader::new(WHAT, bytes);
    let mut found = Found::default();
    let mut keys = reader.map()?;
    while let Some(key) = keys.next(&mut reader)? {
        // What does not fit into a byte is not known.
        found.field(u8::try_from(key).unwrap_or(u8::MAX), &mut reader)?;
    }
    reader.end()?;
    found.message(&reader)
}

impl Found {
    fn field(&mut self, key: u8, from: &mut Reader<'_>) -> Result<(), WireError> {
        match key {
            key::KIND => self.kind = Some(from.small()?),
            key::CHILD => self.child = Some(from.run()?),
            key::PARENT => self.parent = Some(from.run()?),
            key::TASK => self.task = Some(from.address()?),
            key::DEPTH => self.depth = Some(from.small()?),
            key::DETACHED => self.is_detached = from.flag()?,
            key::DEFINITION => self.definition = Some(DefinitionHash(from.array()?)),
            key::INPUTS => self.inputs = Some(from.value()?),
            key::CLOSURE => self.closure = Some(from.value()?),
            key::BY => self.by = Some(from.string()?),
            key::CANCELS => self.cancels = Some(from.small()?),
            key::END => self.end = Some(from.small()?),
            key::OUTPUT => self.output = Some(from.value()?),
            key::FAULT => self.fault = Some(from.fault()?),
            key::TIMEOUT => self.is_timeout = from.flag()?,
            key::UNKNOWN => self.is_unknown = from.flag()?,
            _ => from.skip()?,
        }
        Ok(())
    }

    fn message(mut self, end: &Reader<'_>) -> Result<Message, WireError> {
        let child = end.found(self.child, "child")?;
        let parent = end.found(self.parent, "parent")?;
        Ok(match end.found(self.kind, "kind")? {
            kind::CALL => {
                let task = end.found(self.task, "task")?;
                let depth = end.found(self.depth, "depth")?;
                Message::Call(Call {
                    child,
                    parent: Parent { run: parent, task, depth, is_awaited: !self.is_detached },
                    definition: end.found(self.definition, "definition")?,
                    inputs: end.found(self.inputs, "inputs")?,
                    closure: self.closure,
                    started_by: end.found(self.by, "by")?,
                })
            }
            kind::CANCEL => Message::Cancel {
                child,
                parent,
                cancels: end.found(self.cancels, "cancels")?,
                by: end.found(self.by, "by")?,
            },
            kind::ENDED => Message::Ended {
                parent,
                task: end.found(self.task.take(), "task")?,
                child,
                is_unknown: self.is_unknown,
                end: self.end(end)?,
            },
            _ => return Err(end.wrong("an unknown kind of message")),
        })
    }

    fn end(self, end: &Reader<'_>) -> Result<ChildEnd, WireError> {
        Ok(match end.found(self.end, "end")? {
            end::SUCCEEDED => ChildEnd::Succeeded { output: end.found(self.output, "output")? },
            end::FAILED => {
                ChildEnd::Failed { fault: end.found(self.fault, "fault")?, is_timeout: self.is_timeout }
            }
            end::CANCELLED => ChildEnd::Cancelled,
            end::SKIPPED => ChildEnd::Skipped,
            _ => return Err(end.wrong("an unknown end of a run")),
        })
    }
}
