//! Reads `artifacts`: the files of a process that are kept.

use std::collections::BTreeMap;

use myrmex_model::name::Name;

use super::{HOLE, Reader};
use crate::codes;
use crate::outline::Data;
use crate::tree::{Node, Place};

impl Reader<'_> {
    /// Reads `artifacts`: paths by name, or a list of paths that are called like their files without the ending.
    pub(super) fn artifacts(&mut self, node: &Node) -> Vec<(String, Data)> {
        if let Some(map) = node.as_map() {
            let mut artifacts = Vec::with_capacity(map.entries.len());
            for entry in &map.entries {
                let name = self.name("an artifact", &entry.key.text, entry.key.place).value;
                let path = self.text_data(&format!("the path of the artifact `{name}`"), &entry.value);
                if entry.value.as_scalar().is_some_and(|scalar| scalar.as_text() == Some("")) {
                    let message = format!("the artifact `{name}` has no path");
                    self.report.refuse(codes::VALUE_MISFIT, entry.value.place, message);
                }
                artifacts.extend(path.map(|path| (name, path)));
            }
            return artifacts;
        }
        let Some(list) = node.as_list() else {
            self.refuse_type("`artifacts`", "a map from names to paths, or a list of paths", node);
            return Vec::new();
        };
        let mut artifacts = Vec::with_capacity(list.items.len());
        let mut first: BTreeMap<String, Place> = BTreeMap::new();
        for item in &list.items {
            let Some(path) = item.as_scalar().and_then(|scalar| scalar.as_text()) else {
                self.refuse_type("the path of an artifact", "text", item);
                continue;
            };
            if path.contains(HOLE) {
                let message = "a path with an expression in it gives its artifact no name";
                let hint = "write a map: `artifacts: {NAME: PATH}`";
                self.report.refuse_hint(codes::NAME, item.place, message.to_owned(), hint);
                continue;
            }
            let Some(name) = file_name(path) else {
                let message = format!("`{path}` gives its artifact no name");
                let hint = "write a map: `artifacts: {NAME: PATH}`";
                self.report.refuse_hint(codes::NAME, item.place, message, hint);
                continue;
            };
            if let Some(before) = first.get(&name) {
                let message = format!("two artifacts are called `{name}`");
                let diagnostic = self.report.error(codes::NAME, item.place, message);
                let diagnostic = diagnostic.with_related(self.report.span(*before), "first here");
                self.report.push(diagnostic.with_hint("write a map: `artifacts: {NAME: PATH}`"));
                continue;
            }
            first.insert(name.clone(), item.place);
            artifacts.extend(self.data(item).map(|data| (name, data)));
        }
        artifacts
    }
}

/// Makes a name of the file that a path ends with: without its ending, and with `-` for what no name holds.
fn file_name(path: &str) -> Option<String> {
    let file = path.trim_end_matches('/').rsplit('/').next()?;
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let part = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
    let name: String = stem.chars().map(part).collect();
    let name = name.trim_matches('-');
    (!stem.contains(['*', '?', '[']) && Name::new(name).is_ok()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn artifacts_are_called_like_their_files() {
        for (path, name) in [
            ("out/app.bin", Some("app")),
            ("report", Some("report")),
            ("a/b/", Some("b")),
            ("my app.tar.gz", Some("my-app-tar")),
            ("out/*.txt", None),
            (".env", None),
            ("1.txt", None),
        ] {
            assert_eq!(file_name(path).as_deref(), name, "{path}");
        }
    }
}
