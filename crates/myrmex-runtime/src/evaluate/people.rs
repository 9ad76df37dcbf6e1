//! What people are asked, and what their answers give.

use myrmex_engine::run::View;
use myrmex_model::effect::{Asked, Evaluation};
use myrmex_model::fault::{Fault, FaultKind};
use myrmex_model::inputs::{self, InputError};
use myrmex_model::ir::{Await, AwaitKind, Gate};
use myrmex_model::signal::{Answer, SIGNAL_TEXT_BYTES_MAX, Word};
use myrmex_model::template::Template;
use myrmex_model::value::{Value, to_text, type_name};
use serde_json::{Map, json};

use super::resolve::Resolver;
use super::{Desk, matches_pattern, render};

/// The most people and groups that a task names: they stand in the journal.
const NAMES_MAX: usize = 1_000;

/// Evaluates what is asked of whom. Of a message that is nothing.
pub(super) fn ask(desk: &mut Desk<'_>, view: View<'_>, body: &Await) -> Result<Evaluation, Fault> {
    if matches!(body.kind, AwaitKind::Signal(_)) {
        return Ok(Evaluation::Asked(Box::default()));
    }
    let text = to_text(&render(desk, view, ("ask", &body.ask))?);
    let from = names(desk, view, ("from", &body.from))?;
    let exclude = names(desk, view, ("exclude", &body.exclude))?;
    let mut shown = json!({"kind": body.kind.as_str(), "ask": text});
    if let AwaitKind::Gate(gate) = &body.kind {
        show_gate(desk, view, gate, &mut shown)?;
    }
    let shown = Some(desk.values.put(shown));
    Ok(Evaluation::Asked(Box::new(Asked { shown, from, exclude })))
}

/// Evaluates the criteria of a gate, and what is to be confirmed. A criterion without a value does not hold, and shows why.
fn show_gate(desk: &mut Desk<'_>, view: View<'_>, gate: &Gate, shown: &mut Value) -> Result<(), Fault> {
    let mut criteria = Map::new();
    for (name, criterion) in &gate.criteria {
        let (evaluator, sources) = desk.split();
        let mut resolver = Resolver::new(view, sources);
        let held = evaluator.condition(criterion, &mut |reference| resolver.resolve(reference));
        let finished = resolver.finish(held);
        let held = match desk.settle(finished) {
            // What the store cannot give decides nothing: the turn is dropped.
            Err(fault) if desk.trouble.is_some() => return Err(fault),
            Err(fault) => json!({"holds": false, "why": fault.title}),
            Ok(holds) => json!({"holds": holds}),
        };
        criteria.insert(name.as_str().to_owned(), held);
    }
    let mut checklist = Map::new();
    for item in &gate.checklist {
        let text = to_text(&render(desk, view, ("checklist", &item.ask))?);
        checklist
            .insert(item.name.as_str().to_owned(), json!({"ask": text, "evidence": item.needs_evidence}));
    }
    let decisions: Vec<&str> = gate.decisions.iter().map(|decision| decision.as_str()).collect();
    (shown["criteria"], shown["checklist"]) = (Value::Object(criteria), Value::Object(checklist));
    shown["decisions"] = json!(decisions);
    Ok(())
}

/// Evaluates names of people and groups: a text, or a list of texts.
fn names(desk: &mut Desk<'_>, view: View<'_>, keyed: (&str, &Template)) -> Result<Vec<String>, Fault> {
    let wrong = |found: &Value| {
        let title = format!("`{}` needs a text or a list of texts, found {}", keyed.0, type_name(found));
        Fault::new(FaultKind::Validation, title)
    };
    let text = |value: Value| match value {
        Value::String(text) if !text.is_empty() && text.len() <= SIGNAL_TEXT_BYTES_MAX => Ok(text),
        other => Err(wrong(&other)),
    };
    match render(desk, view, keyed)? {
        Value::Array(items) if items.len() > NAMES_MAX => {
            let title = format!("`{}` has {} names, at most {NAMES_MAX} are allowed", keyed.0, items.len());
            Err(Fault::new(FaultKind::DataLimit, title))
        }
        Value::Array(items) => items.into_iter().map(text).collect(),
        other => text(other).map(|name| vec![name]),
    }
}

/// Builds the output of a task that people answered: the fields that they gave, the later ones over the earlier, who they are, and
/// what the last one said.
pub(super) fn answered(desk: &mut Desk<'_>, view: View<'_>) -> Result<Evaluation, Fault> {
    let awaited = view.own().awaited().expect("only a task that asked is answered");
    let (mut output, mut by, mut comment) = (Map::new(), Vec::new(), Value::Null);
    let mut decision = None;
    for (signal, _) in &awaited.answers {
        if let Some(data) = signal.data
            && let Value::Object(fields) = desk.stored(data)?.as_ref()
        {
            output.extend(fields.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        if let Word::Answer { answer: Answer::Decided(decided), .. } = signal.word {
            decision = Some(decided.as_str());
        }
        by.push(signal.by.clone());
        comment = signal.comment.clone().map_or(Value::Null, Value::String);
    }
    let by = if awaited.body.count == 1 { json!(by.last()) } else { json!(by) };
    output.insert("by".to_owned(), by);
    output.insert("comment".to_owned(), comment);
    if let Some(decision) = decision {
        output.insert("decision".to_owned(), json!(decision));
    }
    Ok(Evaluation::Output(desk.values.put(Value::Object(output))))
}

/// Makes what comes with an answer the fields that the task asks for, with their defaults; nothing if nothing is asked for and
/// nothing was given. Only an answer that agrees brings something along.
///
/// # Errors
///
/// Returns [`InputError`] if a field is missing, unknown, or does not fit.
pub(crate) fn answer_data(
    body: &Await,
    answer: Answer,
    given: Option<&Value>,
) -> Result<Option<Value>, InputError> {
    let misfit =
        |message: String| InputError::Misfit { name: "data".to_owned(), place: String::new(), message };
    let brings = match answer {
        Answer::Approved | Answer::Done | Answer::Decided(_) => true,
        Answer::Rejected | Answer::Failed | Answer::Progress(_) | Answer::Settled(_) => false,
    };
    match given {
        Some(_) if !brings => Err(misfit(format!("`{}` takes no data", answer.as_str()))),
        _ if !brings => Ok(None),
        // Whoever did the work may say what came of it, although nothing was asked for.
        Some(Value::Object(_)) if body.fields.is_empty() && body.kind == AwaitKind::Manual => {
            Ok(given.cloned())
        }
        None if body.fields.is_empty() => Ok(None),
        None => inputs::check(&body.fields, &Map::new(), &matches_pattern).map(Some),
        Some(Value::Object(fields)) => inputs::check(&body.fields, fields, &matches_pattern).map(Some),
        Some(other) => Err(misfit(format!("expected a map of fields, found {}", type_name(other)))),
    }
}
