//! Where the repository is and which files are ours.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;
use crate::metadata::Metadata;
use crate::process;

/// The checked-out repository.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// The folder of the workspace manifest.
    pub(crate) root: PathBuf,
    /// Where cargo puts what it builds.
    pub(crate) target: PathBuf,
}

/// One file of the repository, by its path from the root with `/` between names.
#[derive(Debug, Clone)]
pub(crate) struct SourceFile {
    /// Path from the root of the repository.
    pub(crate) path: String,
    /// Its text; empty where the file is not UTF-8, for then it holds no text of ours to judge.
    pub(crate) text: String,
}

impl SourceFile {
    /// Returns whether the name of the file ends in `.` and this extension.
    pub(crate) fn has_extension(&self, extension: &str) -> bool {
        self.path.rsplit_once('.').is_some_and(|(_, own)| own == extension)
    }
}

impl Workspace {
    /// Finds the workspace that the current folder belongs to.
    pub(crate) fn find() -> Result<Self, Failure> {
        let metadata = Metadata::of_members(Path::new("."))?;
        Ok(Self { root: metadata.workspace_root, target: metadata.target_directory })
    }

    /// Returns every text file that is, or would be, under version control, ordered by path.
    pub(crate) fn files(&self) -> Result<Vec<SourceFile>, Failure> {
        let listing = process::output(
            Command::new("git")
                .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
                .current_dir(&self.root),
        )?;
        let mut paths: Vec<&str> = listing.split('\0').filter(|path| !path.is_empty()).collect();
        paths.sort_unstable();
        paths.dedup();
        let mut files = Vec::with_capacity(paths.len());
        for path in paths {
            // A file may be listed and yet deleted in the work tree.
            if let Ok(bytes) = fs::read(self.root.join(path)) {
                let text = String::from_utf8(bytes).unwrap_or_default();
                files.push(SourceFile { path: path.to_owned(), text });
            }
        }
        Ok(files)
    }

    /// Returns a command that runs this toolchain's cargo at the root.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(&self.root);
        command
    }
}
