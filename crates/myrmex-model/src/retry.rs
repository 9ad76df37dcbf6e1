//! What a run takes over from an earlier one: results of tasks, under the addresses that they have again.

use std::borrow::Cow;

use crate::OrderedMap;
use crate::address::Address;
use crate::fault::Fault;
use crate::id::{RunId, ValueHash};
use crate::status::Status;
use crate::time::Timestamp;

/// That a run is a retry, and of what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retry {
    /// The run that is retried.
    pub of: RunId,
    /// Which run of the same work this is: 2 for the first retry.
    pub attempt: u32,
    /// What is taken over: a [`Takings`] in its stored form, in the value table of the new run.
    pub taken: ValueHash,
}

/// How a task run ended, and what it left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The run in which it ran.
    pub from: RunId,
    /// How it ended there. Only what succeeded is taken by itself; the rest is what was inside of it.
    pub status: Status,
    /// Its output, if it succeeded.
    pub output: Option<ValueHash>,
    /// The variables of its flow when it had ended, if it or something inside wrote any.
    pub vars: Option<ValueHash>,
    /// The error it ended with; of what succeeded, the one to continue on.
    pub fault: Option<Box<Fault>>,
    /// How many attempts there were.
    pub attempts: u32,
    /// When it began.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub finished: Option<Timestamp>,
    /// Its artifacts.
    pub artifacts: Option<ValueHash>,
    /// The case that a `switch` took.
    pub case: Option<u32>,
    /// Which items a `for_each` had. Not part of events: who reads it has the value that [`Retry::taken`] names.
    pub items: Option<Items>,
}

/// The items of a `for_each`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Items {
    /// The list, map or number, or the file whose lines they are.
    pub list: ValueHash,
    /// How many there are.
    pub count: u32,
    /// Their keys, if it is a map.
    pub keys: Option<Vec<String>>,
}

/// Everything that a retry takes over.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Takings {
    /// Results by address, what holds something before what is inside.
    pub results: OrderedMap<Address, Taken>,
    /// The items that those `for_each` had which are not taken over as a whole. An item is taken over only if it still is
    /// the same.
    pub lists: OrderedMap<Address, ValueHash>,
}

impl Items {
    /// Returns the key of an item as addresses bear it.
    pub fn key(&self, index: u32) -> Cow<'_, str> {
        match self.keys.as_ref().and_then(|keys| keys.get(index as usize)) {
            Some(key) => Cow::Borrowed(key),
            None => Cow::Owned(index.to_string()),
        }
    }
}

impl Takings {
    /// Returns every value that it names, each once.
    pub fn values(&self) -> Vec<ValueHash> {
        let of_result = |taken: &Taken| {
            let list = taken.items.as_ref().map(|items| items.list);
            [taken.output, taken.vars, taken.artifacts, list]
        };
        let mut values: Vec<ValueHash> = self.results.values().flat_map(of_result).flatten().collect();
        values.extend(self.lists.values());
        values.sort_unstable();
        values.dedup();
        values
    }
}
