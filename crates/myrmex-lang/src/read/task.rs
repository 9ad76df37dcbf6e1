//! Reads bodies, and the tasks in them.

use std::collections::BTreeMap;

use myrmex_model::outcome::{Outcome, OutcomeSet};
use myrmex_model::template::Template;
use myrmex_model::value::Value;

use super::{Fields, Reader, keys};
use crate::codes;
use crate::outline::{Data, ForEach, Need, Scope, ScopeId, ScopeKind, Spot, Task, TaskOutputs, Verb};
use crate::roots;
use crate::tree::{Entry, Node, Place};

/// The most tasks of a file: more than 1 MiB of text can hold, were it not for aliases.
const TASKS_MAX: usize = 100_000;

/// Returns what an entry of `needs` may accept.
pub(crate) fn outcome_words() -> [(&'static str, OutcomeSet); 4] {
    [
        ("succeeded", OutcomeSet::SUCCEEDED),
        ("failed", OutcomeSet::of(&[Outcome::Failed])),
        ("skipped", OutcomeSet::of(&[Outcome::Skipped])),
        ("finished", OutcomeSet::FINISHED),
    ]
}

impl Reader<'_> {
    /// Reads `tasks:`; `fields` are those of the map it stands in.
    pub(super) fn graph(&mut self, entry: &Entry, fields: &Fields<'_>) -> Option<Scope> {
        let map = self.map("`tasks`", &entry.value)?;
        let id = self.scope_id();
        let mut tasks = Vec::with_capacity(map.entries.len());
        for child in &map.entries {
            tasks.extend(self.task(&child.key.text, (child.key.place, &child.value), ScopeKind::Graph));
        }
        let is_each = fields.has("for_each");
        let (max_parallel, fail_fast) = if is_each { (None, false) } else { self.bounds(fields) };
        let (key, kind) = (entry.key.place, ScopeKind::Graph);
        self.refuse_empty(map.entries.is_empty(), key, kind);
        Some(Scope { id, kind, key, tasks, max_parallel, fail_fast })
    }

    /// Reads `do:`.
    pub(super) fn flow(&mut self, entry: &Entry) -> Option<Scope> {
        let list = self.list("`do`", &entry.value)?;
        let id = self.scope_id();
        let mut tasks: Vec<Task> = Vec::with_capacity(list.items.len());
        let mut first: BTreeMap<&str, Place> = BTreeMap::new();
        for item in &list.items {
            let Some([child]) = item.as_map().map(|map| map.entries.as_slice()) else {
                if !item.is_broken() {
                    let hint = "write `- NAME: {…}`";
                    let message = "an entry of `do:` is a map with one key, the name of its task";
                    self.report.refuse_hint(codes::FLOW_ITEM, item.place, message, hint);
                }
                continue;
            };
            let (name, place) = (child.key.text.as_str(), child.key.place);
            let task = self.task(name, (place, &child.value), ScopeKind::Flow);
            if let Some(before) = first.get(name) {
                let message = format!("two tasks of this `do:` list are called `{name}`");
                let diagnostic = self.report.error(codes::TASK_DUPLICATE, place, message);
                self.report.push(diagnostic.with_related(self.report.span(*before), "first here"));
            } else {
                first.insert(name, place);
                tasks.extend(task);
            }
        }
        let (key, kind) = (entry.key.place, ScopeKind::Flow);
        self.refuse_empty(list.items.is_empty(), key, kind);
        Some(Scope { id, kind, key, tasks, max_parallel: None, fail_fast: false })
    }

    fn refuse_empty(&mut self, is_empty: bool, key: Place, kind: ScopeKind) {
        if is_empty {
            let message = format!("`{}` holds no task", kind.key());
            self.report.refuse(codes::SCOPE_EMPTY, key, message);
        }
    }

    fn scope_id(&mut self) -> ScopeId {
        self.scopes += 1;
        ScopeId(self.scopes - 1)
    }

    /// Reads `max_parallel` and `fail_fast`.
    pub(super) fn bounds(&mut self, fields: &Fields<'_>) -> (Option<u32>, bool) {
        let max_parallel =
            fields.get("max_parallel").and_then(|entry| self.count("`max_parallel`", &entry.value));
        let fail_fast = fields.get("fail_fast").and_then(|entry| self.boolean("`fail_fast`", &entry.value));
        (max_parallel, fail_fast.unwrap_or(false))
    }

    fn task(&mut self, name: &str, (key, node): (Place, &Node), scope: ScopeKind) -> Option<Task> {
        self.tasks += 1;
        if self.tasks > TASKS_MAX {
            if self.tasks == TASKS_MAX + 1 {
                let message = format!("the file has more than {TASKS_MAX} tasks");
                let hint = "use `for_each` over data";
                self.report.refuse_hint(codes::TASKS_MANY, key, message, hint);
            }
            return None;
        }
        let name = self.name("a task", name, key);
        let mut task = Task {
            name,
            place: node.place,
            needs: Vec::new(),
            guard: None,
            each: None,
            verb: None,
            verb_place: node.place,
            then: None,
            retry: None,
            timeout: None,
            outputs: TaskOutputs::None,
        };
        // A task that cannot be read still bears its name, so that what refers to it is not reported too.
        let Some(map) = self.map(&format!("task `{}`", task.name.value), node) else { return Some(task) };
        let fields = self.fields(map, &keys::TASK);
        self.order(&mut task, &fields, scope);
        task.guard = fields.get("if").and_then(|entry| self.condition("if", &entry.value));
        task.each = self.for_each(&fields);
        if let Some(entry) = self.one_verb(&task.name, &fields) {
            task.verb_place = entry.value.place;
            task.verb = self.verb(entry, &fields, scope);
            self.policy(&mut task, &fields, entry.key.text.as_str());
        }
        for key in ["description", "owner"] {
            if let Some(entry) = fields.get(key) {
                self.remark(key, &entry.value);
            }
        }
        Some(task)
    }

    /// Reads what puts a task in its place among the others: `needs` in a graph, `then` in a flow.
    fn order(&mut self, task: &mut Task, fields: &Fields<'_>, scope: ScopeKind) {
        match scope {
            ScopeKind::Graph => {
                self.misplaced(fields, "then", "the order under `tasks:` comes from `needs`");
                task.needs = fields.get("needs").map(|entry| self.needs(&entry.value)).unwrap_or_default();
            }
            ScopeKind::Flow => {
                self.misplaced(fields, "needs", "the tasks of a `do:` list run one after the other");
                task.then = fields.get("then").and_then(|entry| self.target(&entry.value, "then", scope));
            }
        }
    }

    fn needs(&mut self, node: &Node) -> Vec<Need> {
        if let Some(map) = node.as_map() {
            let read = |entry: &Entry| {
                let name = Spot { value: entry.key.text.clone(), place: entry.key.place };
                self.outcomes(&entry.value).map(|on| Need { name, on })
            };
            return map.entries.iter().filter_map(read).collect();
        }
        let nodes = match node.as_list() {
            Some(list) => list.items.iter().map(|item| &**item).collect(),
            None => vec![node],
        };
        let mut needs: Vec<Need> = Vec::with_capacity(nodes.len());
        let mut first: BTreeMap<&str, Place> = BTreeMap::new();
        for node in nodes {
            let Some(name) = self.fixed_text("`needs`", node) else { continue };
            if let Some(before) = first.get(name) {
                let message = format!("`needs` names `{name}` twice");
                let diagnostic = self.report.warning(codes::NEEDS_DUPLICATE, node.place, message);
                self.report.push(diagnostic.with_related(self.report.span(*before), "first here"));
                continue;
            }
            first.insert(name, node.place);
            let name = Spot { value: name.to_owned(), place: node.place };
            needs.push(Need { name, on: OutcomeSet::SUCCEEDED });
        }
        needs
    }

    fn outcomes(&mut self, node: &Node) -> Option<OutcomeSet> {
        let what = "an outcome";
        let known = outcome_words();
        let Some(list) = node.as_list() else { return self.word(what, node, &known) };
        if list.items.is_empty() {
            self.report.refuse(codes::WORD, node.place, "a list of outcomes must name at least one");
        }
        let words: Vec<_> = list.items.iter().filter_map(|item| self.word(what, item, &known)).collect();
        words.into_iter().reduce(OutcomeSet::union)
    }

    fn for_each(&mut self, fields: &Fields<'_>) -> Option<ForEach> {
        let Some(entry) = fields.map.entry("for_each") else {
            self.misplaced(fields, "as", "there is no `for_each`");
            return None;
        };
        let (max_parallel, fail_fast) = self.bounds(fields);
        let named = fields.get("as").and_then(|entry| self.item_name(&entry.value));
        let item = named.unwrap_or_else(|| "item".to_owned());
        let Some(source) = self.data(&entry.value) else {
            // It is still a `for_each`, so that what names its item is not reported too.
            let source = Data { template: Template::Literal(Value::Null), reads: [].into() };
            return Some(ForEach { source, item, max_parallel, fail_fast });
        };
        let is_iterable = source
            .template
            .as_literal()
            .is_none_or(|value| value.is_array() || value.is_object() || value.is_u64());
        if !is_iterable || matches!(source.template, Template::Text(_)) {
            self.refuse_type("`for_each`", "a list, a map, a count or an expression", &entry.value);
        }
        Some(ForEach { source, item, max_parallel, fail_fast })
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
            keys::VERBS.contains(&key) || keys::VERBS_LATER.contains(&key)
        };
        let mut verbs = fields.map.entries.iter().filter(is_verb);
        let Some(first) = verbs.next() else {
            // A verb that is written wrong was refused as a key, with the verb that is meant.
            let is_slip = |entry: &Entry| {
                let (key, verbs) = (entry.key.text.as_str(), keys::VERBS.iter().copied());
                keys::TASK.known(key).is_none() && self.report.nearest(key, verbs).is_some()
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
    fn policy(&mut self, task: &mut Task, fields: &Fields<'_>, verb: &str) {
        let is_block = matches!(verb, "tasks" | "do");
        let why = format!("the task does `{verb}`");
        for key in ["retry", "timeout", "env", "workdir"] {
            if let Some(entry) = fields.map.entry(key) {
                if is_block {
                    self.later(codes::VALUE_LATER, entry.key.place, &format!("`{key}` of a block"));
                } else if verb != "run" {
                    self.misplaced(fields, key, &why);
                }
            }
        }
        if verb == "run" {
            task.retry = fields.get("retry").and_then(|entry| self.retry(&entry.value));
            task.timeout = fields.get("timeout").and_then(|entry| self.timeout(&entry.value));
        }
        if !(verb == "tasks" || fields.has("for_each")) {
            self.misplaced(fields, "max_parallel", &why);
            self.misplaced(fields, "fail_fast", &why);
        }
        if let (Some(Verb::Switch(_)), Some(entry)) = (&task.verb, fields.map.entry("for_each")) {
            let message = "`for_each` has no effect here: a `switch` goes on in one direction";
            self.report.refuse(codes::KEY_MISPLACED, entry.key.place, message);
        }
        if verb == "switch" {
            self.misplaced(fields, "then", "the cases of a `switch` say where it goes on");
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
            (Some(entry), "tasks" | "do") => {
                if let Some(data) = self.data(&entry.value) {
                    task.outputs = TaskOutputs::Computed(data);
                }
            }
            (Some(_), _) => self.misplaced(fields, "outputs", &why),
        }
    }
}
