//! What this program reads of Markdown: links and headings. Code is left out.

use std::collections::BTreeMap;

/// Returns the line, from 1, and the target of each link.
pub(crate) fn links(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (number, line) in prose(text) {
        // Odd parts between backticks are code.
        for part in line.split('`').step_by(2) {
            found.extend(part.split("](").skip(1).filter_map(|rest| Some((number, rest.split_once(')')?.0))));
        }
    }
    found
}

/// Returns the text of the first heading.
pub(crate) fn title(text: &str) -> Option<&str> {
    headings(text).next()
}

/// Returns the names by which links reach the headings of a page, as GitHub and mdBook make them.
pub(crate) fn anchors(text: &str) -> Vec<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let unique = |heading: &str| {
        let slug = slug(heading);
        let count = seen.entry(slug.clone()).or_default();
        *count += 1;
        if *count == 1 { slug } else { format!("{slug}-{}", *count - 1) }
    };
    headings(text).map(unique).collect()
}

/// Returns the path, from the root of the repository, of what `target` means on a page.
pub(crate) fn resolved(page: &str, target: &str) -> String {
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

/// Returns whether a target lies outside of the repository.
pub(crate) fn is_outside(target: &str) -> bool {
    target.contains("://") || target.starts_with("mailto:")
}

fn headings(text: &str) -> impl Iterator<Item = &str> {
    prose(text).filter_map(|(_, line)| {
        let heading = line.trim_start_matches('#');
        (heading.len() < line.len()).then(|| heading.strip_prefix(' ')).flatten().map(str::trim)
    })
}

fn slug(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// Returns the lines outside of fenced blocks, with their numbers from 1.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut is_fenced = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let is_fence = line.trim_start().starts_with("```");
        is_fenced ^= is_fence;
        (!is_fenced && !is_fence).then_some((index + 1, line))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_outside_of_code_are_anchors_each_of_its_own() {
        let text =
            "# `needs`: What must?\n```sh\n# no heading\n```\n## 1. In two minutes\n### In\n### In\n#not\n";
        assert_eq!(anchors(text), ["needs-what-must", "1-in-two-minutes", "in", "in-1"]);
        assert_eq!(title(text), Some("`needs`: What must?"));
    }

    #[test]
    fn links_outside_of_code_have_their_line() {
        assert_eq!(links("[a](b.md#c)\n`[x](y)` [d](e)\n```\n[x](y)\n```\n"), [(1, "b.md#c"), (2, "e")]);
    }

    #[test]
    fn a_target_is_resolved_from_its_page() {
        assert_eq!(resolved("docs/a.md", "../spec/b.md"), "spec/b.md");
        assert_eq!(resolved("a.md", "../b.md"), "../b.md");
    }
}
