//! The log segments of a simulation, as they lie on its disk: what attempts print, and what of it a crash leaves.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use myrmex_model::event::{Event, Recorded};
use myrmex_model::id::{FencingToken, RunId};
use myrmex_model::name::Namespace;
use myrmex_model::outcome::{AttemptEnd, Loss};
use myrmex_model::time::Timestamp;
use myrmex_runtime::partition::DOMAIN_LOG;
use myrmex_store::segments::{LogReader, LogStore, MemoryLogReader, MemoryLogStore, Piece, Source, Stream};
use myrmex_store::{LogPosition, LogRange, Reader, StoreError};

use super::attempts::Attempts;
use super::random::Random;

/// More stretches than a run of a simulation has.
const RANGES_MAX: usize = 10_000;

/// All segments.
#[derive(Clone, Default)]
pub(super) struct Segments {
    bytes: MemoryLogReader,
    /// How much of each segment is synced.
    synced: Arc<Mutex<BTreeMap<u32, usize>>>,
}

/// The segments as one process writes them.
struct Writing {
    inner: MemoryLogStore,
    segments: Segments,
}

impl Segments {
    fn synced(&self) -> MutexGuard<'_, BTreeMap<u32, usize>> {
        self.synced.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the segments as a new process finds them. It writes to one of its own.
    pub(super) fn open(&self) -> Result<Box<dyn LogStore>, StoreError> {
        let mut inner = MemoryLogStore::after(&self.bytes);
        // A segment is there once something is in it; the next process goes on behind it, also while this one lives.
        inner.append(source(FencingToken(0)), Stream::Stdout, Timestamp(0), b"opened")?;
        inner.flush()?;
        self.synced().entry(inner.position().segment).or_default();
        Ok(Box::new(Writing { inner, segments: self.clone() }))
    }

    /// Cuts off some of what is not synced, as the sudden death of the machine does.
    pub(super) fn crash(&self, random: &mut Random) {
        for (segment, synced) in self.synced().iter() {
            self.bytes.damage(*segment, |bytes| {
                let unsynced = bytes.len().saturating_sub(*synced);
                let lost = usize::try_from(random.below(unsynced as u64 + 1)).expect("it is small");
                bytes.truncate(bytes.len() - lost);
            });
        }
    }

    /// Returns what an attempt printed in these stretches.
    fn read(&self, token: FencingToken, ranges: Vec<LogRange>) -> Result<Vec<u8>, StoreError> {
        let mut printed = Vec::new();
        for piece in self.bytes.read(ranges, source(token)) {
            match piece? {
                Piece::Output { bytes, .. } => printed.extend(bytes),
                Piece::Dropped { .. } => {}
            }
        }
        Ok(printed)
    }

    /// Judges what is kept of the output of a run: all that an attempt printed that was reported, and of a lost one its
    /// beginning.
    pub(super) fn check(
        &self,
        (reader, namespace): (&dyn Reader, &Namespace),
        (run, journal): (RunId, &[Recorded]),
        attempts: &Attempts,
        wrong: &mut Vec<String>,
    ) {
        let mut ranges: BTreeMap<FencingToken, Vec<LogRange>> = BTreeMap::new();
        match reader.log_ranges(namespace, run, None, None, RANGES_MAX) {
            Ok(rows) => rows.into_iter().for_each(|row| ranges.entry(row.token).or_default().push(row.range)),
            Err(error) => wrong.push(format!("run {run}: its output cannot be found: {error}")),
        }
        for recorded in journal {
            let Event::AttemptEnded { task, token, report, .. } = &recorded.event else { continue };
            if !attempts.started.contains(token) || report.cached.is_some() {
                continue;
            }
            let (expected, is_lost) =
                (printed(*token).concat(), matches!(report.end, AttemptEnd::Lost { loss: Loss::Worker, .. }));
            match self.read(*token, ranges.remove(token).unwrap_or_default()) {
                Ok(found) if found == expected.as_bytes() => {}
                Ok(found) if is_lost && expected.as_bytes().starts_with(&found) => {}
                Ok(found) => {
                    let found = String::from_utf8_lossy(&found);
                    wrong.push(format!("run {run}: of the output of `{task}` there is left `{found}`"));
                }
                Err(error) => {
                    wrong.push(format!("run {run}: the output of `{task}` cannot be read: {error}"));
                }
            }
        }
    }
}

/// Returns what an attempt prints: when it begins, and when it ends.
pub(super) fn printed(token: FencingToken) -> [String; 2] {
    [format!("{token} begins\n"), format!("{token} ends\n")]
}

fn source(token: FencingToken) -> Source {
    Source { log: DOMAIN_LOG, token }
}

impl LogStore for Writing {
    fn append(
        &mut self,
        source: Source,
        stream: Stream,
        at: Timestamp,
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        self.inner.append(source, stream, at, bytes)
    }

    fn finish(&mut self, source: Source, at: Timestamp) -> Result<Vec<LogRange>, StoreError> {
        self.inner.finish(source, at)
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        self.inner.flush()
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        self.inner.sync()?;
        for (segment, synced) in self.segments.synced().iter_mut() {
            self.segments.bytes.damage(*segment, |bytes| *synced = bytes.len());
        }
        Ok(())
    }

    fn position(&self) -> LogPosition {
        self.inner.position()
    }

    fn reader(&self) -> Box<dyn LogReader> {
        self.inner.reader()
    }
}
