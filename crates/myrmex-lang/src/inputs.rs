//! Makes the inputs of a run out of what was given for them.

use myrmex_model::ir::{Definition, Input};
use myrmex_model::schema::Type;
use myrmex_model::value::Value;

use crate::report::nearest;

/// The most unknown inputs for which the nearest known one is looked for.
const SUGGESTIONS_MAX: usize = 100;

/// What was given for an input.
#[derive(Debug, Clone, PartialEq)]
pub enum Given {
    /// Text from outside, such as `-i name=text`: read as JSON where the type of the input asks for it.
    Text(String),
    /// A value.
    Value(Value),
}

/// Why what was given cannot be the inputs of a run.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum InputProblem {
    /// There is no such input.
    #[error("unknown input `{name}`{}", suggestion.as_ref().map(|near| format!(", did you mean `{near}`?")).unwrap_or_default())]
    Unknown {
        /// The name that was given.
        name: String,
        /// The input that was probably meant.
        suggestion: Option<String>,
    },
    /// A required input was not given.
    #[error("the input `{name}` ({}) is required", kind.as_str())]
    Missing {
        /// Its name.
        name: String,
        /// Its type.
        kind: Type,
    },
    /// A text that is not JSON was given where the type asks for JSON.
    #[error("the input `{name}`: {}", not_json(*kind, text))]
    NotJson {
        /// Its name.
        name: String,
        /// Its type.
        kind: Type,
        /// The text.
        text: String,
    },
    /// The value does not fit.
    #[error("the input `{name}`{place}: {message}")]
    Misfit {
        /// Its name.
        name: String,
        /// The place inside the value, such as `[2]`; empty for the value itself.
        place: String,
        /// What is wrong.
        message: String,
    },
}

/// Says what a text is not that was given for `kind`, and how to write one.
fn not_json(kind: Type, text: &str) -> String {
    match kind {
        Type::Integer => format!("`{text}` is not an integer"),
        Type::Number => format!("`{text}` is not a number"),
        Type::Boolean => format!("`{text}` is neither `true` nor `false`"),
        Type::Array => format!("`{text}` is not a JSON array such as `[1, 2]`"),
        Type::Object => format!("`{text}` is not a JSON object such as `{{\"a\": 1}}`"),
        Type::Any | Type::String | Type::Duration | Type::Date => {
            format!("`{text}` is not JSON; a text is written in quotes, as `{}`", Value::from(text))
        }
    }
}

/// Makes the inputs of a run: an object with every input of `definition` in the declared order, defaults applied, null
/// where an optional input was not given. Of what is given twice the last counts, so that flags can overrule a file.
///
/// # Errors
///
/// Returns all problems at once: first of unknown names in the order given, then of inputs in the declared order.
///
/// ```
/// use myrmex_lang::{Given, Source, check, resolve_inputs};
///
/// let text = "workflow: w\ninputs: {n: {type: integer, default: 3}}\ntasks: {a: {set: '${{ inputs.n }}'}}\n";
/// let definition = check(&Source::new("w.yaml", text)).definition.unwrap();
/// let inputs = resolve_inputs(&definition, &[("n".into(), Given::Text("4".into()))]);
/// assert_eq!(inputs.unwrap().to_string(), r#"{"n":4}"#);
/// ```
pub fn resolve_inputs(
    definition: &Definition,
    given: &[(String, Given)],
) -> Result<Value, Vec<InputProblem>> {
    let mut problems = Vec::new();
    for (name, _) in given {
        if !definition.inputs.iter().any(|input| input.name.as_str() == name) {
            let words = definition.inputs.iter().map(|input| input.name.as_str());
            let is_looked_for = problems.len() < SUGGESTIONS_MAX;
            let suggestion = is_looked_for.then(|| nearest(name, words)).flatten();
            problems.push(InputProblem::Unknown {
                name: name.clone(),
                suggestion: suggestion.map(str::to_owned),
            });
        }
    }
    let mut values = serde_json::Map::with_capacity(definition.inputs.len());
    for input in &definition.inputs {
        let last = given.iter().rev().find(|(name, _)| name == input.name.as_str()).map(|(_, given)| given);
        match resolve_input(input, last) {
            Ok(value) => {
                values.insert(input.name.as_str().to_owned(), value);
            }
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(Value::Object(values)) } else { Err(problems) }
}

fn resolve_input(input: &Input, given: Option<&Given>) -> Result<Value, InputProblem> {
    let name = || input.name.as_str().to_owned();
    let kind = input.schema.kind;
    let value = match given {
        None => match &input.default {
            Some(default) => return Ok(default.clone()),
            None if input.is_optional => return Ok(Value::Null),
            None => return Err(InputProblem::Missing { name: name(), kind }),
        },
        Some(Given::Value(value)) => value.clone(),
        Some(Given::Text(text)) if kind.reads_json() => serde_json::from_str(text)
            .map_err(|_| InputProblem::NotJson { name: name(), kind, text: text.clone() })?,
        Some(Given::Text(text)) => Value::String(text.clone()),
    };
    if value.is_null() && input.is_optional {
        return Ok(value);
    }
    let value = input.schema.settled(value);
    match input.schema.check(&value, &pattern_matches) {
        Ok(()) => Ok(value),
        Err(mismatch) => {
            Err(InputProblem::Misfit { name: name(), place: mismatch.place, message: mismatch.message })
        }
    }
}

/// Returns whether the regular expression `pattern` matches somewhere in `text`; a broken one matches nothing.
pub(crate) fn pattern_matches(pattern: &str, text: &str) -> bool {
    regex_lite::Regex::new(pattern).is_ok_and(|regex| regex.is_match(text))
}
