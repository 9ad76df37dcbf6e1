//! A plan for people and scripts.

mod axis;
pub mod chart;
pub mod svg;
