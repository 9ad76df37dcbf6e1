//! The log segments of one partition, as the worker that writes them and the writer that syncs them share them.

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
    pub(crate) fn append(
        &self,
        token: FencingToken,
        stream: Stream,
        at: Timestamp,
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        self.insist(|store| store.append(self.source(token), stream, at, bytes))
    }

    /// Ends the output of an attempt, hands it to the operating system and tells where it lies.
    pub(crate) fn finish(&self, token: FencingToken, at: Timestamp) -> Result<Vec<LogRange>, StoreError> {
        let ranges = self.insist(|store| store.finish(self.source(token), at))?;
        self.insist(|store| store.flush())?;
        Ok(ranges)
    }

    /// Hands everything to the operating system, so that it survives the death of this process.
    pub(crate) fn flush(&self) -> Result<(), StoreError> {
        self.insist(|store| store.flush())
    }

    /// Makes durable what `batch` refers to. Costs nothing if it refers to nothing.
    pub(crate) fn sync_for(&self, batch: &Batch) -> Result<(), StoreError> {
        let refers =
            batch.operations.iter().any(|operation| matches!(operation, IndexOperation::PutLogRange(_)));
        if refers { lock(&self.shared.store).sync() } else { Ok(()) }
    }

    /// Returns where the segments end.
    pub(crate) fn position(&self) -> LogPosition {
        *lock(&self.shared.position)
    }

    /// Finds what was written at `from` and later by the attempts that `tokens` names.
    pub(crate) fn ranges_since(
        &self,
        from: LogPosition,
        token: FencingToken,
    ) -> Result<Vec<LogRange>, StoreError> {
        let source = self.source(token);
        let tail = lock(&self.shared.reader).scan_tail(from)?;
        Ok(tail.ranges.into_iter().filter(|(other, _)| *other == source).map(|(_, range)| range).collect())
    }

    /// Stops waiting for space on a full disk: nobody needs the output any more.
    pub fn give_up(&self) {
        self.shared.is_given_up.store(true, Ordering::Relaxed);
    }
}
