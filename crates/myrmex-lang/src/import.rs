//! Makes workflow files of what other tools recorded.

mod wfformat;

pub use wfformat::{ImportError, wfformat};
