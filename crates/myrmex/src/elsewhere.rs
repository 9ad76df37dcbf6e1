//! Commands that stand elsewhere than where somebody looked for them, and those that bear another name here.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, Error};

/// Names that other programs have for our commands.
const NAMES: &[(&[&str], &str)] = &[
    (&["init", "create", "generate"], "new"),
    (&["health", "diagnose", "env"], "doctor"),
    (&["examples", "sample", "samples"], "example list"),
    (&["validate", "lint", "verify", "test"], "check"),
    (&["format"], "fmt"),
    (&["exec", "execute", "submit", "launch"], "run"),
    (&["ls", "ps", "history"], "runs list"),
    (&["status", "describe", "inspect", "get", "info"], "runs show"),
    (&["log", "output", "tail", "follow"], "runs logs"),
    (&["statistics", "metrics"], "runs stats"),
    (&["profile", "bottlenecks"], "analyze"),
    (&["artifact", "files"], "runs artifacts"),
    (&["continue", "recover"], "runs resume"),
    (&["rerun", "restart"], "runs retry"),
    (&["stop", "kill", "abort", "terminate"], "runs cancel"),
];

/// Lets an error about a command that does not exist say which one is meant: `myrmex retry` is `myrmex runs retry`.
pub fn told(mut error: Error, program: &Command) -> Error {
    if error.kind() != ErrorKind::InvalidSubcommand {
        return error;
    }
    let Some(ContextValue::String(given)) = error.get(ContextKind::InvalidSubcommand) else { return error };
    let meant = meant(given, program);
    if meant.is_empty() {
        return error;
    }
    let lines: Vec<String> = meant.iter().map(|words| format!("`{} {words}`", program.get_name())).collect();
    let tip = format!("did you mean {}?", lines.join(" or "));
    error.remove(ContextKind::SuggestedSubcommand);
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    error
}

/// Returns the words of the commands that `given` may mean: those that exist beside or below, and those that have another name here.
fn meant(given: &str, program: &Command) -> Vec<String> {
    // A command of the first level is unknown only where one of the second was expected.
    if program.find_subcommand(given).is_some() {
        return vec![given.to_owned()];
    }
    let named = NAMES.iter().find(|(theirs, _)| theirs.contains(&given)).map(|(_, ours)| (*ours).to_owned());
    let below = program.get_subcommands().find(|own| own.find_subcommand(given).is_some());
    named.into_iter().chain(below.map(|parent| format!("{} {given}", parent.get_name()))).collect()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn every_name_leads_to_a_command_that_exists() {
        let program = Cli::command();
        for (theirs, ours) in NAMES {
            let mut words = ours.split(' ');
            let found = words.try_fold(&program, |at, word| at.find_subcommand(word));
            assert!(found.is_some(), "{ours}");
            assert!(theirs.iter().all(|name| program.find_subcommand(name).is_none()), "{theirs:?}");
        }
    }
}
