//! `myrmex completions`: what a shell needs to complete commands, options and names.

use std::io::Write;
use std::path::Path;

use clap::ValueEnum;
use clap_complete::env::{Bash, Elvish, EnvCompleter, Fish, Powershell, Zsh};

use crate::complete;
use crate::exit::{Exit, Failure};

/// Print a script with which a shell completes commands, options, and the names of runs, tasks and workflows
///
/// Let the shell read it when it starts. For bash, a line of `~/.bashrc`: `source <(myrmex completions bash)`. For zsh, a line of
/// `~/.zshrc`: `source <(myrmex completions zsh)`. For fish: `myrmex completions fish >~/.config/fish/completions/myrmex.fish`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// The shells that can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shell {
    /// The GNU shell
    Bash,
    /// The Z shell
    Zsh,
    /// The friendly interactive shell
    Fish,
    /// Elvish
    Elvish,
    /// `PowerShell`
    Powershell,
}

impl Shell {
    fn completer(self) -> &'static dyn EnvCompleter {
        match self {
            Self::Bash => &Bash,
            Self::Zsh => &Zsh,
            Self::Fish => &Fish,
            Self::Elvish => &Elvish,
            Self::Powershell => &Powershell,
        }
    }
}

/// Prints the script. It asks the very program that printed it, by the name or path by which that was called.
///
/// # Errors
///
/// Returns [`Failure`] if standard output cannot be written.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    // A path that is no text cannot stand in a script; what comes nearest to it names at least what is meant.
    let called = std::env::args_os().next().map(|called| called.to_string_lossy().into_owned());
    let called = called.unwrap_or_else(|| complete::PROGRAM.to_owned());
    let is_path = Path::new(&called).components().count() > 1;
    let program = match std::path::absolute(&called) {
        Ok(path) if is_path => path.to_string_lossy().into_owned(),
        Ok(_) | Err(_) => called,
    };
    let mut script = Vec::new();
    args.shell
        .completer()
        .write_registration(complete::VARIABLE, complete::PROGRAM, complete::PROGRAM, &program, &mut script)
        .map_err(|error| Failure::output(&error))?;
    std::io::stdout().write_all(&script).map_err(|error| Failure::output(&error))?;
    Ok(Exit::Success)
}
