//! Kestra: flows, each of which becomes a workflow whose tasks run one after the other.
//!
//! Tasks that hold others become blocks, scripts run on this machine, and placeholders in them become variables. A plugin that
//! is not known stops the workflow before anything of it begins.

mod expression;
mod task;

use std::rc::Rc;

use serde_json::{Map, Value, json};

use self::expression::Scope;
use self::task::{Reader, TASKS_MAX};
use super::flow::{Body, Flow, about};
use super::foreign::{Document, Item, shown};
use super::names::Names;
use super::template::escaped;
use super::{Draft, codes};
use crate::Source;

/// Reads all files.
pub(super) fn read(sources: &[Source], draft: &mut Draft) {
    let mut written = 0;
    let mut names = Names::default();
    for source in sources {
        for document in Document::all(source, draft) {
            if let Some(flow) = workflow(&document, &mut names, draft) {
                written += 1;
                draft.workflow(&flow.name.clone(), flow.text(), document.root().at());
            }
            document.finish(draft);
        }
    }
    draft.count("files", sources.len());
    draft.count("workflows", written);
}

fn workflow(document: &Document<'_>, names: &mut Names, draft: &mut Draft) -> Option<Flow> {
    let root = document.root();
    let tasks = root.get("tasks").map(|tasks| tasks.items()).unwrap_or_default();
    if tasks.is_empty() {
        root.error(draft, codes::FIELD, "a flow of Kestra has a list `tasks`, this has none");
        return None;
    }
    let called = root.get("id").and_then(|id| id.text()).unwrap_or_else(|| document.stem().to_owned());
    let namespace = root.get("namespace").and_then(|own| own.text()).unwrap_or_default();
    let mut flow = Flow::new(names, &called, "kestra", document.file());
    if let Some(text) = root.get("description").and_then(|about| about.text()) {
        flow.head.insert("description".to_owned(), about(&text));
    }
    let mut scope =
        Scope { flow: (called.clone(), namespace.clone()), values: vec![None], ..Scope::default() };
    kept(&root, (called, namespace), &mut flow, &mut scope);
    let inputs = inputs(&root, &mut scope, draft);
    if !inputs.is_empty() {
        flow.head.insert("inputs".to_owned(), Value::Object(inputs));
    }
    concurrency(&root, &mut flow, draft);
    triggers(&root, &mut flow, draft);
    let (mut tasks_named, mut missing) = (Names::default(), Vec::new());
    let mut reader = Reader { names: &mut tasks_named, missing: &mut missing, draft, left: TASKS_MAX };
    let tasks = reader.list(&tasks, &mut scope);
    for (key, own) in [("errors", "on_failure"), ("finally", "finally")] {
        if let Some(tasks) = root.get(key) {
            let members = reader.members(&tasks.items(), &scope);
            flow.tail.insert(own.to_owned(), members);
        }
    }
    outputs(&root, &scope, (&mut flow, &mut missing), draft);
    flow.missing = missing;
    flow.body = if tasks.is_empty() { Body::Graph(Vec::new()) } else { Body::Flow(tasks) };
    Some(flow)
}

/// Keeps what has no meaning here and that others look for.
fn kept(root: &Item<'_>, (called, namespace): (String, String), flow: &mut Flow, scope: &mut Scope) {
    let mut kept = Map::new();
    if called != flow.name {
        kept.insert("name".to_owned(), json!(called));
    }
    if !namespace.is_empty() {
        kept.insert("namespace".to_owned(), json!(namespace));
    }
    for key in ["labels", "variables"] {
        let Some(item) = root.get(key) else { continue };
        let value = item.value();
        if let (Value::Object(map), "variables") = (&value, key) {
            scope.variables =
                Rc::new(map.iter().map(|(name, value)| (name.clone(), value.clone())).collect());
        }
        kept.insert(key.to_owned(), value);
    }
    if !kept.is_empty() {
        flow.head.insert("x-kestra".to_owned(), Value::Object(kept));
    }
}

fn inputs(root: &Item<'_>, scope: &mut Scope, draft: &mut Draft) -> Map<String, Value> {
    let mut inputs = Map::new();
    for input in root.get("inputs").iter().flat_map(Item::items) {
        let Some(id) = input.get_any(&["id", "name"]).and_then(|id| id.text()) else { continue };
        let mut schema = Map::new();
        let kind = input.get("type").and_then(|kind| kind.text()).unwrap_or_else(|| "STRING".to_owned());
        let own = match kind.as_str() {
            "STRING" | "SELECT" | "ENUM" => "string",
            "INT" => "integer",
            "FLOAT" => "number",
            "BOOLEAN" | "BOOL" => "boolean",
            "ARRAY" | "MULTISELECT" => "array",
            "JSON" => "any",
            "DATE" => "date",
            "FILE" => "file",
            "SECRET" => "secret",
            other => {
                input.nearly(draft, format!("the type `{}` becomes text", shown(other)));
                "string"
            }
        };
        schema.insert("type".to_owned(), json!(own));
        if let Some(values) = input.get("values") {
            schema.insert("enum".to_owned(), values.value());
        }
        if let Some(default) = input.get_any(&["defaults", "prefill"]) {
            let value = match (own, default.text()) {
                ("string" | "date", Some(text)) => json!(escaped(&text)),
                (_, Some(_) | None) => default.value(),
            };
            schema.insert("default".to_owned(), value);
        }
        let is_optional = input.get("required").and_then(|own| own.boolean()) == Some(false);
        if is_optional && !schema.contains_key("default") {
            schema.insert("required".to_owned(), json!(false));
        }
        for (key, own) in [("description", "description"), ("displayName", "title"), ("validator", "pattern")]
        {
            schema.extend(
                input.get(key).and_then(|text| text.text()).map(|text| (own.to_owned(), json!(text))),
            );
        }
        for (key, own) in [("min", "minimum"), ("max", "maximum")] {
            schema.extend(input.get(key).map(|bound| (own.to_owned(), bound.value())));
        }
        Rc::make_mut(&mut scope.inputs).insert(id.clone());
        inputs.insert(id, Value::Object(schema));
    }
    inputs
}

fn concurrency(root: &Item<'_>, flow: &mut Flow, draft: &mut Draft) {
    let Some(own) = root.get("concurrency") else { return };
    let limit = own.get("limit").and_then(|limit| limit.count()).unwrap_or(1);
    let behavior = own.get("behavior").and_then(|own| own.text()).unwrap_or_else(|| "QUEUE".to_owned());
    let on_conflict = match behavior.as_str() {
        "QUEUE" => "queue",
        other => {
            own.nearly(
                draft,
                format!("a run for which there is no place is skipped, whatever `{}` calls it", shown(other)),
            );
            "skip"
        }
    };
    flow.head.insert("concurrency".to_owned(), json!({"limit": limit, "on_conflict": on_conflict}));
}

/// Reads what starts a flow, which only comments say here.
fn triggers(root: &Item<'_>, flow: &mut Flow, draft: &mut Draft) {
    for trigger in root.get("triggers").iter().flat_map(Item::items) {
        if let Some(cron) = trigger.get("cron").and_then(|cron| cron.text()) {
            flow.comments.push(format!("There it ran at: {cron}"));
        }
        let kind = trigger.get("type").and_then(|kind| kind.text()).unwrap_or_default();
        let message = format!("the trigger of type `{}` is left out: it has no equal yet", shown(&kind));
        draft.warn(codes::NO_EQUAL, trigger.at(), message);
        trigger.take();
    }
}

fn outputs(
    root: &Item<'_>,
    scope: &Scope,
    (flow, missing): (&mut Flow, &mut Vec<String>),
    draft: &mut Draft,
) {
    let mut outputs = Map::new();
    for output in root.get("outputs").iter().flat_map(Item::items) {
        let (Some(id), Some(value)) =
            (output.get("id").and_then(|id| id.text()), output.get("value").and_then(|own| own.text()))
        else {
            continue;
        };
        match scope.text(&value) {
            Ok(text) => {
                outputs.insert(id, json!(text));
            }
            Err(problem) => {
                let message = format!("the output `{}` is not translated: {problem}", shown(&id));
                draft.warn(codes::NO_EQUAL, output.at(), message);
                missing.push(format!("the output `{id}`: {problem}"));
            }
        }
    }
    if !outputs.is_empty() {
        flow.tail.insert("outputs".to_owned(), Value::Object(outputs));
    }
}
