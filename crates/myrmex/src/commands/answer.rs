//! `myrmex done`, `progress`, `approve`, `reject` and `runs signal`: what people and programs say to a run.
//!
//! All of them open the store, have it recorded, and let the run go on until it waits for people again or ends.

use std::path::Path;
use std::str::FromStr;

use clap_complete::engine::ArgValueCompleter;
use myrmex_model::address::Address;
use myrmex_model::id::RunId;
use myrmex_model::name::{Name, Namespace};
use myrmex_model::planning::Extent;
use myrmex_model::signal::{Answer, Progress, Signal, Word};
use myrmex_model::time::Length;
use myrmex_runtime::partition::{NewSignal, load_run};
use myrmex_runtime::platform::Zygote;
use serde_json::Value;

use super::runs::{find, open_reader};
use super::skip::{Purpose, address};
use crate::complete;
use crate::exit::{Exit, Failure, FailureCode};
use crate::forecast;
use crate::render::held_up::Waiting;
use crate::request::{self, Asked};
use crate::session::{self, Means, Session, Show};
use crate::workspace::Workspace;

/// The milliseconds of an hour.
const HOUR_MS: f64 = 3_600_000.0;

/// The most hours that can be said: a century.
const HOURS_MAX: f64 = 876_000.0;

/// Mark work that a run waits for as done, or a form as filled in
///
/// The run goes on until it waits for people again, or ends.
#[derive(Debug, clap::Args)]
pub struct DoneArgs {
    #[command(flatten)]
    of: Of,

    /// What the task asks for: a JSON object with its fields
    #[arg(long, value_name = "JSON", conflicts_with = "failed")]
    data: Option<String>,

    /// Say that it cannot be done: the task fails
    #[arg(long)]
    failed: bool,

    /// Why; recorded with the answer
    #[arg(long, visible_alias = "comment")]
    reason: Option<String>,

    #[command(flatten)]
    saying: Saying,
}

/// Say how far work is that a run waits for
///
/// It is recorded, and the task waits on.
#[derive(Debug, clap::Args)]
pub struct ProgressArgs {
    #[command(flatten)]
    of: Of,

    /// How much of it is done, such as `60%`
    #[arg(value_name = "PERCENT", value_parser = percent)]
    percent: u8,

    /// How many hours of work were put into it so far
    #[arg(long, value_name = "HOURS", value_parser = hours)]
    hours: Option<Length>,

    /// How much longer it takes, such as `3h` or `2d`; in a project that is working time
    #[arg(long, value_name = "DURATION", value_parser = Extent::from_str)]
    remaining: Option<Extent>,

    /// Anything else that is to be recorded
    #[arg(long)]
    comment: Option<String>,

    #[command(flatten)]
    saying: Saying,
}

/// Say that work has begun that a run waits for: progress of 0%
///
/// It is recorded, and the task waits on.
#[derive(Debug, clap::Args)]
pub struct StartArgs {
    #[command(flatten)]
    of: Of,

    /// Anything else that is to be recorded
    #[arg(long)]
    comment: Option<String>,

    #[command(flatten)]
    saying: Saying,
}

/// Agree to what a run asks for
///
/// The run goes on until it waits for people again, or ends. Who has agreed already does not count twice.
#[derive(Debug, clap::Args)]
pub struct ApproveArgs {
    #[command(flatten)]
    of: Of,

    /// What the approval asks for: a JSON object with its fields
    #[arg(long, value_name = "JSON")]
    data: Option<String>,

    /// Why; recorded with the answer
    #[arg(long)]
    comment: Option<String>,

    #[command(flatten)]
    saying: Saying,
}

/// Refuse what a run asks for: the task fails with an error of type `refused`
#[derive(Debug, clap::Args)]
pub struct RejectArgs {
    #[command(flatten)]
    of: Of,

    /// Why; recorded with the answer
    #[arg(long)]
    comment: Option<String>,

    #[command(flatten)]
    saying: Saying,
}

/// Send a message to a run
///
/// The task that has waited longest for a message of this name takes it. Until one does it is kept. The run goes on until it waits for
/// people again, or ends.
#[derive(Debug, clap::Args)]
pub struct SignalArgs {
    /// The run's id, or the beginning of it
    #[arg(add = ArgValueCompleter::new(complete::runs))]
    run: String,

    /// The name of the message
    #[arg(value_parser = Name::new)]
    name: Name,

    /// What comes with it, the output of the task that takes it: JSON
    #[arg(long, value_name = "JSON")]
    data: Option<String>,

    #[command(flatten)]
    saying: Saying,
}

/// The task that is answered.
#[derive(Debug, clap::Args)]
pub(super) struct Of {
    /// The run's id, or the beginning of it, and the path of the task
    #[arg(value_name = "RUN/TASK", add = ArgValueCompleter::new(complete::runs_and_tasks))]
    task: String,
}

/// How something is said, whatever it is.
#[derive(Debug, clap::Args)]
pub(super) struct Saying {
    /// Who says it [default: the user of the system]
    #[arg(long, value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    by: Option<String>,

    /// What tells it from everything else that was said: what comes again with the same id changes nothing [default: a new one]
    #[arg(long, value_name = "ID", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    id: Option<String>,

    /// Run at most this many tasks at a time [default: one per core]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1024))]
    slots: Option<u32>,

    /// Print events as JSON lines, and the summary last
    #[arg(long, conflicts_with = "quiet")]
    json: bool,

    /// Print nothing unless the run fails
    #[arg(long, short)]
    quiet: bool,
}

/// What is said, before it has a run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said<'a> {
    pub(super) answer: Answer,
    pub(super) data: Option<&'a str>,
    pub(super) comment: Option<&'a str>,
}

/// Marks work as done, or as failed.
///
/// # Errors
///
/// Returns [`Failure`] if there is no such task, it takes no such answer, the store is held, or the engine fails.
pub fn done(args: &DoneArgs, data: Option<&Path>) -> Result<Exit, Failure> {
    let answer = if args.failed { Answer::Failed } else { Answer::Done };
    let said = Said { answer, data: args.data.as_deref(), comment: args.reason.as_deref() };
    answered(&args.of, said, (&args.saying, data))
}

/// Says how far work is.
///
/// # Errors
///
/// Returns [`Failure`] as [`done`] does.
pub fn progress(args: &ProgressArgs, data: Option<&Path>) -> Result<Exit, Failure> {
    let zygote = session::fork_zygote()?;
    let workspace = Workspace::current(data)?;
    let (run, task) = resolve(&args.of.task, &workspace)?;
    let remaining = args.remaining.map(|said| remaining(said, (run, &task), &workspace)).transpose()?;
    let progress = Progress { percent: args.percent, spent: args.hours, remaining };
    let comment = args.comment.as_deref();
    progressed(zygote, &workspace, (run, task), (progress, comment, &args.saying))
}

/// Says that work has begun.
///
/// # Errors
///
/// Returns [`Failure`] as [`done`] does.
pub fn start(args: &StartArgs, data: Option<&Path>) -> Result<Exit, Failure> {
    let zygote = session::fork_zygote()?;
    let workspace = Workspace::current(data)?;
    let named = resolve(&args.of.task, &workspace)?;
    let progress = Progress { percent: 0, spent: None, remaining: None };
    progressed(zygote, &workspace, named, (progress, args.comment.as_deref(), &args.saying))
}

fn progressed(
    zygote: Zygote,
    workspace: &Workspace,
    (run, task): (RunId, Address),
    (progress, comment, saying): (Progress, Option<&str>, &Saying),
) -> Result<Exit, Failure> {
    let word = Word::Answer { task, answer: Answer::Progress(progress) };
    let new = saying.signal(run, word, (None, comment))?;
    // That the task waits on is what was asked for.
    Ok(match say(zygote, workspace, (new, saying))? {
        Exit::Waiting => Exit::Success,
        other => other,
    })
}

/// Returns how much longer a task takes: open time of its calendar in a project, elapsed time elsewhere.
fn remaining(said: Extent, (run, task): (RunId, &Address), workspace: &Workspace) -> Result<Length, Failure> {
    let (reader, namespace) = (open_reader(workspace)?, Namespace::standard());
    let unknown = || Failure::new(FailureCode::RunId, format!("there is no run {run}"));
    let loaded = load_run(&reader, &namespace, run)?.ok_or_else(unknown)?;
    let wrong = |what: &str, hint: &str| Failure::new(FailureCode::Inputs, what).with_hint(hint);
    if said.is_elapsed() {
        return Err(wrong("`--remaining` is not elapsed time", "write `2d` or `3h`"));
    }
    let day = forecast::day_of(loaded.definition(), &task.path())?;
    u64::try_from(said.millis(day.0))
        .map(Length)
        .map_err(|_| wrong("`--remaining` is below zero", "write `0h` if nothing is left"))
}

/// Agrees.
///
/// # Errors
///
/// Returns [`Failure`] as [`done`] does.
pub fn approve(args: &ApproveArgs, data: Option<&Path>) -> Result<Exit, Failure> {
    let (given, comment) = (args.data.as_deref(), args.comment.as_deref());
    answered(&args.of, Said { answer: Answer::Approved, data: given, comment }, (&args.saying, data))
}

/// Refuses.
///
/// # Errors
///
/// Returns [`Failure`] as [`done`] does.
pub fn reject(args: &RejectArgs, data: Option<&Path>) -> Result<Exit, Failure> {
    let said = Said { answer: Answer::Rejected, data: None, comment: args.comment.as_deref() };
    answered(&args.of, said, (&args.saying, data))
}

/// Sends a message.
///
/// # Errors
///
/// Returns [`Failure`] if there is no such run, it takes no message, the store is held, or the engine fails.
pub fn signal(args: &SignalArgs, data: Option<&Path>) -> Result<Exit, Failure> {
    let zygote = session::fork_zygote()?;
    let workspace = Workspace::current(data)?;
    let run = find(&open_reader(&workspace)?, &Namespace::standard(), &args.run)?;
    let word = Word::Message(args.name.clone());
    let new = args.saying.signal(run, word, (args.data.as_deref(), None))?;
    say(zygote, &workspace, (new, &args.saying))
}

/// Has an answer recorded, and goes on with the run.
///
/// # Errors
///
/// Returns [`Failure`] as [`done`] does.
pub(super) fn answered(
    of: &Of,
    said: Said<'_>,
    (saying, data): (&Saying, Option<&Path>),
) -> Result<Exit, Failure> {
    let zygote = session::fork_zygote()?;
    let workspace = Workspace::current(data)?;
    let (run, task) = resolve(&of.task, &workspace)?;
    let word = Word::Answer { task, answer: said.answer };
    let new = saying.signal(run, word, (said.data, said.comment))?;
    say(zygote, &workspace, (new, saying))
}

/// Finds the run and the address of its task.
fn resolve(given: &str, workspace: &Workspace) -> Result<(RunId, Address), Failure> {
    let (reader, namespace) = (open_reader(workspace)?, Namespace::standard());
    let Some((prefix, path)) = given.split_once('/').filter(|(_, path)| !path.is_empty()) else {
        let message = format!("`{given}` names no task");
        return Err(Failure::new(FailureCode::Inputs, message)
            .with_hint("write RUN/TASK; `myrmex approvals list` shows what waits for people"));
    };
    let id = find(&reader, &namespace, prefix)?;
    let unknown = || Failure::new(FailureCode::RunId, format!("there is no run {id}"));
    let run = load_run(&reader, &namespace, id)?.ok_or_else(unknown)?;
    Ok((id, address(&run, path, Purpose::Answer)?))
}

impl Saying {
    /// Builds what is said.
    fn signal(
        &self,
        run: RunId,
        word: Word,
        (data, comment): (Option<&str>, Option<&str>),
    ) -> Result<NewSignal, Failure> {
        let data: Option<Value> = data.map(serde_json::from_str).transpose().map_err(|error| {
            Failure::new(FailureCode::Inputs, format!("`--data` is not JSON: {error}"))
                .with_hint("text stands in quotes of its own: --data '\"yes\"'")
        })?;
        let id = self.id.clone().unwrap_or_else(|| uuid::Uuid::now_v7().to_string());
        let by = self.by.clone().unwrap_or_else(session::user);
        let comment = comment.map(str::to_owned);
        Ok(NewSignal { run, signal: Signal { id, by, word, data: None, comment }, data })
    }

    fn show(&self) -> Show {
        match (self.json, self.quiet) {
            (true, _) => Show::Json,
            (false, true) => Show::Nothing,
            (false, false) => Show::People,
        }
    }
}

/// Has something recorded, and goes on with the run until it waits for people again.
fn say(zygote: Zygote, workspace: &Workspace, (new, saying): (NewSignal, &Saying)) -> Result<Exit, Failure> {
    let (run, show) = (new.run, saying.show());
    let means =
        Means { slots: saying.slots, is_quiet: saying.quiet, waits_for_people: false, ..Means::default() };
    let session = Session::open(zygote, workspace, means)?;
    let after = session.last_of(run)?;
    session.goes_on_with(run);
    if let Some(exit) = session.catch_up(run, show)? {
        return Ok(exit);
    }
    let said = session.partition().signal_run(new);
    if let Some(exit) = request::settled(&session, &said, Asked { run, waiting: Waiting::Signal, show })? {
        return Ok(exit);
    }
    if let Some(exit) = session.take_up(run, show)? {
        return Ok(exit);
    }
    session.watch(run, after, show)
}

/// Reads a part in percent.
fn percent(text: &str) -> Result<u8, String> {
    let number = text.strip_suffix('%').unwrap_or(text).parse::<u8>().ok();
    number.filter(|percent| *percent <= 100).ok_or_else(|| "write a part from `0%` to `100%`".to_owned())
}

/// Reads hours, such as `1.5`.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the bounds are checked before")]
fn hours(text: &str) -> Result<Length, String> {
    let hours = text.strip_suffix('h').unwrap_or(text).parse::<f64>().ok();
    let hours = hours.filter(|hours| (0.0..=HOURS_MAX).contains(hours));
    let hours = hours.ok_or_else(|| "write hours, such as `12` or `1.5`".to_owned())?;
    Ok(Length((hours * HOUR_MS).round() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_hours_are_read_within_their_bounds() {
        assert_eq!((percent("60%"), percent("100"), percent("0%")), (Ok(60), Ok(100), Ok(0)));
        assert!(percent("101%").is_err() && percent("-1%").is_err() && percent("half").is_err());
        assert_eq!((hours("1.5"), hours("12h")), (Ok(Length(5_400_000)), Ok(Length(43_200_000))));
        assert!(hours("-1").is_err() && hours("NaN").is_err() && hours("1e9").is_err());
    }
}
