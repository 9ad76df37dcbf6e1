//! Why an attempt waits.

use std::fmt;

use myrmex_model::demand::{Demand, amount};
use myrmex_model::name::Name;

use super::Ready;

/// The first thing that keeps a waiting attempt from its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wait {
    /// No worker has these labels, or so much of a resource, however idle it is.
    NoWorker {
        /// The labels that are asked for.
        labels: Vec<String>,
        /// The resources that are asked for.
        resources: Vec<(Name, u64)>,
    },
    /// Every place of the workers that suit it is taken.
    Places {
        /// How many attempts hold a place there.
        taken: u32,
        /// How many waiting attempts come before it.
        before: usize,
    },
    /// There is a place, and too little is left of a resource.
    Resource {
        /// The worker.
        worker: Name,
        /// The resource.
        resource: Name,
        /// How much of it is asked for, in the units that [`myrmex_model::demand`] counts in.
        asked: u64,
        /// How much of it is taken.
        used: u64,
        /// How much of it the worker has.
        has: u64,
        /// Who has it, oldest lease first.
        holders: Vec<Ready>,
    },
    /// Too little of a pool is left, or there is less of it at all than is asked for.
    Pool {
        /// The pool.
        pool: Name,
        /// How much of it is asked for.
        asked: u32,
        /// How much of it is taken.
        used: u32,
        /// How much of it there is.
        capacity: u32,
        /// Who has it, oldest lease first.
        holders: Vec<Ready>,
    },
    /// A lock is held.
    Lock {
        /// The lock.
        lock: String,
        /// By whom.
        holder: Box<Ready>,
    },
    /// Its run has as many attempts under way as it may.
    Run {
        /// How many that are.
        most: u32,
    },
    /// What it asks for is kept for an attempt that stands before it and asks for more.
    Kept {
        /// What is kept: a pool, a lock, or a worker's places.
        what: String,
        /// For whom.
        waiter: Box<Ready>,
    },
    /// It is a block that would hold something for which another block, with this one, could then wait for ever.
    Unsafe {
        /// A block that holds something now.
        holder: Box<Ready>,
    },
}

impl Wait {
    /// Returns that no worker suits a demand.
    pub(super) fn no_worker(demand: &Demand) -> Self {
        let labels = demand.labels.iter().cloned().collect();
        let resources = demand.resources.iter().map(|(name, amount)| (name.clone(), *amount)).collect();
        Self::NoWorker { labels, resources }
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoWorker { labels, resources } => {
                let label = if labels.len() == 1 { "label" } else { "labels" };
                let named = (!labels.is_empty()).then(|| format!("the {label} {}", quoted(labels)));
                let amounts: Vec<String> = resources
                    .iter()
                    .map(|(name, asked)| format!("{} `{name}`", amount(name, *asked)))
                    .collect();
                let amounts = (!amounts.is_empty()).then(|| amounts.join(" and "));
                let asked: Vec<String> = named.into_iter().chain(amounts).collect();
                write!(f, "no worker has {}", asked.join(" and "))
            }
            Self::Unsafe { holder } => write!(
                f,
                "with what it would hold, it and `{}` could wait for each other for ever",
                holder.task.path()
            ),
            Self::Places { taken, before: 0 } => write!(f, "all places are taken ({taken}); it is next"),
            Self::Places { taken, before } => {
                write!(f, "all places are taken ({taken}); {before} come before it")
            }
            Self::Resource { resource, asked, used, has, holders, .. } => {
                let left = amount(resource, has.saturating_sub(*used));
                let (has, asked) = (amount(resource, *has), amount(resource, *asked));
                write!(f, "of {has} `{resource}` the worker has {left} left, {asked} are asked for")?;
                held_by(f, holders)
            }
            Self::Pool { pool, asked, capacity, .. } if asked > capacity => {
                write!(
                    f,
                    "pool `{pool}` has {capacity}, {asked} are asked for, so it waits until there are more"
                )
            }
            Self::Pool { pool, asked, used, capacity, holders } => {
                let left = capacity.saturating_sub(*used);
                write!(f, "pool `{pool}` has {left} of {capacity} left, {asked} are asked for")?;
                held_by(f, holders)
            }
            Self::Lock { lock, holder } => write!(f, "lock `{lock}` is held by `{}`", holder.task.path()),
            Self::Run { most } => write!(f, "its run has {most} attempts under way, as many as it may"),
            Self::Kept { what, waiter } => {
                write!(f, "{what} is kept for `{}`, which waits longer", waiter.task.path())
            }
        }
    }
}

fn held_by(f: &mut fmt::Formatter<'_>, holders: &[Ready]) -> fmt::Result {
    let names: Vec<_> = holders.iter().map(|holder| holder.task.path()).collect();
    if names.is_empty() { Ok(()) } else { write!(f, "; held by {}", quoted(&names)) }
}

fn quoted(words: &[impl fmt::Display]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
