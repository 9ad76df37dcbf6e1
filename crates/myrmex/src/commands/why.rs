//! `myrmex why`: what a run waits for, or one task of it.
//!
//! Everything is read from the store, so it works beside the process that drives the run, and after that one has died. What
//! keeps an attempt from its place is found by the machine that gives places, built anew from the runs that are driven
//! together: the one that was asked for, those above it and those below.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use clap_complete::engine::ArgValueCompleter;
use myrmex_engine::dispatch::{Dispatch, Grant, Ready, Wait, Worker};
use myrmex_engine::run::{Holder, Reason, Run};
use myrmex_model::address::Address;
use myrmex_model::event::{NotBefore, Parent};
use myrmex_model::id::{Attempt, DefinitionHash, Epoch, RunId};
use myrmex_model::name::{Name, Namespace};
use myrmex_model::rank::{Measure, Ranks};
use myrmex_model::time::{Length, Timestamp};
use myrmex_runtime::clock::Clock;
use myrmex_runtime::partition::{Demands, capacities, load_run, most_parallel, waiting};
use myrmex_store::{Reader, RunSummary};
use serde_json::{Value, json};

use super::runs::{find, listed, open_reader};
use crate::asked::Asking;
use crate::clock::DataClock;
use crate::complete;
use crate::driven::Driver;
use crate::exit::{Exit, Failure, FailureCode};
use crate::render::task_path::TaskPath;
use crate::render::{live, summary, time, waits};
use crate::session::{default_slots, print_line};
use crate::settings::Settings;
use crate::workspace::Workspace;
use crate::{descendants, machine, ranking};

/// How many waiting attempts are read at a time.
const PAGE: usize = 1_000;

/// The name of the worker in the machine that is built here.
const WORKER: &str = "local";

/// Say what a run waits for, or one task of it
///
/// Names the tasks before it, the pool or lock and who holds it, the timer, the run in the way. Also of a run that another
/// process works on, and of one that nobody works on.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run's id, or the beginning of it; with `/TASK` one task by its path
    #[arg(value_name = "RUN[/TASK]", add = ArgValueCompleter::new(complete::runs_and_tasks))]
    what: String,

    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// Says what is waited for.
///
/// # Errors
///
/// Returns [`Failure`] if there is no such run or task, or the store cannot be read.
pub fn run(args: &Args, data: Option<&Path>) -> Result<Exit, Failure> {
    let workspace = Workspace::current(data)?;
    let reader = open_reader(&workspace)?;
    let namespace = Namespace::standard();
    let (prefix, task) = match args.what.split_once('/') {
        Some((prefix, task)) => (prefix, Some(task)),
        None => (args.what.as_str(), None),
    };
    let id = find(&reader, &namespace, prefix)?;
    let unknown = || Failure::new(FailureCode::RunId, format!("there is no run {id}"));
    let driver = Driver::of(&workspace)?;
    let header = reader.summary(&namespace, id)?.ok_or_else(unknown)?;
    let is_interrupted = driver.has_left(&reader, &header)?;
    let own = waits::what_for(&reader, &namespace, &header)?;
    let settings = Settings::load_quietly(&workspace.root);
    let clock = DataClock::of(&workspace.data)?;
    let scene = Scene::load(&reader, &namespace, (id, &settings, &clock))?;
    let shown = Shown { id, header, is_interrupted, own, scene };
    let document = match task {
        None => shown.document(),
        Some(path) => shown.task(path)?,
    };
    if args.json {
        print_line(&document)?;
    } else {
        let text = if task.is_some() { task_text(id, &document) } else { run_text(id, &document) };
        let time = match clock {
            DataClock::Real => String::new(),
            DataClock::Virtual { .. } => {
                format!("the virtual clock stands at {}\n", time::instant(clock.now()))
            }
        };
        write!(anstream::stdout(), "{text}{time}").map_err(|error| Failure::output(&error))?;
    }
    Ok(Exit::Success)
}

/// The runs that are driven together, and the machine that gives places to them.
struct Scene {
    runs: BTreeMap<RunId, Run>,
    dispatch: Dispatch,
    full: OnceCell<Option<Dispatch>>,
    now: Timestamp,
}

impl Scene {
    fn load(
        reader: &dyn Reader,
        namespace: &Namespace,
        (id, settings, clock): (RunId, &Settings, &DataClock),
    ) -> Result<Self, Failure> {
        let mut runs = BTreeMap::new();
        let mut top = id;
        while let Some(run) = load_run(reader, namespace, top)? {
            let above = run.parent_run().map(|Parent { run, .. }| *run);
            runs.insert(top, run);
            match above {
                Some(above) if !runs.contains_key(&above) => top = above,
                Some(_) | None => break,
            }
        }
        for below in descendants::open_below(reader, namespace, top)? {
            if !runs.contains_key(&below)
                && let Some(run) = load_run(reader, namespace, below)?
            {
                runs.insert(below, run);
            }
        }
        let since = waiting_since(reader)?;
        let now = clock.now();
        let dispatch = dispatch(&runs, settings, (&since, now), (reader, namespace))?;
        Ok(Self { runs, dispatch, full: OnceCell::new(), now })
    }

    /// The process that drives the runs may have fewer places than there would be here: returns the machine with as many as
    /// are taken; none if none is.
    fn full(&self) -> Option<&Dispatch> {
        let full = self.full.get_or_init(|| {
            let slots = u32::try_from(self.dispatch.places_taken()).unwrap_or(u32::MAX);
            let offer = self.dispatch.worker(&worker_name()).filter(|_| slots > 0)?.clone();
            let mut full = self.dispatch.clone();
            full.set_worker(worker_name(), Some(Worker { slots, ..offer }));
            Some(full)
        });
        full.as_ref()
    }

    /// Returns what keeps a queued task waiting, in words and by kind.
    fn wait(&self, run: RunId, task: &Address, is_interrupted: bool) -> (String, Value) {
        let found = self.dispatch.why(run, task, self.now);
        let found = found.or_else(|| self.full()?.why(run, task, self.now));
        let left = self.dispatch.remaining(run, task);
        match found {
            // Those that had the places do not run either.
            Some(wait @ Wait::Places { .. }) if is_interrupted => {
                ("waited for a place when it stopped".to_owned(), wait_json(run, &wait))
            }
            Some(wait @ Wait::Places { .. }) => {
                let mut why = wait_json(run, &wait);
                why["remaining"] = left.map_or(Value::Null, |(left, measure)| match measure {
                    Measure::Time => json!({"ms": left.0}),
                    Measure::Tasks => json!({"tasks": left.0}),
                });
                (format!("{wait}{}", left.map(remaining_text).unwrap_or_default()), why)
            }
            Some(wait) => (wait.to_string(), wait_json(run, &wait)),
            None if is_interrupted => {
                ("was about to get its place when it stopped".to_owned(), json!({"kind": "place"}))
            }
            None => ("is about to get its place".to_owned(), json!({"kind": "place"})),
        }
    }
}

/// Says how much is left from a task on, by which its place among those of its run is decided.
fn remaining_text((left, measure): (Length, Measure)) -> String {
    match measure {
        Measure::Time => format!("; from it on {} are left of the run", time::elapsed_ms(left.0)),
        Measure::Tasks if left.0 == 1 => "; nothing comes after it".to_owned(),
        Measure::Tasks => format!("; from it on {} tasks are left on the longest way", left.0),
    }
}

/// Says by kind what keeps a task of `run` waiting.
fn wait_json(run: RunId, wait: &Wait) -> Value {
    let task = |ready: &Ready| {
        let path = ready.task.path().into_owned();
        if ready.run == run { json!(path) } else { json!(format!("{}/{path}", ready.run)) }
    };
    match wait {
        Wait::NoWorker { labels, resources } => {
            let resources: BTreeMap<&str, u64> =
                resources.iter().map(|(name, asked)| (name.as_str(), *asked)).collect();
            json!({"kind": "worker", "labels": labels, "resources": resources})
        }
        Wait::Places { taken, before } => json!({"kind": "place", "taken": taken, "before": before}),
        Wait::Resource { resource, asked, used, has, holders, .. } => json!({
            "kind": "resource", "resource": resource.as_str(), "asked": asked, "used": used, "has": has,
            "holders": holders.iter().map(task).collect::<Vec<_>>(),
        }),
        Wait::Pool { pool, asked, used, capacity, holders } => json!({
            "kind": "pool", "pool": pool.as_str(), "asked": asked, "used": used, "capacity": capacity,
            "holders": holders.iter().map(task).collect::<Vec<_>>(),
        }),
        Wait::Lock { lock, holder } => json!({"kind": "lock", "lock": lock, "holders": [task(holder)]}),
        Wait::Run { most } => json!({"kind": "max_parallel", "most": most}),
        Wait::Kept { what, waiter } => json!({"kind": "kept", "what": what, "for": task(waiter)}),
        Wait::Unsafe { holder } => json!({"kind": "deadlock", "holders": [task(holder)]}),
    }
}

fn worker_name() -> Name {
    Name::new(WORKER).expect("it is a name")
}

/// Returns since when attempts wait that are in the queue.
fn waiting_since(reader: &dyn Reader) -> Result<BTreeMap<(RunId, Address), Timestamp>, Failure> {
    let mut since = BTreeMap::new();
    for log in reader.logs()? {
        let mut last = None;
        loop {
            let page = reader.ready(log, last.as_ref(), PAGE)?;
            let Some(end) = page.last().cloned() else { break };
            since.extend(page.into_iter().map(|ready| ((ready.run, ready.task), ready.at)));
            last = Some(end);
        }
    }
    Ok(since)
}

/// Builds the machine that gives places, as the process that drives these runs has it.
fn dispatch(
    runs: &BTreeMap<RunId, Run>,
    settings: &Settings,
    (since, now): (&BTreeMap<(RunId, Address), Timestamp>, Timestamp),
    (reader, namespace): (&dyn Reader, &Namespace),
) -> Result<Dispatch, Failure> {
    let mut demands = Demands::new(reader, namespace);
    // Tokens are only read here: none is given.
    let mut dispatch = Dispatch::new(Epoch(0));
    let supply = machine::supply(settings);
    let slots = settings.worker.slots.unwrap_or_else(default_slots);
    let (labels, resources) = (supply.labels, supply.resources);
    dispatch.set_worker(worker_name(), Some(Worker { slots, labels, resources }));
    let live = || runs.values().filter(|run| !run.status().is_terminal());
    let declared = live().map(|run| &run.definition().pools);
    for (pool, units) in capacities(&settings.pools, declared) {
        dispatch.set_pool(pool, Some(units));
    }
    let mut known: BTreeMap<DefinitionHash, Arc<Ranks>> = BTreeMap::new();
    for run in live() {
        let ranks = known
            .entry(run.definition_hash())
            .or_insert_with(|| Arc::new(ranking::of_definition(reader, namespace, run.definition())));
        dispatch.rank(run.id(), Some((Arc::clone(run.definition()), Arc::clone(ranks))));
        let caller = run.parent_run().filter(|parent| parent.is_awaited);
        let caller = caller.map(|Parent { run, task, .. }| (*run, task.clone()));
        dispatch.nest(run.id(), caller);
        dispatch.limit(run.id(), most_parallel(run.definition()));
        for (task, attempt, token) in run.grants() {
            let (worker, ready) = (Some(worker_name()), waiting(run, task, attempt, now));
            dispatch.adopt(Grant { token, worker, ready }, now);
        }
        for (task, token) in run.holds() {
            let ready = demands.waiting(run, task, Attempt::FIRST, now)?;
            dispatch.adopt(Grant { token, worker: None, ready }, now);
        }
    }
    let mut queued: Vec<Ready> = Vec::new();
    for run in live() {
        for (task, attempt) in run.queued() {
            let at = since.get(&(run.id(), task.clone())).copied().unwrap_or(now);
            queued.push(demands.waiting(run, task, attempt, at)?);
        }
    }
    queued.sort_by_key(|ready| ready.since);
    for ready in queued {
        dispatch.enqueue(ready);
    }
    Ok(dispatch)
}

/// What is shown.
struct Shown {
    id: RunId,
    header: RunSummary,
    is_interrupted: bool,
    /// What the run itself waits for, if it has not begun.
    own: Option<String>,
    scene: Scene,
}

impl Shown {
    fn run(&self) -> Result<&Run, Failure> {
        let unknown = || Failure::new(FailureCode::RunId, format!("there is no run {}", self.id));
        self.scene.runs.get(&self.id).ok_or_else(unknown)
    }

    /// Builds what is said of the run as a whole: its open tasks, each with what it waits for.
    fn document(&self) -> Value {
        let mut tasks = serde_json::Map::new();
        for (task, reason) in self.scene.runs.get(&self.id).map(Run::open_tasks).unwrap_or_default() {
            let address = task.address();
            let (text, why) = self.said(&address, &reason);
            let mut shown = json!({"status": task.status().as_str(), "text": text});
            shown["why"] = why;
            tasks.insert(address.path().into_owned(), shown);
        }
        json!({
            "run": self.id.to_string(),
            "status": self.header.status.as_str(),
            "interrupted": self.is_interrupted,
            "text": self.run_reason(),
            "tasks": tasks,
        })
    }

    /// Says in words what keeps the run as a whole; nothing if only its tasks do.
    fn run_reason(&self) -> Option<String> {
        if self.header.status.is_terminal() {
            let fault = self.header.fault.as_ref().map(|fault| format!(": {fault}")).unwrap_or_default();
            return Some(format!("is over, {}{fault}", self.header.status));
        }
        if self.is_interrupted {
            let run = summary::short(self.id);
            return Some(format!("was interrupted, nobody works on it: `myrmex runs resume {run}` goes on"));
        }
        self.own.clone()
    }

    fn reason(&self, task: &Address) -> (String, Value) {
        match self.scene.runs.get(&self.id).and_then(|run| run.why(task)) {
            Some(reason) => self.said(task, &reason),
            None => ("was not reached".to_owned(), json!({"kind": "unreached"})),
        }
    }

    fn said(&self, task: &Address, reason: &Reason) -> (String, Value) {
        if let Some(text) = text_when_stopped(reason).filter(|_| self.is_interrupted) {
            return (text, reason_json(reason));
        }
        match reason {
            Reason::Awaited => self.asked(task).unwrap_or_else(|| (text(reason), reason_json(reason))),
            Reason::Queued => self.scene.wait(self.id, task, self.is_interrupted),
            Reason::Ended(_)
            | Reason::Upstream(_)
            | Reason::Order(_)
            | Reason::Lag { .. }
            | Reason::Held(_)
            | Reason::Postponed { .. }
            | Reason::Bounded { .. }
            | Reason::Around(_)
            | Reason::Runs(_)
            | Reason::Pause { .. }
            | Reason::Timer(_)
            | Reason::Decision
            | Reason::Child(_)
            | Reason::Inside(_)
            | Reason::Undecided => (text(reason), reason_json(reason)),
        }
    }

    /// Says who may answer a task, and what they type.
    fn asked(&self, task: &Address) -> Option<(String, Value)> {
        let run = self.scene.runs.get(&self.id)?;
        let asking = Asking::of(run, &run.task(task)?)?;
        let mut why = asking.json();
        why["how"] = json!(asking.how());
        let kind = if why["signal"].is_null() { "people" } else { "signal" };
        why["asked"] = std::mem::replace(&mut why["kind"], json!(kind));
        Some((format!("waits for {}: {}", asking.what(), asking.how()), why))
    }

    /// Builds what is said of one task.
    fn task(&self, path: &str) -> Result<Value, Failure> {
        let run = self.run()?;
        let wanted = TaskPath::new(path);
        let tasks = summary::last_runs(run);
        let by_address = run.tasks().find(|task| wanted.is(task.address().as_str()));
        let by_path = || tasks.iter().find(|(known, _)| wanted.is(known)).map(|(_, task)| *task);
        let (path, status, (said, why)) = if let Some(task) = by_address.or_else(by_path) {
            let address = task.address();
            (address.path().into_owned(), task.status().as_str(), self.reason(&address))
        } else if let Some(reason) = not_begun(run, path) {
            (path.to_owned(), "pending", reason)
        } else {
            let known = summary::paths(run);
            let Some(found) = known.iter().find(|known| wanted.is(known)) else {
                let message = format!("run {} has no task `{path}`", self.id);
                let hint = format!("its tasks are {}", listed(&known));
                return Err(Failure::new(FailureCode::RunId, message).with_hint(hint));
            };
            (found.clone(), "pending", unreached(run, found))
        };
        Ok(json!({
            "run": self.id.to_string(),
            "task": path,
            "status": status,
            "interrupted": self.is_interrupted,
            "run_text": self.run_reason(),
            "text": said,
            "why": why,
        }))
    }
}

/// Says what a task waits for that was never reached: the nearest around it that was tells.
fn unreached(run: &Run, path: &str) -> (String, Value) {
    let mut around = path;
    while let Some((outer, _)) = around.rsplit_once('/') {
        around = outer;
        let reached = run.tasks().filter(|task| task.address().path() == around).last();
        if let Some(reason) = reached.and_then(|task| run.why_unreached(&task.address())) {
            return (text(&reason), reason_json(&reason));
        }
    }
    match run.why_unreached(&Address::root()) {
        Some(reason) => (text(&reason), reason_json(&reason)),
        None => ("was not reached".to_owned(), json!({"kind": "unreached"})),
    }
}

/// Says why an item of a `for_each` over a list is not known yet; none if `path` names no such item.
fn not_begun(run: &Run, path: &str) -> Option<(String, Value)> {
    let (each, key) = path.strip_suffix(']')?.rsplit_once('[')?;
    let each = TaskPath::new(each);
    let each =
        run.tasks().filter(|task| each.names(&task.address()) && !task.status().is_terminal()).last()?;
    let (begun, count) = (each.items().count(), each.item_count());
    let index: usize = key.parse().ok()?;
    let is_list = each.items().next().is_none_or(|first| first.address().path().ends_with("[0]"));
    let text = format!("has not begun: items begin in order, {begun} of {count} have");
    let why = json!({"kind": "items", "begun": begun, "count": count});
    (is_list && (begun..count).contains(&index)).then_some((text, why))
}

/// Says a reason in words, as what follows the name of the task.
fn text(reason: &Reason) -> String {
    match reason {
        Reason::Ended(status) => format!("is over, {status}"),
        Reason::Upstream(tasks) => format!("waits for {}", named(tasks)),
        Reason::Order(task) => format!("comes after {}", quoted(task)),
        Reason::Lag { from, due } => format!("waits until {due}, the time after {}", quoted(from)),
        Reason::Held(holders) => held_text(holders),
        Reason::Postponed { until, because } => {
            format!("waits until {until}, {}", live::not_before(because))
        }
        Reason::Bounded { scope, most } if scope.is_root() => {
            format!("waits: {most} tasks are under way, as many as the run may (`max_parallel`)")
        }
        Reason::Bounded { scope, most } => {
            format!("waits: {most} in {} are under way, as many as may (`max_parallel`)", quoted(scope))
        }
        Reason::Around(scope) if scope.is_root() => "waits for the run to begin".to_owned(),
        Reason::Around(scope) => format!("waits for {}, around it, to begin", quoted(scope)),
        Reason::Queued => "waits for a place".to_owned(),
        Reason::Runs(attempt) => format!("runs, attempt {attempt}"),
        Reason::Pause { attempt, due } => format!("waits until {due}, then comes attempt {attempt}"),
        Reason::Timer(due) => format!("waits until {due}"),
        Reason::Awaited => "waits for people".to_owned(),
        Reason::Decision => "is stuck: somebody has to decide what becomes of it".to_owned(),
        Reason::Child(run) => format!("waits for run {}, which it called", summary::short(*run)),
        Reason::Inside(tasks) if tasks.is_empty() => "is about to end".to_owned(),
        Reason::Inside(tasks) => format!("waits for {}, inside it", named(tasks)),
        Reason::Undecided => "is about to be decided".to_owned(),
    }
}

/// Says a reason of a run that nobody works on, if it is another one then: what was under way when the run stopped.
fn text_when_stopped(reason: &Reason) -> Option<String> {
    match reason {
        Reason::Runs(attempt) => Some(format!("was running when it stopped, attempt {attempt}")),
        Reason::Inside(tasks) if tasks.is_empty() => Some("was about to end when it stopped".to_owned()),
        Reason::Undecided => Some("was about to be decided when it stopped".to_owned()),
        Reason::Ended(_)
        | Reason::Upstream(_)
        | Reason::Order(_)
        | Reason::Lag { .. }
        | Reason::Held(_)
        | Reason::Postponed { .. }
        | Reason::Bounded { .. }
        | Reason::Around(_)
        | Reason::Queued
        | Reason::Pause { .. }
        | Reason::Timer(_)
        | Reason::Awaited
        | Reason::Decision
        | Reason::Child(_)
        | Reason::Inside(_) => None,
    }
}

fn reason_json(reason: &Reason) -> Value {
    let paths = |tasks: &[Address]| tasks.iter().map(|task| task.path().into_owned()).collect::<Vec<_>>();
    match reason {
        Reason::Ended(status) => json!({"kind": "ended", "status": status.as_str()}),
        Reason::Upstream(tasks) => json!({"kind": "upstream", "tasks": paths(tasks)}),
        Reason::Order(task) => json!({"kind": "order", "tasks": [task.path()]}),
        Reason::Lag { from, due } => json!({"kind": "lag", "tasks": [from.path()], "due": due.to_string()}),
        Reason::Held(holders) => {
            let link = |holder: &Holder| json!({"task": holder.task.path(), "due": holder.due.map(|due| due.to_string())});
            json!({"kind": "held", "links": holders.iter().map(link).collect::<Vec<_>>()})
        }
        Reason::Postponed { until, because } => {
            let mut why =
                json!({"kind": "postponed", "until": until.to_string(), "because": because.as_str()});
            if let NotBefore::Calendar(name) = because {
                why["calendar"] = json!(name.as_str());
            }
            why
        }
        Reason::Bounded { scope, most } => {
            json!({"kind": "max_parallel", "scope": scope.path(), "most": most})
        }
        Reason::Around(scope) => json!({"kind": "around", "tasks": [scope.path()]}),
        Reason::Queued => json!({"kind": "place"}),
        Reason::Runs(attempt) => json!({"kind": "runs", "attempt": attempt.0}),
        Reason::Pause { attempt, due } => {
            json!({"kind": "retry", "attempt": attempt.0, "due": due.to_string()})
        }
        Reason::Timer(due) => json!({"kind": "timer", "due": due.to_string()}),
        Reason::Awaited => json!({"kind": "people"}),
        Reason::Decision => json!({"kind": "decision"}),
        Reason::Child(run) => json!({"kind": "child", "run": run.to_string()}),
        Reason::Inside(tasks) => json!({"kind": "inside", "tasks": paths(tasks)}),
        Reason::Undecided => json!({"kind": "undecided"}),
    }
}

/// Says which links hold back the end of a task: those into which a lag runs with its end.
fn held_text(holders: &[Holder]) -> String {
    let said = holders.iter().map(|holder| match holder.due {
        Some(due) => format!("{} (until {due})", quoted(&holder.task)),
        None => quoted(&holder.task),
    });
    let said: Vec<String> = said.collect();
    format!("waits with its end for {}", said.join(", "))
}

fn quoted(task: &Address) -> String {
    format!("`{}`", task.path())
}

fn named(tasks: &[Address]) -> String {
    let paths: Vec<String> = tasks.iter().map(|task| task.path().into_owned()).collect();
    listed(&paths)
}

fn run_text(id: RunId, document: &Value) -> String {
    let run = summary::short(id);
    let said = match document["text"].as_str() {
        Some(reason) => format!("run {run} {reason}\n"),
        None => format!("run {run} is {}\n", document["status"].as_str().unwrap_or_default()),
    };
    let tasks = document["tasks"].as_object().into_iter().flatten();
    let lines = tasks.map(|(path, task)| format!("`{path}` {}\n", waits_for(task)));
    std::iter::once(said).chain(lines).collect()
}

fn task_text(id: RunId, document: &Value) -> String {
    let path = document["task"].as_str().unwrap_or_default();
    let said = format!("`{path}` {}\n", waits_for(document));
    match document["run_text"].as_str() {
        Some(reason) => format!("{said}run {} {reason}\n", summary::short(id)),
        None => said,
    }
}

/// What keeps an attempt from its place is said without a verb.
fn waits_for(task: &Value) -> String {
    let said = task["text"].as_str().unwrap_or_default();
    let is_wait = matches!(
        task["why"]["kind"].as_str(),
        Some("worker" | "resource" | "pool" | "lock" | "kept" | "deadlock" | "place" | "max_parallel")
    );
    let has_verb = ["waits", "waited", "is ", "was "].iter().any(|verb| said.starts_with(verb));
    if is_wait && !has_verb { format!("waits: {said}") } else { said.to_owned() }
}
