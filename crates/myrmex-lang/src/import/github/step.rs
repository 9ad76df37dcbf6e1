//! Steps of a job become the tasks of its flow.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::{Map, Value, json};

use super::expression::{Asked, Scope, When, set_by_github};
use crate::import::Draft;
use crate::import::flow::{Task, about, fails, seconds};
use crate::import::foreign::{Item, shown};
use crate::import::names::Names;
use crate::import::shell::{give, with_variables};
use crate::import::template::{escaped, pieces};

/// Actions that only prepare the machine: here the tools and the files are there already.
const PREPARING: [(&str, &str); 3] = [
    ("actions/checkout", "a run works in the workspace, whose files are there"),
    ("actions/setup-", "what it installs must be on this machine"),
    ("actions/cache", "what an earlier run left in the workspace is there"),
];

/// What the steps of a job have in common.
pub(super) struct Shared<'a> {
    pub(super) asked: &'a Asked,
    /// The shell of steps that do not name one.
    pub(super) shell: Option<String>,
    pub(super) workdir: Option<String>,
}

/// What the steps of a job became.
#[derive(Debug, Default)]
pub(super) struct Steps {
    /// What runs one after the other.
    pub(super) tasks: Vec<(String, Task)>,
    /// What runs if one of those failed.
    pub(super) on_failure: Vec<Value>,
    /// What runs in any case.
    pub(super) finally: Vec<Value>,
    /// What was not translated.
    pub(super) missing: Vec<String>,
}

/// Reads the steps of a job. The scope knows their ids afterwards.
pub(super) fn read(steps: &[Item<'_>], scope: &mut Scope, shared: &Shared<'_>, draft: &mut Draft) -> Steps {
    let (mut names, mut read) = (Names::default(), Steps::default());
    for step in steps {
        let (id, title) =
            (step.get("id").and_then(|id| id.text()), step.get("name").and_then(|name| name.text()));
        let called = id.clone().or_else(|| title.clone().map(|title| slug(&title)));
        let called = called.filter(|called| !called.is_empty()).unwrap_or_else(|| "step".to_owned());
        if let Some((action, why)) = preparing(step) {
            step.nearly(draft, format!("the step with `{action}` is left out: {why}"));
            if let Some(with) = step.get("with") {
                with.leave_out(draft, "it belongs to an action that is left out");
            }
            continue;
        }
        let name = names.unique(&called);
        let when = one(step, &name, title, (scope, shared), &mut read, draft);
        if when == When::Succeeded {
            if let Some(id) = id {
                Rc::make_mut(&mut scope.steps).insert(id, name);
            }
            if !(read.finally.is_empty() && read.on_failure.is_empty()) {
                let message = "the steps before this one with `always()` or `failure()` run after all others of their job";
                step.nearly(draft, message);
            }
        }
    }
    read
}

/// Makes a name of a title.
fn slug(title: &str) -> String {
    let words =
        title.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-").to_ascii_lowercase()
}

/// Returns the action of a step that only prepares the machine, and why it is not needed.
fn preparing(step: &Item<'_>) -> Option<(String, &'static str)> {
    let uses = step.get("uses")?;
    let action = uses.text()?;
    let (_, why) = PREPARING.iter().find(|(prefix, _)| action.starts_with(prefix))?;
    Some((action, why))
}

/// Reads a step, and returns when it runs.
fn one(
    step: &Item<'_>,
    name: &str,
    title: Option<String>,
    (scope, shared): (&Scope, &Shared<'_>),
    read: &mut Steps,
    draft: &mut Draft,
) -> When {
    let mut task = Task::new();
    if let Some(title) = title {
        task.insert("description".to_owned(), about(&title));
    }
    let mut when = When::Succeeded;
    if let Some(condition) = step.get("if")
        && let Some(text) = condition.text()
    {
        match scope.condition(&text, shared.asked) {
            Ok((own, rest)) => {
                when = own;
                task.extend(rest.map(|rest| ("if".to_owned(), json!(rest))));
            }
            Err(problem) => {
                condition.leave_out(draft, &problem);
                read.missing.push(format!("the condition of the step `{name}`: {problem}"));
            }
        }
    }
    match body(step, scope, shared, draft) {
        Ok(body) => task.extend(body),
        Err(problem) => {
            let message = format!("the step `{name}` is not translated: {problem}");
            draft.warn(crate::import::codes::NO_EQUAL, step.at(), message);
            read.missing.push(format!("the step `{name}`: {problem}"));
            task.extend(fails(&problem));
        }
    }
    rules(step, &mut task, draft);
    match when {
        When::Succeeded => read.tasks.push((name.to_owned(), task)),
        When::Always => read.finally.push(named(name, task)),
        When::Failed => read.on_failure.push(named(name, task)),
    }
    when
}

fn named(name: &str, task: Task) -> Value {
    let mut member = Task::new();
    member.insert("name".to_owned(), json!(name));
    member.extend(task);
    Value::Object(member)
}

/// Reads what both steps and jobs say about time and failure.
pub(super) fn rules(item: &Item<'_>, task: &mut Task, draft: &mut Draft) {
    if let Some(minutes) = item.get("timeout-minutes").and_then(|own| own.number()).filter(|own| *own > 0.0) {
        task.insert("timeout".to_owned(), json!(seconds(minutes * 60.0)));
    }
    if let Some(flag) = item.get("continue-on-error") {
        match flag.boolean() {
            Some(true) => {
                task.insert("continue_on_error".to_owned(), json!(true));
            }
            Some(false) => {}
            None => flag.leave_out(draft, "whether a failure counts is fixed here"),
        }
    }
}

/// Reads what a step does.
fn body(step: &Item<'_>, scope: &Scope, shared: &Shared<'_>, draft: &mut Draft) -> Result<Task, String> {
    let mut scope = scope.clone();
    let mut env = environment(step, &mut scope, shared.asked)?;
    if let Some(uses) = step.get("uses").and_then(|uses| uses.text()) {
        return Err(format!("the action `{}`", shown(&uses)));
    }
    let Some(script) = step.get("run").and_then(|run| run.text()) else {
        return Err("it has neither `run` nor `uses`".to_owned());
    };
    let shell = step.get("shell").and_then(|shell| shell.text()).or_else(|| shared.shell.clone());
    let (interpreter, is_shell) = interpreter(shell.as_deref())?;
    let cut = pieces(&script, "${{", "}}")?;
    if let Some(set) =
        set_by_github(&script).into_iter().find(|set| ["GITHUB_ENV", "GITHUB_PATH"].contains(set))
    {
        return Err(format!("it sets variables of later steps by `{set}`"));
    }
    let text = with_variables(&cut, |inner| {
        if !is_shell {
            return Err(format!("an expression in a script for `{interpreter}`"));
        }
        let made = scope.expression(inner, shared.asked)?;
        give(&mut env, inner, &made.source)
    })?;
    for set in set_by_github(&text) {
        let value = match set {
            "GITHUB_OUTPUT" => continue,
            "GITHUB_STEP_SUMMARY" => {
                step.nearly(draft, "what the step writes to `GITHUB_STEP_SUMMARY` goes nowhere");
                "/dev/null".to_owned()
            }
            other if env.contains_key(other) || scope.variable(other).is_some() => continue,
            other => {
                let (context, name) = other.split_once('_').unwrap_or((other, ""));
                let called = format!("{}.{}", context.to_lowercase(), name.to_lowercase());
                format!("${{{{ inputs.{} }}}}", shared.asked.input(&called))
            }
        };
        env.insert(set.to_owned(), json!(value));
    }
    let script = escaped(&text.replace("GITHUB_OUTPUT", "MYRMEX_OUTPUT"));
    let mut task = Task::new();
    task.insert("run".to_owned(), json!({"script": script, "interpreter": interpreter}));
    let folder = step.get("working-directory").and_then(|own| own.text()).or_else(|| shared.workdir.clone());
    if let Some(folder) = folder {
        task.insert("workdir".to_owned(), json!(scope.text(&folder, shared.asked)?));
    }
    if !env.is_empty() {
        task.insert("env".to_owned(), Value::Object(env));
    }
    Ok(task)
}

/// Reads the variables that something gives to what is inside of it; the scope knows them afterwards.
///
/// # Errors
///
/// Returns why an expression has no equal.
pub(super) fn environment(
    item: &Item<'_>,
    scope: &mut Scope,
    asked: &Asked,
) -> Result<Map<String, Value>, String> {
    let (mut env, mut known) = (Map::new(), BTreeMap::new());
    for entry in item.get("env").iter().flat_map(Item::entries) {
        let text = match entry.text() {
            Some(text) => scope.text(&text, asked)?,
            // Nothing stands there.
            None if entry.is_null() => String::new(),
            None => continue,
        };
        known.insert(entry.key().to_owned(), text.clone());
        env.insert(entry.key().to_owned(), json!(text));
    }
    scope.env.push(Rc::new(known));
    Ok(env)
}

/// Returns what reads a script, and whether it is a shell.
fn interpreter(shell: Option<&str>) -> Result<(String, bool), String> {
    Ok(match shell {
        None => ("bash -e".to_owned(), true),
        Some("bash") => ("bash --noprofile --norc -eo pipefail".to_owned(), true),
        Some("sh") => ("sh -e".to_owned(), true),
        Some("python") => ("python3".to_owned(), false),
        Some(other) => {
            let own =
                other.strip_suffix("{0}").map(str::trim).filter(|own| !own.contains('{') && !own.is_empty());
            let own = own.ok_or_else(|| format!("the shell `{}`", shown(other)))?;
            let is_shell = own.split([' ', '/']).any(|word| ["sh", "bash", "dash", "zsh"].contains(&word));
            (own.to_owned(), is_shell)
        }
    })
}
