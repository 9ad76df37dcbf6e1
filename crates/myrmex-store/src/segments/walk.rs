//! Walking along the chunks of segments, past what is torn or damaged.

use std::collections::BTreeMap;
use std::io;

use super::chunk::{CHUNK_BYTES_MAX, Claim, HEADER_BYTES, Header, Kind, MAGIC, SUMMED_FROM};
use super::sums::Sums;
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
    /// Whether there is nothing behind the window.
    is_window_last: bool,
    /// From the first thing on that is no chunk: a task may have printed any number of headers that claim the same bytes,
    /// so no byte may be gone through once for each of them.
    sums: Option<Sums>,
    bytes: std::ops::Range<usize>,
}

impl<'a, S: Shelf> Walk<'a, S> {
    pub(super) fn new(shelf: &'a S, range: LogRange) -> Self {
        let LogRange { segment, start, end } = range;
        Self {
            shelf,
            segment,
            offset: start,
            end,
            window: Vec::new(),
            window_start: start,
            is_window_last: false,
            sums: None,
            bytes: 0..0,
        }
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
                self.sums.get_or_insert_default();
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
        self.sums.get_or_insert_default();
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
        if self.window.len() < start + length {
            return Ok(Found::Short);
        }
        let Some(header) = claim.header else { return Ok(Found::Other(length)) };
        let stretch = start + SUMMED_FROM..start + length;
        let is_whole = match &mut self.sums {
            Some(sums) => sums.has(&self.window, stretch, claim.checksum),
            None => crc32fast::hash(&self.window[stretch]) == claim.checksum,
        };
        Ok(if is_whole { Found::Chunk(header, length) } else { Found::Other(length) })
    }

    /// Lets the window hold `length` bytes from `offset`, or all up to the end if there are fewer.
    fn fill(&mut self, offset: u64, length: usize) -> Result<(), StoreError> {
        let held = self.window_start + self.window.len() as u64;
        if offset >= self.window_start && (self.is_window_last || offset + length as u64 <= held) {
            return Ok(());
        }
        self.sums.iter_mut().for_each(Sums::clear);
        let wanted =
            usize::try_from(self.end.saturating_sub(offset)).unwrap_or(WINDOW_BYTES).min(WINDOW_BYTES);
        self.window.resize(wanted, 0);
        self.window_start = offset;
        let read = self.shelf.read_at(self.segment, offset, &mut self.window);
        let read =
            read.map_err(|error| StoreError::io(format!("cannot read log segment {}", self.segment), error));
        self.window.truncate(*read.as_ref().unwrap_or(&0));
        let read = read? as u64;
        self.is_window_last = read < wanted as u64 || offset + read >= self.end;
        Ok(())
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

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use myrmex_model::id::FencingToken;
    use myrmex_model::time::Timestamp;

    use super::super::{Stream, chunk};
    use super::*;
    use crate::batch::LogId;

    /// One segment that counts what is read of it.
    struct Counted {
        bytes: Vec<u8>,
        read: Cell<usize>,
    }

    impl Shelf for Counted {
        fn read_at(&self, _: u32, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
            let rest = self.bytes.get(offset.try_into().unwrap()..).unwrap_or_default();
            let length = rest.len().min(buffer.len());
            buffer[..length].copy_from_slice(&rest[..length]);
            self.read.set(self.read.get() + length);
            Ok(length)
        }

        fn length(&self, _: u32) -> io::Result<u64> {
            Ok(self.bytes.len() as u64)
        }

        fn last(&self) -> io::Result<u32> {
            Ok(1)
        }

        fn name(&self, segment: u32) -> String {
            segment.to_string()
        }
    }

    /// A header that claims the longest chunk and has a wrong checksum.
    fn lie() -> Vec<u8> {
        let source = Source { log: LogId(1), token: FencingToken(1) };
        let header = Header { source, at: Timestamp(1), kind: Kind::Output(Stream::Stdout) };
        let mut bytes = Vec::new();
        chunk::write(&mut bytes, &header, &vec![0; CHUNK_BYTES_MAX]);
        bytes.truncate(HEADER_BYTES);
        bytes[4..8].fill(0);
        bytes
    }

    /// A whole chunk of `text`.
    fn chunk_of(text: &[u8]) -> Vec<u8> {
        let source = Source { log: LogId(1), token: FencingToken(2) };
        let header = Header { source, at: Timestamp(2), kind: Kind::Output(Stream::Stderr) };
        let mut bytes = Vec::new();
        chunk::write(&mut bytes, &header, text);
        bytes
    }

    /// Walks to the end and checks that no byte was gone through more often than a few times. Returns where whole chunks
    /// stand, and where damage and torn ends do.
    fn walked(bytes: Vec<u8>) -> (Vec<u64>, Vec<u64>, Vec<u64>) {
        let length = bytes.len();
        let shelf = Counted { bytes, read: Cell::new(0) };
        let mut walk = Walk::new(&shelf, LogRange { segment: 1, start: 0, end: length as u64 });
        let (mut whole, mut damaged, mut torn) = (Vec::new(), Vec::new(), Vec::new());
        loop {
            match walk.step().unwrap() {
                Step::Chunk(range, _) => whole.push(range.start),
                Step::Damaged(place) => damaged.push(place.offset),
                Step::Torn(place) => torn.push(place.offset),
                Step::End => break,
            }
        }
        let summed = walk.sums.map_or(0, |sums| sums.summed);
        assert!(shelf.read.get() <= 4 * length + WINDOW_BYTES, "{} of {length} bytes read", shelf.read.get());
        assert!(summed <= 10 * length + WINDOW_BYTES, "{summed} bytes summed of {length}");
        (whole, damaged, torn)
    }

    #[test]
    fn headers_that_all_claim_the_same_bytes_cost_a_few_looks_at_each_byte() {
        let (whole, damaged, torn) = walked(lie().repeat((3 << 20) / HEADER_BYTES));
        assert_eq!((whole, damaged, torn), (vec![], vec![], vec![0]));
    }

    #[test]
    fn a_chunk_behind_any_number_of_such_headers_is_found() {
        let mut bytes = chunk_of(b"before");
        let lies = bytes.len() as u64;
        bytes.extend(lie().repeat((3 << 20) / HEADER_BYTES));
        let behind = bytes.len() as u64;
        bytes.extend(chunk_of(&vec![7; CHUNK_BYTES_MAX]));
        let cut = bytes.len() as u64;
        bytes.extend(&chunk_of(b"cut off")[..HEADER_BYTES + 3]);
        assert_eq!(walked(bytes), (vec![0, behind], vec![lies], vec![cut]));
    }

    #[test]
    fn whole_chunks_among_such_headers_are_all_found() {
        // Of such a length that what a header claims does not end where a whole chunk begins: that would be believed.
        let pair = [lie(), chunk_of(b"abc")].concat();
        let count = (1 << 20) / pair.len();
        let mut bytes = pair.repeat(count);
        bytes.extend(vec![0; CHUNK_BYTES_MAX]);
        let (whole, damaged, torn) = walked(bytes);
        assert_eq!((whole.len(), damaged.len()), (count, count));
        assert_eq!(torn, [(count * pair.len()) as u64]);
    }
}
