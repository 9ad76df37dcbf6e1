//! The versioned JSON forms in which events and definitions are stored and hashed.
//!
//! The core types have no serde derives: what is on disk changes only here, on purpose, and every form that was ever
//! released stays readable. Codec 1 of events is [`event`], that of messages [`message`]; form 1 of definitions is [`definition`].

pub mod definition;
pub mod event;
mod fault;
pub mod message;
pub mod retry;

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
