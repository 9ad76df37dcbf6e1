//! Actions: what steps do becomes a library, by a map that says which task stands for each.
//!
//! An action that is not mapped becomes one that fails, and a workflow that uses it gets a task before all others that fails at
//! once. So every file checks, and nothing is begun of a workflow that cannot be done whole.

use std::collections::{BTreeMap, BTreeSet};

use myrmex_model::OrderedMap;
use myrmex_model::diagnostic::{Severity, Span};
use serde_json::{Map, Value, json};

use super::flow::Flow;
use super::reference::field;
use crate::import::names::Names;
use crate::import::page::Page;
use crate::import::{Draft, Drafted, checked, codes, span, value};
use crate::tree::{self, Place};
use crate::{Beside, Source};

/// The library that all actions stand in.
pub(super) const LIBRARY: &str = "codomyrmex";

/// The action that fails before all else where actions are not mapped. It is no name of another one: those hold a `-`.
pub(super) const GUARD: &str = "unmapped_actions";

/// The variable in which a process finds its parameters, as JSON.
const PARAMETERS: &str = "MYRMEX_PARAMETERS";

/// Calls a function of Python with the parameters, and gives what it returned under `value`.
const SHIM: &str = r#"import importlib, json, os
module, _, name = os.environ["MYRMEX_FUNCTION"].partition(":")
function = importlib.import_module(module)
for part in name.split("."):
    function = getattr(function, part)
value = function(**json.loads(os.environ["MYRMEX_PARAMETERS"]))
with open(os.environ["MYRMEX_OUTPUT"], "w") as output:
    json.dump({"value": value}, output)
"#;

/// The actions of all workflows.
#[derive(Debug, Default)]
pub(super) struct Actions {
    /// What the map says, by `MODULE.ACTION`.
    mapped: OrderedMap<String, Mapped>,
    used: BTreeMap<String, Used>,
}

/// What the map says of an action.
#[derive(Debug)]
struct Mapped {
    body: Value,
    at: Span,
}

/// An action that steps use.
#[derive(Debug)]
struct Used {
    /// How many steps use it.
    count: usize,
    /// The first of them.
    at: Span,
    /// How many of them give each parameter.
    given: BTreeMap<String, usize>,
    /// The parameters that one of them gives as null.
    nulls: BTreeSet<String>,
    /// What it is called in the library.
    name: String,
    /// What stands in the library; none if it is not mapped.
    body: Option<Map<String, Value>>,
}

impl Actions {
    /// Reads the map.
    pub(super) fn read(map: Option<&Source>, draft: &mut Draft) -> Self {
        let mut actions = Self::default();
        let Some(source) = map else { return actions };
        let (tree, problems) = tree::parse_source(source);
        for problem in problems.iter().filter(|problem| problem.severity == Severity::Error) {
            draft.error(
                codes::FILE,
                problem.span.clone(),
                format!("the map cannot be read: {}", problem.message),
            );
        }
        let root = tree.root.filter(|_| problems.is_empty());
        let Some(root) = root.as_ref().and_then(|root| root.as_map()) else { return actions };
        for entry in root
            .entries
            .iter()
            .filter(|entry| entry.key.text != "actions" && !entry.key.text.starts_with("x-"))
        {
            let message = format!("`{}` has no meaning in a map: it holds `actions`", entry.key.text);
            draft.error(codes::FIELD, span(source, entry.key.place), message);
        }
        let Some(entries) = root.entry("actions").and_then(|entry| entry.value.as_map()) else {
            draft.error(
                codes::FIELD,
                span(source, Place::default()),
                "the map has no `actions`, a map from `MODULE.ACTION` to tasks",
            );
            return actions;
        };
        for entry in &entries.entries {
            let at = span(source, entry.key.place);
            if entry.value.as_map().is_none() || !entry.key.text.contains('.') {
                let message = format!(
                    "`{}` must name an action as `MODULE.ACTION`, with a task behind it",
                    entry.key.text
                );
                draft.error(codes::FIELD, at, message);
                continue;
            }
            actions.mapped.insert(entry.key.text.clone(), Mapped { body: value(&entry.value), at });
        }
        actions
    }

    /// Takes down what the steps of a workflow use.
    pub(super) fn uses(&mut self, flow: &Flow) {
        for step in &flow.steps {
            let used = self.used.entry(step.action.clone()).or_insert_with(|| Used {
                count: 0,
                at: step.origin.clone(),
                given: BTreeMap::new(),
                nulls: BTreeSet::new(),
                name: String::new(),
                body: None,
            });
            used.count += 1;
            for (name, value) in &step.with {
                *used.given.entry(name.clone()).or_default() += 1;
                if value.is_null() {
                    used.nulls.insert(name.clone());
                }
            }
        }
    }

    /// Decides what each used action becomes, and reports those that are not mapped.
    pub(super) fn settle(&mut self, draft: &mut Draft) {
        let mut names = Names::default();
        for (action, used) in &mut self.used {
            used.name = names.unique(&action.replace('.', "-"));
            let times = if used.count == 1 { "once".to_owned() } else { format!("{} times", used.count) };
            let Some(mapped) = self.mapped.get(action) else {
                let message = format!(
                    "the action `{action}`, used {times}, is not mapped: workflows with it fail at their start"
                );
                draft.push(
                    myrmex_model::diagnostic::Diagnostic::warning(codes::UNMAPPED, used.at.clone(), message)
                        .with_hint(format!(
                            "write `{action}: {{run: …}}` under `actions:` of a map, and give it with `--map`"
                        )),
                );
                continue;
            };
            match settled(action, &mapped.body, used) {
                Ok(body) => used.body = Some(body),
                Err(problem) => {
                    let message = format!(
                        "the task for `{action}` does not check, so the action counts as not mapped: {problem}"
                    );
                    draft.warn(codes::UNMAPPED, mapped.at.clone(), message);
                }
            }
            for name in used.nulls.iter().filter(|name| used.given[*name] < used.count) {
                let message = format!(
                    "`{name}` of `{action}` is null in one step and missing in another: both are missing"
                );
                draft.warn(codes::NEARLY, used.at.clone(), message);
            }
        }
        for (action, mapped) in self.mapped.iter().filter(|(action, _)| !self.used.contains_key(*action)) {
            draft.note(mapped.at.clone(), format!("no step uses the action `{action}`"));
        }
    }

    /// Whether an action is mapped.
    pub(super) fn is_mapped(&self, action: &str) -> bool {
        self.used.get(action).is_some_and(|used| used.body.is_some())
    }

    /// Returns what an action is called in the library.
    pub(super) fn name(&self, action: &str) -> &str {
        self.used.get(action).map_or("", |used| used.name.as_str())
    }

    /// Returns how many actions are used.
    pub(super) fn used(&self) -> usize {
        self.used.len()
    }

    /// Returns how many of them are not mapped.
    pub(super) fn unmapped(&self) -> usize {
        self.used.values().filter(|used| used.body.is_none()).count()
    }

    /// Writes the library, if anything is used.
    pub(super) fn write(&self, draft: &mut Draft) {
        let Some(origin) = self.used.values().next().map(|used| used.at.clone()) else { return };
        let mut page = Page::default();
        page.comment(
            "What the steps from codomyrmex do. Change the map and import again, rather than this file.",
        );
        page.section("actions");
        for (action, used) in &self.used {
            write(&mut page, used, &used.body.clone().unwrap_or_else(|| missing(action, used)));
        }
        if self.unmapped() > 0 {
            page.entry(GUARD, &guard());
        }
        draft.library(LIBRARY, page.finish(), origin);
    }
}

fn write(page: &mut Page, used: &Used, body: &Map<String, Value>) {
    let keys: Vec<(&str, Value, Option<&str>)> =
        body.iter().map(|(key, value)| (key.as_str(), value.clone(), None)).collect();
    page.entry(&used.name, &keys);
}

/// Writes an action that is mapped, and checks it alone.
///
/// # Errors
///
/// Returns what is wrong with it.
fn settled(action: &str, body: &Value, used: &Used) -> Result<Map<String, Value>, String> {
    let mut own = body.as_object().cloned().unwrap_or_default();
    let declared = match own.shift_remove("inputs") {
        Some(Value::Object(declared)) => declared,
        Some(Value::Null) | None => Map::new(),
        Some(Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
            return Err("`inputs` must be a map".to_owned());
        }
    };
    let inputs = inputs(used, declared, &own);
    if own.get("set").is_some_and(Value::is_null) {
        // Null behind a key says that nothing is there.
        own.insert("set".to_owned(), json!("${{ none }}"));
    }
    python(&mut own, used)?;
    process(&mut own, used)?;
    let mut whole = head(action, own.shift_remove("version"));
    if !inputs.is_empty() {
        whole.insert("inputs".to_owned(), Value::Object(inputs));
    }
    whole.extend(own);
    let mut page = Page::default();
    page.section("actions");
    write(&mut page, used, &whole);
    let file =
        Drafted { path: format!("actions/{LIBRARY}.yaml"), text: page.finish(), origin: used.at.clone() };
    checked(&file, &Beside::default()).map(|_| whole)
}

/// Writes an action that is not mapped. What it would give is not known, so it is a process: the output of a `fail` could not be
/// referred to.
fn missing(action: &str, used: &Used) -> Map<String, Value> {
    let mut whole = head(action, None);
    let inputs = inputs(used, Map::new(), &Map::new());
    if !inputs.is_empty() {
        whole.insert("inputs".to_owned(), Value::Object(inputs));
    }
    let script = "echo \"the codomyrmex action $1 is not mapped\" >&2; exit 78";
    whole.insert("run".to_owned(), json!({ "command": ["sh", "-c", script, "sh", action] }));
    whole.insert("env".to_owned(), json!({ PARAMETERS: used.parameters() }));
    whole
}

/// Writes what fails before all else where actions are not mapped: nothing is done of a workflow that cannot be done whole.
fn guard() -> Vec<(&'static str, Value, Option<&'static str>)> {
    let fail = json!({
        "type": "configuration",
        "title": "not mapped: ${{ inputs.actions | join(', ') }}",
        "detail": "write a task for each into a map, and import again with `--map`",
    });
    vec![
        ("version", json!("1.0.0"), None),
        ("description", json!("Fails before all else where actions are not mapped"), None),
        ("inputs", json!({"actions": {"type": "array"}}), None),
        ("fail", fail, None),
    ]
}

fn head(action: &str, version: Option<Value>) -> Map<String, Value> {
    let mut head = Map::new();
    head.insert("version".to_owned(), version.unwrap_or_else(|| json!("1.0.0")));
    head.insert("x-codomyrmex".to_owned(), json!({ "action": action }));
    head
}

/// Adds to the inputs that an action declares itself those that steps give or its task reads.
fn inputs(used: &Used, declared: Map<String, Value>, own: &Map<String, Value>) -> Map<String, Value> {
    let mut inputs = declared;
    let mut read = BTreeSet::new();
    mentioned(&Value::Object(own.clone()), &mut read);
    for name in used.given.keys().cloned().chain(read) {
        let is_required = used.is_required(&name);
        inputs.entry(name).or_insert_with(|| {
            if is_required { json!({"type": "any"}) } else { json!({"type": "any", "required": false}) }
        });
    }
    inputs
}

impl Used {
    /// Whether every step gives a parameter.
    fn is_required(&self, name: &str) -> bool {
        self.given.get(name) == Some(&self.count)
    }

    /// Writes an expression of all parameters that a step gives, as a map.
    fn parameters(&self) -> String {
        let parts = self.given.keys().map(|name| format!("'{name}': inputs{}", field(name)));
        let map = format!("{{{}}}", parts.collect::<Vec<_>>().join(", "));
        let (always, others): (Vec<&String>, Vec<&String>) =
            self.given.keys().partition(|name| self.is_required(name));
        if others.is_empty() {
            return format!("${{{{ {map} }}}}");
        }
        // An input that a step did not give is null; the process must not see it at all.
        let keeps: Vec<String> = always.iter().map(|name| format!(".key == \"{name}\"")).collect();
        let keeps = [vec![".value != null".to_owned()], keeps].concat().join(" or ");
        format!("${{{{ {map} | jq('with_entries(select({keeps}))') }}}}")
    }
}

/// Finds the inputs that texts mention.
fn mentioned(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            for rest in text.split("inputs.").skip(1) {
                let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
                found.extend((end > 0).then(|| rest[..end].to_owned()));
            }
        }
        Value::Array(items) => items.iter().for_each(|item| mentioned(item, found)),
        Value::Object(map) => map.values().for_each(|item| mentioned(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Writes out `python`: a script that calls the function, and a task that gives what it returned.
fn python(own: &mut Map<String, Value>, used: &Used) -> Result<(), String> {
    let Some(function) = own.shift_remove("python") else { return Ok(()) };
    let Some(function) = function.as_str().filter(|text| text.contains(':')) else {
        return Err("`python` must be `MODULE:FUNCTION`".to_owned());
    };
    if own.contains_key("try") {
        return Err("`python` becomes a `try`, so no other one can stand beside it".to_owned());
    }
    let call = json!({
        "name": "call",
        "run": {"script": SHIM, "interpreter": "python3"},
        "env": {"MYRMEX_FUNCTION": function, PARAMETERS: used.parameters()},
    });
    let give = json!({"name": "give", "set": "${{ tasks.call.output.value }}"});
    own.insert("try".to_owned(), json!([call, give]));
    Ok(())
}

/// Gives a process its parameters: in a variable, and to programs and shell texts also on standard input.
fn process(own: &mut Map<String, Value>, used: &Used) -> Result<(), String> {
    let Some(run) = own.get_mut("run") else { return Ok(()) };
    match run {
        Value::String(text) if text.contains("${{") => {
            return Err("an expression in the text of `run`: give it by `env`".to_owned());
        }
        Value::String(text) => {
            let piped = format!("printf %s \"${PARAMETERS}\" | sh -e -c \"$1\"");
            *run = json!({"command": ["sh", "-c", piped, "sh", text]});
        }
        Value::Object(map) => {
            // All else that stands there stays, so that its check sees it.
            if let Some(Value::Array(words)) = map.get_mut("command") {
                let piped = format!("printf %s \"${PARAMETERS}\" | \"$@\"");
                words.splice(..0, ["sh", "-c", &piped, "sh"].map(Value::from));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {}
    }
    let env = own.entry("env").or_insert_with(|| json!({}));
    let Some(env) = env.as_object_mut() else { return Err("`env` must be a map".to_owned()) };
    env.entry(PARAMETERS).or_insert_with(|| used.parameters().into());
    Ok(())
}
