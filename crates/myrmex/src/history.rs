//! The history of a workflow: how its past runs went, read from the store.
//!
//! Reading is bounded: by how many of the newest runs are looked at, those of other workflows among them, and by how many events are read of
//! all that are taken. So it costs a small workflow a few pages, and one with a hundred thousand items no more than the bound. What it means
//! is computed by `myrmex_engine::history`, from plain events.

use myrmex_engine::history::{Gathering, History, Timeline};
use myrmex_model::id::RunId;
use myrmex_model::name::{Name, Namespace};
use myrmex_model::status::Status;
use myrmex_runtime::partition::{JournalError, entry_of};
use myrmex_store::contract::{PAGE_ROWS_MAX, SummaryCursor, SummaryFilter, SummaryPage};
use myrmex_store::{Reader, RunSummary, Sequence, StoreError};

/// How many of the newest runs tell what to expect of the next one: older ones ran something else by now.
pub const RUNS: usize = 20;

/// The most events that are read for one answer: a few runs with ten thousand tasks each.
const EVENTS_MAX: usize = 200_000;

/// The most pages of runs that are read for one answer: with what a page looks at, 100,000 runs, of which most may be of other workflows.
/// Somebody may be looking at a run that is under way meanwhile, whose view stands still.
const PAGES_MAX: usize = 10;

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
    let found =
        newest(reader, namespace, (workflow, Last::Over(RUNS)), &mut |_, timeline| gathering.add(&timeline))?;
    Ok((found.runs > 0).then(|| gathering.finish()))
}

/// Reads the same of at most so many runs and events, which is quick enough for before the first task of a run begins. Only the newest page
/// of runs is looked at.
///
/// # Errors
///
/// Returns [`JournalError`] if the store cannot be read.
pub fn lately(
    reader: &dyn Reader,
    namespace: &Namespace,
    workflow: &Name,
    (runs, events_max): (usize, usize),
) -> Result<Option<History>, JournalError> {
    let filter = SummaryFilter { status: None, workflow: Some(workflow.clone()) };
    let (mut gathering, mut found, mut left) = (Gathering::default(), false, events_max);
    for summary in reader.summaries(namespace, &filter, None, runs)?.summaries {
        if summary.status == Status::Succeeded && left > 0 {
            gathering.add(&read(reader, (namespace, summary.run), &mut left)?);
            found = true;
        }
    }
    Ok(found.then(|| gathering.finish()))
}

/// Which of the newest runs of a workflow are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Last {
    /// So many that are over.
    Over(usize),
    /// Those that are over among so many.
    Among(usize),
}

/// What was looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Looked {
    /// How many runs were given out.
    pub runs: usize,
    /// Whether a bound ended it: older runs were not read, and perhaps the last one not to its end.
    pub is_cut: bool,
}

/// Gives the newest runs of a workflow that are over to `with`, the newest first, each with its timeline. Runs that never began are
/// left out. Looks at no more than [`PAGES_MAX`] pages of runs and [`EVENTS_MAX`] events.
///
/// # Errors
///
/// Returns [`JournalError`] if the store cannot be read.
pub fn newest(
    reader: &dyn Reader,
    namespace: &Namespace,
    (workflow, last): (&Name, Last),
    with: &mut dyn FnMut(RunSummary, Timeline),
) -> Result<Looked, JournalError> {
    let filter = SummaryFilter { status: None, workflow: Some(workflow.clone()) };
    let mut pages = |cursor, limit| reader.summaries(namespace, &filter, cursor, limit);
    let mut left = EVENTS_MAX;
    take_newest(last, &mut pages, &mut |summary| {
        let timeline = read(reader, (namespace, summary.run), &mut left)?;
        with(summary, timeline);
        Ok(left > 0)
    })
}

/// Returns whether a workflow ever ran, however many runs of others there are since.
///
/// # Errors
///
/// Returns [`StoreError`] if the store cannot be read.
pub fn has_run(reader: &dyn Reader, namespace: &Namespace, workflow: &Name) -> Result<bool, StoreError> {
    let filter = SummaryFilter { status: None, workflow: Some(workflow.clone()) };
    has_any(&mut |cursor, limit| reader.summaries(namespace, &filter, cursor, limit))
}

/// Reads a page of the runs of a workflow, with at most so many of them.
type Pages<'p> = dyn FnMut(Option<SummaryCursor>, usize) -> Result<SummaryPage, StoreError> + 'p;

/// Gives the newest runs that are over and began to `take`, until it wants no more.
fn take_newest(
    last: Last,
    pages: &mut Pages<'_>,
    take: &mut dyn FnMut(RunSummary) -> Result<bool, JournalError>,
) -> Result<Looked, JournalError> {
    let (Last::Over(wanted) | Last::Among(wanted)) = last;
    let (mut looked, mut cursor, mut left) = (Looked::default(), None, wanted);
    // Most often the first page has them all; then what lies between is passed over in large steps.
    let mut limit = wanted;
    for _ in 0..PAGES_MAX {
        let page = pages(cursor, limit)?;
        for summary in page.summaries {
            let is_measured = summary.status.is_terminal() && summary.status != Status::Skipped;
            if is_measured {
                looked.runs += 1;
                looked.is_cut = !take(summary)?;
            }
            left -= usize::from(is_measured || matches!(last, Last::Among(_)));
            if left == 0 || looked.is_cut {
                return Ok(looked);
            }
        }
        (cursor, limit) = (page.next, PAGE_ROWS_MAX);
        if cursor.is_none() {
            return Ok(looked);
        }
    }
    looked.is_cut = true;
    Ok(looked)
}

/// Whether there is any run, also behind pages without one.
fn has_any(pages: &mut Pages<'_>) -> Result<bool, StoreError> {
    let mut cursor = None;
    loop {
        let page = pages(cursor, 1)?;
        cursor = page.next;
        if !page.summaries.is_empty() || cursor.is_none() {
            return Ok(!page.summaries.is_empty());
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

#[cfg(test)]
mod tests {
    use myrmex_model::id::DefinitionHash;
    use myrmex_model::time::Timestamp;
    use myrmex_store::contract::Arrival;

    use super::*;

    fn run(status: Status) -> RunSummary {
        RunSummary {
            namespace: Namespace::standard(),
            run: RunId([0; 16]),
            workflow: Name::new("w").unwrap(),
            definition: DefinitionHash::of(b""),
            status,
            started: Timestamp(0),
            ended: None,
            started_by: "tester".into(),
            last: Sequence::NONE,
            key: None,
            fault: None,
        }
    }

    fn page(summaries: Vec<RunSummary>, has_next: bool) -> SummaryPage {
        let next = has_next.then_some(SummaryCursor { started: Timestamp(0), arrival: Arrival(0) });
        SummaryPage { summaries, next }
    }

    /// Takes the newest out of pages; returns what was looked at and how many pages were read.
    fn take(last: Last, page_of: impl Fn(usize) -> SummaryPage) -> (Looked, usize) {
        let mut read = 0;
        let mut pages = |_, _| {
            read += 1;
            Ok(page_of(read))
        };
        let looked = take_newest(last, &mut pages, &mut |_| Ok(true)).unwrap();
        (looked, read)
    }

    #[test]
    fn runs_of_others_are_passed_over_up_to_a_bound_that_is_told() {
        let cut = |runs| Looked { runs, is_cut: true };
        assert_eq!(take(Last::Over(20), |_| page(Vec::new(), true)), (cut(0), PAGES_MAX));
        let rare = |_| page(vec![run(Status::Succeeded), run(Status::Skipped), run(Status::Running)], true);
        assert_eq!(take(Last::Over(20), rare), (cut(PAGES_MAX), PAGES_MAX));
        let last = |read| page(vec![run(Status::Failed)], read < 3);
        assert_eq!(take(Last::Over(20), last), (Looked { runs: 3, is_cut: false }, 3));
        assert_eq!(take(Last::Over(2), last), (Looked { runs: 2, is_cut: false }, 2));
    }

    #[test]
    fn among_the_newest_also_those_count_that_are_not_over() {
        let mixed = |_| page(vec![run(Status::Running), run(Status::Succeeded)], true);
        assert_eq!(take(Last::Among(3), mixed), (Looked { runs: 1, is_cut: false }, 2));
        assert_eq!(take(Last::Over(3), mixed), (Looked { runs: 3, is_cut: false }, 3));
    }

    #[test]
    fn a_workflow_ran_though_the_newest_runs_are_of_others() {
        let mut read = 0;
        let mut behind = |_, _| {
            read += 1;
            Ok(page(if read == 12 { vec![run(Status::Succeeded)] } else { Vec::new() }, true))
        };
        assert!(has_any(&mut behind).unwrap());
        assert!(!has_any(&mut |_, _| Ok(page(Vec::new(), false))).unwrap());
    }
}
