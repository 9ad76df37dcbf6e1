//! Steps of Dagu become tasks.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::words;
use crate::import::Draft;
use crate::import::flow::{Task, about, fails, seconds};
use crate::import::foreign::{Item, shown};
use crate::import::shell::{variable, with_variables};
use crate::import::template::{Piece, Template, escaped, field, quoted, task};

/// What does something else than run a command here.
const OTHER_BODIES: [&str; 20] = [
    "executor",
    "container",
    "call",
    "run",
    "parallel",
    "repeat_policy",
    "repeatPolicy",
    "llm",
    "messages",
    "agent",
    "approval",
    "router",
    "routes",
    "config",
    "ssh",
    "harness",
    "action",
    "with",
    "foreach",
    "value",
];

/// What all steps of a workflow know.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// The inputs, by the names of their variables.
    pub(super) inputs: BTreeSet<String>,
    /// How many inputs are only numbered.
    pub(super) arguments: usize,
    /// The variables with a fixed value.
    pub(super) fixed: BTreeMap<String, String>,
    /// The variables that the shell has to work out, in order, as lines for it.
    pub(super) exports: Vec<(String, String)>,
    /// The variables that steps set, with the task of each.
    pub(super) outputs: BTreeMap<String, String>,
    pub(super) shell: Option<String>,
    pub(super) folder: Option<String>,
}

/// Variables: those with a fixed value, and those that the shell has to work out.
pub(super) type Variables = (BTreeMap<String, String>, Vec<(String, String)>);

/// Reads variables, which are a map, a list of maps, or a list of `NAME=value`.
pub(super) fn variables(env: Option<&Item<'_>>) -> Variables {
    let (mut fixed, mut worked_out) = (BTreeMap::new(), Vec::new());
    for member in env.into_iter().flat_map(Item::items_or_self) {
        let pairs: Vec<(String, String)> = if member.is_map() {
            let entries = member.entries();
            entries.iter().filter_map(|entry| Some((entry.key().to_owned(), entry.text()?))).collect()
        } else {
            let pair = member.seen().and_then(|text| text.split_once('='));
            if pair.is_some() {
                member.take();
            }
            pair.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect()
        };
        for (name, value) in pairs {
            if value.contains(['$', '`']) {
                worked_out.push((name, value));
            } else {
                fixed.insert(name, value);
            }
        }
    }
    (fixed, worked_out)
}

/// Reads what a step does, with its rules. What was not translated is added to `missing`.
pub(super) fn read(
    step: &Item<'_>,
    name: &str,
    known: &Known,
    missing: &mut Vec<String>,
    draft: &mut Draft,
) -> Task {
    let mut own = Task::new();
    let mut text = step.get("description").and_then(|about| about.text());
    if text.is_none()
        && step.get("name").is_some_and(|called| called.text().is_some_and(|called| called != name))
    {
        text = step.get("name").and_then(|called| called.text());
    }
    own.extend(text.map(|text| ("description".to_owned(), about(&text))));
    match body(step, name, known, draft) {
        Ok(body) => own.extend(body),
        Err(problem) => {
            let message = format!("the step `{name}` is not translated: {problem}");
            draft.warn(crate::import::codes::NO_EQUAL, step.at(), message);
            missing.push(format!("the step `{name}`: {problem}"));
            own.extend(fails(&problem));
        }
    }
    rules(step, &mut own, draft);
    if let Some(output) = step.get("output") {
        // Later steps read it by the name of the task.
        own.insert("x-dagu".to_owned(), json!({"output": output.value()}));
    }
    own
}

/// Reads the commands of a step.
fn body(step: &Item<'_>, name: &str, known: &Known, draft: &mut Draft) -> Result<Task, String> {
    let kind = step.get("type").and_then(|kind| kind.text());
    if let Some(kind) = kind.filter(|kind| !["command", "shell"].contains(&kind.as_str())) {
        return Err(format!("the type `{}`", shown(&kind)));
    }
    if let Some(other) = OTHER_BODIES.iter().find(|key| step.has(key)) {
        return Err(format!("`{other}`"));
    }
    let command = if step.is_map() { step.get_any(&["command", "cmd"]) } else { Some(step.clone()) };
    let is_list = command.as_ref().is_some_and(Item::is_list);
    let commands = command.as_ref().map(Item::texts).unwrap_or_default();
    if is_list && let Some(command) = &command {
        command.nearly(draft, "a list of commands is run line after line");
    }
    let script = step.get("script").and_then(|script| script.text());
    let shell = step.get("shell").map(|shell| shell.texts().join(" ")).or_else(|| known.shell.clone());
    let (text, interpreter) = match (script, commands.as_slice()) {
        (Some(script), []) => {
            let head = script.lines().next().and_then(|line| line.strip_prefix("#!")).map(str::to_owned);
            let head = head.map(|head| head.trim().trim_start_matches("/usr/bin/env ").to_owned());
            (script, head.or(shell))
        }
        // The command reads the script.
        (Some(script), [command]) => (script, Some(command.clone())),
        (None, [_, ..]) => (commands.join("\n"), shell),
        (Some(_), _) | (None, []) => return Err("it has no command".to_owned()),
    };
    let is_shell = interpreter.as_deref().is_none_or(|own| {
        own.split([' ', '/']).any(|word| ["sh", "bash", "dash", "zsh", "ksh"].contains(&word))
    });
    let (fixed, worked_out) = variables(step.get("env").as_ref());
    let mut env: Map<String, Value> =
        fixed.iter().map(|(name, value)| (name.clone(), json!(escaped(value)))).collect();
    let mut lines = String::new();
    for (name, value) in known.exports.iter().chain(&worked_out) {
        if !is_shell {
            return Err(format!("the variable `{}`, which a shell would work out", shown(name)));
        }
        let value = value.replace('\\', "\\\\").replace('"', "\\\"");
        lines.extend(["export ", name, "=\"", &value, "\"\n"]);
    }
    // The first line of a script may say what reads it.
    let head = text.split_inclusive('\n').next().filter(|line| line.starts_with("#!")).unwrap_or_default();
    let text = format!("{head}{lines}{}", &text[head.len()..]);
    let cut = words::cut(&text, known.arguments);
    if !is_shell && cut.len() > 1 {
        return Err("a variable in a script that no shell reads".to_owned());
    }
    let text = with_variables(&cut, |inner| hole(inner, known, &mut env))?;
    given(&text, (name, known), &mut env);
    let mut own = Task::new();
    let script = escaped(&text);
    let run = match interpreter {
        Some(interpreter) => json!({"script": script, "interpreter": interpreter}),
        None => json!(script),
    };
    own.insert("run".to_owned(), run);
    let folder = step.get_any(&["working_dir", "workingDir", "dir"]).and_then(|own| own.text());
    if let Some(folder) = folder.or_else(|| known.folder.clone()) {
        if folder.contains(['$', '`', '~']) {
            return Err(format!("the folder `{}`, which a shell would work out", shown(&folder)));
        }
        own.insert("workdir".to_owned(), json!(escaped(&folder)));
    }
    if !env.is_empty() {
        own.insert("env".to_owned(), Value::Object(env));
    }
    Ok(own)
}

/// Gives a variable for what a shell does not know.
fn hole(inner: &str, known: &Known, env: &mut Map<String, Value>) -> Result<String, String> {
    let (name, fields) = inner.split_once('.').unwrap_or((inner, ""));
    let source = if fields.is_empty() {
        format!("inputs.param_{name}")
    } else if let Some(from) = known.outputs.get(name) {
        let fields: String = fields.split('.').map(field).collect();
        format!("({}.output.stdout | from_json){fields}", task(from))
    } else if known.inputs.contains(name) {
        let fields: String = fields.split('.').map(field).collect();
        format!("(inputs{} | from_json){fields}", field(name))
    } else {
        return Err(format!("`${{{}}}`", shown(inner)));
    };
    let name = if fields.is_empty() { format!("PARAM_{name}") } else { variable(&inner.replace('.', "_")) };
    env.insert(name.clone(), json!(format!("${{{{ {source} }}}}")));
    Ok(name)
}

/// Gives the variables that steps before this one set and what Dagu says of a run.
fn given(text: &str, (name, known): (&str, &Known), env: &mut Map<String, Value>) {
    for read in words::variables(text) {
        let source = match read {
            "DAG_RUN_ID" => "run.id".to_owned(),
            "DAG_NAME" => "run.workflow".to_owned(),
            other => match known.outputs.get(other).filter(|from| *from != name) {
                Some(from) => format!("{}.output.stdout", task(from)),
                None => continue,
            },
        };
        env.entry(read).or_insert_with(|| json!(format!("${{{{ {source} }}}}")));
    }
}

/// Reads what a step says about time, failure and repetition.
fn rules(step: &Item<'_>, own: &mut Task, draft: &mut Draft) {
    if let Some(limit) =
        step.get_any(&["timeout_sec", "timeoutSec"]).and_then(|own| own.number()).filter(|own| *own > 0.0)
    {
        own.insert("timeout".to_owned(), json!(seconds(limit)));
    }
    if let Some(retry) = step.get_any(&["retry_policy", "retryPolicy"]) {
        own.extend(policy(&retry, draft).map(|retry| ("retry".to_owned(), retry)));
    }
    let Some(goes_on) = step.get_any(&["continue_on", "continueOn"]) else { return };
    let words = if goes_on.is_map() { Vec::new() } else { goes_on.texts() };
    let flag = |key: &str| goes_on.get(key).and_then(|own| own.boolean()).unwrap_or(false);
    let is_marked = ["mark_success", "markSuccess"].iter().any(|key| flag(key));
    for word in words.iter().filter(|word| !["failed", "skipped"].contains(&word.as_str())) {
        goes_on.leave_out(draft, format!("`{}` is no word for when to go on", shown(word)));
    }
    if words.iter().any(|word| word == "failed") || flag("failure") || flag("failed") {
        if !is_marked {
            goes_on
                .nearly(draft, "a failure that is gone on after counts as success, not as partial success");
        }
        own.insert("continue_on_error".to_owned(), json!(true));
    }
}

/// Whether what comes after a step goes on if it was skipped.
pub(super) fn goes_on_skipped(step: &Item<'_>) -> bool {
    let Some(goes_on) = step.get_any(&["continue_on", "continueOn"]) else { return false };
    let by_word = !goes_on.is_map() && goes_on.texts().iter().any(|word| word == "skipped");
    by_word || goes_on.get("skipped").and_then(|own| own.boolean()).unwrap_or(false)
}

/// Reads how often something is tried again.
fn policy(retry: &Item<'_>, draft: &mut Draft) -> Option<Value> {
    let Some(limit) = retry.get("limit").and_then(|limit| limit.number()) else {
        retry.leave_out(draft, "without a fixed `limit` nothing says how often");
        return None;
    };
    let mut own = Task::new();
    own.insert(
        "attempts".to_owned(),
        json!(limit.clamp(0.0, 1e6).round() + 1.0).as_f64().map_or(json!(1), whole),
    );
    let delay =
        retry.get_any(&["interval_sec", "intervalSec"]).and_then(|delay| delay.number()).unwrap_or(0.0);
    own.insert("delay".to_owned(), if delay > 0.0 { json!(seconds(delay)) } else { json!("0s") });
    let backoff = retry.get("backoff");
    let is_growing = backoff.as_ref().is_some_and(|backoff| {
        let factor = backoff.boolean().map(|flag| if flag { 2.0 } else { 0.0 }).or_else(|| backoff.number());
        let factor = factor.unwrap_or(0.0);
        if factor > 1.0 && (factor - 2.0).abs() > f64::EPSILON {
            backoff.nearly(draft, format!("the pause doubles each time, it does not grow {factor} times"));
        }
        factor > 1.0
    });
    own.insert("backoff".to_owned(), json!(if is_growing { "exponential" } else { "constant" }));
    let longest = retry.get_any(&["max_interval_sec", "maxIntervalSec"]).and_then(|own| own.number());
    own.extend(longest.filter(|own| *own > 0.0).map(|own| ("max_delay".to_owned(), json!(seconds(own)))));
    let exit_codes = retry.get_any(&["exit_code", "exit_codes", "exitCode", "exitCodes"]);
    let codes = exit_codes.iter().flat_map(Item::items_or_self);
    let codes = codes.filter(|code| code.seen().is_some_and(|code| code.parse::<u8>().is_ok()));
    let codes: Vec<String> = codes.filter_map(|code| code.text()).collect();
    if !codes.is_empty() {
        own.insert("when".to_owned(), json!(format!("error.exit_code in [{}]", codes.join(", "))));
    }
    Some(Value::Object(own))
}

/// Writes a number without a fraction as an integer.
fn whole(number: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "it was bounded before")]
    let whole = number as i64;
    json!(whole)
}

/// Reads the conditions of a step: what must hold, and the tasks that ask a shell first.
pub(super) fn conditions(
    step: &Item<'_>,
    name: &str,
    known: &Known,
    missing: &mut Vec<String>,
    draft: &mut Draft,
) -> (Option<String>, Vec<Task>) {
    let (mut all, mut asking) = (Vec::new(), Vec::new());
    let conditions = step.get_any(&["preconditions", "precondition"]);
    for condition in conditions.iter().flat_map(Item::items_or_self) {
        let is_map = condition.is_map();
        let text = if is_map {
            condition.get_any(&["condition", "command"]).and_then(|own| own.text())
        } else {
            condition.text()
        };
        let Some(text) = text else {
            condition.leave_out(draft, "nothing says what must hold");
            missing.push(format!("a condition of `{name}`"));
            continue;
        };
        let expected = condition.get("expected").and_then(|expected| expected.text());
        let is_negated = condition.get("negate").and_then(|negate| negate.boolean()).unwrap_or(false);
        let holds = match (expected, words::only_variable(&text).and_then(|name| value(name, known))) {
            (Some(expected), Some(value)) => is_expected(&value, &expected),
            (expected, _) => {
                // A shell says it: what it prints, or whether it succeeds.
                let asks = format!("{name}-precondition-{}", asking.len() + 1);
                let script = if expected.is_some() {
                    format!("printf '%s\\n' \"{}\"", text.replace('"', "\\\""))
                } else {
                    text
                };
                match ask(&script, known) {
                    Ok(task) => asking.push(task),
                    Err(problem) => {
                        condition.leave_out(draft, &problem);
                        missing.push(format!("a condition of `{name}`: {problem}"));
                        continue;
                    }
                }
                match expected {
                    Some(expected) => is_expected(&format!("{}.output.stdout", task(&asks)), &expected),
                    None => format!("{}.error == none", task(&asks)),
                }
            }
        };
        all.push(if is_negated { format!("not ({holds})") } else { holds });
    }
    let all = match all.len() {
        0 => None,
        1 => all.pop(),
        _ => Some(all.iter().map(|one| format!("({one})")).collect::<Vec<_>>().join(" and ")),
    };
    (all, asking)
}

/// Returns an expression for the value of a variable, if it is known without a shell.
fn value(name: &str, known: &Known) -> Option<String> {
    if known.inputs.contains(name) {
        Some(format!("inputs{}", field(name)))
    } else if let Some(from) = known.outputs.get(name) {
        Some(format!("{}.output.stdout", task(from)))
    } else {
        known.fixed.get(name).map(|value| quoted(value))
    }
}

fn is_expected(value: &str, expected: &str) -> String {
    match expected.strip_prefix("re:") {
        Some(pattern) => format!("{value} | regex_match({})", quoted(pattern)),
        None => format!("{value} == {}", quoted(expected)),
    }
}

/// Builds a task that asks a shell, and whose failure only says no.
fn ask(script: &str, known: &Known) -> Result<Task, String> {
    let mut env = Map::new();
    let cut: Vec<Piece<'_>> = words::cut(script, known.arguments);
    let text = with_variables(&cut, |inner| hole(inner, known, &mut env))?;
    given(&text, ("", known), &mut env);
    let mut own = Task::new();
    let mut template = Template::default();
    template.text(&text);
    own.insert("run".to_owned(), json!(template.finish()));
    if !env.is_empty() {
        own.insert("env".to_owned(), Value::Object(env));
    }
    own.insert("continue_on_error".to_owned(), json!(true));
    Ok(own)
}
