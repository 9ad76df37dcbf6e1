//! The combinations of a matrix.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::import::Draft;
use crate::import::foreign::Item;
use crate::tree::TEXT_BYTES_MAX;

/// The most combinations, as there.
const COMBINATIONS_MAX: usize = 256;

/// Reads a matrix: its combinations, and the keys that all of them have.
///
/// # Errors
///
/// Returns why it is not translated.
pub(super) fn read(matrix: &Item<'_>, draft: &mut Draft) -> Result<(Vec<Value>, BTreeSet<String>), String> {
    if !matrix.is_map() {
        return Err("the matrix is computed".to_owned());
    }
    let mut combinations: Vec<Map<String, Value>> = vec![Map::new()];
    let mut axes = BTreeSet::new();
    for axis in matrix.entries() {
        if matches!(axis.key(), "include" | "exclude") {
            continue;
        }
        let Value::Array(values) = axis.value() else {
            return Err(format!("`{}` of the matrix is no list", axis.key()));
        };
        if combinations.len() * values.len() > COMBINATIONS_MAX {
            return Err(format!("the matrix has more than {COMBINATIONS_MAX} combinations"));
        }
        let weight = |value: &Value| value.to_string().len();
        let own: usize = combinations.iter().flat_map(Map::values).map(weight).sum();
        let added: usize = values.iter().map(weight).sum();
        if own.saturating_mul(values.len()) + added.saturating_mul(combinations.len()) > TEXT_BYTES_MAX {
            return Err("the matrix is larger than a file may be".to_owned());
        }
        axes.insert(axis.key().to_owned());
        let with = |value: &Value, combination: &Map<String, Value>| {
            let mut combination = combination.clone();
            combination.insert(axis.key().to_owned(), value.clone());
            combination
        };
        combinations =
            combinations.iter().flat_map(|own| values.iter().map(move |value| with(value, own))).collect();
    }
    if let Some(exclude) = matrix.get("exclude") {
        let excluded = maps(&exclude, "exclude")?;
        let fits = |combination: &Map<String, Value>, pattern: &Map<String, Value>| {
            pattern.iter().all(|(key, value)| combination.get(key) == Some(value))
        };
        for (pattern, item) in excluded.iter().zip(exclude.items()) {
            if !combinations.iter().any(|own| fits(own, pattern)) {
                draft.note(item.at(), "this excludes no combination of the matrix");
            }
        }
        combinations.retain(|own| !excluded.iter().any(|pattern| fits(own, pattern)));
    }
    if axes.is_empty() {
        combinations.clear();
    }
    if let Some(include) = matrix.get("include") {
        let includes = maps(&include, "include")?;
        let added: usize = includes.iter().flat_map(Map::values).map(|value| value.to_string().len()).sum();
        if added.saturating_mul(combinations.len().max(1)) > TEXT_BYTES_MAX {
            return Err("the matrix is larger than a file may be".to_owned());
        }
        extend(&mut combinations, &axes, includes);
    }
    if combinations.is_empty() || combinations.len() > COMBINATIONS_MAX {
        return Err(format!("the matrix has {} combinations", combinations.len()));
    }
    let has_all = |key: &&String| combinations.iter().all(|own| own.contains_key(*key));
    let keys = combinations.iter().flat_map(Map::keys).filter(has_all).cloned().collect();
    Ok((combinations.into_iter().map(Value::Object).collect(), keys))
}

fn maps(list: &Item<'_>, key: &str) -> Result<Vec<Map<String, Value>>, String> {
    let wrong = || format!("`{key}` of the matrix is no list of maps");
    let Value::Array(items) = list.value() else { return Err(wrong()) };
    if items.len() > COMBINATIONS_MAX {
        return Err(format!("`{key}` of the matrix has more than {COMBINATIONS_MAX} members"));
    }
    items
        .into_iter()
        .map(|item| match item {
            Value::Object(map) => Ok(map),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                Err(wrong())
            }
        })
        .collect()
}

/// Adds what stands under `include`: to each combination whose own values it does not change, else as one more.
fn extend(
    combinations: &mut Vec<Map<String, Value>>,
    axes: &BTreeSet<String>,
    includes: Vec<Map<String, Value>>,
) {
    let original = combinations.len();
    for include in includes {
        let mut is_new = true;
        for own in &mut combinations[..original] {
            let changes =
                include.iter().any(|(key, value)| axes.contains(key) && own.get(key) != Some(value));
            if !changes {
                own.extend(include.clone());
                is_new = false;
            }
        }
        if is_new {
            combinations.push(include);
        }
    }
}
