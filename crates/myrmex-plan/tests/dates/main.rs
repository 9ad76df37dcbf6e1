//! Dates before capacity is looked at.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod critical;
mod infeasible;
mod network;
mod quality;
mod sketch;
