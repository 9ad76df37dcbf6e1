//! What each name of an expression stands for, looked up one reference at a time.

use myrmex_engine::run::{ItemView, TaskView, View};
use myrmex_expr::{ExprError, ExprErrorKind, Reference, Step};
use myrmex_model::fault::Fault;
use myrmex_model::file::FileValue;
use myrmex_model::id::{Attempt, RunId, ValueHash};
use myrmex_model::retry::Taken;
use myrmex_model::status::Status;
use myrmex_model::value::Value;
use myrmex_store::{Reader, StoreError};
use serde_json::json;

use super::lines::{Lines, Unread};
use super::{missing, taken};
use crate::values::Values;

/// Where names get what they stand for.
pub(super) struct Sources<'a> {
    pub(super) values: &'a mut Values,
    pub(super) lines: &'a mut Lines,
    pub(super) reader: &'a dyn Reader,
}

/// Looks up references as one activation sees its run.
pub(super) struct Resolver<'a> {
    view: View<'a>,
    sources: Sources<'a>,
    error: Option<Value>,
    index: Option<u32>,
    /// The first trouble with the store; it outweighs whatever the expression made of the missing value.
    trouble: Option<StoreError>,
    /// The first file that cannot be read; it tells more than that its line is missing.
    fault: Option<Fault>,
}

impl Sources<'_> {
    /// Returns what `steps` lead to in a member of what a `for_each` of the run goes over; none if there is no such thing.
    ///
    /// # Errors
    ///
    /// Returns [`Unread`] if it cannot be read.
    pub(super) fn member(
        &mut self,
        run: RunId,
        items: ValueHash,
        (key, index): (Option<&str>, u32),
        steps: &[Step],
    ) -> Result<Option<Value>, Unread> {
        let whole = self.values.get(items, self.reader).map_err(Unread::Store)?;
        let place = usize::try_from(index).unwrap_or(usize::MAX);
        let made = match (whole.as_ref(), key) {
            (whole, Some(key)) => return Ok(whole.get(key).and_then(|member| walk(member, steps))),
            (Value::Array(members), None) => {
                return Ok(members.get(place).and_then(|member| walk(member, steps)));
            }
            (Value::Number(count), None) => {
                count.as_u64().is_some_and(|count| u64::from(index) < count).then(|| index.into())
            }
            (whole, None) => match FileValue::of(whole) {
                Some(file) => self.lines.line(run, &file, index)?.map(Value::String),
                None => None,
            },
        };
        Ok(made.and_then(|member| walk(&member, steps)))
    }
}

impl<'a> Resolver<'a> {
    pub(super) fn new(view: View<'a>, sources: Sources<'a>) -> Self {
        Self { view, sources, error: None, index: None, trouble: None, fault: None }
    }

    /// Lets the expression see an error under `error`.
    pub(super) fn with_error(mut self, fault: &Fault, attempt: Attempt) -> Self {
        self.error = Some(error_value(fault, attempt, &self.view.address().path()));
        self
    }

    /// Lets the expression see a round that has not begun under `index`.
    pub(super) fn with_index(mut self, round: u32) -> Self {
        self.index = Some(round);
        self
    }

    /// Turns the result of an evaluation into the task's.
    ///
    /// # Errors
    ///
    /// Returns the trouble with the store, if there was any: then the result says nothing about the task.
    pub(super) fn finish<T>(mut self, result: Result<T, ExprError>) -> Result<Result<T, Fault>, StoreError> {
        let why = match &result {
            Err(ExprError { kind: ExprErrorKind::Missing { path }, .. }) => self.why_missing(path),
            Ok(_) | Err(_) => None,
        };
        match (self.trouble, self.fault) {
            (Some(error), _) => Err(error),
            (None, Some(fault)) => Ok(Err(fault)),
            (None, None) => Ok(result.map_err(|error| {
                let mut fault = Fault::from(error);
                fault.title.extend(why.map(|why| format!("; {why}")));
                fault
            })),
        }
    }

    /// Says why what `path` reads is not there, if that is the output of a task.
    fn why_missing(&mut self, path: &str) -> Option<String> {
        let view = self.view;
        let (task, name, field) = missing::task_of(&view, path)?;
        let output = task.output().and_then(|hash| self.stored(hash, &[]));
        missing::why(&view, (&task, name), field, output.as_ref())
    }

    /// Returns the value of `reference`; nothing if there is none.
    pub(super) fn resolve(&mut self, reference: &Reference) -> Option<Value> {
        let steps = reference.steps.as_slice();
        match reference.root.as_str() {
            "inputs" => {
                let hash = self.view.inputs()?;
                self.stored(hash, steps)
            }
            "tasks" => self.task(steps),
            "vars" => {
                let hash = self.view.vars()?;
                self.stored(hash, steps)
            }
            "run" => walk(&self.run(), steps),
            "error" => match &self.error {
                Some(error) => walk(error, steps),
                None => match self.view.error() {
                    Some(error) => walk(&error_value(error.fault, error.attempt, &error.task.path()), steps),
                    None => steps.is_empty().then_some(Value::Null),
                },
            },
            "output" => match self.view.given() {
                Some(hash) => self.stored(hash, steps),
                None => steps.is_empty().then_some(Value::Null),
            },
            "index" => walk(&json!(self.index.or_else(|| self.view.index())?), steps),
            "event" => steps.is_empty().then_some(Value::Null),
            name => self.item(name, steps),
        }
    }

    fn stored(&mut self, hash: ValueHash, steps: &[Step]) -> Option<Value> {
        match self.sources.values.get(hash, self.sources.reader) {
            Ok(value) => walk(&value, steps),
            Err(error) => {
                self.trouble.get_or_insert(error);
                None
            }
        }
    }

    fn task(&mut self, steps: &[Step]) -> Option<Value> {
        let (name, field, rest) = match steps {
            [Step::Field(name), Step::Field(field), rest @ ..] => (name, field.as_str(), rest),
            [Step::Field(name)] => (name, "", [].as_slice()),
            _ => return None,
        };
        let task = self.view.task(name)?;
        match field {
            "output" => match task.output() {
                Some(hash) => self.stored(hash, rest),
                None => walk(&self.output(&task)?, rest),
            },
            "artifacts" => self.stored(task.artifacts()?, rest),
            "items" => {
                if let [Step::Index(index), rest @ ..] = rest
                    && task.taken_from().is_none()
                    && let Some(item) = usize::try_from(*index).ok().and_then(|index| task.items().nth(index))
                {
                    return walk(&self.record(&item), rest);
                }
                walk(&self.items(&task), rest)
            }
            "" => {
                let mut record = self.record(&task);
                if task.is_each() {
                    record["items"] = self.items(&task);
                }
                Some(record)
            }
            _ => walk(&facts(&task), steps.get(1..)?),
        }
    }

    /// Builds everything that can be said of the items of a `for_each`, those that were never reached too. Of one that was
    /// taken over they are where its result was.
    fn items(&mut self, task: &TaskView<'_>) -> Value {
        if task.taken_from().is_none() {
            let mut items: Vec<Value> = task.items().map(|item| self.record(&item)).collect();
            let status = if task.ended().is_some() { Status::Cancelled } else { Status::Pending };
            items.resize_with(task.item_count(), || unreached(status));
            return Value::Array(items);
        }
        let stored = self.view.run().retry().and_then(|retry| self.stored(retry.taken, &[]));
        let stored = stored.unwrap_or(Value::Null);
        taken::items_of(&stored, &task.address()).iter().map(|item| self.taken_record(item)).collect()
    }

    fn taken_record(&mut self, taken: &Taken) -> Value {
        let mut stored = |hash: Option<ValueHash>| hash.and_then(|hash| self.stored(hash, &[]));
        json!({
            "status": taken.status.as_str(),
            "attempts": taken.attempts,
            "started": taken.started.map(|at| at.to_string()),
            "finished": taken.finished.map(|at| at.to_string()),
            "error": taken.fault.as_deref().map(fault_value),
            "output": stored(taken.output).unwrap_or(Value::Null),
            "artifacts": stored(taken.artifacts).unwrap_or(json!({})),
        })
    }

    /// Builds everything that can be said of a task.
    fn record(&mut self, task: &TaskView<'_>) -> Value {
        let mut record = facts(task);
        record["output"] = self.output(task).unwrap_or(Value::Null);
        record["artifacts"] = task.artifacts().and_then(|hash| self.stored(hash, &[])).unwrap_or(json!({}));
        record
    }

    /// Returns what a task gave. A `for_each` that failed gives the list of what its items gave, null where one did not.
    fn output(&mut self, task: &TaskView<'_>) -> Option<Value> {
        match task.output() {
            Some(hash) => self.stored(hash, &[]),
            None if task.is_each() && task.started().is_some() => {
                let mut outputs: Vec<Value> =
                    task.items().map(|item| self.output(&item).unwrap_or(Value::Null)).collect();
                outputs.resize(task.item_count(), Value::Null);
                Some(Value::Array(outputs))
            }
            None => None,
        }
    }

    fn item(&mut self, name: &str, steps: &[Step]) -> Option<Value> {
        let items = self.view.items();
        let nearest = items.first()?;
        if name == "key" {
            return walk(&nearest.key.map_or(json!(nearest.index), |key| json!(key)), steps);
        }
        let named = |item: &&ItemView<'_>| item.name == name;
        let ItemView { index, key, items, .. } = items.iter().find(named)?;
        let run = self.view.run().id();
        match self.sources.member(run, *items, (*key, *index), steps) {
            Ok(member) => member,
            Err(Unread::Fault(fault)) => {
                self.fault.get_or_insert(fault);
                None
            }
            Err(Unread::Store(error)) => {
                self.trouble.get_or_insert(error);
                None
            }
        }
    }

    fn run(&self) -> Value {
        let run = self.view.run();
        let definition = run.definition();
        let mut facts = json!({
            "id": run.id().to_string(),
            "started": run.started().map(|at| at.to_string()),
            "started_by": run.started_by(),
            "workflow": definition.name.as_str(),
            "version": definition.version,
            "attempt": run.attempt(),
            "trigger": run.trigger(),
            "states": [],
        });
        if let Some((status, errors)) = self.view.run_end() {
            facts["status"] = json!(status.as_str());
            facts["errors"] = errors.into_iter().map(fault_value).collect();
        }
        facts
    }
}

/// Everything that is known of a task without its output.
fn facts(task: &TaskView<'_>) -> Value {
    json!({
        "status": task.status().as_str(),
        "attempts": task.attempts(),
        "started": task.started().map(|at| at.to_string()),
        "finished": task.ended().map(|at| at.to_string()),
        "error": task.fault().map(fault_value),
    })
}

/// Everything that is known of an item that was never reached.
fn unreached(status: Status) -> Value {
    json!({
        "status": status.as_str(),
        "attempts": 0,
        "started": null,
        "finished": null,
        "error": null,
        "output": null,
        "artifacts": {},
    })
}

/// Returns an error as those see it that decide about it: with its task and the attempt that failed.
fn error_value(fault: &Fault, attempt: Attempt, task: &str) -> Value {
    let mut error = fault_value(fault);
    error["attempt"] = json!(attempt.0);
    if fault.task.is_none() {
        error["task"] = json!(task);
    }
    error
}

/// Returns an error as expressions see it; null where something does not apply.
pub(crate) fn fault_value(fault: &Fault) -> Value {
    json!({
        "type": fault.kind.as_str(),
        "status": fault.status,
        "title": fault.title,
        "detail": fault.detail,
        "exit_code": fault.exit_code,
        "task": fault.task,
        "attempt": null,
        "summary": fault.to_string(),
    })
}

/// Follows `steps` into `value`; a negative index counts from the end.
fn walk(value: &Value, steps: &[Step]) -> Option<Value> {
    let mut here = value;
    for step in steps {
        here = match step {
            Step::Field(name) => here.get(name.as_str())?,
            Step::Index(index) if *index < 0 => {
                let items = here.as_array()?;
                items.get(items.len().checked_sub(usize::try_from(index.unsigned_abs()).ok()?)?)?
            }
            Step::Index(index) => here.get(usize::try_from(*index).ok()?)?,
        };
    }
    Some(here.clone())
}
