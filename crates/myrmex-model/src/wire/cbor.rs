//! The part of CBOR (RFC 8949) that stored forms are made of: numbers, texts, bytes, lists and maps with small numbers as keys.
//!
//! Everything has one form: lengths stand in front, numbers are as short as they can be, the keys of a map ascend. A [`Reader`]
//! refuses whatever else there is, says at which byte, and asks for no more memory than a small multiple of what it
//! reads. Any CBOR tool shows
//! what is stored.
//!
//! A map is read key by key, and [`Reader::skip`] passes over whatever a later release may have put under a key that is not
//! known here: it knows all of CBOR but for lengths that are not said.

use super::WireError;

const UNSIGNED: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const LIST: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;
const SIMPLE: u8 = 7;

/// The first byte of `true`; nothing is ever written that is false.
const TRUE: u8 = SIMPLE << 5 | 0x15;

/// The most fields of a map: so many need no further byte for their count, which is written when they are known.
const FIELDS_MAX: u8 = 23;

/// Bytes that are asked for at once: most events need fewer.
const USUAL_BYTES: usize = 96;

/// Writes a map with the fields that `write` gives it.
pub(super) fn map(write: impl FnOnce(&mut Fields)) -> Vec<u8> {
    let mut fields = Fields { bytes: Vec::with_capacity(USUAL_BYTES), count: 0, last: None };
    fields.inner(write);
    fields.bytes
}

/// The fields of a map that is being written; keys must ascend.
pub(super) struct Fields {
    bytes: Vec<u8>,
    count: u8,
    /// The key that was written last.
    last: Option<u8>,
}

impl Fields {
    /// Writes a number.
    pub(super) fn unsigned(&mut self, key: u8, number: impl Into<u64>) {
        self.key(key);
        self.head(UNSIGNED, number.into());
    }

    /// Writes a number that may be negative.
    pub(super) fn signed(&mut self, key: u8, number: impl Into<i64>) {
        self.key(key);
        let number = number.into();
        match u64::try_from(number) {
            Ok(number) => self.head(UNSIGNED, number),
            Err(_) => self.head(NEGATIVE, (!number).cast_unsigned()),
        }
    }

    /// Writes that something holds; what does not is absent.
    pub(super) fn flag(&mut self, key: u8, holds: bool) {
        if holds {
            self.key(key);
            self.bytes.push(TRUE);
        }
    }

    /// Writes bytes, such as those of a hash.
    pub(super) fn bytes(&mut self, key: u8, bytes: &[u8]) {
        self.key(key);
        self.head(BYTES, bytes.len() as u64);
        self.bytes.extend_from_slice(bytes);
    }

    /// Writes a text.
    pub(super) fn text(&mut self, key: u8, text: &str) {
        self.key(key);
        self.put_text(text);
    }

    /// Writes a list of texts.
    pub(super) fn texts<'a>(&mut self, key: u8, texts: impl ExactSizeIterator<Item = &'a str>) {
        self.key(key);
        self.head(LIST, texts.len() as u64);
        for text in texts {
            self.put_text(text);
        }
    }

    /// Writes a list of numbers.
    pub(super) fn numbers(&mut self, key: u8, numbers: &[u64]) {
        self.key(key);
        self.head(LIST, numbers.len() as u64);
        for number in numbers {
            self.head(UNSIGNED, *number);
        }
    }

    /// Writes a map with the fields that `write` gives it.
    pub(super) fn map(&mut self, key: u8, write: impl FnOnce(&mut Self)) {
        self.key(key);
        self.inner(write);
    }

    fn inner(&mut self, write: impl FnOnce(&mut Self)) {
        let outer = (std::mem::take(&mut self.count), self.last.take());
        let start = self.bytes.len();
        self.bytes.push(0);
        write(self);
        assert!(self.count <= FIELDS_MAX, "no stored form has so many fields");
        self.bytes[start] = MAP << 5 | self.count;
        (self.count, self.last) = outer;
    }

    fn key(&mut self, key: u8) {
        debug_assert!(self.last.is_none_or(|last| last < key), "key {key} does not ascend");
        self.last = Some(key);
        self.count += 1;
        self.head(UNSIGNED, u64::from(key));
    }

    fn put_text(&mut self, text: &str) {
        self.head(TEXT, text.len() as u64);
        self.bytes.extend_from_slice(text.as_bytes());
    }

    #[expect(clippy::cast_possible_truncation, reason = "each branch takes what fits")]
    fn head(&mut self, major: u8, number: u64) {
        let first = |low: u8| major << 5 | low;
        match number {
            0..24 => self.bytes.push(first(number as u8)),
            24..0x100 => self.bytes.extend_from_slice(&[first(24), number as u8]),
            0x100..0x1_0000 => {
                self.bytes.push(first(25));
                self.bytes.extend_from_slice(&(number as u16).to_be_bytes());
            }
            0x1_0000..0x1_0000_0000 => {
                self.bytes.push(first(26));
                self.bytes.extend_from_slice(&(number as u32).to_be_bytes());
            }
            0x1_0000_0000.. => {
                self.bytes.push(first(27));
                self.bytes.extend_from_slice(&number.to_be_bytes());
            }
        }
    }
}

/// Reads one item after the other.
pub(super) struct Reader<'a> {
    what: &'static str,
    bytes: &'a [u8],
    at: usize,
}

/// The keys of a map that is being read. What stands under a key must be read before the next one is asked for.
pub(super) struct Keys {
    left: u64,
    last: Option<u64>,
}

impl Keys {
    /// Returns the next key; none after the last one.
    pub(super) fn next(&mut self, reader: &mut Reader<'_>) -> Result<Option<u64>, WireError> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        let key = reader.u64()?;
        if self.last.is_some_and(|last| last >= key) {
            return Err(reader.wrong("a field that does not follow the one before it"));
        }
        self.last = Some(key);
        Ok(Some(key))
    }
}

impl<'a> Reader<'a> {
    /// Begins to read `bytes`; `what` says in errors what they are.
    pub(super) fn new(what: &'static str, bytes: &'a [u8]) -> Self {
        Self { what, bytes, at: 0 }
    }

    /// Builds the error that says what stands before the place that was reached.
    pub(super) fn wrong(&self, why: &str) -> WireError {
        WireError::new(self.what, format!("{why} before byte {}", self.at))
    }

    /// Sees to it that everything was read.
    pub(super) fn end(&self) -> Result<(), WireError> {
        if self.at == self.bytes.len() { Ok(()) } else { Err(self.wrong("something stands after the end")) }
    }

    /// Reads the head of a map.
    pub(super) fn map(&mut self) -> Result<Keys, WireError> {
        let left = self.count(MAP, "no map")?;
        Ok(Keys { left, last: None })
    }

    /// Reads the head of a list; so many items follow, each at least a byte.
    pub(super) fn list(&mut self) -> Result<usize, WireError> {
        let count = self.count(LIST, "no list")?;
        usize::try_from(count).map_err(|_| self.wrong("a list without an end"))
    }

    /// Reads a number.
    pub(super) fn u64(&mut self) -> Result<u64, WireError> {
        match self.head()? {
            (UNSIGNED, number) => Ok(number),
            _ => Err(self.wrong("no number")),
        }
    }

    /// Reads a number of a smaller type.
    pub(super) fn small<T: TryFrom<u64>>(&mut self) -> Result<T, WireError> {
        let number = self.u64()?;
        T::try_from(number).map_err(|_| self.wrong("a number that is too large"))
    }

    /// Reads a number that may be negative.
    pub(super) fn i64(&mut self) -> Result<i64, WireError> {
        let (major, number) = self.head()?;
        match (major, i64::try_from(number)) {
            (UNSIGNED, Ok(number)) => Ok(number),
            (NEGATIVE, Ok(number)) => Ok(!number),
            _ => Err(self.wrong("no number that fits")),
        }
    }

    /// Reads that something holds.
    pub(super) fn flag(&mut self) -> Result<bool, WireError> {
        match self.byte()? {
            TRUE => Ok(true),
            _ => Err(self.wrong("a flag that is not set")),
        }
    }

    /// Reads as many bytes as a hash has.
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let (BYTES, length) = self.head()? else { return Err(self.wrong("no bytes")) };
        self.take(length)?.try_into().map_err(|_| self.wrong("a wrong number of bytes"))
    }

    /// Reads a text.
    pub(super) fn text(&mut self) -> Result<&'a str, WireError> {
        let (TEXT, length) = self.head()? else { return Err(self.wrong("no text")) };
        std::str::from_utf8(self.take(length)?).map_err(|_| self.wrong("a text that is not UTF-8"))
    }

    /// Reads a text that is to be kept.
    pub(super) fn string(&mut self) -> Result<String, WireError> {
        self.text().map(str::to_owned)
    }

    /// Reads a list of texts.
    pub(super) fn texts(&mut self) -> Result<Vec<String>, WireError> {
        let count = self.list()?;
        (0..count).map(|_| self.string()).collect()
    }

    /// Returns whether a text comes next.
    pub(super) fn is_text_next(&self) -> bool {
        self.bytes.get(self.at).is_some_and(|first| first >> 5 == TEXT)
    }

    /// Passes over one item, whatever is in it.
    pub(super) fn skip(&mut self) -> Result<(), WireError> {
        let mut left = 1_u64;
        while let Some(rest) = left.checked_sub(1) {
            let (major, number) = self.head()?;
            let inside = match major {
                BYTES | TEXT => self.take(number).map(|_| 0)?,
                LIST => number,
                MAP => number.checked_mul(2).ok_or_else(|| self.wrong("a map without an end"))?,
                TAG => 1,
                _ => 0,
            };
            left = rest.checked_add(inside).ok_or_else(|| self.wrong("a list without an end"))?;
            // Every item has at least a byte.
            if left > self.rest() {
                return Err(self.wrong("more items than bytes"));
            }
        }
        Ok(())
    }

    fn rest(&self) -> u64 {
        (self.bytes.len() - self.at) as u64
    }

    fn count(&mut self, wanted: u8, otherwise: &str) -> Result<u64, WireError> {
        match self.head()? {
            (major, _) if major != wanted => Err(self.wrong(otherwise)),
            (_, count) if count > self.rest() => Err(self.wrong("more items than bytes")),
            (_, count) => Ok(count),
        }
    }

    fn byte(&mut self) -> Result<u8, WireError> {
        let byte = self.bytes.get(self.at).copied().ok_or_else(|| self.wrong("it was cut off"))?;
        self.at += 1;
        Ok(byte)
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], WireError> {
        let end = usize::try_from(length).ok().and_then(|length| self.at.checked_add(length));
        let bytes = end.and_then(|end| self.bytes.get(self.at..end));
        let bytes = bytes.ok_or_else(|| self.wrong("it was cut off"))?;
        self.at += bytes.len();
        Ok(bytes)
    }

    /// Reads the first bytes of an item: of which sort it is, and its number.
    fn head(&mut self) -> Result<(u8, u64), WireError> {
        let first = self.byte()?;
        let (major, low) = (first >> 5, first & 31);
        let number = match low {
            0..24 => return Ok((major, u64::from(low))),
            24..28 => {
                let bytes = self.take(1 << (low - 24))?;
                bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
            }
            _ => return Err(self.wrong("a length that is not said")),
        };
        let shortest = match low {
            24 => 24,
            25 => 1 << 8,
            26 => 1 << 16,
            _ => 1 << 32,
        };
        // What is behind the sort of simple values is the bits of a float.
        if major != SIMPLE && number < shortest {
            return Err(self.wrong("a number that is longer than it has to be"));
        }
        Ok((major, number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(bytes: &[u8]) -> Reader<'_> {
        Reader::new("a test", bytes)
    }

    /// The examples of RFC 8949, appendix A.
    #[test]
    fn numbers_are_written_as_the_standard_says() {
        let signed: [(i64, &[u8]); 10] = [
            (0, &[0x00]),
            (23, &[0x17]),
            (24, &[0x18, 0x18]),
            (100, &[0x18, 0x64]),
            (1_000, &[0x19, 0x03, 0xe8]),
            (1_000_000, &[0x1a, 0x00, 0x0f, 0x42, 0x40]),
            (1_000_000_000_000, &[0x1b, 0, 0, 0, 0xe8, 0xd4, 0xa5, 0x10, 0]),
            (-1, &[0x20]),
            (-100, &[0x38, 0x63]),
            (i64::MIN, &[0x3b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        ];
        for (number, expected) in signed {
            let bytes = map(|fields| fields.signed(0, number));
            assert_eq!(&bytes[2..], expected, "{number}");
            assert_eq!(reader(expected).i64(), Ok(number));
        }
        for number in [0, 23, 24, 255, 256, 65_535, 65_536, u64::from(u32::MAX), 1 << 32, u64::MAX] {
            let bytes = map(|fields| fields.unsigned(0, number));
            assert_eq!(reader(&bytes[2..]).u64(), Ok(number));
        }
    }

    #[test]
    fn a_map_holds_what_was_put_into_it() {
        let bytes = map(|fields| {
            fields.text(1, "é");
            fields.flag(2, false);
            fields.flag(3, true);
            fields.map(4, |fields| fields.bytes(0, &[7, 8]));
            fields.texts(5, ["a", ""].into_iter());
            fields.numbers(30, &[1, 24]);
        });
        let expected = [
            0xa5, 1, 0x62, 0xc3, 0xa9, 3, 0xf5, 4, 0xa1, 0, 0x42, 7, 8, 5, 0x82, 0x61, b'a', 0x60, 0x18, 30,
            0x82, 1, 0x18, 24,
        ];
        assert_eq!(bytes, expected);
        let mut from = reader(&bytes);
        let mut keys = from.map().unwrap();
        let mut found = Vec::new();
        while let Some(key) = keys.next(&mut from).unwrap() {
            found.push(key);
            from.skip().unwrap();
        }
        assert_eq!((found, from.end()), (vec![1, 3, 4, 5, 30], Ok(())));
    }

    #[test]
    fn whatever_a_later_release_writes_is_passed_over() {
        let items: [&[u8]; 7] = [
            &[0xf6],
            &[0xf9, 0x3c, 0x00],
            &[0xfb, 0, 0, 0, 0, 0, 0, 0, 0],
            &[0xc1, 0x1a, 0x51, 0x4b, 0x67, 0xb0],
            &[0x83, 0x01, 0x82, 0x02, 0x03, 0xa1, 0x61, 0x62, 0x80],
            &[0x58, 0x18, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            &[0xbf - 0x1f],
        ];
        for item in items {
            let mut from = reader(item);
            assert_eq!(from.skip().and_then(|()| from.end()), Ok(()), "{item:x?}");
            for length in 0..item.len() {
                assert!(reader(&item[..length]).skip().is_err(), "{item:x?} cut to {length}");
            }
        }
    }

    #[test]
    fn what_has_another_form_is_refused() {
        let skipped: [(&[u8], &str); 6] = [
            (&[0x18, 0x17], "a number that is longer than it has to be before byte 2"),
            (&[0x9f, 0xff], "a length that is not said before byte 1"),
            (&[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], "more items than bytes before byte 9"),
            (&[0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], "a map without an end before byte 9"),
            (&[0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], "it was cut off before byte 9"),
            (&[0x82, 0x01], "more items than bytes before byte 1"),
        ];
        for (bytes, why) in skipped {
            let error = reader(bytes).skip().unwrap_err();
            assert_eq!(error.to_string(), format!("a test cannot be read: {why}"));
        }
        assert!(reader(&[0x61, 0xff]).text().is_err(), "no UTF-8");
        assert!(reader(&[0x3b, 0x80, 0, 0, 0, 0, 0, 0, 0]).i64().is_err(), "below the smallest");
        assert!(reader(&[0xf4]).flag().is_err(), "what does not hold is absent");
        assert!(reader(&[0x41, 1]).array::<2>().is_err());
        assert!(reader(&[0x9a, 0x10, 0, 0, 0]).texts().is_err(), "a list of a lot");
        for twice in [[0xa2, 1, 1, 1, 1], [0xa2, 2, 1, 1, 1]] {
            let mut from = reader(&twice);
            let mut keys = from.map().unwrap();
            assert_eq!(keys.next(&mut from), Ok(Some(u64::from(twice[1]))));
            from.skip().unwrap();
            assert!(keys.next(&mut from).is_err());
        }
    }
}
