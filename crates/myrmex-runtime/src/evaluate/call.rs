//! What a call begins with: the definition that the name stands for, and inputs that fit it.

use myrmex_engine::run::View;
use myrmex_model::effect::Evaluation;
use myrmex_model::fault::{Fault, FaultKind};
use myrmex_model::id::DefinitionHash;
use myrmex_model::ir::Call;
use myrmex_model::value::Value;

use super::{Desk, checked_inputs};
use crate::partition::JournalError;

pub(super) fn call(desk: &mut Desk<'_>, view: View<'_>, call: &Call) -> Result<Evaluation, Fault> {
    let hash = definition_of(desk, view, call)?;
    let definition = match desk.definitions.get(desk.reader, desk.namespace, hash) {
        Ok(Some(definition)) => definition,
        Ok(None) => return Err(unknown(call)),
        Err(JournalError::Store(error)) => return Err(desk.fail(error)),
        Err(error) => return Err(unknown(call).with_detail(error.to_string())),
    };
    let inputs = checked_inputs(desk, view, &call.inputs, &definition.inputs)?;
    Ok(Evaluation::Call { definition: hash, inputs })
}

/// Looks the workflow up among those that the run may call, as they stood when it was started.
fn definition_of(desk: &mut Desk<'_>, view: View<'_>, call: &Call) -> Result<DefinitionHash, Fault> {
    let closure = view.run().closure().ok_or_else(|| unknown(call))?;
    let closure = desk.stored(closure)?;
    let hash = closure.get(call.workflow.as_str()).and_then(Value::as_str);
    hash.and_then(|hash| hash.parse().ok()).ok_or_else(|| unknown(call))
}

fn unknown(call: &Call) -> Fault {
    let title = format!("the workflow `{}` was not there when the run was started", call.workflow);
    Fault::new(FaultKind::Configuration, title)
}
