//! The frame around every stored record: version, codec, key and checksum, the same in every backend.
//!
//! Eight bytes before the body: version (1), codec (1), key (2), CRC-32 (4), numbers little-endian. The checksum covers
//! the rest of the frame, the body and the record's [`Place`], so a body under a foreign sequence or run is
//! noticed as well as a flipped bit.

use myrmex_model::id::RunId;

use crate::batch::{LogId, Sequence};
use crate::error::StoreError;

/// The version of the frame that is written.
pub const VERSION: u8 = 1;

/// Bytes before the body.
pub const HEADER_BYTES: usize = 8;

/// The key of a body that is not encrypted: the only one so far.
pub const KEY_NONE: u16 = 0;

/// Where a record stands; part of its checksum and of the chain.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The log.
    pub log: LogId,
    /// The sequence in the log.
    pub sequence: Sequence,
    /// The tenant of the run.
    pub namespace: &'a str,
    /// The run.
    pub run: RunId,
}

impl Place<'_> {
    /// Returns the words that name the place in an error.
    pub(crate) fn in_words(&self) -> String {
        format!("log {}, sequence {}", self.log, self.sequence)
    }
}

/// A record's frame, read and checked.
#[derive(Debug, PartialEq, Eq)]
pub struct Opened<'a> {
    /// How the body is encoded.
    pub codec: u8,
    /// The body.
    pub body: &'a [u8],
}

/// Returns the bytes to store for `body` at `place`.
pub fn seal(place: &Place<'_>, codec: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER_BYTES + body.len());
    bytes.extend_from_slice(&[VERSION, codec]);
    bytes.extend_from_slice(&KEY_NONE.to_le_bytes());
    let checksum = checksum(place, &bytes, body);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes.extend_from_slice(body);
    bytes
}

/// Checks the bytes stored at `place` and returns what is in the frame.
///
/// # Errors
///
/// Returns [`StoreError::Damaged`], which names log and sequence, if the checksum is wrong or the frame is not one
/// that this release can read.
pub fn open<'a>(place: &Place<'_>, bytes: &'a [u8]) -> Result<Opened<'a>, StoreError> {
    let damaged = |what: &str| StoreError::damaged(what, place.in_words());
    let Some((header, body)) = bytes.split_at_checked(HEADER_BYTES) else {
        return Err(damaged("a record is shorter than its frame"));
    };
    let (front, stored) = header.split_at(4);
    if stored != checksum(place, front, body).to_le_bytes() {
        return Err(damaged("the checksum of a record is wrong"));
    }
    if front[0] != VERSION {
        return Err(damaged("the frame of a record has an unknown version"));
    }
    if front[2..4] != KEY_NONE.to_le_bytes() {
        return Err(damaged("a record is encrypted, which this release cannot read"));
    }
    Ok(Opened { codec: front[1], body })
}

fn checksum(place: &Place<'_>, front: &[u8], body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&place.log.0.to_le_bytes());
    hasher.update(&place.sequence.0.to_le_bytes());
    hasher.update(&place.run.0);
    hasher.update(place.namespace.as_bytes());
    // Separates the namespace from what follows: no namespace contains a zero byte.
    hasher.update(&[0]);
    hasher.update(front);
    hasher.update(body);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place<'static> =
        Place { log: LogId(1), sequence: Sequence(7), namespace: "default", run: RunId([9; 16]) };

    #[test]
    fn what_was_sealed_is_opened() {
        let bytes = seal(&PLACE, 3, b"body");
        assert_eq!(bytes.len(), HEADER_BYTES + 4);
        assert_eq!(open(&PLACE, &bytes).unwrap(), Opened { codec: 3, body: b"body" });
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let bytes = seal(&PLACE, 3, b"body");
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let error = open(&PLACE, &flipped).unwrap_err();
            assert!(error.to_string().ends_with("(log 1, sequence 7)"), "{error}");
        }
    }

    #[test]
    fn a_record_in_a_foreign_place_is_noticed() {
        let bytes = seal(&PLACE, 3, b"body");
        for place in [
            Place { log: LogId(2), ..PLACE },
            Place { sequence: Sequence(8), ..PLACE },
            Place { namespace: "other", ..PLACE },
            Place { run: RunId([8; 16]), ..PLACE },
        ] {
            assert!(open(&place, &bytes).is_err());
        }
    }
}
