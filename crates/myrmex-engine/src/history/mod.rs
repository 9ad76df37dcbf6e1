//! What the journals of runs tell about time: how long tasks took and waited, how often they failed, and what they waited for.
//!
//! A [`Timeline`] is one run, made of its events. A [`History`] is what several runs of one workflow have in common, by task: exact
//! quantiles, no estimates. [`waits`] says what the attempts of one run lacked while they waited. Nothing here decides anything: the run
//! machine knows no history.

mod quantiles;
mod tasks;
mod timeline;
mod wants;

#[cfg(test)]
mod tests;

pub use quantiles::Quantiles;
pub use tasks::{Counts, Gathering, History, TaskHistory};
pub use timeline::{Attempted, Ending, Held, Task, Timeline, shared_path};
pub use wants::{Lack, Wait, covered, waits};
