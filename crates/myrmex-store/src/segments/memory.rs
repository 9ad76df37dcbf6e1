//! Segments in memory, for tests and for runs that need not outlive their process.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use myrmex_model::time::Timestamp;

use super::walk::{Reading, Shelf, scan};
use super::writer::{Medium, Writer};
use super::{LogReader, LogStore, Pieces, Source, Stream, Tail};
use crate::error::StoreError;
use crate::operation::{LogPosition, LogRange};

/// Segments in memory. "Survives" means: as long as a reader lives.
pub struct MemoryLogStore {
    writer: Writer<Segments>,
    segments: Segments,
}

/// Reads segments in memory. Cloning gives another handle on the same segments.
#[derive(Clone, Default)]
pub struct MemoryLogReader {
    segments: Segments,
}

#[derive(Clone, Default)]
struct Segments {
    shared: Arc<Mutex<BTreeMap<u32, Vec<u8>>>>,
}

impl MemoryLogStore {
    /// Makes empty segments.
    pub fn new() -> Self {
        Self::after(&MemoryLogReader::default())
    }

    /// Goes on with the segments of a store that was dropped, as a new process would, in a new segment.
    pub fn after(reader: &MemoryLogReader) -> Self {
        let segments = reader.segments.clone();
        let last = segments.contents().keys().next_back().copied().unwrap_or(0);
        let start = LogPosition { segment: last + 1, offset: 0 };
        Self { writer: Writer::new(segments.clone(), start, None), segments }
    }

    /// Lets an attempt write at most `bytes_max`; at least 128 KiB.
    #[must_use]
    pub fn with_attempt_bytes_max(mut self, bytes_max: u64) -> Self {
        self.writer.bound_attempts(bytes_max);
        self
    }

    /// Returns a reader whose type says where the segments are, see [`MemoryLogStore::after`].
    pub fn memory_reader(&self) -> MemoryLogReader {
        MemoryLogReader { segments: self.segments.clone() }
    }
}

impl Default for MemoryLogStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryLogReader {
    /// Lets a test change the bytes of a segment; does nothing if there is none.
    pub fn damage(&self, segment: u32, change: impl FnOnce(&mut Vec<u8>)) {
        if let Some(bytes) = self.segments.contents().get_mut(&segment) {
            change(bytes);
        }
    }
}

impl Segments {
    fn contents(&self) -> MutexGuard<'_, BTreeMap<u32, Vec<u8>>> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Medium for Segments {
    fn write(&mut self, segment: u32, _: u64, bytes: &[u8]) -> io::Result<()> {
        self.contents().entry(segment).or_default().extend_from_slice(bytes);
        Ok(())
    }

    fn cut(&mut self, _: u32, _: u64) -> io::Result<()> {
        Ok(())
    }

    fn sync(&mut self, _: u32) -> io::Result<()> {
        Ok(())
    }
}

impl Shelf for Segments {
    fn read_at(&self, segment: u32, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let contents = self.contents();
        let bytes = contents.get(&segment).map_or(&[][..], Vec::as_slice);
        let rest = bytes.get(usize::try_from(offset).unwrap_or(usize::MAX)..).unwrap_or_default();
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }

    fn length(&self, segment: u32) -> io::Result<u64> {
        Ok(self.contents().get(&segment).map_or(0, |bytes| bytes.len() as u64))
    }

    fn last(&self) -> io::Result<u32> {
        Ok(self.contents().keys().next_back().copied().unwrap_or(0))
    }

    fn name(&self, segment: u32) -> String {
        format!("log segment {segment}")
    }
}

impl LogStore for MemoryLogStore {
    fn append(
        &mut self,
        source: Source,
        stream: Stream,
        at: Timestamp,
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        self.writer.append(source, stream, at, bytes)
    }

    fn finish(&mut self, source: Source, at: Timestamp) -> Result<Vec<LogRange>, StoreError> {
        self.writer.finish(source, at)
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        self.writer.flush()
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        self.writer.sync()
    }

    fn position(&self) -> LogPosition {
        self.writer.position()
    }

    fn reader(&self) -> Box<dyn LogReader> {
        Box::new(self.memory_reader())
    }
}

impl LogReader for MemoryLogReader {
    fn read(&self, ranges: Vec<LogRange>, source: Source) -> Pieces<'_> {
        Box::new(Reading::new(&self.segments, ranges, source))
    }

    fn scan_tail(&self, from: LogPosition) -> Result<Tail, StoreError> {
        scan(&self.segments, from)
    }
}
