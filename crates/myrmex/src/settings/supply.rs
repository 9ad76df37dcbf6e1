//! The keys `pools` and `worker` of the settings: what the workspace has to give.

use std::collections::{BTreeMap, BTreeSet};

use myrmex_engine::dispatch::SLOTS_MAX;
use myrmex_lang::codes;
use myrmex_lang::tree::{Meaning, Node};
use myrmex_model::demand::{CPU, MEMORY, NAMED_BYTES_MAX, parse_bytes};
use myrmex_model::name::Name;
use myrmex_model::value::Value;
use serde_json::json;

use super::Reader;

/// The keys of `worker`.
const KEYS: [&str; 3] = ["labels", "slots", "resources"];

/// What the settings say about the local worker, as far as they do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkerSettings {
    /// Labels that it has beside those of its machine.
    pub labels: Option<BTreeSet<String>>,
    /// How many attempts it runs at a time.
    pub slots: Option<u32>,
    /// What it has of each resource that is named, as [`myrmex_model::demand`] counts.
    pub resources: BTreeMap<Name, u64>,
}

/// Returns the JSON Schema of what stands under `pools`.
pub(super) fn pools_schema() -> Value {
    json!({
        "description": "The pools of all workflows: names, and how many units there are",
        "type": "object",
        "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_-]{0,63}$"},
        "additionalProperties": {"type": "integer", "minimum": 1, "maximum": u32::MAX},
    })
}

/// Returns the JSON Schema of what stands under `worker`.
pub(super) fn worker_schema() -> Value {
    json!({
        "description": "What the local worker has",
        "type": "object",
        "properties": {
            "labels": {
                "description": "Labels beside those of the machine",
                "type": "array",
                "items": {"type": "string", "minLength": 1},
            },
            "slots": {
                "description": "How many attempts it runs at a time, one for each core if not said",
                "type": "integer",
                "minimum": 1,
                "maximum": SLOTS_MAX,
            },
            "resources": {
                "description": "What it has: `cpu`, `memory`, or others by count",
                "type": "object",
                "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_-]{0,63}$"},
                "properties": {
                    "cpu": {"type": "number", "minimum": 0.001},
                    "memory": {"type": "string", "pattern": "^[0-9]+(B|[kKMGT]|[KMGT]i)$"},
                },
                "additionalProperties": {"type": "integer", "minimum": 1, "maximum": u32::MAX},
            },
        },
        "patternProperties": {"^x-": {}},
        "additionalProperties": false,
    })
}

impl Reader<'_> {
    /// Reads what stands under `pools`.
    pub(super) fn pools(&mut self, node: &Node) -> BTreeMap<Name, u32> {
        let mut pools = BTreeMap::new();
        let Some(map) = self.map("`pools`", node) else { return pools };
        for entry in &map.entries {
            let (key, count) = (&entry.key.text, self.units(&entry.key.text, &entry.value));
            match Name::new(key) {
                Ok(name) => pools.extend(count.map(|count| (name, count))),
                Err(error) => {
                    let message = format!("`{key}` cannot name a pool: {error}");
                    self.refuse(codes::NAME, entry.key.place, message);
                }
            }
        }
        pools
    }

    /// Reads what stands under `worker`.
    pub(super) fn worker(&mut self, node: &Node) -> WorkerSettings {
        let mut worker = WorkerSettings::default();
        let Some(map) = self.map("`worker`", node) else { return worker };
        self.keys(map, &KEYS, "`worker`");
        if let Some(entry) = map.entry("labels") {
            worker.labels = self.labels(&entry.value);
        }
        if let Some(entry) = map.entry("slots") {
            let slots = self.units("slots", &entry.value);
            if let Some(many) = slots.filter(|slots| *slots > SLOTS_MAX) {
                let message = format!("`slots` must be at most {SLOTS_MAX}, this is {many}");
                self.refuse(codes::NUMBER_BOUND, entry.value.place, message);
            }
            worker.slots = slots.filter(|slots| *slots <= SLOTS_MAX);
        }
        if let Some(entry) = map.entry("resources")
            && let Some(resources) = self.map("`resources`", &entry.value)
        {
            for entry in &resources.entries {
                let amount = self.resource(&entry.key.text, &entry.value);
                match Name::new(&entry.key.text) {
                    Ok(name) => worker.resources.extend(amount.map(|amount| (name, amount))),
                    Err(error) => {
                        let message = format!("`{}` cannot name a resource: {error}", entry.key.text);
                        self.refuse(codes::NAME, entry.key.place, message);
                    }
                }
            }
        }
        worker
    }

    fn labels(&mut self, node: &Node) -> Option<BTreeSet<String>> {
        let Some(list) = node.as_list() else {
            self.refuse_type("`labels`", "a list", node);
            return None;
        };
        let labels = list.items.iter().filter_map(|item| {
            let label = self.text("a label", item)?.to_owned();
            if label.len() > NAMED_BYTES_MAX {
                let message = format!("a label must be at most {NAMED_BYTES_MAX} bytes long");
                self.refuse(codes::NUMBER_BOUND, item.place, message);
            }
            Some(label)
        });
        Some(labels.collect())
    }

    fn resource(&mut self, name: &str, node: &Node) -> Option<u64> {
        match name {
            MEMORY => {
                let text = node.as_scalar().map(|scalar| scalar.text.as_str()).unwrap_or_default();
                let bytes = parse_bytes(text).filter(|bytes| *bytes > 0);
                if bytes.is_none() && !node.is_broken() {
                    let message = format!("`{text}` is not a size such as `512Mi` or `2G`");
                    self.refuse(codes::SIZE, node.place, message);
                }
                bytes
            }
            CPU => {
                let number = node.as_scalar().and_then(|scalar| match &scalar.meaning {
                    Meaning::Number(number) => number.as_f64(),
                    Meaning::Text | Meaning::Null | Meaning::Boolean(_) => None,
                });
                let Some(cores) = number else {
                    self.refuse_type("`cpu`", "a number", node);
                    return None;
                };
                let thousandths = (cores * 1_000.0).round();
                if !(1.0..=1e9).contains(&thousandths) {
                    let message = format!("`cpu` must be at least 0.001, this is {cores}");
                    self.refuse(codes::NUMBER_BOUND, node.place, message);
                    return None;
                }
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "it is within bounds"
                )]
                Some(thousandths as u64)
            }
            other => self.units(other, node).map(u64::from),
        }
    }

    /// Reads a whole number of at least one.
    fn units(&mut self, key: &str, node: &Node) -> Option<u32> {
        let most = u64::from(u32::MAX);
        let count = self.count(key, node, 1..=most)?;
        u32::try_from(count).ok()
    }
}
