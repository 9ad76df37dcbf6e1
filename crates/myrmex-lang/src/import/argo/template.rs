//! Templates of Argo become actions.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::{Map, Value, json};

use super::reference::{Asked, Scope};
use crate::import::flow::{Body, EDGES_MAX, Task, fails, seconds};
use crate::import::foreign::{Item, shown};
use crate::import::names::Names;
use crate::import::shell::{give, with_variables};
use crate::import::template::{escaped, pieces};
use crate::import::{Draft, codes};

/// What all templates of a document are read with.
pub(super) struct Context<'a> {
    pub(super) asked: &'a Asked,
    /// The actions by the names of their templates.
    pub(super) actions: &'a BTreeMap<String, String>,
    pub(super) library: &'a str,
    pub(super) workflow: &'a str,
}

/// What a template does that is not read.
const OTHER_BODIES: [&str; 6] = ["resource", "http", "plugin", "data", "containerSet", "suspend"];

/// Reads a template as an action. What was not translated is added to `missing`.
pub(super) fn read(
    template: &Item<'_>,
    context: &Context<'_>,
    missing: &mut Vec<String>,
    draft: &mut Draft,
) -> Task {
    let name = template.get("name").and_then(|name| name.text()).unwrap_or_default();
    let mut scope = Scope { workflow: context.workflow.to_owned(), ..Scope::default() };
    let mut action = Task::new();
    action.insert("version".to_owned(), json!("1.0.0"));
    let mut inputs = Map::new();
    for parameter in
        template.get("inputs").and_then(|inputs| inputs.get("parameters")).iter().flat_map(Item::items)
    {
        if let Some(name) = parameter.get("name").and_then(|name| name.text()) {
            inputs.insert(name.clone(), schema(&parameter, context, &scope));
            Rc::make_mut(&mut scope.inputs).insert(name);
        }
    }
    if !inputs.is_empty() {
        action.insert("inputs".to_owned(), Value::Object(inputs));
    }
    match body(template, &mut scope, context, missing, draft) {
        Ok(body) => action.extend(body),
        Err(problem) => {
            let message = format!("the template `{}` is not translated: {problem}", shown(&name));
            draft.warn(codes::NO_EQUAL, template.at(), message);
            missing.push(format!("the template `{name}`: {problem}"));
            action.extend(fails(&problem));
            let outputs = output_names(template);
            if !outputs.is_empty() {
                // Others may read them.
                let schemas = outputs.into_iter().map(|name| (name, json!({"type": "string"})));
                action.insert("outputs".to_owned(), Value::Object(schemas.collect()));
            }
        }
    }
    rules(template, &mut action, draft);
    action
}

/// Reads a parameter as an input.
fn schema(parameter: &Item<'_>, context: &Context<'_>, scope: &Scope) -> Value {
    let mut schema = Map::new();
    schema.insert("type".to_owned(), json!("any"));
    if let Some(value) = parameter.get_any(&["value", "default"]).filter(|value| value.seen().is_some()) {
        let text = value.text().unwrap_or_default();
        // A placeholder in a default is given where the template is used.
        let default = scope.text(&text, context.asked).unwrap_or_else(|_| escaped(&text));
        schema.insert("default".to_owned(), json!(default));
    }
    if let Some(options) = parameter.get("enum") {
        schema.insert("enum".to_owned(), json!(options.texts()));
    }
    if let Some(about) = parameter.get("description").and_then(|about| about.text()) {
        schema.insert("description".to_owned(), json!(about));
    }
    Value::Object(schema)
}

fn body(
    template: &Item<'_>,
    scope: &mut Scope,
    context: &Context<'_>,
    missing: &mut Vec<String>,
    draft: &mut Draft,
) -> Result<Task, String> {
    let mut own = Task::new();
    if let Some(groups) = template.get("steps") {
        let groups: Vec<Vec<Item<'_>>> = groups.items().iter().map(Item::items_or_self).collect();
        let tasks = graph(&groups, true, scope, context, missing, draft);
        Body::Graph(tasks?).into_block(&mut own);
    } else if let Some(dag) = template.get("dag") {
        let tasks = dag.get("tasks").map(|tasks| tasks.items()).unwrap_or_default();
        let groups: Vec<Vec<Item<'_>>> = tasks.into_iter().map(|task| vec![task]).collect();
        Body::Graph(graph(&groups, false, scope, context, missing, draft)?).into_block(&mut own);
    } else if let Some(script) = template.get("script") {
        let source =
            script.get("source").and_then(|source| source.text()).ok_or("a script without `source`")?;
        let command = script.get("command").map(|command| command.texts()).unwrap_or_default().join(" ");
        let command = if command.is_empty() { "sh".to_owned() } else { command };
        let is_shell = is_shell(command.split(' ').next().unwrap_or_default());
        process(
            template,
            &script,
            (&source, is_shell),
            scope,
            context,
            &mut own,
            |text| json!({"script": text, "interpreter": command}),
        )?;
    } else if let Some(container) = template.get("container") {
        contained(template, &container, scope, context, &mut own)?;
    } else if let Some(duration) =
        template.get("suspend").and_then(|own| own.get("duration")).and_then(|own| own.text())
    {
        own.insert(
            "wait".to_owned(),
            json!(length(&duration).ok_or_else(|| format!("the duration `{}`", shown(&duration)))?),
        );
    } else {
        let other = OTHER_BODIES.iter().find(|key| template.has(key));
        return Err(
            other.map_or_else(|| "it does nothing that is known".to_owned(), |key| format!("`{key}`"))
        );
    }
    if let Some(most) = template.get("parallelism").and_then(|most| most.count()) {
        own.insert("max_parallel".to_owned(), json!(most));
    }
    if own.contains_key("tasks") {
        let outputs = given(template, scope, context.asked)?;
        if !outputs.is_empty() {
            own.insert("outputs".to_owned(), Value::Object(outputs));
        }
    }
    Ok(own)
}

/// Reads a container: what it runs, on this machine.
fn contained(
    template: &Item<'_>,
    container: &Item<'_>,
    scope: &Scope,
    context: &Context<'_>,
    own: &mut Task,
) -> Result<(), String> {
    let command = container.get("command").map(|command| command.texts()).unwrap_or_default();
    let args = container.get("args").map(|args| args.texts()).unwrap_or_default();
    let [program, flags @ ..] = command.as_slice() else {
        return Err("a container without `command`, which its image would say".to_owned());
    };
    let all: Vec<&String> = flags.iter().chain(&args).collect();
    if is_shell(program)
        && let [flag, script] = all.as_slice()
        && flag.starts_with('-')
        && flag.ends_with('c')
    {
        let flags = flag.trim_end_matches('c');
        let interpreter = if flags == "-" { program.clone() } else { format!("{program} {flags}") };
        return process(
            template,
            container,
            (script, true),
            scope,
            context,
            own,
            |text| json!({"script": text, "interpreter": interpreter}),
        );
    }
    if !outputs_by_path(template).is_empty() {
        return Err("what a program writes into files that no shell reads".to_owned());
    }
    let words: Result<Vec<String>, String> =
        std::iter::once(program).chain(all).map(|word| scope.text(word, context.asked)).collect();
    own.insert("run".to_owned(), json!({ "command": words? }));
    environment(container, scope, context, own, Map::new())
}

/// Reads a script: its placeholders become variables.
fn process(
    template: &Item<'_>,
    item: &Item<'_>,
    (source, is_shell): (&str, bool),
    scope: &Scope,
    context: &Context<'_>,
    own: &mut Task,
    run: impl Fn(&str) -> Value,
) -> Result<(), String> {
    let mut env = Map::new();
    let cut = pieces(source, "{{", "}}")?;
    let mut text = with_variables(&cut, |inner| {
        if !is_shell {
            return Err("a placeholder in a script that no shell reads".to_owned());
        }
        give(&mut env, inner, &scope.expression(inner, context.asked)?)
    })?;
    let outputs = outputs_by_path(template);
    if !outputs.is_empty() && !is_shell {
        return Err("what a script writes into files that no shell reads".to_owned());
    }
    // A container has a file system of its own: what others write at the same time is not in it.
    if outputs.iter().any(|(_, path)| !path.starts_with('/')) {
        text.insert_str(0, "cd \"$(mktemp -d)\"\n");
    }
    for (name, path) in outputs {
        let quoted = path.replace('\'', "'\\''");
        text = format!(
            "{}\nprintf '{name}=%s\\n' \"$(cat '{quoted}')\" >>\"$MYRMEX_OUTPUT\"\n",
            text.trim_end()
        );
    }
    own.insert("run".to_owned(), run(&escaped(&text)));
    environment(item, scope, context, own, env)
}

/// Returns the parameters that a template gives by files, each with the path of its file.
fn outputs_by_path(template: &Item<'_>) -> Vec<(String, String)> {
    let parameters = template.get("outputs").and_then(|outputs| outputs.get("parameters"));
    let parameters = parameters.map(|parameters| parameters.items()).unwrap_or_default();
    let one = |parameter: &Item<'_>| {
        let name = parameter.get("name").filter(|name| {
            name.seen().is_some_and(|name| {
                name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
            })
        })?;
        let path = parameter.get("valueFrom")?.get("path")?;
        Some((name.text()?, path.text()?))
    };
    parameters.iter().filter_map(one).collect()
}

/// Returns the names of the parameters that a template gives, which does not take them.
fn output_names(template: &Item<'_>) -> Vec<String> {
    let parameters = template.get("outputs").and_then(|outputs| outputs.get("parameters"));
    let parameters = parameters.map(|parameters| parameters.items()).unwrap_or_default();
    parameters.iter().filter_map(|own| own.get("name")?.seen().map(str::to_owned)).collect()
}

/// Reads what a template of other templates gives.
fn given(template: &Item<'_>, scope: &Scope, asked: &Asked) -> Result<Map<String, Value>, String> {
    let mut outputs = Map::new();
    let parameters = template.get("outputs").and_then(|outputs| outputs.get("parameters"));
    for parameter in parameters.iter().flat_map(Item::items) {
        let from = parameter.get("valueFrom").and_then(|from| from.get("parameter"));
        if let (Some(name), Some(from)) = (parameter.get("name"), from)
            && let (Some(name), Some(from)) = (name.text(), from.text())
        {
            outputs.insert(name, json!(scope.text(&from, asked)?));
        } else {
            return Err("an output that is no parameter of a step".to_owned());
        }
    }
    Ok(outputs)
}

/// Reads the variables and the folder of a process.
fn environment(
    item: &Item<'_>,
    scope: &Scope,
    context: &Context<'_>,
    own: &mut Task,
    mut env: Map<String, Value>,
) -> Result<(), String> {
    for entry in item.get("env").iter().flat_map(Item::items) {
        if let (Some(name), Some(value)) = (entry.get("name"), entry.get("value"))
            && let (Some(name), Some(value)) = (name.text(), value.text())
        {
            env.insert(name, json!(scope.text(&value, context.asked)?));
        }
    }
    if let Some(folder) = item.get("workingDir").and_then(|own| own.text()) {
        own.insert("workdir".to_owned(), json!(scope.text(&folder, context.asked)?));
    }
    if !env.is_empty() {
        own.insert("env".to_owned(), Value::Object(env));
    }
    Ok(())
}

fn is_shell(program: &str) -> bool {
    ["sh", "bash", "dash", "ash", "zsh"].contains(&program.rsplit('/').next().unwrap_or(program))
}

/// Reads steps or the tasks of a graph. Steps come group after group.
fn graph(
    groups: &[Vec<Item<'_>>],
    is_steps: bool,
    scope: &mut Scope,
    context: &Context<'_>,
    missing: &mut Vec<String>,
    draft: &mut Draft,
) -> Result<Vec<(String, Task)>, String> {
    let mut names = Names::default();
    for item in groups.iter().flatten() {
        let name = item.get("name").and_then(|name| name.text()).unwrap_or_else(|| "step".to_owned());
        if ["withItems", "withParam", "withSequence"].iter().any(|key| item.has(key)) {
            Rc::make_mut(&mut scope.repeated).insert(name.clone());
        }
        Rc::make_mut(&mut scope.tasks).insert(name.clone(), names.unique(&name));
    }
    if scope.tasks.is_empty() {
        return Err("it has no steps".to_owned());
    }
    let (mut tasks, mut before): (Vec<(String, Task)>, Vec<String>) = (Vec::new(), Vec::new());
    let mut edges = 0;
    for group in groups {
        edges += if is_steps { before.len() * group.len() } else { 0 };
        if edges > EDGES_MAX {
            return Err(format!("its steps wait for each other in more than {EDGES_MAX} ways"));
        }
        let mut now = Vec::new();
        for item in group {
            let called = item.get("name").and_then(|name| name.text()).unwrap_or_else(|| "step".to_owned());
            let name = scope.tasks[&called].clone();
            let mut needs = Map::new();
            if is_steps {
                needs.extend(before.iter().map(|name| (name.clone(), json!(["succeeded", "skipped"]))));
            }
            let made = call(item, &mut needs, scope, context, draft);
            let mut task = Task::new();
            if !needs.is_empty() {
                task.insert("needs".to_owned(), Value::Object(needs));
            }
            match made {
                Ok(own) => task.extend(own),
                Err(problem) => {
                    let message = format!("`{}` is not translated: {problem}", shown(&called));
                    draft.warn(codes::NO_EQUAL, item.at(), message);
                    missing.push(format!("`{called}`: {problem}"));
                    task.extend(fails(&problem));
                }
            }
            if tasks.iter().all(|(other, _)| *other != name) {
                tasks.push((name.clone(), task));
                now.push(name);
            } else {
                item.error(draft, codes::CONFLICT, format!("two steps are called `{}`", shown(&called)));
            }
        }
        before = now;
    }
    Ok(tasks)
}

/// Reads a step, or a task of a graph, which uses a template.
fn call(
    item: &Item<'_>,
    needs: &mut Map<String, Value>,
    scope: &Scope,
    context: &Context<'_>,
    draft: &mut Draft,
) -> Result<Task, String> {
    let mut own = Task::new();
    dependencies(item, needs, scope)?;
    let mut inner = scope.clone();
    if let Some(items) = repeated(item, scope, context)? {
        inner.has_item = true;
        own.insert("for_each".to_owned(), items);
    }
    if let Some(when) = item.get("when").and_then(|when| when.text()) {
        own.insert("if".to_owned(), json!(inner.condition(&when, context.asked)?));
    }
    let template = item.get("template").and_then(|template| template.text());
    let template = template.ok_or("it uses no template of this document")?;
    let action = context
        .actions
        .get(&template)
        .ok_or_else(|| format!("there is no template `{}`", shown(&template)))?;
    own.insert("use".to_owned(), json!(format!("{}/{action}@1", context.library)));
    let with = arguments(item, &inner, context.asked)?;
    own.insert("with".to_owned(), Value::Object(with));
    if let Some(goes_on) = item.get("continueOn") {
        let flag = |key: &str| goes_on.get(key).and_then(|own| own.boolean()).unwrap_or(false);
        let flags = [flag("failed"), flag("error")];
        if flags.contains(&true) {
            if flags != [true, true] {
                goes_on.nearly(draft, "a failure and an error are the same here: both are gone on after");
            }
            own.insert("continue_on_error".to_owned(), json!(true));
        }
    }
    Ok(own)
}

/// Reads the arguments that are given to a template.
pub(super) fn arguments(item: &Item<'_>, scope: &Scope, asked: &Asked) -> Result<Map<String, Value>, String> {
    let mut with = Map::new();
    let parameters = item.get("arguments").and_then(|arguments| arguments.get("parameters"));
    for parameter in parameters.iter().flat_map(Item::items) {
        if let (Some(name), Some(value)) = (parameter.get("name"), parameter.get("value"))
            && let (Some(name), Some(value)) = (name.text(), value.text())
        {
            with.insert(name, json!(scope.text(&value, asked)?));
        }
    }
    Ok(with)
}

/// Reads the list that something is done for.
fn repeated(item: &Item<'_>, scope: &Scope, context: &Context<'_>) -> Result<Option<Value>, String> {
    if let Some(items) = item.get("withItems") {
        return scope.value(&items.value(), context.asked).map(Some);
    }
    if let Some(list) = item.get("withParam").and_then(|list| list.text()) {
        let inner = list.trim().strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}"));
        let Some(inner) = inner else {
            return Ok(Some(json!(format!(
                "${{{{ {} | from_json }}}}",
                crate::import::template::quoted(&list)
            ))));
        };
        let source = scope.expression(inner.trim(), context.asked)?;
        return Ok(Some(json!(format!("${{{{ {source} | from_json }}}}"))));
    }
    let Some(sequence) = item.get("withSequence") else { return Ok(None) };
    let count = sequence.get("count").and_then(|count| count.count());
    match count {
        Some(count) if !["start", "end", "format"].iter().any(|key| sequence.has(key)) => {
            Ok(Some(json!(count)))
        }
        Some(_) | None => Err("`withSequence` with more than a fixed `count`".to_owned()),
    }
}

/// Reads what a task of a graph depends on.
fn dependencies(item: &Item<'_>, needs: &mut Map<String, Value>, scope: &Scope) -> Result<(), String> {
    let known = |name: &str| {
        scope
            .tasks
            .get(name)
            .cloned()
            .ok_or_else(|| format!("it depends on `{}`, which does not exist", shown(name)))
    };
    for name in item.get("dependencies").map(|names| names.texts()).unwrap_or_default() {
        needs.insert(known(&name)?, json!(["succeeded", "skipped"]));
    }
    let Some(depends) = item.get("depends").and_then(|depends| depends.text()) else { return Ok(()) };
    let wrong = || format!("`depends: {}`", shown(&depends));
    for part in depends.split("&&") {
        let part = part.trim();
        let part = part.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(part);
        let mut of: Option<(&str, Vec<&str>)> = None;
        for alternative in part.split("||").map(str::trim) {
            let (name, outcome) = alternative.split_once('.').unwrap_or((alternative, ""));
            let outcomes: &[&str] = match outcome {
                "" => &["succeeded", "skipped"],
                "Succeeded" => &["succeeded"],
                "Failed" | "Errored" => &["failed"],
                "Skipped" | "Omitted" => &["skipped"],
                _ => return Err(wrong()),
            };
            let (first, all) = of.get_or_insert((name, Vec::new()));
            if *first != name {
                return Err(wrong());
            }
            all.extend(outcomes.iter().filter(|own| !all.contains(own)).copied().collect::<Vec<_>>());
        }
        let (name, outcomes) = of.ok_or_else(wrong)?;
        needs.insert(known(name)?, json!(outcomes));
    }
    Ok(())
}

/// Reads what a template says about time, failure and what it holds alone.
fn rules(template: &Item<'_>, action: &mut Task, draft: &mut Draft) {
    if let Some(limit) =
        template.get("activeDeadlineSeconds").and_then(|own| own.number()).filter(|own| *own > 0.0)
    {
        action.insert("timeout".to_owned(), json!(seconds(limit)));
    }
    let mutex =
        template.get("synchronization").and_then(|own| own.get("mutex")).and_then(|own| own.get("name"));
    if let Some(name) = mutex.and_then(|name| name.text()) {
        action.insert("lock".to_owned(), json!(escaped(&name)));
    }
    let Some(retry) = template.get("retryStrategy") else { return };
    let Some(limit) =
        retry.get("limit").and_then(|limit| limit.text()).and_then(|limit| limit.parse::<u32>().ok())
    else {
        retry.nearly(draft, "without a fixed `limit` nothing is tried again");
        return;
    };
    let mut own = Task::new();
    own.insert("attempts".to_owned(), json!(u64::from(limit) + 1));
    let backoff = retry.get("backoff");
    let part = |key: &str| backoff.as_ref().and_then(|own| own.get(key)).and_then(|own| own.text());
    own.insert(
        "delay".to_owned(),
        json!(part("duration").and_then(|text| length(&text)).unwrap_or_else(|| "0s".to_owned())),
    );
    let factor = part("factor").and_then(|factor| factor.parse::<f64>().ok()).unwrap_or(1.0);
    if factor > 1.0 && (factor - 2.0).abs() > f64::EPSILON {
        retry.nearly(draft, format!("the pause doubles each time, it does not grow {factor} times"));
    }
    own.insert("backoff".to_owned(), json!(if factor > 1.0 { "exponential" } else { "constant" }));
    action.insert("retry".to_owned(), Value::Object(own));
    let policy = retry.get("retryPolicy");
    if let Some(policy) = policy.filter(|policy| matches!(policy.seen(), Some("Always" | "OnFailure"))) {
        policy.take();
    }
}

/// Reads a duration: seconds, or numbers with units.
pub(super) fn length(text: &str) -> Option<String> {
    if let Ok(number) = text.trim().parse::<f64>() {
        return (number > 0.0 && number.is_finite()).then(|| seconds(number));
    }
    let units = ["ms", "s", "m", "h", "d"];
    let is_good = text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_digit() || units.iter().any(|unit| unit.contains(c)));
    is_good.then(|| text.to_owned())
}
