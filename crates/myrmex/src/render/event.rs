//! Recorded events as the JSON lines that outsiders rely on (`design.md` section 10).

use std::collections::BTreeMap;

use myrmex_model::address::Address;
use myrmex_model::event::{Event, Recorded, SkipReason};
use myrmex_model::id::{DefinitionHash, RunId};
use myrmex_model::name::Namespace;
use myrmex_model::wire::shown;
use myrmex_runtime::partition::{JournalError, entry_of, event_of};
use myrmex_store::{Reader, Record, Sequence};
use serde_json::{Value, json};

/// Turns records into lines. It remembers which definition each run follows.
#[derive(Default)]
pub struct Lines {
    definitions: BTreeMap<RunId, DefinitionHash>,
}

impl Lines {
    /// Builds the line of one record. Records of a run must come in order, from any point on.
    ///
    /// # Errors
    ///
    /// Returns [`JournalError`] if the record, or what was before it, cannot be read.
    pub fn line(&mut self, reader: &dyn Reader, record: &Record) -> Result<Value, JournalError> {
        let (Recorded { at, event, change }, boot) = entry_of(record)?;
        let before = match self.definitions.get(&record.run) {
            Some(definition) => Some(*definition),
            None => definition_before(reader, &record.namespace, record.run, record.sequence)?,
        };
        let definition = definition_named(&event).or(before);
        if let Some(definition) = definition {
            self.definitions.insert(record.run, definition);
        }
        let data = shown::data(&event);
        let text = |field: &str| data.get(field).filter(|value| value.is_string());
        Ok(json!({
            "log": record.log.0,
            "seq": record.sequence.0,
            "at": at.to_string(),
            "boot": boot.0,
            "namespace": record.namespace.as_str(),
            "project": null,
            "run": record.run.to_string(),
            "task": event.task().map(Address::path),
            "address": event.task().map(Address::as_str),
            "attempt": event.attempt().map(|attempt| attempt.0),
            "token": event.token().map(|token| token.0),
            "type": event.kind(),
            "from": change.from.as_str(),
            "to": change.to.as_str(),
            "phase": change.phase.as_str(),
            "actor": text("by").or_else(|| text("started_by")),
            "cause": cause(&event, &data),
            "definition": definition.map(|definition| definition.to_string()),
            "data": data,
        }))
    }

    /// Builds the line that closes a commit batch; nothing if `record` does not.
    pub fn head(record: &Record) -> Option<Value> {
        let head = record.head.as_ref()?;
        Some(json!({"log": record.log.0, "seq": record.sequence.0, "head": head.to_string()}))
    }
}

/// Why the event happened, where it says so in words.
fn cause(event: &Event, data: &Value) -> Value {
    if let Event::TaskTaken { taken, .. } = event {
        return json!(format!("taken over from run {}", taken.from));
    }
    let Event::TaskSkipped { reason, .. } = event else {
        return data.get("reason").cloned().unwrap_or(Value::Null);
    };
    json!(match reason {
        SkipReason::Condition => "its `if` is false".to_owned(),
        SkipReason::Upstream { task, outcome } => format!("`{task}` is {}", outcome.as_str()),
        SkipReason::NotChosen { task } => format!("`{task}` took another way"),
        SkipReason::Child { run } => format!("run {run} was skipped"),
        SkipReason::Person { by, reason } => format!("{by} skipped it: {reason}"),
    })
}

/// Returns the definition that an event says its run follows from now on.
fn definition_named(event: &Event) -> Option<DefinitionHash> {
    if let Event::RunStarted { definition, .. } | Event::Rebased { to: definition, .. } = event {
        return Some(*definition);
    }
    None
}

/// Finds the definition that a run follows just before `sequence`.
fn definition_before(
    reader: &dyn Reader,
    namespace: &Namespace,
    run: RunId,
    sequence: Sequence,
) -> Result<Option<DefinitionHash>, JournalError> {
    let (mut after, mut found) = (Sequence::NONE, None);
    loop {
        let records = reader.run_records(namespace, run, after, 1_000)?;
        let Some(last) = records.last().map(|record| record.sequence) else { return Ok(found) };
        for record in records.iter().take_while(|record| record.sequence < sequence) {
            found = definition_named(&event_of(record)?.event).or(found);
        }
        if last >= sequence {
            return Ok(found);
        }
        after = last;
    }
}
