//! What has happened of the tasks of a run, and of the runs that it called: read from what is recorded.

use std::collections::BTreeMap;

use myrmex_engine::run::{Run, TaskView};
use myrmex_model::event::Event;
use myrmex_model::id::RunId;
use myrmex_model::ir::{AwaitKind, Body};
use myrmex_model::name::Namespace;
use myrmex_model::signal::{Answer, Progress, Signal, Word};
use myrmex_model::status::Status;
use myrmex_model::time::{Length, Timestamp};
use myrmex_runtime::partition::{event_of, load_run};
use myrmex_store::{Reader, Sequence};

use crate::descendants;
use crate::exit::Failure;

/// How many records are read at a time.
const PAGE: usize = 1_000;

/// What has happened of tasks, by their paths in a plan: `ship/pack` for the task `pack` of the workflow that `ship` calls.
pub type Actuals = BTreeMap<String, Actual>;

/// What has happened of one task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Actual {
    /// Its status.
    pub status: Status,
    /// Since when it can be worked on: it was entered, or people were asked.
    pub opened: Option<Timestamp>,
    /// When work on it began. People's work begins when they first say how far it is, at the latest when it is over.
    pub begun: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// What its people said last of how far it is, and when.
    pub said: Option<(Progress, Timestamp)>,
    /// How much work was put into it, as its people said last.
    pub spent: Option<Length>,
    /// Whether it is work of people, of which only they know when it began.
    pub is_work: bool,
}

impl Actual {
    /// Returns which part of it is done, in percent, as its people say.
    pub fn percent(&self) -> u8 {
        match (self.status, self.said) {
            (Status::Succeeded, _) => 100,
            (_, Some((progress, _))) => progress.percent,
            (_, None) => 0,
        }
    }
}

/// What the people of a task said of how far it is.
#[derive(Debug, Clone, Copy)]
struct Said {
    first: Timestamp,
    last: (Progress, Timestamp),
    spent: Option<Length>,
}

/// Reads what has happened in `run` and below. The cost is that of reading their journals.
///
/// # Errors
///
/// Returns [`Failure`] if the store cannot be read.
pub fn read(reader: &dyn Reader, namespace: &Namespace, run: &Run) -> Result<Actuals, Failure> {
    let mut actuals = Actuals::new();
    add(reader, namespace, (run, ""), &mut actuals)?;
    Ok(actuals)
}

/// Adds what has happened in a run whose tasks stand below `prefix`. How deep calls go is bounded by the engine.
fn add(
    reader: &dyn Reader,
    namespace: &Namespace,
    (run, prefix): (&Run, &str),
    actuals: &mut Actuals,
) -> Result<(), Failure> {
    let said = said(reader, namespace, run.id())?;
    for task in run.tasks() {
        let path = task.address().path().to_string();
        actuals.insert(format!("{prefix}{path}"), of_task(run, &task, said.get(&path)));
    }
    // Of several attempts the last counts: it comes last.
    for call in descendants::calls(reader, namespace, run.id())? {
        if let Some(child) = load_run(reader, namespace, call.child)? {
            add(reader, namespace, (&child, &format!("{prefix}{}/", call.task.path())), actuals)?;
        }
    }
    Ok(())
}

fn of_task(run: &Run, task: &TaskView<'_>, said: Option<&Said>) -> Actual {
    let is_work = match &run.definition().node(task.node()).body {
        Body::Await(body) => body.kind == AwaitKind::Manual,
        Body::Task(_)
        | Body::Value(_)
        | Body::Timer(_)
        | Body::Choose(_)
        | Body::Raise(_)
        | Body::Flow(_)
        | Body::Graph(_)
        | Body::Each(_)
        | Body::Call(_) => false,
    };
    let begun = if is_work { said.map(|said| said.first).or_else(|| task.ended()) } else { task.started() };
    Actual {
        status: task.status(),
        opened: task.started(),
        begun: begun.filter(|_| task.status() != Status::Skipped),
        ended: task.ended(),
        said: said.map(|said| said.last),
        spent: said.and_then(|said| said.spent),
        is_work,
    }
}

/// Reads what people said of how far tasks of a run are, by the paths of the tasks.
fn said(reader: &dyn Reader, namespace: &Namespace, run: RunId) -> Result<BTreeMap<String, Said>, Failure> {
    let (mut all, mut after): (BTreeMap<String, Said>, _) = (BTreeMap::new(), Sequence::NONE);
    loop {
        let records = reader.run_records(namespace, run, after, PAGE)?;
        let Some(last) = records.last() else { return Ok(all) };
        after = last.sequence;
        for record in &records {
            let recorded = event_of(record)?;
            let Event::SignalReceived { signal, .. } = &recorded.event else { continue };
            let Some((path, progress)) = progress_of(signal) else { continue };
            let at = recorded.at;
            let own = all.entry(path).or_insert(Said { first: at, last: (progress, at), spent: None });
            own.last = (progress, at);
            own.spent = progress.spent.or(own.spent);
        }
    }
}

fn progress_of(signal: &Signal) -> Option<(String, Progress)> {
    match &signal.word {
        Word::Answer { task, answer: Answer::Progress(progress) } => {
            Some((task.path().to_string(), *progress))
        }
        Word::Answer { .. } | Word::Message(_) => None,
    }
}
