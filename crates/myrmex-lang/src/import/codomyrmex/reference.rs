//! References in texts: `{{a.output}}`, `{{p}}` and `${a.result}` become expressions.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::Bound;

use myrmex_model::name::Name;

use super::step::Named;
use crate::report::{COMPARISONS_MAX, nearest};

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
    /// The references of the tool interface to steps that do not exist, which stay as they are written.
    pub(super) unknown: Vec<String>,
}

/// A reference that cannot be translated: the message, and perhaps what to do.
pub(super) type Problem = (String, Option<String>);

/// The steps that may be referred to.
#[derive(Debug)]
pub(super) struct Steps {
    /// The names of our tasks by those of the steps. Under one that stands twice nobody knows which is meant: it has none.
    tasks: BTreeMap<String, Option<String>>,
    /// How many more names are compared for suggestions, so that many wrong ones cost no quadratic time.
    comparisons_left: Cell<usize>,
}

impl Steps {
    /// Takes down the steps of a file.
    pub(super) fn of(named: &[Named<'_>]) -> Self {
        named.iter().map(|own| (own.called.clone(), own.task.clone())).collect()
    }

    /// Returns the task of ours that a step becomes, if one step alone has the name.
    pub(super) fn get(&self, step: &str) -> Option<&str> {
        self.tasks.get(step).and_then(Option::as_deref)
    }

    /// Returns the name that `step` was probably meant to be.
    pub(super) fn nearest(&self, step: &str) -> Option<&str> {
        let left = self.comparisons_left.get();
        let compared = self.tasks.len().min(left);
        self.comparisons_left.set(left - compared);
        nearest(step, self.tasks.keys().map(String::as_str).take(compared))
    }

    /// Returns the step with the longest name that `inner` begins with, up to a point: names may hold points.
    ///
    /// Goes back through the names in their order, and passes over all that share less with `inner` than is possible.
    fn head(&self, inner: &str) -> Option<(&str, Option<&str>)> {
        let mut end = Bound::Included(inner);
        loop {
            let (step, task) = self.tasks.range::<str, _>((Bound::Unbounded, end)).next_back()?;
            let Some(rest) = inner.strip_prefix(step.as_str()) else {
                let alike = step.chars().zip(inner.chars()).take_while(|(one, other)| one == other);
                let length: usize = alike.map(|(one, _)| one.len_utf8()).sum();
                end = Bound::Included(&inner[..length]);
                continue;
            };
            if rest.is_empty() || rest.starts_with('.') {
                return Some((step, task.as_deref()));
            }
            end = Bound::Excluded(step);
        }
    }
}

impl FromIterator<(String, String)> for Steps {
    fn from_iter<T: IntoIterator<Item = (String, String)>>(named: T) -> Self {
        let mut tasks: BTreeMap<String, Option<String>> = BTreeMap::new();
        for (step, task) in named {
            tasks.entry(step).and_modify(|other| *other = None).or_insert(Some(task));
        }
        Self { tasks, comparisons_left: Cell::new(COMPARISONS_MAX) }
    }
}

/// Translates the references in a text, in time that grows as the text does.
///
/// # Errors
///
/// Returns the first reference that has no meaning here: what stayed a placeholder would reach a task.
pub(super) fn translate(text: &str, steps: &Steps) -> Result<Translated, Problem> {
    let (mut out, mut literal, mut at) = (Translated::default(), String::new(), 0);
    let [mut open, mut close] = [Search::new(text, "{{"), Search::new(text, "}}")];
    let [mut tool_open, mut tool_close] = [Search::new(text, "${"), Search::new(text, "}")];
    while let Some(start) = open.from(at).into_iter().chain(tool_open.from(at)).min() {
        literal.push_str(&text[at..start]);
        let inner = start + 2;
        let is_braced = text[start..].starts_with("{{") && !text[inner..].starts_with('{');
        let (expression, end) = if let Some(end) = close.from(inner).filter(|_| is_braced) {
            (Some(braces(text[inner..end].trim(), steps, &mut out)?), end + 2)
        } else if let Some(end) = tool_close.from(inner).filter(|_| text[start..].starts_with('$')) {
            // The last opening before the end is meant: no name of a step is looked for in what lies before it.
            let is_last = tool_open.from(inner).is_none_or(|next| next > end);
            let step = text[inner..end].trim().strip_suffix(".result").filter(|_| is_last);
            if let Some((step, task)) = step.and_then(|step| steps.tasks.get_key_value(step)) {
                let task = task.as_deref().ok_or_else(|| twice(&text[start..=end], step))?;
                (Some(out.task(task, &[])), end + 1)
            } else {
                let is_name = |step: &&str| step.split('.').all(is_part);
                out.unknown.extend(step.filter(is_name).map(|_| text[start..=end].to_owned()));
                (None, start + 1)
            }
        } else {
            (None, start + 1)
        };
        match expression {
            Some(expression) => out.hole(&mut literal, &expression),
            None => literal.push_str(&text[start..end]),
        }
        at = end;
    }
    literal.push_str(&text[at..]);
    out.text.push_str(&escaped(&literal));
    Ok(out)
}

/// Where a pattern follows in a text, asked from places that only go forward: nothing is looked at twice.
struct Search<'t> {
    text: &'t str,
    pattern: &'static str,
    /// Where it follows first; none if it does not follow any more.
    next: Option<usize>,
}

impl<'t> Search<'t> {
    fn new(text: &'t str, pattern: &'static str) -> Self {
        Self { text, pattern, next: text.find(pattern) }
    }

    /// Returns where it follows from `place` on, which is a boundary of characters and never before that of an earlier call.
    fn from(&mut self, place: usize) -> Option<usize> {
        if self.next.is_some_and(|next| next < place) {
            self.next = self.text[place..].find(self.pattern).map(|next| place + next);
        }
        self.next
    }
}

/// Writes a literal text so that nothing in it begins an expression.
pub(super) fn escaped(literal: &str) -> String {
    literal.replace("${{", "$${{")
}

/// Refuses a reference to a name that two tasks have.
fn twice(reference: &str, step: &str) -> Problem {
    let message = format!("`{reference}` refers to the name `{step}`, which more than one task has");
    (message, Some("give each of them its own `name`".to_owned()))
}

impl Translated {
    /// Adds a literal text and an expression. Any `$` right before it would make it a literal, so an expression gives all of
    /// those.
    fn hole(&mut self, literal: &mut String, expression: &str) {
        let literal = std::mem::take(literal);
        let before = literal.trim_end_matches('$');
        self.text.push_str(&escaped(before));
        if before.len() < literal.len() {
            self.text.extend(["${{ '", &literal[before.len()..], "' }}"]);
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
    if let Some((step, task)) = steps.head(inner) {
        let task = task.ok_or_else(|| twice(&format!("{{{{{inner}}}}}"), step))?;
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
        let near = steps.nearest(head);
        let message = format!("`{{{{{inner}}}}}` refers to the step `{head}`, which does not exist");
        return Err((message, near.map(|near| format!("did you mean `{near}`?"))));
    }
    let message = format!("`{{{{{inner}}}}}` is neither the output of a step nor a parameter");
    Err((message, Some("a step is referred to as `{{STEP.output}}`, a parameter as `{{NAME}}`".to_owned())))
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
            .into_iter()
            .collect()
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
    fn what_looks_like_a_result_of_no_step_stays_and_is_named() {
        let unknown = translate("${b.result} ${HOME} ${a b.result} ${a.result}", &steps()).unwrap().unknown;
        assert_eq!(unknown, ["${b.result}"]);
    }

    #[test]
    fn a_dollar_before_a_reference_stays_a_dollar() {
        check("${{dir}}", "${{ '$' }}${{ inputs.dir }}");
        check("$${{dir}}", "${{ '$$' }}${{ inputs.dir }}");
        check("cost: $$${{dir}} $", "cost: ${{ '$$$' }}${{ inputs.dir }} $");
        check("$$${a.result}", "${{ '$$' }}${{ tasks.a.output }}");
        check("${{ open", "$${{ open");
        check("$${{ open", "$$${{ open");
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

    #[test]
    fn the_longest_name_is_meant_that_a_reference_begins_with() {
        let steps: Steps = ["a", "a.b", "a.b.c", "a.bc", "a.b!", "é", "é.ü"]
            .map(|step| (step.to_owned(), step.to_owned()))
            .into_iter()
            .collect();
        let head = |inner: &str| steps.head(inner).map(|(step, _)| step.to_owned());
        assert_eq!(head("a.b.output").as_deref(), Some("a.b"));
        assert_eq!(head("a.b.cc.output").as_deref(), Some("a.b"));
        assert_eq!(head("a.bd.output").as_deref(), Some("a"));
        assert_eq!(head("a.b.c").as_deref(), Some("a.b.c"));
        assert_eq!(head("é.ö.output").as_deref(), Some("é"));
        assert_eq!((head("b.output"), head(""), head("aa.output")), (None, None, None));
    }

    #[test]
    fn a_reference_to_a_name_that_stands_twice_is_refused() {
        let steps: Steps = [("a", "a"), ("a", "a_2")]
            .map(|(step, task)| (step.to_owned(), task.to_owned()))
            .into_iter()
            .collect();
        let problem = |text: &str| translate(text, &steps).unwrap_err().0;
        assert_eq!(
            problem("{{a.output}}"),
            "`{{a.output}}` refers to the name `a`, which more than one task has"
        );
        assert_eq!(
            problem("${a.result}"),
            "`${a.result}` refers to the name `a`, which more than one task has"
        );
    }

    #[test]
    fn long_texts_of_openings_take_no_quadratic_time() {
        // Were each opening to look through the rest of the text, this would take longer than anybody waits.
        let length = 1 << 20;
        for part in ["{", "{{ ", "${", "${ ", "$", "${{", "${a.result ", "{{{ ${"] {
            let text = part.repeat(length / part.len());
            for text in [text.clone(), format!("{text}}}"), format!("{text} {{{{a.output}}}}")] {
                let translated = translate(&text, &steps());
                // Only an opening of two braces that closes far away is a reference, of which nobody knows the meaning.
                assert!(translated.is_ok() || text.ends_with("}}"), "{part}");
            }
        }
    }
}
