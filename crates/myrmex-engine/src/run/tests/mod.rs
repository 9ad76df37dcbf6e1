//! Tests of the run machine: a host that plays the world around it, one behaviour per test, and invariants over
//! generated definitions and generated luck.

mod audit;
mod build;
mod cancel;
mod each;
mod flow;
mod generate;
mod golden;
mod graph;
mod host;
mod lag;
mod property;
mod rebase;
mod report;
mod retry;
mod vars;
