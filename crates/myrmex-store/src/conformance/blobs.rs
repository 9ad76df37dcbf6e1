//! Cases of the blobs.

use std::io::{self, Read};

use myrmex_model::name::Namespace;

use super::{elsewhere, here, run};
use crate::blobs::{BlobHash, BlobStore};

/// Blobs under test.
pub trait BlobSubject {
    /// Returns the store.
    fn store(&self) -> &dyn BlobStore;

    /// Changes a byte of a blob in the namespace [`Namespace::standard`] behind the store's back. Returns whether the
    /// backend has a back.
    ///
    /// [`Namespace::standard`]: myrmex_model::name::Namespace::standard
    fn damage(&mut self, run: myrmex_model::id::RunId, hash: BlobHash) -> bool;

    /// Returns how many files there are; none if the backend has no files.
    fn files(&self) -> Option<usize>;
}

fn read(store: &dyn BlobStore, number: u8, hash: BlobHash) -> Option<io::Result<Vec<u8>>> {
    let mut content = store.get(&here(), run(number), hash).expect("readable")?;
    let mut bytes = Vec::new();
    Some(content.read_to_end(&mut bytes).map(|_| bytes))
}

/// Content of any length comes back; an unknown hash, run or namespace is none.
pub fn content_is_read_back_by_its_hash(subject: &mut dyn BlobSubject) {
    let store = subject.store();
    for length in [0_u64, 1, 500_000] {
        let blob = store.put(&here(), run(1), &mut io::repeat(7).take(length)).expect("there is room");
        assert_eq!(blob.bytes, length);
        let content = read(store, 1, blob.hash).expect("it was put").expect("it is whole");
        assert!(content.len() as u64 == length && content.iter().all(|byte| *byte == 7));
        assert!(read(store, 2, blob.hash).is_none());
        assert!(store.get(&elsewhere(), run(1), blob.hash).expect("readable").is_none());
    }
    assert!(read(store, 1, BlobHash([0; 32])).is_none());
}

/// A part is what stands there; beyond the end there is nothing, and an unknown blob has no parts.
pub fn parts_are_read_from_anywhere(subject: &mut dyn BlobSubject) {
    let store = subject.store();
    let hash = store.put(&here(), run(1), &mut &b"content"[..]).expect("there is room").hash;
    let part = |number, hash, range| store.part(&here(), run(number), hash, range).expect("readable");
    for (range, bytes) in
        [(0..7, "content"), (3..5, "te"), (5..14, "nt"), (3..3, ""), (7..8, ""), (99..100, "")]
    {
        assert_eq!(part(1, hash, range.clone()).as_deref(), Some(bytes.as_bytes()), "{range:?}");
    }
    assert_eq!(part(2, hash, 0..1), None);
    assert_eq!(part(1, BlobHash([0; 32]), 0..1), None);
}

/// Putting the same content again gives the same hash.
pub fn the_same_content_is_put_twice(subject: &mut dyn BlobSubject) {
    let store = subject.store();
    let put = || store.put(&here(), run(1), &mut &b"content"[..]).expect("there is room");
    assert_eq!(put(), put());
    assert!(subject.files().is_none_or(|files| files == 1));
}

/// If the content cannot be read, nothing is left.
pub fn an_error_of_the_content_leaves_nothing(subject: &mut dyn BlobSubject) {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("broken"))
        }
    }
    let mut content = (&b"begin"[..]).chain(Broken);
    subject.store().put(&here(), run(1), &mut content).expect_err("the content is broken");
    assert!(subject.files().is_none_or(|files| files == 0));
}

/// Deleting a run leaves the same content of other runs and namespaces; deleting it again is no error.
pub fn runs_are_deleted_apart(subject: &mut dyn BlobSubject) {
    let store = subject.store();
    let put = |namespace: &Namespace, number| {
        store.put(namespace, run(number), &mut &b"content"[..]).expect("there is room")
    };
    let hash = put(&here(), 1).hash;
    put(&here(), 2);
    put(&elsewhere(), 1);
    for _ in 0..2 {
        store.delete_run(&here(), run(1)).expect("deletable");
    }
    assert!(read(store, 1, hash).is_none());
    assert!(read(store, 2, hash).is_some());
    assert!(store.get(&elsewhere(), run(1), hash).expect("readable").is_some());
}

/// Who reads to the end reads what was put, or an error.
pub fn damaged_content_is_noticed_by_who_reads_it(subject: &mut dyn BlobSubject) {
    let hash = subject.store().put(&here(), run(1), &mut &b"content"[..]).expect("there is room").hash;
    if !subject.damage(run(1), hash) {
        return;
    }
    let error = read(subject.store(), 1, hash).expect("it was put").expect_err("it is damaged");
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
}

/// A blob that was given to another run is there as if it had been put, and outlives the run that it is from.
pub fn a_blob_is_given_to_another_run(subject: &mut dyn BlobSubject) {
    let store = subject.store();
    let adopt = |namespace: &Namespace, from, to, hash| {
        store.adopt(namespace, run(from), run(to), hash).expect("there is room")
    };
    let hash = store.put(&here(), run(1), &mut &b"content"[..]).expect("there is room").hash;
    assert!(!adopt(&here(), 1, 2, BlobHash([0; 32])));
    assert!(!adopt(&here(), 3, 2, hash));
    assert!(!adopt(&elsewhere(), 1, 2, hash));
    assert!(read(store, 2, hash).is_none());
    for (from, to) in [(1, 2), (1, 2), (1, 1), (2, 3)] {
        assert!(adopt(&here(), from, to, hash));
    }
    store.delete_run(&here(), run(1)).expect("deletable");
    for number in [2, 3] {
        assert_eq!(read(store, number, hash).expect("it was given").expect("it is whole"), b"content");
    }
}
