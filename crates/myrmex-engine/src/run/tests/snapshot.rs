//! Snapshots: what is damaged is told, whatever the damage is.

use proptest::collection::vec;
use proptest::prelude::*;

use super::build::{each, flow, graph, task, timer, value};
use super::host::{Host, address, fault};
use crate::run::{Facts, Run, SnapshotError};
use myrmex_model::outcome::AttemptEnd;

/// A run with a little of everything that facts know.
fn rich() -> Host {
    let items = each("deploy", task("deploy")).parallel(2);
    let pair = flow("pair", vec![value("one"), timer("two")]);
    let root = graph("root", vec![items, pair, task("broken").retried(1, 500), timer("pause")]);
    let mut host = Host::started(&root);
    host.fail("broken");
    host
}

#[test]
fn a_snapshot_gives_the_run_back() {
    let host = rich();
    let bytes = host.run.snapshot();
    let mut find = |hash| host.definitions.get(&hash).cloned();
    let restored = Run::from_snapshot(&bytes, &mut find).unwrap();
    assert_eq!(restored.facts(), host.run.facts());
    assert!(restored.is_same_as(&host.run));
    assert!(bytes.len() < 100 * host.run.size(), "{} bytes for {} facts", bytes.len(), host.run.size());
}

#[test]
fn a_snapshot_without_its_definition_is_refused() {
    let host = rich();
    let hash = host.run.definition_hash();
    let restored = Run::from_snapshot(&host.run.snapshot(), &mut |_| None);
    assert_eq!(restored.err(), Some(SnapshotError::Definition { hash }));
}

#[test]
fn what_is_cut_off_or_added_is_noticed() {
    let host = rich();
    let mut find = |hash| host.definitions.get(&hash).cloned();
    let bytes = host.run.snapshot();
    let longer = [bytes.clone(), vec![0]].concat();
    let shorter = (0..bytes.len()).map(|length| bytes[..length].to_vec());
    for damaged in shorter.chain([longer]) {
        assert_eq!(Run::from_snapshot(&damaged, &mut find).err(), Some(SnapshotError::Damaged));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// The checksum keeps damage from the reader of facts; that one has to bear it all the same.
    #[test]
    fn damaged_bytes_are_an_error_and_never_more(changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let host = rich();
        let facts = host.run.facts().encode();
        let mut find = |hash| host.definitions.get(&hash).cloned();
        let (mut snapshot, mut inner) = (host.run.snapshot(), facts.clone());
        for (at, byte) in &changes {
            let place = at.index(snapshot.len());
            snapshot[place] ^= byte;
            inner[at.index(facts.len())] = *byte;
        }
        if snapshot != host.run.snapshot() {
            let read = Run::from_snapshot(&snapshot, &mut find);
            prop_assert_eq!(read.err(), Some(SnapshotError::Damaged));
        }
        if let Some(read) = Facts::decode(&inner) {
            prop_assert!(read.activations.len() <= inner.len());
        }
    }

    #[test]
    fn any_bytes_are_read_without_harm(bytes in vec(any::<u8>(), 0..400)) {
        if let Some(read) = Facts::decode(&bytes) {
            prop_assert!(read.activations.len() <= bytes.len());
        }
    }
}

#[test]
fn a_cancelled_run_that_lost_an_attempt_reads_back() {
    let mut host = rich();
    host.grant();
    let token = *host.assigned.keys().next().unwrap();
    host.report(token, AttemptEnd::TimedOut { fault: fault("late") }).unwrap();
    host.cancel();
    assert!(host.run.task(&address("pause")).is_some());
    let facts = host.run.facts();
    assert_eq!(Facts::decode(&facts.encode()), Some(facts));
}
