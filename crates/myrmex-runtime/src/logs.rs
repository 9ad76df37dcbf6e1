//! The log segments of one partition, as the worker that writes them and the writer that syncs them share them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use myrmex_model::id::FencingToken;
use myrmex_model::time::Timestamp;
use myrmex_store::segments::{LogReader, LogStore, Source, Stream};
use myrmex_store::{Batch, IndexOperation, LogId, LogPosition, LogRange, StoreError};

use crate::progress::Progress;

/// The pause before output is offered again to a full disk. The processes wait meanwhile; nothing is lost.
const FULL_PAUSE: Duration = Duration::from_millis(100);

/// A shared handle on the log segments of a partition.
#[derive(Clone)]
pub struct Logs {
    shared: Arc<Shared>,
}

struct Shared {
    log: LogId,
    store: Mutex<Box<dyn LogStore>>,
    /// Where the segments ended after the last change; read without waiting for a sync.
    position: Mutex<LogPosition>,
    reader: Mutex<Box<dyn LogReader>>,
    is_given_up: AtomicBool,
    /// Who is told that output waits for space.
    progress: Arc<Progress>,
}

/// What attempts wrote that no commit names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Leftovers {
    /// Where it lies, by attempt.
    pub(crate) ranges: BTreeMap<FencingToken, Vec<LogRange>>,
    /// Where something lies that cannot be read: maybe more of it.
    pub(crate) damaged: Vec<LogPosition>,
}

/// Locks plain data. What a panicking thread left is whole: the segments find torn chunks by themselves.
fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Logs {
    /// Shares the segments of `log`. That they are held up by a full disk is told to `progress`.
    pub fn new(log: LogId, store: Box<dyn LogStore>, progress: Arc<Progress>) -> Self {
        let (position, reader) = (Mutex::new(store.position()), Mutex::new(store.reader()));
        let store = Mutex::new(store);
        let is_given_up = AtomicBool::new(false);
        Self { shared: Arc::new(Shared { log, store, position, reader, is_given_up, progress }) }
    }

    fn source(&self, token: FencingToken) -> Source {
        Source { log: self.shared.log, token }
    }

    /// Repeats what a full disk refuses until there is space again, or until nobody waits any more.
    fn insist<T>(
        &self,
        mut act: impl FnMut(&mut dyn LogStore) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut is_held_up = false;
        loop {
            let mut store = lock(&self.shared.store);
            let acted = act(store.as_mut());
            *lock(&self.shared.position) = store.position();
            drop(store);
            match acted {
                Err(error) if error.is_retryable() && !self.shared.is_given_up.load(Ordering::Relaxed) => {
                    // The partition may have nothing to commit meanwhile, so nobody else would say it.
                    is_held_up = true;
                    self.shared.progress.hold_up(error.to_string());
                    std::thread::sleep(FULL_PAUSE);
                }
                other => {
                    if is_held_up {
                        self.shared.progress.go_on();
                    }
                    return other;
                }
            }
        }
    }

    /// Says that the disk is full and pauses; false if nobody waits any more.
    pub(crate) fn wait_for_space(&self) -> bool {
        if self.shared.is_given_up.load(Ordering::Relaxed) {
            return false;
        }
        // The next commit, which needs space as well, says that it goes on.
        self.shared.progress.hold_up(StoreError::Full.to_string());
        std::thread::sleep(FULL_PAUSE);
        true
    }

    /// Takes what an attempt printed. Waits while the disk is full.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] if the segments cannot be written, or are full and nobody waits any more.
    pub fn append(
        &self,
        token: FencingToken,
        stream: Stream,
        at: Timestamp,
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        self.insist(|store| store.append(self.source(token), stream, at, bytes))
    }

    /// Ends the output of an attempt, hands it to the operating system and tells where it lies.
    ///
    /// # Errors
    ///
    /// As of [`Logs::append`].
    pub fn finish(&self, token: FencingToken, at: Timestamp) -> Result<Vec<LogRange>, StoreError> {
        let ranges = self.insist(|store| store.finish(self.source(token), at))?;
        self.insist(|store| store.flush())?;
        Ok(ranges)
    }

    /// Hands everything to the operating system, so that it survives the death of this process.
    ///
    /// # Errors
    ///
    /// As of [`Logs::append`].
    pub fn flush(&self) -> Result<(), StoreError> {
        self.insist(|store| store.flush())
    }

    /// Makes durable what `batch` refers to; a committer does so before the batch. Costs nothing if it refers to nothing.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] if the segments cannot be synced. They must be opened again then.
    pub fn sync_for(&self, batch: &Batch) -> Result<(), StoreError> {
        let refers =
            batch.operations.iter().any(|operation| matches!(operation, IndexOperation::PutLogRange(_)));
        if refers { lock(&self.shared.store).sync() } else { Ok(()) }
    }

    /// Returns where the segments end.
    pub(crate) fn position(&self) -> LogPosition {
        *lock(&self.shared.position)
    }

    /// Finds what attempts wrote, each at its position and later, by reading the segments once.
    pub(crate) fn leftovers(
        &self,
        lost: &BTreeMap<FencingToken, LogPosition>,
    ) -> Result<Leftovers, StoreError> {
        let mut leftovers = Leftovers::default();
        let Some(from) = lost.values().min() else { return Ok(leftovers) };
        let tail = lock(&self.shared.reader).scan_tail(*from)?;
        leftovers.damaged = tail.damaged;
        for (source, range) in tail.ranges {
            if source.log == self.shared.log && lost.contains_key(&source.token) {
                leftovers.ranges.entry(source.token).or_default().push(range);
            }
        }
        Ok(leftovers)
    }

    /// Stops waiting for space on a full disk: nobody needs the output any more.
    pub fn give_up(&self) {
        self.shared.is_given_up.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use myrmex_store::segments::{MemoryLogStore, Pieces, Tail};

    use super::*;

    /// Counts how often the segments are read.
    struct Counting {
        store: MemoryLogStore,
        scans: Arc<AtomicU32>,
    }

    struct CountingReader(Box<dyn LogReader>, Arc<AtomicU32>);

    impl LogStore for Counting {
        fn append(
            &mut self,
            source: Source,
            stream: Stream,
            at: Timestamp,
            bytes: &[u8],
        ) -> Result<(), StoreError> {
            self.store.append(source, stream, at, bytes)
        }

        fn finish(&mut self, source: Source, at: Timestamp) -> Result<Vec<LogRange>, StoreError> {
            self.store.finish(source, at)
        }

        fn flush(&mut self) -> Result<(), StoreError> {
            self.store.flush()
        }

        fn sync(&mut self) -> Result<(), StoreError> {
            self.store.sync()
        }

        fn position(&self) -> LogPosition {
            self.store.position()
        }

        fn reader(&self) -> Box<dyn LogReader> {
            Box::new(CountingReader(self.store.reader(), Arc::clone(&self.scans)))
        }
    }

    impl LogReader for CountingReader {
        fn read(&self, ranges: Vec<LogRange>, source: Source) -> Pieces<'_> {
            self.0.read(ranges, source)
        }

        fn scan_tail(&self, from: LogPosition) -> Result<Tail, StoreError> {
            self.1.fetch_add(1, Ordering::Relaxed);
            self.0.scan_tail(from)
        }
    }

    #[test]
    fn the_segments_are_read_once_for_all_lost_attempts_and_damage_is_told() {
        let (store, scans) = (MemoryLogStore::new(), Arc::new(AtomicU32::new(0)));
        let segments = store.memory_reader();
        let counting = Box::new(Counting { store, scans: Arc::clone(&scans) });
        let logs = Logs::new(LogId(0), counting, Arc::new(Progress::new()));
        let from = logs.position();
        let tokens = [1, 2, 3].map(FencingToken);
        for token in tokens {
            logs.append(token, Stream::Stdout, Timestamp(0), b"printed").unwrap();
            logs.flush().unwrap();
        }
        let lost = [(tokens[0], from), (tokens[2], from)].into();
        let found = logs.leftovers(&lost).unwrap();
        assert_eq!(found.ranges.keys().copied().collect::<Vec<_>>(), [tokens[0], tokens[2]]);
        assert!(found.damaged.is_empty());
        assert_eq!(scans.load(Ordering::Relaxed), 1);
        segments.damage(from.segment, |bytes| bytes[40] ^= 1);
        assert_eq!(logs.leftovers(&lost).unwrap().damaged.len(), 1);
        assert_eq!(logs.leftovers(&BTreeMap::new()).unwrap(), Leftovers::default());
        assert_eq!(scans.load(Ordering::Relaxed), 2);
    }
}
