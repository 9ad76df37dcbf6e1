//! `myrmex run --dry-run`: what a run would do, of which nothing is started.

use std::io::Write;

use myrmex_model::ir::Definition;
use myrmex_model::value::Value;
use serde_json::json;

use crate::exit::Failure;
use crate::render::graph::json::json as drawn_json;
use crate::render::graph::states::of_definition;
use crate::render::graph::text::text;
use crate::session::{Show, print_line};

/// Shows which tasks a run of this definition has, what they need, and its inputs: lines for people, one JSON document for scripts,
/// both on standard output.
///
/// # Errors
///
/// Returns [`Failure`] if standard output cannot be written.
pub(super) fn show(
    definition: &Definition,
    inputs: &serde_json::Map<String, Value>,
    show: Show,
) -> Result<(), Failure> {
    let drawing = of_definition(definition);
    match show {
        Show::Json => {
            print_line(&json!({"type": "run.dry", "inputs": inputs, "graph": drawn_json(&drawing)}))
        }
        Show::People => {
            let inputs = inputs.iter().map(|(name, value)| format!("input {name} = {value}\n"));
            let inputs = inputs.collect::<Vec<_>>().concat();
            let said = format!("{inputs}{}nothing was started\n", text(&drawing));
            std::io::stdout().write_all(said.as_bytes()).map_err(|error| Failure::output(&error))
        }
        Show::Nothing => Ok(()),
    }
}
