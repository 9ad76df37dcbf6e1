//! Declared types of inputs and outputs, and the check of a value against them.
//!
//! The keywords are those of JSON Schema with the same meaning; what is not listed here is refused by the front end.

use crate::time::{Length, Timestamp};
use crate::value::{Value, type_name};

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
    /// Anything.
    Any,
}

impl Type {
    /// All of them, in the order of the reference.
    pub const ALL: [Self; 9] = [
        Self::String,
        Self::Integer,
        Self::Number,
        Self::Boolean,
        Self::Array,
        Self::Object,
        Self::Duration,
        Self::Date,
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
            Self::String | Self::Duration | Self::Date => false,
            Self::Integer | Self::Number | Self::Boolean | Self::Array | Self::Object | Self::Any => true,
        }
    }
}

/// What a value must be.
#[derive(Debug, Clone, PartialEq)]
pub struct Schema {
    /// Its type.
    pub kind: Type,
    /// If not empty, the only values allowed.
    pub allowed: Vec<Value>,
    /// What each member of a list must be.
    pub items: Option<Box<Schema>>,
    /// The least number, included.
    pub minimum: Option<f64>,
    /// The largest number, included.
    pub maximum: Option<f64>,
    /// A regular expression that must match somewhere in the text. Compiled where it is checked.
    pub pattern: Option<String>,
}

impl Schema {
    /// Returns the schema that asks for `kind` and nothing else.
    pub fn of(kind: Type) -> Self {
        Self { kind, allowed: Vec::new(), items: None, minimum: None, maximum: None, pattern: None }
    }

    /// Checks `value`, except for the pattern, which `matches` answers.
    ///
    /// # Errors
    ///
    /// Returns a sentence that names the place in the value (empty for the value itself) and what is wrong.
    pub fn check(&self, value: &Value, matches: &dyn Fn(&str, &str) -> bool) -> Result<(), Mismatch> {
        let wrong = |message: String| Err(Mismatch { place: String::new(), message });
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
        if let Some(number) = value.as_f64() {
            if self.minimum.is_some_and(|minimum| number < minimum) {
                return wrong(format!(
                    "{number} is less than the minimum {}",
                    self.minimum.unwrap_or(number)
                ));
            }
            if self.maximum.is_some_and(|maximum| number > maximum) {
                return wrong(format!(
                    "{number} is more than the maximum {}",
                    self.maximum.unwrap_or(number)
                ));
            }
        }
        if let (Some(pattern), Some(text)) = (&self.pattern, value.as_str())
            && !matches(pattern, text)
        {
            return wrong(format!("{} does not match the pattern `{pattern}`", shown(value)));
        }
        if let (Some(schema), Some(items)) = (&self.items, value.as_array()) {
            for (index, item) in items.iter().enumerate() {
                schema.check(item, matches).map_err(|inner| Mismatch {
                    place: format!("[{index}]{}", inner.place),
                    message: inner.message,
                })?;
            }
        }
        Ok(())
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
            | Self::Any => "",
        }
    }

    fn admits(self, value: &Value) -> bool {
        match self {
            Self::String => value.is_string(),
            Self::Integer => value.is_i64() || value.is_u64(),
            Self::Number => value.is_number(),
            Self::Boolean => value.is_boolean(),
            Self::Array => value.is_array(),
            Self::Object => value.is_object(),
            Self::Duration => value.as_str().is_some_and(|text| text.parse::<Length>().is_ok()),
            Self::Date => value.as_str().is_some_and(is_date),
            Self::Any => true,
        }
    }
}

/// Where and why a value does not fit its schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// The place inside the value, such as `[2]`; empty for the value itself.
    pub place: String,
    /// What is wrong, as a fragment.
    pub message: String,
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

    #[test]
    fn bounds_and_patterns_hold() {
        let bounded = Schema { minimum: Some(1.0), maximum: Some(3.0), ..Schema::of(Type::Number) };
        assert!(check(&bounded, &json!(0.5)).is_err() && check(&bounded, &json!(3)).is_ok());
        let pattern = Schema { pattern: Some("v1".into()), ..Schema::of(Type::String) };
        assert!(check(&pattern, &json!("v1.2")).is_ok() && check(&pattern, &json!("w")).is_err());
    }
}
