//! Programs that a command needs and cargo does not bring.

use std::env;
use std::path::Path;
use std::process::Command;

use crate::failure::Failure;
use crate::process;

/// A program and the Debian package that holds it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tool {
    /// The name of the program.
    pub(crate) program: &'static str,
    /// The package to install where it is missing.
    pub(crate) package: &'static str,
}

/// Makes sure that every tool is there: installs what is missing when root, else names the exact command and fails.
pub(crate) fn ensure(tools: &[Tool]) -> Result<(), Failure> {
    let missing: Vec<&str> =
        tools.iter().filter(|tool| !exists(tool.program)).map(|tool| tool.package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let install = format!("apt-get install -y {}", missing.join(" "));
    if !is_root() || !exists("apt-get") {
        return Err(Failure::new(format!("some programs are missing; install them with: sudo {install}")));
    }
    println!("installing what is missing: {install}");
    process::run(Command::new("apt-get").arg("update").arg("-qq"))?;
    process::run(
        Command::new("apt-get")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(["install", "-y", "-qq"])
            .args(missing),
    )
}

fn exists(program: &str) -> bool {
    let folders = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&folders).any(|folder| is_file(&folder.join(program)))
}

fn is_file(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file())
}

fn is_root() -> bool {
    process::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}
