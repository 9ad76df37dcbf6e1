//! What tasks ask people, and what is to be typed to answer: read from the state of a run, for all commands that show it.

use myrmex_engine::run::{Run, TaskView};
use myrmex_model::address::Address;
use myrmex_model::id::RunId;
use myrmex_model::ir::AwaitKind;
use myrmex_model::name::Namespace;
use myrmex_model::signal::{Answer, Word};
use myrmex_model::time::Timestamp;
use myrmex_runtime::partition::load_run;
use myrmex_runtime::values;
use myrmex_store::Reader;
use serde_json::{Value, json};

use crate::descendants;
use crate::exit::Failure;
use crate::render::summary;

/// A task that asks people, or waits for a message.
#[derive(Debug, Clone)]
pub struct Asking {
    /// Its run.
    pub run: RunId,
    /// What people call that run: a project by its name, any other by the beginning of its id.
    pub called: String,
    /// The task.
    pub task: Address,
    /// What it waits for.
    pub kind: AwaitKind,
    /// What is asked, if that was looked up.
    pub ask: Option<String>,
    /// Who may answer; empty for everybody.
    pub from: Vec<String>,
    /// Who may not.
    pub exclude: Vec<String>,
    /// How many people have to agree.
    pub count: u32,
    /// Who has agreed.
    pub agreed: Vec<String>,
    /// How much of the work is done, in percent, if somebody said so.
    pub percent: Option<u8>,
    /// The names of the fields that an answer has to bring along.
    pub fields: Vec<String>,
    /// Since when it asks.
    pub since: Timestamp,
    /// When its time runs out, if it does.
    pub until: Option<Timestamp>,
}

impl Asking {
    /// Returns what a task asks; nothing if it asks nothing now.
    pub fn of(run: &Run, task: &TaskView<'_>) -> Option<Self> {
        let awaited = task.awaited().filter(|_| task.is_awaiting())?;
        let address = task.address();
        let percent = awaited.latest.and_then(|(signal, _)| match signal.word {
            Word::Answer { answer: Answer::Progress(progress), .. } => Some(progress.percent),
            Word::Answer { .. } | Word::Message(_) => None,
        });
        Some(Self {
            run: run.id(),
            called: called(run),
            kind: awaited.body.kind.clone(),
            ask: None,
            from: awaited.asked.from.clone(),
            exclude: awaited.asked.exclude.clone(),
            count: awaited.body.count,
            agreed: awaited.answers.iter().map(|(signal, _)| signal.by.clone()).collect(),
            percent,
            fields: awaited.body.fields.iter().map(|field| field.name.as_str().to_owned()).collect(),
            since: awaited.opened,
            until: run.next_limit(&address),
            task: address,
        })
    }

    /// Returns what the task at an address asks, with the question; nothing if it asks nothing now.
    ///
    /// # Errors
    ///
    /// Returns [`Failure`] if the store cannot be read.
    pub fn at(run: &Run, task: &Address, from: (&dyn Reader, &Namespace)) -> Result<Option<Self>, Failure> {
        run.task(task).map_or(Ok(None), |task| Self::with_question(run, &task, from))
    }

    /// Returns everything that a run asks, with the questions, in the order in which its tasks were reached.
    ///
    /// # Errors
    ///
    /// Returns [`Failure`] if the store cannot be read.
    pub fn all(run: &Run, reader: &dyn Reader, namespace: &Namespace) -> Result<Vec<Self>, Failure> {
        let asking = run.tasks().map(|task| Self::with_question(run, &task, (reader, namespace)));
        asking.filter_map(Result::transpose).collect()
    }

    fn with_question(
        run: &Run,
        task: &TaskView<'_>,
        (reader, namespace): (&dyn Reader, &Namespace),
    ) -> Result<Option<Self>, Failure> {
        let Some(mut own) = Self::of(run, task) else { return Ok(None) };
        if let Some(shown) = task.awaited().and_then(|awaited| awaited.asked.shown) {
            let shown = values::load(reader, namespace, run.id(), shown)?;
            own.ask = shown["ask"].as_str().map(str::to_owned);
        }
        Ok(Some(own))
    }

    /// Says what is waited for, and of whom.
    pub fn what(&self) -> String {
        if let AwaitKind::Signal(name) = &self.kind {
            return format!("the signal `{name}`");
        }
        let kind = match &self.kind {
            AwaitKind::Manual => "work",
            AwaitKind::Approval => "approval",
            AwaitKind::Form => "a form",
            AwaitKind::Gate(_) => "a decision",
            AwaitKind::Signal(_) => "a signal",
        };
        let from =
            if self.from.is_empty() { String::new() } else { format!(" from {}", self.from.join(", ")) };
        let but = match self.exclude.as_slice() {
            [] => String::new(),
            names => format!(" but not {}", names.join(", ")),
        };
        let given = match (self.count, self.agreed.as_slice()) {
            (1, _) => String::new(),
            (count, []) => format!(", {count} people"),
            (count, agreed) => format!(", {} of {count} given by {}", agreed.len(), agreed.join(", ")),
        };
        let percent = self.percent.map(|percent| format!(", {percent}% done")).unwrap_or_default();
        format!("{kind}{from}{but}{given}{percent}")
    }

    /// Says what is to be typed.
    pub fn how(&self) -> String {
        let (run, path) = (&self.called, self.task.path());
        let data = if self.fields.is_empty() {
            String::new()
        } else {
            let fields: Vec<String> = self.fields.iter().map(|field| format!("\"{field}\": …")).collect();
            format!(" --data '{{{}}}'", fields.join(", "))
        };
        match &self.kind {
            AwaitKind::Manual | AwaitKind::Form => format!("`myrmex done {run}/{path}{data}`"),
            AwaitKind::Approval => {
                format!("`myrmex approve {run}/{path}{data}` or `myrmex reject {run}/{path}`")
            }
            AwaitKind::Signal(name) => format!("`myrmex runs signal {run} {name}`"),
            // No file that can be run has one yet.
            AwaitKind::Gate(_) => format!("a decision about {run}/{path}"),
        }
    }

    /// Builds what programs read of it.
    pub fn json(&self) -> Value {
        let name = match &self.kind {
            AwaitKind::Signal(name) => json!(name.as_str()),
            AwaitKind::Manual | AwaitKind::Approval | AwaitKind::Form | AwaitKind::Gate(_) => Value::Null,
        };
        json!({
            "run": self.run.to_string(), "task": self.task.path(), "kind": self.kind.as_str(), "signal": name,
            "ask": self.ask, "from": self.from, "exclude": self.exclude, "count": self.count,
            "agreed": self.agreed, "percent": self.percent, "fields": self.fields,
            "since": self.since.to_string(), "until": self.until.map(|until| until.to_string()),
        })
    }
}

/// Returns what people call a run: a project by its name, any other by the beginning of its id.
pub fn called(run: &Run) -> String {
    let definition = run.definition();
    if definition.project.is_some() { definition.name.to_string() } else { summary::short(run.id()) }
}

/// What a run, and those that came of it, wait for in which nothing goes on by itself.
#[derive(Debug, Clone, Default)]
pub struct Still {
    /// What people call the run.
    pub called: String,
    /// What they ask.
    pub asking: Vec<Asking>,
    /// When time leads on: the end of a wait, a pause or a lag.
    pub leads_on: Option<Timestamp>,
    /// When the first timer is due, limits of time among them.
    pub next_due: Option<Timestamp>,
}

/// Returns what a run, and those that came of it, wait for, if nothing in any of them goes on before somebody answers or time has passed.
/// Runs that wait for their place count only if `is_quiet`: nothing has happened for a while.
///
/// # Errors
///
/// Returns [`Failure`] if the store cannot be read.
pub fn standstill(
    reader: &dyn Reader,
    namespace: &Namespace,
    (run, is_quiet): (RunId, bool),
) -> Result<Option<Still>, Failure> {
    let mut open = descendants::open_below(reader, namespace, run)?;
    open.insert(0, run);
    let mut all = Still::default();
    let first = |one: Option<Timestamp>, other: Option<Timestamp>| one.into_iter().chain(other).min();
    for id in &open {
        let Some(mut loaded) = load_run(reader, namespace, *id)? else { return Ok(None) };
        if *id == run {
            all.called = called(&loaded);
        }
        if loaded.status().is_terminal() {
            continue;
        }
        // What a journal leaves on the agenda is long settled; if not, the run goes on with it.
        let left = loaded.resume(loaded.last());
        if !left.events.is_empty() || !left.requests.is_empty() {
            return Ok(None);
        }
        let Some(still) = loaded.standstill() else { return Ok(None) };
        let is_known = |child| open.contains(child);
        if (still.is_queued && !is_quiet) || !still.children.iter().all(is_known) {
            return Ok(None);
        }
        all.asking.extend(Asking::all(&loaded, reader, namespace)?);
        all.leads_on = first(all.leads_on, still.leads_on);
        all.next_due = first(all.next_due, still.next_due);
    }
    Ok((!all.asking.is_empty() || all.next_due.is_some()).then_some(all))
}
