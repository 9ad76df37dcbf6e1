//! Cases of the log segments.

use std::fmt::Write as _;

use myrmex_model::id::FencingToken;
use myrmex_model::time::Timestamp;

use crate::batch::LogId;
use crate::error::StoreError;
use crate::operation::{LogPosition, LogRange};
use crate::segments::{LogReader, LogStore, Piece, Source, Stream};

/// Log segments under test.
pub trait LogSubject {
    /// Opens the segments, as a new process would. The ones that were opened before have been dropped.
    fn open(&mut self) -> Box<dyn LogStore>;

    /// Opens segments that let an attempt write at most `bytes_max`.
    fn open_bounded(&mut self, bytes_max: u64) -> Box<dyn LogStore>;

    /// Changes the bytes of a segment behind the store's back.
    fn change(&mut self, segment: u32, change: &mut dyn FnMut(&mut Vec<u8>));

    /// Returns how many segments there are.
    fn segments(&mut self) -> usize;
}

const A: Source = Source { log: LogId(0), token: FencingToken(1 << 32) };
const B: Source = Source { log: LogId(0), token: FencingToken((1 << 32) + 1) };
const AT: Timestamp = Timestamp(1_000);

fn say(store: &mut dyn LogStore, source: Source, text: &str) {
    store.append(source, Stream::Stdout, AT, text.as_bytes()).expect("there is room");
}

fn end(store: &mut dyn LogStore, source: Source) -> Vec<LogRange> {
    let ranges = store.finish(source, AT).expect("there is room");
    store.sync().expect("there is room");
    ranges
}

/// Shows pieces in one line: output as it is, what is missing in parentheses, damage as `!`.
fn shown(reader: &dyn LogReader, ranges: Vec<LogRange>, source: Source) -> String {
    let mut text = String::new();
    for piece in reader.read(ranges, source) {
        match piece {
            Ok(Piece::Output { bytes, .. }) => text.push_str(&String::from_utf8_lossy(&bytes)),
            Ok(Piece::Dropped { bytes: Some(bytes) }) => write!(text, "({bytes})").expect("text grows"),
            Ok(Piece::Dropped { bytes: None }) => text.push_str("(?)"),
            Err(StoreError::Damaged { .. }) => text.push('!'),
            Err(error) => panic!("{error}"),
        }
    }
    text
}

/// Interleaved attempts are read apart, with stream and time.
pub fn output_is_read_back_by_attempt(subject: &mut dyn LogSubject) {
    let mut store = subject.open();
    say(&mut *store, A, "a1 ");
    say(&mut *store, B, "b1 ");
    store.append(A, Stream::Stderr, Timestamp(2_000), b"a2").expect("there is room");
    say(&mut *store, B, "b2");
    let (of_a, of_b) = (end(&mut *store, A), end(&mut *store, B));
    let reader = store.reader();
    assert_eq!(shown(&*reader, of_b, B), "b1 b2");
    let pieces: Vec<_> = reader.read(of_a, A).map(|piece| piece.expect("undamaged")).collect();
    let piece = |stream, at, text: &str| Piece::Output { stream, at, bytes: text.as_bytes().to_vec() };
    assert_eq!(pieces, [piece(Stream::Stdout, AT, "a1 "), piece(Stream::Stderr, Timestamp(2_000), "a2")]);
}

/// An attempt without output has no range, and a store without output has no segment.
pub fn nothing_written_is_nothing_stored(subject: &mut dyn LogSubject) {
    let mut store = subject.open();
    store.append(A, Stream::Stdout, AT, b"").expect("nothing to do");
    assert!(end(&mut *store, A).is_empty());
    store.flush().expect("nothing to do");
    assert_eq!(store.position(), LogPosition::START);
    assert_eq!(subject.segments(), 0);
}

/// What was flushed when a process died is found from the position that its grants name, and may be committed.
pub fn flushed_output_of_a_lost_attempt_is_found(subject: &mut dyn LogSubject) {
    let mut store = subject.open();
    say(&mut *store, A, "before");
    end(&mut *store, A);
    let from = store.position();
    say(&mut *store, B, "lost ");
    store.flush().expect("there is room");
    say(&mut *store, B, "attempt");
    store.flush().expect("there is room");
    say(&mut *store, B, "never flushed");
    drop(store);
    let mut store = subject.open();
    let tail = store.reader().scan_tail(from).expect("readable");
    assert!(tail.damaged.is_empty());
    let ranges: Vec<_> = tail.ranges.iter().map(|(source, range)| (*source, *range)).collect();
    assert!(matches!(ranges[..], [(B, _)]), "{ranges:?}");
    store.sync().expect("what is found can be made durable");
    assert_eq!(shown(&*store.reader(), vec![ranges[0].1], B), "lost attempt");
    say(&mut *store, A, "after");
    let ranges = end(&mut *store, A);
    assert_eq!(shown(&*store.reader(), ranges, A), "after");
}

/// A chunk that was not written whole is passed over; everything before it is found.
pub fn a_torn_chunk_ends_the_tail(subject: &mut dyn LogSubject) {
    for lost in [1, 10, 35] {
        let mut store = subject.open();
        let from = store.position();
        say(&mut *store, A, "whole");
        say(&mut *store, A, "torn");
        store.sync().expect("there is room");
        drop(store);
        subject.change(from.segment, &mut |bytes| bytes.truncate(bytes.len() - lost));
        let mut store = subject.open();
        let tail = store.reader().scan_tail(from).expect("readable");
        assert_eq!(tail.ranges.len(), 1, "{tail:?}");
        assert_eq!(shown(&*store.reader(), vec![tail.ranges[0].1], A), "whole");
        say(&mut *store, B, "next");
        let ranges = end(&mut *store, B);
        assert_eq!(shown(&*store.reader(), ranges, B), "next");
        let tail = store.reader().scan_tail(from).expect("readable");
        assert!(tail.damaged.is_empty(), "{tail:?}");
        assert_eq!(tail.ranges.len(), 2, "{tail:?}");
    }
}

/// A changed byte anywhere is reported in its place, and reading goes on behind it.
pub fn a_damaged_chunk_is_reported_and_passed(subject: &mut dyn LogSubject) {
    let mut store = subject.open();
    say(&mut *store, A, "one ");
    let damaged = usize::try_from(store.position().offset).expect("a small offset");
    say(&mut *store, A, "two ");
    say(&mut *store, A, "three");
    let ranges = end(&mut *store, A);
    let reader = store.reader();
    // Not the length (28 to 30): a wrong one may reach past the range and then hides what follows.
    for byte in (0..28).chain(31..35) {
        subject.change(1, &mut |bytes| bytes[damaged + byte] ^= 0x10);
        assert_eq!(shown(&*reader, ranges.clone(), A), "one !three", "byte {byte}");
        assert_eq!(reader.scan_tail(LogPosition::START).expect("readable").damaged.len(), 1);
        subject.change(1, &mut |bytes| bytes[damaged + byte] ^= 0x10);
    }
    for byte in 28..31 {
        subject.change(1, &mut |bytes| bytes[damaged + byte] ^= 0x03);
        assert!(shown(&*reader, ranges.clone(), A).starts_with("one !"), "byte {byte}");
        subject.change(1, &mut |bytes| bytes[damaged + byte] ^= 0x03);
    }
}

/// Beyond its bound an attempt keeps its beginning and its end, and a mark says how much is missing between.
pub fn an_attempt_keeps_its_beginning_and_its_end(subject: &mut dyn LogSubject) {
    let bound = 200_000;
    let mut store = subject.open_bounded(bound);
    let line = |index: u32| format!("{index:09}\n");
    let lines = 100_000;
    for index in 0..lines {
        say(&mut *store, A, &line(index));
        if index % 1_000 == 0 {
            say(&mut *store, B, "b");
        }
    }
    let ranges = end(&mut *store, A);
    let text = shown(&*store.reader(), ranges, A);
    let (begin, rest) = text.split_once('(').expect("a mark");
    let (count, rest) = rest.split_once(')').expect("a mark");
    assert!(begin.starts_with(&line(0)) && rest.ends_with(&line(lines - 1)));
    let kept = (begin.len() + rest.len()) as u64;
    assert_eq!(kept, bound);
    assert_eq!(kept + count.parse::<u64>().expect("a number"), u64::from(lines) * 10);
    let ranges = end(&mut *store, B);
    assert_eq!(shown(&*store.reader(), ranges, B), "b".repeat(100));
}

/// If the process dies while output is being dropped, the reader is told that bytes are missing.
pub fn a_loss_in_the_middle_of_dropping_is_marked(subject: &mut dyn LogSubject) {
    let mut store = subject.open_bounded(0);
    for _ in 0..20 {
        say(&mut *store, A, &"x".repeat(10_000));
    }
    store.flush().expect("there is room");
    drop(store);
    let store = subject.open();
    let tail = store.reader().scan_tail(LogPosition::START).expect("readable");
    let text = shown(&*store.reader(), vec![tail.ranges[0].1], A);
    assert!(text.starts_with("xxx") && text.ends_with("x(?)"), "{}", text.len());
}

/// Partitions count their tokens apart.
pub fn the_same_token_of_two_logs_is_two_attempts(subject: &mut dyn LogSubject) {
    let mut store = subject.open();
    let twin = Source { log: LogId(1), ..A };
    say(&mut *store, A, "first");
    say(&mut *store, twin, "second");
    let (of_a, of_twin) = (end(&mut *store, A), end(&mut *store, twin));
    assert_eq!(shown(&*store.reader(), of_a, A), "first");
    assert_eq!(shown(&*store.reader(), of_twin, twin), "second");
}

/// One long append comes back whole.
pub fn output_longer_than_a_chunk_is_whole(subject: &mut dyn LogSubject) {
    let mut store = subject.open();
    let mut text = String::new();
    (0..300_000).for_each(|index| write!(text, "{index} ").expect("text grows"));
    say(&mut *store, A, &text);
    let ranges = end(&mut *store, A);
    assert!(shown(&*store.reader(), ranges, A) == text);
}
