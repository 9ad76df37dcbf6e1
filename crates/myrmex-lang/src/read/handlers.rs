//! Reads bodies that stand behind a key (`try`, `catch`, `on_failure`, `finally`): a verb with its keys, a block, or a list
//! of these, one after the other.

use std::collections::{BTreeMap, BTreeSet};

use super::forms::{named_member, verb_entry};
use super::task::Around;
use super::{Fields, Reader};
use crate::codes;
use crate::outline::{Catch, Handlers, Scope, Spot, Task, TaskOutputs, Verb};
use crate::tree::{Entry, List, Map, Meaning, Node, Place};

impl Reader<'_> {
    /// Reads what follows a task; `scope` holds the tasks inside it.
    pub(super) fn handlers(&mut self, fields: &Fields<'_>, scope: Option<&Scope>) -> Handlers {
        let mut handlers = Handlers::default();
        if fields.has("try") {
            handlers.catches = fields.get("catch").map(|entry| self.catches(entry)).unwrap_or_default();
        } else {
            self.misplaced(fields, "catch", "only the errors of a `try` are caught");
        }
        let mut body = |key| fields.get(key).and_then(|entry| self.handler(key, entry)).map(Box::new);
        (handlers.on_failure, handlers.finally) = (body("on_failure"), body("finally"));
        handlers.continues = fields
            .get("continue_on_error")
            .and_then(|entry| self.boolean("`continue_on_error`", &entry.value))
            .unwrap_or(false);
        if let Some(scope) = scope {
            self.refuse_handler_names(&handlers, scope);
        }
        handlers
    }

    /// Reports tasks that are called like a handler beside them: their addresses would be the same.
    fn refuse_handler_names(&mut self, handlers: &Handlers, scope: &Scope) {
        for handler in handlers.tasks() {
            let same = scope.tasks.iter().find(|task| task.name.value == handler.name.value);
            if let Some(task) = same {
                let name = &handler.name.value;
                let message = format!("a task cannot be called `{name}` where a handler bears that name");
                let diagnostic = self.report.error(codes::HANDLER_NAME, task.name.place, message);
                let diagnostic = diagnostic.with_related(self.report.span(handler.name.place), "the handler");
                self.report.push(diagnostic.with_hint("give the task another name"));
            }
        }
    }

    fn handler(&mut self, name: &str, entry: &Entry) -> Option<Task> {
        let name = Spot { value: name.to_owned(), place: entry.key.place };
        self.body_task(name, &entry.value, Around::Alone)
    }

    /// Reads a body as one task: itself, or for a list a flow of its members.
    pub(super) fn body_task(&mut self, name: Spot<String>, node: &Node, around: Around) -> Option<Task> {
        let Some(list) = node.as_list() else { return self.task(name, node, around) };
        let mut task = Task::named(name, node.place);
        let scope = self.members(list, (task.name.place, &task.name.value.clone()));
        task.verb = Some(Verb::Block(scope));
        task.outputs = TaskOutputs::Last;
        Some(task)
    }

    /// Reads the value of `try`: the members of a list, or one task called `try`.
    pub(super) fn guarded(&mut self, entry: &Entry) -> Option<Scope> {
        let (key, node) = (entry.key.place, &*entry.value);
        if let Some(list) = node.as_list() {
            return Some(self.members(list, (key, "try")));
        }
        if node.as_map().is_none() {
            self.refuse_body("`try`", node);
            return None;
        }
        let id = self.scope_id();
        let child = self.task(Spot { value: "try".to_owned(), place: key }, node, Around::Alone)?;
        Some(Scope::flow(id, key, vec![child]))
    }

    fn refuse_body(&mut self, what: &str, node: &Node) {
        self.refuse_type(what, "a map with a verb, or a list of such maps", node);
    }

    /// Reads a list of bodies. One without `name` is called by its verb.
    fn members(&mut self, list: &List, (key, word): (Place, &str)) -> Scope {
        let id = self.scope_id();
        self.refuse_empty(list.items.is_empty(), key, word);
        let mut names = MemberNames::of(list);
        let mut tasks: Vec<Task> = Vec::with_capacity(list.items.len());
        let mut first: BTreeMap<String, Place> = BTreeMap::new();
        for item in &list.items {
            let Some(map) = item.as_map() else {
                self.refuse_body("a member of a list of tasks", item);
                continue;
            };
            if let Some(named) = named_member(map) {
                self.refuse_named_member(named);
                let name = Spot { value: named.key.text.clone(), place: named.key.place };
                let is_task = named.value.as_map().is_some();
                let task = is_task.then(|| self.task(name.clone(), &named.value, Around::Member));
                tasks.push(task.flatten().unwrap_or_else(|| Task::named(name, item.place)));
                continue;
            }
            let name = match map.entry("name").map(|entry| self.fixed_text("`name`", &entry.value)) {
                Some(Some(text)) => text.to_owned(),
                Some(None) => continue,
                None => names.by_verb(map),
            };
            let place = map.entry("name").map_or_else(|| verb_place(map, item), |entry| entry.value.place);
            if let Some(before) = first.get(&name) {
                let message = format!("two tasks of this list are called `{name}`");
                let diagnostic = self.report.error(codes::TASK_DUPLICATE, place, message);
                self.report.push(diagnostic.with_related(self.report.span(*before), "first here"));
                continue;
            }
            first.insert(name.clone(), place);
            tasks.extend(self.task(Spot { value: name, place }, item, Around::Member));
        }
        Scope::flow(id, key, tasks)
    }

    fn catches(&mut self, entry: &Entry) -> Vec<Catch> {
        let Some(list) = entry.value.as_list() else {
            if entry.value.as_map().is_none() {
                self.refuse_body("`catch`", &entry.value);
                return Vec::new();
            }
            let name = Spot { value: "catch".to_owned(), place: entry.key.place };
            return self.catch(name, &entry.value).into_iter().collect();
        };
        self.refuse_empty(list.items.is_empty(), entry.key.place, "catch");
        let mut catches = Vec::with_capacity(list.items.len());
        for (number, item) in (1..).zip(&list.items) {
            let Some(map) = item.as_map() else {
                self.refuse_body("a member of `catch`", item);
                continue;
            };
            let value = if number == 1 { "catch".to_owned() } else { format!("catch-{number}") };
            catches.extend(self.catch(Spot { value, place: verb_place(map, item) }, item));
        }
        self.refuse_unreachable(&catches);
        catches
    }

    fn catch(&mut self, name: Spot<String>, node: &Node) -> Option<Catch> {
        let map = node.as_map()?;
        let own = Fields { map };
        let kinds = own.get("type").map(|entry| self.kinds(&entry.value)).unwrap_or_default();
        let statuses = own.get("status").map(|entry| self.statuses(&entry.value)).unwrap_or_default();
        let when = own.get("when").and_then(|entry| self.condition("when", &entry.value));
        let retry = own.get("retry").and_then(|entry| self.retry(&entry.value));
        let body = self.task(name, node, Around::Catch)?;
        Some(Catch { kinds, statuses, when, retry, body })
    }

    /// Reports a `catch` behind one that takes every error.
    fn refuse_unreachable(&mut self, catches: &[Catch]) {
        let takes_all =
            |catch: &Catch| catch.kinds.is_empty() && catch.statuses.is_empty() && catch.when.is_none();
        let Some(index) = catches.iter().position(takes_all) else { return };
        if let Some(next) = catches.get(index + 1) {
            let place = next.body.name.place;
            let message = "this `catch` is never asked: the one before it takes every error";
            let diagnostic = self.report.error(codes::CATCH_DEAD, place, message);
            let before = self.report.span(catches[index].body.name.place);
            self.report.push(diagnostic.with_related(before, "takes every error"));
        }
    }

    fn kinds(&mut self, node: &Node) -> Vec<Spot<String>> {
        let mut kinds = Vec::new();
        for node in one_or_list(node) {
            let kind = self.fixed_text("`type`", node).map(str::to_owned);
            kinds.extend(kind.map(|value| Spot { value, place: node.place }));
        }
        kinds
    }

    fn statuses(&mut self, node: &Node) -> Vec<u16> {
        let mut statuses = Vec::new();
        for node in one_or_list(node) {
            let Some(Meaning::Number(_)) = node.as_scalar().map(|scalar| &scalar.meaning) else {
                self.refuse_type("`status`", "an integer", node);
                continue;
            };
            let Some(status) = self.count("`status`", node) else { continue };
            match u16::try_from(status) {
                Ok(status) if (100..=599).contains(&status) => statuses.push(status),
                Ok(_) | Err(_) => {
                    let message = format!("`status` must be between 100 and 599, this is {status}");
                    self.report.refuse(codes::NUMBER_BOUND, node.place, message);
                }
            }
        }
        statuses
    }
}

fn one_or_list(node: &Node) -> Vec<&Node> {
    node.as_list().map_or_else(|| vec![node], |list| list.items.iter().map(|item| &**item).collect())
}

/// Returns where a task without a name of its own is pointed at.
fn verb_place(map: &Map, node: &Node) -> Place {
    verb_entry(map).map_or(node.place, |entry| entry.key.place)
}

/// Names the members of a list that bear none.
struct MemberNames<'n> {
    taken: BTreeSet<&'n str>,
    counts: BTreeMap<&'n str, u32>,
}

impl<'n> MemberNames<'n> {
    fn of(list: &'n List) -> Self {
        let name = |map: &'n Map| map.entry("name")?.value.as_scalar()?.as_text();
        let taken = list.items.iter().filter_map(|item| name(item.as_map()?)).collect();
        Self { taken, counts: BTreeMap::new() }
    }

    /// Returns the verb of a member, with a number if it is not the first of its kind or somebody is called so.
    fn by_verb(&mut self, map: &'n Map) -> String {
        let verb = verb_entry(map).map_or("task", |entry| entry.key.text.as_str());
        let count = self.counts.entry(verb).or_default();
        loop {
            *count += 1;
            let name = if *count == 1 { verb.to_owned() } else { format!("{verb}-{count}") };
            if !self.taken.contains(name.as_str()) {
                return name;
            }
        }
    }
}
