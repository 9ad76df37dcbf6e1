//! The arguments of a task in which files stand inside text, such as `--in=${{ inputs.data }}`: where a file will lie is
//! known to the worker alone, so it is given the parts of such a text, to join them itself.

use myrmex_engine::run::View;
use myrmex_model::fault::Fault;
use myrmex_model::file::FileValue;
use myrmex_model::template::{Part, Template};
use myrmex_model::value::Value;
use serde_json::Map;

use super::{Desk, render};

/// The argument with the parts of texts that hold files: a list of values by the place of the text among the arguments, as
/// a JSON pointer.
pub(crate) const JOINED: &str = "joined";

/// What stands in every text that a file value was printed into.
const FILE_MARK: &str = "\"hash\":\"";

/// Evaluates the arguments of a task.
///
/// # Errors
///
/// Returns the error of an expression.
pub(super) fn arguments(desk: &mut Desk<'_>, view: View<'_>, template: &Template) -> Result<Value, Fault> {
    let mut arguments = render(desk, view, ("", template))?;
    let mut joined = Map::new();
    for (place, parts) in texts(template) {
        let is_suspect = |text: &Value| text.as_str().is_some_and(|text| text.contains(FILE_MARK));
        if !arguments.pointer(&place).is_some_and(is_suspect) {
            continue;
        }
        let mut values = Vec::with_capacity(parts.len());
        for part in parts {
            values.push(match part {
                Part::Text(text) => Value::String(text.clone()),
                Part::Hole(expr) => render(desk, view, ("", &Template::Expr(expr.clone())))?,
            });
        }
        if values.iter().any(|value| FileValue::of(value).is_some()) {
            joined.insert(place, Value::Array(values));
        }
    }
    if let (Value::Object(fields), false) = (&mut arguments, joined.is_empty()) {
        fields.insert(JOINED.to_owned(), Value::Object(joined));
    }
    Ok(arguments)
}

/// Returns the texts with holes that a process gets: words of its command and variables, also the parts of those with
/// secrets, each with its place.
fn texts(arguments: &Template) -> Vec<(String, &[Part])> {
    let mut texts = Vec::new();
    let Template::Map(fields) = arguments else { return texts };
    let mut open: Vec<(String, &Template)> = fields
        .iter()
        .filter(|(name, _)| matches!(name.as_str(), "command" | "env" | "secret_env"))
        .map(|(name, template)| (format!("/{name}"), template))
        .collect();
    while let Some((place, template)) = open.pop() {
        match template {
            Template::Text(parts) => texts.push((place, parts.as_slice())),
            Template::List(items) => {
                open.extend(items.iter().enumerate().map(|(index, item)| (format!("{place}/{index}"), item)));
            }
            // The names of variables hold neither `/` nor `~`.
            Template::Map(fields) => {
                open.extend(fields.iter().map(|(name, field)| (format!("{place}/{name}"), field)));
            }
            Template::Literal(_) | Template::Expr(_) => {}
        }
    }
    texts
}
