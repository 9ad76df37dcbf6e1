//! What workflows of others become: one form that is written as a file.

use serde_json::{Map, Value, json};

use super::foreign::shown;
use super::names::Names;
use super::page::Page;
use super::template::escaped;

/// The task that fails before all others where something could not be translated that tasks depend on.
const GUARD: &str = "not_imported";

/// What a task does that could not be translated: a `fail` would be found by the check, which says that what comes after it can
/// never run.
const FAILING: &str = "echo \"$NOT_IMPORTED\" >&2; exit 1";

/// The most that the guard names.
const NAMED_MAX: usize = 20;

/// The most edges between steps that come in groups, each of which waits for all of the group before it.
pub(super) const EDGES_MAX: usize = 100_000;

/// The keys of a task in order.
pub(super) type Task = Map<String, Value>;

/// A body of a workflow or of a block.
#[derive(Debug, Clone)]
pub(super) enum Body {
    /// Tasks whose order their edges say.
    Graph(Vec<(String, Task)>),
    /// Tasks one after the other.
    Flow(Vec<(String, Task)>),
}

/// A workflow under construction.
#[derive(Debug)]
pub(super) struct Flow {
    /// Its name.
    pub(super) name: String,
    /// What the file begins with, as comments.
    pub(super) comments: Vec<String>,
    /// The keys between the name and the body.
    pub(super) head: Task,
    /// What was not translated and must not be missing: with any of it nothing of the workflow begins.
    pub(super) missing: Vec<String>,
    /// The tasks.
    pub(super) body: Body,
    /// The keys behind the body.
    pub(super) tail: Task,
}

impl Body {
    /// Puts the body into a block.
    pub(super) fn into_block(self, block: &mut Task) {
        match self {
            Self::Graph(tasks) => block.insert("tasks".to_owned(), Value::Object(object(tasks))),
            Self::Flow(tasks) => block.insert("do".to_owned(), list(tasks)),
        };
    }

    fn tasks(&self) -> &[(String, Task)] {
        match self {
            Self::Graph(tasks) | Self::Flow(tasks) => tasks,
        }
    }
}

fn object(tasks: Vec<(String, Task)>) -> Map<String, Value> {
    tasks.into_iter().map(|(name, task)| (name, Value::Object(task))).collect()
}

fn list(tasks: Vec<(String, Task)>) -> Value {
    tasks.into_iter().map(|(name, task)| json!({ name: task })).collect()
}

/// Returns a task that fails and says that something was not translated.
pub(super) fn fails(what: &str) -> Task {
    failing(&format!("not imported: {}", shown(what)))
}

fn failing(message: &str) -> Task {
    let mut task = Task::new();
    task.insert("run".to_owned(), json!(FAILING));
    task.insert("env".to_owned(), json!({"NOT_IMPORTED": escaped(message)}));
    task.insert("timeout".to_owned(), json!("1m"));
    task
}

/// Adds a task that must have succeeded before.
pub(super) fn need(task: &mut Task, name: &str) {
    match task.get_mut("needs") {
        Some(Value::Array(names)) => names.push(json!(name)),
        Some(Value::Object(outcomes)) => {
            outcomes.insert(name.to_owned(), json!("succeeded"));
        }
        Some(_) | None => {
            // What it needs stands first.
            let rest = std::mem::take(task);
            task.insert("needs".to_owned(), json!([name]));
            task.extend(rest);
        }
    }
}

impl Flow {
    /// Starts a workflow that is called so elsewhere. Where several are, their names here differ.
    pub(super) fn new(names: &mut Names, called: &str, tool: &str, file: &str) -> Self {
        let name = names.unique(called);
        let mut head = Task::new();
        if name != called {
            head.insert(format!("x-{tool}"), json!({ "name": called }));
        }
        let comments = vec![format!("From {tool}: {file}")];
        Self { name, comments, head, missing: Vec::new(), body: Body::Graph(Vec::new()), tail: Task::new() }
    }

    /// Writes it.
    pub(super) fn text(mut self) -> String {
        self.guard();
        let mut page = Page::default();
        for comment in &self.comments {
            page.comment(comment);
        }
        page.key("workflow", &json!(self.name));
        page.lines(&self.head);
        let mut body = Task::new();
        self.body.into_block(&mut body);
        page.empty();
        page.lines(&body);
        if !self.tail.is_empty() {
            page.empty();
        }
        page.lines(&self.tail);
        page.finish()
    }

    /// Adds a task that fails before all others if something is missing: nothing begins of what cannot be done whole.
    fn guard(&mut self) {
        if self.missing.is_empty() {
            return;
        }
        let mut named: Vec<String> =
            self.missing.iter().take(NAMED_MAX).map(|missing| shown(missing)).collect();
        if self.missing.len() > NAMED_MAX {
            named.push("…".to_owned());
        }
        self.comments.push(format!(
            "Nothing of it begins before what is missing is added; then remove the task `{GUARD}`."
        ));
        let mut taken = Names::default();
        for (name, _) in self.body.tasks() {
            taken.unique(name);
        }
        let guard = taken.unique(GUARD);
        let task = failing(&format!("not imported: {}", named.join("; ")));
        match &mut self.body {
            Body::Graph(tasks) => {
                for (_, own) in tasks.iter_mut() {
                    need(own, &guard);
                }
                tasks.insert(0, (guard, task));
            }
            Body::Flow(tasks) => tasks.insert(0, (guard, task)),
        }
    }
}

/// Returns a duration of so many seconds as ours are written, of at least a millisecond.
pub(super) fn seconds(seconds: f64) -> String {
    // Years are beyond what anybody waits for, and are still exact in milliseconds.
    let ms = (seconds * 1000.0).round().clamp(1.0, 1e12);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is within these bounds")]
    let ms = ms as u64;
    match ms {
        ms if ms.is_multiple_of(3_600_000) => format!("{}h", ms / 3_600_000),
        ms if ms.is_multiple_of(60_000) => format!("{}m", ms / 60_000),
        ms if ms.is_multiple_of(1000) => format!("{}s", ms / 1000),
        ms => format!("{ms}ms"),
    }
}

/// Returns a text for people: expressions of others in it are only shown.
pub(super) fn about(text: &str) -> Value {
    json!(text.trim().replace("${{", "{{"))
}
