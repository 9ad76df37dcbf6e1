//! Reads bodies, and the tasks in them.

use std::collections::BTreeMap;
use std::sync::Arc;

use myrmex_model::ir::Complete;
use myrmex_model::template::Template;
use myrmex_model::value::Value;

use super::forms::is_nameless;
use super::keys::Keys;
use super::{Fields, Reader, foreign, keys};
use crate::codes;
use crate::outline::{
    Bounds, Data, ForEach, Handed, Scope, ScopeId, ScopeKind, Spot, Task, TaskOutputs, Verb,
};
use crate::report::nearest;
use crate::roots;
use crate::tree::{Entry, Map, Node, Place};

/// The most tasks of a file: more than 1 MiB of text can hold, were it not for aliases.
const TASKS_MAX: usize = 100_000;

/// Where a task stands, which decides about the keys that put it in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Around {
    /// Under `tasks:`.
    Graph,
    /// Under `tasks:` of a project.
    Project,
    /// In a `do:` list.
    Flow,
    /// In a list of bodies, where it may carry its name.
    Member,
    /// On its own: a body that is not a list.
    Alone,
    /// On its own, as an action of a library.
    Action,
    /// On its own, as the body of a `catch` whose filters stand beside the verb.
    Catch,
}

impl Around {
    pub(super) fn keys(self) -> &'static Keys {
        match self {
            Self::Graph | Self::Flow | Self::Alone => &keys::TASK,
            Self::Project => &keys::project::WORK,
            Self::Member => &keys::MEMBER,
            Self::Action => &keys::ACTION,
            Self::Catch => &keys::CATCH,
        }
    }
}

impl Reader<'_> {
    /// Reads `tasks:`; `fields` are those of the map it stands in.
    pub(super) fn graph(&mut self, entry: &Entry, fields: &Fields<'_>) -> Option<Scope> {
        let map = self.map("`tasks`", &entry.value)?;
        let id = self.scope_id();
        let mut tasks = Vec::with_capacity(map.entries.len());
        for child in &map.entries {
            let name = Spot { value: child.key.text.clone(), place: child.key.place };
            tasks.extend(self.task(name, &child.value, Around::Graph));
        }
        let is_each = fields.has("for_each");
        let bounds = if is_each { Bounds::default() } else { self.bounds(fields) };
        let (key, kind) = (entry.key.place, ScopeKind::Graph);
        self.refuse_empty(map.entries.is_empty(), key, kind.key());
        self.refuse_many(bounds.complete, tasks.len(), fields);
        Some(Scope { id, kind, key, tasks, bounds, rounds: None })
    }

    /// Reads `do:`.
    pub(super) fn flow(&mut self, entry: &Entry) -> Option<Scope> {
        let list = self.list("`do`", &entry.value)?;
        let id = self.scope_id();
        let mut tasks: Vec<Task> = Vec::with_capacity(list.items.len());
        let mut first: BTreeMap<&str, Place> = BTreeMap::new();
        for item in &list.items {
            let Some([child]) = item.as_map().map(|map| map.entries.as_slice()) else {
                self.refuse_flow_item(item);
                tasks.extend(item.as_map().and_then(|map| self.member_of_flow(map, item)));
                continue;
            };
            if is_nameless(child) {
                self.refuse_flow_item(item);
                continue;
            }
            let (name, place) = (child.key.text.as_str(), child.key.place);
            let spot = Spot { value: name.to_owned(), place };
            let task = self.task(spot, &child.value, Around::Flow);
            if let Some(before) = first.get(name) {
                let message = format!("two tasks of this `do:` list are called `{name}`");
                let diagnostic = self.report.error(codes::TASK_DUPLICATE, place, message);
                self.report.push(diagnostic.with_related(self.report.span(*before), "first here"));
            } else {
                first.insert(name, place);
                tasks.extend(task);
            }
        }
        let key = entry.key.place;
        self.refuse_empty(list.items.is_empty(), key, ScopeKind::Flow.key());
        Some(Scope::flow(id, key, tasks))
    }

    /// Reads an entry of a `do:` list that bears its name under `name`, so that what refers to it is not reported too.
    fn member_of_flow(&mut self, map: &Map, item: &Node) -> Option<Task> {
        let entry = map.entry("name")?;
        let value = entry.value.as_scalar().and_then(|scalar| scalar.as_text())?.to_owned();
        self.task(Spot { value, place: entry.value.place }, item, Around::Member)
    }

    pub(super) fn refuse_empty(&mut self, is_empty: bool, key: Place, word: &str) {
        if is_empty {
            let message = format!("`{word}` holds no task");
            let hint = match word {
                "tasks" => "add one, such as `hello: {run: echo hello}`",
                "do" => "add one, such as `- hello: {run: echo hello}`",
                _ => "add one, such as `- run: echo hello`",
            };
            self.report.refuse_hint(codes::SCOPE_EMPTY, key, message, hint);
        }
    }

    pub(super) fn scope_id(&mut self) -> ScopeId {
        self.scopes += 1;
        ScopeId(self.scopes - 1)
    }

    /// Reads a task from its keys. Returns nothing if there are too many.
    pub(super) fn task(&mut self, name: Spot<String>, node: &Node, around: Around) -> Option<Task> {
        self.tasks += 1;
        if self.tasks > TASKS_MAX {
            if self.tasks == TASKS_MAX + 1 {
                let message = format!("the file has more than {TASKS_MAX} tasks");
                let hint = "use `for_each` over data";
                self.report.refuse_hint(codes::TASKS_MANY, name.place, message, hint);
            }
            return None;
        }
        self.name("a task", &name.value, name.place);
        let mut task = Task::named(name, node.place);
        if task.name.value.contains(":{") {
            // The blank is missing behind the `:`, so what follows is no value.
            return Some(task);
        }
        // A task that cannot be read still bears its name, so that what refers to it is not reported too.
        let Some(map) = self.map(&format!("task `{}`", task.name.value), node) else { return Some(task) };
        if self.refuse_named_body(&task.name.value, map, around) {
            return Some(task);
        }
        let fields = self.fields(map, around.keys());
        self.order(&mut task, &fields, around);
        task.guard = fields.get("if").and_then(|entry| self.condition("if", &entry.value));
        task.each = self.for_each(&fields);
        if let Some(entry) = self.one_verb(&task.name, &fields) {
            task.verb_place = entry.value.place;
            task.verb = self.verb(entry, &fields, around);
            self.policy(&mut task, &fields, (entry.key.text.as_str(), around));
        }
        let scope = match &task.verb {
            Some(Verb::Block(scope)) => Some(scope),
            Some(
                Verb::Run(_)
                | Verb::Set(_)
                | Verb::Switch(_)
                | Verb::Fail(_)
                | Verb::Wait(_)
                | Verb::Await(_)
                | Verb::Call(_)
                | Verb::Use(_),
            )
            | None => None,
        };
        task.handlers = self.handlers(&fields, scope);
        if around == Around::Project {
            self.work(&mut task, &fields);
            return Some(task);
        }
        self.planned(&mut task, &fields);
        for key in ["description", "owner"] {
            if let Some(entry) = fields.get(key) {
                self.remark(key, &entry.value);
            }
        }
        Some(task)
    }

    fn for_each(&mut self, fields: &Fields<'_>) -> Option<ForEach> {
        let Some(entry) = fields.map.entry("for_each") else {
            self.misplaced(fields, "as", "there is no `for_each`");
            self.misplaced(fields, "min_success", "there is no `for_each`");
            return None;
        };
        let bounds = self.bounds(fields);
        let tolerance = fields.get("min_success").and_then(|entry| self.tolerance(&entry.value));
        if bounds.complete != Complete::All {
            self.misplaced(fields, "min_success", "`complete` says how many must succeed");
        }
        let named = fields.get("as").and_then(|entry| self.item_name(&entry.value));
        let item = named.unwrap_or_else(|| "item".to_owned());
        let Some(source) = self.data(&entry.value) else {
            // It is still a `for_each`, so that what names its item is not reported too.
            let source =
                Data { template: Template::Literal(Value::Null), reads: Arc::default(), is_secret: false };
            return Some(ForEach { source, item, bounds, tolerance });
        };
        let is_iterable = source
            .template
            .as_literal()
            .is_none_or(|value| value.is_array() || value.is_object() || value.is_u64());
        if let Some(Value::Number(number)) = source.template.as_literal().filter(|_| !is_iterable) {
            let message = format!("`for_each` must be a whole number of at least 0, this is {number}");
            self.report.refuse(codes::NUMBER_BOUND, entry.value.place, message);
        } else if !is_iterable || matches!(source.template, Template::Text(_)) {
            self.refuse_type("`for_each`", "a list, a map, a count or an expression", &entry.value);
        }
        Some(ForEach { source, item, bounds, tolerance })
    }

    fn item_name(&mut self, node: &Node) -> Option<String> {
        let text = self.fixed_text("`as`", node)?;
        let name = self.name("an item", text, node.place);
        if roots::is_root(text) {
            let message = format!("`{text}` has a meaning of its own in expressions and cannot name an item");
            self.report.refuse(codes::NAME, node.place, message);
        }
        Some(name.value)
    }

    /// Finds the one verb of a task.
    fn one_verb<'n>(&mut self, name: &Spot<String>, fields: &Fields<'n>) -> Option<&'n Entry> {
        let is_verb = |entry: &&Entry| {
            let key = entry.key.text.as_str();
            let is_key = key == "wait" && fields.has("workflow");
            !is_key && (keys::VERBS.contains(&key) || keys::VERBS_LATER.contains(&key))
        };
        let mut verbs = fields.map.entries.iter().filter(is_verb);
        let Some(first) = verbs.next() else {
            // A verb that is written wrong was refused as a key, with the verb that is meant.
            let is_slip = |entry: &Entry| {
                let (key, verbs) = (entry.key.text.as_str(), keys::VERBS.iter().copied());
                let is_unknown = keys::TASK.known(key).is_none();
                is_unknown && (foreign::is_verb(key) || nearest(key, verbs).is_some())
            };
            if fields.map.entries.iter().any(is_slip) {
                return None;
            }
            let all = keys::VERBS.iter().map(|verb| format!("`{verb}`")).collect::<Vec<_>>().join(", ");
            let message = format!("the task `{}` has no verb", name.value);
            self.report.refuse_hint(codes::VERB_COUNT, name.place, message, format!("give it one of {all}"));
            return None;
        };
        if let Some(second) = verbs.next() {
            let (one, other) = (&first.key.text, &second.key.text);
            // `compensate` beside another verb is a key of its own.
            if other != "compensate" && one != "compensate" {
                let message = format!("the task `{}` has two verbs, `{one}` and `{other}`", name.value);
                let diagnostic = self.report.error(codes::VERB_COUNT, second.key.place, message);
                self.report.push(diagnostic.with_related(self.report.span(first.key.place), "the other one"));
            }
            return None;
        }
        if first.value.is_null() {
            self.refuse_type(&format!("`{}`", first.key.text), "something", &first.value);
            return None;
        }
        (keys::VERBS.contains(&first.key.text.as_str()) && !first.value.is_broken()).then_some(first)
    }

    /// Reads the keys that depend on the verb.
    fn policy(&mut self, task: &mut Task, fields: &Fields<'_>, (verb, around): (&str, Around)) {
        let is_scope = matches!(task.verb, Some(Verb::Block(_)));
        let takes = match verb {
            "run" => &["retry", "timeout", "env", "workdir", "effect", "secrets", "artifacts", "cache"][..],
            "tasks" | "do" | "try" | "repeat" => &["retry", "timeout", "env", "workdir"],
            "switch" if is_scope => &["retry", "timeout", "env", "workdir"],
            "workflow" => &["retry", "timeout", "with", "version"],
            "use" => &["retry", "timeout", "env", "workdir", "with"],
            _ => &[],
        };
        let why = format!("the task does `{verb}`");
        for key in [
            "retry",
            "timeout",
            "env",
            "workdir",
            "effect",
            "with",
            "version",
            "secrets",
            "artifacts",
            "cache",
        ] {
            let is_of_catch = around == Around::Catch && key == "retry";
            let is_of_action = around == Around::Action && key == "version";
            if !takes.contains(&key) && !is_of_catch && !is_of_action {
                self.misplaced(fields, key, &why);
            }
        }
        if takes.contains(&"retry") && around != Around::Catch {
            task.retry = fields.get("retry").and_then(|entry| self.retry(&entry.value));
        }
        if takes.contains(&"timeout") {
            task.timeout = fields.get("timeout").and_then(|entry| self.timeout(&entry.value, verb == "run"));
        }
        if takes.contains(&"effect") {
            task.effect = fields.get("effect").and_then(|entry| self.effect(&entry.value));
        }
        task.asks = self.task_asks(fields, (verb, around), is_scope);
        if takes.contains(&"env") && verb != "run" && (fields.has("env") || fields.has("workdir")) {
            let (env, workdir) = self.surroundings(fields);
            task.handed = Some(Box::new(Handed { env, workdir }));
        }
        if !(verb == "tasks" || fields.has("for_each")) {
            for key in ["max_parallel", "fail_fast", "complete", "rest"] {
                self.misplaced(fields, key, &why);
            }
        }
        if let (Some(Verb::Switch(_)), Some(entry)) = (&task.verb, fields.map.entry("for_each")) {
            let message = "`for_each` has no effect here: a `switch` goes on in one direction";
            self.report.refuse(codes::KEY_MISPLACED, entry.key.place, message);
        }
        if verb == "switch" && !is_scope {
            self.misplaced(fields, "then", "the cases of a `switch` say where it goes on");
        }
        self.outputs(task, fields, verb);
    }

    /// Reads `outputs`, which are schemas of a task and expressions of a block.
    fn outputs(&mut self, task: &mut Task, fields: &Fields<'_>, verb: &str) {
        if matches!(verb, "try" | "use") || verb == "switch" && matches!(task.verb, Some(Verb::Block(_))) {
            task.outputs = TaskOutputs::Last;
        }
        match (fields.get("outputs"), verb) {
            (None, _) => {}
            (Some(entry), "run" | "set") => {
                if let Some(declared) = self.output_fields(&entry.value) {
                    if let Some(Verb::Set(data)) = &task.verb {
                        self.set_fits(data, &declared, entry.value.place);
                    }
                    task.outputs = TaskOutputs::Declared(declared);
                }
            }
            (Some(entry), "tasks" | "do" | "repeat") => {
                self.warn_declared_outputs(&entry.value);
                self.warn_foreign_holes(&entry.value);
                if let Some(data) = self.data(&entry.value) {
                    task.outputs = TaskOutputs::Computed(data);
                }
            }
            (Some(_), _) => self.misplaced(fields, "outputs", &format!("the task does `{verb}`")),
        }
    }
}
