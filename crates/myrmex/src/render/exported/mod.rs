//! Runs and workflows in the formats of other programs. All of it is pure: the same text each time.

pub mod chrome_trace;
pub mod wfformat;
