//! What follows from a placement: arcs, passes, floats, risk, cost.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod build;
mod chain;
mod policy;
