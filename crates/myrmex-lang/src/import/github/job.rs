//! Jobs become blocks: the graph of the workflow.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use serde_json::{Map, Value, json};

use super::expression::{Asked, Needed, Scope, When};
use super::matrix;
use super::step::{self, Shared};
use crate::import::flow::{Body, Task, about, fails};
use crate::import::foreign::{Item, shown};
use crate::import::{Draft, codes};

/// The most jobs before one whose failures it asks for: with more of them the text would grow as their square.
const BEFORE_MAX: usize = 50;

/// A job, and the task that it becomes.
pub(super) struct Job<'d> {
    pub(super) item: Item<'d>,
    pub(super) task: String,
    /// The jobs that it needs, by their ids.
    pub(super) needs: Vec<String>,
}

/// What all jobs are read with.
pub(super) struct Jobs<'a, 'd> {
    pub(super) known: &'a BTreeMap<&'d str, Job<'d>>,
    pub(super) asked: &'a Asked,
    pub(super) scope: &'a Scope,
    /// The shell and the folder of steps that do not say.
    pub(super) defaults: (Option<String>, Option<String>),
}

/// Reads a job. What was not translated is added to `missing`.
pub(super) fn read(job: &Job<'_>, jobs: &Jobs<'_, '_>, missing: &mut Vec<String>, draft: &mut Draft) -> Task {
    let item = &job.item;
    let mut scope = jobs.scope.clone();
    for id in &job.needs {
        if let Some(other) = jobs.known.get(id.as_str()) {
            let outputs = other.item.get("outputs").filter(|_| !other.item.has("strategy"));
            let outputs = outputs.iter().flat_map(Item::entries).map(|own| own.key().to_owned()).collect();
            let needed = Needed { task: other.task.clone(), outputs };
            Rc::make_mut(&mut scope.needs).insert(id.clone(), needed);
        }
    }
    let mut task = Task::new();
    if let Some(title) = item.get("name").and_then(|name| name.text()) {
        task.insert("description".to_owned(), about(&title));
    }
    order(job, jobs, &scope, (&mut task, missing), draft);
    if let Some(strategy) = item.get("strategy") {
        for_each(&strategy, &mut scope, (&mut task, missing), draft);
    }
    // Steps report themselves what they lack.
    let (mut problems, mut of_steps) = (Vec::new(), Vec::new());
    match step::environment(item, &mut scope, jobs.asked) {
        Ok(env) if env.is_empty() => {}
        Ok(env) => {
            task.insert("env".to_owned(), Value::Object(env));
        }
        Err(problem) => problems.push(format!("the environment: {problem}")),
    }
    if let Some(group) = item.get("concurrency") {
        lock(&group, &scope, jobs.asked, (&mut task, &mut problems), draft);
    }
    step::rules(item, &mut task, draft);
    body(item, &mut scope, jobs, (&mut task, &mut problems, &mut of_steps), draft);
    missing.extend(of_steps);
    for problem in problems {
        draft.warn(codes::NO_EQUAL, item.at(), format!("the job `{}`: {problem}", shown(item.key())));
        missing.push(format!("the job `{}`: {problem}", item.key()));
    }
    task
}

/// Reads what a job needs and when it runs.
fn order(
    job: &Job<'_>,
    jobs: &Jobs<'_, '_>,
    scope: &Scope,
    (task, missing): (&mut Task, &mut Vec<String>),
    draft: &mut Draft,
) {
    let mut when = (When::Succeeded, None);
    if let Some(condition) = job.item.get("if")
        && let Some(text) = condition.text()
    {
        match scope.condition(&text, jobs.asked) {
            Ok(found) => when = found,
            Err(problem) => {
                condition.leave_out(draft, &problem);
                missing.push(format!("the condition of the job `{}`: {problem}", job.item.key()));
            }
        }
    }
    let (when, mut condition) = when;
    let task_of = |id: &String| jobs.known.get(id.as_str()).map(|other| other.task.as_str());
    match when {
        When::Succeeded => {
            let needs: Vec<&str> = job.needs.iter().filter_map(task_of).collect();
            if !needs.is_empty() {
                task.insert("needs".to_owned(), json!(needs));
            }
        }
        When::Always | When::Failed => {
            // A failure anywhere before counts, not only that of what it names.
            let before =
                if when == When::Failed { before(job, jobs) } else { job.needs.iter().cloned().collect() };
            let before: Vec<&str> = before.iter().filter_map(task_of).collect();
            let needs: Map<String, Value> =
                before.iter().map(|name| ((*name).to_owned(), json!("finished"))).collect();
            if !needs.is_empty() {
                task.insert("needs".to_owned(), Value::Object(needs));
            }
            if when == When::Failed {
                let failed = before.iter().map(|name| {
                    format!("{}.status in ['failed', 'timed_out']", crate::import::template::task(name))
                });
                let failed = failed.collect::<Vec<_>>().join(" or ");
                let failed = if failed.is_empty() { "false".to_owned() } else { failed };
                condition = Some(match condition {
                    Some(own) => format!("({failed}) and ({own})"),
                    None => failed,
                });
            }
        }
    }
    task.extend(condition.map(|condition| ("if".to_owned(), json!(condition))));
}

/// Returns all jobs before a job; with more than anybody writes down, the nearest.
fn before(job: &Job<'_>, jobs: &Jobs<'_, '_>) -> BTreeSet<String> {
    let (mut found, mut open) = (BTreeSet::new(), VecDeque::from(job.needs.clone()));
    while let Some(id) = open.pop_front().filter(|_| found.len() < BEFORE_MAX) {
        if let Some(other) = jobs.known.get(id.as_str())
            && found.insert(id)
        {
            open.extend(other.needs.iter().cloned());
        }
    }
    found
}

/// Reads the matrix of a job.
fn for_each(
    strategy: &Item<'_>,
    scope: &mut Scope,
    (task, missing): (&mut Task, &mut Vec<String>),
    draft: &mut Draft,
) {
    let Some(matrix) = strategy.get("matrix") else { return };
    let made = matrix::read(&matrix, draft);
    let has_hole =
        made.as_ref().is_ok_and(|(combinations, _)| json!(combinations).to_string().contains("${{"));
    let made = if has_hole { Err("the matrix is computed".to_owned()) } else { made };
    match made {
        Ok((combinations, keys)) => {
            task.insert("for_each".to_owned(), Value::Array(combinations));
            task.insert("as".to_owned(), json!("matrix"));
            scope.matrix = Some(keys);
            let is_fast = strategy.get("fail-fast").and_then(|own| own.boolean()).unwrap_or(true);
            if is_fast {
                task.insert("fail_fast".to_owned(), json!(true));
            }
            if let Some(most) = strategy.get("max-parallel").and_then(|most| most.count()) {
                task.insert("max_parallel".to_owned(), json!(most));
            }
        }
        Err(problem) => {
            matrix.leave_out(draft, &problem);
            missing.push(problem);
        }
    }
}

/// Reads the group of a job, of which one runs at a time.
fn lock(
    group: &Item<'_>,
    scope: &Scope,
    asked: &Asked,
    (task, problems): (&mut Task, &mut Vec<String>),
    draft: &mut Draft,
) {
    let text = if group.is_map() { group.get("group").and_then(|own| own.text()) } else { group.text() };
    let Some(text) = text else { return };
    match scope.text(&text, asked) {
        Ok(text) => {
            group.nearly(
                draft,
                "`concurrency` of a job becomes a `lock`: whoever waits for it is not cancelled",
            );
            task.insert("lock".to_owned(), json!(text));
        }
        Err(problem) => problems.push(problem),
    }
}

/// Reads the steps of a job, and what it gives.
fn body(
    item: &Item<'_>,
    scope: &mut Scope,
    jobs: &Jobs<'_, '_>,
    (task, problems, of_steps): (&mut Task, &mut Vec<String>, &mut Vec<String>),
    draft: &mut Draft,
) {
    if let Some(uses) = item.get("uses").and_then(|uses| uses.text()) {
        let what = format!("the workflow `{}`", shown(&uses));
        task.extend(fails(&what));
        problems.push(what);
        return;
    }
    let run = item.get("defaults").and_then(|defaults| defaults.get("run"));
    let own = |key: &str| run.as_ref().and_then(|run| run.get(key)).and_then(|own| own.text());
    let shared = Shared {
        asked: jobs.asked,
        shell: own("shell").or_else(|| jobs.defaults.0.clone()),
        workdir: own("working-directory").or_else(|| jobs.defaults.1.clone()),
    };
    let steps = item.get("steps").map(|steps| steps.items()).unwrap_or_default();
    let read = step::read(&steps, scope, &shared, draft);
    of_steps.extend(read.missing);
    if read.tasks.is_empty() {
        task.insert("set".to_owned(), Value::Null);
    } else {
        Body::Flow(read.tasks).into_block(task);
    }
    for (key, members) in [("on_failure", read.on_failure), ("finally", read.finally)] {
        if !members.is_empty() {
            task.insert(key.to_owned(), Value::Array(members));
        }
    }
    let mut outputs = Map::new();
    for output in item.get("outputs").iter().flat_map(Item::entries) {
        let Some(text) = output.text() else { continue };
        match scope.text(&text, jobs.asked) {
            Ok(text) => {
                outputs.insert(output.key().to_owned(), json!(text));
            }
            Err(problem) => {
                // Others may read it.
                outputs.insert(output.key().to_owned(), json!(""));
                problems.push(format!("the output `{}`: {problem}", shown(output.key())));
            }
        }
    }
    if !outputs.is_empty() {
        task.insert("outputs".to_owned(), Value::Object(outputs));
    }
}
