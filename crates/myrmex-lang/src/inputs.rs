//! Makes the inputs of a run out of what was given for them.

use myrmex_model::file::FileValue;
use myrmex_model::ir::{Definition, Input};
use myrmex_model::name::Name;
use myrmex_model::schema::Type;
use myrmex_model::value::{Value, type_name};

use crate::json::{JsonError, parse_json};
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
    /// The value that another run had, whose files are there for this one too.
    Kept(Value),
}

/// A path that was given for an input of type `file`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileGiven<'a> {
    /// The input.
    pub input: &'a Name,
    /// The path as it was written.
    pub path: &'a str,
    /// Whether it is the input's default, which is relative to the workflow's file.
    pub is_default: bool,
}

/// Makes the value of an input of a path, or says what is wrong with the path.
pub type ReadFile<'a> = &'a mut dyn FnMut(FileGiven<'_>) -> Result<Value, String>;

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
    #[error("the input `{name}` ({word}) is required")]
    Missing {
        /// Its name.
        name: String,
        /// The word for its type.
        word: &'static str,
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
    /// A key stands twice in a map of the JSON that was given.
    #[error("the input `{name}`: the key `{key}` stands twice in one map")]
    Duplicate {
        /// The name of the input.
        name: String,
        /// The key.
        key: String,
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
    /// The file that was named cannot be used.
    #[error("the input `{name}`: `{path}` {message}")]
    File {
        /// Its name.
        name: String,
        /// The path as it was given.
        path: String,
        /// What is wrong with it.
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
        Type::Any | Type::String | Type::Duration | Type::Date | Type::File => {
            format!("`{text}` is not JSON; a text is written in quotes, as `{}`", Value::from(text))
        }
    }
}

/// Makes the inputs of a run: an object with every input of `definition` in the declared order, defaults applied, null
/// where an optional input was not given. Of what is given twice the last counts, so that flags can overrule a file. An
/// input of type `file` is given as a path, of which `read` makes its value.
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
/// let given = [("n".to_owned(), Given::Text("4".into()))];
/// let inputs = resolve_inputs(&definition, &given, &mut |_| Err("is of no use here".into()));
/// assert_eq!(inputs.unwrap().to_string(), r#"{"n":4}"#);
/// ```
pub fn resolve_inputs(
    definition: &Definition,
    given: &[(String, Given)],
    read: ReadFile<'_>,
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
        let resolved = match input.schema.kind {
            Type::File => resolve_file(input, last, read),
            Type::String
            | Type::Integer
            | Type::Number
            | Type::Boolean
            | Type::Array
            | Type::Object
            | Type::Duration
            | Type::Date
            | Type::Any => resolve_input(input, last),
        };
        match resolved {
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
            None => return Err(InputProblem::Missing { name: name(), word: input.schema.type_word() }),
        },
        Some(Given::Value(value) | Given::Kept(value)) => value.clone(),
        Some(Given::Text(text)) if kind.reads_json() => parse_json(text).map_err(|error| match error {
            JsonError::Syntax(_) => InputProblem::NotJson { name: name(), kind, text: text.clone() },
            JsonError::Duplicate(key) => InputProblem::Duplicate { name: name(), key },
        })?,
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

fn resolve_file(input: &Input, given: Option<&Given>, read: ReadFile<'_>) -> Result<Value, InputProblem> {
    let name = || input.name.as_str().to_owned();
    let (path, is_default) = match (given, &input.default) {
        (Some(Given::Value(Value::Null)) | None, _) if input.is_optional && input.default.is_none() => {
            return Ok(Value::Null);
        }
        (Some(Given::Kept(value)), _) if FileValue::of(value).is_some() => return Ok(value.clone()),
        (Some(Given::Text(path) | Given::Value(Value::String(path))), _) => (path, false),
        (Some(Given::Value(other) | Given::Kept(other)), _) => {
            let message = format!("expected the path of a file, found {}", type_name(other));
            return Err(InputProblem::Misfit { name: name(), place: String::new(), message });
        }
        (None, Some(Value::String(path))) => (path, true),
        (None, _) => return Err(InputProblem::Missing { name: name(), word: input.schema.type_word() }),
    };
    let file = FileGiven { input: &input.name, path, is_default };
    read(file).map_err(|message| InputProblem::File { name: name(), path: path.clone(), message })
}

/// Returns whether the regular expression `pattern` matches somewhere in `text`; a broken one matches nothing.
pub(crate) fn pattern_matches(pattern: &str, text: &str) -> bool {
    regex_lite::Regex::new(pattern).is_ok_and(|regex| regex.is_match(text))
}
