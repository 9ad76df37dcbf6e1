//! GitHub Actions: files of workflows, each of which becomes one of ours with a block for each job.
//!
//! Expressions in scripts become variables; what GitHub knows of a repository and an event becomes inputs. Steps that only
//! prepare a machine are left out, with a warning. A step or a condition that cannot be translated stops the workflow before
//! anything of it begins.

mod expression;
mod job;
mod matrix;
mod step;
mod syntax;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::{Map, Value, json};

use self::expression::{Asked, Scope};
use self::job::{Job, Jobs};
use super::flow::{Body, Flow};
use super::foreign::{Document, Item, shown};
use super::names::Names;
use super::template::escaped;
use super::{Draft, codes};
use crate::Source;

/// The most jobs of a workflow: more than GitHub runs.
const JOBS_MAX: usize = 1_000;

/// How long a job may take there if nobody says otherwise.
const TIMEOUT: &str = "6h";

/// Reads all files.
pub(super) fn read(sources: &[Source], draft: &mut Draft) {
    let (mut jobs, mut written) = (0, 0);
    let mut names = Names::default();
    for source in sources {
        for document in Document::all(source, draft) {
            if let Some(flow) = workflow(&document, &mut names, draft) {
                written += 1;
                if let Body::Graph(tasks) = &flow.body {
                    jobs += tasks.len();
                }
                draft.workflow(&flow.name.clone(), flow.text(), document.root().at());
            }
            document.finish(draft);
        }
    }
    draft.count("files", sources.len());
    draft.count("workflows", written);
    draft.count("jobs", jobs);
}

fn workflow(document: &Document<'_>, names: &mut Names, draft: &mut Draft) -> Option<Flow> {
    let root = document.root();
    if !root.has("jobs") {
        root.error(draft, codes::FIELD, "a workflow of GitHub Actions has `jobs`, this has none");
        return None;
    }
    let called = root.get("name").and_then(|name| name.text()).unwrap_or_else(|| document.stem().to_owned());
    let mut flow = Flow::new(names, &called, "github", document.file());
    let mut scope = Scope { workflow: called, ..Scope::default() };
    let asked = Asked::default();
    let mut inputs = triggers(&root, &mut scope, &mut flow, draft);
    let mut env = Map::new();
    match step::environment(&root, &mut scope, &asked) {
        Ok(own) => env = own,
        Err(problem) => flow.missing.push(format!("the environment: {problem}")),
    }
    let concurrency =
        root.get("concurrency").and_then(|group| concurrency(&group, &scope, &asked, &mut flow, draft));
    let run = root.get("defaults").and_then(|defaults| defaults.get("run"));
    let default = |key: &str| run.as_ref().and_then(|run| run.get(key)).and_then(|own| own.text());
    let defaults = (default("shell"), default("working-directory"));
    let known = jobs(&root, draft)?;
    let all = Jobs { known: &known, asked: &asked, scope: &scope, defaults };
    let mut tasks = Vec::new();
    // In the order of the file, not of their names.
    for item in root.get("jobs").iter().flat_map(Item::entries) {
        if let Some(job) = known.get(item.key()) {
            tasks.push((job.task.clone(), job::read(job, &all, &mut flow.missing, draft)));
        }
    }
    for (name, called) in asked.inputs.into_inner() {
        let message = format!("`{}` becomes the input `{name}`: a run must be told it", shown(&called));
        draft.warn(codes::NEARLY, root.at(), message);
        inputs
            .insert(name, json!({"type": "string", "description": format!("What GitHub knows as {called}")}));
    }
    if !inputs.is_empty() {
        flow.head.insert("inputs".to_owned(), Value::Object(inputs));
    }
    env.entry("CI".to_owned()).or_insert_with(|| json!("true"));
    flow.head.insert("defaults".to_owned(), json!({"timeout": TIMEOUT, "env": env}));
    flow.head.extend(concurrency.map(|own| ("concurrency".to_owned(), own)));
    flow.body = Body::Graph(tasks);
    Some(flow)
}

/// Reads the ids of the jobs and what each needs.
fn jobs<'d>(root: &Item<'d>, draft: &mut Draft) -> Option<BTreeMap<&'d str, Job<'d>>> {
    let entries = root.get("jobs").map(|jobs| jobs.entries()).unwrap_or_default();
    if entries.is_empty() || entries.len() > JOBS_MAX {
        root.error(
            draft,
            codes::FIELD,
            format!("a workflow has 1 to {JOBS_MAX} jobs, this has {}", entries.len()),
        );
        return None;
    }
    let (mut names, mut found) = (Names::default(), BTreeMap::new());
    for item in entries {
        let task = names.unique(item.key());
        let needs = item.get("needs").map(|needs| needs.texts()).unwrap_or_default();
        found.insert(item.key(), Job { item, task, needs });
    }
    for job in found.values() {
        for unknown in job.needs.iter().filter(|id| !found.contains_key(id.as_str())) {
            let message =
                format!("the job `{}` needs `{}`, which does not exist", job.item.key(), shown(unknown));
            job.item.error(draft, codes::GRAPH, message);
        }
    }
    Some(found)
}

/// Reads what starts a workflow: the inputs of a start by hand. Everything else is left out.
fn triggers(root: &Item<'_>, scope: &mut Scope, flow: &mut Flow, draft: &mut Draft) -> Map<String, Value> {
    let mut inputs = Map::new();
    let Some(on) = root.get("on") else { return inputs };
    for event in on.items_or_self() {
        if event.is_map() {
            continue;
        }
        match event.text().as_deref() {
            Some("workflow_dispatch" | "workflow_call") | None => {}
            Some(other) => event.leave_out(draft, format!("nothing is started by `{}` yet", shown(other))),
        }
    }
    for event in on.entries() {
        match event.key() {
            "workflow_dispatch" | "workflow_call" => {
                for input in event.get("inputs").iter().flat_map(Item::entries) {
                    let (schema, is_boolean) = schema(&input, draft);
                    Rc::make_mut(&mut scope.inputs).insert(input.key().to_owned(), is_boolean);
                    inputs.insert(input.key().to_owned(), schema);
                }
            }
            "schedule" => {
                for entry in event.items() {
                    if let Some(cron) = entry.get("cron")
                        && let Some(text) = cron.text()
                    {
                        flow.comments.push(format!("There it ran at: {text} (UTC)"));
                        cron.leave_out(draft, format!("nothing is started by time yet: `{}`", shown(&text)));
                    }
                }
            }
            other => event.leave_out(draft, format!("nothing is started by `{}` yet", shown(other))),
        }
    }
    inputs
}

/// Reads an input: its schema, and whether it is true or false.
fn schema(input: &Item<'_>, draft: &mut Draft) -> (Value, bool) {
    let mut schema = Map::new();
    let kind = input.get("type").and_then(|kind| kind.text()).unwrap_or_else(|| "string".to_owned());
    let (own, empty) = match kind.as_str() {
        "boolean" => ("boolean", json!(false)),
        "number" => ("number", json!(0)),
        "string" | "choice" | "environment" => ("string", json!("")),
        other => {
            input.nearly(draft, format!("the type `{}` becomes text", shown(other)));
            ("string", json!(""))
        }
    };
    schema.insert("type".to_owned(), json!(own));
    let options = input.get("options").map(|options| options.texts()).unwrap_or_default();
    if !options.is_empty() {
        schema.insert("enum".to_owned(), json!(options));
    }
    let is_required = input.get("required").and_then(|own| own.boolean()).unwrap_or(false);
    let default = input.get("default").map(|default| match (own, default.text()) {
        ("string", Some(text)) => json!(escaped(&text)),
        (_, Some(_) | None) => default.value(),
    });
    // What nobody gives is empty there, of a choice the first.
    let otherwise = || options.first().map_or(empty, |first| json!(first));
    match default {
        Some(default) => schema.insert("default".to_owned(), default),
        None if is_required => None,
        None => schema.insert("default".to_owned(), otherwise()),
    };
    if let Some(about) = input.get("description").and_then(|about| about.text()) {
        schema.insert("description".to_owned(), json!(about));
    }
    (Value::Object(schema), own == "boolean")
}

/// Reads how many runs there may be at a time.
fn concurrency(
    group: &Item<'_>,
    scope: &Scope,
    asked: &Asked,
    flow: &mut Flow,
    draft: &mut Draft,
) -> Option<Value> {
    let text = if group.is_map() { group.get("group").and_then(|own| own.text()) } else { group.text() }?;
    let cancels = group.get("cancel-in-progress");
    let is_cancelling = match cancels.as_ref().map(|own| (own, own.boolean())) {
        Some((_, Some(flag))) => flag,
        Some((own, None)) => {
            own.leave_out(draft, "whether a run is cancelled is fixed here");
            false
        }
        None => false,
    };
    match scope.text(&text, asked) {
        Ok(key) => {
            let on_conflict = if is_cancelling { "cancel" } else { "queue" };
            Some(json!({"key": key, "on_conflict": on_conflict}))
        }
        Err(problem) => {
            group.leave_out(draft, &problem);
            flow.missing.push(problem);
            None
        }
    }
}
