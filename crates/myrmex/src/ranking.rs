//! In which order the tasks of a run get their places: by what is left after them, from what earlier runs took.
//!
//! The rank itself is computed by `myrmex_plan::rank`, the order by the dispatch machine; here the two and the store meet. A store that
//! cannot be read keeps no run from its tasks: then the estimates of the file are all that is known.

use std::collections::BTreeMap;

use myrmex_engine::history::History;
use myrmex_model::ir::Definition;
use myrmex_model::name::Namespace;
use myrmex_model::rank::Ranks;
use myrmex_plan::problem::Span;
use myrmex_plan::rank::levels;
use myrmex_runtime::partition::Ranking;
use myrmex_store::Reader;

use crate::history;

/// How many of the newest runs tell how long tasks take: enough for a median.
const RUNS: usize = 5;

/// The most events that are read: some milliseconds, for they are read before the first task of a run begins.
const EVENTS_MAX: usize = 10_000;

/// Returns the ranking of a process that drives runs of `namespace`.
pub(crate) fn of_host(namespace: Namespace) -> Ranking {
    Ranking::new(move |reader, definition| of_definition(reader, &namespace, definition))
}

/// Returns how much is left after each node of a definition, as the process that drives its runs would have it if it began now.
pub(crate) fn of_definition(reader: &dyn Reader, namespace: &Namespace, definition: &Definition) -> Ranks {
    let history = history::lately(reader, namespace, &definition.name, (RUNS, EVENTS_MAX));
    levels(definition, &history.ok().flatten().map(medians).unwrap_or_default())
}

/// Returns the median length of each task that was measured.
fn medians(history: History) -> BTreeMap<String, Span> {
    let median =
        |lengths: &[myrmex_model::time::Length]| lengths.get(lengths.len().checked_sub(1)? / 2).copied();
    let tasks = history.tasks.into_iter();
    tasks
        .filter_map(|(path, task)| {
            let length = median(&task.lengths)?;
            Some((path, Span(i64::try_from(length.0).unwrap_or(i64::MAX))))
        })
        .collect()
}
