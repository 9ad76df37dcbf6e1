//! Reads the keywords of schemas that are rarely used.

use myrmex_model::schema::{Additional, Keywords, Schema};

use super::{Fields, Reader};
use crate::codes;
use crate::tree::{Meaning, Node};

impl Reader<'_> {
    /// Reads the keywords of a schema beside its type, `items`, `pattern` and closed bounds.
    pub(super) fn keywords(&mut self, fields: &Fields<'_>) -> Keywords {
        let number = |reader: &mut Self, key: &str| {
            fields.get(key).and_then(|entry| reader.number(&format!("`{key}`"), &entry.value))
        };
        let size = |reader: &mut Self, key: &str| {
            fields.get(key).and_then(|entry| reader.size(&format!("`{key}`"), &entry.value))
        };
        let more = Keywords {
            exclusive_minimum: number(self, "exclusiveMinimum"),
            exclusive_maximum: number(self, "exclusiveMaximum"),
            multiple_of: self.step(fields),
            length_min: size(self, "minLength"),
            length_max: size(self, "maxLength"),
            items_min: size(self, "minItems"),
            items_max: size(self, "maxItems"),
            has_unique_items: fields
                .get("uniqueItems")
                .and_then(|entry| self.boolean("`uniqueItems`", &entry.value))
                .unwrap_or_default(),
            properties: self.properties(fields),
            required: self.required(fields),
            additional: self.additional(fields),
            any_of: self.schemas(fields, "anyOf"),
            one_of: self.schemas(fields, "oneOf"),
            all_of: self.schemas(fields, "allOf"),
            not: fields.get("not").and_then(|entry| self.schema("`not`", &entry.value)).map(Box::new),
        };
        let bound = |count: Option<u32>| count.map(f64::from);
        self.bounds_fit(fields, ("minLength", bound(more.length_min)), ("maxLength", bound(more.length_max)));
        self.bounds_fit(fields, ("minItems", bound(more.items_min)), ("maxItems", bound(more.items_max)));
        more
    }

    /// Refuses bounds between which nothing lies.
    pub(super) fn bounds_fit(
        &mut self,
        fields: &Fields<'_>,
        (low, least): (&str, Option<f64>),
        (high, most): (&str, Option<f64>),
    ) {
        if let (Some(least), Some(most), Some(entry)) = (least, most, fields.get(high))
            && least > most
        {
            let message = format!("`{high}` {most} is less than `{low}` {least}");
            self.report.refuse(codes::SCHEMA, entry.value.place, message);
        }
    }

    /// Reads an integer of at least zero.
    fn size(&mut self, what: &str, node: &Node) -> Option<u32> {
        let is_zero = |number: &serde_json::Number| number.as_u64() == Some(0);
        match node.as_scalar().map(|scalar| &scalar.meaning) {
            Some(Meaning::Number(number)) if is_zero(number) => Some(0),
            Some(_) | None => self.count(what, node),
        }
    }

    fn step(&mut self, fields: &Fields<'_>) -> Option<f64> {
        let entry = fields.get("multipleOf")?;
        let step = self.number("`multipleOf`", &entry.value)?;
        if step > 0.0 {
            return Some(step);
        }
        let message = format!("`multipleOf` must be more than 0, this is {step}");
        self.report.refuse(codes::SCHEMA, entry.value.place, message);
        None
    }

    fn properties(&mut self, fields: &Fields<'_>) -> Vec<(String, Schema)> {
        let map = fields.get("properties").and_then(|entry| self.map("`properties`", &entry.value));
        let entries = map.map_or(&[][..], |map| &map.entries);
        let mut properties = Vec::with_capacity(entries.len());
        for entry in entries {
            let schema = self.schema(&format!("the field `{}`", entry.key.text), &entry.value);
            properties.extend(schema.map(|schema| (entry.key.text.clone(), schema)));
        }
        properties
    }

    /// Reads the names of fields that must be there. True or false says whether the input or output itself must be.
    fn required(&mut self, fields: &Fields<'_>) -> Vec<String> {
        let Some(entry) = fields.get("required").filter(|entry| !entry.value.is_boolean()) else {
            return Vec::new();
        };
        let list = self.list("`required`", &entry.value);
        let names = list.map_or(&[][..], |list| &list.items);
        names
            .iter()
            .filter_map(|name| self.fixed_text("a name in `required`", name).map(str::to_owned))
            .collect()
    }

    fn additional(&mut self, fields: &Fields<'_>) -> Additional {
        let Some(entry) = fields.get("additionalProperties") else { return Additional::Anything };
        if entry.value.is_boolean() {
            return match self.boolean("`additionalProperties`", &entry.value) {
                Some(false) => Additional::Nothing,
                Some(true) | None => Additional::Anything,
            };
        }
        let schema = self.schema("`additionalProperties`", &entry.value);
        schema.map_or(Additional::Anything, |schema| Additional::Fitting(Box::new(schema)))
    }

    fn schemas(&mut self, fields: &Fields<'_>, key: &str) -> Vec<Schema> {
        let Some(entry) = fields.get(key) else { return Vec::new() };
        let list = self.list(&format!("`{key}`"), &entry.value);
        let items = list.map_or(&[][..], |list| &list.items);
        if list.is_some() && items.is_empty() {
            self.report.refuse(codes::SCHEMA, entry.value.place, format!("`{key}` lists no schema"));
        }
        items.iter().filter_map(|item| self.schema(&format!("a schema of `{key}`"), item)).collect()
    }
}
