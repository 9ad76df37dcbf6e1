//! `myrmex events` and `myrmex runs events RUN`: the recorded events, as JSON lines, also while another process holds the store.

use std::io::Write;
use std::path::Path;

use clap_complete::engine::ArgValueCompleter;
use myrmex_model::name::Namespace;
use myrmex_store::{LogId, Reader, Sequence};

use super::runs::{find, open_reader};
use crate::complete;
use crate::exit::{Exit, Failure};
use crate::render::event::Lines;
use crate::session::print_line;
use crate::workspace::Workspace;

/// Print the recorded events as JSON lines
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print only the events of this run, given by its id or the beginning of it
    #[arg(long, value_name = "RUN", add = ArgValueCompleter::new(complete::runs))]
    run: Option<String>,

    #[command(flatten)]
    begin: Begin,

    /// Read the store itself, also if a server holds it; there is no other way yet
    #[arg(long)]
    offline: bool,
}

/// Print the recorded events of a run as JSON lines
#[derive(Debug, clap::Args)]
pub struct RunArgs {
    /// The run's id, or the beginning of it
    #[arg(value_name = "RUN", add = ArgValueCompleter::new(complete::runs))]
    run: String,

    #[command(flatten)]
    begin: Begin,
}

/// Where the events begin that are printed.
#[derive(Debug, clap::Args)]
struct Begin {
    /// Begin after this place of a log: `LOG:SEQ` as in a line printed before; repeat it for each log. A log that is not named is
    /// printed from its beginning
    #[arg(long, value_name = "TOKEN", value_parser = token)]
    after: Vec<(LogId, Sequence)>,
}

fn token(text: &str) -> Result<(LogId, Sequence), String> {
    let parse = || {
        let (log, sequence) = text.split_once(':')?;
        Some((LogId(log.parse().ok()?), Sequence(sequence.parse().ok()?)))
    };
    parse().ok_or_else(|| format!("`{text}` is not LOG:SEQ, such as 0:17"))
}

/// Prints the events.
///
/// # Errors
///
/// Returns [`Failure`] if the store cannot be read or standard output cannot be written.
pub fn run(args: &Args, data: Option<&Path>) -> Result<Exit, Failure> {
    print(args.run.as_deref(), &args.begin, data)
}

/// Prints the events of a run.
///
/// # Errors
///
/// Returns [`Failure`] if there is no such run, the store cannot be read or standard output cannot be written.
pub fn of_run(args: &RunArgs, data: Option<&Path>) -> Result<Exit, Failure> {
    print(Some(&args.run), &args.begin, data)
}

fn print(run: Option<&str>, begin: &Begin, data: Option<&Path>) -> Result<Exit, Failure> {
    let workspace = Workspace::current(data)?;
    let reader = open_reader(&workspace)?;
    let namespace = Namespace::standard();
    let run = run.map(|prefix| find(&reader, &namespace, prefix)).transpose()?;
    let (mut lines, mut is_empty) = (Lines::default(), true);
    let logs = match run {
        Some(run) => {
            let first = reader.run_records(&namespace, run, Sequence::NONE, 1)?;
            first.iter().map(|record| record.log).collect()
        }
        None => reader.logs()?,
    };
    for log in logs {
        // Of several places in one log the last one counts.
        let places = begin.after.iter().filter(|(from, _)| *from == log);
        let mut after = places.map(|(_, sequence)| *sequence).max().unwrap_or(Sequence::NONE);
        loop {
            let records = match run {
                Some(run) => reader.run_records(&namespace, run, after, 1_000)?,
                None => reader.records(log, after, 1_000)?,
            };
            let Some(last) = records.last() else { break };
            (after, is_empty) = (last.sequence, false);
            for record in &records {
                print_line(&lines.line(&reader, record)?)?;
                if run.is_none()
                    && let Some(head) = Lines::head(record)
                {
                    print_line(&head)?;
                }
            }
        }
    }
    std::io::stdout().flush().map_err(|error| Failure::output(&error))?;
    if is_empty && !begin.after.is_empty() {
        let what = if run.is_some() { "event of the run" } else { "event" };
        let places: Vec<String> =
            begin.after.iter().map(|(log, sequence)| format!("{}:{}", log.0, sequence.0)).collect();
        // If standard error is closed the empty output still tells.
        drop(writeln!(std::io::stderr(), "there is no {what} after {}", places.join(", ")));
    }
    Ok(Exit::Success)
}
