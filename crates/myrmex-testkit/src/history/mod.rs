//! Judges histories: the events as `myrmex events` exports them, beside a ledger of side effects that the tasks keep.
//!
//! Pure functions over texts, linear or n log n; sequences and fencing tokens order everything, so no clock is trusted.
//! They know neither workflows nor stores. What they check stands in `guarantees.md` section 7; the numbers are in
//! [`Invariant::id`].
//!
//! ```
//! use myrmex_testkit::history::{Expected, Export, Ledger, check};
//!
//! let events = concat!(
//!     r#"{"log":0,"seq":1,"boot":1,"run":"r","type":"run.started","from":"pending","to":"running"}"#, "\n",
//!     r#"{"log":0,"seq":2,"boot":1,"run":"r","type":"run.ended","from":"running","to":"succeeded"}"#, "\n",
//!     r#"{"log":0,"seq":2,"head":"00"}"#, "\n",
//! );
//! let export = Export::parse(events).unwrap();
//! assert_eq!(check(&export, &Ledger::default(), &Expected::default()), []);
//! ```

mod breach;
mod effects;
mod export;
mod handling;
mod ledger;
mod sequence;
mod tasks;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

pub use breach::{Breach, Invariant};
pub use export::{Event, Export, Head, ParseError};
pub use ledger::{Entry, Ledger, Mark};
pub use sequence::{compare, contains_lines};

/// What is known of the workflow whose history is judged.
#[derive(Debug, Clone, Default)]
pub struct Expected {
    /// Pairs of paths: the second task begins only after the recorded success of the first.
    pub edges: Vec<(String, String)>,
    /// How many attempts a task may use, by path without item keys; 1 where it says nothing. Losses come on top.
    pub attempts_max: BTreeMap<String, u32>,
    /// Paths of tasks that have a `finally`.
    pub finally: BTreeSet<String>,
    /// Whether every run is to be over.
    pub is_over: bool,
    /// Whether every process writes `start` as its first and `end` as its last act into the ledger.
    pub keeps_ledger: bool,
}

/// Checks one export, and the ledger against it. Returns every breach, none if the history is good.
pub fn check(export: &Export, ledger: &Ledger, expected: &Expected) -> Vec<Breach> {
    let mut breaches = sequence::check(export);
    breaches.extend(tasks::check(export, expected));
    breaches.extend(handling::check(export, expected));
    breaches.extend(effects::check(export, ledger, expected));
    breaches
}
