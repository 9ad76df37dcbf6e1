//! `myrmex man`: the manual pages, made from the definitions of the commands.

use std::io::Write;
use std::path::PathBuf;

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use crate::cli::Cli;
use crate::exit::{Exit, Failure};
use crate::{complete, elsewhere};

/// Print a manual page, or write all of them
///
/// A page is read with `myrmex man runs show | man -l -`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The command that the page is about, such as `runs show`; without it the page is about the whole program
    #[arg(value_name = "COMMAND", conflicts_with = "out")]
    command: Vec<String>,

    /// Write the pages of all commands into this folder, such as `~/.local/share/man/man1`
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Prints the page, or writes all.
///
/// # Errors
///
/// Returns [`Failure`] if what is asked for cannot be written.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    let program = Cli::command().disable_help_subcommand(true);
    if let Some(folder) = &args.out {
        let failed = |error: std::io::Error| Failure::file(folder, "cannot be written", &error);
        std::fs::create_dir_all(folder).map_err(failed)?;
        clap_mangen::generate_to(program, folder).map_err(failed)?;
        return Ok(Exit::Success);
    }
    let Some(command) = asked(&program, &args.command) else {
        // Whoever asks for the help of what does not exist is told what does.
        let words =
            [complete::PROGRAM].into_iter().chain(args.command.iter().map(String::as_str)).chain(["--help"]);
        if let Err(error) = program.clone().try_get_matches_from(words) {
            // If standard error is closed the exit code still tells.
            drop(elsewhere::told(error, &program).print());
        }
        return Ok(Exit::Invalid);
    };
    let mut page = Vec::new();
    let source = format!("{} {}", complete::PROGRAM, env!("CARGO_PKG_VERSION"));
    Man::new(command).source(source).render(&mut page).map_err(|error| Failure::output(&error))?;
    std::io::stdout().write_all(&page).map_err(|error| Failure::output(&error))?;
    Ok(Exit::Success)
}

/// Finds a command by its words, with its whole name in it.
fn asked(program: &Command, words: &[String]) -> Option<Command> {
    let mut program = program.clone();
    program.build();
    words.iter().try_fold(&program, |command, word| command.find_subcommand(word)).cloned()
}
