//! Argo Workflows: documents of Kubernetes, whose templates become a library of actions, and their entrypoint a workflow.
//!
//! What runs in containers there runs on this machine, and the report names each image. Placeholders in scripts become variables.
//! A template that cannot be translated stops the workflow before anything of it begins.

mod reference;
mod template;
mod through;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use self::reference::{Asked, Scope};
use self::template::Context;
use self::through::Through;
use super::flow::{Body, Flow, Task, seconds};
use super::foreign::{Document, Item, plural, shown};
use super::names::Names;
use super::page::Page;
use super::template::{escaped, field};
use super::{Draft, codes};
use crate::Source;

/// The most templates of a document.
const TEMPLATES_MAX: usize = 10_000;

/// The kinds of documents that are read.
const KINDS: [&str; 4] = ["Workflow", "WorkflowTemplate", "ClusterWorkflowTemplate", "CronWorkflow"];

/// Reads all files.
pub(super) fn read(sources: &[Source], draft: &mut Draft) {
    let (mut documents, mut templates) = (0, 0);
    let mut names = Names::default();
    for source in sources {
        for document in Document::all(source, draft) {
            documents += 1;
            templates += one(&document, &mut names, draft).unwrap_or_default();
            document.finish(draft);
        }
    }
    draft.count("files", sources.len());
    draft.count("documents", documents);
    draft.count("templates", templates);
}

/// Reads a document, and returns how many templates it has.
fn one(document: &Document<'_>, names: &mut Names, draft: &mut Draft) -> Option<usize> {
    let root = document.root();
    let kind = kind(&root, draft)?;
    let metadata = root.get("metadata");
    let name = metadata.as_ref().and_then(|metadata| metadata.get_any(&["name", "generateName"]));
    let called = name.and_then(|name| name.text()).unwrap_or_else(|| document.stem().to_owned());
    let mut flow = Flow::new(names, called.trim_end_matches('-'), "argo", document.file());
    let outer = root.get("spec")?;
    let spec = if kind == "CronWorkflow" {
        cron(&outer, &mut flow, draft);
        outer.get("workflowSpec")?
    } else {
        outer
    };
    let (actions, asked) = (actions(&spec, draft)?, Asked::default());
    let context = Context { asked: &asked, actions: &actions, library: &flow.name, workflow: &called };
    let mut missing = Vec::new();
    let mut library = Map::new();
    for own in spec.get("templates").iter().flat_map(Item::items) {
        let name = own.get("name").and_then(|name| name.text()).unwrap_or_default();
        let action = template::read(&own, &context, &mut missing, draft);
        library.insert(actions[&name].clone(), Value::Object(action));
    }
    let entry = root_tasks(&spec, &context, &mut missing, draft);
    let parameters = asked.parameters.take();
    let library_name = flow.name.clone();
    let through = Through::new(&library_name, &library, &parameters);
    for (name, action) in &mut library {
        through.action(name, action);
    }
    let count = library.len();
    let mut page = Page::default();
    page.comment(&flow.comments[0]);
    page.lines(&Map::from_iter([("actions".to_owned(), Value::Object(library))]));
    draft.library(&flow.name, page.finish(), root.at());
    let Some((entry, exit)) = entry else { return Some(count) };
    let inputs = inputs(&spec, &parameters, &mut flow, &kind, draft);
    if !inputs.is_empty() {
        flow.head.insert("inputs".to_owned(), Value::Object(inputs));
    }
    limits(&spec, &mut flow);
    let exit = exit.map(|exit| Value::Object(through.task(exit)));
    flow.tail.extend(exit.map(|exit| ("finally".to_owned(), exit)));
    flow.missing = missing;
    flow.body = Body::Graph(vec![(entry.0, through.task(entry.1))]);
    draft.workflow(&flow.name.clone(), flow.text(), root.at());
    Some(count)
}

/// Reads of what kind a document is.
fn kind(root: &Item<'_>, draft: &mut Draft) -> Option<String> {
    let kind = root.get("kind").filter(|kind| kind.seen().is_some_and(|kind| KINDS.contains(&kind)));
    let kind = kind.and_then(|kind| kind.text());
    if kind.is_none() {
        root.error(draft, codes::FIELD, format!("`kind` must be one of `{}`", KINDS.join("`, `")));
    }
    let version = root.get("apiVersion");
    if let Some(version) = version.filter(|own| own.seen().is_some_and(|own| own.starts_with("argoproj.io/")))
    {
        version.take();
    }
    kind
}

/// Returns the actions by the names of their templates.
fn actions(spec: &Item<'_>, draft: &mut Draft) -> Option<BTreeMap<String, String>> {
    let templates = spec.get("templates").map(|own| own.items()).unwrap_or_default();
    if templates.is_empty() || templates.len() > TEMPLATES_MAX {
        let found = plural(templates.len(), "template");
        spec.error(
            draft,
            codes::FIELD,
            format!("a document has 1 to {TEMPLATES_MAX} templates, this has {found}"),
        );
        return None;
    }
    let (mut names, mut actions) = (Names::default(), BTreeMap::new());
    for template in &templates {
        let name = template.get("name").and_then(|name| name.text()).unwrap_or_default();
        if actions.insert(name.clone(), names.unique(&name)).is_some() {
            template.error(draft, codes::CONFLICT, format!("two templates are called `{}`", shown(&name)));
            return None;
        }
    }
    Some(actions)
}

/// A task that uses the entrypoint, and one that is done in the end.
type Entry = ((String, Task), Option<Task>);

/// Reads what a workflow begins and ends with; none of what is only a library.
fn root_tasks(
    spec: &Item<'_>,
    context: &Context<'_>,
    missing: &mut Vec<String>,
    draft: &mut Draft,
) -> Option<Entry> {
    let entrypoint = spec.get("entrypoint")?;
    let name = entrypoint.text()?;
    let mut using = |item: &Item<'_>, name: &str| {
        let Some(action) = context.actions.get(name) else {
            item.error(draft, codes::GRAPH, format!("there is no template `{}`", shown(name)));
            return None;
        };
        let scope = Scope { workflow: context.workflow.to_owned(), ..Scope::default() };
        let with = template::arguments(spec, &scope, context.asked).unwrap_or_else(|problem| {
            missing.push(problem);
            Map::new()
        });
        // Only those that the template asks for are given to it.
        let asks = spec
            .get("templates")
            .iter()
            .flat_map(Item::items)
            .any(|own| own.get("name").is_some_and(|own| own.seen() == Some(name)) && own.has("inputs"));
        let mut task = Task::new();
        task.insert("use".to_owned(), json!(format!("{}/{action}@1", context.library)));
        let with = if asks { own_inputs(spec, name, with) } else { Map::new() };
        task.insert("with".to_owned(), Value::Object(with));
        Some((action.clone(), task))
    };
    let entry = using(&entrypoint, &name)?;
    let exit = spec.get("onExit").and_then(|own| own.text().map(|name| (own, name)));
    let exit = exit.and_then(|(own, name)| using(&own, &name)).map(|(_, task)| task);
    Some((entry, exit))
}

/// Returns of the arguments those that are inputs of a template.
fn own_inputs(spec: &Item<'_>, name: &str, with: Map<String, Value>) -> Map<String, Value> {
    let templates = spec.get("templates").map(|own| own.items()).unwrap_or_default();
    let own = templates.iter().find(|own| own.get("name").is_some_and(|own| own.seen() == Some(name)));
    let parameters = own.and_then(|own| own.get("inputs")).and_then(|own| own.get("parameters"));
    let parameters = parameters.map(|own| own.items()).unwrap_or_default();
    let names: Vec<&str> = parameters.iter().filter_map(|own| own.get("name")?.seen()).collect();
    with.into_iter()
        .filter(|(name, _)| names.contains(&name.as_str()))
        .map(|(name, _)| {
            let source = format!("${{{{ inputs{} }}}}", field(&name));
            (name, json!(source))
        })
        .collect()
}

/// Reads the parameters of a workflow as inputs.
fn inputs(
    spec: &Item<'_>,
    parameters: &BTreeSet<String>,
    flow: &mut Flow,
    kind: &str,
    draft: &mut Draft,
) -> Map<String, Value> {
    let mut inputs = Map::new();
    let all = spec.get("arguments").and_then(|arguments| arguments.get("parameters"));
    for parameter in all.iter().flat_map(Item::items) {
        let Some(name) = parameter.get("name").and_then(|name| name.text()) else { continue };
        let mut schema = Map::new();
        schema.insert("type".to_owned(), json!("string"));
        if let Some(value) = parameter.get("value").and_then(|value| value.text()) {
            schema.insert("default".to_owned(), json!(escaped(&value)));
        }
        if let Some(options) = parameter.get("enum") {
            schema.insert("enum".to_owned(), json!(options.texts()));
        }
        if let Some(about) = parameter.get("description").and_then(|about| about.text()) {
            schema.insert("description".to_owned(), json!(about));
        }
        inputs.insert(name, Value::Object(schema));
    }
    for name in parameters.iter().filter(|name| !inputs.contains_key(*name)).cloned().collect::<Vec<_>>() {
        let message = format!("the {kind} reads the parameter `{}`, which it does not declare", shown(&name));
        draft.warn(codes::NEARLY, spec.at(), message);
        flow.comments.push(format!("The parameter {name} is not declared there."));
        inputs.insert(name, json!({"type": "string"}));
    }
    inputs
}

fn limits(spec: &Item<'_>, flow: &mut Flow) {
    let most = spec.get("parallelism").and_then(|most| most.count());
    flow.head.extend(most.map(|most| ("max_parallel".to_owned(), json!(most))));
    let limit = spec.get("activeDeadlineSeconds").and_then(|own| own.number()).filter(|own| *own > 0.0);
    flow.head.extend(limit.map(|limit| ("deadline".to_owned(), json!(seconds(limit)))));
}

/// Reads when a workflow runs, which only a comment says here, and how many runs there may be.
fn cron(spec: &Item<'_>, flow: &mut Flow, draft: &mut Draft) {
    for key in ["schedule", "schedules", "timezone"] {
        let Some(item) = spec.get(key) else { continue };
        for text in item.texts() {
            flow.comments.push(format!("There it ran by {key}: {text}"));
            let message = format!("`{key}: {}` is left out: nothing is started by time yet", shown(&text));
            draft.warn(codes::NO_EQUAL, item.at(), message);
        }
    }
    let Some(policy) = spec.get("concurrencyPolicy") else { return };
    let on_conflict = match policy.seen() {
        Some("Forbid") => "skip",
        Some("Replace") => "cancel",
        Some("Allow") => {
            policy.take();
            return;
        }
        Some(_) | None => return,
    };
    policy.take();
    flow.head.insert("concurrency".to_owned(), json!({ "on_conflict": on_conflict }));
}
