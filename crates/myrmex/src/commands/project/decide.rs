//! `myrmex project gate` and `project decide`: what people decide about gates, and about tasks that failed for good.

use std::path::Path;

use clap::ValueEnum;
use myrmex_model::ir::GateDecision;
use myrmex_model::signal::{Answer, Settlement};
use serde_json::{Map, Value};

use crate::commands::answer::{Of, Said, Saying, answered};
use crate::exit::{Exit, Failure, FailureCode};

/// Decide at a gate whether the work goes on
///
/// `go` is refused while a criterion does not hold, or something of the checklist is not confirmed; the answer says which. `hold` is
/// recorded, and the gate goes on asking. `stop` ends the project as failed.
#[derive(Debug, clap::Args)]
pub(super) struct GateArgs {
    #[command(flatten)]
    of: Of,

    /// What is decided
    #[arg(value_enum)]
    decision: Decision,

    /// Why; recorded with the decision
    #[arg(long, visible_alias = "comment")]
    reason: Option<String>,

    /// Confirm an item of the checklist, with evidence where it is asked for
    #[arg(long, value_name = "ITEM[=EVIDENCE]")]
    confirm: Vec<String>,

    /// What the gate asks for: a JSON object with its fields
    #[arg(long, value_name = "JSON")]
    data: Option<String>,

    #[command(flatten)]
    saying: Saying,
}

/// What is decided at a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Decision {
    /// The work goes on
    Go,
    /// Nothing is decided yet
    Hold,
    /// The work ends here
    Stop,
}

/// Decide what becomes of a task of a project that failed for good
///
/// Such a task is stuck: what needs it goes on waiting until its owner decides.
#[derive(Debug, clap::Args)]
pub(super) struct DecideArgs {
    #[command(flatten)]
    of: Of,

    /// What becomes of it
    #[arg(value_enum)]
    becomes: Becomes,

    /// Why; recorded with the decision
    #[arg(long, visible_alias = "comment")]
    reason: Option<String>,

    #[command(flatten)]
    saying: Saying,
}

/// What becomes of a task that is stuck.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Becomes {
    /// It is done again, from the beginning
    Retry,
    /// It counts as skipped
    Skip,
    /// It counts as failed
    Abandon,
}

/// Decides at a gate.
///
/// # Errors
///
/// Returns [`Failure`] if there is no such gate, it takes no such decision, the store is held, or the engine fails.
pub(super) fn gate(args: &GateArgs, data: Option<&Path>) -> Result<Exit, Failure> {
    let decision = match args.decision {
        Decision::Go => GateDecision::Go,
        Decision::Hold => GateDecision::Hold,
        Decision::Stop => GateDecision::Stop,
    };
    let given = with_confirmed(args.data.as_deref(), &args.confirm)?;
    let answer = Answer::Decided(decision);
    let said = Said { answer, data: given.as_deref(), comment: args.reason.as_deref() };
    let exit = answered(&args.of, said, (&args.saying, data))?;
    // That a gate that is held goes on asking is what was asked for.
    Ok(if decision == GateDecision::Hold && exit == Exit::Waiting { Exit::Success } else { exit })
}

/// Decides what becomes of a task that is stuck.
///
/// # Errors
///
/// Returns [`Failure`] if there is no such task, it is not stuck, the store is held, or the engine fails.
pub(super) fn decide(args: &DecideArgs, data: Option<&Path>) -> Result<Exit, Failure> {
    let settlement = match args.becomes {
        Becomes::Retry => Settlement::Retry,
        Becomes::Skip => Settlement::Skip,
        Becomes::Abandon => Settlement::Abandon,
    };
    let said = Said { answer: Answer::Settled(settlement), data: None, comment: args.reason.as_deref() };
    answered(&args.of, said, (&args.saying, data))
}

/// Adds what is confirmed to the fields that are given.
fn with_confirmed(data: Option<&str>, confirmed: &[String]) -> Result<Option<String>, Failure> {
    if confirmed.is_empty() {
        return Ok(data.map(str::to_owned));
    }
    let given = data.map_or(Ok(Value::Object(Map::new())), serde_json::from_str);
    let Ok(Value::Object(mut fields)) = given else {
        let message = "`--data` is not a JSON object";
        return Err(Failure::new(FailureCode::Inputs, message));
    };
    let items = confirmed.iter().map(|item| match item.split_once('=') {
        Some((name, evidence)) => (name.to_owned(), Value::String(evidence.to_owned())),
        None => (item.clone(), Value::Bool(true)),
    });
    fields.insert("checklist".to_owned(), Value::Object(items.collect()));
    Ok(Some(Value::Object(fields).to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_confirmed_stands_beside_the_fields() {
        let items = ["uat=minutes of 3 May".to_owned(), "legal".to_owned()];
        let whole = with_confirmed(Some(r#"{"version": 2}"#), &items).unwrap().unwrap();
        let whole: Value = serde_json::from_str(&whole).unwrap();
        let expected = serde_json::json!({
            "version": 2, "checklist": {"uat": "minutes of 3 May", "legal": true},
        });
        assert_eq!(whole, expected);
        assert_eq!(with_confirmed(None, &[]).unwrap(), None);
        assert!(with_confirmed(Some("[]"), &items).is_err());
    }
}
