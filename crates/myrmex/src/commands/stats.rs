//! `myrmex runs stats`: how runs ended, how long they took and how often they were retried, by workflow and by task.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use clap_complete::engine::ArgValueCompleter;
use myrmex_engine::history::{Gathering, History, Quantiles, TaskHistory};
use myrmex_lang::nearest;
use myrmex_model::event::Event;
use myrmex_model::name::{Name, Namespace};
use myrmex_model::status::Status;
use myrmex_model::time::Length;
use myrmex_store::contract::SummaryFilter;
use myrmex_store::{Reader, RunSummary};
use serde_json::{Map, Value, json};

use super::list::name;
use super::runs::open_reader;
use crate::complete;
use crate::descendants::start_of;
use crate::exit::{Exit, Failure, FailureCode};
use crate::history::{self, Last, Looked};
use crate::render::table::{Side, table};
use crate::render::{measured, time};
use crate::session::print_line;
use crate::workspace::Workspace;

/// How many of the newest runs are counted if nothing else is said.
const RUNS: u16 = 1_000;

/// How many runs are read at a time.
const PAGE: usize = 1_000;

/// Count how runs ended, how long they took and how often they were retried
///
/// With a workflow also its tasks, measured in the newest of these runs that are over: what was cached, taken over or cut off with its
/// process is not measured. P50 and P90 are lengths that occurred, of what succeeded: half, and nine tenths, took no longer.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only this workflow, with its tasks
    #[arg(value_parser = name, add = ArgValueCompleter::new(complete::names_of_runs))]
    workflow: Option<Name>,

    /// Look at this many of the newest runs
    #[arg(long, default_value_t = RUNS, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    last: u16,

    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// Counts runs.
///
/// # Errors
///
/// Returns [`Failure`] if the workflow has no runs, or the store cannot be read.
pub fn run(args: &Args, data: Option<&Path>) -> Result<Exit, Failure> {
    let workspace = Workspace::current(data)?;
    let reader = open_reader(&workspace)?;
    let namespace = Namespace::standard();
    let last = usize::from(args.last);
    let counted = count(&reader, &namespace, (args.workflow.as_ref(), last))?;
    let Some(workflow) = &args.workflow else {
        if args.json {
            let shown: Vec<Value> = counted.iter().map(|(name, counts)| counts.json(name)).collect();
            print_line(&json!({"last": args.last, "workflows": shown}))?;
        } else {
            print(&overview(&counted))?;
        }
        return Ok(Exit::Success);
    };
    let Some(counts) = counted.get(workflow) else { return Err(unknown(&reader, &namespace, workflow)?) };
    let mut gathering = Gathering::default();
    let looked = history::newest(&reader, &namespace, (workflow, Last::Among(last)), &mut |_, timeline| {
        gathering.add(&timeline);
    })?;
    let history = gathering.finish();
    if args.json {
        print_line(&whole_json((workflow, counts), &history, looked))?;
    } else {
        print(&whole((workflow, counts), &history, looked))?;
    }
    Ok(Exit::Success)
}

fn print(text: &str) -> Result<(), Failure> {
    write!(anstream::stdout(), "{text}").map_err(|error| Failure::output(&error))
}

/// What is counted of the runs of one workflow.
#[derive(Default)]
struct Counted {
    runs: usize,
    by_status: BTreeMap<&'static str, usize>,
    succeeded: usize,
    /// Those that ended by what their tasks did: not those that were cancelled, or that never began.
    judged: usize,
    took: Vec<Length>,
    retries: usize,
}

impl Counted {
    fn add(&mut self, run: &RunSummary, is_retry: bool) {
        self.runs += 1;
        self.retries += usize::from(is_retry);
        *self.by_status.entry(run.status.as_str()).or_default() += 1;
        match run.status {
            Status::Succeeded => {
                self.succeeded += 1;
                self.judged += 1;
                self.took.extend(run.ended.map(|ended| ended.since(run.started)));
            }
            Status::Failed | Status::TimedOut | Status::Compensated | Status::Stuck => self.judged += 1,
            Status::Pending | Status::Running | Status::Waiting | Status::Cancelled | Status::Skipped => {}
        }
    }

    fn took(&self) -> Option<Quantiles> {
        Quantiles::of(&mut self.took.clone())
    }

    /// Says how many succeeded of those that ended by themselves, in whole percent that are never rounded up to all.
    fn rate(&self) -> String {
        match (self.succeeded * 100).checked_div(self.judged) {
            Some(percent) => format!("{percent} %"),
            None => String::new(),
        }
    }

    fn ends(&self) -> String {
        let known =
            Status::ALL.iter().filter_map(|status| Some((status, self.by_status.get(status.as_str())?)));
        known.map(|(status, count)| format!("{count} {status}")).collect::<Vec<_>>().join(", ")
    }

    fn json(&self, workflow: &Name) -> Value {
        let by_status: Map<String, Value> =
            self.by_status.iter().map(|(status, count)| ((*status).to_owned(), json!(count))).collect();
        json!({
            "workflow": workflow.as_str(),
            "runs": self.runs,
            "by_status": by_status,
            "succeeded": self.succeeded,
            "judged": self.judged,
            "took": measured::quantiles(self.took()),
            "retries": self.retries,
        })
    }
}

/// Counts the newest runs, by workflow.
fn count(
    reader: &dyn Reader,
    namespace: &Namespace,
    (workflow, last): (Option<&Name>, usize),
) -> Result<BTreeMap<Name, Counted>, Failure> {
    let filter = SummaryFilter { status: None, workflow: workflow.cloned() };
    let mut counted: BTreeMap<Name, Counted> = BTreeMap::new();
    let (mut cursor, mut left) = (None, last);
    loop {
        let page = reader.summaries(namespace, &filter, cursor, PAGE.min(left))?;
        for run in page.summaries.iter().take(left) {
            let start = start_of(reader, namespace, run.run)?;
            let is_retry = matches!(start, Some(Event::RunStarted { retry: Some(_), .. }));
            counted.entry(run.workflow.clone()).or_default().add(run, is_retry);
        }
        left = left.saturating_sub(page.summaries.len());
        cursor = page.next;
        if cursor.is_none() || left == 0 {
            return Ok(counted);
        }
    }
}

/// Builds the failure of a workflow without runs.
fn unknown(reader: &dyn Reader, namespace: &Namespace, workflow: &Name) -> Result<Failure, Failure> {
    let known = count(reader, namespace, (None, usize::from(RUNS)))?;
    let failure = Failure::new(FailureCode::RunId, format!("there is no run of a workflow `{workflow}`"));
    Ok(match nearest(workflow.as_str(), known.keys().map(Name::as_str)) {
        Some(near) => failure.with_hint(format!("did you mean `{near}`?")),
        None => failure.with_hint("`myrmex runs stats` names the workflows that ran"),
    })
}

fn overview(counted: &BTreeMap<Name, Counted>) -> String {
    if counted.is_empty() {
        // If standard error is closed the empty table still tells.
        drop(writeln!(anstream::stderr(), "no runs yet: `myrmex run FILE` starts one"));
        return String::new();
    }
    let rows: Vec<[String; 7]> = counted
        .iter()
        .map(|(name, counts)| {
            let took = counts.took();
            [
                name.as_str().to_owned(),
                counts.runs.to_string(),
                counts.rate(),
                length(took.map(|took| took.p50)),
                length(took.map(|took| took.p90)),
                counts.retries.to_string(),
                counts.ends(),
            ]
        })
        .collect();
    let heads = [
        ("WORKFLOW", Side::Left),
        ("RUNS", Side::Right),
        ("SUCCESS", Side::Right),
        ("P50", Side::Right),
        ("P90", Side::Right),
        ("RETRIES", Side::Right),
        ("BY STATUS", Side::Left),
    ];
    table(heads, &rows)
}

fn length(length: Option<Length>) -> String {
    length.map(|length| time::elapsed_ms(length.0)).unwrap_or_default()
}

fn whole((workflow, counts): (&Name, &Counted), history: &History, looked: Looked) -> String {
    let mut facts = vec![("workflow", workflow.as_str().to_owned())];
    facts.push(("runs", format!("{}: {}", counts.runs, counts.ends())));
    facts.extend(Some(("success", counts.rate())).filter(|(_, rate)| !rate.is_empty()));
    facts.extend(counts.took().map(|took| ("took", measured::line(took, took.count, "run"))));
    facts.push(("retries", counts.retries.to_string()));
    let facts: Vec<String> = facts.iter().map(|(name, value)| format!("{name:<9} {value}")).collect();
    let mut shown = facts.join("\n") + "\n";
    if history.tasks.is_empty() {
        return shown;
    }
    let rows: Vec<[String; 9]> = history.tasks.iter().map(|(path, task)| row(path, task)).collect();
    let heads = [
        ("TASK", Side::Left),
        ("RUNS", Side::Right),
        ("P50", Side::Right),
        ("P90", Side::Right),
        ("WAITED P50", Side::Right),
        ("P90", Side::Right),
        ("DONE", Side::Right),
        ("FAILED", Side::Right),
        ("RETRIES", Side::Right),
    ];
    shown.push('\n');
    shown.push_str(&table(heads, &rows));
    if looked.is_cut {
        let note =
            "not all of these runs were read, which would be too much: the tasks are those of the newest";
        // If standard error is closed nobody reads the table.
        drop(writeln!(anstream::stderr(), "{note} {} run(s)", looked.runs));
    }
    shown
}

fn row(path: &str, task: &TaskHistory) -> [String; 9] {
    [
        path.to_owned(),
        task.runs.to_string(),
        length(task.took.map(|took| took.p50)),
        length(task.took.map(|took| took.p90)),
        length(task.waited.map(|waited| waited.p50)),
        length(task.waited.map(|waited| waited.p90)),
        (task.counts.succeeded + task.counts.taken).to_string(),
        task.counts.failed.to_string(),
        task.counts.retries.to_string(),
    ]
}

fn whole_json((workflow, counts): (&Name, &Counted), history: &History, looked: Looked) -> Value {
    let tasks: Map<String, Value> =
        history.tasks.iter().map(|(path, task)| (path.clone(), measured::task(task))).collect();
    let mut document = counts.json(workflow);
    document["tasks"] = Value::Object(tasks);
    document["tasks_of_runs"] = json!(looked.runs);
    document["cut"] = json!(looked.is_cut);
    document
}
