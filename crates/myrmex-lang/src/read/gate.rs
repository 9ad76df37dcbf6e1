//! Reads the gates of projects, and whom they and other questions of projects are for.

use std::sync::Arc;

use myrmex_model::ir::{AwaitKind, GateDecision};
use myrmex_model::planning::Extent;
use myrmex_model::template::Template;
use myrmex_model::time::Length;

use super::keys::project as keys;
use super::{Fields, HOLE, Reader};
use crate::codes;
use crate::outline::{Await, CheckItem, Data, Gate, Mentioned, Spot};
use crate::tree::Node;

/// Decisions that the language has and runs do not carry out yet.
const DECISIONS_LATER: [&str; 2] = ["conditional", "recycle"];

const EVIDENCE: [(&str, bool); 2] = [("required", true), ("optional", false)];

/// Returns the words of `evidence`.
pub(super) fn evidence_words() -> Vec<&'static str> {
    EVIDENCE.iter().map(|(word, _)| *word).collect()
}

impl Reader<'_> {
    /// Reads who is asked, and how long that may take.
    pub(super) fn asked_of(&mut self, own: &mut Await, fields: &Fields<'_>) {
        own.from = fields.get("from").and_then(|entry| self.party_data("`from`", &entry.value));
        own.exclude = fields.get("exclude").and_then(|entry| self.party_data("`exclude`", &entry.value));
        own.count = fields.get("count").and_then(|entry| self.count("`count`", &entry.value));
        own.expires = fields.get("expires").and_then(|entry| self.expiry(&entry.value));
    }

    /// Reads how long an answer may take. The clock on the wall decides about it.
    pub(super) fn expiry(&mut self, node: &Node) -> Option<Length> {
        if !self.is_project {
            return self.length("`expires`", node);
        }
        match self.extent("`expires`", node)? {
            Extent::Elapsed { millis } => u64::try_from(millis).ok().map(Length),
            Extent::Working { .. } => {
                let text = node.as_scalar().map_or("", |scalar| scalar.text.as_str());
                let message = "`expires` in working time is not supported yet";
                let hint = format!("write elapsed time, such as `{}`", elapsed_form(text));
                self.report.refuse_hint(codes::KEY_LATER, node.place, message, hint);
                None
            }
        }
    }

    /// Reads a gate of a project.
    pub(super) fn gate(&mut self, name: &Spot<String>, fields: &Fields<'_>) -> Await {
        let ask = fields.get("ask").and_then(|entry| self.text_data("`ask`", &entry.value));
        let ask = ask.unwrap_or_else(|| Data::text(format!("Does `{}` open?", name.value)));
        let criteria = fields.get("criteria").map(|entry| self.criteria(&entry.value)).unwrap_or_default();
        let checklist = fields.get("checklist").map(|entry| self.checklist(&entry.value)).unwrap_or_default();
        let decisions = fields.get("decisions").map(|entry| self.decisions(&entry.value)).unwrap_or_default();
        let decisions =
            if decisions.is_empty() { vec![GateDecision::Go, GateDecision::Stop] } else { decisions };
        let gate = Some(Box::new(Gate { criteria, checklist, decisions }));
        let kind = AwaitKind::Gate(Box::default());
        let mut own = Await { kind, ask: Some(ask), gate, ..Await::default() };
        self.asked_of(&mut own, fields);
        own
    }

    fn criteria(&mut self, node: &Node) -> Vec<(Spot<String>, crate::outline::Condition)> {
        let map = self.map("`criteria`", node);
        let mut all = Vec::new();
        for entry in map.map_or(&[][..], |map| &map.entries) {
            let name = self.name("a criterion", &entry.key.text, entry.key.place);
            all.extend(self.condition(&entry.key.text, &entry.value).map(|condition| (name, condition)));
        }
        all
    }

    fn checklist(&mut self, node: &Node) -> Vec<CheckItem> {
        let map = self.map("`checklist`", node);
        let mut all = Vec::new();
        for entry in map.map_or(&[][..], |map| &map.entries) {
            let name = self.name("an entry of a checklist", &entry.key.text, entry.key.place);
            let Some(map) = self.map(&format!("`{}`", entry.key.text), &entry.value) else { continue };
            let fields = self.fields(map, &keys::CHECK);
            let evidence =
                fields.get("evidence").and_then(|entry| self.word("`evidence`", &entry.value, &EVIDENCE));
            if !fields.has("ask") {
                let message = format!("`{}` needs `ask`: what is to be confirmed", entry.key.text);
                self.report.refuse(codes::KEY_MISSING, entry.value.place, message);
            }
            let ask = fields.get("ask").and_then(|entry| self.text_data("`ask`", &entry.value));
            all.extend(ask.map(|ask| CheckItem { name, ask, needs_evidence: evidence.unwrap_or(false) }));
        }
        all
    }

    fn decisions(&mut self, node: &Node) -> Vec<GateDecision> {
        let words = GateDecision::ALL.map(|decision| (decision.as_str(), decision));
        let list = self.list("`decisions`", node);
        let mut all: Vec<GateDecision> = Vec::new();
        for item in list.map_or(&[][..], |list| &list.items) {
            let later = item.as_scalar().map(|scalar| scalar.text.as_str());
            if let Some(word) = later.filter(|word| DECISIONS_LATER.contains(word)) {
                self.later(codes::KEY_LATER, item.place, &format!("`{word}`"));
                continue;
            }
            let decision = self.word("a decision", item, &words);
            all.extend(decision.filter(|decision| !all.contains(decision)));
        }
        if !all.is_empty() && !all.contains(&GateDecision::Go) {
            let message = "without `go` among its decisions the gate never opens";
            self.report.refuse(codes::WORD, node.place, message);
        }
        all
    }

    /// Reads people, roles and groups, or an expression that gives them.
    pub(super) fn party_data(&mut self, key: &str, node: &Node) -> Option<Data> {
        if node.as_scalar().is_some_and(|scalar| scalar.text.contains(HOLE)) {
            return self.data(node);
        }
        let parties = self.parties(key, node);
        let values = parties.into_iter().map(serde_json::Value::String).collect();
        Some(Data {
            template: Template::Literal(serde_json::Value::Array(values)),
            reads: Arc::default(),
            is_secret: false,
        })
    }

    /// Reads one or a list of people, roles and groups.
    pub(super) fn parties(&mut self, key: &str, node: &Node) -> Vec<String> {
        match node.as_list() {
            Some(list) => list.items.iter().filter_map(|item| self.party(key, item)).collect(),
            None => self.party(key, node).into_iter().collect(),
        }
    }

    /// Reads `role:NAME`, `group:NAME`, `team:NAME` or the name of a person.
    pub(super) fn party(&mut self, key: &str, node: &Node) -> Option<String> {
        let text = self.fixed_text(key, node)?;
        let (kind, name) = match text.split_once(':') {
            None => (Mentioned::Person, text),
            Some(("role", name)) => (Mentioned::Role, name),
            Some(("group" | "team", name)) => (Mentioned::Group, name),
            Some(("stakeholder", _)) => {
                self.later(codes::KEY_LATER, node.place, "`stakeholder:`");
                return None;
            }
            Some((other, _)) => {
                let message = format!("{key} names a person, `role:NAME` or `group:NAME`, not `{other}:`");
                let words = ["role", "group", "team"];
                self.report.refuse_word(codes::WORD, node.place, message, (other, words.into_iter()));
                return None;
            }
        };
        self.mentioned(kind, name.trim(), node.place)?;
        Some(text.to_owned())
    }
}

/// Returns the elapsed time that working time was probably meant to be.
fn elapsed_form(text: &str) -> String {
    text.chars().flat_map(|own| if own.is_ascii_alphabetic() { vec!['e', own] } else { vec![own] }).collect()
}
