//! The vocabulary every other crate speaks.
//!
//! Ids, names, time, values, diagnostics, the internal representation of a definition, and the three messages of
//! the run machine: commands (what happened outside), events (what was decided), effects (what is to be done).
//! [`wire`] holds the versioned JSON forms in which events and definitions are stored.
//!
//! This crate decides nothing and does nothing: it has no clock, no file, no socket and no thread.

pub mod address;
pub mod command;
pub mod demand;
pub mod diagnostic;
pub mod effect;
pub mod event;
pub mod fault;
pub mod file;
pub mod id;
pub mod inputs;
pub mod ir;
pub mod message;
pub mod name;
pub mod outcome;
pub mod planning;
pub mod rank;
pub mod retry;
pub mod schema;
pub mod signal;
pub mod status;
pub mod template;
pub mod time;
pub mod value;
pub mod wire;

/// A map that keeps insertion order and hashes without random state, so that iteration is the same everywhere.
pub type OrderedMap<K, V> = indexmap::IndexMap<K, V, rustc_hash::FxBuildHasher>;
