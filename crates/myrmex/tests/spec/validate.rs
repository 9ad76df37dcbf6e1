//! Validates values against the JSON Schemas that we generate. It knows the keywords that occur in them and panics at any
//! other, so that nothing in a schema goes untested.

use regex_lite::Regex;
use serde_json::Value;

/// Returns why `value` does not fit `schema`, which is a part of `root`; nothing if it fits.
pub(crate) fn problem(root: &Value, schema: &Value, value: &Value) -> Option<String> {
    let Some(keywords) = schema.as_object() else {
        return (schema == &Value::Bool(false)).then(|| format!("{value} is not allowed"));
    };
    let wrong = |keyword: &String, argument: &Value| match keyword.as_str() {
        "properties" | "patternProperties" | "additionalProperties" | "propertyNames" | "items" => {
            members(root, (keyword, argument), keywords, value)
        }
        "$ref" => {
            let name =
                argument.as_str().and_then(|path| path.strip_prefix("#/$defs/")).expect("a local name");
            problem(root, &root["$defs"][name], value)
        }
        "oneOf" | "anyOf" | "not" => {
            let is_wrong = |schema: &Value| problem(root, schema, value).is_some();
            let fitting =
                argument.as_array().map_or(0, |all| all.iter().filter(|own| !is_wrong(own)).count());
            let holds = match keyword.as_str() {
                "oneOf" => fitting == 1,
                "anyOf" => fitting > 0,
                _ => is_wrong(argument),
            };
            (!holds).then(|| format!("{value} breaks `{keyword}`"))
        }
        "$schema" | "$defs" | "title" | "description" | "format" => None,
        keyword => {
            (!holds(keyword, argument, value)).then(|| format!("{value} breaks `{keyword}` {argument}"))
        }
    };
    keywords.iter().find_map(|(keyword, argument)| wrong(keyword, argument))
}

/// Asks a keyword that looks at one value alone; it holds of values of other types.
fn holds(keyword: &str, argument: &Value, value: &Value) -> bool {
    let bound = || argument.as_f64().expect("a bound");
    let count = || usize::try_from(argument.as_u64().expect("a count")).expect("a small count");
    match keyword {
        "type" => match argument {
            Value::Array(types) => types.iter().any(|own| is_type(own, value)),
            own => is_type(own, value),
        },
        "enum" => argument.as_array().expect("a list").contains(value),
        "required" => value.as_object().is_none_or(|map| {
            argument
                .as_array()
                .expect("a list")
                .iter()
                .all(|name| map.contains_key(name.as_str().expect("a name")))
        }),
        "pattern" => value.as_str().is_none_or(|text| matches(argument.as_str().expect("a pattern"), text)),
        "minimum" => value.as_f64().is_none_or(|number| number >= bound()),
        "maximum" => value.as_f64().is_none_or(|number| number <= bound()),
        "minLength" => value.as_str().is_none_or(|text| text.chars().count() >= count()),
        "minItems" => value.as_array().is_none_or(|list| list.len() >= count()),
        "minProperties" => value.as_object().is_none_or(|map| map.len() >= count()),
        "maxProperties" => value.as_object().is_none_or(|map| map.len() <= count()),
        other => panic!("the keyword `{other}` is not known here"),
    }
}

fn is_type(name: &Value, value: &Value) -> bool {
    match name.as_str().expect("the name of a type") {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        other => panic!("the type `{other}` is not known here"),
    }
}

/// Asks a keyword about the members of a list or map.
fn members(
    root: &Value,
    (keyword, argument): (&str, &Value),
    keywords: &serde_json::Map<String, Value>,
    value: &Value,
) -> Option<String> {
    let patterns = || keywords.get("patternProperties").and_then(Value::as_object).into_iter().flatten();
    let is_named =
        |name: &str| keywords.get("properties").is_some_and(|properties| properties.get(name).is_some());
    let schema_of = |name: &str| match keyword {
        "properties" => argument.get(name),
        "patternProperties" => {
            patterns().find(|(pattern, _)| matches(pattern, name)).map(|(_, schema)| schema)
        }
        _ => (!is_named(name) && !patterns().any(|(pattern, _)| matches(pattern, name))).then_some(argument),
    };
    match (keyword, value) {
        ("items", Value::Array(items)) => items.iter().find_map(|item| problem(root, argument, item)),
        ("propertyNames", Value::Object(map)) => {
            map.keys().find_map(|name| problem(root, argument, &Value::from(name.as_str())))
        }
        ("items" | "propertyNames", _) => None,
        (_, Value::Object(map)) => map.iter().find_map(|(name, value)| {
            let found = problem(root, schema_of(name)?, value)?;
            Some(format!("{name}: {found}"))
        }),
        _ => None,
    }
}

fn matches(pattern: &str, text: &str) -> bool {
    Regex::new(pattern).expect("patterns of schemas can be read").is_match(text)
}
