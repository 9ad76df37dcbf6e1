//! The table of contents. Pages of a folder need no entry of their own where `<!-- pages: FOLDER -->` stands.

use crate::markdown;
use crate::workspace::SourceFile;

const BEGINNING: &str = "<!-- pages: ";
const END: &str = " -->";

/// Returns the table with an entry for every page of the folders that it names, and with paths from the root.
///
/// A page belongs to the nearest of these folders, and to none if the table names the page itself.
pub(super) fn expanded(summary: &str, path: &str, files: &[SourceFile]) -> String {
    let named: Vec<String> =
        markdown::links(summary).into_iter().map(|(_, target)| markdown::resolved(path, target)).collect();
    let folders: Vec<String> = summary.lines().filter_map(|line| folder(line, path)).collect();
    let nearest = |page: &str| {
        let around = folders.iter().filter(|folder| is_inside(page, folder));
        around.max_by_key(|folder| folder.len())
    };
    let pages: Vec<&SourceFile> = files
        .iter()
        .filter(|file| file.has_extension("md") && file.path != path && !named.contains(&file.path))
        .collect();
    let mut lines = Vec::new();
    for line in summary.lines() {
        let Some(folder) = folder(line, path) else {
            lines.push(from_root(line, path));
            continue;
        };
        let indent = &line[..line.len() - line.trim_start().len()];
        for page in pages.iter().filter(|page| nearest(&page.path) == Some(&folder)) {
            let title = markdown::title(&page.text).unwrap_or(&page.path).replace(['[', ']'], "");
            lines.push(format!("{indent}- [{title}]({})", page.path));
        }
    }
    lines.join("\n") + "\n"
}

fn folder(line: &str, path: &str) -> Option<String> {
    let folder = line.trim().strip_prefix(BEGINNING)?.strip_suffix(END)?;
    Some(markdown::resolved(path, folder))
}

fn is_inside(page: &str, folder: &str) -> bool {
    page.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

fn from_root(line: &str, path: &str) -> String {
    match line.split_once("](") {
        Some((before, rest)) => {
            let target = rest.trim_end().trim_end_matches(')');
            let resolved = if target.is_empty() { String::new() } else { markdown::resolved(path, target) };
            format!("{before}]({resolved})")
        }
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(path: &str) -> SourceFile {
        SourceFile { path: path.to_owned(), text: format!("# About [{path}]\n") }
    }

    #[test]
    fn pages_stand_under_the_nearest_folder_unless_they_are_named() {
        let summary = "# Summary\n\n[What](../README.md)\n\n- [A](a.md)\n<!-- pages: . -->\n- [More]()\n  <!-- pages: more -->\n";
        let files =
            ["README.md", "docs/SUMMARY.md", "docs/a.md", "docs/b.md", "docs/more/c.md", "x.md"].map(page);
        assert_eq!(
            expanded(summary, "docs/SUMMARY.md", &files),
            "# Summary\n\n[What](README.md)\n\n- [A](docs/a.md)\n- [About docs/b.md](docs/b.md)\n- [More]()\n  - [About docs/more/c.md](docs/more/c.md)\n"
        );
    }
}
