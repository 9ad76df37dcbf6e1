//! `myrmex fmt`: writes files in the canonical form. What it cannot read, it leaves alone.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap_complete::engine::ArgValueCompleter;
use myrmex_lang::{FormatError, Source, Syntax};
use myrmex_model::diagnostic::Diagnostic;

use super::unreadable;
use crate::complete;
use crate::exit::{Exit, Failure, FailureCode};
use crate::render::diagnostics;
use crate::sources::{self, STANDARD_INPUT};
use crate::workspace::Workspace;

/// Write files in the canonical form
///
/// Values, their order and all comments stay; blank lines too, one of several. A file called `.json` stays JSON, every
/// other is YAML. Formatting a file twice is the same as formatting it once.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Files or folders to format, without any the whole workspace; `-` reads standard input and writes to standard output
    #[arg(value_name = "PATH", add = ArgValueCompleter::new(complete::files))]
    paths: Vec<PathBuf>,

    /// Write nothing; name the files that would change and exit with 1 if there are any
    #[arg(long)]
    check: bool,
}

/// How formatting one file ended.
enum Formatted {
    Unchanged,
    Changed(String),
    Refused,
}

/// Formats the files.
///
/// # Errors
///
/// Returns [`Failure`] if a file or standard output cannot be written.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    let files = sources::meant(&args.paths, &Workspace::current(None)?.root);
    let (mut changed, mut refused) = (0_usize, 0_usize);
    for path in &files {
        let is_input = path.as_os_str() == STANDARD_INPUT;
        let (source, formatted) = format(path, is_input)?;
        match (formatted, is_input) {
            (Formatted::Refused, _) => refused += 1,
            (Formatted::Unchanged, true) if !args.check => print(&source.text)?,
            (Formatted::Unchanged, _) => {}
            (Formatted::Changed(text), true) if !args.check => print(&text)?,
            (Formatted::Changed(_), _) if args.check => {
                changed += 1;
                print(&format!("{}\n", source.name))?;
            }
            (Formatted::Changed(text), _) => {
                changed += 1;
                std::fs::write(path, text)
                    .map_err(|error| Failure::file(path, "cannot be written", &error))?;
            }
        }
    }
    if !files.iter().any(|path| path.as_os_str() == STANDARD_INPUT) {
        let verb = if args.check { "would be changed" } else { "changed" };
        tell((files.len(), changed, refused), verb);
    }
    Ok(match (refused, args.check && changed > 0) {
        (0, false) => Exit::Success,
        (0, true) => Exit::Unformatted,
        (1.., _) => Exit::Invalid,
    })
}

/// Formats one file; a problem with it is printed.
fn format(path: &Path, is_input: bool) -> Result<(Source, Formatted), Failure> {
    let name = sources::name_of(path);
    let text = sources::read_source(path);
    let refuse = |source: Source, problems: &[Diagnostic]| {
        diagnostics::print(&source, problems);
        Ok((source, Formatted::Refused))
    };
    let text = match text {
        Ok(text) => text,
        Err(reason) => {
            let problem = unreadable(&name, path, &reason);
            return refuse(Source::new(name, ""), &[problem]);
        }
    };
    let syntax = syntax(path, is_input, &text);
    let source = Source::new(name, text);
    match myrmex_lang::format(&source, syntax) {
        Ok(formatted) if *formatted == *source.text => Ok((source, Formatted::Unchanged)),
        Ok(formatted) => Ok((source, Formatted::Changed(formatted))),
        Err(FormatError::Broken(problems)) => refuse(source, &problems),
        Err(error @ FormatError::Lossy) => {
            let mut failure =
                Failure::new(FailureCode::File, format!("`{}` cannot be formatted", source.name));
            failure.causes.push(error.to_string());
            Err(failure)
        }
    }
}

/// Tells JSON from YAML by the name of the file; standard input has none, so there JSON is what can be read as such.
fn syntax(path: &Path, is_input: bool, text: &str) -> Syntax {
    let is_json = if is_input {
        serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
    } else {
        path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"))
    };
    if is_json { Syntax::Json } else { Syntax::Yaml }
}

fn print(text: &str) -> Result<(), Failure> {
    std::io::stdout().write_all(text.as_bytes()).map_err(|error| Failure::output(&error))
}

/// Says how many files there were, how many of them changed, as `verb` says, and how many were refused.
fn tell((files, changed, refused): (usize, usize, usize), verb: &str) {
    let unchanged = files - changed - refused;
    let plural = if files == 1 { "" } else { "s" };
    let refused = if refused > 0 { format!(", {refused} refused") } else { String::new() };
    // If standard error is closed the exit code still tells.
    drop(writeln!(
        anstream::stderr(),
        "{files} file{plural}: {changed} {verb}, {unchanged} unchanged{refused}"
    ));
}
