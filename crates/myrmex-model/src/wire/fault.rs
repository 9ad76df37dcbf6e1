//! Errors and reports of attempts, as stored.

use serde::{Deserialize, Serialize};

use super::WireError;
use crate::address::Address;
use crate::fault::{Fault, FaultKind};
use crate::id::ValueHash;
use crate::outcome::{AttemptEnd, AttemptReport, Loss, Origin, ProcessExit, Usage};

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct FaultV1 {
    #[serde(rename = "type")]
    kind: String,
    status: u16,
    title: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exit_code: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    task: Option<String>,
}

impl From<&Fault> for FaultV1 {
    fn from(fault: &Fault) -> Self {
        Self {
            kind: fault.kind.as_str().to_owned(),
            status: fault.status,
            title: fault.title.clone(),
            detail: fault.detail.clone(),
            exit_code: fault.exit_code,
            task: fault.task.clone(),
        }
    }
}

impl From<FaultV1> for Fault {
    fn from(wire: FaultV1) -> Self {
        Self {
            kind: FaultKind::from_text(&wire.kind),
            status: wire.status,
            title: wire.title,
            detail: wire.detail,
            exit_code: wire.exit_code,
            task: wire.task,
        }
    }
}

/// `usage` is `[wall_us, user_us, system_us, rss_max_kib, blocks_in, blocks_out]`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ReportV1 {
    end: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    output: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fault: Option<FaultV1>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    watcher: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pid: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exit_code: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signal: Option<i32>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    leftovers: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    artifacts: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cached: Option<OriginV1>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    unkept: Vec<String>,
    usage: [u64; 6],
}

#[derive(Debug, Serialize, Deserialize)]
struct OriginV1 {
    run: String,
    task: String,
}

impl From<&Origin> for OriginV1 {
    fn from(origin: &Origin) -> Self {
        Self { run: origin.run.to_string(), task: origin.task.as_str().to_owned() }
    }
}

impl TryFrom<OriginV1> for Origin {
    type Error = WireError;

    fn try_from(wire: OriginV1) -> Result<Self, WireError> {
        const WHAT: &str = "where a result was taken over from";
        let run = wire.run.parse().map_err(|error| WireError::new(WHAT, error))?;
        let task = Address::parse(&wire.task).map_err(|error| WireError::new(WHAT, error))?;
        Ok(Self { run, task })
    }
}

impl From<&AttemptReport> for ReportV1 {
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
            cached: report.cached.as_deref().map(OriginV1::from),
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

impl TryFrom<ReportV1> for AttemptReport {
    type Error = WireError;

    fn try_from(wire: ReportV1) -> Result<Self, WireError> {
        let missing = |what: &str| WireError::new("the report of an attempt", format!("`{what}` is missing"));
        let fault = wire.fault.map(Fault::from);
        let end = match wire.end.as_str() {
            "succeeded" => {
                let text = wire.output.ok_or_else(|| missing("output"))?;
                let output: ValueHash =
                    text.parse().map_err(|error| WireError::new("the report of an attempt", error))?;
                AttemptEnd::Succeeded { output }
            }
            "failed" => AttemptEnd::Failed { fault: fault.ok_or_else(|| missing("fault"))? },
            "timed_out" => AttemptEnd::TimedOut { fault: fault.ok_or_else(|| missing("fault"))? },
            "stopped" => AttemptEnd::Stopped,
            "lost" => AttemptEnd::Lost {
                loss: if wire.watcher { Loss::Watcher } else { Loss::Worker },
                reason: wire.reason.ok_or_else(|| missing("reason"))?,
            },
            other => {
                return Err(WireError::new("the report of an attempt", format!("unknown end `{other}`")));
            }
        };
        let [wall_us, user_us, system_us, rss_max_kib, blocks_in, blocks_out] = wire.usage;
        let usage = Usage { wall_us, user_us, system_us, rss_max_kib, blocks_in, blocks_out };
        let exit = match (wire.exit_code, wire.signal) {
            (_, Some(signal)) => Some(ProcessExit::Signal(signal)),
            (code, None) => code.map(ProcessExit::Code),
        };
        let artifacts = wire.artifacts.map(|text| text.parse::<ValueHash>()).transpose();
        let artifacts = artifacts.map_err(|error| WireError::new("the report of an attempt", error))?;
        let cached = wire.cached.map(Origin::try_from).transpose()?.map(Box::new);
        let (pid, has_leftovers, unkept) = (wire.pid, wire.leftovers, wire.unkept);
        Ok(Self { end, usage, pid, exit, has_leftovers, artifacts, cached, unkept })
    }
}
