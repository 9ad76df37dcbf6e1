//! Plans: when each task of a graph begins and ends, why then, what it costs and how sure that is.
//!
//! A [`problem::Problem`] goes in: tasks, links, calendars, people, pools, risks. Out come dated tasks with reasons. It is pure:
//! the same problem and seed give the same bytes on every machine, with any number of threads around it. No clock is read;
//! nothing is a `HashMap`; every tie has an order, in which the index comes last.
//!
//! It does not know files, definitions' syntax or terminals, and it executes nothing.

pub mod bounds;
pub mod calendar;
pub mod chain;
pub mod check;
pub mod critical;
pub mod earned;
pub mod fit;
pub mod hours;
mod instance;
pub mod length;
pub mod money;
pub mod network;
mod place;
pub mod placement;
pub mod policy;
pub mod problem;
pub mod random;
pub mod rank;
pub mod sample;
pub mod search;
pub mod verify;
