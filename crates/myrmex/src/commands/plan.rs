//! `myrmex plan`: when each task begins and ends, why then, what it costs and how sure that is.

mod known;
pub mod reasons;
mod what_if;
mod why;

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use clap_complete::engine::ArgValueCompleter;
use myrmex_model::ir::Definition;
use myrmex_model::name::Name;
use myrmex_model::planning::Date;
use myrmex_plan::lower::{Asked, Given, Lowered, Measured, Note, from_definition};
use myrmex_plan::make::{Options, make};
use myrmex_plan::problem::{ALWAYS, Moment, Problem, Span};
use myrmex_plan::search::Effort;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use reasons::{infeasible, no_plan};
use what_if::{Before, WhatIf};

use super::graph::history_of;
use super::run::{from_file, no_definition, resolve, tell_problems};
use super::{CheckedFile, check_file, out};
use crate::complete;
use crate::exit::{Exit, Failure, FailureCode};
use crate::render::plan::html::html;
use crate::render::plan::mermaid::mermaid;
use crate::render::plan::shown::{View, chart, document, sections, zone};
use crate::render::plan::svg::{TooLong, svg};
use crate::render::plan::text::text;
use crate::workspace::Workspace;

/// Say when each task begins and ends, why then, what it costs and how sure that is
///
/// Plans a workflow from the estimates in its file, else from what its past runs took. Nothing is run and nothing is written but the plan.
/// The same file, history and seed give the same plan on every machine.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The file or name, as `run` takes it
    #[arg(value_name = "FILE_OR_NAME", add = ArgValueCompleter::new(complete::workflows))]
    what: String,

    /// How to write it [default: by the ending of the file of `--out`; else text]
    #[arg(long, value_enum)]
    format: Option<Format>,

    /// Print one JSON document: short for `--format json`
    #[arg(long, conflicts_with = "format")]
    json: bool,

    /// Write the plan here instead of to standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Begin then, such as `2027-01-11` or `2027-01-11T09:00:00Z`; what says no start counts from it
    #[arg(long, value_name = "TIME")]
    start: Option<Date>,

    /// Plan a run with this input; repeat for more. Without it defaults count, and what no default decides stays open
    #[arg(short = 'i', long = "input", value_name = "NAME=VALUE")]
    inputs: Vec<String>,

    /// Read inputs from a file with a JSON object, or from standard input with `-`
    #[arg(long, value_name = "FILE")]
    input_file: Option<PathBuf>,

    /// Let at most so many tasks of machines run at a time, as a worker with so many places would
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    places: Option<u32>,

    /// Search so hard for a short plan
    #[arg(long, value_enum, default_value_t = Hard::Normal)]
    effort: Hard,

    /// Draw random choices from this number; the same number gives the same plan
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,

    /// Draw so many samples of how it may turn out; 0 for none
    #[arg(long, value_name = "COUNT", default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(..=100_000))]
    samples: u64,

    /// Say why this task lies where it lies, and what would change that
    #[arg(long, value_name = "TASK")]
    why: Option<String>,

    /// Plan it a little different, and say what that changes: `build=2d`, `pools.gpu=2`, `people.ada=0.5`, `start=DATE`, `deadline=DATE`
    #[arg(long, value_name = "KEY=VALUE")]
    what_if: Vec<WhatIf>,
}

/// How a plan is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Bars of characters and tables, for a terminal
    Text,
    /// One JSON document
    Json,
    /// A Gantt diagram for Markdown, as GitHub shows it
    Mermaid,
    /// A Gantt chart as a picture that needs nothing else, for light and dark pages and for paper
    Svg,
    /// The picture with all tables on one page, which prints well
    Html,
}

impl Format {
    /// Returns what the ending of a file says.
    fn of(file: &Path) -> Option<Self> {
        match file.extension()?.to_str()? {
            "txt" => Some(Self::Text),
            "json" => Some(Self::Json),
            "mmd" | "mermaid" => Some(Self::Mermaid),
            "svg" => Some(Self::Svg),
            "html" | "htm" => Some(Self::Html),
            _ => None,
        }
    }
}

/// How hard to search: how many candidates are looked at. Counted, never timed, so that the plan does not depend on the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Hard {
    /// 1,000 candidates
    Low,
    /// 20,000 candidates
    Normal,
    /// 200,000 candidates
    High,
}

impl Hard {
    fn candidates(self) -> u64 {
        match self {
            Self::Low => 1_000,
            Self::Normal => 20_000,
            Self::High => 200_000,
        }
    }
}

/// How wide text is where no terminal says so.
const COLUMNS: usize = 120;

/// Plans it.
///
/// # Errors
///
/// Returns [`Failure`] if there is no such workflow, there is no plan of it, or the plan cannot be written.
pub fn run(args: &Args, data: Option<&Path>) -> Result<Exit, Failure> {
    let format = format(args)?;
    out::refuse_workflow(args.out.as_deref(), "a plan")?;
    let workspace = Workspace::current(data)?;
    let (mut file, path) = match resolve(&args.what, &workspace) {
        Ok(path) => (check_file(&path, &workspace.root), path),
        Err(problem) => (CheckedFile::unreadable(*problem), PathBuf::new()),
    };
    tell_problems(&file, true);
    let Some(definition) = file.definition.take() else { return no_definition(&file) };
    let before = from_file(args.input_file.as_deref())?;
    let values = known::values(&definition, before, &args.inputs, &path)?;
    let inputs = Inputs::read((definition, file.closure), values, &workspace);
    let base = Given { start: args.start, ..Given::default() };
    let base = known::known(&inputs.definition, &inputs.values, base);
    let given = what_if::given(&args.what_if, base.clone())?;
    let lowered = inputs.lowered(&given, args)?;
    let problem = lowered.problem;
    for change in &args.what_if {
        change.check(&problem)?;
    }
    let options = Options {
        effort: Effort { candidates: args.effort.candidates() },
        seed: args.seed,
        samples: args.samples,
        is_reviewed: inputs.definition.project.is_some(),
    };
    let made = |problem: &Problem| make(problem, options).map_err(|reason| no_plan(problem, &reason));
    let before = if args.what_if.is_empty() {
        None
    } else {
        let problem = inputs.lowered(&base, args)?.problem;
        let plan = made(&problem)?;
        Some((problem, plan))
    };
    let plan = match make(&problem, options) {
        Ok(plan) => plan,
        Err(reason) => {
            if format == Format::Json {
                let mut whole = inputs.head(args);
                whole.extend(infeasible(&problem));
                out::write(args.out.as_deref(), &format!("{:#}\n", Value::Object(whole)))?;
            }
            return Err(no_plan(&problem, &reason));
        }
    };
    let project = inputs.definition.project.as_deref();
    let title = project.and_then(|project| project.title.clone());
    let view = View {
        title: title.unwrap_or_else(|| inputs.definition.name.to_string()),
        problem: &problem,
        plan: &plan,
        notes: &lowered.notes,
        project,
        zone: inputs.is_dated(&given).then(|| zone(&problem, &plan)),
    };
    let before = before.as_ref().map(|(problem, plan)| Before { problem, plan });
    let columns = columns(args.out.as_deref());
    let written = match &args.why {
        Some(path) => told_why(&view, path, format)?,
        None => written(&view, before, (format, columns), || whole(&view, &inputs, args))?,
    };
    out::write(args.out.as_deref(), &written)?;
    Ok(Exit::Success)
}

/// Says why a task lies where it lies.
fn told_why(view: &View<'_>, path: &str, format: Format) -> Result<String, Failure> {
    let task = why::find(view.problem, path)?;
    match format {
        Format::Text => why::text(view, task),
        Format::Json => Ok(format!("{:#}\n", why::document(view, task)?)),
        Format::Mermaid | Format::Svg | Format::Html => {
            let message = "`--why` answers in words or, with `--json`, as a document";
            Err(Failure::new(FailureCode::Inputs, message))
        }
    }
}

/// Writes a plan, with what is different in it from `before`.
fn written(
    view: &View<'_>,
    before: Option<Before<'_>>,
    (format, columns): (Format, usize),
    whole: impl Fn() -> Map<String, Value>,
) -> Result<String, Failure> {
    let sections = || {
        let delta = before.map(|before| what_if::section(view, before));
        delta.into_iter().chain(sections(view)).collect::<Vec<_>>()
    };
    Ok(match format {
        Format::Text => text(&chart(view), &sections(), columns),
        Format::Json => {
            let mut whole = whole();
            let delta = before.map(|before| what_if::delta(view, before));
            whole.insert("delta".to_owned(), delta.unwrap_or(Value::Null));
            format!("{:#}\n", Value::Object(whole))
        }
        Format::Mermaid => mermaid(&chart(view)),
        Format::Svg => svg(&chart(view)).map_err(too_long)?,
        Format::Html => html(&chart(view), &sections()).map_err(too_long)?,
    })
}

fn format(args: &Args) -> Result<Format, Failure> {
    if args.json {
        return Ok(Format::Json);
    }
    match (args.format, &args.out) {
        (Some(format), _) => Ok(format),
        (None, None) => Ok(Format::Text),
        (None, Some(file)) => Format::of(file).ok_or_else(|| {
            let message = format!("the ending of `{}` says no format", file.display());
            Failure::new(FailureCode::Inputs, message)
                .with_hint("end it with .txt, .json, .mmd, .svg or .html, or say `--format`")
        }),
    }
}

/// Returns how wide text is: as the terminal that shows it, else the same everywhere.
fn columns(out: Option<&Path>) -> usize {
    let is_shown = out.is_none() && std::io::stdout().is_terminal();
    let size = is_shown.then(terminal_size::terminal_size).flatten();
    size.map_or(COLUMNS, |(width, _)| usize::from(width.0))
}

fn too_long(error: TooLong) -> Failure {
    Failure::from_error(FailureCode::Drawing, &error).with_hint("`--json` gives all of them, for other tools")
}

/// What a plan is made from.
struct Inputs {
    definition: Definition,
    called: BTreeMap<Name, Definition>,
    measured: Measured,
    /// The inputs of the run that is planned, as far as they are known.
    values: Map<String, Value>,
}

impl Inputs {
    fn read(
        (definition, called): (Definition, BTreeMap<Name, Definition>),
        values: Map<String, Value>,
        workspace: &Workspace,
    ) -> Self {
        let measured = measured(&definition.name, workspace);
        Self { definition, called, measured, values }
    }

    /// Whether the plan has dates: else it counts from its start.
    fn is_dated(&self, given: &Given) -> bool {
        let project = self.definition.project.as_deref();
        given.start.is_some() || project.is_some_and(|project| project.start.is_some())
    }

    /// Makes the problem.
    fn lowered(&self, given: &Given, args: &Args) -> Result<Lowered, Failure> {
        let asked = Asked {
            definition: &self.definition,
            called: &self.called,
            measured: &self.measured,
            start: Moment::default(),
            slots: args.places,
            given,
        };
        let lowered = from_definition(&asked);
        let mut lowered = lowered.map_err(|error| Failure::from_error(FailureCode::Plan, &error))?;
        if !self.is_dated(given) {
            self.undated(&mut lowered)?;
        }
        Ok(lowered)
    }

    /// Refuses dates in what counts from its start, and notes what its calendars cannot mean then.
    fn undated(&self, lowered: &mut Lowered) -> Result<(), Failure> {
        let problem = &lowered.problem;
        let dated = problem.tasks.iter().find(|task| {
            let window = task.window;
            [window.start_after, window.finish_before, window.must_start, task.due]
                .iter()
                .any(Option::is_some)
        });
        let what = match dated {
            Some(task) => {
                let name = task.name.rsplit_once(':').map_or(task.name.as_str(), |(block, _)| block);
                Some(format!("`{name}` has a date"))
            }
            None => problem.deadline.map(|_| "it has a deadline".to_owned()),
        };
        if let Some(what) = what {
            let message = format!("{what}, and nothing says when all begins");
            let hint = "say it with `--start 2027-01-11`, or as `plan.start` of a project";
            return Err(Failure::new(FailureCode::Plan, message).with_hint(hint));
        }
        if problem.tasks.iter().any(|task| task.calendar != ALWAYS) {
            let path = self.definition.name.to_string();
            let what = "nothing says when it begins: it counts from a Thursday, without holidays and leave";
            lowered.notes.insert(Note { path, what: what.to_owned() });
        }
        Ok(())
    }

    /// Returns how a document begins: with what it is a plan of.
    fn head(&self, args: &Args) -> Map<String, Value> {
        let mut head = Map::new();
        head.insert("id".to_owned(), json!(self.digest(args)));
        head.insert("scenario".to_owned(), json!(what_if::scenario(&args.what_if)));
        head
    }

    /// Returns what tells this plan from others: all that it was made from.
    fn digest(&self, args: &Args) -> String {
        let lengths: Map<String, Value> = self
            .measured
            .lengths
            .iter()
            .map(|(path, lengths)| {
                (path.clone(), json!(lengths.iter().map(|span| span.0).collect::<Vec<_>>()))
            })
            .collect();
        let called: Map<String, Value> =
            self.called.iter().map(|(name, called)| (name.to_string(), json!(hash(called)))).collect();
        let inputs = json!({
            "engine": env!("CARGO_PKG_VERSION"),
            "definition": hash(&self.definition),
            "measured": lengths,
            "called": called,
            "inputs": self.values,
            "start": args.start.map(|start| start.to_string()),
            "places": args.places,
            "candidates": args.effort.candidates(),
            "seed": args.seed,
            "samples": args.samples,
            "what_if": what_if::scenario(&args.what_if),
        });
        let digest = Sha256::digest(inputs.to_string().as_bytes());
        let [high, low] =
            [0, 8].map(|at| digest[at..at + 8].iter().fold(0, |sum: u64, byte| sum << 8 | u64::from(*byte)));
        format!("{high:016x}{low:016x}")
    }
}

/// Reads how long the tasks of a workflow took in its past runs.
fn measured(workflow: &Name, workspace: &Workspace) -> Measured {
    let tasks = history_of(workflow, workspace).map(|history| history.tasks).unwrap_or_default();
    let lengths = tasks.into_iter().filter(|(_, task)| !task.lengths.is_empty()).map(|(path, task)| {
        let spans = task.lengths.iter().map(|length| Span(i64::try_from(length.0).unwrap_or(i64::MAX)));
        (path, spans.collect())
    });
    Measured { lengths: lengths.collect(), ..Measured::default() }
}

fn hash(definition: &Definition) -> String {
    myrmex_model::wire::definition::hash(definition).to_string()
}

/// Returns the whole document of a plan.
fn whole(view: &View<'_>, inputs: &Inputs, args: &Args) -> Map<String, Value> {
    let mut whole = inputs.head(args);
    whole.extend(document(view));
    whole
}
