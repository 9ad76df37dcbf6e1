//! Writing chunks, whatever the segments lie on.

use std::collections::{HashMap, VecDeque};
use std::io;

use myrmex_model::time::Timestamp;

use super::chunk::{self, CHUNK_BYTES_MAX, Header, Kind};
use super::{ATTEMPT_BYTES_MAX, SEGMENT_BYTES, Source, Stream};
use crate::error::StoreError;
use crate::operation::{LogPosition, LogRange};

/// Bytes that wait in memory before a flush happens by itself: a system call for each read of a pipe would cost as
/// much as the read.
const BUFFER_BYTES: usize = 256 << 10;

/// The end of an attempt's output that is kept in memory once its middle is being dropped: some thousand lines, for
/// the error message that comes last.
const END_BYTES: usize = 64 << 10;

/// Where segments are written.
pub(super) trait Medium {
    /// Writes at `offset`, which is the end of the segment; the first bytes create it.
    fn write(&mut self, segment: u32, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Cuts a segment to `length`, to undo a write that was not completed.
    fn cut(&mut self, segment: u32, length: u64) -> io::Result<()>;

    /// Lets a segment survive loss of power.
    fn sync(&mut self, segment: u32) -> io::Result<()>;
}

/// Collects chunks, bounds attempts and fills segments.
pub(super) struct Writer<M> {
    medium: M,
    segment: u32,
    /// The length of the segment as far as it was handed to the medium.
    written: u64,
    buffer: Vec<u8>,
    attempts: HashMap<Source, Attempt>,
    attempt_bytes_max: u64,
    /// A segment that holds bytes that may not survive loss of power: the current one or, at first, the last one of
    /// an earlier owner.
    unsynced: Option<u32>,
    is_poisoned: bool,
}

#[derive(Default)]
struct Attempt {
    ranges: Vec<LogRange>,
    bytes: u64,
    dropping: Option<Dropping>,
}

#[derive(Default)]
struct Dropping {
    end: VecDeque<(Stream, Timestamp, Vec<u8>)>,
    end_bytes: usize,
    dropped: u64,
}

impl<M: Medium> Writer<M> {
    /// Begins at `start`. `unsynced` is a segment of an earlier owner that the first sync is to include.
    pub(super) fn new(medium: M, start: LogPosition, unsynced: Option<u32>) -> Self {
        Self {
            medium,
            segment: start.segment,
            written: start.offset,
            buffer: Vec::new(),
            attempts: HashMap::new(),
            attempt_bytes_max: ATTEMPT_BYTES_MAX,
            unsynced,
            is_poisoned: false,
        }
    }

    pub(super) fn bound_attempts(&mut self, bytes_max: u64) {
        self.attempt_bytes_max = bytes_max.max(2 * END_BYTES as u64);
    }

    pub(super) fn position(&self) -> LogPosition {
        LogPosition { segment: self.segment, offset: self.written + self.buffer.len() as u64 }
    }

    pub(super) fn append(
        &mut self,
        source: Source,
        stream: Stream,
        at: Timestamp,
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.make_room()?;
        let attempt = self.attempts.entry(source).or_default();
        let begin_max = self.attempt_bytes_max - END_BYTES as u64;
        let room = usize::try_from(begin_max.saturating_sub(attempt.bytes)).unwrap_or(usize::MAX);
        let (begin, rest) = bytes.split_at(bytes.len().min(room));
        attempt.bytes += begin.len() as u64;
        let is_first_drop = !rest.is_empty() && attempt.dropping.is_none();
        if !rest.is_empty() {
            attempt.dropping.get_or_insert_default().push(stream, at, rest);
        }
        for piece in begin.chunks(CHUNK_BYTES_MAX) {
            self.chunk(&Header { source, at, kind: Kind::Output(stream) }, piece);
        }
        if is_first_drop {
            self.chunk(&Header { source, at, kind: Kind::Dropping }, &[]);
        }
        Ok(())
    }

    pub(super) fn finish(&mut self, source: Source, at: Timestamp) -> Result<Vec<LogRange>, StoreError> {
        self.make_room()?;
        let dropping = self.attempts.get_mut(&source).and_then(|attempt| attempt.dropping.take());
        if let Some(Dropping { end, dropped, .. }) = dropping {
            self.chunk(&Header { source, at, kind: Kind::Dropped }, &dropped.to_le_bytes());
            for (stream, at, bytes) in end {
                self.chunk(&Header { source, at, kind: Kind::Output(stream) }, &bytes);
            }
        }
        Ok(self.attempts.remove(&source).map(|attempt| attempt.ranges).unwrap_or_default())
    }

    /// Flushes when much is waiting and begins the next segment when this one is full. After an error nothing has
    /// changed.
    fn make_room(&mut self) -> Result<(), StoreError> {
        if self.position().offset >= SEGMENT_BYTES {
            self.sync()?;
            self.segment += 1;
            self.written = 0;
        }
        if self.buffer.len() >= BUFFER_BYTES { self.flush() } else { Ok(()) }
    }

    fn chunk(&mut self, header: &Header, bytes: &[u8]) {
        let start = self.position().offset;
        chunk::write(&mut self.buffer, header, bytes);
        let range = LogRange { segment: self.segment, start, end: self.position().offset };
        let ranges = &mut self.attempts.entry(header.source).or_default().ranges;
        match ranges.last_mut().filter(|last| last.segment == range.segment) {
            Some(last) => last.end = range.end,
            None => ranges.push(range),
        }
    }

    pub(super) fn flush(&mut self) -> Result<(), StoreError> {
        if self.is_poisoned {
            return Err(StoreError::Poisoned);
        }
        if self.buffer.is_empty() {
            return Ok(());
        }
        if self.unsynced.is_some_and(|segment| segment != self.segment) {
            self.sync_medium()?;
        }
        if let Err(error) = self.medium.write(self.segment, self.written, &self.buffer) {
            // What was written in part would look like a torn chunk in the middle of the segment.
            self.is_poisoned = self.medium.cut(self.segment, self.written).is_err();
            return Err(StoreError::io("cannot write a log segment", error));
        }
        self.unsynced = Some(self.segment);
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    pub(super) fn sync(&mut self) -> Result<(), StoreError> {
        self.flush()?;
        self.sync_medium()
    }

    fn sync_medium(&mut self) -> Result<(), StoreError> {
        let Some(segment) = self.unsynced else { return Ok(()) };
        if let Err(error) = self.medium.sync(segment) {
            self.is_poisoned = true;
            return Err(StoreError::Io { doing: "cannot sync a log segment".to_owned(), source: error });
        }
        self.unsynced = None;
        Ok(())
    }
}

impl Dropping {
    /// Keeps the end, drops what is before it and counts that.
    fn push(&mut self, stream: Stream, at: Timestamp, bytes: &[u8]) {
        let kept = &bytes[bytes.len().saturating_sub(END_BYTES)..];
        self.dropped += (bytes.len() - kept.len()) as u64;
        self.end.push_back((stream, at, kept.to_vec()));
        self.end_bytes += kept.len();
        while self.end_bytes > END_BYTES {
            let Some((_, _, first)) = self.end.front_mut() else { break };
            let surplus = (self.end_bytes - END_BYTES).min(first.len());
            first.drain(..surplus);
            self.end_bytes -= surplus;
            self.dropped += surplus as u64;
            if first.is_empty() {
                self.end.pop_front();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use myrmex_model::id::FencingToken;

    use super::*;
    use crate::batch::LogId;

    const A: Source = Source { log: LogId(0), token: FencingToken(1) };

    /// A disk with room for `room` bytes, whose next sync may fail.
    #[derive(Default)]
    struct Disk {
        segments: HashMap<u32, Vec<u8>>,
        room: usize,
        is_broken: bool,
    }

    impl Medium for Disk {
        fn write(&mut self, segment: u32, offset: u64, bytes: &[u8]) -> io::Result<()> {
            let held = self.segments.entry(segment).or_default();
            assert_eq!(held.len() as u64, offset);
            let fitting = bytes.len().min(self.room.saturating_sub(held.len()));
            held.extend_from_slice(&bytes[..fitting]);
            if fitting < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
        }

        fn cut(&mut self, segment: u32, length: u64) -> io::Result<()> {
            self.segments.entry(segment).or_default().truncate(usize::try_from(length).unwrap());
            Ok(())
        }

        fn sync(&mut self, _: u32) -> io::Result<()> {
            if self.is_broken { Err(io::Error::other("broken")) } else { Ok(()) }
        }
    }

    fn say(writer: &mut Writer<Disk>, bytes: &[u8]) -> Result<(), StoreError> {
        writer.append(A, Stream::Stdout, Timestamp(0), bytes)
    }

    #[test]
    fn a_full_disk_leaves_no_torn_chunk_and_loses_nothing() {
        let mut writer = Writer::new(Disk { room: 50, ..Disk::default() }, LogPosition::START, None);
        say(&mut writer, b"first").unwrap();
        writer.sync().unwrap();
        say(&mut writer, b"second").unwrap();
        for _ in 0..2 {
            assert!(matches!(writer.flush(), Err(StoreError::Full)));
            assert_eq!(writer.medium.segments[&1].len(), 37);
        }
        writer.medium.room = 1_000;
        writer.sync().unwrap();
        assert_eq!(writer.medium.segments[&1].len(), 37 + 38);
        let ranges = writer.finish(A, Timestamp(0)).unwrap();
        assert_eq!(ranges, [LogRange { segment: 1, start: 0, end: 75 }]);
    }

    #[test]
    fn a_failed_sync_is_never_tried_again() {
        let mut writer =
            Writer::new(Disk { room: 1_000, is_broken: true, ..Disk::default() }, LogPosition::START, None);
        say(&mut writer, b"first").unwrap();
        assert!(matches!(writer.sync(), Err(StoreError::Io { .. })));
        writer.medium.is_broken = false;
        assert!(matches!(writer.sync(), Err(StoreError::Poisoned)));
    }

    #[test]
    fn a_full_segment_is_followed_by_another() {
        let start = LogPosition { segment: 4, offset: SEGMENT_BYTES - 10 };
        let mut disk = Disk { room: usize::MAX, ..Disk::default() };
        disk.segments.insert(4, vec![0; usize::try_from(start.offset).unwrap()]);
        let mut writer = Writer::new(disk, start, None);
        say(&mut writer, b"over the end").unwrap();
        say(&mut writer, b"next").unwrap();
        let ranges = writer.finish(A, Timestamp(0)).unwrap();
        assert_eq!(ranges.iter().map(|range| range.segment).collect::<Vec<_>>(), [4, 5]);
        assert_eq!(ranges[1], LogRange { segment: 5, start: 0, end: 36 });
    }
}
