//! Placeholders of Argo become expressions.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde_json::Value;

use crate::import::foreign::shown;
use crate::import::template::{Piece, Template, field, pieces, quoted, task};

/// The longest condition that is read, in bytes.
const CONDITION_BYTES_MAX: usize = 4096;

/// What placeholders may read at a place.
#[derive(Debug, Default, Clone)]
pub(super) struct Scope {
    /// The parameters of the template, which are its inputs.
    pub(super) inputs: Rc<BTreeSet<String>>,
    /// The tasks beside it by their names there.
    pub(super) tasks: Rc<BTreeMap<String, String>>,
    /// Those of them that are done for a list: what they give is a list there, and is not read.
    pub(super) repeated: Rc<BTreeSet<String>>,
    /// Whether there is an item.
    pub(super) has_item: bool,
    /// What the workflow is called.
    pub(super) workflow: String,
}

/// The parameters of the workflow that templates read: they go through all templates as inputs.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) parameters: RefCell<BTreeSet<String>>,
}

/// Returns the input by which a template is told a parameter of the workflow.
pub(super) fn of_workflow(parameter: &str) -> String {
    format!("workflow-{parameter}")
}

impl Scope {
    /// Translates the inside of `{{ }}`.
    ///
    /// # Errors
    ///
    /// Returns why there is no equal.
    pub(super) fn expression(&self, inner: &str, asked: &Asked) -> Result<String, String> {
        let none = || format!("`{{{{{}}}}}` has no equal", shown(inner));
        if inner.starts_with('=') {
            return Err(none());
        }
        let parts: Vec<&str> = inner.split('.').collect();
        match parts.as_slice() {
            ["steps" | "tasks", name, ..] if self.repeated.contains(*name) => Err(none()),
            ["inputs", "parameters", name @ ..] if self.inputs.contains(&name.join(".")) => {
                Ok(format!("inputs{}", field(&name.join("."))))
            }
            ["workflow", "parameters", name @ ..] if !name.is_empty() => {
                let name = name.join(".");
                let input = of_workflow(&name);
                asked.parameters.borrow_mut().insert(name);
                Ok(format!("inputs{}", field(&input)))
            }
            ["item"] if self.has_item => Ok("item".to_owned()),
            ["item", fields @ ..] if self.has_item => {
                Ok(format!("item{}", fields.iter().map(|name| field(name)).collect::<String>()))
            }
            ["steps" | "tasks", name, "outputs", "result"] => {
                let own = self.tasks.get(*name).ok_or_else(none)?;
                Ok(format!("{}.output.stdout", task(own)))
            }
            ["steps" | "tasks", name, "outputs", "parameters", parameter @ ..] if !parameter.is_empty() => {
                let own = self.tasks.get(*name).ok_or_else(none)?;
                Ok(format!("{}.output{}", task(own), field(&parameter.join("."))))
            }
            ["steps" | "tasks", name, "status"] => {
                let own = self.tasks.get(*name).ok_or_else(none)?;
                let words = "{'succeeded': 'Succeeded', 'failed': 'Failed', 'timed_out': 'Failed', 'skipped': 'Skipped', 'cancelled': 'Failed'}";
                Ok(format!("{words}[{}.status]", task(own)))
            }
            ["workflow", "name"] => Ok(quoted(&self.workflow)),
            ["workflow", "uid"] => Ok("run.id".to_owned()),
            _ => Err(none()),
        }
    }

    /// Translates text with placeholders in it.
    ///
    /// # Errors
    ///
    /// Returns why one of them has no equal.
    pub(super) fn text(&self, text: &str, asked: &Asked) -> Result<String, String> {
        let mut template = Template::default();
        for piece in pieces(text, "{{", "}}")? {
            match piece {
                Piece::Text(text) => template.text(text),
                Piece::Hole(inner) => template.hole(&self.expression(inner, asked)?),
            }
        }
        Ok(template.finish())
    }

    /// Translates all texts in a value.
    ///
    /// # Errors
    ///
    /// Returns why a placeholder has no equal.
    pub(super) fn value(&self, value: &Value, asked: &Asked) -> Result<Value, String> {
        Ok(match value {
            Value::String(text) => Value::String(self.text(text, asked)?),
            Value::Array(items) => {
                items.iter().map(|item| self.value(item, asked)).collect::<Result<_, _>>()?
            }
            Value::Object(map) => Value::Object(
                map.iter()
                    .map(|(key, value)| Ok((key.clone(), self.value(value, asked)?)))
                    .collect::<Result<_, String>>()?,
            ),
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        })
    }

    /// Translates what stands behind `when`: comparisons of placeholders, texts in quotes or bare, and numbers.
    ///
    /// # Errors
    ///
    /// Returns why it has no equal.
    pub(super) fn condition(&self, text: &str, asked: &Asked) -> Result<String, String> {
        let wrong = || format!("the condition `{}` has no equal", shown(text));
        if text.len() > CONDITION_BYTES_MAX {
            return Err(wrong());
        }
        let (mut out, mut rest, mut wants_value) = (String::new(), text.trim_start(), true);
        let mut compares = 0;
        while !rest.is_empty() {
            let (token, length, is_value) = self.token(rest, asked)?.ok_or_else(wrong)?;
            if is_value != wants_value && !matches!(token.as_str(), "(" | ")" | "not") {
                return Err(wrong());
            }
            compares += usize::from(["==", "!="].contains(&token.as_str()));
            if !matches!(token.as_str(), "(" | ")" | "not") {
                wants_value = !is_value;
            }
            if !(out.is_empty() || out.ends_with('(') || token == ")") {
                out.push(' ');
            }
            out.push_str(&token);
            rest = rest[length..].trim_start();
        }
        if wants_value || compares == 0 { Err(wrong()) } else { Ok(out) }
    }

    /// Reads one token: what it becomes, how long it is, and whether it is a value.
    fn token(&self, rest: &str, asked: &Asked) -> Result<Option<(String, usize, bool)>, String> {
        // Whether `<` compares numbers or texts hangs on the values there, so it is not read.
        const OPERATORS: [(&str, &str); 6] =
            [("==", "=="), ("!=", "!="), ("&&", "and"), ("||", "or"), ("(", "("), (")", ")")];
        // Quotes around a placeholder say that it is text, which it is.
        for quote in ["'", "\"", ""] {
            let Some(inner) = rest.strip_prefix(quote).and_then(|rest| rest.strip_prefix("{{")) else {
                continue;
            };
            let Some(end) = inner.find("}}") else { return Ok(None) };
            let behind = &inner[end + 2..];
            if !behind.starts_with(quote) {
                return Ok(None);
            }
            let length = rest.len() - behind.len() + quote.len();
            let source = self.expression(inner[..end].trim(), asked)?;
            // What is compared there is text always.
            return Ok(Some((format!("({source} | string)"), length, true)));
        }
        if let Some((operator, own)) = OPERATORS.iter().find(|(operator, _)| rest.starts_with(operator)) {
            return Ok(Some(((*own).to_owned(), operator.len(), false)));
        }
        if rest.starts_with('!') {
            return Ok(Some(("not".to_owned(), 1, false)));
        }
        if let Some(quote) = rest.chars().next().filter(|c| matches!(c, '\'' | '"')) {
            let Some(end) = rest[1..].find(quote) else { return Ok(None) };
            return Ok(Some((quoted(&rest[1..=end]), end + 2, true)));
        }
        let end = rest.find(|c: char| c.is_whitespace() || "=!<>&|()'\"{}".contains(c)).unwrap_or(rest.len());
        Ok((end > 0).then(|| (quoted(&rest[..end]), end, true)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_become_ours() {
        let scope = Scope {
            inputs: Rc::new(BTreeSet::from(["a".to_owned()])),
            tasks: Rc::new(BTreeMap::from([("flip".to_owned(), "flip".to_owned())])),
            ..Scope::default()
        };
        let check = |text: &str, expected: &str| {
            let made = scope.condition(text, &Asked::default());
            assert_eq!(made.unwrap_or_else(|problem| format!("! {problem}")), expected, "{text}");
        };
        check("{{steps.flip.outputs.result}} == heads", "(tasks.flip.output.stdout | string) == 'heads'");
        check(
            "\"{{inputs.parameters.a}}\" != 'x y' && (1 == 1)",
            "(inputs.a | string) != 'x y' and ('1' == '1')",
        );
        check("{{item}} == a", "! `{{item}}` has no equal");
        check("{{=inputs.parameters.a}} == a", "! `{{=inputs.parameters.a}}` has no equal");
        check("a b == c", "! the condition `a b == c` has no equal");
        check("{{inputs.parameters.a}}", "! the condition `{{inputs.parameters.a}}` has no equal");
    }
}
