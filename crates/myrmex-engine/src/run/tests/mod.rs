//! Tests of the run machine: a host that plays the world around it, one behaviour per test, and invariants over
//! generated definitions and generated luck.

mod admission;
mod audit;
mod binding;
mod build;
mod call;
mod cancel;
mod change;
mod complete;
mod each;
mod ends;
mod flow;
mod gate;
mod generate;
mod golden;
mod graph;
mod handling;
mod hold;
mod host;
mod lag;
mod limits;
mod people;
mod postpone;
mod property;
mod reach;
mod rebase;
mod report;
mod retry;
mod skip;
mod snapshot;
mod stuck;
mod takings;
mod vars;
