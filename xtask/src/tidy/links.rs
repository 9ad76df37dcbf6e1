//! Rules about links in Markdown.

use super::Finding;
use crate::markdown;
use crate::workspace::SourceFile;

/// Finds links to files and headings that are not there, and addresses that cannot be. Reason: a page that points nowhere
/// was not read by its author.
pub(super) fn resolve(files: &[SourceFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.has_extension("md")) {
        for (line, target) in markdown::links(&file.text) {
            if let Some(problem) = problem(files, file, target) {
                findings.push(Finding::line(&file.path, line, problem));
            }
        }
    }
    findings
}

fn problem(files: &[SourceFile], page: &SourceFile, target: &str) -> Option<String> {
    if markdown::is_outside(target) {
        // Whether anything answers there depends on the network, which no rule needs.
        return (!is_address(target)).then(|| format!("`{target}` is no address"));
    }
    let (path, heading) = target.split_once('#').map_or((target, None), |(path, rest)| (path, Some(rest)));
    let path = if path.is_empty() { page.path.clone() } else { markdown::resolved(&page.path, path) };
    if !exists(files, &path) {
        return Some(format!("link to `{target}`, which does not exist"));
    }
    let other = files.iter().find(|file| file.path == path && file.has_extension("md"))?;
    let is_there = |heading: &str| markdown::anchors(&other.text).iter().any(|anchor| anchor == heading);
    heading
        .filter(|heading| !is_there(heading))
        .map(|_| format!("link to `{target}`, a heading that does not exist"))
}

fn is_address(target: &str) -> bool {
    if let Some(mail) = target.strip_prefix("mailto:") {
        return mail.contains('@');
    }
    let host = target.strip_prefix("https://").or_else(|| target.strip_prefix("http://"));
    let host = host.and_then(|rest| rest.split('/').next()).unwrap_or_default();
    !host.is_empty()
        && host.chars().all(|c| c.is_ascii_alphanumeric() || "-.:".contains(c))
        && !target.contains(' ')
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
    fn links_to_files_folders_headings_and_the_outside_pass() {
        let text = "# Here\n[b](b.md#x) [docs](../docs) [here](#here) [out](https://example.com/a) `[x](y.md)`\n```\n[x](y.md)\n```\n";
        assert_eq!(resolve(&[file("docs/a.md", text), file("docs/b.md", "## X\n")]), []);
    }

    #[test]
    fn a_link_to_a_missing_heading_fails() {
        assert_eq!(resolve(&[file("a.md", "# A\n[x](#b) [y](b.md#c)"), file("b.md", "# B")]).len(), 2);
    }

    #[test]
    fn what_is_no_address_fails() {
        assert_eq!(
            resolve(&[file("a.md", "[x](htps://example.com) [y](https://) [z](mailto:nobody)")]).len(),
            3
        );
    }

    #[test]
    fn a_link_out_of_the_repository_fails() {
        assert_eq!(resolve(&[file("a.md", "[x](../a.md)")]).len(), 1);
    }
}
