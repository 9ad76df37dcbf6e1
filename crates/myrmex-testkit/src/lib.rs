//! Test support: a simulator, checks of what a run left behind, and a driver that shows how costs grow.
//!
//! Only tests depend on this crate. It judges by what outsiders see, the exported events and a ledger that tasks keep,
//! never by the insides of the engine.

pub mod growth;
pub mod history;
pub mod sim;
