//! Resources: what is counted becomes a pool of the settings; everything else has no equal yet and is reported.

use std::collections::BTreeMap;

use myrmex_model::diagnostic::Span;
use myrmex_model::name::Name;
use serde_json::{Value, json};

use super::{Fields, File};
use crate::import::page::Page;
use crate::import::{Draft, codes};
use crate::tree::{Map, Node};

/// Words for types, and those that mean the same.
const ALIASES: [(&str, &str); 7] = [
    ("api_quota", "external_api"),
    ("compute", "cpu"),
    ("file_handle", "file"),
    ("storage", "disk"),
    ("thread", "custom"),
    ("process", "custom"),
    ("", "custom"),
];

/// Types of which so many units may be in use at a time.
const POOLED: [&str; 6] = ["network", "gpu", "database", "semaphore", "queue", "custom"];

/// The other types.
const OTHERS: [&str; 6] = ["cpu", "memory", "disk", "external_api", "lock", "file"];

/// Units in which a pool is counted.
const UNITS: [&str; 3] = ["mbps", "units", "connections"];

/// What an execution writes into a resource.
const RUNTIME: [&str; 8] = [
    "allocated",
    "total_allocations",
    "total_usage_time",
    "current_users",
    "created_at",
    "updated_at",
    "allocations",
    "last_used",
];

/// Statuses with which a resource can be used, as usage is what an execution left.
const USABLE: [&str; 7] = ["available", "in_use", "reserved", "busy", "allocated", "depleted", "unknown"];

/// Statuses with which it cannot.
const UNUSABLE: [&str; 3] = ["maintenance", "unavailable", "offline"];

/// What the workspace has, as far as it can be said.
#[derive(Debug, Default)]
pub(super) struct Supply {
    pools: BTreeMap<String, u64>,
    origin: Option<Span>,
}

impl Supply {
    /// Reads a file of resources. One that cannot be read does not stop the others.
    pub(super) fn read(&mut self, file: &File<'_>, draft: &mut Draft) {
        let Some(root) = file.root.as_map() else { return };
        let mut fields = Fields::new(root);
        fields.entry("updated_at");
        let resources = fields.get("resources").and_then(Node::as_map);
        for entry in resources.into_iter().flat_map(|map| &map.entries) {
            let Some(map) = entry.value.as_map() else {
                let message = format!("the resource `{}` must be a map", entry.key.text);
                draft.error(codes::FIELD, file.at(entry.value.place), message);
                continue;
            };
            self.resource(file, (&entry.key.text, map, file.at(entry.key.place)), draft);
        }
        for entry in fields.rest() {
            let message = format!("`{}` beside the resources has no equal and is left out", entry.key.text);
            draft.warn(codes::NO_EQUAL, file.at(entry.key.place), message);
        }
    }

    fn resource(&mut self, file: &File<'_>, (key, map, at): (&str, &Map, Span), draft: &mut Draft) {
        let mut fields = Fields::new(map);
        let id =
            fields.get("id").and_then(|node| node.as_scalar()).map_or(key.to_owned(), |own| own.text.clone());
        if id != key {
            draft.warn(
                codes::NEARLY,
                at.clone(),
                format!("the resource `{key}` has the id `{id}`, which counts"),
            );
        }
        let node = fields.get("type").or_else(|| fields.get("resource_type"));
        let word =
            node.and_then(|node| node.as_scalar()).map_or(String::new(), |own| own.text.to_lowercase());
        let kind =
            ALIASES.iter().find(|(other, _)| *other == word).map_or(word.as_str(), |(_, own)| own).to_owned();
        if !POOLED.contains(&kind.as_str()) && !OTHERS.contains(&kind.as_str()) {
            let message = format!("`{word}` is no type of a resource: `{id}` is left out");
            draft.error(codes::MEANING, node.map_or(at, |node| file.at(node.place)), message);
            return;
        }
        if kind != word && !word.is_empty() {
            draft.note(at.clone(), format!("the type `{word}` of `{id}` means `{kind}`"));
        }
        status(file, &id, &mut fields, draft);
        for key in RUNTIME {
            if let Some(entry) = fields.entry(key).filter(|entry| !is_nothing(&entry.value)) {
                let message = format!("`{key}` of `{id}` is left out: it is what an execution left");
                draft.note(file.at(entry.key.place), message);
            }
        }
        let capacity = capacity(file, &id, &mut fields, draft);
        if POOLED.contains(&kind.as_str()) {
            self.pool(&id, &capacity, at, draft);
        } else {
            let message = format!("the resource `{id}` of type `{kind}` has no equal yet and is left out");
            draft.warn(codes::NO_EQUAL, at, message);
        }
        for entry in fields.rest().filter(|entry| !is_nothing(&entry.value)) {
            let inner = entry.value.as_map().map(|map| map.entries.as_slice()).unwrap_or_default();
            let inner = inner.iter().filter(|own| !is_nothing(&own.value));
            let keys: Vec<_> =
                inner.map(|own| (format!("{}.{}", entry.key.text, own.key.text), own.key.place)).collect();
            let whole = (entry.key.text.clone(), entry.key.place);
            for (key, place) in if keys.is_empty() { vec![whole] } else { keys } {
                let message = format!("`{key}` of the resource `{id}` has no equal yet and is left out");
                draft.warn(codes::NO_EQUAL, file.at(place), message);
            }
        }
    }

    /// Makes a pool of a resource that is counted in one unit.
    fn pool(&mut self, id: &str, capacity: &[(String, f64)], at: Span, draft: &mut Draft) {
        let [(unit, number)] = capacity else {
            let message = format!(
                "the resource `{id}` has no equal: a pool counts in one unit, this in {}",
                capacity.len()
            );
            draft.warn(codes::NO_EQUAL, at, message);
            return;
        };
        if Name::new(id).is_err() || number.fract() != 0.0 || !(1.0..=f64::from(u32::MAX)).contains(number) {
            let message = format!(
                "`{id}` with {number} {unit} cannot be a pool: it has a name and a whole number of units"
            );
            draft.error(codes::FIELD, at, message);
            return;
        }
        if !UNITS.contains(&unit.as_str()) {
            draft.warn(
                codes::NEARLY,
                at.clone(),
                format!("the unit `{unit}` of `{id}` is not known: it becomes a pool all the same"),
            );
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is whole and in bounds"
        )]
        let units = *number as u64;
        match self.pools.get(id) {
            Some(other) if *other != units => {
                let message = format!("the resource `{id}` has {units} units here and {other} elsewhere");
                draft.error(codes::CONFLICT, at, message);
            }
            Some(_) | None => {
                self.pools.insert(id.to_owned(), units);
                self.origin.get_or_insert(at);
            }
        }
    }

    /// Returns how many pools there are.
    pub(super) fn pools(&self) -> usize {
        self.pools.len()
    }

    /// Writes the settings with the pools, if there are any.
    pub(super) fn write(&self, draft: &mut Draft) {
        let Some(origin) = &self.origin else { return };
        let mut page = Page::default();
        page.comment("What the resources from codomyrmex have to give. No imported task takes units of a pool by itself.");
        let pools = self.pools.iter().map(|(name, units)| (name.clone(), json!(units)));
        page.key("pools", &Value::Object(pools.collect()));
        draft.file("myrmex.yaml".to_owned(), page.finish(), origin.clone());
    }
}

/// Looks at whether a resource can be used.
fn status(file: &File<'_>, id: &str, fields: &mut Fields<'_>, draft: &mut Draft) {
    let Some(node) = fields.get("status") else { return };
    let word = node.as_scalar().map_or(String::new(), |own| own.text.to_lowercase());
    let at = file.at(node.place);
    if UNUSABLE.contains(&word.as_str()) {
        let message = format!("`{id}` is {word}, which has no equal yet: tasks may use it");
        draft.warn(codes::NO_EQUAL, at, message);
    } else if word == "unknown" {
        draft.warn(codes::NEARLY, at, format!("`{id}` of unknown status counts as available"));
    } else if !USABLE.contains(&word.as_str()) {
        draft.error(codes::MEANING, at, format!("`{word}` is no status of a resource"));
    }
}

/// Reads how much there is, by unit.
fn capacity(file: &File<'_>, id: &str, fields: &mut Fields<'_>, draft: &mut Draft) -> Vec<(String, f64)> {
    let unit = fields.get("unit").and_then(|node| node.as_scalar()).map(|own| own.text.clone());
    let Some(node) = fields.get("capacity") else { return Vec::new() };
    let number = |node: &Node| node.as_scalar().and_then(|own| own.value().as_f64());
    if let Some(number) = number(node) {
        return vec![(unit.unwrap_or_else(|| "units".to_owned()), number)];
    }
    let entries = node.as_map().map(|map| map.entries.as_slice()).unwrap_or_default();
    let mut found = Vec::new();
    for entry in entries {
        let Some(number) = number(&entry.value) else {
            let message = format!("the capacity of `{id}` in {} must be a number", entry.key.text);
            draft.error(codes::FIELD, file.at(entry.value.place), message);
            continue;
        };
        found.push((entry.key.text.clone(), number));
    }
    found
}

/// Whether a value says nothing, so that nothing is lost without it.
fn is_nothing(node: &Node) -> bool {
    let is_empty = node.as_map().is_some_and(|map| map.entries.iter().all(|entry| is_nothing(&entry.value)))
        || node.as_list().is_some_and(|list| list.items.is_empty());
    node.is_null()
        || is_empty
        || node.as_scalar().is_some_and(|own| matches!(own.value(), Value::String(text) if text.is_empty()))
}
