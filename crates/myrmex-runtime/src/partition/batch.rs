//! The batch in the making: what one commit will write, and what is released once it is durable.

use myrmex_model::id::FencingToken;
use myrmex_model::id::RunId;
use myrmex_store::{IndexOperation, LogId, NewRecord};

use super::message::{Answer, RequestError};
use super::post::Word;
use crate::worker::Assignment;

/// The most bytes of records and values in one batch; larger ones make others wait for their answers.
const BYTES_MAX: usize = 8 << 20;

/// A batch with at most so many bytes is written in about the time that its sync takes.
const LIGHT_BYTES: usize = 64 << 10;

/// The most records and operations in one batch: a commit of so many rows takes some tens of milliseconds.
pub(super) const ROWS_MAX: usize = 20_000;

/// What was decided since the last batch was handed to the writer.
#[derive(Default)]
pub(super) struct Open {
    pub(super) records: Vec<NewRecord>,
    pub(super) operations: Vec<IndexOperation>,
    pub(super) answers: Vec<(Answer, Result<(), RequestError>)>,
    pub(super) effects: Vec<Release>,
    bytes: usize,
}

/// What is done once a batch is durable.
pub(super) enum Release {
    /// The worker gets the attempt.
    Assign(Box<Assignment>),
    /// The worker is to stop the attempt.
    Stop(FencingToken),
    /// The worker need not keep its report.
    Acknowledge(FencingToken),
    /// The run is over; it leaves memory.
    End(RunId),
    /// Another partition is told.
    Say(LogId, Word),
}

impl Open {
    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
            && self.operations.is_empty()
            && self.answers.is_empty()
            && self.effects.is_empty()
    }

    /// Whether it must be handed over before more is decided, where it may have so many rows.
    pub(super) fn is_full(&self, rows_max: usize) -> bool {
        self.bytes >= BYTES_MAX || self.records.len() + self.operations.len() >= rows_max
    }

    /// Whether it has so few bytes that writing them keeps nobody waiting.
    pub(super) fn is_light(&self) -> bool {
        self.bytes <= LIGHT_BYTES
    }

    pub(super) fn record(&mut self, record: NewRecord) {
        self.bytes += record.body.len();
        self.records.push(record);
    }

    pub(super) fn operations(&mut self, operations: impl IntoIterator<Item = IndexOperation>) {
        for operation in operations {
            // All others are small, and counted as rows.
            if let IndexOperation::PutValue { json, .. } = &operation {
                self.bytes += json.len();
            } else if let IndexOperation::PutSnapshot(snapshot) = &operation {
                self.bytes += snapshot.body.len();
            }
            self.operations.push(operation);
        }
    }

    pub(super) fn take_answers(&mut self) -> Vec<(Answer, Result<(), RequestError>)> {
        std::mem::take(&mut self.answers)
    }
}
