//! Placeholders of Kestra become expressions. They are much like ours: paths are looked up, what is known is written as it is.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde_json::Value;

use crate::import::foreign::shown;
use crate::import::template::{Piece, Template, field, pieces, quoted, task};

/// The longest expression that is read, in bytes: what is longer would not fit into one of ours.
const BYTES_MAX: usize = 4096;

/// The filters that mean the same in both.
const FILTERS: [&str; 10] =
    ["upper", "lower", "length", "trim", "first", "last", "abs", "sort", "reverse", "default"];

/// Words between values that mean the same in both.
const WORDS: [&str; 9] = ["and", "or", "not", "in", "is", "true", "false", "if", "else"];

/// What placeholders may read at a place.
#[derive(Debug, Default, Clone)]
pub(super) struct Scope {
    pub(super) inputs: Rc<BTreeSet<String>>,
    pub(super) variables: Rc<BTreeMap<String, Value>>,
    /// The tasks that have ended before, by their ids: the task, and whether it gives a `value`.
    pub(super) tasks: BTreeMap<String, (String, bool)>,
    /// What `taskrun.value` is of the task, and of those around it, from the outermost.
    pub(super) values: Vec<Option<String>>,
    /// What the flow is called, and its namespace.
    pub(super) flow: (String, String),
}

impl Scope {
    /// Returns the scope of what is inside of a task: with an item, or without.
    pub(super) fn inside(&self, item: Option<String>) -> Self {
        let mut inner = self.clone();
        inner.values.push(item);
        inner
    }

    /// Translates text with placeholders in it.
    ///
    /// # Errors
    ///
    /// Returns why one of them has no equal.
    pub(super) fn text(&self, text: &str) -> Result<String, String> {
        let mut template = Template::default();
        for piece in pieces(text, "{{", "}}")? {
            match piece {
                Piece::Text(text) => template.text(text),
                Piece::Hole(inner) => template.hole(&self.expression(inner)?),
            }
        }
        Ok(template.finish())
    }

    /// Translates all texts in a value.
    ///
    /// # Errors
    ///
    /// Returns why a placeholder has no equal.
    pub(super) fn value(&self, value: &Value) -> Result<Value, String> {
        Ok(match value {
            Value::String(text) => Value::String(self.text(text)?),
            Value::Array(items) => items.iter().map(|item| self.value(item)).collect::<Result<_, _>>()?,
            Value::Object(map) => Value::Object(
                map.iter()
                    .map(|(key, value)| Ok((key.clone(), self.value(value)?)))
                    .collect::<Result<_, String>>()?,
            ),
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        })
    }

    /// Translates a condition: one placeholder, or a fixed word.
    ///
    /// # Errors
    ///
    /// Returns why it has no equal.
    pub(super) fn condition(&self, text: &str) -> Result<String, String> {
        let none = || format!("the condition `{}` has no equal", shown(text));
        let source = match pieces(text.trim(), "{{", "}}")?.as_slice() {
            [Piece::Hole(inner)] => self.expression(inner)?,
            [Piece::Text(word @ ("true" | "false"))] => (*word).to_owned(),
            _ => return Err(none()),
        };
        let is_boolean =
            [" == ", " != ", " < ", " > ", " <= ", " >= ", "not "].iter().any(|own| source.contains(own));
        Ok(if is_boolean {
            source
        } else {
            format!("({source} | string | lower) not in ['', 'false', '0', '-0', 'none']")
        })
    }

    /// Translates the inside of `{{ }}`.
    ///
    /// # Errors
    ///
    /// Returns why there is no equal.
    pub(super) fn expression(&self, inner: &str) -> Result<String, String> {
        let none = || format!("`{{{{ {} }}}}` has no equal", shown(inner));
        if inner.is_empty() || inner.len() > BYTES_MAX {
            return Err(none());
        }
        let (mut out, mut rest, mut is_filter) = (String::new(), inner, false);
        while !rest.is_empty() {
            let c = rest.chars().next().ok_or_else(none)?;
            let length = if c.is_whitespace() {
                out.push(' ');
                rest.len() - rest.trim_start().len()
            } else if matches!(c, '\'' | '"') {
                let end = rest[1..].find(c).ok_or_else(none)?;
                let text = &rest[1..=end];
                if text.contains(['\\', '#']) {
                    return Err(none());
                }
                out.push_str(&quoted(text));
                end + 2
            } else if c.is_ascii_digit() {
                let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
                out.push_str(&rest[..end]);
                end
            } else if c.is_ascii_alphabetic() || c == '_' {
                let end = path(rest);
                let word = &rest[..end];
                let is_call = rest[end..].starts_with('(');
                if is_filter {
                    out.push_str(FILTERS.iter().find(|own| **own == word).ok_or_else(none)?);
                    end
                } else if is_call {
                    // Of the functions only the one for secrets has an equal.
                    let name = rest[end..]
                        .strip_prefix("('")
                        .and_then(|rest| rest.split_once("')"))
                        .filter(|_| word == "secret");
                    let (name, _) = name.ok_or_else(none)?;
                    out.extend(["secrets", &field(name)]);
                    end + name.len() + 4
                } else if WORDS.contains(&word) {
                    out.push_str(word);
                    end
                } else {
                    out.push_str(&self.path(word).ok_or_else(none)?);
                    end
                }
            } else {
                const SIGNS: [&str; 16] =
                    ["==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "~", "|", "(", ")", ",", "["];
                let sign = SIGNS
                    .iter()
                    .find(|sign| rest.starts_with(**sign))
                    .filter(|sign| **sign != "[")
                    .ok_or_else(none)?;
                out.push_str(sign);
                sign.len()
            };
            if !c.is_whitespace() {
                is_filter = c == '|';
            }
            rest = &rest[length..];
        }
        Ok(out)
    }

    fn path(&self, path: &str) -> Option<String> {
        let parts: Vec<&str> = path.split('.').collect();
        match parts.as_slice() {
            ["inputs", name, rest @ ..] if self.inputs.contains(*name) => Some(format!(
                "inputs{}{}",
                field(name),
                rest.iter().map(|name| field(name)).collect::<String>()
            )),
            ["vars", name] => match self.variables.get(*name)? {
                Value::String(text) if !text.contains("{{") => Some(quoted(text)),
                Value::Bool(flag) => Some(flag.to_string()),
                Value::Number(number) => Some(number.to_string()),
                Value::String(_) | Value::Null | Value::Array(_) | Value::Object(_) => None,
            },
            ["outputs", id, "value"] => {
                let (own, gives_value) = self.tasks.get(*id)?;
                gives_value.then(|| format!("{}.output.value", task(own)))
            }
            ["execution", "id"] => Some("run.id".to_owned()),
            ["execution", "startDate"] => Some("run.started".to_owned()),
            ["flow", "id"] => Some(quoted(&self.flow.0)),
            ["flow", "namespace"] => Some(quoted(&self.flow.1)),
            [.., "taskrun", "value"] => {
                let up = parts.len() - 2;
                let is_up = parts[..up].iter().all(|part| *part == "parent") && up <= 1;
                let at = self.values.len().checked_sub(1 + up).filter(|_| is_up)?;
                self.values[at].clone()
            }
            _ => None,
        }
    }
}

/// Returns the length of the path that a text begins with.
fn path(text: &str) -> usize {
    text.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))).unwrap_or(text.len())
}

/// Reads a duration as ISO 8601 writes it, in seconds.
pub(super) fn duration(text: &str) -> Option<f64> {
    let (date, time) = text.strip_prefix('P')?.split_once('T').unwrap_or((text.strip_prefix('P')?, ""));
    let part = |text: &str, units: &[(char, f64)]| {
        let (mut sum, mut rest) = (0.0, text);
        while let Some(end) = rest.find(|c: char| c.is_ascii_alphabetic()) {
            let unit = rest[end..].chars().next()?;
            let (_, factor) = units.iter().find(|(own, _)| *own == unit)?;
            sum += rest[..end].parse::<f64>().ok()? * factor;
            rest = &rest[end + 1..];
        }
        rest.is_empty().then_some(sum)
    };
    let sum = part(date, &[('W', 604_800.0), ('D', 86_400.0)])?
        + part(time, &[('H', 3600.0), ('M', 60.0), ('S', 1.0)])?;
    (sum > 0.0).then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_become_ours() {
        let scope = Scope {
            inputs: Rc::new(BTreeSet::from(["a".to_owned()])),
            variables: Rc::new(BTreeMap::from([("v".to_owned(), Value::from("it's"))])),
            tasks: BTreeMap::from([
                ("t".to_owned(), ("t".to_owned(), true)),
                ("u".to_owned(), ("u".to_owned(), false)),
            ]),
            values: vec![Some("outer".to_owned()), None],
            flow: ("f".to_owned(), "n".to_owned()),
        };
        let check = |text: &str, expected: &str| {
            let made = scope.expression(text);
            assert_eq!(made.unwrap_or_else(|problem| format!("! {problem}")), expected, "{text}");
        };
        check("inputs.a.b | upper", "inputs.a.b | upper");
        check("vars.v ~ \"x\"", r"'it\'s' ~ 'x'");
        check(
            "outputs.t.value == 'x' and not (inputs.a > 3)",
            "tasks.t.output.value == 'x' and not (inputs.a > 3)",
        );
        check("parent.taskrun.value", "outer");
        check("secret('KEY')", "secrets.KEY");
        check("taskrun.value", "! `{{ taskrun.value }}` has no equal");
        check("outputs.u.value", "! `{{ outputs.u.value }}` has no equal");
        check("inputs.a | dateAdd(1, 'DAYS')", "! `{{ inputs.a | dateAdd(1, 'DAYS') }}` has no equal");
        check("inputs.a ?? 'x'", "! `{{ inputs.a ?? 'x' }}` has no equal");
        assert_eq!(
            scope.condition("{{ inputs.a }}").unwrap(),
            "(inputs.a | string | lower) not in ['', 'false', '0', '-0', 'none']"
        );
    }

    #[test]
    fn durations_are_read_as_iso_writes_them() {
        let all = ["PT1H30M", "P1DT0.5S", "PT", "1h", "PT5X"].map(duration);
        assert_eq!(all, [Some(5400.0), Some(86_400.5), None, None, None]);
    }
}
