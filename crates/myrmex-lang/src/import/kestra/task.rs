//! Tasks of Kestra: those that run something, and those that hold others.

use serde_json::{Map, Value, json};

use super::expression::{Scope, duration};
use crate::import::flow::{Body, Task, about, fails, seconds};
use crate::import::foreign::{Item, shown};
use crate::import::names::Names;
use crate::import::shell::{give, with_variables};
use crate::import::template::{escaped, pieces};
use crate::import::{Draft, codes};

/// What all tasks of a flow are read with.
pub(super) struct Reader<'r> {
    /// The names of all tasks: there an id is unique in the whole flow.
    pub(super) names: &'r mut Names,
    /// What was not translated.
    pub(super) missing: &'r mut Vec<String>,
    pub(super) draft: &'r mut Draft,
    /// How many more tasks are read.
    pub(super) left: usize,
}

/// The most tasks of a flow: what each may read is copied for those inside of it.
pub(super) const TASKS_MAX: usize = 2_000;

/// Where lists of tasks may stand inside of a task, for what is done about a failure and in the end.
const HANDLERS: [(&str, &str); 2] = [("errors", "on_failure"), ("finally", "finally")];

impl Reader<'_> {
    /// Reads tasks that run one after the other. The scope knows them afterwards.
    pub(super) fn list(&mut self, items: &[Item<'_>], scope: &mut Scope) -> Vec<(String, Task)> {
        let mut tasks = Vec::new();
        for item in items {
            let id = item.get("id").and_then(|id| id.text()).unwrap_or_else(|| "task".to_owned());
            if item.get("disabled").and_then(|own| own.boolean()) == Some(true) {
                item.leave_out(self.draft, format!("the task `{}` is disabled there", shown(&id)));
                continue;
            }
            let Some(left) = self.left.checked_sub(1) else {
                item.error(
                    self.draft,
                    codes::FIELD,
                    format!("a flow has at most {TASKS_MAX} tasks: the rest is left out"),
                );
                self.missing.push("tasks of which there are too many".to_owned());
                break;
            };
            self.left = left;
            let name = self.names.unique(&id);
            let task = self.one(item, &name, scope);
            let gives_value = task.get("set").is_some_and(|set| set.get("value").is_some());
            scope.tasks.insert(id, (name.clone(), gives_value));
            tasks.push((name, task));
        }
        tasks
    }

    /// Reads tasks as the members of a body.
    pub(super) fn members(&mut self, items: &[Item<'_>], scope: &Scope) -> Value {
        let tasks = self.list(items, &mut scope.clone());
        let named = |(name, task): (String, Task)| {
            let mut member = Task::new();
            member.insert("name".to_owned(), json!(name));
            member.extend(task);
            Value::Object(member)
        };
        tasks.into_iter().map(named).collect()
    }

    fn one(&mut self, item: &Item<'_>, name: &str, scope: &Scope) -> Task {
        let mut task = Task::new();
        if let Some(text) = item.get("description").and_then(|about| about.text()) {
            task.insert("description".to_owned(), about(&text));
        }
        if let Some(condition) = item.get("runIf")
            && let Some(text) = condition.text()
        {
            match scope.condition(&text) {
                Ok(condition) => {
                    task.insert("if".to_owned(), json!(condition));
                }
                Err(problem) => {
                    condition.leave_out(self.draft, &problem);
                    self.missing.push(format!("the condition of `{name}`: {problem}"));
                }
            }
        }
        let kind = item.get("type").and_then(|kind| kind.text()).unwrap_or_default();
        match self.body(item, &kind, scope, &mut task) {
            Ok(()) => {}
            Err(problem) => {
                let message = format!("the task `{name}` is not translated: {problem}");
                self.draft.warn(codes::NO_EQUAL, item.at(), message);
                self.missing.push(format!("the task `{name}`: {problem}"));
                task.extend(fails(&problem));
            }
        }
        rules(item, &mut task, self.draft);
        for (key, own) in HANDLERS {
            if let Some(tasks) = item.get(key) {
                let members = self.members(&tasks.items(), scope);
                task.insert(own.to_owned(), members);
            }
        }
        task
    }

    fn body(&mut self, item: &Item<'_>, kind: &str, scope: &Scope, task: &mut Task) -> Result<(), String> {
        let (package, short) = kind.rsplit_once('.').unwrap_or(("", kind));
        let text = |key: &str| item.get(key).and_then(|own| own.text());
        let is_script = package.contains(".scripts.");
        match short {
            "Log" => {
                let lines: Result<Vec<String>, String> = item
                    .get("message")
                    .map(|own| own.texts())
                    .unwrap_or_default()
                    .iter()
                    .map(|own| scope.text(own))
                    .collect();
                let words: Vec<String> =
                    ["printf".to_owned(), "%s\\n".to_owned()].into_iter().chain(lines?).collect();
                task.insert("run".to_owned(), json!({ "command": words }));
            }
            "Return" => {
                let value = scope.text(&text("format").unwrap_or_default())?;
                task.insert("set".to_owned(), json!({ "value": value }));
            }
            "Fail" => {
                let title =
                    scope.text(&text("errorMessage").unwrap_or_else(|| "failed on purpose".to_owned()))?;
                task.insert("fail".to_owned(), json!({ "title": title }));
            }
            "Pause" | "Sleep" => {
                let length = text("duration").or_else(|| text("pauseDuration")).or_else(|| text("delay"));
                let length = length.ok_or("it waits for a person")?;
                let length = duration(&length).ok_or_else(|| format!("the duration `{}`", shown(&length)))?;
                task.insert("wait".to_owned(), json!(seconds(length)));
            }
            "Sequential" | "WorkingDirectory" | "AllowFailure" => {
                if short == "AllowFailure" {
                    task.insert("continue_on_error".to_owned(), json!(true));
                }
                let items = item.get("tasks").map(|tasks| tasks.items()).unwrap_or_default();
                self.flow(&items, &scope.inside(None), task)?;
            }
            "Parallel" => self.parallel(item, scope, task)?,
            "ForEach" | "EachSequential" | "EachParallel" => self.for_each(item, short, scope, task)?,
            "If" => self.choice(item, scope, task)?,
            "Switch" => self.switch(item, scope, task)?,
            "Commands" | "Script" if is_script => script(item, package, scope, task)?,
            _ => return Err(format!("the type `{}`", shown(kind))),
        }
        Ok(())
    }

    fn flow(&mut self, items: &[Item<'_>], scope: &Scope, task: &mut Task) -> Result<(), String> {
        let tasks = self.list(items, &mut scope.clone());
        if tasks.is_empty() {
            return Err("it has no tasks".to_owned());
        }
        Body::Flow(tasks).into_block(task);
        Ok(())
    }

    fn parallel(&mut self, item: &Item<'_>, scope: &Scope, task: &mut Task) -> Result<(), String> {
        let items = item.get("tasks").map(|tasks| tasks.items()).unwrap_or_default();
        let mut tasks = Vec::new();
        for own in items {
            // Those beside each other know nothing of each other.
            tasks.extend(self.list(&[own], &mut scope.inside(None)));
        }
        if tasks.is_empty() {
            return Err("it has no tasks".to_owned());
        }
        if let Some(most) = item.get("concurrent").and_then(|most| most.number()).filter(|most| *most >= 1.0)
        {
            task.insert("max_parallel".to_owned(), json!(most.min(1e6)).as_f64().map_or(json!(1), whole));
        }
        Body::Graph(tasks).into_block(task);
        Ok(())
    }

    fn for_each(
        &mut self,
        item: &Item<'_>,
        short: &str,
        scope: &Scope,
        task: &mut Task,
    ) -> Result<(), String> {
        let values = item.get_any(&["values", "value"]).ok_or("it has no `values`")?;
        let list = match values.seen() {
            Some(text) => {
                let made = match pieces(text, "{{", "}}")?.as_slice() {
                    [crate::import::template::Piece::Hole(inner)] => {
                        // A list, or its text as JSON.
                        let source = scope.expression(inner)?;
                        json!(format!(
                            "${{{{ ({source} | from_json) if ({source}) is string else ({source}) }}}}"
                        ))
                    }
                    _ => serde_json::from_str::<Vec<Value>>(text)
                        .map_err(|_| format!("`values: {}`", shown(text)))
                        .and_then(|list| scope.value(&Value::Array(list)))?,
                };
                values.take();
                made
            }
            None => scope.value(&values.value())?,
        };
        let name = format!("value_{}", scope.values.iter().flatten().count() + 1);
        task.insert("for_each".to_owned(), list);
        task.insert("as".to_owned(), json!(name));
        let most = item.get_any(&["concurrencyLimit", "concurrent"]).and_then(|most| most.number());
        let most = most.unwrap_or(if short == "EachParallel" { 0.0 } else { 1.0 });
        if most >= 1.0 {
            task.insert("max_parallel".to_owned(), whole(most.min(1e6)));
        }
        let items = item.get("tasks").map(|tasks| tasks.items()).unwrap_or_default();
        self.flow(&items, &scope.inside(Some(name)), task)
    }

    fn choice(&mut self, item: &Item<'_>, scope: &Scope, task: &mut Task) -> Result<(), String> {
        let condition = item.get("condition").and_then(|own| own.text()).ok_or("it has no `condition`")?;
        let condition = scope.condition(&condition)?;
        let then = item.get("then").map(|own| own.items()).unwrap_or_default();
        let Some(otherwise) = item.get("else") else {
            // A task that is skipped here is passed over.
            let both = match task.get("if").and_then(Value::as_str) {
                Some(own) => format!("({own}) and ({condition})"),
                None => condition,
            };
            task.insert("if".to_owned(), json!(both));
            return self.flow(&then, &scope.inside(None), task);
        };
        let inner = scope.inside(None);
        let cases = json!([
            {"if": condition, "do": self.members(&then, &inner)},
            {"else": {"do": self.members(&otherwise.items(), &inner)}},
        ]);
        task.insert("switch".to_owned(), cases);
        Ok(())
    }

    fn switch(&mut self, item: &Item<'_>, scope: &Scope, task: &mut Task) -> Result<(), String> {
        let value = item.get("value").and_then(|own| own.text()).ok_or("it has no `value`")?;
        let source = match pieces(&value, "{{", "}}")?.as_slice() {
            [crate::import::template::Piece::Hole(inner)] => scope.expression(inner)?,
            _ => return Err(format!("`value: {}`", shown(&value))),
        };
        let inner = scope.inside(None);
        let mut cases = Vec::new();
        for case in item.get("cases").iter().flat_map(Item::entries) {
            let word = crate::import::template::quoted(case.key());
            cases.push(json!({"if": format!("({source} | string) == {word}"), "do": self.members(&case.items(), &inner)}));
        }
        let otherwise = match item.get("defaults") {
            Some(tasks) => self.members(&tasks.items(), &inner),
            None => json!({ "set": null }),
        };
        cases.push(json!({"else": {"do": otherwise}}));
        task.insert("switch".to_owned(), Value::Array(cases));
        Ok(())
    }
}

/// Reads a script or a list of commands.
fn script(item: &Item<'_>, package: &str, scope: &Scope, task: &mut Task) -> Result<(), String> {
    let before = item.get("beforeCommands").map(|own| own.texts()).unwrap_or_default();
    let (own, is_shell) = match item.get("script").and_then(|script| script.text()) {
        Some(script) => (script, package.rsplit('.').next() == Some("shell")),
        None => (item.get("commands").map(|own| own.texts()).unwrap_or_default().join("\n"), true),
    };
    if own.trim().is_empty() {
        return Err("it has no commands".to_owned());
    }
    if !is_shell && !before.is_empty() {
        return Err("`beforeCommands` before a script that no shell reads".to_owned());
    }
    let interpreter = match package.rsplit('.').next() {
        _ if is_shell => None,
        Some("python") => Some("python3"),
        Some("node") => Some("node"),
        Some(_) | None => return Err(format!("a script of `{}`", shown(package))),
    };
    let whole = [&before[..], &[own]].concat().join("\n");
    let mut env = Map::new();
    for entry in item.get("env").iter().flat_map(Item::entries) {
        if let Some(text) = entry.text() {
            env.insert(entry.key().to_owned(), json!(scope.text(&text)?));
        }
    }
    let text = with_variables(&pieces(&whole, "{{", "}}")?, |inner| {
        if interpreter.is_some() {
            return Err("a placeholder in a script that no shell reads".to_owned());
        }
        give(&mut env, inner, &scope.expression(inner)?)
    })?;
    let text = escaped(&text);
    let run =
        interpreter.map_or(json!(text), |interpreter| json!({"script": text, "interpreter": interpreter}));
    task.insert("run".to_owned(), run);
    if !env.is_empty() {
        task.insert("env".to_owned(), Value::Object(env));
    }
    Ok(())
}

/// Reads what a task says about time and failure.
fn rules(item: &Item<'_>, task: &mut Task, draft: &mut Draft) {
    let limit = item.get("timeout").filter(|own| own.seen().is_some_and(|text| duration(text).is_some()));
    if let Some(limit) = limit.and_then(|own| duration(&own.text()?)) {
        task.insert("timeout".to_owned(), json!(seconds(limit)));
    }
    if item.get("allowFailure").and_then(|own| own.boolean()) == Some(true) {
        task.insert("continue_on_error".to_owned(), json!(true));
    }
    let Some(retry) = item.get("retry") else { return };
    let Some(most) = retry.get_any(&["maxAttempts", "maxAttempt"]).and_then(|most| most.count()) else {
        retry.nearly(draft, "without `maxAttempts` nothing is tried again");
        return;
    };
    let mut own = Task::new();
    own.insert("attempts".to_owned(), json!(most));
    let length = |key: &str| {
        let part = retry.get(key).filter(|part| part.seen().is_some_and(|text| duration(text).is_some()))?;
        duration(&part.text()?)
    };
    let delay = length("interval").or_else(|| length("minInterval"));
    own.insert("delay".to_owned(), delay.map_or(json!("0s"), |delay| json!(seconds(delay))));
    let kind = retry.get("type").and_then(|kind| kind.text()).unwrap_or_default();
    let backoff = match kind.as_str() {
        "exponential" => "exponential",
        "constant" => "constant",
        other => {
            retry.nearly(draft, format!("the pauses of `{}` are all the same here", shown(other)));
            "constant"
        }
    };
    own.insert("backoff".to_owned(), json!(backoff));
    if let Some(longest) = length("maxInterval") {
        own.insert("max_delay".to_owned(), json!(seconds(longest)));
    }
    task.insert("retry".to_owned(), Value::Object(own));
}

/// Writes a number without a fraction as an integer.
fn whole(number: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "whoever calls it bounds it")]
    let whole = number as i64;
    json!(whole)
}
