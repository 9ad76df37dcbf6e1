//! `myrmex schema`: the JSON Schema of a kind of file, for editors.

use std::io::Write;

use clap::ValueEnum;

use crate::exit::{Exit, Failure};

/// Print the JSON Schema of a kind of file
///
/// An editor completes and checks a file that begins with `# yaml-language-server: $schema=FILE`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The kind of file
    #[arg(value_enum)]
    kind: Kind,
}

/// Kinds of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Files that begin with `workflow:`
    Workflow,
    /// Files that begin with `actions:`
    Actions,
    /// Files that begin with `project:`
    Project,
    /// `resources.yaml`, the people and things of a workspace
    Resources,
    /// `myrmex.yaml`, the settings of a workspace
    Settings,
}

/// Prints the schema.
///
/// # Errors
///
/// Returns [`Failure`] if standard output cannot be written.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    let schema = match args.kind {
        Kind::Workflow => myrmex_lang::schema::workflow(),
        Kind::Actions => myrmex_lang::schema::actions(),
        Kind::Project => myrmex_lang::schema::project(),
        Kind::Resources => myrmex_lang::schema::resources(),
        Kind::Settings => crate::settings::schema(),
    };
    writeln!(std::io::stdout(), "{schema:#}").map_err(|error| Failure::output(&error))?;
    Ok(Exit::Success)
}
