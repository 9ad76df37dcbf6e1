//! References in texts: `{{a.output}}`, `{{p}}` and `${a.result}` become expressions.

use std::collections::BTreeMap;

use myrmex_model::name::Name;

use crate::report::nearest;

/// What a text becomes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Translated {
    /// The text with our expressions.
    pub(super) text: String,
    /// The tasks of ours that it refers to, in order.
    pub(super) tasks: Vec<String>,
    /// The inputs of the workflow that it refers to, in order.
    pub(super) inputs: Vec<String>,
    /// The references that only the guides know, as they are written.
    pub(super) documented: Vec<String>,
}

/// A reference that cannot be translated: the message, and perhaps what to do.
pub(super) type Problem = (String, Option<String>);

/// The steps that may be referred to: their names, and those of our tasks.
pub(super) type Steps = BTreeMap<String, String>;

/// Translates the references in a text.
///
/// # Errors
///
/// Returns the first reference that has no meaning here: what stayed a placeholder would reach a task.
pub(super) fn translate(text: &str, steps: &Steps) -> Result<Translated, Problem> {
    let (mut out, mut literal, mut rest) = (Translated::default(), String::new(), text);
    while let Some(at) = rest.find("{{").into_iter().chain(rest.find("${")).min() {
        let (before, after) = rest.split_at(at);
        literal.push_str(before);
        let braced = after.strip_prefix("{{").filter(|inner| !inner.starts_with('{'));
        let (expression, length) = match (braced.and_then(|inner| inner.find("}}")), braced) {
            (Some(end), Some(inner)) => (Some(braces(inner[..end].trim(), steps, &mut out)?), end + 4),
            (Some(_) | None, _) => tool(after, steps, &mut out),
        };
        match expression {
            Some(expression) => out.hole(&mut literal, &expression),
            None => literal.push_str(&after[..length]),
        }
        rest = &after[length..];
    }
    literal.push_str(rest);
    out.text.push_str(&escaped(&literal));
    Ok(out)
}

/// Writes a literal text so that nothing in it begins an expression.
fn escaped(literal: &str) -> String {
    literal.replace("${{", "$${{")
}

impl Translated {
    /// Adds a literal text and an expression. A `$` right before it would make it a literal.
    fn hole(&mut self, literal: &mut String, expression: &str) {
        let literal = std::mem::take(literal);
        match literal.strip_suffix('$') {
            Some(before) => self.text.extend([&escaped(before), "${{ '$' }}"]),
            None => self.text.push_str(&escaped(&literal)),
        }
        self.text.extend(["${{ ", expression, " }}"]);
    }

    /// Writes an expression that reads a task.
    fn task(&mut self, name: &str, path: &[&str]) -> String {
        self.tasks.push(name.to_owned());
        format!("tasks{}.output{}", field(name), path.iter().map(|part| field(part)).collect::<String>())
    }
}

/// Translates what stands between two pairs of braces.
fn braces(inner: &str, steps: &Steps, out: &mut Translated) -> Result<String, Problem> {
    // A step whose name holds points is found by its longest beginning.
    let heads = steps.iter().filter(|(name, _)| {
        inner.strip_prefix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    });
    if let Some((step, task)) = heads.max_by_key(|(name, _)| name.len()) {
        let path: Vec<&str> = inner[step.len()..].split('.').skip(1).collect();
        return match path.as_slice() {
            ["output", path @ ..] if path.iter().all(|part| is_part(part)) => Ok(out.task(task, path)),
            ["metadata", path @ ..] if !path.is_empty() && path.iter().all(|part| is_part(part)) => {
                out.documented.push(inner.to_owned());
                Ok(out.task(task, &[&["metadata"], path].concat()))
            }
            _ => {
                let message = format!("`{{{{{inner}}}}}` refers to a step, but not to its output");
                Err((message, Some(format!("write `{{{{{step}.output}}}}`"))))
            }
        };
    }
    let head = inner.split('.').next().unwrap_or_default();
    if Name::new(inner).is_ok() {
        out.inputs.push(inner.to_owned());
        return Ok(format!("inputs{}", field(inner)));
    }
    if inner != head && inner.split('.').all(is_part) {
        let near = nearest(head, steps.keys().map(String::as_str));
        let message = format!("`{{{{{inner}}}}}` refers to the step `{head}`, which does not exist");
        return Err((message, near.map(|near| format!("did you mean `{near}`?"))));
    }
    let message = format!("`{{{{{inner}}}}}` is neither the output of a step nor a parameter");
    Err((message, Some("a step is referred to as `{{STEP.output}}`, a parameter as `{{NAME}}`".to_owned())))
}

/// Translates the form of the tool interface that a text begins with, if it does; returns how much of the text that is.
fn tool(text: &str, steps: &Steps, out: &mut Translated) -> (Option<String>, usize) {
    let inner = text.strip_prefix("${").and_then(|rest| rest.split_once('}')).map(|(inner, _)| inner);
    let step = inner.and_then(|inner| inner.trim().strip_suffix(".result"));
    match (inner, step.and_then(|step| steps.get(step))) {
        (Some(inner), Some(name)) => (Some(out.task(name, &[])), inner.len() + 3),
        (Some(_) | None, _) => (None, 1),
    }
}

/// Whether a part of a path can be one: a field, or the place in a list.
fn is_part(part: &str) -> bool {
    !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
}

/// Writes the way to a field of a value in an expression.
pub(super) fn field(name: &str) -> String {
    let is_word = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_word {
        format!(".{name}")
    } else if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit()) {
        format!("[{name}]")
    } else {
        format!("['{}']", name.replace('\\', "\\\\").replace('\'', "\\'"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps() -> Steps {
        [("a", "a"), ("a-b", "a-b"), ("two words", "two_words"), ("v1.2", "v1_2")]
            .map(|(step, task)| (step.to_owned(), task.to_owned()))
            .into()
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let translated = translate(text, &steps());
        assert_eq!(translated.map(|own| own.text), Ok(expected.to_owned()));
    }

    #[track_caller]
    fn refuse(text: &str, expected: &str) {
        assert_eq!(translate(text, &steps()).unwrap_err().0, expected);
    }

    #[test]
    fn references_become_expressions_and_all_else_stays() {
        check("plain", "plain");
        check("{{a.output}}", "${{ tasks.a.output }}");
        check("{{ a.output.x.0.y-z }}", "${{ tasks.a.output.x[0]['y-z'] }}");
        check("{{a-b.output}}", "${{ tasks['a-b'].output }}");
        check(
            "{{two words.output}} {{v1.2.output.n}}",
            "${{ tasks.two_words.output }} ${{ tasks.v1_2.output.n }}",
        );
        check("{{a.metadata.f}}", "${{ tasks.a.output.metadata.f }}");
        check("{{dir}}/x.png", "${{ inputs.dir }}/x.png");
        check("${a.result} ${HOME} ${b.result}", "${{ tasks.a.output }} ${HOME} ${b.result}");
        check("costs $5, {one}, {{ open", "costs $5, {one}, {{ open");
    }

    #[test]
    fn a_dollar_before_a_reference_stays_a_dollar() {
        check("${{dir}}", "${{ '$' }}${{ inputs.dir }}");
        check("${{ open", "$${{ open");
        check("${{{ open", "$${{{ open");
        check("${{{dir}}}", "${${{ inputs.dir }}}");
        check("{\"k\": {{dir}}}", "{\"k\": ${{ inputs.dir }}}");
    }

    #[test]
    fn what_has_no_meaning_is_refused_so_that_no_placeholder_reaches_a_task() {
        refuse("{{b.output}}", "`{{b.output}}` refers to the step `b`, which does not exist");
        refuse("{{a}}", "`{{a}}` refers to a step, but not to its output");
        refuse("{{a.status}}", "`{{a.status}}` refers to a step, but not to its output");
        refuse("{{ x | upper }}", "`{{x | upper}}` is neither the output of a step nor a parameter");
        refuse("{{}}", "`{{}}` is neither the output of a step nor a parameter");
    }
}
