//! Reads what waits for people, or for a message: `manual`, `approval`, `form`, and `wait` with `signal`.

use myrmex_model::ir::AwaitKind;
use myrmex_model::name::Name;
use myrmex_model::schema::Type;
use myrmex_model::value::Value;

use super::keys::Keys;
use super::{Fields, Reader, keys};
use crate::codes;
use crate::outline::{Await, Data, InputDeclaration};
use crate::tree::{Map, Node};

/// What the output of an answered task holds beside the fields that were asked for.
pub(crate) const ANSWER_FIELDS: [&str; 2] = ["by", "comment"];

impl Reader<'_> {
    /// Reads `manual`: a text, or a map.
    pub(super) fn manual(&mut self, node: &Node) -> Option<Await> {
        self.asked("manual", node, (AwaitKind::Manual, &keys::MANUAL, "fields"))
    }

    /// Reads `approval`: a text, or a map.
    pub(super) fn approval(&mut self, node: &Node) -> Option<Await> {
        self.asked("approval", node, (AwaitKind::Approval, &keys::APPROVAL, "form"))
    }

    /// Reads `form`: a map, or a text that asks for nothing but that somebody answers.
    pub(super) fn form(&mut self, node: &Node) -> Option<Await> {
        self.asked("form", node, (AwaitKind::Form, &keys::FORM, "fields"))
    }

    /// Reads what people are asked; `fields_key` is the key under which what they fill in stands.
    fn asked(
        &mut self,
        verb: &str,
        node: &Node,
        (kind, keys, fields_key): (AwaitKind, &Keys, &str),
    ) -> Option<Await> {
        let Some(map) = node.as_map() else {
            let ask = self.text_data(&format!("`{verb}`"), node)?;
            return Some(Await { kind, ask: Some(ask), ..Await::default() });
        };
        let fields = self.fields(map, keys);
        if !fields.has("ask") {
            self.refuse_missing(
                map,
                keys,
                (node.place, &format!("`{verb}` needs `ask`, what people are asked")),
            );
        }
        let ask = fields.get("ask").and_then(|entry| self.text_data("`ask`", &entry.value));
        Some(Await {
            kind,
            // Without it there is an error already, and what refers to the fields is not reported too.
            ask,
            from: self.names("from", &fields),
            exclude: self.names("exclude", &fields),
            count: fields.get("count").and_then(|entry| self.count("`count`", &entry.value)),
            fields: fields.get(fields_key).map(|entry| self.asked_fields(&entry.value)).unwrap_or_default(),
            expires: fields.get("expires").and_then(|entry| self.expiry(&entry.value)),
            gate: None,
        })
    }

    /// Reads names of people and groups: one text, or a list of texts.
    fn names(&mut self, key: &str, fields: &Fields<'_>) -> Option<Data> {
        let node = &*fields.get(key)?.value;
        let what = format!("`{key}`");
        if self.is_project {
            return self.party_data(&what, node);
        }
        match node.as_list() {
            Some(list) => {
                for item in &list.items {
                    self.refuse_no_name(&what, item);
                }
            }
            None => self.refuse_no_name(&what, node),
        }
        let data = self.data(node)?;
        if data.template.as_literal().and_then(Value::as_array).is_some_and(Vec::is_empty) {
            let message = format!("{what} names nobody");
            self.report.refuse_hint(codes::TYPE, node.place, message, "leave it out if it is everybody");
        }
        Some(data)
    }

    fn refuse_no_name(&mut self, what: &str, node: &Node) {
        let text = node.as_scalar().and_then(|scalar| scalar.as_text());
        if text.is_none_or(str::is_empty) {
            self.refuse_type(what, "a name, or a list of names", node);
        }
    }

    /// Reads what people fill in. It is declared like inputs, and its names are fields of the output.
    fn asked_fields(&mut self, node: &Node) -> Vec<InputDeclaration> {
        let before = std::mem::take(&mut self.secret_inputs);
        let declared = self.inputs(node);
        self.secret_inputs = before;
        for own in &declared {
            let name = own.input.name.as_str();
            if ANSWER_FIELDS.contains(&name) {
                let message = format!("`{name}` cannot name a field: the output has one of its own");
                self.report.refuse(codes::NAME, own.key, message);
            }
            if own.is_secret || own.input.schema.kind == Type::File {
                let kind = if own.is_secret { "secret" } else { "file" };
                self.later(codes::KEY_LATER, own.key, &format!("a field of type `{kind}`"));
            }
        }
        declared
    }

    /// Reads `wait` for a message.
    pub(super) fn wait_signal(&mut self, map: &Map, fields: &Fields<'_>) -> Option<Await> {
        let entry = fields.get("signal")?;
        let text = self.fixed_text("`signal`", &entry.value)?;
        let spot = self.name("a signal", text, entry.value.place);
        if let Some(until) = map.entry("until") {
            let message = "`wait` takes `until` or `signal`, not both";
            self.report.refuse(codes::KEY_MISPLACED, until.key.place, message);
        }
        let expires = fields.get("timeout").and_then(|entry| self.length("`timeout`", &entry.value));
        let kind = AwaitKind::Signal(Name::new(&spot.value).ok()?);
        Some(Await { kind, expires, ..Await::default() })
    }
}
