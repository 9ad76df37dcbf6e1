//! Errors in JSON: in the values that retries read, and as people see them.

use serde::{Deserialize, Serialize};

use crate::fault::{Fault, FaultKind};

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
