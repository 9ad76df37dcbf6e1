//! Declared types of inputs and outputs, and the check of a value against them.
//!
//! The keywords are those of JSON Schema with the same meaning; what is not listed here is refused by the front end.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Number};

use crate::file::FileValue;
use crate::time::{Length, Timestamp};
use crate::value::{Value, depth, type_name};

/// The type of an input or an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// Text.
    String,
    /// A whole number within 64 bits.
    Integer,
    /// Any finite number.
    Number,
    /// True or false.
    Boolean,
    /// A list.
    Array,
    /// A map.
    Object,
    /// Text that reads as a length of time, such as `1h30m`.
    Duration,
    /// Text that reads as a day, such as `2027-01-11`, or as an instant of RFC 3339.
    Date,
    /// A file that the run keeps, as a [`FileValue`].
    File,
    /// Anything.
    Any,
}

impl Type {
    /// All of them, in the order of the reference.
    pub const ALL: [Self; 10] = [
        Self::String,
        Self::Integer,
        Self::Number,
        Self::Boolean,
        Self::Array,
        Self::Object,
        Self::Duration,
        Self::Date,
        Self::File,
        Self::Any,
    ];

    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Array => "array",
            Self::Object => "object",
            Self::Duration => "duration",
            Self::Date => "date",
            Self::File => "file",
            Self::Any => "any",
        }
    }

    /// Returns the type that `word` names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// Returns whether text from outside, such as `-i k=v` or a `name=value` line, is read as JSON for this type.
    pub fn reads_json(self) -> bool {
        match self {
            Self::String | Self::Duration | Self::Date | Self::File => false,
            Self::Integer | Self::Number | Self::Boolean | Self::Array | Self::Object | Self::Any => true,
        }
    }
}

/// What a value must be. A keyword that speaks of another type of value than the one at hand asks nothing of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Schema {
    /// Its type.
    pub kind: Type,
    /// If not empty, the only values allowed; `const` is a list of one.
    pub allowed: Vec<Value>,
    /// What each member of a list must be.
    pub items: Option<Box<Schema>>,
    /// The least number, included.
    pub minimum: Option<f64>,
    /// The largest number, included.
    pub maximum: Option<f64>,
    /// A regular expression that must match somewhere in the text. Compiled where it is checked.
    pub pattern: Option<String>,
    /// The keywords that are rarely used; none if none of them is.
    pub more: Option<Box<Keywords>>,
}

/// The keywords of a [`Schema`] that are rarely used.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Keywords {
    /// Numbers are larger than this.
    pub exclusive_minimum: Option<f64>,
    /// Numbers are less than this.
    pub exclusive_maximum: Option<f64>,
    /// Numbers are a multiple of this, as far as 64-bit floating-point numbers can tell.
    pub multiple_of: Option<f64>,
    /// The fewest characters of a text (Unicode scalar values).
    pub length_min: Option<u32>,
    /// The most characters of a text.
    pub length_max: Option<u32>,
    /// The fewest members of a list.
    pub items_min: Option<u32>,
    /// The most members of a list.
    pub items_max: Option<u32>,
    /// Whether no two members of a list may be equal.
    pub has_unique_items: bool,
    /// What the named fields of a map must be.
    pub properties: Vec<(String, Schema)>,
    /// The fields that a map must have.
    pub required: Vec<String>,
    /// What a map may hold beside `properties`.
    pub additional: Additional,
    /// The value fits at least one of these.
    pub any_of: Vec<Schema>,
    /// The value fits exactly one of these.
    pub one_of: Vec<Schema>,
    /// The value fits all of these.
    pub all_of: Vec<Schema>,
    /// The value does not fit this.
    pub not: Option<Box<Schema>>,
}

/// What a map may hold beside its named fields.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Additional {
    /// Anything.
    #[default]
    Anything,
    /// Nothing.
    Nothing,
    /// Values of this kind.
    Fitting(Box<Schema>),
}

/// Returns whether a pattern matches somewhere in a text.
pub type Matches<'a> = &'a dyn Fn(&str, &str) -> bool;

/// What the name of a secret looks like. A text with this pattern is the name of one.
pub const SECRET_NAME_PATTERN: &str = "^[A-Za-z_][A-Za-z0-9_-]{0,63}$";

impl Schema {
    /// Returns the schema that asks for `kind` and nothing else.
    pub fn of(kind: Type) -> Self {
        Self {
            kind,
            allowed: Vec::new(),
            items: None,
            minimum: None,
            maximum: None,
            pattern: None,
            more: None,
        }
    }

    /// Returns the word for its type as an author writes it: `secret` for the name of one.
    pub fn type_word(&self) -> &'static str {
        if self.names_secret() { "secret" } else { self.kind.as_str() }
    }

    /// Returns whether it asks for the name of a secret.
    pub fn names_secret(&self) -> bool {
        self.pattern.as_deref() == Some(SECRET_NAME_PATTERN)
    }

    /// Returns how deep it nests, itself included: in other schemas, and in the values that it allows.
    pub fn depth(&self) -> usize {
        let more = self.more.as_deref().map_or(0, Keywords::depth);
        let items = self.items.as_deref().map_or(0, Self::depth);
        let allowed = self.allowed.iter().map(depth).max().unwrap_or(0);
        1 + more.max(items).max(allowed)
    }

    /// Returns `value` with each number that must be an integer written as one: `1.0` is 1.
    #[must_use]
    pub fn settled(&self, value: Value) -> Value {
        match value {
            Value::Number(_) if self.kind == Type::Integer => whole(&value).map_or(value, Value::Number),
            Value::Array(items) => match &self.items {
                Some(schema) => items.into_iter().map(|item| schema.settled(item)).collect(),
                None => Value::Array(items),
            },
            Value::Object(fields) => {
                let named = self.more.as_deref().map(|more| more.properties.as_slice()).unwrap_or_default();
                let settle = |(name, field): (String, Value)| {
                    let schema = named.iter().find(|(own, _)| *own == name).map(|(_, schema)| schema);
                    match schema {
                        Some(schema) => (name, schema.settled(field)),
                        None => (name, field),
                    }
                };
                Value::Object(fields.into_iter().map(settle).collect())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
        }
    }

    /// Checks `value`; `matches` answers for patterns.
    ///
    /// # Errors
    ///
    /// Returns a sentence that names the place in the value (empty for the value itself) and what is wrong. What should
    /// name a secret is not shown: it may be the secret.
    pub fn check(&self, value: &Value, matches: Matches<'_>) -> Result<(), Mismatch> {
        let checked = self.check_shown(value, matches);
        if self.names_secret() && checked.is_err() {
            let message = "it is not the name of a secret (letters, digits, `_` and `-`, at most 64)";
            return wrong(message.to_owned());
        }
        checked
    }

    fn check_shown(&self, value: &Value, matches: Matches<'_>) -> Result<(), Mismatch> {
        if !self.kind.admits(value) {
            return wrong(format!(
                "expected {}{}, found {}",
                self.kind.as_str(),
                self.kind.example(),
                shown(value)
            ));
        }
        if !self.allowed.is_empty() && !self.allowed.contains(value) {
            let allowed: Vec<String> = self.allowed.iter().map(Value::to_string).collect();
            return wrong(format!("{} is not one of {}", shown(value), allowed.join(", ")));
        }
        match value {
            Value::Number(number) => self.check_number(number.as_f64().unwrap_or(f64::NAN))?,
            Value::String(text) => self.check_text(value, text, matches)?,
            Value::Array(items) => self.check_list(items, matches)?,
            Value::Object(fields) => self.check_map(fields, matches)?,
            Value::Null | Value::Bool(_) => {}
        }
        match &self.more {
            Some(more) => more.check_others(value, matches),
            None => Ok(()),
        }
    }

    fn check_number(&self, number: f64) -> Result<(), Mismatch> {
        if let Some(minimum) = self.minimum.filter(|minimum| number < *minimum) {
            return wrong(format!("{number} is less than the minimum {minimum}"));
        }
        if let Some(maximum) = self.maximum.filter(|maximum| number > *maximum) {
            return wrong(format!("{number} is more than the maximum {maximum}"));
        }
        let Some(more) = &self.more else { return Ok(()) };
        if let Some(minimum) = more.exclusive_minimum.filter(|minimum| number <= *minimum) {
            return wrong(format!("{number} is not more than {minimum}"));
        }
        if let Some(maximum) = more.exclusive_maximum.filter(|maximum| number >= *maximum) {
            return wrong(format!("{number} is not less than {maximum}"));
        }
        match more.multiple_of.filter(|step| !is_multiple(number, *step)) {
            Some(step) => wrong(format!("{number} is not a multiple of {step}")),
            None => Ok(()),
        }
    }

    fn check_text(&self, value: &Value, text: &str, matches: Matches<'_>) -> Result<(), Mismatch> {
        if let Some(pattern) = self.pattern.as_ref().filter(|pattern| !matches(pattern, text)) {
            return wrong(format!("{} does not match the pattern `{pattern}`", shown(value)));
        }
        let Some(more) = &self.more else { return Ok(()) };
        check_count(text.chars().count(), "characters", more.length_min, more.length_max)
    }

    fn check_list(&self, items: &[Value], matches: Matches<'_>) -> Result<(), Mismatch> {
        if let Some(schema) = &self.items {
            for (index, item) in items.iter().enumerate() {
                schema.check(item, matches).map_err(|inner| inner.inside(&format!("[{index}]")))?;
            }
        }
        let Some(more) = &self.more else { return Ok(()) };
        check_count(items.len(), "members", more.items_min, more.items_max)?;
        if more.has_unique_items {
            let mut seen = BTreeSet::new();
            for (index, item) in items.iter().enumerate() {
                if !seen.insert(canonical(item)) {
                    return wrong(format!("the member {} stands in the list before", shown(item)))
                        .map_err(|inner| inner.inside(&format!("[{index}]")));
                }
            }
        }
        Ok(())
    }

    fn check_map(&self, fields: &Map<String, Value>, matches: Matches<'_>) -> Result<(), Mismatch> {
        let Some(more) = &self.more else { return Ok(()) };
        if let Some(missing) = more.required.iter().find(|name| !fields.contains_key(*name)) {
            return wrong(format!("the field `{missing}` is missing"));
        }
        for (name, field) in fields {
            let named = more.properties.iter().find(|(own, _)| own == name).map(|(_, schema)| schema);
            let schema = match (named, &more.additional) {
                (Some(schema), _) => schema,
                (None, Additional::Anything) => continue,
                (None, Additional::Nothing) => return wrong(format!("the field `{name}` is not allowed")),
                (None, Additional::Fitting(schema)) => schema,
            };
            schema.check(field, matches).map_err(|inner| inner.inside(&format!(".{name}")))?;
        }
        Ok(())
    }
}

impl Keywords {
    /// Returns how deep the deepest of the schemas in it nests; 0 if there is none.
    fn depth(&self) -> usize {
        let additional = match &self.additional {
            Additional::Fitting(schema) => Some(schema.as_ref()),
            Additional::Anything | Additional::Nothing => None,
        };
        let named = self.properties.iter().map(|(_, schema)| schema);
        let others = self.any_of.iter().chain(&self.one_of).chain(&self.all_of).chain(self.not.as_deref());
        named.chain(others).chain(additional).map(Schema::depth).max().unwrap_or(0)
    }

    /// Checks `value` against the other schemas that are named.
    fn check_others(&self, value: &Value, matches: Matches<'_>) -> Result<(), Mismatch> {
        for schema in &self.all_of {
            schema.check(value, matches)?;
        }
        let fitting =
            |schemas: &[Schema]| schemas.iter().filter(|schema| schema.check(value, matches).is_ok()).count();
        if !self.any_of.is_empty() && fitting(&self.any_of) == 0 {
            return wrong(format!("{} fits none of `anyOf`", shown(value)));
        }
        if !self.one_of.is_empty() {
            match fitting(&self.one_of) {
                0 => return wrong(format!("{} fits none of `oneOf`", shown(value))),
                1 => {}
                count => return wrong(format!("{} fits {count} of `oneOf`, not one", shown(value))),
            }
        }
        if self.not.as_ref().is_some_and(|schema| schema.check(value, matches).is_ok()) {
            return wrong(format!("{} fits what `not` excludes", shown(value)));
        }
        Ok(())
    }
}

fn wrong(message: String) -> Result<(), Mismatch> {
    Err(Mismatch { place: String::new(), message })
}

fn check_count(count: usize, what: &str, least: Option<u32>, most: Option<u32>) -> Result<(), Mismatch> {
    if let Some(least) = least.filter(|least| count < *least as usize) {
        return wrong(format!("{count} {what} are fewer than {least}"));
    }
    match most.filter(|most| count > *most as usize) {
        Some(most) => wrong(format!("{count} {what} are more than {most}")),
        None => Ok(()),
    }
}

/// Returns whether `number / step` is whole, but for the error of one division.
fn is_multiple(number: f64, step: f64) -> bool {
    let times = number / step;
    (times - times.round()).abs() <= times.abs() * f64::EPSILON
}

/// Returns a text that equal values share: fields by name, and 1.0 like 1.
fn canonical(value: &Value) -> String {
    match value {
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(float) => format!("{float}"),
            None => number.to_string(),
        },
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(canonical).collect();
            format!("[{}]", items.join(","))
        }
        Value::Object(fields) => {
            let fields: BTreeMap<&String, String> =
                fields.iter().map(|(name, field)| (name, canonical(field))).collect();
            let fields: Vec<String> =
                fields.iter().map(|(name, field)| format!("{name:?}:{field}")).collect();
            format!("{{{}}}", fields.join(","))
        }
        Value::Null | Value::Bool(_) | Value::String(_) => value.to_string(),
    }
}

/// Returns whether a text is a day of the calendar, written with two digits for month and day, or an instant.
fn is_date(text: &str) -> bool {
    let is_day = text.len() == "2027-01-11".len() && text.parse::<jiff::civil::Date>().is_ok();
    is_day || text.parse::<Timestamp>().is_ok()
}

impl Type {
    /// Returns what shows how a value of this type is written, where its name does not say it.
    fn example(self) -> &'static str {
        match self {
            Self::Duration => " such as `90s` or `1h30m`",
            Self::Date => " such as `2027-01-11` or `2027-01-11T09:00:00Z`",
            Self::String
            | Self::Integer
            | Self::Number
            | Self::Boolean
            | Self::Array
            | Self::Object
            | Self::File
            | Self::Any => "",
        }
    }

    fn admits(self, value: &Value) -> bool {
        match self {
            Self::String => value.is_string(),
            Self::Integer => whole(value).is_some(),
            Self::Number => value.is_number(),
            Self::Boolean => value.is_boolean(),
            Self::Array => value.is_array(),
            Self::Object => value.is_object(),
            Self::Duration => value.as_str().is_some_and(|text| text.parse::<Length>().is_ok()),
            Self::Date => value.as_str().is_some_and(is_date),
            Self::File => FileValue::of(value).is_some(),
            Self::Any => true,
        }
    }
}

/// Returns the integer of 64 bits that `value` is, also if it is written as `1.0` or `1e3`.
fn whole(value: &Value) -> Option<Number> {
    let Value::Number(number) = value else { return None };
    if !number.is_f64() {
        return Some(number.clone());
    }
    let float = number.as_f64().filter(|float| float.fract() == 0.0)?;
    // Its digits are those of an integer; one of more than 64 bits is none of ours.
    let text = format!("{float}");
    text.parse::<i64>().map(Number::from).or_else(|_| text.parse::<u64>().map(Number::from)).ok()
}

/// Where and why a value does not fit its schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// The place inside the value, such as `[2]`; empty for the value itself.
    pub place: String,
    /// What is wrong, as a fragment.
    pub message: String,
}

impl Mismatch {
    /// Returns the same, seen from the value around `place`.
    fn inside(self, place: &str) -> Self {
        Self { place: format!("{place}{}", self.place), message: self.message }
    }
}

/// Shows `value` in a message: its type, and the value itself if it is short.
fn shown(value: &Value) -> String {
    const SHOWN_MAX: usize = 60;
    let text = value.to_string();
    if text.len() > SHOWN_MAX || value.is_null() {
        type_name(value).to_owned()
    } else {
        format!("{} `{text}`", type_name(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(schema: &Schema, value: &Value) -> Result<(), String> {
        schema
            .check(value, &|pattern, text| text.contains(pattern))
            .map_err(|wrong| format!("{}: {}", wrong.place, wrong.message))
    }

    #[test]
    fn values_are_checked_by_type() {
        assert_eq!(check(&Schema::of(Type::Integer), &json!(3)), Ok(()));
        assert_eq!(
            check(&Schema::of(Type::Integer), &json!("3")),
            Err(": expected integer, found string `\"3\"`".into())
        );
        assert_eq!(check(&Schema::of(Type::Duration), &json!("1h")), Ok(()));
        assert!(check(&Schema::of(Type::Duration), &json!("1")).is_err());
    }

    #[test]
    fn a_date_is_a_day_or_an_instant() {
        for good in ["2027-01-11", "2028-02-29", "2027-01-11T09:00:00Z", "2027-01-11T09:00:00+01:00"] {
            assert_eq!(check(&Schema::of(Type::Date), &json!(good)), Ok(()), "{good}");
        }
        for bad in ["2027-02-29", "2027-13-01", "2027-1-1", "20270111", "2027-01-11T09:00", "tomorrow", ""] {
            let expected = format!(
                ": expected date such as `2027-01-11` or `2027-01-11T09:00:00Z`, found string `\"{bad}\"`"
            );
            assert_eq!(check(&Schema::of(Type::Date), &json!(bad)), Err(expected));
        }
    }

    #[test]
    fn members_are_checked_and_named_by_place() {
        let schema = Schema {
            items: Some(Box::new(Schema {
                allowed: vec![json!("eu"), json!("us")],
                ..Schema::of(Type::String)
            })),
            ..Schema::of(Type::Array)
        };
        assert_eq!(check(&schema, &json!(["eu"])), Ok(()));
        assert_eq!(
            check(&schema, &json!(["eu", "mars"])),
            Err("[1]: string `\"mars\"` is not one of \"eu\", \"us\"".into())
        );
    }

    fn schema_with(kind: Type, more: Keywords) -> Schema {
        Schema { more: Some(Box::new(more)), ..Schema::of(kind) }
    }

    #[test]
    fn numbers_keep_to_open_bounds_and_steps() {
        let open = Keywords {
            exclusive_minimum: Some(0.0),
            exclusive_maximum: Some(1.0),
            multiple_of: Some(0.1),
            ..Keywords::default()
        };
        let open = schema_with(Type::Number, open);
        assert!(check(&open, &json!(0.3)).is_ok() && check(&open, &json!(0.7)).is_ok());
        assert_eq!(check(&open, &json!(0)), Err(": 0 is not more than 0".into()));
        assert_eq!(check(&open, &json!(1)), Err(": 1 is not less than 1".into()));
        assert_eq!(check(&open, &json!(0.25)), Err(": 0.25 is not a multiple of 0.1".into()));
    }

    #[test]
    fn lengths_count_characters_and_members() {
        let text = Keywords { length_min: Some(2), length_max: Some(3), ..Keywords::default() };
        let text = schema_with(Type::String, text);
        assert!(check(&text, &json!("éß")).is_ok());
        assert_eq!(check(&text, &json!("é")), Err(": 1 characters are fewer than 2".into()));
        let list = Keywords { items_max: Some(2), has_unique_items: true, ..Keywords::default() };
        let list = schema_with(Type::Array, list);
        assert!(check(&list, &json!([1, "1"])).is_ok() && check(&list, &json!([1, 2, 3])).is_err());
        assert!(check(&list, &json!([1, 1.0])).is_err());
        assert_eq!(
            check(&list, &json!([{"a": 1, "b": 2}, {"b": 2, "a": 1}])),
            Err("[1]: the member object `{\"b\":2,\"a\":1}` stands in the list before".into())
        );
    }

    #[test]
    fn fields_of_maps_are_checked_and_named_by_place() {
        let inner = Keywords { required: vec!["id".into()], ..Keywords::default() };
        let more = Keywords {
            properties: vec![
                ("name".into(), Schema::of(Type::String)),
                ("owner".into(), schema_with(Type::Object, inner)),
            ],
            required: vec!["name".into()],
            additional: Additional::Nothing,
            ..Keywords::default()
        };
        let map = schema_with(Type::Object, more);
        assert_eq!(check(&map, &json!({"name": "a"})), Ok(()));
        assert_eq!(check(&map, &json!({})), Err(": the field `name` is missing".into()));
        assert_eq!(
            check(&map, &json!({"name": "a", "owner": {}})),
            Err(".owner: the field `id` is missing".into())
        );
        assert_eq!(
            check(&map, &json!({"name": "a", "more": 1})),
            Err(": the field `more` is not allowed".into())
        );
    }

    #[test]
    fn schemas_are_combined() {
        let either = Keywords {
            any_of: vec![Schema::of(Type::String), Schema::of(Type::Integer)],
            not: Some(Box::new(Schema { allowed: vec![json!(0)], ..Schema::of(Type::Any) })),
            ..Keywords::default()
        };
        let either = schema_with(Type::Any, either);
        assert!(check(&either, &json!("a")).is_ok() && check(&either, &json!(1)).is_ok());
        assert!(check(&either, &json!(0)).is_err() && check(&either, &json!(null)).is_err());
        let one = Keywords {
            one_of: vec![Schema::of(Type::Number), Schema::of(Type::Integer)],
            ..Keywords::default()
        };
        let one = schema_with(Type::Any, one);
        assert_eq!(check(&one, &json!(1)), Err(": integer `1` fits 2 of `oneOf`, not one".into()));
        assert_eq!(check(&one, &json!(1.5)), Ok(()));
    }

    #[test]
    fn what_should_name_a_secret_is_not_shown() {
        let schema = Schema { pattern: Some(SECRET_NAME_PATTERN.into()), ..Schema::of(Type::String) };
        for given in [json!("hunter 2"), json!(4711)] {
            let wrong = schema.check(&given, &|_, _| false).unwrap_err();
            assert!(wrong.message.starts_with("it is not the name of a secret"), "{}", wrong.message);
        }
    }

    #[test]
    fn bounds_and_patterns_hold() {
        let bounded = Schema { minimum: Some(1.0), maximum: Some(3.0), ..Schema::of(Type::Number) };
        assert!(check(&bounded, &json!(0.5)).is_err() && check(&bounded, &json!(3)).is_ok());
        let pattern = Schema { pattern: Some("v1".into()), ..Schema::of(Type::String) };
        assert!(check(&pattern, &json!("v1.2")).is_ok() && check(&pattern, &json!("w")).is_err());
    }
}
