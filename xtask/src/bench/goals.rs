//! What is judged of figures that are compared with a limit, and where they are written.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::machine::Machine;
use crate::failure::Failure;
use crate::workspace::Workspace;

/// What is judged, what it must not exceed, and what was measured. A figure that is missing is infinite.
pub(super) struct Goal {
    pub(super) about: String,
    pub(super) limit: f64,
    pub(super) measured: f64,
}

impl Goal {
    pub(super) fn holds(&self) -> bool {
        self.measured <= self.limit
    }
}

/// What a bench found.
pub(super) struct Results<'a> {
    /// The bench; its files begin with it.
    pub(super) kind: &'static str,
    /// The command that repeats it.
    pub(super) command: String,
    pub(super) machine: &'a Machine,
    pub(super) figures: &'a Value,
    /// The page, without the goals.
    pub(super) markdown: String,
    pub(super) goals: &'a [Goal],
}

impl Results<'_> {
    /// Writes the figures and the page, shows the page, and says by the exit code whether all goals hold.
    pub(super) fn write(self, workspace: &Workspace, out: Option<PathBuf>) -> Result<ExitCode, Failure> {
        let Self { kind, command, machine, figures, markdown, goals } = self;
        let dated = format!("bench/results/{kind}-{}.json", machine.day());
        let json = out.unwrap_or_else(|| workspace.root.join(dated));
        let table = match json.file_name().and_then(|name| name.to_str()) {
            Some(name) if name.starts_with(&format!("{kind}-")) => json.with_file_name(format!("{kind}.md")),
            _ => json.with_extension("md"),
        };
        let judged: Vec<Value> = goals
            .iter()
            .map(|goal| json!({"about": goal.about, "limit": goal.limit, "measured": goal.measured}))
            .collect();
        let results = json!({"command": command, "machine": machine, "figures": figures, "goals": judged});
        let text = serde_json::to_string_pretty(&results).map_err(Failure::because("results"))?;
        fs::write(&json, text + "\n").map_err(Failure::because("results"))?;
        let mut page = markdown;
        page.push_str("\n| goal | limit | measured | |\n|---|---|---|---|\n");
        for goal in goals {
            let verdict = if goal.holds() { "holds" } else { "**fails**" };
            let _ = writeln!(page, "| {} | {} | {:.2} | {verdict} |", goal.about, goal.limit, goal.measured);
        }
        fs::write(&table, &page).map_err(Failure::because("table of results"))?;
        println!("{page}\nwritten: {} and {}", json.display(), table.display());
        Ok(if goals.iter().all(Goal::holds) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
