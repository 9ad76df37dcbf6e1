//! The frame of the guides.

use super::Finding;
use crate::workspace::SourceFile;

/// The guides; each is judged once it is there.
const GUIDES: &[&str] = &[
    "docs/project-lifecycle-guide.md",
    "docs/task-orchestration-guide.md",
    "docs/workflow-configuration-schema.md",
    "docs/config-driven-operations.md",
    "docs/dispatch-coordination.md",
    "docs/resource-configuration.md",
    "docs/project-template-schema.md",
];

/// The headings of the second level that every guide has, in this order and no others.
const HEADINGS: [&str; 10] = [
    "1. In two minutes",
    "2. Concepts",
    "3. How to",
    "4. Reference",
    "5. When it fails",
    "6. How far it scales",
    "7. Security notes",
    "8. Metrics, events, logs",
    "9. Compared with others",
    "10. Capability ids covered",
];

/// What stands in some of the parts, whatever else does: commands that a test executes, and numbers that a bench measured.
const CONTENT: [(&str, &str); 3] = [
    ("1. In two minutes", "\n```console\n"),
    ("5. When it fails", "\n```console\n"),
    ("6. How far it scales", "\n<!-- generated: bench "),
];

/// Finds guides without the frame, or with a part that lacks what belongs there. Reason: who knows one guide finds his way
/// in all of them, and what is neither executed nor measured is only hoped.
pub(super) fn frame(files: &[SourceFile]) -> Vec<Finding> {
    let guides = files.iter().filter(|file| GUIDES.contains(&file.path.as_str()));
    guides.flat_map(judge).collect()
}

fn judge(guide: &SourceFile) -> Vec<Finding> {
    let parts: Vec<(&str, &str)> = parts(&guide.text);
    let found: Vec<&str> = parts.iter().map(|(heading, _)| *heading).collect();
    if found != HEADINGS {
        let wrong = HEADINGS.iter().zip(&found).find(|(expected, found)| expected != found);
        let message = match wrong {
            Some((expected, found)) => format!("`## {found}` stands where `## {expected}` belongs"),
            None => format!("{} headings, where the frame has {}", found.len(), HEADINGS.len()),
        };
        return vec![Finding::file(&guide.path, message)];
    }
    let mut findings = Vec::new();
    for (heading, text) in parts {
        let lacks = |content: &&str| !text.contains(*content);
        let content = CONTENT.iter().find(|(part, _)| *part == heading).map(|(_, content)| *content);
        if text.trim().is_empty() {
            findings.push(Finding::file(&guide.path, format!("`## {heading}` is empty")));
        } else if let Some(content) = content.filter(lacks) {
            let message = format!("`## {heading}` has nothing that begins with `{}`", content.trim());
            findings.push(Finding::file(&guide.path, message));
        }
    }
    findings
}

/// Returns the headings of the second level, each with the text below it.
fn parts(text: &str) -> Vec<(&str, &str)> {
    let rest = text.split("\n## ").skip(1);
    rest.map(|part| part.split_once('\n').unwrap_or((part, ""))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    fn findings(headings: &[&str], below: &str) -> usize {
        let parts: Vec<String> = headings.iter().map(|heading| format!("## {heading}\n{below}")).collect();
        frame(&[file(GUIDES[0], &format!("# Guide\n\n{}", parts.join("\n")))]).len()
    }

    #[test]
    fn a_guide_has_the_ten_headings_and_something_below_each() {
        let whole = "\n```console\n$ x\n```\n<!-- generated: bench a b -->\n<!-- end -->\n";
        assert_eq!(findings(&HEADINGS, whole), 0);
        assert_eq!(findings(&HEADINGS[..9], whole), 1);
        assert_eq!(findings(&[&HEADINGS[..], &["11. More"]].concat(), whole), 1);
        assert_eq!(findings(&HEADINGS, ""), 10);
        assert_eq!(findings(&HEADINGS, "text\n"), CONTENT.len());
    }

    #[test]
    fn other_pages_are_free() {
        assert_eq!(frame(&[file("docs/pools.md", "# Pools\n")]), []);
    }
}
