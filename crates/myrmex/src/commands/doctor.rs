//! `myrmex doctor`: whether all that runs need is there and well, in plain words. It changes nothing.

mod machine;
mod store;
mod surroundings;

use std::io::Write;
use std::path::Path;

use serde_json::{Value, json};

use crate::exit::{Exit, Failure};
use crate::session::print_line;
use crate::workspace::Workspace;

/// Look whether all that runs need is there and well, and change nothing
///
/// The workspace, its settings and its store; room and kind of the disk, limits, the clock; the shell and the terminal. Each
/// check has an id that stays, and ends with ok, warning or failed. The exit code is 1 if one of them failed; warnings leave it 0.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Health {
    /// As it should be.
    Fine,
    /// It works, but not as well as it could, or not for long.
    Doubtful,
    /// Runs do not work like this.
    Broken,
}

impl Health {
    fn as_str(self) -> &'static str {
        match self {
            Self::Fine => "ok",
            Self::Doubtful => "warning",
            Self::Broken => "failed",
        }
    }
}

/// What one check found.
#[derive(Debug)]
struct Finding {
    /// Which check: never renamed, for scripts.
    id: &'static str,
    health: Health,
    message: String,
    /// One thing to do.
    hint: Option<String>,
}

impl Finding {
    fn fine(id: &'static str, message: impl Into<String>) -> Self {
        Self { id, health: Health::Fine, message: message.into(), hint: None }
    }

    fn doubtful(id: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { id, health: Health::Doubtful, message: message.into(), hint: Some(hint.into()) }
    }

    fn broken(id: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { id, health: Health::Broken, message: message.into(), hint: Some(hint.into()) }
    }

    /// Builds what a failure of another command would say.
    fn of_failure(id: &'static str, failure: Failure) -> Self {
        let because: Vec<String> = failure.causes.iter().map(|cause| format!(": {cause}")).collect();
        let message = format!("{}{} ({})", failure.message, because.concat(), failure.code.as_str());
        Self { id, health: Health::Broken, message, hint: failure.hint }
    }

    #[must_use]
    fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Looks at everything.
///
/// # Errors
///
/// Returns [`Failure`] if there is no current folder, or what was found cannot be printed.
pub fn run(args: &Args, data: Option<&Path>) -> Result<Exit, Failure> {
    let workspace = Workspace::current(data)?;
    let mut findings = vec![machine::version()];
    findings.extend(surroundings::look(&workspace));
    findings.extend(store::look(&workspace));
    findings.extend(machine::look(&workspace));
    let count = |health| findings.iter().filter(|finding| finding.health == health).count();
    let (fine, doubtful, broken) = (count(Health::Fine), count(Health::Doubtful), count(Health::Broken));
    if args.json {
        let checks: Vec<Value> = findings.iter().map(shown).collect();
        print_line(&json!({"checks": checks, "ok": fine, "warnings": doubtful, "failed": broken}))?;
    } else {
        print(&findings).map_err(|error| Failure::output(&error))?;
        let plural = if doubtful == 1 { "" } else { "s" };
        // If standard error is closed the exit code still tells.
        drop(writeln!(anstream::stderr(), "{fine} ok, {doubtful} warning{plural}, {broken} failed"));
    }
    Ok(if broken == 0 { Exit::Success } else { Exit::Unwell })
}

fn shown(Finding { id, health, message, hint }: &Finding) -> Value {
    json!({"id": id, "status": health.as_str(), "message": message, "hint": hint})
}

fn print(findings: &[Finding]) -> std::io::Result<()> {
    let mut out = anstream::stdout().lock();
    for Finding { id, health, message, hint } in findings {
        writeln!(out, "{:<7}  {id:<11}  {message}", health.as_str())?;
        if let Some(hint) = hint {
            writeln!(out, "{:22}hint: {hint}", "")?;
        }
    }
    Ok(())
}
