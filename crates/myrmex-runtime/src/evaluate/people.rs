//! What people are asked, and what their answers give.

use std::collections::BTreeSet;

use myrmex_engine::run::View;
use myrmex_model::effect::{Asked, Evaluation};
use myrmex_model::fault::{Fault, FaultKind};
use myrmex_model::inputs::{self, InputError};
use myrmex_model::ir::{Await, AwaitKind, Gate, GateDecision};
use myrmex_model::signal::{Answer, Look, SIGNAL_TEXT_BYTES_MAX, Word};
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
    check_count(&from, &exclude, body.count)?;
    let mut shown = json!({"kind": body.kind.as_str(), "ask": text});
    if let AwaitKind::Gate(gate) = &body.kind {
        show_gate(desk, view, gate, &mut shown)?;
    }
    let shown = Some(desk.values.put(shown));
    Ok(Evaluation::Asked(Box::new(Asked { shown, from, exclude })))
}

/// Refuses to ask fewer people than have to agree: nobody could ever give what is waited for.
fn check_count(from: &[String], exclude: &[String], count: u32) -> Result<(), Fault> {
    let person = |name: &String| name.strip_prefix("person:").unwrap_or(name).to_owned();
    let is_open = from.is_empty() || from.iter().any(|name| person(name).contains(':'));
    if is_open {
        return Ok(());
    }
    let mut asked: BTreeSet<String> = from.iter().map(person).collect();
    for name in exclude {
        asked.remove(&person(name));
    }
    if asked.len() >= usize::try_from(count).unwrap_or(usize::MAX) {
        return Ok(());
    }
    let of_them =
        if asked.len() == 1 { "1 person may".to_owned() } else { format!("{} people may", asked.len()) };
    let title =
        format!("{count} have to agree, and {of_them}: `from` names too few who are not in `exclude`");
    Err(Fault::new(FaultKind::Validation, title))
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

/// The field of an answer at a gate that confirms what its checklist asks for, by name: evidence, or `true` where none is needed.
const CONFIRMED: &str = "checklist";

/// Looks how a gate stands for somebody who decides `go` and confirms what `data` says: what is found, and what keeps it closed.
///
/// # Errors
///
/// Returns [`Fault`] only if the store cannot give a value.
pub(crate) fn look(
    desk: &mut Desk<'_>,
    view: View<'_>,
    gate: &Gate,
    data: Option<&Value>,
) -> Result<Look, Fault> {
    let mut shown = json!({});
    show_gate(desk, view, gate, &mut shown)?;
    let mut red = Vec::new();
    for (name, criterion) in &gate.criteria {
        let found = &shown["criteria"][name.as_str()];
        match found["why"].as_str() {
            Some(why) => red.push(format!("criterion `{name}` is red: no data ({why})")),
            None if found["holds"] != json!(true) => {
                red.push(format!("criterion `{name}` is red: `{}` does not hold", criterion.source));
            }
            None => {}
        }
    }
    let confirmed = data.map_or(&Value::Null, |data| &data[CONFIRMED]);
    for item in &gate.checklist {
        let name = item.name.as_str();
        let evidence = match &confirmed[name] {
            Value::Bool(true) => Some(""),
            other => other.as_str(),
        };
        match evidence {
            None => red.push(format!("`{name}` of the checklist is not confirmed")),
            Some("") if item.needs_evidence => {
                red.push(format!("`{name}` of the checklist needs evidence"));
            }
            Some(_) => {}
        }
        shown["checklist"][name]["confirmed"] = confirmed[name].clone();
    }
    Ok(Look { shown: desk.values.put(shown), red })
}

/// Makes what comes with a decision at a gate: the fields that it asks for, only needed to go on, and what is confirmed.
fn gate_data(
    body: &Await,
    gate: &Gate,
    (answer, given): (Answer, Option<&Value>),
) -> Result<Option<Value>, InputError> {
    let misfit = |name: &str, message: String| InputError::Misfit {
        name: name.to_owned(),
        place: String::new(),
        message,
    };
    let mut fields = match given {
        None => Map::new(),
        Some(Value::Object(fields)) => fields.clone(),
        Some(other) => {
            let message = format!("expected a map of fields, found {}", type_name(other));
            return Err(misfit("data", message));
        }
    };
    let confirmed = if gate.checklist.is_empty() { None } else { fields.remove(CONFIRMED) };
    for (name, evidence) in confirmed.iter().filter_map(Value::as_object).flatten() {
        if !gate.checklist.iter().any(|item| item.name.as_str() == name) {
            let known: Vec<&str> = gate.checklist.iter().map(|item| item.name.as_str()).collect();
            let message = format!("there is no `{name}`, only {}", known.join(", "));
            return Err(misfit(CONFIRMED, message));
        }
        if !evidence.is_string() && *evidence != Value::Bool(true) {
            return Err(misfit(name, "expected a text or `true`".to_owned()));
        }
    }
    // Whoever holds or stops has nothing to fill in.
    let is_filled = answer == Answer::Decided(GateDecision::Go) || !fields.is_empty();
    if is_filled && let Value::Object(checked) = inputs::check(&body.fields, &fields, &matches_pattern)? {
        fields = checked;
    }
    fields.extend(confirmed.map(|confirmed| (CONFIRMED.to_owned(), confirmed)));
    Ok((!fields.is_empty()).then_some(Value::Object(fields)))
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
    if let (AwaitKind::Gate(gate), Answer::Decided(_)) = (&body.kind, answer) {
        return gate_data(body, gate, (answer, given));
    }
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
