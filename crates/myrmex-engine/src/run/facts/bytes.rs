//! Numbers, texts and hashes as bytes, for forms that are written and read by the same build.
//!
//! Reading never panics and never takes more memory than the bytes that are there allow: counts are believed only as far
//! as something follows.

use myrmex_model::address::Address;
use myrmex_model::time::Timestamp;

/// How much of the address before it an address may have in common. Together with the bytes of a fact this bounds what a
/// few bytes can become in memory.
const SHARED_MAX: usize = 255;

/// Takes what is written.
#[derive(Debug, Default)]
pub(super) struct Writer {
    bytes: Vec<u8>,
    /// The address that was written last.
    address: String,
}

impl Writer {
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub(super) fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    /// Writes eight answers to questions.
    pub(super) fn flags(&mut self, flags: [bool; 8]) {
        self.byte(flags.into_iter().rev().fold(0, |byte, flag| byte << 1 | u8::from(flag)));
    }

    /// Writes seven bits in a byte, the lowest first.
    pub(super) fn number(&mut self, number: impl Into<u64>) {
        let mut left: u64 = number.into();
        while left >= 0x80 {
            self.byte(left.to_le_bytes()[0] | 0x80);
            left >>= 7;
        }
        self.byte(left.to_le_bytes()[0]);
    }

    pub(super) fn count(&mut self, count: usize) {
        self.number(count as u64);
    }

    /// Writes a number with a sign, such that those near zero are short.
    pub(super) fn signed(&mut self, number: i64) {
        self.number((number << 1 ^ number >> 63).cast_unsigned());
    }

    /// Writes how much later than `base` a time is.
    pub(super) fn time(&mut self, at: Timestamp, base: Timestamp) {
        self.signed(at.0.wrapping_sub(base.0));
    }

    /// Writes bytes of which the reader knows how many they are.
    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.count(text.len());
        self.raw(text.as_bytes());
    }

    /// Writes whether there is something, and then that.
    pub(super) fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.byte(u8::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
    }

    /// Writes an address: how much it has in common with the one before, and the rest.
    pub(super) fn address(&mut self, address: &Address) {
        let text = address.as_str();
        let pairs = text.bytes().zip(self.address.bytes()).take(SHARED_MAX);
        let mut shared = pairs.take_while(|(one, other)| one == other).count();
        while !text.is_char_boundary(shared) {
            shared -= 1;
        }
        self.count(shared);
        self.text(&text[shared..]);
        self.address.clear();
        self.address.push_str(text);
    }
}

/// Says that bytes are not what a [`Writer`] wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unreadable;

/// What was read, or that it could not be.
pub(super) type Read<T> = Result<T, Unreadable>;

/// Reads what a [`Writer`] wrote, in the same order.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    left: &'a [u8],
    /// The address that was read last.
    address: String,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { left: bytes, address: String::new() }
    }

    /// Checks that nothing is left.
    pub(super) fn end(self) -> Read<()> {
        if self.left.is_empty() { Ok(()) } else { Err(Unreadable) }
    }

    pub(super) fn raw(&mut self, count: usize) -> Read<&'a [u8]> {
        let (taken, left) = self.left.split_at_checked(count).ok_or(Unreadable)?;
        self.left = left;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Read<[u8; N]> {
        self.raw(N)?.try_into().map_err(|_| Unreadable)
    }

    pub(super) fn byte(&mut self) -> Read<u8> {
        self.array().map(|[byte]: [u8; 1]| byte)
    }

    pub(super) fn flag(&mut self) -> Read<bool> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Unreadable),
        }
    }

    pub(super) fn flags(&mut self) -> Read<[bool; 8]> {
        let byte = self.byte()?;
        Ok(std::array::from_fn(|bit| byte >> bit & 1 == 1))
    }

    pub(super) fn number(&mut self) -> Read<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                return Err(Unreadable);
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Unreadable)
    }

    /// Reads a number of a smaller type.
    pub(super) fn small<T: TryFrom<u64>>(&mut self) -> Read<T> {
        T::try_from(self.number()?).map_err(|_| Unreadable)
    }

    pub(super) fn signed(&mut self) -> Read<i64> {
        let number = self.number()?;
        Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    pub(super) fn time(&mut self, base: Timestamp) -> Read<Timestamp> {
        Ok(Timestamp(base.0.wrapping_add(self.signed()?)))
    }

    pub(super) fn text(&mut self) -> Read<&'a str> {
        let count = self.small()?;
        std::str::from_utf8(self.raw(count)?).map_err(|_| Unreadable)
    }

    pub(super) fn owned(&mut self) -> Read<String> {
        self.text().map(str::to_owned)
    }

    pub(super) fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> Read<T>) -> Read<Option<T>> {
        if self.flag()? { read(self).map(Some) } else { Ok(None) }
    }

    /// Reads as many as were written. Each takes a byte at the least, so a count beyond what is left is refused.
    pub(super) fn all<T>(&mut self, mut read: impl FnMut(&mut Self) -> Read<T>) -> Read<Vec<T>> {
        let count: usize = self.small()?;
        if count > self.left.len() {
            return Err(Unreadable);
        }
        let mut all = Vec::new();
        for _ in 0..count {
            all.push(read(self)?);
        }
        Ok(all)
    }

    pub(super) fn address(&mut self) -> Read<Address> {
        let shared: usize = self.small()?;
        if shared > SHARED_MAX || !self.address.is_char_boundary(shared) {
            return Err(Unreadable);
        }
        self.address.truncate(shared);
        let rest = self.text()?;
        self.address.push_str(rest);
        Address::parse(&self.address).map_err(|_| Unreadable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_back_whatever_they_are() {
        let numbers = [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX];
        let signed = [0, -1, 1, i64::MIN, i64::MAX, 1_700_000_000_000_000_000];
        let mut writer = Writer::default();
        for number in numbers {
            writer.number(number);
        }
        for number in signed {
            writer.signed(number);
        }
        writer.time(Timestamp(i64::MIN), Timestamp(i64::MAX));
        let bytes = writer.into_bytes();
        let mut reader = Reader::new(&bytes);
        assert!(numbers.iter().all(|number| reader.number() == Ok(*number)));
        assert!(signed.iter().all(|number| reader.signed() == Ok(*number)));
        assert_eq!(reader.time(Timestamp(i64::MAX)), Ok(Timestamp(i64::MIN)));
        assert_eq!(reader.end(), Ok(()));
    }

    #[test]
    fn a_number_of_more_than_64_bits_is_refused() {
        assert_eq!(Reader::new(&[0xff; 10]).number(), Err(Unreadable));
        assert_eq!(Reader::new(&[0x80; 20]).number(), Err(Unreadable));
        assert_eq!(Reader::new(&[0x80]).number(), Err(Unreadable));
    }

    #[test]
    fn addresses_share_what_they_have_in_common() {
        let around = Address::parse("a/b").unwrap();
        let long = around.item(&"n".repeat(300));
        let all = [around.item("é1"), around.item("è1"), around.item("no"), around, long.clone(), long];
        let mut writer = Writer::default();
        for address in &all {
            writer.address(address);
        }
        let bytes = writer.into_bytes();
        let mut reader = Reader::new(&bytes);
        assert!(all.iter().all(|address| reader.address().as_ref() == Ok(address)));
    }

    #[test]
    fn a_count_of_more_than_there_is_takes_no_memory() {
        let mut writer = Writer::default();
        writer.number(u64::from(u32::MAX));
        let bytes = writer.into_bytes();
        assert_eq!(Reader::new(&bytes).all(Reader::byte), Err(Unreadable));
    }
}
