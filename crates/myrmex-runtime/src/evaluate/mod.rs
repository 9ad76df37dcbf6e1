//! Answering the run machine's requests: expressions are evaluated once, within the turn, over exactly what they name.
//!
//! Nothing here leaves a trace outside. Values that are made go into the run's value cache and from there into the
//! batch of the decision; if that batch is dropped they were never made.

mod ask;
mod begin;
mod call;
mod follow;
mod limits;
mod lines;
mod missing;
mod people;
mod place;
mod printed;
mod resolve;
mod taken;
mod time;

use myrmex_engine::run::{Run, View};
use std::sync::Arc;

use myrmex_expr::Evaluator;
use myrmex_model::effect::{Evaluation, Question, Request};
use myrmex_model::fault::{Fault, FaultKind};
use myrmex_model::id::ValueHash;
use myrmex_model::inputs;
use myrmex_model::ir::{Definition, Input, OutputField, Outputs};
use myrmex_model::name::{Name, Namespace};
use myrmex_model::schema::Schema;
use myrmex_model::template::Template;
use myrmex_model::time::Timestamp;
use myrmex_model::value::{Value, is_depth_bounded, type_name};
use myrmex_store::{Reader, StoreError};

use crate::partition::Definitions;
use crate::values::Values;
pub(crate) use printed::JOINED;
use resolve::{Resolver, Sources};

pub use limits::EvaluationLimits;
pub(crate) use lines::Lines;
pub(crate) use people::{answer_data, look};

/// The most bytes of the outputs of a `for_each`'s items together. A store keeps them as one value, and everything that
/// reads the list holds it in memory.
const ITEM_OUTPUTS_BYTES_MAX: usize = 16 << 20;

/// The most bytes of a key of `concurrency`: it stands in the journal and in messages.
const KEY_BYTES_MAX: usize = 1_024;

/// What an evaluation may use.
pub(crate) struct Desk<'a> {
    pub(crate) evaluator: &'a mut Evaluator,
    pub(crate) values: &'a mut Values,
    pub(crate) lines: &'a mut Lines,
    pub(crate) definitions: &'a mut Definitions,
    pub(crate) namespace: &'a Namespace,
    pub(crate) reader: &'a dyn Reader,
    pub(crate) now: Timestamp,
    /// Why the store could not give a value. The whole turn is dropped then: a fault of the disk decides nothing.
    pub(crate) trouble: Option<StoreError>,
}

impl Desk<'_> {
    /// Returns a value of the run; if the store cannot give it, notes that and returns an error to stop with.
    fn stored(&mut self, hash: ValueHash) -> Result<Arc<Value>, Fault> {
        self.values.get(hash, self.reader).map_err(|error| self.fail(error))
    }

    /// Returns where names get what they stand for.
    fn sources(&mut self) -> Sources<'_> {
        self.split().1
    }

    /// Returns what evaluates, beside where names get what they stand for.
    fn split(&mut self) -> (&mut Evaluator, Sources<'_>) {
        let sources = Sources { values: self.values, lines: self.lines, reader: self.reader };
        (self.evaluator, sources)
    }

    /// Takes what an evaluation gave.
    fn settle<T>(&mut self, finished: Result<Result<T, Fault>, StoreError>) -> Result<T, Fault> {
        finished.unwrap_or_else(|error| Err(self.fail(error)))
    }

    fn fail(&mut self, error: StoreError) -> Fault {
        let fault = Fault::new(FaultKind::Runtime, "a value of this run cannot be read");
        let fault = fault.with_detail(error.to_string());
        self.trouble.get_or_insert(error);
        fault
    }
}

/// Answers one request about `run`.
///
/// # Errors
///
/// Returns the error that the task ends with.
pub(crate) fn answer(desk: &mut Desk<'_>, run: &Run, request: &Request) -> Result<Evaluation, Fault> {
    let definition = Arc::clone(run.definition());
    let node = definition.node(request.node);
    match &request.question {
        Question::Begin => begin::begin(desk, run.view(request.ticket, false), node),
        Question::MayBegin => time::may_begin(desk, &definition, request.node),
        Question::Lag { edge, since } => Ok(time::lag(&definition, node, *edge, *since)),
        Question::Key => key(desk, run.view(request.ticket, false), &definition),
        Question::Output { raw } => {
            let value = desk.stored(*raw)?;
            let completed = match &node.outputs {
                Outputs::Declared(fields) => check_declared(fields, &value)?,
                Outputs::Raw | Outputs::Computed(_) | Outputs::Last => None,
            };
            Ok(Evaluation::Output(completed.map_or(*raw, |value| desk.values.put(value))))
        }
        Question::Answered => people::answered(desk, run.view(request.ticket, false)),
        Question::ScopeOutput => scope_output(desk, run.view(request.ticket, true), &node.outputs),
        Question::Retry { fault, attempt } => {
            let Some(when) = node.policy.retry.as_ref().and_then(|retry| retry.when.as_ref()) else {
                return Ok(Evaluation::Retry(true));
            };
            let view = run.view(request.ticket, false);
            let (evaluator, sources) = desk.split();
            let mut resolver = Resolver::new(view, sources).with_error(fault, *attempt);
            let held = evaluator.condition(when, &mut |reference| resolver.resolve(reference));
            let finished = resolver.finish(held);
            let told = |fault| place::told(fault, "retry.when");
            desk.settle(finished).map(Evaluation::Retry).map_err(told)
        }
        Question::Round { round } => follow::round(desk, run.view(request.ticket, true), node, *round),
        Question::Catch { fault, attempt, candidates } => {
            let view = run.view(request.ticket, true).beside();
            follow::catch(desk, view, node, (fault, *attempt), candidates)
        }
    }
}

/// Evaluates what a run shares with those that it waits for. It is compared as text, and recorded.
fn key(desk: &mut Desk<'_>, view: View<'_>, definition: &Definition) -> Result<Evaluation, Fault> {
    let template = definition.concurrency.as_ref().and_then(|concurrency| concurrency.key.as_ref());
    let Some(template) = template else { return Ok(Evaluation::Key(None)) };
    let text = match render(desk, view, ("concurrency.key", template))? {
        Value::String(text) => text,
        other => other.to_string(),
    };
    if text.len() > KEY_BYTES_MAX {
        let title = format!("the key of `concurrency` is longer than {KEY_BYTES_MAX} bytes");
        let fault = Fault::new(FaultKind::DataLimit, title);
        return Err(fault.with_detail("the filter `sha256` makes a short key of a long value"));
    }
    Ok(Evaluation::Key(Some(text)))
}

/// Builds the output of a scope: the list of a `for_each`, or the template of a block or the run.
fn scope_output(desk: &mut Desk<'_>, view: View<'_>, outputs: &Outputs) -> Result<Evaluation, Fault> {
    let output = match outputs {
        Outputs::Computed(template) => {
            let value = computed(desk, view, template)?;
            desk.values.put(value)
        }
        Outputs::Raw | Outputs::Declared(_) | Outputs::Last => item_outputs(desk, view)?,
    };
    Ok(Evaluation::Output(output))
}

/// Evaluates the `outputs` of a block or of the workflow. An error says which output it is about, and whose.
fn computed(desk: &mut Desk<'_>, view: View<'_>, template: &Template) -> Result<Value, Fault> {
    let address = view.address();
    let (value, place) = rendered(desk, view, ("", template));
    value.map_err(|mut fault| {
        let whose =
            if address.is_root() { "the workflow".to_owned() } else { format!("`{}`", address.path()) };
        if let Some(place) = place.filter(|place| !place.is_empty()) {
            fault.title = format!("the output `{place}` of {whose}: {}", fault.title);
        }
        fault
    })
}

/// Makes the list of the outputs of a `for_each`'s items, as long as it does not become too much for one value.
fn item_outputs(desk: &mut Desk<'_>, view: View<'_>) -> Result<ValueHash, Fault> {
    let list = desk.values.put_list(view.item_outputs(), ITEM_OUTPUTS_BYTES_MAX, desk.reader);
    let list = list.map_err(|error| desk.fail(error))?;
    list.ok_or_else(|| {
        let most = ITEM_OUTPUTS_BYTES_MAX >> 20;
        let title = format!("the outputs of the items are larger than {most} MiB together");
        let detail =
            "let the items write large results to files and give less, such as `outputs: {…}` with a few fields";
        Fault::new(FaultKind::DataLimit, title).with_detail(detail)
    })
}

/// Evaluates a template, which stands under the key of its task that is named with it, as `view` sees the run.
fn render(desk: &mut Desk<'_>, view: View<'_>, keyed: (&str, &Template)) -> Result<Value, Fault> {
    let (value, place) = rendered(desk, view, keyed);
    let place = place.filter(|place| !place.is_empty());
    value.map_err(|fault| match place {
        Some(place) => place::told(fault, &place),
        None => fault,
    })
}

/// Evaluates a template; with an error comes the place of the expression that failed.
fn rendered(
    desk: &mut Desk<'_>,
    view: View<'_>,
    (key, template): (&str, &Template),
) -> (Result<Value, Fault>, Option<String>) {
    let (evaluator, sources) = desk.split();
    let mut resolver = Resolver::new(view, sources);
    let rendered = evaluator.render(template, &mut |reference| resolver.resolve(reference));
    let place = rendered.as_ref().err().and_then(|error| place::of(key, template, error));
    let finished = resolver.finish(rendered);
    (desk.settle(finished), place)
}

/// Evaluates inputs and makes them what is declared: defaults applied, each fitting its schema.
fn checked_inputs(
    desk: &mut Desk<'_>,
    view: View<'_>,
    values: &Template,
    declared: &[Input],
) -> Result<ValueHash, Fault> {
    let given = match render(desk, view, ("with", values))? {
        Value::Object(given) => given,
        Value::Null => serde_json::Map::new(),
        other => {
            let title = format!("`with` needs a map, found {}", type_name(&other));
            return Err(Fault::new(FaultKind::Validation, title));
        }
    };
    let checked = inputs::check(declared, &given, &matches_pattern);
    let checked = checked.map_err(|error| Fault::new(FaultKind::Validation, error.to_string()))?;
    Ok(desk.values.put(checked))
}

/// Checks what a task gave against its declared outputs: each is there and fits, or may be left out. Returns the value with
/// null for those that were, if any was.
fn check_declared(fields: &[OutputField], value: &Value) -> Result<Option<Value>, Fault> {
    let mut left_out = Vec::new();
    for OutputField { name, schema, is_optional } in fields {
        let is_optional = *is_optional && value.is_object();
        let Some(field) = value.get(name.as_str()).filter(|field| !(is_optional && field.is_null())) else {
            if is_optional {
                left_out.push(name);
                continue;
            }
            let title = format!("the declared output `{name}` was not written");
            let detail = "write it to the file that MYRMEX_OUTPUT names, as JSON or as a line `name=value`";
            return Err(Fault::new(FaultKind::Validation, title).with_detail(detail));
        };
        check_value(name, schema, field)?;
    }
    let Value::Object(given) = value else { return Ok(None) };
    if left_out.iter().all(|name| given.contains_key(name.as_str())) {
        return Ok(None);
    }
    let mut completed = given.clone();
    completed.extend(left_out.into_iter().map(|name| (name.as_str().to_owned(), Value::Null)));
    Ok(Some(Value::Object(completed)))
}

fn check_value(name: &Name, schema: &Schema, value: &Value) -> Result<(), Fault> {
    schema.check(value, &matches_pattern).map_err(|wrong| {
        Fault::new(FaultKind::Validation, format!("output `{name}{}`: {}", wrong.place, wrong.message))
    })
}

/// Returns whether `pattern` matches somewhere in `text`; a pattern that does not compile matches nothing.
pub fn matches_pattern(pattern: &str, text: &str) -> bool {
    regex_lite::Regex::new(pattern).is_ok_and(|regex| regex.is_match(text))
}

/// Checks the depth of a value from outside before anything walks it.
pub(crate) fn checked_depth(value: Value) -> Result<Value, Fault> {
    if is_depth_bounded(&value) {
        return Ok(value);
    }
    Err(Fault::new(FaultKind::DataLimit, "the output nests deeper than 112 levels"))
}
