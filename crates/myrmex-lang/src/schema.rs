//! The JSON Schema of a kind of file, for editors: made of the table of keys that the reader uses, so that there is no
//! second list. It says what can be said of each value on its own; names, expressions and the like are for `check`.

use serde_json::{Map, Value, json};

use crate::read::keys::{self, Form, Keys};
use crate::read::order::outcome_words;
use crate::read::policy::OWN_VARIABLES;
use crate::read::verb::ROUNDS_MAX;

/// The dialect.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// What a name looks like; the words that are taken are left to `check`.
const NAME_PATTERN: &str = "^[A-Za-z_][A-Za-z0-9_-]{0,63}$";

/// What the name of an environment variable looks like.
const VARIABLE_PATTERN: &str = "^[A-Za-z_][A-Za-z0-9_]*$";

/// What a duration looks like.
const DURATION_PATTERN: &str = "^([0-9]+(ms|s|m|h|d))+$";

/// Returns the JSON Schema (draft 2020-12) of `workflow:` files.
///
/// ```
/// let schema = myrmex_lang::schema::workflow();
/// assert_eq!(schema["required"], serde_json::json!(["workflow"]));
/// ```
pub fn workflow() -> Value {
    let mut schema = file("A workflow of myrmex", &keys::ROOT, "workflow");
    schema["oneOf"] = one_of(&["tasks", "do"]);
    schema
}

/// Returns the JSON Schema (draft 2020-12) of `actions:` files.
pub fn actions() -> Value {
    file("A library of actions of myrmex", &keys::LIBRARY, "actions")
}

fn file(title: &str, keys: &Keys, first: &str) -> Value {
    let mut all = Map::new();
    all.insert("$schema".into(), DIALECT.into());
    all.insert("title".into(), title.into());
    all.append(&mut object(keys, &[]));
    all.insert("required".into(), json!([first]));
    all.insert("$defs".into(), definitions());
    Value::Object(all)
}

fn definitions() -> Value {
    let named = [
        ("graph_task", task(&keys::TASK, &["then"])),
        ("flow_task", task(&keys::TASK, &["needs"])),
        ("body_task", task(&keys::TASK, &["needs", "then"])),
        ("member", task(&keys::MEMBER, &["needs"])),
        ("catch", task(&keys::CATCH, &["needs", "then"])),
        ("action", with(task(&keys::ACTION, &["needs", "then"]), "required", json!(["version"]))),
        ("input", object(&keys::INPUT, &[]).into()),
        ("schema", object(&keys::SCHEMA, &[]).into()),
        ("concurrency", object(&keys::CONCURRENCY, &[]).into()),
        ("defaults", object(&keys::DEFAULTS, &[]).into()),
        ("run", with(object(&keys::RUN, &[]), "oneOf", one_of(&["command", "script"]))),
        ("cache", object(&keys::CACHE, &[]).into()),
        ("fail", with(object(&keys::FAIL, &[]), "anyOf", one_of(&["type", "title"]))),
        ("wait", with(object(&keys::WAIT, &[]), "oneOf", one_of(&["until", "signal"]))),
        ("manual", with(object(&keys::MANUAL, &[]), "required", json!(["ask"]))),
        ("approval", with(object(&keys::APPROVAL, &[]), "required", json!(["ask"]))),
        ("form", with(object(&keys::FORM, &[]), "required", json!(["ask"]))),
        ("case", case()),
        ("retry", with(object(&keys::RETRY, &[]), "required", json!(["attempts"]))),
        ("timeout", object(&keys::TIMEOUT, &[]).into()),
        ("repeat", repeat()),
    ];
    Value::Object(named.map(|(name, schema)| (name.to_owned(), schema)).into_iter().collect())
}

/// Returns the name under which the schema of a map stands.
fn name_of(keys: &Keys) -> &'static str {
    let named: [(&Keys, &str); 16] = [
        (&keys::INPUT, "input"),
        (&keys::SCHEMA, "schema"),
        (&keys::CONCURRENCY, "concurrency"),
        (&keys::DEFAULTS, "defaults"),
        (&keys::RUN, "run"),
        (&keys::CACHE, "cache"),
        (&keys::FAIL, "fail"),
        (&keys::WAIT, "wait"),
        (&keys::MANUAL, "manual"),
        (&keys::APPROVAL, "approval"),
        (&keys::FORM, "form"),
        (&keys::CASE, "case"),
        (&keys::RETRY, "retry"),
        (&keys::TIMEOUT, "timeout"),
        (&keys::REPEAT, "repeat"),
        (&keys::ACTION, "action"),
    ];
    let found = named.iter().find(|(own, _)| std::ptr::eq(*own, keys));
    found.map(|(_, name)| *name).expect("every map inside another has a name")
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}") })
}

/// Describes a task: exactly one verb, and the keys that have an effect where it stands.
fn task(keys: &Keys, without: &[&str]) -> Value {
    let verb = |verb: &&str| match *verb {
        // Beside `workflow` it is a key of its own.
        "wait" => json!({"required": ["wait"], "not": {"required": ["workflow"]}}),
        verb => json!({ "required": [verb] }),
    };
    with(object(keys, without), "oneOf", keys::VERBS.iter().map(verb).collect())
}

/// Describes a case of a `switch`: `if` with `then` or a body, or `else` alone.
fn case() -> Value {
    let choice = json!([
        {"required": ["if", "then"], "not": {"anyOf": [{"required": ["else"]}, {"required": ["do"]}]}},
        {"required": ["if", "do"], "not": {"anyOf": [{"required": ["else"]}, {"required": ["then"]}]}},
        {"required": ["else"], "not": {"anyOf": [{"required": ["if"]}, {"required": ["then"]}, {"required": ["do"]}]}},
    ]);
    with(object(&keys::CASE, &[]), "oneOf", choice)
}

/// Describes `repeat`: `max`, a body, and `while` or `until`.
fn repeat() -> Value {
    let repeat = with(object(&keys::REPEAT, &[]), "required", json!(["max", "do"]));
    with(repeat, "oneOf", one_of(&["while", "until"]))
}

/// Describes a map with these keys, but for those in `without`.
fn object(keys: &Keys, without: &[&str]) -> Map<String, Value> {
    let known = keys.all().filter(|key| !without.contains(&key.name));
    let properties: Map<String, Value> = known
        .map(|key| (key.name.to_owned(), with(form(key.form), "description", key.about.into())))
        .collect();
    let object = json!({
        "type": "object",
        "properties": properties,
        "patternProperties": {"^x-": true},
        "additionalProperties": false,
    });
    match object {
        Value::Object(object) => object,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    }
}

fn with(schema: impl Into<Value>, key: &str, value: Value) -> Value {
    let mut schema = schema.into();
    schema[key] = value;
    schema
}

/// Says that one of these keys is there.
fn one_of(names: &[&str]) -> Value {
    names.iter().map(|name| json!({ "required": [name] })).collect()
}

#[expect(clippy::too_many_lines, reason = "one arm for each form")]
fn form(form: Form) -> Value {
    match form {
        Form::Text | Form::Requirement => json!({"type": "string"}),
        Form::Name => json!({"type": "string", "pattern": NAME_PATTERN}),
        Form::Version => json!({"type": "string", "pattern": r"^[0-9]+\.[0-9]+\.[0-9]+"}),
        Form::Inputs => json!({"type": "object", "propertyNames": {"pattern": NAME_PATTERN}}),
        Form::Secrets => {
            json!({"type": "array", "minItems": 1, "items": {"type": "string", "pattern": VARIABLE_PATTERN}})
        }
        Form::Labels => json!({"type": "array", "items": {"type": "string"}}),
        Form::Units => json!({
            "type": "object",
            "propertyNames": {"pattern": NAME_PATTERN},
            "additionalProperties": {"type": "integer", "minimum": 1, "maximum": u32::MAX},
        }),
        Form::Resources => json!({
            "type": "object",
            "propertyNames": {"pattern": NAME_PATTERN},
            "properties": {
                "cpu": {"type": "number", "minimum": 0.001},
                "memory": {"type": "string", "pattern": "^[0-9]+(B|[kKMGT]|[KMGT]i)$"},
            },
            "additionalProperties": {"type": "integer", "minimum": 1, "maximum": u32::MAX},
        }),
        Form::Artifacts => json!({"anyOf": [
            {
                "type": "object",
                "propertyNames": {"pattern": NAME_PATTERN},
                "additionalProperties": {"type": "string"},
            },
            {"type": "array", "minItems": 1, "items": {"type": "string"}},
        ]}),
        Form::Wait => json!({"anyOf": [{"type": ["string", "boolean"]}, reference("wait")]}),
        Form::Pattern => json!({"type": "string", "format": "regex"}),
        Form::Duration => json!({"type": "string", "pattern": DURATION_PATTERN}),
        Form::Condition => json!({"type": ["string", "boolean"]}),
        Form::Boolean => json!({"type": "boolean"}),
        Form::Rounds => json!({"type": "integer", "minimum": 1, "maximum": ROUNDS_MAX}),
        Form::Join => json!({"type": "string", "pattern": r"^(all|all_live|any|first\([1-9][0-9]*\))$"}),
        Form::Complete => json!({"type": "string", "pattern": r"^(all|first\([1-9][0-9]*\))$"}),
        Form::Part => json!({"anyOf": [
            {"type": "integer", "minimum": 0, "maximum": u32::MAX},
            {"type": "string", "pattern": "^(100|[1-9]?[0-9])%$"},
        ]}),
        Form::Count => json!({"type": "integer", "minimum": 1, "maximum": u32::MAX}),
        Form::Number => json!({"type": "number"}),
        Form::Status => json!({"type": ["integer", "string"], "minimum": 100, "maximum": 599}),
        Form::Word(words) => json!({ "enum": words() }),
        Form::Data => json!({}),
        Form::List => json!({"type": "array", "minItems": 1}),
        Form::Items => json!({"type": ["array", "object", "integer", "string"], "minimum": 0}),
        Form::Needs => needs(),
        Form::Variables => json!({
            "type": "object",
            "propertyNames": {"pattern": VARIABLE_PATTERN, "not": {"enum": OWN_VARIABLES}},
            "additionalProperties": {"not": {"type": "null"}},
        }),
        Form::Nested(keys) => reference(name_of(keys)),
        Form::TextOr(keys) => json!({"anyOf": [{"type": "string"}, reference(name_of(keys))]}),
        Form::MapOf(keys) => json!({
            "type": "object",
            "propertyNames": {"pattern": NAME_PATTERN},
            "additionalProperties": reference(name_of(keys)),
        }),
        Form::Else => {
            json!({"anyOf": [{"type": "string", "pattern": NAME_PATTERN}, with(object(&keys::ELSE, &[]), "required", json!(["do"]))]})
        }
        Form::Schemas => json!({"type": "object", "additionalProperties": reference("schema")}),
        Form::FlagOr(keys) => json!({"anyOf": [{"type": "boolean"}, reference(name_of(keys))]}),
        Form::FlagOrTexts => json!({"anyOf": [
            {"type": "boolean"},
            {"type": "array", "minItems": 1, "items": {"type": "string"}},
        ]}),
        Form::Size => json!({"type": "integer", "minimum": 0, "maximum": u32::MAX}),
        Form::ListOf(keys) => json!({"type": "array", "minItems": 1, "items": reference(name_of(keys))}),
        Form::Body => one_or_list(&reference("body_task"), &reference("member")),
        Form::Catch => one_or_list(&reference("catch"), &reference("catch")),
        Form::Texts => one_or_list(&json!({"type": "string"}), &json!({"type": "string"})),
        Form::Statuses => {
            let status = json!({"type": "integer", "minimum": 100, "maximum": 599});
            one_or_list(&status, &status)
        }
        Form::Graph => tasks("graph_task"),
        Form::Flow => {
            let mut item = tasks("flow_task");
            item["maxProperties"] = 1.into();
            json!({"type": "array", "minItems": 1, "items": item})
        }
    }
}

fn one_or_list(one: &Value, member: &Value) -> Value {
    json!({"anyOf": [one, {"type": "array", "minItems": 1, "items": member}]})
}

fn tasks(name: &str) -> Value {
    json!({
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"pattern": NAME_PATTERN},
        "additionalProperties": reference(name),
    })
}

fn needs() -> Value {
    let words = outcome_words().map(|(word, _)| word);
    let outcome = json!({ "enum": words });
    let name = form(Form::Name);
    json!({
        "anyOf": [
            name,
            {"type": "array", "items": name},
            {
                "type": "object",
                "propertyNames": {"pattern": NAME_PATTERN},
                "additionalProperties": {"anyOf": [outcome, {"type": "array", "minItems": 1, "items": outcome}]},
            },
        ],
    })
}
