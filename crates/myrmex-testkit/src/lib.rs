//! Test support: a simulator, checks of what a run left behind, and drivers that show how costs grow and what an order of
//! tasks is worth.
//!
//! Only tests depend on this crate. It judges by what outsiders see, the exported events and a ledger that tasks keep,
//! never by the insides of the engine.

pub mod dispatch;
pub mod growth;
pub mod history;
pub mod process;
pub mod sim;
