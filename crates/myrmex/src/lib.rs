//! The `myrmex` command: arguments, the workspace, and what people and scripts see.
//!
//! One file per command in [`commands`]: its arguments (their comments are the help), then what it does. Nothing is
//! decided here about runs: commands read the store or put requests to a partition.

pub mod analysis;
pub mod asked;
pub mod changes;
pub mod cli;
pub mod clock;
pub mod commands;
mod complete;
pub mod descendants;
pub mod driven;
pub mod elsewhere;
mod examples;
pub mod exit;
pub mod forecast;
pub mod history;
pub mod intake;
mod machine;
mod named_secrets;
pub mod places;
mod ranking;
pub mod render;
pub mod request;
pub mod session;
pub mod settings;
pub mod sources;
pub mod workspace;
