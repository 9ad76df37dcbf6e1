//! The history of a workflow: how its past runs went, read from the store.
//!
//! Reading is bounded: by how many of the newest runs are looked at, and by how many events are read of all of them. So it costs a small
//! workflow a few pages, and one with a hundred thousand items no more than the bound. What it means is computed by
//! `myrmex_engine::history`, from plain events.

use myrmex_engine::history::{Gathering, History, Timeline};
use myrmex_model::id::RunId;
use myrmex_model::name::{Name, Namespace};
use myrmex_model::status::Status;
use myrmex_runtime::partition::{JournalError, entry_of};
use myrmex_store::contract::SummaryFilter;
use myrmex_store::{Reader, RunSummary, Sequence};

/// How many of the newest runs tell what to expect of the next one: older ones ran something else by now.
pub const RUNS: usize = 20;

/// The most events that are read for one answer: a few runs with ten thousand tasks each.
const EVENTS_MAX: usize = 200_000;

/// How many events are read at a time.
const PAGE: usize = 1_000;

/// Reads what past runs of a workflow have in common: of the newest [`RUNS`] that are over. Nothing if there are none.
///
/// A drawing and an estimate of what is left of a run take this; the tasks stand in it by their paths without the keys of items, `deploy[]`
/// for the items of `deploy`. It takes time that grows with what those runs did, up to [`EVENTS_MAX`] events: not for before the first task
/// of a run begins.
///
/// # Errors
///
/// Returns [`JournalError`] if the store cannot be read.
pub fn of_workflow(
    reader: &dyn Reader,
    namespace: &Namespace,
    workflow: &Name,
) -> Result<Option<History>, JournalError> {
    let mut gathering = Gathering::default();
    let found = newest(reader, namespace, (workflow, RUNS), &mut |_, timeline| gathering.add(&timeline))?;
    Ok((found.runs > 0).then(|| gathering.finish()))
}

/// What was looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Looked {
    /// How many runs were given out.
    pub runs: usize,
    /// Whether the bound of events ended it: the last run was not read to its end, and older ones not at all.
    pub is_cut: bool,
}

/// Gives the newest runs of a workflow that are over to `with`, the newest first, each with its timeline. Runs that never began are
/// left out.
///
/// # Errors
///
/// Returns [`JournalError`] if the store cannot be read.
pub fn newest(
    reader: &dyn Reader,
    namespace: &Namespace,
    (workflow, runs): (&Name, usize),
    with: &mut dyn FnMut(RunSummary, Timeline),
) -> Result<Looked, JournalError> {
    let filter = SummaryFilter { status: None, workflow: Some(workflow.clone()) };
    let (mut looked, mut cursor, mut left) = (Looked::default(), None, EVENTS_MAX);
    loop {
        let page = reader.summaries(namespace, &filter, cursor, runs)?;
        for summary in page.summaries {
            if !summary.status.is_terminal() || summary.status == Status::Skipped {
                continue;
            }
            let timeline = read(reader, (namespace, summary.run), &mut left)?;
            looked.is_cut = left == 0;
            looked.runs += 1;
            with(summary, timeline);
            if looked.runs == runs || looked.is_cut {
                return Ok(looked);
            }
        }
        cursor = page.next;
        if cursor.is_none() {
            return Ok(looked);
        }
    }
}

/// Reads the timeline of one run, whatever its size.
///
/// # Errors
///
/// Returns [`JournalError`] if the store cannot be read.
pub fn timeline(reader: &dyn Reader, namespace: &Namespace, run: RunId) -> Result<Timeline, JournalError> {
    let mut left = usize::MAX;
    read(reader, (namespace, run), &mut left)
}

/// Reads the events of a run, as long as some are `left`.
fn read(
    reader: &dyn Reader,
    (namespace, run): (&Namespace, RunId),
    left: &mut usize,
) -> Result<Timeline, JournalError> {
    let (mut timeline, mut after) = (Timeline::default(), Sequence::NONE);
    while *left > 0 {
        let records = reader.run_records(namespace, run, after, PAGE.min(*left))?;
        let Some(last) = records.last() else { break };
        after = last.sequence;
        *left -= records.len();
        for record in &records {
            let (recorded, owner) = entry_of(record)?;
            timeline.add(&recorded, owner);
        }
    }
    Ok(timeline)
}
