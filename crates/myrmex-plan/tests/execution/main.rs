//! What follows from a placement: arcs, passes, floats, risk, cost.

#![expect(clippy::disallowed_methods, reason = "tests read files")]
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod build;
mod chain;
mod cost;
mod policy;
mod risk;
