//! Cases of the messages between logs.

use super::{LOG, Session, Subject, here, run};
use crate::batch::{Batch, LogId};
use crate::contract::Reader;
use crate::error::StoreError;
use crate::operation::IndexOperation;
use crate::outbox::{Message, MessageNumber};

const ALL: usize = usize::MAX;

/// The other log of these cases.
const OTHER: LogId = LogId(3);

fn message(to: LogId, number: u64) -> Message {
    let body = format!("message {number} to {to}").into_bytes();
    Message { to, number: MessageNumber(number), namespace: here(), run: run(1), codec: 7, body }
}

fn put(to: LogId, number: u64) -> IndexOperation {
    IndexOperation::PutMessage(message(to, number))
}

fn removed(to: LogId, through: u64) -> IndexOperation {
    IndexOperation::RemoveMessages { to, through: MessageNumber(through) }
}

fn received(from: LogId, through: u64) -> IndexOperation {
    IndexOperation::PutReceived { from, through: MessageNumber(through) }
}

fn waiting(reader: &dyn Reader, (from, to): (LogId, LogId)) -> Vec<u64> {
    let found = reader.messages((from, to), MessageNumber::NONE, ALL).expect("readable");
    found.iter().map(|message| message.number.0).collect()
}

/// Messages are read back whole and in order, in pages, until their sender removes them.
pub fn messages_wait_until_they_are_removed(subject: &mut dyn Subject) {
    let mut session = Session::open(subject);
    session.operate(vec![put(OTHER, 1), put(OTHER, 2)]);
    session.operate(vec![put(OTHER, 3)]);
    let reader = session.reader();
    let page = |after, limit| reader.messages((LOG, OTHER), MessageNumber(after), limit).expect("readable");
    assert_eq!(page(0, ALL), [message(OTHER, 1), message(OTHER, 2), message(OTHER, 3)]);
    assert_eq!(page(1, 1), [message(OTHER, 2)]);
    assert!(page(3, ALL).is_empty());
    session.operate(vec![removed(OTHER, 2), put(OTHER, 4)]);
    assert_eq!(waiting(reader.as_ref(), (LOG, OTHER)), [3, 4]);
    session.operate(vec![removed(OTHER, 4)]);
    session.operate(vec![removed(OTHER, 4)]);
    assert!(page(0, ALL).is_empty());
}

/// What goes from one log to another touches neither the other direction nor other logs.
pub fn messages_of_each_pair_of_logs_are_counted_apart(subject: &mut dyn Subject) {
    let mut session = Session::open(subject);
    let opened = session.store.open_log(OTHER).expect("a log can be opened");
    session.operate(vec![put(OTHER, 1), put(LogId(2), 1), received(OTHER, 5)]);
    let back = Batch {
        log: OTHER,
        expected: opened.last,
        epoch: opened.epoch,
        records: Vec::new(),
        operations: vec![put(LOG, 1), put(LOG, 2), received(LOG, 1), removed(LogId(2), 9)],
    };
    session.store.commit(&back).expect("a right batch is committed");
    let reader = session.reader();
    let reader = reader.as_ref();
    assert_eq!(waiting(reader, (LOG, OTHER)), [1]);
    assert_eq!(waiting(reader, (LOG, LogId(2))), [1]);
    assert_eq!(waiting(reader, (OTHER, LOG)), [1, 2]);
    let through = |log, from| reader.received(log, from).expect("readable");
    assert_eq!(through(LOG, OTHER), MessageNumber(5));
    assert_eq!(through(OTHER, LOG), MessageNumber(1));
    assert_eq!(through(LogId(2), LOG), MessageNumber::NONE);
    session.operate(vec![received(OTHER, 6)]);
    assert_eq!(through(LOG, OTHER), MessageNumber(6));
}

/// Sending and taking are part of the batch: one that is refused does neither.
pub fn a_refused_batch_sends_and_takes_nothing(subject: &mut dyn Subject) {
    let mut session = Session::open(subject);
    session.operate(vec![put(OTHER, 1), received(OTHER, 1)]);
    let mut batch = session.batch(vec![super::record(1, "x")], vec![put(OTHER, 2), received(OTHER, 2)]);
    batch.expected = batch.expected.plus(1);
    let refused = session.store.commit(&batch);
    assert!(matches!(refused, Err(StoreError::Conflict { .. })), "{refused:?}");
    let reader = session.reader();
    assert_eq!(waiting(reader.as_ref(), (LOG, OTHER)), [1]);
    assert_eq!(reader.received(LOG, OTHER).expect("readable"), MessageNumber(1));
}

/// What was acknowledged waits for its receiver after a reopening too.
pub fn messages_survive_reopening(subject: &mut dyn Subject) {
    let mut session = Session::open(subject);
    session.operate(vec![put(OTHER, 1), received(OTHER, 4)]);
    drop(session);
    let session = Session::open(subject);
    let reader = session.reader();
    assert_eq!(waiting(reader.as_ref(), (LOG, OTHER)), [1]);
    assert_eq!(reader.received(LOG, OTHER).expect("readable"), MessageNumber(4));
}
