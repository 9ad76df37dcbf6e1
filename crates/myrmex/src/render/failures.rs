//! What else failed in a run, beside the error that it ends with.

use std::collections::BTreeSet;
use std::io::Write;

use myrmex_engine::run::{Run, TaskView};
use myrmex_lang::Position;
use myrmex_model::OrderedMap;
use myrmex_model::fault::Fault;
use myrmex_model::status::Status;

use super::origin::Origin;
use super::summary::short;

/// The most errors that are listed, that of the run included: who has more of them looks at one after the other.
const LISTED_MAX: usize = 10;

/// How many lines of what more is known of an error are printed below each but the first: with the last one it says most.
const DETAIL_LINES_OTHERS: usize = 1;

/// How much of a line of it is printed.
const DETAIL_COLUMNS_MAX: usize = 200;

/// Prints the errors of the other tasks that failed, up to a bound; `tasks` are all tasks of the run by path.
pub fn print_others(
    run: &Run,
    (tasks, origin): (&OrderedMap<String, TaskView<'_>>, &Origin),
    out: &mut impl Write,
) {
    let others = others(run, tasks);
    let shown = LISTED_MAX - 1;
    // If standard error is closed, the exit code still tells.
    for fault in others.iter().take(shown) {
        print(fault, (origin.place(run, fault), DETAIL_LINES_OTHERS), out);
    }
    if others.len() > shown {
        let more = others.len() - shown;
        drop(writeln!(out, "and {more} more; `myrmex runs show {}` lists all tasks", short(run.id())));
    }
}

/// Prints an error, where the expression stands that it is about, and so many of the last lines of what more is known of it.
pub fn print(fault: &Fault, (place, lines): (Option<Position>, usize), out: &mut impl Write) {
    // If standard error is closed, the exit code still tells.
    drop(writeln!(out, "error: {fault}"));
    if let Some(place) = place {
        drop(writeln!(out, " --> {place}"));
    }
    let detail: Vec<&str> = fault.detail.iter().flat_map(|detail| detail.lines()).collect();
    for line in &detail[detail.len().saturating_sub(lines)..] {
        let shown: String = line.chars().take(DETAIL_COLUMNS_MAX).collect();
        drop(writeln!(out, "  {shown}"));
    }
}

/// Returns the errors that stand beside that of the run, one for each task that raised one. What something around a task
/// caught or tolerated is none.
fn others<'a>(run: &'a Run, tasks: &OrderedMap<String, TaskView<'a>>) -> Vec<&'a Fault> {
    let succeeded: Vec<_> =
        tasks.values().filter(|task| task.status() == Status::Succeeded).map(TaskView::address).collect();
    let mut seen: BTreeSet<&str> = run.fault().and_then(|fault| fault.task.as_deref()).into_iter().collect();
    let mut others = Vec::new();
    for task in tasks.values().filter(|task| matches!(task.status(), Status::Failed | Status::TimedOut)) {
        let Some(fault) = task.fault() else { continue };
        let address = task.address();
        let is_caught = || succeeded.iter().any(|scope| address.is_inside(scope));
        // What is around a task bears its error too.
        let is_new = fault.task.as_deref().is_none_or(|task| !seen.contains(task));
        if is_new && !is_caught() {
            seen.extend(fault.task.as_deref());
            others.push(fault);
        }
    }
    others
}
