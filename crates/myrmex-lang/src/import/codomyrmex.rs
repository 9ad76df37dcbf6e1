//! codomyrmex: JSON files of workflows and tasks, recognised by their shape, never by their folder.
//!
//! Workflows, complex and parallel workflows and task lists become workflows, all of whose actions stand in one library; pools of
//! `resources.json` become settings. Templates, projects, sessions and records of executions are recognised and named in the
//! report with what in them has no equal.
//!
//! Two dialects differ in their defaults and in what numbers of priorities mean, so those are read only if the dialect is said.

mod actions;
mod flow;
mod others;
mod reference;
mod resources;
mod shape;
mod step;
mod tasks;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeSet;

use myrmex_model::OrderedMap;
use myrmex_model::diagnostic::Span;

use self::actions::Actions;
use self::flow::Flow;
use self::resources::Supply;
use self::shape::Shape;
use super::{Draft, Options, codes, span};
use crate::Source;
use crate::tree::{Entry, Map, Node, Place, json};

/// The largest file that is read, in bytes: four times what a generated file may hold.
const FILE_BYTES_MAX: usize = 4 << 20;

/// Which codomyrmex wrote the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// That of the guides and example files: three retries if nothing is said, larger priorities first.
    Guides,
    /// That of the package 1.3: no retries if nothing is said, smaller priorities first.
    Package,
}

impl Dialect {
    /// All dialects.
    pub const ALL: &[Self] = &[Self::Guides, Self::Package];

    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Guides => "0.1",
            Self::Package => "1.x",
        }
    }

    /// Returns how many retries a step has that says nothing.
    fn retries(self) -> u64 {
        match self {
            Self::Guides => 3,
            Self::Package => 0,
        }
    }
}

/// What all files of an import are read with.
struct Context<'d> {
    dialect: Dialect,
    /// Whether somebody said which dialect it is.
    is_said: bool,
    draft: &'d mut Draft,
}

/// Reads all files.
pub(super) fn read(sources: &[Source], options: &Options, draft: &mut Draft) {
    let mut context = Context {
        dialect: options.dialect.unwrap_or(Dialect::Guides),
        is_said: options.dialect.is_some(),
        draft,
    };
    let (dialect, by) =
        (context.dialect.as_str(), if context.is_said { "" } else { ", as nothing was said" });
    context.draft.manner = Some(format!("dialect {dialect}{by}"));
    let mut actions = Actions::read(options.map.as_ref(), context.draft);
    let mut supply = Supply::default();
    let (mut flows, mut files, mut steps) = (Vec::new(), 0, 0);
    for source in sources {
        if source.text.len() > FILE_BYTES_MAX {
            let message = format!("the file is larger than {} MiB", FILE_BYTES_MAX >> 20);
            context.draft.error(codes::FILE, span(source, Place::default()), message);
            continue;
        }
        let root = match json::parse(&source.text) {
            Ok(root) => root,
            Err((place, problem)) => {
                let message = format!("the file is not JSON: {problem}");
                context.draft.error(codes::FILE, span(source, place), message);
                continue;
            }
        };
        let file = File { source, root: &root };
        let shape = Shape::of(&file);
        if let Some(own) = shape.steps(&root) {
            files += 1;
            steps += own;
        }
        match shape {
            Shape::Steps | Shape::Complex | Shape::Parallel => {
                flows.extend(flow::read(&file, shape, &mut context));
            }
            Shape::Tasks => flows.extend(tasks::read(&file, &mut context)),
            Shape::Resources => supply.read(&file, context.draft),
            Shape::Template | Shape::Project | Shape::Session | Shape::Record | Shape::Unknown => {
                others::report(&file, shape, &mut context);
            }
        }
    }
    let read = flows.len();
    let flows = merged(flows, context.draft);
    for flow in &flows {
        actions.uses(flow);
    }
    actions.settle(context.draft);
    let tasks: usize = flows.iter().map(|flow| flow.steps.len()).sum();
    let inferred = flows.iter().map(Flow::inferred).sum();
    for flow in &flows {
        context.draft.workflow(&flow.name, flow.text(&actions), flow.origin.clone());
    }
    actions.write(context.draft);
    supply.write(context.draft);
    let draft = context.draft;
    draft.count("files", sources.len());
    draft.count("workflow files", files);
    draft.count("steps", steps);
    draft.count("workflows", flows.len());
    draft.count("tasks", tasks);
    draft.count("merged duplicates", read - flows.len());
    draft.count("actions", actions.used());
    draft.count("unmapped actions", actions.unmapped());
    draft.count("inferred edges", inferred);
    draft.count("pools", supply.pools());
}

/// Makes one of several workflows that have one name and are equal. Of those that differ none is written: nobody knows which
/// is meant.
fn merged(flows: Vec<Flow>, draft: &mut Draft) -> Vec<Flow> {
    let mut by_name: OrderedMap<String, Vec<Flow>> = OrderedMap::default();
    for flow in flows {
        by_name.entry(flow.name.clone()).or_default().push(flow);
    }
    let mut merged = Vec::new();
    for (name, group) in by_name {
        let mut group = group.into_iter();
        let Some(mut first) = group.next() else { continue };
        let mut is_one = true;
        for other in group {
            let file = first.origin.file.clone();
            if first.is_same(&other) {
                let message = format!("the workflow `{name}` is the same as in `{file}`: both become one");
                draft.note(other.origin.clone(), message);
                first.files.extend(other.files);
            } else {
                is_one = false;
                let message =
                    format!("the workflow `{name}` differs from that in `{file}`: neither is written");
                draft.error_hint(codes::CONFLICT, other.origin, message, "give one of them another `name`");
            }
        }
        if is_one {
            merged.push(first);
        }
    }
    merged
}

/// A file that is read.
struct File<'s> {
    source: &'s Source,
    root: &'s Node,
}

impl File<'_> {
    /// Returns a stretch of the file.
    fn at(&self, place: Place) -> Span {
        span(self.source, place)
    }

    /// Returns where its root begins.
    fn start(&self) -> Span {
        let start = self.root.place.start;
        self.at(Place::new(start, start + 1))
    }

    /// Returns the name of the file without folders and ending.
    fn stem(&self) -> &str {
        crate::others::library_name(&self.source.name)
    }
}

/// The keys of a map that are looked at one by one; those that nobody asked for are reported in the end.
struct Fields<'m> {
    map: &'m Map,
    asked: BTreeSet<&'static str>,
}

impl<'m> Fields<'m> {
    fn new(map: &'m Map) -> Self {
        Self { map, asked: BTreeSet::new() }
    }

    /// Returns the entry of a key; of one that is null too.
    fn entry(&mut self, key: &'static str) -> Option<&'m Entry> {
        self.asked.insert(key);
        self.map.entry(key)
    }

    /// Returns the value of a key; none if it is null.
    fn get(&mut self, key: &'static str) -> Option<&'m Node> {
        self.entry(key).map(|entry| &*entry.value).filter(|node| !node.is_null())
    }

    /// Returns the entries that nobody asked for.
    fn rest(&self) -> impl Iterator<Item = &'m Entry> {
        self.map.entries.iter().filter(|entry| !self.asked.contains(entry.key.text.as_str()))
    }
}

impl Context<'_> {
    /// Reads a text, or reports what stands there instead.
    fn text(&mut self, file: &File<'_>, what: &str, node: &Node) -> Option<String> {
        let text = node.as_scalar().and_then(|scalar| scalar.as_text());
        if text.is_none() {
            self.wrong(file, what, "text", node);
        }
        text.map(str::to_owned)
    }

    /// Reports a value of the wrong type.
    fn wrong(&mut self, file: &File<'_>, what: &str, expected: &str, node: &Node) {
        let message = format!("{what} must be {expected}, this is {}", node.type_word());
        self.draft.error(codes::FIELD, file.at(node.place), message);
    }
}
