//! Reads what a task does: the value of its verb.

use std::str::FromStr;
use std::sync::Arc;

use myrmex_model::template::Template;
use myrmex_model::time::Timestamp;

use super::task::Around;
use super::{Fields, Reader, keys};
use crate::codes;
use crate::outline::{Data, Rounds, Run, RunWhat, Scope, Verb, Wait};
use crate::tree::{Entry, Kind, Map, Node, Place};

/// The most rounds of a `repeat`: each leaves records in the journal of its run, which is read as a whole.
pub(crate) const ROUNDS_MAX: u32 = 100_000;

impl Reader<'_> {
    /// Reads the verb that `entry` is; `fields` are those of the whole task.
    pub(super) fn verb(&mut self, entry: &Entry, fields: &Fields<'_>, around: Around) -> Option<Verb> {
        let node = &*entry.value;
        match entry.key.text.as_str() {
            "run" => self.run(node, fields).map(Verb::Run),
            "set" => self.set(node).map(Verb::Set),
            "switch" => self.switch(entry, around),
            "fail" => self.fail(node).map(Verb::Fail),
            "wait" => self.wait(node),
            "tasks" => self.graph(entry, fields).map(Verb::Block),
            "do" => self.flow(entry).map(Verb::Block),
            "try" => self.guarded(entry).map(Verb::Block),
            "workflow" => self.call(node, fields).map(Verb::Call),
            "use" => self.used(node, fields).map(Verb::Use),
            "manual" => self.manual(node).map(|body| Verb::Await(Box::new(body))),
            "approval" => self.approval(node).map(|body| Verb::Await(Box::new(body))),
            "form" => self.form(node).map(|body| Verb::Await(Box::new(body))),
            "repeat" => self.repeat(node).map(Verb::Block),
            _ => None,
        }
    }

    fn run(&mut self, node: &Node, fields: &Fields<'_>) -> Option<Run> {
        let what = self.run_what(node);
        self.refuse_nul("`run`", node);
        for key in ["env", "workdir", "artifacts"] {
            if let Some(entry) = fields.get(key) {
                self.refuse_nul(&format!("`{key}`"), &entry.value);
            }
        }
        let (mut env, workdir) = self.surroundings(fields);
        if let Some(entry) = fields.get("secrets") {
            env.extend(self.secrets(&entry.value));
        }
        let artifacts = fields.get("artifacts").map(|entry| self.artifacts(&entry.value)).unwrap_or_default();
        let cache = self.cache(fields).map(Box::new);
        Some(Run { what: what?, artifacts, cache, env, workdir })
    }

    /// Reports texts for a process that hold the character NUL, with which texts end for the operating system.
    fn refuse_nul(&mut self, what: &str, node: &Node) {
        let node = node.followed();
        match &node.kind {
            Kind::Scalar(scalar) if scalar.text.contains('\0') => {
                let message = format!("{what} holds the character NUL (`\\0`), no process can be given it");
                self.report.refuse(codes::TEXT_NUL, node.place, message);
            }
            Kind::List(list) => list.items.iter().for_each(|item| self.refuse_nul(what, item)),
            Kind::Map(map) => map.entries.iter().for_each(|entry| self.refuse_nul(what, &entry.value)),
            Kind::Scalar(_) | Kind::Alias(_) | Kind::Broken => {}
        }
    }

    fn run_what(&mut self, node: &Node) -> Option<RunWhat> {
        let Some(map) = node.as_map() else {
            if node.as_scalar().and_then(|scalar| scalar.as_text()).is_none() {
                self.refuse_type("`run`", "text, or a map with `command` or `script`", node);
                return None;
            }
            self.warn_folded("run", node);
            return self.script(node).map(|text| RunWhat::Script { text, interpreter: None });
        };
        let fields = self.fields(map, &keys::RUN);
        match (fields.map.entry("command"), fields.map.entry("script")) {
            (Some(command), None) => {
                self.misplaced(&fields, "interpreter", "a `command` names its own program");
                self.command(&command.value).map(RunWhat::Command)
            }
            (None, Some(script)) => {
                self.warn_folded("script", &script.value);
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
                self.refuse_missing(map, &keys::RUN, (node.place, message));
                None
            }
        }
    }

    /// Reports that a key is missing, unless one is written wrong: it was refused, and may be the one that is meant.
    pub(super) fn refuse_missing(&mut self, map: &Map, keys: &keys::Keys, (place, message): (Place, &str)) {
        if map.entries.iter().all(|entry| keys.known(&entry.key.text).is_some()) {
            self.report.refuse(codes::KEY_MISSING, place, message);
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
            self.warn_reshaped("a part of `command`", item);
        }
        self.warn_foreign_holes(node);
        self.data(node)
    }

    /// Reads data that is text, or an expression.
    pub(super) fn text_data(&mut self, what: &str, node: &Node) -> Option<Data> {
        if node.as_scalar().and_then(|scalar| scalar.as_text()).is_none() {
            self.refuse_type(what, "text", node);
            return None;
        }
        self.data(node)
    }

    fn set(&mut self, node: &Node) -> Option<Data> {
        let data = self.data(node)?;
        self.warn_foreign_holes(node);
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
            self.refuse_missing(map, &keys::FAIL, (node.place, "`fail` needs a `title` or a `type`"));
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

    fn wait(&mut self, node: &Node) -> Option<Verb> {
        if let Some(map) = node.as_map() {
            let later_count =
                map.entries.iter().filter(|e| keys::WAIT.later.contains(&e.key.text.as_str())).count();
            let fields = self.fields(map, &keys::WAIT);
            if fields.has("signal") {
                return self.wait_signal(map, &fields).map(|body| Verb::Await(Box::new(body)));
            }
            self.misplaced(&fields, "timeout", "there is no `signal` to wait for");
            let Some(until) = fields.get("until") else {
                if later_count == 0 && !fields.has("until") {
                    self.refuse_missing(
                        map,
                        &keys::WAIT,
                        (node.place, "`wait` needs a duration, `until` or `signal`"),
                    );
                }
                return None;
            };
            let data = self.text_data("`until`", &until.value)?;
            if let Some(text) = data.template.as_literal().and_then(|value| value.as_str())
                && let Err(error) = Timestamp::from_str(text)
            {
                self.report.refuse(codes::INSTANT, until.value.place, error.to_string());
            }
            return Some(Verb::Wait(Wait::Until(data)));
        }
        if node.as_scalar().is_some_and(|scalar| scalar.text.contains(super::HOLE)) {
            return self.text_data("`wait`", node).map(Wait::After).map(Verb::Wait);
        }
        let length = self.length("`wait`", node)?;
        Some(Verb::Wait(Wait::After(Data {
            template: Template::Literal(length.to_string().into()),
            reads: Arc::default(),
            is_secret: false,
        })))
    }

    /// Reads `repeat`: a flow that goes round.
    fn repeat(&mut self, node: &Node) -> Option<Scope> {
        let map = self.map("`repeat`", node)?;
        let fields = self.fields(map, &keys::REPEAT);
        for key in ["max", "do"] {
            if !fields.has(key) {
                self.refuse_missing(map, &keys::REPEAT, (node.place, &format!("`repeat` needs `{key}`")));
            }
        }
        let scope = fields.map.entry("do").and_then(|entry| self.flow(entry));
        let most = fields.get("max").and_then(|entry| self.rounds(&entry.value));
        let condition = |reader: &mut Self, key: &str| {
            fields.get(key).and_then(|entry| reader.condition(key, &entry.value))
        };
        let (before, after) = (condition(self, "while"), condition(self, "until"));
        match (fields.map.entry("while"), fields.map.entry("until")) {
            (Some(_), Some(until)) => {
                let message = "`repeat` takes `while` or `until`, not both";
                self.report.refuse(codes::KEY_MISPLACED, until.key.place, message);
            }
            (None, None) => {
                let message = "`repeat` needs `while` or `until`";
                self.refuse_missing(map, &keys::REPEAT, (node.place, message));
            }
            (Some(_), None) | (None, Some(_)) => {}
        }
        let is_while = fields.has("while");
        // What could be read stays, so that what refers to tasks inside is not reported too.
        let (mut scope, most) = (scope?, most.unwrap_or(1));
        scope.rounds = before.or(after).map(|condition| Rounds { condition, is_while, most });
        Some(scope)
    }

    fn rounds(&mut self, node: &Node) -> Option<u32> {
        self.count_up_to("`max`", node, ROUNDS_MAX)
    }
}
