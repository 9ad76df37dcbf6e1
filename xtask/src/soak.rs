//! `cargo xtask soak`: the simulator over as many seeds as one likes, or one case of it again.
//!
//! It is built as tests are: with assertions, and with the crates in its loop optimised.

use std::process::ExitCode;

use crate::failure::Failure;
use crate::process;
use crate::workspace::Workspace;

const USAGE: &str = "usage: cargo xtask soak [--seeds N] [--from S] [--planted BUG], or soak FILE";

/// Simulates; ends with 1 if something does not hold.
pub(crate) fn act(workspace: &Workspace, words: &[&str]) -> Result<ExitCode, Failure> {
    let is_option =
        |pair: &[&str]| matches!(pair, ["--seeds" | "--from", number] if number.parse::<u64>().is_ok());
    let is_known = match words {
        [file] => !file.starts_with('-'),
        pairs => pairs.chunks(2).all(|pair| is_option(pair) || matches!(pair, ["--planted", _])),
    };
    if !is_known {
        return Err(Failure::new(USAGE));
    }
    let package = ["--package", "myrmex-testkit", "--bin", "simulate"];
    process::run(workspace.cargo().args(["build", "--quiet"]).args(package))?;
    let out = workspace.target.join("soak");
    let mut command = std::process::Command::new(workspace.target.join("debug/simulate"));
    command.args(words);
    if words.len() != 1 {
        command.arg("--out").arg(out);
    }
    let status = command.status().map_err(Failure::because("simulate"))?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
