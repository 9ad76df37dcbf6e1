//! `myrmex runs list`: the newest runs first.

use std::io::Write;
use std::path::Path;

use myrmex_model::event::{Event, Parent};
use myrmex_model::name::{Name, Namespace};
use myrmex_model::retry::Retry;
use myrmex_model::status::Status;
use myrmex_store::contract::SummaryFilter;
use myrmex_store::{Reader, RunSummary};
use serde_json::{Value, json};

use super::runs::open_reader;
use crate::descendants::start_of;
use crate::driven::Driver;
use crate::exit::{Exit, Failure};
use crate::render::{summary, time, waits};
use crate::session::print_line;
use crate::workspace::Workspace;

/// List runs, the newest first
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Show at most this many
    #[arg(long, default_value_t = 20, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,

    /// Show only runs with this status; `interrupted` are those that are not over and that no process runs
    #[arg(long, value_parser = wanted)]
    status: Option<Wanted>,

    /// Show only runs of this workflow
    #[arg(long, value_parser = name)]
    workflow: Option<Name>,

    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// The word for a run that is not over and that no process runs. It is no status: what is recorded stays.
const INTERRUPTED: &str = "interrupted";

/// Which runs are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// Those with this status that are over, or that a process runs.
    Status(Status),
    /// Those that wait for `runs resume`.
    Interrupted,
}

fn wanted(word: &str) -> Result<Wanted, String> {
    if word == INTERRUPTED {
        return Ok(Wanted::Interrupted);
    }
    let known: Vec<&str> = Status::ALL.iter().map(|status| status.as_str()).chain([INTERRUPTED]).collect();
    Status::from_word(word).map(Wanted::Status).ok_or_else(|| format!("choose one of {}", known.join(", ")))
}

pub(super) fn name(text: &str) -> Result<Name, String> {
    Name::new(text).map_err(|error| error.to_string())
}

/// Lists the runs.
///
/// # Errors
///
/// Returns [`Failure`] if the store cannot be read.
pub fn run(args: &Args, data: Option<&Path>) -> Result<Exit, Failure> {
    let workspace = Workspace::current(data)?;
    let reader = open_reader(&workspace)?;
    let driver = Driver::of(&workspace)?;
    let status = match args.status {
        Some(Wanted::Status(status)) => Some(status),
        Some(Wanted::Interrupted) | None => None,
    };
    let filter = SummaryFilter { status, workflow: args.workflow.clone() };
    let limit = usize::from(args.limit);
    let mut runs = Vec::new();
    let mut cursor = None;
    loop {
        // One more than is shown tells whether there are more.
        let page = reader.summaries(&Namespace::standard(), &filter, cursor, limit + 1)?;
        for run in page.summaries {
            let is_interrupted = driver.has_left(&reader, &run)?;
            let is_wanted = match args.status {
                Some(Wanted::Status(_)) => !is_interrupted,
                Some(Wanted::Interrupted) => is_interrupted,
                None => true,
            };
            if is_wanted {
                runs.push((run, is_interrupted));
            }
        }
        cursor = page.next;
        if cursor.is_none() || runs.len() > limit {
            break;
        }
    }
    let are_all = runs.len() <= limit;
    runs.truncate(limit);
    let runs: Vec<Listed> = runs.into_iter().map(|run| listed(&reader, run)).collect::<Result<_, _>>()?;
    if args.json {
        let shown: Vec<Value> = runs.iter().map(summary_json).collect();
        print_line(&json!({ "runs": shown }))?;
    } else {
        let is_filtered = args.status.is_some() || args.workflow.is_some();
        print(&runs, is_filtered).map_err(|error| Failure::output(&error))?;
        if !are_all {
            // If standard error is closed nobody reads the list.
            drop(writeln!(anstream::stderr(), "these are the newest {limit}, `--limit COUNT` shows more"));
        }
    }
    Ok(Exit::Success)
}

/// A run of the list.
struct Listed {
    run: RunSummary,
    /// Whether it was cut off and waits for `runs resume`.
    is_interrupted: bool,
    /// Which run it retries, if it does.
    retry: Option<Box<Retry>>,
    /// Which task of which run called it, if one did.
    parent: Option<Parent>,
    /// What it waits for before it begins, if it does.
    waits: Option<String>,
}

/// Looks up what only the events of a run tell.
fn listed(reader: &dyn Reader, (run, is_interrupted): (RunSummary, bool)) -> Result<Listed, Failure> {
    let (retry, parent) = match start_of(reader, &run.namespace, run.run)? {
        Some(Event::RunStarted { retry, parent, .. }) => (retry, parent),
        Some(_) | None => (None, None),
    };
    let waits = if is_interrupted { None } else { waits::what_for(reader, &Namespace::standard(), &run)? };
    Ok(Listed { run, is_interrupted, retry, parent, waits })
}

fn summary_json(Listed { run, is_interrupted, retry, parent, waits }: &Listed) -> Value {
    json!({
        "run": run.run.to_string(),
        "workflow": run.workflow.as_str(),
        "status": run.status.as_str(),
        "interrupted": is_interrupted,
        "phase": waits.as_ref().map(|_| "queued"),
        "waits": waits,
        "started": run.started.to_string(),
        "ended": run.ended.map(|at| at.to_string()),
        "started_by": run.started_by,
        "key": run.key,
        "definition": run.definition.to_string(),
        "retry_of": retry.as_ref().map(|retry| retry.of.to_string()),
        "attempt": retry.as_ref().map_or(1, |retry| retry.attempt),
        "parent": parent.as_ref().map(parent_json),
        "error": run.fault,
    })
}

/// Shows to scripts which task of which run called a run.
pub(super) fn parent_json(parent: &Parent) -> Value {
    json!({"run": parent.run.to_string(), "task": parent.task.path()})
}

fn print(runs: &[Listed], is_filtered: bool) -> std::io::Result<()> {
    if runs.is_empty() {
        let note = if is_filtered { "no run fits" } else { "no runs yet: `myrmex run FILE` starts one" };
        // If standard error is closed the empty list still tells.
        drop(writeln!(anstream::stderr(), "{note}"));
        return Ok(());
    }
    let width = runs.iter().map(|Listed { run, .. }| run.workflow.as_str().len()).max().unwrap_or(0).max(8);
    let mut out = anstream::stdout().lock();
    writeln!(out, "{:<13}  {:<width$}  {:<11}  {:<20}  TOOK", "RUN", "WORKFLOW", "STATUS", "STARTED (UTC)")?;
    for Listed { run, is_interrupted, retry, parent, waits } in runs {
        let started = time::instant(run.started);
        let took = match run.ended {
            Some(ended) => time::between(run.started, ended),
            None if *is_interrupted => "`runs resume` goes on".to_owned(),
            None => waits.clone().unwrap_or_default(),
        };
        let status = if *is_interrupted { INTERRUPTED } else { run.status.as_str() };
        let (id, workflow) = (summary::short(run.run), run.workflow.as_str());
        let retry = retry.as_ref().map(|retry| format!("  retry of {}", summary::short(retry.of)));
        let parent = parent.as_ref().map(|parent| format!("  called by {}", summary::short(parent.run)));
        let kin = [retry, parent].map(Option::unwrap_or_default).concat();
        writeln!(out, "{id:<13}  {workflow:<width$}  {status:<11}  {started:<20}  {took}{kin}")?;
    }
    Ok(())
}
