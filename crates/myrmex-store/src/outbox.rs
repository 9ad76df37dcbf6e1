//! Messages between the logs of a store: rows in the sender's batch, taken by the receiver, removed by the sender.
//!
//! A message is a row of the outbox from the commit that decided it until its receiver has it durably. The receiver
//! writes how far it has taken the messages of a log into the batch of what it made of them. So a message is delivered
//! at least once and has its effect once, whoever dies when.

use myrmex_model::id::RunId;
use myrmex_model::name::Namespace;

use crate::batch::{LogId, Sequence};
use crate::envelope::{self, Place};
use crate::error::StoreError;

/// The place of a message among all that one log ever sent to another, from 1, without gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageNumber(pub u64);

impl MessageNumber {
    /// The place before the first message.
    pub const NONE: Self = Self(0);

    /// Returns the place after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// A message from the log of a batch to another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The log that is to take it.
    pub to: LogId,
    /// Its place among those that the sender sent there. The sender counts.
    pub number: MessageNumber,
    /// The tenant of the run.
    pub namespace: Namespace,
    /// The run that it is for.
    pub run: RunId,
    /// How the body is encoded; the store keeps the number and does not look at it.
    pub codec: u8,
    /// The body, opaque.
    pub body: Vec<u8>,
}

impl Message {
    /// Frames the message as a record is framed: the bytes to store.
    pub(crate) fn seal(&self, from: LogId) -> Vec<u8> {
        let Self { number, namespace, run, codec, body, .. } = self;
        let place =
            Place { log: from, sequence: Sequence(number.0), namespace: namespace.as_str(), run: *run };
        envelope::seal(&place, *codec, body)
    }

    /// Checks the bytes that are stored for a message and takes them apart.
    pub(crate) fn open(
        (from, to, number): (LogId, LogId, MessageNumber),
        (namespace, run): (Namespace, RunId),
        stored: &[u8],
    ) -> Result<Self, StoreError> {
        let place = Place { log: from, sequence: Sequence(number.0), namespace: namespace.as_str(), run };
        let opened = envelope::open(&place, stored).map_err(|_| {
            let place = format!("log {from}, message {} to log {to}", number.0);
            StoreError::damaged("a message between logs is not as it was written", place)
        })?;
        let (codec, body) = (opened.codec, opened.body.to_vec());
        Ok(Self { to, number, namespace, run, codec, body })
    }
}
