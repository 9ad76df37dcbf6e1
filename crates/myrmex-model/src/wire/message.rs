//! Codec 1 of messages between runs: one flat JSON object, absent where empty. `m` is its kind: `call`, `cancel`, `ended`.

use serde::{Deserialize, Serialize};

use super::WireError;
use super::fault::FaultV1;
use crate::address::Address;
use crate::command::ChildEnd;
use crate::event::Parent;
use crate::fault::Fault;
use crate::message::{Call, Message};

/// The number of this codec in a message's envelope.
pub const CODEC: u8 = 1;

#[derive(Debug, Default, Serialize, Deserialize)]
struct MessageV1 {
    m: String,
    child: String,
    parent: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    task: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    depth: Option<u32>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    detached: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    definition: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    inputs: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    closure: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cancels: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    end: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    output: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fault: Option<FaultV1>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    timeout: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    unknown: bool,
}

/// Serialises a message.
pub fn encode(message: &Message) -> Vec<u8> {
    let wire = match message {
        Message::Call(call) => {
            let Call { child, parent, definition, inputs, closure, started_by } = call;
            MessageV1 {
                m: "call".to_owned(),
                child: child.to_string(),
                parent: parent.run.to_string(),
                task: Some(parent.task.as_str().to_owned()),
                depth: Some(parent.depth),
                detached: !parent.is_awaited,
                definition: Some(definition.to_string()),
                inputs: Some(inputs.to_string()),
                closure: closure.map(|closure| closure.to_string()),
                by: Some(started_by.clone()),
                ..MessageV1::default()
            }
        }
        Message::Cancel { child, parent, cancels, by } => MessageV1 {
            m: "cancel".to_owned(),
            child: child.to_string(),
            parent: parent.to_string(),
            cancels: Some(*cancels),
            by: Some(by.clone()),
            ..MessageV1::default()
        },
        Message::Ended { parent, task, child, end, is_unknown } => MessageV1 {
            m: "ended".to_owned(),
            child: child.to_string(),
            parent: parent.to_string(),
            task: Some(task.as_str().to_owned()),
            unknown: *is_unknown,
            ..ended(end)
        },
    };
    serde_json::to_vec(&wire).expect("a message has only text keys and whole numbers")
}

fn ended(end: &ChildEnd) -> MessageV1 {
    let of = |word: &str| MessageV1 { end: Some(word.to_owned()), ..MessageV1::default() };
    match end {
        ChildEnd::Succeeded { output } => MessageV1 { output: Some(output.to_string()), ..of("succeeded") },
        ChildEnd::Failed { fault, is_timeout } => {
            MessageV1 { fault: Some(FaultV1::from(fault)), timeout: *is_timeout, ..of("failed") }
        }
        ChildEnd::Cancelled => of("cancelled"),
        ChildEnd::Skipped => of("skipped"),
    }
}

/// Reads a message.
///
/// # Errors
///
/// Returns [`WireError`] if `bytes` are not one.
pub fn decode(bytes: &[u8]) -> Result<Message, WireError> {
    let wire: MessageV1 =
        serde_json::from_slice(bytes).map_err(|error| WireError::new("a message", error))?;
    let (child, parent) = (parsed(Some(&wire.child), "child")?, parsed(Some(&wire.parent), "parent")?);
    let by = || wire.by.clone().ok_or_else(|| wrong("by"));
    Ok(match wire.m.as_str() {
        "call" => {
            let parent = Parent {
                run: parent,
                task: task(&wire)?,
                depth: wire.depth.ok_or_else(|| wrong("depth"))?,
                is_awaited: !wire.detached,
            };
            let closure = wire.closure.as_ref().map(|closure| parsed(Some(closure), "closure"));
            Message::Call(Call {
                child,
                parent,
                definition: parsed(wire.definition.as_ref(), "definition")?,
                inputs: parsed(wire.inputs.as_ref(), "inputs")?,
                closure: closure.transpose()?,
                started_by: by()?,
            })
        }
        "cancel" => {
            let cancels = wire.cancels.ok_or_else(|| wrong("cancels"))?;
            Message::Cancel { child, parent, cancels, by: by()? }
        }
        "ended" => {
            let (task, is_unknown) = (task(&wire)?, wire.unknown);
            Message::Ended { parent, task, child, end: end_of(wire)?, is_unknown }
        }
        other => return Err(WireError::new("a message", format!("unknown kind `{other}`"))),
    })
}

fn end_of(wire: MessageV1) -> Result<ChildEnd, WireError> {
    Ok(match wire.end.as_deref() {
        Some("succeeded") => ChildEnd::Succeeded { output: parsed(wire.output.as_ref(), "output")? },
        Some("failed") => {
            let fault = Fault::from(wire.fault.ok_or_else(|| wrong("fault"))?);
            ChildEnd::Failed { fault, is_timeout: wire.timeout }
        }
        Some("cancelled") => ChildEnd::Cancelled,
        Some("skipped") => ChildEnd::Skipped,
        Some(_) | None => return Err(wrong("end")),
    })
}

fn task(wire: &MessageV1) -> Result<Address, WireError> {
    wire.task.as_deref().and_then(|task| Address::parse(task).ok()).ok_or_else(|| wrong("task"))
}

fn parsed<T: std::str::FromStr>(text: Option<&String>, field: &str) -> Result<T, WireError> {
    text.and_then(|text| text.parse().ok()).ok_or_else(|| wrong(field))
}

fn wrong(field: &str) -> WireError {
    WireError::new("a message", format!("`{field}` is missing or wrong"))
}
