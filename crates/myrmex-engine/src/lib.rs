//! The two machines that hold all the rules: the [`run`] machine decides about one run, the [`dispatch`] machine
//! decides which waiting attempt gets which place.
//!
//! Both are pure: time, ids and evaluated values arrive as arguments, and every decision is a value. Whoever drives
//! them commits a decision's events first and only then carries out its effects. [`history`] reads what they recorded.

pub mod dispatch;
pub mod history;
pub mod run;
