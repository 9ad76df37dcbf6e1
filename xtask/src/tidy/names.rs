//! Rules about the names of modules and files.

use super::Finding;
use crate::workspace::SourceFile;

/// Names that say nothing about what a module holds.
const EMPTY_NAMES: [&str; 10] =
    ["util", "utils", "common", "helper", "helpers", "misc", "manager", "managers", "imp", "v2"];

/// Finds modules with empty names. Reason: a module is named for what it holds; such a name invites anything.
pub(super) fn modules(files: &[SourceFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.has_extension("rs")) {
        let names = file.path.trim_end_matches(".rs").split('/');
        findings
            .extend(names.filter(|name| is_empty(name)).map(|name| Finding::file(&file.path, message(name))));
        // Modules in a file of their own were judged by its path; this finds those written in place.
        for (index, line) in file.text.lines().enumerate() {
            let inline = module_in(line).filter(|name| is_empty(name));
            findings.extend(inline.map(|name| Finding::line(&file.path, index + 1, message(name))));
        }
    }
    findings
}

/// Finds what a tool or a test that was killed left behind. Reason: nobody wrote it, and a copy of the repository gets it.
pub(super) fn leftovers(files: &[SourceFile]) -> Vec<Finding> {
    let is_leftover = |name: &str| {
        name.starts_with(".tmp")
            || [".tmp", ".snap.new", ".pending-snap"].iter().any(|end| name.ends_with(end))
    };
    let left = files.iter().filter(|file| file.path.split('/').any(is_leftover));
    left.map(|file| Finding::file(&file.path, "was left behind by a tool or a test; remove it")).collect()
}

fn module_in(line: &str) -> Option<&str> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let at = words.iter().position(|word| *word == "mod")?;
    let is_visibility = words[..at].iter().all(|word| word.starts_with("pub"));
    is_visibility
        .then(|| words.get(at + 1).copied())?
        .filter(|_| line.contains('{'))
        .map(|w| w.trim_end_matches('{'))
}

fn is_empty(name: &str) -> bool {
    EMPTY_NAMES.contains(&name)
}

fn message(name: &str) -> String {
    format!("`{name}` does not say what the module holds; name it for its content")
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    #[test]
    fn every_empty_name_fails_as_a_file_as_a_folder_and_in_place() {
        for name in EMPTY_NAMES {
            assert_eq!(modules(&[file(&format!("crates/a/src/{name}.rs"), "")]).len(), 1);
            assert_eq!(modules(&[file(&format!("crates/a/tests/{name}/mod.rs"), "")]).len(), 1);
            assert_eq!(
                modules(&[file("crates/a/src/lib.rs", &format!("pub(crate) mod {name} {{"))]).len(),
                1
            );
        }
    }

    #[test]
    fn what_tools_and_tests_leave_behind_fails_and_what_only_sounds_like_it_does_not() {
        for path in [
            ".tmpAb12/file",
            "crates/a/.tmp",
            "crates/a/store.tmp",
            "crates/a/tests/.lib.rs.pending-snap",
            "crates/a/tests/snapshots/a.snap.new",
        ] {
            assert_eq!(leftovers(&[file(path, "")]).len(), 1, "{path}");
        }
        assert_eq!(leftovers(&[file("docs/tmp.md", ""), file("crates/a/tests/snapshots/a.snap", "")]), []);
    }

    #[test]
    fn a_name_that_only_contains_an_empty_one_is_fine() {
        assert_eq!(modules(&[file("crates/a/src/common_keys.rs", "mod important {")]), []);
    }
}
