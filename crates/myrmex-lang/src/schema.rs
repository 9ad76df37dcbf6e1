//! The JSON Schema of a kind of file, for editors: made of the table of keys that the reader uses, so that there is no
//! second list. It says what can be said of each value on its own; names, expressions and the like are for `check`.

use myrmex_model::ir::GateDecision;
use serde_json::{Map, Value, json};

use crate::read::keys::{self, Form, Keys};
use crate::read::order::outcome_words;
use crate::read::policy::OWN_VARIABLES;
use crate::read::verb::ROUNDS_MAX;
use crate::read::work;

/// The dialect.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// What a name looks like; the words that are taken are left to `check`.
const NAME_PATTERN: &str = "^[A-Za-z_][A-Za-z0-9_-]{0,63}$";

/// What the name of an environment variable looks like.
const VARIABLE_PATTERN: &str = "^[A-Za-z_][A-Za-z0-9_]*$";

/// What a duration looks like.
const DURATION_PATTERN: &str = "^([0-9]+(ms|s|m|h|d))+$";

/// What a length of time of a plan looks like: in a project also elapsed time; which of them may stand where is left to `check`.
const EXTENT_PATTERN: &str = "^-?([0-9]+e?(ms|s|m|h|d))+$";

/// What a day looks like.
const DAY_PATTERN: &str = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$";

/// What a stretch of hours looks like.
const HOURS_PATTERN: &str = "^[0-2][0-9]:[0-5][0-9]-[0-2][0-9]:[0-5][0-9]$";

/// What a person, a role or a group looks like.
const PARTY_PATTERN: &str = "^((role|group|team): ?)?[A-Za-z_][A-Za-z0-9_-]{0,63}$";

/// What an amount of money looks like.
const PRICE_PATTERN: &str = r"^[0-9]+(\.[0-9]{1,6})? [A-Z]{3}$";

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

/// Returns the JSON Schema (draft 2020-12) of `resources:` files.
pub fn resources() -> Value {
    let mut schema =
        file("The people and things of a workspace of myrmex", &keys::resources::FILE, "resources");
    let maps = resource_maps().into_iter();
    schema["$defs"] = maps.map(|(name, own)| (name.to_owned(), Value::Object(object(own, &[])))).collect();
    schema
}

/// Returns the JSON Schema (draft 2020-12) of `project:` files.
pub fn project() -> Value {
    let mut schema = file("A project of myrmex", &keys::project::PROJECT, "project");
    schema["required"] = json!(["project", "phases"]);
    for (name, own) in project_maps() {
        schema["$defs"][name] = object(own, &[]).into();
    }
    let verbs = keys::VERBS.iter().copied().filter(|verb| *verb != "tasks");
    let work = with(object(&keys::project::WORK, &["then", "tasks"]), "oneOf", verbs.map(one_verb).collect());
    schema["$defs"]["work"] = work;
    schema["$defs"]["summary"]["required"] = json!(["tasks"]);
    schema["$defs"]["risk"]["required"] = json!(["probability"]);
    schema
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
        ("estimate", object(&keys::plan::ESTIMATE, &[]).into()),
        ("history", object(&keys::plan::HISTORY, &[]).into()),
        ("cost", object(&keys::plan::COST, &[]).into()),
    ];
    Value::Object(named.map(|(name, schema)| (name.to_owned(), schema)).into_iter().collect())
}

/// The maps inside a file of resources, with the names of their schemas.
fn resource_maps() -> Vec<(&'static str, &'static Keys)> {
    use keys::resources as own;
    vec![
        ("resources", &own::RESOURCES),
        ("calendar", &own::CALENDAR),
        ("exception", &own::EXCEPTION),
        ("person", &own::PERSON),
        ("leave", &own::LEAVE),
        ("limits", &own::LIMITS),
        ("rate", &own::RATE),
        ("role", &own::ROLE),
        ("pool", &own::POOL),
        ("budget", &own::BUDGET),
    ]
}

/// The maps inside a project, with the names of their schemas.
fn project_maps() -> Vec<(&'static str, &'static Keys)> {
    use keys::project as own;
    vec![
        ("plan", &own::PLAN),
        ("plan_defaults", &own::PLAN_DEFAULTS),
        ("tolerances", &own::TOLERANCES),
        ("finances", &own::BUDGET),
        ("phase", &own::PHASE),
        ("milestone", &own::MILESTONE),
        ("summary", &own::SUMMARY),
        ("link", &own::LINK),
        ("ask", &own::ASK),
        ("mode", &own::MODE),
        ("window", &own::WINDOW),
        ("span", &own::SPAN),
        ("raci", &own::RACI),
        ("earn", &own::EARN),
        ("step", &own::STEP),
        ("gate", &own::GATE),
        ("check", &own::CHECK),
        ("deliverable", &own::DELIVERABLE),
        ("accept", &own::ACCEPT),
        ("risk", &own::RISK),
        ("impact", &own::IMPACT),
        ("delay", &own::DELAY),
    ]
}

/// Returns the name under which the schema of a map stands.
fn name_of(keys: &Keys) -> &'static str {
    let more = resource_maps().into_iter().chain(project_maps());
    if let Some((name, _)) = more.into_iter().find(|(_, own)| std::ptr::eq(*own, keys)) {
        return name;
    }
    let named: [(&Keys, &str); 19] = [
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
        (&keys::plan::ESTIMATE, "estimate"),
        (&keys::plan::HISTORY, "history"),
        (&keys::plan::COST, "cost"),
    ];
    let found = named.iter().find(|(own, _)| std::ptr::eq(*own, keys));
    found.map(|(_, name)| *name).expect("every map inside another has a name")
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}") })
}

/// Describes a task: exactly one verb, and the keys that have an effect where it stands.
fn task(keys: &Keys, without: &[&str]) -> Value {
    with(object(keys, without), "oneOf", keys::VERBS.iter().copied().map(one_verb).collect())
}

fn one_verb(verb: &str) -> Value {
    match verb {
        // Beside `workflow` it is a key of its own.
        "wait" => json!({"required": ["wait"], "not": {"required": ["workflow"]}}),
        verb => json!({ "required": [verb] }),
    }
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
        Form::Extent => json!({"type": "string", "pattern": EXTENT_PATTERN}),
        Form::ExtentOr(keys) => {
            json!({"anyOf": [{"type": "string", "pattern": EXTENT_PATTERN}, reference(name_of(keys))]})
        }
        Form::Price => json!({"type": "string", "pattern": PRICE_PATTERN}),
        Form::Day => json!({"type": "string", "pattern": DAY_PATTERN}),
        Form::Days => json!({"type": "array", "items": {"type": "string", "pattern": DAY_PATTERN}}),
        Form::Hours => json!({"type": "array", "items": {"type": "string", "pattern": HOURS_PATTERN}}),
        Form::Week => json!({
            "type": "object",
            "propertyNames": {"pattern": "^(mon|tue|wed|thu|fri|sat|sun)(-(tue|wed|thu|fri|sat|sun))?$"},
            "additionalProperties": {"type": "array", "items": {"type": "string", "pattern": HOURS_PATTERN}},
        }),
        Form::NameLists => json!({
            "type": "object",
            "propertyNames": {"pattern": NAME_PATTERN},
            "additionalProperties": {"type": "array", "items": {"type": "string", "pattern": NAME_PATTERN}},
        }),
        Form::AutoOrNames => {
            json!({"anyOf": [{"const": "auto"}, {"type": "array", "items": {"type": "string", "pattern": NAME_PATTERN}}]})
        }
        Form::Party => json!({"type": "string", "pattern": PARTY_PATTERN}),
        Form::Date => json!({"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}(T.*)?$"}),
        Form::Fractions => json!({
            "type": "object",
            "propertyNames": {"pattern": NAME_PATTERN},
            "additionalProperties": {"type": "number", "minimum": 0, "maximum": 1},
        }),
        Form::Percent => json!({"type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?%$"}),
        Form::Quantile => json!({"type": "string", "pattern": "^p[1-9][0-9]?$"}),
        Form::EmptyMaps => json!({
            "type": "object",
            "propertyNames": {"pattern": NAME_PATTERN},
            "additionalProperties": {"type": "object", "maxProperties": 0},
        }),
        Form::Links => links(),
        Form::ProjectTasks => json!({
            "type": "object",
            "minProperties": 1,
            "propertyNames": {"pattern": NAME_PATTERN},
            "additionalProperties": {"anyOf": [reference("work"), reference("summary")]},
        }),
        Form::Crew => json!({
            "type": "object",
            "propertyNames": {"pattern": NAME_PATTERN},
            "additionalProperties": {"anyOf": [{"type": "number", "minimum": 0.001}, reference("ask")]},
        }),
        Form::Names => {
            let name = json!({"type": "string", "pattern": NAME_PATTERN});
            one_or_list(&name, &name)
        }
        Form::Earn => json!({"anyOf": [{"enum": work::earn_words()}, reference("earn")]}),
        Form::Outcomes => outcomes(),
        Form::Conditions => json!({
            "type": "object",
            "propertyNames": {"pattern": NAME_PATTERN},
            "additionalProperties": {"type": ["string", "boolean"]},
        }),
        Form::DecisionList => {
            let words = GateDecision::ALL.map(GateDecision::as_str);
            json!({"type": "array", "minItems": 1, "items": {"enum": words}})
        }
        Form::Grade => json!({"type": "integer", "minimum": 1, "maximum": 5}),
        Form::Fraction => json!({"type": "number", "minimum": 0, "maximum": 1}),
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

fn outcomes() -> Value {
    let outcome = json!({ "enum": outcome_words().map(|(word, _)| word) });
    json!({"anyOf": [outcome, {"type": "array", "minItems": 1, "items": outcome}]})
}

/// Describes `needs` of an item of a project.
fn links() -> Value {
    let name = form(Form::Name);
    let link = reference("link");
    json!({
        "anyOf": [
            name,
            {"type": "array", "items": name},
            {
                "type": "object",
                "propertyNames": {"pattern": NAME_PATTERN},
                "additionalProperties": {"anyOf": [outcomes(), link, {"type": "array", "minItems": 1, "items": link}]},
            },
        ],
    })
}

fn needs() -> Value {
    let name = form(Form::Name);
    json!({
        "anyOf": [
            name,
            {"type": "array", "items": name},
            {
                "type": "object",
                "propertyNames": {"pattern": NAME_PATTERN},
                "additionalProperties": outcomes(),
            },
        ],
    })
}
