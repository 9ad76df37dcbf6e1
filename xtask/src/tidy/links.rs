//! Rules about links in Markdown.

use super::Finding;
use crate::workspace::SourceFile;

/// Finds links to files that are not there. Reason: a page that points nowhere was not read by its author.
pub(super) fn resolve(files: &[SourceFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.has_extension("md")) {
        for (line, target) in links(&file.text) {
            let path = resolved(&file.path, target);
            if !exists(files, &path) {
                findings.push(Finding::line(
                    &file.path,
                    line,
                    format!("link to `{target}`, which does not exist"),
                ));
            }
        }
    }
    findings
}

/// Returns the line and target of each link into the repository, code left out.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut is_fenced = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            is_fenced = !is_fenced;
        }
        if is_fenced {
            continue;
        }
        // Odd parts between backticks are code.
        for prose in line.split('`').step_by(2) {
            found.extend(targets(prose).map(|target| (index + 1, target)));
        }
    }
    found.retain(|(_, target)| !is_outside(target));
    found
}

fn targets(prose: &str) -> impl Iterator<Item = &str> {
    prose.split("](").skip(1).filter_map(target_until_bracket)
}

fn target_until_bracket(rest: &str) -> Option<&str> {
    let (target, _) = rest.split_once(')')?;
    Some(target.split('#').next().unwrap_or_default())
}

fn is_outside(target: &str) -> bool {
    target.is_empty() || target.contains("://") || target.starts_with("mailto:")
}

fn resolved(page: &str, target: &str) -> String {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                // A step above the root stays visible, and so resolves to nothing.
                if parts.pop().is_none() {
                    parts.push("..");
                }
            }
            name => parts.push(name),
        }
    }
    parts.join("/")
}

fn exists(files: &[SourceFile], path: &str) -> bool {
    let folder = format!("{path}/");
    path.is_empty() || files.iter().any(|file| file.path == path || file.path.starts_with(&folder))
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    #[test]
    fn a_link_to_a_missing_file_fails_with_its_line() {
        let files = [file("docs/a.md", "first\nsee [b](b.md) and [`c`](../c.md#part)\n")];
        let lines: Vec<_> =
            resolve(&files).into_iter().map(|finding| (finding.line, finding.message)).collect();
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines.iter().all(|(line, _)| *line == Some(2)));
    }

    #[test]
    fn links_to_files_folders_anchors_and_the_outside_pass() {
        let text = "[b](b.md#x) [docs](../docs) [here](#here) [out](https://example.com/a) `[x](y.md)`\n```\n[x](y.md)\n```\n";
        assert_eq!(resolve(&[file("docs/a.md", text), file("docs/b.md", "")]), []);
    }

    #[test]
    fn a_link_out_of_the_repository_fails() {
        assert_eq!(resolve(&[file("a.md", "[x](../a.md)")]).len(), 1);
    }
}
