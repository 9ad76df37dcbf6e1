//! The form of a chunk: 32 bytes of header, then the bytes of one stream of one attempt.
//!
//! Little-endian: magic with version (4), CRC-32 of all that follows (4), log (4), token (8), time in ns (8), length
//! (3), kind (1). The position is not part of the checksum: segments may be copied together.

use myrmex_model::id::FencingToken;
use myrmex_model::time::Timestamp;

use super::{Source, Stream};
use crate::batch::LogId;

/// What every chunk of version 1 begins with.
pub(super) const MAGIC: [u8; 4] = *b"MXL\x01";

/// Bytes of a header.
pub(super) const HEADER_BYTES: usize = 32;

/// The most bytes of one chunk: what a reader must have in memory, and what a torn chunk can lose.
pub(super) const CHUNK_BYTES_MAX: usize = 256 << 10;

/// What a chunk holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Output.
    Output(Stream),
    /// From here on the attempt's output is dropped, until a [`Kind::Dropped`] says how much.
    Dropping,
    /// The attempt's output was dropped up to here: eight bytes say how much.
    Dropped,
}

impl Kind {
    fn code(self) -> u8 {
        match self {
            Self::Output(Stream::Stdout) => 0,
            Self::Output(Stream::Stderr) => 1,
            Self::Dropping => 2,
            Self::Dropped => 3,
        }
    }

    fn of(code: u8) -> Option<Self> {
        [Self::Output(Stream::Stdout), Self::Output(Stream::Stderr), Self::Dropping, Self::Dropped]
            .into_iter()
            .find(|kind| kind.code() == code)
    }
}

/// A chunk's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) source: Source,
    pub(super) at: Timestamp,
    pub(super) kind: Kind,
}

/// Appends a chunk to `buffer`. `bytes` are at most [`CHUNK_BYTES_MAX`].
pub(super) fn write(buffer: &mut Vec<u8>, header: &Header, bytes: &[u8]) {
    assert!(bytes.len() <= CHUNK_BYTES_MAX, "chunks are cut before they are written");
    let start = buffer.len();
    buffer.extend_from_slice(&MAGIC);
    buffer.extend_from_slice(&[0; 4]);
    buffer.extend_from_slice(&header.source.log.0.to_le_bytes());
    buffer.extend_from_slice(&header.source.token.0.to_le_bytes());
    buffer.extend_from_slice(&header.at.0.to_le_bytes());
    buffer.extend_from_slice(&bytes.len().to_le_bytes()[..3]);
    buffer.push(header.kind.code());
    buffer.extend_from_slice(bytes);
    let checksum = crc32fast::hash(&buffer[start + SUMMED_FROM..]);
    buffer[start + 4..start + SUMMED_FROM].copy_from_slice(&checksum.to_le_bytes());
}

/// Where in a chunk that begins of which the header has the checksum.
pub(super) const SUMMED_FROM: usize = 8;

/// A header as it stands in a segment; its checksum can be checked once the bytes are there.
pub(super) struct Claim {
    /// The CRC-32 of the chunk from [`SUMMED_FROM`] on.
    pub(super) checksum: u32,
    /// Bytes after the header.
    pub(super) length: usize,
    /// What the header says; none if it names a kind that there is not.
    pub(super) header: Option<Header>,
}

impl Claim {
    /// Reads a header; none if there cannot be a chunk.
    pub(super) fn read(header: &[u8; HEADER_BYTES]) -> Option<Self> {
        let length = usize::try_from(u32::from_le_bytes([header[28], header[29], header[30], 0])).ok()?;
        if header[..4] != MAGIC || length > CHUNK_BYTES_MAX {
            return None;
        }
        let checksum = u32::from_le_bytes(field(header, 4));
        let source = Source {
            log: LogId(u32::from_le_bytes(field(header, 8))),
            token: FencingToken(u64::from_le_bytes(field(header, 12))),
        };
        let at = Timestamp(i64::from_le_bytes(field(header, 20)));
        let header = Kind::of(header[31]).map(|kind| Header { source, at, kind });
        Some(Self { checksum, length, header })
    }
}

fn field<const N: usize>(header: &[u8; HEADER_BYTES], start: usize) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(&header[start..start + N]);
    bytes
}
