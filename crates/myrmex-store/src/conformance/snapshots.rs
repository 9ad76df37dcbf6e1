//! Cases of the snapshots of runs.

use myrmex_model::name::Namespace;

use super::{Session, Subject, elsewhere, here, record, run};
use crate::batch::Sequence;
use crate::contract::Reader;
use crate::error::StoreError;
use crate::operation::IndexOperation;
use crate::snapshot::{Snapshot, SnapshotTag};

fn snapshot(namespace: Namespace, number: u8, last: u64) -> Snapshot {
    let tag = SnapshotTag { codec: 3, build: u64::MAX - last };
    let body = format!("run {number} after {last}").into_bytes();
    Snapshot { namespace, run: run(number), last: Sequence(last), tag, body }
}

fn put(number: u8, last: u64) -> IndexOperation {
    IndexOperation::PutSnapshot(snapshot(here(), number, last))
}

fn removed(number: u8) -> IndexOperation {
    IndexOperation::RemoveSnapshot { namespace: here(), run: run(number) }
}

fn found(reader: &dyn Reader, number: u8) -> Option<Snapshot> {
    reader.snapshot(&here(), run(number)).expect("readable")
}

/// A run has one snapshot, the one that was put last, and it is read back whole.
pub fn the_last_snapshot_of_a_run_counts(subject: &mut dyn Subject) {
    let mut session = Session::open(subject);
    session.commit(vec![record(1, "a")], vec![put(1, 1), put(2, 1)]);
    session.commit(vec![record(1, "b")], vec![put(1, 2)]);
    let reader = session.reader();
    assert_eq!(found(reader.as_ref(), 1), Some(snapshot(here(), 1, 2)));
    assert_eq!(found(reader.as_ref(), 2), Some(snapshot(here(), 2, 1)));
    assert_eq!(found(reader.as_ref(), 3), None);
    assert_eq!(reader.snapshot(&elsewhere(), run(1)).expect("readable"), None);
    drop((reader, session));
    let session = Session::open(subject);
    assert_eq!(found(session.reader().as_ref(), 1), Some(snapshot(here(), 1, 2)));
}

/// A snapshot that was removed is gone, also if it was put by the same batch.
pub fn a_snapshot_is_gone_once_it_is_removed(subject: &mut dyn Subject) {
    let mut session = Session::open(subject);
    session.operate(vec![put(1, 1), put(2, 1), put(3, 1), removed(3)]);
    session.operate(vec![removed(1), removed(4)]);
    let reader = session.reader();
    assert_eq!(found(reader.as_ref(), 1), None);
    assert_eq!(found(reader.as_ref(), 2), Some(snapshot(here(), 2, 1)));
    assert_eq!(found(reader.as_ref(), 3), None);
}

/// A snapshot that is not as it was written is told from one that is not there, and harms nothing else.
pub fn a_damaged_snapshot_is_reported(subject: &mut dyn Subject) {
    let mut session = Session::open(subject);
    session.commit(vec![record(1, "a")], vec![put(1, 1), put(2, 1)]);
    drop(session);
    subject.damage_snapshot(run(1));
    let mut session = Session::open(subject);
    let reader = session.reader();
    let damaged = reader.snapshot(&here(), run(1));
    assert!(matches!(damaged, Err(StoreError::Damaged { .. })), "{damaged:?}");
    assert_eq!(found(reader.as_ref(), 2), Some(snapshot(here(), 2, 1)));
    assert_eq!(reader.run_records(&here(), run(1), Sequence::NONE, 9).expect("readable").len(), 1);
    session.operate(vec![put(1, 1)]);
    assert_eq!(found(session.reader().as_ref(), 1), Some(snapshot(here(), 1, 1)));
}
