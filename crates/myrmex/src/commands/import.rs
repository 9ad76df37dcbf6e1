//! `myrmex import`: files of other systems become native workflows.

use std::io::Write;
use std::path::PathBuf;

use clap::ValueEnum;

use crate::exit::{Exit, Failure, FailureCode};

/// Turn a file of another system into a workflow
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The format of the file
    #[arg(long, value_enum)]
    from: From,

    /// The file to read
    file: PathBuf,

    /// Multiply recorded durations by this; 0 makes every task do nothing
    #[arg(long, default_value_t = 1.0, value_name = "FACTOR")]
    scale: f64,

    /// Write the workflow here instead of to standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Formats that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum From {
    /// `WfCommons` `WfFormat` 1.5: recorded executions of scientific workflows
    Wfformat,
}

/// Imports the file.
///
/// # Errors
///
/// Returns [`Failure`] if the file cannot be read, does not fit its format, or the result cannot be written.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    let text = std::fs::read_to_string(&args.file)
        .map_err(|error| Failure::file(&args.file, "cannot be read", &error))?;
    let workflow = match args.from {
        From::Wfformat => myrmex_lang::import::wfformat(&text, args.scale),
    };
    let workflow = workflow.map_err(|error| Failure::from_error(FailureCode::Import, &error))?;
    match &args.out {
        Some(path) => std::fs::write(path, workflow)
            .map_err(|error| Failure::file(path, "cannot be written", &error))?,
        None => std::io::stdout().write_all(workflow.as_bytes()).map_err(|error| Failure::output(&error))?,
    }
    Ok(Exit::Success)
}
