//! Test support: a simulator, and checks of what a run left behind.
//!
//! Only tests depend on this crate. It judges by what outsiders see, the exported events and a ledger that tasks keep,
//! never by the insides of the engine.

pub mod history;
pub mod sim;
