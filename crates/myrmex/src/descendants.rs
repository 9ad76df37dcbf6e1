//! How runs are related: which stand above and below each other, and which retries which. Read from what they recorded.

use std::collections::BTreeSet;

use myrmex_engine::run::CALL_DEPTH_MAX;
use myrmex_model::address::Address;
use myrmex_model::event::Event;
use myrmex_model::id::RunId;
use myrmex_model::ir::Body;
use myrmex_model::name::Namespace;
use myrmex_runtime::partition::{JournalError, event_of, load_definition};
use myrmex_store::contract::{Arrival, SummaryFilter};
use myrmex_store::{Reader, RunSummary, Sequence};

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
///
/// # Errors
///
/// Returns [`JournalError`] if the store cannot be read.
pub fn is_below(
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

/// How many runs of a workflow are looked at for retries of one of them, the newest first: who looks at a run mostly wants to
/// know of what came soon after it.
const RETRIES_LOOKED_AT_MAX: usize = 100;

/// A call of another workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The task that called it.
    pub task: Address,
    /// The run that it began.
    pub child: RunId,
}

/// Returns what `run` called, in order, each attempt of a task by itself.
///
/// # Errors
///
/// Returns [`JournalError`] if the store cannot be read.
pub fn calls(reader: &dyn Reader, namespace: &Namespace, run: RunId) -> Result<Vec<Call>, JournalError> {
    let mut calls = Vec::new();
    // Without a call in its definition nothing is to be found among what may be a great many events.
    if !has_calls(reader, namespace, run)? {
        return Ok(calls);
    }
    let mut after = Sequence::NONE;
    loop {
        let records = reader.run_records(namespace, run, after, PAGE)?;
        let Some(last) = records.last() else { return Ok(calls) };
        after = last.sequence;
        for record in &records {
            if let Event::ChildCalled { task, child, .. } = event_of(record)?.event {
                calls.push(Call { task, child });
            }
        }
    }
}

/// Returns whether the definition that a run follows calls another.
fn has_calls(reader: &dyn Reader, namespace: &Namespace, run: RunId) -> Result<bool, JournalError> {
    let Some(summary) = reader.summary(namespace, run)? else { return Ok(false) };
    let definition = load_definition(reader, namespace, summary.definition)?;
    let mut nodes = definition.iter().flat_map(|definition| &definition.nodes);
    Ok(nodes.any(|node| matches!(node.body, Body::Call(_))))
}

/// Finds the run in which a task lies that is seen from `run` as inside of the task that called that run, and its path there;
/// nothing if `path` leads through no call.
///
/// # Errors
///
/// Returns [`JournalError`] if the store cannot be read.
pub fn inside_call(
    reader: &dyn Reader,
    namespace: &Namespace,
    (run, path): (RunId, &str),
) -> Result<Option<(RunId, String)>, JournalError> {
    let (mut found, mut here, mut rest) = (None, run, path.to_owned());
    for _ in 0..=CALL_DEPTH_MAX {
        let calls = calls(reader, namespace, here)?;
        let inner = |call: &Call| {
            let inner = rest.strip_prefix(&*call.task.path())?.strip_prefix('/')?;
            Some((call.child, inner.to_owned()))
        };
        // Of several attempts the last counts.
        let Some((child, inner)) = calls.iter().rev().find_map(inner) else { break };
        (here, rest) = (child, inner.clone());
        found = Some((child, inner));
    }
    Ok(found)
}

/// Returns the runs that retry `run`, the oldest first, of the newest [`RETRIES_LOOKED_AT_MAX`] runs of its workflow.
///
/// # Errors
///
/// Returns [`JournalError`] if the store cannot be read.
pub fn retries_of(
    reader: &dyn Reader,
    namespace: &Namespace,
    run: &RunSummary,
) -> Result<Vec<RunId>, JournalError> {
    let mut retries = Vec::new();
    let Some(ended) = run.ended else { return Ok(retries) };
    let filter = SummaryFilter { status: None, workflow: Some(run.workflow.clone()) };
    let page = reader.summaries(namespace, &filter, None, RETRIES_LOOKED_AT_MAX)?;
    for later in page.summaries.iter().take_while(|later| later.started >= ended) {
        if let Some(Event::RunStarted { retry: Some(retry), .. }) = start_of(reader, namespace, later.run)?
            && retry.of == run.run
        {
            retries.push(later.run);
        }
    }
    retries.reverse();
    Ok(retries)
}

/// Returns the event with which a run began.
///
/// # Errors
///
/// Returns [`JournalError`] if the store cannot be read.
pub fn start_of(
    reader: &dyn Reader,
    namespace: &Namespace,
    run: RunId,
) -> Result<Option<Event>, JournalError> {
    // A journal begins with the start of its run.
    let first = reader.run_records(namespace, run, Sequence::NONE, 1)?;
    Ok(first.first().map(event_of).transpose()?.map(|recorded| recorded.event))
}

/// Returns the run that called `run`.
fn parent_of(reader: &dyn Reader, namespace: &Namespace, run: RunId) -> Result<Option<RunId>, JournalError> {
    let Some(Event::RunStarted { parent, .. }) = start_of(reader, namespace, run)? else { return Ok(None) };
    Ok(parent.map(|parent| parent.run))
}
