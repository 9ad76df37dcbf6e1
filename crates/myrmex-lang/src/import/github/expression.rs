//! Expressions of GitHub Actions become ours.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::syntax::{Expression, Step, parse};
use crate::import::foreign::shown;
use crate::import::template::{Piece, Template, field, pieces, quoted, task};

/// What expressions may read at a place.
#[derive(Debug, Default, Clone)]
pub(super) struct Scope {
    /// The inputs of the workflow, each with whether it is true or false.
    pub(super) inputs: Rc<BTreeMap<String, bool>>,
    /// The jobs that this one needs.
    pub(super) needs: Rc<BTreeMap<String, Needed>>,
    /// The tasks of the steps before this one that have an id.
    pub(super) steps: Rc<BTreeMap<String, String>>,
    /// Of a matrix the keys that all combinations have.
    pub(super) matrix: Option<BTreeSet<String>>,
    /// The variables of the environment, each as the text of ours that it is: those of the
    /// workflow, of the job, of the step.
    pub(super) env: Vec<Rc<BTreeMap<String, String>>>,
    /// What the workflow is called.
    pub(super) workflow: String,
}

/// A job that another one needs.
#[derive(Debug, Default, Clone)]
pub(super) struct Needed {
    /// The task that it becomes.
    pub(super) task: String,
    /// What it gives; nothing can be read of one that runs for a matrix.
    pub(super) outputs: BTreeSet<String>,
}

/// What the whole workflow needs from outside because expressions read it.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// Inputs that stand for what GitHub knows, with what each stands for.
    pub(super) inputs: RefCell<BTreeMap<String, String>>,
}

/// An expression of ours.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Made {
    pub(super) source: String,
    /// Whether it is always true or false.
    pub(super) is_boolean: bool,
}

/// When a step or a job runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// If nothing before it failed.
    Succeeded,
    /// Whatever happened.
    Always,
    /// If something before it failed.
    Failed,
}

/// The contexts of what GitHub knows, which a run of ours is told by inputs.
const OUTSIDE: [&str; 3] = ["github", "runner", "vars"];

fn made(source: String, is_boolean: bool) -> Made {
    Made { source, is_boolean }
}

impl Asked {
    /// Returns the input that stands for what GitHub calls so.
    pub(super) fn input(&self, called: &str) -> String {
        let name: String = called
            .chars()
            .take(60)
            .map(|c| if c.is_ascii_alphanumeric() || c == '_' { c.to_ascii_lowercase() } else { '_' })
            .collect();
        self.inputs.borrow_mut().entry(name.clone()).or_insert_with(|| called.to_owned());
        name
    }
}

impl Scope {
    /// Returns what a variable of the environment is; the nearest counts.
    pub(super) fn variable(&self, name: &str) -> Option<&String> {
        self.env.iter().rev().find_map(|env| env.get(name))
    }

    /// Translates the inside of `${{ }}`.
    ///
    /// # Errors
    ///
    /// Returns why there is no equal.
    pub(super) fn expression(&self, text: &str, asked: &Asked) -> Result<Made, String> {
        let parsed = parse(text).map_err(|problem| format!("`{}` cannot be read: {problem}", shown(text)))?;
        if let Expression::Path(path) = &parsed {
            match path.as_slice() {
                [Step::Field(root), Step::Field(name)] if root == "secrets" => {
                    return Ok(made(format!("secrets{}", field(name)), false));
                }
                [Step::Field(root), Step::Field(name)] if root == "github" && name == "token" => {
                    return Ok(made("secrets.GITHUB_TOKEN".to_owned(), false));
                }
                _ => {}
            }
        }
        self.made(&parsed, asked).map_err(|what| format!("{what} in `{}` has no equal", shown(text)))
    }

    /// Translates text with expressions in it.
    ///
    /// # Errors
    ///
    /// Returns why one of them has no equal.
    pub(super) fn text(&self, text: &str, asked: &Asked) -> Result<String, String> {
        let mut template = Template::default();
        for piece in pieces(text, "${{", "}}")? {
            match piece {
                Piece::Text(text) => template.text(text),
                Piece::Hole(inner) => template.hole(&self.expression(inner, asked)?.source),
            }
        }
        Ok(template.finish())
    }

    /// Translates what stands behind `if`: when it is asked at all, and what must hold then.
    ///
    /// # Errors
    ///
    /// Returns why it has no equal.
    pub(super) fn condition(&self, text: &str, asked: &Asked) -> Result<(When, Option<String>), String> {
        let inner = text.trim();
        let inner = inner.strip_prefix("${{").and_then(|rest| rest.strip_suffix("}}")).unwrap_or(inner);
        if inner.contains("${{") {
            return Err(format!("`{}` has expressions within text", shown(text)));
        }
        let parsed =
            parse(inner).map_err(|problem| format!("`{}` cannot be read: {problem}", shown(text)))?;
        let (mut when, mut parts, mut open) = (When::Succeeded, Vec::new(), vec![&parsed]);
        while let Some(expression) = open.pop() {
            match expression {
                Expression::Binary("&&", left, right) => open.extend([&**right, &**left]),
                Expression::Call(name, arguments) if arguments.is_empty() && name == "always" => {
                    when = When::Always;
                }
                Expression::Call(name, arguments) if arguments.is_empty() && name == "failure" => {
                    when = When::Failed;
                }
                Expression::Call(name, arguments) if arguments.is_empty() && name == "success" => {}
                Expression::Not(of) if **of == Expression::Call("cancelled".to_owned(), Vec::new()) => {
                    when = When::Always;
                }
                other => parts.push(other),
            }
        }
        let conditions: Result<Vec<String>, String> =
            parts.iter().map(|part| self.made(part, asked).map(truth)).collect();
        let conditions = conditions.map_err(|what| format!("{what} in `{}` has no equal", shown(text)))?;
        let conditions: Vec<String> = match conditions.len() {
            0 | 1 => conditions,
            _ => conditions.into_iter().map(|condition| format!("({condition})")).collect(),
        };
        Ok((when, (!conditions.is_empty()).then(|| conditions.join(" and "))))
    }

    fn made(&self, expression: &Expression, asked: &Asked) -> Result<Made, String> {
        Ok(match expression {
            Expression::Null => made("none".to_owned(), false),
            Expression::Boolean(flag) => made(flag.to_string(), true),
            Expression::Number(number) => made(number.clone(), false),
            Expression::Text(text) => made(quoted(text), false),
            Expression::Path(path) => self.path(path, asked)?,
            Expression::Call(name, arguments) => self.call(name, arguments, asked)?,
            Expression::Not(inner) => made(format!("not ({})", self.made(inner, asked)?.source), true),
            Expression::Binary(operator, left, right) => {
                let (left, right) = (self.made(left, asked)?, self.made(right, asked)?);
                let (word, is_boolean) = match *operator {
                    "&&" => ("and", left.is_boolean && right.is_boolean),
                    "||" => ("or", left.is_boolean && right.is_boolean),
                    other => (other, true),
                };
                made(format!("{} {word} {}", enclosed(&left), enclosed(&right)), is_boolean)
            }
        })
    }

    fn path(&self, path: &[Step], asked: &Asked) -> Result<Made, String> {
        let names: Option<Vec<&str>> = path
            .iter()
            .map(|step| match step {
                Step::Field(name) => Some(name.as_str()),
                Step::Index(_) | Step::All => None,
            })
            .collect();
        let Some(names) = names else {
            return self.indexed(path, asked);
        };
        let whole = || format!("`{}`", shown(&names.join(".")));
        match names.as_slice() {
            ["inputs", name] | ["github", "event", "inputs", name] => match self.inputs.get(*name) {
                Some(is_boolean) => Ok(made(format!("inputs{}", field(name)), *is_boolean)),
                None => Err(whole()),
            },
            ["matrix", first, ..] if self.matrix.is_some() => {
                let fields: String = names[1..].iter().map(|name| field(name)).collect();
                let has = self.matrix.as_ref().is_some_and(|keys| names.len() == 2 && keys.contains(*first));
                // What a combination does not have is empty there.
                let otherwise = if has { "" } else { " | default('')" };
                Ok(made(format!("matrix{fields}{otherwise}"), false))
            }
            ["steps", id, "outputs", name] => {
                let own = self.steps.get(*id).ok_or_else(whole)?;
                Ok(made(format!("{}.output{} | default('')", task(own), field(name)), false))
            }
            ["needs", job, "outputs", name] => {
                let own = self.needs.get(*job).filter(|own| own.outputs.contains(*name)).ok_or_else(whole)?;
                Ok(made(format!("{}.output{} | default('')", task(&own.task), field(name)), false))
            }
            ["needs", job, "result"] => {
                let own = self.needs.get(*job).ok_or_else(whole)?;
                let words = "{'succeeded': 'success', 'failed': 'failure', 'timed_out': 'failure', 'skipped': 'skipped', 'cancelled': 'cancelled'}";
                Ok(made(format!("{words}[{}.status]", task(&own.task)), false))
            }
            ["env", name] => {
                let text = self.variable(name).ok_or_else(whole)?;
                let only = text.strip_prefix("${{ ").and_then(|rest| rest.strip_suffix(" }}"));
                match only {
                    Some(inner) if !inner.contains("${{") => Ok(made(format!("({inner})"), false)),
                    Some(_) | None if text.contains("${{") => Err(whole()),
                    Some(_) | None => Ok(made(quoted(text), false)),
                }
            }
            ["github", "workflow"] => Ok(made(quoted(&self.workflow), false)),
            // Nothing can be done with a secret but to give it on.
            ["secrets", ..] | ["github", "token"] => Err(whole()),
            [context, rest @ ..] if OUTSIDE.contains(context) && !rest.is_empty() => {
                Ok(made(format!("inputs.{}", asked.input(&names.join("."))), false))
            }
            _ => Err(whole()),
        }
    }

    /// Translates a path with a computed step: of a matrix, or of inputs.
    fn indexed(&self, path: &[Step], asked: &Asked) -> Result<Made, String> {
        let [Step::Field(root), rest @ ..] = path else { return Err("a path".to_owned()) };
        if root != "matrix" || self.matrix.is_none() {
            return Err(format!("`{root}[…]`"));
        }
        let mut source = "matrix".to_owned();
        for step in rest {
            match step {
                Step::Field(name) => source.push_str(&field(name)),
                Step::Index(index) => source.extend(["[", &self.made(index, asked)?.source, "]"]),
                Step::All => return Err("`.*`".to_owned()),
            }
        }
        Ok(made(source, false))
    }

    fn call(&self, name: &str, arguments: &[Expression], asked: &Asked) -> Result<Made, String> {
        let made_all: Vec<Made> =
            arguments.iter().map(|own| self.made(own, asked)).collect::<Result<_, _>>()?;
        let all: Vec<String> = made_all.iter().map(enclosed).collect();
        Ok(match (name, all.as_slice()) {
            ("contains", [whole, part]) => made(format!("{part} in {whole}"), true),
            ("startswith", [text, part]) => made(format!("{text} is startingwith {part}"), true),
            ("endswith", [text, part]) => made(format!("{text} is endingwith {part}"), true),
            ("join", [list]) => made(format!("{list} | join(',')"), false),
            ("join", [list, by]) => made(format!("{list} | join({by})"), false),
            ("tojson", [value]) => made(format!("{value} | to_json"), false),
            ("fromjson", [text]) => made(format!("{text} | from_json"), false),
            ("format", [_, values @ ..]) => match &arguments[0] {
                Expression::Text(text) => made(formatted(text, values)?, false),
                _ => return Err("`format` with a computed text".to_owned()),
            },
            _ => return Err(format!("`{}()`", shown(name))),
        })
    }
}

/// Writes an expression so that it can stand beside an operator.
fn enclosed(own: &Made) -> String {
    let is_plain = own.source.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'));
    let text = own.source.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
    let is_text = text.is_some_and(|text| !text.contains(['\'', '\\']));
    if is_plain || is_text { own.source.clone() } else { format!("({})", own.source) }
}

/// Writes what counts as true there: everything but null, false, 0 and an empty text.
fn truth(own: Made) -> String {
    if own.is_boolean { own.source } else { format!("not not ({})", own.source) }
}

/// Translates a text with `{0}`.
fn formatted(text: &str, values: &[String]) -> Result<String, String> {
    let (mut parts, mut literal, mut rest) = (Vec::new(), String::new(), text);
    while let Some(at) = rest.find(['{', '}']) {
        literal.push_str(&rest[..at]);
        let (brace, behind) = rest[at..].split_at(1);
        if let Some(more) = behind.strip_prefix(brace) {
            literal.push_str(brace);
            rest = more;
            continue;
        }
        let (number, more) = behind.split_once('}').ok_or("`format`")?;
        let value = number.parse::<usize>().ok().and_then(|number| values.get(number)).ok_or("`format`")?;
        parts.push(quoted(&std::mem::take(&mut literal)));
        parts.push(value.clone());
        rest = more;
    }
    literal.push_str(rest);
    parts.push(quoted(&literal));
    parts.retain(|part| part != "''");
    Ok(if parts.is_empty() { "''".to_owned() } else { format!("'' ~ {}", parts.join(" ~ ")) })
}

/// Returns the variables that GitHub sets and a script reads.
pub(super) fn set_by_github(text: &str) -> BTreeSet<&str> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split(|c: char| !is_word(c))
        .filter(|word| word.starts_with("GITHUB_") || word.starts_with("RUNNER_"))
        .collect()
}
