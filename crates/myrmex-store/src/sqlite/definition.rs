//! Definitions in the file: a body that gets smaller by it is packed as a block of LZ4, the others stand as they are.
//!
//! A definition says the same words for each task, so a large one shrinks to a fraction. Nobody else knows of it: the hash
//! of a definition is that of its body, the checksum in its row that of what is stored.

use std::borrow::Cow;

use lz4_flex::block;

/// Bodies with fewer bytes stand as they are: packing would save less than a page of the file, at the start of a run.
const PACKED_FROM: usize = 2_048;

/// Bodies with more bytes stand as they are, so that no row makes a reader ask for more memory than this at once. A
/// workflow file may have a mebibyte, which makes some mebibytes of definition.
const UNPACKED_BYTES_MAX: usize = 64 << 20;

/// What a block can grow to, times its own bytes: a byte of it adds at most so many.
const GROWTH_MAX: usize = 255;

/// What is stored of a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stored<'a> {
    /// The bytes.
    pub(super) bytes: Cow<'a, [u8]>,
    /// How many they are once they are unpacked; none if they stand as they are.
    pub(super) unpacked: Option<u32>,
}

/// Returns what to store of a body.
pub(super) fn pack(body: &[u8]) -> Stored<'_> {
    let unpacked = u32::try_from(body.len()).ok();
    if (PACKED_FROM..=UNPACKED_BYTES_MAX).contains(&body.len()) && unpacked.is_some() {
        let packed = block::compress(body);
        if packed.len() < body.len() {
            return Stored { bytes: Cow::Owned(packed), unpacked };
        }
    }
    Stored { bytes: Cow::Borrowed(body), unpacked: None }
}

/// Returns the body of what is stored; nothing if it is not what [`pack`] made. Asks for no more memory than that could
/// need, whatever is stored.
pub(super) fn unpack(bytes: Vec<u8>, unpacked: Option<u32>) -> Option<Vec<u8>> {
    let Some(length) = unpacked else { return Some(bytes) };
    let length = usize::try_from(length).ok()?;
    if length > UNPACKED_BYTES_MAX || length > bytes.len().saturating_mul(GROWTH_MAX) {
        return None;
    }
    block::decompress(&bytes, length).ok().filter(|body| body.len() == length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_packed_is_unpacked_and_smaller() {
        let task = |task| format!(r#"{{"name":"t{task}","timeout":60000}},"#).into_bytes();
        let body: Vec<u8> = (0..1_000).flat_map(task).collect();
        let stored = pack(&body);
        assert!(stored.bytes.len() * 3 < body.len(), "{} of {}", stored.bytes.len(), body.len());
        assert_eq!(unpack(stored.bytes.to_vec(), stored.unpacked), Some(body));
    }

    #[test]
    fn what_gains_nothing_stands_as_it_is() {
        let mut state = 1_u32;
        let random = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        });
        for body in [b"{}".to_vec(), vec![b' '; PACKED_FROM - 1], random.take(10_000).collect()] {
            let stored = pack(&body);
            assert_eq!((&*stored.bytes, stored.unpacked), (&*body, None));
            assert_eq!(unpack(body.clone(), None), Some(body));
        }
    }

    #[test]
    fn what_was_not_packed_so_is_refused_within_bounds() {
        let body = vec![b'x'; 100_000];
        let packed = pack(&body).bytes.to_vec();
        for length in [0, 1, 99_999, 100_001, u32::MAX] {
            assert_eq!(unpack(packed.clone(), Some(length)), None, "{length}");
        }
        for length in 0..packed.len() {
            assert_eq!(unpack(packed[..length].to_vec(), Some(100_000)), None, "cut to {length}");
        }
        let most = u32::try_from(UNPACKED_BYTES_MAX).unwrap();
        assert_eq!(unpack(vec![0xff; 1 << 20], Some(most + 1)), None);
        assert_eq!(unpack(b"x".to_vec(), Some(most)), None);
    }
}
