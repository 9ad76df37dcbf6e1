//! Secrets: where they come from, how they are held, and how they are kept out of everything that is stored or shown.
//!
//! A value lives in this process from just before an attempt that needs it is started, for as long as what that run
//! prints may hold it. It is never part of a value, an event, a log or a message: the types here cannot be printed.
//! A provider that is a command is carried out by the worker, which owns the processes.

mod automaton;
mod forms;
mod guard;
mod mask;
mod provider;

use zeroize::Zeroizing;

pub(crate) use guard::Guarded;
pub(crate) use mask::{MASK, Masks, StreamMask};
pub use provider::{Provider, Providers};
pub(crate) use provider::{Source, fault, printed};

/// The shortest secret that is taken. A shorter one would be found by chance in half of all lines, so that masking it
/// would hide everything and protect nothing.
pub const MASKED_BYTES_MIN: usize = 4;

/// The longest secret: keys and certificates have a few KiB, and each byte costs the masks about 1 KiB of memory.
pub const SECRET_BYTES_MAX: usize = 16 << 10;

/// The value of a secret. It cannot be printed or serialised, and is overwritten when it is dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes a value over.
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Returns the value. Whoever asks must not keep a copy.
    pub(crate) fn expose(&self) -> &[u8] {
        &self.0
    }
}
