//! `myrmex analyze`: where the time of a run went, or that of a workflow's past runs.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use clap_complete::engine::ArgValueCompleter;
use myrmex_engine::history::Timeline;
use myrmex_model::id::DefinitionHash;
use myrmex_model::ir::Definition;
use myrmex_model::name::{Name, Namespace};
use myrmex_model::status::Status;
use myrmex_runtime::partition::{capacities, load_definition};
use myrmex_store::{Reader, RunSummary};

use super::runs::{by_id, open_reader};
use crate::analysis::Analysis;
use crate::complete;
use crate::exit::{Exit, Failure, FailureCode};
use crate::history::{self, Last, RUNS};
use crate::render::analyzed::{self, About};
use crate::render::summary;
use crate::session::print_line;
use crate::settings::Settings;
use crate::workspace::Workspace;

/// Say where the time of runs went, and what to change first
///
/// Names the tasks that decided when the run ended, the slowest ones, those that were tried again and those that waited, with what for: a
/// pool, a lock, a place, a task before them. Of a workflow all this of its newest runs together; runs that were interrupted are left out then.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run's id, or the beginning of it; or a workflow's name
    #[arg(value_name = "RUN_OR_WORKFLOW", add = ArgValueCompleter::new(complete::runs_and_names))]
    what: String,

    /// Of a workflow: look at this many of its newest runs that are over
    #[arg(long, value_name = "COUNT", default_value_t = RUNS, value_parser = last)]
    last: usize,

    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// The most runs that are looked at: each is read whole.
const LAST_MAX: usize = 1_000;

fn last(text: &str) -> Result<usize, String> {
    let wanted = text.parse().ok().filter(|count| (1..=LAST_MAX).contains(count));
    wanted.ok_or_else(|| format!("give a number from 1 to {LAST_MAX}"))
}

/// Analyzes runs.
///
/// # Errors
///
/// Returns [`Failure`] if there is no such run or workflow, nothing of it can be analyzed, or the store cannot be read.
pub fn run(args: &Args, data: Option<&Path>) -> Result<Exit, Failure> {
    let workspace = Workspace::current(data)?;
    let reader = open_reader(&workspace)?;
    let namespace = Namespace::standard();
    let mut sums = Sums {
        reader: &reader,
        namespace: &namespace,
        supply: Settings::load_quietly(&workspace.root).pools,
        definitions: BTreeMap::new(),
        analysis: Analysis::default(),
    };
    let about = match ran(&reader, &namespace, &args.what)? {
        Some(workflow) => sums.workflow(workflow, args.last)?,
        None => sums.run(&args.what)?,
    };
    if args.json {
        print_line(&analyzed::json(&about, &sums.analysis))?;
    } else {
        let text = analyzed::text(&about, &sums.analysis);
        write!(anstream::stdout(), "{text}").map_err(|error| Failure::output(&error))?;
    }
    Ok(Exit::Success)
}

/// Returns the workflow of this name if there is a run of it.
fn ran(reader: &dyn Reader, namespace: &Namespace, what: &str) -> Result<Option<Name>, Failure> {
    let Ok(name) = Name::new(what) else { return Ok(None) };
    Ok(history::has_run(reader, namespace, &name)?.then_some(name))
}

/// What is being summed up, with what is read for it.
struct Sums<'r> {
    reader: &'r dyn Reader,
    namespace: &'r Namespace,
    /// The pools that the workspace gives.
    supply: BTreeMap<Name, u32>,
    definitions: BTreeMap<DefinitionHash, Option<Arc<Definition>>>,
    analysis: Analysis,
}

impl Sums<'_> {
    /// Sums up the newest runs of a workflow that were not interrupted.
    fn workflow(&mut self, workflow: Name, last: usize) -> Result<About, Failure> {
        let (mut runs, mut interrupted) = (Vec::new(), 0);
        let looked = history::newest(
            self.reader,
            self.namespace,
            (&workflow, Last::Over(last)),
            &mut |run, timeline| {
                if timeline.breaks.is_empty() {
                    runs.push((run, timeline));
                } else {
                    interrupted += 1;
                }
            },
        )?;
        for (run, timeline) in &runs {
            self.add(run, timeline)?;
        }
        if runs.is_empty() {
            let message = if looked.is_cut {
                format!(
                    "no run of `{workflow}` that is over and was not interrupted is among the newest runs"
                )
            } else {
                format!("no run of `{workflow}` is over that was not interrupted")
            };
            return Err(Failure::new(FailureCode::RunId, message)
                .with_hint("`myrmex runs list` shows the runs; name one by its id"));
        }
        Ok(About { workflow, run: None, interrupted, is_cut: looked.is_cut })
    }

    /// Sums up one run, also one that is under way or was interrupted.
    fn run(&mut self, prefix: &str) -> Result<About, Failure> {
        let id = by_id(self.reader, self.namespace, prefix).map_err(|failure| {
            let is_id = prefix.chars().all(|digit| digit.is_ascii_hexdigit() || digit == '-');
            if is_id {
                return failure;
            }
            let message = format!("there is no run, and no workflow that ran, of the name `{prefix}`");
            Failure::new(FailureCode::RunId, message)
                .with_hint("`myrmex runs list` shows the runs, `myrmex runs stats` the workflows")
        })?;
        let unknown = || Failure::new(FailureCode::RunId, format!("there is no run {id}"));
        let run = self.reader.summary(self.namespace, id)?.ok_or_else(unknown)?;
        let timeline = history::timeline(self.reader, self.namespace, id)?;
        self.add(&run, &timeline)?;
        let interrupted = timeline.breaks.len();
        let told = (summary::short(id), run.status);
        Ok(About { workflow: run.workflow, run: Some(told), interrupted, is_cut: false })
    }

    fn add(&mut self, run: &RunSummary, timeline: &Timeline) -> Result<(), Failure> {
        if run.status == Status::Skipped {
            return Ok(());
        }
        if !self.definitions.contains_key(&run.definition) {
            let definition = load_definition(self.reader, self.namespace, run.definition)?;
            self.definitions.insert(run.definition, definition);
        }
        let Some(Some(definition)) = self.definitions.get(&run.definition) else {
            let message = format!("definition {} is not in the store", run.definition);
            return Err(Failure::new(FailureCode::Damaged, message));
        };
        let capacities = capacities(&self.supply, std::iter::once(&definition.pools));
        self.analysis.add(timeline, definition, &capacities);
        Ok(())
    }
}
