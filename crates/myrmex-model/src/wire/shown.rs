//! Events as people see them: in `myrmex events`, in JSON with words. Nothing is stored in this form.

use serde::Serialize;
use serde_json::{Value, json};

use super::fault::FaultV1;
use super::retry::taken_json;
use crate::address::Address;
use crate::demand::Named;
use crate::effect::Asked;
use crate::event::{Event, HandlerKind, NotBefore, Parent, Pending, SkipReason};
use crate::fault::Fault;
use crate::id::{RunId, ValueHash};
use crate::ir::Holds;
use crate::outcome::{AttemptEnd, AttemptReport, Loss, Origin, ProcessExit};
use crate::retry::Retry;
use crate::signal::{Answer, Signal, Word};
use crate::time::Timestamp;

/// Returns what belongs to the kind of an event alone; null if that is nothing.
pub fn data(event: &Event) -> Value {
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
            serde_json::to_value(Report::from(report)).unwrap_or(Value::Null)
        }
        Event::RetryArmed { due, by_catch: Some(index), .. } => json!({"due": due.0, "catch": index}),
        Event::RetryArmed { due, by_catch: None, .. } | Event::TimerArmed { due, .. } => {
            json!({"due": due.0})
        }
        Event::AwaitOpened { asked, .. } => asked_json(asked),
        Event::SignalReceived { signal, shown } => signal_json(signal, *shown),
        Event::SignalTaken { id, .. } => json!({"signal": id}),
        Event::LagArmed { from, holds, due, .. } => lag_json(from, *holds, Some(*due)),
        Event::LagElapsed { from, holds, .. } => lag_json(from, *holds, None),
        Event::TaskPostponed { until, because, .. } => not_before_json(*until, because),
        Event::CaseChosen { case, .. } => json!({"case": case}),
        Event::TaskSucceeded { output, vars, fault, .. } => success_json(*output, *vars, fault.as_deref()),
        Event::TaskTaken { taken, .. } => taken_json(taken),
        Event::TaskFailed { fault, is_timeout, .. } | Event::TaskStuck { fault, is_timeout, .. } => {
            failure_json(fault, *is_timeout)
        }
        Event::TaskSkipped { reason, .. } => reason_json(reason),
        Event::CancelRequested { by, reason, successor, .. } => cancel_json(by, reason, *successor),
        Event::RunEnded { output, fault, .. } => end_json(*output, fault.as_deref()),
        Event::RunQueued { key: None }
        | Event::RunAdmitted
        | Event::HoldGranted { .. }
        | Event::ScopeEntered { inputs: None, .. }
        | Event::ChildUnknown { .. }
        | Event::TaskCancelled { .. }
        | Event::TaskReleased { .. }
        | Event::EndRequested { .. } => Value::Null,
    }
}

fn end_json(output: Option<ValueHash>, fault: Option<&Fault>) -> Value {
    match (output, fault) {
        (None, None) => Value::Null,
        (Some(output), None) => json!({"output": output.to_string()}),
        (None, Some(fault)) => json!({"fault": fault_json(fault)}),
        (Some(output), Some(fault)) => json!({"output": output.to_string(), "fault": fault_json(fault)}),
    }
}

/// What an edge holds back is told where that is an end.
fn lag_json(from: &Address, holds: Holds, due: Option<Timestamp>) -> Value {
    let mut data = json!({"from": from.as_str()});
    if let Some(due) = due {
        data["due"] = json!(due.0);
    }
    if holds == Holds::End {
        data["holds"] = json!("end");
    }
    data
}

fn not_before_json(until: Timestamp, because: &NotBefore) -> Value {
    let mut data = json!({"until": until.0, "because": because.as_str()});
    if let NotBefore::Calendar(name) = because {
        data["calendar"] = json!(name.as_str());
    }
    data
}

/// Null where a message is waited for.
fn asked_json(Asked { shown, from, exclude }: &Asked) -> Value {
    let Some(shown) = shown else { return Value::Null };
    let mut data = json!({"asked": shown.to_string()});
    for (key, names) in [("from", from), ("exclude", exclude)] {
        if !names.is_empty() {
            data[key] = json!(names);
        }
    }
    data
}

fn signal_json(signal: &Signal, shown: Option<ValueHash>) -> Value {
    let Signal { id, by, word, data: given, comment } = signal;
    let mut data = json!({"signal": id, "by": by});
    match word {
        Word::Message(name) => data["name"] = json!(name.as_str()),
        Word::Answer { answer: Answer::Progress(progress), .. } => {
            data["percent"] = json!(progress.percent);
            for (key, length) in [("spent_ms", progress.spent), ("remaining_ms", progress.remaining)] {
                if let Some(length) = length {
                    data[key] = json!(length.0);
                }
            }
        }
        Word::Answer { answer, .. } => data["answer"] = json!(answer.as_str()),
    }
    if let Some(comment) = comment {
        data["comment"] = json!(comment);
    }
    for (key, hash) in [("data", given), ("asked", &shown)] {
        if let Some(hash) = hash {
            data[key] = json!(hash.to_string());
        }
    }
    data
}

fn fault_json(fault: &Fault) -> Value {
    serde_json::to_value(FaultV1::from(fault)).unwrap_or(Value::Null)
}

fn success_json(output: ValueHash, vars: Option<ValueHash>, fault: Option<&Fault>) -> Value {
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

fn failure_json(fault: &Fault, is_timeout: bool) -> Value {
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
        SkipReason::Person { by, reason } => json!({"why": "person", "by": by, "reason": reason}),
    }
}

/// Null if nothing was evaluated.
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

fn retry_json(Retry { of, attempt, taken }: &Retry) -> Value {
    json!({"of": of.to_string(), "attempt": attempt, "taken": taken.to_string()})
}

fn parent_json(Parent { run, task, depth, is_awaited }: &Parent) -> Value {
    let mut data = json!({"run": run.to_string(), "task": task.as_str(), "depth": depth});
    if !is_awaited {
        data["detached"] = json!(true);
    }
    data
}

/// `usage` is `[wall_us, user_us, system_us, rss_max_kib, blocks_in, blocks_out]`.
#[derive(Debug, Serialize)]
struct Report {
    end: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<FaultV1>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    watcher: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signal: Option<i32>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    leftovers: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifacts: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cached: Option<Source>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unkept: Vec<String>,
    usage: [u64; 6],
}

#[derive(Debug, Serialize)]
struct Source {
    run: String,
    task: String,
}

impl From<&Origin> for Source {
    fn from(origin: &Origin) -> Self {
        Self { run: origin.run.to_string(), task: origin.task.as_str().to_owned() }
    }
}

impl From<&AttemptReport> for Report {
    fn from(report: &AttemptReport) -> Self {
        let (mut output, mut fault, mut reason) = (None, None, None);
        let end = match &report.end {
            AttemptEnd::Succeeded { output: hash } => {
                output = Some(hash.to_string());
                "succeeded"
            }
            AttemptEnd::Failed { fault: error } => {
                fault = Some(error.into());
                "failed"
            }
            AttemptEnd::TimedOut { fault: error } => {
                fault = Some(error.into());
                "timed_out"
            }
            AttemptEnd::Stopped => "stopped",
            AttemptEnd::Lost { reason: text, .. } => {
                reason = Some(text.clone());
                "lost"
            }
        };
        let usage = report.usage;
        let (exit_code, signal) = match report.exit {
            Some(ProcessExit::Code(code)) => (Some(code), None),
            Some(ProcessExit::Signal(signal)) => (None, Some(signal)),
            None => (None, None),
        };
        Self {
            exit_code,
            signal,
            leftovers: report.has_leftovers,
            watcher: matches!(report.end, AttemptEnd::Lost { loss: Loss::Watcher, .. }),
            artifacts: report.artifacts.map(|hash| hash.to_string()),
            cached: report.cached.as_deref().map(Source::from),
            unkept: report.unkept.clone(),
            end: end.to_owned(),
            output,
            fault,
            reason,
            pid: report.pid,
            usage: [
                usage.wall_us,
                usage.user_us,
                usage.system_us,
                usage.rss_max_kib,
                usage.blocks_in,
                usage.blocks_out,
            ],
        }
    }
}
