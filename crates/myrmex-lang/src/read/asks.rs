//! Reads what a task asks for beside a place: `pools`, `lock`, `labels`, `resources`; and `queue` and `priority`.

use myrmex_model::demand::{CPU, MEMORY, Priority, parse_bytes};

use super::task::Around;
use super::{Fields, Reader};
use crate::codes;
use crate::outline::{Asks, Spot, Units};
use crate::tree::{Meaning, Node};

/// The most thousandths of cores that are asked for: more than any machine has.
const CPU_MAX: f64 = 1e9;

const PRIORITIES: [(&str, Priority); 5] = [
    ("background", Priority::Background),
    ("low", Priority::Low),
    ("normal", Priority::Normal),
    ("high", Priority::High),
    ("critical", Priority::Critical),
];

/// Returns the words of `priority`.
pub(super) fn priority_words() -> Vec<&'static str> {
    PRIORITIES.iter().map(|(word, _)| *word).collect()
}

/// The keys that are read here.
pub(super) const KEYS: [&str; 6] = ["pools", "lock", "queue", "priority", "labels", "resources"];

impl Reader<'_> {
    /// Reads those keys of `fields` that are among `takes`.
    pub(super) fn asks(&mut self, fields: &Fields<'_>, takes: &[&str]) -> Asks {
        let get = |key: &str| fields.get(key).filter(|_| takes.contains(&key)).map(|entry| &entry.value);
        let pools = get("pools").and_then(|node| self.units("`pools`", node));
        let lock = get("lock").and_then(|node| {
            let data = self.text_data("`lock`", node)?;
            let is_empty = data.template.as_literal().and_then(|value| value.as_str()) == Some("");
            if is_empty {
                self.refuse_type("`lock`", "something", node);
                return None;
            }
            Some(Spot { value: data, place: node.place })
        });
        let queue = get("queue").and_then(|node| {
            let text = self.fixed_text("`queue`", node)?;
            Some(self.name("a queue", text, node.place))
        });
        let priority = get("priority").and_then(|node| self.word("`priority`", node, &PRIORITIES));
        let labels = get("labels").and_then(|node| {
            let list = self.list("`labels`", node)?;
            let read = list.items.iter().filter_map(|item| {
                let data = self.text_data("a label", item)?;
                Some(Spot { value: data, place: item.place })
            });
            Some(read.collect())
        });
        let resources = get("resources").and_then(|node| self.resources(node));
        Asks { pools, lock, queue, priority, labels, resources }
    }

    /// Reads a map from names of pools to numbers of units.
    pub(super) fn units(&mut self, what: &str, node: &Node) -> Option<Units<u32>> {
        let map = self.map(what, node)?;
        let mut units = Vec::with_capacity(map.entries.len());
        for entry in &map.entries {
            let pool = self.name("a pool", &entry.key.text, entry.key.place);
            let count = self.count(&format!("`{}`", entry.key.text), &entry.value);
            units.extend(count.map(|value| (pool, Spot { value, place: entry.value.place })));
        }
        Some(units)
    }

    fn resources(&mut self, node: &Node) -> Option<Units<u64>> {
        let map = self.map("`resources`", node)?;
        let mut resources = Vec::with_capacity(map.entries.len());
        for entry in &map.entries {
            let name = self.name("a resource", &entry.key.text, entry.key.place);
            let amount = match entry.key.text.as_str() {
                CPU => self.cores(&entry.value),
                MEMORY => self.bytes(&entry.value),
                other => self.count(&format!("`{other}`"), &entry.value).map(u64::from),
            };
            resources.extend(amount.map(|value| (name, Spot { value, place: entry.value.place })));
        }
        Some(resources)
    }

    fn cores(&mut self, node: &Node) -> Option<u64> {
        if self.refuse_hole("`cpu`", node) {
            return None;
        }
        let cores = self.number("`cpu`", node)?;
        let thousandths = (cores * 1_000.0).round();
        if !(1.0..=CPU_MAX).contains(&thousandths) {
            let message = format!("`cpu` must be at least 0.001, this is {cores}");
            self.report.refuse(codes::NUMBER_BOUND, node.place, message);
            return None;
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is within bounds")]
        Some(thousandths as u64)
    }

    fn bytes(&mut self, node: &Node) -> Option<u64> {
        if self.refuse_hole("`memory`", node) {
            return None;
        }
        let scalar = node.as_scalar().filter(|scalar| {
            matches!(scalar.meaning, Meaning::Text | Meaning::Number(_)) && !scalar.text.is_empty()
        });
        let Some(text) = scalar.map(|scalar| scalar.text.as_str()) else {
            self.refuse_type("`memory`", "a size such as `512Mi`", node);
            return None;
        };
        let bytes = parse_bytes(text);
        if bytes.is_none_or(|bytes| bytes == 0) {
            let message = format!("`{text}` is not a size such as `512Mi` or `2G`");
            let is_bare = text.bytes().all(|byte| byte.is_ascii_digit());
            if is_bare {
                let hint = format!("write `{text}Mi` if it is mebibytes");
                self.report.refuse_hint(codes::SIZE, node.place, message, hint);
            } else {
                self.report.refuse(codes::SIZE, node.place, message);
            }
            return None;
        }
        bytes
    }

    /// Reads the pools that a workflow declares.
    pub(super) fn declared_pools(&mut self, fields: &Fields<'_>) -> Units<u32> {
        fields.get("pools").and_then(|entry| self.units("`pools`", &entry.value)).unwrap_or_default()
    }

    /// Reads what a task asks for, and reports what has no effect where it stands.
    pub(super) fn task_asks(
        &mut self,
        fields: &Fields<'_>,
        (verb, around): (&str, Around),
        is_scope: bool,
    ) -> Option<Box<Asks>> {
        let is_detached = fields.map.entry("wait").is_some_and(|entry| {
            entry.value.as_scalar().is_some_and(|scalar| scalar.meaning == Meaning::Boolean(false))
        });
        let takes: &[&str] = match verb {
            "run" => &KEYS,
            "tasks" | "do" | "try" | "repeat" | "use" => &["pools", "lock", "queue", "priority", "labels"],
            "switch" if is_scope => &["pools", "lock", "queue", "priority", "labels"],
            "workflow" if around == Around::Project && !is_detached => &["pools", "lock", "priority"],
            "workflow" if !is_detached => &["pools", "lock"],
            "manual" | "approval" | "form" if around == Around::Project => &["pools", "priority"],
            _ => &[],
        };
        for key in KEYS.into_iter().filter(|key| !takes.contains(key)) {
            let why = match verb {
                "workflow" if !matches!(key, "pools" | "lock") => {
                    "the tasks of the called workflow say it for themselves".to_owned()
                }
                "workflow" => "the task does not wait for the child".to_owned(),
                "manual" | "approval" | "form" => "people do it, and no worker".to_owned(),
                _ if !takes.is_empty() => "a block has no worker; give it to the tasks inside".to_owned(),
                _ => format!("the task does `{verb}`"),
            };
            self.misplaced(fields, key, &why);
        }
        let has_any = KEYS.iter().any(|key| takes.contains(key) && fields.has(key));
        has_any.then(|| Box::new(self.asks(fields, takes)))
    }

    /// Reads what holds for every `run` that does not say otherwise.
    pub(super) fn default_asks(&mut self, fields: &Fields<'_>) -> Asks {
        self.asks(fields, &KEYS)
    }
}
