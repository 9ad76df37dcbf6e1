//! Cases of the journal: transactions, epochs, order, checksums and the chain.

use myrmex_model::id::{Epoch, ValueHash};
use myrmex_model::name::Namespace;
use myrmex_model::status::Status;

use super::{LOG, Session, Subject, elsewhere, here, record, run, summary};
use crate::batch::{Batch, LogId, NewRecord, Record, Sequence};
use crate::chain::Head;
use crate::contract::Reader;
use crate::error::StoreError;
use crate::operation::IndexOperation;

const ALL: usize = usize::MAX;

fn bodies(records: &[Record]) -> Vec<String> {
    records.iter().map(|record| String::from_utf8_lossy(&record.body).into_owned()).collect()
}

fn all(reader: &dyn Reader, log: LogId) -> Vec<Record> {
    reader.records(log, Sequence::NONE, ALL).expect("an undamaged log can be read")
}

/// Records come back as they were written, numbered from 1 without gaps, with their run, codec and namespace.
pub fn a_batch_is_read_back_in_order(subject: &mut dyn Subject) {
    let mut session = Session::open(subject);
    assert_eq!(session.last, Sequence::NONE);
    let other = NewRecord { namespace: elsewhere(), codec: 7, ..record(2, "b") };
    let committed = session.commit(vec![record(1, "a"), other, record(1, "")], vec![]);
    assert_eq!(committed.last, Sequence(3));
    session.commit(vec![record(1, "d")], vec![]);
    let records = all(&*session.reader(), LOG);
    assert_eq!(bodies(&records), ["a", "b", "", "d"]);
    assert_eq!(records.iter().map(|record| record.sequence.0).collect::<Vec<_>>(), [1, 2, 3, 4]);
    let second = &records[1];
    assert_eq!((second.log, &second.namespace, second.run, second.codec), (LOG, &elsewhere(), run(2), 7));
}

/// A batch that expects another end stores neither records nor index rows.
pub fn a_batch_with_a_wrong_end_is_refused_whole(subject: &mut dyn Subject) {
    let mut session = Session::open(subject);
    session.commit(vec![record(1, "a")], vec![]);
    for wrong in [Sequence(0), Sequence(2)] {
        let operations = vec![IndexOperation::PutSummary(summary(9, 1, Status::Running))];
        let batch =
            Batch { expected: wrong, ..session.batch(vec![record(1, "x"), record(2, "y")], operations) };
        let error = session.store.commit(&batch).expect_err("the end is wrong");
        assert!(
            matches!(error, StoreError::Conflict { expected, found: Sequence(1), .. } if expected == wrong)
        );
        assert!(!error.is_retryable());
    }
    let reader = session.reader();
    assert_eq!(bodies(&all(&*reader, LOG)), ["a"]);
    assert_eq!(reader.summary(&here(), run(9)).expect("readable"), None);
    session.commit(vec![record(1, "b")], vec![]);
    assert_eq!(bodies(&all(&*reader, LOG)), ["a", "b"]);
}

/// Who opens a log fences off whoever opened it before; epochs grow over reopenings.
pub fn a_stale_epoch_is_refused(subject: &mut dyn Subject) {
    let mut session = Session::open(subject);
    assert_eq!(session.epoch, Epoch(1));
    let again = session.store.open_log(LOG).expect("a log can be opened again");
    assert_eq!(again.epoch, Epoch(2));
    for epoch in [Epoch(0), Epoch(1), Epoch(3)] {
        let batch = Batch { epoch, ..session.batch(vec![record(1, "x")], vec![]) };
        let error = session.store.commit(&batch).expect_err("the epoch is not the current one");
        assert!(matches!(error, StoreError::Fenced { current: Epoch(2), .. }), "{error}");
    }
    session.epoch = again.epoch;
    session.commit(vec![record(1, "a")], vec![]);
    drop(session);
    let session = Session::open(subject);
    assert_eq!((session.epoch, session.last), (Epoch(3), Sequence(1)));
}

/// No epoch is valid for a log that nobody has opened.
pub fn a_log_that_was_never_opened_is_refused(subject: &mut dyn Subject) {
    let mut session = Session::open(subject);
    for epoch in [Epoch(0), Epoch(1)] {
        let batch = Batch { log: LogId(5), epoch, ..session.batch(vec![record(1, "x")], vec![]) };
        let error = session.store.commit(&batch).expect_err("the log was never opened");
        assert!(matches!(error, StoreError::Fenced { current: Epoch(0), .. }), "{error}");
    }
    let beyond = LogId(LogId::MAX.0 + 1);
    assert!(matches!(session.store.open_log(beyond), Err(StoreError::Bounds { .. })));
}

/// A batch may hold index operations alone; sequence and head stay.
pub fn a_batch_without_records_changes_indexes_only(subject: &mut dyn Subject) {
    let mut session = Session::open(subject);
    let operations = vec![IndexOperation::PutSummary(summary(1, 1, Status::Running))];
    let committed = session.commit(vec![], operations.clone());
    assert_eq!((committed.last, committed.head), (Sequence::NONE, Head::of_empty(LOG)));
    let first = session.commit(vec![record(1, "a")], vec![]);
    assert_eq!(session.commit(vec![], operations), first);
    assert!(session.reader().summary(&here(), run(1)).expect("readable").is_some());
}

/// Records, index rows, values and heads are there after the store was closed and opened.
pub fn what_was_acknowledged_is_there_after_reopening(subject: &mut dyn Subject) {
    let mut session = Session::open(subject);
    let json = b"[1]".to_vec();
    let hash = ValueHash::of(&json);
    let value = IndexOperation::PutValue { namespace: here(), run: run(1), hash, json: json.clone() };
    let said = summary(1, 5, Status::Running);
    session.commit(vec![record(1, "a")], vec![value, IndexOperation::PutSummary(said.clone())]);
    let second = session.commit(vec![record(1, "b")], vec![]);
    drop(session);
    let mut session = Session::open(subject);
    assert_eq!(session.last, Sequence(2));
    let reader = session.reader();
    let records = all(&*reader, LOG);
    assert_eq!(bodies(&records), ["a", "b"]);
    assert_eq!(records[1].head, Some(second.head));
    assert_eq!(reader.summary(&here(), run(1)).expect("readable"), Some(said));
    assert_eq!(reader.value(&here(), run(1), hash).expect("readable"), Some(json));
    session.commit(vec![record(1, "c")], vec![]);
    assert_eq!(reader.verify(LOG).expect("readable").broken, None);
}

/// Each log has its own sequence, epoch and chain.
pub fn logs_do_not_touch_each_other(subject: &mut dyn Subject) {
    let mut session = Session::open(subject);
    let other = LogId(3);
    let opened = session.store.open_log(other).expect("another log can be opened");
    assert_eq!((opened.epoch, opened.last), (Epoch(1), Sequence::NONE));
    session.commit(vec![record(1, "a"), record(1, "b")], vec![]);
    let batch = Batch {
        log: other,
        expected: Sequence::NONE,
        epoch: Epoch(1),
        records: vec![record(2, "z")],
        operations: vec![],
    };
    assert_eq!(session.store.commit(&batch).expect("the other log is at its own end").last, Sequence(1));
    session.commit(vec![record(1, "c")], vec![]);
    let reader = session.reader();
    assert_eq!(reader.logs().expect("readable"), [LOG, other]);
    assert_eq!(bodies(&all(&*reader, LOG)), ["a", "b", "c"]);
    assert_eq!(bodies(&all(&*reader, other)), ["z"]);
    assert_eq!(reader.verify(other).expect("readable").records, 1);
}

/// The same run id in two namespaces is two runs.
pub fn namespaces_do_not_see_each_other(subject: &mut dyn Subject) {
    let mut session = Session::open(subject);
    let json = b"1".to_vec();
    let hash = ValueHash::of(&json);
    session.commit(
        vec![record(1, "a"), NewRecord { namespace: elsewhere(), ..record(1, "b") }],
        vec![
            IndexOperation::PutValue { namespace: here(), run: run(1), hash, json },
            IndexOperation::PutSummary(summary(1, 1, Status::Running)),
        ],
    );
    let reader = session.reader();
    let of_run =
        |namespace: &Namespace| reader.run_records(namespace, run(1), Sequence::NONE, ALL).expect("readable");
    assert_eq!(bodies(&of_run(&here())), ["a"]);
    assert_eq!(bodies(&of_run(&elsewhere())), ["b"]);
    assert_eq!(reader.value(&elsewhere(), run(1), hash).expect("readable"), None);
    assert_eq!(reader.summary(&elsewhere(), run(1)).expect("readable"), None);
    assert_eq!(reader.find_runs(&elsewhere(), "", ALL).expect("readable"), []);
    assert!(of_run(&super::namespace("nowhere")).is_empty());
}

/// A run's records are read without those of other runs, from any place.
pub fn records_of_a_run_are_found_among_others(subject: &mut dyn Subject) {
    let mut session = Session::open(subject);
    session.commit(vec![record(1, "a"), record(2, "b"), record(1, "c")], vec![]);
    session.commit(vec![record(2, "d"), record(1, "e")], vec![]);
    let reader = session.reader();
    let of_run = |number, after, limit| {
        bodies(&reader.run_records(&here(), run(number), Sequence(after), limit).expect("readable"))
    };
    assert_eq!(of_run(1, 0, ALL), ["a", "c", "e"]);
    assert_eq!(of_run(1, 1, ALL), ["c", "e"]);
    assert_eq!(of_run(1, 2, 1), ["c"]);
    assert_eq!(of_run(2, 0, ALL), ["b", "d"]);
    assert_eq!(of_run(1, 5, ALL), [""; 0]);
    assert_eq!(of_run(3, 0, ALL), [""; 0]);
}

/// Pages are bounded and follow each other without gap or overlap; only the end is an empty page.
pub fn pages_follow_each_other(subject: &mut dyn Subject) {
    let mut session = Session::open(subject);
    let count = crate::contract::PAGE_ROWS_MAX + 7;
    session.commit((0..count).map(|index| record(1, &index.to_string())).collect(), vec![]);
    let reader = session.reader();
    let (mut after, mut seen) = (Sequence::NONE, 0);
    loop {
        let page = reader.records(LOG, after, ALL).expect("readable");
        assert!(page.len() <= crate::contract::PAGE_ROWS_MAX);
        let Some(last) = page.last() else { break };
        assert_eq!(page[0].sequence, after.plus(1));
        after = last.sequence;
        seen += page.len();
    }
    assert_eq!(seen, count);
    assert_eq!(reader.records(LOG, Sequence::NONE, 2).expect("readable").len(), 2);
    let large = "x".repeat(crate::contract::PAGE_BYTES_MAX / 2);
    session.commit((0..4).map(|_| record(1, &large)).collect(), vec![]);
    assert_eq!(reader.records(LOG, after, ALL).expect("readable").len(), 2);
}

/// The last record of each batch bears the head that the commit returned, the others none.
pub fn every_commit_batch_has_a_head(subject: &mut dyn Subject) {
    let mut session = Session::open(subject);
    let first = session.commit(vec![record(1, "a"), record(1, "b")], vec![]);
    let second = session.commit(vec![record(1, "c")], vec![]);
    assert_ne!(first.head, second.head);
    let heads: Vec<_> = all(&*session.reader(), LOG).iter().map(|record| record.head).collect();
    assert_eq!(heads, [None, Some(first.head), Some(second.head)]);
}

/// The walk along the chain counts everything and ends at the last head; also for a log without records.
pub fn an_untouched_chain_verifies(subject: &mut dyn Subject) {
    let mut session = Session::open(subject);
    let empty = session.reader().verify(LOG).expect("readable");
    assert_eq!((empty.records, empty.head, empty.broken), (0, Head::of_empty(LOG), None));
    session.commit((0..1_500).map(|index| record(1, &index.to_string())).collect(), vec![]);
    let last = session.commit(vec![record(2, "a"), record(1, "b")], vec![]);
    let verified = session.reader().verify(LOG).expect("readable");
    assert_eq!((verified.records, verified.batches), (1_502, 2));
    assert_eq!((verified.head, verified.broken), (last.head, None));
}

/// A changed byte is reported with log and sequence by every way to read the record, and by the chain.
pub fn a_damaged_record_is_reported_with_its_place(subject: &mut dyn Subject) {
    let mut session = Session::open(subject);
    let first = session.commit(vec![record(1, "a")], vec![]);
    session.commit(vec![record(1, "b"), record(2, "c"), record(1, "d")], vec![]);
    drop(session);
    subject.damage(LOG, Sequence(3));
    let session = Session::open(subject);
    let reader = session.reader();
    let error = reader.records(LOG, Sequence::NONE, ALL).expect_err("a record is damaged");
    assert!(matches!(&error, StoreError::Damaged { place, .. } if place == "log 0, sequence 3"), "{error}");
    reader.run_records(&here(), run(2), Sequence::NONE, ALL).expect_err("the record is of this run");
    let rest = reader.run_records(&here(), run(1), Sequence::NONE, ALL).expect("the other run is whole");
    assert_eq!(bodies(&rest), ["a", "b", "d"]);
    let verified = reader.verify(LOG).expect("readable");
    assert_eq!((verified.records, verified.head), (1, first.head));
    assert_eq!(verified.broken.map(|broken| broken.sequence), Some(Sequence(3)));
}

/// A reader that was made before a commit sees the commit afterwards.
pub fn a_reader_sees_later_commits(subject: &mut dyn Subject) {
    let mut session = Session::open(subject);
    let reader = session.reader();
    assert!(all(&*reader, LOG).is_empty());
    session.commit(vec![record(1, "a")], vec![]);
    assert_eq!(bodies(&all(&*reader, LOG)), ["a"]);
}
