//! Rules about files, names and manifests that neither rustfmt nor clippy knows. Each says why it exists.
//!
//! A rule is a pure function from files or packages to findings, so that its test can show it failing.

mod guides;
mod links;
mod manifests;
mod names;
mod numbering;
mod text;

use std::fmt;

use crate::failure::Failure;
use crate::metadata::Metadata;
use crate::workspace::{SourceFile, Workspace};

/// One breach of one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Finding {
    /// The file, from the root of the repository.
    path: String,
    /// The line, from 1; none where the whole file is meant.
    line: Option<usize>,
    /// What is wrong and what to do.
    message: String,
}

impl Finding {
    fn file(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), line: None, message: message.into() }
    }

    fn line(path: impl Into<String>, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.into(), line: Some(line), message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.path, self.message),
            None => write!(f, "{}: {}", self.path, self.message),
        }
    }
}

/// A rule that looks at files alone.
type FileRule = fn(&[SourceFile]) -> Vec<Finding>;

const FILE_RULES: &[FileRule] = &[
    text::size,
    text::unfinished,
    text::ignored_tests,
    text::machine_paths,
    names::modules,
    names::leftovers,
    manifests::lints,
    manifests::pure_lints,
    guides::frame,
    numbering::decisions,
    numbering::changes,
];

/// Checks every rule and prints each breach.
pub(crate) fn check(workspace: &Workspace) -> Result<(), Failure> {
    let files = workspace.files()?;
    // A link may lead to a file that is not ours, so that rule sees them all.
    let mut findings = links::resolve(&files);
    let ours: Vec<SourceFile> = files.into_iter().filter(|file| !is_foreign(&file.path)).collect();
    findings.extend(FILE_RULES.iter().flat_map(|rule| rule(&ours)));
    let members = Metadata::of_members(&workspace.root)?.packages;
    findings.extend(manifests::purity(&members));
    findings.extend(manifests::direction(&members));
    for finding in &findings {
        println!("{finding}");
    }
    if findings.is_empty() {
        println!("{} files obey {} rules", ours.len(), FILE_RULES.len() + 3);
        return Ok(());
    }
    Err(Failure::new(format!("{} breaches of rules", findings.len())))
}

/// Returns whether we do not write this file ourselves: lock files, data of others, licence texts.
fn is_foreign(path: &str) -> bool {
    let is_data = path.starts_with("tests-data/wfinstances/") && !path.ends_with("README.md");
    is_data || path == "Cargo.lock" || path.starts_with("LICENSE-")
}

#[cfg(test)]
fn file(path: &str, text: &str) -> SourceFile {
    SourceFile { path: path.to_owned(), text: text.to_owned() }
}
