//! The chain of hashes over the commit batches of a log, the same in every backend.
//!
//! `head(0)` is the hash of a fixed text and the log's number; `head(n)` is SHA-256 of `head(n-1)` and, for each
//! record of batch `n`, its sequence, run, namespace and the stored bytes, each with its length. Who has seen a head
//! can tell later whether anything up to it was changed, removed, reordered or slipped in.

use std::fmt;
use std::str::FromStr;

use myrmex_model::id::DefinitionHash;
use sha2::{Digest, Sha256};

use crate::batch::{LogId, Record, Sequence};
use crate::contract::{PAGE_ROWS_MAX, Reader};
use crate::envelope::{self, Place};
use crate::error::StoreError;

/// The hash of everything in a log up to the end of a commit batch.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Head(pub [u8; 32]);

impl Head {
    /// Returns the head of a log that has no records.
    pub fn of_empty(log: LogId) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(b"myrmex log 1\0");
        hasher.update(log.0.to_be_bytes());
        Self(hasher.finalize().into())
    }
}

/// Shown as 64 hexadecimal digits.
impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&DefinitionHash(self.0), f)
    }
}

impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Reads 64 hexadecimal digits.
impl FromStr for Head {
    type Err = myrmex_model::id::IdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<DefinitionHash>().map(|hash| Self(hash.0))
    }
}

/// Computes the head after one commit batch.
pub struct Link {
    hasher: Sha256,
}

impl Link {
    /// Begins a batch that follows `previous`.
    pub fn after(previous: Head) -> Self {
        Self { hasher: Sha256::new_with_prefix(previous.0) }
    }

    /// Adds the next record of the batch with its stored bytes, frame included.
    pub fn add(&mut self, place: &Place<'_>, stored: &[u8]) {
        self.hasher.update(place.sequence.0.to_be_bytes());
        self.hasher.update(place.run.0);
        self.hasher.update((place.namespace.len() as u64).to_be_bytes());
        self.hasher.update(place.namespace.as_bytes());
        self.hasher.update((stored.len() as u64).to_be_bytes());
        self.hasher.update(stored);
    }

    /// Returns the head after the batch.
    pub fn head(self) -> Head {
        Head(self.hasher.finalize().into())
    }
}

/// What a walk along the chain of a log found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Records that are as they were written.
    pub records: u64,
    /// Commit batches that are as they were written.
    pub batches: u64,
    /// The head after the last of them.
    pub head: Head,
    /// The first thing that is wrong; nothing after it was looked at.
    pub broken: Option<Break>,
}

/// The first place where a log is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Break {
    /// The record, or the last one of the batch, that is wrong.
    pub sequence: Sequence,
    /// What is wrong.
    pub what: String,
}

/// Recomputes the chain of `log` from its records and reports the first break. Reads page by page.
///
/// # Errors
///
/// Returns errors of reading; damage is not an error here but the answer.
pub fn verify<R: Reader + ?Sized>(reader: &R, log: LogId) -> Result<Verified, StoreError> {
    let head = Head::of_empty(log);
    let mut walk = Walk {
        found: Verified { records: 0, batches: 0, head, broken: None },
        link: Link::after(head),
        open: 0,
        last: Sequence::NONE,
    };
    while walk.found.broken.is_none() {
        // A page fails as a whole; to name the very record, a failed page is read again one by one.
        match reader.records(log, walk.last, PAGE_ROWS_MAX) {
            Ok(page) if page.is_empty() => {
                if walk.open > 0 {
                    walk.stop(walk.last, "the last commit batch has no head");
                }
                break;
            }
            Ok(page) => page.iter().for_each(|record| walk.take(record)),
            Err(StoreError::Damaged { .. }) => match reader.records(log, walk.last, 1) {
                Ok(page) => page.iter().for_each(|record| walk.take(record)),
                Err(StoreError::Damaged { what, .. }) => walk.stop(walk.last.plus(1), &what),
                Err(error) => return Err(error),
            },
            Err(error) => return Err(error),
        }
    }
    Ok(walk.found)
}

struct Walk {
    found: Verified,
    link: Link,
    /// Records of the batch that has not ended.
    open: u64,
    last: Sequence,
}

impl Walk {
    fn take(&mut self, record: &Record) {
        if self.found.broken.is_some() {
            return;
        }
        let wanted = self.last.plus(1);
        if record.sequence != wanted {
            return self.stop(wanted, "a record is missing");
        }
        let Record { log, sequence, run, .. } = *record;
        let place = Place { log, sequence, namespace: record.namespace.as_str(), run };
        // The frame is a function of place, codec and body, and the reader has checked it.
        self.link.add(&place, &envelope::seal(&place, record.codec, &record.body));
        self.open += 1;
        self.last = record.sequence;
        let Some(stored) = record.head else { return };
        let link = std::mem::replace(&mut self.link, Link::after(stored));
        if link.head() != stored {
            return self.stop(record.sequence, "the head of a commit batch does not follow from its records");
        }
        self.found.records += self.open;
        self.found.batches += 1;
        self.found.head = stored;
        self.open = 0;
    }

    fn stop(&mut self, sequence: Sequence, what: &str) {
        self.found.broken = Some(Break { sequence, what: what.to_owned() });
    }
}
