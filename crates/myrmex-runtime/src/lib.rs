//! Partitions, group commit, timers, evaluation and executors.
//!
//! A [`partition::Partition`] owns runs and their log: it drives the pure machines of `myrmex-engine`, commits what
//! they decide and only then lets anybody hear of it. A [`worker::LocalWorker`] carries out attempts. [`platform`] is
//! the one module that knows the operating system. This crate knows neither the language nor planning.

pub mod clock;
pub mod evaluate;
pub mod logs;
pub mod partition;
pub mod platform;
pub mod progress;
pub mod retry;
pub mod secrets;
pub mod values;
pub mod watch;
pub mod worker;
