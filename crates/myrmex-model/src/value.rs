//! Values: immutable JSON, addressed by the hash of their text.

use crate::id::ValueHash;

pub use serde_json::Value;

/// The deepest nesting of a value. Deeper input is refused before anything walks it by recursion. What is stored must
/// be readable again inside a record, and the JSON reader stops at 127 levels.
pub const VALUE_DEPTH_MAX: usize = 112;

/// The largest JSON text of a value that is kept inline. Larger outputs are refused with a hint to use a file.
pub const VALUE_BYTES_MAX: usize = 1 << 20;

/// A value with its JSON text and its hash, made once and stored once.
#[derive(Debug, Clone, PartialEq)]
pub struct HashedValue {
    /// The hash of [`HashedValue::json`].
    pub hash: ValueHash,
    /// The compact JSON text; keys stand in the order in which they were made.
    pub json: String,
    /// The value itself.
    pub value: Value,
}

impl HashedValue {
    /// Serialises and hashes `value`.
    pub fn new(value: Value) -> Self {
        let json = value.to_string();
        Self { hash: ValueHash::of(json.as_bytes()), json, value }
    }

    /// Returns the hash of `null`, the output of everything that gives nothing. It is never stored.
    pub fn null_hash() -> ValueHash {
        ValueHash::of(b"null")
    }
}

/// Returns whether `value` nests at most [`VALUE_DEPTH_MAX`] deep. Needs a bounded stack itself.
pub fn is_depth_bounded(value: &Value) -> bool {
    fn fits(value: &Value, left: usize) -> bool {
        match value {
            Value::Array(items) => left > 0 && items.iter().all(|item| fits(item, left - 1)),
            Value::Object(fields) => left > 0 && fields.values().all(|field| fits(field, left - 1)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
        }
    }
    fits(value, VALUE_DEPTH_MAX)
}

/// Returns how many lists and maps lie in each other at the deepest place of `value`; 0 for a scalar. Needs a stack that
/// grows with the answer.
pub fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

/// Returns the word for the type of `value` that messages use.
pub fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Prints `value` as it appears inside text, in an environment variable or in an argument: strings as they are,
/// everything else as JSON.
pub fn to_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            value.to_string()
        }
    }
}
