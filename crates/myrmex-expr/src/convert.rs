//! Between JSON and the values that minijinja computes with, within bounds on both ways.

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Value};
use myrmex_model::value::{VALUE_BYTES_MAX, VALUE_DEPTH_MAX, Value as Json, to_text};
use serde_json::Number;

use crate::error::ResultLimit;
use crate::limits::Fuel;

/// Bytes of data that one unit of fuel pays for, as in minijinja.
pub(crate) const BYTES_PER_FUEL: u64 = 64;

/// What a number, a slot of a list or a key counts for, in bytes.
const SLOT_BYTES: usize = 8;

/// Why a part of an expression has no result. Its place is known where it is caught.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The fuel is used up.
    Fuel,
    /// A value is too large or too deep.
    Limit(ResultLimit),
    /// Something has no value.
    Missing,
    /// Anything else, as a fragment.
    Reason(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let mut cause = Some(&error);
        while let Some(current) = cause {
            match current.kind() {
                ErrorKind::OutOfFuel => return Self::Fuel,
                ErrorKind::UndefinedError => return Self::Missing,
                _ => {}
            }
            cause = std::error::Error::source(current).and_then(|source| source.downcast_ref());
        }
        Self::Reason(error.detail().map_or_else(|| error.kind().to_string(), str::to_owned))
    }
}

/// Our own filters fail like minijinja's.
impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Fuel => ErrorKind::OutOfFuel.into(),
            Failure::Missing => ErrorKind::UndefinedError.into(),
            Failure::Limit(limit) => Self::new(ErrorKind::InvalidOperation, limit.to_string()),
            Failure::Reason(reason) => Self::new(ErrorKind::InvalidOperation, reason),
        }
    }
}

/// Pays for `bytes` of data.
pub(crate) fn charge(fuel: &dyn Fuel, bytes: usize) -> Result<(), Failure> {
    let price = bytes as u64 / BYTES_PER_FUEL;
    if price == 0 { Ok(()) } else { fuel.burn(price) }
}

/// How deep a value may nest, and how deep it still may where a walk has come to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Depth {
    most: usize,
    left: usize,
}

impl Depth {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, left: most }
    }

    /// Returns the depth inside a list or a map.
    pub(crate) fn inner(self) -> Result<Self, Failure> {
        let deep = Failure::Limit(ResultLimit::Depth { levels_max: self.most });
        self.left.checked_sub(1).map(|left| Self { left, ..self }).ok_or(deep)
    }
}

/// The depth that any value may have.
impl Default for Depth {
    fn default() -> Self {
        Self::new(VALUE_DEPTH_MAX)
    }
}

/// Takes in what an expression reads. Its size is paid for; beyond that any size will do.
pub(crate) fn read(fuel: &dyn Fuel, json: Json, depth: Depth) -> Result<Value, Failure> {
    Ok(match json {
        Json::Null => Value::from(()),
        Json::Bool(flag) => Value::from(flag),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(integer), _) => Value::from(integer),
            (None, Some(integer)) => Value::from(integer),
            (None, None) => Value::from(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => {
            charge(fuel, text.len())?;
            Value::from(text)
        }
        Json::Array(items) => {
            let depth = depth.inner()?;
            charge(fuel, items.len() * SLOT_BYTES)?;
            let items = items.into_iter().map(|item| read(fuel, item, depth));
            Value::from(items.collect::<Result<Vec<_>, _>>()?)
        }
        Json::Object(fields) => {
            let depth = depth.inner()?;
            charge(fuel, fields.len() * SLOT_BYTES)?;
            let fields = fields.into_iter().map(|(key, field)| {
                charge(fuel, key.len())?;
                Ok((Value::from(key), read(fuel, field, depth)?))
            });
            Value::from_pairs(fields.collect::<Result<Vec<_>, Failure>>()?)
        }
    })
}

/// Gives out a result: so deep, and at most [`VALUE_BYTES_MAX`] of JSON text.
pub(crate) fn write(value: &Value, depth: Depth) -> Result<Json, Failure> {
    Writer { left: VALUE_BYTES_MAX }.write(value, depth)
}

/// Gives out what a jq program works on. Larger values than a result may be are taken, up to what all fuel pays for.
pub(crate) fn write_paid(fuel: &dyn Fuel, value: &Value) -> Result<Json, Failure> {
    let most = usize::try_from(fuel.left() * BYTES_PER_FUEL).unwrap_or(usize::MAX);
    let mut writer = Writer { left: most };
    let json = writer.write(value, Depth::default()).map_err(|failure| match failure {
        Failure::Limit(ResultLimit::Bytes) => Failure::Fuel,
        Failure::Limit(ResultLimit::Depth { .. }) | Failure::Fuel | Failure::Missing | Failure::Reason(_) => {
            failure
        }
    })?;
    charge(fuel, most - writer.left)?;
    Ok(json)
}

/// Checks that `json` is within the bounds of a result.
pub(crate) fn check(json: &Json, depth: Depth) -> Result<(), Failure> {
    Writer { left: VALUE_BYTES_MAX }.check(json, depth)
}

/// Counts the bytes of JSON text while it is made.
struct Writer {
    left: usize,
}

impl Writer {
    fn take(&mut self, bytes: usize) -> Result<(), Failure> {
        self.left = self.left.checked_sub(bytes).ok_or(Failure::Limit(ResultLimit::Bytes))?;
        Ok(())
    }

    fn write(&mut self, value: &Value, depth: Depth) -> Result<Json, Failure> {
        Ok(match value.kind() {
            ValueKind::Undefined => return Err(Failure::Missing),
            ValueKind::None => {
                self.take(4)?;
                Json::Null
            }
            ValueKind::Bool => {
                self.take(4)?;
                Json::Bool(value.is_true())
            }
            ValueKind::Number => {
                let number = number_of(value)?;
                self.take(number.to_string().len())?;
                Json::Number(number)
            }
            ValueKind::String => {
                let text = value.as_str().unwrap_or_default();
                self.take(json_length(text))?;
                Json::String(text.to_owned())
            }
            ValueKind::Seq | ValueKind::Iterable => {
                let depth = depth.inner()?;
                self.take(2)?;
                let mut items = Vec::new();
                for item in value.try_iter()?.checked() {
                    self.take(usize::from(!items.is_empty()))?;
                    items.push(self.write(&item?, depth)?);
                }
                Json::Array(items)
            }
            ValueKind::Map => {
                let depth = depth.inner()?;
                self.take(2)?;
                let mut fields = serde_json::Map::new();
                for key in value.try_iter()?.checked() {
                    let key = key?;
                    let name = key.as_str().ok_or_else(|| key_failure(&key))?;
                    self.take(json_length(name) + 1 + usize::from(!fields.is_empty()))?;
                    let field = self.write(&value.get_item(&key)?, depth)?;
                    fields.insert(name.to_owned(), field);
                }
                Json::Object(fields)
            }
            ValueKind::Invalid => return Err(Failure::from(invalid(value))),
            _ => return Err(Failure::Reason(format!("{} is not data", type_name(value)))),
        })
    }

    fn check(&mut self, json: &Json, depth: Depth) -> Result<(), Failure> {
        match json {
            Json::Null | Json::Bool(_) => self.take(4),
            Json::Number(number) => self.take(number.to_string().len()),
            Json::String(text) => self.take(json_length(text)),
            Json::Array(items) => {
                let depth = depth.inner()?;
                self.take(2 + items.len().saturating_sub(1))?;
                items.iter().try_for_each(|item| self.check(item, depth))
            }
            Json::Object(fields) => {
                let depth = depth.inner()?;
                self.take(2 + fields.len().saturating_sub(1))?;
                fields.iter().try_for_each(|(key, field)| {
                    self.take(json_length(key) + 1)?;
                    self.check(field, depth)
                })
            }
        }
    }
}

/// Returns the error that an invalid value carries.
fn invalid(value: &Value) -> Error {
    match value.try_iter() {
        Err(error) => error,
        Ok(_) => Error::new(ErrorKind::InvalidOperation, "the value is invalid"),
    }
}

pub(crate) fn key_failure(key: &Value) -> Failure {
    Failure::Reason(format!("the keys of a map are strings, `{key}` is {}", type_name(key)))
}

/// Returns how many bytes `text` has as a JSON string.
fn json_length(text: &str) -> usize {
    let extra = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 8 | 12 => 1,
        0..0x20 => 5,
        _ => 0,
    };
    2 + text.len() + text.bytes().map(extra).sum::<usize>()
}

/// Reads a number that JSON can hold.
fn number_of(value: &Value) -> Result<Number, Failure> {
    if let Ok(integer) = i64::try_from(value.clone())
        && value.is_integer()
    {
        return Ok(integer.into());
    }
    if value.is_integer() {
        let out_of_range = |_| Failure::Reason(format!("the integer {value} does not fit into 64 bits"));
        return u64::try_from(value.clone()).map(Number::from).map_err(out_of_range);
    }
    let number = f64::try_from(value.clone())?;
    Number::from_f64(number).ok_or_else(|| Failure::Reason(format!("{number} is not a finite number")))
}

/// Prints `value` as it appears inside text.
pub(crate) fn text_of(fuel: &dyn Fuel, value: &Value) -> Result<String, Failure> {
    let text = match value.as_str() {
        Some(text) => text.to_owned(),
        None => to_text(&write(value, Depth::default())?),
    };
    charge(fuel, text.len())?;
    Ok(text)
}

/// Returns the word for the type of `value` that messages use, as [`myrmex_model::value::type_name`] does.
pub(crate) fn type_name(value: &Value) -> &'static str {
    match value.kind() {
        ValueKind::Undefined => "nothing",
        ValueKind::None => "null",
        ValueKind::Bool => "boolean",
        ValueKind::Number if value.is_integer() => "integer",
        ValueKind::Number => "number",
        ValueKind::String => "string",
        ValueKind::Seq | ValueKind::Iterable => "array",
        ValueKind::Map => "object",
        _ => "no JSON",
    }
}
