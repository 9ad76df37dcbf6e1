//! Reads a whole `workflow:` file.

use std::collections::BTreeSet;

use super::{Fields, Reader, foreign, keys};
use crate::codes;
use crate::outline::{Outline, Scope, Spot, Workflow};
use crate::report::Report;
use crate::tree::{Map, Meaning, Node, Tree};

/// Reads the tree of a file. Returns nothing if there is nothing in it to speak of.
pub(crate) fn read(text: &str, tree: &Tree, report: &mut Report) -> Option<Outline> {
    let root = tree.root.as_deref()?;
    let mut reader = Reader {
        text,
        report,
        scopes: 0,
        tasks: 0,
        secret_inputs: BTreeSet::new(),
        is_project: false,
        mentions: Vec::new(),
        prices: Vec::new(),
        crews: Vec::new(),
    };
    let map = reader.map("a file", root)?;
    match reader.kind(root, map)? {
        Kind::Workflow => reader.workflow(root, map).map(|workflow| Outline::Workflow(Box::new(workflow))),
        Kind::Library => reader.library(map).map(Outline::Library),
        Kind::Project => Some(Outline::Workflow(Box::new(reader.project(root, map)))),
        Kind::Resources => reader.workspace_resources(map).map(|own| Outline::Resources(Box::new(own))),
    }
}

/// What the first key of a file makes of it.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Workflow,
    Library,
    Resources,
    Project,
}

/// The words by which files begin, and what they are.
const KINDS: [(&str, Kind); 4] = [
    ("workflow", Kind::Workflow),
    ("actions", Kind::Library),
    ("resources", Kind::Resources),
    ("project", Kind::Project),
];

impl Reader<'_> {
    fn workflow(&mut self, root: &Node, map: &Map) -> Option<Workflow> {
        let fields = self.fields(map, &keys::ROOT);
        let name = fields.get("workflow").and_then(|entry| {
            let text = self.fixed_text("`workflow`", &entry.value)?;
            Some(self.name("a workflow", text, entry.value.place))
        });
        let version = fields.get("version").and_then(|entry| self.version(&entry.value));
        for key in ["description", "owner"] {
            if let Some(entry) = fields.get(key) {
                self.remark(key, &entry.value);
            }
        }
        let inputs = fields.get("inputs").map(|entry| self.inputs(&entry.value)).unwrap_or_default();
        let defaults = fields.get("defaults").map(|entry| self.defaults(&entry.value)).unwrap_or_default();
        let deadline = fields.get("deadline").and_then(|entry| self.limit("a `deadline`", &entry.value));
        let concurrency = fields.get("concurrency").and_then(|entry| self.concurrency(&entry.value));
        let pools = self.declared_pools(&fields);
        let body = self.body(root, &fields);
        let handlers = self.handlers(&fields, body.as_ref());
        let outputs = fields.get("outputs").and_then(|entry| {
            self.warn_declared_outputs(&entry.value);
            self.warn_foreign_holes(&entry.value);
            self.data(&entry.value)
        });
        let name = name.unwrap_or(Spot { value: String::new(), place: root.place });
        let place = root.place;
        Some(Workflow {
            name,
            place,
            version,
            inputs,
            defaults,
            concurrency,
            pools,
            deadline,
            body: body?,
            handlers,
            outputs,
            prices: std::mem::take(&mut self.prices),
            project: None,
        })
    }

    /// Returns the kind that the first key names.
    fn kind(&mut self, root: &Node, map: &Map) -> Option<Kind> {
        let Some(first) = map.entries.first() else {
            self.report.refuse_hint(
                codes::KIND,
                root.place,
                "the file has no keys",
                "begin with `workflow: NAME`",
            );
            return None;
        };
        let (word, place) = (first.key.text.as_str(), first.key.place);
        if let Some((_, kind)) = KINDS.iter().find(|(key, _)| *key == word) {
            return Some(*kind);
        }
        for (key, kind) in KINDS {
            if let Some(entry) = map.entry(key) {
                let message = format!("`{key}` must be the first key of the file");
                self.report.refuse(codes::KIND, entry.key.place, message);
                return Some(kind);
            }
        }
        if keys::KINDS_LATER.contains(&word) {
            self.later(codes::KEY_LATER, place, &format!("a file that begins with `{word}`"));
        } else {
            let message = format!("the first key must name the kind of the file, `{word}` does not");
            let near = self.report.nearest(word, KINDS.into_iter().map(|(key, _)| key));
            let whose = foreign::file_of(map.entries.iter().map(|entry| entry.key.text.as_str()));
            let hint = match (near, whose) {
                (Some(near), _) => format!("did you mean `{near}`?"),
                (None, Some(whose)) => {
                    format!("this looks like a file for {whose}; a workflow begins with `workflow: NAME`")
                }
                (None, None) => "begin with `workflow: NAME`".to_owned(),
            };
            self.report.refuse_hint(codes::KIND, place, message, hint);
        }
        None
    }

    pub(super) fn version(&mut self, node: &Node) -> Option<String> {
        let number = node.as_scalar().filter(|scalar| matches!(scalar.meaning, Meaning::Number(_)));
        let text = match number {
            Some(scalar) => scalar.text.as_str(),
            None => self.fixed_text("`version`", node)?,
        };
        if !is_semantic_version(text) {
            let message = format!("`{text}` is not a semantic version such as `1.4.0`");
            let mut diagnostic = self.report.error(codes::VERSION, node.place, message);
            let core = text.trim_start_matches(['v', 'V']);
            let meant = [core.to_owned(), format!("{core}.0"), format!("{core}.0.0")];
            let meant = meant.into_iter().find(|meant| is_semantic_version(meant));
            diagnostic.hint = meant.map(|meant| format!("did you mean `{meant}`?"));
            self.report.push(diagnostic);
            return None;
        }
        Some(text.to_owned())
    }

    fn body(&mut self, root: &Node, fields: &Fields<'_>) -> Option<Scope> {
        match (fields.map.entry("tasks"), fields.map.entry("do")) {
            (Some(tasks), None) => self.graph(tasks, fields),
            (None, Some(flow)) => {
                let why = "the tasks of a `do:` list run one after the other";
                self.misplaced(fields, "max_parallel", why);
                self.misplaced(fields, "fail_fast", "a failure ends a `do:` list");
                for key in ["complete", "rest"] {
                    self.misplaced(fields, key, why);
                }
                self.flow(flow)
            }
            (Some(tasks), Some(flow)) => {
                let message = "a workflow has `tasks` or `do`, not both";
                let diagnostic = self.report.error(codes::BODY_COUNT, flow.key.place, message);
                self.report.push(diagnostic.with_related(self.report.span(tasks.key.place), "the other one"));
                self.graph(tasks, fields);
                self.flow(flow);
                None
            }
            (None, None) => {
                let is_foreign = fields.map.entries.iter().any(|entry| foreign::is_body(&entry.key.text));
                if !fields.has("states") && !is_foreign {
                    let place = fields.map.entries.first().map_or(root.place, |entry| entry.key.place);
                    let message = "the workflow has no body";
                    self.report.refuse_hint(codes::BODY_COUNT, place, message, "add `tasks:` or `do:`");
                }
                None
            }
        }
    }
}

/// Returns whether `text` is `MAJOR.MINOR.PATCH`, with an optional `-PRERELEASE` and `+BUILD`.
fn is_semantic_version(text: &str) -> bool {
    let is_identifier =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let is_number = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_digit())
            && (part == "0" || !part.starts_with('0'))
    };
    let (text, build) = text.split_once('+').map_or((text, None), |(text, build)| (text, Some(build)));
    let (core, prerelease) = text.split_once('-').map_or((text, None), |(core, rest)| (core, Some(rest)));
    let is_prerelease_part =
        |part: &str| is_identifier(part) && (!part.bytes().all(|b| b.is_ascii_digit()) || is_number(part));
    core.split('.').count() == 3
        && core.split('.').all(is_number)
        && prerelease.is_none_or(|rest| rest.split('.').all(is_prerelease_part))
        && build.is_none_or(|rest| rest.split('.').all(is_identifier))
}
