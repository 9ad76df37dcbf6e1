//! Lists of tasks that depend on each other by their ids: one workflow named after the file.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::flow::{Flow, STEPS_MAX};
use super::reference::{Steps, escaped};
use super::step::{self, Edge, Inputs, Limits, Named, Needs, Step};
use super::{Context, Dialect, Fields, File, words};
use crate::import::names::Names;
use crate::import::{codes, value};
use crate::tree::{Map, Node, Scalar};

/// The pause between attempts that a task of the guides has if nothing is said.
const RETRY_DELAY_MS: u64 = 1_000;

/// The retries that a task has if nothing is said, in both dialects.
const RETRIES: u64 = 3;

/// The keys of a resource that say which one is meant; the first that holds something counts.
const RESOURCE_NAMES: [&str; 4] = ["identifier", "resource_id", "resource_type", "type"];

/// What an execution writes into a task.
const RUNTIME: [&str; 9] = [
    "retry_count",
    "created_at",
    "started_at",
    "completed_at",
    "updated_at",
    "result",
    "error",
    "allocations",
    "metadata",
];

/// Reads a list of tasks.
pub(super) fn read(file: &File<'_>, context: &mut Context<'_>) -> Option<Flow> {
    let before = context.draft.errors();
    let list = file.root.as_list()?;
    if list.items.len() > STEPS_MAX {
        let message = format!("the list has more than {STEPS_MAX} tasks");
        context.draft.error(codes::FIELD, file.start(), message);
        return None;
    }
    let (named, ids) = names(file, &list.items, context);
    let steps = Steps::of(&named);
    let mut inputs = Inputs::default();
    let read: Vec<Step> =
        named.iter().filter_map(|own| task(file, own, (&steps, &ids), &mut inputs, context)).collect();
    step::refuse_cycles(&read, context);
    if context.draft.errors() > before {
        return None;
    }
    let name = Names::default().unique(file.stem());
    let files = vec![Arc::clone(&file.source.name)];
    let origin = file.start();
    Some(Flow { name, called: None, origin, files, max_parallel: None, inputs, steps: read })
}

/// Reads the names of all tasks, and which id stands for which.
fn names<'s>(
    file: &File<'s>,
    items: &'s [Arc<Node>],
    context: &mut Context<'_>,
) -> (Vec<Named<'s>>, BTreeMap<String, String>) {
    let (mut found, mut ids, mut names) = (Vec::new(), BTreeMap::new(), Names::default());
    for item in items {
        let Some(map) = item.as_map() else {
            context.wrong(file, "a task", "a map", item);
            continue;
        };
        let given = |key: &str| map.entry(key).map(|entry| &*entry.value).filter(|node| !node.is_null());
        let Some(id) = given("id") else {
            context.draft.error(codes::FIELD, file.at(item.place), "a task has no `id`");
            continue;
        };
        let at = file.at(id.place);
        let Some(id) = context.text(file, "`id`", id) else { continue };
        if id.is_empty() {
            context.draft.error(codes::FIELD, at, "the `id` of a task is empty");
            continue;
        }
        let own = match given("name") {
            Some(node) => context.text(file, "`name`", node),
            None => Some(String::new()),
        };
        let Some(own) = own else { continue };
        let word = |key: &str| given(key).and_then(|node| node.as_scalar()?.as_text()).unwrap_or_default();
        let called =
            if own.is_empty() { format!("{}.{}", word("module"), word("action")) } else { own.clone() };
        let task = names.unique(&called);
        if !own.is_empty() && task != called {
            context.draft.note(at.clone(), format!("the task `{called}` becomes `{task}`"));
        }
        // Two tasks may bear one name; their ids tell them apart.
        let called = if own.is_empty() { task.clone() } else { called };
        if ids.insert(id.clone(), task.clone()).is_some() {
            context.draft.error(codes::GRAPH, at.clone(), format!("two tasks have the id `{id}`"));
        }
        found.push(Named { map, called, task, at });
    }
    (found, ids)
}

/// Reads a task.
fn task(
    file: &File<'_>,
    own: &Named<'_>,
    (steps, ids): (&Steps, &BTreeMap<String, String>),
    inputs: &mut Inputs,
    context: &mut Context<'_>,
) -> Option<Step> {
    let mut fields = Fields::new(own.map);
    let _ = (fields.entry("id"), fields.entry("name"));
    let mut needs = needs(file, own, &mut fields, ids, context);
    let action = step::action(file, own, &mut fields, context);
    let with = fields.get("parameters");
    let with =
        with.and_then(|node| step::parameters(file, (own, node), steps, (&mut needs, inputs), context));
    let limits = limits(file, &mut fields, context);
    let description = fields.get("description").and_then(|node| context.text(file, "`description`", node));
    let priority = priority(file, &mut fields, context);
    let lock = resources(file, &mut fields, context);
    let tags = fields.get("tags").map(value).filter(|tags| *tags != Value::Array(Vec::new()));
    status(file, &mut fields, context);
    step::runtime(file, &mut fields, &RUNTIME, context);
    step::unknown(file, &fields, "a task", context);
    let called = (own.called != own.task).then(|| own.called.clone());
    Some(Step {
        name: own.task.clone(),
        called,
        origin: own.at.clone(),
        action: action?,
        with: with.unwrap_or_default(),
        needs,
        limits: limits?,
        description: description.filter(|text| !text.is_empty()),
        priority,
        lock,
        tags,
    })
}

fn limits(file: &File<'_>, fields: &mut Fields<'_>, context: &mut Context<'_>) -> Option<Limits> {
    let delay_ms = match fields.get("retry_delay") {
        Some(node) => step::milliseconds(file, "`retry_delay`", node, context)?,
        None => match context.dialect {
            Dialect::Guides => RETRY_DELAY_MS,
            Dialect::Package => 0,
        },
    };
    step::limits(file, fields, (RETRIES, delay_ms), context)
}

/// Reads the ids of tasks that a task depends on.
fn needs(
    file: &File<'_>,
    own: &Named<'_>,
    fields: &mut Fields<'_>,
    ids: &BTreeMap<String, String>,
    context: &mut Context<'_>,
) -> Needs {
    let mut needs = Needs::default();
    let Some(node) = fields.get("dependencies") else { return needs };
    let Some(list) = node.as_list() else {
        context.wrong(file, "`dependencies`", "a list", node);
        return needs;
    };
    for node in &list.items {
        let Some(id) = context.text(file, "a dependency", node) else { continue };
        match ids.get(&id) {
            Some(task) if *task == own.task => {
                let message = format!("the task `{}` depends on itself", own.called);
                context.draft.error(codes::GRAPH, file.at(node.place), message);
            }
            Some(task) => {
                needs.insert(task.clone(), Edge::Declared);
            }
            None => {
                let message = format!("`{}` depends on the id `{id}`, which no task has", own.called);
                context.draft.error(codes::GRAPH, file.at(node.place), message);
            }
        }
    }
    needs
}

/// Reads how urgent a task is.
fn priority(file: &File<'_>, fields: &mut Fields<'_>, context: &mut Context<'_>) -> Option<&'static str> {
    let node = fields.get("priority")?;
    let at = file.at(node.place);
    let is_possible = |scalar: &&Scalar| scalar.as_text().is_some() || scalar.value().is_number();
    let Some(scalar) = node.as_scalar().filter(is_possible) else {
        context.wrong(file, "`priority`", "a word or a number", node);
        return None;
    };
    let known = if let Some(word) = scalar.as_text() {
        words::priority(word)
    } else if context.is_said {
        scalar.value().as_u64().and_then(|number| words::priority_number(number, context.dialect))
    } else {
        let message = format!("the priority {} means different things in the dialects", scalar.text);
        let hint = "say which one it is: `--dialect 0.1` or `--dialect 1.x`";
        context.draft.error_hint(codes::MEANING, at, message, hint);
        return None;
    };
    if known.is_none() {
        context.draft.error(codes::MEANING, at, format!("`{}` is no priority", scalar.text));
    }
    known
}

/// Looks at how far a task was: that is not imported, but a word that means nothing is an error.
fn status(file: &File<'_>, fields: &mut Fields<'_>, context: &mut Context<'_>) {
    let Some(node) = fields.get("status") else { return };
    let Some(word) = context.text(file, "`status`", node) else { return };
    let at = file.at(node.place);
    match words::status(&word) {
        Some(ours) => context
            .draft
            .note(at, format!("`status: {word}` ({ours}) is left out: it is what an execution left")),
        None => context.draft.error(codes::MEANING, at, format!("`{word}` is no status")),
    }
}

/// Reads what a task asks for: one thing that it has for itself becomes a lock, all else is reported.
fn resources(file: &File<'_>, fields: &mut Fields<'_>, context: &mut Context<'_>) -> Option<String> {
    let node = fields.get("resources")?;
    let Some(list) = node.as_list() else {
        context.wrong(file, "`resources`", "a list", node);
        return None;
    };
    let mut lock = None;
    for node in &list.items {
        match node.as_map() {
            Some(map) => resource(file, (node, map), &mut lock, context),
            None => context.wrong(file, "a resource of a task", "a map", node),
        }
    }
    lock
}

/// Reads one thing that a task asks for.
fn resource(
    file: &File<'_>,
    (node, map): (&Node, &Map),
    lock: &mut Option<String>,
    context: &mut Context<'_>,
) {
    let at = file.at(node.place);
    let mut fields = Fields::new(map);
    let before = context.draft.errors();
    let mut what = None;
    for key in RESOURCE_NAMES {
        // Beside the one that counts the others are reported with all that has no equal.
        if what.is_none() || map.entry(key).is_some_and(|entry| entry.value.is_null()) {
            let own = fields.get(key).and_then(|node| context.text(file, &format!("`{key}`"), node));
            what = what.or(own.filter(|own| !own.is_empty()));
        }
    }
    let mode = fields.get("mode").and_then(|node| context.text(file, "`mode`", node)).unwrap_or_default();
    match (mode.as_str(), what) {
        ("" | "read" | "write" | "exclusive", None) => {
            // If there is one that cannot be, that was said.
            if context.draft.errors() == before {
                let message = "a resource of a task has neither an `identifier` nor a type";
                context.draft.error(codes::FIELD, at, message);
            }
        }
        ("write" | "exclusive", Some(what)) if lock.is_none() => {
            let message =
                format!("`{what}` becomes a `lock`: one at a time has it, however many would share it");
            context.draft.warn(codes::NEARLY, at, message);
            // What stands behind `lock` may hold expressions; a name does not.
            *lock = Some(escaped(&what));
        }
        ("write" | "exclusive", Some(what)) => {
            let message = format!("`{what}` is left out: a task has one `lock`");
            context.draft.warn(codes::NO_EQUAL, at, message);
        }
        ("" | "read", Some(what)) => {
            let message =
                format!("the share of `{what}` is left out: what many may read at a time has no equal yet");
            context.draft.warn(codes::NO_EQUAL, at, message);
        }
        (other, _) => context.draft.error(codes::MEANING, at, format!("`{other}` is no mode")),
    }
    for key in ["timeout", "amount"] {
        if let Some(entry) = fields.entry(key).filter(|entry| !entry.value.is_null()) {
            let message = format!("`{key}` of a resource has no equal yet and is left out");
            context.draft.warn(codes::NO_EQUAL, file.at(entry.key.place), message);
        }
    }
    step::unknown(file, &fields, "a resource", context);
}
