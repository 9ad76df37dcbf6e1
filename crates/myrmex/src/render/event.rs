//! Recorded events as the JSON lines that outsiders rely on (`design.md` section 10).

use std::collections::BTreeMap;

use myrmex_model::address::Address;
use myrmex_model::id::RunId;
use myrmex_model::name::Namespace;
use myrmex_model::time::Timestamp;
use myrmex_model::wire;
use myrmex_runtime::partition::JournalError;
use myrmex_store::{Reader, Record, Sequence};
use serde_json::{Value, json};

/// Turns records into lines. It remembers which definition each run follows.
#[derive(Default)]
pub struct Lines {
    definitions: BTreeMap<RunId, String>,
}

impl Lines {
    /// Builds the line of one record. Records of a run must come in order, from any point on.
    ///
    /// # Errors
    ///
    /// Returns [`JournalError`] if the record, or what was before it, cannot be read.
    pub fn line(&mut self, reader: &dyn Reader, record: &Record) -> Result<Value, JournalError> {
        if record.codec != wire::event::CODEC {
            return Err(JournalError::Form { what: "an event", form: u16::from(record.codec) });
        }
        let event = wire::event::decode_record(&record.body)?;
        let before = match self.definitions.get(&record.run) {
            Some(definition) => Some(definition.clone()),
            None => definition_before(reader, &record.namespace, record.run, record.sequence)?,
        };
        let named = definition_named(&event);
        let definition = named.or(before);
        if let Some(definition) = &definition {
            self.definitions.insert(record.run, definition.clone());
        }
        let path = event.task.as_deref().map(|task| match Address::parse(task) {
            Ok(address) => address.path().into_owned(),
            Err(_) => task.to_owned(),
        });
        let text = |field: &str| event.data.get(field).filter(|value| value.is_string()).cloned();
        Ok(json!({
            "log": record.log.0,
            "seq": record.sequence.0,
            "at": Timestamp(event.at).to_string(),
            "boot": event.boot,
            "namespace": record.namespace.as_str(),
            "project": null,
            "run": record.run.to_string(),
            "task": path,
            "address": event.task,
            "attempt": event.attempt,
            "token": event.token,
            "type": event.kind,
            "from": event.from,
            "to": event.to,
            "phase": event.phase,
            "actor": text("by").or_else(|| text("started_by")),
            "cause": cause(&event),
            "definition": definition,
            "data": event.data,
        }))
    }

    /// Builds the line that closes a commit batch; nothing if `record` does not.
    pub fn head(record: &Record) -> Option<Value> {
        let head = record.head.as_ref()?;
        Some(json!({"log": record.log.0, "seq": record.sequence.0, "head": head.to_string()}))
    }
}

/// Why the event happened, where it says so in words.
fn cause(event: &wire::event::RecordV1) -> Value {
    let field = |name: &str| event.data.get(name).and_then(Value::as_str);
    match (event.kind.as_str(), field("why")) {
        ("task.skipped", Some("condition")) => json!("its `if` is false"),
        ("task.skipped", Some("upstream")) => {
            let (task, outcome) = (field("task").unwrap_or_default(), field("outcome").unwrap_or_default());
            json!(format!("`{task}` is {outcome}"))
        }
        ("task.skipped", Some("not_chosen")) => {
            json!(format!("`{}` took another way", field("task").unwrap_or_default()))
        }
        ("task.taken", _) => json!(format!("taken over from run {}", field("from").unwrap_or_default())),
        ("task.skipped", Some("child")) => {
            json!(format!("run {} was skipped", field("run").unwrap_or_default()))
        }
        _ => event.data.get("reason").cloned().unwrap_or(Value::Null),
    }
}

/// Returns the definition that an event says its run follows from now on.
fn definition_named(event: &wire::event::RecordV1) -> Option<String> {
    let field = match event.kind.as_str() {
        "run.started" => "definition",
        "run.rebased" => "to",
        _ => return None,
    };
    event.data.get(field).and_then(Value::as_str).map(str::to_owned)
}

/// Finds the definition that a run follows just before `sequence`.
fn definition_before(
    reader: &dyn Reader,
    namespace: &Namespace,
    run: RunId,
    sequence: Sequence,
) -> Result<Option<String>, JournalError> {
    let (mut after, mut found) = (Sequence::NONE, None);
    loop {
        let records = reader.run_records(namespace, run, after, 1_000)?;
        let Some(last) = records.last().map(|record| record.sequence) else { return Ok(found) };
        for record in records.iter().take_while(|record| record.sequence < sequence) {
            let event = wire::event::decode_record(&record.body)?;
            found = definition_named(&event).or(found);
        }
        if last >= sequence {
            return Ok(found);
        }
        after = last;
    }
}
