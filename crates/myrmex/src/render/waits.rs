//! What a run waits for that has not begun: the runs that have the places of its workflow.
//!
//! It is looked up when it is shown and stored nowhere: who has the place changes while a run waits.

use myrmex_model::event::Event;
use myrmex_model::id::RunId;
use myrmex_model::name::Namespace;
use myrmex_model::status::Status;
use myrmex_runtime::partition::{JournalError, event_of};
use myrmex_store::contract::SummaryFilter;
use myrmex_store::{Reader, RunSummary, Sequence};

use super::summary::short;

/// How many runs of the workflow are looked at, the newest first: one that has the place is nearly always among them.
const LOOKED_AT_MAX: usize = 100;

/// A run is queued by its second event and admitted by its third.
const FIRST_EVENTS: usize = 3;

/// Where a run stands with its workflow's `concurrency`.
enum Standing {
    Unbounded,
    Waits(Option<String>),
    Admitted(Option<String>),
}

/// Says in words what a run waits for; nothing if it does not wait for its place.
///
/// # Errors
///
/// Returns [`JournalError`] if the store cannot be read.
pub fn what_for(
    reader: &dyn Reader,
    namespace: &Namespace,
    run: &RunSummary,
) -> Result<Option<String>, JournalError> {
    if run.status != Status::Pending {
        return Ok(None);
    }
    let Standing::Waits(key) = standing(reader, namespace, run.run)? else { return Ok(None) };
    let holder = holder(reader, namespace, run, key.as_deref())?;
    Ok(Some(match (holder, key) {
        (Some(holder), Some(key)) => format!("waits for run {}, which holds the key `{key}`", short(holder)),
        (Some(holder), None) => format!("waits for run {} of the same workflow", short(holder)),
        (None, Some(key)) => format!("waits for its place with the key `{key}`"),
        (None, None) => "waits for its place".to_owned(),
    }))
}

/// Finds a run that has the place, the newest first.
fn holder(
    reader: &dyn Reader,
    namespace: &Namespace,
    run: &RunSummary,
    key: Option<&str>,
) -> Result<Option<RunId>, JournalError> {
    let filter = SummaryFilter { status: Some(Status::Running), workflow: Some(run.workflow.clone()) };
    let page = reader.summaries(namespace, &filter, None, LOOKED_AT_MAX)?;
    for other in page.summaries {
        if let Standing::Admitted(held) = standing(reader, namespace, other.run)?
            && held.as_deref() == key
        {
            return Ok(Some(other.run));
        }
    }
    Ok(None)
}

fn standing(reader: &dyn Reader, namespace: &Namespace, run: RunId) -> Result<Standing, JournalError> {
    let mut standing = Standing::Unbounded;
    for record in &reader.run_records(namespace, run, Sequence::NONE, FIRST_EVENTS)? {
        let event = event_of(record)?.event;
        if let (Event::RunAdmitted, Standing::Waits(key)) = (&event, &mut standing) {
            standing = Standing::Admitted(key.take());
        } else if let Event::RunQueued { key } = event {
            standing = Standing::Waits(key);
        }
    }
    Ok(standing)
}
