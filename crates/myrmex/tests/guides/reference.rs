//! The generated parts of guides: made of the JSON Schemas, the pages of the codes, the capability registry and the
//! results of benches.

use std::path::Path;

use myrmex::commands::explain;
use serde_json::{Map, Value};

/// Makes the part with this name.
pub(crate) fn made(root: &Path, name: &str) -> Vec<String> {
    let (kind, words) = name.split_once(' ').unwrap_or((name, ""));
    let part = match kind {
        "keys" => keys(root, words),
        "codes" => codes(words),
        "capabilities" => capabilities(root, words),
        "bench" => measured(root, words),
        other => panic!("nothing makes `{other}`"),
    };
    // A table needs a line free around it.
    let mut lines = vec![String::new()];
    lines.extend(part);
    lines.push(String::new());
    lines
}

/// Makes the table of the keys of one kind of map.
fn keys(root: &Path, map: &str) -> Vec<String> {
    let mut lines = vec!["| key | takes | |".to_owned(), "|---|---|---|".to_owned()];
    for (key, schema) in properties(map) {
        let about = schema["description"].as_str().unwrap_or_default();
        lines.push(format!("| {} | {} | {about} |", linked(root, map, &key), cell(&takes(&schema))));
    }
    lines
}

/// Returns the keys of a kind of map, with the schema of each.
fn properties(map: &str) -> Map<String, Value> {
    let workflow = myrmex_lang::schema::workflow();
    let of = |schema: &Value| schema["properties"].as_object().cloned().unwrap();
    match map {
        "workflow" => of(&workflow),
        "library" => of(&myrmex_lang::schema::actions()),
        "settings" => settings(),
        // A task in a graph has no `then`, and one in a flow no `needs`.
        "task" => {
            let mut keys = of(&workflow["$defs"]["graph_task"]);
            keys.extend(of(&workflow["$defs"]["flow_task"]));
            keys
        }
        // What these have beyond the keys of a task, or of a schema.
        "action" | "member" | "catch" | "input" => {
            let base = properties(if map == "input" { "schema" } else { "task" });
            of(&workflow["$defs"][map]).into_iter().filter(|(key, own)| base.get(key) != Some(own)).collect()
        }
        other => of(&workflow["$defs"][other]),
    }
}

/// Returns the keys of the settings, each with those inside it.
fn settings() -> Map<String, Value> {
    let schema = myrmex::settings::schema();
    let mut keys = Map::new();
    for (key, own) in schema["properties"].as_object().unwrap() {
        keys.insert(key.clone(), own.clone());
        for (inner, schema) in own["properties"].as_object().into_iter().flatten() {
            keys.insert(format!("{key}.{inner}"), schema.clone());
        }
        // The keys inside stand below it.
        keys[key]["properties"] = Value::Null;
    }
    keys
}

/// Returns the key, as a link to the page that is about it in this kind of map, if there is one.
fn linked(root: &Path, map: &str, key: &str) -> String {
    let folders: &[&str] = match map {
        "task" => &["verbs", "keys", "bodies"],
        "workflow" | "defaults" | "action" => &["keys", "bodies"],
        _ => &[],
    };
    let page = folders.iter().map(|folder| format!("spec/{folder}/{key}.md"));
    match page.into_iter().find(|page| root.join(page).exists()) {
        Some(page) => format!("[`{key}`](../{page})"),
        None => format!("`{key}`"),
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// Says in a few words which values a schema accepts.
fn takes(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        return named(reference.trim_start_matches("#/$defs/"));
    }
    if let Some(words) = schema["enum"].as_array() {
        let words: Vec<String> = words.iter().map(|word| format!("`{}`", word.as_str().unwrap())).collect();
        return words.join(", ");
    }
    let choices = ["anyOf", "oneOf"].iter().find_map(|key| schema[*key].as_array());
    if let Some(choices) = choices.filter(|_| schema["type"].is_null()) {
        return joined(choices.iter().map(takes));
    }
    match &schema["type"] {
        Value::Array(types) => joined(types.iter().map(|one| typed(one.as_str().unwrap(), &Value::Null))),
        Value::String(one) => typed(one, schema),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => "anything".to_owned(),
    }
}

fn typed(one: &str, schema: &Value) -> String {
    match one {
        "string" => text(schema),
        "boolean" => "true or false".to_owned(),
        "null" => "null".to_owned(),
        "integer" => format!("whole number{}", bounds(schema)),
        "number" => format!("number{}", bounds(schema)),
        "array" => match takes(&schema["items"]).as_str() {
            "anything" => "list".to_owned(),
            member => format!("list, each {member}"),
        },
        "object" => map(schema),
        other => panic!("a type `{other}`"),
    }
}

fn map(schema: &Value) -> String {
    let named = schema["properties"].as_object().into_iter().flatten();
    let mut named: Vec<String> = named.map(|(key, own)| format!("`{key}` {}", takes(own))).collect();
    let others = schema["additionalProperties"].as_object().map(|_| takes(&schema["additionalProperties"]));
    match (named.is_empty(), others) {
        (true, None) => "map".to_owned(),
        (true, Some(others)) => format!("map, each {others}"),
        (false, others) => {
            named.extend(others.map(|others| format!("any other {others}")));
            format!("map: {}", named.join(", "))
        }
    }
}

fn text(schema: &Value) -> String {
    if schema["format"] == "regex" {
        return "regular expression".to_owned();
    }
    let form = match schema["pattern"].as_str().unwrap_or_default() {
        "^[A-Za-z_][A-Za-z0-9_-]{0,63}$" => "name",
        pattern if pattern.contains("ms|s|m|h|d") => "duration such as `90s`",
        pattern if pattern.contains("[KMGT]i") => "size such as `2Gi`",
        pattern if pattern.ends_with("%$") => "percentage such as `80%`",
        pattern if pattern.contains("all_live") => "`all`, `all_live`, `any`, `first(n)`",
        pattern if pattern.contains("first") => "`all`, `first(n)`",
        _ => "text",
    };
    form.to_owned()
}

fn bounds(schema: &Value) -> String {
    // The largest number of 32 bits says nothing to a reader.
    let most = schema["maximum"].as_u64().filter(|most| *most < u64::from(u32::MAX));
    match (schema["minimum"].as_f64(), most) {
        (Some(least), Some(most)) => format!(", {least} to {most}"),
        (Some(least), None) => format!(" from {least}"),
        (None, _) => String::new(),
    }
}

fn named(name: &str) -> String {
    match name {
        "graph_task" | "flow_task" | "body_task" => "task".to_owned(),
        "member" => "task, perhaps with `name`".to_owned(),
        other => format!("map of [`{other}`](workflow-configuration-schema.md#{other})"),
    }
}

/// Joins what is accepted by `or`, each once; a thing and a list of it as `one or a list`.
fn joined(parts: impl Iterator<Item = String>) -> String {
    let mut once: Vec<String> = Vec::new();
    for part in parts.filter(|part| part != "null") {
        let single = once.iter_mut().find(|single| part == format!("list, each {single}"));
        if let Some(single) = single {
            single.push_str(", one or a list");
        } else if !once.contains(&part) {
            once.push(part);
        }
    }
    once.join("; or ")
}

/// Makes the index of the codes that begin with one of these letters.
fn codes(letters: &str) -> Vec<String> {
    let mut lines = vec!["| code | means |".to_owned(), "|---|---|".to_owned()];
    for page in explain::pages().filter(|page| page.code.starts_with(|first| letters.contains(first))) {
        lines.push(format!("| [{0}](../spec/codes/{0}.md) | {1} |", page.code, cell(page.title)));
    }
    lines
}

/// Makes the table of these capabilities: numbers, and ranges such as `9-14`.
fn capabilities(root: &Path, ids: &str) -> Vec<String> {
    let registry = std::fs::read_to_string(root.join("docs/capabilities.yaml")).unwrap();
    let lines = registry.lines().filter_map(|line| line.strip_prefix("- "));
    let all: Vec<Value> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut table = vec!["| id | capability | status |".to_owned(), "|---|---|---|".to_owned()];
    for range in ids.split_whitespace() {
        let (from, to) = range.split_once('-').unwrap_or((range, range));
        let (from, to): (u64, u64) = (from.parse().unwrap(), to.parse().unwrap());
        for one in all.iter().filter(|one| (from..=to).contains(&one["id"].as_u64().unwrap())) {
            let wording = one["wording"][0].as_str().unwrap();
            table.push(format!(
                "| {} | {} | {} |",
                one["id"],
                cell(wording),
                one["status"].as_str().unwrap()
            ));
        }
    }
    table
}

/// Copies a table of `bench/results`, found by the first word of its heading row, with the moment and the machine.
fn measured(root: &Path, words: &str) -> Vec<String> {
    let (file, heading) = words.split_once(' ').expect("a file and the beginning of a table");
    let results = std::fs::read_to_string(root.join("bench/results").join(file)).unwrap();
    let moment = results.lines().find(|line| line.contains(", commit `")).unwrap();
    let table = results.lines().skip_while(|line| !line.starts_with(&format!("| {heading} ")));
    let table: Vec<String> = table.take_while(|line| line.starts_with('|')).map(str::to_owned).collect();
    assert!(!table.is_empty(), "`{file}` has no table `{heading}`");
    let source = format!("From [bench/results/{file}](../bench/results/{file}): {moment}");
    [vec![source, String::new()], table].concat()
}
