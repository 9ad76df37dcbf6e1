//! What a retry takes over, as it stands among the values of its run: JSON with `results` and `lists` by address; in a
//! result, absent where empty.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::WireError;
use super::fault::FaultV1;
use crate::address::Address;
use crate::fault::Fault;
use crate::id::ValueHash;
use crate::retry::{Items, Taken, Takings};
use crate::status::Status;
use crate::time::Timestamp;

/// A result; a status that is absent is `succeeded`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TakenV1 {
    from: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    output: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    vars: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fault: Option<FaultV1>,
    attempts: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    started: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    finished: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    artifacts: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    case: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    items: Option<ItemsV1>,
}

#[derive(Debug, Serialize, Deserialize)]
struct ItemsV1 {
    list: String,
    count: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keys: Option<Vec<String>>,
}

impl From<&Taken> for TakenV1 {
    fn from(taken: &Taken) -> Self {
        let text = |hash: Option<ValueHash>| hash.map(|hash| hash.to_string());
        Self {
            from: taken.from.to_string(),
            status: (taken.status != Status::Succeeded).then(|| taken.status.as_str().to_owned()),
            output: text(taken.output),
            vars: text(taken.vars),
            fault: taken.fault.as_deref().map(FaultV1::from),
            attempts: taken.attempts,
            started: taken.started.map(|at| at.0),
            finished: taken.finished.map(|at| at.0),
            artifacts: text(taken.artifacts),
            case: taken.case,
            items: taken.items.as_ref().map(|items| ItemsV1 {
                list: items.list.to_string(),
                count: items.count,
                keys: items.keys.clone(),
            }),
        }
    }
}

impl TryFrom<TakenV1> for Taken {
    type Error = WireError;

    fn try_from(wire: TakenV1) -> Result<Self, WireError> {
        let status = match wire.status.as_deref() {
            None => Status::Succeeded,
            Some(word) => Status::from_word(word).ok_or_else(|| wrong("status"))?,
        };
        let items = wire.items.map(|items| {
            let list = items.list.parse().map_err(|_| wrong("items"))?;
            Ok::<_, WireError>(Items { list, count: items.count, keys: items.keys })
        });
        Ok(Self {
            from: wire.from.parse().map_err(|_| wrong("from"))?,
            status,
            output: hash(wire.output, "output")?,
            vars: hash(wire.vars, "vars")?,
            fault: wire.fault.map(|fault| Box::new(Fault::from(fault))),
            attempts: wire.attempts,
            started: wire.started.map(Timestamp),
            finished: wire.finished.map(Timestamp),
            artifacts: hash(wire.artifacts, "artifacts")?,
            case: wire.case,
            items: items.transpose()?,
        })
    }
}

fn wrong(field: &str) -> WireError {
    WireError::new("what a retry takes over", format!("`{field}` is missing or wrong"))
}

fn hash(text: Option<String>, field: &str) -> Result<Option<ValueHash>, WireError> {
    text.map(|text| text.parse().map_err(|_| wrong(field))).transpose()
}

/// Builds the stored form.
pub fn encode(takings: &Takings) -> Value {
    let results = takings.results.iter();
    let results: Map<String, Value> =
        results.map(|(address, taken)| (address.as_str().to_owned(), taken_json(taken))).collect();
    let lists: Map<String, Value> = (takings.lists.iter())
        .map(|(address, list)| (address.as_str().to_owned(), json!(list.to_string())))
        .collect();
    json!({"results": results, "lists": lists})
}

/// Reads all of it.
///
/// # Errors
///
/// Returns [`WireError`] if `value` is not such a form.
pub fn decode(value: &Value) -> Result<Takings, WireError> {
    let fields = |name: &str| value.get(name).and_then(Value::as_object).ok_or_else(|| wrong(name));
    let address = |text: &str| Address::parse(text).map_err(|_| wrong(text));
    let mut takings = Takings::default();
    for (text, result) in fields("results")? {
        takings.results.insert(address(text)?, decode_taken(result)?);
    }
    for (text, list) in fields("lists")? {
        let list = list.as_str().and_then(|list| list.parse().ok()).ok_or_else(|| wrong(text))?;
        takings.lists.insert(address(text)?, list);
    }
    Ok(takings)
}

/// Reads the result of one task alone; nothing if it is not among them.
///
/// # Errors
///
/// Returns [`WireError`] if `value` is not such a form.
pub fn result_of(value: &Value, task: &Address) -> Result<Option<Taken>, WireError> {
    value.get("results").and_then(|results| results.get(task.as_str())).map(decode_taken).transpose()
}

/// Reads which items a `for_each` had that is not taken over as a whole.
pub fn list_of(value: &Value, task: &Address) -> Option<ValueHash> {
    value.get("lists")?.get(task.as_str())?.as_str()?.parse().ok()
}

pub(super) fn taken_json(taken: &Taken) -> Value {
    serde_json::to_value(TakenV1::from(taken)).unwrap_or(Value::Null)
}

fn decode_taken(value: &Value) -> Result<Taken, WireError> {
    TakenV1::deserialize(value).map_err(|error| wrong(&error.to_string()))?.try_into()
}
