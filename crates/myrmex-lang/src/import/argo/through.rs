//! Parameters of the workflow go through the actions that read them, or that use one which does.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::reference::of_workflow;
use crate::import::flow::Task;
use crate::import::template::field;

/// Which parameters of the workflow each action is told.
pub(super) struct Through<'l> {
    library: &'l str,
    told: BTreeMap<String, BTreeSet<String>>,
}

impl<'l> Through<'l> {
    /// Finds out which action is told which of these parameters.
    pub(super) fn new(library: &'l str, actions: &Map<String, Value>, parameters: &BTreeSet<String>) -> Self {
        let mut through = Self { library, told: BTreeMap::new() };
        let mut users: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        let mut texts = Vec::new();
        for (name, action) in actions {
            let mut own = Vec::new();
            collect(action, &mut own);
            for text in &own {
                if let Some(used) = through.used(text) {
                    users.entry(used).or_default().insert(name);
                }
            }
            texts.push((name.as_str(), own));
        }
        for parameter in parameters {
            let read = format!("inputs{}", field(&of_workflow(parameter)));
            let reading = texts.iter().filter(|(_, own)| own.iter().any(|text| text.contains(&read)));
            let mut open: Vec<&str> = reading.map(|(name, _)| *name).collect();
            while let Some(name) = open.pop() {
                if through.told.entry(name.to_owned()).or_default().insert(parameter.clone()) {
                    open.extend(users.get(name).into_iter().flatten());
                }
            }
        }
        through
    }

    /// Returns the action of this library that a text names as `use` does.
    fn used<'t>(&self, text: &'t str) -> Option<&'t str> {
        text.strip_prefix(self.library)?.strip_prefix('/')?.strip_suffix("@1")
    }

    /// Gives an action the inputs by which it is told, and gives them on to those that it uses.
    pub(super) fn action(&self, name: &str, action: &mut Value) {
        let of_input = |parameter: &str| format!("inputs{}", field(&of_workflow(parameter)));
        self.give(action, &of_input);
        let Value::Object(action) = action else { return };
        let told = self.told.get(name).into_iter().flatten();
        let more: Map<String, Value> = told.map(|own| (of_workflow(own), json!({"type": "any"}))).collect();
        if more.is_empty() {
            return;
        }
        let mut inputs = match action.remove("inputs") {
            Some(Value::Object(inputs)) => inputs,
            Some(_) | None => Map::new(),
        };
        inputs.extend(more);
        // The inputs stand behind the version.
        let rest = std::mem::take(action);
        for (key, value) in rest {
            let is_version = key == "version";
            action.insert(key, value);
            if is_version {
                action.insert("inputs".to_owned(), Value::Object(std::mem::take(&mut inputs)));
            }
        }
    }

    /// Gives a task of the workflow itself what the actions that it uses are told.
    pub(super) fn task(&self, task: Task) -> Task {
        let mut value = Value::Object(task);
        self.give(&mut value, &|parameter| format!("inputs{}", field(parameter)));
        match value {
            Value::Object(task) => task,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                Task::new()
            }
        }
    }

    fn give(&self, value: &mut Value, source: &impl Fn(&str) -> String) {
        match value {
            Value::Object(map) => {
                let used = map
                    .get("use")
                    .and_then(Value::as_str)
                    .and_then(|text| self.used(text))
                    .map(str::to_owned);
                if let (Some(used), Some(Value::Object(with))) = (used, map.get_mut("with")) {
                    let told = self.told.get(&used).into_iter().flatten();
                    with.extend(
                        told.map(|own| (of_workflow(own), json!(format!("${{{{ {} }}}}", source(own))))),
                    );
                    if with.is_empty() {
                        map.remove("with");
                    }
                }
                map.values_mut().for_each(|member| self.give(member, source));
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.give(item, source)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

fn collect<'v>(value: &'v Value, texts: &mut Vec<&'v str>) {
    match value {
        Value::String(text) => texts.push(text),
        Value::Object(map) => map.values().for_each(|member| collect(member, texts)),
        Value::Array(items) => items.iter().for_each(|item| collect(item, texts)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
