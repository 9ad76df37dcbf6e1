//! The versioned forms in which events, messages and definitions are stored and hashed.
//!
//! The core types have no serde derives: what is on disk changes only here, on purpose, and every form that was ever
//! released stays readable. Events ([`event`]) and messages ([`message`]) are CBOR; definitions ([`definition`]) are
//! canonical JSON, by which they are hashed. How events are shown to people is [`shown`], which is never stored.

mod cbor;
pub mod definition;
pub mod event;
mod fault;
pub mod message;
mod numbers;
mod parts;
pub mod retry;
pub mod shown;

/// A stored form that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} cannot be read: {reason}")]
pub struct WireError {
    /// What was to be read.
    pub what: &'static str,
    /// Why not.
    pub reason: String,
}

impl WireError {
    fn new(what: &'static str, reason: impl std::fmt::Display) -> Self {
        Self { what, reason: reason.to_string() }
    }
}
