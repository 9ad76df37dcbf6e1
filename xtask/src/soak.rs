//! `cargo xtask soak`: the simulator over as many seeds as one likes, or one case of it again.
//!
//! It is built as tests are: with assertions, and with the crates in its loop optimised.

use std::process::ExitCode;

use crate::failure::Failure;
use crate::process;
use crate::workspace::Workspace;

/// Simulates what the words ask for; ends with 1 if something does not hold, and with 2 if they cannot be understood.
pub(crate) fn act(workspace: &Workspace, words: &[&str]) -> Result<ExitCode, Failure> {
    let package = ["--package", "myrmex-testkit", "--bin", "simulate"];
    process::run(workspace.cargo().args(["build", "--quiet"]).args(package))?;
    let out = workspace.target.join("soak");
    let mut command = std::process::Command::new(workspace.target.join("debug/simulate"));
    command.args(words);
    if words.len() != 1 {
        command.arg("--out").arg(out);
    }
    let status = command.status().map_err(Failure::because("simulate"))?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}
