//! Form 1 of definitions: canonical JSON, the same bytes for the same definition everywhere.
//!
//! Fields stand in the order of the types here and are absent where they say nothing; edges are sorted by the child
//! they leave; maps of the author keep their order. [`decode`] trusts nothing: what it returns can be indexed
//! without checks.

mod asks;
mod bodies;
mod checks;
mod forms;
mod handling;
mod people;
mod planning;
mod project;
mod resources;
mod schema;
mod template;

use super::WireError;
use crate::id::DefinitionHash;
use crate::ir::{Definition, Outputs, Task};
use crate::template::Template;
use crate::value::Value;
use forms::{DefinitionV1, OutputsV1};
use template::TemplateV1;

/// The number of this form.
pub const FORM: u16 = 1;

/// The deepest nesting of scopes that is read back, so that a walk over them needs a bounded stack.
pub const SCOPE_DEPTH_MAX: usize = 256;

/// The deepest nesting of a template or a literal in it that is certain to be read back. The JSON reader stops at 127
/// levels, and what stands around a template takes some of them.
pub const TEMPLATE_DEPTH_MAX: usize = 112;

/// The deepest nesting of a schema that is certain to be read back, as [`Schema::depth`](crate::schema::Schema::depth)
/// counts: a level takes up to four of the 127 levels of JSON, and what stands around a schema takes some.
pub const SCHEMA_DEPTH_MAX: usize = 24;

/// What is read, for messages.
const WHAT: &str = "a definition";

/// Serialises a definition.
pub fn encode(definition: &Definition) -> Vec<u8> {
    let form = DefinitionV1::from(definition);
    serde_json::to_vec(&form).expect("a definition has only text keys")
}

/// Reads a definition and checks everything that a machine indexes by.
///
/// Parents stand before their children, each node but the root is listed once, by its parent; places in flows, edges
/// and cases exist; graphs have no cycles; names within a scope are unique.
///
/// # Errors
///
/// Returns [`WireError`] if `bytes` are not a definition of this form, or break one of these rules.
pub fn decode(bytes: &[u8]) -> Result<Definition, WireError> {
    let form: DefinitionV1<'_> =
        serde_json::from_slice(bytes).map_err(|error| WireError::new(WHAT, error))?;
    let definition = Definition::try_from(form)?;
    checks::check(&definition)?;
    Ok(definition)
}

/// Returns the hash that a run is pinned to: that of the bytes of [`encode`].
pub fn hash(definition: &Definition) -> DefinitionHash {
    DefinitionHash::of(&encode(definition))
}

/// Returns the hash of what a task does and gives as it is written, whatever its expressions evaluate to: of its executor,
/// its arguments without the one called `without`, and its outputs.
pub fn hash_of_task(task: &Task, without: &str, outputs: &Outputs) -> DefinitionHash {
    let arguments = match &task.arguments {
        Template::Map(fields) => fields.iter().filter(|(name, _)| name != without).cloned().collect(),
        Template::Literal(Value::Object(fields)) => {
            let others = fields.iter().filter(|(name, _)| *name != without);
            others.map(|(name, value)| (name.clone(), Template::Literal(value.clone()))).collect()
        }
        other @ (Template::Literal(_) | Template::Expr(_) | Template::Text(_) | Template::List(_)) => {
            vec![(String::new(), other.clone())]
        }
    };
    let arguments = Template::map(arguments);
    let form = (task.executor.as_str(), TemplateV1::from(&arguments), OutputsV1::of(outputs));
    DefinitionHash::of(&serde_json::to_vec(&form).expect("a task has only text keys"))
}
