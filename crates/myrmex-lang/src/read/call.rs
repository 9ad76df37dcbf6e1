//! Reads what runs something of another file, and what it is given.

use myrmex_model::name::Name;
use semver::{Comparator, Op, Version, VersionReq};

use super::{Fields, Reader};
use crate::codes;
use crate::outline::{Call, Given, Spot, Use};
use crate::tree::Node;

impl Reader<'_> {
    /// Reads `workflow` and the keys beside it.
    pub(super) fn call(&mut self, node: &Node, fields: &Fields<'_>) -> Option<Call> {
        let name = self.fixed_text("`workflow`", node).and_then(|text| self.called(text, node));
        let with = fields.get("with").map(|entry| self.given(&entry.value)).unwrap_or_default();
        let waits =
            fields.get("wait").and_then(|entry| self.boolean("`wait` beside `workflow`", &entry.value));
        let version = fields.get("version").and_then(|entry| self.requirement(&entry.value));
        Some(Call { name: name?, with, is_detached: waits == Some(false), version })
    }

    /// Reads the name of a workflow, which is no path to its file.
    fn called(&mut self, text: &str, node: &Node) -> Option<Spot<String>> {
        let is_path = text.contains('/') || [".yaml", ".yml", ".json"].iter().any(|end| text.ends_with(end));
        if is_path {
            let message = format!("`{text}` is a path: a workflow is called by the name in its first line");
            let hint = "write NAME of `workflow: NAME`, the first line of that file";
            self.report.refuse_hint(codes::NAME, node.place, message, hint);
            return None;
        }
        Some(self.name("a workflow", text, node.place))
    }

    /// Reads `use` and the keys beside it.
    pub(super) fn used(&mut self, node: &Node, fields: &Fields<'_>) -> Option<Use> {
        let text = self.fixed_text("`use`", node)?;
        let with = fields.get("with").map(|entry| self.given(&entry.value)).unwrap_or_default();
        let parts = text.split_once('/').and_then(|(library, rest)| {
            let (action, version) = rest.split_once('@')?;
            let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
            let is_version = version.split('.').count() <= 3 && version.split('.').all(is_number);
            (Name::new(library).is_ok() && Name::new(action).is_ok() && is_version)
                .then_some((library, action, version))
        });
        let Some((library, action, version)) = parts else {
            let message = format!("`{text}` does not name an action");
            let number = text
                .split_once("@v")
                .filter(|(_, version)| version.starts_with(|c: char| c.is_ascii_digit()));
            let hint = number.map_or_else(
                || "write `LIBRARY/ACTION@VERSION`, such as `tools/notify@1`".to_owned(),
                |(action, version)| format!("a version is numbers only: `{action}@{version}`"),
            );
            self.report.refuse_hint(codes::USE_FORM, node.place, message, hint);
            return None;
        };
        let [library, action, version] = [library, action, version].map(str::to_owned);
        Some(Use { place: node.place, library, action, version, with })
    }

    /// Reads `with`: values by the names of inputs.
    pub(super) fn given(&mut self, node: &Node) -> Vec<Given> {
        let Some(map) = self.map("`with`", node) else { return Vec::new() };
        let mut given = Vec::with_capacity(map.entries.len());
        for entry in &map.entries {
            let name = Spot { value: entry.key.text.clone(), place: entry.key.place };
            if let Some(data) = self.data(&entry.value) {
                self.warn_foreign_holes(&entry.value);
                given.push(Given { name, data, place: entry.value.place });
            }
        }
        given
    }

    /// Reads a range of versions. A whole version means this one and no other.
    fn requirement(&mut self, node: &Node) -> Option<Spot<VersionReq>> {
        let text = self.fixed_text("`version`", node)?;
        let value = match (Version::parse(text), VersionReq::parse(text)) {
            (Ok(version), _) => exactly(version),
            (Err(_), Ok(range)) => range,
            (Err(_), Err(_)) => {
                let message =
                    format!("`{text}` is neither a version such as `1.4.0` nor a range such as `^1.4`");
                self.report.refuse(codes::VERSION, node.place, message);
                return None;
            }
        };
        Some(Spot { value, place: node.place })
    }
}

fn exactly(version: Version) -> VersionReq {
    let Version { major, minor, patch, pre, .. } = version;
    VersionReq {
        comparators: vec![Comparator { op: Op::Exact, major, minor: Some(minor), patch: Some(patch), pre }],
    }
}
