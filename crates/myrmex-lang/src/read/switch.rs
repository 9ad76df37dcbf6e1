//! Reads `switch`: cases that lead to tasks beside it, or cases that hold bodies.
//!
//! A `switch` with bodies is a block: a flow of the choice itself, called `switch`, and a task for each body.

use super::task::Around;
use super::{Fields, Reader, keys};
use crate::codes;
use crate::outline::{Case, Condition, Scope, Spot, Target, Task, Verb};
use crate::tree::{Entry, Map, Node, Place};

/// What the choice itself is called in a `switch` with bodies.
const CHOICE: &str = "switch";

/// A case as it is read.
enum ReadCase {
    Jump(Case),
    Body(Option<Condition>, Box<Task>),
}

impl Reader<'_> {
    pub(super) fn switch(&mut self, entry: &Entry, around: Around) -> Option<Verb> {
        let node = &*entry.value;
        let list = self.list("`switch`", node)?;
        if list.items.is_empty() {
            self.report.refuse(codes::SWITCH_CASES, node.place, "a `switch` without cases always fails");
            return None;
        }
        let id = self.scope_id();
        let (mut jumps, mut bodies) = (Vec::new(), Vec::new());
        let mut is_good = true;
        for (index, item) in list.items.iter().enumerate() {
            let Some(map) = self.map("a case", item) else {
                is_good = false;
                continue;
            };
            if map.entry("else").is_some() && index + 1 < list.items.len() {
                let message = "`else` must be the last case, those after it are never asked";
                self.report.refuse(codes::SWITCH_CASES, item.place, message);
            }
            match self.case(item, map, (index + 1, around)) {
                Some(ReadCase::Jump(case)) => jumps.push(case),
                Some(ReadCase::Body(when, task)) => bodies.push((when, *task)),
                None => is_good = false,
            }
        }
        match (jumps.is_empty(), bodies.is_empty()) {
            (false, false) => {
                let message =
                    "the cases of a `switch` lead to tasks or hold bodies, not some this and some that";
                self.report.refuse(codes::SWITCH_CASES, entry.key.place, message);
                None
            }
            (_, true) => is_good.then_some(Verb::Switch(jumps)),
            (true, false) => is_good.then(|| Verb::Block(self.choice(id, entry, bodies))),
        }
    }

    /// Makes a flow of cases with bodies.
    fn choice(
        &mut self,
        id: crate::outline::ScopeId,
        entry: &Entry,
        bodies: Vec<(Option<Condition>, Task)>,
    ) -> Scope {
        let key = entry.key.place;
        let mut choice = Task::named(Spot { value: CHOICE.to_owned(), place: key }, entry.value.place);
        let mut cases = Vec::with_capacity(bodies.len());
        let mut tasks = Vec::with_capacity(bodies.len() + 1);
        for (when, mut task) in bodies {
            let name = &task.name;
            let before = tasks.iter().find(|before: &&Task| before.name.value == name.value);
            if let Some(place) =
                before.map(|before| before.name.place).or((name.value == CHOICE).then_some(key))
            {
                let message = format!("two parts of this `switch` are called `{}`", name.value);
                let diagnostic = self.report.error(codes::TASK_DUPLICATE, name.place, message);
                self.report.push(diagnostic.with_related(self.report.span(place), "first here"));
                continue;
            }
            let then = Spot { value: Target::Task(name.value.clone()), place: name.place };
            cases.push(Case { when, then });
            task.then = Some(Spot { value: Target::Exit, place: name.place });
            tasks.push(task);
        }
        choice.verb = Some(Verb::Switch(cases));
        tasks.insert(0, choice);
        Scope::flow(id, key, tasks)
    }

    fn case(&mut self, node: &Node, map: &Map, (number, around): (usize, Around)) -> Option<ReadCase> {
        let fields = self.fields(map, &keys::CASE);
        // A key that is written wrong was refused, and may be the one that is missing.
        let is_known = map.entries.iter().all(|entry| keys::CASE.known(&entry.key.text).is_some());
        if !is_known && !(fields.has("else") || fields.has("if") && (fields.has("then") || fields.has("do")))
        {
            return None;
        }
        if fields.has("else") && (fields.has("if") || fields.has("then") || fields.has("do")) {
            let message = "a case has `if` and `then` or `do`, or `else` alone";
            self.report.refuse(codes::SWITCH_CASES, node.place, message);
            return None;
        }
        if let Some(entry) = fields.get("else") {
            let Some(map) = entry.value.as_map() else {
                let then = self.target(&entry.value, "else", around)?;
                return Some(ReadCase::Jump(Case { when: None, then }));
            };
            let inner = self.fields(map, &keys::ELSE);
            return self.case_body(&inner, ("else".to_owned(), entry.key.place), entry.value.place);
        }
        if fields.has("then") && fields.has("do") {
            self.misplaced(&fields, "then", "the case holds a body");
            return None;
        }
        if !fields.has("if") && !fields.has("else") {
            self.report.refuse(codes::KEY_MISSING, node.place, "a case needs `if`");
        }
        let when = fields.get("if").and_then(|entry| self.condition("if", &entry.value));
        if !fields.has("then") {
            let place = fields.map.entry("do").map_or(node.place, |entry| entry.key.place);
            let body = self.case_body(&fields, (format!("if-{number}"), place), node.place);
            return match body? {
                ReadCase::Body(_, task) => Some(ReadCase::Body(Some(when?), task)),
                ReadCase::Jump(case) => Some(ReadCase::Jump(case)),
            };
        }
        self.misplaced(&fields, "name", "it names the body of a case");
        let then = fields.get("then").and_then(|entry| self.target(&entry.value, "then", around));
        Some(ReadCase::Jump(Case { when: Some(when?), then: then? }))
    }

    /// Reads the body of a case, without its condition.
    fn case_body(
        &mut self,
        fields: &Fields<'_>,
        (name, key): (String, Place),
        place: Place,
    ) -> Option<ReadCase> {
        if !fields.has("do") {
            if !fields.has("else") {
                let message =
                    if name == "else" { "`else` needs `do`" } else { "a case needs `then` or `do`" };
                self.report.refuse(codes::KEY_MISSING, place, message);
            }
            return None;
        }
        let name = match fields.get("name") {
            Some(entry) => {
                let value = self.fixed_text("`name`", &entry.value)?.to_owned();
                Spot { value, place: entry.value.place }
            }
            None => Spot { value: name, place: key },
        };
        let node = &fields.get("do")?.value;
        let task = self.body_task(name, node, Around::Alone)?;
        Some(ReadCase::Body(None, Box::new(task)))
    }

    /// Reads where `then` leads.
    pub(super) fn target(&mut self, node: &Node, key: &str, around: Around) -> Option<Spot<Target>> {
        let text = self.fixed_text(&format!("`{key}`"), node)?;
        let value = match (text, around) {
            (_, Around::Alone | Around::Action | Around::Catch) => {
                let message = "there is no other task beside this one to go on to";
                self.report.refuse(codes::SWITCH_CASES, node.place, message);
                return None;
            }
            ("exit", Around::Flow | Around::Member) => Target::Exit,
            ("end", Around::Flow | Around::Member) => Target::End,
            ("exit" | "end", Around::Graph | Around::Project) => {
                let message = format!("`{text}` leaves a `do:` list; a case under `tasks:` names a task");
                self.report.refuse(codes::SWITCH_CASES, node.place, message);
                return None;
            }
            (name, Around::Flow | Around::Member | Around::Graph | Around::Project) => {
                Target::Task(name.to_owned())
            }
        };
        Some(Spot { value, place: node.place })
    }
}
