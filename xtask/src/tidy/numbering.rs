//! Rules about the records in `docs/decisions` and `changes`.

use super::Finding;
use crate::workspace::SourceFile;

const DECISIONS: &str = "docs/decisions/";
const CHANGES: &str = "changes/";

/// Finds gaps and doubles in the numbers of decisions. Reason: a number is how people cite one, for ever.
pub(super) fn decisions(files: &[SourceFile]) -> Vec<Finding> {
    let names = files.iter().filter_map(|file| file.path.strip_prefix(DECISIONS));
    let mut findings = Vec::new();
    let mut expected = 1;
    // The files come ordered by path, and numbers of four digits order as text does.
    for name in names.filter(|name| *name != "README.md") {
        if !name.starts_with(&format!("{expected:04}-")) {
            let message = format!("decisions are numbered without gaps; expected `{expected:04}-…`");
            findings.push(Finding::file(format!("{DECISIONS}{name}"), message));
        }
        expected += 1;
    }
    if expected == 1 {
        findings.push(Finding::file(DECISIONS, "holds no decision"));
    }
    findings
}

/// Finds an empty folder of changes. Reason: a change that users can see says what changed, why, and what to do.
pub(super) fn changes(files: &[SourceFile]) -> Vec<Finding> {
    let mut pages = files.iter().filter(|file| file.path.starts_with(CHANGES) && file.has_extension("md"));
    if pages.any(|page| !page.path.ends_with("README.md")) {
        return Vec::new();
    }
    vec![Finding::file(CHANGES, "holds no record of a change")]
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    fn decided(names: &[&str]) -> usize {
        let files: Vec<SourceFile> =
            names.iter().map(|name| file(&format!("{DECISIONS}{name}"), "")).collect();
        decisions(&files).len()
    }

    #[test]
    fn a_gap_a_double_and_no_decision_at_all_fail() {
        assert_eq!(decided(&["0001-a.md", "0002-b.md"]), 0);
        assert_eq!(decided(&["0001-a.md", "0003-b.md"]), 1);
        assert_eq!(decided(&["0001-a.md", "0001-b.md"]), 1);
        assert_eq!(decided(&[]), 1);
    }

    #[test]
    fn a_folder_of_changes_with_only_its_readme_fails() {
        assert_eq!(changes(&[file("changes/README.md", "")]).len(), 1);
        assert_eq!(changes(&[file("changes/README.md", ""), file("changes/0002-a.md", "")]), []);
    }
}
