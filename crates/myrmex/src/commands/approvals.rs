//! `myrmex approvals`: what runs ask people.

use std::io::Write;
use std::path::Path;

use clap::Subcommand;
use myrmex_model::name::Namespace;
use myrmex_runtime::partition::load_run;
use serde_json::json;

use super::runs::{has_store, open_reader};
use crate::asked::Asking;
use crate::descendants;
use crate::exit::{Exit, Failure};
use crate::render::summary;
use crate::session::print_line;
use crate::workspace::Workspace;

/// Look at what runs ask people
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

/// The commands about what people are asked.
#[derive(Debug, Subcommand)]
enum Command {
    /// List everything that waits for people or for a signal, with what is to be typed
    List(ListArgs),
}

/// List everything that waits for people or for a signal.
#[derive(Debug, clap::Args)]
struct ListArgs {
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
///
/// Returns [`Failure`] if the store cannot be read.
pub fn run(args: &Args, data: Option<&Path>) -> Result<Exit, Failure> {
    let Command::List(args) = &args.command;
    let workspace = Workspace::current(data)?;
    let asking = if has_store(&workspace) { all(&workspace)? } else { Vec::new() };
    if args.json {
        let list: Vec<_> = asking.iter().map(Asking::json).collect();
        print_line(&json!({"waiting": list}))?;
        return Ok(Exit::Success);
    }
    let lines = asking.iter().map(text);
    let text = if asking.is_empty() { "nothing waits for people\n".to_owned() } else { lines.collect() };
    write!(anstream::stdout(), "{text}").map_err(|error| Failure::output(&error))?;
    Ok(Exit::Success)
}

/// Returns what the open runs ask, those that began first first.
fn all(workspace: &Workspace) -> Result<Vec<Asking>, Failure> {
    let (reader, namespace) = (open_reader(workspace)?, Namespace::standard());
    let mut asking = Vec::new();
    for id in descendants::open_runs(&reader, &namespace)? {
        if let Some(run) = load_run(&reader, &namespace, id)?.filter(|run| !run.status().is_terminal()) {
            asking.extend(Asking::all(&run, &reader, &namespace)?);
        }
    }
    Ok(asking)
}

fn text(asking: &Asking) -> String {
    let (run, path) = (summary::short(asking.run), asking.task.path());
    let ask = asking.ask.as_ref().map(|ask| format!("  {ask}")).unwrap_or_default();
    let until = asking.until.map(|until| format!(", until {until}")).unwrap_or_default();
    let beside = asking.beside().map(|beside| format!("    {beside}\n")).unwrap_or_default();
    format!("{run}/{path}{ask}\n{beside}    waits for {}{until}: {}\n", asking.what(), asking.how())
}
