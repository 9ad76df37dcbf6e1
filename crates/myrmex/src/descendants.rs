//! Which runs stand above and below each other, read from what they recorded when they started.

use std::collections::BTreeSet;

use myrmex_engine::run::CALL_DEPTH_MAX;
use myrmex_model::event::Event;
use myrmex_model::id::RunId;
use myrmex_model::name::Namespace;
use myrmex_runtime::partition::{JournalError, event_of};
use myrmex_store::contract::Arrival;
use myrmex_store::{Reader, Sequence};

/// How many runs are read at a time.
const PAGE: usize = 1_000;

/// Returns the runs that are not over, of all partitions, in the order in which they started.
///
/// # Errors
///
/// Returns [`JournalError`] if the store cannot be read.
pub fn open_runs(reader: &dyn Reader, namespace: &Namespace) -> Result<Vec<RunId>, JournalError> {
    let mut found = Vec::new();
    for log in reader.logs()? {
        let mut after = Arrival::NONE;
        loop {
            let page = reader.open_runs(log, after, PAGE)?;
            let Some(last) = page.last() else { break };
            after = last.arrival;
            let own = page.iter().filter(|open| open.summary.namespace == *namespace);
            found.extend(own.map(|open| (open.arrival, open.summary.run)));
        }
    }
    found.sort_unstable();
    Ok(found.into_iter().map(|(_, run)| run).collect())
}

/// Returns the runs that are not over and that `run` started, or a run that it started, and so on: in the order in which
/// they started, whether somebody waits for them or not.
///
/// # Errors
///
/// Returns [`JournalError`] if the store cannot be read.
pub fn open_below(
    reader: &dyn Reader,
    namespace: &Namespace,
    run: RunId,
) -> Result<Vec<RunId>, JournalError> {
    let mut below = Vec::new();
    for open in open_runs(reader, namespace)? {
        if is_below(reader, (namespace, open), |above| above == run)? {
            below.push(open);
        }
    }
    Ok(below)
}

/// Returns how many of these runs, none of which is over, no other of them brings back when it is resumed.
///
/// # Errors
///
/// Returns [`JournalError`] if the store cannot be read.
pub fn count_topmost(
    reader: &dyn Reader,
    namespace: &Namespace,
    open: &BTreeSet<RunId>,
) -> Result<usize, JournalError> {
    let mut count = 0;
    for run in open {
        count += usize::from(!is_below(reader, (namespace, *run), |above| open.contains(&above))?);
    }
    Ok(count)
}

/// Returns whether one of the runs that stand above `run` is asked for.
fn is_below(
    reader: &dyn Reader,
    (namespace, run): (&Namespace, RunId),
    is_asked_for: impl Fn(RunId) -> bool,
) -> Result<bool, JournalError> {
    let mut here = run;
    for _ in 0..=CALL_DEPTH_MAX {
        match parent_of(reader, namespace, here)? {
            Some(above) if is_asked_for(above) => return Ok(true),
            Some(above) => here = above,
            None => return Ok(false),
        }
    }
    Ok(false)
}

/// Returns the run that called `run`.
fn parent_of(reader: &dyn Reader, namespace: &Namespace, run: RunId) -> Result<Option<RunId>, JournalError> {
    let first = reader.run_records(namespace, run, Sequence::NONE, 1)?;
    let Some(first) = first.first() else { return Ok(None) };
    // A journal begins with the start of its run.
    let Event::RunStarted { parent, .. } = event_of(first)?.event else { return Ok(None) };
    Ok(parent.map(|parent| parent.run))
}
