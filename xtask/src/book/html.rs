//! Links of the built pages, as a browser would follow them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::failure::Failure;
use crate::markdown;

/// What a folder holds: texts of pages by path, nothing for other files.
pub(super) type Pages = BTreeMap<String, String>;

/// Reads the folder of a book.
pub(super) fn read(folder: &Path) -> Result<Pages, Failure> {
    let mut pages = Pages::new();
    let mut folders = vec![String::new()];
    while let Some(below) = folders.pop() {
        for entry in fs::read_dir(folder.join(&below)).map_err(Failure::because("the book"))? {
            let entry = entry.map_err(Failure::because("the book"))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if below.is_empty() { name } else { format!("{below}/{name}") };
            if entry.path().is_dir() {
                folders.push(path);
            } else {
                let is_page = entry.path().extension().is_some_and(|extension| extension == "html");
                let text = if is_page { fs::read_to_string(entry.path()) } else { Ok(String::new()) };
                pages.insert(path, text.map_err(Failure::because("a page of the book"))?);
            }
        }
    }
    Ok(pages)
}

/// Returns a line for each link to a page, a file or a heading that is not there.
pub(super) fn broken_links(pages: &Pages) -> Vec<String> {
    let names: BTreeMap<&str, BTreeSet<&str>> =
        pages.iter().map(|(path, text)| (path.as_str(), attributes(text, "id").collect())).collect();
    let mut broken = Vec::new();
    for (page, text) in pages {
        for target in attributes(text, "href").chain(attributes(text, "src")) {
            if markdown::is_outside(target)
                || target.starts_with("data:")
                || target.starts_with("javascript:")
            {
                continue;
            }
            let (path, name) = target.split_once('#').unwrap_or((target, ""));
            let path = if path.is_empty() { page.clone() } else { markdown::resolved(page, path) };
            let is_there =
                names.get(path.as_str()).is_some_and(|names| name.is_empty() || names.contains(name));
            if !is_there {
                broken.push(format!("{page}: link to `{target}`, which the book does not have"));
            }
        }
    }
    broken
}

/// Returns the values of an attribute.
fn attributes<'a>(text: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let beginning = format!(" {name}=\"");
    let values: Vec<&str> = text.split(beginning.as_str()).skip(1).collect();
    values.into_iter().filter_map(|rest| Some(rest.split_once('"')?.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_missing_pages_and_headings_are_found() {
        let a = r##"<h1 id="a">A</h1> <a href="b/c.html#c"></a> <a href="#a"></a> <a href="https://example.com"></a>"##;
        let c = r#"<h1 id="c">C</h1> <a href="../a.html#x"></a> <img src="no.svg">"#;
        let pages = [("a.html", a), ("b/c.html", c)].map(|(path, text)| (path.to_owned(), text.to_owned()));
        let broken = broken_links(&pages.into_iter().collect());
        assert_eq!(broken.len(), 2, "{broken:?}");
        assert!(broken.iter().all(|line| line.starts_with("b/c.html: ")));
    }
}
