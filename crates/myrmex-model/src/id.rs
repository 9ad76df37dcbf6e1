//! Ids of runs, definitions and values, and the fencing tokens of attempts.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

/// Writes `bytes` as lower-case hexadecimal digits.
fn write_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    f.write_str(&text)
}

/// Reads exactly `N` bytes from `2 * N` hexadecimal digits.
fn read_hex<const N: usize>(text: &str) -> Result<[u8; N], IdError> {
    let digits = text.as_bytes();
    if digits.len() != N * 2 {
        return Err(IdError { text: text.to_owned() });
    }
    let digit = |d: u8| char::from(d).to_digit(16).and_then(|v| u8::try_from(v).ok());
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let (Some(high), Some(low)) = (digit(pair[0]), digit(pair[1])) else {
            return Err(IdError { text: text.to_owned() });
        };
        *byte = high << 4 | low;
    }
    Ok(bytes)
}

/// A text that is not the id it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an id of this kind")]
pub struct IdError {
    /// The text that was given.
    pub text: String,
}

/// Identifies a run. Time-ordered and random, or derived where a start must happen once.
///
/// Shown as 32 hexadecimal digits; people may type any unambiguous beginning.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(pub [u8; 16]);

impl RunId {
    /// Derives the id of a run that may be started only once, from what makes it unique.
    ///
    /// `parts` are hashed with their lengths, so `["ab", "c"]` and `["a", "bc"]` differ.
    pub fn derived(parts: &[&str]) -> Self {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part.as_bytes());
        }
        Self(first_half(&hasher.finalize().into()))
    }
}

/// Identifies a definition by the SHA-256 of its canonical form: equal hash, equal behaviour.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DefinitionHash(pub [u8; 32]);

impl DefinitionHash {
    /// Hashes the canonical form of a definition.
    pub fn of(canonical: &[u8]) -> Self {
        Self(Sha256::digest(canonical).into())
    }
}

/// Identifies content by its SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobHash(pub [u8; 32]);

/// Identifies a value of one run by the first 128 bits of the SHA-256 of its JSON text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ValueHash(pub [u8; 16]);

impl ValueHash {
    /// Hashes the JSON text of a value.
    pub fn of(json: &[u8]) -> Self {
        Self(first_half(&Sha256::digest(json).into()))
    }
}

fn first_half(digest: &[u8; 32]) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&digest[..16]);
    half
}

macro_rules! hexadecimal {
    ($($type:ident),*) => {$(
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_hex(f, &self.0)
            }
        }
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_hex(f, &self.0)
            }
        }
        impl FromStr for $type {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                read_hex(text).map(Self)
            }
        }
    )*};
}
hexadecimal!(RunId, DefinitionHash, BlobHash, ValueHash);

/// Counts the openings of a log. Raised durably before an owner does anything, so two owners never share one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u32);

/// Tells one grant from every other grant of the same log: owner epoch, then a counter within the epoch.
///
/// Tokens grow strictly. A report that bears a token other than the current one of its attempt is answered, logged
/// and changes nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FencingToken(pub u64);

impl FencingToken {
    /// Builds the token of the `counter`-th grant of `epoch`.
    pub fn new(epoch: Epoch, counter: u32) -> Self {
        Self(u64::from(epoch.0) << 32 | u64::from(counter))
    }

    /// Returns the epoch of the owner that made the grant.
    pub fn epoch(self) -> Epoch {
        Epoch(u32::try_from(self.0 >> 32).unwrap_or(u32::MAX))
    }

    /// Returns which grant of that epoch it is.
    pub fn counter(self) -> u32 {
        u32::try_from(self.0 & u64::from(u32::MAX)).unwrap_or(u32::MAX)
    }
}

impl fmt::Display for FencingToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for FencingToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Numbers the tries of a task, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Attempt(pub u32);

impl Attempt {
    /// The first try.
    pub const FIRST: Self = Self(1);

    /// Returns the number of the next try.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_back_what_they_show() {
        let run = RunId::derived(&["default", "key"]);
        assert_eq!(run.to_string().parse(), Ok(run));
        assert!("xyz".parse::<RunId>().is_err());
        assert_ne!(RunId::derived(&["ab", "c"]), RunId::derived(&["a", "bc"]));
    }

    #[test]
    fn tokens_of_a_later_epoch_are_larger() {
        assert!(FencingToken::new(Epoch(2), 0) > FencingToken::new(Epoch(1), u32::MAX));
        assert_eq!(FencingToken::new(Epoch(7), 3).epoch(), Epoch(7));
    }
}
