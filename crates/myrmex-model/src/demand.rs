//! What work asks for beside its own place: pools, a lock, a worker with labels and resources; and how urgent it is.
//!
//! [`Asks`] is what a node says. Names in it may be templates: [`Named`] holds what they were when the work got ready, and
//! is journalled. Both together are a [`Demand`], which is all that dispatch knows.

use std::collections::{BTreeMap, BTreeSet};

use crate::name::Name;
use crate::template::Template;
use crate::value::Value;

/// The most bytes of a lock or a label: it stands in the journal and in messages.
pub const NAMED_BYTES_MAX: usize = 1_024;

/// The resource whose amounts count thousandths of a core.
pub const CPU: &str = "cpu";

/// The resource whose amounts count bytes.
pub const MEMORY: &str = "memory";

/// How urgent work is, lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Priority {
    /// Work that nobody waits for.
    Background,
    /// Below the usual.
    Low,
    /// The usual.
    #[default]
    Normal,
    /// Above the usual.
    High,
    /// Before everything else.
    Critical,
}

impl Priority {
    /// All of them, lowest first.
    pub const ALL: [Self; 5] = [Self::Background, Self::Low, Self::Normal, Self::High, Self::Critical];

    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Background => "background",
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// What a node asks for, as its author wrote it. Of leaf work for each attempt; of a block and of a call for all of it, from
/// before it begins to after what follows it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Asks {
    /// How urgent it is.
    pub priority: Priority,
    /// The queue in which it waits, for people: every worker there is serves all queues.
    pub queue: Option<Name>,
    /// Units of pools.
    pub pools: BTreeMap<Name, u32>,
    /// A text that one at a time may hold.
    pub lock: Option<Template>,
    /// Labels that the worker must have, all of them. Of leaf work only.
    pub labels: Vec<Template>,
    /// What it takes of its worker: of [`CPU`] thousandths of a core, of [`MEMORY`] bytes. Of leaf work only.
    pub resources: BTreeMap<Name, u64>,
}

/// What the names that a node asks for were when its work got ready.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Named {
    /// The lock.
    pub lock: Option<String>,
    /// The labels.
    pub labels: Vec<String>,
}

/// What work asks for beside a place. It gets all of it at once or nothing, and holds it until its lease ends.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Demand {
    /// How urgent it is.
    pub priority: Priority,
    /// Units of pools.
    pub pools: BTreeMap<Name, u32>,
    /// Locks, each of which one lease holds at a time.
    pub locks: BTreeSet<String>,
    /// Labels that its worker must have, all of them.
    pub labels: BTreeSet<String>,
    /// What it takes of its worker, in units that the worker's own capacity is given in.
    pub resources: BTreeMap<Name, u64>,
    /// Whether it takes no place on a worker: a block that holds pools or locks while what is inside it runs.
    pub is_placeless: bool,
    /// What a piece of the work inside it may ask for on top while it holds all this; of blocks only.
    pub inside: Inside,
}

/// The most that a piece of work inside a block, with the blocks around it there, asks for at a time. What is inside runs that
/// the block calls and waits for is inside it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Inside {
    /// Units of pools.
    pub pools: BTreeMap<Name, u32>,
    /// Locks whose names are known beforehand.
    pub locks: BTreeSet<String>,
}

impl Asks {
    /// Returns whether a block that asks for this holds something while it is under way.
    pub fn holds(&self) -> bool {
        !self.pools.is_empty() || self.lock.is_some()
    }

    /// Returns whether names in it are known only when the work gets ready.
    pub fn has_expressions(&self) -> bool {
        self.lock.iter().chain(&self.labels).any(|template| template.as_literal().is_none())
    }

    /// Returns the lock if its name is known beforehand.
    pub fn fixed_lock(&self) -> Option<&str> {
        self.lock.as_ref()?.as_literal()?.as_str()
    }

    /// Returns what an attempt asks for; `named` is what was evaluated, none if no name needed that.
    pub fn demand(&self, named: Option<&Named>) -> Demand {
        let fixed = |template: &Template| template.as_literal().and_then(Value::as_str).map(str::to_owned);
        let (lock, labels) = match named {
            Some(named) => (named.lock.clone(), named.labels.iter().cloned().collect()),
            None => (self.lock.as_ref().and_then(fixed), self.labels.iter().filter_map(fixed).collect()),
        };
        Demand {
            priority: self.priority,
            pools: self.pools.clone(),
            locks: lock.into_iter().collect(),
            labels,
            resources: self.resources.clone(),
            is_placeless: false,
            inside: Inside::default(),
        }
    }
}

impl Inside {
    /// Lets it cover what `other` asks for too.
    pub fn cover(&mut self, other: &Self) {
        for (pool, units) in &other.pools {
            let most = self.pools.entry(pool.clone()).or_default();
            *most = (*most).max(*units);
        }
        self.locks.extend(other.locks.iter().cloned());
    }

    /// Returns what a node asks for, as far as that is known beforehand.
    pub fn of(asks: &Asks) -> Self {
        Self { pools: asks.pools.clone(), locks: asks.fixed_lock().map(str::to_owned).into_iter().collect() }
    }

    /// Adds what is asked for around all this, or inside it.
    pub fn add(&mut self, other: &Self) {
        for (pool, units) in &other.pools {
            let sum = self.pools.entry(pool.clone()).or_default();
            *sum = sum.saturating_add(*units);
        }
        self.locks.extend(other.locks.iter().cloned());
    }

    /// Returns whether it asks for nothing.
    pub fn is_empty(&self) -> bool {
        self.pools.is_empty() && self.locks.is_empty()
    }
}

/// Reads a size such as `512Mi` or `2G` in bytes; nothing if it is none.
pub fn parse_bytes(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let factor: u64 = match unit {
        "B" => 1,
        "k" | "K" => 1_000,
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        "T" => 1_000_000_000_000,
        "Ki" => 1 << 10,
        "Mi" => 1 << 20,
        "Gi" => 1 << 30,
        "Ti" => 1 << 40,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// Writes an amount of a resource as people do.
pub fn amount(resource: &Name, amount: u64) -> String {
    match resource.as_str() {
        CPU if amount.is_multiple_of(1_000) => (amount / 1_000).to_string(),
        CPU => format!("{}.{:03}", amount / 1_000, amount % 1_000).trim_end_matches('0').to_owned(),
        MEMORY => {
            let units = [("Ti", 40), ("Gi", 30), ("Mi", 20), ("Ki", 10)];
            let fits = units.iter().find(|(_, bits)| amount > 0 && amount.is_multiple_of(1 << bits));
            fits.map_or_else(|| format!("{amount}B"), |(unit, bits)| format!("{}{unit}", amount >> bits))
        }
        _ => amount.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_written() {
        assert_eq!(parse_bytes("512Mi"), Some(512 << 20));
        assert_eq!(parse_bytes("2G"), Some(2_000_000_000));
        assert_eq!(parse_bytes("2"), None);
        assert_eq!(parse_bytes("Mi"), None);
        assert_eq!(parse_bytes("99999999999Ti"), None);
        let memory = Name::new(MEMORY).unwrap();
        assert_eq!(amount(&memory, 512 << 20), "512Mi");
        assert_eq!(amount(&memory, 1_000), "1000B");
        assert_eq!(amount(&Name::new(CPU).unwrap(), 1_500), "1.5");
        assert_eq!(amount(&Name::new("gpu").unwrap(), 2), "2");
    }
}
