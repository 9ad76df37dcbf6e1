//! Reads what a task does: the value of its verb.

use std::str::FromStr;

use myrmex_model::template::Template;
use myrmex_model::time::Timestamp;

use super::task::Around;
use super::{Fields, Reader, keys};
use crate::codes;
use crate::outline::{Case, Data, Run, RunWhat, Spot, Target, Verb, Wait};
use crate::tree::{Entry, Map, Node};

impl Reader<'_> {
    /// Reads the verb that `entry` is; `fields` are those of the whole task.
    pub(super) fn verb(&mut self, entry: &Entry, fields: &Fields<'_>, around: Around) -> Option<Verb> {
        let node = &*entry.value;
        match entry.key.text.as_str() {
            "run" => self.run(node, fields).map(Verb::Run),
            "set" => self.set(node).map(Verb::Set),
            "switch" => self.switch(node, around).map(Verb::Switch),
            "fail" => self.fail(node).map(Verb::Fail),
            "wait" => self.wait(node).map(Verb::Wait),
            "tasks" => self.graph(entry, fields).map(Verb::Block),
            "do" => self.flow(entry).map(Verb::Block),
            "try" => self.guarded(entry).map(Verb::Block),
            _ => None,
        }
    }

    fn run(&mut self, node: &Node, fields: &Fields<'_>) -> Option<Run> {
        let what = self.run_what(node);
        let env = fields.get("env").map(|entry| self.env(&entry.value)).unwrap_or_default();
        let workdir = fields.get("workdir").and_then(|entry| self.text_data("`workdir`", &entry.value));
        Some(Run { what: what?, env, workdir })
    }

    fn run_what(&mut self, node: &Node) -> Option<RunWhat> {
        let Some(map) = node.as_map() else {
            if node.as_scalar().and_then(|scalar| scalar.as_text()).is_none() {
                self.refuse_type("`run`", "text, or a map with `command` or `script`", node);
                return None;
            }
            return self.script(node).map(|text| RunWhat::Script { text, interpreter: None });
        };
        let fields = self.fields(map, &keys::RUN);
        match (fields.map.entry("command"), fields.map.entry("script")) {
            (Some(command), None) => {
                self.misplaced(&fields, "interpreter", "a `command` names its own program");
                self.command(&command.value).map(RunWhat::Command)
            }
            (None, Some(script)) => {
                let text = self.script(&script.value);
                let interpreter = fields
                    .get("interpreter")
                    .and_then(|entry| self.fixed_text("`interpreter`", &entry.value))
                    .map(str::to_owned);
                Some(RunWhat::Script { text: text?, interpreter })
            }
            (Some(_), Some(script)) => {
                let message = "`run` takes `command` or `script`, not both";
                self.report.refuse(codes::KEY_MISPLACED, script.key.place, message);
                None
            }
            (None, None) => {
                let message = "`run` needs `command` or `script`";
                self.report.refuse(codes::KEY_MISSING, node.place, message);
                None
            }
        }
    }

    fn command(&mut self, node: &Node) -> Option<Data> {
        let Some(list) = node.as_list() else {
            if !node.is_broken() {
                let message = format!("`command` must be a list, this is {}", node.type_word());
                let hint = "write [PROGRAM, ARGUMENT, …], or use `script` for shell text";
                self.report.refuse_hint(codes::TYPE, node.place, message, hint);
            }
            return None;
        };
        if list.items.is_empty() {
            self.report.refuse(codes::KEY_MISSING, node.place, "`command` names no program");
            return None;
        }
        for item in &list.items {
            if item.as_scalar().is_none() || item.is_null() {
                self.refuse_type("a part of `command`", "a single value", item);
            }
        }
        self.data(node)
    }

    /// Reads data that is text, or an expression.
    fn text_data(&mut self, what: &str, node: &Node) -> Option<Data> {
        if node.as_scalar().and_then(|scalar| scalar.as_text()).is_none() {
            self.refuse_type(what, "text", node);
            return None;
        }
        self.data(node)
    }

    fn set(&mut self, node: &Node) -> Option<Data> {
        let data = self.data(node)?;
        let is_expression = matches!(data.template, Template::Expr(_));
        if node.as_map().is_none() && !is_expression {
            let message = format!("`set` must be a map or one expression, this is {}", node.type_word());
            self.report.refuse(codes::TYPE, node.place, message);
            return None;
        }
        Some(data)
    }

    fn fail(&mut self, node: &Node) -> Option<Data> {
        let Some(map) = node.as_map() else { return self.text_data("`fail`", node) };
        let fields = self.fields(map, &keys::FAIL);
        if !fields.has("title") && !fields.has("type") {
            self.report.refuse(codes::KEY_MISSING, node.place, "`fail` needs a `title` or a `type`");
        }
        for key in ["type", "title", "detail"] {
            if let Some(entry) = fields.get(key)
                && entry.value.as_scalar().and_then(|scalar| scalar.as_text()).is_none()
            {
                self.refuse_type(&format!("`{key}`"), "text", &entry.value);
            }
        }
        if let Some(entry) = fields.get("status") {
            self.fail_status(&entry.value);
        }
        self.data(node)
    }

    fn fail_status(&mut self, node: &Node) {
        let is_hole = node.as_scalar().is_some_and(|scalar| scalar.text.contains(super::HOLE));
        if !is_hole
            && let Some(status) = self.count("`status`", node)
            && !(100..=599).contains(&status)
        {
            let message = format!("`status` must be between 100 and 599, this is {status}");
            self.report.refuse(codes::NUMBER_BOUND, node.place, message);
        }
    }

    fn wait(&mut self, node: &Node) -> Option<Wait> {
        if let Some(map) = node.as_map() {
            let later_count =
                map.entries.iter().filter(|e| keys::WAIT.later.contains(&e.key.text.as_str())).count();
            let fields = self.fields(map, &keys::WAIT);
            let Some(until) = fields.get("until") else {
                if later_count == 0 && !fields.has("until") {
                    self.report.refuse(codes::KEY_MISSING, node.place, "`wait` needs a duration or `until`");
                }
                return None;
            };
            let data = self.text_data("`until`", &until.value)?;
            if let Some(text) = data.template.as_literal().and_then(|value| value.as_str())
                && let Err(error) = Timestamp::from_str(text)
            {
                self.report.refuse(codes::INSTANT, until.value.place, error.to_string());
            }
            return Some(Wait::Until(data));
        }
        if node.as_scalar().is_some_and(|scalar| scalar.text.contains(super::HOLE)) {
            return self.text_data("`wait`", node).map(Wait::After);
        }
        let length = self.length("`wait`", node)?;
        Some(Wait::After(Data { template: Template::Literal(length.to_string().into()), reads: [].into() }))
    }

    fn switch(&mut self, node: &Node, around: Around) -> Option<Vec<Case>> {
        let list = self.list("`switch`", node)?;
        if list.items.is_empty() {
            self.report.refuse(codes::SWITCH_CASES, node.place, "a `switch` without cases always fails");
            return None;
        }
        let mut cases = Vec::with_capacity(list.items.len());
        let mut is_good = true;
        for (index, item) in list.items.iter().enumerate() {
            let Some(map) = self.map("a case", item) else {
                is_good = false;
                continue;
            };
            let case = self.case(item, map, around);
            is_good &= case.is_some();
            if map.entry("else").is_some() && index + 1 < list.items.len() {
                let message = "`else` must be the last case, those after it are never asked";
                self.report.refuse(codes::SWITCH_CASES, item.place, message);
            }
            cases.extend(case);
        }
        is_good.then_some(cases)
    }

    fn case(&mut self, node: &Node, map: &Map, around: Around) -> Option<Case> {
        let fields = self.fields(map, &keys::CASE);
        if fields.has("else") && (fields.has("if") || fields.has("then")) {
            let message = "a case has `if` and `then`, or `else` alone";
            self.report.refuse(codes::SWITCH_CASES, node.place, message);
            return None;
        }
        if let Some(entry) = fields.get("else") {
            if let Some(body) = entry.value.as_map() {
                let key = body.entries.first().map_or(entry.key.place, |entry| entry.key.place);
                self.later(codes::VALUE_LATER, key, "a body as a case");
                return None;
            }
            return Some(Case { when: None, then: self.target(&entry.value, "else", around)? });
        }
        let is_later = fields.has("do");
        for key in ["if", "then"] {
            if !fields.has(key) && !is_later && !fields.has("else") {
                let message = format!("a case needs `{key}`");
                self.report.refuse(codes::KEY_MISSING, node.place, message);
            }
        }
        let when = fields.get("if").and_then(|entry| self.condition("if", &entry.value));
        let then = fields.get("then").and_then(|entry| self.target(&entry.value, "then", around));
        Some(Case { when: Some(when?), then: then? })
    }

    /// Reads where `then` leads.
    pub(super) fn target(&mut self, node: &Node, key: &str, around: Around) -> Option<Spot<Target>> {
        let text = self.fixed_text(&format!("`{key}`"), node)?;
        let value = match (text, around) {
            (_, Around::Alone | Around::Catch) => {
                let message = "there is no other task beside this one to go on to";
                self.report.refuse(codes::SWITCH_CASES, node.place, message);
                return None;
            }
            ("exit", Around::Flow | Around::Member) => Target::Exit,
            ("end", Around::Flow | Around::Member) => Target::End,
            ("exit" | "end", Around::Graph) => {
                let message = format!("`{text}` leaves a `do:` list; a case under `tasks:` names a task");
                self.report.refuse(codes::SWITCH_CASES, node.place, message);
                return None;
            }
            (name, Around::Flow | Around::Member | Around::Graph) => Target::Task(name.to_owned()),
        };
        Some(Spot { value, place: node.place })
    }
}
