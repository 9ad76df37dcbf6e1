//! Steps of workflows, and what they have in common with tasks of lists.

use std::collections::{BTreeMap, BTreeSet};

use myrmex_model::OrderedMap;
use myrmex_model::diagnostic::Span;
use myrmex_model::name::Name;
use serde_json::{Value, json};

use super::actions::{Actions, LIBRARY};
use super::reference::{Steps, translate};
use super::{Context, Dialect, Fields, File};
use crate::import::codes;
use crate::import::names::Names;
use crate::tree::{Kind, Map, Node};

/// The longest time limit that is read, in seconds: a hundred years.
const SECONDS_MAX: f64 = 3.2e9;

/// A step that was read.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Step {
    /// The name of the task that it becomes.
    pub(super) name: String,
    /// What it is called in the file, if that is no name of ours.
    pub(super) called: Option<String>,
    /// Where it stands.
    pub(super) origin: Span,
    /// What it does, as `MODULE.ACTION`.
    pub(super) action: String,
    /// Its parameters.
    pub(super) with: Vec<(String, Value)>,
    pub(super) needs: Needs,
    pub(super) limits: Limits,
    pub(super) description: Option<String>,
    pub(super) priority: Option<&'static str>,
    pub(super) lock: Option<String>,
    pub(super) tags: Option<Value>,
}

/// The tasks of ours that a step needs, and how that is known.
pub(super) type Needs = OrderedMap<String, Edge>;

/// How it is known that a step needs another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edge {
    /// It is declared.
    Declared,
    /// Only a reference shows it.
    Inferred,
}

/// The inputs of a workflow that references mention, in order.
pub(super) type Inputs = OrderedMap<String, ()>;

/// How often a step is tried and how long it may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) attempts: u64,
    pub(super) delay_ms: u64,
    pub(super) timeout_ms: Option<u64>,
}

/// A step of which the name is known.
#[derive(Debug)]
pub(super) struct Named<'s> {
    pub(super) map: &'s Map,
    /// What it is called in the file.
    pub(super) called: String,
    /// The name of the task that it becomes.
    pub(super) task: String,
    /// Where it stands.
    pub(super) at: Span,
}

impl Step {
    /// Returns the keys of its task. `guard` is a task that goes before all others.
    pub(super) fn keys(
        &self,
        actions: &Actions,
        guard: Option<&str>,
    ) -> Vec<(&'static str, Value, Option<&'static str>)> {
        let mut keys = Vec::new();
        if let Some(description) = &self.description {
            keys.push(("description", json!(description), None));
        }
        if let Some(called) = &self.called {
            keys.push(("x-codomyrmex", json!({ "name": called }), None));
        }
        if let Some(tags) = &self.tags {
            keys.push(("x-tags", tags.clone(), None));
        }
        let needs: Vec<&str> = self.needs.keys().map(String::as_str).collect();
        let inferred = self.inferred();
        let comment = match inferred {
            0 => None,
            all if all == self.needs.len() => Some("inferred from references"),
            _ => Some("some inferred from references"),
        };
        match guard {
            Some(guard) if needs.is_empty() => keys.push(("needs", json!([guard]), None)),
            Some(_) | None if needs.is_empty() => {}
            Some(_) | None => keys.push(("needs", json!(needs), comment)),
        }
        keys.push(("use", json!(format!("{LIBRARY}/{}@1", actions.name(&self.action))), None));
        if !self.with.is_empty() {
            keys.push(("with", Value::Object(self.with.iter().cloned().collect()), None));
        }
        keys.extend(self.priority.map(|priority| ("priority", json!(priority), None)));
        keys.extend(self.lock.as_ref().map(|lock| ("lock", json!(lock), None)));
        keys.extend(self.limits.timeout_ms.map(|timeout| ("timeout", json!(duration(timeout)), None)));
        let mut retry = json!({"attempts": self.limits.attempts, "delay": duration(self.limits.delay_ms)});
        if self.limits.delay_ms > 0 {
            retry["backoff"] = json!("constant");
        }
        keys.push(("retry", retry, None));
        keys
    }

    /// Returns how many of its edges only references show.
    pub(super) fn inferred(&self) -> usize {
        self.needs.values().filter(|edge| **edge == Edge::Inferred).count()
    }
}

/// Writes a duration: in seconds, or in milliseconds where they are not whole.
fn duration(ms: u64) -> String {
    if ms.is_multiple_of(1000) { format!("{}s", ms / 1000) } else { format!("{ms}ms") }
}

/// Reads the names of all steps, before anything in them can refer to another one.
pub(super) fn names<'s>(file: &File<'s>, steps: &[&'s Node], context: &mut Context<'_>) -> Vec<Named<'s>> {
    let (mut found, mut names, mut seen) = (Vec::new(), Names::default(), BTreeSet::new());
    for node in steps {
        let at = file.at(node.place);
        let Some(map) = node.as_map() else {
            context.wrong(file, "a step", "a map", node);
            continue;
        };
        let Some(name) = map.entry("name").filter(|entry| !entry.value.is_null()) else {
            context.draft.error(codes::FIELD, at, "a step has no `name`");
            continue;
        };
        let Some(called) = context.text(file, "`name`", &name.value) else { continue };
        let at = file.at(name.value.place);
        if called.is_empty() {
            context.draft.error(codes::FIELD, at, "the `name` of a step is empty");
            continue;
        }
        if !seen.insert(called.clone()) {
            context.draft.error(codes::GRAPH, at, format!("two steps have the name `{called}`"));
            continue;
        }
        let task = names.unique(&called);
        if task != called {
            context
                .draft
                .note(at.clone(), format!("the step `{called}` becomes `{task}`, as it is no name here"));
        }
        found.push(Named { map, called, task, at });
    }
    found
}

/// Reads a step. `extra` are dependencies that stand elsewhere.
pub(super) fn read(
    file: &File<'_>,
    own: &Named<'_>,
    (steps, extra): (&Steps, &[&Node]),
    inputs: &mut Inputs,
    context: &mut Context<'_>,
) -> Option<Step> {
    let mut fields = Fields::new(own.map);
    fields.entry("name");
    let declared = fields.get("dependencies");
    let mut needs = needs(file, own, (declared, extra), steps, context);
    let action = action(file, own, &mut fields, context);
    let with = fields.get("parameters");
    let with = with.and_then(|node| parameters(file, (own, node), steps, (&mut needs, inputs), context));
    let retries = context.dialect.retries();
    let limits = limits(file, &mut fields, (retries, 0), context);
    runtime(file, &mut fields, &["retry_count"], context);
    if let Some(condition) = fields.get("run_if") {
        let text = condition.as_scalar().map_or(String::new(), |scalar| scalar.text.clone());
        let message = format!(
            "`run_if: {text}` is left out: codomyrmex never asks it, and nothing says how it is to be read"
        );
        context.draft.warn(codes::NO_EQUAL, file.at(condition.place), message);
    }
    if let Some(entry) = fields.entry("required") {
        context
            .draft
            .note(file.at(entry.key.place), "`required` of a step is left out: codomyrmex never reads it");
    }
    unknown(file, &fields, "a step", context);
    let called = (own.called != own.task).then(|| own.called.clone());
    Some(Step {
        name: own.task.clone(),
        called,
        origin: own.at.clone(),
        action: action?,
        with: with.unwrap_or_default(),
        needs,
        limits: limits?,
        description: None,
        priority: None,
        lock: None,
        tags: None,
    })
}

/// Reads the names of steps that a step depends on, of its own list and of one that stands elsewhere.
fn needs(
    file: &File<'_>,
    own: &Named<'_>,
    (declared, extra): (Option<&Node>, &[&Node]),
    steps: &Steps,
    context: &mut Context<'_>,
) -> Needs {
    let mut needs = Needs::default();
    let own_list: Vec<&Node> = match declared.map(|node| (node, node.as_list())) {
        Some((_, Some(list))) => list.items.iter().map(|item| &**item).collect(),
        Some((node, None)) => {
            context.wrong(file, "`dependencies`", "a list", node);
            Vec::new()
        }
        None => Vec::new(),
    };
    let texts = |list: &[&Node]| -> BTreeSet<String> {
        list.iter().filter_map(|node| node.as_scalar()).map(|scalar| scalar.text.clone()).collect()
    };
    if let Some(node) = declared.filter(|_| !extra.is_empty() && texts(&own_list) != texts(extra)) {
        let message =
            format!("`{}` depends on other steps than the map `dependencies` says: both hold", own.called);
        context.draft.warn(codes::NEARLY, file.at(node.place), message);
    }
    for node in own_list.iter().chain(extra) {
        let Some(step) = context.text(file, "a dependency", node) else { continue };
        let at = file.at(node.place);
        if step == own.called {
            context.draft.error(codes::GRAPH, at, format!("the step `{step}` depends on itself"));
        } else if let Some(task) = steps.get(&step) {
            needs.insert(task.to_owned(), Edge::Declared);
        } else {
            let message = format!("`{}` depends on the step `{step}`, which does not exist", own.called);
            let hint = steps
                .nearest(&step)
                .map_or("remove the dependency".to_owned(), |near| format!("did you mean `{near}`?"));
            context.draft.error_hint(codes::GRAPH, at, message, hint);
        }
    }
    needs
}

/// Reads what a step does.
pub(super) fn action(
    file: &File<'_>,
    own: &Named<'_>,
    fields: &mut Fields<'_>,
    context: &mut Context<'_>,
) -> Option<String> {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut part = |key: &'static str| {
        let found = match fields.get(key) {
            Some(node) => context.text(file, &format!("`{key}`"), node)?,
            None => String::new(),
        };
        let is_name =
            |text: &str| text.split('.').all(|part| !part.is_empty() && part.chars().all(is_letter));
        if found.is_empty() {
            let message = format!("the step `{}` has no `{key}`", own.called);
            context.draft.error(codes::FIELD, own.at.clone(), message);
        } else if !is_name(&found) {
            let message =
                format!("`{found}` cannot be the `{key}` of a step: it has letters, digits, `_` and points");
            context.draft.error(codes::FIELD, own.at.clone(), message);
            return None;
        }
        Some(found).filter(|found| !found.is_empty())
    };
    let (module, action) = (part("module"), part("action"));
    Some(format!("{}.{}", module?, action?))
}

/// Reads the parameters of a step, with the references in them.
pub(super) fn parameters(
    file: &File<'_>,
    (own, node): (&Named<'_>, &Node),
    steps: &Steps,
    (needs, inputs): (&mut Needs, &mut Inputs),
    context: &mut Context<'_>,
) -> Option<Vec<(String, Value)>> {
    let Some(map) = node.as_map() else {
        context.wrong(file, "`parameters`", "a map", node);
        return None;
    };
    let mut with = Vec::new();
    let mut found = Inputs::default();
    for entry in &map.entries {
        if let Err(error) = Name::new(&entry.key.text) {
            let message =
                format!("the parameter `{}` cannot be the name of an input: {error}", entry.key.text);
            context.draft.error(codes::FIELD, file.at(entry.key.place), message);
        }
        let data = data(file, (own, &entry.value), steps, (needs, &mut found), context);
        with.push((entry.key.text.clone(), data));
    }
    let own_names: BTreeSet<&str> = map.entries.iter().map(|entry| entry.key.text.as_str()).collect();
    for (input, ()) in found {
        if own_names.contains(input.as_str()) && context.dialect == Dialect::Package {
            let message = format!(
                "`{input}` is a parameter of `{}` and of the workflow: here that of the step counts",
                own.called
            );
            context.draft.note(own.at.clone(), message);
        }
        inputs.insert(input, ());
    }
    Some(with)
}

/// Reads any data, with the references in its texts.
fn data(
    file: &File<'_>,
    (own, node): (&Named<'_>, &Node),
    steps: &Steps,
    (needs, inputs): (&mut Needs, &mut Inputs),
    context: &mut Context<'_>,
) -> Value {
    match &node.kind {
        Kind::List(list) => {
            list.items.iter().map(|item| data(file, (own, item), steps, (needs, inputs), context)).collect()
        }
        Kind::Map(map) => {
            let entries = map.entries.iter().map(|entry| {
                let value = data(file, (own, &entry.value), steps, (needs, inputs), context);
                (entry.key.text.clone(), value)
            });
            Value::Object(entries.collect())
        }
        Kind::Scalar(scalar) => {
            let Some(text) = scalar.as_text() else { return scalar.value() };
            match translate(text, steps) {
                Ok(translated) => {
                    for task in &translated.tasks {
                        if *task == own.task {
                            let message = format!("the step `{}` refers to its own output", own.called);
                            context.draft.error(codes::GRAPH, file.at(node.place), message);
                        }
                        needs.entry(task.clone()).or_insert(Edge::Inferred);
                    }
                    for reference in &translated.documented {
                        let message = format!(
                            "`{{{{{reference}}}}}` stands in the guides only: it becomes a field of the output"
                        );
                        context.draft.warn(codes::NEARLY, file.at(node.place), message);
                    }
                    for reference in &translated.unknown {
                        let message = format!("`{reference}` names no step: it stays as it is written");
                        context.draft.warn(codes::NO_EQUAL, file.at(node.place), message);
                    }
                    inputs.extend(translated.inputs.into_iter().map(|input| (input, ())));
                    translated.text.into()
                }
                Err((message, hint)) => {
                    let at = file.at(node.place);
                    match hint {
                        Some(hint) => context.draft.error_hint(codes::REFERENCE, at, message, hint),
                        None => context.draft.error(codes::REFERENCE, at, message),
                    }
                    Value::Null
                }
            }
        }
        Kind::Alias(_) | Kind::Broken => Value::Null,
    }
}

/// Reads how often a step is tried and how long it may take. What is not said is `retries`, and a pause of `delay_ms`.
pub(super) fn limits(
    file: &File<'_>,
    fields: &mut Fields<'_>,
    (retries, delay_ms): (u64, u64),
    context: &mut Context<'_>,
) -> Option<Limits> {
    let retries = match fields.get("max_retries") {
        None => Some(retries),
        Some(node) => {
            let count =
                node.as_scalar().and_then(|scalar| scalar.value().as_u64()).filter(|count| *count < 1 << 30);
            if count.is_none() {
                context.wrong(file, "`max_retries`", "an integer of at least 0", node);
            }
            count
        }
    };
    let timeout = match fields.get("timeout") {
        None => Some(None),
        Some(node) => milliseconds(file, "`timeout`", node, context).map(|ms| {
            if ms == 0 {
                context
                    .draft
                    .note(file.at(node.place), "`timeout` of 0 is left out: codomyrmex takes it for none");
            }
            Some(ms).filter(|ms| *ms > 0)
        }),
    };
    Some(Limits { attempts: retries? + 1, delay_ms, timeout_ms: timeout? })
}

/// Reads seconds, which may be fractions.
pub(super) fn milliseconds(
    file: &File<'_>,
    what: &str,
    node: &Node,
    context: &mut Context<'_>,
) -> Option<u64> {
    let seconds = node.as_scalar().and_then(|scalar| scalar.value().as_f64());
    let Some(seconds) = seconds.filter(|seconds| (0.0..=SECONDS_MAX).contains(seconds)) else {
        context.wrong(file, what, "a number of seconds, at least 0", node);
        return None;
    };
    let ms = (seconds * 1000.0).round();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is in bounds, as just checked"
    )]
    let whole = ms as u64;
    Some(if whole == 0 && seconds > 0.0 { 1 } else { whole })
}

/// Passes over fields that codomyrmex writes while it executes. Those that are null say nothing.
pub(super) fn runtime(
    file: &File<'_>,
    fields: &mut Fields<'_>,
    keys: &[&'static str],
    context: &mut Context<'_>,
) {
    for key in keys {
        if let Some(entry) = fields.entry(key).filter(|entry| !entry.value.is_null()) {
            let message = format!("`{key}` is left out: it is what an execution left");
            context.draft.note(file.at(entry.key.place), message);
        }
    }
}

/// Reports the fields that have no meaning here.
pub(super) fn unknown(file: &File<'_>, fields: &Fields<'_>, what: &str, context: &mut Context<'_>) {
    for entry in fields.rest() {
        let message = format!("`{}` of {what} has no equal and is left out", entry.key.text);
        context.draft.warn(codes::NO_EQUAL, file.at(entry.key.place), message);
    }
}

/// Reports steps that depend on each other in a circle, with all that are in it.
pub(super) fn refuse_cycles(steps: &[Step], context: &mut Context<'_>) {
    let needs = |step: &Step| -> Vec<String> { step.needs.keys().cloned().collect() };
    let all: BTreeMap<String, Vec<String>> =
        steps.iter().map(|step| (step.name.clone(), needs(step))).collect();
    let is_known = |need: &&String| all.contains_key(*need);
    let mut left: BTreeMap<&str, usize> =
        all.iter().map(|(name, needs)| (name.as_str(), needs.iter().filter(is_known).count())).collect();
    let mut after: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, needs) in &all {
        for need in needs {
            after.entry(need).or_default().push(name);
        }
    }
    let mut free: Vec<&str> = left.iter().filter(|(_, count)| **count == 0).map(|(name, _)| *name).collect();
    while let Some(name) = free.pop() {
        left.remove(name);
        for next in after.get(name).into_iter().flatten() {
            let count = left.get_mut(next).expect("what needs one that is removed now is left");
            *count -= 1;
            free.extend((*count == 0).then_some(*next));
        }
    }
    let open: BTreeMap<&str, &Vec<String>> = all
        .iter()
        .filter(|(name, _)| left.contains_key(name.as_str()))
        .map(|(name, own)| (name.as_str(), own))
        .collect();
    // What is left needs something in a circle; going back from any of it leads into one.
    let Some(mut at) = open.keys().next().copied() else { return };
    let mut way = vec![at];
    let circle = loop {
        let Some(next) = open[at].iter().map(String::as_str).find(|need| open.contains_key(need)) else {
            return;
        };
        if let Some(begin) = way.iter().position(|own| *own == next) {
            break way.split_off(begin);
        }
        way.push(next);
        at = next;
    };
    if circle.len() < 2 {
        // A step that needs itself was reported where it says so.
        return;
    }
    let Some(step) = steps.iter().find(|step| step.name == circle[0]) else { return };
    let names: Vec<String> = circle.iter().chain([&circle[0]]).map(|name| format!("`{name}`")).collect();
    let message = format!("steps depend on each other in a circle: {}", names.join(" needs "));
    context.draft.error_hint(codes::GRAPH, step.origin.clone(), message, "remove one of these dependencies");
}
