//! What a task begins with: its guard, and then the input of its body.

use myrmex_engine::run::{View, holds};
use myrmex_model::effect::Evaluation;
use myrmex_model::fault::{Fault, FaultKind};
use myrmex_model::file::FileValue;
use myrmex_model::ir::{Body, Choose, Node, Timer};
use myrmex_model::template::Template;
use myrmex_model::time::{Length, Timestamp};
use myrmex_model::value::{Value, to_text, type_name};

use super::lines::Unread;
use super::resolve::Resolver;
use super::{Desk, ask, call, checked_inputs, people, place, printed, render, taken};

/// The most items of one `for_each`.
const ITEMS_MAX: u32 = 1_000_000;

pub(super) fn begin(desk: &mut Desk<'_>, view: View<'_>, node: &Node) -> Result<Evaluation, Fault> {
    // A block that got what it asked for was let in by its guard before.
    if !view.is_held() {
        if let Some(guard) = &node.guard {
            let (evaluator, sources) = desk.split();
            let mut resolver = Resolver::new(view, sources);
            let held = evaluator.condition(guard, &mut |reference| resolver.resolve(reference));
            let finished = resolver.finish(held);
            if !desk.settle(finished).map_err(|fault| place::told(fault, "if"))? {
                return Ok(Evaluation::Skip);
            }
        }
        if let Some(taken) = taken::taken(desk, view, node)? {
            return Ok(Evaluation::Taken(Box::new(taken)));
        }
        if holds(node)
            && let Some(asks) = &node.policy.asks
        {
            return ask::named(desk, view, asks).map(Evaluation::Hold);
        }
    }
    match &node.body {
        Body::Graph(_) | Body::Flow(_) => enter(desk, view, node),
        Body::Task(task) => {
            let input = if task.arguments.as_literal().is_some() {
                None
            } else {
                let input = printed::arguments(desk, view, &task.arguments)?;
                Some(desk.values.put(input))
            };
            let named = match &node.policy.asks {
                Some(asks) => ask::named(desk, view, asks)?,
                None => None,
            };
            Ok(match named {
                Some(named) => Evaluation::NamedInput(input, named),
                None => Evaluation::Input(input),
            })
        }
        Body::Value(template) => value(desk, view, template),
        Body::Timer(timer) => due(desk, view, timer).map(Evaluation::Due),
        Body::Choose(choose) => case(desk, view, choose).map(Evaluation::Case),
        Body::Raise(template) => raised(&render(desk, view, ("fail", template))?).map(Evaluation::Raise),
        Body::Each(each) => items(desk, view, &each.source),
        Body::Call(body) => call::call(desk, view, body),
        Body::Await(body) => people::ask(desk, view, body),
    }
}

/// Enters a scope, with inputs of its own if it has any.
fn enter(desk: &mut Desk<'_>, view: View<'_>, node: &Node) -> Result<Evaluation, Fault> {
    let Some(binding) = &node.binding else { return Ok(Evaluation::Enter { inputs: None }) };
    let inputs = checked_inputs(desk, view, &binding.values, &binding.inputs)?;
    Ok(Evaluation::Enter { inputs: Some(inputs) })
}

/// Computes a value; inside a flow the fields of a map become variables, over those that were set before.
fn value(desk: &mut Desk<'_>, view: View<'_>, template: &Template) -> Result<Evaluation, Fault> {
    let value = render(desk, view, ("set", template))?;
    let vars = match &value {
        Value::Object(written) if view.writes_vars() => {
            let mut vars = match view.vars() {
                Some(hash) => match desk.stored(hash)?.as_ref() {
                    Value::Object(vars) => vars.clone(),
                    _ => serde_json::Map::new(),
                },
                None => serde_json::Map::new(),
            };
            vars.extend(written.iter().map(|(name, value)| (name.clone(), value.clone())));
            Some(desk.values.put(Value::Object(vars)))
        }
        _ => None,
    };
    Ok(Evaluation::Value { output: desk.values.put(value), vars })
}

fn due(desk: &mut Desk<'_>, view: View<'_>, timer: &Timer) -> Result<Timestamp, Fault> {
    let (template, is_length) = match timer {
        Timer::After(template) => (template, true),
        Timer::Until(template) => (template, false),
    };
    let value = render(desk, view, ("wait", template))?;
    let wrong = |message: String| Fault::new(FaultKind::Validation, message);
    let Some(text) = value.as_str() else {
        return Err(wrong(format!("`wait` needs a text, found {}", type_name(&value))));
    };
    if is_length {
        let length: Length = text.parse().map_err(|error| wrong(format!("{error}")))?;
        Ok(desk.now.after(length))
    } else {
        text.parse().map_err(|error| wrong(format!("{error}")))
    }
}

fn case(desk: &mut Desk<'_>, view: View<'_>, choose: &Choose) -> Result<Option<u32>, Fault> {
    for (index, case) in (0..).zip(&choose.cases) {
        let Some(when) = &case.when else { return Ok(Some(index)) };
        let (evaluator, sources) = desk.split();
        let mut resolver = Resolver::new(view, sources);
        let held = evaluator.condition(when, &mut |reference| resolver.resolve(reference));
        let finished = resolver.finish(held);
        let told = |fault| place::told(fault, &format!("switch[{index}].if"));
        if desk.settle(finished).map_err(told)? {
            return Ok(Some(index));
        }
    }
    Ok(None)
}

/// Reads the error that `fail` describes: `type`, `status`, `title` and `detail`, or a title alone. What is no text is
/// printed like one.
///
/// # Errors
///
/// Returns the task's error if the status is no number.
fn raised(value: &Value) -> Result<Fault, Fault> {
    let text = |field: &str| value.get(field).filter(|value| !value.is_null()).map(to_text);
    let own = (!value.is_object() && !value.is_null()).then(|| to_text(value));
    let title = own.or_else(|| text("title")).unwrap_or_else(|| "the workflow failed".to_owned());
    let kind = FaultKind::from_text(text("type").as_deref().unwrap_or("runtime"));
    let mut fault = Fault::new(kind, title);
    fault.detail = text("detail");
    if let Some(status) = text("status") {
        fault.status = status.parse().map_err(|_| {
            let title = format!("`status` of `fail` needs a whole number below 65536, found `{status}`");
            Fault::new(FaultKind::Validation, title)
        })?;
    }
    Ok(fault)
}

fn items(desk: &mut Desk<'_>, view: View<'_>, source: &Template) -> Result<Evaluation, Fault> {
    let value = render(desk, view, ("for_each", source))?;
    if let Some(file) = FileValue::of(&value) {
        return lines(desk, view, (&file, value));
    }
    let (count, keys) = match &value {
        Value::Array(items) => (items.len() as u64, None),
        Value::Object(fields) => (fields.len() as u64, Some(fields.keys().cloned().collect())),
        Value::Number(number) if number.as_u64().is_some() => (number.as_u64().unwrap_or(0), None),
        other => {
            let title = format!(
                "`for_each` needs a list, a map, a whole number or a file, found {}",
                type_name(other)
            );
            return Err(Fault::new(FaultKind::Validation, title));
        }
    };
    let count = u32::try_from(count).ok().filter(|count| *count <= ITEMS_MAX).ok_or_else(|| {
        Fault::new(
            FaultKind::DataLimit,
            format!("`for_each` has {count} items, at most {ITEMS_MAX} are allowed"),
        )
    })?;
    Ok(Evaluation::Items { count, items: desk.values.put(value), keys })
}

/// Goes over the lines of a file.
fn lines(
    desk: &mut Desk<'_>,
    view: View<'_>,
    (file, value): (&FileValue, Value),
) -> Result<Evaluation, Fault> {
    match desk.lines.count(view.run().id(), file, ITEMS_MAX) {
        Ok(count) => Ok(Evaluation::Items { count, items: desk.values.put(value), keys: None }),
        Err(Unread::Fault(fault)) => Err(fault),
        Err(Unread::Store(error)) => Err(desk.fail(error)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_an_error_says_is_printed_like_text() {
        let title = |value: Value| raised(&value).unwrap().title;
        assert_eq!(title(json!("no")), "no");
        assert_eq!(title(json!(3)), "3");
        assert_eq!(title(json!({"title": 3})), "3");
        assert_eq!(title(json!({"title": null})), "the workflow failed");
        let fault = raised(&json!({"type": "own", "status": "404", "detail": [1]})).unwrap();
        assert_eq!((fault.status, fault.detail.as_deref()), (404, Some("[1]")));
        let fault = raised(&json!({"status": "x"})).unwrap_err();
        assert_eq!(fault.title, "`status` of `fail` needs a whole number below 65536, found `x`");
    }
}
