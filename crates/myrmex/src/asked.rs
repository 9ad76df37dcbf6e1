//! What tasks ask people, and what is to be typed to answer: read from the state of a run, for all commands that show it.

use myrmex_engine::run::{Run, TaskView};
use myrmex_model::address::Address;
use myrmex_model::id::RunId;
use myrmex_model::ir::{AwaitKind, GateDecision};
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

/// What is asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum Wanted {
    /// An answer to what a task asks, or a message.
    Answer(AwaitKind),
    /// What becomes of a task that failed for good, with this error.
    Settlement(String),
}

/// How a criterion of a gate stood when it was looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Criterion {
    /// Its name.
    pub name: String,
    /// Whether it held.
    pub holds: bool,
    /// Why it has no value, if it has none.
    pub why: Option<String>,
}

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
    pub wanted: Wanted,
    /// The criteria of a gate, as they stood when it was asked, if that was looked up.
    pub criteria: Vec<Criterion>,
    /// What people have to confirm at a gate.
    pub checklist: Vec<String>,
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
        if task.is_stuck() {
            return Some(Self::stuck(run, task));
        }
        let awaited = task.awaited().filter(|_| task.is_awaiting())?;
        let address = task.address();
        let percent = awaited.latest.and_then(|(signal, _)| match signal.word {
            Word::Answer { answer: Answer::Progress(progress), .. } => Some(progress.percent),
            Word::Answer { .. } | Word::Message(_) => None,
        });
        Some(Self {
            run: run.id(),
            called: called(run),
            criteria: Vec::new(),
            checklist: match &awaited.body.kind {
                AwaitKind::Gate(gate) => gate.checklist.iter().map(|item| item.name.to_string()).collect(),
                AwaitKind::Manual | AwaitKind::Approval | AwaitKind::Form | AwaitKind::Signal(_) => {
                    Vec::new()
                }
            },
            wanted: Wanted::Answer(awaited.body.kind.clone()),
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

    /// Returns what is to be decided about a task that is stuck.
    fn stuck(run: &Run, task: &TaskView<'_>) -> Self {
        let definition = run.definition();
        let planning = definition.node(task.node()).planning.as_ref();
        let project = definition.project.as_ref().and_then(|project| project.owner.clone());
        let owner = planning.and_then(|planning| planning.owner.clone()).or(project);
        Self {
            run: run.id(),
            called: called(run),
            wanted: Wanted::Settlement(task.fault().map(|fault| fault.title.clone()).unwrap_or_default()),
            criteria: Vec::new(),
            checklist: Vec::new(),
            ask: None,
            from: owner.into_iter().collect(),
            exclude: Vec::new(),
            count: 1,
            agreed: Vec::new(),
            percent: None,
            fields: Vec::new(),
            since: task.stuck_since().unwrap_or(run.last()),
            until: None,
            task: task.address(),
        }
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
            let criteria = shown["criteria"].as_object().into_iter().flatten();
            own.criteria = criteria
                .map(|(name, found)| Criterion {
                    name: name.clone(),
                    holds: found["holds"] == json!(true),
                    why: found["why"].as_str().map(str::to_owned),
                })
                .collect();
        }
        Ok(Some(own))
    }

    /// Says what is waited for, and of whom.
    pub fn what(&self) -> String {
        let kind = match &self.wanted {
            Wanted::Answer(AwaitKind::Signal(name)) => return format!("the signal `{name}`"),
            Wanted::Answer(AwaitKind::Manual) => "work",
            Wanted::Answer(AwaitKind::Approval) => "approval",
            Wanted::Answer(AwaitKind::Form) => "a form",
            Wanted::Answer(AwaitKind::Gate(_)) => "a decision",
            Wanted::Settlement(_) => "a decision what becomes of it",
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
        match &self.wanted {
            Wanted::Answer(AwaitKind::Manual | AwaitKind::Form) => {
                format!("`myrmex done {run}/{path}{data}`")
            }
            Wanted::Answer(AwaitKind::Approval) => {
                format!("`myrmex approve {run}/{path}{data}` or `myrmex reject {run}/{path}`")
            }
            Wanted::Answer(AwaitKind::Signal(name)) => format!("`myrmex runs signal {run} {name}`"),
            Wanted::Answer(AwaitKind::Gate(gate)) => {
                let confirm: Vec<String> =
                    self.checklist.iter().map(|name| format!(" --confirm {name}=EVIDENCE")).collect();
                let others = gate.decisions.iter().filter(|decision| **decision != GateDecision::Go);
                let others: Vec<String> =
                    others.map(|decision| format!(", or `{}`", decision.as_str())).collect();
                let (confirm, others) = (confirm.concat(), others.concat());
                format!("`myrmex project gate {run}/{path} go{confirm}{data}`{others}")
            }
            Wanted::Settlement(_) => {
                format!("`myrmex project decide {run}/{path} retry`, or `skip`, or `abandon`")
            }
        }
    }

    /// Says what else is to be known before an answer: how criteria stand, with what error a task is stuck.
    pub fn beside(&self) -> Option<String> {
        let told = |criterion: &Criterion| match (&criterion.why, criterion.holds) {
            (Some(_), _) => format!("{} has no data", criterion.name),
            (None, true) => format!("{} holds", criterion.name),
            (None, false) => format!("{} does not hold", criterion.name),
        };
        match &self.wanted {
            Wanted::Settlement(fault) => Some(format!("it failed: {fault}")),
            Wanted::Answer(_) if !self.criteria.is_empty() => {
                let criteria: Vec<String> = self.criteria.iter().map(told).collect();
                Some(format!("when it was asked: {}", criteria.join(", ")))
            }
            Wanted::Answer(_) => None,
        }
    }

    /// Builds what programs read of it.
    pub fn json(&self) -> Value {
        let name = match &self.wanted {
            Wanted::Answer(AwaitKind::Signal(name)) => json!(name.as_str()),
            Wanted::Answer(_) | Wanted::Settlement(_) => Value::Null,
        };
        let kind = match &self.wanted {
            Wanted::Answer(kind) => kind.as_str(),
            Wanted::Settlement(_) => "stuck",
        };
        let error = match &self.wanted {
            Wanted::Settlement(error) => Some(error),
            Wanted::Answer(_) => None,
        };
        let criterion = |own: &Criterion| json!({"name": own.name, "holds": own.holds, "why": own.why});
        let criteria: Vec<Value> = self.criteria.iter().map(criterion).collect();
        json!({
            "run": self.run.to_string(), "task": self.task.path(), "kind": kind, "signal": name,
            "error": error, "criteria": criteria, "checklist": self.checklist,
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
