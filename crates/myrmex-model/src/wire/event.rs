//! Codec 1 of events: one flat JSON object, short keys, absent where empty.
//!
//! `e` kind · `at` ns since 1970 · `f`, `o` status before and after · `p` phase · `k` task · `n` attempt · `w` token ·
//! `b` boot · the rest belongs to the kind.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::WireError;
use super::fault::{FaultV1, ReportV1};
use super::retry::{decode_retry, decode_taken, retry_json, taken_json};
use crate::address::Address;
use crate::demand::Named;
use crate::event::{Change, Event, HandlerKind, Limit, Parent, Pending, Recorded, SkipReason};
use crate::id::{Attempt, Epoch, FencingToken, RunId, ValueHash};
use crate::name::Name;
use crate::outcome::Outcome;
use crate::status::{Phase, Status};
use crate::time::Timestamp;

/// The number of this codec in a record's envelope.
pub const CODEC: u8 = 1;

/// The stored form of an event, with the fields that every reader of the stream wants apart from the rest.
#[derive(Debug, Serialize, Deserialize)]
pub struct RecordV1 {
    /// The kind, as [`Event::kind`] says.
    #[serde(rename = "e")]
    pub kind: String,
    /// Nanoseconds since 1970.
    pub at: i64,
    /// The status before.
    #[serde(rename = "f")]
    pub from: String,
    /// The status after.
    #[serde(rename = "o")]
    pub to: String,
    /// The phase after.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// The task's address; absent for events of the run.
    #[serde(rename = "k", default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// The attempt.
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// The fencing token.
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    pub token: Option<u64>,
    /// The epoch of the log's owner that decided it.
    #[serde(rename = "b")]
    pub boot: u32,
    /// What belongs to the kind alone.
    #[serde(rename = "x", default, skip_serializing_if = "Value::is_null")]
    pub data: Value,
}

/// Serialises an event that the log's owner of epoch `boot` decided.
pub fn encode(recorded: &Recorded, boot: Epoch) -> Vec<u8> {
    let Recorded { at, event, change } = recorded;
    let record = RecordV1 {
        kind: event.kind().to_owned(),
        at: at.0,
        from: change.from.as_str().to_owned(),
        to: change.to.as_str().to_owned(),
        phase: change.phase.as_str().map(str::to_owned),
        task: event.task().map(|task| task.as_str().to_owned()),
        attempt: event.attempt().map(|attempt| attempt.0),
        token: token_of(event).map(|token| token.0),
        boot: boot.0,
        data: data_of(event),
    };
    serde_json::to_vec(&record).expect("a record has only text keys and finite numbers")
}

fn token_of(event: &Event) -> Option<FencingToken> {
    match event {
        Event::AttemptGranted { token, .. }
        | Event::AttemptEnded { token, .. }
        | Event::HoldGranted { token, .. } => Some(*token),
        Event::RunStarted { .. }
        | Event::RunQueued { .. }
        | Event::RunAdmitted
        | Event::Rebased { .. }
        | Event::ScopeEntered { .. }
        | Event::RoundBegan { .. }
        | Event::HandlerEntered { .. }
        | Event::LimitReached { .. }
        | Event::ChildCalled { .. }
        | Event::ChildUnknown { .. }
        | Event::ItemsExpanded { .. }
        | Event::TaskQueued { .. }
        | Event::HoldQueued { .. }
        | Event::RetryArmed { .. }
        | Event::TimerArmed { .. }
        | Event::LagArmed { .. }
        | Event::LagElapsed { .. }
        | Event::CaseChosen { .. }
        | Event::TaskSucceeded { .. }
        | Event::TaskTaken { .. }
        | Event::TaskFailed { .. }
        | Event::TaskSkipped { .. }
        | Event::TaskCancelled { .. }
        | Event::CancelRequested { .. }
        | Event::EndRequested { .. }
        | Event::RunEnded { .. } => None,
    }
}

fn fault_json(fault: &crate::fault::Fault) -> Value {
    serde_json::to_value(FaultV1::from(fault)).unwrap_or(Value::Null)
}

fn success_json(output: ValueHash, vars: Option<ValueHash>, fault: Option<&crate::fault::Fault>) -> Value {
    let mut data = json!({"output": output.to_string()});
    if let Some(vars) = vars {
        data["vars"] = json!(vars.to_string());
    }
    if let Some(fault) = fault {
        data["fault"] = fault_json(fault);
    }
    data
}

fn cancel_json(by: &str, reason: &str, successor: Option<RunId>) -> Value {
    let mut data = json!({"by": by, "reason": reason});
    if let Some(run) = successor {
        data["successor"] = json!(run.to_string());
    }
    data
}

fn failure_json(fault: &crate::fault::Fault, is_timeout: bool) -> Value {
    let mut data = json!({"fault": fault_json(fault)});
    if is_timeout {
        data["timeout"] = json!(true);
    }
    data
}

/// What is pending is told by its fields: an output, a fault, or neither for a cancel.
fn handler_json(handler: HandlerKind, pending: &Pending) -> Value {
    let mut data = match pending {
        Pending::Succeeded { output, vars } => success_json(*output, *vars, None),
        Pending::Failed { fault, is_timeout } => failure_json(fault, *is_timeout),
        Pending::Cancelled => json!({}),
    };
    data["handler"] = json!(handler.as_str());
    if let HandlerKind::Catch(index) = handler {
        data["index"] = json!(index);
    }
    data
}

fn reason_json(reason: &SkipReason) -> Value {
    match reason {
        SkipReason::Condition => json!({"why": "condition"}),
        SkipReason::Upstream { task, outcome } => {
            json!({"why": "upstream", "task": task.as_str(), "outcome": outcome.as_str()})
        }
        SkipReason::NotChosen { task } => json!({"why": "not_chosen", "task": task.as_str()}),
        SkipReason::Child { run } => json!({"why": "child", "run": run.to_string()}),
    }
}

/// Null if nothing was evaluated, so that what asks for nothing by expressions is written as it always was.
fn named_json(named: Option<&Named>) -> Value {
    let Some(Named { lock, labels }) = named else { return Value::Null };
    let mut data = json!({});
    if let Some(lock) = lock {
        data["lock"] = json!(lock);
    }
    if !labels.is_empty() {
        data["labels"] = json!(labels);
    }
    data
}

fn queued_json(input: Option<ValueHash>, named: Option<&Named>) -> Value {
    let mut data = named_json(named);
    if let Some(input) = input {
        data["input"] = json!(input.to_string());
    }
    data
}

fn parent_json(Parent { run, task, depth, is_awaited }: &Parent) -> Value {
    let mut data = json!({"run": run.to_string(), "task": task.as_str(), "depth": depth});
    if !is_awaited {
        data["detached"] = json!(true);
    }
    data
}

fn data_of(event: &Event) -> Value {
    match event {
        Event::RunStarted { definition, workflow, inputs, started_by, trigger, closure, parent, retry } => {
            let mut data = json!({
                "definition": definition.to_string(), "workflow": workflow.as_str(),
                "inputs": inputs.to_string(), "started_by": started_by, "trigger": trigger,
            });
            if let Some(closure) = closure {
                data["closure"] = json!(closure.to_string());
            }
            if let Some(parent) = parent {
                data["parent"] = parent_json(parent);
            }
            if let Some(retry) = retry {
                data["retry"] = retry_json(retry);
            }
            data
        }
        Event::RunQueued { key: Some(key) } => json!({"key": key}),
        Event::RoundBegan { round, .. } => json!({"round": round}),
        Event::HandlerEntered { handler, pending, .. } => handler_json(*handler, pending),
        Event::LimitReached { limit, .. } => json!({"limit": limit.as_str()}),
        Event::ChildCalled { child, definition, inputs, .. } => json!({
            "child": child.to_string(), "definition": definition.to_string(), "inputs": inputs.to_string(),
        }),
        Event::Rebased { from, to, map, by, reason } => json!({
            "from": from.to_string(), "to": to.to_string(), "by": by, "reason": reason,
            "map": map.iter().map(|(old, new)| [old.as_str(), new.as_str()]).collect::<Vec<_>>(),
        }),
        Event::ItemsExpanded { count, items, keys, .. } => match keys {
            Some(keys) => json!({"count": count, "items": items.to_string(), "keys": keys}),
            None => json!({"count": count, "items": items.to_string()}),
        },
        Event::TaskQueued { input, named, .. } => queued_json(*input, named.as_deref()),
        Event::HoldQueued { named, .. } => named_json(named.as_deref()),
        Event::ScopeEntered { inputs: Some(inputs), .. } => json!({"inputs": inputs.to_string()}),
        Event::AttemptGranted { worker, .. } => json!({"worker": worker.as_str()}),
        Event::AttemptEnded { report, .. } => {
            serde_json::to_value(ReportV1::from(report)).unwrap_or(Value::Null)
        }
        Event::RetryArmed { due, by_catch: Some(index), .. } => json!({"due": due.0, "catch": index}),
        Event::RetryArmed { due, by_catch: None, .. } | Event::TimerArmed { due, .. } => {
            json!({"due": due.0})
        }
        Event::LagArmed { from, due, .. } => json!({"from": from.as_str(), "due": due.0}),
        Event::LagElapsed { from, .. } => json!({"from": from.as_str()}),
        Event::CaseChosen { case, .. } => json!({"case": case}),
        Event::TaskSucceeded { output, vars, fault, .. } => success_json(*output, *vars, fault.as_deref()),
        Event::TaskTaken { taken, .. } => taken_json(taken),
        Event::TaskFailed { fault, is_timeout, .. } => failure_json(fault, *is_timeout),
        Event::TaskSkipped { reason, .. } => reason_json(reason),
        Event::CancelRequested { by, reason, successor, .. } => cancel_json(by, reason, *successor),
        Event::RunEnded { output, fault, .. } => match (output, fault) {
            (None, None) => Value::Null,
            (Some(output), None) => json!({"output": output.to_string()}),
            (None, Some(fault)) => json!({"fault": fault_json(fault)}),
            (Some(output), Some(fault)) => json!({"output": output.to_string(), "fault": fault_json(fault)}),
        },
        Event::RunQueued { key: None }
        | Event::RunAdmitted
        | Event::HoldGranted { .. }
        | Event::ScopeEntered { inputs: None, .. }
        | Event::ChildUnknown { .. }
        | Event::TaskCancelled { .. }
        | Event::EndRequested { .. } => Value::Null,
    }
}

/// Reads only the fields that every kind has.
///
/// # Errors
///
/// Returns [`WireError`] if `bytes` are not a record of this codec.
pub fn decode_record(bytes: &[u8]) -> Result<RecordV1, WireError> {
    serde_json::from_slice(bytes).map_err(|error| WireError::new("an event", error))
}

/// Reads an event.
///
/// # Errors
///
/// Returns [`WireError`] if `bytes` are not an event of this codec.
pub fn decode(bytes: &[u8]) -> Result<Recorded, WireError> {
    let record = decode_record(bytes)?;
    let status = |word: &str| {
        Status::from_word(word).ok_or_else(|| WireError::new("an event", format!("unknown status `{word}`")))
    };
    let change = Change {
        from: status(&record.from)?,
        to: status(&record.to)?,
        phase: match record.phase.as_deref() {
            Some("queued") => Phase::Queued,
            Some("granted") => Phase::Granted,
            Some("retrying") => Phase::Retrying,
            Some("cancelling") => Phase::Cancelling,
            Some("handling") => Phase::Handling,
            Some("finishing") => Phase::Finishing,
            _ => Phase::None,
        },
    };
    let at = Timestamp(record.at);
    let event = Fields { change, record: &record }.event()?;
    Ok(Recorded { at, event, change })
}

/// Reads the fields of one record, naming what is missing or wrong.
struct Fields<'a> {
    change: Change,
    record: &'a RecordV1,
}

impl Fields<'_> {
    fn error(&self, field: &str) -> WireError {
        WireError::new("an event", format!("`{field}` of `{}` is missing or wrong", self.record.kind))
    }

    fn text(&self, field: &str) -> Result<&str, WireError> {
        self.record.data.get(field).and_then(Value::as_str).ok_or_else(|| self.error(field))
    }

    fn owned(&self, field: &str) -> Result<String, WireError> {
        self.text(field).map(str::to_owned)
    }

    fn parsed<T: std::str::FromStr>(&self, field: &str) -> Result<T, WireError> {
        self.text(field)?.parse().map_err(|_| self.error(field))
    }

    fn optional<T: std::str::FromStr>(&self, field: &str) -> Result<Option<T>, WireError> {
        match self.record.data.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(_) => self.parsed(field).map(Some),
        }
    }

    fn number(&self, field: &str) -> Result<u32, WireError> {
        let number = self.record.data.get(field).and_then(Value::as_u64);
        number.and_then(|number| u32::try_from(number).ok()).ok_or_else(|| self.error(field))
    }

    fn instant(&self, field: &str) -> Result<Timestamp, WireError> {
        let number = self.record.data.get(field).and_then(Value::as_i64);
        number.map(Timestamp).ok_or_else(|| self.error(field))
    }

    fn address(&self, field: &str) -> Result<Address, WireError> {
        Address::parse(self.text(field)?).map_err(|_| self.error(field))
    }

    fn fault(&self, field: &str) -> Result<Option<Box<crate::fault::Fault>>, WireError> {
        match self.record.data.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => {
                let wire: FaultV1 = FaultV1::deserialize(value).map_err(|_| self.error(field))?;
                Ok(Some(Box::new(wire.into())))
            }
        }
    }

    fn task(&self) -> Result<Address, WireError> {
        let text = self.record.task.as_deref().ok_or_else(|| self.error("k"))?;
        Address::parse(text).map_err(|_| self.error("k"))
    }

    /// Returns the task, or the root where there is none: what concerns the whole run has no task.
    fn scope(&self) -> Result<Address, WireError> {
        if self.record.task.is_some() { self.task() } else { Ok(Address::root()) }
    }

    fn attempt(&self) -> Result<Attempt, WireError> {
        self.record.attempt.map(Attempt).ok_or_else(|| self.error("n"))
    }

    fn token(&self) -> Result<FencingToken, WireError> {
        self.record.token.map(FencingToken).ok_or_else(|| self.error("w"))
    }

    fn name(&self, field: &str) -> Result<Name, WireError> {
        Name::new(self.text(field)?).map_err(|_| self.error(field))
    }

    fn event(&self) -> Result<Event, WireError> {
        match self.record.kind.as_str() {
            "run.started" | "run.queued" | "run.admitted" | "run.rebased" | "run.ended"
            | "cancel.requested" => self.run_event(),
            "attempt.granted" | "attempt.ended" | "task.queued" | "task.retrying" => self.attempt_event(),
            "task.entered" | "round.began" | "handler.entered" | "limit.reached" | "child.called" => {
                self.scope_event()
            }
            _ => self.task_event(),
        }
    }

    fn run_event(&self) -> Result<Event, WireError> {
        Ok(match self.record.kind.as_str() {
            "run.started" => Event::RunStarted {
                definition: self.parsed("definition")?,
                workflow: self.name("workflow")?,
                inputs: self.parsed("inputs")?,
                started_by: self.owned("started_by")?,
                trigger: self.owned("trigger")?,
                closure: self.optional("closure")?,
                parent: self.parent()?,
                retry: self.record.data.get("retry").map(decode_retry).transpose()?.map(Box::new),
            },
            "run.queued" => Event::RunQueued { key: self.optional("key")? },
            "run.admitted" => Event::RunAdmitted,
            "run.rebased" => Event::Rebased {
                from: self.parsed("from")?,
                to: self.parsed("to")?,
                map: self.map()?,
                by: self.owned("by")?,
                reason: self.owned("reason")?,
            },
            "run.ended" => Event::RunEnded {
                status: self.change.to,
                output: self.optional("output")?,
                fault: self.fault("fault")?,
            },
            _ => Event::CancelRequested {
                scope: self.scope()?,
                by: self.owned("by")?,
                reason: self.owned("reason")?,
                successor: self.optional("successor")?,
            },
        })
    }

    fn map(&self) -> Result<Vec<(Address, Address)>, WireError> {
        let wrong = || self.error("map");
        let pairs = self.record.data.get("map").and_then(Value::as_array).ok_or_else(wrong)?;
        let address = |value: &Value, index: usize| {
            let text = value.get(index).and_then(Value::as_str).ok_or_else(wrong)?;
            Address::parse(text).map_err(|_| wrong())
        };
        pairs.iter().map(|pair| Ok((address(pair, 0)?, address(pair, 1)?))).collect()
    }

    fn attempt_event(&self) -> Result<Event, WireError> {
        let (task, attempt) = (self.task()?, self.attempt()?);
        Ok(match self.record.kind.as_str() {
            "attempt.granted" => {
                Event::AttemptGranted { task, attempt, token: self.token()?, worker: self.name("worker")? }
            }
            "attempt.ended" => {
                let report = ReportV1::deserialize(&self.record.data).map_err(|_| self.error("x"))?;
                Event::AttemptEnded { task, attempt, token: self.token()?, report: report.try_into()? }
            }
            "task.queued" => {
                Event::TaskQueued { task, attempt, input: self.optional("input")?, named: self.named()? }
            }
            _ => {
                let by_catch = match self.record.data.get("catch") {
                    Some(_) => Some(self.number("catch")?),
                    None => None,
                };
                Event::RetryArmed { task, attempt, due: self.instant("due")?, by_catch }
            }
        })
    }

    fn scope_event(&self) -> Result<Event, WireError> {
        Ok(match self.record.kind.as_str() {
            "task.entered" => {
                let attempt = self.record.attempt.map_or(Attempt::FIRST, Attempt);
                Event::ScopeEntered { task: self.task()?, attempt, inputs: self.optional("inputs")? }
            }
            "round.began" => Event::RoundBegan { task: self.scope()?, round: self.number("round")? },
            "handler.entered" => Event::HandlerEntered {
                task: self.scope()?,
                handler: self.handler()?,
                pending: self.pending()?,
            },
            "limit.reached" => {
                let limit = Limit::from_word(self.text("limit")?).ok_or_else(|| self.error("limit"))?;
                Event::LimitReached { task: self.scope()?, limit }
            }
            _ => Event::ChildCalled {
                task: self.task()?,
                child: self.parsed("child")?,
                definition: self.parsed("definition")?,
                inputs: self.parsed("inputs")?,
            },
        })
    }

    fn handler(&self) -> Result<HandlerKind, WireError> {
        match self.text("handler")? {
            "catch" => Ok(HandlerKind::Catch(self.number("index")?)),
            "on_failure" => Ok(HandlerKind::OnFailure),
            "finally" => Ok(HandlerKind::Finally),
            _ => Err(self.error("handler")),
        }
    }

    fn pending(&self) -> Result<Pending, WireError> {
        Ok(match (self.optional("output")?, self.fault("fault")?) {
            (Some(output), None) => Pending::Succeeded { output, vars: self.optional("vars")? },
            (None, Some(fault)) => Pending::Failed { fault, is_timeout: self.is_timeout() },
            (None, None) => Pending::Cancelled,
            (Some(_), Some(_)) => return Err(self.error("fault")),
        })
    }

    fn is_timeout(&self) -> bool {
        self.record.data.get("timeout").is_some()
    }

    fn parent(&self) -> Result<Option<Parent>, WireError> {
        let Some(parent) = self.record.data.get("parent") else { return Ok(None) };
        let wrong = || self.error("parent");
        let text = |field: &str| parent.get(field).and_then(Value::as_str).ok_or_else(wrong);
        let depth = parent.get("depth").and_then(Value::as_u64).and_then(|depth| u32::try_from(depth).ok());
        Ok(Some(Parent {
            run: text("run")?.parse().map_err(|_| wrong())?,
            task: Address::parse(text("task")?).map_err(|_| wrong())?,
            depth: depth.ok_or_else(wrong)?,
            is_awaited: parent.get("detached").is_none(),
        }))
    }

    fn task_event(&self) -> Result<Event, WireError> {
        let task = self.task()?;
        Ok(match self.record.kind.as_str() {
            "task.expanded" => Event::ItemsExpanded {
                task,
                count: self.number("count")?,
                items: self.parsed("items")?,
                keys: self.keys()?,
            },
            "timer.armed" => Event::TimerArmed { task, due: self.instant("due")? },
            "lag.armed" => {
                Event::LagArmed { from: self.address("from")?, to: task, due: self.instant("due")? }
            }
            "lag.elapsed" => Event::LagElapsed { from: self.address("from")?, to: task },
            "task.chose" => Event::CaseChosen { task, case: self.number("case")? },
            "task.succeeded" => Event::TaskSucceeded {
                task,
                output: self.parsed("output")?,
                vars: self.optional("vars")?,
                fault: self.fault("fault")?,
            },
            "task.taken" => Event::TaskTaken { task, taken: Box::new(decode_taken(&self.record.data)?) },
            "task.failed" => Event::TaskFailed {
                task,
                fault: self.fault("fault")?.ok_or_else(|| self.error("fault"))?,
                is_timeout: self.is_timeout(),
            },
            "task.skipped" => Event::TaskSkipped { task, reason: self.skip_reason()? },
            "task.cancelled" => Event::TaskCancelled { task },
            "child.unknown" => Event::ChildUnknown { task },
            "hold.queued" => Event::HoldQueued { task, named: self.named()? },
            "hold.granted" => Event::HoldGranted { task, token: self.token()? },
            "end.requested" => Event::EndRequested { task },
            other => return Err(WireError::new("an event", format!("unknown kind `{other}`"))),
        })
    }

    fn keys(&self) -> Result<Option<Vec<String>>, WireError> {
        let Some(keys) = self.record.data.get("keys") else { return Ok(None) };
        Vec::<String>::deserialize(keys).map(Some).map_err(|_| self.error("keys"))
    }

    fn named(&self) -> Result<Option<Box<Named>>, WireError> {
        let field = |name: &str| self.record.data.get(name).filter(|value| !value.is_null());
        let lock = match field("lock") {
            Some(lock) => Some(lock.as_str().ok_or_else(|| self.error("lock"))?.to_owned()),
            None => None,
        };
        let labels = match field("labels") {
            Some(labels) => Vec::<String>::deserialize(labels).map_err(|_| self.error("labels"))?,
            None => Vec::new(),
        };
        let named = Named { lock, labels };
        Ok((named != Named::default()).then(|| Box::new(named)))
    }

    fn skip_reason(&self) -> Result<SkipReason, WireError> {
        Ok(match self.text("why")? {
            "condition" => SkipReason::Condition,
            "child" => SkipReason::Child { run: self.parsed("run")? },
            "not_chosen" => SkipReason::NotChosen { task: self.address("task")? },
            "upstream" => {
                let word = self.text("outcome")?;
                let outcome = Outcome::ALL.into_iter().find(|outcome| outcome.as_str() == word);
                SkipReason::Upstream {
                    task: self.address("task")?,
                    outcome: outcome.ok_or_else(|| self.error("outcome"))?,
                }
            }
            _ => return Err(self.error("why")),
        })
    }
}
