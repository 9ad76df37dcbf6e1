//! Workflows: the shapes with steps, and what all of them become.

use std::collections::BTreeMap;
use std::sync::Arc;

use myrmex_model::diagnostic::Span;
use serde_json::{Value, json};

use super::actions::{Actions, GUARD, LIBRARY};
use super::reference::Steps;
use super::shape::Shape;
use super::step::{self, Inputs, Step};
use super::{Context, Dialect, Fields, File};
use crate::import::codes;
use crate::import::names::Names;
use crate::import::page::Page;
use crate::tree::Node;

/// The most steps of a workflow: as many as a generated file can hold.
pub(super) const STEPS_MAX: usize = 10_000;

/// A workflow that was read.
#[derive(Debug, Clone)]
pub(super) struct Flow {
    /// Its name.
    pub(super) name: String,
    /// What it is called in the file, if that is no name of ours.
    pub(super) called: Option<String>,
    /// Where it stands.
    pub(super) origin: Span,
    /// The files that hold it.
    pub(super) files: Vec<Arc<str>>,
    pub(super) max_parallel: Option<u64>,
    /// The inputs that are referred to.
    pub(super) inputs: Inputs,
    pub(super) steps: Vec<Step>,
}

impl Flow {
    /// Whether another one means the same, wherever it stands.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let is_same_step =
            |(one, other): (&Step, &Step)| Step { origin: other.origin.clone(), ..one.clone() } == *other;
        (&self.called, self.max_parallel, &self.inputs) == (&other.called, other.max_parallel, &other.inputs)
            && self.steps.len() == other.steps.len()
            && self.steps.iter().zip(&other.steps).all(is_same_step)
    }

    /// Returns how many edges only references show.
    pub(super) fn inferred(&self) -> usize {
        self.steps.iter().map(Step::inferred).sum()
    }

    /// Writes it.
    pub(super) fn text(&self, actions: &Actions) -> String {
        let mut page = Page::default();
        let files: Vec<&str> = self.files.iter().map(|file| &**file).collect();
        page.comment(&format!("From codomyrmex: {}", files.join(", ")));
        page.key("workflow", &json!(self.name));
        if let Some(called) = &self.called {
            page.key("x-codomyrmex", &json!({ "name": called }));
        }
        if !self.inputs.is_empty() {
            let inputs =
                self.inputs.keys().map(|name| (name.clone(), json!({"type": "any", "required": true})));
            page.key("inputs", &Value::Object(inputs.collect()));
        }
        if let Some(most) = self.max_parallel {
            page.key("max_parallel", &json!(most));
        }
        page.section("tasks");
        let guard = self.guard(&mut page, actions);
        for step in &self.steps {
            page.entry(&step.name, &step.keys(actions, guard.as_deref()));
        }
        page.finish()
    }

    /// Writes a task that fails before all others if an action is not mapped: nothing is done of a workflow that cannot be
    /// done whole. Returns its name.
    fn guard(&self, page: &mut Page, actions: &Actions) -> Option<String> {
        let mut missing: Vec<&str> = self
            .steps
            .iter()
            .map(|step| step.action.as_str())
            .filter(|action| !actions.is_mapped(action))
            .collect();
        missing.sort_unstable();
        missing.dedup();
        if missing.is_empty() {
            return None;
        }
        let mut names = Names::default();
        for step in &self.steps {
            names.unique(&step.name);
        }
        let name = names.unique(GUARD);
        let keys = [
            (
                "use",
                json!(format!("{LIBRARY}/{GUARD}@1")),
                Some("nothing begins before every action is mapped"),
            ),
            ("with", json!({ "actions": missing }), None),
        ];
        page.entry(&name, &keys);
        Some(name)
    }
}

/// Reads a file with steps.
pub(super) fn read(file: &File<'_>, shape: Shape, context: &mut Context<'_>) -> Option<Flow> {
    let before = context.draft.errors();
    let mut fields = Fields::new(file.root.as_map()?);
    let called = name(file, shape, &mut fields, context);
    let key = if shape == Shape::Parallel { "tasks" } else { "steps" };
    let items = fields.entry(key).map(|entry| &*entry.value);
    if items.is_none() {
        context.draft.error(codes::FIELD, file.start(), format!("there is no `{key}`"));
    }
    let items = items.and_then(|items| list(file, key, items, context)).unwrap_or_default();
    let named = step::names(file, &items, context);
    let steps = Steps::of(&named);
    let edges = match shape {
        Shape::Complex | Shape::Parallel => edges(file, &mut fields, &steps, context),
        Shape::Steps
        | Shape::Tasks
        | Shape::Resources
        | Shape::Template
        | Shape::Project
        | Shape::Session
        | Shape::Record
        | Shape::Unknown => BTreeMap::new(),
    };
    let max_parallel = if shape == Shape::Parallel { bound(file, &mut fields, context) } else { None };
    if shape == Shape::Complex && fields.entry("parallel_groups").is_some() {
        context.draft.note(
            file.start(),
            "`parallel_groups` is left out: what may run in parallel follows from the edges",
        );
    }
    for entry in fields.rest() {
        let message = format!("`{}` beside the steps has no equal and is left out", entry.key.text);
        context.draft.warn(codes::NO_EQUAL, file.at(entry.key.place), message);
    }
    let (mut inputs, mut read) = (Inputs::default(), Vec::new());
    for own in &named {
        let extra = edges.get(&own.called).map(Vec::as_slice).unwrap_or_default();
        let step = step::read(file, own, (&steps, extra), &mut inputs, context);
        read.extend(step);
    }
    step::refuse_cycles(&read, context);
    let name = Names::default().unique(&called?);
    if context.draft.errors() > before {
        return None;
    }
    let called = fields.get("name").and_then(|node| node.as_scalar()).map(|own| own.text.clone());
    let called = called.filter(|called| *called != name);
    if let Some(called) = &called {
        context
            .draft
            .note(file.start(), format!("the workflow `{called}` becomes `{name}`, as it is no name here"));
    }
    let files = vec![Arc::clone(&file.source.name)];
    Some(Flow { name, called, origin: file.start(), files, max_parallel, inputs, steps: read })
}

/// Reads the name of a workflow. Where it may be missing the file gives it.
fn name(file: &File<'_>, shape: Shape, fields: &mut Fields<'_>, context: &mut Context<'_>) -> Option<String> {
    let given = fields.get("name");
    let is_needed = shape != Shape::Parallel && context.dialect == Dialect::Guides;
    match given {
        Some(node) => {
            let name = context.text(file, "`name`", node)?;
            if name.is_empty() {
                context.draft.error(codes::FIELD, file.at(node.place), "`name` is empty");
            }
            Some(name)
        }
        None if is_needed => {
            context.draft.error_hint(
                codes::FIELD,
                file.start(),
                "the workflow has no `name`",
                "add one, or say `--dialect 1.x`, in which the file gives the name",
            );
            None
        }
        None => Some(file.stem().to_owned()),
    }
}

/// Reads a list of maps that is not empty.
fn list<'s>(file: &File<'s>, key: &str, node: &'s Node, context: &mut Context<'_>) -> Option<Vec<&'s Node>> {
    let Some(list) = node.as_list() else {
        context.wrong(file, &format!("`{key}`"), "a list", node);
        return None;
    };
    if list.items.is_empty() {
        context.draft.error(codes::FIELD, file.at(node.place), format!("`{key}` is empty"));
    }
    if list.items.len() > STEPS_MAX {
        context.draft.error(
            codes::FIELD,
            file.at(node.place),
            format!("`{key}` has more than {STEPS_MAX} members"),
        );
        return None;
    }
    Some(list.items.iter().map(|item| &**item).collect())
}

/// Reads how many tasks run at a time: four if nothing is said.
fn bound(file: &File<'_>, fields: &mut Fields<'_>, context: &mut Context<'_>) -> Option<u64> {
    const MAX_PARALLEL: u64 = 4;
    let Some(node) = fields.get("max_parallel") else { return Some(MAX_PARALLEL) };
    let bound = node.as_scalar().and_then(|scalar| scalar.value().as_u64()).filter(|bound| *bound > 0);
    if bound.is_none() {
        context.draft.error(
            codes::FIELD,
            file.at(node.place),
            "`max_parallel` must be an integer of at least 1",
        );
    }
    bound
}

/// Reads the map of dependencies beside the steps.
fn edges<'s>(
    file: &File<'s>,
    fields: &mut Fields<'s>,
    steps: &Steps,
    context: &mut Context<'_>,
) -> BTreeMap<String, Vec<&'s Node>> {
    let mut edges = BTreeMap::new();
    let Some(map) = fields.get("dependencies").and_then(Node::as_map) else { return edges };
    for entry in &map.entries {
        let step = &entry.key.text;
        if steps.get(step).is_none() {
            let near = steps.nearest(step);
            let message = format!("`dependencies` names the step `{step}`, which does not exist");
            let hint = near.map_or("remove the entry".to_owned(), |near| format!("did you mean `{near}`?"));
            context.draft.error_hint(codes::GRAPH, file.at(entry.key.place), message, hint);
        }
        let Some(list) = entry.value.as_list() else {
            context.wrong(file, &format!("what `{step}` depends on"), "a list", &entry.value);
            continue;
        };
        edges.insert(step.clone(), list.items.iter().map(|item| &**item).collect());
    }
    edges
}
