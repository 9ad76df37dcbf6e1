//! Dagu: files of steps, each of which becomes a workflow with a task for each step.
//!
//! Commands go to a shell as they are, and variables stay variables: parameters, and what earlier steps printed, are given by
//! `env`. Steps that do something else than run commands stop the workflow before anything of it begins.

mod step;
mod words;

use serde_json::{Map, Value, json};

use self::step::Known;
use super::flow::{Body, EDGES_MAX, Flow, Task, about, seconds};
use super::foreign::{Document, Item, shown};
use super::names::Names;
use super::template::{escaped, field};
use super::{Draft, codes};
use crate::Source;

/// The most steps of a workflow: as many as a generated file can hold.
const STEPS_MAX: usize = 10_000;

/// A step, and the task that it becomes.
struct Step<'d> {
    item: Item<'d>,
    task: String,
    /// Its name and its id, by which others depend on it.
    called: Vec<String>,
    /// The tasks before it, if it does not say.
    before: Vec<usize>,
}

/// Reads all files.
pub(super) fn read(sources: &[Source], draft: &mut Draft) {
    let (mut steps, mut written) = (0, 0);
    let mut names = Names::default();
    for source in sources {
        for document in Document::all(source, draft) {
            if let Some((flow, own)) = workflow(&document, &mut names, draft) {
                written += 1;
                steps += own;
                draft.workflow(&flow.name.clone(), flow.text(), document.root().at());
            }
            document.finish(draft);
        }
    }
    draft.count("files", sources.len());
    draft.count("workflows", written);
    draft.count("steps", steps);
}

fn workflow(document: &Document<'_>, names: &mut Names, draft: &mut Draft) -> Option<(Flow, usize)> {
    let root = document.root();
    if !root.has("steps") {
        root.error(draft, codes::FIELD, "a file of Dagu has `steps`, this has none");
        return None;
    }
    let called = root.get("name").and_then(|name| name.text()).unwrap_or_else(|| document.stem().to_owned());
    let mut flow = Flow::new(names, &called, "dagu", document.file());
    if let Some(text) = root.get("description").and_then(|about| about.text()) {
        flow.head.insert("description".to_owned(), about(&text));
    }
    if let Some(tags) = root.get("tags") {
        flow.head.insert("x-tags".to_owned(), tags.value());
    }
    schedule(&root, &mut flow, draft);
    let mut known = Known::default();
    let (inputs, given) = parameters(&root, &mut known);
    if !inputs.is_empty() {
        flow.head.insert("inputs".to_owned(), Value::Object(inputs));
    }
    (known.fixed, known.exports) = step::variables(root.get("env").as_ref());
    known.shell = root.get("shell").map(|shell| shell.texts().join(" "));
    known.folder = root.get_any(&["working_dir", "workingDir"]).and_then(|own| own.text());
    let mut env = given;
    env.extend(known.fixed.iter().map(|(name, value)| (name.clone(), json!(escaped(value)))));
    if !env.is_empty() {
        flow.head.insert("defaults".to_owned(), json!({ "env": env }));
    }
    limits(&root, &mut flow);
    let steps = steps(&root, draft)?;
    for step in &steps {
        let Some(output) = step.item.get("output") else { continue };
        let name =
            if output.is_map() { output.get("name").and_then(|name| name.text()) } else { output.text() };
        known.outputs.extend(name.map(|name| (name.trim_start_matches('$').to_owned(), step.task.clone())));
    }
    let tasks = tasks(&root, &steps, &known, &mut flow.missing, draft);
    flow.body = Body::Graph(tasks);
    handlers(&root, &known, &mut flow, draft);
    Some((flow, steps.len()))
}

fn schedule(root: &Item<'_>, flow: &mut Flow, draft: &mut Draft) {
    let Some(schedule) = root.get("schedule") else { return };
    for entry in schedule.items_or_self() {
        if entry.is_map() || entry.is_list() {
            entry.leave_out(draft, "nothing is started by time yet");
        } else if let Some(text) = entry.text() {
            flow.comments.push(format!("There it ran at: {text}"));
            let message =
                format!("the schedule `{}` is left out: nothing is started by time yet", shown(&text));
            draft.warn(codes::NO_EQUAL, schedule.at(), message);
        }
    }
}

fn limits(root: &Item<'_>, flow: &mut Flow) {
    let most = root.get_any(&["max_active_steps", "maxActiveSteps"]).and_then(|most| most.count());
    flow.head.extend(most.map(|most| ("max_parallel".to_owned(), json!(most))));
    let runs = root.get_any(&["max_active_runs", "maxActiveRuns"]).and_then(|most| most.count());
    flow.head.extend(runs.map(|most| ("concurrency".to_owned(), json!({ "limit": most }))));
    let limit =
        root.get_any(&["timeout_sec", "timeoutSec"]).and_then(|own| own.number()).filter(|own| *own > 0.0);
    flow.head.extend(limit.map(|limit| ("deadline".to_owned(), json!(seconds(limit)))));
}

/// Reads the parameters: the inputs, and the variables that give them to all steps.
fn parameters(root: &Item<'_>, known: &mut Known) -> (Map<String, Value>, Map<String, Value>) {
    let (mut inputs, mut env) = (Map::new(), Map::new());
    let mut put = |name: String, schema: Value, is_named: bool| {
        if is_named {
            known.inputs.insert(name.clone());
            env.insert(name.clone(), json!(format!("${{{{ inputs{} }}}}", field(&name))));
            inputs.insert(name, schema);
        } else {
            known.arguments += 1;
            inputs.insert(format!("param_{}", known.arguments), schema);
        }
    };
    let text = |default: &str| json!({"type": "string", "default": escaped(default)});
    for member in root.get("params").iter().flat_map(Item::items_or_self) {
        if let Some(name) =
            member.get("name").filter(|_| member.entries().len() > 1).and_then(|name| name.text())
        {
            let mut schema = Map::new();
            for key in ["type", "default", "enum", "minimum", "maximum", "pattern", "description"] {
                schema.extend(member.get(key).map(|own| (key.to_owned(), own.value())));
            }
            schema.entry("type").or_insert_with(|| json!("string"));
            let is_optional = member.get("required").and_then(|own| own.boolean()) == Some(false);
            if is_optional && !schema.contains_key("default") {
                schema.insert("required".to_owned(), json!(false));
            }
            put(name, Value::Object(schema), true);
        } else if member.is_map() {
            for entry in member.entries() {
                if let Some(default) = entry.text() {
                    put(entry.key().to_owned(), text(&default), true);
                }
            }
        } else if let Some(all) = member.text() {
            for argument in words::arguments(&all) {
                match argument.split_once('=') {
                    Some((name, default)) => put(name.to_owned(), text(default), true),
                    None => put(String::new(), text(&argument), false),
                }
            }
        }
    }
    (inputs, env)
}

/// Reads which steps there are and how they follow each other.
fn steps<'d>(root: &Item<'d>, draft: &mut Draft) -> Option<Vec<Step<'d>>> {
    let all = root.get("steps")?;
    let is_map = all.is_map();
    // Each of these is a step, or several that run beside each other.
    let groups: Vec<Vec<Item<'d>>> = if is_map {
        all.entries().into_iter().map(|step| vec![step]).collect()
    } else {
        all.items()
            .into_iter()
            .map(|member| if member.is_list() { member.items() } else { vec![member] })
            .collect()
    };
    let count = groups.iter().map(Vec::len).sum::<usize>();
    if count == 0 || count > STEPS_MAX {
        all.error(draft, codes::FIELD, format!("a file has 1 to {STEPS_MAX} steps, this has {count}"));
        return None;
    }
    let kind = root.get("type").and_then(|kind| kind.text());
    let says = groups.iter().flatten().any(|step| step.has("depends"));
    let is_chain = match kind.as_deref() {
        Some("chain") => true,
        Some("graph") => false,
        Some(other) => {
            root.error(draft, codes::MEANING, format!("`type: {}` is not read", shown(other)));
            return None;
        }
        None => !says && !is_map,
    };
    if kind.is_none() && says {
        draft.note(all.at(), "the steps say what they depend on, so the file is read as `type: graph`");
    }
    let edges = groups.windows(2).map(|pair| pair[0].len() * pair[1].len()).sum::<usize>();
    if is_chain && edges > EDGES_MAX {
        all.error(
            draft,
            codes::FIELD,
            format!("the steps wait for each other in more than {EDGES_MAX} ways"),
        );
        return None;
    }
    let (mut names, mut found, mut before) = (Names::default(), Vec::new(), Vec::new());
    for group in groups {
        let first = found.len();
        for item in group {
            let own = |key: &str| item.get(key).and_then(|own| own.text());
            let mut called: Vec<String> = [own("name"), own("id")].into_iter().flatten().collect();
            if is_map {
                called.push(item.key().to_owned());
            }
            let task = names.unique(called.last().map_or("step", String::as_str));
            found.push(Step {
                item,
                task,
                called,
                before: if is_chain { before.clone() } else { Vec::new() },
            });
        }
        before = (first..found.len()).collect();
    }
    Some(found)
}

/// Reads all steps.
fn tasks(
    root: &Item<'_>,
    steps: &[Step<'_>],
    known: &Known,
    missing: &mut Vec<String>,
    draft: &mut Draft,
) -> Vec<(String, Task)> {
    let by_name: std::collections::BTreeMap<&str, usize> = steps
        .iter()
        .enumerate()
        .flat_map(|(index, step)| step.called.iter().map(move |called| (called.as_str(), index)))
        .collect();
    let goes_on: Vec<bool> = steps.iter().map(|step| step::goes_on_skipped(&step.item)).collect();
    let mut tasks = Vec::new();
    // What must hold for all of it must hold for each.
    let (whole, asking) = step::conditions(root, "workflow", known, missing, draft);
    let asked: Vec<String> =
        (1..=asking.len()).map(|number| format!("workflow-precondition-{number}")).collect();
    tasks.extend(asked.iter().cloned().zip(asking));
    for step in steps {
        let mut before = step.before.clone();
        for name in step.item.get("depends").map(|depends| depends.texts()).unwrap_or_default() {
            if let Some(index) = by_name.get(name.as_str()) {
                before.push(*index);
            } else {
                let message =
                    format!("the step `{}` depends on `{}`, which does not exist", step.task, shown(&name));
                step.item.error(draft, codes::GRAPH, message);
            }
        }
        before.sort_unstable();
        before.dedup();
        let (own, asking) = step::conditions(&step.item, &step.task, known, missing, draft);
        let mut needs = Map::new();
        for index in &before {
            let outcomes = if goes_on[*index] { json!(["succeeded", "skipped"]) } else { json!("succeeded") };
            needs.insert(steps[*index].task.clone(), outcomes);
        }
        for (number, mut ask) in asking.into_iter().enumerate() {
            let name = format!("{}-precondition-{}", step.task, number + 1);
            order(&mut ask, &needs);
            needs.insert(name.clone(), json!("succeeded"));
            tasks.push((name, ask));
        }
        let mut task = Task::new();
        order(&mut task, &needs);
        let condition = match (&whole, own) {
            (Some(whole), Some(own)) => Some(format!("({whole}) and ({own})")),
            (Some(one), None) => Some(one.clone()),
            (None, own) => own,
        };
        task.extend(condition.map(|condition| ("if".to_owned(), json!(condition))));
        task.extend(step::read(&step.item, &step.task, known, missing, draft));
        tasks.push((step.task.clone(), task));
    }
    tasks
}

/// Writes what a task needs: names alone, if each must have succeeded.
fn order(task: &mut Task, needs: &Map<String, Value>) {
    if needs.is_empty() {
        return;
    }
    let is_plain = needs.values().all(|outcome| outcome == "succeeded");
    let names: Vec<&String> = needs.keys().collect();
    let rest = std::mem::take(task);
    task.insert("needs".to_owned(), if is_plain { json!(names) } else { json!(needs) });
    task.extend(rest);
}

/// Reads what is done in the end.
fn handlers(root: &Item<'_>, known: &Known, flow: &mut Flow, draft: &mut Draft) {
    let Some(handlers) = root.get_any(&["handler_on", "handlerOn"]) else { return };
    let mut finally = Vec::new();
    for (key, condition) in [
        ("success", Some("run.status == 'succeeded'")),
        ("failure", None),
        ("abort", Some("run.status == 'cancelled'")),
        ("cancel", Some("run.status == 'cancelled'")),
        ("exit", None),
    ] {
        let Some(handler) = handlers.get(key) else { continue };
        let own = step::read(&handler, key, known, &mut flow.missing, draft);
        if key == "failure" {
            flow.tail.insert("on_failure".to_owned(), Value::Object(own));
            continue;
        }
        let mut member = Task::new();
        member.insert("name".to_owned(), json!(format!("on-{key}")));
        member.extend(condition.map(|condition| ("if".to_owned(), json!(condition))));
        member.extend(own);
        finally.push(Value::Object(member));
    }
    if !finally.is_empty() {
        flow.tail.insert("finally".to_owned(), Value::Array(finally));
    }
}
