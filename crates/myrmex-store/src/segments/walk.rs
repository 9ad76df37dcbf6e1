//! Walking along the chunks of segments, past what is torn or damaged.

use std::collections::BTreeMap;
use std::io;

use super::chunk::{CHUNK_BYTES_MAX, Claim, HEADER_BYTES, Header, Kind, MAGIC};
use super::{Piece, Source, Tail};
use crate::error::StoreError;
use crate::operation::{LogPosition, LogRange};

/// Bytes that are read at a time. Holds the longest chunk.
const WINDOW_BYTES: usize = 1 << 20;

const _: () = assert!(WINDOW_BYTES >= HEADER_BYTES + CHUNK_BYTES_MAX);

/// Where segments lie, for reading.
pub(super) trait Shelf {
    /// Reads up to `buffer.len()` bytes at `offset`; fewer only at the segment's end, none if there is no segment.
    fn read_at(&self, segment: u32, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// Returns the length of a segment; 0 if there is none.
    fn length(&self, segment: u32) -> io::Result<u64>;

    /// Returns the number of the last segment; 0 if there is none.
    fn last(&self) -> io::Result<u32>;

    /// Returns what people find a segment by.
    fn name(&self, segment: u32) -> String;
}

/// What stands at a place of a segment.
pub(super) enum Step {
    /// A whole chunk. Its bytes are [`Walk::bytes`].
    Chunk(LogRange, Header),
    /// Something else, up to the next whole chunk.
    Damaged(LogPosition),
    /// A chunk that is not complete, or nothing that is a chunk up to the end.
    Torn(LogPosition),
    /// The end.
    End,
}

/// A walk along one stretch of one segment.
pub(super) struct Walk<'a, S> {
    shelf: &'a S,
    segment: u32,
    offset: u64,
    end: u64,
    window: Vec<u8>,
    window_start: u64,
    bytes: std::ops::Range<usize>,
}

impl<'a, S: Shelf> Walk<'a, S> {
    pub(super) fn new(shelf: &'a S, range: LogRange) -> Self {
        let LogRange { segment, start, end } = range;
        Self { shelf, segment, offset: start, end, window: Vec::new(), window_start: start, bytes: 0..0 }
    }

    /// Returns the bytes of the chunk that the last step found.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.window[self.bytes.clone()]
    }

    pub(super) fn step(&mut self) -> Result<Step, StoreError> {
        if self.offset >= self.end {
            return Ok(Step::End);
        }
        let place = LogPosition { segment: self.segment, offset: self.offset };
        match self.chunk_at(self.offset)? {
            Found::Chunk(header, length) => {
                let from = self.within(self.offset);
                self.bytes = from + HEADER_BYTES..from + length;
                let start = self.offset;
                self.offset += length as u64;
                Ok(Step::Chunk(LogRange { segment: self.segment, start, end: self.offset }, header))
            }
            Found::Short => {
                self.offset = self.end;
                Ok(Step::Torn(place))
            }
            Found::Other(length) => {
                // A task may print what looks like a chunk, so the length in the header is believed first.
                let behind = self.offset + length as u64;
                let is_chunk =
                    length > 0 && (behind == self.end || matches!(self.chunk_at(behind)?, Found::Chunk(..)));
                let next = if is_chunk { Some(behind) } else { self.search(self.offset + 1)? };
                self.offset = next.unwrap_or(self.end);
                Ok(if next.is_some() { Step::Damaged(place) } else { Step::Torn(place) })
            }
        }
    }

    /// Looks for a whole chunk at `from` or later, up to the end of the stretch.
    pub(super) fn search(&mut self, from: u64) -> Result<Option<u64>, StoreError> {
        let mut offset = from;
        loop {
            self.fill(offset, MAGIC.len())?;
            let start = self.within(offset);
            let rest = self.window.get(start..).unwrap_or_default();
            if rest.len() < MAGIC.len() {
                return Ok(None);
            }
            match rest.windows(MAGIC.len()).position(|bytes| bytes == MAGIC) {
                Some(found) => {
                    offset += found as u64;
                    if matches!(self.chunk_at(offset)?, Found::Chunk(..)) {
                        return Ok(Some(offset));
                    }
                    offset += 1;
                }
                // The last three bytes may begin a magic number that goes on behind the window.
                None => offset += (rest.len() - (MAGIC.len() - 1)) as u64,
            }
        }
    }

    fn chunk_at(&mut self, offset: u64) -> Result<Found, StoreError> {
        self.fill(offset, HEADER_BYTES)?;
        let start = self.within(offset);
        let Some(header) = self.window.get(start..).and_then(|rest| rest.first_chunk()) else {
            return Ok(Found::Short);
        };
        let Some(claim) = Claim::read(header) else { return Ok(Found::Other(0)) };
        let length = HEADER_BYTES + claim.length;
        self.fill(offset, length)?;
        let start = self.within(offset);
        let Some(chunk) = self.window.get(start..start + length) else { return Ok(Found::Short) };
        Ok(claim.check(chunk).map_or(Found::Other(length), |header| Found::Chunk(header, length)))
    }

    /// Lets the window hold `length` bytes from `offset`, or all up to the end if there are fewer.
    fn fill(&mut self, offset: u64, length: usize) -> Result<(), StoreError> {
        let held = self.window_start + self.window.len() as u64;
        if offset >= self.window_start && offset + length as u64 <= held {
            return Ok(());
        }
        let wanted =
            usize::try_from(self.end.saturating_sub(offset)).unwrap_or(WINDOW_BYTES).min(WINDOW_BYTES);
        self.window.resize(wanted, 0);
        self.window_start = offset;
        let read = self.shelf.read_at(self.segment, offset, &mut self.window);
        let read =
            read.map_err(|error| StoreError::io(format!("cannot read log segment {}", self.segment), error));
        self.window.truncate(*read.as_ref().unwrap_or(&0));
        read.map(drop)
    }

    fn within(&self, offset: u64) -> usize {
        usize::try_from(offset - self.window_start).unwrap_or(usize::MAX)
    }
}

enum Found {
    Chunk(Header, usize),
    /// The segment ends before the chunk does.
    Short,
    /// No chunk; the number is the length that a header claims, 0 if there is no header.
    Other(usize),
}

/// Walks along ranges and picks what one attempt wrote.
pub(super) struct Reading<'a, S> {
    shelf: &'a S,
    ranges: std::vec::IntoIter<LogRange>,
    walk: Option<Walk<'a, S>>,
    source: Source,
    /// A beginning of dropped output whose count has not been seen.
    is_dropping: bool,
}

impl<'a, S: Shelf> Reading<'a, S> {
    pub(super) fn new(shelf: &'a S, ranges: Vec<LogRange>, source: Source) -> Self {
        Self { shelf, ranges: ranges.into_iter(), walk: None, source, is_dropping: false }
    }

    fn piece(&mut self, header: Header) -> Option<Piece> {
        let bytes = self.walk.as_ref().map_or(&[][..], Walk::bytes);
        match header.kind {
            Kind::Output(stream) => Some(Piece::Output { stream, at: header.at, bytes: bytes.to_vec() }),
            Kind::Dropping => {
                self.is_dropping = true;
                None
            }
            Kind::Dropped => {
                self.is_dropping = false;
                Some(Piece::Dropped { bytes: bytes.try_into().ok().map(u64::from_le_bytes) })
            }
        }
    }
}

impl<S: Shelf> Iterator for Reading<'_, S> {
    type Item = Result<Piece, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some(walk) = &mut self.walk else {
                let Some(range) = self.ranges.next() else {
                    return std::mem::take(&mut self.is_dropping)
                        .then_some(Ok(Piece::Dropped { bytes: None }));
                };
                self.walk = Some(Walk::new(self.shelf, range));
                continue;
            };
            match walk.step() {
                Ok(Step::Chunk(_, header)) if header.source == self.source => {
                    if let Some(piece) = self.piece(header) {
                        return Some(Ok(piece));
                    }
                }
                Ok(Step::Chunk(..)) => {}
                // What a commit names was whole, so a torn chunk is damage here.
                Ok(Step::Damaged(place) | Step::Torn(place)) => return Some(Err(damage(self.shelf, place))),
                Ok(Step::End) => self.walk = None,
                Err(error) => {
                    self.walk = None;
                    return Some(Err(error));
                }
            }
        }
    }
}

fn damage<S: Shelf>(shelf: &S, place: LogPosition) -> StoreError {
    let LogPosition { segment, offset } = place;
    let what = match shelf.length(segment) {
        Ok(0) => "output of tasks is missing".to_owned(),
        Ok(length) if length <= offset => format!("output of tasks is cut off at byte {length}"),
        Ok(_) | Err(_) => format!("output of tasks is not as it was written from byte {offset} on"),
    };
    StoreError::damaged(what, shelf.name(segment))
}

/// Finds everything that was written at `from` and later.
pub(super) fn scan<S: Shelf>(shelf: &S, from: LogPosition) -> Result<Tail, StoreError> {
    let failed = |error| StoreError::io("cannot read the log segments", error);
    let mut tail = Tail::default();
    for segment in from.segment..=shelf.last().map_err(failed)? {
        let start = if segment == from.segment { from.offset } else { 0 };
        let end = shelf.length(segment).map_err(failed)?;
        let mut walk = Walk::new(shelf, LogRange { segment, start, end });
        let mut ranges: BTreeMap<Source, LogRange> = BTreeMap::new();
        loop {
            match walk.step()? {
                Step::Chunk(range, header) => {
                    ranges.entry(header.source).or_insert(range).end = range.end;
                }
                Step::Damaged(place) => tail.damaged.push(place),
                Step::Torn(place) => tail.torn.push(place),
                Step::End => break,
            }
        }
        tail.ranges.extend(ranges);
    }
    tail.ranges.sort_unstable();
    Ok(tail)
}
