//! Reads the risks of a project.

use myrmex_model::name::Name;
use myrmex_model::planning::{Impact, Risk, RiskKind, RiskStatus, ThreePoint};

use super::Reader;
use super::keys::project as keys;
use crate::codes;
use crate::outline::{Mentioned, Spot};
use crate::tree::{Entry, Node};

const KINDS: [(&str, RiskKind); 2] = [("threat", RiskKind::Threat), ("opportunity", RiskKind::Opportunity)];

const STATUSES: [(&str, RiskStatus); 3] =
    [("open", RiskStatus::Open), ("triggered", RiskStatus::Triggered), ("closed", RiskStatus::Closed)];

/// The worst grade that people give.
const GRADE_MAX: u32 = 5;

/// Returns the words of `kind`.
pub(super) fn risk_kind_words() -> Vec<&'static str> {
    KINDS.iter().map(|(word, _)| *word).collect()
}

/// Returns the words of `status`.
pub(super) fn risk_status_words() -> Vec<&'static str> {
    STATUSES.iter().map(|(word, _)| *word).collect()
}

impl Reader<'_> {
    pub(super) fn risks(&mut self, node: &Node) -> Vec<Risk> {
        let map = self.map("`risks`", node);
        let mut all = Vec::new();
        for Entry { key, value } in map.map_or(&[][..], |map| &map.entries) {
            let spot = self.name("a risk", &key.text, key.place);
            all.extend(self.risk(&spot, value));
        }
        all
    }

    fn risk(&mut self, name: &Spot<String>, node: &Node) -> Option<Risk> {
        let map = self.map(&format!("the risk `{}`", name.value), node)?;
        let fields = self.fields(map, &keys::RISK);
        for key in ["cause", "effect"] {
            if let Some(entry) = fields.get(key) {
                self.remark(key, &entry.value);
            }
        }
        let mut text = |key: &str| {
            let text = fields.get(key).and_then(|entry| self.fixed_text(&format!("`{key}`"), &entry.value));
            text.map(str::to_owned)
        };
        let (event, category) = (text("event"), text("category"));
        let kind = fields.get("kind").and_then(|entry| self.word("`kind`", &entry.value, &KINDS));
        let status = fields.get("status").and_then(|entry| self.word("`status`", &entry.value, &STATUSES));
        let impact =
            fields.get("impact").and_then(|entry| self.count_up_to("`impact`", &entry.value, GRADE_MAX));
        let owner = fields.get("owner").and_then(|entry| self.party("`owner`", &entry.value));
        let affects = fields.get("affects").map(|entry| self.impacts(&entry.value)).unwrap_or_default();
        if !fields.has("probability") {
            let message = format!("the risk `{}` needs `probability`", name.value);
            self.report.refuse(codes::KEY_MISSING, name.place, message);
        }
        let probability =
            fields.get("probability").and_then(|entry| self.fraction("`probability`", &entry.value));
        Some(Risk {
            name: Name::new(&name.value).ok()?,
            event,
            kind: kind.unwrap_or_default(),
            status: status.unwrap_or_default(),
            probability: probability?,
            impact: impact.and_then(|grade| u8::try_from(grade).ok()),
            owner,
            category,
            affects,
        })
    }

    fn impacts(&mut self, node: &Node) -> Vec<Impact> {
        let map = self.map("`affects`", node);
        let mut all = Vec::new();
        for Entry { key, value } in map.map_or(&[][..], |map| &map.entries) {
            let task = self.mentioned(Mentioned::Task, &key.text, key.place);
            let Some(map) = self.map(&format!("the impact on `{}`", key.text), value) else { continue };
            let fields = self.fields(map, &keys::IMPACT);
            let time = fields.get("time").and_then(|entry| self.delay(&entry.value));
            let cost = fields.get("cost").and_then(|entry| self.price("`cost`", &entry.value));
            all.extend(task.map(|task| Impact { task, time, cost }));
        }
        all
    }

    /// Reads how much longer a task lasts: one length, or three.
    fn delay(&mut self, node: &Node) -> Option<ThreePoint> {
        let Some(map) = node.as_map() else {
            let likely = self.extent("`time`", node)?;
            return Some(ThreePoint { optimistic: likely, likely, pessimistic: likely });
        };
        let fields = self.fields(map, &keys::DELAY);
        for key in ["min", "likely", "max"] {
            if !fields.has(key) {
                let message = format!("`time` of three points needs `{key}` too");
                self.report.refuse(codes::KEY_MISSING, node.place, message);
            }
        }
        let mut extent =
            |key: &str| fields.get(key).and_then(|entry| self.extent(&format!("`{key}`"), &entry.value));
        let (min, likely, max) = (extent("min"), extent("likely"), extent("max"));
        let (optimistic, likely, pessimistic) = (min?, likely?, max?);
        self.ascending(&fields, ("min", optimistic), ("likely", likely));
        self.ascending(&fields, ("likely", likely), ("max", pessimistic));
        Some(ThreePoint { optimistic, likely, pessimistic })
    }
}
