//! The workspace: where a command works, and where its data directory is.

use std::path::{Path, PathBuf};

use crate::exit::{Failure, FailureCode};

/// The data directory's name within a workspace.
pub const DATA_NAME: &str = ".myrmex";

/// The file that marks a workspace and holds its settings.
pub const SETTINGS_NAME: &str = "myrmex.yaml";

/// Where a command works.
#[derive(Debug, Clone)]
pub struct Workspace {
    /// The directory in which tasks run: absolute.
    pub root: PathBuf,
    /// The directory that holds the store: absolute.
    pub data: PathBuf,
}

impl Workspace {
    /// Finds the workspace of `from`: the nearest directory upwards that holds `myrmex.yaml` or `.myrmex/`, else `from`
    /// itself. `data` replaces its data directory. Creates nothing.
    ///
    /// # Errors
    ///
    /// Returns [`Failure`] if `from` has no absolute path, or the data directory is a file.
    pub fn find(from: &Path, data: Option<&Path>) -> Result<Self, Failure> {
        let absolute = |path: &Path| {
            std::path::absolute(path).map_err(|error| Failure::from_error(FailureCode::File, &error))
        };
        let from = absolute(from)?;
        let marks = |folder: &&Path| folder.join(SETTINGS_NAME).is_file() || folder.join(DATA_NAME).is_dir();
        let root = from.ancestors().find(marks).unwrap_or(&from).to_path_buf();
        let data = match data {
            Some(data) => absolute(data)?,
            None => root.join(DATA_NAME),
        };
        if data.is_file() {
            let message = format!("the data directory `{}` is a file, not a folder", data.display());
            return Err(Failure::new(FailureCode::File, message));
        }
        Ok(Self { root, data })
    }

    /// Finds the workspace of the current directory.
    ///
    /// # Errors
    ///
    /// Returns [`Failure`] if there is no current directory.
    pub fn current(data: Option<&Path>) -> Result<Self, Failure> {
        let here = std::env::current_dir().map_err(|error| Failure::from_error(FailureCode::File, &error))?;
        Self::find(&here, data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_marked_directory_upwards_is_the_workspace() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("project");
        let deep = root.join("a/b");
        std::fs::create_dir_all(&deep).unwrap();
        assert_eq!(Workspace::find(&deep, None).unwrap().root, deep);
        std::fs::write(root.join(SETTINGS_NAME), "").unwrap();
        assert_eq!(Workspace::find(&deep, None).unwrap().data, root.join(DATA_NAME));
        std::fs::create_dir(deep.join(DATA_NAME)).unwrap();
        assert_eq!(Workspace::find(&deep, None).unwrap().root, deep);
        let elsewhere = folder.path().join("elsewhere");
        assert_eq!(Workspace::find(&deep, Some(&elsewhere)).unwrap().data, elsewhere);
    }
}
