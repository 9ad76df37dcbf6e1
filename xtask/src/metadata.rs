//! What cargo knows about packages, as far as the checks read it.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::failure::Failure;
use crate::process;

/// The answer of `cargo metadata`.
#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    /// Packages: the members, or all that the lock file names.
    pub(crate) packages: Vec<Package>,
    /// The folder of the workspace manifest.
    pub(crate) workspace_root: PathBuf,
    /// Where cargo puts what it builds.
    pub(crate) target_directory: PathBuf,
}

/// One package.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Package {
    /// Its name.
    pub(crate) name: String,
    /// Its version.
    pub(crate) version: String,
    /// Its licence expression, where its manifest has one.
    pub(crate) license: Option<String>,
    /// Where it comes from; a package of this repository has none.
    pub(crate) source: Option<String>,
    /// The dependencies that its manifest names.
    pub(crate) dependencies: Vec<Dependency>,
    /// What cargo can build of it.
    pub(crate) targets: Vec<Target>,
}

/// One entry of a dependency table.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Dependency {
    /// The package that is depended on.
    pub(crate) name: String,
    /// The table: none for `[dependencies]`, else `dev` or `build`.
    pub(crate) kind: Option<String>,
    /// The folder of a dependency inside the repository.
    pub(crate) path: Option<PathBuf>,
}

/// One thing that cargo can build.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Target {
    /// Its name.
    pub(crate) name: String,
    /// Its kinds: `lib`, `bin`, `test` …
    pub(crate) kind: Vec<String>,
}

impl Metadata {
    /// Reads the members of the workspace that `folder` belongs to.
    pub(crate) fn of_members(folder: &Path) -> Result<Self, Failure> {
        Self::read(folder, &["--no-deps"])
    }

    /// Reads every package that the lock file names.
    pub(crate) fn of_everything(folder: &Path) -> Result<Self, Failure> {
        Self::read(folder, &["--locked"])
    }

    fn read(folder: &Path, arguments: &[&str]) -> Result<Self, Failure> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let text = process::output(
            Command::new(cargo)
                .args(["metadata", "--format-version", "1"])
                .args(arguments)
                .current_dir(folder),
        )?;
        serde_json::from_str(&text).map_err(Failure::because("answer of `cargo metadata`"))
    }
}

impl Package {
    /// Returns the names of the package's integration tests.
    pub(crate) fn test_targets(&self) -> impl Iterator<Item = &str> {
        self.targets
            .iter()
            .filter(|target| target.kind.iter().any(|kind| kind == "test"))
            .map(|t| t.name.as_str())
    }
}
