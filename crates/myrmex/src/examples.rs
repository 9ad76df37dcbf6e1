//! The examples that the binary holds: the folders of `examples/` in the repository, but for what its tests compare them with.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::exit::{Failure, FailureCode};
use crate::workspace::DATA_NAME;

/// The page of an example.
const PAGE: &str = "README.md";

/// One example.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Example {
    /// Its folder in the repository, such as `01-hello`.
    folder: &'static str,
    /// Its files by their paths in the folder: the page first, then the workflow that shows most, or the project.
    files: &'static [(&'static str, &'static str)],
}

macro_rules! examples {
    ($($folder:literal: [$($file:literal),* $(,)?]),* $(,)?) => {
        /// All examples, the simplest first.
        const EXAMPLES: &[Example] = &[$(Example {
            folder: $folder,
            files: &[$(($file, include_str!(concat!("../../../examples/", $folder, "/", $file)))),*],
        }),*];
    };
}

examples![
    "01-hello": ["README.md", "hello.yaml"],
    "02-matrix": ["README.md", "matrix.yaml"],
    "03-sequence": ["README.md", "order.yaml"],
    "04-retry": ["README.md", "retry.yaml"],
    "05-catch": ["README.md", "catch.yaml"],
    "06-recovery": ["README.md", "nightly.yaml"],
    "07-failure": ["README.md", "release.yaml"],
    "08-library": ["README.md", "reminders.yaml", "invoice.yaml", "actions/letters.yaml"],
    "09-pools": ["README.md", "release.yaml"],
    "10-secrets": ["README.md", "deploy.yaml"],
    "11-cache": ["README.md", "site.yaml", "text.txt"],
    "12-fan-out": ["README.md", "fan-out.yaml"],
    "13-penguins": ["README.md", "penguins.yaml", "penguins.csv"],
    "14-this-repository": ["README.md", "repository.yaml"],
    "15-ported": [
        "README.md",
        "argo-map-reduce.yaml",
        "argo-coinflip.yaml",
        "argo-exit-handlers.yaml",
        "argo-retry-conditional.yaml",
        "dagu-handlers.yaml",
        "dagu-poll.yaml",
        "github-node-matrix.yaml",
        "github-python-package.yaml",
        "kestra-etl.yaml",
        "kestra-subflow-order.yaml",
        "kestra-subflow.yaml",
    ],
    "16-demo": ["README.md", "repository.yaml", "ledger.sh"],
    "17-release": [
        "README.md",
        "release.yaml",
        "resources.yaml",
        "build.yaml",
        "test.yaml",
        "package.yaml",
        "publish.yaml",
        "parts/fruit.txt",
        "parts/greens.txt",
    ],
];

/// Returns all examples, the simplest first.
pub(crate) fn all() -> impl Iterator<Item = Example> {
    EXAMPLES.iter().copied()
}

/// Finds the example of this name; its folder's name with the number will do too.
pub(crate) fn find(name: &str) -> Option<Example> {
    all().find(|example| example.name() == name || example.folder == name)
}

impl Example {
    /// Returns its name: that of its folder without the number.
    pub(crate) fn name(self) -> &'static str {
        self.folder.split_once('-').map_or(self.folder, |(_, name)| name)
    }

    /// Returns what it is about, in one line: the title of its page.
    pub(crate) fn title(self) -> &'static str {
        let heading = self.text(PAGE).lines().next().unwrap_or_default();
        heading.trim_start_matches("# ")
    }

    /// Returns the file of the workflow that shows most, or of the project.
    pub(crate) fn main(self) -> &'static str {
        self.files[1].0
    }

    /// Returns whether it is about a project.
    pub(crate) fn is_project(self) -> bool {
        myrmex_lang::begins_with(self.text(self.main()), "project")
    }

    /// Returns the line that begins it in its folder.
    pub(crate) fn first_line(self) -> String {
        let command = if self.is_project() { "project start" } else { "run" };
        format!("myrmex {command} {}", self.main())
    }

    /// Returns the paths of its files in its folder.
    pub(crate) fn paths(self) -> impl Iterator<Item = &'static str> {
        self.files.iter().map(|(path, _)| *path)
    }

    fn text(self, path: &str) -> &'static str {
        self.files.iter().find(|(own, _)| *own == path).map_or("", |(_, text)| text)
    }

    /// Writes its files into `folder`, which must not be there yet or be empty, and makes it a workspace of its own whatever lies
    /// above it. If a file cannot be written, those before it are left.
    ///
    /// # Errors
    ///
    /// Returns [`Failure`] if something lies there already, or a file cannot be written.
    pub(crate) fn copy_to(self, folder: &Path) -> Result<(), Failure> {
        let failed =
            |path: PathBuf| move |error: io::Error| Failure::file(&path, "cannot be written", &error);
        let is_taken = match fs::read_dir(folder) {
            Ok(mut entries) => entries.next().is_some(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(_) => true,
        };
        if is_taken {
            let message = format!("`{}` is there already, and nothing is overwritten", folder.display());
            return Err(
                Failure::new(FailureCode::File, message).with_hint("name a folder that is not there yet")
            );
        }
        for (path, text) in self.files {
            let path = folder.join(path);
            let parent = path.parent().unwrap_or(folder);
            fs::create_dir_all(parent).map_err(failed(parent.to_owned()))?;
            File::create_new(&path)
                .and_then(|mut file| file.write_all(text.as_bytes()))
                .map_err(failed(path))?;
        }
        let data = folder.join(DATA_NAME);
        DirBuilder::new().mode(0o700).create(&data).map_err(failed(data))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Returns the paths of all files below `folder`, but for what belongs to the tests and to runs.
    fn below(folder: &Path, prefix: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let name = entry.file_name().into_string().unwrap();
            if name == DATA_NAME || name == "expected.json" || (prefix.is_empty() && name == PAGE) {
                continue;
            }
            let path = format!("{prefix}{name}");
            if entry.path().is_dir() {
                found.extend(below(&entry.path(), &format!("{path}/")));
            } else {
                found.insert(path);
            }
        }
        found
    }

    #[test]
    fn every_file_of_the_folder_of_examples_is_held() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
        let held =
            all().flat_map(|example| example.paths().map(move |path| format!("{}/{path}", example.folder)));
        assert_eq!(held.collect::<BTreeSet<_>>(), below(&folder, ""));
    }

    #[test]
    fn every_example_has_a_page_first_and_then_a_workflow_or_a_project() {
        for example in all() {
            assert_eq!(example.paths().next(), Some(PAGE));
            let main = example.text(example.main());
            assert!(
                example.is_project() != myrmex_lang::declared_workflow(main).is_some(),
                "{}",
                example.name()
            );
            assert!(!example.title().is_empty());
            assert_eq!(find(example.name()), Some(example));
            assert_eq!(find(example.folder), Some(example));
        }
    }
}
