//! Reads JSON from outside in which no key of a map stands twice: a reader that keeps one of two values picks for the author.

use std::cell::RefCell;
use std::fmt;

use myrmex_model::value::Value;
use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};

/// Why a text is not JSON with unique keys.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// It is not JSON.
    #[error("it is not JSON: {0}")]
    Syntax(serde_json::Error),
    /// A key stands twice in one map.
    #[error("the key `{0}` stands twice in one map")]
    Duplicate(String),
}

/// Reads `text` as one JSON value.
///
/// # Errors
///
/// Returns [`JsonError`] if it is not JSON, nests too deep, or a key stands twice in one map.
///
/// ```
/// use myrmex_lang::parse_json;
///
/// assert_eq!(parse_json("[1]").unwrap(), serde_json::json!([1]));
/// assert!(parse_json(r#"{"a": 1, "a": 2}"#).is_err());
/// ```
pub fn parse_json(text: &str) -> Result<Value, JsonError> {
    let twice = RefCell::new(None);
    let mut reader = serde_json::Deserializer::from_str(text);
    let read = Unique { twice: &twice }.deserialize(&mut reader);
    let read = read.and_then(|value| reader.end().map(|()| value));
    match (read, twice.into_inner()) {
        (Ok(value), _) => Ok(value),
        (Err(_), Some(key)) => Err(JsonError::Duplicate(key)),
        (Err(error), None) => Err(JsonError::Syntax(error)),
    }
}

/// Reads a value, and notes the first key that stands twice.
#[derive(Clone, Copy)]
struct Unique<'k> {
    twice: &'k RefCell<Option<String>>,
}

impl<'de> DeserializeSeed<'de> for Unique<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Unique<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::from(text))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut map = serde_json::Map::new();
        while let Some(key) = fields.next_key::<String>()? {
            if map.contains_key(&key) {
                let error = A::Error::custom("a key stands twice");
                self.twice.borrow_mut().get_or_insert(key);
                return Err(error);
            }
            map.insert(key, fields.next_value_seed(self)?);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_what_serde_json_reads() {
        for text in
            ["null", " [true, -1, 18446744073709551615, 1.5e3, \"é\\n\"] ", "{\"b\": {\"a\": []}, \"a\": {}}"]
        {
            let expected: Value = serde_json::from_str(text).unwrap();
            assert_eq!(parse_json(text).unwrap().to_string(), expected.to_string());
        }
        for text in ["", "[1", "1 2", "{\"a\": 1,}", "NaN", &"[".repeat(1000)] {
            assert!(matches!(parse_json(text), Err(JsonError::Syntax(_))), "{text}");
        }
    }

    #[test]
    fn a_key_that_stands_twice_anywhere_is_named() {
        let said = |text: &str| parse_json(text).unwrap_err().to_string();
        assert_eq!(said("{\"a\": 1, \"a\": 1}"), "the key `a` stands twice in one map");
        assert_eq!(said("[{\"x\": {\"b\": 1, \"\\u0062\": 2}}]"), "the key `b` stands twice in one map");
        assert!(parse_json("[{\"a\": 1}, {\"a\": {\"a\": 2}}]").is_ok());
    }
}
