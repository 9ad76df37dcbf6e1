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

/// Finds guides without the frame, or with an empty part. Reason: who knows one guide finds his way in all of them.
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
    let empty = parts.iter().filter(|(_, text)| text.trim().is_empty());
    empty.map(|(heading, _)| Finding::file(&guide.path, format!("`## {heading}` is empty"))).collect()
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
        assert_eq!(findings(&HEADINGS, "text\n"), 0);
        assert_eq!(findings(&HEADINGS[..9], "text\n"), 1);
        assert_eq!(findings(&[&HEADINGS[..], &["11. More"]].concat(), "text\n"), 1);
        assert_eq!(findings(&HEADINGS, ""), 10);
    }

    #[test]
    fn other_pages_are_free() {
        assert_eq!(frame(&[file("docs/pools.md", "# Pools\n")]), []);
    }
}
